/* command_rehearse.c: rehearse: what upgrade would do, tried where nothing of it stays. */
#include "command.h"
#include "engine.h"
#include "rehearsal.h"
#include "rehearsal_show.h"
#include "signals.h"

/* Notes come as they happen; the result is shown at the end. */
static void hear(void *user, const struct engine_event *event)
{
    struct output *out = user;
    if (event->kind == EV_NOTE && event->text)
        output_note(out, "%s", event->text);
    else if (event->kind == EV_STATEMENT_DONE)
        output_detail(out, "%s %u of %u: %.1f ms", event->direction == PLAN_ROLLBACK ? "rollback statement" : "statement", event->statement, event->statements, event->ms);
}

int command_rehearse(const struct call *call, struct error *err)
{
    const struct options *o = call->options;
    const struct project *p = call->project;
    struct engine_wish wish = { .plan = { .direction = PLAN_UPGRADE, .count = o->count, .to_version = o->to_version && o->to_version[0] ? o->to_version : NULL,
                                          .skip_checksums = p->skip_validation || p->skip_checksum_validation, .skip_files = p->skip_validation || p->skip_file_validation },
                                /* Those of runs in the configuration may be long: a rehearsal has its own. */
                                .lock_timeout_ms = o->lock_timeout_ms, .statement_timeout_ms = o->statement_timeout_ms ? o->statement_timeout_ms : p->statement_timeout_ms };
    struct engine_hooks hooks = { .event = hear, .user = call->out, .wake_fd = -1 };
    struct rehearsal *found = NULL;
    struct error ignored = { 0 };
    if (!signals_watch(&hooks.stop, &hooks.wake_fd, err))
        return error_exit_code(err->code);
    int code = engine_rehearse(p, call->sys, &wish, &hooks, &found, err);
    bool shown = !found || (call->out->json ? rehearsal_json(call->out, found, code, err, &ignored) : rehearsal_text(call->out, found, &ignored));
    if (found && call->out->json && shown)
        call->out->failure_told = true; /* the object holds the error too */
    rehearsal_free(found);
    if (!shown && code == 0) {
        *err = ignored;
        return error_exit_code(err->code);
    }
    return code;
}
