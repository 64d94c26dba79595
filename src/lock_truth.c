/* lock_truth.c: what is true of our own run after its connection was lost (DESIGN: lost answers). */
#include <stdio.h>
#include <string.h>

#include "lock_private.h"
#include "text.h"

/* Without a run row, or before the lock names us, it cannot judge us: then the old session itself is asked for by its number. */
static bool old_session_ended(const struct lock *lock, struct db *db, bool *ended, struct error *err)
{
    const struct db_driver *driver = db_driver_of(db);
    struct db_session session = { 0 };
    *ended = false;
    if (!(driver->caps & DB_SESSIONS) || lock->run.session_pid <= 0)
        return true;
    if (!driver->session_read(db, lock->run.session_pid, &session, err))
        return false;
    *ended = !session.found;
    return true;
}

/* Ends our own old session, and waits until its witness is gone: before that its COMMIT may still come. */
static bool old_session_gone(const struct lock *lock, struct db *db, int timeout_ms, struct lock_view *now, struct error *err)
{
    const struct db_driver *driver = db_driver_of(db);
    int64_t until = lock->sys->mono_ms() + timeout_ms;
    bool ended = false;
    for (;;) {
        if ((driver->caps & DB_SESSIONS) && !ended && lock->has_run && !driver->session_end(db, lock->run.process_id, &ended, err))
            return false;
        if (!lock_look(db, now, err))
            return false;
        bool ours = now->row.locked && strcmp(now->row.process_id, lock->run.process_id) == 0;
        bool gone = (!ours && !lock->unanswered) || (ours && now->verdict == LOCK_DEAD);
        if (!gone && (!lock->has_run || !ours) && !old_session_ended(lock, db, &gone, err))
            return false;
        if (gone)
            return true;
        if (lock->has_run && now->verdict == LOCK_UNKNOWN)
            break;
        if (lock->sys->mono_ms() >= until)
            break;
        lock->sys->sleep_ms(LOCK_POLL_MS);
    }
    error_set(err, ERR_UNKNOWN_END, "whether the old session has ended is not known: %s", now->evidence);
    error_hint(err, "Look with `jetbase lock-status` and `jetbase history` before anything else is run.");
    return false;
}

static bool keep_run(void *user, const struct run_row *row)
{
    struct lock_truth *out = user;
    out->has_run = true;
    text_copy(out->last_done, sizeof out->last_done, row->last_done);
    out->outcome = row->outcome;
    return false;
}

bool lock_find_truth(const struct lock *lock, struct db *db, int timeout_ms, struct lock_truth *out, struct error *err)
{
    struct lock_view now;
    memset(out, 0, sizeof *out);
    if (db_driver_of(db)->about(db)->standby)
        return error_set(err, ERR_UNKNOWN_END, "whether the last migration was committed is not known: this server is a standby now");
    if (!old_session_gone(lock, db, timeout_ms, &now, err))
        return false;
    out->locked_by_us = now.row.locked && strcmp(now.row.process_id, lock->run.process_id) == 0;
    return !lock->has_run || db_driver_of(db)->runs_read(db, lock->run.process_id, 1, keep_run, out, err);
}
