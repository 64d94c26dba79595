/* svg.h: writes a terminal's screen as an SVG picture: a grid of monospaced cells with their colours. */
#ifndef JETBASE_TESTS_SVG_H
#define JETBASE_TESTS_SVG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { SVG_CHARS = 6 };

/* A colour; not given: the terminal's own. */
struct svg_colour {
    bool given;
    uint8_t red, green, blue;
};

/* One cell. */
struct svg_cell {
    uint32_t chars[SVG_CHARS];  /* a character and what combines with it; the first one 0: blank */
    int width;                  /* columns: 1, 2, or 0 for the right half of a wide character */
    bool bold, reverse, underline;
    struct svg_colour fg, bg;
};

/* Writes rows x cols cells, row by row. The title is told to who can't see the picture. False: it could not be written. */
bool svg_write(FILE *out, const struct svg_cell *cells, int rows, int cols, const char *title);

#endif
