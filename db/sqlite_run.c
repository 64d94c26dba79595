/* sqlite_run.c: the steps of a run, executed one by one as their results are asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "failpoint.h"
#include "sqlite_private.h"
#include "sqlite_sql.h"

enum { FAR_AHEAD_MS = 60000 };

bool sqlite_submit(struct db *db, const struct db_step *step, struct error *err)
{
    if (db->head > 0 && db->count == 0)
        db->head = 0;
    if (db->head + db->count == db->cap) {
        size_t cap = db->cap ? db->cap * 2 : 64;
        struct db_step *queue = realloc(db->queue, cap * sizeof *queue);
        if (!queue)
            return error_set(err, ERR_NO_MEMORY, "out of memory for a step of the migration");
        db->queue = queue;
        db->cap = cap;
    }
    if (db->count == 0)
        db->last_ms = db->target.sys->mono_ms();
    db->queue[db->head + db->count++] = *step;
    return true;
}

bool sqlite_fence(struct db *db, const struct db_step *step, struct db_result *result, struct error *err)
{
    int64_t ignored;
    bool found;
    int rc = sqlite_number(db, SQL_FENCE, &ignored, &found, "t", step->process_id);
    if (rc != SQLITE_OK)
        return sqlite_fault(db, rc, "checking the lock", err);
    if (found)
        return true;
    result->lost = true;
    error_set(err, ERR_LOCK_LOST, "the lock was lost: it no longer names this run");
    return false;
}

static bool data_version(struct db *db, unsigned *version)
{
    return sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_DATA_VERSION, version) == SQLITE_OK;
}

/* The fence at a migration's head, inside its transaction. What it would read are the pages of the last commit wherever the data version is that of then: another program's commit changes it, and each of our own. That commit has asked for the file at the path, too. */
static bool fence_of_head(struct db *db, const struct db_step *step, struct db_result *result, struct error *err)
{
    unsigned version;
    bool proven = db->proven && strcmp(db->fenced_id, step->process_id) == 0 && data_version(db, &version) && version == db->proven_version;
    db->proven = false;
    if (!proven && !(sqlite_fence(db, step, result, err) && sqlite_same_file(db, err)))
        return false;
    text_copy(db->fenced_id, sizeof db->fenced_id, step->process_id);
    return true;
}

void sqlite_timeouts(struct db *db, const struct db_step *step)
{
    db->lock_ms = step->lock_timeout_ms > 0 ? step->lock_timeout_ms : db->target.lock_timeout_ms;
    db->statement_ms = step->statement_timeout_ms > 0 ? step->statement_timeout_ms : db->target.statement_timeout_ms;
}

static bool head(struct db *db, const struct db_step *step, struct db_result *result, struct error *err)
{
    int rc;
    if (db->mode != DB_RUN)
        return error_set(err, ERR_INTERNAL, "a migration was to run over a connection that only reads");
    db->outside = false;
    sqlite_timeouts(db, step);
    if (!sqlite_refresh(db, err))
        return false;
    if (!sqlite3_get_autocommit(db->handle))
        return error_set(err, ERR_INTERNAL, "a migration was to begin inside the transaction of another");
    db->check_keys = step->foreign_keys_off;
    db->schema_written = false;
    if (step->foreign_keys_off && (rc = sqlite_do(db, SQL_KEYS_OFF, NULL, "")) != SQLITE_OK)
        return sqlite_fault(db, rc, "turning foreign keys off", err);
    db->tainted |= step->foreign_keys_off; /* the next migration has what it had before */
    sqlite_arm(db);
    sqlite_wait_at_most(db, db->lock_ms > 0 ? db->lock_ms : SQLITE_HEAD_WAIT_MS, true);
    rc = sqlite_do_kept(db, &db->begin, SQL_BEGIN);
    if (rc != SQLITE_OK)
        return sqlite_fault(db, rc, "beginning the migration", err);
    /* From here to the COMMIT nobody can change the lock: this check is the fence. */
    if (fence_of_head(db, step, result, err))
        return true;
    sqlite_undo(db);
    return false;
}

/* Since head() nobody but the file itself can have changed the lock. */
static bool fence_of_trailer(struct db *db, const struct db_step *step, struct db_result *result, struct error *err)
{
    return (!db->saw_lock && !db->schema_written) || sqlite_fence(db, step, result, err);
}

/* Every foreign key of the database must hold before the COMMIT of a migration that ran without them. */
static bool check_keys(struct db *db, struct error *err)
{
    sqlite3_stmt *stmt = NULL;
    char table[128], parent[128];
    int rc;
    if (!db->check_keys)
        return true;
    rc = sqlite_query(db, &stmt, SQL_KEYS_CHECK, "");
    if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        sqlite_column(stmt, 0, table, sizeof table);
        sqlite_column(stmt, 2, parent, sizeof parent);
        error_set(err, ERR_SQL, "foreign keys are broken: row %lld of %s names a row of %s that is not there (checked before the commit)", (long long)sqlite3_column_int64(stmt, 1), table, parent);
        error_hint(err, "`PRAGMA foreign_key_check` in sqlite3 lists what is broken already; the rest is this file's.");
        sqlite3_finalize(stmt);
        return false;
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE || sqlite_fault(db, rc, "checking foreign keys", err);
}

bool sqlite_schema_stands(struct db *db, bool runs, struct error *err)
{
    static const char *const own[] = { "jetbase_migrations", "jetbase_lock", "jetbase_runs" };
    int rc = SQLITE_OK;
    if (!db->schema_written)
        return true;
    rc = sqlite_do(db, SQL_SCHEMA_RESET, NULL, "");
    for (size_t i = 0; i < (runs ? 3 : 2) && rc == SQLITE_OK; i++) {
        bool there;
        rc = sqlite_has_table(db, own[i], &there);
        if (rc == SQLITE_OK && !there) {
            error_set(err, ERR_SQL, "the file writes SQLite's schema itself (PRAGMA writable_schema), and jetbase's own tables are no longer in it (%s; checked before the commit)", own[i]);
            return error_hint(err, "Let its statements on sqlite_master leave the rows of jetbase_migrations, jetbase_lock and jetbase_runs alone.");
        }
    }
    if (rc == SQLITE_OK)
        return true;
    char words[1024];
    text_visible(words, sizeof words, sqlite3_errmsg(db->handle));
    error_set(err, ERR_SQL, "the file writes SQLite's schema itself (PRAGMA writable_schema), and SQLite can't read it any more: %s (checked before the commit)", words);
    return error_hint(err, "Correct the statements on sqlite_master: each `sql` must be the statement that makes the table, index, view or trigger of that row.");
}

/* A statement of ours may only run while the migration's transaction is open. */
static bool inside(struct db *db, struct error *err)
{
    if (db->handle && !sqlite3_get_autocommit(db->handle))
        return true;
    return error_set(err, ERR_INTERNAL, "the migration has no open transaction; nothing was run or recorded");
}

/* As STRFTIME('%Y-%m-%d %H:%M:%f') has it. */
static void stored_time(int64_t ms, char to[64])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm at;
    size_t len = gmtime_r(&seconds, &at) ? strftime(to, 32, "%Y-%m-%d %H:%M:%S", &at) : 0;
    snprintf(to + len, 64 - len, ".%03d", (int)(ms % 1000));
}

/* Jetbase takes the newest applied_at for the latest version, and two migrations may end within a millisecond: the time is always behind that of the row before, which a fast run puts further and further ahead of the clock. Only a row of somebody else's is passed over where it is far ahead: his clock was wrong. */
static int insert_history(struct db *db, const struct db_record *r, int64_t *rows)
{
    int64_t now = db->target.sys->wall_us() / 1000;
    char at[64];
    bool found;
    int rc = db->last_applied_ms ? SQLITE_OK : sqlite_number(db, SQL_RECORD_LAST, &db->last_applied_ms, &found, "");
    if (rc != SQLITE_OK)
        return rc;
    if (db->last_applied_ms >= now && (db->last_applied_own || db->last_applied_ms - now < FAR_AHEAD_MS))
        now = db->last_applied_ms + 1;
    stored_time(now, at);
    rc = sqlite_do(db, SQL_RECORD_INSERT, rows, "tttttt", r->version, r->description, r->file, r->type, r->checksum, at);
    if (rc == SQLITE_OK) {
        db->last_applied_ms = now;
        db->last_applied_own = true;
    }
    return rc;
}

static bool write_history(struct db *db, const struct db_record *r, int64_t *rows, struct error *err)
{
    int rc = SQLITE_MISUSE;
    switch (r->kind) {
    case RECORD_KEEP:
        *rows = r->expect_rows;
        return true;
    case RECORD_BASELINE: /* its time is always after that of the row before it */
    case RECORD_INSERT:
        rc = insert_history(db, r, rows);
        break;
    case RECORD_UPDATE:
        rc = sqlite_do(db, SQL_RECORD_UPDATE, rows, "ttt", r->checksum, r->file, r->type);
        break;
    case RECORD_DELETE:
        rc = sqlite_do(db, SQL_RECORD_DELETE, rows, "t", r->version);
        break;
    case RECORD_CHECKSUM:
        rc = sqlite_do(db, SQL_RECORD_CHECKSUM, rows, "tt", r->checksum, r->version);
        break;
    case RECORD_FORGET:
        rc = sqlite_do(db, SQL_RECORD_FORGET, rows, "tt", r->file, r->type);
        break;
    }
    if (rc == SQLITE_CONSTRAINT_UNIQUE)
        return error_set(err, ERR_HISTORY, "version %s is recorded in jetbase_migrations already: another program applied it since it was planned", r->version ? r->version : "");
    if (rc != SQLITE_OK)
        return sqlite_fault(db, rc, "recording the migration", err);
    return true;
}

static bool record(struct db *db, const struct db_step *step, struct db_result *result, struct error *err)
{
    const struct db_record *r = step->record;
    int64_t rows = 0, runs = 0;
    int rc;
    if (!write_history(db, r, &rows, err))
        return false;
    result->rows = rows;
    if (rows != r->expect_rows)
        return error_set(err, ERR_HISTORY, "recording the migration changed %lld rows of jetbase_migrations, not %lld: history was changed by somebody else", (long long)rows, (long long)r->expect_rows);
    if (!step->has_run)
        return true;
    rc = r->resolution ? sqlite_do(db, SQL_RESOLVE, NULL, "tttt", r->file, r->resolution, r->resolved_by, step->process_id) : SQLITE_OK;
    if (rc != SQLITE_OK)
        return sqlite_fault(db, rc, "recording how the file was resolved", err);
    rc = sqlite_do(db, SQL_RUN_DONE, &runs, "tttn", step->process_id, r->last_done, r->next_file, r->next_file ? r->next_statements : -1);
    if (rc != SQLITE_OK)
        return sqlite_fault(db, rc, "recording the migration", err);
    if (runs != 1)
        return error_set(err, ERR_MEDDLED, "the run's own row in jetbase_runs is gone");
    return true;
}

/* What a COMMIT that failed leaves. */
static bool commit_fault(struct db *db, int rc, struct error *err)
{
    bool open = !sqlite3_get_autocommit(db->handle);
    if ((rc & 0xff) == SQLITE_BUSY) {
        char who[128];
        sqlite_file_users(db, who, sizeof who);
        error_set(err, ERR_LOCK_BUSY, "the migration could not be committed: %s has been reading the database file all the time", who);
        error_hint(err, "Let the reader finish (a shell or an application with an open SELECT or transaction), then run the command again.");
    } else if ((rc & 0xff) == SQLITE_CONSTRAINT) {
        char words[1024];
        text_visible(words, sizeof words, sqlite3_errmsg(db->handle));
        error_set(err, ERR_SQL, "%s (at COMMIT: a deferred constraint)", words);
    } else {
        sqlite_fault(db, rc, "committing the migration", err);
    }
    if (open)
        return false;
    if ((rc & 0xff) == SQLITE_IOERR) {
        /* The journal may or may not have been taken away before the fault: only a later reader knows. */
        err->code = ERR_UNKNOWN_END;
        error_detail(err, "Whether this migration was committed is not known: SQLite ended the transaction on the fault.");
    } else {
        error_detail(err, "SQLite rolled the transaction back by itself.");
    }
    return false;
}

static bool commit(struct db *db, struct error *err)
{
    int rc;
    if (!inside(db, err) || !sqlite_same_file(db, err))
        return false;
    /* A file's PRAGMA busy_timeout has replaced our waiting. */
    sqlite_arm(db);
    sqlite_wait_at_most(db, SQLITE_COMMIT_WAIT_MS, false);
    rc = sqlite_do_kept(db, &db->commit, SQL_COMMIT);
    FAILPOINT("commit");
    if (rc != SQLITE_OK)
        return commit_fault(db, rc, err);
    db->proven = !db->saw_lock && !db->schema_written && data_version(db, &db->proven_version);
    return true;
}

static bool write_progress(struct db *db, const struct db_step *step, int64_t *rows, struct error *err)
{
    const struct db_record *r = step->record;
    int rc;
    sqlite_wait_at_most(db, SQLITE_HEAD_WAIT_MS, true);
    rc = sqlite_do(db, SQL_BEGIN, NULL, "");
    if (rc == SQLITE_OK)
        rc = sqlite_do(db, SQL_RUN_PROGRESS, rows, "ttn", step->process_id, r->next_file, r->next_file ? r->next_statements : -1);
    if (rc == SQLITE_OK) {
        sqlite_wait_at_most(db, SQLITE_COMMIT_WAIT_MS, false);
        rc = sqlite_do(db, SQL_COMMIT, NULL, "");
    }
    if (rc == SQLITE_OK)
        return true;
    sqlite_fault(db, rc, "writing the run's progress", err);
    sqlite_undo(db);
    return false;
}

static bool progress(struct db *db, const struct db_step *step, struct db_result *result, struct error *err)
{
    if (!step->has_run || !step->record)
        return true;
    if (!sqlite_refresh(db, err))
        return false;
    if (!sqlite3_get_autocommit(db->handle))
        return error_set(err, ERR_INTERNAL, "progress can't be written inside a migration's transaction");
    return write_progress(db, step, &result->rows, err);
}

static bool execute(struct db *db, const struct db_step *step, struct db_result *result, struct error *err)
{
    switch (step->kind) {
    case STEP_HEAD:
        return head(db, step, result, err);
    case STEP_SQL:
        return inside(db, err) && sqlite_statement(db, step, result, err);
    case STEP_RESET:
        return (!db->check_keys && !db->schema_written) || (inside(db, err) && sqlite_schema_stands(db, step->has_run, err) && check_keys(db, err));
    case STEP_BARRIER:
        return true;
    case STEP_FENCE:
        return inside(db, err) && fence_of_trailer(db, step, result, err);
    case STEP_RECORD:
        return inside(db, err) && record(db, step, result, err);
    case STEP_COMMIT:
        return commit(db, err);
    case STEP_PROGRESS:
        return progress(db, step, result, err);
    case STEP_START:
    case STEP_ALONE:
    case STEP_SEAL:
    case STEP_DONE:
        return sqlite_outside(db, step, result, err);
    }
    return error_set(err, ERR_INTERNAL, "an unknown step");
}

enum db_next sqlite_next(struct db *db, int timeout_ms, struct db_result *result, struct error *err)
{
    struct error fault;
    struct db_step step;
    int64_t now;
    (void)timeout_ms; /* a step is executed here and now: its answer is never waited for */
    if (db->count == 0)
        return DB_DRAINED;
    step = db->queue[db->head++];
    db->count--;
    *result = (struct db_result){ .kind = step.kind, .migration = step.migration, .statement = step.statement, .rows = -1 };
    error_clear(&fault);
    /* A barrier answers whatever came before. */
    if (db->failed && step.kind != STEP_BARRIER)
        result->skipped = true;
    else
        result->ok = execute(db, &step, result, &fault);
    now = db->target.sys->mono_ms();
    result->ms = (double)(now - db->last_ms);
    db->last_ms = now;
    if (!result->ok && !result->skipped) {
        db->failed = true;
        result->cancelled |= fault.code == ERR_CANCELLED;
        if (err)
            *err = fault;
    }
    return DB_RESULT;
}

bool sqlite_rollback(struct db *db, struct error *err)
{
    db->head = db->count = 0;
    db->failed = db->outside = false;
    sqlite_undo(db);
    if (db->handle && db->schema_written) /* what was read of it inside the transaction is not true any more */
        sqlite_do(db, SQL_SCHEMA_RESET, NULL, "");
    if (!db->handle)
        return sqlite_connect(db, err);
    if (sqlite3_get_autocommit(db->handle))
        return true;
    /* A rollback that fails keeps SQLite's lock on the file: only a new connection lets it go. */
    sqlite_disconnect(db);
    return db->memory ? error_set(err, ERR_NO_CONNECTION, "the migration could not be rolled back; the database in memory is given up") : sqlite_connect(db, err);
}
