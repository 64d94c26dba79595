/* signals.h: a signal only sets a flag and wakes whoever waits; what it means is decided by those who read the flag. */
#ifndef JETBASE_SIGNALS_H
#define JETBASE_SIGNALS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "error.h"

/* Ignores SIGPIPE and SIGXFSZ: a reader that went away and a file over its limit (ulimit -f) are write errors like others. */
void signals_ignore_pipe(void);

/* From now on SIGINT, SIGTERM and SIGHUP set *stop to the signal's number and make *wake_fd readable (for good; nobody reads it). SIGINT or SIGTERM told twice within a second does what it does by default: the program dies. A SIGHUP that is ignored (nohup) stays ignored. Both results live as long as the program. False: ERR_FAILED. */
bool signals_watch(const atomic_int **stop, int *wake_fd, struct error *err);

#endif
