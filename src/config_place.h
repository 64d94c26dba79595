/* config_place.h: shows the place of a fault in a file of configuration, without what may be a password. */
#ifndef JETBASE_CONFIG_PLACE_H
#define JETBASE_CONFIG_PLACE_H

#include <stddef.h>

#include "error.h"

/* Fills place and source line of an already filled error for byte `at` of a TOML or Python text. file: its name for messages. In the source line the content of strings, whatever follows "://" or stands before "@", values of keys that sound secret, and comments are masked: a configuration holds passwords. A NULL err is allowed. */
void config_place(struct error *err, const char *file, const char *text, size_t len, size_t at);

#endif
