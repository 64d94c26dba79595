/* listing.c: reads migration files, history and runs into what the panes show. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "facts.h"
#include "snapshot.h"
#include "text.h"
#include "words.h"

enum { RUNS_SHOWN = 100 };

struct listing *listing_new(void)
{
    struct listing *l = calloc(1, sizeof *l);
    if (l)
        atomic_init(&l->refs, 1);
    return l;
}

struct listing *listing_ref(struct listing *l)
{
    if (l)
        atomic_fetch_add(&l->refs, 1);
    return l;
}

void listing_unref(struct listing *l)
{
    if (!l || atomic_fetch_sub(&l->refs, 1) != 1)
        return;
    for (size_t i = 0; i < l->pending_count; i++) {
        free(l->pending[i].file);
        free(l->pending[i].path);
        free(l->pending[i].shown);
        free(l->pending[i].checksum);
        free(l->pending[i].description);
    }
    for (size_t i = 0; i < l->applied_count; i++) {
        free(l->applied[i].file);
        free(l->applied[i].path);
        free(l->applied[i].version);
        free(l->applied[i].checksum);
        free(l->applied[i].stored_at);
        free(l->applied[i].description);
    }
    for (size_t i = 0; i < l->half_count; i++) {
        free(l->half[i].file);
        free(l->half[i].shown);
    }
    free(l->half);
    free(l->invalid);
    free(l->pending);
    free(l->applied);
    free(l->runs);
    free(l);
}

static char *visible(const char *text)
{
    struct text t = { 0 };
    char *copy;
    text_add_visible(&t, text, strlen(text));
    copy = t.failed ? NULL : text_dup(text_string(&t));
    text_free(&t);
    return copy;
}

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "out of memory while the migrations were listed");
}

static bool add_pending(struct listing *l, const struct pending_item *item, const struct history_entry *earlier, struct error *err)
{
    struct snap_pending *row = &l->pending[l->pending_count++];
    char label[40];
    migration_label(item->migration, label, sizeof label);
    text_visible(row->label, sizeof row->label, label);
    row->file = text_dup(item->migration->file);
    row->path = text_dup(item->migration->path);
    row->shown = visible(item->migration->file);
    row->description = visible(item->migration->description);
    row->type = item->migration->type;
    row->why = item->why;
    row->statements = item->statements;
    text_visible(row->fault, sizeof row->fault, item->fault);
    l->unread = l->unread || item->unread;
    row->outside = item->outside;
    row->checksum = earlier && earlier->checksum ? visible(earlier->checksum) : NULL;
    return (row->file && row->path && row->shown && row->description && (row->checksum || !earlier || !earlier->checksum)) || no_memory(err);
}

static bool read_pending(struct listing *l, struct folder *folder, const struct history *history, struct error *err)
{
    struct pending *pending = NULL;
    bool ok = pending_list(folder, history, l->dialect, l->standard_strings, &pending, err);
    if (ok && pending->count) {
        l->pending = calloc(pending->count, sizeof *l->pending);
        ok = l->pending || no_memory(err);
    }
    for (size_t i = 0; ok && i < pending->count; i++)
        ok = add_pending(l, &pending->items[i], history_of(history, pending->items[i].migration), err);
    if (ok)
        text_visible(l->disagree, sizeof l->disagree, pending->disagree);
    pending_free(pending);
    return ok;
}

/* What became of the file of a history row. A repeatable that changed is no fault: it is pending. */
static enum snap_state state_of(struct migration *m, const struct history_entry *entry)
{
    struct error ignored = { 0 };
    if (!m)
        return APPLIED_MISSING;
    if (entry->type != MIGRATION_VERSIONED)
        return APPLIED_OK;
    if (!facts_hash(m, &ignored))
        return APPLIED_UNREADABLE;
    return strcmp(m->checksum, entry->checksum) == 0 ? APPLIED_OK : APPLIED_CHANGED;
}

static bool add_applied(struct listing *l, struct folder *folder, const struct history_entry *entry, bool utc, struct error *err)
{
    struct snap_applied *row = &l->applied[l->applied_count++];
    struct migration *m = folder ? plan_file_of(folder, entry) : NULL;
    if (entry->type == MIGRATION_VERSIONED) {
        char label[40];
        snprintf(label, sizeof label, "V%.36s", entry->version ? entry->version : "?");
        text_visible(row->label, sizeof row->label, label);
    } else {
        text_copy(row->label, sizeof row->label, entry->type == MIGRATION_RUNS_ALWAYS ? "RA" : "ROC");
    }
    row->type = entry->type;
    row->file = text_dup(entry->file);
    row->description = visible(entry->description ? entry->description : "");
    row->version = text_dup(entry->version);
    row->checksum = visible(entry->checksum ? entry->checksum : "?");
    row->stored_at = visible(entry->applied_at ? entry->applied_at : "?");
    words_when(entry->applied_at ? entry->applied_at : "?", utc, row->when, sizeof row->when);
    row->state = folder ? state_of(m, entry) : APPLIED_OK;
    row->path = m ? text_dup(m->path) : NULL;
    l->unread = l->unread || row->state == APPLIED_UNREADABLE;
    return (row->file && (row->path || !m) && row->description && row->checksum && row->stored_at && (row->version || !entry->version)) || no_memory(err);
}

static bool read_applied(struct listing *l, struct folder *folder, const struct history *history, struct error *err)
{
    /* SQLite's CURRENT_TIMESTAMP is UTC; PostgreSQL's has the zone of whoever applied it, and is shown as stored. */
    bool utc = l->dialect == SCAN_SQLITE, ok = true;
    if (history->count) {
        l->applied = calloc(history->count, sizeof *l->applied);
        ok = l->applied || no_memory(err);
    }
    for (size_t i = history->count; ok && i > 0; i--)
        ok = add_applied(l, folder, &history->rows[i - 1], utc, err);
    return ok;
}

static bool add_run(void *user, const struct run_row *row)
{
    struct listing *l = user;
    struct snap_run *run = &l->runs[l->runs_count];
    char label[40] = "", lasted[32] = "", command[64];
    const char *last = strchr(row->last_done, ' ');
    const char *file = row->outcome == RUN_OK && last ? last + 1 : row->file[0] ? row->file : last ? last + 1 : "";
    words_when(row->acquired_at, true, run->when, sizeof run->when);
    words_label(file, label, sizeof label);
    text_visible(command, sizeof command, row->command);
    snprintf(run->what, sizeof run->what, "%s %s", command, label);
    text_copy(run->process_id, sizeof run->process_id, row->process_id);
    run->open = row->outcome == RUN_OPEN;
    run->bad = row->outcome != RUN_OK && !run->open;
    words_duration(row->lasted_s * 1000.0, lasted, sizeof lasted);
    if (row->outcome == RUN_OK && row->lasted_s >= 0)
        snprintf(run->how, sizeof run->how, "ok %s", lasted);
    else
        snprintf(run->how, sizeof run->how, "%s", run->open ? "?" : run_outcome_name(row->outcome));
    if (row->unlocked_by[0]) {
        char by[256];
        text_visible(by, sizeof by, row->unlocked_by);
        snprintf(run->more, sizeof run->more, ", unlocked by %s", by);
    }
    return ++l->runs_count < RUNS_SHOWN;
}

static bool read_runs(struct listing *l, struct db *db, struct error *err)
{
    l->runs = calloc(RUNS_SHOWN, sizeof *l->runs);
    return (l->runs || no_memory(err)) && db_driver_of(db)->runs_read(db, NULL, RUNS_SHOWN, add_run, l, err);
}

/* What files and history say together. A folder that can't be read hides nothing of the database. */
static bool fill(struct listing *l, struct folder *folder, const struct history *history, struct error *err)
{
    return (!folder || read_pending(l, folder, history, err)) && read_applied(l, folder, history, err) && listing_read_half(l, folder, history, err);
}

static bool same_runs(const struct listing *a, const struct listing *b)
{
    if (a->runs_count != b->runs_count)
        return false;
    for (size_t i = 0; i < a->runs_count; i++) {
        const struct snap_run *x = &a->runs[i], *y = &b->runs[i];
        if (strcmp(x->process_id, y->process_id) != 0 || strcmp(x->when, y->when) != 0 || strcmp(x->what, y->what) != 0 || strcmp(x->how, y->how) != 0 || strcmp(x->more, y->more) != 0 ||
            x->open != y->open || x->bad != y->bad)
            return false;
    }
    return true;
}

static bool same_invalid(const struct listing *a, const struct listing *b)
{
    return strcmp(a->invalid ? a->invalid : "", b->invalid ? b->invalid : "") == 0;
}

struct listing *listing_read(struct files *files, bool anew, struct db *db, struct listing *before, struct history **history, struct error *err)
{
    struct listing *l = listing_new();
    struct history *read = NULL;
    bool ok = l || no_memory(err), same = false;
    if (ok) {
        l->dialect = engine_dialect(db);
        l->standard_strings = db_driver_of(db)->about(db)->standard_strings;
        ok = history_read(db, &read, err) && read_runs(l, db, err) && listing_read_invalid(l, read, db, err);
    }
    if (ok) {
        same = !anew && before && *history && history_same(*history, read) && same_runs(before, l) && same_invalid(before, l);
        ok = same || fill(l, anew ? files_read(files, &l->fault) : files_folder(files, &l->fault), read, err);
    }
    if (ok && !same) {
        history_free(*history);
        *history = read;
        return l;
    }
    history_free(read);
    listing_unref(l);
    return ok ? listing_ref(before) : NULL;
}

struct listing *listing_reread(struct files *files, const struct listing *before, const struct history *history, struct error *err)
{
    struct listing *l = listing_new();
    bool ok = l || no_memory(err);
    if (ok) {
        l->dialect = before->dialect;
        l->standard_strings = before->standard_strings;
        l->runs = calloc(RUNS_SHOWN, sizeof *l->runs);
        ok = (l->runs || no_memory(err)) && fill(l, files_read(files, &l->fault), history, err);
    }
    if (ok && before->invalid)
        ok = (l->invalid = text_dup(before->invalid)) || no_memory(err);
    if (ok && before->runs_count) {
        memcpy(l->runs, before->runs, before->runs_count * sizeof *l->runs);
        l->runs_count = before->runs_count;
    }
    if (ok)
        return l;
    listing_unref(l);
    return NULL;
}
