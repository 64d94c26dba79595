/* test_project.c: the project folder and its configuration, with Jetbase's own cases. */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "project.h"
#include "support/files.h"

static char dir[FILES_PATH];
static int home;

static int setup(void **state)
{
    (void)state;
    static const char *const variables[] = {"JETBASE_SQLALCHEMY_URL", "JETBASE_POSTGRES_SCHEMA", "JETBASE_SKIP_VALIDATION", "JETBASE_SKIP_CHECKSUM_VALIDATION", "JETBASE_SKIP_FILE_VALIDATION", "DB"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    char path[2 * FILES_PATH];
    home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    files_folder(dir);
    snprintf(path, sizeof path, "%s/jetbase", dir);
    if (mkdir(path, 0755) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/jetbase/migrations", dir);
    return home < 0 ? -1 : mkdir(path, 0755);
}

static int teardown(void **state)
{
    (void)state;
    int rc = fchdir(home);
    close(home);
    files_remove(dir);
    return rc;
}

static void go(const char *name)
{
    char path[2 * FILES_PATH];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(chdir(path), 0);
}

static void open_good(const char *in, const char *option, const char *want)
{
    char path[2 * FILES_PATH], here[PATH_MAX];
    struct project project;
    struct error err = {0};
    struct project_options options = {.dir = option};
    go(in);
    if (!project_open(&options, false, &project, &err))
        fail_msg("%s", err.message);
    snprintf(path, sizeof path, "%s/%s", dir, want);
    assert_string_equal(project.dir, path);
    assert_non_null(getcwd(here, sizeof here));
    assert_string_equal(here, path);
    assert_false(project.has_url);
    project_free(&project);
}

static void test_folder(void **state)
{
    (void)state;
    files_write(dir, "other/migrations/x", "");
    open_good("jetbase", NULL, "jetbase");
    open_good(".", NULL, "jetbase");
    open_good("other", NULL, "other");
    open_good("jetbase", "../other", "other");
    open_good("other", "..", "jetbase");
}

static void open_bad(const char *in, const char *option, const char *message)
{
    struct project project;
    struct error err = {0};
    struct project_options options = {.dir = option};
    go(in);
    assert_false(project_open(&options, false, &project, &err));
    project_free(&project);
    assert_int_equal(err.code, ERR_CONFIG);
    if (strstr(err.message, message) == NULL)
        fail_msg("%s", err.message);
}

static void test_no_folder(void **state)
{
    (void)state;
    files_write(dir, "empty/x", "");
    files_write(dir, "half/jetbase/x", "");
    open_bad("empty", NULL, "Command must be run from the 'jetbase' directory.\nYou can run 'jetbase init' to create a Jetbase project.");
    open_bad("half", NULL, "'migrations' directory not found in ");
    open_bad("half/jetbase", NULL, "/half/jetbase.\nAdd a migrations directory inside the 'jetbase' directory to proceed.\nYou can also run 'jetbase init' to create a Jetbase project.");
    open_bad("empty", "nowhere", "nowhere can't be entered: No such file or directory");
    open_bad("empty", "x", "x can't be entered: Not a directory");
}

/* Puts the folder's path where a vector says @D. */
static char *with_folder(const char *text)
{
    size_t len = strlen(text), room = len + 8 * strlen(dir) + 1, at = 0;
    char *out = malloc(room);
    assert_non_null(out);
    while (*text != '\0') {
        if (strncmp(text, "@D", 2) == 0) {
            at += (size_t)snprintf(out + at, room - at, "%s", dir);
            text += 2;
        } else {
            out[at++] = *text++;
        }
    }
    out[at] = '\0';
    return out;
}

static void prepare_vector(const json_t *vector)
{
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(vector, "files"), name, value)
    {
        char path[FILES_PATH], *text = with_folder(json_string_value(value));
        if (strncmp(name, "../", 3) == 0)
            snprintf(path, sizeof path, "%s", name + 3);
        else
            snprintf(path, sizeof path, "jetbase/%s", name);
        files_write(dir, path, text);
        free(text);
    }
    json_object_foreach(json_object_get(vector, "env"), name, value)
    {
        char *text = with_folder(json_string_value(value));
        setenv(name, text, 1);
        free(text);
    }
}

/* What differs on purpose: only here do we read what Jetbase refuses. */
static bool is_departure(const json_t *vector)
{
    return strcmp(files_string(vector, "what"), "URL postgres://u:p@127.0.0.1:1/d") == 0;
}

static void check_refusal(const json_t *vector, const struct error *err)
{
    const char *want = files_string(vector, "error"), *colon = strstr(want, ": ");
    const char *words = colon != NULL ? colon + 2 : want;
    assert_true(err->code == ERR_CONFIG);
    if (strncmp(want, "TypeError: ", 11) == 0 || strstr(want, "Configuration 'sqlalchemy_url' not found") != NULL) {
        assert_string_equal(err->message, words);
    } else if (strncmp(want, "TOMLDecodeError: ", 17) == 0) {
        unsigned line = 0, column = 0;
        assert_int_equal(sscanf(strstr(want, "(at line"), "(at line %u, column %u)", &line, &column), 2);
        assert_int_equal(strncmp(words, err->message, strlen(err->message)), 0);
        assert_int_equal(err->place.line, line);
        assert_int_equal(err->place.column, column);
    }
}

static void check_vector(const json_t *vector)
{
    struct project project;
    struct error err = {0};
    struct project_options options = {0};
    const char *command = json_string_value(json_array_get(json_object_get(vector, "args"), 0));
    json_t *touched = json_object_get(vector, "databases_touched");
    prepare_vector(vector);
    go("jetbase");
    bool ok = project_open(&options, strcmp(command, "new") != 0, &project, &err);
    bool unreachable = json_object_get(vector, "error") != NULL && strncmp(files_string(vector, "error"), "OperationalError", 16) == 0;
    bool good = json_integer_value(json_object_get(vector, "exit")) == 0 || unreachable || is_departure(vector);
    if (ok != good)
        fail_msg("%s: %s", files_string(vector, "what"), ok ? "accepted" : err.message);
    if (!good)
        check_refusal(vector, &err);
    if (ok && json_array_size(touched) > 0) {
        const char *file = json_string_value(json_array_get(touched, 0)), *base = strrchr(file, '/');
        assert_true(project.has_url);
        if (project.url.path == NULL || strstr(project.url.path, base != NULL ? base + 1 : file) == NULL)
            fail_msg("%s: %s", files_string(vector, "what"), project.url.shown);
    }
    project_free(&project);
}

static void test_vectors(void **state)
{
    json_t *root = files_vectors("config.json"), *vector;
    size_t index, seen = 0;
    json_array_foreach(json_object_get(root, "vectors"), index, vector)
    {
        teardown(state);
        assert_int_equal(setup(state), 0);
        check_vector(vector);
        seen++;
    }
    assert_true(seen >= 30);
    json_decref(root);
}

/* No message of the configuration may show what might be a password. */
static void test_no_password(void **state)
{
    (void)state;
    static const char *const files[] = {"sqlalchemy_url = 'postgresql://u:hunter2@h/d' + x\n", "sqlalchemy_url = ['postgresql://u:hunter2@h/d']\n", "sqlalchemy_url = b'hunter2'\n",
                                        "sqlalchemy_url = 'nonsense-hunter2\n", "sqlalchemy_url = f'{x}hunter2'\n", "sqlalchemy_url = 'oracle://u:hunter2@h/d'\n"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct project project;
        struct error err = {0};
        struct project_options options = {0};
        files_write(dir, "jetbase/env.py", files[i]);
        go("jetbase");
        assert_false(project_open(&options, true, &project, &err));
        project_free(&project);
        if (memmem(&err, sizeof err, "hunter2", 7) != NULL)
            fail_msg("shown: %s %s %s", err.message, err.detail, err.hint);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(test_folder), TEST(test_no_folder), TEST(test_vectors), TEST(test_no_password) };
    return cmocka_run_group_tests_name("project", tests, NULL, NULL);
}
