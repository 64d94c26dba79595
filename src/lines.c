/* lines.c: Jetbase's line rules: blanks, comments, the rollback marker, directives. */
#include "lines.h"

#include <stdint.h>
#include <string.h>

size_t line_blank(const char *s, size_t len)
{
    if (len == 0)
        return 0;
    const unsigned char *u = (const unsigned char *)s;
    if (u[0] == ' ' || (u[0] >= 0x09 && u[0] <= 0x0D) || (u[0] >= 0x1C && u[0] <= 0x1F))
        return 1;
    if (len >= 2 && u[0] == 0xC2 && (u[1] == 0x85 || u[1] == 0xA0))
        return 2;
    if (len < 3)
        return 0;
    bool blank = (u[0] == 0xE1 && u[1] == 0x9A && u[2] == 0x80) ||
                 (u[0] == 0xE2 && u[1] == 0x80 && ((u[2] >= 0x80 && u[2] <= 0x8A) || u[2] == 0xA8 || u[2] == 0xA9 || u[2] == 0xAF)) ||
                 (u[0] == 0xE2 && u[1] == 0x81 && u[2] == 0x9F) ||
                 (u[0] == 0xE3 && u[1] == 0x80 && u[2] == 0x80);
    return blank ? 3 : 0;
}

/* The high bit of each byte of `eight` that is zero; above the lowest of them it may name others too. */
static uint64_t zero_bytes(uint64_t eight)
{
    return (eight - UINT64_C(0x0101010101010101)) & ~eight & UINT64_C(0x8080808080808080);
}

size_t line_length(const char *s, size_t len)
{
    size_t n = 0;
    uint64_t eight;
    for (; n + sizeof eight <= len; n += sizeof eight) {
        memcpy(&eight, s + n, sizeof eight);
        if (zero_bytes(eight ^ UINT64_C(0x0a0a0a0a0a0a0a0a)) | zero_bytes(eight ^ UINT64_C(0x0d0d0d0d0d0d0d0d)))
            break;
    }
    while (n < len && s[n] != '\n' && s[n] != '\r')
        n++;
    return n;
}

/* The length of the blank that ends at s + len, or 0. */
static size_t blank_before(const char *s, size_t len)
{
    for (size_t n = 1; n <= 3 && n <= len; n++) {
        if (line_blank(s + len - n, n) == n)
            return n;
        if (((unsigned char)s[len - n] & 0xC0) != 0x80)
            break;
    }
    return 0;
}

size_t line_rstrip(const char *at, size_t len)
{
    size_t n;
    while ((n = blank_before(at, len)) > 0)
        len -= n;
    return len;
}

void line_strip(const char **at, size_t *len)
{
    size_t n;
    while ((n = line_blank(*at, *len)) > 0) {
        *at += n;
        *len -= n;
    }
    *len = line_rstrip(*at, *len);
}

bool line_is_comment(const char *at, size_t len)
{
    return len >= 2 && at[0] == '-' && at[1] == '-';
}

/* The bytes that stand for the ASCII letter `want` at s: 1, or more for the characters that Python folds to it; 0 where it is another one. regex: `re.IGNORECASE`, which folds more than lower(). */
static size_t fold_letter(const char *s, size_t len, char want, bool regex)
{
    if (len == 0)
        return 0;
    char c = s[0];
    if (c >= 'A' && c <= 'Z')
        c = (char)(c - 'A' + 'a');
    if (c == want)
        return 1;
    if (want == 'k' && len >= 3 && memcmp(s, "\xE2\x84\xAA", 3) == 0)
        return 3;
    if (!regex || len < 2)
        return 0;
    if (want == 's' && memcmp(s, "\xC5\xBF", 2) == 0)
        return 2;
    if (want == 'i' && (memcmp(s, "\xC4\xB0", 2) == 0 || memcmp(s, "\xC4\xB1", 2) == 0))
        return 2;
    return 0;
}

/* Length of `word` (lower case) at s, or 0. */
static size_t fold_word(const char *s, size_t len, const char *word, bool regex)
{
    size_t i = 0;
    for (; *word != '\0'; word++) {
        size_t n = fold_letter(s + i, len - i, *word, regex);
        if (n == 0)
            return 0;
        i += n;
    }
    return i;
}

static size_t skip_blanks(const char *s, size_t len)
{
    size_t i = 0, n;
    while ((n = line_blank(s + i, len - i)) > 0)
        i += n;
    return i;
}

/* Blanks that do not end the line. */
static size_t skip_inner(const char *s, size_t len)
{
    size_t i = 0, n;
    while (i < len && s[i] != '\n' && s[i] != '\r' && (n = line_blank(s + i, len - i)) > 0)
        i += n;
    return i;
}

/* True where the bytes at s may still become a blank or a folded letter once more of them are there. */
static bool cut_char(const char *s, size_t len)
{
    return len == 0 || (len < 3 && (unsigned char)s[0] >= 0x80);
}

enum line_marker line_marker(const char *s, size_t len, bool at_end)
{
    static const char letters[] = "rollback";
    size_t i = skip_inner(s, len);

    for (int dash = 0; dash < 2; dash++, i++) {
        if (!at_end && cut_char(s + i, len - i))
            return LINE_CUT;
        if (i >= len || s[i] != '-')
            return LINE_OTHER;
    }
    i += skip_inner(s + i, len - i);
    for (size_t k = 0; letters[k] != '\0'; k++) {
        size_t n = fold_letter(s + i, len - i, letters[k], false);
        if (n == 0)
            return !at_end && cut_char(s + i, len - i) ? LINE_CUT : LINE_OTHER;
        i += n;
    }
    i += skip_inner(s + i, len - i);
    if (i == len)
        return at_end ? LINE_MARKER : LINE_CUT;
    if (s[i] == '\n' || s[i] == '\r')
        return LINE_MARKER;
    return !at_end && cut_char(s + i, len - i) ? LINE_CUT : LINE_OTHER;
}

/* Skips `--`, blanks, `jetbase:`, blanks. 0: the line is no directive. */
static size_t directive_head(const char *at, size_t len)
{
    if (!line_is_comment(at, len))
        return 0;
    size_t i = 2 + skip_blanks(at + 2, len - 2);
    size_t n = fold_word(at + i, len - i, "jetbase:", true);
    if (n == 0)
        return 0;
    i += n;
    return i + skip_blanks(at + i, len - i);
}

bool line_delimiter(const char *at, size_t len, const char **value, size_t *value_len)
{
    size_t i = directive_head(at, len);
    size_t n = i == 0 ? 0 : fold_word(at + i, len - i, "delimiter=", true);
    if (n == 0 || i + n >= len)
        return false;
    *value = at + i + n;
    *value_len = len - i - n;
    line_strip(value, value_len);
    return *value_len > 0;
}

bool line_directive(const char *at, size_t len, const char **name, size_t *name_len, const char **value, size_t *value_len)
{
    size_t i = directive_head(at, len);
    if (i == 0)
        return false;
    const char *equals = i < len ? memchr(at + i, '=', len - i) : NULL;
    *name = at + i;
    *name_len = equals != NULL ? (size_t)(equals - *name) : len - i;
    *value = equals != NULL ? equals + 1 : NULL;
    *value_len = equals != NULL ? (size_t)(at + len - *value) : 0;
    line_strip(name, name_len);
    if (equals != NULL)
        line_strip(value, value_len);
    return true;
}
