/* envpy_value.c: the value of an expression in env.py, as far as it can be known without running it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "envpy_private.h"

#define DEPTH_LIMIT 50

void value_become(struct value *v, enum setting_kind kind, const char *text)
{
    if (v->text.at != NULL)
        explicit_bzero(v->text.at, v->text.len);
    text_reset(&v->text);
    text_puts(&v->text, text);
    v->kind = kind;
}

bool value_give_up(struct value *v, const char *reason)
{
    value_become(v, SETTING_UNREADABLE, reason);
    return false;
}

void value_free(struct value *v)
{
    if (v->text.at != NULL)
        explicit_bzero(v->text.at, v->text.len);
    text_free(&v->text);
}

/* Gives up for the reason that a part of it has. */
static bool pass_up(struct value *v, const struct value *part)
{
    value_become(v, part->kind, text_string(&part->text));
    return false;
}

static bool take(struct eval *e, const char *word)
{
    if (e->at == e->end || !token_is(e->at, word))
        return false;
    e->at++;
    return true;
}

/* Gives up because of the token reached, which is named where it is no text of the file's. */
static bool computed(const struct eval *e, struct value *out)
{
    char word[64] = "", shown[128], reason[256];
    if (e->at < e->end && (e->at->kind == TOKEN_NAME || e->at->kind == TOKEN_OP))
        snprintf(word, sizeof word, "%.*s", (int)(e->at->len < 60 ? e->at->len : 60), e->at->at);
    text_visible(shown, sizeof shown, word);
    snprintf(reason, sizeof reason, "it is computed%s%s%s", word[0] != '\0' ? ", and `" : "", shown, word[0] != '\0' ? "` is more than reading it can tell" : "");
    return value_give_up(out, reason);
}

static bool all_of(const char *s, size_t len, const char *set)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] == '\0' || strchr(set, s[i]) == NULL)
            return false;
    return len > 0;
}

static bool number(struct eval *e, struct value *out)
{
    char text[64];
    bool minus = take(e, "-");
    if (!minus)
        take(e, "+");
    if (e->at == e->end || e->at->kind != TOKEN_NUMBER)
        return computed(e, out);
    const char *at = e->at->at;
    size_t len = e->at->len;
    bool based = len > 2 && at[0] == '0' && strchr("xXoObB", at[1]) != NULL;
    bool is_int = based || all_of(at, len, "0123456789_");
    if (!is_int && !all_of(at, len, "0123456789_.eE+-"))
        return value_give_up(out, "it is computed");
    snprintf(text, sizeof text, "%s%.*s", minus ? "-" : "", (int)(len < 60 ? len : 60), at);
    e->at++;
    value_become(out, is_int ? SETTING_INTEGER : SETTING_OTHER, is_int ? text : "float");
    return true;
}

static bool unset_variable(const struct eval *e, struct value *out, const char *name)
{
    char shown[128], reason[256];
    text_visible(shown, sizeof shown, name);
    if (e->before.filled > 0)
        snprintf(reason, sizeof reason, "the environment variable %s is not set, and load_dotenv() in line %u, which is not run, may set it", shown, e->before.filled);
    else
        snprintf(reason, sizeof reason, "the environment variable %s is not set", shown);
    value_become(out, SETTING_UNSET, reason);
    return false;
}

/* What the variable called `name` gives: with `must`, being unset is an error; else the fallback stands, or None. */
static bool variable(struct eval *e, const struct value *name, bool must, struct value *fallback, struct value *out)
{
    char reason[128];
    if (name->kind != SETTING_TEXT)
        return value_give_up(out, "the name of an environment variable in it is computed");
    if (e->before.touched > 0) {
        snprintf(reason, sizeof reason, "it comes from the environment, which line %u may change before", e->before.touched);
        return value_give_up(out, reason);
    }
    const char *value = getenv(text_string(&name->text));
    if (value != NULL) {
        value_become(out, SETTING_TEXT, value);
        return true;
    }
    if (must || e->before.filled > 0)
        return unset_variable(e, out, text_string(&name->text));
    out->truth = fallback->truth;
    value_become(out, fallback->kind, text_string(&fallback->text));
    return true;
}

/* `(NAME)`, `(NAME, DEFAULT)`, `(NAME, default=DEFAULT)` or `[NAME]`, at the bracket. */
static bool lookup(struct eval *e, bool index, struct value *out)
{
    struct value name = {0}, fallback = {0};
    e->at++;
    bool ok = envpy_expression(e, &name) || pass_up(out, &name);
    if (ok && !index && take(e, ",") && e->at < e->end && !token_is(e->at, ")")) {
        if (e->end - e->at > 1 && token_is(e->at, "default") && token_is(e->at + 1, "="))
            e->at += 2;
        ok = envpy_expression(e, &fallback) || pass_up(out, &fallback);
        take(e, ",");
    }
    if (ok && !take(e, index ? "]" : ")"))
        ok = computed(e, out);
    else if (ok)
        ok = variable(e, &name, index, &fallback, out);
    value_free(&name);
    value_free(&fallback);
    return ok;
}

/* A word: None, True, False, or a look into the environment. */
static bool name(struct eval *e, struct value *out)
{
    if (take(e, "None")) {
        value_become(out, SETTING_ABSENT, "");
        return true;
    }
    if (token_is(e->at, "True") || token_is(e->at, "False")) {
        out->truth = token_is(e->at++, "True");
        value_become(out, SETTING_BOOL, out->truth ? "True" : "False");
        return true;
    }
    if (take(e, "os") && !take(e, "."))
        return computed(e, out);
    bool getenv_call = take(e, "getenv"), environ = !getenv_call && take(e, "environ");
    if (environ && e->at < e->end && token_is(e->at, "["))
        return lookup(e, true, out);
    if (environ && (!take(e, ".") || !take(e, "get")))
        return computed(e, out);
    if ((environ || getenv_call) && e->at < e->end && token_is(e->at, "("))
        return lookup(e, false, out);
    return computed(e, out);
}

static bool term(struct eval *e, struct value *out)
{
    if (e->at == e->end)
        return value_give_up(out, "it is not complete");
    if (e->at->kind == TOKEN_STRING)
        return envpy_strings(e, out);
    if (e->at->kind == TOKEN_NUMBER || token_is(e->at, "-") || token_is(e->at, "+"))
        return number(e, out);
    if (e->at->kind == TOKEN_NAME)
        return name(e, out);
    if (!token_is(e->at, "(") || ++e->depth > DEPTH_LIMIT)
        return computed(e, out);
    e->at++;
    if (!envpy_expression(e, out))
        return false;
    e->depth--;
    return take(e, ")") || computed(e, out);
}

bool envpy_expression(struct eval *e, struct value *out)
{
    if (!term(e, out))
        return false;
    while (take(e, "+")) {
        struct value right = {0};
        bool ok = term(e, &right) || pass_up(out, &right);
        if (ok && (out->kind != SETTING_TEXT || right.kind != SETTING_TEXT))
            ok = value_give_up(out, "a part of the sum in it is no string");
        else if (ok)
            text_add(&out->text, text_string(&right.text), right.text.len);
        value_free(&right);
        if (!ok)
            return false;
    }
    return true;
}

bool envpy_value(const struct token *from, const struct token *to, struct envpy_before before, struct setting *out)
{
    struct eval e = {.at = from, .end = to, .before = before};
    struct value v = {0};
    unsigned line = from->line;
    if (envpy_expression(&e, &v) && e.at != to)
        computed(&e, &v);
    bool ok = !v.text.failed && setting_put(out, v.kind, v.kind == SETTING_ABSENT ? NULL : text_string(&v.text), v.truth, line);
    value_free(&v);
    return ok;
}
