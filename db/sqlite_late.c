/* sqlite_late.c: loads SQLite when the first connection wants it. */
#include "sqlite_late.h"

#include "late.h"

#ifdef LATE_SQLITE

struct sqlite_late sqlite_late;

#define LATE_NAME(name) #name,
static const char *const names[] = { SQLITE_LATE(LATE_NAME) };

bool sqlite_load(struct error *err)
{
    static struct late library = { .file = LATE_SQLITE, .names = names, .count = sizeof names / sizeof *names, .functions = &sqlite_late };
    return late_load(&library, err);
}

#else

bool sqlite_load(struct error *err)
{
    (void)err;
    return true;
}

#endif
