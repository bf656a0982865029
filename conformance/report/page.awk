# Makes C string literals of a text, one a line and element: what the page carries of its style.
/^[ \t]*$/ { next }
{
    out = ""
    sub(/^[ \t]+/, "")
    for (i = 1; i <= length($0); i++) {
        c = substr($0, i, 1)
        out = out (index("\"\\?", c) ? "\\" c : c)
    }
    printf "\"%s\\n\",\n", out
}
