/* torture.c: runs a hard file through the program, and looks at what is left. */
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/run.h"

enum { CASES_MOST = 128 };

static enum sandbox_kind kind_now;

/* Whatever a file may have made. */
static int64_t made(const struct sandbox *sb)
{
    if (sb->kind == SANDBOX_SQLITE)
        return sandbox_number(sb, "SELECT (SELECT count(*) FROM sqlite_master WHERE tbl_name NOT LIKE 'jetbase@_%' ESCAPE '@' AND name NOT LIKE 'sqlite@_%' ESCAPE '@') + (SELECT user_version FROM pragma_user_version)");
    return sandbox_number(sb, "SELECT (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname !~ '^(pg_|information_schema)' AND relname !~ 'jetbase_' AND relkind <> 'i')"
                              " + (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace)"
                              " + (SELECT count(*) FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd'))");
}

static int64_t own_tables(const struct sandbox *sb)
{
    return sandbox_number(sb, sb->kind == SANDBOX_SQLITE ? "SELECT count(*) FROM sqlite_master WHERE name LIKE 'jetbase@_%' ESCAPE '@'" : "SELECT count(*) FROM pg_class WHERE relname ~ '^jetbase_'");
}

static int64_t applied(const struct sandbox *sb)
{
    return own_tables(sb) == 0 ? 0 : sandbox_number(sb, "SELECT count(*) FROM jetbase_migrations");
}

static void write_file(const struct sandbox *sb, const struct torture *t)
{
    char path[400];
    snprintf(path, sizeof path, "%s/migrations/V1__t.sql", sb->dir);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(t->text, 1, t->len, file), t->len);
    assert_int_equal(fclose(file), 0);
}

static void check_rollback(const struct sandbox *sb, const struct torture *t)
{
    bool works = t->back[0] == '\0';
    run_has(sb, "rollback", works ? 0 : 1, NULL, works ? NULL : t->back);
    assert_int_equal(applied(sb), works ? 0 : 1);
    if (works)
        assert_int_equal(made(sb), 0);
    else
        assert_true(made(sb) > 0);
}

static void run_case(void **state)
{
    const struct torture *t = *state;
    struct sandbox sb;
    sandbox_open(&sb, kind_now);
    write_file(&sb, t);
    run_has(&sb, "upgrade", t->error ? 1 : 0, NULL, t->error);
    if (t->refused)
        assert_int_equal(own_tables(&sb), 0);
    assert_int_equal(applied(&sb), t->error ? 0 : 1);
    if (t->error)
        assert_int_equal(made(&sb), 0);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", NULL);
    if (t->query) {
        char *got = sandbox_text(&sb, t->query);
        assert_string_equal(got, t->want);
        free(got);
    }
    if (t->back)
        check_rollback(&sb, t);
    sandbox_close(&sb);
}

int torture_group(const char *group, enum sandbox_kind kind, const struct torture *cases, size_t count)
{
    struct CMUnitTest tests[CASES_MOST];
    assert_true(count <= CASES_MOST);
    kind_now = kind;
    for (size_t i = 0; i < count; i++)
        tests[i] = (struct CMUnitTest){ .name = cases[i].name, .test_func = run_case, .initial_state = (void *)(uintptr_t)&cases[i] };
    return _cmocka_run_group_tests(group, tests, count, NULL, NULL);
}
