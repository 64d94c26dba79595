/* test_history.c: jetbase_migrations read from real SQLite files as Jetbase, and people, leave them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "history.h"
#include "support/files.h"

static char dir[FILES_PATH];
static struct url url;
static struct db *db;

/* Jetbase's own table on SQLite. */
static const char table[] = "CREATE TABLE jetbase_migrations (order_executed INTEGER PRIMARY KEY AUTOINCREMENT, version TEXT, description TEXT, filename TEXT NOT NULL, "
                            "migration_type TEXT NOT NULL, applied_at TEXT DEFAULT (STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')), checksum TEXT);";

static int setup(void **state)
{
    (void)state;
    files_folder(dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (db != NULL)
        db_driver_of(db)->close(db);
    db = NULL;
    url_free(&url);
    files_remove(dir);
    return 0;
}

/* Makes the database file by SQL and opens it through the driver. */
static void open_database(const char *sql)
{
    char text[2 * FILES_PATH];
    snprintf(text, sizeof text, "%s/app.db", dir);
    sqlite3 *raw;
    assert_int_equal(sqlite3_open(text, &raw), SQLITE_OK);
    assert_int_equal(sqlite3_exec(raw, table, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(raw, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(raw), SQLITE_OK);

    struct error err = {0};
    snprintf(text, sizeof text, "sqlite:///%s/app.db", dir);
    assert_true(url_parse(text, &url, &err));
    const struct db_driver *driver = db_driver_for(&url, &err);
    assert_non_null(driver);
    struct db_target target = {.url = &url, .sys = &sys_real, .wake_fd = -1};
    if (!driver->open(&target, DB_LOOK, &db, &err))
        fail_msg("%s", err.message);
}

static struct history *read_good(void)
{
    struct history *history = NULL;
    struct error err = {0};
    if (!history_read(db, &history, &err))
        fail_msg("%s", err.message);
    return history;
}

static void test_rows(void **state)
{
    (void)state;
    open_database("INSERT INTO jetbase_migrations (version, description, filename, migration_type, applied_at, checksum) VALUES "
                  "('2', 'b', 'V2__b.sql', 'VERSIONED', '2025-01-02 00:00:00.000', 'c2'), "
                  "('1', 'a', 'V1__a.sql', 'VERSIONED', '2025-01-01 00:00:00.000', 'c1'), "
                  "(NULL, 'seed', 'RA__seed.sql', 'RUNS_ALWAYS', '2025-01-03 00:00:00.000', 'c3'), "
                  "('1.5', 'c', 'V1.5__c.sql', 'VERSIONED', '2025-01-02 00:00:00.000', 'c4'), "
                  "('1', 'a', 'V1__a.sql', 'VERSIONED', '2025-01-02 00:00:00.000', 'c5');");
    struct history *h = read_good();
    assert_true(h->table);
    assert_int_equal(h->count, 5);
    static const int64_t orders[] = {2, 1, 4, 5, 3}; /* by applied_at, ties by order_executed */
    for (size_t i = 0; i < h->count; i++)
        assert_int_equal(h->rows[i].order, orders[i]);
    assert_string_equal(h->rows[0].file, "V1__a.sql");
    assert_string_equal(h->rows[0].description, "a");
    assert_string_equal(h->rows[0].checksum, "c1");
    assert_string_equal(h->rows[0].applied_at, "2025-01-01 00:00:00.000");
    assert_int_equal(h->rows[4].type, MIGRATION_RUNS_ALWAYS);
    assert_null(h->rows[4].version);
    assert_int_equal(history_latest(h)->order, 5);

    struct migration m = {.type = MIGRATION_VERSIONED, .version = "1", .file = "V1__other.sql"};
    assert_int_equal(history_rows_of(h, &m), 2);
    assert_string_equal(history_of(h, &m)->checksum, "c5");
    m.version = "1.50";
    assert_null(history_of(h, &m));
    m.version = "01.5.0"; /* equal, spelt differently */
    assert_string_equal(history_of(h, &m)->version, "1.5");
    assert_int_equal(history_rows_of(h, &m), 0);
    m = (struct migration){.type = MIGRATION_RUNS_ALWAYS, .file = "RA__seed.sql"};
    assert_int_equal(history_rows_of(h, &m), 1);
    assert_string_equal(history_of(h, &m)->checksum, "c3");
    m.type = MIGRATION_RUNS_ON_CHANGE;
    assert_null(history_of(h, &m));
    history_free(h);
}

/* Bisection finds what a search row by row finds, however versions are spelt, and whatever people put in by hand. */
static void test_looked_up(void **state)
{
    static const char *const versions[] = {"1", "1.0", "01", "2", "1.5", "1_5", "10", "9", "1.10", "1.9", "", "x", "1..2", "20250101.1", "3.", "0"};
    enum {SPELLINGS = sizeof versions / sizeof versions[0], ROWS = 200};
    char sql[200 * ROWS] = "INSERT INTO jetbase_migrations (version, description, filename, migration_type, applied_at, checksum) VALUES ";
    (void)state;
    srand(7);
    for (int i = 0; i < ROWS; i++) {
        const char *version = versions[rand() % SPELLINGS];
        snprintf(sql + strlen(sql), sizeof sql - strlen(sql), "%s('%s', 'd', 'f%d', '%s', '2025-01-%02d 00:00:00.000', 'c%d')", i ? ", " : "", *version ? version : "7", i % 9, i % 7 ? "VERSIONED" : "RUNS_ALWAYS", 1 + rand() % 28, rand() % 2);
    }
    open_database(sql);
    struct history *h = read_good();
    struct history slow = *h;
    assert_non_null(h->by_version);
    slow.by_version = NULL;
    /* In that order and in any: a search begins where the last one ended. */
    for (int i = 0; i < 20 * SPELLINGS; i++)
        for (int c = 0; c < 2; c++) {
            struct migration m = {.type = MIGRATION_VERSIONED, .version = versions[i < SPELLINGS ? i : rand() % SPELLINGS], .file = "f1"};
            snprintf(m.checksum, sizeof m.checksum, "c%d", c);
            assert_ptr_equal(history_of(h, &m), history_of(&slow, &m));
            assert_int_equal(history_differs(h, &m), history_differs(&slow, &m));
        }
    history_free(h);
}

/* A history that was read again says the same until a row is another one. */
static void test_same(void **state)
{
    static const char *const changes[] = {"version = '1.0'", "description = 'z'", "filename = 'V1__z.sql'", "checksum = 'z'", "applied_at = '2025-01-01 00:00:01.000'", "migration_type = 'RUNS_ALWAYS'"};
    (void)state;
    open_database("INSERT INTO jetbase_migrations (version, description, filename, migration_type, applied_at, checksum) VALUES "
                  "('1', 'a', 'V1__a.sql', 'VERSIONED', '2025-01-01 00:00:00.000', 'c1'), ('2', 'b', 'V2__b.sql', 'VERSIONED', '2025-01-02 00:00:00.000', 'c2');");
    struct history *first = read_good(), *now = read_good();
    assert_true(history_same(first, now));
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char path[2 * FILES_PATH], sql[300];
        sqlite3 *raw;
        snprintf(path, sizeof path, "%s/app.db", dir);
        snprintf(sql, sizeof sql, "UPDATE jetbase_migrations SET %s WHERE order_executed = 1", changes[i]);
        assert_int_equal(sqlite3_open(path, &raw), SQLITE_OK);
        assert_int_equal(sqlite3_exec(raw, sql, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_close(raw), SQLITE_OK);
        history_free(now);
        now = read_good();
        assert_false(history_same(first, now));
        history_free(first);
        first = now;
        now = read_good();
        assert_true(history_same(first, now));
    }
    history_free(first);
    history_free(now);
}

static void test_no_table(void **state)
{
    (void)state;
    open_database("DROP TABLE jetbase_migrations;");
    struct history *h = read_good();
    assert_false(h->table);
    assert_int_equal(h->count, 0);
    assert_null(history_latest(h));
    history_free(h);
    history_free(NULL);
}

static void test_empty_table(void **state)
{
    (void)state;
    open_database("");
    struct history *h = read_good();
    assert_true(h->table);
    assert_int_equal(h->count, 0);
    history_free(h);
}

/* Rows put in by hand. */
static void test_nulls(void **state)
{
    (void)state;
    open_database("INSERT INTO jetbase_migrations (version, filename, migration_type, applied_at) VALUES ('1', 'V1__a.sql', 'VERSIONED', NULL);");
    struct history *h = read_good();
    assert_int_equal(h->count, 1);
    assert_string_equal(h->rows[0].description, "");
    assert_string_equal(h->rows[0].checksum, "");
    assert_string_equal(h->rows[0].applied_at, "");
    history_free(h);
}

static void check_refused(const char *sql, const char *message)
{
    struct history *history = NULL;
    struct error err = {0};
    open_database(sql);
    assert_false(history_read(db, &history, &err));
    assert_null(history);
    assert_int_equal(err.code, ERR_HISTORY);
    assert_string_equal(err.message, message);
}

static void test_unknown_type(void **state)
{
    (void)state;
    check_refused("INSERT INTO jetbase_migrations (version, filename, migration_type) VALUES ('1', 'V1__a.sql', 'VERSIONED'), ('1', 'x', 'BASE\x1BLINE');",
                  "Row 2 of jetbase_migrations has the migration type 'BASE^[LINE', which is not known here.");
}

static void test_no_version(void **state)
{
    (void)state;
    check_refused("INSERT INTO jetbase_migrations (filename, migration_type) VALUES ('V1__a.sql', 'VERSIONED');", "Row 1 of jetbase_migrations is VERSIONED but has no version.");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rows), TEST(test_looked_up), TEST(test_same), TEST(test_no_table), TEST(test_empty_table), TEST(test_nulls), TEST(test_unknown_type), TEST(test_no_version),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
