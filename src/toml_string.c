/* toml_string.c: where the TOML reader stands, and the strings that it reads. */
#include <string.h>

#include "config_place.h"
#include "toml_private.h"
#include "utf8.h"

bool parser_fail(struct parser *p, const char *message)
{
    error_set(p->err, ERR_CONFIG, "%s", message);
    config_place(p->err, p->file, p->begin, (size_t)(p->end - p->begin), (size_t)(p->at - p->begin));
    return false;
}

bool parser_fail_at(struct parser *p, const char *at, const char *message)
{
    p->at = at;
    return parser_fail(p, message);
}

bool parser_no_memory(struct parser *p)
{
    return error_set(p->err, ERR_NO_MEMORY, "Memory ran out reading %s.", p->file);
}

bool parser_sees(const struct parser *p, const char *word)
{
    size_t len = strlen(word);
    return (size_t)(p->end - p->at) >= len && memcmp(p->at, word, len) == 0;
}

void parser_skip_blanks(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t'))
        p->at++;
}

bool parser_take_newline(struct parser *p)
{
    if (!parser_sees(p, "\n") && !parser_sees(p, "\r\n"))
        return false;
    p->at += *p->at == '\r' ? 2 : 1;
    p->line++;
    return true;
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
            return parser_fail(p, "Invalid hex value");
        code = code * 16 + (unsigned)value;
    }
    char bytes[4];
    size_t len = utf8_put(bytes, code);
    if (len == 0 || code == 0)
        return parser_fail(p, "Escaped character is not a Unicode scalar value, or NUL");
    text_add(out, bytes, len);
    return true;
}

static bool read_escape(struct parser *p, struct text *out)
{
    static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
    p->at++;
    if (p->at == p->end)
        return parser_fail(p, "Unterminated string");
    char c = *p->at;
    const char *found = c == '\0' ? NULL : strchr(from, c);
    if (found != NULL) {
        p->at++;
        text_add(out, &to[found - from], 1);
        return true;
    }
    if (c != 'u' && c != 'U')
        return parser_fail(p, "Unescaped '\\' in a string");
    p->at++;
    return read_code(p, c == 'u' ? 4 : 8, out);
}

bool parser_string(struct parser *p, struct text *out)
{
    char quote = *p->at++;
    while (p->at < p->end && *p->at != quote) {
        if (*p->at == '\\' && quote == '"') {
            if (!read_escape(p, out))
                return false;
            continue;
        }
        if (((unsigned char)*p->at < 0x20 && *p->at != '\t') || *p->at == 0x7F)
            return parser_fail(p, *p->at == '\n' || *p->at == '\r' ? "Unterminated string" : "A control character in a string");
        text_add(out, p->at++, 1);
    }
    if (p->at == p->end)
        return parser_fail(p, "Unterminated string");
    p->at++;
    return !out->failed || parser_no_memory(p);
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
        parser_skip_blanks(p);
    while (parser_take_newline(p));
    return true;
}

/* One character of a string in triple quotes. */
static bool read_multiline_char(struct parser *p, char quote, struct text *out)
{
    unsigned line = p->line;
    if (*p->at == '\\' && quote == '"')
        return skip_joint(p) || read_escape(p, out);
    if (parser_take_newline(p)) {
        text_add(out, "\n", p->line - line);
        return true;
    }
    if (((unsigned char)*p->at < 0x20 && *p->at != '\t') || *p->at == 0x7F)
        return false;
    text_add(out, p->at++, 1);
    return true;
}

bool parser_multiline(struct parser *p, struct text *out)
{
    char quote = *p->at;
    const char *mark = quote == '"' ? "\"\"\"" : "'''", *open = p->at;
    p->at += 3;
    parser_take_newline(p); /* the first one is no part of it */
    while (p->at < p->end && !parser_sees(p, mark))
        if (!read_multiline_char(p, quote, out))
            return parser_fail_at(p, open, "The string that begins here holds a bad escape or a control character");
    if (!parser_sees(p, mark))
        return parser_fail_at(p, open, "Unterminated string");
    p->at += 3;
    for (int extra = 0; extra < 2 && p->at < p->end && *p->at == quote; extra++)
        text_add(out, p->at++, 1); /* up to two quotes may stand before the closing three */
    return !out->failed || parser_no_memory(p);
}
