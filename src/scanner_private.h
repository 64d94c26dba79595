/* scanner_private.h: what the parts of the scanner share: window, token list, dialect table. */
#ifndef JETBASE_SCANNER_PRIVATE_H
#define JETBASE_SCANNER_PRIVATE_H

#include <string.h>

#include "scanner.h"

/* ---- bytes ---- */

/* What a byte is to both lexers. */
enum scan_byte {
    BYTE_DIGIT = 1,
    BYTE_LETTER = 2,   /* ASCII letters and the underscore */
    BYTE_HIGH = 4,     /* of a character beyond ASCII: may stand in a word */
    BYTE_DOLLAR = 8,
    BYTE_PLAIN = 16,   /* ASCII from the blank to 0x7f: one column, and no line's end */
    BYTE_GAP = 32      /* may begin a blank or a comment: most tokens follow without one */
};

extern const unsigned char scan_bytes[256];

/* Is c, a byte or -1, one of these? */
static inline bool scan_byte_is(int c, unsigned kinds)
{
    return c >= 0 && (scan_bytes[c] & kinds) != 0;
}

/* Can a word begin with it? */
static inline bool scan_word_start(int c)
{
    return scan_byte_is(c, BYTE_LETTER | BYTE_HIGH);
}

static inline bool scan_digit(int c)
{
    return scan_byte_is(c, BYTE_DIGIT);
}

/* Can a word go on with it? */
static inline bool scan_word_byte(int c)
{
    return scan_byte_is(c, BYTE_LETTER | BYTE_HIGH | BYTE_DIGIT | BYTE_DOLLAR);
}

/* ---- scanner_window.c: the bytes at hand ---- */

/* A point of the input. */
struct scan_spot {
    uint64_t offset;
    unsigned line, column;
};

/* Bytes before `hold` may be dropped; while held is false, so may everything before `pos`. Only valid UTF-8 without NUL lies before `end`. */
struct scan_window {
    scan_read_fn read;
    void *user;
    char *buf;
    size_t cap, hold, pos, end, filled;
    uint64_t base;           /* offset in the input of buf[0] */
    bool held, eof;
    bool broken;             /* the byte at `end` is no text */
    bool failed;             /* `fault` is filled, and no more bytes come */
    bool after_cr;
    unsigned line;           /* of pos */
    unsigned char before;    /* the byte before pos, 0 at the start */
    const char *file;
    unsigned column;         /* of pos; not beside `line`: both read at once, a moment after one was written, would wait for that */
    struct error fault;
};

/* Makes byte pos + k readable where there is one. Returns it, or -1 at the end and after a failure. */
int window_fetch(struct scan_window *w, size_t k);
/* Moves over one byte that is no plain ASCII character. */
void window_step_slow(struct scan_window *w, unsigned char c);
/* Gives back the memory of a long statement that is no longer held. */
void window_shrink(struct scan_window *w);
/* Stops the reading with ERR_REFUSED at `at`; the source line is what of it the window still has. Only the first failure counts. */
void window_refuse(struct scan_window *w, const struct scan_spot *at, const char *message, const char *hint);
/* A spot as a place in the file. */
struct place window_place(const struct scan_window *w, const struct scan_spot *at);
/* The same where it is to stand: there is one for each statement, and it is large. */
void window_place_to(const struct scan_window *w, const struct scan_spot *at, struct place *to);

/* Where pos is. */
static inline struct scan_spot window_spot(const struct scan_window *w)
{
    return (struct scan_spot){ .offset = w->base + w->pos, .line = w->line, .column = w->column };
}

static inline int window_peek(struct scan_window *w, size_t k)
{
    return w->pos + k < w->end ? (unsigned char)w->buf[w->pos + k] : window_fetch(w, k);
}

/* Moves over the byte at pos, which must have been peeked at. */
static inline void window_step(struct scan_window *w)
{
    unsigned char c = (unsigned char)w->buf[w->pos++];
    w->before = c;
    if (c >= ' ' && c < 0x80) {
        w->column++;
        w->after_cr = false;
    } else {
        window_step_slow(w, c);
    }
}

/* Moves to `at`, over plain ASCII characters that end no line. */
static inline void window_pass_to(struct scan_window *w, size_t at)
{
    if (at == w->pos)
        return;
    w->column += (unsigned)(at - w->pos);
    w->after_cr = false;
    w->before = (unsigned char)w->buf[at - 1];
    w->pos = at;
}

/* Is one of these eight bytes not plain (0x7f and below, no control), or `close`? */
static inline bool window_eight_end(uint64_t eight, int close)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
    uint64_t same = eight ^ (ones * (unsigned char)close);
    return ((eight | (eight - ones * ' ') | (same - ones)) & highs) != 0;
}

/* Moves over what is at hand of plain ones (BYTE_PLAIN), up to the first `close`. */
static inline void window_pass_plain(struct scan_window *w, int close)
{
    const unsigned char *bytes = (const unsigned char *)w->buf;
    size_t at = w->pos, end = w->end;
    uint64_t eight;
    while (at + sizeof eight <= end) {
        memcpy(&eight, bytes + at, sizeof eight);
        if (window_eight_end(eight, close))
            break;
        at += sizeof eight;
    }
    while (at < end && (scan_bytes[bytes[at]] & BYTE_PLAIN) && bytes[at] != close)
        at++;
    window_pass_to(w, at);
}

/* Moves over what is at hand of these kinds; all of them must be plain. */
static inline void window_pass(struct scan_window *w, unsigned kinds)
{
    const unsigned char *bytes = (const unsigned char *)w->buf;
    size_t at = w->pos, end = w->end;
    while (at < end && (scan_bytes[bytes[at]] & kinds))
        at++;
    window_pass_to(w, at);
}

/* Moves over all digits that follow. */
static inline void window_pass_digits(struct scan_window *w)
{
    do
        window_pass(w, BYTE_DIGIT);
    while (scan_digit(window_peek(w, 0)));
}

/* ---- tokens ---- */

enum scan_kind {
    TOK_END,       /* end of the input, or a failure (see window.failed) */
    TOK_DELIMITER, /* the delimiter of the file, passed over */
    TOK_WORD, TOK_QUOTED, TOK_STRING, TOK_NUMBER, TOK_VARIABLE, TOK_PUNCT, TOK_BACKSLASH
};

/* A token of the statement being read. off counts from the statement's first byte. */
struct scan_token {
    enum scan_kind kind;
    size_t off, len;
};

enum { SCAN_TOKENS = 32 }; /* enough to tell every kind of statement by its head */

/* How a PostgreSQL string constant is read. */
enum pg_string { PG_STRING_NONE, PG_STRING_PLAIN, PG_STRING_ESCAPES, PG_STRING_BITS };

/* SQLite's automaton for triggers, where the statement is none: no word counts any more. */
enum { TRIGGER_NONE = 1 };

struct scanner {
    struct scan_window w;
    enum scan_dialect dialect;
    bool standard_strings;
    bool session_strings;    /* the same as it is for the session, to which RESET goes back */
    char *delimiter;         /* NULL: only `;` */
    size_t delimiter_len;
    struct place start;

    /* the statement being read */
    struct scan_spot at;     /* its first byte */
    struct scan_spot token;  /* the token being read */
    struct scan_spot why;    /* what made it client or own_table */
    bool finished;           /* it was handed out, and is forgotten with the next call */
    size_t sent_len;         /* its length as handed out */
    char covered;            /* the byte that the NUL behind it covers */
    struct scan_token tokens[SCAN_TOKENS + 2]; /* the first ones; behind them, by turns, the last one and the one before */
    const struct scan_token *last; /* of kind TOK_END: there is none yet */
    size_t count;            /* tokens in all, also those not kept */
    size_t raw_len;          /* bytes up to the end of its last token */
    unsigned parens;
    unsigned blocks;         /* PostgreSQL: BEGIN ATOMIC and the CASEs in it */
    bool routine;            /* CREATE [OR REPLACE] FUNCTION or PROCEDURE */
    bool copy_stdio, client, own_table;

    enum pg_string continued;/* how the constant that was the last token goes on after a line end */
    unsigned trigger;        /* SQLite: state of its automaton for triggers */
};

/* Called by a lexer at the first byte of a token. */
static inline void scanner_token_begins(struct scanner *s)
{
    struct scan_spot spot = window_spot(&s->w);
    s->token = spot;
    if (s->w.held)
        return;
    s->w.held = true;
    s->w.hold = s->w.pos;
    s->at = spot;
}

/* How many bytes the blank at pos + k has, as Jetbase strips them from both ends of a line (Unicode's blanks too); 0 where there is none, or the line ends. */
size_t scanner_blank_at(struct scanner *s, size_t k);
/* Between two statements: passes over such a blank, which the server would take for SQL. False where there is none, or a statement has begun. */
bool scanner_pass_blank(struct scanner *s);
/* True where the file's delimiter stands at pos, as a whole token at the end of a line. */
bool scanner_at_delimiter(struct scanner *s);
/* Passes over it and the blanks behind it, where it stands there. */
bool scanner_pass_delimiter(struct scanner *s);
/* True where the `\:` at pos + k is one that is rewritten to `:`. */
bool scanner_colon_at(struct scanner *s, size_t k);
/* True where text begins with the backslash of a `\:word` that is sent as `:word`. */
bool scanner_escaped_colon(const char *text, size_t len);
/* Refuses: `what`, which began at `at`, has no end. */
void scanner_unterminated(struct scanner *s, const char *what, const struct scan_spot *at);
/* The text of a token. */
static inline const char *scanner_token_text(const struct scanner *s, const struct scan_token *t)
{
    return s->w.buf + s->w.hold + t->off;
}

/* The rest of scanner_is_word(). */
bool scanner_same_word(const char *text, size_t len, const char *word);
/* True where t is that word (any case), not quoted. Nearly all words differ in their first letter; this is asked many times a statement. */
static inline bool scanner_is_word(const struct scanner *s, const struct scan_token *t, const char *word)
{
    return t->kind == TOK_WORD && ((*scanner_token_text(s, t) ^ *word) & ~0x20) == 0 && scanner_same_word(scanner_token_text(s, t), t->len, word);
}

/* True where t is that character. */
static inline bool scanner_is_char(const struct scanner *s, const struct scan_token *t, char c)
{
    return t->kind == TOK_PUNCT && t->len == 1 && *scanner_token_text(s, t) == c;
}

/* Bytes of the current statement in the input (its text may be shorter: `\:`). */
size_t scanner_raw_length(const struct scanner *s);
/* The place of what made the current statement of its class. */
struct place scanner_why(const struct scanner *s);
/* Message and hint for programs' own commands (psql's `\`, sqlite3's dots). */
const char *scanner_client_message(enum scan_dialect dialect);
const char *scanner_client_hint(enum scan_dialect dialect);

/* ---- scanner_pg.c, scanner_sqlite.c ---- */

/* Passes over blanks and comments, then one token. */
enum scan_kind scanner_pg_lex(struct scanner *s);
enum scan_kind scanner_sqlite_lex(struct scanner *s);
/* Takes note of a token that belongs to the statement (s->last is still the one before). SQLite: needed only of punctuation where trigger is TRIGGER_NONE. */
void scanner_pg_track(struct scanner *s, const struct scan_token *t);
void scanner_sqlite_track(struct scanner *s, const struct scan_token *t);
/* True where a `;` here ends the statement. */
bool scanner_pg_ends(const struct scanner *s);
bool scanner_sqlite_ends(const struct scanner *s);
/* The statement just read has run before the next one is: SET and RESET of standard_conforming_strings change how that is read, to the server as to psql. (What a function sets, set_config() too, can't be known here.) */
void scanner_pg_sent(struct scanner *s);

/* ---- scanner_class.c ---- */

/* Fills class, isolation, deferrable, read_only of the statement just read. */
void scanner_classify(const struct scanner *s, struct scan_statement *out);

#endif
