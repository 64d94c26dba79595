/* dialog_fix.c: f and m: which rows of the history a repair would change, and how; y changes exactly those. */
#include <stdio.h>
#include <string.h>

#include "action.h"
#include "dialog.h"
#include "own_run.h"
#include "text.h"
#include "words.h"

struct effect dialog_fix_open(struct model *m, unsigned parts)
{
    dialog_open(m, DIALOG_FIX, STAGE_WAITING);
    m->dialog.job = ++m->jobs;
    m->dialog.parts = parts;
    return (struct effect){ .what = FX_FIND, .flush = true, .job = m->dialog.job, .parts = parts };
}

void dialog_fix_answered(struct model *m, struct found_answer *answer)
{
    struct dialog *d = &m->dialog;
    char message[480];
    if (!answer->ok) {
        text_visible(message, sizeof message, answer->error.message);
        dialog_tell(m, &answer->error, "%s", message);
        return;
    }
    repair_clear(&d->repair);
    d->repair = answer->repair;
    memset(&answer->repair, 0, sizeof answer->repair);
    d->stage = STAGE_ASK;
    if (repair_records(&d->repair) == 0)
        dialog_tell(m, NULL, d->kind == DIALOG_BASELINE ? "the history says this already: nothing is to be recorded" : "history and files agree in this: nothing is to be fixed");
}

static struct effect key(struct model *m, int key)
{
    struct dialog *d = &m->dialog;
    char why[512];
    if (d->stage != STAGE_ASK || key != 'y')
        return (struct effect){ .what = FX_NONE };
    if (action_allowed(m, action_for(d->parts == REPAIR_FILES ? 'm' : 'f'), why, sizeof why))
        return own_run_start(m);
    dialog_tell(m, NULL, "not started: %s", why);
    return (struct effect){ .flush = true };
}

static void title(const struct model *m, char *to, size_t size)
{
    char where[160];
    dialog_place(m, 34, where, sizeof where);
    snprintf(to, size, "%s on %s", m->dialog.parts == REPAIR_FILES ? "Take missing files out of the history" : "Record checksums anew", where);
}

/* Whole checksums: a person may want to compare them. */
static void fill_changed(struct sheet *body, const struct repair_changed *c)
{
    char line[900];
    snprintf(line, sizeof line, "V%.60s  %.600s%s", c->version, c->file, c->rows > 1 ? ":" : "");
    sheet_wrap(body, STYLE_BOLD, 6, line);
    if (c->rows > 1)
        sheet_line(body, STYLE_WARN, "  in all %lld rows of that version", (long long)c->rows);
    sheet_line(body, STYLE_NORMAL, "  was %s", c->recorded[0] ? c->recorded : "(none)");
    sheet_line(body, STYLE_NORMAL, "  new %s", c->actual);
}

static void fill_missing(struct sheet *body, const struct repair_missing *m)
{
    char line[900];
    snprintf(line, sizeof line, "%s%.60s  %.600s: %lld row%s deleted", m->version ? "V" : m->type == MIGRATION_RUNS_ALWAYS ? "RA" : "ROC", m->version ? m->version : "", m->file, (long long)m->rows, words_plural((uint64_t)m->rows));
    sheet_wrap(body, STYLE_BOLD, 6, line);
}

static void fill(const struct model *m, struct sheet *body, struct sheet *foot)
{
    const struct dialog *d = &m->dialog;
    if (d->stage == STAGE_TOLD) {
        dialog_fill_told(m, body);
        return;
    }
    if (d->stage == STAGE_WAITING) {
        sheet_line(body, STYLE_NORMAL, "comparing history and files …");
        return;
    }
    for (size_t i = 0; i < d->repair.missing_count; i++)
        fill_missing(body, &d->repair.missing[i]);
    for (size_t i = 0; i < d->repair.changed_count; i++)
        fill_changed(body, &d->repair.changed[i]);
    if (d->parts == REPAIR_FILES)
        sheet_wrap(foot, STYLE_WARN, 0, "Only rows of jetbase_migrations go: tables and data stay as they are, and nobody can roll these back from here any more.");
    else
        sheet_wrap(foot, STYLE_WARN, 0, "Only the checksums in jetbase_migrations change: no SQL of these files runs. What was changed in them is not in the database unless somebody put it there.");
    sheet_wrap(foot, STYLE_NORMAL, 0, "All in one transaction. If anything differs by then, nothing is changed.");
    sheet_line(foot, STYLE_NORMAL, " ");
    sheet_line(foot, STYLE_BOLD, d->parts == REPAIR_FILES ? "       [ Esc  leave it ]       y  delete these rows" : "       [ Esc  leave it ]       y  record these checksums");
}

static void footer(const struct model *m, char *to, size_t size)
{
    const struct dialog *d = &m->dialog;
    if (d->stage == STAGE_ASK)
        snprintf(to, size, "y %s   j k scroll   Esc leave it", d->parts == REPAIR_FILES ? "delete these rows" : "record these checksums");
    else
        snprintf(to, size, "Esc leave it");
}

const struct dialog_ops dialog_fix = { .width = 76, .title = title, .key = key, .fill = fill, .footer = footer };
