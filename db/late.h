/* late.h: libraries that are loaded when they are first needed: no command waits for one that it does not use. */
#ifndef JETBASE_DB_LATE_H
#define JETBASE_DB_LATE_H

#include <stddef.h>

#include "error.h"

/* A library, and what is wanted of it. */
struct late {
    const char *file;           /* as the loader knows it: libpq.so.5 */
    const char *const *names;   /* of its functions and variables, `count` of them */
    size_t count;
    void *functions;            /* a struct of as many pointers, in the same order: filled */
    bool loaded;
};

/* Loads it once for the life of the process. False with ERR_CONFIG: it is missing, or lacks a function; a later call tries again. Any thread. */
bool late_load(struct late *library, struct error *err);

#endif
