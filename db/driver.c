/* driver.c: which driver serves a URL or a connection, and the words for outcomes. */
#include <string.h>

#include "db.h"

static const char *const outcomes[] = {
    [RUN_OPEN] = "",
    [RUN_OK] = "ok",
    [RUN_FAILED] = "failed",
    [RUN_CANCELLED] = "cancelled",
    [RUN_LOST] = "lost",
    [RUN_DIED] = "died",
};

#define OUTCOMES (sizeof outcomes / sizeof outcomes[0])

const char *run_outcome_name(enum run_outcome outcome)
{
    return (size_t)outcome < OUTCOMES ? outcomes[outcome] : "";
}

enum run_outcome run_outcome_from(const char *name)
{
    for (size_t i = 0; name && i < OUTCOMES; i++)
        if (strcmp(name, outcomes[i]) == 0)
            return (enum run_outcome)i;
    return RUN_OPEN;
}

const struct db_driver *db_driver_for(const struct url *url, struct error *err)
{
    switch (url->kind) {
    case URL_POSTGRES:
#ifdef JETBASE_POSTGRES
        return &db_postgres;
#else
        error_set(err, ERR_CONFIG, "This jetbase was built without PostgreSQL, so it can't open %s", url->shown);
        error_hint(err, "Build it without --disable-postgres.");
        return NULL;
#endif
    case URL_SQLITE:
#ifdef JETBASE_SQLITE
        return &db_sqlite;
#else
        error_set(err, ERR_CONFIG, "This jetbase was built without SQLite, so it can't open %s", url->shown);
        error_hint(err, "Build it without --disable-sqlite.");
        return NULL;
#endif
    }
    error_set(err, ERR_INTERNAL, "A URL of an unknown kind (%d)", (int)url->kind);
    return NULL;
}

const struct db_driver *db_driver_of(const struct db *db)
{
    const struct db_driver *driver;
    memcpy(&driver, db, sizeof driver);
    return driver;
}
