/* files.h: projects with SQLite databases that the benches measure on: a folder of their own, migration files, database files. All fail the program where they fail. */
#ifndef JETBASE_TESTS_BENCH_FILES_H
#define JETBASE_TESTS_BENCH_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* A project folder. Plain data. */
struct files {
    char dir[200];        /* holds env.py and migrations/ */
    char database[240];   /* that env.py names */
    char kept[240];       /* what files_keep() kept of it */
};

/* Makes a folder under TMPDIR, with an env.py that names a database in it. */
void files_open(struct files *f);
/* Writes V0__base.sql (a table `account`) and V1 to Vn of six statements each; tables: two of them make a table and its index, else all six change rows. */
void files_write(const struct files *f, int n, bool tables);
/* Runs the program in the folder with that one command. */
void files_jetbase(const struct files *f, const char *command);
/* Sets the journal mode that the database keeps, and keeps a copy of it. */
void files_keep(struct files *f, const char *journal_mode);
/* Makes the database what it was when it was kept. */
void files_again(const struct files *f);
/* Removes the folder. */
void files_close(struct files *f);
/* The program that is measured: JETBASE of the environment. */
const char *files_program(void);

#endif
