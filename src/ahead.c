/* ahead.c: reads the migrations folder and hashes its files by threads, as far as may be while the connection is still being opened. */
#include "ahead.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "facts.h"
#include "threads.h"

/* A thread costs as much as some ten small files; more than a few of them wait for each other in the kernel. */
enum { FILES_LEAST = 64, THREADS_MOST = 3 };

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

void ahead_begin(struct ahead *ahead, const char *project_dir, bool hash, bool now, const atomic_int *stop)
{
    struct error ignored;
    error_clear(&ignored);
    ahead->hash = hash;
    if (ahead->folder != NULL || !folder_read(project_dir, &ahead->folder, &ignored))
        return;
    folder_stop_at(ahead->folder, stop);
    /* Of a folder that was written a moment ago (a fresh checkout) all is read anew in the end. */
    if (hash && now && folder_still(ahead->folder))
        start(ahead, facts_ahead);
}

bool ahead_take(struct ahead *ahead, const char *project_dir, const atomic_int *stop, struct folder **out, struct error *err)
{
    struct folder *now;
    *out = NULL;
    if (ahead->threads != NULL)
        work(ahead->threads);
    finish(ahead);
    if (!folder_renew(project_dir, ahead->folder, &now, err))
        return false;
    if (now != NULL) {
        folder_free(ahead->folder);
        ahead->folder = now;
    }
    folder_stop_at(ahead->folder, stop);
    if (ahead->hash) {
        start(ahead, facts_settle);
        if (ahead->threads != NULL)
            work(ahead->threads);
        else
            facts_unsettle(ahead->folder); /* there may be few of them now */
        finish(ahead);
    }
    *out = ahead->folder;
    ahead->folder = NULL;
    return true;
}

void ahead_drop(struct ahead *ahead)
{
    if (ahead->threads != NULL)
        atomic_store(&ahead->threads->over, true);
    finish(ahead);
    folder_free(ahead->folder);
    ahead->folder = NULL;
}
