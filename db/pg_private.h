/* pg_private.h: what the files of the PostgreSQL driver share; nothing outside db/pg*.c and its tests includes it. */
#ifndef JETBASE_DB_PG_PRIVATE_H
#define JETBASE_DB_PG_PRIVATE_H

#include "db.h"
#include "pg_late.h"
#include "pg_sql.h"

struct text;

enum {
    PG_SILENCE_MS = 30000,      /* so long without an answer, and the server is asked over another connection whether one is still to come */
    PG_STUCK_TIMES = 5,         /* so many times that long where bytes of ours are still on their way: after a gap TCP sends them again after two minutes at most */
    PG_CONNECT_MS = 10000,      /* where the URL gives no connect_timeout */
    PG_LOOK_TIMEOUT_MS = 5000,  /* statement_timeout of looking connections where the target gives none */
    PG_TRAILER_LOCK_MS = 4000,  /* lock_timeout of fence and record */
    PG_CHANGE_LOCK_MS = 3000,   /* lock_timeout of a lock change that gives none */
    PG_CREATE_LOCK_MS = 5000,   /* lock_timeout of the creation of our tables */
    PG_QUESTION_LOCK_MS = 4000, /* lock_timeout of a run's own questions about our tables */
    PG_LONG_BYTES = 1 << 20,    /* a statement whose sending may take long */
    PG_SEND_ON_MS = 1000,       /* after the wish to stop such a one is sent on that long */
    PG_CANCEL_AGAIN_MS = 1000   /* a cancel that met no running statement has no effect: it is sent again */
};

enum { PG_COLUMNS_TELL = 140000 }; /* the first server where has_column_privilege() says nothing of a column that is not there, whoever asks */
enum { PG_WATCHES = 5 }; /* settings that watch over the client */
#define PG_NUMBER_SIZE 24 /* a 64-bit number as text */
#define PG_TIMESTAMP_SIZE 64

/* What an outstanding query of the pipeline is, so that its answer can be judged. */
enum pg_query_kind {
    QUERY_PLAIN,     /* any good answer will do */
    QUERY_WITNESS,   /* first column must be true, else lost */
    QUERY_SQL,       /* a file's statement */
    QUERY_CONSTRAINTS, /* deferred constraints are checked: what fails here fails at COMMIT */
    QUERY_ENCODING,  /* the file's characters were read as they were sent */
    QUERY_FENCE,
    QUERY_HISTORY,   /* as many rows as expected */
    QUERY_RUN,       /* one row */
    QUERY_COMMIT,    /* tag COMMIT */
    QUERY_START,     /* one lock row, one run row */
    QUERY_ALONE,     /* a file's statement outside a transaction */
    QUERY_SETS,      /* belongs to no step; its fault only means "do without" */
    QUERY_SYNC       /* ends with PGRES_PIPELINE_SYNC */
};

/* One outstanding query. */
struct pg_query {
    enum pg_query_kind kind;
    bool of_step;   /* belongs to the oldest step that has no result yet */
    bool ends_step; /* that step's last query */
};

/* First in, first out; grows. */
struct pg_queries {
    struct pg_query *at;
    size_t head, count, cap;
};
struct pg_steps {
    struct db_step *at;
    size_t head, count, cap;
};

struct pg_cancel; /* pg_cancel.c */
struct pg_onlooker; /* pg_onlooker.c */
struct pg_rehearsal; /* pg_rehearse.h */

struct db {
    const struct db_driver *driver; /* MUST be first */
    PGconn *conn;
    const struct sys *sys;
    struct db_target target;
    enum db_mode mode;
    struct db_about about;
    char *sql[PG_SQL_TEXTS];
    char *search_path;        /* postgres_schema as a quoted identifier, or NULL */
    char password[256];       /* to keep it out of messages; wiped at close */

    bool has_migrations, has_lock, has_runs, has_index, runs_narrow; /* as seen last; runs_narrow: an older jetbase_runs lacks columns */
    struct run_row *unfinished; /* as the last history_read saw them */
    size_t unfinished_count;
    bool tables_seen;         /* the history was read a moment ago, by a run that has no lock yet, and so were the runs */
    PGresult *early[2];       /* history and unfinished runs as asked for while connecting, or NULL (pg_early.c) */
    int64_t early_ms;         /* since when they are kept */
    bool tables_fresh;        /* that was a moment ago, at connecting: the first question need not look again */

    char witness_id[DB_ID_SIZE]; /* the run that this connection belongs to, or "" */
    char witness_key[PG_NUMBER_SIZE];
    bool witnessed;           /* its session lock is held and was seen */

    struct pg_queries queries;
    struct pg_steps steps;
    bool sets_due;            /* our session settings go out with the next message */
    bool sets_refused;        /* this server takes none of them */
    bool watches_known;       /* it has answered which of the settings that watch over the client it knows */
    bool watches[PG_WATCHES];
    bool unflushed;           /* queued since the last Flush or Sync */
    bool unsynced;            /* something was sent since the last Sync */
    bool beyond_ascii;        /* the migration that was sent last holds characters beyond ASCII */
    unsigned open_heads;      /* HEADs that were sent and whose COMMIT has no good answer yet */
    struct db_result result;  /* of the step that is being answered */
    struct error result_err;
    PGresult *answer;         /* of the query that is being answered, until its end is read */
    PGresult *copy;           /* a COPY that is being read away */
    bool row_mode;            /* the oldest query's rows come one by one */
    int64_t last_ms;
    int64_t look_ms;            /* when whom the oldest step waits for is to be looked at; 0 not set yet, -1 it is being looked at */

    struct pg_cancel *cancel;
    bool more_comes;              /* no Flush stands behind the step that was answered last */
    struct pg_onlooker *onlooker; /* NULL until a statement takes long */
    struct pg_rehearsal *rehearsal; /* NULL but while one is on */
    int lock_ms;              /* lock_timeout of the migration that was begun last, as far as it was given to us; 0: none */
    bool outside;             /* statements of a file outside a transaction were sent since the last HEAD or rollback: its session settings stand */
    bool cancelled;           /* a cancel was sent since the last rollback */
    int64_t cancelled_ms;     /* when the first of them was */
    bool asking;              /* a question is being answered that a wish to stop may end */

    bool listening;
    bool down;
    int64_t heard_ms;         /* since when an answer is waited for without a byte that came or went; 0: nothing is waited for */
    int heard_queued;         /* bytes of ours that the other side had not taken at heard_ms */
    char server_start[40];    /* when the server was started: tells it from another one at the same address */
    struct pg_waits {
        bool linked;
        int64_t link_ms;      /* until there was a link */
        int answers;          /* how many were waited for, and the shortest of these waits */
        int64_t answer_ms;
    } waits;                  /* for the server while connecting */
    char last_words[1024];    /* what the server said before the connection ended */
};

/* ---- pg_connect.c: from URL to connection ---- */
bool pg_open(const struct db_target *target, enum db_mode mode, struct db **out, struct error *err);
void pg_close(struct db *db);

/* ---- pg_fault.c: faults in words ---- */

/* Fills *err from a bad result. doing: what was to be done, or NULL for the server's message alone. Returns false. */
bool pg_fault(const struct db *db, const PGresult *res, const char *doing, struct error *err);
/* The same for a statement on our own tables: where the role has no right to them the hint says what a DBA must run, where somebody kept one locked the message says who. Asks the server, which must be idle. */
bool pg_fault_ours(struct db *db, const PGresult *res, const char *doing, struct error *err);
/* Marks the connection as lost and fills *err (ERR_NO_CONNECTION). Returns false. */
bool pg_lost(struct db *db, struct error *err);
/* Fills *err and returns false for a connection that was opened for looking. */
bool pg_may_change(const struct db *db, struct error *err);
/* Does this answer say that the server ends the session? Keeps its words. */
bool pg_is_farewell(struct db *db, const PGresult *res);
/* The SQLSTATE of a result, "" where it has none. */
const char *pg_state(const PGresult *res);
/* Copies foreign text made visible, with the password taken out. */
void pg_visible(const struct db *db, char *to, size_t size, const char *from);
/* Notices: only a farewell is kept. */
void pg_notice(void *db, const PGresult *res);

/* ---- pg_refusal.c: a connection that was not had ---- */

/* Takes out of the library's words (PQERRORS_VERBOSE) each SQLSTATE and LOCATION, which nobody wants to read. state: the last SQLSTATE, "" where no server spoke. */
void pg_refusal(char *said, char state[6]);
/* May asking again in a moment help? Not where a server said no: wrong password, database, role. */
bool pg_not_up(const char *state, const char *said, bool needs_password);

/* ---- pg_wait.c: sending and waiting ---- */

struct pollfd;
/* poll(), with the target's idle work done as long as nothing happens and there is time. */
int pg_poll(struct db *db, struct pollfd *fds, unsigned count, int timeout_ms);

enum pg_woken { WOKEN_INPUT, WOKEN_TIMEOUT, WOKEN_WAKE, WOKEN_LOST };
/* Sends what can be sent, then waits up to timeout_ms (-1: for ever) until something came in, wake_fd (-1: none) is readable, or a signal came (WAKE). */
enum pg_woken pg_wait(struct db *db, int timeout_ms, int wake_fd);
/* The same while an answer is owed: where none comes for PG_SILENCE_MS the server is asked over another connection, and WOKEN_LOST with last_words says that none will come. While bytes of ours still go out there is no silence: a statement of 100 MB may take minutes on its way. Calls the target's tick. WOKEN_TIMEOUT may come early. (pg_silence.c) */
enum pg_woken pg_wait_answer(struct db *db, int timeout_ms, int wake_fd);

/* ---- pg_batch.c: questions and changes of our own, whole messages at a time ---- */

/* One statement of a message. */
struct pg_ask {
    enum pg_sql sql;
    int count;                  /* of values */
    const char *const *values;  /* text or NULL */
    bool sync;                  /* its transaction ends here: the next one has a new snapshot */
    bool binary;                /* its rows come as the server holds them, not as text */
    PGresult *res;              /* out; pg_batch_free() clears */
};
/* Sends `count` statements in one message (a Sync after the last one always) and reads all answers. Whatever transaction is left open is rolled back. On a run's connection a question about our tables waits PG_QUESTION_LOCK_MS at most for somebody's lock on them, and a wish to stop that comes meanwhile cancels it (57014). False only where the connection is lost or memory ran out, and no res is set then; every res is set otherwise. */
bool pg_batch(struct db *db, struct pg_ask *asks, size_t count, struct error *err);
/* Clears the results. */
void pg_batch_free(struct pg_ask *asks, size_t count);
/* The first bad result of a batch, or NULL. */
const PGresult *pg_batch_bad(const struct pg_ask *asks, size_t count);
/* Did the result come out well? */
bool pg_good(const PGresult *res);
/* A table is missing (42P01, 3F000). */
bool pg_missing(const PGresult *res);
/* True for 't' in row 0. */
bool pg_true(const PGresult *res, int column);
/* Row 0 as a number, 0 where NULL. */
long pg_number(const PGresult *res, int column);
/* A value of `row` copied as it is, "" where NULL. */
void pg_copy(const PGresult *res, int row, int column, char *to, size_t size);
/* ---- pg_settings.c ---- */
/* Settings that go out in one SELECT, each a call of set_config(); its first column is a lock's answer, or true. */
struct pg_settings {
    char sql[1400];
    size_t len;
    const char *values[PG_WATCHES + 6]; /* not owned: MUST live until it is sent */
    int count;
};
/* Begins with a call of that function of pg_catalog on a lock's key, or with true where `lock` is NULL. */
void pg_settings_begin(struct pg_settings *s, const char *lock, const char *key);
/* One more, in this order; NULL: it is not given. name: one of our own, never anybody's text. local: for this transaction. */
void pg_settings_add(struct pg_settings *s, const char *name, const char *value, bool local);
/* Those by which the server watches over its client, as far as it knows them; none over a shared session. */
void pg_settings_watch(const struct db *db, struct pg_settings *s);
/* Queues it; as pg_send(). */
bool pg_settings_send(struct db *db, enum pg_query_kind kind, bool ends, const struct pg_settings *s, struct error *err);
/* Reads the answer to our session settings: which of them this server knows, or that it takes none. */
void pg_sets_note(struct db *db, const PGresult *res);
/* statement_timeout of a connection for looking. */
int pg_look_timeout_ms(const struct db *db);
/* Queues our session settings where they are due. */
bool pg_sets_submit(struct db *db, struct error *err);

/* ---- pg_queue.c: what is outstanding ---- */
bool pg_queries_push(struct pg_queries *q, struct pg_query query);
void pg_queries_pop(struct pg_queries *q);
bool pg_steps_push(struct pg_steps *q, const struct db_step *step);
void pg_steps_pop(struct pg_steps *q);

/* ---- pg_submit.c: steps into queries ---- */
bool pg_submit(struct db *db, const struct db_step *step, struct error *err);
/* Queues a Sync. */
bool pg_submit_sync(struct db *db, bool of_step, struct error *err);
/* Queues one query. */
bool pg_send(struct db *db, struct pg_query query, const char *sql, int count, const char *const *values, struct error *err);

/* Queues one query of our own SQL for the step that was submitted last. */
bool pg_send_own(struct db *db, enum pg_query_kind kind, bool ends, enum pg_sql sql, int count, const char *const *values, struct error *err);
/* Is this run's witness ours to hold? */
bool pg_holds_witness(const struct db *db, const struct db_step *step);

/* ---- pg_outside.c: the steps outside a transaction ---- */
bool pg_submit_outside(struct db *db, const struct db_step *step, struct error *err);

/* ---- pg_next.c: answers into results ---- */
enum db_next pg_next(struct db *db, int timeout_ms, struct db_result *result, struct error *err);
/* Takes what has been read so far. */
enum pg_took { TOOK_RESULT, TOOK_NOTHING, TOOK_LOST };
enum pg_took pg_take(struct db *db);

/* ---- pg_judge.c: is an answer good? ---- */

/* Judges the answer to a query of `step`; the first fault fills db->result and db->result_err. */
void pg_judge(struct db *db, enum pg_query_kind kind, const struct db_step *step, PGresult *res);
/* The same for a statement that turned out to be a COPY from or to the client. */
void pg_judge_copy(struct db *db, const struct db_step *step);

/* ---- pg_rollback.c ---- */
bool pg_rollback(struct db *db, struct error *err);

/* ---- pg_cancel.c: PQcancel blocks, so it has a thread of its own ---- */
struct pg_cancel *pg_cancel_make(PGconn *conn);
/* Somebody wishes to stop: asks the server to end what it runs; again where the first request met no statement. False where nobody does. */
bool pg_cancel_wished(struct db *db);
/* Sends a cancel, unless one is on its way. */
void pg_cancel_send(struct pg_cancel *cancel);
/* Sends another one where the last is long ago. */
void pg_cancel_repeat(struct pg_cancel *cancel);
/* Waits (bounded) until none is on its way: a late one would hit the next statement. */
void pg_cancel_settle(struct pg_cancel *cancel);
/* Settles and frees; a thread that is still stuck frees it itself. NULL is allowed. */
void pg_cancel_free(struct pg_cancel *cancel);

/* ---- pg_onlooker.c: who is in the way of a statement that waits for a lock ---- */

/* How long, in ms, the oldest step is waited for before it is looked at: a part of its lock_timeout. 0: never, since it has none that we know of, or behind a pooler, where sessions are not ours. */
int pg_onlooker_patience(const struct db *db);
/* The oldest step is still not answered: from now on it is looked at every pause_ms, over another connection. A fault of that one is nobody's business. */
void pg_onlooker_look(struct db *db, int pause_ms);
/* It is answered: what was seen is forgotten. */
void pg_onlooker_rest(struct db *db);
/* Adds to the detail of a lock timeout, which is what res says the step failed with, who was seen in the way while it waited; nothing where nobody was, or where that may have been another wait. */
void pg_onlooker_tell(struct db *db, const struct db_step *step, const PGresult *res, struct error *err);
/* Closes its connection. NULL is allowed. */
void pg_onlooker_free(struct pg_onlooker *onlooker);

/* ---- pg_tables.c ---- */
bool pg_tables_read(struct db *db, struct db_tables *out, struct error *err);
bool pg_tables_prepare(struct db *db, struct db_tables *out, struct error *err);
/* Adds the statements that a DBA must run so that this role can work here: what is missing of our tables, and the rights to them. */
void pg_tables_dba(const struct db *db, struct text *make);
/* Looks again which tables are there. */
bool pg_tables_refresh(struct db *db, struct error *err);
/* Takes which of them are there from the answer to PG_FACTS; where that does not tell, they are looked for. */
bool pg_tables_learn(struct db *db, const PGresult *facts, struct error *err);

/* The number of a table of ours in the answer to PG_FACTS, InvalidOid where it is not there. */
enum pg_facts_table { PG_FACTS_MIGRATIONS = 9, PG_FACTS_RUNS = 12 };
Oid pg_facts_number(const PGresult *facts, enum pg_facts_table column);

/* ---- pg_early.c: the history, asked for in the message that asks the server what it is ---- */
enum { PG_EARLY_ASKS = 4 };
/* What its questions take. */
struct pg_early {
    char timeout[PG_NUMBER_SIZE];
    const char *limits[3];
};
/* The questions, where the history is asked for next and a wait for the server is long; their number, or 0. early MUST live until they are answered. */
size_t pg_early_fill(const struct db *db, struct pg_early *early, struct pg_ask asks[PG_EARLY_ASKS]);
/* Keeps the answers where they are those of the tables that the facts name. After pg_tables_learn(). */
void pg_early_keep(struct db *db, const PGresult *facts, struct pg_ask asks[PG_EARLY_ASKS]);
/* Hands them over to asks, history and unfinished runs (where count is 2). False, and nothing is kept any more, where they are not there or no longer of this moment. */
bool pg_early_take(struct db *db, struct pg_ask *asks, size_t count);
/* Forgets them: something else was asked. */
void pg_early_drop(struct db *db);

/* ---- pg_witness.c ---- */
bool pg_witness_take(struct db *db, const char *process_id, char witness[DB_WITNESS_SIZE], struct error *err);
void pg_witness_drop(struct db *db, const char *process_id);
/* Is process_id a run of this very process? */
bool pg_witness_own(const char *process_id);
/* The advisory lock of a process ID: its first 64 bits as a signed number, and as pg_locks shows it. False: not a process ID. */
struct pg_key {
    char number[PG_NUMBER_SIZE], high[PG_NUMBER_SIZE], low[PG_NUMBER_SIZE];
};
/* Fills out with the key of process_id. False where that is not a process ID; out is left as it was. */
bool pg_key_of(const char *process_id, struct pg_key *out);

/* ---- pg_look.c, pg_change.c, pg_read.c, pg_session.c, pg_watch.c ---- */
bool pg_lock_read(struct db *db, struct db_lock_row *out, struct error *err);
enum db_change pg_lock_change(struct db *db, const struct db_lock_change *change, struct error *err);
bool pg_history_read(struct db *db, bool *table, db_history_fn fn, void *user, struct error *err);
bool pg_unfinished_read(struct db *db, db_run_fn fn, void *user, struct error *err);
bool pg_invalid_read(struct db *db, db_name_fn fn, void *user, struct error *err);
bool pg_runs_read(struct db *db, const char *process_id, int limit, db_run_fn fn, void *user, struct error *err);
bool pg_runs_prune(struct db *db, int days, int64_t *removed, int64_t *kept, struct error *err);
/* Of a standby asks whether it still is one, and how far it is behind. False: no answer. */
bool pg_look_standby(struct db *db, struct error *err);
/* Reads a row of a run query. */
void pg_run_row(const PGresult *res, int row, struct run_row *out);
/* pg_preflight.c */
bool pg_preflight_read(struct db *db, const char *const *tables, size_t count, db_check_fn fn, void *user, struct error *err);
bool pg_lockers_read(struct db *db, struct db_blocker *out, int most, int *count, struct error *err);
bool pg_session_read(struct db *db, int session_pid, struct db_session *out, struct error *err);
/* Reads a blocking session from the columns that PG_SESSION_BLOCKERS and PG_WAITS_FOR give. */
void pg_blocker_read(const PGresult *res, int row, struct db_blocker *out);
bool pg_session_end(struct db *db, const char *process_id, bool *ended, struct error *err);
bool pg_blocker_stop(struct db *db, const char *process_id, int blocker, bool end, bool *done, struct error *err);
bool pg_wait_change(struct db *db, int timeout_ms, int wake_fd, bool *changed, struct error *err);

#endif
