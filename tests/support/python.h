/* python.h: what Jetbase 0.18.1 sends to a database: its statements, one transaction a file, its plan before the lock. Over a connection of its own; usable from any one thread, and never ends the test by itself, but for the two checks. */
#ifndef JETBASE_TESTS_PYTHON_H
#define JETBASE_TESTS_PYTHON_H

#include "sandbox.h"

enum python_end { PYTHON_DONE, PYTHON_HELD, PYTHON_FAILED };

struct python {
    const struct sandbox *sb;
    const char *schema;     /* PostgreSQL: postgres_schema, as it stands in a literal; NULL: none */
    void *connection;
    bool open;              /* in a transaction */
    char fault[16];         /* of the last statement: SQLSTATE, or SQLite's extended code; "" where it was good */
    char message[400];
    char id[37];            /* the run that python_lock() named */
    int applied;            /* files that python_upgrade() applied */
    void (*between)(struct python *py, const char *where); /* called between plan and lock ("planned") and after each file ("applied"); MAY be NULL */
    void *user;
};

/* Connects. False: message. */
bool python_open(struct python *py, const struct sandbox *sb);
void python_close(struct python *py);

/* A statement in a transaction of its own: rows that it changed or gave, -1 where it failed and was rolled back. */
long python_do(struct python *py, const char *sql);
/* A statement in the open transaction, which is begun where there is none: as python_do. On SQLite as Python's driver does it: begun before the first INSERT, UPDATE or DELETE only. */
long python_say(struct python *py, const char *sql);
/* Ends it. False where COMMIT failed. */
bool python_end(struct python *py, bool commit);
/* The first column of the first row as a number, -1 for none or a fault. */
long python_number(struct python *py, const char *sql);

/* Makes its two tables and the lock row, as every run of it does. */
bool python_prepare(struct python *py);
/* Its plan: the latest version by applied_at, 0 for none, -1 for a fault. */
long python_plan(struct python *py);
/* Its acquire, under a new ID, and its release: rows changed, 0 for held. */
long python_lock(struct python *py);
long python_unlock(struct python *py);
/* Writes V1__step.sql to V<n>__step.sql, each one INSERT into applied_log (v), which is made where `table` is set. */
void python_files(const struct sandbox *sb, int from, int to, bool table);
/* The checksum of V<version>__step.sql. */
void python_checksum(int version, char to[65]);
/* The transaction of one file: its statement and its history row. False: rolled back. */
bool python_apply(struct python *py, int version);
/* The transaction of its rollback. */
bool python_roll_back(struct python *py, int version);
/* Its upgrade: tables, plan, lock, files up to `to`, release, whatever happened. */
enum python_end python_upgrade(struct python *py, int to);

/* Fails the test unless each of V1 to V<n> is exactly once in the history and in applied_log. */
void python_check_once(const struct sandbox *sb, int n);
/* Fails the test unless the lock is free, in every column. */
void python_check_free(const struct sandbox *sb);

#endif
