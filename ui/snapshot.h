/* snapshot.h: what the watcher saw at one moment. Immutable once made, reference-counted, shared between threads. */
#ifndef JETBASE_UI_SNAPSHOT_H
#define JETBASE_UI_SNAPSHOT_H

#include <stdatomic.h>

#include "files.h"
#include "lock.h"
#include "plan.h"
#include "project.h"

/* A pending migration. Texts are safe to show, except file, path and version, which are keys. */
struct snap_pending {
    char label[40];
    char *file, *shown, *description;
    char *path;               /* to open it, a key too */
    char *checksum;           /* of an earlier run of a repeatable, as recorded, or NULL */
    enum migration_type type;
    enum plan_why why;
    unsigned statements;
    bool outside;             /* runs outside a transaction */
    char fault[256];          /* why it can't run, or "" */
};

/* A file outside a transaction that was started and not ended. Texts are safe to show, except file and process_id, which are keys. */
struct snap_half {
    char label[40];
    char *file, *shown;
    bool back;                /* it is the rollback section that was left so */
    bool missing;             /* the file is gone */
    bool same;                /* what ran stands in the file still: the numbers mean its statements */
    int statements, started, done;
    char process_id[DB_ID_SIZE]; /* of the run that left it so */
};

enum snap_state { APPLIED_OK, APPLIED_CHANGED, APPLIED_MISSING, APPLIED_UNREADABLE };

/* A row of the history. */
struct snap_applied {
    char label[40];
    char *file, *version, *description; /* version: NULL for repeatables */
    char *path;                  /* of its file, a key; NULL: there is none, or the folder can't be read */
    char *checksum, *stored_at;  /* as recorded */
    char when[32];
    enum migration_type type;
    enum snap_state state;
};

/* A run that was. */
struct snap_run {
    char process_id[DB_ID_SIZE];
    char when[32], what[128], how[48];
    char more[300];           /* ", unlocked by root@vm", where there is room; or "" */
    bool open;                /* no end is recorded: the verdict says more, while it holds the lock */
    bool bad;                 /* it did not end well */
};

/* What changes seldom: files, history and runs. Counted apart, so that each look need not copy it. */
struct listing {
    atomic_uint refs;
    struct snap_pending *pending;
    size_t pending_count;
    struct snap_applied *applied;  /* newest first */
    size_t applied_count;
    struct snap_run *runs;         /* newest first */
    size_t runs_count;
    struct snap_half *half;        /* newest first */
    size_t half_count;
    char *invalid;                 /* the indexes that the server holds for invalid, one a line, as "schema.index on schema.table"; NULL: none, or nothing is half applied */
    enum scan_dialect dialect;
    bool standard_strings;
    char disagree[512];            /* why an upgrade would be refused by history, or "" */
    bool unread;                   /* some file could not be read; that may pass */
    struct error fault;            /* the folder can't be read (pending is empty then), or ERR_NONE */
};

struct snapshot {
    atomic_uint refs;        /* first: snapshot_with() copies what stands behind it */
    int64_t seen_mono_ms, seen_wall_us; /* when the looking began: what it says was true then or later */
    struct db_about about;
    char title[420];               /* "shop @ db.example (public)", safe to show */
    char place[260];               /* "shop @ db.example", safe to show */
    bool sessions;                 /* the holder's session can be ended (PostgreSQL) */
    bool skip_validation;          /* the project wants files that disagree to be passed over */
    struct lock_view lock;
    struct listing *listing;       /* never NULL once it is published */
    int64_t listing_wall_us;       /* when history and files were last found to be as the listing says */
};

/* Looks at the lock; the listing is the caller's to add (a reference that the snapshot then owns), with its time. NULL with *err where it can't be seen. The caller owns one reference. */
struct snapshot *snapshot_look(const struct project *project, struct db *db, const struct sys *sys, struct error *err);
/* The same look with another listing, whose reference it takes. NULL where memory ran out; the listing is given up then. */
struct snapshot *snapshot_with(const struct snapshot *look, struct listing *listing);
/* Counts one owner more; returns its argument. NULL is allowed. */
struct snapshot *snapshot_ref(struct snapshot *snap);
/* Counts one owner less; the last one frees. NULL is allowed. */
void snapshot_unref(struct snapshot *snap);
/* An empty listing with one reference, NULL where memory ran out. For snapshots made by hand too. */
struct listing *listing_new(void);
/* Reads history and runs, and the folder where `anew` says so. `before` (MAY be NULL) is the last listing, *history (MAY be NULL) the history that it was made from, replaced by what the new one was made from. Gives `before`, with one reference more, where all is as it was. NULL with *err on failure; *history stays then. */
struct listing *listing_read(struct files *files, bool anew, struct db *db, struct listing *before, struct history **history, struct error *err);
/* Fills what is half applied from a history and the folder (MAY be NULL). False with *err. */
bool listing_read_half(struct listing *listing, struct folder *folder, const struct history *history, struct error *err);
/* Fills the invalid indexes. Asked only where something is half applied: elsewhere one is nobody's concern here. False with *err. */
bool listing_read_invalid(struct listing *listing, const struct history *history, struct db *db, struct error *err);
/* The half-applied file of that name, or NULL. */
const struct snap_half *listing_half(const struct listing *listing, const char *file);
/* Reads the folder alone: history and runs are those of before. NULL with *err on failure. */
struct listing *listing_reread(struct files *files, const struct listing *before, const struct history *history, struct error *err);
/* Counts one owner more, or less (the last one frees). NULL is allowed. */
struct listing *listing_ref(struct listing *listing);
void listing_unref(struct listing *listing);

#endif
