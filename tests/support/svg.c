/* svg.c: writes a terminal's screen as an SVG picture. */
#include "svg.h"

#include <string.h>

enum { CELL_W = 9, CELL_H = 18, BASELINE = 14, FONT = 15, MARGIN = 9 };

/* The terminal's own colours in the picture. */
static const struct svg_colour ink = { true, 0xd8, 0xd8, 0xd8 }, paper = { true, 0x1c, 0x1c, 0x1c };

static bool same_colour(struct svg_colour a, struct svg_colour b)
{
    return a.given == b.given && (!a.given || (a.red == b.red && a.green == b.green && a.blue == b.blue));
}

static struct svg_colour ink_of(const struct svg_cell *c)
{
    struct svg_colour colour = c->reverse ? c->bg : c->fg;
    return colour.given ? colour : c->reverse ? paper : ink;
}

static struct svg_colour paper_of(const struct svg_cell *c)
{
    struct svg_colour colour = c->reverse ? c->fg : c->bg;
    return colour.given ? colour : c->reverse ? ink : paper;
}

static void put_char(FILE *out, uint32_t ch)
{
    /* XML allows no control characters, also not as references. */
    if (ch < 0x20 || ch == 0x7f || (ch >= 0xd800 && ch < 0xe000) || ch == 0xfffe || ch == 0xffff || ch > 0x10ffff)
        ch = 0xfffd;
    if (ch == '<' || ch == '>' || ch == '&' || ch == '"' || ch >= 0x7f)
        fprintf(out, "&#%u;", ch);
    else
        fputc((int)ch, out);
}

static void put_text(FILE *out, const char *text)
{
    for (; *text; text++)
        put_char(out, (unsigned char)*text);
}

static void put_rect(FILE *out, int row, int col, int cols, struct svg_colour c)
{
    fprintf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%02x%02x%02x\"/>\n", MARGIN + col * CELL_W, MARGIN + row * CELL_H, cols * CELL_W, CELL_H, c.red, c.green, c.blue);
}

static bool is_blank(const struct svg_cell *c)
{
    return c->width != 0 && (c->chars[0] == 0 || c->chars[0] == ' ') && !c->underline;
}

/* Plain letters flow together; anything else has a place of its own, so that a font that draws it wider or narrower moves nothing. */
static bool is_plain(const struct svg_cell *c)
{
    return c->width == 1 && c->chars[0] < 0x7f && c->chars[1] == 0;
}

static bool same_text(const struct svg_cell *a, const struct svg_cell *b)
{
    return is_plain(a) && is_plain(b) && a->bold == b->bold && a->underline == b->underline && same_colour(ink_of(a), ink_of(b));
}

static void put_run(FILE *out, const struct svg_cell *cells, int row, int col, int count)
{
    struct svg_colour c = ink_of(&cells[0]);
    int columns = count > 1 || cells[0].width < 1 ? count : cells[0].width;
    fprintf(out, "<text x=\"%d\" y=\"%d\" textLength=\"%d\" lengthAdjust=\"spacingAndGlyphs\" fill=\"#%02x%02x%02x\"%s%s>", MARGIN + col * CELL_W, MARGIN + row * CELL_H + BASELINE, columns * CELL_W, c.red, c.green,
            c.blue, cells[0].bold ? " font-weight=\"bold\"" : "", cells[0].underline ? " text-decoration=\"underline\"" : "");
    for (int i = 0; i < count; i++) {
        put_char(out, cells[i].chars[0] ? cells[i].chars[0] : ' ');
        for (int k = 1; k < SVG_CHARS && cells[i].chars[0] && cells[i].chars[k]; k++)
            put_char(out, cells[i].chars[k]);
    }
    fputs("</text>\n", out);
}

static void put_papers(FILE *out, const struct svg_cell *cells, int row, int cols)
{
    for (int from = 0, to; from < cols; from = to) {
        struct svg_colour colour = paper_of(&cells[from]);
        for (to = from + 1; to < cols && (cells[to].width == 0 || same_colour(paper_of(&cells[to]), colour)); to++)
            continue;
        if (!same_colour(colour, paper))
            put_rect(out, row, from, to - from, colour);
    }
}

static void put_texts(FILE *out, const struct svg_cell *cells, int row, int cols)
{
    for (int from = 0, to; from < cols; from = to) {
        int last = from; /* a run ends at two blanks: what follows has a place of its own */
        to = from + 1;
        if (cells[from].width == 0 || is_blank(&cells[from]))
            continue;
        for (; to < cols && to <= last + 2 && (same_text(&cells[from], &cells[to]) || (is_plain(&cells[from]) && is_blank(&cells[to]) && same_colour(paper_of(&cells[from]), paper_of(&cells[to])))); to++)
            if (!is_blank(&cells[to]))
                last = to;
        to = last + 1;
        put_run(out, &cells[from], row, from, to - from);
    }
}

bool svg_write(FILE *out, const struct svg_cell *cells, int rows, int cols, const char *title)
{
    int width = cols * CELL_W + 2 * MARGIN, height = rows * CELL_H + 2 * MARGIN;
    fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" xml:space=\"preserve\" role=\"img\">\n<title>", width, height, width, height);
    put_text(out, title);
    fprintf(out, "</title>\n<style>text { font-family: 'DejaVu Sans Mono', 'Liberation Mono', Menlo, Consolas, monospace; font-size: %dpx; white-space: pre; }</style>\n", FONT);
    fprintf(out, "<rect width=\"%d\" height=\"%d\" rx=\"6\" fill=\"#%02x%02x%02x\"/>\n", width, height, paper.red, paper.green, paper.blue);
    for (int row = 0; row < rows; row++) {
        put_papers(out, cells + row * cols, row, cols);
        put_texts(out, cells + row * cols, row, cols);
    }
    fputs("</svg>\n", out);
    return !ferror(out);
}
