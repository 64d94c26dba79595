/* scanner_sqlite.c: reads tokens as SQLite's tokenizer does (tokenize.c), and finds the end of triggers as sqlite3_complete does. */
#include <string.h>

#include "scanner_private.h"

/* Goes on over a word's bytes. */
static void pass_word(struct scanner *s)
{
    int c;
    window_pass(&s->w, BYTE_LETTER | BYTE_DIGIT);
    while (scan_word_byte(c = window_peek(&s->w, 0)) && !(c == '$' && scanner_at_delimiter(s)))
        window_step(&s->w);
}

/* A comment of two dashes ends at LF alone. Where a lone CR in it is followed by something else, SQLite would silently take that as comment, while Jetbase runs it. */
static void pass_line_comment(struct scanner *s)
{
    bool fresh = false; /* behind a lone CR, nothing but blanks yet */
    int c;
    while ((c = window_peek(&s->w, 0)) >= 0 && c != '\n') {
        if (fresh && c != ' ' && c != '\t' && c != '\r') {
            struct scan_spot at = window_spot(&s->w);
            if (c != '-' || window_peek(&s->w, 1) != '-') {
                window_refuse(&s->w, &at, "this line follows a comment that ends with CR alone: SQLite would take it as comment too", "Save the file with line ends LF or CRLF.");
                return;
            }
            fresh = false;
        }
        fresh = fresh || c == '\r';
        window_step(&s->w);
    }
}

/* A block comment: these do not nest, and may stay open at the end of the section, as SQLite has it. One that takes the end of a statement with it is refused: what follows would silently not run, while Jetbase, which cuts there, runs it. */
static void pass_block_comment(struct scanner *s)
{
    struct scan_window *w = &s->w;
    struct scan_spot at = window_spot(w);
    bool takes = false;
    int c;
    window_step(w);
    window_step(w);
    while ((c = window_peek(w, 0)) >= 0) {
        bool closes = c == '*' && window_peek(w, 1) == '/';
        takes = takes || c == ';' || scanner_at_delimiter(s);
        window_step(w);
        if (closes) {
            window_step(w);
            return;
        }
    }
    if (takes && !w->failed)
        scanner_unterminated(s, "a comment (/*)", &at);
}

static bool byte_order_mark(struct scanner *s)
{
    return window_peek(&s->w, 1) == 0xbb && window_peek(&s->w, 2) == 0xbf;
}

static void pass_blanks_and_comments(struct scanner *s)
{
    bool blank = false; /* a vertical tab is a blank behind a blank, and an error elsewhere */
    for (;;) {
        int c = window_peek(&s->w, 0);
        if (!scan_byte_is(c, BYTE_GAP))
            return;
        if (c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r' || (c == '\v' && blank)) {
            blank = true;
            window_step(&s->w);
            continue;
        }
        blank = false;
        if ((c == '-' || c == '/') && scanner_at_delimiter(s)) {
            return;
        } else if (c == '-' && window_peek(&s->w, 1) == '-') {
            pass_line_comment(s);
        } else if (c == '/' && window_peek(&s->w, 1) == '*' && window_peek(&s->w, 2) >= 0) {
            pass_block_comment(s);
        } else if (c == 0xef && byte_order_mark(s)) {
            for (int k = 0; k < 3; k++)
                window_step(&s->w);
        } else if (!scanner_pass_blank(s)) {
            return;
        }
    }
}

/* Up to the next token, which nearly always follows at once or behind one space. */
static inline void pass_gap(struct scanner *s)
{
    int c = window_peek(&s->w, 0);
    if (c == ' ' && !scan_byte_is(window_peek(&s->w, 1), BYTE_GAP))
        window_step(&s->w);
    else if (scan_byte_is(c, BYTE_GAP))
        pass_blanks_and_comments(s);
}

/* A string or identifier up to its closing quote; doubled: two of them stand for one. */
static enum scan_kind quoted(struct scanner *s, int close, bool doubled, enum scan_kind kind, const char *what)
{
    struct scan_spot at = window_spot(&s->w);
    window_step(&s->w);
    for (;;) {
        window_pass_plain(&s->w, close);
        int c = window_peek(&s->w, 0);
        if (c < 0) {
            scanner_unterminated(s, what, &at);
            return TOK_END;
        }
        window_step(&s->w);
        if (c != close)
            continue;
        if (!doubled || window_peek(&s->w, 0) != close)
            return kind;
        window_step(&s->w);
    }
}

/* $name @name #name :name, with Tcl's name::name and name(index), which may hold anything but blanks. */
static enum scan_kind variable(struct scanner *s)
{
    struct scan_window *w = &s->w;
    bool some = false;
    int c;
    window_step(w);
    while ((c = window_peek(w, 0)) >= 0) {
        if (c == '$' && scanner_at_delimiter(s)) {
            break;
        } else if (scan_word_byte(c)) {
            some = true;
            window_step(w);
        } else if (c == ':' && window_peek(w, 1) == ':') {
            window_step(w);
            window_step(w);
        } else if (c == '(' && some) {
            do {
                window_step(w);
                c = window_peek(w, 0);
            } while (c >= 0 && c != ')' && c != ' ' && (c < '\t' || c > '\r'));
            if (c == ')')
                window_step(w);
            break;
        } else {
            break;
        }
    }
    return TOK_VARIABLE;
}

static enum scan_kind number(struct scanner *s)
{
    struct scan_window *w = &s->w;
    window_pass_digits(w);
    if (window_peek(w, 0) == '.') {
        window_step(w);
        window_pass_digits(w);
    }
    int e = window_peek(w, 0);
    if (e == 'e' || e == 'E') {
        int sign = window_peek(w, 1);
        size_t skip = sign == '+' || sign == '-' ? 2 : 1;
        if (scan_digit(window_peek(w, skip)))
            for (; skip > 0; skip--)
                window_step(w);
    }
    pass_word(s); /* hexadecimal digits, the exponent's, and what is an error there */
    return TOK_NUMBER;
}

static enum scan_kind word_or_blob(struct scanner *s, int c)
{
    if ((c == 'x' || c == 'X') && window_peek(&s->w, 1) == '\'') {
        window_step(&s->w);
        return quoted(s, '\'', false, TOK_STRING, "a blob (x')");
    }
    pass_word(s);
    return TOK_WORD;
}

enum scan_kind scanner_sqlite_lex(struct scanner *s)
{
    pass_gap(s);
    int c = window_peek(&s->w, 0);
    if (c < 0)
        return TOK_END;
    if (s->delimiter && scanner_pass_delimiter(s))
        return TOK_DELIMITER;
    scanner_token_begins(s);
    if (scan_word_start(c))
        return word_or_blob(s, c);
    if (scan_digit(c) || (c == '.' && scan_digit(window_peek(&s->w, 1))))
        return number(s);
    switch (c) {
    case '\'':
        return quoted(s, '\'', true, TOK_STRING, "a string (')");
    case '"':
        return quoted(s, '"', true, TOK_QUOTED, "a quoted identifier (\")");
    case '`':
        return quoted(s, '`', true, TOK_QUOTED, "a quoted identifier (`)");
    case '[':
        return quoted(s, ']', false, TOK_QUOTED, "a quoted identifier ([)");
    case '$':
    case '@':
    case '#':
    case ':':
        return variable(s);
    case '?':
        window_step(&s->w);
        window_pass_digits(&s->w);
        return TOK_VARIABLE;
    default:
        window_step(&s->w);
        return TOK_PUNCT;
    }
}

/* The states and tokens of sqlite3_complete's automaton, which knows the end of a trigger by `; END ;`. */
enum { AT_START, AT_NORMAL = TRIGGER_NONE, AT_EXPLAIN, AT_CREATE, AT_TRIGGER, AT_SEMICOLON, AT_END };
enum { IS_SEMICOLON, IS_OTHER, IS_EXPLAIN, IS_CREATE, IS_TEMP, IS_TRIGGER, IS_END };

static const unsigned char next_state[][7] = {
    /*                  ;             other       EXPLAIN     CREATE      TEMP        TRIGGER     END */
    [AT_START] =     { AT_START,     AT_NORMAL,  AT_EXPLAIN, AT_CREATE,  AT_NORMAL,  AT_NORMAL,  AT_NORMAL },
    [AT_NORMAL] =    { AT_START,     AT_NORMAL,  AT_NORMAL,  AT_NORMAL,  AT_NORMAL,  AT_NORMAL,  AT_NORMAL },
    [AT_EXPLAIN] =   { AT_START,     AT_EXPLAIN, AT_NORMAL,  AT_CREATE,  AT_NORMAL,  AT_NORMAL,  AT_NORMAL },
    [AT_CREATE] =    { AT_START,     AT_NORMAL,  AT_NORMAL,  AT_NORMAL,  AT_CREATE,  AT_TRIGGER, AT_NORMAL },
    [AT_TRIGGER] =   { AT_SEMICOLON, AT_TRIGGER, AT_TRIGGER, AT_TRIGGER, AT_TRIGGER, AT_TRIGGER, AT_TRIGGER },
    [AT_SEMICOLON] = { AT_SEMICOLON, AT_TRIGGER, AT_TRIGGER, AT_TRIGGER, AT_TRIGGER, AT_TRIGGER, AT_END },
    [AT_END] =       { AT_START,     AT_TRIGGER, AT_TRIGGER, AT_TRIGGER, AT_TRIGGER, AT_TRIGGER, AT_TRIGGER },
};

static unsigned token_class(const struct scanner *s, const struct scan_token *t)
{
    static const struct { const char *word; unsigned is; } words[] = {
        { "EXPLAIN", IS_EXPLAIN }, { "CREATE", IS_CREATE }, { "TEMP", IS_TEMP }, { "TEMPORARY", IS_TEMP }, { "TRIGGER", IS_TRIGGER }, { "END", IS_END },
    };
    if (scanner_is_char(s, t, ';'))
        return IS_SEMICOLON;
    if (t->kind != TOK_WORD)
        return IS_OTHER;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (scanner_is_word(s, t, words[i].word))
            return words[i].is;
    return IS_OTHER;
}

/* [EXPLAIN [QUERY PLAN]] CREATE VIRTUAL TABLE: its arguments may be any tokens, and sqlite3_prepare (not sqlite3_complete) reads on to the closing parenthesis. */
static bool virtual_table(const struct scanner *s)
{
    static const char *const words[] = { "CREATE", "VIRTUAL", "TABLE" };
    size_t from = 0;
    if (scanner_is_word(s, &s->tokens[0], "EXPLAIN"))
        from = s->count > 2 && scanner_is_word(s, &s->tokens[1], "QUERY") && scanner_is_word(s, &s->tokens[2], "PLAN") ? 3 : 1;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (from + i >= s->count || !scanner_is_word(s, &s->tokens[from + i], words[i]))
            return false;
    return true;
}

void scanner_sqlite_track(struct scanner *s, const struct scan_token *t)
{
    if (s->trigger != AT_NORMAL)
        s->trigger = next_state[s->trigger][token_class(s, t)];
    else if (scanner_is_char(s, t, ';'))
        s->trigger = next_state[AT_NORMAL][IS_SEMICOLON];
    if (t->kind != TOK_PUNCT)
        return;
    if (scanner_is_char(s, t, '(') && virtual_table(s))
        s->parens++;
    else if (scanner_is_char(s, t, ')'))
        s->parens -= s->parens > 0;
}

bool scanner_sqlite_ends(const struct scanner *s)
{
    return next_state[s->trigger][IS_SEMICOLON] == AT_START && s->parens == 0;
}
