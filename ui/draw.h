/* draw.h: the picture of a screen, cell by cell, in memory. Panes and dialogs draw into it; only terminal.c shows it. */
#ifndef JETBASE_UI_DRAW_H
#define JETBASE_UI_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a piece of text means; terminal.c chooses colours and attributes. */
enum style {
    STYLE_NORMAL,
    STYLE_BOLD,
    STYLE_DIM,
    STYLE_HEADER,       /* reverse */
    STYLE_FRAME,
    STYLE_FRAME_FOCUS,  /* the bright frame */
    STYLE_CHOSEN,       /* the chosen row of the pane that has the focus */
    STYLE_GOOD,
    STYLE_WARN,
    STYLE_BAD,
    STYLE_COUNT
};

enum { CELL_MARKS = 2 }; /* a letter with more accents than that loses the rest */

/* One cell. ch 0: the right half of a wide character. */
struct cell {
    uint32_t ch;
    uint32_t marks[CELL_MARKS]; /* what is drawn over it: accents and the like; 0 none */
    enum style style;
};

/* A picture. Zero-initialise; free with canvas_free(). */
struct canvas {
    int rows, cols;
    struct cell *cells;
};

struct rect {
    int row, col, rows, cols;
};

/* Sets the size and empties the picture. False where memory ran out; it then has no rows. */
bool canvas_reset(struct canvas *canvas, int rows, int cols);
/* Frees and zeroes. */
void canvas_free(struct canvas *canvas);
/* True where both show the same. */
bool canvas_same(const struct canvas *a, const struct canvas *b);
/* The text of one row as UTF-8 (cut to size), for tests and copies. */
void canvas_row(const struct canvas *canvas, int row, char *to, size_t size);

/* Chooses the ASCII fall-back: lines and marks become ASCII, other characters '?'. Holds for the whole program. */
void draw_use_ascii(bool ascii);
/* One character as UTF-8. */
void draw_utf8(uint32_t ch, char to[5]);
/* How many columns the text takes on the screen. Control bytes count as one ('?'). */
int draw_columns(const char *text);
/* How many bytes of the text fit into `cols` columns. */
size_t draw_fit(const char *text, int cols);
/* Draws at most `cols` columns; what is longer ends in "…". Returns the columns used. What lies outside the picture is left out. */
int draw_text(struct canvas *canvas, int row, int col, int cols, enum style style, const char *text);
/* The same, ending at column col + cols. */
void draw_right(struct canvas *canvas, int row, int col, int cols, enum style style, const char *text);
/* Fills `cols` cells with blanks of that style. */
void draw_fill(struct canvas *canvas, int row, int col, int cols, enum style style);
/* Gives cells that are already drawn another style. */
void draw_restyle(struct canvas *canvas, int row, int col, int cols, enum style style);
/* Draws a frame with its title in the top line, and empties what is inside. */
void draw_frame(struct canvas *canvas, struct rect at, enum style style, const char *title);
/* Draws the line that parts a frame in two: ├title──┤. */
void draw_divider(struct canvas *canvas, int row, int col, int cols, enum style style, const char *title);

#endif
