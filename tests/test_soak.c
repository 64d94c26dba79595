/* test_soak.c: random faults under random runs of random projects on both databases. After each: every migration applied once or not at all, history equals schema, the lock free or its verdict right, no message untrue; and the project can be brought to its end. ROUNDS, SEED (of the first round: a failure names its own) and FAULT may be set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/soak.h"

enum { STAGES = 3 };

struct tally {
    int rounds, stage[STAGES][2]; /* nothing, some, all of it happened; lock free or held */
    int exits[256];
};

static struct tally tallies[2][SOAK_FAULTS];

static void note(const struct soak *s)
{
    struct tally *t = &tallies[s->sb.kind][s->fault];
    int wanted = s->back ? s->before - s->count : s->files;
    t->rounds++;
    t->stage[s->applied == s->before ? 0 : s->applied == wanted ? 2 : 1][s->locked]++;
    for (int i = 0; i < s->started; i++)
        t->exits[s->runs[i].exit & 255]++;
}

static void show(const struct soak *s)
{
    print_error("SEED=%u: %s, %s of %d files (%d applied%s%s), %s: %s\n", s->seed, s->sb.kind == SANDBOX_SQLITE ? "SQLite" : "PostgreSQL", s->back ? "rollback" : "upgrade", s->files, s->before,
                s->repeatable ? ", RA" : "", s->outside ? ", no-transaction" : "", soak_fault_name(s->fault), s->words);
    for (int i = 0; i < s->started; i++)
        print_error("exit %d\n%s%s", s->runs[i].exit, s->runs[i].out, s->runs[i].err);
    print_error("%s\n", s->wrong);
}

static void histogram(void)
{
    print_message("%-11s %-24s %6s | nothing done: free, held | some | all | exits\n", "", "", "rounds");
    for (int kind = 0; kind < 2; kind++)
        for (int f = 0; f < SOAK_FAULTS; f++) {
            const struct tally *t = &tallies[kind][f];
            if (t->rounds == 0)
                continue;
            print_message("%-11s %-24s %6d |", kind == SANDBOX_SQLITE ? "SQLite" : "PostgreSQL", soak_fault_name((enum soak_fault)f), t->rounds);
            for (int i = 0; i < STAGES; i++)
                print_message(" %5d %5d |", t->stage[i][0], t->stage[i][1]);
            for (int e = 0; e < 256; e++)
                if (t->exits[e])
                    print_message(" %d:%d", e, t->exits[e]);
            print_message("\n");
        }
}

static void rounds(void **state)
{
    long n = sandbox_setting("ROUNDS", 24), seed = sandbox_setting("SEED", 1);
    int violations = 0;
    (void)state;
    for (long i = 0; i < n; i++) {
        struct soak s;
        soak_open(&s, (unsigned)(seed + i));
        soak_strike(&s);
        soak_check(&s);
        soak_finish(&s);
        note(&s);
        if (s.wrong[0]) {
            show(&s);
            violations++;
        }
        soak_close(&s);
    }
    histogram();
    print_message("%ld rounds from seed %ld: %d violations\n", n, seed, violations);
    assert_int_equal(violations, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(rounds) };
    return cmocka_run_group_tests_name("soak", tests, NULL, NULL);
}
