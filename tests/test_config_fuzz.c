/* test_config_fuzz.c: the promises of the readers of TOML and of env.py over the seed corpus and over random texts. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "file.h"
#include "fuzz/fuzz_config.h"

/* Each file whole, and each of its beginnings. */
static void run_file(const char *dir, const char *name)
{
    char path[1024];
    struct text text = { 0 };
    struct error err = { 0 };
    bool toml = strstr(name, ".toml") != NULL;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (!file_whole(path, name, 100000, &text, &err))
        fail_msg("%s", err.message);
    for (size_t len = 0; len <= text.len; len++) {
        char *copy = malloc(len + 1); /* of just this size, so that reading on is seen */
        assert_non_null(copy);
        memcpy(copy, text_string(&text), len);
        copy = realloc(copy, len ? len : 1);
        assert_non_null(copy);
        toml ? fuzz_toml(copy, len) : fuzz_envpy(copy, len);
        free(copy);
    }
    text_free(&text);
}

static void the_corpus(void **state)
{
    char dir[512];
    int files = 0;
    struct dirent *entry;
    (void)state;
    snprintf(dir, sizeof dir, "%s/tests/fuzz/corpus-config", getenv("srcdir") ? getenv("srcdir") : ".");
    DIR *folder = opendir(dir);
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        run_file(dir, entry->d_name);
        files++;
    }
    closedir(folder);
    assert_true(files >= 13);
}

/* A small generator of its own, so that every run tries the same texts. */
static uint32_t next(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    return *x ^= *x << 5;
}

static void random_texts(const char *const *bits, size_t count, void (*one)(const char *text, size_t len))
{
    uint32_t x = 20261125;
    for (int i = 0; i < 60000; i++) {
        char text[1024];
        size_t len = 0, n = next(&x) % 20;
        while (n-- > 0) {
            const char *bit = bits[next(&x) % count];
            memcpy(text + len, bit, strlen(bit));
            len += strlen(bit);
        }
        one(text, len);
    }
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
