/* planning.h: a folder of migrations and a history made by hand, for tests of plans. */
#ifndef JETBASE_TESTS_PLANNING_H
#define JETBASE_TESTS_PLANNING_H

#include <stdbool.h>

#include "files.h"
#include "plan.h"

/* The one at hand: what the functions below work on. */
struct planning {
    char dir[FILES_PATH];
    struct folder *folder;
    struct history history;
    struct history_entry rows[32];
    struct plan *plan;
    struct error err;
};
extern struct planning planning;

/* For cmocka: makes and removes the folder, forgets the history. */
int planning_setup(void **state);
int planning_teardown(void **state);

/* Writes migrations/NAME. */
void planning_write(const char *name, const char *text);
/* The same with one statement up and one down, which differ from every other file's. */
void planning_add(const char *name);
void planning_remove(const char *name);
/* Reads the folder anew. */
void planning_read(void);

/* Adds a history row that says that a file that is there has been applied as it is. version: as history spells it, NULL for repeatables. Both strings must outlive the test. */
void planning_applied_as(const char *file, const char *version);
/* planning_add and planning_applied_as. */
void planning_applied(const char *version, const char *file);

/* Reads the folder and makes the plan. */
bool planning_make(const struct plan_wish *wish);
/* Fails the test unless the plan is exactly these files, joined with blanks, all hashed. */
void planning_check(const struct plan_wish *wish, const char *want);
/* Fails the test unless the plan is refused so. */
void planning_check_refused(const struct plan_wish *wish, enum error_code code, const char *message);

#endif
