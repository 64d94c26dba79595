/* test_script.c: what of a migration file runs, what is left out, what is refused and how that is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "script.h"
#include "support/files.h"
#include "text.h"

static char dir[FILES_PATH], path[FILES_PATH + 32];
static struct migration file = { .type = MIGRATION_VERSIONED, .path = path, .file = "V1__a.sql", .version = "1", .description = "a" };

static int setup(void **state)
{
    (void)state;
    files_folder(dir);
    snprintf(path, sizeof path, "%s/V1__a.sql", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    files_remove(dir);
    return 0;
}

static struct script_facts good(const char *text, enum section_kind kind, enum scan_dialect dialect)
{
    struct script_facts facts;
    struct error err = { 0 };
    files_write(dir, "V1__a.sql", text);
    if (!script_check(&file, kind, dialect, true, &facts, &err))
        fail_msg("%s\nrefused: %u:%u %s", text, err.place.line, err.place.column, err.message);
    return facts;
}

/* What it sends, each with its line, joined by `|`. */
static void compare(struct script *script, const struct script_facts *facts, const char *want)
{
    struct scan_statement s;
    struct error err = { 0 };
    struct text got = { 0 };
    unsigned count = 0;
    while (script_next(script, &s, &err) == SCAN_STATEMENT) {
        text_printf(&got, "%s%u %s", count ? "|" : "", s.at.line, s.text);
        count++;
    }
    assert_int_equal(err.code, ERR_NONE);
    assert_string_equal(text_string(&got), want);
    assert_int_equal(count, facts->statements);
    script_close(script);
    text_free(&got);
}

/* The statements that are sent, from the file and from the bytes that its check has kept. */
static void sends(const char *text, enum section_kind kind, enum scan_dialect dialect, const char *want)
{
    struct script_facts facts = good(text, kind, dialect), again;
    struct script_kept kept = { .most = strlen(text) };
    struct script *script = NULL;
    struct error err = { 0 };
    assert_true(script_open(&file, kind, dialect, true, &script, &err));
    compare(script, &facts, want);
    assert_true(script_check_and_keep(&file, kind, dialect, true, &again, &kept, &err));
    assert_int_equal(again.statements, facts.statements);
    assert_int_equal(kept.text.len, strlen(text));
    files_write(dir, "V1__a.sql", "SELECT 'something else';\n");
    assert_true(script_open_text(&file, &kept.text, kind, dialect, true, &script, &err));
    compare(script, &facts, want);
    assert_null(kept.text.bytes);
}

static void refused(const char *text, enum scan_dialect dialect, unsigned line, unsigned column, const char *says, const char *source)
{
    struct script_facts facts;
    struct error err = { 0 };
    files_write(dir, "V1__a.sql", text);
    if (script_check(&file, SECTION_UPGRADE, dialect, true, &facts, &err))
        fail_msg("%s\nnot refused", text);
    assert_int_equal(err.code, ERR_REFUSED);
    if (!strstr(err.message, says))
        fail_msg("%s\nsays: %s", text, err.message);
    if (err.place.line != line || err.place.column != column)
        fail_msg("%s\nat %u:%u: %s", text, err.place.line, err.place.column, err.message);
    assert_string_equal(err.place.file, "V1__a.sql");
    assert_string_equal(err.source, source);
    assert_true(err.hint[0]);
    assert_non_null(strstr(err.state, "Nothing was sent"));
}

static void plain_files(void **state)
{
    (void)state;
    sends("-- a\nSELECT 1;\nSELECT 2", SECTION_UPGRADE, SCAN_POSTGRES, "2 SELECT 1|3 SELECT 2");
    sends("\xef\xbb\xbfSELECT 1;\n-- rollback\nSELECT 2;\n", SECTION_UPGRADE, SCAN_SQLITE, "1 SELECT 1");
    sends("SELECT 1;\n-- rollback\n\nSELECT 2;\n", SECTION_ROLLBACK, SCAN_SQLITE, "4 SELECT 2");
    sends("SELECT 1;\n", SECTION_ROLLBACK, SCAN_POSTGRES, "");
    sends("SAVEPOINT a;\nRELEASE a;\nROLLBACK TO b;\n", SECTION_UPGRADE, SCAN_POSTGRES, "1 SAVEPOINT a|2 RELEASE a|3 ROLLBACK TO b");
    sends("-- jetbase: delimiter=go\nSELECT 1\ngo\nSELECT 2; SELECT 3\ngo\n", SECTION_UPGRADE, SCAN_POSTGRES, "2 SELECT 1|4 SELECT 2|4 SELECT 3");
    assert_false(good("SELECT 1::int;", SECTION_UPGRADE, SCAN_POSTGRES).colons);
    assert_true(good("SELECT '\\:a';", SECTION_UPGRADE, SCAN_POSTGRES).colons);
}

static void own_begin_and_commit(void **state)
{
    struct script_facts facts;
    (void)state;
    sends("BEGIN;\nSELECT 1;\nSELECT 2;\nCOMMIT;\n", SECTION_UPGRADE, SCAN_POSTGRES, "2 SELECT 1|3 SELECT 2");
    sends("start transaction;\nSET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\nSELECT 1;\nend work", SECTION_UPGRADE, SCAN_POSTGRES, "3 SELECT 1");
    sends("BEGIN IMMEDIATE;\nSELECT 1;\nEND", SECTION_UPGRADE, SCAN_SQLITE, "2 SELECT 1");
    sends("SET LOCAL TRANSACTION READ WRITE;\nSELECT 1", SECTION_UPGRADE, SCAN_POSTGRES, "2 SELECT 1");
    sends("BEGIN; COMMIT;", SECTION_UPGRADE, SCAN_POSTGRES, "");
    facts = good("BEGIN ISOLATION LEVEL SERIALIZABLE, DEFERRABLE; SELECT 1; COMMIT", SECTION_UPGRADE, SCAN_POSTGRES);
    assert_true(facts.wrapped && facts.deferrable);
    assert_int_equal(facts.isolation, ISOLATION_SERIALIZABLE);
    assert_int_equal(facts.statements, 1);
    facts = good("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT 1", SECTION_UPGRADE, SCAN_POSTGRES);
    assert_false(facts.wrapped || facts.deferrable);
    assert_int_equal(facts.isolation, ISOLATION_REPEATABLE_READ);
    /* foreign keys off before it, as `sqlite3 .dump` writes it: in our transaction the pragma does nothing, and they are off */
    sends("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nSELECT 1;\nCOMMIT;\nPRAGMA foreign_keys=ON;\n", SECTION_UPGRADE, SCAN_SQLITE, "1 PRAGMA foreign_keys=OFF|3 SELECT 1|5 PRAGMA foreign_keys=ON");
    /* each section by itself */
    sends("BEGIN;\nSELECT 1;\nCOMMIT;\n-- rollback\nSELECT 2;\n", SECTION_ROLLBACK, SCAN_POSTGRES, "5 SELECT 2");
}

static void transaction_control(void **state)
{
    (void)state;
    refused("SELECT 1;\n  BEGIN;\nSELECT 2;\nCOMMIT;", SCAN_POSTGRES, 2, 3, "in the middle", "  BEGIN;");
    refused("BEGIN;\nSELECT 1;\nCOMMIT;\nSELECT 2;", SCAN_POSTGRES, 3, 1, "more statements follow", "COMMIT;");
    refused("BEGIN;\nSELECT 1;\nCOMMIT;\nBEGIN;\nSELECT 2;\nCOMMIT;", SCAN_POSTGRES, 3, 1, "more statements follow", "COMMIT;");
    refused("BEGIN;\nBEGIN;\nCOMMIT;", SCAN_SQLITE, 2, 1, "in the middle", "BEGIN;");
    refused("BEGIN;\nSELECT 1;\n", SCAN_POSTGRES, 1, 1, "not committed", "BEGIN;");
    refused("SELECT 1;\nCOMMIT;\n", SCAN_SQLITE, 2, 1, "has not begun", "COMMIT;");
    refused("SELECT 1;\nROLLBACK;\n", SCAN_POSTGRES, 2, 1, "ends or changes the transaction", "ROLLBACK;");
    refused("BEGIN;\nSELECT 1;\nROLLBACK;\n", SCAN_POSTGRES, 3, 1, "ends or changes the transaction", "ROLLBACK;");
    refused("BEGIN;\nSELECT 1;\nCOMMIT AND CHAIN;\n", SCAN_POSTGRES, 3, 1, "ends or changes the transaction", "COMMIT AND CHAIN;");
    refused("PREPARE TRANSACTION 'a';\n", SCAN_POSTGRES, 1, 1, "ends or changes the transaction", "PREPARE TRANSACTION 'a';");
    refused("SELECT 1;\nSET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\n", SCAN_POSTGRES, 2, 1, "before all other", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;");
    refused("SET TRANSACTION READ WRITE;\nBEGIN;\nCOMMIT;", SCAN_POSTGRES, 2, 1, "in the middle", "BEGIN;");
    refused("PRAGMA foreign_keys=OFF;\nSELECT 1;\nPRAGMA foreign_keys=OFF;\nBEGIN;\nCOMMIT;", SCAN_SQLITE, 4, 1, "in the middle", "BEGIN;");
    refused("PRAGMA foreign_keys=ON;\nBEGIN;\nCOMMIT;", SCAN_SQLITE, 2, 1, "in the middle", "BEGIN;");
    refused("PRAGMA foreign_keys;\nBEGIN;\nCOMMIT;", SCAN_SQLITE, 2, 1, "in the middle", "BEGIN;");
    refused("BEGIN;\nCOMMIT;\nPRAGMA foreign_keys=ON;\nSELECT 1;", SCAN_SQLITE, 2, 1, "more statements follow", "COMMIT;");
    refused("BEGIN READ ONLY;\nSELECT 1;\nCOMMIT;\n", SCAN_POSTGRES, 1, 1, "READ ONLY", "BEGIN READ ONLY;");
    refused("SET TRANSACTION READ ONLY;\nSELECT 1;", SCAN_POSTGRES, 1, 1, "READ ONLY", "SET TRANSACTION READ ONLY;");
}

static void other_refusals(void **state)
{
    (void)state;
    refused("SELECT 1;\nCREATE INDEX CONCURRENTLY i ON t(a);\n", SCAN_POSTGRES, 2, 1, "can't run inside a transaction, and others stand beside it", "CREATE INDEX CONCURRENTLY i ON t(a);");
    refused("VACUUM;\nSELECT 1;\n", SCAN_SQLITE, 1, 1, "can't run inside a transaction, and others stand beside it", "VACUUM;");
    refused("BEGIN;\nVACUUM;\nCOMMIT;\n", SCAN_SQLITE, 2, 1, "can't run inside a transaction, and others stand beside it", "VACUUM;");
    refused("SET TRANSACTION READ WRITE;\nVACUUM;\n", SCAN_POSTGRES, 2, 1, "can't run inside a transaction, and others stand beside it", "VACUUM;");
    refused("DISCARD ALL;\n", SCAN_POSTGRES, 1, 1, "this run lives", "DISCARD ALL;");
    refused("COPY t FROM STDIN;\n1\tit's\n\\.\n", SCAN_POSTGRES, 1, 1, "COPY", "COPY t FROM STDIN;");
    refused("SELECT 1\n  \\gexec\n", SCAN_POSTGRES, 2, 3, "psql's own commands", "  \\gexec");
    refused(".tables\nSELECT 1;", SCAN_SQLITE, 1, 1, "sqlite3's own commands", ".tables");
    refused("UPDATE a.jetbase_lock SET b = 1;", SCAN_POSTGRES, 1, 10, "jetbase_lock and jetbase_runs", "UPDATE a.jetbase_lock SET b = 1;");
    refused("PRAGMA journal_mode=OFF;", SCAN_SQLITE, 1, 1, "takes away its rollback", "PRAGMA journal_mode=OFF;");
    refused("SELECT 1;\n\tSELECT 'a\n;", SCAN_POSTGRES, 2, 9, "does not end", " SELECT 'a");
    refused("-- a\n/* b\nc", SCAN_POSTGRES, 2, 1, "does not end", "/* b");
    refused("SELECT 1, \xff;", SCAN_POSTGRES, 1, 11, "UTF-8", "SELECT 1, \xef\xbf\xbd;");
}

/* Refused where the file has the directive no-transaction; lines count from its first. */
static void alone(const char *text, unsigned line, unsigned column, const char *says)
{
    char whole[500], source[200];
    const char *from = text;
    snprintf(whole, sizeof whole, "-- Jetbase: No-Transaction\n%s", text);
    for (unsigned i = 2; i < line; i++)
        from = strchr(from, '\n') + 1;
    snprintf(source, sizeof source, "%.*s", (int)strcspn(from, "\n"), from);
    refused(whole, SCAN_POSTGRES, line, column, says, source);
}

/* How each statement stands, and whether the section runs outside a transaction. */
static void outside(const char *text, enum section_kind kind, bool is, const char *blocks)
{
    struct script_facts facts;
    struct script *script;
    struct scan_statement s;
    struct error err = { 0 };
    size_t n = 0;
    files_write(dir, "V1__a.sql", text);
    assert_true(script_check(&file, kind, SCAN_POSTGRES, true, &facts, &err));
    assert_int_equal(facts.outside, is);
    assert_true(script_open(&file, kind, SCAN_POSTGRES, true, &script, &err));
    while (script_next(script, &s, &err) == SCAN_STATEMENT)
        assert_int_equal(blocks[n++], "-BIC"[script_block(script)]);
    assert_int_equal(n, strlen(blocks));
    assert_int_equal(facts.statements, n);
    script_close(script);
}

static void outside_a_transaction(void **state)
{
    (void)state;
    outside("SELECT 1;\nSELECT 2;\n", SECTION_UPGRADE, false, "--");
    outside("CREATE INDEX CONCURRENTLY i ON t(a);\n-- rollback\nSELECT 1;\n", SECTION_UPGRADE, true, "-");
    outside("CREATE INDEX CONCURRENTLY i ON t(a);\n-- rollback\nSELECT 1;\n", SECTION_ROLLBACK, false, "-");
    outside("SELECT 1;\nSELECT 2;\n-- rollback\nDROP INDEX CONCURRENTLY i;\n", SECTION_ROLLBACK, true, "-");
    outside("-- jetbase: no-transaction\nSELECT 1;\nBEGIN;\nSELECT 2;\nSAVEPOINT a;\nCOMMIT;\nVACUUM;\nBEGIN;\nEND;\n", SECTION_UPGRADE, true, "-BIIC-BC");
    /* a COMMIT of nothing is a warning to PostgreSQL; tools that run a file in a transaction see it in real files */
    outside("-- jetbase: no-transaction\nSELECT 1;\nCOMMIT;\nVACUUM;\nBEGIN;\nEND;\nEND;\nCOMMIT;\nSELECT 2;\n", SECTION_UPGRADE, true, "--BC-");
    outside("-- jetbase: no-transaction\nSELECT 1;\n-- rollback\nSELECT 2;\nSELECT 3;\n", SECTION_ROLLBACK, true, "--");
    outside("-- jetbase: no-transaction\nSELECT 1;\n-- rollback\n", SECTION_ROLLBACK, false, "");
}

static void directives(void **state)
{
    (void)state;
    alone("BEGIN;\nBEGIN;\nCOMMIT;\n", 3, 1, "inside another");
    alone("BEGIN;\nSELECT 1;\n", 2, 1, "not committed at the end");
    refused("-- jetbase: no-transaction\nSELECT 1;\nCOMMIT;\n", SCAN_SQLITE, 3, 1, "has not begun", "COMMIT;");
    refused("-- jetbase: no-transaction\nBEGIN;\nEND;\nEND;\n", SCAN_SQLITE, 4, 1, "has not begun", "END;");
    refused("-- jetbase: no-transaction\nPRAGMA main.writable_schema(1);\n", SCAN_SQLITE, 2, 1, "could not be rolled back", "PRAGMA main.writable_schema(1);");
    good("-- jetbase: no-transaction\nBEGIN;\nPRAGMA writable_schema=ON;\nCOMMIT;\nPRAGMA writable_schema=OFF;\n", SECTION_UPGRADE, SCAN_SQLITE);
    alone("SELECT 1;\nROLLBACK;\n", 3, 1, "ends or changes the transaction");
    alone("SAVEPOINT a;\n", 2, 1, "here none is open");
    alone("SET TRANSACTION READ WRITE;\n", 2, 1, "here none is open");
    alone("BEGIN READ ONLY;\nCOMMIT;\n", 2, 1, "READ ONLY");
    alone("BEGIN;\nSET TRANSACTION READ ONLY;\nCOMMIT;\n", 3, 1, "READ ONLY");
    alone("BEGIN;\nVACUUM;\nCOMMIT;\n", 3, 1, "the file has begun one");
    alone("UPDATE jetbase_runs SET file = '';\n", 2, 8, "jetbase_lock and jetbase_runs");
    refused("-- jetbase: foreign-keys=OFF\nSELECT 1;", SCAN_POSTGRES, 1, 13, "is for SQLite", "-- jetbase: foreign-keys=OFF");
    refused("-- jetbase: no-transaction\n-- jetbase: foreign-keys=off\nSELECT 1;", SCAN_SQLITE, 2, 13, "there would be none", "-- jetbase: foreign-keys=off");
    good("-- jetbase: foreign-keys=off\nSELECT 1;", SECTION_UPGRADE, SCAN_SQLITE);
    good("SELECT 1;\n-- jetbase: no-transaction\n", SECTION_UPGRADE, SCAN_POSTGRES);
    good("-- jetbase: foreign-keys=on\nSELECT 1;", SECTION_UPGRADE, SCAN_SQLITE);
}

static void directives_of_one_file(void **state)
{
    struct script_facts facts;
    char words[160];
    (void)state;
    facts = good("\xef\xbb\xbf-- a\r\n\r\n--jetbase:LOCK-Timeout = 2S \r\n-- jetbase: statement-timeout=5min\r\n-- Jetbase: out-of-Order\r\nSELECT 1;", SECTION_ROLLBACK, SCAN_POSTGRES);
    assert_int_equal(facts.lock_timeout_ms, 2000);
    assert_int_equal(facts.statement_timeout_ms, 300000);
    assert_true(facts.out_of_order);
    assert_false(facts.outside);
    script_facts_words(&facts, words, sizeof words);
    assert_string_equal(words, ", out of order, lock timeout 2 s, statement timeout 5 min");
    facts = good("-- jetbase: no-transaction\n-- jetbase: lock-timeout=1500ms\nVACUUM;", SECTION_UPGRADE, SCAN_SQLITE);
    assert_int_equal(facts.lock_timeout_ms, 1500);
    assert_int_equal(facts.statement_timeout_ms, 0);
    script_facts_words(&facts, words, sizeof words);
    assert_string_equal(words, ", outside a transaction, lock timeout 1500 ms");
    facts = good("SELECT 1;\n-- jetbase: lock-timeout=2s\n-- jetbase: what is this\n", SECTION_UPGRADE, SCAN_SQLITE);
    assert_int_equal(facts.lock_timeout_ms, 0);
    script_facts_words(&facts, words, sizeof words);
    assert_string_equal(words, "");
    /* Jetbase takes the first delimiter and passes over the others */
    sends("-- jetbase: delimiter=go\n-- jetbase: delimiter=;\n-- jetbase: delimiter=\nSELECT 1\ngo\n", SECTION_UPGRADE, SCAN_POSTGRES, "4 SELECT 1");
}

/* What is misspelt must not be passed over: the file would run otherwise than it says. */
static void directives_that_are_none(void **state)
{
    static const struct {
        const char *text;
        unsigned line, column;
        const char *says, *source;
    } list[] = {
        { "-- jetbase: no transaction\nSELECT 1;", 1, 13, "no directive 'no transaction'", "-- jetbase: no transaction" },
        { "-- a\r\n\r\n  --  jetbase:  lock-timout = 2s\r\nSELECT 1;", 3, 17, "no directive 'lock-timout'", "  --  jetbase:  lock-timout = 2s" },
        { "-- \xc3\xa9\r-- jetbase: \xc3\xa9\xc3\xa9=1\rSELECT 1;", 2, 13, "no directive '\xc3\xa9\xc3\xa9'", "-- jetbase: \xc3\xa9\xc3\xa9=1" },
        { "\xef\xbb\xbf-- jetbase: what\nSELECT 1;", 1, 13, "no directive 'what'", "-- jetbase: what" },
        { "-- jetbase:\nSELECT 1;", 1, 12, "without a name", "-- jetbase:" },
        { "-- jetbase: =2s\nSELECT 1;", 1, 13, "without a name", "-- jetbase: =2s" },
        { "-- jetbase: lock-timeout\nSELECT 1;", 1, 13, "lock-timeout says no time", "-- jetbase: lock-timeout" },
        { "-- jetbase: lock-timeout=\nSELECT 1;", 1, 13, "lock-timeout says no time", "-- jetbase: lock-timeout=" },
        { "-- jetbase: Lock-Timeout = 2 parsecs\nSELECT 1;", 1, 28, "'2 parsecs' is not a duration", "-- jetbase: Lock-Timeout = 2 parsecs" },
        { "-- jetbase: statement-timeout=0\nSELECT 1;", 1, 31, "more than 0", "-- jetbase: statement-timeout=0" },
        { "-- jetbase: statement-timeout=-5s\nSELECT 1;", 1, 31, "not a duration", "-- jetbase: statement-timeout=-5s" },
        { "-- jetbase: statement-timeout=9999999h\nSELECT 1;", 1, 31, "that can be waited for", "-- jetbase: statement-timeout=9999999h" },
        { "-- jetbase: no-transaction=false\nSELECT 1;", 1, 28, "no-transaction takes no value", "-- jetbase: no-transaction=false" },
        { "-- jetbase: out-of-order=\nSELECT 1;", 1, 26, "out-of-order takes no value", "-- jetbase: out-of-order=" },
        { "-- jetbase: foreign-keys\nSELECT 1;", 1, 13, "on or off", "-- jetbase: foreign-keys" },
        { "-- jetbase: foreign-keys=maybe\nSELECT 1;", 1, 26, "on or off", "-- jetbase: foreign-keys=maybe" },
        { "-- jetbase: lock-timeout=2s\n-- jetbase: LOCK-TIMEOUT=3s\nSELECT 1;", 2, 13, "a second time", "-- jetbase: LOCK-TIMEOUT=3s" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        for (int dialect = SCAN_POSTGRES; dialect <= SCAN_SQLITE; dialect++)
            refused(list[i].text, (enum scan_dialect)dialect, list[i].line, list[i].column, list[i].says, list[i].source);
}

static void missing_file(void **state)
{
    struct script_facts facts;
    struct error err = { 0 };
    struct migration gone = { .path = "/nonexistent/V1__a.sql", .file = "V1__a.sql" };
    (void)state;
    assert_false(script_check(&gone, SECTION_UPGRADE, SCAN_POSTGRES, true, &facts, &err));
    assert_int_equal(err.code, ERR_FILE);
    script_close(NULL);
}

/* Reads the whole script, after the file became `now`. */
static enum scan_answer read_changed(const char *now, struct script **script, struct error *err)
{
    struct scan_statement s;
    enum scan_answer got;
    files_write(dir, "V1__a.sql", now);
    assert_true(script_open(&file, SECTION_UPGRADE, SCAN_POSTGRES, true, script, err));
    while ((got = script_next(*script, &s, err)) == SCAN_STATEMENT)
        ;
    return got;
}

static void changed_files(void **state)
{
    struct script *script = NULL;
    struct error err = { 0 };
    (void)state;
    files_write(dir, "V1__a.sql", "SELECT 1;\n-- rollback\nSELECT 2;");
    assert_true(migration_hash(&file, &err));
    assert_int_equal(read_changed("SELECT 1;\n-- rollback\nSELECT 2;", &script, &err), SCAN_END);
    assert_true(script_unchanged(script, &err));
    script_close(script);
    /* in the other section, behind what was read */
    assert_int_equal(read_changed("SELECT 1;\n-- rollback\nSELECT 3;", &script, &err), SCAN_END);
    assert_false(script_unchanged(script, &err));
    assert_int_equal(err.code, ERR_PLAN);
    assert_non_null(strstr(err.message, "V1__a.sql was changed"));
    script_close(script);
    /* what would not have passed the check is never handed out */
    assert_int_equal(read_changed("SELECT 1;\nROLLBACK;\nSELECT 2;", &script, &err), SCAN_ERROR);
    assert_int_equal(err.code, ERR_REFUSED);
    script_close(script);
}

static void show(const char *text, unsigned line, unsigned column, const char *source, unsigned caret)
{
    struct error err = { .place = { .file = "V1__a.sql", .line = line, .column = column } };
    files_write(dir, "V1__a.sql", text);
    script_show_place(path, &err);
    assert_string_equal(err.source, source);
    assert_int_equal(err.caret, caret);
}

static void places(void **state)
{
    char line[1200];
    struct error err = { .place = { .line = 1, .column = 1 }, .source = "kept", .caret = 2 };
    (void)state;
    show("one\r\ntwo\rthree\n\nfive", 3, 2, "three", 2);
    show("one\r\ntwo\rthree\n\nfive", 5, 4, "five", 4);
    show("one\ntwo", 2, 4, "two", 4);
    show("\xef\xbb\xbfone", 1, 1, "one", 1);
    show("\t\xc3\xa9\x1b[31m x", 1, 8, " \xc3\xa9^[[31m x", 9); /* the caret counts what is shown */
    show("one\n", 7, 1, "", 0);
    for (size_t i = 0; i < sizeof line - 1; i++)
        line[i] = (char)('0' + i % 10);
    line[sizeof line - 1] = '\0';
    show(line, 1, 501, "\xe2\x80\xa6" "012345678901234567890123456789012345678901234567890123456789" "0123456789012345678901234567890123456789" "\xe2\x80\xa6", 62);
    show(line, 1, 3, "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789" "\xe2\x80\xa6", 3);
    script_show_place("/nonexistent", &err);
    assert_string_equal(err.source, "kept");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_files), cmocka_unit_test(own_begin_and_commit), cmocka_unit_test(transaction_control), cmocka_unit_test(other_refusals), cmocka_unit_test(outside_a_transaction), cmocka_unit_test(directives), cmocka_unit_test(directives_of_one_file), cmocka_unit_test(directives_that_are_none),
        cmocka_unit_test(missing_file), cmocka_unit_test(changed_files), cmocka_unit_test(places),
    };
    return cmocka_run_group_tests_name("script", tests, setup, teardown);
}
