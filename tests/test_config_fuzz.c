/* test_config_fuzz.c: the promises of the readers of TOML and of env.py over the seed corpus and over random texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fuzz/fuzz.h"

/* Each file whole, and each of its beginnings. */
static void corpus(const char *name, fuzz_fn target)
{
    char dir[512];
    snprintf(dir, sizeof dir, "%s/tests/fuzz/corpus-%s", getenv("srcdir") ? getenv("srcdir") : ".", name);
    assert_true(fuzz_folder(dir, target, true) >= 7);
}

static void the_corpus(void **state)
{
    (void)state;
    corpus("envpy", fuzz_envpy);
    corpus("toml", fuzz_toml);
}

static void random_texts(const char *const *bits, size_t count, fuzz_fn one)
{
    fuzz_words(bits, count, 19, 60000, one);
}

static void random_toml(void **state)
{
    static const char *const bits[] = {
        "a", "b", "sqlalchemy_url", "\n", "\n", "\n", "\r\n", "\r", " ", "\t", " = ", "=", ".", ",", "[", "]", "[[", "]]", "{", "}", "\"", "'", "\"\"\"", "'''", "\\", "\\\n", "\\\"", "\\u00e9", "\\ud800", "\\q", "#", "# c\n", "\"x\"", "'y'",
        "1", "-1", "+", "0x1F", "1.5", "1e5", "inf", "nan", "true", "false", "1979-05-27", "07:32:00", " 07:32:00Z", "_", "-", "\xc3\xa9", "\xef\xbb\xbf", "\x01", "\x80", "[t]\n", "[[u]]\n", "x = [1,\n", "y = {a = 1}\n", "k = 'v'\n", "://", "@", "password",
    };
    (void)state;
    random_texts(bits, sizeof bits / sizeof *bits, fuzz_toml);
}

static void random_python(void **state)
{
    static const char *const bits[] = {
        "sqlalchemy_url", "sqlalchemy_url = ", "postgres_schema = ", "skip_validation", "x", " = ", "=", ": str", "\n", "\n", "\n", "\r\n", "\r", "\n    ", "\n\t", " ", ";", ",", ":", ":\n", ".", "(", ")", "[", "]", "{", "}", "+", " + ", "-", "%", "==", ":=", "+=", "!=", "@",
        "'", "\"", "'''", "\"\"\"", "\\", "\\\n", "\\x41", "\\N{DASH}", "\\q", "f'", "f\"", "rb'", "'a'", "\"b\"", "f'{\"x\"}'", "{{", "}}", "#", "# c\n", "1", "0x1F", "1.5e-3", "1j", "None", "True", "os", "os.environ", "os.environ['HOME']", "os.getenv(", "'HOME'", "environ.get(",
        "default=", "import ", "from ", "import os\n", "from dotenv import load_dotenv\n", "load_dotenv()\n", "if ", "if x:\n", "else:\n", "def f():\n", "class ", "global ", "del ", "exec(", "raise", "lambda", "__name__", "\xc3\xa9", "\xef\xbb\xbf", "\x01", "\x80", "$", "\f", "://", "secret",
    };
    (void)state;
    random_texts(bits, sizeof bits / sizeof *bits, fuzz_envpy);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_corpus), cmocka_unit_test(random_toml), cmocka_unit_test(random_python) };
    return cmocka_run_group_tests_name("config_fuzz", tests, NULL, NULL);
}
