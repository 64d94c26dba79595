/* pg_batch.c: questions and changes of our own: several statements in one message, all answers read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg_private.h"
#include "text.h"

bool pg_good(const PGresult *res)
{
    ExecStatusType status = PQresultStatus(res);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

bool pg_missing(const PGresult *res)
{
    const char *state = pg_state(res);
    return strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0;
}

bool pg_true(const PGresult *res, int column)
{
    return PQntuples(res) > 0 && PQgetvalue(res, 0, column)[0] == 't';
}

long pg_number(const PGresult *res, int column)
{
    return PQntuples(res) > 0 ? strtol(PQgetvalue(res, 0, column), NULL, 10) : 0;
}

void pg_copy(const PGresult *res, int row, int column, char *to, size_t size)
{
    text_copy(to, size, PQgetvalue(res, row, column));
}

const PGresult *pg_batch_bad(const struct pg_ask *asks, size_t count)
{
    /* After an error the rest up to the Sync was not run: only the error itself tells anything. */
    for (size_t i = 0; i < count; i++)
        if (!pg_good(asks[i].res))
            return asks[i].res;
    return NULL;
}

void pg_batch_free(struct pg_ask *asks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        PQclear(asks[i].res);
        asks[i].res = NULL;
    }
}

/* Waits until PQgetResult would not block. */
static bool readable(struct db *db)
{
    while (PQisBusy(db->conn)) {
        bool stopping = db->asking && pg_cancel_wished(db);
        enum pg_woken woken = pg_wait_answer(db, stopping ? PG_CANCEL_AGAIN_MS : -1, db->asking && !stopping ? db->target.wake_fd : -1);
        if (woken == WOKEN_LOST)
            return !PQisBusy(db->conn);
    }
    return true;
}

/* Reads the answer to the oldest query: its last result, or NULL where the connection is lost. */
static PGresult *answer(struct db *db, enum pg_query_kind kind)
{
    PGresult *last = NULL;
    while (readable(db)) {
        PGresult *res = PQgetResult(db->conn);
        if (!res && PQstatus(db->conn) == CONNECTION_OK)
            return last;
        if (!res || pg_is_farewell(db, res) || PQstatus(db->conn) != CONNECTION_OK) {
            PQclear(res);
            break;
        }
        PQclear(last);
        last = res;
        if (kind == QUERY_SYNC)
            return last;
        if (PQresultStatus(res) == PGRES_PIPELINE_SYNC)
            break;
    }
    PQclear(last);
    return NULL;
}

/* Reads what stands before the batch: our settings and their Sync. */
static bool answers_before(struct db *db)
{
    while (db->queries.count > 0) {
        enum pg_query_kind kind = db->queries.at[db->queries.head].kind;
        PGresult *res = answer(db, kind);
        if (!res)
            return false;
        if (kind == QUERY_SETS)
            pg_sets_note(db, res);
        PQclear(res);
        pg_queries_pop(&db->queries);
    }
    return true;
}

static bool sync_answer(struct db *db)
{
    PGresult *res = answer(db, QUERY_SYNC);
    bool ok = res && PQresultStatus(res) == PGRES_PIPELINE_SYNC;
    PQclear(res);
    return ok;
}

/* One statement on its own, whatever it answers. */
static bool send_alone(struct db *db, enum pg_sql sql)
{
    PGresult *res;
    if (!PQsendQueryParams(db->conn, pg_sql_fixed(sql), 0, NULL, NULL, NULL, NULL, 0) || !PQpipelineSync(db->conn))
        return false;
    res = answer(db, QUERY_PLAIN);
    PQclear(res);
    return res && sync_answer(db);
}

static const char *text_of(const struct db *db, enum pg_sql sql)
{
    return db->sql[sql] ? db->sql[sql] : pg_sql_fixed(sql);
}

/* Does a transaction begin here that asks about our tables? Those that begin with BEGIN have a lock_timeout of their own, connections for looking a statement_timeout. */
static bool question_begins(const struct db *db, const struct pg_ask *asks, size_t i, size_t count)
{
    if (db->mode != DB_RUN || (i > 0 && !asks[i - 1].sync) || asks[i].sql == PG_BEGIN)
        return false;
    while (i + 1 < count && !asks[i].sync && !strchr(pg_sql_fixed(asks[i].sql), '@'))
        i++;
    return strchr(pg_sql_fixed(asks[i].sql), '@') != NULL;
}

/* For its transaction alone: the session's own settings stay as they are. */
static bool question_send(struct db *db)
{
    char timeout[PG_NUMBER_SIZE];
    const char *values[] = { timeout };
    snprintf(timeout, sizeof timeout, "%d", PG_QUESTION_LOCK_MS);
    return PQsendQueryParams(db->conn, pg_sql_fixed(PG_LOCAL_TIMEOUT), 1, NULL, values, NULL, NULL, 0) == 1;
}

/* Before a step is under way a wish to stop may end a question; one that stood before it began may not: what is asked then is how to clean up. */
static bool may_stop(const struct db *db, const struct pg_ask *asks, size_t count)
{
    bool early = count > 1 && asks[1].sql == PG_EARLY_LIMITS;
    return (early || question_begins(db, asks, 0, count)) && db->cancel && db->target.stop && atomic_load(db->target.stop) == 0;
}

static bool batch_send(struct db *db, const struct pg_ask *asks, size_t count)
{
    db->heard_ms = 0;
    for (size_t i = 0; i < count; i++)
        if ((question_begins(db, asks, i, count) && !question_send(db)) ||
            !PQsendQueryParams(db->conn, text_of(db, asks[i].sql), asks[i].count, NULL, asks[i].values, NULL, NULL, asks[i].binary) ||
            ((asks[i].sync || i + 1 == count) && !PQpipelineSync(db->conn)))
            return false;
    return true;
}

static bool batch_answers(struct db *db, struct pg_ask *asks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        PGresult *timeout = NULL;
        if (question_begins(db, asks, i, count) && !(timeout = answer(db, QUERY_PLAIN)))
            return false;
        asks[i].res = answer(db, QUERY_PLAIN);
        if (timeout && !pg_good(timeout) && asks[i].res) {
            PQclear(asks[i].res); /* that one was not run: the fault is the one before it */
            asks[i].res = timeout;
            timeout = NULL;
        }
        PQclear(timeout);
        if (!asks[i].res || ((asks[i].sync || i + 1 == count) && !sync_answer(db)))
            return false;
    }
    return true;
}

bool pg_batch(struct db *db, struct pg_ask *asks, size_t count, struct error *err)
{
    bool ok;
    for (size_t i = 0; i < count; i++)
        asks[i].res = NULL;
    pg_early_drop(db);
    if (db->down)
        return pg_lost(db, err);
    if (db->steps.count > 0 || db->open_heads > 0)
        return error_set(err, ERR_INTERNAL, "the connection is in the middle of a migration");
    if (db->cancelled)
        pg_cancel_settle(db->cancel);
    /* What watches over a run's client is for a run that has begun: a look at what there is to do needs none of it. */
    if (!question_begins(db, asks, 0, count) && !pg_sets_submit(db, err))
        return false;
    if (!batch_send(db, asks, count))
        return pg_lost(db, err);
    db->unflushed = db->unsynced = false;
    db->asking = may_stop(db, asks, count);
    ok = answers_before(db) && batch_answers(db, asks, count);
    db->asking = false;
    ok = ok && (PQtransactionStatus(db->conn) == PQTRANS_IDLE || send_alone(db, PG_ROLLBACK));
    if (ok)
        return true;
    /* Some may have been answered before the connection was lost. */
    pg_batch_free(asks, count);
    return pg_lost(db, err);
}
