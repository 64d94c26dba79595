/* test_section.c: the sections of a migration file: where they begin and end, directives, windows, the digest. */
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
#include "text.h"

static char dir[FILES_PATH], path[FILES_PATH + 32];

static int setup(void **state)
{
    (void)state;
    files_folder(dir);
    snprintf(path, sizeof path, "%s/V1__a.sql", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    files_remove(dir);
    return 0;
}

static struct section *open_good(enum section_kind kind)
{
    struct section *section = NULL;
    struct error err = {0};
    if (!section_open(path, "V1__a.sql", 0, kind, &section, &err))
        fail_msg("%s", err.message);
    return section;
}

/* The same section, opened over the bytes that a reading of it gave away. */
static struct section *again_from_bytes(struct section *section, const char *bytes, size_t len, enum section_kind kind)
{
    struct section_text text;
    struct error err = {0};
    char raw[CHECKSUM_SIZE];
    assert_true(section_digest(section, raw, &err));
    assert_false(section_give(section, len - 1, &text));
    assert_null(text.bytes);
    assert_true(section_give(section, len, &text));
    assert_int_equal(text.len, len);
    assert_memory_equal(text.bytes, bytes, len);
    section_close(section);
    if (!section_open_text(&text, "V1__a.sql", kind, &section, &err))
        fail_msg("%s", err.message);
    assert_null(text.bytes);
    return section;
}

/* Reads a section in pieces, of the file and of its bytes, and compares it, the line it begins in, and the digest. */
static void check(const char *bytes, size_t len, enum section_kind kind, const char *want, unsigned line)
{
    static const size_t pieces[] = {1, 5, 4096};
    char raw[CHECKSUM_SIZE], whole[CHECKSUM_SIZE];
    files_write_bytes(dir, "V1__a.sql", bytes, len);
    sha256_hex(bytes, len, whole);
    for (size_t k = 0; k < 2 * sizeof pieces / sizeof *pieces; k++) {
        struct section *section = open_good(kind);
        if (k % 2 && len > 0 && len <= 4096)
            section = again_from_bytes(section, bytes, len, kind);
        struct text got = {0};
        struct error err = {0};
        char piece[4096];
        size_t n;
        while ((n = section_read(section, piece, pieces[k / 2], &err)) != 0) {
            assert_true(n != (size_t)-1);
            text_add(&got, piece, n);
        }
        assert_string_equal(text_string(&got), want);
        assert_int_equal(section_start(section)->line, line);
        assert_int_equal(section_start(section)->column, 1);
        assert_string_equal(section_start(section)->file, "V1__a.sql");
        assert_true(section_digest(section, raw, &err));
        assert_string_equal(raw, whole);
        assert_true(section_digest(section, raw, &err)); /* may be asked twice */
        assert_string_equal(raw, whole);
        text_free(&got);
        section_close(section);
    }
}

static void check_both(const char *text, const char *upgrade, const char *rollback, unsigned line)
{
    check(text, strlen(text), SECTION_UPGRADE, upgrade, 1);
    check(text, strlen(text), SECTION_ROLLBACK, rollback, line);
}

static void test_marker(void **state)
{
    (void)state;
    check_both("A;\n-- rollback\nB;\n", "A;\n", "B;\n", 3);
    check_both("A;\r\n  --\tRollBack \r\nB;", "A;\r\n", "B;", 3);
    check_both("A;\r--rollback\rB;\r", "A;\r", "B;\r", 3);
    check_both("A;\n--\xC2\xA0rollback\xE3\x80\x80\nB;\n", "A;\n", "B;\n", 3);
    check_both("-- rollback\nB;\n-- rollback\nC;\n", "", "B;\n-- rollback\nC;\n", 2);
    check_both("A;\n-- rollback", "A;\n", "", 2);
    check_both("", "", "", 1);
    check_both("-- rollback", "", "", 1);
}

static void test_no_marker(void **state)
{
    (void)state;
    static const char *const texts[] = {"A;\n-- rollback:\nB;\n", "A;\n--- rollback\nB;\n", "A; -- rollback\nB;\n", "A;\n-- rollbacks\n", "A;\n-- rollbac", "A;\n-", "A;\n--\nrollback\n", "--\xC2"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        check(texts[i], strlen(texts[i]), SECTION_UPGRADE, texts[i], 1);
        struct section *section = open_good(SECTION_ROLLBACK);
        char byte;
        struct error err = {0};
        assert_int_equal(section_read(section, &byte, 1, &err), 0);
        section_close(section);
    }
}

static void test_bom(void **state)
{
    (void)state;
    check_both("\xEF\xBB\xBF" "A;\n-- rollback\nB;\n", "A;\n", "B;\n", 3);
    check_both("\xEF\xBB\xBF-- rollback\nB;\n", "", "B;\n", 2);
    check_both("\xEF\xBB\xBF", "", "", 1);
    files_write(dir, "V1__a.sql", "\xEF\xBB\xBF-- jetbase: delimiter=@@\nA@@");
    struct section *section = open_good(SECTION_UPGRADE);
    assert_string_equal(section_delimiter(section), "@@");
    section_close(section);
}

/* The marker must be seen wherever the edge of the window falls. */
static void test_windows(void **state)
{
    (void)state;
    static const char tail[] = "\r\n\xC2\xA0--   rollback\xE3\x80\x80\r\nDROP;\n";
    for (size_t fill = 65536 - 40; fill < 65536 + 4; fill++) {
        struct text file = {0}, want = {0};
        for (size_t i = 0; i < fill; i++)
            text_puts(&want, i % 80 == 79 ? "\n" : "x");
        text_puts(&want, "\r\n");
        text_add(&file, want.at, fill);
        text_puts(&file, tail);
        check(file.at, file.len, SECTION_UPGRADE, want.at, 1);
        check(file.at, file.len, SECTION_ROLLBACK, "DROP;\n", (unsigned)(fill / 80) + 3);
        text_free(&file);
        text_free(&want);
    }
}

static void test_long_lines(void **state)
{
    (void)state;
    struct text file = {0}, want = {0};
    for (int i = 0; i < 100000; i++)
        text_puts(&want, "\t ");
    text_puts(&want, "A;\n");
    text_add(&file, want.at, want.len);
    for (int i = 0; i < 100000; i++)
        text_puts(&file, " ");
    text_puts(&file, "-- rollback\nB;");
    check(file.at, file.len, SECTION_UPGRADE, want.at, 1);
    check(file.at, file.len, SECTION_ROLLBACK, "B;", 3);
    text_free(&file);
    text_free(&want);
}

static void check_delimiter(const char *text, const char *want)
{
    for (int kind = SECTION_UPGRADE; kind <= SECTION_ROLLBACK; kind++) {
        files_write(dir, "V1__a.sql", text);
        struct section *section = open_good((enum section_kind)kind);
        if (want == NULL)
            assert_null(section_delimiter(section));
        else
            assert_string_equal(section_delimiter(section), want);
        section_close(section);
    }
}

static void test_delimiter(void **state)
{
    (void)state;
    check_delimiter("A;\n", NULL);
    check_delimiter("-- jetbase: delimiter=@@\nA@@\n", "@@");
    check_delimiter("-- note\n\n--   JETBASE:   Delimiter=   / /   \nA\n", "/ /");
    check_delimiter("-- jetbase: delimiter =@\nA\n", NULL);
    check_delimiter("A;\n-- jetbase: delimiter=@@\n", NULL);
    check_delimiter("-- jetbase: delimiter=@@\n-- jetbase: delimiter=##\n", "@@");
    check_delimiter("-- rollback\n-- jetbase: delimiter=@@\nDROP@@\n", "@@");
    check_delimiter("-- jetbase: delimiter=", NULL);
    check_delimiter("-- jetbase: delimiter=x", "x");
}

static void test_directives(void **state)
{
    (void)state;
    char value[8];
    files_write(dir, "V1__a.sql", "-- jetbase: no-transaction\n--jetbase:Lock-Timeout = 2s \n-- jetbase: lock-timeout=9s\n-- jetbase: note=123456789\nA;\n-- jetbase: foreign-keys=off\n");
    struct section *section = open_good(SECTION_ROLLBACK);
    assert_true(section_directive(section, "no-transaction", value, sizeof value));
    assert_string_equal(value, "");
    assert_true(section_directive(section, "lock-timeout", value, sizeof value));
    assert_string_equal(value, "2s");
    assert_true(section_directive(section, "note", value, sizeof value));
    assert_string_equal(value, "1234567");
    assert_true(section_directive(section, "note", NULL, 0));
    assert_int_equal(section_directive_count(section), 4);
    const struct directive *d = section_directive_at(section, 2);
    assert_string_equal(d->name, "lock-timeout");
    assert_string_equal(d->value, "9s");
    assert_int_equal(d->line, 3);
    assert_int_equal(d->name_column, 13);
    assert_int_equal(d->value_column, 26);
    assert_null(section_directive_at(section, 0)->value);
    assert_false(section_directive(section, "foreign-keys", value, sizeof value));
    section_close(section);
}

static void test_digest_at_once(void **state)
{
    (void)state;
    struct error err = {0};
    char raw[CHECKSUM_SIZE], whole[CHECKSUM_SIZE];
    struct text file = {0};
    for (int i = 0; i < 50000; i++)
        text_puts(&file, "A;\n");
    files_write_bytes(dir, "V1__a.sql", file.at, file.len);
    sha256_hex(file.at, file.len, whole);
    struct section *section = open_good(SECTION_UPGRADE);
    assert_true(section_digest(section, raw, &err));
    assert_string_equal(raw, whole);
    section_close(section);
    text_free(&file);
}

static void test_refused(void **state)
{
    (void)state;
    struct section *section;
    struct error err = {0};
    assert_false(section_open(path, "V1__a.sql", 0, SECTION_UPGRADE, &section, &err));
    assert_null(section);
    assert_int_equal(err.code, ERR_FILE);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(section_open(path, "V1__a.sql", 0, SECTION_UPGRADE, &section, &err));
    assert_int_equal(err.code, ERR_FILE);
    assert_non_null(strstr(err.message, "FIFO"));
    section_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_marker),    TEST(test_no_marker), TEST(test_bom),       TEST(test_windows),        TEST(test_long_lines),
        TEST(test_delimiter), TEST(test_directives), TEST(test_digest_at_once), TEST(test_refused),
    };
    return cmocka_run_group_tests_name("section", tests, NULL, NULL);
}
