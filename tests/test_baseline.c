/* test_baseline.c: baseline: versions are recorded as applied without being run, all of them or none, under the lock. */
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

#include "support/python.h"
#include "support/run.h"

/* A database with a schema of its own, and the files that would make it: running one of them fails. */
static void open_project(struct sandbox *sb, enum sandbox_kind kind)
{
    sandbox_open(sb, kind);
    sandbox_sql(sb, "CREATE TABLE a (x INTEGER)");
    sandbox_sql(sb, "CREATE TABLE b (x INTEGER)");
    sandbox_file(sb, "V1__a.sql", "CREATE TABLE a (x INTEGER);\n-- rollback\nDROP TABLE a;\n");
    sandbox_file(sb, "V2_5__b_and_more.sql", "CREATE TABLE b (x INTEGER);\n-- rollback\nDROP TABLE b;\n");
    sandbox_file(sb, "V10__c.sql", "CREATE TABLE c (x INTEGER);\n-- rollback\nDROP TABLE c;\n");
    sandbox_file(sb, "RA__always.sql", "DELETE FROM a;\n");
}

static int64_t recorded(const struct sandbox *sb)
{
    const char *there = sb->kind == SANDBOX_SQLITE ? "SELECT count(*) FROM sqlite_master WHERE name = 'jetbase_migrations'" : "SELECT count(*) FROM pg_class WHERE relname = 'jetbase_migrations'";
    return sandbox_number(sb, there) == 0 ? 0 : sandbox_number(sb, "SELECT count(*) FROM jetbase_migrations");
}

static void starts_there(enum sandbox_kind kind)
{
    struct sandbox sb;
    open_project(&sb, kind);
    run_says(&sb, "baseline 2.5 --dry-run", 0, "Baseline 2.5 would record as applied, and run none of:\n\xE2\x86\x92 V1__a.sql\n\xE2\x86\x92 V2_5__b_and_more.sql\n", "");
    assert_int_equal(recorded(&sb), 0);
    run_says(&sb, "baseline V2_5", 0, "Baseline V2_5: 2 files are recorded as applied, none was run.\n", "");
    run_says(&sb, "current", 0, "Latest migration version: 2.5\n", "");
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", NULL);
    run_has(&sb, "runs --verbose", 0, "  baseline 2.5, 2 files recorded, none was run\n", "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs WHERE command = 'baseline' AND outcome = 'ok' AND last_done = '2 V2_5__b_and_more.sql'"), 1);
    run_says(&sb, "baseline 2.5", 0, "The versions up to 2.5 are recorded already; nothing is to be done.\n", "");
    run_says(&sb, "validate-checksums", 0, "All migration checksums are valid - no altered upgrade statements detected.\n", "");
    run_says(&sb, "upgrade", 0, "Starting migrations...\nMigration applied successfully: V10__c.sql\nMigration applied successfully: RA__always.sql\nMigrations completed successfully.\n", "");
    run_has(&sb, "rollback --count 2", 0, "Rollback applied successfully: V2_5__b_and_more.sql\n", "");
    sandbox_close(&sb);
}

/* The rows are those that an upgrade leaves, but for their times; and no two times are one: Jetbase takes the newest for the latest version. */
static void rows_as_applied(enum sandbox_kind kind)
{
    static const char columns[] = "SELECT %s(version || '|' || description || '|' || filename || '|' || migration_type || '|' || checksum, ';') FROM (SELECT * FROM jetbase_migrations WHERE migration_type = 'VERSIONED' ORDER BY applied_at) AS m";
    char sql[400];
    struct sandbox base, ran;
    snprintf(sql, sizeof sql, columns, kind == SANDBOX_SQLITE ? "group_concat" : "string_agg");
    open_project(&base, kind);
    run_has(&base, "baseline 10", 0, NULL, "");
    sandbox_open(&ran, kind);
    sandbox_file(&ran, "V1__a.sql", "CREATE TABLE a (x INTEGER);\n");
    sandbox_file(&ran, "V2_5__b_and_more.sql", "CREATE TABLE b (x INTEGER);\n");
    sandbox_file(&ran, "V10__c.sql", "CREATE TABLE c (x INTEGER);\n");
    run_has(&ran, "upgrade", 0, NULL, "");
    char *got = sandbox_text(&base, sql), *want = sandbox_text(&ran, sql);
    assert_string_equal(got, want);
    assert_int_equal(sandbox_number(&base, "SELECT count(DISTINCT applied_at) FROM jetbase_migrations"), 3);
    free(got);
    free(want);
    sandbox_close(&base);
    sandbox_close(&ran);
}

/* Python's Jetbase takes the baseline for what is applied, and goes on above it. */
static void python_goes_on(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct python py = { 0 };
    sandbox_open(&sb, kind);
    python_files(&sb, 1, 5, false);
    sandbox_sql(&sb, "CREATE TABLE applied_log (v INTEGER)");
    run_has(&sb, "baseline 3", 0, "Baseline 3: 3 files are recorded as applied, none was run.\n", "");
    assert_true(python_open(&py, &sb));
    assert_int_equal(python_plan(&py), 3);
    assert_int_equal(python_upgrade(&py, 5), PYTHON_DONE);
    assert_int_equal(py.applied, 2);
    assert_int_equal(python_number(&py, "SELECT sum(v) FROM applied_log"), 9);
    python_close(&py);
    python_check_free(&sb);
    sandbox_close(&sb);
}

static void refused(enum sandbox_kind kind)
{
    struct sandbox sb;
    open_project(&sb, kind);
    run_has(&sb, "baseline 3", 2, "", "HINT: The nearest: V2_5__b_and_more.sql, V10__c.sql.\n");
    run_has(&sb, "baseline x", 2, "", "no migration file has the version 'x'");
    run_has(&sb, "baseline", 2, "", "Missing argument 'VERSION'.");
    assert_int_equal(recorded(&sb), 0);
    run_has(&sb, "baseline 1", 0, NULL, "");
    run_has(&sb, "baseline 10", 5, "", "the history has 1 version already, the latest 1");
    sandbox_file(&sb, "V1__a.sql", "CREATE TABLE a (y INTEGER);\n");
    run_has(&sb, "baseline 1", 5, "", "the history has 1 version already");
    assert_int_equal(recorded(&sb), 1);
    json_t *json = run_json(&sb, "baseline 10 --json", 5);
    assert_string_equal(run_text(json, "error.code"), "history");
    json_decref(json);
    sandbox_close(&sb);
}

static void as_json(enum sandbox_kind kind)
{
    struct sandbox sb;
    open_project(&sb, kind);
    json_t *json = run_json(&sb, "baseline 2.5 --dry-run --json", 0);
    assert_true(json_is_false(json_object_get(json, "recorded")));
    json_decref(json);
    json = run_json(&sb, "baseline 2.5 --json", 0);
    assert_true(json_is_true(json_object_get(json, "recorded")));
    assert_int_equal(json_array_size(json_object_get(json, "baseline")), 2);
    assert_string_equal(run_text(json, "baseline.1.version"), "2.5");
    json_decref(json);
    sandbox_close(&sb);
}

/* Killed at each place: all or nothing, and after a take-over it goes on. */
static void killed(enum sandbox_kind kind)
{
    static const char *const places[] = { "locked", "planned", "head", "fence", "released" };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct sandbox sb;
        struct process p;
        char stop[40];
        bool committed = strcmp(places[i], "released") == 0;
        open_project(&sb, kind);
        snprintf(stop, sizeof stop, "%s=stop", places[i]);
        sandbox_start(&sb, &p, true, stop, (const char *const[]){ "baseline", "10", NULL });
        assert_true(process_wait_stopped(&p));
        kill(p.pid, SIGKILL);
        process_wait(&p);
        process_free(&p);
        assert_int_equal(recorded(&sb), committed ? 3 : 0);
        run_has(&sb, "baseline 10 --take-over-dead --wait 30s", 0, committed ? "nothing is to be done" : "3 files are recorded", NULL);
        assert_int_equal(recorded(&sb), 3);
        run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", NULL);
        sandbox_close(&sb);
    }
}

/* Unlocked by force before it writes: the fence lets nothing stand. */
static void fenced(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    open_project(&sb, kind);
    sandbox_start(&sb, &p, true, "planned=stop", (const char *const[]){ "baseline", "10", NULL });
    assert_true(process_wait_stopped(&p));
    run_has(&sb, "unlock", 0, NULL, "its baseline");
    kill(p.pid, SIGCONT);
    process_wait(&p);
    assert_int_equal(p.exit, 4);
    assert_non_null(strstr(p.err, "Nothing was recorded: jetbase_migrations is as it was."));
    process_free(&p);
    assert_int_equal(recorded(&sb), 0);
    sandbox_close(&sb);
}

/* On SQLite there may be no file at all: none is made. */
static void without_a_database(enum sandbox_kind kind)
{
    struct sandbox sb;
    if (kind != SANDBOX_SQLITE)
        return;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "SELECT 1;\n");
    run_has(&sb, "baseline 1", 1, "", "error: there is no database file yet: a baseline is for a schema that is there already\nHINT: On an empty database `jetbase upgrade` makes it.");
    assert_int_not_equal(access(sb.path, F_OK), 0);
    sandbox_close(&sb);
}

int main(void)
{
    const struct run_case tests[] = { RUN_TEST(starts_there), RUN_TEST(rows_as_applied), RUN_TEST(python_goes_on), RUN_TEST(refused), RUN_TEST(as_json), RUN_TEST(killed), RUN_TEST(fenced), RUN_TEST(without_a_database) };
    return run_group("baseline", tests, sizeof tests / sizeof *tests);
}
