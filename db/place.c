/* place.c: turns a server's character position into line, column and a source line with its caret. */
#include <string.h>

#include "db.h"
#include "text.h"

#define CHARS_BEFORE 60  /* of a long line, shown left of the place */
#define CHARS_SHOWN 120
#define CUT "\xE2\x80\xA6" /* an ellipsis where the line goes on */

void place_advance(const struct place *at, const char *sql, size_t len, size_t chars, struct place *out)
{
    size_t end = text_offset(sql, len, chars), from = 0;
    struct place now = *at;
    if (now.line == 0) {
        *out = now;
        return;
    }
    for (size_t i = 0; i < end; i++) {
        bool pair = sql[i] == '\n' && i > 0 && sql[i - 1] == '\r';
        if (sql[i] != '\n' && sql[i] != '\r')
            continue;
        now.line += !pair;
        now.column = 1;
        from = i + 1;
    }
    now.column += (unsigned)text_chars(sql + from, end - from);
    *out = now;
}

/* Where the line around byte `at` begins and ends. */
static void line_around(const char *sql, size_t len, size_t at, size_t *begin, size_t *end)
{
    *begin = at;
    while (*begin > 0 && sql[*begin - 1] != '\n' && sql[*begin - 1] != '\r')
        --*begin;
    *end = at;
    while (*end < len && sql[*end] != '\n' && sql[*end] != '\r')
        ++*end;
}

void place_show(struct error *err, const char *sql, size_t len, size_t chars)
{
    size_t at = text_offset(sql, len, chars), begin, end, before, stop;
    struct text shown = {0};
    bool whole;
    if (!err)
        return;
    line_around(sql, len, at, &begin, &end);
    before = text_chars(sql + begin, at - begin);
    whole = text_chars(sql + begin, end - begin) <= CHARS_SHOWN && end - begin < sizeof err->source;
    if (!whole && before > CHARS_BEFORE) {
        begin += text_offset(sql + begin, at - begin, before - CHARS_BEFORE);
        text_puts(&shown, CUT);
    }
    text_add_visible(&shown, sql + begin, at - begin);
    err->caret = (unsigned)text_chars(text_string(&shown), shown.len) + 1;
    stop = whole ? end : at + text_offset(sql + at, end - at, CHARS_SHOWN - CHARS_BEFORE);
    text_add_visible(&shown, sql + at, stop - at);
    if (stop < end)
        text_puts(&shown, CUT);
    text_copy(err->source, sizeof err->source, text_string(&shown));
    if (shown.failed || err->caret > text_chars(err->source, strlen(err->source)) + 1)
        err->caret = 0;
    text_free(&shown);
}
