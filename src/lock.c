/* lock.c: takes the migration lock, looks at it, gives it back. */
#include "lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failpoint.h"
#include "lock_private.h"
#include "text.h"

/* A lock that is free again by the time we look is tried again this often. */
enum { ACQUIRE_TRIES = 5 };

bool lock_look_lockers(struct db *db, struct lock_view *out, struct error *err)
{
    const struct db_driver *driver = db_driver_of(db);
    struct error own = { 0 };
    /* Of a standby's sessions none can hold the primary's lock. */
    if (!(driver->caps & DB_SESSIONS) || !out->row.locked || out->row.has_run || out->row.own || driver->about(db)->standby)
        return true;
    if (driver->lockers_read(db, out->lockers, LOCK_LOCKERS, &out->lockers_count, &own))
        return true;
    out->lockers_count = 0;
    if (own.code == ERR_NO_CONNECTION)
        *err = own;
    return own.code != ERR_NO_CONNECTION;
}

bool lock_look(struct db *db, struct lock_view *out, struct error *err)
{
    const struct db_driver *driver = db_driver_of(db);
    memset(out, 0, sizeof *out);
    if (!driver->lock_read(db, &out->row, err))
        return false;
    out->verdict = lock_judge(&out->row, out->evidence, sizeof out->evidence);
    out->fenced = out->row.locked && (out->row.has_run ? !out->row.run.no_transaction : out->row.own);
    lock_effect(out, out->effect, sizeof out->effect);
    out->seen_mono_ms = sys_real.mono_ms();
    if ((driver->caps & DB_SESSIONS) && out->row.session_pid > 0 && !driver->session_read(db, out->row.session_pid, &out->session, err))
        return false;
    return true;
}

/* The row that the new run gets. */
static bool run_fill(struct run_row *run, struct db *db, const struct lock_wish *wish, struct error *err)
{
    memset(run, 0, sizeof *run);
    if (!sys_uuid(wish->sys, run->process_id))
        return error_set(err, ERR_FAILED, "the system gave no random bytes for a process ID; the lock was not touched");
    text_copy(run->host, sizeof run->host, wish->sys->host());
    text_copy(run->os_user, sizeof run->os_user, wish->sys->user());
    snprintf(run->program, sizeof run->program, "%s", PACKAGE_STRING);
    text_copy(run->command, sizeof run->command, wish->command);
    if (wish->file)
        text_copy(run->file, sizeof run->file, wish->file);
    run->statements = wish->statements;
    run->pid = wish->sys->pid();
    run->session_pid = db_driver_of(db)->about(db)->session_pid;
    return true;
}

/* One try to set the lock from free, or from a dead holder where that is wished. Sets *again where the lock was free by the time we looked. */
static enum lock_answer acquire_once(struct db *db, const struct lock_wish *wish, struct lock *lock, struct lock_view *holder, bool *again, struct error *err)
{
    const struct db_driver *driver = db_driver_of(db);
    struct db_lock_change change = { .kind = CHANGE_ACQUIRE, .run = &lock->run, .timeout_ms = LOCK_ROW_WAIT_MS };
    enum db_change got = driver->lock_change(db, &change, err);
    *again = false;
    if (got == CHANGE_DONE)
        return LOCK_OK;
    if (got == CHANGE_FAILED || !lock_look(db, holder, err))
        return LOCK_FAILED;
    if (got != CHANGE_UNFENCED && holder->verdict == LOCK_DEAD && wish->take_over_dead &&
        (!wish->expect_id || strcmp(wish->expect_id, holder->row.process_id) == 0)) {
        change.kind = CHANGE_TAKE_OVER;
        change.from = holder->row.process_id;
        got = driver->lock_change(db, &change, err);
        if (got == CHANGE_DONE)
            return LOCK_OK;
        if (got == CHANGE_FAILED || !lock_look(db, holder, err))
            return LOCK_FAILED;
    }
    if (got == CHANGE_UNFENCED) {
        error_set(err, ERR_LOCK_HELD, "an earlier run has a statement outside a transaction that still runs; a new run beside it could corrupt the schema");
        error_hint(err, "Nothing was done. Wait until it has ended; `jetbase lock-status` and `jetbase runs` show it.");
        return LOCK_REFUSED;
    }
    *again = holder->verdict == LOCK_FREE;
    lock_held_error(holder, err);
    return LOCK_HELD;
}

/* Take-over was asked for one named holder: anything else must not start. */
static enum lock_answer take_over_expected(struct db *db, const struct lock_wish *wish, struct lock_view *holder, struct error *err)
{
    if (!wish->expect_id)
        return LOCK_OK;
    if (!lock_look(db, holder, err))
        return LOCK_FAILED;
    if (holder->row.locked && strcmp(wish->expect_id, holder->row.process_id) == 0)
        return LOCK_OK;
    error_set(err, ERR_LOCK_CHANGED, "the lock changed hands, nothing was done");
    error_detail(err, holder->row.locked ? "It is now held by process ID %s." : "It is free now.%s", holder->row.locked ? holder->row.process_id : "");
    return LOCK_CHANGED_HANDS;
}

enum lock_answer lock_acquire(struct db *db, const struct lock_wish *wish, struct lock **out, struct lock_view *holder, char *note, size_t note_size, struct error *err)
{
    const struct db_driver *driver = db_driver_of(db);
    struct db_tables tables;
    struct lock *lock = calloc(1, sizeof *lock);
    enum lock_answer answer = LOCK_FAILED;
    bool again = true;
    int64_t until;
    *out = NULL;
    memset(holder, 0, sizeof *holder);
    if (!lock) {
        error_set(err, ERR_NO_MEMORY, "out of memory; the lock was not touched");
        return LOCK_FAILED;
    }
    lock->sys = wish->sys;
    FAILPOINT("tables");
    if (!driver->tables_prepare(db, &tables, err) || !run_fill(&lock->run, db, wish, err))
        goto fail;
    lock->has_run = tables.runs;
    if (note && note_size)
        text_copy(note, note_size, tables.note);
    answer = take_over_expected(db, wish, holder, err);
    if (answer != LOCK_OK)
        goto fail;
    FAILPOINT("before-lock");
    if (!driver->witness_take(db, lock->run.process_id, lock->run.witness, err)) {
        answer = LOCK_FAILED;
        goto fail;
    }
    until = wish->sys->mono_ms() + LOCK_ROW_WAIT_MS;
    for (int i = 0; again && i < ACQUIRE_TRIES && (i == 0 || wish->sys->mono_ms() < until); i++)
        answer = acquire_once(db, wish, lock, holder, &again, err);
    if (answer == LOCK_OK) {
        error_clear(err); /* an earlier try may have met a holder that is gone */
        *out = lock;
        return LOCK_OK;
    }
    if (answer == LOCK_FAILED && err && err->code == ERR_NO_CONNECTION && (driver->caps & DB_SESSIONS)) {
        lock->unanswered = true; /* its COMMIT may have been made, or may still come */
        *out = lock;
        return LOCK_FAILED;
    }
    driver->witness_drop(db, lock->run.process_id);
fail:
    free(lock);
    return answer;
}

const char *lock_process_id(const struct lock *lock)
{
    return lock->run.process_id;
}

bool lock_has_run(const struct lock *lock)
{
    return lock->has_run;
}

const struct run_row *lock_run(const struct lock *lock)
{
    return &lock->run;
}

void lock_free(struct lock *lock)
{
    free(lock);
}

enum lock_answer lock_release(struct lock *lock, struct db *db, enum run_outcome outcome, const char *detail, struct error *err)
{
    const struct db_driver *driver = db_driver_of(db);
    struct db_lock_change change = { .kind = CHANGE_RELEASE, .from = lock->run.process_id, .outcome = outcome, .detail = detail, .timeout_ms = LOCK_ROW_WAIT_MS };
    int64_t until = lock->sys->mono_ms() + FAILPOINT_MS("release", LOCK_RELEASE_MS);
    struct error last = { 0 };
    for (;;) {
        enum db_change got = driver->lock_change(db, &change, &last);
        /* The witness goes last: with the connection, which nobody uses for another run. */
        if (got == CHANGE_DONE || got == CHANGE_HELD)
            return got == CHANGE_DONE ? LOCK_OK : LOCK_CHANGED_HANDS;
        if (got == CHANGE_FAILED && last.code == ERR_NO_CONNECTION)
            break;
        if (lock->sys->mono_ms() >= until) {
            char why[1024];
            bool file = got == CHANGE_FAILED && last.code == ERR_FILE;
            text_copy(why, sizeof why, got == CHANGE_FAILED ? last.message : "the lock row could not be had in time");
            error_set(&last, ERR_NOT_RELEASED, "the lock could not be released: %s", why);
            if (file)
                error_hint(&last, "It stays in the file that this run had opened. What the file in its place says of the lock is told by: jetbase lock-status");
            else
                error_hint(&last, "Once this program has ended its holder is dead: jetbase unlock --if-dead --process-id %s", lock->run.process_id);
            break;
        }
        struct error ignored = { 0 };
        if (!driver->rollback(db, &ignored)) {
            last = ignored;
            break;
        }
        lock->sys->sleep_ms(LOCK_POLL_MS);
    }
    if (err)
        *err = last;
    return LOCK_FAILED;
}
