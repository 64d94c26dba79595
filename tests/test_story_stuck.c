/* test_story_stuck.c: the holder of the lock was killed, or is another program: what the console says of each, how F and y, u and y, or T end it, and that nothing is done to a lock that has changed hands under a dialog. Real processes, both databases. */
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

#include "support/outside.h"
#include "support/python.h"
#include "support/stage.h"

/* The first four characters of the process ID that the lock names. */
static void id_word(const struct stage *s, char word[5])
{
    char *id = sandbox_text(&s->sb, "SELECT process_id FROM jetbase_lock");
    assert_true(strlen(id) >= 4);
    snprintf(word, 5, "%s", id);
    free(id);
}

static void start_at(const struct stage *s, struct process *p, const char *failpoint, const char *const args[])
{
    sandbox_start(&s->sb, p, true, failpoint, args);
    assert_true(process_wait_stopped(p));
}

static void end(struct process *p, int number, int code)
{
    kill(p->pid, number);
    process_wait(p);
    assert_int_equal(p->exit, code);
    process_free(p);
}

static int64_t journal_size(const struct stage *s)
{
    char path[400];
    struct stat st;
    snprintf(path, sizeof path, "%s-journal", s->sb.path);
    return s->sb.kind == SANDBOX_SQLITE && stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

static const char *const upgrade[] = { "upgrade", NULL };

/* V1 is applied; the holder was killed in V2, after a statement that filled the page cache many times: on SQLite the file itself holds half of V2, and a hot journal stands beside it. */
static void killed_in_a_transaction(struct stage *s, enum sandbox_kind kind)
{
    static const char *const one[] = { "upgrade", "--count", "1", NULL };
    struct process holder;
    stage_open(s, kind, 1);
    assert_int_equal(sandbox_run(&s->sb, NULL, one), 0);
    sandbox_file(&s->sb, "V2__big.sql",
                 "CREATE TABLE big (n INTEGER, t TEXT);\nINSERT INTO big WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 60000) SELECT n, 'a row that is wide enough to fill pages, number ' || n FROM c;\n"
                 "UPDATE big SET t = 'changed' WHERE n < 10;\n-- rollback\nDROP TABLE big;\n");
    sandbox_file(&s->sb, "V3__small.sql", "CREATE TABLE small (n INTEGER);\n-- rollback\nDROP TABLE small;\n");
    start_at(s, &holder, "statement:2=stop", upgrade);
    stage_console(s, NULL, NULL);
    if (kind == SANDBOX_SQLITE) {
        /* What fills the file keeps every reader out: who it is can be told, no more. */
        char who[80];
        snprintf(who, sizeof who, "process %d (", (int)holder.pid);
        term_wait_for(s->term, "BUSY");
        term_wait_for(s->term, who);
        term_wait_for(s->term, "exclusively locked by a writer");
        term_key(s->term, "u");
        term_wait_for(s->term, "the database is busy: reading the lock:");
    } else {
        term_wait_for(s->term, "ALIVE: session ");
    }
    end(&holder, SIGKILL, 128 + SIGKILL);
    term_wait_for(s->term, "DEAD: its");
    term_wait_for(s->term, "jetbase upgrade, died at V2__big.sql (one transaction)");
    term_wait_for(s->term, "V2__big.sql was not applied by it,");
    term_wait_for(s->term, "2 Pending 2");
    /* Looking has left the hot journal as it was. */
    assert_true(kind != SANDBOX_SQLITE || journal_size(s) > 1000);
}

static void nothing_is_half_done(const struct stage *s)
{
    assert_int_equal(sandbox_number(&s->sb, "SELECT count(*) FROM big"), 60000);
    assert_int_equal(sandbox_number(&s->sb, "SELECT count(*) FROM small"), 0);
    assert_int_equal(sandbox_number(&s->sb, "SELECT count(*) FROM jetbase_migrations"), 3);
    assert_int_equal(sandbox_number(&s->sb, "SELECT count(*) FROM jetbase_runs WHERE outcome = 'died'"), 1);
    assert_int_equal(journal_size(s), 0);
    stage_lock_is_free(s);
}

static void unlocked_and_upgraded(enum sandbox_kind kind)
{
    struct stage s;
    killed_in_a_transaction(&s, kind);
    term_key(s.term, "u");
    term_wait_for(s.term, "F to force-unlock");
    term_key(s.term, "F");
    term_wait_for(s.term, "It is DEAD: its");
    term_wait_for(s.term, "No running work is touched; V2__big.sql was not applied by");
    term_wait_for(s.term, "y  unlock");
    term_key(s.term, "y");
    term_wait_for(s.term, "unlocked; it was held by");
    term_wait_for(s.term, "UNLOCKED   last run");
    stage_lock_is_free(&s);
    term_key(s.term, "u");
    term_wait_for(s.term, "y  upgrade");
    term_key(s.term, "y");
    term_wait_for(s.term, "upgrade done: 2 applied");
    nothing_is_half_done(&s);
    stage_quit(&s);
    stage_close(&s);
}

static void taken_over_in_one_step(enum sandbox_kind kind)
{
    struct stage s;
    killed_in_a_transaction(&s, kind);
    term_wait_for(s.term, "T take over");
    term_key(s.term, "T");
    term_wait_for(s.term, "y  take over and upgrade");
    term_key(s.term, "y");
    term_wait_for(s.term, "upgrade done: 2 applied");
    nothing_is_half_done(&s);
    stage_quit(&s);
    stage_close(&s);
}

/* Killed with statement 3 of 5 begun, outside a transaction: half applied, and said so. */
static void killed_outside_a_transaction(enum sandbox_kind kind)
{
    struct stage s;
    struct process holder;
    int done, started;
    stage_open(&s, kind, 0);
    outside_five(&s.sb);
    start_at(&s, &holder, "started:3=stop", upgrade);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "ALIVE");
    term_wait_for(s.term, "statement 3 of 5");
    end(&holder, SIGKILL, 128 + SIGKILL);
    term_wait_for(s.term, "DEAD: its");
    term_wait_for(s.term, "jetbase upgrade, died in V2__five.sql (no transaction)");
    term_wait_for(s.term, "V2 is HALF APPLIED: 2 of 5 done, statement 3 may have run");
    term_key(s.term, "F");
    term_wait_for(s.term, "No running work is touched; V2__five.sql is half applied");
    term_key(s.term, "y");
    term_wait_for(s.term, "unlocked; it was held by");
    term_wait_for(s.term, "UNLOCKED   last run");
    /* Nothing goes on by itself. */
    term_key(s.term, "u");
    term_wait_for(s.term, "is half applied");
    term_key(s.term, "\033");
    outside_inspect(&s.sb, &done, &started);
    assert_int_equal(done, 2);
    assert_int_equal(started, 3);
    outside_way_out(&s.sb, 0, done);
    stage_lock_is_free(&s);
    term_wait_for(s.term, "3 Applied 2");
    stage_quit(&s);
    stage_close(&s);
}

/* Python's Jetbase in the middle of a file: whether it lives is not known, and that it goes on after an unlock is said before it is done, and is so. */
static void python_goes_on(enum sandbox_kind kind)
{
    struct stage s;
    struct python py = { 0 };
    char word[5];
    stage_open(&s, kind, 0);
    python_files(&s.sb, 1, 2, false); /* stage_open has made applied_log */
    assert_true(python_open(&py, &s.sb));
    assert_true(python_prepare(&py));
    assert_int_equal(python_lock(&py), 1);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "UNKNOWN: the lock of another program");
    term_wait_for(s.term, "LOCKED since ");
    term_wait_for(s.term, "It may be Jetbase (Python) or an older tool.");
    term_wait_for(s.term, py.id);
    term_key(s.term, "T");
    term_wait_for(s.term, "this one is not proven dead");
    term_key(s.term, "F");
    term_wait_for(s.term, "its holder is UNKNOWN");
    term_wait_for(s.term, "After an unlock the lock is free, but whoever holds it goes");
    term_key(s.term, "y\r");
    id_word(&s, word);
    term_wait_for(s.term, "[y   ]");
    term_key(s.term, "\177");
    term_wait_for(s.term, "[    ]");
    term_key(s.term, word);
    term_wait_for(s.term, "unlocked; it was held by another program");
    stage_lock_is_free(&s);
    /* It did go on. */
    assert_true(python_apply(&py, 1));
    assert_int_equal(python_unlock(&py), 0);
    python_close(&py);
    term_wait_for(s.term, "3 Applied 1");
    stage_quit(&s);
    stage_close(&s);
}

/* ---- the lock changes hands under a dialog ---- */

/* B holds the lock now, as it took it: nothing was done to it, and it ends as if nobody had looked. */
static void second_is_untouched(struct stage *s, struct process *second, const char *its_id)
{
    char *now = sandbox_text(&s->sb, "SELECT process_id FROM jetbase_lock WHERE is_locked");
    assert_string_equal(now, its_id);
    free(now);
    assert_int_equal(sandbox_number(&s->sb, "SELECT count(*) FROM jetbase_runs WHERE process_id = (SELECT process_id FROM jetbase_lock) AND unlocked_by IS NULL AND outcome IS NULL"), 1);
    term_wait_for(s->term, "nothing was done");
    term_key(s->term, "\033");
    term_wait_gone(s->term, "nothing was done");
    end(second, SIGCONT, 0);
    term_wait_for(s->term, "UNLOCKED   last run");
    assert_int_equal(sandbox_number(&s->sb, "SELECT count(*) FROM jetbase_runs"), 2);
    stage_quit(s);
    stage_close(s);
}

/* Letters that are commands elsewhere, the word that B's dialog would ask for, and Enter. */
static void type_on(struct stage *s, const char *its_id)
{
    char word[5];
    snprintf(word, sizeof word, "%s", its_id);
    term_key(s->term, word);
    term_key(s->term, "yuTFrXq\r");
    term_wait_for(s->term, "nothing was done");
}

/* A dialog for the living A: A ends by itself, B takes the lock. */
static void living_holder_gives_way(enum sandbox_kind kind)
{
    static const char *const one[] = { "upgrade", "--count", "1", NULL };
    struct stage s;
    struct process first, second;
    char *id;
    stage_open(&s, kind, 2);
    start_at(&s, &first, "locked=stop", one);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "ALIVE");
    term_key(s.term, "F");
    term_wait_for(s.term, "Type the first 4 characters");
    end(&first, SIGCONT, 0);
    start_at(&s, &second, "locked=stop", upgrade);
    term_wait_for(s.term, "The lock changed hands, nothing was done");
    id = sandbox_text(&s.sb, "SELECT process_id FROM jetbase_lock");
    type_on(&s, id);
    second_is_untouched(&s, &second, id);
    free(id);
}

/* The dialog for the dead A asks for y alone: B takes over, and y does nothing to it. The plan of T is asked for by y as well. */
static void dead_holder_gives_way(enum sandbox_kind kind)
{
    static const char *const take_over[] = { "upgrade", "--take-over-dead", NULL };
    static const struct { const char *key, *asks; } dialogs[] = { { "F", "y  unlock" }, { "T", "y  take over and upgrade" } };
    for (size_t i = 0; i < sizeof dialogs / sizeof dialogs[0]; i++) {
        struct stage s;
        struct process first, second;
        char *id;
        stage_open(&s, kind, 2);
        start_at(&s, &first, "locked=stop", upgrade);
        end(&first, SIGKILL, 128 + SIGKILL);
        stage_console(&s, NULL, NULL);
        term_wait_for(s.term, "DEAD: its");
        term_key(s.term, dialogs[i].key);
        term_wait_for(s.term, dialogs[i].asks);
        start_at(&s, &second, "locked=stop", take_over);
        term_wait_for(s.term, "The lock changed hands, nothing was done");
        id = sandbox_text(&s.sb, "SELECT process_id FROM jetbase_lock");
        type_on(&s, id);
        second_is_untouched(&s, &second, id);
        free(id);
    }
}

/* ---- this console itself is killed ---- */

static void console_is_killed(enum sandbox_kind kind)
{
    struct stage s;
    stage_open(&s, kind, 1);
    sandbox_file(&s.sb, "V2__endless.sql", "CREATE TABLE made_before (id INTEGER);\n%s;\n",
                 kind == SANDBOX_POSTGRES ? "SELECT pg_sleep(3600)" : "INSERT INTO made_before WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 9000000000) SELECT count(*) FROM c");
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "2 Pending 2");
    term_key(s.term, "u");
    term_wait_for(s.term, "y  upgrade");
    term_key(s.term, "y");
    term_wait_for(s.term, "statement 2 of 2");
    kill(term_pid(s.term), SIGKILL);
    assert_int_equal(term_wait_end(s.term), 128 + SIGKILL);
    outside_until_dead(&s.sb);
    assert_int_equal(sandbox_check_steps(&s.sb, 1), 1);
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM jetbase_migrations"), 1);
    /* Another console sees what is true, and takes over; the file that never ended is another one by now. */
    sandbox_file(&s.sb, "V2__endless.sql", "CREATE TABLE made_before (id INTEGER);\n-- rollback\nDROP TABLE made_before;\n");
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "DEAD: its");
    term_wait_for(s.term, "died at V2__endless.sql (one transaction)");
    term_key(s.term, "T");
    term_wait_for(s.term, "y  take over and upgrade");
    term_key(s.term, "y");
    term_wait_for(s.term, "upgrade done: 1 applied");
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM made_before"), 0);
    stage_lock_is_free(&s);
    stage_quit(&s);
    stage_close(&s);
}

STAGE_ON_BOTH(unlocked_and_upgraded)
STAGE_ON_BOTH(taken_over_in_one_step)
STAGE_ON_BOTH(killed_outside_a_transaction)
STAGE_ON_BOTH(python_goes_on)
STAGE_ON_BOTH(living_holder_gives_way)
STAGE_ON_BOTH(dead_holder_gives_way)
STAGE_ON_BOTH(console_is_killed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_BOTH(unlocked_and_upgraded),
        STAGE_BOTH(taken_over_in_one_step),
        STAGE_BOTH(killed_outside_a_transaction),
        STAGE_BOTH(python_goes_on),
        STAGE_BOTH(living_holder_gives_way),
        STAGE_BOTH(dead_holder_gives_way),
        STAGE_BOTH(console_is_killed),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("story_stuck", tests, NULL, NULL);
}
