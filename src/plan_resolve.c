/* plan_resolve.c: the plan that ends a half-applied file. */
#include <stdlib.h>
#include <string.h>

#include "half.h"
#include "plan_private.h"
#include "version.h"

/* Does `name` mean this file: its whole name, or its version, with or without the V? */
static bool means(const char *name, const char *file)
{
    enum migration_type type;
    char *version = NULL, *description = NULL;
    bool is_migration = false, same = strcmp(name, file) == 0;
    struct error ignored = { 0 };
    if (same)
        return true;
    if (name[0] == 'V' || name[0] == 'v')
        name++;
    if (migration_name_parse(file, &type, &version, &description, &is_migration, &ignored) && is_migration && version && version_valid(name))
        same = version_compare(version, name) == 0;
    free(version);
    free(description);
    return same;
}

const struct run_row *plan_find_half(const struct history *history, const char *name, struct error *err)
{
    char shown[512], other[512];
    for (size_t i = 0; i < history->half_count; i++)
        if (means(name, history->half[i].file))
            return &history->half[i];
    text_visible(shown, sizeof shown, name);
    for (size_t i = 0; i < history->live_count; i++) {
        if (!means(name, history->live[i].file))
            continue;
        error_set(err, ERR_HISTORY, "'%s' is not half applied: process ID %s still runs it", shown, history->live[i].process_id);
        error_hint(err, "Wait until it has ended; `jetbase runs` and `jetbase lock-status` show it.");
        return NULL;
    }
    error_set(err, ERR_HISTORY, "'%s' is not half applied: there is nothing to resolve", shown);
    if (history->half_count > 0) {
        text_visible(other, sizeof other, history->half[0].file);
        error_hint(err, "Half applied is %s.", other);
    } else {
        error_hint(err, "No file is. `jetbase status` shows what is applied and what is pending.");
    }
    return NULL;
}

bool plan_find_resolve(struct folder *folder, const struct history *history, const struct plan_wish *wish, struct migration **out, struct error *err)
{
    char shown[512];
    const struct run_row *row = plan_find_half(history, wish->resolve_name, err);
    if (!row)
        return false;
    text_visible(shown, sizeof shown, row->file);
    if (half_in_rollback(row) != (wish->direction == PLAN_ROLLBACK))
        return error_set(err, ERR_PLAN, "%s is no longer half applied in the section that was looked at; nothing was run", shown);
    *out = NULL;
    for (size_t i = 0; i < folder_count(folder) && !*out; i++)
        if (strcmp(folder_at(folder, i)->file, row->file) == 0)
            *out = folder_at(folder, i);
    if (*out)
        return true;
    error_set(err, ERR_HISTORY, "%s is half applied, but its file is missing", shown);
    return error_hint(err, "Put the file back, then run the command again.");
}

/* A part of a transaction of the file can't run without its BEGIN. */
static bool check_from(const struct plan *plan, const struct plan_item *item, enum scan_dialect dialect, bool standard_strings, struct error *err)
{
    struct script *script = NULL;
    struct scan_statement found;
    unsigned number = 0, begin = 0;
    bool ok = script_open(item->migration, plan->direction == PLAN_UPGRADE ? SECTION_UPGRADE : SECTION_ROLLBACK, dialect, standard_strings, &script, err);
    while (ok && number < item->from && script_next(script, &found, err) == SCAN_STATEMENT) {
        number++;
        if (script_block(script) == BLOCK_BEGIN)
            begin = number;
    }
    ok = ok && number == item->from;
    if (ok && (script_block(script) == BLOCK_INSIDE || script_block(script) == BLOCK_COMMIT)) {
        error_set(err, ERR_USAGE, "statement %u stands inside a transaction of the file, which begins with statement %u", item->from, begin);
        ok = error_hint(err, "Go on where it begins: --from %u", begin);
    }
    script_close(script);
    return ok;
}

/* To go on behind statements that ran, they must be the ones that stand there, and none may be passed over that was never started. */
static bool check_before(const struct plan_item *item, const struct history *history, enum scan_dialect dialect, bool standard_strings, struct error *err)
{
    const struct run_row *row = half_of(history, item->migration->file);
    char shown[512];
    bool same = false;
    if (!row || item->from == 1)
        return true;
    text_visible(shown, sizeof shown, item->migration->file);
    if (!half_same(row, item->migration, dialect, standard_strings, &same, err))
        return false;
    if (!same) {
        error_set(err, ERR_HISTORY, "%s was changed where its statements are done: its numbers no longer mean the statements that ran", shown);
        return error_hint(err, "Put those statements back as they were; or undo by hand what was done and run it anew by --from 1; or end it by --mark-applied or --mark-rolled-back.");
    }
    if (item->from > (unsigned)row->started_statement + 1) {
        error_set(err, ERR_USAGE, "statement %d was not run, so nothing behind it can be the next one", row->started_statement + 1);
        return error_hint(err, "Go on with it: --from %d; or take out of the file what shall not run.", row->started_statement + 1);
    }
    return true;
}

/* A mark leaves the history as it is where that is what the mark says; it never says what the history then contradicts. */
static bool check_mark(const struct plan *plan, const struct plan_item *item, const struct plan_wish *wish, struct error *err)
{
    if (wish->resolve == RESOLVE_NONE || item->migration->type != MIGRATION_VERSIONED)
        return true;
    bool up = plan->direction == PLAN_UPGRADE, there = item->history_rows > 0;
    if (up && there && wish->resolve == RESOLVE_ROLLED_BACK) {
        error_set(err, ERR_HISTORY, "the history has this version already: another program recorded it as applied");
        return error_hint(err, "Look at `jetbase history`; then --mark-applied, which leaves the history as it is. What is applied can be rolled back afterwards.");
    }
    if (!up && !there && wish->resolve == RESOLVE_APPLIED) {
        error_set(err, ERR_HISTORY, "the history no longer has this version: another program took it out");
        return error_hint(err, "Look at `jetbase history`; then --mark-rolled-back, which leaves the history as it is.");
    }
    return true;
}

bool plan_check_resolve(const struct plan *plan, const struct history *history, const struct plan_wish *wish, enum scan_dialect dialect, bool standard_strings, struct error *err)
{
    const struct plan_item *item = plan->items;
    if (wish->resolve != RESOLVE_RERUN)
        return check_mark(plan, item, wish, err);
    if (item->from < 1 || item->from > item->facts.statements) {
        error_set(err, ERR_USAGE, "there is no statement %u in the section: it has %u", item->from, item->facts.statements);
        return error_hint(err, "Where all statements are done: %s", plan->direction == PLAN_UPGRADE ? "--mark-applied" : "--mark-rolled-back");
    }
    if (plan->direction == PLAN_UPGRADE && item->migration->type == MIGRATION_VERSIONED && item->history_rows > 0) {
        error_set(err, ERR_HISTORY, "the history has this version already: another program recorded it");
        return error_hint(err, "Look at `jetbase history`; then --mark-applied, which leaves the history as it is.");
    }
    if (!item->facts.outside)
        return item->from == 1 || error_set(err, ERR_USAGE, "the section now runs in a transaction, so it runs whole: --from 1");
    return check_from(plan, item, dialect, standard_strings, err) && check_before(item, history, dialect, standard_strings, err);
}
