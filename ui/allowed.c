/* allowed.c: when each key is allowed, and why not. */
#include <stdio.h>
#include <string.h>

#include "allowed.h"
#include "chosen.h"
#include "dialog.h"
#include "own_run.h"
#include "text.h"
#include "words.h"

static bool refuse(char *why, size_t size, const char *text)
{
    text_copy(why, size, text);
    return false;
}

static bool connected(const struct model *m, char *why, size_t size)
{
    char message[400];
    if (m->snap && !model_is_old(m))
        return true;
    if (m->up && m->snap)
        return refuse(why, size, "the database does not answer; what is shown is old");
    if (m->down.code == ERR_NONE)
        return refuse(why, size, "not connected to the database yet");
    text_visible(message, sizeof message, m->down.message);
    snprintf(why, size, "%s: %s", m->down.code == ERR_LOCK_BUSY ? "the database is busy" : "not connected to the database", message);
    return false;
}

/* What every run and unlock needs. */
static bool idle(const struct model *m, char *why, size_t size)
{
    if (m->run.on) {
        snprintf(why, size, "this console's own %s is on: c cancels it", own_run_name(&m->run));
        return false;
    }
    if (m->unlocking)
        return refuse(why, size, "an unlock is under way");
    if (m->rehearsing)
        return refuse(why, size, "a rehearsal is under way, or being rolled back");
    if (!connected(m, why, size))
        return false;
    if (m->snap->about.standby)
        return refuse(why, size, "this server is a standby: nothing can be changed here");
    if (m->snap->about.read_only)
        return refuse(why, size, "the database file, or its folder, can't be written");
    return true;
}

static bool lock_is_free(const struct model *m, char *why, size_t size)
{
    const struct db_lock_row *row = &m->snap->lock.row;
    char who[300] = "another program";
    if (!row->locked)
        return true;
    if (row->has_run) {
        char raw[400];
        snprintf(raw, sizeof raw, "%s%s%s", row->run.os_user, row->run.host[0] ? "@" : "", row->run.host);
        text_visible(who, sizeof who, raw);
    }
    snprintf(why, size, "locked by %s: F to force-unlock, or wait", who);
    return false;
}

/* Beside a half-applied file no migration starts. */
static bool none_is_half(const struct model *m, char *why, size_t size)
{
    const struct listing *l = m->snap->listing;
    if (l->half_count == 0)
        return true;
    snprintf(why, size, "%s is half applied: %sv shows the ways out", l->half[0].label, m->snap->lock.row.locked ? "F unlocks, then " : "");
    return false;
}

/* Is there something pending that an upgrade would not refuse? */
static bool something_runs(const struct model *m, char *why, size_t size)
{
    const struct listing *l = m->snap->listing;
    if (l->fault.code != ERR_NONE) {
        text_visible(why, size, l->fault.message);
        return false;
    }
    if (!none_is_half(m, why, size))
        return false;
    if (l->disagree[0] && !m->snap->skip_validation)
        return refuse(why, size, l->disagree);
    return l->pending_count ? true : refuse(why, size, "nothing is pending");
}

bool allowed_upgrade(const struct model *m, char *why, size_t size)
{
    return idle(m, why, size) && lock_is_free(m, why, size) && something_runs(m, why, size);
}

bool allowed_upgrade_to(const struct model *m, char *why, size_t size)
{
    const struct snap_pending *p;
    if (!allowed_upgrade(m, why, size))
        return false;
    p = chosen_pending(m);
    if (!p)
        return refuse(why, size, "U goes up to a pending migration: choose one in pane 2");
    return p->type == MIGRATION_VERSIONED || refuse(why, size, "U goes up to a version; a repeatable runs with every upgrade: u");
}

bool allowed_take_over(const struct model *m, char *why, size_t size)
{
    if (!idle(m, why, size))
        return false;
    if (!m->snap->lock.row.locked)
        return refuse(why, size, "the lock is free: u upgrades");
    if (m->snap->lock.verdict != LOCK_DEAD)
        return refuse(why, size, "T takes over from a dead holder only, and this one is not proven dead");
    return something_runs(m, why, size);
}

bool allowed_roll_back(const struct model *m, char *why, size_t size)
{
    if (!idle(m, why, size) || !lock_is_free(m, why, size) || !none_is_half(m, why, size))
        return false;
    for (size_t i = 0; i < m->snap->listing->applied_count; i++)
        if (m->snap->listing->applied[i].type == MIGRATION_VERSIONED)
            return true;
    return refuse(why, size, "nothing is applied that could be rolled back");
}

bool allowed_roll_back_to(const struct model *m, char *why, size_t size)
{
    const struct snap_applied *a = chosen_applied(m);
    if (!allowed_roll_back(m, why, size))
        return false;
    if (!a || a->type != MIGRATION_VERSIONED)
        return refuse(why, size, "R goes down to an applied version, which stays: choose one in pane 3");
    for (const struct snap_applied *newer = m->snap->listing->applied; newer < a; newer++)
        if (newer->type == MIGRATION_VERSIONED)
            return true;
    snprintf(why, size, "%s is the newest, and R lets the chosen one stay: r rolls it back", a->label);
    return false;
}

bool allowed_unlock(const struct model *m, char *why, size_t size)
{
    char word[5];
    if (!idle(m, why, size))
        return false;
    if (!m->snap->lock.row.locked)
        return refuse(why, size, "the lock is free: there is nothing to unlock");
    if (m->snap->lock.verdict != LOCK_DEAD && !dialog_unlock_word(&m->snap->lock, word))
        return refuse(why, size, "the lock names no process ID that could be typed: `jetbase unlock` opens it");
    return true;
}

bool allowed_cancel(const struct model *m, char *why, size_t size)
{
    if (!m->run.on)
        return refuse(why, size, "nothing of this console is running");
    return m->run.cancelling ? refuse(why, size, "it is being cancelled") : true;
}

bool allowed_dry_run(const struct model *m, char *why, size_t size)
{
    if (m->run.on || m->unlocking)
        return idle(m, why, size);
    return connected(m, why, size);
}

/* The first one that blocks the holder's session, where one is shown. */
static const struct db_blocker *blocker_of(const struct model *m, char *why, size_t size)
{
    const struct lock_view *lock = m->snap ? &m->snap->lock : NULL;
    if (!connected(m, why, size))
        return NULL;
    if (m->snap->sessions && lock->row.locked && lock->row.has_run && lock->session.found && lock->session.blockers > 0)
        return &lock->session.blocked_by[0];
    refuse(why, size, m->snap->sessions ? "no session blocks the holder of the lock" : "SQLite has no sessions that could be ended");
    return NULL;
}

/* It has no session; whoever prepared it, or a superuser, ends it by its name. */
static const char prepared[] = "a prepared transaction has no session: COMMIT PREPARED or ROLLBACK PREPARED ends it (pg_prepared_xacts)";

bool allowed_end_blocker(const struct model *m, char *why, size_t size)
{
    const struct db_blocker *b = blocker_of(m, why, size);
    if (!b)
        return false;
    return b->pid != 0 || refuse(why, size, prepared);
}

bool allowed_cancel_blocker(const struct model *m, char *why, size_t size)
{
    const struct db_blocker *b = blocker_of(m, why, size);
    if (!b)
        return false;
    if (b->pid == 0)
        return refuse(why, size, prepared);
    if (!b->state[0])
        return refuse(why, size, "what it runs is hidden from your role, a cancel may do nothing: X ends it");
    return strcmp(b->state, "active") == 0 || refuse(why, size, "it runs nothing, a cancel has no effect: X ends it");
}

bool allowed_file(const struct model *m, char *why, size_t size)
{
    const struct detail *d = chosen_detail(m);
    if (m->run.on)
        return refuse(why, size, "a run is on: it must stay in sight");
    if (!m->want.file[0])
        return refuse(why, size, "no migration is chosen");
    if (!d)
        return refuse(why, size, "the file is being read");
    return d->path[0] ? true : refuse(why, size, d->fault);
}

bool allowed_copy(const struct model *m, char *why, size_t size)
{
    if (m->focus == PANE_LOCK)
        return m->snap ? true : refuse(why, size, "nothing is known of the lock yet");
    return m->want.file[0] ? true : refuse(why, size, "no migration is chosen");
}

static bool any_applied(const struct model *m, enum snap_state state, bool versions_only)
{
    const struct listing *l = m->snap->listing;
    for (size_t i = 0; i < l->applied_count; i++)
        if (l->applied[i].state == state && (!versions_only || l->applied[i].type == MIGRATION_VERSIONED))
            return true;
    return false;
}

bool allowed_fix_checksums(const struct model *m, char *why, size_t size)
{
    if (!idle(m, why, size) || !lock_is_free(m, why, size))
        return false;
    if (!any_applied(m, APPLIED_CHANGED, true))
        return refuse(why, size, "no applied file was changed");
    if (any_applied(m, APPLIED_MISSING, false) && !m->snap->skip_validation)
        return refuse(why, size, "first the missing files: put them back, or m takes them out of the history");
    return true;
}

bool allowed_baseline(const struct model *m, char *why, size_t size)
{
    const struct snap_pending *p;
    if (!idle(m, why, size) || !lock_is_free(m, why, size))
        return false;
    for (size_t i = 0; i < m->snap->listing->applied_count; i++)
        if (m->snap->listing->applied[i].type == MIGRATION_VERSIONED)
            return refuse(why, size, "a baseline begins a history, and this one has versions already");
    p = chosen_pending(m);
    if (!p || p->type != MIGRATION_VERSIONED)
        return refuse(why, size, "b records the versions up to the chosen one: choose a pending version in pane 2");
    return strlen(p->label) + 1 < sizeof p->label || refuse(why, size, "its version is too long to be typed: `jetbase baseline` takes it");
}

bool allowed_fix_files(const struct model *m, char *why, size_t size)
{
    return idle(m, why, size) && lock_is_free(m, why, size) && (any_applied(m, APPLIED_MISSING, false) || refuse(why, size, "no applied file is missing"));
}

bool allowed_resolve(const struct model *m, char *why, size_t size)
{
    if (!idle(m, why, size))
        return false;
    if (m->snap->lock.row.locked && m->snap->listing->half_count)
        return refuse(why, size, m->snap->lock.verdict == LOCK_DEAD ? "locked by a dead run: F unlocks first" : "locked: it is resolved once the lock is free");
    return m->snap->listing->half_count ? true : refuse(why, size, "nothing is half applied");
}

bool allowed_verify(const struct model *m, char *why, size_t size)
{
    return m->snap ? true : connected(m, why, size);
}
