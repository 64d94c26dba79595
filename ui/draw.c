/* draw.c: draws text and frames into a picture in memory, with an ASCII fall-back. */
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "draw.h"

static bool ascii_only;

void draw_use_ascii(bool ascii)
{
    ascii_only = ascii;
}

bool canvas_reset(struct canvas *canvas, int rows, int cols)
{
    size_t cells = (size_t)rows * (size_t)cols;
    if (rows != canvas->rows || cols != canvas->cols) {
        free(canvas->cells);
        canvas->cells = calloc(cells ? cells : 1, sizeof *canvas->cells);
        canvas->rows = canvas->cells ? rows : 0;
        canvas->cols = canvas->cells ? cols : 0;
    }
    for (size_t i = 0; canvas->cells && i < cells; i++)
        canvas->cells[i] = (struct cell){ .ch = ' ', .style = STYLE_NORMAL };
    return canvas->cells != NULL;
}

void canvas_free(struct canvas *canvas)
{
    free(canvas->cells);
    *canvas = (struct canvas){ 0 };
}

bool canvas_same(const struct canvas *a, const struct canvas *b)
{
    if (a->rows != b->rows || a->cols != b->cols)
        return false;
    for (int i = 0; i < a->rows * a->cols; i++)
        if (a->cells[i].ch != b->cells[i].ch || a->cells[i].style != b->cells[i].style || memcmp(a->cells[i].marks, b->cells[i].marks, sizeof a->cells[i].marks) != 0)
            return false;
    return true;
}

static size_t utf8_put(uint32_t ch, char out[4])
{
    if (ch < 0x80) {
        out[0] = (char)ch;
        return 1;
    }
    if (ch < 0x800) {
        out[0] = (char)(0xc0 | ch >> 6);
        out[1] = (char)(0x80 | (ch & 0x3f));
        return 2;
    }
    if (ch < 0x10000) {
        out[0] = (char)(0xe0 | ch >> 12);
        out[1] = (char)(0x80 | (ch >> 6 & 0x3f));
        out[2] = (char)(0x80 | (ch & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | ch >> 18);
    out[1] = (char)(0x80 | (ch >> 12 & 0x3f));
    out[2] = (char)(0x80 | (ch >> 6 & 0x3f));
    out[3] = (char)(0x80 | (ch & 0x3f));
    return 4;
}

void draw_utf8(uint32_t ch, char to[5])
{
    to[utf8_put(ch, to)] = '\0';
}

void canvas_row(const struct canvas *canvas, int row, char *to, size_t size)
{
    size_t used = 0;
    if (size == 0)
        return;
    for (int col = 0; row >= 0 && row < canvas->rows && col < canvas->cols; col++) {
        char bytes[4 * (1 + CELL_MARKS)];
        const struct cell *cell = &canvas->cells[row * canvas->cols + col];
        size_t n = cell->ch ? utf8_put(cell->ch, bytes) : 0;
        for (int i = 0; n > 0 && i < CELL_MARKS && cell->marks[i]; i++)
            n += utf8_put(cell->marks[i], bytes + n);
        if (used + n + 1 > size)
            break;
        memcpy(to + used, bytes, n);
        used += n;
    }
    to[used] = '\0';
}

/* Decodes one character; a byte that begins none counts as itself, shown as '?'. */
static size_t utf8_take(const char *text, uint32_t *ch)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
    uint32_t got = len == 1 ? s[0] : len ? s[0] & (0x7fU >> len) : 0;
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            len = 0;
        else
            got = got << 6 | (s[i] & 0x3f);
    }
    *ch = len ? got : '?';
    return len ? len : 1;
}

/* The fall-back for the characters this program itself uses. */
static uint32_t in_ascii(uint32_t ch)
{
    switch (ch) {
    case 0x2500: return '-';                /* ─ */
    case 0x2502: return '|';                /* │ */
    case 0x250c: case 0x2510: case 0x2514: case 0x2518: case 0x251c: case 0x2524: return '+'; /* ┌ ┐ └ ┘ ├ ┤ */
    case 0x25b8: return '>';                /* ▸ */
    case 0x2588: return '#';                /* █ */
    case 0x2591: return '.';                /* ░ */
    case 0x2026: return '~';                /* … */
    default: return '?';
    }
}

/* What a character becomes on the screen, and its width: 0 for what joins the character before it. */
static int shown(uint32_t *ch)
{
    int width;
    if (*ch < 0x20 || (*ch >= 0x7f && *ch < 0xa0))
        *ch = '?';
    if (*ch < 0x80)
        return 1;
    if (ascii_only) {
        *ch = in_ascii(*ch);
        return 1;
    }
    width = wcwidth((wchar_t)*ch);
    return width < 0 ? 1 : width;
}

int draw_columns(const char *text)
{
    int cols = 0;
    while (*text) {
        uint32_t ch;
        text += utf8_take(text, &ch);
        cols += shown(&ch);
    }
    return cols;
}

size_t draw_fit(const char *text, int cols)
{
    const char *at = text;
    while (*at) {
        uint32_t ch;
        size_t len = utf8_take(at, &ch);
        int width = shown(&ch);
        if (width > cols)
            break;
        cols -= width;
        at += len;
    }
    return (size_t)(at - text);
}

static void put(struct canvas *canvas, int row, int col, uint32_t ch, enum style style)
{
    struct cell *cell;
    if (row < 0 || row >= canvas->rows || col < 0 || col >= canvas->cols)
        return;
    cell = &canvas->cells[row * canvas->cols + col];
    /* No half of a wide character may stay behind. */
    if (ch && cell->ch == 0 && col > 0)
        cell[-1].ch = ' ';
    if (col + 1 < canvas->cols && cell[1].ch == 0)
        cell[1].ch = ' ';
    *cell = (struct cell){ .ch = ch, .style = style };
}

/* Marks that are drawn over a letter; not those that are unseen themselves and tell the terminal in which direction to write, or to join what follows. */
static bool is_mark(uint32_t ch)
{
    return ch >= 0x300 && ch != 0xfeff && !(ch >= 0x200b && ch <= 0x200f) && !(ch >= 0x2028 && ch <= 0x202e) && !(ch >= 0x2060 && ch <= 0x206f);
}

/* Adds a mark to the letter before that column. */
static void join(struct canvas *canvas, int row, int col, uint32_t ch)
{
    if (row < 0 || row >= canvas->rows || col < 1 || col > canvas->cols || !is_mark(ch))
        return;
    struct cell *cell = &canvas->cells[row * canvas->cols + col - 1];
    if (cell->ch == 0 && col > 1)
        cell--;
    for (int i = 0; i < CELL_MARKS; i++)
        if (cell->marks[i] == 0) {
            cell->marks[i] = ch;
            return;
        }
}

int draw_text(struct canvas *canvas, int row, int col, int cols, enum style style, const char *text)
{
    bool cut = draw_columns(text) > cols;
    size_t len = cut ? draw_fit(text, cols - 1) : strlen(text);
    const char *end = text + len;
    int used = 0;
    if (cols <= 0)
        return 0;
    while (text < end) {
        uint32_t ch;
        text += utf8_take(text, &ch);
        int width = shown(&ch);
        if (width == 0) {
            if (used > 0)
                join(canvas, row, col + used, ch);
            continue;
        }
        put(canvas, row, col + used, ch, style);
        if (width == 2)
            put(canvas, row, col + used + 1, 0, style);
        used += width;
    }
    if (cut) {
        uint32_t dots = 0x2026;
        used += shown(&dots);
        put(canvas, row, col + used - 1, dots, style);
    }
    return used;
}

void draw_right(struct canvas *canvas, int row, int col, int cols, enum style style, const char *text)
{
    int want = draw_columns(text);
    int shift = want < cols ? cols - want : 0;
    draw_text(canvas, row, col + shift, cols - shift, style, text);
}

void draw_fill(struct canvas *canvas, int row, int col, int cols, enum style style)
{
    for (int i = 0; i < cols; i++)
        put(canvas, row, col + i, ' ', style);
}

void draw_restyle(struct canvas *canvas, int row, int col, int cols, enum style style)
{
    for (int i = 0; i < cols; i++)
        if (row >= 0 && row < canvas->rows && col + i >= 0 && col + i < canvas->cols)
            canvas->cells[row * canvas->cols + col + i].style = style;
}

static void edge(struct canvas *canvas, int row, int col, int cols, enum style style, const char *ends[2], const char *title)
{
    if (cols < 2)
        return;
    for (int i = 1; i < cols - 1; i++)
        draw_text(canvas, row, col + i, 1, style, "─");
    draw_text(canvas, row, col, 1, style, ends[0]);
    draw_text(canvas, row, col + cols - 1, 1, style, ends[1]);
    if (title)
        draw_text(canvas, row, col + 1, cols - 2, style, title);
}

void draw_frame(struct canvas *canvas, struct rect at, enum style style, const char *title)
{
    edge(canvas, at.row, at.col, at.cols, style, (const char *[]){ "┌", "┐" }, title);
    for (int i = 1; i < at.rows - 1; i++) {
        draw_text(canvas, at.row + i, at.col, 1, style, "│");
        draw_fill(canvas, at.row + i, at.col + 1, at.cols - 2, STYLE_NORMAL);
        draw_text(canvas, at.row + i, at.col + at.cols - 1, 1, style, "│");
    }
    if (at.rows > 1)
        edge(canvas, at.row + at.rows - 1, at.col, at.cols, style, (const char *[]){ "└", "┘" }, NULL);
}

void draw_divider(struct canvas *canvas, int row, int col, int cols, enum style style, const char *title)
{
    edge(canvas, row, col, cols, style, (const char *[]){ "├", "┤" }, title);
}
