/* faulty.h: runs the program over an SQLite file whose operations are written down or fail, and says what is wrong with a file of sandbox_steps. */
#ifndef JETBASE_TESTS_FAULTY_H
#define JETBASE_TESTS_FAULTY_H

#include "disk.h"
#include "sandbox.h"

/* Starts the faulty program in the sandbox; the trace goes to TRACE in its folder; fail: "write:3" …, or NULL. */
void faulty_start(const struct sandbox *sb, struct process *p, const char *fail, const char *const args[]);
/* The path of the trace. */
void faulty_trace(const struct sandbox *sb, char *path, size_t size);

/* Looks at the file as another client would, which recovers it, without failing the test. What is wrong with it (corrupt, history and schema differ, a version twice, a lock that nothing explains), or "". *applied: how many of the n files of sandbox_steps are. */
void faulty_wrong(const struct sandbox *sb, int n, int rows, int *applied, char *wrong, size_t size);

#endif
