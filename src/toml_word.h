/* toml_word.h: tells the type of a TOML value that stands without quotes. */
#ifndef JETBASE_TOML_WORD_H
#define JETBASE_TOML_WORD_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

/* BOOL, INTEGER, or OTHER with the name of the type in *type (static); ABSENT where it is no value at all. */
enum setting_kind toml_word(const char *word, const char **type);

/* True for a date, a time, or both. */
bool toml_is_date(const char *s, size_t len);

#endif
