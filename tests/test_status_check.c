/* test_status_check.c: status --check: the exit code tells whether the database is up to date, and each of its answers has its cause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/run.h"

static void answers(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    run_has(&sb, "status --check", 0, "Migrations Pending", "");
    sandbox_file(&sb, "V1__a.sql", "CREATE TABLE a (x INTEGER);\n");
    run_has(&sb, "status --check", 7, "Migrations Pending", "");
    run_says(&sb, "status --check --quiet", 7, "", "");
    run_has(&sb, "status", 0, "Migrations Pending", ""); /* without it as ever */
    run_has(&sb, "upgrade", 0, NULL, "");
    run_says(&sb, "status --check --quiet", 0, "", "");
    sandbox_file(&sb, "RA__always.sql", "DELETE FROM a;\n");
    run_says(&sb, "status --check --quiet", 0, "", "");
    sandbox_file(&sb, "ROC__change.sql", "DELETE FROM a;\n");
    run_says(&sb, "status --check --quiet", 7, "", "");
    run_has(&sb, "upgrade", 0, NULL, "");
    run_says(&sb, "status --check --quiet", 0, "", "");
    sandbox_file(&sb, "ROC__change.sql", "DELETE FROM a WHERE x = 1;\n");
    run_says(&sb, "status --check --quiet", 7, "", "");
    sandbox_close(&sb);
}

/* Something is pending too, but an upgrade would be refused: 5 wins, and says why. */
static void disagreements(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V2__a.sql", "CREATE TABLE a (x INTEGER);\n");
    run_has(&sb, "upgrade", 0, NULL, "");
    sandbox_file(&sb, "V3__b.sql", "CREATE TABLE b (x INTEGER);\n");
    run_says(&sb, "status --check --quiet", 7, "", "");
    sandbox_file(&sb, "V1__late.sql", "CREATE TABLE late (x INTEGER);\n");
    run_has(&sb, "status --check --quiet", 5, "", "V1__late.sql: out of order: version 1 is lower than the latest applied, 2");
    sandbox_file(&sb, "V1__late.sql", "-- jetbase: out-of-order\nCREATE TABLE late (x INTEGER);\n");
    run_says(&sb, "status --check --quiet", 7, "", "");
    sandbox_file(&sb, "V2__a.sql", "CREATE TABLE other (x INTEGER);\n");
    run_has(&sb, "status --check --quiet", 5, "", "version changed since applied: 2");
    json_t *json = run_json(&sb, "status --check --json", 5);
    assert_string_equal(run_text(json_array_get(json_object_get(json, "applied"), 0), "state"), "changed");
    json_decref(json);
    sandbox_close(&sb);
}

static void half_applied(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__half.sql", "-- jetbase: no-transaction\nCREATE TABLE a (x INTEGER);\nCREATE TABLE a (x INTEGER);\n");
    run_has(&sb, "upgrade", 1, NULL, NULL);
    run_has(&sb, "status --check --quiet", 5, "", "V1__half.sql is half applied");
    sandbox_close(&sb);
}

int main(void)
{
    const struct run_case tests[] = { RUN_TEST(answers), RUN_TEST(disagreements), RUN_TEST(half_applied) };
    return run_group("status-check", tests, sizeof tests / sizeof *tests);
}
