/* test_coexist_race.c: runs of Python's Jetbase and of ours on one database at random instants: each migration is applied exactly once, and a run that lost says why. ROUNDS and SEED may be set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <pthread.h>

#include "support/python.h"
#include "support/run.h"

#define HELD "Migration lock is already held by another process."

enum { FILES = 4, OURS = 2, LONGEST_US = 120000 };

struct racer {
    pthread_t thread;
    struct sandbox *sb;
    unsigned seed;
    struct python py;
    enum python_end end;
};

static void some_time(unsigned *seed, long longest_us)
{
    struct timespec wait = { .tv_nsec = rand_r(seed) % longest_us * 1000L };
    nanosleep(&wait, NULL);
}

static void racer_pause(struct python *py, const char *where)
{
    struct racer *r = py->user;
    some_time(&r->seed, strcmp(where, "planned") == 0 ? LONGEST_US : LONGEST_US / 8);
}

static void *racer_run(void *arg)
{
    struct racer *r = arg;
    some_time(&r->seed, LONGEST_US / 2);
    r->end = python_upgrade(&r->py, FILES);
    return NULL;
}

/* A Python that lost its race says so by its lock, by our index, or, on SQLite, by the file being busy. */
static void check_racer(const struct racer *r, int *refused)
{
    bool busy = strcmp(r->py.fault, "5") == 0 || strcmp(r->py.fault, "517") == 0; /* SQLITE_BUSY, SQLITE_BUSY_SNAPSHOT */
    bool unique = strcmp(r->py.fault, "2067") == 0 || strcmp(r->py.fault, "23505") == 0;
    *refused += r->end == PYTHON_FAILED && unique;
    if (r->end == PYTHON_FAILED && !unique && !busy)
        fail_msg("Python's run: %s %s", r->py.fault, r->py.message);
}

static void check_ours(const struct process *p)
{
    if (p->exit != 0 && !(p->exit == 3 && strstr(p->err, HELD)))
        fail_msg("exit %d\n%s%s", p->exit, p->out, p->err);
}

/* One Python on a fresh database, or two where our index is there already: against each other Python's runs have nothing else. */
static void race(enum sandbox_kind kind, unsigned *seed, bool fresh, int won[3])
{
    static const char *const upgrade[] = { "upgrade", NULL };
    struct sandbox sb;
    struct racer racers[2];
    struct process ours[OURS];
    int count = fresh ? 1 : 2;
    sandbox_open(&sb, kind);
    python_files(&sb, 1, FILES, true);
    if (!fresh)
        run_says(&sb, "upgrade --count 1", 0, NULL, "");
    for (int i = 0; i < count; i++) {
        racers[i] = (struct racer){ .sb = &sb, .seed = (unsigned)rand_r(seed) };
        assert_true(python_open(&racers[i].py, &sb));
        racers[i].py.between = racer_pause;
        racers[i].py.user = &racers[i];
        assert_int_equal(pthread_create(&racers[i].thread, NULL, racer_run, &racers[i]), 0);
    }
    for (int i = 0; i < OURS; i++) {
        some_time(seed, LONGEST_US);
        sandbox_start(&sb, &ours[i], false, NULL, upgrade);
    }
    for (int i = 0; i < OURS; i++)
        process_wait(&ours[i]);
    for (int i = 0; i < count; i++) {
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
        check_racer(&racers[i], &won[2]);
        won[0] += racers[i].py.applied > 0;
        python_close(&racers[i].py);
    }
    for (int i = 0; i < OURS; i++) {
        check_ours(&ours[i]);
        won[1] += strstr(ours[i].out, "applied successfully") != NULL;
        process_free(&ours[i]);
    }
    run_says(&sb, "upgrade", 0, NULL, NULL);
    python_check_once(&sb, FILES);
    python_check_free(&sb);
    sandbox_close(&sb);
}

static void races(enum sandbox_kind kind)
{
    long rounds = sandbox_setting("ROUNDS", 6);
    unsigned first = (unsigned)sandbox_setting("SEED", (long)time(NULL)), seed = first;
    int won[3] = { 0 };
    print_message("SEED=%u\n", first);
    for (long n = 0; n < rounds; n++)
        race(kind, &seed, n % 2 == 0, won);
    print_message("%ld rounds: Python applied in %d runs, ours in %d; %d of Python's met the index\n", rounds, won[0], won[1], won[2]);
}

int main(void)
{
    static const struct run_case tests[] = { RUN_TEST(races) };
    return run_group("coexist_race", tests, sizeof tests / sizeof *tests);
}
