/* crew.c: a few threads that go over a list beside this one. */
#include "crew.h"

#include <pthread.h>
#include <sched.h>
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
    cpu_set_t processors;     /* that its maker may use; none where that is not known */
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
    struct crew *c = crew;
    if (CPU_COUNT(&c->processors) > 0)
        pthread_setaffinity_np(pthread_self(), sizeof c->processors, &c->processors);
    work(c);
    return NULL;
}

/* On another processor than this thread's. The kernel would often begin it on the same one, where it has to wait for some ms: longer than a few hundred files take. Once begun it may go where it likes. */
static bool start(struct crew *c, pthread_t *thread)
{
    pthread_attr_t attr;
    cpu_set_t others;
    int here = sched_getcpu();
    others = c->processors;
    if (here >= 0 && here < CPU_SETSIZE)
        CPU_CLR((size_t)here, &others);
    if (CPU_COUNT(&others) == 0 || pthread_attr_init(&attr) != 0)
        return threads_start(thread, run, c);
    bool started = pthread_attr_setaffinity_np(&attr, sizeof others, &others) == 0 && threads_start_so(thread, &attr, run, c);
    pthread_attr_destroy(&attr);
    return started || threads_start(thread, run, c);
}

/* One beside this one, and one for each more processor. */
static int threads_wanted(const struct crew *c)
{
    long known = CPU_COUNT(&c->processors), processors = known > 0 ? known : sysconf(_SC_NPROCESSORS_ONLN);
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
    if (sched_getaffinity(0, sizeof c->processors, &c->processors) != 0)
        CPU_ZERO(&c->processors);
    for (int wanted = threads_wanted(c); c->threads < wanted && start(c, &c->at[c->threads]);)
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
