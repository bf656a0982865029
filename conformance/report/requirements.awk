# Makes rules.inc of VENDOR_GUIDE.md: RULE("REQ-...", "rule", "what happens if it is broken") for each row of its tables.
# \| inside a cell is a bar; what C would take for more than text is escaped.
function quoted(text,    i, c, out) {
    gsub(/^[ \t]+|[ \t]+$/, "", text)
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        out = out (c == "\001" ? "|" : index("\"\\?", c) ? "\\" c : c)
    }
    return "\"" out "\""
}
/^\| *REQ-[A-Z]+-[0-9]+ *\|/ {
    line = $0
    gsub(/\\\|/, "\001", line)
    split(line, cells, "|")
    printf "RULE(%s, %s, %s)\n", quoted(cells[2]), quoted(cells[3]), quoted(cells[4])
}
