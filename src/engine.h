/* engine.h: the one way migrations run, for commands and console alike. */
#ifndef JETBASE_ENGINE_H
#define JETBASE_ENGINE_H

#include <stdatomic.h>

#include "lock.h"
#include "plan.h"
#include "project.h"

enum engine_event_kind {
    EV_NOTE,                 /* a warning or remark: text */
    EV_NOTHING_TO_DO,        /* the plan is empty; no lock was taken */
    EV_LOCK_ACQUIRED,        /* lock */
    EV_LOCK_REFUSED,         /* lock: who holds it; error */
    EV_LOCK_WAITING,         /* lock: who holds it (also: who holds it now, or is seen as dead now); text; ms since the waiting began */
    EV_SERVER_WAITING,       /* the server is not up yet, or somebody keeps our tables or the file locked: text, error; ms since the waiting began */
    EV_RETRY,                /* a run failed on a lock or a conflict and was rolled back: attempt of attempts comes after ms; error, text */
    EV_LOCK_LOST,            /* error */
    EV_PLAN_CHANGED,         /* the plan under the lock differs from the confirmed one; error */
    EV_MIGRATION_STARTED,    /* file, migration of migrations, statements; statement: how many of them were done before (a rerun from a later one) */
    EV_STATEMENT_DONE,       /* statement of statements, ms */
    EV_MIGRATION_APPLIED,    /* committed; ms */
    EV_MIGRATION_ROLLED_BACK,/* a failed one: nothing of it remains; error */
    EV_HALF_APPLIED,         /* a failed one outside a transaction: half applied; error */
    EV_RESOLVED,             /* a half-applied one was marked, as wish and direction say */
    EV_CONNECTION_LOST,      /* error */
    EV_TRUTH_FOUND,          /* text: what is true after a lost connection */
    EV_RUN_ENDED             /* outcome, exit_code, error where it failed */
};

/* Pointers live for the call only; copy what must cross a thread. */
struct engine_event {
    enum engine_event_kind kind;
    int64_t at_us;                       /* wall clock */
    uint32_t migration, migrations;      /* 1 of n */
    uint32_t statement, statements;      /* 1 of n, of this file */
    bool behind;                         /* the answers of several statements come together: more may be done than is told */
    uint32_t attempt, attempts;          /* 1 of n */
    double ms;
    enum plan_direction direction;
    const struct migration *file;        /* or NULL */
    const struct lock_view *lock;        /* or NULL */
    const struct error *error;           /* or NULL */
    const char *text;                    /* or NULL */
    const char *process_id;              /* of our run, or NULL */
    int session_pid;                     /* of our run, 0 unknown */
    enum run_outcome outcome;
    int exit_code;
};

struct confirmed;

/* A last look at the database before anything is run: called in each attempt with an idle connection and a plan that is not empty, under the lock (as the run itself will meet it), and before that also ahead of the lock where it is not waited for. False: nothing is run, a lock that was taken is given back; *err. Ahead of the lock a refusal counts only where nobody holds it: else who does is the answer. */
typedef bool (*engine_last_look_fn)(void *user, struct db *db, const struct plan *plan, bool under_lock, struct error *err);

/* What is to be done. */
struct engine_wish {
    struct plan_wish plan;
    const char *digest;          /* the confirmed plan (its digest, or 12 digits of it or more), or NULL: whatever is pending */
    const struct confirmed *confirmed; /* what was shown of that plan, for telling a difference; MAY be NULL */
    bool take_over_dead;
    const char *expect_id;       /* take over only from this process ID, or NULL */
    int lock_timeout_ms, statement_timeout_ms;  /* 0: the server's own */
    int wait_ms;                 /* how long the lock, and a server that is not up yet, are waited for; 0: not at all, below 0: for ever. After it all is planned anew */
    engine_last_look_fn last_look; /* MAY be NULL */
    void *last_look_user;
    int retries;                 /* how often a run that failed on a lock timeout, deadlock or serialization failure, and is rolled back for certain, is followed by a new one */
};

/* Who listens, and how it is stopped. */
struct engine_hooks {
    void (*event)(void *user, const struct engine_event *event);
    void *user;
    bool each_statement;         /* somebody watches: each EV_STATEMENT_DONE is told when it happens, with its own time. Else those of a file MAY come together (see engine_event.behind) */
    void (*tick)(void *user);    /* MAY be NULL; called some times a second while the database works, between events: time passes. Must not wait */
    const atomic_int *stop;      /* MAY be NULL; not zero: cancel, roll back, release; the value is the signal number (exit 128+n), or -1 where a person asked (exit 1) */
    int wake_fd;                 /* -1, or readable together with *stop */
};

struct ahead;

/* Says what the plan will need of the files, before there is a connection: see ahead.h. */
void engine_read_ahead(const struct project *project, const struct plan_wish *wish, struct ahead *ahead);
/* Reads the history, and goes on with what is read ahead (begun, listed or not) while the server is waited for. As history_read(). */
bool engine_history(struct db *db, struct ahead *ahead, struct history **out, struct error *err);
/* Makes the plan over an open connection, without the lock: for dry runs, status and dialogs. ahead: what engine_read_ahead() began; MAY be NULL. *folder_out belongs to the caller and must outlive the plan. Writes nothing. */
bool engine_plan(const struct project *project, struct db *db, const struct plan_wish *wish, struct ahead *ahead, struct folder **folder_out, struct plan **out, struct error *err);

/* Runs: connect, plan, lock, plan again, migrate, release, close. Returns the exit code; *err is filled where that is not 0 (also for 0 with a warning: code ERR_NONE). Every event is told to hooks->event. */
int engine_run(const struct project *project, const struct sys *sys, const struct engine_wish *wish, const struct engine_hooks *hooks, struct error *err);

struct repair;

/* What fix and validate are to do. */
struct engine_repair_wish {
    unsigned parts;              /* enum repair_part bits */
    bool fix;                    /* mend what is found; false: only look */
    const char *command;         /* "fix", "fix-files" … for the run row */
    struct engine_wish run;      /* of which take_over_dead, timeouts, wait_ms and retries count */
    const char *baseline;        /* not NULL: no mending; the versions up to this one are recorded as applied, none is run. parts does not count */
    const char *digest;          /* repair_digest() of what was confirmed: anything else is not mended (ERR_PLAN); NULL: whatever is found */
};

/* Compares history with the files and, where asked for and needed, mends it: a run like any other, lock, fence and all in one transaction. Where nothing is to be mended, or only looked for, no lock is taken and nothing is written, also not a table. *found (zeroed, or of an earlier call; the caller's, repair_clear()) tells what was found last: under the lock where it was taken. Returns the exit code; *err and events as engine_run(), but EV_NOTHING_TO_DO and events of migrations are not told. */
int engine_repair(const struct project *project, const struct sys *sys, const struct engine_repair_wish *wish, const struct engine_hooks *hooks, struct repair *found, struct error *err);

struct rehearsal;

/* Rehearses what upgrade with that wish would run (plan, lock_timeout_ms, statement_timeout_ms count; a lock timeout of 0 is 2 s): runs it where nothing of it stays, each rollback part behind its upgrade, compares the schema after it with that before. PostgreSQL: one transaction of the database itself, always rolled back; SQLite: a copy. The lock is not taken; where somebody holds it, nothing is run (ERR_LOCK_HELD). Told: EV_NOTE (beforehand: what is going to be held), EV_NOTHING_TO_DO, EV_MIGRATION_STARTED and EV_STATEMENT_DONE (direction tells which part), EV_RUN_ENDED. *out: what was found, also where it failed, NULL where it did not come so far; rehearsal_free() it. Returns the exit code: 0; 1 where a statement fails, a rollback does not undo its upgrade, or somebody waited behind it; 128+n; *err is filled where that is not 0. Whether the target is protected is the caller's to ask. */
int engine_rehearse(const struct project *project, const struct sys *sys, const struct engine_wish *wish, const struct engine_hooks *hooks, struct rehearsal **out, struct error *err);

/* Opens a connection for looking. Used by the reading commands and the watcher. */
bool engine_connect(const struct project *project, const struct sys *sys, enum db_mode mode, const struct engine_hooks *hooks, struct db **out, struct error *err);

/* The same, and goes on with what is read ahead while the server is waited for. */
bool engine_connect_reading(const struct project *project, const struct sys *sys, enum db_mode mode, const struct engine_hooks *hooks, struct ahead *ahead, struct db **out, struct error *err);

/* Fails (ERR_FAILED) where postgres_schema names a schema that is not there, as Jetbase's status, runs, fix and validate commands do; looks that only tell what is there (current, history, lock-status) go on as on a fresh database. Call it after the history was read. */
bool engine_schema_there(const struct project *project, struct db *db, struct error *err);

/* "lock-acquired", "migration-started" … as JSON shows them. */
const char *engine_event_name(enum engine_event_kind kind);

/* The dialect a connection's statements are scanned in. */
enum scan_dialect engine_dialect(const struct db *db);

#endif
