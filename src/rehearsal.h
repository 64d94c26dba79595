/* rehearsal.h: what a rehearsal found, as data: for text, JSON and the console alike. */
#ifndef JETBASE_REHEARSAL_H
#define JETBASE_REHEARSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "migration.h"
#include "rehearse.h"

/* What became of a part of a file. */
enum rehearsal_end {
    REHEARSAL_NOT_REACHED,   /* something before it failed, or it was stopped */
    REHEARSAL_GOOD,          /* all of it ran */
    REHEARSAL_FAILED,        /* a statement failed, or what COMMIT checks; `error` says which */
    REHEARSAL_OUTSIDE,       /* it runs outside a transaction, and so can't be rehearsed */
    REHEARSAL_NONE           /* there is no such part (a file without a rollback part, a repeatable) */
};

enum { REHEARSAL_WORDS = 100 };

/* One statement that was run. */
struct rehearsal_statement {
    struct place at;              /* of its first character, in its file */
    char words[REHEARSAL_WORDS];  /* how it begins, on one line, safe to show */
    double ms;
    int64_t rows;                 /* changed; -1: it does not say */
    struct db_effect *effects;    /* tables first, then by name */
    size_t effect_count;
    bool behind_locks;            /* statements before it took locks that are still held: what it needed of those is no effect of it */
    bool failed;
};

/* The upgrade part or the rollback part of one file. */
struct rehearsal_part {
    enum rehearsal_end end;
    struct rehearsal_statement *statements;
    size_t count;
    double ms;                    /* of all of them */
    struct error *error;          /* FAILED: why; else NULL */
};

/* What a rollback did not undo. */
enum rehearsal_how { DIFFERENCE_REMAINS, DIFFERENCE_MISSING, DIFFERENCE_CHANGED };
struct rehearsal_difference {
    enum rehearsal_how how;
    char *kind, *what;            /* as struct db_schema_object has them */
    char *before, *after;         /* definitions; NULL where there is none */
    bool slight;                  /* no fault: the order of columns, which no rollback can bring back */
};

struct rehearsal_migration {
    char file[512], version[256]; /* version "" for repeatables */
    enum migration_type type;
    struct rehearsal_part up, down;
    bool compared;                /* the schema after the rollback was compared with that before the upgrade */
    struct rehearsal_difference *differences;
    size_t difference_count;
    char note[400];               /* what a person must know of how it was rehearsed, safe to show; or "" */
};

/* How it ended. */
enum rehearsal_outcome {
    REHEARSAL_OK,          /* all that can be rehearsed ran, each rollback undid its upgrade */
    REHEARSAL_FAULTS,      /* a statement failed, or a rollback does not undo */
    REHEARSAL_CROWDED,     /* somebody waited behind it; it was rolled back at once */
    REHEARSAL_STOPPED,     /* by a signal or a person */
    REHEARSAL_BROKEN       /* it could not be brought to its end: connection, memory, rights */
};

/* Free with rehearsal_free(). */
struct rehearsal {
    char database[256];
    bool copy;                    /* SQLite: it ran on a copy */
    bool begun;                   /* there was one to run on, or the transaction */
    int lock_timeout_ms, statement_timeout_ms; /* 0: none */
    enum rehearsal_outcome outcome;
    struct rehearsal_migration *migrations;
    size_t count;
    double ms;                    /* from BEGIN to ROLLBACK: how long what it took was held */
    bool rolled_back;             /* for certain; else the server does it when it notices */
};

/* Does the rollback part of m leave the schema other than it was (slight differences aside)? */
bool rehearsal_not_undone(const struct rehearsal_migration *m);
/* "remains", "missing", "changed". */
const char *rehearsal_how_name(enum rehearsal_how how);
/* "not-reached", "good", "failed", "outside", "none". */
const char *rehearsal_end_name(enum rehearsal_end end);
/* "ok", "faults", "crowded", "stopped", "broken". */
const char *rehearsal_outcome_name(enum rehearsal_outcome outcome);
/* A difference in one sentence without its full stop, safe to show: "index public.orders_customer_idx remains". */
void rehearsal_difference_words(const struct rehearsal_difference *d, char *to, size_t size);
/* What a statement did, line by line, safe to show; fn is called with each line ("public.orders (12 MB, about 40000 rows): ACCESS EXCLUSIVE, rewritten"). With `all` also what is only read and what the rehearsal itself made. Where all that it needed was locked by statements before it, one line says that. */
void rehearsal_effect_words(const struct rehearsal_statement *s, bool all, void (*fn)(void *user, const char *line), void *user);
/* NULL is allowed. */
void rehearsal_free(struct rehearsal *r);

#endif
