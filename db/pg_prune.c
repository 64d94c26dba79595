/* pg_prune.c: removes old rows of jetbase_runs, in one statement that keeps what is still needed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg_private.h"

bool pg_runs_prune(struct db *db, int days, int64_t *removed, int64_t *kept, struct error *err)
{
    char timeout[PG_NUMBER_SIZE], age[PG_NUMBER_SIZE];
    const char *local[] = { timeout }, *values[] = { age };
    struct pg_ask asks[] = { { .sql = PG_BEGIN }, { .sql = PG_LOCAL_TIMEOUT, .count = 1, .values = local }, { .sql = PG_PRUNE, .count = 1, .values = values },
                             { .sql = PG_PRUNE_KEPT, .count = 1, .values = values }, { .sql = PG_COMMIT } };
    enum { ASKS = sizeof asks / sizeof asks[0] };
    *removed = *kept = 0;
    if (!pg_may_change(db, err) || !pg_tables_refresh(db, err))
        return false;
    if (!db->has_lock || (!db->has_runs && !db->runs_narrow))
        return true;
    snprintf(timeout, sizeof timeout, "%d", PG_CHANGE_LOCK_MS);
    snprintf(age, sizeof age, "%d", days);
    if (!pg_batch(db, asks, ASKS, err)) /* its COMMIT may have been made all the same */
        return error_state(err, "Whether old runs were removed is not known: `jetbase runs` shows what is there, and the command may be repeated.");
    const PGresult *bad = pg_batch_bad(asks, ASKS);
    bool ok = !bad || pg_fault_ours(db, bad, "old runs could not be removed", err);
    if (ok && strcmp(PQcmdStatus(asks[ASKS - 1].res), "COMMIT") != 0)
        ok = error_set(err, ERR_SQL, "old runs could not be removed: the server answered COMMIT with %s", PQcmdStatus(asks[ASKS - 1].res));
    if (ok) {
        *removed = pg_number(asks[2].res, 0);
        *kept = pg_number(asks[3].res, 0);
    }
    pg_batch_free(asks, ASKS);
    return ok;
}
