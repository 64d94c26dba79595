/* complete.h: which words may stand where the cursor is, for the completion of the shells (src/completion/). */
#ifndef JETBASE_COMPLETE_H
#define JETBASE_COMPLETE_H

#include <stdbool.h>
#include <stdio.h>

/* Answers `jetbase complete WORD…`. words: the `count` words behind `jetbase` up to the cursor, without quotes, the last one as far as it is typed ("" where nothing is). Prints each word that may stand there, whole, one a line, with a tab and its help behind it where it has one; the single line COMPLETE_FOLDERS where a folder is wanted. Commands and options come from the table; versions and files from migrations/, targets from jetbase.toml. Opens no database, writes nothing else, never waits, and prints nothing where anything is wrong. */
void complete_print(int count, const char *const words[], FILE *out);

#define COMPLETE_FOLDERS ":folders"

/* ---- complete_value.c ---- */

/* Where words go: those that begin with `typed` are printed, with `before` in front of them ("--to-version="). */
struct complete {
    FILE *out;
    const char *before, *typed;
    int before_len;      /* bytes of `before` that count */
    const char *dir;     /* -C DIR, or NULL */
};

/* Prints the word where it fits and is safe to show. help: MAY be NULL. */
void complete_offer(const struct complete *c, const char *word, const char *help);
/* Offers what fits a word of the table: VERSION, FILE, COMMAND, DIR, TARGET; the first `len` bytes of it count. False: words of this kind are not known. */
bool complete_value(const struct complete *c, const char *kind, size_t len);

#endif
