/* dialog_verify.c: v: how files and history agree, and the commands that help. It changes nothing. */
#include <stdio.h>

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

static void fill_help(struct sheet *body, const size_t counts[APPLIED_UNREADABLE + 1])
{
    if (counts[APPLIED_CHANGED]) {
        sheet_wrap(body, STYLE_NORMAL, 2, "Changed: put the file back as it was, or, where the change is meant and needs no SQL, record the new checksum: jetbase fix-checksums.");
        sheet_line(body, STYLE_NORMAL, " ");
    }
    if (counts[APPLIED_MISSING]) {
        sheet_wrap(body, STYLE_NORMAL, 2, "Missing: put the file back, or, where it is gone for good, take its row out of the history: jetbase fix-files.");
        sheet_line(body, STYLE_NORMAL, " ");
    }
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
        bad = fill_applied(l, body, counts);
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
    fill_help(body, counts);
    words_clock(m->snap->listing_wall_us, false, clock, sizeof clock);
    sheet_line(foot, STYLE_DIM, "%zu applied, %zu pending; history and files as of %s", l->applied_count, l->pending_count, clock);
    sheet_line(foot, STYLE_BOLD, "       [ Esc  leave it ]");
}

static void footer(const struct model *m, char *to, size_t size)
{
    (void)m;
    snprintf(to, size, "j k scroll   Esc leave it");
}

const struct dialog_ops dialog_verify = { .width = 72, .title = title, .fill = fill, .footer = footer };
