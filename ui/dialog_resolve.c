/* dialog_resolve.c: w: a half-applied file, what is known of its statements, and the three ways to end it. */
#include <stdio.h>
#include <string.h>

#include "action.h"
#include "chosen.h"
#include "dialog.h"
#include "keys.h"
#include "own_run.h"
#include "text.h"
#include "words.h"

enum { WAYS = 3, NUMBER = 16 };

static const enum plan_resolve ways[WAYS] = { RESOLVE_RERUN, RESOLVE_APPLIED, RESOLVE_ROLLED_BACK };

struct effect dialog_resolve_open(struct model *m)
{
    const struct snap_half *half = listing_half(m->snap->listing, m->want.file);
    struct effect fx = { .what = FX_PLAN, .flush = true };
    if (!half)
        half = &m->snap->listing->half[0];
    dialog_open(m, DIALOG_RESOLVE, STAGE_WAITING);
    text_copy(m->dialog.file, sizeof m->dialog.file, half->file);
    text_copy(fx.file, sizeof fx.file, half->file);
    fx.job = m->dialog.job = ++m->jobs;
    return fx;
}

/* The last statement at which it may go on: none that was never started is passed over. */
static unsigned last_from(const struct preview *plan)
{
    unsigned next = (unsigned)(plan->half->started > 0 ? plan->half->started : 0) + 1;
    if (!plan->half->same || !plan->items[0].outside)
        return 1;
    return next < plan->items[0].statements ? next : plan->items[0].statements;
}

void dialog_resolve_answered(struct model *m, struct plan_answer *answer)
{
    struct dialog *d = &m->dialog;
    char message[480];
    if (!answer->preview) {
        text_visible(message, sizeof message, answer->error.message);
        dialog_tell(m, &answer->error, "%s", message);
        return;
    }
    d->plan = answer->preview;
    answer->preview = NULL;
    d->stage = STAGE_ASK;
    d->answered_us = m->wall_us;
    d->from = (unsigned)d->plan->half->done + 1;
    if (d->from > last_from(d->plan))
        d->from = 1;
}

bool dialog_resolve_seen(struct model *m)
{
    struct dialog *d = &m->dialog;
    const struct snap_half *now = listing_half(m->snap->listing, d->file);
    const struct preview_half *then = d->plan ? d->plan->half : NULL;
    if (d->stage != STAGE_ASK || !then)
        return false;
    if (m->snap->lock.row.locked)
        dialog_tell(m, NULL, "somebody has taken the lock; nothing was done");
    else if (!now)
        dialog_tell(m, NULL, "%s is half applied no longer: somebody has resolved it. Nothing was done", d->plan->items[0].label);
    else if (strcmp(now->process_id, then->process_id) != 0 || now->started != then->started || now->done != then->done)
        dialog_tell(m, NULL, "%s is half applied in another way than a moment ago: somebody has tried to end it. Nothing was done: look again", d->plan->items[0].label);
    return d->stage == STAGE_TOLD;
}

/* What confirms the chosen way; never what confirms another one. */
static void word_of(const struct dialog *d, char to[NUMBER])
{
    if (d->way == RESOLVE_RERUN)
        snprintf(to, NUMBER, "%u", d->from);
    else
        snprintf(to, NUMBER, "%s", d->way == RESOLVE_APPLIED ? "applied" : "rolled-back");
}

static void choose(struct dialog *d, int step)
{
    int at = step > 0 ? -1 : WAYS;
    for (int i = 0; i < WAYS; i++)
        if (ways[i] == d->way)
            at = i;
    d->way = ways[(at + step + WAYS) % WAYS];
    d->typed[0] = '\0';
}

static struct effect resolve(struct model *m)
{
    char why[512];
    if (action_allowed(m, action_for('w'), why, sizeof why))
        return own_run_start(m);
    dialog_tell(m, NULL, "not started: %s", why);
    return (struct effect){ .flush = true };
}

static struct effect key(struct model *m, int key)
{
    struct dialog *d = &m->dialog;
    char word[NUMBER];
    if (d->stage != STAGE_ASK)
        return (struct effect){ .what = FX_NONE };
    if (key == UK_TAB || key == UK_BACK_TAB) {
        choose(d, key == UK_TAB ? 1 : -1);
    } else if (d->way == RESOLVE_RERUN && (key == '+' || key == '-')) {
        unsigned to = key == '+' ? d->from + 1 : d->from - 1;
        if (to >= 1 && to <= last_from(d->plan))
            d->from = to;
        d->typed[0] = '\0';
    } else if (d->way != RESOLVE_NONE) {
        word_of(d, word);
        dialog_type(d, key, strlen(word));
        if (strcmp(d->typed, word) == 0)
            return resolve(m);
    }
    return (struct effect){ .what = FX_NONE };
}

static void title(const struct model *m, char *to, size_t size)
{
    char where[160], label[40];
    dialog_place(m, 28, where, sizeof where);
    words_label(m->dialog.file, label, sizeof label);
    snprintf(to, size, "Resolve %s (HALF APPLIED) on %s", label, where);
}

static void fill_statements(const struct preview *plan, struct sheet *body)
{
    const struct preview_item *item = &plan->items[0];
    const struct preview_half *half = plan->half;
    for (unsigned i = 0; i < item->sql_count; i++) {
        bool unsure = half->same && (int)i >= half->done && (int)i < half->started;
        const char *state = !half->same ? "?" : (int)i < half->done ? "done" : unsure ? "may have run" : "not run";
        char left[2200];
        int most = body->width - draw_columns(state) - 1;
        snprintf(left, sizeof left, "%s%3u  %s", unsure ? "▸" : " ", i + 1, item->sql[i]);
        if (draw_columns(left) > most)
            snprintf(left + draw_fit(left, most - 1), sizeof left - draw_fit(left, most - 1), "…");
        sheet_pair(body, unsure ? STYLE_BOLD : STYLE_NORMAL, left, unsure ? STYLE_WARN : STYLE_NORMAL, state);
    }
    if (item->sql_count < item->statements)
        sheet_line(body, STYLE_DIM, "      and %u more statements", item->statements - item->sql_count);
}

static void fill_invalid(const char *name, size_t len, struct sheet *body)
{
    char line[900];
    snprintf(line, sizeof line, "Invalid index: %.*s. A build that did not end leaves one: drop it before its statement runs again.", (int)len, name);
    sheet_wrap(body, STYLE_WARN, 0, line);
}

/* A person who has dropped it must not read that it is there: a newer look knows better. */
static void fill_all_invalid(const struct model *m, struct sheet *body)
{
    const struct dialog *d = &m->dialog;
    const struct preview_half *half = d->plan->half;
    bool newer = m->snap->listing_wall_us > d->answered_us;
    for (int i = 0; !newer && i < half->invalid_count; i++)
        fill_invalid(half->invalid[i], strlen(half->invalid[i]), body);
    for (const char *at = newer ? m->snap->listing->invalid : NULL; at && *at; at += strcspn(at, "\n"), at += *at == '\n')
        fill_invalid(at, strcspn(at, "\n"), body);
}

/* The statements first: they are what a person must compare with the database. */
static void fill_known(const struct model *m, struct sheet *body)
{
    const struct preview *plan = m->dialog.plan;
    const struct preview_half *half = plan->half;
    char line[900], when[40];
    fill_statements(plan, body);
    if (!half->same)
        sheet_wrap(body, STYLE_BAD, 0, "The file was changed before the statement that was started last: which of these ran is not known.");
    fill_all_invalid(m, body);
    words_when(half->started_at, true, when, sizeof when);
    snprintf(line, sizeof line, "%s%.300s, left so by %s, %s,", half->back ? "The rollback section of " : "", plan->items[0].shown, half->command, when);
    sheet_wrap(body, STYLE_DIM, 0, line);
    sheet_line(body, STYLE_DIM, "process ID %s", half->process_id);
}

/* One way: "[x] go on at statement 2". */
static void fill_way(const struct dialog *d, struct sheet *foot, enum plan_resolve way, const char *words)
{
    char line[320];
    snprintf(line, sizeof line, "[%c] %s", d->way == way ? 'x' : ' ', words);
    sheet_wrap(foot, d->way == way ? STYLE_BOLD : STYLE_NORMAL, 4, line);
}

/* What a person must know before it goes on there. */
static void from_words(const struct dialog *d, char *to, size_t size)
{
    const struct preview_half *half = d->plan->half;
    unsigned done = (unsigned)half->done, started = half->started > 0 ? (unsigned)half->started : 0;
    if (d->from == 1)
        snprintf(to, size, "run it anew from statement 1: you have undone all of it by hand");
    else if (d->from <= done)
        snprintf(to, size, "go on at statement %u: you have undone by hand what ran from there on", d->from);
    else if (d->from > done + 1)
        snprintf(to, size, "go on at statement %u: you have seen that statement %u is done", d->from, d->from - 1);
    else
        snprintf(to, size, "go on at statement %u: %s", d->from, d->from <= started ? "you have seen that it left nothing behind" : "it and those after it run");
}

static void fill_ways(const struct dialog *d, struct sheet *foot)
{
    bool back = d->plan->half->back;
    char line[300];
    from_words(d, line, sizeof line);
    fill_way(d, foot, RESOLVE_RERUN, line);
    fill_way(d, foot, RESOLVE_APPLIED, back ? "mark as applied: you have put all of it back by hand; nothing runs" : "mark as applied: you have done the rest by hand; nothing runs");
    fill_way(d, foot, RESOLVE_ROLLED_BACK, back ? "mark as rolled back: you have undone the rest by hand; nothing runs" : "mark as rolled back: you have undone all of it by hand; nothing runs");
}

static void fill_foot(const struct dialog *d, struct sheet *foot)
{
    char word[NUMBER], question[120];
    fill_ways(d, foot);
    sheet_line(foot, STYLE_NORMAL, " ");
    if (d->way == RESOLVE_NONE) {
        sheet_line(foot, STYLE_BOLD, "       [ Esc  leave it ]       Tab  choose a way");
        return;
    }
    word_of(d, word);
    snprintf(question, sizeof question, d->way == RESOLVE_RERUN ? "Type the number of that statement (%s):" : "If that is so, type the word %s:", word);
    dialog_fill_input(d, foot, question, strlen(word));
}

static void fill(const struct model *m, struct sheet *body, struct sheet *foot)
{
    const struct dialog *d = &m->dialog;
    if (d->stage == STAGE_TOLD) {
        dialog_fill_told(m, body);
        return;
    }
    if (d->stage == STAGE_WAITING || !d->plan) {
        sheet_line(body, STYLE_NORMAL, "looking at its statements …");
        return;
    }
    fill_known(m, body);
    fill_foot(d, foot);
}

static void footer(const struct model *m, char *to, size_t size)
{
    const struct dialog *d = &m->dialog;
    bool asks = d->stage == STAGE_ASK, moves = asks && d->way == RESOLVE_RERUN && last_from(d->plan) > 1;
    snprintf(to, size, "%s%s%sEsc leave it", asks ? "Tab choose a way   " : "", moves ? "+ - another statement   " : "", asks ? "Up Down scroll   " : "");
}

const struct dialog_ops dialog_resolve = { .width = 76, .whole = true, .typed = true, .title = title, .key = key, .fill = fill, .footer = footer };
