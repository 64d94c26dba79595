/* rehearsal_text.c: a rehearsal as text. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rehearsal_show.h"
#include "text.h"

static void effect_line(void *user, const char *line)
{
    output_print(user, "        %s", line);
}

static void ms_words(double ms, char *to, size_t size)
{
    snprintf(to, size, ms < 10 ? "%.1f ms" : ms < 10000 ? "%.0f ms" : "%.1f s", ms < 10000 ? ms : ms / 1000);
}

static void show_part(struct output *out, const struct rehearsal_part *part)
{
    for (size_t i = 0; i < part->count; i++) {
        const struct rehearsal_statement *s = &part->statements[i];
        char took[32], rows[48] = "";
        ms_words(s->ms, took, sizeof took);
        if (s->rows >= 0)
            snprintf(rows, sizeof rows, ", %" PRId64 " %s", s->rows, s->rows == 1 ? "row" : "rows");
        output_print(out, "    %u:%u %s", s->at.line, s->at.column, s->words);
        output_print(out, "        %s%s%s", took, rows, s->failed ? ", failed" : "");
        rehearsal_effect_words(s, out->verbose, effect_line, out);
    }
}

static void show_fault(struct output *out, const struct rehearsal_part *part)
{
    const struct error *e = part->error;
    if (!e)
        return;
    if (e->place.line)
        output_print(out, "    %s:%u:%u: %s", e->place.file, e->place.line, e->place.column, e->message);
    else
        output_print(out, "    %s", e->message);
}

static void show_down(struct output *out, const struct rehearsal_migration *m)
{
    char line[1200];
    switch (m->down.end) {
    case REHEARSAL_NOT_REACHED:
        return;
    case REHEARSAL_NONE:
        output_print(out, m->type == MIGRATION_VERSIONED ? "  It has no rollback part." : "  A repeatable file has no rollback part.");
        return;
    case REHEARSAL_OUTSIDE:
        output_print(out, "  Its rollback part runs outside a transaction: not rehearsed.");
        return;
    case REHEARSAL_FAILED:
        output_print(out, "  rollback: failed");
        show_part(out, &m->down);
        show_fault(out, &m->down);
        return;
    case REHEARSAL_GOOD:
        break;
    }
    output_print(out, "  rollback:");
    show_part(out, &m->down);
    output_print(out, rehearsal_not_undone(m) ? "  The rollback does not undo the upgrade:" : "  After the rollback the schema is as it was before.");
    for (size_t i = 0; i < m->difference_count; i++) {
        rehearsal_difference_words(&m->differences[i], line, sizeof line);
        output_print(out, m->differences[i].slight ? "    (%s)" : "    %s", line);
    }
}

bool rehearsal_text(struct output *out, const struct rehearsal *r, struct error *err)
{
    char took[32], file[512];
    (void)err;
    for (size_t i = 0; i < r->count; i++) {
        const struct rehearsal_migration *m = &r->migrations[i];
        static const char *const ends[] = { [REHEARSAL_NOT_REACHED] = "not reached", [REHEARSAL_GOOD] = "ran", [REHEARSAL_FAILED] = "failed", [REHEARSAL_OUTSIDE] = "not rehearsed", [REHEARSAL_NONE] = "" };
        text_visible(file, sizeof file, m->file);
        ms_words(m->up.ms, took, sizeof took);
        output_print(out, "%s: %s%s%s", file, m->up.end == REHEARSAL_NOT_REACHED && m->up.count > 0 ? "not finished" : ends[m->up.end], m->up.end == REHEARSAL_GOOD ? " in " : "", m->up.end == REHEARSAL_GOOD ? took : "");
        if (m->note[0])
            output_print(out, "  %s", m->note);
        show_part(out, &m->up);
        show_fault(out, &m->up);
        show_down(out, m);
    }
    ms_words(r->ms, took, sizeof took);
    if (r->count == 0)
        output_print(out, "Nothing to rehearse: all migrations are applied.");
    else if (r->copy && r->begun)
        output_print(out, "Rehearsed on a copy, %s in all; the database was only read.", took);
    else if (!r->copy && r->rolled_back)
        output_print(out, "Rehearsed in %s and rolled back: nothing of it stays.", took);
    return true;
}
