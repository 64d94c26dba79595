/* model.h: the state of the console. Pure: no terminal, no threads, no database. What is to be done is returned as an effect, never done here. */
#ifndef JETBASE_UI_MODEL_H
#define JETBASE_UI_MODEL_H

#include "message.h"

enum { MODEL_MIN_COLS = 60, MODEL_MIN_ROWS = 16, MODEL_TYPED_SIZE = 64, MODEL_LOG_LINES = 64, MODEL_PATIENCE_MS = 5000 };

/* Panes by the number in their title. */
enum pane { PANE_LOCK = 1, PANE_PENDING = 2, PANE_APPLIED = 3, PANE_DETAIL = 4, PANE_RUNS = 5 };

enum dialog_kind { DIALOG_NONE, DIALOG_UPGRADE, DIALOG_ROLLBACK, DIALOG_UNLOCK, DIALOG_BLOCKER, DIALOG_VERIFY, DIALOG_FIX, DIALOG_BASELINE, DIALOG_RESOLVE, DIALOG_REHEARSE, DIALOG_CANCEL, DIALOG_QUIT, DIALOG_HELP, DIALOG_ERROR };

/* Beside enum repair_part: not a repair, but the versions up to `to_version` recorded as applied. */
enum { PARTS_BASELINE = 1 << 16 };

/* How far a dialog is. */
enum dialog_stage {
    STAGE_WAITING,   /* the plan is being made, or the unlock is under way */
    STAGE_ASK,       /* it can be confirmed */
    STAGE_TOLD       /* nothing can be confirmed any more: it says why, and Esc leaves it */
};

struct dialog {
    enum dialog_kind kind;
    enum dialog_stage stage;
    bool dry;                    /* a plan to look at, not to run */
    bool statements;             /* upgrade: the texts of the statements are shown */
    uint64_t job;                /* the answer it waits for */
    struct preview *plan;        /* owned; MAY be NULL */
    struct rehearsal *rehearsal; /* rehearse: what it found; owned; MAY be NULL */
    struct repair repair;        /* fix: what would be changed; owned */
    unsigned parts;              /* fix: which parts of the history, enum repair_part */
    char file[512];              /* resolve: the half-applied file */
    enum plan_resolve way;       /* resolve: the way out that is chosen; RESOLVE_NONE: none yet */
    unsigned from;               /* resolve: the statement that RESOLVE_RERUN begins with */
    int64_t answered_us;         /* resolve: when the plan came; what the looks after it say is newer */
    struct lock_view lock;       /* unlock: the holder that is asked about */
    bool terminate, terminate_forced;
    int count;                   /* upgrade: so many versions at most; 0: all */
    char to_version[160];        /* roll back: everything newer than this; "": the last one; baseline: up to this */
    bool take_over;              /* upgrade: from the dead holder in `lock` */
    struct db_blocker blocker;   /* x, X: whom it is about */
    bool end;                    /* X: its session, not its statement */
    char typed[MODEL_TYPED_SIZE];
    size_t scroll;
    char told[512];              /* STAGE_TOLD: the sentence */
    struct error error;          /* STAGE_TOLD and DIALOG_ERROR: what happened, or ERR_NONE */
    char title[120];             /* DIALOG_ERROR */
};

/* This console's own run. */
struct own_run {
    bool on;                     /* from the confirmation until the engine has returned */
    bool cancelling;
    bool locked;                 /* the lock is ours, as the engine said */
    char process_id[DB_ID_SIZE];
    int session_pid;
    enum plan_direction direction;
    enum plan_resolve resolve;   /* the end of a half-applied file; else RESOLVE_NONE */
    unsigned from;               /* RESOLVE_RERUN: its first statement */
    unsigned parts;              /* a repair of these parts of the history; else 0 */
    bool half;                   /* it has left a file half applied */
    struct preview *plan;        /* what was confirmed; owned; NULL for a repair */
    uint32_t migration, migrations, statement, statements, done;
    char file[512];
    double took_ms[PREVIEW_SQL_SHOWN]; /* of each statement of this file that is done; -1 not told */
    bool looked;                 /* the person has chosen what the detail shows since the run began */
    int64_t started_ms, locked_ms, statement_ms; /* monotonic */
    int64_t ended_ms;            /* monotonic; 0 while it runs and before the first */
};

struct log_line {
    int64_t at_us;
    char text[160];
};

struct list {
    size_t chosen, top;
};

/* A text that is looked for in the pane that has the focus. */
struct search {
    bool typing;
    char text[MODEL_TYPED_SIZE];
};

struct model {
    int rows, cols;
    bool read_only;
    char target[64];             /* name of the target; "" none */
    bool guarded;                /* it is protected */
    bool held_back;              /* and that is why the console is read-only: --yes was not said */
    int refresh_ms;              /* the longest time between two looks, while they are answered */
    int64_t mono_ms, wall_us;    /* now */
    struct snapshot *snap;       /* the last look that succeeded; NULL before the first */
    bool up;                     /* the last look succeeded */
    struct error down;           /* why it did not */
    enum pane focus;
    struct list pending, applied, runs;
    int pending_label_cols, pending_right_cols, applied_label_cols; /* columns of the widest cells of all rows, in sight or not; of `snap`'s listing */
    enum pane chosen_in;         /* whose chosen row the detail shows: pending or applied */
    enum pane focus_before;      /* where Esc goes back to from the detail */
    bool zoom;                   /* the pane that has the focus takes all the room below the lock */
    struct detail_want want;     /* the file the detail is about */
    struct detail *detail;       /* what was read of a file; owned, MAY be NULL or of another file than wanted */
    size_t detail_top;           /* its first line in sight */
    struct search search;
    struct own_run run;
    struct log_line log[MODEL_LOG_LINES];
    size_t log_count;            /* all ever written; the newest stands at (log_count - 1) % MODEL_LOG_LINES */
    bool log_shown;              /* in the place of the runs */
    struct dialog dialog;
    char status[512];            /* said until the next key; "" none */
    bool status_bad;
    uint64_t jobs;               /* number of the last job handed out */
    bool unlocking;              /* an unlock is under way */
    bool rehearsing;             /* a rehearsal is under way, or being rolled back */
    bool quitting;               /* leave as soon as the own run has ended */
    int quit_signal;             /* and the signal that asked for it, or 0 */
    char copy[2048];             /* FX_COPY: the text */
    char farewell[512];          /* said after the terminal is restored; "" nothing */
};

/* What is to be done now. */
struct effect {
    enum { FX_NONE, FX_PLAN, FX_FIND, FX_REHEARSE, FX_RUN, FX_UNLOCK, FX_BLOCKER, FX_CANCEL_OWN, FX_COPY, FX_PAGER, FX_EDITOR, FX_REDRAW, FX_SUSPEND, FX_QUIT } what;
    bool read;                   /* model->want has changed: read that file */
    bool flush;                  /* keys typed ahead must be thrown away: a dialog has changed */
    uint64_t job;                /* FX_PLAN, FX_FIND, FX_REHEARSE, FX_UNLOCK, FX_BLOCKER */
    enum plan_direction direction; /* FX_PLAN, FX_RUN */
    int count;                   /* FX_PLAN, FX_REHEARSE, FX_RUN: as in the dialog */
    char to_version[160];        /* FX_PLAN, FX_RUN; a baseline's FX_FIND */
    char file[512];              /* FX_PLAN, FX_RUN: the half-applied file that is to be resolved; "": none */
    enum plan_resolve resolve;   /* FX_RUN: how */
    unsigned from;               /* FX_RUN: RESOLVE_RERUN */
    unsigned parts;              /* FX_FIND, FX_RUN: a repair of these parts of the history; 0: none */
    bool take_over;              /* FX_RUN: from the dead holder process_id */
    int blocker_pid;             /* FX_BLOCKER: of the holder process_id */
    bool end;                    /* FX_BLOCKER */
    char digest[CHECKSUM_SIZE];  /* FX_RUN: of the confirmed plan, or repair */
    char process_id[DB_ID_SIZE]; /* FX_UNLOCK, FX_BLOCKER, a take-over: only while the lock names it */
    bool only_dead, terminate;   /* FX_UNLOCK */
    int signal;                  /* FX_CANCEL_OWN: what the engine is told */
    int exit_code;               /* FX_QUIT */
};

/* An empty model for a terminal of that size. */
void model_init(struct model *model, int rows, int cols, bool read_only, int refresh_ms);
/* The database is a target of that name (cut where it is long); guarded: a protected one. open: --yes was said. What that means is said until the first key. Call it behind model_init(). */
void model_set_target(struct model *model, const char *target, bool guarded, bool open);
/* Why keys that change something are off, where the model is read-only: "this console was started with --read-only". */
void model_read_only_words(const struct model *model, char *to, size_t size);
/* Frees what it holds. */
void model_free(struct model *model);
/* Takes a message in. What the message owns stays the caller's, but for u.plan->preview, u.found->repair and u.detail, which may be taken (empty then). */
struct effect model_apply(struct model *model, struct model_msg *msg);

/* ---- questions, used by actions, panes and dialogs ---- */

/* Is the terminal below 60x16? */
bool model_too_small(const struct model *model);
/* Does the lock, as last seen, stand and belong to our own run? */
bool model_lock_is_ours(const struct model *model);
/* Age of the lock in seconds now (or when it was last seen, where the connection is down); -1 unknown. */
double model_lock_age(const struct model *model);
/* Is what was seen last no longer what is true now: the connection is down, or a look has had no answer for too long? */
bool model_is_old(const struct model *model);
/* Seconds since the last look; 0 where that is old: what it says is shown as of then. */
double model_seen_age(const struct model *model);
/* The version that would be the highest after everything of the plan was rolled back, or NULL. */
const char *model_version_after(const struct model *model, const struct preview *plan);
/* What c does, in words: "rolls V15 back, V14 stays". */
void model_cancel_words(const struct model *model, char *to, size_t size);
/* "SIGTERM". */
const char *model_signal_name(int number);

/* ---- changes, used by actions and dialogs ---- */

/* Says a sentence in the status line. */
void model_say(struct model *model, bool bad, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Writes a line to the log. */
void model_log(struct model *model, int64_t at_us, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Leaves the dialog and frees what it holds. */
void model_close_dialog(struct model *model);

#endif
