/* test_facts.c: what is kept of migration files: nothing that is not true any more, and no file is read twice for nothing. */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "crew.h"
#include "facts.h"
#include "support/files.h"

static char dir[FILES_PATH];

static int setup(void **state)
{
    (void)state;
    files_folder(dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    files_remove(dir);
    return 0;
}

static struct folder *read_folder(void)
{
    struct folder *folder = NULL;
    struct error err = { 0 };
    if (!folder_read(dir, &folder, &err))
        fail_msg("%s", err.message);
    return folder;
}

static unsigned statements(struct migration *m)
{
    struct script_facts facts = { 0 };
    struct error err = { 0 };
    if (!facts_check(m, SCAN_SQLITE, true, &facts, &err))
        fail_msg("%s", err.message);
    return facts.statements;
}

static void hash(struct migration *m)
{
    struct error err = { 0 };
    if (!facts_hash(m, &err))
        fail_msg("%s", err.message);
}

/* The same size, the time of writing put back: the change shows all the same. */
static void changed_unseen(void **state)
{
    char path[FILES_PATH * 2], before[CHECKSUM_SIZE];
    struct folder *folder;
    struct migration *m;
    struct stat st;
    (void)state;
    files_write(dir, "migrations/V1__a.sql", "SELECT 1; SELECT 2;\n");
    snprintf(path, sizeof path, "%s/migrations/V1__a.sql", dir);
    assert_int_equal(stat(path, &st), 0);
    folder = read_folder();
    m = folder_at(folder, 0);
    hash(m);
    strcpy(before, m->checksum);
    assert_int_equal(statements(m), 2);
    files_write(dir, "migrations/V1__a.sql", "SELECT 1, SELECT_2;\n");
    assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[]){ st.st_atim, st.st_mtim }, 0), 0);
    hash(m);
    assert_string_not_equal(m->checksum, before);
    assert_int_equal(statements(m), 1);
    folder_free(folder);
}

/* A file that nobody has touched for long is not read again, also not for another reading of the folder. A text in the place of the checksum tells: reading would replace it. */
static void kept(void **state)
{
    const char *srcdir = getenv("srcdir");
    char path[FILES_PATH * 2], old[FILES_PATH * 2], *at;
    struct folder *folder, *again;
    struct migration *m;
    (void)state;
    snprintf(old, sizeof old, "%s/LICENSE", srcdir ? srcdir : ".");
    at = realpath(old, NULL);
    assert_non_null(at);
    files_write(dir, "migrations/V2__b.sql", "SELECT 2;\n");
    snprintf(path, sizeof path, "%s/migrations/V1__a.sql", dir);
    assert_int_equal(symlink(at, path), 0);
    free(at);
    folder = read_folder();
    m = folder_at(folder, 0);
    hash(m);
    hash(folder_at(folder, 1));
    strcpy(m->checksum, "kept");
    strcpy(folder_at(folder, 1)->checksum, "kept");
    hash(m);
    hash(folder_at(folder, 1));
    assert_string_equal(m->checksum, "kept");
    /* This one was written just now: it may be written again within the same tick of its clock. */
    assert_int_equal(strlen(folder_at(folder, 1)->checksum), CHECKSUM_SIZE - 1);
    files_write(dir, "migrations/V0__new.sql", "SELECT 0;\n");
    again = read_folder();
    facts_carry(again, folder);
    folder_free(folder);
    m = folder_at(again, 1);
    hash(m);
    assert_string_equal(m->checksum, "kept");
    /* Another file behind the same name. */
    assert_int_equal(unlink(path), 0);
    files_write(dir, "migrations/V1__a.sql", "SELECT 1;\n");
    hash(m);
    assert_int_equal(strlen(m->checksum), CHECKSUM_SIZE - 1);
    folder_free(again);
}

/* Carried from one folder to another: only between files of the same path. */
static void carried(void **state)
{
    struct folder *before, *now;
    (void)state;
    files_write(dir, "migrations/V1__a.sql", "SELECT 1;\n");
    files_write(dir, "migrations/V2__b.sql", "SELECT 2;\n");
    files_write(dir, "migrations/RA__r.sql", "SELECT 3;\n");
    before = read_folder();
    for (size_t i = 0; i < folder_count(before); i++)
        hash(folder_at(before, i));
    files_write(dir, "migrations/V1.5__c.sql", "SELECT 4;\n");
    now = read_folder();
    facts_carry(now, before);
    assert_int_equal(folder_count(now), 4);
    assert_string_equal(folder_at(now, 0)->checksum, folder_at(before, 0)->checksum);
    assert_string_equal(folder_at(now, 1)->checksum, "");
    assert_string_equal(folder_at(now, 2)->checksum, folder_at(before, 1)->checksum);
    assert_string_equal(folder_at(now, 3)->checksum, folder_at(before, 2)->checksum);
    assert_null(folder_at(now, 1)->facts);
    assert_non_null(folder_at(now, 3)->facts);
    assert_null(folder_at(before, 2)->facts);
    folder_free(before);
    folder_free(now);
}

/* What is refused is refused again, with the same words; a file that has gone is an error. */
static void refused_and_gone(void **state)
{
    struct script_facts facts = { 0 };
    struct error first = { 0 }, second = { 0 };
    char path[FILES_PATH * 2];
    struct folder *folder;
    (void)state;
    files_write(dir, "migrations/V1__a.sql", "SELECT 'open;\n");
    folder = read_folder();
    assert_false(facts_check(folder_at(folder, 0), SCAN_SQLITE, true, &facts, &first));
    assert_false(facts_check(folder_at(folder, 0), SCAN_SQLITE, true, &facts, &second));
    assert_int_equal(first.code, ERR_REFUSED);
    assert_string_equal(first.message, second.message);
    assert_int_equal(first.place.line, second.place.line);
    snprintf(path, sizeof path, "%s/migrations/V1__a.sql", dir);
    assert_int_equal(unlink(path), 0);
    assert_false(facts_hash(folder_at(folder, 0), &second));
    assert_int_equal(second.code, ERR_FILE);
    assert_false(facts_check(folder_at(folder, 0), SCAN_SQLITE, true, &facts, &second));
    assert_int_equal(second.code, ERR_FILE);
    folder_free(folder);
}

/* Writes V1__large.sql: so many statements that it is hashed while it is checked, and `last`. */
static void write_large(const char *last)
{
    char path[FILES_PATH * 2];
    FILE *file;
    files_write(dir, "migrations/V1__large.sql", "");
    snprintf(path, sizeof path, "%s/migrations/V1__large.sql", dir);
    file = fopen(path, "we");
    assert_non_null(file);
    for (int i = 0; i < 30000; i++)
        fprintf(file, "INSERT INTO large VALUES (%d, 'a row of many, %d');\n", i, i);
    fputs(last, file);
    assert_int_equal(fclose(file), 0);
}

/* Both answers of a large file are those that it has when each is asked for alone, and they are kept. */
static void both_at_once(void **state)
{
    struct script_facts facts = { 0 };
    struct error err = { 0 };
    struct folder *folder, *alone;
    struct migration *m;
    (void)state;
    write_large("SELECT 1;\n-- rollback\nSELECT 2;\n");
    folder = read_folder();
    alone = read_folder();
    m = folder_at(folder, 0);
    assert_true(facts_both(m, SCAN_SQLITE, true, &facts, &err));
    assert_int_equal(facts.statements, 30001);
    hash(folder_at(alone, 0));
    assert_string_equal(m->checksum, folder_at(alone, 0)->checksum);
    assert_string_equal(m->raw, folder_at(alone, 0)->raw);
    assert_int_equal(strlen(m->raw), CHECKSUM_SIZE - 1);
    write_large("SELECT 3;\nSELECT 4;\n");
    assert_true(facts_both(m, SCAN_SQLITE, true, &facts, &err));
    assert_int_equal(facts.statements, 30002);
    assert_string_not_equal(m->checksum, folder_at(alone, 0)->checksum);
    folder_free(folder);
    folder_free(alone);
}

/* What can't be hashed goes before what would be refused, as one after the other; and what is refused is hashed all the same. */
static void faults_at_once(void **state)
{
    static const char *const last[] = { "COMMIT;\n", "COMMIT;\nSELECT '\xff';\n" };
    struct folder *folder[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct script_facts facts = { 0 };
        struct error at_once = { 0 }, in_turn = { 0 };
        write_large(last[i]);
        folder[0] = read_folder();
        folder[1] = read_folder();
        struct migration *m = folder_at(folder[1], 0);
        assert_false(facts_both(folder_at(folder[0], 0), SCAN_SQLITE, true, &facts, &at_once));
        assert_false(facts_hash(m, &in_turn) && facts_check(m, SCAN_SQLITE, true, &facts, &in_turn));
        assert_int_equal(at_once.code, ERR_REFUSED);
        assert_string_equal(at_once.message, in_turn.message);
        assert_int_equal(at_once.place.line, 30001 + (unsigned)i);
        assert_string_equal(at_once.place.file, "V1__large.sql");
        assert_int_equal(in_turn.place.line, at_once.place.line);
        assert_string_equal(folder_at(folder[0], 0)->checksum, m->checksum);
        assert_string_equal(at_once.state, in_turn.state);
        folder_free(folder[0]);
        folder_free(folder[1]);
    }
}

/* Waits until a file was changed longer ago than a clock of files ticks. */
static void await_settled(const char *name)
{
    char path[FILES_PATH * 2];
    struct stat st;
    snprintf(path, sizeof path, "%s/migrations/%s", dir, name);
    assert_int_equal(stat(path, &st), 0);
    while (st.st_ctim.tv_sec + 2 >= time(NULL))
        usleep(20000);
}

/* A sum that was made ahead is settled before it counts: not where the file has changed since, nor where it may have changed again at the same time. */
static void settled(void **state)
{
    char before[CHECKSUM_SIZE], now[CHECKSUM_SIZE];
    struct folder *folder;
    (void)state;
    files_write(dir, "migrations/V1__a.sql", "SELECT 1;\n");
    files_write(dir, "migrations/V2__b.sql", "SELECT 1;\n");
    await_settled("V2__b.sql");
    for (int old = 0; old < 2; old++) {
        struct migration *m;
        if (!old)
            files_write(dir, "migrations/V1__a.sql", "SELECT 2;\n");
        folder = read_folder();
        m = folder_at(folder, old ? 1 : 0);
        facts_ahead(m);
        memcpy(before, m->checksum, sizeof before);
        files_write(dir, old ? "migrations/V2__b.sql" : "migrations/V1__a.sql", "SELECT 3;\n");
        facts_settle(m);
        hash(m);
        memcpy(now, m->checksum, sizeof now);
        assert_string_not_equal(now, before);
        hash(m);
        assert_string_equal(m->checksum, now);
        folder_free(folder);
    }
}

static void ahead_and_check(void *folder, size_t i)
{
    facts_ahead(folder_at(folder, i));
    facts_both_ahead(folder_at(folder, i), SCAN_SQLITE, true);
}

enum { AHEAD_FILES = 2 * CREW_LEAST, AHEAD_REFUSED = 7, AHEAD_UNREADABLE = 9 };

static void write_many(const char *good, const char *refused, const char *unreadable)
{
    for (int i = 1; i <= AHEAD_FILES; i++) {
        char name[80];
        snprintf(name, sizeof name, "migrations/V%d__a.sql", i);
        files_write(dir, name, i == AHEAD_REFUSED ? refused : i == AHEAD_UNREADABLE ? unreadable : good);
    }
}

/* What threads have hashed and checked counts once, refusals too; what they could not read is read by whoever asks. */
static void checked_ahead(void **state)
{
    (void)state;
    write_many("SELECT 1;\n", "SELECT 1;\nCOMMIT;\n", "SELECT '\xff';\n");
    struct folder *folder = read_folder();
    struct crew *crew = crew_start(AHEAD_FILES, ahead_and_check, folder);
    assert_non_null(crew);
    crew_end(crew, true);
    assert_null(crew_start(CREW_LEAST - 1, ahead_and_check, folder));
    write_many("SELECT 1;\nSELECT 2;\n", "SELECT 1;\nSELECT 2;\n", "SELECT 1;\nSELECT 2;\n");
    for (unsigned i = 1; i <= AHEAD_FILES; i++)
        for (unsigned asked = 1; asked <= 2; asked++) {
            struct script_facts facts = { 0 };
            struct error err = { 0 };
            bool good = facts_both(folder_at(folder, i - 1), SCAN_SQLITE, true, &facts, &err);
            assert_true(good == (i != AHEAD_REFUSED || asked == 2));
            assert_int_equal(err.place.line, good ? 0 : 2);
            if (good)
                assert_int_equal(facts.statements, i == AHEAD_UNREADABLE ? 2 : asked);
        }
    folder_free(folder);
}

/* One reading tells what two do: the sums, and the facts. Where it can't, the two are made, and say why. */
static void in_one_reading(void **state)
{
    static const char end[] = "';\n-- rollback\nSELECT 1, 2;\n";
    static char line[200000]; /* longer than a window */
    const struct { const char *text; unsigned statements; } shapes[] = {
        { "SELECT 1;\nSELECT 2;\n", 2 }, { "", 0 }, { "-- only this", 0 }, { "\xef\xbb\xbfSELECT 1;\r\nSELECT 2;\r\n-- rollback\r\nSELECT 3;\r\n", 2 }, { "SELECT 1;\r-- rollback\rSELECT '\xc3\xa9'", 1 },
        { "-- jetbase: delimiter=//\nSELECT 1; // \n SELECT 2 //\n", 2 }, { line, 1 }, { "SELECT 1;\nCOMMIT;\n", 0 }, { "SELECT 1;\n-- rollback\nSELECT '\xff';\n", 0 },
    };
    enum { SHAPES = sizeof shapes / sizeof *shapes, REFUSED = SHAPES - 2 };
    (void)state;
    memset(line, 'x', sizeof line - 1);
    memcpy(line, "SELECT '", 8);
    memcpy(line + sizeof line - sizeof end, end, sizeof end);
    for (int i = 0; i < SHAPES; i++) {
        char name[80];
        snprintf(name, sizeof name, "migrations/V%d__a.sql", i + 1);
        files_write(dir, name, shapes[i].text);
    }
    struct folder *folder = read_folder();
    for (int i = 0; i < SHAPES; i++) {
        struct migration *m = folder_at(folder, (size_t)i), alone = *m;
        struct script_facts facts = { 0 };
        struct error err = { 0 };
        bool summed = migration_hash(&alone, &err);
        assert_true(summed == (i < SHAPES - 1));
        facts_both_ahead(m, SCAN_SQLITE, true);
        assert_true((m->facts != NULL) == (i < REFUSED));
        if (i < REFUSED)
            unlink(m->path);
        assert_true(facts_both(m, SCAN_SQLITE, true, &facts, &err) == (i < REFUSED));
        if (i >= REFUSED) {
            assert_int_equal(err.place.line, i == REFUSED ? 2 : 3);
            continue;
        }
        assert_string_equal(m->checksum, alone.checksum);
        assert_string_equal(m->raw, alone.raw);
        assert_int_equal(facts.statements, shapes[i].statements);
    }
    folder_free(folder);
}

enum { SAME, WRITTEN, TOUCHED, GONE, LARGE, LAST, KEEPERS };

static void keeper_path(int i, char path[FILES_PATH * 2])
{
    snprintf(path, FILES_PATH * 2, "%s/migrations/V%d__a.sql", dir, i + 1);
}

static void set_time(int i, time_t s)
{
    char path[FILES_PATH * 2];
    keeper_path(i, path);
    assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[]){ { .tv_sec = s }, { .tv_sec = s } }, 0), 0);
}

/* Six files, all of 20 bytes but the large one. */
static void write_keepers(void)
{
    char large[16384 + 20];
    snprintf(large, sizeof large, "SELECT '%*s';", 16384, "");
    for (int i = 0; i < KEEPERS; i++) {
        char name[40];
        snprintf(name, sizeof name, "migrations/V%d__a.sql", i + 1);
        files_write(dir, name, i == LARGE ? large : "SELECT 1; SELECT 2;\n");
        set_time(i, 1000);
    }
}

/* Checked twice, as before the lock and under it. */
static struct folder *check_keepers(size_t room)
{
    struct folder *folder = read_folder();
    if (room > 0)
        folder_keep_texts(folder, room);
    for (int i = 0; i < 2 * KEEPERS; i++) {
        struct script_facts facts = { 0 };
        struct error err = { 0 };
        struct migration *m = folder_at(folder, (size_t)i % KEEPERS);
        if (i == TOUCHED)
            hash(m); /* before it is checked */
        assert_true(facts_both(m, SCAN_SQLITE, true, &facts, &err));
    }
    return folder;
}

static void expect_kept(struct folder *folder, int i, bool kept)
{
    struct section_text text;
    assert_true(facts_take_text(folder_at(folder, (size_t)i), &text) == kept);
    assert_true((text.bytes != NULL) == kept);
    if (kept) {
        assert_int_equal(text.len, 20);
        assert_memory_equal(text.bytes, "SELECT 1; SELECT 2;\n", 20);
        assert_string_equal(text.raw, folder_at(folder, (size_t)i)->raw);
    }
    free(text.bytes);
}

/* A run reads a small file once: its bytes are kept as far as there is room, and given away once, where the file is as it was. */
static void texts_kept(void **state)
{
    struct script_facts facts = { 0 };
    struct folder *folder, *renewed = NULL;
    struct error err = { 0 };
    char path[FILES_PATH * 2];
    (void)state;
    write_keepers();
    folder = check_keepers(0);
    expect_kept(folder, SAME, false); /* nobody has asked for that */
    folder_free(folder);
    folder = check_keepers(1 << 20);
    for (int i = 0; i < KEEPERS; i++)
        expect_kept(folder, i, i != LARGE);
    folder_free(folder);
    folder = check_keepers(5 * 20 - 1);
    expect_kept(folder, LAST, false);
    files_write(dir, "migrations/V7__b.sql", "SELECT 3;\n");
    if (!folder_renew(dir, folder, &renewed, &err))
        fail_msg("%s", err.message);
    assert_non_null(renewed); /* it takes them over */
    folder_keep_texts(renewed, 4 * 20 + 9); /* so that the ten bytes of the seventh find no room */
    assert_true(facts_both(folder_at(renewed, KEEPERS), SCAN_SQLITE, true, &facts, &err));
    expect_kept(renewed, KEEPERS, false);
    folder_free(folder);
    files_write(dir, "migrations/V2__a.sql", "SELECT 1;\n");
    set_time(WRITTEN, 1000);
    set_time(TOUCHED, 2000);
    keeper_path(GONE, path);
    assert_int_equal(unlink(path), 0);
    for (int i = 0; i < KEEPERS; i++)
        expect_kept(renewed, i, i == SAME);
    expect_kept(renewed, SAME, false);
    folder_free(renewed);
}

/* Never a part of a file, and never what has another digest than the plan. */
static void other_texts(void **state)
{
    struct script_facts facts = { 0 };
    struct error err = { 0 };
    char path[FILES_PATH * 2];
    FILE *file;
    (void)state;
    files_write(dir, "migrations/V1__wide.sql", "");
    snprintf(path, sizeof path, "%s/migrations/V1__wide.sql", dir);
    file = fopen(path, "we");
    assert_non_null(file);
    for (int i = 0; i < 1100; i++) /* more than is read at a time, by less than is kept */
        fprintf(file, "INSERT INTO wide VALUES (%5d, '%28s');\n", i, "");
    assert_int_equal(fclose(file), 0);
    files_write(dir, "migrations/RA__again.sql", "SELECT 1;\n");
    struct folder *folder = read_folder();
    folder_keep_texts(folder, 1 << 20);
    struct migration *wide = folder_at(folder, 0), *again = folder_at(folder, 1);
    assert_true(facts_both(wide, SCAN_SQLITE, true, &facts, &err));
    assert_int_equal(facts.statements, 1100);
    expect_kept(folder, 0, false);
    hash(again);
    files_write(dir, "migrations/RA__again.sql", "SELECT 2; SELECT 3;\n");
    assert_int_equal(statements(again), 2);
    expect_kept(folder, 1, false);
    folder_free(folder);
}

static atomic_size_t gone_over, confined;

static void count_processors(void *all, size_t i)
{
    cpu_set_t mine;
    (void)i;
    if (sched_getaffinity(0, sizeof mine, &mine) != 0 || !CPU_EQUAL(&mine, (cpu_set_t *)all))
        atomic_fetch_add(&confined, 1);
    atomic_fetch_add(&gone_over, 1);
}

/* Wherever a crew's threads begin, they may go on on every processor of the program. */
static void crews_go_anywhere(void **state)
{
    cpu_set_t all;
    (void)state;
    if (sched_getaffinity(0, sizeof all, &all) != 0)
        skip();
    struct crew *crew = crew_start(CREW_LEAST, count_processors, &all);
    assert_non_null(crew);
    /* This thread takes no part until all is done. */
    while (atomic_load(&gone_over) < CREW_LEAST)
        sched_yield();
    crew_end(crew, true);
    assert_int_equal(atomic_load(&confined), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crews_go_anywhere),
        cmocka_unit_test_setup_teardown(texts_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(other_texts, setup, teardown),
        cmocka_unit_test_setup_teardown(settled, setup, teardown),
        cmocka_unit_test_setup_teardown(checked_ahead, setup, teardown),
        cmocka_unit_test_setup_teardown(in_one_reading, setup, teardown),
        cmocka_unit_test_setup_teardown(both_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(faults_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(changed_unseen, setup, teardown),
        cmocka_unit_test_setup_teardown(kept, setup, teardown),
        cmocka_unit_test_setup_teardown(carried, setup, teardown),
        cmocka_unit_test_setup_teardown(refused_and_gone, setup, teardown),
    };
    return cmocka_run_group_tests_name("facts", tests, NULL, NULL);
}
