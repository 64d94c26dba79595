/* file_state.c: tells whether a file, or a folder's list of names, is still what was read of it. */
#include "file_state.h"

/* A clock of files may tick as slowly as this, and stand beside the system's. */
enum { SETTLED_S = 2 };

struct file_state file_state_of(const struct stat *st, const struct timespec *now)
{
    return (struct file_state){ .dev = st->st_dev, .ino = st->st_ino, .size = st->st_size, .written = st->st_mtim, .changed = st->st_ctim, .regular = S_ISREG(st->st_mode),
                                .settled = st->st_ctim.tv_sec + SETTLED_S < now->tv_sec && st->st_mtim.tv_sec + SETTLED_S < now->tv_sec };
}

bool file_state_now(const char *path, struct file_state *state)
{
    struct stat st;
    struct timespec now;
    *state = (struct file_state){ 0 };
    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || stat(path, &st) != 0)
        return false;
    *state = file_state_of(&st, &now);
    return true;
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool file_state_same(const struct file_state *a, const struct file_state *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size && same_time(a->written, b->written) && same_time(a->changed, b->changed);
}

bool file_state_still(const struct file_state *then, const struct file_state *now)
{
    return then->settled && file_state_same(then, now);
}
