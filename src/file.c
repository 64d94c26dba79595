/* file.c: opens and reads regular files, and never waits for what is none. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool refuse_kind(const struct stat *st, const char *name, struct error *err)
{
    char shown[512];
    text_visible(shown, sizeof shown, name);
    const char *kind = S_ISDIR(st->st_mode)    ? "a directory"
                       : S_ISFIFO(st->st_mode) ? "a FIFO"
                       : S_ISSOCK(st->st_mode) ? "a socket"
                                               : "a device";
    error_set(err, ERR_FILE, "%s is %s, not a file.", shown, kind);
    return error_hint(err, "Move it elsewhere, or put a regular file in its place.");
}

/* Says why path can't be had, after a call on it has failed with `why`. */
static bool refuse_errno(const char *path, const char *name, int why, struct error *err)
{
    char shown[512], target[512];
    text_visible(shown, sizeof shown, name);
    char raw[512];
    ssize_t len = why == ENOENT || why == ELOOP ? readlink(path, raw, sizeof raw - 1) : -1;
    if (len < 0)
        return error_set(err, ERR_FILE, "%s can't be read: %s.", shown, strerror(why));
    raw[len] = '\0';
    text_visible(target, sizeof target, raw);
    error_set(err, ERR_FILE, "%s is a link to %s, which %s.", shown, target, why == ENOENT ? "does not exist" : "is a loop of links");
    return error_hint(err, "Mend the link, or remove it.");
}

bool file_regular(const char *path, const char *name, struct error *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return refuse_errno(path, name, errno, err);
    return S_ISREG(st.st_mode) || refuse_kind(&st, name, err);
}

int file_open(const char *path, const char *name, struct error *err)
{
    struct stat st;
    /* The kind is asked first: opening some devices does something to them. It is asked again of what was opened. */
    return file_regular(path, name, err) ? file_open_regular(path, name, &st, err) : -1;
}

int file_open_regular(const char *path, const char *name, struct stat *st, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        int why = errno;
        /* ENXIO: it has become a socket or a device since. */
        if (why != ENXIO || file_regular(path, name, err))
            refuse_errno(path, name, why, err);
        return -1;
    }
    if (fstat(fd, st) != 0) {
        refuse_errno(path, name, errno, err);
        close(fd);
        return -1;
    }
    if (!S_ISREG(st->st_mode)) {
        refuse_kind(st, name, err);
        close(fd);
        return -1;
    }
    return fd;
}

ssize_t file_read(int fd, const char *name, char *to, size_t size, struct error *err)
{
    ssize_t n;
    do
        n = read(fd, to, size);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        char shown[512];
        text_visible(shown, sizeof shown, name);
        error_set(err, ERR_FILE, "%s can't be read: %s.", shown, strerror(errno));
    }
    return n;
}

bool file_whole(const char *path, const char *name, size_t limit, struct text *out, struct error *err)
{
    int fd = file_open(path, name, err);
    if (fd < 0)
        return false;
    char block[8192];
    ssize_t n;
    size_t total = 0;
    while ((n = file_read(fd, name, block, sizeof block, err)) > 0) {
        total += (size_t)n;
        if (total > limit) {
            close(fd);
            return error_set(err, ERR_FILE, "%s is larger than %zu bytes.", name, limit);
        }
        text_add(out, block, (size_t)n);
    }
    close(fd);
    if (n == 0 && out->failed)
        return error_set(err, ERR_NO_MEMORY, "Memory ran out reading %s.", name);
    return n == 0;
}
