/* sqlite_statement.c: one statement of a migration file: guarded, run to its last row, its fault placed in the file. */
#include <limits.h>
#include <string.h>

#include "sqlite_private.h"

/* Puts the fault at character `chars` of the statement. */
static void place_fault(const struct db_step *step, size_t chars, struct error *err)
{
    place_advance(&step->at, step->sql, step->len, chars, &err->place);
    place_show(err, step->sql, step->len, chars);
}

/* Fills *err for a statement that SQLite refused or that failed on its way. */
static void statement_fault(struct db *db, const struct db_step *step, int rc, struct db_result *result, struct error *err)
{
    char words[1500];
    int offset = sqlite3_error_offset(db->handle);
    size_t chars = offset > 0 && (size_t)offset <= step->len ? text_chars(step->sql, (size_t)offset) : 0;
    text_visible(words, sizeof words, sqlite3_errmsg(db->handle));
    if ((rc & 0xff) == SQLITE_INTERRUPT) {
        result->cancelled = !db->timed_out;
        if (db->timed_out)
            error_set(err, ERR_SQL, "the statement was stopped: it ran longer than the statement timeout of %d ms", db->statement_ms);
        else
            error_set(err, ERR_CANCELLED, "the statement was stopped");
    } else if (db->refused[0]) {
        error_set(err, ERR_REFUSED, "%s", db->refused);
        error_hint(err, "Take the statement out of the file.");
    } else if ((rc & 0xff) == SQLITE_FULL || (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOMEM || (rc & 0xff) == SQLITE_CANTOPEN ||
               (rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_READONLY) {
        sqlite_fault(db, rc, "running the statement", err);
    } else {
        error_set(err, ERR_SQL, "%s", words);
    }
    place_fault(step, chars, err);
}

/* Is there nothing but blanks and comments behind the statement? SQLite itself is asked, as it had the last word on where the statement ends. */
static bool nothing_behind(struct db *db, const struct db_step *step, const char *tail)
{
    const char *end = step->sql + step->len;
    while (tail && tail < end && *tail) {
        sqlite3_stmt *more = NULL;
        const char *next = NULL;
        int rc = sqlite3_prepare_v3(db->handle, tail, (int)(end - tail) + 1, 0, &more, &next);
        sqlite3_finalize(more);
        if (rc != SQLITE_OK || more || next == tail)
            return false;
        tail = next;
    }
    return true;
}

static int run_to_end(struct db *db, sqlite3_stmt *stmt, int64_t *rows)
{
    int64_t before = sqlite3_total_changes64(db->handle);
    int rc;
    do
        rc = sqlite3_step(stmt);
    while (rc == SQLITE_ROW);
    *rows = -1;
    if (db->saw_drop)
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    if (rc == SQLITE_DONE && sqlite3_total_changes64(db->handle) > before)
        *rows = sqlite3_changes64(db->handle);
    else if (rc == SQLITE_DONE && db->saw_change)
        *rows = 0;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* SQLite keeps a copy of the text: that one is used from here on, so that a long one need not be there twice while it runs. */
static void use_own_text(sqlite3_stmt *stmt, struct db_step *step)
{
    if (!step->sql_done || !stmt)
        return;
    step->sql_done(step->sql_user);
    step->sql = sqlite3_sql(stmt);
    step->len = step->sql ? strlen(step->sql) : 0;
}

/* The statement is about to go: what may still be shown of its text is its first line. */
static void keep_head(struct db_step *step, char *head, size_t size)
{
    if (!step->sql_done || !step->sql)
        return;
    text_copy(head, size, step->sql);
    step->sql = head;
    step->len = strlen(head);
}

/* Prepares and runs under guard. head gets what remains of a long text. */
static int run_guarded(struct db *db, struct db_step *step, char *head, size_t head_size, struct db_result *result, bool *two, struct error *err)
{
    sqlite3_stmt *stmt = NULL;
    const char *tail = NULL;
    int rc = sqlite3_prepare_v3(db->handle, step->sql, (int)step->len + 1, 0, &stmt, &tail);
    if (rc == SQLITE_OK && !nothing_behind(db, step, tail)) {
        *two = true;
        sqlite3_finalize(stmt);
        return SQLITE_ERROR;
    }
    if (rc == SQLITE_OK && stmt) {
        use_own_text(stmt, step);
        rc = run_to_end(db, stmt, &result->rows);
    }
    if (rc != SQLITE_OK)
        statement_fault(db, step, rc, result, err);
    keep_head(step, head, head_size);
    sqlite3_finalize(stmt);
    return rc;
}

/* Outside a transaction: is one open exactly where the file has one open? */
static bool block_stands(struct db *db, const struct db_step *step, bool ok, struct error *err)
{
    bool inside = step->block == BLOCK_BEGIN || step->block == BLOCK_INSIDE, open = sqlite3_get_autocommit(db->handle) == 0;
    if (!ok || inside == open)
        return true;
    error_set(err, ERR_SQL, inside ? "the statement ended the file's own transaction" : "the statement left a transaction open");
    place_fault(step, 0, err);
    return false;
}

static bool is_vacuum(const struct db_step *step)
{
    return step->kind == STEP_ALONE && step->len >= 6 && sqlite3_strnicmp(step->sql, "VACUUM", 6) == 0;
}

/* After the statement: is its transaction still open? SQLite ends it on ROLLBACK clauses, a full disk and the like. */
static bool still_in_transaction(struct db *db, const struct db_step *step, bool ok, struct error *err)
{
    if (sqlite3_get_autocommit(db->handle) == 0)
        return true;
    if (ok) {
        error_set(err, ERR_SQL, "the statement ended the migration's transaction");
        place_fault(step, 0, err);
    }
    error_detail(err, "It rolled back everything this file had done: a ROLLBACK clause (INSERT OR ROLLBACK, ON CONFLICT ROLLBACK, RAISE(ROLLBACK)) does that, or a fault of the disk. Nothing after it was run.");
    return false;
}

bool sqlite_statement(struct db *db, const struct db_step *asked, struct db_result *result, struct error *err)
{
    struct db_step own = *asked, *step = &own;
    char head[256] = "";
    bool two = false, ok;
    if (step->len >= INT_MAX || memchr(step->sql, '\0', step->len)) {
        error_set(err, ERR_REFUSED, step->len >= INT_MAX ? "the statement is too long for SQLite" : "the statement holds a NUL byte: SQLite would not read on behind it");
        place_fault(step, 0, err);
        return false;
    }
    db->refused[0] = '\0';
    db->saw_change = db->saw_drop = db->timed_out = false;
    db->sql_until_ms = db->statement_ms > 0 ? db->target.sys->mono_ms() + db->statement_ms : 0;
    sqlite_wait_at_most(db, step->kind == STEP_ALONE && db->lock_ms > 0 ? db->lock_ms : SQLITE_HEAD_WAIT_MS, true);
    db->guarded = true;
    db->vacuuming = is_vacuum(step);
    ok = run_guarded(db, step, head, sizeof head, result, &two, err) == SQLITE_OK;
    db->guarded = db->vacuuming = false;
    if (two) {
        error_set(err, ERR_INTERNAL, "this is read as one statement, SQLite reads more than one; nothing of it was run");
        error_hint(err, "Put each statement on lines of its own, ended by the delimiter.");
        place_fault(step, 0, err);
    }
    if (step->kind == STEP_ALONE)
        return block_stands(db, step, ok, err) && ok;
    return still_in_transaction(db, step, ok, err) && ok;
}
