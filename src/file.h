/* file.h: opens and reads regular files, and never waits for what is none. */
#ifndef JETBASE_FILE_H
#define JETBASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "error.h"
#include "text.h"

/* Opens `path` for reading (O_CLOEXEC); `name` is what messages call it. Links to files are followed. -1 and *err (ERR_FILE) for what is missing, a dangling link, a directory, FIFO, socket or device, or may not be read. */
int file_open(const char *path, const char *name, struct error *err);
/* The same for what was seen to be a regular file a moment ago, which is asked only of what was opened. *st: its state then. */
int file_open_regular(const char *path, const char *name, struct stat *st, struct error *err);

/* Reads up to size bytes, through signals. The number of bytes, 0 at the end, -1 and *err (ERR_FILE). */
ssize_t file_read(int fd, const char *name, char *to, size_t size, struct error *err);

/* Checks by its kind alone that `path` can be opened: true for a regular file or a link to one. Errors as file_open. */
bool file_regular(const char *path, const char *name, struct error *err);

/* Reads the whole file, appended to *out, if it has at most `limit` bytes. Errors as file_open. */
bool file_whole(const char *path, const char *name, size_t limit, struct text *out, struct error *err);

#endif
