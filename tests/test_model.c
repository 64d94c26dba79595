/* test_model.c: the console's state: each key in each state gives its effect or says why not; our own run; signals. */
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

/* ---- each key in each state ---- */

/* What a key gives: an effect, a dialog, or a sentence that holds these words. */
struct expected {
    int key;
    enum scene_state state;
    int effect;
    enum dialog_kind dialog;
    const char *why;
};

static const struct expected table[] = {
    { 'u', SCENE_NOTHING_SEEN, FX_NONE, DIALOG_NONE, "not connected" },
    { 'u', SCENE_UNLOCKED, FX_PLAN, DIALOG_UPGRADE, NULL },
    { 'u', SCENE_NOTHING_PENDING, FX_NONE, DIALOG_NONE, "nothing is pending" },
    { 'u', SCENE_NOTHING_APPLIED, FX_PLAN, DIALOG_UPGRADE, NULL },
    { 'u', SCENE_DISAGREES, FX_NONE, DIALOG_NONE, "V11 was changed" },
    { 'u', SCENE_ALIVE, FX_NONE, DIALOG_NONE, "locked by deploy@ci-runner-7: F to force-unlock, or wait" },
    { 'u', SCENE_DEAD, FX_NONE, DIALOG_NONE, "locked by deploy@ci-runner-7" },
    { 'u', SCENE_OTHER, FX_NONE, DIALOG_NONE, "locked by another program" },
    { 'u', SCENE_OWN_RUN, FX_NONE, DIALOG_NONE, "c cancels it" },
    { 'u', SCENE_DOWN, FX_NONE, DIALOG_NONE, "not connected to the database: connection to server" },
    { 'u', SCENE_STANDBY, FX_NONE, DIALOG_NONE, "standby" },
    { 'r', SCENE_NOTHING_SEEN, FX_NONE, DIALOG_NONE, "not connected" },
    { 'r', SCENE_UNLOCKED, FX_PLAN, DIALOG_ROLLBACK, NULL },
    { 'r', SCENE_NOTHING_PENDING, FX_PLAN, DIALOG_ROLLBACK, NULL },
    { 'r', SCENE_NOTHING_APPLIED, FX_NONE, DIALOG_NONE, "nothing is applied" },
    { 'r', SCENE_ALIVE, FX_NONE, DIALOG_NONE, "locked by" },
    { 'r', SCENE_OWN_RUN, FX_NONE, DIALOG_NONE, "c cancels it" },
    { 'r', SCENE_DOWN, FX_NONE, DIALOG_NONE, "not connected" },
    { 'r', SCENE_STANDBY, FX_NONE, DIALOG_NONE, "standby" },
    { 'F', SCENE_NOTHING_SEEN, FX_NONE, DIALOG_NONE, "not connected" },
    { 'F', SCENE_UNLOCKED, FX_NONE, DIALOG_NONE, "the lock is free" },
    { 'F', SCENE_ALIVE, FX_NONE, DIALOG_UNLOCK, NULL },
    { 'F', SCENE_DEAD, FX_NONE, DIALOG_UNLOCK, NULL },
    { 'F', SCENE_UNKNOWN, FX_NONE, DIALOG_UNLOCK, NULL },
    { 'F', SCENE_OTHER, FX_NONE, DIALOG_UNLOCK, NULL },
    { 'F', SCENE_OWN_RUN, FX_NONE, DIALOG_NONE, "c cancels it" },
    { 'F', SCENE_DOWN, FX_NONE, DIALOG_NONE, "not connected" },
    { 'c', SCENE_UNLOCKED, FX_NONE, DIALOG_NONE, "nothing of this console is running" },
    { 'c', SCENE_ALIVE, FX_NONE, DIALOG_NONE, "nothing of this console is running" },
    { 'c', SCENE_OWN_RUN, FX_NONE, DIALOG_CANCEL, NULL },
    { 'd', SCENE_UNLOCKED, FX_PLAN, DIALOG_UPGRADE, NULL },
    { 'd', SCENE_ALIVE, FX_PLAN, DIALOG_UPGRADE, NULL },
    { 'd', SCENE_STANDBY, FX_PLAN, DIALOG_UPGRADE, NULL },
    { 'd', SCENE_OWN_RUN, FX_NONE, DIALOG_NONE, "c cancels it" },
    { 'd', SCENE_DOWN, FX_NONE, DIALOG_NONE, "not connected" },
    { '?', SCENE_DOWN, FX_NONE, DIALOG_HELP, NULL },
    { 'q', SCENE_UNLOCKED, FX_QUIT, DIALOG_NONE, NULL },
    { 'q', SCENE_DOWN, FX_QUIT, DIALOG_NONE, NULL },
    { 'q', SCENE_NOTHING_SEEN, FX_QUIT, DIALOG_NONE, NULL },
    { 'q', SCENE_OWN_RUN, FX_NONE, DIALOG_QUIT, NULL },
    { UK_CTRL_L, SCENE_UNLOCKED, FX_REDRAW, DIALOG_NONE, NULL },
    { UK_ENTER, SCENE_UNLOCKED, FX_NONE, DIALOG_NONE, NULL },
    { UK_ESC, SCENE_UNLOCKED, FX_NONE, DIALOG_NONE, NULL },
    { 'y', SCENE_NOTHING_SEEN, FX_NONE, DIALOG_NONE, "no migration is chosen" },
    { 'y', SCENE_UNLOCKED, FX_COPY, DIALOG_NONE, NULL },
    { 'y', SCENE_DEAD, FX_COPY, DIALOG_NONE, NULL },
    { 'U', SCENE_UNLOCKED, FX_PLAN, DIALOG_UPGRADE, NULL },
    { 'U', SCENE_NOTHING_PENDING, FX_NONE, DIALOG_NONE, "nothing is pending" },
    { 'U', SCENE_DISAGREES, FX_NONE, DIALOG_NONE, "V11 was changed" },
    { 'U', SCENE_ALIVE, FX_NONE, DIALOG_NONE, "locked by deploy@ci-runner-7" },
    { 'R', SCENE_UNLOCKED, FX_NONE, DIALOG_NONE, "choose one in pane 3" },
    { 'R', SCENE_DEAD, FX_NONE, DIALOG_NONE, "locked by" },
    { 'T', SCENE_UNLOCKED, FX_NONE, DIALOG_NONE, "the lock is free" },
    { 'T', SCENE_ALIVE, FX_NONE, DIALOG_NONE, "not proven dead" },
    { 'T', SCENE_UNKNOWN, FX_NONE, DIALOG_NONE, "not proven dead" },
    { 'T', SCENE_OTHER, FX_NONE, DIALOG_NONE, "not proven dead" },
    { 'T', SCENE_OWN_RUN, FX_NONE, DIALOG_NONE, "c cancels it" },
    { 'T', SCENE_DEAD, FX_PLAN, DIALOG_UPGRADE, NULL },
    { 'x', SCENE_UNLOCKED, FX_NONE, DIALOG_NONE, "no session blocks" },
    { 'X', SCENE_ALIVE, FX_NONE, DIALOG_NONE, "no session blocks" },
    { 'X', SCENE_DOWN, FX_NONE, DIALOG_NONE, "not connected" },
    { 'v', SCENE_UNLOCKED, FX_NONE, DIALOG_VERIFY, NULL },
    { 'v', SCENE_DOWN, FX_NONE, DIALOG_VERIFY, NULL },
    { 'v', SCENE_NOTHING_SEEN, FX_NONE, DIALOG_NONE, "not connected" },
    { 'o', SCENE_UNLOCKED, FX_NONE, DIALOG_NONE, "the file is being read" },
    { 'o', SCENE_OWN_RUN, FX_NONE, DIALOG_NONE, "must stay in sight" },
    { 'e', SCENE_NOTHING_SEEN, FX_NONE, DIALOG_NONE, "no migration is chosen" },
};

static void keys_by_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct expected *e = &table[i];
        struct model *m = scene_in(e->state, false);
        struct effect fx = scene_key(m, e->key);
        if ((int)fx.what != e->effect || m->dialog.kind != e->dialog || (e->why && !strstr(m->status, e->why)) || (!e->why && m->status[0]))
            fail_msg("key %c in state %d: effect %d, dialog %d, status \"%s\"", e->key, e->state, fx.what, m->dialog.kind, m->status);
        if (e->dialog != DIALOG_NONE)
            assert_true(fx.flush);
        scene_drop(m);
    }
}

static void read_only_takes_keys_away(void **state)
{
    (void)state;
    for (enum scene_state s = SCENE_NOTHING_SEEN; s < SCENE_STATES; s++) {
        if (s == SCENE_OWN_RUN)
            continue;
        for (const char *key = "uUrRFTxX"; *key; key++) {
            struct model *m = scene_in(s, true);
            struct effect fx = scene_key(m, *key);
            assert_int_equal(fx.what, FX_NONE);
            assert_int_equal(m->dialog.kind, DIALOG_NONE);
            assert_non_null(strstr(m->status, "--read-only"));
            scene_drop(m);
        }
    }
    /* A dry run is a look. Its dialog runs nothing, whatever is pressed. */
    struct model *m = scene_in(SCENE_UNLOCKED, true);
    struct effect fx = scene_key(m, 'd');
    assert_int_equal(fx.what, FX_PLAN);
    scene_plan(m, fx.job, PLAN_UPGRADE, 2, 0);
    assert_int_equal(m->dialog.stage, STAGE_ASK);
    assert_int_equal(scene_key(m, 'y').what, FX_NONE);
    assert_false(m->run.on);
    scene_drop(m);
}

static void moves(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
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
    assert_int_equal(m->applied.chosen, 11); /* a page is the pane, but for one line */
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
    scene_drop(m);
}

static void chosen_row_stays_on_its_file(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
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
    scene_drop(m);
}

/* ---- our own run ---- */

static void own_run_from_start_to_end(void **state)
{
    struct model *m = scene_in(SCENE_OWN_RUN, false);
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
    scene_drop(m);
}

static void old_look_after_our_run(void **state)
{
    struct model *m = scene_in(SCENE_OWN_RUN, false);
    (void)state;
    scene_note(m, EV_LOCK_ACQUIRED, NULL, 0, 0);
    scene_see(m, scene_locked(LOCK_ALIVE)); /* names our run: same process ID */
    assert_true(model_lock_is_ours(m));
    scene_returned(m, 0, ERR_NONE, NULL);
    assert_true(model_lock_is_ours(m)); /* this look is from before the end */
    scene_tick(m, 5);
    scene_see(m, scene_locked(LOCK_ALIVE)); /* and this one from after it: the lock was not released */
    assert_false(model_lock_is_ours(m));
    scene_drop(m);
}

static void failure_opens_the_error(void **state)
{
    struct model *m = scene_in(SCENE_OWN_RUN, false);
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
    scene_drop(m);
}

static void cancel_asks_first(void **state)
{
    struct model *m = scene_in(SCENE_OWN_RUN, false);
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
    assert_int_equal(fx.signal, -1);
    assert_true(m->run.on);
    scene_key(m, 'c');
    assert_non_null(strstr(m->status, "being cancelled"));
    scene_note(m, EV_MIGRATION_ROLLED_BACK, "V14__orders_lookup.sql", 1, 0);
    fx = scene_returned(m, 130, ERR_CANCELLED, "stopped");
    assert_int_equal(fx.what, FX_NONE);
    assert_int_equal(m->dialog.kind, DIALOG_NONE);
    assert_string_equal(m->status, "upgrade cancelled: V14 rolled back, nothing else was run");
    scene_drop(m);
}

static void quit_during_a_run(void **state)
{
    struct model *m = scene_in(SCENE_OWN_RUN, false);
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
    scene_drop(m);
    /* The run ends while the question stands: nothing is left to cancel, and it does not quit by itself. */
    m = scene_in(SCENE_OWN_RUN, false);
    scene_key(m, 'q');
    fx = scene_returned(m, 0, ERR_NONE, NULL);
    assert_int_equal(fx.what, FX_NONE);
    assert_int_equal(m->dialog.kind, DIALOG_NONE);
    assert_true(fx.flush);
    scene_drop(m);
}

static struct effect signalled(struct model *m, int number)
{
    struct model_msg msg = { .kind = MSG_SIGNAL, .u.signal = number };
    return model_apply(m, &msg);
}

static void signals(void **state)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct model *m = scene_in(SCENE_UNLOCKED, false);
        struct effect fx = signalled(m, numbers[i]);
        assert_int_equal(fx.what, FX_QUIT);
        assert_int_equal(fx.exit_code, 128 + numbers[i]);
        scene_drop(m);
        m = scene_in(SCENE_OWN_RUN, false);
        fx = signalled(m, numbers[i]);
        assert_int_equal(fx.what, FX_CANCEL_OWN);
        assert_int_equal(fx.signal, numbers[i]);
        assert_int_equal(signalled(m, numbers[i]).what, FX_NONE);
        fx = scene_returned(m, 128 + numbers[i], ERR_CANCELLED, "stopped");
        assert_int_equal(fx.what, FX_QUIT);
        assert_int_equal(fx.exit_code, 128 + numbers[i]);
        scene_drop(m);
    }
}

/* What a person typed is asked for while a run is on, and ends the console at once otherwise. */
static void interrupt_asks(void **state)
{
    struct model *m = scene_in(SCENE_OWN_RUN, false);
    struct model_msg msg = { .kind = MSG_INTERRUPT, .u.signal = SIGINT };
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(model_apply(m, &msg).what, FX_NONE);
        assert_int_equal(m->dialog.kind, DIALOG_QUIT);
    }
    scene_key(m, UK_ESC);
    assert_int_equal(m->dialog.kind, DIALOG_NONE);
    assert_true(m->run.on && !m->run.cancelling);
    model_apply(m, &msg);
    assert_int_equal(scene_key(m, 'y').what, FX_CANCEL_OWN);
    scene_drop(m);
    m = scene_in(SCENE_UNLOCKED, false);
    assert_int_equal(model_apply(m, &msg).exit_code, 128 + SIGINT);
    scene_drop(m);
}

static void suspend_is_held_back(void **state)
{
    struct model *m = scene_in(SCENE_OWN_RUN, false);
    struct model_msg msg = { .kind = MSG_SUSPEND };
    (void)state;
    assert_int_equal(model_apply(m, &msg).what, FX_NONE);
    assert_non_null(strstr(m->status, "Ctrl-Z is held back"));
    scene_returned(m, 0, ERR_NONE, NULL);
    assert_int_equal(model_apply(m, &msg).what, FX_SUSPEND);
    scene_drop(m);
}

static void nothing_is_meant_that_cannot_be_seen(void **state)
{
    struct model *m = scene_in(SCENE_DEAD, false);
    struct model_msg small = { .kind = MSG_RESIZE, .u.size = { .rows = 10, .cols = 40 } }, large = { .kind = MSG_RESIZE, .u.size = { .rows = 24, .cols = 80 } };
    (void)state;
    scene_key(m, 'F');
    model_apply(m, &small);
    assert_int_equal(scene_key(m, 'y').what, FX_NONE);
    assert_int_equal(scene_key(m, 'q').what, FX_NONE);
    model_apply(m, &large);
    assert_int_equal(m->dialog.kind, DIALOG_UNLOCK);
    assert_int_equal(scene_key(m, 'y').what, FX_UNLOCK);
    scene_drop(m);
}

static void ages_stand_still_while_nothing_is_seen(void **state)
{
    struct model *m = scene_in(SCENE_DEAD, false);
    double age = model_lock_age(m);
    (void)state;
    scene_tick(m, 5000);
    assert_true(model_lock_age(m) > age + 4.9);
    scene_down(m, "gone");
    age = model_lock_age(m);
    scene_tick(m, 5000);
    assert_true(model_lock_age(m) <= age);
    scene_drop(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_by_state),
        cmocka_unit_test(read_only_takes_keys_away),
        cmocka_unit_test(moves),
        cmocka_unit_test(chosen_row_stays_on_its_file),
        cmocka_unit_test(own_run_from_start_to_end),
        cmocka_unit_test(old_look_after_our_run),
        cmocka_unit_test(failure_opens_the_error),
        cmocka_unit_test(cancel_asks_first),
        cmocka_unit_test(quit_during_a_run),
        cmocka_unit_test(signals),
        cmocka_unit_test(interrupt_asks), cmocka_unit_test(suspend_is_held_back),
        cmocka_unit_test(nothing_is_meant_that_cannot_be_seen),
        cmocka_unit_test(ages_stand_still_while_nothing_is_seen),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
