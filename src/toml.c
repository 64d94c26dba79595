/* toml.c: a small strict reader of TOML files, for single values. */
#include "toml.h"

#include <string.h>

#include "toml_private.h"
#include "toml_word.h"

#define DEPTH_LIMIT 64

static bool skip_comment(struct parser *p)
{
    if (p->at == p->end || *p->at != '#')
        return true;
    for (; p->at < p->end && *p->at != '\n' && !parser_sees(p, "\r\n"); p->at++)
        if (((unsigned char)*p->at < 0x20 && *p->at != '\t') || *p->at == 0x7F)
            return parser_fail(p, "A control character in a comment");
    return true;
}

/* Blanks, comments and line ends, as they may stand inside an array. */
static bool skip_lines(struct parser *p)
{
    do {
        parser_skip_blanks(p);
        if (!skip_comment(p))
            return false;
    } while (parser_take_newline(p));
    return true;
}

static bool end_of_statement(struct parser *p)
{
    parser_skip_blanks(p);
    if (!skip_comment(p))
        return false;
    if (p->at == p->end || parser_take_newline(p))
        return true;
    return parser_fail(p, "Expected newline or end of document after a statement");
}

static bool is_bare(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* One part of a key. Parts that are not bare are put in quotes, so that no path means two things. */
static bool read_part(struct parser *p, struct text *path)
{
    struct text part = {0};
    bool ok = true, string = parser_sees(p, "\"") || parser_sees(p, "'");
    if (string)
        ok = parser_string(p, &part);
    else
        while (p->at < p->end && is_bare(*p->at))
            text_add(&part, p->at++, 1);
    bool quoted = part.len == 0;
    for (size_t i = 0; i < part.len; i++)
        quoted = quoted || !is_bare(part.at[i]);
    ok = ok && (!part.failed || parser_no_memory(p));
    if (ok && part.len == 0 && !string)
        ok = parser_fail(p, "Invalid initial character for a key part");
    if (ok)
        text_printf(path, quoted ? "\"%s\"" : "%s", text_string(&part));
    ok = ok && (!path->failed || parser_no_memory(p));
    text_free(&part);
    return ok;
}

static bool read_key(struct parser *p, struct text *path)
{
    for (;;) {
        parser_skip_blanks(p);
        if (!read_part(p, path))
            return false;
        parser_skip_blanks(p);
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
    bool ok = setting_put(&value, kind, text, kind == SETTING_BOOL && strcmp(text, "true") == 0, line) || parser_no_memory(p);
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
        if (parser_sees(p, "]"))
            break;
        if (!read_value(p, path) || !skip_lines(p))
            return false;
        if (parser_sees(p, "]"))
            break;
        if (!parser_sees(p, ","))
            return parser_fail(p, "Unclosed array");
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
    if (!parser_sees(p, "="))
        return parser_fail(p, "Expected '=' after a key in a key/value pair");
    p->at++;
    parser_skip_blanks(p);
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
    parser_skip_blanks(p);
    bool first = true;
    while (!parser_sees(p, "}")) {
        if (!first) {
            if (!parser_sees(p, ","))
                return parser_fail(p, "Unclosed inline table");
            p->at++;
        }
        first = false;
        if (!read_pair(p, path))
            return false;
        parser_skip_blanks(p);
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
        return parser_fail(p, "Invalid value");
    p->at = s;
    return emit(p, path, kind, kind == SETTING_OTHER ? type : word, p->line, start);
}

static bool read_text(struct parser *p, struct text *path)
{
    unsigned line = p->line;
    const char *at = p->at;
    bool multiline = parser_sees(p, "\"\"\"") || parser_sees(p, "'''");
    struct text value = {0};
    bool ok = (multiline ? parser_multiline(p, &value) : parser_string(p, &value)) && emit(p, path, SETTING_TEXT, text_string(&value), line, at);
    if (value.at != NULL)
        explicit_bzero(value.at, value.len);
    text_free(&value);
    return ok;
}

static bool read_value(struct parser *p, struct text *path)
{
    if (p->at == p->end)
        return parser_fail(p, "Invalid value");
    if (*p->at == '"' || *p->at == '\'')
        return read_text(p, path);
    if (*p->at != '[' && *p->at != '{')
        return read_word(p, path);
    if (++p->depth > DEPTH_LIMIT)
        return parser_fail(p, "Values are nested too deep");
    bool array = *p->at == '[';
    bool ok = emit(p, path, SETTING_OTHER, array ? "list" : "dict", p->line, p->at) && (array ? read_array(p, path) : read_inline_table(p, path));
    p->depth--;
    return ok;
}

/* `[table]` or `[[array of tables]]`. */
static bool read_header(struct parser *p)
{
    bool array = parser_sees(p, "[[");
    const char *open = p->at;
    p->at += array ? 2 : 1;
    text_reset(&p->table);
    if (!read_key(p, &p->table))
        return false;
    if (!parser_sees(p, array ? "]]" : "]"))
        return parser_fail(p, array ? "Expected ']]' at the end of an array declaration" : "Expected ']' at the end of a table declaration");
    p->at += array ? 2 : 1;
    if (!emit(p, &p->table, SETTING_OTHER, array ? "list" : "dict", p->line, open))
        return false;
    text_puts(&p->table, array ? "[]." : ".");
    return !p->table.failed || parser_no_memory(p);
}

bool toml_read(const char *text, size_t len, const char *file, toml_fn fn, void *user, struct error *err)
{
    struct parser p = {.at = text, .end = text + len, .begin = text, .line = 1, .file = file, .fn = fn, .user = user, .err = err};
    text_puts(&p.table, "");
    bool ok = !parser_sees(&p, "\xEF\xBB\xBF") || parser_fail(&p, "The file begins with a byte order mark, which TOML does not know");
    while (ok) {
        parser_skip_blanks(&p);
        if (p.at == p.end)
            break;
        if (*p.at == '#' || parser_sees(&p, "\n") || parser_sees(&p, "\r\n"))
            ok = end_of_statement(&p);
        else
            ok = (*p.at == '[' ? read_header(&p) : read_pair(&p, &p.table)) && end_of_statement(&p);
    }
    text_free(&p.table);
    return ok;
}
