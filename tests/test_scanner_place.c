/* test_scanner_place.c: line, column and source line of statements and faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/feed.h"

/* The n-th statement (from 0) stands at line:column, in pieces of every size. */
static void want_in(enum scan_dialect dialect, const char *text, size_t n, unsigned line, unsigned column)
{
    struct feed_how how = { .dialect = dialect };
    for (how.piece = 1; how.piece <= strlen(text); how.piece++) {
        struct feed_all all = feed_scan(text, strlen(text), &how);
        assert_int_equal(all.end, SCAN_END);
        assert_true(n < all.count);
        struct place at = all.found[n].s.at;
        if (at.line != line || at.column != column)
            fail_msg("%s\nstatement %zu: %u:%u, not %u:%u", text, n, at.line, at.column, line, column);
        assert_string_equal(at.file, "V1__a.sql");
        feed_free(&all);
    }
}

static void want(const char *text, size_t n, unsigned line, unsigned column)
{
    want_in(SCAN_POSTGRES, text, n, line, column);
}

static void line_ends(void **state)
{
    (void)state;
    want("SELECT 1;\nSELECT 2", 1, 2, 1);
    want("SELECT 1;\r\nSELECT 2", 1, 2, 1);
    want("SELECT 1;\rSELECT 2", 1, 2, 1);
    want("SELECT 1;\n\rSELECT 2", 1, 3, 1);
    want("SELECT 1;\r\r\n\n SELECT 2", 1, 4, 2);
    want("SELECT '\n\r\n';SELECT 2", 1, 3, 3);
    want("/*\n*/ -- x\r\n  SELECT 2", 0, 3, 3);
}

static void columns(void **state)
{
    (void)state;
    want("SELECT 1; SELECT 2", 1, 1, 11);
    want("\t\tSELECT 2", 0, 1, 3);
    want("SELECT '\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80'; SELECT 2", 1, 1, 15);
    want("SELECT 'e\xcc\x81'; SELECT 2", 1, 1, 14); /* a combining accent is a character of its own, as for the servers */
    want("SELECT 1;\t\x01 SELECT 2", 1, 1, 11);
}

/* Plain text in quotes is passed over many bytes at a time: what is no such text may stand anywhere in it. */
static void anywhere_in_quotes(void **state)
{
    static const struct { enum scan_dialect dialect; const char *open, *close; } quotes[] = {
        { SCAN_POSTGRES, "'", "'" }, { SCAN_POSTGRES, "\"", "\"" }, { SCAN_POSTGRES, "$$", "$$" }, { SCAN_POSTGRES, "E'", "'" }, { SCAN_POSTGRES, "-- '", "\n" }, { SCAN_SQLITE, "'", "'" }, { SCAN_SQLITE, "\"", "\"" }, { SCAN_SQLITE, "`", "`" }, { SCAN_SQLITE, "[", "]" },
    };
    static const char *const inside[] = { "", ";", "''", "\"\"", "``", "[", "\t", "\x01", "\x1f", " ", "\x7f", "\n", "\r", "\r\n", "~", "$", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };
    enum { WORDS = 26 };
    (void)state;
    for (size_t q = 0; q < sizeof quotes / sizeof *quotes; q++)
        for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
            for (int before = 0; before <= WORDS; before += before < 18 ? 1 : 2) {
                char text[120];
                unsigned line = 1, column = 1;
                bool comment = quotes[q].open[0] == '-', ends = comment && strpbrk(inside[i], "\r\n");
                if (ends)
                    continue;
                snprintf(text, sizeof text, "SELECT %s%.*s%s%.*s%s%sSELECT 2", quotes[q].open, before, "abcdefghij klmnopqrst 012345", inside[i], WORDS - before, "ABCDEFGHIJ KLMNOPQRST 987654", quotes[q].close, comment ? "1;" : ";");
                for (const char *c = text; c < text + strlen(text) - strlen("SELECT 2"); c++) {
                    bool first_half = c[0] == '\r' && c[1] == '\n', line_end = c[0] == '\n' || c[0] == '\r';
                    line += line_end && !first_half;
                    column = line_end ? 1 : column + (((unsigned char)c[0] & 0xc0) != 0x80);
                }
                want_in(quotes[q].dialect, text, 1, line, column);
            }
}

/* A section that begins in the middle of a file. */
static void from_a_start(void **state)
{
    struct feed feed = { .text = "SELECT 1;\n  SELECT 2", .len = 20 };
    struct place start = { .file = "V2__b.sql", .line = 40, .column = 3 };
    struct scan_statement s;
    struct error err = { 0 };
    struct scanner *scanner = scanner_open(SCAN_SQLITE, true, NULL, feed_read, &feed, &start);
    (void)state;
    assert_int_equal(scanner_next(scanner, &s, &err), SCAN_STATEMENT);
    assert_int_equal(s.at.line, 40);
    assert_int_equal(s.at.column, 3);
    assert_int_equal(s.offset, 0);
    assert_int_equal(scanner_next(scanner, &s, &err), SCAN_STATEMENT);
    assert_int_equal(s.at.line, 41);
    assert_int_equal(s.at.column, 3);
    assert_int_equal(s.offset, 12);
    assert_string_equal(s.at.file, "V2__b.sql");
    scanner_close(scanner);
}

static void faults_show_their_line(void **state)
{
    static const char text[] = "SELECT 1,\n\t\xc3\xa9, 'open\nSELECT 2;";
    struct feed_how how = { .dialect = SCAN_POSTGRES };
    struct feed_all all = feed_scan(text, sizeof text - 1, &how);
    (void)state;
    assert_int_equal(all.end, SCAN_ERROR);
    assert_int_equal(all.err.place.line, 2);
    assert_int_equal(all.err.place.column, 5);
    assert_string_equal(all.err.place.file, "V1__a.sql");
    assert_string_equal(all.err.source, " \xc3\xa9, 'open");
    assert_int_equal(all.err.caret, 5);
    feed_free(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_ends), cmocka_unit_test(columns), cmocka_unit_test(anywhere_in_quotes), cmocka_unit_test(from_a_start), cmocka_unit_test(faults_show_their_line),
    };
    return cmocka_run_group_tests_name("scanner_place", tests, NULL, NULL);
}
