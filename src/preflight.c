/* preflight.c: asks the database what it holds against a plan. */
#include "preflight.h"

#include <stdlib.h>
#include <string.h>

#include "engine.h"

const char *preflight_state_name(enum preflight_state state)
{
    static const char *const names[] = { [PREFLIGHT_OK] = "ok", [PREFLIGHT_WARN] = "warn", [PREFLIGHT_BLOCKS] = "blocks", [PREFLIGHT_HIDDEN] = "hidden" };
    return names[state];
}

static bool keep(void *user, const struct preflight_check *check)
{
    struct preflight *p = user;
    struct preflight_check *more = realloc(p->checks, (p->count + 1) * sizeof *more);
    if (!more)
        return false;
    p->checks = more;
    p->checks[p->count++] = *check;
    return true;
}

bool preflight_make(struct db *db, const struct plan *plan, struct preflight *out, struct error *err)
{
    char **names = NULL;
    size_t count = 0;
    *out = (struct preflight){ 0 };
    bool ok = preflight_names(plan, engine_dialect(db), db_driver_of(db)->about(db)->standard_strings, &names, &count, err) &&
              db_driver_of(db)->preflight_read(db, (const char *const *)names, count, keep, out, err);
    preflight_names_free(names, count);
    if (!ok)
        preflight_free(out);
    return ok;
}

size_t preflight_number(const struct preflight *preflight, enum preflight_state state)
{
    size_t number = 0;
    for (size_t i = 0; i < preflight->count; i++)
        number += preflight->checks[i].state == state;
    return number;
}

void preflight_free(struct preflight *preflight)
{
    free(preflight->checks);
    *preflight = (struct preflight){ 0 };
}
