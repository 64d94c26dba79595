/* pg_rehearse.c: a rehearsal on the database itself: one transaction, a savepoint for each rollback part, and always ROLLBACK. */
#include "pg_rehearse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "failpoint.h"
#include "text.h"

enum { GLANCE_MS = 50 }; /* between two glances at whether somebody waits behind us */

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

/* Somebody waits behind us: what runs is thrown away. */
static void make_room(struct db *db)
{
    if (!pg_crowd_seen(db->rehearsal->crowd))
        return;
    if (db->cancelled)
        pg_cancel_repeat(db->cancel);
    else
        pg_cancel_send(db->cancel);
    db->cancelled = true;
}

/* ---- statements of our own ---- */

static bool readable(struct db *db)
{
    while (PQisBusy(db->conn)) {
        bool stopping = pg_cancel_wished(db);
        make_room(db);
        if (pg_wait_answer(db, GLANCE_MS, stopping ? -1 : db->target.wake_fd) == WOKEN_LOST)
            return !PQisBusy(db->conn);
    }
    return true;
}

/* The answer to one statement and the Sync behind it; NULL where the connection is lost. */
static PGresult *answer(struct db *db)
{
    PGresult *last = NULL;
    while (readable(db)) {
        PGresult *res = PQgetResult(db->conn);
        if (!res && PQstatus(db->conn) == CONNECTION_OK && last)
            continue; /* its end; the Sync follows */
        if (!res || pg_is_farewell(db, res) || PQstatus(db->conn) != CONNECTION_OK) {
            PQclear(res);
            break;
        }
        if (PQresultStatus(res) == PGRES_PIPELINE_SYNC) {
            PQclear(res);
            return last;
        }
        PQclear(last);
        last = res;
    }
    PQclear(last);
    return NULL;
}

static bool may_ask(struct db *db, struct error *err)
{
    if (db->rehearsal->crowd && pg_crowd_is(db->rehearsal->crowd, err))
        return false;
    if (db->target.stop && atomic_load(db->target.stop) != 0)
        return error_set(err, ERR_CANCELLED, "stopped");
    return true;
}

PGresult *pg_rehearse_ask(struct db *db, const char *sql, int count, const char *const *values, const char *doing, struct error *err)
{
    PGresult *res;
    if (db->down) {
        pg_lost(db, err);
        return NULL;
    }
    if (!may_ask(db, err))
        return NULL;
    db->heard_ms = 0;
    if (!PQsendQueryParams(db->conn, sql, count, NULL, values, NULL, NULL, 0) || !PQpipelineSync(db->conn) || !(res = answer(db))) {
        pg_lost(db, err);
        return NULL;
    }
    if (pg_good(res))
        return res;
    pg_fault(db, res, doing, err);
    PQclear(res);
    return NULL;
}

bool pg_rehearse_do(struct db *db, const char *sql, const char *doing, struct error *err)
{
    PGresult *res = pg_rehearse_ask(db, sql, 0, NULL, doing, err);
    PQclear(res);
    return res != NULL;
}

/* ---- begin and end ---- */

/* Behind a pooler the session is known only while a transaction holds it. */
static bool session_now(struct db *db, int *pid, struct error *err)
{
    PGresult *res = pg_rehearse_ask(db, "SELECT pg_catalog.pg_backend_pid()", 0, NULL, "the rehearsal could not begin", err);
    *pid = res ? (int)pg_number(res, 0) : 0;
    PQclear(res);
    return res != NULL;
}

static void rehearsal_free(struct db *db)
{
    struct pg_rehearsal *r = db->rehearsal;
    if (!r)
        return;
    pg_crowd_end(r->crowd);
    pg_effect_free(r);
    free(r->files);
    free(r);
    db->rehearsal = NULL;
}

static bool rehearse_end(struct db *db)
{
    struct error ignored;
    if (!db || !db->rehearsal)
        return true;
    FAILPOINT("rehearse-end");
    bool ended = !db->down && pg_rollback(db, &ignored);
    rehearsal_free(db);
    return ended;
}

/* Our session settings went out before; here the connection has nothing outstanding. */
static bool quiet(struct db *db, struct error *err)
{
    struct pg_ask ask = { .sql = PG_NOTHING, .sync = true };
    bool ok = pg_batch(db, &ask, 1, err);
    pg_batch_free(&ask, 1);
    return ok;
}

static bool rehearse_begin(struct db *db, const struct db_rehearsal_wish *wish, struct error *err)
{
    char timeout[PG_NUMBER_SIZE];
    const char *values[] = { timeout };
    int pid = 0;
    if (!pg_may_change(db, err) || !quiet(db, err))
        return false;
    db->rehearsal = calloc(1, sizeof *db->rehearsal);
    if (!db->rehearsal)
        return error_set(err, ERR_NO_MEMORY, "out of memory; nothing was rehearsed");
    db->rehearsal->wish = *wish;
    db->result.rows = -1;
    db->beyond_ascii = false;
    snprintf(timeout, sizeof timeout, "%d", wish->lock_timeout_ms);
    bool ok = pg_rehearse_do(db, pg_sql_fixed(PG_BEGIN), "the rehearsal could not begin", err) && session_now(db, &pid, err);
    if (ok) {
        PGresult *res = pg_rehearse_ask(db, pg_sql_fixed(PG_LOCAL_TIMEOUT), 1, values, "the rehearsal could not begin", err);
        PQclear(res);
        ok = res && pg_crowd_begin(db, pid, wish->lock_timeout_ms, &db->rehearsal->crowd, err) && pg_effect_begin(db, err);
    }
    FAILPOINT("rehearse-begin");
    if (!ok)
        rehearse_end(db);
    return ok;
}

/* ---- parts ---- */

static int shorter(int a, int b)
{
    return a > 0 && (b <= 0 || a < b) ? a : b;
}

static const char *number(int ms, char to[PG_NUMBER_SIZE])
{
    snprintf(to, PG_NUMBER_SIZE, "%d", ms);
    return ms > 0 ? to : NULL;
}

static bool part_begin(struct db *db, const struct db_step *head, bool undo, struct error *err)
{
    static const char doing[] = "the rehearsal of the file could not begin";
    struct pg_rehearsal *r = db->rehearsal;
    char lock[PG_NUMBER_SIZE], statement[PG_NUMBER_SIZE];
    db->lock_ms = shorter(head->lock_timeout_ms, r->wish.lock_timeout_ms);
    struct pg_settings s;
    pg_settings_begin(&s, NULL, NULL);
    pg_settings_add(&s, "application_name", head->application, true);
    pg_settings_add(&s, "lock_timeout", number(db->lock_ms, lock), true);
    pg_settings_add(&s, "statement_timeout", number(shorter(head->statement_timeout_ms, r->wish.statement_timeout_ms), statement), true);
    pg_settings_add(&s, "search_path", db->search_path, true);
    if (undo && !pg_rehearse_do(db, "SAVEPOINT \"jetbase rehearses a rollback\"", doing, err))
        return false;
    if (undo)
        pg_effect_mark(db);
    db->beyond_ascii = false;
    PGresult *res = pg_rehearse_ask(db, s.sql, s.count, s.values, doing, err);
    PQclear(res);
    return res && pg_effect_before(db, err);
}

static bool part_back(struct db *db, struct error *err)
{
    struct pg_rehearsal *r = db->rehearsal;
    if (!r->undoing)
        return error_set(err, ERR_INTERNAL, "no rollback part is open");
    pg_effect_back(db);
    return pg_rehearse_do(db, "ROLLBACK TO SAVEPOINT \"jetbase rehearses a rollback\"", "the rehearsed rollback could not be taken back", err) &&
           pg_rehearse_do(db, "RELEASE SAVEPOINT \"jetbase rehearses a rollback\"", "the rehearsed rollback could not be taken back", err);
}

/* ---- steps ---- */

/* Reads the results of one step and of the Sync behind it. */
static bool steps_answered(struct db *db, struct db_result *result, double *at_ms, struct error *err)
{
    bool ok = true;
    for (;;) {
        struct db_result one = { 0 };
        struct error fault = { 0 };
        switch (pg_next(db, GLANCE_MS, &one, &fault)) {
        case DB_RESULT:
            if (one.kind == STEP_BARRIER)
                return ok;
            *at_ms = now_ms();
            *result = one;
            ok = one.ok;
            if (!ok && err)
                *err = fault;
            break;
        case DB_TIMEOUT:
            make_room(db);
            break;
        case DB_DRAINED:
            return ok && error_set(err, ERR_INTERNAL, "the driver gave an answer too few");
        case DB_DOWN:
            if (err)
                *err = fault;
            return false;
        }
    }
}

static bool run_step(struct db *db, const struct db_step *step, struct db_result *result, double *ms, struct error *err)
{
    struct db_step barrier = { .kind = STEP_BARRIER };
    double began = now_ms(), ended = began;
    if (!may_ask(db, err) || !pg_submit(db, step, err) || !pg_submit(db, &barrier, err))
        return false;
    bool ok = steps_answered(db, result, &ended, err);
    if (db->cancelled)
        pg_cancel_settle(db->cancel); /* a late one would hit what comes next */
    *ms = ended - began;
    /* Nothing of a file can end the transaction; where it did all the same, that must be said. */
    if (!db->down && PQtransactionStatus(db->conn) == PQTRANS_IDLE)
        return error_set(err, ERR_UNKNOWN_END, "a statement of the file ended the transaction of the rehearsal; what stood before it may be committed");
    return ok;
}

static bool statement(struct db *db, const struct db_step *step, struct db_result *result, db_effect_fn fn, void *user, struct error *err)
{
    double ms = 0;
    bool ok = run_step(db, step, result, &ms, err);
    result->ms = ms;
    FAILPOINT("rehearse-statement");
    return ok && pg_effect_after(db, fn, user, err);
}

static bool part_end(struct db *db, struct error *err)
{
    struct db_step reset = { .kind = STEP_RESET };
    struct db_result result = { 0 };
    double ms;
    return run_step(db, &reset, &result, &ms, err);
}

static bool crowded(struct db *db, struct error *err)
{
    return db->rehearsal && pg_crowd_is(db->rehearsal->crowd, err);
}

const struct db_rehearsing pg_rehearsing = {
    .begin = rehearse_begin,
    .part = part_begin,
    .statement = statement,
    .part_end = part_end,
    .back = part_back,
    .schema = pg_schema_read,
    .crowded = crowded,
    .end = rehearse_end,
};
