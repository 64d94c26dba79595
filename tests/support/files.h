/* files.h: folders and files that tests make, and vectors that they read. */
#ifndef JETBASE_TESTS_FILES_H
#define JETBASE_TESTS_FILES_H

#include <stddef.h>

#include <jansson.h>

#define FILES_PATH 512

/* Makes a fresh folder under /tmp. */
void files_folder(char dir[FILES_PATH]);
/* Removes a folder with all that it holds. */
void files_remove(const char *dir);
/* Writes DIR/NAME (its folders are made), `len` bytes. */
void files_write_bytes(const char *dir, const char *name, const void *bytes, size_t len);
/* The same with a string. */
void files_write(const char *dir, const char *name, const char *text);
/* Reads $srcdir/tests/vectors/NAME; json_decref it. Fails the test where it can't. */
json_t *files_vectors(const char *name);
/* The string under `key`; fails the test where there is none. */
const char *files_string(const json_t *object, const char *key);

#endif
