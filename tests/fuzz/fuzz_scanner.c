/* fuzz_scanner.c: promises of the scanner that hold for every input.
 *
 * - Pieces come in order and do not overlap; what lies between them holds no statement: together they cover the text exactly.
 * - No piece scanned again gives two statements.
 * - The size of the pieces that the window reads changes nothing.
 * - Line and column are those that counting from the beginning gives.
 *
 * tests/fuzz/run runs it with a fuzzer. */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/feed.h"

static void broken(const char *what, const char *text, size_t len, const char *piece)
{
    fprintf(stderr, "fuzz_scanner: %s\n---- text\n", what);
    fwrite(text, 1, len, stderr);
    fprintf(stderr, "\n---- piece\n%s\n----\n", piece ? piece : "");
    abort();
}

/* Counts on to byte `to`, as the scanner should. */
struct counter {
    size_t at;
    unsigned line, column;
};

static void count_to(struct counter *c, const char *text, size_t to)
{
    for (; c->at < to; c->at++) {
        unsigned char byte = (unsigned char)text[c->at];
        if (byte == '\n' && c->at > 0 && text[c->at - 1] == '\r') {
            continue;
        } else if (byte == '\n' || byte == '\r') {
            c->line++;
            c->column = 1;
        } else if ((byte & 0xc0) != 0x80) {
            c->column++;
        }
    }
}

static void check_gap(const char *text, size_t from, size_t to, const struct feed_how *how)
{
    struct feed_all gap = feed_scan(text + from, to - from, how);
    if (gap.count > 0)
        broken("a statement lies between two others", text + from, to - from, gap.found[0].text);
    feed_free(&gap);
}

static void check_piece(const char *text, const struct feed_found *f, const struct feed_how *how)
{
    struct feed_how plain = *how;
    const char *raw = text + f->s.offset;
    plain.delimiter = NULL;
    plain.backslashes = f->backslashes;
    struct feed_all again = feed_scan(raw, f->raw_len, &plain);
    if (again.count != 1 || again.end != SCAN_END || again.found[0].raw_len != f->raw_len || again.found[0].s.class != f->s.class)
        broken("scanned again, a statement is not itself", raw, f->raw_len, again.count ? again.found[0].text : again.err.message);
    feed_free(&again);
    if (strlen(f->text) != f->len || f->len > f->raw_len || (f->s.unescaped_colon ? f->len == f->raw_len : memcmp(f->text, raw, f->len) != 0))
        broken("the text handed out is not the statement's", raw, f->raw_len, f->text);
    again = feed_scan(f->text, f->len, &plain);
    if (again.count != 1 || again.end != SCAN_END)
        broken("what is sent is not one statement", raw, f->raw_len, f->text);
    feed_free(&again);
}

static void check_same(const char *text, size_t len, const struct feed_all *all, struct feed_how how, size_t piece)
{
    how.piece = piece;
    struct feed_all other = feed_scan(text, len, &how);
    bool same = other.count == all->count && other.end == all->end && other.err.place.line == all->err.place.line && other.err.place.column == all->err.place.column;
    for (size_t i = 0; same && i < all->count; i++)
        same = other.found[i].s.offset == all->found[i].s.offset && strcmp(other.found[i].text, all->found[i].text) == 0 && other.found[i].s.class == all->found[i].s.class;
    if (!same)
        broken("the size of what is read at once changes the statements", text, len, NULL);
    feed_free(&other);
}

static void check(const char *text, size_t len, const struct feed_how *how)
{
    struct feed_all all = feed_scan(text, len, how);
    struct counter counter = { .line = 1, .column = 1 };
    size_t end = 0;
    for (size_t i = 0; i < all.count; i++) {
        const struct feed_found *f = &all.found[i];
        if (f->s.offset < end || f->raw_len == 0 || f->s.offset + f->raw_len > len)
            broken("statements overlap or leave the text", text, len, f->text);
        check_gap(text, end, (size_t)f->s.offset, how);
        check_piece(text, f, how);
        count_to(&counter, text, (size_t)f->s.offset);
        if (counter.line != f->s.at.line || counter.column != f->s.at.column)
            broken("line or column is wrong", text, len, f->text);
        end = (size_t)f->s.offset + f->raw_len;
    }
    if (all.end == SCAN_END)
        check_gap(text, end, len, how);
    else if (all.err.code != ERR_REFUSED || all.err.place.line == 0 || !all.err.hint[0])
        broken("an error without place or way out", text, len, all.err.message);
    check_same(text, len, &all, *how, 1);
    check_same(text, len, &all, *how, 7);
    feed_free(&all);
}

void fuzz_scanner(const char *text, size_t len)
{
    static const char *const delimiters[] = { NULL, NULL, "go", "//", "$$", "@@", ";;", "-- end" };
    if (len == 0)
        return;
    struct feed_how how = { .dialect = text[0] & 1 ? SCAN_SQLITE : SCAN_POSTGRES, .backslashes = text[0] & 2, .delimiter = delimiters[text[0] >> 2 & 7] };
    check(text + 1, len - 1, &how);
}
