/* test_fuzz.c: the promises of the fuzz targets over their seed corpora, each file and each of its beginnings, and over random texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fuzz/fuzz.h"

static void corpus(const char *name, int least)
{
    char dir[512];
    snprintf(dir, sizeof dir, "%s/tests/fuzz/corpus-%s", getenv("srcdir") ? getenv("srcdir") : ".", name);
    assert_non_null(fuzz_target(name));
    assert_true(fuzz_folder(dir, fuzz_target(name), true) >= least);
}

static void corpora(void **state)
{
    (void)state;
    corpus("checksum", 6);
    corpus("event", 21);
    corpus("name", 4);
    corpus("script", 5);
    corpus("url", 12);
}

static void random_checksum(void **state)
{
    static const char *const words[] = { ";", ";\n", "\n", "\r\n", "\r", " ", "\t", "\xc2\xa0", "\xe3\x80\x80", "a", "--", "-- rollback\n", "--\tROLLBAC\xe2\x84\xaa", "-- jetbase: delimiter=", "-- jetba\xc5\xbf\x65: Del\xc4\xb1miter= go\n", "go\n", "go", "\xc3\xa9",
        "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xef\xbb\xbf", "'", "", "-", "\x1c", "\x85" };
    (void)state;
    fuzz_words(words, sizeof words / sizeof *words, 20, 40000, fuzz_checksum);
}

static void random_names(void **state)
{
    static const char *const words[] = { "V", "RA__", "ROC__", "__", "_", ".", "1", "0", "23", ".sql", ".sql", ".sql\n", "\n", "a", " ", "\xc2\xa0", "\xe9", "\xd9\xa1", "\x1b", "v", "RC__", ".SQL", ".bak" };
    (void)state;
    fuzz_words(words, sizeof words / sizeof *words, 16, 60000, fuzz_name);
}

static void random_urls(void **state)
{
    static const char *const words[] = { "postgresql", "postgres", "sqlite", "+psycopg2", "://", "://", "user", ":", ":", "@", "@", "/", "/", "?", "&", "=", "host", "port", "5432", "[::1]", "[", "]", ",", "%40", "%00", "%", "+", "password=", "PassWord=", "file:", "uri=true",
        "mode=memory", "\n", "'", "\\", " ", "\xc3\xa9", "\xe9", "\x1b[2J", "\x7f", "\xc2\x9b", "\xe2\x80\xae" };
    (void)state;
    fuzz_words(words, sizeof words / sizeof *words, 16, 60000, fuzz_url);
}

static void random_scripts(void **state)
{
    static const char *const words[] = { "\x01", "\x02", ";", ";\n", "\n", "\r\n", "\r", "-- rollback\n", "--rollback", "-- jetbase: ", "delimiter=//", "//", "no-transaction\n", "foreign-keys=off\n", "lock-timeout=2s\n", "out-of-order\n", "=", "x", "SELECT 1;\n", "BEGIN;\n", "COMMIT;\n",
        "VACUUM;\n", "-- ", "\xef\xbb\xbf", "\xc2\xa0", "\xc3\xa9", "\xe9", "'", "/*", "*/", "$$" };
    (void)state;
    fuzz_words(words, sizeof words / sizeof *words, 14, 8000, fuzz_script);
}

static void random_events(void **state)
{
    static const char *const words[] = { "", "\x01", "\x02", "\x08", "\x11", "\x7f", "\xff", "\xff\xff", "V1__a.sql\xff", "words\xff", "\xc3\xa9\xff", "\xe9\xff", "\x1b[2J\xff", "\xc2\x9b\xff", "\"\\\n\xff", "2026-01-01 10:00:00\xff", "\xe2\x80\xae\xff" };
    (void)state;
    fuzz_words(words, sizeof words / sizeof *words, 60, 30000, fuzz_event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corpora), cmocka_unit_test(random_checksum), cmocka_unit_test(random_names), cmocka_unit_test(random_urls), cmocka_unit_test(random_scripts), cmocka_unit_test(random_events),
    };
    return cmocka_run_group_tests_name("fuzz", tests, NULL, NULL);
}
