/* command_help.c: help for the program and for each command, made from the table. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "command.h"

enum { TEXT_COLUMN = 30, COMMAND_COLUMN = 22, KEY_COLUMN = 14, LINE_MOST = 100 };

/* Folds text into lines that begin at `indent`; the first one continues where the line stands. */
static void fold(struct output *out, const char *text, size_t indent)
{
    size_t limit = (out->width < LINE_MOST ? out->width : LINE_MOST) - 1, at = indent;
    if (limit < indent + 20)
        limit = indent + 20;
    while (*text) {
        size_t word = strcspn(text, " ");
        if (at > indent && at + 1 + word > limit) {
            fprintf(out->out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            fputc(' ', out->out);
            at++;
        }
        fwrite(text, 1, word, out->out);
        at += word;
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', out->out);
}

static void print_option(struct output *out, const struct option_def *def)
{
    char names[80] = "";
    if (def->letter && def->name)
        snprintf(names, sizeof names, "-%c, --%s", def->letter, def->name);
    else if (def->letter)
        snprintf(names, sizeof names, "-%c", def->letter);
    else
        snprintf(names, sizeof names, "    --%s", def->name);
    if (def->value)
        snprintf(names + strlen(names), sizeof names - strlen(names), " %s", def->value);
    fprintf(out->out, "  %-*s", TEXT_COLUMN - 2, names);
    if (strlen(names) + 2 >= TEXT_COLUMN)
        fprintf(out->out, "\n%*s", TEXT_COLUMN, "");
    fold(out, def->help, TEXT_COLUMN);
}

/* Has the command an option of this name itself? */
static bool hidden(const struct option_def *own, const struct option_def *def)
{
    for (; own && own->id != OPTION_END; own++)
        if (def->name && own->name && strcmp(def->name, own->name) == 0)
            return true;
    return false;
}

/* own: options of a command that hide those of the list, or NULL. */
static void print_options(struct output *out, const char *title, const struct option_def *defs, const struct option_def *own)
{
    if (defs->id == OPTION_END)
        return;
    fprintf(out->out, "\n%s\n", title);
    for (; defs->id != OPTION_END; defs++)
        if (!hidden(own, defs))
            print_option(out, defs);
}

static void print_program(struct output *out)
{
    fprintf(out->out, "Usage: jetbase [OPTIONS] COMMAND [ARGS]...\n       jetbase [OPTIONS]                 opens the console, on a terminal\n\n");
    fprintf(out->out, "Database migrations under a lock that can be proven: who holds it, and whether that holder can still commit.\n\nCommands:\n");
    for (const struct command *c = command_table; c->name; c++) {
        fprintf(out->out, "  %-*s", COMMAND_COLUMN - 2, c->name);
        fold(out, c->help, COMMAND_COLUMN);
    }
    print_options(out, "Options of all commands:", command_globals, NULL);
    fprintf(out->out, "\nExit codes: 0 done, 1 failed, 2 usage or configuration, 3 lock held, 4 lock lost, 5 history and files disagree, 6 no connection, 7 pending (status --check), 128+n signal n.\n"
                      "See: jetbase help COMMAND, jetbase help keys, man jetbase\n");
}

void command_help_print(struct output *out, const struct command *command)
{
    if (!command) {
        print_program(out);
        return;
    }
    fprintf(out->out, "Usage: jetbase %s [OPTIONS]%s%s\n\n", command->name, command->operands[0] ? " " : "", command->operands);
    fold(out, command->help, 0);
    if (command->about) {
        fputc('\n', out->out);
        fold(out, command->about, 0);
    }
    print_options(out, "Options:", command->options, NULL);
    print_options(out, "Options of all commands:", command_globals, command->options);
}

/* ---- the keys of the console ---- */

static const char topic_keys[] = "keys";

static void print_keys(struct output *out, command_key_fn keys)
{
    struct command_key key;
    fprintf(out->out, "Keys of the console (jetbase alone on a terminal):\n\n");
    for (size_t i = 0; keys(i, &key); i++) {
        fprintf(out->out, "  %-*s", KEY_COLUMN - 2, key.names);
        fold(out, key.help, KEY_COLUMN);
        if (key.when) {
            fprintf(out->out, "%*swhen: ", KEY_COLUMN, "");
            fold(out, key.when, KEY_COLUMN + 6);
        }
    }
    fprintf(out->out, "\nEnter never confirms; each dialog says what does. Esc leaves a dialog and never quits.\nSee: man jetbase-console\n");
}

/* ---- what `help` is asked about ---- */

/* The commands, and then the topic that is none. */
static const char *next_topic(void *user)
{
    size_t *at = user;
    if (*at == SIZE_MAX)
        return NULL;
    if (command_table[*at].name)
        return command_table[(*at)++].name;
    *at = SIZE_MAX;
    return topic_keys;
}

static int no_topic(const char *word, struct error *err)
{
    size_t at = 0;
    const char *near = options_nearest(word, next_topic, &at);
    enum error_code code = options_no_command(word, err);
    if (near)
        error_hint(err, "Did you mean `jetbase help %s`? See: jetbase help", near);
    return error_exit_code(code);
}

int command_help(const struct call *call, struct error *err)
{
    const char *word = call->options->operand_count > 0 ? call->options->operands[0] : NULL;
    const struct command *about = word ? command_find(word) : NULL;
    if (word && strcmp(word, topic_keys) == 0)
        print_keys(call->out, call->keys);
    else if (word && !about)
        return no_topic(word, err);
    else
        command_help_print(call->out, about);
    return 0;
}
