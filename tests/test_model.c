/* test_model.c: the console's state: each key in each state gives its effect or says why not; dialogs; the lock under them; our own run. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "action.h"
#include "dialog.h"
#include "keys.h"
#include "support/scene.h"

static struct model *new_model(bool read_only)
{
    struct model *m = malloc(sizeof *m);
    assert_non_null(m);
    model_init(m, 24, 80, read_only, 1000);
    scene_tick(m, 1);
    return m;
}

static void drop(struct model *m)
{
    model_free(m);
    free(m);
}

/* ---- each key in each state ---- */

enum state { NOTHING_SEEN, UNLOCKED, NOTHING_PENDING, NOTHING_APPLIED, DISAGREES, ALIVE, DEAD, UNKNOWN, OTHER, OWN_RUN, DOWN, STANDBY, STATES };

static struct snapshot *look_of(enum state state)
{
    struct snapshot *snap = state == ALIVE ? scene_locked(LOCK_ALIVE) : state == DEAD ? scene_locked(LOCK_DEAD) : state == UNKNOWN ? scene_locked(LOCK_UNKNOWN) : state == OTHER ? scene_other() : scene_look();
    if (state == NOTHING_PENDING)
        scene_drop_pending(snap);
    if (state == NOTHING_APPLIED)
        for (size_t i = 0; i < snap->listing->applied_count; i++)
            snap->listing->applied[i].type = MIGRATION_RUNS_ALWAYS;
    if (state == DISAGREES)
        strcpy(snap->listing->disagree, "V11 was changed after it was applied");
    if (state == STANDBY)
        snap->about.standby = true;
    return snap;
}

static struct model *in_state(enum state state, bool read_only)
{
    struct model *m = new_model(read_only);
    if (state != NOTHING_SEEN)
        scene_see(m, look_of(state));
    if (state == DOWN)
        scene_down(m, "connection to server at \"db.example\", port 5432 failed");
    if (state == OWN_RUN) {
        struct effect fx = scene_key(m, 'u');
        scene_plan(m, fx.job, PLAN_UPGRADE, 2, 0);
        assert_int_equal(scene_key(m, 'y').what, FX_RUN);
    }
    return m;
}

/* What a key gives: an effect, a dialog, or a sentence that holds these words. */
struct expected {
    int key;
    enum state state;
    int effect;
    enum dialog_kind dialog;
    const char *why;
};

static const struct expected table[] = {
    { 'u', NOTHING_SEEN, FX_NONE, DIALOG_NONE, "not connected" },
    { 'u', UNLOCKED, FX_PLAN, DIALOG_UPGRADE, NULL },
    { 'u', NOTHING_PENDING, FX_NONE, DIALOG_NONE, "nothing is pending" },
    { 'u', NOTHING_APPLIED, FX_PLAN, DIALOG_UPGRADE, NULL },
    { 'u', DISAGREES, FX_NONE, DIALOG_NONE, "V11 was changed" },
    { 'u', ALIVE, FX_NONE, DIALOG_NONE, "locked by deploy@ci-runner-7: F to force-unlock, or wait" },
    { 'u', DEAD, FX_NONE, DIALOG_NONE, "locked by deploy@ci-runner-7" },
    { 'u', OTHER, FX_NONE, DIALOG_NONE, "locked by another program" },
    { 'u', OWN_RUN, FX_NONE, DIALOG_NONE, "c cancels it" },
    { 'u', DOWN, FX_NONE, DIALOG_NONE, "not connected to the database: connection to server" },
    { 'u', STANDBY, FX_NONE, DIALOG_NONE, "standby" },
    { 'r', NOTHING_SEEN, FX_NONE, DIALOG_NONE, "not connected" },
    { 'r', UNLOCKED, FX_PLAN, DIALOG_ROLLBACK, NULL },
    { 'r', NOTHING_PENDING, FX_PLAN, DIALOG_ROLLBACK, NULL },
    { 'r', NOTHING_APPLIED, FX_NONE, DIALOG_NONE, "nothing is applied" },
    { 'r', ALIVE, FX_NONE, DIALOG_NONE, "locked by" },
    { 'r', OWN_RUN, FX_NONE, DIALOG_NONE, "c cancels it" },
    { 'r', DOWN, FX_NONE, DIALOG_NONE, "not connected" },
    { 'r', STANDBY, FX_NONE, DIALOG_NONE, "standby" },
    { 'F', NOTHING_SEEN, FX_NONE, DIALOG_NONE, "not connected" },
    { 'F', UNLOCKED, FX_NONE, DIALOG_NONE, "the lock is free" },
    { 'F', ALIVE, FX_NONE, DIALOG_UNLOCK, NULL },
    { 'F', DEAD, FX_NONE, DIALOG_UNLOCK, NULL },
    { 'F', UNKNOWN, FX_NONE, DIALOG_UNLOCK, NULL },
    { 'F', OTHER, FX_NONE, DIALOG_UNLOCK, NULL },
    { 'F', OWN_RUN, FX_NONE, DIALOG_NONE, "c cancels it" },
    { 'F', DOWN, FX_NONE, DIALOG_NONE, "not connected" },
    { 'c', UNLOCKED, FX_NONE, DIALOG_NONE, "nothing of this console is running" },
    { 'c', ALIVE, FX_NONE, DIALOG_NONE, "nothing of this console is running" },
    { 'c', OWN_RUN, FX_NONE, DIALOG_CANCEL, NULL },
    { 'd', UNLOCKED, FX_PLAN, DIALOG_UPGRADE, NULL },
    { 'd', ALIVE, FX_PLAN, DIALOG_UPGRADE, NULL },
    { 'd', STANDBY, FX_PLAN, DIALOG_UPGRADE, NULL },
    { 'd', OWN_RUN, FX_NONE, DIALOG_NONE, "c cancels it" },
    { 'd', DOWN, FX_NONE, DIALOG_NONE, "not connected" },
    { '?', DOWN, FX_NONE, DIALOG_HELP, NULL },
    { 'q', UNLOCKED, FX_QUIT, DIALOG_NONE, NULL },
    { 'q', DOWN, FX_QUIT, DIALOG_NONE, NULL },
    { 'q', NOTHING_SEEN, FX_QUIT, DIALOG_NONE, NULL },
    { 'q', OWN_RUN, FX_NONE, DIALOG_QUIT, NULL },
    { UK_CTRL_L, UNLOCKED, FX_REDRAW, DIALOG_NONE, NULL },
    { UK_ENTER, UNLOCKED, FX_NONE, DIALOG_NONE, NULL },
    { UK_ESC, UNLOCKED, FX_NONE, DIALOG_NONE, NULL },
    { 'y', UNLOCKED, FX_NONE, DIALOG_NONE, NULL },
    { 'y', DEAD, FX_NONE, DIALOG_NONE, NULL },
};

static void keys_by_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct expected *e = &table[i];
        struct model *m = in_state(e->state, false);
        struct effect fx = scene_key(m, e->key);
        if ((int)fx.what != e->effect || m->dialog.kind != e->dialog || (e->why && !strstr(m->status, e->why)) || (!e->why && m->status[0]))
            fail_msg("key %c in state %d: effect %d, dialog %d, status \"%s\"", e->key, e->state, fx.what, m->dialog.kind, m->status);
        if (e->dialog != DIALOG_NONE)
            assert_true(fx.flush);
        drop(m);
    }
}

static void read_only_takes_keys_away(void **state)
{
    (void)state;
    for (enum state s = NOTHING_SEEN; s < STATES; s++) {
        if (s == OWN_RUN)
            continue;
        for (const char *key = "urF"; *key; key++) {
            struct model *m = in_state(s, true);
            struct effect fx = scene_key(m, *key);
            assert_int_equal(fx.what, FX_NONE);
            assert_int_equal(m->dialog.kind, DIALOG_NONE);
            assert_non_null(strstr(m->status, "--read-only"));
            drop(m);
        }
    }
    /* A dry run is a look. Its dialog runs nothing, whatever is pressed. */
    struct model *m = in_state(UNLOCKED, true);
    struct effect fx = scene_key(m, 'd');
    assert_int_equal(fx.what, FX_PLAN);
    scene_plan(m, fx.job, PLAN_UPGRADE, 2, 0);
    assert_int_equal(m->dialog.stage, STAGE_ASK);
    assert_int_equal(scene_key(m, 'y').what, FX_NONE);
    assert_false(m->run.on);
    drop(m);
}

static void moves(void **state)
{
    struct model *m = in_state(UNLOCKED, false);
    (void)state;
    assert_int_equal(m->focus, PANE_PENDING);
    scene_key(m, 'j');
    assert_int_equal(m->pending.chosen, 1);
    scene_key(m, 'k');
    scene_key(m, UK_UP);
    assert_int_equal(m->pending.chosen, 0);
    scene_key(m, 'G');
    assert_int_equal(m->pending.chosen, 2);
    scene_key(m, UK_TAB);
    assert_int_equal(m->focus, PANE_APPLIED);
    scene_key(m, UK_PAGE_DOWN);
    assert_int_equal(m->applied.chosen, 10);
    scene_key(m, 'G');
    assert_int_equal(m->applied.chosen, 12);
    assert_true(m->applied.top > 0 || m->rows > 30);
    scene_key(m, 'g');
    assert_int_equal(m->applied.chosen, 0);
    assert_int_equal(m->applied.top, 0);
    scene_key(m, UK_BACK_TAB);
    assert_int_equal(m->focus, PANE_PENDING);
    scene_key(m, '1');
    assert_int_equal(m->focus, PANE_LOCK);
    scene_key(m, 'j');
    scene_key(m, '2');
    assert_int_equal(m->focus, PANE_PENDING);
    drop(m);
}

static void chosen_row_stays_on_its_file(void **state)
{
    struct model *m = in_state(UNLOCKED, false);
    struct snapshot *snap = scene_look();
    struct listing *l = snap->listing;
    (void)state;
    scene_key(m, 'j'); /* V15 */
    free(l->pending[0].file);
    free(l->pending[0].shown);
    free(l->pending[0].description);
    memmove(&l->pending[0], &l->pending[1], 2 * sizeof l->pending[0]);
    l->pending_count = 2;
    scene_see(m, snap);
    assert_int_equal(m->pending.chosen, 0);
    assert_string_equal(m->snap->listing->pending[m->pending.chosen].label, "V15");
    drop(m);
}

/* ---- upgrade and roll back ---- */

static void upgrade_runs_what_was_confirmed(void **state)
{
    struct model *m = in_state(UNLOCKED, false);
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
    drop(m);
}

static void plan_for_a_left_dialog_is_nobodys(void **state)
{
    struct model *m = in_state(UNLOCKED, false);
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
    drop(m);
}

static void lock_taken_under_the_upgrade_dialog(void **state)
{
    struct model *m = in_state(UNLOCKED, false);
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
    drop(m);
}

static void plan_without_files(void **state)
{
    struct model *m = in_state(UNLOCKED, false);
    struct effect fx = scene_key(m, 'u');
    (void)state;
    scene_plan(m, fx.job, PLAN_UPGRADE, 0, 0);
    assert_int_equal(m->dialog.stage, STAGE_TOLD);
    assert_int_equal(scene_key(m, 'y').what, FX_NONE);
    assert_false(m->run.on);
    drop(m);
}

static void roll_back_is_typed(void **state)
{
    struct model *m = in_state(UNLOCKED, false);
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
    drop(m);
}

static void roll_back_without_sql_is_refused(void **state)
{
    struct model *m = in_state(UNLOCKED, false);
    struct effect fx = scene_key(m, 'r');
    (void)state;
    scene_plan(m, fx.job, PLAN_ROLLBACK, 2, 2);
    assert_int_equal(m->dialog.stage, STAGE_TOLD);
    assert_non_null(strstr(m->dialog.told, "V12 has no rollback SQL"));
    assert_int_equal(scene_type(m, "12").what, FX_NONE);
    assert_false(m->run.on);
    drop(m);
}

static void version_after_a_roll_back(void **state)
{
    struct model *m = in_state(UNLOCKED, false);
    struct effect fx = scene_key(m, 'r');
    (void)state;
    scene_plan(m, fx.job, PLAN_ROLLBACK, 2, 0);
    assert_string_equal(model_version_after(m, m->dialog.plan), "11");
    drop(m);
}

/* ---- force-unlock ---- */

static void unlock_of_a_dead_holder(void **state)
{
    struct model *m = in_state(DEAD, false);
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
    drop(m);
}

static void unlock_of_a_living_holder_is_typed(void **state)
{
    static const enum state states[] = { ALIVE, UNKNOWN, OTHER };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct model *m = in_state(states[i], false);
        const char *id = states[i] == OTHER ? SCENE_OTHER_ID : SCENE_ID;
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
        drop(m);
    }
}

static void tab_ends_the_session_too(void **state)
{
    struct model *m = in_state(ALIVE, false);
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
    drop(m);
    /* Where no session is known there is none to end. */
    m = in_state(OTHER, false);
    scene_key(m, 'F');
    scene_key(m, UK_TAB);
    assert_false(m->dialog.terminate);
    drop(m);
}

static void unfenced_only_with_its_session(void **state)
{
    struct model *m = new_model(false);
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
    drop(m);
    /* Without sessions it can't be ended: refused. */
    m = new_model(false);
    snap = scene_locked(LOCK_ALIVE);
    snap->lock.fenced = false;
    snap->sessions = false;
    scene_see(m, snap);
    scene_key(m, 'F');
    assert_int_equal(m->dialog.stage, STAGE_TOLD);
    assert_int_equal(scene_type(m, "7f3c").what, FX_NONE);
    drop(m);
}

static void lock_changes_hands_under_the_dialog(void **state)
{
    struct snapshot *looks[] = { scene_look(), scene_other() };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct model *m = in_state(ALIVE, false);
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
        drop(m);
    }
}

static void verdict_changes_under_the_dialog(void **state)
{
    struct model *m = in_state(ALIVE, false);
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
    drop(m);
    /* The same look again changes nothing of what was typed. */
    m = in_state(ALIVE, false);
    scene_key(m, 'F');
    scene_type(m, "7f3");
    assert_false(scene_see(m, scene_locked(LOCK_ALIVE)).flush);
    assert_string_equal(m->dialog.typed, "7f3");
    drop(m);
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
        struct model *m = in_state(ALIVE, false);
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
        drop(m);
    }
}

static void answer_after_the_dialog_was_left(void **state)
{
    struct model *m = in_state(DEAD, false);
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
    drop(m);
}

/* ---- our own run ---- */

static void own_run_from_start_to_end(void **state)
{
    struct model *m = in_state(OWN_RUN, false);
    (void)state;
    assert_false(m->run.locked);
    scene_note(m, EV_LOCK_ACQUIRED, NULL, 0, 0);
    assert_true(m->run.locked);
    assert_string_equal(m->run.process_id, SCENE_ID);
    assert_int_equal(m->run.session_pid, 50117);
    scene_note(m, EV_MIGRATION_STARTED, "V14__orders_lookup.sql", 1, 0);
    assert_int_equal(m->run.plan->items[0].state, PREVIEW_RUNNING);
    scene_note(m, EV_STATEMENT_DONE, "V14__orders_lookup.sql", 1, 1);
    assert_int_equal(m->run.statement, 1);
    scene_note(m, EV_MIGRATION_APPLIED, "V14__orders_lookup.sql", 1, 0);
    assert_int_equal(m->run.plan->items[0].state, PREVIEW_DONE);
    scene_note(m, EV_MIGRATION_STARTED, "V15__x.sql", 2, 0);
    char words[200];
    model_cancel_words(m, words, sizeof words);
    assert_string_equal(words, "rolls V15 back, V14 stays");
    assert_int_equal(scene_key(m, 'F').what, FX_NONE);
    scene_note(m, EV_MIGRATION_APPLIED, "V15__x.sql", 2, 0);
    scene_note(m, EV_RUN_ENDED, NULL, 0, 0);
    assert_true(m->run.on);
    scene_returned(m, 0, ERR_NONE, NULL);
    assert_false(m->run.on);
    assert_non_null(strstr(m->status, "upgrade done: 2 applied"));
    assert_false(m->status_bad);
    drop(m);
}

static void old_look_after_our_run(void **state)
{
    struct model *m = in_state(OWN_RUN, false);
    (void)state;
    scene_note(m, EV_LOCK_ACQUIRED, NULL, 0, 0);
    scene_see(m, scene_locked(LOCK_ALIVE)); /* names our run: same process ID */
    assert_true(model_lock_is_ours(m));
    scene_returned(m, 0, ERR_NONE, NULL);
    assert_true(model_lock_is_ours(m)); /* this look is from before the end */
    scene_tick(m, 5);
    scene_see(m, scene_locked(LOCK_ALIVE)); /* and this one from after it: the lock was not released */
    assert_false(model_lock_is_ours(m));
    drop(m);
}

static void failure_opens_the_error(void **state)
{
    struct model *m = in_state(OWN_RUN, false);
    (void)state;
    scene_note(m, EV_LOCK_ACQUIRED, NULL, 0, 0);
    scene_note(m, EV_MIGRATION_STARTED, "V14__orders_lookup.sql", 1, 0);
    scene_note(m, EV_MIGRATION_ROLLED_BACK, "V14__orders_lookup.sql", 1, 0);
    scene_returned(m, 1, ERR_SQL, "column \"totl\" does not exist");
    assert_int_equal(m->dialog.kind, DIALOG_ERROR);
    assert_string_equal(m->dialog.error.message, "column \"totl\" does not exist");
    assert_int_equal(scene_type(m, "yuq").what, FX_NONE);
    assert_int_equal(m->dialog.kind, DIALOG_ERROR);
    scene_key(m, UK_ESC);
    assert_int_equal(m->dialog.kind, DIALOG_NONE);
    drop(m);
}

static void cancel_asks_first(void **state)
{
    struct model *m = in_state(OWN_RUN, false);
    struct effect fx;
    (void)state;
    scene_note(m, EV_LOCK_ACQUIRED, NULL, 0, 0);
    scene_note(m, EV_MIGRATION_STARTED, "V14__orders_lookup.sql", 1, 0);
    scene_key(m, 'c');
    assert_int_equal(scene_key(m, UK_ENTER).what, FX_NONE);
    scene_key(m, UK_ESC);
    assert_false(m->run.cancelling);
    scene_key(m, 'c');
    fx = scene_key(m, 'y');
    assert_int_equal(fx.what, FX_CANCEL_OWN);
    assert_int_equal(fx.signal, SIGINT);
    assert_true(m->run.on);
    scene_key(m, 'c');
    assert_non_null(strstr(m->status, "being cancelled"));
    scene_note(m, EV_MIGRATION_ROLLED_BACK, "V14__orders_lookup.sql", 1, 0);
    fx = scene_returned(m, 130, ERR_CANCELLED, "stopped");
    assert_int_equal(fx.what, FX_NONE);
    assert_int_equal(m->dialog.kind, DIALOG_NONE);
    assert_string_equal(m->status, "upgrade cancelled: V14 rolled back, nothing else was run");
    drop(m);
}

static void quit_during_a_run(void **state)
{
    struct model *m = in_state(OWN_RUN, false);
    struct effect fx;
    (void)state;
    scene_key(m, 'q');
    assert_int_equal(scene_key(m, 'q').what, FX_NONE);
    fx = scene_key(m, 'y');
    assert_int_equal(fx.what, FX_CANCEL_OWN);
    fx = scene_returned(m, 130, ERR_CANCELLED, "stopped before the lock was asked for; nothing was done");
    assert_int_equal(fx.what, FX_QUIT);
    assert_int_equal(fx.exit_code, 0);
    assert_non_null(strstr(m->farewell, "cancelled"));
    drop(m);
    /* The run ends while the question stands: nothing is left to cancel, and it does not quit by itself. */
    m = in_state(OWN_RUN, false);
    scene_key(m, 'q');
    fx = scene_returned(m, 0, ERR_NONE, NULL);
    assert_int_equal(fx.what, FX_NONE);
    assert_int_equal(m->dialog.kind, DIALOG_NONE);
    assert_true(fx.flush);
    drop(m);
}

static struct effect signalled(struct model *m, int number)
{
    struct model_msg msg = { .kind = MSG_SIGNAL, .u.signal = number };
    return model_apply(m, &msg);
}

static void signals(void **state)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct model *m = in_state(UNLOCKED, false);
        struct effect fx = signalled(m, numbers[i]);
        assert_int_equal(fx.what, FX_QUIT);
        assert_int_equal(fx.exit_code, 128 + numbers[i]);
        drop(m);
        m = in_state(OWN_RUN, false);
        fx = signalled(m, numbers[i]);
        assert_int_equal(fx.what, FX_CANCEL_OWN);
        assert_int_equal(fx.signal, numbers[i]);
        assert_int_equal(signalled(m, numbers[i]).what, FX_NONE);
        fx = scene_returned(m, 128 + numbers[i], ERR_CANCELLED, "stopped");
        assert_int_equal(fx.what, FX_QUIT);
        assert_int_equal(fx.exit_code, 128 + numbers[i]);
        drop(m);
    }
}

static void suspend_is_held_back(void **state)
{
    struct model *m = in_state(OWN_RUN, false);
    struct model_msg msg = { .kind = MSG_SUSPEND };
    (void)state;
    assert_int_equal(model_apply(m, &msg).what, FX_NONE);
    assert_non_null(strstr(m->status, "Ctrl-Z is held back"));
    scene_returned(m, 0, ERR_NONE, NULL);
    assert_int_equal(model_apply(m, &msg).what, FX_SUSPEND);
    drop(m);
}

static void nothing_is_meant_that_cannot_be_seen(void **state)
{
    struct model *m = in_state(DEAD, false);
    struct model_msg small = { .kind = MSG_RESIZE, .u.size = { .rows = 10, .cols = 40 } }, large = { .kind = MSG_RESIZE, .u.size = { .rows = 24, .cols = 80 } };
    (void)state;
    scene_key(m, 'F');
    model_apply(m, &small);
    assert_int_equal(scene_key(m, 'y').what, FX_NONE);
    assert_int_equal(scene_key(m, 'q').what, FX_NONE);
    model_apply(m, &large);
    assert_int_equal(m->dialog.kind, DIALOG_UNLOCK);
    assert_int_equal(scene_key(m, 'y').what, FX_UNLOCK);
    drop(m);
}

static void ages_stand_still_while_nothing_is_seen(void **state)
{
    struct model *m = in_state(DEAD, false);
    double age = model_lock_age(m);
    (void)state;
    scene_tick(m, 5000);
    assert_true(model_lock_age(m) > age + 4.9);
    scene_down(m, "gone");
    age = model_lock_age(m);
    scene_tick(m, 5000);
    assert_true(model_lock_age(m) <= age);
    drop(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_by_state), cmocka_unit_test(read_only_takes_keys_away), cmocka_unit_test(moves), cmocka_unit_test(chosen_row_stays_on_its_file),
        cmocka_unit_test(upgrade_runs_what_was_confirmed), cmocka_unit_test(plan_for_a_left_dialog_is_nobodys), cmocka_unit_test(lock_taken_under_the_upgrade_dialog),
        cmocka_unit_test(plan_without_files), cmocka_unit_test(roll_back_is_typed), cmocka_unit_test(roll_back_without_sql_is_refused), cmocka_unit_test(version_after_a_roll_back),
        cmocka_unit_test(unlock_of_a_dead_holder), cmocka_unit_test(unlock_of_a_living_holder_is_typed), cmocka_unit_test(tab_ends_the_session_too),
        cmocka_unit_test(unfenced_only_with_its_session), cmocka_unit_test(lock_changes_hands_under_the_dialog), cmocka_unit_test(verdict_changes_under_the_dialog),
        cmocka_unit_test(unlock_that_was_refused), cmocka_unit_test(answer_after_the_dialog_was_left), cmocka_unit_test(own_run_from_start_to_end),
        cmocka_unit_test(old_look_after_our_run), cmocka_unit_test(failure_opens_the_error), cmocka_unit_test(cancel_asks_first), cmocka_unit_test(quit_during_a_run),
        cmocka_unit_test(signals), cmocka_unit_test(suspend_is_held_back), cmocka_unit_test(nothing_is_meant_that_cannot_be_seen), cmocka_unit_test(ages_stand_still_while_nothing_is_seen),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
