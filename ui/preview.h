/* preview.h: a plan as a dialog shows it and a run follows it: plain copies, free of files and connections. */
#ifndef JETBASE_UI_PREVIEW_H
#define JETBASE_UI_PREVIEW_H

#include "engine.h"

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
    char **sql;                /* the statements' texts, the first sql_count of them, long ones cut */
    unsigned sql_count;
    enum preview_state state;
};

struct preview {
    enum plan_direction direction;
    char digest[CHECKSUM_SIZE];
    struct preview_item *items;
    size_t count;
    uint64_t statements;       /* of all items together */
};

/* Makes the plan over an open connection and copies what is to be shown. False with *err. The caller frees *out. */
bool preview_make(const struct project *project, struct db *db, const struct plan_wish *wish, struct preview **out, struct error *err);
/* Frees it. NULL is allowed. */
void preview_free(struct preview *preview);
/* The item of that file, or NULL. */
struct preview_item *preview_find(struct preview *preview, const char *file);

#endif
