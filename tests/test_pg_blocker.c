/* test_pg_blocker.c: the session that blocks a run: told to cancel or to end only while it really blocks that run; and how far an index is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/pg_case.h"

static const struct db_driver *const driver = &db_postgres;

/* A run that waits for a table which another session has locked, and one that looks on. */
struct jam {
    struct pg_case run, blocker, look;
    int pid;
};

static void submit(struct pg_case *c, const char *sql)
{
    struct error err = { 0 };
    struct db_step head = { .kind = STEP_HEAD, .application = "web-3" }, step = { .kind = STEP_SQL, .sql = sql, .len = strlen(sql) };
    assert_true(driver->submit(c->db, &head, &err) && driver->submit(c->db, &step, &err));
}

/* then: what the blocker runs after it has the table, or NULL: nothing. */
static void jam_open(struct jam *j, const char *then)
{
    struct db_result r;
    struct error err = { 0 };
    char waits[200];
    struct db_step more = { .kind = STEP_SQL, .sql = then, .len = then ? strlen(then) : 0 };
    pg_case_open(&j->run);
    pg_case_sql(&j->run, "CREATE TABLE orders (id int)");
    pg_case_join(&j->blocker, &j->run, DB_RUN, NULL, 0);
    pg_case_join(&j->look, &j->run, DB_LOOK, NULL, 0);
    j->pid = driver->about(j->blocker.db)->session_pid;
    submit(&j->blocker, "LOCK TABLE orders");
    pg_case_barrier(&j->blocker); /* else the server takes it for active still */
    assert_int_equal(pg_case_answers(&j->blocker).bad, 0);
    if (then) {
        assert_true(driver->submit(j->blocker.db, &more, &err));
        while (driver->next(j->blocker.db, 0, &r, &err) != DB_TIMEOUT)
            continue;
    }
    pg_case_acquire(&j->run);
    pg_case_submit(&j->run, 1, (const char *const[]){ "ALTER TABLE orders ADD COLUMN total int", NULL });
    while (driver->next(j->run.db, 0, &r, &err) != DB_TIMEOUT)
        continue;
    snprintf(waits, sizeof waits, "SELECT count(*) FROM pg_locks WHERE pid = %d AND NOT granted", driver->about(j->run.db)->session_pid);
    pg_case_until(&j->run, waits, 1);
    snprintf(waits, sizeof waits, "SELECT count(*) FROM pg_stat_activity WHERE pid = %d AND state = '%s'", j->pid, then ? "active" : "idle in transaction");
    pg_case_until(&j->run, waits, 1);
}

static void jam_close(struct jam *j)
{
    pg_case_close(&j->look);
    pg_case_close(&j->run);
    pg_case_close(&j->blocker);
}

static bool stop(struct jam *j, const char *process_id, int pid, bool end)
{
    struct error err = { 0 };
    bool done = true;
    assert_true(driver->blocker_stop(j->look.db, process_id, pid, end, &done, &err));
    return done;
}

/* A cancel does nothing to a session that is idle in transaction, so none is sent; ending it lets the run go on. */
static void idle_one_can_only_be_ended(void **state)
{
    struct jam j;
    struct pg_answers a;
    (void)state;
    jam_open(&j, NULL);
    assert_false(stop(&j, j.run.id, j.pid, false));
    assert_true(stop(&j, j.run.id, j.pid, true));
    a = pg_case_answers(&j.run);
    assert_int_equal(a.bad, 0);
    assert_int_equal(a.done, 1);
    /* It blocks nobody any more: the same question finds nothing. */
    assert_false(stop(&j, j.run.id, j.pid, true));
    jam_close(&j);
}

static void running_one_is_cancelled(void **state)
{
    struct jam j;
    struct error err = { 0 };
    struct pg_answers a;
    (void)state;
    jam_open(&j, "SELECT pg_sleep(3600)");
    assert_true(stop(&j, j.run.id, j.pid, false));
    a = pg_case_answers(&j.blocker);
    assert_int_equal(a.bad, 1);
    assert_non_null(strstr(a.err.message, "cancel"));
    assert_true(driver->rollback(j.blocker.db, &err));
    assert_int_equal(pg_case_answers(&j.run).bad, 0);
    jam_close(&j);
}

/* Whoever does not block the run that the lock names is left alone, whatever number was asked for. */
static void nobody_else_is_touched(void **state)
{
    struct jam j;
    char alive[200], text[200];
    struct pg_case bystander;
    int pid;
    (void)state;
    jam_open(&j, NULL);
    pg_case_join(&bystander, &j.run, DB_RUN, NULL, 0);
    pid = driver->about(bystander.db)->session_pid;
    assert_false(stop(&j, j.run.id, pid, true));
    assert_false(stop(&j, j.run.id, 2147483647, true));
    assert_false(stop(&j, "00000000-0000-4000-8000-000000000000", j.pid, true));
    assert_false(stop(&j, "no process ID", j.pid, true));
    /* The number in the run row belongs to another session: it does not hold the witness. */
    snprintf(text, sizeof text, "UPDATE jetbase_runs SET session_pid = %d", pid);
    pg_case_sql(&j.run, text);
    assert_false(stop(&j, j.run.id, j.pid, true));
    snprintf(text, sizeof text, "UPDATE jetbase_runs SET session_pid = %d", driver->about(j.run.db)->session_pid);
    pg_case_sql(&j.run, text);
    /* The lock names nobody. */
    pg_case_sql(&j.run, "UPDATE jetbase_lock SET is_locked = false");
    assert_false(stop(&j, j.run.id, j.pid, true));
    pg_case_sql(&j.run, "UPDATE jetbase_lock SET is_locked = true");
    snprintf(alive, sizeof alive, "SELECT count(*) FROM pg_stat_activity WHERE pid IN (%d, %d)", j.pid, pid);
    assert_int_equal(pg_case_number(&j.run, alive), 2);
    assert_true(stop(&j, j.run.id, j.pid, true));
    pg_case_close(&bystander);
    jam_close(&j);
}

static void without_the_right_it_says_so(void **state)
{
    struct jam j;
    struct pg_case viewer;
    struct error err = { 0 };
    bool done = true;
    (void)state;
    jam_open(&j, NULL);
    pg_case_sql(&j.run, "DROP ROLE IF EXISTS onlooker");
    pg_case_sql(&j.run, "CREATE ROLE onlooker LOGIN");
    pg_case_sql(&j.run, "GRANT SELECT ON jetbase_lock, jetbase_runs, jetbase_migrations TO onlooker");
    pg_case_join(&viewer, &j.run, DB_LOOK, "onlooker", 0);
    assert_false(driver->blocker_stop(viewer.db, j.run.id, j.pid, true, &done, &err));
    assert_int_equal(err.code, ERR_RIGHTS);
    assert_false(done);
    pg_case_close(&viewer);
    assert_true(stop(&j, j.run.id, j.pid, true));
    assert_int_equal(pg_case_answers(&j.run).bad, 0);
    pg_case_sql(&j.run, "DROP OWNED BY onlooker");
    pg_case_sql(&j.run, "DROP ROLE onlooker");
    jam_close(&j);
}

/* An index whose expression waits: the phase is told while it is built, and not afterwards. */
static void index_progress(void **state)
{
    struct pg_case c, d;
    struct error err = { 0 };
    struct db_session session;
    struct db_result r;
    char waits[200];
    (void)state;
    pg_case_open(&c);
    if (pg_case_number(&c, "SELECT current_setting('server_version_num')::int") < 120000)
        skip();
    pg_case_sql(&c, "CREATE TABLE orders (id int); INSERT INTO orders VALUES (1);"
                    " CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN $1; END'");
    pg_case_join(&d, &c, DB_RUN, NULL, 0);
    submit(&d, "SELECT pg_advisory_xact_lock(4711)");
    assert_int_equal(pg_case_answers(&d).bad, 0);
    pg_case_acquire(&c);
    pg_case_submit(&c, 1, (const char *const[]){ "CREATE INDEX orders_slow ON orders (public.slow(id))", NULL });
    while (driver->next(c.db, 0, &r, &err) != DB_TIMEOUT)
        continue;
    snprintf(waits, sizeof waits, "SELECT count(*) FROM pg_locks WHERE pid = %d AND NOT granted", driver->about(c.db)->session_pid);
    pg_case_until(&c, waits, 1);
    struct pg_case look;
    pg_case_join(&look, &c, DB_LOOK, NULL, 0);
    assert_true(driver->session_read(look.db, driver->about(c.db)->session_pid, &session, &err));
    assert_non_null(strstr(session.phase, "building index"));
    assert_true(session.percent >= -1 && session.percent <= 100);
    assert_true(driver->rollback(d.db, &err));
    assert_int_equal(pg_case_answers(&c).bad, 0);
    assert_true(driver->session_read(look.db, driver->about(c.db)->session_pid, &session, &err));
    assert_string_equal(session.phase, "");
    assert_int_equal(session.percent, -1);
    pg_case_close(&look);
    pg_case_close(&d);
    pg_case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_one_can_only_be_ended),
        cmocka_unit_test(running_one_is_cancelled),
        cmocka_unit_test(nobody_else_is_touched),
        cmocka_unit_test(without_the_right_it_says_so),
        cmocka_unit_test(index_progress),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("pg_blocker", tests, NULL, NULL);
}
