/* test_model_power.c: U, R, T, x, X and v of the console: what they ask, what confirms them, what stops them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dialog.h"
#include "keys.h"
#include "pane.h"
#include "support/scene.h"

static void upgrade_up_to_the_chosen(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    struct effect fx;
    (void)state;
    scene_key(m, 'j');
    fx = scene_key(m, 'U');
    assert_int_equal(fx.what, FX_PLAN);
    assert_int_equal(fx.direction, PLAN_UPGRADE);
    assert_int_equal(fx.count, 2);
    scene_plan(m, fx.job, PLAN_UPGRADE, 2, 0);
    fx = scene_key(m, 'y');
    assert_int_equal(fx.what, FX_RUN);
    assert_int_equal(fx.count, 2);
    assert_string_equal(fx.digest, "digest-of-2");
    assert_false(fx.take_over);
    scene_drop(m);

    m = scene_in(SCENE_UNLOCKED, false);
    scene_key(m, 'G');
    assert_int_equal(scene_key(m, 'U').what, FX_NONE);
    assert_non_null(strstr(m->status, "a repeatable runs with every upgrade"));
    scene_drop(m);
}

static void roll_back_down_to_the_chosen(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    struct effect fx;
    (void)state;
    scene_key(m, '3');
    assert_int_equal(scene_key(m, 'R').what, FX_NONE);
    assert_string_equal(m->status, "V13 is the newest, and R lets the chosen one stay: r rolls it back");
    scene_type(m, "jj");
    fx = scene_key(m, 'R');
    assert_int_equal(fx.what, FX_PLAN);
    assert_int_equal(fx.direction, PLAN_ROLLBACK);
    assert_string_equal(fx.to_version, "11");
    scene_plan(m, fx.job, PLAN_ROLLBACK, 2, 0);
    assert_int_equal(scene_key(m, 'y').what, FX_NONE);
    assert_int_equal(scene_key(m, UK_BACKSPACE).what, FX_NONE);
    fx = scene_type(m, "12");
    assert_int_equal(fx.what, FX_RUN);
    assert_string_equal(fx.to_version, "11");
    scene_drop(m);
}

static void take_over_from_a_dead_one(void **state)
{
    struct model *m = scene_in(SCENE_DEAD, false);
    struct effect fx = scene_key(m, 'T');
    (void)state;
    assert_int_equal(fx.what, FX_PLAN);
    scene_plan(m, fx.job, PLAN_UPGRADE, 2, 0);
    assert_int_equal(scene_key(m, UK_ENTER).what, FX_NONE);
    assert_int_equal(m->dialog.stage, STAGE_ASK);
    fx = scene_key(m, 'y');
    assert_int_equal(fx.what, FX_RUN);
    assert_true(fx.take_over);
    assert_string_equal(fx.process_id, SCENE_ID);
    assert_string_equal(fx.digest, "digest-of-2");
    scene_drop(m);
}

/* The dead one is gone, or somebody else has the lock: nothing is taken from whom nobody was asked about. */
static void take_over_turns_into_a_sentence(void **state)
{
    struct snapshot *looks[3] = { scene_look(), scene_locked(LOCK_ALIVE), scene_locked(LOCK_DEAD) };
    (void)state;
    strcpy(looks[2]->lock.row.process_id, SCENE_OTHER_ID);
    for (size_t i = 0; i < 3; i++) {
        struct model *m = scene_in(SCENE_DEAD, false);
        struct effect fx = scene_key(m, 'T');
        scene_plan(m, fx.job, PLAN_UPGRADE, 2, 0);
        assert_true(scene_see(m, looks[i]).flush);
        assert_string_equal(m->dialog.told, "The lock changed hands, nothing was done");
        assert_int_equal(scene_key(m, 'y').what, FX_NONE);
        assert_false(m->run.on);
        scene_drop(m);
    }
}

static struct model *blocked_by(const char *blocker_state)
{
    struct model *m = scene_model(false);
    struct snapshot *snap = scene_locked(LOCK_ALIVE);
    scene_blocker(snap, 40122, blocker_state);
    scene_see(m, snap);
    return m;
}

/* It has no session: neither key can do anything to it. */
static void prepared_blocker(void **state)
{
    struct model *m = scene_model(false);
    struct snapshot *snap = scene_locked(LOCK_ALIVE);
    char words[600];
    (void)state;
    scene_blocker(snap, 0, "");
    scene_see(m, snap);
    scene_type(m, "xX");
    assert_int_equal(m->dialog.kind, DIALOG_NONE);
    assert_non_null(strstr(m->status, "ROLLBACK PREPARED ends it"));
    pane_status(m, words, sizeof words);
    assert_non_null(strstr(words, "blocked by a prepared transaction"));
    scene_drop(m);
}

static void cancel_needs_a_statement(void **state)
{
    struct model *m = blocked_by("idle in transaction");
    struct effect fx;
    (void)state;
    assert_int_equal(scene_key(m, 'x').what, FX_NONE);
    assert_int_equal(m->dialog.kind, DIALOG_NONE);
    assert_string_equal(m->status, "it runs nothing, a cancel has no effect: X ends it");
    scene_drop(m);

    m = blocked_by(""); /* hidden from this role: nothing is said about it */
    assert_int_equal(scene_key(m, 'x').what, FX_NONE);
    assert_string_equal(m->status, "what it runs is hidden from your role, a cancel may do nothing: X ends it");
    scene_drop(m);

    m = blocked_by("active");
    scene_key(m, 'x');
    assert_int_equal(m->dialog.kind, DIALOG_BLOCKER);
    assert_int_equal(scene_key(m, UK_ENTER).what, FX_NONE);
    fx = scene_key(m, 'y');
    assert_int_equal(fx.what, FX_BLOCKER);
    assert_int_equal(fx.blocker_pid, 40122);
    assert_false(fx.end);
    assert_string_equal(fx.process_id, SCENE_ID);
    scene_stopped(m, fx.job, true, true);
    assert_int_equal(m->dialog.kind, DIALOG_NONE);
    assert_string_equal(m->status, "the statement of session 40122 was told to cancel");
    scene_drop(m);
}

static void end_needs_the_number(void **state)
{
    struct model *m = blocked_by("idle in transaction");
    struct effect fx;
    (void)state;
    scene_key(m, 'X');
    assert_int_equal(m->dialog.kind, DIALOG_BLOCKER);
    assert_int_equal(scene_key(m, 'y').what, FX_NONE);
    scene_key(m, UK_BACKSPACE);
    assert_int_equal(scene_type(m, "4012").what, FX_NONE);
    fx = scene_key(m, '2');
    assert_int_equal(fx.what, FX_BLOCKER);
    assert_true(fx.end);
    scene_stopped(m, fx.job, true, false);
    assert_int_equal(m->dialog.stage, STAGE_TOLD);
    assert_string_equal(m->dialog.told, "Session 40122 blocks it no longer; nothing was done");
    scene_key(m, UK_ESC);
    fx = scene_type(m, "X40122");
    assert_int_equal(fx.what, FX_BLOCKER);
    scene_stopped(m, fx.job, false, false);
    assert_non_null(strstr(m->dialog.told, "permission denied"));
    scene_drop(m);
}

static void blocker_goes_under_the_dialog(void **state)
{
    struct model *m = blocked_by("active");
    struct snapshot *snap = scene_locked(LOCK_ALIVE);
    (void)state;
    scene_type(m, "X401");
    scene_blocker(snap, 40999, "active");
    assert_true(scene_see(m, snap).flush);
    assert_string_equal(m->dialog.told, "Session 40122 blocks it no longer, nothing was done");
    assert_int_equal(scene_type(m, "22").what, FX_NONE);
    scene_drop(m);

    m = blocked_by("active");
    snap = scene_locked(LOCK_ALIVE);
    scene_key(m, 'x');
    scene_blocker(snap, 40122, "idle in transaction");
    assert_true(scene_see(m, snap).flush);
    assert_non_null(strstr(m->dialog.told, "runs nothing any more"));
    assert_int_equal(scene_key(m, 'y').what, FX_NONE);
    scene_drop(m);
}

static bool says(const struct sheet *s, const char *text)
{
    for (size_t i = 0; i < s->count; i++)
        if (strstr(s->lines[i].left, text))
            return true;
    return false;
}

static void verify_tells_what_is_wrong(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    struct sheet body = { .width = 300 }, foot = { .width = 300 };
    (void)state;
    scene_key(m, 'v');
    dialog_verify.fill(m, &body, &foot);
    assert_true(says(&body, "Every applied file is there"));
    assert_true(says(&foot, "13 applied, 3 pending"));
    sheet_free(&body);
    sheet_free(&foot);
    m->snap->listing->applied[2].state = APPLIED_CHANGED;
    m->snap->listing->applied[4].state = APPLIED_MISSING;
    strcpy(m->snap->listing->pending[0].fault, "out of order");
    dialog_verify.fill(m, &body, &foot);
    assert_false(says(&body, "Every applied file is there"));
    assert_true(says(&body, "V11   V11__x.sql: the file was changed after it was applied"));
    assert_true(says(&body, "V9    V9__x.sql: the file is missing"));
    assert_true(says(&body, "V14   V14__orders_lookup.sql: out of order"));
    assert_true(says(&body, "jetbase fix-checksums"));
    assert_true(says(&body, "jetbase fix-files"));
    sheet_free(&body);
    sheet_free(&foot);
    scene_drop(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upgrade_up_to_the_chosen),
        cmocka_unit_test(roll_back_down_to_the_chosen),
        cmocka_unit_test(take_over_from_a_dead_one),
        cmocka_unit_test(take_over_turns_into_a_sentence),
        cmocka_unit_test(cancel_needs_a_statement),
        cmocka_unit_test(prepared_blocker),
        cmocka_unit_test(end_needs_the_number),
        cmocka_unit_test(blocker_goes_under_the_dialog),
        cmocka_unit_test(verify_tells_what_is_wrong),
    };
    return cmocka_run_group_tests_name("model_power", tests, NULL, NULL);
}
