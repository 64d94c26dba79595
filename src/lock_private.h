/* lock_private.h: what lock*.c share and nobody else needs. */
#ifndef JETBASE_LOCK_PRIVATE_H
#define JETBASE_LOCK_PRIVATE_H

#include "lock.h"

#define LOCK_ROW_WAIT_MS 3000     /* how long a change waits for the lock row */
#define LOCK_RELEASE_MS 10000     /* how long a release is repeated */
#define LOCK_POLL_MS 50           /* pause between looks where nothing wakes us */

struct lock {
    const struct sys *sys;
    struct run_row run;
    bool has_run;
    bool unanswered;  /* the acquire had no answer: the old session may still take the lock */
};

#endif
