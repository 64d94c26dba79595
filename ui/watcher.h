/* watcher.h: the thread that looks: its own connection, opened for looking only; publishes snapshots, reconnects with growing pauses. */
#ifndef JETBASE_UI_WATCHER_H
#define JETBASE_UI_WATCHER_H

#include "message.h"

struct watcher;

/* Starts it. project, sys and mail must outlive it. refresh_ms: the longest time between two looks. NULL with *err. */
struct watcher *watcher_start(const struct project *project, const struct sys *sys, int refresh_ms, struct mailbox *mail, struct error *err);
/* Look now. Any thread. */
void watcher_kick(struct watcher *watcher);
/* Ends it and frees it, waiting timeout_ms at most. False: it hangs in its library; it and what was lent to it must stay until the program ends. NULL is allowed. */
bool watcher_stop(struct watcher *watcher, int timeout_ms);

#endif
