/* engine_wait.c: waits, where that is wished, for the lock or for a server that is not up yet. What comes after it is done anew: connection where it was lost, folder, plan, lock. */
#include <stdio.h>
#include <string.h>

#include "engine_private.h"
#include "output.h"
#include "text.h"

enum { PAUSE_FIRST_MS = 50, PAUSE_MOST_MS = 2000 };

static const char *span(const struct run *run, char to[32])
{
    output_age((double)(run->sys->mono_ms() - run->wait.began_ms) / 1000, to, 32);
    return to;
}

static void begin(struct run *run)
{
    struct waiting *w = &run->wait;
    if (w->on)
        return;
    w->on = true;
    w->began_ms = run->sys->mono_ms();
    w->until_ms = run->wish->wait_ms < 0 ? INT64_MAX : w->began_ms + run->wish->wait_ms;
    w->pause = (struct pause){ .first_ms = PAUSE_FIRST_MS, .most_ms = PAUSE_MOST_MS };
}

/* The next pause, cut where the time is over before its end. */
static int next_pause(struct run *run)
{
    int64_t left = run->wait.until_ms - run->sys->mono_ms();
    int ms = pause_next(&run->wait.pause, run->sys);
    return left < ms ? (left > 0 ? (int)left : 0) : ms;
}

static bool over(const struct run *run)
{
    return run->sys->mono_ms() >= run->wait.until_ms;
}

/* Tells whom or what is waited for; once, until that changes. */
static void tell(struct run *run, enum engine_event_kind kind, const char *key, const char *text, const struct error *err)
{
    struct engine_event event = { .kind = kind, .text = text, .error = err, .ms = (double)(run->sys->mono_ms() - run->wait.began_ms) };
    if (strcmp(run->wait.told, key) == 0)
        return;
    text_copy(run->wait.told, sizeof run->wait.told, key);
    if (kind == EV_LOCK_WAITING)
        event.lock = &run->holder;
    engine_tell(run, &event);
}

/* Whom it is waited for; where that one is dead, what to do: nobody will give that lock back. */
static void tell_holder(struct run *run, const struct error *err)
{
    const struct lock_view *holder = &run->holder;
    bool first = run->wait.told[0] == '\0' || !run->wait.holder_told, changed = !first && strncmp(run->wait.told, holder->row.process_id, strlen(holder->row.process_id)) != 0;
    char key[sizeof run->wait.told], who[1400], text[2000];
    if (!holder->row.locked) {
        if (!first)
            return; /* between two holders there is nothing to tell */
        snprintf(text, sizeof text, "waiting for the lock: %.1900s", err->message);
        tell(run, EV_LOCK_WAITING, "free", text, err);
        return;
    }
    snprintf(key, sizeof key, "%s %s", holder->row.process_id, lock_verdict_name(holder->verdict));
    lock_words(holder, who, sizeof who);
    if (holder->verdict == LOCK_DEAD)
        snprintf(text, sizeof text, "the lock is%s held by a dead run, and waiting alone does not free it: %s. To open it: jetbase unlock --if-dead%s", first ? "" : " now", who,
                 run->wish->take_over_dead ? "" : " (with --take-over-dead this run would take it over)");
    else
        snprintf(text, sizeof text, "%s %s", first ? "waiting for the lock, held by" : changed ? "the lock changed hands while this run waited; it is now held by" : "still waiting for the lock; its holder is now seen otherwise:", who);
    tell(run, EV_LOCK_WAITING, key, text, NULL);
    run->wait.holder_told = true;
}

/* Nothing was done; what the person wants to know is who had it. Always false. */
static bool gives_up(struct run *run, struct error *err)
{
    char waited[32], message[sizeof err->message];
    struct engine_event event = { .kind = EV_LOCK_REFUSED, .lock = &run->holder, .error = err };
    bool held = err->code == ERR_LOCK_HELD;
    span(run, waited);
    if (held && run->holder.row.locked)
        lock_held_error(&run->holder, err);
    text_copy(message, sizeof message, err->message);
    if (held && run->holder.row.locked)
        snprintf(err->message, sizeof err->message, "Migration lock is still held by another process after %s of waiting.", waited);
    else
        snprintf(err->message, sizeof err->message, "%.1900s (waited %s)", message, waited);
    if (held)
        engine_tell(run, &event);
    return false;
}

static bool stopped(struct run *run, struct error *err)
{
    int stop = engine_stopped(run->hooks);
    if (stop == 0)
        return false;
    error_set(err, ERR_CANCELLED, "stopped by a %s while it waited", stop > 0 ? "signal" : "person");
    error_state(err, "The lock was not taken. Nothing was done.");
    return true;
}

static void forget_plan(struct run *run)
{
    plan_free(run->plan);
    folder_free(run->folder);
    run->plan = NULL;
    run->folder = NULL;
}

void engine_disconnect(struct run *run)
{
    forget_plan(run);
    if (run->driver)
        run->driver->close(run->db);
    run->db = NULL;
    run->driver = NULL;
}

/* Over the connection that was refused: looks, until the lock may be had. True: try again. */
static bool wait_for_lock(struct run *run, struct error *err)
{
    struct error fault = { 0 };
    int wake_fd = run->hooks ? run->hooks->wake_fd : -1;
    forget_plan(run);
    for (;;) {
        struct lock_view now;
        bool changed;
        tell_holder(run, err);
        if (over(run))
            return gives_up(run, err);
        if (!run->driver->wait_change(run->db, next_pause(run), wake_fd, &changed, &fault))
            break;
        if (stopped(run, err))
            return false;
        if (!lock_look(run->db, &now, &fault)) {
            if (stopped(run, err))
                return false; /* the wish to stop cancelled the look */
            if (fault.code == ERR_LOCK_BUSY || fault.code == ERR_LOCK_CHANGED)
                continue; /* SQLite: the holder has the whole file for itself, or it changes hands too fast to be seen */
            if (fault.code == ERR_NO_CONNECTION)
                break;
            *err = fault;
            return false;
        }
        if (now.verdict != run->holder.verdict || strcmp(now.row.process_id, run->holder.row.process_id) != 0)
            pause_reset(&run->wait.pause);
        run->holder = now;
        if (!now.row.locked || (now.verdict == LOCK_DEAD && run->wish->take_over_dead))
            return true;
    }
    engine_disconnect(run); /* the next try connects anew, and tells where that fails */
    *err = fault;
    return true;
}

/* No server, or somebody keeps our tables or the file locked: a moment later all is tried anew. */
static bool wait_a_moment(struct run *run, struct error *err)
{
    char key[sizeof run->wait.told], text[sizeof err->message + 40];
    snprintf(key, sizeof key, "! %.*s", (int)sizeof key - 3, err->message);
    snprintf(text, sizeof text, "%s: %s", err->code == ERR_NO_CONNECTION ? "waiting for the server" : "waiting", err->message);
    tell(run, EV_SERVER_WAITING, key, text, err);
    run->wait.holder_told = false;
    engine_disconnect(run);
    if (over(run))
        return gives_up(run, err);
    pause_sleep(run->sys, next_pause(run), run->hooks ? run->hooks->stop : NULL);
    return !stopped(run, err);
}

/* Which file a rollback without a version begins with is what was asked for: another one, after waiting, was never meant. */
static void keep_first(struct run *run)
{
    if (run->plan && run->plan->count > 0 && run->plan->direction == PLAN_ROLLBACK && !run->wish->plan.to_version && run->wish->plan.resolve == RESOLVE_NONE && !run->first[0])
        text_copy(run->first, sizeof run->first, run->plan->items[0].migration->file);
}

bool engine_wait(struct run *run, struct error *err)
{
    bool lost = err->code == ERR_NO_CONNECTION && (err->not_up || run->db);
    if (run->wish->wait_ms == 0 || run->lock || engine_stopped(run->hooks))
        return false;
    bool changed = err->code == ERR_LOCK_CHANGED && !run->wish->expect_id;
    if (err->code != ERR_LOCK_HELD && err->code != ERR_LOCK_BUSY && !lost && !changed)
        return false;
    begin(run);
    keep_first(run);
    return err->code == ERR_LOCK_HELD && run->db ? wait_for_lock(run, err) : wait_a_moment(run, err);
}
