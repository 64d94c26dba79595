/* test_wait_server.c: --wait where the PostgreSQL server is not there yet, starts up, or goes away meanwhile; and what is not waited for: a server that says no. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pg_private.h"
#include "support/pg_server.h"
#include "support/refuser.h"
#include "support/run.h"

static void refusals(void **state)
{
    char code[6], said[600];
    (void)state;
    snprintf(said, sizeof said, "connection to server at \"::1\", port 5432 failed: Connection refused\n\tIs the server running?\nconnection to server at \"127.0.0.1\", port 5432 failed: FATAL:  28P01: password authentication failed for user \"x\"\nLOCATION:  auth_failed, auth.c:346\n");
    pg_refusal(said, code);
    assert_string_equal(code, "28P01");
    assert_string_equal(said, "connection to server at \"::1\", port 5432 failed: Connection refused\n\tIs the server running?\nconnection to server at \"127.0.0.1\", port 5432 failed: FATAL:  password authentication failed for user \"x\"\n");
    assert_false(pg_not_up(code, said, false));
    snprintf(said, sizeof said, "FATAL:  57P03: the database system is starting up\nLOCATION:  ProcessStartupPacket, postmaster.c:2338");
    pg_refusal(said, code);
    assert_string_equal(code, "57P03");
    assert_string_equal(said, "FATAL:  the database system is starting up");
    assert_true(pg_not_up(code, said, false));
    snprintf(said, sizeof said, "could not translate host name \"db\" to address: Name or service not known\n");
    pg_refusal(said, code);
    assert_string_equal(code, "");
    assert_true(pg_not_up(code, said, false));
    assert_false(pg_not_up("", "fe_sendauth: no password supplied", true));
    assert_false(pg_not_up("", "FATAL:  database \"x\" does not exist", false));
    assert_true(pg_not_up("", "FATAL:  the database system is shutting down", false));
    assert_true(pg_not_up("53300", "", false));
    assert_false(pg_not_up("3D000", "", false));
}

/* A project whose URL leads to that port. */
static void open_at(struct sandbox *sb, int port, const char *database)
{
    sandbox_open(sb, SANDBOX_POSTGRES);
    sandbox_file(sb, "V1__first.sql", "CREATE TABLE first (id INTEGER);\n");
    if (port)
        snprintf(sb->variable, sizeof sb->variable, "JETBASE_SQLALCHEMY_URL=postgresql://postgres@127.0.0.1:%d/%s", port, database);
}

static void waits_while_it_starts_up(void **state)
{
    struct refuser *r = refuser_start("57P03", "the database system is starting up");
    struct sandbox sb;
    (void)state;
    open_at(&sb, refuser_port(r), "d");
    run_has(&sb, "upgrade --wait 2s", 6, "", "note: waiting for the server: can't connect to PostgreSQL at 127.0.0.1 port ");
    assert_true(refuser_clients(r) > 2);
    run_has(&sb, "upgrade --wait 300ms", 6, "", "the database system is starting up (waited ");
    run_has(&sb, "upgrade", 6, "", "the database system is starting up\nHINT:");
    json_t *events = run_events(&sb, "upgrade --wait 300ms --json", 6);
    assert_string_equal(run_text(events, "0.event"), "server-waiting");
    assert_string_equal(run_text(events, "1.event"), "error");
    assert_string_equal(run_text(events, "1.error.sqlstate"), "57P03");
    json_decref(events);
    refuser_stop(r);
    sandbox_close(&sb);
}

/* A forwarder whose server is not there yet takes the connection and hangs up. */
static void waits_behind_a_forwarder(void **state)
{
    struct refuser *r = refuser_start(NULL, NULL);
    struct sandbox sb;
    (void)state;
    open_at(&sb, refuser_port(r), "d");
    run_has(&sb, "upgrade --wait 1s", 6, "", "note: waiting for the server: ");
    assert_true(refuser_clients(r) > 1);
    refuser_stop(r);
    sandbox_close(&sb);
}

static void says_no(void **state)
{
    static const struct { const char *state, *message; } cases[] = {
        { "28P01", "password authentication failed for user \"postgres\"" }, { "3D000", "database \"d\" does not exist" }, { "28000", "role \"postgres\" does not exist" },
    };
    struct sandbox sb;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct refuser *r = refuser_start(cases[i].state, cases[i].message);
        struct process p;
        open_at(&sb, refuser_port(r), "d");
        run_line(&sb, &p, "upgrade --wait forever");
        assert_int_equal(p.exit, 6);
        assert_null(strstr(p.err, "waiting"));
        assert_null(strstr(p.err, "LOCATION"));
        assert_non_null(strstr(p.err, cases[i].message));
        assert_int_equal(refuser_clients(r), 1);
        process_free(&p);
        refuser_stop(r);
        sandbox_close(&sb);
    }
    open_at(&sb, pg_server_port(), "no_such_database");
    run_has(&sb, "upgrade --wait forever", 6, "", "database \"no_such_database\" does not exist");
    run_has(&sb, "fix --wait forever", 6, "", "database \"no_such_database\" does not exist");
    sandbox_close(&sb);
}

/* It is not up, it comes up, the work is done. Refused on its port, it has never been there at all. */
static void comes_up(void **state)
{
    static const char *const args[] = { "upgrade", "--wait", "forever", NULL };
    struct sandbox sb;
    struct process p;
    (void)state;
    open_at(&sb, 0, NULL);
    pg_server_crash();
    sandbox_start(&sb, &p, false, NULL, args);
    process_hear(&p, true, "note: waiting for the server: ");
    pg_server_start_again();
    process_wait(&p);
    if (p.exit != 0)
        print_error("%s%s", p.out, p.err);
    assert_int_equal(p.exit, 0);
    assert_non_null(strstr(p.out, "Migration applied successfully: V1__first.sql"));
    process_free(&p);
    sandbox_close(&sb);
}

/* It goes away while the lock is waited for, and comes back. */
static void goes_and_comes(void **state)
{
    static const char *const args[] = { "upgrade", "--wait", "forever", NULL };
    struct sandbox sb;
    struct process p;
    (void)state;
    open_at(&sb, 0, NULL);
    run_has(&sb, "upgrade", 0, NULL, "");
    sandbox_file(&sb, "V2__second.sql", "CREATE TABLE second (id INTEGER);\n");
    sandbox_sql(&sb, "UPDATE jetbase_lock SET is_locked = TRUE, process_id = '11111111-2222-3333-4444-555555555555'");
    sandbox_start(&sb, &p, false, NULL, args);
    process_hear(&p, true, "note: waiting for the lock, held by process ID 1111");
    pg_server_crash();
    process_hear(&p, true, "note: waiting for the server: ");
    pg_server_start_again();
    run_has(&sb, "unlock --wait 1", 2, NULL, "No such option: --wait");
    run_has(&sb, "unlock", 0, NULL, NULL);
    process_wait(&p);
    if (p.exit != 0)
        print_error("%s%s", p.out, p.err);
    assert_int_equal(p.exit, 0);
    assert_non_null(strstr(p.out, "Migration applied successfully: V2__second.sql"));
    process_free(&p);
    sandbox_close(&sb);
}

/* The wish to stop comes while the lock is being looked at: the look is cancelled, and it is the wish that is told. */
static void is_stopped_while_it_looks(void **state)
{
    static const char *const args[] = { "upgrade", "--wait", "forever", NULL };
    struct sandbox sb;
    struct process p;
    (void)state;
    sandbox_open(&sb, SANDBOX_POSTGRES);
    sandbox_file(&sb, "V1__first.sql", "CREATE TABLE first (id INTEGER);\n");
    run_has(&sb, "upgrade", 0, "Migrations completed successfully.", "");
    sandbox_file(&sb, "V2__second.sql", "CREATE TABLE second (id INTEGER);\n");
    sandbox_sql(&sb, "UPDATE jetbase_lock SET is_locked = TRUE, process_id = '11111111-2222-3333-4444-555555555555'");
    sandbox_start(&sb, &p, false, NULL, args);
    process_hear(&p, true, "note: waiting for the lock, held by process ID 1111");
    assert_true(pg_load(NULL)); /* no connection of a driver is opened in this program */
    PGconn *other = PQconnectdb(sb.conninfo);
    PQclear(PQexec(other, "BEGIN; LOCK TABLE jetbase_lock IN ACCESS EXCLUSIVE MODE"));
    while (sandbox_number(&sb, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'jetbase_lock'::regclass") == 0)
        continue;
    kill(p.pid, SIGHUP);
    process_wait(&p);
    PQfinish(other);
    assert_int_equal(p.exit, 129);
    assert_non_null(strstr(p.err, "error: stopped by a signal while it waited\n"));
    assert_non_null(strstr(p.err, "The lock was not taken. Nothing was done."));
    process_free(&p);
    sandbox_close(&sb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals), cmocka_unit_test(waits_while_it_starts_up), cmocka_unit_test(waits_behind_a_forwarder), cmocka_unit_test(says_no), cmocka_unit_test(comes_up),
        cmocka_unit_test(goes_and_comes), cmocka_unit_test(is_stopped_while_it_looks),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("wait_server", tests, NULL, NULL);
}
