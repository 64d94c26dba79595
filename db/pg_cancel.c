/* pg_cancel.c: asks the server to stop the running statement, from a thread of its own because PQcancel blocks. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "pg_private.h"
#include "threads.h"

enum { SETTLE_SECONDS = 5 };

struct pg_cancel {
    PGcancel *ticket;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool busy;       /* a thread is at work */
    bool abandoned;  /* the owner has gone: the thread frees */
    int64_t sent_ms; /* when the last one was sent */
};

struct pg_cancel *pg_cancel_make(PGconn *conn)
{
    struct pg_cancel *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->ticket = PQgetCancel(conn);
    if (!c->ticket || pthread_mutex_init(&c->lock, NULL) != 0) {
        PQfreeCancel(c->ticket);
        free(c);
        return NULL;
    }
    pthread_condattr_t how;
    pthread_condattr_init(&how);
    pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    pthread_cond_init(&c->ended, &how);
    pthread_condattr_destroy(&how);
    return c;
}

static void dispose(struct pg_cancel *c)
{
    PQfreeCancel(c->ticket);
    pthread_cond_destroy(&c->ended);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static void *run(void *at)
{
    struct pg_cancel *c = at;
    char ignored[256];
    bool abandoned;
    PQcancel(c->ticket, ignored, sizeof ignored);
    pthread_mutex_lock(&c->lock);
    c->busy = false;
    abandoned = c->abandoned;
    pthread_cond_signal(&c->ended);
    pthread_mutex_unlock(&c->lock);
    if (abandoned)
        dispose(c);
    return NULL;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void pg_cancel_send(struct pg_cancel *c)
{
    pthread_t thread;
    pthread_mutex_lock(&c->lock);
    if (!c->busy) {
        c->sent_ms = now_ms();
        c->busy = threads_start(&thread, run, c);
        if (c->busy)
            pthread_detach(thread);
    }
    pthread_mutex_unlock(&c->lock);
}

void pg_cancel_repeat(struct pg_cancel *c)
{
    pthread_mutex_lock(&c->lock);
    bool due = !c->busy && now_ms() - c->sent_ms >= PG_CANCEL_AGAIN_MS;
    pthread_mutex_unlock(&c->lock);
    if (due)
        pg_cancel_send(c);
}

bool pg_cancel_wished(struct db *db)
{
    if (!db->target.stop || atomic_load(db->target.stop) == 0)
        return false;
    if (!db->cancelled) {
        db->cancelled_ms = db->sys->mono_ms();
        pg_cancel_send(db->cancel);
    } else {
        pg_cancel_repeat(db->cancel);
    }
    db->cancelled = true;
    return true;
}

/* Waits, with the lock held, until no thread is at work or the time is over. */
static void wait_ended(struct pg_cancel *c)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += SETTLE_SECONDS;
    while (c->busy && pthread_cond_timedwait(&c->ended, &c->lock, &until) == 0)
        continue;
}

void pg_cancel_settle(struct pg_cancel *c)
{
    pthread_mutex_lock(&c->lock);
    wait_ended(c);
    pthread_mutex_unlock(&c->lock);
}

void pg_cancel_free(struct pg_cancel *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    wait_ended(c);
    bool stuck = c->busy;
    c->abandoned = stuck;
    pthread_mutex_unlock(&c->lock);
    if (!stuck)
        dispose(c);
}
