/* test_console_unlock.c: force-unlock from the console, in a pseudo-terminal on real databases: dead, living and unknown holders, and locks that change hands. */
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

#include "support/stage.h"

static const char *const upgrade[] = { "upgrade", NULL };

/* Another run, stopped at that point of its first migration while the console looks on. */
static void start_holder(struct stage *s, struct process *holder, enum sandbox_kind kind, const char *failpoint)
{
    stage_open(s, kind, 2);
    stage_console(s, NULL, NULL);
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
    term_wait_for(s.term, "died at V1__step_1.sql");
    term_key(s.term, "F");
    term_wait_for(s.term, "y  unlock");
    assert_true(term_has(s.term, "It is DEAD: its"));
    term_key(s.term, "\r");
    term_key(s.term, "y");
    term_wait_for(s.term, "unlocked; it was held by");
    term_wait_for(s.term, "UNLOCKED   last run");
    stage_lock_is_free(&s);
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM jetbase_runs WHERE outcome = 'died' AND unlocked_by IS NOT NULL"), 1);
    term_key(s.term, "u");
    term_wait_for(s.term, "y  upgrade");
    term_key(s.term, "y");
    term_wait_for(s.term, "upgrade done: 2 applied");
    assert_int_equal(sandbox_check_steps(&s.sb, 2), 2);
    stage_quit(&s);
    stage_close(&s);
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
    stage_lock_is_free(&s);
    end_holder(&holder, SIGCONT);
    assert_int_equal(holder.exit, 4); /* its fence */
    process_free(&holder);
    assert_int_equal(sandbox_check_steps(&s.sb, 2), 0);
    stage_quit(&s);
    stage_close(&s);
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
    stage_quit(&s);
    stage_close(&s);
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
    stage_quit(&s);
    stage_close(&s);
}

static void another_program(enum sandbox_kind kind)
{
    struct stage s;
    stage_open(&s, kind, 1);
    assert_int_equal(sandbox_run(&s.sb, NULL, upgrade), 0);
    sandbox_sql(&s.sb, "UPDATE jetbase_lock SET is_locked = TRUE, locked_at = CURRENT_TIMESTAMP, process_id = 'c1d2e3f4-aaaa-4bbb-8ccc-0123456789ab'");
    stage_console(&s, NULL, NULL);
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
    stage_lock_is_free(&s);
    stage_quit(&s);
    stage_close(&s);
}

STAGE_ON_BOTH(killed_holder)
STAGE_ON_BOTH(living_holder)
STAGE_ON_BOTH(lock_changes_hands)
STAGE_ON_BOTH(holder_at_its_commit)
STAGE_ON_BOTH(another_program)

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
    stage_lock_is_free(&s);
    end_holder(&holder, SIGKILL);
    process_free(&holder);
    assert_int_equal(sandbox_check_steps(&s.sb, 2), 0);
    stage_quit(&s);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_BOTH(killed_holder),
        STAGE_BOTH(living_holder),
        STAGE_BOTH(lock_changes_hands),
        STAGE_BOTH(holder_at_its_commit),
        STAGE_BOTH(another_program),
        cmocka_unit_test(session_is_ended_too),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("console_unlock", tests, NULL, NULL);
}
