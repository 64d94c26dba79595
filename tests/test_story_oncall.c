/* test_story_oncall.c: three in the morning, on PostgreSQL: a migration is blocked behind a session that is idle in transaction. What the first screen tells before any key is pressed, what the keys then do, and what a role without rights sees. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <libpq-fe.h>

#include "support/stage.h"

enum { PATIENCE_S = 60 };

static const char *const upgrade[] = { "upgrade", NULL };

/* Somebody's forgotten transaction, and the run that waits for its table. */
struct jam {
    struct stage s;
    PGconn *app;
    struct process run;
    char pid[20];  /* of the forgotten session */
};

static void say(PGconn *conn, const char *sql)
{
    PGresult *res = PQexec(conn, sql);
    if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(res);
}

/* The URL of the sandbox for another role. */
static void url_of(const struct stage *s, const char *role, char *to, size_t size)
{
    snprintf(to, size, "JETBASE_SQLALCHEMY_URL=postgresql://%s@%s", role, strchr(s->sb.url, '@') + 1);
}

static void jam_open(struct jam *j)
{
    char conninfo[700];
    stage_open(&j->s, SANDBOX_POSTGRES, 1);
    sandbox_file(&j->s.sb, "V2__orders_lookup.sql", "CREATE TABLE lookup (id int);\nCREATE INDEX orders_id ON orders (id);\nSELECT pg_sleep(0.2);\nALTER TABLE orders ADD COLUMN total int;\n-- rollback\nDROP TABLE lookup;\n");
    sandbox_file(&j->s.sb, "V3__after.sql", "CREATE TABLE after (id int);\n-- rollback\nDROP TABLE after;\n");
    sandbox_sql(&j->s.sb, "CREATE TABLE orders (id int)");
    sandbox_sql(&j->s.sb, "DO $$ BEGIN CREATE ROLE app LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
    sandbox_sql(&j->s.sb, "DO $$ BEGIN CREATE ROLE viewer LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
    sandbox_sql(&j->s.sb, "GRANT ALL ON orders TO app");
    snprintf(conninfo, sizeof conninfo, "postgresql://app@%s", strchr(j->s.sb.conninfo, '@') + 1);
    j->app = PQconnectdb(conninfo);
    assert_int_equal(PQstatus(j->app), CONNECTION_OK);
    say(j->app, "SET application_name = 'web-3'");
    say(j->app, "BEGIN");
    say(j->app, "INSERT INTO orders VALUES (1)");
    snprintf(j->pid, sizeof j->pid, "%d", PQbackendPID(j->app));
    sandbox_start(&j->s.sb, &j->run, false, NULL, upgrade);
    /* The run has got as far as the table. */
    for (int64_t waits = 0; waits == 0;)
        waits = sandbox_number(&j->s.sb, "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.application_name LIKE 'jetbase %' AND a.datname = current_database()");
    sandbox_sql(&j->s.sb, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO viewer");
}

/* The run goes on by itself once its way is free. */
static void jam_close(struct jam *j)
{
    PQfinish(j->app);
    process_wait(&j->run);
    assert_int_equal(j->run.exit, 0);
    process_free(&j->run);
    sandbox_sql(&j->s.sb, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM viewer, app");
    stage_close(&j->s);
}

/* Waits until row n of the screen has all these texts. */
static void row_has(struct term *term, int n, const char *const texts[])
{
    time_t until = time(NULL) + PATIENCE_S;
    for (; *texts; texts++)
        while (!strstr(term_row(term, n), *texts)) {
            if (time(NULL) > until)
                fail_msg("row %d lacks '%s': %s", n, *texts, term_row(term, n));
            term_wait_bytes(term, 200);
        }
}
#define ROW_HAS(term, n, ...) row_has(term, n, (const char *const[]){ __VA_ARGS__, NULL })

/* "pid 9114" of the process that holds the lock, "session 48213" of its server side, its whole process ID. */
static void facts(const struct jam *j, char pid[40], char session[40], char id[40])
{
    char *text = sandbox_text(&j->s.sb, "SELECT process_id FROM jetbase_lock");
    snprintf(id, 40, "%.36s", text);
    assert_int_equal(strlen(text), 36);
    free(text);
    snprintf(pid, 40, "pid %d ", (int)j->run.pid);
    snprintf(session, 40, "session %d ", (int)sandbox_number(&j->s.sb, "SELECT session_pid FROM jetbase_runs WHERE outcome IS NULL"));
}

static void first_screen(struct jam *j)
{
    char pid[40], session[40], id[40], blocker[120];
    struct term *t = j->s.term;
    facts(j, pid, session, id);
    snprintf(blocker, sizeof blocker, "blocker    session %s app@127.0.0.1 \"web-3\", idle in transaction", j->pid);
    term_wait_for(t, blocker);
    ROW_HAS(t, 2, "LOCKED ", " s ", "ALIVE: ", session, "can still commit");
    ROW_HAS(t, 3, "process ID ", id, "@", pid);
    ROW_HAS(t, 4, "run        jetbase upgrade, V2__orders_lookup.sql", "migration 2 of 3");
    ROW_HAS(t, 5, "now        CREATE INDEX orders_id ON orders (id)", "waiting ", " s ");
    ROW_HAS(t, 6, "waits      for table orders (ShareLock)");
    ROW_HAS(t, 7, blocker, " s ");
    ROW_HAS(t, 22, "V2 is blocked, not working. X ends session ", j->pid);
    ROW_HAS(t, 23, "X end blocker", "F force-unlock");
}

/* Whoever is on call looks, learns why x would not help, ends the session, and sees the migration go on to its end. */
static void blocked_behind_a_forgotten_transaction(void **state)
{
    struct jam j;
    char title[60];
    (void)state;
    jam_open(&j);
    stage_console(&j.s, NULL, NULL);
    first_screen(&j);
    term_key(j.s.term, "x");
    term_wait_for(j.s.term, "it runs nothing, a cancel has no effect: X ends it");
    term_key(j.s.term, "X");
    snprintf(title, sizeof title, "End session %s", j.pid);
    term_wait_for(j.s.term, title);
    term_wait_for(j.s.term, "ran last    INSERT INTO orders VALUES (1)");
    term_wait_for(j.s.term, "which runs V2");
    term_key(j.s.term, j.pid);
    term_wait_for(j.s.term, "was told to end; what it had not committed is rolled back");
    term_wait_gone(j.s.term, "blocker    session");
    term_wait_for(j.s.term, "UNLOCKED   last run");
    term_wait_for(j.s.term, "upgrade V3, ok");
    term_wait_for(j.s.term, "2 Pending 0");
    term_wait_for(j.s.term, "3 Applied 3");
    PQclear(PQexec(j.app, "SELECT 1"));
    assert_int_equal(PQstatus(j.app), CONNECTION_BAD);
    assert_int_equal(sandbox_number(&j.s.sb, "SELECT count(*) FROM orders"), 0); /* what was not committed has gone */
    stage_lock_is_free(&j.s);
    stage_quit(&j.s);
    jam_close(&j);
}

/* A role that may only read our tables: who holds the lock, that it lives, what it waits for and behind whom is right; what the server hides is "?". */
static void seen_by_a_role_without_rights(void **state)
{
    struct jam j;
    char variable[700], pid[40], session[40], id[40], blocker[120];
    const char *env[] = { variable, NULL };
    (void)state;
    jam_open(&j);
    url_of(&j.s, "viewer", variable, sizeof variable);
    stage_console(&j.s, env, NULL);
    facts(&j, pid, session, id);
    snprintf(blocker, sizeof blocker, "blocker    session %s app@? \"web-3\", ? ", j.pid);
    term_wait_for(j.s.term, blocker);
    ROW_HAS(j.s.term, 0, "you: viewer ");
    ROW_HAS(j.s.term, 2, "LOCKED ", " s ", "ALIVE: ", session, "can still commit");
    ROW_HAS(j.s.term, 3, "process ID ", id, "@", pid);
    ROW_HAS(j.s.term, 4, "run        jetbase upgrade, V2__orders_lookup.sql", "migration 2 of 3");
    ROW_HAS(j.s.term, 5, "now        ? ", " waiting ? ");
    ROW_HAS(j.s.term, 6, "waits      for table orders (ShareLock)");
    term_key(j.s.term, "x");
    term_wait_for(j.s.term, "what it runs is hidden from your role");
    term_key(j.s.term, "X");
    term_wait_for(j.s.term, "query       ?");
    term_key(j.s.term, j.pid);
    term_wait_for(j.s.term, "The blocking session could not be ended: ");
    PQclear(PQexec(j.app, "SELECT 1"));
    assert_int_equal(PQstatus(j.app), CONNECTION_OK);
    term_key(j.s.term, "\033");
    term_wait_gone(j.s.term, "could not be ended");
    stage_quit(&j.s);
    jam_close(&j);
}

/* A transaction that was prepared and forgotten has no session: nothing is offered that could not work. */
static void blocked_behind_a_prepared_transaction(void **state)
{
    struct jam j;
    (void)state;
    jam_open(&j);
    say(j.app, "PREPARE TRANSACTION 'forgotten'");
    stage_console(&j.s, NULL, NULL);
    term_wait_for(j.s.term, "blocker    a prepared transaction: no session to end, see pg_prepared_xacts");
    term_wait_for(j.s.term, "V2 is blocked by a prepared transaction: COMMIT or ROLLBACK PREPARED ends it");
    assert_false(term_has(j.s.term, "X end blocker"));
    term_key(j.s.term, "X");
    term_wait_for(j.s.term, "a prepared transaction has no session: COMMIT PREPARED");
    sandbox_sql(&j.s.sb, "ROLLBACK PREPARED 'forgotten'");
    term_wait_for(j.s.term, "UNLOCKED   last run");
    stage_quit(&j.s);
    jam_close(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocked_behind_a_forgotten_transaction),
        cmocka_unit_test(seen_by_a_role_without_rights),
        cmocka_unit_test(blocked_behind_a_prepared_transaction),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("story_oncall", tests, NULL, NULL);
}
