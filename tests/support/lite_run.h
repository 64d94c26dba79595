/* lite_run.h: a run that holds the lock of an SQLite file, for tests of its steps. */
#ifndef JETBASE_TESTS_LITE_RUN_H
#define JETBASE_TESTS_LITE_RUN_H

#include "lite.h"

#define RUN_ID "0f1e2d3c-4b5a-4968-8796-a5b4c3d2e1f0"

/* The run RUN_ID, with what its last step answered. */
struct lite_run {
    struct lite l;
    struct db *db;
    struct error err;
    struct db_result result;
};

/* cmocka's set-up and tear-down: *state is a struct lite_run. */
int run_set_up(void **state);
int run_tear_down(void **state);
#define RUN_TEST(name) cmocka_unit_test_setup_teardown(name, run_set_up, run_tear_down)

/* STEP_HEAD, which must be ok. */
void run_head(struct lite_run *f);
/* One statement, which must be ok. */
void run_statement(struct lite_run *f, const char *sql);
/* One statement that must fail, with that code and those words, at a place in the file. */
void run_refuse(struct lite_run *f, const char *sql, enum error_code code, const char *words);
/* Reset, fence, record of version and COMMIT, which must be ok. */
void run_trailer(struct lite_run *f, const char *version);
/* Rolls back. */
void run_give_up(struct lite_run *f);
/* A number out of the file, over a connection of its own. */
int64_t run_number(struct lite_run *f, const char *sql);

#endif
