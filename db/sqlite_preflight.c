/* sqlite_preflight.c: what stands in the way of a run on a database file: writers and readers, what a dead one left, room on the disk. Looks only; opens nothing beside the asking descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "sqlite_private.h"

/* Where SQLite's own locks lie in the file (its os.h: PENDING_BYTE and what follows). */
enum { PENDING_BYTE_AT = 0x40000000, RESERVED_AT = PENDING_BYTE_AT + 1, SHARED_AT = PENDING_BYTE_AT + 2, SHARED_BYTES = 510 };

struct asking {
    const struct db *db;
    db_check_fn fn;
    void *user;
};

static bool tell(const struct asking *a, const char *check, enum preflight_state state, const char *text, const char *hint)
{
    struct preflight_check one = { .check = check, .state = state };
    text_visible(one.text, sizeof one.text, text);
    text_visible(one.hint, sizeof one.hint, hint);
    return a->fn(a->user, &one);
}

/* The pid of a process that holds a lock there which a writer would meet; 0 none, -1 one without a pid, -2 can't be asked. */
static int holder_of(const struct asking *a, off_t from, off_t len)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = from, .l_len = len };
    int fd = a->db->file ? sqlite_file_ask_fd(a->db->file) : -1;
    if (fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) != 0)
        return -2;
    return lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

static bool tell_writers(const struct asking *a, bool wal)
{
    char text[200], hint[120] = "";
    int writer = holder_of(a, RESERVED_AT, 1), pending = holder_of(a, PENDING_BYTE_AT, 1), reader = holder_of(a, SHARED_AT, SHARED_BYTES);
    int who = writer != 0 ? writer : pending;
    if (wal)
        return tell(a, "writers", PREFLIGHT_HIDDEN, "in WAL mode who writes can't be seen from outside; a run waits for a writer", "fuser, or lsof, shows who has the file open");
    if (who == -2)
        return tell(a, "writers", PREFLIGHT_HIDDEN, "the file's locks can't be asked here", "");
    if (who > 0)
        snprintf(hint, sizeof hint, "ps -p %d shows it", who);
    if (who != 0 && who != getpid()) {
        snprintf(text, sizeof text, who > 0 ? "process %d is in a writing transaction" : "a process is in a writing transaction", who);
        return tell(a, "writers", PREFLIGHT_BLOCKS, text, hint);
    }
    if (reader == -2)
        return tell(a, "writers", PREFLIGHT_HIDDEN, "the file's locks can't be asked here", "");
    if (reader != 0 && reader != getpid()) {
        snprintf(text, sizeof text, reader > 0 ? "process %d reads the file: a COMMIT waits for its end" : "a process reads the file: a COMMIT waits for its end", reader);
        if (reader > 0)
            snprintf(hint, sizeof hint, "ps -p %d shows it", reader);
        return tell(a, "writers", PREFLIGHT_WARN, text, hint);
    }
    return tell(a, "writers", PREFLIGHT_OK, "nobody else writes or reads the file", "");
}

/* Size of the file beside the database with that ending, -1 where there is none. */
static int64_t beside(const struct asking *a, const char *ending)
{
    struct text path = { 0 };
    struct stat st;
    text_printf(&path, "%s%s", a->db->real ? a->db->real : a->db->path, ending);
    bool there = !path.failed && stat(text_string(&path), &st) == 0;
    text_free(&path);
    return there ? (int64_t)st.st_size : -1;
}

/* As SQLite itself asks: one whose first byte is zero was ended (journal_mode PERSIST), one that is empty never begun. */
static bool journal_begun(const struct asking *a)
{
    struct text path = { 0 };
    char first = 0;
    text_printf(&path, "%s-journal", a->db->real ? a->db->real : a->db->path);
    int fd = path.failed ? -1 : open(text_string(&path), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    text_free(&path);
    if (fd < 0)
        return false;
    bool begun = read(fd, &first, 1) == 1 && first != 0;
    close(fd);
    return begun;
}

static bool tell_journals(const struct asking *a, int64_t wal)
{
    enum { WAL_LARGE_MB = 64 };
    char text[200];
    int writer = holder_of(a, RESERVED_AT, 1);
    bool begun = journal_begun(a);
    bool ok = begun && writer == -2 ? tell(a, "journal", PREFLIGHT_HIDDEN, "a journal lies beside the file; whether its writer lives can't be asked here", "") :
              begun && writer == 0 ? tell(a, "journal", PREFLIGHT_WARN, "a journal lies beside the file and nobody writes: a writer died in its transaction; a run rolls that back first", "") :
                    tell(a, "journal", PREFLIGHT_OK, "no journal of a dead writer", "");
    snprintf(text, sizeof text, "the write-ahead log has %lld MB: something keeps it from being taken into the file", (long long)(wal >> 20));
    return ok && (wal >> 20 < WAL_LARGE_MB ? tell(a, "wal", PREFLIGHT_OK, "no large write-ahead log", "") : tell(a, "wal", PREFLIGHT_WARN, text, "PRAGMA wal_checkpoint(TRUNCATE); once no reader is left"));
}

static bool tell_room(const struct asking *a, int64_t size)
{
    struct statvfs fs;
    char text[200];
    if (statvfs(a->db->real ? a->db->real : a->db->path, &fs) != 0)
        return tell(a, "disk", PREFLIGHT_HIDDEN, "how much room the disk has can't be seen", "");
    int64_t room = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
    snprintf(text, sizeof text, "the disk has %lld MB left, the file has %lld MB: a table that is written anew, with its journal, may need twice the file", (long long)(room >> 20), (long long)(size >> 20));
    return tell(a, "disk", room < 2 * size + (1 << 20) ? PREFLIGHT_WARN : PREFLIGHT_OK, text, "");
}

bool sqlite_preflight_read(struct db *db, const char *const *tables, size_t count, db_check_fn fn, void *user, struct error *err)
{
    struct asking a = { .db = db, .fn = fn, .user = user };
    struct stat st;
    (void)tables;
    (void)count;
    if (db->memory || !db->path || stat(db->path, &st) != 0)
        return tell(&a, "writers", PREFLIGHT_OK, "there is no database file yet", "") || error_set(err, ERR_NO_MEMORY, "Memory ran out looking at the database file.");
    int64_t wal = beside(&a, "-wal");
    bool ok = sqlite_writable(db) ? tell(&a, "read-only", PREFLIGHT_OK, "file and folder can be written", "") :
                                    tell(&a, "read-only", PREFLIGHT_BLOCKS, "the file or its folder can't be written by this user", "ls -ld shows whose they are");
    ok = ok && tell_writers(&a, wal >= 0) && tell_journals(&a, wal) && tell_room(&a, (int64_t)st.st_size);
    return ok || error_set(err, ERR_NO_MEMORY, "Memory ran out looking at the database file.");
}
