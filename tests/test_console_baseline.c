/* test_console_baseline.c: b in the console on both databases: records the versions up to the chosen one, runs none, only once that version is typed; and when it is off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/golden_screen.h"
#include "support/stage.h"

static void baseline(enum sandbox_kind kind)
{
    struct stage s;
    stage_open(&s, kind, 3);
    sandbox_sql(&s.sb, "CREATE TABLE was_there (id integer)"); /* a SQLite file is there too */
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "│▸V1   step 1");
    term_key(s.term, "j");
    term_wait_for(s.term, "│▸V2   step 2");
    term_key(s.term, "b");
    term_wait_for(s.term, "Type the version that the schema is at (2):");
    term_wait_for(s.term, "and NONE is run");
    term_key(s.term, "y");
    term_wait_for(s.term, "That is something else: nothing is done.");
    assert_false(term_has(s.term, "baseline done"));
    term_key(s.term, "\177");
    term_wait_gone(s.term, "That is something else");
    term_key(s.term, "2");
    term_wait_for(s.term, "Enter records them.");
    term_key(s.term, "\r");
    term_wait_for(s.term, "baseline done: 2 recorded as applied");
    term_wait_for(s.term, "2 Pending 1");
    term_wait_for(s.term, "UNLOCKED   last run");
    term_key(s.term, "b");
    term_wait_for(s.term, "a baseline begins a history, and this one has versions already");
    stage_quit(&s);
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM jetbase_migrations"), 2);
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM applied_log"), 0);
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM jetbase_runs WHERE command = 'baseline' AND outcome = 'ok'"), 1);
    stage_lock_is_free(&s);
    stage_close(&s);
}
STAGE_ON_BOTH(baseline)

/* The first digit of 12 is also the version that was chosen: nothing runs before Enter, and what is longer is something else. */
static void the_beginning_of_another_version(enum sandbox_kind kind)
{
    struct stage s;
    stage_open(&s, kind, 12);
    sandbox_sql(&s.sb, "CREATE TABLE was_there (id integer)");
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "│▸V1   step 1");
    term_key(s.term, "b");
    term_wait_for(s.term, "Type the version that the schema is at (1):");
    term_key(s.term, "1");
    term_wait_for(s.term, "Enter records them.");
    term_key(s.term, "2");
    term_wait_for(s.term, "That is something else: nothing is done.");
    term_key(s.term, "\r");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Type the version");
    stage_quit(&s);
    assert_int_equal(sandbox_number(&s.sb, s.sb.kind == SANDBOX_SQLITE ? "SELECT count(*) FROM sqlite_master WHERE name LIKE 'jetbase%'" : "SELECT count(*) FROM pg_class WHERE relname LIKE 'jetbase%'"), 0);
    stage_close(&s);
}
STAGE_ON_BOTH(the_beginning_of_another_version)

static void golden(void **state)
{
    struct stage s;
    (void)state;
    golden_shop(&s, golden_any(), false);
    sandbox_sql(&s.sb, "CREATE TABLE was_there (id integer)");
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "rollback  1 statement");
    term_key(s.term, "jjj");
    term_wait_for(s.term, "│▸V14  orders lookup");
    term_wait_for(s.term, "4 V14__orders_lookup.sql");
    term_key(s.term, "b");
    term_wait_for(s.term, "Type the version that the schema is at (14):");
    golden_screen(s.term, "80x24-baseline", 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Type the version");
    stage_quit(&s);
    assert_int_equal(sandbox_number(&s.sb, s.sb.kind == SANDBOX_SQLITE ? "SELECT count(*) FROM sqlite_master WHERE name LIKE 'jetbase%'" : "SELECT count(*) FROM pg_class WHERE relname LIKE 'jetbase%'"), 0);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = { STAGE_BOTH(baseline), STAGE_BOTH(the_beginning_of_another_version), cmocka_unit_test(golden) };
    if (!term_possible()) {
        puts("not run here: the console needs a pseudo-terminal");
        return 0;
    }
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("console_baseline", tests, NULL, NULL);
}
