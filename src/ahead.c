/* ahead.c: reads the migrations folder and hashes its files as far as may be while the connection is still being opened. */
#include "ahead.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "facts.h"
#include "threads.h"

enum {
    AT_ONCE = 8,      /* files in a piece of the work */
    MANY = 2048,      /* more than are hashed while a server begins a session */
    FILES_LEAST = 64, /* a thread costs as much as some ten small files */
    THREADS_MOST = 3  /* more than a few of them wait for each other in the kernel */
};

struct ahead_threads {
    struct folder *folder;
    void (*each)(struct migration *m);
    atomic_size_t next;       /* the first file that nobody has taken */
    atomic_bool over;         /* nobody needs the rest */
    pthread_t at[THREADS_MOST];
    int count;
};

/* Goes over files until none is left; each is one thread's alone. */
static void work(struct ahead_threads *t)
{
    size_t count = folder_count(t->folder), i;
    while (!atomic_load(&t->over) && (i = atomic_fetch_add(&t->next, 1)) < count)
        t->each(folder_at(t->folder, i));
}

static void *run(void *threads)
{
    work(threads);
    return NULL;
}

/* One beside this one, and one for each more processor. */
static int threads_wanted(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors <= 2 ? 1 : processors - 1 < THREADS_MOST ? (int)processors - 1 : THREADS_MOST;
}

static void start(struct ahead *ahead, void (*each)(struct migration *m))
{
    struct ahead_threads *t = folder_count(ahead->folder) >= FILES_LEAST ? calloc(1, sizeof *t) : NULL;
    if (t == NULL)
        return;
    t->folder = ahead->folder;
    t->each = each;
    for (int wanted = threads_wanted(); t->count < wanted && threads_start(&t->at[t->count], run, t);)
        t->count++;
    ahead->threads = t;
}

static void finish(struct ahead *ahead)
{
    struct ahead_threads *t = ahead->threads;
    for (int i = 0; t != NULL && i < t->count; i++)
        pthread_join(t->at[i], NULL);
    free(t);
    ahead->threads = NULL;
}

void ahead_begin(struct ahead *ahead, const char *project_dir, bool hash, const atomic_int *stop)
{
    if (ahead->project_dir == NULL)
        *ahead = (struct ahead){ .project_dir = project_dir, .hash = hash, .stop = stop, .folder = ahead->folder, .tried = ahead->folder != NULL };
}

bool ahead_list(struct ahead *ahead, struct error *err)
{
    ahead->tried = true;
    if (ahead->folder == NULL && !folder_read(ahead->project_dir, &ahead->folder, err))
        return false;
    folder_stop_at(ahead->folder, ahead->stop);
    return true;
}

/* The first piece. Of a folder that was written a moment ago (a fresh checkout) all is read anew in the end. */
static bool begin(struct ahead *ahead)
{
    struct error ignored;
    error_clear(&ignored);
    if (!ahead_list(ahead, &ignored) || !ahead->hash || !folder_still(ahead->folder))
        return false;
    if (folder_count(ahead->folder) < MANY)
        return true;
    start(ahead, facts_ahead);
    return false;
}

bool ahead_more(void *user)
{
    struct ahead *ahead = user;
    if (ahead->stop != NULL && atomic_load(ahead->stop) != 0)
        return false;
    if (!ahead->tried)
        return begin(ahead);
    size_t count = folder_count(ahead->folder), end = ahead->next + AT_ONCE < count ? ahead->next + AT_ONCE : count;
    while (ahead->next < end)
        facts_ahead(folder_at(ahead->folder, ahead->next++));
    return end < count;
}

/* What was hashed ahead is settled, what was not is hashed. */
static void settle(struct ahead *ahead)
{
    size_t count = folder_count(ahead->folder);
    if (count - (ahead->next < count ? ahead->next : count) >= FILES_LEAST || count >= MANY)
        start(ahead, facts_settle);
    if (ahead->threads != NULL)
        work(ahead->threads);
    for (size_t i = 0; ahead->threads == NULL && i < count; i++)
        facts_settle(folder_at(ahead->folder, i));
    finish(ahead);
}

bool ahead_take(struct ahead *ahead, struct folder **out, struct error *err)
{
    struct folder *now;
    *out = NULL;
    if (ahead->threads != NULL)
        work(ahead->threads);
    finish(ahead);
    if (!folder_renew(ahead->project_dir, ahead->folder, &now, err))
        return false;
    if (now != NULL) {
        folder_free(ahead->folder);
        ahead->folder = now;
    }
    folder_stop_at(ahead->folder, ahead->stop);
    if (ahead->hash)
        settle(ahead);
    *out = ahead->folder;
    *ahead = (struct ahead){ 0 };
    return true;
}

void ahead_drop(struct ahead *ahead)
{
    if (ahead->threads != NULL)
        atomic_store(&ahead->threads->over, true);
    finish(ahead);
    folder_free(ahead->folder);
    *ahead = (struct ahead){ 0 };
}
