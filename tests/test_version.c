/* test_version.c: versions: their form, their order, and the folder orders that Jetbase was seen to apply. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "migration.h"
#include "support/files.h"
#include "version.h"

static void test_form(void **state)
{
    (void)state;
    static const char *const good[] = {"1", "01", "1.0", "1_5", "1.2_3", "20251225.143022", "99999999999999999999999", "0"};
    static const char *const bad[] = {"", ".", "1.", ".1", "1..2", "1._2", "v1", " 1", "1 ", "1a", "1-2", "-1", "\xD9\xA1", "1\n"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(version_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(version_valid(bad[i]));
}

static void check_order(const char *a, const char *b, int want)
{
    int left = version_compare(a, b), right = version_compare(b, a);
    assert_int_equal((left > 0) - (left < 0), want);
    assert_int_equal((right > 0) - (right < 0), -want);
}

static void test_order(void **state)
{
    (void)state;
    static const char *const ascending[] = {"0", "0.1", "1", "1.0.1", "1.1", "1.2.3", "1.9", "1.10", "2", "010", "20251225.143021", "20251225.143022", "99999999999999999999999", "100000000000000000000000"};
    size_t count = sizeof ascending / sizeof *ascending;
    for (size_t i = 0; i < count; i++)
        for (size_t k = i; k < count; k++)
            check_order(ascending[i], ascending[k], i == k ? 0 : -1);
    check_order("1", "1.0", 0);
    check_order("1", "01", 0);
    check_order("1.0.0", "1", 0);
    check_order("1_1", "1.01", 0);
    check_order("", "0", 0);
    check_order("1.0.0.1", "1", 1);
}

/* What a version is: a number for each component; those that are not there are 0. */
static int order_by_numbers(const char *a, const char *b)
{
    while (*a != '\0' || *b != '\0') {
        char *left, *right;
        unsigned long x = strtoul(a, &left, 10), y = strtoul(b, &right, 10);
        if (x != y)
            return x < y ? -1 : 1;
        a = *left != '\0' ? left + 1 : left;
        b = *right != '\0' ? right + 1 : right;
    }
    return 0;
}

/* All versions of up to five characters: every kind of first difference, of leading zeros and of components that one has and the other has not. */
static void test_order_of_all(void **state)
{
    enum { MOST = 3000 };
    static char all[MOST][6];
    static const char characters[] = "0129._";
    size_t count = 0, number = sizeof characters - 1;
    (void)state;
    for (size_t len = 1, many = number; len <= 5; len++, many *= number)
        for (size_t i = 0; i < many; i++) {
            char text[6] = "";
            for (size_t k = 0, rest = i; k < len; k++, rest /= number)
                text[k] = characters[rest % number];
            if (version_valid(text) && (len < 5 || i % 3 == 0) && count < MOST)
                memcpy(all[count++], text, sizeof text);
        }
    assert_true(count > 1500);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++) {
            int got = version_compare(all[i], all[k]);
            if ((got > 0) - (got < 0) != order_by_numbers(all[i], all[k]))
                fail_msg("%s and %s: %d", all[i], all[k], got);
        }
}

/* Makes the files of a vector and reads the folder. */
static struct folder *read_files(const char *dir, const json_t *files, struct error *err)
{
    size_t index;
    json_t *name;
    char path[FILES_PATH];
    json_array_foreach(files, index, name)
    {
        snprintf(path, sizeof path, "migrations/%s", json_string_value(name));
        files_write(dir, path, "SELECT 1;\n");
    }
    struct folder *folder = NULL;
    if (!folder_read(dir, &folder, err))
        assert_null(folder);
    return folder;
}

static bool equal_versions(const json_t *vector)
{
    json_t *order = json_object_get(vector, "order_applied");
    for (size_t i = 1; i < json_array_size(order); i++)
        if (version_compare(json_string_value(json_array_get(json_array_get(order, i - 1), 0)), json_string_value(json_array_get(json_array_get(order, i), 0))) == 0)
            return true;
    return false;
}

static void check_vector(const json_t *vector)
{
    char dir[FILES_PATH];
    struct error err = {0};
    files_folder(dir);
    struct folder *folder = read_files(dir, json_object_get(vector, "files"), &err);
    json_t *order = json_object_get(vector, "order_applied");
    if (json_integer_value(json_object_get(vector, "exit")) != 0) {
        assert_null(folder);
        const char *want = files_string(vector, "error");
        assert_string_equal(err.message, strstr(want, ": ") + 2);
    } else if (equal_versions(vector)) {
        /* Jetbase runs both, in an order that nobody knows; here they are refused, both named. */
        assert_null(folder);
        assert_int_equal(strncmp(err.message, "Duplicate migration version detected: ", 38), 0);
        for (size_t i = 0; i < json_array_size(order); i++)
            assert_non_null(strstr(err.detail, json_string_value(json_array_get(json_array_get(order, i), 1))));
    } else {
        if (folder == NULL)
            fail_msg("%s", err.message);
        assert_int_equal(folder_count(folder), json_array_size(order));
        for (size_t i = 0; i < folder_count(folder); i++) {
            assert_string_equal(folder_at(folder, i)->version, json_string_value(json_array_get(json_array_get(order, i), 0)));
            const char *file = strrchr(json_string_value(json_array_get(json_array_get(order, i), 1)), '/');
            assert_string_equal(folder_at(folder, i)->file, file != NULL ? file + 1 : json_string_value(json_array_get(json_array_get(order, i), 1)));
        }
    }
    folder_free(folder);
    files_remove(dir);
}

static void test_vectors(void **state)
{
    (void)state;
    json_t *root = files_vectors("version.json"), *vector;
    size_t index, seen = 0;
    json_array_foreach(json_object_get(root, "vectors"), index, vector)
    {
        if (json_object_get(vector, "files") == NULL)
            continue; /* these are about plans: test_plan */
        check_vector(vector);
        seen++;
    }
    assert_true(seen >= 10);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_order_of_all),
        cmocka_unit_test(test_vectors),
    };
    return cmocka_run_group_tests_name("version", tests, NULL, NULL);
}
