/* test_preflight.c: what the database holds against a plan is told by the dry run and stops a run with --preflight; where there is nothing, nothing is said. */
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

#ifdef JETBASE_POSTGRES
#include <libpq-fe.h>
#endif
#ifdef JETBASE_SQLITE
#include <sqlite3.h>
#endif

#include "support/run.h"
#include "support/stage.h"

/* The state of the first finding of that check which is not ok, else of its first; NULL where there is none. */
static const char *state_of(json_t *root, const char *check)
{
    json_t *list = json_object_get(root, "preflight");
    const char *state = NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *one = json_array_get(list, i);
        const char *now = json_string_value(json_object_get(one, "state"));
        if (strcmp(json_string_value(json_object_get(one, "check")), check) == 0 && (!state || strcmp(state, "ok") == 0))
            state = now;
    }
    return state;
}

static void expect_state(const struct sandbox *sb, const char *check, const char *want)
{
    json_t *json = run_json(sb, "upgrade --dry-run --json", 0);
    const char *got = state_of(json, check);
    if (!got || strcmp(got, want) != 0)
        fail_msg("%s: %s, not %s: %s", check, got ? got : "(not told)", want, json_dumps(json_object_get(json, "preflight"), 0));
    json_decref(json);
}

static void open_project(struct sandbox *sb, enum sandbox_kind kind)
{
    sandbox_open(sb, kind);
    sandbox_sql(sb, "CREATE TABLE \"Odd.Name\" (x INTEGER)");
    sandbox_sql(sb, "CREATE TABLE orders (x INTEGER)");
    sandbox_sql(sb, "CREATE TABLE other (x INTEGER)");
    sandbox_file(sb, "V1__a.sql", "-- other\nCREATE TABLE n (x INTEGER, t TEXT DEFAULT 'FROM other');\nALTER TABLE IF EXISTS \"Odd.Name\" ADD COLUMN y INTEGER;\nCREATE INDEX i ON orders (x);\n");
    if (kind == SANDBOX_SQLITE)
        sandbox_file(sb, "V1__a.sql", "CREATE TABLE n (x INTEGER);\nCREATE INDEX i ON orders (x);\n");
}

static void nothing_against_it(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    if (!sandbox_has(kind))
        skip();
    open_project(&sb, kind);
    assert_int_equal(sandbox_run(&sb, &p, (const char *const[]){ "upgrade", "--dry-run", NULL }), 0);
    assert_null(strstr(p.out, "Preflight"));
    process_free(&p);
    expect_state(&sb, kind == SANDBOX_SQLITE ? "writers" : "locks", "ok");
    static const char *const postgres[] = { "standby", "prepared-transactions", "idle-in-transaction", "replication-slots", "connections" }, *const sqlite[] = { "read-only", "journal", "wal" };
    for (size_t i = 0; i < (kind == SANDBOX_SQLITE ? 3 : 5); i++)
        expect_state(&sb, kind == SANDBOX_SQLITE ? sqlite[i] : postgres[i], "ok");
    expect_state(&sb, "disk", kind == SANDBOX_SQLITE ? "ok" : "hidden");
    run_has(&sb, "upgrade --preflight", 0, "Migration applied successfully: V1__a.sql\n", "");
    run_says(&sb, "upgrade --preflight", 0, "Migrations are up to date.\n", "");
    sandbox_close(&sb);
}

#ifdef JETBASE_POSTGRES
static PGconn *other_session(const struct sandbox *sb, const char *sql)
{
    PGconn *conn = PQconnectdb(sb->conninfo);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    PGresult *res = PQexec(conn, sql);
    assert_true(PQresultStatus(res) == PGRES_COMMAND_OK || PQresultStatus(res) == PGRES_TUPLES_OK);
    PQclear(res);
    return conn;
}

static void sessions(void **state)
{
    struct sandbox sb;
    PGconn *conn;
    (void)state;
    open_project(&sb, SANDBOX_POSTGRES);
    /* A table that the plan does not name, also not where its name stands in a string or a comment. */
    conn = other_session(&sb, "BEGIN; LOCK TABLE other IN ACCESS EXCLUSIVE MODE");
    expect_state(&sb, "locks", "ok");
    expect_state(&sb, "idle-in-transaction", "warn");
    run_has(&sb, "upgrade --dry-run", 0, "is idle in a transaction that is", "");
    run_has(&sb, "upgrade --dry-run", 0, "        SELECT pg_terminate_backend(", "");
    PQfinish(conn);
    conn = other_session(&sb, "BEGIN; SELECT * FROM \"Odd.Name\"");
    expect_state(&sb, "locks", "blocks");
    run_has(&sb, "upgrade --dry-run", 0, "(postgres, idle in transaction) holds ACCESS SHARE on \"Odd.Name\", its transaction is ", "");
    PQclear(PQexec(conn, "SELECT * FROM orders"));
    run_has(&sb, "upgrade --dry-run", 0, "(postgres, idle in transaction) holds ACCESS SHARE on \"Odd.Name\", orders, its transaction is ", "");
    run_has(&sb, "upgrade --preflight", 1, "", "error: the preflight found what would block this run; nothing was run\n");
    run_has(&sb, "upgrade --preflight", 1, "", "DETAIL: locks: session ");
    run_says(&sb, "current", 0, "No migrations have been applied yet.\n", "");
    PQclear(PQexec(conn, "LOCK TABLE orders IN SHARE UPDATE EXCLUSIVE MODE; LOCK TABLE orders IN ROW EXCLUSIVE MODE; LOCK TABLE orders IN ROW SHARE MODE"));
    run_has(&sb, "upgrade --dry-run", 0, "holds ACCESS SHARE, ROW EXCLUSIVE, ROW SHARE, SHARE UPDATE EXCLUSIVE on orders, its transaction is ", "");
    PQfinish(conn);
    sandbox_close(&sb);
}

/* Names within comments and bodies are none of the plan's; one with its schema is. */
static void names_as_written(void **state)
{
    struct sandbox sb;
    PGconn *conn;
    (void)state;
    open_project(&sb, SANDBOX_POSTGRES);
    sandbox_file(&sb, "V1__a.sql", "ALTER TABLE /* FROM other */ public . orders -- FROM other\n  ADD COLUMN z INTEGER;\nDO $x$BEGIN PERFORM 1 FROM other; END$x$;\n");
    conn = other_session(&sb, "BEGIN; LOCK TABLE other IN ACCESS EXCLUSIVE MODE");
    expect_state(&sb, "locks", "ok");
    PQfinish(conn);
    conn = other_session(&sb, "BEGIN; SELECT * FROM orders");
    run_has(&sb, "upgrade --dry-run", 0, "holds ACCESS SHARE on orders, its transaction is ", "");
    PQfinish(conn);
    sandbox_close(&sb);
}

/* A run that waits looks when it has the lock: not at the holder that it waited for, but at what came meanwhile. */
static void looks_under_the_lock(void **state)
{
    struct sandbox sb;
    struct process holder, waits;
    (void)state;
    open_project(&sb, SANDBOX_POSTGRES);
    sandbox_file(&sb, "V2__b.sql", "CREATE INDEX i2 ON orders (x);\n");
    sandbox_start(&sb, &holder, true, "fence:1=stop", (const char *const[]){ "upgrade", "--count", "1", NULL });
    assert_true(process_wait_stopped(&holder));
    /* The holder has locks on those tables: who has the lock is the answer, not they. */
    run_has(&sb, "upgrade --preflight", 3, "", "error: Migration lock is already held by another process.");
    sandbox_start(&sb, &waits, false, NULL, (const char *const[]){ "upgrade", "--preflight", "--wait", "10min", NULL });
    process_hear(&waits, true, "alive: ");
    kill(holder.pid, SIGKILL);
    process_wait(&holder);
    process_free(&holder);
    sandbox_sql(&sb, "SELECT 1");
    PGconn *conn = other_session(&sb, "BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE");
    run_has(&sb, "unlock", 0, NULL, NULL);
    process_wait(&waits);
    assert_int_equal(waits.exit, 1);
    assert_string_equal(waits.out, "");
    assert_non_null(strstr(waits.err, "error: the preflight found what would block this run; nothing was run\n"));
    assert_non_null(strstr(waits.err, "holds ACCESS EXCLUSIVE on orders"));
    process_free(&waits);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    PQfinish(conn);
    run_has(&sb, "upgrade --preflight --wait 10min", 0, "Migration applied successfully: V2__b.sql\n", "");
    sandbox_close(&sb);
}

/* Nobody's session shows it; it holds its locks until somebody ends it. */
static void prepared(void **state)
{
    struct sandbox sb;
    (void)state;
    open_project(&sb, SANDBOX_POSTGRES);
    if (sandbox_number(&sb, "SELECT setting::int FROM pg_settings WHERE name = 'max_prepared_transactions'") == 0) {
        expect_state(&sb, "prepared-transactions", "ok");
    } else {
        sandbox_sql(&sb, "BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE; PREPARE TRANSACTION 'left'");
        expect_state(&sb, "prepared-transactions", "blocks");
        run_has(&sb, "upgrade --preflight", 1, "", "prepared transaction left of postgres, ");
        run_has(&sb, "upgrade --preflight", 1, "", "holds locks on orders; ROLLBACK PREPARED 'left';");
        sandbox_sql(&sb, "ROLLBACK PREPARED 'left'");
        expect_state(&sb, "prepared-transactions", "ok");
    }
    sandbox_close(&sb);
}

/* Connections near their end; those that are kept for superusers are none of another role's. */
static void nearly_used_up(void **state)
{
    struct sandbox sb;
    PGconn *all[200];
    int n = 0;
    (void)state;
    open_project(&sb, SANDBOX_POSTGRES);
    int most = (int)sandbox_number(&sb, "SELECT setting::int FROM pg_settings WHERE name = 'max_connections'");
    int kept = (int)sandbox_number(&sb, "SELECT setting::int FROM pg_settings WHERE name = 'superuser_reserved_connections'");
    struct sandbox plain = sb;
    assert_in_range(most, 10, 200);
    sandbox_sql(&sb, "DROP ROLE IF EXISTS preflight_plain");
    sandbox_sql(&sb, "CREATE ROLE preflight_plain LOGIN");
    snprintf(plain.variable, sizeof plain.variable, "JETBASE_SQLALCHEMY_URL=postgresql://preflight_plain%s", strchr(sb.url, '@'));
    /* The one that asks counts too. */
    for (; n + 1 < (most - kept) * 9 / 10 + 1; n++)
        all[n] = other_session(&sb, "SELECT 1");
    expect_state(&sb, "connections", "ok");
    expect_state(&plain, "connections", "warn");
    for (; n < most * 9 / 10; n++)
        all[n] = other_session(&sb, "SELECT 1");
    expect_state(&sb, "connections", "warn");
    while (n > 0)
        PQfinish(all[--n]);
    sandbox_sql(&sb, "DROP ROLE preflight_plain");
    sandbox_close(&sb);
}

/* A slot keeps what was written since it was last read: 65 segments of 16 MB. */
static void slot_far_behind(void **state)
{
    struct sandbox sb;
    (void)state;
    open_project(&sb, SANDBOX_POSTGRES);
    sandbox_sql(&sb, "SELECT pg_create_physical_replication_slot('left', true)");
    expect_state(&sb, "replication-slots", "ok");
    for (int i = 0; i < 65; i++) {
        sandbox_sql(&sb, "SELECT pg_logical_emit_message(false, 'x', 'y')");
        sandbox_sql(&sb, "SELECT pg_switch_wal()");
    }
    expect_state(&sb, "replication-slots", "warn");
    run_has(&sb, "upgrade --dry-run", 0, "warn    replication-slots: replication slot left (nobody reads it) is 10", "");
    run_has(&sb, "upgrade --dry-run", 0, "        SELECT pg_drop_replication_slot('left'); where nobody needs it any more\n", "");
    sandbox_sql(&sb, "SELECT pg_drop_replication_slot('left')");
    sandbox_sql(&sb, "CHECKPOINT");
    expect_state(&sb, "replication-slots", "ok");
    sandbox_close(&sb);
}

/* A session that shows what such an autovacuum shows, and holds what it holds. */
static void against_wraparound(void **state)
{
    struct sandbox sb;
    (void)state;
    open_project(&sb, SANDBOX_POSTGRES);
    PGconn *conn = other_session(&sb, "BEGIN; LOCK TABLE orders IN SHARE UPDATE EXCLUSIVE MODE; SAVEPOINT s");
    PQclear(PQexec(conn, "autovacuum: VACUUM public.orders (to prevent wraparound)"));
    run_has(&sb, "upgrade --preflight", 1, "", ", an autovacuum to prevent wraparound, which does not give way, holds SHARE UPDATE EXCLUSIVE on orders, ");
    PQfinish(conn);
    sandbox_close(&sb);
}

/* A role that may not see what others do is told so. */
static void hidden(void **state)
{
    struct sandbox sb;
    char url[600];
    (void)state;
    open_project(&sb, SANDBOX_POSTGRES);
    PGconn *conn = other_session(&sb, "BEGIN; SELECT 1");
    sandbox_sql(&sb, "DROP ROLE IF EXISTS preflight_reader");
    sandbox_sql(&sb, "CREATE ROLE preflight_reader LOGIN");
    snprintf(url, sizeof url, "postgresql://preflight_reader%s", strchr(sb.url, '@'));
    snprintf(sb.variable, sizeof sb.variable, "JETBASE_SQLALCHEMY_URL=%s", url);
    expect_state(&sb, "idle-in-transaction", "hidden");
    expect_state(&sb, "locks", "ok");
    /* Whether the holder of a weak lock works or sits idle is not shown to this role: neither is said. */
    PQclear(PQexec(conn, "SELECT * FROM orders"));
    expect_state(&sb, "locks", "hidden");
    PQclear(PQexec(conn, "LOCK TABLE orders IN SHARE MODE"));
    expect_state(&sb, "locks", "blocks");
    PQfinish(conn);
    sandbox_sql(&sb, "DROP ROLE preflight_reader");
    sandbox_close(&sb);
}

/* The plan names the parent; who holds a partition of a partition stands in its way all the same. */
static void partitions(void **state)
{
    struct sandbox sb;
    (void)state;
    sandbox_open(&sb, SANDBOX_POSTGRES);
    sandbox_sql(&sb, "CREATE TABLE sales (x INTEGER) PARTITION BY RANGE (x)");
    sandbox_sql(&sb, "CREATE TABLE sales_low PARTITION OF sales FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (x)");
    sandbox_sql(&sb, "CREATE TABLE sales_five PARTITION OF sales_low FOR VALUES FROM (0) TO (5)");
    sandbox_file(&sb, "V1__a.sql", "ALTER TABLE sales ADD COLUMN y INTEGER;\n");
    expect_state(&sb, "locks", "ok");
    PGconn *conn = other_session(&sb, "BEGIN; LOCK TABLE sales_five IN ACCESS SHARE MODE");
    expect_state(&sb, "locks", "blocks");
    run_has(&sb, "upgrade --dry-run", 0, "holds ACCESS SHARE on sales_five, its transaction is ", "");
    PQclear(PQexec(conn, "PREPARE TRANSACTION 'part'"));
    expect_state(&sb, "prepared-transactions", "blocks");
    PQclear(PQexec(conn, "ROLLBACK PREPARED 'part'"));
    expect_state(&sb, "prepared-transactions", "ok");
    PQfinish(conn);
    sandbox_close(&sb);
}
#endif

#ifdef JETBASE_SQLITE
static void writers(void **state)
{
    struct sandbox sb;
    sqlite3 *handle;
    (void)state;
    open_project(&sb, SANDBOX_SQLITE);
    assert_int_equal(sqlite3_open(sb.path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    expect_state(&sb, "writers", "blocks");
    run_has(&sb, "upgrade --preflight", 1, "", "is in a writing transaction");
    run_has(&sb, "upgrade --dry-run", 0, "blocks  writers: process ", "");
    assert_int_equal(sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    expect_state(&sb, "writers", "ok");
    assert_int_equal(sqlite3_exec(handle, "PRAGMA journal_mode = WAL", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, "INSERT INTO orders VALUES (1)", NULL, NULL, NULL), SQLITE_OK);
    expect_state(&sb, "writers", "hidden");
    sqlite3_close(handle);
    sandbox_close(&sb);
}
#endif

#ifdef JETBASE_SQLITE
/* Files that look as large as they would be: all of it holes. */
static void little_room(void **state)
{
    struct sandbox sb;
    (void)state;
    open_project(&sb, SANDBOX_SQLITE);
    expect_state(&sb, "disk", "ok");
    if (truncate(sb.path, (off_t)1 << 42) != 0) {
        printf("not run here: little_room: the file system takes no file of 4 TB\n");
    } else {
        expect_state(&sb, "disk", "warn");
        run_has(&sb, "upgrade --dry-run", 0, " MB left, the file has 4194304 MB: a table that is written anew, with its journal, may need twice the file\n", "");
    }
    sandbox_close(&sb);
}

static void large_wal(void **state)
{
    struct sandbox sb;
    sqlite3 *handle;
    char path[700];
    (void)state;
    open_project(&sb, SANDBOX_SQLITE);
    assert_int_equal(sqlite3_open(sb.path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, "PRAGMA journal_mode = WAL; INSERT INTO orders VALUES (1)", NULL, NULL, NULL), SQLITE_OK);
    expect_state(&sb, "wal", "ok");
    snprintf(path, sizeof path, "%s-wal", sb.path);
    assert_int_equal(truncate(path, 65 << 20), 0);
    expect_state(&sb, "wal", "warn");
    run_has(&sb, "upgrade --dry-run", 0, "        PRAGMA wal_checkpoint(TRUNCATE); once no reader is left\n", "");
    sqlite3_close(handle);
    sandbox_close(&sb);
}

/* A journal that stays behind a clean COMMIT is nobody's death. */
static void kept_journal(void **state)
{
    struct sandbox sb;
    sqlite3 *handle;
    char path[700];
    (void)state;
    open_project(&sb, SANDBOX_SQLITE);
    assert_int_equal(sqlite3_open(sb.path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, "PRAGMA journal_mode = PERSIST; INSERT INTO orders VALUES (1)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
    snprintf(path, sizeof path, "%s-journal", sb.path);
    assert_int_equal(access(path, F_OK), 0);
    expect_state(&sb, "journal", "ok");
    /* One that was begun, and whose writer is not there. */
    FILE *journal = fopen(path, "r+e");
    assert_non_null(journal);
    assert_int_equal(fputc(0xd9, journal), 0xd9);
    assert_int_equal(fclose(journal), 0);
    run_has(&sb, "upgrade --dry-run", 1, "", "its last writer died inside a transaction");
    sandbox_close(&sb);
}
#endif

STAGE_ON_BOTH(nothing_against_it)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_BOTH(nothing_against_it),
#ifdef JETBASE_POSTGRES
        cmocka_unit_test(sessions), cmocka_unit_test(names_as_written), cmocka_unit_test(looks_under_the_lock), cmocka_unit_test(prepared), cmocka_unit_test(nearly_used_up), cmocka_unit_test(hidden), cmocka_unit_test(partitions), cmocka_unit_test(slot_far_behind), cmocka_unit_test(against_wraparound),
#endif
#ifdef JETBASE_SQLITE
        cmocka_unit_test(writers), cmocka_unit_test(little_room), cmocka_unit_test(large_wal), cmocka_unit_test(kept_journal),
#endif
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("preflight", tests, NULL, NULL);
}
