/* pg_next.c: sends, waits, and puts the pipeline's answers together into one result for each step. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "failpoint.h"
#include "pg_private.h"
#include "text.h"

/* The step that is being answered is done: its result is ready. */
static void finish_step(struct db *db)
{
    const struct db_step *step = &db->steps.at[db->steps.head];
    struct db_result *r = &db->result;
    int64_t now = db->sys->mono_ms();
    r->kind = step->kind;
    r->migration = step->migration;
    r->statement = step->statement;
    r->ok = !r->skipped && !r->lost && db->result_err.code == ERR_NONE;
    db->more_comes = step->kind == STEP_RESET || step->kind == STEP_FENCE || (step->kind == STEP_SQL && !step->tell);
    r->ms = (double)(now - db->last_ms);
    db->last_ms = now;
    if (r->ok && step->kind == STEP_COMMIT)
        db->open_heads--;
    pg_steps_pop(&db->steps);
}

/* The oldest query has been answered whole. True where its step is done with it. */
static bool finish_query(struct db *db)
{
    struct pg_query query = db->queries.at[db->queries.head];
    pg_queries_pop(&db->queries);
    db->row_mode = false;
    if (query.kind == QUERY_SETS)
        pg_sets_note(db, db->answer);
    else if (query.of_step)
        pg_judge(db, query.kind, &db->steps.at[db->steps.head], db->answer);
    PQclear(db->answer);
    db->answer = NULL;
    if (query.ends_step)
        finish_step(db);
    return query.ends_step;
}

/* Reads away what a COPY sends. False: more is to come, or a COPY that waits for data from us, which only the end of the connection stops. */
static bool copy_ended(struct db *db, const PGresult *res)
{
    char *row;
    int got;
    if (PQresultStatus(res) != PGRES_COPY_OUT)
        return false;
    while ((got = PQgetCopyData(db->conn, &row, 1)) > 0)
        PQfreemem(row);
    return got < 0;
}

static enum pg_took take_copy(struct db *db)
{
    if (PQresultStatus(db->copy) == PGRES_COPY_OUT && !copy_ended(db, db->copy))
        return TOOK_NOTHING;
    bool ended = PQresultStatus(db->copy) == PGRES_COPY_OUT;
    pg_judge_copy(db, &db->steps.at[db->steps.head]);
    PQclear(db->copy);
    db->copy = NULL;
    if (ended)
        return TOOK_RESULT; /* the query's end is still to be read */
    text_copy(db->last_words, sizeof db->last_words, "it was closed from here: a COPY FROM STDIN stood in a migration");
    return TOOK_LOST;
}

static bool is_copy(const PGresult *res)
{
    ExecStatusType status = PQresultStatus(res);
    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

/* One result of the library. RESULT: the oldest query is answered whole; NOTHING: go on reading. */
static enum pg_took take_one(struct db *db, PGresult *res)
{
    enum pg_query_kind kind = db->queries.at[db->queries.head].kind;
    if (!res && kind == QUERY_SYNC && db->answer) {
        /* A statement outside a transaction is committed by the Sync: this failed, and the Sync's own answer is still to come. */
        PQclear(db->answer);
        db->answer = NULL;
        return PQstatus(db->conn) == CONNECTION_OK ? TOOK_NOTHING : TOOK_LOST;
    }
    if (!res)
        return PQstatus(db->conn) == CONNECTION_OK && db->answer ? TOOK_RESULT : TOOK_LOST;
    if (pg_is_farewell(db, res) || PQstatus(db->conn) != CONNECTION_OK) {
        PQclear(res);
        return TOOK_LOST;
    }
    if (is_copy(res)) {
        db->copy = res;
        return TOOK_NOTHING;
    }
    if (PQresultStatus(res) == PGRES_SINGLE_TUPLE) {
        PQclear(res);
        return TOOK_NOTHING;
    }
    PQclear(db->answer);
    db->answer = res;
    if (PQresultStatus(res) == PGRES_PIPELINE_SYNC)
        return kind == QUERY_SYNC ? TOOK_RESULT : TOOK_LOST;
    if (kind == QUERY_SYNC && db->queries.at[db->queries.head].of_step)
        pg_judge(db, kind, &db->steps.at[db->steps.head], res);
    return TOOK_NOTHING;
}

enum pg_took pg_take(struct db *db)
{
    while (db->queries.count > 0) {
        enum pg_took took = TOOK_NOTHING;
        /* A file's SELECT of a million rows needs no memory: its rows are thrown away one by one. */
        if (!db->row_mode && (db->queries.at[db->queries.head].kind == QUERY_SQL || db->queries.at[db->queries.head].kind == QUERY_ALONE))
            db->row_mode = PQsetSingleRowMode(db->conn) == 1;
        if (db->copy) {
            took = take_copy(db);
            if (took == TOOK_RESULT)
                continue;
            return took;
        }
        if (PQisBusy(db->conn))
            return PQstatus(db->conn) == CONNECTION_OK ? TOOK_NOTHING : TOOK_LOST;
        took = take_one(db, PQgetResult(db->conn));
        if (took == TOOK_LOST)
            return took;
        if (took == TOOK_RESULT && finish_query(db))
            return TOOK_RESULT;
    }
    return TOOK_NOTHING;
}

static enum db_next down(struct db *db, struct error *err)
{
    pg_lost(db, err);
    return DB_DOWN;
}

static enum db_next deliver(struct db *db, struct db_result *result, struct error *err)
{
    *result = db->result;
    /* Where answers come together, what was seen meanwhile may be of any of them. */
    if (!db->more_comes)
        pg_onlooker_rest(db);
    db->look_ms = 0;
    if (!result->ok && err)
        *err = db->result_err;
    memset(&db->result, 0, sizeof db->result);
    db->result.rows = -1;
    error_clear(&db->result_err);
    return DB_RESULT;
}

/* The run is to stop, and a long statement is still on its way: the server hears of no cancel before it has read all of it, which over a slow link takes minutes. What is not there whole never runs, so the connection is closed. */
static bool given_up(struct db *db, int unsent)
{
    const struct db_step *step = &db->steps.at[db->steps.head];
    bool long_one = (step->kind == STEP_SQL || step->kind == STEP_ALONE) && step->len >= PG_LONG_BYTES;
    if (unsent <= 0 || !long_one || db->sys->mono_ms() - db->cancelled_ms < PG_SEND_ON_MS)
        return false;
    text_copy(db->last_words, sizeof db->last_words, "it was closed from here: the run was stopped while a long statement was still being sent");
    shutdown(PQsocket(db->conn), SHUT_RDWR);
    return true;
}

/* How long one wait may take: until is -1 for ever. */
static int slice(const struct db *db, int64_t until, bool stopping)
{
    int64_t look_ms = db->look_ms, left = until < 0 ? -1 : until - db->sys->mono_ms();
    if (until >= 0 && left < 0)
        left = 0;
    if (stopping && (left < 0 || left > PG_CANCEL_AGAIN_MS))
        left = PG_CANCEL_AGAIN_MS;
    if (look_ms > 0 && (left < 0 || left > look_ms - db->sys->mono_ms()))
        left = look_ms > db->sys->mono_ms() ? look_ms - db->sys->mono_ms() : 0;
    return (int)left;
}

enum db_next pg_next(struct db *db, int timeout_ms, struct db_result *result, struct error *err)
{
    int64_t until = timeout_ms < 0 ? -1 : db->sys->mono_ms() + timeout_ms;
    int patience;
    if (db->steps.count == 0)
        return DB_DRAINED;
    if (db->down)
        return down(db, err);
    patience = pg_onlooker_patience(db);
    if (db->look_ms == 0 && patience > 0)
        db->look_ms = db->sys->mono_ms() + patience;
    if (db->last_ms == 0)
        db->last_ms = db->sys->mono_ms();
    if (db->unflushed && !PQsendFlushRequest(db->conn))
        return down(db, err);
    db->unflushed = false;
    for (;;) {
        int unsent = PQflush(db->conn);
        bool gone = unsent < 0;
        if (unsent == 0 && db->steps.at[db->steps.head].kind == STEP_COMMIT)
            FAILPOINT("commit");
        enum pg_took took = pg_take(db);
        if (took == TOOK_RESULT)
            return deliver(db, result, err);
        if (took == TOOK_LOST || gone)
            return down(db, err);
        bool stopping = pg_cancel_wished(db);
        if (stopping && given_up(db, unsent)) {
            pg_lost(db, err);
            err->code = ERR_CANCELLED;
            return DB_DOWN;
        }
        enum pg_woken woken = pg_wait_answer(db, slice(db, until, stopping), stopping ? -1 : db->target.wake_fd);
        if (woken == WOKEN_LOST) {
            if (pg_take(db) == TOOK_RESULT)
                return deliver(db, result, err);
            return down(db, err);
        }
        if (db->look_ms > 0 && db->sys->mono_ms() >= db->look_ms) {
            pg_onlooker_look(db, patience);
            db->look_ms = -1;
        }
        if (woken == WOKEN_WAKE && !stopping)
            return DB_TIMEOUT;
        if (woken == WOKEN_TIMEOUT && until >= 0 && db->sys->mono_ms() >= until)
            return DB_TIMEOUT;
    }
}
