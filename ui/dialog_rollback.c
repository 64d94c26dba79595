/* dialog_rollback.c: what a roll back would run and take along; confirmed by typing the lowest version that goes. */
#include <stdio.h>
#include <string.h>

#include "action.h"
#include "dialog.h"
#include "own_run.h"
#include "text.h"
#include "words.h"

static const char *lowest(const struct preview *plan)
{
    const char *version = plan->items[plan->count - 1].version;
    return version ? version : "";
}

static struct effect key(struct model *m, int key)
{
    struct dialog *d = &m->dialog;
    char why[512];
    if (d->stage != STAGE_ASK || strlen(lowest(d->plan)) >= sizeof d->typed || !lowest(d->plan)[0])
        return (struct effect){ .what = FX_NONE };
    dialog_type(d, key, strlen(lowest(d->plan)));
    if (strcmp(d->typed, lowest(d->plan)) != 0)
        return (struct effect){ .what = FX_NONE };
    if (action_allowed(m, action_for('r'), why, sizeof why)) /* R needs no more, once its plan stands */
        return own_run_start(m);
    dialog_tell(m, NULL, "not started: %s", why);
    return (struct effect){ .flush = true };
}

static void title(const struct model *m, char *to, size_t size)
{
    const struct preview *plan = m->dialog.plan;
    char where[160];
    dialog_place(m, 30, where, sizeof where);
    if (plan && plan->count)
        snprintf(to, size, "Roll back %zu migration%s on %s", plan->count, words_plural(plan->count), where);
    else
        snprintf(to, size, "Roll back on %s", where);
}

static void fill_item(struct sheet *body, const struct preview_item *item)
{
    for (unsigned i = 0; i < item->sql_count; i++) {
        char head[80];
        struct text line = { 0 };
        snprintf(head, sizeof head, "%-4.16s %-16.16s  ", i ? "" : item->label, i ? "" : item->description);
        text_puts(&line, head);
        text_puts(&line, item->sql[i]);
        text_puts(&line, ";");
        sheet_wrap(body, STYLE_NORMAL, 23, text_string(&line));
        text_free(&line);
    }
    if (item->sql_count < item->statements)
        sheet_line(body, STYLE_NORMAL, "%23sand %u more statements", "", item->statements - item->sql_count);
}

static void fill(const struct model *m, struct sheet *body, struct sheet *foot)
{
    const struct dialog *d = &m->dialog;
    const char *after;
    char text[400], question[160], version[80];
    if (d->stage == STAGE_TOLD) {
        dialog_fill_told(m, body);
        return;
    }
    if (d->stage == STAGE_WAITING || !d->plan) {
        sheet_line(body, STYLE_NORMAL, "making the plan …");
        return;
    }
    for (size_t i = 0; i < d->plan->count; i++)
        fill_item(body, &d->plan->items[i]);
    after = model_version_after(m, d->plan);
    snprintf(text, sizeof text, "%s%s%.60s: programs that need more will fail; dropped columns and tables take their data along.",
             d->plan->count > 1 ? "Newest first, each in a transaction of its own. " : "", after ? "Afterwards the database is at V" : "Afterwards no version is applied", after ? after : "");
    sheet_wrap(foot, STYLE_NORMAL, 0, text);
    sheet_line(foot, STYLE_NORMAL, " ");
    text_visible(version, sizeof version, lowest(d->plan));
    snprintf(question, sizeof question, "Type the lowest version that goes (%s):", version);
    dialog_fill_input(d, foot, question, strlen(lowest(d->plan)));
}

static void footer(const struct model *m, char *to, size_t size)
{
    snprintf(to, size, "%sEsc leave it", m->dialog.stage == STAGE_ASK ? "Up Down scroll   " : "");
}

const struct dialog_ops dialog_rollback = { .width = 66, .typed = true, .title = title, .key = key, .fill = fill, .footer = footer };
