/* test_commands_make.c: init and new: what Jetbase makes, name by name, and that no file is ever overwritten. */
#include <dirent.h>
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
#include <jansson.h>

#include "support/files.h"
#include "support/process.h"

enum { ARGS_MOST = 8 };

static void run(struct process *p, const char *dir, const char *const args[])
{
    const char *argv[ARGS_MOST + 2] = { process_jetbase() };
    for (size_t i = 0; args[i]; i++) {
        assert_true(i < ARGS_MOST);
        argv[i + 1] = args[i];
    }
    process_run(p, dir, argv, NULL);
}

static char *text_of(const char *dir, const char *name)
{
    char path[1024];
    FILE *file;
    char *text = calloc(1, 4096);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    file = fopen(path, "re");
    if (!file)
        fail_msg("%s is not there", path);
    assert_non_null(text);
    text[fread(text, 1, 4095, file)] = '\0';
    fclose(file);
    return text;
}

static void text_is(const char *dir, const char *name, const char *expected)
{
    char *text = text_of(dir, name);
    assert_string_equal(text, expected);
    free(text);
}

/* The names in a folder, `.` and `..` left out; the last one is kept in `name`. */
static int entries(const char *dir, const char *folder, char name[300])
{
    char path[1024];
    DIR *list;
    int count = 0;
    snprintf(path, sizeof path, "%s/%s", dir, folder);
    list = opendir(path);
    assert_non_null(list);
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(name, 300, "%s", entry->d_name);
        count++;
    }
    closedir(list);
    return count;
}

static void test_init(void **state)
{
    static const char *const init[] = { "init", NULL };
    static const char env[] = "# Jetbase Configuration\n# Update the sqlalchemy_url with your database connection string.\n\nsqlalchemy_url = \"postgresql://user:password@localhost:5432/mydb\"\n";
    char dir[FILES_PATH], name[300], said[2000];
    struct process p;
    (void)state;
    files_folder(dir);
    run(&p, dir, init);
    snprintf(said, sizeof said, "Initialized Jetbase project in %s/jetbase\nRun 'cd jetbase' to get started!\n", dir);
    assert_int_equal(p.exit, 0);
    assert_string_equal(p.out, said);
    assert_string_equal(p.err, "");
    process_free(&p);
    text_is(dir, "jetbase/env.py", env);
    assert_int_equal(entries(dir, "jetbase/migrations", name), 0);
    assert_int_equal(entries(dir, "jetbase", name), 2);
    files_write(dir, "jetbase/env.py", "sqlalchemy_url = 'sqlite:///mine.db'\n");
    run(&p, dir, init);
    assert_int_equal(p.exit, 1);
    assert_string_equal(p.out, "");
    assert_non_null(strstr(p.err, "error: jetbase/env.py is there already; it was not overwritten"));
    process_free(&p);
    text_is(dir, "jetbase/env.py", "sqlalchemy_url = 'sqlite:///mine.db'\n");
    files_remove(dir);
}

/* A refusal leaves nothing behind. */
static void test_init_refused(void **state)
{
    static const char *const init[] = { "init", "--json", NULL };
    char dir[FILES_PATH], name[300];
    struct process p;
    json_t *json;
    (void)state;
    files_folder(dir);
    files_write(dir, "jetbase", "a file in the way\n");
    run(&p, dir, init);
    assert_int_equal(p.exit, 1);
    json = json_loads(p.out, 0, NULL);
    assert_string_equal(files_string(json_object_get(json, "error"), "code"), "file");
    json_decref(json);
    process_free(&p);
    assert_int_equal(entries(dir, ".", name), 1);
    text_is(dir, "jetbase", "a file in the way\n");
    files_remove(dir);
}

static void make_project(char dir[FILES_PATH])
{
    char path[FILES_PATH + 32];
    files_folder(dir);
    snprintf(path, sizeof path, "%s/migrations", dir);
    assert_int_equal(mkdir(path, 0755), 0);
}

/* Does a name have the shape of one made from the local time? */
static bool like_time(const char *name, const char *pattern)
{
    const char *place = strstr(pattern, "%Y%m%d.%H%M%S");
    size_t before;
    if (!place)
        return false;
    before = (size_t)(place - pattern);
    return strncmp(name, pattern, before) == 0 && strspn(name + before, "0123456789") == 8 && name[before + 8] == '.' && strspn(name + before + 9, "0123456789") == 6 &&
           strcmp(name + before + 15, place + strlen("%Y%m%d.%H%M%S")) == 0;
}

static void check_made(const char *dir, const json_t *vector, const struct process *p)
{
    const json_t *made = json_object_get(vector, "made");
    char name[300] = "", said[400];
    int count = entries(dir, "migrations", name);
    assert_int_equal(count, json_array_size(made));
    if (count == 0) {
        assert_string_equal(p->out, "");
        assert_true(p->err[0] != '\0');
        return;
    }
    const char *wanted = json_string_value(json_array_get(made, 0)) + strlen("migrations/");
    if (strcmp(name, wanted) != 0 && !like_time(name, wanted))
        fail_msg("'%s' was made and not '%s'", name, wanted);
    snprintf(said, sizeof said, "migrations/%s", name);
    text_is(dir, said, files_string(vector, "text"));
    if (strpbrk(name, "\t\n"))
        return; /* control bytes are shown as blanks */
    snprintf(said, sizeof said, "Created migration file: %s\n", name);
    assert_string_equal(p->out, said);
}

static void test_new_vectors(void **state)
{
    json_t *all = files_vectors("new.json"), *vector;
    size_t i, run_count = 0;
    (void)state;
    json_array_foreach(json_object_get(all, "vectors"), i, vector) {
        const char *args[ARGS_MOST + 1] = { "new" };
        const json_t *given = json_object_get(vector, "args");
        char dir[FILES_PATH];
        struct process p;
        for (size_t k = 0; k < json_array_size(given); k++)
            args[k + 1] = json_string_value(json_array_get(given, k));
        make_project(dir);
        run(&p, dir, args);
        if (p.exit != json_integer_value(json_object_get(vector, "exit")))
            fail_msg("vector %zu: exit %d\n%s%s", i, p.exit, p.out, p.err);
        check_made(dir, vector, &p);
        process_free(&p);
        files_remove(dir);
        run_count++;
    }
    assert_int_equal(run_count, 26);
    json_decref(all);
}

static void test_new_never_overwrites(void **state)
{
    static const char *const args[] = { "new", "create users", "-v", "1", NULL };
    char dir[FILES_PATH];
    struct process p;
    (void)state;
    make_project(dir);
    files_write(dir, "migrations/V1__create_users.sql", "mine\n");
    run(&p, dir, args);
    assert_int_equal(p.exit, 1);
    assert_non_null(strstr(p.err, "migrations/V1__create_users.sql is there already; it was not overwritten"));
    process_free(&p);
    text_is(dir, "migrations/V1__create_users.sql", "mine\n");
    /* a link that leads nowhere is no way to write elsewhere */
    files_remove(dir);
    make_project(dir);
    char link[FILES_PATH + 64], target[FILES_PATH + 64];
    snprintf(link, sizeof link, "%s/migrations/V1__create_users.sql", dir);
    snprintf(target, sizeof target, "%s/elsewhere", dir);
    assert_int_equal(symlink(target, link), 0);
    run(&p, dir, args);
    assert_int_equal(p.exit, 1);
    assert_int_equal(access(target, F_OK), -1);
    process_free(&p);
    files_remove(dir);
}

/* Jetbase makes these without a word and then refuses them: they are made, and it is said. */
static void test_new_warns(void **state)
{
    static const char *const same[] = { "new", "other", "-v", "1.0", NULL }, *const empty[] = { "new", "", "-v", "3", NULL };
    char dir[FILES_PATH];
    struct process p;
    (void)state;
    make_project(dir);
    files_write(dir, "migrations/V1__a.sql", "SELECT 1;\n");
    run(&p, dir, same);
    assert_int_equal(p.exit, 0);
    assert_string_equal(p.out, "Created migration file: V1.0__other.sql\n");
    assert_non_null(strstr(p.err, "warning: as the folder is now, every command will refuse it: Duplicate migration version"));
    process_free(&p);
    files_remove(dir);
    make_project(dir);
    run(&p, dir, empty);
    assert_int_equal(p.exit, 0);
    assert_non_null(strstr(p.err, "Invalid migration filename format: V3__.sql."));
    process_free(&p);
    files_remove(dir);
}

static void test_new_json(void **state)
{
    static const char *const args[] = { "--json", "new", "add users", "-v", "2", NULL };
    char dir[FILES_PATH];
    struct process p;
    json_t *json;
    (void)state;
    make_project(dir);
    run(&p, dir, args);
    assert_int_equal(p.exit, 0);
    json = json_loads(p.out, 0, NULL);
    assert_string_equal(files_string(json, "file"), "V2__add_users.sql");
    json_decref(json);
    process_free(&p);
    files_remove(dir);
}

static void test_new_elsewhere(void **state)
{
    static const char *const plain[] = { "new", "x", "-v", "1", NULL };
    char dir[FILES_PATH];
    struct process p;
    (void)state;
    files_folder(dir);
    run(&p, dir, plain);
    assert_int_equal(p.exit, 2);
    assert_non_null(strstr(p.err, "Command must be run from the 'jetbase' directory.\nYou can run 'jetbase init' to create a Jetbase project."));
    process_free(&p);
    files_remove(dir);
    make_project(dir);
    const char *const there[] = { "-C", dir, "new", "x", "-v", "1", NULL };
    run(&p, "/", there);
    assert_int_equal(p.exit, 0);
    process_free(&p);
    text_is(dir, "migrations/V1__x.sql", "-- upgrade\n\n-- rollback\n");
    files_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_init),      cmocka_unit_test(test_init_refused), cmocka_unit_test(test_new_vectors),   cmocka_unit_test(test_new_never_overwrites),
        cmocka_unit_test(test_new_warns), cmocka_unit_test(test_new_json),     cmocka_unit_test(test_new_elsewhere),
    };
    return cmocka_run_group_tests_name("commands_make", tests, NULL, NULL);
}
