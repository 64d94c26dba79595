/* command.c: the table of commands, and what is done before and after each of them. */
#include "command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "complete.h"
#include "output_json.h"
#include "signals.h"

/* Options that upgrade and rollback share, but for the words. */
#define OPTION_RUN_COMMON                                                                                                                                   \
    { OPTION_TAKE_OVER_DEAD, "take-over-dead", 0, NULL, "Where the lock's holder is proven dead, take the lock over and go on" },                            \
        { OPTION_LOCK_TIMEOUT, "lock-timeout", 0, "DURATION", "PostgreSQL: how long a statement waits for a lock (500ms, 5s, 2min; bare: seconds)" },        \
        { OPTION_STATEMENT_TIMEOUT, "statement-timeout", 0, "DURATION", "PostgreSQL: how long a statement may run" },                                        \
        { OPTION_WAIT, "wait", 0, "DURATION", "Where somebody holds the lock, or the server is not up yet, wait so long for it (or: forever)" }
#define OPTION_RUN_AGAIN { OPTION_RETRY, "retry", 0, "N", "After a lock timeout, a deadlock or a serialization failure that was rolled back: a new run, up to N times" }

static const struct option_def no_options[] = { { .id = OPTION_END } };

static const struct option_def new_options[] = {
    { OPTION_NEW_VERSION, "version", 'v', "VERSION", "Version of the migration (1, 1.5, 1_5); else the local time" },
    { .id = OPTION_END },
};

static const struct option_def upgrade_options[] = {
    { OPTION_COUNT, "count", 'c', "N", "Number of migrations to apply" },
    { OPTION_TO_VERSION, "to-version", 't', "VERSION", "Apply migrations up to this version" },
    { OPTION_DRY_RUN, "dry-run", 'd', NULL, "Show what would run; change nothing" },
    { OPTION_PLAN, "plan", 0, "DIGEST", "Run exactly the plan that --dry-run showed, or nothing: its digest, 12 digits of it or more, or the file with what --dry-run --json wrote" },
    { OPTION_SKIP_VALIDATION, "skip-validation", 0, NULL, "Skip both checksum and file validation" },
    { OPTION_SKIP_CHECKSUMS, "skip-checksum-validation", 0, NULL, "Skip checksum validation" },
    { OPTION_SKIP_FILES, "skip-file-validation", 0, NULL, "Skip file validation" },
    { OPTION_PREFLIGHT, "preflight", 0, NULL, "Look first at what the database holds against the plan; run nothing where that blocks it" },
    OPTION_RUN_COMMON,
    OPTION_RUN_AGAIN,
    { .id = OPTION_END },
};

static const struct option_def rollback_options[] = {
    { OPTION_COUNT, "count", 'c', "N", "Number of migrations to roll back; 1 where nothing is said" },
    { OPTION_TO_VERSION, "to-version", 't', "VERSION", "Roll back what was applied after this version" },
    { OPTION_DRY_RUN, "dry-run", 'd', NULL, "Show what would run; change nothing" },
    { OPTION_PLAN, "plan", 0, "DIGEST", "Run exactly the plan that --dry-run showed, or nothing: its digest, 12 digits of it or more, or the file with what --dry-run --json wrote" },
    { OPTION_PREFLIGHT, "preflight", 0, NULL, "Look first at what the database holds against the plan; run nothing where that blocks it" },
    OPTION_RUN_COMMON,
    OPTION_RUN_AGAIN,
    { .id = OPTION_END },
};

static const struct option_def rehearse_options[] = {
    { OPTION_COUNT, "count", 'c', "N", "Number of migrations to rehearse" },
    { OPTION_TO_VERSION, "to-version", 't', "VERSION", "Rehearse migrations up to this version" },
    { OPTION_LOCK_TIMEOUT, "lock-timeout", 0, "DURATION", "How long a statement waits for a lock, and others may wait behind the rehearsal; 2s where nothing is said" },
    { OPTION_STATEMENT_TIMEOUT, "statement-timeout", 0, "DURATION", "How long a statement may run" },
    { .id = OPTION_END },
};

static const struct option_def status_options[] = {
    { OPTION_ALL_TARGETS, "all-targets", 0, NULL, "A line for each target of jetbase.toml: version, pending, lock" },
    { OPTION_CHECK, "check", 0, NULL, "Exit code 0 where all is up to date, 7 where something is pending, 5 where history and files disagree; with --quiet no tables" },
    { .id = OPTION_END },
};

static const struct option_def lock_status_options[] = {
    { OPTION_WATCH, "watch", 0, NULL, "A line (with --json an object) for each change, until the lock is free" },
    { .id = OPTION_END },
};

static const struct option_def unlock_options[] = {
    { OPTION_PROCESS_ID, "process-id", 0, "ID", "Only if the lock still names this process ID" },
    { OPTION_IF_DEAD, "if-dead", 0, NULL, "Only if the holder is proven dead" },
    { OPTION_TERMINATE, "terminate", 0, NULL, "PostgreSQL: end the holder's session first" },
    { OPTION_REASON, "reason", 0, "TEXT", "Why; kept with the run that held the lock" },
    { .id = OPTION_END },
};

static const struct option_def fix_options[] = {
    OPTION_RUN_COMMON,
    OPTION_RUN_AGAIN,
    { .id = OPTION_END },
};

static const struct option_def validate_checksums_options[] = {
    { OPTION_FIX, "fix", 'f', NULL, "Fix any detected checksum mismatches by updating the stored checksum to match any changes in its corresponding migration file" },
    OPTION_RUN_COMMON,
    OPTION_RUN_AGAIN,
    { .id = OPTION_END },
};

static const struct option_def validate_files_options[] = {
    { OPTION_FIX, "fix", 'f', NULL, "Fix any detected migration file issues" },
    OPTION_RUN_COMMON,
    OPTION_RUN_AGAIN,
    { .id = OPTION_END },
};

static const struct option_def resolve_options[] = {
    { OPTION_FROM, "from", 0, "N", "Go on at statement N and end the file as a run does; 1 runs it anew" },
    { OPTION_MARK_APPLIED, "mark-applied", 0, NULL, "The file counts as applied; nothing of it runs" },
    { OPTION_MARK_ROLLED_BACK, "mark-rolled-back", 0, NULL, "The file counts as not applied; nothing of it runs" },
    OPTION_RUN_COMMON,
    { .id = OPTION_END },
};

static const struct option_def baseline_options[] = {
    { OPTION_DRY_RUN, "dry-run", 'd', NULL, "Show what would be recorded; change nothing" },
    OPTION_RUN_COMMON,
    OPTION_RUN_AGAIN,
    { .id = OPTION_END },
};

static const struct option_def runs_options[] = {
    { OPTION_LIMIT, "limit", 0, "N", "Show this many, the newest first; 20 where nothing is said" },
    { OPTION_PRUNE, "prune", 0, "DAYS", "Remove runs that began more than so many days ago, but for those that are still needed" },
    { .id = OPTION_END },
};

static const struct option_def console_options[] = {
    { OPTION_READ_ONLY, "read-only", 0, NULL, "Offer nothing that changes the database" },
    { OPTION_REFRESH, "refresh", 0, "DURATION", "Time between two looks; 1s where nothing is said" },
    { .id = OPTION_END },
};

const struct option_def command_globals[] = {
    { OPTION_URL, "url", 0, "URL", "Database URL, before all configuration" },
    { OPTION_TARGET, "target", 0, "NAME", "The database of [target.NAME] in jetbase.toml" },
    { OPTION_YES, "yes", 0, NULL, "Change a protected target; opens its console for changes" },
    { OPTION_DIR, NULL, 'C', "DIR", "Run as if started in DIR" },
    { OPTION_JSON, "json", 0, NULL, "Results, events and errors as JSON on standard output" },
    { OPTION_QUIET, "quiet", 0, NULL, "Say nothing but what was asked for, warnings and errors" },
    { OPTION_VERBOSE, "verbose", 0, NULL, "Say more: each statement and its time, SQLSTATE, process IDs" },
    { OPTION_PROGRAM_VERSION, "version", 0, NULL, "Show the version of this program" },
    { OPTION_HELP, "help", 0, NULL, "Show this help" },
    { .id = OPTION_END },
};

enum { READS = COMMAND_PROJECT | COMMAND_URL | COMMAND_READS_ONLY, RUNS = COMMAND_PROJECT | COMMAND_URL | COMMAND_LOCKS, CHANGES = COMMAND_PROJECT | COMMAND_URL, MAY_CHANGE = CHANGES | COMMAND_WRITES_IF_ASKED };

const struct command command_table[] = {
    { "init", "", 0, 0, 0, "Initialize jetbase in current directory",
      "Creates jetbase/ with the folder migrations/ and the configuration env.py. A file that is there already is never overwritten.", no_options, command_init },
    { "new", "DESCRIPTION", 1, 1, COMMAND_PROJECT, "Create a new migration file with a timestamp-based version and the provided description",
      "The file has an upgrade and a rollback section. A file that is there already is never overwritten.", new_options, command_new },
    { "upgrade", "", 0, 0, RUNS, "Execute pending migrations",
      "Takes the lock, applies each pending file in a transaction of its own, gives the lock back. A file that fails is rolled back whole; those before it stand.", upgrade_options, command_upgrade },
    { "rollback", "", 0, 0, RUNS, "Roll back migrations", "Runs the rollback sections of the latest applied versions, the newest first.", rollback_options, command_rollback },
    { "rehearse", "", 0, 0, CHANGES, "Try the pending migrations and their rollbacks where nothing of it stays, and show what each statement locks and rewrites",
      "PostgreSQL: in one transaction of the database itself, which is always rolled back; SQLite: on a copy. Exit code 1 where a statement fails or a rollback does not undo its upgrade.", rehearse_options, command_rehearse },
    { "status", "", 0, 0, READS, "Show applied and pending migrations", NULL, status_options, command_status },
    { "history", "", 0, 0, READS, "Show migration history", NULL, no_options, command_history },
    { "current", "", 0, 0, READS, "Show the latest version that has been migrated", NULL, no_options, command_current },
    { "lock-status", "", 0, 0, READS, "Show whether the database is locked for migrations, by whom, and whether that holder is alive",
      "The verdict is alive, dead or unknown, with its evidence. Exit code 0, locked or not.", lock_status_options, command_lock_status },
    { "unlock", "", 0, 0, CHANGES, "Unlock the migration lock to allow migrations to run again",
      "Without options it unlocks whoever holds the lock, as Jetbase does. A run of this program that lives is then stopped by its fence and rolls back; another program's holder goes on. "
      "--if-dead and --process-id are the safe forms.",
      unlock_options, command_unlock },
    { "fix", "", 0, 0, CHANGES, "Repair migration files and versions.",
      "Does what fix-files and fix-checksums do, in one transaction under the lock. Where there is nothing to repair, the lock is not looked at and nothing is written.", fix_options, command_fix },
    { "fix-checksums", "", 0, 0, CHANGES, "Updates all stored checksums to their current values.", NULL, fix_options, command_fix_checksums },
    { "fix-files", "", 0, 0, CHANGES, "Stops jetbase from tracking migrations whose files no longer exist.", NULL, fix_options, command_fix_files },
    { "validate-checksums", "", 0, 0, MAY_CHANGE, "Audit migration checksums without making changes. Use --fix to update stored checksums to match current migration files.", NULL, validate_checksums_options,
      command_validate_checksums },
    { "validate-files", "", 0, 0, MAY_CHANGE, "Check if any migration files are missing. Use --fix to clean up records of migrations whose files no longer exist.", NULL, validate_files_options,
      command_validate_files },
    { "resolve", "FILE", 1, 1, RUNS | COMMAND_WRITES_IF_ASKED, "End a file outside a transaction that was left half applied",
      "FILE is its name or its version. Without an option it shows which statements are done, which may have run, which were not run, and changes nothing. With one it takes the lock and does it.",
      resolve_options, command_resolve },
    { "baseline", "VERSION", 1, 1, CHANGES, "Start with an existing schema: record the versions up to this one as applied, run none",
      "Takes the lock and records them in one transaction. Refused where the history has versions already, but for exactly these. Repeatables stay pending.", baseline_options, command_baseline },
    { "runs", "", 0, 0, MAY_CHANGE, "Show who held the lock, how it ended, and who unlocked it", NULL, runs_options, command_runs },
    { "config", "", 0, 0, COMMAND_PROJECT | COMMAND_READS_ONLY, "Show each setting and where it comes from",
      "The password in the URL is masked. No database is asked.", no_options, command_config },
    { "console", "", 0, 0, COMMAND_TERMINAL, "Open the console; so does jetbase alone on a terminal", NULL, console_options, command_console },
    { "help", "[COMMAND|keys]", 0, 1, 0, "Show help for the program, a command or the keys of the console", NULL, no_options, command_help },
    { .name = NULL },
};

const struct command *command_find(const char *name)
{
    for (const struct command *c = command_table; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

int command_console(const struct call *call, struct error *err)
{
    struct project_options options = { .dir = call->options->dir, .url = call->options->url, .target = call->options->target, .yes = call->options->yes };
    int refresh_ms = call->options->refresh_ms;
    if (call->options->json) {
        error_set(err, ERR_USAGE, "--json makes no sense for the console");
        error_hint(err, "For scripts: jetbase status --json, jetbase lock-status --json");
        return error_exit_code(err->code);
    }
    return call->console(&options, call->sys, call->options->read_only, refresh_ms ? refresh_ms / 1000.0 : 1.0, err);
}

static bool on_terminal(void)
{
    return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
}

/* What stands without a command: the console on a terminal, else one clear sentence. */
static bool choose(struct call *call, struct error *err)
{
    if (!call->command && on_terminal()) {
        call->command = command_find("console");
        return true;
    }
    if (!call->command) {
        error_set(err, ERR_USAGE, "Missing command: without a terminal there is no console, so name one, for instance `jetbase status`.");
        return error_hint(err, "See: jetbase --help");
    }
    if ((call->command->flags & COMMAND_TERMINAL) && !on_terminal()) {
        error_set(err, ERR_USAGE, "The console needs a terminal on standard input and output.");
        return error_hint(err, "Without one: jetbase status, jetbase lock-status, jetbase upgrade. See: jetbase --help");
    }
    return true;
}

static int run_command(struct call *call, struct error *err)
{
    struct project_options where = { .dir = call->options->dir, .url = call->options->url, .target = call->options->target, .yes = call->options->yes };
    struct project project = { 0 };
    int code;
    if (!choose(call, err))
        return error_exit_code(err->code);
    if (call->command->flags & COMMAND_PROJECT) {
        bool open = project_open(&where, (call->command->flags & COMMAND_URL) != 0 && !call->options->all_targets, &project, err);
        output_warn_lines(call->out, project.warnings);
        call->project = &project;
        if (!open || !command_guard(call, err)) {
            call->project = NULL;
            project_free(&project);
            return error_exit_code(err->code);
        }
    }
    code = call->command->run(call, err);
    project_free(&project);
    call->project = NULL;
    return code;
}

static int run_version(struct call *call, struct error *err)
{
    if (!call->options->json) {
        output_print(call->out, "%s", PACKAGE_STRING);
        return 0;
    }
    return output_json(call->out, json_pack("{s:i, s:s}", "schema", 1, "version", PACKAGE_VERSION), err) ? 0 : error_exit_code(err->code);
}

/* Prints the error, once. */
static void tell_failure(const struct call *call, const struct error *err, int code)
{
    bool looks = call->options->dry_run || (call->command && call->command->run == command_resolve && !options_resolves(call->options));
    bool events = call->command && (call->command->flags & COMMAND_LOCKS) && !looks;
    if (call->out->failure_told)
        return;
    if (call->out->json)
        output_json_failure(call->out, err, code, events, call->sys->wall_us());
    else
        output_error_text(call->out, err);
}

int command_main(int argc, char **argv, const struct sys *sys, command_console_fn console, command_key_fn keys)
{
    struct options options;
    struct output out;
    struct error err = { 0 };
    struct call call = { .options = &options, .sys = sys, .out = &out, .console = console, .keys = keys, .argc = argc, .argv = argv };
    int code = 0;
    bool parsed;
    output_guard();
    signals_ignore_pipe();
    if (argc > 1 && strcmp(argv[1], "complete") == 0) { /* asked by shells; half a command line is none that could be read */
        complete_print(argc - 2, (const char *const *)argv + 2, stdout);
        return 0;
    }
    parsed = options_parse(argc, argv, &options, &call.command, &err);
    output_open(&out, stdout, stderr);
    out.json = options.json;
    out.quiet = options.quiet;
    out.verbose = options.verbose;
    if (!parsed)
        code = error_exit_code(err.code);
    else if (options.version)
        code = run_version(&call, &err);
    else if (options.help)
        command_help_print(&out, call.command);
    else
        code = run_command(&call, &err);
    if (code != 0)
        tell_failure(&call, &err, code);
    else if (err.message[0] && !out.failure_told)
        output_warn(&out, "%s", err.message);
    options_free(&options);
    return output_close(&out, code);
}
