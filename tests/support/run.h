/* run.h: runs the program in a sandbox by one line of words, and compares what it says. */
#ifndef JETBASE_TESTS_RUN_H
#define JETBASE_TESTS_RUN_H

#include <jansson.h>

#include "sandbox.h"

/* Runs `jetbase LINE` (words parted by blanks, `*` stands for a blank inside a word) in the sandbox. Gives the exit code; *p keeps the output and is to be freed. */
int run_line(const struct sandbox *sb, struct process *p, const char *line);
/* Runs it and fails the test unless exit code and output are exactly these. In the output a time of the history is replaced by TIME and blanks of the same width. NULL: not compared. */
void run_says(const struct sandbox *sb, const char *line, int code, const char *out, const char *err);
/* Runs it and fails the test unless the exit code is this and the output holds these parts. NULL: not compared; "": nothing at all was said there. */
void run_has(const struct sandbox *sb, const char *line, int code, const char *out, const char *err);
/* Runs it and gives the one JSON object that it printed; json_decref it. */
json_t *run_json(const struct sandbox *sb, const char *line, int code);
/* Runs it and gives the events that it printed, one a line, as an array; json_decref it. */
json_t *run_events(const struct sandbox *sb, const char *line, int code);
/* The string under a path like "holder.host" or "applied.0.file"; NULL for null and for what is no string. Fails the test where the path leads nowhere. */
const char *run_text(const json_t *object, const char *path);

/* Runs each test on every database of this build; its state is a pointer to enum sandbox_kind. Only the environment that the tests mean is left to the program. */
struct run_case {
    const char *name;
    void (*test)(enum sandbox_kind kind);
};
int run_group(const char *group, const struct run_case *tests, size_t count);
#define RUN_TEST(function) { #function, function }

#endif
