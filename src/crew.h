/* crew.h: a few threads that go over a list beside this one. */
#ifndef JETBASE_CREW_H
#define JETBASE_CREW_H

#include <stdbool.h>
#include <stddef.h>

enum { CREW_LEAST = 64 }; /* a thread costs as much as some ten small files: fewer things than this are not worth one */

struct crew;

/* Starts threads, which take no signals, that call each(user, i) once for each i below count, in no order; each MUST touch nothing that belongs to another i. NULL where there is no thread to be had, or too little to do: nothing is done then. The caller ends it. */
struct crew *crew_start(size_t count, void (*each)(void *user, size_t i), void *user);
/* Ends it. all: this thread takes part until nothing is left; else what nobody has begun is left undone. NULL is allowed. */
void crew_end(struct crew *crew, bool all);

#endif
