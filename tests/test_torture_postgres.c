/* test_torture_postgres.c: hard files on PostgreSQL: refused before anything is sent, applied right, or failed at the right place with nothing left. */
#include "support/torture.h"

#define BODY(name) "SELECT prosrc FROM pg_proc WHERE proname = '" name "'"

static const struct torture cases[] = {
    /* ---- applied right ---- */
    { "dollar quotes in each other", TORTURE_TEXT("CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $_$ BEGIN EXECUTE $x$ SELECT $$;$$ $x$; RETURN '$_'; END $_$;\nCREATE TABLE a AS SELECT f();"),
      .query = BODY("f"), .want = " BEGIN EXECUTE $x$ SELECT $$;$$ $x$; RETURN '$_'; END " },
    { "a body of statements with CASE and columns called end", TORTURE_TEXT("CREATE TABLE t (\"end\" int);\nCREATE FUNCTION f() RETURNS int BEGIN ATOMIC INSERT INTO t VALUES (1); SELECT CASE WHEN t.end > 0 THEN 7 END FROM t; END;\nCREATE TABLE a AS SELECT f() AS x"),
      .query = "SELECT x FROM a", .want = "7" },
    { "a rule with two actions", TORTURE_TEXT("CREATE TABLE t (x int); CREATE TABLE l (x text);\nCREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO l VALUES ('a;)'); INSERT INTO l VALUES ('b'));\nINSERT INTO t VALUES (1);"),
      .query = "SELECT string_agg(x, ',' ORDER BY x) FROM l", .want = "a;),b" },
    { "comments in comments, quotes in comments", TORTURE_TEXT("/* it's /* $$ \" ; */ ; */ CREATE /* ; -- */ TABLE a -- don't ;\n(x int /* /**/ */); -- $$ '"),
      .query = "SELECT count(*) FROM a", .want = "0" },
    { "CRLF stays in bodies and strings", TORTURE_TEXT("CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$\r\nSELECT 'a\r\nb';\r\n$$;\r\n-- c\r\nCREATE TABLE a AS SELECT length(f()) AS x;\r\n"),
      .query = "SELECT x FROM a", .want = "4" },
    { "CR alone ends lines and comments", TORTURE_TEXT("-- one\rCREATE TABLE a (x int); -- two\rINSERT INTO a VALUES (5);\r-- three"), .query = "SELECT x FROM a", .want = "5" },
    { "a byte order mark before BEGIN", TORTURE_TEXT("\xef\xbb\xbf" "BEGIN;\nCREATE TABLE a (x int);\nCOMMIT;\n"), .query = "SELECT count(*) FROM a", .want = "0" },
    { "the modes of its own BEGIN", TORTURE_TEXT("BEGIN ISOLATION LEVEL SERIALIZABLE;\nCREATE TABLE a AS SELECT current_setting('transaction_isolation') AS x;\nCOMMIT"), .query = "SELECT x FROM a", .want = "serializable" },
    { "what a dump begins with", TORTURE_TEXT("SET statement_timeout = 0;\nSET lock_timeout = 0;\nSET idle_in_transaction_session_timeout = 0;\nSET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\nSELECT pg_catalog.set_config('search_path', '', false);\nSET check_function_bodies = false;\nSET xmloption = content;\nSET client_min_messages = warning;\nSET row_security = off;\nCREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS $$ SELECT x FROM later; $$;\nSET default_tablespace = '';\nSET default_table_access_method = heap;\nCREATE TABLE public.a (x int);\nINSERT INTO public.a VALUES (6);\n"),
      .query = "SELECT x FROM a", .want = "6" },
    { "savepoints, one left open", TORTURE_TEXT("SAVEPOINT a; CREATE TABLE gone (x int); ROLLBACK TO SAVEPOINT a; RELEASE a; SAVEPOINT b; CREATE TABLE a (x int);"),
      .query = "SELECT string_agg(relname, ',') FROM pg_class WHERE relname IN ('a', 'gone')", .want = "a" },
    { "strings that go on in the next line", TORTURE_TEXT("CREATE TABLE a AS SELECT E'\\'a;' -- it's\n  'b\\'' AS x, 'c'\n'd;' AS y;"), .query = "SELECT x || y FROM a", .want = "'a;b'cd;" },
    { "backslashes, once it has switched them on", TORTURE_TEXT("SET standard_conforming_strings = off;\nSET escape_string_warning = off;\nCREATE TABLE a AS SELECT 'it\\'s; x' AS x;\nRESET standard_conforming_strings;\nINSERT INTO a VALUES ('\\');"),
      .query = "SELECT string_agg(x, '|' ORDER BY length(x)) FROM a", .want = "\\|it's; x" },
    { "names with anything in them", TORTURE_TEXT("CREATE TABLE \"a;\"\"\n--b\" (U&\"d\\0061t\\+000061;\" int, \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d int, \"commit\" int);"),
      .query = "SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '\"a;\"\"\n--b\"'::regclass AND attnum > 0", .want = "data;,\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d,commit" },
    { "colons, questions and percents", TORTURE_TEXT("CREATE TABLE a AS SELECT '10:30 :name %s'::text AS x, '{\"b\":1}'::jsonb ? 'b' AS y, (ARRAY[1,2,3])[1:2] AS z;"), .query = "SELECT x || y || z::text FROM a", .want = "10:30 :name %strue{1,2}" },
    { "Jetbase's escaped colon", TORTURE_TEXT("CREATE TABLE a AS SELECT 'a\\:b'\\:\\:text AS x, 'c\\::d' AS y;"), .query = "SELECT x || y FROM a", .want = "a:bc\\::d" },
    { "EXECUTE with statements of its own", TORTURE_TEXT("DO $do$ BEGIN EXECUTE $q$ CREATE TABLE a (x int); INSERT INTO a VALUES (1); $q$; END $do$;\n"), .query = "SELECT x FROM a", .want = "1" },
    { "another delimiter around bodies", TORTURE_TEXT("-- Jetbase: DELIMITER=$$\nCREATE FUNCTION f() RETURNS int AS 'BEGIN RETURN 1; END;' LANGUAGE plpgsql$$\nCREATE TABLE a AS SELECT f() AS x; INSERT INTO a VALUES (2)$$\n"), .query = "SELECT sum(x) FROM a", .want = "3" },
    { "nothing but comments and semicolons", TORTURE_TEXT(";;\n-- a ;\n/* ; */ ;"), .query = "SELECT version FROM jetbase_migrations", .want = "1" },
    { "an empty file", TORTURE_TEXT(""), .query = "SELECT checksum FROM jetbase_migrations", .want = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { "a procedure's words of transactions", TORTURE_TEXT("CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN COMMIT; ROLLBACK; END';\nCREATE TABLE a (begin int, commit int);\nPREPARE transaction AS SELECT 1;"), .query = BODY("p"), .want = "BEGIN COMMIT; ROLLBACK; END" },
    { "temporary things end with the file", TORTURE_TEXT("CREATE TEMP TABLE t ON COMMIT DROP AS SELECT 4 AS x;\nCREATE TABLE a AS SELECT x FROM t;\nDECLARE c CURSOR FOR SELECT 1;\nMOVE c;\nSET search_path = pg_temp;"), .query = "SELECT x FROM a", .want = "4" },
    { "up and back", TORTURE_TEXT("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$;\r\n--\tROLLBACK \r\nBEGIN;\r\nDROP FUNCTION f();\r\nCOMMIT;"), .query = BODY("f"), .want = " SELECT 1; ", .back = "" },

    /* ---- refused before anything is sent ---- */
    { "the marker inside a body", TORTURE_TEXT("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n-- rollback\nSELECT 1;\n$$;\n"), .error = "V1__t.sql:1:49: error: a dollar quote ($) begins here", .refused = true },
    { "an index made concurrently beside others", TORTURE_TEXT("CREATE TABLE a (x int);\n CREATE UNIQUE INDEX CONCURRENTLY i ON a (x);"), .error = "V1__t.sql:2:2: error: ", .refused = true },
    { "a psql command behind tabs and letters", TORTURE_TEXT("SELECT 1;\n\t\xc3\xa4\xc3\xb6 \\gset\n"), .error = "V1__t.sql:2:5: error: a backslash outside of strings", .refused = true },
    { "a dump as pg_dump writes it", TORTURE_TEXT("--\n-- PostgreSQL database dump\n--\n\n\\restrict qW3it's\n\nSET statement_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\n\\unrestrict qW3it's\n"), .error = "V1__t.sql:5:1: error: a backslash outside of strings: psql's own commands mean nothing to the server\n  \\restrict qW3it's\n  ^\nHINT: Take it out: a migration file holds SQL only. (pg_dump writes two such lines, \\restrict and \\unrestrict: both may go.)\n", .refused = true },
    { "rows of COPY with quotes in them", TORTURE_TEXT("CREATE TABLE a (x text);\nCOPY a (x) FROM stdin;\nit's $$ /* \"\n\\.\nSELECT 1;\n"), .error = "V1__t.sql:2:1: error: COPY FROM STDIN", .refused = true },
    { "COMMIT in the middle, BEGIN again", TORTURE_TEXT("BEGIN;\nCREATE TABLE a (x int);\nCOMMIT;\nBEGIN;\nCREATE TABLE b (x int);\nEND;\n"), .error = "V1__t.sql:3:1: error: more statements follow this COMMIT", .refused = true },
    { "a hidden COMMIT behind comments", TORTURE_TEXT("CREATE TABLE a (x int); /* ; */ -- c\n  /**/ COMMIT /* x */ WORK ;\n"), .error = "V1__t.sql:2:8: error: this ends a transaction", .refused = true },
    { "an apostrophe too many", TORTURE_TEXT("CREATE TABLE a (x int);\nCOMMENT ON TABLE a IS 'it's';\nSELECT 1;\n"), .error = "V1__t.sql:2:28: error: a string (') begins here", .refused = true },
    { "a comment closed once too little", TORTURE_TEXT("SELECT 1;\n  /* a /* b */\nSELECT 2;"), .error = "V1__t.sql:2:3: error: a comment (/*) begins here", .refused = true },
    { "UTF-16", TORTURE_TEXT("\xff\xfe" "S\0E\0L\0E\0C\0T\0"), .error = "V1__t.sql:1:1: error: invalid UTF-8: byte 0xff", .refused = true },
    { "Latin 1 in a comment", TORTURE_TEXT("SELECT 1;\n-- M\xfcller\n"), .error = "V1__t.sql:2:5: error: invalid UTF-8: byte 0xfc", .refused = true },
    { "a NUL byte in a string", TORTURE_TEXT("SELECT 1,\n '\xe2\x82\xac\0';"), .error = "V1__t.sql:2:4: error: a NUL byte", .refused = true },
    { "the lock's table under another name's quotes", TORTURE_TEXT("SELECT 1;\nDELETE FROM public . \"jetbase_lock\";"), .error = "V1__t.sql:2:22: error: this statement names a table of jetbase's own lock", .refused = true },

    /* ---- failed at the right place, nothing left ---- */
    { "a wrong column, in a line with a tab and CRLF", TORTURE_TEXT("CREATE TABLE a (x int);\r\n\tSELECT '\xe2\x82\xac', y FROM a;\r\n"), .error = "V1__t.sql:2:14: error: column \"y\" does not exist\n   SELECT '\xe2\x82\xac', y FROM a;\n               ^\n" },
    { "a wrong word behind letters from right to left", TORTURE_TEXT("CREATE TABLE a (x int);\nSELECT '\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d', 1 FORM a;"), .error = "V1__t.sql:2:23: error: syntax error at or near \"a\"\n  SELECT '\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d', 1 FORM a;\n                        ^\n" },
    { "behind a byte order mark", TORTURE_TEXT("\xef\xbb\xbf" "SELEC 1;"), .error = "V1__t.sql:1:1: error: syntax error at or near \"SELEC\"\n  SELEC 1;\n  ^\n" },
    { "in the third statement of a line", TORTURE_TEXT("CREATE TABLE a (x int); CREATE TABLE b (x int); CREATE TABLE a (y int); CREATE TABLE c (x int);"), .error = "V1__t.sql:1:49: error: relation \"a\" already exists" },
    { "a row that breaks a constraint", TORTURE_TEXT("CREATE TABLE a (x int PRIMARY KEY);\n\n  INSERT INTO a\n  VALUES (1), (1);\n"), .error = "V1__t.sql:3:3: error: duplicate key value violates unique constraint \"a_pkey\"" },
    { "a constraint that waits for the end", TORTURE_TEXT("CREATE TABLE a (x int PRIMARY KEY, y int REFERENCES a DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO a VALUES (1, 2);\nCREATE TABLE b (x int);"), .error = "violates foreign key constraint" },
    { "a wrong value", TORTURE_TEXT("CREATE TABLE a (x int);\nINSERT INTO a VALUES (1),\n  ('one');"), .error = "V1__t.sql:3:4: error: invalid input syntax for type integer: \"one\"" },
    { "in a function that is called", TORTURE_TEXT("CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n  RETURN 1 / 0;\nEND $$;\n SELECT f();\n"), .error = "V1__t.sql:5:2: error: division by zero\n   SELECT f();\n   ^\nCONTEXT: " },
    { "in a function's body", TORTURE_TEXT("CREATE TABLE a (x int);\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n SELECT y FROM a;\n$$;"), .error = "error: column \"y\" does not exist" },
    { "raised, with detail and hint", TORTURE_TEXT("SELECT 1;\nDO $$ BEGIN RAISE EXCEPTION 'no' USING DETAIL = 'since', HINT = 'do'; END $$;"), .error = "V1__t.sql:2:1: error: no\n  DO $$ BEGIN RAISE EXCEPTION 'no' USING DETAIL = 'since', HINT = 'do'; END $$;\n  ^\nDETAIL: since\nCONTEXT: PL/pgSQL function inline_code_block line 1 at RAISE\nHINT: do\n" },
    { "a procedure that commits", TORTURE_TEXT("CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;\nCREATE TABLE a (x int);\nCALL p();"), .error = "V1__t.sql:3:1: error: invalid transaction termination" },
    { "a value of a type made just now", TORTURE_TEXT("CREATE TYPE mood AS ENUM ('sad');\nSAVEPOINT s;\nALTER TYPE mood ADD VALUE 'glad';\nRELEASE s;\nCREATE TABLE a AS SELECT 'glad'::nomood;"), .error = "V1__t.sql:5:34: error: type \"nomood\" does not exist" },
    { "a role that may not", TORTURE_TEXT("CREATE ROLE torture_lowly;\nCREATE SCHEMA shut;\nSET ROLE torture_lowly;\nCREATE TABLE shut.a (x int);"), .error = "V1__t.sql:4:14: error: permission denied for schema shut" },
    { "its own time limit", TORTURE_TEXT("CREATE TABLE a (x int);\nSET LOCAL statement_timeout = 50;\n SELECT pg_sleep(60);"), .error = "V1__t.sql:3:2: error: canceling statement due to statement timeout" },
    { "a parameter", TORTURE_TEXT("CREATE TABLE a (x int);\nINSERT INTO a VALUES ($1);"), .error = "V1__t.sql:2:1: error: the statement has a parameter ($1), and a migration has no value for it\n  INSERT INTO a VALUES ($1);\n  ^\nHINT: Write the value itself.\n" },
    { "a blank that is none", TORTURE_TEXT("CREATE TABLE a (x int);\nSELECT\xc2\xa0" "1;"), .error = "V1__t.sql:2:1: error: syntax error at or near \"SELECT\xc2\xa0" "1\"" },
    { "a release of no savepoint", TORTURE_TEXT("CREATE TABLE a (x int);\nRELEASE nothing;"), .error = "V1__t.sql:2:1: error: savepoint \"nothing\" does not exist" },
    { "behind another delimiter", TORTURE_TEXT("-- jetbase: delimiter=GO\nCREATE TABLE a (x int) GO\nSELECT 1; SELECT go, y FROM a\nGO\n"), .error = "V1__t.sql:3:18: error: column \"go\" does not exist" },
    { "in the rollback part", TORTURE_TEXT("CREATE TABLE a (x int);\r\n-- rollback\r\nDROP TABLE a;\r\n  DROP TABLE b;\r\n"), .query = "SELECT count(*) FROM a", .want = "0", .back = "V1__t.sql:4:3: error: table \"b\" does not exist" },
    { "a rollback part that would commit", TORTURE_TEXT("CREATE TABLE a (x int);\n-- rollback\nDROP TABLE a;\nROLLBACK;\n"), .query = "SELECT count(*) FROM a", .want = "0", .back = "V1__t.sql:4:1: error: this statement ends or changes the transaction" },
};

int main(void)
{
    return torture_group("torture_postgres", SANDBOX_POSTGRES, cases, sizeof cases / sizeof *cases);
}
