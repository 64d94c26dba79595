/* test_sqlite_statement.c: the statements of a migration file on SQLite, and files that attack the transaction around them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sqlite_private.h"
#include "support/lite_run.h"

static void test_transaction_control(void **state)
{
    static const char *const files[] = { "BEGIN", "COMMIT", "END", "ROLLBACK", "ATTACH ':memory:' AS x", "DETACH x", "BEGIN IMMEDIATE" };
    struct lite_run *f = *state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        run_head(f);
        run_statement(f, "CREATE TABLE t (a)");
        run_refuse(f, files[i], ERR_REFUSED, "is not allowed inside a migration");
        run_give_up(f);
    }
    assert_int_equal(run_number(f, "SELECT count(*) FROM sqlite_master WHERE name = 't'"), 0);
}

static void test_pragmas(void **state)
{
    static const char *const refused[] = { "PRAGMA journal_mode=OFF", "pragma main.Journal_Mode = memory", "PRAGMA locking_mode=EXCLUSIVE", "PRAGMA hard_heap_limit=1000000", "PRAGMA soft_heap_limit=100000", "PRAGMA temp_store_directory='/tmp'",
                                           "PRAGMA query_only=1" };
    static const char *const allowed[] = { "PRAGMA journal_mode", "PRAGMA foreign_keys", "PRAGMA user_version=7", "PRAGMA table_info(t)", "PRAGMA foreign_key_check", "PRAGMA legacy_alter_table=ON" };
    struct lite_run *f = *state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        run_head(f);
        run_refuse(f, refused[i], ERR_REFUSED, "can't be set inside a migration");
        run_give_up(f);
    }
    run_head(f);
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        run_statement(f, allowed[i]);
    run_trailer(f, "1");
    assert_int_equal(run_number(f, "PRAGMA user_version"), 7);
}

/* Accepted inside a transaction by SQLite, this takes the rollback away; the change is larger than the cache. */
static void test_journal_off_with_a_large_change(void **state)
{
    struct lite_run *f = *state;
    char words[64];
    lite_sql(f->l.path, "CREATE TABLE big (a INTEGER PRIMARY KEY, b TEXT); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) INSERT INTO big SELECT i, hex(randomblob(40)) FROM n");
    run_head(f);
    run_refuse(f, "PRAGMA journal_mode=OFF", ERR_REFUSED, "journal_mode");
    run_give_up(f);
    run_head(f);
    run_statement(f, "UPDATE big SET b = 'gone'");
    assert_int_equal(f->result.rows, 60000);
    run_give_up(f);
    assert_int_equal(run_number(f, "SELECT count(*) FROM big WHERE b = 'gone'"), 0);
    lite_text(f->l.path, "PRAGMA integrity_check", words, sizeof words);
    assert_string_equal(words, "ok");
}

/* These end the transaction behind our back; the next statement would stay. */
static void test_rollback_clauses(void **state)
{
    static const char *const files[] = { "INSERT OR ROLLBACK INTO u VALUES (1)", "UPDATE OR ROLLBACK u SET a = 1", "INSERT INTO strict VALUES (1)", "INSERT INTO guarded VALUES (1)" };
    struct lite_run *f = *state;
    lite_sql(f->l.path, "CREATE TABLE u (a UNIQUE); INSERT INTO u VALUES (1), (2); CREATE TABLE strict (a UNIQUE ON CONFLICT ROLLBACK); INSERT INTO strict VALUES (1);"
                        "CREATE TABLE guarded (a); CREATE TRIGGER no BEFORE INSERT ON guarded BEGIN SELECT RAISE(ROLLBACK, 'not here'); END");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        run_head(f);
        run_statement(f, "CREATE TABLE t (a)");
        error_clear(&f->err);
        assert_false(lite_statement(f->db, files[i], &f->result, &f->err));
        assert_int_equal(f->err.code, ERR_SQL);
        assert_non_null(strstr(f->err.detail, "rolled back everything"));
        /* Nothing more is run, outside any transaction least of all. */
        assert_false(lite_statement(f->db, "CREATE TABLE stays (a)", &f->result, &f->err));
        assert_true(f->result.skipped);
        assert_false(lite_simple(f->db, STEP_COMMIT, RUN_ID, &f->err));
        run_give_up(f);
        /* Nor after the rollback without a head. */
        assert_false(lite_statement(f->db, "CREATE TABLE stays (a)", &f->result, &f->err));
        run_give_up(f);
    }
    assert_int_equal(run_number(f, "SELECT count(*) FROM sqlite_master WHERE name IN ('t', 'stays')"), 0);
}

static void test_two_statements_are_an_error(void **state)
{
    static const char *const files[] = { "CREATE TABLE t (a); CREATE TABLE u (a)", "SELECT 1; COMMIT", "SELECT 1 ; syntax error" };
    struct lite_run *f = *state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        run_head(f);
        run_refuse(f, files[i], ERR_INTERNAL, "more than one");
        run_give_up(f);
    }
    run_head(f);
    run_statement(f, "CREATE TABLE t (a) ; -- nothing behind\n /* at all */ ;; ");
    run_statement(f, "-- nothing");
    run_statement(f, "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; SELECT CASE WHEN 1 THEN 2 END; END");
    run_statement(f, "INSERT INTO t VALUES (:a)");
    run_trailer(f, "1");
    assert_int_equal(run_number(f, "SELECT count(*) FROM t WHERE a IS NULL"), 1);
}

static void test_error_places(void **state)
{
    struct lite_run *f = *state;
    run_head(f);
    run_refuse(f, "SELECT 'ä',\n  totl FROM sqlite_master", ERR_SQL, "no such column: totl");
    assert_int_equal(f->err.place.line, 11);
    assert_int_equal(f->err.place.column, 3);
    assert_string_equal(f->err.source, "  totl FROM sqlite_master");
    assert_int_equal(f->err.caret, 3);
    assert_string_equal(f->err.sqlstate, "");
    run_give_up(f);
    run_head(f);
    /* Bytes are not characters. */
    run_refuse(f, "SELECT 'äöü', totl FROM sqlite_master", ERR_SQL, "no such column: totl");
    assert_int_equal(f->err.place.line, 10);
    assert_int_equal(f->err.place.column, 5 + 14);
    run_give_up(f);
    run_head(f);
    /* None given: the statement's own place. */
    run_statement(f, "CREATE TABLE t (a UNIQUE)");
    run_statement(f, "INSERT INTO t VALUES (1)");
    run_refuse(f, "INSERT INTO t VALUES (1)", ERR_SQL, "UNIQUE constraint failed: t.a");
    assert_int_equal(f->err.place.line, 10);
    assert_int_equal(f->err.place.column, 5);
    run_give_up(f);
}

/* A temporary table hides a real one of its name; the next file must not see it, nor a pragma that was set. */
static void test_temporary_objects(void **state)
{
    struct lite_run *f = *state;
    lite_sql(f->l.path, "CREATE TABLE t (a)");
    run_head(f);
    run_statement(f, "CREATE TEMP TABLE t (a)");
    run_statement(f, "CREATE TEMP TABLE jetbase_lock (id, is_locked, process_id)");
    run_statement(f, "PRAGMA case_sensitive_like = ON");
    run_trailer(f, "1");
    run_head(f);
    run_statement(f, "ALTER TABLE t ADD COLUMN b");
    run_refuse(f, "SELECT * FROM temp.jetbase_lock", ERR_SQL, "no such table");
    run_give_up(f);
    run_head(f);
    run_statement(f, "ALTER TABLE t ADD COLUMN b");
    run_statement(f, "INSERT INTO t (a) SELECT 1 WHERE 'a' LIKE 'A'");
    assert_int_equal(f->result.rows, 1);
    run_trailer(f, "2");
    assert_int_equal(run_number(f, "SELECT count(b IS NULL) FROM t"), 1);
    /* All that time the witness stood. */
    assert_true(lite_look(f->db).own);
    struct lite_child child;
    lite_spawn(&child, (const char *const[]){ "ask", f->l.path, NULL });
    assert_int_equal(lite_wait(&child), WITNESS_HELD);
    /* After a rollback too. */
    run_head(f);
    run_statement(f, "PRAGMA busy_timeout = 1");
    run_statement(f, "CREATE TEMP TABLE left_behind (a)");
    run_refuse(f, "SELECT missing", ERR_SQL, "no such column");
    run_give_up(f);
    run_head(f);
    run_refuse(f, "SELECT * FROM left_behind", ERR_SQL, "no such table");
    run_give_up(f);
}

#define ENDLESS "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

static void test_cancel(void **state)
{
    struct lite_run *f = *state;
    run_head(f);
    run_statement(f, "CREATE TABLE t (a)");
    /* Without it the statement never ends. */
    atomic_store(&f->l.stop, 15);
    run_refuse(f, ENDLESS, ERR_CANCELLED, "stopped");
    assert_true(f->result.cancelled);
    /* What must still be done is done although the wish stands. */
    run_give_up(f);
    assert_int_equal(lite_release(f->db, RUN_ID), CHANGE_DONE);
    assert_int_equal(run_number(f, "SELECT count(*) FROM sqlite_master WHERE name = 't'"), 0);
}

static void test_statement_timeout(void **state)
{
    struct lite_run *f = *state;
    f->db->target.statement_timeout_ms = 20;
    run_head(f);
    run_refuse(f, ENDLESS, ERR_SQL, "statement timeout of 20 ms");
    run_give_up(f);
}

static void test_disk_full(void **state)
{
    struct lite_run *f = *state;
    run_head(f);
    assert_int_equal(sqlite3_exec(f->db->handle, "PRAGMA max_page_count = 20", NULL, NULL, NULL), SQLITE_OK);
    run_refuse(f, "CREATE TABLE t AS SELECT randomblob(1000000) AS a", ERR_FAILED, "full");
    run_give_up(f);
    assert_int_equal(run_number(f, "SELECT count(*) FROM sqlite_master WHERE name = 't'"), 0);
}

/* ---- the children ---- */

/* Is the witness seen from another process? */
static int child(int argc, char **argv)
{
    struct lite l;
    struct db *db;
    int code;
    if (argc != 3)
        return 91;
    lite_at(&l, argv[2]);
    db = lite_connect(&l, DB_LOOK);
    code = (int)lite_look(db).witness;
    db_sqlite.close(db);
    lite_close(&l);
    return code;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        RUN_TEST(test_transaction_control),
        RUN_TEST(test_pragmas),
        RUN_TEST(test_journal_off_with_a_large_change),
        RUN_TEST(test_rollback_clauses),
        RUN_TEST(test_two_statements_are_an_error),
        RUN_TEST(test_error_places),
        RUN_TEST(test_temporary_objects),
        RUN_TEST(test_cancel),
        RUN_TEST(test_statement_timeout),
        RUN_TEST(test_disk_full),
    };
    if (argc > 1)
        return child(argc, argv);
    return cmocka_run_group_tests_name("sqlite_statement", tests, NULL, NULL);
}
