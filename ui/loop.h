/* loop.h: the drawing thread: reads keys, applies messages, draws, has effects done. Never touches a database. */
#ifndef JETBASE_UI_LOOP_H
#define JETBASE_UI_LOOP_H

#include "message.h"
#include "reader.h"
#include "worker.h"

/* What the loop works with; all lent. signal_fd: a signalfd for SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH, which are blocked. */
struct loop_parts {
    const struct sys *sys;
    struct mailbox *mail;
    struct worker *worker;
    struct reader *reader;
    int signal_fd;
    bool read_only;
    const char *target;       /* its name, or NULL */
    bool guarded, held_back;  /* of the target, as struct project has them */
    int refresh_ms;
};

/* Runs until the user leaves or a signal ends it. The terminal is open. farewell: what is to be said once it is restored, "" nothing. Returns the exit code. */
int loop_run(const struct loop_parts *parts, char *farewell, size_t size);

#endif
