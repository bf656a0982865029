"""check_page.py TOOL FOLDER: draws pages in headless Chromium at the width of a phone and of a desk, light and dark, and
finds what sticks out. Screenshots stay in FOLDER.

Exits with 77 where there is no Chromium: the test is skipped. ci/setup.sh --checks installs it.
"""
import html
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# Kind of records, width in CSS pixels, dark.
DRAWN = [("mixed", 1200, False), ("mixed", 360, True), ("good", 360, False), ("good", 1200, True), ("hostile", 320, False)]
TALLEST = 16000

# What the page tells of itself, to the page that holds it: a frame has any width, a window at least 500.
PROBE = """<script>addEventListener('load', () => {
  const width = document.documentElement.clientWidth, out = [];
  for (const e of document.body.querySelectorAll('*')) {
    const box = e.getBoundingClientRect();
    const hidden = getComputedStyle(e.closest('thead') || e).clipPath !== 'none' || e.classList.contains('skip');
    if (box.width && !hidden && (box.right > width + 1 || box.left < -1)) out.push(e.tagName + '.' + e.className);
  }
  const ratio = (a, b) => (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  const light = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => x / 255).map(x => x <= .04045 ? x / 12.92 :
    ((x + .055) / 1.055) ** 2.4); return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
  const back = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (!c.endsWith(', 0)')) return c; } return 'rgb(255, 255, 255)'; };
  const dim = [];
  for (const e of document.body.querySelectorAll('*'))
    if ([...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && !e.closest('.skip')) {
      const r = ratio(light(getComputedStyle(e).color), light(back(e)));
      if (r < 4.5) dim.push(e.tagName + '.' + e.className + ' ' + r.toFixed(2));
    }
  parent.postMessage({scroll: document.documentElement.scrollWidth, width, height: document.documentElement.scrollHeight,
    out: out.slice(0, 5), dim: dim.slice(0, 5), alerts: window.alerts || 0}, '*');
});</script>"""

FRAME = """<!DOCTYPE html><meta name="color-scheme" content="{scheme}"><style>body{{margin:0}}iframe{{border:0;display:block}}</style>
<iframe id="f" width="{width}" height="{height}" style="color-scheme:{scheme}" src="{page}"></iframe>
<script>addEventListener('message', m => {{ document.title = JSON.stringify(m.data); }});</script>"""

tool, folder = sys.argv[1], pathlib.Path(sys.argv[2])
browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if not browser:
    print("skipped: there is no Chromium; ci/setup.sh --checks installs it")
    sys.exit(77)
wrong = []


def check(holds, what):
    if not holds:
        wrong.append(what)
        print("FAILED:", what)


def run_browser(page, width, height, dark, *options):
    with tempfile.TemporaryDirectory() as profile:
        return subprocess.run(
            [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
             "--disable-background-networking", "--disable-component-update", "--no-first-run", f"--user-data-dir={profile}",
             f"--window-size={max(width, 500)},{height}", f"--blink-settings=preferredColorScheme={0 if dark else 1}",
             "--virtual-time-budget=3000", *options, page.absolute().as_uri()],
            check=True, capture_output=True, text=True, timeout=120).stdout


def frame_of(page, width, height, dark):
    frame = page.with_suffix(".frame.html")
    frame.write_text(FRAME.format(width=width, height=height, page=page.name, scheme="dark" if dark else "light"))
    return frame


def measure(page, width, dark):
    """The page with a probe in it, in a frame of that width. Its own policy allows no script: that is taken out here."""
    text = page.read_text(encoding="utf-8")
    policy = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>\n')
    check(policy.search(text), f"{page.name}: no policy against scripts and resources")
    probed = page.with_suffix(".probe.html")
    alarm = "<script>window.alerts = 0; window.alert = () => { window.alerts++; };</script>"
    probed.write_text(policy.sub("", text).replace("</head>", alarm + PROBE + "</head>", 1), encoding="utf-8")
    frame = frame_of(probed, width, 1000, dark)
    dom = run_browser(frame, width, 1000, dark, "--dump-dom")
    title = re.search(r"<title>(.*?)</title>", dom, re.S)
    probed.unlink()
    frame.unlink()
    return json.loads(html.unescape(title.group(1))) if title else None


def draw(kind, width, dark):
    page = folder / f"{kind}.html"
    name = f"{kind}-{width}{'-dark' if dark else ''}"
    subprocess.run([tool, "make", kind, folder / f"{kind}.jsonl", tool], check=True)
    subprocess.run([tool, "report", "html", folder / f"{kind}.jsonl", "-o", page], check=True)
    told = measure(page, width, dark)
    check(told, f"{name}: the page tells nothing")
    if not told:
        return
    check(told["scroll"] <= told["width"] == width, f"{name}: {told['scroll']} pixels wide")
    check(not told["out"], f"{name}: sticks out: {told['out']}")
    check(not told["dim"], f"{name}: contrast below 4.5: {told['dim']}")
    check(not told["alerts"], f"{name}: a script of the records ran")
    height = min(told["height"], TALLEST)
    frame = frame_of(page, width, height, dark)
    picture = folder / f"{name}.png"
    run_browser(frame, width, height, dark, f"--screenshot={picture.absolute()}")
    frame.unlink()
    check(picture.exists() and picture.stat().st_size > 10000, f"{name}: no picture")


folder.mkdir(parents=True, exist_ok=True)
for one in DRAWN:
    draw(*one)
print(f"{len(DRAWN)} pages drawn in {folder}, {len(wrong)} findings")
sys.exit(1 if wrong else 0)
