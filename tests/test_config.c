/* test_config.c: the configuration as the built program shows it and fails on it: `jetbase config`, warnings of unknown names, broken files with their line, and what may never be shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/files.h"
#include "support/process.h"
#include "support/run.h"

static char dir[FILES_PATH];

static int setup(void **state)
{
    char path[FILES_PATH + 40];
    (void)state;
    files_folder(dir);
    snprintf(path, sizeof path, "%s/jetbase", dir);
    if (mkdir(path, 0755) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/jetbase/migrations", dir);
    return mkdir(path, 0755);
}

static int teardown(void **state)
{
    (void)state;
    files_remove(dir);
    return 0;
}

/* Runs `jetbase WORD…` in the project; env: one more variable, or NULL. */
static void jetbase(struct process *p, const char *env, const char *a, const char *b, const char *c)
{
    const char *const argv[] = { process_jetbase(), a, b, c, NULL };
    const char *const more[] = { env, NULL };
    char path[FILES_PATH + 40];
    snprintf(path, sizeof path, "%s/jetbase", dir);
    process_run(p, path, argv, more);
}

/* Runs it and compares all that it says; NULL: not compared. */
static void says(const char *env, const char *a, const char *b, const char *c, int code, const char *out, const char *err)
{
    struct process p;
    jetbase(&p, env, a, b, c);
    if (p.exit != code || (out && strcmp(p.out, out) != 0) || (err && strcmp(p.err, err) != 0))
        fail_msg("jetbase %s %s\n[exit %d]\n[stdout]\n%s[stderr]\n%s[expected]\n%s%s", a, b ? b : "", p.exit, p.out, p.err, out ? out : "", err ? err : "");
    process_free(&p);
}

static json_t *settings(const char *env, const char *a, const char *b, const char *c)
{
    struct process p;
    jetbase(&p, env, a, b, c);
    assert_int_equal(p.exit, 0);
    json_t *json = json_loads(p.out, 0, NULL);
    assert_non_null(json);
    process_free(&p);
    return json;
}

static void test_nothing(void **state)
{
    (void)state;
    says(NULL, "config", NULL, NULL, 0,
         "sqlalchemy_url            (none)  default\n"
         "postgres_schema           (none)  default\n"
         "skip_validation           false   default\n"
         "skip_checksum_validation  false   default\n"
         "skip_file_validation      false   default\n"
         "lock_timeout              (none)  default\n"
         "statement_timeout         (none)  default\n"
         "lock_wait                 (none)  default\n"
         "lock_retry                0       default\n",
         "");
    json_t *json = settings(NULL, "config", "--json", NULL);
    assert_int_equal(json_integer_value(json_object_get(json, "schema")), 1);
    assert_int_equal(json_array_size(json_object_get(json, "settings")), 9);
    assert_null(run_text(json, "settings.0.value"));
    assert_string_equal(run_text(json, "settings.0.from"), "default");
    assert_null(run_text(json, "settings.0.line"));
    json_decref(json);
}

static void write_all_sources(void)
{
    files_write(dir, "jetbase/env.py", "import os\n\nsqlalchemy_url = f\"postgresql://app:{os.getenv('PW', 'geheim')}@db.example/shop\"\nlock_retry = 3\n");
    files_write(dir, "jetbase/jetbase.toml", "sqlalchemy_url = \"postgresql://app:geheim@db.example/other\"\npostgres_schema = \"App\"\nlock_timeout = '500ms'\nstatement_timeout = 120\n");
    files_write(dir, "pyproject.toml", "[project]\nname = \"x\"\n[tool.jetbase]\npostgres_schema = \"far\"\nskip_file_validation = true\nlock_wait = \"forever\"\n");
}

static void test_sources(void **state)
{
    (void)state;
    write_all_sources();
    says("JETBASE_SKIP_VALIDATION=TRUE", "config", NULL, NULL, 0,
         "sqlalchemy_url            postgresql://app:***@db.example/shop  env.py:3\n"
         "postgres_schema           App                                   jetbase.toml:2\n"
         "skip_validation           true                                  JETBASE_SKIP_VALIDATION\n"
         "skip_checksum_validation  false                                 default\n"
         "skip_file_validation      true                                  ../pyproject.toml:5\n"
         "lock_timeout              500ms                                 jetbase.toml:3\n"
         "statement_timeout         120s                                  jetbase.toml:4\n"
         "lock_wait                 forever                               ../pyproject.toml:6\n"
         "lock_retry                3                                     env.py:4\n"
         "sqlalchemy_url of jetbase.toml:1 does not count: env.py:3 goes before it.\n"
         "postgres_schema of ../pyproject.toml:4 does not count: jetbase.toml:2 goes before it.\n",
         "");
    json_t *json = settings("JETBASE_SQLALCHEMY_URL=sqlite:///v.db", "config", "--json", "--url=sqlite:///o.db");
    assert_string_equal(run_text(json, "settings.0.name"), "sqlalchemy_url");
    assert_string_equal(run_text(json, "settings.0.value"), "sqlite:///o.db");
    assert_string_equal(run_text(json, "settings.0.from"), "--url");
    assert_string_equal(run_text(json, "settings.0.shadowed.0.from"), "env.py");
    assert_string_equal(run_text(json, "settings.0.shadowed.1.from"), "JETBASE_SQLALCHEMY_URL");
    assert_string_equal(run_text(json, "settings.0.shadowed.2.from"), "jetbase.toml");
    assert_int_equal(json_array_size(json_object_get(json_array_get(json_object_get(json, "settings"), 0), "shadowed")), 3);
    assert_string_equal(run_text(json, "settings.4.from"), "../pyproject.toml");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(json, "settings"), 4), "line")), 5);
    assert_true(json_is_true(json_object_get(json_array_get(json_object_get(json, "settings"), 4), "value")));
    json_decref(json);
}

/* No database is asked, and none is made. */
static void test_no_database(void **state)
{
    char path[FILES_PATH + 40];
    (void)state;
    files_write(dir, "jetbase/env.py", "sqlalchemy_url = 'sqlite:///never.db'\n");
    says(NULL, "config", NULL, NULL, 0, NULL, "");
    snprintf(path, sizeof path, "%s/jetbase/never.db", dir);
    assert_int_not_equal(access(path, F_OK), 0);
    files_write(dir, "jetbase/env.py", "sqlalchemy_url = 'postgresql://u:p@127.0.0.1:1/d'\n");
    says(NULL, "config", NULL, NULL, 0, NULL, "");
}

/* For tests that open a database. */
static void need_sqlite(void)
{
    if (!sandbox_has(SANDBOX_SQLITE))
        skip();
}

/* Unknown names: a warning, once, also under --quiet, never an error. */
static void test_unknown(void **state)
{
    (void)state;
    need_sqlite();
    files_write(dir, "jetbase/env.py", "import os\nuser = host = 'x'\nskip = True\nsqlalchemy_url_test = 'sqlite:///t.db'\nDATABASE_URL = 'y'\nsqlalchemy_url = 'sqlite:///a.db'\nSKIP_VALIDATION = True\n");
    files_write(dir, "jetbase/jetbase.toml", "sqlalchemy_ur = 'x'\nfoo = 2\nsnowflake_private_key = 'k'\n[target.prod]\nurl = 'a'\nname = 'b'\n[jetbase]\nskip_validation = true\n");
    files_write(dir, "pyproject.toml", "[tool.other]\nsqlalchemy_url = 'x'\n[jetbase]\npostgres_schema = 'x'\n[tool.jetbase]\npostgres-schema = 'x'\n[tool.jetbase.prod]\nskip_validation = true\n");
    says("JETBASE_POSTGRES_SHEMA=x", "status", "--quiet", NULL, 0, NULL,
         "warning: env.py:7: 'SKIP_VALIDATION' is not a setting of jetbase and is ignored; did you mean skip_validation?\n"
         "warning: the environment variable JETBASE_POSTGRES_SHEMA is not a setting of jetbase and is ignored; did you mean JETBASE_POSTGRES_SCHEMA?\n"
         "warning: jetbase.toml:1: 'sqlalchemy_ur' is not a setting of jetbase and is ignored; did you mean sqlalchemy_url?\n"
         "warning: jetbase.toml:2: 'foo' is not a setting of jetbase and is ignored.\n"
         "warning: jetbase.toml:8: 'jetbase.skip_validation' is not a setting of jetbase and is ignored; skip_validation belongs at the top of the file, before every [table].\n"
         "warning: ../pyproject.toml:4: 'jetbase.postgres_schema' is not a setting of jetbase and is ignored; settings belong into [tool.jetbase].\n"
         "warning: ../pyproject.toml:6: 'postgres-schema' is not a setting of jetbase and is ignored; did you mean postgres_schema?\n"
         "warning: ../pyproject.toml:8: 'prod.skip_validation' is not a setting of jetbase and is ignored; skip_validation belongs directly into [tool.jetbase].\n"
         "warning: jetbase.toml:6: 'name' is not a setting of a target, as [target.prod] of jetbase.toml has it.\n");
}

/* The warning matters most where the command fails for want of the setting. */
static void test_unknown_and_missing(void **state)
{
    struct process p;
    (void)state;
    files_write(dir, "jetbase/env.py", "sqlalchmy_url = 'sqlite:///a.db'\n");
    jetbase(&p, NULL, "upgrade", NULL, NULL);
    assert_int_equal(p.exit, 2);
    assert_non_null(strstr(p.err, "warning: env.py:1: 'sqlalchmy_url' is not a setting of jetbase and is ignored; did you mean sqlalchemy_url?\n"));
    assert_non_null(strstr(p.err, "error: Configuration 'sqlalchemy_url' not found."));
    process_free(&p);
}

/* Who names no target is told that there are some. */
static void test_only_targets(void **state)
{
    struct process p;
    (void)state;
    files_write(dir, "jetbase/jetbase.toml", "[target.prod]\nurl = \"sqlite:///prod.db\"\n[target.ci]\nurl = \"sqlite:///ci.db\"\n");
    jetbase(&p, NULL, "upgrade", NULL, NULL);
    assert_int_equal(p.exit, 2);
    assert_non_null(strstr(p.err, "error: Configuration 'sqlalchemy_url' not found."));
    assert_non_null(strstr(p.err, "jetbase.toml has targets: --target prod, for instance."));
    process_free(&p);
}

/* Broken files: file, line and column, the line itself, its caret. A broken pyproject.toml fails even where env.py says all. */
static void test_broken(void **state)
{
    (void)state;
    files_write(dir, "jetbase/env.py", "sqlalchemy_url = 'sqlite:///a.db'\npostgres_schema = ''\nskip_validation = skip_checksum_validation = skip_file_validation = False\n");
    files_write(dir, "pyproject.toml", "[project]\nx = \n");
    says(NULL, "status", NULL, NULL, 2, "", "../pyproject.toml:2:5: error: Invalid value\n  x = \n      ^\n");
    says(NULL, "config", NULL, NULL, 2, "", "../pyproject.toml:2:5: error: Invalid value\n  x = \n      ^\n");
    says(NULL, "current", "--json", NULL, 2, "{\"schema\":1,\"error\":{\"code\":\"config\",\"message\":\"Invalid value\",\"detail\":null,\"hint\":null,\"file\":\"../pyproject.toml\",\"line\":2,\"column\":5,\"sqlstate\":null},\"exit\":2}\n", "");
    files_write(dir, "jetbase/jetbase.toml", "# \xC3\xA9\n\xC3\xA9 = yes\n");
    says(NULL, "status", NULL, NULL, 2, "", "jetbase.toml:2:1: error: Invalid initial character for a key part\n  \xC3\xA9 = yes\n  ^\n");
    files_write(dir, "jetbase/env.py", "x = 1\nsqlalchemy_url = ('sqlite:///a.db'\n");
    says(NULL, "status", NULL, NULL, 2, "", "env.py:2:18: error: A bracket is not closed.\n  sqlalchemy_url = ('***'\n                   ^\nHINT: env.py must be Python; it is read here, never run.\n");
    files_write(dir, "jetbase/env.py", "x = 1\ny = '\xE9'\n");
    says(NULL, "status", NULL, NULL, 2, "", "env.py:2:6: error: env.py is not UTF-8 text.\n  y = '***'\n       ^\nHINT: Save the file as UTF-8.\n");
    files_write_bytes(dir, "jetbase/env.py", "x = 1\0\n", 7);
    says(NULL, "status", NULL, NULL, 2, "", "env.py:1:6: error: env.py holds a NUL byte and is no text.\n  x = 1^@\n       ^\nHINT: Save the file as UTF-8.\n");
}

/* Configuration has an end: a file that has grown to more than a megabyte is something else. */
static void test_large(void **state)
{
    static char text[(1 << 20) + 2];
    (void)state;
    memset(text, '#', sizeof text - 1);
    files_write(dir, "jetbase/jetbase.toml", text);
    says(NULL, "config", NULL, NULL, 2, "", "error: jetbase.toml is larger than 1048576 bytes.\n");
}

/* What is no file, in the place of one. */
static void test_no_file(void **state)
{
    static const char *const names[] = { "env.py", "jetbase.toml", "pyproject.toml" };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[FILES_PATH + 80], want[200];
        snprintf(path, sizeof path, "%s/jetbase/%s", dir, names[i]);
        assert_int_equal(mkdir(path, 0755), 0);
        snprintf(want, sizeof want, "error: %s is a directory, not a file.\nHINT: Move it elsewhere, or put a regular file in its place.\n", names[i]);
        says(NULL, "status", NULL, NULL, 2, "", want);
        assert_int_equal(rmdir(path), 0);
    }
}

/* Wrong types, in Jetbase's words. */
static void test_types(void **state)
{
    (void)state;
    files_write(dir, "jetbase/jetbase.toml", "sqlalchemy_url = 'sqlite:///a.db'\nskip_validation = \"true\"\n");
    says(NULL, "status", NULL, NULL, 2, "",
         "jetbase.toml:2:19: error: skip_validation must be bool, got str. Value: 'true'\n  skip_validation = \"***\"\n                    ^\nHINT: It comes from jetbase.toml.\n");
    says("JETBASE_SKIP_VALIDATION=1", "lock-status", NULL, NULL, 2, "", "error: skip_validation must be bool, got str. Value: '1'\nHINT: It comes from JETBASE_SKIP_VALIDATION, which may be true or false.\n");
    says("JETBASE_SKIP_VALIDATION=", "unlock", NULL, NULL, 2, "", "error: skip_validation must be bool, got str. Value: ''\nHINT: It comes from JETBASE_SKIP_VALIDATION, which may be true or false.\n");
    says("JETBASE_SKIP_VALIDATION=1", "new", "x", NULL, 0, NULL, "");
}

/* A variable that env.py needs is named; load_dotenv() is not run and said so. */
static void test_unset(void **state)
{
    struct process p;
    (void)state;
    need_sqlite();
    files_write(dir, "jetbase/env.py", "import os\nfrom dotenv import load_dotenv\nload_dotenv()\nsqlalchemy_url = os.environ['SHOP_URL']\n");
    jetbase(&p, NULL, "status", NULL, NULL);
    assert_int_equal(p.exit, 2);
    assert_non_null(strstr(p.err, "env.py:4:18: error: sqlalchemy_url can't be read from env.py, which is never run: the environment variable SHOP_URL is not set, and load_dotenv() in line 3, which is not run, may set it."));
    assert_non_null(strstr(p.err, "HINT: Set that variable"));
    process_free(&p);
    says("SHOP_URL=sqlite:///a.db", "current", NULL, NULL, 0, "No migrations have been applied yet.\n", "");
}

/* Whatever is wrong with a file, what may be a password is not shown. */
static void test_nothing_secret(void **state)
{
    static const char *const tomls[] = {
        "sqlalchemy_url = postgresql://u:geheim@h/d\n", "sqlalchemy_url = \"postgresql://u:geheim@h/d\n", "sqlalchemy_url = postgresql://u:my geheim@h/d\"\n", "db_password = geheim\n", "PASSWD=geheim\n", "x = u:geheim@h\n",
        "x = '''\ngeheim\n", "x = \"\"\"\ngeheim\\q\"\"\"\n", "x = '''\ngeheim''' y\n", "a = \"geheim\" b\n", "x = 'geheim' 'geheim'\n", "x = 1 # geheim \x01\n", "x = \"a\\\"geheim\" y\n", "skip_validation = \"geheim\n",
        "x = 'don\\'t' # ' \"geheim\ny = \n", "x = [ 'geheim', y ]\n", "x = \"# geheim\" '\n", "token = [ geheim ]\n", "sqlalchemy_url = ['geheim']\n", "sqlalchemy_url = 'oracle://u:geheim@h'\n",
    };
    static const char *const pythons[] = {
        "sqlalchemy_url = 'geheim' + x\n", "sqlalchemy_url = f(\n 'geheim')\n", "sqlalchemy_url = 'geheim\n", "x = \"\"\"\ngeheim\n", "x = '''\ngeheim''' $\n", "sqlalchemy_url = 'a\\\ngeheim' $\n", "sqlalchemy_url = 'a\\\r\ngeheim' $\n", "PASSWORD = geheim $\n",
        "sqlalchemy_url = b'geheim'\n", "sqlalchemy_url = f'{x}geheim{y}'\n", "sqlalchemy_url = f\"a{q(os.environ.get(\"PW\", \"geheim\"))}b\"\n", "sqlalchemy_url = rf'a{q('geheim')}b'\n", "cf'''{\"'''\n'geheim\n\"}", "x = f'''{q(\n 'geheim'\n)}''' $\n", "sqlalchemy_url = f\"\"\"a{q(\"geheim\"\n, \"geheim\")}geheim\"\"\" $\n", "x = $ # geheim\n", "sqlalchemy_url = postgresql://u:geheim@h\nx = $\n", "sqlalchemy_url = 'postgresql://u:geheim@h/d'.strip()\n",
    };
    struct process p;
    (void)state;
    for (size_t i = 0; i < sizeof tomls / sizeof *tomls + sizeof pythons / sizeof *pythons; i++) {
        bool toml = i < sizeof tomls / sizeof *tomls;
        const char *text = toml ? tomls[i] : pythons[i - sizeof tomls / sizeof *tomls];
        files_write(dir, "jetbase/jetbase.toml", toml ? text : "");
        files_write(dir, "jetbase/env.py", toml ? "" : text);
        jetbase(&p, NULL, "status", "--verbose", NULL);
        if (strstr(p.out, "geheim") || strstr(p.err, "geheim") || p.exit != 2)
            fail_msg("%s[exit %d]\n%s%s", text, p.exit, p.out, p.err);
        process_free(&p);
    }
}

/* What is no migration is passed over; --verbose tells. */
static void test_passed_over(void **state)
{
    static const char *const commands[] = { "status", "upgrade", "validate-files", "fix", "rollback" };
    struct process p;
    (void)state;
    need_sqlite();
    files_write(dir, "jetbase/env.py", "sqlalchemy_url = 'sqlite:///a.db'\n");
    files_write(dir, "jetbase/migrations/V1__a.sql", "CREATE TABLE a (id INTEGER);\n-- rollback\nDROP TABLE a;\n");
    files_write(dir, "jetbase/migrations/README.md", "x");
    files_write(dir, "jetbase/migrations/sub/.gitkeep", "");
    files_write(dir, "jetbase/migrations/a\x1b[31mb", "");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        jetbase(&p, NULL, commands[i], "--verbose", NULL);
        assert_int_equal(p.exit, 0);
        assert_non_null(strstr(p.err, "migrations/README.md is no migration and is passed over\n"));
        assert_non_null(strstr(p.err, "migrations/sub/.gitkeep is no migration and is passed over\n"));
        assert_non_null(strstr(p.err, "migrations/a^[[31mb is no migration and is passed over\n"));
        assert_null(strstr(p.err, "V1__a.sql is no migration"));
        process_free(&p);
        jetbase(&p, NULL, commands[i], NULL, NULL);
        assert_int_equal(p.exit, 0);
        assert_string_equal(p.err, "");
        process_free(&p);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing), TEST(test_sources), TEST(test_no_database), TEST(test_unknown), TEST(test_unknown_and_missing), TEST(test_only_targets), TEST(test_broken), TEST(test_large), TEST(test_no_file), TEST(test_types), TEST(test_unset), TEST(test_nothing_secret), TEST(test_passed_over),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
