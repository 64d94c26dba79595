/* test_commands.c: the built program on real databases, in Jetbase's words: upgrade, rollback, status, history, current, dry runs, errors and JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/run.h"

#define EMPTY_APPLIED                                                                                                                                       \
    "   Migrations Applied    \n"                                                                                                                           \
    "┏━━━━━━━━━┳━━━━━━━━━━━━━┓\n"                                                                                                                           \
    "┃ Version ┃ Description ┃\n"                                                                                                                           \
    "┡━━━━━━━━━╇━━━━━━━━━━━━━┩\n"                                                                                                                           \
    "└─────────┴─────────────┘\n"

#define PREVIEW_HEAD "\nJETBASE - Dry Run Mode\nNo SQL will be executed. This is a preview of what would happen.\n----------------------------------------\n\n\n"
#define PREVIEW_END "----------------------------------------\n\n"

/* The files of the transcripts. */
static void golden_files(const struct sandbox *sb)
{
    sandbox_file(sb, "V1__create_users_table.sql", "-- upgrade\nCREATE TABLE users (\n    id INTEGER PRIMARY KEY,\n    name TEXT\n);\n\n-- rollback\nDROP TABLE users;\n");
    sandbox_file(sb, "V2__items.sql", "CREATE TABLE items (id INTEGER);\n-- rollback\nDROP TABLE items;\n");
    sandbox_file(sb, "V10__orders.sql", "CREATE TABLE orders (id INTEGER);\n-- rollback\nDROP TABLE orders;\n");
    sandbox_file(sb, "RA__seed.sql", "DELETE FROM users;\n");
    sandbox_file(sb, "ROC__v.sql", "DROP VIEW IF EXISTS v;\nCREATE VIEW v AS SELECT 1 AS one;\n");
}

static void upgrade_by_steps(const struct sandbox *sb)
{
    run_says(sb, "upgrade --count 1", 0,
             "Starting migrations...\nMigration applied successfully: V1__create_users_table.sql\nMigration applied successfully: RA__seed.sql\n"
             "Migration applied successfully: ROC__v.sql\nMigrations completed successfully.\n", "");
    run_says(sb, "upgrade --to-version 2", 0, "Starting migrations...\nMigration applied successfully: V2__items.sql\nMigration applied successfully: RA__seed.sql\nMigrations completed successfully.\n", "");
    run_has(sb, "upgrade --to-version 99", 1, "", "The specified to_version '99' does not exist among pending migrations.");
    run_has(sb, "upgrade --to-version 1", 1, "", "The specified to_version '1' does not exist among pending migrations.");
    run_says(sb, "upgrade", 0, "Starting migrations...\nMigration applied successfully: V10__orders.sql\nMigration applied successfully: RA__seed.sql\nMigrations completed successfully.\n", "");
    run_says(sb, "upgrade", 0, "Starting migrations...\nMigration applied successfully: RA__seed.sql\nMigrations completed successfully.\n", "");
}

static void golden_story(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    run_says(&sb, "current", 0, "No migrations have been applied yet.\n", "");
    run_says(&sb, "history", 0, "No migrations have been applied.\n", "");
    run_says(&sb, "rollback", 0, "Nothing to rollback.\n", "");
    run_says(&sb, "upgrade", 0, "Migrations are up to date.\n", "");
    golden_files(&sb);
    run_says(&sb, "status", 0,
             EMPTY_APPLIED "\n"
             "          Migrations Pending           \n"
             "┏━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━┓\n"
             "┃ Version        ┃ Description        ┃\n"
             "┡━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━┩\n"
             "│ 1              │ create users table │\n"
             "│ 2              │ items              │\n"
             "│ 10             │ orders             │\n"
             "│ RUNS_ALWAYS    │ seed               │\n"
             "│ RUNS_ON_CHANGE │ v                  │\n"
             "└────────────────┴────────────────────┘\n", "");
    upgrade_by_steps(&sb);
    run_says(&sb, "status", 0,
             "          Migrations Applied           \n"
             "┏━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━┓\n"
             "┃ Version        ┃ Description        ┃\n"
             "┡━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━┩\n"
             "│ 1              │ create users table │\n"
             "│ RUNS_ON_CHANGE │ v                  │\n"
             "│ 2              │ items              │\n"
             "│ 10             │ orders             │\n"
             "│ RUNS_ALWAYS    │ seed               │\n"
             "└────────────────┴────────────────────┘\n"
             "\n"
             "     Migrations Pending      \n"
             "┏━━━━━━━━━━━━━┳━━━━━━━━━━━━━┓\n"
             "┃ Version     ┃ Description ┃\n"
             "┡━━━━━━━━━━━━━╇━━━━━━━━━━━━━┩\n"
             "│ RUNS_ALWAYS │ seed        │\n"
             "└─────────────┴─────────────┘\n", "");
    run_says(&sb, "history", 0,
             "                                Migration History                                \n"
             "┏━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┓\n"
             "┃ Version        ┃ Order Executed ┃ Description        ┃ Applied At             ┃\n"
             "┡━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━┩\n"
             "│ 1              │ 1              │ create users table │ TIME                   │\n"
             "│ RUNS_ON_CHANGE │ 3              │ v                  │ TIME                   │\n"
             "│ 2              │ 4              │ items              │ TIME                   │\n"
             "│ 10             │ 5              │ orders             │ TIME                   │\n"
             "│ RUNS_ALWAYS    │ 2              │ seed               │ TIME                   │\n"
             "└────────────────┴────────────────┴────────────────────┴────────────────────────┘\n", "");
    run_says(&sb, "current", 0, "Latest migration version: 10\n", "");
    sandbox_close(&sb);
}

/* The dry run says this, and last the digest that JSON has too. */
static void previews(const struct sandbox *sb, const char *command, const char *text)
{
    char json_command[200], want[2000];
    snprintf(json_command, sizeof json_command, "%s --json", command);
    json_t *json = run_json(sb, json_command, 0);
    snprintf(want, sizeof want, "%sDigest: %s\n", text, run_text(json, "digest"));
    json_decref(json);
    run_says(sb, command, 0, want, "");
}

static void rollback_story(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    golden_files(&sb);
    run_has(&sb, "upgrade", 0, "Migrations completed successfully.", "");
    previews(&sb, "rollback --dry-run", PREVIEW_HEAD "SQL Preview for V10__orders.sql (1 statement)\n\nDROP TABLE orders\n\n" PREVIEW_END);
    run_says(&sb, "current", 0, "Latest migration version: 10\n", "");
    run_has(&sb, "rollback --to-version 77", 1, "", "Version '77' has not been applied yet or does not exist.");
    run_says(&sb, "rollback", 0, "Starting rollback...\nRollback applied successfully: V10__orders.sql\nRollbacks completed successfully.\n", "");
    run_says(&sb, "rollback -t 1", 0, "Starting rollback...\nRollback applied successfully: V2__items.sql\nRollbacks completed successfully.\n", "");
    run_says(&sb, "rollback --to-version 1", 0, "Nothing to rollback.\n", "");
    run_says(&sb, "rollback -c 5", 0, "Starting rollback...\nRollback applied successfully: V1__create_users_table.sql\nRollbacks completed successfully.\n", "");
    run_says(&sb, "rollback", 0, "Nothing to rollback.\n", "");
    run_says(&sb, "current", 0, "No migrations have been applied yet.\n", "");
    run_has(&sb, "history", 0, "RUNS_ON_CHANGE", "");
    sandbox_close(&sb);
}

static void dry_run(enum sandbox_kind kind)
{
    struct sandbox sb;
    json_t *json, *statement;
    char *tables;
    const char *count = kind == SANDBOX_SQLITE ? "SELECT count(*) FROM sqlite_master" : "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    sandbox_open(&sb, kind);
    golden_files(&sb);
    previews(&sb, "upgrade -d --count 1",
             PREVIEW_HEAD "SQL Preview for V1__create_users_table.sql (1 statement)\n\nCREATE TABLE users (\n    id INTEGER PRIMARY KEY,\n    name TEXT\n)\n\n" PREVIEW_END
                          "SQL Preview for RA__seed.sql (1 statement)\n\nDELETE FROM users\n\n" PREVIEW_END
                          "SQL Preview for ROC__v.sql (2 statements)\n\nDROP VIEW IF EXISTS v\n\nCREATE VIEW v AS SELECT 1 AS one\n\n" PREVIEW_END);
    run_says(&sb, "rollback -d", 0, "Nothing to rollback.\n", "");
    json = run_json(&sb, "upgrade --dry-run --json", 0);
    assert_int_equal(strlen(run_text(json, "digest")), 64);
    assert_int_equal(json_array_size(json_object_get(json, "plan")), 5);
    assert_string_equal(run_text(json, "plan.0.file"), "V1__create_users_table.sql");
    assert_string_equal(run_text(json, "plan.0.version"), "1");
    assert_null(run_text(json, "plan.3.version"));
    assert_string_equal(run_text(json, "plan.3.type"), "RUNS_ALWAYS");
    statement = json_array_get(json_object_get(json_array_get(json_object_get(json, "plan"), 4), "statements"), 1);
    assert_string_equal(run_text(statement, "sql"), "CREATE VIEW v AS SELECT 1 AS one");
    assert_int_equal(json_integer_value(json_object_get(statement, "line")), 2);
    assert_int_equal(json_integer_value(json_object_get(statement, "column")), 1);
    json_decref(json);
    tables = sandbox_text(&sb, count);
    assert_string_equal(tables, "0");
    free(tables);
    sandbox_close(&sb);
}

/* Looking creates nothing. */
static void looking_writes_nothing(enum sandbox_kind kind)
{
    static const char *const looks[] = { "status", "history", "current", "lock-status", "runs", "upgrade --dry-run", "status --json", "lock-status --json" };
    struct sandbox sb;
    sandbox_open(&sb, kind);
    golden_files(&sb);
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++)
        run_has(&sb, looks[i], 0, NULL, "");
    if (kind == SANDBOX_SQLITE)
        assert_null(fopen(sb.path, "re"));
    else
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM pg_class WHERE relname LIKE 'jetbase%'"), 0);
    sandbox_close(&sb);
}

/* A rollback that fails leaves the migration applied, and says just that. */
static void failing_rollback(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__one.sql", "CREATE TABLE one (id INTEGER);\n-- rollback\nDROP TABLE one;\nDROP TABLE nowhere;\n");
    run_has(&sb, "upgrade", 0, "Migration applied successfully: V1__one.sql", "");
    run_line(&sb, &p, "rollback");
    assert_int_equal(p.exit, 1);
    assert_string_equal(p.out, "Starting rollback...\n");
    assert_non_null(strstr(p.err, "V1__one.sql:4:"));
    assert_non_null(strstr(p.err, "What the rollback of V1__one.sql had done was undone: it is applied as before. Nothing was rolled back in this run."));
    assert_null(strstr(p.err, "V1__one.sql was rolled back"));
    process_free(&p);
    run_says(&sb, "current", 0, "Latest migration version: 1\n", "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM one"), 0);
    sandbox_close(&sb);
}

/* The third of seven statements fails: file, line and column are named, nothing of the file remains, the one before it stands. */
static void failing_statement(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    json_t *events;
    size_t n;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__good.sql", "CREATE TABLE good (id INTEGER);\n");
    sandbox_file(&sb, "V2__bad.sql", "-- upgrade\nCREATE TABLE a (id INTEGER);\nCREATE TABLE b (id INTEGER);\n  SELECT totl FROM a;\nCREATE TABLE c (id INTEGER);\nSELECT 1;\nSELECT 2;\nSELECT 3;\n");
    run_line(&sb, &p, "upgrade");
    if (p.exit != 1 || !strstr(p.err, "V2__bad.sql:4:") || !strstr(p.err, "error: ") || !strstr(p.err, "totl") || !strstr(p.err, "^"))
        fail_msg("exit %d\n%s%s", p.exit, p.out, p.err);
    assert_string_equal(p.out, "Starting migrations...\nMigration applied successfully: V1__good.sql\n");
    assert_non_null(strstr(p.err, "V2__bad.sql was rolled back: nothing of it remains."));
    assert_non_null(strstr(p.err, "V1__good.sql was applied before it and stands."));
    assert_non_null(strstr(p.err, "Correct the file, then run the command again."));
    assert_non_null(strstr(p.err, "SELECT totl FROM a"));
    process_free(&p);
    run_says(&sb, "current", 0, "Latest migration version: 1\n", "");
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    run_has(&sb, "runs", 0, "failed", "");
    events = run_events(&sb, "upgrade --json", 1);
    n = json_array_size(events);
    assert_true(n >= 3);
    assert_string_equal(run_text(json_array_get(events, n - 1), "event"), "run-ended");
    assert_string_equal(run_text(json_array_get(events, n - 1), "outcome"), "failed");
    assert_string_equal(run_text(json_array_get(events, n - 2), "event"), "error");
    assert_string_equal(run_text(json_array_get(events, n - 2), "error.code"), "sql");
    assert_string_equal(run_text(json_array_get(events, n - 2), "error.file"), "V2__bad.sql");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json_array_get(events, n - 2), "error"), "line")), 4);
    json_decref(events);
    sandbox_close(&sb);
}

static void history_disagrees(enum sandbox_kind kind)
{
    struct sandbox sb;
    json_t *json;
    sandbox_open(&sb, kind);
    golden_files(&sb);
    run_has(&sb, "upgrade", 0, "Migrations completed successfully.", "");
    sandbox_file(&sb, "V2__items.sql", "CREATE TABLE items (id BIGINT);\n");
    run_has(&sb, "upgrade", 5, "", "Checksum mismatch for versions: 2. Files have been changed since migration.");
    run_has(&sb, "status", 0, "Migrations Applied", "warning: history and files disagree, an upgrade will be refused: version changed since applied: 2");
    json = run_json(&sb, "status --json", 0);
    assert_string_equal(run_text(json, "applied.0.state"), "ok");
    assert_string_equal(run_text(json, "applied.1.state"), "changed");
    json_decref(json);
    run_has(&sb, "upgrade --skip-checksum-validation", 0, "Migrations completed successfully.", "");
    sandbox_file(&sb, "V2__items.sql", "CREATE TABLE items (id INTEGER);\n-- rollback\nDROP TABLE items;\n");
    sandbox_file(&sb, "V1.5__low.sql", "SELECT 1;\n");
    run_has(&sb, "upgrade", 5, "", "V1.5__low.sql has version 1.5 which is lower than the latest migrated version 10.");
    run_has(&sb, "status", 0, NULL, "warning: V1.5__low.sql: out of order");
    json = run_json(&sb, "status --json", 0);
    assert_true(json_is_null(json_object_get(json_array_get(json_object_get(json, "pending"), 0), "statements")));
    json_decref(json);
    sandbox_close(&sb);
}

static void json_objects(enum sandbox_kind kind)
{
    struct sandbox sb;
    json_t *json;
    sandbox_open(&sb, kind);
    golden_files(&sb);
    json = run_json(&sb, "current --json", 0);
    assert_null(run_text(json, "version"));
    json_decref(json);
    json = run_events(&sb, "upgrade --json", 0);
    assert_int_equal(json_array_size(json), 1 + 5 * 2 + 6 + 1); /* lock, start and end of five files, six statements, the end */
    assert_string_equal(run_text(json, "0.event"), "lock-acquired");
    assert_string_equal(run_text(json, "1.event"), "migration-started");
    assert_string_equal(run_text(json, "2.event"), "statement-done");
    assert_string_equal(run_text(json, "17.event"), "run-ended");
    assert_string_equal(run_text(json, "17.outcome"), "ok");
    json_decref(json);
    json = run_json(&sb, "current --json", 0);
    assert_string_equal(run_text(json, "version"), "10");
    json_decref(json);
    json = run_json(&sb, "history --json", 0);
    assert_int_equal(json_array_size(json_object_get(json, "history")), 5);
    assert_string_equal(run_text(json, "history.0.file"), "V1__create_users_table.sql");
    json_decref(json);
    json = run_json(&sb, "status --json", 0);
    assert_string_equal(run_text(json, "pending.0.why"), "always");
    assert_string_equal(run_text(json, "applied.0.type"), "VERSIONED");
    assert_string_equal(run_text(json, "applied.0.description"), "create users table");
    json_decref(json);
    json = run_json(&sb, "runs --json --limit 1", 0);
    assert_int_equal(json_array_size(json_object_get(json, "runs")), 1);
    assert_string_equal(run_text(json, "runs.0.outcome"), "ok");
    assert_string_equal(run_text(json, "runs.0.command"), "upgrade");
    json_decref(json);
    json = run_json(&sb, "lock-status --json", 0);
    assert_true(json_is_false(json_object_get(json, "locked")));
    assert_int_equal(json_object_size(json), 10);
    json_decref(json);
    sandbox_close(&sb);
}

static void quiet_and_verbose(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    golden_files(&sb);
    run_says(&sb, "upgrade --quiet --count 1", 0, "", "");
    run_has(&sb, "--verbose upgrade", 0, "Starting migrations...\nMigration applied successfully: V2__items.sql\n", "V2__items.sql: statement 1 of 1, ");
    run_has(&sb, "current --quiet", 0, "Latest migration version: 10", "");
    sandbox_close(&sb);
}

int main(void)
{
    static const struct run_case tests[] = {
        RUN_TEST(golden_story),      RUN_TEST(rollback_story), RUN_TEST(dry_run),           RUN_TEST(looking_writes_nothing), RUN_TEST(failing_statement), RUN_TEST(failing_rollback),
        RUN_TEST(history_disagrees), RUN_TEST(json_objects),   RUN_TEST(quiet_and_verbose),
    };
    return run_group("commands", tests, sizeof tests / sizeof *tests);
}
