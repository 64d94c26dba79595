/* test_pg_witness.c: the witness around the life of its holder on PostgreSQL, and races for the lock of the living and the dead. */
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
    /* The server tells of the error first, and lets go of what the transaction holds a moment later. */
    pg_case_until(&d, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())", 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dead_only_when_dead), cmocka_unit_test(unlocks_the_dead), cmocka_unit_test(backend_outlives_client),
        cmocka_unit_test(witness_dropped), cmocka_unit_test(head_without_witness), cmocka_unit_test(take_over_half_applied),
        cmocka_unit_test(acquire_race), cmocka_unit_test(take_over_race),
    };
    return cmocka_run_group_tests_name("pg_witness", tests, NULL, NULL);
}
