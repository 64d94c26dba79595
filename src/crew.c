/* crew.c: a few threads that go over a list beside this one. */
#include "crew.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "threads.h"

enum { THREADS_MOST = 3 }; /* more than a few that read files wait for each other in the kernel */

struct crew {
    size_t count;
    void (*each)(void *user, size_t i);
    void *user;
    atomic_size_t next;       /* the first that nobody has taken */
    atomic_bool over;         /* nobody needs the rest */
    pthread_t at[THREADS_MOST];
    int threads;
};

/* Goes over the list until nothing is left; each is one thread's alone. */
static void work(struct crew *c)
{
    size_t i;
    while (!atomic_load(&c->over) && (i = atomic_fetch_add(&c->next, 1)) < c->count)
        c->each(c->user, i);
}

static void *run(void *crew)
{
    work(crew);
    return NULL;
}

/* One beside this one, and one for each more processor. */
static int threads_wanted(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors <= 2 ? 1 : processors - 1 < THREADS_MOST ? (int)processors - 1 : THREADS_MOST;
}

struct crew *crew_start(size_t count, void (*each)(void *user, size_t i), void *user)
{
    struct crew *c = count >= CREW_LEAST ? calloc(1, sizeof *c) : NULL;
    if (c == NULL)
        return NULL;
    c->count = count;
    c->each = each;
    c->user = user;
    for (int wanted = threads_wanted(); c->threads < wanted && threads_start(&c->at[c->threads], run, c);)
        c->threads++;
    if (c->threads > 0)
        return c;
    free(c);
    return NULL;
}

void crew_end(struct crew *crew, bool all)
{
    if (crew == NULL)
        return;
    if (all)
        work(crew);
    else
        atomic_store(&crew->over, true);
    for (int i = 0; i < crew->threads; i++)
        pthread_join(crew->at[i], NULL);
    free(crew);
}
