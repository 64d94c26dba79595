/* listener_progress.c: says how far a long file is while it runs. */
#include "listener.h"

#include <stdio.h>
#include <string.h>

#include "failpoint.h"
#include "text.h"

enum {
    LIVE_AFTER_MS = 1000, /* a file that is done sooner shows nothing */
    LIVE_EACH_MS = 200,
    PLAIN_AFTER_MS = 10000 /* and then after twice that, and so on */
};

/* "1,204" */
static const char *grouped(uint32_t n, char to[16])
{
    char digits[12];
    int len = snprintf(digits, sizeof digits, "%u", n);
    size_t at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            to[at++] = ',';
        to[at++] = digits[i];
    }
    to[at] = '\0';
    return to;
}

/* What stands behind the file's name. */
static void words(const struct progress *p, int64_t now_ms, char *to, size_t size)
{
    char at[16], of[16], age[32];
    long s = (long)((now_ms - p->began_ms) / 1000);
    if (s < 60)
        snprintf(age, sizeof age, "%ld s", s); /* whole ones: a line that is written over should not flicker */
    else
        output_age((double)s, age, sizeof age);
    /* The one after those that are done is running; after the last one the file is recorded and committed. */
    if (p->behind && p->done > 0)
        snprintf(to, size, ": at least %s of %s statements done, %s", grouped(p->done, at), grouped(p->statements, of), age);
    else if (p->statements > 0 && !p->behind)
        snprintf(to, size, ": statement %s of %s, %s", grouped(p->done < p->statements ? p->done + 1 : p->statements, at), grouped(p->statements, of), age);
    else
        snprintf(to, size, ": %s", age);
}

static void tell_live(struct listener *l, int64_t now_ms)
{
    struct progress *p = &l->progress;
    char rest[96];
    if (now_ms - p->began_ms <= LIVE_AFTER_MS || (p->shown_ms > 0 && now_ms - p->shown_ms < LIVE_EACH_MS))
        return;
    words(p, now_ms, rest, sizeof rest);
    output_live(l->out, p->file, rest);
    p->shown_ms = now_ms;
}

static void tell_plain(struct listener *l, int64_t now_ms)
{
    struct progress *p = &l->progress;
    char rest[96];
    if (now_ms < p->next_ms)
        return;
    words(p, now_ms, rest, sizeof rest);
    output_beside(l->out, "%s%s so far", p->file, rest);
    while (p->next_ms <= now_ms)
        p->next_ms += p->next_ms - p->began_ms;
}

void listener_tick(void *user)
{
    struct listener *l = user;
    if (!l->progress.on)
        return;
    if (l->out->rewritable)
        tell_live(l, l->sys->mono_ms());
    else
        tell_plain(l, l->sys->mono_ms());
}

static void begin(struct listener *l, const struct engine_event *event)
{
    struct progress *p = &l->progress;
    int64_t now_ms = l->sys->mono_ms();
    *p = (struct progress){ .on = true, .done = event->statement, .statements = event->statements, .behind = event->behind, .began_ms = now_ms, .next_ms = now_ms + FAILPOINT_MS("progress", PLAIN_AFTER_MS) };
    text_visible(p->file, sizeof p->file, event->file ? event->file->file : "?");
}

void listener_progress(struct listener *l, const struct engine_event *event)
{
    if (!l->sys || l->out->quiet || l->out->json)
        return;
    switch (event->kind) {
    case EV_MIGRATION_STARTED:
        begin(l, event);
        break;
    case EV_STATEMENT_DONE:
        l->progress.done = event->statement;
        l->progress.behind = event->behind;
        listener_tick(l);
        break;
    case EV_MIGRATION_APPLIED:
    case EV_RESOLVED:
    case EV_MIGRATION_ROLLED_BACK:
    case EV_HALF_APPLIED:
    case EV_LOCK_LOST:
    case EV_CONNECTION_LOST:
    case EV_RETRY:
    case EV_RUN_ENDED:
        l->progress.on = false;
        output_live_end(l->out);
        break;
    default:
        break;
    }
}

bool listener_watched(const struct output *out)
{
    return out->json || (!out->quiet && (out->verbose || out->terminal || out->rewritable));
}
