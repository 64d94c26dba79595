/* test_pg_lock_timeout.c: a statement, or the record behind it, that waited in vain for a lock says whom it waited for; and says nothing where that was not seen. */
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

#include <libpq-fe.h>

static void say(PGconn *conn, const char *sql)
{
    PGresult *res = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(res);
    PQclear(res);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
}

/* Somebody who holds what `sql` takes, and is idle in a transaction. */
static PGconn *holder(const struct sandbox *sb, const char *sql)
{
    PGconn *conn = PQconnectdb(sb->conninfo);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    say(conn, "SET application_name = 'nightly report'");
    say(conn, "BEGIN");
    say(conn, sql);
    return conn;
}

static void open_with_k(struct sandbox *sb)
{
    sandbox_open(sb, SANDBOX_POSTGRES);
    sandbox_file(sb, "V1__k.sql", "CREATE TABLE k (id int);\n");
    run_has(sb, "upgrade", 0, NULL, "");
}

static void names_the_blocker(const char *text, const char *line, const char *state)
{
    struct sandbox sb;
    struct process p;
    char wanted[200];
    open_with_k(&sb);
    sandbox_file(&sb, "V2__wait.sql", "%s", text);
    PGconn *conn = holder(&sb, "LOCK TABLE k IN SHARE MODE");
    run_line(&sb, &p, line);
    assert_int_equal(p.exit, 3);
    snprintf(wanted, sizeof wanted, "\nDETAIL: It waited for session %d (postgres, nightly report at 127.0.0.1, idle in transaction for ", PQbackendPID(conn));
    if (!strstr(p.err, wanted) || !strstr(p.err, " s): LOCK TABLE k IN SHARE MODE\n") || !strstr(p.err, "canceling statement due to lock timeout") || !strstr(p.err, state))
        fail_msg("expected %s\n%s", wanted, p.err);
    process_free(&p);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations"), 1);
    PQfinish(conn);
    sandbox_close(&sb);
}

static void in_a_transaction(void **state)
{
    (void)state;
    names_the_blocker("CREATE TABLE gone (x int);\n  ALTER TABLE k ADD more int;\n", "upgrade --lock-timeout 2s", "V2__wait.sql:2:3: error: ");
    names_the_blocker("-- jetbase: lock-timeout=2s\nALTER TABLE k ADD more int;\n", "upgrade --lock-timeout 1h", "V2__wait.sql was rolled back: nothing of it remains.");
}

static void outside_one(void **state)
{
    (void)state;
    names_the_blocker("-- jetbase: no-transaction\n-- jetbase: lock-timeout=2s\nSELECT 1;\nALTER TABLE k ADD more int;\n", "upgrade", "V2__wait.sql:4:1: error: ");
}

/* Between its glances at who waits behind it a rehearsal looks at whom it waits for. */
static void in_a_rehearsal(void **state)
{
    struct sandbox sb;
    struct process p;
    char wanted[200];
    (void)state;
    open_with_k(&sb);
    sandbox_file(&sb, "V2__wait.sql", "CREATE TABLE gone (x int);\n  ALTER TABLE k ADD more int;\n");
    PGconn *conn = holder(&sb, "LOCK TABLE k IN SHARE MODE");
    run_line(&sb, &p, "rehearse --lock-timeout 2s");
    snprintf(wanted, sizeof wanted, "\nDETAIL: It waited for session %d (postgres, nightly report at 127.0.0.1, idle in transaction for ", PQbackendPID(conn));
    if (p.exit == 0 || !strstr(p.err, wanted) || !strstr(p.err, "V2__wait.sql:2:3: error: ") || !strstr(p.err, " s): LOCK TABLE k IN SHARE MODE\n"))
        fail_msg("expected %s\n%s", wanted, p.err);
    process_free(&p);
    PQfinish(conn);
    sandbox_close(&sb);
}

/* The lock row itself is kept while the file's statement runs: the check before COMMIT gives up. */
static void before_the_commit(void **state)
{
    struct sandbox sb;
    struct process p;
    char wanted[100];
    (void)state;
    open_with_k(&sb);
    PGconn *gate = holder(&sb, "SELECT pg_advisory_lock(7)");
    sandbox_file(&sb, "V2__wait.sql", "SELECT pg_advisory_xact_lock(7);\n");
    sandbox_start(&sb, &p, false, NULL, (const char *const[]){ "upgrade", NULL });
    while (sandbox_number(&sb, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 7") == 0)
        continue;
    PGconn *conn = holder(&sb, "SELECT 1 FROM jetbase_lock FOR UPDATE");
    say(gate, "SELECT pg_advisory_unlock(7)");
    process_wait(&p);
    assert_int_equal(p.exit, 3);
    snprintf(wanted, sizeof wanted, "It waited for session %d (postgres, nightly report", PQbackendPID(conn));
    if (!strstr(p.err, "the lock could not be checked before COMMIT: canceling statement due to lock timeout") || !strstr(p.err, wanted))
        fail_msg("expected %s\n%s", wanted, p.err);
    process_free(&p);
    PQfinish(conn);
    PQfinish(gate);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations"), 1);
    sandbox_close(&sb);
}

/* Too short a wait to be looked at, in a file that sets it itself: nobody is accused. And a statement that merely takes its time starts no second session where it can't wait for long. */
static void nobody_was_seen(void **state)
{
    struct sandbox sb;
    (void)state;
    open_with_k(&sb);
    sandbox_file(&sb, "V2__wait.sql", "SET lock_timeout = '1ms';\nALTER TABLE k ADD more int;\n");
    PGconn *conn = holder(&sb, "LOCK TABLE k IN SHARE MODE");
    run_has(&sb, "upgrade", 3, NULL, "V2__wait.sql:2:1: error: canceling statement due to lock timeout\n  ALTER TABLE k ADD more int;\n  ^\nV2__wait.sql was rolled back");
    PQfinish(conn);
    sandbox_file(&sb, "V2__wait.sql", "CREATE TABLE seen AS SELECT pg_sleep(0.2)::text, (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'jetbase looks on') AS n;\n");
    run_has(&sb, "upgrade", 0, NULL, "");
    assert_int_equal(sandbox_number(&sb, "SELECT n FROM seen"), 0);
    sandbox_close(&sb);
}

/* The same words in JSON; and no session is left once the run is over. */
static void in_json(void **state)
{
    struct sandbox sb;
    json_t *error = NULL;
    (void)state;
    open_with_k(&sb);
    sandbox_file(&sb, "V2__wait.sql", "ALTER TABLE k ADD more int;\n");
    PGconn *conn = holder(&sb, "LOCK TABLE k IN SHARE MODE");
    json_t *events = run_events(&sb, "upgrade --json --lock-timeout 2s", 3);
    for (size_t i = 0; i < json_array_size(events); i++)
        if (strcmp(run_text(json_array_get(events, i), "event"), "error") == 0)
            error = json_object_get(json_array_get(events, i), "error");
    assert_non_null(error);
    assert_non_null(strstr(run_text(error, "detail"), "It waited for session "));
    assert_string_equal(run_text(error, "sqlstate"), "55P03");
    assert_int_equal(json_integer_value(json_object_get(error, "line")), 1);
    json_decref(events);
    PQfinish(conn);
    while (sandbox_number(&sb, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'jetbase%'") > 0)
        continue;
    sandbox_close(&sb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_a_transaction), cmocka_unit_test(outside_one), cmocka_unit_test(in_a_rehearsal), cmocka_unit_test(before_the_commit), cmocka_unit_test(nobody_was_seen), cmocka_unit_test(in_json),
    };
    setenv("COLUMNS", "100", 1);
    return _cmocka_run_group_tests("pg_lock_timeout", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
