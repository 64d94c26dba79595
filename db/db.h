/* db.h: the driver contract. One const table of functions per database; an opaque connection; plain data in and out.
 *
 * Rules that hold for every driver:
 * - One owner thread per connection. Nothing here may be called from another thread.
 * - submit never waits, only next waits. Every submitted step gives exactly one result, in the order of submission.
 * - A call that returns false, DB_DOWN or CHANGE_FAILED has filled *err. Messages never hold a password and have passed text_visible().
 * - SQL text lives in db/; identifiers are quoted by the library, values are bound, never pasted.
 * - Functions other than submit/next need an idle connection (nothing outstanding, no transaction) unless they say otherwise.
 */
#ifndef JETBASE_DB_DB_H
#define JETBASE_DB_DB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "preflight_check.h"
#include "sys.h"
#include "url.h"

struct db; /* a connection; every driver's own struct begins with `const struct db_driver *driver` */

/* What a driver can do beyond the common part. */
enum db_cap {
    DB_PIPELINE = 1,          /* many steps travel in one message */
    DB_SESSIONS = 2,          /* session_read, session_end are set: sessions have numbers */
    DB_NOTIFY = 4,            /* wait_change is woken by the server */
    DB_UNLOCK_DURING_RUN = 8  /* an unlock can land inside a running migration (SQLite: only between two) */
};

/* How a connection is opened. LOOK creates, recovers, checkpoints and locks nothing. */
enum db_mode { DB_LOOK, DB_RUN };

/* Does a little of some other work (a few ms at most), and tells whether there is more of it. Called again and again, on the owner's thread, while the server is waited for and nothing came; must not use the connection. */
typedef bool (*db_idle_fn)(void *user);

/* Where and how to connect. open copies the struct; what its pointers name must live as long as the connection. */
struct db_target {
    const struct url *url;
    const char *schema;            /* Jetbase's postgres_schema, or NULL */
    const char *application;       /* first application_name, "jetbase" where NULL */
    const struct sys *sys;         /* MUST be set */
    const atomic_int *stop;        /* MAY be NULL. Not zero: next() cancels the running statement once and goes on waiting for its answer */
    int wake_fd;                   /* -1, or a descriptor that becomes readable together with *stop; never read by the driver */
    void (*tick)(void *user);      /* MAY be NULL. Called some times a second, on the owner's thread, while next() waits for an answer or executes; must not use the connection. A driver that can't (SQLite within one step of its machine) leaves some out */
    void *tick_user;
    db_idle_fn idle;               /* MAY be NULL. Work for while open() waits; never called once that has returned. A driver that waits for nobody leaves it out */
    void *idle_user;
    bool history;                  /* history_read() is what is called first, at once: a driver may ask for it while it connects */
    int lock_timeout_ms;           /* lock_timeout for migrations; 0: the server's own */
    int statement_timeout_ms;      /* statement_timeout for migrations, or (DB_LOOK) for questions; 0: the server's own */
};

/* Facts about an open connection, filled by open; schema_missing by each look for our tables too. */
struct db_about {
    char product[64];   /* "PostgreSQL 15.8", "SQLite 3.40.1" */
    char database[256]; /* database name, or the file's name */
    char host[256];     /* host or socket folder; "" for SQLite */
    char schema[128];   /* schema of our tables; "main" for SQLite */
    bool schema_missing; /* that schema was asked for (postgres_schema) and is not there, as of the last look for tables */
    char user[128];     /* database role; the operating-system user for SQLite */
    int session_pid;    /* number of our own session; 0 for SQLite */
    bool standby;       /* pg_is_in_recovery(); as of the last look at the lock: a promotion leaves the connection as it is */
    double lag_s;       /* standby: how far it is behind its primary; -1 where that is not known (it receives nothing, and replayed nothing yet) */
    bool pooler;        /* PQbackendPID differs from pg_backend_pid(): no session lock is ever taken */
    bool standard_strings; /* standard_conforming_strings; true for SQLite */
    bool read_only;     /* SQLite: file or folder can't be written */
};

/* ---- our three tables ---- */

#define DB_ID_SIZE 37       /* a process ID and NUL */
#define DB_WITNESS_SIZE 160

/* What is there. */
struct db_tables {
    bool migrations, lock, lock_row, runs;
    bool version_index;     /* the unique index on VERSIONED rows */
    char note[2048];        /* a warning for the user, or "": what could not be made and what follows from that */
};

/* A row of jetbase_migrations. Pointers live for the call that shows them. */
struct history_row {
    int64_t order;
    const char *version;     /* NULL for repeatables */
    const char *description, *file, *checksum;
    const char *type;        /* VERSIONED, RUNS_ALWAYS, RUNS_ON_CHANGE */
    const char *applied_at;  /* as stored, text */
};

/* How a run ended. RUN_OPEN: it has not. */
enum run_outcome { RUN_OPEN, RUN_OK, RUN_FAILED, RUN_CANCELLED, RUN_LOST, RUN_DIED };

/* A row of jetbase_runs. Plain data; "" is NULL, numbers -1 where NULL. */
struct run_row {
    char process_id[DB_ID_SIZE];
    char host[256], os_user[128], program[64], command[64];
    int pid;                 /* operating-system process on host */
    int session_pid;         /* PostgreSQL session number, else -1 */
    char witness[DB_WITNESS_SIZE]; /* "" unwitnessed; "pg"; "ofd:boot_id:device:inode" */
    char acquired_at[40];    /* RFC 3339 UTC, by the database's clock */
    double age_s;            /* since acquired_at, by the database's clock */
    double lasted_s;         /* acquired_at to released_at; -1 while it runs */
    char file[512];          /* current file: the one running or next to run */
    bool no_transaction;
    int statements, started_statement, done_statement;
    char prefix[65];         /* outside a transaction: unfinished_read only: SHA-256 over the statements that are done, as they were sent; hex */
    char last_done[540];     /* "3 V14__x.sql": number in this run and file, written inside that migration's transaction only */
    char released_at[40];
    enum run_outcome outcome;
    char detail[512];
    char unlocked_by[256], unlocked_at[40], unlock_reason[256];
    char resolution[16];     /* how a half-applied file was ended: "rerun", "applied", "rolled-back" */
    bool lives;              /* unfinished_read only: its witness is held, it may still go on */
};

/* The word for an outcome as jetbase_runs stores it. Never NULL. */
const char *run_outcome_name(enum run_outcome outcome);      /* "", "ok", "failed", "cancelled", "lost", "died" */
enum run_outcome run_outcome_from(const char *name);         /* RUN_OPEN for NULL, "" and unknown words */

/* ---- the lock ---- */

enum db_witness { WITNESS_HELD, WITNESS_ABSENT, WITNESS_UNKNOWN };

/* Why a witness can't be asked. */
enum db_why {
    WHY_NONE,
    WHY_OTHER_PROGRAM,  /* the lock names a process ID without a run row */
    WHY_UNWITNESSED,    /* the run has no witness (no rights, locks refused, …) */
    WHY_POOLER,         /* our own connection goes through a pooler */
    WHY_STANDBY,        /* locks are not replicated */
    WHY_OTHER_BOOT,     /* SQLite: another machine or another boot */
    WHY_OTHER_FILE,     /* SQLite: another device or inode (overlay, restored copy) */
    WHY_FOREIGN_LOCK,   /* SQLite: a lock on that byte that is not exactly a witness */
    WHY_NO_LOCKS,       /* SQLite: nolock, immutable, foreign vfs, or the file system refuses the question */
    WHY_HIDDEN          /* the server does not show its locks to us */
};

/* What lock_read saw: the lock row, its run row, its witness, in that order. */
struct db_lock_row {
    bool table;              /* jetbase_lock exists */
    bool row;                /* it has its row */
    bool locked;
    char process_id[DB_ID_SIZE]; /* "" where unlocked or NULL */
    char locked_at[40];      /* as stored, no zone */
    bool has_run;            /* `run` is that holder's row */
    struct run_row run;
    bool has_last;           /* `last` is the newest ended run (shown while unlocked) */
    struct run_row last;
    enum db_witness witness;
    enum db_why why;         /* for WITNESS_UNKNOWN */
    bool own;                /* the holder is a run of this very process */
    int session_pid;         /* the session that holds the witness, else 0 */
};

enum db_change_kind {
    CHANGE_ACQUIRE,     /* free -> run.   Sets the lock only where it is free, inserts the run row */
    CHANGE_TAKE_OVER,   /* from -> run.   In one transaction: proves `from` dead, compare-and-set, its outcome 'died', inserts the run row */
    CHANGE_UNLOCK,      /* from -> free.  Compare-and-set; with prove_dead the same proof and outcome 'died' as take-over */
    CHANGE_UNLOCK_ANY,  /* any -> free.   Unconditional, as Jetbase's unlock; done on a free lock too */
    CHANGE_RELEASE      /* from -> free.  By the holder itself: writes outcome and detail where outcome is still null; lock row first */
};

struct db_lock_change {
    enum db_change_kind kind;
    const char *from;            /* process ID that must hold the lock; MAY be NULL for ACQUIRE and UNLOCK_ANY */
    const struct run_row *run;   /* ACQUIRE, TAKE_OVER: the new run (process_id, host, pid, os_user, program, command, session_pid, witness; file, statements) */
    bool prove_dead;             /* UNLOCK: only where the proof of death succeeds in the same transaction */
    enum run_outcome outcome;    /* RELEASE */
    const char *detail;          /* RELEASE: one line on why it ended, or NULL */
    const char *by, *reason;     /* UNLOCK*: who unlocks ("user@host"), why; MAY be NULL */
    int timeout_ms;              /* how long the lock row may be waited for */
};

enum db_change {
    CHANGE_DONE,
    CHANGE_HELD,        /* ACQUIRE: somebody holds it. UNLOCK, TAKE_OVER, RELEASE: the lock no longer names `from` */
    CHANGE_ALIVE,       /* the proof of death failed: the witness is still held */
    CHANGE_CANNOT_TELL, /* the proof could not be made (see enum db_why) */
    CHANGE_BUSY,        /* the lock row could not be had within timeout_ms (PostgreSQL 55P03, SQLite BUSY): the holder is at its commit */
    CHANGE_UNFENCED,    /* refused: a witnessed run with an unfinished file outside a transaction still lives */
    CHANGE_FAILED       /* *err is filled */
};

/* A session of the server and who blocks it (PostgreSQL). */
struct db_blocker {
    int pid;                 /* of the session; 0: a prepared transaction, which has none */
    char user[128], address[64], application[128], state[64], query[256]; /* state "": hidden from this role */
    double age_s;            /* of its state; -1 unknown */
};
struct db_session {
    bool found;
    int pid;
    char user[128], address[64], application[128], state[64], wait[128], query[512];
    double state_age_s;      /* -1 unknown */
    int blockers;            /* how many of `blocked_by` are filled */
    struct db_blocker blocked_by[8];
    char awaited[200];       /* the lock that it waits for, as "table orders (ShareLock)"; seen by every role; "" where it waits for none */
    int waiting_behind;      /* sessions that wait for this one */
    char phase[64];          /* of the index that it builds, as pg_stat_progress_create_index names it (PostgreSQL 12 and later); "" where it builds none */
    int percent;             /* done of that phase; -1 unknown */
};

/* ---- steps of a run ---- */

enum db_step_kind {
    STEP_HEAD,      /* BEGIN, transaction-level witness (PostgreSQL), timeouts, search_path. SQLite: BEGIN IMMEDIATE */
    STEP_SQL,       /* one statement of the file */
    STEP_RESET,     /* session state back to clean (RUNNING: Reset); nothing to do on SQLite */
    STEP_FENCE,     /* the lock still names process_id, or result.lost */
    STEP_RECORD,    /* history row and run row (last_done, next file) */
    STEP_COMMIT,
    STEP_PROGRESS,  /* run row alone (file, statements), in a transaction of its own */
    STEP_BARRIER,   /* PostgreSQL: Sync. Gives a result once everything before it is answered. SQLite: nothing */
    /* Outside a transaction (RUNNING): each is answered before the next one is submitted. */
    STEP_START,     /* 'started n', committed on its own: takes the session witness again, takes the lock row as the fence does, or result.lost; file and statements from record */
    STEP_ALONE,     /* one statement of the file, the first after a Sync and followed by one; afterwards the transaction is open or not as `block` says */
    STEP_SEAL,      /* inside the file's own BEGIN … COMMIT, before its COMMIT, statement n: fence, and 'done n' that commits with it */
    STEP_DONE       /* 'done n', committed on its own */
};

/* Where a statement outside a transaction stands. */
enum db_block { BLOCK_NONE, BLOCK_BEGIN, BLOCK_INSIDE, BLOCK_COMMIT };

enum db_isolation { ISOLATION_DEFAULT, ISOLATION_READ_COMMITTED, ISOLATION_REPEATABLE_READ, ISOLATION_SERIALIZABLE };

enum db_record_kind { RECORD_INSERT, RECORD_UPDATE, RECORD_DELETE, RECORD_CHECKSUM, RECORD_FORGET, RECORD_KEEP, RECORD_BASELINE };

/* What STEP_RECORD writes. INSERT: a new history row. UPDATE: applied_at and checksum of a repeatable, found by file and type. DELETE: by version and type VERSIONED. CHECKSUM: the checksum alone (applied_at stays), found by version and type VERSIONED. FORGET: deletes a repeatable, found by file and type. KEEP: no history row. BASELINE: as INSERT, one of several of one transaction, each with a time after that of all versions before it (Jetbase takes the newest for the latest version). */
struct db_record {
    enum db_record_kind kind;
    const char *version, *description, *file, *type, *checksum;
    int64_t expect_rows;      /* rows that must be changed (>= 1); other numbers make the result not ok with ERR_HISTORY */
    const char *last_done;    /* run row: what is done with this COMMIT */
    const char *next_file;    /* run row: current file from now on, or NULL */
    int next_statements;      /* run row: statements of next_file */
    const char *prefix;       /* START, SEAL, DONE: see run_row */
    const char *resolution;   /* RECORD: how earlier runs that left `file` half applied are marked (see run_row), or NULL; START: the same for next_file, so that only our own row tells what is true of it, however the clock went */
    const char *resolved_by;  /* "user@host" */
};

/* One step. Copies nothing: sql, record and process_id live until its result has been read. */
struct db_step {
    enum db_step_kind kind;
    uint32_t migration, statement;  /* echoed in the result */
    const char *sql;                /* STEP_SQL: the statement, NUL-terminated, without its `;` */
    size_t len;
    void (*sql_done)(void *user);   /* SQL, ALONE: MAY be NULL. A driver that has made what it needs of sql calls it, once, from within next, before the statement runs: sql may be gone then (100 MB of it would stand beside the driver's own). One that needs sql to the end does not */
    void *sql_user;
    struct place at;                /* STEP_SQL: of its first character */
    const char *process_id;         /* HEAD, FENCE, RECORD, PROGRESS: the run */
    bool has_run;                   /* RECORD, PROGRESS, COMMIT: the run has a row in jetbase_runs */
    enum db_isolation isolation;    /* HEAD */
    bool deferrable;                /* HEAD */
    int lock_timeout_ms, statement_timeout_ms; /* HEAD, START: of this migration; 0: the connection's */
    bool foreign_keys_off;          /* HEAD, SQLite: no foreign key acts in this migration; RESET then checks them all, and fails where one is broken */
    bool tell;                      /* SQL: somebody watches: its answer is wanted as soon as there is one. Else the answers of several may come together, which with DB_PIPELINE saves time */
    const char *application;        /* HEAD: application_name while it runs ("jetbase 3/7 V14__x.sql"); SQLite ignores it */
    enum db_block block;            /* ALONE */
    const struct db_record *record; /* RECORD; PROGRESS and START use next_file and next_statements of it, START, SEAL and DONE prefix */
};

/* The answer to one step. */
struct db_result {
    enum db_step_kind kind;
    uint32_t migration, statement;
    bool ok;          /* false: *err filled, unless skipped */
    bool skipped;     /* not run because an earlier step of the same window failed */
    bool lost;        /* FENCE, HEAD: the lock no longer names this run, or its witness is taken */
    bool cancelled;   /* 57014, SQLITE_INTERRUPT */
    int64_t rows;     /* rows changed, -1 unknown */
    double ms;        /* time from the earlier result (or from when next began to wait) to this one */
};

enum db_next {
    DB_RESULT,   /* *result is filled (and *err where it is not ok) */
    DB_TIMEOUT,  /* timeout_ms ran out, or wake_fd or a signal woke the wait */
    DB_DRAINED,  /* nothing is outstanding */
    DB_DOWN      /* the connection is lost; everything outstanding has no answer; *err filled (ERR_NO_CONNECTION; ERR_CANCELLED where it was closed from here, because the run is to stop) */
};

typedef bool (*db_history_fn)(void *user, const struct history_row *row);  /* false stops the reading */
typedef bool (*db_run_fn)(void *user, const struct run_row *row);
typedef bool (*db_check_fn)(void *user, const struct preflight_check *check);  /* false: memory ran out */
typedef bool (*db_name_fn)(void *user, const char *name);

#define DB_DRIVER_VERSION 1

struct db_rehearsing; /* rehearse.h */

struct db_driver {
    unsigned version;   /* MUST be DB_DRIVER_VERSION */
    const char *name;   /* MUST be set: "postgresql", "sqlite" */
    unsigned caps;      /* enum db_cap bits */

    /* Connects. On false nothing is left open and *err is filled (ERR_NO_CONNECTION with host and port, and not_up where it may be there in a moment; ERR_CONFIG for URLs that are refused). MUST be set. */
    bool (*open)(const struct db_target *target, enum db_mode mode, struct db **out, struct error *err);
    /* Closes: whatever is open is rolled back, the witness goes. NULL is allowed. MUST be set. */
    void (*close)(struct db *db);
    /* Work for while the server is waited for, from now on; NULL: no more of it. MAY be NULL: it waits for nobody. */
    void (*idle)(struct db *db, db_idle_fn idle, void *user);
    /* Facts, valid as long as the connection. MUST be set. */
    const struct db_about *(*about)(const struct db *db);

    /* Queues one step. False only for a fault of this side (memory, lost connection). MUST be set. */
    bool (*submit)(struct db *db, const struct db_step *step, struct error *err);
    /* Sends what is queued and waits up to timeout_ms (-1: for ever) for the next result. MUST be set. */
    enum db_next (*next)(struct db *db, int timeout_ms, struct db_result *result, struct error *err);
    /* Gives up what is open: drains everything outstanding, ROLLBACK, leaves an idle, clean connection. Repeated once on 57014. False: the connection is gone. MUST be set. */
    bool (*rollback)(struct db *db, struct error *err);

    /* Looks which of our tables are there; creates nothing. MUST be set. */
    bool (*tables_read)(struct db *db, struct db_tables *out, struct error *err);
    /* Creates what is missing (lock protocol, point 2). jetbase_runs alone may fail: out->note says so. False with ERR_RIGHTS and the statement a DBA must run as hint. MUST be set. */
    bool (*tables_prepare)(struct db *db, struct db_tables *out, struct error *err);

    /* Takes the witness for this process ID and proves that it is seen. witness: what belongs in the run row, "" where the run will be unwitnessed (pooler, locks refused); that is no error. MUST be set. */
    bool (*witness_take)(struct db *db, const char *process_id, char witness[DB_WITNESS_SIZE], struct error *err);
    /* Drops it. MUST be set. */
    void (*witness_drop)(struct db *db, const char *process_id);

    /* The lock as it is: lock row, its run row, witness; where the witness is absent the lock row again in a new snapshot, and all of it again where that differs. A missing table is no error. MUST be set. */
    bool (*lock_read)(struct db *db, struct db_lock_row *out, struct error *err);
    /* The one function that changes the lock (see enum db_change_kind); tells listeners (NOTIFY). MUST be set. */
    enum db_change (*lock_change)(struct db *db, const struct db_lock_change *change, struct error *err);

    /* Describes a session and who blocks it; out->found false where it is gone. MUST be set with DB_SESSIONS. */
    bool (*session_read)(struct db *db, int session_pid, struct db_session *out, struct error *err);
    /* Fills out[] with the sessions, but our own, that hold locks on tables of this database (not of the system): at most `most` of them, those that only read last; *count tells how many. What the role may not see of them is "" or -1. MUST be set with DB_SESSIONS. */
    bool (*lockers_read)(struct db *db, struct db_blocker *out, int most, int *count, struct error *err);
    /* Ends the session recorded in the run row of process_id, in one statement, only while the lock still names that run and that session holds its witness. *ended tells. MUST be set with DB_SESSIONS. */
    bool (*session_end)(struct db *db, const char *process_id, bool *ended, struct error *err);

    /* Cancels the running statement of session `blocker`, or (end) ends the session: in one statement that still finds it among those that block the session of the run process_id, while the lock names that run and that session holds its witness. A cancel only where a statement runs. *done tells. MUST be set with DB_SESSIONS. */
    bool (*blocker_stop)(struct db *db, const char *process_id, int blocker, bool end, bool *done, struct error *err);

    /* Waits up to timeout_ms until the lock may have changed, or wake_fd (-1: none) becomes readable. *changed: look again. MUST be set. */
    bool (*wait_change)(struct db *db, int timeout_ms, int wake_fd, bool *changed, struct error *err);

    /* Calls fn for each history row, oldest applied_at first, ties by order_executed. No rows where the table is missing; *table (may be NULL) tells. MUST be set. */
    bool (*history_read)(struct db *db, bool *table, db_history_fn fn, void *user, struct error *err);
    /* Calls fn for each run that left a file outside a transaction unfinished and unresolved, newest first, as the last history_read saw them (it asks in the same message). A row that may not be read is no row. MUST be set. */
    bool (*unfinished_read)(struct db *db, db_run_fn fn, void *user, struct error *err);
    /* Calls fn with each index that the server holds for invalid, as "schema.index on schema.table". MAY be NULL: there are none. */
    bool (*invalid_read)(struct db *db, db_name_fn fn, void *user, struct error *err);
    /* Calls fn for run rows, newest first, at most limit (0: all); with process_id only that one. No rows where the table is missing. MUST be set. */
    bool (*runs_read)(struct db *db, const char *process_id, int limit, db_run_fn fn, void *user, struct error *err);
    /* Removes the rows of runs that began more than `days` days ago by the database's clock, but for the run that the lock names, every row that names a half-applied file, and a run whose witness is held. *removed, and *kept of that age. Needs the right to DELETE there (ERR_RIGHTS with what a DBA must run). A missing table is no error. MUST be set. */
    bool (*runs_prune)(struct db *db, int days, int64_t *removed, int64_t *kept, struct error *err);

    /* How migrations are rehearsed. MUST be set. */
    const struct db_rehearsing *rehearsing;

    /* Calls fn with what stands in the way of a plan that names these tables (as they are written in SQL; those that there are not are passed over): a check that finds nothing says so once, one that can't look is HIDDEN. Changes nothing. MUST be set. */
    bool (*preflight_read)(struct db *db, const char *const *tables, size_t count, db_check_fn fn, void *user, struct error *err);
};

/* The driver for a URL; NULL with ERR_CONFIG where this program was built without it. */
const struct db_driver *db_driver_for(const struct url *url, struct error *err);

/* The driver of an open connection. */
const struct db_driver *db_driver_of(const struct db *db);

/* Copies `at` to *out moved on by `chars` characters of sql (line ends count LF, CR and CRLF once), as servers report positions. */
void place_advance(const struct place *at, const char *sql, size_t len, size_t chars, struct place *out);

/* Fills err->source and err->caret from the statement text around character `chars` (the whole source line is not known here: the part of that line inside the statement is shown; callers with the file at hand may overwrite it). */
void place_show(struct error *err, const char *sql, size_t len, size_t chars);

#ifdef JETBASE_POSTGRES
extern const struct db_driver db_postgres;
#endif
#ifdef JETBASE_SQLITE
extern const struct db_driver db_sqlite;
#endif

#endif
