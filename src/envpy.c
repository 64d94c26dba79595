/* envpy.c: reads Jetbase's env.py statement by statement, without running it. */
#include "envpy.h"

#include <stdio.h>
#include <string.h>

#include "envpy_private.h"

/* What is known after the statements so far. */
struct reading {
    struct setting *settings;
    unsigned touched; /* the line that may have changed the environment, 0 for none */
    unsigned armed;   /* the line of a function that would stop the program or reach our names if it were called */
    bool failed;      /* memory ran out */
};

/* A run of tokens: at[0] … end[-1]. */
struct span {
    const struct token *at, *end;
};

static const struct token *find(struct span s, const char *word)
{
    for (const struct token *t = s.at; t < s.end; t++)
        if (token_is(t, word))
            return t;
    return NULL;
}

static bool any_of(struct span s, const char *const *words)
{
    for (; *words != NULL; words++)
        if (find(s, *words) != NULL)
            return true;
    return false;
}

/* Words that can set names unseen, or stop the program. */
static bool is_dangerous(struct span s)
{
    static const char *const words[] = {"exec", "eval", "compile", "globals", "locals", "vars", "setattr", "__dict__", "__setattr__", "__builtins__", "modules", "raise", "assert",
                                        "exit", "quit", "_exit", "abort", "SystemExit", "global", NULL};
    return any_of(s, words);
}

static bool is_print(struct span s)
{
    return s.end - s.at >= 3 && find(s, ":=") == NULL && token_is(s.at, "print") && token_is(s.at + 1, "(") && token_is(s.end - 1, ")") && s.end[-1].depth == s.at->depth;
}

/* Whether it names something that has to do with the environment, `os.getenv` and the like included. */
static bool names_environment(struct span s)
{
    for (const struct token *t = s.at; t < s.end; t++) {
        if (t->kind != TOKEN_NAME)
            continue;
        for (size_t i = 0; i + 3 <= t->len; i++)
            if ((t->at[i] | 0x20) == 'e' && (t->at[i + 1] | 0x20) == 'n' && (t->at[i + 2] | 0x20) == 'v')
                return true;
    }
    return false;
}

static enum config_key key_of(const struct token *t)
{
    char name[64];
    if (t->kind != TOKEN_NAME || t->len >= sizeof name)
        return CONFIG_KEYS;
    memcpy(name, t->at, t->len);
    name[t->len] = '\0';
    return config_key_from(name);
}

static void set_unreadable(struct reading *r, enum config_key key, unsigned line, const char *why)
{
    if (!setting_put(&r->settings[key], SETTING_UNREADABLE, why, false, line))
        r->failed = true;
}

static void unsure_of_all(struct reading *r, unsigned line, const char *why)
{
    for (int key = 0; key < CONFIG_KEYS; key++)
        set_unreadable(r, (enum config_key)key, line, why);
}

/* Marks each of our names that stands in the span. */
static void unsure_of_named(struct reading *r, struct span s, const char *why)
{
    for (const struct token *t = s.at; t < s.end; t++) {
        enum config_key key = key_of(t);
        if (key != CONFIG_KEYS)
            set_unreadable(r, key, t->line, why);
    }
}

/* A statement that runs code which is not known. False: it has been dealt with as a danger. */
static bool check_danger(struct reading *r, struct span s)
{
    char why[128];
    if (is_dangerous(s)) {
        unsure_of_all(r, s.at->line, "the statement in this line may set it unseen, or stop the program");
        return false;
    }
    if (r->armed > 0 && find(s, "(") != NULL) {
        snprintf(why, sizeof why, "this line may call the function of line %u, which sets names or stops the program", r->armed);
        unsure_of_all(r, s.at->line, why);
        return false;
    }
    return true;
}

static void read_import(struct reading *r, struct span s)
{
    if (token_is(s.end - 1, "*"))
        unsure_of_all(r, s.at->line, "this line imports names that can't be seen");
    unsure_of_named(r, s, "it is imported");
}

/* The first `=` outside brackets, or NULL. */
static const struct token *find_equals(struct span s)
{
    for (const struct token *t = s.at; t < s.end; t++)
        if (t->depth == s.at->depth && token_is(t, "="))
            return t;
    return NULL;
}

/* The key that a target `NAME` or `NAME: type` assigns; CONFIG_KEYS where it is another one. */
static enum config_key target_key(struct span target)
{
    bool plain = target.end - target.at == 1 || (target.end - target.at > 1 && token_is(target.at + 1, ":"));
    return plain ? key_of(target.at) : CONFIG_KEYS;
}

static void assign(struct reading *r, enum config_key key, struct span value, bool *understood)
{
    struct setting s = {0};
    if (!envpy_value(value.at, value.end, r->touched, &s)) {
        r->failed = true;
        return;
    }
    *understood = s.kind != SETTING_UNREADABLE;
    s.line = value.at->line;
    if (key == CONFIG_KEYS) {
        setting_free(&s);
        return;
    }
    setting_free(&r->settings[key]);
    r->settings[key] = s;
}

/* `a = b = value`. */
static void read_assignment(struct reading *r, struct span s)
{
    struct span value = s;
    const struct token *equals;
    while ((equals = find_equals(value)) != NULL)
        value.at = equals + 1;
    if (value.at == value.end) {
        unsure_of_named(r, s, "the statement is not complete");
        return;
    }
    bool understood = false;
    assign(r, CONFIG_KEYS, value, &understood);
    if (!understood && (!check_danger(r, value) || find(value, ":=") != NULL))
        unsure_of_named(r, s, "it is computed");
    struct span rest = s;
    while ((equals = find_equals(rest)) != NULL) {
        struct span target = {rest.at, equals};
        enum config_key key = target.at < target.end ? target_key(target) : CONFIG_KEYS;
        if (key != CONFIG_KEYS)
            assign(r, key, value, &understood);
        else if (check_danger(r, target))
            unsure_of_named(r, target, "it is assigned together with other names");
        if (target.end - target.at > 1 && !token_is(target.at + 1, ":") && names_environment(target))
            r->touched = s.at->line;
        rest.at = equals + 1;
    }
    if (!understood && find(value, "(") != NULL && names_environment(value))
        r->touched = s.at->line;
}

/* Any other statement on one line. */
static void read_expression(struct reading *r, struct span s)
{
    bool annotation = s.end - s.at > 1 && s.at->kind == TOKEN_NAME && token_is(s.at + 1, ":");
    if (annotation || !check_danger(r, s) || is_print(s) || (s.end - s.at == 1 && token_is(s.at, "pass")))
        return;
    unsure_of_named(r, s, "the statement in this line may change it");
    if (find(s, "(") != NULL || token_is(s.at, "del") || names_environment(s))
        r->touched = s.at->line;
}

static void read_simple(struct reading *r, struct span s)
{
    bool text = true;
    for (const struct token *t = s.at; t < s.end; t++)
        text = text && t->kind == TOKEN_STRING;
    if (text)
        return;
    if (token_is(s.at, "import") || token_is(s.at, "from"))
        read_import(r, s);
    else if (find_equals(s) != NULL)
        read_assignment(r, s);
    else
        read_expression(r, s);
}

/* One logical line may hold several statements. */
static void read_line(struct reading *r, struct span line)
{
    struct span s = {line.at, line.at};
    for (; s.end < line.end; s.end++) {
        if (s.end->depth > 0 || !token_is(s.end, ";"))
            continue;
        if (s.at < s.end)
            read_simple(r, s);
        s.at = s.end + 1;
    }
    if (s.at < s.end)
        read_simple(r, s);
}

/* A statement with a body, all of it. */
static void read_block(struct reading *r, struct span s)
{
    if (s.end - s.at > 4 && token_is(s.at, "if") && token_is(s.at + 1, "__name__") && token_is(s.at + 2, "==") && s.at[3].kind == TOKEN_STRING && token_is(s.at + 4, ":"))
        return; /* Jetbase loads the file under another name */
    if (token_is(s.at, "def")) {
        if (is_dangerous(s))
            r->armed = s.at->line;
        return;
    }
    if (!check_danger(r, s))
        return;
    unsure_of_named(r, s, "it is set, or may be changed, inside a block");
    if (find(s, "(") != NULL || names_environment(s))
        r->touched = s.at->line;
}

static bool begins_block(struct span line, const struct token *next)
{
    static const char *const words[] = {"if", "elif", "else", "for", "while", "with", "try", "except", "finally", "def", "class", "async", "@", NULL};
    for (const char *const *word = words; *word != NULL; word++)
        if (token_is(line.at, *word))
            return true;
    return next->kind != TOKEN_END && next->indented;
}

/* The first token behind the logical line that begins at t. */
static const struct token *behind_line(const struct token *t)
{
    while (t->kind != TOKEN_NEWLINE && t->kind != TOKEN_END)
        t++;
    return t->kind == TOKEN_NEWLINE ? t + 1 : t;
}

bool envpy_read(const char *text, size_t len, const char *file, struct setting settings[CONFIG_KEYS], struct error *err)
{
    struct tokens tokens;
    struct reading r = {.settings = settings};
    bool ok = envpy_lex(text, len, file, &tokens, err);
    const struct token *t = ok ? tokens.at : NULL;
    while (ok && t->kind != TOKEN_END) {
        const struct token *next = behind_line(t);
        struct span line = {t, next - 1};
        if (t->kind == TOKEN_NEWLINE) {
            t = next;
            continue;
        }
        bool block = begins_block(line, next);
        while (block && next->kind != TOKEN_END && next->indented && next->kind != TOKEN_NEWLINE)
            next = behind_line(next);
        line.end = next - 1;
        if (block)
            read_block(&r, line);
        else
            read_line(&r, line);
        t = next;
        if (r.failed)
            ok = error_set(err, ERR_NO_MEMORY, "Memory ran out reading %s.", file);
    }
    tokens_free(&tokens);
    return ok;
}
