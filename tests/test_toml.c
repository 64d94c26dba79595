/* test_toml.c: the TOML reader: values, paths, what is passed over, what is refused and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "text.h"
#include "toml.h"

/* Writes each value as `path=kind:text;`. */
static bool on_value(void *user, const char *path, const struct setting *value, struct error *err)
{
    (void)err;
    static const char *const kinds[] = {"absent", "text", "bool", "int", "other", "unreadable"};
    text_printf(user, "%s=%s:%s;", path, kinds[value->kind], value->text != NULL ? value->text : "");
    return true;
}

static void check(const char *toml, const char *want)
{
    struct text got = {0};
    struct error err = {0};
    if (!toml_read(toml, strlen(toml), "x.toml", on_value, &got, &err))
        fail_msg("%s: %u:%u: %s", toml, err.place.line, err.place.column, err.message);
    assert_string_equal(text_string(&got), want);
    text_free(&got);
}

static void check_bad(const char *toml, unsigned line, unsigned column, const char *message)
{
    struct text got = {0};
    struct error err = {0};
    if (toml_read(toml, strlen(toml), "x.toml", on_value, &got, &err))
        fail_msg("accepted: %s", toml);
    assert_int_equal(err.code, ERR_CONFIG);
    assert_string_equal(err.place.file, "x.toml");
    if (err.place.line != line || err.place.column != column || strstr(err.message, message) == NULL)
        fail_msg("%s: %u:%u: %s", toml, err.place.line, err.place.column, err.message);
    text_free(&got);
}

static void test_values(void **state)
{
    (void)state;
    check("", "");
    check("a = \"x\"", "a=text:x;");
    check("a = 'x\\n' # note\r\nb=true\n", "a=text:x\\n;b=bool:true;");
    check("a = \"\\\"\\\\\\t\\u00e9\\U0001F600\"\n", "a=text:\"\\\t\xC3\xA9\xF0\x9F\x98\x80;");
    check("a = 1\nb = -1_000\nc = 0x1F\nd = +0\n", "a=int:1;b=int:-1_000;c=int:0x1F;d=int:+0;");
    check("a = 1.5\nb = 1e5\nc = -inf\nd = nan\n", "a=other:float;b=other:float;c=other:float;d=other:float;");
    check("a = 1979-05-27\nb = 07:32:00\nc = 1979-05-27 07:32:00Z # x\nd = 1979-05-27T07:32:00-07:00", "a=other:date;b=other:date;c=other:date;d=other:date;");
    check("a = \"\"\"\nx = 1\n\"\"\"\nb = '''y'''\nc = \"\"\"a\\\"\"\"\"\"\n", "a=text:x = 1\n;b=text:y;c=text:a\"\";");
    check("a = \"\"\"x\\\n   y\\u00e9 \\\r\n\n\tz\r\n\"\"\"\nb = '''\r\nx\\\n'''", "a=text:xy\xC3\xA9 z\n;b=text:x\\\n;");
}

static void test_paths(void **state)
{
    (void)state;
    check("a = 1\n[t]\nb = 2\n[t.u]\nc.d = 3\n", "a=int:1;t=other:dict;t.b=int:2;t.u=other:dict;t.u.c.d=int:3;");
    check("[ t . \"u\" ] # x\nb = 2\n", "t.u=other:dict;t.u.b=int:2;");
    check("\"a.b\" = 1\n'c d'.e = 2\n\"\" = 3\n", "\"a.b\"=int:1;\"c d\".e=int:2;\"\"=int:3;");
    check("[[t]]\na = 1\n[[t]]\na = 2\n", "t=other:list;t[].a=int:1;t=other:list;t[].a=int:2;");
    check("t = { a = 1, b.c = 'x' }\nd = 1\n", "t=other:dict;t.a=int:1;t.b.c=text:x;d=int:1;");
    check("t = {}\n", "t=other:dict;");
}

static void test_passed_over(void **state)
{
    (void)state;
    check("a = [1, [2, 'x'], { b = 3 }, # note ]\n \"]\",\n]\nc = 1\n", "a=other:list;c=int:1;");
    check("a = []\nb = [\n]\n", "a=other:list;b=other:list;");
    check("deps = [\n  \"x>=1\",\n  'y',\n]\n[tool.jetbase]\nsqlalchemy_url = \"u\"\n", "deps=other:list;tool.jetbase=other:dict;tool.jetbase.sqlalchemy_url=text:u;");
}

static void test_refused(void **state)
{
    (void)state;
    check_bad("sqlalchemy_url = \n", 1, 18, "Invalid value");
    check_bad("x = \n", 1, 5, "Invalid value");
    check_bad("a = 1\nb = yes\n", 2, 5, "Invalid value");
    check_bad("a = 01\n", 1, 5, "Invalid value");
    check_bad("a = 1__0\n", 1, 5, "Invalid value");
    check_bad("a = \"x\n", 1, 7, "Unterminated string");
    check_bad("a = 'x", 1, 7, "Unterminated string");
    check_bad("a = \"\\q\"\n", 1, 7, "Unescaped");
    check_bad("a = \"\\ud800\"\n", 1, 12, "Unicode scalar");
    check_bad("a = \"\\u0000\"\n", 1, 12, "NUL");
    check_bad("a = \"\"\"x\n", 1, 5, "Unterminated string");
    check_bad("b = 1\na = \"\"\"\nx\\q\"\"\"\n", 2, 5, "bad escape");
    check_bad("a = '''\nx\x01'''\n", 1, 5, "control character");
    check_bad("\xEF\xBB\xBF" "a = 1\n", 1, 1, "byte order mark");
    check_bad("a = 1 b = 2\n", 1, 7, "Expected newline");
    check_bad("a\n", 1, 2, "Expected '='");
    check_bad("= 1\n", 1, 1, "Invalid initial character");
    check_bad("[t\na = 1\n", 1, 3, "Expected ']'");
    check_bad("[[t]\n", 1, 4, "Expected ']]'");
    check_bad("a = [1 2]\n", 1, 8, "Unclosed array");
    check_bad("a = [1,\n", 2, 1, "Invalid value");
    check_bad("a = { b = 1\n", 1, 12, "Unclosed inline table");
    check_bad("a = 'x\x01'\n", 1, 7, "control character");
    check_bad("# \x01\n", 1, 3, "control character");
}

/* A thousand brackets must not cost the stack. */
static void test_nesting(void **state)
{
    (void)state;
    struct text toml = {0};
    struct error err = {0};
    struct text got = {0};
    text_puts(&toml, "a = ");
    for (int i = 0; i < 1000; i++)
        text_puts(&toml, "[");
    assert_false(toml_read(toml.at, toml.len, "x.toml", on_value, &got, &err));
    assert_non_null(strstr(err.message, "nested too deep"));
    text_free(&toml);
    text_free(&got);
}

/* Every beginning of a good text is good or refused, and never read past its end. */
static void test_cut(void **state)
{
    (void)state;
    static const char whole[] = "a.\"b\" = \"x\\u00e9\"\n[t]\nc = [1, { d = 'y' }]\ne = \"\"\"z\n\"\"\"\nf = 1979-05-27 07:32:00\n[[g]]\nh = true # i\r\n";
    for (size_t len = 0; len <= strlen(whole); len++) {
        char *copy = malloc(len > 0 ? len : 1);
        assert_non_null(copy);
        memcpy(copy, whole, len);
        struct text got = {0};
        struct error err = {0};
        bool ok = toml_read(copy, len, "x.toml", on_value, &got, &err);
        assert_true(ok || err.code == ERR_CONFIG);
        text_free(&got);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_paths), cmocka_unit_test(test_passed_over), cmocka_unit_test(test_refused), cmocka_unit_test(test_nesting), cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests_name("toml", tests, NULL, NULL);
}
