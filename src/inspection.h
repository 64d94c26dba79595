/* inspection.h: what is known of one half-applied file: looked at by `jetbase resolve` and by the console alike. */
#ifndef JETBASE_INSPECTION_H
#define JETBASE_INSPECTION_H

#include "engine.h"

enum { INSPECTION_INDEXES = 20, INSPECTION_NAME = 300 };

/* What is known. Zero-initialise; close with inspection_close(). */
struct inspection {
    struct db *db;                  /* lent */
    struct history *history;
    struct folder *folder;
    const struct run_row *row;      /* the newest run that left it so; belongs to the history */
    const struct migration *file;   /* belongs to the folder; NULL: it is gone */
    bool same;                      /* what ran stands in the file still as it was sent: the row's numbers mean its statements */
    struct lock_view lock;
    char invalid[INSPECTION_INDEXES][INSPECTION_NAME]; /* indexes that the server holds for invalid, safe to show */
    int invalid_count;
};

/* Looks at lock, history, files and indexes over an open connection, which must outlive *out; writes nothing. name: file name or version, as plan_find_half(). False with *err: the file is not half applied (ERR_HISTORY), or something can't be read. Close *out in every case. */
bool inspection_make(const struct project *project, struct db *db, const char *name, struct inspection *out, struct error *err);
/* What became of statement `number` (from 1): "done", "may have run", "not run"; NULL where the file was changed, so that it is not known. */
const char *inspection_state(const struct run_row *row, bool same, int number);
/* A statement of the section that was left so, as the file has it now. False stops. */
typedef bool (*inspection_fn)(void *user, int number, const struct scan_statement *found);
/* Calls fn with each of them, in order. False where the file can't be read (*err filled), or fn stopped. */
bool inspection_each(const struct inspection *in, inspection_fn fn, void *user, struct error *err);
/* Frees what it holds, not the connection. */
void inspection_close(struct inspection *in);

#endif
