/* pg_rehearse_crowd.c: while a rehearsal holds its locks, a thread looks over a connection of its own whether others wait behind it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pg_rehearse.h"
#include "text.h"
#include "threads.h"

enum { WAITERS_MOST = 32, PAUSE_LEAST_MS = 20, PAUSE_MOST_MS = 250, LOOK_TIMEOUT_MS = 3000 };

/* $1: our session. Those that wait for a lock, and among them those that we are in the way of. */
static const char waiters_sql[] =
    "SELECT a.pid, a.usename, a.application_name, pg_catalog.host(a.client_addr), CASE WHEN a.query OPERATOR(pg_catalog.<>) '<insufficient privilege>' THEN pg_catalog.left(a.query, 200) END"
    " FROM (SELECT DISTINCT l.pid FROM pg_catalog.pg_locks l WHERE NOT l.granted AND l.pid OPERATOR(pg_catalog.<>) $1::pg_catalog.int4) w"
    " JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) w.pid"
    " WHERE $1::pg_catalog.int4 OPERATOR(pg_catalog.=) ANY (pg_catalog.pg_blocking_pids(w.pid)) ORDER BY a.pid";

struct waiter {
    int pid;
    int64_t since_ms;        /* when it was seen to wait first, and at each look since */
};

struct pg_crowd {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t turn;
    bool at_work, over;
    atomic_bool seen;        /* crowded */
    struct db *beside;       /* the thread's own, while it is at work */
    char pid[PG_NUMBER_SIZE];
    int patience_ms;
    struct waiter waiters[WAITERS_MOST];
    int count;
    struct error why;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t since(const struct waiter *before, int count, int pid, int64_t now)
{
    for (int i = 0; i < count; i++)
        if (before[i].pid == pid)
            return before[i].since_ms;
    return now;
}

static void tell(struct pg_crowd *c, const PGresult *res, int row, int64_t ms)
{
    char user[128], application[128], address[64], query[256];
    const struct db *db = c->beside;
    pg_visible(db, user, sizeof user, PQgetvalue(res, row, 1));
    pg_visible(db, application, sizeof application, PQgetvalue(res, row, 2));
    pg_visible(db, address, sizeof address, PQgetvalue(res, row, 3));
    pg_visible(db, query, sizeof query, PQgetvalue(res, row, 4));
    error_set(&c->why, ERR_FAILED, "session %s (%s%s%s%s%s) waited behind the rehearsal for %.1f s", PQgetvalue(res, row, 0), user[0] ? user : "user not shown", application[0] ? ", " : "", application,
              address[0] ? " at " : "", address, (double)ms / 1000);
    if (query[0])
        error_detail(&c->why, "It waited with: %s", query);
    error_hint(&c->why, "Rehearse when less is going on, or on a copy of the database; --lock-timeout says how long others may wait.");
}

/* One look. False: it could not be done. */
static bool look(struct pg_crowd *c)
{
    struct waiter before[WAITERS_MOST];
    const char *values[] = { c->pid };
    int count = c->count;
    int64_t now;
    PGresult *res = NULL;
    memcpy(before, c->waiters, sizeof before);
    if (!PQsendQueryParams(c->beside->conn, waiters_sql, 1, NULL, values, NULL, NULL, 0) || !PQpipelineSync(c->beside->conn))
        return false;
    for (bool synced = false; !synced;) {
        PGresult *one;
        while (PQisBusy(c->beside->conn))
            if (pg_wait(c->beside, LOOK_TIMEOUT_MS, -1) != WOKEN_INPUT) {
                PQclear(res);
                return false;
            }
        one = PQgetResult(c->beside->conn);
        synced = one && PQresultStatus(one) == PGRES_PIPELINE_SYNC;
        if (one && !synced) {
            PQclear(res);
            res = one;
        } else {
            PQclear(one);
        }
        if (PQstatus(c->beside->conn) != CONNECTION_OK)
            break;
    }
    bool good = pg_good(res);
    now = now_ms();
    c->count = 0;
    for (int i = 0; good && i < PQntuples(res) && c->count < WAITERS_MOST; i++) {
        struct waiter w = { .pid = atoi(PQgetvalue(res, i, 0)) };
        w.since_ms = since(before, count, w.pid, now);
        c->waiters[c->count++] = w;
        if (now - w.since_ms >= c->patience_ms && !atomic_load(&c->seen)) {
            tell(c, res, i, now - w.since_ms);
            atomic_store(&c->seen, true);
        }
    }
    PQclear(res);
    return good;
}

static void *run(void *at)
{
    struct pg_crowd *c = at;
    int pause_ms = c->patience_ms / 8 < PAUSE_LEAST_MS ? PAUSE_LEAST_MS : c->patience_ms / 8 > PAUSE_MOST_MS ? PAUSE_MOST_MS : c->patience_ms / 8;
    pthread_mutex_lock(&c->lock);
    while (!c->over && !atomic_load(&c->seen)) {
        struct timespec until;
        pthread_mutex_unlock(&c->lock);
        bool good = look(c);
        pthread_mutex_lock(&c->lock);
        if (!good && !c->over) {
            error_set(&c->why, ERR_NO_CONNECTION, "whether others wait behind the rehearsal could not be seen any more");
            error_hint(&c->why, "Run the command again.");
            atomic_store(&c->seen, true);
        }
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += (long)pause_ms * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        while (!c->over && pthread_cond_timedwait(&c->turn, &c->lock, &until) == 0)
            continue;
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

bool pg_crowd_begin(struct db *db, int session_pid, int patience_ms, struct pg_crowd **out, struct error *err)
{
    struct db_target target = db->target;
    struct pg_crowd *c = calloc(1, sizeof *c);
    pthread_condattr_t how;
    if (!c)
        return error_set(err, ERR_NO_MEMORY, "out of memory; nothing was rehearsed");
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&how);
    pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    pthread_cond_init(&c->turn, &how);
    pthread_condattr_destroy(&how);
    target.stop = NULL;
    target.wake_fd = -1;
    target.tick = NULL;
    target.application = "jetbase looks on";
    target.statement_timeout_ms = LOOK_TIMEOUT_MS;
    c->patience_ms = patience_ms;
    snprintf(c->pid, sizeof c->pid, "%d", session_pid);
    *out = c;
    struct error why = { 0 };
    bool ok = pg_open(&target, DB_LOOK, &c->beside, &why);
    if (ok && strcmp(c->beside->server_start, db->server_start) != 0)
        ok = error_set(&why, ERR_NO_CONNECTION, "a second connection reached another server");
    /* Its settings (read only, the timeout) go out with a first question. */
    struct pg_ask ask = { .sql = PG_NOTHING, .sync = true };
    ok = ok && pg_batch(c->beside, &ask, 1, &why);
    if (ok)
        pg_batch_free(&ask, 1);
    if (ok && !(c->at_work = threads_start(&c->thread, run, c)))
        ok = error_set(&why, ERR_FAILED, "no thread could be started");
    if (ok)
        return true;
    error_set(err, why.code ? why.code : ERR_FAILED, "whether others wait behind the rehearsal can't be seen: %s", why.message);
    return error_state(err, "Nothing was rehearsed.");
}

bool pg_crowd_seen(struct pg_crowd *c)
{
    return c && atomic_load(&c->seen);
}

bool pg_crowd_is(struct pg_crowd *c, struct error *err)
{
    if (!pg_crowd_seen(c))
        return false;
    pthread_mutex_lock(&c->lock);
    if (err)
        *err = c->why;
    pthread_mutex_unlock(&c->lock);
    return true;
}

void pg_crowd_end(struct pg_crowd *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->over = true;
    pthread_cond_broadcast(&c->turn);
    pthread_mutex_unlock(&c->lock);
    if (c->at_work)
        pthread_join(c->thread, NULL);
    pg_close(c->beside);
    pthread_cond_destroy(&c->turn);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
