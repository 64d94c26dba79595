/* sqlite_witness.c: the byte of the database file that the kernel holds for a living run, and the two descriptors it needs. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sqlite_private.h"

_Static_assert(sizeof(off_t) == 8, "witness bytes lie at 2^61 and beyond");

#define WITNESS_BASE ((int64_t)1 << 61) /* fixed for ever: every version must ask at the same place */
#define WITNESS_DIGITS 15               /* 60 bits */

/* One database file. Never freed, its descriptors never closed: closing any descriptor of a file drops the locks that SQLite holds on it in this process. */
struct sqlite_file {
    struct sqlite_file *next;
    dev_t device;
    ino_t inode;
    int ask_fd;   /* asks; never carries a lock */
    int hold_fd;  /* carries the witnesses; -1 until a run needs it */
};

/* A run of this process. */
struct own_run {
    struct own_run *next;
    const struct sqlite_file *file;
    const struct db *owner;
    bool held; /* the byte is locked */
    char process_id[DB_ID_SIZE];
};

static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER; /* guards files and own_runs: every thread has connections of its own */
static struct sqlite_file *files;
static struct own_run *own_runs;

/* ---- files ---- */

static struct sqlite_file *file_find(const struct stat *st)
{
    for (struct sqlite_file *f = files; f; f = f->next)
        if (sqlite_file_is(f, st))
            return f;
    return NULL;
}

static struct sqlite_file *file_add(const struct stat *st)
{
    struct sqlite_file *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->device = st->st_dev;
    f->inode = st->st_ino;
    f->ask_fd = f->hold_fd = -1;
    f->next = files;
    files = f;
    return f;
}

/* Says why a file can't be opened. */
static bool open_fault(const char *path, int number, bool writable, struct error *err)
{
    char shown[1024], buffer[256];
    const char *words = strerror_r(number, buffer, sizeof buffer);
    text_visible(shown, sizeof shown, path);
    if (number == EACCES || number == EPERM || number == EROFS) {
        error_set(err, ERR_RIGHTS, "database file %s can't be opened for %s: %s", shown, writable ? "writing" : "reading", words);
        return error_hint(err, writable ? "Nothing was changed. A run needs a file and a folder that it may write; reading commands do not."
                                        : "Nothing was changed. Run it as a user who may read the file.");
    }
    error_set(err, ERR_NO_CONNECTION, "database file %s can't be opened: %s", shown, words);
    return error_hint(err, "Nothing was changed. Check the path in the database URL (sqlite:///relative.db, sqlite:////absolute.db).");
}

/* A database that is not there yet has at least a folder; without one the path is wrong. */
static bool folder_is_there(const char *path)
{
    struct stat st;
    char *folder = text_dup(path), *slash = folder ? strrchr(folder, '/') : NULL;
    bool there = !slash;
    if (slash) {
        slash[slash == folder] = '\0';
        there = stat(folder, &st) == 0;
    }
    free(folder);
    return there;
}

/* Opens one descriptor of the file at path, for the entry that it turns out to be. NULL: *err. */
static struct sqlite_file *descriptor_open(const char *path, bool writable, bool create, struct error *err)
{
    struct stat st;
    struct sqlite_file *f;
    /* O_NONBLOCK: a FIFO put there meanwhile must not be waited for. */
    int flags = (writable ? O_RDWR : O_RDONLY) | (create ? O_CREAT : 0) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd = open(path, flags, 0644);
    if (fd < 0) {
        open_fault(path, errno, writable, err);
        return NULL;
    }
    if (fstat(fd, &st) != 0) {
        open_fault(path, errno, writable, err);
        return NULL; /* the descriptor stays open: it may be that of a file in use */
    }
    f = file_find(&st);
    if (!f)
        f = file_add(&st);
    if (!f) {
        error_set(err, ERR_NO_MEMORY, "out of memory; nothing was changed");
        return NULL;
    }
    if (writable && f->hold_fd < 0)
        f->hold_fd = fd;
    else if (f->ask_fd < 0)
        f->ask_fd = fd;
    /* Else the file was replaced between two looks at the path: one descriptor more, open for ever. */
    return f;
}

static struct sqlite_file *file_open_locked(const char *path, bool writable, bool create, bool *missing, struct error *err)
{
    char shown[1024];
    struct stat st;
    struct sqlite_file *f = NULL, *other;
    text_visible(shown, sizeof shown, path);
    int why = stat(path, &st) == 0 ? 0 : errno;
    if (why == 0) {
        if (!S_ISREG(st.st_mode)) {
            error_set(err, ERR_FILE, "%s is no database file: it is %s", shown, S_ISDIR(st.st_mode) ? "a folder" : "no regular file");
            error_hint(err, "Nothing was changed. Check the path in the database URL.");
            return NULL;
        }
        f = file_find(&st);
    } else if (why == ENOENT && !folder_is_there(path)) {
        open_fault(path, ENOENT, writable, err);
        return NULL;
    } else if (why == ENOENT && !create) {
        *missing = true;
        return NULL;
    } else if (why != ENOENT) {
        open_fault(path, why, writable, err);
        return NULL;
    }
    if (!f || (writable && f->hold_fd < 0)) {
        f = descriptor_open(path, writable, create, err);
        if (!f)
            return NULL;
    }
    if (f->ask_fd < 0) {
        other = descriptor_open(path, false, false, err);
        if (!other)
            return NULL;
        if (other != f) {
            error_set(err, ERR_FAILED, "database file %s was replaced while it was being opened; nothing was changed", shown);
            error_hint(err, "Run the command again once nobody moves the file.");
            return NULL;
        }
    }
    return f;
}

struct sqlite_file *sqlite_file_open(const char *path, bool writable, bool create, bool *missing, struct error *err)
{
    struct sqlite_file *f;
    *missing = false;
    pthread_mutex_lock(&registry);
    f = file_open_locked(path, writable, create, missing, err);
    pthread_mutex_unlock(&registry);
    return f;
}

bool sqlite_file_is(const struct sqlite_file *file, const struct stat *st)
{
    return file->device == st->st_dev && file->inode == st->st_ino;
}

int sqlite_file_ask_fd(const struct sqlite_file *file)
{
    return file->ask_fd;
}

/* ---- the byte ---- */

bool sqlite_witness_byte(const char *process_id, int64_t *byte)
{
    int64_t bits = 0;
    int digits = 0;
    for (const char *c = process_id; *c && digits < WITNESS_DIGITS; c++) {
        int value;
        if (*c == '-')
            continue;
        if (*c >= '0' && *c <= '9')
            value = *c - '0';
        else if (*c >= 'a' && *c <= 'f')
            value = *c - 'a' + 10;
        else if (*c >= 'A' && *c <= 'F')
            value = *c - 'A' + 10;
        else
            return false;
        bits = bits << 4 | value;
        digits++;
    }
    *byte = WITNESS_BASE + bits;
    return digits == WITNESS_DIGITS;
}

static struct flock byte_lock(short type, int64_t byte)
{
    return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1, .l_pid = 0 };
}

/* Asks the kernel through the descriptor that carries no lock: a description never conflicts with itself. */
static enum db_witness byte_ask(const struct sqlite_file *file, int64_t byte, enum db_why *why)
{
    struct flock lock = byte_lock(F_WRLCK, byte);
    if (fcntl(file->ask_fd, F_OFD_GETLK, &lock) != 0) {
        *why = WHY_NO_LOCKS;
        return WITNESS_UNKNOWN;
    }
    if (lock.l_type == F_UNLCK)
        return WITNESS_ABSENT;
    if (lock.l_type == F_WRLCK && lock.l_pid == -1 && lock.l_whence == SEEK_SET && lock.l_start == (off_t)byte && lock.l_len == 1)
        return WITNESS_HELD;
    *why = WHY_FOREIGN_LOCK;
    return WITNESS_UNKNOWN;
}

void sqlite_witness_text(const struct db *db, char to[DB_WITNESS_SIZE])
{
    const char *boot = db->target.sys->boot_id();
    to[0] = '\0';
    if (db->file && boot[0])
        snprintf(to, DB_WITNESS_SIZE, "ofd:%s:%ju:%ju", boot, (uintmax_t)db->file->device, (uintmax_t)db->file->inode);
}

bool sqlite_witness_own(const struct db *db, const char *process_id)
{
    bool own = false;
    pthread_mutex_lock(&registry);
    for (const struct own_run *r = own_runs; r && !own; r = r->next)
        own = r->file == db->file && strcmp(r->process_id, process_id) == 0;
    pthread_mutex_unlock(&registry);
    return own;
}

enum db_witness sqlite_witness_ask(const struct db *db, const char *process_id, const char *witness, enum db_why *why)
{
    char here[DB_WITNESS_SIZE];
    int64_t byte;
    size_t boot_len;
    *why = WHY_NONE;
    if (!witness[0] || !sqlite_witness_byte(process_id, &byte)) {
        *why = WHY_UNWITNESSED;
        return WITNESS_UNKNOWN;
    }
    if (!db->file || db->uri) {
        *why = WHY_NO_LOCKS;
        return WITNESS_UNKNOWN;
    }
    sqlite_witness_text(db, here);
    if (here[0] && strcmp(here, witness) == 0)
        return byte_ask(db->file, byte, why);
    boot_len = strlen("ofd:") + strlen(db->target.sys->boot_id()) + 1;
    *why = here[0] && strncmp(here, witness, boot_len) == 0 ? WHY_OTHER_FILE : WHY_OTHER_BOOT;
    return WITNESS_UNKNOWN;
}

/* ---- taking and dropping ---- */

/* Locks the byte and sees it through the other descriptor. */
static bool byte_take(const struct sqlite_file *file, int64_t byte)
{
    struct flock lock = byte_lock(F_WRLCK, byte);
    enum db_why why;
    if (fcntl(file->hold_fd, F_OFD_SETLK, &lock) != 0)
        return false;
    if (byte_ask(file, byte, &why) == WITNESS_HELD)
        return true;
    lock = byte_lock(F_UNLCK, byte);
    fcntl(file->hold_fd, F_OFD_SETLK, &lock);
    return false;
}

static void own_run_end(struct own_run *run)
{
    int64_t byte;
    if (run->held && sqlite_witness_byte(run->process_id, &byte)) {
        struct flock lock = byte_lock(F_UNLCK, byte);
        fcntl(run->file->hold_fd, F_OFD_SETLK, &lock);
    }
    free(run);
}

bool sqlite_witness_take(struct db *db, const char *process_id, char witness[DB_WITNESS_SIZE], struct error *err)
{
    int64_t byte;
    struct own_run *run;
    witness[0] = '\0';
    if (!sqlite_witness_byte(process_id, &byte) || strlen(process_id) >= DB_ID_SIZE)
        return error_set(err, ERR_INTERNAL, "not a process ID: no witness was taken");
    if (db->memory || !db->file)
        return true;
    if (sqlite_witness_own(db, process_id))
        return error_set(err, ERR_INTERNAL, "the witness of this process ID is taken already");
    run = calloc(1, sizeof *run);
    if (!run)
        return error_set(err, ERR_NO_MEMORY, "out of memory; the lock was not touched");
    run->file = db->file;
    run->owner = db;
    text_copy(run->process_id, sizeof run->process_id, process_id);
    pthread_mutex_lock(&registry);
    sqlite_witness_text(db, witness);
    run->held = witness[0] && byte_take(db->file, byte);
    if (!run->held)
        witness[0] = '\0';
    /* An unwitnessed run is remembered too: it is known to live, being ours. */
    run->next = own_runs;
    own_runs = run;
    pthread_mutex_unlock(&registry);
    return true;
}

/* Drops the runs of this connection: all of them, or the one named. */
static void drop(const struct db *db, const char *process_id)
{
    pthread_mutex_lock(&registry);
    for (struct own_run **at = &own_runs; *at;) {
        struct own_run *run = *at;
        if (run->owner != db || (process_id && strcmp(run->process_id, process_id) != 0)) {
            at = &run->next;
            continue;
        }
        *at = run->next;
        own_run_end(run);
    }
    pthread_mutex_unlock(&registry);
}

void sqlite_witness_drop(struct db *db, const char *process_id)
{
    drop(db, process_id);
}

void sqlite_witness_drop_all(struct db *db)
{
    drop(db, NULL);
}

/* ---- who else uses the file ---- */

void sqlite_file_users(const struct db *db, char *to, size_t size)
{
    /* SQLite's pending byte, reserved byte and shared range, by its file format. */
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0x40000000, .l_len = 512, .l_pid = 0 };
    char path[64], name[64] = "", shown[128];
    FILE *comm;
    text_copy(to, size, "another process");
    if (!db->file || fcntl(db->file->ask_fd, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK || lock.l_pid <= 0)
        return;
    snprintf(path, sizeof path, "/proc/%d/comm", (int)lock.l_pid);
    comm = fopen(path, "re");
    if (comm) {
        if (!fgets(name, sizeof name, comm))
            name[0] = '\0';
        name[strcspn(name, "\n")] = '\0';
        fclose(comm);
    }
    text_visible(shown, sizeof shown, name);
    snprintf(to, size, shown[0] ? "process %d (%s)" : "process %d%s", (int)lock.l_pid, shown);
}
