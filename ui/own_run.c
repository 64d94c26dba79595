/* own_run.c: follows this console's own run from its confirmation to its result. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialog.h"
#include "own_run.h"
#include "text.h"
#include "words.h"

const char *own_run_name(const struct own_run *run)
{
    if (run->parts)
        return run->parts == PARTS_BASELINE ? "baseline" : run->parts == REPAIR_FILES ? "fix-files" : "fix-checksums";
    return run->resolve != RESOLVE_NONE ? "resolve" : words_direction(run->direction);
}

/* What was confirmed is what the engine is told. */
static void start_what(const struct dialog *d, struct own_run *run, struct effect *fx)
{
    run->parts = fx->parts = d->parts;
    if (fx->parts) {
        repair_digest(&d->repair, fx->digest);
        return;
    }
    run->direction = fx->direction = d->plan->direction;
    run->migrations = (uint32_t)d->plan->count;
    run->resolve = fx->resolve = d->way;
    run->from = fx->from = d->way == RESOLVE_RERUN ? d->from : 0;
    text_copy(fx->file, sizeof fx->file, d->file);
    text_copy(fx->digest, sizeof fx->digest, d->plan->digest);
}

struct effect own_run_start(struct model *m)
{
    struct own_run *run = &m->run;
    struct effect fx = { .what = FX_RUN, .flush = true };
    fx.count = m->dialog.count;
    text_copy(fx.to_version, sizeof fx.to_version, m->dialog.to_version);
    fx.take_over = m->dialog.take_over;
    if (fx.take_over)
        text_copy(fx.process_id, sizeof fx.process_id, m->dialog.lock.row.process_id);
    preview_free(run->plan);
    *run = (struct own_run){ .on = true, .plan = m->dialog.plan, .started_ms = m->mono_ms };
    start_what(&m->dialog, run, &fx);
    m->dialog.plan = NULL;
    model_close_dialog(m);
    m->log_count = 0;
    m->log_shown = true;
    m->detail_top = 0;
    return fx;
}

static void mark(struct model *m, const char *file, enum preview_state state)
{
    struct preview_item *item = preview_find(m->run.plan, file);
    if (item)
        item->state = state;
}

static void migration_started(struct model *m, const struct engine_note *note, const char *label)
{
    struct own_run *run = &m->run;
    run->migration = note->migration;
    run->migrations = note->migrations ? note->migrations : run->migrations;
    run->statement = run->resolve == RESOLVE_RERUN && run->from > 0 ? run->from - 1 : 0;
    run->statements = note->statements;
    run->statement_ms = m->mono_ms;
    for (size_t i = 0; i < PREVIEW_SQL_SHOWN; i++)
        run->took_ms[i] = -1;
    text_copy(run->file, sizeof run->file, note->file);
    mark(m, note->file, PREVIEW_RUNNING);
    model_log(m, note->at_us, "%s started, %u statement%s", label, note->statements, words_plural(note->statements));
}

static void migration_done(struct model *m, const struct engine_note *note, const char *label)
{
    char lasted[40];
    m->run.done++;
    mark(m, note->file, PREVIEW_DONE);
    words_duration(note->ms, lasted, sizeof lasted);
    if (note->direction == PLAN_UPGRADE)
        model_log(m, note->at_us, "%s applied, %u stmt%s, %s", label, note->statements, words_plural(note->statements), lasted);
    else
        model_log(m, note->at_us, "%s rolled back, %s", label, lasted);
}

void own_run_note(struct model *m, const struct engine_note *note)
{
    struct own_run *run = &m->run;
    char label[40];
    words_label(note->file, label, sizeof label);
    if (note->process_id[0] && !run->process_id[0])
        text_copy(run->process_id, sizeof run->process_id, note->process_id);
    if (note->session_pid > 0)
        run->session_pid = note->session_pid;
    switch (note->kind) {
    case EV_LOCK_ACQUIRED:
        run->locked = true;
        run->locked_ms = m->mono_ms;
        model_log(m, note->at_us, "lock taken");
        break;
    case EV_MIGRATION_STARTED:
        migration_started(m, note, label);
        break;
    case EV_STATEMENT_DONE:
        run->statement = note->statement;
        if (note->statement > 0 && note->statement <= PREVIEW_SQL_SHOWN)
            run->took_ms[note->statement - 1] = note->ms;
        run->statement_ms = m->mono_ms;
        break;
    case EV_MIGRATION_APPLIED:
        migration_done(m, note, label);
        break;
    case EV_MIGRATION_ROLLED_BACK:
        mark(m, note->file, PREVIEW_UNDONE);
        model_log(m, note->at_us, "%s %s, %s", label, run->cancelling ? "cancelled" : "FAILED", note->direction == PLAN_UPGRADE ? "rolled back" : "as it was");
        break;
    case EV_HALF_APPLIED:
        mark(m, note->file, PREVIEW_UNDONE);
        run->half = true;
        model_log(m, note->at_us, "%s %s, HALF APPLIED", label, run->cancelling ? "cancelled" : "FAILED");
        break;
    case EV_RESOLVED:
        model_log(m, note->at_us, "%s marked as %s", label, run->resolve == RESOLVE_APPLIED ? "applied" : "rolled back");
        break;
    case EV_LOCK_LOST:
        mark(m, note->file, PREVIEW_UNDONE);
        model_log(m, note->at_us, "lock LOST, %s rolled back", label);
        break;
    case EV_RUN_ENDED:
        model_log(m, note->at_us, "run ended: %s", run_outcome_name(note->outcome));
        break;
    case EV_NOTHING_TO_DO:
        model_log(m, note->at_us, "nothing to do");
        break;
    case EV_LOCK_REFUSED:
    case EV_LOCK_WAITING:
    case EV_SERVER_WAITING:
    case EV_RETRY:
    case EV_PLAN_CHANGED:
    case EV_CONNECTION_LOST:
    case EV_TRUTH_FOUND:
    case EV_NOTE:
        model_log(m, note->at_us, "%s", note->text);
        break;
    }
}

struct effect own_run_cancel(struct model *m)
{
    struct effect fx = { .flush = true };
    model_close_dialog(m);
    if (m->run.on && !m->run.cancelling) {
        m->run.cancelling = true;
        fx.what = FX_CANCEL_OWN;
        fx.signal = -1; /* a person, no signal */
    }
    return fx;
}

/* "V15 rolled back, V14 stays": what a cancel left, where the engine told it; else its own words. */
static void cancelled_words(const struct own_run *run, const struct error *err, char *to, size_t size)
{
    const struct preview_item *item = preview_find(run->plan, run->file), *first = run->plan ? run->plan->items : NULL;
    bool up = run->direction == PLAN_UPGRADE;
    char undone[80] = "", stays[160] = "nothing else was run";
    if (!item || item->state != PREVIEW_UNDONE || run->half || run->done > run->plan->count) {
        text_copy(to, size, err->state[0] ? err->state : err->message);
        return;
    }
    snprintf(undone, sizeof undone, "%s %s", item->label, up ? "rolled back" : "is as it was");
    if (run->done == 1)
        snprintf(stays, sizeof stays, "%s stays%s", first->label, up ? "" : " rolled back");
    else if (run->done > 1)
        snprintf(stays, sizeof stays, "%s to %s stay%s", first->label, first[run->done - 1].label, up ? "" : " rolled back");
    snprintf(to, size, "%s, %s", undone, stays);
}

/* What has become of the file that was half applied. */
static const char *resolved_words(const struct own_run *run)
{
    bool up = run->direction == PLAN_UPGRADE;
    if (run->resolve == RESOLVE_RERUN)
        return up ? "has run to its end and is applied" : "has run to its end and is rolled back";
    return run->resolve == RESOLVE_APPLIED ? "is marked as applied; nothing ran" : "is marked as rolled back; nothing ran";
}

/* One sentence on how it went. */
static void result_words(const struct model *m, const struct run_answer *answer, char *to, size_t size)
{
    const struct own_run *run = &m->run;
    const struct error *err = &answer->error;
    char lasted[40];
    words_duration((double)(answer->ended_mono_ms - run->started_ms), lasted, sizeof lasted);
    if (answer->exit_code == 0 && run->parts && answer->repaired)
        snprintf(to, size, "%s done: %zu %s in %s%s%s", own_run_name(run), answer->repaired, run->parts == PARTS_BASELINE ? "recorded as applied" : run->parts == REPAIR_FILES ? "taken out of the history" : "recorded anew", lasted,
                 err->message[0] ? "; warning: " : "", err->message);
    else if (answer->exit_code == 0 && run->resolve != RESOLVE_NONE && run->plan)
        snprintf(to, size, "resolve done: %s %s%s%s", run->plan->items[0].label, resolved_words(run), err->message[0] ? "; warning: " : "", err->message);
    else if (answer->exit_code == 0 && run->done)
        snprintf(to, size, "%s done: %u %s in %s%s%s", words_direction(run->direction), run->done, run->direction == PLAN_UPGRADE ? "applied" : "rolled back", lasted,
                 err->message[0] ? "; warning: " : "", err->message);
    else if (answer->exit_code == 0)
        snprintf(to, size, "there was nothing to do%s%s", err->message[0] ? "; " : "", err->message);
    else if (err->code == ERR_CANCELLED) {
        char left[700];
        cancelled_words(run, err, left, sizeof left);
        snprintf(to, size, "%s cancelled: %s", own_run_name(run), left);
    } else
        snprintf(to, size, "%s failed: %s%s%s", own_run_name(run), err->message, err->state[0] ? ". " : "", err->state);
}

struct effect own_run_returned(struct model *m, const struct run_answer *answer)
{
    struct own_run *run = &m->run;
    struct effect fx = { .flush = true };
    bool bad = answer->exit_code != 0;
    char words[4096], shown[512];
    result_words(m, answer, words, sizeof words);
    text_visible(shown, sizeof shown, words);
    run->on = run->locked = run->cancelling = false;
    run->ended_ms = answer->ended_mono_ms;
    if (m->dialog.kind == DIALOG_CANCEL || m->dialog.kind == DIALOG_QUIT)
        model_close_dialog(m);
    if (m->quitting) {
        snprintf(m->farewell, sizeof m->farewell, "%s%s%.480s", m->quit_signal ? model_signal_name(m->quit_signal) : "", m->quit_signal ? ": " : "", shown);
        fx.what = FX_QUIT;
        fx.exit_code = m->quit_signal ? 128 + m->quit_signal : 0;
        return fx;
    }
    model_say(m, bad && answer->error.code != ERR_CANCELLED, "%s", shown);
    if (bad && answer->error.code != ERR_CANCELLED) {
        char title[80];
        if (run->parts || run->resolve != RESOLVE_NONE)
            snprintf(title, sizeof title, "%s failed", run->parts == PARTS_BASELINE ? "Baseline" : run->parts ? "Fix" : "Resolve");
        else
            snprintf(title, sizeof title, "%s failed", run->direction == PLAN_UPGRADE ? "Upgrade" : "Roll back");
        model_close_dialog(m);
        dialog_open_error(m, &answer->error, title);
    }
    return fx;
}

void model_cancel_words(const struct model *m, char *to, size_t size)
{
    const struct own_run *run = &m->run;
    const struct preview *plan = run->plan;
    char label[40];
    const struct preview_item *item = preview_find(run->plan, run->file);
    words_label(run->file, label, sizeof label);
    if (run->parts) {
        snprintf(to, size, "the history stays as it was");
        return;
    }
    if (!run->file[0] || !plan) {
        snprintf(to, size, "nothing has run yet");
        return;
    }
    if (item && item->outside)
        snprintf(to, size, "leaves %s half applied", label);
    else
        snprintf(to, size, "rolls %s back", label);
    if (run->done > 0 && run->done <= plan->count) {
        size_t used = strlen(to);
        const char *verb = run->direction == PLAN_UPGRADE ? "stay" : "stay rolled back";
        if (run->done == 1)
            snprintf(to + used, size - used, ", %s stay%s%s", plan->items[0].label, "s", run->direction == PLAN_UPGRADE ? "" : " rolled back");
        else
            snprintf(to + used, size - used, ", %s to %s %s", plan->items[0].label, plan->items[run->done - 1].label, verb);
    }
}
