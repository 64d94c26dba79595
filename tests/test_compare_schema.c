/* test_compare_schema.c: the script that sets jetbase's work beside psql's and sqlite3's tells equal from different. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "support/sandbox.h"

static bool has(const char *program)
{
    char line[100];
    snprintf(line, sizeof line, "command -v %s >/dev/null", program);
    return system(line) == 0;
}

/* Three files: one that the client can't run, one with its own BEGIN, each but that with a way back. */
static void write_files(const struct sandbox *sb)
{
    sandbox_file(sb, "V1__a.sql", "CREATE TABLE a (x INTEGER\r\n);\r\nINSERT INTO a VALUES (1);\r\n-- rollback\r\nDROP TABLE a;\r\n");
    sandbox_file(sb, "V2__b.sql", "CREATE TABLE half (x INTEGER);\nINSERT INTO nowhere VALUES (1);\n");
    sandbox_file(sb, "V10__c.sql", "BEGIN;\nINSERT INTO a VALUES (2);\nCREATE VIEW v AS SELECT x FROM a;\nCOMMIT;\n-- rollback\nDROP VIEW v;\nDELETE FROM a WHERE x = 2;\n");
}

/* Runs the script on the files; program NULL: the one under test. */
static void compare(const struct sandbox *sb, const char *program, int code, const char *const *says)
{
    const char *srcdir = getenv("srcdir");
    char script[4200], folder[300];
    const char *const argv[] = { "/bin/bash", script, "--jetbase", program ? program : process_jetbase(), sb->kind == SANDBOX_SQLITE ? "sqlite" : "postgres", folder, NULL };
    struct process p;
    snprintf(script, sizeof script, "%s/tests/compare-schema", srcdir ? srcdir : ".");
    snprintf(folder, sizeof folder, "%s/migrations", sb->dir);
    process_run(&p, ".", argv, NULL);
    for (; *says && p.exit == code; says++)
        if (!strstr(p.out, *says))
            fail_msg("it does not say: %s\n%s%s", *says, p.out, p.err);
    if (p.exit != code)
        fail_msg("exit %d, not %d\n%s%s", p.exit, code, p.out, p.err);
    process_free(&p);
}

static void tells_equal(enum sandbox_kind kind)
{
    static const char *const says[] = {
        "client: V2__b.sql left out: ", "upgrade: equal ", "upgrade: 2 of 3 files, 0 with a directive, 0 by hand", "rollback: equal (", "rollback: 2 files, 2 of them with a rollback part, 0 by hand", NULL,
    };
    struct sandbox sb;
    if (!sandbox_has(kind) || !has(kind == SANDBOX_SQLITE ? "sqlite3" : "psql") || !has("pg_dump")) {
        print_message("not run here: no sqlite3, psql or pg_dump\n");
        skip();
    }
    sandbox_open(&sb, kind);
    write_files(&sb);
    compare(&sb, NULL, 0, says);
    sandbox_close(&sb);
}

static void equal_on_sqlite(void **state)
{
    (void)state;
    tells_equal(SANDBOX_SQLITE);
}

static void equal_on_postgres(void **state)
{
    (void)state;
    tells_equal(SANDBOX_POSTGRES);
}

/* A jetbase that adds a row of its own is caught. */
static void different(void **state)
{
    static const char *const says[] = { "upgrade: DIFFERS (1 lines", "> INSERT INTO a VALUES(3);", NULL };
    struct sandbox sb;
    char path[300];
    FILE *file;
    (void)state;
    if (!sandbox_has(SANDBOX_SQLITE) || !has("sqlite3"))
        skip();
    sandbox_open(&sb, SANDBOX_SQLITE);
    write_files(&sb);
    snprintf(path, sizeof path, "%s/liar", sb.dir);
    file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "#!/bin/bash\n'%s' \"$@\" || exit\nurl=$4\n[ \"$6\" != upgrade ] || sqlite3 \"${url#sqlite:///}\" 'INSERT INTO a VALUES (3)'\n", process_jetbase());
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0755), 0);
    compare(&sb, path, 1, says);
    sandbox_close(&sb);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(equal_on_sqlite), cmocka_unit_test(equal_on_postgres), cmocka_unit_test(different) };
    return cmocka_run_group_tests_name("compare_schema", tests, NULL, NULL);
}
