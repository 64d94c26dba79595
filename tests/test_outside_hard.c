/* test_outside_hard.c: files outside a transaction where things go wrong around them: unlocks under a running statement, lost connections, roles, encodings, broken keys. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#ifdef JETBASE_POSTGRES
#include <libpq-fe.h>
#endif

#include "support/outside.h"

static const char *const upgrade[] = { "upgrade", NULL };

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
    outside_until(&sb, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'", 1);
    run_has(&sb, "unlock", 0, "Unlock successful.", "outside a transaction may go on");
    /* A second build would wait for the first one's transaction: the timeout ends it where it is let in. */
    for (int i = 0; i < 3; i++)
        run_has(&sb, "upgrade --statement-timeout 20s", 3, NULL, "outside a transaction that still runs");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND state = 'active'"), 1);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked"), 0);
    execute(blocker, "COMMIT");
    PQfinish(blocker);
    process_wait(&p);
    assert_int_equal(p.exit, 4);
    assert_non_null(strstr(p.err, "V2__index.sql is half applied: its one statement is done"));
    process_free(&p);
    assert_int_equal(outside_applied(&sb, "2"), 0);
    run_has(&sb, "resolve 2 --mark-applied", 0, "Resolved", "");
    assert_int_equal(outside_applied(&sb, "2"), 1);
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
    assert_int_equal(outside_applied(&sb, "2"), 0);
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
    outside_until(&sb, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)%' AND state = 'active'", 1);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)%' AND pid <> pg_backend_pid()) t"), 1);
    process_wait(&p);
    assert_int_equal(p.exit, 6);
    assert_non_null(strstr(p.err, "V1__a.sql is half applied: statement 1 is done, statement 2 may have run, statement 3 was not run"));
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
    run_has(&sb, "upgrade", 1, NULL, "V2__b.sql is half applied: statement 1 may have run, statements 2 to 5 were not run");
    assert_int_equal(outside_applied(&sb, "1"), 1);
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

/* A file that was changed above what ran: the numbers mean other statements, so nothing is said or done by them. */
static void changed_above(enum sandbox_kind kind)
{
    static const char header[] = "-- jetbase: no-transaction\nCREATE TABLE t (n int);\n";
    struct sandbox sb;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "%sINSERT INTO t VALUES (1);\nINSERT INTO missing VALUES (3);\n", header);
    run_has(&sb, "upgrade", 1, NULL, "statements 1 and 2 are done");
    run_has(&sb, "resolve 1", 0, "2  done ", "");
    /* One more statement, and one that merely stands there instead of another. */
    static const char *const changed[] = { "CREATE TABLE never_ran (n int);\nINSERT INTO t VALUES (1);\n", "INSERT INTO t VALUES (2);\n" };
    for (size_t i = 0; i < 2; i++) {
        sandbox_file(&sb, "V1__a.sql", "%s%sCREATE TABLE missing (n int);\n", header, changed[i]);
        run_has(&sb, "resolve 1", 0, "2  ?  ", "which of the statements below ran is not known");
        run_has(&sb, "resolve 1", 0, "jetbase resolve V1__a.sql --from 1\n", NULL);
        run_has(&sb, "resolve 1 --from 3", 5, NULL, "its numbers no longer mean the statements that ran");
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM t"), 1);
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations"), 0);
    }
    json_t *shown = run_json(&sb, "resolve 1 --json", 0);
    assert_true(json_is_true(json_object_get(shown, "changed")));
    assert_true(json_is_null(json_object_get(json_array_get(json_object_get(shown, "list"), 0), "state")));
    json_decref(shown);
    /* The statement that failed is put right, which is what a person does; what ran before it stands as it was. */
    sandbox_file(&sb, "V1__a.sql", "%sINSERT INTO t VALUES (1);\nCREATE TABLE missing (n int);\nINSERT INTO missing VALUES (3);\nINSERT INTO missing VALUES (4);\n", header);
    run_has(&sb, "resolve 1 --from 5", 2, NULL, "statement 4 was not run");
    run_has(&sb, "resolve 1 --from 3", 0, "applied successfully: V1__a.sql", "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM t"), 1);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM missing"), 2);
    sandbox_close(&sb);
}

int main(void)
{
    static const struct run_case tests[] = {
        RUN_TEST(unlocked_under_a_running_index), RUN_TEST(connection_lost), RUN_TEST(without_a_witness), RUN_TEST(other_encoding), RUN_TEST(invalid_index_is_named), RUN_TEST(roles_and_deferred),
        RUN_TEST(foreign_keys_off), RUN_TEST(changed_above),
    };
    return run_group("outside_hard", tests, sizeof tests / sizeof *tests);
}
