/* signals.h: a signal only sets a flag and wakes whoever waits; what it means is decided by those who read the flag. */
#ifndef JETBASE_SIGNALS_H
#define JETBASE_SIGNALS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "error.h"

/* Ignores SIGPIPE and SIGXFSZ: a reader that went away and a file over its limit (ulimit -f) are write errors like others. */
void signals_ignore_pipe(void);

/* What this process has of the migration lock, for what is said from within a signal's handler. */
enum signals_lock {
    SIGNALS_NO_LOCK,
    SIGNALS_ASKING,  /* it is being taken or given back: not known */
    SIGNALS_LOCKED
};

/* Keeps that, and under which process ID (NULL: as before); for one thread at a time. */
void signals_lock_is(enum signals_lock state, const char *process_id);

/* Does a line stand on standard error, a terminal, that will be written over? What a signal says takes its place. */
void signals_line_is(bool open);
/* From now on SIGINT, SIGTERM and SIGHUP set *stop to the signal's number and make *wake_fd readable (for good; nobody reads it). SIGINT or SIGTERM told twice within a second does what it does by default: the program dies; where it has the lock, a line on standard error says that it stays. SIGTSTP and SIGCONT act as always, and say that a stopped process keeps the lock. What is ignored (nohup, a shell without job control) stays ignored. Both results live as long as the program. False: ERR_FAILED. */
bool signals_watch(const atomic_int **stop, int *wake_fd, struct error *err);

#endif
