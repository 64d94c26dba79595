/* screen.c: the whole screen: header, panes in their frames, status line, footer, dialog. */
#include <stdio.h>
#include <string.h>

#include "dialog.h"
#include "footer.h"
#include "own_run.h"
#include "pane.h"
#include "text.h"
#include "words.h"

/* "prod PROTECTED READ-ONLY": what must stay in sight. */
static void header_words(const struct model *m, char *to, size_t size)
{
    snprintf(to, size, " jetbase%s%s%s%s", m->target[0] ? "  " : "", m->target, m->guarded ? " PROTECTED" : "", m->read_only ? " READ-ONLY" : "");
}

static void header_left(const struct model *m, const char *place, const char *product, char *to, size_t size)
{
    char words[160];
    char behind[48] = "";
    const struct db_about *about = &m->snap->about;
    if (about->standby && about->lag_s > 0)
        snprintf(behind, sizeof behind, " STANDBY, %.0f s behind", about->lag_s);
    else if (about->standby)
        snprintf(behind, sizeof behind, about->lag_s == 0 ? " STANDBY" : " STANDBY, ? s behind");
    header_words(m, words, sizeof words);
    snprintf(to, size, "%s  %s%s%s%s", words, place, product[0] ? "  " : "", product, behind);
}

static void draw_header(const struct model *m, struct canvas *canvas)
{
    char left[900], right[300], clock[40], user[200] = "";
    int room;
    words_clock(m->wall_us, true, clock, sizeof clock);
    if (m->snap) {
        text_visible(user, sizeof user, m->snap->about.user);
        snprintf(right, sizeof right, "you: %s %s ", user, clock);
        header_left(m, m->snap->title, m->snap->about.product, left, sizeof left);
        if (draw_columns(left) > m->cols - draw_columns(right) - 2)
            header_left(m, m->snap->place, m->snap->about.product, left, sizeof left);
        if (m->target[0] && draw_columns(left) > m->cols - draw_columns(right) - 2)
            header_left(m, m->snap->place, "", left, sizeof left);
    } else {
        header_words(m, left, sizeof left);
        snprintf(right, sizeof right, "%s ", clock);
    }
    draw_fill(canvas, 0, 0, m->cols, STYLE_HEADER);
    room = m->cols - draw_columns(right) - 2;
    draw_text(canvas, 0, 0, room, STYLE_HEADER, left);
    draw_right(canvas, 0, 0, m->cols, STYLE_HEADER, right);
}

static enum style frame_style(const struct model *m, enum pane pane)
{
    return m->focus == pane ? STYLE_FRAME_FOCUS : STYLE_FRAME;
}

/* A pane in its frame, or below the line that parts it from the one above. */
static void draw_pane(const struct model *m, struct canvas *canvas, const struct layout *at, enum pane pane)
{
    static const struct {
        void (*title)(const struct model *m, char *to, size_t size);
        void (*draw)(const struct model *m, struct canvas *canvas, struct rect in);
    } panes[] = {
        [PANE_PENDING] = { pane_pending_title, pane_pending_draw }, [PANE_APPLIED] = { pane_applied_title, pane_applied_draw },
        [PANE_DETAIL] = { pane_detail_title, pane_detail_draw }, [PANE_RUNS] = { pane_runs_title, pane_runs_draw },
    };
    const struct layout_pane *p = &at->panes[pane];
    enum style style = frame_style(m, pane);
    char raw[700], title[800];
    if (p->in.rows <= 0)
        return;
    panes[pane].title(m, raw, sizeof raw);
    text_visible(title, sizeof title, raw);
    if (p->divider < 0) {
        draw_frame(canvas, p->frame, style, title);
    } else {
        /* The frame is the upper pane's; from the line on it has this one's style, so that the focus shows. */
        bool above = m->focus == (pane == PANE_APPLIED ? PANE_PENDING : PANE_DETAIL);
        draw_divider(canvas, p->divider, p->in.col - 1, p->in.cols + 2, above ? STYLE_FRAME_FOCUS : style, title);
        for (int row = p->in.row; row < p->in.row + p->in.rows; row++) {
            draw_restyle(canvas, row, p->in.col - 1, 1, style);
            draw_restyle(canvas, row, p->in.col + p->in.cols, 1, style);
        }
        draw_restyle(canvas, p->in.row + p->in.rows, p->in.col - 1, p->in.cols + 2, style);
    }
    panes[pane].draw(m, canvas, p->in);
}

static void draw_panes(const struct model *m, struct canvas *canvas, const struct layout *at)
{
    char title[160];
    struct sheet lock = { .width = at->lock.cols - 4 };
    pane_lock_title(m, title, sizeof title);
    draw_frame(canvas, at->lock, frame_style(m, PANE_LOCK), title);
    pane_lock_fill(m, &lock);
    sheet_draw(&lock, canvas, (struct rect){ at->lock.row + 1, 2, at->lock.rows - 2, at->lock.cols - 4 }, 0);
    sheet_free(&lock);
    for (int pane = PANE_PENDING; pane <= PANE_RUNS; pane++)
        draw_pane(m, canvas, at, (enum pane)pane);
}

static void status_half(const struct listing *l, char *to, size_t size)
{
    char head[120];
    words_half_head(&l->half[0], head, sizeof head);
    snprintf(to, size, "%s: nothing can start before v has resolved it", head);
}

static void status_locked(const struct lock_view *lock, char *to, size_t size)
{
    char label[40];
    words_label(lock->row.run.file, label, sizeof label);
    if (!lock->row.has_run)
        snprintf(to, size, "locked by another program: F unlocks, but does not stop whoever holds it");
    else if (lock->verdict == LOCK_DEAD)
        snprintf(to, size, "its holder is dead: F unlocks, no running work is touched");
    else if (lock->session.found && lock->session.blockers > 0 && lock->session.blocked_by[0].pid == 0)
        snprintf(to, size, "%s is blocked by a prepared transaction: COMMIT or ROLLBACK PREPARED ends it", label[0] ? label : "it");
    else if (lock->session.found && lock->session.blockers > 0)
        snprintf(to, size, "%s is blocked, not working. X ends session %d; F alone frees no table.", label[0] ? label : "it", lock->session.blocked_by[0].pid);
    else if (lock->verdict == LOCK_ALIVE)
        snprintf(to, size, "locked: wait until it has ended, or F to force-unlock");
    else
        snprintf(to, size, "locked, and whether its holder lives cannot be told: F shows what is known");
}

static void status_own(const struct own_run *run, char *to, size_t size)
{
    char label[40];
    words_label(run->file, label, sizeof label);
    const struct preview_item *item = preview_find(run->plan, run->file);
    if (run->cancelling && item && item->outside)
        snprintf(to, size, "cancelling the %s in %s: stopping its statement, then releasing the lock", own_run_name(run), label);
    else if (run->cancelling)
        snprintf(to, size, "cancelling the %s%s%s: rolling back, then releasing the lock", own_run_name(run), label[0] ? " in " : "", label);
    else if (!run->file[0])
        snprintf(to, size, "starting the %s: connecting, checking the plan, taking the lock", own_run_name(run));
    else
        snprintf(to, size, "%s %u of %u: %s", own_run_name(run), run->migration, run->migrations, run->file);
}

void pane_status(const struct model *m, char *to, size_t size)
{
    const struct listing *l = m->snap ? m->snap->listing : NULL;
    const struct snap_pending *chosen = l && m->focus == PANE_PENDING && m->pending.chosen < l->pending_count ? &l->pending[m->pending.chosen] : NULL;
    if (size)
        to[0] = '\0';
    if (m->run.on)
        status_own(&m->run, to, size);
    else if (m->unlocking)
        snprintf(to, size, "unlocking …");
    else if (model_is_old(m))
        snprintf(to, size, "%s%s", m->up ? "the database does not answer; what is shown is old" : m->down.code == ERR_LOCK_BUSY ? "busy: " : "reconnecting: ", m->up ? "" : m->down.message);
    else if (!l)
        return;
    else if (l->half_count && (!m->snap->lock.row.locked || m->snap->lock.verdict == LOCK_DEAD))
        status_half(l, to, size);
    else if (m->snap->lock.row.locked)
        status_locked(&m->snap->lock, to, size);
    else if (l->fault.code != ERR_NONE)
        snprintf(to, size, "the migration files can't be listed: u can't run");
    else if (l->disagree[0])
        snprintf(to, size, "%s", l->disagree);
    else if (chosen && chosen->fault[0])
        snprintf(to, size, "%s: %s", chosen->shown, chosen->fault);
    else if (l->pending_count)
        snprintf(to, size, "%zu pending, history and files agree", l->pending_count);
    else
        snprintf(to, size, "nothing is pending, history and files agree");
}

static void draw_status(const struct model *m, struct canvas *canvas, int row)
{
    char said[512], shown[600];
    if (m->search.typing)
        snprintf(said, sizeof said, "/%s_", m->search.text);
    else if (m->status[0])
        text_copy(said, sizeof said, m->status);
    else
        pane_status(m, said, sizeof said);
    text_visible(shown, sizeof shown, said);
    draw_text(canvas, row, 1, m->cols - 2, m->status[0] && m->status_bad ? STYLE_BAD : STYLE_NORMAL, shown);
}

/* The last words are the way out: where there is no room for all, those before them give way. */
static void fit_footer(char *words, int cols)
{
    static const char gap[] = "   ";
    while (draw_columns(words) > cols) {
        char *last = NULL, *before = words;
        for (char *at = strstr(words, gap); at; at = strstr(at + sizeof gap - 1, gap)) {
            before = last ? last : words - (sizeof gap - 1);
            last = at;
        }
        if (!last)
            return;
        memmove(before + sizeof gap - 1, last + sizeof gap - 1, strlen(last + sizeof gap - 1) + 1);
    }
}

void screen_draw(const struct model *m, struct canvas *canvas)
{
    const struct dialog_ops *ops = dialog_ops_of(m);
    struct layout at;
    if (!canvas_reset(canvas, m->rows, m->cols))
        return;
    if (model_too_small(m)) {
        char line[120];
        snprintf(line, sizeof line, "jetbase needs %dx%d, this terminal is %dx%d", MODEL_MIN_COLS, MODEL_MIN_ROWS, m->cols, m->rows);
        draw_text(canvas, 0, 0, m->cols, STYLE_NORMAL, line);
        return;
    }
    layout_make(m, &at);
    draw_header(m, canvas);
    draw_panes(m, canvas, &at);
    /* Beside a dialog, which may cover most of it, the line would leave words that mean nothing. */
    if (!ops || m->search.typing || m->status[0])
        draw_status(m, canvas, at.status);
    if (m->search.typing)
        draw_text(canvas, at.footer, 1, m->cols - 1, STYLE_NORMAL, "Enter find   Esc leave it");
    else if (!ops)
        footer_draw(m, canvas, at.footer);
    if (ops && !m->search.typing) {
        char footer[240];
        ops->footer(m, footer, sizeof footer);
        fit_footer(footer, m->cols - 1);
        draw_text(canvas, at.footer, 1, m->cols - 1, STYLE_NORMAL, footer);
    }
    if (ops)
        dialog_draw(m, canvas);
}
