/* fuzz_config.h: fuzz targets of the readers of TOML and of env.py. */
#ifndef JETBASE_TESTS_FUZZ_CONFIG_H
#define JETBASE_TESTS_FUZZ_CONFIG_H

#include <stddef.h>

/* Read a text and check what holds for every text; they abort, with the reason on standard error, where a promise is broken. */
void fuzz_toml(const char *text, size_t len);
void fuzz_envpy(const char *text, size_t len);

#endif
