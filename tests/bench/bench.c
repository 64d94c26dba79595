/* bench.c: measures programs against each other in interleaved rounds. */
#include "bench/bench.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/sandbox.h"

enum { ENTRIES = 16, ROUNDS_MOST = 1000, SAID_MOST = 4096 };

static const char *bench_name;
static json_t *notes;
static double last_wall[ENTRIES], last_ratio[ENTRIES], last_cpu[ENTRIES];

void bench_settle(void)
{
    struct timespec rest = { .tv_sec = 4 };
    while (nanosleep(&rest, &rest) != 0)
        continue;
}

double bench_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

int bench_rounds(void)
{
    long rounds = sandbox_setting("ROUNDS", 11);
    assert_in_range(rounds, 1, ROUNDS_MOST);
    return (int)rounds;
}

const char *bench_self(void)
{
    static char path[1000];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    return path;
}

const char *bench_missing(const char *program)
{
    const char *path = getenv("PATH");
    char name[1024];
    while (path && *path) {
        size_t len = strcspn(path, ":");
        snprintf(name, sizeof name, "%.*s/%s", (int)len, path, program);
        if (len > 0 && access(name, X_OK) == 0)
            return NULL;
        path += len + (path[len] == ':');
    }
    return "not installed";
}

/* ---- one run ---- */

static void become(const char *dir, const char *const argv[], const char *const env[], const char *in, int said)
{
    int from = open(in ? in : "/dev/null", O_RDONLY), to = open("/dev/null", O_WRONLY);
    if (from < 0 || to < 0 || dup2(from, 0) < 0 || dup2(to, 1) < 0 || dup2(said, 2) < 0 || (dir && chdir(dir) != 0))
        _exit(126);
    for (size_t i = 0; env && env[i]; i++)
        putenv((char *)(uintptr_t)env[i]);
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static double ms(struct timeval t)
{
    return (double)t.tv_sec * 1000 + (double)t.tv_usec / 1000;
}

/* Runs it and gives its exit code. */
static int run(struct bench_cost *cost, const char *dir, const char *const argv[], const char *const env[], const char *in, FILE *said)
{
    struct rusage used;
    int status;
    double from;
    pid_t pid;
    fflush(NULL);
    from = bench_now_ms();
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        become(dir, argv, env, in, fileno(said));
    assert_int_equal(wait4(pid, &status, 0, &used), pid);
    *cost = (struct bench_cost){ .wall_ms = bench_now_ms() - from, .cpu_user_ms = ms(used.ru_utime), .cpu_ms = ms(used.ru_utime) + ms(used.ru_stime), .peak_kb = used.ru_maxrss, .count = -1 };
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool bench_works(const char *dir, const char *const argv[], const char *const env[])
{
    struct bench_cost cost;
    FILE *said = tmpfile();
    assert_non_null(said);
    bool works = run(&cost, dir, argv, env, NULL, said) == 0;
    fclose(said);
    return works;
}

void bench_run(struct bench_cost *cost, const char *dir, const char *const argv[], const char *const env[], const char *in, int exit)
{
    FILE *said = tmpfile();
    assert_non_null(said);
    int code = run(cost, dir, argv, env, in, said);
    if (code != exit) {
        char words[SAID_MOST];
        rewind(said);
        words[fread(words, 1, sizeof words - 1, said)] = '\0';
        fail_msg("%s ended with %d instead of %d: %s", argv[0], code, exit, words);
    }
    fclose(said);
}

/* ---- figures ---- */

struct spread {
    double min, median, max;
};

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static struct spread spread_of(const double *values, int count)
{
    double sorted[ROUNDS_MOST];
    memcpy(sorted, values, (size_t)count * sizeof *values);
    qsort(sorted, (size_t)count, sizeof *sorted, by_size);
    return (struct spread){ sorted[0], (sorted[count / 2] + sorted[(count - 1) / 2]) / 2, sorted[count - 1] };
}

/* All rounds of one entry. */
struct record {
    double wall[ROUNDS_MOST], ratio[ROUNDS_MOST], cpu[ROUNDS_MOST], peak[ROUNDS_MOST], count[ROUNDS_MOST];
};

static void measure(const struct bench_entry *entry, struct bench_cost *cost)
{
    if (entry->before)
        entry->before(entry->user);
    entry->run(entry->user, cost);
}

static int rounds_of(const struct bench_entry *entry, int rounds)
{
    return entry->rounds > 0 && entry->rounds < rounds ? entry->rounds : rounds;
}

static void one_round(const struct bench_entry *entries, size_t count, int round, struct record *records)
{
    struct bench_cost costs[ENTRIES] = { 0 };
    for (size_t i = 0; i < count; i++) {
        size_t at = (i + (size_t)round) % count;
        if (!entries[at].missing && (entries[at].rounds == 0 || round < entries[at].rounds))
            measure(&entries[at], &costs[at]);
    }
    for (size_t i = 0; i < count; i++) {
        struct record *r = &records[i];
        r->wall[round] = costs[i].wall_ms;
        r->cpu[round] = costs[i].cpu_ms;
        r->peak[round] = (double)costs[i].peak_kb / 1024;
        r->count[round] = costs[i].count;
        r->ratio[round] = costs[0].wall_ms > 0 ? costs[i].wall_ms / costs[0].wall_ms : 0;
    }
}

static json_t *figures(const char *name, const struct record *r, int rounds)
{
    struct spread wall = spread_of(r->wall, rounds), ratio = spread_of(r->ratio, rounds), cpu = spread_of(r->cpu, rounds), peak = spread_of(r->peak, rounds), count = spread_of(r->count, rounds);
    return json_pack("{s:s, s:i, s:[f,f,f], s:[f,f,f], s:[f,f,f], s:f, s:o}", "name", name, "rounds", rounds, "wall_ms", wall.min, wall.median, wall.max, "ratio", ratio.min, ratio.median, ratio.max,
                     "cpu_ms", cpu.min, cpu.median, cpu.max, "peak_mb", peak.max, "count", count.median >= 0 ? json_real(count.median) : json_null());
}

/* of_all: how many rounds the table has. */
static void show(const char *name, const struct record *r, int rounds, int of_all)
{
    struct spread wall = spread_of(r->wall, rounds), ratio = spread_of(r->ratio, rounds), cpu = spread_of(r->cpu, rounds), peak = spread_of(r->peak, rounds), count = spread_of(r->count, rounds);
    printf("  %-36s %9.1f %9.1f %9.1f %7.3f %7.3f %7.3f %9.1f %7.1f", name, wall.min, wall.median, wall.max, ratio.min, ratio.median, ratio.max, cpu.median, peak.max);
    if (count.median >= 0)
        printf(" %9.0f", count.median);
    if (rounds < of_all)
        printf("  %d rounds", rounds);
    printf("\n");
}

static void show_head(const char *title, const char *counted, int rounds)
{
    double load[1] = { 0 };
    if (getloadavg(load, 1) != 1)
        load[0] = 0;
    printf("%s (%d rounds, load %.1f)\n", title, rounds, load[0]);
    printf("  %-36s %29s %23s %9s %7s\n", "", "wall ms", "ratio", "cpu ms", "peak");
    printf("  %-36s %9s %9s %9s %7s %7s %7s %9s %7s %9s\n", "", "min", "median", "max", "min", "median", "max", "median", "MB", counted ? counted : "");
}

void bench_compare(const char *title, const char *counted, const struct bench_entry *entries, size_t count, int rounds)
{
    struct record *records = calloc(count, sizeof *records);
    json_t *rows = json_array();
    struct bench_cost warm;
    assert_non_null(records);
    assert_in_range(count, 1, ENTRIES);
    for (size_t i = 0; i < count; i++)
        if (!entries[i].missing)
            measure(&entries[i], &warm);
    for (int round = 0; round < rounds; round++)
        one_round(entries, count, round, records);
    show_head(title, counted, rounds);
    for (size_t i = 0; i < count; i++) {
        int own = rounds_of(&entries[i], rounds);
        last_wall[i] = spread_of(records[i].wall, own).median;
        last_ratio[i] = spread_of(records[i].ratio, own).median;
        last_cpu[i] = spread_of(records[i].cpu, own).median;
        if (entries[i].missing)
            printf("  %-36s %s\n", entries[i].name, entries[i].missing);
        else
            show(entries[i].name, &records[i], own, rounds);
        json_array_append_new(rows, entries[i].missing ? json_pack("{s:s, s:s}", "name", entries[i].name, "missing", entries[i].missing) : figures(entries[i].name, &records[i], own));
    }
    printf("\n");
    fflush(stdout);
    bench_note(title, json_pack("{s:i, s:s?, s:o}", "rounds", rounds, "counted", counted, "rows", rows));
    free(records);
}

double bench_wall(size_t i)
{
    return last_wall[i];
}

double bench_ratio(size_t i)
{
    return last_ratio[i];
}

double bench_cpu(size_t i)
{
    return last_cpu[i];
}

/* ---- the JSON file ---- */

void bench_note(const char *key, json_t *value)
{
    assert_non_null(notes);
    assert_int_equal(json_object_set_new(notes, key, value), 0);
}

void bench_begin(const char *name)
{
    double load[1] = { 0 };
    bench_name = name;
    notes = json_object();
    if (getloadavg(load, 1) == 1)
        bench_note("load_at_start", json_real(load[0]));
    bench_note("rounds", json_integer(bench_rounds()));
    bench_note("processors", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
}

void bench_end(void)
{
    const char *named = getenv("BENCH_JSON"), *path = named ? named : "bench.json";
    json_t *all = json_load_file(path, 0, NULL);
    if (!json_is_object(all)) {
        json_decref(all);
        all = json_object();
    }
    json_object_set_new(all, bench_name, notes);
    assert_int_equal(json_dump_file(all, path, JSON_INDENT(1) | JSON_SORT_KEYS), 0);
    json_decref(all);
    notes = NULL;
}
