/* test_console_run.c: upgrade and roll back from the console, in a pseudo-terminal on real databases: plan, confirmation, progress, result, cancel. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/stage.h"

static const char *const upgrade[] = { "upgrade", NULL };

/* A statement that goes on until it is cancelled. */
static void endless_file(const struct sandbox *sb, const char *name)
{
    sandbox_file(sb, name, "CREATE TABLE made_before (id INTEGER);\n%s;\nCREATE TABLE made_after (id INTEGER);\n",
                 sb->kind == SANDBOX_POSTGRES ? "SELECT pg_sleep(3600)"
                                              : "INSERT INTO made_before WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 9000000000) SELECT count(*) FROM c");
}

static void upgrade_and_back(enum sandbox_kind kind)
{
    struct stage s;
    stage_open(&s, kind, 3);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "UNLOCKED");
    term_wait_for(s.term, "2 Pending 3");
    term_wait_for(s.term, "3 pending, history and files agree");
    assert_non_null(strstr(term_row(s.term, 5), "V1   step 1           4 stmts"));
    assert_true(term_alternate(s.term));
    term_key(s.term, "u");
    term_wait_for(s.term, "y  upgrade");
    assert_true(term_has(s.term, "3 files, 12 statements"));
    term_key(s.term, "\r"); /* Enter alone never confirms */
    term_key(s.term, "\t");
    term_wait_for(s.term, "CREATE TABLE t1");
    assert_int_equal(sandbox_check_steps(&s.sb, 3), 0);
    term_key(s.term, "y");
    term_wait_for(s.term, "upgrade done: 3 applied");
    term_wait_for(s.term, "2 Pending 0");
    term_wait_for(s.term, "3 Applied 3");
    term_wait_for(s.term, "V3 applied, 4 stmts");
    term_wait_for(s.term, "UNLOCKED   last run");
    assert_int_equal(sandbox_check_steps(&s.sb, 3), 3);
    stage_lock_is_free(&s);
    /* The last one goes back, once its version is typed. */
    term_key(s.term, "r");
    term_wait_for(s.term, "DROP TABLE t3");
    term_wait_for(s.term, "Type the lowest version that goes (3):");
    term_key(s.term, "y\r");
    term_wait_for(s.term, "That is something else: nothing is done.");
    assert_int_equal(sandbox_check_steps(&s.sb, 3), 3);
    term_key(s.term, "\177");
    term_wait_gone(s.term, "That is something else");
    term_key(s.term, "3");
    term_wait_for(s.term, "rollback done: 1 rolled back");
    term_wait_for(s.term, "2 Pending 1");
    assert_int_equal(sandbox_check_steps(&s.sb, 3), 2);
    stage_quit(&s);
    stage_close(&s);
}

static void roll_back_without_sql(enum sandbox_kind kind)
{
    struct stage s;
    stage_open(&s, kind, 0);
    sandbox_file(&s.sb, "V1__bare.sql", "CREATE TABLE bare (id INTEGER);\n");
    assert_int_equal(sandbox_run(&s.sb, NULL, upgrade), 0);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "3 Applied 1");
    term_key(s.term, "r");
    term_wait_for(s.term, "V1 has no rollback SQL");
    term_key(s.term, "1");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "V1 has no rollback SQL");
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM jetbase_migrations"), 1);
    stage_quit(&s);
    stage_close(&s);
}

static void failing_file(enum sandbox_kind kind)
{
    struct stage s;
    stage_open(&s, kind, 1);
    sandbox_file(&s.sb, "V2__bad.sql", "CREATE TABLE half (id INTEGER);\nSELECT totl\n  FROM half;\n");
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "2 Pending 2");
    term_key(s.term, "u");
    term_wait_for(s.term, "y  upgrade");
    term_key(s.term, "y");
    term_wait_for(s.term, "Upgrade failed");
    term_wait_for(s.term, "V2__bad.sql:2:8: error:");
    term_wait_for(s.term, "SELECT totl");
    term_wait_for(s.term, "       ^");
    term_wait_for(s.term, "nothing of it remains");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Upgrade failed");
    term_wait_for(s.term, "2 Pending 1");
    assert_int_equal(sandbox_check_steps(&s.sb, 1), 1);
    stage_lock_is_free(&s);
    stage_quit(&s);
    stage_close(&s);
}

static void start_endless(struct stage *s, enum sandbox_kind kind)
{
    stage_open(s, kind, 1);
    endless_file(&s->sb, "V2__endless.sql");
    stage_console(s, NULL, NULL);
    term_wait_for(s->term, "2 Pending 2");
    term_key(s->term, "u");
    term_wait_for(s->term, "y  upgrade");
    term_key(s->term, "y");
    term_wait_for(s->term, "OURS: this console");
    term_wait_for(s->term, "upgrade 2 of 2, V2__endless.sql");
    term_wait_for(s->term, "statement 2 of 3");
    term_wait_for(s->term, "running 2 of 3");
    term_wait_for(s->term, "c cancel (rolls V2 back, V1 stays)");
}

static void after_endless(struct stage *s)
{
    assert_int_equal(sandbox_check_steps(&s->sb, 1), 1);
    assert_int_equal(sandbox_number(&s->sb, "SELECT count(*) FROM jetbase_migrations"), 1);
    stage_lock_is_free(s);
}

static void progress_and_cancel(enum sandbox_kind kind)
{
    struct stage s;
    start_endless(&s, kind);
    term_key(s.term, "\032"); /* Ctrl-Z */
    term_wait_for(s.term, "Ctrl-Z is held back while a run is on");
    /* In the order typed: the last one's answer stays. */
    term_key(s.term, "F\032u");
    term_wait_for(s.term, "this console's own upgrade is on: c cancels it");
    term_key(s.term, "F");
    term_wait_for(s.term, "this console's own upgrade is on: c cancels it");
    term_key(s.term, "q");
    term_wait_for(s.term, "y  cancel it and quit");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "y  cancel it and quit");
    term_key(s.term, "\003"); /* Ctrl-C asks, and so does what stands beside it on a keyboard */
    term_wait_for(s.term, "y  cancel it and quit");
    term_key(s.term, "\034\003");
    term_wait_for(s.term, "y  cancel it and quit");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "y  cancel it and quit");
    term_key(s.term, "c");
    term_wait_for(s.term, "rolls V2 back, V1 stays;");
    term_key(s.term, "y");
    term_wait_for(s.term, "upgrade cancelled: V2 rolled back, V1 stays");
    term_wait_for(s.term, "UNLOCKED");
    after_endless(&s);
    stage_quit(&s);
    stage_close(&s);
}

static void quit_during_a_run(enum sandbox_kind kind)
{
    struct stage s;
    start_endless(&s, kind);
    term_key(s.term, "q");
    term_wait_for(s.term, "y  cancel it and quit");
    term_key(s.term, "y");
    assert_int_equal(term_wait_end(s.term), 0);
    assert_true(term_has(s.term, "upgrade cancelled: V2 rolled back, V1 stays"));
    assert_false(term_alternate(s.term));
    assert_true(term_modes_restored(s.term));
    after_endless(&s);
    stage_close(&s);
}

static void signals_during_a_run(enum sandbox_kind kind)
{
    static const struct { int number; const char *name; } cases[] = { { SIGTERM, "SIGTERM: upgrade cancelled: V2 rolled back" }, { SIGHUP, "SIGHUP: upgrade cancelled" }, { SIGINT, "SIGINT: upgrade cancelled" }, { SIGQUIT, "SIGQUIT: upgrade cancelled" } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stage s;
        start_endless(&s, kind);
        kill(term_pid(s.term), cases[i].number);
        assert_int_equal(term_wait_end(s.term), 128 + cases[i].number);
        assert_true(term_has(s.term, cases[i].name));
        assert_false(term_alternate(s.term));
        assert_true(term_modes_restored(s.term));
        after_endless(&s);
        stage_close(&s);
    }
}

STAGE_ON_BOTH(upgrade_and_back)
STAGE_ON_BOTH(roll_back_without_sql)
STAGE_ON_BOTH(failing_file)
STAGE_ON_BOTH(progress_and_cancel)
STAGE_ON_BOTH(quit_during_a_run)
STAGE_ON_BOTH(signals_during_a_run)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_BOTH(upgrade_and_back),
        STAGE_BOTH(roll_back_without_sql),
        STAGE_BOTH(failing_file),
        STAGE_BOTH(progress_and_cancel),
        STAGE_BOTH(quit_during_a_run),
        STAGE_BOTH(signals_during_a_run),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("console_run", tests, NULL, NULL);
}
