/* test_hand_history.c: a history that people changed by hand: every command says something true of it, none crashes, and nothing is applied twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/python.h"
#include "support/run.h"

/* Three versions and one file of each repeatable kind; the first two versions and the repeatables are applied, as rows 1 to 4 of tables that take whatever is put into them. */
static void begin(struct sandbox *sb, enum sandbox_kind kind)
{
    sandbox_open(sb, kind);
    python_files(sb, 1, 3, true);
    sandbox_file(sb, "RA__r.sql", "SELECT 1;\n");
    sandbox_file(sb, "ROC__c.sql", "SELECT 2;\n");
    if (kind == SANDBOX_SQLITE)
        sandbox_sql(sb, "CREATE TABLE jetbase_migrations (order_executed INTEGER PRIMARY KEY AUTOINCREMENT, version TEXT, description TEXT, filename TEXT, migration_type TEXT,"
                        " applied_at TEXT DEFAULT (STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')), checksum TEXT)");
    run_says(sb, "upgrade --count 2", 0, NULL, "");
    if (kind == SANDBOX_POSTGRES)
        sandbox_sql(sb, "ALTER TABLE jetbase_migrations ALTER description DROP NOT NULL, ALTER filename DROP NOT NULL, ALTER migration_type DROP NOT NULL, ALTER applied_at DROP NOT NULL,"
                        " ALTER checksum DROP NOT NULL, ALTER description TYPE text, ALTER filename TYPE text, ALTER checksum TYPE text, ALTER version TYPE text");
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM jetbase_migrations"), 4);
}

/* No control byte but the end of a line. */
static void check_visible(const char *line, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if ((*c < 0x20 && *c != '\n') || *c == 0x7F)
            fail_msg("jetbase %s: byte %d in what it says", line, *c);
}

/* Runs what looks and changes nothing. */
static void look_at_all(const struct sandbox *sb)
{
    static const char *const looks[] = { "status", "history", "current", "upgrade --dry-run", "rollback --dry-run", "rollback --count 9 --dry-run", "lock-status", "runs", "validate-files", "validate-checksums" };
    char line[100];
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        struct process p;
        int code = run_line(sb, &p, looks[i]);
        if (code != 0 && code != 5)
            fail_msg("jetbase %s: exit %d\n%s%s", looks[i], code, p.out, p.err);
        check_visible(looks[i], p.out);
        check_visible(looks[i], p.err);
        process_free(&p);
        snprintf(line, sizeof line, "%s --json", looks[i]);
        json_decref(run_json(sb, line, code));
    }
    run_says(sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM jetbase_runs"), 1);
}

static void check_once(const struct sandbox *sb, int n)
{
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM applied_log"), n);
    assert_int_equal(sandbox_number(sb, "SELECT count(DISTINCT v) FROM applied_log"), n);
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM jetbase_lock WHERE NOT is_locked"), 1);
}

/* A row that can't be understood stops whatever needs the history, and nothing else. */
static void not_understood(enum sandbox_kind kind)
{
    static const struct {
        const char *wound, *says;
    } rows[] = {
        { "version = NULL WHERE order_executed = 2", "Row 2 of jetbase_migrations is VERSIONED but has no version." },
        { "version = '' WHERE order_executed = 2", "Row 2 of jetbase_migrations is VERSIONED but has no version." },
        { "filename = NULL WHERE order_executed = 3", "Row 3 of jetbase_migrations is RUNS_ALWAYS but has no file name." },
        { "filename = '' WHERE order_executed = 4", "Row 4 of jetbase_migrations is RUNS_ON_CHANGE but has no file name." },
        { "migration_type = NULL WHERE order_executed = 2", "Row 2 of jetbase_migrations has no migration type." },
        { "migration_type = 'BASELINE' WHERE order_executed = 2", "Row 2 of jetbase_migrations has the migration type 'BASELINE', which is not known here." },
    };
    static const char *const need_it[] = { "status", "history", "current", "upgrade", "rollback", "upgrade --dry-run", "rollback --dry-run", "upgrade --skip-validation", "fix", "validate-files", "validate-checksums" };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sandbox sb;
        char sql[200];
        begin(&sb, kind);
        snprintf(sql, sizeof sql, "UPDATE jetbase_migrations SET %s", rows[i].wound);
        sandbox_sql(&sb, sql);
        look_at_all(&sb);
        for (size_t k = 0; k < sizeof need_it / sizeof *need_it; k++)
            run_has(&sb, need_it[k], 5, "", rows[i].says);
        json_t *status = run_json(&sb, "status --json", 5);
        assert_string_equal(run_text(status, "error.message"), rows[i].says);
        json_decref(status);
        check_once(&sb, 2);
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs"), 1);
        sandbox_close(&sb);
    }
}

/* What a wound leaves possible: exit codes of upgrade and then rollback, with words of each, and how many versions are applied after both. */
struct wound {
    const char *change, *status, *current;
    int upgrade;
    const char *upgrade_says;
    int rollback;
    const char *rollback_says;
    int left;
};

static void one_wound(enum sandbox_kind kind, const struct wound *w)
{
    struct sandbox sb;
    char sql[600];
    begin(&sb, kind);
    snprintf(sql, sizeof sql, "UPDATE jetbase_migrations SET %s", w->change);
    sandbox_sql(&sb, sql);
    look_at_all(&sb);
    run_has(&sb, "status", 0, NULL, w->status);
    run_has(&sb, "current", strncmp(w->current, "Row", 3) == 0 ? 5 : 0, w->current[0] == 'R' ? "" : w->current, w->current[0] == 'R' ? w->current : "");
    run_has(&sb, "upgrade", w->upgrade, w->upgrade ? "" : w->upgrade_says, w->upgrade ? w->upgrade_says : "");
    run_has(&sb, "rollback", w->rollback, w->rollback ? "" : w->rollback_says, w->rollback ? w->rollback_says : "");
    check_once(&sb, w->left);
    sandbox_close(&sb);
}

#define V3_APPLIED "Migration applied successfully: V3__step.sql\n"
#define V3_BACK "Rollback applied successfully: V3__step.sql\n"
#define V2_BACK "Rollback applied successfully: V2__step.sql\n"
#define NO_TIME "Row 2 of jetbase_migrations, version 2, has no time in applied_at, so which version was applied last is not known."
#define LATEST "Latest migration version: 2\n"

static void lived_with(enum sandbox_kind kind)
{
    static const struct wound wounds[] = {
        { "description = NULL WHERE order_executed = 2", "", LATEST, 0, V3_APPLIED, 0, V3_BACK, 2 },
        { "description = '' WHERE order_executed = 2", "", LATEST, 0, V3_APPLIED, 0, V3_BACK, 2 },
        { "filename = NULL WHERE order_executed = 2", "", LATEST, 0, V3_APPLIED, 0, V3_BACK, 2 },
        { "version = '9' WHERE order_executed = 3", "", LATEST, 0, V3_APPLIED "Migration applied successfully: RA__r.sql\n", 0, V3_BACK, 2 },
        { "checksum = NULL WHERE order_executed = 4", "", LATEST, 0, "Migration applied successfully: ROC__c.sql\n", 0, V3_BACK, 2 },
        { "checksum = NULL WHERE order_executed = 2", "version changed since applied: 2", LATEST, 5, "Checksum mismatch for versions: 2. Files have been changed since migration.", 0, V2_BACK, 1 },
        { "version = 'abc' WHERE order_executed = 2", "the file is missing: version abc", "Latest migration version: abc\n", 5, "Version abc has been migrated but is missing from the current migration files.", 5,
          "Migration file for version 'abc' not found. Cannot proceed with rollback.", 2 },
        { "version = '2.0' WHERE order_executed = 2", "", "Latest migration version: 2.0\n", 0, V3_APPLIED, 0, V3_BACK, 2 },
        { "applied_at = NULL WHERE order_executed = 2", "", NO_TIME, 0, V3_APPLIED, 5, NO_TIME, 3 },
        { "applied_at = '2025-01-01 00:00:00'", "", LATEST, 0, V3_APPLIED, 0, V3_BACK, 2 }, /* all the same: the order they were executed in decides */
    };
    static const struct wound postgres[] = {
        { "applied_at = 'infinity' WHERE order_executed = 2", "", NO_TIME, 0, V3_APPLIED, 5, NO_TIME, 3 },
        { "description = E'a\\x1b[31m\\nb\\u202ec\\x7f' WHERE order_executed = 2", "", LATEST, 0, V3_APPLIED, 0, V3_BACK, 2 },
        { "description = repeat('x', 2000000), filename = repeat('y', 100000) WHERE order_executed = 2", "", LATEST, 0, V3_APPLIED, 0, V3_BACK, 2 },
        { "version = repeat('7', 100000), checksum = repeat('z', 100000) WHERE order_executed = 2", "the file is missing: version 777", "Latest migration version: 777", 5, "has version 2 which is lower than the latest migrated version 777",
          5, "Migration file for version '777", 2 },
    };
    static const struct wound sqlite[] = {
        { "applied_at = 'yesterday' WHERE order_executed = 2", "", NO_TIME, 0, V3_APPLIED, 5, NO_TIME, 3 },
        { "description = 'a' || char(27) || '[31m' || char(10) || 'b' || char(8238) || 'c' || char(127) || CAST(x'ff' AS TEXT) WHERE order_executed = 2", "", LATEST, 0, V3_APPLIED, 0, V3_BACK, 2 },
        { "description = printf('%.2000000c', 'x'), filename = printf('%.100000c', 'y') WHERE order_executed = 2", "", LATEST, 0, V3_APPLIED, 0, V3_BACK, 2 },
        { "version = printf('%.100000c', '7'), checksum = printf('%.100000c', 'z') WHERE order_executed = 2", "the file is missing: version 777", "Latest migration version: 777", 5,
          "has version 2 which is lower than the latest migrated version 777", 5, "Migration file for version '777", 2 },
        { "version = 2, applied_at = x'323032352d30312d3032', description = 7, filename = 1.5 WHERE order_executed = 2", "", LATEST, 0, V3_APPLIED, 0, V2_BACK, 2 }, /* a blob sorts behind every text */
    };
    for (size_t i = 0; i < sizeof wounds / sizeof *wounds; i++)
        one_wound(kind, &wounds[i]);
    for (size_t i = 0; kind == SANDBOX_POSTGRES && i < sizeof postgres / sizeof *postgres; i++)
        one_wound(kind, &postgres[i]);
    for (size_t i = 0; kind == SANDBOX_SQLITE && i < sizeof sqlite / sizeof *sqlite; i++)
        one_wound(kind, &sqlite[i]);
}

/* A NULL is null in JSON, and what is there is there whole. */
static void told_as_it_is(enum sandbox_kind kind)
{
    struct sandbox sb;
    begin(&sb, kind);
    sandbox_sql(&sb, "UPDATE jetbase_migrations SET description = NULL, checksum = NULL, applied_at = NULL, filename = NULL WHERE order_executed = 2");
    json_t *status = run_json(&sb, "status --json", 0), *rows = json_object_get(status, "applied");
    assert_int_equal(json_array_size(rows), 4);
    for (size_t i = 0; i < 4; i++) {
        const json_t *row = json_array_get(rows, i);
        if (json_integer_value(json_object_get(row, "order")) != 2)
            continue;
        assert_true(json_is_null(json_object_get(row, "description")));
        assert_true(json_is_null(json_object_get(row, "checksum")));
        assert_true(json_is_null(json_object_get(row, "applied_at")));
        assert_true(json_is_null(json_object_get(row, "file")));
        assert_string_equal(run_text(row, "version"), "2");
        assert_string_equal(run_text(row, "state"), "changed");
    }
    json_decref(status);
    sandbox_close(&sb);
}

static void remove_file(const struct sandbox *sb, const char *name)
{
    char path[700];
    snprintf(path, sizeof path, "%s/migrations/%s", sb->dir, name);
    assert_int_equal(unlink(path), 0);
}

/* The file of a row is gone. */
static void without_file(enum sandbox_kind kind)
{
    struct sandbox sb;
    begin(&sb, kind);
    remove_file(&sb, "V2__step.sql");
    run_has(&sb, "status", 0, NULL, "history and files disagree, an upgrade will be refused: applied, but the file is missing: version 2");
    run_has(&sb, "upgrade", 5, "", "Version 2 has been migrated but is missing from the current migration files.");
    run_has(&sb, "upgrade --dry-run", 5, "", "Version 2 has been migrated but is missing from the current migration files.");
    run_has(&sb, "rollback", 5, "", "Migration file for version '2' not found. Cannot proceed with rollback.\n"
                                    "Please restore the missing migration file and try again, or run 'jetbase fix' to synchronize the migrations table with existing files before retrying the rollback.");
    check_once(&sb, 2);
    /* Jetbase leaves the first pending file out here, without a word. */
    run_has(&sb, "upgrade --skip-file-validation", 0, V3_APPLIED, "");
    check_once(&sb, 3);
    run_has(&sb, "rollback --count 2", 5, "", "Migration file for version '2' not found."); /* 3 stays too: all or nothing is planned */
    check_once(&sb, 3);
    run_has(&sb, "rollback", 0, V3_BACK, "");
    remove_file(&sb, "RA__r.sql");
    python_files(&sb, 2, 2, false);
    run_has(&sb, "upgrade", 5, "", "The following migrated repeatable files are missing: RA__r.sql");
    run_has(&sb, "upgrade --skip-validation", 0, V3_APPLIED, "");
    check_once(&sb, 3);
    sandbox_close(&sb);
}

/* What skipping the checks leaves out is said. */
static void nothing_left_out_silently(enum sandbox_kind kind)
{
    static const char says[] = "warning: not run, because the version is below the latest applied, 2: V0.5__low.sql, V1.5__between.sql\n";
    struct sandbox sb;
    begin(&sb, kind);
    sandbox_file(&sb, "V0.5__low.sql", "INSERT INTO applied_log VALUES (5);\n");
    sandbox_file(&sb, "V1.5__between.sql", "INSERT INTO applied_log VALUES (15);\n");
    run_has(&sb, "upgrade", 5, "", "V0.5__low.sql has version 0.5 which is lower than the latest migrated version 2.");
    run_has(&sb, "status", 0, NULL, "V0.5__low.sql: out of order: version 0.5 is lower than the latest applied, 2");
    run_says(&sb, "upgrade --dry-run --skip-file-validation", 0, NULL, says);
    run_says(&sb, "upgrade --skip-file-validation", 0, NULL, says);
    check_once(&sb, 3);
    run_has(&sb, "upgrade --skip-validation", 0, "RA__r.sql", "below the latest applied, 3: V0.5__low.sql, V1.5__between.sql");
    json_t *events = run_events(&sb, "upgrade --skip-validation --json", 0);
    assert_string_equal(run_text(json_array_get(events, 0), "event"), "note");
    json_decref(events);
    for (int i = 0; i < 60; i++) {
        char name[64];
        snprintf(name, sizeof name, "V0.6.%d__one_of_many.sql", i);
        sandbox_file(&sb, name, "SELECT 1;\n");
    }
    run_has(&sb, "upgrade --skip-validation", 0, "RA__r.sql", ", \xE2\x80\xA6\n");
    check_once(&sb, 3);
    sandbox_close(&sb);
}

int main(void)
{
    static const struct run_case tests[] = {
        RUN_TEST(not_understood), RUN_TEST(lived_with), RUN_TEST(told_as_it_is), RUN_TEST(without_file), RUN_TEST(nothing_left_out_silently),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return run_group("hand_history", tests, sizeof tests / sizeof *tests);
}
