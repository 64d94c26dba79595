/* dialog_upgrade.c: the plan of an upgrade as it will run; y runs exactly that. */
#include <stdio.h>
#include <string.h>

#include "action.h"
#include "dialog.h"
#include "keys.h"
#include "own_run.h"
#include "text.h"
#include "words.h"

/* A roll back whose files could not all be rolled back is refused here, before anything starts. */
static const struct preview_item *without_sql(const struct preview *plan)
{
    for (size_t i = 0; plan->direction == PLAN_ROLLBACK && i < plan->count; i++)
        if (plan->items[i].statements == 0)
            return &plan->items[i];
    return NULL;
}

void dialog_plan_answered(struct model *m, struct plan_answer *answer)
{
    struct dialog *d = &m->dialog;
    const struct preview_item *bare;
    char message[480];
    if (!answer->preview) {
        text_visible(message, sizeof message, answer->error.message);
        dialog_tell(m, &answer->error, "%s", message);
        return;
    }
    d->plan = answer->preview;
    answer->preview = NULL;
    d->stage = STAGE_ASK;
    bare = without_sql(d->plan);
    if (d->plan->count == 0)
        dialog_tell(m, NULL, "there is nothing to do");
    else if (bare)
        dialog_tell(m, NULL, "%s has no rollback SQL: it cannot be rolled back. Nothing was done. A `-- rollback` section at the end of %s makes it possible.", bare->label, bare->shown);
}

/* A rehearsal takes the locks that the plan takes: so it is a change to whoever may change nothing. A take-over can't be rehearsed while the dead holder has the lock. */
static bool may_rehearse(const struct model *m)
{
    const struct dialog *d = &m->dialog;
    char why[512];
    return d->plan && d->plan->count > 0 && !d->take_over && action_allowed(m, action_for('u'), why, sizeof why);
}

static struct effect key(struct model *m, int key)
{
    struct dialog *d = &m->dialog;
    char why[512];
    if (d->stage != STAGE_ASK)
        return (struct effect){ .what = FX_NONE };
    if (key == UK_TAB) {
        d->statements = !d->statements;
        d->scroll = 0;
    }
    if (key == 'r' && may_rehearse(m)) {
        dialog_rehearse_open(m);
        return (struct effect){ .flush = true };
    }
    if (key != 'y' || d->dry)
        return (struct effect){ .what = FX_NONE };
    if (action_allowed(m, action_for(d->take_over ? 'T' : 'u'), why, sizeof why))
        return own_run_start(m);
    dialog_tell(m, NULL, "not started: %s", why);
    return (struct effect){ .flush = true };
}

bool dialog_take_over_seen(struct model *m)
{
    const struct lock_view *now = &m->snap->lock;
    if (m->dialog.stage == STAGE_TOLD)
        return false;
    if (now->row.locked && now->verdict == LOCK_DEAD && strcmp(now->row.process_id, m->dialog.lock.row.process_id) == 0)
        return false;
    dialog_tell(m, NULL, "the lock changed hands, nothing was done");
    return true;
}

static void title(const struct model *m, char *to, size_t size)
{
    const struct preview *plan = m->dialog.plan;
    const char *what = m->dialog.dry ? "Dry run: upgrade" : m->dialog.take_over ? "Take over and upgrade" : "Upgrade";
    char where[160];
    dialog_place(m, 28, where, sizeof where);
    if (plan && plan->count)
        snprintf(to, size, "%s %s: %zu migration%s", what, where, plan->count, words_plural(plan->count));
    else
        snprintf(to, size, "%s %s", what, where);
}

static void fill_item(struct sheet *body, const struct preview_item *item, bool statements)
{
    char left[400], right[80], how[170];
    snprintf(how, sizeof how, "     %s", item->how[0] ? item->how + 2 : "");
    snprintf(left, sizeof left, "%-4s %.300s", item->label, item->description);
    snprintf(right, sizeof right, "%s%s%u stmt%s", item->outside ? "no-txn, " : "", item->why == WHY_CHANGED ? "changed, " : item->why == WHY_ALWAYS ? "always, " : "", item->statements, words_plural(item->statements));
    if (draw_columns(left) + draw_columns(right) + 1 > body->width)
        left[draw_fit(left, body->width - draw_columns(right) - 1)] = '\0';
    sheet_pair(body, STYLE_NORMAL, left, STYLE_NORMAL, right);
    if (item->how[0])
        sheet_wrap(body, STYLE_WARN, 5, how);
    if (item->colons)
        sheet_wrap(body, STYLE_WARN, 5, "     its \\:word is sent as :word");
    for (unsigned i = 0; statements && i < item->sql_count; i++) {
        char number[32];
        struct text line = { 0 };
        snprintf(number, sizeof number, "  %3u  ", i + 1);
        text_puts(&line, number);
        text_puts(&line, item->sql[i]);
        sheet_wrap(body, STYLE_DIM, 7, text_string(&line));
        text_free(&line);
    }
    if (statements && item->sql_count < item->statements)
        sheet_line(body, STYLE_DIM, "       and %u more", item->statements - item->sql_count);
}

/* What would stop it, or is worth knowing before: above the files, where it can't be missed. */
static void fill_preflight(struct sheet *body, const struct preflight *preflight)
{
    bool any = false;
    for (size_t i = 0; i < preflight->count; i++) {
        const struct preflight_check *c = &preflight->checks[i];
        char line[700];
        if (c->state != PREFLIGHT_WARN && c->state != PREFLIGHT_BLOCKS)
            continue;
        snprintf(line, sizeof line, "%s: %s", c->state == PREFLIGHT_BLOCKS ? "BLOCKS" : "note", c->text);
        sheet_wrap(body, c->state == PREFLIGHT_BLOCKS ? STYLE_BAD : STYLE_WARN, 2, line);
        if (c->hint[0]) {
            snprintf(line, sizeof line, "  %s", c->hint);
            sheet_wrap(body, STYLE_DIM, 2, line);
        }
        any = true;
    }
    if (any)
        sheet_line(body, STYLE_NORMAL, " ");
}

static void fill_how(const struct preview *plan, struct sheet *foot)
{
    bool outside = false;
    for (size_t i = 0; i < plan->count; i++)
        outside = outside || plan->items[i].outside;
    sheet_line(foot, STYLE_NORMAL, "%zu file%s, %llu statement%s, in this order; each file in one", plan->count, words_plural(plan->count),
               (unsigned long long)plan->statements, words_plural(plan->statements));
    if (outside)
        sheet_wrap(foot, STYLE_WARN, 0, "transaction, but for no-txn: statement by statement, what ran stays. If the plan differs by then, nothing runs.");
    else
        sheet_line(foot, STYLE_NORMAL, "transaction. If the plan differs by then, nothing runs.");
}

static void fill(const struct model *m, struct sheet *body, struct sheet *foot)
{
    const struct dialog *d = &m->dialog;
    const struct preview *plan = d->plan;
    if (d->stage == STAGE_TOLD) {
        dialog_fill_told(m, body);
        return;
    }
    if (d->stage == STAGE_WAITING || !plan) {
        sheet_line(body, STYLE_NORMAL, "making the plan …");
        return;
    }
    fill_preflight(body, &plan->preflight);
    for (size_t i = 0; i < plan->count; i++)
        fill_item(body, &plan->items[i], d->statements);
    if (d->take_over) {
        char who[500], line[700];
        words_holder(&d->lock.row.run, who, sizeof who);
        snprintf(line, sizeof line, "The lock is taken over from %s, which is DEAD, only where the server proves it again.", who);
        sheet_wrap(foot, STYLE_WARN, 0, line);
    }
    fill_how(plan, foot);
    sheet_line(foot, STYLE_NORMAL, " ");
    sheet_line(foot, STYLE_BOLD, d->dry ? "       [ Esc  leave it ]       (a dry run: u upgrades)" : d->take_over ? "       [ Esc  leave it ]       y  take over and upgrade" : "       [ Esc  leave it ]       y  upgrade");
}

static void footer(const struct model *m, char *to, size_t size)
{
    const struct dialog *d = &m->dialog;
    if (d->stage == STAGE_ASK)
        snprintf(to, size, "%s%sTab %s   j k scroll   Esc leave it", d->dry ? "" : "y upgrade   ", may_rehearse(m) ? "r rehearse first   " : "", d->statements ? "files only" : "statements");
    else
        snprintf(to, size, "Esc leave it");
}

const struct dialog_ops dialog_upgrade = { .width = 66, .title = title, .key = key, .fill = fill, .footer = footer };
