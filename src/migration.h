/* migration.h: the migration folder and the files in it: names, order, sections. */
#ifndef JETBASE_MIGRATION_H
#define JETBASE_MIGRATION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "checksum.h"
#include "scanner.h"

struct facts;

#define MIGRATION_ANY_SIZE INT64_MAX

enum migration_type { MIGRATION_VERSIONED, MIGRATION_RUNS_ALWAYS, MIGRATION_RUNS_ON_CHANGE };

/* One file of migrations/. Strings belong to the folder. */
struct migration {
    enum migration_type type;
    const char *path;         /* to open it */
    const char *file;         /* base name, as jetbase_migrations stores it */
    const char *version;      /* `_` -> `.`; NULL for repeatables */
    const char *description;
    char checksum[CHECKSUM_SIZE]; /* "" until migration_hash() */
    char raw[CHECKSUM_SIZE];      /* SHA-256 of the bytes, "" until migration_hash() */
    const atomic_int *stop;       /* NULL until folder_stop_at() */
    bool listed;                  /* the listing of the folder said that it is a regular file */
    struct facts *facts;          /* what facts.c knows of it, the folder's; MAY be NULL */
    atomic_llong *room;           /* the folder's; NULL until folder_keep_texts() */
};

/* The folder as read at one moment: versioned files by version, then RA by path, then ROC by path. */
struct folder;

/* Reads DIR/migrations with its sub-folders. Errors as Jetbase words them (invalid name, duplicate version, also versions spelt differently: `1`, `1.0`, `01`), a folder that can't be read, a directory named like a migration, FIFO, device, dangling link: ERR_FILE. Whether a file may be read shows in migration_hash(). Files that are no migrations at all (README.md, .gitkeep) are passed over and counted. False and *err on failure. */
bool folder_read(const char *project_dir, struct folder **out, struct error *err);
/* Does it still hold the same names? False where one may have come, gone or been replaced; contents are another matter (see facts.h). */
bool folder_still(const struct folder *folder);
/* Reads it again where it no longer is what `before` (MAY be NULL) holds: *now, the caller's, which takes over what is known of its files as far as it is true (see facts.h). Where it still is, *now is NULL. False and *err as folder_read(). */
bool folder_renew(const char *project_dir, struct folder *before, struct folder **now, struct error *err);
/* Frees it and all its migrations. */
void folder_free(struct folder *folder);
/* From now on reading any of its files ends with ERR_CANCELLED once *stop is not zero: a large one takes seconds. NULL: never. */
void folder_stop_at(struct folder *folder, const atomic_int *stop);
/* From now on the bytes of small files stay in memory when they are checked, `most` of them together with those that are there already: whoever runs them need not read them again. */
void folder_keep_texts(struct folder *folder, size_t most);
/* How many migrations. */
size_t folder_count(const struct folder *folder);
/* The i-th, in order of running. */
struct migration *folder_at(struct folder *folder, size_t i);
/* The versioned migration whose version text is exactly `version`, or NULL. */
struct migration *folder_find_version(struct folder *folder, const char *version);
/* The versioned migration of an equal version, however it is spelt (`1.0` for `1`), or NULL. */
struct migration *folder_find_equal(struct folder *folder, const char *version);
/* The migration of that base name and type, or NULL. */
struct migration *folder_find_file(struct folder *folder, const char *file, enum migration_type type);
/* <0, 0, >0 in the order of running; 0 only for the same type and path. */
int migration_compare(const struct migration *a, const struct migration *b);
/* How many files were passed over as no migrations, and the i-th's name. */
size_t folder_passed_count(const struct folder *folder);
const char *folder_passed(const struct folder *folder, size_t i);

/* Fills checksum and raw by reading the file, once. */
bool migration_hash(struct migration *m, struct error *err);
/* The same for a file that was seen to be a regular one a moment ago: its kind is not asked before it is opened. *st: its state before it was read. Where it has more than `most` bytes it is not read: false, and *err as it was. */
bool migration_hash_regular(struct migration *m, off_t most, struct stat *st, struct error *err);

/* The names Jetbase stores: "VERSIONED", "RUNS_ALWAYS", "RUNS_ON_CHANGE". */
const char *migration_type_name(enum migration_type type);
/* "V14", "RA", "ROC": how it is called on screens. Writes at most size bytes. */
void migration_label(const struct migration *m, char *to, size_t size);

/* Splits a base name. True where Jetbase accepts it; description (malloc'd) and version (malloc'd, NULL for repeatables) belong to the caller. *is_migration false: no migration name at all, to be passed over. Else *err has Jetbase's words. */
bool migration_name_parse(const char *name, enum migration_type *type, char **version, char **description, bool *is_migration, struct error *err);

/* ---- sections ---- */
enum section_kind { SECTION_UPGRADE, SECTION_ROLLBACK };

/* Reads one section of a file in a window, for the scanner. */
struct section;

enum section_flags {
    SECTION_LISTED = 1,     /* the folder's listing said that it is a regular file */
    SECTION_UNDIGESTED = 2, /* section_digest() is not to be asked */
    SECTION_SUMMED = 4      /* section_sums() in its place */
};

/* Opens it (O_CLOEXEC, no FIFO is ever waited for). flags: enum section_flags bits. The BOM is passed over; the section ends and begins at Jetbase's `-- rollback` line. */
bool section_open(const char *path, const char *file, unsigned flags, enum section_kind kind, struct section **out, struct error *err);
/* A file's bytes as they were read once. Zero-initialised: none. */
struct section_text {
    char *bytes;             /* malloc'd */
    size_t len;
    char raw[CHECKSUM_SIZE]; /* their SHA-256 */
};
/* The same from bytes that were read before, which it takes over: *text is none then. */
bool section_open_text(struct section_text *text, const char *file, enum section_kind kind, struct section **out, struct error *err);
/* Gives away the bytes of the whole file, where it has at most `most` and they are all still there. To be asked once it was read through; nothing is read of the section any more. False: *text is none. */
bool section_give(struct section *section, size_t most, struct section_text *text);
/* As folder_stop_at(), for this section. */
void section_stop_at(struct section *section, const atomic_int *stop);
/* scan_read_fn: user is the section. */
size_t section_read(void *section, char *to, size_t size, struct error *err);
/* How many bytes the file had when it was opened. */
off_t section_size(const struct section *section);
/* The delimiter directive, or NULL. Known after section_open. */
const char *section_delimiter(const struct section *section);
/* A comment line `-- jetbase: NAME` or `-- jetbase: NAME=VALUE` before the file's first SQL line, but for the delimiter that counts. Strings belong to the section. */
struct directive {
    char *name;                     /* as it is written; "" where there is none */
    char *value;                    /* what stands behind `=`; NULL where there is no `=` */
    unsigned line;                  /* in the file, from 1 */
    unsigned name_column, value_column; /* in characters, from 1; value_column 0 where there is no `=` */
};
/* How many there are, and the i-th, from 0. Known after section_open, for both sections. */
size_t section_directive_count(const struct section *section);
const struct directive *section_directive_at(const struct section *section, size_t i);
/* Whether one of that name is there (in any case; the first one counts). value (may be NULL) gets what stands behind `=`, "" where there is none, cut to `size` bytes. */
bool section_directive(const struct section *section, const char *name, char *value, size_t size);
/* The place of the section's first byte: column 1, also behind a BOM. */
const struct place *section_start(const struct section *section);
/* Reads what is left of the file, and tells the SHA-256 of all its bytes as hex. False: read error. */
bool section_digest(struct section *section, char raw[CHECKSUM_SIZE], struct error *err);
/* The same for both of the file's sums, as migration_hash() makes them, and its state when it was opened; once. False: a read error, or a file that has no sum. */
bool section_sums(struct section *section, char checksum[CHECKSUM_SIZE], char raw[CHECKSUM_SIZE], struct stat *st, struct error *err);
/* Closes and frees. NULL is allowed. */
void section_close(struct section *section);

#endif
