/* pg_queue.c: the two queues of what is outstanding: queries in the pipeline, and the steps they belong to. */
#include <stdlib.h>
#include <string.h>

#include "pg_private.h"

/* Makes room for one more behind the last; moves what is left to the front before it grows. */
static bool room(void **at, size_t *head, size_t count, size_t *cap, size_t size)
{
    if (*head + count < *cap)
        return true;
    if (*head > 0 && count <= *cap / 2) {
        memmove(*at, (char *)*at + *head * size, count * size);
        *head = 0;
        return true;
    }
    size_t more = *cap ? *cap * 2 : 64;
    void *grown = realloc(*at, more * size);
    if (!grown)
        return false;
    *at = grown;
    *cap = more;
    return true;
}

bool pg_queries_push(struct pg_queries *q, struct pg_query query)
{
    void *at = q->at;
    bool ok = room(&at, &q->head, q->count, &q->cap, sizeof query);
    q->at = at;
    if (ok)
        q->at[q->head + q->count++] = query;
    return ok;
}

void pg_queries_pop(struct pg_queries *q)
{
    q->count--;
    q->head = q->count ? q->head + 1 : 0;
}

bool pg_steps_push(struct pg_steps *q, const struct db_step *step)
{
    void *at = q->at;
    bool ok = room(&at, &q->head, q->count, &q->cap, sizeof *step);
    q->at = at;
    if (ok)
        q->at[q->head + q->count++] = *step;
    return ok;
}

void pg_steps_pop(struct pg_steps *q)
{
    q->count--;
    q->head = q->count ? q->head + 1 : 0;
}
