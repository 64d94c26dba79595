/* test_retry.c: --retry: which failures are followed by a new run, that each of these is a run of its own which plans anew, and that nothing is tried again that may have left something behind. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "support/outside.h"
#include "support/run.h"
#ifdef JETBASE_POSTGRES
#include <libpq-fe.h>
#include <pthread.h>
#endif
#ifdef JETBASE_SQLITE
#include <sqlite3.h>
#endif

static int64_t applied(const struct sandbox *sb, const char *version)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM jetbase_migrations WHERE version = '%s'", version);
    return sandbox_number(sb, sql);
}

#ifdef JETBASE_POSTGRES
/* A statement that fails with that SQLSTATE the first n times it runs: a sequence does not go back with the transaction. */
#define FAILS_BEFORE "DO $$ BEGIN IF nextval('tries') < %d THEN RAISE EXCEPTION 'not now' USING ERRCODE = '%s'; END IF; END $$;\n"

static int64_t tries(const struct sandbox *sb)
{
    return sandbox_number(sb, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM tries");
}

static int64_t runs(const struct sandbox *sb)
{
    return sandbox_number(sb, "SELECT count(*) FROM jetbase_runs");
}

static void open_tries(struct sandbox *sb)
{
    if (!sandbox_has(SANDBOX_POSTGRES))
        skip();
    sandbox_open(sb, SANDBOX_POSTGRES);
    sandbox_sql(sb, "CREATE SEQUENCE tries");
    sandbox_sql(sb, "CREATE TABLE seen (x text)");
    sandbox_file(sb, "V1__one.sql", "INSERT INTO seen VALUES ('1');\n\n-- rollback\nINSERT INTO seen VALUES ('-1');\n");
}

static void free_again(const struct sandbox *sb)
{
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM jetbase_lock WHERE NOT is_locked AND process_id IS NULL"), 1);
}

static void passing_faults(void **state)
{
    static const char *const codes[] = { "55P03", "40P01", "40001" };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct sandbox sb;
        open_tries(&sb);
        sandbox_file(&sb, "V2__two.sql", "INSERT INTO seen VALUES ('2');\n" FAILS_BEFORE, 3, codes[i]);
        run_has(&sb, "upgrade --retry 5", 0,
                "Starting migrations...\nMigration applied successfully: V1__one.sql\nMigration applied successfully: V2__two.sql\nMigrations completed successfully.\n", "; a new run in ");
        assert_int_equal(tries(&sb), 3);
        assert_int_equal(runs(&sb), 3);
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs WHERE outcome = 'failed'"), 2);
        assert_int_equal(sandbox_number(&sb, "SELECT count(DISTINCT session_pid) FROM jetbase_runs"), 3);
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM seen"), 2);
        assert_int_equal(applied(&sb, "1") + applied(&sb, "2"), 2);
        free_again(&sb);
        sandbox_close(&sb);
    }
}

static void is_not_asked_for(void **state)
{
    struct sandbox sb;
    (void)state;
    open_tries(&sb);
    sandbox_file(&sb, "V2__two.sql", FAILS_BEFORE, 100, "40001");
    run_has(&sb, "upgrade", 1, NULL, "not now");
    assert_int_equal(tries(&sb), 1);
    run_has(&sb, "upgrade --retry 2", 1, NULL, "retry 2 of 2");
    assert_int_equal(tries(&sb), 4);
    assert_int_equal(applied(&sb, "1"), 1);
    assert_int_equal(applied(&sb, "2"), 0);
    free_again(&sb);
    sandbox_close(&sb);
}

static void other_faults_stay(void **state)
{
    static const char *const codes[] = { "22012", "57014", "53100", "23505" };
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct sandbox sb;
        struct process p;
        open_tries(&sb);
        sandbox_file(&sb, "V2__two.sql", FAILS_BEFORE, 100, codes[i]);
        run_line(&sb, &p, "upgrade --retry 5");
        assert_int_equal(p.exit, 1);
        assert_null(strstr(p.err, "retry"));
        assert_int_equal(tries(&sb), 1);
        process_free(&p);
        sandbox_close(&sb);
    }
}

/* What ran outside a transaction is not taken back, so it is not run again. */
static void outside_is_never_tried_again(void **state)
{
    struct sandbox sb;
    struct process p;
    (void)state;
    open_tries(&sb);
    sandbox_file(&sb, "V2__two.sql", "-- jetbase: no-transaction\nINSERT INTO seen VALUES ('2');\n" FAILS_BEFORE, 100, "40001");
    run_line(&sb, &p, "upgrade --retry 5");
    assert_int_equal(p.exit, 1);
    assert_null(strstr(p.err, "retry"));
    assert_non_null(strstr(p.err, "half applied"));
    process_free(&p);
    assert_int_equal(tries(&sb), 1);
    /* Not even where it fails with its first statement. */
    run_has(&sb, "resolve 2 --mark-rolled-back", 0, NULL, NULL);
    sandbox_file(&sb, "V2__two.sql", "-- jetbase: no-transaction\n" FAILS_BEFORE, 100, "55P03");
    run_line(&sb, &p, "upgrade --retry 5");
    assert_null(strstr(p.err, "retry"));
    process_free(&p);
    assert_int_equal(tries(&sb), 2);
    run_has(&sb, "resolve 2 --retry 1 --from 1", 2, "", "No such option: --retry");
    sandbox_close(&sb);
}

/* Two were asked for, and two are applied, in however many runs. */
static void counts_what_is_done(void **state)
{
    static const char *const lines[] = { "upgrade --count 2 --retry 5", "upgrade --to-version 2 --retry 5" };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sandbox sb;
        open_tries(&sb);
        sandbox_file(&sb, "V2__two.sql", FAILS_BEFORE, 3, "40001");
        sandbox_file(&sb, "V3__three.sql", "INSERT INTO seen VALUES ('3');\n");
        sandbox_file(&sb, "RA__last.sql", FAILS_BEFORE "INSERT INTO seen VALUES ('r');\n", 6, "40P01");
        run_has(&sb, lines[i], 0, "Migrations completed successfully.", NULL);
        assert_int_equal(applied(&sb, "1") + applied(&sb, "2"), 2);
        assert_int_equal(applied(&sb, "3"), 0);
        assert_int_equal(tries(&sb), 6);
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM seen WHERE x = 'r'"), 1);
        sandbox_close(&sb);
    }
}

static void counts_what_is_rolled_back(void **state)
{
    struct sandbox sb;
    (void)state;
    open_tries(&sb);
    sandbox_file(&sb, "V2__two.sql", "INSERT INTO seen VALUES ('2');\n\n-- rollback\n" FAILS_BEFORE, 3, "55P03");
    sandbox_file(&sb, "V3__three.sql", "INSERT INTO seen VALUES ('3');\n\n-- rollback\nINSERT INTO seen VALUES ('-3');\n");
    run_has(&sb, "upgrade", 0, NULL, "");
    run_has(&sb, "rollback --count 2 --retry 5", 0, "Rollback applied successfully: V3__three.sql\nRollback applied successfully: V2__two.sql\n", "retry 2 of 5");
    assert_int_equal(applied(&sb, "1"), 1);
    assert_int_equal(applied(&sb, "2") + applied(&sb, "3"), 0);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM seen WHERE x = '-1'"), 0);
    sandbox_close(&sb);
}

/* Between two tries somebody else rolled back what was to be rolled back: the one below it was not meant. */
static void rollback_means_what_it_meant(void **state)
{
    struct sandbox sb;
    struct process p;
    (void)state;
    open_tries(&sb);
    sandbox_file(&sb, "V2__two.sql", "INSERT INTO seen VALUES ('2');\n\n-- rollback\n" FAILS_BEFORE, 100, "55P03");
    run_has(&sb, "upgrade", 0, NULL, "");
    sandbox_start(&sb, &p, false, NULL, (const char *const[]){ "rollback", "--retry", "100", NULL });
    process_hear(&p, true, "retry 3 of 100");
    sandbox_sql(&sb, "DELETE FROM jetbase_migrations WHERE version = '2'");
    process_wait(&p);
    assert_int_equal(p.exit, 5);
    assert_non_null(strstr(p.err, "would begin with V1__one.sql now"));
    process_free(&p);
    assert_int_equal(applied(&sb, "1"), 1);
    free_again(&sb);
    sandbox_close(&sb);
}

static void is_told(void **state)
{
    struct sandbox sb;
    json_t *events, *retry;
    int ended = 0, retries = 0;
    (void)state;
    open_tries(&sb);
    sandbox_file(&sb, "V2__two.sql", FAILS_BEFORE, 3, "40001");
    events = run_events(&sb, "upgrade --retry 5 --json", 0);
    for (size_t i = 0; i < json_array_size(events); i++) {
        const char *event = json_string_value(json_object_get(json_array_get(events, i), "event"));
        ended += strcmp(event, "run-ended") == 0;
        if (strcmp(event, "retry") != 0)
            continue;
        retry = json_array_get(events, i);
        assert_int_equal(json_integer_value(json_object_get(retry, "retry")), ++retries);
        assert_int_equal(json_integer_value(json_object_get(retry, "retries")), 5);
        assert_string_equal(run_text(retry, "error.sqlstate"), "40001");
        assert_string_equal(run_text(json_array_get(events, i + 1), "event"), "lock-acquired");
        assert_string_not_equal(run_text(json_array_get(events, i + 1), "process_id"), run_text(retry, "process_id"));
    }
    assert_int_equal(retries, 2);
    assert_int_equal(ended, 1);
    json_decref(events);
    sandbox_close(&sb);
}

/* The pause before a new run ends by a signal; the lock is free by then. */
static void is_stopped(void **state)
{
    struct sandbox sb;
    struct process p;
    (void)state;
    open_tries(&sb);
    sandbox_file(&sb, "V2__two.sql", FAILS_BEFORE, 1000, "40001");
    sandbox_start(&sb, &p, false, NULL, (const char *const[]){ "upgrade", "--retry", "1000", NULL });
    process_hear(&p, true, "retry 4 of 1000"); /* its pause is some seconds */
    kill(p.pid, SIGINT);
    process_wait(&p);
    assert_int_equal(p.exit, 130);
    assert_non_null(strstr(p.err, "stopped by a signal before retry 4 of 1000"));
    assert_non_null(strstr(p.err, "V2__two.sql was rolled back: nothing of it remains."));
    process_free(&p);
    free_again(&sb);
    sandbox_close(&sb);
}

/* ---- a busy table ---- */

/* Reads the table over and over; a query that waits longer for its lock than the server is told to allow fails. */
struct prober {
    PGconn *conn;
    pthread_t thread;
    atomic_bool end;
    unsigned queries, failed;
    double longest_ms;
};

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static void *probe(void *user)
{
    struct prober *p = user;
    while (!atomic_load(&p->end)) {
        double began = now_ms();
        PGresult *res = PQexec(p->conn, "SELECT count(*) FROM orders");
        p->failed += PQresultStatus(res) != PGRES_TUPLES_OK;
        p->queries++;
        if (now_ms() - began > p->longest_ms)
            p->longest_ms = now_ms() - began;
        PQclear(res);
    }
    return NULL;
}

static PGconn *connect_as(const struct sandbox *sb, const char *application, const char *sql)
{
    PGconn *conn = PQconnectdb(sb->conninfo);
    char name[100];
    snprintf(name, sizeof name, "SET application_name = '%s'", application);
    PQclear(PQexec(conn, name));
    PGresult *res = PQexec(conn, sql);
    assert_true(PQresultStatus(res) == PGRES_COMMAND_OK || PQresultStatus(res) == PGRES_TUPLES_OK);
    PQclear(res);
    return conn;
}

/* A forgotten transaction keeps the table: the run gives up, and those who read the table meanwhile never wait longer than its lock timeout. The server itself holds them to four times that, so that a slow machine is no failure. */
static void busy_table(void **state)
{
    struct sandbox sb;
    struct prober prober = { .queries = 0 };
    struct process p;
    PGconn *idle;
    (void)state;
    open_tries(&sb);
    sandbox_sql(&sb, "CREATE TABLE orders (id int)");
    sandbox_file(&sb, "V2__total.sql", "ALTER TABLE orders ADD COLUMN total int;\n");
    idle = connect_as(&sb, "forgotten", "BEGIN; SELECT count(*) FROM orders");
    prober.conn = connect_as(&sb, "probe", "SET lock_timeout = '2s'");
    assert_int_equal(pthread_create(&prober.thread, NULL, probe, &prober), 0);
    sandbox_start(&sb, &p, false, NULL, (const char *const[]){ "upgrade", "--lock-timeout", "500ms", "--retry", "3", NULL });
    /* It is no empty promise: a reader really waits behind it. */
    outside_until(&sb, "SELECT (count(*) > 0)::int FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE a.application_name = 'probe' AND NOT l.granted AND a.datname = current_database()", 1);
    process_wait(&p);
    atomic_store(&prober.end, true);
    pthread_join(prober.thread, NULL);
    print_message("%u queries beside it, the longest %.0f ms, with a lock timeout of 500 ms\n", prober.queries, prober.longest_ms);
    if (p.exit != 3)
        print_error("%s%s", p.out, p.err);
    assert_int_equal(p.exit, 3);
    assert_int_equal(prober.failed, 0);
    assert_true(prober.queries > 4);
    assert_non_null(strstr(p.err, "retry 3 of 3"));
    assert_non_null(strstr(p.err, "V2__total.sql"));
    assert_non_null(strstr(p.err, "It waited for session "));
    assert_int_equal(runs(&sb), 4);
    assert_int_equal(applied(&sb, "1"), 1);
    assert_int_equal(applied(&sb, "2"), 0);
    free_again(&sb);
    process_free(&p);
    /* And once that transaction ends, between two tries, it gets through. */
    sandbox_start(&sb, &p, false, NULL, (const char *const[]){ "upgrade", "--lock-timeout", "500ms", "--retry", "100", NULL });
    process_hear(&p, true, "retry 1 of 100");
    PQfinish(idle);
    process_wait(&p);
    assert_int_equal(p.exit, 0);
    process_free(&p);
    assert_int_equal(applied(&sb, "2"), 1);
    PQfinish(prober.conn);
    sandbox_close(&sb);
}

/* Our own tables are kept locked by somebody: nothing is taken, and it is tried again all the same. */
static void busy_history(void **state)
{
    struct sandbox sb;
    struct process p;
    PGconn *conn;
    (void)state;
    open_tries(&sb);
    run_has(&sb, "upgrade", 0, NULL, "");
    sandbox_file(&sb, "V2__two.sql", "INSERT INTO seen VALUES ('2');\n");
    conn = connect_as(&sb, "keeper", "BEGIN; LOCK TABLE jetbase_migrations");
    sandbox_start(&sb, &p, false, NULL, (const char *const[]){ "upgrade", "--retry", "100", NULL });
    process_hear(&p, true, "retry 1 of 100");
    PQfinish(conn);
    process_wait(&p);
    assert_int_equal(p.exit, 0);
    process_free(&p);
    assert_int_equal(applied(&sb, "2"), 1);
    sandbox_close(&sb);
}
#endif

#ifdef JETBASE_SQLITE
/* Somebody writes to the file for longer than a run waits for it. */
static void busy_file(void **state)
{
    struct sandbox sb;
    struct process p;
    sqlite3 *db = NULL;
    (void)state;
    if (!sandbox_has(SANDBOX_SQLITE))
        skip();
    sandbox_open(&sb, SANDBOX_SQLITE);
    sandbox_steps(&sb, 2, 3);
    assert_int_equal(sqlite3_open(sb.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    sandbox_start(&sb, &p, false, NULL, (const char *const[]){ "upgrade", "--retry", "100", NULL });
    process_hear(&p, true, "retry 1 of 100");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    process_wait(&p);
    if (p.exit != 0)
        print_error("%s%s", p.out, p.err);
    assert_int_equal(p.exit, 0);
    process_free(&p);
    assert_int_equal(sandbox_check_steps(&sb, 2), 2);
    assert_int_equal(applied(&sb, "1"), 1);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE NOT is_locked AND process_id IS NULL"), 1);
    sandbox_close(&sb);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef JETBASE_POSTGRES
        cmocka_unit_test(passing_faults), cmocka_unit_test(is_not_asked_for), cmocka_unit_test(other_faults_stay), cmocka_unit_test(outside_is_never_tried_again),
        cmocka_unit_test(counts_what_is_done), cmocka_unit_test(counts_what_is_rolled_back), cmocka_unit_test(rollback_means_what_it_meant), cmocka_unit_test(is_told),
        cmocka_unit_test(is_stopped), cmocka_unit_test(busy_table), cmocka_unit_test(busy_history),
#endif
#ifdef JETBASE_SQLITE
        cmocka_unit_test(busy_file),
#endif
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
