/* faultvfs.h: what the faulty program's SQLite VFS writes down of a database's files, and how it is told to fail. */
#ifndef JETBASE_TESTS_FAULTVFS_H
#define JETBASE_TESTS_FAULTVFS_H

#include <stdint.h>

/* JETBASE_VFS_TRACE=PATH: every change of the files is appended there. JETBASE_VFS_FAIL=OP:N: the Nth operation of that name fails; OP:N+: so do all later ones. OP is one of the names of faultvfs_names. */
#define FAULTVFS_TRACE "JETBASE_VFS_TRACE"
#define FAULTVFS_FAIL "JETBASE_VFS_FAIL"

enum faultvfs_op {
    FAULTVFS_OPEN,     /* a file was opened; size is 1 where it was made by that */
    FAULTVFS_READ,     /* never written down, can fail only */
    FAULTVFS_WRITE,    /* followed by `size` bytes */
    FAULTVFS_TRUNCATE, /* to `offset` bytes */
    FAULTVFS_SYNC,     /* the file; a journal's first one also its folder */
    FAULTVFS_DELETE,   /* size is 1 where its folder was synced after it */
    FAULTVFS_FULL,     /* a write for which there is no room: never written down, can fail only */
    FAULTVFS_OPS,
    FAULTVFS_FIRED = FAULTVFS_OPS /* the wanted fault has happened; `offset` is its operation */
};

#define FAULTVFS_NAMES { "open", "read", "write", "truncate", "sync", "delete", "full" }

enum faultvfs_file { FAULTVFS_DATABASE, FAULTVFS_JOURNAL, FAULTVFS_WAL, FAULTVFS_FILES };

/* One record of the trace. */
struct faultvfs_record {
    uint8_t op, file, pad[2];
    uint32_t size;
    int64_t offset;
    int64_t told;      /* how many bytes the program had written to standard output by then */
};

#endif
