/* engine_retry.c: a run that failed on somebody else's lock, and left nothing behind, is followed by a new one: new process ID, new connection, new plan. */
#include <stdio.h>
#include <string.h>

#include "engine_private.h"
#include "text.h"

/* Did it fail on what others did at that moment? SQLite's busy has no SQLSTATE; a lock row, or file, that somebody kept busy is told as a lock that is held, by nobody. */
static bool passes(const struct run *run, const struct error *err)
{
    static const char *const states[] = { "55P03", "40P01", "40001" };
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strcmp(err->sqlstate, states[i]) == 0)
            return true;
    return (err->code == ERR_LOCK_BUSY && !err->sqlstate[0]) || (err->code == ERR_LOCK_HELD && !run->lock && !run->holder.row.locked);
}

bool engine_may_retry(const struct run *run, const struct error *err)
{
    bool marks = run->wish->plan.resolve != RESOLVE_NONE;
    if (run->wish->digest && run->done > 0)
        return false; /* what is left is another plan than the one that was confirmed */
    /* run->half is filled for a file outside a transaction, whatever ran of it. */
    return passes(run, err) && !marks && !run->half[0] && !run->half_applied && (!run->lock || run->given_back) && engine_stopped(run->hooks) == 0;
}

/* Versioned files that were asked for and are done are asked for no more. */
static void take_off(const struct run *run, struct plan_wish *next)
{
    int versions = 0;
    bool reached = false;
    for (uint32_t i = 0; run->plan && i < run->done; i++) {
        const struct migration *m = run->plan->items[i].migration;
        versions += m->type == MIGRATION_VERSIONED;
    }
    for (uint32_t i = run->done; run->plan && i < run->plan->count; i++)
        reached |= run->plan->items[i].migration->type == MIGRATION_VERSIONED;
    if (next->direction == PLAN_UPGRADE && versions > 0 && !reached && (next->count > 0 || next->to_version)) {
        next->count = 0;
        next->to_version = NULL;
        next->no_versions = true;
    } else if (next->count > versions) {
        next->count -= versions;
    }
}

bool engine_retry(struct run *run, struct engine_wish *next, char first[512], uint32_t attempt, struct pause *pause, struct error *err)
{
    char why[sizeof err->message], text[sizeof err->message + 100];
    int ms = pause_next(pause, run->sys);
    struct engine_event event = { .kind = EV_RETRY, .attempt = attempt, .attempts = (uint32_t)next->retries, .ms = ms, .error = err, .text = text };
    bool back = !run->repair && run->plan && next->plan.direction == PLAN_ROLLBACK && !next->plan.to_version;
    if (back && run->done < run->plan->count)
        text_copy(first, 512, run->plan->items[run->done].migration->file);
    if (!run->repair)
        take_off(run, &next->plan);
    text_copy(why, sizeof why, err->message);
    snprintf(text, sizeof text, "%s; a new run in %d ms, retry %u of %d", why, ms, attempt, next->retries);
    engine_tell(run, &event);
    engine_disconnect(run); /* with it go the witness, and what a file left behind in the session */
    if (pause_sleep(run->sys, ms, run->hooks ? run->hooks->stop : NULL))
        return true;
    char state[sizeof err->state];
    text_copy(state, sizeof state, err->state);
    error_set(err, ERR_CANCELLED, "stopped by a %s before retry %u of %d", engine_stopped(run->hooks) > 0 ? "signal" : "person", attempt, next->retries);
    error_detail(err, "The run before it had failed: %s", why);
    return error_state(err, "%s", state);
}
