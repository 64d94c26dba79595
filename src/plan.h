/* plan.h: what would run, in order, and its digest. */
#ifndef JETBASE_PLAN_H
#define JETBASE_PLAN_H

#include "history.h"
#include "migration.h"
#include "script.h"

enum plan_direction { PLAN_UPGRADE, PLAN_ROLLBACK };
enum plan_why { WHY_NEW, WHY_CHANGED, WHY_ALWAYS, WHY_HALF };

/* How a half-applied file is ended. */
enum plan_resolve { RESOLVE_NONE, RESOLVE_RERUN, RESOLVE_APPLIED, RESOLVE_ROLLED_BACK };

/* One migration that would run. */
struct plan_item {
    struct migration *migration;   /* belongs to the folder, which must outlive the plan */
    enum plan_why why;
    struct script_facts facts;     /* of the section that runs */
    int64_t history_rows;          /* rows it has now: what the record step must change, 0 for an insert */
    enum plan_resolve resolve;
    unsigned from;                 /* RERUN: the first statement that runs; else 0 */
};

struct plan {
    enum plan_direction direction;
    struct plan_item *items;
    size_t count;
    char note[512];                /* pending files that are left out (below the latest applied, let stand by skip_files), in a sentence for a warning, or "" */
    char digest[CHECKSUM_SIZE];    /* over direction, file names, versions and raw hashes, in order; of a resolve also over the run that left the file half applied and its numbers, not over the way out, which is the wish's */
};

/* What is asked for. */
struct plan_wish {
    enum plan_direction direction;
    int count;               /* 0: not given. Upgrade: versioned files at most; rollback: 1 where neither is given */
    const char *to_version;  /* NULL: not given. Rollback: everything applied after it */
    bool no_versions;        /* upgrade: repeatables alone (what was asked for of the versioned ones is done) */
    bool skip_checksums, skip_files;
    const atomic_int *stop;  /* MAY be NULL; not zero: no file is read any more, ERR_CANCELLED */
    enum plan_resolve resolve;     /* not NONE: the plan is this one half-applied file, and nothing else of the wish counts but the direction it was left in */
    const char *resolve_name;      /* its file name or version */
    unsigned resolve_from;
};

/* Makes the plan, pure but for reading files: validates history against files (ERR_HISTORY, in Jetbase's words: checksum mismatch, missing file, out of order), refuses to go past a half-applied file, chooses, hashes, checks every section that would run. An empty plan is no error. */
bool plan_make(struct folder *folder, const struct history *history, const struct plan_wish *wish, enum scan_dialect dialect, bool standard_strings, struct plan **out, struct error *err);
/* The newest half-applied run that `name`, a file name or a version (`7`, `V7`), means; NULL with *err (ERR_HISTORY) where there is none. */
const struct run_row *plan_find_half(const struct history *history, const char *name, struct error *err);
/* Frees it. NULL is allowed. */
void plan_free(struct plan *plan);

/* Pending for status and console: like an upgrade plan, but nothing is an error; faults are told per file. */
struct pending_item {
    const struct migration *migration;
    enum plan_why why;
    unsigned statements;     /* 0 where `fault` is set */
    bool outside;            /* runs outside a transaction */
    bool unread;             /* its file could not be read; that may pass */
    bool passed_over;        /* its version is below the latest applied and it is not out-of-order: an upgrade is refused */
    char half[300];          /* WHY_HALF: what is known of its statements, in words; else "" */
    char fault[256];         /* out of order, unreadable, refused: one line; or "" */
};
struct pending {
    struct pending_item *items;
    size_t count;
    char disagree[512];      /* why an upgrade would be refused by history (changed, missing), or "" */
};
/* Lists what is pending. False only where memory runs out. */
bool pending_list(struct folder *folder, const struct history *history, enum scan_dialect dialect, bool standard_strings, struct pending **out, struct error *err);
/* What `status --check` answers: the exit code 5 where history and files disagree, a file is half applied or passed over (that comes first: an upgrade would be refused), 7 where something is pending, else 0. RA files run at every upgrade, so they alone make nothing pending: else the answer would be the same for ever. */
int pending_check(const struct pending *p, const struct history *h);
/* Frees it. NULL is allowed. */
void pending_free(struct pending *pending);
/* "new", "changed", "always", "half-applied". */
const char *plan_why_name(enum plan_why why);

/* The file of a history row, or NULL: it is missing. Versions that are spelt differently but equal (`1.0`, `1`) are the same. */
struct migration *plan_file_of(struct folder *folder, const struct history_entry *row);

#endif
