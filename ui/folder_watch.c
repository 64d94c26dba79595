/* folder_watch.c: watches migrations/ by inotify. */
#include "folder_watch.h"

#ifdef __linux__
#include <errno.h>
#include <fts.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "text.h"

/* A file counts once it is closed: a half-written one would be shown as a fault. */
enum {
    IN_FILES = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
    IN_ROOT = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR
};

/* Adding a folder twice changes nothing. Folders that can't be watched are left to the looks. */
static void add_folders(int fd, const char *project_dir)
{
    struct text path = { 0 };
    char *roots[2] = { NULL, NULL };
    FTS *walk;
    FTSENT *entry;
    inotify_add_watch(fd, project_dir, IN_ROOT);
    text_printf(&path, "%s/migrations", project_dir);
    roots[0] = path.at;
    walk = path.failed ? NULL : fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    while (walk && (entry = fts_read(walk)) != NULL)
        if (entry->fts_info == FTS_D)
            inotify_add_watch(fd, entry->fts_path, IN_FILES);
    if (walk)
        fts_close(walk);
    text_free(&path);
}

int folder_watch_open(const char *project_dir)
{
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd >= 0)
        add_folders(fd, project_dir);
    return fd;
}

bool folder_watch_take(int fd, const char *project_dir)
{
    char events[4096];
    bool any = false;
    ssize_t got;
    while (fd >= 0 && ((got = read(fd, events, sizeof events)) > 0 || (got < 0 && errno == EINTR)))
        any = any || got > 0;
    if (any)
        add_folders(fd, project_dir);
    return any;
}
#else
int folder_watch_open(const char *project_dir)
{
    (void)project_dir;
    return -1;
}

bool folder_watch_take(int fd, const char *project_dir)
{
    (void)fd;
    (void)project_dir;
    return false;
}
#endif
