/* envpy_value.c: the value of an expression in env.py, as far as it can be known without running it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "envpy_private.h"
#include "utf8.h"

#define DEPTH_LIMIT 50

/* What an expression is found to be. */
struct value {
    enum setting_kind kind;
    struct text text;   /* TEXT, INTEGER: the value; OTHER: the type; UNREADABLE: the reason */
    bool truth;
};

struct eval {
    const struct token *at, *end;
    unsigned touched;
    int depth;
};

static bool expression(struct eval *e, struct value *out);

static void become(struct value *v, enum setting_kind kind, const char *text)
{
    if (v->text.at != NULL)
        explicit_bzero(v->text.at, v->text.len);
    text_reset(&v->text);
    text_puts(&v->text, text);
    v->kind = kind;
}

/* Gives up on the whole expression. */
static bool give_up(struct value *v, const char *reason)
{
    become(v, SETTING_UNREADABLE, reason);
    return false;
}

static bool take(struct eval *e, const char *word)
{
    if (e->at == e->end || !token_is(e->at, word))
        return false;
    e->at++;
    return true;
}

/* Up to `most` hexadecimal or octal digits from *at on. */
static unsigned long digits(const char **at, const char *end, int most, unsigned base, int *count)
{
    unsigned long code = 0;
    for (*count = 0; *count < most && *at < end; (*at)++, (*count)++) {
        char c = **at;
        unsigned d = c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10 : 99;
        if (d >= base)
            break;
        code = code * base + d;
    }
    return code;
}

/* \ooo, \xhh, \uhhhh, \Uhhhhhhhh; *at is behind the backslash. */
static bool code_escape(const char **at, const char *end, struct text *out)
{
    int want = **at == 'x' ? 2 : **at == 'u' ? 4 : **at == 'U' ? 8 : 0, count;
    if (want > 0)
        (*at)++;
    unsigned long code = digits(at, end, want > 0 ? want : 3, want > 0 ? 16 : 8, &count);
    char bytes[4];
    size_t len = utf8_put(bytes, code);
    if ((want > 0 && count != want) || len == 0 || code == 0)
        return false;
    text_add(out, bytes, len);
    return true;
}

static bool escape(const char **at, const char *end, struct text *out)
{
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    char c = **at;
    const char *found = c == '\0' ? NULL : strchr(from, c);
    if (found != NULL) {
        text_add(out, &to[found - from], 1);
        (*at)++;
        return true;
    }
    if ((c >= '0' && c <= '7') || c == 'x' || c == 'u' || c == 'U')
        return code_escape(at, end, out);
    if (c == 'N')
        return false;
    if (c == '\n' || c == '\r') {
        *at += c == '\r' && end - *at > 1 && (*at)[1] == '\n' ? 2 : 1;
        return true;
    }
    text_add(out, "\\", 1); /* Python keeps unknown ones as they are */
    return true;
}

static bool has_prefix(const struct token *t, char lower)
{
    for (size_t i = 0; i < t->prefix; i++)
        if ((t->at[i] | 0x20) == lower)
            return true;
    return false;
}

/* Appends the value of one string token. */
static bool string_token(const struct token *t, struct value *out)
{
    const char *at = t->at + t->prefix + t->quotes, *end = t->at + t->len - t->quotes;
    bool raw = has_prefix(t, 'r');
    if (has_prefix(t, 'f') && (memchr(at, '{', (size_t)(end - at)) != NULL || memchr(at, '}', (size_t)(end - at)) != NULL))
        return give_up(out, "it is an f-string with parts to compute");
    while (at < end) {
        if (*at == '\\' && !raw) {
            at++;
            if (!escape(&at, end, &out->text))
                return give_up(out, "a backslash escape in it is not understood");
        } else if (*at == '\r') {
            text_add(&out->text, "\n", 1);
            at += end - at > 1 && at[1] == '\n' ? 2 : 1;
        } else {
            text_add(&out->text, at++, 1);
        }
    }
    return true;
}

/* One string, or several side by side. */
static bool strings(struct eval *e, struct value *out)
{
    out->kind = SETTING_TEXT;
    bool bytes = has_prefix(e->at, 'b');
    while (e->at < e->end && e->at->kind == TOKEN_STRING)
        if (!string_token(e->at++, out))
            return false;
    if (bytes)
        become(out, SETTING_OTHER, "bytes");
    return true;
}

static bool number(struct eval *e, struct value *out)
{
    char text[64];
    bool minus = take(e, "-");
    if (!minus)
        take(e, "+");
    if (e->at == e->end || e->at->kind != TOKEN_NUMBER)
        return give_up(out, "it is computed");
    size_t len = e->at->len, plain = 0;
    while (plain < len && e->at->at[plain] >= '0' && e->at->at[plain] <= '9')
        plain++;
    snprintf(text, sizeof text, "%s%.*s", minus ? "-" : "", (int)(len < 60 ? len : 60), e->at->at);
    bool hex = len > 2 && e->at->at[0] == '0' && (e->at->at[1] | 0x20) == 'x';
    bool is_int = plain == len || hex || (memchr(e->at->at, '.', len) == NULL && memchr(e->at->at, 'e', len) == NULL && memchr(e->at->at, 'E', len) == NULL);
    e->at++;
    become(out, is_int ? SETTING_INTEGER : SETTING_OTHER, is_int ? text : "float");
    return true;
}

static bool unset_variable(struct value *out, const char *name)
{
    char shown[128], reason[256];
    text_visible(shown, sizeof shown, name);
    snprintf(reason, sizeof reason, "the environment variable %s is not set", shown);
    return give_up(out, reason);
}

/* What the variable called `name` gives: with `must`, being unset is an error; else the fallback stands, or None. */
static bool variable(struct eval *e, const struct value *name, bool must, struct value *fallback, struct value *out)
{
    char reason[128];
    if (name->kind != SETTING_TEXT)
        return give_up(out, "the name of an environment variable in it is computed");
    if (e->touched > 0) {
        snprintf(reason, sizeof reason, "it comes from the environment, which line %u may change before", e->touched);
        return give_up(out, reason);
    }
    const char *value = getenv(text_string(&name->text));
    if (value != NULL) {
        become(out, SETTING_TEXT, value);
        return true;
    }
    if (must)
        return unset_variable(out, text_string(&name->text));
    out->truth = fallback->truth;
    become(out, fallback->kind, text_string(&fallback->text));
    return fallback->kind != SETTING_UNREADABLE;
}

static void value_free(struct value *v)
{
    if (v->text.at != NULL)
        explicit_bzero(v->text.at, v->text.len);
    text_free(&v->text);
}

/* `(NAME)`, `(NAME, DEFAULT)` or `[NAME]`, at the bracket. */
static bool lookup(struct eval *e, bool index, struct value *out)
{
    struct value name = {0}, fallback = {0};
    e->at++;
    bool ok = expression(e, &name);
    if (ok && !index && take(e, ",") && e->at < e->end && !token_is(e->at, ")")) {
        ok = expression(e, &fallback);
        take(e, ",");
    }
    if (!ok)
        give_up(out, text_string(name.kind == SETTING_UNREADABLE ? &name.text : &fallback.text));
    else if (!take(e, index ? "]" : ")"))
        ok = give_up(out, "it is computed");
    else
        ok = variable(e, &name, index, &fallback, out);
    value_free(&name);
    value_free(&fallback);
    return ok;
}

/* A word: None, True, False, or a look into the environment. */
static bool name(struct eval *e, struct value *out)
{
    if (take(e, "None")) {
        become(out, SETTING_ABSENT, "");
        return true;
    }
    if (token_is(e->at, "True") || token_is(e->at, "False")) {
        out->truth = token_is(e->at++, "True");
        become(out, SETTING_BOOL, out->truth ? "True" : "False");
        return true;
    }
    if (take(e, "os") && !take(e, "."))
        return give_up(out, "it is computed");
    bool getenv_call = take(e, "getenv"), environ = !getenv_call && take(e, "environ");
    if (environ && e->at < e->end && token_is(e->at, "["))
        return lookup(e, true, out);
    if (environ && (!take(e, ".") || !take(e, "get")))
        return give_up(out, "it is computed");
    if ((environ || getenv_call) && e->at < e->end && token_is(e->at, "("))
        return lookup(e, false, out);
    return give_up(out, "it is computed");
}

static bool term(struct eval *e, struct value *out)
{
    if (e->at == e->end)
        return give_up(out, "it is not complete");
    if (e->at->kind == TOKEN_STRING)
        return strings(e, out);
    if (e->at->kind == TOKEN_NUMBER || token_is(e->at, "-") || token_is(e->at, "+"))
        return number(e, out);
    if (e->at->kind == TOKEN_NAME)
        return name(e, out);
    if (!take(e, "(") || ++e->depth > DEPTH_LIMIT)
        return give_up(out, "it is computed");
    if (!expression(e, out))
        return false;
    e->depth--;
    return take(e, ")") || give_up(out, "it is computed");
}

static bool expression(struct eval *e, struct value *out)
{
    if (!term(e, out))
        return false;
    while (take(e, "+")) {
        struct value right = {0};
        bool ok = term(e, &right);
        if (!ok)
            give_up(out, text_string(&right.text));
        else if (out->kind != SETTING_TEXT || right.kind != SETTING_TEXT)
            ok = give_up(out, "a part of the sum in it is no string");
        else
            text_add(&out->text, text_string(&right.text), right.text.len);
        value_free(&right);
        if (!ok)
            return false;
    }
    return true;
}

bool envpy_value(const struct token *from, const struct token *to, unsigned touched, struct setting *out)
{
    struct eval e = {.at = from, .end = to, .touched = touched};
    struct value v = {0};
    unsigned line = from->line;
    if (expression(&e, &v) && e.at != to)
        give_up(&v, "it is computed");
    bool ok = !v.text.failed && setting_put(out, v.kind, v.kind == SETTING_ABSENT ? NULL : text_string(&v.text), v.truth, line);
    value_free(&v);
    return ok;
}
