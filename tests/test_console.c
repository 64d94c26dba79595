/* test_console.c: the console in a pseudo-terminal at 80x24, on real databases: what a person sees, types and gets. */
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

#include "support/sandbox.h"
#include "support/term.h"
#ifdef JETBASE_POSTGRES
#include "support/pg_server.h"
#endif

static const char *const upgrade[] = { "upgrade", NULL };

/* A project with n migrations, and the console on it. */
struct stage {
    struct sandbox sb;
    struct term *term;
};

static struct term *console(const struct sandbox *sb, const char *const extra_env[], const char *option)
{
    const char *argv[] = { process_jetbase(), option ? "console" : NULL, option, NULL };
    const char *env[8] = { sb->variable };
    for (size_t i = 0; extra_env && extra_env[i]; i++)
        env[i + 1] = extra_env[i];
    return term_start(24, 80, sb->dir, argv, env);
}

static void open_stage(struct stage *s, enum sandbox_kind kind, int n)
{
    if (!sandbox_has(kind))
        skip();
    sandbox_open(&s->sb, kind);
    sandbox_steps(&s->sb, n, 3);
    s->term = NULL;
}

static void close_stage(struct stage *s)
{
    if (s->term)
        term_free(s->term);
    sandbox_close(&s->sb);
}

/* A statement that goes on until it is cancelled. */
static void endless_file(const struct sandbox *sb, const char *name)
{
    sandbox_file(sb, name, "CREATE TABLE made_before (id INTEGER);\n%s;\nCREATE TABLE made_after (id INTEGER);\n",
                 sb->kind == SANDBOX_POSTGRES ? "SELECT pg_sleep(3600)"
                                              : "INSERT INTO made_before WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 9000000000) SELECT count(*) FROM c");
}

static void quit(struct stage *s)
{
    term_key(s->term, "q");
    assert_int_equal(term_wait_end(s->term), 0);
    assert_false(term_alternate(s->term));
    assert_true(term_cursor(s->term));
    assert_true(term_modes_restored(s->term));
}

static void free_lock(const struct sandbox *sb)
{
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM jetbase_lock WHERE process_id IS NOT NULL"), 0);
}

/* ---- upgrade and roll back ---- */

static void upgrade_and_back(enum sandbox_kind kind)
{
    struct stage s;
    open_stage(&s, kind, 3);
    s.term = console(&s.sb, NULL, NULL);
    term_wait_for(s.term, "UNLOCKED");
    term_wait_for(s.term, "2 Pending 3");
    term_wait_for(s.term, "3 pending, history and files agree");
    assert_non_null(strstr(term_row(s.term, 5), "V1   step 1           4 stmts"));
    assert_true(term_alternate(s.term));
    term_key(s.term, "u");
    term_wait_for(s.term, "y  upgrade");
    assert_true(term_has(s.term, "3 files, 12 statements"));
    term_key(s.term, "\r"); /* Enter never confirms */
    term_key(s.term, "\t");
    term_wait_for(s.term, "CREATE TABLE t1");
    assert_int_equal(sandbox_check_steps(&s.sb, 3), 0);
    term_key(s.term, "y");
    term_wait_for(s.term, "upgrade done: 3 applied");
    term_wait_for(s.term, "2 Pending 0");
    term_wait_for(s.term, "3 Applied 3");
    term_wait_for(s.term, "V3 applied, 4 stmts");
    term_wait_for(s.term, "UNLOCKED   last run");
    assert_int_equal(sandbox_check_steps(&s.sb, 3), 3);
    free_lock(&s.sb);
    /* The last one goes back, once its version is typed. */
    term_key(s.term, "r");
    term_wait_for(s.term, "DROP TABLE t3");
    term_wait_for(s.term, "Type the lowest version that goes (3):");
    term_key(s.term, "y\r");
    term_wait_for(s.term, "That is something else: nothing is done.");
    assert_int_equal(sandbox_check_steps(&s.sb, 3), 3);
    term_key(s.term, "\177");
    term_wait_gone(s.term, "That is something else");
    term_key(s.term, "3");
    term_wait_for(s.term, "rollback done: 1 rolled back");
    term_wait_for(s.term, "2 Pending 1");
    assert_int_equal(sandbox_check_steps(&s.sb, 3), 2);
    quit(&s);
    close_stage(&s);
}

static void roll_back_without_sql(enum sandbox_kind kind)
{
    struct stage s;
    open_stage(&s, kind, 0);
    sandbox_file(&s.sb, "V1__bare.sql", "CREATE TABLE bare (id INTEGER);\n");
    assert_int_equal(sandbox_run(&s.sb, NULL, upgrade), 0);
    s.term = console(&s.sb, NULL, NULL);
    term_wait_for(s.term, "3 Applied 1");
    term_key(s.term, "r");
    term_wait_for(s.term, "V1 has no rollback SQL");
    term_key(s.term, "1");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "V1 has no rollback SQL");
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM jetbase_migrations"), 1);
    quit(&s);
    close_stage(&s);
}

static void failing_file(enum sandbox_kind kind)
{
    struct stage s;
    open_stage(&s, kind, 1);
    sandbox_file(&s.sb, "V2__bad.sql", "CREATE TABLE half (id INTEGER);\nSELECT totl\n  FROM half;\n");
    s.term = console(&s.sb, NULL, NULL);
    term_wait_for(s.term, "2 Pending 2");
    term_key(s.term, "u");
    term_wait_for(s.term, "y  upgrade");
    term_key(s.term, "y");
    term_wait_for(s.term, "Upgrade failed");
    term_wait_for(s.term, "V2__bad.sql:2:8: error:");
    term_wait_for(s.term, "SELECT totl");
    term_wait_for(s.term, "       ^");
    term_wait_for(s.term, "nothing of it remains");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Upgrade failed");
    term_wait_for(s.term, "2 Pending 1");
    assert_int_equal(sandbox_check_steps(&s.sb, 1), 1);
    free_lock(&s.sb);
    quit(&s);
    close_stage(&s);
}

static void start_endless(struct stage *s, enum sandbox_kind kind)
{
    open_stage(s, kind, 1);
    endless_file(&s->sb, "V2__endless.sql");
    s->term = console(&s->sb, NULL, NULL);
    term_wait_for(s->term, "2 Pending 2");
    term_key(s->term, "u");
    term_wait_for(s->term, "y  upgrade");
    term_key(s->term, "y");
    term_wait_for(s->term, "OURS: this console");
    term_wait_for(s->term, "upgrade 2 of 2, V2__endless.sql");
    term_wait_for(s->term, "statement 2 of 3");
    term_wait_for(s->term, "running 2 of 3");
    term_wait_for(s->term, "c cancel (rolls V2 back, V1 stays)");
}

static void after_endless(struct stage *s)
{
    assert_int_equal(sandbox_check_steps(&s->sb, 1), 1);
    assert_int_equal(sandbox_number(&s->sb, "SELECT count(*) FROM jetbase_migrations"), 1);
    free_lock(&s->sb);
}

static void progress_and_cancel(enum sandbox_kind kind)
{
    struct stage s;
    start_endless(&s, kind);
    term_key(s.term, "u");
    term_wait_for(s.term, "this console's own upgrade is on: c cancels it");
    term_key(s.term, "F");
    term_key(s.term, "\032"); /* Ctrl-Z */
    term_wait_for(s.term, "Ctrl-Z is held back while a run is on");
    term_key(s.term, "q");
    term_wait_for(s.term, "y  cancel it and quit");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "y  cancel it and quit");
    term_key(s.term, "c");
    term_wait_for(s.term, "rolls V2 back, V1 stays;");
    term_key(s.term, "y");
    term_wait_for(s.term, "upgrade cancelled: V2 rolled back, V1 stays");
    term_wait_for(s.term, "UNLOCKED");
    after_endless(&s);
    quit(&s);
    close_stage(&s);
}

static void quit_during_a_run(enum sandbox_kind kind)
{
    struct stage s;
    start_endless(&s, kind);
    term_key(s.term, "q");
    term_wait_for(s.term, "y  cancel it and quit");
    term_key(s.term, "y");
    assert_int_equal(term_wait_end(s.term), 0);
    assert_true(term_has(s.term, "upgrade cancelled: V2 rolled back, V1 stays"));
    assert_false(term_alternate(s.term));
    assert_true(term_modes_restored(s.term));
    after_endless(&s);
    close_stage(&s);
}

static void signals_during_a_run(enum sandbox_kind kind)
{
    static const struct { int number; const char *name; } cases[] = { { SIGTERM, "SIGTERM: upgrade cancelled: V2 rolled back" }, { SIGHUP, "SIGHUP: upgrade cancelled" }, { SIGINT, "SIGINT: upgrade cancelled" } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stage s;
        start_endless(&s, kind);
        if (cases[i].number == SIGINT)
            term_key(s.term, "\003");
        else
            kill(term_pid(s.term), cases[i].number);
        assert_int_equal(term_wait_end(s.term), 128 + cases[i].number);
        assert_true(term_has(s.term, cases[i].name));
        assert_false(term_alternate(s.term));
        assert_true(term_modes_restored(s.term));
        after_endless(&s);
        close_stage(&s);
    }
}

/* ---- force-unlock ---- */

/* Another run, stopped at that point of its first migration while the console looks on. */
static void start_holder(struct stage *s, struct process *holder, enum sandbox_kind kind, const char *failpoint)
{
    open_stage(s, kind, 2);
    s->term = console(&s->sb, NULL, NULL);
    term_wait_for(s->term, "2 Pending 2");
    sandbox_start(&s->sb, holder, true, failpoint, upgrade);
    assert_true(process_wait_stopped(holder));
    term_wait_for(s->term, "LOCKED ");
    term_wait_for(s->term, "ALIVE");
    term_wait_for(s->term, "jetbase upgrade, V1__step_1.sql");
}

/* The first four characters of the process ID that the lock names. */
static void id_word(const struct stage *s, char word[5])
{
    char *id = sandbox_text(&s->sb, "SELECT process_id FROM jetbase_lock");
    assert_int_equal(strlen(id), 36);
    memcpy(word, id, 4);
    word[4] = '\0';
    free(id);
}

static void end_holder(struct process *holder, int number)
{
    kill(holder->pid, number);
    process_wait(holder);
}

static void killed_holder(enum sandbox_kind kind)
{
    struct stage s;
    struct process holder;
    start_holder(&s, &holder, kind, "locked=stop");
    term_key(s.term, "u");
    term_wait_for(s.term, "F to force-unlock, or wait");
    end_holder(&holder, SIGKILL);
    process_free(&holder);
    term_wait_for(s.term, "DEAD: its");
    term_wait_for(s.term, "died in V1__step_1.sql");
    term_key(s.term, "F");
    term_wait_for(s.term, "y  unlock");
    assert_true(term_has(s.term, "It is DEAD: its"));
    term_key(s.term, "\r");
    term_key(s.term, "y");
    term_wait_for(s.term, "unlocked; it was held by");
    term_wait_for(s.term, "UNLOCKED   last run");
    free_lock(&s.sb);
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM jetbase_runs WHERE outcome = 'died' AND unlocked_by IS NOT NULL"), 1);
    term_key(s.term, "u");
    term_wait_for(s.term, "y  upgrade");
    term_key(s.term, "y");
    term_wait_for(s.term, "upgrade done: 2 applied");
    assert_int_equal(sandbox_check_steps(&s.sb, 2), 2);
    quit(&s);
    close_stage(&s);
}

static void living_holder(enum sandbox_kind kind)
{
    struct stage s;
    struct process holder;
    char word[5], one[2] = "";
    start_holder(&s, &holder, kind, "locked=stop");
    id_word(&s, word);
    term_key(s.term, "F");
    term_wait_for(s.term, "its holder is ALIVE");
    term_wait_for(s.term, "Type the first 4 characters of the process ID:");
    term_key(s.term, "y\r");
    term_wait_for(s.term, "process ID:  [y   ]");
    term_key(s.term, "\177");
    term_wait_for(s.term, "process ID:  [    ]");
    for (int i = 0; i < 4; i++) {
        one[0] = word[i];
        term_key(s.term, one);
    }
    term_wait_for(s.term, "unlocked; it was held by");
    free_lock(&s.sb);
    end_holder(&holder, SIGCONT);
    assert_int_equal(holder.exit, 4); /* its fence */
    process_free(&holder);
    assert_int_equal(sandbox_check_steps(&s.sb, 2), 0);
    quit(&s);
    close_stage(&s);
}

static void lock_changes_hands(enum sandbox_kind kind)
{
    static const char *const unlock[] = { "unlock", NULL };
    struct stage s;
    struct process holder, second;
    start_holder(&s, &holder, kind, "locked=stop");
    term_key(s.term, "F");
    term_wait_for(s.term, "Type the first 4 characters");
    term_key(s.term, "7");
    term_wait_for(s.term, "process ID:  [7   ]");
    assert_int_equal(sandbox_run(&s.sb, NULL, unlock), 0);
    sandbox_start(&s.sb, &second, true, "locked=stop", upgrade);
    assert_true(process_wait_stopped(&second));
    term_wait_for(s.term, "The lock changed hands, nothing was done");
    term_key(s.term, "cyu0000q\r"); /* fall through to nothing */
    term_wait_for(s.term, "The lock changed hands, nothing was done");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "The lock changed hands");
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM jetbase_lock WHERE process_id IS NOT NULL"), 1);
    end_holder(&second, SIGCONT);
    assert_int_equal(second.exit, 0);
    process_free(&second);
    end_holder(&holder, SIGCONT);
    process_free(&holder);
    term_wait_for(s.term, "UNLOCKED");
    assert_int_equal(sandbox_check_steps(&s.sb, 2), 2);
    quit(&s);
    close_stage(&s);
}

static void holder_at_its_commit(enum sandbox_kind kind)
{
    struct stage s;
    struct process holder;
    char word[5];
    start_holder(&s, &holder, kind, "fence=stop");
    id_word(&s, word);
    term_key(s.term, "F");
    term_wait_for(s.term, "Type the first 4 characters");
    term_key(s.term, word);
    term_wait_for(s.term, "The holder is at its commit");
    term_key(s.term, "yu");
    term_wait_for(s.term, "The holder is at its commit");
    end_holder(&holder, SIGCONT);
    assert_int_equal(holder.exit, 0);
    process_free(&holder);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "The holder is at its commit");
    term_wait_for(s.term, "UNLOCKED");
    assert_int_equal(sandbox_check_steps(&s.sb, 2), 2);
    quit(&s);
    close_stage(&s);
}

static void another_program(enum sandbox_kind kind)
{
    struct stage s;
    open_stage(&s, kind, 1);
    assert_int_equal(sandbox_run(&s.sb, NULL, upgrade), 0);
    sandbox_sql(&s.sb, "UPDATE jetbase_lock SET is_locked = TRUE, locked_at = CURRENT_TIMESTAMP, process_id = 'c1d2e3f4-aaaa-4bbb-8ccc-0123456789ab'");
    s.term = console(&s.sb, NULL, NULL);
    term_wait_for(s.term, "UNKNOWN: the lock of another program");
    term_wait_for(s.term, "server time");
    term_wait_for(s.term, "not a run of ours");
    term_key(s.term, "F");
    term_wait_for(s.term, "its holder is UNKNOWN");
    term_key(s.term, "c1d");
    term_wait_for(s.term, "[c1d ]");
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM jetbase_lock WHERE process_id IS NOT NULL"), 1);
    term_key(s.term, "2");
    term_wait_for(s.term, "unlocked; it was held by another program");
    free_lock(&s.sb);
    quit(&s);
    close_stage(&s);
}

/* ---- looking ---- */

static void read_only(enum sandbox_kind kind)
{
    struct stage s;
    open_stage(&s, kind, 2);
    s.term = console(&s.sb, NULL, "--read-only");
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
    quit(&s);
    /* Looking makes nothing. */
    assert_int_equal(sandbox_check_steps(&s.sb, 2), 0);
    assert_int_equal(sandbox_number(&s.sb, kind == SANDBOX_SQLITE ? "SELECT count(*) FROM sqlite_master WHERE name LIKE 'jetbase%'" : "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'jetbase%'"), 0);
    close_stage(&s);
}

static void new_file_is_seen(enum sandbox_kind kind)
{
    struct stage s;
    open_stage(&s, kind, 1);
    s.term = console(&s.sb, NULL, NULL);
    term_wait_for(s.term, "2 Pending 1");
    sandbox_file(&s.sb, "V9__late.sql", "CREATE TABLE late (id INTEGER);\n");
    term_wait_for(s.term, "2 Pending 2");
    sandbox_file(&s.sb, "V9__late.sql", "CREATE TABLE late (id INTEGER);\nSELECT 1;\n");
    term_wait_for(s.term, "V9   late             2 stmts");
    assert_int_equal(sandbox_run(&s.sb, NULL, upgrade), 0);
    term_wait_for(s.term, "3 Applied 2");
    sandbox_file(&s.sb, "V9__late.sql", "CREATE TABLE other (id INTEGER);\n");
    term_wait_for(s.term, "file CHANGED");
    quit(&s);
    close_stage(&s);
}

#define ON_BOTH(test) \
    static void test##_sqlite(void **state) { (void)state; test(SANDBOX_SQLITE); } \
    static void test##_postgres(void **state) { (void)state; test(SANDBOX_POSTGRES); }

ON_BOTH(upgrade_and_back)
ON_BOTH(roll_back_without_sql)
ON_BOTH(failing_file)
ON_BOTH(progress_and_cancel)
ON_BOTH(quit_during_a_run)
ON_BOTH(signals_during_a_run)
ON_BOTH(killed_holder)
ON_BOTH(living_holder)
ON_BOTH(lock_changes_hands)
ON_BOTH(holder_at_its_commit)
ON_BOTH(another_program)
ON_BOTH(read_only)
ON_BOTH(new_file_is_seen)

static void session_is_ended_too(void **state)
{
    struct stage s;
    struct process holder;
    char word[5];
    (void)state;
    start_holder(&s, &holder, SANDBOX_POSTGRES, "locked=stop");
    id_word(&s, word);
    term_key(s.term, "F");
    term_wait_for(s.term, "Tab [ ] end session");
    term_key(s.term, "\t");
    term_wait_for(s.term, "Tab [x] end session");
    term_key(s.term, word);
    term_wait_for(s.term, "unlocked; it was held by");
    free_lock(&s.sb);
    end_holder(&holder, SIGKILL);
    process_free(&holder);
    assert_int_equal(sandbox_check_steps(&s.sb, 2), 0);
    quit(&s);
    close_stage(&s);
}

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
    open_stage(&s, sandbox_has(SANDBOX_SQLITE) ? SANDBOX_SQLITE : SANDBOX_POSTGRES, 3);
    s.term = console(&s.sb, NULL, NULL);
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
    assert_non_null(strstr(term_row(s.term, 49), "q quit"));
    quit(&s);
    close_stage(&s);
}

static void ended_by_a_signal(void **state)
{
    static const int numbers[] = { SIGTERM, SIGHUP, SIGINT };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct stage s;
        open_stage(&s, sandbox_has(SANDBOX_SQLITE) ? SANDBOX_SQLITE : SANDBOX_POSTGRES, 1);
        s.term = console(&s.sb, NULL, NULL);
        term_wait_for(s.term, "2 Pending 1");
        kill(term_pid(s.term), numbers[i]);
        assert_int_equal(term_wait_end(s.term), 128 + numbers[i]);
        assert_true(term_has(s.term, "stopped by SIG"));
        assert_false(term_alternate(s.term));
        assert_true(term_modes_restored(s.term));
        close_stage(&s);
    }
}

static void restored_after_a_crash(void **state)
{
    struct stage s;
    (void)state;
    open_stage(&s, sandbox_has(SANDBOX_SQLITE) ? SANDBOX_SQLITE : SANDBOX_POSTGRES, 1);
    s.term = console(&s.sb, NULL, NULL);
    term_wait_for(s.term, "2 Pending 1");
    kill(term_pid(s.term), SIGSEGV);
    assert_int_not_equal(term_wait_end(s.term), 0);
    assert_false(term_alternate(s.term));
    assert_true(term_cursor(s.term));
    assert_true(term_modes_restored(s.term));
    close_stage(&s);
}

static bool sent_colour(struct term *term)
{
    size_t len;
    const char *bytes = term_bytes(term, &len);
    for (size_t i = 0; i + 3 < len; i++)
        if (bytes[i] == '\033' && bytes[i + 1] == '[' && bytes[i + 2] == '3' && bytes[i + 3] >= '0' && bytes[i + 3] <= '7')
            return true;
    return false;
}

static void colours_and_lines(void **state)
{
    static const char *const no_color[] = { "NO_COLOR=1", NULL }, *const no_utf8[] = { "LC_ALL=C", NULL };
    struct stage s;
    (void)state;
    open_stage(&s, sandbox_has(SANDBOX_SQLITE) ? SANDBOX_SQLITE : SANDBOX_POSTGRES, 1);
    s.term = console(&s.sb, NULL, NULL);
    term_wait_for(s.term, "UNLOCKED");
    assert_true(sent_colour(s.term));
    quit(&s);
    term_free(s.term);
    s.term = console(&s.sb, no_color, NULL);
    term_wait_for(s.term, "UNLOCKED");
    assert_false(sent_colour(s.term));
    quit(&s);
    term_free(s.term);
    s.term = console(&s.sb, no_utf8, NULL);
    term_wait_for(s.term, "+1 Lock---");
    term_wait_for(s.term, "|>V1   step 1");
    quit(&s);
    close_stage(&s);
}

/* Something else wrote over the screen: Ctrl-L draws it anew. */
static void drawn_anew(void **state)
{
    struct stage s;
    size_t before, after;
    (void)state;
    open_stage(&s, sandbox_has(SANDBOX_SQLITE) ? SANDBOX_SQLITE : SANDBOX_POSTGRES, 1);
    s.term = console(&s.sb, NULL, NULL);
    term_wait_for(s.term, "2 Pending 1");
    term_bytes(s.term, &before);
    term_scribble(s.term);
    assert_false(term_has(s.term, "2 Pending 1"));
    term_key(s.term, "\014");
    term_wait_for(s.term, "2 Pending 1");
    term_wait_for(s.term, "q quit");
    term_bytes(s.term, &after);
    assert_true(after > before + 500);
    quit(&s);
    close_stage(&s);
}

static void server_goes_and_comes(void **state)
{
#ifdef JETBASE_POSTGRES
    struct stage s;
    (void)state;
    open_stage(&s, SANDBOX_POSTGRES, 1);
    s.term = console(&s.sb, NULL, NULL);
    term_wait_for(s.term, "2 Pending 1");
    pg_server_crash();
    term_wait_for(s.term, ", reconnecting");
    term_wait_for(s.term, "2 Pending 1 as of ");
    term_key(s.term, "u");
    term_wait_for(s.term, "not connected to the database");
    term_key(s.term, "?");
    term_wait_for(s.term, "Enter never confirms");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Enter never confirms");
    pg_server_start_again();
    term_wait_gone(s.term, ", reconnecting");
    term_wait_for(s.term, "UNLOCKED");
    quit(&s);
    close_stage(&s);
#else
    (void)state;
    skip();
#endif
}

#define BOTH(test) cmocka_unit_test(test##_sqlite), cmocka_unit_test(test##_postgres)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(upgrade_and_back), BOTH(roll_back_without_sql), BOTH(failing_file), BOTH(progress_and_cancel), BOTH(quit_during_a_run), BOTH(signals_during_a_run),
        BOTH(killed_holder), BOTH(living_holder), BOTH(lock_changes_hands), BOTH(holder_at_its_commit), BOTH(another_program), BOTH(read_only), BOTH(new_file_is_seen),
        cmocka_unit_test(session_is_ended_too), cmocka_unit_test(unfit_terminals), cmocka_unit_test(no_terminal), cmocka_unit_test(resized),
        cmocka_unit_test(ended_by_a_signal), cmocka_unit_test(restored_after_a_crash), cmocka_unit_test(colours_and_lines), cmocka_unit_test(drawn_anew),
        cmocka_unit_test(server_goes_and_comes),
    };
    if (!term_possible()) {
        puts("not run here: no pseudo-terminal can be opened (is /dev/pts mounted?)");
        return 0;
    }
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
