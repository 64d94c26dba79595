/* dialog_blocker.c: x and X: the session that blocks the holder of the lock; its statement is cancelled, or it is ended. */
#include <stdio.h>
#include <string.h>

#include "action.h"
#include "dialog.h"
#include "text.h"
#include "words.h"

static const struct db_blocker *still_blocks(const struct model *m, int pid)
{
    const struct db_session *s = &m->snap->lock.session;
    for (int i = 0; s->found && i < s->blockers; i++)
        if (s->blocked_by[i].pid == pid)
            return &s->blocked_by[i];
    return NULL;
}

void dialog_blocker_open(struct model *m, bool end)
{
    dialog_open(m, DIALOG_BLOCKER, STAGE_ASK);
    m->dialog.lock = m->snap->lock;
    m->dialog.blocker = m->snap->lock.session.blocked_by[0];
    m->dialog.end = end;
}

bool dialog_blocker_seen(struct model *m)
{
    struct dialog *d = &m->dialog;
    const struct lock_view *now = &m->snap->lock;
    const struct db_blocker *b;
    if (d->stage != STAGE_ASK)
        return false;
    b = still_blocks(m, d->blocker.pid);
    if (!now->row.locked || strcmp(now->row.process_id, d->lock.row.process_id) != 0)
        dialog_tell(m, NULL, "the lock changed hands, nothing was done");
    else if (!b)
        dialog_tell(m, NULL, "session %d blocks it no longer, nothing was done", d->blocker.pid);
    else if (!d->end && strcmp(b->state, "active") != 0)
        dialog_tell(m, NULL, "session %d runs nothing any more, a cancel has no effect: X ends it. Nothing was done", d->blocker.pid);
    else
        d->blocker = *b;
    return d->stage == STAGE_TOLD;
}

void dialog_blocker_answered(struct model *m, const struct blocker_answer *answer)
{
    struct dialog *d = &m->dialog;
    bool waiting = d->kind == DIALOG_BLOCKER && d->stage == STAGE_WAITING && d->job == answer->job;
    struct error none = { 0 };
    char words[480];
    if (!answer->asked)
        text_visible(words, sizeof words, answer->error.message);
    else if (answer->done)
        snprintf(words, sizeof words, answer->end ? "session %d was told to end; what it had not committed is rolled back" : "the statement of session %d was told to cancel", answer->pid);
    else
        snprintf(words, sizeof words, "session %d blocks it no longer%s; nothing was done", answer->pid, answer->end ? "" : ", or runs nothing");
    if (waiting && !(answer->asked && answer->done)) {
        dialog_tell(m, answer->asked ? &none : &answer->error, "%s", words);
        return;
    }
    if (waiting)
        model_close_dialog(m);
    model_say(m, !answer->done, "%s", words);
}

static struct effect stop(struct model *m)
{
    struct dialog *d = &m->dialog;
    struct effect fx = { .what = FX_BLOCKER, .flush = true, .blocker_pid = d->blocker.pid, .end = d->end };
    char why[512];
    if (!action_allowed(m, action_for(d->end ? 'X' : 'x'), why, sizeof why)) {
        dialog_tell(m, NULL, "nothing was done: %s", why);
        return (struct effect){ .flush = true };
    }
    fx.job = d->job = ++m->jobs;
    text_copy(fx.process_id, sizeof fx.process_id, d->lock.row.process_id);
    d->stage = STAGE_WAITING;
    return fx;
}

static struct effect key(struct model *m, int key)
{
    struct dialog *d = &m->dialog;
    char number[16];
    if (d->stage != STAGE_ASK)
        return (struct effect){ .what = FX_NONE };
    if (!d->end)
        return key == 'y' ? stop(m) : (struct effect){ .what = FX_NONE };
    snprintf(number, sizeof number, "%d", d->blocker.pid);
    dialog_type(d, key, strlen(number));
    return strcmp(d->typed, number) == 0 ? stop(m) : (struct effect){ .what = FX_NONE };
}

static void title(const struct model *m, char *to, size_t size)
{
    snprintf(to, size, m->dialog.end ? "End session %d" : "Cancel the statement of session %d", m->dialog.blocker.pid);
}

static void fill_blocker(const struct model *m, struct sheet *body)
{
    const struct dialog *d = &m->dialog;
    const struct db_blocker *b = &d->blocker;
    char age[40], line[900], label[40], who[400];
    words_age(b->age_s < 0 ? -1 : b->age_s + model_seen_age(m), age, sizeof age);
    words_blocker(b, 0, who, sizeof who);
    snprintf(line, sizeof line, "session     %s", who);
    sheet_wrap(body, STYLE_NORMAL, 12, line);
    snprintf(line, sizeof line, "state       %s, %s", b->state[0] ? b->state : "?", age);
    sheet_wrap(body, STYLE_NORMAL, 12, line);
    snprintf(line, sizeof line, "%s %s", !b->state[0] ? "query      " : strcmp(b->state, "active") == 0 ? "it runs    " : "ran last   ", b->query[0] ? b->query : "?");
    sheet_wrap(body, STYLE_NORMAL, 12, line);
    words_label(d->lock.row.run.file, label, sizeof label);
    snprintf(line, sizeof line, "It blocks session %d%s%s.", d->lock.session.pid, label[0] ? ", which runs " : "", label);
    sheet_wrap(body, STYLE_NORMAL, 0, line);
    sheet_wrap(body, STYLE_WARN, 0, d->end ? "Its connection is cut: what it has not committed is rolled back, and its program gets an error. Nothing else is touched."
                                           : "Its statement fails with an error; its transaction, and with it its locks, may stay. Nothing else is touched.");
    sheet_wrap(body, STYLE_NORMAL, 0, "Nothing is done if it blocks no longer by then.");
}

static void fill(const struct model *m, struct sheet *body, struct sheet *foot)
{
    const struct dialog *d = &m->dialog;
    char number[16], question[80];
    if (d->stage == STAGE_TOLD) {
        dialog_fill_told(m, body);
        return;
    }
    fill_blocker(m, body);
    snprintf(number, sizeof number, "%d", d->blocker.pid);
    if (d->stage == STAGE_WAITING) {
        sheet_line(foot, STYLE_BOLD, "asking the server …");
    } else if (d->end) {
        snprintf(question, sizeof question, "Type the number of the session (%s):", number);
        dialog_fill_input(d, foot, question, strlen(number));
    } else {
        sheet_line(foot, STYLE_BOLD, "       [ Esc  leave it ]       y  cancel its statement");
    }
}

static void footer(const struct model *m, char *to, size_t size)
{
    snprintf(to, size, "%sEsc leave it", m->dialog.stage == STAGE_ASK && !m->dialog.end ? "y cancel its statement   " : "");
}

const struct dialog_ops dialog_blocker = { .width = 64, .typed = true, .title = title, .key = key, .fill = fill, .footer = footer };
