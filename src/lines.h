/* lines.h: Jetbase's line rules: blanks, comments, the rollback marker, directives. Lines end at LF, CR or CRLF. */
#ifndef JETBASE_LINES_H
#define JETBASE_LINES_H

#include <stdbool.h>
#include <stddef.h>

/* The length in bytes (1 to 3) of the blank, as Python's str.strip() knows blanks (NBSP and other Unicode ones too), that s begins with; 0 for anything else. */
size_t line_blank(const char *s, size_t len);

/* Moves *at and *len so that neither end is a blank. */
void line_strip(const char **at, size_t *len);

/* The length without the blanks at the end. */
size_t line_rstrip(const char *at, size_t len);

/* True where a stripped line is a comment: it begins with `--`. */
bool line_is_comment(const char *at, size_t len);

/* What is known of a line that may be the rollback marker. */
enum line_marker { LINE_OTHER, LINE_MARKER, LINE_CUT };

/* Whether the line at s is the marker (`--`, blanks, `rollback` in any case, nothing else). s holds `len` bytes from the line's first byte on, not stripped, perhaps with more lines behind it; at_end: no more bytes follow these. LINE_CUT: more bytes are needed to tell. */
enum line_marker line_marker(const char *s, size_t len, bool at_end);

/* True where a stripped line is Jetbase's `-- jetbase: delimiter=X`; *value and *value_len get X, stripped. */
bool line_delimiter(const char *at, size_t len, const char **value, size_t *value_len);

/* True where a stripped line is `-- jetbase: NAME` or `-- jetbase: NAME=VALUE` (blanks around `=` allowed). An absent name or value has length 0; *value is NULL where there is no `=`. */
bool line_directive(const char *at, size_t len, const char **name, size_t *name_len, const char **value, size_t *value_len);

/* The length of the line at s, of which len bytes are at hand, without its end (LF or CR); len where it does not end there. */
size_t line_length(const char *s, size_t len);

#endif
