/* test_rehearse_effects.c: statements with known effects: the locks that they take and whether they write their table anew, as PostgreSQL's documentation says
 * (https://www.postgresql.org/docs/current/sql-altertable.html, https://www.postgresql.org/docs/current/explicit-locking.html). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/run.h"

enum { ROWS = 2000 };

struct effect {
    const char *sql, *lock;   /* on t; `%` is a table of its own, filled with ROWS rows */
    bool rewritten, emptied;
    int rows;                 /* -1: it does not say */
    const char *built;        /* an index that it builds, or NULL */
    const char *also;         /* the lock on `parent`, or NULL */
};

static const struct effect effects[] = {
    { "ALTER TABLE % ADD COLUMN note text", "ACCESS EXCLUSIVE", false, false, -1, NULL, NULL },
    { "ALTER TABLE % ADD COLUMN note text DEFAULT 'x'", "ACCESS EXCLUSIVE", false, false, -1, NULL, NULL },
    { "ALTER TABLE % ADD COLUMN at timestamptz DEFAULT clock_timestamp()", "ACCESS EXCLUSIVE", true, false, -1, NULL, NULL },
    { "ALTER TABLE % ALTER COLUMN name TYPE text", "ACCESS EXCLUSIVE", false, false, -1, NULL, NULL },
    { "ALTER TABLE % ALTER COLUMN amount TYPE bigint", "ACCESS EXCLUSIVE", true, false, -1, NULL, NULL },
    { "ALTER TABLE % ALTER COLUMN amount SET NOT NULL", "ACCESS EXCLUSIVE", false, false, -1, NULL, NULL },
    { "ALTER TABLE % ADD CONSTRAINT c CHECK (amount >= 0)", "ACCESS EXCLUSIVE", false, false, -1, NULL, NULL },
    { "ALTER TABLE % ADD CONSTRAINT c CHECK (amount >= 0) NOT VALID", "ACCESS EXCLUSIVE", false, false, -1, NULL, NULL },
    { "CREATE INDEX %_amount ON % (amount)", "SHARE", false, false, -1, "_amount", NULL },
    { "ALTER TABLE % ADD FOREIGN KEY (amount) REFERENCES parent (id) NOT VALID", "SHARE ROW EXCLUSIVE", false, false, -1, NULL, "SHARE ROW EXCLUSIVE" },
    { "ALTER TABLE % DROP COLUMN name", "ACCESS EXCLUSIVE", false, false, -1, NULL, NULL },
    { "ALTER TABLE % RENAME COLUMN name TO title", "ACCESS EXCLUSIVE", false, false, -1, NULL, NULL },
    { "TRUNCATE %", "ACCESS EXCLUSIVE", true, true, -1, NULL, NULL },
    { "UPDATE % SET amount = amount + 1", "ROW EXCLUSIVE", false, false, ROWS, NULL, NULL },
};
enum { EFFECTS = sizeof effects / sizeof *effects };

static void sql_of(const struct effect *e, size_t n, char *to, size_t size)
{
    size_t at = 0;
    for (const char *c = e->sql; *c && at + 8 < size; c++) {
        if (*c == '%')
            at += (size_t)snprintf(to + at, size - at, "t%zu", n);
        else
            to[at++] = *c;
    }
    to[at] = '\0';
}

static const json_t *relation(const json_t *statement, const char *name)
{
    const json_t *list = json_object_get(statement, "relations"), *one;
    size_t i;
    json_array_foreach(list, i, one)
        if (strcmp(json_string_value(json_object_get(one, "name")), name) == 0)
            return one;
    return NULL;
}

static const char *strongest(const json_t *relation)
{
    return json_string_value(json_array_get(json_object_get(relation, "locks"), 0));
}

static void check(const struct effect *e, size_t n, const json_t *m)
{
    const json_t *statement = json_array_get(json_object_get(json_object_get(m, "upgrade"), "statements"), 0), *table;
    char name[64];
    snprintf(name, sizeof name, "public.t%zu", n);
    table = relation(statement, name);
    assert_non_null(table);
    print_message("%-76s %-20s %-9s %7.1f ms\n", e->sql, strongest(table), json_is_true(json_object_get(table, "emptied")) ? "new file" : json_is_true(json_object_get(table, "rewritten")) ? "rewritten" : "",
                  json_real_value(json_object_get(statement, "ms")));
    assert_string_equal(strongest(table), e->lock);
    assert_int_equal(json_is_true(json_object_get(table, "rewritten")), e->rewritten);
    assert_int_equal(json_is_true(json_object_get(table, "emptied")), e->emptied);
    assert_int_equal(json_integer_value(json_object_get(table, "rows")), ROWS);
    assert_true(json_real_value(json_object_get(statement, "ms")) > 0);
    if (e->rows >= 0)
        assert_int_equal(json_integer_value(json_object_get(statement, "rows")), e->rows);
    if (e->built) {
        snprintf(name, sizeof name, "public.t%zu%s", n, e->built);
        assert_non_null(relation(statement, name));
        assert_true(json_is_true(json_object_get(relation(statement, name), "made")));
    }
    if (e->also)
        assert_string_equal(strongest(relation(statement, "public.parent")), e->also);
}

static void locks_and_rewrites_are_those_of_the_documentation(void **state)
{
    struct sandbox sb;
    char sql[400];
    (void)state;
    sandbox_open(&sb, SANDBOX_POSTGRES);
    sandbox_sql(&sb, "CREATE TABLE parent (id int PRIMARY KEY)");
    for (size_t i = 0; i < EFFECTS; i++) {
        snprintf(sql, sizeof sql, "CREATE TABLE t%zu (id int PRIMARY KEY, name varchar(40), amount int); INSERT INTO t%zu SELECT i, 'n' || i, i FROM generate_series(1, %d) i; ANALYZE t%zu", i, i, (int)ROWS, i);
        sandbox_sql(&sb, sql);
        sql_of(&effects[i], i, sql, sizeof sql);
        char file[40];
        snprintf(file, sizeof file, "V%zu__s.sql", i + 1);
        sandbox_file(&sb, file, "-- upgrade\n%s;\n", sql);
    }
    json_t *all = run_json(&sb, "rehearse --json", 0);
    const json_t *list = json_object_get(all, "migrations");
    assert_int_equal(json_array_size(list), EFFECTS);
    for (size_t i = 0; i < EFFECTS; i++)
        check(&effects[i], i, json_array_get(list, i));
    json_decref(all);
    sandbox_close(&sb);
}

/* What a statement does in a rollback part is taken back: the next file's statement is told as if it had not been. */
static void a_rewrite_that_is_taken_back_is_told_again(void **state)
{
    struct sandbox sb;
    (void)state;
    sandbox_open(&sb, SANDBOX_POSTGRES);
    sandbox_sql(&sb, "CREATE TABLE t (id int, amount int); INSERT INTO t SELECT i, i FROM generate_series(1, 100) i");
    sandbox_file(&sb, "V1__a.sql", "-- upgrade\nALTER TABLE t ALTER COLUMN amount TYPE bigint;\n-- rollback\nALTER TABLE t ALTER COLUMN amount TYPE int;\n");
    sandbox_file(&sb, "V2__b.sql", "-- upgrade\nUPDATE t SET amount = 1;\nALTER TABLE t ALTER COLUMN amount TYPE numeric;\n-- rollback\nALTER TABLE t ALTER COLUMN amount TYPE bigint;\n");
    json_t *all = run_json(&sb, "rehearse --json", 0);
    const json_t *first = json_array_get(json_object_get(all, "migrations"), 0), *second = json_array_get(json_object_get(all, "migrations"), 1);
    const json_t *up = json_object_get(json_object_get(first, "upgrade"), "statements"), *down = json_object_get(json_object_get(first, "rollback"), "statements"), *then = json_object_get(json_object_get(second, "upgrade"), "statements");
    assert_true(json_is_true(json_object_get(relation(json_array_get(up, 0), "public.t"), "rewritten")));
    assert_true(json_is_true(json_object_get(relation(json_array_get(down, 0), "public.t"), "rewritten")));
    const json_t *update = relation(json_array_get(then, 0), "public.t");
    assert_true(!update || json_is_false(json_object_get(update, "rewritten")));
    assert_true(json_is_true(json_object_get(relation(json_array_get(then, 1), "public.t"), "rewritten")));
    json_decref(all);
    sandbox_close(&sb);
}

/* A table that this transaction has given a new file is emptied in that one; what needs only locks that are held already says so. */
static void emptied_in_its_own_new_file(void **state)
{
    struct sandbox sb;
    (void)state;
    sandbox_open(&sb, SANDBOX_POSTGRES);
    sandbox_sql(&sb, "CREATE TABLE t (id int, amount int); INSERT INTO t SELECT i, i FROM generate_series(1, 100) i");
    sandbox_file(&sb, "V1__a.sql", "-- upgrade\nALTER TABLE t ALTER COLUMN amount TYPE bigint;\n");
    sandbox_file(&sb, "V2__b.sql", "-- upgrade\nALTER TABLE t ADD COLUMN note text;\nTRUNCATE t;\n");
    json_t *all = run_json(&sb, "rehearse --json", 0);
    const json_t *then = json_object_get(json_object_get(json_array_get(json_object_get(all, "migrations"), 1), "upgrade"), "statements");
    const json_t *emptied = relation(json_array_get(then, 1), "public.t");
    assert_null(relation(json_array_get(then, 0), "public.t"));
    assert_true(json_is_true(json_object_get(emptied, "emptied")) && json_is_false(json_object_get(emptied, "rewritten")));
    json_decref(all);
    run_has(&sb, "rehearse", 0, "no lock on a table that is not held already", NULL);
    sandbox_close(&sb);
}

/* The size is that behind the statement, the rows are those before it: they don't stand side by side as if both held at once. */
static void rows_of_a_truncated_table_are_those_before(void **state)
{
    struct sandbox sb;
    (void)state;
    sandbox_open(&sb, SANDBOX_POSTGRES);
    sandbox_sql(&sb, "CREATE TABLE t (id int); INSERT INTO t SELECT generate_series(1, 1000); ANALYZE t");
    sandbox_file(&sb, "V1__a.sql", "-- upgrade\nTRUNCATE t;\n");
    run_has(&sb, "rehearse", 0, "public.t (0 bytes): ACCESS EXCLUSIVE, SHARE, a new file, empty (before: about 1000 rows)\n", NULL);
    sandbox_close(&sb);
}

/* A table without rows has an empty file before and after: nothing emptied it. */
static void a_table_without_rows_is_not_told_as_emptied(void **state)
{
    struct sandbox sb;
    (void)state;
    sandbox_open(&sb, SANDBOX_POSTGRES);
    sandbox_sql(&sb, "CREATE TABLE t (id int)");
    sandbox_file(&sb, "V1__a.sql", "-- upgrade\nALTER TABLE t ALTER COLUMN id TYPE bigint;\n");
    run_has(&sb, "rehearse", 0, "public.t (0 bytes): ACCESS EXCLUSIVE, SHARE, a new file, empty\n", NULL);
    sandbox_close(&sb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locks_and_rewrites_are_those_of_the_documentation),
        cmocka_unit_test(a_rewrite_that_is_taken_back_is_told_again), cmocka_unit_test(emptied_in_its_own_new_file),
        cmocka_unit_test(rows_of_a_truncated_table_are_those_before), cmocka_unit_test(a_table_without_rows_is_not_told_as_emptied),
    };
    return cmocka_run_group_tests_name("rehearse_effects", tests, NULL, NULL);
}
