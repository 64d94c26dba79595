/* torture.h: one file that is hard to read or run, and what must be seen of it. */
#ifndef JETBASE_TESTS_TORTURE_H
#define JETBASE_TESTS_TORTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "support/sandbox.h"

/* A case. Where `error` is NULL the file must be applied; else `upgrade` must end with 1 and say `error`, and nothing of the file may be left. */
struct torture {
    const char *name;
    const char *text;      /* of V1__t.sql, `len` bytes: TORTURE_TEXT("…") gives both */
    size_t len;
    const char *error;     /* what standard error holds, from the place on */
    bool refused;          /* and nothing was sent: not even jetbase's own tables are there */
    const char *query;     /* asked afterwards where it was applied; its first value must be `want` */
    const char *want;
    const char *back;      /* NULL: no rollback; "": it must succeed and leave nothing; else what it says in failing, the file still applied */
};

#define TORTURE_TEXT(literal) .text = (literal), .len = sizeof(literal) - 1

/* Runs each case as a test of its own. */
int torture_group(const char *group, enum sandbox_kind kind, const struct torture *cases, size_t count);

#endif
