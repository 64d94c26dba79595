/* feed.h: gives a scanner a text in pieces of any size, and keeps what it found. */
#ifndef JETBASE_TESTS_FEED_H
#define JETBASE_TESTS_FEED_H

#include <stdbool.h>
#include <stddef.h>

#include "scanner.h"

/* A text in memory; user of feed_read. */
struct feed {
    const char *text;
    size_t len, at, piece; /* piece: bytes given at once, 0: as many as are asked for */
};
size_t feed_read(void *feed, char *to, size_t size, struct error *err);

/* How a text is scanned. */
struct feed_how {
    enum scan_dialect dialect;
    bool backslashes;      /* standard_conforming_strings off */
    const char *delimiter;
    size_t piece;
};

/* A statement found; text is malloc'd. */
struct feed_found {
    char *text;
    size_t len, raw_len;
    struct scan_statement s; /* s.text is not valid any more */
    struct place why;
    bool backslashes;        /* how its strings were read: the file may have set that itself */
};

/* All that a scan found. */
struct feed_all {
    struct feed_found *found;
    size_t count;
    enum scan_answer end; /* SCAN_END or SCAN_ERROR */
    struct error err;
};

/* Scans a text whole. Free with feed_free(). */
struct feed_all feed_scan(const char *text, size_t len, const struct feed_how *how);
void feed_free(struct feed_all *all);

#endif
