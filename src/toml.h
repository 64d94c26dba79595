/* toml.h: a small strict reader of TOML files, for single values. */
#ifndef JETBASE_TOML_H
#define JETBASE_TOML_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

/* Called for each `key = value`. path: table and key, dotted ("tool.jetbase.sqlalchemy_url"); parts that are no bare keys stand in quotes, and elements of arrays of tables have "[]" behind the array's name. value: TEXT, BOOL, INTEGER, or OTHER with the name of its type (float, list, dict, date). It lives for the call. False, with *err filled, stops the reading. */
typedef bool (*toml_fn)(void *user, const char *path, const struct setting *value, struct error *err);

/* Reads a TOML text. Names that are set or declared twice are the caller's to see. file: its name for messages. False: ERR_CONFIG with the place, ERR_NO_MEMORY, or what fn said. */
bool toml_read(const char *text, size_t len, const char *file, toml_fn fn, void *user, struct error *err);

#endif
