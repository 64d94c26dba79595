/* preview.h: a plan as a dialog shows it and a run follows it: plain copies, free of files and connections. */
#ifndef JETBASE_UI_PREVIEW_H
#define JETBASE_UI_PREVIEW_H

#include "inspection.h"
#include "preflight.h"

/* A dialog is read by a person: of a file with more statements than this the rest is counted, not shown. */
enum { PREVIEW_SQL_SHOWN = 200 };

/* How far a run has come with a file. */
enum preview_state { PREVIEW_WAITING, PREVIEW_RUNNING, PREVIEW_DONE, PREVIEW_UNDONE };

/* One migration that would run. Texts are safe to show, except file and version, which are keys. */
struct preview_item {
    char label[40];
    char *file, *shown, *version, *description; /* version: NULL for repeatables */
    enum plan_why why;
    unsigned statements;
    char how[160];             /* script_facts_words() */
    bool colons;               /* some `\:` is sent as `:` */
    bool outside;              /* runs outside a transaction */
    char **sql;                /* the statements' texts, the first sql_count of them, long ones cut */
    unsigned sql_count;
    enum preview_state state;
};

/* What is known of the half-applied file that a plan would end. Texts are safe to show. */
struct preview_half {
    bool back;                 /* its rollback section was left so */
    bool same;                 /* what ran stands in the file still: the numbers mean its statements */
    int started, done;
    char process_id[DB_ID_SIZE], command[200], started_at[40];
    char invalid[INSPECTION_INDEXES][INSPECTION_NAME];
    int invalid_count;
};

struct preview {
    enum plan_direction direction;
    char digest[CHECKSUM_SIZE];
    struct preview_item *items;
    size_t count;
    uint64_t statements;       /* of all items together */
    struct preflight preflight; /* an upgrade: what the database held against it when it was made; owned */
    bool looked;               /* that could be looked at */
    struct preview_half *half; /* of a resolve; else NULL */
};

/* Makes the plan over an open connection and copies what is to be shown. False with *err. The caller frees *out. */
bool preview_make(const struct project *project, struct db *db, const struct plan_wish *wish, struct preview **out, struct error *err);
/* Looks at a half-applied file and plans its end, whichever way is chosen: one item, and what is known of it. name: its file name. False with *err. The caller frees *out. */
bool preview_resolve(const struct project *project, struct db *db, const char *name, struct preview **out, struct error *err);
/* Copies a plan. False with *err. The caller frees *out. */
bool preview_copy(const struct plan *plan, struct db *db, struct preview **out, struct error *err);
/* The texts of a section's first statements (PREVIEW_SQL_SHOWN at most), safe to show, long ones cut: *sql and each of them is the caller's to free. False with *err; what was read so far is there. */
bool preview_sql(const struct migration *m, enum section_kind kind, const struct script_facts *facts, enum scan_dialect dialect, bool standard_strings, char ***sql, unsigned *count, struct error *err);
/* Frees it. NULL is allowed. */
void preview_free(struct preview *preview);
/* The item of that file, or NULL. */
struct preview_item *preview_find(struct preview *preview, const char *file);

#endif
