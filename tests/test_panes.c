/* test_panes.c: what stands on the screen, row by row, for looks made by hand: the words, the frames, nothing that is not known. */
#include <locale.h>
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
#include "support/scene.h"
#include "words.h"

/* A model and its screen. */
struct stage {
    struct model model;
    struct canvas canvas;
    char row[24 * 80];
};

static struct stage *stage_new(int rows, int cols, struct snapshot *snap)
{
    struct stage *s = calloc(1, sizeof *s);
    assert_non_null(s);
    model_init(&s->model, rows, cols, false, 1000);
    if (snap)
        scene_see(&s->model, snap), scene_detail(&s->model, NULL);
    else
        scene_tick(&s->model, 1);
    screen_draw(&s->model, &s->canvas);
    return s;
}

static void stage_free(struct stage *s)
{
    model_free(&s->model);
    canvas_free(&s->canvas);
    free(s);
}

static const char *row(struct stage *s, int n)
{
    canvas_row(&s->canvas, n, s->row, sizeof s->row);
    return s->row;
}

static bool on_screen(struct stage *s, const char *text)
{
    screen_draw(&s->model, &s->canvas);
    for (int i = 0; i < s->canvas.rows; i++)
        if (strstr(row(s, i), text))
            return true;
    return false;
}

static void assert_on_screen(struct stage *s, const char *text)
{
    if (on_screen(s, text))
        return;
    for (int i = 0; i < s->canvas.rows; i++)
        print_error("%s\n", row(s, i));
    fail_msg("not on the screen: %s", text);
}

static void unlocked(void **state)
{
    struct stage *s = stage_new(24, 80, scene_look());
    (void)state;
    assert_string_equal(row(s, 0), " jetbase  shop @ db.example (public)  PostgreSQL 15.8  you: deploy 14:02:31 UTC ");
    assert_string_equal(row(s, 1), "┌1 Lock────────────────────────────────────────────────────────────────────────┐");
    assert_string_equal(row(s, 2), "│ UNLOCKED   last run Nov 20 16:05: upgrade V13, ok, by deploy@ci-runner-7     │");
    assert_string_equal(row(s, 3), "└──────────────────────────────────────────────────────────────────────────────┘");
    assert_string_equal(row(s, 4), "┌2 Pending 3───────────────────────────┐┌4 V14__orders_lookup.sql──────────────┐");
    assert_string_equal(row(s, 5), "│▸V14  orders lookup    7 stmts        ││ upgrade   2 statements               │");
    assert_string_equal(row(s, 6), "│ V15  orders total     2 stmts        ││ rollback  1 statement                │");
    assert_string_equal(row(s, 7), "│ ROC  order view       changed        ││ checksum  9f2c41d07a3b…  new         │");
    assert_string_equal(row(s, 8), "├3 Applied 13──────────────────────────┤│                                      │");
    assert_string_equal(row(s, 9), "│ V13  add coupons         Nov 20 16:05││ CREATE TABLE lookup (id int);        │");
    assert_string_equal(row(s, 10), "│ V12  stock levels        Nov 20 16:05││ INSERT INTO lookup SELECT 1;         │");
    assert_string_equal(row(s, 12), "│ V10  invoices            Nov 20 16:05││ -- rollback                          │");
    assert_string_equal(row(s, 13), "│ V9   order view          Nov 20 16:05││ DROP TABLE lookup;                   │");
    assert_string_equal(row(s, 14), "│ V8   addresses           Nov 20 16:05│├5 Runs────────────────────────────────┤");
    assert_string_equal(row(s, 15), "│ V7   orders              Nov 20 16:05││ Nov 20 16:05  upgrade V13  ok 1.2 s  │");
    assert_string_equal(row(s, 21), "└──────────────────────────────────────┘└──────────────────────────────────────┘");
    assert_non_null(strstr(row(s, 22), " 3 pending, history and files agree"));
    assert_non_null(strstr(row(s, 23), " u upgrade  U up to V14  r roll back  d dry run  / search  Tab  ? help  q quit"));
    stage_free(s);
}

static void locked_and_blocked(void **state)
{
    struct snapshot *snap = scene_locked(LOCK_ALIVE);
    struct db_session *session = &snap->lock.session;
    struct stage *s;
    (void)state;
    *session = (struct db_session){ .found = true, .pid = 48213, .state = "active", .wait = "Lock/relation", .awaited = "table orders (ShareLock)", .query = "CREATE INDEX orders_total ON orders (total)",
                                    .application = "jetbase 1/2 V14__orders_lookup.sql", .state_age_s = 238, .blockers = 1, .waiting_behind = 4 };
    session->blocked_by[0] = (struct db_blocker){ .pid = 40122, .user = "app", .address = "10.0.0.4", .application = "web-3", .state = "idle in transaction", .age_s = 1320 };
    s = stage_new(24, 80, snap);
    assert_string_equal(row(s, 2), "│ LOCKED 4 min 12 s                      ALIVE: session 48213 can still commit │");
    assert_string_equal(row(s, 3), "│ process ID 7f3c9a52-1d0e-4b5e-9c1f-2a8e6c1b77e1 deploy@ci-runner-7, pid 9114 │");
    assert_string_equal(row(s, 4), "│ run        jetbase upgrade, V14__orders_lookup.sql          migration 1 of 2 │");
    assert_string_equal(row(s, 5), "│ now        CREATE INDEX orders_total ON orders (total)    waiting 3 min 58 s │");
    assert_string_equal(row(s, 6), "│ waits      for table orders (ShareLock)            4 sessions wait behind it │");
    assert_string_equal(row(s, 7), "│ blocker    session 40122 app@10.0.0.4 \"web-3\", idle in transaction    22 min │");
    assert_on_screen(s, "V14 is blocked, not working. X ends session 40122; F alone frees no table.");
    assert_on_screen(s, "│▸V14  orders lookup    running");
    stage_free(s);
}

/* What this role may not see is "?"; who blocks, and which table is waited for, every role sees. */
static void blocker_of_another_role(void **state)
{
    struct snapshot *snap = scene_locked(LOCK_ALIVE);
    struct db_session *session = &snap->lock.session;
    struct stage *s;
    (void)state;
    *session = (struct db_session){ .found = true, .pid = 48213, .awaited = "table orders (ShareLock)", .state_age_s = -1, .blockers = 2 };
    session->blocked_by[0] = (struct db_blocker){ .pid = 40122, .user = "app", .application = "web-3", .age_s = -1 };
    session->blocked_by[1] = (struct db_blocker){ .age_s = -1 };
    s = stage_new(24, 80, snap);
    assert_string_equal(row(s, 5), "│ now        ?                                                       waiting ? │");
    assert_string_equal(row(s, 6), "│ waits      for table orders (ShareLock)                                      │");
    assert_string_equal(row(s, 7), "│ blocker    session 40122 app@? \"web-3\", ?                                  ? │");
    assert_string_equal(row(s, 8), "│            a prepared transaction: no session to end, see pg_prepared_xacts  │");
    stage_free(s);
}

/* 60 columns: the age stays, what stands before it gives way. */
static void narrow_blocker(void **state)
{
    struct snapshot *snap = scene_locked(LOCK_ALIVE);
    struct stage *s;
    (void)state;
    scene_blocker(snap, 40122, "idle in transaction");
    s = stage_new(16, 60, snap);
    assert_on_screen(s, "│ blocker    session 40122 app, idle in transaction 22 min │");
    stage_free(s);
}

static void locked_by_another_program(void **state)
{
    struct stage *s = stage_new(24, 80, scene_other());
    (void)state;
    assert_string_equal(row(s, 2), "│ LOCKED since 13:58:19 server time       UNKNOWN: the lock of another program │");
    assert_string_equal(row(s, 3), "│ process ID c1d2e3f4-aaaa-4bbb-8ccc-0123456789ab            not a run of ours │");
    assert_string_equal(row(s, 4), "│ It may be Jetbase (Python) or an older tool. Whether it still runs cannot be │");
    assert_non_null(strstr(row(s, 22), "locked by another program: F unlocks, but does not stop whoever holds it"));
    stage_free(s);
}

static void dead_holder(void **state)
{
    struct stage *s = stage_new(24, 80, scene_locked(LOCK_DEAD));
    (void)state;
    assert_string_equal(row(s, 2), "│ LOCKED 4 min 12 s                DEAD: its session is gone, it cannot commit │");
    assert_string_equal(row(s, 4), "│ run        jetbase upgrade, died at V14__orders_lookup.sql (one transaction) │");
    assert_non_null(strstr(row(s, 5), "│ effect     "));
    assert_on_screen(s, "│▸V14  orders lookup    7 stmts "); /* nothing of a dead run runs */
    scene_key(&s->model, 'F');
    assert_on_screen(s, "┌Force-unlock shop @ db.example──");
    assert_on_screen(s, "process ID  7f3c9a52-1d0e-4b5e-9c1f-2a8e6c1b77e1");
    assert_on_screen(s, "taken by    deploy@ci-runner-7, pid 9114, 4 min 12 s ago");
    assert_on_screen(s, "It is DEAD: its session is gone, it cannot commit.");
    assert_on_screen(s, "[ Esc  leave it ]       y  unlock");
    assert_non_null(strstr(row(s, 23), " y unlock   Esc leave it"));
    assert_on_screen(s, "│ LOCKED 4 min 12 s"); /* the lock stays in sight */
    stage_free(s);
}

static void living_holder_is_typed(void **state)
{
    struct stage *s = stage_new(24, 80, scene_locked(LOCK_ALIVE));
    (void)state;
    scene_key(&s->model, 'F');
    assert_on_screen(s, "┌Force-unlock shop @ db.example: its holder is ALIVE─");
    assert_on_screen(s, "Tab [ ] end session 48213 too: V14 rolls back at once");
    assert_on_screen(s, "Type the first 4 characters of the process ID:  [    ]");
    scene_key(&s->model, UK_TAB);
    scene_type(&s->model, "7f");
    assert_on_screen(s, "Tab [x] end session 48213 too");
    assert_on_screen(s, "process ID:  [7f  ]");
    scene_type(&s->model, "00");
    assert_on_screen(s, "That is something else: nothing is done.");
    scene_see(&s->model, scene_look());
    assert_on_screen(s, "The lock changed hands, nothing was done");
    assert_false(on_screen(s, "Type the first"));
    stage_free(s);
}

static void old_is_shown_as_old(void **state)
{
    struct stage *s = stage_new(24, 80, scene_look());
    (void)state;
    assert_false(on_screen(s, "as of"));
    scene_down(&s->model, "server closed the connection");
    assert_on_screen(s, "┌1 Lock as of 14:02:31, reconnecting─");
    assert_on_screen(s, "┌2 Pending 3 as of 14:02:31─");
    assert_on_screen(s, "├3 Applied 13 as of 14:02:31─");
    assert_on_screen(s, " reconnecting: server closed the connection");
    assert_false(on_screen(s, "u upgrade"));
    scene_see(&s->model, scene_look());
    assert_false(on_screen(s, "as of"));
    /* A look without an answer: nobody has said that the connection is lost, but what is shown is old all the same. */
    scene_tick(&s->model, 4000);
    assert_false(on_screen(s, "as of"));
    scene_tick(&s->model, 3000);
    assert_on_screen(s, "┌1 Lock as of 14:02:31, no answer since─");
    assert_on_screen(s, "┌2 Pending 3 as of 14:02:31─");
    assert_on_screen(s, "the database does not answer; what is shown is old");
    assert_int_equal(scene_key(&s->model, 'u').what, FX_NONE);
    scene_see(&s->model, scene_look());
    assert_false(on_screen(s, "as of"));
    stage_free(s);
}

static void nothing_seen_yet(void **state)
{
    struct stage *s = stage_new(24, 80, NULL);
    (void)state;
    assert_on_screen(s, "CONNECTING");
    assert_false(on_screen(s, "UNLOCKED"));
    assert_false(on_screen(s, "nothing is pending"));
    scene_down(&s->model, "could not connect to db.example:5432");
    assert_on_screen(s, "NOT CONNECTED");
    assert_on_screen(s, "could not connect to db.example:5432");
    assert_on_screen(s, "2 Pending ?");
    stage_free(s);
}

static void own_run_shows_its_progress(void **state)
{
    struct stage *s = stage_new(24, 80, scene_look());
    struct effect fx = scene_key(&s->model, 'u');
    (void)state;
    scene_plan(&s->model, fx.job, PLAN_UPGRADE, 2, 0);
    assert_on_screen(s, "┌Upgrade shop @ db.example: 2 migrations─");
    assert_on_screen(s, "2 files, 4 statements");
    scene_key(&s->model, UK_TAB);
    assert_on_screen(s, "1  CREATE TABLE lookup (id int)");
    scene_key(&s->model, 'y');
    assert_on_screen(s, "starting the upgrade");
    scene_note(&s->model, EV_LOCK_ACQUIRED, NULL, 0, 0);
    scene_note(&s->model, EV_MIGRATION_STARTED, "V14__orders_lookup.sql", 1, 0);
    screen_draw(&s->model, &s->canvas);
    assert_string_equal(row(s, 2), "│ LOCKED 0 s                                 OURS: this console, session 50117 │");
    assert_string_equal(row(s, 4), "│ run        upgrade 1 of 3, V14__orders_lookup.sql statement 1 of 2  ████░░░░ │");
    assert_string_equal(row(s, 5), "│ now        CREATE TABLE lookup (id int)                                  0 s │");
    assert_on_screen(s, "│▸V14  orders lookup    running 1 of 2 ││");
    assert_on_screen(s, "├5 Log──");
    assert_on_screen(s, "14:02:31  V14 started, 2 statements");
    assert_non_null(strstr(row(s, 23), " c cancel (rolls V14 back)  / search  Tab pane  ? help  q quit (asks first)"));
    scene_note(&s->model, EV_STATEMENT_DONE, "V14__orders_lookup.sql", 1, 2);
    assert_on_screen(s, "now        checks the lock and commits");
    stage_free(s);
}

static void roll_back_shows_its_sql(void **state)
{
    struct stage *s = stage_new(24, 80, scene_look());
    struct effect fx = scene_key(&s->model, 'r');
    (void)state;
    scene_plan(&s->model, fx.job, PLAN_ROLLBACK, 2, 0);
    assert_on_screen(s, "┌Roll back 2 migrations on shop @ db.example─");
    assert_on_screen(s, "V13  add coupons       CREATE TABLE lookup (id int);");
    assert_on_screen(s, "Afterwards the");
    assert_on_screen(s, "database is at V11: programs that need more will fail");
    assert_on_screen(s, "Type the lowest version that goes (12):  [  ]");
    stage_free(s);
}

static void small_terminal(void **state)
{
    struct stage *s = stage_new(16, 60, scene_locked(LOCK_ALIVE));
    (void)state;
    assert_on_screen(s, "LOCKED 4 min 12 s");
    assert_on_screen(s, "process ID 7f3c9a52-1d0e-4b5e-9c1f-2a8e6c1b77e1"); /* whole */
    assert_on_screen(s, "deploy@ci-runner-7, pid 9114");
    assert_on_screen(s, "V14  orders lookup");
    assert_false(on_screen(s, "5 Runs"));
    assert_on_screen(s, "q quit");
    stage_free(s);
    s = stage_new(16, 59, scene_look());
    assert_string_equal(row(s, 1) + strspn(row(s, 1), " "), "");
    assert_on_screen(s, "jetbase needs 60x16, this terminal is 59x16");
    stage_free(s);
}

/* No size, state or dialog may break the drawing. */
static void every_size(void **state)
{
    (void)state;
    for (int rows = 1; rows <= 40; rows += 3)
        for (int cols = 1; cols <= 130; cols += 7) {
            struct snapshot *looks[] = { scene_look(), scene_locked(LOCK_ALIVE), scene_locked(LOCK_DEAD), scene_other() };
            for (size_t i = 0; i < 4; i++) {
                struct stage *s = stage_new(rows, cols, looks[i]);
                for (const char *key = "Fu?"; *key; key++) {
                    struct effect fx = scene_key(&s->model, *key);
                    if (fx.what == FX_PLAN)
                        scene_plan(&s->model, fx.job, PLAN_UPGRADE, 9, 0);
                    screen_draw(&s->model, &s->canvas);
                    scene_key(&s->model, UK_PAGE_DOWN);
                    screen_draw(&s->model, &s->canvas);
                    scene_key(&s->model, UK_ESC);
                }
                assert_int_equal(s->canvas.rows, rows);
                stage_free(s);
            }
        }
}

static void foreign_text_is_harmless(void **state)
{
    struct snapshot *snap = scene_locked(LOCK_ALIVE);
    struct stage *s;
    (void)state;
    snprintf(snap->lock.row.run.file, sizeof snap->lock.row.run.file, "V14__\x1b[2J\x1b]0;x\a.sql");
    snprintf(snap->lock.row.run.host, sizeof snap->lock.row.run.host, "a\nb\xff\xe2\x80\xae");
    snprintf(snap->lock.row.process_id, sizeof snap->lock.row.process_id, "7f3c\x1b[0m");
    s = stage_new(24, 80, snap);
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < s->canvas.rows * s->canvas.cols; i++) {
            uint32_t ch = s->canvas.cells[i].ch;
            assert_true(ch == 0 || (ch >= 0x20 && (ch < 0x7f || ch >= 0xa0) && ch != 0x202e));
        }
        scene_key(&s->model, 'F');
        screen_draw(&s->model, &s->canvas);
    }
    stage_free(s);
}

static void ascii_fall_back(void **state)
{
    struct stage *s;
    (void)state;
    draw_use_ascii(true);
    s = stage_new(24, 80, scene_look());
    assert_string_equal(row(s, 1), "+1 Lock------------------------------------------------------------------------+");
    assert_string_equal(row(s, 5), "|>V14  orders lookup    7 stmts        || upgrade   2 statements               |");
    stage_free(s);
    draw_use_ascii(false);
}

static void error_with_its_place(void **state)
{
    struct stage *s = stage_new(24, 80, scene_look());
    struct error err = { 0 };
    (void)state;
    error_set(&err, ERR_SQL, "column \"totl\" does not exist");
    error_hint(&err, "Perhaps you meant total.");
    error_state(&err, "V7__orders.sql was rolled back: nothing of it remains.");
    err.place = (struct place){ .file = "V7__orders.sql", .line = 12, .column = 9 };
    strcpy(err.source, "SELECT é, totl FROM orders");
    err.caret = 11;
    dialog_open_error(&s->model, &err, "Upgrade failed");
    assert_on_screen(s, "V7__orders.sql:12:9: error: column \"totl\" does not exist");
    assert_on_screen(s, "   SELECT é, totl FROM orders");
    assert_on_screen(s, "             ^ ");
    assert_on_screen(s, "nothing of it remains");
    assert_on_screen(s, "hint: Perhaps you meant total.");
    stage_free(s);
}

static void run_without_an_end(void **state)
{
    struct snapshot *snap = scene_locked(LOCK_DEAD);
    struct stage *s;
    (void)state;
    snap->listing->runs[0].open = true;
    snprintf(snap->listing->runs[0].how, sizeof snap->listing->runs[0].how, "?");
    snprintf(snap->listing->runs[0].process_id, sizeof snap->listing->runs[0].process_id, "%s", SCENE_ID);
    s = stage_new(24, 80, snap);
    assert_on_screen(s, "upgrade V13  dead");
    snap = scene_look();
    snap->listing->runs[0].open = true;
    snprintf(snap->listing->runs[0].how, sizeof snap->listing->runs[0].how, "?");
    scene_see(&s->model, snap);
    assert_on_screen(s, "upgrade V13  ?");
    stage_free(s);
}

static void ages_in_words(void **state)
{
    static const struct { double age; const char *words; } cases[] = {
        { -1, "?" }, { 0, "0 s" }, { 8.9, "8 s" }, { 60, "1 min 00 s" }, { 252, "4 min 12 s" }, { 2467, "41 min 07 s" }, { 3600, "1 h 00 min" }, { 86400 * 3 + 3600 * 4, "3 d 4 h" },
    };
    char words[40];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        words_age(cases[i].age, words, sizeof words);
        assert_string_equal(words, cases[i].words);
    }
    words_when("2025-11-20 16:05:59.123", false, words, sizeof words);
    assert_string_equal(words, "Nov 20 16:05");
    words_when("no time", false, words, sizeof words);
    assert_string_equal(words, "no time");
    words_bar(3, 7, 7, words, sizeof words);
    assert_string_equal(words, "███░░░░");
}

/* An accent is drawn over its letter and takes no room; what is unseen and turns the direction of writing is left out. */
static void marks_join_letters(void **state)
{
    struct canvas canvas = { 0 };
    char row[64];
    (void)state;
    assert_true(canvas_reset(&canvas, 1, 6));
    assert_int_equal(draw_text(&canvas, 0, 0, 6, STYLE_NORMAL, "e\u0301\u0323\u0308a\u202eb\u4e2d\u0301"), 5);
    canvas_row(&canvas, 0, row, sizeof row);
    assert_string_equal(row, "e\u0301\u0323ab\u4e2d\u0301 ");
    assert_int_equal(draw_text(&canvas, 0, 0, 6, STYLE_NORMAL, "\u0301x"), 1);
    canvas_row(&canvas, 0, row, sizeof row);
    assert_string_equal(row, "xab\u4e2d\u0301 ");
    canvas_free(&canvas);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_join_letters),
        cmocka_unit_test(unlocked), cmocka_unit_test(locked_and_blocked), cmocka_unit_test(blocker_of_another_role), cmocka_unit_test(narrow_blocker), cmocka_unit_test(locked_by_another_program), cmocka_unit_test(dead_holder),
        cmocka_unit_test(living_holder_is_typed), cmocka_unit_test(old_is_shown_as_old), cmocka_unit_test(nothing_seen_yet), cmocka_unit_test(own_run_shows_its_progress),
        cmocka_unit_test(roll_back_shows_its_sql), cmocka_unit_test(small_terminal), cmocka_unit_test(every_size), cmocka_unit_test(foreign_text_is_harmless),
        cmocka_unit_test(ascii_fall_back), cmocka_unit_test(error_with_its_place), cmocka_unit_test(run_without_an_end), cmocka_unit_test(ages_in_words),
    };
    setenv("TZ", "UTC", 1);
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests_name("panes", tests, NULL, NULL);
}
