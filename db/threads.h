/* threads.h: threads for work beside the program's own: they take none of its signals. */
#ifndef JETBASE_DB_THREADS_H
#define JETBASE_DB_THREADS_H

#include <pthread.h>
#include <stdbool.h>

/* As pthread_create() with the default attributes; signals go to the threads of the program, never to this one. False where there can be none. */
bool threads_start(pthread_t *thread, void *(*run)(void *user), void *user);
/* The same with these attributes. */
bool threads_start_so(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *user), void *user);

#endif
