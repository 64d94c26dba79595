/* listing_half.c: which files are half applied, and which indexes are invalid. */
#include <stdlib.h>
#include <string.h>

#include "half.h"
#include "snapshot.h"
#include "text.h"
#include "words.h"

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "out of memory while half-applied files were listed");
}

static const struct migration *file_of(struct folder *folder, const char *file)
{
    for (size_t i = 0; folder && i < folder_count(folder); i++)
        if (strcmp(folder_at(folder, i)->file, file) == 0)
            return folder_at(folder, i);
    return NULL;
}

static bool add_half(struct listing *l, struct folder *folder, const struct run_row *row, struct error *err)
{
    struct snap_half *half = &l->half[l->half_count++];
    const struct migration *m = file_of(folder, row->file);
    struct error ignored = { 0 };
    char shown[600];
    words_label(row->file, half->label, sizeof half->label);
    text_visible(shown, sizeof shown, row->file);
    half->file = text_dup(row->file);
    half->shown = text_dup(shown);
    half->back = half_in_rollback(row);
    half->missing = !m;
    half->same = m && half_same(row, m, l->dialect, l->standard_strings, &half->same, &ignored) && half->same;
    half->statements = row->statements;
    half->started = row->started_statement;
    half->done = row->done_statement > 0 ? row->done_statement : 0;
    text_copy(half->process_id, sizeof half->process_id, row->process_id);
    return (half->file && half->shown) || no_memory(err);
}

static bool add_index(void *user, const char *name)
{
    struct text *all = user;
    if (all->len)
        text_puts(all, "\n");
    text_add_visible(all, name, strlen(name));
    return true;
}

bool listing_read_invalid(struct listing *l, const struct history *history, struct db *db, struct error *err)
{
    const struct db_driver *driver = db_driver_of(db);
    struct text all = { 0 };
    bool ok = history->half_count == 0 || !driver->invalid_read || driver->invalid_read(db, add_index, &all, err);
    if (ok && all.failed)
        ok = no_memory(err);
    if (ok && all.len)
        ok = (l->invalid = text_dup(text_string(&all))) || no_memory(err);
    text_free(&all);
    return ok;
}

bool listing_read_half(struct listing *l, struct folder *folder, const struct history *history, struct error *err)
{
    if (history->half_count == 0)
        return true;
    l->half = calloc(history->half_count, sizeof *l->half);
    if (!l->half)
        return no_memory(err);
    for (size_t i = 0; i < history->half_count; i++)
        /* The newest run says how far it came; those before it are no other file. */
        if (!listing_half(l, history->half[i].file) && !add_half(l, folder, &history->half[i], err))
            return false;
    return true;
}

const struct snap_half *listing_half(const struct listing *l, const char *file)
{
    for (size_t i = 0; l && i < l->half_count; i++)
        if (strcmp(l->half[i].file, file) == 0)
            return &l->half[i];
    return NULL;
}
