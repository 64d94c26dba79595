/* test_screens_more.c: the screens of test_screens.c on terminals of other kinds and sizes, and what is hostile in a database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/golden_screen.h"
#ifdef JETBASE_POSTGRES
#include <libpq-fe.h>
#endif

static const char other_holder[] = "UPDATE jetbase_lock SET is_locked = TRUE, locked_at = CURRENT_TIMESTAMP, process_id = 'c1d2e3f4-aaaa-4bbb-8ccc-0123456789ab'";

/* No colours, 8 and 256 of them, lines drawn by the terminal's own means or not: the same words in the same places. */
static void kinds_of_terminals(void **state)
{
    static const char *const kinds[] = { "TERM=vt100", "TERM=linux", "TERM=screen", "TERM=tmux", "TERM=tmux-256color", "TERM=xterm", "TERM=xterm-mono" };
    struct stage s;
    (void)state;
    golden_shop(&s, golden_any(), true);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const char *env[] = { kinds[i], NULL };
        stage_console(&s, env, NULL);
        term_wait_for(s.term, "rollback  1 statement");
        golden_screen(s.term, "80x24-unlocked", 24);
        /* Where all is drawn, one q is enough. */
        term_key(s.term, "q");
        assert_int_equal(term_wait_end(s.term), 0);
    }
    stage_close(&s);
}

/* Has one of these colours been chosen (SGR)? */
static bool sent_sgr(struct term *term, const char *number)
{
    size_t len, want = strlen(number);
    const char *bytes = term_bytes(term, &len);
    for (size_t i = 1; i + want < len; i++)
        if ((bytes[i - 1] == '[' || bytes[i - 1] == ';') && memcmp(bytes + i, number, want) == 0 && (bytes[i + want] == 'm' || bytes[i + want] == ';'))
            return true;
    return false;
}

/* Yellow can't be read on white: a colour for a warning must do on either background. Each background is the person's own. */
static void light_background(void **state)
{
    static const char *const kinds[] = { "TERM=xterm", "TERM=xterm-256color" };
    struct stage s;
    (void)state;
    golden_shop(&s, golden_any(), true);
    sandbox_sql(&s.sb, other_holder);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const char *env[] = { kinds[i], NULL };
        stage_console(&s, env, NULL);
        term_wait_for(s.term, "UNKNOWN");
        term_wait_for(s.term, "rollback  1 statement");
        assert_true(sent_sgr(s.term, i ? "38;5;130" : "35"));
        assert_false(sent_sgr(s.term, "33") || sent_sgr(s.term, "93") || sent_sgr(s.term, "40") || sent_sgr(s.term, "47"));
        stage_quit(&s);
    }
    stage_close(&s);
}

static void ascii_only(void **state)
{
    static const char *const no_utf8[] = { "LC_ALL=C", "TERM=screen", NULL }; /* no "repeat": libvterm loses what stands behind it at the right margin */
    struct stage s;
    (void)state;
    golden_shop(&s, golden_any(), true);
    sandbox_sql(&s.sb, other_holder);
    stage_console(&s, no_utf8, NULL);
    term_wait_for(s.term, "UNKNOWN");
    term_wait_for(s.term, "rollback  1 statement");
    golden_screen(s.term, "80x24-ascii-locked", 24);
    term_key(s.term, "F");
    term_wait_for(s.term, "Type the first 4 characters");
    golden_screen(s.term, "80x24-ascii-force-unlock", 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Type the first 4 characters");
    stage_quit(&s);
    stage_close(&s);
}

/* A dialog that is being typed into keeps what was typed through changes of size, also one to a terminal that is too small. */
static void resized_while_typing(void **state)
{
    struct stage s;
    (void)state;
    golden_shop(&s, golden_any(), true);
    sandbox_sql(&s.sb, other_holder);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "UNKNOWN");
    term_wait_for(s.term, "rollback  1 statement");
    term_key(s.term, "F");
    term_wait_for(s.term, "Type the first 4 characters");
    term_key(s.term, "c1d");
    term_wait_for(s.term, "[c1d");
    golden_screen(s.term, "80x24-typing", 24);
    term_resize(s.term, 40, 120);
    term_wait_for(s.term, "[c1d");
    golden_screen(s.term, "120x40-typing", 40);
    term_resize(s.term, 10, 40);
    term_wait_for(s.term, "jetbase needs 60x16");
    term_resize(s.term, 16, 60);
    term_wait_for(s.term, "[c1d");
    golden_screen(s.term, "60x16-typing", 16);
    term_resize(s.term, 24, 80);
    term_wait_for(s.term, "[c1d");
    golden_screen(s.term, "80x24-typing", 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "[c1d");
    stage_quit(&s);
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM jetbase_lock WHERE process_id IS NOT NULL"), 1);
    stage_close(&s);
}

/* What another program wrote into the history. */
static void hostile_history(void **state)
{
    struct stage s;
    (void)state;
    golden_shop(&s, golden_any(), true);
    sandbox_sql(&s.sb, "UPDATE jetbase_migrations SET description = '\033[2J\033[31mred\ttab\nline', checksum = '\033]0;title\007' WHERE version = '3'");
    sandbox_sql(&s.sb, "UPDATE jetbase_migrations SET description = '\xe2\x80\xae\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xf0\x9f\x90\x98 e\xcc\x81 \xe6\xbc\xa2\xe5\xad\x97', filename = 'V2__\033c\n.sql' WHERE version = '2'");
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "rollback  1 statement");
    term_key(s.term, "3");
    term_wait_for(s.term, "file now  ");
    golden_screen(s.term, "80x24-hostile-history", 24);
    term_key(s.term, "j");
    term_wait_for(s.term, "CREATE TABLE products");
    golden_screen(s.term, "80x24-hostile-filename", 24);
    stage_quit(&s);
    stage_close(&s);
}

#ifdef JETBASE_POSTGRES
static const char *const upgrade[] = { "upgrade", NULL };

static PGconn *jam(const struct stage *s, const char *application, const char *query)
{
    PGconn *conn = PQconnectdb(s->sb.conninfo);
    PGresult *res;
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    res = PQexecParams(conn, "SELECT set_config('application_name', $1, false)", 1, NULL, &application, NULL, NULL, 0);
    assert_int_equal(PQresultStatus(res), PGRES_TUPLES_OK);
    PQclear(res);
    PQclear(PQexec(conn, "BEGIN"));
    PQclear(PQexec(conn, "LOCK TABLE orders"));
    PQclear(PQexec(conn, query));
    return conn;
}

/* Starts a run that waits behind that session, and the console on it. */
static PGconn *blocked(struct stage *s, struct process *run, const char *application, const char *query)
{
    PGconn *conn;
    golden_shop(s, SANDBOX_POSTGRES, true);
    conn = jam(s, application, query);
    sandbox_start(&s->sb, run, false, NULL, upgrade);
    stage_console(s, NULL, NULL);
    term_wait_for(s->term, "blocker    session");
    term_wait_for(s->term, "rollback  1 statement");
    return conn;
}

static void unblock(struct stage *s, struct process *run, PGconn *conn)
{
    PQfinish(conn);
    process_wait(run);
    assert_int_equal(run->exit, 0);
    process_free(run);
    stage_quit(s);
    stage_close(s);
}

static void other_sizes(void **state)
{
    struct stage s;
    struct process run;
    PGconn *conn;
    (void)state;
    golden_short_names();
    golden_four_digits();
    conn = blocked(&s, &run, "w", "SELECT 1");
    term_resize(s.term, 40, 120);
    term_wait_for(s.term, "CREATE TABLE lookup (id integer PRIMARY KEY);");
    golden_screen(s.term, "120x40-locked-blocked", 40);
    term_key(s.term, "F");
    term_wait_for(s.term, "Type the first 4 characters");
    golden_screen(s.term, "120x40-force-unlock-alive", 40);
    /* At this width the digits of process and session numbers decide where lines break: no file could hold it. */
    term_resize(s.term, 16, 60);
    term_wait_for(s.term, "its holder is ALIVE");
    term_wait_for(s.term, "│ Type the first 4 characters of the process ID:  [    ] │");
    term_wait_for(s.term, "Tab end its session too   Esc leave it");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Type the first 4 characters");
    term_wait_for(s.term, "ALIVE: session ");
    term_wait_for(s.term, "│ blocker    session ");
    term_wait_for(s.term, "│▸V14  orders lookup                        running");
    term_wait_for(s.term, " X end blocker  F force-unlock  d dry run  ? help  q quit");
    unblock(&s, &run, conn);
}

static void hostile_session(void **state)
{
    struct stage s;
    struct process run;
    PGconn *conn;
    (void)state;
    golden_short_names();
    conn = blocked(&s, &run, "\033\t\n",
                   "SELECT '\033[2J\033[H\033]0;title\007', '\xe2\x80\xae\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d',\n\t'\xf0\x9f\x90\x98\xe6\xbc\xa2\xe5\xad\x97""e\xcc\x81'");
    golden_screen(s.term, "80x24-hostile-session", 24);
    term_key(s.term, "X");
    term_wait_for(s.term, "Type the number of the session");
    golden_screen(s.term, "80x24-hostile-end-blocker", 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Type the number of the session");
    unblock(&s, &run, conn);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_of_terminals),
        cmocka_unit_test(light_background),
        cmocka_unit_test(ascii_only),
        cmocka_unit_test(resized_while_typing),
        cmocka_unit_test(hostile_history),
#ifdef JETBASE_POSTGRES
        cmocka_unit_test(other_sizes),
        cmocka_unit_test(hostile_session),
#endif
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("screens_more", tests, NULL, NULL);
}
