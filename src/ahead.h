/* ahead.h: reads the migrations folder and hashes its files as far as may be while the connection is still being opened. */
#ifndef JETBASE_AHEAD_H
#define JETBASE_AHEAD_H

#include "history.h"
#include "migration.h"

struct crew;

/* What is read ahead. Zero-initialise; begin it with ahead_begin(), end it with ahead_take() or ahead_drop(). */
struct ahead {
    const char *project_dir;       /* not owned; NULL until ahead_begin() */
    const atomic_int *stop;        /* MAY be NULL */
    bool hash;                     /* the sums of all files will be needed */
    size_t keep;                   /* bytes of small files that ahead_take()'s folder keeps in memory (folder_keep_texts()); 0 where the caller does not set it; ahead_take() forgets it */
    bool tried;                    /* the folder was listed, or could not be */
    bool more;                     /* ahead_more() has files to hash */
    struct folder *folder;         /* NULL until it was listed */
    size_t next;                   /* the first file that was not hashed ahead */
    struct crew *crew;             /* that hashes them meanwhile, or NULL */
    const struct history *history; /* while it is taken */
};

/* Says what will be needed: DIR/migrations and, where hash, the sums of all its files. stop: as folder_stop_at(); MAY be NULL. Nothing is read yet; where it has begun already nothing happens. project_dir MUST live until the end. */
void ahead_begin(struct ahead *ahead, const char *project_dir, bool hash, const atomic_int *stop);
/* A piece of that work, of a few ms at most, for whoever waits for something: lists the folder, then hashes a few files (where the folder was left alone for some seconds; a very large one by threads, which take no signals). Tells whether there is more of it. Never fails: what could not be done is done when it is needed. As db_target.idle. */
bool ahead_more(void *ahead);
/* Lists the folder where ahead_more() has not. False and *err as folder_read(). */
bool ahead_list(struct ahead *ahead, struct error *err);
/* Gives the folder to the caller, who frees it. What has changed since it was read ahead (files that came or went, other contents) is read anew: what a caller knew before this call is never newer than the files. Where the sums are needed, all are made, by threads too; but for versions that history (MAY be NULL: for none) does not know, which are hashed when they are checked. False and *err as folder_read(). */
bool ahead_take(struct ahead *ahead, const struct history *history, struct folder **out, struct error *err);
/* Ends it where nobody needs the folder. */
void ahead_drop(struct ahead *ahead);

#endif
