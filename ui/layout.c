/* layout.c: which panes are shown and where; those that have no room give way in the order runs, detail, applied. */
#include "layout.h"
#include "pane.h"

enum { WIDE_COLS = 80, LEFT_LEAST = 3, LEFT_PARTED = 8, PENDING_LEAST = 3, APPLIED_LEAST = 2, FAULT_ROWS = 8, DETAIL_LEAST = 2, RUNS_LEAST = 3 };

static int clamp(int n, int least, int most)
{
    return n < least ? least : n > most ? most : n;
}

/* A frame with one pane, or with two (rows of the upper one: top). */
static void place(struct layout *out, struct rect frame, enum pane upper, enum pane lower, int top)
{
    struct layout_pane *a = &out->panes[upper], *b = lower ? &out->panes[lower] : NULL;
    int inner = frame.rows - 2;
    *a = (struct layout_pane){ .frame = frame, .in = { frame.row + 1, frame.col + 1, lower ? top : inner, frame.cols - 2 }, .divider = -1 };
    if (b) {
        int at = frame.row + 1 + top;
        *b = (struct layout_pane){ .in = { at + 1, frame.col + 1, inner - top - 1, frame.cols - 2 }, .divider = at };
    }
}

static void place_left(const struct model *m, struct layout *out, struct rect frame)
{
    const struct listing *l = m->snap ? m->snap->listing : NULL;
    int inner = frame.rows - 3, applied;
    if (frame.rows < LEFT_PARTED) {
        place(out, frame, PANE_PENDING, 0, 0);
        return;
    }
    applied = clamp(l ? (int)l->applied_count : 0, APPLIED_LEAST, inner / 3 > APPLIED_LEAST ? inner / 3 : APPLIED_LEAST);
    place(out, frame, PANE_PENDING, PANE_APPLIED, clamp(!l ? 0 : l->fault.code == ERR_NONE ? (int)l->pending_count : FAULT_ROWS, PENDING_LEAST, inner - applied));
}

/* While this console runs something its log gets what the statements leave. */
static void place_right(const struct model *m, struct layout *out, struct rect frame)
{
    int inner = frame.rows - 3, runs = clamp(inner * 2 / 5, RUNS_LEAST, inner);
    const struct preview_item *item = m->run.on ? preview_find(m->run.plan, m->run.file) : NULL;
    if (inner < DETAIL_LEAST + RUNS_LEAST)
        place(out, frame, m->log_shown ? PANE_RUNS : PANE_DETAIL, 0, 0);
    else
        place(out, frame, PANE_DETAIL, PANE_RUNS, item && !m->run.looked ? clamp((int)item->sql_count, DETAIL_LEAST, inner - runs) : inner - runs);
}

void layout_make(const struct model *m, struct layout *out)
{
    struct sheet lock = { .width = m->cols - 4 };
    struct rect body;
    int lines;
    bool wide = m->cols >= WIDE_COLS;
    pane_lock_fill(m, &lock);
    lines = clamp((int)lock.count, 1, m->rows - 3 - 2 - LEFT_LEAST);
    sheet_free(&lock);
    *out = (struct layout){ .status = m->rows - 2, .footer = m->rows - 1 };
    out->lock = (struct rect){ .row = 1, .col = 0, .rows = lines + 2, .cols = m->cols };
    body = (struct rect){ .row = 1 + out->lock.rows, .col = 0, .rows = m->rows - 3 - out->lock.rows, .cols = m->cols };
    if (m->focus != PANE_LOCK && (m->zoom || (!wide && (m->focus == PANE_DETAIL || m->focus == PANE_RUNS)))) {
        place(out, body, m->focus, 0, 0);
        return;
    }
    if (wide) {
        body.cols = m->cols / 2;
        place_right(m, out, (struct rect){ body.row, body.cols, body.rows, m->cols - body.cols });
    }
    place_left(m, out, body);
}

bool layout_shows(const struct layout *layout, enum pane pane)
{
    return pane == PANE_LOCK || layout->panes[pane].in.rows > 0;
}

enum pane layout_pane_at(const struct layout *at, int row, int col)
{
    if (row >= at->lock.row && row < at->lock.row + at->lock.rows)
        return PANE_LOCK;
    for (int pane = PANE_PENDING; pane <= PANE_RUNS; pane++) {
        const struct rect *in = &at->panes[pane].in;
        /* Its title, above its text, counts. */
        if (in->rows > 0 && row >= in->row - 1 && row < in->row + in->rows && col >= in->col - 1 && col <= in->col + in->cols)
            return (enum pane)pane;
    }
    return 0;
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

static void settle_detail(struct model *m, const struct rect *in)
{
    struct sheet s = { .width = in->cols - 2 };
    size_t rows = in->rows > 0 ? (size_t)in->rows : 1, last;
    if (m->detail_top == 0)
        return;
    pane_detail_fill(m, &s);
    last = s.count > rows ? s.count - rows : 0;
    if (m->detail_top > last)
        m->detail_top = last;
    sheet_free(&s);
}

void layout_settle(struct model *m)
{
    const struct listing *l = m->snap ? m->snap->listing : NULL;
    struct layout at;
    if (model_too_small(m))
        return;
    layout_make(m, &at);
    if (!layout_shows(&at, m->focus)) {
        m->focus = PANE_PENDING;
        layout_make(m, &at);
    }
    settle_list(&m->pending, l ? l->pending_count : 0, at.panes[PANE_PENDING].in.rows);
    settle_list(&m->applied, l ? l->applied_count : 0, at.panes[PANE_APPLIED].in.rows);
    settle_list(&m->runs, l ? l->runs_count : 0, at.panes[PANE_RUNS].in.rows);
    settle_detail(m, &at.panes[PANE_DETAIL].in);
}
