/* lock.h: the migration lock: the only judge and the only way to take, give back, take over or force it open. Used by engine, commands and console alike. */
#ifndef JETBASE_LOCK_H
#define JETBASE_LOCK_H

#include "db.h"

enum lock_verdict { LOCK_FREE, LOCK_ALIVE, LOCK_DEAD, LOCK_UNKNOWN };

/* How many possible holders are looked at. */
enum { LOCK_LOCKERS = 4 };

/* The lock as it was at one moment. Plain data: may be copied and cross threads. */
struct lock_view {
    struct db_lock_row row;
    enum lock_verdict verdict;
    bool fenced;             /* what runs now is stopped by its fence: a run of ours, not in a no-transaction file */
    char evidence[240];      /* in words; never empty where locked */
    char effect[400];        /* what an unlock would do now, in words; "" where unlocked */
    struct db_session session; /* PostgreSQL: the holder's session, found false where unknown */
    struct db_blocker lockers[LOCK_LOCKERS]; /* filled by lock_look_lockers() alone: PostgreSQL, the lock of another program: sessions that hold locks on tables, and so may be the holder */
    int lockers_count;
    int64_t seen_mono_ms;    /* when it was looked at */
};

enum lock_answer {
    LOCK_OK,
    LOCK_HELD,           /* somebody has it; *view tells who */
    LOCK_CHANGED_HANDS,  /* it no longer names whom we were asked about; nothing was done */
    LOCK_NOT_DEAD,       /* its holder lives, or that can't be known; nothing was done */
    LOCK_BUSY,           /* the holder is at its commit; nothing was done */
    LOCK_REFUSED,        /* an unfenced statement would go on beside the next run; nothing was done */
    LOCK_FAILED          /* *err filled */
};

/* The judge: verdict from what was seen, with its evidence in words. Pure. */
enum lock_verdict lock_judge(const struct db_lock_row *row, char *evidence, size_t size);

/* What an unlock would do now, in words. Pure. */
void lock_effect(const struct lock_view *view, char *to, size_t size);

/* Looks: row, witness, row again where needed, verdict, session. Writes nothing. */
bool lock_look(struct db *db, struct lock_view *out, struct error *err);

/* After lock_look(), where another program has the lock: which sessions may be the holder (view->lockers). It is a help, not the look itself: where it can't be had, nobody is named. False only where the connection was lost. */
bool lock_look_lockers(struct db *db, struct lock_view *view, struct error *err);

/* The holder in one line, safe to show: who it is, its verdict with the evidence, whom its session waits for and who waits behind it. Only where locked. Pure. */
void lock_words(const struct lock_view *view, char *to, size_t size);

/* Fills *err (ERR_LOCK_HELD) for a lock that somebody else has, as it was seen: lock_words() and what to do. Pure. */
void lock_held_error(const struct lock_view *holder, struct error *err);

/* A held lock: one run. */
struct lock;

/* Who is about to run. */
struct lock_wish {
    const struct sys *sys;
    const char *command;      /* "upgrade", "rollback" */
    const char *file;         /* first file of the plan, or NULL */
    int statements;
    bool take_over_dead;      /* where the holder is dead: take over in the same step */
    const char *expect_id;    /* take over only from this process ID; NULL: whoever it is */
};

/* Takes the lock: tables, witness, acquire (or take-over). LOCK_OK: *out is the held lock; note (may be NULL) gets a warning to show ("" none). Else nothing is held, nothing is left behind, *holder tells who has it. Every answer but LOCK_OK fills *err. Where the connection was lost on the way (LOCK_FAILED, ERR_NO_CONNECTION) the lock may have been taken all the same: then *out is set too, for lock_find_truth() and lock_release(). The connection must be a DB_RUN one and stays the lock's. */
enum lock_answer lock_acquire(struct db *db, const struct lock_wish *wish, struct lock **out, struct lock_view *holder, char *note, size_t note_size, struct error *err);

/* The process ID of a held lock. */
const char *lock_process_id(const struct lock *lock);
/* Does this run have a row in jetbase_runs? */
bool lock_has_run(const struct lock *lock);
/* The run row as it was written at acquire. */
const struct run_row *lock_run(const struct lock *lock);

/* Gives the lock back over db (the same connection, or a new one once the old witness is gone), repeating for 10 s what fails on lock timeouts. Writes the outcome to the run row where none stands yet, also where somebody had unlocked us. LOCK_OK; LOCK_CHANGED_HANDS: somebody had unlocked us; LOCK_FAILED: not released (ERR_NOT_RELEASED), or not known (ERR_NO_CONNECTION). */
enum lock_answer lock_release(struct lock *lock, struct db *db, enum run_outcome outcome, const char *detail, struct error *err);

/* Frees the handle; the lock in the database stays as it is. NULL is allowed. */
void lock_free(struct lock *lock);

/* What the database says of our own run after a lost connection. */
struct lock_truth {
    bool has_run;            /* false: no run row to read, only `locked_by_us` is known */
    bool locked_by_us;       /* the lock row still names us */
    char last_done[540];     /* the run row's last_done */
    enum run_outcome outcome;/* the run row's outcome, RUN_OPEN while null */
};

/* Over the new connection `db`: ends our own old session where it still lives, waits (polling, timeout_ms) until its witness is gone, then reads what is true. False: not to be known, *err filled (ERR_UNKNOWN_END, or ERR_NO_CONNECTION). */
bool lock_find_truth(const struct lock *lock, struct db *db, int timeout_ms, struct lock_truth *out, struct error *err);

/* How to unlock. */
struct unlock_wish {
    const struct sys *sys;
    const char *expect_id;   /* compare-and-set on this process ID; NULL: unconditional, as Jetbase */
    bool only_dead;          /* only with the proof of death, in the same transaction */
    bool terminate;          /* end the holder's session first (PostgreSQL) */
    const char *reason;      /* or NULL */
    int timeout_ms;          /* 3000 where 0 */
};

/* Unlocks. *before: what was seen before; *after (may be NULL): afterwards. Every answer but LOCK_OK fills *err in words that say what state the lock is in. */
enum lock_answer lock_unlock(struct db *db, const struct unlock_wish *wish, struct lock_view *before, struct lock_view *after, struct error *err);

/* "free", "alive", "dead", "unknown". */
const char *lock_verdict_name(enum lock_verdict verdict);

#endif
