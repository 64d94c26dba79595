/* test_sqlite_witness.c: the byte that the kernel holds for a living run, seen from this and from other processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sqlite_private.h"
#include "support/lite.h"

#define ID_A "0f1e2d3c-4b5a-4968-8796-a5b4c3d2e1f0"
#define ID_B "11111111-2222-4333-8444-555555555555"

static void test_byte(void **state)
{
    int64_t byte = 0;
    (void)state;
    assert_true(sqlite_witness_byte("00000000-0000-0000-0000-000000000000", &byte));
    assert_true(byte == (int64_t)1 << 61);
    /* The first 15 digits, whatever follows. */
    assert_true(sqlite_witness_byte("00000000-0000-001f-ffff-ffffffffffff", &byte));
    assert_true(byte == ((int64_t)1 << 61) + 1);
    assert_true(sqlite_witness_byte("ffffffff-FFFF-ffff-ffff-ffffffffffff", &byte));
    assert_true(byte == ((int64_t)1 << 61) + (((int64_t)1 << 60) - 1));
    assert_false(sqlite_witness_byte("", &byte));
    assert_false(sqlite_witness_byte("0123-4567-89ab-cd", &byte));
    assert_false(sqlite_witness_byte("somebody else's process ID", &byte));
}

/* A child that holds the lock, for tests of the parent. */
static void start_holder(struct lite_child *child, const struct lite *l, const char *id)
{
    lite_spawn(child, (const char *const[]){ "hold", l->path, id, NULL });
    assert_true(lite_ready(child));
}

static void test_held_by_another_process(void **state)
{
    struct lite l;
    struct lite_child child;
    struct db *db;
    struct db_lock_row row;
    (void)state;
    lite_open(&l, NULL);
    start_holder(&child, &l, ID_A);
    db = lite_connect(&l, DB_LOOK);
    row = lite_look(db);
    assert_true(row.table && row.row && row.locked && row.has_run);
    assert_string_equal(row.process_id, ID_A);
    assert_int_equal(row.run.pid, child.pid);
    assert_int_equal(strncmp(row.run.witness, "ofd:", 4), 0);
    assert_int_equal(row.witness, WITNESS_HELD);
    assert_false(row.own);
    /* Dead the moment waitpid says so, and not before. */
    lite_kill(&child);
    row = lite_look(db);
    assert_true(row.locked);
    assert_int_equal(row.witness, WITNESS_ABSENT);
    assert_int_equal(row.why, WHY_NONE);
    db_sqlite.close(db);
    lite_close(&l);
}

static void test_own_run(void **state)
{
    struct lite l;
    struct db *db, *look;
    struct db_lock_row row;
    (void)state;
    lite_open(&l, NULL);
    db = lite_connect(&l, DB_RUN);
    lite_acquire(db, ID_A);
    look = lite_connect(&l, DB_LOOK);
    row = lite_look(look);
    assert_true(row.own);
    assert_int_equal(row.witness, WITNESS_HELD);
    assert_true(row.run.witness[0] != '\0');
    row = lite_look(db);
    assert_true(row.own);
    /* Closing looks closes no descriptor of the file: the witness stays. */
    db_sqlite.close(look);
    look = lite_connect(&l, DB_LOOK);
    assert_int_equal(lite_look(look).witness, WITNESS_HELD);
    /* The connection's end takes the witness. */
    db_sqlite.close(db);
    row = lite_look(look);
    assert_false(row.own);
    assert_int_equal(row.witness, WITNESS_ABSENT);
    db_sqlite.close(look);
    lite_close(&l);
}

/* A look first, so that only reading descriptors are there; then a run. Seen from another process the run must be alive: with one descriptor for both it could not even see itself. */
static void test_run_after_look(void **state)
{
    struct lite l;
    struct db *look, *run;
    struct lite_child child;
    char expected[DB_WITNESS_SIZE], got[DB_WITNESS_SIZE];
    struct stat st;
    (void)state;
    lite_open(&l, NULL);
    lite_sql(l.path, "CREATE TABLE t (a)");
    look = lite_connect(&l, DB_LOOK);
    assert_false(lite_look(look).table);
    run = lite_connect(&l, DB_RUN);
    lite_acquire(run, ID_A);
    assert_int_equal(stat(l.path, &st), 0);
    snprintf(expected, sizeof expected, "ofd:%s:%ju:%ju", sys_real.boot_id(), (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    lite_text(l.path, "SELECT witness FROM jetbase_runs", got, sizeof got);
    assert_string_equal(got, expected);
    lite_spawn(&child, (const char *const[]){ "ask", l.path, NULL });
    assert_int_equal(lite_wait(&child), WITNESS_HELD);
    assert_true(lite_look(look).own);
    db_sqlite.close(run);
    lite_spawn(&child, (const char *const[]){ "ask", l.path, NULL });
    assert_int_equal(lite_wait(&child), WITNESS_ABSENT);
    db_sqlite.close(look);
    lite_close(&l);
}

/* Two runs on two files, and two on one, do not meddle with each other. */
static void test_two_runs(void **state)
{
    struct lite l;
    struct db *a, *b;
    char witness[DB_WITNESS_SIZE];
    struct error err = { 0 };
    (void)state;
    lite_open(&l, NULL);
    a = lite_connect(&l, DB_RUN);
    b = lite_connect(&l, DB_RUN);
    lite_acquire(a, ID_A);
    assert_true(db_sqlite.witness_take(b, ID_B, witness, &err));
    assert_true(witness[0] != '\0');
    assert_false(db_sqlite.witness_take(b, ID_B, witness, &err));
    db_sqlite.close(b);
    assert_false(sqlite_witness_own(a, ID_B));
    assert_true(lite_look(a).own);
    db_sqlite.close(a);
    lite_close(&l);
}

static void lock_range(int fd, int64_t start, int64_t len, int command)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = len };
    assert_int_equal(fcntl(fd, command, &lock), 0);
}

/* Whatever else lies on that byte is no witness, and no proof of death either. */
static void test_foreign_locks(void **state)
{
    static const struct {
        const char *how;
        int64_t before, len;
    } cases[] = { { "posix", 0, 1 }, { "ofd", 0, 2 }, { "ofd", 1, 3 }, { "ofd", 0, 0 } };
    struct lite l;
    struct db *db;
    (void)state;
    lite_open(&l, NULL);
    lite_sql(l.path, "CREATE TABLE t (a)");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lite_child child;
        char witness[DB_WITNESS_SIZE], before[24], len[24];
        enum db_why why;
        snprintf(before, sizeof before, "%lld", (long long)cases[i].before);
        snprintf(len, sizeof len, "%lld", (long long)cases[i].len);
        lite_spawn(&child, (const char *const[]){ "foreign", l.path, ID_A, cases[i].how, before, len, NULL });
        assert_true(lite_ready(&child));
        db = lite_connect(&l, DB_LOOK);
        sqlite_witness_text(db, witness);
        assert_int_equal(sqlite_witness_ask(db, ID_A, witness, &why), WITNESS_UNKNOWN);
        assert_int_equal(why, WHY_FOREIGN_LOCK);
        lite_kill(&child);
        assert_int_equal(sqlite_witness_ask(db, ID_A, witness, &why), WITNESS_ABSENT);
        db_sqlite.close(db);
    }
    lite_close(&l);
}

static void test_other_boot_and_file(void **state)
{
    struct lite l;
    struct db *db;
    struct db_lock_row row;
    char witness[DB_WITNESS_SIZE], other[DB_WITNESS_SIZE + 1], sql[600];
    (void)state;
    lite_open(&l, NULL);
    db = lite_connect(&l, DB_RUN);
    lite_acquire(db, ID_A);
    sqlite_witness_text(db, witness);
    db_sqlite.close(db);
    db = lite_connect(&l, DB_LOOK);
    assert_int_equal(lite_look(db).witness, WITNESS_ABSENT);
    /* Another inode on this boot. */
    snprintf(other, sizeof other, "%s9", witness);
    snprintf(sql, sizeof sql, "UPDATE jetbase_runs SET witness = '%s'", other);
    lite_sql(l.path, sql);
    row = lite_look(db);
    assert_int_equal(row.witness, WITNESS_UNKNOWN);
    assert_int_equal(row.why, WHY_OTHER_FILE);
    /* Another boot. */
    lite_sql(l.path, "UPDATE jetbase_runs SET witness = 'ofd:00000000-0000-0000-0000-000000000000:1:2'");
    row = lite_look(db);
    assert_int_equal(row.witness, WITNESS_UNKNOWN);
    assert_int_equal(row.why, WHY_OTHER_BOOT);
    lite_sql(l.path, "UPDATE jetbase_runs SET witness = NULL");
    row = lite_look(db);
    assert_int_equal(row.witness, WITNESS_UNKNOWN);
    assert_int_equal(row.why, WHY_UNWITNESSED);
    lite_sql(l.path, "DELETE FROM jetbase_runs");
    row = lite_look(db);
    assert_false(row.has_run);
    assert_int_equal(row.witness, WITNESS_UNKNOWN);
    assert_int_equal(row.why, WHY_OTHER_PROGRAM);
    db_sqlite.close(db);
    lite_close(&l);
}

static const char *no_boot(void)
{
    return "";
}

static void test_no_boot_id(void **state)
{
    struct lite l;
    struct db *db;
    struct sys sys = sys_real;
    char witness[DB_WITNESS_SIZE];
    struct error err = { 0 };
    (void)state;
    sys.boot_id = no_boot;
    lite_open(&l, NULL);
    l.target.sys = &sys;
    db = lite_connect(&l, DB_RUN);
    assert_true(db_sqlite.witness_take(db, ID_A, witness, &err));
    assert_string_equal(witness, "");
    db_sqlite.close(db);
    lite_close(&l);
}

/* Closing any descriptor of the file drops the locks that SQLite holds in this process: another process would then commit inside our transaction. */
static void test_looks_keep_sqlites_locks(void **state)
{
    struct lite l;
    struct db *run;
    struct error err = { 0 };
    struct lite_child child;
    (void)state;
    lite_open(&l, NULL);
    run = lite_connect(&l, DB_RUN);
    lite_acquire(run, ID_A);
    assert_true(lite_simple(run, STEP_HEAD, ID_A, &err));
    assert_true(lite_statement(run, "CREATE TABLE a (x)", NULL, &err));
    for (int i = 0; i < 3; i++) {
        struct db *look = lite_connect(&l, DB_LOOK);
        assert_true(lite_look(look).own);
        db_sqlite.close(look);
        lite_spawn(&child, (const char *const[]){ "write", l.path, NULL });
        assert_int_equal(lite_wait(&child), SQLITE_BUSY);
    }
    assert_true(lite_simple(run, STEP_COMMIT, ID_A, &err));
    lite_spawn(&child, (const char *const[]){ "write", l.path, NULL });
    assert_int_equal(lite_wait(&child), SQLITE_OK);
    db_sqlite.close(run);
    lite_close(&l);
}

/* ---- the children ---- */

static int child_hold(const char *path, const char *id)
{
    struct lite l;
    struct db *db;
    lite_at(&l, path);
    db = lite_connect(&l, DB_RUN);
    lite_acquire(db, id);
    lite_say_ready();
    lite_release(db, id);
    db_sqlite.close(db);
    lite_close(&l);
    return 0;
}

static int child_ask(const char *path)
{
    struct lite l;
    struct db *db;
    enum db_witness witness;
    lite_at(&l, path);
    db = lite_connect(&l, DB_LOOK);
    witness = lite_look(db).witness;
    db_sqlite.close(db);
    lite_close(&l);
    return (int)witness;
}

static int child_foreign(const char *path, const char *id, const char *how, const char *before, const char *len)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int64_t byte;
    if (fd < 0 || !sqlite_witness_byte(id, &byte))
        return 90;
    lock_range(fd, byte - strtoll(before, NULL, 10), strtoll(len, NULL, 10), strcmp(how, "posix") == 0 ? F_SETLK : F_OFD_SETLK);
    lite_say_ready();
    close(fd);
    return 0;
}

static int child_write(const char *path)
{
    sqlite3 *handle = NULL;
    int rc = sqlite_load(NULL) ? sqlite3_open(path, &handle) : SQLITE_ERROR;
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(handle, "CREATE TABLE IF NOT EXISTS intruder (x)", NULL, NULL, NULL);
    sqlite3_close(handle);
    return rc;
}

static int child(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "hold") == 0)
        return child_hold(argv[2], argv[3]);
    if (argc == 3 && strcmp(argv[1], "ask") == 0)
        return child_ask(argv[2]);
    if (argc == 7 && strcmp(argv[1], "foreign") == 0)
        return child_foreign(argv[2], argv[3], argv[4], argv[5], argv[6]);
    if (argc == 3 && strcmp(argv[1], "write") == 0)
        return child_write(argv[2]);
    return 91;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_byte),
        cmocka_unit_test(test_held_by_another_process),
        cmocka_unit_test(test_own_run),
        cmocka_unit_test(test_run_after_look),
        cmocka_unit_test(test_two_runs),
        cmocka_unit_test(test_foreign_locks),
        cmocka_unit_test(test_other_boot_and_file),
        cmocka_unit_test(test_no_boot_id),
        cmocka_unit_test(test_looks_keep_sqlites_locks),
    };
    if (argc > 1)
        return child(argc, argv);
    return cmocka_run_group_tests_name("sqlite_witness", tests, NULL, NULL);
}
