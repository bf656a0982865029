/* Text for the formats that are written. All texts of records count as hostile: any characters, of any length. */
#ifndef TENON_REPORT_WORDS_H
#define TENON_REPORT_WORDS_H

#include <stdint.h>

#include "support/text.h"

/* For XML and HTML, content and attributes in quotes alike: the five characters as entities, and what no document may
 * hold - control characters but tab and line feed, bytes that are not UTF-8, non-characters - as \xNN. */
void report_xml(tenon__text *out, const char *text);

/* The same for at most `length` bytes of it. */
void report_xml_part(tenon__text *out, const char *text, size_t length);

/* A JSON string with its quotes. */
void report_json(tenon__text *out, const char *text);

/* Markdown of one line to HTML: `code`; anything else is text. */
void report_markdown(tenon__text *out, const char *text);

/* "1,234,567" and "12.3 ms", each into one of eight buffers in turn. */
const char *report_count(uint64_t number);
const char *report_time(uint64_t nanoseconds);
/* An error in units of its bound: "0.83", "1.2e+05", "not finite"; "exact" for 0. */
const char *report_error(double error);

#endif
