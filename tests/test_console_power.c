/* test_console_power.c: U, R, T, x, X and v in a pseudo-terminal on real databases. */
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

#include "support/stage.h"
#ifdef JETBASE_POSTGRES
#include <libpq-fe.h>
#endif

static const char *const upgrade[] = { "upgrade", NULL };

/* Up to a version, down to one: exactly those between run. */
static void up_and_down(enum sandbox_kind kind)
{
    struct stage s;
    stage_open(&s, kind, 4);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "2 Pending 4");
    term_key(s.term, "jj");
    term_wait_for(s.term, "U up to V3");
    term_key(s.term, "U");
    term_wait_for(s.term, ": 3 migrations");
    term_wait_for(s.term, "y  upgrade");
    term_key(s.term, "y");
    term_wait_for(s.term, "upgrade done: 3 applied");
    assert_int_equal(sandbox_check_steps(&s.sb, 4), 3);
    term_wait_for(s.term, "3 Applied 3");
    term_key(s.term, "\0333G");
    term_wait_for(s.term, "R down to V1");
    term_key(s.term, "R");
    term_wait_for(s.term, "Roll back 2 migrations");
    term_wait_for(s.term, "database is at V1");
    term_key(s.term, "2");
    term_wait_for(s.term, "rollback done: 2 rolled back");
    assert_int_equal(sandbox_check_steps(&s.sb, 4), 1);
    stage_lock_is_free(&s);
    stage_quit(&s);
    stage_close(&s);
}

/* T: the dead one's lock passes to the run in one step. */
static void take_over(enum sandbox_kind kind)
{
    struct stage s;
    struct process holder;
    stage_open(&s, kind, 2);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "2 Pending 2");
    sandbox_start(&s.sb, &holder, true, "locked=stop", upgrade);
    assert_true(process_wait_stopped(&holder));
    term_wait_for(s.term, "ALIVE");
    term_key(s.term, "T");
    term_wait_for(s.term, "this one is not proven dead");
    kill(holder.pid, SIGKILL);
    process_wait(&holder);
    process_free(&holder);
    term_wait_for(s.term, "DEAD: its");
    term_wait_for(s.term, "T take over");
    term_key(s.term, "T");
    term_wait_for(s.term, "Take over and upgrade");
    term_wait_for(s.term, "y  take over and upgrade");
    term_key(s.term, "\ry");
    term_wait_for(s.term, "upgrade done: 2 applied");
    assert_int_equal(sandbox_check_steps(&s.sb, 2), 2);
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM jetbase_runs WHERE outcome = 'died'"), 1);
    stage_lock_is_free(&s);
    stage_quit(&s);
    stage_close(&s);
}

static void verify(enum sandbox_kind kind)
{
    struct stage s;
    stage_open(&s, kind, 2);
    assert_int_equal(sandbox_run(&s.sb, NULL, upgrade), 0);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "3 Applied 2");
    term_key(s.term, "v");
    term_wait_for(s.term, "Every applied file is there");
    sandbox_file(&s.sb, "V2__step_2.sql", "SELECT 1;\n");
    term_wait_for(s.term, "V2__step_2.sql: the file was changed after it was applied");
    term_wait_for(s.term, "jetbase fix-checksums");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "fix-checksums");
    stage_quit(&s);
    stage_close(&s);
}

STAGE_ON_BOTH(up_and_down)
STAGE_ON_BOTH(take_over)
STAGE_ON_BOTH(verify)

#ifdef JETBASE_POSTGRES
static void say(PGconn *conn, const char *sql)
{
    PGresult *res = PQexec(conn, sql);
    if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(res);
}

/* Somebody has the table that a run of ours wants. */
static PGconn *start_jam(struct stage *s, struct process *run)
{
    PGconn *conn;
    stage_open(s, SANDBOX_POSTGRES, 1);
    sandbox_file(&s->sb, "V2__orders.sql", "ALTER TABLE orders ADD COLUMN total int;\n-- rollback\nALTER TABLE orders DROP COLUMN total;\n");
    sandbox_sql(&s->sb, "CREATE TABLE orders (id int)");
    conn = PQconnectdb(s->sb.conninfo);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    say(conn, "SET application_name = 'web-3'");
    say(conn, "BEGIN");
    say(conn, "LOCK TABLE orders");
    stage_console(s, NULL, NULL);
    term_wait_for(s->term, "2 Pending 2");
    sandbox_start(&s->sb, run, false, NULL, upgrade);
    term_wait_for(s->term, "blocker    session ");
    term_wait_for(s->term, "\"web-3\"");
    return conn;
}
#endif

static void blocker_is_ended(void **state)
{
#ifdef JETBASE_POSTGRES
    struct stage s;
    struct process run;
    char pid[20], wrong[20];
    PGconn *conn;
    (void)state;
    conn = start_jam(&s, &run);
    snprintf(pid, sizeof pid, "%d", PQbackendPID(conn));
    term_wait_for(s.term, "V2 is blocked, not working.");
    term_wait_for(s.term, "X end blocker");
    term_key(s.term, "x");
    term_wait_for(s.term, "it runs nothing, a cancel has no effect: X ends it");
    term_key(s.term, "X");
    term_wait_for(s.term, "Type the number of the session");
    term_wait_for(s.term, "LOCK TABLE orders");
    /* A wrong number, and Enter, do nothing. */
    snprintf(wrong, sizeof wrong, "%.*s0\r", (int)strlen(pid) - 1, pid);
    wrong[0] = pid[0] == '1' ? '2' : '1';
    term_key(s.term, wrong);
    term_wait_for(s.term, "That is something else: nothing is done.");
    for (size_t i = 0; i < strlen(pid); i++)
        term_key(s.term, "\177");
    term_wait_gone(s.term, "That is something else");
    term_key(s.term, pid);
    process_wait(&run);
    assert_int_equal(run.exit, 0);
    process_free(&run);
    term_wait_for(s.term, "UNLOCKED");
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM jetbase_migrations"), 2);
    PQclear(PQexec(conn, "SELECT 1"));
    assert_int_equal(PQstatus(conn), CONNECTION_BAD);
    PQfinish(conn);
    stage_quit(&s);
    stage_close(&s);
#else
    (void)state;
    skip();
#endif
}

static void blocker_is_cancelled(void **state)
{
#ifdef JETBASE_POSTGRES
    struct stage s;
    struct process run;
    PGconn *conn;
    PGresult *res;
    (void)state;
    conn = start_jam(&s, &run);
    assert_true(PQsendQuery(conn, "SELECT pg_sleep(3600)"));
    term_wait_for(s.term, "x cancel its statement");
    term_key(s.term, "x");
    term_wait_for(s.term, "it runs     SELECT pg_sleep(3600)");
    term_key(s.term, "\ry");
    term_wait_for(s.term, "was told to cancel");
    res = PQgetResult(conn);
    assert_string_equal(PQresultErrorField(res, PG_DIAG_SQLSTATE), "57014");
    PQclear(res);
    PQfinish(conn);
    process_wait(&run);
    assert_int_equal(run.exit, 0);
    process_free(&run);
    term_wait_for(s.term, "UNLOCKED");
    stage_quit(&s);
    stage_close(&s);
#else
    (void)state;
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_BOTH(up_and_down),
        STAGE_BOTH(take_over),
        STAGE_BOTH(verify),
        cmocka_unit_test(blocker_is_ended),
        cmocka_unit_test(blocker_is_cancelled),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("console_power", tests, NULL, NULL);
}
