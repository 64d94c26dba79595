/* test_pg_schema.c: postgres_schema as Jetbase means it: one name, as it is written, the search path of every transaction; and one that is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/python.h"
#include "support/run.h"

#define SCHEMA "JETBASE_POSTGRES_SCHEMA"

/* A name as it stands in an SQL literal: quotes doubled. */
static void in_literal(const char *name, char *to)
{
    for (; *name; *to++ = *name++)
        if (*name == '\'')
            *to++ = '\'';
    *to = '\0';
}

static void make_schema(const struct sandbox *sb, const char *name)
{
    char sql[300], literal[150];
    in_literal(name, literal);
    snprintf(sql, sizeof sql, "DO $do$ BEGIN EXECUTE format('CREATE SCHEMA %%I', '%s'); END $do$", literal);
    sandbox_sql(sb, sql);
}

static void check_tables(const struct sandbox *sb, const char *schema, const char *wanted)
{
    char sql[500], literal[150], *text;
    in_literal(schema, literal);
    snprintf(sql, sizeof sql, "SELECT COALESCE(string_agg(tablename, ' ' ORDER BY tablename), '') FROM pg_tables WHERE schemaname = '%s'::name", literal);
    text = sandbox_text(sb, sql);
    assert_string_equal(text, wanted);
    free(text);
}

/* Each file makes a table without naming a schema; the second and third set a search path of their own and leave it. */
static void files(const struct sandbox *sb)
{
    sandbox_file(sb, "V1__a.sql", "CREATE TABLE a (id int);\n-- rollback\nDROP TABLE a;\n");
    sandbox_file(sb, "V2__b.sql", "SET search_path TO public, pg_catalog;\nCREATE TABLE in_public (id int);\n-- rollback\nSET search_path TO public;\nDROP TABLE in_public;\n");
    sandbox_file(sb, "V3__c.sql", "CREATE TABLE c (id int);\nSELECT pg_catalog.set_config('search_path', '', false);\n-- rollback\nDROP TABLE c;\nSET search_path TO public;\n");
    sandbox_file(sb, "V4__d.sql", "CREATE TABLE d (id int);\nINSERT INTO c VALUES (1);\n-- rollback\nDROP TABLE d;\n");
    sandbox_file(sb, "ROC__e.sql", "DROP VIEW IF EXISTS e;\nCREATE VIEW e AS SELECT id FROM d;\n");
}

static void one_name(const char *name)
{
    struct sandbox sb;
    struct python py = { 0 };
    char literal[150];
    sandbox_open(&sb, SANDBOX_POSTGRES);
    make_schema(&sb, name);
    files(&sb);
    setenv(SCHEMA, name, 1);
    run_says(&sb, "upgrade", 0, "Starting migrations...\nMigration applied successfully: V1__a.sql\nMigration applied successfully: V2__b.sql\nMigration applied successfully: V3__c.sql\n"
                                "Migration applied successfully: V4__d.sql\nMigration applied successfully: ROC__e.sql\nMigrations completed successfully.\n", "");
    check_tables(&sb, name, "a c d jetbase_lock jetbase_migrations jetbase_runs");
    check_tables(&sb, "public", "in_public");
    run_says(&sb, "current", 0, "Latest migration version: 4\n", "");
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    /* Jetbase with the same setting finds them, and goes on there. */
    assert_true(python_open(&py, &sb));
    in_literal(name, literal);
    py.schema = literal;
    assert_int_equal(python_plan(&py), 4);
    assert_int_equal(python_number(&py, "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'jetbase_migrations'"), 1);
    assert_int_equal(python_lock(&py), 1);
    run_has(&sb, "rollback", 3, NULL, "Migration lock is already held by another process.");
    assert_int_equal(python_unlock(&py), 1);
    python_close(&py);
    sandbox_file(&sb, "ROC__e.sql", "DROP VIEW IF EXISTS e;\n");
    run_has(&sb, "upgrade", 0, "ROC__e.sql", "");
    run_says(&sb, "rollback --count 4", 0, NULL, "");
    check_tables(&sb, name, "jetbase_lock jetbase_migrations jetbase_runs");
    check_tables(&sb, "public", "");
    unsetenv(SCHEMA);
    sandbox_close(&sb);
}

static void names(void **state)
{
    static const char *const all[] = {
        "app", "App", "app, public", "a'b", "say \"hi\"", " with blanks ", "pg\\x", "Größe 表", "a_name_of_more_than_sixty_three_bytes_which_the_server_cuts_at_its_end",
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        one_name(all[i]);
}

/* Nothing is taken for the schema that only looks like it: another case, another's tables. */
static void missing(void **state)
{
    static const char *const fresh[][2] = {
        { "current", "No migrations have been applied yet.\n" }, { "history", "No migrations have been applied.\n" }, { "lock-status", "Status: UNLOCKED\n" }, { "unlock", "Unlock successful.\n" },
    };
    static const char *const refused[] = { "status", "upgrade", "upgrade --dry-run", "rollback", "rollback --dry-run", "fix", "fix-files", "fix-checksums", "validate-files", "validate-checksums" };
    struct sandbox sb;
    (void)state;
    sandbox_open(&sb, SANDBOX_POSTGRES);
    make_schema(&sb, "app");
    files(&sb);
    sandbox_file(&sb, "ROC__e.sql", "SELECT 1;\n");
    setenv(SCHEMA, "app", 1);
    run_says(&sb, "upgrade --count 1", 0, NULL, "");
    setenv(SCHEMA, "App", 1);
    for (size_t i = 0; i < sizeof fresh / sizeof *fresh; i++)
        run_says(&sb, fresh[i][0], 0, fresh[i][1], NULL);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        run_has(&sb, refused[i], 1, "", "The schema 'App', which postgres_schema names, does not exist in this database.\nHINT: Nothing was changed.");
    json_t *object = run_json(&sb, "status --json", 1);
    assert_non_null(strstr(run_text(object, "error.message"), "The schema 'App'"));
    json_decref(object);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'jetbase%'"), 3);
    check_tables(&sb, "public", "");
    make_schema(&sb, "App");
    run_has(&sb, "status", 0, NULL, "");
    run_says(&sb, "upgrade", 0, NULL, "");
    run_says(&sb, "current", 0, "Latest migration version: 4\n", "");
    setenv(SCHEMA, "app", 1);
    run_says(&sb, "current", 0, "Latest migration version: 1\n", "");
    unsetenv(SCHEMA);
    sandbox_close(&sb);
}

/* A project in public, another in its own schema: each sees its own tables and holds its own lock. */
static void two_projects(void **state)
{
    struct sandbox sb;
    struct python py = { 0 };
    (void)state;
    sandbox_open(&sb, SANDBOX_POSTGRES);
    make_schema(&sb, "app");
    python_files(&sb, 1, 2, true);
    assert_true(python_open(&py, &sb));
    assert_int_equal(python_upgrade(&py, 2), PYTHON_DONE);
    assert_int_equal(python_lock(&py), 1);
    setenv(SCHEMA, "app", 1);
    run_says(&sb, "history", 0, "No migrations have been applied.\n", "");
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    run_has(&sb, "upgrade", 1, NULL, "applied_log"); /* it is in public, which is not on the path */
    sandbox_sql(&sb, "CREATE TABLE app.applied_log (v INTEGER)");
    run_says(&sb, "upgrade", 0, NULL, "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM app.applied_log"), 2);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM public.applied_log"), 2);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM public.jetbase_lock WHERE is_locked"), 1);
    setenv(SCHEMA, "", 1); /* an empty one is none, as in Jetbase */
    run_has(&sb, "lock-status", 0, "Status: LOCKED", NULL);
    unsetenv(SCHEMA);
    assert_int_equal(python_unlock(&py), 1);
    run_says(&sb, "upgrade", 0, "Migrations are up to date.\n", "");
    python_close(&py);
    sandbox_close(&sb);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(names), cmocka_unit_test(missing), cmocka_unit_test(two_projects) };
    setenv("COLUMNS", "100", 1);
    unsetenv(SCHEMA);
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("pg_schema", tests, NULL, NULL);
}
