/* command_runs.c: runs: who held the lock, how it ended, who unlocked it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "engine.h"
#include "half.h"
#include "output_json.h"
#include "text.h"

enum { RUNS_USUAL = 20, TIME_SHOWN = 39, ZONE_AT = 20, RUN_COLUMNS = 6 };

/* The rows as read, newest first; and the lock, which tells what an open one is. */
struct runs {
    struct run_row *rows;
    size_t count, capacity;
    bool failed;
    struct lock_view lock;
};

static bool keep(void *user, const struct run_row *row)
{
    struct runs *r = user;
    if (r->count == r->capacity) {
        size_t more = r->capacity ? r->capacity * 2 : RUNS_USUAL;
        struct run_row *rows = realloc(r->rows, more * sizeof *rows);
        if (!rows) {
            r->failed = true;
            return false;
        }
        r->rows = rows;
        r->capacity = more;
    }
    r->rows[r->count++] = *row;
    return true;
}

/* Is this the run that the lock names now? */
static bool holds(const struct runs *r, const struct run_row *row)
{
    return r->lock.row.locked && strcmp(r->lock.row.process_id, row->process_id) == 0;
}

/* What became of it, in words; "" unknown. */
static const char *outcome_words(const struct runs *r, const struct run_row *row)
{
    if (row->outcome != RUN_OPEN)
        return run_outcome_name(row->outcome);
    if (holds(r, row))
        return r->lock.verdict == LOCK_ALIVE ? "runs now" : r->lock.verdict == LOCK_DEAD ? "dead, holds the lock" : "holds the lock";
    return row->unlocked_at[0] ? "unlocked" : "";
}

/* The cells of one row that are put together here. */
struct cells {
    char who[400], outcome[40], lasted[32], started[TIME_SHOWN + 1], what[1200];
};

/* A file outside a transaction that this run began and did not end. */
static bool left_half(const struct run_row *row)
{
    return row->no_transaction && row->started_statement > 0;
}

static void half_what(const struct runs *r, const struct run_row *row, char *to, size_t size)
{
    char words[300];
    half_words(row, words, sizeof words);
    if (row->outcome == RUN_OPEN && holds(r, row) && r->lock.verdict != LOCK_DEAD)
        snprintf(to, size, "%s, statement %d of %d, outside a transaction", row->file, row->started_statement, row->statements);
    else if (row->resolution[0])
        snprintf(to, size, "%s was half applied: %s; resolved: %s", row->file, words, row->resolution);
    else if (row->outcome == RUN_OPEN && !holds(r, row)) /* whether it goes on is not looked at here: status and resolve tell */
        snprintf(to, size, "%s half applied, unless it still runs: %s; unlocked by %s", row->file, words, row->unlocked_by);
    else
        snprintf(to, size, "%s half applied: %s%s%s", row->file, words, row->unlocked_by[0] ? "; unlocked by " : "", row->unlocked_by);
}

/* "3 V3__c.sql" of a baseline: the version that the file's name has, and that nothing was run. */
static void baseline_what(const struct run_row *row, char *to, size_t size)
{
    const char *file = strchr(row->last_done, ' ') + 1, *name = file + (*file == 'V'), *end = strstr(name, "__");
    long count = strtol(row->last_done, NULL, 10);
    char version[256];
    text_copy(version, sizeof version, name);
    if (end && (size_t)(end - name) < sizeof version)
        version[end - name] = '\0';
    for (char *at = version; *at; at++)
        *at = *at == '_' ? '.' : *at;
    snprintf(to, size, "baseline %s, %ld file%s recorded, none was run", version, count, count == 1 ? "" : "s");
}

/* What it came to: who unlocked it, why it failed, or how many files it did ("2 V14__x.sql" in the row; "repaired" of a fix) and what it is at. */
static void what_words(const struct runs *r, const struct run_row *row, char *to, size_t size)
{
    const char *blank = strchr(row->last_done, ' ');
    if (left_half(row))
        half_what(r, row, to, size);
    else if (row->unlocked_by[0])
        snprintf(to, size, "unlocked by %s%s%s", row->unlocked_by, row->unlock_reason[0] ? ": " : "", row->unlock_reason);
    else if (row->detail[0])
        snprintf(to, size, "%s", row->detail);
    else if (row->outcome != RUN_OPEN && row->last_done[0] && !blank)
        snprintf(to, size, "%s", row->last_done);
    else if (row->outcome != RUN_OPEN && blank && strcmp(row->command, "baseline") == 0)
        baseline_what(row, to, size);
    else if (row->outcome == RUN_OPEN || !blank)
        snprintf(to, size, "%s", row->file);
    else
        snprintf(to, size, "%.*s done, the last %s", (int)(blank - row->last_done), row->last_done, blank + 1);
}

static void fill(const struct runs *r, const struct run_row *row, struct cells *c)
{
    const char *outcome = outcome_words(r, row);
    snprintf(c->who, sizeof c->who, "%s@%s", row->os_user[0] ? row->os_user : "?", row->host[0] ? row->host : "?");
    snprintf(c->outcome, sizeof c->outcome, "%s", outcome[0] ? outcome : "?");
    output_age(row->outcome == RUN_OPEN && holds(r, row) ? row->age_s : row->lasted_s, c->lasted, sizeof c->lasted);
    output_when(row->acquired_at, c->started, sizeof c->started);
    what_words(r, row, c->what, sizeof c->what);
}

/* "Started (IST)", and the times without it, where all have the same zone: a column that folds less. With summer time in between each keeps its own. */
static void zone_to_header(struct cells *texts, size_t count, char *header, size_t size)
{
    const char *zone = count > 0 && strlen(texts[0].started) > ZONE_AT ? texts[0].started + ZONE_AT : NULL;
    bool same = zone != NULL;
    for (size_t i = 1; same && i < count; i++)
        same = strlen(texts[i].started) > ZONE_AT && strcmp(texts[i].started + ZONE_AT, zone) == 0;
    snprintf(header, size, same ? "Started (%s)" : "Started%s", same ? zone : "");
    for (size_t i = 0; same && i < count; i++)
        texts[i].started[ZONE_AT - 1] = '\0';
}

static bool print_table(const struct call *call, const struct runs *r, struct error *err)
{
    char started[64] = "Started";
    const struct table_column columns[RUN_COLUMNS] = {
        { started, "36", false }, { "Command", "32", false }, { "By", "37", false }, { "Outcome", "32", false }, { "Took", "37", false }, { "What", "37", false },
    };
    const char **cells = calloc(r->count * RUN_COLUMNS + 1, sizeof *cells);
    struct cells *texts = calloc(r->count + 1, sizeof *texts);
    bool ok = (cells && texts) || error_set(err, ERR_NO_MEMORY, "Memory ran out showing the runs.");
    for (size_t i = 0; ok && i < r->count; i++) {
        const char *row[RUN_COLUMNS] = { texts[i].started, r->rows[i].command, texts[i].who, texts[i].outcome, texts[i].lasted, texts[i].what };
        fill(r, &r->rows[i], &texts[i]);
        memcpy(cells + i * RUN_COLUMNS, row, sizeof row);
    }
    if (ok)
        zone_to_header(texts, r->count, started, sizeof started);
    ok = ok && output_rows(call->out, "Runs", columns, RUN_COLUMNS, cells, r->count, err);
    free(cells);
    free(texts);
    return ok;
}

/* With --verbose all that is known, process IDs whole: too much for a table. */
static void print_block(struct output *out, const struct runs *r, const struct run_row *row)
{
    char program[64], command[64], who[400], what[1200], unlocked_at[40];
    struct cells c;
    fill(r, row, &c);
    text_visible(program, sizeof program, row->program);
    text_visible(command, sizeof command, row->command);
    text_visible(who, sizeof who, c.who);
    text_visible(what, sizeof what, c.what);
    output_when(row->unlocked_at, unlocked_at, sizeof unlocked_at);
    output_print(out, "%s", row->process_id);
    output_print(out, "  %s by %s, pid %d, %s", command, who, row->pid, program);
    output_print(out, "  started %s, took %s, %s", c.started, c.lasted, c.outcome);
    if (what[0])
        output_print(out, "  %s%s%s", what, unlocked_at[0] ? ", at " : "", unlocked_at);
}

static bool print_runs(const struct call *call, const struct runs *r, struct error *err)
{
    if (!call->out->verbose)
        return print_table(call, r, err);
    for (size_t i = 0; i < r->count; i++)
        print_block(call->out, r, &r->rows[i]);
    return true;
}

static json_t *run_json(const struct runs *r, const struct run_row *row)
{
    bool open = row->outcome == RUN_OPEN && holds(r, row);
    json_t *object = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "process_id", json_words(row->process_id), "host", json_words(row->host), "pid",
                               json_count(row->pid > 0 ? row->pid : -1), "user", json_words(row->os_user), "program", json_words(row->program), "command", json_words(row->command), "session",
                               json_count(row->session_pid > 0 ? row->session_pid : -1), "acquired_at", json_time(row->acquired_at, true), "released_at", json_time(row->released_at, true), "lasted_s",
                               json_seconds(row->lasted_s));
    json_t *more = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "file", json_words(row->file), "last_done", json_words(row->last_done), "outcome", json_words(run_outcome_name(row->outcome)),
                             "verdict", open ? json_string(lock_verdict_name(r->lock.verdict)) : json_null(), "detail", json_words(row->detail), "unlocked_by", json_words(row->unlocked_by),
                             "unlocked_at", json_time(row->unlocked_at, true), "unlock_reason", json_words(row->unlock_reason));
    json_t *outside = json_pack("{s:b, s:o, s:o, s:o, s:o}", "no_transaction", (int)row->no_transaction, "started_statement", json_count(row->started_statement), "done_statement",
                                json_count(row->done_statement), "statements", json_count(row->statements), "resolution", json_words(row->resolution));
    bool ok = object && more && outside && json_object_update(object, more) == 0 && json_object_update(object, outside) == 0;
    json_decref(more);
    json_decref(outside);
    if (ok)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *runs_json(const struct runs *r)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < r->count; i++) {
        if (json_array_append_new(list, run_json(r, &r->rows[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:i, s:o}", "schema", 1, "runs", list);
}

/* Old rows go; how many, and how many of that age stay. */
static int prune(const struct call *call, struct error *err)
{
    int days = call->options->prune_days;
    int64_t removed = 0, kept = 0;
    struct db *db = NULL;
    bool there = !project_database_missing(call->project);
    bool ok = !there || (engine_connect(call->project, call->sys, DB_RUN, NULL, &db, err) && db_driver_of(db)->runs_prune(db, days, &removed, &kept, err));
    if (!ok && !err->state[0])
        error_state(err, "No run was removed.");
    if (ok && call->out->json)
        ok = output_json(call->out, json_pack("{s:i, s:i, s:I, s:I}", "schema", 1, "days", days, "removed", (json_int_t)removed, "kept", (json_int_t)kept), err);
    else if (ok)
        output_print(call->out, "Removed %lld run%s older than %d day%s.", (long long)removed, removed == 1 ? "" : "s", days, days == 1 ? "" : "s");
    if (ok && kept > 0)
        output_note(call->out, "%lld of that age stay%s: the lock names it, its file is half applied, or it can still go on", (long long)kept, kept == 1 ? "s" : "");
    if (db)
        db_driver_of(db)->close(db);
    return ok ? 0 : error_exit_code(err->code);
}

int command_runs(const struct call *call, struct error *err)
{
    if (call->options->prune_days > 0)
        return prune(call, err);
    int limit = call->options->limit ? call->options->limit : RUNS_USUAL;
    struct runs r = { 0 };
    struct db *db = NULL;
    bool ok = engine_connect(call->project, call->sys, DB_LOOK, NULL, &db, err) && db_driver_of(db)->runs_read(db, NULL, limit, keep, &r, err);
    if (ok && r.failed)
        ok = error_set(err, ERR_NO_MEMORY, "Memory ran out reading the runs.");
    ok = ok && lock_look(db, &r.lock, err);
    if (ok)
        command_note_standby(call, db);
    if (ok && call->out->json)
        ok = output_json(call->out, runs_json(&r), err);
    else if (ok && r.count == 0)
        output_print(call->out, "No runs yet.");
    else if (ok)
        ok = print_runs(call, &r, err);
    if (db)
        db_driver_of(db)->close(db);
    free(r.rows);
    return ok ? 0 : error_exit_code(err->code);
}
