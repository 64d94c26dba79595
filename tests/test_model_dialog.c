/* test_model_dialog.c: the console's dialogs without a terminal: what confirms, what does not, and the lock that changes under them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dialog.h"
#include "keys.h"
#include "support/scene.h"

static void upgrade_runs_what_was_confirmed(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    struct effect fx = scene_key(m, 'u');
    (void)state;
    assert_int_equal(m->dialog.stage, STAGE_WAITING);
    assert_int_equal(scene_key(m, 'y').what, FX_NONE); /* typed ahead: there is nothing to confirm yet */
    assert_true(scene_plan(m, fx.job, PLAN_UPGRADE, 2, 0).flush);
    assert_int_equal(m->dialog.stage, STAGE_ASK);
    assert_int_equal(scene_key(m, UK_ENTER).what, FX_NONE);
    assert_int_equal(scene_key(m, 'q').what, FX_NONE);
    assert_int_equal(m->dialog.kind, DIALOG_UPGRADE);
    fx = scene_key(m, 'y');
    assert_int_equal(fx.what, FX_RUN);
    assert_int_equal(fx.direction, PLAN_UPGRADE);
    assert_string_equal(fx.digest, "digest-of-2");
    assert_true(m->run.on);
    assert_int_equal(m->dialog.kind, DIALOG_NONE);
    scene_drop(m);
}

/* q leaves the help, and neither quits nor asks to; only the next one does. */
static void q_leaves_the_help(void **state)
{
    static const enum scene_state states[] = { SCENE_UNLOCKED, SCENE_OWN_RUN };
    (void)state;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        struct model *m = scene_in(states[i], false);
        scene_key(m, '?');
        assert_int_equal(m->dialog.kind, DIALOG_HELP);
        scene_key(m, 'j');
        scene_key(m, 'x');
        assert_int_equal(m->dialog.kind, DIALOG_HELP);
        struct effect fx = scene_key(m, 'q');
        assert_int_equal(fx.what, FX_NONE);
        assert_true(fx.flush);
        assert_int_equal(m->dialog.kind, DIALOG_NONE);
        fx = scene_key(m, 'q');
        assert_int_equal(fx.what, states[i] == SCENE_OWN_RUN ? FX_NONE : FX_QUIT);
        assert_int_equal(m->dialog.kind, states[i] == SCENE_OWN_RUN ? DIALOG_QUIT : DIALOG_NONE);
        scene_drop(m);
    }
}

static void plan_for_a_left_dialog_is_nobodys(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    struct effect first = scene_key(m, 'u'), second;
    (void)state;
    scene_key(m, UK_ESC);
    assert_int_equal(m->dialog.kind, DIALOG_NONE);
    second = scene_key(m, 'r');
    scene_plan(m, first.job, PLAN_UPGRADE, 2, 0);
    assert_int_equal(m->dialog.stage, STAGE_WAITING);
    scene_plan(m, second.job, PLAN_ROLLBACK, 1, 0);
    assert_int_equal(m->dialog.stage, STAGE_ASK);
    assert_int_equal(m->dialog.plan->direction, PLAN_ROLLBACK);
    scene_drop(m);
}

static void lock_taken_under_the_upgrade_dialog(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    struct effect fx = scene_key(m, 'u');
    (void)state;
    scene_plan(m, fx.job, PLAN_UPGRADE, 2, 0);
    scene_see(m, scene_locked(LOCK_ALIVE));
    fx = scene_key(m, 'y');
    assert_int_equal(fx.what, FX_NONE);
    assert_true(fx.flush);
    assert_int_equal(m->dialog.stage, STAGE_TOLD);
    assert_non_null(strstr(m->dialog.told, "locked by deploy@ci-runner-7"));
    assert_false(m->run.on);
    scene_drop(m);
}

static void plan_without_files(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    struct effect fx = scene_key(m, 'u');
    (void)state;
    scene_plan(m, fx.job, PLAN_UPGRADE, 0, 0);
    assert_int_equal(m->dialog.stage, STAGE_TOLD);
    assert_int_equal(scene_key(m, 'y').what, FX_NONE);
    assert_false(m->run.on);
    scene_drop(m);
}

static void roll_back_is_typed(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    struct effect fx = scene_key(m, 'r');
    (void)state;
    scene_plan(m, fx.job, PLAN_ROLLBACK, 2, 0);
    assert_int_equal(scene_key(m, 'y').what, FX_NONE);
    assert_int_equal(scene_key(m, UK_ENTER).what, FX_NONE);
    assert_int_equal(scene_type(m, "13").what, FX_NONE); /* not the lowest */
    assert_false(m->run.on);
    for (int i = 0; i < 3; i++)
        scene_key(m, UK_BACKSPACE);
    assert_int_equal(scene_key(m, '1').what, FX_NONE);
    fx = scene_key(m, '2');
    assert_int_equal(fx.what, FX_RUN);
    assert_int_equal(fx.direction, PLAN_ROLLBACK);
    assert_string_equal(fx.digest, "digest-of-2");
    scene_drop(m);
}

static void roll_back_without_sql_is_refused(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    struct effect fx = scene_key(m, 'r');
    (void)state;
    scene_plan(m, fx.job, PLAN_ROLLBACK, 2, 2);
    assert_int_equal(m->dialog.stage, STAGE_TOLD);
    assert_non_null(strstr(m->dialog.told, "V12 has no rollback SQL"));
    assert_int_equal(scene_type(m, "12").what, FX_NONE);
    assert_false(m->run.on);
    scene_drop(m);
}

static void version_after_a_roll_back(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    struct effect fx = scene_key(m, 'r');
    (void)state;
    scene_plan(m, fx.job, PLAN_ROLLBACK, 2, 0);
    assert_string_equal(model_version_after(m, m->dialog.plan), "11");
    scene_drop(m);
}

/* ---- force-unlock ---- */

static void unlock_of_a_dead_holder(void **state)
{
    struct model *m = scene_in(SCENE_DEAD, false);
    struct effect fx;
    (void)state;
    scene_key(m, 'F');
    assert_int_equal(scene_key(m, UK_ENTER).what, FX_NONE);
    fx = scene_key(m, 'y');
    assert_int_equal(fx.what, FX_UNLOCK);
    assert_true(fx.only_dead);
    assert_false(fx.terminate);
    assert_string_equal(fx.process_id, SCENE_ID);
    assert_true(m->unlocking);
    assert_int_equal(scene_key(m, 'y').what, FX_NONE); /* once */
    scene_unlocked(m, fx.job, LOCK_OK, NULL);
    assert_int_equal(m->dialog.kind, DIALOG_NONE);
    assert_false(m->unlocking);
    assert_non_null(strstr(m->status, "unlocked"));
    scene_drop(m);
}

static void unlock_of_a_living_holder_is_typed(void **state)
{
    static const enum scene_state states[] = { SCENE_ALIVE, SCENE_UNKNOWN, SCENE_OTHER };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct model *m = scene_in(states[i], false);
        const char *id = states[i] == SCENE_OTHER ? SCENE_OTHER_ID : SCENE_ID;
        struct effect fx;
        scene_key(m, 'F');
        assert_int_equal(scene_key(m, 'y').what, FX_NONE);
        scene_key(m, UK_BACKSPACE);
        assert_int_equal(scene_key(m, UK_ENTER).what, FX_NONE);
        assert_int_equal(scene_type(m, "0000").what, FX_NONE);
        assert_int_equal(scene_type(m, "0").what, FX_NONE); /* full: nothing is added, nothing done */
        for (int k = 0; k < 4; k++)
            scene_key(m, UK_BACKSPACE);
        for (int k = 0; k < 3; k++)
            assert_int_equal(scene_key(m, id[k]).what, FX_NONE);
        fx = scene_key(m, id[3]);
        assert_int_equal(fx.what, FX_UNLOCK);
        assert_false(fx.only_dead);
        assert_false(fx.terminate);
        assert_string_equal(fx.process_id, id);
        scene_drop(m);
    }
}

static void tab_ends_the_session_too(void **state)
{
    struct model *m = scene_in(SCENE_ALIVE, false);
    struct effect fx;
    (void)state;
    scene_key(m, 'F');
    scene_key(m, UK_TAB);
    assert_true(m->dialog.terminate);
    scene_key(m, UK_TAB);
    assert_false(m->dialog.terminate);
    scene_key(m, UK_TAB);
    fx = scene_type(m, "7f3c");
    assert_int_equal(fx.what, FX_UNLOCK);
    assert_true(fx.terminate);
    scene_drop(m);
    /* Where no session is known there is none to end. */
    m = scene_in(SCENE_OTHER, false);
    scene_key(m, 'F');
    scene_key(m, UK_TAB);
    assert_false(m->dialog.terminate);
    scene_drop(m);
}

static void unfenced_only_with_its_session(void **state)
{
    struct model *m = scene_model(false);
    struct snapshot *snap = scene_locked(LOCK_ALIVE);
    struct effect fx;
    (void)state;
    snap->lock.fenced = false;
    scene_see(m, snap);
    scene_key(m, 'F');
    assert_true(m->dialog.terminate);
    scene_key(m, UK_TAB); /* not to be unset */
    assert_true(m->dialog.terminate);
    fx = scene_type(m, "7f3c");
    assert_int_equal(fx.what, FX_UNLOCK);
    assert_true(fx.terminate);
    scene_drop(m);
    /* Without sessions it can't be ended: refused. */
    m = scene_model(false);
    snap = scene_locked(LOCK_ALIVE);
    snap->lock.fenced = false;
    snap->sessions = false;
    scene_see(m, snap);
    scene_key(m, 'F');
    assert_int_equal(m->dialog.stage, STAGE_TOLD);
    assert_int_equal(scene_type(m, "7f3c").what, FX_NONE);
    scene_drop(m);
}

static void lock_changes_hands_under_the_dialog(void **state)
{
    struct snapshot *looks[] = { scene_look(), scene_other() };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct model *m = scene_in(SCENE_ALIVE, false);
        scene_key(m, 'F');
        scene_type(m, "7f3");
        assert_true(scene_see(m, looks[i]).flush);
        assert_int_equal(m->dialog.kind, DIALOG_UNLOCK);
        assert_int_equal(m->dialog.stage, STAGE_TOLD);
        assert_non_null(strstr(m->dialog.told, "he lock changed hands, nothing was done"));
        /* What was being typed must not fall through as commands, nor confirm anything. */
        assert_int_equal(scene_type(m, "cc1d2yuqrF").what, FX_NONE);
        assert_int_equal(m->dialog.kind, DIALOG_UNLOCK);
        /* It stays so, even if the old holder's name comes back. */
        scene_see(m, scene_locked(LOCK_ALIVE));
        assert_int_equal(m->dialog.stage, STAGE_TOLD);
        scene_key(m, UK_ESC);
        assert_int_equal(m->dialog.kind, DIALOG_NONE);
        scene_drop(m);
    }
}

static void verdict_changes_under_the_dialog(void **state)
{
    struct model *m = scene_in(SCENE_ALIVE, false);
    struct effect fx;
    (void)state;
    scene_key(m, 'F');
    scene_type(m, "7f3");
    assert_true(scene_see(m, scene_locked(LOCK_DEAD)).flush);
    assert_int_equal(m->dialog.stage, STAGE_ASK);
    assert_string_equal(m->dialog.typed, "");
    assert_int_equal(scene_key(m, 'c').what, FX_NONE);
    fx = scene_key(m, 'y');
    assert_int_equal(fx.what, FX_UNLOCK);
    assert_true(fx.only_dead);
    scene_drop(m);
    /* The same look again changes nothing of what was typed. */
    m = scene_in(SCENE_ALIVE, false);
    scene_key(m, 'F');
    scene_type(m, "7f3");
    assert_false(scene_see(m, scene_locked(LOCK_ALIVE)).flush);
    assert_string_equal(m->dialog.typed, "7f3");
    scene_drop(m);
}

static void unlock_that_was_refused(void **state)
{
    static const struct { enum lock_answer answer; const char *said; } cases[] = {
        { LOCK_BUSY, "the holder is at its commit (session 48213)" },
        { LOCK_CHANGED_HANDS, "the lock changed hands, nothing was done" },
        { LOCK_NOT_DEAD, "the holder is alive, nothing was done" },
        { LOCK_FAILED, "connection lost" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model *m = scene_in(SCENE_ALIVE, false);
        struct effect fx;
        scene_key(m, 'F');
        fx = scene_type(m, "7f3c");
        /* The lock is seen free before the answer comes: that may be our own unlock, nothing is said yet. */
        scene_see(m, scene_look());
        assert_int_equal(m->dialog.stage, STAGE_WAITING);
        assert_true(scene_unlocked(m, fx.job, cases[i].answer, cases[i].said).flush);
        assert_int_equal(m->dialog.kind, DIALOG_UNLOCK);
        assert_int_equal(m->dialog.stage, STAGE_TOLD);
        assert_non_null(strstr(m->dialog.told, cases[i].said + 1));
        assert_int_equal(scene_type(m, "yuq").what, FX_NONE);
        assert_int_equal(m->dialog.kind, DIALOG_UNLOCK);
        scene_drop(m);
    }
}

static void answer_after_the_dialog_was_left(void **state)
{
    struct model *m = scene_in(SCENE_DEAD, false);
    struct effect fx;
    (void)state;
    scene_key(m, 'F');
    fx = scene_key(m, 'y');
    scene_key(m, UK_ESC);
    assert_int_equal(m->dialog.kind, DIALOG_NONE);
    scene_key(m, 'u');
    assert_non_null(strstr(m->status, "an unlock is under way"));
    scene_unlocked(m, fx.job, LOCK_BUSY, "the holder is at its commit");
    assert_non_null(strstr(m->status, "at its commit"));
    scene_drop(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(q_leaves_the_help),
        cmocka_unit_test(upgrade_runs_what_was_confirmed),
        cmocka_unit_test(plan_for_a_left_dialog_is_nobodys),
        cmocka_unit_test(lock_taken_under_the_upgrade_dialog),
        cmocka_unit_test(plan_without_files),
        cmocka_unit_test(roll_back_is_typed),
        cmocka_unit_test(roll_back_without_sql_is_refused),
        cmocka_unit_test(version_after_a_roll_back),
        cmocka_unit_test(unlock_of_a_dead_holder),
        cmocka_unit_test(unlock_of_a_living_holder_is_typed),
        cmocka_unit_test(tab_ends_the_session_too),
        cmocka_unit_test(unfenced_only_with_its_session),
        cmocka_unit_test(lock_changes_hands_under_the_dialog),
        cmocka_unit_test(verdict_changes_under_the_dialog),
        cmocka_unit_test(unlock_that_was_refused),
        cmocka_unit_test(answer_after_the_dialog_was_left),
    };
    return cmocka_run_group_tests_name("model_dialog", tests, NULL, NULL);
}
