/* test_model_half.c: half-applied files and repairs in the console: what is shown, what w, f and m ask, what confirms them, what stops them. */
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
#include "pane.h"
#include "support/scene_half.h"

/* Does the text stand in one row of the screen? */
static bool on_screen(const struct model *m, const char *text)
{
    struct canvas canvas = { 0 };
    char row[900];
    bool found = false;
    screen_draw(m, &canvas);
    for (int i = 0; i < m->rows && !found; i++) {
        canvas_row(&canvas, i, row, sizeof row);
        found = strstr(row, text) != NULL;
    }
    canvas_free(&canvas);
    return found;
}

static void nothing_starts_beside_it(void **state)
{
    static const char keys[] = { 'u', 'U', 'r' };
    struct model *m = scene_half_model(false);
    (void)state;
    for (size_t i = 0; i < sizeof keys; i++) {
        assert_int_equal(scene_key(m, keys[i]).what, FX_NONE);
        assert_string_equal(m->status, "V14 is half applied: v shows the ways out");
        assert_int_equal(m->dialog.kind, DIALOG_NONE);
    }
    scene_see(m, scene_dead_half(2, 1));
    assert_int_equal(scene_key(m, 'T').what, FX_NONE);
    assert_string_equal(m->status, "V14 is half applied: F unlocks, then v shows the ways out");
    assert_int_equal(scene_key(m, 'w').what, FX_NONE);
    assert_string_equal(m->status, "locked by a dead run: F unlocks first");
    scene_drop(m);
}

static void screen_says_so(void **state)
{
    struct model *m = scene_half_model(false);
    struct snapshot *snap;
    (void)state;
    assert_true(on_screen(m, "V14 is HALF APPLIED: 1 of 5 done, statement 2 may have run"));
    assert_true(on_screen(m, "index public.orders_total is invalid; v: ways out"));
    assert_true(on_screen(m, "orders lookup    HALF APPLIED")); /* pending */
    assert_true(on_screen(m, "V14 is half applied: nothing can start before v has resolved it"));
    assert_true(on_screen(m, "w resolve V14"));
    assert_true(on_screen(m, "v verify, resolve"));
    scene_see(m, scene_dead_half(2, 1));
    assert_true(on_screen(m, "died in V14__orders_lookup.sql (no transaction)"));
    assert_true(on_screen(m, "effect     V14 is HALF APPLIED: 1 of 5 done, statement 2 may have run"));
    assert_true(on_screen(m, "F unlocks, then v: ways out"));
    assert_true(on_screen(m, "v verify, resolve"));
    scene_key(m, 'F');
    assert_true(on_screen(m, "Invalid index: public.orders_total on public.orders."));
    assert_true(on_screen(m, "Nothing can start before V14 is resolved"));
    scene_key(m, UK_ESC);
    /* Another run's remains are not what this holder has left. */
    snap = scene_dead_half(2, 1);
    snprintf(snap->listing->half[0].process_id, sizeof snap->listing->half[0].process_id, "%s", SCENE_OTHER_ID);
    scene_see(m, snap);
    assert_false(on_screen(m, "effect     V14 is HALF APPLIED"));
    snap = scene_look();
    scene_leave_half(snap, 5, 5);
    scene_see(m, snap);
    assert_true(on_screen(m, "V14 is HALF APPLIED: all 5 done, its record is missing"));
    snap = scene_look();
    scene_leave_half(snap, 4, 1);
    scene_see(m, snap);
    assert_true(on_screen(m, "1 of 5 done, statements 2 to 4 may have run"));
    snap = scene_look();
    scene_leave_half(snap, 2, 1);
    snap->listing->half[0].same = false;
    scene_see(m, snap);
    assert_true(on_screen(m, "1 of 5 done, statement 2 may have run; its"));
    scene_drop(m);
}

/* From v to the question. */
static struct model *asked(int started, int done, bool same)
{
    struct model *m = scene_model(false);
    struct snapshot *snap = scene_look();
    struct effect fx;
    scene_leave_half(snap, started, done);
    snap->listing->half[0].same = same;
    scene_see(m, snap);
    scene_key(m, 'v');
    assert_int_equal(m->dialog.kind, DIALOG_VERIFY);
    assert_true(on_screen(m, "HALF APPLIED"));
    fx = scene_key(m, 'w');
    assert_int_equal(fx.what, FX_PLAN);
    assert_string_equal(fx.file, "V14__orders_lookup.sql");
    assert_true(fx.flush);
    assert_int_equal(m->dialog.stage, STAGE_WAITING);
    scene_known(m, fx.job, started, done, same);
    assert_int_equal(m->dialog.stage, STAGE_ASK);
    return m;
}

/* Where the lock is in the way, v leads there: F opens the same question as outside. */
static void the_lock_comes_first(void **state)
{
    struct model *m = scene_model(false);
    (void)state;
    scene_see(m, scene_look());
    scene_key(m, 'v');
    scene_key(m, 'F');
    assert_int_equal(m->dialog.kind, DIALOG_VERIFY);
    scene_see(m, scene_dead_half(2, 1));
    assert_true(on_screen(m, "locked by a dead run: F unlocks first"));
    assert_true(on_screen(m, "(w resolve V14)   F force-unlock"));
    assert_int_equal(scene_key(m, 'w').what, FX_NONE);
    assert_int_equal(m->dialog.kind, DIALOG_VERIFY);
    assert_true(scene_key(m, 'F').flush);
    assert_int_equal(m->dialog.kind, DIALOG_UNLOCK);
    scene_drop(m);
    m = scene_model(true);
    scene_see(m, scene_dead_half(2, 1));
    scene_key(m, 'v');
    assert_true(on_screen(m, "(F force-unlock)"));
    scene_key(m, 'F');
    assert_int_equal(m->dialog.kind, DIALOG_VERIFY);
    scene_drop(m);
}

/* An index that was dropped while the dialog asks is named no longer, and what a look said before the question was answered does not count. */
static void index_is_dropped_meanwhile(void **state)
{
    static const char named[] = "Invalid index: public.orders_total on public.orders.";
    struct model *m = asked(2, 1, true);
    struct snapshot *snap = scene_look();
    (void)state;
    assert_true(on_screen(m, named));
    scene_leave_half(snap, 2, 1);
    free(snap->listing->invalid);
    snap->listing->invalid = NULL;
    snap->listing_wall_us = m->dialog.answered_us - 1;
    scene_see(m, snap);
    assert_int_equal(m->dialog.stage, STAGE_ASK);
    assert_true(on_screen(m, named));
    snap = scene_look();
    scene_leave_half(snap, 2, 1);
    free(snap->listing->invalid);
    snap->listing->invalid = NULL;
    snap->listing_wall_us = m->dialog.answered_us + 1;
    scene_see(m, snap);
    assert_int_equal(m->dialog.stage, STAGE_ASK);
    assert_false(on_screen(m, "Invalid index"));
    snap = scene_look();
    scene_leave_half(snap, 2, 1);
    snap->listing_wall_us = m->dialog.answered_us + 2;
    scene_see(m, snap);
    assert_true(on_screen(m, named));
    scene_drop(m);
}

/* However narrow it is, the way out is on the screen. */
static void esc_stays_in_sight(void **state)
{
    struct model *m = asked(2, 1, true);
    (void)state;
    scene_key(m, UK_TAB);
    assert_true(on_screen(m, "+ - another statement   Up Down scroll   Esc leave it"));
    m->cols = 60;
    m->rows = 16;
    assert_true(on_screen(m, "Tab choose a way   + - another statement   Esc leave it"));
    scene_drop(m);
}

static void enter_and_habit_do_nothing(void **state)
{
    struct model *m = asked(2, 1, true);
    static const int keys[] = { UK_ENTER, 'y', 'w', '1', '2', 'u', ' ' };
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        assert_int_equal(scene_key(m, keys[i]).what, FX_NONE);
    assert_int_equal(m->dialog.way, RESOLVE_NONE);
    assert_int_equal(m->dialog.kind, DIALOG_RESOLVE);
    assert_int_equal(scene_key(m, UK_ESC).what, FX_NONE);
    assert_int_equal(m->dialog.kind, DIALOG_NONE);
    scene_drop(m);
}

static void goes_on_at_a_statement(void **state)
{
    struct model *m = asked(2, 1, true);
    struct effect fx;
    (void)state;
    scene_key(m, UK_TAB);
    assert_true(on_screen(m, "[x] go on at statement 2: you have seen that it left nothing behind"));
    scene_type(m, "+++");
    assert_int_equal(m->dialog.from, 3);
    assert_true(on_screen(m, "go on at statement 3: you have seen that statement 2 is done"));
    assert_int_equal(scene_key(m, '2').what, FX_NONE);
    scene_key(m, UK_BACKSPACE);
    scene_type(m, "-");
    assert_int_equal(scene_key(m, UK_ENTER).what, FX_NONE);
    fx = scene_key(m, '2');
    assert_int_equal(fx.what, FX_RUN);
    assert_int_equal(fx.resolve, RESOLVE_RERUN);
    assert_int_equal(fx.from, 2);
    assert_int_equal(fx.direction, PLAN_UPGRADE);
    assert_string_equal(fx.file, "V14__orders_lookup.sql");
    assert_string_equal(fx.digest, "digest-of-half");
    assert_true(m->run.on);
    scene_note(m, EV_LOCK_ACQUIRED, NULL, 0, 0);
    scene_note(m, EV_MIGRATION_STARTED, "V14__orders_lookup.sql", 1, 0);
    assert_int_equal(m->run.statement, 1);
    assert_true(on_screen(m, "c cancel (leaves V14 half applied)"));
    scene_note(m, EV_MIGRATION_APPLIED, "V14__orders_lookup.sql", 1, 0);
    scene_returned(m, 0, ERR_NONE, NULL);
    assert_string_equal(m->status, "resolve done: V14 has run to its end and is applied");
    scene_drop(m);
}

static void marks(void **state)
{
    static const struct {
        int tabs;
        const char *word;
        enum plan_resolve way;
        const char *says;
    } cases[] = { { 2, "applied", RESOLVE_APPLIED, "resolve done: V14 is marked as applied; nothing ran" }, { 3, "rolled-back", RESOLVE_ROLLED_BACK, "resolve done: V14 is marked as rolled back; nothing ran" } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model *m = asked(2, 1, true);
        struct effect fx;
        for (int t = 0; t < cases[i].tabs; t++)
            scene_key(m, UK_TAB);
        /* What confirms another way confirms nothing here. */
        assert_int_equal(scene_type(m, i ? "applied" : "rolled-").what, FX_NONE);
        for (int k = 0; k < 8; k++)
            scene_key(m, UK_BACKSPACE);
        fx = scene_type(m, cases[i].word);
        assert_int_equal(fx.what, FX_RUN);
        assert_int_equal(fx.resolve, cases[i].way);
        assert_int_equal(fx.from, 0);
        scene_note(m, EV_RESOLVED, "V14__orders_lookup.sql", 1, 0);
        scene_returned(m, 0, ERR_NONE, NULL);
        assert_string_equal(m->status, cases[i].says);
        scene_drop(m);
    }
}

static void where_it_may_go_on(void **state)
{
    struct model *m = asked(5, 5, true);
    (void)state;
    scene_key(m, UK_TAB);
    assert_int_equal(m->dialog.from, 1);
    assert_true(on_screen(m, "run it anew from statement 1: you have undone all of it by hand"));
    scene_drop(m);
    m = asked(3, 1, false);
    scene_key(m, UK_TAB);
    scene_type(m, "++");
    assert_int_equal(m->dialog.from, 1);
    assert_true(on_screen(m, "The file was changed before the statement"));
    assert_false(on_screen(m, " done  "));
    scene_drop(m);
    m = asked(3, 2, true);
    scene_key(m, UK_TAB);
    scene_type(m, "--");
    assert_int_equal(m->dialog.from, 1);
    scene_type(m, "+");
    assert_true(on_screen(m, "go on at statement 2: you have undone by hand what ran from there on"));
    scene_drop(m);
}

static void others_come_first(void **state)
{
    struct model *m = asked(2, 1, true);
    struct snapshot *snap;
    (void)state;
    scene_key(m, UK_TAB);
    snap = scene_look();
    scene_leave_half(snap, 4, 3);
    assert_true(scene_see(m, snap).flush);
    assert_int_equal(m->dialog.stage, STAGE_TOLD);
    assert_non_null(strstr(m->dialog.told, "half applied in another way than a moment ago"));
    assert_int_equal(scene_key(m, '2').what, FX_NONE);
    scene_drop(m);
    m = asked(2, 1, true);
    assert_true(scene_see(m, scene_look()).flush);
    assert_non_null(strstr(m->dialog.told, "V14 is half applied no longer"));
    scene_drop(m);
    m = asked(2, 1, true);
    snap = scene_locked(LOCK_ALIVE);
    scene_leave_half(snap, 2, 1);
    scene_see(m, snap);
    assert_non_null(strstr(m->dialog.told, "taken the lock; nothing was done"));
    scene_drop(m);
}

static void cancelled_leaves_it_half(void **state)
{
    struct model *m = asked(2, 1, true);
    (void)state;
    scene_key(m, UK_TAB);
    assert_int_equal(scene_key(m, '2').what, FX_RUN);
    scene_note(m, EV_MIGRATION_STARTED, "V14__orders_lookup.sql", 1, 0);
    scene_key(m, 'c');
    assert_int_equal(scene_key(m, 'y').what, FX_CANCEL_OWN);
    scene_note(m, EV_HALF_APPLIED, "V14__orders_lookup.sql", 1, 0);
    scene_returned(m, 1, ERR_CANCELLED, "V14__orders_lookup.sql is half applied: statement 1 is done");
    assert_null(strstr(m->status, "rolled back"));
    assert_non_null(strstr(m->status, "resolve cancelled: V14__orders_lookup.sql is half applied"));
    scene_drop(m);
}

/* ---- f and m ---- */

static struct model *disagreeing(bool missing, bool read_only)
{
    struct model *m = scene_model(read_only);
    struct snapshot *snap = scene_look();
    snap->listing->applied[0].state = APPLIED_CHANGED;
    if (missing)
        snap->listing->applied[12].state = APPLIED_MISSING;
    scene_see(m, snap);
    return m;
}

static void checksums_are_recorded(void **state)
{
    struct model *m = disagreeing(false, false);
    struct effect fx;
    char digest[CHECKSUM_SIZE];
    (void)state;
    scene_key(m, 'v');
    assert_true(on_screen(m, "f fix checksums"));
    assert_false(on_screen(m, "m forget missing"));
    fx = scene_key(m, 'f');
    assert_int_equal(fx.what, FX_FIND);
    assert_int_equal(fx.parts, REPAIR_CHECKSUMS);
    assert_int_equal(scene_key(m, 'y').what, FX_NONE);
    scene_found(m, fx.job, 1, 0);
    assert_true(on_screen(m, "was " SCENE_CHECKSUM));
    assert_true(on_screen(m, "new 11111111"));
    assert_int_equal(scene_key(m, UK_ENTER).what, FX_NONE);
    repair_digest(&m->dialog.repair, digest);
    fx = scene_key(m, 'y');
    assert_int_equal(fx.what, FX_RUN);
    assert_int_equal(fx.parts, REPAIR_CHECKSUMS);
    assert_string_equal(fx.digest, digest);
    scene_note(m, EV_LOCK_ACQUIRED, NULL, 0, 0);
    assert_true(on_screen(m, "fix-checksums, in one transaction"));
    scene_returned(m, 1, ERR_PLAN, "what is to be repaired is no longer what was confirmed; nothing was repaired");
    assert_int_equal(m->dialog.kind, DIALOG_ERROR);
    assert_true(on_screen(m, "Fix failed"));
    scene_drop(m);
}

static void missing_ones_are_forgotten(void **state)
{
    struct model *m = disagreeing(true, false);
    struct effect fx;
    (void)state;
    assert_int_equal(scene_key(m, 'f').what, FX_NONE);
    assert_non_null(strstr(m->status, "first the missing files"));
    scene_key(m, 'v');
    assert_true(on_screen(m, "(f fix checksums)"));
    fx = scene_key(m, 'm');
    assert_int_equal(fx.what, FX_FIND);
    assert_int_equal(fx.parts, REPAIR_FILES);
    scene_found(m, fx.job, 0, 1);
    assert_true(on_screen(m, "V1  V1__x.sql: 2 rows deleted"));
    /* The lock is taken before the answer. */
    scene_see(m, scene_locked(LOCK_ALIVE));
    assert_int_equal(scene_key(m, 'y').what, FX_NONE);
    assert_non_null(strstr(m->dialog.told, "ot started: locked by deploy@ci-runner-7"));
    scene_drop(m);
    m = disagreeing(true, false);
    fx = scene_key(m, 'm');
    scene_found(m, fx.job, 0, 0);
    assert_non_null(strstr(m->dialog.told, "nothing is to be fixed"));
    scene_drop(m);
}

static void read_only_strikes_them_out(void **state)
{
    struct model *m = disagreeing(true, true);
    struct snapshot *snap = scene_look();
    (void)state;
    scene_leave_half(snap, 2, 1);
    snap->listing->applied[0].state = APPLIED_CHANGED;
    snap->listing->applied[12].state = APPLIED_MISSING;
    scene_see(m, snap);
    scene_key(m, 'v');
    assert_true(on_screen(m, "(w resolve"));
    assert_true(on_screen(m, "(f fix checksums)"));
    assert_true(on_screen(m, "(m forget missing)"));
    assert_true(on_screen(m, "off: this console was started with --read-only"));
    assert_int_equal(scene_key(m, 'w').what, FX_NONE);
    assert_int_equal(scene_key(m, 'f').what, FX_NONE);
    assert_int_equal(scene_key(m, 'm').what, FX_NONE);
    assert_int_equal(m->dialog.kind, DIALOG_VERIFY);
    scene_drop(m);
}

static void answers_for_left_dialogs(void **state)
{
    struct model *m = disagreeing(true, false);
    struct effect fx;
    (void)state;
    fx = scene_key(m, 'm');
    scene_key(m, UK_ESC);
    scene_found(m, fx.job, 0, 1);
    assert_int_equal(m->dialog.kind, DIALOG_NONE);
    fx = scene_key(m, 'm');
    scene_found(m, fx.job - 1, 0, 1);
    assert_int_equal(m->dialog.stage, STAGE_WAITING);
    scene_drop(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_starts_beside_it),
        cmocka_unit_test(screen_says_so),
        cmocka_unit_test(the_lock_comes_first), cmocka_unit_test(index_is_dropped_meanwhile), cmocka_unit_test(esc_stays_in_sight), cmocka_unit_test(enter_and_habit_do_nothing),
        cmocka_unit_test(goes_on_at_a_statement),
        cmocka_unit_test(marks),
        cmocka_unit_test(where_it_may_go_on),
        cmocka_unit_test(others_come_first),
        cmocka_unit_test(cancelled_leaves_it_half),
        cmocka_unit_test(checksums_are_recorded),
        cmocka_unit_test(missing_ones_are_forgotten),
        cmocka_unit_test(read_only_strikes_them_out),
        cmocka_unit_test(answers_for_left_dialogs),
    };
    return cmocka_run_group_tests_name("model_half", tests, NULL, NULL);
}
