/* test_sqlite_look.c: looking at an SQLite file in every state it can be found in, without leaving a trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sqlite_private.h"
#include "support/lite.h"

#define ID "0f1e2d3c-4b5a-4968-8796-a5b4c3d2e1f0"

enum { LISTING = 4096 };

/* A look from another process, so that this one's descriptors play no part; gives how it ended. */
static int look_outside(const struct lite *l)
{
    struct lite_child child;
    lite_spawn(&child, (const char *const[]){ "look", l->path, NULL });
    return lite_wait(&child);
}

static bool count_history(void *user, const struct history_row *row)
{
    (void)row;
    ++*(int *)user;
    return true;
}

static int history_count(struct db *db)
{
    int rows = 0;
    struct error err = { 0 };
    if (!db_sqlite.history_read(db, NULL, count_history, &rows, &err))
        fail_msg("history_read: %s", err.message);
    return rows;
}

static void test_no_file(void **state)
{
    struct lite l;
    struct db *db;
    struct db_tables t;
    struct error err = { 0 };
    struct db_lock_row row;
    bool changed;
    char listing[LISTING];
    (void)state;
    lite_open(&l, NULL);
    db = lite_connect(&l, DB_LOOK);
    row = lite_look(db);
    assert_false(row.table || row.row || row.locked);
    assert_true(db_sqlite.tables_read(db, &t, &err));
    assert_false(t.migrations || t.lock || t.runs);
    assert_int_equal(history_count(db), 0);
    assert_true(db_sqlite.wait_change(db, 0, -1, &changed, &err) && !changed);
    lite_listing(l.dir, listing, sizeof listing);
    assert_string_equal(listing, "");
    /* It comes into being: seen over the same connection. */
    lite_sql(l.path, "CREATE TABLE jetbase_migrations (order_executed INTEGER PRIMARY KEY, version, description, filename, migration_type, applied_at, checksum); INSERT INTO jetbase_migrations (version) VALUES (1)");
    assert_true(db_sqlite.wait_change(db, 60000, -1, &changed, &err) && changed);
    assert_int_equal(history_count(db), 1);
    /* And is gone again, or another one. */
    assert_int_equal(unlink(l.path), 0);
    assert_int_equal(history_count(db), 0);
    lite_sql(l.path, "CREATE TABLE x (a)");
    assert_true(db_sqlite.tables_read(db, &t, &err) && !t.migrations);
    db_sqlite.close(db);
    lite_close(&l);
}

/* A database with the lock held by a process that is gone. */
static void make_dead(struct lite *l, const char *verb)
{
    struct lite_child child;
    lite_spawn(&child, (const char *const[]){ verb, l->path, NULL });
    assert_true(lite_ready(&child));
    lite_kill(&child);
}

static void test_looks_change_nothing(void **state)
{
    static const char *const modes[] = { "DELETE", "TRUNCATE", "PERSIST", "WAL" };
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct lite l;
        char sql[64], before[LISTING], after[LISTING];
        lite_open(&l, NULL);
        snprintf(sql, sizeof sql, "PRAGMA journal_mode = %s; CREATE TABLE t (a)", modes[i]);
        lite_sql(l.path, sql);
        lite_listing(l.dir, before, sizeof before);
        assert_int_equal(look_outside(&l), 100);
        lite_listing(l.dir, after, sizeof after);
        assert_string_equal(after, before);
        lite_close(&l);
    }
}

/* A run that died inside a transaction leaves a hot journal, which only a writer may play back. The look sees through it: dead, and not one byte changed. */
static void test_hot_journal(void **state)
{
    static const char *const verbs[] = { "die", "die-spilled", "die-grown", "die-shrunk" };
    (void)state;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        struct lite l;
        struct db *db;
        struct error err = { 0 };
        struct db_lock_change unlock = { .kind = CHANGE_UNLOCK, .from = ID, .prove_dead = true, .timeout_ms = 5000 };
        char before[LISTING], after[LISTING], journal[FILES_PATH + 32];
        struct stat st;
        lite_open(&l, NULL);
        make_dead(&l, verbs[i]);
        snprintf(journal, sizeof journal, "%s-journal", l.path);
        assert_int_equal(stat(journal, &st), 0);
        assert_true(st.st_size > 0);
        lite_listing(l.dir, before, sizeof before);
        assert_int_equal(look_outside(&l), WITNESS_ABSENT);
        lite_listing(l.dir, after, sizeof after);
        assert_string_equal(after, before);
        /* The whole history, as it was before the transaction, and as recovery will make it. */
        db = lite_connect(&l, DB_LOOK);
        assert_int_equal(history_count(db), 1);
        assert_int_equal(lite_look(db).witness, WITNESS_ABSENT);
        db_sqlite.close(db);
        lite_listing(l.dir, after, sizeof after);
        assert_string_equal(after, before);
        /* The next writer recovers. */
        db = lite_connect(&l, DB_RUN);
        assert_int_equal(db_sqlite.lock_change(db, &unlock, &err), CHANGE_DONE);
        assert_int_equal(history_count(db), 1);
        db_sqlite.close(db);
        assert_int_equal(lite_number(l.path, "SELECT count(*) FROM big WHERE b LIKE 'new%'"), 0);
        lite_text(l.path, "PRAGMA integrity_check", after, sizeof after);
        assert_string_equal(after, "ok");
        lite_close(&l);
    }
}

/* The same connection before, during and after: an open look meets the hot journal, and the recovery. */
static void test_hot_journal_under_an_open_look(void **state)
{
    struct lite l;
    struct db *db;
    struct lite_child child;
    (void)state;
    lite_open(&l, NULL);
    db = lite_connect(&l, DB_LOOK);
    lite_spawn(&child, (const char *const[]){ "die", l.path, NULL });
    assert_true(lite_ready(&child));
    assert_int_equal(lite_look(db).witness, WITNESS_HELD);
    lite_kill(&child);
    assert_int_equal(lite_look(db).witness, WITNESS_ABSENT);
    assert_int_equal(history_count(db), 1);
    lite_sql(l.path, "INSERT INTO jetbase_migrations (filename, migration_type) VALUES ('x', 'y')");
    assert_int_equal(history_count(db), 2);
    assert_int_equal(lite_look(db).witness, WITNESS_ABSENT);
    db_sqlite.close(db);
    lite_close(&l);
}

/* What is no whole journal is not guessed at. */
static void test_broken_journal(void **state)
{
    struct lite l;
    struct db *db = NULL;
    struct error err = { 0 };
    char journal[FILES_PATH + 32];
    FILE *f;
    (void)state;
    lite_open(&l, NULL);
    lite_sql(l.path, "CREATE TABLE t (a)");
    snprintf(journal, sizeof journal, "%s-journal", l.path);
    f = fopen(journal, "we");
    assert_non_null(f);
    assert_true(fputs("this is no journal, but it is there", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_false(db_sqlite.open(&l.target, DB_LOOK, &db, &err));
    assert_null(db);
    assert_non_null(strstr(err.message, "needs recovery"));
    lite_close(&l);
}

static void test_wal(void **state)
{
    struct lite l;
    struct db *db;
    struct lite_child child;
    (void)state;
    lite_open(&l, NULL);
    lite_sql(l.path, "PRAGMA journal_mode = WAL");
    db = lite_connect(&l, DB_LOOK);
    assert_false(lite_look(db).table);
    lite_spawn(&child, (const char *const[]){ "die", l.path, NULL });
    assert_true(lite_ready(&child));
    /* Inside its transaction a look reads what was committed before. */
    assert_int_equal(lite_look(db).witness, WITNESS_HELD);
    lite_kill(&child);
    assert_int_equal(lite_look(db).witness, WITNESS_ABSENT);
    assert_int_equal(history_count(db), 1);
    db_sqlite.close(db);
    assert_int_equal(look_outside(&l), WITNESS_ABSENT);
    lite_close(&l);
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

/* A writer whose cache has spilled shuts everybody out: said as it is, after bounded waiting. */
static void test_exclusive_writer(void **state)
{
    struct lite l;
    struct db *db;
    struct lite_child child;
    struct db_lock_row row;
    struct error err = { 0 };
    struct sys sys = sys_real;
    char words[64];
    (void)state;
    sys.mono_ms = fast_clock;
    sys.sleep_ms = fast_sleep;
    lite_open(&l, NULL);
    l.target.sys = &sys;
    lite_spawn(&child, (const char *const[]){ "die-spilled", l.path, NULL });
    assert_true(lite_ready(&child));
    db = lite_connect(&l, DB_LOOK);
    assert_false(db_sqlite.lock_read(db, &row, &err));
    assert_int_equal(err.code, ERR_LOCK_BUSY);
    assert_non_null(strstr(err.message, "exclusively locked by a writer"));
    snprintf(words, sizeof words, "process %d (", (int)child.pid);
    assert_non_null(strstr(err.message, words));
    assert_true(fast_ms >= SQLITE_LOOK_WAIT_MS && fast_ms < 2 * SQLITE_LOOK_WAIT_MS);
    db_sqlite.close(db);
    /* A run's connection opens all the same; what it then wants is what waits. */
    db = lite_connect(&l, DB_RUN);
    assert_int_equal(db_sqlite.lock_change(db, &(struct db_lock_change){ .kind = CHANGE_UNLOCK_ANY, .timeout_ms = 100 }, &err), CHANGE_BUSY);
    db_sqlite.close(db);
    lite_kill(&child);
    lite_close(&l);
}

static void test_wait_change(void **state)
{
    struct lite l;
    struct db *db;
    struct error err = { 0 };
    bool changed = true;
    int pipe_fds[2];
    (void)state;
    lite_open(&l, NULL);
    make_dead(&l, "die");
    lite_sql(l.path, "SELECT * FROM jetbase_lock");
    db = lite_connect(&l, DB_LOOK);
    assert_true(lite_look(db).locked);
    assert_true(db_sqlite.wait_change(db, 0, -1, &changed, &err));
    assert_false(changed);
    /* Between the look and the waiting counts too; once. */
    lite_sql(l.path, "UPDATE jetbase_lock SET is_locked = 0");
    assert_true(db_sqlite.wait_change(db, 60000, -1, &changed, &err));
    assert_true(changed);
    assert_true(db_sqlite.wait_change(db, 0, -1, &changed, &err));
    assert_false(changed);
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(write(pipe_fds[1], "x", 1), 1);
    assert_true(db_sqlite.wait_change(db, -1, pipe_fds[0], &changed, &err));
    assert_false(changed);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    db_sqlite.close(db);
    lite_close(&l);
}

static bool keep_order(void *user, const struct history_row *row)
{
    size_t len = strlen(user);
    snprintf((char *)user + len, 64 - len, "%lld%s,", (long long)row->order, row->version ? "" : "r");
    return row->order != 1;
}

static bool keep_run(void *user, const struct run_row *row)
{
    size_t len = strlen(user);
    snprintf((char *)user + len, 64 - len, "%s%d,", row->process_id, (int)row->outcome);
    return true;
}

static void test_history_and_runs(void **state)
{
    struct lite l;
    struct db *db;
    struct db_tables t;
    struct error err = { 0 };
    char words[64] = "";
    (void)state;
    lite_open(&l, NULL);
    db = lite_connect(&l, DB_RUN);
    assert_true(db_sqlite.tables_prepare(db, &t, &err));
    lite_sql(l.path, "INSERT INTO jetbase_migrations (order_executed, version, filename, migration_type, applied_at) VALUES (1, '1', 'a', 'VERSIONED', '2026-01-03'), (2, NULL, 'b', 'RUNS_ALWAYS', '2026-01-01'), (3, '3', 'c', 'VERSIONED', '2026-01-01'), (4, '4', 'd', 'VERSIONED', '2026-01-09');"
                     "INSERT INTO jetbase_runs (process_id, acquired_at, outcome) VALUES ('a', '2026-01-01T00:00:00.000Z', 'ok'), ('b', '2026-01-02T00:00:00.000Z', 'failed'), ('c', '2026-01-02T00:00:00.000Z', NULL)");
    assert_true(db_sqlite.history_read(db, NULL, keep_order, words, &err));
    assert_string_equal(words, "2r,3,1,");
    words[0] = '\0';
    assert_true(db_sqlite.runs_read(db, NULL, 0, keep_run, words, &err));
    assert_string_equal(words, "c0,b2,a1,");
    words[0] = '\0';
    assert_true(db_sqlite.runs_read(db, NULL, 2, keep_run, words, &err));
    assert_string_equal(words, "c0,b2,");
    words[0] = '\0';
    assert_true(db_sqlite.runs_read(db, "a", 0, keep_run, words, &err));
    assert_string_equal(words, "a1,");
    assert_string_equal(lite_look(db).last.process_id, "b");
    db_sqlite.close(db);
    lite_close(&l);
}

/* ---- the children ---- */

static int child_look(struct lite *l)
{
    struct db *db = lite_connect(l, DB_LOOK);
    struct db_lock_row row = lite_look(db);
    int code = row.table ? (int)row.witness : 100;
    history_count(db);
    db_sqlite.close(db);
    return code;
}

/* Takes the lock, writes inside a transaction and waits there to be killed. */
static int child_die(struct lite *l, const char *verb)
{
    static const char *const rest = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) ";
    struct db *db = lite_connect(l, DB_RUN);
    struct error err = { 0 };
    char sql[256];
    lite_acquire(db, ID);
    snprintf(sql, sizeof sql, "CREATE TABLE big AS %s SELECT i, hex(randomblob(40)) AS b FROM n", rest);
    if (!lite_simple(db, STEP_HEAD, ID, &err) || !lite_statement(db, sql, NULL, &err) || !lite_record(db, ID, "1", &err) || !lite_simple(db, STEP_COMMIT, ID, &err) || !lite_simple(db, STEP_HEAD, ID, &err))
        return 81;
    if (strcmp(verb, "die") == 0)
        snprintf(sql, sizeof sql, "UPDATE big SET b = 'new' WHERE i = 5");
    else if (strcmp(verb, "die-spilled") == 0)
        snprintf(sql, sizeof sql, "UPDATE big SET b = 'new' || b");
    else if (strcmp(verb, "die-grown") == 0)
        snprintf(sql, sizeof sql, "INSERT INTO big SELECT i, 'new' || hex(randomblob(200)) FROM big");
    else
        snprintf(sql, sizeof sql, "DROP TABLE big");
    if (!lite_statement(db, "DELETE FROM jetbase_migrations", NULL, &err) || !lite_statement(db, "UPDATE jetbase_runs SET witness = 'new'", NULL, &err) || !lite_statement(db, sql, NULL, &err))
        return 82;
    if (strcmp(verb, "die") != 0 && !lite_statement(db, "UPDATE jetbase_runs SET host = 'new'", NULL, &err))
        return 83;
    /* Pages go to the file now, as they do when the cache is full or the COMMIT begins. */
    if (strcmp(verb, "die") != 0 && sqlite3_db_cacheflush(db->handle) != SQLITE_OK)
        return 84;
    lite_say_ready();
    db_sqlite.close(db);
    return 0;
}

static int child(int argc, char **argv)
{
    struct lite l;
    int code;
    if (argc != 3)
        return 91;
    lite_at(&l, argv[2]);
    code = strcmp(argv[1], "look") == 0 ? child_look(&l) : child_die(&l, argv[1]);
    lite_close(&l);
    return code;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_looks_change_nothing),
        cmocka_unit_test(test_hot_journal),
        cmocka_unit_test(test_hot_journal_under_an_open_look),
        cmocka_unit_test(test_broken_journal),
        cmocka_unit_test(test_wal),
        cmocka_unit_test(test_exclusive_writer),
        cmocka_unit_test(test_wait_change),
        cmocka_unit_test(test_history_and_runs),
    };
    if (argc > 1)
        return child(argc, argv);
    return cmocka_run_group_tests_name("sqlite_look", tests, NULL, NULL);
}
