/* layout.c: which panes are shown and where; those that have no room give way in the order runs, applied. */
#include "layout.h"
#include "pane.h"

enum { WIDE_COLS = 80, LEFT_LEAST = 3, LEFT_PARTED = 8, PENDING_LEAST = 3, APPLIED_LEAST = 2, FAULT_ROWS = 8 };

static int clamp(int n, int least, int most)
{
    return n < least ? least : n > most ? most : n;
}

void layout_make(const struct model *m, struct layout *out)
{
    const struct listing *l = m->snap ? m->snap->listing : NULL;
    struct sheet lock = { .width = m->cols - 4 };
    int lines, body, inner;
    pane_lock_fill(m, &lock);
    lines = clamp((int)lock.count, 1, m->rows - 3 - 2 - LEFT_LEAST);
    sheet_free(&lock);
    *out = (struct layout){ .status = m->rows - 2, .footer = m->rows - 1 };
    out->lock = (struct rect){ .row = 1, .col = 0, .rows = lines + 2, .cols = m->cols };
    body = m->rows - 3 - out->lock.rows;
    out->left = (struct rect){ .row = 1 + out->lock.rows, .col = 0, .rows = body, .cols = m->cols };
    if (m->cols >= WIDE_COLS) {
        out->left.cols = m->cols / 2;
        out->right = (struct rect){ .row = out->left.row, .col = out->left.cols, .rows = body, .cols = m->cols - out->left.cols };
        out->runs_rows = body - 2;
    }
    out->pending_rows = body - 2;
    if (body < LEFT_PARTED)
        return;
    inner = body - 3;
    out->applied_rows = clamp(l ? (int)l->applied_count : 0, APPLIED_LEAST, inner / 3 > APPLIED_LEAST ? inner / 3 : APPLIED_LEAST);
    out->pending_rows = clamp(!l ? 0 : l->fault.code == ERR_NONE ? (int)l->pending_count : FAULT_ROWS, PENDING_LEAST, inner - out->applied_rows);
    out->applied_rows = inner - out->pending_rows;
    out->divider = out->left.row + 1 + out->pending_rows;
}

bool layout_shows(const struct layout *layout, enum pane pane)
{
    switch (pane) {
    case PANE_LOCK:
    case PANE_PENDING:
        return true;
    case PANE_APPLIED:
        return layout->applied_rows > 0;
    case PANE_RUNS:
        return layout->runs_rows > 0;
    }
    return false;
}

static void settle_list(struct list *list, size_t count, int rows)
{
    size_t height = rows > 0 ? (size_t)rows : 1;
    if (list->chosen >= count)
        list->chosen = count ? count - 1 : 0;
    if (list->top > list->chosen)
        list->top = list->chosen;
    if (list->chosen >= list->top + height)
        list->top = list->chosen - height + 1;
    if (list->top + height > count)
        list->top = count > height ? count - height : 0;
}

void layout_settle(struct model *m)
{
    const struct listing *l = m->snap ? m->snap->listing : NULL;
    struct layout at;
    if (model_too_small(m))
        return;
    layout_make(m, &at);
    settle_list(&m->pending, l ? l->pending_count : 0, at.pending_rows);
    settle_list(&m->applied, l ? l->applied_count : 0, at.applied_rows);
    settle_list(&m->runs, l ? l->runs_count : 0, at.runs_rows);
    if (!layout_shows(&at, m->focus))
        m->focus = PANE_PENDING;
}
