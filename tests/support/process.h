/* process.h: starts the built program beside the test, many at a time, and collects what it said. */
#ifndef JETBASE_TESTS_PROCESS_H
#define JETBASE_TESTS_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* A child; out and err are filled by process_wait and belong to it. */
struct process {
    pid_t pid;
    int out_fd, err_fd;
    int status;          /* as waitpid gives it */
    int exit;            /* exit code, or 128+n where a signal ended it */
    long peak_kb;        /* the most memory it had at once (resident, in kB) */
    char *out, *err;
};

/* Path of the program under test ($JETBASE, or ./jetbase) and of the one with failpoints ($JETBASE_FAULTY, or tests/jetbase-faulty). */
const char *process_jetbase(void);
const char *process_faulty(void);

/* Starts argv (NULL-terminated, argv[0] is the program) in folder `dir`, with the variables `env` ("A=b", NULL-terminated, or NULL) added. Its output goes to unlinked files. Fails the test where it can't. */
void process_start(struct process *p, const char *dir, const char *const argv[], const char *const env[]);
/* Waits for its end; reads what it said. */
void process_wait(struct process *p);
/* Waits until it has stopped itself (SIGSTOP). False: it ended instead; process_wait may follow. */
bool process_wait_stopped(struct process *p);
/* Waits until it has said `text` on standard error (or output). Fails the test where it ends without having said it. */
void process_hear(const struct process *p, bool on_error, const char *text);
/* Frees the output. */
void process_free(struct process *p);
/* start and wait. */
void process_run(struct process *p, const char *dir, const char *const argv[], const char *const env[]);

#endif
