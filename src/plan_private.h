/* plan_private.h: what plan.c, plan_check.c and plan_pending.c share. */
#ifndef JETBASE_PLAN_PRIVATE_H
#define JETBASE_PLAN_PRIVATE_H

#include "plan.h"
#include "text.h"

/* How history and files disagree: names, joined with ", ". Free with disagreement_free(). */
struct disagreement {
    struct text changed;       /* versions whose file has another checksum */
    struct text missing;       /* versions without their file */
    struct text repeatables;   /* files of repeatables that are gone */
    char first_missing[256];   /* the first of `missing`, as history spells it */
    unsigned changed_count, missing_count, repeatable_count;
};

/* Whether a versioned migration is pending: no version of history is equal to its own. */
bool plan_is_pending(const struct history *history, const struct migration *m);

/* The row that new versions are compared with: the highest applied version. A file with the directive out-of-order may be the one applied last, and below it. Where the last one is no version, that one; NULL where none is applied. */
const struct history_entry *plan_order_mark(const struct history *history);

/* Whether m, which is pending, does not run because its version is below `mark` and its head does not say out-of-order. False: the file can't be read. */
bool plan_passed_over(const struct migration *m, const struct history_entry *mark, bool *out, struct error *err);

/* Whether a row before history->rows[i] is about the same version or file: Python Jetbase leaves doubles. */
bool plan_seen_before(const struct history *history, size_t i);

/* Finds versions and repeatables without a file. False only where memory ran out. */
bool plan_find_missing(struct folder *folder, const struct history *history, struct disagreement *d, struct error *err);

/* Finds changed versions, hashing every applied file. A file that can't be hashed: false and *err, or, with `unreadable`, its name and message are added there. */
bool plan_find_changed(struct folder *folder, const struct history *history, struct disagreement *d, struct text *unreadable, struct error *err);

/* Refuses what Jetbase refuses before an upgrade (ERR_HISTORY). */
bool plan_validate(struct folder *folder, const struct history *history, const struct plan_wish *wish, struct error *err);

/* Whether a repeatable would run, and why; m is hashed already. */
bool plan_repeatable_runs(const struct history *history, const struct migration *m, enum plan_why *why);

/* Finds the file that a resolve is about. */
bool plan_find_resolve(struct folder *folder, const struct history *history, const struct plan_wish *wish, struct migration **out, struct error *err);

/* Whether a resolve can be done as it is wished: its first statement, what stands before that one, its row in the history. */
bool plan_check_resolve(const struct plan *plan, const struct history *history, const struct plan_wish *wish, enum scan_dialect dialect, bool standard_strings, struct error *err);

/* Frees what d holds, not d itself. */
void disagreement_free(struct disagreement *d);

#endif
