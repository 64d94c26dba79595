/* options.h: reads the command line, driven by the table of commands. */
#ifndef JETBASE_OPTIONS_H
#define JETBASE_OPTIONS_H

#include <stdbool.h>

#include "error.h"

struct command;

/* Every option there is; a command's table says which of them it takes. */
enum option_id {
    OPTION_END,
    OPTION_URL,
    OPTION_DIR,
    OPTION_TARGET,
    OPTION_YES,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_VERBOSE,
    OPTION_PROGRAM_VERSION,
    OPTION_HELP,
    OPTION_COUNT,
    OPTION_TO_VERSION,
    OPTION_DRY_RUN,
    OPTION_SKIP_VALIDATION,
    OPTION_SKIP_CHECKSUMS,
    OPTION_SKIP_FILES,
    OPTION_TAKE_OVER_DEAD,
    OPTION_LOCK_TIMEOUT,
    OPTION_STATEMENT_TIMEOUT,
    OPTION_WAIT,
    OPTION_RETRY,
    OPTION_WATCH,
    OPTION_PRUNE,
    OPTION_PROCESS_ID,
    OPTION_IF_DEAD,
    OPTION_TERMINATE,
    OPTION_REASON,
    OPTION_LIMIT,
    OPTION_READ_ONLY,
    OPTION_REFRESH,
    OPTION_NEW_VERSION,
    OPTION_FIX,
    OPTION_FROM,
    OPTION_MARK_APPLIED,
    OPTION_MARK_ROLLED_BACK,
    OPTION_ALL_TARGETS,
    OPTION_CHECK,
    OPTION_PLAN,
    OPTION_PREFLIGHT
};

/* One option: its text feeds help; the manual names the same ones. A table of them ends with OPTION_END. */
struct option_def {
    enum option_id id;
    const char *name;   /* long name without `--`, or NULL */
    char letter;        /* short name, or 0 */
    const char *value;  /* what help calls its value, NULL for none */
    const char *help;
};

#define OPTIONS_OPERANDS 2

/* What the command line says. Strings point into argv, but for url. Free with options_free(). */
struct options {
    char *url;               /* own copy; what stood in argv is overwritten */
    const char *dir, *target;
    bool yes, all_targets;
    bool json, quiet, verbose, version, help;
    int count;               /* 0: not given */
    const char *to_version;
    bool dry_run, skip_validation, skip_checksums, skip_files, take_over_dead;
    int lock_timeout_ms, statement_timeout_ms; /* 0: not given */
    int wait_ms;             /* 0: not given, -1: for ever */
    int retries;             /* 0: not given */
    bool watch;
    int prune_days;          /* 0: not given */
    const char *process_id, *reason;
    bool if_dead, terminate;
    bool fix;
    int limit;               /* 0: not given */
    int from;                /* 0: not given */
    bool mark_applied, mark_rolled_back;
    bool preflight;          /* a run is refused where something blocks it */
    bool check;              /* status: the exit code tells */
    const char *plan;        /* digest or file of a plan that was shown; NULL: not given */
    bool read_only;
    int refresh_ms;          /* 0: not given */
    const char *new_version; /* NULL: not given */
    const char *operands[OPTIONS_OPERANDS];
    int operand_count;
};

/* Reads the command line; global options may stand before or after the command. *command: the command, NULL where none is named; it is set as soon as it is known, also on failure. out->json is right on failure too. False with ERR_USAGE, which names the way out (a suggestion for what is mistyped) and never shows a URL. argv is changed: the value of --url is overwritten. */
bool options_parse(int argc, char **argv, struct options *out, const struct command **command, struct error *err);
/* Does this call of the command change the database? By its flags, not by its name. */
bool options_write(const struct command *command, const struct options *options);
/* Does `resolve` do something, or only look? */
bool options_resolves(const struct options *options);
/* Frees, wiping the URL. */
void options_free(struct options *options);

/* Reads a duration: `500ms`, `5s`, `2min`, `1h`; a bare number is seconds; a fraction is allowed. More than 0, at most some 24 days. False with ERR_USAGE. */
bool options_duration(const char *text, int *ms, struct error *err);

/* The same, or `forever`: -1. */
bool options_wait(const char *text, int *ms, struct error *err);

/* Fills *err for a word that is no command, with a suggestion. Returns the code, ERR_USAGE. */
enum error_code options_no_command(const char *word, struct error *err);

/* The entry of a list that is nearest to a mistyped word, or NULL where none is near. `next` gives one name after the other, NULL at the end. */
const char *options_nearest(const char *word, const char *(*next)(void *user), void *user);

#endif
