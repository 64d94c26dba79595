/* test_pg_tables.c: making our tables on PostgreSQL: once, in races, beside a Python Jetbase, without rights, and on a standby. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "support/pg_case.h"
#include "support/pg_server.h"

#define COLUMNS(table) "SELECT count(*) FROM information_schema.columns WHERE table_name = '" table "'"

static const struct db_driver *const driver = &db_postgres;

static struct db_tables prepared(struct pg_case *c)
{
    struct db_tables tables;
    struct error err = { 0 };
    if (!driver->tables_prepare(c->db, &tables, &err))
        fail_msg("%s %s", err.sqlstate, err.message);
    return tables;
}

static void all_there(struct db_tables tables)
{
    assert_true(tables.migrations && tables.lock && tables.lock_row && tables.runs && tables.version_index);
    assert_string_equal(tables.note, "");
}

static void makes_them(void **state)
{
    (void)state;
    struct pg_case c;
    struct db_tables tables;
    struct error err = { 0 };
    pg_case_make(&c);
    pg_case_connect(&c, DB_RUN);
    all_there(prepared(&c));
    all_there(prepared(&c));
    assert_true(driver->tables_read(c.db, &tables, &err));
    all_there(tables);
    /* Jetbase's own, to the letter. */
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM information_schema.columns WHERE table_name = 'jetbase_migrations' AND (column_name, data_type, is_nullable, coalesce(character_maximum_length, 0), is_identity)"
                                        " IN (('order_executed', 'integer', 'NO', 0, 'YES'), ('version', 'character varying', 'YES', 255, 'NO'), ('description', 'character varying', 'NO', 500, 'NO'),"
                                        " ('filename', 'character varying', 'NO', 512, 'NO'), ('migration_type', 'character varying', 'NO', 32, 'NO'), ('applied_at', 'timestamp without time zone', 'NO', 0, 'NO'),"
                                        " ('checksum', 'character varying', 'NO', 64, 'NO'))"), 7);
    assert_int_equal(pg_case_number(&c, COLUMNS("jetbase_migrations")), 7);
    assert_int_equal(pg_case_number(&c, COLUMNS("jetbase_lock")), 4);
    assert_int_equal(pg_case_number(&c, COLUMNS("jetbase_runs")), 25);
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM jetbase_lock WHERE id = 1 AND NOT is_locked"), 1);
    /* No row is not the same as locked: it is made. */
    pg_case_sql(&c, "DELETE FROM jetbase_lock");
    assert_true(driver->tables_read(c.db, &tables, &err));
    assert_false(tables.lock_row);
    assert_false(pg_case_look(&c).row);
    all_there(prepared(&c));
    pg_case_close(&c);
}

static void adds_columns(void **state)
{
    (void)state;
    struct pg_case c, d;
    pg_case_open(&c);
    pg_case_sql(&c, "ALTER TABLE jetbase_runs RENAME TO old; CREATE TABLE jetbase_runs (process_id text PRIMARY KEY, host text); INSERT INTO jetbase_runs VALUES ('x', 'kept')");
    pg_case_join(&d, &c, DB_RUN, NULL, 0);
    assert_false(pg_case_look(&d).has_last);
    all_there(prepared(&d));
    assert_int_equal(pg_case_number(&c, COLUMNS("jetbase_runs")), 25);
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM jetbase_runs WHERE host = 'kept'"), 1);
    pg_case_close(&c);
    pg_case_close(&d);
}

/* What a Python Jetbase sends, without our creation lock. */
static void as_python(const struct pg_case *c)
{
    PGconn *conn = PQconnectdb(c->text);
    PQclear(PQexec(conn, "SET client_min_messages = error"));
    PQclear(PQexec(conn, "BEGIN"));
    PQclear(PQexec(conn, "CREATE TABLE IF NOT EXISTS jetbase_migrations ( order_executed INT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, version VARCHAR(255), description VARCHAR(500) NOT NULL,"
                         " filename VARCHAR(512) NOT NULL, migration_type VARCHAR(32) NOT NULL, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL, checksum VARCHAR(64) NOT NULL )"));
    PQclear(PQexec(conn, "COMMIT"));
    PQclear(PQexec(conn, "BEGIN"));
    PQclear(PQexec(conn, "CREATE TABLE IF NOT EXISTS jetbase_lock ( id INTEGER PRIMARY KEY CHECK (id = 1), is_locked BOOLEAN NOT NULL DEFAULT FALSE, locked_at TIMESTAMP, process_id VARCHAR(36) )"));
    PQclear(PQexec(conn, "INSERT INTO jetbase_lock (id, is_locked) SELECT 1, FALSE WHERE NOT EXISTS (SELECT 1 FROM jetbase_lock WHERE id = 1)"));
    PQclear(PQexec(conn, "COMMIT"));
    PQfinish(conn);
}

enum { RACERS = 8, ROUNDS = 8 };

static void race(int pythons)
{
    struct pg_case c;
    int gate[2];
    pid_t pids[RACERS];
    pg_case_make(&c);
    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < RACERS; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            struct pg_case d;
            struct db_tables tables;
            struct error err = { 0 };
            char byte;
            bool python = i < pythons, ok = true;
            close(gate[1]);
            if (!python)
                pg_case_join(&d, &c, DB_RUN, NULL, 0);
            if (read(gate[0], &byte, 1) < 0)
                _exit(2);
            if (python)
                as_python(&c);
            else if (!driver->tables_prepare(d.db, &tables, &err))
                ok = false;
            if (!ok)
                fprintf(stderr, "%s %s\n", err.sqlstate, err.message);
            _exit(ok && (python || (tables.runs && tables.version_index && !tables.note[0])) ? 0 : 1);
        }
    }
    close(gate[0]);
    close(gate[1]);
    for (int i = 0; i < RACERS; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM jetbase_lock"), 1);
    pg_case_close(&c);
}

static void races(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++)
        race(i % 2 ? 3 : 0);
}

/* ---- rights ---- */

static void role_open(struct pg_case *c, struct pg_case *d)
{
    pg_case_make(c);
    pg_case_sql(c, "CREATE ROLE deploy LOGIN");
    pg_case_join(d, c, DB_RUN, "deploy", 0);
}

static void role_close(struct pg_case *c, struct pg_case *d)
{
    pg_case_close(d);
    pg_case_sql(c, "DROP OWNED BY deploy");
    pg_case_sql(c, "DROP ROLE deploy");
    pg_case_close(c);
}

/* Runs what a hint or note tells a DBA to run, as he would. */
static void as_told(const struct pg_case *c, const char *text)
{
    const char *sql = strstr(text, "A DBA can run: ");
    if (!sql)
        fail_msg("it tells nothing to run: %s", text);
    pg_case_sql(c, sql + strlen("A DBA can run: "));
}

static void no_right_to_create(void **state)
{
    (void)state;
    struct pg_case c, d;
    struct db_tables tables;
    struct error err = { 0 };
    role_open(&c, &d);
    assert_false(driver->tables_prepare(d.db, &tables, &err));
    assert_int_equal(err.code, ERR_RIGHTS);
    assert_string_equal(err.sqlstate, "42501");
    as_told(&c, err.hint);
    tables = prepared(&d);
    all_there(tables);
    assert_int_equal(pg_case_try(&d), CHANGE_DONE);
    assert_int_equal(pg_case_look(&d).witness, WITNESS_HELD);
    assert_true(pg_case_migrate(&d, 1, (const char *const[]){ "SELECT 1", NULL }).committed);
    role_close(&c, &d);
}

/* jetbase_runs alone may be missing: a warning, and the lock works, unwitnessed to others. */
static void no_right_to_create_runs(void **state)
{
    (void)state;
    struct pg_case c, d;
    role_open(&c, &d);
    as_python(&c);
    pg_case_sql(&c, "GRANT SELECT, INSERT, UPDATE, DELETE ON jetbase_migrations, jetbase_lock TO deploy");
    struct db_tables tables = prepared(&d);
    assert_true(tables.migrations && tables.lock && tables.lock_row);
    assert_false(tables.runs || tables.version_index);
    assert_non_null(strstr(tables.note, "no witness"));
    assert_non_null(strstr(tables.note, "does not own"));
    assert_int_equal(pg_case_try(&d), CHANGE_DONE);
    assert_int_equal(pg_case_look(&d).why, WHY_OTHER_PROGRAM);
    assert_int_equal(pg_case_change(&d, CHANGE_RELEASE, d.id, false), CHANGE_DONE);
    *strstr(tables.note, "no unique index") = '\0';
    as_told(&c, tables.note);
    assert_true(prepared(&d).runs);
    assert_int_equal(pg_case_try(&d), CHANGE_DONE);
    assert_int_equal(pg_case_look(&d).witness, WITNESS_HELD);
    role_close(&c, &d);
}

static void no_right_to_the_tables(void **state)
{
    (void)state;
    struct pg_case c, d;
    struct db_tables tables;
    struct error err = { 0 };
    struct db_lock_row row;
    role_open(&c, &d);
    pg_case_sql(&c, "CREATE TABLE jetbase_lock (id int, is_locked bool, locked_at timestamp, process_id text)");
    assert_false(driver->lock_read(d.db, &row, &err));
    assert_int_equal(err.code, ERR_RIGHTS);
    assert_false(driver->tables_prepare(d.db, &tables, &err));
    assert_int_equal(err.code, ERR_RIGHTS);
    pg_case_sql(&c, "REVOKE ALL ON SCHEMA public FROM PUBLIC");
    assert_false(driver->lock_read(d.db, &row, &err));
    assert_int_equal(err.code, ERR_RIGHTS);
    role_close(&c, &d);
}

static void versions_twice(void **state)
{
    (void)state;
    struct pg_case c;
    pg_case_make(&c);
    as_python(&c);
    pg_case_sql(&c, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum) SELECT '1', 'a', 'V1__a.sql', 'VERSIONED', 'c' FROM generate_series(1, 2)");
    pg_case_connect(&c, DB_RUN);
    struct db_tables tables = prepared(&c);
    assert_true(tables.runs);
    assert_false(tables.version_index);
    assert_non_null(strstr(tables.note, "a version twice"));
    pg_case_sql(&c, "DELETE FROM jetbase_migrations WHERE order_executed = 2");
    all_there(prepared(&c));
    pg_case_close(&c);
}

/* A Python run that planned before ours fails in its own transaction, instead of applying ours again. */
static void index_stops_a_second_time(void **state)
{
    (void)state;
    struct pg_case c;
    pg_case_open(&c);
    const char *row = "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum) VALUES ('1', 'a', 'V1__a.sql', 'VERSIONED', 'c')";
    pg_case_sql(&c, row);
    PGconn *conn = PQconnectdb(c.text);
    PGresult *res = PQexec(conn, row);
    assert_string_equal(PQresultErrorField(res, PG_DIAG_SQLSTATE), "23505");
    PQclear(res);
    PQfinish(conn);
    pg_case_sql(&c, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum) SELECT NULL, 'a', 'RA__a.sql', 'RUNS_ALWAYS', 'c' FROM generate_series(1, 2)");
    pg_case_close(&c);
}

static void nowhere_to_put_them(void **state)
{
    (void)state;
    struct pg_case c, d;
    struct db_tables tables;
    struct error err = { 0 };
    pg_case_make(&c);
    pg_case_sql(&c, "DROP SCHEMA public");
    pg_case_join(&d, &c, DB_RUN, NULL, 0);
    assert_false(driver->tables_prepare(d.db, &tables, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    assert_false(pg_case_look(&d).table);
    pg_case_close(&c);
    pg_case_close(&d);
}

static bool never(void *user, const struct history_row *row)
{
    (void)user;
    fail_msg("a row: %s", row->file);
    return false;
}

/* A schema that may not be looked into is not one without tables. */
static void schema_is_shut(void **state)
{
    (void)state;
    static const enum db_mode modes[] = { DB_LOOK, DB_RUN };
    struct pg_case c, d;
    pg_case_open(&c);
    pg_case_sql(&c, "CREATE ROLE deploy LOGIN; REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT SELECT ON jetbase_migrations, jetbase_lock, jetbase_runs TO deploy");
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct error err = { 0 };
        bool table = false;
        pg_case_aim(&d, &c, "deploy", 0);
        d.target.schema = "public";
        pg_case_connect(&d, modes[i]);
        assert_false(driver->about(d.db)->schema_missing);
        assert_false(driver->history_read(d.db, &table, never, NULL, &err));
        assert_string_equal(err.sqlstate, "42501");
        pg_case_close(&d);
    }
    pg_case_sql(&c, "DROP OWNED BY deploy; DROP ROLE deploy");
    pg_case_close(&c);
}

static bool count_run(void *user, const struct run_row *row)
{
    (void)row;
    (*(int *)user)++;
    return true;
}

static bool pass_row(void *user, const struct history_row *row)
{
    (void)user;
    (void)row;
    return true;
}

/* The column that came last has another number once somebody has dropped it and made it again: what stands in the table is seen all the same. */
static void column_made_again(void **state)
{
    (void)state;
    struct pg_case c, d;
    struct error err = { 0 };
    int runs = 0;
    pg_case_open(&c);
    pg_case_sql(&c, "ALTER TABLE jetbase_runs DROP COLUMN prefix; ALTER TABLE jetbase_runs ADD COLUMN prefix text;"
                    "INSERT INTO jetbase_runs (process_id, acquired_at, file, no_transaction, started_statement) VALUES ('x', now(), 'V1__a.sql', true, 1)");
    pg_case_join(&d, &c, DB_LOOK, NULL, 0);
    assert_true(driver->history_read(d.db, NULL, pass_row, NULL, &err));
    assert_true(driver->unfinished_read(d.db, count_run, &runs, &err));
    assert_int_equal(runs, 1);
    pg_case_close(&c);
    pg_case_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_them), cmocka_unit_test(adds_columns), cmocka_unit_test(races), cmocka_unit_test(no_right_to_create), cmocka_unit_test(no_right_to_create_runs),
        cmocka_unit_test(no_right_to_the_tables), cmocka_unit_test(versions_twice), cmocka_unit_test(index_stops_a_second_time), cmocka_unit_test(nowhere_to_put_them), cmocka_unit_test(schema_is_shut), cmocka_unit_test(column_made_again),
    };
    return cmocka_run_group_tests_name("pg_tables", tests, NULL, NULL);
}
