/* golden.h: replays a session of Jetbase 0.18.1 (tests/golden/) with the program under test and compares. The transcript alone says what is expected; the step file says what was done between its commands. */
#ifndef JETBASE_TESTS_GOLDEN_H
#define JETBASE_TESTS_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>

#include "support/sandbox.h"

enum { GOLDEN_PATH = 600 };

/* What a transcript holds, in its order. Those that are compared have a number, from 1. */
enum golden_kind {
    GOLDEN_COMMAND, /* `$ …`: head is the command line, body what it printed, exit its exit code */
    GOLDEN_SQL,     /* `# psql: …`: head is the input of psql, body what it printed */
    GOLDEN_CAT,     /* `# cat PATH`: head is the path, body the file's text */
    GOLDEN_ASIDE,   /* what is shown after a command without a command of its own: body; the step file tells what shows it */
    GOLDEN_WRITE,   /* `# write PATH:`: head is the path, body the text to be written; not compared */
    GOLDEN_REMOVE   /* `# rm PATH`: head is the path; not compared */
};

struct golden_item {
    enum golden_kind kind;
    unsigned number; /* 0: not compared */
    unsigned line;   /* of the transcript, from 1 */
    int exit;
    char *head, *body;
};

struct golden_transcript {
    struct golden_item *items;
    size_t count;
};

/* Reads $srcdir/tests/golden/NAME whole, to be freed. Fails the test where it can't. */
char *golden_file(const char *name);
/* Reads a transcript; fails the test where it can't be read. golden_transcript_free() frees it. */
void golden_transcript_read(struct golden_transcript *transcript, const char *name);
void golden_transcript_free(struct golden_transcript *transcript);

/* Text that grows. */
struct golden_text {
    char *text; /* never NULL after golden_text_add */
    size_t len;
};
void golden_text_add(struct golden_text *text, const char *bytes, size_t len);
/* Adds a line and its end. */
void golden_text_line(struct golden_text *text, const char *line, size_t len);

/* The words of a command's transcript: log lines and plain output, of a traceback its last message without the class, of a usage box its inside; wrapped lines of an error joined again, times, process IDs and the like replaced. To be freed. */
char *golden_words_wanted(const struct golden_item *item);
/* The same of what our program printed: standard output, then standard error without its "error: "; `root` becomes PROJECT. To be freed. */
char *golden_words_got(const char *out, const char *err, const char *root);
/* Text shown by psql, cat and the like: times and process IDs replaced, trailing blanks and empty lines at both ends gone. To be freed. */
char *golden_words_shown(const char *text, const char *root);

/* A step that differs on purpose. */
struct golden_difference {
    char database[16];
    unsigned number;
    char *head, *ours; /* ours: the words that we print; a line `*` in it stands for any number of lines, a `*` within a line for any text */
    bool words, exit, why;
    bool used;
};

struct golden_differences {
    struct golden_difference *all;
    size_t count;
};

/* Reads tests/golden/DIFFERENCES; fails the test where an entry is not whole or names no reason. */
void golden_differences_read(struct golden_differences *differences);
void golden_differences_free(struct golden_differences *differences);
/* Are these words as the difference has them? */
bool golden_differences_fits(const char *pattern, const char *words);
/* Takes the lines out that entries of `where` list, "everywhere" (what our errors add to Jetbase's words) or "done" (what a command that ends well adds). */
void golden_differences_pass_over(struct golden_differences *differences, const char *where, char *words);
/* Judges one compared item: false, with the reason printed, where it deviates without being listed, is listed without deviating so, or deviates otherwise than listed. */
bool golden_judge(struct golden_differences *differences, const char *database, const struct golden_item *item, const char *want, const char *got, bool exit_differs);

/* A session being replayed. */
struct golden_stage {
    struct sandbox sb;
    const char *database;        /* "sqlite" or "postgres" */
    char root[GOLDEN_PATH];      /* PROJECT: where the session began */
    char cwd[GOLDEN_PATH];
    char *variables[8];          /* "A=b", NULL-terminated */
    struct golden_transcript transcript;
    size_t at;                   /* next item */
    struct golden_differences differences;
    unsigned compared, failed;
};

/* Opens a session on a fresh database; golden_stage_close() ends it. */
void golden_stage_open(struct golden_stage *stage, enum sandbox_kind kind);
void golden_stage_close(struct golden_stage *stage);
/* Replays the transcript by its step file. Afterwards compared and failed tell how many steps there were. */
void golden_stage_play(struct golden_stage *stage);

/* Does what a line of the step file says, other than a command; `text`: the `|` lines below it. Fails the test on a line that it does not know. */
void golden_action(struct golden_stage *stage, const char *line, const char *text);
/* Does or compares an item that the transcript itself tells how to do. */
void golden_direction(struct golden_stage *stage, const struct golden_item *item);
/* Splits a command line as a shell does (quotes, leading A=b) and runs our program. */
void golden_command(const struct golden_stage *stage, struct process *p, const char *line);

#endif
