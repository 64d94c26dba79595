/* engine_half.c: what is true of a file outside a transaction that this run did not end. */
#include <stdio.h>
#include <string.h>

#include "engine_private.h"
#include "half.h"
#include "text.h"

struct found {
    struct run_row row;
    bool yes;
};

static bool see(void *user, const struct run_row *row)
{
    struct found *f = user;
    f->row = *row;
    f->yes = true;
    return false;
}

/* What became of the statement that is not known to be done, as a sentence before the others; or "". */
static void last_words(const struct run_row *row, const struct half_end *end, char *to, size_t size)
{
    to[0] = '\0';
    if (!end || row->started_statement <= row->done_statement)
        return;
    if (end->block)
        snprintf(to, size, "Statement %u of %d %s; the file's own transaction, which begins with statement %d, was rolled back. ", end->statement, row->statements, end->how, row->started_statement);
    else
        snprintf(to, size, "Statement %u of %d %s%s. ", end->statement, row->statements, end->how, end->leaves ? "; it may have left something behind" : "");
}

void engine_say_half(struct run *run, const struct plan_item *item, const struct half_end *end)
{
    struct found f = { .yes = false };
    struct error ignored = { 0 };
    char file[512], words[300], last[200];
    const struct run_row *row = &f.row;
    run->half[0] = '\0';
    run->half_applied = false;
    if (!item->facts.outside || item->resolve == RESOLVE_APPLIED || item->resolve == RESOLVE_ROLLED_BACK)
        return;
    text_visible(file, sizeof file, item->migration->file);
    bool seen = run->db && run->driver->runs_read(run->db, lock_process_id(run->lock), 1, see, &f, &ignored) && f.yes;
    if (!seen) {
        run->half_applied = true;
        snprintf(run->half, sizeof run->half, "%.200s runs outside a transaction: which of its statements ran could not be seen.", file);
    } else if (!row->no_transaction || row->started_statement < 1 || strcmp(row->file, item->migration->file) != 0) {
        snprintf(run->half, sizeof run->half, item->resolve == RESOLVE_NONE ? "No statement of %.200s was run." : "No statement of %.200s was run; it is half applied as before.", file);
        run->half_applied = item->resolve != RESOLVE_NONE;
    } else {
        half_words(row, words, sizeof words);
        run->half_applied = true;
        last_words(row, end, last, sizeof last);
        snprintf(run->half, sizeof run->half, "%s%.150s is half applied: %s.", last, file, words);
    }
}

static bool add_name(void *user, const char *name)
{
    struct text *t = user;
    if (t->len > 0)
        text_puts(t, ", ");
    text_add_visible(t, name, strlen(name));
    return true;
}

void engine_hint_half(struct run *run, const char *file, struct error *err)
{
    struct text names = { 0 };
    struct error ignored = { 0 };
    char hint[sizeof err->hint], detail[sizeof err->detail], shown[512];
    if (!run->half_applied)
        return;
    text_copy(hint, sizeof hint, err->hint);
    text_copy(detail, sizeof detail, err->detail);
    text_visible(shown, sizeof shown, file);
    error_hint(err, "%s%s`jetbase resolve %s` shows what is known and the ways out.", hint, hint[0] ? " " : "", shown);
    if (run->db && run->driver->invalid_read && run->driver->invalid_read(run->db, add_name, &names, &ignored) && names.len > 0 && !names.failed)
        error_detail(err, "%s%sInvalid index in the database: %s.", detail, detail[0] ? " " : "", text_string(&names));
    text_free(&names);
}
