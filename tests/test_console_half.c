/* test_console_half.c: half-applied files and repairs of the history in the console, in a pseudo-terminal on real databases, with runs that are really killed. */
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

#include "support/outside.h"
#include "support/stage.h"

static const char *const upgrade[] = { "upgrade", NULL }, *const upgrade_one[] = { "upgrade", "--count", "1", NULL };

/* The console sees a run in V2, which is killed once its second statement was answered and before that is noted. */
static void leave_half(struct stage *s, enum sandbox_kind kind)
{
    struct process run;
    stage_open(s, kind, 0);
    outside_five(&s->sb);
    sandbox_file(&s->sb, "V3__after.sql", "CREATE TABLE after (n int);\n");
    assert_int_equal(sandbox_run(&s->sb, NULL, upgrade_one), 0);
    stage_console(s, NULL, NULL);
    term_wait_for(s->term, "2 Pending 2");
    sandbox_start(&s->sb, &run, true, "statement:2=stop", upgrade);
    assert_true(process_wait_stopped(&run));
    term_wait_for(s->term, "ALIVE");
    term_wait_for(s->term, "five            running");
    assert_false(term_has(s->term, "HALF APPLIED"));
    kill(run.pid, SIGKILL);
    process_wait(&run);
    process_free(&run);
    term_wait_for(s->term, "DEAD: its");
    term_wait_for(s->term, "effect     V2 is HALF APPLIED: 1 of 5 done, statement 2 may have run");
    term_wait_for(s->term, "five             HALF APPLIED");
    term_wait_for(s->term, "V2 is half applied: nothing can start before v has resolved it");
}

static void unlock(struct stage *s)
{
    term_key(s->term, "w");
    term_wait_for(s->term, "locked by a dead run: F unlocks first");
    term_key(s->term, "T");
    term_wait_for(s->term, "V2 is half applied: F unlocks, then v");
    term_key(s->term, "F");
    term_wait_for(s->term, "Nothing can start before V2 is resolved");
    term_wait_for(s->term, "y  unlock");
    term_key(s->term, "\ry");
    term_wait_for(s->term, "unlocked; it was held by");
    term_wait_for(s->term, "UNLOCKED");
    term_key(s->term, "u");
    term_wait_for(s->term, "V2 is half applied: v shows the ways out");
    term_key(s->term, "r");
    term_wait_for(s->term, "V2 is half applied: v shows the ways out");
}

static void ask(struct stage *s)
{
    term_key(s->term, "v");
    term_wait_for(s->term, "V2__five.sql: HALF APPLIED");
    term_key(s->term, "w");
    term_wait_for(s->term, "Tab  choose a way");
    term_wait_for(s->term, "▸  2  INSERT INTO log VALUES (2)");
}

/* The rest goes up by u, and every statement has run once. */
static void go_up(struct stage *s, const char *pending)
{
    term_wait_for(s->term, pending);
    term_wait_for(s->term, "u upgrade");
    term_key(s->term, "u");
    term_wait_for(s->term, "y  upgrade");
    term_key(s->term, "y");
    term_wait_for(s->term, "upgrade done:");
    term_wait_for(s->term, "2 Pending 0");
    assert_false(term_has(s->term, "HALF APPLIED"));
    assert_int_equal(outside_applied(&s->sb, "2"), 1);
    assert_int_equal(outside_applied(&s->sb, "3"), 1);
    assert_int_equal(sandbox_number(&s->sb, "SELECT count(*) FROM log"), 4);
    assert_int_equal(sandbox_number(&s->sb, "SELECT count(DISTINCT n) FROM log"), 4);
    stage_lock_is_free(s);
    stage_quit(s);
    stage_close(s);
}

/* A look shows that statement 2 is done: on with 3. Enter and a wrong number do nothing. */
static void goes_on(enum sandbox_kind kind)
{
    struct stage s;
    leave_half(&s, kind);
    unlock(&s);
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM log WHERE n = 2"), 1);
    ask(&s);
    term_key(s.term, "y\r2");
    term_key(s.term, "\t");
    term_wait_for(s.term, "[x] go on at statement 2: you have seen that it left nothing behind");
    term_key(s.term, "+");
    term_wait_for(s.term, "[x] go on at statement 3: you have seen that statement 2 is done");
    term_key(s.term, "2\r");
    term_wait_for(s.term, "That is something else: nothing is done.");
    assert_int_equal(outside_applied(&s.sb, "2"), 0);
    term_key(s.term, "\1773");
    term_wait_for(s.term, "resolve done: V2 has run to its end and is applied");
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM jetbase_runs WHERE resolution = 'rerun' AND resolved_by LIKE '%@%'"), 1);
    go_up(&s, "2 Pending 1");
}

static void marked_as_applied(enum sandbox_kind kind)
{
    struct stage s;
    leave_half(&s, kind);
    unlock(&s);
    sandbox_sql(&s.sb, "INSERT INTO log VALUES (4), (5)");
    ask(&s);
    term_key(s.term, "\t\t");
    term_wait_for(s.term, "[x] mark as applied");
    term_key(s.term, "applied");
    term_wait_for(s.term, "resolve done: V2 is marked as applied; nothing ran");
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM jetbase_runs WHERE resolution = 'applied'"), 1);
    go_up(&s, "2 Pending 1");
}

static void marked_as_rolled_back(enum sandbox_kind kind)
{
    struct stage s;
    leave_half(&s, kind);
    unlock(&s);
    sandbox_sql(&s.sb, "DELETE FROM log");
    ask(&s);
    term_key(s.term, "\t\t\t");
    term_wait_for(s.term, "[x] mark as rolled back");
    term_key(s.term, "rolled-back");
    term_wait_for(s.term, "resolve done: V2 is marked as rolled back; nothing ran");
    assert_int_equal(outside_applied(&s.sb, "2"), 0);
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM jetbase_runs WHERE resolution = 'rolled-back'"), 1);
    go_up(&s, "2 Pending 2");
}

/* Somebody ends it while the dialog asks: the dialog says so, and what is typed does nothing. */
static void others_are_faster(enum sandbox_kind kind)
{
    struct stage s;
    leave_half(&s, kind);
    unlock(&s);
    ask(&s);
    term_key(s.term, "\t+");
    term_wait_for(s.term, "[x] go on at statement 3");
    run_has(&s.sb, "resolve V2 --from 3", 0, "applied successfully: V2__five.sql", NULL);
    /* It may see the lock of the one who does, or what he has left. */
    term_wait_for(s.term, "othing was done");
    term_key(s.term, "3uy\r");
    term_wait_for(s.term, "3 Applied 2");
    term_wait_for(s.term, "othing was done");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "othing was done");
    go_up(&s, "2 Pending 1");
}

/* Another attempt between the look and the confirmation leaves it half applied in another way: even where the console has not seen that yet, nothing runs. */
static void tried_in_between(enum sandbox_kind kind)
{
    struct stage s;
    struct process run;
    static const char *const from_three[] = { "resolve", "V2", "--from", "3", NULL };
    leave_half(&s, kind);
    unlock(&s);
    ask(&s);
    term_key(s.term, "\t+");
    term_wait_for(s.term, "[x] go on at statement 3");
    kill(term_pid(s.term), SIGSTOP);
    sandbox_start(&s.sb, &run, true, "statement:2=kill", from_three);
    process_wait(&run);
    assert_int_equal(run.exit, 128 + SIGKILL);
    process_free(&run);
    outside_until_dead(&s.sb);
    run_has(&s.sb, "unlock --if-dead", 0, NULL, NULL);
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM log"), 3);
    term_key(s.term, "3");
    kill(term_pid(s.term), SIGCONT);
    /* Whichever comes first, the look or the key. */
    for (int i = 0; i < 100 && !term_has(s.term, "in another way than a moment ago") && !term_has(s.term, "the plan is no longer the one that was confirmed"); i++)
        term_wait_bytes(s.term, 200);
    assert_true(term_has(s.term, "in another way than a moment ago") || term_has(s.term, "the plan is no longer the one that was confirmed"));
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM log"), 3);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Esc leave it");
    term_wait_for(s.term, "V2 is HALF APPLIED: 3 of 5 done, statement 4 may have run");
    assert_int_equal(outside_applied(&s.sb, "2"), 0);
    stage_quit(&s);
    stage_close(&s);
}

/* ---- repairs ---- */

static void checksum_is_recorded(enum sandbox_kind kind)
{
    struct stage s;
    stage_open(&s, kind, 2);
    assert_int_equal(sandbox_run(&s.sb, NULL, upgrade), 0);
    sandbox_file(&s.sb, "V2__step_2.sql", "SELECT 1;\n");
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "file CHANGED");
    term_key(s.term, "v");
    term_wait_for(s.term, "Changed: put the file back");
    term_key(s.term, "f");
    term_wait_for(s.term, "y  record these checksums");
    /* What was shown is not what would be recorded now: nothing is. */
    sandbox_file(&s.sb, "V2__step_2.sql", "SELECT 2;\n");
    term_key(s.term, "\ry");
    term_wait_for(s.term, "what is to be repaired is no longer what was confirmed");
    term_wait_for(s.term, "Now it would be: V2: its checksum");
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(DISTINCT checksum) FROM jetbase_migrations"), 2);
    run_has(&s.sb, "validate-checksums", 0, "Changes detected", NULL);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "what is to be repaired is no longer what was confirmed; nothing");
    term_key(s.term, "f");
    term_wait_for(s.term, "y  record these checksums");
    term_key(s.term, "y");
    term_wait_for(s.term, "fix-checksums done: 1 recorded anew");
    run_has(&s.sb, "validate-checksums", 0, "All migration checksums are valid", NULL);
    term_wait_gone(s.term, "file CHANGED");
    stage_lock_is_free(&s);
    stage_quit(&s);
    stage_close(&s);
}

static void missing_is_forgotten(enum sandbox_kind kind)
{
    struct stage s;
    char path[700];
    stage_open(&s, kind, 3);
    assert_int_equal(sandbox_run(&s.sb, NULL, upgrade), 0);
    snprintf(path, sizeof path, "%s/migrations/V2__step_2.sql", s.sb.dir);
    assert_int_equal(unlink(path), 0);
    stage_console(&s, NULL, "--read-only");
    term_wait_for(s.term, "file MISSING");
    term_key(s.term, "v");
    term_wait_for(s.term, "(m forget missing)");
    term_key(s.term, "mfwy\r");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "(m forget missing)");
    term_key(s.term, "m");
    term_wait_for(s.term, "m is off: this console was started with --read-only");
    stage_quit(&s);
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM jetbase_migrations"), 3);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "file MISSING");
    term_key(s.term, "m");
    term_wait_for(s.term, "V2  V2__step_2.sql: 1 row deleted");
    term_key(s.term, "\ry");
    term_wait_for(s.term, "fix-files done: 1 taken out of the history");
    term_wait_for(s.term, "3 Applied 2");
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM jetbase_migrations"), 2);
    assert_int_equal(outside_applied(&s.sb, "2"), 0);
    stage_lock_is_free(&s);
    stage_quit(&s);
    stage_close(&s);
}

STAGE_ON_BOTH(goes_on)
STAGE_ON_BOTH(marked_as_applied)
STAGE_ON_BOTH(marked_as_rolled_back)
STAGE_ON_BOTH(others_are_faster)
STAGE_ON_BOTH(tried_in_between)
STAGE_ON_BOTH(checksum_is_recorded)
STAGE_ON_BOTH(missing_is_forgotten)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_BOTH(goes_on),           STAGE_BOTH(marked_as_applied),    STAGE_BOTH(marked_as_rolled_back), STAGE_BOTH(others_are_faster), STAGE_BOTH(tried_in_between),
        STAGE_BOTH(checksum_is_recorded), STAGE_BOTH(missing_is_forgotten),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("console_half", tests, NULL, NULL);
}
