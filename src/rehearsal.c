/* rehearsal.c: what a rehearsal found: its words, and its end. */
#include "rehearsal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

bool rehearsal_not_undone(const struct rehearsal_migration *m)
{
    for (size_t i = 0; i < m->difference_count; i++)
        if (!m->differences[i].slight)
            return true;
    return false;
}

const char *rehearsal_how_name(enum rehearsal_how how)
{
    static const char *const names[] = { [DIFFERENCE_REMAINS] = "remains", [DIFFERENCE_MISSING] = "missing", [DIFFERENCE_CHANGED] = "changed" };
    return names[how];
}

const char *rehearsal_end_name(enum rehearsal_end end)
{
    static const char *const names[] = {
        [REHEARSAL_NOT_REACHED] = "not-reached", [REHEARSAL_GOOD] = "good", [REHEARSAL_FAILED] = "failed", [REHEARSAL_OUTSIDE] = "outside", [REHEARSAL_NONE] = "none",
    };
    return names[end];
}

const char *rehearsal_outcome_name(enum rehearsal_outcome outcome)
{
    static const char *const names[] = {
        [REHEARSAL_OK] = "ok", [REHEARSAL_FAULTS] = "faults", [REHEARSAL_CROWDED] = "crowded", [REHEARSAL_STOPPED] = "stopped", [REHEARSAL_BROKEN] = "broken",
    };
    return names[outcome];
}

/* How many characters two texts of `chars` and more begin with alike. */
static size_t alike(const char *a, const char *b)
{
    size_t same = 0;
    while (a[same] && a[same] == b[same])
        same++;
    return text_chars(a, same);
}

/* A definition on one line; of a long one what stands around the place where it begins to differ, with "…" for what is left out. */
static void add_definition(struct text *to, const char *line, size_t same)
{
    enum { SHOWN = 120, BEFORE = 40 };
    size_t len = strlen(line), chars = text_chars(line, len);
    size_t from = chars <= SHOWN || same <= SHOWN - BEFORE ? 0 : same - BEFORE, begin = text_offset(line, len, from), end = text_offset(line, len, from + SHOWN);
    text_printf(to, "%s%.*s%s", begin ? "\xE2\x80\xA6" : "", (int)(end - begin), line + begin, end < len ? "\xE2\x80\xA6" : "");
    if (len == 0)
        text_puts(to, "nothing");
}

static void add_change(struct text *to, const char *before, const char *after)
{
    struct text was = { 0 }, is = { 0 };
    text_add_visible(&was, before, strlen(before));
    text_add_visible(&is, after, strlen(after));
    size_t same = alike(text_string(&was), text_string(&is));
    text_puts(to, " differs: it was ");
    add_definition(to, text_string(&was), same);
    text_puts(to, ", it is ");
    add_definition(to, text_string(&is), same);
    text_free(&was);
    text_free(&is);
}

void rehearsal_difference_words(const struct rehearsal_difference *d, char *to, size_t size)
{
    struct text words = { 0 };
    text_add_visible(&words, d->what, strlen(d->what));
    if (d->how == DIFFERENCE_REMAINS) {
        text_puts(&words, " remains");
    } else if (d->how == DIFFERENCE_MISSING) {
        text_puts(&words, " is missing");
    } else {
        add_change(&words, d->before ? d->before : "", d->after ? d->after : "");
    }
    text_copy(to, size, text_string(&words));
    text_free(&words);
}

static void size_words(int64_t bytes, char *to, size_t size)
{
    static const char *const units[] = { "bytes", "kB", "MB", "GB", "TB" };
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024;
        unit++;
    }
    snprintf(to, size, value < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void add_rows(struct text *line, int64_t rows)
{
    text_printf(line, "about %" PRId64 " %s", rows, rows == 1 ? "row" : "rows");
}

/* " (12 MB, about 40000 rows)", or "". The size is that behind the statement, so the rows of a table that it emptied don't stand beside it. */
static void add_measure(struct text *line, const struct db_effect *e)
{
    int64_t rows = e->emptied ? -1 : e->rows;
    char size[32] = "";
    if (e->kind != RELATION_TABLE || e->gone || e->new_here || (e->bytes < 0 && rows < 0))
        return;
    if (e->bytes >= 0)
        size_words(e->bytes, size, sizeof size);
    text_printf(line, " (%s%s", size, size[0] && rows >= 0 ? ", " : "");
    if (rows >= 0)
        add_rows(line, rows);
    text_puts(line, ")");
}

static void add_emptied(struct text *line, const struct db_effect *e)
{
    if (e->kind != RELATION_TABLE || e->new_here || e->rows <= 0)
        return;
    text_puts(line, " (before: ");
    add_rows(line, e->rows);
    text_puts(line, ")");
}

static void add_part(struct text *line, bool *first, const char *words)
{
    text_puts(line, *first ? ": " : ", ");
    text_puts(line, words);
    *first = false;
}

static void effect_line(const struct db_effect *e, struct text *line)
{
    bool first = true;
    text_reset(line);
    if (e->kind != RELATION_TABLE)
        text_printf(line, "%s ", db_relation_kind_name(e->kind));
    text_add_visible(line, e->name, strlen(e->name));
    if (e->of[0]) {
        text_puts(line, " of ");
        text_add_visible(line, e->of, strlen(e->of));
    }
    add_measure(line, e);
    for (int mode = MODES - 1; mode >= 0 && !e->new_here; mode--)
        if (e->modes & (1u << mode))
            add_part(line, &first, db_lock_mode_name((enum db_lock_mode)mode));
    if (e->held && !e->new_here && (e->modes == 0 || db_lock_mode_strongest(e->held) > db_lock_mode_strongest(e->modes))) {
        add_part(line, &first, db_lock_mode_name(db_lock_mode_strongest(e->held)));
        text_puts(line, " held already");
    }
    if (e->made)
        add_part(line, &first, e->kind == RELATION_INDEX ? "built" : "made");
    if (e->gone)
        add_part(line, &first, "dropped");
    if (e->emptied) {
        add_part(line, &first, e->rewritten ? "a new file, empty" : "emptied");
        add_emptied(line, e);
    } else if (e->rewritten)
        add_part(line, &first, e->kind == RELATION_INDEX ? "built anew" : "rewritten");
}

/* Worth a line: what is changed, or locked so that somebody may have to wait. */
static bool matters(const struct db_effect *e)
{
    if (e->made || e->gone || e->rewritten || e->emptied)
        return true;
    return !e->new_here && e->modes != 0 && db_lock_mode_strongest(e->modes) > MODE_ACCESS_SHARE && e->kind != RELATION_INDEX;
}

void rehearsal_effect_words(const struct rehearsal_statement *s, bool all, void (*fn)(void *user, const char *line), void *user)
{
    struct text line = { 0 };
    if (s->behind_locks && s->effect_count == 0 && !s->failed)
        fn(user, "no lock on a table that is not held already");
    for (size_t i = 0; i < s->effect_count; i++) {
        if (!all && !matters(&s->effects[i]))
            continue;
        effect_line(&s->effects[i], &line);
        fn(user, line.failed ? "memory ran out: what is changed here is not shown" : text_string(&line));
    }
    text_free(&line);
}

static void part_free(struct rehearsal_part *part)
{
    for (size_t i = 0; i < part->count; i++)
        free(part->statements[i].effects);
    free(part->statements);
    free(part->error);
}

void rehearsal_free(struct rehearsal *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->count; i++) {
        struct rehearsal_migration *m = &r->migrations[i];
        part_free(&m->up);
        part_free(&m->down);
        for (size_t k = 0; k < m->difference_count; k++) {
            free(m->differences[k].kind);
            free(m->differences[k].what);
            free(m->differences[k].before);
            free(m->differences[k].after);
        }
        free(m->differences);
    }
    free(r->migrations);
    free(r);
}
