/* sqlite_private.h: what the files of the SQLite driver share; nothing outside db/sqlite*.c and its tests includes it. */
#ifndef JETBASE_DB_SQLITE_PRIVATE_H
#define JETBASE_DB_SQLITE_PRIVATE_H

#include <sys/stat.h>

#include "db.h"
#include "sqlite_late.h"
#include "text.h"

enum {
    SQLITE_HEAD_WAIT_MS = 5000,    /* how long a migration waits for other writers before it starts */
    SQLITE_COMMIT_WAIT_MS = 5000,  /* how long a COMMIT waits for readers */
    SQLITE_LOOK_WAIT_MS = 2000,    /* how long a look waits for a writer that shuts everybody out: an unlock looks first and must answer soon */
    SQLITE_POLL_MS = 200           /* how often wait_change looks */
};

struct sqlite_file;  /* one database file of this process: its two descriptors (sqlite_witness.c) */
struct sqlite_rehearsal; /* sqlite_rehearse.h */
struct sqlite_still; /* a file that is read without SQLite opening it (sqlite_still.c) */

/* What SQLite has open at the moment. */
enum sqlite_state {
    STATE_NONE,   /* nothing: no file yet, or between two looks */
    STATE_OPEN,   /* an ordinary connection */
    STATE_STILL   /* a read-only view for one look, through the asking descriptor */
};

struct db {
    const struct db_driver *driver; /* MUST be first */
    struct db_target target;
    enum db_mode mode;
    struct db_about about;

    char *path;             /* absolute; NULL for :memory: */
    char *real;             /* without symbolic links: beside it SQLite puts journal and WAL; NULL while there is no file */
    char *uri;              /* DB_LOOK with nolock, immutable or a foreign vfs: the URI to open; else NULL */
    char *vfs;              /* the vfs of that URI, or NULL */
    bool memory;
    bool must_exist;        /* mode=rw, mode=ro */
    struct sqlite_file *file; /* NULL: memory, or no file yet */
    sqlite3 *handle;
    enum sqlite_state state;
    struct sqlite_still *still;

    int64_t busy_until_ms;  /* mono_ms at which waiting for a lock ends */
    bool busy_stops;        /* a wish to stop ends the waiting too */

    bool guarded;           /* a statement of a file is prepared or runs: authorizer and progress handler act */
    bool tainted;           /* a file set a pragma or touched temporary objects: a new connection before the next one */
    bool schema_written;    /* a file set PRAGMA writable_schema: what is known of the schema may no longer be what the file says */
    bool outside;           /* steps outside a transaction run: the file's BEGIN and COMMIT are its own */
    bool check_keys;        /* before the migration commits, its foreign keys are checked */
    bool vacuuming;         /* VACUUM runs, with its own ATTACH */
    bool saw_change;        /* the statement inserts, updates or deletes rows */
    bool saw_drop;          /* it drops a table or view: SQLite calls that a deletion too, but counts no rows of it */
    int lock_ms, statement_ms; /* timeouts of the migration that runs; 0: none of its own, none */
    bool timed_out;         /* statement_ms ran out */
    int64_t sql_until_ms;   /* mono_ms at which the statement is stopped; 0: never */
    bool saw_lock;          /* over this connection something of a file's reached jetbase_lock. It stays: a virtual table keeps what it has compiled, triggers too, and runs it again unseen */
    char fenced_id[DB_ID_SIZE]; /* the run that the lock named when the last migration began */
    bool proven;            /* and when it was committed, at which the file's data version was this: while it is the same, nobody has written anything since */
    unsigned proven_version;
    sqlite3_stmt *begin, *commit; /* of migrations, compiled once a connection; NULL before that */
    int64_t last_applied_ms; /* of the history row that came last, ms since 1970; 0: not known yet */
    bool last_applied_own;  /* and it was written over this connection */
    char refused[256];      /* why the authorizer refused the statement, or "" */

    struct db_step *queue;  /* submitted, not yet executed: count of them from head */
    size_t head, count, cap;
    bool failed;            /* a step failed: the rest is skipped until rollback() */
    int64_t last_ms;        /* mono_ms of the last result */

    struct sqlite_rehearsal *rehearsal; /* NULL but while one is on */

    int64_t seen_version;   /* PRAGMA data_version at the last look; -1 none */
    struct stat seen_stat;  /* the file at the last look where SQLite has nothing open */
    bool seen_file;         /* there was one */
    bool seen_quiet;        /* the last look saw a file in WAL mode with nobody at work */
};

/* ---- sqlite_url.c ---- */

/* Reads path and parameters of the URL into db. ERR_CONFIG for what a run refuses. */
bool sqlite_url_read(struct db *db, struct error *err);

/* ---- sqlite_connect.c: from path to connection ---- */

/* Opens file and connection of a DB_RUN connection; or of a DB_LOOK one, where a missing file is no error. */
bool sqlite_connect(struct db *db, struct error *err);
/* Closes the connection to SQLite. The witness descriptors stay. */
void sqlite_disconnect(struct db *db);
/* Gives a DB_RUN connection a new connection to SQLite where a file left something behind. :memory: keeps its own. */
bool sqlite_refresh(struct db *db, struct error *err);
/* Is the file at the path still the one that is open? False with ERR_FILE. */
bool sqlite_same_file(const struct db *db, struct error *err);

/* May the file and its folder be written? */
bool sqlite_writable(const struct db *db);

/* Begins a group of reading statements. *empty: there is no file, so no tables. Ends with sqlite_look_end(). */
bool sqlite_look_begin(struct db *db, bool *empty, struct error *err);
/* Ends it. False: what was read may be mixed from two states of the file and must be read again (still views only). */
bool sqlite_look_end(struct db *db);

/* ---- sqlite_still.c: reading a file that no writer has open, without leaving a trace ---- */

enum still_need {
    STILL_NOT_NEEDED,  /* SQLite may open the file itself */
    STILL_QUIET,       /* WAL mode at rest: an ordinary reader would create -wal and -shm */
    STILL_HOT          /* a writer died inside a transaction: an ordinary reader would have to roll it back in the file */
};
/* Is the file in WAL mode with nobody at work? */
bool sqlite_still_quiet(const struct db *db);
enum still_answer { STILL_OPENED, STILL_CHANGED, STILL_FAULT };
/* Opens db->handle as a view of the file as it is (QUIET), or as it would be after recovery (HOT). CHANGED: somebody is at work on it after all, look again. FAULT: *err. */
enum still_answer sqlite_still_open(struct db *db, enum still_need need, struct error *err);
/* Closes it. False: the file changed meanwhile. */
bool sqlite_still_close(struct db *db);

/* ---- sqlite_query.c: statements of our own, waiting, faults in words ---- */

/* How long statements may wait from now on for other processes' locks, in ms. stops: a wish to stop ends it too. */
void sqlite_wait_at_most(struct db *db, int ms, bool stops);
/* Installs the busy handler, which a file's PRAGMA busy_timeout replaces. */
void sqlite_arm(struct db *db);
/* Runs one statement to its end; types has a letter for each value: t const char * (NULL is NULL), s const char * ("" is NULL too), i int, l int64_t, n int (-1 is NULL). Returns the SQLite code; *changes (may be NULL) is the number of rows changed. */
int sqlite_do(struct db *db, const char *sql, int64_t *changes, const char *types, ...);
/* As sqlite_do() a statement without values, which is compiled once: *kept, NULL at first, is freed by sqlite_disconnect(). */
int sqlite_do_kept(struct db *db, sqlite3_stmt **kept, const char *sql);
/* Prepares a statement and binds values as sqlite_do. *stmt is NULL unless SQLITE_OK is returned. */
int sqlite_query(struct db *db, sqlite3_stmt **stmt, const char *sql, const char *types, ...);
/* The number in the first column of the first row; *found false (and *value 0) without a row. */
int sqlite_number(struct db *db, const char *sql, int64_t *value, bool *found, const char *types, ...);
/* Fills *err for an SQLite code: "<doing>: <what happened>". Returns false. */
bool sqlite_fault(struct db *db, int rc, const char *doing, struct error *err);
/* Copies a column to a buffer, "" for NULL. */
void sqlite_column(sqlite3_stmt *stmt, int column, char *to, size_t size);
/* Ends an open transaction, if any. */
void sqlite_undo(struct db *db);

/* ---- sqlite_guard.c: what a file's statements may not do ---- */

/* Registers authorizer and progress handler with a new connection; both act only while db->guarded. (To register an authorizer again makes SQLite compile whatever it has compiled anew.) */
void sqlite_guard_install(struct db *db);

/* ---- sqlite_rehearse_effect.c ---- */

/* During a rehearsal: the statement writes or alters this table. */
void sqlite_effect_touch(struct db *db, const char *table);

/* ---- sqlite_run.c: the steps of a run ---- */

/* The three of the driver contract, as db.h says them: submit queues a copy of the step, next runs it. */
bool sqlite_submit(struct db *db, const struct db_step *step, struct error *err);
enum db_next sqlite_next(struct db *db, int timeout_ms, struct db_result *result, struct error *err);
bool sqlite_rollback(struct db *db, struct error *err);
/* After statements of a file that may write sqlite_master: reads the schema anew. False (ERR_SQL): SQLite can't read it, or one of our tables is not in it; runs: jetbase_runs must be, too. */
bool sqlite_schema_stands(struct db *db, bool runs, struct error *err);

/* ---- sqlite_statement.c ---- */

/* Runs one statement of a file: inside the open transaction, or (STEP_ALONE) outside one; afterwards one must be open or not as it stands. */
bool sqlite_statement(struct db *db, const struct db_step *step, struct db_result *result, struct error *err);

/* ---- sqlite_outside.c: the steps outside a transaction ---- */
bool sqlite_outside(struct db *db, const struct db_step *step, struct db_result *result, struct error *err);
/* Does the lock still name this run? result->lost tells; false on any fault. */
bool sqlite_fence(struct db *db, const struct db_step *step, struct db_result *result, struct error *err);
/* Takes the timeouts of the migration that a HEAD or START begins: its own, else the connection's. */
void sqlite_timeouts(struct db *db, const struct db_step *step);

/* ---- sqlite_witness.c: the byte that the kernel holds for a living run ---- */

/* The entry of the file at path, its descriptors opened as needed: for asking, and (writable) for holding. create: make the file where it is missing. NULL with *missing (no file, not created) or *err. */
struct sqlite_file *sqlite_file_open(const char *path, bool writable, bool create, bool *missing, struct error *err);
/* Is `st` this file? */
bool sqlite_file_is(const struct sqlite_file *file, const struct stat *st);
/* The descriptor that only asks. Never to be closed. */
int sqlite_file_ask_fd(const struct sqlite_file *file);
/* The byte of a process ID. False: not a process ID. */
bool sqlite_witness_byte(const char *process_id, int64_t *byte);
/* "ofd:boot_id:device:inode", or "" where the boot is unknown. */
void sqlite_witness_text(const struct db *db, char to[DB_WITNESS_SIZE]);
/* Is process_id a run of this very process on this file? */
bool sqlite_witness_own(const struct db *db, const char *process_id);
/* The witness of another process's run, whose row says `witness`. */
enum db_witness sqlite_witness_ask(const struct db *db, const char *process_id, const char *witness, enum db_why *why);
bool sqlite_witness_take(struct db *db, const char *process_id, char witness[DB_WITNESS_SIZE], struct error *err);
void sqlite_witness_drop(struct db *db, const char *process_id);
/* Drops all that this connection holds. */
void sqlite_witness_drop_all(struct db *db);
/* Writes who holds SQLite's own locks on the file ("process 4711 (python3)"), or "another process". */
void sqlite_file_users(const struct db *db, char *to, size_t size);

/* ---- sqlite_tables.c, sqlite_look.c, sqlite_lock.c, sqlite_read.c ---- */

/* Is there a table of ours of that name? rc as SQLite's. */
int sqlite_has_table(struct db *db, const char *name, bool *there);
bool sqlite_tables_read(struct db *db, struct db_tables *out, struct error *err);
/* As db.h says them (sqlite_preflight.c). */
bool sqlite_preflight_read(struct db *db, const char *const *tables, size_t count, db_check_fn fn, void *user, struct error *err);
bool sqlite_tables_prepare(struct db *db, struct db_tables *out, struct error *err);
bool sqlite_lock_read(struct db *db, struct db_lock_row *out, struct error *err);
enum db_change sqlite_lock_change(struct db *db, const struct db_lock_change *change, struct error *err);
/* Registers the SQL function that asks witnesses inside a statement. */
int sqlite_lock_install(struct db *db);
bool sqlite_wait_change(struct db *db, int timeout_ms, int wake_fd, bool *changed, struct error *err);
/* Remembers the state of the file that a look begins with, for wait_change. */
void sqlite_change_mark(struct db *db);
bool sqlite_history_read(struct db *db, bool *table, db_history_fn fn, void *user, struct error *err);
bool sqlite_unfinished_read(struct db *db, db_run_fn fn, void *user, struct error *err);
bool sqlite_runs_read(struct db *db, const char *process_id, int limit, db_run_fn fn, void *user, struct error *err);
bool sqlite_runs_prune(struct db *db, int days, int64_t *removed, int64_t *kept, struct error *err);
/* Reads a row of SQL_RUN_COLUMNS. */
void sqlite_run_row(sqlite3_stmt *stmt, struct run_row *out);

#endif
