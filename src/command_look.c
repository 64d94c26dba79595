/* command_look.c: status, history and current: they look and change nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ahead.h"
#include "command.h"
#include "engine.h"
#include "facts.h"
#include "half.h"
#include "output_json.h"
#include "text.h"
#include "version.h"

enum { APPLIED_SHOWN = 22 };

/* What is read for these commands. */
struct look {
    struct db *db;
    struct history *history;
    struct folder *folder;
    struct pending *pending;
    bool utc;             /* stored times are UTC */
};

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "Memory ran out showing what was read.");
}

static bool look_open(const struct call *call, bool files, struct look *l, struct error *err)
{
    struct ahead ahead = { 0 };
    memset(l, 0, sizeof *l);
    if (files)
        engine_read_ahead(call->project, &(struct plan_wish){ .direction = PLAN_UPGRADE }, &ahead);
    bool ok = engine_connect_reading(call->project, call->sys, DB_LOOK, NULL, files ? &ahead : NULL, &l->db, err) && (files ? engine_history(l->db, &ahead, &l->history, err) : history_read(l->db, &l->history, err));
    if (ok) {
        command_note_standby(call, l->db);
        l->utc = engine_dialect(l->db) == SCAN_SQLITE;
    }
    ok = ok && (!files || (engine_schema_there(call->project, l->db, err) && ahead_take(&ahead, l->history, &l->folder, err) &&
                           pending_list(l->folder, l->history, engine_dialect(l->db), db_driver_of(l->db)->about(l->db)->standard_strings, &l->pending, err)));
    ahead_drop(&ahead);
    return ok;
}

static int look_close(struct look *l, bool ok, const struct error *err)
{
    pending_free(l->pending);
    folder_free(l->folder);
    history_free(l->history);
    if (l->db)
        db_driver_of(l->db)->close(l->db);
    return ok ? 0 : error_exit_code(err->code);
}

/* What Jetbase shows in the column Version. */
static const char *display_version(enum migration_type type, const char *version)
{
    return version ? version : migration_type_name(type);
}

/* ---- status ---- */

static const struct table_column status_columns[] = { { "Version", "36", false }, { "Description", "32", false } };

static bool print_applied(const struct call *call, const struct history *h, struct error *err)
{
    const char **cells = calloc(h->count * 2 + 1, sizeof *cells);
    bool ok = cells || no_memory(err);
    for (size_t i = 0; ok && i < h->count; i++) {
        cells[2 * i] = display_version(h->rows[i].type, h->rows[i].version);
        cells[2 * i + 1] = h->rows[i].description;
    }
    ok = ok && output_table(call->out, "Migrations Applied", status_columns, 2, cells, h->count, err);
    free(cells);
    return ok;
}

static bool print_pending(const struct call *call, const struct pending *p, struct error *err)
{
    const char **cells = calloc(p->count * 2 + 1, sizeof *cells);
    bool ok = cells || no_memory(err);
    for (size_t i = 0; ok && i < p->count; i++) {
        cells[2 * i] = display_version(p->items[i].migration->type, p->items[i].migration->version);
        cells[2 * i + 1] = p->items[i].migration->description;
    }
    ok = ok && output_table(call->out, "Migrations Pending", status_columns, 2, cells, p->count, err);
    free(cells);
    return ok;
}

/* What stands in the way of an upgrade; beside the tables, which are Jetbase's. */
static void warn_of(const struct call *call, const struct pending *p, const struct history *h)
{
    for (size_t i = 0; i < p->count; i++) {
        char file[512];
        text_visible(file, sizeof file, p->items[i].migration->file);
        if (p->items[i].fault[0] && strstr(p->items[i].fault, file))
            output_warn(call->out, "%s", p->items[i].fault);
        else if (p->items[i].fault[0])
            output_warn(call->out, "%s: %s", file, p->items[i].fault);
    }
    for (size_t i = 0; i < h->half_count; i++) {
        char file[512], words[300];
        bool newest = half_of(h, h->half[i].file) == &h->half[i];
        text_visible(file, sizeof file, h->half[i].file);
        half_words(&h->half[i], words, sizeof words);
        if (newest)
            output_warn(call->out, "%s is half applied%s: %s; no migration starts before it is resolved: jetbase resolve %s", file, half_in_rollback(&h->half[i]) ? " in its rollback section" : "", words, file);
    }
    if (p->disagree[0])
        output_warn(call->out, "history and files disagree, an upgrade will be refused: %s", p->disagree);
}

/* "ok", "changed", "missing"; NULL (null) where the file can't be read, which is said. */
static const char *state_of(const struct call *call, struct folder *folder, const struct history_entry *row)
{
    struct migration *m = plan_file_of(folder, row);
    struct error why = { 0 };
    if (!m)
        return "missing";
    if (facts_hash(m, &why))
        return strcmp(m->checksum, row->checksum) == 0 ? "ok" : "changed";
    output_warn(call->out, "%s", why.message);
    return NULL;
}

static json_t *applied_json(const struct call *call, const struct look *l)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < l->history->count; i++) {
        const struct history_entry *row = &l->history->rows[i];
        json_t *one = json_pack("{s:o, s:s, s:o, s:o, s:o, s:I, s:o, s:o}", "version", json_words(row->version), "type", migration_type_name(row->type), "file", json_words(row->file), "description",
                                json_words(row->description), "applied_at", json_time(row->applied_at, l->utc), "order", (json_int_t)row->order, "checksum", json_words(row->checksum), "state",
                                json_words(state_of(call, l->folder, row)));
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *pending_json(const struct pending *p)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < p->count; i++) {
        const struct pending_item *item = &p->items[i];
        const struct migration *m = item->migration;
        json_t *one = json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:b, s:s}", "version", json_words(m->version), "type", migration_type_name(m->type), "file", json_words(m->file), "description",
                                json_words(m->description), "checksum", json_words(m->checksum), "statements", json_count(item->fault[0] ? -1 : (int64_t)item->statements), "transaction", (int)!item->outside, "why",
                                plan_why_name(item->why));
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

void command_note_passed(const struct call *call)
{
    struct folder *folder = NULL;
    if (!call->out->verbose || !folder_read(call->project->dir, &folder, NULL))
        return;
    for (size_t i = 0; i < folder_passed_count(folder); i++) {
        char name[512];
        text_visible(name, sizeof name, folder_passed(folder, i));
        output_detail(call->out, "migrations/%s is no migration and is passed over", name);
    }
    folder_free(folder);
}

int command_status(const struct call *call, struct error *err)
{
    struct look l;
    if (call->options->all_targets)
        return command_all_targets(call, err);
    command_note_passed(call);
    bool ok = look_open(call, true, &l, err), check = call->options->check;
    int answer = 0;
    if (ok && call->out->json)
        ok = output_json(call->out, json_pack("{s:i, s:o, s:o}", "schema", 1, "applied", applied_json(call, &l), "pending", pending_json(l.pending)), err);
    else if (ok && !(check && call->out->quiet)) {
        ok = print_applied(call, l.history, err);
        output_print(call->out, "%s", "");
        ok = ok && print_pending(call, l.pending, err);
    }
    if (ok)
        warn_of(call, l.pending, l.history);
    if (ok && check) {
        answer = pending_check(l.pending, l.history);
        call->out->failure_told = answer != 0; /* the answer is the status itself */
    }
    return answer ? look_close(&l, true, err), answer : look_close(&l, ok, err);
}

/* ---- history, current ---- */

static const struct table_column history_columns[] = {
    { "Version", "36", true },
    { "Order Executed", "32", false },
    { "Description", "37", false },
    { "Applied At", "32", true },
};

/* Texts of a row that are not in the history as they are shown. */
struct history_text {
    char order[24], applied_at[APPLIED_SHOWN + 1];
};

static bool print_history(const struct call *call, const struct history *h, struct error *err)
{
    const char **cells = calloc(h->count * 4 + 1, sizeof *cells);
    struct history_text *texts = calloc(h->count + 1, sizeof *texts);
    bool ok = (cells && texts) || no_memory(err);
    for (size_t i = 0; ok && i < h->count; i++) {
        snprintf(texts[i].order, sizeof texts[i].order, "%lld", (long long)h->rows[i].order);
        text_copy(texts[i].applied_at, sizeof texts[i].applied_at, h->rows[i].applied_at);
        cells[4 * i] = display_version(h->rows[i].type, h->rows[i].version);
        cells[4 * i + 1] = texts[i].order;
        cells[4 * i + 2] = h->rows[i].description;
        cells[4 * i + 3] = texts[i].applied_at;
    }
    ok = ok && output_table(call->out, "Migration History", history_columns, 4, cells, h->count, err);
    free(cells);
    free(texts);
    return ok;
}

static json_t *history_json(const struct look *l)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < l->history->count; i++) {
        const struct history_entry *row = &l->history->rows[i];
        json_t *one = json_pack("{s:o, s:s, s:o, s:o, s:o, s:I, s:o}", "version", json_words(row->version), "type", migration_type_name(row->type), "file", json_words(row->file), "description",
                                json_words(row->description), "applied_at", json_time(row->applied_at, l->utc), "order", (json_int_t)row->order, "checksum", json_words(row->checksum));
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:i, s:o}", "schema", 1, "history", list);
}

int command_history(const struct call *call, struct error *err)
{
    struct look l;
    bool ok = look_open(call, false, &l, err);
    if (ok && call->out->json)
        ok = output_json(call->out, history_json(&l), err);
    else if (ok && !l.history->table)
        output_coloured(call->out, "33", "No migrations have been applied.");
    else if (ok && l.history->count == 0)
        output_coloured(call->out, "33", "No migrations have been applied yet.");
    else if (ok)
        ok = print_history(call, l.history, err);
    return look_close(&l, ok, err);
}

int command_current(const struct call *call, struct error *err)
{
    struct look l;
    const struct history_entry *latest = NULL;
    bool ok = look_open(call, false, &l, err) && history_check_times(l.history, err);
    if (ok)
        latest = history_latest(l.history);
    if (ok && call->out->json) {
        ok = output_json(call->out, json_pack("{s:i, s:o, s:o, s:o}", "schema", 1, "version", json_words(latest ? latest->version : NULL), "file", json_words(latest ? latest->file : NULL),
                                              "applied_at", json_time(latest ? latest->applied_at : NULL, l.utc)), err);
    } else if (ok && latest) {
        char version[256];
        text_visible(version, sizeof version, latest->version);
        output_print(call->out, "Latest migration version: %s", version);
    } else if (ok) {
        output_print(call->out, "No migrations have been applied yet.");
    }
    return look_close(&l, ok, err);
}
