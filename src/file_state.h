/* file_state.h: tells whether a file, or a folder's list of names, is still what was read of it. */
#ifndef JETBASE_FILE_STATE_H
#define JETBASE_FILE_STATE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

/* A state of it, asked before it was read: a change in between shows at the next time. All zero: none, which nothing still is. */
struct file_state {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec written, changed;
    bool regular;
    bool settled; /* it had not changed so shortly before that it may change again at the same size and time */
};

/* From what was asked of it, at `now` (CLOCK_REALTIME) or later. */
struct file_state file_state_of(const struct stat *st, const struct timespec *now);
/* Asks path. False, and *state all zero, where it can't be had. */
bool file_state_now(const char *path, struct file_state *state);
/* Are the two one and the same state, as far as size, times and inode tell? What was changed a moment later may look alike. */
bool file_state_same(const struct file_state *a, const struct file_state *b);
/* Is what is in state `now` what was read in state `then`? False also where that is not certain. */
bool file_state_still(const struct file_state *then, const struct file_state *now);

#endif
