/* bench.h: measures programs against each other in interleaved rounds (`make bench`). It judges nothing: figures are printed, and kept in a JSON file. */
#ifndef JETBASE_TESTS_BENCH_H
#define JETBASE_TESTS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/* What one run of something cost. */
struct bench_cost {
    double wall_ms;      /* from before it was started until it was waited for */
    double cpu_ms;       /* processor time of it and the children that it waited for, user and system */
    double cpu_user_ms;  /* the user's part of that */
    long peak_kb;        /* the most memory that it had at once (resident, kB; of its children the largest); never less than a fork of the bench has */
    double count;        /* what the bench counts besides: round trips, fsyncs; negative: not counted */
};

/* One of those that are compared. The first of a table is the limit: ratios are to it. */
struct bench_entry {
    const char *name;                                      /* at most 36 columns; not owned */
    const char *missing;                                   /* why it is not measured ("not installed"), or NULL */
    void (*before)(void *user);                            /* not measured: makes a fresh database, or the like; may be NULL */
    void (*run)(void *user, struct bench_cost *cost);      /* measured: fills *cost, mostly by bench_run(); fails the program where its work fails */
    void *user;                                            /* for both; not owned */
    int rounds;                                            /* no more than so many: one that takes long; 0: all */
};

/* How many rounds: ROUNDS of the environment, else 11. */
int bench_rounds(void);
/* Runs every entry once to warm up, then `rounds` times in turn (an order that turns by one in each round), prints a table with min, median and max of the wall time, the median and spread of the ratio to the first entry of the same round, the medians of
 * processor time and of the largest memory and of the count, and adds the same to the JSON file. title: at most 100 columns, tells the case; counted: what count counts ("waits"), or NULL. */
void bench_compare(const char *title, const char *counted, const struct bench_entry *entries, size_t count, int rounds);
/* The median wall time in ms, median ratio and median processor time in ms of entry i of the last bench_compare(); 0 where it was missing. For tables over several sizes. */
double bench_wall(size_t i);
double bench_ratio(size_t i);
double bench_cpu(size_t i);

/* Runs argv (NULL-terminated; argv[0] is looked for in PATH) in folder dir (NULL: this one) with the variables `env` ("A=b", NULL-terminated, or NULL) added, standard input from file `in` (NULL: nothing), and its output thrown away.
 * Fills *cost, count as -1. Fails the program with what it said where the exit code is not `exit`. */
void bench_run(struct bench_cost *cost, const char *dir, const char *const argv[], const char *const env[], const char *in, int exit);
/* The same without figures: did it end with 0? What it says is thrown away. */
bool bench_works(const char *dir, const char *const argv[], const char *const env[]);
/* Is that program in PATH? Gives "not installed" or NULL: for bench_entry.missing. */
const char *bench_missing(const char *program);
/* The path of the running bench, for a limit program that is the bench itself with arguments. */
const char *bench_self(void);
/* Waits until what was written before is some seconds old: a checkout that is used is no fresh one, whose files may still change at the same time. */
void bench_settle(void);
/* Monotonic time in ms. */
double bench_now_ms(void);

/* Adds a value of its own to the JSON file under the running bench's name; takes over the reference. */
void bench_note(const char *key, json_t *value);
/* Names the bench in the JSON file ("pg"), and notes rounds, load and processors. Call it first. The file is bench.json in the working folder, or what BENCH_JSON of the environment names; what other benches wrote there stays. */
void bench_begin(const char *name);
/* Writes the JSON file. Call it last. */
void bench_end(void);

#endif
