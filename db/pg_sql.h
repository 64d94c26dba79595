/* pg_sql.h: every SQL text of the PostgreSQL driver, with our tables named by their schema. */
#ifndef JETBASE_DB_PG_SQL_H
#define JETBASE_DB_PG_SQL_H

#include <stdbool.h>

#define PG_RUNS_COLUMNS 25 /* what jetbase_runs has today; columns are only ever added */

/* The texts; what each takes ($1 …) and gives stands beside it in pg_sql.c. */
enum pg_sql {
    PG_FACTS,
    PG_FACTS_GIVEN,
    PG_STANDBY,
    PG_TABLES,
    PG_BEGIN,
    PG_COMMIT,
    PG_ROLLBACK,
    PG_LOCAL_TIMEOUT,
    PG_NOTHING,

    PG_ENCODING,
    PG_RESET_CONSTRAINTS,
    PG_RESET_AUTHORIZATION,
    PG_RESET_ROLE,
    PG_RESET_ALL,
    PG_RESET_CURSORS,
    PG_RESET_PREPARED,
    PG_RESET_LISTEN,
    PG_RESET_PLANS,
    PG_RESET_TEMP,
    PG_RESET_SEQUENCES,
    PG_FENCE,
    PG_RECORD_INSERT,
    PG_RECORD_BASELINE,
    PG_RECORD_UPDATE,
    PG_RECORD_DELETE,
    PG_RECORD_CHECKSUM,
    PG_RECORD_FORGET,
    PG_RECORD_RUN,
    PG_PROGRESS,
    PG_OWN_SESSION,
    PG_OWN_ROLE,
    PG_START,
    PG_DONE,
    PG_SEAL_RUN,
    PG_RESOLVE,
    PG_SUPERSEDE,

    PG_WITNESS_TAKE,
    PG_WITNESS_SEEN,
    PG_WITNESS_ASK,
    PG_WITNESS_DROP,

    PG_LOCK_FREE_ROW,
    PG_LOCK_ROW,
    PG_ACQUIRE,
    PG_ACQUIRE_PLAIN,
    PG_TAKE_OVER,
    PG_UNLOCK,
    PG_UNLOCK_PROVEN,
    PG_UNLOCK_PLAIN,
    PG_UNLOCK_ANY,
    PG_UNLOCK_ANY_PLAIN,
    PG_RELEASE,
    PG_PRUNE,
    PG_PRUNE_KEPT,

    PG_LOOK_LOCK,
    PG_LOOK_RUN,
    PG_LOOK_LAST,
    PG_RUNS,
    PG_HISTORY,
    PG_UNFINISHED,
    PG_UNFINISHED_ANY,
    PG_EARLY_LIMITS,
    PG_EARLY_HISTORY,
    PG_EARLY_RUNS,
    PG_INVALID,
    PG_LISTEN,

    PG_TABLE_LOCKERS,
    PG_SESSION,
    PG_SESSION_BLOCKERS,
    PG_WAITS_FOR,
    PG_SESSION_BEHIND,
    PG_SESSION_AWAITED,
    PG_SESSION_PROGRESS,
    PG_LOCKERS,
    PG_PREFLIGHT_STANDBY,
    PG_PREFLIGHT_LOCKS,
    PG_PREFLIGHT_PREPARED,
    PG_PREFLIGHT_IDLE,
    PG_PREFLIGHT_SLOTS,
    PG_PREFLIGHT_CONNECTIONS,
    PG_SESSION_END,
    PG_BLOCKER_CANCEL,
    PG_BLOCKER_END,

    PG_CREATION_LOCK,
    PG_CREATE_MIGRATIONS,
    PG_CREATE_LOCK,
    PG_CREATE_LOCK_ROW,
    PG_CREATE_RUNS,
    PG_ALTER_RUNS,
    PG_CREATE_INDEX,
    PG_GRANT,
    PG_SQL_TEXTS
};

/* Fills texts[] for a schema (already quoted as an identifier). False where memory ran out; pg_sql_free() follows all the same. */
bool pg_sql_fill(char *texts[PG_SQL_TEXTS], const char *quoted_schema);
/* Frees them. */
void pg_sql_free(char *texts[PG_SQL_TEXTS]);
/* A text that names no schema. */
const char *pg_sql_fixed(enum pg_sql which);

#endif
