/* test_envpy.c: env.py read without being run: what is understood, and what is refused and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "envpy.h"

static void settings_free(struct setting settings[CONFIG_KEYS])
{
    for (int key = 0; key < CONFIG_KEYS; key++)
        setting_free(&settings[key]);
}

/* Reads a file and checks the URL: its value, or NULL for none. */
static void check_url(const char *text, const char *want)
{
    struct setting settings[CONFIG_KEYS] = {0};
    struct error err = {0};
    if (!envpy_read(text, strlen(text), "env.py", settings, NULL, NULL, &err))
        fail_msg("%s: %u: %s", text, err.place.line, err.message);
    struct setting *url = &settings[CONFIG_URL];
    if (want == NULL) {
        if (url->kind != SETTING_ABSENT)
            fail_msg("%s: not absent: %s", text, url->text);
    } else if (url->kind != SETTING_TEXT || strcmp(url->text, want) != 0) {
        fail_msg("%s: got %d %s", text, url->kind, url->text != NULL ? url->text : "nothing");
    }
    settings_free(settings);
}

/* The URL must be unreadable, because of this line. */
static void check_refused_as(enum setting_kind kind, const char *text, unsigned line, const char *why)
{
    struct setting settings[CONFIG_KEYS] = {0};
    struct error err = {0};
    assert_true(envpy_read(text, strlen(text), "env.py", settings, NULL, NULL, &err));
    struct setting *url = &settings[CONFIG_URL];
    if (url->kind != kind || url->line != line || strstr(url->text, why) == NULL)
        fail_msg("%s: got %d, line %u: %s", text, url->kind, url->line, url->text != NULL ? url->text : "nothing");
    settings_free(settings);
}

static void check_refused(const char *text, unsigned line, const char *why)
{
    check_refused_as(SETTING_UNREADABLE, text, line, why);
}

/* The URL comes from a variable that is not set. */
static void check_unset(const char *text, unsigned line, const char *why)
{
    check_refused_as(SETTING_UNSET, text, line, why);
}

/* Twenty ways to write an env.py: ten that are read, ten that are refused. */
static void test_twenty_forms(void **state)
{
    (void)state;
    setenv("JETBASE_TEST_A", "from-a", 1);
    unsetenv("JETBASE_TEST_B");
    check_url("sqlalchemy_url = \"sqlite:///app.db\"\n", "sqlite:///app.db");
    check_url("sqlalchemy_url: str = r'sqlite:///app.db'  # the file\n", "sqlite:///app.db");
    check_url("\"\"\"Configuration.\"\"\"\nsqlalchemy_url = (\n    'postgresql://u:p'  # who\n    '@h/d'\n)\n", "postgresql://u:p@h/d");
    check_url("import os\nsqlalchemy_url = os.environ[\"JETBASE_TEST_A\"]\n", "from-a");
    check_url("import os\nsqlalchemy_url = os.environ.get('JETBASE_TEST_B', 'sqlite:///app.db')\n", "sqlite:///app.db");
    check_url("from os import getenv\nsqlalchemy_url = getenv('JETBASE_TEST_B', default='d')\n", "d");
    check_url("import os\nsqlalchemy_url = f\"postgresql://u:{os.environ['JETBASE_TEST_A']}@{os.getenv('JETBASE_TEST_B', 'h')}:{5432}/{{d}}\"\n", "postgresql://u:from-a@h:5432/{d}");
    check_url("import os\nsqlalchemy_url = 'postgresql://u:' + os.environ['JETBASE_TEST_A'] + '@h/d'\n", "postgresql://u:from-a@h/d");
    check_url("sqlalchemy_url = \"\"\"sqlite:///app.db\"\"\"\nif __name__ == '__main__':\n    print(sqlalchemy_url)\n", "sqlite:///app.db");
    check_url("from dotenv import load_dotenv\nimport os\nload_dotenv()\nsqlalchemy_url = os.environ['JETBASE_TEST_A']\n", "from-a");
    check_refused("sqlalchemy_url = make_url()\n", 1, "computed, and `make_url`");
    check_refused("HOST = 'h'\nsqlalchemy_url = f'postgresql://{HOST}/d'\n", 2, "computed, and `HOST`");
    check_refused("sqlalchemy_url = 'postgresql://%s/d' % 'h'\n", 1, "computed, and `%`");
    check_refused("sqlalchemy_url = 'postgresql://{}/d'.format('h')\n", 1, "computed, and `.`");
    check_refused("import os\nsqlalchemy_url = os.getenv('JETBASE_TEST_B') or 'd'\n", 2, "computed, and `or`");
    check_refused("import os\nsqlalchemy_url = 'a' if os.getenv('CI') else 'b'\n", 2, "computed, and `if`");
    check_refused("import os\nif os.getenv('CI'):\n    sqlalchemy_url = 'a'\n", 3, "inside a block");
    check_refused("import settings\nsqlalchemy_url = settings.url\n", 2, "computed, and `settings`");
    check_refused("from settings import sqlalchemy_url\n", 1, "imported");
    check_unset("import os\nsqlalchemy_url = os.environ['JETBASE_TEST_B']\n", 2, "the environment variable JETBASE_TEST_B is not set");
    unsetenv("JETBASE_TEST_A");
}

static void test_f_strings(void **state)
{
    (void)state;
    setenv("JETBASE_TEST_A", "from-a", 1);
    unsetenv("JETBASE_TEST_B");
    check_url("sqlalchemy_url = f'plain' '{x}' F\"}}{{\"\n", "plain{x}}{");
    check_url("sqlalchemy_url = rf'a\\b{\"x\"}'\n", "a\\bx");
    check_url("sqlalchemy_url = f'\\x41{ \"B\" }{True}{-7}'\n", "ABTrue-7");
    check_url("sqlalchemy_url = f\"{os.environ[\"JETBASE_TEST_A\"]}\"\n", "from-a");
    check_url("sqlalchemy_url = f'''{os.environ.get(\"JETBASE_TEST_A\")}\n{f\"{'in'}\"}'''\n", "from-a\nin");
    check_refused("sqlalchemy_url = f'{os.getenv(\"JETBASE_TEST_B\")}'\n", 1, "None, or a variable that is not set");
    check_unset("sqlalchemy_url = f'{os.environ[\"JETBASE_TEST_B\"]}'\n", 1, "JETBASE_TEST_B is not set");
    check_refused("sqlalchemy_url = f'{\"a\"!r}'\n", 1, "computed");
    check_refused("sqlalchemy_url = f'{\"a\":>9}'\n", 1, "computed or formatted");
    check_refused("sqlalchemy_url = f'{}'\n", 1, "not complete");
    check_refused("sqlalchemy_url = f'a}b'\n", 1, "a brace too many");
    check_refused("sqlalchemy_url = f'{0x1f}'\n", 1, "no string");
    check_refused("sqlalchemy_url = f'{b\"x\"}'\n", 1, "no string");
    unsetenv("JETBASE_TEST_A");
}

/* load_dotenv() leaves alone what is set, and what is not set may come from its file. */
static void test_dotenv(void **state)
{
    (void)state;
    setenv("JETBASE_TEST_A", "from-a", 1);
    unsetenv("JETBASE_TEST_B");
    check_url("import os, dotenv\nfrom dotenv import find_dotenv, load_dotenv\nload_dotenv(find_dotenv(), verbose=True)\nsqlalchemy_url = os.getenv('JETBASE_TEST_A', 'd')\n", "from-a");
    check_url("import dotenv\ndotenv.load_dotenv('.env')\nsqlalchemy_url = os.environ['JETBASE_TEST_A']\n", "from-a");
    check_unset("from dotenv import load_dotenv\nload_dotenv()\nsqlalchemy_url = os.environ['JETBASE_TEST_B']\n", 3, "JETBASE_TEST_B is not set, and load_dotenv() in line 2, which is not run, may set it");
    check_unset("from dotenv import load_dotenv\nload_dotenv()\nsqlalchemy_url = os.getenv('JETBASE_TEST_B', 'd')\n", 3, "line 2");
    check_refused("from dotenv import load_dotenv\nload_dotenv(override=True)\nsqlalchemy_url = os.environ['JETBASE_TEST_A']\n", 3, "which line 2 may change");
    check_refused("from dotenv import load_dotenv\nload_dotenv(None, None, False, True)\nsqlalchemy_url = os.environ['JETBASE_TEST_A']\n", 3, "line 2");
    check_refused("from dotenv import load_dotenv\nload_dotenv(**options)\nsqlalchemy_url = os.environ['JETBASE_TEST_A']\n", 3, "line 2");
    check_refused("from dotenv import load_dotenv\nload_dotenv(path())\nsqlalchemy_url = os.environ['JETBASE_TEST_A']\n", 3, "line 2");
    check_refused("from settings import load_dotenv\nload_dotenv()\nsqlalchemy_url = os.environ['JETBASE_TEST_A']\n", 3, "line 2");
    check_refused("from dotenv import load_dotenv\ndef load_dotenv():\n    x()\nload_dotenv()\nsqlalchemy_url = os.environ['JETBASE_TEST_A']\n", 5, "line 4");
    check_url("from dotenv import load_dotenv\nload_dotenv(override=True)\nsqlalchemy_url = 'x'\n", "x");
    unsetenv("JETBASE_TEST_A");
}

static void on_name(void *user, const char *name, size_t len, unsigned line)
{
    char *names = user;
    size_t at = strlen(names);
    snprintf(names + at, 200 - at, "%u:%.*s;", line, (int)len, name);
}

static void test_names(void **state)
{
    (void)state;
    static const char text[] = "a = 1\nsqlalchemy_url = b = 'x'\nc: int = f()\nd.e = 1\ng, h = 1, 2\nif x:\n    i = 1\n";
    struct setting s[CONFIG_KEYS] = {0};
    struct error err = {0};
    char names[200] = "";
    assert_true(envpy_read(text, strlen(text), "env.py", s, on_name, names, &err));
    assert_string_equal(names, "1:a;2:b;3:c;");
    settings_free(s);
}

static void test_literals(void **state)
{
    (void)state;
    check_url("sqlalchemy_url = \"sqlite:///a.db\"\n", "sqlite:///a.db");
    check_url("sqlalchemy_url='x'", "x");
    check_url("\xEF\xBB\xBFsqlalchemy_url = 'x'\r\n", "x");
    check_url("# note\n\n\"\"\"Doc\nsqlalchemy_url = 'no'\n\"\"\"\nsqlalchemy_url = 'x' # yes\n", "x");
    check_url("sqlalchemy_url = r'a\\b'\n", "a\\b");
    check_url("sqlalchemy_url = 'a\\'\\\\\\x41\\u00e9\\101\\q\\\nb'\n", "a'\\A\xC3\xA9" "A\\qb");
    check_url("sqlalchemy_url = \"\"\"x\ny\"\"\"\n", "x\ny");
    check_url("sqlalchemy_url = ('a'\n   \"b\" # c\n   'd')\n", "abd");
    check_url("sqlalchemy_url = 'a' \\\n 'b'\n", "ab");
    check_url("sqlalchemy_url = 'a' + \"b\" + ('c')\n", "abc");
    check_url("sqlalchemy_url: str = 'x'\n", "x");
    check_url("url = sqlalchemy_url = 'x'; y = 1\n", "x");
    check_url("sqlalchemy_url = f'plain'\n", "plain");
    check_url("sqlalchemy_url = ''\n", "");
    check_url("sqlalchemy_url = None\n", NULL);
    check_url("x = 1\n", NULL);
    check_url("", NULL);
    check_url("sqlalchemy_url: str\n", NULL);
    check_url("sqlalchemy_url = 'a'\nsqlalchemy_url = 'b'\n", "b");
    check_url("sqlalchemy_url = f()\nsqlalchemy_url = 'b'\n", "b");
}

static void test_environment(void **state)
{
    (void)state;
    setenv("JETBASE_TEST_A", "from-a", 1);
    unsetenv("JETBASE_TEST_B");
    check_url("import os\nsqlalchemy_url = os.environ['JETBASE_TEST_A']\n", "from-a");
    check_url("import os\nsqlalchemy_url = os.environ.get('JETBASE_TEST_A', 'd')\n", "from-a");
    check_url("import os\nsqlalchemy_url = os.environ.get(\"JETBASE_TEST_B\", \"d\")\n", "d");
    check_url("from os import getenv\nsqlalchemy_url = getenv('JETBASE_TEST_B', getenv('JETBASE_TEST_A',),)\n", "from-a");
    check_url("import os\nsqlalchemy_url = os.getenv('JETBASE_TEST_B')\n", NULL);
    check_url("import os\nsqlalchemy_url = 'x' + os.environ['JETBASE_TEST_A']\n", "xfrom-a");
    check_unset("import os\nsqlalchemy_url = os.environ['JETBASE_TEST_B']\n", 2, "the environment variable JETBASE_TEST_B is not set");
    check_refused("import os\nsqlalchemy_url = 'x' + os.getenv('JETBASE_TEST_B')\n", 2, "no string");
    check_refused("import os\nx = 'A'\nsqlalchemy_url = os.environ[x]\n", 3, "computed");
    check_refused("from settings import load\nload()\nimport os\nsqlalchemy_url = os.environ['JETBASE_TEST_A']\n", 4, "which line 2 may change");
    check_refused("environ = {'JETBASE_TEST_A': 'z'}\nsqlalchemy_url = environ['JETBASE_TEST_A']\n", 2, "line 1");
    check_refused("def getenv(x):\n    return x\nsqlalchemy_url = getenv('JETBASE_TEST_A')\n", 3, "line 1");
    check_refused("from settings import getenv\nsqlalchemy_url = getenv('JETBASE_TEST_A')\n", 2, "line 1");
    check_refused("import fake as os\nsqlalchemy_url = os.environ['JETBASE_TEST_A']\n", 2, "line 1");
    check_refused("def f(x=change()):\n    pass\nsqlalchemy_url = os.environ['JETBASE_TEST_A']\n", 3, "line 1");
    check_url("from os import environ, getenv\nimport os, sys\nimport os.path\nsqlalchemy_url = environ['JETBASE_TEST_A']\n", "from-a");
    check_refused("import os\nsettings = load()\nsqlalchemy_url = os.environ['JETBASE_TEST_A']\n", 3, "which line 2 may change");
    check_refused("import os\nload = [lambda: os.environ.clear()][0]()\nsqlalchemy_url = os.environ['JETBASE_TEST_A']\n", 3, "line 2");
    check_refused("import os\nos.putenv('JETBASE_TEST_A', 'z')\nsqlalchemy_url = os.environ['JETBASE_TEST_A']\n", 3, "line 2");
    check_refused("import os\nos.environ.get('X').append(1)\nsqlalchemy_url = os.environ['JETBASE_TEST_A']\n", 3, "line 2");
    check_url("import os, sys\nfrom pathlib import Path\nBASE = Path(__file__).resolve().parent\nport = int(os.getenv('PORT', '5432'))\nsys.path.append(str(BASE))\nprint(BASE)\nsqlalchemy_url = os.environ['JETBASE_TEST_A']\n", "from-a");
    check_refused("import os\nos.environ['JETBASE_TEST_A'] = 'z'\nsqlalchemy_url = os.environ['JETBASE_TEST_A']\n", 3, "line 2");
    check_refused("import os\nif True:\n    os.environ.update(JETBASE_TEST_A='z')\nsqlalchemy_url = os.environ['JETBASE_TEST_A']\n", 4, "line 2");
    unsetenv("JETBASE_TEST_A");
}

/* Statements that have nothing to do with our names. */
static void test_passed_over(void **state)
{
    (void)state;
    check_url("import os, sys\nfrom pathlib import Path\nBASE = Path(__file__).parent\nsqlalchemy_url = 'x'\n", "x");
    check_url("print('hello')\nsqlalchemy_url = 'x'\n", "x");
    check_url("open('n.txt', 'a').write('x')\nsqlalchemy_url = 'x'\n", "x");
    check_url("sqlalchemy_url = 'x'\nif True:\n    y = 1\nelse:\n    y = 2\nfor i in (1, 2):\n  pass\n", "x");
    check_url("def f(sqlalchemy_url):\n    return 'a' + sqlalchemy_url\n\nsqlalchemy_url = 'x'\n", "x");
    check_url("sqlalchemy_url = 'x'\ny = sqlalchemy_url\nd = {'sqlalchemy_url': 1}\n", "x");
    check_url("sqlalchemy_url = 'x'\nif __name__ == '__main__':\n    sqlalchemy_url = 'y'\n    raise SystemExit\n", "x");
    check_url("sqlalchemy_url_old = 'y'\nsqlalchemy_url = 'x'\npass\n", "x");
    check_url("x = [\n  1,\n  2]\nsqlalchemy_url = 'x'", "x");
}

static void test_refused(void **state)
{
    (void)state;
    check_refused("\nsqlalchemy_url = f'sqlite:///{x}'\n", 2, "computed, and `x`");
    check_refused("sqlalchemy_url = build()\n", 1, "computed");
    check_refused("sqlalchemy_url = BASE\n", 1, "computed");
    check_refused("sqlalchemy_url = 'a' % b\n", 1, "computed");
    check_refused("sqlalchemy_url = 'a' if x else 'b'\n", 1, "computed");
    check_refused("sqlalchemy_url = 'a'\nsqlalchemy_url += 'b'\n", 2, "may change");
    check_refused("sqlalchemy_url, x = 'a', 'b'\n", 1, "together");
    check_refused("if x:\n    y = 1\n    sqlalchemy_url = 'a'\n", 3, "inside a block");
    check_refused("sqlalchemy_url = 'a'\nif prod: sqlalchemy_url = 'b'\n", 2, "inside a block");
    check_refused("try:\n  pass\nexcept E:\n  sqlalchemy_url = 'b'\n", 4, "inside a block");
    check_refused("from settings import *\n", 1, "can't be seen");
    check_refused("from settings import sqlalchemy_url\n", 1, "imported");
    check_refused("import settings as sqlalchemy_url\n", 1, "imported");
    check_refused("sqlalchemy_url = 'a'\nexec('sqlalchemy_url = 1')\n", 2, "unseen");
    check_refused("sqlalchemy_url = 'a'\nglobals()['sqlalchemy_url'] = 'b'\n", 2, "unseen");
    check_refused("sqlalchemy_url = 'a'\nglobals().update(u)\n", 2, "unseen");
    check_refused("sqlalchemy_url = 'a'\nif not ok:\n    raise SystemExit(1)\n", 2, "stop the program");
    check_refused("sqlalchemy_url = 'a'\nimport sys; sys.exit(1)\n", 2, "stop the program");
    check_refused("if prod:\n    raise SystemExit('not here')\nsqlalchemy_url = 'a'\n", 1, "stop the program");
    check_refused("assert ok\nsqlalchemy_url = 'a'\n", 1, "stop the program");
    check_refused("def guard():\n    raise SystemExit\nguard()\nsqlalchemy_url = 'a'\n", 3, "stop the program");
    check_refused("sqlalchemy_url = 'a'\ndef sqlalchemy_url():\n    pass\n", 2, "a function");
    check_refused("def f(x=(sqlalchemy_url := 'a')):\n    pass\n", 1, "the head of a function");
    check_refused("def f():\n    global sqlalchemy_url\n    sqlalchemy_url = 'b'\nsqlalchemy_url = 'a'\nf()\n", 5, "the function of line 1");
    check_refused("sqlalchemy_url = 'a'\ndel sqlalchemy_url\n", 2, "may change");
    check_refused("(sqlalchemy_url := 'a')\n", 1, "may change");
    check_refused("sqlalchemy_url = '\\N{DASH}'\n", 1, "escape");
    check_refused("sqlalchemy_url = 'a\\0b'\n", 1, "escape");
}

static void test_other_types(void **state)
{
    (void)state;
    static const char text[] = "skip_validation = True\nskip_checksum_validation = 'x'\nskip_file_validation = -1\npostgres_schema = 1.5\nsqlalchemy_url = b'x'\n";
    struct setting s[CONFIG_KEYS] = {0};
    struct error err = {0};
    assert_true(envpy_read(text, strlen(text), "env.py", s, NULL, NULL, &err));
    assert_int_equal(s[CONFIG_SKIP_VALIDATION].kind, SETTING_BOOL);
    assert_true(s[CONFIG_SKIP_VALIDATION].truth);
    assert_int_equal(s[CONFIG_SKIP_CHECKSUMS].kind, SETTING_TEXT);
    assert_int_equal(s[CONFIG_SKIP_FILES].kind, SETTING_INTEGER);
    assert_string_equal(s[CONFIG_SKIP_FILES].text, "-1");
    assert_int_equal(s[CONFIG_SKIP_FILES].line, 3);
    assert_int_equal(s[CONFIG_SCHEMA].kind, SETTING_OTHER);
    assert_string_equal(s[CONFIG_SCHEMA].text, "float");
    assert_int_equal(s[CONFIG_URL].kind, SETTING_OTHER);
    assert_string_equal(s[CONFIG_URL].text, "bytes");
    settings_free(s);
}

static void check_no_python(const char *text, unsigned line, unsigned column, const char *message)
{
    struct setting settings[CONFIG_KEYS] = {0};
    struct error err = {0};
    assert_false(envpy_read(text, strlen(text), "env.py", settings, NULL, NULL, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    assert_string_equal(err.place.file, "env.py");
    if (err.place.line != line || err.place.column != column || strstr(err.message, message) == NULL)
        fail_msg("%s: %u:%u: %s", text, err.place.line, err.place.column, err.message);
    assert_non_null(strstr(err.hint, "must be Python"));
    settings_free(settings);
}

static void test_no_python(void **state)
{
    (void)state;
    check_no_python("x = 1\nsqlalchemy_url = 'a\n", 2, 18, "Unterminated string");
    check_no_python("x = '''a\n\n", 1, 5, "Unterminated string");
    check_no_python("x = f'{a'\n", 1, 5, "a brace that is not closed");
    check_no_python("x = (1,\n2\n", 1, 5, "not closed");
    check_no_python("x = 1)\n", 1, 6, "never opened");
    check_no_python("x = (1]\n", 1, 7, "not the one last opened");
    check_no_python("x = \n", 1, 5, "A value is missing");
    check_no_python("y = 1; x =; z = 2\n", 1, 11, "A value is missing");
    check_no_python("= 1\n", 1, 1, "A name is missing");
    check_no_python("x = $y\n", 1, 5, "none of Python's");
    check_no_python("x = a ? b : c\n", 1, 7, "none of Python's");
    check_no_python("x = 1 \\ \n", 1, 7, "the end of the line");
    check_no_python("x = 1\n  y = 2\n", 2, 3, "Unexpected indent");
    check_no_python("  x = 1\n", 1, 3, "Unexpected indent");
    check_no_python("if x:\ny = 2\n", 1, 5, "An indented block is missing");
    check_no_python("def f():\n", 1, 8, "An indented block is missing");
}

/* Every beginning of a file is understood or refused, and never read past its end. */
static void test_cut(void **state)
{
    (void)state;
    static const char whole[] = "import os\nif a:\n    b(c)\nsqlalchemy_url: str = ('x' + os.environ.get('JETBASE_TEST_B', -1.5) + \"\"\"\\x41\"\"\" +\\\n rb'z')\nx = y = f(1)[2]\n";
    for (size_t len = 0; len <= strlen(whole); len++) {
        char *copy = malloc(len > 0 ? len : 1);
        assert_non_null(copy);
        memcpy(copy, whole, len);
        struct setting settings[CONFIG_KEYS] = {0};
        struct error err = {0};
        bool ok = envpy_read(copy, len, "env.py", settings, NULL, NULL, &err);
        assert_true(ok || err.code == ERR_CONFIG);
        settings_free(settings);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twenty_forms), cmocka_unit_test(test_f_strings), cmocka_unit_test(test_dotenv),      cmocka_unit_test(test_names),     cmocka_unit_test(test_literals), cmocka_unit_test(test_environment),
        cmocka_unit_test(test_passed_over),  cmocka_unit_test(test_refused),   cmocka_unit_test(test_other_types), cmocka_unit_test(test_no_python), cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests_name("envpy", tests, NULL, NULL);
}
