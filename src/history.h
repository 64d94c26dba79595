/* history.h: jetbase_migrations as read at one moment. */
#ifndef JETBASE_HISTORY_H
#define JETBASE_HISTORY_H

#include "db.h"
#include "migration.h"

/* One row, owned by the history. */
struct history_entry {
    int64_t order;
    char *texts; /* the memory that the next ones point into */
    char *version, *description, *file, *checksum, *applied_at;
    enum migration_type type;
};

/* Rows by applied_at, ties by order: oldest first. */
struct history {
    struct history_entry *rows;
    size_t count;
    bool table;          /* jetbase_migrations exists */
    struct run_row *half; /* runs that left a file outside a transaction half applied, newest first */
    size_t half_count;
    size_t *by_version;  /* the VERSIONED rows of valid versions, by version, then as in rows; NULL: rows are searched one by one */
    size_t by_version_count;
    _Atomic(size_t) *near; /* where in by_version the last search ended: whoever goes through the files in order finds the next one there; MAY be NULL */
    struct run_row *live; /* runs with such a file that can still go on, newest first: whether or not the lock names them */
    size_t live_count;
};

/* Reads it. A missing table gives an empty history. A run that still lives has left nothing half applied, though its file is unfinished. */
bool history_read(struct db *db, struct history **out, struct error *err);
/* Frees it. NULL is allowed. */
void history_free(struct history *h);
/* Do both say the same, row by row, half-applied files included? */
bool history_same(const struct history *a, const struct history *b);
/* Has any row of this version, also spelt differently, another checksum than m, which is hashed? */
bool history_differs(const struct history *h, const struct migration *m);
/* How many rows are about this migration: exactly its version text for VERSIONED, file and type for repeatables. What a record step must change. */
int64_t history_rows_of(const struct history *h, const struct migration *m);
/* The newest row about it, or NULL: it was never applied. A VERSIONED row whose version is spelt differently but equal (`1.0` for `1`) counts, where none has the exact text. */
const struct history_entry *history_of(const struct history *h, const struct migration *m);
/* The latest applied version: the VERSIONED row with the newest applied_at (Jetbase's rule), or NULL. */
const struct history_entry *history_latest(const struct history *h);
/* Fails (ERR_HISTORY) where a VERSIONED row has no time that tells its place (put in by hand): what is the latest is then not known. Ask before anything that depends on the latest is said or rolled back. */
bool history_check_times(const struct history *h, struct error *err);

#endif
