/* listing.c: reads migration files, history and runs into what the panes show. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
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
        free(l->pending[i].shown);
        free(l->pending[i].checksum);
        free(l->pending[i].description);
    }
    for (size_t i = 0; i < l->applied_count; i++) {
        free(l->applied[i].file);
        free(l->applied[i].version);
        free(l->applied[i].checksum);
        free(l->applied[i].stored_at);
        free(l->applied[i].description);
    }
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
    row->shown = visible(item->migration->file);
    row->description = visible(item->migration->description);
    row->type = item->migration->type;
    row->why = item->why;
    row->statements = item->statements;
    text_visible(row->fault, sizeof row->fault, item->fault);
    if (item->why == WHY_HALF && !item->fault[0])
        snprintf(row->fault, sizeof row->fault, "half applied: %.200s", item->half);
    row->checksum = earlier && earlier->checksum ? visible(earlier->checksum) : NULL;
    return (row->file && row->shown && row->description && (row->checksum || !earlier || !earlier->checksum)) || no_memory(err);
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
static enum snap_state state_of(struct folder *folder, const struct history_entry *entry)
{
    struct migration *m = entry->type == MIGRATION_VERSIONED ? folder_find_version(folder, entry->version ? entry->version : "") : folder_find_file(folder, entry->file, entry->type);
    struct error ignored = { 0 };
    if (!m)
        return APPLIED_MISSING;
    if (entry->type != MIGRATION_VERSIONED)
        return APPLIED_OK;
    if (!migration_hash(m, &ignored))
        return APPLIED_UNREADABLE;
    return strcmp(m->checksum, entry->checksum) == 0 ? APPLIED_OK : APPLIED_CHANGED;
}

static bool add_applied(struct listing *l, struct folder *folder, const struct history_entry *entry, bool utc, struct error *err)
{
    struct snap_applied *row = &l->applied[l->applied_count++];
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
    row->state = folder ? state_of(folder, entry) : APPLIED_OK;
    return (row->file && row->description && row->checksum && row->stored_at && (row->version || !entry->version)) || no_memory(err);
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

/* What files and history say together. */
static bool read_files(struct listing *l, const struct project *project, const struct history *history, struct error *err)
{
    struct folder *folder = NULL;
    bool ok;
    /* A folder that can't be read hides nothing of the database. */
    if (!folder_read(project->dir, &folder, &l->fault))
        folder = NULL;
    ok = (!folder || read_pending(l, folder, history, err)) && read_applied(l, folder, history, err);
    folder_free(folder);
    return ok;
}

struct listing *listing_read(const struct project *project, struct db *db, struct history **history, struct error *err)
{
    struct listing *l = listing_new();
    bool ok = l || no_memory(err);
    if (ok) {
        l->dialect = engine_dialect(db);
        l->standard_strings = db_driver_of(db)->about(db)->standard_strings;
        ok = history_read(db, history, err) && read_files(l, project, *history, err) && read_runs(l, db, err);
    }
    if (ok)
        return l;
    listing_unref(l);
    return NULL;
}

struct listing *listing_reread(const struct project *project, const struct listing *before, const struct history *history, struct error *err)
{
    struct listing *l = listing_new();
    bool ok = l || no_memory(err);
    if (ok) {
        l->dialect = before->dialect;
        l->standard_strings = before->standard_strings;
        l->read_wall_us = before->read_wall_us;
        l->runs = calloc(RUNS_SHOWN, sizeof *l->runs);
        ok = (l->runs || no_memory(err)) && read_files(l, project, history, err);
    }
    if (ok && before->runs_count) {
        memcpy(l->runs, before->runs, before->runs_count * sizeof *l->runs);
        l->runs_count = before->runs_count;
    }
    if (ok)
        return l;
    listing_unref(l);
    return NULL;
}
