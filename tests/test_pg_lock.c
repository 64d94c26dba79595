/* test_pg_lock.c: every change of the lock on PostgreSQL, and who is told of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/pg_case.h"

#define OUTCOME(name) "SELECT count(*) FROM jetbase_runs WHERE outcome = '" name "'"

static const struct db_driver *const driver = &db_postgres;

static void acquires_and_releases(void **state)
{
    (void)state;
    struct pg_case c, d;
    pg_case_open(&c);
    pg_case_join(&d, &c, DB_RUN, NULL, 0);
    pg_case_acquire(&c);
    assert_string_equal(c.witness, "pg");
    struct db_lock_row row = pg_case_look(&d);
    assert_true(row.table && row.row && row.locked && row.has_run);
    assert_string_equal(row.process_id, c.id);
    assert_string_equal(row.run.host, "testhost");
    assert_string_equal(row.run.file, "V1__one.sql");
    assert_int_equal(row.run.statements, 3);
    assert_int_equal(row.run.started_statement, -1);
    assert_int_equal(row.run.outcome, RUN_OPEN);
    assert_true(row.run.age_s >= 0 && row.run.age_s < 60);
    assert_true(row.run.lasted_s < 0);
    assert_int_equal(strlen(row.run.acquired_at), strlen("2026-01-01T00:00:00.000Z"));
    assert_int_equal(row.session_pid, driver->about(c.db)->session_pid);
    assert_true(row.own); /* of this very process */
    assert_int_equal(pg_case_try(&d), CHANGE_HELD);
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM jetbase_runs"), 1);
    assert_int_equal(pg_case_change(&d, CHANGE_RELEASE, d.id, false), CHANGE_HELD);
    assert_int_equal(pg_case_change(&c, CHANGE_RELEASE, c.id, false), CHANGE_DONE);
    assert_int_equal(pg_case_change(&c, CHANGE_RELEASE, c.id, false), CHANGE_HELD);
    row = pg_case_look(&d);
    assert_false(row.locked);
    assert_true(row.has_last);
    assert_int_equal(row.last.outcome, RUN_OK);
    assert_true(row.last.lasted_s >= 0);
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM jetbase_lock WHERE NOT is_locked AND locked_at IS NULL AND process_id IS NULL"), 1);
    assert_int_equal(pg_case_try(&d), CHANGE_DONE);
    pg_case_close(&c);
    pg_case_close(&d);
}

static void unlocks(void **state)
{
    (void)state;
    struct pg_case c, d;
    pg_case_open(&c);
    pg_case_join(&d, &c, DB_RUN, NULL, 0);
    assert_int_equal(pg_case_change(&d, CHANGE_UNLOCK_ANY, NULL, false), CHANGE_DONE); /* free already */
    pg_case_acquire(&c);
    assert_int_equal(pg_case_change(&d, CHANGE_UNLOCK, "00000000-0000-4000-8000-000000000000", false), CHANGE_HELD);
    assert_int_equal(pg_case_change(&d, CHANGE_UNLOCK, c.id, true), CHANGE_ALIVE);
    assert_true(pg_case_look(&d).locked);
    assert_int_equal(pg_case_change(&d, CHANGE_UNLOCK, c.id, false), CHANGE_DONE);
    assert_false(pg_case_look(&d).locked);
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM jetbase_runs WHERE unlocked_by = 'tester@testhost' AND unlocked_at IS NOT NULL AND unlock_reason = 'because' AND outcome IS NULL"), 1);
    /* The holder's late release: the lock is not its own, but its outcome is told. */
    assert_int_equal(pg_case_change(&c, CHANGE_RELEASE, c.id, false), CHANGE_HELD);
    assert_int_equal(pg_case_number(&c, OUTCOME("ok")), 1);
    pg_case_acquire(&c);
    pg_case_sql(&c, "UPDATE jetbase_runs SET outcome = 'died' WHERE outcome IS NULL"); /* said by whoever proved it: the holder does not take it back */
    assert_int_equal(pg_case_change(&d, CHANGE_UNLOCK_ANY, NULL, false), CHANGE_DONE);
    assert_int_equal(pg_case_change(&c, CHANGE_RELEASE, c.id, false), CHANGE_HELD);
    assert_int_equal(pg_case_number(&c, OUTCOME("died")), 1);
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM jetbase_runs WHERE unlocked_by IS NOT NULL"), 2);
    pg_case_close(&c);
    pg_case_close(&d);
}

static void other_programs_lock(void **state)
{
    (void)state;
    struct pg_case c;
    pg_case_open(&c);
    pg_case_sql(&c, "UPDATE jetbase_lock SET is_locked = true, locked_at = '2026-01-02 03:04:05.678901', process_id = 'ab12ab12-ab12-4b12-8b12-ab12ab12ab12'");
    struct db_lock_row row = pg_case_look(&c);
    assert_true(row.locked);
    assert_false(row.has_run);
    assert_int_equal(row.witness, WITNESS_UNKNOWN);
    assert_int_equal(row.why, WHY_OTHER_PROGRAM);
    assert_string_equal(row.locked_at, "2026-01-02 03:04:05.678901");
    assert_int_equal(pg_case_change(&c, CHANGE_UNLOCK, row.process_id, true), CHANGE_CANNOT_TELL);
    assert_int_equal(pg_case_change(&c, CHANGE_TAKE_OVER, row.process_id, true), CHANGE_CANNOT_TELL);
    assert_int_equal(pg_case_try(&c), CHANGE_HELD);
    assert_int_equal(pg_case_change(&c, CHANGE_UNLOCK, row.process_id, false), CHANGE_DONE);
    pg_case_sql(&c, "UPDATE jetbase_lock SET is_locked = true, process_id = NULL");
    assert_int_equal(pg_case_look(&c).why, WHY_OTHER_PROGRAM);
    assert_int_equal(pg_case_change(&c, CHANGE_UNLOCK, "", false), CHANGE_DONE);
    assert_false(pg_case_look(&c).locked);
    pg_case_close(&c);
}

static void unwitnessed(void **state)
{
    (void)state;
    struct pg_case c, d;
    pg_case_open(&c);
    pg_case_join(&d, &c, DB_RUN, NULL, 0);
    pg_case_acquire(&c);
    pg_case_sql(&c, "UPDATE jetbase_runs SET witness = NULL");
    struct db_lock_row row = pg_case_look(&d);
    assert_int_equal(row.witness, WITNESS_UNKNOWN);
    assert_int_equal(row.why, WHY_UNWITNESSED);
    assert_int_equal(pg_case_change(&d, CHANGE_TAKE_OVER, c.id, true), CHANGE_CANNOT_TELL);
    assert_int_equal(pg_case_change(&d, CHANGE_UNLOCK, c.id, true), CHANGE_CANNOT_TELL);
    assert_true(pg_case_look(&d).locked);
    pg_case_close(&c);
    pg_case_close(&d);
}

/* Over the holder's own connection its lock would never refuse it. */
static void own_connection_is_alive(void **state)
{
    (void)state;
    struct pg_case c;
    char id[DB_ID_SIZE];
    pg_case_open(&c);
    pg_case_acquire(&c);
    memcpy(id, c.id, sizeof id);
    assert_int_equal(pg_case_change(&c, CHANGE_UNLOCK, id, true), CHANGE_ALIVE);
    assert_true(pg_case_look(&c).locked);
    pg_case_close(&c);
}

static void without_runs(void **state)
{
    (void)state;
    struct pg_case c, d;
    struct error err = { 0 };
    pg_case_open(&c);
    pg_case_join(&d, &c, DB_RUN, NULL, 0);
    pg_case_sql(&c, "DROP TABLE jetbase_runs"); /* under connections that have seen it */
    pg_case_acquire(&c);
    assert_int_equal(pg_case_try(&d), CHANGE_HELD);
    assert_int_equal(pg_case_look(&d).why, WHY_OTHER_PROGRAM);
    assert_int_equal(pg_case_change(&d, CHANGE_TAKE_OVER, c.id, true), CHANGE_CANNOT_TELL);
    assert_int_equal(pg_case_change(&c, CHANGE_RELEASE, c.id, false), CHANGE_DONE);
    assert_int_equal(pg_case_try(&d), CHANGE_DONE);
    assert_int_equal(pg_case_change(&c, CHANGE_UNLOCK, d.id, false), CHANGE_DONE);
    assert_int_equal(pg_case_try(&d), CHANGE_DONE);
    assert_int_equal(pg_case_change(&c, CHANGE_UNLOCK_ANY, NULL, false), CHANGE_DONE);
    assert_true(driver->rollback(c.db, &err));
    pg_case_close(&c);
    pg_case_close(&d);
}

static void unfenced_keeps_out(void **state)
{
    (void)state;
    struct pg_case c, d;
    pg_case_open(&c);
    pg_case_join(&d, &c, DB_RUN, NULL, 0);
    pg_case_acquire(&c);
    pg_case_sql(&c, "UPDATE jetbase_runs SET no_transaction = true, started_statement = 2, statements = 5");
    assert_int_equal(pg_case_change(&d, CHANGE_UNLOCK, c.id, false), CHANGE_DONE);
    assert_int_equal(pg_case_try(&d), CHANGE_UNFENCED);
    assert_false(pg_case_look(&d).locked);
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM jetbase_runs"), 1);
    /* Another program's lock on top changes the answer: held. */
    pg_case_sql(&c, "UPDATE jetbase_lock SET is_locked = true, process_id = 'other'");
    assert_int_equal(pg_case_try(&d), CHANGE_HELD);
    pg_case_sql(&c, "UPDATE jetbase_lock SET is_locked = false, process_id = NULL");
    /* Done with that file, or dead: no longer in the way. */
    pg_case_sql(&c, "UPDATE jetbase_runs SET last_done = '1 ' || file, no_transaction = NULL, started_statement = NULL");
    assert_int_equal(pg_case_try(&d), CHANGE_DONE);
    assert_int_equal(pg_case_change(&d, CHANGE_RELEASE, d.id, false), CHANGE_DONE);
    pg_case_sql(&c, "UPDATE jetbase_runs SET last_done = NULL, no_transaction = true, started_statement = 2");
    assert_int_equal(pg_case_try(&d), CHANGE_UNFENCED);
    driver->close(c.db);
    c.db = NULL;
    pg_case_until(&c, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'jetbase' AND datname = current_database()", 1);
    assert_int_equal(pg_case_try(&d), CHANGE_DONE);
    pg_case_close(&c);
    pg_case_close(&d);
}

static void told_of_changes(void **state)
{
    (void)state;
    struct pg_case c, d;
    bool changed;
    struct error err = { 0 };
    int line[2];
    pg_case_open(&c);
    pg_case_join(&d, &c, DB_LOOK, NULL, 0);
    assert_true(driver->wait_change(d.db, 0, -1, &changed, &err));
    assert_true(changed); /* what was before we listened is unknown */
    assert_true(driver->wait_change(d.db, 0, -1, &changed, &err));
    assert_false(changed);
    pg_case_acquire(&c);
    assert_true(driver->wait_change(d.db, 20000, -1, &changed, &err));
    assert_true(changed);
    assert_int_equal(pg_case_change(&c, CHANGE_RELEASE, c.id, false), CHANGE_DONE);
    pg_case_look(&d); /* a notification that comes among other answers is not lost */
    assert_true(driver->wait_change(d.db, 20000, -1, &changed, &err));
    assert_true(changed);
    pg_case_acquire(&c);
    assert_true(driver->wait_change(d.db, 20000, -1, &changed, &err));
    assert_true(changed);
    assert_int_equal(pg_case_change(&c, CHANGE_UNLOCK, c.id, false), CHANGE_DONE);
    assert_true(driver->wait_change(d.db, 20000, -1, &changed, &err));
    assert_true(changed);
    assert_int_equal(pg_case_change(&c, CHANGE_UNLOCK, c.id, false), CHANGE_HELD); /* nothing changed, nobody is told */
    pg_case_look(&d);
    assert_true(driver->wait_change(d.db, 0, -1, &changed, &err));
    assert_false(changed);
    assert_int_equal(pipe(line), 0);
    assert_int_equal(write(line[1], "x", 1), 1);
    assert_true(driver->wait_change(d.db, -1, line[0], &changed, &err));
    assert_false(changed);
    close(line[0]);
    close(line[1]);
    pg_case_close(&c);
    pg_case_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acquires_and_releases), cmocka_unit_test(unlocks), cmocka_unit_test(other_programs_lock), cmocka_unit_test(unwitnessed),
        cmocka_unit_test(own_connection_is_alive), cmocka_unit_test(without_runs), cmocka_unit_test(unfenced_keeps_out),
        cmocka_unit_test(told_of_changes),
    };
    return cmocka_run_group_tests_name("pg_lock", tests, NULL, NULL);
}
