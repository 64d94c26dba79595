/* test_place.c: character positions become line, column and a source line with its caret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db.h"

static void check(const char *sql, size_t chars, unsigned line, unsigned column)
{
    struct place at = {"V1__x.sql", 10, 5}, out;
    place_advance(&at, sql, strlen(sql), chars, &out);
    assert_string_equal(out.file, "V1__x.sql");
    assert_int_equal(out.line, line);
    assert_int_equal(out.column, column);
}

static void positions_count_characters_and_lines(void **state)
{
    (void)state;
    check("SELECT x", 0, 10, 5);
    check("SELECT x", 7, 10, 12);
    check("SELECT\n  x", 9, 11, 3);
    check("SELECT\r\n  x", 10, 11, 3);
    check("SELECT\r  x", 9, 11, 3);
    check("a\n\nb", 3, 12, 1);
    check("a\r\n\r\nb", 5, 12, 1);
    check("a\r\rb", 3, 12, 1);
    check("\xC3\xBC\xE2\x82\xAC x", 3, 10, 8);
    check("\n\xC3\xBC\xC3\xBCx", 3, 11, 3);
    check("short", 99, 10, 10);
}

static void no_place_stays_none(void **state)
{
    struct place none = {0}, out;
    (void)state;
    place_advance(&none, "a\nb", 3, 2, &out);
    assert_int_equal(out.line, 0);
    assert_int_equal(out.column, 0);
}

static void a_place_may_be_moved_in_place(void **state)
{
    struct place at = {"f", 1, 1};
    (void)state;
    place_advance(&at, "ab\ncd", 5, 4, &at);
    assert_int_equal(at.line, 2);
    assert_int_equal(at.column, 2);
}

/* The character of err->source that the caret stands under. */
static char under_caret(const struct error *err)
{
    assert_true(err->caret > 0 && err->caret <= strlen(err->source));
    return err->source[err->caret - 1];
}

static void the_line_is_shown_with_its_caret(void **state)
{
    const char *sql = "CREATE TABLE a (\r\n\tx totl,\r\n y int)";
    struct error err = {0};
    (void)state;
    place_show(&err, sql, strlen(sql), 21);
    assert_string_equal(err.source, " x totl,");
    assert_int_equal(err.caret, 4);
    place_show(&err, sql, strlen(sql), 0);
    assert_string_equal(err.source, "CREATE TABLE a (");
    assert_int_equal(err.caret, 1);
    place_show(&err, sql, strlen(sql), strlen(sql));
    assert_string_equal(err.source, " y int)");
    assert_int_equal(err.caret, 8);
    place_show(NULL, sql, strlen(sql), 1);
}

static void control_bytes_move_the_caret(void **state)
{
    const char *sql = "\x1b[31m bad";
    struct error err = {0};
    (void)state;
    place_show(&err, sql, strlen(sql), 6);
    assert_string_equal(err.source, "^[[31m bad");
    assert_int_equal(err.caret, 8);
    assert_int_equal(under_caret(&err), 'b');
}

static void long_lines_are_cut_around_the_place(void **state)
{
    char sql[4001];
    struct error err = {0};
    (void)state;
    memset(sql, 'a', 4000);
    sql[4000] = '\0';
    sql[2000] = '!';
    place_show(&err, sql, 4000, 2000);
    assert_true(strlen(err.source) < sizeof err.source);
    assert_memory_equal(err.source, "\xE2\x80\xA6", 3);
    assert_string_equal(err.source + strlen(err.source) - 3, "\xE2\x80\xA6");
    assert_int_equal(err.caret, 62); /* 60 characters before it and the ellipsis */
    assert_int_equal(err.source[err.caret - 1 + 2], '!'); /* the ellipsis has two bytes more than characters */
    sql[3999] = '!';
    place_show(&err, sql, 4000, 3999);
    assert_int_equal(err.source[strlen(err.source) - 1], '!');
    assert_int_equal(err.caret, 62);
}

static void long_lines_of_wide_bytes_keep_their_caret(void **state)
{
    char sql[1001] = "";
    struct error err = {0};
    (void)state;
    for (int i = 0; i < 110; i++)
        strcat(sql, "\xE2\x82\xAC");
    strcat(sql, "!");
    place_show(&err, sql, strlen(sql), 110);
    assert_int_equal(err.caret, 62);
    assert_int_equal(err.source[strlen(err.source) - 1], '!');
}

static void outcomes_have_words(void **state)
{
    static const char *const words[] = {"", "ok", "failed", "cancelled", "lost", "died"};
    (void)state;
    for (int i = RUN_OPEN; i <= RUN_DIED; i++) {
        assert_string_equal(run_outcome_name((enum run_outcome)i), words[i]);
        assert_int_equal(run_outcome_from(words[i]), i);
    }
    assert_int_equal(run_outcome_from(NULL), RUN_OPEN);
    assert_int_equal(run_outcome_from("odd"), RUN_OPEN);
    assert_string_equal(run_outcome_name((enum run_outcome)99), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_count_characters_and_lines),
        cmocka_unit_test(no_place_stays_none),
        cmocka_unit_test(a_place_may_be_moved_in_place),
        cmocka_unit_test(the_line_is_shown_with_its_caret),
        cmocka_unit_test(control_bytes_move_the_caret),
        cmocka_unit_test(long_lines_are_cut_around_the_place),
        cmocka_unit_test(long_lines_of_wide_bytes_keep_their_caret),
        cmocka_unit_test(outcomes_have_words),
    };
    return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
