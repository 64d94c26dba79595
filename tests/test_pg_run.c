/* test_pg_run.c: the pipeline of the PostgreSQL driver: what its answers say, what files may try, what a cancel and a lost link leave. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/pg_case.h"
#include "support/pg_server.h"
#include "support/proxy.h"

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

static void works(const char *const *statements)
{
    struct pg_case c;
    pg_case_open(&c);
    pg_case_acquire(&c);
    good(pg_case_migrate(&c, 1, statements));
    good(pg_case_migrate(&c, 2, SQL("CREATE TABLE next_one (id int)", "INSERT INTO next_one VALUES (1)")));
    assert_int_equal(pg_case_number(&c, HISTORY), 2);
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM public.next_one"), 1);
    struct db_lock_row row = pg_case_look(&c);
    assert_int_equal(row.witness, WITNESS_HELD);
    assert_string_equal(row.run.last_done, "V2__it.sql");
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
    fails(SQL("CREATE TABLE p (id int PRIMARY KEY)", "CREATE TABLE q (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED)", "INSERT INTO q VALUES (9)"), STEP_RESET, "23503", "at the end of the file");
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

/* ---- files that attack the protocol ---- */

static void drops_schema(void **state)
{
    (void)state;
    fails(SQL("DROP SCHEMA public CASCADE"), STEP_FENCE, "42P01", NULL);
}

static void meddles_with_lock(void **state)
{
    (void)state;
    fails(SQL("UPDATE jetbase_lock SET is_locked = false"), STEP_FENCE, "", "no longer names this run");
    fails(SQL("UPDATE jetbase_lock SET process_id = 'someone'"), STEP_FENCE, "", "no longer names this run");
    fails(SQL("DELETE FROM jetbase_runs"), STEP_RECORD, "", "jetbase_runs");
    fails(SQL("CREATE RULE r AS ON INSERT TO jetbase_migrations DO INSTEAD NOTHING"), STEP_RECORD, "", "jetbase_migrations");
}

static void changes_session(void **state)
{
    (void)state;
    works(SQL("SELECT pg_catalog.set_config('search_path', '', false)", "SET row_security = off", "SET standard_conforming_strings = on"));
    works(SQL("CREATE SCHEMA other", "SET search_path TO other", "CREATE TABLE here (id int)"));
    works(SQL("SET lock_timeout = '1ms'", "SET statement_timeout = '500ms'", "SET default_transaction_read_only = on"));
    works(SQL("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"));
    works(SQL("PREPARE x AS SELECT 1", "DECLARE cur CURSOR WITH HOLD FOR SELECT 1", "LISTEN something"));
    works(SQL("SET client_encoding = 'LATIN1'", "SET DateStyle = 'German'", "SET application_name = 'x'"));
}

static void sets_role(void **state)
{
    (void)state;
    struct pg_case c;
    pg_case_open(&c);
    pg_case_sql(&c, "DROP ROLE IF EXISTS lowly");
    pg_case_sql(&c, "CREATE ROLE lowly");
    pg_case_acquire(&c);
    good(pg_case_migrate(&c, 1, SQL("SET ROLE lowly", "SELECT 1")));
    good(pg_case_migrate(&c, 2, SQL("SET SESSION AUTHORIZATION lowly", "SELECT 1")));
    good(pg_case_migrate(&c, 3, SQL("CREATE TABLE as_super (id int)")));
    assert_int_equal(pg_case_number(&c, HISTORY), 3);
    pg_case_close(&c);
}

/* A temporary table left behind would swallow the next file's change. */
static void hides_tables(void **state)
{
    (void)state;
    struct pg_case c;
    pg_case_open(&c);
    pg_case_acquire(&c);
    good(pg_case_migrate(&c, 1, SQL("CREATE TABLE real_one (id int)")));
    good(pg_case_migrate(&c, 2, SQL("CREATE TEMP TABLE real_one (id int)", "CREATE TEMP TABLE jetbase_lock (id int)", "CREATE TEMP TABLE jetbase_migrations (id int)")));
    good(pg_case_migrate(&c, 3, SQL("ALTER TABLE real_one ADD COLUMN more int")));
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'real_one'"), 2);
    good(pg_case_migrate(&c, 4, SQL("CREATE SCHEMA evil", "CREATE FUNCTION evil.count(\"any\") RETURNS bigint LANGUAGE internal AS 'now'",
                                    "CREATE FUNCTION evil.never(text, text) RETURNS bool LANGUAGE sql AS 'SELECT false'",
                                    "CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.never)", "SET search_path = evil, pg_catalog")));
    assert_int_equal(pg_case_number(&c, HISTORY), 4);
    pg_case_close(&c);
}

static void drops_advisory_locks(void **state)
{
    (void)state;
    struct pg_case c, d;
    pg_case_open(&c);
    pg_case_acquire(&c);
    pg_case_join(&d, &c, DB_LOOK, NULL, 0);
    pg_case_submit(&c, 1, SQL("SELECT pg_advisory_unlock_all()"));
    struct pg_answers a = pg_case_answers(&c);
    assert_int_equal(a.bad, 0);
    assert_int_equal(pg_case_look(&d).witness, WITNESS_HELD); /* inside: the transaction's own */
    pg_case_commit(&c, 1);
    pg_case_barrier(&c);
    good(pg_case_answers(&c));
    assert_int_equal(pg_case_look(&d).witness, WITNESS_HELD); /* after: taken again */
    a = pg_case_migrate(&c, 2, SQL("SELECT pg_advisory_unlock_all()", "SELECT 1/0"));
    assert_int_equal(a.bad, 1);
    assert_int_equal(pg_case_look(&d).witness, WITNESS_HELD); /* after a rollback too */
    pg_case_close(&c);
    pg_case_close(&d);
}

/* Transaction control that a scanner would have missed. */
static void hidden_control(void **state)
{
    (void)state;
    fails(SQL("SELECT 1", "/* a /* b */ */ COMMIT"), STEP_SQL, "", "COMMIT");
    fails(SQL("ROLLBACK WORK"), STEP_SQL, "", "ROLLBACK");
    fails(SQL("START TRANSACTION"), STEP_SQL, "", "transaction");
    works(SQL("SAVEPOINT x", "SELECT 1", "ROLLBACK -- c\n /* d */ TO x", "ROLLBACK WORK TO SAVEPOINT x", "RELEASE x"));
}

static void copy_of_the_client(void **state)
{
    (void)state;
    fails(SQL("CREATE TABLE a (id int)", "COPY (SELECT generate_series(1, 100000)) TO STDOUT"), STEP_SQL, "", "COPY");
    struct pg_case c;
    struct error err = { 0 };
    pg_case_open(&c);
    pg_case_acquire(&c);
    struct pg_answers a = pg_case_migrate(&c, 1, SQL("CREATE TABLE a (id int)", "COPY a FROM STDIN"));
    assert_int_equal(a.end, DB_DOWN);
    assert_non_null(strstr(a.err.message, "COPY FROM STDIN"));
    assert_false(driver->rollback(c.db, &err));
    assert_int_equal(err.code, ERR_NO_CONNECTION);
    driver->close(c.db);
    c.db = NULL;
    pg_case_until(&c, TABLE("a"), 0);
    pg_case_close(&c);
}

static void ends_itself(void **state)
{
    (void)state;
    struct pg_case c;
    struct error err = { 0 };
    struct db_lock_row row;
    pg_case_open(&c);
    pg_case_acquire(&c);
    struct pg_answers a = pg_case_migrate(&c, 1, SQL("CREATE TABLE a (id int)", "SELECT pg_terminate_backend(pg_backend_pid())", "SELECT pg_sleep(60)"));
    assert_int_equal(a.end, DB_DOWN);
    assert_int_equal(a.err.code, ERR_NO_CONNECTION);
    assert_non_null(strstr(a.err.message, "administrator command"));
    assert_false(driver->rollback(c.db, &err));
    assert_false(driver->lock_read(c.db, &row, &err));
    assert_int_equal(err.code, ERR_NO_CONNECTION);
    assert_int_equal(pg_case_number(&c, TABLE("a")), 0);
    pg_case_close(&c);
}

/* ---- stopping ---- */

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

/* ---- the wire ---- */

static void round_trips(void **state)
{
    (void)state;
    enum { FILES = 100 };
    struct pg_case c, d;
    struct proxy *proxy;
    unsigned before;
    pg_case_open(&d);
    proxy = proxy_start(pg_server_port());
    pg_case_join(&c, &d, DB_RUN, NULL, proxy_port(proxy));
    pg_case_acquire(&c);
    before = proxy_waits(proxy);
    for (uint32_t i = 1; i <= FILES; i++) {
        char make[64], drop[64];
        snprintf(make, sizeof make, "CREATE TABLE t%u (id int)", i);
        snprintf(drop, sizeof drop, "DROP TABLE t%u", i);
        if (i > 1)
            pg_case_commit(&c, i - 1);
        pg_case_submit(&c, i, SQL(make, "SELECT 1", "SELECT 2", "SELECT 3", "SELECT 4", drop));
        struct pg_answers a = pg_case_answers(&c);
        assert_int_equal(a.bad, 0);
        assert_int_equal(a.results, i > 1 ? 11 : 10);
    }
    pg_case_commit(&c, FILES);
    pg_case_barrier(&c);
    good(pg_case_answers(&c));
    print_message("%d migrations of 6 statements: %u waits\n", FILES, proxy_waits(proxy) - before);
    assert_in_range(proxy_waits(proxy) - before, FILES, FILES + 1);
    assert_int_equal(pg_case_number(&c, HISTORY), FILES);
    pg_case_close(&c);
    pg_case_close(&d);
    proxy_stop(proxy);
}

/* Both sides would fill up and wait for each other, if sending ever kept us from reading. */
static void much_both_ways(void **state)
{
    (void)state;
    enum { EACH = 1 << 20, TIMES = 24 };
    struct pg_case c;
    const char *statements[TIMES + 1] = { NULL };
    char *big = malloc(EACH + 128);
    size_t n;
    assert_non_null(big);
    pg_case_open(&c);
    pg_case_acquire(&c);
    n = (size_t)sprintf(big, "SELECT repeat('y', 3000000), '");
    memset(big + n, 'x', EACH);
    memcpy(big + n + EACH, "'", 2);
    for (int i = 0; i < TIMES; i++)
        statements[i] = big;
    good(pg_case_migrate(&c, 1, statements));
    free(big);
    pg_case_close(&c);
}

/* The link dies at COMMIT: down, and the answer is missing; `arrives` tells whether the server committed. */
static void link_lost(enum proxy_side side, const char *words, bool arrives)
{
    struct pg_case c, d;
    struct error err = { 0 };
    struct proxy *proxy;
    pg_case_open(&d);
    proxy = proxy_start(pg_server_port());
    pg_case_join(&c, &d, DB_RUN, NULL, proxy_port(proxy));
    pg_case_acquire(&c);
    pg_case_submit(&c, 1, SQL("CREATE TABLE a (id int)"));
    assert_int_equal(pg_case_answers(&c).bad, 0);
    proxy_cut(proxy, side, NULL, words, 1);
    pg_case_commit(&c, 1);
    pg_case_barrier(&c);
    struct pg_answers a = pg_case_answers(&c);
    assert_int_equal(a.end, DB_DOWN);
    assert_false(a.committed);
    assert_int_equal(a.err.code, ERR_NO_CONNECTION);
    assert_non_null(strstr(a.err.message, "127.0.0.1"));
    assert_false(driver->rollback(c.db, &err));
    assert_false(driver->submit(c.db, &(struct db_step){ .kind = STEP_BARRIER }, &err));
    pg_case_until(&d, "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database() AND locktype = 'advisory'", 0); /* its session ends */
    assert_int_equal(pg_case_number(&d, HISTORY), arrives);
    assert_int_equal(pg_case_look(&d).witness, WITNESS_ABSENT);
    pg_case_close(&c);
    pg_case_close(&d);
    proxy_stop(proxy);
}

static void link_lost_at_commit(void **state)
{
    (void)state;
    link_lost(PROXY_CLIENT, "COMMIT", false);
    link_lost(PROXY_SERVER, "COMMIT", true);
}

static void server_gone(void **state)
{
    (void)state;
    struct pg_case c;
    bool changed;
    struct error err = { 0 };
    pg_case_open(&c);
    assert_true(driver->wait_change(c.db, 0, -1, &changed, &err));
    pg_server_crash();
    assert_false(driver->wait_change(c.db, 10000, -1, &changed, &err));
    assert_int_equal(err.code, ERR_NO_CONNECTION);
    pg_server_start_again();
    pg_case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(applies), cmocka_unit_test(third_statement), cmocka_unit_test(no_position), cmocka_unit_test(control_bytes_are_shown),
        cmocka_unit_test(deferred_constraint), cmocka_unit_test(deferred_trigger_on_ours), cmocka_unit_test(commit_refused_skips_next), cmocka_unit_test(unlocked_meanwhile),
        cmocka_unit_test(fence_keeps_unlockers_out), cmocka_unit_test(fence_waits_bounded), cmocka_unit_test(drops_schema), cmocka_unit_test(meddles_with_lock),
        cmocka_unit_test(changes_session), cmocka_unit_test(sets_role), cmocka_unit_test(hides_tables), cmocka_unit_test(drops_advisory_locks), cmocka_unit_test(hidden_control),
        cmocka_unit_test(copy_of_the_client), cmocka_unit_test(ends_itself), cmocka_unit_test(cancelled), cmocka_unit_test(timeouts), cmocka_unit_test(round_trips),
        cmocka_unit_test(much_both_ways), cmocka_unit_test(link_lost_at_commit), cmocka_unit_test(server_gone),
    };
    return cmocka_run_group_tests_name("pg_run", tests, NULL, NULL);
}
