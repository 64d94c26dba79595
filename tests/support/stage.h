/* stage.h: a project with a fresh database and the console on it in a terminal of 80x24. */
#ifndef JETBASE_TESTS_STAGE_H
#define JETBASE_TESTS_STAGE_H

#include "support/sandbox.h"
#include "support/term.h"

struct stage {
    struct sandbox sb;
    struct term *term;   /* NULL until stage_console */
};

/* Makes the project with the n files of sandbox_steps; skips the test where this build lacks that database. */
void stage_open(struct stage *stage, enum sandbox_kind kind, int n);
/* The same on SQLite, or on PostgreSQL where this build lacks SQLite. */
void stage_open_any(struct stage *stage, int n);
/* Ends the console where it still runs, and removes the project. */
void stage_close(struct stage *stage);
/* Starts the console; env: more variables, option: of `jetbase console`; both MAY be NULL. */
void stage_console(struct stage *stage, const char *const env[], const char *option);
/* Types q: the program must end with 0 and leave the terminal as it was. */
void stage_quit(struct stage *stage);
/* Fails the test unless the lock is free. */
void stage_lock_is_free(const struct stage *stage);

/* Makes a test of `test(kind)` for each database; STAGE_BOTH names the two in a list of tests. */
#define STAGE_ON_BOTH(test) \
    static void test##_sqlite(void **state) { (void)state; test(SANDBOX_SQLITE); } \
    static void test##_postgres(void **state) { (void)state; test(SANDBOX_POSTGRES); }
#define STAGE_BOTH(test) cmocka_unit_test(test##_sqlite), cmocka_unit_test(test##_postgres)

#endif
