/* test_coexist.c: Python's Jetbase 0.18.1 on the same database, by its own statements: its project goes on with ours and ours with it, and each lock keeps the other out. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sha256.h"
#include "support/python.h"
#include "support/run.h"

#define HELD "Migration lock is already held by another process."

static void fail_python(const struct python *py, const char *what)
{
    fail_msg("%s: %s %s", what, py->fault, py->message);
}

static void joined(struct python *py, const struct sandbox *sb)
{
    memset(py, 0, sizeof *py);
    if (!python_open(py, sb))
        fail_python(py, "connect");
}

/* A statement of Python's that must change (or give) so many rows. */
static void does(struct python *py, const char *sql, long rows)
{
    long got = python_do(py, sql);
    if (got != rows)
        fail_msg("%ld rows, not %ld: %s: %s %s", got, rows, sql, py->fault, py->message);
}

static void upgrades(struct python *py, int to, int applied)
{
    if (python_upgrade(py, to) != PYTHON_DONE)
        fail_python(py, "upgrade");
    assert_int_equal(py->applied, applied);
}

/* How Jetbase's two tables are made: columns, types, defaults, identity, constraints. To be freed. */
static char *shape(const struct sandbox *sb)
{
    if (sb->kind == SANDBOX_SQLITE)
        return sandbox_text(sb, "SELECT group_concat(line, char(10)) FROM (SELECT m.name || ' ' || c.cid || ' ' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || COALESCE(c.dflt_value, '-') || ' ' || c.pk || ' '"
                                " || (instr(m.sql, 'AUTOINCREMENT') > 0) || ' ' || (instr(m.sql, 'CHECK (id = 1)') > 0) AS line FROM sqlite_master m, pragma_table_info(m.name) c"
                                " WHERE m.name IN ('jetbase_migrations', 'jetbase_lock') ORDER BY m.name, c.cid)");
    return sandbox_text(sb, "SELECT string_agg(line, chr(10) ORDER BY line) FROM (SELECT table_name || ' ' || ordinal_position || ' ' || column_name || ' ' || data_type || ' ' || COALESCE(character_maximum_length::text, '-') || ' '"
                            " || is_nullable || ' ' || COALESCE(column_default, '-') || ' ' || is_identity || ' ' || COALESCE(identity_generation, '-') AS line FROM information_schema.columns"
                            " WHERE table_schema = current_schema() AND table_name IN ('jetbase_migrations', 'jetbase_lock')"
                            " UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid IN ('jetbase_migrations'::regclass, 'jetbase_lock'::regclass)) AS lines");
}

static void says_text(const struct sandbox *sb, const char *sql, const char *wanted)
{
    char *text = sandbox_text(sb, sql);
    assert_string_equal(text, wanted);
    free(text);
}

#define RA "INSERT INTO always VALUES (1)"
#define ROC "INSERT INTO changed VALUES (1)"

/* Files of both repeatable kinds, and the rows that Python's first upgrade left of them. */
static void repeatables_begun(struct sandbox *sb, struct python *py)
{
    char sql[400], checksum[65];
    sandbox_file(sb, "RA__always.sql", "%s;\n", RA);
    sandbox_file(sb, "ROC__changed.sql", "%s;\n", ROC);
    sandbox_sql(sb, "CREATE TABLE always (n INTEGER)");
    sandbox_sql(sb, "CREATE TABLE changed (n INTEGER)");
    sha256_hex(RA, sizeof RA - 1, checksum);
    snprintf(sql, sizeof sql, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum) VALUES (NULL, 'always', 'RA__always.sql', 'RUNS_ALWAYS', '%s')", checksum);
    does(py, sql, 1);
    sha256_hex(ROC, sizeof ROC - 1, checksum);
    snprintf(sql, sizeof sql, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum) VALUES (NULL, 'changed', 'ROC__changed.sql', 'RUNS_ON_CHANGE', '%s')", checksum);
    does(py, sql, 1);
}

/* Jetbase began, we go on, Jetbase goes on, we go on. */
static void there_and_back(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct python py;
    char *before, *after;
    sandbox_open(&sb, kind);
    joined(&py, &sb);
    python_files(&sb, 1, 4, true);
    upgrades(&py, 2, 2);
    repeatables_begun(&sb, &py);
    before = shape(&sb);
    run_says(&sb, "current", 0, "Latest migration version: 2\n", "");
    json_t *status = run_json(&sb, "status --json", 0);
    assert_int_equal(json_array_size(json_object_get(status, "applied")), 4);
    for (int i = 0; i < 4; i++) {
        char path[40];
        snprintf(path, sizeof path, "applied.%d.state", i);
        assert_string_equal(run_text(status, path), "ok");
    }
    assert_int_equal(json_array_size(json_object_get(status, "pending")), 3); /* 3, 4 and the one that runs always */
    json_decref(status);
    run_says(&sb, "upgrade", 0, "Starting migrations...\nMigration applied successfully: V3__step.sql\nMigration applied successfully: V4__step.sql\nMigration applied successfully: RA__always.sql\nMigrations completed successfully.\n", "");
    python_check_once(&sb, 4);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM always"), 1);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM changed"), 0);
    after = shape(&sb);
    assert_string_equal(before, after);
    /* Jetbase again: what it reads is what it would have written. */
    python_files(&sb, 5, 6, false);
    assert_int_equal(python_plan(&py), 4);
    assert_int_equal(python_number(&py, "SELECT count(*) FROM (SELECT order_executed, version, description, filename, migration_type, applied_at, checksum FROM jetbase_migrations"
                                        " WHERE migration_type = 'VERSIONED' AND description = 'step' AND checksum IS NOT NULL AND applied_at IS NOT NULL ORDER BY applied_at DESC) AS h"), 4);
    upgrades(&py, 5, 1);
    assert_int_equal(sandbox_number(&sb, "SELECT order_executed FROM jetbase_migrations WHERE version = '5'"), 7); /* 1, 2, RA, ROC, 3, 4: the identity goes on */
    does(&py, kind == SANDBOX_SQLITE ? "UPDATE jetbase_migrations SET checksum = 'x', applied_at = STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW') WHERE filename = 'RA__always.sql' AND migration_type = 'RUNS_ALWAYS'"
                                     : "UPDATE jetbase_migrations SET checksum = 'x', applied_at = CURRENT_TIMESTAMP WHERE filename = 'RA__always.sql' AND migration_type = 'RUNS_ALWAYS'", 1);
    assert_true(python_roll_back(&py, 5));
    run_has(&sb, "upgrade", 0, "Migration applied successfully: V5__step.sql\nMigration applied successfully: V6__step.sql\n", "");
    python_check_once(&sb, 6);
    python_check_free(&sb);
    assert_int_equal(python_lock(&py), 1);
    assert_int_equal(python_unlock(&py), 1);
    free(before);
    free(after);
    python_close(&py);
    sandbox_close(&sb);
}

/* Tables that we make are those that Jetbase makes. */
static void same_tables(enum sandbox_kind kind)
{
    struct sandbox ours, theirs;
    struct python py;
    char *a, *b;
    sandbox_open(&ours, kind);
    sandbox_open(&theirs, kind);
    joined(&py, &theirs);
    assert_true(python_prepare(&py));
    python_files(&ours, 1, 1, true);
    run_says(&ours, "upgrade", 0, NULL, "");
    a = shape(&ours);
    b = shape(&theirs);
    assert_true(strlen(a) > 200);
    assert_string_equal(a, b);
    free(a);
    free(b);
    python_close(&py);
    joined(&py, &ours);
    assert_int_equal(python_plan(&py), 1);
    upgrades(&py, 2, 1);
    python_check_once(&ours, 2);
    python_close(&py);
    sandbox_close(&theirs);
    sandbox_close(&ours);
}

static void its_lock(enum sandbox_kind kind)
{
    static const char *const refused[] = { "upgrade", "rollback", "upgrade --take-over-dead" };
    struct sandbox sb;
    struct python py;
    char line[100];
    sandbox_open(&sb, kind);
    joined(&py, &sb);
    python_files(&sb, 1, 2, true);
    upgrades(&py, 1, 1);
    assert_int_equal(python_lock(&py), 1);
    run_has(&sb, "lock-status", 0, "UNKNOWN", ""); /* nothing of ours is there yet */
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        run_has(&sb, refused[i], 3, NULL, HELD);
    run_has(&sb, "unlock --if-dead", 3, "", NULL);
    run_has(&sb, "lock-status", 0, "Status: LOCKED", "");
    run_has(&sb, "lock-status", 0, "UNKNOWN", "");
    json_t *look = run_json(&sb, "lock-status --json", 0);
    assert_true(json_is_true(json_object_get(look, "locked")));
    assert_string_equal(run_text(look, "process_id"), py.id);
    assert_string_equal(run_text(look, "verdict"), "unknown");
    assert_non_null(strstr(run_text(look, "evidence"), "another program"));
    assert_true(json_is_null(json_object_get(look, "age_s")));
    json_decref(look);
    says_text(&sb, "SELECT process_id FROM jetbase_lock WHERE is_locked", py.id);
    python_check_once(&sb, 1);
    /* Nothing to do needs no lock, and looking never did. */
    run_has(&sb, "status", 0, "step", "");
    run_has(&sb, "upgrade --dry-run", 0, "V2__step.sql", "");
    /* Opened under it, Python goes on, and its release finds nothing. */
    snprintf(line, sizeof line, "unlock --process-id %s", py.id);
    run_has(&sb, line, 0, "Unlock successful.", NULL);
    assert_int_equal(python_unlock(&py), 0);
    run_has(&sb, "upgrade", 0, "V2__step.sql", "");
    python_check_once(&sb, 2);
    python_check_free(&sb);
    python_close(&py);
    sandbox_close(&sb);
}

static void our_lock(enum sandbox_kind kind)
{
    static const char *const upgrade[] = { "upgrade", NULL };
    struct sandbox sb;
    struct python py;
    struct process p;
    sandbox_open(&sb, kind);
    joined(&py, &sb);
    python_files(&sb, 1, 3, true);
    upgrades(&py, 1, 1);
    sandbox_start(&sb, &p, true, "locked=stop", upgrade);
    assert_true(process_wait_stopped(&p));
    assert_int_equal(python_lock(&py), 0);
    assert_int_equal(python_upgrade(&py, 3), PYTHON_HELD);
    assert_int_equal(python_unlock(&py), 0); /* not its own: nothing is given back */
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked AND locked_at IS NOT NULL AND length(process_id) = 36"), 1);
    kill(p.pid, SIGCONT);
    process_wait(&p);
    assert_int_equal(p.exit, 0);
    process_free(&p);
    python_check_once(&sb, 3);
    python_check_free(&sb);
    assert_int_equal(python_lock(&py), 1);
    assert_int_equal(python_unlock(&py), 1);
    python_close(&py);
    sandbox_close(&sb);
}

/* Python has planned; we run whole; Python takes the lock and goes on with its plan. */
static void run_ours(struct python *py, const char *where)
{
    struct process p;
    if (strcmp(where, "planned") != 0)
        return;
    assert_int_equal(run_line(py->sb, &p, "upgrade"), 0);
    process_free(&p);
}

static void planned_before_ours(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct python py;
    sandbox_open(&sb, kind);
    joined(&py, &sb);
    python_files(&sb, 1, 3, true);
    py.between = run_ours;
    assert_int_equal(python_upgrade(&py, 3), PYTHON_FAILED);
    assert_string_equal(py.fault, kind == SANDBOX_SQLITE ? "2067" : "23505"); /* SQLITE_CONSTRAINT_UNIQUE, unique_violation */
    assert_int_equal(py.applied, 0);
    python_check_once(&sb, 3);
    python_check_free(&sb);
    py.between = NULL;
    upgrades(&py, 3, 0);
    run_says(&sb, "upgrade", 0, "Migrations are up to date.\n", "");
    python_close(&py);
    sandbox_close(&sb);
}

/* Its fix, its rollback and applying again, on tables that have our index. */
static void its_repairs(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct python py;
    char sql[300], checksum[65];
    sandbox_open(&sb, kind);
    joined(&py, &sb);
    python_files(&sb, 1, 3, true);
    run_says(&sb, "upgrade", 0, NULL, "");
    assert_int_equal(sandbox_number(&sb, kind == SANDBOX_SQLITE ? "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND name = 'jetbase_migrations_version_key'"
                                                                : "SELECT count(*) FROM pg_class WHERE relkind = 'i' AND relname = 'jetbase_migrations_version_key'"), 1);
    /* fix-checksums */
    sandbox_file(&sb, "V2__step.sql", "INSERT INTO applied_log VALUES (2) ;\n\n-- rollback\nDELETE FROM applied_log WHERE v = 2;\n");
    sandbox_file(&sb, "V3__step.sql", "INSERT INTO applied_log VALUES (33);\n\n-- rollback\nDELETE FROM applied_log WHERE v = 3;\n");
    run_has(&sb, "status", 0, NULL, "version changed since applied: 3");
    assert_int_equal(python_lock(&py), 1);
    sha256_hex("INSERT INTO applied_log VALUES (33)", 35, checksum);
    snprintf(sql, sizeof sql, "UPDATE jetbase_migrations SET checksum = '%s' WHERE version = '3' AND migration_type = 'VERSIONED'", checksum);
    does(&py, sql, 1);
    assert_int_equal(python_unlock(&py), 1);
    run_says(&sb, "status", 0, NULL, "");
    /* rollback of 3, and again from the file as it was */
    assert_true(python_roll_back(&py, 3));
    python_files(&sb, 2, 3, false);
    assert_int_equal(python_plan(&py), 2);
    upgrades(&py, 3, 1);
    python_check_once(&sb, 3);
    run_has(&sb, "rollback --count 2", 0, "Rollback applied successfully: V2__step.sql\n", "");
    upgrades(&py, 3, 2);
    python_check_once(&sb, 3);
    /* fix-files: the rows of a file that is gone, of both kinds */
    sandbox_file(&sb, "RA__gone.sql", "SELECT 1;\n");
    run_says(&sb, "upgrade", 0, NULL, "");
    assert_int_equal(python_lock(&py), 1);
    does(&py, "DELETE FROM jetbase_migrations WHERE version = '3' AND migration_type = 'VERSIONED'", 1);
    does(&py, "DELETE FROM jetbase_migrations WHERE filename = 'RA__gone.sql' AND migration_type in ('RUNS_ALWAYS', 'RUNS_ON_CHANGE')", 1);
    assert_int_equal(python_unlock(&py), 1);
    does(&py, "DELETE FROM applied_log WHERE v = 3", 1);
    run_has(&sb, "upgrade", 0, "V3__step.sql\nMigration applied successfully: RA__gone.sql\n", "");
    python_check_once(&sb, 3);
    python_close(&py);
    sandbox_close(&sb);
}

static int occurrences(const char *text, const char *part)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        n++;
    return n;
}

/* Two Python runs applied 2 twice before our index could be made: we go on, with one note each time. */
static void doubles(enum sandbox_kind kind)
{
    static const char *const notes[] = { "jetbase_migrations has no unique index on its versions", "no unique index on the versions of jetbase_migrations could be made: it holds a version twice" };
    struct sandbox sb;
    struct python py, second;
    struct process p;
    sandbox_open(&sb, kind);
    joined(&py, &sb);
    joined(&second, &sb);
    python_files(&sb, 1, 4, true);
    upgrades(&py, 2, 2);
    assert_true(python_apply(&second, 2));
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations WHERE version = '2'"), 2);
    json_t *status = run_json(&sb, "status --json", 0);
    assert_int_equal(json_array_size(json_object_get(status, "applied")), 3);
    assert_string_equal(run_text(status, "pending.0.version"), "3");
    json_decref(status);
    run_says(&sb, "current", 0, "Latest migration version: 2\n", "");
    for (int i = 3; i <= 4; i++) {
        assert_int_equal(run_line(&sb, &p, "upgrade --count 1"), 0);
        assert_int_equal(occurrences(p.err, notes[kind == SANDBOX_POSTGRES]), 1);
        assert_int_equal(occurrences(p.err, "\n"), 1);
        assert_int_equal(occurrences(p.out, "Migration applied successfully: "), 1);
        process_free(&p);
    }
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM applied_log"), 5);
    python_check_free(&sb);
    /* One of them has another checksum: the file is a changed one, whichever is newer. */
    does(&py, "UPDATE jetbase_migrations SET checksum = 'other' WHERE order_executed = 3", 1);
    run_has(&sb, "status", 0, NULL, "version changed since applied: 2");
    does(&py, "UPDATE jetbase_migrations SET checksum = (SELECT checksum FROM jetbase_migrations WHERE order_executed = 2) WHERE order_executed = 3", 1);
    /* Rolled back once, and both rows go; then the index can be made. */
    run_has(&sb, "rollback --count 3", 0, "V4__step.sql\nRollback applied successfully: V3__step.sql\nRollback applied successfully: V2__step.sql\n", NULL);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations"), 1);
    run_says(&sb, "upgrade", 0, NULL, "");
    python_check_once(&sb, 4);
    python_close(&py);
    python_close(&second);
    sandbox_close(&sb);
}

/* Jetbase finds the latest version by applied_at, which SQLite keeps to the millisecond: two of ours within one would make it run the latest again. */
static void no_two_at_once(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct python py;
    if (kind != SANDBOX_SQLITE)
        return;
    sandbox_open(&sb, kind);
    python_files(&sb, 1, 1, true);
    run_has(&sb, "upgrade", 0, "V1__step.sql", "");
    /* The one before stands just ahead of this clock, as one of the same millisecond would. */
    sandbox_sql(&sb, "UPDATE jetbase_migrations SET applied_at = strftime('%Y-%m-%d %H:%M:%f', 'now', '+0.9 seconds')");
    python_files(&sb, 2, 4, false);
    run_has(&sb, "upgrade", 0, "V4__step.sql", "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(DISTINCT applied_at) FROM jetbase_migrations"), 4);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations a JOIN jetbase_migrations b ON b.order_executed > a.order_executed AND b.applied_at <= a.applied_at"), 0);
    joined(&py, &sb);
    assert_int_equal(python_plan(&py), 4);
    python_close(&py);
    /* What no time is, or lies far ahead, is left alone. */
    sandbox_sql(&sb, "UPDATE jetbase_migrations SET applied_at = 'soon' WHERE version = '4'");
    python_files(&sb, 5, 5, false);
    run_has(&sb, "upgrade", 0, "V5__step.sql", NULL);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations WHERE version = '5' AND abs(julianday(applied_at) - julianday('now')) < 0.01"), 1);
    sandbox_close(&sb);
}

int main(void)
{
    static const struct run_case tests[] = {
        RUN_TEST(there_and_back), RUN_TEST(same_tables), RUN_TEST(its_lock), RUN_TEST(our_lock), RUN_TEST(planned_before_ours), RUN_TEST(its_repairs), RUN_TEST(doubles), RUN_TEST(no_two_at_once),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return run_group("coexist", tests, sizeof tests / sizeof *tests);
}
