/* test_rehearse_undo.c: a rollback part that forgets something is named with it; one that undoes all is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/run.h"

#define DOTS "................................................................................................................................................"

/* What a rollback forgets, and how that is said. */
struct forgotten {
    const char *upgrade, *rollback, *said;
};

static const struct forgotten on_postgres[] = {
    { "CREATE INDEX orders_customer_idx ON orders (customer);", "SELECT 1;", "index public.orders_customer_idx remains" },
    { "ALTER TABLE orders ALTER COLUMN state DROP DEFAULT;", "SELECT 1;", "default of public.orders.state is missing" },
    { "ALTER TABLE orders ALTER COLUMN state SET DEFAULT 'old';", "SELECT 1;", "default of public.orders.state differs: it was 'new'::text, it is 'old'::text" },
    { "GRANT SELECT ON orders TO PUBLIC;", "SELECT 1;", "grant SELECT on table public.orders to PUBLIC remains" },
    { "CREATE TRIGGER touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();", "SELECT 1;", "trigger touch on public.orders remains" },
    { "ALTER TABLE orders DISABLE TRIGGER stands;", "SELECT 1;", "trigger stands on public.orders differs" },
    { "COMMENT ON COLUMN orders.state IS 'new or old';", "SELECT 1;", "comment on table column public.orders.state remains" },
    { "ALTER TABLE orders ADD COLUMN note text; CREATE INDEX orders_note ON orders (note); ALTER TABLE orders ALTER COLUMN customer SET NOT NULL;", "ALTER TABLE orders DROP COLUMN note;", "column public.orders.customer differs" },
    { "ALTER TABLE orders ADD CONSTRAINT positive CHECK (id > 0) NOT VALID;", "SELECT 1;", "constraint positive on public.orders remains" },
    { "CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 2';", "SELECT 1;", "function public.one() differs" },
    /* Of long texts what differs is shown, not what is the same. */
    { "CREATE OR REPLACE FUNCTION long() RETURNS int LANGUAGE sql AS 'SELECT 1 /* " DOTS " */ + 8';", "SELECT 1;", " */ + 7$function$ , it is \xE2\x80\xA6" },
    { "CREATE OR REPLACE FUNCTION long() RETURNS int LANGUAGE sql AS 'SELECT 1 /* " DOTS " */ + 8';", "SELECT 1;", " */ + 8$function$ \n" },
};

static const struct forgotten on_sqlite[] = {
    { "CREATE INDEX orders_customer_idx ON orders (customer);", "SELECT 1;", "index orders_customer_idx remains" },
    { "CREATE TRIGGER touch AFTER UPDATE ON orders BEGIN SELECT 1; END;", "SELECT 1;", "trigger touch on orders remains" },
    { "ALTER TABLE orders ADD COLUMN note text;", "SELECT 1;", "column orders.note remains" },
    { "PRAGMA user_version = 7;", "SELECT 1;", "user_version differs: it was 0, it is 7" },
    { "DROP TABLE orders; CREATE TABLE orders (id integer PRIMARY KEY, customer integer, state text);", "SELECT 1;", "default of orders.state is missing" },
    { "DROP TABLE orders; CREATE TABLE orders (id integer PRIMARY KEY, customer integer, state text DEFAULT 'new', CHECK (id > 0));", "SELECT 1;", "text of table orders differs" },
};

static void make(const struct sandbox *sb)
{
    sandbox_sql(sb, "CREATE TABLE orders (id integer PRIMARY KEY, customer integer, state text DEFAULT 'new')");
    if (sb->kind == SANDBOX_POSTGRES) {
        sandbox_sql(sb, "CREATE TRIGGER stands BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()");
        sandbox_sql(sb, "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'");
        sandbox_sql(sb, "CREATE FUNCTION long() RETURNS int LANGUAGE sql AS 'SELECT 1 /* " DOTS " */ + 7'");
    }
}

static void what_is_forgotten_is_found(enum sandbox_kind kind)
{
    const struct forgotten *cases = kind == SANDBOX_POSTGRES ? on_postgres : on_sqlite;
    size_t count = kind == SANDBOX_POSTGRES ? sizeof on_postgres / sizeof *on_postgres : sizeof on_sqlite / sizeof *on_sqlite;
    struct sandbox sb;
    sandbox_open(&sb, kind);
    make(&sb);
    for (size_t i = 0; i < count; i++) {
        sandbox_file(&sb, "V1__forgets.sql", "-- upgrade\n%s\n-- rollback\n%s\n", cases[i].upgrade, cases[i].rollback);
        run_has(&sb, "rehearse", 1, cases[i].said, "the rollback of V1__forgets.sql does not undo its upgrade");
    }
    sandbox_close(&sb);
}

/* Each undone whole, the last of them but for the place of a column, which no rollback can bring back. */
static void what_is_undone_is_clean(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    make(&sb);
    sandbox_file(&sb, "V1__adds.sql", "-- upgrade\nALTER TABLE orders ADD COLUMN note text;\nCREATE INDEX orders_note ON orders (note);\n-- rollback\nDROP INDEX orders_note;\nALTER TABLE orders DROP COLUMN note;\n");
    sandbox_file(&sb, "V2__makes.sql", "-- upgrade\nCREATE TABLE more (id integer PRIMARY KEY, orders integer REFERENCES orders (id));\nCREATE VIEW both_of AS SELECT orders FROM more;\n-- rollback\nDROP VIEW both_of;\nDROP TABLE more;\n");
    if (kind == SANDBOX_POSTGRES)
        sandbox_file(&sb, "V3__grants.sql", "-- upgrade\nGRANT SELECT ON orders TO PUBLIC;\nCOMMENT ON TABLE orders IS 'all of them';\nALTER TABLE orders ALTER state SET DEFAULT 'old';\n"
                                            "-- rollback\nREVOKE SELECT ON orders FROM PUBLIC;\nCOMMENT ON TABLE orders IS NULL;\nALTER TABLE orders ALTER state SET DEFAULT 'new';\n");
    run_has(&sb, "rehearse", 0, "After the rollback the schema is as it was before.", NULL);
    json_t *all = run_json(&sb, "rehearse --json", 0);
    json_t *m, *list = json_object_get(all, "migrations");
    size_t i;
    assert_string_equal(run_text(all, "outcome"), "ok");
    json_array_foreach(list, i, m)
    {
        assert_true(json_is_true(json_object_get(m, "undone")));
        assert_int_equal(json_array_size(json_object_get(m, "differences")), 0);
    }
    json_decref(all);
    sandbox_file(&sb, "V4__drops.sql", "-- upgrade\nALTER TABLE orders DROP COLUMN customer;\n-- rollback\nALTER TABLE orders ADD COLUMN customer integer;\n");
    run_has(&sb, "rehearse", 0, "(order of the columns of ", NULL);
    sandbox_close(&sb);
}

/* Where the order of columns is all that differs, the sequence of one of them is the same. */
static void a_sequence_belongs_to_its_column_by_name(enum sandbox_kind kind)
{
    struct sandbox sb;
    if (kind != SANDBOX_POSTGRES)
        return;
    sandbox_open(&sb, kind);
    sandbox_sql(&sb, "CREATE TABLE t (id serial, note text)");
    sandbox_file(&sb, "V1__drops.sql", "-- upgrade\nALTER TABLE t DROP COLUMN id;\n-- rollback\nALTER TABLE t ADD COLUMN id serial;\n");
    run_has(&sb, "rehearse", 0, "(order of the columns of public.t differs: it was id, note, it is note, id)", NULL);
    sandbox_close(&sb);
}

/* All files at fault stand in the error: the output of a hundred files is too long to look for them. */
static void all_files_at_fault_are_listed(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    make(&sb);
    for (int i = 1; i <= 14; i++) {
        char name[40];
        snprintf(name, sizeof name, "V%d__a.sql", i);
        sandbox_file(&sb, name, "-- upgrade\nCREATE INDEX i%d ON orders (customer);\n-- rollback\n%s;\n", i, i == 2 ? "DROP INDEX i2" : "SELECT 1");
    }
    run_has(&sb, "rehearse --to-version 4", 1, NULL, "the rollbacks of 3 files do not undo their upgrades: V1, V3, V4\n");
    run_has(&sb, "rehearse", 1, NULL, "the rollbacks of 13 files do not undo their upgrades: V1, V3, V4, V5, V6, V7, V8, V9, V10, V11, V12, V13 and 1 more\n");
    sandbox_close(&sb);
}

/* What was passed over is told short, however many files that is. */
static void files_passed_over_are_counted(enum sandbox_kind kind)
{
    struct sandbox sb;
    if (kind != SANDBOX_POSTGRES)
        return;
    sandbox_open(&sb, kind);
    make(&sb);
    for (int i = 1; i <= 3; i++) {
        char name[40];
        snprintf(name, sizeof name, "V%d__outside.sql", i);
        sandbox_file(&sb, name, "-- upgrade\nCREATE INDEX CONCURRENTLY i%d ON orders (customer);\n", i);
    }
    sandbox_file(&sb, "V4__a.sql", "-- upgrade\nCREATE TABLE a (id int);\n");
    run_has(&sb, "rehearse", 0, "It was rehearsed without V1__outside.sql and 2 more.\n", NULL);
    sandbox_close(&sb);
}

/* SQLite: a column that is dropped writes all rows anew, one that is added does not, an update of one row neither. */
static void a_table_written_anew_is_told_on_sqlite(enum sandbox_kind kind)
{
    struct sandbox sb;
    if (kind != SANDBOX_SQLITE)
        return;
    sandbox_open(&sb, kind);
    make(&sb);
    sandbox_sql(&sb, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000) INSERT INTO orders SELECT i, i, 'state ' || i FROM n");
    static const char *const statements[] = { "ALTER TABLE orders ADD COLUMN note text", "UPDATE orders SET state = 'x' WHERE id = 7", "ALTER TABLE orders DROP COLUMN customer" };
    for (size_t i = 0; i < 3; i++) {
        sandbox_file(&sb, "V1__a.sql", "-- upgrade\n%s;\n", statements[i]);
        json_t *all = run_json(&sb, "rehearse --json", 0);
        const json_t *first = json_array_get(json_object_get(json_object_get(json_array_get(json_object_get(all, "migrations"), 0), "upgrade"), "statements"), 0);
        const json_t *table = json_array_get(json_object_get(first, "relations"), 0);
        assert_string_equal(json_string_value(json_object_get(table, "name")), "orders");
        assert_int_equal(json_integer_value(json_object_get(table, "rows")), 20000);
        assert_int_equal(json_is_true(json_object_get(table, "rewritten")), i == 2);
        json_decref(all);
    }
    sandbox_close(&sb);
}

/* A rollback that itself fails is told with its place, and the files behind it are rehearsed all the same. */
static void a_rollback_that_fails_is_told(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "-- upgrade\nCREATE TABLE a (id integer);\n-- rollback\nDROP TABLE b;\n");
    sandbox_file(&sb, "V2__b.sql", "-- upgrade\nINSERT INTO a VALUES (1);\nCREATE TABLE b (id integer);\n-- rollback\nDROP TABLE b;\n");
    run_has(&sb, "rehearse", 1, "V2__b.sql: ran", "V1__a.sql:4:");
    sandbox_close(&sb);
}

int main(void)
{
    static const struct run_case tests[] = {
        RUN_TEST(what_is_forgotten_is_found),
        RUN_TEST(what_is_undone_is_clean),
        RUN_TEST(a_table_written_anew_is_told_on_sqlite),
        RUN_TEST(a_rollback_that_fails_is_told),
        RUN_TEST(a_sequence_belongs_to_its_column_by_name),
        RUN_TEST(all_files_at_fault_are_listed),
        RUN_TEST(files_passed_over_are_counted),
    };
    return run_group("rehearse_undo", tests, sizeof tests / sizeof tests[0]);
}
