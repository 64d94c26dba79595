/* test_folder.c: the migrations folder: order, sub-folders, what is passed over, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "migration.h"
#include "support/files.h"

static char dir[FILES_PATH];

static int setup(void **state)
{
    (void)state;
    files_folder(dir);
    char path[2 * FILES_PATH];
    snprintf(path, sizeof path, "%s/migrations", dir);
    return mkdir(path, 0755);
}

static int teardown(void **state)
{
    (void)state;
    files_remove(dir);
    return 0;
}

static const char *in_migrations(const char *name)
{
    static char path[2 * FILES_PATH];
    snprintf(path, sizeof path, "%s/migrations/%s", dir, name);
    return path;
}

static struct folder *read_good(void)
{
    struct folder *folder = NULL;
    struct error err = {0};
    if (!folder_read(dir, &folder, &err))
        fail_msg("%s", err.message);
    return folder;
}

static void read_bad(enum error_code code, struct error *err)
{
    struct folder *folder = NULL;
    *err = (struct error){0};
    assert_false(folder_read(dir, &folder, err));
    assert_null(folder);
    assert_int_equal(err->code, code);
}

static void test_order(void **state)
{
    (void)state;
    static const char *const names[] = {"V10__x.sql", "sub/V2__y.sql", ".git/V3__z.sql", "RA__a.sql", "RA__B.sql", "sub/RA__0.sql", "ROC__v.sql", "a/b/c/V1_5__deep.sql", "V1__x.sql"};
    static const char *const order[] = {"V1__x.sql", "V1_5__deep.sql", "V2__y.sql", "V3__z.sql", "V10__x.sql", "RA__B.sql", "RA__a.sql", "RA__0.sql", "ROC__v.sql"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        files_write(dir, in_migrations(names[i]) + strlen(dir) + 1, "SELECT 1;\n");
    struct folder *folder = read_good();
    assert_int_equal(folder_count(folder), sizeof order / sizeof *order);
    for (size_t i = 0; i < folder_count(folder); i++)
        assert_string_equal(folder_at(folder, i)->file, order[i]);
    assert_string_equal(folder_find_version(folder, "1.5")->description, "deep");
    assert_null(folder_find_version(folder, "1.50"));
    assert_null(folder_find_version(folder, "1_5"));
    assert_ptr_equal(folder_find_file(folder, "RA__0.sql", MIGRATION_RUNS_ALWAYS), folder_at(folder, 7));
    assert_null(folder_find_file(folder, "RA__0.sql", MIGRATION_RUNS_ON_CHANGE));
    folder_free(folder);
}

static void test_passed_over(void **state)
{
    (void)state;
    files_write(dir, "migrations/README.md", "x");
    files_write(dir, "migrations/sub/.gitkeep", "");
    files_write(dir, "migrations/V1__a.sql", "SELECT 1;");
    struct folder *folder = read_good();
    assert_int_equal(folder_count(folder), 1);
    assert_int_equal(folder_passed_count(folder), 2);
    assert_string_equal(folder_passed(folder, 0), "README.md");
    assert_string_equal(folder_passed(folder, 1), "sub/.gitkeep");
    folder_free(folder);
}

static void test_empty(void **state)
{
    (void)state;
    struct folder *folder = read_good();
    assert_int_equal(folder_count(folder), 0);
    folder_free(folder);
}

static void test_duplicates(void **state)
{
    (void)state;
    struct error err;
    files_write(dir, "migrations/V01__a.sql", "");
    files_write(dir, "migrations/sub/V1.0.0__b.sql", "");
    read_bad(ERR_REFUSED, &err);
    assert_non_null(strstr(err.message, "Duplicate migration version detected: "));
    assert_non_null(strstr(err.message, "\nEach file must have a unique version.\nPlease rename the file to have a unique version."));
    assert_non_null(strstr(err.detail, "V01__a.sql"));
    assert_non_null(strstr(err.detail, "sub/V1.0.0__b.sql"));
}

static void test_kinds(void **state)
{
    (void)state;
    struct error err;
    assert_int_equal(mkfifo(in_migrations("V1__fifo.sql"), 0600), 0);
    read_bad(ERR_FILE, &err);
    assert_non_null(strstr(err.message, "V1__fifo.sql is a FIFO"));
    unlink(in_migrations("V1__fifo.sql"));

    mkdir(in_migrations("V1__dir.sql"), 0755);
    read_bad(ERR_FILE, &err);
    assert_non_null(strstr(err.message, "V1__dir.sql is a directory"));
    rmdir(in_migrations("V1__dir.sql"));

    assert_int_equal(symlink("nowhere", in_migrations("V1__gone.sql")), 0);
    read_bad(ERR_FILE, &err);
    assert_non_null(strstr(err.message, "V1__gone.sql is a link to nowhere, which does not exist"));
    unlink(in_migrations("V1__gone.sql"));

    assert_int_equal(symlink("V1__self.sql", in_migrations("V1__self.sql")), 0);
    read_bad(ERR_FILE, &err);
    assert_non_null(strstr(err.message, "loop"));
    unlink(in_migrations("V1__self.sql"));

    assert_int_equal(symlink("/dev/null", in_migrations("V1__null.sql")), 0);
    read_bad(ERR_FILE, &err);
    assert_non_null(strstr(err.message, "is a device"));
}

/* Things that bear no migration's name disturb nobody. */
static void test_harmless(void **state)
{
    (void)state;
    files_write(dir, "outside.sql", "SELECT 1;");
    assert_int_equal(mkfifo(in_migrations("pipe"), 0600), 0);
    assert_int_equal(symlink("nowhere", in_migrations("dangling")), 0);
    assert_int_equal(symlink("..", in_migrations("circle")), 0);
    assert_int_equal(symlink("../outside.sql", in_migrations("V1__link.sql")), 0);
    mkdir(in_migrations("old.sql"), 0755);
    struct folder *folder = read_good();
    assert_int_equal(folder_count(folder), 1);
    struct error err = {0};
    assert_true(migration_hash(folder_at(folder, 0), &err));
    folder_free(folder);
}

static void test_bad_name(void **state)
{
    (void)state;
    struct error err;
    files_write(dir, "migrations/sub/bad.sql", "");
    read_bad(ERR_REFUSED, &err);
    assert_non_null(strstr(err.message, "Invalid migration filename format: bad.sql.\n"));
}

static void test_no_folder(void **state)
{
    (void)state;
    struct error err;
    rmdir(in_migrations(""));
    read_bad(ERR_FILE, &err);
    assert_non_null(strstr(err.message, "migrations can't be read"));
}

static void test_unreadable(void **state)
{
    (void)state;
    struct error err;
    if (geteuid() == 0) {
        /* Root reads everything: a folder that is none any more stands for one that may not be read. */
        files_write(dir, "migrations/V1__a.sql", "SELECT 1;");
        struct folder *folder = read_good();
        unlink(in_migrations("V1__a.sql"));
        err = (struct error){0};
        assert_false(migration_hash(folder_at(folder, 0), &err));
        assert_int_equal(err.code, ERR_FILE);
        assert_non_null(strstr(err.message, "V1__a.sql can't be read: No such file"));
        folder_free(folder);
        return;
    }
    mkdir(in_migrations("closed"), 0);
    read_bad(ERR_FILE, &err);
    assert_non_null(strstr(err.message, "closed"));
}

static void test_hash(void **state)
{
    (void)state;
    files_write(dir, "migrations/V1__a.sql", "-- upgrade\nCREATE TABLE a (id INTEGER);\n\n-- rollback\nDROP TABLE a;\n");
    files_write(dir, "migrations/V2__b.sql", "SELECT 1;\nSELECT '\xE9';\n");
    struct folder *folder = read_good();
    struct error err = {0};
    struct migration *m = folder_at(folder, 0);
    assert_string_equal(m->checksum, "");
    assert_true(migration_hash(m, &err));
    assert_string_equal(m->checksum, "505043de25eabdc2547bc442d90e389e1f7c241e433aa9cdbd8cc22f5e6abdfc");
    assert_int_equal(strlen(m->raw), 64);
    m = folder_at(folder, 1);
    assert_false(migration_hash(m, &err));
    assert_int_equal(err.code, ERR_REFUSED);
    assert_string_equal(err.place.file, "V2__b.sql");
    assert_int_equal(err.place.line, 2);
    assert_int_equal(err.place.column, 9);
    assert_string_equal(m->checksum, "");
    assert_string_equal(m->raw, "");
    folder_free(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_order),    TEST(test_passed_over), TEST(test_empty),     TEST(test_duplicates), TEST(test_kinds),
        TEST(test_harmless), TEST(test_bad_name),    TEST(test_no_folder), TEST(test_unreadable), TEST(test_hash),
    };
    return cmocka_run_group_tests_name("folder", tests, NULL, NULL);
}
