/* test_sqlite_run.c: the steps of a migration on SQLite, and files that attack them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite_private.h"
#include "support/lite.h"

#define ID "0f1e2d3c-4b5a-4968-8796-a5b4c3d2e1f0"

/* A run that holds the lock. */
struct fixture {
    struct lite l;
    struct db *db;
    struct error err;
    struct db_result result;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    lite_open(&f->l, NULL);
    f->db = lite_connect(&f->l, DB_RUN);
    lite_acquire(f->db, ID);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    db_sqlite.close(f->db);
    lite_close(&f->l);
    free(f);
    return 0;
}

static void head(struct fixture *f)
{
    if (!lite_simple(f->db, STEP_HEAD, ID, &f->err))
        fail_msg("head: %s", f->err.message);
}

static void statement(struct fixture *f, const char *sql)
{
    if (!lite_statement(f->db, sql, &f->result, &f->err))
        fail_msg("%s: %s", sql, f->err.message);
}

static void refuse(struct fixture *f, const char *sql, enum error_code code, const char *words)
{
    error_clear(&f->err);
    assert_false(lite_statement(f->db, sql, &f->result, &f->err));
    assert_false(f->result.skipped);
    if (!strstr(f->err.message, words))
        fail_msg("%s: says \"%s\", not \"%s\"", sql, f->err.message, words);
    assert_int_equal(f->err.code, code);
    assert_string_equal(f->err.place.file, "V1__a.sql");
    assert_true(f->err.place.line >= 10);
}

static void trailer(struct fixture *f, const char *version)
{
    assert_true(lite_simple(f->db, STEP_RESET, ID, &f->err));
    assert_true(lite_simple(f->db, STEP_FENCE, ID, &f->err));
    if (!lite_record(f->db, ID, version, &f->err))
        fail_msg("record: %s", f->err.message);
    if (!lite_simple(f->db, STEP_COMMIT, ID, &f->err))
        fail_msg("commit: %s", f->err.message);
}

static void give_up(struct fixture *f)
{
    assert_true(db_sqlite.rollback(f->db, &f->err));
}

static int64_t number(struct fixture *f, const char *sql)
{
    return lite_number(f->l.path, sql);
}

static void test_whole_migration(void **state)
{
    struct fixture *f = *state;
    struct run_row run;
    head(f);
    statement(f, "CREATE TABLE t (a)");
    assert_int_equal(f->result.rows, -1);
    statement(f, "INSERT INTO t VALUES (1), (2), (3)");
    assert_int_equal(f->result.rows, 3);
    statement(f, "UPDATE t SET a = 5 WHERE a > 9");
    assert_int_equal(f->result.rows, 0);
    statement(f, "SELECT * FROM t");
    statement(f, "SAVEPOINT s");
    statement(f, "RELEASE s");
    /* Nobody sees it before its COMMIT. */
    assert_int_equal(number(f, "SELECT count(*) FROM sqlite_master WHERE name = 't'"), 0);
    trailer(f, "1");
    assert_int_equal(number(f, "SELECT count(*) FROM t"), 3);
    assert_int_equal(number(f, "SELECT count(*) FROM jetbase_migrations WHERE version = '1' AND filename = 'V1__a.sql' AND checksum = 'c' AND applied_at IS NOT NULL"), 1);
    run = lite_look(f->db).run;
    assert_string_equal(run.last_done, "1 V1__a.sql");
    assert_string_equal(run.file, "");
}

static void submit(struct fixture *f, enum db_step_kind kind, const char *sql)
{
    struct db_step step = { .kind = kind, .process_id = ID, .has_run = true, .sql = sql, .len = sql ? strlen(sql) : 0, .at = { .file = "V1__a.sql", .line = 10, .column = 1 } };
    assert_true(db_sqlite.submit(f->db, &step, &f->err));
}

/* Many steps on their way: answers in order; after a failure the rest is skipped until the rollback. */
static void test_window(void **state)
{
    struct fixture *f = *state;
    int skipped = 0;
    submit(f, STEP_HEAD, NULL);
    for (int i = 0; i < 200; i++)
        submit(f, STEP_SQL, i == 100 ? "SELECT missing" : i ? "INSERT INTO t VALUES (1)" : "CREATE TABLE t (a)");
    submit(f, STEP_COMMIT, NULL);
    for (int i = -1; i < 200; i++) {
        assert_int_equal(db_sqlite.next(f->db, -1, &f->result, &f->err), DB_RESULT);
        assert_int_equal(f->result.ok, i < 100);
        assert_int_equal(f->result.skipped, i > 100);
        skipped += f->result.skipped;
    }
    assert_int_equal(skipped, 99);
    assert_int_equal(db_sqlite.next(f->db, -1, &f->result, &f->err), DB_RESULT);
    assert_int_equal(f->result.kind, STEP_COMMIT);
    assert_true(f->result.skipped);
    assert_int_equal(db_sqlite.next(f->db, -1, &f->result, &f->err), DB_DRAINED);
    /* Still failed, whatever comes: until it is given up. */
    assert_false(lite_simple(f->db, STEP_HEAD, ID, &f->err));
    assert_true(lite_simple(f->db, STEP_BARRIER, ID, &f->err));
    give_up(f);
    assert_int_equal(number(f, "SELECT count(*) FROM sqlite_master WHERE name = 't'"), 0);
    head(f);
    statement(f, "CREATE TABLE t (a)");
    trailer(f, "1");
}

static void test_transaction_control(void **state)
{
    static const char *const files[] = { "BEGIN", "COMMIT", "END", "ROLLBACK", "ATTACH ':memory:' AS x", "DETACH x", "BEGIN IMMEDIATE" };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        head(f);
        statement(f, "CREATE TABLE t (a)");
        refuse(f, files[i], ERR_REFUSED, "is not allowed inside a migration");
        give_up(f);
    }
    assert_int_equal(number(f, "SELECT count(*) FROM sqlite_master WHERE name = 't'"), 0);
}

static void test_pragmas(void **state)
{
    static const char *const refused[] = { "PRAGMA journal_mode=OFF", "pragma main.Journal_Mode = memory", "PRAGMA locking_mode=EXCLUSIVE", "PRAGMA hard_heap_limit=1000000", "PRAGMA soft_heap_limit=100000", "PRAGMA temp_store_directory='/tmp'",
                                           "PRAGMA query_only=1" };
    static const char *const allowed[] = { "PRAGMA journal_mode", "PRAGMA foreign_keys", "PRAGMA user_version=7", "PRAGMA table_info(t)", "PRAGMA foreign_key_check", "PRAGMA legacy_alter_table=ON" };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        head(f);
        refuse(f, refused[i], ERR_REFUSED, "can't be set inside a migration");
        give_up(f);
    }
    head(f);
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        statement(f, allowed[i]);
    trailer(f, "1");
    assert_int_equal(number(f, "PRAGMA user_version"), 7);
}

/* Accepted inside a transaction by SQLite, this takes the rollback away; the change is larger than the cache. */
static void test_journal_off_with_a_large_change(void **state)
{
    struct fixture *f = *state;
    char words[64];
    lite_sql(f->l.path, "CREATE TABLE big (a INTEGER PRIMARY KEY, b TEXT); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) INSERT INTO big SELECT i, hex(randomblob(40)) FROM n");
    head(f);
    refuse(f, "PRAGMA journal_mode=OFF", ERR_REFUSED, "journal_mode");
    give_up(f);
    head(f);
    statement(f, "UPDATE big SET b = 'gone'");
    assert_int_equal(f->result.rows, 60000);
    give_up(f);
    assert_int_equal(number(f, "SELECT count(*) FROM big WHERE b = 'gone'"), 0);
    lite_text(f->l.path, "PRAGMA integrity_check", words, sizeof words);
    assert_string_equal(words, "ok");
}

/* These end the transaction behind our back; the next statement would stay. */
static void test_rollback_clauses(void **state)
{
    static const char *const files[] = { "INSERT OR ROLLBACK INTO u VALUES (1)", "UPDATE OR ROLLBACK u SET a = 1", "INSERT INTO strict VALUES (1)", "INSERT INTO guarded VALUES (1)" };
    struct fixture *f = *state;
    lite_sql(f->l.path, "CREATE TABLE u (a UNIQUE); INSERT INTO u VALUES (1), (2); CREATE TABLE strict (a UNIQUE ON CONFLICT ROLLBACK); INSERT INTO strict VALUES (1);"
                        "CREATE TABLE guarded (a); CREATE TRIGGER no BEFORE INSERT ON guarded BEGIN SELECT RAISE(ROLLBACK, 'not here'); END");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        head(f);
        statement(f, "CREATE TABLE t (a)");
        error_clear(&f->err);
        assert_false(lite_statement(f->db, files[i], &f->result, &f->err));
        assert_int_equal(f->err.code, ERR_SQL);
        assert_non_null(strstr(f->err.detail, "rolled back everything"));
        /* Nothing more is run, outside any transaction least of all. */
        assert_false(lite_statement(f->db, "CREATE TABLE stays (a)", &f->result, &f->err));
        assert_true(f->result.skipped);
        assert_false(lite_simple(f->db, STEP_COMMIT, ID, &f->err));
        give_up(f);
        /* Nor after the rollback without a head. */
        assert_false(lite_statement(f->db, "CREATE TABLE stays (a)", &f->result, &f->err));
        give_up(f);
    }
    assert_int_equal(number(f, "SELECT count(*) FROM sqlite_master WHERE name IN ('t', 'stays')"), 0);
}

static void test_two_statements_are_an_error(void **state)
{
    static const char *const files[] = { "CREATE TABLE t (a); CREATE TABLE u (a)", "SELECT 1; COMMIT", "SELECT 1 ; syntax error" };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        head(f);
        refuse(f, files[i], ERR_INTERNAL, "more than one");
        give_up(f);
    }
    head(f);
    statement(f, "CREATE TABLE t (a) ; -- nothing behind\n /* at all */ ;; ");
    statement(f, "-- nothing");
    statement(f, "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; SELECT CASE WHEN 1 THEN 2 END; END");
    statement(f, "INSERT INTO t VALUES (:a)");
    trailer(f, "1");
    assert_int_equal(number(f, "SELECT count(*) FROM t WHERE a IS NULL"), 1);
}

static void test_error_places(void **state)
{
    struct fixture *f = *state;
    head(f);
    refuse(f, "SELECT 'ä',\n  totl FROM sqlite_master", ERR_SQL, "no such column: totl");
    assert_int_equal(f->err.place.line, 11);
    assert_int_equal(f->err.place.column, 3);
    assert_string_equal(f->err.source, "  totl FROM sqlite_master");
    assert_int_equal(f->err.caret, 3);
    assert_string_equal(f->err.sqlstate, "");
    give_up(f);
    head(f);
    /* Bytes are not characters. */
    refuse(f, "SELECT 'äöü', totl FROM sqlite_master", ERR_SQL, "no such column: totl");
    assert_int_equal(f->err.place.line, 10);
    assert_int_equal(f->err.place.column, 5 + 14);
    give_up(f);
    head(f);
    /* None given: the statement's own place. */
    statement(f, "CREATE TABLE t (a UNIQUE)");
    statement(f, "INSERT INTO t VALUES (1)");
    refuse(f, "INSERT INTO t VALUES (1)", ERR_SQL, "UNIQUE constraint failed: t.a");
    assert_int_equal(f->err.place.line, 10);
    assert_int_equal(f->err.place.column, 5);
    give_up(f);
}

/* A temporary table hides a real one of its name; the next file must not see it, nor a pragma that was set. */
static void test_temporary_objects(void **state)
{
    struct fixture *f = *state;
    lite_sql(f->l.path, "CREATE TABLE t (a)");
    head(f);
    statement(f, "CREATE TEMP TABLE t (a)");
    statement(f, "CREATE TEMP TABLE jetbase_lock (id, is_locked, process_id)");
    statement(f, "PRAGMA case_sensitive_like = ON");
    trailer(f, "1");
    head(f);
    statement(f, "ALTER TABLE t ADD COLUMN b");
    refuse(f, "SELECT * FROM temp.jetbase_lock", ERR_SQL, "no such table");
    give_up(f);
    head(f);
    statement(f, "ALTER TABLE t ADD COLUMN b");
    statement(f, "INSERT INTO t (a) SELECT 1 WHERE 'a' LIKE 'A'");
    assert_int_equal(f->result.rows, 1);
    trailer(f, "2");
    assert_int_equal(number(f, "SELECT count(b IS NULL) FROM t"), 1);
    /* All that time the witness stood. */
    assert_true(lite_look(f->db).own);
    struct lite_child child;
    lite_spawn(&child, (const char *const[]){ "ask", f->l.path, NULL });
    assert_int_equal(lite_wait(&child), WITNESS_HELD);
    /* After a rollback too. */
    head(f);
    statement(f, "PRAGMA busy_timeout = 1");
    statement(f, "CREATE TEMP TABLE left_behind (a)");
    refuse(f, "SELECT missing", ERR_SQL, "no such column");
    give_up(f);
    head(f);
    refuse(f, "SELECT * FROM left_behind", ERR_SQL, "no such table");
    give_up(f);
}

static void test_fence(void **state)
{
    struct fixture *f = *state;
    struct db_step step = { .kind = STEP_HEAD, .process_id = ID, .has_run = true };
    lite_sql(f->l.path, "UPDATE jetbase_lock SET is_locked = 0, process_id = NULL");
    assert_false(lite_step(f->db, &step, &f->result, &f->err));
    assert_true(f->result.lost);
    assert_int_equal(f->err.code, ERR_LOCK_LOST);
    /* Lost at once: nothing is open, others may write before we give up. */
    lite_sql(f->l.path, "UPDATE jetbase_lock SET is_locked = 1, process_id = 'somebody'");
    give_up(f);
    assert_false(lite_step(f->db, &step, &f->result, &f->err));
    assert_true(f->result.lost);
    give_up(f);
    lite_sql(f->l.path, "UPDATE jetbase_lock SET is_locked = 1, process_id = '" ID "'");
    head(f);
    step.kind = STEP_FENCE;
    assert_true(lite_step(f->db, &step, &f->result, &f->err));
    /* A file that meddles is found out by the fence. */
    statement(f, "UPDATE jetbase_lock SET process_id = 'x'");
    assert_false(lite_step(f->db, &step, &f->result, &f->err));
    assert_true(f->result.lost);
    give_up(f);
    head(f);
    statement(f, "DROP TABLE jetbase_lock");
    assert_false(lite_step(f->db, &step, &f->result, &f->err));
    give_up(f);
    assert_true(lite_look(f->db).own);
}

static bool record(struct fixture *f, struct db_record r)
{
    struct db_step step = { .kind = STEP_RECORD, .process_id = ID, .has_run = true, .record = &r };
    error_clear(&f->err);
    return lite_step(f->db, &step, &f->result, &f->err);
}

static void test_records(void **state)
{
    struct fixture *f = *state;
    struct db_record ra = { .kind = RECORD_INSERT, .description = "d", .file = "RA__d.sql", .type = "RUNS_ALWAYS", .checksum = "1", .expect_rows = 1, .last_done = "1 RA__d.sql", .next_file = "V2__b.sql", .next_statements = 4 };
    head(f);
    assert_true(record(f, ra));
    assert_true(lite_simple(f->db, STEP_COMMIT, ID, &f->err));
    assert_string_equal(lite_look(f->db).run.file, "V2__b.sql");
    assert_int_equal(lite_look(f->db).run.statements, 4);
    ra.kind = RECORD_UPDATE;
    ra.checksum = "2";
    head(f);
    assert_true(record(f, ra));
    assert_int_equal(f->result.rows, 1);
    assert_true(lite_simple(f->db, STEP_COMMIT, ID, &f->err));
    assert_int_equal(number(f, "SELECT count(*) FROM jetbase_migrations WHERE checksum = '2' AND version IS NULL"), 1);
    /* Another number of rows than the plan saw. */
    ra.expect_rows = 2;
    head(f);
    assert_false(record(f, ra));
    assert_int_equal(f->err.code, ERR_HISTORY);
    give_up(f);
    head(f);
    assert_true(lite_record(f->db, ID, "3", &f->err));
    assert_true(lite_simple(f->db, STEP_COMMIT, ID, &f->err));
    /* The same version a second time. */
    head(f);
    assert_false(lite_record(f->db, ID, "3", &f->err));
    assert_int_equal(f->err.code, ERR_HISTORY);
    give_up(f);
    head(f);
    assert_true(record(f, (struct db_record){ .kind = RECORD_DELETE, .version = "3", .expect_rows = 1, .last_done = "2 V3__a.sql" }));
    assert_true(lite_simple(f->db, STEP_COMMIT, ID, &f->err));
    assert_int_equal(number(f, "SELECT count(*) FROM jetbase_migrations WHERE version = '3'"), 0);
    /* The run's own row gone. */
    head(f);
    statement(f, "DELETE FROM jetbase_runs");
    assert_false(lite_record(f->db, ID, "4", &f->err));
    assert_int_equal(f->err.code, ERR_MEDDLED);
    give_up(f);
}

static void test_progress(void **state)
{
    struct fixture *f = *state;
    struct db_record r = { .next_file = "V9__z.sql", .next_statements = 12 };
    struct db_step step = { .kind = STEP_PROGRESS, .process_id = ID, .has_run = true, .record = &r };
    assert_true(lite_step(f->db, &step, &f->result, &f->err));
    assert_string_equal(lite_look(f->db).run.file, "V9__z.sql");
    assert_int_equal(lite_look(f->db).run.statements, 12);
}

static void test_deferred_constraint_at_commit(void **state)
{
    struct fixture *f = *state;
    /* As Jetbase: foreign keys are off unless the database says otherwise; so the pragma stands outside the transaction here. */
    lite_sql(f->l.path, "CREATE TABLE p (a PRIMARY KEY); CREATE TABLE c (a REFERENCES p DEFERRABLE INITIALLY DEFERRED)");
    assert_int_equal(sqlite3_exec(f->db->handle, "PRAGMA foreign_keys = ON", NULL, NULL, NULL), SQLITE_OK);
    head(f);
    statement(f, "INSERT INTO c VALUES (1)");
    assert_true(lite_simple(f->db, STEP_FENCE, ID, &f->err));
    assert_true(lite_record(f->db, ID, "1", &f->err));
    assert_false(lite_simple(f->db, STEP_COMMIT, ID, &f->err));
    assert_int_equal(f->err.code, ERR_SQL);
    assert_non_null(strstr(f->err.message, "at COMMIT"));
    give_up(f);
    assert_int_equal(number(f, "SELECT count(*) FROM c"), 0);
    assert_int_equal(number(f, "SELECT count(*) FROM jetbase_migrations"), 0);
}

static int64_t fast_ms;
static int64_t fast_clock(void)
{
    return fast_ms;
}
static void fast_sleep(int ms)
{
    fast_ms += ms;
}

/* A reader that never ends: bounded waiting on a clock of our own, the truth, and then nothing is left. */
static void test_commit_busy(void **state)
{
    struct fixture *f = *state;
    struct sys sys = sys_real;
    struct lite_child child;
    char pid[32];
    sys.mono_ms = fast_clock;
    sys.sleep_ms = fast_sleep;
    lite_spawn(&child, (const char *const[]){ "read", f->l.path, NULL });
    assert_true(lite_ready(&child));
    head(f);
    statement(f, "CREATE TABLE t (a)");
    f->db->target.sys = &sys;
    assert_false(lite_simple(f->db, STEP_COMMIT, ID, &f->err));
    f->db->target.sys = &sys_real;
    assert_true(fast_ms >= SQLITE_COMMIT_WAIT_MS);
    assert_int_equal(f->err.code, ERR_LOCK_BUSY);
    snprintf(pid, sizeof pid, "process %d (", (int)child.pid);
    assert_non_null(strstr(f->err.message, pid));
    give_up(f);
    lite_go(&child);
    assert_int_equal(lite_wait(&child), 0);
    assert_int_equal(number(f, "SELECT count(*) FROM sqlite_master WHERE name = 't'"), 0);
    head(f);
    statement(f, "CREATE TABLE t (a)");
    trailer(f, "1");
}

/* A writer that never ends: the head gives up in bounded time; a wish to stop ends the waiting at once. */
static void test_head_busy(void **state)
{
    struct fixture *f = *state;
    struct db_step step = { .kind = STEP_HEAD, .process_id = ID };
    struct lite_child child;
    lite_spawn(&child, (const char *const[]){ "write", f->l.path, NULL });
    assert_true(lite_ready(&child));
    f->db->target.lock_timeout_ms = 30;
    assert_false(lite_step(f->db, &step, &f->result, &f->err));
    assert_int_equal(f->err.code, ERR_LOCK_BUSY);
    assert_false(f->result.cancelled || f->result.lost);
    give_up(f);
    f->db->target.lock_timeout_ms = 0;
    atomic_store(&f->l.stop, 2);
    assert_false(lite_step(f->db, &step, &f->result, &f->err));
    assert_true(f->result.cancelled);
    atomic_store(&f->l.stop, 0);
    give_up(f);
    lite_go(&child);
    assert_int_equal(lite_wait(&child), 0);
    head(f);
}

#define ENDLESS "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

static void test_cancel(void **state)
{
    struct fixture *f = *state;
    head(f);
    statement(f, "CREATE TABLE t (a)");
    /* Without it the statement never ends. */
    atomic_store(&f->l.stop, 15);
    refuse(f, ENDLESS, ERR_CANCELLED, "stopped");
    assert_true(f->result.cancelled);
    /* What must still be done is done although the wish stands. */
    give_up(f);
    assert_int_equal(lite_release(f->db, ID), CHANGE_DONE);
    assert_int_equal(number(f, "SELECT count(*) FROM sqlite_master WHERE name = 't'"), 0);
}

static void test_statement_timeout(void **state)
{
    struct fixture *f = *state;
    f->db->target.statement_timeout_ms = 20;
    head(f);
    refuse(f, ENDLESS, ERR_SQL, "statement timeout of 20 ms");
    give_up(f);
}

/* The file is taken away under the run: nothing is committed into what nobody sees any more. */
static void test_file_replaced(void **state)
{
    struct fixture *f = *state;
    char moved[FILES_PATH + 32];
    snprintf(moved, sizeof moved, "%s.moved", f->l.path);
    head(f);
    statement(f, "CREATE TABLE t (a)");
    assert_int_equal(rename(f->l.path, moved), 0);
    lite_sql(f->l.path, "CREATE TABLE other (a)");
    assert_false(lite_simple(f->db, STEP_COMMIT, ID, &f->err));
    assert_non_null(strstr(f->err.message, "replaced"));
    give_up(f);
    assert_false(lite_simple(f->db, STEP_HEAD, ID, &f->err));
    assert_non_null(strstr(f->err.message, "replaced"));
    give_up(f);
    assert_int_equal(rename(moved, f->l.path), 0);
    assert_int_equal(number(f, "SELECT count(*) FROM sqlite_master WHERE name = 't'"), 0);
}

static void test_disk_full(void **state)
{
    struct fixture *f = *state;
    head(f);
    assert_int_equal(sqlite3_exec(f->db->handle, "PRAGMA max_page_count = 20", NULL, NULL, NULL), SQLITE_OK);
    refuse(f, "CREATE TABLE t AS SELECT randomblob(1000000) AS a", ERR_FAILED, "full");
    give_up(f);
    assert_int_equal(number(f, "SELECT count(*) FROM sqlite_master WHERE name = 't'"), 0);
}

/* ---- the children ---- */

static int child(int argc, char **argv)
{
    struct lite l;
    struct db *db;
    sqlite3 *handle = NULL;
    int code = 91;
    if (argc != 3)
        return code;
    if (strcmp(argv[1], "ask") == 0) {
        lite_at(&l, argv[2]);
        db = lite_connect(&l, DB_LOOK);
        code = (int)lite_look(db).witness;
        db_sqlite.close(db);
        lite_close(&l);
        return code;
    }
    /* Holds the file as an application would. */
    if (sqlite3_open(argv[2], &handle) == SQLITE_OK && sqlite3_exec(handle, strcmp(argv[1], "read") == 0 ? "BEGIN; SELECT * FROM jetbase_lock" : "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK) {
        lite_say_ready();
        code = sqlite3_exec(handle, "COMMIT", NULL, NULL, NULL);
    }
    sqlite3_close(handle);
    return code;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_whole_migration),
        TEST(test_window),
        TEST(test_transaction_control),
        TEST(test_pragmas),
        TEST(test_journal_off_with_a_large_change),
        TEST(test_rollback_clauses),
        TEST(test_two_statements_are_an_error),
        TEST(test_error_places),
        TEST(test_temporary_objects),
        TEST(test_fence),
        TEST(test_records),
        TEST(test_progress),
        TEST(test_deferred_constraint_at_commit),
        TEST(test_commit_busy),
        TEST(test_head_busy),
        TEST(test_cancel),
        TEST(test_statement_timeout),
        TEST(test_file_replaced),
        TEST(test_disk_full),
    };
    if (argc > 1)
        return child(argc, argv);
    return cmocka_run_group_tests_name("sqlite_run", tests, NULL, NULL);
}
