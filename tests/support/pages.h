/* pages.h: reads the manual pages and the README, for tests that compare them with the program. */
#ifndef JETBASE_TESTS_PAGES_H
#define JETBASE_TESTS_PAGES_H

#include <stdbool.h>
#include <stddef.h>

/* The text of a file of the source ("man/jetbase.1"); to be freed. Fails the test where it can't be read. */
char *pages_read(const char *name);
/* The part of a page from the line `.Sh TITLE` to the next `.Sh`; to be freed. Fails the test where there is none. */
char *pages_section(const char *page, const char *title);
/* A line without mdoc's escapes (`\&`, `\-`): what a reader sees of it. */
void pages_plain(const char *line, size_t len, char *to, size_t size);
/* Does the text hold the word, with no letter, digit, `-`, `_` or `.` of a longer one before or behind it (a full stop may end a sentence)? */
bool pages_word(const char *text, const char *word);

#endif
