/* text.c: growing strings, and making foreign text safe to show. */
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD"

/* Makes room for `more` bytes and a NUL. */
static bool grow(struct text *t, size_t more)
{
    size_t cap = t->cap ? t->cap : 64;
    char *at;
    if (t->failed)
        return false;
    if (more >= SIZE_MAX / 2 - t->len) {
        t->failed = true;
        return false;
    }
    if (t->len + more < t->cap)
        return true;
    while (cap <= t->len + more)
        cap *= 2;
    at = realloc(t->at, cap);
    if (!at) {
        t->failed = true;
        return false;
    }
    t->at = at;
    t->cap = cap;
    return true;
}

void text_add(struct text *t, const char *bytes, size_t len)
{
    if (!grow(t, len))
        return;
    if (len > 0)
        memcpy(t->at + t->len, bytes, len);
    t->len += len;
    t->at[t->len] = '\0';
}

void text_puts(struct text *t, const char *s)
{
    if (s)
        text_add(t, s, strlen(s));
}

/* Writes where there is room, and again where that was too little. */
void text_printf(struct text *t, const char *format, ...)
{
    size_t room = t->cap - t->len;
    va_list args;
    int len;
    if (t->failed)
        return;
    va_start(args, format);
    len = vsnprintf(room > 0 ? t->at + t->len : NULL, room, format, args);
    va_end(args);
    if (len >= 0 && (size_t)len < room) {
        t->len += (size_t)len;
        return;
    }
    if (room > 0)
        t->at[t->len] = '\0';
    if (len < 0) {
        t->failed = true;
        return;
    }
    if (!grow(t, (size_t)len))
        return;
    va_start(args, format);
    vsnprintf(t->at + t->len, (size_t)len + 1, format, args);
    va_end(args);
    t->len += (size_t)len;
}

void text_reset(struct text *t)
{
    t->len = 0;
    t->failed = false;
    if (t->at)
        t->at[0] = '\0';
}

void text_shorten(struct text *t, size_t len)
{
    if (len >= t->len)
        return;
    t->len = len;
    t->at[len] = '\0';
}

void text_cut(struct text *t, size_t len)
{
    if (len > t->len)
        len = t->len;
    if (len == 0)
        return;
    memmove(t->at, t->at + len, t->len - len + 1);
    t->len -= len;
}

void text_free(struct text *t)
{
    free(t->at);
    memset(t, 0, sizeof *t);
}

const char *text_string(const struct text *t)
{
    return t->at ? t->at : "";
}

/* Reads one character of strict UTF-8 to *code; gives its bytes, 0 where they are no UTF-8. */
static size_t decode(const char *s, size_t len, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *u = (const unsigned char *)s;
    size_t n = u[0] < 0x80 ? 1 : (u[0] & 0xe0) == 0xc0 ? 2 : (u[0] & 0xf0) == 0xe0 ? 3 : (u[0] & 0xf8) == 0xf0 ? 4 : 0;
    if (n == 0 || n > len)
        return 0;
    *code = n == 1 ? u[0] : u[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (u[i] & 0x3f);
    }
    if (*code < least[n] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
        return 0;
    return n;
}

static bool turns_direction(uint32_t code)
{
    return code == 0x061c || code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

/* Reads the next character of src and puts its visible form (no NUL) to `to`; *used: bytes of src, result: bytes of the form. */
static size_t visible_form(const char *src, size_t len, char to[4], size_t *used)
{
    uint32_t code = 0;
    size_t n = decode(src, len, &code);
    *used = n ? n : 1;
    if (n == 0 || turns_direction(code)) {
        memcpy(to, REPLACEMENT, 3);
        return 3;
    }
    if (code == '\t' || code == '\n' || code == '\r' || code == 0x85 || code == 0x2028 || code == 0x2029) {
        to[0] = ' ';
        return 1;
    }
    if (code < 0x20 || code == 0x7f) {
        to[0] = '^';
        to[1] = (char)(code ^ 0x40);
        return 2;
    }
    if (code >= 0x80 && code < 0xa0) { /* a C1 character is short for ESC and a letter */
        to[0] = '^';
        to[1] = '[';
        to[2] = (char)(code - 0x40);
        return 3;
    }
    memcpy(to, src, n);
    return n;
}

void text_visible(char *dst, size_t size, const char *src)
{
    size_t at = 0, len = src ? strlen(src) : 0, used;
    if (size == 0)
        return;
    for (size_t i = 0; i < len; i += used) {
        char form[4];
        size_t n = visible_form(src + i, len - i, form, &used);
        if (at + n >= size)
            break;
        memcpy(dst + at, form, n);
        at += n;
    }
    dst[at] = '\0';
}

void text_add_visible(struct text *t, const char *src, size_t len)
{
    size_t used;
    for (size_t i = 0; i < len; i += used) {
        char form[4];
        size_t n = visible_form(src + i, len - i, form, &used);
        text_add(t, form, n);
    }
}

char *text_dup(const char *s)
{
    return s ? strdup(s) : NULL;
}

bool text_copy(char *dst, size_t size, const char *src)
{
    size_t len = src ? strlen(src) : 0, cut = len;
    if (size == 0)
        return len == 0;
    if (len >= size) {
        cut = size - 1;
        /* A character has at most three bytes after its first. */
        for (int back = 0; back < 3 && cut > 0 && ((unsigned char)src[cut] & 0xc0) == 0x80; back++)
            cut--;
    }
    if (cut > 0)
        memmove(dst, src, cut);
    dst[cut] = '\0';
    return cut == len;
}

size_t text_chars(const char *s, size_t len)
{
    size_t chars = 0;
    uint32_t code;
    for (size_t i = 0; i < len; chars++) {
        size_t n = decode(s + i, len - i, &code);
        i += n ? n : 1;
    }
    return chars;
}

size_t text_offset(const char *s, size_t len, size_t chars)
{
    size_t i = 0;
    uint32_t code;
    while (chars > 0 && i < len) {
        size_t n = decode(s + i, len - i, &code);
        i += n ? n : 1;
        chars--;
    }
    return i;
}
