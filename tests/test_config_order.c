/* test_config_order.c: where each setting may stand: every source alone, every two of them, None, empty values, wrong types, files that can't be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"
#include "support/files.h"

static char dir[FILES_PATH];

static const char *const variables[CONFIG_KEYS] = {"JETBASE_SQLALCHEMY_URL", "JETBASE_POSTGRES_SCHEMA", "JETBASE_SKIP_VALIDATION", "JETBASE_SKIP_CHECKSUM_VALIDATION", "JETBASE_SKIP_FILE_VALIDATION",
                                                    "JETBASE_LOCK_TIMEOUT", "JETBASE_STATEMENT_TIMEOUT", "JETBASE_LOCK_WAIT", "JETBASE_LOCK_RETRY"};

static int setup(void **state)
{
    char path[2 * FILES_PATH];
    (void)state;
    for (size_t i = 0; i < CONFIG_KEYS; i++)
        unsetenv(variables[i]);
    files_folder(dir);
    snprintf(path, sizeof path, "%s/jetbase", dir);
    return mkdir(path, 0755);
}

static int teardown(void **state)
{
    (void)state;
    files_remove(dir);
    return 0;
}

static void config_good(const char *url, struct config *config)
{
    struct error err = {0};
    char path[2 * FILES_PATH];
    snprintf(path, sizeof path, "%s/jetbase", dir);
    if (!config_read(path, url, NULL, config, &err))
        fail_msg("%s", err.message);
}

static void config_bad(struct error *err)
{
    struct config config;
    char path[2 * FILES_PATH];
    *err = (struct error){0};
    snprintf(path, sizeof path, "%s/jetbase", dir);
    assert_false(config_read(path, NULL, NULL, &config, err));
    assert_int_equal(err->code, ERR_CONFIG);
    config_free(&config);
}

static void test_order_of_sources(void **state)
{
    (void)state;
    struct config config;
    files_write(dir, "pyproject.toml", "[tool.jetbase]\nsqlalchemy_url = \"p\"\npostgres_schema = \"ps\"\nskip_validation = true\n");
    config_good(NULL, &config);
    assert_string_equal(config.url, "p");
    assert_string_equal(config.origin[CONFIG_URL].from, "../pyproject.toml");
    assert_string_equal(config.schema, "ps");
    assert_true(config.skip_validation);
    config_free(&config);
    files_write(dir, "jetbase/jetbase.toml", "sqlalchemy_url = \"t\"\nskip_validation = false\nskip_file_validation = true\n");
    config_good(NULL, &config);
    assert_string_equal(config.url, "t");
    assert_string_equal(config.origin[CONFIG_URL].from, "jetbase.toml");
    assert_string_equal(config.schema, "ps");
    assert_false(config.skip_validation);
    assert_true(config.skip_file_validation);
    config_free(&config);
    setenv("JETBASE_SQLALCHEMY_URL", "v", 1);
    setenv("JETBASE_SKIP_CHECKSUM_VALIDATION", "True", 1);
    config_good(NULL, &config);
    assert_string_equal(config.url, "v");
    assert_string_equal(config.origin[CONFIG_URL].from, "JETBASE_SQLALCHEMY_URL");
    assert_true(config.skip_checksum_validation);
    config_free(&config);
    files_write(dir, "jetbase/env.py", "sqlalchemy_url = 'e'\npostgres_schema = ''\n");
    config_good(NULL, &config);
    assert_string_equal(config.url, "e");
    assert_string_equal(config.origin[CONFIG_URL].from, "env.py");
    assert_null(config.schema);
    config_free(&config);
    config_good("option", &config);
    assert_string_equal(config.url, "option");
    assert_string_equal(config.origin[CONFIG_URL].from, "--url");
    config_free(&config);
}

/* ---- each source alone, and each two of them: who wins ---- */

enum { SOURCE_PYPROJECT, SOURCE_TOML, SOURCE_VARIABLE, SOURCE_ENVPY, SOURCE_OPTION, SOURCE_COUNT };

static const char *const source_names[SOURCE_COUNT] = {"../pyproject.toml", "jetbase.toml", NULL, "env.py", "--url"};

static bool is_text(enum config_key key)
{
    return key == CONFIG_URL || key == CONFIG_SCHEMA;
}

static bool is_number(enum config_key key)
{
    return key >= CONFIG_LOCK_TIMEOUT;
}

/* Lets one source say a value: texts name their source, booleans are `truth`, numbers 1 or 2. none: Python's None, where the source has it. */
static void source_says(int source, enum config_key key, bool truth, const char *none)
{
    char line[200], value[40];
    if (is_text(key))
        snprintf(value, sizeof value, "%s", source == SOURCE_VARIABLE ? "by-2" : "");
    if (is_text(key) && source != SOURCE_VARIABLE)
        snprintf(value, sizeof value, "'by-%d'", source);
    else if (!is_text(key))
        snprintf(value, sizeof value, "%s", source == SOURCE_ENVPY ? (truth ? "True" : "False") : truth ? "true" : "false");
    if (is_number(key))
        snprintf(value, sizeof value, "%d", truth ? 1 : 2);
    snprintf(line, sizeof line, "%s%s = %s\n", source == SOURCE_PYPROJECT ? "[tool.jetbase]\n" : "", config_key_name(key), none != NULL ? none : value);
    if (source == SOURCE_VARIABLE)
        setenv(variables[key], value, 1);
    else if (source != SOURCE_OPTION)
        files_write(dir, source == SOURCE_PYPROJECT ? "pyproject.toml" : source == SOURCE_TOML ? "jetbase/jetbase.toml" : "jetbase/env.py", line);
}

static void check_winner(int winner, int other, enum config_key key, bool truth)
{
    struct config config;
    const char *name = winner == SOURCE_VARIABLE ? variables[key] : source_names[winner], *other_name = other == SOURCE_VARIABLE ? variables[key] : other >= 0 ? source_names[other] : NULL;
    config_good(winner == SOURCE_OPTION ? "by-4" : NULL, &config);
    char text[20];
    snprintf(text, sizeof text, "by-%d", winner);
    if (key == CONFIG_URL)
        assert_string_equal(config.url, text);
    else if (key == CONFIG_SCHEMA)
        assert_string_equal(config.schema, text);
    else if (key == CONFIG_LOCK_RETRY)
        assert_int_equal(config.lock_retry, truth ? 1 : 2);
    else if (is_number(key))
        assert_int_equal(key == CONFIG_LOCK_TIMEOUT ? config.lock_timeout_ms : key == CONFIG_LOCK_WAIT ? config.lock_wait_ms : config.statement_timeout_ms, truth ? 1000 : 2000);
    else
        assert_int_equal(key == CONFIG_SKIP_VALIDATION ? config.skip_validation : key == CONFIG_SKIP_CHECKSUMS ? config.skip_checksum_validation : config.skip_file_validation, truth);
    assert_string_equal(config.origin[key].from, name);
    if (other >= 0)
        assert_string_equal(config.shadowed[key][0].from, other_name);
    assert_null(config.shadowed[key][other >= 0 ? 1 : 0].from);
    config_free(&config);
}

static void test_each_pair(void **state)
{
    for (int key = 0; key < CONFIG_KEYS; key++) {
        int count = key == CONFIG_URL ? SOURCE_COUNT : SOURCE_OPTION;
        for (int winner = 0; winner < count; winner++) {
            for (int other = -1; other < winner; other++) {
                teardown(state);
                assert_int_equal(setup(state), 0);
                bool truth = (winner + other) % 2 != 0;
                source_says(winner, (enum config_key)key, truth, NULL);
                if (other >= 0)
                    source_says(other, (enum config_key)key, !truth, NULL);
                check_winner(winner, other, (enum config_key)key, truth);
            }
        }
    }
}

/* None of env.py falls through to each of the others; '' does not. */
static void test_none_and_empty(void **state)
{
    struct config config;
    for (int key = 0; key < CONFIG_KEYS; key++) {
        for (int other = 0; other < SOURCE_ENVPY; other++) {
            teardown(state);
            assert_int_equal(setup(state), 0);
            source_says(SOURCE_ENVPY, (enum config_key)key, false, "None");
            source_says(other, (enum config_key)key, true, NULL);
            check_winner(other, -1, (enum config_key)key, true);
        }
    }
    for (int other = 0; other < SOURCE_ENVPY; other++) {
        teardown(state);
        assert_int_equal(setup(state), 0);
        source_says(SOURCE_ENVPY, CONFIG_URL, false, "''");
        source_says(other, CONFIG_URL, false, NULL);
        config_good(NULL, &config);
        assert_string_equal(config.url, "");
        assert_string_equal(config.origin[CONFIG_URL].from, "env.py");
        config_free(&config);
    }
    teardown(state);
    assert_int_equal(setup(state), 0);
    setenv("JETBASE_POSTGRES_SCHEMA", "", 1);
    source_says(SOURCE_TOML, CONFIG_SCHEMA, false, NULL);
    config_good(NULL, &config);
    assert_null(config.schema);
    assert_string_equal(config.origin[CONFIG_SCHEMA].from, "JETBASE_POSTGRES_SCHEMA");
    config_free(&config);
}

/* The nearest pyproject.toml hides the farther ones, whatever it holds. */
static void test_nearest_pyproject(void **state)
{
    (void)state;
    struct config config;
    struct error err;
    files_write(dir, "pyproject.toml", "[tool.jetbase]\nsqlalchemy_url = 'far'\npostgres_schema = 'far'\n");
    files_write(dir, "jetbase/pyproject.toml", "[tool.jetbase]\nsqlalchemy_url = 'near'\n");
    config_good(NULL, &config);
    assert_string_equal(config.url, "near");
    assert_string_equal(config.origin[CONFIG_URL].from, "pyproject.toml");
    assert_int_equal(config.origin[CONFIG_URL].line, 2);
    assert_null(config.schema);
    config_free(&config);
    files_write(dir, "pyproject.toml", "broken\n");
    config_good(NULL, &config);
    config_free(&config);
    files_write(dir, "jetbase/pyproject.toml", "");
    config_good(NULL, &config);
    assert_null(config.url);
    config_free(&config);
    files_write(dir, "jetbase/pyproject.toml", "broken\n");
    config_bad(&err);
    assert_string_equal(err.place.file, "pyproject.toml");
}

/* A computed URL is refused with its line and the ways out; --url is one of them and does away with the refusal. */
static void test_computed(void **state)
{
    (void)state;
    struct config config;
    struct error err;
    files_write(dir, "jetbase/env.py", "import secret\nsqlalchemy_url = secret.url('hunter2')\n");
    config_bad(&err);
    assert_non_null(strstr(err.message, "sqlalchemy_url can't be read from env.py, which is never run: it is computed, and `secret` is more than reading it can tell."));
    assert_string_equal(err.place.file, "env.py");
    assert_int_equal(err.place.line, 2);
    assert_int_equal(err.place.column, 18);
    assert_string_equal(err.source, "sqlalchemy_url = secret.url('***')");
    assert_int_equal(err.caret, 18);
    assert_non_null(strstr(err.hint, "JETBASE_SQLALCHEMY_URL"));
    assert_non_null(strstr(err.hint, "jetbase.toml"));
    assert_non_null(strstr(err.hint, "--url"));
    config_good("u", &config);
    assert_string_equal(config.url, "u");
    config_free(&config);
}

static void test_types(void **state)
{
    (void)state;
    struct error err;
    files_write(dir, "jetbase/jetbase.toml", "\nskip_validation = 1\n");
    config_bad(&err);
    assert_string_equal(err.message, "skip_validation must be bool, got int. Value: 1");
    assert_string_equal(err.place.file, "jetbase.toml");
    assert_int_equal(err.place.line, 2);
    files_write(dir, "jetbase/jetbase.toml", "sqlalchemy_url = ['x']\n");
    config_bad(&err);
    assert_string_equal(err.message, "sqlalchemy_url must be str, got list.");
    files_write(dir, "jetbase/jetbase.toml", "sqlalchemy_url = 'a'\nsqlalchemy_url = 'b'\n");
    config_bad(&err);
    assert_non_null(strstr(err.message, "sqlalchemy_url is set a second time; the first one is in line 1"));
    assert_int_equal(err.place.line, 2);
    files_write(dir, "jetbase/pyproject.toml", "[tool.jetbase]\nskip_validation = true\n[tool.x]\n[tool.jetbase]\n");
    files_write(dir, "jetbase/jetbase.toml", "");
    config_bad(&err);
    assert_non_null(strstr(err.message, "[tool.jetbase] is declared a second time; the first one is in line 1"));
    assert_int_equal(err.place.line, 4);
    files_write(dir, "jetbase/jetbase.toml", "a = '\xE9'\n");
    config_bad(&err);
    assert_non_null(strstr(err.message, "jetbase.toml is not UTF-8 text"));
}

static void test_unreadable(void **state)
{
    (void)state;
    struct error err;
    char path[2 * FILES_PATH];
    snprintf(path, sizeof path, "%s/jetbase/env.py", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    config_bad(&err);
    assert_non_null(strstr(err.message, "env.py is a FIFO"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_order_of_sources), TEST(test_each_pair), TEST(test_none_and_empty), TEST(test_nearest_pyproject), TEST(test_computed), TEST(test_types), TEST(test_unreadable),
    };
    return cmocka_run_group_tests_name("config_order", tests, NULL, NULL);
}
