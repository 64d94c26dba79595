/* bench_folder.c: how long looking at a folder of thousands of applied files takes, beside programs that only hash them (`make bench`).
 *
 * The limit is find and sha256sum; a limit program in C (this bench with arguments) opens, reads and hashes each file and does nothing else. FILES (10000) and ROUNDS (11) of the environment set the sizes; a tenth of FILES is measured too.
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/bench.h"
#include "bench/files.h"
#include "sha256.h"
#include "support/sandbox.h"

static int limit(void)
{
    static char text[65536];
    char digest[CHECKSUM_SIZE];
    unsigned sum = 0;
    struct sha256 hash;
    DIR *dir = opendir("migrations");
    const struct dirent *entry;
    if (!dir)
        return 1;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
        ssize_t n;
        if (fd < 0)
            return 1;
        sha256_begin(&hash);
        while ((n = read(fd, text, sizeof text)) > 0)
            sha256_add(&hash, text, (size_t)n);
        close(fd);
        if (n < 0)
            return 1;
        sha256_digest(&hash, digest);
        sum += (unsigned char)digest[0];
    }
    printf("%u\n", sum);
    closedir(dir);
    return 0;
}

struct subject {
    const struct files *files;
    const char *argv[8];
};

static void run(void *user, struct bench_cost *cost)
{
    const struct subject *s = user;
    bench_run(cost, s->files->dir, s->argv, NULL, NULL, 0);
}

static void compare(int n)
{
    char title[100];
    struct files files;
    files_open(&files);
    files_write(&files, n, false);
    files_jetbase(&files, "upgrade");
    bench_settle();
    struct subject find = { &files, { "sh", "-c", "find migrations -type f | xargs sha256sum", NULL } }, bare = { &files, { bench_self(), "limit", NULL } };
    struct subject status = { &files, { files_program(), "status", NULL } }, nothing = { &files, { files_program(), "upgrade", NULL } };
    const struct bench_entry entries[] = {
        { .name = "limit: find | xargs sha256sum", .run = run, .user = &find },
        { .name = "limit program: read and SHA-256", .run = run, .user = &bare },
        { .name = "jetbase status", .run = run, .user = &status },
        { .name = "jetbase upgrade, nothing to do", .run = run, .user = &nothing },
    };
    snprintf(title, sizeof title, "A folder of %d files, all applied (SQLite)", n);
    bench_compare(title, NULL, entries, sizeof entries / sizeof *entries, bench_rounds());
    files_close(&files);
}

static void all(void **state)
{
    int n = (int)sandbox_setting("FILES", 10000);
    (void)state;
    bench_begin("folder");
    compare(n / 10);
    compare(n);
    bench_end();
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "limit") == 0)
        return limit();
    const struct CMUnitTest benches[] = { cmocka_unit_test(all) };
    return cmocka_run_group_tests(benches, NULL, NULL);
}
