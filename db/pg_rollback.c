/* pg_rollback.c: gives up what is open and leaves a clean connection. */
#include <stdlib.h>
#include <string.h>

#include "pg_private.h"
#include "text.h"

static void forget(struct db *db)
{
    db->queries.head = db->queries.count = 0;
    db->steps.head = db->steps.count = 0;
    db->open_heads = 0;
    db->row_mode = false;
    db->last_ms = 0;
    db->look_ms = 0;
    PQclear(db->answer);
    db->answer = NULL;
    memset(&db->result, 0, sizeof db->result);
    error_clear(&db->result_err);
}

static bool commit_is_out(const struct db *db)
{
    for (size_t i = 0; i < db->steps.count; i++)
        if (db->steps.at[db->steps.head + i].kind == STEP_COMMIT || db->steps.at[db->steps.head + i].kind == STEP_PROGRESS ||
            db->steps.at[db->steps.head + i].kind == STEP_DONE)
            return true;
    return false;
}

/* Reads everything up to a Sync. What still runs is cancelled, since its work is thrown away, unless a COMMIT might be hit. */
static bool drain(struct db *db)
{
    struct error ignored;
    /* Before the Sync: that would commit what a file's own hidden COMMIT left outside our transaction. */
    if (db->open_heads > 0 && !pg_send(db, (struct pg_query){ .kind = QUERY_PLAIN }, pg_sql_fixed(PG_ROLLBACK), 0, NULL, &ignored))
        return false;
    if (!pg_submit_sync(db, false, &ignored))
        return false;
    while (db->queries.count > 0) {
        enum pg_took took = pg_take(db);
        bool hurry = db->steps.count > 0 && !commit_is_out(db);
        if (took == TOOK_LOST)
            return false;
        if (took == TOOK_RESULT || db->queries.count == 0) {
            error_clear(&db->result_err);
            memset(&db->result, 0, sizeof db->result);
            continue;
        }
        if (hurry)
            pg_cancel_repeat(db->cancel);
        if (pg_wait_answer(db, hurry ? PG_CANCEL_AGAIN_MS : -1, -1) == WOKEN_LOST && pg_take(db) == TOOK_LOST)
            return false;
    }
    return true;
}

/* What a ROLLBACK does not take back: prepared statements, session locks, and what our own session settings were. */
static bool clean(struct db *db, bool in_transaction, bool *cancelled, struct error *err)
{
    const char *key[] = { db->witness_key };
    struct pg_ask asks[] = { { .sql = PG_ROLLBACK, .sync = true }, { .sql = PG_WITNESS_TAKE, .count = 1, .values = key, .sync = true }, { .sql = PG_RESET_ALL, .sync = true },
                             { .sql = PG_RESET_PREPARED, .sync = true }, { .sql = PG_RESET_CURSORS, .sync = true }, { .sql = PG_RESET_PLANS, .sync = true },
                             { .sql = PG_RESET_SEQUENCES, .sync = true } };
    struct pg_ask *first = asks;
    size_t count = sizeof asks / sizeof asks[0];
    if (!db->witnessed) {
        asks[1] = asks[0];
        first++;
        count--;
    }
    if (!in_transaction)
        first->sql = PG_NOTHING; /* a ROLLBACK without a transaction would leave a warning in the server's log */
    db->sets_due = false;
    bool ok = pg_batch(db, first, count, err);
    *cancelled = ok && pg_batch_bad(first, count) && strcmp(pg_state(pg_batch_bad(first, count)), "57014") == 0;
    pg_batch_free(first, count);
    db->sets_due = !db->about.pooler;
    return ok;
}

bool pg_rollback(struct db *db, struct error *err)
{
    bool cancelled = false, ok;
    pg_onlooker_rest(db);
    if (db->down)
        return pg_lost(db, err);
    if (db->queries.count == 0 && !db->unsynced && db->open_heads == 0 && !db->cancelled && PQtransactionStatus(db->conn) == PQTRANS_IDLE && !db->outside)
        return true;
    ok = drain(db);
    pg_cancel_settle(db->cancel);
    forget(db);
    if (!ok)
        return pg_lost(db, err);
    db->cancelled = db->outside = false;
    ok = clean(db, PQtransactionStatus(db->conn) != PQTRANS_IDLE, &cancelled, err);
    if (ok && cancelled)
        ok = clean(db, PQtransactionStatus(db->conn) != PQTRANS_IDLE, &cancelled, err);
    return ok;
}
