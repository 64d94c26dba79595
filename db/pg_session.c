/* pg_session.c: describes the session of a run and who blocks it, and ends it where it is still the one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg_private.h"

static double seconds(const PGresult *res, int row, int column)
{
    return PQgetisnull(res, row, column) ? -1 : strtod(PQgetvalue(res, row, column), NULL);
}

void pg_blocker_read(const PGresult *res, int row, struct db_blocker *out)
{
    out->pid = atoi(PQgetvalue(res, row, 0));
    pg_copy(res, row, 1, out->user, sizeof out->user);
    pg_copy(res, row, 2, out->address, sizeof out->address);
    pg_copy(res, row, 3, out->application, sizeof out->application);
    pg_copy(res, row, 4, out->state, sizeof out->state);
    pg_copy(res, row, 6, out->query, sizeof out->query);
    out->age_s = seconds(res, row, 7);
}

/* "table orders (ShareLock)" */
static void awaited(const PGresult *res, struct db_session *out)
{
    char type[64], mode[64], object[160];
    if (PQntuples(res) == 0)
        return;
    pg_copy(res, 0, 0, type, sizeof type);
    pg_copy(res, 0, 1, mode, sizeof mode);
    pg_copy(res, 0, 2, object, sizeof object);
    if (object[0])
        snprintf(out->awaited, sizeof out->awaited, "%.*s (%.32s)", (int)sizeof object, object, mode);
    else if (strcmp(type, "transactionid") == 0 || strcmp(type, "virtualxid") == 0)
        snprintf(out->awaited, sizeof out->awaited, "the end of another transaction");
    else
        snprintf(out->awaited, sizeof out->awaited, "a lock (%s, %s)", type, mode);
}

bool pg_session_read(struct db *db, int session_pid, struct db_session *out, struct error *err)
{
    enum { MOST = sizeof out->blocked_by / sizeof out->blocked_by[0] };
    char pid[PG_NUMBER_SIZE];
    const char *values[] = { pid };
    struct pg_ask asks[] = { { .sql = PG_SESSION, .count = 1, .values = values, .sync = true }, { .sql = PG_SESSION_BLOCKERS, .count = 1, .values = values, .sync = true },
                             { .sql = PG_SESSION_BEHIND, .count = 1, .values = values, .sync = true }, { .sql = PG_SESSION_AWAITED, .count = 1, .values = values, .sync = true },
                             { .sql = PG_SESSION_PROGRESS, .count = 1, .values = values, .sync = true } };
    const size_t count = PQserverVersion(db->conn) >= 120000 ? 5 : 4;
    memset(out, 0, sizeof *out);
    out->pid = session_pid;
    out->state_age_s = -1;
    out->percent = -1;
    snprintf(pid, sizeof pid, "%d", session_pid);
    if (!pg_batch(db, asks, count, err))
        return false;
    const PGresult *bad = pg_batch_bad(asks, count);
    if (bad)
        pg_fault(db, bad, "the session could not be looked at", err);
    else if (PQntuples(asks[0].res) > 0) {
        out->found = true;
        pg_copy(asks[0].res, 0, 0, out->user, sizeof out->user);
        pg_copy(asks[0].res, 0, 1, out->address, sizeof out->address);
        pg_copy(asks[0].res, 0, 2, out->application, sizeof out->application);
        pg_copy(asks[0].res, 0, 3, out->state, sizeof out->state);
        pg_copy(asks[0].res, 0, 4, out->wait, sizeof out->wait);
        pg_copy(asks[0].res, 0, 5, out->query, sizeof out->query);
        out->state_age_s = seconds(asks[0].res, 0, 6);
        for (int i = 0; i < PQntuples(asks[1].res) && i < MOST; i++)
            pg_blocker_read(asks[1].res, i, &out->blocked_by[out->blockers++]);
        out->waiting_behind = (int)pg_number(asks[2].res, 0);
        awaited(asks[3].res, out);
        if (count > 4 && PQntuples(asks[4].res) > 0) {
            pg_copy(asks[4].res, 0, 0, out->phase, sizeof out->phase);
            out->percent = PQgetisnull(asks[4].res, 0, 1) ? -1 : atoi(PQgetvalue(asks[4].res, 0, 1));
        }
    }
    bool ok = !bad;
    pg_batch_free(asks, count);
    return ok;
}

bool pg_lockers_read(struct db *db, struct db_blocker *out, int most, int *count, struct error *err)
{
    char limit[PG_NUMBER_SIZE];
    const char *values[] = { limit };
    struct pg_ask ask = { .sql = PG_LOCKERS, .count = 1, .values = values };
    *count = 0;
    snprintf(limit, sizeof limit, "%d", most);
    if (!pg_batch(db, &ask, 1, err))
        return false;
    bool ok = pg_good(ask.res);
    if (!ok)
        pg_fault(db, ask.res, "the sessions that hold locks could not be looked at", err);
    for (int i = 0; ok && i < PQntuples(ask.res) && *count < most; i++)
        pg_blocker_read(ask.res, i, &out[(*count)++]);
    pg_batch_free(&ask, 1);
    return ok;
}

bool pg_session_end(struct db *db, const char *process_id, bool *ended, struct error *err)
{
    struct pg_key key;
    const char *values[] = { process_id, key.high, key.low };
    struct pg_ask ask = { .sql = PG_SESSION_END, .count = 3, .values = values };
    *ended = false;
    if (!pg_key_of(process_id, &key))
        return true; /* no run of ours, so no session of it is known */
    if (!(db->has_lock && db->has_runs) && !pg_tables_refresh(db, err))
        return false;
    if (!db->has_lock || !db->has_runs)
        return true;
    if (!pg_batch(db, &ask, 1, err))
        return false;
    bool ok = pg_good(ask.res);
    if (ok)
        *ended = pg_true(ask.res, 0);
    else
        pg_fault(db, ask.res, "the session could not be ended", err);
    pg_batch_free(&ask, 1);
    return ok;
}

bool pg_blocker_stop(struct db *db, const char *process_id, int blocker, bool end, bool *done, struct error *err)
{
    struct pg_key key;
    char pid[PG_NUMBER_SIZE];
    const char *values[] = { process_id, key.high, key.low, pid };
    struct pg_ask ask = { .sql = end ? PG_BLOCKER_END : PG_BLOCKER_CANCEL, .count = 4, .values = values };
    *done = false;
    if (!pg_key_of(process_id, &key))
        return true; /* no run of ours: nobody is known to wait */
    if (!(db->has_lock && db->has_runs) && !pg_tables_refresh(db, err))
        return false;
    if (!db->has_lock || !db->has_runs)
        return true;
    snprintf(pid, sizeof pid, "%d", blocker);
    if (!pg_batch(db, &ask, 1, err))
        return false;
    bool ok = pg_good(ask.res);
    if (ok)
        *done = pg_true(ask.res, 0);
    else
        pg_fault(db, ask.res, end ? "the blocking session could not be ended" : "the blocking statement could not be cancelled", err);
    pg_batch_free(&ask, 1);
    return ok;
}
