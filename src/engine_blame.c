/* engine_blame.c: after a failure at fence or record: was the lock lost, did the file itself meddle with our tables, or did somebody else? */
#include <string.h>

#include "engine_private.h"
#include "text.h"

static bool seen_one(void *user, const struct run_row *row)
{
    (void)row;
    *(bool *)user = true;
    return false;
}

/* Is it a fault of what was found in the tables? Not one of the server, the disk, a timeout or the transaction's mode. */
static bool of_the_tables(const struct error *fault)
{
    static const char *const classes[] = { "08", "25", "40", "53", "54", "55", "57", "58", "XX" };
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strncmp(fault->sqlstate, classes[i], 2) == 0)
            return false;
    return fault->code == ERR_SQL || fault->code == ERR_HISTORY || fault->code == ERR_MEDDLED || fault->code == ERR_LOCK_LOST;
}

/* Is what the rollback has brought back as the plan saw it? Then it was the file that spoiled the record; else somebody else changed it. */
static bool spoiled_by_file(struct run *run, const struct plan_item *item, const struct error *fault)
{
    struct history *history = NULL;
    struct error ignored = { 0 };
    bool there = !lock_has_run(run->lock), same = false;
    if (!of_the_tables(fault))
        return false;
    if (history_read(run->db, &history, &ignored))
        same = history_rows_of(history, item->migration) == item->history_rows;
    history_free(history);
    return same && (there || (run->driver->runs_read(run->db, lock_process_id(run->lock), 1, seen_one, &there, &ignored) && there));
}

/* Is it certain that the file did it? Its own row gone, a table missing that the rollback brought back; anything else may have stood there before: a trigger, a rule, a column. */
static bool surely_the_file(const struct error *fault, bool lost)
{
    return lost || strcmp(fault->sqlstate, "42P01") == 0 || strcmp(fault->sqlstate, "3F000") == 0;
}

static enum migrate_end blame_file(const char *file, bool surely, struct error *fault)
{
    char why[sizeof fault->message];
    text_copy(why, sizeof why, fault->message);
    error_set(fault, ERR_MEDDLED, surely ? "%s changes jetbase's own tables, or takes them away: its run can't be recorded"
                                         : "%s can't be recorded: it, or somebody before it, has changed jetbase's own tables", file);
    error_detail(fault, "%s", why);
    error_hint(fault, surely ? "Take those statements out of the file; jetbase keeps jetbase_migrations, jetbase_lock and jetbase_runs itself."
                             : "Take such statements out of the file; where it has none, look for triggers, rules, constraints and columns on jetbase_migrations and jetbase_runs that are not jetbase's.");
    return MIGRATE_FAILED;
}

/* The lock still names us, and the file is not to blame: the fault speaks for itself. */
static enum migrate_end blame_others(struct error *fault)
{
    if (strcmp(fault->sqlstate, "23505") == 0) {
        fault->code = ERR_HISTORY;
        error_hint(fault, "Another program recorded it meanwhile. Look at `jetbase history`, then run the command again.");
    } else if (fault->code == ERR_MEDDLED || fault->code == ERR_LOCK_LOST) {
        fault->code = ERR_FAILED; /* the run row is gone, the lock is not */
    }
    return MIGRATE_FAILED;
}

static enum migrate_end blame_unlocker(const char *file, const struct lock_view *view, const struct error *looked, struct error *fault)
{
    error_set(fault, ERR_LOCK_LOST, "the lock was lost: somebody unlocked it while %s ran", file);
    if (looked)
        error_detail(fault, "Who holds it now could not be seen: %s", looked->message);
    else if (view->row.locked)
        error_detail(fault, "It is now held by process ID %s.", view->row.process_id);
    else
        error_detail(fault, "It is free now.");
    error_hint(fault, "`jetbase runs` tells who unlocked it. Run the command again once nobody else migrates.");
    return MIGRATE_LOST;
}

enum migrate_end engine_blame(struct run *run, const struct plan_item *item, bool trailer, bool lost, struct error *fault)
{
    struct lock_view view;
    struct error looked = { 0 };
    const char *file = item ? item->migration->file : engine_baselines(run) ? "the baseline" : "the repair of history";
    bool seen = lock_look(run->db, &view, &looked);
    if (looked.code == ERR_NO_CONNECTION) {
        *fault = looked;
        return MIGRATE_DOWN;
    }
    if (seen && view.row.locked && strcmp(view.row.process_id, lock_process_id(run->lock)) == 0)
        return item && trailer && (lost || spoiled_by_file(run, item, fault)) ? blame_file(file, surely_the_file(fault, lost), fault) : blame_others(fault);
    if (!seen && !lost)
        return MIGRATE_FAILED; /* nothing was seen, so nothing is claimed but the fault itself */
    return blame_unlocker(file, &view, seen ? NULL : &looked, fault);
}
