/* faulty.c: runs over an SQLite file with faults, and what is wrong with it afterwards. */
#include "faulty.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

void faulty_trace(const struct sandbox *sb, char *path, size_t size)
{
    snprintf(path, size, "%s/trace", sb->dir);
}

void faulty_start(const struct sandbox *sb, struct process *p, const char *fail, const char *const args[])
{
    const char *argv[16] = { process_faulty() };
    char trace[400], wanted[100], path[300];
    const char *env[] = { sb->variable, "JETBASE_FAILPOINT_MS=release=300", trace, fail ? wanted : NULL, NULL };
    size_t i = 0;
    for (; args[i]; i++) {
        assert_true(i + 2 < sizeof argv / sizeof *argv);
        argv[i + 1] = args[i];
    }
    faulty_trace(sb, path, sizeof path);
    snprintf(trace, sizeof trace, FAULTVFS_TRACE "=%s", path);
    if (fail)
        snprintf(wanted, sizeof wanted, FAULTVFS_FAIL "=%s", fail);
    process_start(p, sb->dir, argv, env);
}

/* A number, or -1 where the query fails: *wrong then says so. */
static long number(sqlite3 *db, const char *sql, char *wrong, size_t size)
{
    sqlite3_stmt *stmt = NULL;
    long value = -1;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        value = (long)sqlite3_column_int64(stmt, 0);
    if (rc != SQLITE_ROW && !wrong[0])
        snprintf(wrong, size, "%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(stmt);
    return value;
}

static bool has(sqlite3 *db, const char *name, char *wrong, size_t size)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM sqlite_master WHERE name = '%s'", name);
    return number(db, sql, wrong, size) > 0;
}

/* One file of sandbox_steps: whole or not at all, as the history says. */
static int step_wrong(sqlite3 *db, bool history, int i, int rows, char *wrong, size_t size)
{
    char sql[200], table[16], index[16];
    long noted = 0, logged, there;
    snprintf(sql, sizeof sql, "SELECT count(*) FROM jetbase_migrations WHERE version = '%d'", i);
    if (history)
        noted = number(db, sql, wrong, size);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM applied_log WHERE v = %d", i);
    logged = number(db, sql, wrong, size);
    snprintf(table, sizeof table, "t%d", i);
    snprintf(index, sizeof index, "i%d", i);
    there = has(db, table, wrong, size);
    if (there) {
        snprintf(sql, sizeof sql, "SELECT count(*) FROM t%d", i);
        if (number(db, sql, wrong, size) != rows && !wrong[0])
            snprintf(wrong, size, "t%d has not all of its rows", i);
    }
    if (!wrong[0] && (noted > 1 || logged != noted || there != noted || has(db, index, wrong, size) != there))
        snprintf(wrong, size, "V%d: %ld rows in the history, %ld in the log, table %s", i, noted, logged, there ? "there" : "not there");
    return (int)noted;
}

/* A lock that names a run must have that run's row; a free one names nobody. */
static void lock_wrong(sqlite3 *db, char *wrong, size_t size)
{
    if (!has(db, "jetbase_lock", wrong, size))
        return;
    if (number(db, "SELECT count(*) FROM jetbase_lock WHERE is_locked <> (process_id IS NOT NULL)", wrong, size) != 0 && !wrong[0])
        snprintf(wrong, size, "the lock row is half written");
    if (has(db, "jetbase_runs", wrong, size) && !wrong[0] &&
        number(db, "SELECT count(*) FROM jetbase_lock WHERE is_locked AND process_id NOT IN (SELECT process_id FROM jetbase_runs WHERE outcome IS NULL)", wrong, size) != 0 && !wrong[0])
        snprintf(wrong, size, "the lock is held by a run that has no row, or has ended");
}

void faulty_wrong(const struct sandbox *sb, int n, int rows, int *applied, char *wrong, size_t size)
{
    sqlite3 *db = NULL;
    bool history;
    wrong[0] = '\0';
    *applied = 0;
    assert_int_equal(sqlite3_open(sb->path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 60000);
    sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL); /* the disk's own power stays on */
    if (number(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'", wrong, size) != 0 && !wrong[0])
        snprintf(wrong, size, "the database file is corrupt");
    history = !wrong[0] && has(db, "jetbase_migrations", wrong, size);
    for (int i = 1; i <= n && !wrong[0]; i++)
        *applied += step_wrong(db, history, i, rows, wrong, size);
    if (!wrong[0])
        lock_wrong(db, wrong, size);
    sqlite3_close(db);
}
