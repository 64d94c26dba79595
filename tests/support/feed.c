/* feed.c: gives a scanner a text in pieces of any size, and keeps what it found. */
#include "support/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scanner_private.h"

size_t feed_read(void *feed, char *to, size_t size, struct error *err)
{
    struct feed *f = feed;
    size_t n = f->len - f->at;
    (void)err;
    if (f->piece > 0 && n > f->piece)
        n = f->piece;
    if (n > size)
        n = size;
    if (n > 0)
        memcpy(to, f->text + f->at, n);
    f->at += n;
    return n;
}

static void *must(void *p)
{
    if (!p) {
        fprintf(stderr, "feed: out of memory\n");
        abort();
    }
    return p;
}

struct feed_all feed_scan(const char *text, size_t len, const struct feed_how *how)
{
    struct feed feed = { .text = text, .len = len, .piece = how->piece };
    struct place start = { .file = "V1__a.sql", .line = 1, .column = 1 };
    struct scanner *scanner = must(scanner_open(how->dialect, !how->backslashes, how->delimiter, feed_read, &feed, &start));
    struct feed_all all = { 0 };
    struct scan_statement s;
    while ((all.end = scanner_next(scanner, &s, &all.err)) == SCAN_STATEMENT) {
        if ((all.count & (all.count - 1)) == 0) /* full at each power of two: grow to the next */
            all.found = must(realloc(all.found, (all.count ? 2 * all.count : 1) * sizeof *all.found));
        struct feed_found *f = &all.found[all.count++];
        *f = (struct feed_found){ .len = s.len, .raw_len = scanner_raw_length(scanner), .s = s, .why = scanner_why(scanner), .backslashes = !scanner->standard_strings };
        f->text = must(malloc(s.len + 1));
        memcpy(f->text, s.text, s.len + 1);
        f->s.text = NULL;
    }
    scanner_close(scanner);
    return all;
}

void feed_free(struct feed_all *all)
{
    for (size_t i = 0; i < all->count; i++)
        free(all->found[i].text);
    free(all->found);
    all->found = NULL;
    all->count = 0;
}
