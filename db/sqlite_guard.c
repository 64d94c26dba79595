/* sqlite_guard.c: what a statement of a migration file may not do, what it leaves behind, and when it is stopped. */
#include <stdio.h>
#include <string.h>

#include "sqlite_private.h"

enum { PROGRESS_STEPS = 1000 }; /* of SQLite's machine, between two looks at *stop */

/* Pragmas that take the rollback away, change locks, or reach beyond this migration. */
static bool pragma_refused(const char *name)
{
    static const char *const names[] = { "journal_mode", "locking_mode", "hard_heap_limit", "soft_heap_limit", "temp_store_directory", "data_store_directory", "query_only" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sqlite3_stricmp(name, names[i]) == 0)
            return true;
    return false;
}

/* A value that takes the right to write the schema away. */
static bool schema_off(const char *value)
{
    static const char *const values[] = { "off", "no", "false", "0", "reset" };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (sqlite3_stricmp(value, values[i]) == 0)
            return true;
    return false;
}

static int refuse(struct db *db, const char *what, const char *name, const char *why)
{
    char shown[64];
    text_visible(shown, sizeof shown, name);
    snprintf(db->refused, sizeof db->refused, "%s%s%s", what, shown, why);
    return SQLITE_DENY;
}

static bool temporary(const char *database)
{
    return database && sqlite3_stricmp(database, "temp") == 0;
}

/* The lock's table: also where a trigger reaches it, of which the scanner of the file sees nothing. */
static bool is_lock(const char *table)
{
    return table && sqlite3_stricmp(table, "jetbase_lock") == 0;
}

static int authorize(void *user, int action, const char *first, const char *second, const char *database, const char *trigger)
{
    struct db *db = user;
    /* Also while a statement of our own is prepared, which may have a file's trigger behind it. */
    if (action == SQLITE_INSERT || action == SQLITE_UPDATE || action == SQLITE_DELETE)
        db->saw_lock |= (db->guarded || trigger) && is_lock(first);
    if (!db->guarded || db->vacuuming)
        return SQLITE_OK;
    if (temporary(database))
        db->tainted = true;
    switch (action) {
    case SQLITE_TRANSACTION:
        if (db->outside && first && sqlite3_stricmp(first, "ROLLBACK") != 0)
            return SQLITE_OK;
        return refuse(db, first ? first : "transaction control", "", " is not allowed inside a migration: its transaction is opened and ended for it");
    case SQLITE_ATTACH:
        return refuse(db, "ATTACH", "", " is not allowed inside a migration: another file is no part of its transaction");
    case SQLITE_DETACH:
        return refuse(db, "DETACH", "", " is not allowed inside a migration");
    case SQLITE_PRAGMA:
        if (!second)
            return SQLITE_OK;
        if (first && pragma_refused(first))
            return refuse(db, "PRAGMA ", first, " can't be set inside a migration: what it does can't be rolled back");
        db->tainted = true;
        if (first && sqlite3_stricmp(first, "writable_schema") == 0) {
            db->schema_written = true;
            if (db->outside && sqlite3_get_autocommit(db->handle) && !schema_off(second))
                return refuse(db, "PRAGMA ", first, " can't be set outside a transaction: what is broken by it could not be rolled back");
        }
        return SQLITE_OK;
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
        sqlite_effect_touch(db, first);
        if (first && sqlite3_strnicmp(first, "sqlite_", 7) != 0)
            db->saw_change = true;
        return SQLITE_OK;
    case SQLITE_DROP_TABLE:
    case SQLITE_DROP_VIEW:
        db->saw_lock |= is_lock(first);
        db->saw_drop = true;
        return SQLITE_OK;
    case SQLITE_ALTER_TABLE:
    case SQLITE_CREATE_INDEX:
        db->saw_lock |= is_lock(second);
        sqlite_effect_touch(db, second);
        return SQLITE_OK;
    case SQLITE_CREATE_TEMP_INDEX:
    case SQLITE_CREATE_TEMP_TABLE:
    case SQLITE_CREATE_TEMP_TRIGGER:
    case SQLITE_CREATE_TEMP_VIEW:
        db->tainted = true;
        return SQLITE_OK;
    default:
        return SQLITE_OK;
    }
}

static int progress(void *user)
{
    struct db *db = user;
    const atomic_int *stop = db->target.stop;
    if (!db->guarded)
        return 0;
    if (db->target.tick)
        db->target.tick(db->target.tick_user);
    if (db->sql_until_ms && db->target.sys->mono_ms() >= db->sql_until_ms) {
        db->timed_out = true;
        return 1;
    }
    return stop && atomic_load(stop) != 0;
}

void sqlite_guard_install(struct db *db)
{
    sqlite3_set_authorizer(db->handle, authorize, db);
    sqlite3_progress_handler(db->handle, PROGRESS_STEPS, progress, db);
}
