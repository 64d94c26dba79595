/* worker.h: the thread that does: makes plans, runs migrations through the engine, unlocks; each over connections of its own. */
#ifndef JETBASE_UI_WORKER_H
#define JETBASE_UI_WORKER_H

#include "model.h"
#include "watcher.h"

struct worker;

/* Starts it. project, sys, mail and watcher must outlive it. NULL with *err. */
struct worker *worker_start(const struct project *project, const struct sys *sys, struct mailbox *mail, struct watcher *watcher, struct error *err);
/* Hands it a job: FX_PLAN, FX_FIND, FX_REHEARSE, FX_RUN, FX_UNLOCK or FX_BLOCKER. A plan or a look that is being made is given up for it; its answer comes all the same. */
void worker_do(struct worker *worker, const struct effect *job);
/* Cancels the run or rehearsal that is on or about to start; its end is told as always. */
void worker_cancel(struct worker *worker, int signal);
/* Ends it and frees it: a plan is given up, an unlock is waited for timeout_ms at most, a run (which is cancelled) for as long as it takes. False: it hangs in its library; it and what was lent to it must stay until the program ends. NULL is allowed. */
bool worker_stop(struct worker *worker, int timeout_ms);

#endif
