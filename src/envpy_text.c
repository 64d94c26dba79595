/* envpy_text.c: the value of strings in env.py, f-strings included. */
#include <stdio.h>
#include <string.h>

#include "envpy_private.h"
#include "utf8.h"

#define DEPTH_LIMIT 20

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

/* What Python writes for a value inside an f-string. None is refused: nobody wants its name in a setting. */
static bool add_field(const struct value *field, struct value *out)
{
    if (field->kind == SETTING_ABSENT)
        return value_give_up(out, "a part of the f-string in it is None, or a variable that is not set");
    bool number = field->kind == SETTING_INTEGER && strspn(text_string(&field->text), "-0123456789") == field->text.len; /* 0x1f and 1_000 are written otherwise */
    if (field->kind != SETTING_TEXT && field->kind != SETTING_BOOL && !number)
        return value_give_up(out, "a part of the f-string in it is no string");
    text_add(&out->text, text_string(&field->text), field->text.len);
    return true;
}

/* `{…}`: an expression by itself, without format and conversion. */
static bool read_field(const struct eval *e, const char *at, const char *end, struct value *out)
{
    struct source source = {.text = at, .len = (size_t)(end - at), .file = "env.py"};
    struct tokens tokens;
    struct value field = {0};
    bool ok = envpy_lex(&source, &tokens, NULL);
    if (!ok)
        value_give_up(out, "a part of the f-string in it is computed");
    if (ok) {
        struct eval inner = {.at = tokens.at, .end = tokens.at + tokens.count - 2, .before = e->before, .depth = e->depth + 1};
        ok = envpy_expression(&inner, &field) && (inner.at == inner.end || value_give_up(&field, "a part of the f-string in it is computed or formatted"));
        ok = ok ? add_field(&field, out) : (value_become(out, field.kind, text_string(&field.text)), false);
    }
    tokens_free(&tokens);
    value_free(&field);
    return ok;
}

/* A brace of an f-string; *at is at it. */
static bool brace(const struct eval *e, const char **at, const char *end, struct value *out)
{
    if (end - *at > 1 && (*at)[1] == **at) {
        text_add(&out->text, *at, 1);
        *at += 2;
        return true;
    }
    const char *close = **at == '{' ? envpy_field_end(*at + 1, end) : NULL;
    if (close == NULL)
        return value_give_up(out, "it is an f-string with a brace too many");
    if (!read_field(e, *at + 1, close, out))
        return false;
    *at = close + 1;
    return true;
}

/* Appends the value of one string token. */
static bool string_token(const struct eval *e, const struct token *t, struct value *out)
{
    const char *at = t->at + t->prefix + t->quotes, *end = t->at + t->len - t->quotes;
    bool raw = has_prefix(t, 'r'), fields = has_prefix(t, 'f');
    while (at < end) {
        if (*at == '\\' && !raw) {
            at++;
            if (!escape(&at, end, &out->text))
                return value_give_up(out, "a backslash escape in it is not understood");
        } else if (*at == '\r') {
            text_add(&out->text, "\n", 1);
            at += end - at > 1 && at[1] == '\n' ? 2 : 1;
        } else if (fields && (*at == '{' || *at == '}')) {
            if (!brace(e, &at, end, out))
                return false;
        } else {
            text_add(&out->text, at++, 1);
        }
    }
    return true;
}

/* Strings and bytes do not join: Python refuses that. */
bool envpy_strings(struct eval *e, struct value *out)
{
    out->kind = SETTING_TEXT;
    bool bytes = has_prefix(e->at, 'b');
    if (e->depth > DEPTH_LIMIT)
        return value_give_up(out, "it is nested too deep");
    while (e->at < e->end && e->at->kind == TOKEN_STRING)
        if (!string_token(e, e->at++, out))
            return false;
    if (bytes)
        value_become(out, SETTING_OTHER, "bytes");
    return true;
}
