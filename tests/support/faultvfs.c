/* faultvfs.c: a SQLite VFS around the ordinary one, in the faulty program only: it writes down each change of the database's files, and lets the nth operation of a kind fail. */
#include "faultvfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

/* Our file stands before the real one, in one piece of memory. */
struct fault_file {
    sqlite3_file base;      /* MUST be first */
    enum faultvfs_file kind;
    bool watched;           /* database, journal or WAL; not a temporary file */
    sqlite3_file *real;
};

static sqlite3_vfs fault_vfs;
static sqlite3_vfs *ordinary;
static int trace_fd = -1;
static int fail_op = -1;
static unsigned long fail_nth, passed;
static bool fail_on;

static struct fault_file *fault(sqlite3_file *file)
{
    return (struct fault_file *)file;
}

static void put(const void *bytes, size_t len)
{
    if (write(trace_fd, bytes, len) != (ssize_t)len)
        abort();
}

static void note(enum faultvfs_op op, enum faultvfs_file file, int64_t offset, uint32_t size, const void *bytes)
{
    struct faultvfs_record record = { .op = (uint8_t)op, .file = (uint8_t)file, .size = size, .offset = offset };
    struct stat st;
    if (trace_fd < 0)
        return;
    record.told = fstat(1, &st) == 0 ? st.st_size : 0;
    put(&record, sizeof record);
    if (bytes)
        put(bytes, size);
}

/* Is it this operation's turn to fail? */
static bool fails(int op)
{
    if (op != fail_op)
        return false;
    passed++;
    if (passed != fail_nth && !(fail_on && passed > fail_nth))
        return false;
    note(FAULTVFS_FIRED, FAULTVFS_DATABASE, op, 0, NULL);
    return true;
}

static int fault_close(sqlite3_file *file)
{
    return fault(file)->real->pMethods->xClose(fault(file)->real);
}

static int fault_read(sqlite3_file *file, void *to, int size, sqlite3_int64 offset)
{
    struct fault_file *f = fault(file);
    if (f->watched && fails(FAULTVFS_READ))
        return SQLITE_IOERR_READ;
    return f->real->pMethods->xRead(f->real, to, size, offset);
}

static int fault_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    struct fault_file *f = fault(file);
    int rc;
    if (f->watched && fails(FAULTVFS_WRITE))
        return SQLITE_IOERR_WRITE;
    if (f->watched && fails(FAULTVFS_FULL)) {
        /* As a disk does: what still has room is written. */
        f->real->pMethods->xWrite(f->real, bytes, size / 2, offset);
        note(FAULTVFS_WRITE, f->kind, offset, (uint32_t)size / 2, bytes);
        return SQLITE_FULL;
    }
    rc = f->real->pMethods->xWrite(f->real, bytes, size, offset);
    if (rc == SQLITE_OK && f->watched)
        note(FAULTVFS_WRITE, f->kind, offset, (uint32_t)size, bytes);
    return rc;
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct fault_file *f = fault(file);
    int rc;
    if (f->watched && fails(FAULTVFS_TRUNCATE))
        return SQLITE_IOERR_TRUNCATE;
    rc = f->real->pMethods->xTruncate(f->real, size);
    if (rc == SQLITE_OK && f->watched)
        note(FAULTVFS_TRUNCATE, f->kind, size, 0, NULL);
    return rc;
}

static int fault_sync(sqlite3_file *file, int flags)
{
    struct fault_file *f = fault(file);
    int rc;
    if (f->watched && fails(FAULTVFS_SYNC))
        return SQLITE_IOERR_FSYNC;
    rc = f->real->pMethods->xSync(f->real, flags);
    if (rc == SQLITE_OK && f->watched)
        note(FAULTVFS_SYNC, f->kind, 0, 0, NULL);
    return rc;
}

static int fault_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return fault(file)->real->pMethods->xFileSize(fault(file)->real, size);
}

static int fault_lock(sqlite3_file *file, int level)
{
    return fault(file)->real->pMethods->xLock(fault(file)->real, level);
}

static int fault_unlock(sqlite3_file *file, int level)
{
    return fault(file)->real->pMethods->xUnlock(fault(file)->real, level);
}

static int fault_reserved(sqlite3_file *file, int *out)
{
    return fault(file)->real->pMethods->xCheckReservedLock(fault(file)->real, out);
}

static int fault_control(sqlite3_file *file, int op, void *arg)
{
    return fault(file)->real->pMethods->xFileControl(fault(file)->real, op, arg);
}

static int fault_sector(sqlite3_file *file)
{
    return fault(file)->real->pMethods->xSectorSize(fault(file)->real);
}

static int fault_traits(sqlite3_file *file)
{
    return fault(file)->real->pMethods->xDeviceCharacteristics(fault(file)->real);
}

static int fault_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **to)
{
    return fault(file)->real->pMethods->xShmMap(fault(file)->real, region, size, extend, to);
}

static int fault_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return fault(file)->real->pMethods->xShmLock(fault(file)->real, offset, n, flags);
}

static void fault_shm_barrier(sqlite3_file *file)
{
    fault(file)->real->pMethods->xShmBarrier(fault(file)->real);
}

static int fault_shm_unmap(sqlite3_file *file, int remove)
{
    return fault(file)->real->pMethods->xShmUnmap(fault(file)->real, remove);
}

/* Version 2: no memory mapping, which would change the file without a write. */
static const sqlite3_io_methods methods = {
    2, fault_close, fault_read, fault_write, fault_truncate, fault_sync, fault_size, fault_lock, fault_unlock, fault_reserved, fault_control, fault_sector, fault_traits,
    fault_shm_map, fault_shm_lock, fault_shm_barrier, fault_shm_unmap, NULL, NULL
};

static bool kind_of(int flags, enum faultvfs_file *kind)
{
    *kind = flags & SQLITE_OPEN_MAIN_DB ? FAULTVFS_DATABASE : flags & SQLITE_OPEN_MAIN_JOURNAL ? FAULTVFS_JOURNAL : FAULTVFS_WAL;
    return flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL);
}

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *got)
{
    struct fault_file *f = fault(file);
    struct stat st;
    bool made;
    int rc;
    (void)vfs;
    memset(f, 0, sizeof *f);
    f->watched = kind_of(flags, &f->kind);
    f->real = (sqlite3_file *)(void *)(f + 1);
    if (f->watched && fails(FAULTVFS_OPEN))
        return SQLITE_CANTOPEN;
    made = name && stat(name, &st) != 0 && errno == ENOENT;
    rc = ordinary->xOpen(ordinary, name, f->real, flags, got);
    if (f->real->pMethods)
        f->base.pMethods = &methods;
    if (rc == SQLITE_OK && f->watched)
        note(FAULTVFS_OPEN, f->kind, 0, made, NULL);
    return rc;
}

static int fault_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    size_t len = strlen(name);
    bool wal = len > 4 && strcmp(name + len - 4, "-wal") == 0, journal = len > 8 && strcmp(name + len - 8, "-journal") == 0;
    int rc;
    (void)vfs;
    if ((wal || journal) && fails(FAULTVFS_DELETE))
        return SQLITE_IOERR_DELETE;
    rc = ordinary->xDelete(ordinary, name, sync);
    if (rc == SQLITE_OK && (wal || journal))
        note(FAULTVFS_DELETE, wal ? FAULTVFS_WAL : FAULTVFS_JOURNAL, 0, sync != 0, NULL);
    return rc;
}

/* Takes "write:12" or "write:12+" apart. */
static void wanted(const char *spec)
{
    static const char *const names[] = FAULTVFS_NAMES;
    const char *colon = strchr(spec, ':');
    char *end;
    if (!colon)
        abort();
    for (int i = 0; i < FAULTVFS_OPS; i++)
        if (strncmp(spec, names[i], (size_t)(colon - spec)) == 0 && names[i][colon - spec] == '\0')
            fail_op = i;
    fail_nth = strtoul(colon + 1, &end, 10);
    fail_on = *end == '+';
    if (fail_op < 0 || fail_nth == 0)
        abort();
}

/* Takes the ordinary VFS's place, and its name: the program sees no other. */
__attribute__((constructor)) static void fault_register(void)
{
    const char *trace = getenv(FAULTVFS_TRACE), *fail = getenv(FAULTVFS_FAIL);
    if (!trace && !fail)
        return;
    if (fail)
        wanted(fail);
    if (trace && (trace_fd = open(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) < 0)
        abort();
    ordinary = sqlite3_vfs_find(NULL);
    fault_vfs = *ordinary;
    fault_vfs.pNext = NULL;
    fault_vfs.szOsFile += (int)sizeof(struct fault_file);
    fault_vfs.xOpen = fault_open;
    fault_vfs.xDelete = fault_delete;
    sqlite3_vfs_register(&fault_vfs, 1);
}
