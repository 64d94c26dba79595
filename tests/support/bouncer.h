/* bouncer.h: a PgBouncer of the test's own before the test's PostgreSQL server. */
#ifndef JETBASE_TESTS_BOUNCER_H
#define JETBASE_TESTS_BOUNCER_H

#include <stdbool.h>
#include <sys/types.h>

struct bouncer {
    pid_t pid;
    int port;
    char dir[64];
};

/* Starts it with that pool_mode ("session", "transaction", "statement"), at most `size` connections to a database, on 127.0.0.1. False: it is not installed here. Fails the test where it does not start. */
bool bouncer_start(struct bouncer *b, const char *pool_mode, int size);
/* Ends it and removes its folder. */
void bouncer_stop(struct bouncer *b);

#endif
