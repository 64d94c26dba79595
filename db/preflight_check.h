/* preflight_check.h: what a database holds against a plan at this moment, one finding after the other. */
#ifndef JETBASE_DB_PREFLIGHT_CHECK_H
#define JETBASE_DB_PREFLIGHT_CHECK_H

/* OK: nothing against it. WARN: worth knowing. BLOCKS: it would stop a statement, or the run. HIDDEN: it can't be seen by this role, or from here; never to be told as "none". */
enum preflight_state { PREFLIGHT_OK, PREFLIGHT_WARN, PREFLIGHT_BLOCKS, PREFLIGHT_HIDDEN };

/* One finding. Plain data; texts are safe to show. */
struct preflight_check {
    const char *check;       /* "locks", "idle-in-transaction", "replication-slots", "prepared-transactions", "standby", "connections", "disk", "writers", "journal", "wal", "read-only"; static storage */
    enum preflight_state state;
    char text[600];          /* what is found, one line */
    char hint[300];          /* the command, or key of the console, that shows or ends it; "" none */
};

#endif
