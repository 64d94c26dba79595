/* test_pg_lock.c: every change of the lock on PostgreSQL, alone and in races, and the witness around the life of a holder. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/pg_case.h"
#include "text.h"

#define OUTCOME(name) "SELECT count(*) FROM jetbase_runs WHERE outcome = '" name "'"
#define HELD "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database() AND locktype = 'advisory'"

static const struct db_driver *const driver = &db_postgres;

/* ---- a holder in another process ---- */

struct holder {
    pid_t pid;
    char id[DB_ID_SIZE];
    int session;
};

static void hold(const struct pg_case *first, int line, int end)
{
    struct pg_case c;
    char byte;
    pg_case_join(&c, first, DB_RUN, NULL, 0);
    pg_case_acquire(&c);
    struct holder h = { .session = driver->about(c.db)->session_pid };
    text_copy(h.id, sizeof h.id, c.id);
    if (write(line, &h, sizeof h) != sizeof h)
        _exit(1);
    while (read(end, &byte, 1) < 0)
        continue;
    _exit(0);
}

/* Starts a process that acquires the lock and keeps it until it is killed. */
static void holder_start(struct holder *h, const struct pg_case *first)
{
    int line[2], end[2];
    assert_int_equal(pipe(line), 0);
    assert_int_equal(pipe(end), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(end[1]);
        hold(first, line[1], end[0]);
    }
    close(line[1]);
    close(end[0]);
    assert_int_equal(read(line[0], h, sizeof *h), sizeof *h);
    h->pid = pid;
    close(line[0]);
}

/* Kills it; returns once the server has noticed. */
static void holder_kill(struct holder *h, const struct pg_case *c)
{
    char gone[128];
    kill(h->pid, SIGKILL);
    assert_int_equal(waitpid(h->pid, NULL, 0), h->pid);
    snprintf(gone, sizeof gone, "SELECT count(*) FROM pg_stat_activity WHERE pid = %d", h->session);
    pg_case_until(c, gone, 0);
}

/* ---- one at a time ---- */

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
    assert_int_equal(pg_case_change(&d, CHANGE_UNLOCK_ANY, NULL, false), CHANGE_DONE);
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

/* ---- the life of a holder ---- */

static void dead_only_when_dead(void **state)
{
    (void)state;
    struct pg_case c;
    struct holder h;
    pg_case_open(&c);
    holder_start(&h, &c);
    struct db_lock_row row = pg_case_look(&c);
    assert_int_equal(row.witness, WITNESS_HELD);
    assert_int_equal(row.session_pid, h.session);
    assert_false(row.own);
    assert_int_equal(pg_case_change(&c, CHANGE_TAKE_OVER, h.id, true), CHANGE_ALIVE);
    assert_int_equal(pg_case_number(&c, OUTCOME("died")), 0);
    holder_kill(&h, &c);
    row = pg_case_look(&c);
    assert_int_equal(row.witness, WITNESS_ABSENT);
    assert_int_equal(row.why, WHY_NONE);
    assert_string_equal(row.process_id, h.id);
    assert_int_equal(pg_case_try(&c), CHANGE_HELD);
    assert_int_equal(pg_case_change(&c, CHANGE_TAKE_OVER, h.id, true), CHANGE_DONE);
    row = pg_case_look(&c);
    assert_string_equal(row.process_id, c.id);
    assert_int_equal(row.witness, WITNESS_HELD);
    assert_int_equal(pg_case_number(&c, OUTCOME("died")), 1);
    assert_int_equal(pg_case_number(&c, HELD), 1); /* the proof's own lock is gone */
    pg_case_close(&c);
}

static void unlocks_the_dead(void **state)
{
    (void)state;
    struct pg_case c;
    struct holder h;
    pg_case_open(&c);
    holder_start(&h, &c);
    holder_kill(&h, &c);
    assert_int_equal(pg_case_change(&c, CHANGE_UNLOCK, h.id, true), CHANGE_DONE);
    assert_false(pg_case_look(&c).locked);
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM jetbase_runs WHERE outcome = 'died' AND unlocked_by IS NOT NULL AND released_at IS NOT NULL"), 1);
    assert_int_equal(pg_case_change(&c, CHANGE_UNLOCK, h.id, true), CHANGE_HELD);
    pg_case_close(&c);
}

/* A client killed in a statement leaves its backend at work: not dead yet. */
static void backend_outlives_client(void **state)
{
    (void)state;
    struct pg_case c;
    char id[DB_ID_SIZE];
    int line[2], session;
    pg_case_open(&c);
    assert_int_equal(pipe(line), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct pg_case d;
        struct db_result r;
        struct error err = { 0 };
        pg_case_join(&d, &c, DB_RUN, NULL, 0);
        pg_case_acquire(&d);
        /* so that only the statement's own end tells the backend */
        pg_case_submit(&d, 1, (const char *const[]){ "CREATE TABLE a (id int)", "SET client_connection_check_interval = 0", "SELECT pg_sleep(1.5)", NULL });
        session = driver->about(d.db)->session_pid;
        while (driver->next(d.db, -1, &r, &err) == DB_RESULT && !(r.kind == STEP_SQL && r.statement == 2))
            continue;
        if (write(line[1], d.id, sizeof d.id) < 0 || write(line[1], &session, sizeof session) < 0)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(line[0], id, sizeof id), sizeof id);
    assert_int_equal(read(line[0], &session, sizeof session), sizeof session);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    struct db_lock_row row;
    char alive[128];
    snprintf(alive, sizeof alive, "SELECT count(*) FROM pg_stat_activity WHERE pid = %d", session);
    do {
        bool before = pg_case_number(&c, alive) > 0;
        row = pg_case_look(&c);
        bool after = pg_case_number(&c, alive) > 0;
        if (before && after)
            assert_int_equal(row.witness, WITNESS_HELD);
        else if (!before)
            assert_int_equal(row.witness, WITNESS_ABSENT);
    } while (row.witness != WITNESS_ABSENT);
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM pg_class WHERE relname = 'a'"), 0);
    close(line[0]);
    close(line[1]);
    pg_case_close(&c);
}

static void witness_dropped(void **state)
{
    (void)state;
    struct pg_case c, d;
    struct error err = { 0 };
    pg_case_open(&c);
    pg_case_join(&d, &c, DB_RUN, NULL, 0);
    pg_case_acquire(&c);
    for (uint32_t i = 1; i <= 3; i++) /* each trailer takes the session lock once more */
        assert_true(pg_case_migrate(&c, i, (const char *const[]){ "SELECT 1", NULL }).committed);
    driver->witness_drop(c.db, c.id);
    struct db_lock_row row = pg_case_look(&d);
    assert_int_equal(row.witness, WITNESS_ABSENT);
    assert_false(row.own);
    /* Another session holds the key: the head says lost. */
    assert_true(driver->witness_take(c.db, c.id, c.witness, &err));
    driver->witness_drop(c.db, c.id);
    assert_true(driver->witness_take(d.db, c.id, d.witness, &err));
    assert_string_equal(d.witness, "pg");
    assert_true(driver->witness_take(c.db, c.id, c.witness, &err));
    assert_string_equal(c.witness, ""); /* refused: unwitnessed, no error */
    pg_case_close(&c);
    pg_case_close(&d);
}

/* The file drops the session's lock, its failure the transaction's, and a stranger takes the key: the next head says lost. */
static void head_without_witness(void **state)
{
    (void)state;
    struct pg_case c, d;
    struct error err = { 0 };
    pg_case_open(&c);
    pg_case_acquire(&c);
    pg_case_join(&d, &c, DB_RUN, NULL, 0);
    pg_case_submit(&c, 1, (const char *const[]){ "SELECT pg_advisory_unlock_all()", "SELECT 1/0", NULL });
    assert_int_equal(pg_case_answers(&c).bad, 1);
    assert_true(driver->witness_take(d.db, c.id, d.witness, &err));
    assert_string_equal(d.witness, "pg");
    assert_true(driver->rollback(c.db, &err));
    struct pg_answers a = pg_case_migrate(&c, 2, (const char *const[]){ "CREATE TABLE a (id int)", NULL });
    assert_int_equal(a.first_bad.kind, STEP_HEAD);
    assert_true(a.first_bad.lost);
    assert_int_equal(a.err.code, ERR_LOCK_LOST);
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM pg_class WHERE relname = 'a'"), 0);
    pg_case_close(&c);
    pg_case_close(&d);
}

/* ---- unfenced: a statement outside a transaction that still runs ---- */

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
    pg_case_sql(&c, "UPDATE jetbase_runs SET last_done = '1 ' || file");
    assert_int_equal(pg_case_try(&d), CHANGE_DONE);
    assert_int_equal(pg_case_change(&d, CHANGE_RELEASE, d.id, false), CHANGE_DONE);
    pg_case_sql(&c, "UPDATE jetbase_runs SET last_done = NULL");
    assert_int_equal(pg_case_try(&d), CHANGE_UNFENCED);
    driver->close(c.db);
    c.db = NULL;
    pg_case_until(&c, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'jetbase' AND datname = current_database()", 1);
    assert_int_equal(pg_case_try(&d), CHANGE_DONE);
    pg_case_close(&c);
    pg_case_close(&d);
}

/* Taking over from a dead run of the same kind: its own unfinished file is no obstacle, our proof's lock neither. */
static void take_over_half_applied(void **state)
{
    (void)state;
    struct pg_case c;
    struct holder h;
    pg_case_open(&c);
    holder_start(&h, &c);
    pg_case_sql(&c, "UPDATE jetbase_runs SET no_transaction = true, started_statement = 1");
    assert_int_equal(pg_case_change(&c, CHANGE_TAKE_OVER, h.id, true), CHANGE_ALIVE);
    holder_kill(&h, &c);
    assert_int_equal(pg_case_change(&c, CHANGE_TAKE_OVER, h.id, true), CHANGE_DONE);
    pg_case_close(&c);
}

/* ---- races ---- */

enum { RACERS = 8, ROUNDS = 10 };

/* Lets RACERS processes try at once; gives how many were done and how many answered anything but `allowed`. */
static int race(const struct pg_case *first, const char *from, enum db_change allowed, int *strange)
{
    int gate[2], won = 0;
    pid_t pids[RACERS];
    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < RACERS; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            struct pg_case c;
            char byte;
            close(gate[1]);
            pg_case_join(&c, first, DB_RUN, NULL, 0);
            if (read(gate[0], &byte, 1) < 0)
                _exit(99);
            enum db_change got = from ? pg_case_change(&c, CHANGE_TAKE_OVER, from, true) : pg_case_try(&c);
            /* the winner keeps its session until all have answered: exit ends it */
            _exit((int)got);
        }
    }
    close(gate[0]);
    close(gate[1]);
    for (int i = 0; i < RACERS; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        int got = WIFEXITED(status) ? WEXITSTATUS(status) : 99;
        won += got == CHANGE_DONE;
        *strange += got != CHANGE_DONE && got != (int)allowed && got != CHANGE_ALIVE && got != CHANGE_HELD;
    }
    return won;
}

static void acquire_race(void **state)
{
    (void)state;
    struct pg_case c;
    int strange = 0;
    pg_case_open(&c);
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(race(&c, NULL, CHANGE_HELD, &strange), 1);
        assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM jetbase_runs"), i + 1);
        assert_int_equal(pg_case_change(&c, CHANGE_UNLOCK_ANY, NULL, false), CHANGE_DONE);
    }
    assert_int_equal(strange, 0);
    pg_case_close(&c);
}

static void take_over_race(void **state)
{
    (void)state;
    struct pg_case c;
    int strange = 0;
    pg_case_open(&c);
    for (int i = 0; i < ROUNDS; i++) {
        struct holder h;
        holder_start(&h, &c);
        assert_int_equal(race(&c, h.id, CHANGE_ALIVE, &strange), 0); /* it lives */
        holder_kill(&h, &c);
        assert_int_equal(race(&c, h.id, CHANGE_BUSY, &strange), 1);
        assert_int_equal(pg_case_change(&c, CHANGE_UNLOCK_ANY, NULL, false), CHANGE_DONE);
    }
    assert_int_equal(strange, 0);
    assert_int_equal(pg_case_number(&c, OUTCOME("died")), ROUNDS);
    pg_case_close(&c);
}

/* ---- being told ---- */

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
    assert_int_equal(pg_case_change(&c, CHANGE_UNLOCK, c.id, false), CHANGE_DONE);
    assert_true(driver->wait_change(d.db, 20000, -1, &changed, &err));
    assert_true(changed);
    while (changed)
        assert_true(driver->wait_change(d.db, 0, -1, &changed, &err));
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
        cmocka_unit_test(own_connection_is_alive), cmocka_unit_test(without_runs), cmocka_unit_test(dead_only_when_dead), cmocka_unit_test(unlocks_the_dead),
        cmocka_unit_test(backend_outlives_client), cmocka_unit_test(witness_dropped), cmocka_unit_test(head_without_witness), cmocka_unit_test(unfenced_keeps_out),
        cmocka_unit_test(take_over_half_applied), cmocka_unit_test(acquire_race), cmocka_unit_test(take_over_race), cmocka_unit_test(told_of_changes),
    };
    return cmocka_run_group_tests_name("pg_lock", tests, NULL, NULL);
}
