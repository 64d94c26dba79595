/* sheet.h: lines of text with a left and a right end, as panes and dialogs fill them. */
#ifndef JETBASE_UI_SHEET_H
#define JETBASE_UI_SHEET_H

#include <stdbool.h>
#include <stddef.h>

#include "draw.h"

struct sheet_line {
    char *left, *right;       /* right MAY be NULL */
    enum style left_style, right_style;
};

/* A growing list of lines, `width` columns wide. All text is made visible (text_visible) on its way in. Initialise with its width; free with sheet_free(). */
struct sheet {
    struct sheet_line *lines;
    size_t count, cap;
    int width;
    bool failed;              /* memory ran out: lines are missing */
};

/* Adds one line; what is too long is cut when it is drawn. */
void sheet_line(struct sheet *sheet, enum style style, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Adds a line with a right end; where both do not fit beside each other, the right end gets a line of its own. */
void sheet_pair(struct sheet *sheet, enum style left_style, const char *left, enum style right_style, const char *right);
/* Adds text broken at blanks; lines after the first begin with `indent` blanks. Line ends in the text begin a new line. */
void sheet_wrap(struct sheet *sheet, enum style style, int indent, const char *text);
/* Draws lines from `first` on into the rectangle. */
void sheet_draw(const struct sheet *sheet, struct canvas *canvas, struct rect at, size_t first);
/* Frees and zeroes all but the width. */
void sheet_free(struct sheet *sheet);

#endif
