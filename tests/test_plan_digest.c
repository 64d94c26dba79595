/* test_plan_digest.c: --plan: exactly the plan that the dry run showed runs, or nothing, and the difference is told. */
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

static void first_files(const struct sandbox *sb)
{
    sandbox_file(sb, "V1__a.sql", "CREATE TABLE a (x INTEGER);\n-- rollback\nDROP TABLE a;\n");
    sandbox_file(sb, "V2__b.sql", "CREATE TABLE b (x INTEGER);\n-- rollback\nDROP TABLE b;\n");
}

/* The digest of a dry run, cut to `digits`. */
static void digest_of(const struct sandbox *sb, const char *command, int digits, char to[65])
{
    json_t *json = run_json(sb, command, 0);
    snprintf(to, 65, "%.*s", digits, run_text(json, "digest"));
    json_decref(json);
}

static void run_plan(const struct sandbox *sb, const char *command, const char *plan, int exit, const char *out, const char *err)
{
    char line[400];
    snprintf(line, sizeof line, "%s --plan %s", command, plan);
    run_has(sb, line, exit, out, err);
}

/* Writes what the dry run says as JSON to a file of the project. */
static void save_plan(const struct sandbox *sb, const char *command, char path[300])
{
    json_t *json = run_json(sb, command, 0);
    snprintf(path, 300, "%s/plan.json", sb->dir);
    assert_int_equal(json_dump_file(json, path, 0), 0);
    json_decref(json);
}

static void nothing_ran(const struct sandbox *sb)
{
    run_says(sb, "current", 0, "No migrations have been applied yet.\n", "");
    run_says(sb, "lock-status", 0, "Status: UNLOCKED\n", NULL);
}

static void the_same_plan_runs(enum sandbox_kind kind)
{
    struct sandbox sb;
    char digest[65], path[300];
    sandbox_open(&sb, kind);
    first_files(&sb);
    digest_of(&sb, "upgrade --dry-run --json --count 1", 64, digest);
    run_has(&sb, "upgrade --dry-run --count 1", 0, digest, "");
    run_plan(&sb, "upgrade --count 1", digest, 0, "Migration applied successfully: V1__a.sql\n", "");
    digest_of(&sb, "upgrade --dry-run --json", 12, digest);
    run_plan(&sb, "upgrade", digest, 0, "Migration applied successfully: V2__b.sql\n", "");
    run_plan(&sb, "upgrade", digest, 5, "", "Nothing would run now.");
    save_plan(&sb, "rollback --dry-run --json --count 2", path);
    run_plan(&sb, "rollback --count 2", path, 0, "Rollback applied successfully: V1__a.sql\n", "");
    run_says(&sb, "current", 0, "No migrations have been applied yet.\n", "");
    sandbox_close(&sb);
}

/* Another file, one less, one byte: nothing runs, and what differs is told. */
static void another_plan_does_not(enum sandbox_kind kind)
{
    struct sandbox sb;
    char digest[65], path[300];
    sandbox_open(&sb, kind);
    first_files(&sb);
    digest_of(&sb, "upgrade --dry-run --json", 64, digest);
    save_plan(&sb, "upgrade --dry-run --json", path);
    sandbox_file(&sb, "V3__c.sql", "CREATE TABLE c (x INTEGER);\n");
    run_plan(&sb, "upgrade", digest, 5, "", "DETAIL: Now it would be: V1__a.sql, V2__b.sql, V3__c.sql. The digest is ");
    run_plan(&sb, "upgrade", path, 5, "", "DETAIL: Not in the plan that was shown, but would run now: V3__c.sql. The digest is ");
    run_plan(&sb, "upgrade --count 1", path, 5, "", "DETAIL: Shown, but would not run now: V2__b.sql. The digest is ");
    run_plan(&sb, "upgrade --count 2", path, 0, "Migration applied successfully: V2__b.sql\n", "");
    run_has(&sb, "rollback --count 2", 0, NULL, "");
    sandbox_file(&sb, "V2__b.sql", "CREATE TABLE b (x INTEGER);\n-- rollback\nDROP TABLE b; \n");
    run_plan(&sb, "upgrade --count 2", path, 5, "", "DETAIL: Changed since it was shown: V2__b.sql. The digest is ");
    run_plan(&sb, "upgrade --count 2 --json", path, 5, "Changed since it was shown: V2__b.sql", "");
    nothing_ran(&sb);
    sandbox_close(&sb);
}

/* The plan that counts is the one under the lock. */
static void under_the_lock(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    char digest[65];
    sandbox_open(&sb, kind);
    first_files(&sb);
    digest_of(&sb, "upgrade --dry-run --json", 64, digest);
    sandbox_start(&sb, &p, true, "locked=stop", (const char *const[]){ "upgrade", "--plan", digest, NULL });
    assert_true(process_wait_stopped(&p));

    sandbox_file(&sb, "V2__b.sql", "CREATE TABLE b (y INTEGER);\n");
    kill(p.pid, SIGCONT);
    process_wait(&p);
    assert_int_equal(p.exit, 5);
    process_free(&p);
    nothing_ran(&sb);
    sandbox_close(&sb);
}

/* Between the plan and the lock another run has brought a file and applied it, and a further file has come: neither is told as missing, nor passed over. */
static void comes_before_the_lock(enum sandbox_kind kind)
{
    static const char columns[] = "version, description, filename, migration_type, checksum, applied_at", third[] = "CREATE TABLE c (x INTEGER);\n";
    struct sandbox sb;
    struct process p;
    char path[300], sql[400];
    sandbox_open(&sb, kind);
    first_files(&sb);
    sandbox_file(&sb, "V3__c.sql", third);
    run_has(&sb, "upgrade", 0, "V3__c.sql", "");
    sandbox_sql(&sb, "CREATE TABLE kept AS SELECT * FROM jetbase_migrations WHERE version = '3'");
    sandbox_sql(&sb, "DELETE FROM jetbase_migrations WHERE version = '3'");
    snprintf(path, sizeof path, "%s/migrations/V3__c.sql", sb.dir);
    assert_int_equal(unlink(path), 0);
    sandbox_file(&sb, "V4__d.sql", "CREATE TABLE d (x INTEGER);\n");
    sandbox_start(&sb, &p, true, "locked=stop", (const char *const[]){ "upgrade", NULL });
    assert_true(process_wait_stopped(&p));
    sandbox_file(&sb, "V3__c.sql", third);
    snprintf(sql, sizeof sql, "INSERT INTO jetbase_migrations (%s) SELECT %s FROM kept", columns, columns);
    sandbox_sql(&sb, sql);
    sandbox_file(&sb, "V5__e.sql", "CREATE TABLE e (x INTEGER);\n");
    kill(p.pid, SIGCONT);
    process_wait(&p);
    if (p.exit != 0)
        fail_msg("exit %d: %s", p.exit, p.err);
    process_free(&p);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations"), 5);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM e"), 0);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", NULL);
    sandbox_close(&sb);
}

static void refused(enum sandbox_kind kind)
{
    struct sandbox sb;
    char path[300];
    sandbox_open(&sb, kind);
    first_files(&sb);
    run_has(&sb, "upgrade --plan 0123456789a", 2, "", "a digest takes 12 hex digits at least");
    run_has(&sb, "upgrade --plan there_is_none.json", 2, "", "'there_is_none.json' is neither a digest nor a file that holds a plan");
    run_has(&sb, "upgrade --plan 0123456789ab --dry-run", 2, "", "--plan and --dry-run can't stand together");
    save_plan(&sb, "status --json", path);
    run_plan(&sb, "upgrade", path, 2, "", "is neither a digest nor a file that holds a plan");
    nothing_ran(&sb);
    sandbox_close(&sb);
}

/* The dry run waits for whoever reads it while a file behind what it shows is changed: the digest, which is of the text as it was, is not shown, or not as that of a whole plan. */
static void changed_while_shown(enum sandbox_kind kind)
{
    static const char *const options[] = { "", " --json" };
    for (size_t i = 0; i < 2; i++) {
        struct sandbox sb;
        char line[1400], *said = calloc(1, 4000000);
        sandbox_open(&sb, kind);
        assert_non_null(said);
        sandbox_file(&sb, "V1__long.sql", "-- upgrade\nSELECT '%0*d';\nSELECT '%0*d';\n", 500000, 1, 500000, 2);
        sandbox_file(&sb, "V2__b.sql", "CREATE TABLE harmful (x INTEGER);\n");
        snprintf(line, sizeof line, "cd '%s' && env '%s' '%s' upgrade --dry-run%s 2>&1; echo \"exit $?\"", sb.dir, sb.variable, process_jetbase(), options[i]);
        FILE *reader = popen(line, "r");
        assert_non_null(reader);
        said[0] = (char)fgetc(reader); /* it writes, more than a pipe holds */
        sandbox_file(&sb, "V2__b.sql", "CREATE TABLE harmless (x INTEGER);\n");
        size_t len = 1 + fread(said + 1, 1, 3999998, reader);
        assert_int_equal(pclose(reader), 0);
        said[len] = '\0';
        assert_non_null(strstr(said, "V2__b.sql was changed while it was shown"));
        assert_non_null(strstr(said, "exit 5\n"));
        assert_null(strstr(said, "Digest:"));
        nothing_ran(&sb);
        free(said);
        sandbox_close(&sb);
    }
}

int main(void)
{
    const struct run_case tests[] = { RUN_TEST(changed_while_shown), RUN_TEST(the_same_plan_runs), RUN_TEST(another_plan_does_not), RUN_TEST(under_the_lock), RUN_TEST(comes_before_the_lock), RUN_TEST(refused) };
    return run_group("plan-digest", tests, sizeof tests / sizeof *tests);
}
