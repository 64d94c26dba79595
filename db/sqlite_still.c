/* sqlite_still.c: reads a file that nobody has open for writing, through the asking descriptor, so that a look leaves no trace. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sqlite_journal.h"
#include "sqlite_private.h"

/* The vfs of one view, and what was there when it was opened. */
struct sqlite_still {
    sqlite3_vfs vfs;         /* MUST be first: SQLite hands it back to still_vfs_open */
    sqlite3_vfs *real;       /* for everything but the database file */
    char name[48];
    int fd;                  /* the asking descriptor: borrowed */
    enum still_need need;
    struct sqlite_journal *journal; /* HOT: what the dead writer's journal puts back */
    char *beside;            /* path of -wal (QUIET) or -journal (HOT) */
    struct stat file_before, beside_before;
};

struct still_file {
    sqlite3_file base; /* MUST be first */
    const struct sqlite_still *still;
};

static char *path_beside(const struct db *db, const char *suffix)
{
    struct text path = { 0 };
    text_printf(&path, "%s%s", db->real, suffix);
    if (path.failed)
        text_free(&path);
    return path.at;
}

bool sqlite_still_quiet(const struct db *db)
{
    unsigned char versions[2];
    struct stat st;
    char *wal;
    bool quiet;
    /* Write and read version of the header: 2 is WAL. */
    if (!db->file || !db->real || pread(sqlite_file_ask_fd(db->file), versions, 2, 18) != 2 || versions[0] != 2 || versions[1] != 2)
        return false;
    wal = path_beside(db, "-wal");
    quiet = wal && stat(wal, &st) != 0 && errno == ENOENT;
    free(wal);
    return quiet;
}

/* ---- the file as SQLite sees it ---- */

static int still_close(sqlite3_file *file)
{
    (void)file; /* the descriptor is borrowed, and is never closed */
    return SQLITE_OK;
}

/* Reads up to amount bytes; fills up with zeros. */
static int read_through(int fd, unsigned char *to, int amount, int64_t offset)
{
    int done = 0;
    while (done < amount) {
        ssize_t got = pread(fd, to + done, (size_t)(amount - done), (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return SQLITE_IOERR_READ;
        if (got == 0) {
            memset(to + done, 0, (size_t)(amount - done));
            return SQLITE_IOERR_SHORT_READ;
        }
        done += (int)got;
    }
    return SQLITE_OK;
}

static int still_read(sqlite3_file *file, void *to, int amount, sqlite3_int64 offset)
{
    const struct sqlite_still *still = ((struct still_file *)file)->still;
    unsigned char *at = to;
    if (!still->journal)
        return read_through(still->fd, at, amount, offset);
    while (amount > 0) {
        int64_t from;
        int fd = still->fd, part = amount, rc;
        enum journal_page page = sqlite_journal_page(still->journal, offset, &from, &part);
        if (page == JOURNAL_BEYOND) {
            memset(at, 0, (size_t)amount);
            return SQLITE_IOERR_SHORT_READ;
        }
        if (page == JOURNAL_PAGE)
            fd = sqlite_journal_fd(still->journal);
        rc = read_through(fd, at, part, page == JOURNAL_PAGE ? from : offset);
        if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ)
            return rc;
        at += part;
        offset += part;
        amount -= part;
    }
    return SQLITE_OK;
}

static int still_size(sqlite3_file *file, sqlite3_int64 *size)
{
    const struct sqlite_still *still = ((struct still_file *)file)->still;
    struct stat st;
    if (still->journal) {
        *size = sqlite_journal_size(still->journal);
        return SQLITE_OK;
    }
    if (fstat(still->fd, &st) != 0)
        return SQLITE_IOERR_FSTAT;
    *size = st.st_size;
    return SQLITE_OK;
}

static int still_write(sqlite3_file *file, const void *from, int amount, sqlite3_int64 offset)
{
    (void)file, (void)from, (void)amount, (void)offset;
    return SQLITE_READONLY;
}

static int still_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    (void)file, (void)size;
    return SQLITE_READONLY;
}

static int still_flag(sqlite3_file *file, int flag)
{
    (void)file, (void)flag;
    return SQLITE_OK;
}

static int still_reserved(sqlite3_file *file, int *reserved)
{
    (void)file;
    *reserved = 0;
    return SQLITE_OK;
}

static int still_control(sqlite3_file *file, int operation, void *argument)
{
    (void)file, (void)operation, (void)argument;
    return SQLITE_NOTFOUND;
}

static int still_sector(sqlite3_file *file)
{
    (void)file;
    return 4096;
}

/* Immutable: SQLite takes no lock, looks for no journal and opens no WAL. */
static int still_traits(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_IMMUTABLE;
}

static const sqlite3_io_methods still_methods = {
    .iVersion = 1,
    .xClose = still_close,
    .xRead = still_read,
    .xWrite = still_write,
    .xTruncate = still_truncate,
    .xSync = still_flag,
    .xFileSize = still_size,
    .xLock = still_flag,
    .xUnlock = still_flag,
    .xCheckReservedLock = still_reserved,
    .xFileControl = still_control,
    .xSectorSize = still_sector,
    .xDeviceCharacteristics = still_traits,
};

static int still_vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *got)
{
    const struct sqlite_still *still = (const struct sqlite_still *)vfs;
    struct still_file *mine = (struct still_file *)file;
    if (!(flags & SQLITE_OPEN_MAIN_DB))
        return still->real->xOpen(still->real, name, file, flags, got);
    mine->base.pMethods = &still_methods;
    mine->still = still;
    if (got)
        *got = flags;
    return SQLITE_OK;
}

/* ---- one view ---- */

static void still_free(struct sqlite_still *still)
{
    if (!still)
        return;
    sqlite_journal_free(still->journal);
    free(still->beside);
    free(still);
}

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool unchanged(const struct sqlite_still *still)
{
    struct stat file, beside;
    bool there = stat(still->beside, &beside) == 0;
    if (fstat(still->fd, &file) != 0 || !same(&file, &still->file_before))
        return false;
    return still->need == STILL_HOT ? there && same(&beside, &still->beside_before) : !there;
}

/* What is there before anything is read. A journal that looked hot may have been that of a living writer, and be gone or half written. */
static enum still_answer still_see(struct db *db, struct sqlite_still *still, struct error *err)
{
    bool there;
    still->beside = path_beside(db, still->need == STILL_HOT ? "-journal" : "-wal");
    if (!still->beside) {
        error_set(err, ERR_NO_MEMORY, "out of memory");
        return STILL_FAULT;
    }
    there = stat(still->beside, &still->beside_before) == 0;
    if (fstat(still->fd, &still->file_before) != 0 || there != (still->need == STILL_HOT))
        return STILL_CHANGED;
    if (still->need != STILL_HOT || sqlite_journal_read(still->beside, &still->journal, err))
        return STILL_OPENED;
    return unchanged(still) ? STILL_FAULT : STILL_CHANGED;
}

static void still_vfs(struct sqlite_still *still)
{
    still->real = sqlite3_vfs_find(NULL);
    still->vfs = *still->real;
    snprintf(still->name, sizeof still->name, "jetbase-still-%p", (void *)still);
    still->vfs.pNext = NULL;
    still->vfs.zName = still->name;
    still->vfs.xOpen = still_vfs_open;
    if (still->vfs.szOsFile < (int)sizeof(struct still_file))
        still->vfs.szOsFile = (int)sizeof(struct still_file);
}

enum still_answer sqlite_still_open(struct db *db, enum still_need need, struct error *err)
{
    struct sqlite_still *still = calloc(1, sizeof *still);
    enum still_answer seen;
    int rc;
    if (!still) {
        error_set(err, ERR_NO_MEMORY, "out of memory");
        return STILL_FAULT;
    }
    still->need = need;
    still->fd = sqlite_file_ask_fd(db->file);
    seen = still_see(db, still, err);
    if (seen != STILL_OPENED) {
        still_free(still);
        return seen;
    }
    still_vfs(still);
    db->still = still;
    db->state = STATE_STILL;
    rc = sqlite3_vfs_register(&still->vfs, 0);
    if (rc == SQLITE_OK) {
        rc = sqlite3_open_v2(db->real, &db->handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, still->name);
        sqlite3_vfs_unregister(&still->vfs);
    }
    if (rc == SQLITE_OK) {
        db->seen_quiet = need == STILL_QUIET;
        return STILL_OPENED;
    }
    sqlite_fault(db, rc, "opening the database", err);
    sqlite_still_close(db);
    return STILL_FAULT;
}

bool sqlite_still_close(struct db *db)
{
    bool good = unchanged(db->still);
    sqlite3_close_v2(db->handle);
    db->handle = NULL;
    db->state = STATE_NONE;
    still_free(db->still);
    db->still = NULL;
    return good;
}
