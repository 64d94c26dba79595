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

#include "support/pg_server.h"
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

/* The lock row itself is kept while the file's statements run: the check before COMMIT gives up. */
static void gives_up_before_the_commit(const char *file, const char *option)
{
    struct sandbox sb;
    struct process p;
    char wanted[100];
    open_with_k(&sb);
    PGconn *gate = holder(&sb, "SELECT pg_advisory_lock(7)");
    sandbox_file(&sb, "V2__wait.sql", "%s", file);
    sandbox_start(&sb, &p, false, NULL, (const char *const[]){ "upgrade", option, NULL });
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

/* Where nobody watches, and where somebody does. */
static void before_the_commit(void **state)
{
    (void)state;
    gives_up_before_the_commit("SELECT 1;\nSELECT pg_advisory_xact_lock(7);\nSELECT 3;\n", NULL);
    gives_up_before_the_commit("SELECT pg_advisory_xact_lock(7);\n", "--verbose");
}

/* Waits until the run waits for a lock, and somebody has looked at that after it did, and has the answer. */
static void await_look(const struct sandbox *sb)
{
    char sql[300];
    while (sandbox_number(sb, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 0)
        continue;
    char *since = sandbox_text(sb, "SELECT clock_timestamp()::text");
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'jetbase looks on' AND state = 'idle' AND query LIKE '%%pg_blocking_pids%%' AND query_start > '%s'", since);
    free(since);
    while (sandbox_number(sb, sql) == 0)
        continue;
}

/* The file waits for somebody, who is seen and lets go; then it fails with the SQLSTATE of a lock timeout over something else: of the first wait nothing is said. */
static void waited_before(const char *text, const char *option)
{
    struct sandbox sb;
    struct process p;
    char named[60];
    open_with_k(&sb);
    sandbox_sql(&sb, "CREATE TABLE m (id int)");
    sandbox_file(&sb, "V2__wait.sql", "%s", text);
    PGconn *first = holder(&sb, "LOCK TABLE k IN SHARE MODE"), *second = holder(&sb, "LOCK TABLE m IN SHARE MODE");
    sandbox_start(&sb, &p, false, NULL, (const char *const[]){ "upgrade", "--lock-timeout", "20s", option, NULL });
    await_look(&sb);
    say(first, "ROLLBACK");
    process_wait(&p);
    snprintf(named, sizeof named, "It waited for session %d ", PQbackendPID(first));
    if (p.exit != 3 || !strstr(p.err, "V2__wait.sql was rolled back") || strstr(p.err, named))
        fail_msg("%s: exit %d\n%s", text, p.exit, p.err);
    process_free(&p);
    PQfinish(second);
    PQfinish(first);
    sandbox_close(&sb);
}

static void of_an_earlier_wait(void **state)
{
    (void)state;
    waited_before("LOCK TABLE k;\nLOCK TABLE m NOWAIT;\n", NULL);
    waited_before("LOCK TABLE k;\nSET lock_timeout = '1ms';\nLOCK TABLE m;\n", NULL);
    waited_before("LOCK TABLE k;\nDO $$ BEGIN RAISE 'no' USING ERRCODE = '55P03'; END $$;\n", NULL);
    waited_before("DO $$ BEGIN LOCK TABLE k; LOCK TABLE m NOWAIT; END $$;\n", "--verbose");
    /* The same statement: its first wait was over long before. */
    waited_before("DO $$ BEGIN LOCK TABLE k; PERFORM pg_sleep(2.5); SET LOCAL lock_timeout = '1ms'; LOCK TABLE m; END $$;\n", "--verbose");
}

/* A file before has changed what times look like: the server is still known for the same. */
static void in_another_time_zone(void **state)
{
    struct sandbox sb;
    struct process p;
    char wanted[60];
    (void)state;
    open_with_k(&sb);
    sandbox_file(&sb, "V2__zone.sql", "DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I SET timezone = %%L', current_database(), 'Asia/Kolkata'); END $$;\n");
    sandbox_file(&sb, "V3__wait.sql", "ALTER TABLE k ADD more int;\n");
    PGconn *conn = holder(&sb, "LOCK TABLE k IN SHARE MODE");
    run_line(&sb, &p, "upgrade --lock-timeout 2s");
    snprintf(wanted, sizeof wanted, "It waited for session %d ", PQbackendPID(conn));
    if (p.exit != 3 || !strstr(p.err, wanted))
        fail_msg("expected %s\n%s", wanted, p.err);
    process_free(&p);
    PQfinish(conn);
    sandbox_close(&sb);
}

/* How often the server has said so in its log. */
static int refusals(void)
{
    char path[300], line[1000];
    int count = 0;
    snprintf(path, sizeof path, "%s/log", pg_server_socket_dir());
    FILE *log = fopen(path, "re");
    assert_non_null(log);
    while (fgets(line, sizeof line, log))
        count += strstr(line, "too many connections for role \"alone\"") != NULL;
    fclose(log);
    return count;
}

/* A role that may have one session only: a second one is asked for once in a wait, not every time it would be of use, and the run is none the worse for it. */
static void no_second_session(void **state)
{
    struct sandbox sb;
    (void)state;
    open_with_k(&sb);
    sandbox_sql(&sb, "CREATE ROLE alone LOGIN CONNECTION LIMIT 1");
    sandbox_sql(&sb, "GRANT ALL ON SCHEMA public TO alone; GRANT ALL ON ALL TABLES IN SCHEMA public TO alone");
    snprintf(sb.variable, sizeof sb.variable, "JETBASE_SQLALCHEMY_URL=postgresql://alone@127.0.0.1:%d%s", pg_server_port(), strrchr(sb.url, '/'));
    sandbox_file(&sb, "V2__slow.sql", "SELECT pg_sleep(0.4);\n");
    run_has(&sb, "upgrade --lock-timeout 40ms", 0, "V2__slow.sql", "");
    assert_int_equal(refusals(), 1);
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
        cmocka_unit_test(in_a_transaction), cmocka_unit_test(outside_one), cmocka_unit_test(in_a_rehearsal), cmocka_unit_test(before_the_commit), cmocka_unit_test(of_an_earlier_wait), cmocka_unit_test(in_another_time_zone), cmocka_unit_test(no_second_session), cmocka_unit_test(nobody_was_seen), cmocka_unit_test(in_json),
    };
    setenv("COLUMNS", "100", 1);
    return _cmocka_run_group_tests("pg_lock_timeout", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
