/* sqlite_rehearse.h: what the files of SQLite's rehearsals share. */
#ifndef JETBASE_DB_SQLITE_REHEARSE_H
#define JETBASE_DB_SQLITE_REHEARSE_H

#include "rehearse.h"
#include "sqlite_private.h"

struct sqlite_copy; /* sqlite_copy.c */

/* A table, index, view or trigger, as sqlite_master had it before a statement. */
struct sqlite_thing {
    char *name, *of;
    enum db_relation_kind kind;
    int64_t root;
    bool here;               /* made by the rehearsal */
};

struct sqlite_rehearsal {
    struct db_rehearsal_wish wish;
    struct sqlite_copy *copy;
    struct sqlite_thing *things;
    size_t count, cap;
    char **touched;          /* tables that the statement writes or alters, as the authorizer heard of them */
    size_t touched_count;
    bool touched_lost;       /* memory ran out for one of them */
    bool undoing;
    int64_t keys;            /* PRAGMA foreign_keys before a file that turns them off; -1: it does not */
};

extern const struct db_rehearsing sqlite_rehearsing;

/* ---- sqlite_copy.c: a database that has no name in any folder, so that nothing of it can be left behind ---- */

/* Copies what db->handle shows, within one look. db->target's stop ends it. False: *err. */
bool sqlite_copy_make(struct db *db, struct sqlite_copy **out, struct error *err);
/* Its connection, which is the copy's. */
sqlite3 *sqlite_copy_handle(const struct sqlite_copy *copy);
/* Closes it, and the copy is gone. NULL is allowed. */
void sqlite_copy_free(struct sqlite_copy *copy);

/* ---- sqlite_rehearse_effect.c ---- */

/* Before a statement: what there is. */
bool sqlite_effect_before(struct db *db, struct error *err);
/* After it: calls fn with what it did. */
bool sqlite_effect_after(struct db *db, db_effect_fn fn, void *user, struct error *err);
void sqlite_effect_free(struct sqlite_rehearsal *r);

/* ---- sqlite_schema.c ---- */
bool sqlite_schema_read(struct db *db, db_schema_fn fn, void *user, struct error *err);

#endif
