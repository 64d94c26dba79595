/* files.c: folders and files that tests make, and vectors that they read. */
#include "files.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

void files_folder(char dir[FILES_PATH])
{
    snprintf(dir, FILES_PATH, "/tmp/jetbase-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *where)
{
    (void)st;
    (void)flag;
    (void)where;
    return remove(path);
}

void files_remove(const char *dir)
{
    assert_int_equal(strncmp(dir, "/tmp/jetbase-test-", 18), 0);
    assert_int_equal(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void files_write_bytes(const char *dir, const char *name, const void *bytes, size_t len)
{
    char path[2 * FILES_PATH];
    int written = snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_true(written > 0 && (size_t)written < sizeof path);
    for (char *slash = strchr(path + strlen(dir) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

void files_write(const char *dir, const char *name, const char *text)
{
    files_write_bytes(dir, name, text, strlen(text));
}

json_t *files_vectors(const char *name)
{
    const char *srcdir = getenv("srcdir");
    char path[2 * FILES_PATH];
    json_error_t fault;
    snprintf(path, sizeof path, "%s/tests/vectors/%s", srcdir != NULL ? srcdir : ".", name);
    json_t *root = json_load_file(path, 0, &fault);
    if (root == NULL)
        fail_msg("%s: %s", path, fault.text);
    return root;
}

const char *files_string(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (text == NULL)
        fail_msg("no string \"%s\" in a vector", key);
    return text;
}
