/* test_model_look.c: moving about in the console: detail, zoom, search, mouse, copy; and which file is chosen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chosen.h"
#include "keys.h"
#include "layout.h"
#include "pane.h"
#include "support/scene.h"

static void enter_opens_and_esc_goes_back(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    (void)state;
    scene_detail(m, NULL);
    assert_string_equal(chosen_detail(m)->path, "migrations/V14__orders_lookup.sql");
    assert_int_equal(scene_key(m, UK_ENTER).what, FX_NONE);
    assert_int_equal(m->focus, PANE_DETAIL);
    assert_int_equal(m->dialog.kind, DIALOG_NONE);
    scene_key(m, UK_ESC);
    assert_int_equal(m->focus, PANE_PENDING);
    scene_key(m, '3');
    scene_key(m, UK_ENTER);
    scene_key(m, UK_ESC);
    assert_int_equal(m->focus, PANE_APPLIED);
    scene_drop(m);
}

/* Each other file that is chosen is asked for once; the one that was read before is not shown for it. */
static void chosen_file_is_read(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    struct effect fx;
    (void)state;
    scene_detail(m, NULL);
    fx = scene_key(m, 'j');
    assert_true(fx.read);
    assert_string_equal(m->want.file, "V15__orders_total.sql");
    assert_null(chosen_detail(m));
    assert_false(scene_key(m, '4').read);
    fx = scene_key(m, '3');
    assert_true(fx.read);
    assert_string_equal(m->want.file, "V13__x.sql");
    assert_string_equal(m->want.version, "13");
    /* A new listing may mean that the file was changed; the same one does not. */
    assert_true(scene_see(m, scene_look()).read);
    scene_drop(m);
}

static void answer_for_another_file_is_dropped(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    struct detail_want first = m->want;
    (void)state;
    scene_key(m, 'j');
    struct detail_want second = m->want;
    m->want = first;
    scene_detail(m, NULL);
    m->want = second;
    assert_null(chosen_detail(m));
    scene_drop(m);
}

static void zoom_gives_all_the_room(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    struct layout at;
    (void)state;
    scene_key(m, 'z');
    layout_make(m, &at);
    assert_int_equal(at.panes[PANE_PENDING].in.cols, 78);
    assert_false(layout_shows(&at, PANE_APPLIED));
    assert_true(layout_shows(&at, PANE_LOCK));
    scene_key(m, UK_TAB);
    assert_int_equal(m->focus, PANE_APPLIED);
    layout_make(m, &at);
    assert_true(layout_shows(&at, PANE_APPLIED));
    scene_key(m, UK_ESC);
    layout_make(m, &at);
    assert_true(layout_shows(&at, PANE_PENDING) && layout_shows(&at, PANE_APPLIED) && layout_shows(&at, PANE_RUNS));
    /* The lock pane has the room it needs anyway. */
    scene_key(m, '1');
    scene_key(m, 'z');
    assert_false(m->zoom);
    scene_drop(m);
}

/* Where there is room for one column only, detail and runs are shown in the lists' place. */
static void narrow_terminal_shows_the_detail_alone(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    struct layout at;
    (void)state;
    m->rows = 16;
    m->cols = 60;
    scene_key(m, UK_ENTER);
    layout_make(m, &at);
    assert_true(layout_shows(&at, PANE_DETAIL));
    assert_false(layout_shows(&at, PANE_PENDING));
    scene_key(m, UK_ESC);
    layout_make(m, &at);
    assert_true(layout_shows(&at, PANE_PENDING));
    scene_drop(m);
}

static void search_finds_rows(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    (void)state;
    scene_type(m, "3/ORD");
    assert_true(m->search.typing);
    scene_key(m, UK_ENTER);
    assert_false(m->search.typing);
    assert_string_equal(m->snap->listing->applied[m->applied.chosen].description, "order view");
    scene_key(m, 'n');
    assert_string_equal(m->snap->listing->applied[m->applied.chosen].description, "orders");
    scene_key(m, 'n');
    assert_string_equal(m->snap->listing->applied[m->applied.chosen].description, "order view");
    scene_key(m, 'N');
    assert_string_equal(m->snap->listing->applied[m->applied.chosen].description, "orders");
    scene_type(m, "/nowhere");
    scene_key(m, UK_ENTER);
    assert_string_equal(m->status, "not in this pane: nowhere");
    assert_string_equal(m->snap->listing->applied[m->applied.chosen].description, "orders");
    scene_drop(m);
}

/* What is typed is a text, whatever keys mean elsewhere; Esc leaves it and looks for nothing. */
static void typed_search_is_no_command(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    struct effect fx;
    (void)state;
    scene_key(m, '/');
    fx = scene_type(m, "quF");
    assert_int_equal(fx.what, FX_NONE);
    assert_int_equal(m->dialog.kind, DIALOG_NONE);
    scene_key(m, 0xe9);
    assert_string_equal(m->search.text, "quF\xc3\xa9");
    scene_key(m, UK_BACKSPACE);
    assert_string_equal(m->search.text, "quF");
    scene_key(m, UK_ESC);
    assert_false(m->search.typing);
    scene_key(m, 'n');
    assert_non_null(strstr(m->status, "nothing was looked for"));
    scene_drop(m);
}

static void search_in_the_detail_and_the_help(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    (void)state;
    scene_detail(m, NULL);
    scene_type(m, "4/drop table");
    scene_key(m, UK_ENTER);
    assert_string_equal(m->status, "found: DROP TABLE lookup;");
    scene_type(m, "?/take over");
    scene_key(m, UK_ENTER);
    assert_int_equal(m->dialog.kind, DIALOG_HELP);
    assert_true(m->dialog.scroll > 0);
    scene_drop(m);
}

static void mouse_chooses_scrolls_and_presses(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, false);
    struct canvas canvas = { 0 };
    char row[400];
    (void)state;
    scene_mouse(m, MOUSE_PRESS, 6, 5);
    assert_int_equal(m->pending.chosen, 1);
    scene_mouse(m, MOUSE_PRESS, 11, 5);
    assert_int_equal(m->focus, PANE_APPLIED);
    assert_int_equal(m->applied.chosen, 2);
    scene_mouse(m, MOUSE_WHEEL_DOWN, 11, 5);
    assert_int_equal(m->applied.chosen, 5);
    /* A press below the last row chooses nothing. */
    scene_mouse(m, MOUSE_PRESS, 16, 50);
    assert_int_equal(m->focus, PANE_RUNS);
    scene_mouse(m, MOUSE_PRESS, 20, 50);
    assert_int_equal(m->runs.chosen, 0);
    screen_draw(m, &canvas);
    canvas_row(&canvas, 23, row, sizeof row);
    assert_non_null(strstr(row, "u upgrade"));
    assert_int_equal(scene_mouse(m, MOUSE_PRESS, 23, (int)(strstr(row, "u upgrade") - row)).what, FX_PLAN);
    /* No press confirms a dialog. */
    scene_plan(m, m->dialog.job, PLAN_UPGRADE, 2, 0);
    for (int col = 0; col < 80; col++)
        for (int line = 0; line < 24; line++)
            assert_int_equal(scene_mouse(m, MOUSE_PRESS, line, col).what, FX_NONE);
    assert_int_equal(m->dialog.stage, STAGE_ASK);
    canvas_free(&canvas);
    scene_drop(m);
}

static void copies_facts_or_the_name(void **state)
{
    struct model *m = scene_in(SCENE_DEAD, false);
    (void)state;
    assert_int_equal(scene_key(m, 'y').what, FX_COPY);
    assert_string_equal(m->copy, "V14__orders_lookup.sql");
    scene_key(m, '1');
    assert_int_equal(scene_key(m, 'y').what, FX_COPY);
    assert_non_null(strstr(m->copy, SCENE_ID));
    assert_non_null(strstr(m->copy, "DEAD"));
    scene_drop(m);
}

static void files_are_opened_once_they_are_read(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, true);
    (void)state;
    assert_int_equal(scene_key(m, 'o').what, FX_NONE);
    scene_detail(m, NULL);
    assert_int_equal(scene_key(m, 'o').what, FX_PAGER);
    assert_int_equal(scene_key(m, 'e').what, FX_EDITOR);
    scene_detail(m, "the file is not in migrations/");
    assert_int_equal(scene_key(m, 'o').what, FX_NONE);
    assert_string_equal(m->status, "the file is not in migrations/");
    scene_drop(m);
}

/* The statements of our own run, with their times; a file that is chosen meanwhile is shown in their place until Esc. */
static void own_run_in_the_detail(void **state)
{
    struct model *m = scene_in(SCENE_OWN_RUN, false);
    struct sheet s = { .width = 60 };
    (void)state;
    scene_note(m, EV_LOCK_ACQUIRED, NULL, 0, 0);
    scene_note(m, EV_MIGRATION_STARTED, "V14__orders_lookup.sql", 1, 0);
    scene_note(m, EV_STATEMENT_DONE, "V14__orders_lookup.sql", 1, 1);
    scene_tick(m, 6400);
    pane_detail_fill(m, &s);
    assert_int_equal(s.count, 2);
    assert_string_equal(s.lines[0].left, " 1  CREATE TABLE lookup (id int)");
    assert_string_equal(s.lines[0].right, "1.3 s");
    assert_string_equal(s.lines[1].left, "▸2  INSERT INTO lookup SELECT 1");
    assert_string_equal(s.lines[1].right, "6.4 s");
    sheet_free(&s);
    scene_key(m, 'j');
    assert_false(chosen_is_running(m));
    scene_key(m, UK_ENTER);
    scene_key(m, UK_ESC);
    assert_true(chosen_is_running(m));
    scene_drop(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enter_opens_and_esc_goes_back),
        cmocka_unit_test(chosen_file_is_read),
        cmocka_unit_test(answer_for_another_file_is_dropped),
        cmocka_unit_test(zoom_gives_all_the_room),
        cmocka_unit_test(narrow_terminal_shows_the_detail_alone),
        cmocka_unit_test(search_finds_rows),
        cmocka_unit_test(typed_search_is_no_command),
        cmocka_unit_test(search_in_the_detail_and_the_help),
        cmocka_unit_test(mouse_chooses_scrolls_and_presses),
        cmocka_unit_test(copies_facts_or_the_name),
        cmocka_unit_test(files_are_opened_once_they_are_read),
        cmocka_unit_test(own_run_in_the_detail),
    };
    return cmocka_run_group_tests_name("model_look", tests, NULL, NULL);
}
