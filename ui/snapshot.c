/* snapshot.c: one look at the database, made immutable and counted. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "snapshot.h"
#include "text.h"

static void title(struct snapshot *snap)
{
    const struct db_about *about = &snap->about;
    char raw[420];
    if (about->host[0])
        snprintf(raw, sizeof raw, "%.120s @ %.120s (%.100s)", about->database, about->host, about->schema);
    else
        snprintf(raw, sizeof raw, "%.200s", about->database);
    text_visible(snap->title, sizeof snap->title, raw);
    snprintf(raw, sizeof raw, "%.120s%s%.120s", about->database, about->host[0] ? " @ " : "", about->host);
    text_visible(snap->place, sizeof snap->place, raw);
}

struct snapshot *snapshot_look(const struct project *project, struct db *db, const struct sys *sys, struct error *err)
{
    const struct db_driver *driver = db_driver_of(db);
    struct snapshot *snap = calloc(1, sizeof *snap);
    if (!snap) {
        error_set(err, ERR_NO_MEMORY, "out of memory while the lock was looked at");
        return NULL;
    }
    atomic_init(&snap->refs, 1);
    snap->seen_mono_ms = sys->mono_ms();
    snap->seen_wall_us = sys->wall_us();
    snap->sessions = (driver->caps & DB_SESSIONS) != 0;
    snap->skip_validation = project->skip_validation || project->skip_checksum_validation || project->skip_file_validation;
    if (!lock_look(db, &snap->lock, err) || !lock_look_lockers(db, &snap->lock, err)) {
        snapshot_unref(snap);
        return NULL;
    }
    snap->about = *driver->about(db); /* as the look found it: a standby may be none any more */
    title(snap);
    return snap;
}

struct snapshot *snapshot_with(const struct snapshot *look, struct listing *listing)
{
    const size_t behind = offsetof(struct snapshot, refs) + sizeof look->refs;
    struct snapshot *snap = calloc(1, sizeof *snap);
    if (!snap) {
        listing_unref(listing);
        return NULL;
    }
    /* All but the counter, which other threads change meanwhile. */
    memcpy((char *)snap + behind, (const char *)look + behind, sizeof *snap - behind);
    atomic_init(&snap->refs, 1);
    snap->listing = listing;
    return snap;
}

struct snapshot *snapshot_ref(struct snapshot *snap)
{
    if (snap)
        atomic_fetch_add(&snap->refs, 1);
    return snap;
}

void snapshot_unref(struct snapshot *snap)
{
    if (!snap || atomic_fetch_sub(&snap->refs, 1) != 1)
        return;
    listing_unref(snap->listing);
    free(snap);
}
