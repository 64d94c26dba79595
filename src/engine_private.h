/* engine_private.h: what engine*.c share and nobody else needs. */
#ifndef JETBASE_ENGINE_PRIVATE_H
#define JETBASE_ENGINE_PRIVATE_H

#include "engine.h"
#include "pause.h"
#include "repair.h"

/* What a run that waits remembers. */
struct waiting {
    bool on;                  /* it has begun */
    int64_t began_ms, until_ms;
    struct pause pause;
    char told[256];           /* whom or what it told to be waiting for */
    bool holder_told;         /* that was a holder */
};

/* Of small files, from their check until they run: what may be kept in memory. */
enum { ENGINE_KEPT_BYTES = 8 << 20 };

/* Pauses before a new run after one that failed on a lock. */
#define ENGINE_RETRY_PAUSE { .first_ms = 250, .most_ms = 5000 }

/* One run on its way. */
struct run {
    const struct project *project;
    const struct sys *sys;
    const struct engine_wish *wish;
    const struct engine_hooks *hooks;
    struct db *db;
    const struct db_driver *driver;
    struct folder *folder;
    struct plan *plan;
    struct repair *repair;    /* NULL for runs of migrations; else what this run mends, and plan is NULL */
    const char *command;      /* "upgrade", "rollback", "fix" … */
    struct lock *lock;
    uint32_t done;            /* transactions of this run (migrations, or the one repair) that are known to be committed */
    char last_done[540];      /* the last one's mark in the run row */
    char state[512];          /* what stands and what was rolled back, in words */
    char note[sizeof ((struct db_tables *)0)->note]; /* what could not be made of our tables, and what a DBA must run */
    char half[900];           /* a file outside a transaction that was not ended: what is known of it; or "" */
    bool half_applied;
    struct lock_view holder;  /* who had the lock when it was refused, or as the waiting saw it last */
    struct waiting wait;
    char first[512];          /* not "": the one file that a rollback may begin with */
    bool given_back;          /* after a failure: all is rolled back and the lock is given back, for certain */
};

/* How a run of migrations ended. */
enum migrate_end {
    MIGRATE_DONE,
    MIGRATE_FAILED,      /* one failed and was rolled back; *err filled */
    MIGRATE_CANCELLED,
    MIGRATE_LOST,        /* the fence: somebody unlocked us */
    MIGRATE_DOWN,        /* the connection is lost; nothing after the last COMMIT that was sent can be committed */
    MIGRATE_DOWN_COMMIT  /* the same, and the answer to the COMMIT of item `run->done` is missing */
};

/* Opens the run's connection with its timeouts, and goes on with what is read ahead (MAY be NULL) while the server is waited for. */
bool engine_open(struct run *run, struct ahead *ahead, struct error *err);
/* The same, and makes the plan. A database file is not made for a run that can't begin or has nothing to do: where there is none yet, the plan is first made over a look. */
bool engine_open_and_plan(struct run *run, struct error *err);
/* Tells the listener; fills in time, count and process ID. */
void engine_tell(struct run *run, struct engine_event *event);
/* The same for an event that is no more than its text (MAY be NULL). */
void engine_note(struct run *run, enum engine_event_kind kind, const char *text);
/* Has somebody asked to stop? The signal's number, else 0. */
int engine_stopped(const struct engine_hooks *hooks);
/* Is it a baseline: a repair that records versions? */
bool engine_baselines(const struct run *run);
/* How many transactions the run has: its migrations, or 1 for a repair. */
uint32_t engine_total(const struct run *run);
/* What is committed next, for messages: a file, or "the repair of history". Valid while run->done < engine_total(). */
const char *engine_next_name(const struct run *run);
/* Takes the lock for this run; says what was refused. */
bool engine_acquire(struct run *run, struct error *err);
/* After a fault before the lock was had: waits until trying again is worth it, where that is wished and may help. True: all but the connection is to be made anew, and that one too where run->db is NULL. False: *err says why, and how long it waited. */
bool engine_wait(struct run *run, struct error *err);
/* May this failed run be followed by another: was it a lock or a conflict, is nothing of it left, is the lock given back? */
bool engine_may_retry(const struct run *run, const struct error *err);
/* Takes what this run has done off the wish of the next one, tells EV_RETRY, pauses. False: somebody asked to stop; *err. */
bool engine_retry(struct run *run, struct engine_wish *next, char first[512], uint32_t attempt, struct pause *pause, struct error *err);
/* Closes its connection; the plan goes too. */
void engine_disconnect(struct run *run);
/* The exit code of a fault: 128+n where it is only that somebody stopped the run. */
int engine_exit_of(struct run *run, const struct error *err);
/* After the work: gives the lock back, finds out what is true where the connection was lost. The exit code. */
int engine_end(struct run *run, enum migrate_end end, struct error *err);
/* After a lost connection (*lost: its error, told to the listener): reconnects, ends our old session and finds out what is true; run->done counts what is committed then. commit_unknown: a COMMIT had no answer. *released: the lock is not ours any more. False: *err says what could not be found out. */
bool engine_recover(struct run *run, bool commit_unknown, struct error *lost, bool *released, struct error *err);
/* Where the truth could not be found: fills *err, which says why, with what is known all the same. lost: the error of the connection. */
void engine_say_unknown(struct run *run, bool commit_unknown, const struct error *lost, struct error *err);
/* Under the lock, before anything was sent: gives it back after a fault (*err), or where nothing is to be done. The exit code. */
int engine_end_early(struct run *run, bool failed, struct error *err);
/* A fault before the lock was taken leaves everything as it was; where that has not been said, `words` say it. */
void engine_say_untouched(const struct run *run, const char *words, struct error *err);
/* Tells EV_RUN_ENDED and frees what the run holds. Gives back its exit code. */
int engine_close(struct run *run, int exit_code, struct error *err);
/* Runs the plan's items, item by item, over the pipeline (RUNNING: In a transaction). */
enum migrate_end engine_migrate(struct run *run, struct error *err);
/* After the rollback of an item whose fence or record failed (trailer; else its head), lost where the server said that the lock no longer names us: looks at lock, history and run row, and fills *fault with what is true. FAILED, LOST or DOWN. item: NULL for a repair. */
enum migrate_end engine_blame(struct run *run, const struct plan_item *item, bool trailer, bool lost, struct error *fault);
/* The mark in the run row after item i (from 0). */
void engine_mark(const struct run *run, uint32_t i, char *to, size_t size);
/* Where an item outside a transaction ended. */
struct half_end {
    const char *how;     /* what became of `statement`: "failed", "was not sent" … */
    uint32_t statement;
    bool block;          /* it stands in a transaction of the file's own, which was rolled back */
    bool leaves;         /* it may have left something behind */
};
/* Reads from our run row what is known of an item outside a transaction that was not ended, for run->half and half_applied. end: where it ended, or NULL: not known. */
void engine_say_half(struct run *run, const struct plan_item *item, const struct half_end *end);
/* Adds the way out, and the indexes that are invalid, where the file is half applied. */
void engine_hint_half(struct run *run, const char *file, struct error *err);
/* Writes to run->state what stands after this run, `failed` (or NULL) being the one that was rolled back. */
void engine_say_state(struct run *run, const struct migration *failed);

#endif
