/* lite.h: SQLite files, connections and child processes for the tests of the SQLite driver. */
#ifndef JETBASE_TESTS_LITE_H
#define JETBASE_TESTS_LITE_H

#include <stdint.h>
#include <sys/types.h>

#include "db.h"
#include "files.h"

/* A database file in a folder of its own, not made yet. */
struct lite {
    char dir[FILES_PATH];
    char path[FILES_PATH + 16];
    char shown[FILES_PATH + 64]; /* its URL */
    struct url url;
    atomic_int stop;
    struct db_target target;
};

/* Makes the folder; query is what stands behind '?' of the URL, or NULL. */
void lite_open(struct lite *l, const char *query);
/* The same for a file that is there already, in a folder that stays. */
void lite_at(struct lite *l, const char *path);
/* Frees, and removes the folder where lite_open made it. */
void lite_close(struct lite *l);

/* Connects; fails the test where it can't. */
struct db *lite_connect(struct lite *l, enum db_mode mode);
/* Tables, witness, acquire; fails the test where one of them fails. */
void lite_acquire(struct db *db, const char *process_id);
/* One change of the lock. */
enum db_change lite_change(struct db *db, enum db_change_kind kind, const char *from, const char *to);
/* A run row for process_id. */
struct run_row lite_run_row(const char *process_id, const char *witness);
/* Releases with outcome ok. */
enum db_change lite_release(struct db *db, const char *process_id);
/* Looks at the lock; fails the test where it can't. */
struct db_lock_row lite_look(struct db *db);

/* One step, submitted and answered. True where it is ok. */
bool lite_step(struct db *db, const struct db_step *step, struct db_result *result, struct error *err);
/* STEP_HEAD, STEP_FENCE, STEP_COMMIT … of a run. */
bool lite_simple(struct db *db, enum db_step_kind kind, const char *process_id, struct error *err);
/* STEP_SQL at line 10, column 5 of V1__a.sql. */
bool lite_statement(struct db *db, const char *sql, struct db_result *result, struct error *err);
/* STEP_RECORD: an insert of version. */
bool lite_record(struct db *db, const char *process_id, const char *version, struct error *err);

/* Runs SQL over a plain connection of its own in this process; fails the test where that fails. */
void lite_sql(const char *path, const char *sql);
/* The first number, -1 where there is none. */
int64_t lite_number(const char *path, const char *sql);
/* The first text, "" where there is none. */
void lite_text(const char *path, const char *sql, char *to, size_t size);

/* A child process: this very program, started anew with arguments; it says "ready" and waits until it is told to go on. */
struct lite_child {
    pid_t pid;
    int to, from;
};

/* Starts it: argv is NULL-terminated, without the program's name. */
void lite_spawn(struct lite_child *child, const char *const argv[]);
/* Waits for its "ready". False where it ended instead. */
bool lite_ready(struct lite_child *child);
/* Lets it go on. */
void lite_go(struct lite_child *child);
/* Waits for its end: exit code, or 128 + signal. */
int lite_wait(struct lite_child *child);
/* kill -9, and waits. */
void lite_kill(struct lite_child *child);
/* The child's side: says "ready", waits to go on. */
void lite_say_ready(void);
/* The child's side: gives up root's rights, where it has them. */
void lite_become_nobody(void);

/* Number and names of all files in the folder, with size and change time: two equal texts mean that nothing was touched. */
void lite_listing(const char *dir, char *to, size_t size);

#endif
