/* pg_read.c: reads runs, and invalid indexes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg_private.h"

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
