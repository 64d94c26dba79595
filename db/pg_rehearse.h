/* pg_rehearse.h: what the files of PostgreSQL's rehearsals share. */
#ifndef JETBASE_DB_PG_REHEARSE_H
#define JETBASE_DB_PG_REHEARSE_H

#include "pg_private.h"
#include "rehearse.h"

struct pg_crowd; /* pg_rehearse_crowd.c: the one who looks whether others wait behind us */

/* A relation of the database, as it was seen last. */
struct pg_known {
    unsigned long oid, file;     /* file: 0 where it has none */
    enum db_relation_kind kind;
    char *name, *of;             /* of: an index's table, or NULL */
    int64_t rows;                /* estimated before the rehearsal; -1 not known */
    bool here;                   /* made by the rehearsal */
    int64_t main, main_marked;   /* bytes of its main file as seen last, and when the rollback part began; -1 not known */
};

/* Locks that our session holds on a relation. */
struct pg_held {
    unsigned long oid;
    unsigned modes;
};

struct pg_rehearsal {
    struct db_rehearsal_wish wish;
    struct pg_crowd *crowd;
    struct pg_known *known;      /* by oid as far as `sorted`, then those that were made here */
    size_t count, sorted, cap;
    struct pg_held *held;        /* before the next statement, by oid */
    size_t held_count;
    bool undoing;                /* a rollback part is open, which back() takes away */
    size_t undo_count;           /* of known, when it began */
    struct pg_file { size_t at; unsigned long file; } *files; /* files of known that changed since, as they were */
    size_t file_count, file_cap;
};

extern const struct db_rehearsing pg_rehearsing;

/* ---- pg_rehearse.c ---- */

/* Sends one statement of our own inside the rehearsal's transaction and reads its answer. NULL with *err where it fails, or somebody waits behind us, or it is to stop. doing: for the message. */
PGresult *pg_rehearse_ask(struct db *db, const char *sql, int count, const char *const *values, const char *doing, struct error *err);
/* The same where nothing of the answer matters. */
bool pg_rehearse_do(struct db *db, const char *sql, const char *doing, struct error *err);

/* ---- pg_rehearse_effect.c ---- */

/* Reads what relations there are. */
bool pg_effect_begin(struct db *db, struct error *err);
/* Reads which locks are held now: what the next statement takes is told against it. */
bool pg_effect_before(struct db *db, struct error *err);
/* After a statement: calls fn with what it did. */
bool pg_effect_after(struct db *db, db_effect_fn fn, void *user, struct error *err);
/* From now on what is seen may be taken back, and: it is taken back. */
void pg_effect_mark(struct db *db);
void pg_effect_back(struct db *db);
void pg_effect_free(struct pg_rehearsal *r);

/* ---- pg_rehearse_crowd.c ---- */

/* Begins to look, over a connection of its own. False: it can't be had. session_pid: ours. */
bool pg_crowd_begin(struct db *db, int session_pid, int patience_ms, struct pg_crowd **out, struct error *err);
/* Has somebody waited for longer than patience_ms, or can't it be seen any more? */
bool pg_crowd_is(struct pg_crowd *crowd, struct error *err);
/* The same, cheaply. */
bool pg_crowd_seen(struct pg_crowd *crowd);
/* Ends looking. NULL is allowed. */
void pg_crowd_end(struct pg_crowd *crowd);

/* ---- pg_schema.c ---- */
bool pg_schema_read(struct db *db, db_schema_fn fn, void *user, struct error *err);

#endif
