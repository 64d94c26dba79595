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
#ifdef JETBASE_POSTGRES
#include <libpq-fe.h>
#endif

#include "support/run.h"

enum { STATEMENTS = 5 };

static const char *const upgrade[] = { "upgrade", NULL };

/* Every statement leaves its number, but the one that can't run in a transaction. */
static void five(const struct sandbox *sb)
{
    sandbox_file(sb, "V1__log.sql", "CREATE TABLE log (n int);\n-- rollback\nDROP TABLE log;\n");
    sandbox_file(sb, "V2__five.sql",
                 "-- jetbase: no-transaction\nINSERT INTO log VALUES (1);\nINSERT INTO log VALUES (2);\nVACUUM;\nINSERT INTO log VALUES (4);\nINSERT INTO log VALUES (5);\n"
                 "-- rollback\nDELETE FROM log WHERE n = 5;\nVACUUM;\nDELETE FROM log;\n");
}

static int64_t applied(const struct sandbox *sb, const char *version)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM jetbase_migrations WHERE version = '%s'", version);
    return sandbox_number(sb, sql);
}

/* Which statement is the last that left something: the numbers without a gap. */
static int reached(const struct sandbox *sb)
{
    return (int)sandbox_number(sb, "SELECT COALESCE(max(n), 0) FROM log");
}

/* The backend of a killed client ends by itself; until then its run lives. */
static void until_dead(const struct sandbox *sb)
{
    for (int i = 0; i < 10000; i++) {
        json_t *json = run_json(sb, "lock-status --json", 0);
        const char *verdict = run_text(json, "verdict");
        bool over = !verdict || strcmp(verdict, "dead") == 0;
        json_decref(json);
        if (over)
            return;
    }
    fail_msg("the killed run did not die");
}

/* What status and resolve say of V2; fails unless they agree with each other and with what is in the database. */
static void inspect(const struct sandbox *sb, int *done, int *started)
{
    json_t *status = run_json(sb, "status --json", 0), *look = run_json(sb, "resolve V2 --json", 0), *list = json_object_get(look, "list");
    assert_string_equal(run_text(status, "pending.0.why"), "half-applied");
    assert_true(json_is_false(json_object_get(json_array_get(json_object_get(status, "pending"), 0), "transaction")));
    *done = (int)json_integer_value(json_object_get(look, "done"));
    *started = (int)json_integer_value(json_object_get(look, "started"));
    assert_int_equal(json_array_size(list), STATEMENTS);
    for (int i = 1; i <= STATEMENTS; i++)
        assert_string_equal(json_string_value(json_object_get(json_array_get(list, (size_t)i - 1), "state")), i <= *done ? "done" : i <= *started ? "may have run" : "not run");
    json_decref(status);
    json_decref(look);
    int seen = reached(sb);
    assert_true(seen >= (*done == 3 ? 2 : *done) && seen <= *started);
    run_has(sb, "upgrade", 5, NULL, "V2__five.sql is half applied");
    run_has(sb, "rollback", 5, NULL, "V2__five.sql is half applied");
    assert_int_equal(applied(sb, "2"), 0);
}

/* Ends it in one of three ways, and then the history says what the database holds. */
static void way_out(const struct sandbox *sb, int way, int done)
{
    char line[100];
    struct process p;
    int seen = reached(sb), from = seen >= done ? seen + 1 : done + 1;
    if (seen == 2 && done == 3)
        from = 4;
    if (way == 0 && from <= STATEMENTS) {
        snprintf(line, sizeof line, "resolve 2 --take-over-dead --from %d", from);
    } else if (way == 2) {
        sandbox_sql(sb, "DELETE FROM log");
        snprintf(line, sizeof line, "resolve V2__five.sql --take-over-dead --mark-rolled-back");
    } else {
        sandbox_sql(sb, "DELETE FROM log");
        sandbox_sql(sb, "INSERT INTO log VALUES (1), (2), (4), (5)");
        snprintf(line, sizeof line, "resolve v2 --take-over-dead --mark-applied");
    }
    if (run_line(sb, &p, line) != 0)
        print_error("%s: %s%s", line, p.out, p.err);
    assert_int_equal(p.exit, 0);
    process_free(&p);
    assert_int_equal(applied(sb, "2"), way == 2 ? 0 : 1);
    run_has(sb, "resolve 2", 5, NULL, "not half applied");
    run_has(sb, "upgrade", 0, NULL, "");
    assert_int_equal(applied(sb, "2"), 1);
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM log"), 4);
    assert_int_equal(sandbox_number(sb, "SELECT count(DISTINCT n) FROM log"), 4);
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked"), 0);
}

static void die_at(enum sandbox_kind kind, const char *failpoint, int n, int way, int want_done, int want_started)
{
    struct sandbox sb;
    struct process p;
    char set[40];
    int done, started;
    sandbox_open(&sb, kind);
    five(&sb);
    assert_int_equal(sandbox_run(&sb, NULL, (const char *const[]){ "upgrade", "--count", "1", NULL }), 0);
    snprintf(set, sizeof set, "%s:%d=kill", failpoint, n);
    sandbox_start(&sb, &p, true, set, upgrade);
    process_wait(&p);
    assert_int_equal(p.exit, 128 + SIGKILL);
    process_free(&p);
    until_dead(&sb);
    inspect(&sb, &done, &started);
    assert_int_equal(done, want_done);
    assert_int_equal(started, want_started);
    way_out(&sb, way, done);
    sandbox_close(&sb);
}

static void killed_at_each_statement(enum sandbox_kind kind)
{
    for (int n = 1; n <= STATEMENTS; n++) {
        die_at(kind, "started", n, n % 3, n - 1, n);
        die_at(kind, "statement", n, (n + 1) % 3, n - 1, n);
        die_at(kind, "done", n, (n + 2) % 3, n, n);
    }
}

/* Its statements are done, the record is not: only that is missing. */
static void killed_before_the_record(enum sandbox_kind kind)
{
    die_at(kind, "head", 1, 1, STATEMENTS, STATEMENTS);
    die_at(kind, "fence", 1, 2, STATEMENTS, STATEMENTS);
}

static void interrupted_at_each_statement(enum sandbox_kind kind)
{
    for (int n = 1; n <= STATEMENTS; n++) {
        struct sandbox sb;
        struct process p;
        char set[40];
        int done, started;
        sandbox_open(&sb, kind);
        five(&sb);
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
        inspect(&sb, &done, &started);
        assert_int_equal(started, n);
        way_out(&sb, n % 3, done);
        sandbox_close(&sb);
    }
}

/* Waits until a query gives that number. */
static void until(const struct sandbox *sb, const char *sql, int64_t wanted)
{
    for (int i = 0; i < 100000; i++)
        if (sandbox_number(sb, sql) == wanted)
            return;
    fail_msg("never %lld: %s", (long long)wanted, sql);
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
    until(&sb, "SELECT count(*) FROM jetbase_runs WHERE started_statement = 2 AND done_statement = 1", 1);
    kill(p.pid, SIGCONT);
    if (kind == SANDBOX_POSTGRES)
        until(&sb, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)%' AND state = 'active'", 1);
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
    five(&sb);
    assert_int_equal(sandbox_run(&sb, NULL, (const char *const[]){ "upgrade", "--count", "1", NULL }), 0);
    sandbox_start(&sb, &p, true, "done:2=stop", upgrade);
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
    inspect(&sb, &done, &started);
    assert_int_equal(done, 2);
    assert_int_equal(started, 2);
    way_out(&sb, 0, done);
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
        until_dead(&sb);
        json_t *look = run_json(&sb, "resolve 2 --json", 0);
        assert_int_equal(json_integer_value(json_object_get(look, "done")), cases[i].done);
        assert_int_equal(json_integer_value(json_object_get(look, "started")), cases[i].started);
        json_decref(look);
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM log"), cases[i].rows);
        run_has(&sb, "resolve 2 --take-over-dead --from 4", 2, NULL, "stands inside a transaction of the file, which begins with statement 2");
        run_has(&sb, "resolve 2 --take-over-dead --from 7", 2, NULL, "there is no statement 7");
        run_has(&sb, cases[i].rows == 1 ? "resolve 2 --take-over-dead --from 2" : "resolve 2 --take-over-dead --from 6", 0, NULL, "");
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM log"), 3);
        assert_int_equal(applied(&sb, "2"), 1);
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
        assert_non_null(strstr(p.err, "V2__block.sql is half applied: of 4 statements statement 1 is done, statement 2 may have run, statements 3 to 4 were not run"));
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
        five(&sb);
        assert_int_equal(sandbox_run(&sb, NULL, upgrade), 0);
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM log"), 4);
        sandbox_start(&sb, &p, true, "done:2=kill", (const char *const[]){ "rollback", NULL });
        process_wait(&p);
        assert_int_equal(p.exit, 128 + SIGKILL);
        process_free(&p);
        until_dead(&sb);
        run_has(&sb, "status", 0, NULL, "half applied in its rollback section");
        run_has(&sb, "upgrade", 5, NULL, "in its rollback section");
        run_has(&sb, "rollback", 5, NULL, "in its rollback section");
        run_has(&sb, way == 0 ? "resolve 2 --take-over-dead --from 3" : way == 1 ? "resolve 2 --take-over-dead --mark-applied" : "resolve 2 --take-over-dead --mark-rolled-back", 0, NULL, "");
        assert_int_equal(applied(&sb, "2"), way == 1);
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

#ifdef JETBASE_POSTGRES
static PGconn *client(const struct sandbox *sb)
{
    PGconn *conn = PQconnectdb(sb->conninfo);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    return conn;
}

static void execute(PGconn *conn, const char *sql)
{
    PGresult *res = PQexec(conn, sql);
    assert_true(PQresultStatus(res) == PGRES_COMMAND_OK || PQresultStatus(res) == PGRES_TUPLES_OK);
    PQclear(res);
}
#endif

/* The statement goes on after an unlock by force: nobody starts beside it. */
static void unlocked_under_a_running_index(enum sandbox_kind kind)
{
#ifdef JETBASE_POSTGRES
    struct sandbox sb;
    struct process p;
    PGconn *blocker;
    if (kind != SANDBOX_POSTGRES)
        return;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "CREATE TABLE log (n int);\n");
    sandbox_file(&sb, "V2__index.sql", "CREATE INDEX CONCURRENTLY log_n ON log (n);\n");
    assert_int_equal(sandbox_run(&sb, NULL, (const char *const[]){ "upgrade", "--count", "1", NULL }), 0);
    blocker = client(&sb);
    execute(blocker, "BEGIN");
    execute(blocker, "INSERT INTO log VALUES (1)");
    sandbox_start(&sb, &p, false, NULL, upgrade);
    until(&sb, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'", 1);
    run_has(&sb, "unlock", 0, "Unlock successful.", "outside a transaction may go on");
    for (int i = 0; i < 3; i++)
        run_has(&sb, "upgrade", 3, NULL, "outside a transaction that still runs");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND state = 'active'"), 1);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked"), 0);
    execute(blocker, "COMMIT");
    PQfinish(blocker);
    process_wait(&p);
    assert_int_equal(p.exit, 4);
    assert_non_null(strstr(p.err, "V2__index.sql is half applied: its one statement is done"));
    process_free(&p);
    assert_int_equal(applied(&sb, "2"), 0);
    run_has(&sb, "resolve 2 --mark-applied", 0, "Resolved", "");
    assert_int_equal(applied(&sb, "2"), 1);
    sandbox_close(&sb);
#else
    (void)kind;
#endif
}

/* Without a witness nobody could see that such a statement still runs: nothing of it is sent, and what a DBA must run is said. */
static void without_a_witness(enum sandbox_kind kind)
{
    struct sandbox sb;
    char line[700], url[600], *at;
    if (kind != SANDBOX_POSTGRES)
        return;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__log.sql", "CREATE TABLE log (n int);\n");
    assert_int_equal(sandbox_run(&sb, NULL, upgrade), 0);
    sandbox_sql(&sb, "DROP TABLE jetbase_runs");
    sandbox_sql(&sb, "CREATE ROLE weak LOGIN");
    sandbox_sql(&sb, "GRANT SELECT, INSERT, UPDATE, DELETE ON jetbase_migrations, jetbase_lock TO weak");
    sandbox_sql(&sb, "REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    snprintf(url, sizeof url, "%s", sb.url);
    at = strstr(url, "://") + 3;
    snprintf(line, sizeof line, "upgrade --url postgresql://weak%s", strchr(at, '@'));
    sandbox_file(&sb, "V2__vacuum.sql", "VACUUM;\n");
    run_has(&sb, line, 1, NULL, "V2__vacuum.sql runs outside a transaction, and this run has no witness");
    run_has(&sb, line, 1, NULL, "CREATE TABLE IF NOT EXISTS");
    assert_int_equal(applied(&sb, "2"), 0);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked"), 0);
    sandbox_close(&sb);
}

/* What is not read as it was meant is not sent. */
static void other_encoding(enum sandbox_kind kind)
{
    struct sandbox sb;
    if (kind != SANDBOX_POSTGRES)
        return;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__log.sql", "-- jetbase: no-transaction\nCREATE TABLE log (n text);\nSET client_encoding = 'LATIN1';\nINSERT INTO log VALUES ('a');\nINSERT INTO log VALUES ('\xc3\xa4');\n");
    run_has(&sb, "upgrade", 1, NULL, "V1__log.sql:5:1: error: the file has set client_encoding to LATIN1");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM log"), 1);
    run_has(&sb, "resolve V1 --from 4", 0, NULL, "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM log WHERE ascii(n) IN (97, 228)"), 2);
    sandbox_close(&sb);
}

/* The connection goes while a statement runs: whether it ran is not known, and not said. */
static void connection_lost(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    if (kind != SANDBOX_POSTGRES)
        return;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "-- jetbase: no-transaction\nCREATE TABLE log (n int);\nSELECT pg_sleep(600);\nINSERT INTO log VALUES (3);\n");
    sandbox_start(&sb, &p, false, NULL, upgrade);
    until(&sb, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)%' AND state = 'active'", 1);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)%' AND pid <> pg_backend_pid()) t"), 1);
    process_wait(&p);
    assert_int_equal(p.exit, 6);
    assert_non_null(strstr(p.err, "V1__a.sql is half applied: of 3 statements statement 1 is done, statement 2 may have run, statement 3 was not run"));
    assert_non_null(strstr(p.err, "jetbase resolve V1__a.sql"));
    assert_null(strstr(p.err, "nothing of it remains"));
    process_free(&p);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked"), 0);
    run_has(&sb, "resolve V1 --from 3", 0, NULL, "");
    sandbox_close(&sb);
}

/* What a failed build leaves is named, in the error and by the inspection. */
static void invalid_index_is_named(enum sandbox_kind kind)
{
    struct sandbox sb;
    if (kind != SANDBOX_POSTGRES)
        return;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "CREATE TABLE log (n int);\nINSERT INTO log VALUES (1), (1);\n");
    sandbox_file(&sb, "V2__index.sql", "CREATE UNIQUE INDEX CONCURRENTLY log_n ON log (n);\n");
    run_has(&sb, "upgrade", 1, NULL, "Invalid index in the database: public.log_n on public.log.");
    run_has(&sb, "resolve 2", 0, "Invalid index: public.log_n on public.log", "");
    sandbox_sql(&sb, "DELETE FROM log");
    sandbox_sql(&sb, "DROP INDEX log_n");
    run_has(&sb, "resolve 2 --from 1", 0, "applied successfully: V2__index.sql", "");
    run_has(&sb, "upgrade", 0, "up to date", "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM pg_index WHERE NOT indisvalid"), 0);
    sandbox_close(&sb);
}

/* A role that the file has taken on does not stand in the way of the marks; a deferred constraint fails at the file's own COMMIT. */
static void roles_and_deferred(enum sandbox_kind kind)
{
    struct sandbox sb;
    if (kind != SANDBOX_POSTGRES)
        return;
    sandbox_open(&sb, kind);
    sandbox_sql(&sb, "CREATE ROLE outsider");
    sandbox_file(&sb, "V1__a.sql", "-- jetbase: no-transaction\nSET ROLE outsider;\nSELECT 1;\nSET lock_timeout = '1ms';\nRESET ROLE;\nCREATE TABLE p (a int PRIMARY KEY);\n"
                                   "CREATE TABLE c (a int REFERENCES p DEFERRABLE INITIALLY DEFERRED);\n");
    sandbox_file(&sb, "V2__b.sql", "-- jetbase: no-transaction\nBEGIN;\nSET LOCAL ROLE pg_monitor;\nRESET ROLE;\nINSERT INTO c VALUES (1);\nCOMMIT;\n");
    run_has(&sb, "upgrade", 1, NULL, "V2__b.sql is half applied: of 5 statements statement 1 may have run, statements 2 to 5 were not run");
    assert_int_equal(applied(&sb, "1"), 1);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM c"), 0);
    sandbox_sql(&sb, "INSERT INTO p VALUES (1)");
    run_has(&sb, "resolve 2 --from 1", 0, NULL, "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM c"), 1);
    sandbox_close(&sb);
}

/* SQLite's twelve-step ALTER: no foreign key acts on the way, all of them hold before the commit. */
static void foreign_keys_off(enum sandbox_kind kind)
{
    struct sandbox sb;
    if (kind != SANDBOX_SQLITE)
        return;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (p_id INTEGER REFERENCES p (id) ON DELETE CASCADE);\nINSERT INTO p VALUES (1);\nINSERT INTO c VALUES (1);\n");
    sandbox_file(&sb, "V2__b.sql", "-- jetbase: foreign-keys=off\nCREATE TABLE n (id INTEGER PRIMARY KEY, name TEXT);\nINSERT INTO n (id) SELECT id FROM p;\nDROP TABLE p;\nALTER TABLE n RENAME TO p;\n");
    run_has(&sb, "upgrade", 0, "V2__b.sql", "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM c"), 1);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM pragma_table_info('p')"), 2);
    sandbox_file(&sb, "V3__c.sql", "-- jetbase: foreign-keys=off\nDELETE FROM p;\nCREATE TABLE gone (a);\n");
    run_has(&sb, "upgrade", 1, NULL, "foreign keys are broken: row 1 of c names a row of p that is not there");
    run_has(&sb, "upgrade", 1, NULL, "V3__c.sql was rolled back: nothing of it remains.");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM p"), 1);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM sqlite_master WHERE name = 'gone'"), 0);
    sandbox_file(&sb, "V3__c.sql", "-- jetbase: foreign-keys=off\nDELETE FROM p;\nDELETE FROM c;\n");
    run_has(&sb, "upgrade", 0, "V3__c.sql", "");
    sandbox_close(&sb);
}

int main(void)
{
    static const struct run_case tests[] = {
        RUN_TEST(plan_says_it), RUN_TEST(among_others), RUN_TEST(killed_at_each_statement), RUN_TEST(killed_before_the_record), RUN_TEST(interrupted_at_each_statement),
        RUN_TEST(long_statement_is_cancelled), RUN_TEST(unlocked_between_statements), RUN_TEST(own_block), RUN_TEST(unlocked_inside_the_block), RUN_TEST(rollback_section), RUN_TEST(unlocked_under_a_running_index),
        RUN_TEST(connection_lost), RUN_TEST(without_a_witness), RUN_TEST(other_encoding), RUN_TEST(invalid_index_is_named), RUN_TEST(roles_and_deferred), RUN_TEST(foreign_keys_off),
    };
    return run_group("outside", tests, sizeof tests / sizeof *tests);
}
