/* complete.c: reads the words before the cursor as the command line is read, and offers what the table of commands has for the next one. */
#include "complete.h"

#include <string.h>

#include "command.h"

/* What the words before the cursor say. */
struct before {
    const struct command *command;
    bool unknown;                    /* a command that there is not */
    bool no_options;                 /* behind -- */
    int operands;
    const struct option_def *wants;  /* the option whose value comes next, or NULL */
    const char *dir;
};

static const struct option_def *find_in(const struct option_def *defs, const char *name, size_t len, char letter)
{
    for (; defs->id != OPTION_END; defs++)
        if (name ? defs->name && strncmp(defs->name, name, len) == 0 && defs->name[len] == '\0' : defs->letter == letter)
            return defs;
    return NULL;
}

/* The option of that name, or (name NULL) of that letter; a command's own goes before a global one. */
static const struct option_def *find_option(const struct before *b, const char *name, size_t len, char letter)
{
    const struct option_def *def = b->command ? find_in(b->command->options, name, len, letter) : NULL;
    return def ? def : find_in(command_globals, name, len, letter);
}

static void take_value(struct before *b, const struct option_def *def, const char *value)
{
    if (def->id == OPTION_DIR)
        b->dir = value;
}

/* "-dt": letters up to the one that takes a value; *value: what stands behind that one, NULL where no letter takes one. */
static const struct option_def *read_letters(const struct before *b, const char *word, const char **value)
{
    *value = NULL;
    for (const char *at = word + 1; *at; at++) {
        const struct option_def *def = find_option(b, NULL, 0, *at);
        if (def && def->value) {
            *value = at + 1;
            return def;
        }
    }
    return NULL;
}

static void read_option(struct before *b, const char *word)
{
    const struct option_def *def;
    const char *value;
    if (word[1] == '-') {
        size_t len = strcspn(word + 2, "=");
        def = find_option(b, word + 2, len, 0);
        value = word[2 + len] ? word + 3 + len : NULL;
        if (!def || !def->value)
            return;
    } else {
        def = read_letters(b, word, &value);
        if (!def)
            return;
        value = value[0] ? value : NULL;
    }
    if (value)
        take_value(b, def, value);
    else
        b->wants = def;
}

static void read_word(struct before *b, const char *word)
{
    if (b->wants) {
        take_value(b, b->wants, word);
        b->wants = NULL;
    } else if (!b->no_options && strcmp(word, "--") == 0) {
        b->no_options = true;
    } else if (!b->no_options && word[0] == '-' && word[1]) {
        read_option(b, word);
    } else if (!b->command) {
        b->command = command_find(word);
        b->unknown = b->unknown || !b->command;
    } else {
        b->operands++;
    }
}

static void offer_value(const struct complete *c, const struct option_def *def)
{
    if (def->id == OPTION_WAIT)
        complete_offer(c, "forever", NULL);
    else if (def->id != OPTION_NEW_VERSION) /* that one is not there yet */
        complete_value(c, def->value, strlen(def->value));
}

static void offer_options(const struct complete *c, const struct before *b, const struct option_def *defs)
{
    char word[100];
    for (; defs->id != OPTION_END; defs++) {
        if (defs->name)
            snprintf(word, sizeof word, "--%s", defs->name);
        else
            snprintf(word, sizeof word, "-%c", defs->letter);
        if (find_option(b, defs->name, defs->name ? strlen(defs->name) : 0, defs->letter) == defs)
            complete_offer(c, word, defs->help);
    }
}

/* The cursor is in an option: in its value, where it is written behind `=` or its letter, or in its name. */
static void complete_option(struct complete *c, const struct before *b, const char *word)
{
    const struct option_def *def;
    const char *value = NULL;
    if (word[1] == '-') {
        size_t len = strcspn(word + 2, "=");
        def = word[2 + len] ? find_option(b, word + 2, len, 0) : NULL;
        value = word + 2 + len + (word[2 + len] != '\0');
    } else {
        def = read_letters(b, word, &value);
    }
    if (def && def->value) {
        c->before = word;
        c->before_len = (int)(value - word);
        c->typed = value;
        offer_value(c, def);
        return;
    }
    if (b->command)
        offer_options(c, b, b->command->options);
    offer_options(c, b, command_globals);
}

/* The cursor is in an operand: "FILE", "[COMMAND]"; behind the last one only options may follow. */
static void complete_operand(struct complete *c, const struct before *b)
{
    const char *at = b->command->operands;
    if (b->operands >= b->command->operands_max) {
        if (!c->typed[0] && !b->no_options) {
            offer_options(c, b, b->command->options);
            offer_options(c, b, command_globals);
        }
        return;
    }
    for (int n = b->operands; n > 0 && strchr(at, ' '); n--)
        at = strchr(at, ' ') + 1;
    at += strspn(at, "[");
    complete_value(c, at, strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
}

void complete_print(int count, const char *const words[], FILE *out)
{
    const char *word = count > 0 ? words[count - 1] : "";
    struct before b = { 0 };
    struct complete c = { .out = out, .before = "", .typed = word };
    for (int i = 0; i + 1 < count; i++)
        read_word(&b, words[i]);
    c.dir = b.dir;
    if (b.unknown)
        return;
    if (b.wants)
        offer_value(&c, b.wants);
    else if (word[0] == '-' && !b.no_options)
        complete_option(&c, &b, word);
    else if (b.command)
        complete_operand(&c, &b);
    else
        complete_value(&c, "COMMAND", strlen("COMMAND"));
}
