/* test_error.c: faults keep their words, and every code has a name and an exit code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "error.h"

static void filling_drops_what_was_there(void **state)
{
    struct error err;
    (void)state;
    memset(&err, 'x', sizeof err);
    assert_false(error_set(&err, ERR_SQL, "column \"%s\" does not exist", "totl"));
    assert_int_equal(err.code, ERR_SQL);
    assert_string_equal(err.message, "column \"totl\" does not exist");
    assert_string_equal(err.hint, "");
    assert_string_equal(err.detail, "");
    assert_string_equal(err.state, "");
    assert_string_equal(err.context, "");
    assert_string_equal(err.place.file, "");
    assert_int_equal(err.caret, 0);
}

static void additions_keep_the_rest(void **state)
{
    struct error err;
    (void)state;
    error_set(&err, ERR_FILE, "no file");
    assert_false(error_hint(&err, "make %d", 1));
    assert_false(error_detail(&err, "it is %s", "gone"));
    assert_false(error_state(&err, "nothing was changed"));
    assert_string_equal(err.message, "no file");
    assert_string_equal(err.hint, "make 1");
    assert_string_equal(err.detail, "it is gone");
    assert_string_equal(err.state, "nothing was changed");
    error_clear(&err);
    assert_int_equal(err.code, ERR_NONE);
    assert_string_equal(err.message, "");
}

static void arguments_may_come_from_the_struct_itself(void **state)
{
    struct error err;
    (void)state;
    error_set(&err, ERR_FAILED, "inner");
    error_hint(&err, "look");
    error_set(&err, ERR_CONFIG, "outer: %s (%s)", err.message, err.hint);
    assert_string_equal(err.message, "outer: inner (look)");
    error_hint(&err, "%s twice", err.message);
    assert_string_equal(err.hint, "outer: inner (look) twice");
}

static void nobody_needs_to_listen(void **state)
{
    (void)state;
    assert_false(error_set(NULL, ERR_FAILED, "%s", "x"));
    assert_false(error_hint(NULL, "%s", "x"));
    assert_false(error_detail(NULL, "%s", "x"));
    assert_false(error_state(NULL, "%s", "x"));
    error_clear(NULL);
}

static void long_messages_end_at_a_character(void **state)
{
    struct error err;
    char *euros = calloc(3000, 1);
    size_t len;
    (void)state;
    assert_non_null(euros);
    for (int i = 0; i < 990; i++)
        strcat(euros, "\xE2\x82\xAC");
    error_set(&err, ERR_FAILED, "a%s", euros);
    len = strlen(err.message);
    assert_true(len >= sizeof err.message - 4 && len < sizeof err.message);
    assert_int_equal((len - 1) % 3, 0);
    free(euros);
}

static void exit_codes_are_the_documented_ones(void **state)
{
    static const struct {
        enum error_code code;
        const char *name;
        int exit_code;
    } cases[] = {
        {ERR_NONE, "none", 0},
        {ERR_FAILED, "failed", 1},
        {ERR_SQL, "sql", 1},
        {ERR_NOT_RELEASED, "not-released", 1},
        {ERR_USAGE, "usage", 2},
        {ERR_CONFIG, "config", 2},
        {ERR_LOCK_HELD, "lock-held", 3},
        {ERR_LOCK_CHANGED, "lock-changed", 3},
        {ERR_LOCK_BUSY, "lock-busy", 3},
        {ERR_LOCK_ALIVE, "lock-alive", 3},
        {ERR_LOCK_LOST, "lock-lost", 4},
        {ERR_HISTORY, "history", 5},
        {ERR_PLAN, "plan", 5},
        {ERR_NO_CONNECTION, "no-connection", 6},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(error_name(cases[i].code), cases[i].name);
        assert_int_equal(error_exit_code(cases[i].code), cases[i].exit_code);
    }
}

static void every_code_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = 0; a < ERR_CODES; a++) {
        assert_non_null(error_name((enum error_code)a));
        assert_true(a == ERR_NONE || error_exit_code((enum error_code)a) > 0);
        for (int b = 0; b < a; b++)
            assert_string_not_equal(error_name((enum error_code)a), error_name((enum error_code)b));
    }
    assert_string_equal(error_name(ERR_CODES), "internal");
    assert_int_equal(error_exit_code(ERR_CODES), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filling_drops_what_was_there),
        cmocka_unit_test(additions_keep_the_rest),
        cmocka_unit_test(arguments_may_come_from_the_struct_itself),
        cmocka_unit_test(nobody_needs_to_listen),
        cmocka_unit_test(long_messages_end_at_a_character),
        cmocka_unit_test(exit_codes_are_the_documented_ones),
        cmocka_unit_test(every_code_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
