/* test_prune.c: runs --prune: what is removed, what is never removed, and who may. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/run.h"
#include "support/stage.h"
#ifdef JETBASE_POSTGRES
#include "support/pg_server.h"
#include "support/proxy.h"
#endif
#ifdef JETBASE_SQLITE
#include <sqlite3.h>

#include "support/faulty.h"
#endif

static void open_project(struct sandbox *sb, enum sandbox_kind kind)
{
    if (!sandbox_has(kind))
        skip();
    sandbox_open(sb, kind);
    sandbox_file(sb, "V1__first.sql", "CREATE TABLE first (id INTEGER);\n");
    run_has(sb, "upgrade", 0, NULL, "");
}

/* A row of a run that began `days` ago and a few seconds; more: columns and values beside. */
static void old_run(const struct sandbox *sb, const char *process_id, double days, const char *columns, const char *values)
{
    char sql[1000], at[200];
    if (sb->kind == SANDBOX_SQLITE)
        snprintf(at, sizeof at, "strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', 'now', '-%f days')", days);
    else
        snprintf(at, sizeof at, "now() - interval '%f days'", days);
    snprintf(sql, sizeof sql, "INSERT INTO jetbase_runs (process_id, acquired_at%s) VALUES ('%s', %s%s)", columns, process_id, at, values);
    sandbox_sql(sb, sql);
}

static bool there(const struct sandbox *sb, const char *process_id)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM jetbase_runs WHERE process_id = '%s'", process_id);
    return sandbox_number(sb, sql) == 1;
}

static void by_age(enum sandbox_kind kind)
{
    struct sandbox sb;
    json_t *json;
    open_project(&sb, kind);
    old_run(&sb, "a", 30.01, ", outcome", ", 'ok'");
    old_run(&sb, "b", 29.99, ", outcome", ", 'ok'");
    old_run(&sb, "c", 400, ", outcome", ", 'failed'");
    old_run(&sb, "d", 400, "", ""); /* unlocked by force, long ago: nobody wrote how it ended */
    run_says(&sb, "runs --prune 30", 0, "Removed 3 runs older than 30 days.\n", "");
    assert_true(there(&sb, "b") && !there(&sb, "a") && !there(&sb, "c") && !there(&sb, "d"));
    run_says(&sb, "runs --prune 30", 0, "Removed 0 runs older than 30 days.\n", "");
    json = run_json(&sb, "runs --prune 1 --json", 0);
    assert_int_equal(json_integer_value(json_object_get(json, "removed")), 1);
    assert_int_equal(json_integer_value(json_object_get(json, "kept")), 0);
    json_decref(json);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs"), 1); /* today's */
    run_has(&sb, "runs --prune 2147483647", 0, "Removed 0 runs", "");
    run_has(&sb, "runs --prune 0", 2, "", "'prune' must be a positive integer.");
    run_has(&sb, "runs --prune 5 --limit 3", 2, "", "--prune and --limit can't stand together");
    sandbox_close(&sb);
}

static void the_locks_own(enum sandbox_kind kind)
{
    struct sandbox sb;
    open_project(&sb, kind);
    old_run(&sb, "holder", 50, "", "");
    old_run(&sb, "other", 50, "", "");
    sandbox_sql(&sb, "UPDATE jetbase_lock SET is_locked = TRUE, process_id = 'holder'");
    run_says(&sb, "runs --prune 7", 0, "Removed 1 run older than 7 days.\n", "note: 1 of that age stays: the lock names it, its file is half applied, or it can still go on\n");
    assert_true(there(&sb, "holder"));
    run_has(&sb, "unlock", 0, NULL, NULL);
    run_says(&sb, "runs --prune 7", 0, "Removed 1 run older than 7 days.\n", "");
    sandbox_close(&sb);
}

/* What is known of a half-applied file is in its rows: without them it would look as if it had never begun. */
static void half_applied(enum sandbox_kind kind)
{
    struct sandbox sb;
    open_project(&sb, kind);
    old_run(&sb, "half", 50, ", outcome, file, no_transaction, statements, started_statement, done_statement, last_done", ", 'failed', 'V7__x.sql', TRUE, 3, 2, 1, '1 V6__w.sql'");
    old_run(&sb, "same-file", 40, ", outcome, file", ", 'failed', 'V7__x.sql'");
    old_run(&sb, "ended", 50, ", outcome, file, no_transaction, statements, started_statement, done_statement, last_done", ", 'ok', 'V8__y.sql', TRUE, 3, NULL, NULL, '2 V8__y.sql'");
    old_run(&sb, "resolved", 50, ", outcome, file, no_transaction, statements, started_statement, resolution", ", 'failed', 'V9__z.sql', TRUE, 3, 2, 'applied'");
    run_says(&sb, "runs --prune 7", 0, "Removed 2 runs older than 7 days.\n", "note: 2 of that age stay: the lock names it, its file is half applied, or it can still go on\n");
    assert_true(there(&sb, "half") && there(&sb, "same-file"));
    sandbox_sql(&sb, "UPDATE jetbase_runs SET resolution = 'rolled-back' WHERE process_id = 'half'");
    run_says(&sb, "runs --prune 7", 0, "Removed 2 runs older than 7 days.\n", "");
    sandbox_close(&sb);
}

/* Unlocked by force, and still at work. */
static void still_alive(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    open_project(&sb, kind);
    sandbox_file(&sb, "V2__second.sql", "CREATE TABLE second (id INTEGER);\n");
    sandbox_start(&sb, &p, true, "locked=stop", (const char *const[]){ "upgrade", NULL });
    assert_true(process_wait_stopped(&p));
    sandbox_sql(&sb, kind == SANDBOX_SQLITE ? "UPDATE jetbase_runs SET acquired_at = '2020-01-01T00:00:00.000Z'" : "UPDATE jetbase_runs SET acquired_at = '2020-01-01'");
    run_has(&sb, "unlock", 0, NULL, NULL);
    run_says(&sb, "runs --prune 7", 0, "Removed 1 run older than 7 days.\n", "note: 1 of that age stays: the lock names it, its file is half applied, or it can still go on\n");
    kill(p.pid, SIGCONT);
    process_wait(&p);
    assert_int_equal(p.exit, 4);
    process_free(&p);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs WHERE outcome = 'lost'"), 1);
    run_says(&sb, "runs --prune 7", 0, "Removed 1 run older than 7 days.\n", "");
    sandbox_close(&sb);
}

static void without_tables(enum sandbox_kind kind)
{
    struct sandbox sb;
    if (!sandbox_has(kind))
        skip();
    sandbox_open(&sb, kind);
    run_says(&sb, "runs --prune 7", 0, "Removed 0 runs older than 7 days.\n", "");
    assert_int_equal(sandbox_number(&sb, kind == SANDBOX_SQLITE ? "SELECT count(*) FROM sqlite_master" : "SELECT count(*) FROM pg_class WHERE relname LIKE 'jetbase%'"), 0);
    sandbox_close(&sb);
}

/* The right to read is not enough, and the refusal says what is. */
static void rights(void **state)
{
    struct sandbox sb;
    char *at, url[600];
    (void)state;
    open_project(&sb, SANDBOX_POSTGRES);
    old_run(&sb, "old", 50, ", outcome", ", 'ok'");
    sandbox_sql(&sb, "DROP ROLE IF EXISTS reader_of_runs");
    sandbox_sql(&sb, "CREATE ROLE reader_of_runs LOGIN");
    sandbox_sql(&sb, "GRANT SELECT ON jetbase_runs, jetbase_lock TO reader_of_runs");
    at = strchr(sb.url, '@');
    snprintf(url, sizeof url, "postgresql://reader_of_runs%s", at);
    snprintf(sb.variable, sizeof sb.variable, "JETBASE_SQLALCHEMY_URL=%s", url);
    run_has(&sb, "runs --prune 7", 1, "", "old runs could not be removed: permission denied for table jetbase_runs");
    run_has(&sb, "runs --prune 7", 1, "", "GRANT SELECT, INSERT, UPDATE, DELETE ON");
    run_has(&sb, "runs --prune 7", 1, "", "No run was removed.");
    assert_true(there(&sb, "old"));
    sandbox_sql(&sb, "GRANT DELETE ON jetbase_runs TO reader_of_runs");
    run_says(&sb, "runs --prune 7", 0, "Removed 1 run older than 7 days.\n", "");
    sandbox_sql(&sb, "DROP OWNED BY reader_of_runs");
    sandbox_sql(&sb, "DROP ROLE reader_of_runs");
    sandbox_close(&sb);
}

#ifdef JETBASE_SQLITE
static int64_t old_runs(const struct sandbox *sb)
{
    return sandbox_number(sb, "SELECT count(*) FROM jetbase_runs WHERE process_id IN ('a', 'b')");
}

/* One operation on the file fails: all of the old rows are gone, or none, and which of the two is said. False: the fault was not met any more. */
static bool prune_with_fault(const struct sandbox *sb, const char *fault)
{
    static const char *const args[] = { "runs", "--prune", "7", NULL };
    struct process p;
    char trace[300];
    struct disk *disk;
    bool fired;
    sandbox_sql(sb, "DELETE FROM jetbase_runs WHERE process_id IN ('a', 'b')");
    old_run(sb, "a", 50, ", outcome", ", 'ok'");
    old_run(sb, "b", 60, ", outcome", ", 'ok'");
    faulty_start(sb, &p, fault, args);
    process_wait(&p);
    faulty_trace(sb, trace, sizeof trace);
    disk = disk_read(trace, "", 0);
    fired = disk_fired(disk);
    disk_free(disk);
    unlink(trace);
    if (old_runs(sb) != (p.exit == 0 ? 0 : 2) || (p.exit != 0) != (strstr(p.err, "No run was removed.") != NULL) || (!fired && p.exit != 0))
        fail_msg("%s: exit %d, %d of 2 old runs are there\n%s%s", fault, p.exit, (int)old_runs(sb), p.out, p.err);
    process_free(&p);
    return fired;
}

static void disk_faults(void **state)
{
    static const char *const names[] = FAULTVFS_NAMES;
    struct sandbox sb;
    (void)state;
    open_project(&sb, SANDBOX_SQLITE);
    for (size_t op = 0; op < FAULTVFS_OPS; op++)
        for (int n = 1, met = 1; met; n++) {
            char fault[40];
            snprintf(fault, sizeof fault, "%s:%d", names[op], n);
            met = prune_with_fault(&sb, fault);
        }
    sandbox_close(&sb);
}

/* Another program writes to the file all the while. */
static void beside_a_writer(void **state)
{
    struct sandbox sb;
    sqlite3 *other = NULL;
    (void)state;
    open_project(&sb, SANDBOX_SQLITE);
    old_run(&sb, "a", 50, ", outcome", ", 'ok'");
    assert_int_equal(sqlite3_open(sb.path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    run_has(&sb, "runs --prune 7", 3, "", "error: removing old runs: the database file is locked by process ");
    run_has(&sb, "runs --prune 7", 3, "", "No run was removed.");
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    run_says(&sb, "runs --prune 7", 0, "Removed 1 run older than 7 days.\n", "");
    sandbox_close(&sb);
}
#endif

#ifdef JETBASE_POSTGRES
/* The rows are removed, and the answer to the COMMIT gets lost: "No run was removed." would be wrong. */
static void answer_lost(void **state)
{
    struct sandbox sb;
    struct process p;
    struct proxy *proxy;
    (void)state;
    open_project(&sb, SANDBOX_POSTGRES);
    old_run(&sb, "a", 50, ", outcome", ", 'ok'");
    proxy = proxy_start(pg_server_port());
    snprintf(sb.variable, sizeof sb.variable, "JETBASE_SQLALCHEMY_URL=postgresql://postgres@127.0.0.1:%d%s?sslmode=disable&gssencmode=disable", proxy_port(proxy), strrchr(sb.url, '/'));
    proxy_cut(proxy, PROXY_SERVER, "DELETE FROM", "COMMIT", 1);
    run_line(&sb, &p, "runs --prune 7");
    assert_int_equal(proxy_cuts(proxy), 1);
    assert_false(there(&sb, "a"));
    if (p.exit != 6 || strstr(p.err, "No run was removed.") || !strstr(p.err, "Whether old runs were removed is not known"))
        fail_msg("exit %d\n%s%s", p.exit, p.out, p.err);
    process_free(&p);
    proxy_stop(proxy);
    sandbox_close(&sb);
}
#endif

STAGE_ON_BOTH(by_age)
STAGE_ON_BOTH(the_locks_own)
STAGE_ON_BOTH(half_applied)
STAGE_ON_BOTH(still_alive)
STAGE_ON_BOTH(without_tables)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_BOTH(by_age), STAGE_BOTH(the_locks_own), STAGE_BOTH(half_applied), STAGE_BOTH(still_alive), STAGE_BOTH(without_tables), cmocka_unit_test(rights),
#ifdef JETBASE_SQLITE
        cmocka_unit_test(disk_faults), cmocka_unit_test(beside_a_writer),
#endif
#ifdef JETBASE_POSTGRES
        cmocka_unit_test(answer_lost),
#endif
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("prune", tests, NULL, NULL);
}
