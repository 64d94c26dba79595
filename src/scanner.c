/* scanner.c: puts tokens together to statements: where one begins, where it ends, what of it goes to the server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lines.h"
#include "scanner_private.h"
#include "text.h"

static const struct scan_token no_token;

struct scanner *scanner_open(enum scan_dialect dialect, bool standard_strings, const char *delimiter, scan_read_fn read, void *user, const struct place *start)
{
    struct scanner *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->dialect = dialect;
    s->standard_strings = s->session_strings = standard_strings;
    s->start.line = s->start.column = 1;
    s->last = &no_token;
    if (start)
        s->start = *start;
    s->w.read = read;
    s->w.user = user;
    s->w.file = s->start.file;
    s->w.line = s->start.line;
    s->w.column = s->start.column;
    if (delimiter && delimiter[0] && strcmp(delimiter, ";") != 0) {
        s->delimiter = text_dup(delimiter);
        s->delimiter_len = strlen(delimiter);
        if (!s->delimiter) {
            scanner_close(s);
            return NULL;
        }
    }
    return s;
}

void scanner_close(struct scanner *scanner)
{
    if (!scanner)
        return;
    free(scanner->delimiter);
    free(scanner->w.buf);
    free(scanner);
}

size_t scanner_blank_at(struct scanner *s, size_t k)
{
    char bytes[3] = "";
    int c = window_peek(&s->w, k);
    if (c < 0 || c == '\n' || c == '\r')
        return 0;
    bytes[0] = (char)c;
    size_t len = c < 0xc2 ? 1 : c < 0xe0 ? 2 : 3;
    for (size_t i = 1; i < len; i++)
        bytes[i] = (char)window_peek(&s->w, k + i);
    return line_blank(bytes, len);
}

bool scanner_at_delimiter(struct scanner *s)
{
    const unsigned word = BYTE_LETTER | BYTE_HIGH | BYTE_DIGIT;
    size_t k = 0, blank;
    if (!s->delimiter || (scan_byte_is(s->w.before, word) && scan_byte_is((unsigned char)s->delimiter[0], word)))
        return false;
    for (; k < s->delimiter_len; k++)
        if (window_peek(&s->w, k) != (unsigned char)s->delimiter[k])
            return false;
    while ((blank = scanner_blank_at(s, k)) > 0)
        k += blank;
    int c = window_peek(&s->w, k);
    return c == '\n' || c == '\r' || (c < 0 && !s->w.failed);
}

bool scanner_pass_blank(struct scanner *s)
{
    size_t blank = s->w.held ? 0 : scanner_blank_at(s, 0);
    for (size_t i = 0; i < blank; i++)
        window_step(&s->w);
    return blank > 0;
}

bool scanner_pass_delimiter(struct scanner *s)
{
    size_t blank;
    if (!scanner_at_delimiter(s))
        return false;
    for (size_t k = 0; k < s->delimiter_len; k++)
        window_step(&s->w);
    while ((blank = scanner_blank_at(s, 0)) > 0)
        for (; blank > 0; blank--)
            window_step(&s->w);
    return true;
}

/* SQLAlchemy's own rule for text(): a backslash goes that stands before a colon and a word, unless another colon follows. */
bool scanner_colon_at(struct scanner *s, size_t k)
{
    int c;
    if (window_peek(&s->w, k + 1) != ':')
        return false;
    k += 2;
    while (scan_word_byte(c = window_peek(&s->w, k)))
        k++;
    return c != ':';
}

void scanner_unterminated(struct scanner *s, const char *what, const struct scan_spot *at)
{
    char message[128];
    snprintf(message, sizeof message, "%s begins here and does not end", what);
    if (s->client) /* what such a command says need not be SQL */
        window_refuse(&s->w, &s->why, scanner_client_message(s->dialect), scanner_client_hint(s->dialect));
    else
        window_refuse(&s->w, at, message, "Close it: all that follows it, to the end of the section, would be part of it.");
}

bool scanner_same_word(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && strncasecmp(text, word, len) == 0;
}

size_t scanner_raw_length(const struct scanner *s)
{
    return s->raw_len;
}

struct place scanner_why(const struct scanner *s)
{
    return window_place(&s->w, s->client || s->own_table ? &s->why : &s->at);
}

static void forget_statement(struct scanner *s)
{
    s->w.held = false;
    s->count = s->raw_len = 0;
    s->last = &no_token;
    s->parens = s->blocks = 0;
    s->trigger = 0;
    s->routine = s->copy_stdio = s->client = s->own_table = false;
    s->continued = PG_STRING_NONE;
}

enum { OWN_NAME_BYTES = sizeof "jetbase_lock" - 1 }; /* of jetbase_runs too */

/* jetbase_lock and jetbase_runs, as the dialect folds names. */
static bool own_name(const struct scanner *s, const struct scan_token *t)
{
    const char *text = scanner_token_text(s, t);
    size_t len = t->len;
    bool any_case = t->kind == TOK_WORD || s->dialect == SCAN_SQLITE;
    if (t->kind == TOK_QUOTED && len >= 2 && (*text == 'U' || *text == 'u')) {
        text += 2;
        len -= 2;
    }
    if (t->kind == TOK_QUOTED && len >= 2) {
        text++;
        len -= 2;
    }
    if (len != OWN_NAME_BYTES)
        return false;
    return any_case ? strncasecmp(text, "jetbase_lock", len) == 0 || strncasecmp(text, "jetbase_runs", len) == 0
                    : memcmp(text, "jetbase_lock", len) == 0 || memcmp(text, "jetbase_runs", len) == 0;
}

/* A token belongs to the statement. */
static void take(struct scanner *s, enum scan_kind kind)
{
    uint64_t end = s->w.base + s->w.pos;
    struct scan_token *t = &s->tokens[s->count < SCAN_TOKENS ? s->count : SCAN_TOKENS + (s->count & 1)];
    t->kind = kind;
    t->off = (size_t)(s->token.offset - s->at.offset);
    t->len = (size_t)(end - s->token.offset);
    bool client = kind == TOK_BACKSLASH || (s->dialect == SCAN_SQLITE && s->count == 0 && scanner_is_char(s, t, '.'));
    if (client && !s->client) {
        s->client = true;
        s->why = s->token;
    } else if (((kind == TOK_WORD && t->len == OWN_NAME_BYTES) || kind == TOK_QUOTED) && !s->client && !s->own_table && own_name(s, t)) {
        s->own_table = true;
        s->why = s->token;
    }
    if (s->dialect == SCAN_POSTGRES)
        scanner_pg_track(s, t);
    else if (s->trigger != TRIGGER_NONE || kind == TOK_PUNCT)
        scanner_sqlite_track(s, t);
    s->last = t;
    s->count++;
    s->raw_len = (size_t)(end - s->at.offset);
}

bool scanner_escaped_colon(const char *text, size_t len)
{
    size_t next = 2;
    if (len < 2 || text[0] != '\\' || text[1] != ':')
        return false;
    while (next < len && scan_word_byte((unsigned char)text[next]))
        next++;
    return next == len || text[next] != ':';
}

/* Takes the backslashes out of `\:word`, in place: the window is past these bytes. True where there was one. */
static bool unescape_colons(char *text, size_t *len)
{
    char *end = text + *len, *from = memchr(text, '\\', *len), *to = from;
    if (!from)
        return false;
    while (from < end) {
        from += scanner_escaped_colon(from, (size_t)(end - from));
        *to++ = *from++;
    }
    bool some = to < end;
    *len = (size_t)(to - text);
    return some;
}

static enum scan_answer hand_out(struct scanner *s, struct scan_statement *out)
{
    char *text = s->w.buf + s->w.hold;
    out->offset = s->at.offset;
    window_place_to(&s->w, &s->at, &out->at);
    out->len = s->raw_len;
    out->isolation = ISOLATION_DEFAULT;
    out->deferrable = out->read_only = false;
    out->pragma = PRAGMA_OTHER;
    scanner_classify(s, out);
    out->unescaped_colon = unescape_colons(text, &out->len);
    s->covered = text[out->len];
    text[out->len] = '\0';
    out->text = text;
    s->sent_len = out->len;
    s->finished = true;
    return SCAN_STATEMENT;
}

/* The statement that was handed out is done with. */
static void pass_statement(struct scanner *s)
{
    if (!s->finished)
        return;
    s->w.buf[s->w.hold + s->sent_len] = s->covered;
    if (s->dialect == SCAN_POSTGRES)
        scanner_pg_sent(s);
    forget_statement(s);
    s->finished = false;
}

void scanner_drop_text(struct scanner *scanner)
{
    pass_statement(scanner);
    window_shrink(&scanner->w);
}

enum scan_answer scanner_next(struct scanner *scanner, struct scan_statement *out, struct error *err)
{
    struct scanner *s = scanner;
    pass_statement(s);
    for (;;) {
        enum scan_kind kind = s->dialect == SCAN_POSTGRES ? scanner_pg_lex(s) : scanner_sqlite_lex(s);
        if (s->w.failed) {
            *err = s->w.fault;
            return SCAN_ERROR;
        }
        bool ends = kind == TOK_END || kind == TOK_DELIMITER;
        if (kind == TOK_PUNCT && s->w.before == ';')
            ends = s->dialect == SCAN_POSTGRES ? scanner_pg_ends(s) : scanner_sqlite_ends(s);
        if (!ends)
            take(s, kind);
        else if (s->count > 0)
            return hand_out(s, out);
        else if (kind == TOK_END)
            return SCAN_END;
        else
            forget_statement(s);
    }
}
