/* test_outside.c: files outside a transaction: death and cancel at each statement, what is said of them, and the three ways out of half applied. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "support/outside.h"

static const char *const upgrade[] = { "upgrade", NULL };

static void die_at(enum sandbox_kind kind, const char *failpoint, int n, int way, int want_done, int want_started)
{
    struct sandbox sb;
    struct process p;
    char set[40];
    int done, started;
    sandbox_open(&sb, kind);
    outside_five(&sb);
    assert_int_equal(sandbox_run(&sb, NULL, (const char *const[]){ "upgrade", "--count", "1", NULL }), 0);
    snprintf(set, sizeof set, "%s:%d=kill", failpoint, n);
    sandbox_start(&sb, &p, true, set, upgrade);
    process_wait(&p);
    assert_int_equal(p.exit, 128 + SIGKILL);
    process_free(&p);
    outside_until_dead(&sb);
    outside_inspect(&sb, &done, &started);
    assert_int_equal(done, want_done);
    assert_int_equal(started, want_started);
    outside_way_out(&sb, way, done);
    sandbox_close(&sb);
}

static void killed_at_each_statement(enum sandbox_kind kind)
{
    for (int n = 1; n <= OUTSIDE_STATEMENTS; n++) {
        die_at(kind, "started", n, n % 3, n - 1, n);
        die_at(kind, "statement", n, (n + 1) % 3, n - 1, n);
        die_at(kind, "done", n, (n + 2) % 3, n, n);
    }
}

/* Its statements are done, the record is not: only that is missing. */
static void killed_before_the_record(enum sandbox_kind kind)
{
    die_at(kind, "head", 1, 1, OUTSIDE_STATEMENTS, OUTSIDE_STATEMENTS);
    die_at(kind, "fence", 1, 2, OUTSIDE_STATEMENTS, OUTSIDE_STATEMENTS);
}

static void interrupted_at_each_statement(enum sandbox_kind kind)
{
    for (int n = 1; n <= OUTSIDE_STATEMENTS; n++) {
        struct sandbox sb;
        struct process p;
        char set[40];
        int done, started;
        sandbox_open(&sb, kind);
        outside_five(&sb);
        assert_int_equal(sandbox_run(&sb, NULL, (const char *const[]){ "upgrade", "--count", "1", NULL }), 0);
        snprintf(set, sizeof set, "started:%d=stop", n);
        sandbox_start(&sb, &p, true, set, upgrade);
        assert_true(process_wait_stopped(&p));
        kill(p.pid, SIGINT);
        kill(p.pid, SIGCONT);
        process_wait(&p);
        assert_int_equal(p.exit, 128 + SIGINT);
        assert_non_null(strstr(p.err, "V2__five.sql is half applied"));
        assert_non_null(strstr(p.err, "jetbase resolve"));
        process_free(&p);
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked"), 0);
        outside_inspect(&sb, &done, &started);
        assert_int_equal(started, n);
        outside_way_out(&sb, n % 3, done);
        sandbox_close(&sb);
    }
}

static void long_statement_is_cancelled(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "-- jetbase: no-transaction\nCREATE TABLE log (n int);\n%s;\nINSERT INTO log VALUES (3);\n",
                 kind == SANDBOX_POSTGRES ? "SELECT pg_sleep(600)" : "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c");
    assert_int_equal(sandbox_run(&sb, NULL, (const char *const[]){ "upgrade", "--dry-run", NULL }), 0);
    sandbox_file(&sb, "RA__x.sql", "SELECT 1;\n");
    sandbox_start(&sb, &p, true, "started:2=stop", upgrade);
    assert_true(process_wait_stopped(&p));
    outside_until(&sb, "SELECT count(*) FROM jetbase_runs WHERE started_statement = 2 AND done_statement = 1", 1);
    kill(p.pid, SIGCONT);
    if (kind == SANDBOX_POSTGRES)
        outside_until(&sb, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)%' AND state = 'active'", 1);
    kill(p.pid, SIGINT);
    process_wait(&p);
    assert_int_equal(p.exit, 128 + SIGINT);
    assert_non_null(strstr(p.err, "Statement 2 of 3 was cancelled; it may have left something behind. V1__a.sql is half applied"));
    process_free(&p);
    run_has(&sb, "status", 0, NULL, "V1__a.sql is half applied");
    run_has(&sb, "resolve V1 --from 3", 0, "applied successfully: V1__a.sql", NULL);
    run_has(&sb, "upgrade", 0, "RA__x.sql", "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs WHERE resolution = 'rerun' AND resolved_by LIKE '%@%' AND resolved_at IS NOT NULL"), 1);
    sandbox_close(&sb);
}

/* Between two statements: the next one is never sent. */
static void unlocked_between_statements(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    char line[100], *id;
    int done, started;
    sandbox_open(&sb, kind);
    outside_five(&sb);
    assert_int_equal(sandbox_run(&sb, NULL, (const char *const[]){ "upgrade", "--count", "1", NULL }), 0);
    sandbox_start(&sb, &p, true, "done:3=stop", upgrade);
    assert_true(process_wait_stopped(&p));
    id = sandbox_text(&sb, "SELECT process_id FROM jetbase_lock");
    snprintf(line, sizeof line, "unlock --process-id %s", id);
    run_has(&sb, line, 3, NULL, "would go on beside the next run");
    run_has(&sb, "unlock", 0, "Unlock successful.", NULL);
    /* Its holder lives: nobody starts beside it, and nothing is called half applied yet. */
    run_has(&sb, "upgrade", 3, NULL, "outside a transaction that still runs");
    run_has(&sb, "resolve 2 --mark-applied", 5, NULL, "not half applied");
    kill(p.pid, SIGCONT);
    process_wait(&p);
    assert_int_equal(p.exit, 4);
    process_free(&p);
    free(id);
    outside_inspect(&sb, &done, &started);
    assert_int_equal(done, 3);
    assert_int_equal(started, 3);
    outside_way_out(&sb, 0, done);
    sandbox_close(&sb);
}

/* The file's own transaction: whole or not at all, whatever happens on the way. */
static void own_block(enum sandbox_kind kind)
{
    static const struct { const char *failpoint; int done, started, rows; } cases[] = {
        { "started:2=kill", 1, 2, 1 }, { "statement:4=kill", 1, 2, 1 }, { "started:5=kill", 1, 2, 1 }, { "statement:5=kill", 5, 5, 3 }, { "started:6=kill", 5, 6, 3 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sandbox sb;
        struct process p;
        sandbox_open(&sb, kind);
        sandbox_file(&sb, "V1__log.sql", "CREATE TABLE log (n int);\n");
        sandbox_file(&sb, "V2__block.sql", "-- jetbase: no-transaction\nINSERT INTO log VALUES (1);\nBEGIN;\nINSERT INTO log VALUES (2);\nINSERT INTO log VALUES (3);\nCOMMIT;\nVACUUM;\n");
        assert_int_equal(sandbox_run(&sb, NULL, (const char *const[]){ "upgrade", "--count", "1", NULL }), 0);
        sandbox_start(&sb, &p, true, cases[i].failpoint, upgrade);
        process_wait(&p);
        assert_int_equal(p.exit, 128 + SIGKILL);
        process_free(&p);
        outside_until_dead(&sb);
        json_t *look = run_json(&sb, "resolve 2 --json", 0);
        assert_int_equal(json_integer_value(json_object_get(look, "done")), cases[i].done);
        assert_int_equal(json_integer_value(json_object_get(look, "started")), cases[i].started);
        json_decref(look);
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM log"), cases[i].rows);
        run_has(&sb, "resolve 2 --take-over-dead --from 4", 2, NULL, "stands inside a transaction of the file, which begins with statement 2");
        run_has(&sb, "resolve 2 --take-over-dead --from 7", 2, NULL, "there is no statement 7");
        run_has(&sb, cases[i].rows == 1 ? "resolve 2 --take-over-dead --from 2" : "resolve 2 --take-over-dead --from 6", 0, NULL, "");
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM log"), 3);
        assert_int_equal(outside_applied(&sb, "2"), 1);
        sandbox_close(&sb);
    }
}

/* Unlocked while the file's own transaction is open: it is fenced, and rolls back. On SQLite nobody can unlock then. */
static void unlocked_inside_the_block(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__log.sql", "CREATE TABLE log (n int);\n");
    sandbox_file(&sb, "V2__block.sql", "-- jetbase: no-transaction\nINSERT INTO log VALUES (1);\nBEGIN;\nINSERT INTO log VALUES (2);\nCOMMIT;\n");
    assert_int_equal(sandbox_run(&sb, NULL, (const char *const[]){ "upgrade", "--count", "1", NULL }), 0);
    sandbox_start(&sb, &p, true, "statement:3=stop", upgrade);
    assert_true(process_wait_stopped(&p));
    run_has(&sb, "unlock", kind == SANDBOX_SQLITE ? 3 : 0, NULL, NULL);
    kill(p.pid, SIGCONT);
    process_wait(&p);
    if (kind == SANDBOX_SQLITE) {
        assert_int_equal(p.exit, 0);
    } else {
        assert_int_equal(p.exit, 4);
        assert_non_null(strstr(p.err, "V2__block.sql is half applied: statement 1 is done, statement 2 may have run, statements 3 and 4 were not run"));
    }
    process_free(&p);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM log"), kind == SANDBOX_SQLITE ? 2 : 1);
    sandbox_close(&sb);
}

/* A rollback section left half done: the history row stands until it is resolved. */
static void rollback_section(enum sandbox_kind kind)
{
    for (int way = 0; way < 3; way++) {
        struct sandbox sb;
        struct process p;
        sandbox_open(&sb, kind);
        outside_five(&sb);
        assert_int_equal(sandbox_run(&sb, NULL, upgrade), 0);
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM log"), 4);
        sandbox_start(&sb, &p, true, "done:2=kill", (const char *const[]){ "rollback", NULL });
        process_wait(&p);
        assert_int_equal(p.exit, 128 + SIGKILL);
        process_free(&p);
        outside_until_dead(&sb);
        run_has(&sb, "status", 0, NULL, "half applied in its rollback section");
        run_has(&sb, "upgrade", 5, NULL, "in its rollback section");
        run_has(&sb, "rollback", 5, NULL, "in its rollback section");
        run_has(&sb, way == 0 ? "resolve 2 --take-over-dead --from 3" : way == 1 ? "resolve 2 --take-over-dead --mark-applied" : "resolve 2 --take-over-dead --mark-rolled-back", 0, NULL, "");
        assert_int_equal(outside_applied(&sb, "2"), way == 1);
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM log"), way == 0 ? 0 : 3);
        run_has(&sb, "upgrade", 0, NULL, "");
        sandbox_close(&sb);
    }
}

static void plan_says_it(enum sandbox_kind kind)
{
    struct sandbox sb;
    json_t *json;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "VACUUM;\n");
    run_has(&sb, "upgrade --dry-run", 0, "V1__a.sql (1 statement, outside a transaction)", "");
    json = run_json(&sb, "upgrade --dry-run --json", 0);
    assert_true(json_is_false(json_object_get(json_array_get(json_object_get(json, "plan"), 0), "transaction")));
    json_decref(json);
    run_has(&sb, "upgrade", 0, "applied successfully: V1__a.sql", "");
    sandbox_file(&sb, "V2__b.sql", "CREATE TABLE t (a int);\nVACUUM;\n");
    run_has(&sb, "upgrade", 1, NULL, "no-transaction");
    run_has(&sb, "upgrade", 1, NULL, "Split the file");
    sandbox_file(&sb, "V2__b.sql", "VACUUM;\nCREATE TABLE t (a int);\n");
    run_has(&sb, "upgrade", 1, NULL, "V2__b.sql:1:1");
    sandbox_file(&sb, "V2__b.sql", "-- jetbase: no-transaction\nBEGIN;\nVACUUM;\nCOMMIT;\n");
    run_has(&sb, "upgrade", 1, NULL, "V2__b.sql:3:1");
    sandbox_file(&sb, "V2__b.sql", "-- jetbase: no-transaction\nBEGIN;\nSELECT 1;\n");
    run_has(&sb, "upgrade", 1, NULL, "not committed at the end");
    sandbox_file(&sb, "V2__b.sql", "-- jetbase: no-transaction\nSELECT 1;\nROLLBACK;\n");
    run_has(&sb, "upgrade", 1, NULL, "V2__b.sql:3:1");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs WHERE command = 'upgrade'"), 1);
    sandbox_close(&sb);
}

/* Files before and after run as ever; what one of them set is gone in the next. */
static void among_others(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "CREATE TABLE log (n int);\n");
    sandbox_file(&sb, "V2__b.sql", "-- jetbase: no-transaction\n%s;\nINSERT INTO log VALUES (2);\n", kind == SANDBOX_POSTGRES ? "SET search_path = pg_catalog, public" : "PRAGMA case_sensitive_like = on");
    sandbox_file(&sb, "V3__c.sql", "INSERT INTO log VALUES (3);\n");
    sandbox_file(&sb, "V4__d.sql", "VACUUM;\n");
    sandbox_file(&sb, "V5__e.sql", "VACUUM;\n");
    sandbox_file(&sb, "V6__f.sql", kind == SANDBOX_POSTGRES ? "INSERT INTO log SELECT 6 WHERE current_setting('search_path') NOT LIKE 'pg_catalog%%';\n" : "INSERT INTO log SELECT 6 WHERE 'a' LIKE 'A';\n");
    run_has(&sb, "upgrade", 0, "V6__f.sql", "");
    assert_int_equal(sandbox_number(&sb, "SELECT sum(n) FROM log"), 11);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs WHERE no_transaction AND started_statement IS NOT NULL"), 0);
    sandbox_close(&sb);
}

/* COMMIT where the file has begun nothing, as files have it that end a transaction of their tool: PostgreSQL warns, SQLite fails. */
static void commit_of_nothing(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "CREATE TABLE log (n int);\nCOMMIT;\nVACUUM;\nINSERT INTO log VALUES (4);\n");
    run_has(&sb, "upgrade", 1, NULL, "V1__a.sql:2:1: error: this ends a transaction that the section has not begun");
    run_has(&sb, "upgrade", 1, NULL, kind == SANDBOX_POSTGRES ? "write `-- jetbase: no-transaction` at the head of the file" : "Take it out");
    sandbox_file(&sb, "V1__a.sql", "-- jetbase: no-transaction\nCREATE TABLE log (n int);\nCOMMIT;\nVACUUM;\nINSERT INTO log VALUES (4);\n");
    run_has(&sb, "upgrade", kind == SANDBOX_POSTGRES ? 0 : 1, NULL, kind == SANDBOX_POSTGRES ? NULL : "V1__a.sql:3:1: error: this ends a transaction that the section has not begun");
    if (kind == SANDBOX_POSTGRES) {
        run_has(&sb, "history", 0, "│ a           │", "");
        assert_int_equal(sandbox_number(&sb, "SELECT sum(n) FROM log"), 4);
    }
    sandbox_close(&sb);
}

/* A value added to an enum may be used once it is committed: the server says that, and jetbase how. */
static void new_enum_value(enum sandbox_kind kind)
{
    static const char text[] = "ALTER TYPE mood ADD VALUE 'glad';\n%sINSERT INTO log VALUES ('glad');\n%s";
    struct sandbox sb;
    if (kind != SANDBOX_POSTGRES)
        return;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "CREATE TYPE mood AS ENUM ('sad');\nCREATE TABLE log (n mood);\n");
    sandbox_file(&sb, "V2__b.sql", text, "", "");
    run_has(&sb, "upgrade", 1, NULL, "V2__b.sql:2:25: error: unsafe use of new value \"glad\" of enum type mood");
    run_has(&sb, "upgrade", 1, NULL, "HINT: New enum values must be committed before they can be used. Move what uses the value to a file after this one; or write `-- jetbase: no-transaction` at the head of this one: ");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM pg_enum"), 1);
    sandbox_file(&sb, "V2__b.sql", "-- jetbase: no-transaction\n%s", "ALTER TYPE mood ADD VALUE 'glad';\nINSERT INTO log VALUES ('glad');\n");
    run_has(&sb, "upgrade", 0, "applied successfully: V2__b.sql", "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM log"), 1);
    /* in a block of such a file only a COMMIT between them helps */
    sandbox_file(&sb, "V3__c.sql", "-- jetbase: no-transaction\nBEGIN;\nALTER TYPE mood ADD VALUE 'mad';\nINSERT INTO log VALUES ('mad');\nCOMMIT;\n");
    run_has(&sb, "upgrade", 1, NULL, "HINT: New enum values must be committed before they can be used. Put COMMIT behind the ALTER TYPE, before what uses the value.");
    sandbox_close(&sb);
}

/* A file that writes SQLite's schema itself, in its own transaction: what it breaks is not committed. */
static void broken_schema(enum sandbox_kind kind)
{
    struct sandbox sb;
    if (kind != SANDBOX_SQLITE)
        return;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "-- jetbase: no-transaction\nPRAGMA writable_schema=ON;\n");
    run_has(&sb, "upgrade", 1, NULL, "V1__a.sql:2:1: error: PRAGMA writable_schema can't be set outside a transaction");
    sandbox_file(&sb, "V1__a.sql", "-- jetbase: no-transaction\nPRAGMA writable_schema=2;\nDELETE FROM sqlite_master;\n");
    run_has(&sb, "upgrade", 1, NULL, "V1__a.sql:2:1: error: PRAGMA writable_schema can't be set outside a transaction");
    run_has(&sb, "resolve 1 --mark-rolled-back", 0, NULL, "");
    sandbox_file(&sb, "V1__a.sql", "-- jetbase: no-transaction\nCREATE TABLE log (n int);\nBEGIN;\nPRAGMA writable_schema=ON;\nDELETE FROM sqlite_master WHERE tbl_name LIKE 'jetbase%%';\nCOMMIT;\nPRAGMA writable_schema=OFF;\n");
    run_has(&sb, "upgrade", 1, NULL, "jetbase's own tables are no longer in it");
    run_has(&sb, "lock-status", 0, "Status: UNLOCKED", "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND tbl_name LIKE 'jetbase%'"), 3);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations"), 0);
    sandbox_file(&sb, "V1__a.sql", "-- jetbase: no-transaction\nCREATE TABLE log (n int);\nBEGIN;\nPRAGMA writable_schema=ON;\nUPDATE sqlite_master SET sql = 'CREATE TABLE log (n text)' WHERE name = 'log';\nCOMMIT;\nPRAGMA writable_schema=OFF;\nINSERT INTO log VALUES (1);\n");
    run_has(&sb, "resolve 1 --from 2", 0, "applied successfully: V1__a.sql", "");
    assert_int_equal(sandbox_number(&sb, "SELECT n = '1' FROM log"), 1);
    sandbox_close(&sb);
}

int main(void)
{
    static const struct run_case tests[] = {
        RUN_TEST(plan_says_it), RUN_TEST(among_others), RUN_TEST(killed_at_each_statement), RUN_TEST(killed_before_the_record), RUN_TEST(interrupted_at_each_statement),
        RUN_TEST(long_statement_is_cancelled), RUN_TEST(unlocked_between_statements), RUN_TEST(own_block), RUN_TEST(unlocked_inside_the_block), RUN_TEST(rollback_section), RUN_TEST(commit_of_nothing),
        RUN_TEST(new_enum_value), RUN_TEST(broken_schema),
    };
    return run_group("outside", tests, sizeof tests / sizeof *tests);
}
