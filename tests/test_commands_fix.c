/* test_commands_fix.c: fix, fix-files, fix-checksums and validate-*: Jetbase's words and rows, and a repair that is whole, locked and fenced or not made at all. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/run.h"

#define OTHER "11111111-2222-3333-4444-555555555555"
#define VALID "All migration checksums are valid - no altered upgrade statements detected.\n"
#define NO_FILES_MISSING "No missing migration files.\n"
#define ALL_FILES "All migrations have corresponding files.\n"
#define NOT_APPLIED "No migrations have been applied; nothing to repair.\n"
#define COMPLETED "Fix completed successfully.\n"
#define AUDIT "JETBASE - Checksum Audit Report\n----------------------------------------\nChanges detected in the following migration versions:\n"
#define HELD "error: Migration lock is already held by another process.\n"

/* Versions 1, 2 and 10, a runs-always and a runs-on-change file, all applied. */
static void open_project(struct sandbox *sb, enum sandbox_kind kind)
{
    sandbox_open(sb, kind);
    sandbox_file(sb, "V1__users.sql", "CREATE TABLE users (id INTEGER);\n");
    sandbox_file(sb, "V2__items.sql", "CREATE TABLE items (id INTEGER);\n");
    sandbox_file(sb, "V10__orders.sql", "CREATE TABLE orders (id INTEGER);\n");
    sandbox_file(sb, "RA__seed.sql", "INSERT INTO users VALUES (1);\n");
    sandbox_file(sb, "ROC__v.sql", "INSERT INTO users VALUES (2);\n");
    run_has(sb, "upgrade", 0, "Migrations completed successfully.", "");
}

static void remove_file(const struct sandbox *sb, const char *name)
{
    char path[400];
    snprintf(path, sizeof path, "%s/migrations/%s", sb->dir, name);
    assert_int_equal(unlink(path), 0);
}

static void change_first(const struct sandbox *sb)
{
    sandbox_file(sb, "V1__users.sql", "CREATE TABLE users (id BIGINT);\n");
}

/* All of history as one text. */
static char *history(const struct sandbox *sb)
{
    static const char row[] = "order_executed || '|' || COALESCE(version, '-') || '|' || description || '|' || filename || '|' || migration_type || '|' || applied_at || '|' || checksum";
    char sql[800];
    if (sb->kind == SANDBOX_SQLITE)
        snprintf(sql, sizeof sql, "SELECT group_concat(line, '\n') FROM (SELECT %s AS line FROM jetbase_migrations ORDER BY order_executed)", row);
    else
        snprintf(sql, sizeof sql, "SELECT string_agg(%s, E'\\n' ORDER BY order_executed) FROM jetbase_migrations", row);
    return sandbox_text(sb, sql);
}

static void unchanged(const struct sandbox *sb, char *before)
{
    char *now = history(sb);
    assert_string_equal(now, before);
    free(now);
    free(before);
}

static void lock_by_other(const struct sandbox *sb)
{
    sandbox_sql(sb, "UPDATE jetbase_lock SET is_locked = TRUE, locked_at = '2025-12-25 14:30:22.123456', process_id = '" OTHER "'");
}

static int64_t runs_of(const struct sandbox *sb, const char *command, const char *outcome)
{
    char sql[300];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM jetbase_runs WHERE command = '%s' AND outcome = '%s' AND released_at IS NOT NULL", command, outcome);
    return sandbox_number(sb, sql);
}

static void fresh_database(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__users.sql", "CREATE TABLE users (id INTEGER);\n");
    run_says(&sb, "validate-checksums", 0, NOT_APPLIED, "");
    run_says(&sb, "validate-checksums --fix", 0, NOT_APPLIED, "");
    run_says(&sb, "validate-files", 0, ALL_FILES, "");
    run_says(&sb, "validate-files -f", 0, NO_FILES_MISSING, "");
    run_says(&sb, "fix-checksums", 0, NOT_APPLIED, "");
    run_says(&sb, "fix-files", 0, NO_FILES_MISSING, "");
    run_says(&sb, "fix", 0, NO_FILES_MISSING NOT_APPLIED COMPLETED, "");
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
    open_project(&sb, kind);
    char *before = history(&sb);
    /* the lock is not looked at, as in Jetbase */
    lock_by_other(&sb);
    run_says(&sb, "validate-checksums", 0, VALID, "");
    run_says(&sb, "validate-files", 0, ALL_FILES, "");
    run_says(&sb, "fix-checksums", 0, VALID, "");
    run_says(&sb, "fix-files", 0, NO_FILES_MISSING, "");
    run_says(&sb, "fix", 0, NO_FILES_MISSING VALID COMPLETED, "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked AND process_id = '" OTHER "'"), 1);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs"), 1);
    unchanged(&sb, before);
    sandbox_close(&sb);
}

static void checksums(enum sandbox_kind kind)
{
    struct sandbox sb;
    json_t *json;
    open_project(&sb, kind);
    char *applied_at = sandbox_text(&sb, "SELECT CAST(applied_at AS TEXT) FROM jetbase_migrations WHERE version = '1'");
    char *recorded = sandbox_text(&sb, "SELECT checksum FROM jetbase_migrations WHERE version = '1'");
    change_first(&sb);
    /* changed repeatables are no faults */
    sandbox_file(&sb, "RA__seed.sql", "INSERT INTO users VALUES (3);\n");
    run_has(&sb, "upgrade", 5, "", "Checksum mismatch for versions: 1. Files have been changed since migration.");
    run_says(&sb, "validate-checksums", 0, AUDIT "→ 1\n", "");
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
    run_says(&sb, "validate-checksums", 0, VALID, "");
    assert_int_equal(runs_of(&sb, "validate-checksums", "ok"), 1);
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
    open_project(&sb, kind);
    remove_file(&sb, "V2__items.sql");
    run_has(&sb, "validate-checksums", 5, "", "error: Version 2 has been migrated but is missing from the current migration files.");
    run_has(&sb, "rollback --count 3", 5, "", "or run 'jetbase fix' to synchronize the migrations table with existing files before retrying the rollback.");
    run_says(&sb, "validate-files", 0, "The following migration versions are missing their corresponding files:\n→ 2\n", "");
    run_says(&sb, "validate-files --fix", 0, "Stopped tracking the following missing versions:\n→ 2\n", "");
    run_says(&sb, "validate-files", 0, ALL_FILES, "");
    remove_file(&sb, "RA__seed.sql");
    remove_file(&sb, "ROC__v.sql");
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
    run_says(&sb, "fix-files", 0, NO_FILES_MISSING, "");
    assert_int_equal(runs_of(&sb, "validate-files", "ok"), 1);
    assert_int_equal(runs_of(&sb, "fix", "ok"), 1);
    sandbox_close(&sb);
}

static void both(enum sandbox_kind kind)
{
    struct sandbox sb;
    open_project(&sb, kind);
    change_first(&sb);
    remove_file(&sb, "V2__items.sql");
    remove_file(&sb, "ROC__v.sql");
    run_says(&sb, "fix", 0,
             "Stopped tracking the following missing versions:\n→ 2\nRemoved the following missing repeatable migrations from the database:\n→ ROC__v.sql\n"
             "Repaired checksum for version: 1\nSuccessfully repaired checksums\n" COMPLETED, "");
    assert_int_equal(runs_of(&sb, "fix", "ok"), 1);
    run_says(&sb, "fix", 0, NO_FILES_MISSING VALID COMPLETED, "");
    /* the latest version is gone: what was out of order is so no longer */
    sandbox_file(&sb, "V5__new.sql", "CREATE TABLE five (id INTEGER);\n");
    run_has(&sb, "fix", 5, NO_FILES_MISSING, "error: V5__new.sql has version 5 which is lower than the latest migrated version 10.\n");
    remove_file(&sb, "V10__orders.sql");
    run_says(&sb, "fix", 0, "Stopped tracking the following missing versions:\n→ 10\n" VALID COMPLETED, "");
    run_has(&sb, "upgrade", 0, "Migration applied successfully: V5__new.sql", "");
    sandbox_close(&sb);
}

/* Where a check fails nothing is repaired, also not the other part. */
static void refused(enum sandbox_kind kind)
{
    struct sandbox sb;
    json_t *json;
    open_project(&sb, kind);
    char *before = history(&sb);
    remove_file(&sb, "V2__items.sql");
    sandbox_file(&sb, "V1.5__low.sql", "SELECT 1;\n");
    run_has(&sb, "fix", 5, "", "V1.5__low.sql has version 1.5 which is lower than the latest migrated version 10.\n"
                               "New migration files cannot have versions lower than the latest migrated version.\nPlease rename the file to have a version higher than 10.\n");
    json = run_json(&sb, "fix --json", 5);
    assert_string_equal(run_text(json, "error.code"), "history");
    json_decref(json);
    run_says(&sb, "validate-files", 0, "The following migration versions are missing their corresponding files:\n→ 2\n", "");
    remove_file(&sb, "V1.5__low.sql");
    sandbox_file(&sb, "V10__dup.sql", "SELECT 1;\n");
    run_has(&sb, "fix", 1, "", "Duplicate migration version detected: 10.\n");
    run_has(&sb, "validate-files", 1, "", "Duplicate migration version detected: 10.\n");
    run_has(&sb, "validate-checksums", 1, "", "Duplicate migration version detected: 10.\n");
    remove_file(&sb, "V10__dup.sql");
    sandbox_file(&sb, "bad.sql", "SELECT 1;\n");
    run_has(&sb, "validate-files", 1, "", "Invalid migration filename format: bad.sql.\n");
    run_has(&sb, "fix-files", 1, "", "Invalid migration filename format: bad.sql.\n");
    unchanged(&sb, before);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs"), 1);
    sandbox_close(&sb);
}

static void held_lock(enum sandbox_kind kind)
{
    static const char *const lines[] = { "fix", "fix-files", "validate-files -f" };
    struct sandbox sb;
    json_t *json;
    open_project(&sb, kind);
    char *before = history(&sb);
    lock_by_other(&sb);
    change_first(&sb);
    run_has(&sb, "fix-checksums", 3, "", HELD);
    run_has(&sb, "validate-checksums --fix", 3, "", HELD);
    run_has(&sb, "validate-checksums --fix", 3, "", "HINT: Nothing was done. ");
    run_has(&sb, "fix", 3, NO_FILES_MISSING, HELD);
    run_says(&sb, "validate-checksums", 0, AUDIT "→ 1\n", "");
    remove_file(&sb, "V2__items.sql");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        run_has(&sb, lines[i], 3, "", HELD);
    json = run_json(&sb, "fix --json", 3);
    assert_string_equal(run_text(json, "error.code"), "lock-held");
    json_decref(json);
    run_says(&sb, "validate-files", 0, "The following migration versions are missing their corresponding files:\n→ 2\n", "");
    unchanged(&sb, before);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs"), 1);
    sandbox_close(&sb);
}

/* History as Python leaves it, or as somebody wrote it by hand: all rows of a version get the checksum, one type of a repeatable goes and not its like. */
static void odd_rows(enum sandbox_kind kind)
{
    struct sandbox sb;
    open_project(&sb, kind);
    sandbox_sql(&sb, "DROP INDEX jetbase_migrations_version_key");
    sandbox_sql(&sb, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum) VALUES ('1', 'users', 'V1__users.sql', 'VERSIONED', '')");
    sandbox_sql(&sb, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum) VALUES ('2', 'items', 'V2__items.sql', 'VERSIONED', 'x')");
    sandbox_sql(&sb, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum) VALUES (NULL, 'seed', 'RA__seed.sql', 'RUNS_ON_CHANGE', 'x')");
    run_says(&sb, "validate-checksums", 0, AUDIT "→ 1\n→ 2\n", "");
    run_has(&sb, "fix-checksums", 0, "Repaired checksum for version: 1\nRepaired checksum for version: 2\nSuccessfully repaired checksums\n", "no unique index");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations WHERE version IN ('1', '2')"), 4);
    assert_int_equal(sandbox_number(&sb, "SELECT count(DISTINCT checksum) FROM jetbase_migrations WHERE version IN ('1', '2')"), 2);
    remove_file(&sb, "V2__items.sql");
    remove_file(&sb, "RA__seed.sql");
    run_has(&sb, "fix-files", 0, "Stopped tracking the following missing versions:\n→ 2\nRemoved the following missing repeatable migrations from the database:\n→ RA__seed.sql\n→ RA__seed.sql\n", "no unique index");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations"), 4);
    sandbox_sql(&sb, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum) VALUES ('3', 'x', 'V3__x.sql', 'UNKNOWN', 'x')");
    run_has(&sb, "fix", 5, "", "migration type 'UNKNOWN', which is not known here");
    sandbox_close(&sb);
}

/* Runs `jetbase ARGS` to the failpoint, does `meanwhile`, lets it go on. */
static void held_at(const struct sandbox *sb, struct process *p, const char *failpoint, void (*meanwhile)(const struct sandbox *sb, pid_t pid))
{
    static const char *const fix[] = { "fix", NULL };
    sandbox_start(sb, p, true, failpoint, fix);
    assert_true(process_wait_stopped(p));
    meanwhile(sb, p->pid);
    kill(p->pid, SIGCONT);
    process_wait(p);
}

static void unlock_it(const struct sandbox *sb, pid_t pid)
{
    (void)pid;
    run_has(sb, "unlock", 0, "Unlock successful.\n", "warning: ");
}

static void unlocked(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    open_project(&sb, kind);
    char *before = history(&sb);
    change_first(&sb);
    remove_file(&sb, "V2__items.sql");
    held_at(&sb, &p, "planned=stop", unlock_it);
    if (p.exit != 4 || !strstr(p.err, "error: the lock was lost: somebody unlocked it while the repair of history ran") || !strstr(p.err, "Nothing was repaired"))
        fail_msg("exit %d\n%s%s", p.exit, p.out, p.err);
    assert_string_equal(p.out, "");
    process_free(&p);
    unchanged(&sb, before);
    assert_int_equal(runs_of(&sb, "fix", "lost"), 1);
    run_has(&sb, "fix", 0, COMPLETED, "");
    sandbox_close(&sb);
}

static void change_tenth(const struct sandbox *sb, pid_t pid)
{
    (void)pid;
    sandbox_file(sb, "V10__orders.sql", "CREATE TABLE orders (id BIGINT);\n");
    sandbox_file(sb, "V1__users.sql", "CREATE TABLE users (id INTEGER);\n");
}

static void bring_all_back(const struct sandbox *sb, pid_t pid)
{
    (void)pid;
    sandbox_file(sb, "V10__orders.sql", "CREATE TABLE orders (id BIGINT);\n");
}

/* What is repaired is what is found under the lock. */
static void looked_again(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    open_project(&sb, kind);
    change_first(&sb);
    held_at(&sb, &p, "locked=stop", change_tenth);
    assert_int_equal(p.exit, 0);
    assert_string_equal(p.out, NO_FILES_MISSING "Repaired checksum for version: 10\nSuccessfully repaired checksums\n" COMPLETED);
    process_free(&p);
    sandbox_file(&sb, "V10__orders.sql", "CREATE TABLE orders (id INTEGER);\n");
    char *before = history(&sb);
    held_at(&sb, &p, "locked=stop", bring_all_back);
    assert_int_equal(p.exit, 0);
    assert_string_equal(p.out, NO_FILES_MISSING VALID COMPLETED);
    process_free(&p);
    unchanged(&sb, before);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    sandbox_close(&sb);
}

static void end_it(const struct sandbox *sb, pid_t pid)
{
    (void)sb;
    kill(pid, SIGTERM);
}

static void stopped(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    open_project(&sb, kind);
    char *before = history(&sb);
    change_first(&sb);
    held_at(&sb, &p, "fence=stop", end_it);
    if (p.exit != 128 + SIGTERM || !strstr(p.err, "error: stopped by a signal") || !strstr(p.err, "Nothing was repaired"))
        fail_msg("exit %d\n%s%s", p.exit, p.out, p.err);
    process_free(&p);
    unchanged(&sb, before);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    assert_int_equal(runs_of(&sb, "fix", "cancelled"), 1);
    sandbox_close(&sb);
}

/* A holder that died in a repair: all of it or nothing, and its lock is a dead one's. */
static void killed(enum sandbox_kind kind)
{
    static const char *const places[] = { "locked=kill", "planned=kill", "head=kill", "fence=kill" };
    static const char *const fix[] = { "fix", NULL };
    struct sandbox sb;
    struct process p;
    open_project(&sb, kind);
    char *before = history(&sb);
    change_first(&sb);
    remove_file(&sb, "V2__items.sql");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        sandbox_start(&sb, &p, true, places[i], fix);
        process_wait(&p);
        process_free(&p);
        char *now = history(&sb);
        assert_string_equal(now, before);
        free(now);
        run_has(&sb, "fix", 3, "", HELD);
        while (run_line(&sb, &p, "unlock --if-dead") != 0) /* a server ends the session a moment later */
            process_free(&p);
        process_free(&p);
    }
    free(before);
    sandbox_start(&sb, &p, true, "released=kill", fix);
    process_wait(&p);
    process_free(&p);
    run_says(&sb, "fix", 0, NO_FILES_MISSING VALID COMPLETED, "");
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    sandbox_close(&sb);
}

/* Jetbase's own table is as Python made it: the repair adds no column and goes on with Python's statements. */
static void columns(enum sandbox_kind kind)
{
    static const char names[] = "order_executed,version,description,filename,migration_type,applied_at,checksum";
    struct sandbox sb;
    open_project(&sb, kind);
    change_first(&sb);
    run_has(&sb, "fix", 0, COMPLETED, "");
    char *got = sandbox_text(&sb, kind == SANDBOX_SQLITE ? "SELECT group_concat(name, ',') FROM pragma_table_info('jetbase_migrations')"
                                                         : "SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_name = 'jetbase_migrations'");
    assert_string_equal(got, names);
    free(got);
    sandbox_sql(&sb, "UPDATE jetbase_migrations SET checksum = '58eb5329a509d92267ebcf5618b458b8d752e4ed4b1113d2f97e39491ba42929' WHERE version = '1' AND migration_type = 'VERSIONED'");
    run_says(&sb, "validate-checksums", 0, AUDIT "→ 1\n", "");
    sandbox_sql(&sb, "DELETE FROM jetbase_migrations WHERE version = '1' AND migration_type = 'VERSIONED'");
    sandbox_sql(&sb, "DELETE FROM jetbase_migrations WHERE filename = 'RA__seed.sql' AND migration_type in ('RUNS_ALWAYS', 'RUNS_ON_CHANGE')");
    run_says(&sb, "validate-files", 0, ALL_FILES, "");
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
            remove_file(&sb, name);
        else
            sandbox_file(&sb, name, "SELECT %d, 2;\n", i);
    }
    run_has(&sb, "fix", 0, COMPLETED, "");
    run_says(&sb, "fix", 0, NO_FILES_MISSING VALID COMPLETED, "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations"), FILES / 2);
    sandbox_close(&sb);
}

int main(void)
{
    static const struct run_case tests[] = {
        RUN_TEST(fresh_database), RUN_TEST(nothing_to_do), RUN_TEST(checksums), RUN_TEST(files), RUN_TEST(both), RUN_TEST(refused), RUN_TEST(held_lock), RUN_TEST(odd_rows),
        RUN_TEST(unlocked), RUN_TEST(looked_again), RUN_TEST(stopped), RUN_TEST(killed), RUN_TEST(columns), RUN_TEST(many),
    };
    return run_group("commands_fix", tests, sizeof tests / sizeof *tests);
}
