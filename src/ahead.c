/* ahead.c: reads the migrations folder and hashes its files as far as may be while the connection is still being opened. */
#include "ahead.h"

#include "crew.h"
#include "facts.h"

enum {
    AT_ONCE = 8,         /* files in a piece of the work */
    BY_CREW_LEAST = 2048 /* of so many a crew hashes from the start; fewer are hashed here, while a server begins a session */
};

static void hash_one(void *folder, size_t i)
{
    facts_ahead(folder_at(folder, i));
}

static void settle_one(void *user, size_t i)
{
    const struct ahead *ahead = user;
    struct migration *m = folder_at(ahead->folder, i);
    bool compared = ahead->history == NULL || m->type != MIGRATION_VERSIONED || history_of(ahead->history, m) != NULL;
    if (compared || m->facts != NULL)
        facts_settle(m);
}

void ahead_begin(struct ahead *ahead, const char *project_dir, bool hash, const atomic_int *stop)
{
    if (ahead->project_dir == NULL)
        *ahead = (struct ahead){ .project_dir = project_dir, .hash = hash, .keep = ahead->keep, .stop = stop, .folder = ahead->folder, .tried = ahead->folder != NULL };
}

bool ahead_list(struct ahead *ahead, struct error *err)
{
    ahead->tried = true;
    if (ahead->folder != NULL)
        return true; /* a crew may be at work on it */
    if (!folder_read(ahead->project_dir, &ahead->folder, err))
        return false;
    folder_stop_at(ahead->folder, ahead->stop);
    return true;
}

/* The first piece. Of a folder that was written a moment ago (a fresh checkout) all is read anew in the end. */
static void begin(struct ahead *ahead)
{
    struct error ignored;
    error_clear(&ignored);
    if (!ahead_list(ahead, &ignored) || !ahead->hash || !folder_still(ahead->folder))
        return;
    ahead->more = folder_count(ahead->folder) > 0 && folder_count(ahead->folder) < BY_CREW_LEAST;
    if (!ahead->more)
        ahead->crew = crew_start(folder_count(ahead->folder), hash_one, ahead->folder);
}

bool ahead_more(void *user)
{
    struct ahead *ahead = user;
    if (ahead->stop != NULL && atomic_load(ahead->stop) != 0)
        return false;
    if (!ahead->tried) {
        begin(ahead);
        return ahead->more;
    }
    if (!ahead->more)
        return false;
    size_t count = folder_count(ahead->folder), end = ahead->next + AT_ONCE < count ? ahead->next + AT_ONCE : count;
    while (ahead->next < end)
        facts_ahead(folder_at(ahead->folder, ahead->next++));
    ahead->more = end < count;
    return ahead->more;
}

/* So many files at most are still to be hashed, as they are compared with the history. */
static size_t unhashed_most(const struct ahead *ahead)
{
    size_t count = folder_count(ahead->folder), versioned = 0;
    for (size_t i = ahead->next; i < count; i++)
        versioned += folder_at(ahead->folder, i)->type == MIGRATION_VERSIONED;
    size_t compared = ahead->history != NULL && ahead->history->count < versioned ? ahead->history->count : versioned;
    return count - ahead->next - versioned + compared;
}

/* What was hashed ahead is settled, what was not is hashed. */
static void settle(struct ahead *ahead)
{
    size_t count = folder_count(ahead->folder);
    struct crew *crew = count >= BY_CREW_LEAST || unhashed_most(ahead) >= CREW_LEAST ? crew_start(count, settle_one, ahead) : NULL;
    for (size_t i = 0; crew == NULL && i < count; i++)
        settle_one(ahead, i);
    crew_end(crew, true);
}

bool ahead_take(struct ahead *ahead, const struct history *history, struct folder **out, struct error *err)
{
    struct folder *now;
    *out = NULL;
    crew_end(ahead->crew, true);
    ahead->crew = NULL;
    if (!folder_renew(ahead->project_dir, ahead->folder, &now, err))
        return false;
    if (now != NULL) {
        folder_free(ahead->folder);
        ahead->folder = now;
    }
    folder_stop_at(ahead->folder, ahead->stop);
    if (ahead->keep > 0)
        folder_keep_texts(ahead->folder, ahead->keep);
    ahead->history = history;
    if (ahead->hash)
        settle(ahead);
    *out = ahead->folder;
    *ahead = (struct ahead){ 0 };
    return true;
}

void ahead_drop(struct ahead *ahead)
{
    crew_end(ahead->crew, false);
    folder_free(ahead->folder);
    *ahead = (struct ahead){ 0 };
}
