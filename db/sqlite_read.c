/* sqlite_read.c: reads history and runs, and waits until another connection has committed. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "sqlite_private.h"
#include "sqlite_sql.h"

/* The column as a string, "" for NULL. */
static const char *words(sqlite3_stmt *stmt, int column)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    return text ? text : "";
}

static int history_rows(sqlite3_stmt *stmt, db_history_fn fn, void *user)
{
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct history_row row = {
            .order = sqlite3_column_int64(stmt, 0),
            .version = (const char *)sqlite3_column_text(stmt, 1),
            .description = words(stmt, 2),
            .file = words(stmt, 3),
            .checksum = words(stmt, 4),
            .type = words(stmt, 5),
            .applied_at = words(stmt, 6),
        };
        if (!fn(user, &row))
            return SQLITE_DONE;
    }
    return rc;
}

static int number(sqlite3_stmt *stmt, int column)
{
    return sqlite3_column_type(stmt, column) == SQLITE_NULL ? -1 : sqlite3_column_int(stmt, column);
}

void sqlite_run_row(sqlite3_stmt *stmt, struct run_row *out)
{
    memset(out, 0, sizeof *out);
    sqlite_column(stmt, 0, out->process_id, sizeof out->process_id);
    sqlite_column(stmt, 1, out->host, sizeof out->host);
    sqlite_column(stmt, 2, out->os_user, sizeof out->os_user);
    sqlite_column(stmt, 3, out->program, sizeof out->program);
    sqlite_column(stmt, 4, out->command, sizeof out->command);
    out->pid = number(stmt, 5);
    out->session_pid = number(stmt, 6);
    sqlite_column(stmt, 7, out->witness, sizeof out->witness);
    sqlite_column(stmt, 8, out->acquired_at, sizeof out->acquired_at);
    out->age_s = sqlite3_column_type(stmt, 9) == SQLITE_NULL ? -1 : sqlite3_column_double(stmt, 9);
    out->lasted_s = sqlite3_column_type(stmt, 10) == SQLITE_NULL ? -1 : sqlite3_column_double(stmt, 10);
    sqlite_column(stmt, 11, out->file, sizeof out->file);
    out->no_transaction = sqlite3_column_int(stmt, 12) != 0;
    out->statements = number(stmt, 13);
    out->started_statement = number(stmt, 14);
    out->done_statement = number(stmt, 15);
    sqlite_column(stmt, 16, out->last_done, sizeof out->last_done);
    sqlite_column(stmt, 17, out->released_at, sizeof out->released_at);
    out->outcome = run_outcome_from((const char *)sqlite3_column_text(stmt, 18));
    sqlite_column(stmt, 19, out->detail, sizeof out->detail);
    sqlite_column(stmt, 20, out->unlocked_by, sizeof out->unlocked_by);
    sqlite_column(stmt, 21, out->unlocked_at, sizeof out->unlocked_at);
    sqlite_column(stmt, 22, out->unlock_reason, sizeof out->unlock_reason);
    sqlite_column(stmt, 23, out->resolution, sizeof out->resolution);
    if (sqlite3_column_count(stmt) <= 24)
        return;
    out->lives = sqlite3_column_int(stmt, 24) != 0;
    sqlite_column(stmt, 25, out->prefix, sizeof out->prefix);
}

static int run_rows(sqlite3_stmt *stmt, db_run_fn fn, void *user)
{
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct run_row row;
        sqlite_run_row(stmt, &row);
        if (!fn(user, &row))
            return SQLITE_DONE;
    }
    return rc;
}

/* Ends a reading: its fault, or that the file changed under it. */
static bool read_ended(struct db *db, int rc, const char *doing, struct error *err)
{
    bool ok = rc == SQLITE_OK || rc == SQLITE_DONE || sqlite_fault(db, rc, doing, err);
    if (!sqlite_look_end(db) && ok)
        return error_set(err, ERR_LOCK_BUSY, "%s: the database file was changed meanwhile; try again", doing);
    return ok;
}

bool sqlite_history_read(struct db *db, bool *table, db_history_fn fn, void *user, struct error *err)
{
    sqlite3_stmt *stmt = NULL;
    bool empty, there = false;
    int rc;
    if (table)
        *table = false;
    sqlite_wait_at_most(db, SQLITE_LOOK_WAIT_MS, true);
    if (!sqlite_look_begin(db, &empty, err))
        return false;
    if (empty)
        return true;
    rc = sqlite_has_table(db, "jetbase_migrations", &there);
    if (table)
        *table = there;
    if (rc == SQLITE_OK && there)
        rc = sqlite_query(db, &stmt, SQL_HISTORY, "");
    if (stmt)
        rc = history_rows(stmt, fn, user);
    sqlite3_finalize(stmt);
    return read_ended(db, rc, "reading jetbase_migrations", err);
}

bool sqlite_runs_read(struct db *db, const char *process_id, int limit, db_run_fn fn, void *user, struct error *err)
{
    sqlite3_stmt *stmt = NULL;
    bool empty, there = false;
    int rc;
    sqlite_wait_at_most(db, SQLITE_LOOK_WAIT_MS, true);
    if (!sqlite_look_begin(db, &empty, err))
        return false;
    if (empty)
        return true;
    rc = sqlite_has_table(db, "jetbase_runs", &there);
    if (rc == SQLITE_OK && there)
        rc = sqlite_query(db, &stmt, SQL_RUN_ALL, "ti", process_id, limit > 0 ? limit : -1);
    if (stmt)
        rc = run_rows(stmt, fn, user);
    sqlite3_finalize(stmt);
    return read_ended(db, rc, "reading jetbase_runs", err);
}

bool sqlite_unfinished_read(struct db *db, db_run_fn fn, void *user, struct error *err)
{
    sqlite3_stmt *stmt = NULL;
    bool empty, there = false;
    int rc;
    sqlite_wait_at_most(db, SQLITE_LOOK_WAIT_MS, true);
    if (!sqlite_look_begin(db, &empty, err))
        return false;
    if (empty)
        return true;
    rc = sqlite_has_table(db, "jetbase_runs", &there);
    if (rc == SQLITE_OK && there)
        rc = sqlite_query(db, &stmt, SQL_UNFINISHED, "");
    if (rc == SQLITE_ERROR)
        rc = SQLITE_OK; /* an older table that lacks columns: no run of that time left anything unfinished */
    if (stmt)
        rc = run_rows(stmt, fn, user);
    sqlite3_finalize(stmt);
    return read_ended(db, rc, "reading jetbase_runs", err);
}

/* ---- waiting for a change ---- */

/* The number SQLite raises on this connection when another one commits; -1 where there is none to ask. */
static int64_t version_now(struct db *db)
{
    int64_t version;
    bool found;
    if (db->state != STATE_OPEN || sqlite_number(db, SQL_VERSION, &version, &found, "") != SQLITE_OK || !found)
        return -1;
    return version;
}

static bool same_state(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void sqlite_change_mark(struct db *db)
{
    int64_t version = version_now(db);
    if (version >= 0)
        db->seen_version = version;
    db->seen_file = db->path && stat(db->path, &db->seen_stat) == 0;
}

/* Has anything been committed since the last look? Where SQLite has nothing open the file itself is looked at; a writer in WAL mode shows by its -wal. */
static bool changed_since(struct db *db)
{
    struct stat st;
    bool there;
    if (db->state == STATE_OPEN) {
        int64_t version = sqlite_same_file(db, NULL) ? version_now(db) : INT64_MAX;
        bool changed = version >= 0 && version != db->seen_version;
        if (version >= 0)
            db->seen_version = version;
        return changed;
    }
    if (!db->path)
        return false;
    there = stat(db->path, &st) == 0;
    if (there != db->seen_file || (there && (!same_state(&st, &db->seen_stat) || (db->seen_quiet && !sqlite_still_quiet(db))))) {
        db->seen_file = there;
        if (there)
            db->seen_stat = st;
        db->seen_quiet = false;
        return true;
    }
    return false;
}

bool sqlite_wait_change(struct db *db, int timeout_ms, int wake_fd, bool *changed, struct error *err)
{
    const struct sys *sys = db->target.sys;
    int64_t until = timeout_ms < 0 ? INT64_MAX : sys->mono_ms() + timeout_ms;
    *changed = false;
    for (;;) {
        struct pollfd wake = { .fd = wake_fd, .events = POLLIN };
        int64_t left;
        sqlite_wait_at_most(db, 0, true);
        *changed = changed_since(db);
        left = until - sys->mono_ms();
        if (*changed || left <= 0)
            return true;
        int got = poll(&wake, 1, left < SQLITE_POLL_MS ? (int)left : SQLITE_POLL_MS);
        if (got < 0 && errno != EINTR)
            return error_set(err, ERR_INTERNAL, "waiting for a change failed (error %d)", errno);
        if (got != 0)
            return true;
    }
}
