/* soak.h: one round of `make soak`: a random project, a random fault under a random command, and what must be true afterwards. */
#ifndef JETBASE_TESTS_SOAK_H
#define JETBASE_TESTS_SOAK_H

#include "sandbox.h"

enum soak_fault {
    SOAK_NONE,
    SOAK_KILL_POINT,  /* kill -9 at a failpoint */
    SOAK_KILL,        /* kill -9 at any instant */
    SOAK_SIGNAL,      /* SIGINT or SIGTERM at any instant */
    SOAK_UNLOCK,      /* stopped at a failpoint, unlocked by force, let go on; a second run beside it */
    SOAK_RACE,        /* several at once */
    SOAK_RACE_KILL,   /* several at once, one killed */
    SOAK_VFS,         /* SQLite: the nth operation on a file fails */
    SOAK_CUT,         /* PostgreSQL: the link is cut after some bytes */
    SOAK_TERMINATE,   /* PostgreSQL: the run's session is ended at any instant */
    SOAK_CRASH,       /* PostgreSQL: the server crashes and comes again */
    SOAK_FAULTS
};

enum { SOAK_RUNS = 4 };

/* What a process told of itself. */
struct soak_told {
    int versions, repeatables; /* applied, or rolled back where the command is rollback */
    bool ended;                /* by itself, not by kill -9 */
    bool unsure;               /* it said that something is not known */
};

struct soak {
    unsigned seed;
    uint64_t state;
    struct sandbox sb;
    bool opened;
    int files, rows;           /* those of sandbox_steps */
    bool repeatable;           /* and RA__tick.sql */
    bool outside;              /* and a file of four statements outside a transaction behind them */
    int before, ticks;         /* applied, and times that the RA file was, when the fault came */
    bool back;                 /* the command is a rollback of `count` */
    int count;
    bool json;
    enum soak_fault fault;
    char words[200];           /* the fault in words */
    struct process runs[SOAK_RUNS];
    int started;
    char wrong[1200];          /* the first violation; "" none */
    int applied;               /* after the fault */
    bool locked;
};

/* 0 … below - 1. */
int soak_random(struct soak *s, int below);
/* The name of a fault, for the histogram. */
const char *soak_fault_name(enum soak_fault fault);

/* Makes a project and, sometimes, applies a part of it. */
void soak_open(struct soak *s, unsigned seed);
void soak_close(struct soak *s);
/* Runs the command under its fault, until every process has ended. */
void soak_strike(struct soak *s);
/* What must be true: fills wrong, applied and locked. */
void soak_check(struct soak *s);
/* Goes on as a person would: unlock of what is dead, resolve, upgrade; and checks that all is applied once and the lock free. */
void soak_finish(struct soak *s);
/* Notes a violation; the first one stays. */
void soak_wrong(struct soak *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
