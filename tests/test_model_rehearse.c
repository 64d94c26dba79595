/* test_model_rehearse.c: the console's rehearsal without a database: from the plan to the question, to the engine, to what was found; and when it is not offered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dialog.h"
#include "keys.h"
#include "support/scene.h"
#include "text.h"

/* Everything that the open dialog says, in one text. */
static char *said(const struct model *m)
{
    struct sheet parts[2] = { { .width = 70 }, { .width = 70 } };
    struct text all = { 0 };
    char *copy;
    dialog_ops_of(m)->fill(m, &parts[0], &parts[1]);
    for (int p = 0; p < 2; p++) {
        for (size_t i = 0; i < parts[p].count; i++) {
            text_puts(&all, parts[p].lines[i].left);
            text_puts(&all, parts[p].lines[i].right ? " | " : "");
            text_puts(&all, parts[p].lines[i].right ? parts[p].lines[i].right : "");
            text_puts(&all, "\n");
        }
        sheet_free(&parts[p]);
    }
    copy = text_dup(text_string(&all));
    text_free(&all);
    return copy;
}

static void says(const struct model *m, const char *part)
{
    char *all = said(m);
    if (!strstr(all, part))
        fail_msg("the dialog does not say \"%s\":\n%s", part, all);
    free(all);
}

/* The question stands: u, its plan, r. */
static struct model *asked(void)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    struct effect fx = scene_key(m, 'u');
    assert_int_equal(fx.what, FX_PLAN);
    scene_plan(m, fx.job, PLAN_UPGRADE, 2, 0);
    assert_int_equal(scene_key(m, 'r').what, FX_NONE);
    assert_int_equal(m->dialog.kind, DIALOG_REHEARSE);
    assert_int_equal(m->dialog.stage, STAGE_ASK);
    return m;
}

static struct effect answer(struct model *m, uint64_t job, int exit_code, const char *message, struct rehearsal *r)
{
    struct rehearse_answer *a = calloc(1, sizeof *a);
    *a = (struct rehearse_answer){ .job = job, .exit_code = exit_code, .rehearsal = r };
    if (message)
        error_set(&a->error, ERR_FAILED, "%s", message);
    return scene_apply(m, &(struct model_msg){ .kind = MSG_REHEARSED, .u.rehearsed = a });
}

/* One file of one statement that rewrites a table; `remains`: its rollback part leaves an index. */
static struct rehearsal *found(bool remains)
{
    struct rehearsal *r = calloc(1, sizeof *r);
    struct rehearsal_migration *m = calloc(1, sizeof *m);
    *r = (struct rehearsal){ .outcome = remains ? REHEARSAL_FAULTS : REHEARSAL_OK, .migrations = m, .count = 1, .ms = 1234, .rolled_back = true };
    snprintf(m->file, sizeof m->file, "V14__lookup.sql");
    m->type = MIGRATION_VERSIONED;
    m->up = (struct rehearsal_part){ .end = REHEARSAL_GOOD, .count = 1, .ms = 1200, .statements = calloc(1, sizeof(struct rehearsal_statement)) };
    m->up.statements[0] = (struct rehearsal_statement){ .words = "ALTER TABLE orders ALTER total TYPE bigint", .ms = 1200, .rows = -1, .effect_count = 1, .effects = calloc(1, sizeof(struct db_effect)) };
    m->up.statements[0].effects[0] = (struct db_effect){ .kind = RELATION_TABLE, .name = "public.orders", .modes = 1u << MODE_ACCESS_EXCLUSIVE, .rewritten = true, .bytes = 12 << 20, .rows = 40000 };
    m->down.end = REHEARSAL_GOOD;
    m->compared = true;
    if (remains) {
        m->differences = calloc(1, sizeof *m->differences);
        m->difference_count = 1;
        m->differences[0] = (struct rehearsal_difference){ .how = DIFFERENCE_REMAINS, .kind = text_dup("index"), .what = text_dup("index public.orders_total_idx"), .after = text_dup("x") };
    }
    return r;
}

/* A file without a rollback part is none whose rollback undoes it. */
static void no_rollback_part_is_said(void **state)
{
    struct model *m = asked();
    struct effect fx;
    struct rehearsal *r = found(false);
    (void)state;
    r->migrations[0].down.end = REHEARSAL_NONE;
    r->migrations[0].compared = false;
    fx = scene_key(m, 'r');
    answer(m, fx.job, 0, NULL, r);
    says(m, "All that can be rehearsed ran.");
    says(m, "1 file has no rollback part: it can't be rolled back.");
    scene_drop(m);
}

static void from_the_plan_to_the_result(void **state)
{
    struct model *m = asked();
    struct effect fx;
    (void)state;
    says(m, "in ONE transaction of this");
    says(m, "r  rehearse");
    assert_int_equal(scene_key(m, UK_ENTER).what, FX_NONE);
    assert_int_equal(scene_key(m, 'y').what, FX_NONE);
    assert_int_equal(m->dialog.stage, STAGE_ASK);
    fx = scene_key(m, 'r');
    assert_int_equal(fx.what, FX_REHEARSE);
    assert_int_equal(fx.direction, PLAN_UPGRADE);
    assert_true(fx.flush && m->rehearsing);
    answer(m, fx.job, 0, NULL, found(false));
    assert_false(m->rehearsing);
    says(m, "V14__lookup.sql | ran in 1.2 s");
    says(m, "ALTER TABLE orders ALTER total TYPE bigint | 1.2 s");
    says(m, "ACCESS EXCLUSIVE");
    says(m, "rewritten");
    says(m, "rollback part: undoes all of it");
    says(m, "All that can be rehearsed ran, and each rollback part undoes its");
    says(m, "Nothing of it stays. It took 1.2 s.");
    assert_int_equal(scene_key(m, 'y').what, FX_NONE); /* nothing is confirmed by the result */
    assert_int_equal(scene_key(m, 'u').what, FX_PLAN);
    assert_int_equal(m->dialog.kind, DIALOG_UPGRADE);
    scene_drop(m);
}

/* Two files of one statement; each rollback part leaves an index. */
static struct rehearsal *found_twice(void)
{
    struct rehearsal *r = found(true), *other = found(true);
    r->migrations = realloc(r->migrations, 2 * sizeof *r->migrations);
    assert_non_null(r->migrations);
    r->migrations[r->count++] = other->migrations[0];
    free(other->migrations);
    free(other);
    return r;
}

/* The same where the second file's upgrade and the first one's rollback fail: nobody's order, but each has its sentence. */
static struct rehearsal *failed_twice(void)
{
    struct rehearsal *r = found_twice();
    r->migrations[1].up.end = REHEARSAL_FAILED;
    r->migrations[0].down.end = REHEARSAL_FAILED;
    return r;
}

static void a_fault_is_named(void **state)
{
    struct model *m = asked();
    struct effect fx = scene_key(m, 'r');
    (void)state;
    answer(m, fx.job, 1, "The rollback part of V14__lookup.sql does not undo its upgrade.", found(true));
    says(m, "rollback part: it does NOT undo the upgrade:");
    says(m, "index public.orders_total_idx remains");
    says(m, "The rollback of V14__lookup.sql does not undo its upgrade.");
    scene_drop(m);
    m = asked();
    fx = scene_key(m, 'r');
    answer(m, fx.job, 1, "no such column: total", failed_twice());
    says(m, "V14__lookup.sql fails: an upgrade would stop there.");
    says(m, "The rollback part of V14__lookup.sql fails.");
    says(m, "The rollbacks of 2 files do not undo their upgrades.");
    scene_drop(m);
}

/* The line that n and N brought to the top. */
static void stands_at(const struct model *m, const char *part)
{
    struct sheet body = { .width = 70 }, foot = { .width = 70 };
    dialog_ops_of(m)->fill(m, &body, &foot);
    assert_in_range(m->dialog.scroll, 0, body.count - 1);
    assert_non_null(strstr(body.lines[m->dialog.scroll].left, part));
    sheet_free(&body);
    sheet_free(&foot);
}

static void n_jumps_from_fault_to_fault(void **state)
{
    struct model *m = asked();
    struct effect fx = scene_key(m, 'r');
    int first, second;
    (void)state;
    answer(m, fx.job, 1, "V14__lookup.sql does not undo its upgrade.", found_twice());
    says(m, "n N  faults");
    scene_key(m, 'n');
    first = m->dialog.scroll;
    stands_at(m, "it does NOT undo the upgrade");
    scene_key(m, 'n');
    second = m->dialog.scroll;
    stands_at(m, "it does NOT undo the upgrade");
    assert_true(second > first);
    scene_key(m, 'n');
    assert_int_equal(m->dialog.scroll, first);
    scene_key(m, 'N');
    assert_int_equal(m->dialog.scroll, second);
    scene_drop(m);
}

/* u after the result asks for the plan of what was rehearsed, not of more. */
static void u_keeps_the_count(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    struct effect fx = scene_key(m, 'U');
    (void)state;
    assert_int_equal(fx.count, 1);
    scene_plan(m, fx.job, PLAN_UPGRADE, 1, 0);
    scene_key(m, 'r');
    fx = scene_key(m, 'r');
    assert_int_equal(fx.count, 1);
    answer(m, fx.job, 0, NULL, found(false));
    fx = scene_key(m, 'u');
    assert_int_equal(fx.what, FX_PLAN);
    assert_int_equal(fx.count, 1);
    assert_int_equal(m->dialog.count, 1);
    scene_drop(m);
}

/* Locked since: it says why u does nothing. */
static void u_says_why_not(void **state)
{
    struct model *m = asked();
    struct effect fx = scene_key(m, 'r');
    (void)state;
    answer(m, fx.job, 0, NULL, found(false));
    scene_see(m, scene_locked(LOCK_ALIVE));
    assert_int_equal(scene_key(m, 'u').what, FX_NONE);
    assert_int_equal(m->dialog.kind, DIALOG_REHEARSE);
    assert_non_null(strstr(m->status, "u: "));
    scene_drop(m);
}

static void without_a_result_it_says_why(void **state)
{
    struct model *m = asked();
    struct effect fx = scene_key(m, 'r');
    (void)state;
    answer(m, fx.job, 6, "can't connect to PostgreSQL at nowhere", NULL);
    says(m, "an't connect to PostgreSQL at nowhere");
    assert_int_equal(scene_key(m, UK_ESC).what, FX_NONE);
    assert_int_equal(m->dialog.kind, DIALOG_NONE);
    scene_drop(m);
}

/* Esc stops it; what comes afterwards is nobody's, and until then nothing is started. */
static void esc_stops_it(void **state)
{
    struct model *m = asked();
    struct effect fx = scene_key(m, 'r'), left;
    (void)state;
    left = scene_key(m, UK_ESC);
    assert_int_equal(left.what, FX_CANCEL_OWN);
    assert_int_equal(left.signal, -1);
    assert_int_equal(m->dialog.kind, DIALOG_NONE);
    assert_int_equal(scene_key(m, 'u').what, FX_NONE);
    assert_non_null(strstr(m->status, "a rehearsal is under way, or being rolled back"));
    assert_int_equal(scene_apply(m, &(struct model_msg){ .kind = MSG_SUSPEND }).what, FX_NONE);
    assert_non_null(strstr(m->status, "Ctrl-Z is held back while a rehearsal is under way"));
    answer(m, fx.job, 1, "stopped", found(false));
    assert_int_equal(m->dialog.kind, DIALOG_NONE);
    assert_int_equal(scene_key(m, 'u').what, FX_PLAN);
    scene_drop(m);
}

/* It takes locks: so it is off where nothing may be changed, and for a take-over. */
static void where_it_is_off(void **state)
{
    char footer[240];
    struct model *m = scene_in(SCENE_UNLOCKED, true);
    struct effect fx = scene_key(m, 'd');
    (void)state;
    assert_int_equal(fx.what, FX_PLAN);
    scene_plan(m, fx.job, PLAN_UPGRADE, 2, 0);
    dialog_ops_of(m)->footer(m, footer, sizeof footer);
    assert_null(strstr(footer, "rehearse"));
    scene_key(m, 'r');
    assert_int_equal(m->dialog.kind, DIALOG_UPGRADE);
    scene_drop(m);
    m = scene_in(SCENE_DEAD, false);
    fx = scene_key(m, 'T');
    scene_plan(m, fx.job, PLAN_UPGRADE, 2, 0);
    scene_key(m, 'r');
    assert_int_equal(m->dialog.kind, DIALOG_UPGRADE);
    scene_drop(m);
}

/* Typed ahead of the plan, the first r is not heard: whatever follows it must not confirm the upgrade. */
static void typed_ahead_confirms_nothing(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    struct effect fx = scene_key(m, 'u');
    (void)state;
    scene_key(m, 'r');
    scene_plan(m, fx.job, PLAN_UPGRADE, 2, 0);
    assert_int_equal(scene_key(m, 'r').what, FX_NONE);
    assert_int_equal(m->dialog.kind, DIALOG_REHEARSE);
    assert_int_equal(m->dialog.stage, STAGE_ASK);
    scene_drop(m);
}

/* Somebody has taken the lock since the question was asked. */
static void asked_again_at_y(void **state)
{
    struct model *m = asked();
    (void)state;
    scene_see(m, scene_locked(LOCK_ALIVE));
    assert_int_equal(scene_key(m, 'r').what, FX_NONE);
    says(m, "ot started: locked by deploy@ci-runner-7");
    assert_false(m->rehearsing);
    scene_drop(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_the_plan_to_the_result),
        cmocka_unit_test(no_rollback_part_is_said), cmocka_unit_test(a_fault_is_named),
        cmocka_unit_test(n_jumps_from_fault_to_fault), cmocka_unit_test(u_keeps_the_count), cmocka_unit_test(u_says_why_not),
        cmocka_unit_test(without_a_result_it_says_why), cmocka_unit_test(esc_stops_it), cmocka_unit_test(where_it_is_off), cmocka_unit_test(typed_ahead_confirms_nothing), cmocka_unit_test(asked_again_at_y),
    };
    return cmocka_run_group_tests_name("model_rehearse", tests, NULL, NULL);
}
