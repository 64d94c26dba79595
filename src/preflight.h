/* preflight.h: what the target holds against a plan right now; for the dry run, a run with --preflight, and the console's plan dialog. Read only. */
#ifndef JETBASE_PREFLIGHT_H
#define JETBASE_PREFLIGHT_H

#include "db.h"
#include "plan.h"

/* The findings, checks in the driver's order; one check may have several. Zero-initialise; free with preflight_free(). Plain data that may cross threads. */
struct preflight {
    struct preflight_check *checks;
    size_t count;
};

/* Names of tables that the plan's statements seem to name: identifiers behind TABLE, ON, UPDATE, INTO, FROM, REFERENCES, JOIN and the like, as they are written, each once, at most PREFLIGHT_NAMES. Best effort, no parser: dynamic SQL and functions hide theirs. Free with preflight_names_free(). False only where memory runs out. */
enum { PREFLIGHT_NAMES = 256 };
bool preflight_names(const struct plan *plan, enum scan_dialect dialect, bool standard_strings, char ***names, size_t *count, struct error *err);
void preflight_names_free(char **names, size_t count);
/* Asks the database (an idle connection, DB_LOOK) about the plan. False: it can't be asked; *err. */
bool preflight_make(struct db *db, const struct plan *plan, struct preflight *out, struct error *err);
/* How many findings have that state. */
size_t preflight_number(const struct preflight *preflight, enum preflight_state state);
/* "ok", "warn", "blocks", "hidden". */
const char *preflight_state_name(enum preflight_state state);
/* Frees what it holds. */
void preflight_free(struct preflight *preflight);

#endif
