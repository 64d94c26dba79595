/* reader.c: reads one migration file at a time, away from the thread that draws. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reader.h"

struct reader {
    const struct project *project;
    struct mailbox *mail;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct detail_want want;
    bool asked, ending;
};

static bool take(struct reader *r, struct detail_want *want)
{
    bool go;
    pthread_mutex_lock(&r->mutex);
    while (!r->asked && !r->ending)
        pthread_cond_wait(&r->wake, &r->mutex);
    *want = r->want;
    r->asked = false;
    go = !r->ending;
    pthread_mutex_unlock(&r->mutex);
    return go;
}

static void *run(void *user)
{
    struct reader *r = user;
    struct detail_want want;
    while (take(r, &want)) {
        struct detail *detail = detail_read(r->project->dir, &want);
        if (detail)
            mailbox_post(r->mail, &(struct model_msg){ .kind = MSG_DETAIL, .u.detail = detail });
    }
    return NULL;
}

static void discard(struct reader *r)
{
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->mutex);
    free(r);
}

struct reader *reader_start(const struct project *project, struct mailbox *mail, struct error *err)
{
    struct reader *r = calloc(1, sizeof *r);
    int failed;
    if (!r) {
        error_set(err, ERR_NO_MEMORY, "out of memory at the start of the console");
        return NULL;
    }
    r->project = project;
    r->mail = mail;
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->wake, NULL);
    failed = pthread_create(&r->thread, NULL, run, r);
    if (!failed)
        return r;
    error_set(err, ERR_FAILED, "the console can't start its reading thread: %s", strerror(failed));
    discard(r);
    return NULL;
}

void reader_ask(struct reader *r, const struct detail_want *want)
{
    if (!want->file[0])
        return;
    pthread_mutex_lock(&r->mutex);
    r->want = *want;
    r->asked = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->mutex);
}

bool reader_stop(struct reader *r, int timeout_ms)
{
    struct timespec until;
    if (!r)
        return true;
    pthread_mutex_lock(&r->mutex);
    r->ending = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->mutex);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    if (pthread_timedjoin_np(r->thread, NULL, &until) != 0)
        return false;
    discard(r);
    return true;
}
