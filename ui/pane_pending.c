/* pane_pending.c: what would run, in order, why, and what is wrong with it. */
#include <stdio.h>
#include <string.h>

#include "pane.h"
#include "words.h"

enum { RIGHT_LEAST = 14 }; /* "running 3 of 7" */

/* What stands at the end of a row while nothing runs. */
static enum style still_words(const struct snap_pending *p, char *to, size_t size)
{
    if (p->why == WHY_HALF) {
        snprintf(to, size, "HALF APPLIED");
        return STYLE_BAD;
    }
    if (p->fault[0]) {
        snprintf(to, size, "%s", p->fault);
        return STYLE_BAD;
    }
    if (p->why == WHY_CHANGED || p->why == WHY_ALWAYS)
        snprintf(to, size, "%s", plan_why_name(p->why));
    else
        snprintf(to, size, "%u stmt%s%s", p->statements, words_plural(p->statements), p->outside ? ", no-txn" : "");
    return STYLE_NORMAL;
}

/* What stands at the end of a row: the state during our own run, else fault, reason or number of statements. */
static enum style right_words(const struct model *m, const struct snap_pending *p, char *to, size_t size)
{
    const struct own_run *run = &m->run;
    const struct preview_item *item = run->on && run->direction == PLAN_UPGRADE ? preview_find(run->plan, p->file) : NULL;
    const struct lock_view *lock = &m->snap->lock;
    if (item && item->state == PREVIEW_RUNNING && run->statement < run->statements) {
        snprintf(to, size, "running %u of %u", run->statement + 1, run->statements);
        return STYLE_BOLD;
    }
    if (item && item->state == PREVIEW_RUNNING) {
        snprintf(to, size, "commits");
        return STYLE_BOLD;
    }
    if (item && item->state == PREVIEW_DONE) {
        snprintf(to, size, "applied");
        return STYLE_GOOD;
    }
    if (!run->on && !model_is_old(m) && lock->verdict == LOCK_ALIVE && lock->row.has_run && strcmp(lock->row.run.command, "upgrade") == 0 && strcmp(lock->row.run.file, p->file) == 0) {
        snprintf(to, size, "running");
        return STYLE_BOLD;
    }
    return still_words(p, to, size);
}

void pane_pending_measure(struct model *m)
{
    const struct listing *l = m->snap->listing;
    char right[256];
    m->pending_label_cols = 0;
    m->pending_right_cols = RIGHT_LEAST;
    for (size_t i = 0; i < l->pending_count; i++) {
        still_words(&l->pending[i], right, sizeof right);
        int label_cols = draw_columns(l->pending[i].label), right_cols = draw_columns(right);
        if (label_cols > m->pending_label_cols)
            m->pending_label_cols = label_cols;
        if (right_cols > m->pending_right_cols)
            m->pending_right_cols = right_cols;
    }
}

/* A run's state may be wider than all that stands there without one. */
static int right_columns(const struct model *m, const struct listing *l, int rows)
{
    int most = m->pending_right_cols;
    char right[256];
    for (size_t i = m->pending.top; i < m->pending.top + (size_t)rows && i < l->pending_count; i++) {
        right_words(m, &l->pending[i], right, sizeof right);
        if (draw_columns(right) > most)
            most = draw_columns(right);
    }
    return most;
}

void pane_pending_draw(const struct model *m, struct canvas *canvas, struct rect in)
{
    const struct listing *l = m->snap ? m->snap->listing : NULL;
    int right_cols;
    char right[256];
    if (!l)
        return;
    if (l->fault.code != ERR_NONE || l->pending_count == 0) {
        struct sheet s = { .width = in.cols - 2 };
        if (l->fault.code != ERR_NONE)
            sheet_wrap(&s, STYLE_BAD, 0, l->fault.message);
        else
            sheet_line(&s, STYLE_DIM, "nothing is pending");
        sheet_draw(&s, canvas, (struct rect){ in.row, in.col + 1, in.rows, in.cols - 2 }, 0);
        sheet_free(&s);
        return;
    }
    right_cols = in.rows > 0 ? right_columns(m, l, in.rows) : 0;
    for (int i = 0; i < in.rows && m->pending.top + (size_t)i < l->pending_count; i++) {
        size_t n = m->pending.top + (size_t)i;
        const struct snap_pending *p = &l->pending[n];
        struct pane_row row = { .label = p->label, .description = p->description, .right = right, .label_cols = m->pending_label_cols, .right_cols = right_cols, .chosen = n == m->pending.chosen, .focus = m->focus == PANE_PENDING };
        row.right_style = right_words(m, p, right, sizeof right);
        pane_row_draw(canvas, in.row + i, in.col, in.cols - 1, &row);
    }
}

void pane_pending_title(const struct model *m, char *to, size_t size)
{
    char old[80];
    pane_old(m, old, sizeof old);
    if (m->snap && m->snap->listing->fault.code == ERR_NONE)
        snprintf(to, size, "2 Pending %zu%s", m->snap->listing->pending_count, old);
    else
        snprintf(to, size, "2 Pending ?%s", old);
}
