/* pg_read.c: reads history and runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg_private.h"

static const char *value(const PGresult *res, int row, int column)
{
    return PQgetisnull(res, row, column) ? NULL : PQgetvalue(res, row, column);
}

/* Asks; a table that is not there any more gives no rows. */
static bool rows(struct db *db, struct pg_ask *ask, bool *there, const char *doing, struct error *err)
{
    if (!pg_batch(db, ask, 1, err))
        return false;
    if (pg_good(ask->res))
        return true;
    bool missing = pg_missing(ask->res);
    if (missing)
        *there = false;
    else
        pg_fault_ours(db, ask->res, doing, err);
    pg_batch_free(ask, 1);
    return missing;
}

/* Keeps what a look at unfinished runs showed. A table that is gone, or may not be read, has none. */
static bool keep_unfinished(struct db *db, const PGresult *res, struct error *err)
{
    int count = res && pg_good(res) ? PQntuples(res) : 0;
    free(db->unfinished);
    db->unfinished = NULL;
    db->unfinished_count = 0;
    if (res && !pg_good(res) && !pg_missing(res) && strcmp(pg_state(res), "42501") != 0)
        return pg_fault_ours(db, res, "the runs could not be read", err);
    if (count == 0)
        return true;
    db->unfinished = calloc((size_t)count, sizeof *db->unfinished);
    if (!db->unfinished)
        return error_set(err, ERR_NO_MEMORY, "out of memory reading jetbase_runs");
    db->unfinished_count = (size_t)count;
    for (int i = 0; i < count; i++)
        pg_run_row(res, i, &db->unfinished[i]);
    return true;
}

/* In place of the answer whether there are unfinished runs: the runs themselves, or nothing. */
static bool ask_unfinished(struct db *db, struct pg_ask *ask, struct error *err)
{
    bool good = pg_good(ask->res), some = good && pg_true(ask->res, 0);
    if (!good)
        return true; /* keep_unfinished() says what is to be said of that */
    pg_batch_free(ask, 1);
    ask->sql = PG_UNFINISHED;
    return !some || pg_batch(db, ask, 1, err);
}

/* History and unfinished runs in one message; for a run that has yet to take the lock, whether the lock's row is there too. Each is a transaction of its own: while one waits for a table it must hold no other. */
static bool ask_history(struct db *db, struct pg_ask asks[3], struct error *err)
{
    bool lock = db->mode == DB_RUN && !db->witness_id[0] && db->has_runs && db->has_lock && db->has_index;
    size_t count = db->has_runs ? 2 : 1;
    bool asked = pg_batch(db, asks, lock ? 3 : count, err);
    /* Where it could not be read, whoever takes the lock asks again, and says why. */
    db->lock_row_seen = asked && lock && pg_good(asks[2].res) && PQntuples(asks[2].res) > 0 && pg_good(asks[0].res) && pg_good(asks[1].res);
    if (asked && lock)
        pg_batch_free(&asks[2], 1);
    if (!asked)
        return false;
    bool missing = pg_missing(asks[0].res), ok = missing || pg_good(asks[0].res) || pg_fault_ours(db, asks[0].res, "the history could not be read", err);
    if (missing)
        db->has_migrations = false;
    ok = ok && (count == 1 || ask_unfinished(db, &asks[1], err)) && keep_unfinished(db, count > 1 ? asks[1].res : NULL, err);
    if (!ok)
        pg_batch_free(asks, count);
    return ok;
}

bool pg_history_read(struct db *db, bool *table, db_history_fn fn, void *user, struct error *err)
{
    struct pg_ask asks[3] = { { .sql = PG_HISTORY, .sync = true }, { .sql = PG_UNFINISHED_ANY, .sync = true }, { .sql = PG_LOOK_LOCK, .sync = true } };
    if (table)
        *table = false;
    if (!(db->has_migrations && db->has_runs) && !db->tables_fresh && !pg_tables_refresh(db, err))
        return false;
    db->tables_fresh = false;
    if (!db->has_migrations)
        return keep_unfinished(db, NULL, err);
    if (!ask_history(db, asks, err))
        return false;
    if (table)
        *table = db->has_migrations;
    bool more = true;
    const PGresult *res = asks[0].res;
    for (int i = 0; more && db->has_migrations && i < PQntuples(res); i++) {
        struct history_row row = { .order = strtoll(PQgetvalue(res, i, 0), NULL, 10), .version = value(res, i, 1), .description = PQgetvalue(res, i, 2),
                                   .file = PQgetvalue(res, i, 3), .checksum = PQgetvalue(res, i, 4), .type = PQgetvalue(res, i, 5), .applied_at = PQgetvalue(res, i, 6) };
        more = fn(user, &row);
    }
    pg_batch_free(asks, db->has_runs ? 2 : 1);
    return true;
}

bool pg_unfinished_read(struct db *db, db_run_fn fn, void *user, struct error *err)
{
    (void)err;
    for (size_t i = 0; i < db->unfinished_count; i++)
        if (!fn(user, &db->unfinished[i]))
            break;
    return true;
}

bool pg_invalid_read(struct db *db, db_name_fn fn, void *user, struct error *err)
{
    struct pg_ask ask = { .sql = PG_INVALID };
    bool there = true;
    if (!rows(db, &ask, &there, "the indexes could not be looked at", err))
        return false;
    for (int i = 0; ask.res && i < PQntuples(ask.res); i++)
        if (!fn(user, PQgetvalue(ask.res, i, 0)))
            break;
    pg_batch_free(&ask, 1);
    return true;
}

bool pg_runs_read(struct db *db, const char *process_id, int limit, db_run_fn fn, void *user, struct error *err)
{
    char most[PG_NUMBER_SIZE];
    const char *values[] = { process_id, limit > 0 ? most : NULL };
    struct pg_ask ask = { .sql = PG_RUNS, .count = 2, .values = values };
    snprintf(most, sizeof most, "%d", limit);
    if (!db->has_runs && !pg_tables_refresh(db, err))
        return false;
    if (!db->has_runs)
        return true;
    if (!rows(db, &ask, &db->has_runs, "the runs could not be read", err))
        return false;
    bool more = true;
    for (int i = 0; more && ask.res && i < PQntuples(ask.res); i++) {
        struct run_row row;
        pg_run_row(ask.res, i, &row);
        more = fn(user, &row);
    }
    pg_batch_free(&ask, 1);
    return true;
}
