/* sqlite_query.c: runs statements of the driver's own, waits for locks, and says in words what SQLite answers. */
#include <stdarg.h>
#include <string.h>

#include "sqlite_private.h"
#include "sqlite_sql.h"

/* Short naps: between two commits of a busy writer the file is free for less than a millisecond. */
enum { BUSY_FIRST_MS = 1, BUSY_LATER_MS = 3, BUSY_QUICK_TRIES = 100 };

static int busy(void *user, int tries)
{
    struct db *db = user;
    const atomic_int *stop = db->target.stop;
    int64_t left = db->busy_until_ms - db->target.sys->mono_ms();
    int nap = tries < BUSY_QUICK_TRIES ? BUSY_FIRST_MS : BUSY_LATER_MS;
    if (left <= 0 || (db->busy_stops && stop && atomic_load(stop) != 0))
        return 0;
    db->target.sys->sleep_ms(left < nap ? (int)left : nap);
    return 1;
}

void sqlite_wait_at_most(struct db *db, int ms, bool stops)
{
    db->busy_until_ms = db->target.sys->mono_ms() + (ms > 0 ? ms : 0);
    db->busy_stops = stops;
}

void sqlite_arm(struct db *db)
{
    sqlite3_busy_handler(db->handle, busy, db);
}

static int bind(sqlite3_stmt *stmt, const char *types, va_list args)
{
    int rc = SQLITE_OK;
    for (int i = 1; *types && rc == SQLITE_OK; types++, i++) {
        if (*types == 't' || *types == 's') {
            const char *text = va_arg(args, const char *);
            bool null = !text || (*types == 's' && !text[0]);
            rc = null ? sqlite3_bind_null(stmt, i) : sqlite3_bind_text(stmt, i, text, -1, SQLITE_TRANSIENT);
        } else if (*types == 'l') {
            rc = sqlite3_bind_int64(stmt, i, va_arg(args, int64_t));
        } else {
            int number = va_arg(args, int);
            rc = *types == 'n' && number < 0 ? sqlite3_bind_null(stmt, i) : sqlite3_bind_int(stmt, i, number);
        }
    }
    return rc;
}

static int query(struct db *db, sqlite3_stmt **stmt, const char *sql, const char *types, va_list args)
{
    int rc = sqlite3_prepare_v3(db->handle, sql, -1, 0, stmt, NULL);
    if (rc == SQLITE_OK)
        rc = bind(*stmt, types, args);
    if (rc != SQLITE_OK) {
        sqlite3_finalize(*stmt);
        *stmt = NULL;
    }
    return rc;
}

int sqlite_query(struct db *db, sqlite3_stmt **stmt, const char *sql, const char *types, ...)
{
    va_list args;
    int rc;
    *stmt = NULL;
    va_start(args, types);
    rc = query(db, stmt, sql, types, args);
    va_end(args);
    return rc;
}

int sqlite_do(struct db *db, const char *sql, int64_t *changes, const char *types, ...)
{
    sqlite3_stmt *stmt = NULL;
    va_list args;
    int rc;
    va_start(args, types);
    rc = query(db, &stmt, sql, types, args);
    va_end(args);
    if (rc != SQLITE_OK)
        return rc;
    /* Rows come even from an UPDATE where somebody set PRAGMA count_changes. */
    do
        rc = sqlite3_step(stmt);
    while (rc == SQLITE_ROW);
    if (changes)
        *changes = rc == SQLITE_DONE ? sqlite3_changes64(db->handle) : 0;
    return sqlite3_finalize(stmt);
}

int sqlite_do_kept(struct db *db, sqlite3_stmt **kept, const char *sql)
{
    int rc = *kept ? SQLITE_OK : sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, kept, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_step(*kept);
    return sqlite3_reset(*kept);
}

int sqlite_number(struct db *db, const char *sql, int64_t *value, bool *found, const char *types, ...)
{
    sqlite3_stmt *stmt = NULL;
    va_list args;
    int rc;
    *value = 0;
    *found = false;
    va_start(args, types);
    rc = query(db, &stmt, sql, types, args);
    va_end(args);
    if (rc != SQLITE_OK)
        return rc;
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        *value = sqlite3_column_int64(stmt, 0);
        *found = true;
    }
    return sqlite3_finalize(stmt);
}

void sqlite_column(sqlite3_stmt *stmt, int column, char *to, size_t size)
{
    text_copy(to, size, (const char *)sqlite3_column_text(stmt, column));
}

void sqlite_undo(struct db *db)
{
    if (db->handle && !sqlite3_get_autocommit(db->handle))
        sqlite_do(db, SQL_ROLLBACK, NULL, "");
}

static bool recovery_fault(const char *doing, struct error *err)
{
    error_set(err, ERR_FAILED, "%s: the database file needs recovery: its last writer died inside a transaction", doing);
    return error_hint(err, "Reading commands change nothing and so can't do it. The next program that writes does it by itself: jetbase upgrade, jetbase unlock --if-dead, or the application.");
}

static bool busy_fault(struct db *db, const char *doing, struct error *err)
{
    char who[128];
    if (db->busy_stops && db->target.stop && atomic_load(db->target.stop) != 0)
        return error_set(err, ERR_CANCELLED, "%s: stopped while waiting for the database file", doing);
    sqlite_file_users(db, who, sizeof who);
    if (db->mode == DB_LOOK)
        error_set(err, ERR_LOCK_BUSY, "%s: the database file is exclusively locked by a writer: %s", doing, who);
    else
        error_set(err, ERR_LOCK_BUSY, "%s: the database file is locked by %s", doing, who);
    return error_hint(err, "Nothing was changed. Try again in a moment.");
}

/* Faults of the file rather than of a statement. False: it is none of them. */
static bool file_fault(struct db *db, int rc, const char *doing, struct error *err)
{
    int number = db->handle ? sqlite3_system_errno(db->handle) : 0;
    char buffer[128], shown[1024];
    const char *cause = number ? strerror_r(number, buffer, sizeof buffer) : sqlite3_errstr(rc);
    text_visible(shown, sizeof shown, db->path ? db->path : ":memory:");
    switch (rc & 0xff) {
    case SQLITE_NOTADB:
        error_set(err, ERR_FILE, "%s: the file %s is not an SQLite database (or it is encrypted)", doing, shown);
        error_hint(err, "Nothing was changed. Check the path in the database URL.");
        return true;
    case SQLITE_CORRUPT:
        error_set(err, ERR_FAILED, "%s: the database file %s is malformed: %s", doing, shown, sqlite3_errstr(rc));
        error_hint(err, "Look at it with `PRAGMA integrity_check`, or restore a copy.");
        return true;
    case SQLITE_FULL:
        error_set(err, ERR_FAILED, "%s: the disk is full, or the database has reached its size limit", doing);
        error_hint(err, "Make room, then run the command again.");
        return true;
    case SQLITE_IOERR:
        error_set(err, ERR_FAILED, "%s: input/output error: %s", doing, cause);
        error_hint(err, "Look at the disk and at the system's log before going on.");
        return true;
    case SQLITE_CANTOPEN:
        error_set(err, ERR_RIGHTS, "%s: the database file, or its journal beside it, can't be opened: %s", doing, cause);
        error_hint(err, "SQLite keeps -journal, -wal and -shm files beside the database: check the rights of the folder.");
        return true;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        error_set(err, ERR_RIGHTS, "%s: the database file or its folder can't be written", doing);
        error_hint(err, "Run it as a user who may write both.");
        return true;
    default:
        return false;
    }
}

bool sqlite_fault(struct db *db, int rc, const char *doing, struct error *err)
{
    char words[1500];
    if (rc == SQLITE_READONLY_ROLLBACK || rc == SQLITE_READONLY_RECOVERY || rc == SQLITE_READONLY_CANTINIT)
        return recovery_fault(doing, err);
    if (rc == SQLITE_READONLY_DBMOVED && !sqlite_same_file(db, err))
        return false;
    if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED)
        return busy_fault(db, doing, err);
    if ((rc & 0xff) == SQLITE_NOMEM)
        return error_set(err, ERR_NO_MEMORY, "%s: out of memory", doing);
    if ((rc & 0xff) == SQLITE_INTERRUPT)
        return error_set(err, ERR_CANCELLED, "%s: stopped", doing);
    if (file_fault(db, rc, doing, err))
        return false;
    text_visible(words, sizeof words, db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(rc));
    return error_set(err, ERR_SQL, "%s: %s", doing, words);
}
