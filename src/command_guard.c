/* command_guard.c: what would change a protected target without being told so in plain words. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "text.h"

/* Appends a word as a shell takes it: in quotes where it needs them. */
static void add_word(struct text *line, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@%+,";
    if (word[0] != '\0' && strspn(word, plain) == strlen(word)) {
        text_puts(line, word);
        return;
    }
    text_puts(line, "'");
    for (; *word != '\0'; word++)
        if (*word == '\'')
            text_puts(line, "'\\''");
        else
            text_add(line, word, 1);
    text_puts(line, "'");
}

/* The command line as it was, and --yes: at its end, or where that would be an operand, behind `--`, before everything. The URL, which was overwritten, is left to the person. */
static void command_line(const struct call *call, struct text *line)
{
    bool ended = false;
    for (int i = 1; i < call->argc; i++)
        ended = ended || strcmp(call->argv[i], "--") == 0;
    text_puts(line, ended ? "jetbase --yes" : "jetbase");
    for (int i = 1; i < call->argc; i++) {
        const char *word = call->argv[i];
        bool url = strncmp(word, "--url=", 6) == 0, before = i > 1 && strcmp(call->argv[i - 1], "--url") == 0;
        text_puts(line, " ");
        if (url || before)
            text_puts(line, url ? "--url=…" : "…");
        else
            add_word(line, word);
    }
    if (!ended)
        text_puts(line, " --yes");
}

bool command_guard(const struct call *call, struct error *err)
{
    struct text line = { 0 };
    char shown[2000];
    if (!call->project->held_back || !options_write(call->command, call->options))
        return true;
    command_line(call, &line);
    text_visible(shown, sizeof shown, text_string(&line));
    error_set(err, ERR_USAGE, "%s is a protected target: without --yes nothing of it is changed, and nothing was done.", call->project->target);
    error_hint(err, "If %s is meant: %s", call->project->target, line.failed ? "the same command with --yes" : shown);
    text_free(&line);
    return false;
}
