/* dialog_baseline.c: b: which files a baseline would record as applied without running them; confirmed by typing the version, as what is said then is not looked at in the schema. */
#include <stdio.h>
#include <string.h>

#include "action.h"
#include "chosen.h"
#include "dialog.h"
#include "keys.h"
#include "own_run.h"
#include "text.h"
#include "words.h"

struct effect dialog_baseline_open(struct model *m)
{
    struct effect fx = { .what = FX_FIND, .flush = true, .parts = PARTS_BASELINE };
    char version[sizeof m->dialog.to_version];
    text_copy(version, sizeof version, chosen_pending(m)->label + 1); /* behind the V */
    dialog_open(m, DIALOG_BASELINE, STAGE_WAITING);
    fx.job = m->dialog.job = ++m->jobs;
    m->dialog.parts = PARTS_BASELINE;
    text_copy(m->dialog.to_version, sizeof m->dialog.to_version, version);
    text_copy(fx.to_version, sizeof fx.to_version, version);
    return fx;
}

/* As many characters as the longest pending version has: whoever means V150 must not have typed the V1 that was chosen by then. */
static size_t most(const struct model *m)
{
    size_t longest = strlen(m->dialog.to_version);
    for (size_t i = 0; i < m->snap->listing->pending_count; i++) {
        size_t len = strlen(m->snap->listing->pending[i].label);
        if (m->snap->listing->pending[i].type == MIGRATION_VERSIONED && len > longest + 1 && len <= sizeof m->dialog.typed)
            longest = len - 1;
    }
    return longest;
}

static bool is_typed(const struct dialog *d)
{
    return strcmp(d->typed, d->to_version) == 0;
}

static struct effect key(struct model *m, int key)
{
    struct dialog *d = &m->dialog;
    char why[512];
    if (d->stage != STAGE_ASK || strlen(d->to_version) >= sizeof d->typed)
        return (struct effect){ .what = FX_NONE };
    if (key != UK_ENTER || !is_typed(d)) {
        dialog_type(d, key, most(m));
        return (struct effect){ .what = FX_NONE };
    }
    if (action_allowed(m, action_for('b'), why, sizeof why))
        return own_run_start(m);
    dialog_tell(m, NULL, "not started: %s", why);
    return (struct effect){ .flush = true };
}

static void title(const struct model *m, char *to, size_t size)
{
    char where[160], version[80];
    dialog_place(m, 34, where, sizeof where);
    text_visible(version, sizeof version, m->dialog.to_version);
    snprintf(to, size, "Baseline %s on %s", version, where);
}

static void fill(const struct model *m, struct sheet *body, struct sheet *foot)
{
    const struct dialog *d = &m->dialog;
    size_t count = d->repair.baseline_count;
    char question[160], version[80];
    if (d->stage == STAGE_TOLD) {
        dialog_fill_told(m, body);
        return;
    }
    if (d->stage == STAGE_WAITING) {
        sheet_line(body, STYLE_NORMAL, "comparing history and files …");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        char left[600];
        snprintf(left, sizeof left, "V%-4.60s %.500s", d->repair.baseline[i].version, d->repair.baseline[i].description);
        sheet_line(body, STYLE_NORMAL, "%s", left);
    }
    sheet_wrap(foot, STYLE_WARN, 0, count == 1 ? "This file is recorded as applied, and NOT run: whether the schema has what it makes is not looked at. Only for a schema that is there already."
                                              : "These files are recorded as applied, and NONE is run: whether the schema has what they make is not looked at. Only for a schema that is there already.");
    sheet_wrap(foot, STYLE_NORMAL, 0, "All in one transaction. If anything differs by then, nothing is recorded.");
    sheet_line(foot, STYLE_NORMAL, " ");
    text_visible(version, sizeof version, d->to_version);
    snprintf(question, sizeof question, "Type the version that the schema is at (%s):", version);
    if (is_typed(d)) {
        sheet_line(foot, STYLE_BOLD, "%s  [%-*s]", question, (int)most(m), d->typed);
        sheet_line(foot, STYLE_NORMAL, "Enter records them.");
    } else {
        dialog_fill_input(d, foot, question, most(m));
    }
}

static void footer(const struct model *m, char *to, size_t size)
{
    bool asks = m->dialog.stage == STAGE_ASK;
    snprintf(to, size, "%s%sEsc leave it", asks && is_typed(&m->dialog) ? "Enter record   " : "", asks ? "Up Down scroll   " : "");
}

const struct dialog_ops dialog_baseline = { .width = 70, .typed = true, .title = title, .key = key, .fill = fill, .footer = footer };
