/* folder_watch.c: watches migrations/ by inotify. */
#include "folder_watch.h"

#ifdef __linux__
#include <errno.h>
#include <fts.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "text.h"

/* A file counts once it is closed: a half-written one would be shown as a fault. */
enum {
    IN_FILES = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
    IN_ROOT = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR
};

/* Another machine's writes are told to nobody here. Numbers of statfs(2). */
static bool is_remote(const char *path)
{
    static const unsigned long remote[] = { 0x6969 /* NFS */, 0xff534d42 /* CIFS */, 0xfe534d42 /* SMB2 */, 0x517b /* SMB */, 0x65735546 /* FUSE */, 0x01021997 /* 9P */,
                                            0x00c36400 /* Ceph */, 0x5346414f /* AFS */, 0x73757245 /* Coda */, 0x786f4256 /* VirtualBox */ };
    struct statfs fs;
    if (statfs(path, &fs) != 0)
        return false;
    for (size_t i = 0; i < sizeof remote / sizeof remote[0]; i++)
        if (((unsigned long)fs.f_type & 0xffffffffUL) == remote[i])
            return true;
    return false;
}

/* Adding a folder twice changes nothing. False: some folder is not watched, or is another machine's. */
static bool add_folders(int fd, const char *project_dir)
{
    struct text path = { 0 };
    char *roots[2] = { NULL, NULL };
    FTS *walk;
    FTSENT *entry;
    bool whole = inotify_add_watch(fd, project_dir, IN_ROOT) >= 0;
    text_printf(&path, "%s/migrations", project_dir);
    roots[0] = path.at;
    walk = path.failed ? NULL : fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
    while (walk && (entry = fts_read(walk)) != NULL)
        if (entry->fts_info == FTS_D)
            whole = inotify_add_watch(fd, entry->fts_path, IN_FILES) >= 0 && !is_remote(entry->fts_path) && whole;
    whole = whole && walk;
    if (walk)
        fts_close(walk);
    text_free(&path);
    return whole;
}

int folder_watch_open(const char *project_dir, bool *whole)
{
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    *whole = fd >= 0 && add_folders(fd, project_dir);
    return fd;
}

/* Does one of these events change which folders there are? */
static bool moves_folders(const char *events, size_t len)
{
    for (size_t at = 0; at + sizeof(struct inotify_event) <= len;) {
        struct inotify_event event;
        memcpy(&event, events + at, sizeof event);
        if (event.mask & (IN_ISDIR | IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT))
            return true;
        at += sizeof event + event.len;
    }
    return false;
}

bool folder_watch_take(int fd, const char *project_dir, bool *whole)
{
    char events[16384];
    bool any = false, folders = false;
    ssize_t got;
    while (fd >= 0 && ((got = read(fd, events, sizeof events)) > 0 || (got < 0 && errno == EINTR))) {
        any = any || got > 0;
        folders = folders || (got > 0 && moves_folders(events, (size_t)got));
    }
    if (folders)
        *whole = add_folders(fd, project_dir);
    return any;
}
#else
int folder_watch_open(const char *project_dir, bool *whole)
{
    (void)project_dir;
    *whole = false;
    return -1;
}

bool folder_watch_take(int fd, const char *project_dir, bool *whole)
{
    (void)fd;
    (void)project_dir;
    (void)whole;
    return false;
}
#endif
