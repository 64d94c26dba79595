/* test_attack.c: files that attack the protocol: each ends with a true message, and history equals schema. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/sandbox.h"

/* V1 makes m1, V2 is the attack and makes m2 first, V3 adds a column to m1 and makes m3. */
struct attack {
    enum sandbox_kind kind;
    const char *sql;       /* what V2 does beside making m2 */
    int exit;              /* of the upgrade */
    const char *says;      /* on standard error, or NULL */
    bool refused_first;    /* refused before anything is sent: V1 is not applied either */
};

static const char *const upgrade[] = { "upgrade", NULL };

static int64_t table_there(const struct sandbox *sb, const char *name)
{
    char sql[200];
    if (sb->kind == SANDBOX_SQLITE)
        snprintf(sql, sizeof sql, "SELECT count(*) FROM sqlite_master WHERE name = '%s'", name);
    else
        snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND relname = '%s'", name);
    return sandbox_number(sb, sql);
}

static void check_version(const struct sandbox *sb, const char *version, const char *table, int64_t expect)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM jetbase_migrations WHERE version = '%s'", version);
    assert_int_equal(table_there(sb, table), expect);
    if (table_there(sb, "jetbase_migrations"))
        assert_int_equal(sandbox_number(sb, sql), expect);
    else
        assert_int_equal(expect, 0);
}

static void attack(const struct attack *a)
{
    struct sandbox sb;
    struct process p;
    bool ok = a->exit == 0;
    if (!sandbox_has(a->kind))
        skip();
    sandbox_open(&sb, a->kind);
    sandbox_file(&sb, "V1__one.sql", "CREATE TABLE m1 (id INTEGER);\n");
    sandbox_file(&sb, "V2__attack.sql", "CREATE TABLE m2 (id INTEGER);\n%s\n", a->sql);
    sandbox_file(&sb, "V3__three.sql", "ALTER TABLE m1 ADD COLUMN extra INTEGER;\nCREATE TABLE m3 (id INTEGER);\n");
    sandbox_run(&sb, &p, upgrade);
    if (p.exit != a->exit || (a->says && !strstr(p.err, a->says)))
        print_error("%s\nexit %d\n%s%s\n", a->sql, p.exit, p.out, p.err);
    assert_int_equal(p.exit, a->exit);
    if (a->says)
        assert_non_null(strstr(p.err, a->says));
    if (!ok)
        assert_non_null(strstr(p.err, "V2__attack.sql"));
    process_free(&p);
    check_version(&sb, "1", "m1", a->refused_first ? 0 : 1);
    check_version(&sb, "2", "m2", ok);
    check_version(&sb, "3", "m3", ok);
    if (ok)
        sandbox_sql(&sb, "SELECT extra FROM m1");
    if (table_there(&sb, "jetbase_lock"))
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE NOT is_locked"), 1);
    sandbox_close(&sb);
}

static void run_attacks(const struct attack *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        attack(&list[i]);
}

static void postgres_session_state(void **state)
{
    static const struct attack list[] = {
        { SANDBOX_POSTGRES, "SELECT pg_advisory_unlock_all();", 0, NULL, false },
        { SANDBOX_POSTGRES, "CREATE ROLE attack_role; GRANT ALL ON SCHEMA public TO attack_role; SET ROLE attack_role; CREATE TABLE by_role (id int);", 0, NULL, false },
        { SANDBOX_POSTGRES, "SET search_path TO pg_catalog;", 0, NULL, false },
        { SANDBOX_POSTGRES, "SELECT pg_catalog.set_config('search_path', '', false);", 0, NULL, false },
        { SANDBOX_POSTGRES, "CREATE TEMP TABLE m1 (hides int); CREATE TEMP TABLE jetbase_migrations (version text);", 0, NULL, false },
        { SANDBOX_POSTGRES, "SET default_transaction_read_only = on; SET statement_timeout = 1; SET lock_timeout = 1;", 0, NULL, false },
        { SANDBOX_POSTGRES, "SET standard_conforming_strings = off; SET client_encoding = 'LATIN1';", 0, NULL, false },
        { SANDBOX_POSTGRES, "PREPARE q AS SELECT 1; DECLARE c CURSOR WITH HOLD FOR SELECT 1; LISTEN x;", 0, NULL, false },
    };
    (void)state;
    run_attacks(list, sizeof list / sizeof *list);
}

static void postgres_meddling(void **state)
{
    static const struct attack list[] = {
        { SANDBOX_POSTGRES, "DROP SCHEMA public CASCADE;", 1, "jetbase's own tables", false },
        { SANDBOX_POSTGRES, "UPDATE jetbase_lock SET is_locked = false;", 1, "jetbase_lock", true },
        { SANDBOX_POSTGRES, "DO $$ BEGIN EXECUTE 'UPDATE jetbase_' || 'lock SET is_locked = false, process_id = NULL'; END $$;", 1, "jetbase's own tables", false },
        { SANDBOX_POSTGRES, "DO $$ BEGIN EXECUTE 'DELETE FROM jetbase_' || 'runs'; END $$;", 1, "jetbase's own tables", false },
        { SANDBOX_POSTGRES, "DROP TABLE jetbase_migrations;", 1, "jetbase's own tables", false },
        { SANDBOX_POSTGRES, "SELECT pg_terminate_backend(pg_backend_pid());", 6, "the connection was lost in V2__attack.sql", false },
    };
    (void)state;
    run_attacks(list, sizeof list / sizeof *list);
}

static void postgres_transactions(void **state)
{
    static const struct attack list[] = {
        { SANDBOX_POSTGRES, "CREATE TABLE k (id int PRIMARY KEY); CREATE TABLE r (id int REFERENCES k DEFERRABLE INITIALLY DEFERRED); INSERT INTO r VALUES (7);", 1, "violates foreign key", false },
        { SANDBOX_POSTGRES, "COMMIT; CREATE TABLE outside (id int);", 1, "COMMIT", true },
        { SANDBOX_POSTGRES, "ROLLBACK;", 1, "ROLLBACK", true },
        { SANDBOX_POSTGRES, "DO $$ BEGIN COMMIT; END $$;", 1, "invalid transaction termination", false },
        { SANDBOX_POSTGRES, "PREPARE TRANSACTION 'x';", 1, "PREPARE TRANSACTION", true },
        { SANDBOX_POSTGRES, "SAVEPOINT a; CREATE TABLE gone (id int); ROLLBACK TO a; RELEASE a;", 0, NULL, false },
        { SANDBOX_POSTGRES, "COPY m2 FROM STDIN;", 1, "COPY", true },
    };
    (void)state;
    run_attacks(list, sizeof list / sizeof *list);
}

/* A deferred constraint that fails at COMMIT itself (a deferred trigger that comes after SET CONSTRAINTS) must not let the next migration go on. */
static void postgres_fails_at_commit(void **state)
{
    static const struct attack list[] = {
        { SANDBOX_POSTGRES,
          "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'too late'; END $$;\n"
          "CREATE TABLE w (id int);\nCREATE CONSTRAINT TRIGGER late AFTER INSERT ON w DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();\n"
          "CREATE FUNCTION sneak() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO public.w VALUES (1); RETURN NULL; END $$;\n"
          "CREATE TRIGGER sneak AFTER INSERT ON jetbase_migrations FOR EACH ROW EXECUTE FUNCTION sneak();",
          1, "at COMMIT: too late", false },
    };
    (void)state;
    run_attacks(list, sizeof list / sizeof *list);
}

static void sqlite_attacks(void **state)
{
    static const struct attack list[] = {
        { SANDBOX_SQLITE, "CREATE TABLE u (id INTEGER UNIQUE); INSERT INTO u VALUES (1); INSERT OR ROLLBACK INTO u VALUES (1); CREATE TABLE after (id INTEGER);", 1, "UNIQUE", false },
        { SANDBOX_SQLITE, "CREATE TABLE u (id INTEGER); CREATE TRIGGER g BEFORE INSERT ON u BEGIN SELECT RAISE(ROLLBACK, 'no'); END; INSERT INTO u VALUES (1);", 1, "no", false },
        { SANDBOX_SQLITE, "PRAGMA journal_mode = OFF; WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 60000) INSERT INTO m2 SELECT n FROM c;", 1, "journal_mode", true },
        { SANDBOX_SQLITE, "PRAGMA cache_size = 1; WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 60000) INSERT INTO m2 SELECT n FROM c; SELECT nowhere FROM m2;", 1, "nowhere", false },
        { SANDBOX_SQLITE, "COMMIT;", 1, "COMMIT", true },
        { SANDBOX_SQLITE, "ATTACH ':memory:' AS other;", 1, "ATTACH", true },
        { SANDBOX_SQLITE, "UPDATE jetbase_lock SET is_locked = 0;", 1, "jetbase_lock", true },
        { SANDBOX_SQLITE, "DROP TABLE jetbase_migrations;", 1, "jetbase's own tables", false },
        { SANDBOX_SQLITE, "CREATE TEMP TABLE m1 (hides INTEGER); CREATE TEMP TABLE jetbase_migrations (version TEXT);", 0, NULL, false },
        { SANDBOX_SQLITE, "SAVEPOINT a; CREATE TABLE gone (id INTEGER); ROLLBACK TO a; RELEASE a;", 0, NULL, false },
        { SANDBOX_SQLITE, "PRAGMA recursive_triggers = ON;", 0, NULL, false },
    };
    (void)state;
    run_attacks(list, sizeof list / sizeof *list);
}

/* Nothing of the migration after one whose COMMIT fails may run at all: a sequence tells, no rollback takes it back. */
static void postgres_skips_after_failed_commit(void **state)
{
    struct sandbox sb;
    struct process p;
    (void)state;
    if (!sandbox_has(SANDBOX_POSTGRES))
        skip();
    sandbox_open(&sb, SANDBOX_POSTGRES);
    sandbox_sql(&sb, "CREATE SEQUENCE ran");
    sandbox_file(&sb, "V1__late.sql", "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'too late'; END $$;\n"
                                      "CREATE TABLE w (id int);\nCREATE CONSTRAINT TRIGGER late AFTER INSERT ON w DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();\n"
                                      "CREATE FUNCTION sneak() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO public.w VALUES (1); RETURN NULL; END $$;\n"
                                      "CREATE TRIGGER sneak AFTER INSERT ON jetbase_migrations FOR EACH ROW EXECUTE FUNCTION sneak();\n");
    sandbox_file(&sb, "V2__next.sql", "SELECT nextval('public.ran');\n");
    sandbox_run(&sb, &p, upgrade);
    assert_int_equal(p.exit, 1);
    assert_non_null(strstr(p.err, "at COMMIT: too late"));
    process_free(&p);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations"), 0);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM ran WHERE is_called"), 0);
    sandbox_close(&sb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(postgres_session_state), cmocka_unit_test(postgres_meddling), cmocka_unit_test(postgres_transactions),
        cmocka_unit_test(postgres_fails_at_commit), cmocka_unit_test(postgres_skips_after_failed_commit), cmocka_unit_test(sqlite_attacks),
    };
    return cmocka_run_group_tests_name("attack", tests, NULL, NULL);
}
