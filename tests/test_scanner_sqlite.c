/* test_scanner_sqlite.c: SQLite itself has the last word on where its statements end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "support/feed.h"

static uint32_t next(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    return *x ^= *x << 5;
}

/* Whether the scanner holds that a statement has ended, or none begun, at the end of text. */
static bool ended(const char *text, size_t len)
{
    struct feed_how how = { .dialect = SCAN_SQLITE };
    char more[1024];
    memcpy(more, text, len);
    memcpy(more + len, "\n x", 3); /* the line end closes a line comment, as the end of the text does for sqlite3_complete */
    struct feed_all all = feed_scan(more, len + 3, &how);
    bool is = all.count > 0 && all.found[all.count - 1].s.offset == len + 2;
    feed_free(&all);
    return is;
}

/* At every `;` of random texts the scanner and sqlite3_complete agree. (It knows no variables, no byte order mark, no vertical tab: prepare is asked about these below.) */
static void complete_agrees(void **state)
{
    static const char *const bits[] = {
        ";", ";", ";", "; ", ";\n", " ", "\n", "'", "''", "\"", "`", "[", "]", "$", "$a", "--", "-", "/*", "*/", "/", "*", "x'", "X'1f'", "a", "1", "1e+", "1.5", ".", "SELECT ", "CREATE ", "TEMP ",
        "temporary ", "TRIGGER ", "BEGIN ", "CASE ", "END", "end", "END;", "EXPLAIN ", "QUERY ", "PLAN ", "CREATE TRIGGER ", "BEGIN SELECT 1; END;", "\"end\"", "\xc3\xa9", "\\",
    };
    uint32_t x = 4711;
    size_t asked = 0;
    (void)state;
    for (int i = 0; i < 40000; i++) {
        char text[512], head[512];
        size_t len = 1, n = 1 + next(&x) % 20;
        text[0] = ';'; /* sqlite3_complete calls a text of comments alone incomplete */
        while (n-- > 0) {
            const char *bit = bits[next(&x) % (sizeof bits / sizeof *bits)];
            memcpy(text + len, bit, strlen(bit));
            len += strlen(bit);
        }
        for (size_t k = 0; k < len; k++) {
            if (text[k] != ';')
                continue;
            memcpy(head, text, k + 1);
            head[k + 1] = '\0';
            asked++;
            if (ended(head, k + 1) != (sqlite3_complete(head) != 0))
                fail_msg("sqlite3_complete says %d: %s", sqlite3_complete(head), head);
        }
    }
    assert_true(asked > 10000);
}

/* Valid statements in random order with random things between them: prepare finds them where the scanner does. */
static void prepare_agrees(void **state)
{
    static const char *const statements[] = {
        "SELECT 1", "SELECT ';', \"a\", [b], `b` FROM t", "SELECT '--', '/*', 'it''s;', \"a;\"\"b\" FROM (SELECT 1 AS \"a;\"\"b\")", "SELECT $a(;x), @b::c(;), #d, :e(;), ?1, $f::g", "SELECT x'3b3b', 0x1F, 1e-3, .5e+2, 1.",
        "INSERT INTO t VALUES (1, 'x;') -- ;\n", "SELECT 4 - -5, 4/2, 4 /* ; */ * 2", "SELECT 1 AS \xc3\xa9$, 2 AS end", "SELECT CASE WHEN a THEN 1 ELSE 2 END FROM t", "EXPLAIN SELECT 1", "SELECT '{}' -> '$', '{}' ->> '$'",
        "CREATE TRIGGER r AFTER INSERT ON t WHEN CASE WHEN new.a THEN 1 ELSE 0 END BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; SELECT ';' AS end; /* ; */ DELETE FROM t WHERE a = 9 ; END",
        "create temp trigger if not exists q update of a on t begin update t set b = 'END;' where a = 1 ; end", "EXPLAIN CREATE TEMPORARY TRIGGER s DELETE ON t BEGIN SELECT 1; END", "EXPLAIN QUERY PLAN CREATE TRIGGER s DELETE ON t BEGIN SELECT 1; END",
        "CREATE TABLE \"trigger\"(\"end\" TEXT DEFAULT (';'), b TEXT AS (\"end\" || ';') STORED)", "SAVEPOINT begin", "WITH c AS (SELECT 1) SELECT * FROM c", "SELECT 1 \v, 2 \v+ 3",
        "CREATE VIRTUAL TABLE v USING fts4(a;b, \"c;\", d(;), ')')", "EXPLAIN CREATE VIRTUAL TABLE v USING m(;)",
    };
    static const char *const between[] = { ";", " ;", ";\n", "; -- ;'\n", ";/* ; */", " ; ;; ", "; /* it's */ ; -- \"\r\n", "-- x\n;\t", ";\xef\xbb\xbf", "/**/;\f" };
    struct feed_how how = { .dialect = SCAN_SQLITE };
    uint32_t x = 815;
    sqlite3 *db;
    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t(a, b)", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < 3000; i++) {
        char text[4096] = "";
        size_t want = 1 + next(&x) % 6, found = 0;
        for (size_t k = 0; k < want; k++) {
            strcat(text, statements[next(&x) % (sizeof statements / sizeof *statements)]);
            if (k + 1 < want || next(&x) % 2)
                strcat(text, between[next(&x) % (sizeof between / sizeof *between)]);
        }
        struct feed_all all = feed_scan(text, strlen(text), &how);
        assert_int_equal(all.end, SCAN_END);
        const char *from = text, *tail;
        while (*from) {
            sqlite3_stmt *stmt = NULL;
            if (sqlite3_prepare_v2(db, from, -1, &stmt, &tail) != SQLITE_OK)
                fail_msg("%s\n%s", sqlite3_errmsg(db), from);
            if (stmt) {
                assert_true(found < all.count);
                const char *begins = text + all.found[found].s.offset, *ends = begins + all.found[found].raw_len;
                if (begins < from || ends > tail)
                    fail_msg("%s\nthe scanner found: %s\nSQLite: %.*s", text, all.found[found].text, (int)(tail - from), from);
                found++;
            }
            sqlite3_finalize(stmt);
            from = tail;
        }
        assert_int_equal(found, want);
        assert_int_equal(all.count, want);
        feed_free(&all);
    }
    sqlite3_close(db);
}

/* What the scanner calls unterminated is an error to SQLite too; what it lets pass at the end of a file is not. */
static void ends_agree(void **state)
{
    static const struct { const char *text; bool good; } cases[] = {
        { "SELECT 'a", false }, { "SELECT \"a", false }, { "SELECT `a", false }, { "SELECT [a", false }, { "SELECT x'ab", false }, { "SELECT 1 /* open", true }, { "SELECT 1 -- open", true },
    };
    sqlite3 *db;
    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct feed_how how = { .dialect = SCAN_SQLITE };
        struct feed_all all = feed_scan(cases[i].text, strlen(cases[i].text), &how);
        sqlite3_stmt *stmt = NULL;
        assert_int_equal(all.end, cases[i].good ? SCAN_END : SCAN_ERROR);
        assert_int_equal(sqlite3_prepare_v2(db, cases[i].text, -1, &stmt, NULL) == SQLITE_OK, cases[i].good);
        sqlite3_finalize(stmt);
        feed_free(&all);
    }
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(complete_agrees), cmocka_unit_test(prepare_agrees), cmocka_unit_test(ends_agree) };
    return cmocka_run_group_tests_name("scanner_sqlite", tests, NULL, NULL);
}
