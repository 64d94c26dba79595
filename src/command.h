/* command.h: the one table of commands, and what a command is given when it runs. */
#ifndef JETBASE_COMMAND_H
#define JETBASE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "options.h"
#include "output.h"
#include "project.h"
#include "sys.h"

struct db;

/* What a command needs and does; the dispatcher acts on these, not on names. */
enum command_flag {
    COMMAND_PROJECT = 1,     /* runs in a project folder */
    COMMAND_URL = 2,         /* needs the configuration and its URL too */
    COMMAND_READS_ONLY = 4,  /* creates and changes nothing */
    COMMAND_LOCKS = 8,       /* takes the lock; with --json it tells events, one a line */
    COMMAND_TERMINAL = 16,   /* needs a terminal */
    COMMAND_WRITES_IF_ASKED = 32 /* only looks, unless one of its options (--fix, --prune, a way to resolve) says otherwise. Without this and READS_ONLY it changes the database, but for --dry-run: a protected target wants --yes */
};

/* The console, as the front door knows it. Returns the exit code; *err is filled where that is not 0. */
typedef int (*command_console_fn)(const struct project_options *options, const struct sys *sys, bool read_only, double refresh_s, struct error *err);

/* A key of the console, as help names it. */
struct command_key {
    const char *names;  /* parted by blanks: "j Down" */
    const char *help;   /* what it does */
    const char *when;   /* when it is allowed, in words; NULL: always */
};

/* The keys of the console, as the front door knows them: fills *key with the one of that index, in the order of help; false behind the last. */
typedef bool (*command_key_fn)(size_t index, struct command_key *key);

/* What a handler gets. */
struct call {
    const struct command *command;
    const struct options *options;
    const struct project *project;   /* opened as the flags say, else NULL */
    const struct sys *sys;
    struct output *out;
    command_console_fn console;
    command_key_fn keys;
    int argc;                        /* the command line, --url overwritten */
    char **argv;
};

/* A command at work. Returns the exit code; *err is filled where that is not 0 (with 0 and a message it holds a warning). */
typedef int (*command_fn)(const struct call *call, struct error *err);

/* One row of the table. */
struct command {
    const char *name;
    const char *operands;              /* as usage shows them, "" for none */
    int operands_min, operands_max;
    unsigned flags;
    const char *help;                  /* one line */
    const char *about;                 /* more, for its own help, or NULL */
    const struct option_def *options;  /* its own, ended by OPTION_END */
    command_fn run;
};

/* The table, ended by a row without a name; and the options that every command takes. */
extern const struct command command_table[];
extern const struct option_def command_globals[];

/* The command of that name, or NULL. */
const struct command *command_find(const char *name);

/* The whole program: reads the command line, runs the command, prints its error once. Returns the exit code. */
int command_main(int argc, char **argv, const struct sys *sys, command_console_fn console, command_key_fn keys);

/* The handlers. */
int command_init(const struct call *call, struct error *err);
int command_new(const struct call *call, struct error *err);
int command_upgrade(const struct call *call, struct error *err);
int command_rollback(const struct call *call, struct error *err);
int command_rehearse(const struct call *call, struct error *err);
int command_status(const struct call *call, struct error *err);
int command_history(const struct call *call, struct error *err);
int command_current(const struct call *call, struct error *err);
int command_fix(const struct call *call, struct error *err);
int command_fix_checksums(const struct call *call, struct error *err);
int command_fix_files(const struct call *call, struct error *err);
int command_validate_checksums(const struct call *call, struct error *err);
int command_validate_files(const struct call *call, struct error *err);
int command_baseline(const struct call *call, struct error *err);
int command_runs(const struct call *call, struct error *err);
int command_config(const struct call *call, struct error *err);
int command_lock_status(const struct call *call, struct error *err);
int command_watch(const struct call *call, struct error *err); /* lock-status --watch */
int command_unlock(const struct call *call, struct error *err);
int command_resolve(const struct call *call, struct error *err);
int command_console(const struct call *call, struct error *err);
int command_help(const struct call *call, struct error *err);

struct engine_wish;

/* What the command line, else the configuration, says of how a run meets locks: take-over, timeouts, waiting, retries. */
void command_run_wish(const struct call *call, struct engine_wish *wish);

/* Refuses (ERR_USAGE, with the command that would do it) what changes a protected target without --yes. True: go on. */
bool command_guard(const struct call *call, struct error *err);

/* `status --all-targets`: a line for each target. Returns the exit code. */
int command_all_targets(const struct call *call, struct error *err);

/* With --verbose tells which files of migrations/ are no migrations and are passed over. Says nothing where the folder can't be read: the command itself does. */
void command_note_passed(const struct call *call);

/* Where db is a standby, says so in a note, and how far it is behind. */
void command_note_standby(const struct call *call, const struct db *db);

/* Prints the help of one command, or of the program (NULL). */
void command_help_print(struct output *out, const struct command *command);

#endif
