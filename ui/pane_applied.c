/* pane_applied.c: the history, newest first; changed and missing files are marked. */
#include <stdio.h>

#include "pane.h"

static const char *state_words(const struct listing *l, const struct snap_applied *row, enum style *style)
{
    if (listing_half(l, row->file)) {
        *style = STYLE_BAD;
        return "HALF APPLIED";
    }
    *style = row->state == APPLIED_OK ? STYLE_NORMAL : STYLE_BAD;
    switch (row->state) {
    case APPLIED_OK: return row->when;
    case APPLIED_CHANGED: return "file CHANGED";
    case APPLIED_MISSING: return "file MISSING";
    case APPLIED_UNREADABLE: break;
    }
    return "file UNREADABLE";
}

void pane_applied_measure(struct model *m)
{
    const struct listing *l = m->snap->listing;
    m->applied_label_cols = 0;
    for (size_t i = 0; i < l->applied_count; i++) {
        int cols = draw_columns(l->applied[i].label);
        if (cols > m->applied_label_cols)
            m->applied_label_cols = cols;
    }
}

void pane_applied_draw(const struct model *m, struct canvas *canvas, struct rect in)
{
    const struct listing *l = m->snap ? m->snap->listing : NULL;
    if (!l)
        return;
    if (l->applied_count == 0)
        draw_text(canvas, in.row, in.col + 1, in.cols - 2, STYLE_DIM, "nothing is applied");
    for (int i = 0; i < in.rows && m->applied.top + (size_t)i < l->applied_count; i++) {
        size_t n = m->applied.top + (size_t)i;
        const struct snap_applied *a = &l->applied[n];
        struct pane_row row = { .label = a->label, .description = a->description, .label_cols = m->applied_label_cols,
                                .chosen = n == m->applied.chosen && m->focus == PANE_APPLIED, .focus = m->focus == PANE_APPLIED };
        row.right = state_words(l, a, &row.right_style);
        row.right_cols = draw_columns(row.right);
        pane_row_draw(canvas, in.row + i, in.col, in.cols, &row);
    }
}

void pane_applied_title(const struct model *m, char *to, size_t size)
{
    char old[80];
    pane_old(m, old, sizeof old);
    if (m->snap)
        snprintf(to, size, "3 Applied %zu%s", m->snap->listing->applied_count, old);
    else
        snprintf(to, size, "3 Applied ?");
}
