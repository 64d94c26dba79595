/* outside.c: what tests of files outside a transaction share. */
#include "outside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void outside_five(const struct sandbox *sb)
{
    sandbox_file(sb, "V1__log.sql", "CREATE TABLE log (n int);\n-- rollback\nDROP TABLE log;\n");
    sandbox_file(sb, "V2__five.sql",
                 "-- jetbase: no-transaction\nINSERT INTO log VALUES (1);\nINSERT INTO log VALUES (2);\nVACUUM;\nINSERT INTO log VALUES (4);\nINSERT INTO log VALUES (5);\n"
                 "-- rollback\nDELETE FROM log WHERE n = 5;\nVACUUM;\nDELETE FROM log;\n");
}

int64_t outside_applied(const struct sandbox *sb, const char *version)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM jetbase_migrations WHERE version = '%s'", version);
    return sandbox_number(sb, sql);
}

/* Which statement is the last that left something: the numbers without a gap. */
static int reached(const struct sandbox *sb)
{
    return (int)sandbox_number(sb, "SELECT COALESCE(max(n), 0) FROM log");
}

void outside_until_dead(const struct sandbox *sb)
{
    for (int i = 0; i < 10000; i++) {
        json_t *json = run_json(sb, "lock-status --json", 0);
        const char *verdict = run_text(json, "verdict");
        bool over = !verdict || strcmp(verdict, "dead") == 0;
        json_decref(json);
        if (over)
            return;
    }
    fail_msg("the killed run did not die");
}

void outside_inspect(const struct sandbox *sb, int *done, int *started)
{
    json_t *status = run_json(sb, "status --json", 0), *look = run_json(sb, "resolve V2 --json", 0), *list = json_object_get(look, "list");
    assert_string_equal(run_text(status, "pending.0.why"), "half-applied");
    assert_true(json_is_false(json_object_get(json_array_get(json_object_get(status, "pending"), 0), "transaction")));
    *done = (int)json_integer_value(json_object_get(look, "done"));
    *started = (int)json_integer_value(json_object_get(look, "started"));
    assert_int_equal(json_array_size(list), OUTSIDE_STATEMENTS);
    for (int i = 1; i <= OUTSIDE_STATEMENTS; i++)
        assert_string_equal(json_string_value(json_object_get(json_array_get(list, (size_t)i - 1), "state")), i <= *done ? "done" : i <= *started ? "may have run" : "not run");
    json_decref(status);
    json_decref(look);
    int seen = reached(sb);
    assert_true(seen >= (*done == 3 ? 2 : *done) && seen <= *started);
    run_has(sb, "upgrade", 5, NULL, "V2__five.sql is half applied");
    run_has(sb, "rollback", 5, NULL, "V2__five.sql is half applied");
    assert_int_equal(outside_applied(sb, "2"), 0);
}

void outside_way_out(const struct sandbox *sb, int way, int done)
{
    char line[100];
    struct process p;
    int seen = reached(sb), from = seen >= done ? seen + 1 : done + 1;
    if (seen == 2 && done == 3)
        from = 4;
    if (way == 0 && from <= OUTSIDE_STATEMENTS) {
        snprintf(line, sizeof line, "resolve 2 --take-over-dead --from %d", from);
    } else if (way == 2) {
        sandbox_sql(sb, "DELETE FROM log");
        snprintf(line, sizeof line, "resolve V2__five.sql --take-over-dead --mark-rolled-back");
    } else {
        sandbox_sql(sb, "DELETE FROM log");
        sandbox_sql(sb, "INSERT INTO log VALUES (1), (2), (4), (5)");
        snprintf(line, sizeof line, "resolve v2 --take-over-dead --mark-applied");
    }
    if (run_line(sb, &p, line) != 0)
        print_error("%s: %s%s", line, p.out, p.err);
    assert_int_equal(p.exit, 0);
    process_free(&p);
    assert_int_equal(outside_applied(sb, "2"), way == 2 ? 0 : 1);
    run_has(sb, "resolve 2", 5, NULL, "not half applied");
    run_has(sb, "upgrade", 0, NULL, "");
    assert_int_equal(outside_applied(sb, "2"), 1);
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM log"), 4);
    assert_int_equal(sandbox_number(sb, "SELECT count(DISTINCT n) FROM log"), 4);
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked"), 0);
}

void outside_until(const struct sandbox *sb, const char *sql, int64_t wanted)
{
    for (int i = 0; i < 100000; i++)
        if (sandbox_number(sb, sql) == wanted)
            return;
    fail_msg("never %lld: %s", (long long)wanted, sql);
}
