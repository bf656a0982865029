"""check_formats.py TOOL FOLDER: JUnit through junitparser, the page through html5lib, JSON, for records of many kinds.

Exits with 77 where a package is missing: the test is skipped. ci/setup.sh --checks installs them into a folder of
PYTHONPATH, and leaves a file `wanted` there: where that is, a missing package is a failure.
"""
import json
import os
import pathlib
import subprocess
import sys

try:
    import html5lib
    import junitparser
except ImportError as missing:
    wanted = any(pathlib.Path(entry, "wanted").exists() for entry in os.environ.get("PYTHONPATH", "").split(":") if entry)
    print(f"{'FAILED' if wanted else 'skipped'}: {missing}; ci/setup.sh --checks installs it")
    sys.exit(1 if wanted else 77)

KINDS = ["good", "mixed", "large", "all-fail", "hostile", "no-rows", "refused", "unended", "one-run", "filtered",
         "wedged", "disagree", "lacking"]
ELEMENTS = set("""html head meta title style body a header main footer section nav div p span ul li h1 h2 h3 pre code
    strong b br small dl dt dd table caption thead tbody tfoot tr th td details summary svg rect path circle""".split())
SKIPPED = {"not applicable", "known failure"}
FAILURES = {"fail", "runs disagree", "unexpected pass"}
XHTML, SVG = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2000/svg}"

tool, folder = sys.argv[1], pathlib.Path(sys.argv[2])
wrong = []


def check(holds, what):
    if not holds:
        wrong.append(what)
        print("FAILED:", what)


def made(kind, form, *options):
    out = folder / f"{kind}.{form}"
    subprocess.run([tool, "report", form, folder / f"{kind}.jsonl", "-o", out, *options], check=True)
    return out


def check_junit(kind, path, document):
    suites = junitparser.JUnitXml.fromfile(str(path))
    outcomes = [row["outcome"] for row in document["rows"]]
    fails = document["verdict"] not in ("conformant", "passed")
    cases = [case for suite in suites for case in suite]
    check(suites.tests == len(cases) == len(outcomes) + 1, f"{kind}: JUnit has {suites.tests} tests")
    check(suites.skipped == sum(o in SKIPPED for o in outcomes), f"{kind}: {suites.skipped} skipped")
    check(suites.failures == sum(o in FAILURES for o in outcomes) + fails, f"{kind}: {suites.failures} failures")
    check(suites.failures + suites.errors + suites.skipped + sum(o == "pass" for o in outcomes) + (not fails)
          == suites.tests, f"{kind}: JUnit's numbers do not add up")
    for suite in suites:
        counted = suite.tests, suite.failures, suite.errors, suite.skipped
        suite.update_statistics()
        check(counted == (suite.tests, suite.failures, suite.errors, suite.skipped), f"{kind}: suite {suite.name}")
    names = [(case.classname, case.name) for case in cases]
    check(len(set(names)) == len(names), f"{kind}: two test cases have one name")


def check_links(kind, tree):
    ids = [e.get("id") for e in tree.iter() if e.get("id")]
    check(len(ids) == len(set(ids)), f"{kind}: ids are not unique")
    for element in tree.iter():
        for key in ("src", "href", "action", "data", "xlink:href", "poster", "background"):
            value = element.get(key)
            check(value is None or value[1:] in ids, f"{kind}: a link to {value}")
        for key in ("aria-labelledby",):
            check(element.get(key) is None or element.get(key) in ids, f"{kind}: {key} of no element")
        check(not any(key.startswith("on") for key in element.keys()), f"{kind}: an event handler")


def check_page(kind, path):
    text = path.read_text(encoding="utf-8")
    try:
        tree = html5lib.HTMLParser(strict=True).parse(text)
    except html5lib.html5parser.ParseError as error:
        check(False, f"{kind}: the page is no valid HTML: {error}")
        return
    tags = {str(e.tag).replace(XHTML, "").replace(SVG, "") for e in tree.iter()}
    check(tags <= ELEMENTS, f"{kind}: elements {tags - ELEMENTS}")
    check(tree.get("lang") == "en", f"{kind}: no language")
    check(any(e.get("name") == "viewport" for e in tree.iter(XHTML + "meta")), f"{kind}: no viewport")
    check("url(" not in text and "@import" not in text, f"{kind}: the style fetches something")
    headings = [int(str(e.tag)[-1]) for e in tree.iter() if str(e.tag)[-2:] in ("h1", "h2", "h3")]
    check(headings[:1] == [1] and headings.count(1) == 1, f"{kind}: no single h1 comes first")
    check(all(b <= a + 1 for a, b in zip(headings, headings[1:])), f"{kind}: a level of headings is left out")
    for table in tree.iter(XHTML + "table"):
        check(all(th.get("scope") for th in table.iter(XHTML + "th")), f"{kind}: a header cell without scope")
    for svg in tree.iter(SVG + "svg"):
        check(svg.get("aria-hidden") == "true" or (svg.get("role") == "img" and svg.get("aria-label")),
              f"{kind}: a drawing without words")
    check_links(kind, tree)


def check_kind(kind):
    subprocess.run([tool, "make", kind, folder / f"{kind}.jsonl", tool], check=True)
    document = json.loads(made(kind, "json").read_bytes().decode("utf-8"))
    if "times" in document:
        check(list(document)[-2:] == ["times", "environment"], f"{kind}: times and environment come last")
    stable = json.loads(made(kind, "json", "--stable").read_text(encoding="utf-8"))
    check("times" not in stable and "environment" not in stable, f"{kind}: --stable leaves times out")
    check_junit(kind, made(kind, "junit"), document)
    check_page(kind, made(kind, "html"))


folder.mkdir(parents=True, exist_ok=True)
for one in KINDS:
    check_kind(one)
print(f"{len(KINDS)} kinds of records, {len(wrong)} findings")
sys.exit(1 if wrong else 0)
