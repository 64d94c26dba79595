/* test_runner.c: tests/run-tests counts what passed and failed, whatever a program does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "support/files.h"
#include "support/process.h"

/* A program that writes the results of a group `name` as cmocka does. */
#define GROUP(name, tests, failures, errors, skipped)                                                                                \
    "cat >\"${CMOCKA_XML_FILE%/*}/" name ".xml\" <<'END'\n<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<testsuites>\n"               \
    "  <testsuite name=\"" name "\" time=\"0.001\" tests=\"" #tests "\" failures=\"" #failures "\" errors=\"" #errors                \
    "\" skipped=\"" #skipped "\" >\n    <testcase name=\"the_case\" time=\"0.000\" >\n"                                              \
    "      <failure><![CDATA[two lines\nof words]]></failure>\n    </testcase>\n  </testsuite>\n</testsuites>\nEND\n"

/* Runs the runner on one made-up program; *p keeps its output. */
static void run(const char *script, const char *seconds, struct process *p, char totals[64])
{
    char dir[FILES_PATH], runner[FILES_PATH + 40], program[FILES_PATH + 40], text[2000], limit[60];
    const char *srcdir = getenv("srcdir");
    FILE *in;
    files_folder(dir);
    snprintf(runner, sizeof runner, "%s/tests/run-tests", srcdir ? srcdir : ".");
    snprintf(limit, sizeof limit, "TEST_SECONDS=%s", seconds);
    snprintf(text, sizeof text, "#!/bin/sh\n%s", script);
    files_write(dir, "program", text);
    snprintf(program, sizeof program, "%s/program", dir);
    assert_int_equal(chmod(program, 0755), 0);
    process_run(p, dir, (const char *const[]){runner, "totals", "program", NULL}, (const char *const[]){limit, NULL});
    snprintf(program, sizeof program, "%s/totals", dir);
    in = fopen(program, "re");
    assert_non_null(in);
    assert_non_null(fgets(totals, 64, in));
    fclose(in);
    files_remove(dir);
}

static void check(const char *script, const char *totals, const char *line, int code)
{
    struct process p = {0};
    char counted[64];
    run(script, "60", &p, counted);
    assert_string_equal(counted, totals);
    if (!strstr(p.out, line))
        fail_msg("no line '%s' in:\n%s", line, p.out);
    assert_int_equal(p.exit, code);
    process_free(&p);
}

static void passes_are_counted_over_groups(void **state)
{
    (void)state;
    check(GROUP("a", 3, 0, 0, 0) GROUP("b", 4, 0, 0, 0), "7 0\n", "ok    program: 7 passed\n7 passed, 0 failed\n", 0);
}

static void skipped_ones_count_as_neither(void **state)
{
    (void)state;
    check(GROUP("a", 3, 0, 0, 1) "echo 'not run here: no server'\n", "2 0\n",
          "ok    program: 2 passed, 1 skipped\n      not run here: no server\n2 passed, 0 failed\n", 0);
}

static void failures_are_shown(void **state)
{
    (void)state;
    check("echo words of its own\n" GROUP("a", 3, 2, 0, 0) "exit 2\n", "1 2\n",
          "FAIL  program: 1 passed, 2 failed\n  failed: the_case\n    two lines\n    of words\n    words of its own\n1 passed, 2 failed\n", 1);
}

static void a_failed_setup_is_one_failure(void **state)
{
    (void)state;
    check(GROUP("a", 0, 0, 1, 0) GROUP("b", 4, 0, 0, 0) "exit 1\n", "4 1\n", "FAIL  program: 4 passed, 1 failed\n", 1);
}

static void a_crash_is_one_failure(void **state)
{
    (void)state;
    check("kill -SEGV $$\n", "0 1\n", "FAIL  program: 0 passed, 1 failed, ended with code 139\n", 1);
    check(GROUP("a", 3, 0, 0, 0) "exit 23\n", "3 1\n", "FAIL  program: 3 passed, 1 failed, ended with code 23\n", 1);
}

static void silence_is_a_failure(void **state)
{
    (void)state;
    check("exit 0\n", "0 1\n", "FAIL  program: 0 passed, 1 failed, said nothing\n", 1);
    check("echo 'not run here: no server'\n", "0 0\n", "      not run here: no server\n0 passed, 0 failed\n", 1);
}

static void time_runs_out(void **state)
{
    struct process p = {0};
    char counted[64];
    (void)state;
    run("sleep 1000\n", "0.2", &p, counted);
    assert_string_equal(counted, "0 1\n");
    assert_non_null(strstr(p.out, "ended after 0.2 s or killed"));
    process_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_are_counted_over_groups), cmocka_unit_test(skipped_ones_count_as_neither),
        cmocka_unit_test(failures_are_shown),             cmocka_unit_test(a_failed_setup_is_one_failure),
        cmocka_unit_test(a_crash_is_one_failure),         cmocka_unit_test(silence_is_a_failure),
        cmocka_unit_test(time_runs_out),
    };
    return cmocka_run_group_tests_name("runner", tests, NULL, NULL);
}
