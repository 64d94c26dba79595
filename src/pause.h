/* pause.h: pauses that grow: between two looks at something that nobody tells us about, and before something is tried again. */
#ifndef JETBASE_PAUSE_H
#define JETBASE_PAUSE_H

#include <stdatomic.h>

#include "sys.h"

/* What the next pause is made from. */
struct pause {
    int first_ms, most_ms;  /* the first one, and what they grow to */
    int next_ms;            /* the next one before its jitter; 0: first_ms */
};

/* Length of the next pause in ms: doubled each time up to most_ms, and each one longer or shorter by up to a quarter, so that many who began together do not come together. At least 1. */
int pause_next(struct pause *pause, const struct sys *sys);
/* The next one is the first again. */
void pause_reset(struct pause *pause);
/* Sleeps for ms, in short parts, so that *stop (MAY be NULL) ends it soon. False: it did. */
bool pause_sleep(const struct sys *sys, int ms, const atomic_int *stop);

#endif
