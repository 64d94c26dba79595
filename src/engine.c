/* engine.c: one run from connect to close: plan, lock, plan again, migrate, release. */
#include "engine.h"

#include <stdio.h>
#include <string.h>

#include "confirmed.h"
#include "engine_private.h"
#include "facts.h"
#include "failpoint.h"
#include "signals.h"
#include "text.h"

/* Files may have come since the folder was read, and been applied by whoever had the lock meanwhile: it is read again then. Where the plan fails, the one before stays, with its folder. */
static bool plan_again(struct run *run, struct error *err)
{
    struct plan *plan = NULL;
    struct history *history = NULL;
    struct folder *now = NULL;
    facts_unsettle(run->folder);
    bool ok = history_read(run->db, &history, err) && folder_renew(run->project->dir, run->folder, &now, err);
    if (now) {
        folder_stop_at(now, run->wish->plan.stop);
        folder_keep_texts(now, ENGINE_KEPT_BYTES);
    }
    ok = ok && plan_make(now ? now : run->folder, history, &run->wish->plan, engine_dialect(run->db), run->driver->about(run->db)->standard_strings, &plan, err);
    history_free(history);
    if (!ok) {
        folder_free(now);
        return false;
    }
    plan_free(run->plan);
    run->plan = plan;
    if (now) {
        folder_free(run->folder);
        run->folder = now;
    }
    return true;
}

static void say_difference(struct run *run, struct error *err)
{
    struct text words = { 0 };
    confirmed_words(run->wish->confirmed, run->plan, &words);
    error_detail(err, "%s", text_string(&words));
    error_hint(err, "Look at `jetbase %s --dry-run` again; --count and --to-version must be given as there, they make another plan.", run->command);
    text_free(&words);
}

/* A plan that a person confirmed is run as it was confirmed, or not at all. */
static bool plan_confirmed(struct run *run, struct error *err)
{
    struct engine_event event = { .kind = EV_PLAN_CHANGED, .error = err };
    if (run->first[0] && run->plan->count > 0 && strcmp(run->plan->items[0].migration->file, run->first) != 0) {
        char first[512], now[512];
        text_visible(first, sizeof first, run->first);
        text_visible(now, sizeof now, run->plan->items[0].migration->file);
        error_set(err, ERR_PLAN, "somebody else changed what is applied while this rollback was kept from the lock; nothing was run");
        error_detail(err, "It was to begin with %s, and would begin with %s now.", first, now);
        error_hint(err, "Look at `jetbase history`, then run the command again.");
        engine_tell(run, &event);
        return false;
    }
    if (!run->wish->digest || confirmed_is(run->wish->digest, run->plan))
        return true;
    error_set(err, ERR_PLAN, "the plan is no longer the one that was confirmed; nothing was run");
    error_detail(err, "%zu migrations would run now%s%s.", run->plan->count, run->plan->count ? ", the first " : "", run->plan->count ? run->plan->items[0].migration->file : "");
    error_hint(err, "Look at the plan again.");
    if (run->wish->confirmed)
        say_difference(run, err);
    engine_tell(run, &event);
    return false;
}

/* Gives the lock back; over a new connection where the answer got lost. Returns the exit code of that part: 0 where nothing is to be said. */
static int release(struct run *run, enum run_outcome outcome, const char *detail, struct error *err)
{
    struct error lost = { 0 };
    bool released = false;
    signals_lock_is(SIGNALS_ASKING, NULL);
    enum lock_answer answer = lock_release(run->lock, run->db, outcome, detail, &lost);
    if (answer == LOCK_FAILED && lost.code == ERR_NO_CONNECTION) {
        if (!engine_recover(run, false, &lost, &released, err)) {
            error_set(err, ERR_NOT_RELEASED, "the connection was lost while the lock was given back; whether it is free is not known");
            error_hint(err, "`jetbase lock-status` tells. A dead holder is unlocked by: jetbase unlock --if-dead --process-id %s", lock_process_id(run->lock));
            return 1;
        }
        if (released)
            return 0;
        answer = lock_release(run->lock, run->db, outcome, detail, &lost);
    }
    signals_lock_is(answer != LOCK_FAILED ? SIGNALS_NO_LOCK : SIGNALS_LOCKED, NULL);
    FAILPOINT("released");
    if (answer == LOCK_CHANGED_HANDS && outcome == RUN_OK)
        engine_note(run, EV_NOTE, engine_baselines(run) ? "somebody unlocked this run before it gave the lock back; its baseline was committed under the lock" :
                                        run->repair ? "somebody unlocked this run before it gave the lock back; what it repaired was committed under the lock" :
                                        "somebody unlocked this run before it gave the lock back; all its migrations were committed under the lock");
    if (answer != LOCK_FAILED)
        return 0;
    *err = lost;
    if (outcome == RUN_OK && run->repair)
        error_state(err, "%s", engine_baselines(run) ? (run->done ? "The baseline is committed." : "Nothing was to be recorded.") : run->done ? "The repair is committed." : "Nothing was to be repaired.");
    else if (outcome == RUN_OK)
        error_state(err, run->done == 1 ? "The migration of this run is committed." : "All %u migrations of this run are committed.", run->done);
    return error_exit_code(lost.code ? lost.code : ERR_NOT_RELEASED);
}

/* Release after a failure: its own fault is worth a sentence, never the place of the first error. False: the lock is not known to be given back. */
static bool release_after(struct run *run, enum run_outcome outcome, const struct error *why)
{
    struct error err = { 0 };
    if (release(run, outcome, why->message, &err) != 0) {
        char said[sizeof err.message + sizeof err.hint + 3];
        snprintf(said, sizeof said, "%s. %s", err.message, err.hint);
        engine_note(run, EV_NOTE, said);
        return false;
    }
    return true;
}

/* What to do after the release: what is said of the lock was looked at after it. */
static void hint_after(struct run *run, bool released, struct error *err)
{
    struct lock_view now;
    struct error ignored = { 0 };
    if (!released || !run->db || !lock_look(run->db, &now, &ignored))
        error_hint(err, "`jetbase lock-status` tells who has the lock.");
    else if (now.row.locked)
        error_hint(err, "The lock is now held by process ID %s: somebody unlocked this run.", now.row.process_id);
    else if (run->half_applied)
        error_hint(err, "The lock is released.");
    else
        error_hint(err, "The lock is released. Run the command again to go on.");
    if (run->half_applied)
        engine_hint_half(run, run->plan->items[run->done].migration->file, err);
}

static int exit_cancelled(struct run *run)
{
    int stop = engine_stopped(run->hooks);
    return stop > 0 ? 128 + stop : 1;
}

int engine_exit_of(struct run *run, const struct error *err)
{
    return err->code == ERR_CANCELLED ? exit_cancelled(run) : error_exit_code(err->code);
}

/* Was somebody's lock waited for when the wish to stop came? Then that, and no fault of anybody's, ended the run. */
static bool stopped_waiting(struct run *run, struct error *err)
{
    int stop = engine_stopped(run->hooks);
    if (stop == 0 || (err->code != ERR_CANCELLED && err->code != ERR_LOCK_BUSY && err->code != ERR_LOCK_HELD))
        return false;
    error_set(err, ERR_CANCELLED, "stopped by a %s", stop > 0 ? "signal" : "person");
    return true;
}

/* The connection was lost while the lock was taken: where it was, it is given back. Always false. */
static bool acquire_lost(struct run *run, struct error *err)
{
    struct error lost = *err;
    bool free = false;
    if (engine_recover(run, false, &lost, &free, err)) {
        error_set(err, ERR_NO_CONNECTION, "the connection was lost while the lock was taken; nothing was run");
        error_detail(err, "%s", lost.message);
        hint_after(run, free || release_after(run, RUN_FAILED, err), err);
        return false;
    }
    error_set(err, ERR_NO_CONNECTION, "the connection was lost while the lock was taken; nothing was run, and whether it was taken is not known");
    error_detail(err, "%s", lost.message);
    return error_hint(err, "`jetbase lock-status` tells. A dead holder is unlocked by: jetbase unlock --if-dead --process-id %s", lock_process_id(run->lock));
}

bool engine_acquire(struct run *run, struct error *err)
{
    const struct plan_item *first = run->repair ? NULL : &run->plan->items[0];
    struct lock_wish wish = { .sys = run->sys, .command = run->command, .file = first ? first->migration->file : NULL, .statements = first ? (int)first->facts.statements : 0,
                              .take_over_dead = run->wish->take_over_dead, .expect_id = run->wish->expect_id };
    signals_lock_is(SIGNALS_ASKING, NULL);
    enum lock_answer answer = lock_acquire(run->db, &wish, &run->lock, &run->holder, run->note, sizeof run->note, err);
    struct engine_event event = { .kind = EV_LOCK_ACQUIRED };
    if (!run->lock || answer == LOCK_OK)
        signals_lock_is(run->lock ? SIGNALS_LOCKED : SIGNALS_NO_LOCK, run->lock ? lock_process_id(run->lock) : NULL);
    if (answer == LOCK_FAILED && run->lock)
        return acquire_lost(run, err);
    if (answer != LOCK_OK) {
        event = (struct engine_event){ .kind = EV_LOCK_REFUSED, .lock = &run->holder, .error = err };
        /* A run that waits tells it once it gives up. */
        if (!stopped_waiting(run, err) && answer != LOCK_FAILED && (run->wish->wait_ms == 0 || err->code != ERR_LOCK_HELD))
            engine_tell(run, &event);
        return false;
    }
    engine_tell(run, &event);
    if (run->note[0])
        engine_note(run, EV_NOTE, run->note);
    FAILPOINT("locked");
    return true;
}

/* The connection died during a migration. */
static int end_down(struct run *run, bool commit_unknown, struct error *err)
{
    struct error lost = *err, found = { 0 };
    bool released = false;
    char file[512] = "";
    if (!engine_recover(run, commit_unknown, &lost, &released, &found)) {
        engine_say_unknown(run, commit_unknown, &lost, &found);
        *err = found;
        return error_exit_code(err->code);
    }
    if (run->done == engine_total(run)) {
        if (!released)
            return release(run, RUN_OK, NULL, err);
        engine_note(run, EV_NOTE, "all is committed; the lock was given back by somebody else");
        error_clear(err);
        return 0;
    }
    bool stopped = lost.code == ERR_CANCELLED;
    int code = stopped ? exit_cancelled(run) : error_exit_code(ERR_NO_CONNECTION);
    text_copy(file, sizeof file, engine_next_name(run));
    if (stopped)
        error_set(err, ERR_CANCELLED, "stopped by a %s", code > 128 ? "signal" : "person");
    else
        error_set(err, ERR_NO_CONNECTION, "the connection was lost in %s", file);
    error_detail(err, "%s", lost.message);
    if (!run->repair)
        engine_say_half(run, &run->plan->items[run->done], NULL);
    engine_say_state(run, run->repair ? NULL : run->plan->items[run->done].migration);
    error_state(err, "%s", run->state);
    hint_after(run, release_after(run, stopped ? RUN_CANCELLED : RUN_FAILED, err), err);
    return code;
}

int engine_end(struct run *run, enum migrate_end end, struct error *err)
{
    int code;
    switch (end) {
    case MIGRATE_DONE:
        error_clear(err);
        return release(run, RUN_OK, NULL, err);
    case MIGRATE_FAILED:
        code = error_exit_code(err->code);
        run->given_back = release_after(run, RUN_FAILED, err);
        return code;
    case MIGRATE_CANCELLED: {
        struct error why = *err;
        code = exit_cancelled(run);
        error_set(err, ERR_CANCELLED, "stopped by a %s", code > 128 ? "signal" : "person");
        error_state(err, "%s", why.state);
        hint_after(run, release_after(run, RUN_CANCELLED, err), err);
        return code;
    }
    case MIGRATE_LOST:
        release_after(run, RUN_LOST, err);
        return error_exit_code(ERR_LOCK_LOST);
    case MIGRATE_DOWN:
    case MIGRATE_DOWN_COMMIT:
        return end_down(run, end == MIGRATE_DOWN_COMMIT, err);
    }
    return 1;
}

int engine_end_early(struct run *run, bool failed, struct error *err)
{
    if (!failed)
        return release(run, RUN_OK, NULL, err);
    bool stopped = stopped_waiting(run, err);
    int code = error_exit_code(err->code);
    if (!err->state[0]) {
        engine_say_state(run, NULL);
        error_state(err, "%s", run->state);
    }
    if (stopped)
        return engine_end(run, MIGRATE_CANCELLED, err);
    run->given_back = release_after(run, RUN_FAILED, err);
    return code;
}

/* Without a witness nobody could see that such a file still runs. */
static bool may_run_outside(struct run *run, struct error *err)
{
    const struct plan_item *item = run->plan->items, *end = item + run->plan->count;
    while (item < end && !item->facts.outside)
        item++;
    if (item == end || run->wish->plan.resolve == RESOLVE_APPLIED || run->wish->plan.resolve == RESOLVE_ROLLED_BACK || (lock_has_run(run->lock) && lock_run(run->lock)->witness[0]))
        return true;
    error_set(err, ERR_FAILED, "%s runs outside a transaction, and this run has no witness: nobody could tell whether such a statement still runs", item->migration->file);
    error_state(err, "Nothing was run.");
    if (run->note[0])
        return error_hint(err, "%s", run->note);
    return error_hint(err, run->driver->about(run->db)->pooler ? "Connect to the server itself, not through a pooler." : "The database's locks can't be had here: see `jetbase lock-status`.");
}

static bool looks_well(struct run *run, bool under_lock, struct error *err)
{
    return !run->wish->last_look || run->wish->last_look(run->wish->last_look_user, run->db, run->plan, under_lock, err);
}

/* Ahead of the lock, where nothing is written yet. */
static bool may_ask_for_lock(struct run *run, struct error *err)
{
    struct lock_view now;
    struct error ignored = { 0 };
    if (run->wish->wait_ms != 0 || looks_well(run, false, err))
        return true;
    if (err->code != ERR_FAILED || !lock_look(run->db, &now, &ignored) || !now.row.locked)
        return false;
    error_clear(err);
    return true;
}

/* Under the lock: what is pending is computed again, then run. */
static int run_locked(struct run *run, struct error *err)
{
    if (!plan_again(run, err) || !plan_confirmed(run, err))
        return engine_end_early(run, true, err);
    if (run->plan->count == 0) {
        engine_note(run, EV_NOTHING_TO_DO, NULL);
        return engine_end_early(run, false, err);
    }
    if (!may_run_outside(run, err)) {
        release_after(run, RUN_FAILED, err);
        return error_exit_code(err->code);
    }
    if (!looks_well(run, true, err))
        return engine_end_early(run, true, err);
    FAILPOINT("planned");
    return engine_end(run, engine_migrate(run, err), err);
}

/* Where nothing is pending nothing is taken over either, which a person who asked for it may not expect. */
static void note_not_taken_over(struct run *run)
{
    struct lock_view now;
    struct error ignored = { 0 };
    if (lock_look(run->db, &now, &ignored) && now.verdict == LOCK_DEAD)
        engine_note(run, EV_NOTE, "the lock still names a dead run: nothing was to be done, so it was not taken over; to open it: jetbase unlock --if-dead");
}

/* A fault before the lock was taken leaves everything as it was; where that has not been said, it is said here. */
void engine_say_untouched(const struct run *run, const char *words, struct error *err)
{
    static const char said[] = "othing was";
    if (!run->lock && !err->state[0] && !strstr(err->message, said) && !strstr(err->detail, said) && !strstr(err->hint, said))
        error_state(err, "%s", words);
}

/* Up to the lock: connection, plan, lock. *nothing: there is nothing to do. */
static bool begin(struct run *run, bool *nothing, struct error *err)
{
    if (!engine_open_and_plan(run, err)) {
        stopped_waiting(run, err);
        return false;
    }
    if (run->plan->note[0] && !run->wait.on)
        engine_note(run, EV_NOTE, run->plan->note);
    if (!plan_confirmed(run, err))
        return false;
    *nothing = run->plan->count == 0;
    if (*nothing)
        return true;
    if (engine_stopped(run->hooks))
        return error_set(err, ERR_CANCELLED, "stopped before the lock was asked for; nothing was done");
    return may_ask_for_lock(run, err) && engine_acquire(run, err);
}

static int run_whole(struct run *run, struct error *err)
{
    bool nothing = false;
    while (!begin(run, &nothing, err))
        if (!engine_wait(run, err))
            return engine_exit_of(run, err);
    error_clear(err); /* what was waited for is over */
    if (!nothing)
        return run_locked(run, err);
    engine_note(run, EV_NOTHING_TO_DO, NULL);
    if (run->wish->take_over_dead)
        note_not_taken_over(run);
    return 0;
}

static enum run_outcome outcome_of(int code, const struct error *err)
{
    if (code == 0)
        return RUN_OK;
    if (err->code == ERR_LOCK_LOST)
        return RUN_LOST;
    return err->code == ERR_CANCELLED ? RUN_CANCELLED : RUN_FAILED;
}

int engine_close(struct run *run, int exit_code, struct error *err)
{
    struct engine_event event = { .kind = EV_RUN_ENDED, .exit_code = exit_code };
    event.outcome = outcome_of(exit_code, err);
    event.error = exit_code ? err : NULL;
    engine_tell(run, &event);
    lock_free(run->lock);
    engine_disconnect(run);
    signals_lock_is(SIGNALS_NO_LOCK, NULL);
    return exit_code;
}

static const char *command_name(const struct engine_wish *wish)
{
    bool up = wish->plan.direction == PLAN_UPGRADE;
    if (wish->plan.resolve != RESOLVE_NONE)
        return up ? "resolve" : "resolve rollback"; /* half_in_rollback() reads it */
    return up ? "upgrade" : "rollback";
}

int engine_run(const struct project *project, const struct sys *sys, const struct engine_wish *wish, const struct engine_hooks *hooks, struct error *err)
{
    struct engine_wish own = *wish;
    struct pause pause = ENGINE_RETRY_PAUSE;
    char first[512] = "";
    own.plan.stop = hooks ? hooks->stop : NULL;
    error_clear(err);
    for (uint32_t attempt = 1;; attempt++) {
        struct run run = { .project = project, .sys = sys, .wish = &own, .hooks = hooks, .command = command_name(wish) };
        text_copy(run.first, sizeof run.first, first);
        int code = run_whole(&run, err);
        if (code)
            engine_say_untouched(&run, "No migration was run.", err);
        if (code == 0 || attempt > (uint32_t)own.retries || !engine_may_retry(&run, err))
            return engine_close(&run, code, err);
        if (!engine_retry(&run, &own, first, attempt, &pause, err))
            return engine_close(&run, engine_exit_of(&run, err), err);
        lock_free(run.lock);
    }
}
