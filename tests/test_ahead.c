/* test_ahead.c: files that are read and hashed ahead of their need, by the one who waits and by threads: the sums, what can't be read, what has changed since, and an end before anybody needed them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "ahead.h"
#include "crew.h"
#include "facts.h"
#include "support/files.h"

enum { FILES = 300, MANY = 2048 };

static void write_file(const char *dir, int n, const char *word)
{
    char path[FILES_PATH], text[200];
    snprintf(path, sizeof path, "migrations/V%d__step.sql", n);
    snprintf(text, sizeof text, "-- upgrade\nINSERT INTO t VALUES (%d, '%s');\n", n, word);
    files_write(dir, path, text);
}

static void make(char dir[FILES_PATH], int count)
{
    files_folder(dir);
    for (int n = 1; n <= count; n++)
        write_file(dir, n, "a row");
}

/* Folders of FILES files that have been left alone for longer than a clock of files ticks: one for each test that takes one. */
enum { OLD = 8 };
static char old[OLD][FILES_PATH], many[FILES_PATH];
static int old_taken;

static void take_old(char dir[FILES_PATH])
{
    assert_true(old_taken < OLD);
    memcpy(dir, old[old_taken++], FILES_PATH);
}

static int make_old(void **state)
{
    char path[FILES_PATH + 40];
    struct stat st;
    (void)state;
    for (int i = 0; i < OLD; i++)
        make(old[i], FILES);
    make(many, MANY);
    snprintf(path, sizeof path, "%s/migrations", many);
    assert_int_equal(stat(path, &st), 0);
    while (st.st_ctim.tv_sec + 2 >= time(NULL))
        usleep(20000);
    return 0;
}

static int remove_old(void **state)
{
    (void)state;
    for (int i = old_taken; i < OLD; i++)
        files_remove(old[i]);
    if (access(many, F_OK) == 0)
        files_remove(many);
    return 0;
}

static struct folder *take(struct ahead *ahead)
{
    struct folder *folder = NULL;
    struct error err;
    error_clear(&err);
    if (!ahead_take(ahead, NULL, &folder, &err))
        fail_msg("%s", err.message);
    assert_null(ahead->folder);
    assert_null(ahead->crew);
    assert_null(ahead->project_dir);
    return folder;
}

/* Begins, and does `pieces` pieces of the work, or all (-1). */
static void begin(struct ahead *ahead, const char *dir, bool hash, int pieces)
{
    ahead_begin(ahead, dir, hash, NULL);
    while (pieces-- != 0 && ahead_more(ahead))
        continue;
    /* Asked again, as by another wait, it begins nothing anew. */
    size_t next = ahead->next;
    if (pieces < -1)
        assert_false(ahead_more(ahead));
    assert_true(pieces >= -1 || ahead->next == next);
}

/* Every file has the sum that it has when it is read alone. */
static void check_sums(struct folder *folder)
{
    struct error err;
    error_clear(&err);
    assert_int_equal(folder_count(folder), FILES);
    for (size_t i = 0; i < FILES; i++) {
        struct migration *m = folder_at(folder, i);
        char sum[CHECKSUM_SIZE], raw[CHECKSUM_SIZE];
        assert_true(facts_hash(m, &err));
        memcpy(sum, m->checksum, sizeof sum);
        memcpy(raw, m->raw, sizeof raw);
        assert_int_equal(strlen(sum), CHECKSUM_SIZE - 1);
        assert_true(migration_hash(m, &err));
        assert_string_equal(m->checksum, sum);
        assert_string_equal(m->raw, raw);
    }
}

static void all_ahead(char dir[FILES_PATH], int count)
{
    struct ahead ahead = { .keep = 100 };
    begin(&ahead, dir, true, -1);
    assert_true(ahead.folder != NULL);
    assert_true((ahead.crew != NULL) == (count >= MANY));
    ahead_begin(&ahead, dir, true, NULL); /* it has begun */
    struct error err;
    error_clear(&err);
    assert_true(ahead_list(&ahead, &err)); /* threads may be at work on it */
    assert_false(ahead_more(&ahead));
    struct folder *folder = take(&ahead);
    assert_non_null(folder_at(folder, 0)->room); /* it may keep texts */
    assert_int_equal(ahead.keep, 0);
    /* All were hashed ahead: none is opened again. */
    files_remove(dir);
    assert_int_equal(folder_count(folder), count);
    for (int i = 0; i < count; i++)
        assert_true(facts_hash(folder_at(folder, (size_t)i), &err));
    assert_false(facts_hash(folder_at(folder, 0), &err));
    assert_int_equal(err.code, ERR_FILE);
    folder_free(folder);
}

static void test_hashes(void **state)
{
    char dir[FILES_PATH];
    (void)state;
    take_old(dir);
    all_ahead(dir, FILES);
}

/* More than are hashed in the time that a server takes: by threads. */
static void test_hashes_many(void **state)
{
    (void)state;
    all_ahead(many, MANY);
}

/* A piece is a listing, or a few files: who waits is back soon. */
static void test_pieces(void **state)
{
    char dir[FILES_PATH];
    struct ahead ahead = { 0 };
    size_t before = 0, pieces = 0;
    (void)state;
    take_old(dir);
    ahead_begin(&ahead, dir, true, NULL);
    assert_null(ahead.folder);
    assert_true(ahead_more(&ahead));
    assert_int_equal(folder_count(ahead.folder), FILES);
    assert_int_equal(ahead.next, 0);
    for (bool more = true; more; pieces++) {
        more = ahead_more(&ahead);
        assert_true(ahead.next > before && ahead.next - before < FILES / 8);
        assert_true(more == (ahead.next < FILES));
        before = ahead.next;
    }
    assert_true(pieces > 8);
    assert_false(ahead_more(&ahead));
    struct folder *folder = take(&ahead);
    check_sums(folder);
    folder_free(folder);
    files_remove(dir);
}

static void test_sums(void **state)
{
    char dir[FILES_PATH];
    struct ahead ahead = { 0 };
    (void)state;
    take_old(dir);
    begin(&ahead, dir, true, 9); /* some of them */
    assert_true(ahead.next > 0 && ahead.next < FILES - CREW_LEAST);
    struct folder *folder = take(&ahead);
    check_sums(folder);
    folder_free(folder);
    begin(&ahead, dir, true, 0); /* none */
    folder = take(&ahead);
    check_sums(folder);
    folder_free(folder);
    files_remove(dir);
}

/* None that must be compared, or those of a folder that was written a moment ago: nothing is hashed ahead. */
static void test_not_worth_it(void **state)
{
    char dir[FILES_PATH];
    struct ahead fresh = { 0 }, unasked = { 0 };
    (void)state;
    make(dir, FILES);
    begin(&fresh, dir, true, -1);
    begin(&unasked, dir, false, -1);
    assert_int_equal(fresh.next, 0);
    assert_int_equal(unasked.next, 0);
    struct folder *folder = take(&fresh);
    check_sums(folder);
    folder_free(folder);
    folder = take(&unasked);
    check_sums(folder);
    folder_free(folder);
    files_remove(dir);
}

static void test_dropped(void **state)
{
    char dir[FILES_PATH];
    (void)state;
    take_old(dir);
    for (int i = 0; i < 20; i++) {
        struct ahead ahead = { 0 };
        begin(&ahead, i % 2 ? dir : many, true, i);
        ahead_drop(&ahead);
        assert_null(ahead.folder);
        ahead_drop(&ahead);
    }
    files_remove(dir);
}

/* A wish to stop ends it, and is told by whoever needs a file. */
static void test_stopped(void **state)
{
    char dir[FILES_PATH];
    atomic_int stop = 2;
    struct ahead ahead = { 0 };
    struct error err;
    (void)state;
    error_clear(&err);
    take_old(dir);
    ahead_begin(&ahead, dir, true, &stop);
    assert_false(ahead_more(&ahead));
    struct folder *folder = NULL;
    assert_true(ahead_take(&ahead, NULL, &folder, &err));
    assert_false(facts_hash(folder_at(folder, 0), &err));
    assert_int_equal(err.code, ERR_CANCELLED);
    folder_free(folder);
    files_remove(dir);
}

/* What can't be read is told when it is needed, in the words of whoever reads it then. */
static void test_faults(void **state)
{
    char dir[FILES_PATH], path[FILES_PATH + 40];
    struct ahead ahead = { 0 }, none = { 0 };
    struct folder *folder = NULL;
    struct error err;
    (void)state;
    error_clear(&err);
    make(dir, FILES);
    files_write(dir, "migrations/V5__step.sql", "SELECT '\xff';\n");
    begin(&ahead, dir, true, -1);
    folder = take(&ahead);
    assert_true(facts_hash(folder_at(folder, 3), &err));
    assert_false(facts_hash(folder_at(folder, 4), &err));
    assert_int_equal(err.code, ERR_REFUSED);
    assert_string_equal(err.place.file, "V5__step.sql");
    assert_int_equal(err.place.line, 1);
    folder_free(folder);
    snprintf(path, sizeof path, "%s/nowhere", dir);
    begin(&none, path, true, -1);
    assert_null(none.folder);
    assert_false(ahead_list(&none, &err));
    assert_int_equal(err.code, ERR_FILE);
    assert_false(ahead_take(&none, NULL, &folder, &err));
    assert_null(folder);
    ahead_drop(&none);
    files_remove(dir);
}

/* The sum that was made ahead counts once; who asks again has the file as it is now. */
static void test_changed_since(void **state)
{
    char dir[FILES_PATH], sum[CHECKSUM_SIZE];
    struct ahead ahead = { 0 };
    struct error err;
    (void)state;
    error_clear(&err);
    make(dir, FILES);
    begin(&ahead, dir, true, -1);
    struct folder *folder = take(&ahead);
    struct migration *m = folder_at(folder, 9);
    memcpy(sum, m->checksum, sizeof sum);
    write_file(dir, 10, "another row");
    assert_true(facts_hash(m, &err));
    assert_string_equal(m->checksum, sum);
    assert_true(facts_hash(m, &err));
    assert_string_not_equal(m->checksum, sum);
    write_file(dir, 12, "another row");
    m = folder_at(folder, 11);
    memcpy(sum, m->checksum, sizeof sum);
    facts_unsettle(folder);
    assert_true(facts_hash(m, &err));
    assert_string_not_equal(m->checksum, sum);
    folder_free(folder);
    files_remove(dir);
}

/* What a caller learned while the files were read ahead is never newer than the files that he is given: names and contents that changed meanwhile are read anew, whether they had been left alone long enough or not. */
static void changes_meanwhile(bool left_alone)
{
    char dir[FILES_PATH], sum[CHECKSUM_SIZE];
    struct ahead ahead = { 0 };
    struct error err;
    error_clear(&err);
    if (left_alone)
        take_old(dir);
    else
        make(dir, FILES);
    begin(&ahead, dir, true, -1);
    assert_int_equal(ahead.next, left_alone ? FILES : 0);
    write_file(dir, 3, "another row");
    struct folder *folder = take(&ahead);
    assert_int_equal(folder_count(folder), FILES);
    struct migration *m = folder_at(folder, 2);
    assert_true(facts_hash(m, &err));
    memcpy(sum, m->checksum, sizeof sum);
    assert_true(migration_hash(m, &err));
    assert_string_equal(m->checksum, sum);
    folder_free(folder);
    begin(&ahead, dir, true, -1);
    write_file(dir, FILES + 1, "a row");
    folder = take(&ahead);
    assert_int_equal(folder_count(folder), FILES + 1);
    assert_true(facts_hash(folder_at(folder, FILES), &err));
    folder_free(folder);
    files_remove(dir);
}

/* The same where few files are left. */
static void test_few_left(void **state)
{
    char dir[FILES_PATH], path[FILES_PATH + 40], sum[CHECKSUM_SIZE];
    struct ahead ahead = { 0 };
    struct error err;
    (void)state;
    error_clear(&err);
    take_old(dir);
    begin(&ahead, dir, true, -1);
    assert_int_equal(ahead.next, FILES);
    for (int n = 11; n <= FILES; n++) {
        snprintf(path, sizeof path, "%s/migrations/V%d__step.sql", dir, n);
        assert_int_equal(unlink(path), 0);
    }
    write_file(dir, 1, "another row");
    struct folder *folder = take(&ahead);
    assert_int_equal(folder_count(folder), 10);
    struct migration *m = folder_at(folder, 0);
    assert_true(facts_hash(m, &err));
    memcpy(sum, m->checksum, sizeof sum);
    assert_true(migration_hash(m, &err));
    assert_string_equal(m->checksum, sum);
    folder_free(folder);
    files_remove(dir);
}

static void test_changes_meanwhile(void **state)
{
    (void)state;
    changes_meanwhile(false);
    changes_meanwhile(true);
}

/* Waiting for all that was begun must not take long: large files are left to whoever needs them. */
static void test_large(void **state)
{
    char dir[FILES_PATH], path[FILES_PATH + 40];
    struct ahead ahead = { 0 };
    struct error err;
    (void)state;
    error_clear(&err);
    make(dir, FILES);
    snprintf(path, sizeof path, "%s/migrations/V7__step.sql", dir);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "-- upgrade\n-- %0*d\nSELECT 1;\n", 2 << 20, 0);
    assert_int_equal(fclose(file), 0);
    begin(&ahead, dir, true, -1);
    struct folder *folder = take(&ahead);
    assert_string_equal(folder_at(folder, 6)->checksum, "");
    assert_true(facts_hash(folder_at(folder, 6), &err));
    assert_int_equal(strlen(folder_at(folder, 6)->checksum), CHECKSUM_SIZE - 1);
    folder_free(folder);
    files_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces), cmocka_unit_test(test_hashes),  cmocka_unit_test(test_sums),   cmocka_unit_test(test_not_worth_it),   cmocka_unit_test(test_dropped),
        cmocka_unit_test(test_stopped), cmocka_unit_test(test_faults), cmocka_unit_test(test_changed_since), cmocka_unit_test(test_changes_meanwhile), cmocka_unit_test(test_few_left), cmocka_unit_test(test_large), cmocka_unit_test(test_hashes_many), /* it takes `many` away */
    };
    return cmocka_run_group_tests_name("ahead", tests, make_old, remove_old);
}
