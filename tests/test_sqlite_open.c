/* test_sqlite_open.c: which SQLite files and URLs a run or a look accepts, and what is said of the others. */
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

static void refuse(struct lite *l, enum db_mode mode, enum error_code code, const char *words)
{
    struct db *db = (struct db *)1;
    struct error err = { 0 };
    assert_false(db_sqlite.open(&l->target, mode, &db, &err));
    assert_null(db);
    if (!strstr(err.message, words))
        fail_msg("says \"%s\", not \"%s\"", err.message, words);
    assert_int_equal(err.code, code);
}

static void test_about(void **state)
{
    struct lite l;
    struct db *db;
    const struct db_about *about;
    (void)state;
    lite_open(&l, NULL);
    db = lite_connect(&l, DB_RUN);
    about = db_sqlite.about(db);
    assert_int_equal(strncmp(about->product, "SQLite 3.", 9), 0);
    assert_string_equal(about->database, "shop.db");
    assert_string_equal(about->schema, "main");
    assert_string_equal(about->host, "");
    assert_int_equal(about->session_pid, 0);
    assert_true(about->standard_strings);
    assert_false(about->read_only || about->standby || about->pooler);
    assert_ptr_equal(db_driver_of(db), &db_sqlite);
    assert_int_equal(db_sqlite.version, DB_DRIVER_VERSION);
    db_sqlite.close(db);
    db_sqlite.close(NULL);
    lite_close(&l);
}

static void test_urls_without_locks(void **state)
{
    static const char *const queries[] = { "nolock=1", "immutable=1", "vfs=unix-none", "vfs=unix-dotfile", "mode=ro", "timeout=5&nolock=true", "n%6Flock=%31", "%76fs=unix%2dnone" };
    static const char *const fine[] = { "nolock=0", "vfs=unix", "mode=rwc", "timeout=5", "cache=shared" };
    struct lite l;
    struct stat st;
    (void)state;
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        lite_open(&l, queries[i]);
        refuse(&l, DB_RUN, ERR_CONFIG, "the database URL says");
        assert_int_not_equal(stat(l.path, &st), 0);
        lite_close(&l);
    }
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        lite_open(&l, fine[i]);
        db_sqlite.close(lite_connect(&l, DB_RUN));
        lite_close(&l);
    }
    lite_open(&l, "mode=rw");
    refuse(&l, DB_RUN, ERR_NO_CONNECTION, "does not exist");
    assert_int_not_equal(stat(l.path, &st), 0);
    lite_close(&l);
}

/* A look through such a URL reads, but can say nothing of the holder. */
static void test_look_without_locks(void **state)
{
    static const char *const queries[] = { "nolock=1", "immutable=1", "vfs=unix-none" };
    (void)state;
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        struct lite l, plain;
        struct lite_child child;
        struct db *db;
        struct db_lock_row row;
        lite_open(&l, queries[i]);
        lite_spawn(&child, (const char *const[]){ "hold", l.path, NULL });
        assert_true(lite_ready(&child));
        lite_kill(&child);
        db = lite_connect(&l, DB_LOOK);
        row = lite_look(db);
        assert_true(row.locked && row.has_run);
        assert_int_equal(row.witness, WITNESS_UNKNOWN);
        assert_int_equal(row.why, WHY_NO_LOCKS);
        db_sqlite.close(db);
        lite_at(&plain, l.path);
        db = lite_connect(&plain, DB_LOOK);
        assert_int_equal(lite_look(db).witness, WITNESS_ABSENT);
        db_sqlite.close(db);
        lite_close(&plain);
        lite_close(&l);
    }
}

static void test_no_database(void **state)
{
    struct lite l;
    char missing[FILES_PATH + 32];
    (void)state;
    lite_open(&l, NULL);
    files_write(l.dir, "shop.db", "This is a text file, longer than the header of a database, which has 100 bytes; it is none all the same.");
    refuse(&l, DB_RUN, ERR_FILE, "not an SQLite database");
    refuse(&l, DB_LOOK, ERR_FILE, "not an SQLite database");
    assert_int_equal(unlink(l.path), 0);
    assert_int_equal(mkdir(l.path, 0755), 0);
    refuse(&l, DB_RUN, ERR_FILE, "a folder");
    refuse(&l, DB_LOOK, ERR_FILE, "a folder");
    assert_int_equal(rmdir(l.path), 0);
    assert_int_equal(mkfifo(l.path, 0644), 0);
    refuse(&l, DB_RUN, ERR_FILE, "no regular file");
    refuse(&l, DB_LOOK, ERR_FILE, "no regular file");
    assert_int_equal(unlink(l.path), 0);
    assert_int_equal(symlink("/nowhere/at/all", l.path), 0);
    refuse(&l, DB_RUN, ERR_NO_CONNECTION, "can't be opened");
    lite_close(&l);
    lite_open(&l, NULL);
    snprintf(missing, sizeof missing, "%s/no/such/folder.db", l.dir);
    url_free(&l.url);
    l.url = (struct url){ .kind = URL_SQLITE, .path = strdup(missing) };
    refuse(&l, DB_RUN, ERR_NO_CONNECTION, "No such file or directory");
    lite_close(&l);
}

/* An empty file is an empty database. */
static void test_empty_file(void **state)
{
    struct lite l;
    struct db *db;
    (void)state;
    lite_open(&l, NULL);
    files_write(l.dir, "shop.db", "");
    db = lite_connect(&l, DB_LOOK);
    assert_false(lite_look(db).table);
    db_sqlite.close(db);
    db = lite_connect(&l, DB_RUN);
    lite_acquire(db, ID);
    db_sqlite.close(db);
    lite_close(&l);
}

static void test_memory(void **state)
{
    struct url url = { .kind = URL_SQLITE, .path = (char[]){ ":memory:" } };
    struct db_target target = { .url = &url, .sys = &sys_real, .wake_fd = -1 };
    struct db *db = NULL;
    struct error err = { 0 };
    char witness[DB_WITNESS_SIZE] = "x";
    (void)state;
    assert_true(db_sqlite.open(&target, DB_LOOK, &db, &err));
    assert_false(lite_look(db).table);
    db_sqlite.close(db);
    assert_true(db_sqlite.open(&target, DB_RUN, &db, &err));
    assert_string_equal(db_sqlite.about(db)->database, ":memory:");
    assert_true(db_sqlite.witness_take(db, ID, witness, &err));
    assert_string_equal(witness, "");
    lite_acquire(db, ID);
    assert_int_equal(lite_look(db).why, WHY_UNWITNESSED);
    /* Its temporary objects can't be dropped with the connection: the database would go with it. */
    assert_true(lite_simple(db, STEP_HEAD, ID, &err));
    assert_true(lite_statement(db, "CREATE TEMP TABLE t (a)", NULL, &err));
    assert_true(lite_record(db, ID, "1", &err));
    assert_true(lite_simple(db, STEP_COMMIT, ID, &err));
    assert_true(lite_simple(db, STEP_HEAD, ID, &err));
    assert_true(db_sqlite.rollback(db, &err));
    assert_int_equal(lite_release(db, ID), CHANGE_DONE);
    db_sqlite.close(db);
}

/* Runs `verb` without root's rights; gives the error code it met, 0 where all went well. */
static int nobody(const struct lite *l, const char *verb)
{
    struct lite_child child;
    lite_spawn(&child, (const char *const[]){ verb, l->path, NULL });
    return lite_wait(&child);
}

static void test_read_only(void **state)
{
    static const char *const modes[] = { "DELETE", "WAL" };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct lite l;
        char sql[64], before[1024], after[1024];
        lite_open(&l, NULL);
        snprintf(sql, sizeof sql, "PRAGMA journal_mode = %s; CREATE TABLE t (a)", modes[i]);
        lite_sql(l.path, sql);
        lite_listing(l.dir, before, sizeof before);
        /* The file. */
        assert_int_equal(chmod(l.path, 0444), 0);
        assert_int_equal(chmod(l.dir, 0777), 0);
        assert_int_equal(nobody(&l, "nobody-run"), ERR_RIGHTS);
        assert_int_equal(nobody(&l, "nobody-look"), 0);
        /* The folder. */
        assert_int_equal(chmod(l.path, 0666), 0);
        assert_int_equal(chmod(l.dir, 0555), 0);
        assert_int_equal(nobody(&l, "nobody-run"), ERR_RIGHTS);
        assert_int_equal(nobody(&l, "nobody-look"), 0);
        /* Not to be read. */
        assert_int_equal(chmod(l.path, 0), 0);
        assert_int_equal(nobody(&l, "nobody-run"), ERR_RIGHTS);
        assert_int_equal(nobody(&l, "nobody-look"), ERR_RIGHTS);
        assert_int_equal(chmod(l.dir, 0755), 0);
        lite_listing(l.dir, after, sizeof after);
        assert_string_equal(after, before);
        lite_close(&l);
    }
}

/* ---- the children ---- */

static int child(int argc, char **argv)
{
    struct lite l;
    struct db *db = NULL;
    struct error err = { 0 };
    enum db_mode mode;
    int code;
    if (argc != 3)
        return 91;
    lite_at(&l, argv[2]);
    mode = strcmp(argv[1], "nobody-look") == 0 ? DB_LOOK : DB_RUN;
    if (strcmp(argv[1], "hold") != 0)
        lite_become_nobody();
    if (!db_sqlite.open(&l.target, mode, &db, &err)) {
        lite_close(&l);
        return (int)err.code;
    }
    if (strcmp(argv[1], "hold") == 0) {
        lite_acquire(db, ID);
        lite_say_ready();
    }
    code = mode == DB_LOOK && (lite_look(db).table || !db_sqlite.about(db)->read_only) ? 92 : 0;
    db_sqlite.close(db);
    lite_close(&l);
    return code;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_about),
        cmocka_unit_test(test_urls_without_locks),
        cmocka_unit_test(test_look_without_locks),
        cmocka_unit_test(test_no_database),
        cmocka_unit_test(test_empty_file),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_read_only),
    };
    if (argc > 1)
        return child(argc, argv);
    return cmocka_run_group_tests_name("sqlite_open", tests, NULL, NULL);
}
