/* options_private.h: what options*.c share and nobody else needs. */
#ifndef JETBASE_OPTIONS_PRIVATE_H
#define JETBASE_OPTIONS_PRIVATE_H

#include <stddef.h>

#include "options.h"

#define OPTIONS_WORD 64 /* longer words are not compared for a suggestion */

/* A word of the command line for a message: made safe, and cut at its first colon where it looks like a URL (`://`, or `@` behind a colon), which may hold a password. */
void options_shown(const char *word, char *to, size_t size);
/* "'--count' / '-c'", as Jetbase's messages have it. */
void options_names(const struct option_def *def, char *to, size_t size);
/* The value of an option that takes a duration, a duration or `forever`, a number of 1 or more. False with ERR_USAGE. */
bool options_take_duration(const struct option_def *def, const char *text, int *ms, struct error *err);
bool options_take_wait(const struct option_def *def, const char *text, int *ms, struct error *err);
bool options_take_number(const struct option_def *def, const char *text, int *number, struct error *err);

#endif
