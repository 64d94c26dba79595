/* test_lock_judge.c: the judge of the lock, case by case: it never says dead or alive without a witness that was asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lock.h"

static struct db_lock_row held(void)
{
    struct db_lock_row row = { .table = true, .row = true, .locked = true, .has_run = true, .witness = WITNESS_HELD };
    strcpy(row.process_id, "7f3c9a52-1d0e-4b5e-9c1f-2a8e6c1b77e1");
    strcpy(row.run.process_id, row.process_id);
    strcpy(row.run.witness, "pg");
    strcpy(row.run.host, "ci-7");
    row.run.pid = 9114;
    row.run.session_pid = 48213;
    row.session_pid = 48213;
    return row;
}

static enum lock_verdict judge(const struct db_lock_row *row, char evidence[240])
{
    return lock_judge(row, evidence, 240);
}

static void free_lock(void **state)
{
    char evidence[240];
    struct db_lock_row row = held();
    (void)state;
    row.locked = false;
    assert_int_equal(judge(&row, evidence), LOCK_FREE);
    assert_string_equal(evidence, "");
    row = held();
    row.row = false; /* no row at all is not the same as locked */
    assert_int_equal(judge(&row, evidence), LOCK_FREE);
    row = held();
    row.table = false;
    assert_int_equal(judge(&row, evidence), LOCK_FREE);
}

static void witnessed(void **state)
{
    char evidence[240];
    struct db_lock_row row = held();
    (void)state;
    assert_int_equal(judge(&row, evidence), LOCK_ALIVE);
    assert_string_equal(evidence, "session 48213 can still commit");
    row.session_pid = 0;
    assert_int_equal(judge(&row, evidence), LOCK_ALIVE);
    assert_non_null(strstr(evidence, "process 9114 on ci-7"));
    row.own = true;
    assert_int_equal(judge(&row, evidence), LOCK_ALIVE);
    assert_non_null(strstr(evidence, "this very process"));
    row = held();
    row.witness = WITNESS_ABSENT;
    assert_int_equal(judge(&row, evidence), LOCK_DEAD);
    assert_non_null(strstr(evidence, "its session is gone"));
    row.run.session_pid = -1;
    assert_int_equal(judge(&row, evidence), LOCK_DEAD);
    assert_non_null(strstr(evidence, "its process is gone"));
}

static void never_dead_without_witness(void **state)
{
    char evidence[240];
    struct db_lock_row row = held();
    (void)state;
    row.witness = WITNESS_ABSENT;
    row.run.witness[0] = '\0';
    assert_int_equal(judge(&row, evidence), LOCK_UNKNOWN);
    assert_non_null(strstr(evidence, "no witness"));
    row = held();
    row.witness = WITNESS_ABSENT;
    row.has_run = false;
    assert_int_equal(judge(&row, evidence), LOCK_UNKNOWN);
    assert_non_null(strstr(evidence, "another program"));
}

static void unknown_has_its_reason(void **state)
{
    static const struct { enum db_why why; const char *word; } cases[] = {
        { WHY_POOLER, "pooler" }, { WHY_STANDBY, "standby" }, { WHY_OTHER_BOOT, "another machine" }, { WHY_OTHER_FILE, "another file" },
        { WHY_FOREIGN_LOCK, "some other lock" }, { WHY_NO_LOCKS, "no locks" }, { WHY_HIDDEN, "does not show" },
    };
    char evidence[240];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (enum db_witness w = WITNESS_ABSENT; w <= WITNESS_UNKNOWN; w++) {
            struct db_lock_row row = held();
            row.witness = w;
            row.why = cases[i].why;
            assert_int_equal(judge(&row, evidence), LOCK_UNKNOWN);
            assert_non_null(strstr(evidence, cases[i].word));
        }
    }
}

/* A run of this very process without a row in jetbase_runs, or without a witness, is no other program's. */
static void own_run_without_row_or_witness(void **state)
{
    char evidence[240], effect[400];
    (void)state;
    for (int with_run = 0; with_run <= 1; with_run++) {
        struct lock_view view = { .row = held(), .fenced = true };
        view.row.has_run = with_run;
        view.row.own = true;
        view.row.run.witness[0] = '\0';
        view.row.witness = WITNESS_UNKNOWN;
        view.row.why = with_run ? WHY_UNWITNESSED : WHY_OTHER_PROGRAM;
        view.verdict = judge(&view.row, evidence);
        assert_int_equal(view.verdict, LOCK_ALIVE);
        assert_string_equal(evidence, "a run of this very process");
        lock_effect(&view, effect, sizeof effect);
        assert_null(strstr(effect, "two programs"));
        assert_non_null(strstr(effect, "rolls back at its fence"));
    }
}

static void effect_says_what_happens(void **state)
{
    struct lock_view view = { .row = held(), .verdict = LOCK_DEAD, .fenced = true };
    char text[400];
    (void)state;
    strcpy(view.row.run.file, "V14__x.sql");
    lock_effect(&view, text, sizeof text);
    assert_non_null(strstr(text, "V14__x.sql was not applied by it"));
    strcpy(view.row.run.command, "rollback");
    lock_effect(&view, text, sizeof text);
    assert_non_null(strstr(text, "V14__x.sql was not rolled back by it"));
    assert_null(strstr(text, "applied"));
    view.verdict = LOCK_ALIVE;
    lock_effect(&view, text, sizeof text);
    assert_non_null(strstr(text, "rolls back at its fence"));
    strcpy(view.row.run.witness, "ofd:boot:1:2"); /* SQLite: an unlock can't land inside a migration */
    lock_effect(&view, text, sizeof text);
    assert_non_null(strstr(text, "waits while V14__x.sql runs, and is then refused"));
    view.fenced = false;
    view.row.run.no_transaction = true;
    lock_effect(&view, text, sizeof text);
    assert_non_null(strstr(text, "would go on beside the next run"));
    view.verdict = LOCK_DEAD;
    view.row.run.statements = 5;
    view.row.run.started_statement = 2;
    lock_effect(&view, text, sizeof text);
    assert_non_null(strstr(text, "statement 2 of 5 may have run"));
    view.verdict = LOCK_UNKNOWN;
    view.row.has_run = false;
    lock_effect(&view, text, sizeof text);
    assert_non_null(strstr(text, "goes on"));
    view.verdict = LOCK_FREE;
    lock_effect(&view, text, sizeof text);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(free_lock),
        cmocka_unit_test(witnessed),
        cmocka_unit_test(never_dead_without_witness),
        cmocka_unit_test(unknown_has_its_reason),
        cmocka_unit_test(own_run_without_row_or_witness), cmocka_unit_test(effect_says_what_happens),
    };
    return cmocka_run_group_tests_name("lock_judge", tests, NULL, NULL);
}
