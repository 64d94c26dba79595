/* test_scanner_fuzz.c: the scanner's promises over the seed corpus and over random texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/fuzz.h"

static void the_corpus(void **state)
{
    char dir[512];
    (void)state;
    snprintf(dir, sizeof dir, "%s/tests/fuzz/corpus-scanner", getenv("srcdir") ? getenv("srcdir") : ".");
    assert_true(fuzz_folder(dir, fuzz_scanner, false) >= 40);
}

/* A small generator of its own, so that every run tries the same texts. */
static uint32_t next(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    return *x ^= *x << 5;
}

static void random_texts(void **state)
{
    static const char *const bits[] = {
        ";", ";", ";\n", " ", "\n", "\r\n", "\r", "\t", "'", "''", "\"", "`", "[", "]", "(", ")", "\\", "\\:", ":", "::", ":a", "$", "$$", "$a$", "$1", "@", "@@", "--", "-- end", "-", "/*", "*/", "/", "//", "*", "go", "go\n", "//\n",
        "E'", "e'\\'", "U&'", "u&\"", "N'", "X'1f'", "b'", "a", "1", "1e", "1.5", ".", ",", "SELECT ", "CREATE ", "OR REPLACE ", "FUNCTION ", "TEMP ", "TRIGGER ", "BEGIN ", "ATOMIC ", "CASE ", "END", "END;", "EXPLAIN ", "AS ",
        "COPY ", "FROM ", "STDIN ", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xef\xbb\xbf", "\xc2\xa0", "\v", "\f", "jetbase_lock", "PRAGMA ", "=", "?1", "#b", "\x80", "\xc3",
    };
    uint32_t x = 20261124;
    (void)state;
    for (int i = 0; i < 60000; i++) {
        char text[512];
        size_t len = 1, n = next(&x) % 24;
        text[0] = (char)next(&x);
        while (n-- > 0) {
            /* the last two are no UTF-8: rare, else nothing else would be tried */
            size_t k = next(&x) % (sizeof bits / sizeof *bits - (next(&x) % 50 ? 2 : 0)), size = strlen(bits[k]);
            memcpy(text + len, bits[k], size);
            len += size;
        }
        fuzz_scanner(text, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_corpus), cmocka_unit_test(random_texts) };
    return cmocka_run_group_tests_name("scanner_fuzz", tests, NULL, NULL);
}
