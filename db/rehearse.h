/* rehearse.h: the part of the driver contract that rehearses migrations: runs them where nothing of it can stay, and tells what each statement did. */
#ifndef JETBASE_DB_REHEARSE_H
#define JETBASE_DB_REHEARSE_H

#include "db.h"

/* Lock modes of tables, the weakest first; a set of them is a sum of `1u << mode` (https://www.postgresql.org/docs/current/explicit-locking.html). */
enum db_lock_mode { MODE_ACCESS_SHARE, MODE_ROW_SHARE, MODE_ROW_EXCLUSIVE, MODE_SHARE_UPDATE_EXCLUSIVE, MODE_SHARE, MODE_SHARE_ROW_EXCLUSIVE, MODE_EXCLUSIVE, MODE_ACCESS_EXCLUSIVE, MODES };

/* "ACCESS SHARE" … as SQL writes them. Never NULL. */
const char *db_lock_mode_name(enum db_lock_mode mode);
/* The strongest of a set, or MODES where it is empty. */
enum db_lock_mode db_lock_mode_strongest(unsigned modes);

enum db_relation_kind { RELATION_TABLE, RELATION_INDEX, RELATION_VIEW, RELATION_SEQUENCE, RELATION_OTHER };

/* "table", "index", "view", "sequence", "relation". */
const char *db_relation_kind_name(enum db_relation_kind kind);

#define DB_RELATION_SIZE 200

/* What one statement did with one table, index, view or sequence, as the database itself shows it. Plain data; names as stored, so not safe to show as they are. */
struct db_effect {
    enum db_relation_kind kind;
    char name[DB_RELATION_SIZE]; /* "schema.orders"; SQLite: "orders" */
    char of[DB_RELATION_SIZE];   /* index: its table; else "" */
    unsigned modes;              /* locks that it took and that were not held before (set of db_lock_mode); 0: none. SQLite has none on tables */
    unsigned held;               /* locks that the rehearsal held on it before, by an earlier statement */
    bool made, gone;             /* by this statement */
    bool new_here;               /* made by this or an earlier statement of the rehearsal: nobody else can wait for it */
    bool rewritten;              /* it was there before and has another file now (PostgreSQL); SQLite: it was there, and all of it was written anew */
    bool emptied;                /* it has a new file, which is empty, or the same that held something before the statement (TRUNCATE) */
    int64_t bytes;               /* of the table with its indexes, after the statement; -1 not known */
    int64_t rows;                /* of the table before the rehearsal, estimated (SQLite: counted after the statement); -1 not known */
};

/* One object of a schema. Pointers live for the call that shows them. */
struct db_schema_object {
    const char *kind;        /* "index", "default", "grant" … */
    const char *what;        /* as a person calls it: "index public.orders_customer_idx", "default of public.orders.state"; with kind it is unique */
    const char *part_of;     /* the `what` of the object that it goes with, or "" */
    const char *definition;  /* all that is compared */
};

typedef bool (*db_effect_fn)(void *user, const struct db_effect *effect);               /* false stops: memory ran out */
typedef bool (*db_schema_fn)(void *user, const struct db_schema_object *object);        /* the same */

struct db_rehearsal_wish {
    int lock_timeout_ms;      /* how long a statement waits for a lock, and how long anybody may wait behind us; MUST be more than 0 */
    int statement_timeout_ms; /* 0: none */
};

/* Calls for an idle connection: begin first, end last. PostgreSQL needs a DB_RUN connection and works in one transaction of the database itself; SQLite needs a DB_LOOK one and works on a copy that has no name in any folder: it becomes this connection's database until end. Nothing is ever committed. */
struct db_rehearsing {
    /* Begins. What is left behind where it fails is nothing. MUST be set. */
    bool (*begin)(struct db *db, const struct db_rehearsal_wish *wish, struct error *err);
    /* Before the first statement of a file's upgrade part, or (undo) of its rollback part, which back() takes away again. head: isolation is passed over, timeouts count where they are shorter than the wish's. MUST be set. */
    bool (*part)(struct db *db, const struct db_step *head, bool undo, struct error *err);
    /* Runs one statement (a STEP_SQL) and tells what it did. False: *err, with its place. MUST be set. */
    bool (*statement)(struct db *db, const struct db_step *step, struct db_result *result, db_effect_fn fn, void *user, struct error *err);
    /* Behind the last one: what a COMMIT would check is checked, and the session is as clean as a run leaves it. MUST be set. */
    bool (*part_end)(struct db *db, struct error *err);
    /* Back to before the last part(undo), also after a fault in it. MUST be set. */
    bool (*back)(struct db *db, struct error *err);
    /* Calls fn with every object of the schema as it is now, in no order. MUST be set. */
    bool (*schema)(struct db *db, db_schema_fn fn, void *user, struct error *err);
    /* Somebody has waited behind us for longer than the wish's lock timeout, or nobody could look whether somebody does: what is at work was cancelled for it, *err says who. MUST be set. */
    bool (*crowded)(struct db *db, struct error *err);
    /* Rolls all back (on SQLite drops the copy). NULL is allowed. False: the connection is gone, and the server rolls back once it notices. MUST be set. */
    bool (*end)(struct db *db);
};

#endif
