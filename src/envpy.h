/* envpy.h: reads Jetbase's env.py without running it. */
#ifndef JETBASE_ENVPY_H
#define JETBASE_ENVPY_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

/* Called for each name that is assigned at top level and is none of the settings. name is not terminated. */
typedef void (*envpy_name_fn)(void *user, const char *name, size_t len, unsigned line);

/* Reads the text of an env.py. settings[key] is what the name holds after the file has run: a literal, None (absent), a value of the environment (os.environ[…], os.environ.get(…), os.getenv(…)), f-strings of these and these joined by `+`; UNSET where os.environ[…] has no such variable; or UNREADABLE where the file computes it otherwise, or does something that might set it or stop the program.
 * The environment is this process's: where an earlier statement may have changed it (any call that is not understood, an assignment to os.environ), what is read from it is UNREADABLE. load_dotenv() of dotenv, without override, sets only what is not set: behind it, a variable that is set is read, and one that is not is UNSET.
 * file: its name for messages. seen MAY be NULL. False: ERR_CONFIG (no Python, with its place) or ERR_NO_MEMORY. The caller frees the settings in either case. */
bool envpy_read(const char *text, size_t len, const char *file, struct setting settings[CONFIG_KEYS], envpy_name_fn seen, void *user, struct error *err);

#endif
