/* listener_text.c: says what the engine does, in Jetbase's words. */
#include "listener.h"

#include "text.h"

/* Words of one direction. */
struct wording {
    const char *start, *completed, *nothing;
};

static const struct wording wordings[] = {
    [PLAN_UPGRADE] = { "Starting migrations...", "Migrations completed successfully.", "Migrations are up to date." },
    [PLAN_ROLLBACK] = { "Starting rollback...", "Rollbacks completed successfully.", "Nothing to rollback." },
};

static void started(struct listener *l, const struct engine_event *event, const char *file)
{
    if (!l->started)
        output_say(l->out, "%s", wordings[event->direction].start);
    l->started = true;
    output_detail(l->out, "%u/%u %s: %u statement%s", event->migration, event->migrations, file, event->statements, event->statements == 1 ? "" : "s");
}

static void applied(struct listener *l, const struct engine_event *event, const char *file)
{
    /* Where its start was never told (the truth about it came after a lost connection), the order of sentences still holds. */
    if (!l->started)
        output_say(l->out, "%s", wordings[event->direction].start);
    l->started = true;
    if (event->direction == PLAN_UPGRADE)
        output_say(l->out, "Migration applied successfully: %s", file);
    else
        output_say(l->out, "Rollback applied successfully: %s", file);
    output_detail(l->out, "%u/%u %s: committed after %.0f ms", event->migration, event->migrations, file, event->ms);
}

static void ended(struct listener *l, const struct engine_event *event)
{
    if (event->exit_code != 0 || l->nothing)
        return;
    if (l->started)
        output_say(l->out, "%s", wordings[event->direction].completed);
}

void listener_text(void *user, const struct engine_event *event)
{
    struct listener *l = user;
    char file[512] = "";
    if (event->file && (event->kind != EV_STATEMENT_DONE || l->out->verbose)) /* of these there may be millions */
        text_visible(file, sizeof file, event->file->file);
    switch (event->kind) {
    case EV_NOTE:
        output_warn(l->out, "%s", event->text);
        break;
    case EV_NOTHING_TO_DO:
        l->nothing = true;
        output_say(l->out, "%s", wordings[event->direction].nothing);
        break;
    case EV_LOCK_ACQUIRED:
        output_detail(l->out, "Lock acquired: process ID %s", event->process_id ? event->process_id : "?");
        break;
    case EV_MIGRATION_STARTED:
        started(l, event, file);
        break;
    case EV_STATEMENT_DONE:
        output_detail(l->out, "%u/%u %s: statement %u of %u, %.1f ms", event->migration, event->migrations, file, event->statement, event->statements, event->ms);
        break;
    case EV_MIGRATION_APPLIED:
        applied(l, event, file);
        break;
    case EV_RESOLVED:
        output_say(l->out, "Resolved: %s", file);
        break;
    case EV_CONNECTION_LOST:
        output_warn(l->out, "the connection is lost: %s", event->error ? event->error->message : "?");
        output_note(l->out, "connecting again to find out what is true");
        break;
    case EV_LOCK_WAITING:
    case EV_SERVER_WAITING:
        output_note(l->out, "%s", event->text);
        break;
    case EV_RETRY:
        output_warn(l->out, "%s", event->text);
        break;
    case EV_TRUTH_FOUND:
        output_note(l->out, "%s", event->text);
        break;
    case EV_RUN_ENDED:
        ended(l, event);
        break;
    case EV_LOCK_REFUSED:
    case EV_LOCK_LOST:
    case EV_PLAN_CHANGED:
    case EV_MIGRATION_ROLLED_BACK:
    case EV_HALF_APPLIED:
        break; /* the error of the run tells these, once */
    }
    listener_progress(l, event);
}

void listener_course(void *user, const struct engine_event *event)
{
    switch (event->kind) {
    case EV_NOTE:
    case EV_LOCK_ACQUIRED:
    case EV_LOCK_WAITING:
    case EV_SERVER_WAITING:
    case EV_RETRY:
    case EV_CONNECTION_LOST:
    case EV_TRUTH_FOUND:
        listener_text(user, event);
        break;
    default:
        break;
    }
}
