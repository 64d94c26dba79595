/* sqlite_lock.c: the one function that changes the lock: each change is one BEGIN IMMEDIATE … COMMIT, the proof of death inside it. */
#include <string.h>

#include "sqlite_private.h"
#include "sqlite_sql.h"

/* One change on its way; rc is what SQLite said last. */
struct changing {
    struct db *db;
    const struct db_lock_change *wish;
    bool lock, runs;  /* the tables are there */
    int rc;
};

/* The SQL function jetbase_witness_held(process_id, witness): can this run still go on? */
static void witness_held(sqlite3_context *context, int count, sqlite3_value **values)
{
    const struct db *db = sqlite3_user_data(context);
    const char *process_id = (const char *)sqlite3_value_text(values[0]), *witness = (const char *)sqlite3_value_text(values[1]);
    enum db_why why;
    (void)count;
    if (!process_id || !witness)
        sqlite3_result_int(context, 0);
    else
        sqlite3_result_int(context, sqlite_witness_own(db, process_id) || sqlite_witness_ask(db, process_id, witness, &why) == WITNESS_HELD);
}

int sqlite_lock_install(struct db *db)
{
    return sqlite3_create_function_v2(db->handle, "jetbase_witness_held", 2, SQLITE_UTF8 | SQLITE_DIRECTONLY, db, witness_held, NULL, NULL, NULL);
}

/* Runs one statement of the change. False: SQLite's fault, in c->rc. *rows (may be NULL): rows changed. */
#define STEP(c, rows, sql, ...) (((c)->rc = sqlite_do((c)->db, sql, rows, __VA_ARGS__)) == SQLITE_OK)

/* Can it be proven, here inside the transaction, that `from` can't commit any more? */
static enum db_change prove_dead(struct changing *c)
{
    struct db *db = c->db;
    const char *from = c->wish->from;
    char witness[DB_WITNESS_SIZE] = "";
    sqlite3_stmt *stmt = NULL;
    enum db_why why;
    if (sqlite_witness_own(db, from))
        return CHANGE_ALIVE;
    if (!c->runs)
        return CHANGE_CANNOT_TELL;
    c->rc = sqlite_query(db, &stmt, SQL_RUN_WITNESS, "t", from);
    if (c->rc != SQLITE_OK)
        return CHANGE_FAILED;
    if (sqlite3_step(stmt) == SQLITE_ROW)
        sqlite_column(stmt, 0, witness, sizeof witness);
    c->rc = sqlite3_finalize(stmt);
    if (c->rc != SQLITE_OK)
        return CHANGE_FAILED;
    switch (sqlite_witness_ask(db, from, witness, &why)) {
    case WITNESS_HELD:
        return CHANGE_ALIVE;
    case WITNESS_ABSENT:
        return CHANGE_DONE;
    case WITNESS_UNKNOWN:
        break;
    }
    return CHANGE_CANNOT_TELL;
}

/* Is the lock held by `from`? */
static bool names_from(struct changing *c, bool *names)
{
    sqlite3_stmt *stmt = NULL;
    *names = false;
    c->rc = sqlite_query(c->db, &stmt, SQL_LOCK_ROW, "");
    if (c->rc != SQLITE_OK)
        return false;
    if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0) != 0) {
        const char *holder = (const char *)sqlite3_column_text(stmt, 2);
        *names = strcmp(holder ? holder : "", c->wish->from) == 0;
    }
    c->rc = sqlite3_finalize(stmt);
    return c->rc == SQLITE_OK;
}

static bool run_insert(struct changing *c)
{
    const struct run_row *r = c->wish->run;
    return !c->runs || STEP(c, NULL, SQL_RUN_INSERT, "tsnsssnssin", r->process_id, r->host, r->pid > 0 ? r->pid : -1, r->os_user, r->program, r->command,
                            r->session_pid > 0 ? r->session_pid : -1, r->witness, r->file, (int)r->no_transaction, r->statements);
}

static enum db_change acquire(struct changing *c)
{
    int64_t rows = 0, locked;
    bool row;
    if (!STEP(c, NULL, SQL_CREATE_LOCK_ROW, ""))
        return CHANGE_FAILED;
    if (!STEP(c, &rows, c->runs ? SQL_ACQUIRE SQL_NO_UNFENCED : SQL_ACQUIRE, "t", c->wish->run->process_id))
        return CHANGE_FAILED;
    if (rows == 1)
        return run_insert(c) ? CHANGE_DONE : CHANGE_FAILED;
    /* Still inside the transaction: what kept the row from being set is what stands in it. */
    c->rc = sqlite_number(c->db, SQL_LOCK_ROW, &locked, &row, "");
    if (c->rc != SQLITE_OK)
        return CHANGE_FAILED;
    return locked ? CHANGE_HELD : CHANGE_UNFENCED;
}

static enum db_change take_over(struct changing *c)
{
    int64_t rows = 0;
    bool names;
    enum db_change dead;
    if (!names_from(c, &names))
        return CHANGE_FAILED;
    if (!names)
        return CHANGE_HELD;
    dead = prove_dead(c);
    if (dead != CHANGE_DONE)
        return dead;
    if (!STEP(c, &rows, SQL_TAKE_OVER SQL_NO_UNFENCED, "tt", c->wish->run->process_id, c->wish->from))
        return CHANGE_FAILED;
    if (rows != 1)
        return CHANGE_UNFENCED;
    return STEP(c, NULL, SQL_RUN_DIED, "t", c->wish->from) && run_insert(c) ? CHANGE_DONE : CHANGE_FAILED;
}

/* Writes who unlocked into the run row of `holder`, where it has one. */
static bool unlocked_by(struct changing *c, const char *holder)
{
    return !c->runs || STEP(c, NULL, SQL_RUN_UNLOCKED, "tss", holder, c->wish->by, c->wish->reason);
}

static enum db_change unlock(struct changing *c)
{
    int64_t rows = 0;
    bool names;
    if (!names_from(c, &names))
        return CHANGE_FAILED;
    if (!names)
        return CHANGE_HELD;
    if (c->wish->prove_dead) {
        enum db_change dead = prove_dead(c);
        if (dead != CHANGE_DONE)
            return dead;
    }
    if (!STEP(c, &rows, SQL_FREE, "t", c->wish->from))
        return CHANGE_FAILED;
    if (rows != 1)
        return CHANGE_HELD;
    if (c->wish->prove_dead && !STEP(c, NULL, SQL_RUN_DIED, "t", c->wish->from))
        return CHANGE_FAILED;
    return unlocked_by(c, c->wish->from) ? CHANGE_DONE : CHANGE_FAILED;
}

static enum db_change unlock_any(struct changing *c)
{
    char holder[DB_ID_SIZE] = "";
    sqlite3_stmt *stmt = NULL;
    c->rc = sqlite_query(c->db, &stmt, SQL_LOCK_ROW, "");
    if (c->rc != SQLITE_OK)
        return CHANGE_FAILED;
    if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0) != 0)
        sqlite_column(stmt, 2, holder, sizeof holder);
    c->rc = sqlite3_finalize(stmt);
    if (c->rc != SQLITE_OK || !STEP(c, NULL, SQL_FREE_ANY, "") || (holder[0] && !unlocked_by(c, holder)))
        return CHANGE_FAILED;
    return CHANGE_DONE;
}

/* The row is freed only where it is still ours; how the run ended is written in any case. */
static enum db_change release(struct changing *c)
{
    int64_t rows = 0;
    if (!STEP(c, &rows, SQL_FREE, "t", c->wish->from))
        return CHANGE_FAILED;
    if (c->runs && !STEP(c, NULL, SQL_RUN_ENDED, "tss", c->wish->from, run_outcome_name(c->wish->outcome), c->wish->detail))
        return CHANGE_FAILED;
    return rows == 1 ? CHANGE_DONE : CHANGE_HELD;
}

static enum db_change apply(struct changing *c)
{
    switch (c->wish->kind) {
    case CHANGE_ACQUIRE:
        return acquire(c);
    case CHANGE_TAKE_OVER:
        return take_over(c);
    case CHANGE_UNLOCK:
        return unlock(c);
    case CHANGE_UNLOCK_ANY:
        return unlock_any(c);
    case CHANGE_RELEASE:
        return release(c);
    }
    return CHANGE_FAILED;
}

/* BEGIN IMMEDIATE, and what there is to change. */
static bool begin(struct changing *c)
{
    c->rc = sqlite_do(c->db, SQL_BEGIN, NULL, "");
    if (c->rc == SQLITE_OK)
        c->rc = sqlite_has_table(c->db, "jetbase_lock", &c->lock);
    if (c->rc == SQLITE_OK)
        c->rc = sqlite_has_table(c->db, "jetbase_runs", &c->runs);
    return c->rc == SQLITE_OK;
}

/* What a change means where there is no lock table. */
static enum db_change without_table(const struct db_lock_change *wish, struct error *err)
{
    if (wish->kind == CHANGE_UNLOCK_ANY)
        return CHANGE_DONE;
    if (wish->kind != CHANGE_ACQUIRE)
        return CHANGE_HELD;
    error_set(err, ERR_FAILED, "there is no table jetbase_lock; nothing was locked");
    return CHANGE_FAILED;
}

/* A release that changed nothing in the lock row has still written how the run ended. */
static bool worth_keeping(const struct db_lock_change *wish, enum db_change got)
{
    return got == CHANGE_DONE || (got == CHANGE_HELD && wish->kind == CHANGE_RELEASE);
}

static enum db_change change_fault(struct changing *c, struct error *err)
{
    bool busy = (c->rc & 0xff) == SQLITE_BUSY;
    sqlite_fault(c->db, c->rc, "changing the lock", err);
    sqlite_undo(c->db);
    return busy ? CHANGE_BUSY : CHANGE_FAILED;
}

static bool well_formed(const struct db_lock_change *wish)
{
    bool needs_run = wish->kind == CHANGE_ACQUIRE || wish->kind == CHANGE_TAKE_OVER;
    bool needs_from = wish->kind != CHANGE_ACQUIRE && wish->kind != CHANGE_UNLOCK_ANY;
    return (!needs_run || wish->run) && (!needs_from || wish->from);
}

enum db_change sqlite_lock_change(struct db *db, const struct db_lock_change *change, struct error *err)
{
    struct changing c = { .db = db, .wish = change };
    enum db_change got;
    if (db->mode != DB_RUN || !well_formed(change)) {
        error_set(err, ERR_INTERNAL, db->mode != DB_RUN ? "the lock was to be changed over a connection that only reads" : "a change of the lock lacks its run or its holder");
        return CHANGE_FAILED;
    }
    if (!sqlite_refresh(db, err))
        return CHANGE_FAILED;
    if (!sqlite3_get_autocommit(db->handle)) {
        error_set(err, ERR_INTERNAL, "the lock was to be changed inside a migration's transaction");
        return CHANGE_FAILED;
    }
    sqlite_arm(db);
    /* A lock that was not taken leaves nothing behind; one that is to be given back is waited for. */
    sqlite_wait_at_most(db, change->timeout_ms, change->kind == CHANGE_ACQUIRE || change->kind == CHANGE_TAKE_OVER);
    if (!begin(&c))
        return change_fault(&c, err);
    if (!sqlite_same_file(db, err)) {
        sqlite_undo(db);
        return CHANGE_FAILED;
    }
    got = c.lock ? apply(&c) : without_table(change, err);
    if (c.rc != SQLITE_OK)
        return change_fault(&c, err);
    if (!worth_keeping(change, got)) {
        sqlite_undo(db);
        return got;
    }
    c.rc = sqlite_do(db, SQL_COMMIT, NULL, "");
    return c.rc == SQLITE_OK ? got : change_fault(&c, err);
}
