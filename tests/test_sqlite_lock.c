/* test_sqlite_lock.c: every way in which the lock changes hands on SQLite, one at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sqlite_private.h"
#include "support/lite.h"

#define ID_A "0f1e2d3c-4b5a-4968-8796-a5b4c3d2e1f0"
#define ID_B "11111111-2222-4333-8444-555555555555"
#define ID_C "22222222-2222-4333-8444-555555555555"
#define ID_D "33333333-2222-4333-8444-555555555555"

static enum db_change change(struct db *db, struct db_lock_change wish, struct error *err)
{
    error_clear(err);
    return db_sqlite.lock_change(db, &wish, err);
}

static void test_tables(void **state)
{
    struct lite l;
    struct db *db;
    struct db_tables t;
    struct error err = { 0 };
    char sql[1024];
    (void)state;
    lite_open(&l, NULL);
    db = lite_connect(&l, DB_RUN);
    assert_true(db_sqlite.tables_read(db, &t, &err));
    assert_false(t.migrations || t.lock || t.lock_row || t.runs || t.version_index);
    assert_true(db_sqlite.tables_prepare(db, &t, &err));
    assert_true(t.migrations && t.lock && t.lock_row && t.runs && t.version_index);
    assert_string_equal(t.note, "");
    /* Jetbase's own tables, under its own names. */
    lite_text(l.path, "SELECT group_concat(name || ' ' || type, ',') FROM pragma_table_info('jetbase_lock')", sql, sizeof sql);
    assert_string_equal(sql, "id INTEGER,is_locked BOOLEAN,locked_at TEXT,process_id TEXT");
    lite_text(l.path, "SELECT group_concat(name || ' ' || type, ',') FROM pragma_table_info('jetbase_migrations')", sql, sizeof sql);
    assert_string_equal(sql, "order_executed INTEGER,version TEXT,description TEXT,filename TEXT,migration_type TEXT,applied_at TEXT,checksum TEXT");
    lite_text(l.path, "SELECT sql FROM sqlite_master WHERE name = 'jetbase_lock'", sql, sizeof sql);
    assert_int_equal(strncmp(sql, "CREATE TABLE jetbase_lock (", 27), 0);
    /* A second time nothing is written. */
    int64_t before = lite_number(l.path, "PRAGMA schema_version");
    assert_true(db_sqlite.tables_prepare(db, &t, &err));
    assert_int_equal(lite_number(l.path, "PRAGMA schema_version"), before);
    /* A missing lock row is made, and is not taken for a lock. */
    lite_sql(l.path, "DELETE FROM jetbase_lock");
    assert_false(lite_look(db).row);
    assert_true(db_sqlite.tables_read(db, &t, &err) && !t.lock_row);
    assert_true(db_sqlite.tables_prepare(db, &t, &err) && t.lock_row);
    db_sqlite.close(db);
    lite_close(&l);
}

static void test_tables_older_and_doubled(void **state)
{
    struct lite l;
    struct db *db;
    struct db_tables t;
    struct error err = { 0 };
    (void)state;
    lite_open(&l, NULL);
    lite_sql(l.path, "CREATE TABLE jetbase_runs (process_id TEXT PRIMARY KEY NOT NULL, host TEXT)");
    db = lite_connect(&l, DB_RUN);
    assert_true(db_sqlite.tables_prepare(db, &t, &err));
    assert_true(t.runs);
    lite_acquire(db, ID_A);
    assert_true(lite_look(db).has_run);
    assert_int_equal(lite_release(db, ID_A), CHANGE_DONE);
    db_sqlite.close(db);
    /* Doubles, as Python leaves them: no index, one note, everything else as ever. */
    lite_sql(l.path, "DROP INDEX jetbase_migrations_version_key; INSERT INTO jetbase_migrations (version, filename, migration_type) VALUES ('1', 'a', 'VERSIONED'), ('1', 'a', 'VERSIONED')");
    db = lite_connect(&l, DB_RUN);
    assert_true(db_sqlite.tables_prepare(db, &t, &err));
    assert_false(t.version_index);
    assert_true(t.note[0] != '\0');
    assert_true(t.runs && t.lock_row);
    db_sqlite.close(db);
    lite_close(&l);
}

/* Something else of that name: the run goes on, unwitnessed for others, with a note. */
static void test_runs_can_not_be_made(void **state)
{
    struct lite l;
    struct db *db;
    struct db_tables t;
    struct error err = { 0 };
    (void)state;
    lite_open(&l, NULL);
    lite_sql(l.path, "CREATE VIEW jetbase_runs AS SELECT 1 AS a");
    db = lite_connect(&l, DB_RUN);
    assert_true(db_sqlite.tables_prepare(db, &t, &err));
    assert_true(t.migrations && t.lock && t.lock_row && !t.runs);
    assert_non_null(strstr(t.note, "jetbase_runs"));
    assert_int_equal(lite_change(db, CHANGE_ACQUIRE, NULL, ID_A), CHANGE_DONE);
    assert_int_equal(lite_change(db, CHANGE_ACQUIRE, NULL, ID_B), CHANGE_HELD);
    db_sqlite.close(db);
    db = lite_connect(&l, DB_RUN);
    assert_int_equal(lite_look(db).why, WHY_OTHER_PROGRAM);
    assert_int_equal(change(db, (struct db_lock_change){ .kind = CHANGE_UNLOCK, .from = ID_A, .prove_dead = true }, &err), CHANGE_CANNOT_TELL);
    assert_int_equal(change(db, (struct db_lock_change){ .kind = CHANGE_UNLOCK, .from = ID_A }, &err), CHANGE_DONE);
    db_sqlite.close(db);
    lite_close(&l);
}

static void test_acquire_release(void **state)
{
    struct lite l;
    struct db *db;
    struct db_lock_row row;
    char words[64];
    (void)state;
    lite_open(&l, NULL);
    db = lite_connect(&l, DB_RUN);
    lite_acquire(db, ID_A);
    /* Jetbase's form of a time, and its numbers. */
    lite_text(l.path, "SELECT locked_at FROM jetbase_lock WHERE is_locked = 1", words, sizeof words);
    assert_int_equal(strlen(words), strlen("2026-01-01 00:00:00.000"));
    row = lite_look(db);
    assert_string_equal(row.run.host, "testhost");
    assert_string_equal(row.run.os_user, "tester");
    assert_string_equal(row.run.command, "upgrade");
    assert_string_equal(row.run.file, "V1__a.sql");
    assert_int_equal(row.run.statements, 3);
    assert_int_equal(row.run.pid, getpid());
    assert_int_equal(row.run.session_pid, -1);
    assert_int_equal(row.run.outcome, RUN_OPEN);
    assert_true(row.run.age_s >= 0 && row.run.age_s < 600);
    assert_true(row.run.lasted_s < 0);
    assert_int_equal(row.run.acquired_at[strlen(row.run.acquired_at) - 1], 'Z');
    assert_int_equal(lite_change(db, CHANGE_ACQUIRE, NULL, ID_B), CHANGE_HELD);
    assert_int_equal(lite_number(l.path, "SELECT count(*) FROM jetbase_runs"), 1);
    assert_int_equal(lite_release(db, ID_A), CHANGE_DONE);
    row = lite_look(db);
    assert_true(row.row && !row.locked && row.has_last);
    assert_string_equal(row.process_id, "");
    assert_string_equal(row.last.process_id, ID_A);
    assert_int_equal(row.last.outcome, RUN_OK);
    assert_string_equal(row.last.detail, "done");
    assert_true(row.last.lasted_s >= 0);
    assert_int_equal(lite_number(l.path, "SELECT count(*) FROM jetbase_lock WHERE NOT is_locked AND locked_at IS NULL AND process_id IS NULL"), 1);
    /* Twice: it no longer names us. */
    assert_int_equal(lite_release(db, ID_A), CHANGE_HELD);
    db_sqlite.close(db);
    lite_close(&l);
}

/* The row is no longer ours, yet how the run ended is written; what others wrote is not overwritten. */
static void test_release_after_unlock(void **state)
{
    struct lite l;
    struct db *db, *other;
    struct error err = { 0 };
    char words[64];
    (void)state;
    lite_open(&l, NULL);
    db = lite_connect(&l, DB_RUN);
    other = lite_connect(&l, DB_RUN);
    lite_acquire(db, ID_A);
    assert_int_equal(change(other, (struct db_lock_change){ .kind = CHANGE_UNLOCK_ANY, .by = "op@desk", .reason = "stuck", .timeout_ms = 1000 }, &err), CHANGE_DONE);
    lite_text(l.path, "SELECT unlocked_by || ' ' || unlock_reason FROM jetbase_runs WHERE unlocked_at IS NOT NULL AND outcome IS NULL AND released_at IS NULL", words, sizeof words);
    assert_string_equal(words, "op@desk stuck");
    assert_int_equal(change(db, (struct db_lock_change){ .kind = CHANGE_RELEASE, .from = ID_A, .outcome = RUN_LOST, .detail = "lost", .timeout_ms = 1000 }, &err), CHANGE_HELD);
    lite_text(l.path, "SELECT outcome || ' ' || unlocked_by FROM jetbase_runs WHERE released_at IS NOT NULL", words, sizeof words);
    assert_string_equal(words, "lost op@desk");
    assert_int_equal(change(db, (struct db_lock_change){ .kind = CHANGE_RELEASE, .from = ID_A, .outcome = RUN_OK, .timeout_ms = 1000 }, &err), CHANGE_HELD);
    lite_text(l.path, "SELECT outcome FROM jetbase_runs", words, sizeof words);
    assert_string_equal(words, "lost");
    db_sqlite.close(db);
    db_sqlite.close(other);
    lite_close(&l);
}

static void test_unlock(void **state)
{
    struct lite l;
    struct db *db;
    struct error err = { 0 };
    struct lite_child child;
    char words[64];
    (void)state;
    lite_open(&l, NULL);
    db = lite_connect(&l, DB_RUN);
    /* No table: nothing is locked. */
    assert_int_equal(change(db, (struct db_lock_change){ .kind = CHANGE_UNLOCK_ANY }, &err), CHANGE_DONE);
    assert_int_equal(change(db, (struct db_lock_change){ .kind = CHANGE_UNLOCK, .from = ID_A }, &err), CHANGE_HELD);
    assert_int_equal(lite_number(l.path, "SELECT count(*) FROM sqlite_master"), 0);
    lite_spawn(&child, (const char *const[]){ "hold", l.path, ID_A, NULL });
    assert_true(lite_ready(&child));
    /* Compare-and-set; a proof that fails changes nothing. */
    assert_int_equal(change(db, (struct db_lock_change){ .kind = CHANGE_UNLOCK, .from = ID_B, .timeout_ms = 1000 }, &err), CHANGE_HELD);
    assert_int_equal(change(db, (struct db_lock_change){ .kind = CHANGE_UNLOCK, .from = ID_A, .prove_dead = true, .timeout_ms = 1000 }, &err), CHANGE_ALIVE);
    assert_true(lite_look(db).locked);
    assert_int_equal(lite_number(l.path, "SELECT count(*) FROM jetbase_runs WHERE unlocked_at IS NULL AND outcome IS NULL"), 1);
    lite_kill(&child);
    assert_int_equal(change(db, (struct db_lock_change){ .kind = CHANGE_UNLOCK, .from = ID_A, .prove_dead = true, .by = "op@desk", .timeout_ms = 1000 }, &err), CHANGE_DONE);
    lite_text(l.path, "SELECT outcome || ' ' || unlocked_by FROM jetbase_runs WHERE unlocked_at IS NOT NULL AND unlock_reason IS NULL", words, sizeof words);
    assert_string_equal(words, "died op@desk");
    /* Free: nothing to compare with, and nothing to do. */
    assert_int_equal(change(db, (struct db_lock_change){ .kind = CHANGE_UNLOCK, .from = ID_A, .timeout_ms = 1000 }, &err), CHANGE_HELD);
    assert_int_equal(change(db, (struct db_lock_change){ .kind = CHANGE_UNLOCK_ANY, .timeout_ms = 1000 }, &err), CHANGE_DONE);
    db_sqlite.close(db);
    lite_close(&l);
}

/* What Python Jetbase holds has no witness: nothing can be proven, but it can be unlocked. */
static void test_other_programs_lock(void **state)
{
    struct lite l;
    struct db *db;
    struct error err = { 0 };
    struct db_tables t;
    (void)state;
    lite_open(&l, NULL);
    db = lite_connect(&l, DB_RUN);
    assert_true(db_sqlite.tables_prepare(db, &t, &err));
    lite_sql(l.path, "UPDATE jetbase_lock SET is_locked = 1, locked_at = STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW'), process_id = '" ID_C "'");
    assert_int_equal(lite_look(db).why, WHY_OTHER_PROGRAM);
    assert_int_equal(lite_change(db, CHANGE_ACQUIRE, NULL, ID_A), CHANGE_HELD);
    assert_int_equal(lite_change(db, CHANGE_TAKE_OVER, ID_C, ID_A), CHANGE_CANNOT_TELL);
    assert_int_equal(change(db, (struct db_lock_change){ .kind = CHANGE_UNLOCK, .from = ID_C, .prove_dead = true, .timeout_ms = 1000 }, &err), CHANGE_CANNOT_TELL);
    assert_int_equal(change(db, (struct db_lock_change){ .kind = CHANGE_UNLOCK, .from = ID_C, .timeout_ms = 1000 }, &err), CHANGE_DONE);
    /* Locked without a name. */
    lite_sql(l.path, "UPDATE jetbase_lock SET is_locked = 1, process_id = NULL");
    assert_string_equal(lite_look(db).process_id, "");
    assert_int_equal(change(db, (struct db_lock_change){ .kind = CHANGE_UNLOCK, .from = "", .timeout_ms = 1000 }, &err), CHANGE_DONE);
    db_sqlite.close(db);
    lite_close(&l);
}

static void test_take_over(void **state)
{
    struct lite l;
    struct db *db;
    struct lite_child child;
    struct db_lock_row row;
    (void)state;
    lite_open(&l, NULL);
    lite_spawn(&child, (const char *const[]){ "hold", l.path, ID_A, NULL });
    assert_true(lite_ready(&child));
    db = lite_connect(&l, DB_RUN);
    assert_int_equal(lite_change(db, CHANGE_TAKE_OVER, ID_C, ID_B), CHANGE_HELD);
    assert_int_equal(lite_change(db, CHANGE_TAKE_OVER, ID_A, ID_B), CHANGE_ALIVE);
    assert_int_equal(lite_number(l.path, "SELECT count(*) FROM jetbase_runs"), 1);
    lite_kill(&child);
    assert_int_equal(lite_change(db, CHANGE_TAKE_OVER, ID_A, ID_B), CHANGE_DONE);
    row = lite_look(db);
    assert_true(row.own && row.locked && row.has_run);
    assert_string_equal(row.process_id, ID_B);
    assert_int_equal(lite_number(l.path, "SELECT count(*) FROM jetbase_runs WHERE process_id = '" ID_A "' AND outcome = 'died'"), 1);
    assert_int_equal(lite_change(db, CHANGE_TAKE_OVER, ID_A, ID_C), CHANGE_HELD);
    /* A run of this very process is never taken over, by no connection of it. */
    struct db *other = lite_connect(&l, DB_RUN);
    assert_int_equal(lite_change(other, CHANGE_TAKE_OVER, ID_B, ID_C), CHANGE_ALIVE);
    db_sqlite.close(other);
    db_sqlite.close(db);
    lite_close(&l);
}

/* A file outside a transaction that is not ended, of a run that lives: nobody starts beside it, whatever the lock row says. */
static void test_unfenced(void **state)
{
    struct lite l;
    struct db *db;
    struct error err = { 0 };
    struct lite_child child;
    (void)state;
    lite_open(&l, NULL);
    db = lite_connect(&l, DB_RUN);
    lite_spawn(&child, (const char *const[]){ "hold", l.path, ID_A, NULL });
    assert_true(lite_ready(&child));
    lite_sql(l.path, "UPDATE jetbase_runs SET no_transaction = 1, file = 'V2__b.sql', started_statement = 1, last_done = '1 V1__a.sql'");
    assert_int_equal(change(db, (struct db_lock_change){ .kind = CHANGE_UNLOCK_ANY, .timeout_ms = 1000 }, &err), CHANGE_DONE);
    assert_int_equal(lite_change(db, CHANGE_ACQUIRE, NULL, ID_B), CHANGE_UNFENCED);
    assert_false(lite_look(db).locked);
    /* Done with it: free to start. */
    lite_sql(l.path, "UPDATE jetbase_runs SET last_done = '2 V2__b.sql', no_transaction = NULL, started_statement = NULL");
    assert_int_equal(lite_change(db, CHANGE_ACQUIRE, NULL, ID_B), CHANGE_DONE);
    assert_int_equal(lite_release(db, ID_B), CHANGE_DONE);
    /* Unended again; a dead holder besides it is not taken over either. */
    lite_sql(l.path, "UPDATE jetbase_runs SET last_done = NULL, no_transaction = 1, started_statement = 1 WHERE process_id = '" ID_A "'");
    lite_sql(l.path, "INSERT INTO jetbase_runs (process_id, witness) SELECT '" ID_C "', witness FROM jetbase_runs WHERE process_id = '" ID_A "'");
    lite_sql(l.path, "UPDATE jetbase_lock SET is_locked = 1, process_id = '" ID_C "'");
    assert_int_equal(lite_look(db).witness, WITNESS_ABSENT);
    assert_int_equal(lite_change(db, CHANGE_TAKE_OVER, ID_C, ID_D), CHANGE_UNFENCED);
    lite_kill(&child);
    assert_int_equal(lite_change(db, CHANGE_TAKE_OVER, ID_C, ID_D), CHANGE_DONE);
    db_sqlite.close(db);
    lite_close(&l);
}

/* While a migration of another process runs nobody can change the lock: not at once, and said so; afterwards it can. */
static void test_busy(void **state)
{
    struct lite l;
    struct db *db;
    struct error err = { 0 };
    struct lite_child child;
    (void)state;
    lite_open(&l, NULL);
    lite_spawn(&child, (const char *const[]){ "migrate", l.path, ID_A, NULL });
    assert_true(lite_ready(&child));
    db = lite_connect(&l, DB_RUN);
    assert_int_equal(change(db, (struct db_lock_change){ .kind = CHANGE_UNLOCK, .from = ID_A, .timeout_ms = 50 }, &err), CHANGE_BUSY);
    assert_true(lite_look(db).locked);
    lite_go(&child);
    assert_int_equal(lite_wait(&child), 0);
    assert_int_equal(lite_look(db).witness, WITNESS_ABSENT);
    assert_int_equal(change(db, (struct db_lock_change){ .kind = CHANGE_UNLOCK, .from = ID_A, .timeout_ms = 1000 }, &err), CHANGE_DONE);
    assert_int_equal(lite_number(l.path, "SELECT count(*) FROM made"), 1);
    db_sqlite.close(db);
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

static int child_migrate(struct lite *l, const char *id)
{
    struct error err = { 0 };
    struct db *db = lite_connect(l, DB_RUN);
    bool ok;
    lite_acquire(db, id);
    ok = lite_simple(db, STEP_HEAD, id, &err) && lite_statement(db, "CREATE TABLE made AS SELECT 1 AS a", NULL, &err) && lite_record(db, id, "1", &err);
    lite_say_ready();
    ok = ok && lite_simple(db, STEP_COMMIT, id, &err);
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
    else if (strcmp(argv[1], "migrate") == 0)
        code = child_migrate(&l, argv[3]);
    lite_close(&l);
    return code;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_tables_older_and_doubled),
        cmocka_unit_test(test_runs_can_not_be_made),
        cmocka_unit_test(test_acquire_release),
        cmocka_unit_test(test_release_after_unlock),
        cmocka_unit_test(test_unlock),
        cmocka_unit_test(test_other_programs_lock),
        cmocka_unit_test(test_take_over),
        cmocka_unit_test(test_unfenced),
        cmocka_unit_test(test_busy),
    };
    if (argc > 1)
        return child(argc, argv);
    return cmocka_run_group_tests_name("sqlite_lock", tests, NULL, NULL);
}
