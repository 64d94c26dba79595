/* test_scanner_class.c: what a statement is to a migration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/feed.h"

static struct scan_statement only(const char *text, enum scan_dialect dialect, struct place *why)
{
    struct feed_how how = { .dialect = dialect };
    struct feed_all all = feed_scan(text, strlen(text), &how);
    struct scan_statement s;
    if (all.count != 1 || all.end != SCAN_END)
        fail_msg("%s: %zu statements, %s", text, all.count, all.err.message);
    s = all.found[0].s;
    if (why)
        *why = all.found[0].why;
    feed_free(&all);
    return s;
}

static void all_are(enum scan_class class, enum scan_dialect dialect, const char *const *texts)
{
    for (; *texts; texts++) {
        enum scan_class got = only(*texts, dialect, NULL).class;
        if (got != class)
            fail_msg("%s: is %d, not %d", *texts, got, class);
    }
}

#define PG(class, ...) all_are(class, SCAN_POSTGRES, (const char *const[]){ __VA_ARGS__, NULL })
#define LITE(class, ...) all_are(class, SCAN_SQLITE, (const char *const[]){ __VA_ARGS__, NULL })

static void postgres_transactions(void **state)
{
    (void)state;
    PG(SCAN_TX_BEGIN, "BEGIN", "begin work", "BEGIN /* x */ TRANSACTION", "START TRANSACTION", "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE, NOT DEFERRABLE", "START TRANSACTION READ WRITE ISOLATION LEVEL SERIALIZABLE");
    PG(SCAN_TX_COMMIT, "COMMIT", "COMMIT WORK", "END", "end transaction", "COMMIT AND NO CHAIN", "END WORK AND NO CHAIN");
    PG(SCAN_TX_SET, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET LOCAL TRANSACTION READ WRITE", "SET SESSION TRANSACTION DEFERRABLE");
    PG(SCAN_TX_OTHER, "ROLLBACK", "ROLLBACK WORK", "ROLLBACK AND NO CHAIN", "ABORT", "abort transaction", "PREPARE TRANSACTION 'x'", "COMMIT AND CHAIN", "COMMIT WORK AND CHAIN", "COMMIT PREPARED 'x'",
       "ROLLBACK PREPARED 'x'", "SET TRANSACTION SNAPSHOT '1'", "BEGIN nonsense", "BEGIN READ WRITE,", "BEGIN ISOLATION LEVEL", "START", "COMMIT now", "SET TRANSACTION", "COMMIT AND NO");
    PG(SCAN_SAVEPOINT, "SAVEPOINT a", "RELEASE a", "RELEASE SAVEPOINT a", "ROLLBACK TO a", "ROLLBACK TO SAVEPOINT a", "ROLLBACK WORK TO a", "ROLLBACK TRANSACTION TO SAVEPOINT a");
    PG(SCAN_PLAIN, "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET transaction_isolation = 'serializable'", "\"begin\"", "PREPARE transaction AS SELECT 1", "PREPARE transaction (int) AS SELECT $1", "PREPARE a AS SELECT 1",
       "SELECT 'COMMIT'", "DO $$ BEGIN COMMIT; END $$", "CALL f()", "LOCK TABLE a", "SET CONSTRAINTS ALL IMMEDIATE");
}

static void modes(void **state)
{
    (void)state;
    struct scan_statement s = only("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY DEFERRABLE", SCAN_POSTGRES, NULL);
    assert_int_equal(s.isolation, ISOLATION_REPEATABLE_READ);
    assert_true(s.read_only && s.deferrable);
    s = only("SET TRANSACTION READ ONLY, READ WRITE, DEFERRABLE, NOT DEFERRABLE, ISOLATION LEVEL SERIALIZABLE", SCAN_POSTGRES, NULL);
    assert_int_equal(s.isolation, ISOLATION_SERIALIZABLE);
    assert_false(s.read_only || s.deferrable);
    assert_int_equal(only("BEGIN ISOLATION LEVEL READ UNCOMMITTED", SCAN_POSTGRES, NULL).isolation, ISOLATION_READ_COMMITTED);
    assert_int_equal(only("BEGIN", SCAN_POSTGRES, NULL).isolation, ISOLATION_DEFAULT);
}

static void never_in_a_transaction(void **state)
{
    (void)state;
    PG(SCAN_NEVER_IN_TX, "CREATE INDEX CONCURRENTLY i ON t(a)", "create unique index concurrently if not exists i on t(a)", "CREATE INDEX CONCURRENTLY ON t(a)", "DROP INDEX CONCURRENTLY i", "DROP INDEX CONCURRENTLY IF EXISTS a, b",
       "REINDEX TABLE CONCURRENTLY t", "REINDEX (VERBOSE) INDEX CONCURRENTLY i", "REINDEX (CONCURRENTLY) TABLE t", "REINDEX (CONCURRENTLY true, VERBOSE) TABLE t", "REINDEX (CONCURRENTLY 1) TABLE t", "REINDEX DATABASE d", "REINDEX SYSTEM d", "REINDEX SCHEMA s",
       "ALTER TABLE t DETACH PARTITION p CONCURRENTLY", "ALTER TABLE IF EXISTS s.t DETACH PARTITION s.p CONCURRENTLY", "VACUUM", "VACUUM (FULL) t", "vacuum analyze", "ALTER SYSTEM SET a = 1",
       "CREATE DATABASE d", "DROP DATABASE d", "CREATE TABLESPACE s LOCATION '/x'", "DROP TABLESPACE s", "ALTER DATABASE d SET TABLESPACE s", "CLUSTER", "CLUSTER VERBOSE", "CLUSTER (VERBOSE)", "DISCARD ALL",
       "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p", "ALTER SUBSCRIPTION s REFRESH PUBLICATION", "ALTER SUBSCRIPTION s SET PUBLICATION p");
    PG(SCAN_PLAIN, "CREATE INDEX i ON t(a)", "CREATE INDEX \"concurrently\" ON t(a)", "DROP INDEX i", "REINDEX TABLE t", "REINDEX (CONCURRENTLY false) TABLE t", "REINDEX (CONCURRENTLY off) TABLE t", "REINDEX (CONCURRENTLY 0) TABLE t",
       "ALTER TABLE t DETACH PARTITION p", "ALTER TABLE t DETACH PARTITION p FINALIZE", "REFRESH MATERIALIZED VIEW CONCURRENTLY m", "ALTER TYPE e ADD VALUE 'x'", "ALTER DATABASE d SET a = 1", "CLUSTER t", "CLUSTER VERBOSE t USING i",
       "DISCARD TEMP", "ANALYZE t", "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (create_slot = false)", "DROP SUBSCRIPTION s", "ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = false)", "ALTER SUBSCRIPTION s DISABLE",
       "COMMENT ON TABLE vacuum IS 'CONCURRENTLY'", "CREATE TABLE database(a int)", "ALTER TABLE t SET TABLESPACE s");
    LITE(SCAN_NEVER_IN_TX, "VACUUM", "vacuum main", "VACUUM INTO 'x'");
    LITE(SCAN_PLAIN, "CREATE INDEX concurrently ON t(a)", "EXPLAIN VACUUM", "REINDEX", "DROP TABLE vacuum");
}

static void copy(void **state)
{
    (void)state;
    PG(SCAN_COPY_STDIO, "COPY t FROM STDIN", "copy s.t (a, b) from stdin with (format csv)", "COPY t TO STDOUT", "COPY (SELECT a FROM stdin) TO STDOUT (FORMAT csv)", "COPY BINARY t FROM STDIN",
       "COPY (SELECT 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25) TO STDOUT");
    PG(SCAN_PLAIN, "COPY t FROM '/stdin'", "COPY (SELECT a FROM stdin) TO '/x'", "COPY t FROM PROGRAM 'x'", "SELECT 1 FROM stdin", "COPY t TO '/x' -- STDOUT", "COPY t FROM \"stdin\"");
}

static void client_commands(void **state)
{
    struct place why;
    (void)state;
    PG(SCAN_CLIENT_COMMAND, "\\connect db", "SELECT 1\n\\gexec\nSELECT 2", "\\restrict abc", "SELECT 1 \\gset", "\\::", "BEGIN \\x");
    PG(SCAN_PLAIN, "SELECT '\\x'", "SELECT \"\\\"", "SELECT $$\\x$$", "SELECT 1 -- \\x\n+ 2", "SELECT \\:a");
    LITE(SCAN_CLIENT_COMMAND, ".tables", ".mode csv\n.import x y", " .read x");
    LITE(SCAN_PLAIN, "SELECT t.a", "SELECT .5", "SELECT \\x");
    only("SELECT 1\n \\gexec\nSELECT 2", SCAN_POSTGRES, &why);
    assert_int_equal(why.line, 2);
    assert_int_equal(why.column, 2);
}

/* Such a command need not be SQL: what looks like an open string in it is not what is wrong. */
static void client_commands_with_quotes(void **state)
{
    static const struct { const char *text; enum scan_dialect dialect; unsigned column; } cases[] = {
        { "SELECT 1; \\echo it's", SCAN_POSTGRES, 11 }, { ".print it's\nSELECT 1;", SCAN_SQLITE, 1 },
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct feed_how how = { .dialect = cases[i].dialect };
        struct feed_all all = feed_scan(cases[i].text, strlen(cases[i].text), &how);
        assert_int_equal(all.end, SCAN_ERROR);
        assert_non_null(strstr(all.err.message, "own commands"));
        assert_int_equal(all.err.place.line, 1);
        assert_int_equal(all.err.place.column, cases[i].column);
        feed_free(&all);
    }
}

static void own_tables(void **state)
{
    struct place why;
    (void)state;
    PG(SCAN_OWN_TABLE, "INSERT INTO jetbase_lock VALUES (1)", "INSERT INTO a SELECT process_id FROM \"jetbase_runs\"", "UPDATE jetbase_lock SET is_locked = false", "DROP TABLE public.JETBASE_RUNS", "SELECT * FROM \"jetbase_lock\"", "CREATE TABLE a AS SELECT (SELECT 1 FROM s.\"jetbase_runs\")", "TABLE U&\"jetbase_lock\"",
       "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; DELETE FROM jetbase_lock; END");
    PG(SCAN_PLAIN, "SELECT 'jetbase_lock'", "SELECT \"JETBASE_LOCK\"", "SELECT jetbase_locks", "SELECT 1 -- jetbase_lock\n", "DO $$ jetbase_lock $$", "SELECT * FROM jetbase_migrations", "SELECT $1");
    LITE(SCAN_OWN_TABLE, "INSERT INTO [jetbase_lock] VALUES (1)", "INSERT INTO a SELECT process_id FROM jetbase_runs", "DROP TABLE Jetbase_Lock", "DELETE FROM [JETBASE_RUNS]", "DELETE FROM \"Jetbase_lock\"", "DELETE FROM `jetbase_lock`", "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM jetbase_lock; END");
    LITE(SCAN_PLAIN, "SELECT 'jetbase_lock'", "SELECT :jetbase_lock");
    only("SELECT 1,\n  2 FROM x, jetbase_lock", SCAN_POSTGRES, &why);
    assert_int_equal(why.line, 2);
    assert_int_equal(why.column, 13);
}

static void sqlite_statements(void **state)
{
    (void)state;
    LITE(SCAN_TX_BEGIN, "BEGIN", "BEGIN TRANSACTION", "begin immediate", "BEGIN EXCLUSIVE TRANSACTION", "BEGIN DEFERRED TRANSACTION x");
    LITE(SCAN_TX_COMMIT, "COMMIT", "END", "COMMIT TRANSACTION", "end transaction x");
    LITE(SCAN_TX_OTHER, "ROLLBACK", "ROLLBACK TRANSACTION", "BEGIN x", "COMMIT x", "BEGIN WORK");
    LITE(SCAN_SAVEPOINT, "SAVEPOINT a", "RELEASE a", "ROLLBACK TO a", "ROLLBACK TRANSACTION TO SAVEPOINT a", "ROLLBACK TRANSACTION x TO a");
    LITE(SCAN_SQLITE_REFUSED, "ATTACH 'x' AS y", "DETACH y", "attach database 'x' as y", "PRAGMA journal_mode=OFF", "PRAGMA main.journal_mode = wal", "pragma journal_mode(memory)", "PRAGMA \"journal_mode\"=off", "PRAGMA [main].'JOURNAL_MODE'(off)",
         "PRAGMA locking_mode=exclusive", "PRAGMA hard_heap_limit=1", "PRAGMA soft_heap_limit(1)", "PRAGMA temp_store_directory='x'", "PRAGMA query_only=1", "EXPLAIN QUERY PLAN ATTACH 'x' AS y");
    LITE(SCAN_PLAIN, "PRAGMA journal_mode", "PRAGMA main.journal_mode", "PRAGMA foreign_keys=ON", "PRAGMA defer_foreign_keys(1)", "PRAGMA user_version=3", "SELECT 'ATTACH'", "START TRANSACTION", "SET TRANSACTION READ WRITE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(postgres_transactions), cmocka_unit_test(modes), cmocka_unit_test(never_in_a_transaction), cmocka_unit_test(copy), cmocka_unit_test(client_commands),
        cmocka_unit_test(client_commands_with_quotes), cmocka_unit_test(own_tables), cmocka_unit_test(sqlite_statements),
    };
    return cmocka_run_group_tests_name("scanner_class", tests, NULL, NULL);
}
