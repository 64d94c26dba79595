/* sqlite_outside.c: a file outside a transaction: its statements in autocommit or in its own BEGIN … COMMIT, and the marks that are committed around them. */
#include "sqlite_private.h"
#include "sqlite_sql.h"

/* A mark is a transaction of its own. */
static bool begin(struct db *db, int wait_ms, const char *doing, struct error *err)
{
    int rc;
    sqlite_arm(db);
    sqlite_wait_at_most(db, wait_ms, true);
    rc = sqlite_do(db, SQL_BEGIN, NULL, "");
    return rc == SQLITE_OK || sqlite_fault(db, rc, doing, err);
}

static bool commit(struct db *db, const char *doing, struct error *err)
{
    int rc;
    sqlite_wait_at_most(db, SQLITE_COMMIT_WAIT_MS, false);
    rc = sqlite_do(db, SQL_COMMIT, NULL, "");
    return rc == SQLITE_OK || sqlite_fault(db, rc, doing, err);
}

/* The run row must be there to be written. */
static bool one_row(struct db *db, int rc, const int64_t *rows, const char *doing, struct error *err)
{
    if (rc != SQLITE_OK)
        return sqlite_fault(db, rc, doing, err);
    return *rows == 1 || error_set(err, ERR_MEDDLED, "%s: the run's own row in jetbase_runs is gone", doing);
}

/* Whoever left the file half applied before: from now on our own row tells. */
static bool supersede(struct db *db, const struct db_step *step, const char *doing, struct error *err)
{
    const struct db_record *r = step->record;
    int rc = r->resolution ? sqlite_do(db, SQL_RESOLVE, NULL, "tttt", r->next_file, r->resolution, r->resolved_by, step->process_id) : SQLITE_OK;
    return rc == SQLITE_OK || sqlite_fault(db, rc, doing, err);
}

static bool start(struct db *db, const struct db_step *step, struct db_result *result, struct error *err)
{
    static const char doing[] = "noting that the statement starts; it was not run";
    int64_t rows = 0;
    bool ok;
    if (!db->outside && !sqlite_refresh(db, err))
        return false;
    db->outside = true;
    sqlite_timeouts(db, step);
    ok = begin(db, db->lock_ms > 0 ? db->lock_ms : SQLITE_HEAD_WAIT_MS, doing, err) && sqlite_fence(db, step, result, err) && sqlite_same_file(db, err) &&
         one_row(db, sqlite_do(db, SQL_RUN_START, &rows, "ttiit", step->process_id, step->record->next_file, step->record->next_statements, (int)step->statement, step->record->prefix), &rows, doing, err) &&
         supersede(db, step, doing, err) && commit(db, doing, err);
    if (!ok)
        sqlite_undo(db);
    return ok;
}

static bool done(struct db *db, const struct db_step *step, struct error *err)
{
    static const char doing[] = "noting that the statement is done";
    int64_t rows = 0;
    bool ok = begin(db, SQLITE_HEAD_WAIT_MS, doing, err) && one_row(db, sqlite_do(db, SQL_RUN_STATEMENT_DONE, &rows, "tit", step->process_id, (int)step->statement, step->record->prefix), &rows, doing, err) && commit(db, doing, err);
    if (!ok)
        sqlite_undo(db);
    return ok;
}

/* Its mark commits with the file's own transaction. */
static bool seal(struct db *db, const struct db_step *step, struct db_result *result, struct error *err)
{
    int64_t rows = 0;
    sqlite_arm(db);
    sqlite_wait_at_most(db, SQLITE_HEAD_WAIT_MS, true);
    if (!sqlite_schema_stands(db, true, err))
        return false;
    int rc = sqlite_do(db, SQL_RUN_SEAL, &rows, "tit", step->process_id, (int)step->statement, step->record->prefix);
    /* The write first: from it on nobody can change the lock, so that what is read of it stands until the COMMIT. */
    return one_row(db, rc, &rows, "noting the end of the file's own transaction", err) && sqlite_fence(db, step, result, err) && sqlite_same_file(db, err);
}

bool sqlite_outside(struct db *db, const struct db_step *step, struct db_result *result, struct error *err)
{
    bool open = step->kind == STEP_SEAL || (step->kind == STEP_ALONE && (step->block == BLOCK_INSIDE || step->block == BLOCK_COMMIT));
    if (db->mode != DB_RUN || !db->handle)
        return error_set(err, ERR_INTERNAL, "a statement was to run over a connection that only reads");
    if (open == (sqlite3_get_autocommit(db->handle) != 0))
        return error_set(err, ERR_INTERNAL, open ? "the file's own transaction is not open" : "a step outside a transaction was submitted inside one");
    switch (step->kind) {
    case STEP_START:
        return start(db, step, result, err);
    case STEP_DONE:
        return done(db, step, err);
    case STEP_SEAL:
        return seal(db, step, result, err);
    default:
        return sqlite_statement(db, step, result, err);
    }
}
