/* test_lock_script.c: what the lock module makes of answers that come one behind the other: a driver that says what the test wrote down, since on a real database the moment between a look and a change can't be had each time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lock.h"
#include "text.h"

#define HOLDER "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"
#define OURS "(ours)" /* in a look: the process ID of the run that was begun */

enum { MOST = 200, SESSION = 4711 };
enum look { FREE, ALIVE, DEAD, UNKNOWN };

/* One look: who has the lock, and how the witness stands. */
struct seen {
    const char *id;
    enum look how;
    bool unfenced, no_run;
};

/* The database as the test wrote it. The last look, and the last answer, stay. */
struct scripted {
    const struct db_driver *driver;
    struct db_about about;
    bool runs_table;
    struct seen looks[8];
    int look_count, looked;
    enum db_change answers[4];
    struct error answer_error;         /* comes with CHANGE_FAILED */
    int answer_count, changed;
    struct db_lock_change changes[MOST]; /* what was asked for */
    bool ends;                         /* session_end finds the session and ends it */
    int end_calls;
    int session_reads, lives_for;      /* how many times the old session is still found by its number */
    char own[DB_ID_SIZE], last_done[64];
};

static int64_t now_ms;

static int64_t clock_ms(void)
{
    return now_ms;
}

static void clock_sleep(int ms)
{
    now_ms += ms;
}

static const char *nobody(void)
{
    return "ops";
}

static int own_pid(void)
{
    return 77;
}

static int64_t wall(void)
{
    return 1000000;
}

static bool bytes(void *to, size_t len)
{
    memset(to, 0x5a, len);
    return true;
}

static const struct sys sys = { clock_ms, wall, clock_sleep, bytes, nobody, nobody, own_pid, nobody };

/* ---- the driver ---- */

static struct scripted *of(struct db *db)
{
    return (struct scripted *)(void *)db;
}

static const struct db_about *about(const struct db *db)
{
    return &((const struct scripted *)(const void *)db)->about;
}

static bool tables_prepare(struct db *db, struct db_tables *out, struct error *err)
{
    (void)err;
    *out = (struct db_tables){ .migrations = true, .lock = true, .lock_row = true, .runs = of(db)->runs_table, .version_index = true };
    return true;
}

static bool witness_take(struct db *db, const char *process_id, char witness[DB_WITNESS_SIZE], struct error *err)
{
    (void)err;
    text_copy(of(db)->own, sizeof of(db)->own, process_id);
    snprintf(witness, DB_WITNESS_SIZE, "pg");
    return true;
}

static void witness_drop(struct db *db, const char *process_id)
{
    (void)db;
    (void)process_id;
}

static bool lock_read(struct db *db, struct db_lock_row *out, struct error *err)
{
    struct scripted *s = of(db);
    (void)err;
    assert_true(s->look_count > 0 && s->looked < MOST);
    const struct seen *seen = &s->looks[s->looked < s->look_count ? s->looked : s->look_count - 1];
    s->looked++;
    memset(out, 0, sizeof *out);
    out->table = out->row = true;
    if (seen->how == FREE)
        return true;
    out->locked = true;
    text_copy(out->process_id, sizeof out->process_id, strcmp(seen->id, OURS) == 0 ? s->own : seen->id);
    out->has_run = !seen->no_run;
    out->run.session_pid = SESSION;
    out->run.no_transaction = seen->unfenced;
    snprintf(out->run.witness, sizeof out->run.witness, "pg");
    out->witness = seen->how == ALIVE ? WITNESS_HELD : seen->how == DEAD ? WITNESS_ABSENT : WITNESS_UNKNOWN;
    out->why = seen->how == UNKNOWN ? WHY_POOLER : WHY_NONE;
    out->session_pid = seen->how == ALIVE ? SESSION : 0;
    return true;
}

static enum db_change lock_change(struct db *db, const struct db_lock_change *change, struct error *err)
{
    struct scripted *s = of(db);
    assert_true(s->changed < MOST && s->answer_count > 0);
    s->changes[s->changed] = *change;
    enum db_change answer = s->answers[s->changed < s->answer_count ? s->changed : s->answer_count - 1];
    s->changed++;
    if (answer == CHANGE_FAILED && err)
        *err = s->answer_error;
    return answer;
}

static bool session_read(struct db *db, int session_pid, struct db_session *out, struct error *err)
{
    struct scripted *s = of(db);
    (void)err;
    assert_true(session_pid == SESSION || session_pid == s->about.session_pid);
    memset(out, 0, sizeof *out);
    out->pid = session_pid;
    out->found = s->session_reads++ < s->lives_for;
    return true;
}

static bool session_end(struct db *db, const char *process_id, bool *ended, struct error *err)
{
    (void)process_id;
    (void)err;
    of(db)->end_calls++;
    *ended = of(db)->ends;
    return true;
}

static bool runs_read(struct db *db, const char *process_id, int limit, db_run_fn fn, void *user, struct error *err)
{
    struct run_row row = { .outcome = RUN_OPEN };
    (void)err;
    assert_string_equal(process_id, of(db)->own);
    assert_int_equal(limit, 1);
    text_copy(row.last_done, sizeof row.last_done, of(db)->last_done);
    fn(user, &row);
    return true;
}

static const struct db_driver with_sessions = {
    .version = DB_DRIVER_VERSION, .name = "scripted", .caps = DB_SESSIONS, .about = about, .tables_prepare = tables_prepare, .witness_take = witness_take, .witness_drop = witness_drop,
    .lock_read = lock_read, .lock_change = lock_change, .session_read = session_read, .session_end = session_end, .runs_read = runs_read,
};
static const struct db_driver without_sessions = {
    .version = DB_DRIVER_VERSION, .name = "scripted", .caps = 0, .about = about, .tables_prepare = tables_prepare, .witness_take = witness_take, .witness_drop = witness_drop,
    .lock_read = lock_read, .lock_change = lock_change, .runs_read = runs_read,
};

static struct db *as_db(struct scripted *s)
{
    if (s->driver == NULL)
        s->driver = &with_sessions;
    return (struct db *)(void *)s;
}

/* ---- unlocking ---- */

struct told {
    enum lock_answer answer;
    struct lock_view before;
    struct error err;
};

static struct told unlock(struct scripted *s, const struct unlock_wish *wish)
{
    struct told told = { .answer = LOCK_OK };
    struct unlock_wish whole = *wish;
    whole.sys = &sys;
    now_ms = 0;
    told.answer = lock_unlock(as_db(s), &whole, &told.before, NULL, &told.err);
    return told;
}

static void changed_hands_before_the_unlock(void **state)
{
    (void)state;
    struct scripted s = { .looks = { { OTHER, ALIVE, false, false } }, .look_count = 1 };
    struct told told = unlock(&s, &(struct unlock_wish){ .expect_id = HOLDER });
    assert_int_equal(told.answer, LOCK_CHANGED_HANDS);
    assert_int_equal(told.err.code, ERR_LOCK_CHANGED);
    assert_non_null(strstr(told.err.detail, OTHER));
    assert_non_null(strstr(told.err.detail, "alive"));
    assert_int_equal(s.changed, 0);

    struct scripted freed = { .looks = { { NULL, FREE, false, false } }, .look_count = 1 };
    told = unlock(&freed, &(struct unlock_wish){ .expect_id = HOLDER });
    assert_int_equal(told.answer, LOCK_CHANGED_HANDS);
    assert_non_null(strstr(told.err.detail, "It is free now"));
    assert_int_equal(freed.changed, 0);
}

/* The look still saw the dead holder, the change no longer did. */
static void changed_hands_between_look_and_change(void **state)
{
    (void)state;
    struct scripted s = { .looks = { { HOLDER, DEAD, false, false }, { OTHER, UNKNOWN, false, false } }, .look_count = 2, .answers = { CHANGE_HELD }, .answer_count = 1 };
    struct told told = unlock(&s, &(struct unlock_wish){ .expect_id = HOLDER });
    assert_int_equal(told.answer, LOCK_CHANGED_HANDS);
    assert_non_null(strstr(told.err.detail, OTHER));
    assert_non_null(strstr(told.err.detail, "unknown"));
    assert_int_equal(s.changed, 1);
    assert_int_equal(s.changes[0].kind, CHANGE_UNLOCK);
    assert_true(s.changes[0].prove_dead);
}

/* Seen as dead, but the proof in the transaction says otherwise: nothing is done, and nothing else is said than what the last look shows. */
static void the_proof_fails(void **state)
{
    (void)state;
    struct scripted alive = { .looks = { { HOLDER, DEAD, false, false }, { HOLDER, ALIVE, false, false } }, .look_count = 2, .answers = { CHANGE_ALIVE }, .answer_count = 1 };
    struct told told = unlock(&alive, &(struct unlock_wish){ .only_dead = true });
    assert_int_equal(told.answer, LOCK_NOT_DEAD);
    assert_string_equal(told.err.message, "the holder is alive, nothing was done");
    assert_int_equal(told.before.verdict, LOCK_ALIVE);

    struct scripted unknown = { .looks = { { HOLDER, DEAD, false, false }, { HOLDER, UNKNOWN, false, false } }, .look_count = 2, .answers = { CHANGE_CANNOT_TELL }, .answer_count = 1 };
    told = unlock(&unknown, &(struct unlock_wish){ .only_dead = true });
    assert_int_equal(told.answer, LOCK_NOT_DEAD);
    assert_string_equal(told.err.message, "that the holder is dead can't be proven, nothing was done");
    assert_non_null(strstr(told.err.hint, HOLDER));
    assert_int_equal(unknown.changed, 1);
}

static void only_a_dead_holder_is_not_even_tried_alive(void **state)
{
    (void)state;
    struct scripted s = { .looks = { { HOLDER, ALIVE, false, false } }, .look_count = 1 };
    struct told told = unlock(&s, &(struct unlock_wish){ .only_dead = true });
    assert_int_equal(told.answer, LOCK_NOT_DEAD);
    assert_int_equal(s.changed, 0);
}

static void the_row_is_busy(void **state)
{
    (void)state;
    struct scripted alive = { .looks = { { HOLDER, ALIVE, false, false } }, .look_count = 1, .answers = { CHANGE_BUSY }, .answer_count = 1 };
    struct told told = unlock(&alive, &(struct unlock_wish){ .expect_id = HOLDER });
    assert_int_equal(told.answer, LOCK_BUSY);
    assert_non_null(strstr(told.err.message, "at its commit (session 4711)"));
    assert_non_null(strstr(told.err.hint, "--terminate"));

    /* A dead holder commits nothing: it is somebody else who has the row. */
    struct scripted dead = { .looks = { { HOLDER, DEAD, false, false } }, .look_count = 1, .answers = { CHANGE_BUSY }, .answer_count = 1 };
    told = unlock(&dead, &(struct unlock_wish){ .expect_id = HOLDER });
    assert_int_equal(told.answer, LOCK_BUSY);
    assert_non_null(strstr(told.err.message, "somebody else keeps the lock row"));
    assert_null(strstr(told.err.message, "at its commit"));
}

static void an_unfenced_statement_is_not_passed(void **state)
{
    (void)state;
    struct scripted s = { .looks = { { HOLDER, ALIVE, true, false } }, .look_count = 1 };
    struct told told = unlock(&s, &(struct unlock_wish){ .expect_id = HOLDER });
    assert_int_equal(told.answer, LOCK_REFUSED);
    assert_int_equal(s.changed, 0);
    assert_non_null(strstr(told.err.hint, "--terminate"));
}

/* ---- ending the holder's session ---- */

static void the_session_ends_and_the_lock_is_opened_by_proof(void **state)
{
    (void)state;
    struct scripted s = { .looks = { { HOLDER, ALIVE, false, false }, { HOLDER, ALIVE, false, false }, { HOLDER, ALIVE, false, false }, { HOLDER, DEAD, false, false } }, .look_count = 4,
                          .answers = { CHANGE_DONE }, .answer_count = 1, .ends = true, .lives_for = MOST };
    struct told told = unlock(&s, &(struct unlock_wish){ .terminate = true });
    assert_int_equal(told.answer, LOCK_OK);
    assert_int_equal(s.end_calls, 1);
    assert_int_equal(s.looked, 4);
    assert_int_equal(s.changed, 1);
    assert_int_equal(s.changes[0].kind, CHANGE_UNLOCK);
    assert_true(s.changes[0].prove_dead);
}

static void a_session_that_does_not_go_keeps_its_lock(void **state)
{
    (void)state;
    struct scripted told_to = { .looks = { { HOLDER, ALIVE, false, false } }, .look_count = 1, .ends = true, .lives_for = MOST };
    struct told told = unlock(&told_to, &(struct unlock_wish){ .terminate = true, .timeout_ms = 1000 });
    assert_int_equal(told.answer, LOCK_NOT_DEAD);
    assert_non_null(strstr(told.err.message, "was told to end but still lives"));
    assert_int_equal(told_to.changed, 0);
    assert_true(now_ms >= 1000);

    struct scripted not_found = { .looks = { { HOLDER, ALIVE, false, false } }, .look_count = 1, .lives_for = MOST };
    told = unlock(&not_found, &(struct unlock_wish){ .terminate = true });
    assert_int_equal(told.answer, LOCK_NOT_DEAD);
    assert_string_equal(told.err.message, "the holder is alive, nothing was done");
    assert_int_equal(not_found.changed, 0);
}

static void the_next_holder_is_not_hit(void **state)
{
    (void)state;
    struct scripted s = { .looks = { { HOLDER, ALIVE, false, false }, { OTHER, ALIVE, false, false } }, .look_count = 2, .ends = true, .lives_for = MOST };
    struct told told = unlock(&s, &(struct unlock_wish){ .terminate = true });
    assert_int_equal(told.answer, LOCK_CHANGED_HANDS);
    assert_non_null(strstr(told.err.detail, OTHER));
    assert_int_equal(s.end_calls, 1);
    assert_int_equal(s.changed, 0);
}

static void no_sessions_to_end(void **state)
{
    (void)state;
    struct scripted s = { .driver = &without_sessions, .looks = { { HOLDER, ALIVE, false, false } }, .look_count = 1 };
    struct told told = unlock(&s, &(struct unlock_wish){ .terminate = true });
    assert_int_equal(told.answer, LOCK_FAILED);
    assert_int_equal(told.err.code, ERR_USAGE);
    assert_int_equal(s.changed, 0);
}

/* ---- without a condition, as scripts do ---- */

static void unconditional_tries_the_proof_first(void **state)
{
    (void)state;
    struct scripted proven = { .looks = { { HOLDER, DEAD, false, false } }, .look_count = 1, .answers = { CHANGE_DONE }, .answer_count = 1 };
    assert_int_equal(unlock(&proven, &(struct unlock_wish){ .reason = "stuck" }).answer, LOCK_OK);
    assert_int_equal(proven.changed, 1);
    assert_int_equal(proven.changes[0].kind, CHANGE_UNLOCK);
    assert_true(proven.changes[0].prove_dead);
    assert_string_equal(proven.changes[0].reason, "stuck");

    struct scripted unproven = { .looks = { { HOLDER, DEAD, false, false } }, .look_count = 1, .answers = { CHANGE_CANNOT_TELL, CHANGE_DONE }, .answer_count = 2 };
    assert_int_equal(unlock(&unproven, &(struct unlock_wish){ .reason = NULL }).answer, LOCK_OK);
    assert_int_equal(unproven.changed, 2);
    assert_int_equal(unproven.changes[1].kind, CHANGE_UNLOCK_ANY);
    assert_false(unproven.changes[1].prove_dead);
}

static void a_lost_connection_is_no_answer(void **state)
{
    (void)state;
    struct scripted s = { .looks = { { HOLDER, ALIVE, false, false } }, .look_count = 1, .answers = { CHANGE_FAILED }, .answer_count = 1 };
    error_set(&s.answer_error, ERR_NO_CONNECTION, "the connection was lost");
    struct told told = unlock(&s, &(struct unlock_wish){ .reason = NULL });
    assert_int_equal(told.answer, LOCK_FAILED);
    assert_non_null(strstr(told.err.state, "whether the lock was changed is not known"));
}

/* ---- what is true after a lost connection ---- */

/* Begins a run; the database of the test goes on from there. lost: the answer of the acquire never came. */
static struct lock *begin(struct scripted *s, bool lost)
{
    struct lock *lock = NULL;
    struct lock_view holder;
    struct error err = { .code = ERR_NONE };
    enum db_change answers[4];
    memcpy(answers, s->answers, sizeof answers);
    now_ms = 0;
    s->about.session_pid = SESSION;
    s->answers[0] = lost ? CHANGE_FAILED : CHANGE_DONE;
    s->answer_count = 1;
    if (lost)
        error_set(&s->answer_error, ERR_NO_CONNECTION, "the connection was lost");
    assert_int_equal(lock_acquire(as_db(s), &(struct lock_wish){ .sys = &sys, .command = "upgrade" }, &lock, &holder, NULL, 0, &err), lost ? LOCK_FAILED : LOCK_OK);
    assert_non_null(lock);
    memcpy(s->answers, answers, sizeof answers);
    s->changed = 0;
    return lock;
}

static bool truth(struct scripted *s, struct lock *lock, struct lock_truth *out, struct error *err)
{
    memset(err, 0, sizeof *err);
    return lock_find_truth(lock, as_db(s), 2000, out, err);
}

static void the_old_session_is_ended_and_waited_for(void **state)
{
    (void)state;
    struct scripted s = { .runs_table = true, .looks = { { OURS, ALIVE, false, false }, { OURS, ALIVE, false, false }, { OURS, DEAD, false, false } }, .look_count = 3, .ends = true, .lives_for = MOST,
                          .last_done = "2 V2__b.sql" };
    struct lock *lock = begin(&s, false);
    struct lock_truth found;
    struct error err;
    assert_true(truth(&s, lock, &found, &err));
    assert_int_equal(s.looked, 3);
    assert_int_equal(s.end_calls, 1);
    assert_true(found.has_run && found.locked_by_us);
    assert_string_equal(found.last_done, "2 V2__b.sql");
    lock_free(lock);
}

static void somebody_unlocked_us(void **state)
{
    (void)state;
    struct scripted s = { .runs_table = true, .looks = { { OTHER, ALIVE, false, false } }, .look_count = 1, .lives_for = MOST, .last_done = "1 V1__a.sql" };
    struct lock *lock = begin(&s, false);
    struct lock_truth found;
    struct error err;
    assert_true(truth(&s, lock, &found, &err));
    assert_true(found.has_run);
    assert_false(found.locked_by_us);
    lock_free(lock);
}

/* Where the witness can't be asked, waiting would prove nothing. */
static void an_unknown_witness_is_no_truth(void **state)
{
    (void)state;
    struct scripted s = { .runs_table = true, .looks = { { OURS, UNKNOWN, false, false } }, .look_count = 1 };
    struct lock *lock = begin(&s, false);
    struct lock_truth found;
    struct error err;
    assert_false(truth(&s, lock, &found, &err));
    assert_int_equal(err.code, ERR_UNKNOWN_END);
    assert_non_null(strstr(err.hint, "jetbase history"));
    assert_int_equal(now_ms, 0);
    lock_free(lock);
}

static void a_session_that_stays_is_no_truth(void **state)
{
    (void)state;
    struct scripted s = { .runs_table = true, .looks = { { OURS, ALIVE, false, false } }, .look_count = 1, .ends = true, .lives_for = MOST };
    struct lock *lock = begin(&s, false);
    struct lock_truth found;
    struct error err;
    assert_false(truth(&s, lock, &found, &err));
    assert_int_equal(err.code, ERR_UNKNOWN_END);
    assert_true(now_ms >= 2000);
    lock_free(lock);
}

/* Without jetbase_runs there is no witness that the lock names: the old session is asked for by its number. */
static void without_a_run_row_the_session_itself_is_asked(void **state)
{
    (void)state;
    struct scripted s = { .looks = { { OURS, UNKNOWN, false, true } }, .look_count = 1, .lives_for = 2 };
    struct lock *lock = begin(&s, false);
    struct lock_truth found;
    struct error err;
    assert_true(truth(&s, lock, &found, &err));
    assert_int_equal(s.session_reads, 3);
    assert_int_equal(s.end_calls, 0);
    assert_false(found.has_run);
    assert_true(found.locked_by_us);

    s.session_reads = 0;
    s.lives_for = MOST;
    assert_false(truth(&s, lock, &found, &err));
    assert_int_equal(err.code, ERR_UNKNOWN_END);
    lock_free(lock);
}

/* The acquire had no answer: a free lock proves nothing while the old session may still take it. */
static void a_free_lock_proves_nothing_of_an_unanswered_acquire(void **state)
{
    (void)state;
    struct scripted s = { .runs_table = true, .looks = { { NULL, FREE, false, false } }, .look_count = 1, .lives_for = 2 };
    struct lock *lock = begin(&s, true);
    struct lock_truth found;
    struct error err;
    s.looked = 0;
    assert_true(truth(&s, lock, &found, &err));
    assert_int_equal(s.session_reads, 3);
    assert_false(found.locked_by_us);
    lock_free(lock);
}

static void a_standby_knows_nothing(void **state)
{
    (void)state;
    struct scripted s = { .runs_table = true, .looks = { { OURS, DEAD, false, false } }, .look_count = 1 };
    struct lock *lock = begin(&s, false);
    struct lock_truth found;
    struct error err;
    s.about.standby = true;
    assert_false(truth(&s, lock, &found, &err));
    assert_int_equal(err.code, ERR_UNKNOWN_END);
    assert_non_null(strstr(err.message, "standby"));
    assert_int_equal(s.looked, 0);
    lock_free(lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed_hands_before_the_unlock),
        cmocka_unit_test(changed_hands_between_look_and_change),
        cmocka_unit_test(the_proof_fails),
        cmocka_unit_test(only_a_dead_holder_is_not_even_tried_alive),
        cmocka_unit_test(the_row_is_busy),
        cmocka_unit_test(an_unfenced_statement_is_not_passed),
        cmocka_unit_test(the_session_ends_and_the_lock_is_opened_by_proof),
        cmocka_unit_test(a_session_that_does_not_go_keeps_its_lock),
        cmocka_unit_test(the_next_holder_is_not_hit),
        cmocka_unit_test(no_sessions_to_end),
        cmocka_unit_test(unconditional_tries_the_proof_first),
        cmocka_unit_test(a_lost_connection_is_no_answer),
        cmocka_unit_test(the_old_session_is_ended_and_waited_for),
        cmocka_unit_test(somebody_unlocked_us),
        cmocka_unit_test(an_unknown_witness_is_no_truth),
        cmocka_unit_test(a_session_that_stays_is_no_truth),
        cmocka_unit_test(without_a_run_row_the_session_itself_is_asked),
        cmocka_unit_test(a_free_lock_proves_nothing_of_an_unanswered_acquire),
        cmocka_unit_test(a_standby_knows_nothing),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("lock_script", tests, NULL, NULL);
}
