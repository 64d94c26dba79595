/* test_torture_sqlite.c: hard files on SQLite: refused before anything is sent, applied right, or failed at the right place with nothing left. */
#include "support/torture.h"

static const struct torture cases[] = {
    /* ---- applied right ---- */
    { "a trigger with CASE, END and semicolons", TORTURE_TEXT("CREATE TABLE a (x); CREATE TABLE l (x);\nCREATE TRIGGER t AFTER INSERT ON a WHEN CASE new.x WHEN 1 THEN 1 END BEGIN\n  INSERT INTO l VALUES ('; END;'); -- END;\n  SELECT CASE WHEN 1 THEN 2 END; /* END; */\nEND;\nINSERT INTO a VALUES (1);"),
      .query = "SELECT x FROM l", .want = "; END;" },
    { "names in brackets and backticks", TORTURE_TEXT("CREATE TABLE [a;b] (`c;``d` TEXT, \"e;\"\"f\" TEXT, 'g;' TEXT);"), .query = "SELECT group_concat(name, '|') FROM pragma_table_info('a;b')", .want = "c;`d|e;\"f|g;" },
    { "CRLF stays in strings", TORTURE_TEXT("CREATE TABLE a (x);\r\n-- c\r\nINSERT INTO a VALUES ('a\r\nb');\r\n"), .query = "SELECT length(x) FROM a", .want = "4" },
    { "a byte order mark before BEGIN", TORTURE_TEXT("\xef\xbb\xbf" "BEGIN EXCLUSIVE TRANSACTION;\nCREATE TABLE a (x);\nEND TRANSACTION"), .query = "SELECT count(*) FROM a", .want = "0" },
    { "savepoints, one left open", TORTURE_TEXT("SAVEPOINT a; CREATE TABLE gone (x); ROLLBACK TO a; SAVEPOINT b; CREATE TABLE a (x);"), .query = "SELECT group_concat(name) FROM sqlite_master WHERE name IN ('a', 'gone')", .want = "a" },
    { "a table made anew, as drizzle and prisma write it", TORTURE_TEXT("CREATE TABLE p (x INTEGER PRIMARY KEY);\nCREATE TABLE c (x REFERENCES p (x));\nINSERT INTO p VALUES (1);\nINSERT INTO c VALUES (1);--> statement-breakpoint\n"
      "PRAGMA foreign_keys=OFF;--> statement-breakpoint\nCREATE TABLE __new_p (x INTEGER PRIMARY KEY, y TEXT);\nINSERT INTO __new_p (x) SELECT x FROM p;\nDROP TABLE p;\nALTER TABLE `__new_p` RENAME TO `p`;--> statement-breakpoint\nPRAGMA foreign_keys=ON;"),
      .query = "SELECT count(*) || sql FROM p, sqlite_master WHERE name = 'c'", .want = "1CREATE TABLE c (x REFERENCES p (x))" },
    { "a comment that stays open", TORTURE_TEXT("CREATE TABLE a (x); /* and so on '\n"), .query = "SELECT count(*) FROM a", .want = "0" },
    { "columns that are computed, strict tables, RETURNING", TORTURE_TEXT("CREATE TABLE a (x INTEGER, y TEXT AS (x || ';') STORED) STRICT;\nINSERT INTO a (x) VALUES (3) RETURNING y;"), .query = "SELECT y FROM a", .want = "3;" },
    { "parameters are NULL, as in sqlite3", TORTURE_TEXT("CREATE TABLE a (x, y, z);\nINSERT INTO a VALUES (?1, :name, $b::c(;));"), .query = "SELECT count(*) FROM a WHERE x IS NULL AND y IS NULL AND z IS NULL", .want = "1" },
    { "Jetbase's escaped colon", TORTURE_TEXT("CREATE TABLE a (x);\nINSERT INTO a VALUES ('10\\:30 \\::b');"), .query = "SELECT x FROM a", .want = "10:30 \\::b" },
    { "ten thousand rows from one statement", TORTURE_TEXT("CREATE TABLE a (x);\nWITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 10000) INSERT INTO a SELECT n FROM c;\nCREATE INDEX i ON a (x);\nANALYZE;"), .query = "SELECT sum(x) FROM a", .want = "50005000" },
    { "another delimiter around a trigger", TORTURE_TEXT("-- jetbase: delimiter=//\nCREATE TABLE a (x)//\nCREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET x = x + 1; END//\nINSERT INTO a VALUES (1); INSERT INTO a VALUES (4 / 2)//\n"), .query = "SELECT group_concat(x) FROM a", .want = "3,3" },
    { "the file's own version", TORTURE_TEXT("PRAGMA user_version = 7;\nCREATE TABLE a (x);"), .query = "SELECT user_version FROM pragma_user_version", .want = "7" },
    { "nothing but comments and semicolons", TORTURE_TEXT(";;\n-- a ;\n/* ; */ ;"), .query = "SELECT version FROM jetbase_migrations", .want = "1" },
    { "what `sqlite3 .dump` writes", TORTURE_TEXT("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE c (x REFERENCES p (x) ON DELETE CASCADE);\nINSERT INTO c VALUES(7);\nCREATE TABLE p (x INTEGER PRIMARY KEY AUTOINCREMENT);\nINSERT INTO p VALUES(7);\nDELETE FROM sqlite_sequence;\nINSERT INTO sqlite_sequence VALUES('p',9);\nCOMMIT;\n"), .query = "SELECT x || seq FROM c, sqlite_sequence", .want = "79" },
    { "what `sqlite3 .dump` writes, with a broken key, as sqlite3 takes it", TORTURE_TEXT("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE c (x REFERENCES p (x) ON DELETE CASCADE);\nINSERT INTO c VALUES(8);\nCREATE TABLE p (x INTEGER PRIMARY KEY AUTOINCREMENT);\nINSERT INTO p VALUES(7);\nDELETE FROM sqlite_sequence;\nINSERT INTO sqlite_sequence VALUES('p',9);\nCOMMIT;\n"), .query = "SELECT x || seq FROM c, sqlite_sequence", .want = "89" },
    { "what `sqlite3 .dump` writes, its keys checked", TORTURE_TEXT("-- jetbase: foreign-keys=off\nPRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE c (x REFERENCES p (x) ON DELETE CASCADE);\nINSERT INTO c VALUES(7);\nCREATE TABLE p (x INTEGER PRIMARY KEY AUTOINCREMENT);\nINSERT INTO p VALUES(7);\nDELETE FROM sqlite_sequence;\nINSERT INTO sqlite_sequence VALUES('p',9);\nCOMMIT;\n"), .query = "SELECT x || seq FROM c, sqlite_sequence", .want = "79" },
    { "keys off and on again around the transaction", TORTURE_TEXT("pragma main.foreign_keys('no');\nPRAGMA \"foreign_keys\" = 0;\nBEGIN;\nCREATE TABLE a (x);\nCOMMIT;\nPRAGMA foreign_keys(1);\nPRAGMA foreign_keys = off"), .query = "SELECT count(*) FROM a", .want = "0" },
    { "a virtual table as `sqlite3 .dump` writes it", TORTURE_TEXT("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nPRAGMA writable_schema=ON;\nINSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)VALUES('table','f','f',0,'CREATE VIRTUAL TABLE f USING fts5(x)');\nCREATE TABLE IF NOT EXISTS 'f_data'(id INTEGER PRIMARY KEY, block BLOB);\nINSERT INTO f_data VALUES(1,X'');\nINSERT INTO f_data VALUES(10,X'00000000000000');\nCREATE TABLE IF NOT EXISTS 'f_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;\nCREATE TABLE IF NOT EXISTS 'f_content'(id INTEGER PRIMARY KEY, c0);\nCREATE TABLE IF NOT EXISTS 'f_docsize'(id INTEGER PRIMARY KEY, sz BLOB);\nCREATE TABLE IF NOT EXISTS 'f_config'(k PRIMARY KEY, v) WITHOUT ROWID;\nINSERT INTO f_config VALUES('version',4);\nPRAGMA writable_schema=OFF;\nCOMMIT;\n"), .query = "SELECT count(*) FROM f WHERE f MATCH 'a'", .want = "0" },
    { "a column's default changed in the schema itself", TORTURE_TEXT("CREATE TABLE a (x, y DEFAULT 1);\nPRAGMA writable_schema = ON;\nUPDATE sqlite_master SET sql = 'CREATE TABLE a (x, y DEFAULT 2)' WHERE name = 'a';\nPRAGMA writable_schema = RESET;\nINSERT INTO a (x) VALUES (1);\n"), .query = "SELECT y FROM a", .want = "2" },
    { "up and back", TORTURE_TEXT("CREATE TABLE a (x);\nCREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END;\n  --  RollBack\nBEGIN;\nDROP TRIGGER t;\nDROP TABLE a;\nCOMMIT;"), .query = "SELECT count(*) FROM a", .want = "0", .back = "" },

    /* ---- refused before anything is sent ---- */
    { "the marker inside a string", TORTURE_TEXT("CREATE TABLE a (x);\nINSERT INTO a VALUES ('\n-- rollback\n');\n"), .error = "V1__t.sql:2:23: error: a string (') begins here", .refused = true },
    { "a sqlite3 command in the middle", TORTURE_TEXT("CREATE TABLE a (x);\n\n  .import a.csv a\nSELECT 1;"), .error = "V1__t.sql:3:3: error: a line that begins with a point", .refused = true },
    { "a comment that ends with CR alone", TORTURE_TEXT("CREATE TABLE a (x); -- one\rCREATE TABLE b (x);\n"), .error = "V1__t.sql:2:1: error: this line follows a comment that ends with CR alone", .refused = true },
    { "VACUUM beside others", TORTURE_TEXT("CREATE TABLE a (x);\n VACUUM;"), .error = "V1__t.sql:2:2: error: ", .refused = true },
    { "a journal that goes, under quotes", TORTURE_TEXT("PRAGMA main.\"Journal_Mode\" = 'memory';"), .error = "V1__t.sql:1:1: error: this statement reaches beyond the transaction", .refused = true },
    { "a NUL byte behind the last statement", TORTURE_TEXT("CREATE TABLE a (x);\n\0DROP TABLE a;"), .error = "V1__t.sql:2:1: error: a NUL byte", .refused = true },
    { "a comment that stays open over statements", TORTURE_TEXT("CREATE TABLE a (x);\n /* and so on\nCREATE TABLE b (x);\nCREATE TABLE c (x);\n"), .error = "V1__t.sql:2:2: error: a comment (/*) begins here and does not end\n   /* and so on\n   ^\n", .refused = true },
    { "a comment that stays open over another delimiter", TORTURE_TEXT("-- jetbase: delimiter=go\nCREATE TABLE a (x)\ngo\n/* and so on\nCREATE TABLE b (x)\ngo\n"), .error = "V1__t.sql:4:1: error: a comment (/*) begins here and does not end", .refused = true },
    { "foreign keys turned on for a transaction", TORTURE_TEXT("PRAGMA foreign_keys=ON;\nBEGIN TRANSACTION;\nCREATE TABLE a (x);\nCOMMIT;\n"), .error = "HINT: The file turns foreign keys on for this transaction", .refused = true },
    { "a transaction behind another pragma", TORTURE_TEXT("PRAGMA foreign_keys=OFF;\nPRAGMA recursive_triggers=ON;\nBEGIN TRANSACTION;\nCREATE TABLE a (x);\nCOMMIT;\n"), .error = "Or write `-- jetbase: no-transaction` at the head of the file", .refused = true },
    { "a pragma between two transactions", TORTURE_TEXT("BEGIN;\nCREATE TABLE a (x);\nCOMMIT;\nPRAGMA foreign_keys=OFF;\nBEGIN;\nCREATE TABLE b (x);\nCOMMIT;\n"), .error = "V1__t.sql:3:1: error: more statements follow this COMMIT", .refused = true },
    { "a bracket that stays open", TORTURE_TEXT("CREATE TABLE a (x);\nSELECT [x FROM a;"), .error = "V1__t.sql:2:8: error: a quoted identifier ([) begins here", .refused = true },
    { "END without BEGIN behind a trigger", TORTURE_TEXT("CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END;\nEND;"), .error = "V1__t.sql:2:1: error: this ends a transaction that the section has not begun", .refused = true },

    /* ---- failed at the right place, nothing left ---- */
    { "a wrong column, in a line with a tab and CRLF", TORTURE_TEXT("CREATE TABLE a (x);\r\n\tSELECT '\xe2\x82\xac', y FROM a;\r\n"), .error = "V1__t.sql:2:14: error: no such column: y\n   SELECT '\xe2\x82\xac', y FROM a;\n               ^\n" },
    { "a wrong word", TORTURE_TEXT("CREATE TABLE a (x);\nINSERT INTO a VALUSE (1);"), .error = "V1__t.sql:2:15: error: near \"VALUSE\": syntax error" },
    { "a row that breaks a constraint", TORTURE_TEXT("CREATE TABLE a (x UNIQUE);\n\n INSERT INTO a VALUES (1),\n  (1);"), .error = "V1__t.sql:3:2: error: UNIQUE constraint failed: a.x" },
    { "raised by a trigger", TORTURE_TEXT("PRAGMA user_version = 7;\nCREATE TABLE a (x);\nCREATE TRIGGER t BEFORE INSERT ON a BEGIN SELECT RAISE(ABORT, 'not here'); END;\n INSERT INTO a VALUES (1);"), .error = "V1__t.sql:4:2: error: not here" },
    { "a table that is there", TORTURE_TEXT("CREATE TABLE a (x); CREATE TABLE b (x); CREATE TABLE a (y);"), .error = "V1__t.sql:1:54: error: table a already exists" },
    { "a trigger that ends too early", TORTURE_TEXT("CREATE TABLE a (x);\nCREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1 END;\nCREATE TABLE b (x);\n"), .error = "V1__t.sql:3:1: error: near \"CREATE\": syntax error" },
    { "keys that are broken, where they are checked", TORTURE_TEXT("-- jetbase: foreign-keys=off\nPRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE c (x REFERENCES p (x) ON DELETE CASCADE);\nINSERT INTO c VALUES(8);\nCREATE TABLE p (x INTEGER PRIMARY KEY AUTOINCREMENT);\nINSERT INTO p VALUES(7);\nDELETE FROM sqlite_sequence;\nINSERT INTO sqlite_sequence VALUES('p',9);\nCOMMIT;\n"), .error = "foreign keys are broken: row 1 of c names a row of p that is not there" },
    { "jetbase's own tables taken out of the schema", TORTURE_TEXT("CREATE TABLE a (x);\nPRAGMA writable_schema = ON;\nDELETE FROM sqlite_master WHERE tbl_name LIKE 'jetbase%';\n"), .error = "jetbase's own tables are no longer in it" },
    { "another name for one of jetbase's own tables", TORTURE_TEXT("CREATE TABLE a (x);\nPRAGMA writable_schema = ON;\nUPDATE sqlite_schema SET name = 'b', tbl_name = 'b', sql = replace(sql, 'jetbase_' || 'lock', 'b') WHERE tbl_name = 'jetbase_' || 'lock';\nPRAGMA writable_schema = OFF;\n"), .error = "jetbase's own tables are no longer in it" },
    { "a schema that can't be read any more", TORTURE_TEXT("CREATE TABLE a (x);\nPRAGMA writable_schema = ON;\nUPDATE sqlite_master SET sql = 'CREATE' WHERE name = 'a';\nPRAGMA writable_schema = OFF;\n"), .error = "malformed database schema (a)" },
    { "a release of no savepoint", TORTURE_TEXT("CREATE TABLE a (x);\nRELEASE nowhere;"), .error = "V1__t.sql:2:1: error: no such savepoint: nowhere" },
    { "in the rollback part", TORTURE_TEXT("CREATE TABLE a (x);\r\n-- rollback\r\nDROP TABLE a;\r\n  DROP TABLE b;\r\n"), .query = "SELECT count(*) FROM a", .want = "0", .back = "V1__t.sql:4:3: error: no such table: b" },
};

int main(void)
{
    return torture_group("torture_sqlite", SANDBOX_SQLITE, cases, sizeof cases / sizeof *cases);
}
