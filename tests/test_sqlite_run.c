/* test_sqlite_run.c: the steps of a migration on SQLite: head, fence, record, commit, and what stands in their way. */
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

static void test_whole_migration(void **state)
{
    struct lite_run *f = *state;
    struct run_row run;
    run_head(f);
    run_statement(f, "CREATE TABLE t (a)");
    assert_int_equal(f->result.rows, -1);
    run_statement(f, "INSERT INTO t VALUES (1), (2), (3)");
    assert_int_equal(f->result.rows, 3);
    run_statement(f, "UPDATE t SET a = 5 WHERE a > 9");
    assert_int_equal(f->result.rows, 0);
    run_statement(f, "SELECT * FROM t");
    run_statement(f, "SAVEPOINT s");
    run_statement(f, "RELEASE s");
    /* Nobody sees it before its COMMIT. */
    assert_int_equal(run_number(f, "SELECT count(*) FROM sqlite_master WHERE name = 't'"), 0);
    run_trailer(f, "1");
    assert_int_equal(run_number(f, "SELECT count(*) FROM t"), 3);
    assert_int_equal(run_number(f, "SELECT count(*) FROM jetbase_migrations WHERE version = '1' AND filename = 'V1__a.sql' AND checksum = 'c' AND applied_at IS NOT NULL"), 1);
    run = lite_look(f->db).run;
    assert_string_equal(run.last_done, "1 V1__a.sql");
    assert_string_equal(run.file, "");
}

static void submit(struct lite_run *f, enum db_step_kind kind, const char *sql)
{
    struct db_step step = { .kind = kind, .process_id = RUN_ID, .has_run = true, .sql = sql, .len = sql ? strlen(sql) : 0, .at = { .file = "V1__a.sql", .line = 10, .column = 1 } };
    assert_true(db_sqlite.submit(f->db, &step, &f->err));
}

/* Many steps on their way: answers in order; after a failure the rest is skipped until the rollback. */
static void test_window(void **state)
{
    struct lite_run *f = *state;
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
    assert_false(lite_simple(f->db, STEP_HEAD, RUN_ID, &f->err));
    assert_true(lite_simple(f->db, STEP_BARRIER, RUN_ID, &f->err));
    run_give_up(f);
    assert_int_equal(run_number(f, "SELECT count(*) FROM sqlite_master WHERE name = 't'"), 0);
    run_head(f);
    run_statement(f, "CREATE TABLE t (a)");
    run_trailer(f, "1");
}

static void test_fence(void **state)
{
    struct lite_run *f = *state;
    struct db_step step = { .kind = STEP_HEAD, .process_id = RUN_ID, .has_run = true };
    lite_sql(f->l.path, "UPDATE jetbase_lock SET is_locked = 0, process_id = NULL");
    assert_false(lite_step(f->db, &step, &f->result, &f->err));
    assert_true(f->result.lost);
    assert_int_equal(f->err.code, ERR_LOCK_LOST);
    /* Lost at once: nothing is open, others may write before we give up. */
    lite_sql(f->l.path, "UPDATE jetbase_lock SET is_locked = 1, process_id = 'somebody'");
    run_give_up(f);
    assert_false(lite_step(f->db, &step, &f->result, &f->err));
    assert_true(f->result.lost);
    run_give_up(f);
    lite_sql(f->l.path, "UPDATE jetbase_lock SET is_locked = 1, process_id = '" RUN_ID "'");
    run_head(f);
    step.kind = STEP_FENCE;
    assert_true(lite_step(f->db, &step, &f->result, &f->err));
    /* A file that meddles is found out by the fence. */
    run_statement(f, "UPDATE jetbase_lock SET process_id = 'x'");
    assert_false(lite_step(f->db, &step, &f->result, &f->err));
    assert_true(f->result.lost);
    run_give_up(f);
    /* Through a trigger too, of which the file's own text shows nothing. */
    lite_sql(f->l.path, "CREATE TABLE a (b); CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE jetbase_lock SET is_locked = 0; END;");
    static const char *const meddling[] = { "INSERT INTO a VALUES (1)", "DROP TABLE jetbase_lock", "ALTER TABLE jetbase_lock RENAME TO other", "DELETE FROM main.\"JetBase_Lock\"",
                                            "INSERT INTO jetbase_lock (id, is_locked) VALUES (1, 0) ON CONFLICT DO UPDATE SET is_locked = 0", "REPLACE INTO jetbase_lock (id, is_locked) VALUES (1, 0)",
                                            "WITH x(y) AS (SELECT 0) UPDATE jetbase_lock SET is_locked = y FROM x" };
    for (size_t i = 0; i < sizeof meddling / sizeof *meddling; i++) {
        run_head(f);
        run_statement(f, "CREATE TABLE c (d)");
        assert_true(lite_step(f->db, &step, &f->result, &f->err));
        run_statement(f, meddling[i]);
        if (lite_step(f->db, &step, &f->result, &f->err))
            fail_msg("not found out: %s", meddling[i]);
        run_give_up(f);
    }
    assert_true(lite_look(f->db).own);
}

static void whole(struct lite_run *f, int version, const char *sql)
{
    char text[16];
    snprintf(text, sizeof text, "%d", version);
    run_head(f);
    run_statement(f, sql);
    run_trailer(f, text);
}

/* From one migration to the next nothing is read of a lock that nobody can have written. Whoever writes anything in between is found out, and so is a trigger of a file's that fires at the history row. */
static void test_fence_between(void **state)
{
    static const char *const taken[] = { "UPDATE jetbase_lock SET is_locked = 0", "UPDATE jetbase_lock SET process_id = 'somebody'", "DELETE FROM jetbase_lock", "UPDATE jetbase_lock SET is_locked = 0; CREATE TABLE w (v); DROP TABLE w" };
    static const char given[] = "INSERT OR REPLACE INTO jetbase_lock (id, is_locked, process_id) VALUES (1, 1, '" RUN_ID "')";
    struct lite_run *f = *state;
    struct db_step head = { .kind = STEP_HEAD, .process_id = RUN_ID, .has_run = true };
    int version = 1;
    whole(f, version++, "CREATE TABLE a (b)");
    for (int wal = 0; wal < 2; wal++) {
        for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
            whole(f, version++, "INSERT INTO a VALUES (1)");
            whole(f, version++, "INSERT INTO a VALUES (2)");
            lite_sql(f->l.path, "INSERT INTO a VALUES (3)");
            whole(f, version++, "DELETE FROM a");
            lite_sql(f->l.path, taken[i]);
            if (lite_step(f->db, &head, &f->result, &f->err) || !f->result.lost)
                fail_msg("%s, not found out: %s", wal ? "WAL" : "delete", taken[i]);
            run_give_up(f);
            lite_sql(f->l.path, given);
        }
        lite_sql(f->l.path, "PRAGMA journal_mode = WAL");
    }
    /* What a virtual table has compiled runs unseen later. */
    whole(f, version++, "CREATE VIRTUAL TABLE v USING fts5(x)");
    whole(f, version++, "CREATE TRIGGER w AFTER INSERT ON v_docsize WHEN (SELECT max(b) FROM a) = 7 BEGIN UPDATE jetbase_lock SET process_id = 'somebody'; END");
    whole(f, version++, "INSERT INTO v VALUES ('one')");
    run_head(f);
    run_statement(f, "INSERT INTO a VALUES (7)");
    run_statement(f, "INSERT INTO v VALUES ('two')");
    assert_false(lite_simple(f->db, STEP_FENCE, RUN_ID, &f->err));
    assert_int_equal(f->err.code, ERR_LOCK_LOST);
    run_give_up(f);
    whole(f, version++, "DROP TABLE v");
    whole(f, version++, "PRAGMA cache_size = 100"); /* the next one has a connection of its own */
    whole(f, version++, "CREATE TRIGGER t AFTER INSERT ON jetbase_migrations WHEN new.version = '99' BEGIN DELETE FROM jetbase_lock; END");
    whole(f, 99, "INSERT INTO a VALUES (4)");
    assert_false(lite_step(f->db, &head, &f->result, &f->err));
    assert_true(f->result.lost);
    run_give_up(f);
    assert_int_equal(run_number(f, "SELECT count(*) FROM jetbase_lock"), 0);
}

static bool record(struct lite_run *f, struct db_record r)
{
    struct db_step step = { .kind = STEP_RECORD, .process_id = RUN_ID, .has_run = true, .record = &r };
    error_clear(&f->err);
    return lite_step(f->db, &step, &f->result, &f->err);
}

/* Records RA__d.sql three times behind a row of that time, over a connection that has recorded nothing yet: each is behind the one before it, but where `passed` that row is passed over. None is more than so many seconds off. */
static void time_behind(const char *before, const char *passed, int off_s)
{
    struct lite_run *f;
    void *state = NULL;
    char sql[300];
    struct db_record ra = { .kind = RECORD_INSERT, .description = "d", .file = "RA__d.sql", .type = "RUNS_ALWAYS", .checksum = "1", .expect_rows = 1, .last_done = "1 RA__d.sql" };
    assert_int_equal(run_set_up(&state), 0);
    f = state;
    snprintf(sql, sizeof sql, "INSERT INTO jetbase_migrations (description, filename, migration_type, checksum, applied_at) VALUES ('c', 'RA__c.sql', 'RUNS_ALWAYS', '1', %s)", before);
    lite_sql(f->l.path, sql);
    for (int i = 0; i < 3; i++) {
        run_head(f);
        assert_true(record(f, ra));
        assert_true(lite_simple(f->db, STEP_COMMIT, RUN_ID, &f->err));
    }
    snprintf(sql, sizeof sql, "SELECT count(*) FROM jetbase_migrations r, jetbase_migrations b WHERE b.order_executed = r.order_executed - 1 AND (r.applied_at <= b.applied_at AND NOT (%s) OR r.applied_at NOT GLOB '20[0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9]')", passed);
    assert_int_equal(run_number(f, sql), 0);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM jetbase_migrations WHERE filename = 'RA__d.sql' AND abs(julianday(applied_at) - julianday('now')) * 86400 < %d", off_s);
    assert_int_equal(run_number(f, sql), 3);
    run_tear_down(&state);
}

/* Always behind the row that came last, where that one is not somebody else's and far ahead; with three digits, as Jetbase stores it. */
static void test_times(void **state)
{
    (void)state;
    time_behind("'2025-01-01 00:00:00'", "FALSE", 20);
    time_behind("STRFTIME('%Y-%m-%d %H:%M:%f', 'now', '+0.9 seconds')", "FALSE", 20);
    time_behind("STRFTIME('%Y-%m-%d %H:%M:%f', 'now', '+0.5 seconds') || '789'", "FALSE", 20);
    time_behind("STRFTIME('%Y-%m-%d %H:%M:%f', 'now', '+40 seconds')", "FALSE", 60);
    time_behind("NULL", "b.applied_at IS NULL", 20);
    time_behind("'soon'", "b.applied_at = 'soon'", 20);
    time_behind("STRFTIME('%Y-%m-%d %H:%M:%f', 'now', '+1 day')", "b.filename = 'RA__c.sql'", 20);
}

/* More rows than milliseconds: each is behind the one before it all the same, however far ahead of the clock that leads. */
static void test_many_times(void **state)
{
    struct lite_run *f = *state;
    enum { ROWS = 3000 };
    struct db_record ra = { .kind = RECORD_INSERT, .description = "d", .file = "RA__d.sql", .type = "RUNS_ALWAYS", .checksum = "1", .expect_rows = 1, .last_done = "1 RA__d.sql" };
    run_head(f);
    f->db->last_applied_ms = f->db->target.sys->wall_us() / 1000 + 90000; /* as if they had been 90,000 more */
    f->db->last_applied_own = true;
    for (int i = 0; i < ROWS; i++)
        assert_true(record(f, ra));
    assert_true(lite_simple(f->db, STEP_COMMIT, RUN_ID, &f->err));
    assert_int_equal(run_number(f, "SELECT count(*) FROM jetbase_migrations r, jetbase_migrations b WHERE b.order_executed = r.order_executed - 1 AND r.applied_at > b.applied_at"), ROWS - 1);
}

static void test_records(void **state)
{
    struct lite_run *f = *state;
    struct db_record ra = { .kind = RECORD_INSERT, .description = "d", .file = "RA__d.sql", .type = "RUNS_ALWAYS", .checksum = "1", .expect_rows = 1, .last_done = "1 RA__d.sql", .next_file = "V2__b.sql", .next_statements = 4 };
    run_head(f);
    assert_true(record(f, ra));
    assert_true(lite_simple(f->db, STEP_COMMIT, RUN_ID, &f->err));
    assert_string_equal(lite_look(f->db).run.file, "V2__b.sql");
    assert_int_equal(lite_look(f->db).run.statements, 4);
    ra.kind = RECORD_UPDATE;
    ra.checksum = "2";
    run_head(f);
    assert_true(record(f, ra));
    assert_int_equal(f->result.rows, 1);
    assert_true(lite_simple(f->db, STEP_COMMIT, RUN_ID, &f->err));
    assert_int_equal(run_number(f, "SELECT count(*) FROM jetbase_migrations WHERE checksum = '2' AND version IS NULL"), 1);
    /* Another number of rows than the plan saw. */
    ra.expect_rows = 2;
    run_head(f);
    assert_false(record(f, ra));
    assert_int_equal(f->err.code, ERR_HISTORY);
    run_give_up(f);
    run_head(f);
    assert_true(lite_record(f->db, RUN_ID, "3", &f->err));
    assert_true(lite_simple(f->db, STEP_COMMIT, RUN_ID, &f->err));
    /* The same version a second time. */
    run_head(f);
    assert_false(lite_record(f->db, RUN_ID, "3", &f->err));
    assert_int_equal(f->err.code, ERR_HISTORY);
    run_give_up(f);
    run_head(f);
    assert_true(record(f, (struct db_record){ .kind = RECORD_DELETE, .version = "3", .expect_rows = 1, .last_done = "2 V3__a.sql" }));
    assert_true(lite_simple(f->db, STEP_COMMIT, RUN_ID, &f->err));
    assert_int_equal(run_number(f, "SELECT count(*) FROM jetbase_migrations WHERE version = '3'"), 0);
    /* The run's own row gone. */
    run_head(f);
    run_statement(f, "DELETE FROM jetbase_runs");
    assert_false(lite_record(f->db, RUN_ID, "4", &f->err));
    assert_int_equal(f->err.code, ERR_MEDDLED);
    run_give_up(f);
}

static void test_progress(void **state)
{
    struct lite_run *f = *state;
    struct db_record r = { .next_file = "V9__z.sql", .next_statements = 12 };
    struct db_step step = { .kind = STEP_PROGRESS, .process_id = RUN_ID, .has_run = true, .record = &r };
    assert_true(lite_step(f->db, &step, &f->result, &f->err));
    assert_string_equal(lite_look(f->db).run.file, "V9__z.sql");
    assert_int_equal(lite_look(f->db).run.statements, 12);
}

static void test_deferred_constraint_at_commit(void **state)
{
    struct lite_run *f = *state;
    /* As Jetbase: foreign keys are off unless the database says otherwise; so the pragma stands outside the transaction here. */
    lite_sql(f->l.path, "CREATE TABLE p (a PRIMARY KEY); CREATE TABLE c (a REFERENCES p DEFERRABLE INITIALLY DEFERRED)");
    assert_int_equal(sqlite3_exec(f->db->handle, "PRAGMA foreign_keys = ON", NULL, NULL, NULL), SQLITE_OK);
    run_head(f);
    run_statement(f, "INSERT INTO c VALUES (1)");
    assert_true(lite_simple(f->db, STEP_FENCE, RUN_ID, &f->err));
    assert_true(lite_record(f->db, RUN_ID, "1", &f->err));
    assert_false(lite_simple(f->db, STEP_COMMIT, RUN_ID, &f->err));
    assert_int_equal(f->err.code, ERR_SQL);
    assert_non_null(strstr(f->err.message, "at COMMIT"));
    run_give_up(f);
    assert_int_equal(run_number(f, "SELECT count(*) FROM c"), 0);
    assert_int_equal(run_number(f, "SELECT count(*) FROM jetbase_migrations"), 0);
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
    struct lite_run *f = *state;
    struct sys sys = sys_real;
    struct lite_child child;
    char pid[32];
    sys.mono_ms = fast_clock;
    sys.sleep_ms = fast_sleep;
    lite_spawn(&child, (const char *const[]){ "read", f->l.path, NULL });
    assert_true(lite_ready(&child));
    run_head(f);
    run_statement(f, "CREATE TABLE t (a)");
    f->db->target.sys = &sys;
    assert_false(lite_simple(f->db, STEP_COMMIT, RUN_ID, &f->err));
    f->db->target.sys = &sys_real;
    assert_true(fast_ms >= SQLITE_COMMIT_WAIT_MS);
    assert_int_equal(f->err.code, ERR_LOCK_BUSY);
    snprintf(pid, sizeof pid, "process %d (", (int)child.pid);
    assert_non_null(strstr(f->err.message, pid));
    run_give_up(f);
    lite_go(&child);
    assert_int_equal(lite_wait(&child), 0);
    assert_int_equal(run_number(f, "SELECT count(*) FROM sqlite_master WHERE name = 't'"), 0);
    run_head(f);
    run_statement(f, "CREATE TABLE t (a)");
    run_trailer(f, "1");
}

/* A file's own timeout counts, and not that of the connection: on a clock of our own, before a writer that never ends. */
static void test_own_timeout(void **state)
{
    struct lite_run *f = *state;
    struct sys sys = sys_real;
    struct db_step step = { .kind = STEP_HEAD, .process_id = RUN_ID, .lock_timeout_ms = 30000 };
    struct lite_child child;
    sys.mono_ms = fast_clock;
    sys.sleep_ms = fast_sleep;
    lite_spawn(&child, (const char *const[]){ "write", f->l.path, NULL });
    assert_true(lite_ready(&child));
    f->db->target.sys = &sys;
    f->db->target.lock_timeout_ms = 60;
    fast_ms = 0;
    assert_false(lite_step(f->db, &step, &f->result, &f->err));
    assert_int_equal(f->err.code, ERR_LOCK_BUSY);
    assert_in_range(fast_ms, 30000, 40000);
    run_give_up(f);
    fast_ms = 0;
    step.lock_timeout_ms = 0;
    assert_false(lite_step(f->db, &step, &f->result, &f->err));
    assert_in_range(fast_ms, 60, 5000);
    f->db->target.sys = &sys_real;
    run_give_up(f);
    lite_go(&child);
    assert_int_equal(lite_wait(&child), 0);
}

/* A writer that never ends: the head gives up in bounded time; a wish to stop ends the waiting at once. */
static void test_head_busy(void **state)
{
    struct lite_run *f = *state;
    struct db_step step = { .kind = STEP_HEAD, .process_id = RUN_ID };
    struct lite_child child;
    lite_spawn(&child, (const char *const[]){ "write", f->l.path, NULL });
    assert_true(lite_ready(&child));
    f->db->target.lock_timeout_ms = 30;
    assert_false(lite_step(f->db, &step, &f->result, &f->err));
    assert_int_equal(f->err.code, ERR_LOCK_BUSY);
    assert_false(f->result.cancelled || f->result.lost);
    run_give_up(f);
    f->db->target.lock_timeout_ms = 0;
    atomic_store(&f->l.stop, 2);
    assert_false(lite_step(f->db, &step, &f->result, &f->err));
    assert_true(f->result.cancelled);
    atomic_store(&f->l.stop, 0);
    run_give_up(f);
    lite_go(&child);
    assert_int_equal(lite_wait(&child), 0);
    run_head(f);
}

/* The file is taken away under the run: nothing is committed into what nobody sees any more. */
static void test_file_replaced(void **state)
{
    struct lite_run *f = *state;
    char moved[FILES_PATH + 32];
    snprintf(moved, sizeof moved, "%s.moved", f->l.path);
    run_head(f);
    run_statement(f, "CREATE TABLE t (a)");
    assert_int_equal(rename(f->l.path, moved), 0);
    lite_sql(f->l.path, "CREATE TABLE other (a)");
    assert_false(lite_simple(f->db, STEP_COMMIT, RUN_ID, &f->err));
    assert_non_null(strstr(f->err.message, "replaced"));
    run_give_up(f);
    assert_false(lite_simple(f->db, STEP_HEAD, RUN_ID, &f->err));
    assert_non_null(strstr(f->err.message, "replaced"));
    run_give_up(f);
    assert_int_equal(rename(moved, f->l.path), 0);
    assert_int_equal(run_number(f, "SELECT count(*) FROM sqlite_master WHERE name = 't'"), 0);
}

/* ---- the children ---- */

/* Holds the file as an application would. */
static int child(int argc, char **argv)
{
    sqlite3 *handle = NULL;
    int code = 91;
    if (argc != 3 || !sqlite_load(NULL))
        return code;
    if (sqlite3_open(argv[2], &handle) == SQLITE_OK && sqlite3_exec(handle, strcmp(argv[1], "read") == 0 ? "BEGIN; SELECT * FROM jetbase_lock" : "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK) {
        lite_say_ready();
        code = sqlite3_exec(handle, "COMMIT", NULL, NULL, NULL);
    }
    sqlite3_close(handle);
    return code;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        RUN_TEST(test_whole_migration),
        RUN_TEST(test_window),
        RUN_TEST(test_fence), RUN_TEST(test_fence_between),
        cmocka_unit_test(test_times), RUN_TEST(test_many_times), RUN_TEST(test_records),
        RUN_TEST(test_progress),
        RUN_TEST(test_deferred_constraint_at_commit),
        RUN_TEST(test_commit_busy),
        RUN_TEST(test_own_timeout), RUN_TEST(test_head_busy),
        RUN_TEST(test_file_replaced),
    };
    if (argc > 1)
        return child(argc, argv);
    return cmocka_run_group_tests_name("sqlite_run", tests, NULL, NULL);
}
