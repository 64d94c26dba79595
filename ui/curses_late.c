/* curses_late.c: loads ncurses when a console begins. */
#include "curses_late.h"

#include "late.h"

#ifdef LATE_NCURSES

struct curses_late curses_late;

#define LATE_NAME(name) #name,
static const char *const names[] = { CURSES_LATE(LATE_NAME) };

bool curses_load(struct error *err)
{
    static struct late library = { .file = LATE_NCURSES, .names = names, .count = sizeof names / sizeof *names, .functions = &curses_late };
    return late_load(&library, err);
}

#else

bool curses_load(struct error *err)
{
    (void)err;
    return true;
}

#endif
