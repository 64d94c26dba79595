/* test_output.c: tables against what Jetbase prints, errors, ages, JSON values, and standard output that can't be written. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "output.h"
#include "output_json.h"

/* Output into memory. */
struct kept {
    struct output o;
    char *out, *err;
    size_t out_len, err_len;
};

static void keep(struct kept *k, unsigned width)
{
    memset(k, 0, sizeof *k);
    output_open(&k->o, open_memstream(&k->out, &k->out_len), open_memstream(&k->err, &k->err_len));
    k->o.width = width;
}

static int end(struct kept *k)
{
    int code = output_close(&k->o, 0);
    fclose(k->o.out);
    fclose(k->o.err);
    return code;
}

static void drop(struct kept *k)
{
    free(k->out);
    free(k->err);
}

static const struct table_column history_columns[] = { { "Version", "36", true }, { "Order Executed", "32", false }, { "Description", "37", false }, { "Applied At", "32", true } };
static const struct table_column status_columns[] = { { "Version", "36", false }, { "Description", "32", false } };

static void table_is(unsigned width, bool colour, const char *title, const struct table_column *columns, size_t count, const char *const *cells, size_t rows, const char *expected)
{
    struct kept k;
    struct error err = { 0 };
    keep(&k, width);
    k.o.colour = colour;
    assert_true(output_table(&k.o, title, columns, count, cells, rows, &err));
    end(&k);
    assert_string_equal(k.out, expected);
    drop(&k);
}

static void test_empty_table(void **state)
{
    (void)state;
    table_is(100, false, "Migrations Applied", status_columns, 2, NULL, 0,
             "   Migrations Applied    \n"
             "┏━━━━━━━━━┳━━━━━━━━━━━━━┓\n"
             "┃ Version ┃ Description ┃\n"
             "┡━━━━━━━━━╇━━━━━━━━━━━━━┩\n"
             "└─────────┴─────────────┘\n");
}

static const char *const history_cells[] = {
    "1",  "6",  "create users table", "2026-11-23 20:28:55.79", "10", "8",  "orders", "2026-11-23 20:28:55.79",
    "RUNS_ON_CHANGE", "10", "v",      "2026-11-23 20:28:55.79",
};

static void test_history(void **state)
{
    (void)state;
    table_is(100, false, "Migration History", history_columns, 4, history_cells, 3,
             "                                Migration History                                \n"
             "┏━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┓\n"
             "┃ Version        ┃ Order Executed ┃ Description        ┃ Applied At             ┃\n"
             "┡━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━┩\n"
             "│ 1              │ 6              │ create users table │ 2026-11-23 20:28:55.79 │\n"
             "│ 10             │ 8              │ orders             │ 2026-11-23 20:28:55.79 │\n"
             "│ RUNS_ON_CHANGE │ 10             │ v                  │ 2026-11-23 20:28:55.79 │\n"
             "└────────────────┴────────────────┴────────────────────┴────────────────────────┘\n");
}

/* One column too narrow: the description is folded, as rich folds it. */
static void test_history_80(void **state)
{
    (void)state;
    table_is(80, false, "Migration History", history_columns, 4, history_cells, 3,
             "                               Migration History                                \n"
             "┏━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┓\n"
             "┃ Version        ┃ Order Executed ┃ Description       ┃ Applied At             ┃\n"
             "┡━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━┩\n"
             "│ 1              │ 6              │ create users      │ 2026-11-23 20:28:55.79 │\n"
             "│                │                │ table             │                        │\n"
             "│ 10             │ 8              │ orders            │ 2026-11-23 20:28:55.79 │\n"
             "│ RUNS_ON_CHANGE │ 10             │ v                 │ 2026-11-23 20:28:55.79 │\n"
             "└────────────────┴────────────────┴───────────────────┴────────────────────────┘\n");
}

/* Wide characters, long descriptions, long words. */
static void test_odd_cells(void **state)
{
    static const char *const cells[] = {
        "2", "x😄y", "3", "long word long word long word long word long word long word long word long word long word long word long word end", "4",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "5", "wide 日本語 é", "6", "a[b", "7", "[1]",
    };
    (void)state;
    table_is(80, false, "Migrations Pending", status_columns, 2, cells, 6,
             "                               Migrations Pending                               \n"
             "┏━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓\n"
             "┃ Version ┃ Description                                                        ┃\n"
             "┡━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩\n"
             "│ 2       │ x😄y                                                               │\n"
             "│ 3       │ long word long word long word long word long word long word long   │\n"
             "│         │ word long word long word long word long word end                   │\n"
             "│ 4       │ xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… │\n"
             "│ 5       │ wide 日本語 é                                                      │\n"
             "│ 6       │ a[b                                                                │\n"
             "│ 7       │ [1]                                                                │\n"
             "└─────────┴────────────────────────────────────────────────────────────────────┘\n");
}

static void test_colours(void **state)
{
    static const char *const cells[] = { "1", "create users", "RUNS_ALWAYS", "r" };
    (void)state;
    table_is(80, true, "Migrations Applied", status_columns, 2, cells, 2,
             "\x1b[3m      Migrations Applied      \x1b[0m\n"
             "┏━━━━━━━━━━━━━┳━━━━━━━━━━━━━━┓\n"
             "┃\x1b[1;35m \x1b[0m\x1b[1;35mVersion    \x1b[0m\x1b[1;35m \x1b[0m┃\x1b[1;35m \x1b[0m\x1b[1;35mDescription \x1b[0m\x1b[1;35m \x1b[0m┃\n"
             "┡━━━━━━━━━━━━━╇━━━━━━━━━━━━━━┩\n"
             "│\x1b[36m \x1b[0m\x1b[36m1          \x1b[0m\x1b[36m \x1b[0m│\x1b[32m \x1b[0m\x1b[32mcreate users\x1b[0m\x1b[32m \x1b[0m│\n"
             "│\x1b[36m \x1b[0m\x1b[36mRUNS_ALWAYS\x1b[0m\x1b[36m \x1b[0m│\x1b[32m \x1b[0m\x1b[32mr           \x1b[0m\x1b[32m \x1b[0m│\n"
             "└─────────────┴──────────────┘\n");
}

/* However narrow it gets, every column keeps its text and no line is wider than asked for. */
static void test_narrow(void **state)
{
    (void)state;
    for (unsigned width = 20; width < 82; width++) {
        struct kept k;
        struct error err = { 0 };
        size_t digits = 0;
        keep(&k, width);
        assert_true(output_table(&k.o, "Migration History", history_columns, 4, history_cells, 3, &err));
        end(&k);
        for (const char *line = k.out; *line; line += strcspn(line, "\n") + 1)
            assert_true(output_columns(line, strcspn(line, "\n")) <= width);
        if (width < 60) {
            for (const char *c = k.out; *c; c++)
                digits += *c >= '0' && *c <= '9';
            assert_int_equal(digits, 3 * strlen("20261123202855") + 3 * 2 + strlen("1610810")); /* no digit is lost */
        }
        drop(&k);
    }
}

/* Without a terminal: a line for each row, whole, however long it is and however narrow the output; wide characters count as two. */
static void test_rows_without_a_terminal(void **state)
{
    static const char *const cells[] = { "10", "a description that is longer than the line", "漢", "", "3", "bell \a" };
    struct kept k;
    struct error err = { 0 };
    (void)state;
    keep(&k, 20);
    assert_true(output_rows(&k.o, "Runs", status_columns, 2, cells, 3, &err));
    end(&k);
    assert_string_equal(k.out, "Version  Description\n"
                               "10       a description that is longer than the line\n"
                               "漢       \n"
                               "3        bell ^G\n");
    drop(&k);
    keep(&k, 60);
    k.o.terminal = true;
    assert_true(output_rows(&k.o, "Runs", status_columns, 2, cells, 1, &err));
    end(&k);
    assert_non_null(strstr(k.out, "┃ Version ┃"));
    drop(&k);
}

/* Text of files and databases never reaches a terminal raw. */
static void test_control_bytes(void **state)
{
    static const char *const cells[] = { "1", "red \x1b[31m, bell \a, tab\t, line\nend, \xff, \xe2\x80\xae" };
    (void)state;
    table_is(80, false, "Migrations Applied", status_columns, 2, cells, 1,
             "                  Migrations Applied                   \n"
             "┏━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓\n"
             "┃ Version ┃ Description                               ┃\n"
             "┡━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩\n"
             "│ 1       │ red ^[[31m, bell ^G, tab , line end, \xef\xbf\xbd, \xef\xbf\xbd │\n"
             "└─────────┴───────────────────────────────────────────┘\n");
}

static void error_is(const struct error *err, bool verbose, const char *expected)
{
    struct kept k;
    keep(&k, 80);
    k.o.verbose = verbose;
    output_error_text(&k.o, err);
    assert_true(k.o.failure_told);
    end(&k);
    assert_string_equal(k.err, expected);
    assert_int_equal(k.out_len, 0);
    drop(&k);
}

static void test_error_with_place(void **state)
{
    struct error err = { .code = ERR_SQL, .sqlstate = "42703", .message = "column \"totl\" does not exist", .detail = "There is a column named \"total\".", .hint = "Perhaps you meant \"total\".",
                         .place = { .file = "V7__orders.sql", .line = 12, .column = 9 }, .source = "SELECT  totl FROM orders", .caret = 9, .state = "V7__orders.sql was rolled back: nothing of it remains." };
    (void)state;
    error_is(&err, false,
             "V7__orders.sql:12:9: error: column \"totl\" does not exist\n"
             "  SELECT  totl FROM orders\n"
             "          ^\n"
             "DETAIL: There is a column named \"total\".\n"
             "HINT: Perhaps you meant \"total\".\n"
             "V7__orders.sql was rolled back: nothing of it remains.\n"
             "Correct the file, then run the command again.\n");
    snprintf(err.source, sizeof err.source, "SELECT '日本', totl");
    err.caret = 14;
    err.detail[0] = err.hint[0] = err.state[0] = '\0';
    error_is(&err, true,
             "V7__orders.sql:12:9: error: column \"totl\" does not exist\n"
             "  SELECT '日本', totl\n"
             "                 ^\n"
             "SQLSTATE: 42703\n"
             "Correct the file, then run the command again.\n");
}

static void test_error_without_place(void **state)
{
    struct error err = { .code = ERR_LOCK_HELD, .message = "Migration lock is already held by another process.", .hint = "Wait." };
    (void)state;
    error_is(&err, false, "error: Migration lock is already held by another process.\nHINT: Wait.\n");
    err = (struct error){ .code = ERR_SQL, .message = "duplicate key", .place = { .file = "V1__a.sql" } };
    error_is(&err, false, "V1__a.sql: error: duplicate key\nCorrect the file, then run the command again.\n");
}

static void test_ages(void **state)
{
    static const struct { double s; const char *words; } cases[] = {
        { -1, "?" }, { 0, "0 ms" }, { 0.24, "240 ms" }, { 1.24, "1.2 s" }, { 9.9, "9.9 s" }, { 12.4, "12 s" }, { 252.1, "4 min 12 s" }, { 3599, "59 min 59 s" }, { 7500, "2 h 05 min" }, { 277200, "3 d 5 h" },
    };
    char words[40];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        output_age(cases[i].s, words, sizeof words);
        assert_string_equal(words, cases[i].words);
    }
}

static void json_is(json_t *value, const char *expected)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
    json_decref(value);
}

static void test_json_values(void **state)
{
    (void)state;
    json_is(json_words(""), "null");
    json_is(json_words(NULL), "null");
    json_is(json_words("a\x1b\"b"), "\"a\\u001B\\\"b\"");
    json_is(json_words("a\xff"), "\"a\xef\xbf\xbd\"");
    json_is(json_piece("", 0), "\"\"");
    json_is(json_count(-1), "null");
    json_is(json_count(0), "0");
    json_is(json_seconds(-1), "null");
    json_is(json_seconds(252.1), "252.1");
    json_is(json_time("2025-12-25 14:30:22.123", true), "\"2025-12-25T14:30:22.123Z\"");
    json_is(json_time("2025-12-25 14:30:22.123", false), "\"2025-12-25T14:30:22.123\"");
    json_is(json_time("2025-12-25T14:30:22.123456Z", true), "\"2025-12-25T14:30:22.123456Z\"");
    json_is(json_time("2025-12-25 14:30:22+00", true), "\"2025-12-25T14:30:22+00\"");
    json_is(json_time("", true), "null");
    json_is(json_wall(0), "\"1970-01-01T00:00:00.000000Z\"");
    json_is(json_wall(-1), "\"1969-12-31T23:59:59.999999Z\"");
    json_is(json_wall(1766673022123456), "\"2025-12-25T14:30:22.123456Z\"");
}

static void test_json_error(void **state)
{
    struct error err = { .code = ERR_SQL, .sqlstate = "42703", .message = "no", .hint = "h", .place = { .file = "V1__a.sql", .line = 3, .column = 4 }, .detail = "d", .state = "s" };
    (void)state;
    json_is(json_error(&err), "{\"code\":\"sql\",\"message\":\"no\",\"detail\":\"d\\ns\",\"hint\":\"h\",\"file\":\"V1__a.sql\",\"line\":3,\"column\":4,\"sqlstate\":\"42703\"}");
    err = (struct error){ .code = ERR_LOCK_HELD, .message = "held" };
    json_is(json_error(&err), "{\"code\":\"lock-held\",\"message\":\"held\",\"detail\":null,\"hint\":null,\"file\":null,\"line\":null,\"column\":null,\"sqlstate\":null}");
}

static void test_json_lock(void **state)
{
    struct lock_view view;
    (void)state;
    memset(&view, 0, sizeof view);
    json_is(json_lock(&view, true), "{\"schema\":1,\"locked\":false,\"locked_at\":null,\"age_s\":null,\"process_id\":null,\"holder\":null,\"verdict\":null,\"evidence\":null,\"unlock_effect\":null,\"session\":null}");
    view.row.locked = true;
    view.verdict = LOCK_UNKNOWN;
    snprintf(view.row.process_id, sizeof view.row.process_id, "11111111-2222-3333-4444-555555555555");
    snprintf(view.row.locked_at, sizeof view.row.locked_at, "2025-12-25 14:30:22.123456");
    snprintf(view.evidence, sizeof view.evidence, "e");
    snprintf(view.effect, sizeof view.effect, "f");
    json_is(json_lock(&view, false), "{\"schema\":1,\"locked\":true,\"locked_at\":\"2025-12-25T14:30:22.123456\",\"age_s\":null,\"process_id\":\"11111111-2222-3333-4444-555555555555\",\"holder\":null,"
                                     "\"verdict\":\"unknown\",\"evidence\":\"e\",\"unlock_effect\":\"f\",\"session\":null}");
    view.row.has_run = true;
    view.row.run = (struct run_row){ .host = "ci", .os_user = "deploy", .program = "jetbase 0.1.0", .command = "upgrade", .pid = 9114, .acquired_at = "2025-12-25T14:30:22Z", .age_s = 252.1, .file = "V14__x.sql", .statements = 7 };
    view.verdict = LOCK_ALIVE;
    view.fenced = true;
    view.session = (struct db_session){ .found = true, .pid = 48213, .state = "active", .wait = "Lock/relation", .query = "q", .blockers = 1 };
    view.session.blocked_by[0] = (struct db_blocker){ .pid = 40122, .user = "app", .state = "idle in transaction", .age_s = 1320 };
    json_is(json_lock(&view, false), "{\"schema\":1,\"locked\":true,\"locked_at\":\"2025-12-25T14:30:22Z\",\"age_s\":252.1,\"process_id\":\"11111111-2222-3333-4444-555555555555\","
                                     "\"holder\":{\"host\":\"ci\",\"pid\":9114,\"user\":\"deploy\",\"program\":\"jetbase 0.1.0\",\"command\":\"upgrade\",\"file\":\"V14__x.sql\",\"statement\":null,\"statements\":7,\"fenced\":true},"
                                     "\"verdict\":\"alive\",\"evidence\":\"e\",\"unlock_effect\":\"f\",\"session\":{\"pid\":48213,\"state\":\"active\",\"wait\":\"Lock/relation\",\"query\":\"q\",\"blocked_by\":[{\"pid\":40122,\"user\":\"app\","
                                     "\"application\":null,\"state\":\"idle in transaction\",\"age_s\":1320.0,\"query\":null}]}}");
}

/* A full disk or a reader that went away is said, and no success. */
static void test_unwritable(void **state)
{
    struct output o;
    char *text = NULL;
    size_t len = 0;
    FILE *full = fopen("/dev/full", "we"), *err = open_memstream(&text, &len);
    (void)state;
    assert_true(full && err);
    output_open(&o, full, err);
    output_print(&o, "Status: UNLOCKED");
    assert_int_equal(output_close(&o, 0), 1);
    assert_int_equal(output_close(&o, 5), 5);
    fclose(full);
    fclose(err);
    assert_non_null(strstr(text, "error: standard output can't be written: No space left on device"));
    free(text);
}

/* JSON too may come to a terminal: what one obeys is escaped, what one shows stays as it is, and a program reads the same text. */
static void test_json_on_a_terminal(void **state)
{
    static const char words[] = "\x7f \xc2\x9b" "31m \xe2\x80\xae \xd8\x9c \xe2\x81\xa9 \xc2\xa0\xc3\xa9 \xe2\x82\xac \xe2\x80\xa6 \xf0\x9f\x98\x80";
    struct output o;
    char *text = NULL;
    size_t len = 0;
    struct error err = { 0 };
    FILE *out = open_memstream(&text, &len);
    (void)state;
    assert_non_null(out);
    output_open(&o, out, out);
    assert_true(output_json(&o, json_pack("{s:o}", "words", json_words(words)), &err));
    fclose(out);
    assert_string_equal(text, "{\"words\":\"\\u007F \\u009B31m \\u202E \\u061C \\u2069 \xc2\xa0\xc3\xa9 \xe2\x82\xac \xe2\x80\xa6 \xf0\x9f\x98\x80\"}\n");
    json_t *again = json_loads(text, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(again, "words")), words);
    json_decref(again);
    free(text);
}

static void test_quiet_and_json(void **state)
{
    struct kept k;
    (void)state;
    keep(&k, 80);
    k.o.quiet = true;
    output_say(&k.o, "Starting migrations...");
    output_note(&k.o, "not said");
    output_print(&k.o, "Status: UNLOCKED");
    output_warn(&k.o, "said");
    output_detail(&k.o, "not said");
    assert_int_equal(end(&k), 0);
    assert_string_equal(k.out, "Status: UNLOCKED\n");
    assert_string_equal(k.err, "warning: said\n");
    drop(&k);
    keep(&k, 80);
    k.o.json = true;
    output_say(&k.o, "Starting migrations...");
    output_print(&k.o, "Status: UNLOCKED");
    assert_int_equal(end(&k), 0);
    assert_int_equal(k.out_len, 0);
    drop(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_table),     cmocka_unit_test(test_history),   cmocka_unit_test(test_history_80),        cmocka_unit_test(test_odd_cells),
        cmocka_unit_test(test_colours),         cmocka_unit_test(test_narrow),    cmocka_unit_test(test_rows_without_a_terminal), cmocka_unit_test(test_control_bytes),     cmocka_unit_test(test_error_with_place),
        cmocka_unit_test(test_ages),            cmocka_unit_test(test_json_lock), cmocka_unit_test(test_json_on_a_terminal), cmocka_unit_test(test_error_without_place), cmocka_unit_test(test_json_values),
        cmocka_unit_test(test_json_error),      cmocka_unit_test(test_unwritable), cmocka_unit_test(test_quiet_and_json),
    };
    return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
