/* sqlite_look.c: looks at the lock: lock row, run row, witness, each in a statement of its own. */
#include <string.h>

#include "sqlite_private.h"
#include "sqlite_sql.h"

enum { LOOK_TRIES = 100 }; /* the lock may change hands between two statements, of runs that follow each other without a pause ten times in a row; not a hundred */

enum look { LOOK_SEEN, LOOK_AGAIN, LOOK_FAULT };

static int read_row(struct db *db, struct db_lock_row *out)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite_query(db, &stmt, SQL_LOCK_ROW, "");
    if (rc != SQLITE_OK)
        return rc;
    out->row = out->locked = false;
    out->process_id[0] = out->locked_at[0] = '\0';
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        out->row = true;
        out->locked = sqlite3_column_int(stmt, 0) != 0;
        sqlite_column(stmt, 1, out->locked_at, sizeof out->locked_at);
        if (out->locked)
            sqlite_column(stmt, 2, out->process_id, sizeof out->process_id);
    }
    return sqlite3_finalize(stmt);
}

/* The holder's run, or the newest ended one. */
static int read_run(struct db *db, struct db_lock_row *out)
{
    sqlite3_stmt *stmt = NULL;
    bool there, found;
    int rc = sqlite_has_table(db, "jetbase_runs", &there);
    if (rc != SQLITE_OK || !there)
        return rc;
    rc = out->locked ? sqlite_query(db, &stmt, SQL_RUN_ONE, "t", out->process_id) : sqlite_query(db, &stmt, SQL_RUN_LAST, "");
    if (rc != SQLITE_OK)
        return rc;
    found = sqlite3_step(stmt) == SQLITE_ROW;
    if (found)
        sqlite_run_row(stmt, out->locked ? &out->run : &out->last);
    out->has_run = found && out->locked;
    out->has_last = found && !out->locked;
    return sqlite3_finalize(stmt);
}

static void ask_witness(struct db *db, struct db_lock_row *out)
{
    out->why = WHY_NONE;
    out->own = sqlite_witness_own(db, out->process_id);
    if (out->own) {
        /* A run of this process is never asked about: a kernel lock says nothing to its own holder. */
        out->witness = WITNESS_HELD;
    } else if (!out->has_run) {
        out->witness = WITNESS_UNKNOWN;
        out->why = WHY_OTHER_PROGRAM;
    } else {
        out->witness = sqlite_witness_ask(db, out->process_id, out->run.witness, &out->why);
    }
}

/* Is the lock still as `seen` has it, in a new snapshot? */
static int read_again(struct db *db, const struct db_lock_row *seen, bool *same)
{
    struct db_lock_row now;
    int rc;
    memset(&now, 0, sizeof now);
    *same = true;
    /* A still view has no new snapshot: its end tells whether the file has changed since. */
    if (db->state == STATE_STILL)
        return SQLITE_OK;
    rc = read_row(db, &now);
    *same = rc == SQLITE_OK && now.locked && strcmp(now.process_id, seen->process_id) == 0;
    return rc;
}

static int look(struct db *db, struct db_lock_row *out, bool *same)
{
    int rc = sqlite_has_table(db, "jetbase_lock", &out->table);
    *same = true;
    if (rc != SQLITE_OK || !out->table)
        return rc;
    rc = read_row(db, out);
    if (rc == SQLITE_OK)
        rc = read_run(db, out);
    if (rc != SQLITE_OK || !out->locked)
        return rc;
    ask_witness(db, out);
    return out->witness == WITNESS_ABSENT ? read_again(db, out, same) : SQLITE_OK;
}

static enum look look_once(struct db *db, struct db_lock_row *out, struct error *err)
{
    bool empty = false, same = true;
    enum look seen = LOOK_SEEN;
    int rc;
    memset(out, 0, sizeof *out);
    if (!sqlite_look_begin(db, &empty, err))
        return LOOK_FAULT;
    sqlite_change_mark(db);
    if (empty)
        return LOOK_SEEN;
    rc = look(db, out, &same);
    if (rc == SQLITE_READONLY_ROLLBACK || (rc == SQLITE_OK && !same)) {
        seen = LOOK_AGAIN;
    } else if (rc != SQLITE_OK) {
        sqlite_fault(db, rc, "reading the lock", err);
        seen = LOOK_FAULT;
    }
    if (!sqlite_look_end(db) && seen == LOOK_SEEN)
        seen = LOOK_AGAIN;
    return seen;
}

bool sqlite_lock_read(struct db *db, struct db_lock_row *out, struct error *err)
{
    int wait_ms = db->target.statement_timeout_ms;
    sqlite_wait_at_most(db, wait_ms > 0 && wait_ms < SQLITE_LOOK_WAIT_MS ? wait_ms : SQLITE_LOOK_WAIT_MS, true);
    for (int i = 0; i < LOOK_TRIES; i++) {
        enum look seen = look_once(db, out, err);
        if (seen != LOOK_AGAIN)
            return seen == LOOK_SEEN;
    }
    error_set(err, ERR_LOCK_CHANGED, "the lock changed hands each time it was looked at");
    return error_hint(err, "Look again.");
}
