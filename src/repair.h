/* repair.h: what in history no longer fits the files, and what mending it takes (Jetbase's fix, fix-files, fix-checksums and validate-*). */
#ifndef JETBASE_REPAIR_H
#define JETBASE_REPAIR_H

#include "history.h"
#include "migration.h"

/* Which parts of history are looked at; bits. */
enum repair_part {
    REPAIR_FILES = 1,     /* rows whose file is gone */
    REPAIR_CHECKSUMS = 2  /* versions whose file has another checksum */
};

/* Rows of one version or one repeatable whose file is gone. */
struct repair_missing {
    enum migration_type type;
    char *version;       /* as history spells it; NULL for repeatables */
    char *file;
    int64_t rows;        /* how many there are: Python Jetbase leaves doubles */
};

/* A version whose rows, or one of them, have another checksum than its file. */
struct repair_changed {
    char *version;       /* as history spells it */
    char *file;          /* the file of today */
    char *recorded;      /* the first row's checksum that differs; "" where NULL */
    char actual[CHECKSUM_SIZE];
    int64_t rows;        /* all rows of that version, also those that agree */
};

/* A version that is to be recorded as applied without being run. */
struct repair_baseline {
    char *version, *description, *file;
    char checksum[CHECKSUM_SIZE];
};

/* What was found, and whether it was mended. Zero-initialise; free with repair_clear(). */
struct repair {
    unsigned parts;      /* enum repair_part bits: what was looked at to its end */
    bool none_applied;   /* history has no version; checksums need no look then */
    struct repair_missing *missing; /* versions as history has them, then repeatables */
    size_t missing_count;
    struct repair_changed *changed; /* as history has them */
    size_t changed_count;
    struct repair_baseline *baseline; /* by version; then nothing is missing or changed */
    size_t baseline_count;
    bool fixed;          /* committed */
};

/* Compares history with DIR/migrations, pure but for reading files; what *found held is dropped. Checksums are compared as if what is missing was mended, where both parts are asked for, and only after Jetbase's checks (missing files, files out of order: ERR_HISTORY), which skip_files leaves out. stop MAY be NULL; not zero: no file is read any more (ERR_CANCELLED). On false *found tells the parts that were looked at before the fault. */
bool repair_find(const char *project_dir, const struct history *history, unsigned parts, bool skip_files, const atomic_int *stop, struct repair *found, struct error *err);
/* Finds the files up to `version` (as Jetbase spells it, or with V before it) that a baseline records: all of them where history has no version yet, none where it has exactly those; else ERR_HISTORY. ERR_USAGE where no file has that version. stop, *found: as repair_find(). */
bool baseline_find(const char *project_dir, const struct history *history, const char *version, const atomic_int *stop, struct repair *found, struct error *err);
/* How many records mending takes; 0: nothing is to be mended. */
size_t repair_records(const struct repair *repair);
/* The i-th of them, pointing into the repair; last_done and the next file are left to the caller. Missing ones come first. */
struct db_record repair_record(const struct repair *repair, size_t i);
/* Whether history is as if the repair had been made. */
bool repair_is_made(const struct repair *repair, const struct history *history);
/* SHA-256 over what would be mended: each record's kind, version, file, type, rows and both checksums, in order. "" where memory ran out. */
void repair_digest(const struct repair *repair, char digest[CHECKSUM_SIZE]);
/* One line on what the i-th record does: "V2: its checksum 3f2a… becomes 9c41…, in 1 row". Safe to show. */
void repair_words(const struct repair *repair, size_t i, char *to, size_t size);
/* Frees what was found. */
void repair_clear(struct repair *repair);

#endif
