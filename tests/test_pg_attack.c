/* test_pg_attack.c: files that attack the protocol on PostgreSQL, on purpose or not: none gets past the fence, none spoils the next. */
#include <stdio.h>
#include <string.h>

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

/* The server would take é for two other characters, and nobody would see it. */
static void changes_encoding(void **state)
{
    static const char *const sets[] = { "SET client_encoding = 'LATIN1'", "SET NAMES 'win1252'", "SELECT set_config('client_encoding', 'LATIN9', true)" };
    (void)state;
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        fails(SQL("CREATE TABLE named (n text)", sets[i], "INSERT INTO named VALUES ('\303\251')"), STEP_RESET, "", "client_encoding");
    works(SQL("CREATE TABLE named (n text)", "SET client_encoding = 'UTF8'", "INSERT INTO named VALUES ('\303\251')", "SELECT 1 / length(n) FROM named", "DO $$BEGIN ASSERT (SELECT length(n) = 1 FROM named); END$$"));
    works(SQL("CREATE TABLE named (n text)", "SET client_encoding = 'SQL_ASCII'", "INSERT INTO named VALUES ('\303\251')", "DO $$BEGIN ASSERT (SELECT length(n) = 1 FROM named); END$$"));
}

/* Once more the same: what the first one left behind would be in the way. */
static void leaves_nothing_behind(void **state)
{
    (void)state;
    struct pg_case c;
    pg_case_open(&c);
    pg_case_acquire(&c);
    for (uint32_t i = 1; i <= 2; i++)
        good(pg_case_migrate(&c, i, SQL("PREPARE x AS SELECT 1", "DECLARE cur CURSOR WITH HOLD FOR SELECT 1", "CREATE TEMP TABLE t (id int)", "CREATE TEMP SEQUENCE s", "SELECT nextval('s')")));
    struct pg_answers a = pg_case_migrate(&c, 3, SQL("PREPARE x AS SELECT 1", "SELECT 1/0")); /* a ROLLBACK does not take that back */
    assert_int_equal(a.bad, 1);
    good(pg_case_migrate(&c, 4, SQL("PREPARE x AS SELECT 1")));
    pg_case_close(&c);
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

/* Operators and functions of a schema that stands before pg_catalog: our own SQL never means those. */
static void role_with_evil_path(void **state)
{
    (void)state;
    struct pg_case c, d;
    struct db_tables tables;
    struct error err = { 0 };
    pg_case_make(&d);
    pg_case_sql(&d, "CREATE SCHEMA evil; CREATE FUNCTION evil.never(text, text) RETURNS bool LANGUAGE sql AS 'SELECT false'; CREATE FUNCTION evil.never(int, int) RETURNS bool LANGUAGE sql AS 'SELECT false';"
                    "CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.never); CREATE OPERATOR evil.= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.never);"
                    "CREATE FUNCTION evil.pg_try_advisory_lock(bigint) RETURNS bool LANGUAGE sql AS 'SELECT true'; CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz'");
    pg_case_sql(&d, "CREATE ROLE charmed SUPERUSER LOGIN; ALTER ROLE charmed SET search_path = evil, pg_catalog");
    pg_case_join(&c, &d, DB_RUN, "charmed", 0);
    assert_string_equal(driver->about(c.db)->schema, "evil");
    if (!driver->tables_prepare(c.db, &tables, &err))
        fail_msg("%s", err.message);
    assert_true(tables.runs && tables.version_index);
    pg_case_acquire(&c);
    good(pg_case_migrate(&c, 1, SQL("CREATE TABLE a (id int)")));
    struct db_lock_row row = pg_case_look(&c);
    assert_int_equal(row.witness, WITNESS_HELD);
    assert_true(row.run.age_s >= 0);
    assert_int_equal(pg_case_try(&c), CHANGE_HELD);
    assert_int_equal(pg_case_change(&c, CHANGE_UNLOCK, row.process_id, false), CHANGE_DONE);
    pg_case_close(&c);
    pg_case_close(&d);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drops_schema), cmocka_unit_test(meddles_with_lock), cmocka_unit_test(changes_session), cmocka_unit_test(leaves_nothing_behind), cmocka_unit_test(sets_role),
        cmocka_unit_test(changes_encoding), cmocka_unit_test(hides_tables), cmocka_unit_test(role_with_evil_path), cmocka_unit_test(drops_advisory_locks), cmocka_unit_test(hidden_control),
        cmocka_unit_test(copy_of_the_client), cmocka_unit_test(ends_itself),
    };
    return cmocka_run_group_tests_name("pg_attack", tests, NULL, NULL);
}
