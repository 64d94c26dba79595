/* test_vectors.c: Jetbase's vectors, run through the program: what a file leaves in jetbase_migrations, which names each command takes, what an upgrade or a rollback leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/files.h"
#include "support/sandbox.h"

/* What differs on purpose: the vector, by its name, and what we do instead. */
struct departure {
    const char *name;
    int exit;
    const char *why;
};

static const struct departure *departure_of(const struct departure *all, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(all[i].name, name) == 0)
            return &all[i];
    return NULL;
}

/* Jetbase's exit codes are 0 and 1 here. */
static bool same_class(int want, int got)
{
    return (want == 0) == (got == 0) && got < 128;
}

static const struct departure files_that_run[] = {
    { "two statements on a line (SQLite fails)", 0, "statements are found as the server finds them" },
    { "$$ body with ; at line ends and the default delimiter (PostgreSQL fails)", 0, "the same" },
    { "string with ; at a line end is cut (SQLite fails)", 0, "the same" },
    { "delimiter of letters: any line that ends with it ends the statement, and rstrip takes its letters off", 0, "a delimiter is taken off whole, its letters stay where they belong to the statement" },
    { "bind-like :name in a string", 0, ":name is sent as it stands" },
};

static void check_file(const json_t *vector)
{
    const char *name = files_string(vector, "name"), *hex = files_string(vector, "file_hex"), *stored = json_string_value(json_object_get(vector, "stored_checksum"));
    const struct departure *other = departure_of(files_that_run, sizeof files_that_run / sizeof *files_that_run, name);
    enum sandbox_kind kind = strcmp(files_string(vector, "database"), "sqlite") == 0 ? SANDBOX_SQLITE : SANDBOX_POSTGRES;
    int want = other ? other->exit : (int)json_integer_value(json_object_get(vector, "exit"));
    size_t len = strlen(hex) / 2;
    unsigned char *bytes = malloc(len + 1);
    struct sandbox sb;
    struct process p;
    if (!sandbox_has(kind)) {
        free(bytes);
        return;
    }
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(sscanf(hex + 2 * i, "%2hhx", &bytes[i]), 1);
    sandbox_open(&sb, kind);
    files_write_bytes(sb.dir, "migrations/V1__a.sql", bytes, len);
    sandbox_run(&sb, &p, (const char *const[]){ "upgrade", NULL });
    if (!same_class(want, p.exit))
        fail_msg("%s: exit %d\n%s%s", name, p.exit, p.out, p.err);
    if (other && same_class((int)json_integer_value(json_object_get(vector, "exit")), p.exit))
        fail_msg("%s: differs no more", name);
    if (p.exit == 0) {
        char *sum = sandbox_text(&sb, "SELECT checksum FROM jetbase_migrations WHERE version = '1'");
        assert_string_equal(sum, stored ? stored : files_string(vector, "computed_checksum"));
        free(sum);
    }
    process_free(&p);
    free(bytes);
    sandbox_close(&sb);
}

static void test_files(void **state)
{
    (void)state;
    json_t *root = files_vectors("checksum.json"), *vector;
    size_t index;
    json_array_foreach(json_object_get(root, "vectors"), index, vector)
        check_file(vector);
    assert_int_equal(index, 34);
    json_decref(root);
}

/* Names that are no migrations at all are passed over; Jetbase dies of them. */
static bool passed_over(const json_t *vector)
{
    const char *error = json_string_value(json_object_get(vector, "error"));
    return error && strstr(error, "substring not found");
}

/* Names with more behind ".sql" (a backup) are refused by upgrade and status; here by whatever reads the folder, in Jetbase not by validate-files. */
static bool refused_whole(const json_t *vector)
{
    const char *end = strstr(files_string(vector, "name"), ".sql");
    return !json_is_true(json_object_get(vector, "accepted")) && end && end[4] != '\0';
}

static void check_exit(const struct sandbox *sb, const json_t *vector, const char *command, const char *key)
{
    struct process p;
    int want = passed_over(vector) ? 0 : refused_whole(vector) ? 1 : (int)json_integer_value(json_object_get(vector, key));
    sandbox_run(sb, &p, (const char *const[]){ command, NULL });
    if (!same_class(want, p.exit))
        fail_msg("%s, %s: exit %d\n%s%s", files_string(vector, "name"), command, p.exit, p.out, p.err);
    process_free(&p);
}

static void check_column(const struct sandbox *sb, const json_t *vector, const char *column, const char *key)
{
    char sql[200], *text;
    const char *want = json_string_value(json_object_get(vector, key));
    snprintf(sql, sizeof sql, "SELECT coalesce(%s, 'NULL') FROM jetbase_migrations", column);
    text = sandbox_text(sb, sql);
    assert_string_equal(text, want ? want : "NULL");
    free(text);
}

static void check_name(const json_t *vector)
{
    char path[FILES_PATH];
    struct sandbox sb;
    sandbox_open(&sb, SANDBOX_SQLITE);
    snprintf(path, sizeof path, "migrations/%s", files_string(vector, "name"));
    files_write(sb.dir, path, "SELECT 1;\n");
    check_exit(&sb, vector, "status", "status_exit");
    check_exit(&sb, vector, "validate-files", "validate_files_exit");
    check_exit(&sb, vector, "upgrade", "upgrade_exit");
    if (json_is_true(json_object_get(vector, "accepted"))) {
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations"), 1);
        check_column(&sb, vector, "version", "version");
        check_column(&sb, vector, "description", "description");
        check_column(&sb, vector, "filename", "filename");
        check_column(&sb, vector, "migration_type", "type");
    } else {
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM sqlite_master"), 0);
    }
    sandbox_close(&sb);
}

static void test_names(void **state)
{
    (void)state;
    json_t *root = files_vectors("filename.json"), *vector;
    size_t index;
    if (!sandbox_has(SANDBOX_SQLITE))
        skip();
    json_array_foreach(json_object_get(root, "vectors"), index, vector)
        check_name(vector);
    assert_int_equal(index, 42);
    json_decref(root);
}

static const struct {
    const char *what;
    int exit;
    const char *versions; /* afterwards, in order_executed's order */
} other_ends[] = {
    { "1 applied, then 1.0 added (equal versions, other text)", 1, "1" },
    { "1.0 applied, then 1 added", 1, "1.0" },
    { "file of the latest applied version deleted, 3 and 4 pending, --skip-file-validation: the first pending is skipped", 0, "1 2 3 4" },
    { "rollback --count 0 rolls back one", 1, "1 2" },
    { "rollback --count -1 on SQLite rolls back all", 1, "1 2" },
};

static void clear_files(const struct sandbox *sb)
{
    const char *const argv[] = { "/bin/sh", "-c", "rm migrations/*", NULL };
    struct process p;
    process_run(&p, sb->dir, argv, NULL);
    assert_int_equal(p.exit, 0);
    process_free(&p);
}

/* The files of a vector; one that was there under another name keeps its text. */
static void write_files(const struct sandbox *sb, const json_t *names, const json_t *was)
{
    json_t *name;
    size_t index;
    json_array_foreach(names, index, name)
    {
        const char *file = json_string_value(name), *old = json_string_value(json_array_get(was, index));
        bool renamed = old && strncmp(old, file, strcspn(file, "_") + 1) == 0;
        sandbox_file(sb, file, "SELECT '%s';\n-- rollback\nSELECT 1;\n", renamed ? old : file);
    }
}

static void check_story(enum sandbox_kind kind, const json_t *vector)
{
    const char *what = files_string(vector, "what"), *args[8] = { NULL };
    int exit = (int)json_integer_value(json_object_get(vector, "exit"));
    char want[128] = "", *got;
    struct sandbox sb;
    struct process p;
    json_t *item, *was = json_object_get(vector, "applied_before");
    size_t index;
    json_array_foreach(json_object_get(vector, "versions_after"), index, item)
        snprintf(want + strlen(want), sizeof want - strlen(want), "%s%s", index ? " " : "", json_string_value(item));
    for (size_t i = 0; i < sizeof other_ends / sizeof *other_ends; i++)
        if (strcmp(other_ends[i].what, what) == 0) {
            exit = other_ends[i].exit;
            snprintf(want, sizeof want, "%s", other_ends[i].versions);
        }
    sandbox_open(&sb, kind);
    write_files(&sb, was, NULL);
    assert_int_equal(sandbox_run(&sb, NULL, (const char *const[]){ "upgrade", NULL }), 0);
    clear_files(&sb);
    write_files(&sb, json_object_get(vector, "files_now"), was);
    json_array_foreach(json_object_get(vector, "args"), index, item)
        args[index] = json_string_value(item);
    sandbox_run(&sb, &p, args);
    if (!same_class(exit, p.exit))
        fail_msg("%s: exit %d\n%s%s", what, p.exit, p.out, p.err);
    got = sandbox_text(&sb, kind == SANDBOX_SQLITE ? "SELECT group_concat(version, ' ') FROM (SELECT version FROM jetbase_migrations ORDER BY order_executed)"
                                                   : "SELECT string_agg(version, ' ' ORDER BY order_executed) FROM jetbase_migrations");
    if (strcmp(got, want) != 0)
        fail_msg("%s: versions `%s`, not `%s`", what, got, want);
    free(got);
    process_free(&p);
    sandbox_close(&sb);
}

static void stories(enum sandbox_kind kind)
{
    json_t *root = files_vectors("version.json"), *vector;
    size_t index, seen = 0;
    if (!sandbox_has(kind))
        skip();
    json_array_foreach(json_object_get(root, "vectors"), index, vector)
        if (json_object_get(vector, "applied_before")) {
            check_story(kind, vector);
            seen++;
        }
    assert_int_equal(seen, 10);
    json_decref(root);
}

static void test_stories_sqlite(void **state)
{
    (void)state;
    stories(SANDBOX_SQLITE);
}

static void test_stories_postgres(void **state)
{
    (void)state;
    stories(SANDBOX_POSTGRES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_stories_sqlite),
        cmocka_unit_test(test_stories_postgres),
    };
    return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
