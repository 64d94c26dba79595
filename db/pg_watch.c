/* pg_watch.c: waits until the lock may have changed. */
#include "pg_private.h"

/* Takes the notifications that are here. */
static bool notified(struct db *db)
{
    bool any = false;
    PGnotify *notify;
    while ((notify = PQnotifies(db->conn))) {
        PQfreemem(notify);
        any = true;
    }
    return any;
}

/* Asks to be told of changes. Behind a pooler and on a standby nobody tells. */
static bool listen_once(struct db *db, bool *changed, struct error *err)
{
    struct pg_ask ask = { .sql = PG_LISTEN };
    if (db->listening || db->about.pooler || db->about.standby)
        return true;
    if (!pg_batch(db, &ask, 1, err))
        return false;
    bool ok = pg_good(ask.res);
    if (!ok)
        pg_fault(db, ask.res, "changes of the lock can't be listened for", err);
    db->listening = ok;
    *changed = ok; /* what changed before we listened was told to nobody */
    pg_batch_free(&ask, 1);
    return ok;
}

bool pg_wait_change(struct db *db, int timeout_ms, int wake_fd, bool *changed, struct error *err)
{
    int64_t until = db->sys->mono_ms() + timeout_ms, left = timeout_ms;
    *changed = false;
    if (db->down)
        return pg_lost(db, err);
    if (!listen_once(db, changed, err))
        return false;
    while (!*changed) {
        /* Even without time to wait, what has come in already counts. */
        *changed = notified(db);
        enum pg_woken woken = *changed ? WOKEN_INPUT : pg_wait(db, (int)left, wake_fd);
        *changed = *changed || (woken == WOKEN_INPUT && notified(db));
        if (woken == WOKEN_LOST)
            return pg_lost(db, err);
        left = timeout_ms < 0 ? -1 : until - db->sys->mono_ms();
        if (woken != WOKEN_INPUT || (timeout_ms >= 0 && left <= 0))
            break;
    }
    return true;
}
