/* toml.c: a small strict reader of TOML files, for single values. */
#include "toml.h"

#include <string.h>

#include "config_place.h"
#include "text.h"
#include "toml_word.h"
#include "utf8.h"

#define DEPTH_LIMIT 64

struct parser {
    const char *at, *end, *begin;
    unsigned line;
    const char *file;
    toml_fn fn;
    void *user;
    struct error *err;
    int depth;
    bool quiet;           /* inside an array: values have no path of their own */
    struct text table;    /* path of the table that keys now belong to, with its final dot */
};

static bool fail(struct parser *p, const char *message)
{
    error_set(p->err, ERR_CONFIG, "%s", message);
    config_place(p->err, p->file, p->begin, (size_t)(p->end - p->begin), (size_t)(p->at - p->begin));
    return false;
}

/* The same, for a fault whose place is not the one reached. */
static bool fail_at(struct parser *p, const char *at, const char *message)
{
    p->at = at;
    return fail(p, message);
}

static bool no_memory(struct parser *p)
{
    return error_set(p->err, ERR_NO_MEMORY, "Memory ran out reading %s.", p->file);
}

static bool looking_at(const struct parser *p, const char *word)
{
    size_t len = strlen(word);
    return (size_t)(p->end - p->at) >= len && memcmp(p->at, word, len) == 0;
}

static void skip_blanks(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t'))
        p->at++;
}

/* Passes a line end, if one is here. */
static bool take_newline(struct parser *p)
{
    if (!looking_at(p, "\n") && !looking_at(p, "\r\n"))
        return false;
    p->at += *p->at == '\r' ? 2 : 1;
    p->line++;
    return true;
}

static bool skip_comment(struct parser *p)
{
    if (p->at == p->end || *p->at != '#')
        return true;
    for (; p->at < p->end && *p->at != '\n' && !looking_at(p, "\r\n"); p->at++)
        if (((unsigned char)*p->at < 0x20 && *p->at != '\t') || *p->at == 0x7F)
            return fail(p, "A control character in a comment");
    return true;
}

/* Blanks, comments and line ends, as they may stand inside an array. */
static bool skip_lines(struct parser *p)
{
    do {
        skip_blanks(p);
        if (!skip_comment(p))
            return false;
    } while (take_newline(p));
    return true;
}

static bool end_of_statement(struct parser *p)
{
    skip_blanks(p);
    if (!skip_comment(p))
        return false;
    if (p->at == p->end || take_newline(p))
        return true;
    return fail(p, "Expected newline or end of document after a statement");
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The digits of \u and \U. */
static bool read_code(struct parser *p, int digits, struct text *out)
{
    unsigned long code = 0;
    for (int i = 0; i < digits; i++, p->at++) {
        int value = p->at < p->end ? hex_value(*p->at) : -1;
        if (value < 0)
            return fail(p, "Invalid hex value");
        code = code * 16 + (unsigned)value;
    }
    char bytes[4];
    size_t len = utf8_put(bytes, code);
    if (len == 0 || code == 0)
        return fail(p, "Escaped character is not a Unicode scalar value, or NUL");
    text_add(out, bytes, len);
    return true;
}

static bool read_escape(struct parser *p, struct text *out)
{
    static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
    p->at++;
    if (p->at == p->end)
        return fail(p, "Unterminated string");
    char c = *p->at;
    const char *found = c == '\0' ? NULL : strchr(from, c);
    if (found != NULL) {
        p->at++;
        text_add(out, &to[found - from], 1);
        return true;
    }
    if (c != 'u' && c != 'U')
        return fail(p, "Unescaped '\\' in a string");
    p->at++;
    return read_code(p, c == 'u' ? 4 : 8, out);
}

/* A string on one line, at its opening quote. */
static bool read_string(struct parser *p, struct text *out)
{
    char quote = *p->at++;
    while (p->at < p->end && *p->at != quote) {
        if (*p->at == '\\' && quote == '"') {
            if (!read_escape(p, out))
                return false;
            continue;
        }
        if (((unsigned char)*p->at < 0x20 && *p->at != '\t') || *p->at == 0x7F)
            return fail(p, *p->at == '\n' || *p->at == '\r' ? "Unterminated string" : "A control character in a string");
        text_add(out, p->at++, 1);
    }
    if (p->at == p->end)
        return fail(p, "Unterminated string");
    p->at++;
    return !out->failed || no_memory(p);
}

/* A backslash at the end of a line takes the line end and all blanks behind it away. False: this is none. */
static bool skip_joint(struct parser *p)
{
    const char *at = p->at + 1;
    while (at < p->end && (*at == ' ' || *at == '\t'))
        at++;
    if (at == p->end || (*at != '\n' && *at != '\r'))
        return false;
    p->at = at;
    do
        skip_blanks(p);
    while (take_newline(p));
    return true;
}

/* One character of a string in triple quotes. */
static bool read_multiline_char(struct parser *p, char quote, struct text *out)
{
    unsigned line = p->line;
    if (*p->at == '\\' && quote == '"')
        return skip_joint(p) || read_escape(p, out);
    if (take_newline(p)) {
        text_add(out, "\n", p->line - line);
        return true;
    }
    if (((unsigned char)*p->at < 0x20 && *p->at != '\t') || *p->at == 0x7F)
        return false;
    text_add(out, p->at++, 1);
    return true;
}

/* A string in triple quotes. What is wrong in it is placed at its begin: its lines may be secret. */
static bool read_multiline(struct parser *p, struct text *out)
{
    char quote = *p->at;
    const char *mark = quote == '"' ? "\"\"\"" : "'''", *open = p->at;
    p->at += 3;
    take_newline(p); /* the first one is no part of it */
    while (p->at < p->end && !looking_at(p, mark))
        if (!read_multiline_char(p, quote, out))
            return fail_at(p, open, "The string that begins here holds a bad escape or a control character");
    if (!looking_at(p, mark))
        return fail_at(p, open, "Unterminated string");
    p->at += 3;
    for (int extra = 0; extra < 2 && p->at < p->end && *p->at == quote; extra++)
        text_add(out, p->at++, 1); /* up to two quotes may stand before the closing three */
    return !out->failed || no_memory(p);
}

static bool is_bare(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* One part of a key. Parts that are not bare are put in quotes, so that no path means two things. */
static bool read_part(struct parser *p, struct text *path)
{
    struct text part = {0};
    bool ok = true, string = looking_at(p, "\"") || looking_at(p, "'");
    if (string)
        ok = read_string(p, &part);
    else
        while (p->at < p->end && is_bare(*p->at))
            text_add(&part, p->at++, 1);
    bool quoted = part.len == 0;
    for (size_t i = 0; i < part.len; i++)
        quoted = quoted || !is_bare(part.at[i]);
    if (ok && part.len == 0 && !string)
        ok = fail(p, "Invalid initial character for a key part");
    if (ok)
        text_printf(path, quoted ? "\"%s\"" : "%s", text_string(&part));
    ok = ok && (!(part.failed || path->failed) || no_memory(p));
    text_free(&part);
    return ok;
}

static bool read_key(struct parser *p, struct text *path)
{
    for (;;) {
        skip_blanks(p);
        if (!read_part(p, path))
            return false;
        skip_blanks(p);
        if (p->at == p->end || *p->at != '.')
            return true;
        p->at++;
        text_puts(path, ".");
    }
}

static bool emit(struct parser *p, const struct text *path, enum setting_kind kind, const char *text, unsigned line, const char *at)
{
    if (p->quiet)
        return true;
    struct setting value = {0};
    bool ok = setting_put(&value, kind, text, kind == SETTING_BOOL && strcmp(text, "true") == 0, line) || no_memory(p);
    value.at = (size_t)(at - p->begin);
    ok = ok && p->fn(p->user, text_string(path), &value, p->err);
    setting_free(&value);
    return ok;
}

static bool read_value(struct parser *p, struct text *path);

static bool read_array(struct parser *p, struct text *path)
{
    bool quiet = p->quiet;
    p->quiet = true;
    p->at++;
    for (;;) {
        if (!skip_lines(p))
            return false;
        if (looking_at(p, "]"))
            break;
        if (!read_value(p, path) || !skip_lines(p))
            return false;
        if (looking_at(p, "]"))
            break;
        if (!looking_at(p, ","))
            return fail(p, "Unclosed array");
        p->at++;
    }
    p->at++;
    p->quiet = quiet;
    return true;
}

/* `key = value`, under the path so far. */
static bool read_pair(struct parser *p, struct text *path)
{
    size_t len = path->len;
    if (!read_key(p, path))
        return false;
    if (!looking_at(p, "="))
        return fail(p, "Expected '=' after a key in a key/value pair");
    p->at++;
    skip_blanks(p);
    if (!read_value(p, path))
        return false;
    path->len = len;
    path->at[len] = '\0';
    return true;
}

static bool read_inline_table(struct parser *p, struct text *path)
{
    size_t len = path->len;
    text_puts(path, ".");
    p->at++;
    skip_blanks(p);
    bool first = true;
    while (!looking_at(p, "}")) {
        if (!first) {
            if (!looking_at(p, ","))
                return fail(p, "Unclosed inline table");
            p->at++;
        }
        first = false;
        if (!read_pair(p, path))
            return false;
        skip_blanks(p);
    }
    p->at++;
    path->len = len;
    path->at[len] = '\0';
    return true;
}

/* Numbers, dates, true and false. */
static bool read_word(struct parser *p, struct text *path)
{
    const char *start = p->at, *s = start;
    while (s < p->end && (is_bare(*s) || *s == '+' || *s == '.' || *s == ':'))
        s++;
    if (s - start == 10 && toml_is_date(start, 10) && p->end - s > 1 && s[0] == ' ' && s[1] >= '0' && s[1] <= '9')
        for (s++; s < p->end && (is_bare(*s) || *s == '+' || *s == '.' || *s == ':');)
            s++;
    char word[64] = "";
    const char *type;
    size_t len = (size_t)(s - start);
    if (len < sizeof word)
        memcpy(word, start, len);
    enum setting_kind kind = toml_word(word, &type);
    if (kind == SETTING_ABSENT)
        return fail(p, "Invalid value");
    p->at = s;
    return emit(p, path, kind, kind == SETTING_OTHER ? type : word, p->line, start);
}

static bool read_text(struct parser *p, struct text *path)
{
    unsigned line = p->line;
    const char *at = p->at;
    bool multiline = looking_at(p, "\"\"\"") || looking_at(p, "'''");
    struct text value = {0};
    bool ok = (multiline ? read_multiline(p, &value) : read_string(p, &value)) && emit(p, path, SETTING_TEXT, text_string(&value), line, at);
    if (value.at != NULL)
        explicit_bzero(value.at, value.len);
    text_free(&value);
    return ok;
}

static bool read_value(struct parser *p, struct text *path)
{
    if (p->at == p->end)
        return fail(p, "Invalid value");
    if (*p->at == '"' || *p->at == '\'')
        return read_text(p, path);
    if (*p->at != '[' && *p->at != '{')
        return read_word(p, path);
    if (++p->depth > DEPTH_LIMIT)
        return fail(p, "Values are nested too deep");
    bool array = *p->at == '[';
    bool ok = emit(p, path, SETTING_OTHER, array ? "list" : "dict", p->line, p->at) && (array ? read_array(p, path) : read_inline_table(p, path));
    p->depth--;
    return ok;
}

/* `[table]` or `[[array of tables]]`. */
static bool read_header(struct parser *p)
{
    bool array = looking_at(p, "[[");
    const char *open = p->at;
    p->at += array ? 2 : 1;
    text_reset(&p->table);
    if (!read_key(p, &p->table))
        return false;
    if (!looking_at(p, array ? "]]" : "]"))
        return fail(p, array ? "Expected ']]' at the end of an array declaration" : "Expected ']' at the end of a table declaration");
    p->at += array ? 2 : 1;
    if (!emit(p, &p->table, SETTING_OTHER, array ? "list" : "dict", p->line, open))
        return false;
    text_puts(&p->table, array ? "[]." : ".");
    return !p->table.failed || no_memory(p);
}

bool toml_read(const char *text, size_t len, const char *file, toml_fn fn, void *user, struct error *err)
{
    struct parser p = {.at = text, .end = text + len, .begin = text, .line = 1, .file = file, .fn = fn, .user = user, .err = err};
    text_puts(&p.table, "");
    bool ok = !looking_at(&p, "\xEF\xBB\xBF") || fail(&p, "The file begins with a byte order mark, which TOML does not know");
    while (ok) {
        skip_blanks(&p);
        if (p.at == p.end)
            break;
        if (*p.at == '#' || looking_at(&p, "\n") || looking_at(&p, "\r\n"))
            ok = end_of_statement(&p);
        else
            ok = (*p.at == '[' ? read_header(&p) : read_pair(&p, &p.table)) && end_of_statement(&p);
    }
    text_free(&p.table);
    return ok;
}
