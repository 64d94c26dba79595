/* ahead.h: reads the migrations folder and hashes its files while the connection is still being opened. */
#ifndef JETBASE_AHEAD_H
#define JETBASE_AHEAD_H

#include "migration.h"

struct ahead_threads;

/* What is read ahead. Zero-initialise; end it with ahead_take() or ahead_drop(). */
struct ahead {
    struct folder *folder;         /* NULL where it could not be read; ahead_take() tells why */
    struct ahead_threads *threads; /* NULL where the files are too few to be worth any */
};

/* Reads DIR/migrations and, with `hash`, begins to hash its files in threads of its own (facts_ahead()), which take no signals. Never fails: what could not be done is done when it is needed. stop: as folder_stop_at(); MAY be NULL. */
void ahead_begin(struct ahead *ahead, const char *project_dir, bool hash, const atomic_int *stop);
/* Gives the folder to the caller, who frees it, once all that was begun is hashed; this thread takes its share. Where it was not read, or could not be, it is read now: false and *err as folder_read(). */
bool ahead_take(struct ahead *ahead, const char *project_dir, const atomic_int *stop, struct folder **out, struct error *err);
/* Ends it where nobody needs the folder. */
void ahead_drop(struct ahead *ahead);

#endif
