/* dialog_rehearse.c: a rehearsal of what an upgrade would run: says what it will hold, runs it where nothing of it stays, shows what each statement did and whether each rollback undoes its upgrade. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "action.h"
#include "dialog.h"
#include "keys.h"
#include "text.h"
#include "words.h"

void dialog_rehearse_open(struct model *m)
{
    struct preview *plan = m->dialog.plan;
    int count = m->dialog.count;
    m->dialog.plan = NULL;
    dialog_open(m, DIALOG_REHEARSE, STAGE_ASK);
    m->dialog.plan = plan;
    m->dialog.count = count;
}

static struct effect start(struct model *m)
{
    struct dialog *d = &m->dialog;
    d->stage = STAGE_WAITING;
    d->scroll = 0;
    d->job = ++m->jobs;
    m->rehearsing = true;
    return (struct effect){ .what = FX_REHEARSE, .flush = true, .job = d->job, .direction = PLAN_UPGRADE, .count = d->count };
}

static bool has_faults(const struct dialog *d)
{
    return d->stage == STAGE_TOLD && d->rehearsal && d->rehearsal->outcome == REHEARSAL_FAULTS;
}

static struct effect key(struct model *m, int key)
{
    const struct action *upgrade = action_for('u');
    char why[512];
    /* Not y: who types ahead, and whose first r came before its plan, would confirm the upgrade. */
    if (m->dialog.stage == STAGE_ASK && key == 'r') {
        if (action_allowed(m, upgrade, why, sizeof why))
            return start(m);
        dialog_tell(m, NULL, "not started: %s", why);
        return (struct effect){ .flush = true };
    }
    if (m->dialog.stage == STAGE_TOLD && key == 'u') {
        if (action_allowed(m, upgrade, why, sizeof why))
            return action_upgrade_plan(m, m->dialog.count);
        model_say(m, true, "u: %s", why);
    }
    if (has_faults(&m->dialog) && (key == 'n' || key == 'N'))
        dialog_find_bad(m, key == 'n' ? 1 : -1);
    return (struct effect){ .what = FX_NONE };
}

bool dialog_rehearse_left(struct model *m, struct effect *fx)
{
    if (m->dialog.kind != DIALOG_REHEARSE || m->dialog.stage != STAGE_WAITING)
        return false;
    model_close_dialog(m);
    model_say(m, false, "the rehearsal is being stopped and rolled back");
    *fx = (struct effect){ .what = FX_CANCEL_OWN, .signal = -1, .flush = true };
    return true;
}

void dialog_rehearse_note(struct model *m, const struct engine_note *note)
{
    struct dialog *d = &m->dialog;
    char file[400];
    if (d->kind != DIALOG_REHEARSE || d->stage != STAGE_WAITING)
        return;
    text_visible(file, sizeof file, note->file);
    if (note->kind == EV_MIGRATION_STARTED || note->kind == EV_STATEMENT_DONE)
        snprintf(d->told, sizeof d->told, "%s%s, %u of %u statements done", note->direction == PLAN_ROLLBACK ? "rollback part of " : "", file, note->kind == EV_STATEMENT_DONE ? note->statement : 0, note->statements);
}

void dialog_rehearse_answered(struct model *m, struct rehearse_answer *answer)
{
    struct dialog *d = &m->dialog;
    char message[480];
    m->rehearsing = false;
    if (d->kind != DIALOG_REHEARSE || d->stage != STAGE_WAITING || d->job != answer->job)
        return;
    d->rehearsal = answer->rehearsal;
    answer->rehearsal = NULL;
    text_visible(message, sizeof message, answer->error.message);
    if (d->rehearsal && d->rehearsal->count > 0)
        dialog_tell(m, answer->exit_code ? &answer->error : NULL, "%s", message);
    else
        dialog_tell(m, answer->exit_code ? &answer->error : NULL, "%s", message[0] ? message : "there is nothing to rehearse");
}

static void title(const struct model *m, char *to, size_t size)
{
    char where[160];
    size_t count = m->dialog.plan ? m->dialog.plan->count : 0;
    dialog_place(m, 28, where, sizeof where);
    snprintf(to, size, "Rehearse on %s: %zu migration%s", where, count, words_plural(count));
}

static void took(double ms, char *to, size_t size)
{
    if (ms < 1000)
        snprintf(to, size, "%.0f ms", ms);
    else
        snprintf(to, size, "%.1f s", ms / 1000);
}

static void add_effect(void *user, const char *line)
{
    char text[700];
    snprintf(text, sizeof text, "       %s", line);
    sheet_wrap(user, STYLE_DIM, 9, text);
}

static void fill_part(struct sheet *body, const struct rehearsal_part *part)
{
    for (size_t i = 0; i < part->count; i++) {
        const struct rehearsal_statement *s = &part->statements[i];
        char left[200], right[80], time[40];
        took(s->ms, time, sizeof time);
        snprintf(left, sizeof left, "  %3zu  %s", i + 1, s->words);
        if (s->rows >= 0)
            snprintf(right, sizeof right, "%lld row%s, %s", (long long)s->rows, words_plural((size_t)s->rows), time);
        else
            snprintf(right, sizeof right, "%s", time);
        if (draw_columns(left) + draw_columns(right) + 1 > body->width)
            left[draw_fit(left, body->width - draw_columns(right) - 1)] = '\0';
        sheet_pair(body, s->failed ? STYLE_BAD : STYLE_NORMAL, left, STYLE_DIM, s->failed ? "FAILED" : right);
        rehearsal_effect_words(s, false, add_effect, body);
    }
    if (part->error)
        dialog_fill_error(body, part->error);
}

/* What the rollback part came to, in one line; what remains below it. */
static void fill_back(struct sheet *body, const struct rehearsal_migration *m)
{
    bool bad = rehearsal_not_undone(m) || m->down.end == REHEARSAL_FAILED;
    const char *said = m->down.end == REHEARSAL_FAILED       ? "rollback part: it FAILS"
                       : m->down.end == REHEARSAL_OUTSIDE    ? "rollback part: outside a transaction, not rehearsed"
                       : m->down.end == REHEARSAL_NOT_REACHED ? "rollback part: not reached"
                       : m->down.end == REHEARSAL_NONE       ? "rollback part: there is none"
                       : bad                                 ? "rollback part: it does NOT undo the upgrade:"
                       : m->compared                         ? "rollback part: undoes all of it"
                                                             : "rollback part: ran, the schema could not be compared";
    if (m->down.end == REHEARSAL_NONE && m->type != MIGRATION_VERSIONED)
        return;
    sheet_line(body, bad ? STYLE_BAD : m->down.end == REHEARSAL_GOOD && m->compared ? STYLE_GOOD : STYLE_DIM, "     %s", said);
    for (size_t i = 0; i < m->difference_count; i++) {
        char words[500], line[520];
        rehearsal_difference_words(&m->differences[i], words, sizeof words);
        snprintf(line, sizeof line, "       %s", words);
        sheet_wrap(body, m->differences[i].slight ? STYLE_DIM : STYLE_BAD, 9, line);
    }
    if (m->down.error)
        dialog_fill_error(body, m->down.error);
}

static void fill_migration(struct sheet *body, const struct rehearsal_migration *m)
{
    static const char *const ends[] = { [REHEARSAL_NOT_REACHED] = "not reached", [REHEARSAL_GOOD] = "ran", [REHEARSAL_FAILED] = "FAILED", [REHEARSAL_OUTSIDE] = "outside a transaction, not rehearsed", [REHEARSAL_NONE] = "nothing to run" };
    char file[512], right[120], time[40];
    text_visible(file, sizeof file, m->file);
    took(m->up.ms, time, sizeof time);
    snprintf(right, sizeof right, "%s%s%s", ends[m->up.end], m->up.end == REHEARSAL_GOOD ? " in " : "", m->up.end == REHEARSAL_GOOD ? time : "");
    sheet_pair(body, STYLE_BOLD, file, m->up.end == REHEARSAL_FAILED ? STYLE_BAD : STYLE_NORMAL, right);
    fill_part(body, &m->up);
    fill_back(body, m);
    if (m->note[0])
        sheet_wrap(body, STYLE_WARN, 5, m->note);
}

static void fill_ask(const struct model *m, struct sheet *body, struct sheet *foot)
{
    const struct preview *plan = m->dialog.plan;
    bool sessions = m->snap && m->snap->sessions;
    for (size_t i = 0; plan && i < plan->count; i++)
        sheet_line(body, plan->items[i].outside ? STYLE_DIM : STYLE_NORMAL, "%-4s %s%s", plan->items[i].label, plan->items[i].description, plan->items[i].outside ? "  (no-txn: can't be rehearsed)" : "");
    if (sessions)
        sheet_wrap(foot, STYLE_WARN, 0, "It runs them, and each rollback part, in ONE transaction of this database, and rolls all back. What they lock stays locked until then; it ends at once when somebody else waits behind it for longer than the lock timeout (2 s where none is set).");
    else
        sheet_wrap(foot, STYLE_NORMAL, 0, "It runs them, and each rollback part, on a copy of the file. The file itself is not touched.");
    sheet_line(foot, STYLE_NORMAL, " ");
    sheet_line(foot, STYLE_BOLD, "       [ Esc  leave it ]       r  rehearse");
}

/* The sentence on a rehearsal without faults: of rollback parts only those that there are. */
static void fill_good(const struct rehearsal *r, struct sheet *foot)
{
    size_t undone = 0, bare = 0;
    for (size_t i = 0; i < r->count; i++) {
        undone += r->migrations[i].compared;
        bare += r->migrations[i].type == MIGRATION_VERSIONED && r->migrations[i].down.end == REHEARSAL_NONE;
    }
    sheet_wrap(foot, STYLE_GOOD, 0, undone > 0 ? "All that can be rehearsed ran, and each rollback part undoes its upgrade." : "All that can be rehearsed ran.");
    if (bare > 0)
        sheet_line(foot, STYLE_WARN, bare == 1 ? "%zu file has no rollback part: it can't be rolled back." : "%zu files have no rollback part: they can't be rolled back.", bare);
}

/* What is wrong, the worst first; where it lies stands above, with the database's words. */
static void fill_faults(const struct rehearsal *r, struct sheet *foot)
{
    const char *up = NULL, *down = NULL, *left = NULL;
    size_t count = 0;
    char line[640];
    for (size_t i = 0; i < r->count; i++) {
        const struct rehearsal_migration *m = &r->migrations[i];
        up = !up && m->up.end == REHEARSAL_FAILED ? m->file : up;
        down = !down && m->down.end == REHEARSAL_FAILED ? m->file : down;
        left = !left && rehearsal_not_undone(m) ? m->file : left;
        count += rehearsal_not_undone(m);
    }
    if (up) {
        snprintf(line, sizeof line, "%s fails: an upgrade would stop there.", up);
        sheet_wrap(foot, STYLE_BAD, 0, line);
    }
    if (down) {
        snprintf(line, sizeof line, "The rollback part of %s fails.", down);
        sheet_wrap(foot, STYLE_BAD, 0, line);
    }
    if (count > 0) {
        if (count == 1)
            snprintf(line, sizeof line, "The rollback of %s does not undo its upgrade.", left);
        else
            snprintf(line, sizeof line, "The rollbacks of %zu files do not undo their upgrades.", count);
        sheet_wrap(foot, STYLE_BAD, 0, line);
    }
}

static void fill_told(const struct model *m, struct sheet *body, struct sheet *foot)
{
    const struct dialog *d = &m->dialog;
    const struct rehearsal *r = d->rehearsal;
    char time[40];
    if (!r || r->count == 0) {
        dialog_fill_told(m, body);
        return;
    }
    for (size_t i = 0; i < r->count; i++)
        fill_migration(body, &r->migrations[i]);
    if (r->outcome == REHEARSAL_OK)
        fill_good(r, foot);
    else if (r->outcome == REHEARSAL_FAULTS)
        fill_faults(r, foot);
    else
        sheet_wrap(foot, STYLE_BAD, 0, d->told);
    took(r->ms, time, sizeof time);
    sheet_line(foot, STYLE_NORMAL, r->rolled_back ? "Nothing of it stays. It took %s%s." : "It took %s%s; that all of it is rolled back is not known.", time, r->copy ? ", on a copy" : "");
    sheet_line(foot, STYLE_BOLD, has_faults(d) ? "       [ Esc  leave it ]       n N  faults       u  to the plan" : "       [ Esc  leave it ]       u  to the plan");
}

static void fill(const struct model *m, struct sheet *body, struct sheet *foot)
{
    if (m->dialog.stage == STAGE_ASK) {
        fill_ask(m, body, foot);
    } else if (m->dialog.stage == STAGE_TOLD) {
        fill_told(m, body, foot);
    } else {
        sheet_line(body, STYLE_NORMAL, "rehearsing …");
        sheet_wrap(body, STYLE_NORMAL, 0, m->dialog.told);
        sheet_line(foot, STYLE_BOLD, "       [ Esc  stop it: all is rolled back ]");
    }
}

static void footer(const struct model *m, char *to, size_t size)
{
    const struct dialog *d = &m->dialog;
    if (d->stage == STAGE_ASK)
        snprintf(to, size, "r rehearse   j k scroll   Esc leave it");
    else if (d->stage == STAGE_WAITING)
        snprintf(to, size, "Esc stop it");
    else
        snprintf(to, size, "%s%sj k scroll   Esc leave it", d->rehearsal ? "u to the plan   " : "", has_faults(d) ? "n N faults   " : "");
}

const struct dialog_ops dialog_rehearse = { .width = 74, .title = title, .key = key, .fill = fill, .footer = footer };
