/* bench_console.c: how fast, how quiet and how small the console is on a big project (`make bench`).
 *
 * 10,000 migration files, half of them applied, on each database of this build; the console runs in a pseudo-terminal.
 *   key      a key is sent; the time until what it changes has arrived at the other end of the terminal
 *   limit    the same for a program that answers each key with as many bytes and does nothing else: what kernel and terminal cost
 *   file     a key that chooses another migration; the time until the text of its file has arrived
 *   idle     processor time while nothing happens, as a share of one core
 *   memory   the largest resident size of the process (VmHWM)
 * FILES, KEYS and SECONDS of the environment set the numbers of files and keys, and how long it is left idle. It prints a table, one line of JSON for each
 * database, and judges nothing: the aims stand beside the figures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/stage.h"

enum { ANSWER_MOST = 65536 };

static const char *own_path;

static int64_t now_us(clockid_t clock)
{
    struct timespec t;
    assert_int_equal(clock_gettime(clock, &t), 0);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- the limit ---- */

/* Answers each byte with `bytes` bytes, the last of which tells how many answers there were. */
static int answer(long bytes)
{
    static char line[ANSWER_MOST];
    struct termios raw;
    char key;
    memset(line, '.', sizeof line);
    if (bytes < 2 || bytes > ANSWER_MOST || tcgetattr(STDIN_FILENO, &raw) != 0)
        return 1;
    cfmakeraw(&raw);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    line[0] = '\r';
    for (unsigned n = 0; read(STDIN_FILENO, &key, 1) == 1; n++) {
        line[bytes - 1] = (char)('A' + n % 26);
        for (long done = 0; done < bytes;) {
            ssize_t put = write(STDOUT_FILENO, line + done, (size_t)(bytes - done));
            if (put <= 0)
                return 1;
            done += put;
        }
    }
    return 0;
}

/* ---- figures ---- */

struct figures {
    int64_t *us;
    size_t count, room;
};

static void note(struct figures *f, int64_t us)
{
    if (f->count == f->room) {
        f->room = f->room ? f->room * 2 : 256;
        f->us = realloc(f->us, f->room * sizeof *f->us);
        assert_non_null(f->us);
    }
    f->us[f->count++] = us;
}

static int by_size(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* Milliseconds that this share (0 … 1) of the figures does not exceed. */
static double share_ms(struct figures *f, double share)
{
    assert_true(f->count > 0);
    qsort(f->us, f->count, sizeof *f->us, by_size);
    return (double)f->us[(size_t)(share * (double)(f->count - 1) + 0.5)] / 1000.0;
}

/* ---- keys ---- */

struct bench {
    struct stage s;
    struct term *limit;
    long files, applied;
    struct figures key, file, answer;
    size_t bytes, keys;
    double idle_percent, idle_s;
    long memory_kb;
};

/* Waits until the text is there, or gone; gives the moment at which the bytes that did it had come. */
static int64_t until(struct term *term, const char *text, bool there)
{
    for (;;) {
        bool any = term_wait_bytes(term, 60000);
        int64_t at = now_us(CLOCK_MONOTONIC);
        if (term_has(term, text) == there)
            return at;
        if (!any)
            fail_msg("%s the screen after a minute: %s", there ? "not on" : "still on", text);
    }
}

static void press_until(struct bench *b, const char *key, const char *text, bool there, struct figures *into)
{
    size_t before, after;
    int64_t from;
    while (term_wait_bytes(b->s.term, 0))
        continue;
    term_bytes(b->s.term, &before);
    from = now_us(CLOCK_MONOTONIC);
    term_key(b->s.term, key);
    note(into, until(b->s.term, text, there) - from);
    term_bytes(b->s.term, &after);
    b->bytes += after - before;
    b->keys++;
}

/* A key after which that version is the chosen one. */
static void choose(struct bench *b, const char *key, long version)
{
    char title[40];
    snprintf(title, sizeof title, "4 V%ld__", version);
    press_until(b, key, title, true, &b->key);
}

/* The same, until the file's text has come. */
static void choose_file(struct bench *b, const char *key, long version)
{
    char text[40];
    snprintf(text, sizeof text, "CREATE TABLE t%ld ", version);
    press_until(b, key, text, true, &b->file);
}

static void search(struct bench *b, long version)
{
    char wanted[40], typed[48];
    int len = snprintf(wanted, sizeof wanted, "step %ld", version);
    press_until(b, "/", "/_", true, &b->key);
    for (int i = 1; i <= len; i++) {
        snprintf(typed, sizeof typed, "/%.*s_", i, wanted);
        press_until(b, (char[]){ wanted[i - 1], '\0' }, typed, true, &b->key);
    }
    choose(b, "\r", version);
}

/* Moves about in the pending pane and the applied one, searches, opens. Esc is left out: as a terminal's own sequences begin with it, every program waits a moment for what follows it. */
static void turn(struct bench *b, long n)
{
    long first = b->applied + 1, last = b->files, found = first + 2 + n * 7919 % (last - first - 2);
    char title[40];
    choose(b, "j", first + 1);
    choose(b, "j", first + 2);
    choose(b, "k", first + 1);
    choose(b, "G", last);
    choose(b, "g", first);
    snprintf(title, sizeof title, "4 V%ld__", first);
    press_until(b, "\033[6~", title, false, &b->key);
    choose(b, "g", first);
    choose(b, "\t", b->applied);
    choose(b, "j", b->applied - 1);
    choose(b, "g", b->applied);
    choose(b, "\033[Z", first);
    search(b, found);
    press_until(b, "z", "3 Applied", false, &b->key);
    press_until(b, "z", "3 Applied", true, &b->key);
    choose(b, "g", first);
    choose_file(b, "j", first + 1);
    choose_file(b, "G", last);
    choose_file(b, "g", first);
}

static void answer_turn(struct bench *b, long bytes, size_t keys)
{
    while (keys--) {
        int64_t from = now_us(CLOCK_MONOTONIC);
        size_t before, after;
        term_bytes(b->limit, &before);
        term_key(b->limit, "j");
        do {
            term_wait_bytes(b->limit, 60000);
            term_bytes(b->limit, &after);
        } while (after < before + (size_t)bytes);
        note(&b->answer, now_us(CLOCK_MONOTONIC) - from);
    }
}

static void press_all(struct bench *b, long keys)
{
    char bytes[24];
    const char *const argv[] = { own_path, bytes, NULL };
    long mean;
    turn(b, 0); /* to warm up, and to see how much a key brings */
    mean = (long)(b->bytes / b->keys);
    b->key.count = b->file.count = b->keys = 0;
    snprintf(bytes, sizeof bytes, "%ld", mean > 2 ? mean : 2);
    b->limit = term_start(24, 80, "/", argv, NULL);
    answer_turn(b, mean, 1);
    b->answer.count = 0;
    for (long n = 1; b->key.count < (size_t)keys; n++) {
        size_t before = b->key.count;
        turn(b, n);
        answer_turn(b, mean, b->key.count - before);
    }
    term_free(b->limit);
}

/* ---- idle, memory ---- */

static void leave_idle(struct bench *b, long seconds)
{
    clockid_t clock;
    int64_t from, used, end;
    assert_int_equal(clock_getcpuclockid(term_pid(b->s.term), &clock), 0);
    while (term_wait_bytes(b->s.term, 2000) && !term_has(b->s.term, "rollback  "))
        continue;
    used = now_us(clock);
    from = now_us(CLOCK_MONOTONIC);
    end = from + seconds * 1000000;
    /* The clock on its screen goes on: what it sends has to be taken. */
    while (now_us(CLOCK_MONOTONIC) < end)
        term_wait_bytes(b->s.term, (int)((end - now_us(CLOCK_MONOTONIC)) / 1000) + 1);
    b->idle_s = (double)(now_us(CLOCK_MONOTONIC) - from) / 1e6;
    b->idle_percent = (double)(now_us(clock) - used) / 1e4 / b->idle_s;
}

static long memory_kb(pid_t pid)
{
    char path[64], line[256];
    long kb = -1;
    FILE *status;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    status = fopen(path, "re");
    assert_non_null(status);
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %ld", &kb) == 1)
            break;
    fclose(status);
    return kb;
}

/* ---- all of it ---- */

static void show(struct bench *b, const char *database)
{
    double key_50 = share_ms(&b->key, 0.5), key_99 = share_ms(&b->key, 0.99), limit_50 = share_ms(&b->answer, 0.5), limit_99 = share_ms(&b->answer, 0.99);
    double file_50 = share_ms(&b->file, 0.5), file_99 = share_ms(&b->file, 0.99), mb = (double)b->memory_kb / 1024.0;
    printf("console, %s: %ld files, %ld applied, %zu keys\n", database, b->files, b->applied, b->key.count);
    printf("  %-28s %10s %10s %10s %10s\n", "", "p50", "p99", "largest", "aim");
    printf("  %-28s %7.2f ms %7.2f ms %7.2f ms %s\n", "key to screen", key_50, key_99, share_ms(&b->key, 1), "p99 under 10 ms");
    printf("  %-28s %7.2f ms %7.2f ms %7.2f ms\n", "the limit: answer and do no more", limit_50, limit_99, share_ms(&b->answer, 1));
    printf("  %-28s %7.1f x  %7.1f x\n", "ratio", key_50 / limit_50, key_99 / limit_99);
    printf("  %-28s %7.2f ms %7.2f ms %7.2f ms\n", "key to the file's text", file_50, file_99, share_ms(&b->file, 1));
    printf("  %-28s %7.2f %% of one core over %.0f s         under 0.3 %%\n", "idle", b->idle_percent, b->idle_s);
    printf("  %-28s %7.1f MB                          under 30 MB\n", "memory", mb);
    printf("{\"bench\": \"console\", \"database\": \"%s\", \"files\": %ld, \"applied\": %ld, \"keys\": %zu, \"key_p50_ms\": %.3f, \"key_p99_ms\": %.3f, \"limit_p50_ms\": %.3f, \"limit_p99_ms\": %.3f, "
           "\"file_p50_ms\": %.3f, \"file_p99_ms\": %.3f, \"idle_percent\": %.3f, \"idle_s\": %.1f, \"memory_mb\": %.1f}\n",
           database, b->files, b->applied, b->key.count, key_50, key_99, limit_50, limit_99, file_50, file_99, b->idle_percent, b->idle_s, mb);
    fflush(stdout);
}

static void bench(enum sandbox_kind kind, const char *database)
{
    struct bench b = { .files = sandbox_setting("FILES", 10000) };
    char count[24], pending[60];
    const char *const upgrade[] = { "upgrade", "--count", count, NULL };
    b.applied = b.files / 2;
    assert_in_range(b.files, 100, 1000000);
    stage_open(&b.s, kind, (int)b.files);
    snprintf(count, sizeof count, "%ld", b.applied);
    assert_int_equal(sandbox_run(&b.s.sb, NULL, upgrade), 0);
    stage_console(&b.s, NULL, NULL);
    snprintf(pending, sizeof pending, "2 Pending %ld", b.files - b.applied);
    term_wait_for(b.s.term, pending);
    term_wait_for(b.s.term, "rollback  ");
    press_all(&b, sandbox_setting("KEYS", 2000));
    leave_idle(&b, sandbox_setting("SECONDS", 60));
    b.memory_kb = memory_kb(term_pid(b.s.term));
    stage_quit(&b.s);
    stage_close(&b.s);
    show(&b, database);
    free(b.key.us);
    free(b.file.us);
    free(b.answer.us);
}

static void on_sqlite(void **state)
{
    (void)state;
    bench(SANDBOX_SQLITE, "SQLite");
}

static void on_postgres(void **state)
{
    (void)state;
    bench(SANDBOX_POSTGRES, "PostgreSQL");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(on_sqlite), cmocka_unit_test(on_postgres) };
    char path[1000];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (argc > 1)
        return answer(strtol(argv[1], NULL, 10));
    path[len > 0 ? len : 0] = '\0';
    own_path = path;
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("bench_console", tests, NULL, NULL);
}
