/* engine_migrate.c: runs the items of a plan over the pipeline: head, statements, reset, fence, record; COMMIT only when their answers are good. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_window.h"
#include "facts.h"
#include "failpoint.h"
#include "text.h"

/* What may be on its way before answers are read: bounds memory, and keeps both sides from filling up. */
enum { WINDOW_STEPS = 512, WINDOW_BYTES = 1 << 20 };
/* A statement of this size goes alone, without a copy of its text. */
enum { LONG_BYTES = WINDOW_BYTES };

/* A statement on its way: the driver needs its text until its answer. */
struct sent {
    struct sent *next;
    size_t len;
    struct place at;
    char text[];
};

const struct plan_item *window_item(const struct window *w, uint32_t i)
{
    return &w->run->plan->items[i];
}

/* Do answers come later than what they tell of? Those of a file outside a transaction are awaited one by one. */
static bool window_behind(const struct window *w, uint32_t i)
{
    return (w->run->driver->caps & DB_PIPELINE) && !w->run->hooks->each_statement && !window_item(w, i)->facts.outside;
}

void window_tell(struct window *w, enum engine_event_kind kind, uint32_t i, struct engine_event event)
{
    event.kind = kind;
    event.migration = i + 1;
    event.file = window_item(w, i)->migration;
    event.statements = window_item(w, i)->facts.statements;
    event.behind = window_behind(w, i);
    engine_tell(w->run, &event);
}

bool window_submit(struct window *w, struct db_step *step)
{
    if (!w->run->driver->submit(w->run->db, step, &w->fault)) {
        w->failed = true;
        w->failed_kind = step->kind;
        w->failed_item = step->migration;
        w->down = w->fault.code == ERR_NO_CONNECTION;
        return false;
    }
    w->outstanding++;
    return true;
}

static void forget_first(struct window *w)
{
    struct sent *s = w->first;
    if (!s)
        return;
    w->first = s->next;
    if (!w->first)
        w->last = NULL;
    w->bytes -= s->len;
    free(s);
}

static void commit_answered(struct window *w, uint32_t i)
{
    struct run *run = w->run;
    double ms = (double)(run->sys->mono_ms() - w->committing_ms);
    w->commit_out = false;
    run->done = i + 1;
    engine_mark(run, i, run->last_done, sizeof run->last_done);
    window_tell(w, window_item(w, i)->resolve == RESOLVE_APPLIED || window_item(w, i)->resolve == RESOLVE_ROLLED_BACK ? EV_RESOLVED : EV_MIGRATION_APPLIED, i, (struct engine_event){ .ms = ms });
}

/* A file that is only marked is neither started nor applied; one outside a transaction has told its start itself. */
static bool tells_start(const struct plan_item *item)
{
    return !item->facts.outside && (item->resolve == RESOLVE_NONE || item->resolve == RESOLVE_RERUN);
}

/* One answer of the database. */
static void answered(struct window *w, const struct db_result *r, const struct error *err)
{
    w->outstanding--;
    if (r->kind == STEP_SQL) {
        if (!r->ok && !w->failed && w->first)
            w->failed_at = w->first->at;
        forget_first(w);
    }
    if (!r->ok) {
        bool unknown = r->kind == STEP_COMMIT && !r->skipped && err->code == ERR_UNKNOWN_END;
        if (r->kind == STEP_COMMIT && !r->skipped)
            w->commit_out = unknown;
        w->down |= unknown; /* SQLite: an I/O error at COMMIT; a new connection finds out, as after a lost one */
        if (!w->failed && !r->skipped) {
            w->failed = true;
            w->failed_kind = r->kind;
            w->failed_item = r->migration;
            w->lost = r->lost;
            w->cancelled = r->cancelled;
            w->fault = *err;
        }
        return;
    }
    if (r->kind == STEP_COMMIT) {
        commit_answered(w, r->migration);
    } else if (r->kind == STEP_HEAD) {
        FAILPOINT("head");
        if (tells_start(window_item(w, r->migration)))
            window_tell(w, EV_MIGRATION_STARTED, r->migration, (struct engine_event){ 0 });
    } else if (r->kind == STEP_SQL || r->kind == STEP_ALONE) {
        FAILPOINT("statement");
        window_tell(w, EV_STATEMENT_DONE, r->migration, (struct engine_event){ .statement = r->statement, .ms = r->ms });
    }
}

/* Reads answers until at most `left` steps are on their way. False: something failed, or the connection is gone. */
bool window_drain(struct window *w, unsigned left)
{
    while (w->outstanding > left && !w->failed) {
        struct db_result result = { 0 };
        struct error err;
        error_clear(&err);
        switch (w->run->driver->next(w->run->db, -1, &result, &err)) {
        case DB_RESULT:
            answered(w, &result, &err);
            break;
        case DB_TIMEOUT:
            break;
        case DB_DRAINED:
            w->failed = true;
            error_set(&w->fault, ERR_INTERNAL, "the driver answers %u steps too few", w->outstanding);
            break;
        case DB_DOWN:
            w->failed = w->down = true;
            w->fault = err;
            break;
        }
    }
    return !w->failed;
}

struct db_step window_step(const struct window *w, enum db_step_kind kind, uint32_t i)
{
    const struct lock *lock = w->run->lock;
    return (struct db_step){ .kind = kind, .migration = i, .process_id = lock_process_id(lock), .has_run = lock_has_run(lock) };
}

/* The run row says which file is next, where the plan under the lock begins with another than the first one did. */
static bool send_progress(struct window *w)
{
    const struct plan_item *first = window_item(w, 0);
    struct db_step step = window_step(w, STEP_PROGRESS, 0);
    if (!lock_has_run(w->run->lock) || strcmp(lock_run(w->run->lock)->file, first->migration->file) == 0)
        return true;
    w->record = (struct db_record){ .next_file = first->migration->file, .next_statements = (int)first->facts.statements };
    step.record = &w->record;
    return window_submit(w, &step) && window_drain(w, 0);
}

bool window_head(struct window *w, uint32_t i)
{
    const struct plan_item *item = window_item(w, i);
    struct db_step step = window_step(w, STEP_HEAD, i);
    snprintf(w->application, sizeof w->application, "jetbase %u/%zu %s", i + 1, w->run->plan->count, item->migration->file);
    step.application = w->application;
    step.isolation = item->facts.isolation;
    step.deferrable = item->facts.deferrable;
    step.lock_timeout_ms = item->facts.lock_timeout_ms;
    step.statement_timeout_ms = item->facts.statement_timeout_ms;
    step.foreign_keys_off = item->facts.foreign_keys_off && (item->resolve == RESOLVE_NONE || item->resolve == RESOLVE_RERUN);
    w->started_ms = w->run->sys->mono_ms();
    w->begun = i + 1;
    return window_submit(w, &step);
}

static void drop_text(void *script)
{
    script_drop_text(script);
}

void window_text(struct db_step *step, struct script *script, const struct scan_statement *found)
{
    step->sql = found->text;
    step->len = found->len;
    step->at = found->at;
    step->sql_done = found->len >= LONG_BYTES ? drop_text : NULL;
    step->sql_user = script;
}

/* From the script's own window: the next statement is not looked for before this one is answered. */
static bool send_uncopied(struct window *w, uint32_t i, uint32_t number, const struct scan_statement *found)
{
    struct db_step step = window_step(w, STEP_SQL, i);
    step.statement = number;
    step.tell = true;
    window_text(&step, w->script, found);
    if (!window_drain(w, 0) || !window_submit(w, &step))
        return false;
    if (window_drain(w, 0))
        return true;
    w->failed_at = found->at;
    return false;
}

static bool send_statement(struct window *w, uint32_t i, uint32_t number, const struct scan_statement *found)
{
    struct sent *s = malloc(sizeof *s + found->len + 1);
    struct db_step step = window_step(w, STEP_SQL, i);
    if (!s) {
        w->failed = true;
        return error_set(&w->fault, ERR_NO_MEMORY, "out of memory for a statement of %zu bytes", found->len);
    }
    s->next = NULL;
    s->len = found->len;
    s->at = found->at;
    memcpy(s->text, found->text, found->len);
    s->text[s->len] = '\0';
    *(w->last ? &w->last->next : &w->first) = s;
    w->last = s;
    w->bytes += s->len;
    step.statement = number;
    step.sql = s->text;
    step.len = s->len;
    step.at = found->at;
    /* The last one's too: how long the trailer waits for a lock is then known, and so who is in its way. */
    step.tell = w->run->hooks->each_statement || number == window_item(w, i)->facts.statements;
    if (!window_submit(w, &step))
        return false;
    return (w->outstanding < WINDOW_STEPS && w->bytes < WINDOW_BYTES) || window_drain(w, 0);
}

static bool open_script(struct window *w, const struct plan_item *item, enum section_kind kind)
{
    enum scan_dialect dialect = engine_dialect(w->run->db);
    bool standard_strings = w->run->driver->about(w->run->db)->standard_strings;
    struct section_text text;
    if (kind == SECTION_UPGRADE && facts_take_text(item->migration, &text))
        return script_open_text(item->migration, &text, kind, dialect, standard_strings, &w->script, &w->fault);
    return script_open(item->migration, kind, dialect, standard_strings, &w->script, &w->fault);
}

/* Sends the statements of one section, reading the file as it goes where its bytes were not kept. */
static bool send_statements(struct window *w, uint32_t i)
{
    const struct plan_item *item = window_item(w, i);
    enum section_kind kind = w->run->plan->direction == PLAN_UPGRADE ? SECTION_UPGRADE : SECTION_ROLLBACK;
    struct scan_statement found;
    uint32_t number = 0;
    enum scan_answer got = SCAN_ERROR;
    bool ok = open_script(w, item, kind);
    while (ok && (got = script_next(w->script, &found, &w->fault)) == SCAN_STATEMENT) {
        number++;
        ok = !engine_stopped(w->run->hooks) && (found.len < LONG_BYTES ? send_statement(w, i, number, &found) : send_uncopied(w, i, number, &found));
    }
    if (ok)
        ok = got == SCAN_END && script_unchanged(w->script, &w->fault);
    if (!ok && !w->failed && !engine_stopped(w->run->hooks)) {
        w->failed = true;
        w->failed_kind = STEP_SQL;
        w->failed_item = i;
    }
    if (ok) {
        script_close(w->script);
        w->script = NULL;
    }
    return ok;
}

/* What becomes of the history: a resolve may leave it as it is. */
static enum db_record_kind record_kind(const struct plan *plan, const struct plan_item *item)
{
    bool up = plan->direction == PLAN_UPGRADE, versioned = item->migration->type == MIGRATION_VERSIONED;
    if (item->resolve == (up ? RESOLVE_ROLLED_BACK : RESOLVE_APPLIED))
        return RECORD_KEEP;
    if (!up)
        return item->resolve != RESOLVE_NONE && item->history_rows == 0 ? RECORD_KEEP : RECORD_DELETE;
    if (item->resolve == RESOLVE_APPLIED && versioned && item->history_rows > 0)
        return RECORD_KEEP;
    return item->history_rows > 0 ? RECORD_UPDATE : RECORD_INSERT;
}

static const char *resolution_of(enum plan_resolve how)
{
    static const char *const words[] = { [RESOLVE_NONE] = NULL, [RESOLVE_RERUN] = "rerun", [RESOLVE_APPLIED] = "applied", [RESOLVE_ROLLED_BACK] = "rolled-back" };
    return words[how];
}

void window_resolution(struct window *w, uint32_t i)
{
    w->record.resolution = resolution_of(window_item(w, i)->resolve);
    snprintf(w->by, sizeof w->by, "%s@%s", w->run->sys->user(), w->run->sys->host());
    w->record.resolved_by = w->by;
}

bool window_trailer(struct window *w, uint32_t i)
{
    const struct plan *plan = w->run->plan;
    const struct plan_item *item = window_item(w, i), *next = i + 1 < plan->count ? window_item(w, i + 1) : NULL;
    const struct migration *m = item->migration;
    struct db_step reset = window_step(w, STEP_RESET, i), fence = window_step(w, STEP_FENCE, i), record = window_step(w, STEP_RECORD, i);
    engine_mark(w->run, i, w->mark, sizeof w->mark);
    w->record = (struct db_record){ .version = m->version, .description = m->description, .file = m->file, .type = migration_type_name(m->type), .checksum = m->checksum,
                                    .expect_rows = item->history_rows > 0 ? item->history_rows : 1, .last_done = w->mark,
                                    .next_file = next ? next->migration->file : NULL, .next_statements = next ? (int)next->facts.statements : 0 };
    w->record.kind = record_kind(plan, item);
    window_resolution(w, i);
    record.record = &w->record;
    return window_submit(w, &reset) && window_submit(w, &fence) && window_submit(w, &record);
}

/* One item up to its COMMIT, which is sent but not awaited: it travels with the next head. */
static bool send_item(struct window *w, uint32_t i)
{
    struct db_step commit = window_step(w, STEP_COMMIT, i);
    const struct plan_item *item = window_item(w, i);
    bool marks = item->resolve == RESOLVE_APPLIED || item->resolve == RESOLVE_ROLLED_BACK;
    if (item->facts.outside && !marks && !window_outside(w, i))
        return false;
    if (!window_head(w, i) || (!item->facts.outside && !marks && !send_statements(w, i)) || !window_trailer(w, i) || !window_drain(w, 0))
        return false;
    FAILPOINT("fence");
    if (engine_stopped(w->run->hooks))
        return false;
    w->committing_ms = w->started_ms;
    w->commit_out = true;
    return window_submit(w, &commit);
}

/* The answer to a COMMIT that is still on its way, before anything else is decided. */
bool window_settle(struct window *w, uint32_t i)
{
    struct db_step barrier = window_step(w, STEP_BARRIER, i);
    return !w->commit_out || (window_submit(w, &barrier) && window_drain(w, 0));
}

/* The answer to a COMMIT that is still on its way when something of this side failed: it decides what stands, and is never thrown away. */
static void settle_failed(struct window *w)
{
    struct window before = *w;
    if (!w->commit_out || w->down)
        return;
    w->failed = false;
    while (w->commit_out && w->outstanding > 0 && window_drain(w, w->outstanding - 1))
        continue;
    if (w->down || (w->failed && !w->commit_out && w->failed_kind == STEP_COMMIT))
        return; /* that came first */
    w->commit_out = false;
    w->failed = true;
    w->failed_kind = before.failed_kind;
    w->failed_item = before.failed_item;
    w->failed_at = before.failed_at;
    w->lost = before.lost;
    w->cancelled = before.cancelled;
    w->fault = before.fault;
}

/* What is known of the item that failed, where it ran outside a transaction. */
static void say_half(struct window *w)
{
    struct half_end end = { .how = "was the last that ran", .statement = w->at_statement, .block = w->at_block != BLOCK_NONE, .leaves = w->failed_kind == STEP_ALONE };
    if (w->failed_kind == STEP_ALONE)
        end.how = w->cancelled ? "was cancelled" : "failed";
    else if (w->failed_kind == STEP_START || w->failed_kind == STEP_SEAL)
        end.how = "was not sent";
    else if (w->failed_kind == STEP_DONE)
        end.how = "ran, but that could not be noted";
    engine_say_half(w->run, window_item(w, w->failed_item), &end);
}

/* Rolls back what is open and says what failed. */
static enum migrate_end give_up(struct window *w, struct error *err)
{
    struct run *run = w->run;
    const struct migration *m = window_item(w, w->failed_item)->migration;
    enum migrate_end end = w->cancelled ? MIGRATE_CANCELLED : MIGRATE_FAILED;
    bool trailer = w->failed_kind == STEP_FENCE || w->failed_kind == STEP_RECORD, began = w->failed_item < w->begun;
    struct error rolled = { 0 };
    if (!w->down && !run->driver->rollback(run->db, &rolled)) {
        w->down = true;
        w->fault = rolled;
    }
    if (w->down) {
        *err = w->fault;
        return w->commit_out ? MIGRATE_DOWN_COMMIT : MIGRATE_DOWN;
    }
    if (w->lost || (trailer && !w->cancelled && w->fault.code != ERR_LOCK_BUSY))
        end = engine_blame(run, window_item(w, w->failed_item), trailer, w->lost, &w->fault);
    if (end == MIGRATE_DOWN) {
        *err = w->fault;
        return end;
    }
    if (began)
        say_half(w);
    if (began && !w->fault.place.file[0])
        text_copy(w->fault.place.file, sizeof w->fault.place.file, m->file);
    if (w->fault.place.line && w->failed_at.line)
        script_mend_place(m->path, &w->failed_at, &w->fault.place);
    if (w->fault.place.line)
        script_show_place(m->path, &w->fault);
    if (w->fault.code == ERR_UNKNOWN_END) {
        /* Not rolled back for sure: nothing of that kind may be said. */
        error_state(&w->fault, "Whether %s, or a part of it, was committed is not known. %u migrations of this run before it are committed.", m->file, run->done);
        *err = w->fault;
        return end;
    }
    engine_say_state(run, began ? m : NULL);
    error_state(&w->fault, "%s", run->state);
    engine_hint_half(run, m->file, &w->fault);
    if (began)
        window_tell(w, end == MIGRATE_LOST ? EV_LOCK_LOST : run->half_applied ? EV_HALF_APPLIED : EV_MIGRATION_ROLLED_BACK, w->failed_item, (struct engine_event){ .error = &w->fault });
    *err = w->fault;
    return end;
}

/* Somebody asked to stop and no statement was running: nothing failed, what is open is rolled back. */
static void stop_here(struct window *w, uint32_t i)
{
    w->failed = w->cancelled = true;
    w->failed_kind = STEP_SQL;
    w->failed_item = i;
    error_set(&w->fault, ERR_CANCELLED, "stopped");
}

enum migrate_end engine_migrate(struct run *run, struct error *err)
{
    struct window w = { .run = run };
    uint32_t count = (uint32_t)run->plan->count, i = 0;
    bool ok = send_progress(&w);
    enum migrate_end end = MIGRATE_DONE;
    for (; ok && i < count; i++) {
        if (engine_stopped(run->hooks))
            break;
        ok = send_item(&w, i);
    }
    if (!w.failed && (!ok || i < count)) {
        /* Stopped: the COMMIT before, if any, is answered first; only then is it known what stands. */
        uint32_t at = ok ? i : i - 1;
        if (window_settle(&w, at))
            stop_here(&w, at < count ? at : count - 1);
    } else if (ok) {
        window_settle(&w, count - 1);
    }
    if (w.failed) {
        settle_failed(&w);
        end = give_up(&w, err);
    }
    while (w.first)
        forget_first(&w);
    script_close(w.script);
    return end;
}
