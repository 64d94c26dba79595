/* test_pg_run.c: the pipeline of the PostgreSQL driver: what its answers say, and what a failure or a cancel leaves. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/pg_case.h"

#define SQL(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define HISTORY "SELECT count(*) FROM jetbase_migrations"
#define TABLE(name) "SELECT count(*) FROM pg_class WHERE relname = '" name "'"

static const struct db_driver *const driver = &db_postgres;

static void good(struct pg_answers a)
{
    if (!a.committed)
        print_error("%s %s\n", a.err.sqlstate, a.err.message);
    assert_true(a.committed);
    assert_int_equal(a.end, DB_DRAINED);
}

/* What must hold after a migration that failed: nothing of it, a clean connection, the witness. */
static void nothing_left(struct pg_case *c)
{
    struct db_lock_row row = pg_case_look(c);
    assert_true(row.locked);
    assert_int_equal(row.witness, WITNESS_HELD);
    assert_int_equal(row.session_pid, driver->about(c->db)->session_pid);
    assert_int_equal(pg_case_number(c, HISTORY), 0);
    good(pg_case_migrate(c, 77, SQL("CREATE TABLE after_it (id int)")));
    assert_int_equal(pg_case_number(c, HISTORY), 1);
}

static void fails(const char *const *statements, enum db_step_kind kind, const char *sqlstate, const char *says)
{
    struct pg_case c;
    pg_case_open(&c);
    pg_case_acquire(&c);
    struct pg_answers a = pg_case_migrate(&c, 1, statements);
    assert_int_equal(a.end, DB_DRAINED);
    assert_false(a.committed);
    assert_int_equal(a.bad, 1);
    if (says && !strstr(a.err.message, says))
        fail_msg("it says: %s", a.err.message);
    assert_int_equal(a.first_bad.kind, kind);
    assert_string_equal(a.err.sqlstate, sqlstate);
    nothing_left(&c);
    pg_case_close(&c);
}

static void applies(void **state)
{
    (void)state;
    struct pg_case c;
    pg_case_open(&c);
    pg_case_acquire(&c);
    struct pg_answers a;
    pg_case_submit(&c, 1, SQL("CREATE TABLE a (id int)", "INSERT INTO a SELECT generate_series(1, 7)", "SELECT * FROM a, generate_series(1, 100000)"));
    a = pg_case_answers(&c);
    assert_int_equal(a.results, 7);
    assert_int_equal(a.bad, 0);
    assert_int_equal(a.done, 3);
    assert_int_equal(pg_case_number(&c, HISTORY), 0); /* nothing before COMMIT */
    pg_case_commit(&c, 1);
    pg_case_barrier(&c);
    a = pg_case_answers(&c);
    assert_int_equal(a.results, 2);
    good(a);
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM a"), 7);
    assert_int_equal(pg_case_number(&c, HISTORY), 1);
    pg_case_close(&c);
}

static void third_statement(void **state)
{
    (void)state;
    struct pg_case c;
    pg_case_open(&c);
    pg_case_acquire(&c);
    struct pg_answers a = pg_case_migrate(&c, 1, SQL("CREATE TABLE a (id int)", "INSERT INTO a VALUES (1)", "SELECT id,\n       \xC3\xA4, totl\nFROM a", "DROP TABLE a"));
    assert_int_equal(a.bad, 1);
    assert_int_equal(a.first_bad.statement, 3);
    assert_int_equal(a.skipped, 4); /* statement 4, reset, fence, record */
    assert_int_equal(a.err.code, ERR_SQL);
    assert_string_equal(a.err.sqlstate, "42703");
    assert_string_equal(a.err.place.file, "V1__it.sql");
    assert_int_equal(a.err.place.line, 31);
    assert_int_equal(a.err.place.column, 8);
    assert_string_equal(a.err.source, "       \xC3\xA4, totl");
    assert_int_equal(a.err.caret, 8);
    assert_int_equal(pg_case_number(&c, TABLE("a")), 0);
    nothing_left(&c);
    pg_case_close(&c);
}

static void no_position(void **state)
{
    (void)state;
    struct pg_case c;
    pg_case_open(&c);
    pg_case_acquire(&c);
    struct pg_answers a = pg_case_migrate(&c, 1, SQL("CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1/0; END'", "SELECT\n f()"));
    assert_string_equal(a.err.sqlstate, "22012");
    assert_int_equal(a.err.place.line, 20);
    assert_int_equal(a.err.place.column, 3);
    assert_non_null(strstr(a.err.context, "f()"));
    pg_case_close(&c);
}

static void control_bytes_are_shown(void **state)
{
    (void)state;
    struct pg_case c;
    pg_case_open(&c);
    pg_case_acquire(&c);
    struct pg_answers a = pg_case_migrate(&c, 1, SQL("DO $$BEGIN RAISE EXCEPTION USING MESSAGE = E'a\\x1b[31mb', DETAIL = E'd\\x07', HINT = 'h'; END$$"));
    assert_null(strchr(a.err.message, 27));
    assert_null(strchr(a.err.detail, 7));
    assert_string_equal(a.err.hint, "h");
    pg_case_close(&c);
}

static void deferred_constraint(void **state)
{
    (void)state;
    fails(SQL("CREATE TABLE p (id int PRIMARY KEY)", "CREATE TABLE q (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED)", "INSERT INTO q VALUES (9)"), STEP_RESET, "23503", "at COMMIT, where deferred constraints are checked: insert or update on table \"q\"");
}

/* The file's SET CONSTRAINTS and triggers on our own tables: none may fire after the record was found good. */
static void deferred_trigger_on_ours(void **state)
{
    (void)state;
    struct pg_case c;
    pg_case_open(&c);
    pg_case_sql(&c, "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''not today''; END';"
                    "CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON jetbase_runs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION no()");
    pg_case_acquire(&c);
    struct pg_answers a = pg_case_migrate(&c, 1, SQL("CREATE TABLE x (id int)", "SET CONSTRAINTS ALL DEFERRED"));
    assert_int_equal(a.first_bad.kind, STEP_RECORD);
    assert_non_null(strstr(a.err.message, "not today"));
    assert_int_equal(pg_case_number(&c, TABLE("x")), 0);
    pg_case_close(&c);
}

/* Write skew between serializable transactions is found at COMMIT, not before. */
static void commit_refused_skips_next(void **state)
{
    (void)state;
    struct pg_case c, d;
    struct db_step head = { .kind = STEP_HEAD, .migration = 1, .isolation = ISOLATION_SERIALIZABLE };
    struct db_step one = { .kind = STEP_SQL, .migration = 1, .sql = "INSERT INTO s SELECT max(id) + 1 FROM s" };
    struct db_step commit = { .kind = STEP_COMMIT, .migration = 1 };
    struct error err = { 0 };
    pg_case_open(&c);
    pg_case_acquire(&c);
    pg_case_sql(&c, "CREATE TABLE s (id int); INSERT INTO s VALUES (1)");
    pg_case_join(&d, &c, DB_RUN, NULL, 0);
    one.len = strlen(one.sql);
    head.process_id = commit.process_id = c.id;
    assert_true(driver->submit(c.db, &head, &err) && driver->submit(c.db, &one, &err));
    assert_int_equal(pg_case_answers(&c).bad, 0);
    head.process_id = "00000000-0000-4000-8000-000000000000";
    assert_true(driver->submit(d.db, &head, &err) && driver->submit(d.db, &one, &err) && driver->submit(d.db, &commit, &err));
    assert_int_equal(pg_case_answers(&d).bad, 0);
    assert_true(driver->submit(c.db, &commit, &err));
    pg_case_submit(&c, 2, SQL("CREATE TABLE never (id int)"));
    struct pg_answers a = pg_case_answers(&c);
    assert_int_equal(a.first_bad.kind, STEP_COMMIT);
    assert_string_equal(a.err.sqlstate, "40001");
    assert_non_null(strstr(a.err.message, "at COMMIT"));
    assert_int_equal(a.skipped, 5);
    assert_true(driver->rollback(c.db, &err));
    assert_int_equal(pg_case_number(&c, TABLE("never")), 0);
    nothing_left(&c);
    pg_case_close(&c);
    pg_case_close(&d);
}

static void unlocked_meanwhile(void **state)
{
    (void)state;
    struct pg_case c, d;
    pg_case_open(&c);
    pg_case_acquire(&c);
    pg_case_join(&d, &c, DB_RUN, NULL, 0);
    pg_case_submit(&c, 1, SQL("CREATE TABLE a (id int)"));
    assert_int_equal(pg_case_change(&d, CHANGE_UNLOCK, c.id, false), CHANGE_DONE);
    struct pg_answers a = pg_case_answers(&c);
    struct error err = { 0 };
    assert_int_equal(a.first_bad.kind, STEP_FENCE);
    assert_true(a.first_bad.lost);
    assert_int_equal(a.err.code, ERR_LOCK_LOST);
    assert_int_equal(a.skipped, 1);
    assert_true(driver->rollback(c.db, &err));
    assert_int_equal(pg_case_number(&c, TABLE("a")), 0);
    /* Another holder now: still lost. */
    pg_case_acquire(&d);
    a = pg_case_migrate(&c, 1, SQL("CREATE TABLE a (id int)"));
    assert_true(a.first_bad.lost);
    assert_int_equal(pg_case_number(&c, HISTORY), 0);
    pg_case_close(&c);
    pg_case_close(&d);
}

/* Between fence and COMMIT nobody can unlock. */
static void fence_keeps_unlockers_out(void **state)
{
    (void)state;
    struct pg_case c, d;
    pg_case_open(&c);
    pg_case_acquire(&c);
    pg_case_join(&d, &c, DB_RUN, NULL, 0);
    pg_case_submit(&c, 1, SQL("CREATE TABLE a (id int)"));
    assert_int_equal(pg_case_answers(&c).bad, 0);
    assert_int_equal(pg_case_change(&d, CHANGE_UNLOCK, c.id, false), CHANGE_BUSY);
    assert_int_equal(pg_case_change(&d, CHANGE_UNLOCK_ANY, NULL, false), CHANGE_BUSY);
    assert_int_equal(pg_case_try(&d), CHANGE_HELD);
    pg_case_commit(&c, 1);
    pg_case_barrier(&c);
    good(pg_case_answers(&c));
    assert_int_equal(pg_case_change(&d, CHANGE_UNLOCK, c.id, false), CHANGE_DONE);
    pg_case_close(&c);
    pg_case_close(&d);
}

/* Somebody keeps the lock row: the fence does not wait for ever. */
static void fence_waits_bounded(void **state)
{
    (void)state;
    struct pg_case c, d;
    struct error err = { 0 };
    struct db_step head = { .kind = STEP_HEAD }, hold = { .kind = STEP_SQL, .sql = "SELECT 1 FROM jetbase_lock FOR UPDATE" };
    pg_case_open(&c);
    pg_case_acquire(&c);
    pg_case_join(&d, &c, DB_RUN, NULL, 0);
    hold.len = strlen(hold.sql);
    assert_true(driver->submit(d.db, &head, &err) && driver->submit(d.db, &hold, &err));
    assert_int_equal(pg_case_answers(&d).bad, 0);
    struct pg_answers a = pg_case_migrate(&c, 1, SQL("SET lock_timeout = 0"));
    assert_int_equal(a.first_bad.kind, STEP_FENCE);
    assert_int_equal(a.err.code, ERR_LOCK_BUSY);
    assert_false(a.first_bad.lost);
    assert_true(driver->rollback(d.db, &err));
    pg_case_close(&c);
    pg_case_close(&d);
}

struct stopper {
    struct pg_case *c;
    int wake;
};

/* Wishes the stop once the statement runs. */
static void *stop_it(void *at)
{
    struct stopper *s = at;
    pg_case_until(s->c, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)' AND state = 'active'", 1);
    atomic_store(&s->c->stop, 15);
    if (write(s->wake, "x", 1) != 1)
        abort();
    return NULL;
}

static void cancelled(void **state)
{
    (void)state;
    struct pg_case c, d;
    int line[2];
    pthread_t thread;
    struct stopper stopper;
    pg_case_open(&d);
    pg_case_aim(&c, &d, NULL, 0);
    assert_int_equal(pipe(line), 0);
    c.target.wake_fd = line[0];
    pg_case_connect(&c, DB_RUN);
    pg_case_acquire(&c);
    stopper = (struct stopper){ &c, line[1] };
    assert_int_equal(pthread_create(&thread, NULL, stop_it, &stopper), 0);
    struct pg_answers a = pg_case_migrate(&c, 1, SQL("CREATE TABLE a (id int)", "SELECT pg_sleep(600)", "SELECT 1"));
    pthread_join(thread, NULL);
    assert_int_equal(a.end, DB_DRAINED);
    assert_int_equal(a.first_bad.statement, 2);
    assert_true(a.first_bad.cancelled);
    assert_int_equal(a.err.code, ERR_CANCELLED);
    assert_string_equal(a.err.sqlstate, "57014");
    assert_int_equal(pg_case_number(&c, TABLE("a")), 0);
    assert_int_equal(pg_case_change(&c, CHANGE_RELEASE, c.id, false), CHANGE_DONE);
    close(line[0]);
    close(line[1]);
    pg_case_close(&c);
    pg_case_close(&d);
}

static void timeouts(void **state)
{
    (void)state;
    struct pg_case c, d;
    struct db_result r;
    struct error err = { 0 };
    pg_case_open(&d);
    pg_case_aim(&c, &d, NULL, 0);
    c.target.statement_timeout_ms = 200;
    c.target.lock_timeout_ms = 150;
    pg_case_connect(&c, DB_RUN);
    pg_case_acquire(&c);
    struct pg_answers a = pg_case_migrate(&c, 1, SQL("CREATE TABLE a (id int)", "SELECT pg_sleep(600)"));
    assert_string_equal(a.err.sqlstate, "57014"); /* the server's timeout is a failure, nobody's wish */
    assert_false(a.first_bad.cancelled);
    assert_int_equal(a.err.code, ERR_SQL);
    good(pg_case_migrate(&c, 2, SQL("CREATE TABLE b (id int)")));
    pg_case_submit(&c, 3, SQL("SELECT pg_sleep(0.1)"));
    while (driver->next(c.db, 0, &r, &err) != DB_TIMEOUT) /* answers of the head may be here */
        assert_int_equal(r.kind, STEP_HEAD);
    assert_int_equal(pg_case_answers(&c).bad, 0);
    assert_true(driver->rollback(c.db, &err));
    pg_case_close(&c);
    pg_case_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(applies), cmocka_unit_test(third_statement), cmocka_unit_test(no_position), cmocka_unit_test(control_bytes_are_shown),
        cmocka_unit_test(deferred_constraint), cmocka_unit_test(deferred_trigger_on_ours), cmocka_unit_test(commit_refused_skips_next),
        cmocka_unit_test(unlocked_meanwhile), cmocka_unit_test(fence_keeps_unlockers_out), cmocka_unit_test(fence_waits_bounded),
        cmocka_unit_test(cancelled), cmocka_unit_test(timeouts),
    };
    return cmocka_run_group_tests_name("pg_run", tests, NULL, NULL);
}
