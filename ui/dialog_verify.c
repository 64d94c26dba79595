/* dialog_verify.c: v: how files and history agree, what is half applied, and the keys and commands that help. It changes nothing itself. */
#include <stdio.h>
#include <string.h>

#include "action.h"
#include "dialog.h"
#include "words.h"

static void title(const struct model *m, char *to, size_t size)
{
    char where[160];
    dialog_place(m, 40, where, sizeof where);
    snprintf(to, size, "Verify %s", where);
}

/* Adds one finding: what is wrong with which file. */
static void add(struct sheet *body, const char *label, const char *file, const char *words)
{
    char line[900];
    snprintf(line, sizeof line, "%-5s %s: %s", label, file, words);
    sheet_wrap(body, STYLE_BAD, 6, line);
}

static size_t fill_applied(const struct listing *l, struct sheet *body, size_t counts[APPLIED_UNREADABLE + 1])
{
    static const char *const words[] = { "", "the file was changed after it was applied", "the file is missing", "the file can't be read" };
    size_t bad = 0;
    for (size_t i = 0; i < l->applied_count; i++) {
        const struct snap_applied *a = &l->applied[i];
        counts[a->state]++;
        if (a->state == APPLIED_OK)
            continue;
        add(body, a->label, a->file, words[a->state]);
        bad++;
    }
    return bad;
}

static size_t fill_half(const struct listing *l, struct sheet *body)
{
    char known[120], words[200];
    for (size_t i = 0; i < l->half_count; i++) {
        const struct snap_half *half = &l->half[i];
        words_half(half, known, sizeof known);
        snprintf(words, sizeof words, "HALF APPLIED%s, %s", half->back ? " in its rollback" : "", known);
        add(body, half->label, half->shown, words);
    }
    for (const char *at = l->invalid; at && *at; at += strcspn(at, "\n"), at += *at == '\n') {
        char line[400];
        snprintf(line, sizeof line, "      invalid index: %.*s", (int)strcspn(at, "\n"), at);
        sheet_wrap(body, STYLE_BAD, 6, line);
    }
    return l->half_count;
}

static void fill_help(const struct listing *l, struct sheet *body, const size_t counts[APPLIED_UNREADABLE + 1])
{
    if (l->half_count) {
        sheet_wrap(body, STYLE_NORMAL, 2, "Half applied: it runs outside a transaction and was not ended. Nothing can start before it is resolved: w shows its statements and the three ways out (jetbase resolve).");
        sheet_line(body, STYLE_NORMAL, " ");
    }
    if (counts[APPLIED_CHANGED]) {
        sheet_wrap(body, STYLE_NORMAL, 2, "Changed: put the file back as it was, or, where the change is meant and needs no SQL, f records its checksum: jetbase fix-checksums.");
        sheet_line(body, STYLE_NORMAL, " ");
    }
    if (counts[APPLIED_MISSING]) {
        sheet_wrap(body, STYLE_NORMAL, 2, "Missing: put the file back, or, where it is gone for good, m takes its row out of the history: jetbase fix-files.");
        sheet_line(body, STYLE_NORMAL, " ");
    }
}

static const char mending[] = { 'w', 'f', 'm', 'F' };

/* What is found wrong is mended under the lock: where somebody has it, the way there begins with it. */
static bool lock_is_in_the_way(const struct model *m)
{
    const struct listing *l = m->snap->listing;
    return m->snap->lock.row.locked && (l->half_count || l->disagree[0]);
}

/* The keys that would help; those that are off now in parentheses, with why. */
static void fill_keys(const struct model *m, struct sheet *foot, const size_t counts[APPLIED_UNREADABLE + 1])
{
    const size_t found[] = { m->snap->listing->half_count, counts[APPLIED_CHANGED], counts[APPLIED_MISSING], lock_is_in_the_way(m) };
    char line[300] = "", why[512], words[100], shown[110];
    bool any = false;
    for (size_t i = 0; i < sizeof mending / sizeof mending[0]; i++) {
        const struct action *action = action_for(mending[i]);
        bool allowed = action_allowed(m, action, why, sizeof why);
        if (!found[i])
            continue;
        if (!allowed && m->read_only) {
            model_read_only_words(m, words, sizeof words);
            snprintf(why, sizeof why, "off: %s", words);
        }
        if (!allowed && !(m->read_only && any))
            sheet_wrap(foot, STYLE_DIM, 0, why);
        any = true;
        action_footer_words(m, action, words, sizeof words);
        snprintf(shown, sizeof shown, allowed || m->read_only ? "   %s" : "   (%s)", words);
        strncat(line, shown, sizeof line - strlen(line) - 1);
    }
    if (draw_columns(line) + 24 <= foot->width) {
        sheet_line(foot, STYLE_BOLD, "       [ Esc  leave it ]%s", line);
        return;
    }
    sheet_line(foot, STYLE_BOLD, "    %s", line);
    sheet_line(foot, STYLE_BOLD, "       [ Esc  leave it ]");
}

static void fill(const struct model *m, struct sheet *body, struct sheet *foot)
{
    const struct listing *l = m->snap->listing;
    size_t counts[APPLIED_UNREADABLE + 1] = { 0 }, bad = 0;
    char clock[40];
    if (l->fault.code != ERR_NONE) {
        dialog_fill_error(body, &l->fault);
        bad++;
    } else {
        bad = fill_half(l, body) + fill_applied(l, body, counts);
        for (size_t i = 0; i < l->pending_count; i++)
            if (l->pending[i].fault[0]) {
                add(body, l->pending[i].label, l->pending[i].shown, l->pending[i].fault);
                bad++;
            }
        if (l->disagree[0] && !counts[APPLIED_CHANGED] && !counts[APPLIED_MISSING]) {
            sheet_wrap(body, STYLE_BAD, 0, l->disagree);
            bad++;
        }
    }
    if (bad == 0)
        sheet_wrap(body, STYLE_GOOD, 0, "Every applied file is there with the checksum that was recorded, and every pending one can be read.");
    else
        sheet_line(body, STYLE_NORMAL, " ");
    fill_help(l, body, counts);
    words_clock(m->snap->listing_wall_us, false, clock, sizeof clock);
    sheet_line(foot, STYLE_DIM, "%zu applied, %zu pending; history and files as of %s", l->applied_count, l->pending_count, clock);
    fill_keys(m, foot, counts);
}

static struct effect key(struct model *m, int key)
{
    const struct action *action = action_for(key);
    char why[512];
    if (!action || (action->id != ACT_RESOLVE && action->id != ACT_FIX_CHECKSUMS && action->id != ACT_FIX_FILES && (action->id != ACT_UNLOCK || !lock_is_in_the_way(m))))
        return (struct effect){ .what = FX_NONE };
    /* Why not stands above the keys already. */
    return action_allowed(m, action, why, sizeof why) ? action_do(m, action, key) : (struct effect){ .what = FX_NONE };
}

static void footer(const struct model *m, char *to, size_t size)
{
    size_t used = 0;
    char why[512], words[100];
    to[0] = '\0';
    for (size_t i = 0; i < sizeof mending / sizeof mending[0]; i++) {
        const struct action *action = action_for(mending[i]);
        if (!action_allowed(m, action, why, sizeof why) || (action->id == ACT_UNLOCK && !lock_is_in_the_way(m)))
            continue;
        action_footer_words(m, action, words, sizeof words);
        used += (size_t)snprintf(to + used, used < size ? size - used : 0, "%s   ", words);
    }
    snprintf(to + used, used < size ? size - used : 0, "j k scroll   Esc leave it");
}

const struct dialog_ops dialog_verify = { .width = 72, .title = title, .key = key, .fill = fill, .footer = footer };
