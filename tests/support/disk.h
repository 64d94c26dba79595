/* disk.h: a disk whose power goes: from a trace of the faulty program (faultvfs.h) it makes the files as they may stand after any of its operations. */
#ifndef JETBASE_TESTS_DISK_H
#define JETBASE_TESTS_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "faultvfs.h"

/* What became of that which was not synced when the power went. */
enum disk_fate {
    DISK_KEEPS_ALL,
    DISK_DROPS_ALL,  /* writes, truncations, names made and names removed */
    DISK_KEEPS_SOME, /* any of them, a write by sectors of 512 bytes */
    DISK_FATES
};

#define DISK_NO_OP SIZE_MAX

struct disk;

/* Reads the trace. The database file held `bytes` before it; they are copied. Fails the test where it can't. */
struct disk *disk_read(const char *trace, const void *bytes, size_t size);
void disk_free(struct disk *disk);
/* Its operations. */
size_t disk_ops(const struct disk *disk);
const struct faultvfs_record *disk_op(const struct disk *disk, size_t op);
/* Did the wanted fault happen? */
bool disk_fired(const struct disk *disk);
/* Writes database, journal and WAL, where they exist, as they may stand when the power goes before operation `ops`. The sync `left_out` (or DISK_NO_OP) never reached the disk. */
void disk_lose_power(const struct disk *disk, size_t ops, enum disk_fate fate, size_t left_out, const char *database);

#endif
