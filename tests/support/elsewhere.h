/* elsewhere.h: runs the program elsewhere: in another pid namespace, under another host name, among the mounts of another process; and what is said there of a lock. */
#ifndef JETBASE_TESTS_ELSEWHERE_H
#define JETBASE_TESTS_ELSEWHERE_H

#include "sandbox.h"

/* The host name of "name". */
#define ELSEWHERE_HOST "elsewhere.example"

enum { ELSEWHERE_REFUSED = 77 }; /* exit code where the machine does not let one go there */

/* Where the program is run: "name", "pids" (SIGTERM ends all that is there), or "join" and the pid of whom it joins. {0}: here. */
struct place {
    const char *how, *whom;
};

/* What a test program does that is started with arguments: it goes elsewhere, and runs another program there, or keeps an overlay ("overlay DIR": DIR/merged over DIR/lower and DIR/upper; it says "ready" and waits to be killed). Gives the exit code. */
int elsewhere_child(int argc, char **argv);

/* Starts `jetbase LINE` there; with a failpoint the program that has them. */
void elsewhere_start(const struct sandbox *sb, const struct place *at, struct process *p, const char *failpoint, const char *line);
/* Runs it there, and fails the test unless it gives this exit code and says these parts; NULL: not compared. */
void elsewhere_has(const struct sandbox *sb, const struct place *at, const char *line, int code, const char *out, const char *err);
/* Can one go there on this machine? Else says why not, and skips the test. */
void elsewhere_needs(const char *what, const char *how);
/* The verdict that `line` (lock-status --json) tells there; "" where the lock is free. */
void elsewhere_verdict(const struct sandbox *sb, const struct place *at, const char *line, char *to, size_t size);
/* Fails the test unless lock-status says this there, and neither unlock nor upgrade takes the holder for dead. */
void elsewhere_is_not_dead(const struct sandbox *sb, const struct place *at, const char *verdict);
/* Looks from there until the killed holder is dead: never while its session lives. */
void elsewhere_until_dead(const struct sandbox *sb, const struct place *at, const char *line);

#endif
