/* test_checksum.c: Jetbase's checksum: all its vectors, in pieces of any size, and what is no UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "checksum.h"
#include "support/files.h"

/* Feeds a text in pieces of `piece` bytes. */
static bool sum_of(const char *bytes, size_t len, size_t piece, char hex[CHECKSUM_SIZE], char raw[CHECKSUM_SIZE], struct error *err)
{
    struct checksum *sum = checksum_open();
    assert_non_null(sum);
    struct error first;
    error_clear(&first);
    bool ok = true;
    for (size_t i = 0; ok && i < len; i += piece)
        ok = checksum_feed(sum, bytes + i, len - i < piece ? len - i : piece, &first);
    bool closed = checksum_close(sum, hex, raw, err);
    if (!ok)
        *err = first;
    return ok && closed;
}

static size_t from_hex(const char *hex, unsigned char **out)
{
    size_t len = strlen(hex) / 2;
    *out = malloc(len + 1);
    assert_non_null(*out);
    for (size_t i = 0; i < len; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        (*out)[i] = (unsigned char)byte;
    }
    return len;
}

static void test_vectors(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 2, 3, 7, 100000};
    json_t *root = files_vectors("checksum.json"), *vector;
    size_t index, seen = 0;
    json_array_foreach(json_object_get(root, "vectors"), index, vector)
    {
        unsigned char *bytes;
        size_t len = from_hex(files_string(vector, "file_hex"), &bytes);
        const char *want = files_string(vector, "computed_checksum");
        const char *stored = json_string_value(json_object_get(vector, "stored_checksum"));
        for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) {
            char hex[CHECKSUM_SIZE], raw[CHECKSUM_SIZE], whole[CHECKSUM_SIZE];
            struct error err = {0};
            assert_true(sum_of((char *)bytes, len, pieces[k], hex, raw, &err));
            if (strcmp(hex, want) != 0)
                fail_msg("%s: %s, not %s", files_string(vector, "name"), hex, want);
            if (stored != NULL)
                assert_string_equal(hex, stored);
            sha256_hex(bytes, len, whole);
            assert_string_equal(raw, whole);
        }
        free(bytes);
        seen++;
    }
    assert_true(seen >= 34);
    json_decref(root);
}

static void check_same(const char *a, const char *b)
{
    char left[CHECKSUM_SIZE], right[CHECKSUM_SIZE];
    struct error err = {0};
    assert_true(sum_of(a, strlen(a), 1, left, NULL, &err));
    assert_true(sum_of(b, strlen(b), 1000, right, NULL, &err));
    assert_string_equal(left, right);
}

static void check_other(const char *a, const char *b)
{
    char left[CHECKSUM_SIZE], right[CHECKSUM_SIZE];
    struct error err = {0};
    assert_true(sum_of(a, strlen(a), 1, left, NULL, &err));
    assert_true(sum_of(b, strlen(b), 1000, right, NULL, &err));
    assert_string_not_equal(left, right);
}

/* Lines of golden/README that have no vector of their own. */
static void test_line_rules(void **state)
{
    (void)state;
    check_same("A;\nB;\n", "  A;\n\n-- note\n\xC2\xA0 B;\n-- rollback\nC;\n");
    check_same("A;\n", "A;\n\t--\xC2\xA0ROLLBACK\xE3\x80\x80\nB;\n");
    check_same("A;\n", "A;\n-- rollbac\xE2\x84\xAA\nB;\n"); /* lower() of KELVIN SIGN is k */
    check_other("A;\n", "A;\n-- rollback:\nB;\n");
    check_other("A;\n", "A;\n--- rollback\nB;\n");
    check_same("A;\nB;\n", "A;\n-- rollback now\nB;\n");
    check_same("A;\n", "A;\n;\n ;;; \n");
    check_same("-- jetbase: delimiter=@@\nA@@\n", "A;\n");
    check_same("-- jetbase: delimiter=@@\n-- jetbase: delimiter=##\nA@@\n", "A;\n");
    check_same("--\n\n-- JETBA\xC5\xBF" "E: del\xC4\xB1miter=@@\nA@@\n", "A;\n"); /* re.IGNORECASE folds these */
    check_same("-- jetbase: delimiter=\xC3\xA9\xC3\xA8\nA \xC3\xA9\xC3\xA8\xC3\xA9\xC3\xA8\n", "A;\n");
    check_other("-- jetbase: delimiter=\xC3\xA9\xC3\xA8\nA\xC3\xAA\xC3\xA9\xC3\xA8\n", "A;\n");
    check_other("A;\n ; ;\n", "A;\n"); /* a statement `;` is left, and it counts */
    check_same("A;", "A;\r\n");
    check_same("A\r\rB;\r\n", "A\nB;\n");
}

enum { OFTEN = 20000 };

/* before, `middle` OFTEN times, behind; free it. */
static char *long_text(const char *before, const char *middle, const char *behind, size_t *len)
{
    size_t first = strlen(before), one = strlen(middle), last = strlen(behind);
    char *all = malloc(first + OFTEN * one + last + 1);
    assert_non_null(all);
    memcpy(all, before, first);
    for (size_t i = 0; i < OFTEN; i++)
        memcpy(all + first + i * one, middle, one);
    memcpy(all + first + OFTEN * one, behind, last + 1);
    *len = first + OFTEN * one + last;
    return all;
}

/* A long file hashes as the text that Jetbase makes of it, whatever the pieces. */
static void check_long(const char *before, const char *middle, const char *behind, const char *made_before, const char *made_middle, const char *made_behind)
{
    static const size_t pieces[] = {1, 1000, 65536, 1000000};
    size_t len, made_len;
    char *file = long_text(before, middle, behind, &len), *made = long_text(made_before, made_middle, made_behind, &made_len);
    char hex[CHECKSUM_SIZE], want[CHECKSUM_SIZE];
    sha256_hex(made, made_len, want);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct error err = {0};
        assert_true(sum_of(file, len, pieces[i], hex, NULL, &err));
        if (strcmp(hex, want) != 0)
            fail_msg("%s%s%s in pieces of %zu bytes", before, middle, behind, pieces[i]);
    }
    free(file);
    free(made);
}

/* A statement too long to be kept whole is hashed as it is read: the same sum, also where it turns out not to count. */
static void test_long(void **state)
{
    (void)state;
    check_long("A '", "0123456789", "' ; \nB;\n", "A '", "0123456789", "'\nB");
    check_long("Z;\nA '", "\xE2\x82\xAC\xC2\xA0", "';;\n", "Z\nA '", "\xE2\x82\xAC\xC2\xA0", "'");
    check_long("Z;\nA (\n", "  row;x  \n-- note\n\n", ");\n", "Z\nA (", " row;x", " )");
    check_long("A;\nB '", "never ended ", "'\n", "A", "", "");               /* no delimiter: Jetbase drops it */
    check_long("A;\nB '", "never ended\n", "\n-- rollback\nC;\n", "A", "", "");
    check_long("A;\n--", " a comment", ";\nB;\n", "A\n", "", "B");          /* one line */
    check_long("A;\nB", ";", "C\n;\n", "A\nB", ";", "C");                   /* what may be stripped is kept until it is known */
    check_long("A;\nB", "; ", "C;\n", "A\nB", "; ", "C");
    check_long("A;\n   --", "   ", "rollback\nB;\n", "A", "", "");
    check_long("-- jetbase: delimiter=end;\nA ", "den;", "X end;\nB end;\n", "A ", "den;", "X\nB");
}

static void check_invalid(const char *bytes, unsigned line, unsigned column)
{
    for (size_t piece = 1; piece < 5; piece++) {
        char hex[CHECKSUM_SIZE];
        struct error err = {0};
        assert_false(sum_of(bytes, strlen(bytes), piece, hex, NULL, &err));
        assert_int_equal(err.code, ERR_REFUSED);
        assert_non_null(strstr(err.message, "invalid UTF-8"));
        assert_int_equal(err.place.line, line);
        assert_int_equal(err.place.column, column);
    }
}

static void test_invalid_utf8(void **state)
{
    (void)state;
    check_invalid("A;\nB \xE9;\n", 2, 3);
    check_invalid("\xC0\x80", 1, 1);
    check_invalid("\xC3\xA9\xED\xA0\x80", 1, 2);
    check_invalid("A;\r\n-- rollback\r\n\xFF", 3, 1);
    check_invalid("A\xF4\x90\x80\x80", 1, 2);
    check_invalid("AB\xE2\x98", 1, 3); /* cut at the end of the file */
}

static void test_sha256(void **state)
{
    (void)state;
    char hex[CHECKSUM_SIZE];
    sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_line_rules),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_invalid_utf8),
        cmocka_unit_test(test_sha256),
    };
    return cmocka_run_group_tests_name("checksum", tests, NULL, NULL);
}
