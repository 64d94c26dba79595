/* engine_outside.c: a file outside a transaction: its statements one by one, each marked as started before it is sent and as done after it was answered (RUNNING: Outside a transaction). */
#include <stdio.h>
#include <string.h>

#include "engine_window.h"
#include "failpoint.h"
#include "prefix.h"

/* Fails the item for a fault of this side, unless it is only that somebody stopped the reading. Always false. */
static bool fails(struct window *w, uint32_t i)
{
    if (w->fault.code == ERR_CANCELLED && engine_stopped(w->run->hooks))
        return false;
    w->failed = true;
    w->failed_kind = STEP_SQL;
    w->failed_item = i;
    return false;
}

static bool step_alone(struct window *w, struct db_step *step)
{
    return window_submit(w, step) && window_drain(w, 0);
}

/* The fingerprint is that of the statements which are done once the mark stands. */
static struct db_step marking(struct window *w, enum db_step_kind kind, uint32_t i, uint32_t number)
{
    const struct plan_item *item = window_item(w, i);
    struct db_step step = window_step(w, kind, i);
    w->record = (struct db_record){ .next_file = item->migration->file, .next_statements = (int)item->facts.statements, .prefix = kind == STEP_START ? w->prefix : w->prefix_done };
    window_resolution(w, i);
    step.record = &w->record;
    step.statement = number;
    step.lock_timeout_ms = item->facts.lock_timeout_ms;
    step.statement_timeout_ms = item->facts.statement_timeout_ms;
    return step;
}

/* One statement between its marks. What a block of the file's own does is marked where it begins and, within it, where it commits: in between nothing is lasting. */
static bool run_statement(struct window *w, uint32_t i, uint32_t number, bool first, struct script *script, const struct scan_statement *found)
{
    enum db_block block = script_block(script);
    struct db_step before = marking(w, block == BLOCK_COMMIT ? STEP_SEAL : STEP_START, i, number), alone = window_step(w, STEP_ALONE, i), after;
    before.application = first ? w->application : NULL;
    w->at_statement = number;
    w->at_block = block;
    if (block != BLOCK_INSIDE && !step_alone(w, &before))
        return false;
    FAILPOINT("started");
    alone.statement = number;
    window_text(&alone, script, found);
    alone.block = block;
    if (!step_alone(w, &alone)) {
        w->failed_at = found->at;
        return false;
    }
    after = marking(w, STEP_DONE, i, number);
    if (block == BLOCK_NONE && !step_alone(w, &after))
        return false;
    FAILPOINT("done");
    return true;
}

static struct script *open_script(struct window *w, uint32_t i)
{
    const struct plan_item *item = window_item(w, i);
    enum section_kind kind = w->run->plan->direction == PLAN_UPGRADE ? SECTION_UPGRADE : SECTION_ROLLBACK;
    struct script *script = NULL;
    if (!script_open(item->migration, kind, engine_dialect(w->run->db), w->run->driver->about(w->run->db)->standard_strings, &script, &w->fault))
        fails(w, i);
    return script;
}

/* Nothing of a file that is not the planned one may be sent: it can't be taken back. */
static bool unchanged(struct window *w, uint32_t i)
{
    struct scan_statement found;
    enum scan_answer got = SCAN_ERROR;
    struct script *script = open_script(w, i);
    while (script && (got = script_next(script, &found, &w->fault)) == SCAN_STATEMENT)
        continue;
    bool ok = got == SCAN_END && script_unchanged(script, &w->fault);
    script_close(script);
    return ok || fails(w, i);
}

/* What is on its way is answered first, and a Sync ends it: a statement outside a transaction must be the first after one. */
static bool clear_the_way(struct window *w, uint32_t i)
{
    struct db_step barrier = window_step(w, STEP_BARRIER, i);
    return step_alone(w, &barrier);
}

bool window_outside(struct window *w, uint32_t i)
{
    const struct plan_item *item = window_item(w, i);
    struct scan_statement found;
    enum scan_answer got = SCAN_ERROR;
    uint32_t number = 0;
    bool ok = clear_the_way(w, i) && unchanged(w, i), first = true;
    if (!ok || engine_stopped(w->run->hooks))
        return false;
    w->begun = i + 1;
    w->started_ms = w->run->sys->mono_ms();
    snprintf(w->application, sizeof w->application, "jetbase %u/%zu %s", i + 1, w->run->plan->count, item->migration->file);
    window_tell(w, EV_MIGRATION_STARTED, i, (struct engine_event){ .statement = item->from > 0 ? item->from - 1 : 0 });
    struct script *script = open_script(w, i);
    struct prefix *prefix = prefix_open();
    ok = prefix || (error_set(&w->fault, ERR_NO_MEMORY, "out of memory"), fails(w, i));
    while (script && ok && (got = script_next(script, &found, &w->fault)) == SCAN_STATEMENT) {
        bool runs = ++number >= item->from;
        prefix_hex(prefix, w->prefix);
        prefix_add(prefix, &found);
        prefix_hex(prefix, w->prefix_done);
        if (runs) {
            ok = !engine_stopped(w->run->hooks) && run_statement(w, i, number, first, script, &found);
            first = false;
        }
    }
    ok = ok && script && (got == SCAN_END && script_unchanged(script, &w->fault) ? !engine_stopped(w->run->hooks) : fails(w, i));
    script_close(script);
    prefix_close(prefix);
    return ok;
}
