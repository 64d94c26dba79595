/* pg_case.h: a connection of the PostgreSQL driver on a fresh database, one run on it, and an oracle beside it. */
#ifndef JETBASE_TESTS_PG_CASE_H
#define JETBASE_TESTS_PG_CASE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "db.h"

/* A database, and the connection under test. Zero-initialise `target` fields that matter before pg_case_connect(). */
struct pg_case {
    char text[600];          /* URL of the superuser */
    struct url url;
    struct db_target target;
    atomic_int stop;
    struct db *db;
    char id[DB_ID_SIZE];     /* the run that pg_case_acquire() began */
    char witness[DB_WITNESS_SIZE];
    struct run_row run;
};

/* Makes a fresh database; no connection yet. */
void pg_case_make(struct pg_case *c);
/* Makes one, connects for a run, prepares the tables. */
void pg_case_open(struct pg_case *c);
/* Another connection on the same database, as `user` (NULL: the superuser) and through `port` (0: the server's own). */
void pg_case_join(struct pg_case *c, const struct pg_case *first, enum db_mode mode, const char *user, int port);
/* As pg_case_join, without connecting: target may be changed before pg_case_connect(). */
void pg_case_aim(struct pg_case *c, const struct pg_case *first, const char *user, int port);
/* Connects. Fails the test where it can't. */
void pg_case_connect(struct pg_case *c, enum db_mode mode);
/* Closes the connection and frees. */
void pg_case_close(struct pg_case *c);

/* Witness and lock for a new run; gives what lock_change answered. */
enum db_change pg_case_try(struct pg_case *c);
/* The same, and fails the test unless it is done. */
void pg_case_acquire(struct pg_case *c);
/* A lock change of that kind from `from`. */
enum db_change pg_case_change(struct pg_case *c, enum db_change_kind kind, const char *from, bool prove_dead);

/* What became of the steps of a migration. */
struct pg_answers {
    int results, skipped, bad;          /* how many */
    struct db_result first_bad;
    struct error err;                   /* of first_bad, or of the lost connection */
    enum db_next end;                   /* DB_DRAINED or DB_DOWN */
    int done;                           /* last good STEP_SQL */
    bool committed;                     /* a STEP_COMMIT was good */
};
/* Queues head, statements (NULL-terminated) and trailer of migration V<number>; waits for nothing. */
void pg_case_submit(struct pg_case *c, uint32_t number, const char *const *statements);
/* Queues COMMIT of V<number>. */
void pg_case_commit(struct pg_case *c, uint32_t number);
/* Queues a barrier. */
void pg_case_barrier(struct pg_case *c);
/* Reads all answers that are outstanding. */
struct pg_answers pg_case_answers(struct pg_case *c);
/* One whole migration; rolled back where it fails. */
struct pg_answers pg_case_migrate(struct pg_case *c, uint32_t number, const char *const *statements);

/* The oracle: SQL over a connection of its own. Fails the test where it fails. */
void pg_case_sql(const struct pg_case *c, const char *sql);
/* The number that a query gives; NULL is -1. */
long pg_case_number(const struct pg_case *c, const char *sql);
/* The look at the lock. */
struct db_lock_row pg_case_look(struct pg_case *c);
/* Waits until a query gives that number. */
void pg_case_until(const struct pg_case *c, const char *sql, long wanted);

#endif
