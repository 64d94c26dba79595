/* test_late.c: libraries that are loaded when they are first needed: no command loads one that it does not use, and one that is missing is told of by whoever needs it alone. */
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

#include "late.h"
#include "support/files.h"
#include "support/run.h"
#include "support/stage.h"

#define ANY_LIBRARY "libc.so.6"

/* What it lacks is named, and nothing is called that is not there. */
static void lacks_a_function(void **state)
{
    static const char *const names[] = { "puts", "no_such_function" };
    void *found[2] = { NULL, NULL };
    struct late library = { .file = ANY_LIBRARY, .names = names, .count = 2, .functions = found };
    struct error err;
    (void)state;
    error_clear(&err);
    assert_false(late_load(&library, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    assert_non_null(strstr(err.message, "the library " ANY_LIBRARY " has no no_such_function, which jetbase needs ("));
    library.count = 1;
    found[0] = NULL;
    assert_true(late_load(&library, &err));
    assert_non_null(found[0]);
    found[0] = NULL;
    assert_true(late_load(&library, &err)); /* once is enough */
    assert_null(found[0]);
}

#if defined LATE_NCURSES && (defined LATE_LIBPQ || !defined JETBASE_POSTGRES) && (defined LATE_SQLITE || !defined JETBASE_SQLITE)

#ifndef LATE_LIBPQ
#define LATE_LIBPQ "libpq.so"
#endif
#ifndef LATE_SQLITE
#define LATE_SQLITE "libsqlite3.so"
#endif

static const char *const libraries[] = { LATE_SQLITE, LATE_LIBPQ, LATE_NCURSES };

/* Does the loader tell that this library was loaded? */
static bool loads(const struct process *p, const char *library)
{
    char words[200];
    snprintf(words, sizeof words, "file=%s", library);
    return strstr(p->err, words) != NULL;
}

static void loads_only_its_own(enum sandbox_kind kind)
{
    static const char *const lines[] = { "upgrade", "status", "lock-status", "rollback" };
    struct sandbox sb;
    sandbox_open(&sb, kind);
    sandbox_steps(&sb, 2, 1);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *const argv[] = { process_jetbase(), lines[i], NULL }, *const env[] = { sb.variable, "LD_DEBUG=files", NULL };
        struct process p;
        process_run(&p, sb.dir, argv, env);
        assert_int_equal(p.exit, 0);
        for (size_t k = 0; k < sizeof libraries / sizeof *libraries; k++)
            if (loads(&p, libraries[k]) != (libraries[k] == libraries[kind]))
                fail_msg("%s on database %d: %s is%s loaded", lines[i], (int)kind, libraries[k], loads(&p, libraries[k]) ? "" : " not");
        process_free(&p);
    }
    sandbox_close(&sb);
}

static void loads_none(void **state)
{
    static const char *const lines[] = { "--version", "--help" };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *const argv[] = { process_jetbase(), lines[i], NULL }, *const env[] = { "LD_DEBUG=files", NULL };
        struct process p;
        process_run(&p, "/", argv, env);
        assert_int_equal(p.exit, 0);
        assert_true(loads(&p, "libc.so.")); /* else the loader tells nothing */
        for (size_t k = 0; k < sizeof libraries / sizeof *libraries; k++)
            assert_false(loads(&p, libraries[k]));
        process_free(&p);
    }
}

/* A folder where the loader finds what is no library under that name. */
static void break_library(char dir[FILES_PATH], const char *library, char variable[FILES_PATH + 40])
{
    files_folder(dir);
    files_write(dir, library, "no library\n");
    snprintf(variable, FILES_PATH + 40, "LD_LIBRARY_PATH=%s", dir);
}

static void missing(enum sandbox_kind kind)
{
    char dir[FILES_PATH], variable[FILES_PATH + 40], words[FILES_PATH + 100];
    struct sandbox sb;
    struct process p;
    const char *const argv[] = { process_jetbase(), "upgrade", NULL };
    sandbox_open(&sb, kind);
    sandbox_steps(&sb, 1, 1);
    break_library(dir, libraries[kind], variable);
    const char *const env[] = { sb.variable, variable, NULL };
    process_run(&p, sb.dir, argv, env);
    snprintf(words, sizeof words, "error: a library can't be loaded: %s/%s: ", dir, libraries[kind]);
    assert_int_equal(p.exit, error_exit_code(ERR_CONFIG));
    assert_non_null(strstr(p.err, words));
    assert_non_null(strstr(p.err, "Nothing was done."));
    assert_string_equal(p.out, "");
    process_free(&p);
    files_remove(dir);
    /* The other one is not missed. */
    break_library(dir, libraries[!kind], variable);
    process_run(&p, sb.dir, argv, env);
    assert_int_equal(p.exit, 0);
    assert_int_equal(sandbox_check_steps(&sb, 1), 1);
    process_free(&p);
    files_remove(dir);
    sandbox_close(&sb);
}

static void console_without_ncurses(void **state)
{
    char dir[FILES_PATH], variable[FILES_PATH + 40];
    struct stage s;
    (void)state;
    if (!term_possible()) {
        puts("not run here: the console needs a pseudo-terminal");
        return;
    }
    stage_open_any(&s, 1);
    break_library(dir, LATE_NCURSES, variable);
    const char *const env[] = { variable, NULL };
    stage_console(&s, env, NULL);
    term_wait_for(s.term, "a library can't be loaded: ");
    term_wait_for(s.term, "Nothing was done.");
    assert_int_equal(term_wait_end(s.term), error_exit_code(ERR_CONFIG));
    assert_false(term_alternate(s.term));
    assert_true(term_modes_restored(s.term));
    stage_close(&s);
    files_remove(dir);
}

static int run_all(void)
{
    static const struct run_case tests[] = { RUN_TEST(loads_only_its_own), RUN_TEST(missing) };
    const struct CMUnitTest others[] = { cmocka_unit_test(loads_none), cmocka_unit_test(console_without_ncurses) };
    int failed = cmocka_run_group_tests_name("late", others, NULL, NULL);
    return failed + run_group("late", tests, sizeof tests / sizeof *tests);
}

#else

static int run_all(void)
{
    puts("not run here: the program's libraries, loaded late (this build is linked with them)");
    return 0;
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(lacks_a_function) };
    return cmocka_run_group_tests_name("late_load", tests, NULL, NULL) + run_all();
}
