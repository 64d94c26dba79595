/* config_place.c: shows the place of a fault in a file of configuration, without what may be a password. */
#include "config_place.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "db.h"
#include "envpy_private.h"
#include "text.h"

#define MASK "***"

/* Reads a text from its begin, so that it is known at each byte whether a string is open. */
struct masker {
    const char *text;
    size_t at, end;
    size_t caret;        /* byte of the fault */
    size_t caret_chars;  /* where it stands in `out` */
    char quote;          /* the string that is open, 0 for none */
    bool triple, fields, comment, masked;
    bool seen;           /* the caret's place is known */
    struct text *out;    /* NULL before the line that is shown */
};

static void put(struct masker *m, const char *bytes, size_t len)
{
    if (m->out != NULL)
        text_add(m->out, bytes, len);
}

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

/* The caret stands before what comes next. */
static void mark(struct masker *m)
{
    if (m->out == NULL || m->seen || m->at < m->caret)
        return;
    m->seen = true;
    m->caret_chars = text_chars(text_string(m->out), m->out->len);
}

/* What is not shown stands as one mask, however long it is. */
static void hide(struct masker *m, size_t len)
{
    mark(m);
    if (!m->masked)
        put(m, MASK, strlen(MASK));
    m->masked = true;
    for (; len > 0 && m->at < m->end; len--, m->at++)
        mark(m);
}

static void show(struct masker *m, size_t len)
{
    mark(m);
    m->masked = false;
    put(m, m->text + m->at, len);
    m->at += len;
}

static bool closes(const struct masker *m)
{
    const char *at = m->text + m->at;
    return *at == m->quote && (!m->triple || (m->end - m->at >= 3 && at[1] == *at && at[2] == *at));
}

/* The length of a field `{…}` of an f-string, which may hold strings in the same quotes; 0: none begins here. */
static size_t field_length(const struct masker *m)
{
    const char *at = m->text + m->at, *end = at;
    if (!m->fields || *at != '{')
        return 0;
    while (end < m->text + m->end && (m->triple || !is_line_end(*end)))
        end++;
    end = envpy_field_end(at + 1, end);
    return end != NULL ? (size_t)(end + 1 - at) : 0;
}

static void step_string(struct masker *m)
{
    size_t field = field_length(m);
    if (field > 0) {
        hide(m, field);
    } else if (closes(m)) {
        show(m, m->triple ? 3 : 1);
        m->quote = '\0';
    } else {
        hide(m, m->text[m->at] == '\\' ? 2 : 1);
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* How much from here on may hold a URL's user and password: the word with its `@`, the line from a word with `://` on. 0: nothing. */
static size_t secret_word(const struct masker *m)
{
    const char *at = m->text + m->at, *end = m->text + m->end, *stop = at;
    bool secret = false;
    for (; stop < end && !is_blank(*stop) && strchr("\"'#\n\r", *stop) == NULL; stop++) {
        if (end - stop >= 3 && memcmp(stop, "://", 3) == 0) {
            while (stop < end && !is_line_end(*stop))
                stop++;
            return (size_t)(stop - at);
        }
        secret = secret || (stop > at && *stop == '@');
    }
    return secret ? (size_t)(stop - at) : 0;
}

static bool begins_word(const struct masker *m)
{
    return m->at == 0 || is_blank(m->text[m->at - 1]) || strchr("\"'\n\r", m->text[m->at - 1]) != NULL;
}

/* Whether the quote here has a prefix with `f`: a word of one or two letters. */
static bool is_f_string(const struct masker *m)
{
    size_t n = 0;
    bool f = false;
    for (; n < m->at && (isalnum((unsigned char)m->text[m->at - n - 1]) || m->text[m->at - n - 1] == '_'); n++)
        f = f || (m->text[m->at - n - 1] | 0x20) == 'f';
    return f && n <= 2;
}

static void step(struct masker *m)
{
    char c = m->text[m->at];
    size_t secret;
    if (m->comment) {
        mark(m);
        m->at++;
    } else if (m->quote != '\0') {
        step_string(m);
    } else if (c == '"' || c == '\'') {
        m->quote = c;
        m->fields = is_f_string(m);
        m->triple = m->end - m->at >= 3 && m->text[m->at + 1] == c && m->text[m->at + 2] == c;
        show(m, m->triple ? 3 : 1);
    } else if (begins_word(m) && (secret = secret_word(m)) > 0) {
        hide(m, secret);
    } else {
        m->comment = c == '#';
        show(m, 1);
    }
}

/* A line end closes comments and plain strings, but for one behind a backslash. */
static void step_line(struct masker *m)
{
    size_t before = m->at > 0 && m->text[m->at] == '\n' && m->text[m->at - 1] == '\r' ? m->at - 1 : m->at;
    bool joined = before > 0 && m->text[before - 1] == '\\';
    m->comment = false;
    m->masked = false;
    if (!m->triple && !joined)
        m->quote = '\0';
    m->at++;
}

/* A key whose value is nobody's business: where the line has one, the offset of its value, else `end`. */
static size_t secret_value(const char *text, size_t begin, size_t end)
{
    static const char *const words[] = {"pass", "pwd", "secret", "token", "credential"};
    const char *equals = memchr(text + begin, '=', end - begin);
    if (equals == NULL)
        return end;
    for (size_t w = 0; w < sizeof words / sizeof *words; w++)
        for (const char *at = text + begin; at + strlen(words[w]) <= equals; at++)
            if (strncasecmp(at, words[w], strlen(words[w])) == 0)
                return (size_t)(equals + 1 - text);
    return end;
}

static void show_line(struct masker *m, size_t end)
{
    size_t secret = m->at < end ? secret_value(m->text, m->at, end) : end;
    while (m->at < end) {
        if (m->at >= secret && m->quote == '\0' && !is_blank(m->text[m->at]) && strchr("\"'#", m->text[m->at]) == NULL)
            hide(m, 1);
        else
            step(m);
    }
    if (!m->seen)
        m->caret_chars = text_chars(text_string(m->out), m->out->len);
}

void config_place(struct error *err, const char *file, const char *text, size_t len, size_t at)
{
    struct text line = {0};
    struct masker m = {.text = text, .end = len, .caret = at < len ? at : len};
    size_t begin = m.caret, end = m.caret;
    if (err == NULL)
        return;
    while (begin > 0 && !is_line_end(text[begin - 1]))
        begin--;
    while (end < len && !is_line_end(text[end]))
        end++;
    text_copy(err->place.file, sizeof err->place.file, file);
    err->place.line = 1;
    for (size_t i = 0; i < begin; i++)
        err->place.line += text[i] == '\r' || (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'));
    err->place.column = (unsigned)text_chars(text + begin, m.caret - begin) + 1;
    while (m.at < begin) {
        if (is_line_end(text[m.at]))
            step_line(&m);
        else
            step(&m);
    }
    m.out = &line;
    m.end = end;
    m.masked = m.at > begin; /* a string from above reaches into the line */
    if (m.masked)
        text_puts(&line, MASK);
    show_line(&m, end);
    if (!line.failed && line.len > 0)
        place_show(err, text_string(&line), line.len, m.caret_chars);
    text_free(&line);
}
