/* detail.h: what the detail pane shows of one migration file: its facts and its SQL, read from the file alone. Plain copies. */
#ifndef JETBASE_UI_DETAIL_H
#define JETBASE_UI_DETAIL_H

#include "migration.h"

enum detail_half { DETAIL_WHOLE, DETAIL_HALF_UPGRADE, DETAIL_HALF_ROLLBACK };

/* Which file. */
struct detail_want {
    char file[512];              /* base name; "": none */
    char path[1024];             /* of the file, where the listing has it; "": it has to be looked for */
    char version[160];           /* of a versioned one, as the history spells it */
    enum migration_type type;
    enum scan_dialect dialect;
    bool standard_strings;
    enum detail_half half;       /* its section that was left half applied: its statements are wanted too */
    const void *seen;            /* the listing it was chosen from: another one means that the file may have changed */
};

/* What one section of it is. */
struct detail_section {
    unsigned statements;
    bool outside;                /* runs outside a transaction */
    char fault[300];             /* why it can't run, safe to show; or "" */
    char **lines;                /* its text, safe to show, TAB as four blanks */
    size_t count;
    bool cut;                    /* there are more lines */
};

/* A file as it was read. */
struct detail {
    struct detail_want want;
    char fault[400];             /* it is missing or unreadable: nothing else is filled; or "" */
    char path[1024];             /* to open it */
    char checksum[CHECKSUM_SIZE];
    struct detail_section upgrade, rollback;
    char **sql;                  /* the first statements of the section that was left half applied, safe to show; NULL where none was */
    unsigned sql_count;
};

/* Reads it; a file that can't be read gives its fault. NULL where memory ran out. */
struct detail *detail_read(const char *project_dir, const struct detail_want *want);
/* Is it about that file? NULL gives false. */
bool detail_is_of(const struct detail *detail, const struct detail_want *want);
/* Frees it. NULL is allowed. */
void detail_free(struct detail *detail);

#endif
