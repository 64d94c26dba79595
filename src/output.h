/* output.h: what a command says: results on standard output, errors and warnings on standard error, as text or as JSON. */
#ifndef JETBASE_OUTPUT_H
#define JETBASE_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>

#include "error.h"

/* Where it goes and how. */
struct output {
    FILE *out, *err;
    bool json, quiet, verbose;
    bool colour;          /* standard output is a terminal that shows colours */
    bool terminal;        /* standard output is a terminal */
    bool rewritable;      /* standard error is a terminal on which a line can be written over */
    bool live;            /* such a line stands there now */
    unsigned width;       /* columns of standard output: COLUMNS, the terminal, else 80 */
    bool failure_told;    /* the error of this command has been printed */
    int write_errno;      /* why standard output could not be written, 0 unknown */
};

/* Gives closed standard descriptors a harmless file, so that no database is ever opened under their numbers. */
void output_guard(void);
/* Looks at the terminal and the environment. out, err: usually stdout, stderr. */
void output_open(struct output *o, FILE *out, FILE *err);
/* Flushes. Returns `code`, or 1 where that is 0 and standard output could not be written (said on standard error). */
int output_close(struct output *o, int code);

/* Writes out what is buffered for standard output; a failure is told by output_close. */
void output_flush(struct output *o);

/* A sentence about what is done, on standard output at once; left out by --quiet and --json. */
void output_say(struct output *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line of what was asked for, on standard output; left out by --json alone. */
void output_print(struct output *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same in a colour ("33") where the terminal has colours. */
void output_coloured(struct output *o, const char *style, const char *line);
/* A line on standard error: "warning: …", "note: …" (left out by --quiet), or what --verbose alone shows. The text must be safe to show. */
void output_warn(struct output *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
void output_note(struct output *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
void output_detail(struct output *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line on standard error as it is; left out by --quiet. */
void output_beside(struct output *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Where standard error is rewritable: its last line becomes head and rest, with head cut where both do not fit. It has no end: whatever is said next, and output_live_end(), takes it away. Both must be safe to show. Elsewhere, and with --quiet, nothing. */
void output_live(struct output *o, const char *head, const char *rest);
/* Takes it away, where it stands. */
void output_live_end(struct output *o);
/* Warns once for each line of a text, "…\n…\n" or NULL; it must be safe to show. */
void output_warn_lines(struct output *o, const char *lines);
/* Prints an error as text: place, message, source line with caret, DETAIL, CONTEXT, HINT, state, what next. */
void output_error_text(struct output *o, const struct error *err);

/* "240 ms", "1.2 s", "4 min 12 s", "2 h 05 min", "3 d 5 h"; "?" below 0. */
void output_age(double age_s, char *to, size_t size);

/* "2026-11-26 18:30:12 IST": what stands as RFC 3339 UTC, in local time with its zone; anything else as it is, made safe. */
void output_when(const char *utc, char *to, size_t size);

/* "18:30:12 IST" */
void output_clock(int64_t wall_us, char *to, size_t size);

/* How many columns of a terminal the first `len` bytes take (wide characters two). The text must be safe to show. */
unsigned output_columns(const char *text, size_t len);

/* ---- tables (output_table.c) ---- */
struct table_column {
    const char *title;
    const char *style;   /* terminal colour of its cells: "36" */
    bool no_wrap;        /* never folded to the next line */
};

/* Prints a table as rich does: a box with a heavy header, its title centred over it, at most o->width wide. cells: rows times columns strings, row by row; they need not be safe to show. With --json nothing. False: ERR_NO_MEMORY. */
bool output_table(struct output *o, const char *title, const struct table_column *columns, size_t column_count, const char *const *cells, size_t rows, struct error *err);

/* The same for what Jetbase has no table of: as a box on a terminal; elsewhere without title and box, a line for each row, below one of the columns' names, nothing folded or cut. */
bool output_rows(struct output *o, const char *title, const struct table_column *columns, size_t column_count, const char *const *cells, size_t rows, struct error *err);

#endif
