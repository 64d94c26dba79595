/* confirmed.h: a plan that was shown and is to run as it was shown, or not at all: upgrade --plan, rollback --plan. */
#ifndef JETBASE_CONFIRMED_H
#define JETBASE_CONFIRMED_H

#include "plan.h"
#include "text.h"

/* One file of it. Strings belong to the struct confirmed. */
struct confirmed_file {
    char *file;
    char *sha256;    /* of its bytes; NULL where it was not told */
};

/* Zero-initialise; free with confirmed_free(). */
struct confirmed {
    char digest[CHECKSUM_SIZE];   /* lower-case hex: whole, or its first 12 digits or more */
    bool listed;                  /* the files are known, in order */
    struct confirmed_file *files;
    size_t count;
};

/* Reads the value of --plan: 12 to 64 hex digits of a digest, else the name of a file that holds what `--dry-run --json` wrote. False with ERR_USAGE. */
bool confirmed_read(const char *value, struct confirmed *out, struct error *err);
/* Whether plan is that one. */
bool confirmed_is(const char *digest, const struct plan *plan);
/* Adds in words what differs: file by file where the files of the shown plan are known, else what would run now and its digest. Safe to show. */
void confirmed_words(const struct confirmed *confirmed, const struct plan *now, struct text *to);
/* Frees what it holds. */
void confirmed_free(struct confirmed *confirmed);

#endif
