/* test_filename.c: names of migration files: all of Jetbase's vectors, and names that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "migration.h"
#include "support/files.h"

/* Jetbase's message without the Python class before it. */
static const char *without_class(const char *error)
{
    const char *colon = strstr(error, ": ");
    return colon != NULL ? colon + 2 : error;
}

static void check_accepted(const json_t *vector, bool ok, enum migration_type type, const char *version, const char *description)
{
    if (!ok)
        fail_msg("refused: %s", files_string(vector, "name"));
    assert_string_equal(migration_type_name(type), files_string(vector, "type"));
    assert_string_equal(description, files_string(vector, "description"));
    const char *want = json_string_value(json_object_get(vector, "version"));
    if (want == NULL)
        assert_null(version);
    else
        assert_string_equal(version, want);
}

static void check_vector(const json_t *vector)
{
    const char *path = files_string(vector, "name"), *slash = strrchr(path, '/');
    enum migration_type type = MIGRATION_VERSIONED;
    char *version, *description;
    bool is_migration;
    struct error err = {0};
    bool ok = migration_name_parse(slash != NULL ? slash + 1 : path, &type, &version, &description, &is_migration, &err);
    if (json_is_true(json_object_get(vector, "accepted"))) {
        check_accepted(vector, ok, type, version, description);
    } else if (strstr(files_string(vector, "error"), "substring not found") != NULL) {
        assert_false(ok);
        assert_false(is_migration);
        assert_int_equal(err.code, ERR_NONE);
    } else {
        assert_false(ok);
        assert_true(is_migration);
        assert_string_equal(err.message, without_class(files_string(vector, "error")));
    }
    free(version);
    free(description);
}

static void test_vectors(void **state)
{
    (void)state;
    json_t *root = files_vectors("filename.json"), *vector;
    size_t index, seen = 0;
    json_array_foreach(json_object_get(root, "vectors"), index, vector)
    {
        check_vector(vector);
        seen++;
    }
    assert_true(seen == json_array_size(json_object_get(root, "vectors")) && seen >= 40);
    json_decref(root);
}

static bool is_migration_name(const char *name, struct error *err)
{
    enum migration_type type;
    char *version, *description;
    bool is_migration;
    bool ok = migration_name_parse(name, &type, &version, &description, &is_migration, err);
    free(version);
    free(description);
    return ok || is_migration;
}

static void test_no_migrations(void **state)
{
    (void)state;
    struct error err = {0};
    static const char *const names[] = {".gitkeep", "README.md", "__", "notes__a.txt", "V1__a", "V1__a.SQL", "dump.sql.gz", "V1.sql.orig"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_false(is_migration_name(names[i], &err));
    assert_int_equal(err.code, ERR_NONE);
    assert_true(is_migration_name("schema.sql", &err));
    assert_int_equal(err.code, ERR_REFUSED);
}

static void test_not_utf8(void **state)
{
    (void)state;
    struct error err = {0};
    assert_true(is_migration_name("V1__caf\xE9.sql", &err));
    assert_int_equal(err.code, ERR_REFUSED);
    assert_non_null(strstr(err.hint, "UTF-8"));
    assert_null(strchr(err.message, '\xE9'));
    error_clear(&err);
    assert_false(is_migration_name("caf\xE9.txt", &err));
    assert_int_equal(err.code, ERR_NONE);
}

/* A name goes to a terminal: its control bytes must not. */
static void test_control_bytes(void **state)
{
    (void)state;
    struct error err = {0};
    assert_true(is_migration_name("Vx__\x1B[2J.sql", &err));
    assert_null(strchr(err.message, '\x1B'));
    /* also where it is too long */
    char name[600] = "V1__\x1B[2J";
    memset(name + strlen(name), 'a', 520);
    strcat(name, ".sql");
    error_clear(&err);
    assert_true(is_migration_name(name, &err));
    assert_non_null(strstr(err.message, "too long"));
    assert_null(strchr(err.message, '\x1B'));
}

static void test_label(void **state)
{
    (void)state;
    char label[16];
    struct migration m = {.type = MIGRATION_VERSIONED, .version = "1.5"};
    migration_label(&m, label, sizeof label);
    assert_string_equal(label, "V1.5");
    migration_label(&m, label, 3);
    assert_string_equal(label, "V1");
    m.type = MIGRATION_RUNS_ALWAYS;
    migration_label(&m, label, sizeof label);
    assert_string_equal(label, "RA");
    m.type = MIGRATION_RUNS_ON_CHANGE;
    migration_label(&m, label, sizeof label);
    assert_string_equal(label, "ROC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_no_migrations), cmocka_unit_test(test_not_utf8), cmocka_unit_test(test_control_bytes), cmocka_unit_test(test_label),
    };
    return cmocka_run_group_tests_name("filename", tests, NULL, NULL);
}
