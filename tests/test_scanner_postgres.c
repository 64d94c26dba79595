/* test_scanner_postgres.c: a PostgreSQL server has the last word on where its statements end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "support/feed.h"
#include "support/files.h"
#include "support/pg_server.h"

static PGconn *conn;

static void run(const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s\n%s", sql, PQerrorMessage(conn));
    PQclear(result);
}

static void ignore(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

static int connect_server(void **state)
{
    char url[256];
    (void)state;
    pg_server_new_database(url, sizeof url);
    conn = PQconnectdb(url);
    if (PQstatus(conn) != CONNECTION_OK)
        return -1;
    PQsetNoticeReceiver(conn, ignore, NULL);
    run("SET client_encoding TO 'UTF8'");
    run("SET escape_string_warning TO off");
    run("CREATE TABLE vt(id int, begin text, \"end\" text, \"case\" text); CREATE TABLE vl(a text)");
    return 0;
}

static int disconnect(void **state)
{
    (void)state;
    PQfinish(conn);
    pg_server_stop();
    return 0;
}

/* How many statements the server finds in one simple query; -1 and why where it finds an error. */
static int server_count(const char *text, char *why, size_t size)
{
    int count = 0;
    PGresult *result;
    assert_int_equal(PQsendQuery(conn, text), 1);
    why[0] = '\0';
    while ((result = PQgetResult(conn))) {
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_FATAL_ERROR) {
            snprintf(why, size, "%s", PQresultErrorMessage(result));
            count = -1;
        } else if (status != PGRES_EMPTY_QUERY && count >= 0) {
            count++;
        }
        PQclear(result);
    }
    return count;
}

/* The server reads each piece as one statement: Parse refuses two. */
static void parses_alone(const char *text)
{
    PGresult *result = PQprepare(conn, "", text, 0, NULL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s\n%s", text, PQresultErrorMessage(result));
    PQclear(result);
}

static void agree(const char *text, const struct feed_how *how, int want)
{
    char why[512];
    struct feed_all all = feed_scan(text, strlen(text), how);
    int count = server_count(text, why, sizeof why);
    if (count != want || all.end != SCAN_END || (int)all.count != count)
        fail_msg("%s\nmade of %d statements; the server finds %d, the scanner %zu %s%s", text, want, count, all.count, all.err.message, why);
    for (size_t i = 0; i < all.count; i++)
        parses_alone(all.found[i].text);
    feed_free(&all);
}

static uint32_t next(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    return *x ^= *x << 5;
}

#define PICK(x, list) ((list)[next(x) % (sizeof(list) / sizeof *(list))])

static const char *const blanks[] = { " ", "\n", "\t ", "\r\n", " /* ; */ ", " /* /* ' */ $$ */\n", " -- it's ;\n", "--\r", "\f" };
static const char *const ends[] = { ";", ";", " ;\n", "; -- ;'\n", ";;", "/* ; */;", "; /* it's */ ; -- \"\r" };

static void add(char *text, size_t size, const char *more)
{
    assert_true(strlen(text) + strlen(more) < size);
    strcat(text, more);
}

/* Statements made of odd but valid expressions. */
static void random_statements(const char *const *values, size_t count, const struct feed_how *how, uint32_t x, int rounds)
{
    static const char *const others[] = {
        "CREATE OR REPLACE FUNCTION pg_temp.f(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT a; SELECT CASE WHEN a > 1 THEN 1 ELSE 2 END; END",
        "CREATE OR REPLACE FUNCTION pg_temp.g() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1 AS end; SELECT 2 AS case; SELECT v.end::int FROM vt v; SELECT 1 end; SELECT (SELECT begin FROM vt)::int; END",
        "CREATE OR REPLACE FUNCTION pg_temp.h() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE CASE 1 WHEN 1 THEN 2 END WHEN (CASE 1 WHEN 1 THEN 2 END) THEN 4 END; END",
        "CREATE OR REPLACE FUNCTION pg_temp.i() RETURNS int LANGUAGE sql BEGIN ATOMIC; SELECT 1; ; END",
        "CREATE OR REPLACE FUNCTION pg_temp.begin() RETURNS int LANGUAGE sql RETURN CASE WHEN true THEN 1 END",
        "CREATE OR REPLACE FUNCTION pg_temp.k(atomic int) RETURNS int LANGUAGE sql AS $b$ SELECT 1; SELECT $1; $b$",
        "CREATE OR REPLACE PROCEDURE pg_temp.p() LANGUAGE sql BEGIN ATOMIC INSERT INTO vl VALUES ('end;'); INSERT INTO vl SELECT begin FROM vt; END",
        "CREATE OR REPLACE RULE r AS ON INSERT TO vt DO ALSO (INSERT INTO vl VALUES ('a'); INSERT INTO vl VALUES ((')')); DELETE FROM vl)",
        "DO $$ BEGIN PERFORM 1; EXECUTE $q$SELECT ';'$q$; END $$", "SELECT begin, \"end\" FROM vt",
    };
    for (int i = 0; i < rounds; i++) {
        char text[8192] = "";
        int n = 1 + (int)(next(&x) % 5);
        for (int k = 0; k < n; k++) {
            add(text, sizeof text, PICK(&x, blanks));
            if (next(&x) % 4 == 0) {
                add(text, sizeof text, PICK(&x, others));
            } else {
                add(text, sizeof text, "SELECT");
                for (int v = 1 + (int)(next(&x) % 4); v > 0; v--) {
                    add(text, sizeof text, PICK(&x, blanks));
                    add(text, sizeof text, values[next(&x) % count]);
                    if (v > 1)
                        add(text, sizeof text, ",");
                }
            }
            if (k + 1 < n || next(&x) % 2)
                add(text, sizeof text, PICK(&x, ends));
        }
        agree(text, how, n);
    }
}

static void standard_strings(void **state)
{
    static const char *const values[] = {
        "';'", "'it''s;'", "'a\\'", "'\\' || ';'", "E'a\\';b'", "e'\\\\'", "E'a' -- c'\n '\\';b'", "E'a'\n\t\n'\\';'", "'a'\n'b;\\'", "'a' --;\r\n -- ' \n'b;'", "U&'d\\0061t\\0061;'", "U&'!0061;' UESCAPE '!'", "1 AS U&\"a;\\0062\"",
        "U&'a'\n'b;'", "X'1F'", "b'01'", "N'a;b'", "N'a'\n'\\'", "X'1f'\n'2'", "1 AS \"a;\"\"b\"", "$$a;b$$", "$x$ $$ ; $y$ $x$", "$\xc3\xa9$;$e$;$\xc3\xa9$", "$a$ x$b$a$", "$a$ $a $a$", "1 AS a$b$c", "1 AS \xc3\xa9$$", "1.5", ".5e-3", "1e5",
        "1 - -2", "1 +-- c;\n 2", "4 */* ; */ 2", "4 //* ; */ 2", "'[1]'::jsonb ? 'a'", "(ARRAY[1,2])[1:2]", "CASE WHEN true THEN ';' END", "text 'a\\'", "@ -1", "2 <> 3", "(SELECT ')')", "'/*' || '--' || '*/'", "1 /*/ ; /**/ ; */",
    };
    struct feed_how how = { .dialect = SCAN_POSTGRES };
    (void)state;
    random_statements(values, sizeof values / sizeof *values, &how, 42, 1500);
}

static void backslashes(void **state)
{
    static const char *const values[] = {
        "'a\\';b'", "'\\\\'", "'a'\n'\\';'", "E'a\\';b'", "N'\\';'", "N'a'\n'\\';'", "X'1F'", "b'01'\n'1'", "$$a\\$$", "1 AS \"a\\\"", "'it''s;'", "text'\\';'",
    };
    struct feed_how how = { .dialect = SCAN_POSTGRES, .backslashes = true };
    (void)state;
    run("SET standard_conforming_strings TO off");
    random_statements(values, sizeof values / sizeof *values, &how, 43, 500);
    run("SET standard_conforming_strings TO on");
}

/* The vectors once more, on this server. */
static void the_vectors(void **state)
{
    json_t *vectors = files_vectors("split.json"), *vector;
    size_t i;
    (void)state;
    run("DISCARD TEMP; DROP RULE IF EXISTS r ON vt"); /* what the random statements left */
    json_array_foreach(vectors, i, vector) {
        char why[512];
        if (strcmp(files_string(vector, "dialect"), "pg") != 0)
            continue;
        run(json_is_false(json_object_get(vector, "standard_conforming_strings")) ? "SET standard_conforming_strings TO off" : "SET standard_conforming_strings TO on");
        run("BEGIN");
        int count = server_count(files_string(vector, "text"), why, sizeof why);
        int want = json_object_get(vector, "server_error") ? -1 : (int)json_array_size(json_object_get(vector, "statements"));
        if (count != want)
            fail_msg("%s\n%d statements, not %d: %s", files_string(vector, "text"), count, want, why);
        run("ROLLBACK");
    }
    json_decref(vectors);
    run("SET standard_conforming_strings TO on");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(standard_strings), cmocka_unit_test(backslashes), cmocka_unit_test(the_vectors) };
    return cmocka_run_group_tests_name("scanner_postgres", tests, connect_server, disconnect);
}
