/* test_console_rehearse.c: a rehearsal from the console on both databases: nothing of it stays, a rollback part that forgets an index is named, and the upgrade goes on from there. */
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
#ifdef JETBASE_POSTGRES
#include <libpq-fe.h>
#endif

static void rehearse(struct stage *s)
{
    term_key(s->term, "u");
    term_wait_for(s->term, "y  upgrade");
    term_wait_for(s->term, "r rehearse first");
    term_key(s->term, "r");
    term_wait_for(s->term, "r  rehearse");
    term_wait_for(s->term, "r rehearse   j k scroll");
    term_key(s->term, "r");
}

static void nothing_stays(enum sandbox_kind kind)
{
    struct stage s;
    stage_open(&s, kind, 2);
    sandbox_sql(&s.sb, "CREATE TABLE was_there (id integer)");
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "│▸V1   step 1");
    rehearse(&s);
    term_wait_for(s.term, "All that can be rehearsed ran, and each rollback part undoes its");
    term_wait_for(s.term, "Nothing of it stays.");
    assert_int_equal(sandbox_number(&s.sb, kind == SANDBOX_SQLITE ? "SELECT count(*) FROM sqlite_master WHERE name IN ('t1', 't2')" : "SELECT count(*) FROM pg_class WHERE relname IN ('t1', 't2')"), 0);
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM applied_log"), 0);
    term_key(s.term, "u");
    term_wait_for(s.term, "y  upgrade");
    term_key(s.term, "y");
    term_wait_for(s.term, "upgrade done: 2 applied");
    stage_quit(&s);
    assert_int_equal(sandbox_check_steps(&s.sb, 2), 2);
    stage_close(&s);
}
STAGE_ON_BOTH(nothing_stays)

static void what_a_rollback_forgets(enum sandbox_kind kind)
{
    struct stage s;
    stage_open(&s, kind, 0);
    sandbox_sql(&s.sb, "CREATE TABLE orders (id integer, total integer)");
    sandbox_file(&s.sb, "V1__totals.sql", "-- upgrade\nCREATE TABLE totals (id integer);\nCREATE INDEX orders_total ON orders (total);\n-- rollback\nDROP TABLE totals;\n");
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "│▸V1   totals");
    rehearse(&s);
    term_wait_for(s.term, "rollback part: it does NOT undo the upgrade:");
    term_wait_for(s.term, "orders_total remains");
    term_wait_for(s.term, "Nothing of it stays.");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Nothing of it stays.");
    stage_quit(&s);
    stage_close(&s);
}
STAGE_ON_BOTH(what_a_rollback_forgets)

#ifdef JETBASE_POSTGRES
/* What the database holds against the plan stands above it. */
static void preflight_in_the_plan(void **state)
{
    struct stage s;
    (void)state;
    stage_open(&s, SANDBOX_POSTGRES, 0);
    sandbox_sql(&s.sb, "CREATE TABLE orders (id integer)");
    sandbox_file(&s.sb, "V1__totals.sql", "-- upgrade\nALTER TABLE orders ADD COLUMN total integer;\n-- rollback\nALTER TABLE orders DROP COLUMN total;\n");
    golden_four_digits();
    PGconn *other = PQconnectdb(s.sb.conninfo);
    assert_true(PQbackendPID(other) >= 1000); /* with fewer digits lines break elsewhere */
    PQclear(PQexec(other, "SET application_name = 'nightly'; BEGIN; LOCK TABLE orders IN ACCESS SHARE MODE"));
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "V1   totals");
    term_key(s.term, "u");
    term_wait_for(s.term, "y  upgrade");
    term_wait_for(s.term, "orders");
    term_wait_for(s.term, "BLOCKS: ");
    golden_screen(s.term, "80x24-preflight", 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "y  upgrade");
    PQfinish(other);
    stage_quit(&s);
    stage_close(&s);
}
#endif

static void golden(void **state)
{
    struct stage s;
    (void)state;
    golden_shop(&s, golden_any(), true);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "rollback  1 statement");
    term_key(s.term, "u");
    term_wait_for(s.term, "r rehearse first");
    term_key(s.term, "r");
    term_wait_for(s.term, "r rehearse   j k scroll");
    golden_screen(s.term, "80x24-rehearse", 24);
    term_key(s.term, "r");
    term_wait_for(s.term, "n N  faults");
    golden_screen(s.term, "80x24-rehearsed", 24);
    term_key(s.term, "n");
    term_wait_for(s.term, "2 lines above");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "n N  faults");
    stage_quit(&s);
    stage_close(&s);
}

/* A statement that fails: where, what the database said, and what was not reached. */
static void golden_failed(void **state)
{
    struct stage s;
    (void)state;
    golden_shop(&s, golden_any(), true);
    sandbox_file(&s.sb, "V16__invoices.sql", "CREATE TABLE invoices (id integer);\nINSERT INTO invoices SELECT number FROM orders;\n-- rollback\nDROP TABLE invoices;\n");
    sandbox_file(&s.sb, "V17__later.sql", "CREATE TABLE later (id integer);\n-- rollback\nDROP TABLE later;\n");
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "rollback  1 statement");
    rehearse(&s);
    term_wait_for(s.term, "n N  faults");
    term_key(s.term, "G");
    term_wait_for(s.term, " 0 below");
    golden_screen(s.term, "80x24-rehearsed-failed", 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "n N  faults");
    stage_quit(&s);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = { STAGE_BOTH(nothing_stays), STAGE_BOTH(what_a_rollback_forgets), cmocka_unit_test(golden), cmocka_unit_test(golden_failed),
#ifdef JETBASE_POSTGRES
        cmocka_unit_test(preflight_in_the_plan),
#endif
    };
    if (!term_possible()) {
        puts("not run here: the console needs a pseudo-terminal");
        return 0;
    }
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("console_rehearse", tests, NULL, NULL);
}
