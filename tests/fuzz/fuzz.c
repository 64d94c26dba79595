/* fuzz.c: the list of fuzz targets, and what drives them where there is no fuzzer. */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    fuzz_fn target;
} all[] = {
    { "checksum", fuzz_checksum }, { "envpy", fuzz_envpy }, { "event", fuzz_event }, { "name", fuzz_name }, { "scanner", fuzz_scanner }, { "script", fuzz_script }, { "toml", fuzz_toml }, { "url", fuzz_url },
};

fuzz_fn fuzz_target(const char *name)
{
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].name, name) == 0)
            return all[i].target;
    return NULL;
}

void fuzz_broken(const char *what, const char *text, size_t len)
{
    fprintf(stderr, "fuzz: %s\n---- text\n", what);
    fwrite(text, 1, len, stderr);
    fprintf(stderr, "\n----\n");
    abort();
}

/* From memory of just this size, so that reading on is seen. */
static void give(const char *text, size_t len, fuzz_fn target)
{
    char *copy = malloc(len ? len : 1);
    if (!copy)
        fuzz_broken("memory ran out", text, len);
    memcpy(copy, text, len);
    target(copy, len);
    free(copy);
}

static void run_file(const char *dir, const char *name, fuzz_fn target, bool beginnings)
{
    static char bytes[100000];
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "re");
    if (!file)
        fuzz_broken("a file can't be read", path, strlen(path));
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    if (len == sizeof bytes)
        fuzz_broken("a file is too long", path, strlen(path));
    for (size_t part = beginnings ? 0 : len; part <= len; part++)
        give(bytes, part, target);
}

int fuzz_folder(const char *dir, fuzz_fn target, bool beginnings)
{
    DIR *folder = opendir(dir);
    struct dirent *entry;
    int files = 0;
    if (!folder)
        return -1;
    while ((entry = readdir(folder))) {
        if (entry->d_name[0] == '.')
            continue;
        run_file(dir, entry->d_name, target, beginnings);
        files++;
    }
    closedir(folder);
    return files;
}

/* A small generator of its own, so that every run tries the same texts. */
static uint32_t next(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    return *x ^= *x << 5;
}

void fuzz_words(const char *const *words, size_t count, size_t most, int rounds, fuzz_fn target)
{
    uint32_t x = 20261126;
    char text[8192];
    while (rounds-- > 0) {
        size_t len = 0;
        for (size_t n = next(&x) % (most + 1); n > 0; n--) {
            const char *word = words[next(&x) % count];
            size_t size = strlen(word) ? strlen(word) : 1; /* "" stands for a byte of 0 */
            if (len + size > sizeof text)
                break;
            memcpy(text + len, word, size);
            len += size;
        }
        give(text, len, target);
    }
}
