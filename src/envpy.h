/* envpy.h: reads Jetbase's env.py without running it. */
#ifndef JETBASE_ENVPY_H
#define JETBASE_ENVPY_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

/* Reads the text of an env.py. settings[key] is what the name holds after the file has run: a literal, None (absent), a value of the environment (os.environ[…], os.environ.get(…), os.getenv(…)), these joined by `+`; or UNREADABLE where the file computes it otherwise, or does something that might set it or stop the program. file: its name for messages. False: ERR_CONFIG (no Python, with its place) or ERR_NO_MEMORY. The caller frees the settings in either case. */
bool envpy_read(const char *text, size_t len, const char *file, struct setting settings[CONFIG_KEYS], struct error *err);

#endif
