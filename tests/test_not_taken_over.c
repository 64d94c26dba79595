/* test_not_taken_over.c: Jetbase's faults that lose, double or skip work, one by one, each through the whole program: here it does not happen. (Files overwritten by init and new: test_commands_make.c. A plan made before the lock: test_race.c, test_coexist.c.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sha256.h"
#include "support/python.h"
#include "support/run.h"

/* Opens a project with an empty applied_log. */
static void begin(struct sandbox *sb, enum sandbox_kind kind)
{
    sandbox_open(sb, kind);
    python_files(sb, 1, 0, true);
}

static void holds(const struct sandbox *sb, const char *values)
{
    char *text = sandbox_text(sb, sb->kind == SANDBOX_SQLITE ? "SELECT COALESCE(group_concat(v, ' '), '') FROM (SELECT v FROM applied_log ORDER BY v)"
                                                             : "SELECT COALESCE(string_agg(v::text, ' ' ORDER BY v), '') FROM applied_log");
    assert_string_equal(text, values);
    free(text);
}

static void log_file(const struct sandbox *sb, const char *name, int value)
{
    sandbox_file(sb, name, "INSERT INTO applied_log VALUES (%d);\n-- rollback\nINSERT INTO applied_log VALUES (-%d);\n", value, value);
}

/* Jetbase drops what has no delimiter at the end, and says that all is applied. The checksum stays its own, over what it would have run. */
static void last_statement(enum sandbox_kind kind)
{
    static const char hashed[] = "INSERT INTO applied_log VALUES (1)";
    struct sandbox sb;
    char checksum[65], *stored;
    begin(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "%s;\nINSERT INTO applied_log VALUES (2)\n-- rollback\nDELETE FROM applied_log WHERE v = 1;\nDELETE FROM applied_log WHERE v = 2", hashed);
    run_says(&sb, "upgrade", 0, NULL, "");
    holds(&sb, "1 2");
    stored = sandbox_text(&sb, "SELECT checksum FROM jetbase_migrations");
    sha256_hex(hashed, strlen(hashed), checksum);
    assert_string_equal(stored, checksum);
    free(stored);
    run_says(&sb, "rollback", 0, NULL, "");
    holds(&sb, "");
    sandbox_close(&sb);
}

/* Jetbase joins the lines of a statement with blanks, so that a comment takes the next lines with it. */
static void comments(enum sandbox_kind kind)
{
    struct sandbox sb;
    begin(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "INSERT INTO applied_log VALUES (1) -- the first\n, (2);\nINSERT INTO applied_log SELECT 3 -- three\nWHERE 1 = 0;\n");
    run_says(&sb, "upgrade", 0, NULL, "");
    holds(&sb, "1 2");
    sandbox_close(&sb);
}

/* Jetbase runs 1 and 1.0, and runs 1.0 again where 1 is applied. */
static void equal_versions(enum sandbox_kind kind)
{
    static const char *const spelt[] = { "V1.0__a.sql", "V01__a.sql", "V1_0_0__b.sql" };
    struct sandbox sb;
    char path[700];
    begin(&sb, kind);
    log_file(&sb, "V1__a.sql", 1);
    for (size_t i = 0; i < sizeof spelt / sizeof *spelt; i++) {
        log_file(&sb, spelt[i], 1);
        run_has(&sb, "upgrade", 1, "", spelt[i]);
        run_has(&sb, "upgrade --skip-validation", 1, "", "V1__a.sql");
        holds(&sb, "");
        snprintf(path, sizeof path, "%s/migrations/%s", sb.dir, spelt[i]);
        assert_int_equal(unlink(path), 0);
    }
    run_says(&sb, "upgrade", 0, NULL, "");
    snprintf(path, sizeof path, "%s/migrations/V1__a.sql", sb.dir);
    assert_int_equal(unlink(path), 0);
    for (size_t i = 0; i < sizeof spelt / sizeof *spelt; i++) {
        log_file(&sb, spelt[i], 1);
        run_says(&sb, "upgrade", 0, "Migrations are up to date.\n", "");
        run_says(&sb, "upgrade --skip-validation", 0, "Migrations are up to date.\n", "");
        snprintf(path, sizeof path, "%s/migrations/%s", sb.dir, spelt[i]);
        assert_int_equal(unlink(path), 0);
    }
    holds(&sb, "1");
    sandbox_close(&sb);
}

/* Jetbase leaves out the first pending file where that of the latest applied version is gone. */
static void first_pending(enum sandbox_kind kind)
{
    struct sandbox sb;
    char path[700];
    begin(&sb, kind);
    log_file(&sb, "V1__a.sql", 1);
    log_file(&sb, "V2__b.sql", 2);
    run_says(&sb, "upgrade", 0, NULL, "");
    log_file(&sb, "V3__c.sql", 3);
    log_file(&sb, "V4__d.sql", 4);
    snprintf(path, sizeof path, "%s/migrations/V2__b.sql", sb.dir);
    assert_int_equal(unlink(path), 0);
    run_says(&sb, "upgrade --skip-file-validation", 0, "Starting migrations...\nMigration applied successfully: V3__c.sql\nMigration applied successfully: V4__d.sql\nMigrations completed successfully.\n", "");
    holds(&sb, "1 2 3 4");
    sandbox_close(&sb);
}

/* Jetbase rolls back every file between two applied versions, applied or not. */
static void never_applied(enum sandbox_kind kind)
{
    struct sandbox sb;
    begin(&sb, kind);
    log_file(&sb, "V1__a.sql", 1);
    log_file(&sb, "V3__c.sql", 3);
    run_says(&sb, "upgrade", 0, NULL, "");
    log_file(&sb, "V2__b.sql", 2);
    run_says(&sb, "rollback --count 2", 0, "Starting rollback...\nRollback applied successfully: V3__c.sql\nRollback applied successfully: V1__a.sql\nRollbacks completed successfully.\n", "");
    holds(&sb, "-3 -1 1 3");
    sandbox_close(&sb);
}

/* For Jetbase 0 is all (upgrade) or one (rollback), and -1 rolls back everything on SQLite. */
static void counts(enum sandbox_kind kind)
{
    static const char *const lines[] = { "upgrade --count 0", "upgrade --count -1", "rollback --count 0", "rollback --count -1", "upgrade --count 0 --dry-run" };
    struct sandbox sb;
    begin(&sb, kind);
    log_file(&sb, "V1__a.sql", 1);
    log_file(&sb, "V2__b.sql", 2);
    run_says(&sb, "upgrade --count 1", 0, NULL, "");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        run_has(&sb, lines[i], 2, "", "'count' must be a positive integer.");
    holds(&sb, "1");
    sandbox_close(&sb);
}

/* Jetbase's status, dry runs, and a rollback or an upgrade with nothing to do make tables. */
static void no_tables(enum sandbox_kind kind)
{
    static const char *const lines[] = { "status", "upgrade --dry-run", "rollback --dry-run", "rollback", "history", "current", "lock-status", "unlock", "validate-files", "validate-checksums", "fix", "fix-files", "fix-checksums" };
    struct sandbox sb;
    begin(&sb, kind);
    run_says(&sb, "upgrade", 0, "Migrations are up to date.\n", ""); /* there is no file yet */
    log_file(&sb, "V1__a.sql", 1);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        run_says(&sb, lines[i], 0, NULL, NULL);
    assert_int_equal(sandbox_number(&sb, kind == SANDBOX_SQLITE ? "SELECT count(*) FROM sqlite_master WHERE name LIKE 'jetbase%'" : "SELECT count(*) FROM pg_class WHERE relname LIKE 'jetbase%'"), 0);
    sandbox_close(&sb);
}

/* Jetbase asks for the lock before it knows whether there is anything to do. */
static void nothing_to_do(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct python py = { 0 };
    begin(&sb, kind);
    log_file(&sb, "V1__a.sql", 1);
    run_says(&sb, "upgrade", 0, NULL, "");
    assert_true(python_open(&py, &sb));
    assert_int_equal(python_lock(&py), 1);
    run_says(&sb, "upgrade", 0, "Migrations are up to date.\n", "");
    run_has(&sb, "rollback", 3, "", "Migration lock is already held by another process.");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs"), 1);
    assert_int_equal(python_unlock(&py), 1);
    run_says(&sb, "rollback", 0, NULL, "");
    assert_int_equal(python_lock(&py), 1);
    run_says(&sb, "rollback", 0, "Nothing to rollback.\n", "");
    assert_int_equal(python_unlock(&py), 1);
    python_close(&py);
    sandbox_close(&sb);
}

/* For Jetbase a BOM makes the line of `-- upgrade` SQL, which swallows the statement behind it. */
static void byte_order_mark(enum sandbox_kind kind)
{
    struct sandbox sb;
    begin(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "\xEF\xBB\xBF-- upgrade\nINSERT INTO applied_log VALUES (1);\nINSERT INTO applied_log VALUES (2);\n");
    sandbox_file(&sb, "V2__b.sql", "\xEF\xBB\xBFINSERT INTO applied_log VALUES (3);\n");
    sandbox_file(&sb, "V3__c.sql", "\xEF\xBB\xBF-- rollback\nINSERT INTO applied_log VALUES (-3);\n");
    run_says(&sb, "upgrade", 0, NULL, "");
    holds(&sb, "1 2 3");
    sandbox_close(&sb);
}

int main(void)
{
    static const struct run_case tests[] = {
        RUN_TEST(last_statement), RUN_TEST(comments), RUN_TEST(equal_versions), RUN_TEST(first_pending), RUN_TEST(never_applied), RUN_TEST(counts), RUN_TEST(no_tables), RUN_TEST(nothing_to_do),
        RUN_TEST(byte_order_mark),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return run_group("not_taken_over", tests, sizeof tests / sizeof *tests);
}
