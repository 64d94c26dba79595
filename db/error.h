/* error.h: the one description of a fault, filled where it happens, passed up, printed once. */
#ifndef JETBASE_DB_ERROR_H
#define JETBASE_DB_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* What went wrong. Each code has one name (for JSON) and one exit code; see the table in error.c. */
enum error_code {
    ERR_NONE,
    ERR_FAILED,        /* anything without a code of its own */
    ERR_SQL,           /* the database refused a statement */
    ERR_REFUSED,       /* a file holds something that is refused before anything is sent */
    ERR_FILE,          /* a file or folder can't be read or written */
    ERR_NO_MEMORY,
    ERR_INTERNAL,      /* a fault of this program */
    ERR_CANCELLED,     /* a signal or a person stopped it */
    ERR_RIGHTS,        /* the role may not do it (42501, read-only file) */
    ERR_UNKNOWN_END,   /* whether a COMMIT happened can't be known */
    ERR_NOT_RELEASED,  /* all done, but the lock could not be given back */
    ERR_MEDDLED,       /* a migration changed jetbase's own tables */
    ERR_USAGE,         /* the command line */
    ERR_CONFIG,        /* configuration, project folder, URL, TERM */
    ERR_LOCK_HELD,     /* somebody holds the lock */
    ERR_LOCK_CHANGED,  /* the lock changed hands */
    ERR_LOCK_BUSY,     /* the holder is at its commit, or the lock row could not be had in time */
    ERR_LOCK_ALIVE,    /* not dead, where that was asked */
    ERR_LOCK_LOST,     /* somebody unlocked us, the migration was rolled back */
    ERR_HISTORY,       /* history and files disagree */
    ERR_PLAN,          /* the plan under the lock differs from the confirmed one */
    ERR_NO_CONNECTION, /* the database can't be reached */
    ERR_CODES
};

/* Where in a file: line and column count from 1, columns in characters. line 0: no place. */
struct place {
    char file[512];
    unsigned line, column;
};

/* Plain data: may be copied by assignment and handed to another thread. Empty strings mean "none". */
struct error {
    enum error_code code;
    char sqlstate[6];
    char message[2048];
    char detail[2048];
    char hint[3072];        /* holds what a DBA must run, whole */
    char context[1024]; /* the server's context (CONTEXT: PL/pgSQL function …), a line for each call */
    char query[256];    /* the line of the statement inside a function that failed, cut around the place */
    unsigned query_caret; /* caret column in `query`, from 1; 0: none */
    char state[512];    /* what state the database is in now: what was rolled back, what stays */
    struct place place;
    char source[256];     /* the source line, cut around the place, control bytes made visible */
    unsigned caret;       /* caret column in `source`, from 1; 0: none */
    bool not_up;          /* ERR_NO_CONNECTION: no server refused it; asked again in a moment it may be there */
};

/* Fills *err (all earlier content is dropped) with a code and a printf-style message. A NULL err is allowed. Always returns false, so that `return error_set(...)` reads well. */
bool error_set(struct error *err, enum error_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Sets the hint (what to do next) of an already filled error. Returns false. */
bool error_hint(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets the detail of an already filled error. Returns false. */
bool error_detail(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets the sentence that says what state the database is in now. Returns false. */
bool error_state(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Empties *err. */
void error_clear(struct error *err);

/* The name of a code as JSON shows it ("lock-held"). Static storage. */
const char *error_name(enum error_code code);

/* The exit code of the program for this fault (DESIGN: Exit codes). */
int error_exit_code(enum error_code code);

#endif
