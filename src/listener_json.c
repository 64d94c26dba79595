/* listener_json.c: tells the engine's events as JSON, one a line. */
#include "listener.h"

#include <stdio.h>

#include "output_json.h"

/* What every event has, and then what belongs to its kind. */
static json_t *event_base(const struct engine_event *event)
{
    return json_pack("{s:i, s:s, s:o, s:s, s:o, s:o}", "schema", 1, "event", engine_event_name(event->kind), "time", json_wall(event->at_us), "command",
                     event->direction == PLAN_UPGRADE ? "upgrade" : "rollback", "process_id", json_words(event->process_id), "session", json_count(event->session_pid > 0 ? event->session_pid : -1));
}

static json_t *event_file(const struct engine_event *event)
{
    const struct migration *m = event->file;
    return json_pack("{s:o, s:o, s:o, s:I, s:I}", "file", json_words(m ? m->file : NULL), "version", json_words(m ? m->version : NULL), "type", json_words(m ? migration_type_name(m->type) : NULL),
                     "migration", (json_int_t)event->migration, "migrations", (json_int_t)event->migrations);
}

/* What belongs to the kind; an empty object for kinds that say all by their name. */
static json_t *event_more(const struct engine_event *event)
{
    switch (event->kind) {
    case EV_NOTE:
    case EV_TRUTH_FOUND:
        return json_pack("{s:o}", "text", json_words(event->text));
    case EV_LOCK_REFUSED:
        return json_pack("{s:o}", "lock", event->lock ? json_lock(event->lock, false) : json_null());
    case EV_LOCK_WAITING:
        return json_pack("{s:o, s:o, s:o}", "lock", event->lock ? json_lock(event->lock, false) : json_null(), "text", json_words(event->text), "waited_s", json_seconds(event->ms / 1000));
    case EV_SERVER_WAITING:
        return json_pack("{s:o, s:o}", "text", json_words(event->text), "waited_s", json_seconds(event->ms / 1000));
    case EV_RETRY:
        return json_pack("{s:I, s:I, s:o, s:o}", "retry", (json_int_t)event->attempt, "retries", (json_int_t)event->attempts, "pause_s", json_seconds(event->ms / 1000), "error", json_error(event->error));
    case EV_MIGRATION_STARTED:
        return json_pack("{s:I}", "statements", (json_int_t)event->statements);
    case EV_STATEMENT_DONE:
        return json_pack("{s:I, s:I, s:f}", "statement", (json_int_t)event->statement, "statements", (json_int_t)event->statements, "ms", event->ms);
    case EV_MIGRATION_APPLIED:
        return json_pack("{s:I, s:f}", "statements", (json_int_t)event->statements, "ms", event->ms);
    case EV_CONNECTION_LOST:
        return json_pack("{s:o}", "text", json_words(event->error ? event->error->message : NULL));
    case EV_RUN_ENDED:
        return json_pack("{s:s, s:i}", "outcome", run_outcome_name(event->outcome), "exit", event->exit_code);
    case EV_NOTHING_TO_DO:
    case EV_LOCK_ACQUIRED:
    case EV_LOCK_LOST:
    case EV_PLAN_CHANGED:
    case EV_MIGRATION_ROLLED_BACK:
    case EV_HALF_APPLIED:
    case EV_RESOLVED:
        break;
    }
    return json_object();
}

static bool about_file(enum engine_event_kind kind)
{
    return kind == EV_MIGRATION_STARTED || kind == EV_STATEMENT_DONE || kind == EV_MIGRATION_APPLIED || kind == EV_MIGRATION_ROLLED_BACK || kind == EV_LOCK_LOST ||
           kind == EV_HALF_APPLIED || kind == EV_RESOLVED;
}

/* Adds the members of `more`, which is freed. */
static bool add(json_t *object, json_t *more)
{
    bool ok = object && more && json_object_update(object, more) == 0;
    json_decref(more);
    return ok;
}

static void tell(struct listener *l, json_t *object, bool good)
{
    struct error err = { 0 };
    if (good && output_json(l->out, object, &err))
        return;
    if (!good)
        json_decref(object);
    fprintf(l->out->err, "error: an event could not be told: memory ran out\n");
}

static void tell_error(struct listener *l, const struct engine_event *event)
{
    json_t *object = event_base(event);
    bool good = object && json_object_set_new(object, "event", json_string("error")) == 0 && json_object_set_new(object, "error", json_error(event->error)) == 0;
    tell(l, object, good);
}

void listener_json(void *user, const struct engine_event *event)
{
    struct listener *l = user;
    json_t *object;
    bool good;
    if (event->kind == EV_RUN_ENDED && event->error)
        tell_error(l, event);
    object = event_base(event);
    good = (!about_file(event->kind) || add(object, event_file(event))) && add(object, event_more(event));
    tell(l, object, good);
    if (event->kind == EV_RUN_ENDED)
        l->out->failure_told = true;
}
