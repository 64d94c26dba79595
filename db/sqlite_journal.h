/* sqlite_journal.h: what SQLite's rollback journal of a dead writer would put back into the database file, read without doing it. */
#ifndef JETBASE_DB_SQLITE_JOURNAL_H
#define JETBASE_DB_SQLITE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

struct sqlite_journal;

/* Where a byte of the recovered file stands now. */
enum journal_page {
    JOURNAL_FILE,   /* in the database file, at its own offset */
    JOURNAL_PAGE,   /* in the journal */
    JOURNAL_BEYOND  /* behind the end of the recovered file */
};

/* Reads the journal at path. False with *err: it can't be read, or it can't be understood (the file then needs recovery before it can be read). */
bool sqlite_journal_read(const char *path, struct sqlite_journal **out, struct error *err);
/* Closes and frees. NULL is allowed. */
void sqlite_journal_free(struct sqlite_journal *journal);
/* Where the byte at `offset` stands: *from is its offset in the journal (PAGE); *len (bytes wanted) is cut at the end of its page. */
enum journal_page sqlite_journal_page(const struct sqlite_journal *journal, int64_t offset, int64_t *from, int *len);
/* Size of the recovered file in bytes. */
int64_t sqlite_journal_size(const struct sqlite_journal *journal);
/* The journal's descriptor; belongs to the journal. */
int sqlite_journal_fd(const struct sqlite_journal *journal);

#endif
