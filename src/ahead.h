/* ahead.h: reads the migrations folder and hashes its files by threads, as far as may be while the connection is still being opened. */
#ifndef JETBASE_AHEAD_H
#define JETBASE_AHEAD_H

#include "migration.h"

struct ahead_threads;

/* What is read ahead. Zero-initialise; end it with ahead_take() or ahead_drop(). */
struct ahead {
    struct folder *folder;         /* NULL where it could not be read */
    bool hash;                     /* the sums of all files will be needed */
    struct ahead_threads *threads; /* NULL: none is at work */
};

/* Reads DIR/migrations. hash: the sums of all its files will be needed; now: something is waited for meanwhile, so threads begin to hash them (where they are many and the folder has been left alone for some seconds), which take no signals. Never fails: what could not be done is done when it is needed. stop: as folder_stop_at(); MAY be NULL. */
void ahead_begin(struct ahead *ahead, const char *project_dir, bool hash, bool now, const atomic_int *stop);
/* Gives the folder to the caller, who frees it. What has changed since it was read ahead (files that came or went, other contents) is read anew: what a caller knew before this call is never newer than the files. Where the sums are needed, all are made, by threads too. False and *err as folder_read(). */
bool ahead_take(struct ahead *ahead, const char *project_dir, const atomic_int *stop, struct folder **out, struct error *err);
/* Ends it where nobody needs the folder. */
void ahead_drop(struct ahead *ahead);

#endif
