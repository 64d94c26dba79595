/* pane_runs.c: who held the lock, and how it ended; while this console runs something, its log. */
#include <stdio.h>
#include <string.h>

#include "pane.h"
#include "words.h"

static void draw_log(const struct model *m, struct canvas *canvas, struct rect in)
{
    size_t kept = m->log_count < MODEL_LOG_LINES ? m->log_count : MODEL_LOG_LINES;
    size_t shown = kept < (size_t)in.rows ? kept : (size_t)in.rows;
    for (size_t i = 0; i < shown; i++) {
        const struct log_line *line = &m->log[(m->log_count - shown + i) % MODEL_LOG_LINES];
        char clock[40];
        words_clock(line->at_us, false, clock, sizeof clock);
        draw_text(canvas, in.row + (int)i, in.col + 1, 8, STYLE_NORMAL, clock);
        draw_text(canvas, in.row + (int)i, in.col + 11, in.cols - 11, STYLE_NORMAL, line->text);
    }
}

/* How a run went. One whose end is not recorded is what the verdict says of it, while it holds the lock. */
static const char *how_words(const struct model *m, const struct snap_run *run)
{
    const struct lock_view *lock = &m->snap->lock;
    if (!run->open || !lock->row.locked || strcmp(lock->row.process_id, run->process_id) != 0)
        return run->how;
    return lock->verdict == LOCK_ALIVE ? "runs" : lock->verdict == LOCK_DEAD ? "dead" : "?";
}

static void draw_run(const struct model *m, struct canvas *canvas, int row, int col, int cols, const struct snap_run *run)
{
    int used = draw_text(canvas, row, col, cols, run->bad ? STYLE_BAD : STYLE_NORMAL, how_words(m, run));
    if (run->more[0] && draw_columns(run->more) <= cols - used)
        draw_text(canvas, row, col + used, cols - used, STYLE_NORMAL, run->more);
}

void pane_runs_draw(const struct model *m, struct canvas *canvas, struct rect in)
{
    const struct listing *l = m->snap ? m->snap->listing : NULL;
    int what_cols = 0;
    if (m->log_shown) {
        draw_log(m, canvas, in);
        return;
    }
    if (!l)
        return;
    if (l->runs_count == 0)
        draw_text(canvas, in.row, in.col + 1, in.cols - 2, STYLE_DIM, "no runs are known");
    for (size_t i = 0; i < l->runs_count; i++)
        if (draw_columns(l->runs[i].what) > what_cols)
            what_cols = draw_columns(l->runs[i].what);
    if (what_cols > in.cols - 26)
        what_cols = in.cols - 26;
    for (int i = 0; i < in.rows && m->runs.top + (size_t)i < l->runs_count; i++) {
        size_t n = m->runs.top + (size_t)i;
        const struct snap_run *run = &l->runs[n];
        bool chosen = n == m->runs.chosen && m->focus == PANE_RUNS;
        if (chosen)
            draw_text(canvas, in.row + i, in.col, 1, STYLE_NORMAL, "▸");
        draw_text(canvas, in.row + i, in.col + 1, 12, STYLE_NORMAL, run->when);
        draw_text(canvas, in.row + i, in.col + 15, what_cols, STYLE_NORMAL, run->what);
        draw_run(m, canvas, in.row + i, in.col + 17 + what_cols, in.cols - 17 - what_cols, run);
        if (chosen)
            draw_restyle(canvas, in.row + i, in.col, in.cols, STYLE_CHOSEN);
    }
}

void pane_runs_title(const struct model *m, char *to, size_t size)
{
    char old[80];
    pane_old(m, old, sizeof old);
    snprintf(to, size, "5 %s%s", m->log_shown ? "Log" : "Runs", m->log_shown ? "" : old);
}
