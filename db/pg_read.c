/* pg_read.c: reads history and runs. */
#include <stdio.h>
#include <stdlib.h>

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

bool pg_history_read(struct db *db, bool *table, db_history_fn fn, void *user, struct error *err)
{
    struct pg_ask ask = { .sql = PG_HISTORY };
    if (table)
        *table = false;
    if (!db->has_migrations && !db->tables_fresh && !pg_tables_refresh(db, err))
        return false;
    db->tables_fresh = false;
    if (!db->has_migrations)
        return true;
    if (!rows(db, &ask, &db->has_migrations, "the history could not be read", err))
        return false;
    if (table)
        *table = db->has_migrations;
    bool more = true;
    for (int i = 0; more && ask.res && i < PQntuples(ask.res); i++) {
        struct history_row row = { .order = strtoll(PQgetvalue(ask.res, i, 0), NULL, 10), .version = value(ask.res, i, 1), .description = PQgetvalue(ask.res, i, 2),
                                   .file = PQgetvalue(ask.res, i, 3), .checksum = PQgetvalue(ask.res, i, 4), .type = PQgetvalue(ask.res, i, 5), .applied_at = PQgetvalue(ask.res, i, 6) };
        more = fn(user, &row);
    }
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
