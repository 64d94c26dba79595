/* test_directives.c: the directives at a file's head at work in the program: timeouts of one file, a version that comes late, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "support/run.h"

#define SETTINGS "INSERT INTO seen VALUES (current_setting('lock_timeout') || ' ' || current_setting('statement_timeout'));\n"

static void expect(const struct sandbox *sb, const char *sql, const char *want)
{
    char *got = sandbox_text(sb, sql);
    assert_string_equal(got, want);
    free(got);
}

/* The database is as before the run, and nobody holds the lock. */
static void untouched(const struct sandbox *sb, const char *last)
{
    expect(sb, "SELECT max(version) FROM jetbase_migrations", last);
    run_says(sb, "lock-status", 0, "Status: UNLOCKED\n", NULL);
}

/* PostgreSQL: the settings are those of the file while it runs, over those of the command line, and those of the command line, or none, in the next one. */
static void settings_of_one_file(enum sandbox_kind kind)
{
    struct sandbox sb;
    if (kind == SANDBOX_SQLITE)
        return;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__t.sql", "CREATE TABLE seen (what text);\n" SETTINGS);
    sandbox_file(&sb, "V2__own.sql", "-- jetbase: lock-timeout=2s\n-- jetbase: statement-timeout=5min\n" SETTINGS "-- rollback\n" SETTINGS);
    sandbox_file(&sb, "V3__none.sql", SETTINGS);
    sandbox_file(&sb, "V4__alone.sql", "-- jetbase: no-transaction\n-- jetbase: lock-timeout=1500ms\n" SETTINGS SETTINGS "BEGIN;\n" SETTINGS "COMMIT;\n");
    sandbox_file(&sb, "V5__none.sql", SETTINGS);
    sandbox_file(&sb, "V6__alone.sql", "-- jetbase: no-transaction\n" SETTINGS);
    run_has(&sb, "upgrade --lock-timeout 7s", 0, NULL, "");
    expect(&sb, "SELECT string_agg(what, ',') FROM seen", "7s 0,2s 5min,7s 0,1500ms 0,1500ms 0,1500ms 0,7s 0,7s 0");
    /* The head holds for the rollback part too. */
    sandbox_sql(&sb, "TRUNCATE seen");
    run_has(&sb, "rollback --to-version 1", 0, NULL, "");
    expect(&sb, "SELECT string_agg(what, ',') FROM seen", "2s 5min");
    sandbox_close(&sb);
}

/* A statement that runs too long for its file is stopped and says so, also where the command line gives it more time; the next file is not stopped. */
static void statement_timeout(enum sandbox_kind kind)
{
    static const char *const slow[] = { "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c;\n", "SELECT pg_sleep(600);\n" };
    static const char *const says[] = { "V2__slow.sql:3:3: error: the statement was stopped: it ran longer than the statement timeout of 50 ms\n", "V2__slow.sql:3:3: error: canceling statement due to statement timeout\n" };
    struct sandbox sb;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__t.sql", "CREATE TABLE a (x INTEGER);\n");
    run_has(&sb, "upgrade", 0, NULL, "");
    sandbox_file(&sb, "V2__slow.sql", "-- jetbase: statement-timeout=50ms\nCREATE TABLE gone (x INTEGER);\n  %s", slow[kind]);
    run_has(&sb, "upgrade --statement-timeout 1h", 1, NULL, says[kind]);
    untouched(&sb, "1");
    sandbox_file(&sb, "V2__slow.sql", "-- jetbase: no-transaction\n-- jetbase: statement-timeout=50ms\n  %s", slow[kind]);
    run_has(&sb, "upgrade --statement-timeout 1h", 1, NULL, says[kind]);
    untouched(&sb, "1");
    assert_int_equal(sandbox_number(&sb, kind == SANDBOX_SQLITE ? "SELECT count(*) FROM sqlite_master WHERE name = 'gone'" : "SELECT count(*) FROM pg_class WHERE relname = 'gone'"), 0);
    sandbox_close(&sb);
}

/* What is told before anything runs. */
static void dry_run(enum sandbox_kind kind)
{
    struct sandbox sb;
    json_t *plan;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "-- jetbase: lock-timeout=2s\n-- jetbase: statement-timeout=90s\nSELECT 1;\nSELECT 2;\n");
    sandbox_file(&sb, "V2__b.sql", "-- jetbase: no-transaction\n-- jetbase: out-of-order\nSELECT 1;\n");
    sandbox_file(&sb, "V3__c.sql", "SELECT 1;\n");
    run_has(&sb, "upgrade --dry-run", 0, "SQL Preview for V1__a.sql (2 statements, lock timeout 2 s, statement timeout 90 s)\n", "");
    run_has(&sb, "upgrade --dry-run", 0, "SQL Preview for V2__b.sql (1 statement, outside a transaction, out of order)\n", "");
    run_has(&sb, "upgrade --dry-run", 0, "SQL Preview for V3__c.sql (1 statement)\n", "");
    plan = run_json(&sb, "upgrade --dry-run --json", 0);
    json_t *first = json_array_get(json_object_get(plan, "plan"), 0), *second = json_array_get(json_object_get(plan, "plan"), 1), *third = json_array_get(json_object_get(plan, "plan"), 2);
    assert_int_equal(json_integer_value(json_object_get(first, "lock_timeout_ms")), 2000);
    assert_int_equal(json_integer_value(json_object_get(first, "statement_timeout_ms")), 90000);
    assert_true(json_is_false(json_object_get(first, "out_of_order")));
    assert_true(json_is_true(json_object_get(second, "out_of_order")));
    assert_true(json_is_null(json_object_get(second, "lock_timeout_ms")));
    assert_true(json_is_null(json_object_get(third, "statement_timeout_ms")));
    json_decref(plan);
    sandbox_close(&sb);
}

/* A version below the latest: refused, with the way out; with it, applied once, rolled back first, and what is below it all goes on being refused. */
static void out_of_order(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "CREATE TABLE a (x INTEGER);\n-- rollback\nDROP TABLE a;\n");
    sandbox_file(&sb, "V3__c.sql", "CREATE TABLE c (x INTEGER);\n-- rollback\nDROP TABLE c;\n");
    run_has(&sb, "upgrade", 0, NULL, "");
    sandbox_file(&sb, "V2__b.sql", "CREATE TABLE b (x INTEGER);\n-- jetbase: out-of-order\n-- rollback\nDROP TABLE b;\n");
    run_has(&sb, "upgrade", 5, "", "HINT: Or, where it may run behind the versions above it, write `-- jetbase: out-of-order` at its head.\n");
    run_has(&sb, "status", 0, NULL, "V2__b.sql: out of order: version 2 is lower than the latest applied, 3");
    untouched(&sb, "3");
    sandbox_file(&sb, "V2__b.sql", "-- jetbase: out-of-order\nCREATE TABLE b (x INTEGER);\n-- rollback\nDROP TABLE b;\n");
    run_has(&sb, "status", 0, "\xe2\x94\x82 2       \xe2\x94\x82 b ", "");
    run_has(&sb, "upgrade", 0, "Migration applied successfully: V2__b.sql\n", "");
    run_has(&sb, "upgrade", 0, "Migrations are up to date.\n", "");
    sandbox_file(&sb, "V2.5__d.sql", "SELECT 1;\n");
    run_has(&sb, "upgrade", 5, "", "V2.5__d.sql has version 2.5 which is lower than the latest migrated version 3.\n");
    run_has(&sb, "upgrade --skip-file-validation", 0, NULL, "not run, because the version is below the latest applied, 3: V2.5__d.sql");
    run_has(&sb, "rollback", 0, "Rollback applied successfully: V2__b.sql\n", "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations"), 2);
    sandbox_close(&sb);
}

/* In text and JSON the same place; nothing was sent, in neither direction. */
static void refused(enum sandbox_kind kind)
{
    struct sandbox sb;
    json_t *events, *error;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "\xef\xbb\xbf-- \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d\r\n--\tjetbase:\tlock-timeut=2s\r\nCREATE TABLE gone (x INTEGER);\r\n");
    run_has(&sb, "upgrade", 1, "",
            "V1__a.sql:2:13: error: there is no directive 'lock-timeut'\n"
            "  -- jetbase: lock-timeut=2s\n"
            "              ^\n"
            "HINT: Did you mean lock-timeout? There are delimiter=X, no-transaction, foreign-keys=off, lock-timeout=2s, statement-timeout=5min and out-of-order. A remark must not begin with `jetbase:`.\n"
            "Nothing was sent to the database.\n");
    events = run_events(&sb, "upgrade --json", 1);
    error = json_object_get(json_array_get(events, json_array_size(events) - 2), "error");
    assert_string_equal(run_text(error, "code"), "refused");
    assert_int_equal(json_integer_value(json_object_get(error, "line")), 2);
    assert_int_equal(json_integer_value(json_object_get(error, "column")), 13);
    json_decref(events);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", NULL);
    sandbox_file(&sb, "V1__a.sql", "CREATE TABLE a (x INTEGER);\n-- jetbase: lock-timeut=2s\n");
    run_has(&sb, "upgrade", 0, NULL, "");
    sandbox_close(&sb);
}

int main(void)
{
    const struct run_case tests[] = {
        RUN_TEST(settings_of_one_file), RUN_TEST(statement_timeout), RUN_TEST(dry_run), RUN_TEST(out_of_order), RUN_TEST(refused),
    };
    return run_group("directives", tests, sizeof tests / sizeof *tests);
}
