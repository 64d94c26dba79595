/* sandbox.h: a project folder with a fresh database for one test, and an oracle that reads that database without the program under test. */
#ifndef JETBASE_TESTS_SANDBOX_H
#define JETBASE_TESTS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "process.h"

enum sandbox_kind { SANDBOX_SQLITE, SANDBOX_POSTGRES };

struct sandbox {
    enum sandbox_kind kind;
    char dir[200];       /* the project folder; holds migrations/ */
    char url[600];       /* for --url and JETBASE_SQLALCHEMY_URL */
    char variable[640];  /* "JETBASE_SQLALCHEMY_URL=…" */
    char conninfo[600];  /* PostgreSQL: for libpq */
    char path[300];      /* SQLite: the database file */
};

/* Can that kind of database be used in this build? */
bool sandbox_has(enum sandbox_kind kind);
/* Makes the folder and the database; the PostgreSQL server is started at the first call and ends with the program. */
void sandbox_open(struct sandbox *sb, enum sandbox_kind kind);
/* Removes the folder. The PostgreSQL database stays until its server goes. */
void sandbox_close(struct sandbox *sb);

/* Writes migrations/NAME. */
void sandbox_file(const struct sandbox *sb, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Writes V1 to Vn: each makes table t<n>, index i<n>, `rows` rows, and puts n into applied_log, which is made here; each has a rollback part. */
void sandbox_steps(const struct sandbox *sb, int n, int rows);

/* Runs SQL as another client would. Fails the test where it fails. */
void sandbox_sql(const struct sandbox *sb, const char *sql);
/* The single number that a query gives. */
int64_t sandbox_number(const struct sandbox *sb, const char *sql);
/* The first column of the first row as text, "" for none or NULL; to be freed. */
char *sandbox_text(const struct sandbox *sb, const char *sql);
/* Fails the test unless history equals schema for the files of sandbox_steps: each version of 1..n applied at most once, and its objects and rows there exactly where it is. Gives how many are applied. */
int sandbox_check_steps(const struct sandbox *sb, int n);

/* Starts the program (faulty: the one with failpoints) in the sandbox; args and env end with NULL; the URL is passed by its variable. */
void sandbox_start(const struct sandbox *sb, struct process *p, bool faulty, const char *failpoint, const char *const args[]);
/* Runs `jetbase ARGS…` and gives its exit code; *p (may be NULL) keeps the output and is to be freed. */
int sandbox_run(const struct sandbox *sb, struct process *p, const char *const args[]);

/* Number from the environment (ROUNDS, SEED …), else `fallback`. */
long sandbox_setting(const char *name, long fallback);

#endif
