/* scanner_pg.c: reads tokens as PostgreSQL's server and psql do (scan.l, psqlscan.l). */
#include <string.h>
#include <strings.h>

#include "scanner_private.h"

/* A comment of two dashes, up to the line's end. */
static void pass_line_comment(struct scan_window *w)
{
    int c;
    while ((c = window_peek(w, 0)) >= 0 && c != '\n' && c != '\r')
        window_step(w);
}

/* A block comment: these nest. */
static void pass_block_comment(struct scanner *s)
{
    struct scan_spot at = window_spot(&s->w);
    uint64_t depth = 0;
    do {
        int c = window_peek(&s->w, 0), d = c == '/' || c == '*' ? window_peek(&s->w, 1) : 0;
        if (c < 0) {
            scanner_unterminated(s, "a comment (/*)", &at);
            return;
        }
        bool opens = c == '/' && d == '*', closes = c == '*' && d == '/';
        depth = opens ? depth + 1 : closes ? depth - 1 : depth;
        if (opens || closes)
            window_step(&s->w);
        window_step(&s->w);
    } while (depth > 0);
}

/* Passes over blanks and comments. `continued` stays where a string constant could go on behind them: only blanks and line comments, and at least one line end. */
static void pass_gap(struct scanner *s)
{
    bool line_end = false;
    for (;;) {
        int c = window_peek(&s->w, 0);
        if (!scan_byte_is(c, BYTE_GAP))
            break;
        if (c == ' ' || (c >= '\t' && c <= '\r')) {
            line_end = line_end || c == '\n' || c == '\r';
            window_step(&s->w);
        } else if ((c == '-' || c == '/') && scanner_at_delimiter(s)) {
            break;
        } else if (c == '-' && window_peek(&s->w, 1) == '-') {
            pass_line_comment(&s->w);
        } else if (c == '/' && window_peek(&s->w, 1) == '*') {
            s->continued = PG_STRING_NONE;
            pass_block_comment(s);
        } else if (!scanner_pass_blank(s)) {
            break;
        }
    }
    if (!line_end)
        s->continued = PG_STRING_NONE;
}

/* A constant in single quotes, from its quote on. */
static enum scan_kind string(struct scanner *s, enum pg_string how)
{
    struct scan_spot at = window_spot(&s->w);
    window_step(&s->w);
    for (;;) {
        if (how != PG_STRING_ESCAPES)
            window_pass_plain(&s->w, '\'');
        int c = window_peek(&s->w, 0);
        if (c == '\\' && how == PG_STRING_ESCAPES && window_peek(&s->w, 1) >= 0) {
            window_step(&s->w);
        } else if (c == '\'') {
            window_step(&s->w);
            if (how == PG_STRING_BITS || window_peek(&s->w, 0) != '\'') {
                s->continued = how;
                return TOK_STRING;
            }
        } else if (c < 0) {
            scanner_unterminated(s, "a string (')", &at);
            return TOK_END;
        }
        window_step(&s->w);
    }
}

static enum scan_kind quoted(struct scanner *s)
{
    struct scan_spot at = window_spot(&s->w);
    window_step(&s->w);
    for (;;) {
        window_pass_plain(&s->w, '"');
        int c = window_peek(&s->w, 0);
        if (c < 0) {
            scanner_unterminated(s, "a quoted identifier (\")", &at);
            return TOK_END;
        }
        window_step(&s->w);
        if (c != '"')
            continue;
        if (window_peek(&s->w, 0) != '"')
            return TOK_QUOTED;
        window_step(&s->w);
    }
}

/* The length of the dollar quote ($$, $tag$) at pos, 0 where there is none. */
static size_t dollar_tag(struct scanner *s)
{
    size_t k = 1;
    int c = window_peek(&s->w, 1);
    if (c != '$' && !scan_word_start(c))
        return 0;
    while ((c = window_peek(&s->w, k)) != '$') {
        if (!scan_word_start(c) && !scan_digit(c))
            return 0;
        k++;
    }
    return k + 1;
}

/* What stands in dollar quotes. The tag is compared with itself in the window: the token's bytes are held there. */
static enum scan_kind dollar_quoted(struct scanner *s, size_t tag_len)
{
    size_t tag = s->w.pos - s->w.hold, k;
    for (k = 0; k < tag_len; k++)
        window_step(&s->w);
    for (;;) {
        window_pass_plain(&s->w, '$');
        int c = window_peek(&s->w, 0);
        if (c < 0) {
            scanner_unterminated(s, "a dollar quote ($)", &s->token);
            return TOK_END;
        }
        for (k = 0; c == '$' && k < tag_len; k++) {
            int byte = window_peek(&s->w, k); /* this may move the buffer */
            if (byte != (unsigned char)s->w.buf[s->w.hold + tag + k])
                break;
        }
        if (c == '$' && k == tag_len)
            break;
        window_step(&s->w);
    }
    for (k = 0; k < tag_len; k++)
        window_step(&s->w);
    return TOK_STRING;
}

static enum scan_kind dollar(struct scanner *s)
{
    size_t tag_len = dollar_tag(s);
    if (tag_len > 0)
        return dollar_quoted(s, tag_len);
    window_step(&s->w);
    if (!scan_digit(window_peek(&s->w, 0)))
        return TOK_PUNCT;
    window_pass_digits(&s->w);
    return TOK_VARIABLE;
}

/* Digits, a fraction, an exponent; not the second point of 1..2. */
static enum scan_kind number(struct scanner *s)
{
    struct scan_window *w = &s->w;
    window_pass_digits(w);
    if (window_peek(w, 0) == '.' && window_peek(w, 1) != '.') {
        window_step(w);
        window_pass_digits(w);
    }
    int e = window_peek(w, 0), sign;
    if (e != 'e' && e != 'E')
        return TOK_NUMBER;
    sign = window_peek(w, 1);
    size_t skip = sign == '+' || sign == '-' ? 2 : 1;
    if (!scan_digit(window_peek(w, skip)))
        return TOK_NUMBER;
    for (; skip > 0; skip--)
        window_step(w);
    window_pass_digits(w);
    return TOK_NUMBER;
}

static enum scan_kind word(struct scanner *s)
{
    int c;
    window_pass(&s->w, BYTE_LETTER | BYTE_DIGIT);
    while (scan_word_byte(c = window_peek(&s->w, 0)) && !(c == '$' && scanner_at_delimiter(s)))
        window_step(&s->w);
    return TOK_WORD;
}

/* A word, or a constant or identifier with a letter before its quotes: E'' B'' X'' N'' U&'' U&"". */
static enum scan_kind word_or_prefixed(struct scanner *s, int c, enum pg_string plain)
{
    int d = window_peek(&s->w, 1);
    if (d == '\'' && strchr("eEbBxXnN", c)) {
        window_step(&s->w);
        return string(s, c == 'e' || c == 'E' ? PG_STRING_ESCAPES : c == 'n' || c == 'N' ? plain : PG_STRING_BITS);
    }
    if ((c == 'u' || c == 'U') && d == '&') {
        d = window_peek(&s->w, 2);
        if (d == '\'' || d == '"') {
            window_step(&s->w);
            window_step(&s->w);
            return d == '"' ? quoted(s) : string(s, PG_STRING_PLAIN);
        }
    }
    return word(s);
}

enum scan_kind scanner_pg_lex(struct scanner *s)
{
    enum pg_string plain = s->standard_strings ? PG_STRING_PLAIN : PG_STRING_ESCAPES, continued;
    pass_gap(s);
    continued = s->continued;
    s->continued = PG_STRING_NONE;
    int c = window_peek(&s->w, 0);
    if (c < 0)
        return TOK_END;
    if (s->delimiter && scanner_pass_delimiter(s))
        return TOK_DELIMITER;
    scanner_token_begins(s);
    if (c == '\'')
        return string(s, continued != PG_STRING_NONE ? continued : plain);
    if (c == '"')
        return quoted(s);
    if (c == '$')
        return dollar(s);
    if (scan_digit(c) || (c == '.' && scan_digit(window_peek(&s->w, 1))))
        return number(s);
    if (scan_word_start(c))
        return word_or_prefixed(s, c, plain);
    enum scan_kind kind = c == '\\' && !scanner_colon_at(s, 0) ? TOK_BACKSLASH : TOK_PUNCT;
    window_step(&s->w);
    return kind;
}

/* CREATE [OR REPLACE] FUNCTION or PROCEDURE: the only statements with a body of statements. */
static bool heads_routine(const struct scanner *s, const struct scan_token *t)
{
    bool plain = s->count == 1, replace = s->count == 3 && scanner_is_word(s, &s->tokens[1], "OR") && scanner_is_word(s, &s->tokens[2], "REPLACE");
    return (plain || replace) && scanner_is_word(s, &s->tokens[0], "CREATE") && (scanner_is_word(s, t, "FUNCTION") || scanner_is_word(s, t, "PROCEDURE"));
}

/* BEGIN ATOMIC … END, and CASE … END inside it. END ends the body only where a statement could begin; a CASE or END behind a point or AS is a name. */
static void track_body(struct scanner *s, const struct scan_token *t)
{
    bool named = scanner_is_char(s, s->last, '.') || scanner_is_word(s, s->last, "AS");
    bool first = scanner_is_char(s, s->last, ';') || scanner_is_word(s, s->last, "ATOMIC");
    if (s->blocks == 0)
        s->blocks = scanner_is_word(s, t, "ATOMIC") && scanner_is_word(s, s->last, "BEGIN");
    else if (scanner_is_word(s, t, "CASE"))
        s->blocks += !named;
    else if (scanner_is_word(s, t, "END") && (s->blocks == 1 ? first : !named))
        s->blocks--;
}

void scanner_pg_track(struct scanner *s, const struct scan_token *t)
{
    if (scanner_is_char(s, t, '('))
        s->parens++;
    else if (scanner_is_char(s, t, ')'))
        s->parens -= s->parens > 0;
    if (t->kind != TOK_WORD || s->parens > 0)
        return;
    if (s->routine)
        track_body(s, t);
    else if (heads_routine(s, t))
        s->routine = true;
    if (scanner_is_word(s, &s->tokens[0], "COPY") && (scanner_is_word(s, s->last, "FROM") || scanner_is_word(s, s->last, "TO")) && (scanner_is_word(s, t, "STDIN") || scanner_is_word(s, t, "STDOUT")))
        s->copy_stdio = true;
}

bool scanner_pg_ends(const struct scanner *s)
{
    return s->parens == 0 && s->blocks == 0;
}

/* A token without its quotes, where it has any. */
static const char *bare(const struct scanner *s, const struct scan_token *t, size_t *len)
{
    const char *text = scanner_token_text(s, t);
    bool quotes = (t->kind == TOK_STRING || t->kind == TOK_QUOTED) && t->len >= 2 && (*text == '\'' || *text == '"');
    *len = quotes ? t->len - 2 : t->len;
    return quotes ? text + 1 : text;
}

/* A value of a boolean setting, as the server's parse_bool takes it: whole, or cut where no other one begins so. */
static bool boolean(const struct scanner *s, const struct scan_token *t, bool *value)
{
    static const struct { const char *word; size_t least; bool is; } words[] = { { "true", 1, true }, { "false", 1, false }, { "yes", 1, true }, { "no", 1, false }, { "on", 2, true }, { "off", 2, false }, { "1", 1, true }, { "0", 1, false } };
    size_t len;
    const char *text = bare(s, t, &len);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (len < words[i].least || len > strlen(words[i].word) || strncasecmp(text, words[i].word, len) != 0)
            continue;
        *value = words[i].is;
        return true;
    }
    return false;
}

void scanner_pg_sent(struct scanner *s)
{
    static const char name[] = "standard_conforming_strings";
    size_t i = 1, len;
    bool set = scanner_is_word(s, &s->tokens[0], "SET"), reset = scanner_is_word(s, &s->tokens[0], "RESET");
    if (s->count < 2 || s->count > 5 || !(set || reset))
        return;
    if (set && s->count == 5 && (scanner_is_word(s, &s->tokens[1], "LOCAL") || scanner_is_word(s, &s->tokens[1], "SESSION")))
        i++;
    const char *setting = bare(s, &s->tokens[i], &len);
    bool named = len == sizeof name - 1 && strncasecmp(setting, name, len) == 0;
    if (reset && s->count == 2 && (named || scanner_is_word(s, &s->tokens[1], "ALL")))
        s->standard_strings = s->session_strings;
    if (!set || !named || s->count != i + 3 || !(scanner_is_char(s, &s->tokens[i + 1], '=') || scanner_is_word(s, &s->tokens[i + 1], "TO")))
        return;
    if (scanner_is_word(s, &s->tokens[i + 2], "DEFAULT"))
        s->standard_strings = s->session_strings;
    else
        boolean(s, &s->tokens[i + 2], &s->standard_strings);
}
