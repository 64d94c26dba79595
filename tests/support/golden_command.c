/* golden_command.c: a command line of a transcript, run. */
#include "golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS = 16 };

/* Reads a word: blanks end it, single quotes keep them. False at the end of the line. */
static bool next_word(const char **line, char **word)
{
    struct golden_text text = { 0 };
    const char *at = *line + strspn(*line, " ");
    bool quoted = false;
    if (!*at)
        return false;
    golden_text_add(&text, "", 0);
    for (; *at && (quoted || *at != ' '); at++) {
        if (*at == '\'')
            quoted = !quoted;
        else
            golden_text_add(&text, at, 1);
    }
    assert_false(quoted);
    *line = at;
    *word = text.text;
    return true;
}

/* NAME=value, as a shell understands it before the command. */
static bool is_variable(const char *word)
{
    size_t name = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
    return name > 0 && word[name] == '=';
}

void golden_command(const struct golden_stage *stage, struct process *p, const char *line)
{
    char *words[WORDS] = { NULL };
    const char *argv[WORDS + 1] = { NULL }, *env[2 * WORDS] = { NULL };
    size_t count = 0, variables = 0, first;
    while (count + 1 < WORDS && next_word(&line, &words[count]))
        count++;
    assert_int_equal(line[strspn(line, " ")], '\0');
    for (; stage->variables[variables]; variables++)
        env[variables] = stage->variables[variables];
    for (first = 0; first < count && is_variable(words[first]); first++)
        env[variables++] = words[first];
    assert_true(first < count);
    assert_string_equal(words[first], "jetbase");
    argv[0] = process_jetbase();
    for (size_t i = first + 1; i < count; i++)
        argv[i - first] = words[i];
    process_run(p, stage->cwd, argv, env);
    for (size_t i = 0; i < count; i++)
        free(words[i]);
}
