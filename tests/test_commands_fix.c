/* test_commands_fix.c: fix, fix-files, fix-checksums and validate-*: Jetbase's words, and the rows that they leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/mend.h"

static void fresh_database(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__users.sql", "CREATE TABLE users (id INTEGER);\n");
    run_says(&sb, "validate-checksums", 0, MEND_NOT_APPLIED, "");
    run_says(&sb, "validate-checksums --fix", 0, MEND_NOT_APPLIED, "");
    run_says(&sb, "validate-files", 0, MEND_ALL_FILES, "");
    run_says(&sb, "validate-files -f", 0, MEND_NO_FILES_MISSING, "");
    run_says(&sb, "fix-checksums", 0, MEND_NOT_APPLIED, "");
    run_says(&sb, "fix-files", 0, MEND_NO_FILES_MISSING, "");
    run_says(&sb, "fix", 0, MEND_NO_FILES_MISSING MEND_NOT_APPLIED MEND_COMPLETED, "");
    run_says(&sb, "fix --quiet", 0, "", "");
    if (kind == SANDBOX_SQLITE)
        assert_int_equal(access(sb.path, F_OK), -1);
    else
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM pg_class WHERE relname LIKE 'jetbase%'"), 0);
    sandbox_close(&sb);
}

static void nothing_to_do(enum sandbox_kind kind)
{
    struct sandbox sb;
    mend_open(&sb, kind);
    char *before = mend_history(&sb);
    /* the lock is not looked at, as in Jetbase */
    mend_lock_by_other(&sb);
    run_says(&sb, "validate-checksums", 0, MEND_VALID, "");
    run_says(&sb, "validate-files", 0, MEND_ALL_FILES, "");
    run_says(&sb, "fix-checksums", 0, MEND_VALID, "");
    run_says(&sb, "fix-files", 0, MEND_NO_FILES_MISSING, "");
    run_says(&sb, "fix", 0, MEND_NO_FILES_MISSING MEND_VALID MEND_COMPLETED, "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked AND process_id = '" MEND_OTHER "'"), 1);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs"), 1);
    mend_unchanged(&sb, before);
    sandbox_close(&sb);
}

static void checksums(enum sandbox_kind kind)
{
    struct sandbox sb;
    json_t *json;
    mend_open(&sb, kind);
    char *applied_at = sandbox_text(&sb, "SELECT CAST(applied_at AS TEXT) FROM jetbase_migrations WHERE version = '1'");
    char *recorded = sandbox_text(&sb, "SELECT checksum FROM jetbase_migrations WHERE version = '1'");
    mend_change_first(&sb);
    /* changed repeatables are no faults */
    sandbox_file(&sb, "RA__seed.sql", "INSERT INTO users VALUES (3);\n");
    run_has(&sb, "upgrade", 5, "", "Checksum mismatch for versions: 1. Files have been changed since migration.");
    run_says(&sb, "validate-checksums", 0, MEND_AUDIT "→ 1\n", "");
    json = run_json(&sb, "validate-checksums --json", 0);
    assert_true(json_is_null(json_object_get(json, "missing")) && json_is_false(json_object_get(json, "fixed")));
    assert_int_equal(json_array_size(json_object_get(json, "changed")), 1);
    assert_string_equal(run_text(json, "changed.0.version"), "1");
    assert_string_equal(run_text(json, "changed.0.file"), "V1__users.sql");
    assert_string_equal(run_text(json, "changed.0.recorded"), recorded);
    char sql[300];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM jetbase_migrations WHERE version = '1' AND checksum = '%s'", run_text(json, "changed.0.actual"));
    assert_int_equal(sandbox_number(&sb, sql), 0);
    run_says(&sb, "validate-checksums --fix", 0, "Repaired checksum for version: 1\nSuccessfully repaired checksums\n", "");
    assert_int_equal(sandbox_number(&sb, sql), 1);
    json_decref(json);
    char *after = sandbox_text(&sb, "SELECT CAST(applied_at AS TEXT) FROM jetbase_migrations WHERE version = '1'");
    assert_string_equal(after, applied_at);
    run_says(&sb, "validate-checksums", 0, MEND_VALID, "");
    assert_int_equal(mend_runs(&sb, "validate-checksums", "ok"), 1);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    run_has(&sb, "runs", 0, "repaired", "");
    sandbox_file(&sb, "V1__users.sql", "CREATE TABLE users (id INTEGER);\n");
    sandbox_file(&sb, "V10__orders.sql", "CREATE TABLE orders (id BIGINT);\n");
    run_has(&sb, "upgrade", 5, "", "Checksum mismatch for versions: 1, 10. Files have been changed since migration.");
    run_says(&sb, "fix-checksums", 0, "Repaired checksum for version: 1\nRepaired checksum for version: 10\nSuccessfully repaired checksums\n", "");
    run_has(&sb, "upgrade", 0, "Migrations completed successfully.", "");
    free(applied_at);
    free(recorded);
    free(after);
    sandbox_close(&sb);
}

static void files(enum sandbox_kind kind)
{
    struct sandbox sb;
    json_t *json;
    mend_open(&sb, kind);
    mend_remove(&sb, "V2__items.sql");
    run_has(&sb, "validate-checksums", 5, "", "error: Version 2 has been migrated but is missing from the current migration files.");
    run_has(&sb, "rollback --count 3", 5, "", "or run 'jetbase fix' to synchronize the migrations table with existing files before retrying the rollback.");
    run_says(&sb, "validate-files", 0, "The following migration versions are missing their corresponding files:\n→ 2\n", "");
    run_says(&sb, "validate-files --fix", 0, "Stopped tracking the following missing versions:\n→ 2\n", "");
    run_says(&sb, "validate-files", 0, MEND_ALL_FILES, "");
    mend_remove(&sb, "RA__seed.sql");
    mend_remove(&sb, "ROC__v.sql");
    run_says(&sb, "validate-files", 0, "The following migration versions are missing their corresponding files:\n→ RA__seed.sql\n→ ROC__v.sql\n", "");
    json = run_json(&sb, "fix --json", 0);
    assert_true(json_is_true(json_object_get(json, "fixed")));
    assert_int_equal(json_array_size(json_object_get(json, "missing")), 2);
    assert_int_equal(json_array_size(json_object_get(json, "changed")), 0);
    assert_string_equal(run_text(json, "missing.0.type"), "RUNS_ALWAYS");
    assert_string_equal(run_text(json, "missing.1.file"), "ROC__v.sql");
    assert_null(run_text(json, "missing.1.version"));
    json_decref(json);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations"), 2);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations WHERE version IN ('1', '10')"), 2);
    run_says(&sb, "fix-files", 0, MEND_NO_FILES_MISSING, "");
    assert_int_equal(mend_runs(&sb, "validate-files", "ok"), 1);
    assert_int_equal(mend_runs(&sb, "fix", "ok"), 1);
    sandbox_close(&sb);
}

static void both(enum sandbox_kind kind)
{
    struct sandbox sb;
    mend_open(&sb, kind);
    mend_change_first(&sb);
    mend_remove(&sb, "V2__items.sql");
    mend_remove(&sb, "ROC__v.sql");
    run_says(&sb, "fix", 0,
             "Stopped tracking the following missing versions:\n→ 2\nRemoved the following missing repeatable migrations from the database:\n→ ROC__v.sql\n"
             "Repaired checksum for version: 1\nSuccessfully repaired checksums\n" MEND_COMPLETED, "");
    assert_int_equal(mend_runs(&sb, "fix", "ok"), 1);
    run_says(&sb, "fix", 0, MEND_NO_FILES_MISSING MEND_VALID MEND_COMPLETED, "");
    /* the latest version is gone: what was out of order is so no longer */
    sandbox_file(&sb, "V5__new.sql", "CREATE TABLE five (id INTEGER);\n");
    run_has(&sb, "fix", 5, MEND_NO_FILES_MISSING, "error: V5__new.sql has version 5 which is lower than the latest migrated version 10.\n");
    mend_remove(&sb, "V10__orders.sql");
    run_says(&sb, "fix", 0, "Stopped tracking the following missing versions:\n→ 10\n" MEND_VALID MEND_COMPLETED, "");
    run_has(&sb, "upgrade", 0, "Migration applied successfully: V5__new.sql", "");
    sandbox_close(&sb);
}

/* Where a check fails nothing is repaired, also not the other part. */
static void refused(enum sandbox_kind kind)
{
    struct sandbox sb;
    json_t *json;
    mend_open(&sb, kind);
    char *before = mend_history(&sb);
    mend_remove(&sb, "V2__items.sql");
    sandbox_file(&sb, "V1.5__low.sql", "SELECT 1;\n");
    run_has(&sb, "fix", 5, "", "V1.5__low.sql has version 1.5 which is lower than the latest migrated version 10.\n"
                               "New migration files cannot have versions lower than the latest migrated version.\nPlease rename the file to have a version higher than 10.\n");
    json = run_json(&sb, "fix --json", 5);
    assert_string_equal(run_text(json, "error.code"), "history");
    json_decref(json);
    run_says(&sb, "validate-files", 0, "The following migration versions are missing their corresponding files:\n→ 2\n", "");
    mend_remove(&sb, "V1.5__low.sql");
    sandbox_file(&sb, "V10__dup.sql", "SELECT 1;\n");
    run_has(&sb, "fix", 1, "", "Duplicate migration version detected: 10.\n");
    run_has(&sb, "validate-files", 1, "", "Duplicate migration version detected: 10.\n");
    run_has(&sb, "validate-checksums", 1, "", "Duplicate migration version detected: 10.\n");
    mend_remove(&sb, "V10__dup.sql");
    sandbox_file(&sb, "bad.sql", "SELECT 1;\n");
    run_has(&sb, "validate-files", 1, "", "Invalid migration filename format: bad.sql.\n");
    run_has(&sb, "fix-files", 1, "", "Invalid migration filename format: bad.sql.\n");
    mend_unchanged(&sb, before);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs"), 1);
    sandbox_close(&sb);
}

static void held_lock(enum sandbox_kind kind)
{
    static const char *const lines[] = { "fix", "fix-files", "validate-files -f" };
    struct sandbox sb;
    json_t *json;
    mend_open(&sb, kind);
    char *before = mend_history(&sb);
    mend_lock_by_other(&sb);
    mend_change_first(&sb);
    run_has(&sb, "fix-checksums", 3, "", MEND_HELD);
    run_has(&sb, "validate-checksums --fix", 3, "", MEND_HELD);
    run_has(&sb, "validate-checksums --fix", 3, "", "HINT: Nothing was done. ");
    run_has(&sb, "fix", 3, MEND_NO_FILES_MISSING, MEND_HELD);
    run_says(&sb, "validate-checksums", 0, MEND_AUDIT "→ 1\n", "");
    mend_remove(&sb, "V2__items.sql");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        run_has(&sb, lines[i], 3, "", MEND_HELD);
    json = run_json(&sb, "fix --json", 3);
    assert_string_equal(run_text(json, "error.code"), "lock-held");
    json_decref(json);
    run_says(&sb, "validate-files", 0, "The following migration versions are missing their corresponding files:\n→ 2\n", "");
    mend_unchanged(&sb, before);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs"), 1);
    sandbox_close(&sb);
}

/* History as Python leaves it, or as somebody wrote it by hand: all rows of a version get the checksum, one type of a repeatable goes and not its like. */
static void odd_rows(enum sandbox_kind kind)
{
    struct sandbox sb;
    mend_open(&sb, kind);
    sandbox_sql(&sb, "DROP INDEX jetbase_migrations_version_key");
    sandbox_sql(&sb, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum) VALUES ('1', 'users', 'V1__users.sql', 'VERSIONED', '')");
    sandbox_sql(&sb, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum) VALUES ('2', 'items', 'V2__items.sql', 'VERSIONED', 'x')");
    sandbox_sql(&sb, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum) VALUES (NULL, 'seed', 'RA__seed.sql', 'RUNS_ON_CHANGE', 'x')");
    run_says(&sb, "validate-checksums", 0, MEND_AUDIT "→ 1\n→ 2\n", "");
    run_has(&sb, "fix-checksums", 0, "Repaired checksum for version: 1\nRepaired checksum for version: 2\nSuccessfully repaired checksums\n", "no unique index");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations WHERE version IN ('1', '2')"), 4);
    assert_int_equal(sandbox_number(&sb, "SELECT count(DISTINCT checksum) FROM jetbase_migrations WHERE version IN ('1', '2')"), 2);
    mend_remove(&sb, "V2__items.sql");
    mend_remove(&sb, "RA__seed.sql");
    run_has(&sb, "fix-files", 0, "Stopped tracking the following missing versions:\n→ 2\nRemoved the following missing repeatable migrations from the database:\n→ RA__seed.sql\n→ RA__seed.sql\n", "no unique index");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations"), 4);
    sandbox_sql(&sb, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum) VALUES ('3', 'x', 'V3__x.sql', 'UNKNOWN', 'x')");
    run_has(&sb, "fix", 5, "", "migration type 'UNKNOWN', which is not known here");
    sandbox_close(&sb);
}

/* Jetbase's own table is as Python made it: the repair adds no column and goes on with Python's statements. */
static void columns(enum sandbox_kind kind)
{
    static const char names[] = "order_executed,version,description,filename,migration_type,applied_at,checksum";
    struct sandbox sb;
    mend_open(&sb, kind);
    mend_change_first(&sb);
    run_has(&sb, "fix", 0, MEND_COMPLETED, "");
    char *got = sandbox_text(&sb, kind == SANDBOX_SQLITE ? "SELECT group_concat(name, ',') FROM pragma_table_info('jetbase_migrations')"
                                                         : "SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_name = 'jetbase_migrations'");
    assert_string_equal(got, names);
    free(got);
    sandbox_sql(&sb, "UPDATE jetbase_migrations SET checksum = '58eb5329a509d92267ebcf5618b458b8d752e4ed4b1113d2f97e39491ba42929' WHERE version = '1' AND migration_type = 'VERSIONED'");
    run_says(&sb, "validate-checksums", 0, MEND_AUDIT "→ 1\n", "");
    sandbox_sql(&sb, "DELETE FROM jetbase_migrations WHERE version = '1' AND migration_type = 'VERSIONED'");
    sandbox_sql(&sb, "DELETE FROM jetbase_migrations WHERE filename = 'RA__seed.sql' AND migration_type in ('RUNS_ALWAYS', 'RUNS_ON_CHANGE')");
    run_says(&sb, "validate-files", 0, MEND_ALL_FILES, "");
    sandbox_close(&sb);
}

/* More records than fit into one window. */
static void many(enum sandbox_kind kind)
{
    enum { FILES = 600 };
    struct sandbox sb;
    char name[64];
    sandbox_open(&sb, kind);
    for (int i = 1; i <= FILES; i++) {
        snprintf(name, sizeof name, "V%d__x.sql", i);
        sandbox_file(&sb, name, "SELECT %d;\n", i);
    }
    run_has(&sb, "upgrade --quiet", 0, "", "");
    for (int i = 1; i <= FILES; i++) {
        snprintf(name, sizeof name, "V%d__x.sql", i);
        if (i % 2)
            mend_remove(&sb, name);
        else
            sandbox_file(&sb, name, "SELECT %d, 2;\n", i);
    }
    run_has(&sb, "fix", 0, MEND_COMPLETED, "");
    run_says(&sb, "fix", 0, MEND_NO_FILES_MISSING MEND_VALID MEND_COMPLETED, "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations"), FILES / 2);
    sandbox_close(&sb);
}

int main(void)
{
    static const struct run_case tests[] = {
        RUN_TEST(fresh_database), RUN_TEST(nothing_to_do), RUN_TEST(checksums), RUN_TEST(files), RUN_TEST(both),
        RUN_TEST(refused), RUN_TEST(held_lock), RUN_TEST(odd_rows), RUN_TEST(columns), RUN_TEST(many),
    };
    return run_group("commands_fix", tests, sizeof tests / sizeof *tests);
}
