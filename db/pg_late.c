/* pg_late.c: loads libpq when the first connection wants it. */
#include "pg_late.h"

#include "late.h"

#ifdef LATE_LIBPQ

struct pg_late pg_late;

#define LATE_NAME(name) #name,
static const char *const names[] = { PG_LATE(LATE_NAME) };

bool pg_load(struct error *err)
{
    static struct late library = { .file = LATE_LIBPQ, .names = names, .count = sizeof names / sizeof *names, .functions = &pg_late };
    return late_load(&library, err);
}

#else

bool pg_load(struct error *err)
{
    (void)err;
    return true;
}

#endif
