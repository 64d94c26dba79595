/* test_screens.c: whole screens of the real program in a pseudo-terminal, compared with files that a person can read: tests/screens/. See support/golden_screen.h. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/golden_screen.h"
#ifdef JETBASE_POSTGRES
#include <libpq-fe.h>
#endif

static const char *const upgrade[] = { "upgrade", NULL };

static void unlocked(void **state)
{
    static const char *const no_color[] = { "NO_COLOR=1", NULL }, *const no_utf8[] = { "LC_ALL=C", "TERM=screen", NULL }; /* no "repeat": libvterm loses what stands behind it at the right margin */
    struct stage s;
    (void)state;
    golden_shop(&s, golden_any(), true);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "rollback  1 statement");
    golden_screen(s.term, "80x24-unlocked", 24);
    term_resize(s.term, 40, 120);
    term_wait_for(s.term, "CREATE TABLE lookup (id integer PRIMARY KEY);");
    golden_screen(s.term, "120x40-unlocked", 40);
    term_resize(s.term, 16, 60);
    term_wait_gone(s.term, "5 Runs");
    golden_screen(s.term, "60x16-unlocked", 16);
    term_key(s.term, "\r");
    term_wait_for(s.term, "4 V14__orders_lookup.sql");
    golden_screen(s.term, "60x16-detail", 16);
    stage_quit(&s);
    stage_console(&s, no_color, NULL);
    term_wait_for(s.term, "rollback  1 statement");
    golden_screen(s.term, "80x24-unlocked", 24);
    stage_quit(&s);
    stage_console(&s, no_utf8, NULL);
    term_wait_for(s.term, "rollback  1 statement");
    golden_screen(s.term, "80x24-ascii", 24);
    stage_quit(&s);
    stage_close(&s);
}

static void dialogs(void **state)
{
    struct stage s;
    (void)state;
    golden_shop(&s, golden_any(), true);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "rollback  1 statement");
    term_key(s.term, "u");
    term_wait_for(s.term, "y  upgrade");
    golden_screen(s.term, "80x24-upgrade", 24);
    /* A change of size under a dialog leaves it open, and asking. */
    term_resize(s.term, 16, 60);
    term_wait_for(s.term, "y  upgrade");
    golden_screen(s.term, "60x16-upgrade", 16);
    term_resize(s.term, 24, 80);
    term_wait_for(s.term, "4 V14__orders_lookup.sql");
    golden_screen(s.term, "80x24-upgrade", 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "y  upgrade");
    term_key(s.term, "3G");
    term_wait_for(s.term, "R down to V1");
    term_key(s.term, "R");
    term_wait_for(s.term, "Type the lowest version");
    golden_screen(s.term, "80x24-roll-back", 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Type the lowest version");
    term_key(s.term, "v");
    term_wait_for(s.term, "Every applied file");
    golden_screen(s.term, "80x24-verify", 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Every applied file");
    stage_quit(&s);
    stage_close(&s);
}

static void locked_unknown(void **state)
{
    struct stage s;
    (void)state;
    golden_shop(&s, golden_any(), true);
    sandbox_sql(&s.sb, "UPDATE jetbase_lock SET is_locked = TRUE, locked_at = CURRENT_TIMESTAMP, process_id = 'c1d2e3f4-aaaa-4bbb-8ccc-0123456789ab'");
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "UNKNOWN");
    term_wait_for(s.term, "rollback  1 statement");
    golden_screen(s.term, "80x24-locked-unknown", 24);
    stage_quit(&s);
    stage_close(&s);
}

#ifdef JETBASE_POSTGRES
static PGconn *jam(const struct stage *s)
{
    PGconn *conn = PQconnectdb(s->sb.conninfo);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    PQclear(PQexec(conn, "SET application_name = 'w'"));
    PQclear(PQexec(conn, "BEGIN"));
    PQclear(PQexec(conn, "LOCK TABLE orders"));
    return conn;
}
#endif

static void locked_blocked(void **state)
{
#ifdef JETBASE_POSTGRES
    struct stage s;
    struct process run;
    PGconn *conn;
    (void)state;
    golden_short_names();
    golden_four_digits();
    golden_shop(&s, SANDBOX_POSTGRES, true);
    conn = jam(&s);
    sandbox_start(&s.sb, &run, false, NULL, upgrade);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "blocker    session");
    term_wait_for(s.term, "rollback  1 statement");
    golden_screen(s.term, "80x24-locked-blocked", 24);
    term_key(s.term, "F");
    term_wait_for(s.term, "Type the first 4 characters");
    golden_screen(s.term, "80x24-force-unlock-alive", 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Type the first 4 characters");
    term_key(s.term, "X");
    term_wait_for(s.term, "Type the number of the session");
    golden_screen(s.term, "80x24-end-blocker", 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Type the number of the session");
    PQfinish(conn);
    process_wait(&run);
    assert_int_equal(run.exit, 0);
    process_free(&run);
    stage_quit(&s);
    stage_close(&s);
#else
    (void)state;
    skip();
#endif
}

static void own_run(void **state)
{
#ifdef JETBASE_POSTGRES
    struct stage s;
    PGconn *conn;
    (void)state;
    golden_short_names();
    golden_shop(&s, SANDBOX_POSTGRES, true);
    conn = jam(&s);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "rollback  1 statement");
    term_key(s.term, "u");
    term_wait_for(s.term, "y  upgrade");
    term_key(s.term, "y");
    term_wait_for(s.term, "V14 started");
    term_wait_for(s.term, "pid ");
    golden_screen(s.term, "80x24-own-run", 24);
    PQfinish(conn);
    term_wait_for(s.term, "upgrade done: 3 applied");
    stage_quit(&s);
    stage_close(&s);
#else
    (void)state;
    skip();
#endif
}

static void dead_holder(enum sandbox_kind kind, const char *locked, const char *dialog)
{
    struct stage s;
    struct process run;
    golden_short_names();
    golden_shop(&s, kind, true);
    sandbox_start(&s.sb, &run, true, "locked=stop", upgrade);
    assert_true(process_wait_stopped(&run));
    kill(run.pid, SIGKILL);
    process_wait(&run);
    process_free(&run);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "DEAD: its");
    term_wait_for(s.term, "rollback  1 statement");
    golden_screen(s.term, locked, 24);
    term_key(s.term, "F");
    term_wait_for(s.term, "y  unlock");
    golden_screen(s.term, dialog, 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "y  unlock");
    stage_quit(&s);
    stage_close(&s);
}

static void force_unlock_dead(void **state)
{
    (void)state;
    if (sandbox_has(SANDBOX_SQLITE))
        dead_holder(SANDBOX_SQLITE, "80x24-locked-dead-sqlite", "80x24-force-unlock-dead-sqlite");
    if (sandbox_has(SANDBOX_POSTGRES))
        dead_holder(SANDBOX_POSTGRES, "80x24-locked-dead", "80x24-force-unlock-dead");
}

/* Names and SQL that would move the cursor, clear the screen, turn the direction of writing or take two columns disturb nothing. */
static void hostile_texts(void **state)
{
    struct stage s;
    (void)state;
    stage_open(&s, golden_any(), 0);
    sandbox_file(&s.sb, "V1__esc\033[2J\033[H.sql", "SELECT 1; -- \033[31mred\033]0;title\007\n");
    sandbox_file(&s.sb, "V2__tab\there.sql", "\tSELECT\t2;\r\n");
    sandbox_file(&s.sb, "V3__\xe2\x80\xaeltr\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d.sql", "SELECT '\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xe2\x80\xae gnorts';\n");
    sandbox_file(&s.sb, "V4__\xf0\x9f\x90\x98\xf0\x9f\x90\x98\xe6\xbc\xa2\xe5\xad\x97.sql", "SELECT '\xf0\x9f\x90\x98 \xe6\xbc\xa2\xe5\xad\x97', 'e\xcc\x81';\n");
    sandbox_file(&s.sb, "V5__bytes.sql", "SELECT 5; -- \x9b""2J \xc0\x80\n");
    sandbox_file(&s.sb, "V6__a_very_long_name_that_goes_on_and_on_and_would_not_fit_into_any_pane_of_a_terminal_of_eighty_columns.sql", "SELECT 6;\n");
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "2 Pending 6");
    term_wait_for(s.term, "rollback  none");
    golden_screen(s.term, "80x24-hostile-1", 24);
    for (int i = 2; i <= 6; i++) {
        char title[20], name[40];
        term_key(s.term, "j");
        snprintf(title, sizeof title, "┌4 V%d__", i);
        snprintf(name, sizeof name, "80x24-hostile-%d", i);
        term_wait_for(s.term, title);
        golden_screen(s.term, name, 24);
    }
    stage_quit(&s);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unlocked),
        cmocka_unit_test(dialogs),
        cmocka_unit_test(locked_unknown),
        cmocka_unit_test(locked_blocked),
        cmocka_unit_test(own_run),
        cmocka_unit_test(force_unlock_dead),
        cmocka_unit_test(hostile_texts),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("screens", tests, NULL, NULL);
}
