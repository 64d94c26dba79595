/* envpy_lex.c: splits Python source into tokens. */
#include <stdlib.h>
#include <string.h>

#include "config_place.h"
#include "envpy_private.h"

#define DEPTH_LIMIT 100

struct lexer {
    const char *at, *end;
    const struct source *source;
    unsigned line;
    int depth;
    const char *open[DEPTH_LIMIT]; /* the brackets that are open */
    bool fresh;     /* at the begin of a logical line */
    bool indented;
    struct tokens *out;
    struct error *err;
};

void tokens_free(struct tokens *tokens)
{
    free(tokens->at);
    *tokens = (struct tokens){0};
}

bool token_is(const struct token *t, const char *word)
{
    return (t->kind == TOKEN_NAME || t->kind == TOKEN_OP) && strlen(word) == t->len && memcmp(t->at, word, t->len) == 0;
}

bool envpy_broken(const struct source *source, const char *at, const char *message, struct error *err)
{
    error_set(err, ERR_CONFIG, "%s", message);
    config_place(err, source->file, source->text, source->len, (size_t)(at - source->text));
    return error_hint(err, "env.py must be Python; it is read here, never run.");
}

static bool fail(struct lexer *x, const char *at, const char *message)
{
    return envpy_broken(x->source, at, message, x->err);
}

static bool push(struct lexer *x, struct token token)
{
    struct tokens *out = x->out;
    if (out->count == out->capacity) {
        size_t more = out->capacity == 0 ? 256 : out->capacity * 2;
        struct token *bigger = realloc(out->at, more * sizeof *bigger);
        if (bigger == NULL)
            return error_set(x->err, ERR_NO_MEMORY, "Memory ran out reading %s.", x->source->file);
        out->at = bigger;
        out->capacity = more;
    }
    token.depth = x->depth;
    token.indented = x->indented;
    out->at[out->count++] = token;
    return true;
}

static bool is_name_byte(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80 || (!first && c >= '0' && c <= '9');
}

/* Passes one line end of any kind. */
static bool take_newline(struct lexer *x)
{
    if (x->at == x->end || (*x->at != '\n' && *x->at != '\r'))
        return false;
    x->at += *x->at == '\r' && x->at + 1 < x->end && x->at[1] == '\n' ? 2 : 1;
    x->line++;
    return true;
}

/* Behind the string that begins at its quote; `end` where it is not closed. */
static const char *behind_string(const char *at, const char *end)
{
    char quote = *at;
    size_t quotes = end - at >= 3 && at[1] == quote && at[2] == quote ? 3 : 1;
    for (at += quotes; at < end; at += *at == '\\' && end - at > 1 ? 2 : 1)
        if (*at == quote && (quotes == 1 || (end - at >= 3 && at[1] == quote && at[2] == quote)))
            return at + quotes;
    return end;
}

const char *envpy_field_end(const char *at, const char *end)
{
    int depth = 0;
    while (at < end) {
        char c = *at;
        if (c == '}' && depth == 0)
            return at;
        if (c == '"' || c == '\'') {
            at = behind_string(at, end);
            continue;
        }
        depth += c == '(' || c == '[' || c == '{' ? 1 : c == ')' || c == ']' || c == '}' ? -1 : 0;
        at++;
    }
    return NULL;
}

/* Passes `{…}` of an f-string, which may hold quotes of its own. */
static bool skip_field(struct lexer *x, size_t quotes)
{
    const char *end = x->at;
    if (x->end - x->at > 1 && x->at[1] == '{') {
        x->at += 2;
        return true;
    }
    while (end < x->end && (quotes == 3 || (*end != '\n' && *end != '\r')))
        end++;
    end = envpy_field_end(x->at + 1, end);
    if (end == NULL)
        return false;
    while (x->at < end)
        if (!take_newline(x))
            x->at++;
    return true;
}

static bool is_f_string(const char *at, size_t prefix)
{
    return memchr(at, 'f', prefix) != NULL || memchr(at, 'F', prefix) != NULL;
}

/* A string, at its prefix. */
static bool lex_string(struct lexer *x, size_t prefix)
{
    const char *start = x->at;
    bool fields = is_f_string(start, prefix);
    unsigned line = x->line;
    x->at += prefix;
    char quote = *x->at;
    size_t quotes = x->end - x->at >= 3 && x->at[1] == quote && x->at[2] == quote ? 3 : 1;
    x->at += quotes;
    for (;;) {
        if (x->at == x->end)
            return fail(x, start, "Unterminated string.");
        if (*x->at == quote && (quotes == 1 || (x->end - x->at >= 3 && x->at[1] == quote && x->at[2] == quote)))
            break;
        if (*x->at == '\\' && x->at + 1 < x->end) {
            x->at++;
            if (!take_newline(x))
                x->at++;
        } else if (fields && *x->at == '{') {
            if (!skip_field(x, quotes))
                return fail(x, start, "An f-string with a brace that is not closed.");
        } else if (*x->at == '\n' || *x->at == '\r') {
            if (quotes == 1)
                return fail(x, start, "Unterminated string.");
            take_newline(x);
        } else {
            x->at++;
        }
    }
    x->at += quotes;
    return push(x, (struct token){.kind = TOKEN_STRING, .at = start, .len = (size_t)(x->at - start), .line = line, .prefix = (unsigned char)prefix, .quotes = (unsigned char)quotes});
}

/* The bytes of string prefix here (0 for a bare quote); -1: no string begins here. */
static int string_prefix(const struct lexer *x)
{
    int n = 0;
    while (n < 3 && x->at + n < x->end && strchr("rRbBuUfF", x->at[n]) != NULL && x->at[n] != '\0')
        n++;
    return n < 3 && x->at + n < x->end && (x->at[n] == '"' || x->at[n] == '\'') ? n : -1;
}

static bool lex_name(struct lexer *x)
{
    const char *start = x->at;
    while (x->at < x->end && is_name_byte(*x->at, false))
        x->at++;
    return push(x, (struct token){.kind = TOKEN_NAME, .at = start, .len = (size_t)(x->at - start), .line = x->line});
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number, with a sign in its exponent. */
static bool lex_number(struct lexer *x)
{
    const char *start = x->at;
    bool based = x->end - x->at > 1 && *x->at == '0' && strchr("xXoObB", x->at[1]) != NULL && x->at[1] != '\0';
    while (x->at < x->end && (is_name_byte(*x->at, false) || *x->at == '.')) {
        bool exponent = !based && (*x->at | 0x20) == 'e' && x->end - x->at > 2 && (x->at[1] == '+' || x->at[1] == '-') && is_digit(x->at[2]);
        x->at += exponent ? 2 : 1;
    }
    return push(x, (struct token){.kind = TOKEN_NUMBER, .at = start, .len = (size_t)(x->at - start), .line = x->line});
}

/* Keeps count of the brackets that are open. */
static bool lex_bracket(struct lexer *x, char c)
{
    static const char opening[] = "([{", closing[] = ")]}";
    if (strchr(opening, c) != NULL) {
        if (x->depth == DEPTH_LIMIT)
            return fail(x, x->at, "Brackets are nested too deep.");
        x->open[x->depth++] = x->at;
        return true;
    }
    if (x->depth == 0)
        return fail(x, x->at, "A bracket is closed that was never opened.");
    if (opening[strchr(closing, c) - closing] != *x->open[x->depth - 1])
        return fail(x, x->at, "A bracket is closed that is not the one last opened.");
    x->depth--;
    return true;
}

static bool lex_op(struct lexer *x)
{
    char c = *x->at;
    bool equals = x->end - x->at > 1 && x->at[1] == '=';
    size_t len = equals && strchr("=!<>+-*/%&|^@:", c) != NULL ? 2 : 1;
    if (c == '\0' || (strchr("=<>+-*/%&|^@:.,;~()[]{}", c) == NULL && !(c == '!' && equals)))
        return fail(x, x->at, c == '\\' ? "Behind a backslash there must be the end of the line." : "A character that is none of Python's.");
    struct token token = {.kind = TOKEN_OP, .at = x->at, .len = len, .line = x->line};
    if (strchr(")]}", c) != NULL && !lex_bracket(x, c))
        return false;
    if (!push(x, token) || (strchr("([{", c) != NULL && !lex_bracket(x, c)))
        return false;
    x->at += len;
    return true;
}

/* A line end outside brackets ends the logical line, if it holds anything. */
static bool end_line(struct lexer *x)
{
    const char *at = x->at;
    unsigned line = x->line;
    take_newline(x);
    if (x->depth > 0)
        return true;
    bool empty = x->fresh;
    x->fresh = true;
    return empty || push(x, (struct token){.kind = TOKEN_NEWLINE, .at = at, .len = 1, .line = line});
}

static bool lex_token(struct lexer *x)
{
    if (x->fresh) {
        x->fresh = false;
        x->indented = x->at > x->source->text && (x->at[-1] == ' ' || x->at[-1] == '\t' || x->at[-1] == '\f');
    }
    int prefix = string_prefix(x);
    if (prefix >= 0)
        return lex_string(x, (size_t)prefix);
    if (is_name_byte(*x->at, true))
        return lex_name(x);
    if (is_digit(*x->at) || (*x->at == '.' && x->at + 1 < x->end && is_digit(x->at[1])))
        return lex_number(x);
    return lex_op(x);
}

static bool lex_all(struct lexer *x)
{
    bool ok = true;
    while (ok && x->at < x->end) {
        char c = *x->at;
        if (c == ' ' || c == '\t' || c == '\f') {
            x->at++;
        } else if (c == '#') {
            while (x->at < x->end && *x->at != '\n' && *x->at != '\r')
                x->at++;
        } else if (c == '\n' || c == '\r') {
            ok = end_line(x);
        } else if (c == '\\' && x->at + 1 < x->end && (x->at[1] == '\n' || x->at[1] == '\r')) {
            x->at++;
            take_newline(x);
        } else {
            ok = lex_token(x);
        }
    }
    if (ok && x->depth > 0)
        return fail(x, x->open[x->depth - 1], "A bracket is not closed.");
    return ok && push(x, (struct token){.kind = TOKEN_NEWLINE, .at = x->end, .line = x->line}) && push(x, (struct token){.kind = TOKEN_END, .at = x->end, .line = x->line});
}

bool envpy_lex(const struct source *source, struct tokens *out, struct error *err)
{
    struct lexer x = {.at = source->text, .end = source->text + source->len, .source = source, .line = 1, .fresh = true, .out = out, .err = err};
    *out = (struct tokens){0};
    if (source->len >= 3 && memcmp(source->text, "\xEF\xBB\xBF", 3) == 0)
        x.at += 3;
    return lex_all(&x);
}
