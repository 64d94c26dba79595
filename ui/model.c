/* model.c: takes keys, looks and news of our own run into the state of the console, and says what is to be done. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "action.h"
#include "chosen.h"
#include "dialog.h"
#include "keys.h"
#include "layout.h"
#include "navigate.h"
#include "own_run.h"
#include "pane.h"
#include "text.h"

void model_init(struct model *m, int rows, int cols, bool read_only, int refresh_ms)
{
    memset(m, 0, sizeof *m);
    m->rows = rows;
    m->cols = cols;
    m->read_only = read_only;
    m->refresh_ms = refresh_ms;
    m->focus = m->chosen_in = m->focus_before = PANE_PENDING;
}

void model_set_target(struct model *m, const char *target, bool guarded, bool open)
{
    text_visible(m->target, sizeof m->target, target);
    m->guarded = guarded;
    m->held_back = guarded && !open && !m->read_only;
    m->read_only = m->read_only || m->held_back;
    if (m->held_back)
        model_say(m, false, "%s is PROTECTED: read-only. For changes: q, then jetbase --target %s --yes", m->target, m->target);
    else if (guarded && !m->read_only)
        model_say(m, true, "%s is PROTECTED, and this console may change it: --yes was said", m->target);
}

void model_read_only_words(const struct model *m, char *to, size_t size)
{
    if (m->held_back)
        snprintf(to, size, "%s is protected. For changes: q, then jetbase --target %s --yes", m->target, m->target);
    else
        snprintf(to, size, "this console was started with --read-only");
}

void model_free(struct model *m)
{
    model_close_dialog(m);
    preview_free(m->run.plan);
    m->run.plan = NULL;
    snapshot_unref(m->snap);
    m->snap = NULL;
    detail_free(m->detail);
    m->detail = NULL;
}

bool model_too_small(const struct model *m)
{
    return m->cols < MODEL_MIN_COLS || m->rows < MODEL_MIN_ROWS;
}

bool model_lock_is_ours(const struct model *m)
{
    const struct own_run *run = &m->run;
    if (!m->snap || !run->process_id[0] || !m->snap->lock.row.locked || strcmp(m->snap->lock.row.process_id, run->process_id) != 0)
        return false;
    return run->on || m->snap->seen_mono_ms <= run->ended_ms;
}

bool model_is_old(const struct model *m)
{
    return m->snap && (!m->up || m->mono_ms - m->snap->seen_mono_ms > m->refresh_ms + MODEL_PATIENCE_MS);
}

double model_seen_age(const struct model *m)
{
    if (!m->snap || model_is_old(m))
        return 0;
    return (double)(m->mono_ms - m->snap->seen_mono_ms) / 1000.0;
}

double model_lock_age(const struct model *m)
{
    if (!m->snap || !m->snap->lock.row.has_run || m->snap->lock.row.run.age_s < 0)
        return -1;
    return m->snap->lock.row.run.age_s + model_seen_age(m);
}

const char *model_version_after(const struct model *m, const struct preview *plan)
{
    const struct listing *l = m->snap ? m->snap->listing : NULL;
    for (size_t i = 0; l && i < l->applied_count; i++) {
        const char *version = l->applied[i].version;
        bool goes = false;
        for (size_t k = 0; version && k < plan->count; k++)
            goes = goes || (plan->items[k].version && strcmp(plan->items[k].version, version) == 0);
        if (version && !goes)
            return version;
    }
    return NULL;
}

void model_say(struct model *m, bool bad, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(m->status, sizeof m->status, format, args);
    va_end(args);
    m->status_bad = bad;
}

void model_log(struct model *m, int64_t at_us, const char *format, ...)
{
    struct log_line *line = &m->log[m->log_count++ % MODEL_LOG_LINES];
    char raw[sizeof line->text];
    va_list args;
    va_start(args, format);
    vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    line->at_us = at_us;
    text_visible(line->text, sizeof line->text, raw);
}

void model_close_dialog(struct model *m)
{
    preview_free(m->dialog.plan);
    rehearsal_free(m->dialog.rehearsal);
    repair_clear(&m->dialog.repair);
    memset(&m->dialog, 0, sizeof m->dialog);
}

static struct effect key_pressed(struct model *m, int key)
{
    const struct action *action;
    char why[512];
    m->status[0] = '\0';
    if (key == UK_CTRL_L)
        return (struct effect){ .what = FX_REDRAW };
    /* What can't be seen can't be meant. */
    if (model_too_small(m))
        return (struct effect){ .what = key == 'q' && !m->run.on && m->dialog.kind == DIALOG_NONE ? FX_QUIT : FX_NONE };
    if (m->search.typing) {
        navigate_search_key(m, key);
        return (struct effect){ .what = FX_NONE };
    }
    if (m->dialog.kind != DIALOG_NONE)
        return dialog_key(m, key);
    action = action_for(key);
    if (!action)
        return (struct effect){ .what = FX_NONE };
    if (action_allowed(m, action, why, sizeof why))
        return action_do(m, action, key);
    model_say(m, true, "%s", why);
    return (struct effect){ .what = FX_NONE };
}

static struct effect mouse_used(struct model *m, enum mouse_what what, int row, int col)
{
    int key = UK_NONE;
    if (model_too_small(m) || m->search.typing)
        return (struct effect){ .what = FX_NONE };
    /* A dialog is confirmed by keys only: a press beside it, or by a slip of the hand, does nothing. */
    if (m->dialog.kind == DIALOG_NONE)
        key = navigate_mouse(m, what, row, col);
    else if (what != MOUSE_PRESS)
        return dialog_key(m, what == MOUSE_WHEEL_UP ? UK_UP : UK_DOWN);
    return key == UK_NONE ? (struct effect){ .what = FX_NONE } : key_pressed(m, key);
}

/* The chosen row stays on its file when the list around it changes. */
static void follow_chosen(struct model *m, const struct listing *before, const struct listing *now)
{
    const char *file = before && m->pending.chosen < before->pending_count ? before->pending[m->pending.chosen].file : NULL;
    const char *done = before && m->applied.chosen > 0 && m->applied.chosen < before->applied_count ? before->applied[m->applied.chosen].file : NULL;
    for (size_t i = 0; file && i < now->pending_count; i++)
        if (strcmp(now->pending[i].file, file) == 0)
            m->pending.chosen = i;
    for (size_t i = 0; done && i < now->applied_count; i++)
        if (strcmp(now->applied[i].file, done) == 0)
            m->applied.chosen = i;
}

static void take_snapshot(struct model *m, struct snapshot *snap)
{
    struct snapshot *before = m->snap;
    if (!before || before->listing != snap->listing)
        follow_chosen(m, before ? before->listing : NULL, snap->listing);
    m->snap = snapshot_ref(snap);
    if (!before || before->listing != snap->listing) {
        pane_pending_measure(m);
        pane_applied_measure(m);
    }
    snapshot_unref(before);
}

static struct effect snapshot_seen(struct model *m, struct snapshot *snap)
{
    struct effect fx = { .what = FX_NONE };
    take_snapshot(m, snap);
    m->up = true;
    error_clear(&m->down);
    if (m->dialog.kind == DIALOG_UNLOCK)
        fx.flush = dialog_unlock_seen(m);
    if (m->dialog.kind == DIALOG_BLOCKER)
        fx.flush = dialog_blocker_seen(m);
    if (m->dialog.kind == DIALOG_UPGRADE && m->dialog.take_over)
        fx.flush = dialog_take_over_seen(m);
    if (m->dialog.kind == DIALOG_RESOLVE)
        fx.flush = dialog_resolve_seen(m);
    return fx;
}

static struct effect down(struct model *m, const struct error *error)
{
    m->up = false;
    m->down = *error;
    return (struct effect){ .what = FX_NONE };
}

const char *model_signal_name(int number)
{
    return number == SIGINT ? "SIGINT" : number == SIGQUIT ? "SIGQUIT" : number == SIGTERM ? "SIGTERM" : number == SIGHUP ? "SIGHUP" : "a signal";
}

/* The program is asked to end: our own run first. */
static struct effect signalled(struct model *m, int number)
{
    struct effect fx = { .what = FX_QUIT, .exit_code = 128 + number, .flush = true };
    model_close_dialog(m);
    if (!m->run.on) {
        snprintf(m->farewell, sizeof m->farewell, "stopped by %s; %s", model_signal_name(number), m->unlocking ? "an unlock was under way: `jetbase lock-status` tells how it ended" : "nothing of this console was running");
        return fx;
    }
    m->quitting = true;
    m->quit_signal = number;
    if (m->run.cancelling)
        return (struct effect){ .flush = true };
    m->run.cancelling = true;
    return (struct effect){ .what = FX_CANCEL_OWN, .signal = number, .flush = true };
}

/* A slip of the hand must not cost a migration: while one runs, it is asked as q asks. */
static struct effect interrupted(struct model *m, int number)
{
    if (!m->run.on)
        return signalled(m, number);
    m->search.typing = false;
    if (m->dialog.kind == DIALOG_QUIT)
        return (struct effect){ .what = FX_NONE };
    model_close_dialog(m);
    dialog_open(m, DIALOG_QUIT, STAGE_ASK);
    return (struct effect){ .flush = true };
}

static struct effect suspend(struct model *m)
{
    if (!m->run.on && !m->unlocking && !m->rehearsing)
        return (struct effect){ .what = FX_SUSPEND };
    model_say(m, true, "Ctrl-Z is held back while %s: a stopped process would hold the lock", m->run.on ? "a run is on" : m->rehearsing ? "a rehearsal is under way" : "an unlock is under way");
    return (struct effect){ .what = FX_NONE };
}

static struct effect unlock_answered(struct model *m, const struct unlock_answer *answer)
{
    m->unlocking = false;
    dialog_unlock_answered(m, answer);
    return (struct effect){ .flush = true };
}

/* What was read of a file that is no longer wanted is nobody's. */
static void detail_seen(struct model *m, struct model_msg *msg)
{
    if (!detail_is_of(msg->u.detail, &m->want))
        return;
    detail_free(m->detail);
    m->detail = msg->u.detail;
    msg->u.detail = NULL;
}

/* Does the dialog wait for the answer to that job? One for a dialog that was left is nobody's. */
static bool awaited(const struct model *m, uint64_t job)
{
    return m->dialog.kind != DIALOG_NONE && m->dialog.stage == STAGE_WAITING && m->dialog.job == job;
}

/* True where the dialog changed. */
static bool plan_seen(struct model *m, struct plan_answer *answer)
{
    if (!awaited(m, answer->job))
        return false;
    if (m->dialog.kind == DIALOG_RESOLVE)
        dialog_resolve_answered(m, answer);
    else
        dialog_plan_answered(m, answer);
    return true;
}

/* The same for what is to be repaired. */
static bool found_seen(struct model *m, struct found_answer *answer)
{
    if ((m->dialog.kind != DIALOG_FIX && m->dialog.kind != DIALOG_BASELINE) || !awaited(m, answer->job))
        return false;
    dialog_fix_answered(m, answer);
    return true;
}

struct effect model_apply(struct model *m, struct model_msg *msg)
{
    struct effect fx = { .what = FX_NONE };
    m->mono_ms = msg->mono_ms;
    m->wall_us = msg->wall_us;
    switch (msg->kind) {
    case MSG_KEY:
        fx = key_pressed(m, msg->u.key);
        break;
    case MSG_MOUSE:
        fx = mouse_used(m, msg->u.mouse.what, msg->u.mouse.row, msg->u.mouse.col);
        break;
    case MSG_RESIZE:
        m->rows = msg->u.size.rows;
        m->cols = msg->u.size.cols;
        fx.what = FX_REDRAW;
        break;
    case MSG_TICK:
        break;
    case MSG_SIGNAL:
        fx = signalled(m, msg->u.signal);
        break;
    case MSG_INTERRUPT:
        fx = interrupted(m, msg->u.signal);
        break;
    case MSG_SUSPEND:
        fx = suspend(m);
        break;
    case MSG_SNAPSHOT:
        fx = snapshot_seen(m, msg->u.snap);
        break;
    case MSG_FILES:
        /* Nothing was heard of the database: whether it answers stays as it was. */
        take_snapshot(m, msg->u.snap);
        break;
    case MSG_DOWN:
        fx = down(m, msg->u.down);
        break;
    case MSG_PLAN:
        fx.flush = plan_seen(m, msg->u.plan);
        break;
    case MSG_FOUND:
        fx.flush = found_seen(m, msg->u.found);
        break;
    case MSG_NOTE:
        own_run_note(m, msg->u.note);
        break;
    case MSG_REHEARSING:
        dialog_rehearse_note(m, msg->u.note);
        break;
    case MSG_REHEARSED:
        dialog_rehearse_answered(m, msg->u.rehearsed);
        fx.flush = true;
        break;
    case MSG_RETURNED:
        fx = own_run_returned(m, msg->u.returned);
        break;
    case MSG_BLOCKER:
        dialog_blocker_answered(m, msg->u.blocker);
        fx.flush = true;
        break;
    case MSG_DETAIL:
        detail_seen(m, msg);
        break;
    case MSG_UNLOCKED:
        fx = unlock_answered(m, msg->u.unlocked);
        break;
    }
    fx.read = chosen_settle(m);
    layout_settle(m);
    return fx;
}
