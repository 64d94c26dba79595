/* envpy_lex.c: splits Python source into tokens. */
#include <stdlib.h>
#include <string.h>

#include "envpy_private.h"

struct lexer {
    const char *at, *end, *start;
    unsigned line;
    int depth;
    bool fresh;     /* at the begin of a logical line */
    bool indented;
    const char *file;
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

static bool fail(struct lexer *x, unsigned line, const char *message)
{
    error_set(x->err, ERR_CONFIG, "%s", message);
    if (x->err != NULL) {
        text_copy(x->err->place.file, sizeof x->err->place.file, x->file);
        x->err->place.line = line;
        x->err->place.column = 1;
    }
    return error_hint(x->err, "env.py must be Python; it is read here, never run.");
}

static bool push(struct lexer *x, struct token token)
{
    struct tokens *out = x->out;
    if (out->count == out->capacity) {
        size_t more = out->capacity == 0 ? 256 : out->capacity * 2;
        struct token *bigger = realloc(out->at, more * sizeof *bigger);
        if (bigger == NULL)
            return error_set(x->err, ERR_NO_MEMORY, "Memory ran out reading %s.", x->file);
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

/* A string, at its prefix. */
static bool lex_string(struct lexer *x, size_t prefix)
{
    const char *start = x->at;
    unsigned line = x->line;
    x->at += prefix;
    char quote = *x->at;
    size_t quotes = x->end - x->at >= 3 && x->at[1] == quote && x->at[2] == quote ? 3 : 1;
    x->at += quotes;
    for (;;) {
        if (x->at == x->end)
            return fail(x, line, "Unterminated string.");
        if (*x->at == quote && (quotes == 1 || (x->end - x->at >= 3 && x->at[1] == quote && x->at[2] == quote)))
            break;
        if (*x->at == '\\' && x->at + 1 < x->end) {
            x->at++;
            if (!take_newline(x))
                x->at++;
        } else if (*x->at == '\n' || *x->at == '\r') {
            if (quotes == 1)
                return fail(x, line, "Unterminated string.");
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

static bool lex_word(struct lexer *x, enum token_kind kind)
{
    const char *start = x->at;
    while (x->at < x->end && (is_name_byte(*x->at, false) || (kind == TOKEN_NUMBER && *x->at == '.')))
        x->at++;
    return push(x, (struct token){.kind = kind, .at = start, .len = (size_t)(x->at - start), .line = x->line});
}

static bool lex_op(struct lexer *x)
{
    char c = *x->at;
    size_t len = c != '\0' && strchr("=!<>+-*/%&|^@:", c) != NULL && x->at + 1 < x->end && x->at[1] == '=' ? 2 : 1;
    bool closes = c == ')' || c == ']' || c == '}';
    if (closes && x->depth == 0)
        return fail(x, x->line, "A bracket is closed that was never opened.");
    x->depth -= closes ? 1 : 0;
    if (!push(x, (struct token){.kind = TOKEN_OP, .at = x->at, .len = len, .line = x->line}))
        return false;
    x->depth += c == '(' || c == '[' || c == '{' ? 1 : 0;
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
        x->indented = x->at > x->start && (x->at[-1] == ' ' || x->at[-1] == '\t' || x->at[-1] == '\f');
    }
    int prefix = string_prefix(x);
    if (prefix >= 0)
        return lex_string(x, (size_t)prefix);
    if (is_name_byte(*x->at, true))
        return lex_word(x, TOKEN_NAME);
    if (is_name_byte(*x->at, false) || (*x->at == '.' && x->at + 1 < x->end && x->at[1] >= '0' && x->at[1] <= '9'))
        return lex_word(x, TOKEN_NUMBER);
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
        return fail(x, x->line, "A bracket is not closed.");
    return ok && push(x, (struct token){.kind = TOKEN_NEWLINE, .at = x->end, .line = x->line}) && push(x, (struct token){.kind = TOKEN_END, .at = x->end, .line = x->line});
}

bool envpy_lex(const char *text, size_t len, const char *file, struct tokens *out, struct error *err)
{
    struct lexer x = {.at = text, .end = text + len, .start = text, .line = 1, .fresh = true, .file = file, .out = out, .err = err};
    *out = (struct tokens){0};
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        x.at += 3;
    return lex_all(&x);
}
