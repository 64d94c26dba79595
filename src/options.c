/* options.c: reads the command line, driven by the table of commands. */
#include "options.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "options_private.h"
#include "text.h"

enum {
    OPTION_BASE = 256, /* getopt's values: a letter, or this and an option_id */
    OPTIONS_MOST = 32  /* of one command, the global ones included */
};

/* The tables that getopt reads at the moment: the global options, and those of the command once it is known. */
struct reading {
    const struct option_def *defs[OPTIONS_MOST];
    int count;
    struct option longs[OPTIONS_MOST + 1];
    char letters[3 * OPTIONS_MOST + 3];
    const struct command *command;
    struct options *out;
};

static bool known_letter(const struct reading *r, char letter)
{
    for (int i = 0; i < r->count; i++)
        if (letter && r->defs[i]->letter == letter)
            return true;
    return false;
}

static bool known_name(const struct reading *r, const char *name)
{
    for (int i = 0; i < r->count; i++)
        if (name && r->defs[i]->name && strcmp(r->defs[i]->name, name) == 0)
            return true;
    return false;
}

/* A command's own option hides a global one of the same name (`new --version`). */
static void add_options(struct reading *r, const struct option_def *defs)
{
    for (; defs && defs->id != OPTION_END && r->count < OPTIONS_MOST; defs++)
        if (!known_name(r, defs->name) && !known_letter(r, defs->letter))
            r->defs[r->count++] = defs;
}

static void make_tables(struct reading *r)
{
    int n = 0;
    size_t at = 0;
    r->count = 0;
    if (r->command)
        add_options(r, r->command->options);
    add_options(r, command_globals);
    /* '-': operands are told in their place, whatever POSIXLY_CORRECT says; ':': a missing value is told apart. */
    r->letters[at++] = '-';
    r->letters[at++] = ':';
    for (int i = 0; i < r->count; i++) {
        const struct option_def *def = r->defs[i];
        if (def->name)
            r->longs[n++] = (struct option){ .name = def->name, .has_arg = def->value ? required_argument : no_argument, .val = OPTION_BASE + (int)def->id };
        if (def->letter)
            r->letters[at++] = def->letter;
        if (def->letter && def->value)
            r->letters[at++] = ':';
    }
    r->longs[n] = (struct option){ 0 };
    r->letters[at] = '\0';
}

static const struct option_def *def_of(const struct reading *r, int value)
{
    for (int i = 0; i < r->count; i++)
        if (value == OPTION_BASE + (int)r->defs[i]->id || (value < OPTION_BASE && value > 0 && value == r->defs[i]->letter))
            return r->defs[i];
    return NULL;
}

static const char *command_name(const struct reading *r)
{
    return r->command ? r->command->name : "";
}

static bool see_help(const struct reading *r, struct error *err)
{
    return error_hint(err, "See: jetbase %s%s--help", command_name(r), r->command ? " " : "");
}

struct naming {
    const struct reading *r;
    int at;
};

static const char *next_option(void *user)
{
    struct naming *naming = user;
    while (naming->at < naming->r->count) {
        const struct option_def *def = naming->r->defs[naming->at++];
        if (def->name)
            return def->name;
    }
    return NULL;
}

static const char *next_command(void *user)
{
    struct naming *naming = user;
    const char *name = command_table[naming->at].name;
    naming->at += name ? 1 : 0;
    return name;
}

/* An option of some command, written before it or at the wrong one. */
static const char *owner_of(const char *name)
{
    for (const struct command *c = command_table; c->name; c++)
        for (const struct option_def *def = c->options; def && def->id != OPTION_END; def++)
            if (def->name && strcmp(def->name, name) == 0)
                return c->name;
    return NULL;
}

static bool refuse_long(struct reading *r, const char *arg, struct error *err)
{
    char name[OPTIONS_WORD + 1], text[200];
    struct naming naming = { .r = r };
    const char *near, *owner;
    size_t len = strcspn(arg, "=");
    snprintf(name, sizeof name, "%.*s", (int)(len < OPTIONS_WORD ? len : OPTIONS_WORD), arg);
    options_shown(name, text, sizeof text);
    error_set(err, ERR_USAGE, "No such option: --%s", text);
    near = options_nearest(name, next_option, &naming);
    owner = owner_of(name);
    if (near && strncmp(near, name, strlen(name)) == 0 && strcmp(near, name) != 0)
        return error_hint(err, "Write it out, for instance --%s. See: jetbase %s%s--help", near, command_name(r), r->command ? " " : "");
    if (near)
        return error_hint(err, "Did you mean --%s? See: jetbase %s%s--help", near, command_name(r), r->command ? " " : "");
    if (owner && !r->command)
        return error_hint(err, "It belongs behind its command: jetbase %s --%s", owner, text);
    return see_help(r, err);
}

static bool refuse_option(struct reading *r, char **argv, struct error *err)
{
    const struct option_def *def = optopt ? def_of(r, optopt) : NULL;
    if (def && optopt >= OPTION_BASE) {
        error_set(err, ERR_USAGE, "Option '--%s' does not take a value", def->name);
        return see_help(r, err);
    }
    if (optopt && optopt < OPTION_BASE) {
        char letter[2] = { (char)optopt, '\0' }, text[8];
        text_visible(text, sizeof text, letter);
        error_set(err, ERR_USAGE, "No such option: -%s", text);
        return see_help(r, err);
    }
    return refuse_long(r, argv[optind - 1] + (strncmp(argv[optind - 1], "--", 2) == 0 ? 2 : 0), err);
}

static bool refuse_no_value(struct reading *r, struct error *err)
{
    const struct option_def *def = def_of(r, optopt);
    char names[80] = "";
    if (def)
        options_names(def, names, sizeof names);
    error_set(err, ERR_USAGE, "Option %s requires an argument", names);
    return see_help(r, err);
}

enum error_code options_no_command(const char *word, struct error *err)
{
    char text[200];
    struct naming naming = { 0 };
    const char *near = options_nearest(word, next_command, &naming);
    options_shown(word, text, sizeof text);
    error_set(err, ERR_USAGE, "No such command '%s'.", text);
    if (strstr(word, "://"))
        error_hint(err, "A database URL goes behind --url. See: jetbase help");
    else if (near)
        error_hint(err, "Did you mean `jetbase %s`? See: jetbase help", near);
    else
        error_hint(err, "See: jetbase help");
    return ERR_USAGE;
}

/* A password must not be seen by `ps`. */
static bool take_url(struct options *out, char *value, struct error *err)
{
    char *copy = text_dup(value);
    memset(value, '*', strlen(value));
    if (!copy)
        return error_set(err, ERR_NO_MEMORY, "Memory ran out reading the command line.");
    free(out->url);
    out->url = copy;
    return true;
}

static bool take_process_id(struct options *out, const char *value, struct error *err)
{
    out->process_id = value;
    if (value[0] != '\0' && strlen(value) <= 36)
        return true;
    error_set(err, ERR_USAGE, "Invalid value for '--process-id': a process ID has 1 to 36 characters.");
    return error_hint(err, "`jetbase lock-status` shows the one that holds the lock.");
}

static void take_flag(struct options *out, enum option_id id)
{
    switch (id) {
    case OPTION_YES: out->yes = true; break;
    case OPTION_ALL_TARGETS: out->all_targets = true; break;
    case OPTION_JSON: out->json = true; break;
    case OPTION_QUIET: out->quiet = true; break;
    case OPTION_VERBOSE: out->verbose = true; break;
    case OPTION_PROGRAM_VERSION: out->version = true; break;
    case OPTION_HELP: out->help = true; break;
    case OPTION_DRY_RUN: out->dry_run = true; break;
    case OPTION_SKIP_VALIDATION: out->skip_validation = true; break;
    case OPTION_SKIP_CHECKSUMS: out->skip_checksums = true; break;
    case OPTION_SKIP_FILES: out->skip_files = true; break;
    case OPTION_TAKE_OVER_DEAD: out->take_over_dead = true; break;
    case OPTION_IF_DEAD: out->if_dead = true; break;
    case OPTION_TERMINATE: out->terminate = true; break;
    case OPTION_READ_ONLY: out->read_only = true; break;
    case OPTION_FIX: out->fix = true; break;
    case OPTION_WATCH: out->watch = true; break;
    case OPTION_MARK_APPLIED: out->mark_applied = true; break;
    case OPTION_MARK_ROLLED_BACK: out->mark_rolled_back = true; break;
    case OPTION_CHECK: out->check = true; break;
    case OPTION_PREFLIGHT: out->preflight = true; break;
    default: break;
    }
}

static bool take_option(struct reading *r, const struct option_def *def, char *value, struct error *err)
{
    struct options *out = r->out;
    switch (def->id) {
    case OPTION_URL: return take_url(out, value, err);
    case OPTION_DIR: out->dir = value; return true;
    case OPTION_TARGET: out->target = value; return true;
    case OPTION_COUNT: return options_take_number(def, value, &out->count, err);
    case OPTION_FROM: return options_take_number(def, value, &out->from, err);
    case OPTION_LIMIT: return options_take_number(def, value, &out->limit, err);
    case OPTION_TO_VERSION: out->to_version = value; return true;
    case OPTION_NEW_VERSION: out->new_version = value; return true;
    case OPTION_REASON: out->reason = value; return true;
    case OPTION_PLAN: out->plan = value; return true;
    case OPTION_PROCESS_ID: return take_process_id(out, value, err);
    case OPTION_LOCK_TIMEOUT: return options_take_duration(def, value, &out->lock_timeout_ms, err);
    case OPTION_STATEMENT_TIMEOUT: return options_take_duration(def, value, &out->statement_timeout_ms, err);
    case OPTION_WAIT: return options_take_wait(def, value, &out->wait_ms, err);
    case OPTION_RETRY: return options_take_number(def, value, &out->retries, err);
    case OPTION_PRUNE: return options_take_number(def, value, &out->prune_days, err);
    case OPTION_REFRESH: return options_take_duration(def, value, &out->refresh_ms, err);
    default: take_flag(out, def->id); return true;
    }
}

static bool take_operand(struct reading *r, const char *word, struct error *err)
{
    char text[200];
    if (!r->command) {
        r->command = command_find(word);
        if (!r->command)
            return options_no_command(word, err) == ERR_NONE;
        make_tables(r);
        return true;
    }
    if (r->out->operand_count < r->command->operands_max && r->out->operand_count < OPTIONS_OPERANDS) {
        r->out->operands[r->out->operand_count++] = word;
        return true;
    }
    options_shown(word, text, sizeof text);
    error_set(err, ERR_USAGE, "Got unexpected extra argument (%s)", text);
    return see_help(r, err);
}

/* What can't stand together. */
static bool check(const struct reading *r, struct error *err)
{
    const struct options *o = r->out;
    bool up = r->command && strcmp(r->command->name, "upgrade") == 0;
    if (o->help || o->version || !r->command)
        return true;
    if (o->operand_count < r->command->operands_min) {
        error_set(err, ERR_USAGE, "Missing argument '%s'.", r->command->operands);
        return see_help(r, err);
    }
    if (o->count > 0 && o->to_version)
        return error_set(err, ERR_USAGE, "Cannot specify both 'count' and 'to_version' for %s. Select only one, or do not specify either to %s.", r->command->name,
                         up ? "run all pending migrations" : "rollback the last migration");
    if ((o->from > 0) + o->mark_applied + o->mark_rolled_back > 1)
        return error_set(err, ERR_USAGE, "--from, --mark-applied and --mark-rolled-back can't stand together: a file is resolved in one way");
    if (o->all_targets && (o->target || o->url))
        return error_set(err, ERR_USAGE, "--all-targets and %s can't stand together: one shows every target, the other names one database", o->target ? "--target" : "--url");
    if (o->plan && o->dry_run)
        return error_set(err, ERR_USAGE, "--plan and --dry-run can't stand together: one runs the plan that the other shows");
    if (o->prune_days && o->limit)
        return error_set(err, ERR_USAGE, "--prune and --limit can't stand together: one removes runs, the other shows them");
    if (o->if_dead && o->terminate) {
        error_set(err, ERR_USAGE, "--if-dead and --terminate can't stand together: a dead holder has no session to end");
        return error_hint(err, "--if-dead unlocks only where the holder is proven dead; --terminate ends the session of a living one.");
    }
    return true;
}

/* A failure before --json was reached must be told as JSON all the same. */
static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

bool options_parse(int argc, char **argv, struct options *out, const struct command **command, struct error *err)
{
    struct reading r = { .out = out };
    bool ok = true;
    int got;
    memset(out, 0, sizeof *out);
    out->json = wants_json(argc, argv);
    *command = NULL;
    make_tables(&r);
    optind = 0;
    while (ok && (got = getopt_long(argc, argv, r.letters, r.longs, NULL)) != -1) {
        const struct option_def *def = def_of(&r, got);
        if (got == 1)
            ok = take_operand(&r, optarg, err);
        else if (got == ':')
            ok = refuse_no_value(&r, err);
        else if (got == '?' || !def)
            ok = refuse_option(&r, argv, err);
        else
            ok = take_option(&r, def, optarg, err);
    }
    for (; ok && optind < argc; optind++)
        ok = take_operand(&r, argv[optind], err);
    ok = ok && check(&r, err);
    *command = r.command;
    return ok;
}

bool options_resolves(const struct options *options)
{
    return options->from > 0 || options->mark_applied || options->mark_rolled_back;
}

bool options_write(const struct command *command, const struct options *options)
{
    bool asked = options->fix || options->prune_days > 0 || options_resolves(options);
    if (!(command->flags & COMMAND_URL) || (command->flags & COMMAND_READS_ONLY) || options->dry_run)
        return false;
    return !(command->flags & COMMAND_WRITES_IF_ASKED) || asked;
}

void options_free(struct options *options)
{
    if (options->url)
        explicit_bzero(options->url, strlen(options->url));
    free(options->url);
    memset(options, 0, sizeof *options);
}
