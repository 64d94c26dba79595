/* test_error_place.c: every kind of error in every shape of file: line, column, the line itself, where the caret stands, and what is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "support/run.h"
#include "text.h"

#ifdef JETBASE_POSTGRES
#include <libpq-fe.h>
#endif

#define AT_COMMIT "at COMMIT, where deferred constraints are checked: "

enum { LONG = 700000 }; /* characters of filling in one place of the long line, which has three of them */

/* How a file is written. Lines of the statements end with `end`; `filling` stands wherever a kind has `~`. */
struct shape {
    const char *name, *begin, *end, *delimiter, *filling;
    bool back;      /* in the rollback part */
    bool alone;     /* no-transaction */
    bool filled;    /* `filling` is made: LONG bytes */
    bool last;      /* the failing statement ends the file, without delimiter and line end */
};

static const struct shape shapes[] = {
    { .name = "plain", .end = "\n", .filling = " " },
    { .name = "tabs", .end = "\n", .filling = "\t/*\t*/\t" },
    { .name = "CRLF", .end = "\r\n", .filling = "/* x */ " },
    { .name = "CR", .end = "\r", .filling = " " },
    { .name = "byte order mark", .begin = "\xef\xbb\xbf", .end = "\n", .filling = " " },
    { .name = "combining", .end = "\n", .filling = "/*e\xcc\x81o\xcc\x88*/" },
    { .name = "four bytes", .end = "\n", .filling = "/*\xf0\x9f\x98\x80\xf0\x90\x8d\x88*/" },
    { .name = "wide", .end = "\r\n", .filling = "/*\xe6\xbc\xa2\xe5\xad\x97\t*/" },
    { .name = "right to left", .end = "\n", .filling = "/*\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xe2\x80\xaex\xe2\x80\xac*/" },
    { .name = "delimiter", .begin = "-- jetbase: delimiter=//\n", .end = "\n", .delimiter = "//", .filling = "/* ; */ " },
    { .name = "rollback part", .begin = "SELECT 1;\n\n--  RollBack \n", .end = "\n", .filling = " ", .back = true },
    { .name = "rollback part, BOM and CRLF", .begin = "\xef\xbb\xbfSELECT '\xc3\xa9';\r\n-- rollback\r\n", .end = "\r\n", .filling = "/*\xc3\xa9*/\t", .back = true },
    { .name = "no transaction", .begin = "-- jetbase: no-transaction\n", .end = "\n", .filling = "/*\xc3\xa9*/ ", .alone = true },
    { .name = "escaped colons", .end = "\n", .filling = "/*\\:a \\:b: \\:\\:c*/" },
    { .name = "last and open", .end = "\r\n", .filling = "\t", .last = true },
    { .name = "one line of two megabytes", .end = " ", .filling = "\xc3\xa9", .filled = true },
    { .name = "one line of two megabytes, escaped colons", .end = " ", .filling = "\\:a", .filled = true },
};

/* A statement that fails where `@` stands (nowhere in it: the whole statement is what failed). `|` ends a statement before it. */
struct kind {
    const char *name, *text;
    const char *message;      /* the whole of it */
    const char *rest;         /* the lines behind the caret, or behind the message */
    const char *sqlstate;     /* JSON; NULL where the database has none */
    int exit;
    bool at_commit;           /* it is said to be an error at COMMIT, and has no place; outside a transaction that of its statement */
    bool busy;                /* somebody else holds table k */
    bool in_transaction;      /* not in a file outside one */
};

#ifdef JETBASE_POSTGRES
static const struct kind postgres_kinds[] = {
    { "syntax", "~INSERT INTO k ~@INOT VALUES (1)", "syntax error at or near \"INOT\"", "", "42601", .exit = 1 },
    { "syntax in another line", "~INSERT INTO k (id)\n~SELECT ~1 FRM @k", "syntax error at or near \"k\"", "", "42601", .exit = 1 },
    { "no such column", "~SELECT 1,\n~1 AS \"\xc3\xa9\xe6\xbc\xa2\", ~@nope FROM k", "column \"nope\" does not exist", "", "42703", .exit = 1 },
    { "no such table", "~SELECT 1 FROM ~@nowhere", "relation \"nowhere\" does not exist", "", "42P01", .exit = 1 },
    { "type", "~INSERT INTO k VALUES (~@'abc'::int)", "invalid input syntax for type integer: \"abc\"", "", "22P02", .exit = 1 },
    { "division", "~@INSERT INTO k SELECT 1 / (count(*) - count(*)) FROM k", "division by zero", "", "22012", .exit = 1 },
    { "not null", "~@INSERT INTO k\nVALUES (NULL)", "null value in column \"id\" of relation \"k\" violates not-null constraint", "DETAIL: Failing row contains (null).\n", "23502", .exit = 1 },
    { "unique", "~@INSERT INTO k VALUES (1)", "duplicate key value violates unique constraint \"k_pkey\"", "DETAIL: Key (id)=(1) already exists.\n", "23505", .exit = 1 },
    { "deferred", "~@INSERT INTO d VALUES (7)", "insert or update on table \"d\" violates foreign key constraint \"d_id_fkey\"", "DETAIL: Key (id)=(7) is not present in table \"k\".\n", "23503", .exit = 1,
      .at_commit = true },
    { "permission", "~SET LOCAL ROLE outsider|~@SELECT * FROM secret", "permission denied for table secret", "", "42501", .exit = 1, .in_transaction = true },
    { "lock timeout", "~SET lock_timeout = '1ms'|~@ALTER TABLE k ADD more int", "canceling statement due to lock timeout", "", "55P03", .exit = 3, .busy = true },
    { "dependent objects", "~@DROP TABLE secret", "cannot drop table secret because other objects depend on it",
      "DETAIL: view v1 depends on table secret\n        view v2 depends on table secret\nHINT: Use DROP ... CASCADE to drop the dependent objects too.\n", "2BP01", .exit = 1 },
    { "function", "~@SELECT 1, ~broken()", "column \"nope\" does not exist", "QUERY: x := \xe6\xbc\xa2 + nope\n                 ^\nCONTEXT: PL/pgSQL function broken() line 5 at assignment\n", "42703", .exit = 1 },
    { "nested functions", "~@SELECT outer_one()", "division by zero",
      "CONTEXT: SQL statement \"SELECT 1 / 0\"\n         PL/pgSQL function inner_one() line 1 at EXECUTE\n         SQL statement \"SELECT inner_one()\"\n         PL/pgSQL function outer_one() line 1 at PERFORM\n", "22012", .exit = 1 },
    { "raise", "~@DO $$ BEGIN RAISE EXCEPTION 'not \xc3\xa9 today' USING DETAIL = E'the\\nreason', HINT = 'another day'; END $$", "not \xc3\xa9 today",
      "DETAIL: the\n        reason\nCONTEXT: PL/pgSQL function inline_code_block line 1 at RAISE\nHINT: another day\n", "P0001", .exit = 1 },
    { "body", "~CREATE FUNCTION bad() RETURNS int LANGUAGE plpgsql AS $$BEGIN\n~@RETRUN 1;\nEND $$", "syntax error at or near \"RETRUN\"", "", "42601", .exit = 1 },
    { "body of SQL", "~CREATE FUNCTION bad() RETURNS int LANGUAGE sql AS $$SELECT\n~@nope $$", "column \"nope\" does not exist", "", "42703", .exit = 1 },
};

static const char postgres_before[] =
    "CREATE TABLE k (id int PRIMARY KEY); INSERT INTO k VALUES (1); CREATE TABLE d (id int REFERENCES k (id) DEFERRABLE INITIALLY DEFERRED);"
    "CREATE TABLE secret (x int); CREATE VIEW v1 AS SELECT * FROM secret; CREATE VIEW v2 AS SELECT * FROM secret;"
    "CREATE FUNCTION broken() RETURNS int LANGUAGE plpgsql AS $$\nDECLARE x int;\n\xe6\xbc\xa2 int := 1;\nBEGIN\n  x := \xe6\xbc\xa2 + nope;\n  RETURN x;\nEND $$;"
    "CREATE FUNCTION inner_one() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SELECT 1 / 0'; RETURN 1; END $$;"
    "CREATE FUNCTION outer_one() RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM inner_one(); RETURN 1; END $$;"
    "DO $$ BEGIN CREATE ROLE outsider; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;";
#endif

#ifdef JETBASE_SQLITE
static const struct kind sqlite_kinds[] = {
    { "syntax", "~INSERT INTO k ~@INOT VALUES (1)", "near \"INOT\": syntax error", "", NULL, .exit = 1 },
    { "syntax in another line", "~INSERT INTO k (id)\n~SELECT ~1 FRM @k x", "near \"k\": syntax error", "", NULL, .exit = 1 },
    { "no such column", "~SELECT 1,\n~1 AS \"\xc3\xa9\xe6\xbc\xa2\", ~@nope FROM k", "no such column: nope", "", NULL, .exit = 1 },
    { "no such table", "~@SELECT 1 FROM ~nowhere", "no such table: nowhere", "", NULL, .exit = 1 },
    { "type", "~@INSERT INTO k VALUES\n('abc')", "datatype mismatch", "", NULL, .exit = 1 },
    { "run time", "~@SELECT abs(-9223372036854775807 - 1)", "integer overflow", "", NULL, .exit = 1 },
    { "not null", "~@INSERT INTO n\nVALUES (NULL)", "NOT NULL constraint failed: n.x", "", NULL, .exit = 1 },
    { "unique", "~@INSERT INTO k VALUES (1)", "UNIQUE constraint failed: k.id", "", NULL, .exit = 1 },
    { "check", "~@INSERT INTO n VALUES (-1)", "CHECK constraint failed: x > 0", "", NULL, .exit = 1 },
    { "raise", "~@INSERT INTO r VALUES (1)", "not \xc3\xa9 today", "", NULL, .exit = 1 },
    { "body", "~CREATE TRIGGER bad AFTER INSERT ON k BEGIN\n~SELECT 1 ~FRMO @k;\nEND", "near \"k\": syntax error", "", NULL, .exit = 1 },
};

static const char sqlite_before[] =
    "CREATE TABLE k (id INTEGER PRIMARY KEY); INSERT INTO k VALUES (1); CREATE TABLE n (x INTEGER NOT NULL CHECK (x > 0)); CREATE TABLE r (x);"
    "CREATE TRIGGER r1 BEFORE INSERT ON r BEGIN SELECT RAISE(ABORT, 'not \xc3\xa9 today'); END;";
#endif

/* ---- what is to be seen ---- */

/* A file, and where its fault is. */
struct made {
    struct text all;
    size_t at;            /* byte of the fault */
    bool placed;
};

static void add_part(struct made *m, const struct shape *s, const char *filling, const char *from, const char *to)
{
    for (; from < to; from++) {
        if (*from == '~') {
            text_puts(&m->all, filling);
        } else if (*from == '\n') {
            text_puts(&m->all, s->end);
        } else if (*from == '@') {
            m->at = m->all.len;
            m->placed = true;
        } else {
            text_add(&m->all, from, 1);
        }
    }
}

static struct made make(const struct shape *s, const struct kind *k)
{
    struct made m = { .at = 0 };
    struct text filling = { 0 };
    const char *delimiter = s->delimiter ? s->delimiter : ";", *bar = strchr(k->text, '|'), *rest = bar ? bar + 1 : k->text;
    text_puts(&filling, s->filled ? "/*" : s->filling);
    for (int i = 0; s->filled && i < LONG / 2; i++)
        text_puts(&filling, i % 2 ? " " : s->filling);
    text_puts(&filling, s->filled ? "*/" : "");
    text_puts(&m.all, s->begin ? s->begin : "");
    text_printf(&m.all, "%s%s%s", s->alone ? "" : "CREATE TABLE gone (x INTEGER)", s->alone ? "" : delimiter, s->end);
    if (bar) {
        add_part(&m, s, s->filled ? " " : text_string(&filling), k->text, bar);
        text_printf(&m.all, "%s%s", delimiter, s->end);
    }
    add_part(&m, s, text_string(&filling), rest, rest + strlen(rest));
    if (!s->last) {
        text_puts(&m.all, delimiter);
        text_puts(&m.all, s->filled ? text_string(&filling) : "");
        text_printf(&m.all, "%sSELECT 1%s", s->end, s->delimiter ? delimiter : "");
    }
    assert_false(m.all.failed || filling.failed);
    text_free(&filling);
    return m;
}

/* Counted by hand: lines end with LF, CR or CRLF, a byte order mark is no character. */
static void count(const struct made *m, unsigned *line, unsigned *column, size_t *begin)
{
    const char *t = m->all.at;
    *begin = strncmp(t, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    *line = 1;
    for (size_t i = 0; i < m->at; i++)
        if (t[i] == '\n' || (t[i] == '\r' && t[i + 1] != '\n')) {
            ++*line;
            *begin = i + 1;
        }
    *column = 1;
    for (size_t i = *begin; i < m->at; i++)
        *column += ((unsigned char)t[i] & 0xc0) != 0x80;
}

/* As a terminal shows it: tabs are blanks, what turns the direction is a sign. Up to the end of the line. */
static void seen(struct text *to, const char *from)
{
    for (; *from && *from != '\r' && *from != '\n'; from++) {
        bool turns = strncmp(from, "\xe2\x80\xae", 3) == 0 || strncmp(from, "\xe2\x80\xac", 3) == 0;
        text_add(to, turns ? "\xef\xbf\xbd" : *from == '\t' ? " " : from, turns ? 3 : 1);
        from += turns ? 2 : 0;
    }
}

/* Columns of the first character of `at`, and its bytes: of what this program's files hold. */
static unsigned wide(const char *at, size_t *bytes)
{
    unsigned char c = (unsigned char)at[0];
    *bytes = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (strncmp(at, "\xcc", 1) == 0)
        return 0; /* combining */
    if (c == 0xe5 || c == 0xe6 || strncmp(at, "\xf0\x9f", 2) == 0)
        return 2; /* Chinese, emoji */
    return 1;
}

static void wrong(const struct shape *s, const struct kind *k, const char *what, const char *got)
{
    fail_msg("%s, %s: %s\n%.3000s", s->name, k->name, what, got);
}

/* The line itself, and the caret under the very character: whatever is cut off, and however wide what stands before it. Gives what follows. */
static const char *check_caret(const struct shape *s, const struct kind *k, const struct made *m, size_t begin, const char *err, const char *source)
{
    const char *line_end = strchr(source, '\n'), *caret = line_end ? line_end + 1 : NULL, *at = source + 2;
    struct text whole = { 0 }, behind = { 0 };
    unsigned columns = 0, width;
    size_t bytes;
    if (!line_end || strncmp(source, "  ", 2) != 0 || !strchr(caret, '^') || strspn(caret, " ") != (size_t)(strchr(caret, '^') - caret) || strchr(caret, '^')[1] != '\n')
        wrong(s, k, "no line with a caret", err);
    seen(&whole, m->all.at + begin);
    seen(&behind, m->all.at + m->at);
    if (text_chars(text_string(&whole), whole.len) <= 100 && text_chars(text_string(&whole), whole.len) - text_chars(text_string(&behind), behind.len) <= 60 &&
        ((size_t)(line_end - source) != whole.len + 2 || memcmp(source + 2, whole.at, whole.len) != 0))
        wrong(s, k, "not the line itself", err);
    if (text_chars(source, (size_t)(line_end - source)) > 105)
        wrong(s, k, "a long line is not cut", err);
    if (s->filled && (strncmp(source + 2, "\xe2\x80\xa6", 3) != 0 || memcmp(line_end - 3, "\xe2\x80\xa6", 3) != 0))
        wrong(s, k, "it is not said where the line goes on", err);
    while (at < line_end && columns + 2 < strspn(caret, " ")) {
        width = wide(at, &bytes);
        columns += width;
        at += bytes;
    }
    while (at < line_end && wide(at, &bytes) == 0)
        at += bytes;
    bytes = behind.len < 12 ? behind.len : 12;
    if (strncmp(at, text_string(&behind), bytes) != 0)
        wrong(s, k, "the caret is not under the place", err);
    text_free(&whole);
    text_free(&behind);
    return strchr(caret, '\n') + 1;
}

static void check_text(const struct shape *s, const struct kind *k, const struct made *m, const char *err)
{
    char head[1200];
    unsigned line, column;
    size_t begin;
    bool placed = m->placed && !(k->at_commit && !s->alone);
    count(m, &line, &column, &begin);
    if (placed)
        snprintf(head, sizeof head, "V2__t.sql:%u:%u: error: %s%s\n", line, column, k->at_commit ? AT_COMMIT : "", k->message);
    else
        snprintf(head, sizeof head, "V2__t.sql: error: %s%s\n", AT_COMMIT, k->message);
    if (strncmp(err, head, strlen(head)) != 0) {
        print_error("expected %s", head);
        wrong(s, k, "another message or place", err);
    }
    const char *rest = placed ? check_caret(s, k, m, begin, err, err + strlen(head)) : err + strlen(head);
    /* Outside a transaction the way out stands behind the server's hint, in its line. */
    if (strncmp(rest, k->rest, strlen(k->rest) - (s->alone && k->rest[0])) != 0) {
        print_error("expected %s", k->rest);
        wrong(s, k, "other details", rest);
    }
    if (!strstr(rest, s->alone ? "half applied" : s->back ? "What the rollback of V2__t.sql had done was undone: it is applied as before." : "V2__t.sql was rolled back: nothing of it remains."))
        wrong(s, k, "it does not say what is left", rest);
}

static void check_json(const struct shape *s, const struct kind *k, const struct made *m, json_t *events)
{
    json_t *error = NULL;
    char message[300];
    unsigned line, column;
    size_t begin;
    bool placed = m->placed && !(k->at_commit && !s->alone);
    count(m, &line, &column, &begin);
    for (size_t i = 0; i < json_array_size(events); i++)
        if (strcmp(run_text(json_array_get(events, i), "event"), "error") == 0)
            error = json_object_get(json_array_get(events, i), "error");
    assert_non_null(error);
    if (placed ? json_integer_value(json_object_get(error, "line")) != line || json_integer_value(json_object_get(error, "column")) != column : !json_is_null(json_object_get(error, "line")))
        wrong(s, k, "another place in JSON", json_dumps(error, 0));
    assert_string_equal(run_text(error, "file"), "V2__t.sql");
    snprintf(message, sizeof message, "%s%s", k->at_commit ? AT_COMMIT : "", k->message);
    assert_string_equal(run_text(error, "message"), message);
    if (k->sqlstate)
        assert_string_equal(run_text(error, "sqlstate"), k->sqlstate);
    else
        assert_null(run_text(error, "sqlstate"));
    json_decref(events);
}

/* Nothing of the file is there, the history is as it was, the lock is free; a file outside a transaction is known to be half applied, and is ended. */
static void nothing_left(const struct sandbox *sb, const struct shape *s)
{
    bool lite = sb->kind == SANDBOX_SQLITE;
    assert_int_equal(sandbox_number(sb, lite ? "SELECT count(*) FROM sqlite_master WHERE name IN ('gone', 'bad')"
                                             : "SELECT (SELECT count(*) FROM pg_class WHERE relname = 'gone') + (SELECT count(*) FROM pg_proc WHERE proname = 'bad')"), 0);
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM k"), 1);
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM jetbase_migrations"), s->back ? 2 : 1);
    run_says(sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    if (s->alone)
        run_has(sb, "resolve V2 --mark-rolled-back", 0, NULL, NULL);
}

/* ---- somebody else, who holds table k ---- */

static void *hold(const struct sandbox *sb, bool wished)
{
#ifdef JETBASE_POSTGRES
    if (!wished)
        return NULL;
    PGconn *conn = PQconnectdb(sb->conninfo);
    PQclear(PQexec(conn, "BEGIN"));
    PGresult *res = PQexec(conn, "LOCK TABLE k IN ROW EXCLUSIVE MODE");
    assert_int_equal(PQresultStatus(res), PGRES_COMMAND_OK);
    PQclear(res);
    return conn;
#else
    (void)sb;
    (void)wished;
    return NULL;
#endif
}

static void let_go(void *holder)
{
#ifdef JETBASE_POSTGRES
    if (holder)
        PQfinish(holder);
#else
    (void)holder;
#endif
}

static void run_kind(const struct sandbox *sb, const struct shape *s, const struct kind *k)
{
    struct made m = make(s, k);
    const char *line = s->back ? "rollback" : "upgrade", *json = s->back ? "rollback --json" : "upgrade --json";
    struct process p;
    void *holder;
    sandbox_file(sb, "V2__t.sql", "%s", text_string(&m.all));
    holder = hold(sb, k->busy);
    run_line(sb, &p, line);
    if (p.exit != k->exit)
        wrong(s, k, "another exit code", p.err);
    check_text(s, k, &m, p.err);
    process_free(&p);
    let_go(holder);
    nothing_left(sb, s);
    holder = hold(sb, k->busy);
    check_json(s, k, &m, run_events(sb, json, k->exit));
    let_go(holder);
    nothing_left(sb, s);
    text_free(&m.all);
}

/* ---- the matrix ---- */

struct cell {
    const struct shape *shape;
    enum sandbox_kind kind;
};

static void run_shape(void **state)
{
    const struct cell *cell = *state;
    const struct kind *kinds = NULL;
    const char *before = "";
    struct sandbox sb;
    size_t n = 0;
#ifdef JETBASE_SQLITE
    if (cell->kind == SANDBOX_SQLITE) {
        kinds = sqlite_kinds;
        n = sizeof sqlite_kinds / sizeof *sqlite_kinds;
        before = sqlite_before;
    }
#endif
#ifdef JETBASE_POSTGRES
    if (cell->kind == SANDBOX_POSTGRES) {
        kinds = postgres_kinds;
        n = sizeof postgres_kinds / sizeof *postgres_kinds;
        before = postgres_before;
    }
#endif
    sandbox_open(&sb, cell->kind);
    sandbox_file(&sb, "V1__k.sql", "%s", before);
    assert_int_equal(sandbox_run(&sb, NULL, (const char *const[]){ "upgrade", NULL }), 0);
    if (cell->shape->back) {
        sandbox_file(&sb, "V2__t.sql", "%s", cell->shape->begin);
        assert_int_equal(sandbox_run(&sb, NULL, (const char *const[]){ "upgrade", NULL }), 0);
    }
    for (size_t i = 0; i < n; i++)
        if (!(cell->shape->alone && kinds[i].in_transaction))
            run_kind(&sb, cell->shape, &kinds[i]);
    sandbox_close(&sb);
}

/* SQLite checks deferred keys at COMMIT: in a file outside a transaction that statement is where it fails; behind foreign-keys=off the check is said to come before it. */
static void sqlite_deferred(void **state)
{
    struct sandbox sb;
    (void)state;
    if (!sandbox_has(SANDBOX_SQLITE))
        skip();
    sandbox_open(&sb, SANDBOX_SQLITE);
    sandbox_file(&sb, "V1__k.sql", "CREATE TABLE k (id INTEGER PRIMARY KEY); CREATE TABLE d (id INTEGER REFERENCES k (id) DEFERRABLE INITIALLY DEFERRED);");
    run_has(&sb, "upgrade", 0, NULL, "");
    sandbox_file(&sb, "V2__t.sql", "-- jetbase: no-transaction\r\nPRAGMA foreign_keys = ON;\r\nBEGIN;\r\nINSERT INTO d VALUES (7);\r\n/*\xe6\xbc\xa2*/\tCOMMIT;\r\n");
    run_has(&sb, "upgrade", 1, NULL, "V2__t.sql:5:7: error: FOREIGN KEY constraint failed\n  /*\xe6\xbc\xa2*/ COMMIT;\n         ^\n");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM d"), 0);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    run_has(&sb, "resolve V2 --mark-rolled-back", 0, NULL, NULL);
    sandbox_file(&sb, "V2__t.sql", "-- jetbase: foreign-keys=off\nINSERT INTO d VALUES (7);\n");
    run_has(&sb, "upgrade", 1, NULL, "V2__t.sql: error: foreign keys are broken: row 1 of d names a row of k that is not there (checked before the commit)\n");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM d"), 0);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    sandbox_close(&sb);
}

int main(void)
{
    enum { SHAPES = sizeof shapes / sizeof *shapes };
    static struct cell cells[2 * SHAPES];
    static char names[2 * SHAPES][80];
    static struct CMUnitTest tests[2 * SHAPES + 1];
    size_t n = 0;
    setenv("COLUMNS", "100", 1);
    for (int kind = SANDBOX_SQLITE; kind <= SANDBOX_POSTGRES; kind++) {
        for (size_t i = 0; i < SHAPES && sandbox_has((enum sandbox_kind)kind); i++, n++) {
            cells[n] = (struct cell){ .shape = &shapes[i], .kind = (enum sandbox_kind)kind };
            snprintf(names[n], sizeof names[n], "%s_%s", shapes[i].name, kind == SANDBOX_SQLITE ? "sqlite" : "postgres");
            tests[n] = (struct CMUnitTest){ .name = names[n], .test_func = run_shape, .initial_state = &cells[n] };
        }
    }
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(sqlite_deferred);
    return _cmocka_run_group_tests("error_place", tests, n, NULL, NULL);
}
