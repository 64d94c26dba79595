/* fuzz.h: fuzz targets: each reads a text in one of the program's readers or writers and checks what holds for every text. They abort, with the reason on standard error, where a promise is broken. */
#ifndef JETBASE_TESTS_FUZZ_H
#define JETBASE_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>

typedef void (*fuzz_fn)(const char *text, size_t len);

void fuzz_checksum(const char *text, size_t len); /* the first byte chooses the pieces */
void fuzz_envpy(const char *text, size_t len);
void fuzz_event(const char *text, size_t len);    /* numbers and strings of an event, in order */
void fuzz_name(const char *text, size_t len);     /* names of files, a line each */
void fuzz_scanner(const char *text, size_t len);  /* the first byte chooses dialect, strings and delimiter */
void fuzz_script(const char *text, size_t len);   /* the first byte chooses the dialect */
void fuzz_toml(const char *text, size_t len);
void fuzz_url(const char *text, size_t len);      /* a URL, or the parts of one, a line each */

/* The target of that name ("checksum"), or NULL. */
fuzz_fn fuzz_target(const char *name);
/* Gives every file of a folder to a target; beginnings: and each of its beginnings. Returns how many files, -1 where it can't be read. */
int fuzz_folder(const char *dir, fuzz_fn target, bool beginnings);
/* Puts 0 to `most` of the words together, `rounds` times the same way in every run, and gives each text to a target. */
void fuzz_words(const char *const *words, size_t count, size_t most, int rounds, fuzz_fn target);
/* Says what is wrong with which text, and aborts. */
void fuzz_broken(const char *what, const char *text, size_t len) __attribute__((noreturn));

#endif
