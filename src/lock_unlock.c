/* lock_unlock.c: forces the migration lock open: by compare-and-set, by proof of death, or unconditionally as Jetbase does. */
#include <stdio.h>
#include <string.h>

#include "lock_private.h"
#include "text.h"

/* One unlock on its way. */
struct unlocking {
    struct db *db;
    const struct db_driver *driver;
    const struct unlock_wish *wish;
    struct lock_view *before;
    char by[520];
    int timeout_ms;
};

static enum lock_answer changed_hands(struct db *db, const char *expect_id, struct error *err)
{
    struct lock_view now;
    struct error ignored = { 0 };
    error_set(err, ERR_LOCK_CHANGED, "the lock changed hands, nothing was done");
    if (!lock_look(db, &now, &ignored))
        error_detail(err, "It no longer names process ID %s.", expect_id);
    else if (now.row.locked)
        error_detail(err, "It is now held by process ID %s (%s: %s).", now.row.process_id, lock_verdict_name(now.verdict), now.evidence);
    else
        error_detail(err, "It is free now: process ID %s no longer holds it.", expect_id);
    return LOCK_CHANGED_HANDS;
}

static enum lock_answer not_dead(const struct lock_view *view, struct error *err)
{
    error_set(err, ERR_LOCK_ALIVE, view->verdict == LOCK_ALIVE ? "the holder is alive, nothing was done" : "that the holder is dead can't be proven, nothing was done");
    error_detail(err, "process ID %s: %s", view->row.process_id, view->evidence);
    error_hint(err, "To unlock all the same: jetbase unlock --process-id %s", view->row.process_id);
    return LOCK_NOT_DEAD;
}

static enum lock_answer busy(const struct lock_view *view, struct error *err)
{
    char who[64] = "", why[sizeof err->message] = "";
    if (!view->row.locked || view->verdict == LOCK_DEAD) {
        /* The holder is not it: the driver's words, where it has some, say who. */
        if (err)
            text_copy(why, sizeof why, err->message);
        error_set(err, ERR_LOCK_BUSY, "somebody else keeps the lock row, or the database, busy; the lock was not changed");
        error_detail(err, "%s", why);
        error_hint(err, "Try again in a moment.");
        return LOCK_BUSY;
    }
    if (view->row.session_pid > 0)
        snprintf(who, sizeof who, " (session %d)", view->row.session_pid);
    error_set(err, ERR_LOCK_BUSY, "the holder is at its commit%s, or somebody keeps the lock row busy; the lock was not changed", who);
    if (view->row.has_run && !who[0])
        error_detail(err, "process %d on %s has the database for itself while its migration runs; an unlock can act between two migrations.", view->row.run.pid, view->row.run.host);
    error_hint(err, "Try again in a moment%s.", who[0] ? ", or end its session with --terminate" : "");
    return LOCK_BUSY;
}

/* One change, its answer in the words of this module. */
static enum lock_answer change(struct unlocking *u, enum db_change_kind kind, const char *from, bool prove_dead, struct error *err)
{
    struct db_lock_change wanted = { .kind = kind, .from = from, .prove_dead = prove_dead, .by = u->by, .reason = u->wish->reason, .timeout_ms = u->timeout_ms };
    switch (u->driver->lock_change(u->db, &wanted, err)) {
    case CHANGE_DONE:
        return LOCK_OK;
    case CHANGE_HELD:
        return changed_hands(u->db, from, err);
    case CHANGE_ALIVE:
    case CHANGE_CANNOT_TELL: {
        struct error ignored = { 0 };
        lock_look(u->db, u->before, &ignored);
        return not_dead(u->before, err);
    }
    case CHANGE_BUSY: {
        struct lock_view now;
        struct error ignored = { 0 };
        return busy(lock_look(u->db, &now, &ignored) ? &now : u->before, err);
    }
    case CHANGE_UNFENCED:
    case CHANGE_FAILED:
        break;
    }
    return LOCK_FAILED;
}

/* Ends the holder's session and waits until its witness is gone. */
static enum lock_answer end_holder(struct unlocking *u, const char *from, struct error *err)
{
    bool ended = false;
    struct lock_view now;
    int64_t until = u->wish->sys->mono_ms() + u->timeout_ms;
    if (!(u->driver->caps & DB_SESSIONS)) {
        error_set(err, ERR_USAGE, "--terminate needs a database with sessions; this one has none. Nothing was done");
        return LOCK_FAILED;
    }
    if (!u->driver->session_end(u->db, from, &ended, err))
        return LOCK_FAILED;
    do {
        if (!lock_look(u->db, &now, err))
            return LOCK_FAILED;
        if (!now.row.locked || strcmp(now.row.process_id, from) != 0)
            return changed_hands(u->db, from, err);
        if (now.verdict == LOCK_DEAD)
            return LOCK_OK;
        if (!ended)
            break;
        u->wish->sys->sleep_ms(LOCK_POLL_MS);
    } while (u->wish->sys->mono_ms() < until);
    *u->before = now;
    if (ended) {
        error_set(err, ERR_LOCK_ALIVE, "the holder's session was told to end but still lives; the lock was not changed");
        error_hint(err, "Look again with `jetbase lock-status`, then repeat the command.");
        return LOCK_NOT_DEAD;
    }
    return not_dead(&now, err);
}

/* The lock as it stands now is to be opened, whoever holds it. */
static enum lock_answer unlock_any(struct unlocking *u, struct error *err)
{
    const struct lock_view *before = u->before;
    if (!before->row.table || !before->row.row)
        return LOCK_OK;
    if (before->verdict == LOCK_DEAD) {
        /* The proof lets the run's outcome be told; where it fails the unconditional way is still open. */
        char from[DB_ID_SIZE];
        struct error ignored = { 0 };
        memcpy(from, before->row.process_id, sizeof from);
        struct db_lock_change proven = { .kind = CHANGE_UNLOCK, .from = from, .prove_dead = true, .by = u->by, .reason = u->wish->reason, .timeout_ms = u->timeout_ms };
        if (u->driver->lock_change(u->db, &proven, &ignored) == CHANGE_DONE)
            return LOCK_OK;
    }
    return change(u, CHANGE_UNLOCK_ANY, NULL, false, err);
}

/* The lock of one holder is to be opened: the one that was looked at. */
static enum lock_answer unlock_holder(struct unlocking *u, const char *from, struct error *err)
{
    struct lock_view *before = u->before;
    const struct unlock_wish *wish = u->wish;
    if (wish->only_dead && before->verdict != LOCK_DEAD)
        return not_dead(before, err);
    if (before->row.has_run && before->verdict != LOCK_DEAD && !before->fenced && !wish->terminate) {
        error_set(err, ERR_LOCK_ALIVE, "refused: a statement outside a transaction would go on beside the next run");
        error_hint(err, db_driver_of(u->db)->caps & DB_SESSIONS ? "Nothing was done. Wait until it has ended, or end its session too: --terminate" : "Nothing was done. Wait until it has ended, or end its process: `jetbase lock-status` shows its host and pid.");
        return LOCK_REFUSED;
    }
    if (wish->terminate && before->verdict != LOCK_DEAD) {
        enum lock_answer ended = end_holder(u, from, err);
        if (ended != LOCK_OK)
            return ended;
        return change(u, CHANGE_UNLOCK, from, true, err);
    }
    return change(u, CHANGE_UNLOCK, from, wish->only_dead || before->verdict == LOCK_DEAD, err);
}

enum lock_answer lock_unlock(struct db *db, const struct unlock_wish *wish, struct lock_view *before, struct lock_view *after, struct error *err)
{
    struct unlocking u = { .db = db, .driver = db_driver_of(db), .wish = wish, .before = before, .timeout_ms = wish->timeout_ms > 0 ? wish->timeout_ms : LOCK_ROW_WAIT_MS };
    char from[DB_ID_SIZE];
    enum lock_answer answer;
    snprintf(u.by, sizeof u.by, "%s@%s", wish->sys->user(), wish->sys->host());
    if (!lock_look(db, before, err))
        return LOCK_FAILED;
    text_copy(from, sizeof from, wish->expect_id ? wish->expect_id : before->row.process_id);
    if (wish->expect_id && (!before->row.locked || strcmp(before->row.process_id, from) != 0))
        answer = changed_hands(db, from, err);
    else if (!wish->expect_id && !wish->only_dead && !wish->terminate)
        answer = unlock_any(&u, err);
    else if (!before->row.locked)
        answer = LOCK_OK;
    else
        answer = unlock_holder(&u, from, err);
    if (answer == LOCK_FAILED && err && err->code == ERR_NO_CONNECTION)
        error_state(err, "The connection was lost on the way: whether the lock was changed is not known. `jetbase lock-status` tells.");
    /* It is done, whether or not a look at what came after it succeeds. */
    if (answer == LOCK_OK && after) {
        struct error ignored = { 0 };
        lock_look(db, after, &ignored);
    }
    return answer;
}
