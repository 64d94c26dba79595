/* output_table.c: tables in the look of Jetbase's (rich's): widths, folding and the box; and the plain lines of where there is no terminal. */
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "output.h"
#include "text.h"

enum {
    PADDING = 2,      /* a blank on either side of a cell */
    COLUMN_LEAST = 8  /* narrower than this, columns share what there is and words are cut into lines */
};

#define ELLIPSIS "\xE2\x80\xA6"

/* ---- how wide text is ---- */

static locale_t utf8_locale;
static pthread_once_t utf8_once = PTHREAD_ONCE_INIT;

static void make_locale(void)
{
    utf8_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* Names are UTF-8 whatever the user's locale is, so widths are asked in a locale of our own. */
unsigned output_columns(const char *text, size_t len)
{
    locale_t before = (locale_t)0;
    mbstate_t state = { 0 };
    unsigned columns = 0;
    while (len > 0 && *text >= ' ' && *text <= '~') { /* mostly that is all */
        columns++;
        text++;
        len--;
    }
    if (len == 0)
        return columns;
    pthread_once(&utf8_once, make_locale);
    if (!utf8_locale)
        return columns + (unsigned)text_chars(text, len);
    before = uselocale(utf8_locale);
    while (len > 0) {
        wchar_t c = 0;
        size_t n = mbrtowc(&c, text, len, &state);
        int width = n == 0 || n > len ? 1 : wcwidth(c);
        if (n == 0 || n > len) {
            n = 1;
            memset(&state, 0, sizeof state);
        }
        columns += width < 0 ? 1 : (unsigned)width;
        text += n;
        len -= n;
    }
    uselocale(before);
    return columns;
}

static unsigned columns_of(const char *text)
{
    return output_columns(text, strlen(text));
}

/* The bytes of text that fit into `columns` columns. */
static size_t bytes_within(const char *text, size_t len, unsigned columns)
{
    size_t at = 0;
    while (at < len) {
        size_t n = text_offset(text + at, len - at, 1);
        if (output_columns(text, at + n) > columns)
            break;
        at += n;
    }
    return at;
}

/* ---- lines of a cell ---- */

/* Cells of one table, made safe, and the widths of its columns. */
struct table {
    const struct table_column *columns;
    size_t count, rows;
    char **cells;
    unsigned *widths;    /* padding included */
    bool narrow;         /* words are cut rather than lost */
    struct text out;
    bool colour;
};

/* Takes the next line of a cell off *at: whole words while they fit, as rich breaks them. Writes it to `line`, cut with an ellipsis where a word is too long. */
static void next_line(const struct table *t, const char **at, unsigned width, bool no_wrap, struct text *line)
{
    const char *from = *at;
    size_t len = strlen(from), end = 0, shown = 0;
    text_reset(line);
    while (end < len && !no_wrap) {
        size_t word = end + strspn(from + end, " ");
        size_t stop = word + strcspn(from + word, " ");
        size_t after = stop + strspn(from + stop, " ");
        if (end > 0 && output_columns(from, stop) > width)
            break;
        end = after;
        shown = stop;
        if (output_columns(from, after) >= width)
            break;
    }
    if (no_wrap)
        end = shown = len;
    if (output_columns(from, shown) <= width) {
        text_add(line, from, shown);
    } else if (t->narrow) {
        end = shown = bytes_within(from, len, width);
        if (end == 0)
            end = shown = text_offset(from, len, 1);
        text_add(line, from, shown);
    } else {
        text_add(line, from, bytes_within(from, shown, width - 1));
        text_puts(line, ELLIPSIS);
    }
    *at = from + end;
}

/* ---- widths ---- */

static unsigned sum(const unsigned *widths, size_t count)
{
    unsigned total = 0;
    for (size_t i = 0; i < count; i++)
        total += widths[i];
    return total;
}

static void measure(struct table *t)
{
    for (size_t c = 0; c < t->count; c++) {
        t->widths[c] = columns_of(t->columns[c].title) + PADDING;
        for (size_t r = 0; r < t->rows; r++) {
            unsigned width = columns_of(t->cells[r * t->count + c]) + PADDING;
            if (width > t->widths[c])
                t->widths[c] = width;
        }
    }
}

/* Takes one column off the widest that may give, as often as needed. What may not be folded gives last. */
static void reduce(struct table *t, unsigned limit, bool all)
{
    while (sum(t->widths, t->count) > limit) {
        size_t widest = t->count;
        for (size_t c = t->count; c-- > 0;)
            if ((all || !t->columns[c].no_wrap) && t->widths[c] > PADDING + 1 && (widest == t->count || t->widths[c] > t->widths[widest]))
                widest = c;
        if (widest == t->count)
            break;
        t->widths[widest]--;
    }
}

/* A column without its text is worse than a cut one: where rich lets columns vanish, all give alike and long words are cut into lines. */
static void fit(struct table *t, unsigned width)
{
    unsigned frame = (unsigned)t->count + 1, limit = width > frame ? width - frame : 1;
    measure(t);
    reduce(t, limit, false);
    for (size_t c = 0; c < t->count; c++)
        t->narrow = t->narrow || (t->widths[c] < COLUMN_LEAST && t->widths[c] < columns_of(t->columns[c].title) + PADDING);
    if (sum(t->widths, t->count) <= limit && !t->narrow)
        return;
    t->narrow = true;
    measure(t);
    reduce(t, limit, true);
}

/* ---- the box ---- */

static void add_rule(struct table *t, const char *left, const char *fill, const char *between, const char *right)
{
    text_puts(&t->out, left);
    for (size_t c = 0; c < t->count; c++) {
        for (unsigned i = 0; i < t->widths[c]; i++)
            text_puts(&t->out, fill);
        text_puts(&t->out, c + 1 < t->count ? between : right);
    }
    text_puts(&t->out, "\n");
}

static void add_blanks(struct text *to, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        text_add(to, " ", 1);
}

static void add_styled(struct table *t, const char *style, const char *words, unsigned width)
{
    unsigned used = columns_of(words);
    if (t->colour)
        text_printf(&t->out, "\033[%sm", style);
    text_puts(&t->out, words);
    add_blanks(&t->out, width > used ? width - used : 0);
    if (t->colour)
        text_puts(&t->out, "\033[0m");
}

/* One row with all its lines. at: what is left of each cell. */
static void add_row(struct table *t, const char **at, const char *bar, const char *header_style)
{
    struct text line = { 0 };
    bool more = true;
    while (more) {
        more = false;
        for (size_t c = 0; c < t->count; c++) {
            const char *style = header_style ? header_style : t->columns[c].style;
            next_line(t, &at[c], t->widths[c] - PADDING, t->columns[c].no_wrap && !t->narrow, &line);
            t->out.failed = t->out.failed || line.failed;
            text_puts(&t->out, bar);
            add_styled(t, style, " ", 1);
            add_styled(t, style, text_string(&line), t->widths[c] - PADDING);
            add_styled(t, style, " ", 1);
            more = more || *at[c];
        }
        text_puts(&t->out, bar);
        text_puts(&t->out, "\n");
    }
    text_free(&line);
}

static void add_title(struct table *t, const char *title)
{
    unsigned width = sum(t->widths, t->count) + (unsigned)t->count + 1;
    struct text line = { 0 };
    while (*title) {
        unsigned used, left;
        next_line(t, &title, width, false, &line);
        t->out.failed = t->out.failed || line.failed;
        used = columns_of(text_string(&line));
        left = used < width ? (width - used) / 2 : 0;
        if (t->colour)
            text_puts(&t->out, "\033[3m");
        add_blanks(&t->out, left);
        text_puts(&t->out, text_string(&line));
        add_blanks(&t->out, used + left < width ? width - used - left : 0);
        text_puts(&t->out, t->colour ? "\033[0m\n" : "\n");
    }
    text_free(&line);
}

static void add_table(struct table *t, const char *title, const char **at)
{
    add_title(t, title);
    add_rule(t, "┏", "━", "┳", "┓");
    for (size_t c = 0; c < t->count; c++)
        at[c] = t->columns[c].title;
    add_row(t, at, "┃", "1;35");
    add_rule(t, "┡", "━", "╇", "┩");
    for (size_t r = 0; r < t->rows; r++) {
        for (size_t c = 0; c < t->count; c++)
            at[c] = t->cells[r * t->count + c];
        add_row(t, at, "│", NULL);
    }
    add_rule(t, "└", "─", "┴", "┘");
}

/* Copies of the cells that are safe to show. */
static bool make_cells(struct table *t, const char *const *cells)
{
    t->cells = calloc(t->rows * t->count + 1, sizeof *t->cells);
    for (size_t i = 0; t->cells && i < t->rows * t->count; i++) {
        struct text safe = { 0 };
        const char *raw = cells[i] ? cells[i] : "";
        text_add_visible(&safe, raw, strlen(raw));
        if (safe.failed) {
            text_free(&safe);
            return false;
        }
        t->cells[i] = safe.at ? safe.at : text_dup("");
        if (!t->cells[i])
            return false;
    }
    return t->cells != NULL;
}

/* ---- lines ---- */

static void add_line(struct table *t, const char **at)
{
    for (size_t c = 0; c < t->count; c++) {
        text_puts(&t->out, at[c]);
        if (c + 1 < t->count)
            add_blanks(&t->out, t->widths[c] - columns_of(at[c]));
    }
    text_puts(&t->out, "\n");
}

static void add_lines(struct table *t, const char **at)
{
    measure(t);
    for (size_t c = 0; c < t->count; c++)
        at[c] = t->columns[c].title;
    add_line(t, at);
    for (size_t r = 0; r < t->rows; r++) {
        for (size_t c = 0; c < t->count; c++)
            at[c] = t->cells[r * t->count + c];
        add_line(t, at);
    }
}

/* title: NULL for lines */
static bool print_rows(struct output *o, const char *title, const struct table_column *columns, size_t column_count, const char *const *cells, size_t rows, struct error *err)
{
    struct table t = { .columns = columns, .count = column_count, .rows = rows, .colour = o->colour };
    const char **at;
    bool ok;
    if (o->json)
        return true;
    t.widths = calloc(column_count, sizeof *t.widths);
    at = calloc(column_count, sizeof *at);
    ok = t.widths && at && make_cells(&t, cells);
    if (ok) {
        if (title) {
            fit(&t, o->width);
            add_table(&t, title, at);
        } else {
            add_lines(&t, at);
        }
        ok = !t.out.failed;
    }
    if (ok)
        fwrite(t.out.at, 1, t.out.len, o->out);
    for (size_t i = 0; t.cells && i < rows * column_count; i++)
        free(t.cells[i]);
    free(t.cells);
    free(t.widths);
    free(at);
    text_free(&t.out);
    return ok || error_set(err, ERR_NO_MEMORY, "Memory ran out printing a table.");
}

bool output_table(struct output *o, const char *title, const struct table_column *columns, size_t column_count, const char *const *cells, size_t rows, struct error *err)
{
    return print_rows(o, title, columns, column_count, cells, rows, err);
}

bool output_rows(struct output *o, const char *title, const struct table_column *columns, size_t column_count, const char *const *cells, size_t rows, struct error *err)
{
    return print_rows(o, o->terminal ? title : NULL, columns, column_count, cells, rows, err);
}
