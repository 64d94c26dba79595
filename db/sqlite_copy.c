/* sqlite_copy.c: a copy of the database by the backup API, in a file that never has a name (O_TMPFILE): whenever this program dies, the kernel takes it away. So with its journals. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "failpoint.h"
#include "sqlite_rehearse.h"

enum { COPY_PAGES = 2000, LOOK_TRIES = 20 };

struct sqlite_copy {
    sqlite3_vfs vfs;         /* MUST be first: SQLite hands it back to copy_open */
    sqlite3_vfs *real;
    char name[48];
    sqlite3 *handle;
};

/* SQLite's own choice of a folder, by its documentation (https://www.sqlite.org/tempfiles.html, 5). */
static const char *folder(void)
{
    const char *const places[] = { getenv("SQLITE_TMPDIR"), getenv("TMPDIR"), "/var/tmp", "/usr/tmp", "/tmp", "." };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (places[i] && places[i][0] && access(places[i], W_OK | X_OK) == 0)
            return places[i];
    return ".";
}

/* A file without a name; where the file system knows none, one that loses its name at once. */
static int nameless(void)
{
    char path[300];
    int fd = open(folder(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    snprintf(path, sizeof path, "%s/jetbase-XXXXXX", folder());
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

/* ---- the file as SQLite sees it: nobody else has it, so there is nothing to lock and nothing worth a sync ---- */

struct copy_file {
    sqlite3_file base; /* MUST be first */
    int fd;
};

static int fd_of(sqlite3_file *file)
{
    return ((struct copy_file *)file)->fd;
}

static int file_close(sqlite3_file *file)
{
    close(fd_of(file));
    return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *to, int amount, sqlite3_int64 offset)
{
    char *at = to;
    while (amount > 0) {
        ssize_t got = pread(fd_of(file), at, (size_t)amount, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return SQLITE_IOERR_READ;
        if (got == 0) {
            memset(at, 0, (size_t)amount);
            return SQLITE_IOERR_SHORT_READ;
        }
        at += got;
        offset += got;
        amount -= (int)got;
    }
    return SQLITE_OK;
}

static int file_write(sqlite3_file *file, const void *from, int amount, sqlite3_int64 offset)
{
    const char *at = from;
    while (amount > 0) {
        ssize_t put = pwrite(fd_of(file), at, (size_t)amount, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 && errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
        at += put;
        offset += put;
        amount -= (int)put;
    }
    return SQLITE_OK;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return ftruncate(fd_of(file), (off_t)size) == 0 ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    struct stat st;
    if (fstat(fd_of(file), &st) != 0)
        return SQLITE_IOERR_FSTAT;
    *size = st.st_size;
    return SQLITE_OK;
}

static int file_flag(sqlite3_file *file, int flag)
{
    (void)file, (void)flag;
    return SQLITE_OK;
}

static int file_reserved(sqlite3_file *file, int *reserved)
{
    (void)file;
    *reserved = 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
    (void)file, (void)operation, (void)argument;
    return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *file)
{
    (void)file;
    return 4096;
}

static int file_traits(sqlite3_file *file)
{
    (void)file;
    return 0;
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_flag,
    .xFileSize = file_size,
    .xLock = file_flag,
    .xUnlock = file_flag,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
};

/* Every file of this vfs, journals too, is one without a name. */
static int copy_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *got)
{
    struct copy_file *mine = (struct copy_file *)file;
    (void)vfs, (void)name;
    mine->base.pMethods = NULL;
    mine->fd = nameless();
    if (mine->fd < 0)
        return SQLITE_CANTOPEN;
    mine->base.pMethods = &file_methods;
    if (got)
        *got = flags;
    return SQLITE_OK;
}

static int copy_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs, (void)name, (void)sync;
    return SQLITE_OK;
}

static int copy_access(sqlite3_vfs *vfs, const char *name, int flags, int *there)
{
    (void)vfs, (void)name, (void)flags;
    *there = 0;
    return SQLITE_OK;
}

static int copy_full_name(sqlite3_vfs *vfs, const char *name, int size, char *to)
{
    (void)vfs;
    snprintf(to, (size_t)size, "%s", name);
    return SQLITE_OK;
}

static bool copy_handle_open(struct sqlite_copy *copy, struct error *err)
{
    copy->real = sqlite3_vfs_find(NULL);
    copy->vfs = *copy->real;
    snprintf(copy->name, sizeof copy->name, "jetbase-copy-%p", (void *)copy);
    copy->vfs.pNext = NULL;
    copy->vfs.szOsFile = sizeof(struct copy_file);
    copy->vfs.zName = copy->name;
    copy->vfs.xOpen = copy_open;
    copy->vfs.xDelete = copy_delete;
    copy->vfs.xAccess = copy_access;
    copy->vfs.xFullPathname = copy_full_name;
    int rc = sqlite3_vfs_register(&copy->vfs, 0);
    if (rc == SQLITE_OK) {
        rc = sqlite3_open_v2("copy", &copy->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE, copy->name);
        sqlite3_vfs_unregister(&copy->vfs);
    }
    /* Nobody else can open it: its WAL then needs no shared memory, and nothing of it is worth a sync. */
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(copy->handle, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY", NULL, NULL, NULL);
    return rc == SQLITE_OK || error_set(err, ERR_FILE, "a copy of the database can't be made in %s: %s", folder(), copy->handle ? sqlite3_errmsg(copy->handle) : sqlite3_errstr(rc));
}

static bool stopped(const struct db *db)
{
    return db->target.stop && atomic_load(db->target.stop) != 0;
}

/* Copies within one look: all pages are of one moment. */
static bool copy_pages(struct db *db, struct sqlite_copy *copy, struct error *err)
{
    sqlite3_backup *backup = sqlite3_backup_init(copy->handle, "main", db->handle, "main");
    int rc = backup ? SQLITE_OK : sqlite3_errcode(copy->handle);
    while (rc == SQLITE_OK && !stopped(db)) {
        rc = sqlite3_backup_step(backup, COPY_PAGES);
        FAILPOINT("rehearse-copy");
        if (db->target.tick)
            db->target.tick(db->target.tick_user);
    }
    if (backup)
        sqlite3_backup_finish(backup);
    if (stopped(db))
        return error_set(err, ERR_CANCELLED, "stopped while the database was copied");
    if (rc == SQLITE_DONE)
        return true;
    if ((rc & 0xff) == SQLITE_FULL || (rc & 0xff) == SQLITE_IOERR)
        return error_set(err, ERR_FILE, "a copy of the database can't be made in %s: %s", folder(), sqlite3_errstr(rc)) || error_hint(err, "SQLITE_TMPDIR names another folder.");
    return sqlite_fault(db, rc, "copying the database", err);
}

static bool copy_look(struct db *db, struct sqlite_copy *copy, bool *again, struct error *err)
{
    bool empty = false, ok;
    *again = false;
    sqlite_wait_at_most(db, SQLITE_LOOK_WAIT_MS, true);
    if (!sqlite_look_begin(db, &empty, err))
        return false;
    if (empty)
        return true;
    /* A read transaction keeps writers from changing the file between two steps of the backup. */
    ok = sqlite3_exec(db->handle, "BEGIN; SELECT 1 FROM main.sqlite_master LIMIT 1", NULL, NULL, NULL) == SQLITE_OK;
    if (!ok)
        sqlite_fault(db, sqlite3_extended_errcode(db->handle), "copying the database", err);
    ok = ok && copy_pages(db, copy, err);
    sqlite_undo(db);
    *again = !sqlite_look_end(db);
    return ok;
}

bool sqlite_copy_make(struct db *db, struct sqlite_copy **out, struct error *err)
{
    struct sqlite_copy *copy = calloc(1, sizeof *copy);
    bool again = true, ok;
    *out = copy;
    if (!copy)
        return error_set(err, ERR_NO_MEMORY, "out of memory; nothing was rehearsed");
    ok = copy_handle_open(copy, err);
    for (int i = 0; ok && again && i < LOOK_TRIES; i++)
        ok = copy_look(db, copy, &again, err);
    return ok && (!again || error_set(err, ERR_LOCK_BUSY, "the database file was changed each time it was copied; try again"));
}

sqlite3 *sqlite_copy_handle(const struct sqlite_copy *copy)
{
    return copy->handle;
}

void sqlite_copy_free(struct sqlite_copy *copy)
{
    if (!copy)
        return;
    sqlite3_close_v2(copy->handle);
    free(copy);
}
