/* disk.c: what a disk may hold when the power goes. */
#include "disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SECTOR = 512, FILES_MOST = 4096 };

static const char *const endings[FAULTVFS_FILES] = { "", "-journal", "-wal" };

struct disk {
    struct faultvfs_record *ops;
    const unsigned char **data;
    size_t count;
    unsigned char *trace, *start;
    size_t start_size;
    bool fired;
};

/* A file's contents: what is on the disk, and the operations since. */
struct inode {
    unsigned char *bytes;
    size_t size;
    size_t *pending, count;
    bool fresh;          /* a journal or WAL that was not synced yet: its first sync is its folder's too */
};

/* One name: what it leads to now, and what it would lead to after a loss of power. NULL: not there. */
struct name {
    struct inode *now, *stored;
};

struct replay {
    const struct disk *disk;
    struct name names[FAULTVFS_FILES];
    struct inode *inodes[FILES_MOST];
    size_t count;
};

static unsigned char *whole(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rbe");
    unsigned char *bytes;
    long end;
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    end = ftell(file);
    assert_true(end >= 0);
    rewind(file);
    bytes = malloc((size_t)end + 1);
    assert_non_null(bytes);
    *size = fread(bytes, 1, (size_t)end, file);
    assert_int_equal(*size, end);
    fclose(file);
    return bytes;
}

struct disk *disk_read(const char *trace, const void *bytes, size_t size)
{
    struct disk *disk = calloc(1, sizeof *disk);
    size_t end, most;
    assert_non_null(disk);
    disk->trace = whole(trace, &end);
    most = end / sizeof *disk->ops + 1;
    disk->ops = calloc(most, sizeof *disk->ops);
    disk->data = calloc(most, sizeof *disk->data);
    disk->start = malloc(size + 1);
    assert_true(disk->ops && disk->data && disk->start);
    memcpy(disk->start, bytes, size);
    disk->start_size = size;
    for (size_t at = 0; at < end;) {
        struct faultvfs_record *op = &disk->ops[disk->count];
        assert_true(end - at >= sizeof *op);
        memcpy(op, disk->trace + at, sizeof *op);
        at += sizeof *op;
        disk->data[disk->count] = disk->trace + at;
        if (op->op == FAULTVFS_WRITE)
            at += op->size;
        assert_true(at <= end);
        if (op->op == FAULTVFS_FIRED)
            disk->fired = true;
        else
            disk->count++;
    }
    return disk;
}

void disk_free(struct disk *disk)
{
    if (!disk)
        return;
    free(disk->ops);
    free(disk->data);
    free(disk->trace);
    free(disk->start);
    free(disk);
}

size_t disk_ops(const struct disk *disk)
{
    return disk->count;
}

const struct faultvfs_record *disk_op(const struct disk *disk, size_t op)
{
    return &disk->ops[op];
}

bool disk_fired(const struct disk *disk)
{
    return disk->fired;
}

static struct inode *inode_new(struct replay *r, const unsigned char *bytes, size_t size, bool fresh)
{
    struct inode *n = calloc(1, sizeof *n);
    assert_true(n && r->count < FILES_MOST);
    n->bytes = malloc(size + 1);
    n->pending = malloc((r->disk->count + 1) * sizeof *n->pending);
    assert_true(n->bytes && n->pending);
    if (size > 0)
        memcpy(n->bytes, bytes, size);
    n->size = size;
    n->fresh = fresh;
    r->inodes[r->count++] = n;
    return n;
}

static void inode_reach(struct inode *n, size_t size)
{
    if (n->size >= size)
        return;
    n->bytes = realloc(n->bytes, size + 1);
    assert_non_null(n->bytes);
    memset(n->bytes + n->size, 0, size - n->size);
    n->size = size;
}

/* Brings one operation to the disk; `torn`: only some sectors of it. */
static void inode_apply(const struct disk *disk, struct inode *n, size_t op, bool torn)
{
    const struct faultvfs_record *record = &disk->ops[op];
    size_t at = (size_t)record->offset;
    if (record->op == FAULTVFS_TRUNCATE) {
        inode_reach(n, at);
        n->size = at;
        return;
    }
    inode_reach(n, at + record->size);
    for (size_t done = 0; done < record->size;) {
        size_t len = SECTOR - (at + done) % SECTOR;
        if (len > record->size - done)
            len = record->size - done;
        if (!torn || rand() % 2)
            memcpy(n->bytes + at + done, disk->data[op] + done, len);
        done += len;
    }
}

static void inode_sync(const struct disk *disk, struct inode *n)
{
    for (size_t i = 0; i < n->count; i++)
        inode_apply(disk, n, n->pending[i], false);
    n->count = 0;
}

static void names_sync(struct replay *r)
{
    for (int i = 0; i < FAULTVFS_FILES; i++)
        r->names[i].stored = r->names[i].now;
}

static void replay_op(struct replay *r, size_t op, size_t left_out)
{
    const struct faultvfs_record *record = &r->disk->ops[op];
    struct name *name = &r->names[record->file];
    if (record->op == FAULTVFS_OPEN) {
        if (!name->now)
            name->now = inode_new(r, NULL, 0, record->file != FAULTVFS_DATABASE);
    } else if (record->op == FAULTVFS_DELETE) {
        name->now = NULL;
        if (record->size)
            names_sync(r);
    } else if (record->op == FAULTVFS_SYNC && name->now && op != left_out) {
        inode_sync(r->disk, name->now);
        if (name->now->fresh)
            names_sync(r);
        name->now->fresh = false;
    } else if (record->op != FAULTVFS_SYNC && name->now) {
        name->now->pending[name->now->count++] = op;
    }
}

/* What is not synced meets its fate. */
static struct inode *meet_fate(struct replay *r, struct name *name, enum disk_fate fate)
{
    struct inode *n = fate == DISK_KEEPS_ALL || (fate == DISK_KEEPS_SOME && rand() % 2) ? name->now : name->stored;
    for (size_t i = 0; n && i < n->count; i++)
        if (fate == DISK_KEEPS_ALL || (fate == DISK_KEEPS_SOME && rand() % 2))
            inode_apply(r->disk, n, n->pending[i], fate == DISK_KEEPS_SOME && rand() % 2);
    return n;
}

static void store(const struct inode *n, const char *database, const char *ending)
{
    char path[700];
    FILE *file;
    snprintf(path, sizeof path, "%s%s", database, ending);
    unlink(path);
    if (!n)
        return;
    file = fopen(path, "wbe");
    assert_non_null(file);
    assert_int_equal(fwrite(n->bytes, 1, n->size, file), n->size);
    assert_int_equal(fclose(file), 0);
}

void disk_lose_power(const struct disk *disk, size_t ops, enum disk_fate fate, size_t left_out, const char *database)
{
    struct replay *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->disk = disk;
    r->names[FAULTVFS_DATABASE].now = inode_new(r, disk->start, disk->start_size, false);
    names_sync(r);
    for (size_t op = 0; op < ops && op < disk->count; op++)
        replay_op(r, op, left_out);
    for (int i = 0; i < FAULTVFS_FILES; i++)
        store(meet_fate(r, &r->names[i], fate), database, endings[i]);
    for (size_t i = 0; i < r->count; i++) {
        free(r->inodes[i]->bytes);
        free(r->inodes[i]->pending);
        free(r->inodes[i]);
    }
    free(r);
}
