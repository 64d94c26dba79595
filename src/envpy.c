/* envpy.c: reads Jetbase's env.py statement by statement, without running it. */
#include "envpy.h"

#include <stdio.h>
#include <string.h>

#include "envpy_private.h"

/* What is known after the statements so far. */
struct reading {
    struct source source;
    struct setting *settings;
    struct envpy_before before;
    bool dotenv;      /* something was imported from dotenv */
    const struct token *stop; /* the first statement that may stop the program, or NULL */
    unsigned armed;   /* the line of a function that would stop the program or reach our names if it were called */
    envpy_name_fn seen;
    void *user;
    bool failed;      /* *err is filled */
    struct error *err;
};

static enum config_key key_of(const struct token *t)
{
    char name[64];
    if (t->kind != TOKEN_NAME || t->len >= sizeof name)
        return CONFIG_KEYS;
    memcpy(name, t->at, t->len);
    name[t->len] = '\0';
    return config_key_from(name);
}

static void no_memory(struct reading *r)
{
    r->failed = true;
    error_set(r->err, ERR_NO_MEMORY, "Memory ran out reading %s.", r->source.file);
}

static void broken(struct reading *r, const struct token *at, const char *message)
{
    r->failed = true;
    envpy_broken(&r->source, at->at, message, r->err);
}

static void set_unreadable(struct reading *r, enum config_key key, const struct token *at, const char *why)
{
    struct setting *s = &r->settings[key];
    if (!setting_put(s, SETTING_UNREADABLE, why, false, at->line))
        no_memory(r);
    s->at = (size_t)(at->at - r->source.text);
}

static void unsure_of_all(struct reading *r, const struct token *at, const char *why)
{
    for (int key = 0; key < CONFIG_KEYS; key++)
        set_unreadable(r, (enum config_key)key, at, why);
}

/* Marks each of our names that stands in the span. */
static void unsure_of_named(struct reading *r, struct span s, const char *why)
{
    for (const struct token *t = s.at; t < s.end; t++) {
        enum config_key key = key_of(t);
        if (key != CONFIG_KEYS)
            set_unreadable(r, key, t, why);
    }
}

/* A statement that runs code which is not known. False: it has been dealt with as a danger. */
static bool check_danger(struct reading *r, struct span s)
{
    char why[128];
    if (span_is_dangerous(s)) {
        if (r->stop == NULL && span_may_stop(s))
            r->stop = s.at;
        unsure_of_all(r, s.at, "the statement in this line may set it unseen, or stop the program");
        return false;
    }
    if (r->armed > 0 && span_find(s, "(") != NULL) {
        r->stop = r->stop == NULL ? s.at : r->stop;
        snprintf(why, sizeof why, "this line may call the function of line %u, which sets names or stops the program", r->armed);
        unsure_of_all(r, s.at, why);
        return false;
    }
    return true;
}

static void read_import(struct reading *r, struct span s)
{
    if (span_imports_door(s))
        r->before.touched = s.at->line;
    r->dotenv = r->dotenv || (s.end - s.at > 1 && token_is(s.at + 1, "dotenv"));
    if (token_is(s.end - 1, "*"))
        unsure_of_all(r, s.at, "this line imports names that can't be seen");
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

/* Tells of a name that is none of the settings. */
static void tell_name(struct reading *r, struct span target)
{
    bool plain = target.end - target.at == 1 || (target.end - target.at > 1 && token_is(target.at + 1, ":"));
    if (plain && target.at->kind == TOKEN_NAME && r->seen != NULL)
        r->seen(r->user, target.at->at, target.at->len, target.at->line);
}

/* False where the value is not understood. */
static bool assign(struct reading *r, enum config_key key, struct span value)
{
    struct setting s = {0};
    if (!envpy_value(value.at, value.end, r->before, &s)) {
        no_memory(r);
        return false;
    }
    bool understood = s.kind != SETTING_UNREADABLE && s.kind != SETTING_UNSET;
    s.line = value.at->line;
    s.at = (size_t)(value.at->at - r->source.text);
    if (key == CONFIG_KEYS) {
        setting_free(&s);
    } else {
        setting_free(&r->settings[key]);
        r->settings[key] = s;
    }
    return understood;
}

/* One target of an assignment. */
static void read_target(struct reading *r, struct span target, struct span value)
{
    enum config_key key = target_key(target);
    if (key != CONFIG_KEYS) {
        assign(r, key, value);
    } else if (check_danger(r, target)) {
        unsure_of_named(r, target, "it is assigned together with other names");
        tell_name(r, target);
    }
    if (token_is_door(target.at) || (target.end - target.at > 1 && !token_is(target.at + 1, ":") && span_names_environment(target)))
        r->before.touched = target.at->line;
}

/* `a = b = value`. */
static void read_assignment(struct reading *r, struct span s)
{
    struct span value = s, rest = s;
    const struct token *equals;
    while ((equals = find_equals(value)) != NULL)
        value.at = equals + 1;
    if (value.at == value.end || token_is(s.at, "=")) {
        broken(r, value.at == value.end ? value.end : s.at, value.at == value.end ? "A value is missing." : "A name is missing.");
        return;
    }
    bool understood = assign(r, CONFIG_KEYS, value);
    if (!understood && (!check_danger(r, value) || span_find(value, ":=") != NULL))
        unsure_of_named(r, s, "it is computed");
    for (; !r->failed && (equals = find_equals(rest)) != NULL; rest.at = equals + 1) {
        struct span target = {rest.at, equals};
        if (target.at < target.end)
            read_target(r, target, value);
    }
    if (!understood && span_calls_unknown(value))
        r->before.touched = s.at->line;
}

/* Any other statement on one line. */
static void read_expression(struct reading *r, struct span s)
{
    bool annotation = s.end - s.at > 1 && s.at->kind == TOKEN_NAME && token_is(s.at + 1, ":");
    if (annotation || !check_danger(r, s) || span_is_print(s) || (s.end - s.at == 1 && token_is(s.at, "pass")))
        return;
    unsure_of_named(r, s, "the statement in this line may change it");
    if (r->dotenv && span_is_load_dotenv(s))
        r->before.filled = s.at->line;
    else if (span_calls_unknown(s) || token_is(s.at, "del") || span_names_environment(s))
        r->before.touched = s.at->line;
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

/* A function: its body does not run here, but its name is set and its head is computed. */
static void read_function(struct reading *r, struct span s)
{
    struct span head = s;
    for (head.end = s.at; head.end < s.end && !(head.end->depth == s.at->depth && token_is(head.end, ":"));)
        head.end++;
    if (span_is_dangerous(s))
        r->armed = s.at->line;
    if (span_find(head, ":=") != NULL)
        unsure_of_named(r, head, "it is set in the head of a function");
    if (head.end - head.at > 1 && key_of(head.at + 1) != CONFIG_KEYS)
        set_unreadable(r, key_of(head.at + 1), head.at + 1, "it is a function");
    head.at += head.end - head.at > 2 ? 3 : 0; /* `def NAME(` is no call */
    if (span_calls_unknown(head) || (s.end - s.at > 1 && token_is_door(s.at + 1)))
        r->before.touched = s.at->line;
    r->dotenv = r->dotenv && span_find(s, "load_dotenv") == NULL;
}

/* A statement with a body, all of it. */
static void read_block(struct reading *r, struct span s)
{
    if (s.end - s.at > 4 && token_is(s.at, "if") && token_is(s.at + 1, "__name__") && token_is(s.at + 2, "==") && s.at[3].kind == TOKEN_STRING && token_is(s.at + 4, ":"))
        return; /* Jetbase loads the file under another name */
    if (token_is(s.at, "def")) {
        read_function(r, s);
        return;
    }
    if (!check_danger(r, s))
        return;
    unsure_of_named(r, s, "it is set, or may be changed, inside a block");
    if (span_find(s, "(") != NULL || span_names_environment(s))
        r->before.touched = s.at->line;
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

/* Blanks at the begin of a line must follow a colon, and the other way round. */
static bool check_indent(struct reading *r, struct span line, const struct token *next)
{
    bool head = token_is(line.end - 1, ":") && line.end[-1].depth == 0, inner = next->kind != TOKEN_END && next->kind != TOKEN_NEWLINE && next->indented;
    if (line.at->indented)
        broken(r, line.at, "Unexpected indent.");
    else if (inner && !head)
        broken(r, next, "Unexpected indent.");
    else if (head && !inner)
        broken(r, line.end - 1, "An indented block is missing behind this colon.");
    return !r->failed;
}

/* The statement at t, with its body. Returns the first token behind it. */
static const struct token *read_statement(struct reading *r, const struct token *t)
{
    const struct token *next = behind_line(t);
    struct span line = {t, next - 1};
    if (t->kind == TOKEN_NEWLINE || !check_indent(r, line, next))
        return next;
    bool block = begins_block(line, next);
    while (block && next->kind != TOKEN_END && next->indented && next->kind != TOKEN_NEWLINE)
        next = behind_line(next);
    line.end = next - 1;
    if (block)
        read_block(r, line);
    else
        read_line(r, line);
    return next;
}

bool envpy_read(const char *text, size_t len, const char *file, struct setting settings[CONFIG_KEYS], envpy_name_fn seen, void *user, struct error *err)
{
    struct reading r = {.source = {text, len, file}, .settings = settings, .seen = seen, .user = user, .err = err};
    struct tokens tokens;
    bool ok = envpy_lex(&r.source, &tokens, err);
    const struct token *t = ok ? tokens.at : NULL;
    while (ok && t->kind != TOKEN_END) {
        t = read_statement(&r, t);
        ok = !r.failed;
    }
    /* A guard must not be passed, and what is set behind it is not set where it stops. */
    for (int key = 0; ok && r.stop != NULL && key < CONFIG_KEYS; key++)
        if (settings[key].kind != SETTING_UNREADABLE)
            set_unreadable(&r, (enum config_key)key, r.stop, "the statement in this line may stop the program");
    ok = ok && !r.failed;
    tokens_free(&tokens);
    return ok;
}
