/* test_console.c: the console in a pseudo-terminal on real databases: what it shows while nothing runs, terminals of all kinds, and how it leaves them. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/stage.h"
#ifdef JETBASE_POSTGRES
#include "support/pg_server.h"
#endif

static const char *const upgrade[] = { "upgrade", NULL };

static void read_only(enum sandbox_kind kind)
{
    struct stage s;
    stage_open(&s, kind, 2);
    stage_console(&s, NULL, "--read-only");
    term_wait_for(s.term, "READ-ONLY");
    term_wait_for(s.term, "2 Pending 2");
    term_wait_for(s.term, "(u upgrade)");
    term_key(s.term, "u");
    term_wait_for(s.term, "u is off: this console was started with --read-only");
    term_key(s.term, "F");
    term_wait_for(s.term, "F is off: this console was started with --read-only");
    term_key(s.term, "?");
    term_wait_for(s.term, "off: --read-only");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "off: --read-only");
    stage_quit(&s);
    /* Looking makes nothing. */
    assert_int_equal(sandbox_check_steps(&s.sb, 2), 0);
    assert_int_equal(sandbox_number(&s.sb, kind == SANDBOX_SQLITE ? "SELECT count(*) FROM sqlite_master WHERE name LIKE 'jetbase%'" : "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'jetbase%'"), 0);
    stage_close(&s);
}

static void new_file_is_seen(enum sandbox_kind kind)
{
    struct stage s;
    stage_open(&s, kind, 1);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "2 Pending 1");
    sandbox_file(&s.sb, "V9__late.sql", "CREATE TABLE late (id INTEGER);\n");
    term_wait_for(s.term, "2 Pending 2");
    sandbox_file(&s.sb, "V9__late.sql", "CREATE TABLE late (id INTEGER);\nSELECT 1;\n");
    term_wait_for(s.term, "V9   late             2 stmts");
    assert_int_equal(sandbox_run(&s.sb, NULL, upgrade), 0);
    term_wait_for(s.term, "3 Applied 2");
    sandbox_file(&s.sb, "V9__late.sql", "CREATE TABLE other (id INTEGER);\n");
    term_wait_for(s.term, "file CHANGED");
    stage_quit(&s);
    stage_close(&s);
}

/* The next look at the database is an hour away: what is seen of files comes from the files alone. */
static void files_need_no_look(enum sandbox_kind kind)
{
    struct stage s;
    char path[300];
    stage_open(&s, kind, 1);
    stage_console(&s, NULL, "--refresh=1h");
    term_wait_for(s.term, "2 Pending 1");
    sandbox_file(&s.sb, "V9__late.sql", "CREATE TABLE late (id INTEGER);\n");
    term_wait_for(s.term, "2 Pending 2");
    sandbox_file(&s.sb, "V9__late.sql", "CREATE TABLE late (id INTEGER);\nSELECT 1;\n");
    term_wait_for(s.term, "V9   late             2 stmts");
    /* A folder that came later is watched too. */
    snprintf(path, sizeof path, "%s/migrations/more", s.sb.dir);
    assert_int_equal(mkdir(path, 0777), 0);
    sandbox_file(&s.sb, "more/V10__deep.sql", "SELECT 1;\n");
    term_wait_for(s.term, "2 Pending 3");
    sandbox_file(&s.sb, "more/V10__deep.sql", "SELECT 1;\nSELECT 2;\nSELECT 3;\n");
    term_wait_for(s.term, "V10  deep             3 stmts");
    snprintf(path, sizeof path, "%s/migrations/V9__late.sql", s.sb.dir);
    assert_int_equal(unlink(path), 0);
    term_wait_for(s.term, "2 Pending 2");
    stage_quit(&s);
    stage_close(&s);
}

/* What another program does to the history, without the lock and without a word, and what happens behind a link, is seen too. */
static void quiet_changes(enum sandbox_kind kind)
{
    struct stage s;
    char target[300], link[300];
    stage_open(&s, kind, 1);
    sandbox_file(&s.sb, "README.md", "SELECT 1;\n");
    snprintf(target, sizeof target, "%s/migrations/README.md", s.sb.dir);
    snprintf(link, sizeof link, "%s/migrations/V9__linked.sql", s.sb.dir);
    assert_int_equal(symlink(target, link), 0);
    assert_int_equal(sandbox_run(&s.sb, NULL, (const char *const[]){ "upgrade", "--count", "1", NULL }), 0);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "V9   linked           1 stmt ");
    sandbox_file(&s.sb, "README.md", "SELECT 1;\nSELECT 2;\n");
    term_wait_for(s.term, "V9   linked           2 stmts");
    sandbox_sql(&s.sb, "UPDATE jetbase_migrations SET description = 'another', checksum = 'x'");
    term_wait_for(s.term, "file CHANGED");
    term_wait_for(s.term, "V1   another");
    sandbox_sql(&s.sb, "DELETE FROM jetbase_migrations");
    term_wait_for(s.term, "2 Pending 2");
    term_wait_for(s.term, "3 Applied 0");
    stage_quit(&s);
    stage_close(&s);
}

/* A history that can't be read any more takes nothing away of what is known of it: files are shown on beside it. */
static void files_beside_a_broken_history(enum sandbox_kind kind)
{
    struct stage s;
    stage_open(&s, kind, 1);
    assert_int_equal(sandbox_run(&s.sb, NULL, upgrade), 0);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "2 Pending 0");
    sandbox_sql(&s.sb, "UPDATE jetbase_migrations SET migration_type = 'BROKEN'");
    term_wait_for(s.term, "2 Pending 0 as of ");
    sandbox_file(&s.sb, "V9__late.sql", "SELECT 1;\n");
    term_wait_for(s.term, "2 Pending 1 as of ");
    sandbox_sql(&s.sb, "UPDATE jetbase_migrations SET migration_type = 'VERSIONED'");
    term_wait_gone(s.term, " as of ");
    term_wait_for(s.term, "2 Pending 1");
    stage_quit(&s);
    stage_close(&s);
}

STAGE_ON_BOTH(read_only)
STAGE_ON_BOTH(files_beside_a_broken_history)
STAGE_ON_BOTH(quiet_changes)
STAGE_ON_BOTH(new_file_is_seen)
STAGE_ON_BOTH(files_need_no_look)

/* ---- terminals ---- */

static void unfit(const char *term_variable, int rows, int cols, const char *words)
{
    struct sandbox sb;
    struct term *term;
    const char *argv[] = { process_jetbase(), "console", NULL };
    const char *env[] = { sb.variable, term_variable, NULL };
    enum sandbox_kind kind = sandbox_has(SANDBOX_SQLITE) ? SANDBOX_SQLITE : SANDBOX_POSTGRES;
    sandbox_open(&sb, kind);
    term = term_start(rows, cols, sb.dir, argv, env);
    assert_int_equal(term_wait_end(term), 2);
    assert_true(term_has(term, words));
    assert_false(term_alternate(term));
    assert_true(term_modes_restored(term));
    term_free(term);
    sandbox_close(&sb);
}

static void unfit_terminals(void **state)
{
    (void)state;
    unfit("TERM=unknown-to-all", 24, 80, "is not known here");
    unfit("TERM=dumb", 24, 80, "can't show a screen");
    unfit("TERM=", 24, 80, "TERM is not set");
    unfit("TERM=xterm-256color", 15, 80, "one is 80x15");
    unfit("TERM=xterm-256color", 24, 59, "one is 59x24");
}

static void no_terminal(void **state)
{
    struct sandbox sb;
    struct process p;
    const char *const args[] = { "console", NULL };
    (void)state;
    sandbox_open(&sb, sandbox_has(SANDBOX_SQLITE) ? SANDBOX_SQLITE : SANDBOX_POSTGRES);
    assert_int_equal(sandbox_run(&sb, &p, args), 2);
    assert_non_null(strstr(p.err, "needs a terminal"));
    process_free(&p);
    sandbox_close(&sb);
}

static void resized(void **state)
{
    struct stage s;
    (void)state;
    stage_open_any(&s, 3);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "5 Runs");
    term_resize(s.term, 16, 60);
    term_wait_gone(s.term, "5 Runs");
    term_wait_for(s.term, "2 Pending 3");
    term_wait_for(s.term, "q quit");
    term_resize(s.term, 10, 50);
    term_wait_for(s.term, "jetbase needs 60x16, this terminal is 50x10");
    term_resize(s.term, 50, 200);
    term_wait_for(s.term, "5 Runs");
    term_wait_for(s.term, "u upgrade");
    term_wait_for(s.term, "q quit");
    assert_non_null(strstr(term_row(s.term, 49), "q quit"));
    stage_quit(&s);
    stage_close(&s);
}

static void ended_by_a_signal(void **state)
{
    static const int numbers[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT };
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct stage s;
        stage_open_any(&s, 1);
        stage_console(&s, NULL, NULL);
        term_wait_for(s.term, "2 Pending 1");
        kill(term_pid(s.term), numbers[i]);
        assert_int_equal(term_wait_end(s.term), 128 + numbers[i]);
        assert_true(term_has(s.term, "stopped by SIG"));
        assert_false(term_alternate(s.term));
        assert_true(term_modes_restored(s.term));
        stage_close(&s);
    }
}

static void restored_after_a_crash(void **state)
{
    struct stage s;
    (void)state;
    stage_open_any(&s, 1);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "2 Pending 1");
    kill(term_pid(s.term), SIGSEGV);
    assert_int_not_equal(term_wait_end(s.term), 0);
    assert_false(term_alternate(s.term));
    assert_true(term_cursor(s.term));
    assert_true(term_modes_restored(s.term));
    stage_close(&s);
}

static bool sent_colour(struct term *term)
{
    size_t len;
    const char *bytes = term_bytes(term, &len);
    for (size_t i = 0; i + 3 < len; i++)
        if (bytes[i] == '\033' && bytes[i + 1] == '[' && bytes[i + 2] == '3' && bytes[i + 3] >= '0' && bytes[i + 3] <= '8')
            return true;
    return false;
}

static void colours_and_lines(void **state)
{
    static const char *const no_color[] = { "NO_COLOR=1", NULL }, *const no_utf8[] = { "LC_ALL=C", NULL };
    struct stage s;
    (void)state;
    stage_open_any(&s, 1);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "UNLOCKED");
    assert_true(sent_colour(s.term));
    stage_quit(&s);
    stage_console(&s, no_color, NULL);
    term_wait_for(s.term, "UNLOCKED");
    assert_false(sent_colour(s.term));
    stage_quit(&s);
    stage_console(&s, no_utf8, NULL);
    term_wait_for(s.term, "+1 Lock---");
    term_wait_for(s.term, "|>V1   step 1");
    stage_quit(&s);
    stage_close(&s);
}

/* Something else wrote over the screen: Ctrl-L draws it anew. */
static void drawn_anew(void **state)
{
    struct stage s;
    size_t before, after;
    (void)state;
    stage_open_any(&s, 1);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "2 Pending 1");
    term_bytes(s.term, &before);
    term_scribble(s.term);
    assert_false(term_has(s.term, "2 Pending 1"));
    term_key(s.term, "\014");
    term_wait_for(s.term, "2 Pending 1");
    term_wait_for(s.term, "q quit");
    term_bytes(s.term, &after);
    assert_true(after > before + 500);
    stage_quit(&s);
    stage_close(&s);
}

static void server_goes_and_comes(void **state)
{
#ifdef JETBASE_POSTGRES
    struct stage s;
    (void)state;
    stage_open(&s, SANDBOX_POSTGRES, 1);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "2 Pending 1");
    pg_server_crash();
    term_wait_for(s.term, ", reconnecting");
    term_wait_for(s.term, "2 Pending 1 as of ");
    term_key(s.term, "u");
    term_wait_for(s.term, "not connected to the database");
    term_key(s.term, "?");
    term_wait_for(s.term, "Enter alone never confirms");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Enter alone never confirms");
    /* What happens to files is shown all the same, and does not make the database look alive. */
    sandbox_file(&s.sb, "V9__late.sql", "SELECT 1;\n");
    term_wait_for(s.term, "2 Pending 2 as of ");
    assert_true(term_has(s.term, ", reconnecting"));
    pg_server_start_again();
    term_wait_gone(s.term, ", reconnecting");
    term_wait_for(s.term, "UNLOCKED");
    stage_quit(&s);
    stage_close(&s);
#else
    (void)state;
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_BOTH(read_only),
        STAGE_BOTH(new_file_is_seen),
        STAGE_BOTH(files_need_no_look),
        STAGE_BOTH(quiet_changes),
        STAGE_BOTH(files_beside_a_broken_history),
        cmocka_unit_test(unfit_terminals),
        cmocka_unit_test(no_terminal),
        cmocka_unit_test(resized),
        cmocka_unit_test(ended_by_a_signal),
        cmocka_unit_test(restored_after_a_crash),
        cmocka_unit_test(colours_and_lines),
        cmocka_unit_test(drawn_anew),
        cmocka_unit_test(server_goes_and_comes),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
