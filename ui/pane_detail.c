/* pane_detail.c: one migration file: its facts and its SQL; while this console runs it, its statements with their times. */
#include <stdio.h>
#include <string.h>

#include "chosen.h"
#include "pane.h"
#include "words.h"

enum { LABEL_COLS = 10, CHECKSUM_SHOWN = 12 };

static void fill_statements(const struct model *m, struct sheet *s)
{
    const struct own_run *run = &m->run;
    const struct preview_item *item = preview_find(run->plan, run->file);
    for (unsigned i = 0; item && i < item->sql_count; i++) {
        bool now = i == run->statement && item->state == PREVIEW_RUNNING, done = i < run->statement || item->state == PREVIEW_DONE;
        char left[2200], right[40] = "";
        if (now)
            words_duration((double)(m->mono_ms - run->statement_ms), right, sizeof right);
        else if (done && run->took_ms[i] >= 0)
            words_duration(run->took_ms[i], right, sizeof right);
        else if (done)
            snprintf(right, sizeof right, "done");
        snprintf(left, sizeof left, "%s%-2u %s", now ? "▸" : " ", i + 1, item->sql[i]);
        if (draw_columns(left) > s->width - draw_columns(right) - 1)
            snprintf(left + draw_fit(left, s->width - draw_columns(right) - 2), sizeof left - draw_fit(left, s->width - draw_columns(right) - 2), "…");
        sheet_pair(s, now ? STYLE_BOLD : STYLE_NORMAL, left, now ? STYLE_BOLD : STYLE_NORMAL, right);
    }
    if (item && item->sql_count < item->statements)
        sheet_line(s, STYLE_DIM, "and %u more statements", item->statements - item->sql_count);
}

static void fill_section(struct sheet *s, const char *label, const struct detail_section *section)
{
    char line[480];
    if (section->fault[0]) {
        snprintf(line, sizeof line, "%-*s%s", LABEL_COLS, label, section->fault);
        sheet_wrap(s, STYLE_BAD, LABEL_COLS, line);
    } else if (section->statements == 0) {
        sheet_line(s, STYLE_WARN, "%-*snone", LABEL_COLS, label);
    } else {
        sheet_line(s, STYLE_NORMAL, "%-*s%u %s%s%s", LABEL_COLS, label, section->statements, section->outside ? "stmt" : "statement", words_plural(section->statements),
                   section->outside ? ", no transaction" : "");
    }
}

static const char *cut(const char *checksum)
{
    static _Thread_local char shown[CHECKSUM_SHOWN + 8];
    snprintf(shown, sizeof shown, "%.*s%s", CHECKSUM_SHOWN, checksum, strlen(checksum) > CHECKSUM_SHOWN ? "…" : "");
    return shown;
}

/* The recorded checksum beside that of the file as it is. Unknown is "?". */
static void fill_checksums(const struct model *m, const struct detail *d, struct sheet *s)
{
    const struct snap_applied *a = chosen_applied(m);
    const struct snap_pending *p = chosen_pending(m);
    const char *recorded = a ? a->checksum : p ? p->checksum : NULL, *actual = d->checksum;
    if (!recorded) {
        sheet_line(s, STYLE_NORMAL, "%-*s%s  new", LABEL_COLS, "checksum", actual[0] ? cut(actual) : "?");
    } else if (actual[0] && strcmp(recorded, actual) == 0) {
        sheet_line(s, STYLE_NORMAL, "%-*s%s  as recorded", LABEL_COLS, "checksum", cut(actual));
    } else {
        sheet_line(s, STYLE_WARN, "%-*s%s", LABEL_COLS, "recorded", cut(recorded));
        sheet_line(s, STYLE_WARN, "%-*s%s%s", LABEL_COLS, "file now", actual[0] ? cut(actual) : "?", actual[0] ? "  changed" : "");
    }
}

/* What does not fit goes on below its own beginning, a little further in. */
static int indent_of(const char *line, int width)
{
    int blanks = (int)strspn(line, " ") + 2;
    return blanks < width / 3 ? blanks : width / 3;
}

static void fill_lines(struct sheet *s, const struct detail_section *section)
{
    for (size_t i = 0; i < section->count; i++)
        sheet_wrap(s, STYLE_NORMAL, indent_of(section->lines[i], s->width), section->lines[i]);
    if (section->cut)
        sheet_line(s, STYLE_DIM, "there is more: o shows the whole file");
}

/* What is known of each statement of a file that is half applied. */
static void fill_half(const struct model *m, const struct detail *d, struct sheet *s)
{
    const struct snap_half *half = m->snap ? listing_half(m->snap->listing, m->want.file) : NULL;
    if (!half || !d->sql)
        return;
    for (unsigned i = 0; i < d->sql_count; i++) {
        bool unsure = half->same && (int)i >= half->done && (int)i < half->started;
        const char *state = !half->same ? "?" : (int)i < half->done ? "done" : unsure ? "may have run" : "not run";
        char left[2200];
        int most = s->width - draw_columns(state) - 1;
        snprintf(left, sizeof left, "%s%-2u %s", unsure ? "▸" : " ", i + 1, d->sql[i]);
        if (draw_columns(left) > most)
            snprintf(left + draw_fit(left, most - 1), sizeof left - draw_fit(left, most - 1), "…");
        sheet_pair(s, unsure ? STYLE_BOLD : STYLE_NORMAL, left, unsure ? STYLE_WARN : STYLE_NORMAL, state);
    }
    if ((int)d->sql_count < half->statements)
        sheet_line(s, STYLE_DIM, "further statements are in the file");
    if (!half->same)
        sheet_wrap(s, STYLE_BAD, 0, "The file was changed since: which of these ran is not known.");
    sheet_line(s, STYLE_NORMAL, " ");
}

static void fill_file(const struct model *m, struct sheet *s)
{
    const struct detail *d = chosen_detail(m);
    const struct snap_applied *a = chosen_applied(m);
    if (a)
        sheet_line(s, STYLE_NORMAL, "%-*s%s", LABEL_COLS, "applied", a->stored_at);
    if (!d) {
        sheet_line(s, STYLE_DIM, "reading the file …");
        return;
    }
    if (d->fault[0]) {
        sheet_wrap(s, STYLE_BAD, 0, d->fault);
        if (a)
            sheet_line(s, STYLE_NORMAL, "%-*s%s", LABEL_COLS, "recorded", cut(a->checksum));
        return;
    }
    fill_half(m, d, s);
    fill_section(s, "upgrade", &d->upgrade);
    fill_section(s, "rollback", &d->rollback);
    fill_checksums(m, d, s);
    sheet_line(s, STYLE_NORMAL, " ");
    fill_lines(s, &d->upgrade);
    if (d->rollback.count) {
        sheet_line(s, STYLE_NORMAL, " ");
        sheet_line(s, STYLE_DIM, "-- rollback");
        fill_lines(s, &d->rollback);
    }
}

void pane_detail_fill(const struct model *m, struct sheet *s)
{
    if (chosen_is_running(m))
        fill_statements(m, s);
    else if (m->want.file[0])
        fill_file(m, s);
    else if (m->snap)
        sheet_line(s, STYLE_DIM, "no migration is chosen");
}

void pane_detail_draw(const struct model *m, struct canvas *canvas, struct rect in)
{
    int margin = chosen_is_running(m) ? 0 : 1; /* the mark of the running statement stands there */
    struct sheet s = { .width = in.cols - 1 - margin };
    pane_detail_fill(m, &s);
    sheet_draw(&s, canvas, (struct rect){ in.row, in.col + margin, in.rows, s.width }, m->detail_top);
    sheet_free(&s);
}

void pane_detail_title(const struct model *m, char *to, size_t size)
{
    snprintf(to, size, "4 %s", chosen_is_running(m) ? m->run.file : m->want.file[0] ? m->want.file : "Detail");
}
