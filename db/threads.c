/* threads.c: threads for work beside the program's own: they take none of its signals. */
#include "threads.h"

#include <signal.h>

bool threads_start_so(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *user), void *user)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    bool started = pthread_create(thread, attr, run, user) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

bool threads_start(pthread_t *thread, void *(*run)(void *user), void *user)
{
    return threads_start_so(thread, NULL, run, user);
}
