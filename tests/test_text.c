/* test_text.c: growing strings, foreign text made safe to show, and what the machine tells of itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sys.h"
#include "text.h"

static void texts_grow(void **state)
{
    struct text t = {0};
    (void)state;
    assert_string_equal(text_string(&t), "");
    text_puts(&t, NULL);
    text_add(&t, "abc", 2);
    text_puts(&t, "-");
    text_printf(&t, "%05d|%s", 42, "x");
    assert_string_equal(text_string(&t), "ab-00042|x");
    assert_int_equal(t.len, 10);
    for (int i = 0; i < 1000; i++)
        text_puts(&t, "0123456789");
    assert_int_equal(t.len, 10010);
    assert_int_equal(strlen(text_string(&t)), 10010);
    assert_false(t.failed);
    text_reset(&t);
    assert_string_equal(text_string(&t), "");
    text_puts(&t, "again");
    assert_string_equal(text_string(&t), "again");
    text_free(&t);
    assert_null(t.at);
}

/* Whether there is room for it or not, for each length around what there is room for; to one that has failed nothing is added. */
static void printed_where_there_is_room(void **state)
{
    (void)state;
    for (int before = 0; before < 70; before++)
        for (int len = 0; len < 140; len++) {
            struct text t = {0};
            char want[300];
            snprintf(want, sizeof want, "%0*d%0*d.", before, 0, len, 7);
            if (before > 0)
                text_printf(&t, "%0*d", before, 0);
            else
                text_puts(&t, "0");
            text_printf(&t, "%0*d.", len, 7);
            assert_string_equal(text_string(&t), want);
            assert_int_equal(t.len, strlen(want));
            t.failed = true;
            text_printf(&t, "%s", "more");
            assert_string_equal(text_string(&t), want);
            text_free(&t);
        }
}

static void too_much_is_remembered_as_failed(void **state)
{
    struct text t = {0};
    (void)state;
    text_puts(&t, "kept");
    text_add(&t, "x", SIZE_MAX / 2);
    assert_true(t.failed);
    text_puts(&t, "more");
    assert_string_equal(text_string(&t), "kept");
    text_free(&t);
}

static void control_bytes_become_visible(void **state)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"plain", "plain"},
        {"a\tb\r\nc", "a b  c"},
        {"\x1b[2J", "^[[2J"},
        {"\x01\x7f", "^A^?"},
        {"\xC2\x9B" "31m", "^[[31m"},                          /* C1: CSI in one character */
        {"x\xC2\x85y", "x y"},                                 /* NEL */
        {"a\xE2\x80\xAE" "b", "a\xEF\xBF\xBD" "b"},            /* right-to-left override */
        {"a\xE2\x81\xA6\xE2\x81\xA9" "b", "a\xEF\xBF\xBD\xEF\xBF\xBD" "b"},
        {"\xE2\x82\xAC gr\xC3\xBC\xC3\x9F", "\xE2\x82\xAC gr\xC3\xBC\xC3\x9F"},
        {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
        {"a\xFFz", "a\xEF\xBF\xBDz"},                          /* no UTF-8 */
        {"a\xC3", "a\xEF\xBF\xBD"},                            /* cut short */
        {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},              /* overlong */
        {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}, /* a surrogate */
        {"", ""},
    };
    char shown[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text t = {0};
        text_visible(shown, sizeof shown, cases[i].from);
        assert_string_equal(shown, cases[i].to);
        text_add_visible(&t, cases[i].from, strlen(cases[i].from));
        assert_string_equal(text_string(&t), cases[i].to);
        text_free(&t);
    }
    text_visible(shown, sizeof shown, NULL);
    assert_string_equal(shown, "");
}

static void visible_text_is_never_cut_inside_a_form(void **state)
{
    char shown[8];
    (void)state;
    text_visible(shown, 5, "abc\xE2\x82\xAC");
    assert_string_equal(shown, "abc");
    text_visible(shown, 5, "abc\x1b");
    assert_string_equal(shown, "abc");
    text_visible(shown, 6, "abc\x1b");
    assert_string_equal(shown, "abc^[");
    text_visible(shown, 1, "abc");
    assert_string_equal(shown, "");
}

static void copies_end_at_a_character(void **state)
{
    char to[6];
    (void)state;
    assert_true(text_copy(to, sizeof to, "12345"));
    assert_string_equal(to, "12345");
    assert_false(text_copy(to, sizeof to, "123456"));
    assert_string_equal(to, "12345");
    assert_false(text_copy(to, sizeof to, "123\xE2\x82\xAC"));
    assert_string_equal(to, "123");
    assert_true(text_copy(to, sizeof to, "12\xE2\x82\xAC"));
    assert_string_equal(to, "12\xE2\x82\xAC");
    assert_true(text_copy(to, sizeof to, NULL));
    assert_string_equal(to, "");
    assert_false(text_copy(to, 0, "x"));
}

static void characters_are_counted_not_bytes(void **state)
{
    const char *mixed = "a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80\xFFz"; /* 6 characters, the broken byte is one */
    (void)state;
    assert_int_equal(text_chars(mixed, strlen(mixed)), 6);
    assert_int_equal(text_offset(mixed, strlen(mixed), 0), 0);
    assert_int_equal(text_offset(mixed, strlen(mixed), 2), 3);
    assert_int_equal(text_offset(mixed, strlen(mixed), 4), 10);
    assert_int_equal(text_offset(mixed, strlen(mixed), 5), 11);
    assert_int_equal(text_offset(mixed, strlen(mixed), 99), strlen(mixed));
    assert_int_equal(text_chars("", 0), 0);
}

static void dup_takes_null(void **state)
{
    char *copy = text_dup("x");
    (void)state;
    assert_string_equal(copy, "x");
    free(copy);
    assert_null(text_dup(NULL));
}

static bool counting_random(void *to, size_t len)
{
    unsigned char *bytes = to;
    for (size_t i = 0; i < len; i++)
        bytes[i] = (unsigned char)(0xf0 + i);
    return true;
}

static bool no_random(void *to, size_t len)
{
    (void)to;
    (void)len;
    return false;
}

static void uuids_are_version_4(void **state)
{
    struct sys sys = sys_real;
    char id[37], other[37];
    (void)state;
    sys.random = counting_random;
    assert_true(sys_uuid(&sys, id));
    assert_string_equal(id, "f0f1f2f3-f4f5-46f7-b8f9-fafbfcfdfeff");
    assert_true(sys_uuid(&sys_real, id));
    assert_true(sys_uuid(&sys_real, other));
    assert_string_not_equal(id, other);
    assert_int_equal(strlen(id), 36);
    sys.random = no_random;
    assert_false(sys_uuid(&sys, id));
    assert_string_equal(id, "");
}

static void the_machine_tells_of_itself(void **state)
{
    int64_t before = sys_real.mono_ms();
    (void)state;
    sys_real.sleep_ms(0);
    assert_true(sys_real.mono_ms() >= before);
    assert_true(sys_real.wall_us() > INT64_C(1600000000000000));
    assert_true(sys_real.pid() > 0);
    assert_non_null(sys_real.host());
    assert_non_null(sys_real.user());
    assert_non_null(sys_real.boot_id());
    assert_null(strchr(sys_real.boot_id(), '\n'));
    assert_ptr_equal(sys_real.host(), sys_real.host());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_grow),
        cmocka_unit_test(printed_where_there_is_room),
        cmocka_unit_test(too_much_is_remembered_as_failed),
        cmocka_unit_test(control_bytes_become_visible),
        cmocka_unit_test(visible_text_is_never_cut_inside_a_form),
        cmocka_unit_test(copies_end_at_a_character),
        cmocka_unit_test(characters_are_counted_not_bytes),
        cmocka_unit_test(dup_takes_null),
        cmocka_unit_test(uuids_are_version_4),
        cmocka_unit_test(the_machine_tells_of_itself),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
