/* test_scanner.c: where statements begin and end, in windows of every size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>
#include <jansson.h>

#include "support/feed.h"
#include "support/files.h"
#include "text.h"

/* Scans text in pieces of every size and wants these statements (NULL ends the list) and this end. */
static void want_end(const char *text, size_t len, struct feed_how how, const char *const *want, enum scan_answer end)
{
    for (how.piece = 0; how.piece <= len; how.piece++) {
        struct feed_all all = feed_scan(text, len, &how);
        size_t i = 0;
        for (; want[i]; i++) {
            if (i >= all.count || strcmp(all.found[i].text, want[i]) != 0)
                fail_msg("%s\npieces of %zu: statement %zu is not `%s` but `%s`", text, how.piece, i + 1, want[i], i < all.count ? all.found[i].text : "missing");
            assert_int_equal(all.found[i].len, strlen(want[i]));
        }
        if (i != all.count)
            fail_msg("%s\npieces of %zu: %zu statements too many, the first is `%s`", text, how.piece, all.count - i, all.found[i].text);
        if (all.end != end)
            fail_msg("%s\npieces of %zu: ends with %d, not %d: %s", text, how.piece, all.end, end, all.err.message);
        feed_free(&all);
    }
}

#define PG ((struct feed_how){ .dialect = SCAN_POSTGRES })
#define PG_OLD ((struct feed_how){ .dialect = SCAN_POSTGRES, .backslashes = true })
#define LITE ((struct feed_how){ .dialect = SCAN_SQLITE })
#define WANT(how, text, ...) want_end(text, sizeof text - 1, how, (const char *const[]){ __VA_ARGS__, NULL }, SCAN_END)
#define WANT_NONE(how, text) want_end(text, sizeof text - 1, how, (const char *const[]){ NULL }, SCAN_END)

/* Every vector, read as the servers read it. */
static void the_vectors(void **state)
{
    json_t *vectors = files_vectors("split.json"), *vector, *item;
    size_t i, k, seen = 0;
    (void)state;
    json_array_foreach(vectors, i, vector) {
        const char *text = files_string(vector, "text"), *want[16] = { NULL };
        struct feed_how how = { .dialect = strcmp(files_string(vector, "dialect"), "pg") == 0 ? SCAN_POSTGRES : SCAN_SQLITE };
        how.backslashes = json_is_false(json_object_get(vector, "standard_conforming_strings"));
        json_array_foreach(json_object_get(vector, "statements"), k, item) {
            assert_true(k < 15);
            want[k] = json_string_value(item);
        }
        want_end(text, strlen(text), how, want, json_is_true(json_object_get(vector, "unterminated")) ? SCAN_ERROR : SCAN_END);
        seen++;
    }
    assert_int_equal(seen, 42);
    json_decref(vectors);
}

static void postgres_strings(void **state)
{
    (void)state;
    WANT(PG, "SELECT E'a\\';b'; SELECT 2", "SELECT E'a\\';b'", "SELECT 2");
    WANT(PG, "SELECT E'\\\\'; SELECT 2", "SELECT E'\\\\'", "SELECT 2");
    WANT(PG, "SELECT E'a''\\';b'; SELECT 2", "SELECT E'a''\\';b'", "SELECT 2");
    WANT(PG, "SELECT 'a' 'x\\'; SELECT 2", "SELECT 'a' 'x\\'", "SELECT 2");
    WANT(PG, "SELECT type'x\\'; SELECT 2", "SELECT type'x\\'", "SELECT 2"); /* no E'': the word is `type` */
    WANT(PG, "SELECT U&'d\\0061t\\'; SELECT U&\"a;b\"", "SELECT U&'d\\0061t\\'", "SELECT U&\"a;b\"");
    WANT(PG, "SELECT xU&'a\\'; SELECT 2", "SELECT xU&'a\\'", "SELECT 2");
    WANT(PG, "SELECT \"a\"\";b\"; SELECT 2", "SELECT \"a\"\";b\"", "SELECT 2");
    WANT(PG, "SELECT U & 'a\\'; SELECT 2", "SELECT U & 'a\\'", "SELECT 2");
    WANT(PG_OLD, "SELECT U&'a\\'; SELECT X'1F\\', B'1\\', N'\\';'; SELECT 2", "SELECT U&'a\\'", "SELECT X'1F\\', B'1\\', N'\\';'", "SELECT 2");
    WANT(PG_OLD, "SELECT type'x\\';'; SELECT 2", "SELECT type'x\\';'", "SELECT 2");
}

/* A constant that goes on behind a line end goes on as it began. */
static void postgres_strings_go_on(void **state)
{
    (void)state;
    WANT(PG, "SELECT E'a' -- c\r\n\t-- d'\n\f'\\';'; SELECT 2", "SELECT E'a' -- c\r\n\t-- d'\n\f'\\';'", "SELECT 2");
    WANT(PG, "SELECT E'a'\r'\\';'\n'\\';'; SELECT 2", "SELECT E'a'\r'\\';'\n'\\';'", "SELECT 2");
    WANT(PG, "SELECT E'a' '\\'; SELECT 2", "SELECT E'a' '\\'", "SELECT 2");             /* no line end */
    WANT(PG, "SELECT E'a'\n/**/'\\'; SELECT 2", "SELECT E'a'\n/**/'\\'", "SELECT 2");   /* a block comment */
    WANT(PG, "SELECT E'a',\n'\\'; SELECT 2", "SELECT E'a',\n'\\'", "SELECT 2");         /* another token */
    WANT(PG, "SELECT E'a';\n'\\'; SELECT 2", "SELECT E'a'", "'\\'", "SELECT 2");        /* another statement */
    WANT(PG_OLD, "SELECT X'1F'\n'\\'; SELECT 2", "SELECT X'1F'\n'\\'", "SELECT 2");
    WANT(PG_OLD, "SELECT X'1F''\\';'; SELECT 2", "SELECT X'1F''\\';'", "SELECT 2");     /* two constants: bits know no doubled quotes */
    WANT(PG_OLD, "SELECT U&'a'\n'\\'; SELECT 2", "SELECT U&'a'\n'\\'", "SELECT 2");
}

/* A file that sets standard_conforming_strings is read on as the server, which has run that statement by then, reads it; psql follows it too. */
static void postgres_strings_change(void **state)
{
    (void)state;
    WANT(PG, "SELECT 'a\\'; SET standard_conforming_strings = off; SELECT 'a\\';'; SET standard_conforming_strings TO on; SELECT 'a\\'; SELECT 2",
         "SELECT 'a\\'", "SET standard_conforming_strings = off", "SELECT 'a\\';'", "SET standard_conforming_strings TO on", "SELECT 'a\\'", "SELECT 2");
    WANT(PG, "set session Standard_Conforming_Strings to 'OFF'; SELECT '\\';'; SET LOCAL \"standard_conforming_strings\" = 'true'; SELECT '\\'; SELECT 2",
         "set session Standard_Conforming_Strings to 'OFF'", "SELECT '\\';'", "SET LOCAL \"standard_conforming_strings\" = 'true'", "SELECT '\\'", "SELECT 2");
    WANT(PG, "SET standard_conforming_strings = 0; SELECT '\\';'; RESET standard_conforming_strings; SELECT '\\'; SELECT 2",
         "SET standard_conforming_strings = 0", "SELECT '\\';'", "RESET standard_conforming_strings", "SELECT '\\'", "SELECT 2");
    WANT(PG_OLD, "SET standard_conforming_strings = 1; SELECT '\\'; RESET ALL; SELECT '\\';'; SET standard_conforming_strings = yes; SET standard_conforming_strings = DEFAULT; SELECT '\\';'",
         "SET standard_conforming_strings = 1", "SELECT '\\'", "RESET ALL", "SELECT '\\';'", "SET standard_conforming_strings = yes", "SET standard_conforming_strings = DEFAULT", "SELECT '\\';'");
    WANT(PG, "UPDATE t SET standard_conforming_strings = off; SELECT '\\'; SET standard_conforming_strings = odd; SELECT '\\'; SET other = off; SELECT '\\'; SELECT 2",
         "UPDATE t SET standard_conforming_strings = off", "SELECT '\\'", "SET standard_conforming_strings = odd", "SELECT '\\'", "SET other = off", "SELECT '\\'", "SELECT 2");
    WANT(LITE, "SET standard_conforming_strings = off; SELECT '\\'; SELECT 2", "SET standard_conforming_strings = off", "SELECT '\\'", "SELECT 2");
}

static void postgres_dollars(void **state)
{
    (void)state;
    WANT(PG, "SELECT $a$ $b$ ; $A$ $a $a$; SELECT 2", "SELECT $a$ $b$ ; $A$ $a $a$", "SELECT 2");
    WANT(PG, "SELECT $$ $; $a$$; SELECT 2", "SELECT $$ $; $a$$", "SELECT 2");
    WANT(PG, "SELECT $a$ x$b$a$; SELECT 2", "SELECT $a$ x$b$a$", "SELECT 2");
    WANT(PG, "SELECT $a$ $a$a$; SELECT 2", "SELECT $a$ $a$a$", "SELECT 2");
    WANT(PG, "SELECT $1$$;$$; SELECT $1a$;", "SELECT $1$$;$$", "SELECT $1a$");
    WANT(PG, "SELECT $a b$; SELECT $; $", "SELECT $a b$", "SELECT $", "$");
    WANT(PG, "SELECT $\xc3\xa9_1$;$e$;$\xc3\xa9_1$; SELECT 2", "SELECT $\xc3\xa9_1$;$e$;$\xc3\xa9_1$", "SELECT 2");
    WANT(PG, "SELECT \xc3\xa9$$; SELECT a$$ FROM b", "SELECT \xc3\xa9$$", "SELECT a$$ FROM b");
}

static void postgres_numbers(void **state)
{
    (void)state;
    WANT(PG, "SELECT 1$$;$$; SELECT 1.5$$;$$; SELECT 1e5$$;$$; SELECT .5e-3$$;$$", "SELECT 1$$;$$", "SELECT 1.5$$;$$", "SELECT 1e5$$;$$", "SELECT .5e-3$$;$$");
    WANT(PG, "SELECT 1e$$; SELECT 1..2; SELECT 1.", "SELECT 1e$$", "SELECT 1..2", "SELECT 1.");
}

static void postgres_comments(void **state)
{
    (void)state;
    WANT(PG, "SELECT 1 /*/ ; /**/ ; */ ; */ ; SELECT 2", "SELECT 1", "*/", "SELECT 2");
    WANT(PG, "SELECT 1 +--2;\n3; SELECT 1 */* ; */ 2", "SELECT 1 +--2;\n3", "SELECT 1 */* ; */ 2");
    WANT(PG, "SELECT 1 //* ; */ 2; SELECT 4 - -5", "SELECT 1 //* ; */ 2", "SELECT 4 - -5");
    WANT(PG, "SELECT 1 -- a\r; SELECT 2 -- b\n; SELECT 3 -- c", "SELECT 1", "SELECT 2", "SELECT 3");
    WANT(PG, "/* a */ ; ;; -- b\n;\t\v\f SELECT 1 ; ;", "SELECT 1");
    WANT(PG, "SELECT 1;\xc2\xa0\n\xe3\x80\x80-- c\n\xe3\x80\x80SELECT a\xc2\xa0;\xc2\x85", "SELECT 1", "SELECT a\xc2\xa0"); /* Jetbase's blanks, between statements; a name may hold them */
    WANT_NONE(PG, "");
    WANT_NONE(PG, " \n;;");
}

static void postgres_bodies(void **state)
{
    (void)state;
    WANT(PG, "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT t.end, t.case AS case FROM t; SELECT 1 AS end; SELECT 2 end; END; SELECT 2",
         "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT t.end, t.case AS case FROM t; SELECT 1 AS end; SELECT 2 end; END", "SELECT 2");
    WANT(PG, "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT begin FROM t; SELECT CASE CASE 1 WHEN 1 THEN 2 END WHEN 3 THEN 4 END; END; SELECT 2",
         "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT begin FROM t; SELECT CASE CASE 1 WHEN 1 THEN 2 END WHEN 3 THEN 4 END; END", "SELECT 2");
    WANT(PG, "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC END; SELECT 2", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC END", "SELECT 2");
    WANT(PG, "CREATE FUNCTION begin() RETURNS int LANGUAGE sql RETURN CASE WHEN true THEN 1 END; SELECT 2",
         "CREATE FUNCTION begin() RETURNS int LANGUAGE sql RETURN CASE WHEN true THEN 1 END", "SELECT 2");
    WANT(PG, "CREATE TABLE function(begin int, atomic int); SELECT begin atomic FROM function; SELECT 2",
         "CREATE TABLE function(begin int, atomic int)", "SELECT begin atomic FROM function", "SELECT 2");
    WANT(PG, "BEGIN; CREATE FUNCTION f() RETURNS int AS 'begin' LANGUAGE c; END", "BEGIN", "CREATE FUNCTION f() RETURNS int AS 'begin' LANGUAGE c", "END");
    WANT(PG, "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT (1); SELECT ')'; SELECT 2); SELECT 1); SELECT 3",
         "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT (1); SELECT ')'; SELECT 2)", "SELECT 1)", "SELECT 3");
}

static void unterminated(void **state)
{
    static const struct { struct feed_how how; const char *text; unsigned line, column; } cases[] = {
        { { .dialect = SCAN_POSTGRES }, "SELECT 1;\n SELECT 'a\n;", 2, 9 },
        { { .dialect = SCAN_POSTGRES }, "SELECT E'a\\'", 1, 9 },
        { { .dialect = SCAN_POSTGRES }, "SELECT E'a\\", 1, 9 },
        { { .dialect = SCAN_POSTGRES }, "\tSELECT \"a;", 1, 9 },
        { { .dialect = SCAN_POSTGRES }, "SELECT $a$ ; $A$ $b$", 1, 8 },
        { { .dialect = SCAN_POSTGRES }, "/* ; /* */ ;", 1, 1 },
        { { .dialect = SCAN_POSTGRES }, "SELECT 1 /* ;", 1, 10 },
        { { .dialect = SCAN_SQLITE }, "SELECT 'a;", 1, 8 },
        { { .dialect = SCAN_SQLITE }, "SELECT \"a;", 1, 8 },
        { { .dialect = SCAN_SQLITE }, "SELECT `a;", 1, 8 },
        { { .dialect = SCAN_SQLITE }, "SELECT [a;", 1, 8 },
        { { .dialect = SCAN_SQLITE }, "SELECT x'a;", 1, 9 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct feed_how how = cases[i].how;
        for (how.piece = 1; how.piece <= strlen(cases[i].text); how.piece++) {
            struct feed_all all = feed_scan(cases[i].text, strlen(cases[i].text), &how);
            assert_int_equal(all.end, SCAN_ERROR);
            assert_int_equal(all.err.code, ERR_REFUSED);
            assert_non_null(strstr(all.err.message, "begins here and does not end"));
            assert_true(all.err.hint[0]);
            if (all.err.place.line != cases[i].line || all.err.place.column != cases[i].column)
                fail_msg("%s: said to begin at %u:%u", cases[i].text, all.err.place.line, all.err.place.column);
            feed_free(&all);
        }
    }
}

/* Bytes that are no text, in statements, strings and comments; what comes before them is still found. */
static void no_text(void **state)
{
    static const struct { const char *text; size_t len, count; unsigned line, column; const char *said; } cases[] = {
        { "SELECT 1;\nSELECT \0;", 19, 1, 2, 8, "NUL" },
        { "SELECT 1; -- \0", 14, 1, 1, 14, "NUL" },
        { "\0", 1, 0, 1, 1, "NUL" },
        { "SELECT '\xc3\xa9\xff'", 12, 0, 1, 10, "UTF-8" },
        { "SELECT '\xc0\x80'", 11, 0, 1, 9, "UTF-8" },
        { "SELECT '\xe0\x80\x80'", 12, 0, 1, 9, "UTF-8" },
        { "SELECT '\xed\xa0\x80'", 12, 0, 1, 9, "UTF-8" },
        { "SELECT '\xf4\x90\x80\x80'", 13, 0, 1, 9, "UTF-8" },
        { "SELECT 1; \xe2\x82", 12, 1, 1, 11, "UTF-8" },
        { "\xff\xfe" "S", 3, 0, 1, 1, "UTF-8" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct feed_how how = { .dialect = i % 2 ? SCAN_SQLITE : SCAN_POSTGRES };
        for (how.piece = 0; how.piece <= cases[i].len; how.piece++) {
            struct feed_all all = feed_scan(cases[i].text, cases[i].len, &how);
            if (all.end != SCAN_ERROR || all.err.code != ERR_REFUSED || !strstr(all.err.message, cases[i].said))
                fail_msg("case %zu, pieces of %zu: %d %s", i, how.piece, all.end, all.err.message);
            assert_int_equal(all.count, cases[i].count);
            assert_int_equal(all.err.place.line, cases[i].line);
            assert_int_equal(all.err.place.column, cases[i].column);
            feed_free(&all);
        }
    }
}

static void sqlite_tokens(void **state)
{
    (void)state;
    WANT(LITE, "SELECT `a;``b`, [a;\"b], \"c\"\";\"; SELECT 2", "SELECT `a;``b`, [a;\"b], \"c\"\";\"", "SELECT 2");
    WANT(LITE, "SELECT $a(;x), @b::c(;), #d; SELECT :e(; , 2", "SELECT $a(;x), @b::c(;), #d", "SELECT :e(; , 2");
    WANT(LITE, "SELECT 1$a(; SELECT 2", "SELECT 1$a(", "SELECT 2");
    WANT(LITE, "SELECT 1 -- a\r\n; SELECT 2 -- ;", "SELECT 1", "SELECT 2");
    WANT(LITE, "SELECT (1; SELECT 2)", "SELECT (1", "SELECT 2)");
    WANT(LITE, "SELECT 1; /*", "SELECT 1", "/*");
    WANT(LITE, "SELECT 1 /*/ ; */ ; /**/ SELECT 2 /*", "SELECT 1", "SELECT 2 /*");
    WANT(LITE, "\xef\xbb\xbfSELECT 1;\xef\xbb\xbf SELECT 2", "SELECT 1", "SELECT 2");
    WANT(LITE, "SELECT 1; \vSELECT 2;\vSELECT 3", "SELECT 1", "SELECT 2", "SELECT 3");
    WANT(LITE, "SELECT 1;\v\n\xc2\xa0SELECT 2;\xc2\xa0\n\xe3\x80\x80-- c\n\xe3\x80\x80SELECT\v 3;\x1f", "SELECT 1", "SELECT 2", "SELECT\v 3"); /* Jetbase's blanks, between statements */
}

static void sqlite_triggers(void **state)
{
    (void)state;
    WANT(LITE, "CREATE TEMP TRIGGER t AFTER UPDATE ON a WHEN CASE WHEN new.x THEN 1 ELSE 0 END BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; SELECT end FROM b; END; SELECT 2",
         "CREATE TEMP TRIGGER t AFTER UPDATE ON a WHEN CASE WHEN new.x THEN 1 ELSE 0 END BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; SELECT end FROM b; END", "SELECT 2");
    WANT(LITE, "create temporary trigger t after insert on a begin select 1; /* c */ end -- d\n; select 2",
         "create temporary trigger t after insert on a begin select 1; /* c */ end", "select 2");
    WANT(LITE, "EXPLAIN QUERY PLAN CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END; SELECT 2",
         "EXPLAIN QUERY PLAN CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END", "SELECT 2");
    WANT(LITE, "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END", "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END");
    WANT(LITE, "CREATE TRIGGER IF NOT EXISTS t AFTER INSERT ON a BEGIN INSERT INTO l VALUES('; END;'); END; SELECT 2",
         "CREATE TRIGGER IF NOT EXISTS t AFTER INSERT ON a BEGIN INSERT INTO l VALUES('; END;'); END", "SELECT 2");
    WANT(LITE, "DROP TRIGGER t; CREATE TABLE trigger(a); END", "DROP TRIGGER t", "CREATE TABLE trigger(a)", "END");
}

/* The arguments of a virtual table are any tokens at all, semicolons too: SQLite only counts the parentheses. */
static void sqlite_virtual_tables(void **state)
{
    (void)state;
    WANT(LITE, "CREATE VIRTUAL TABLE v USING fts4(a;b, c(;), ')' ); SELECT 2", "CREATE VIRTUAL TABLE v USING fts4(a;b, c(;), ')' )", "SELECT 2");
    WANT(LITE, "explain query plan create virtual table if not exists v using m(;); SELECT 2; explain create virtual table v using m(;);", "explain query plan create virtual table if not exists v using m(;)", "SELECT 2", "explain create virtual table v using m(;)");
    WANT(LITE, "CREATE VIRTUAL TABLE v USING m; CREATE TABLE virtual(a; SELECT 2)", "CREATE VIRTUAL TABLE v USING m", "CREATE TABLE virtual(a", "SELECT 2)");
}

/* SQLite takes what follows a lone CR in a comment as comment; Jetbase runs it: neither is done silently. */
static void sqlite_lone_cr(void **state)
{
    static const char text[] = "-- a\r-- b\r SELECT 1;\r";
    struct feed_how how = LITE;
    struct feed_all all = feed_scan(text, sizeof text - 1, &how);
    (void)state;
    assert_int_equal(all.end, SCAN_ERROR);
    assert_int_equal(all.err.place.line, 3);
    assert_int_equal(all.err.place.column, 2);
    feed_free(&all);
    WANT(LITE, "-- a\r\r\n-- b\r--c\r \t\nSELECT 1", "SELECT 1");
}

/* A comment may stay open at the end; what it takes with it must not be a statement. */
static void sqlite_open_comment(void **state)
{
    static const char *const refused[] = { "SELECT 1;\n\t/* ;", "SELECT 1;\n\t/* a\nSELECT 2;\n", "SELECT 1\n\t/* ; /* *" };
    struct feed_how how = LITE;
    (void)state;
    WANT(LITE, "SELECT 1; /* open\n SELECT 2\n/* *", "SELECT 1");
    WANT(LITE, "SELECT 1 /* open", "SELECT 1");
    WANT(LITE, "SELECT 1 /* ; */; SELECT 2 /*;*//*", "SELECT 1", "SELECT 2 /*;*//*");
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct feed_all all = feed_scan(refused[i], strlen(refused[i]), &how);
        assert_int_equal(all.end, SCAN_ERROR);
        assert_int_equal(all.err.code, ERR_REFUSED);
        assert_int_equal(all.err.place.line, 2);
        assert_int_equal(all.err.place.column, 2);
        feed_free(&all);
    }
}

static void delimiters(void **state)
{
    struct feed_how go = { .dialect = SCAN_POSTGRES, .delimiter = "go" }, at = { .dialect = SCAN_POSTGRES, .delimiter = "@@" };
    struct feed_how slashes = { .dialect = SCAN_SQLITE, .delimiter = "//" }, dollars = { .dialect = SCAN_POSTGRES, .delimiter = "$$" };
    struct feed_how semicolon = { .dialect = SCAN_POSTGRES, .delimiter = ";" }, end = { .dialect = SCAN_SQLITE, .delimiter = "-- end" };
    (void)state;
    WANT(go, "CREATE TABLE doggo\ngo\nSELECT 1 go \t\r\nSELECT go, 2; SELECT 3\ngo", "CREATE TABLE doggo", "SELECT 1", "SELECT go, 2", "SELECT 3");
    WANT(go, "SELECT 'a go\n'; SELECT $$ go\n$$ -- go\n/* go\n*/ go\nSELECT 4 go\xc2\xa0\n", "SELECT 'a go\n'", "SELECT $$ go\n$$", "SELECT 4");
    WANT(go, "SELECT $1go\nSELECT 2 go", "SELECT $1go\nSELECT 2");
    WANT(at, "CREATE FUNCTION f() RETURNS int AS $$\nBEGIN\n RETURN 1;\nEND;\n$$ LANGUAGE plpgsql@@\nSELECT (1 @@\nSELECT 2",
         "CREATE FUNCTION f() RETURNS int AS $$\nBEGIN\n RETURN 1;\nEND;\n$$ LANGUAGE plpgsql", "SELECT (1", "SELECT 2");
    WANT(slashes, "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END//\nSELECT 2/ /* // */\nSELECT 3//", "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END", "SELECT 2/ /* // */\nSELECT 3");
    WANT(dollars, "CREATE FUNCTION f() RETURNS int AS 'SELECT 1;' LANGUAGE sql$$\nSELECT $$ a; $$, 2 $$\n", "CREATE FUNCTION f() RETURNS int AS 'SELECT 1;' LANGUAGE sql", "SELECT $$ a; $$, 2");
    WANT(semicolon, "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1;\nEND;\nSELECT 2", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1;\nEND", "SELECT 2");
    WANT(end, "SELECT 1 -- end\nSELECT 2; SELECT 3 -- ends\n-- end\n", "SELECT 1", "SELECT 2", "SELECT 3");
}

static void escaped_colons(void **state)
{
    struct feed_how how = PG;
    (void)state;
    WANT(PG, "SELECT \\:a, '\\:b', a\\::int, '\\:c:', E'\\\\:'; SELECT ':d'", "SELECT :a, ':b', a\\::int, '\\:c:', E'\\:'", "SELECT ':d'");
    WANT(PG, "SELECT '\\:'; SELECT \\:$1 -- \\:x\n, 2", "SELECT ':'", "SELECT :$1 -- :x\n, 2");
    struct feed_all all = feed_scan("SELECT '\\:a\\:'; SELECT 'a:b'", 28, &how);
    assert_int_equal(all.count, 2);
    assert_true(all.found[0].s.unescaped_colon);
    assert_int_equal(all.found[0].raw_len, 14);
    assert_int_equal(all.found[0].s.offset, 0);
    assert_int_equal(all.found[1].s.offset, 16);
    assert_false(all.found[1].s.unescaped_colon);
    feed_free(&all);
}

/* Statements, gaps and comments longer than the window's first buffer. */
static void longer_than_the_window(void **state)
{
    enum { LONG = 200000 };
    struct text all = { 0 };
    char *x = malloc(LONG + 1);
    (void)state;
    assert_non_null(x);
    memset(x, 'x', LONG);
    x[LONG] = '\0';
    for (int i = 0; i < 9000; i++)
        text_printf(&all, "SELECT %d ;\n", i);
    text_printf(&all, "/*%s*/ SELECT '%s'; --%s\nSELECT $a$%s$a$ /*%s*/ ; SELECT 9", x, x, x, x, x);
    assert_false(all.failed);
    for (size_t piece = 0; piece < 3; piece++) {
        struct feed_how how = { .dialect = SCAN_POSTGRES, .piece = piece == 2 ? 65537 : piece };
        struct feed_all got = feed_scan(text_string(&all), all.len, &how);
        char want[32];
        assert_int_equal(got.end, SCAN_END);
        assert_int_equal(got.count, 9003);
        for (int i = 0; i < 9000; i++) {
            snprintf(want, sizeof want, "SELECT %d", i);
            assert_string_equal(got.found[i].text, want);
            assert_int_equal(got.found[i].s.at.line, i + 1);
            assert_memory_equal(text_string(&all) + got.found[i].s.offset, want, strlen(want));
        }
        assert_int_equal(got.found[9000].len, LONG + 9);
        assert_int_equal(got.found[9001].len, LONG + 13);
        assert_int_equal(got.found[9001].s.at.line, 9002);
        assert_string_equal(got.found[9002].text, "SELECT 9");
        feed_free(&got);
    }
    free(x);
    text_free(&all);
}

/* Gives a long file without having it. */
struct endless {
    const char *line;
    size_t line_len, at, left; /* left: lines to come */
};

static size_t endless_read(void *user, char *to, size_t size, struct error *err)
{
    struct endless *e = user;
    size_t n = 0;
    (void)err;
    for (; n < size && e->left > 0; n++) {
        to[n] = e->line[e->at++];
        if (e->at == e->line_len) {
            e->at = 0;
            e->left--;
        }
    }
    return n;
}

/* 60 MB of small statements, and of comment, cost no memory. */
static void long_files_stay_small(void **state)
{
    static const char statement[] = "INSERT INTO t VALUES (1, 'abcdefghij'); -- and so on ......\n", comment[] = "/* one ; two */ -- three \t\xc3\xa9\n";
    struct rusage before, after;
    (void)state;
    getrusage(RUSAGE_SELF, &before);
    for (int k = 0; k < 2; k++) {
        struct endless e = { k ? comment : statement, (k ? sizeof comment : sizeof statement) - 1, 0, 1000 * 1000 };
        struct scanner *scanner = scanner_open(k ? SCAN_POSTGRES : SCAN_SQLITE, true, NULL, endless_read, &e, NULL);
        struct scan_statement s;
        struct error err = { 0 };
        size_t count = 0;
        assert_non_null(scanner);
        while (scanner_next(scanner, &s, &err) == SCAN_STATEMENT)
            count++;
        assert_int_equal(count, k ? 0 : 1000 * 1000);
        assert_int_equal(err.code, ERR_NONE);
        assert_int_equal(e.left, 0);
        scanner_close(scanner);
    }
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 8 * 1024);
}

static size_t broken(void *user, char *to, size_t size, struct error *err)
{
    int *calls = user;
    if ((*calls)++ == 0 && size > 10) {
        memcpy(to, "SELECT 1; ", 10);
        return 10;
    }
    error_set(err, ERR_FILE, "the disk is gone");
    return (size_t)-1;
}

static void read_errors(void **state)
{
    int calls = 0;
    struct scan_statement s;
    struct error err = { 0 };
    struct scanner *scanner = scanner_open(SCAN_POSTGRES, true, NULL, broken, &calls, NULL);
    (void)state;
    assert_int_equal(scanner_next(scanner, &s, &err), SCAN_STATEMENT);
    assert_int_equal(scanner_next(scanner, &s, &err), SCAN_ERROR);
    assert_int_equal(err.code, ERR_FILE);
    error_clear(&err);
    assert_int_equal(scanner_next(scanner, &s, &err), SCAN_ERROR);
    assert_string_equal(err.message, "the disk is gone");
    scanner_close(scanner);
    scanner_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors), cmocka_unit_test(postgres_strings), cmocka_unit_test(postgres_strings_go_on), cmocka_unit_test(postgres_strings_change), cmocka_unit_test(postgres_dollars),
        cmocka_unit_test(postgres_numbers), cmocka_unit_test(postgres_comments), cmocka_unit_test(postgres_bodies), cmocka_unit_test(unterminated),
        cmocka_unit_test(no_text), cmocka_unit_test(sqlite_tokens), cmocka_unit_test(sqlite_triggers), cmocka_unit_test(sqlite_virtual_tables), cmocka_unit_test(sqlite_lone_cr), cmocka_unit_test(sqlite_open_comment),
        cmocka_unit_test(delimiters), cmocka_unit_test(escaped_colons), cmocka_unit_test(longer_than_the_window), cmocka_unit_test(long_files_stay_small),
        cmocka_unit_test(read_errors),
    };
    return cmocka_run_group_tests_name("scanner", tests, NULL, NULL);
}
