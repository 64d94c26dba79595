/* targets.h: a look at every target of a project at once, none of which holds up the others. */
#ifndef JETBASE_TARGETS_H
#define JETBASE_TARGETS_H

#include "lock.h"
#include "project.h"
#include "sys.h"

enum { TARGETS_PATIENCE_MS = 15000 }; /* more than a connection may take where its URL does not say (10 s) */

/* What one target is like now. Texts but version and half are safe to show. */
struct target_look {
    char name[128];
    char database[600];     /* its URL with the password masked; "" where it has none that can be read */
    bool guard_known, guarded; /* whether it is protected could be read; it is */
    bool reached;           /* it was looked at; else err says why not */
    struct error err;
    bool standby;
    char version[256];      /* the latest that is applied, "" none */
    char half[512];         /* the newest file that is half applied, "" none */
    size_t pending;
    char disagree[512];     /* why an upgrade would be refused by history, or "" */
    int check;              /* pending_check() */
    struct lock_view lock;
    bool utc;               /* its stored times are UTC */
};

/* Looks at all of `names` (ended by NULL), each over a connection and in a thread of its own, which never writes. Returns an array as long as names, in its order, to be freed with free(); what had no answer within patience_ms (by the monotonic clock) is told as not reached, and its thread is left alone. NULL with *err: memory or threads. */
struct target_look *targets_look(const struct project *project, const struct sys *sys, char *const *names, int patience_ms, struct error *err);

/* The exit code of `status --check` for all of them, the worst: 6 where one can't be reached, the code of what else kept one from being looked at, 5, 7, 0. */
int targets_check(const struct target_look *looks, size_t count);

#endif
