/* sqlite_connect.c: opens the database file and SQLite's connection to it, and opens them anew where that is needed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sqlite_private.h"
#include "sqlite_sql.h"

enum { WAL_PAGES = 1100 }; /* a tenth more than SQLite's own, as each commit holds a page more than the file's statements wrote: no more syncs than without us. A larger log saves few, and as long as it grows each of them takes longer */
enum { LOOK_TRIES = 20 }; /* a writer may begin between two glances at a file that looked quiet */
enum { OPEN_FLAGS = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE };

bool sqlite_same_file(const struct db *db, struct error *err)
{
    struct stat st;
    char shown[1024];
    if (db->memory)
        return true;
    if (db->file && stat(db->path, &st) == 0 && sqlite_file_is(db->file, &st))
        return true;
    text_visible(shown, sizeof shown, db->path);
    error_set(err, ERR_FILE, "the database file %s was moved, removed or replaced while it was in use", shown);
    return error_hint(err, "What was not committed before stays undone. Put the file in its place and run the command again.");
}

bool sqlite_writable(const struct db *db)
{
    char *folder, *slash;
    bool may;
    if (!db->real)
        return true;
    folder = text_dup(db->real);
    if (!folder)
        return true;
    slash = strrchr(folder, '/');
    slash[slash == folder] = '\0';
    may = faccessat(AT_FDCWD, db->real, W_OK, AT_EACCESS) == 0 && faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0;
    free(folder);
    return may;
}

/* Reads something, so that what is no database, or not to be read, is known now. A busy file is an open one. */
static int probe(struct db *db)
{
    int64_t ignored;
    bool found;
    int rc = sqlite_number(db, SQL_PROBE, &ignored, &found, "");
    return (rc & 0xff) == SQLITE_BUSY ? SQLITE_OK : rc;
}

static bool set_up(struct db *db, struct error *err)
{
    int rc = sqlite_lock_install(db);
    if (rc != SQLITE_OK)
        return sqlite_fault(db, rc, "opening the database", err);
    sqlite_guard_install(db);
    sqlite_arm(db);
    return true;
}

/* SQLite's own connection, with flags; state is OPEN afterwards. */
static bool handle_open(struct db *db, const char *name, int flags, struct error *err)
{
    int rc = sqlite3_open_v2(name, &db->handle, flags | OPEN_FLAGS, db->vfs);
    db->state = STATE_OPEN;
    if (rc != SQLITE_OK) {
        sqlite_fault(db, rc, "opening the database", err);
        sqlite_disconnect(db);
        return false;
    }
    if (!set_up(db, err)) {
        sqlite_disconnect(db);
        return false;
    }
    return true;
}

static bool run_rights(const struct db *db, struct error *err)
{
    char shown[1024];
    if (sqlite_writable(db) && sqlite3_db_readonly(db->handle, "main") == 0)
        return true;
    text_visible(shown, sizeof shown, db->path);
    error_set(err, ERR_RIGHTS, "database file %s, or its folder, is read-only", shown);
    return error_hint(err, "Nothing was changed. A run needs a file and a folder that it may write; reading commands do not.");
}

/* Learns where the file really is. */
static bool resolve(struct db *db, struct error *err)
{
    free(db->real);
    db->real = realpath(db->path, NULL);
    if (db->real)
        return true;
    return error_set(err, errno == ENOMEM ? ERR_NO_MEMORY : ERR_NO_CONNECTION, "the database file is gone again; nothing was changed");
}

static bool run_open(struct db *db, struct error *err)
{
    int rc;
    if (!handle_open(db, db->path, SQLITE_OPEN_READWRITE, err))
        return false;
    sqlite3_wal_autocheckpoint(db->handle, WAL_PAGES);
    sqlite_wait_at_most(db, 0, false);
    if (sqlite_same_file(db, err) && run_rights(db, err)) {
        rc = probe(db);
        if (rc == SQLITE_OK)
            return true;
        sqlite_fault(db, rc, "opening the database", err);
    }
    sqlite_disconnect(db);
    return false;
}

static bool run_connect(struct db *db, struct error *err)
{
    bool missing = false;
    char shown[1024];
    if (db->memory)
        return handle_open(db, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY, err);
    db->file = sqlite_file_open(db->path, true, !db->must_exist, &missing, err);
    if (missing) {
        text_visible(shown, sizeof shown, db->path);
        error_set(err, ERR_NO_CONNECTION, "database file %s does not exist, and the URL says mode=rw", shown);
        return error_hint(err, "Nothing was changed. Correct the path; or take mode=rw out of the URL, and a run makes the file.");
    }
    return db->file && resolve(db, err) && run_open(db, err);
}

/* Opens a look's connection. *hot: a writer died inside a transaction, nothing is open. */
static bool look_open(struct db *db, bool *hot, struct error *err)
{
    int rc;
    *hot = false;
    if (!handle_open(db, db->uri ? db->uri : db->path, SQLITE_OPEN_READONLY | (db->uri ? SQLITE_OPEN_URI : 0), err))
        return false;
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    rc = probe(db);
    if (rc == SQLITE_OK)
        return true;
    *hot = rc == SQLITE_READONLY_ROLLBACK;
    if (!*hot)
        sqlite_fault(db, rc, "opening the database", err);
    sqlite_disconnect(db);
    return *hot;
}

/* Sees to it that the connection is to the file that stands at the path now. *empty: none does. */
static bool look_file(struct db *db, bool *empty, struct error *err)
{
    struct stat st;
    bool missing = false;
    if (db->file && stat(db->path, &st) == 0 && sqlite_file_is(db->file, &st))
        return true;
    sqlite_disconnect(db);
    db->file = sqlite_file_open(db->path, false, false, &missing, err);
    *empty = missing;
    return missing || (db->file && resolve(db, err));
}

/* One try to begin a look. */
static enum still_answer look_once(struct db *db, bool *empty, struct error *err)
{
    bool hot = false;
    *empty = false;
    if (!look_file(db, empty, err))
        return STILL_FAULT;
    if (*empty)
        return STILL_OPENED;
    if (db->state == STATE_OPEN) {
        int rc = probe(db);
        hot = rc == SQLITE_READONLY_ROLLBACK;
        if (rc != SQLITE_OK && !hot)
            sqlite_fault(db, rc, "reading the database", err);
        if (!hot)
            return rc == SQLITE_OK ? STILL_OPENED : STILL_FAULT;
        sqlite_disconnect(db);
    } else if (!db->uri && sqlite_still_quiet(db)) {
        return sqlite_still_open(db, STILL_QUIET, err);
    } else if (!look_open(db, &hot, err)) {
        return STILL_FAULT;
    }
    return hot ? sqlite_still_open(db, STILL_HOT, err) : STILL_OPENED;
}

bool sqlite_look_begin(struct db *db, bool *empty, struct error *err)
{
    *empty = false;
    if (db->mode == DB_RUN || db->memory)
        return db->handle || sqlite_connect(db, err);
    for (int i = 0; i < LOOK_TRIES; i++) {
        enum still_answer begun = look_once(db, empty, err);
        if (begun != STILL_CHANGED)
            return begun == STILL_OPENED;
    }
    return error_set(err, ERR_LOCK_BUSY, "the database file was changed each time it was opened; try again");
}

bool sqlite_look_end(struct db *db)
{
    return db->state != STATE_STILL || sqlite_still_close(db);
}

bool sqlite_connect(struct db *db, struct error *err)
{
    bool empty, ok;
    if (db->mode == DB_RUN || db->memory)
        return run_connect(db, err);
    sqlite_wait_at_most(db, 0, true);
    ok = sqlite_look_begin(db, &empty, err);
    sqlite_look_end(db);
    return ok;
}

void sqlite_disconnect(struct db *db)
{
    if (db->state == STATE_STILL)
        sqlite_still_close(db);
    sqlite3_finalize(db->begin);
    sqlite3_finalize(db->commit);
    db->begin = db->commit = NULL;
    if (db->handle)
        sqlite3_close_v2(db->handle);
    db->handle = NULL;
    db->state = STATE_NONE;
    db->seen_version = -1;
    db->proven = db->saw_lock = false;
}

bool sqlite_refresh(struct db *db, struct error *err)
{
    if (!db->handle)
        return sqlite_connect(db, err);
    if (!db->tainted || db->memory)
        return true;
    sqlite_disconnect(db);
    db->tainted = false;
    return run_open(db, err);
}
