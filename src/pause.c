/* pause.c: pauses that grow. */
#include "pause.h"

enum { PART_MS = 50 }; /* how long a wish to stop may go unseen */

/* A random number from 0 to range - 1. Without random bytes nothing is spread, which harms nobody. */
static int spread(const struct sys *sys, int range)
{
    uint32_t bytes = 0;
    return range > 0 && sys->random(&bytes, sizeof bytes) ? (int)(bytes % (uint32_t)range) : range / 2;
}

int pause_next(struct pause *pause, const struct sys *sys)
{
    int base = pause->next_ms > 0 ? pause->next_ms : pause->first_ms, quarter = base / 4;
    int ms = base - quarter + spread(sys, 2 * quarter + 1);
    pause->next_ms = base >= pause->most_ms / 2 ? pause->most_ms : base * 2;
    return ms > 0 ? ms : 1;
}

void pause_reset(struct pause *pause)
{
    pause->next_ms = 0;
}

bool pause_sleep(const struct sys *sys, int ms, const atomic_int *stop)
{
    int64_t until = sys->mono_ms() + ms, left = ms;
    for (; left > 0; left = until - sys->mono_ms()) {
        if (stop && atomic_load(stop) != 0)
            return false;
        sys->sleep_ms(left < PART_MS ? (int)left : PART_MS);
    }
    return !stop || atomic_load(stop) == 0;
}
