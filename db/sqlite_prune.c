/* sqlite_prune.c: removes old rows of jetbase_runs, in one statement that keeps what is still needed. */
#include <string.h>

#include "sqlite_private.h"
#include "sqlite_sql.h"

/* Inside the open transaction. */
static int prune(struct db *db, int days, int64_t *removed, int64_t *kept)
{
    bool lock = false, runs = false, found;
    int rc = sqlite_has_table(db, "jetbase_runs", &runs);
    if (rc == SQLITE_OK)
        rc = sqlite_has_table(db, "jetbase_lock", &lock);
    if (rc != SQLITE_OK || !runs || !lock)
        return rc;
    rc = sqlite_do(db, SQL_PRUNE, removed, "i", days);
    if (rc == SQLITE_OK)
        rc = sqlite_number(db, SQL_PRUNE_KEPT, kept, &found, "i", days);
    return rc;
}

bool sqlite_runs_prune(struct db *db, int days, int64_t *removed, int64_t *kept, struct error *err)
{
    int rc;
    *removed = *kept = 0;
    if (db->mode != DB_RUN)
        return error_set(err, ERR_INTERNAL, "a connection for looking changes nothing");
    if (!sqlite_refresh(db, err))
        return false;
    sqlite_arm(db);
    sqlite_wait_at_most(db, SQLITE_LOOK_WAIT_MS, true);
    rc = sqlite_do(db, SQL_BEGIN, NULL, "");
    if (rc == SQLITE_OK && !sqlite_same_file(db, err)) {
        sqlite_undo(db);
        return false;
    }
    if (rc == SQLITE_OK)
        rc = prune(db, days, removed, kept);
    if (rc == SQLITE_OK)
        rc = sqlite_do(db, SQL_COMMIT, NULL, "");
    if (rc == SQLITE_OK)
        return true;
    *removed = *kept = 0;
    sqlite_fault(db, rc, "removing old runs", err);
    sqlite_undo(db);
    return false;
}
