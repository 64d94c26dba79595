/* test_sqlite_race.c: many processes at the lock of one SQLite file: one winner each time, and no healthy run is ever called dead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "sqlite_private.h"
#include "support/lite.h"

#define ID_A "0f1e2d3c-4b5a-4968-8796-a5b4c3d2e1f0"

enum { RACERS = 8, ROUNDS = 12 };

/* A process that took the lock as `id` and is gone. */
static void die_holding(const struct lite *l, const char *id)
{
    struct lite_child child;
    lite_spawn(&child, (const char *const[]){ "hold", l->path, id, NULL });
    assert_true(lite_ready(&child));
    lite_kill(&child);
}

/* Starts RACERS children that all do the same once told so; gives how many ended with `code`. The rest must have ended with `else_code`. */
static int race(const struct lite *l, const char *verb, const char *from, int code, int else_code)
{
    struct lite_child child[RACERS];
    int won = 0;
    for (int i = 0; i < RACERS; i++) {
        lite_spawn(&child[i], (const char *const[]){ verb, l->path, from, NULL });
        assert_true(lite_ready(&child[i]));
    }
    for (int i = 0; i < RACERS; i++)
        lite_go(&child[i]);
    for (int i = 0; i < RACERS; i++) {
        int got = lite_wait(&child[i]);
        won += got == code;
        if (got != code && got != else_code)
            fail_msg("%s: a racer ended with %d", verb, got);
    }
    return won;
}

static void test_race_acquire(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct lite l;
        lite_open(&l, NULL);
        if (round % 2)
            lite_sql(l.path, "PRAGMA journal_mode = WAL");
        assert_int_equal(race(&l, "acquire", "-", CHANGE_DONE, CHANGE_HELD), 1);
        assert_int_equal(lite_number(l.path, "SELECT count(*) FROM jetbase_runs"), 1);
        assert_int_equal(lite_number(l.path, "SELECT count(*) FROM jetbase_lock JOIN jetbase_runs USING (process_id)"), 1);
        lite_close(&l);
    }
}

static void test_race_take_over(void **state)
{
    struct lite l;
    struct lite_child child;
    (void)state;
    lite_open(&l, NULL);
    lite_spawn(&child, (const char *const[]){ "hold", l.path, ID_A, NULL });
    assert_true(lite_ready(&child));
    assert_int_equal(race(&l, "take-over", ID_A, CHANGE_DONE, CHANGE_ALIVE), 0);
    lite_kill(&child);
    assert_int_equal(race(&l, "take-over", ID_A, CHANGE_DONE, CHANGE_HELD), 1);
    lite_close(&l);
    for (int round = 0; round < ROUNDS; round++) {
        lite_open(&l, NULL);
        die_holding(&l, ID_A);
        assert_int_equal(race(&l, "take-over", ID_A, CHANGE_DONE, CHANGE_HELD), 1);
        assert_int_equal(lite_number(l.path, "SELECT count(*) FROM jetbase_runs WHERE outcome = 'died'"), 1);
        lite_close(&l);
    }
}

/* Looks all the time while a child does its work; gives how many looks saw the lock taken. */
static int look_at(const char *verb, const char *times)
{
    struct lite l;
    struct lite_child child;
    struct db *db;
    siginfo_t ended = { 0 };
    int locked = 0;
    lite_open(&l, NULL);
    lite_spawn(&child, (const char *const[]){ verb, l.path, times, NULL });
    assert_true(lite_ready(&child));
    db = lite_connect(&l, DB_LOOK);
    lite_go(&child);
    do {
        struct db_lock_row row = lite_look(db);
        locked += row.locked;
        if (row.locked)
            assert_int_equal(row.witness, WITNESS_HELD);
        assert_int_equal(waitid(P_PID, (id_t)child.pid, &ended, WEXITED | WNOHANG | WNOWAIT), 0);
    } while (ended.si_pid == 0);
    assert_int_equal(lite_wait(&child), 0);
    db_sqlite.close(db);
    lite_close(&l);
    return locked;
}

/* Healthy short runs, one after the other: never dead. */
static void test_looks_at_short_runs(void **state)
{
    (void)state;
    look_at("cycle", "200");
}

/* A living writer's journal, seen the moment before it is deleted, looks as if its writer had died. */
static void test_looks_at_rollbacks(void **state)
{
    (void)state;
    assert_true(look_at("roll-back", "2000") > 0);
}

/* What happens between the run row and the witness: the boot is asked for there. */
static struct lite_child *between;
static int64_t between_times;

static const char *boot_id_meanwhile(void)
{
    if (between && between_times++ == 0) {
        lite_go(between);
        assert_int_equal(lite_wait(between), 0);
    }
    return sys_real.boot_id();
}

/* The holder releases and ends after its row was read and before its witness is asked for: it was healthy to its end, and must not be called dead. */
static void test_release_between_row_and_witness(void **state)
{
    struct lite l;
    struct lite_child child;
    struct sys sys = sys_real;
    struct db *db;
    struct db_lock_row row;
    (void)state;
    sys.boot_id = boot_id_meanwhile;
    for (int wal = 0; wal < 2; wal++) {
        lite_open(&l, NULL);
        l.target.sys = &sys;
        if (wal)
            lite_sql(l.path, "PRAGMA journal_mode = WAL");
        lite_spawn(&child, (const char *const[]){ "release", l.path, ID_A, NULL });
        assert_true(lite_ready(&child));
        db = lite_connect(&l, DB_LOOK);
        between = &child;
        between_times = 0;
        row = lite_look(db);
        between = NULL;
        assert_int_equal(between_times, 1);
        assert_false(row.locked);
        assert_true(row.has_last);
        db_sqlite.close(db);
        lite_close(&l);
    }
}

/* What a console does: one thread migrates, another looks, each over connections of its own. */
static void *migrate_thread(void *lite)
{
    struct db *db = lite_connect(lite, DB_RUN);
    struct error err = { 0 };
    bool ok = true;
    for (int i = 0; ok && i < 20; i++) {
        char id[DB_ID_SIZE], version[16];
        snprintf(version, sizeof version, "%d", i);
        ok = sys_uuid(&sys_real, id);
        lite_acquire(db, id);
        ok = ok && lite_simple(db, STEP_HEAD, id, &err) && lite_statement(db, "CREATE TEMP TABLE t (a)", NULL, &err) && lite_record(db, id, version, &err) && lite_simple(db, STEP_COMMIT, id, &err) &&
             lite_release(db, id) == CHANGE_DONE;
    }
    db_sqlite.close(db);
    return ok ? lite : NULL;
}

static void test_threads(void **state)
{
    struct lite l;
    pthread_t thread;
    void *ended = NULL;
    (void)state;
    lite_open(&l, NULL);
    assert_int_equal(pthread_create(&thread, NULL, migrate_thread, &l), 0);
    for (;;) {
        struct db *db = lite_connect(&l, DB_LOOK);
        struct db_lock_row row = lite_look(db);
        struct db_tables t;
        struct error err = { 0 };
        if (row.locked)
            assert_true(row.own && row.witness == WITNESS_HELD);
        assert_true(db_sqlite.tables_read(db, &t, &err));
        db_sqlite.close(db);
        if (pthread_tryjoin_np(thread, &ended) == 0)
            break;
    }
    assert_ptr_equal(ended, &l);
    assert_int_equal(lite_number(l.path, "SELECT count(*) FROM jetbase_migrations"), 20);
    lite_close(&l);
}

/* ---- the children ---- */

static int child_hold(struct lite *l, const char *id)
{
    struct db *db = lite_connect(l, DB_RUN);
    lite_acquire(db, id);
    lite_say_ready();
    db_sqlite.close(db);
    return 0;
}

static int child_release(struct lite *l, const char *id)
{
    struct db *db = lite_connect(l, DB_RUN);
    enum db_change got;
    lite_acquire(db, id);
    lite_say_ready();
    got = lite_release(db, id);
    db_sqlite.close(db);
    return got == CHANGE_DONE ? 0 : 1;
}

static int child_race(struct lite *l, enum db_change_kind kind, const char *from)
{
    char id[37];
    struct error err = { 0 };
    struct db_tables t;
    struct db *db = lite_connect(l, DB_RUN);
    enum db_change got;
    if (!sys_uuid(&sys_real, id))
        return 80;
    lite_say_ready();
    if (!db_sqlite.tables_prepare(db, &t, &err))
        fail_msg("tables_prepare: %s", err.message);
    got = lite_change(db, kind, from, id);
    db_sqlite.close(db);
    return (int)got;
}

static int child_cycle(struct lite *l, const char *times)
{
    struct db *db = lite_connect(l, DB_RUN);
    struct db_tables t;
    struct error err = { 0 };
    if (!db_sqlite.tables_prepare(db, &t, &err))
        return 81;
    lite_say_ready();
    for (long i = strtol(times, NULL, 10); i > 0; i--) {
        char id[37];
        if (!sys_uuid(&sys_real, id) || lite_change(db, CHANGE_ACQUIRE, NULL, id) != CHANGE_DONE || lite_release(db, id) != CHANGE_DONE)
            return 82;
    }
    db_sqlite.close(db);
    return 0;
}

static int child_roll_back(struct lite *l, const char *times)
{
    struct db *db = lite_connect(l, DB_RUN);
    struct error err = { 0 };
    bool ok = true;
    lite_acquire(db, ID_A);
    lite_say_ready();
    for (long i = strtol(times, NULL, 10); ok && i > 0; i--)
        ok = lite_simple(db, STEP_HEAD, ID_A, &err) && lite_statement(db, "CREATE TABLE t (a)", NULL, &err) && db_sqlite.rollback(db, &err);
    ok = ok && lite_release(db, ID_A) == CHANGE_DONE;
    db_sqlite.close(db);
    return ok ? 0 : 1;
}

static int child(int argc, char **argv)
{
    struct lite l;
    int code = 91;
    if (argc != 4)
        return code;
    lite_at(&l, argv[2]);
    if (strcmp(argv[1], "hold") == 0)
        code = child_hold(&l, argv[3]);
    else if (strcmp(argv[1], "release") == 0)
        code = child_release(&l, argv[3]);
    else if (strcmp(argv[1], "acquire") == 0)
        code = child_race(&l, CHANGE_ACQUIRE, NULL);
    else if (strcmp(argv[1], "take-over") == 0)
        code = child_race(&l, CHANGE_TAKE_OVER, argv[3]);
    else if (strcmp(argv[1], "cycle") == 0)
        code = child_cycle(&l, argv[3]);
    else if (strcmp(argv[1], "roll-back") == 0)
        code = child_roll_back(&l, argv[3]);
    lite_close(&l);
    return code;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_race_acquire),
        cmocka_unit_test(test_race_take_over),
        cmocka_unit_test(test_looks_at_short_runs),
        cmocka_unit_test(test_looks_at_rollbacks),
        cmocka_unit_test(test_release_between_row_and_witness),
        cmocka_unit_test(test_threads),
    };
    if (argc > 1)
        return child(argc, argv);
    return cmocka_run_group_tests_name("sqlite_race", tests, NULL, NULL);
}
