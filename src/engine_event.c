/* engine_event.c: how the engine tells its listeners what happens. */
#include <stdio.h>
#include <string.h>

#include "engine_private.h"
#include "text.h"

const char *engine_event_name(enum engine_event_kind kind)
{
    switch (kind) {
    case EV_NOTE: return "note";
    case EV_NOTHING_TO_DO: return "nothing-to-do";
    case EV_LOCK_ACQUIRED: return "lock-acquired";
    case EV_LOCK_REFUSED: return "lock-refused";
    case EV_LOCK_WAITING: return "lock-waiting";
    case EV_SERVER_WAITING: return "server-waiting";
    case EV_RETRY: return "retry";
    case EV_LOCK_LOST: return "lock-lost";
    case EV_PLAN_CHANGED: return "plan-changed";
    case EV_MIGRATION_STARTED: return "migration-started";
    case EV_STATEMENT_DONE: return "statement-done";
    case EV_MIGRATION_APPLIED: return "migration-applied";
    case EV_MIGRATION_ROLLED_BACK: return "migration-rolled-back";
    case EV_HALF_APPLIED: return "migration-half-applied";
    case EV_RESOLVED: return "migration-resolved";
    case EV_CONNECTION_LOST: return "connection-lost";
    case EV_TRUTH_FOUND: return "truth-found";
    case EV_RUN_ENDED: return "run-ended";
    }
    return "unknown";
}

void engine_tell(struct run *run, struct engine_event *event)
{
    event->at_us = run->sys->wall_us();
    event->direction = run->wish->plan.direction;
    if (run->plan)
        event->migrations = (uint32_t)run->plan->count;
    if (run->lock) {
        event->process_id = lock_process_id(run->lock);
        event->session_pid = lock_run(run->lock)->session_pid;
    }
    if (run->hooks && run->hooks->event)
        run->hooks->event(run->hooks->user, event);
}

void engine_note(struct run *run, enum engine_event_kind kind, const char *text)
{
    struct engine_event event = { .kind = kind, .text = text };
    engine_tell(run, &event);
}

int engine_stopped(const struct engine_hooks *hooks)
{
    return hooks && hooks->stop ? atomic_load(hooks->stop) : 0;
}

bool engine_baselines(const struct run *run)
{
    return run->repair && strcmp(run->command, "baseline") == 0;
}

void engine_mark(const struct run *run, uint32_t i, char *to, size_t size)
{
    size_t recorded = engine_baselines(run) ? run->repair->baseline_count : 0;
    if (recorded > 0)
        snprintf(to, size, "%zu %s", recorded, run->repair->baseline[recorded - 1].file);
    else if (run->repair)
        snprintf(to, size, "repaired");
    else
        snprintf(to, size, "%u %s", i + 1, run->plan->items[i].migration->file);
}

uint32_t engine_total(const struct run *run)
{
    return run->repair ? 1 : (uint32_t)run->plan->count;
}

const char *engine_next_name(const struct run *run)
{
    return engine_baselines(run) ? "the baseline" : run->repair ? "the repair of history" : run->plan->items[run->done].migration->file;
}

void engine_say_state(struct run *run, const struct migration *failed)
{
    if (engine_baselines(run)) {
        text_copy(run->state, sizeof run->state, run->done ? "The baseline is committed." : "Nothing was recorded: jetbase_migrations is as it was.");
        return;
    }
    if (run->repair) {
        text_copy(run->state, sizeof run->state, run->done ? "The repair is committed." : "Nothing was repaired: jetbase_migrations is as it was.");
        return;
    }
    const char *verb = run->wish->plan.direction == PLAN_UPGRADE ? "applied" : "rolled back";
    struct text t = { 0 };
    if (failed && run->half[0])
        text_printf(&t, "%s ", run->half);
    else if (failed && run->wish->plan.direction == PLAN_ROLLBACK)
        text_printf(&t, "What the rollback of %s had done was undone: it is applied as before. ", failed->file);
    else if (failed)
        text_printf(&t, "%s was rolled back: nothing of it remains. ", failed->file);
    if (run->done == 0)
        text_printf(&t, "Nothing was %s in this run.", verb);
    else if (run->done == 1)
        text_printf(&t, "%s was %s before it and stands.", run->plan->items[0].migration->file, verb);
    else
        text_printf(&t, "%u migrations were %s before it and stand, the last %s.", run->done, verb, run->plan->items[run->done - 1].migration->file);
    text_visible(run->state, sizeof run->state, text_string(&t));
    text_free(&t);
}
