/* scanner_window.c: the scanner's window on its input: reads, checks UTF-8, counts lines and columns. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scanner_private.h"
#include "text.h"

enum { WINDOW_FIRST = 64 * 1024 };

#define O BYTE_GAP
#define B (BYTE_PLAIN | BYTE_GAP)
#define P BYTE_PLAIN
#define D (BYTE_PLAIN | BYTE_DIGIT)
#define L (BYTE_PLAIN | BYTE_LETTER)
#define S (BYTE_PLAIN | BYTE_DOLLAR)
#define H (BYTE_HIGH | BYTE_GAP)
const unsigned char scan_bytes[256] = {
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
    B, P, P, P, S, P, P, P, P, P, P, P, P, B, P, B,
    D, D, D, D, D, D, D, D, D, D, P, P, P, P, P, P,
    P, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
    L, L, L, L, L, L, L, L, L, L, L, P, P, P, P, L,
    P, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
    L, L, L, L, L, L, L, L, L, L, L, P, P, P, P, P,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
};
#undef O
#undef B
#undef P
#undef D
#undef L
#undef S
#undef H

/* How many bytes of whole characters (strict UTF-8, no NUL) lie at p. *cut: the bytes behind them may be the beginning of a character. */
static size_t whole_text(const char *p, size_t len, bool *cut)
{
    const unsigned char *s = (const unsigned char *)p;
    size_t i = 0;
    *cut = false;
    while (i < len) {
        unsigned char c = s[i], low = 0x80, high = 0xbf;
        size_t more = 0, k;
        uint64_t eight;
        if (c != 0 && c < 0x80) {
            i++;
            /* Plain text eight bytes at a time. */
            for (; i + sizeof eight <= len; i += sizeof eight) {
                memcpy(&eight, s + i, sizeof eight);
                if ((eight | (eight - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080))
                    break;
            }
            continue;
        }
        if (c >= 0xc2 && c <= 0xdf)
            more = 1;
        else if (c >= 0xe0 && c <= 0xef)
            more = 2;
        else if (c >= 0xf0 && c <= 0xf4)
            more = 3;
        else
            return i;
        if (c == 0xe0)
            low = 0xa0;
        else if (c == 0xed)
            high = 0x9f;
        else if (c == 0xf0)
            low = 0x90;
        else if (c == 0xf4)
            high = 0x8f;
        for (k = 1; k <= more; k++, low = 0x80, high = 0xbf) {
            if (i + k >= len) {
                *cut = true;
                return i;
            }
            if (s[i + k] < low || s[i + k] > high)
                return i;
        }
        i += more + 1;
    }
    return i;
}

static bool fail_memory(struct scan_window *w)
{
    w->failed = true;
    return error_set(&w->fault, ERR_NO_MEMORY, "out of memory for a statement of more than %zu bytes", w->cap);
}

/* Room for more bytes: what is no longer needed goes once it is half of the buffer, else the buffer doubles; so each byte is moved a bounded number of times. */
static bool make_room(struct scan_window *w)
{
    size_t keep = w->held ? w->hold : w->pos;
    if (w->filled < w->cap)
        return true;
    if (keep > 0 && keep >= w->cap / 2) {
        memmove(w->buf, w->buf + keep, w->filled - keep);
        w->base += keep;
        w->pos -= keep;
        w->end -= keep;
        w->filled -= keep;
        w->hold -= w->held ? keep : w->hold;
        return true;
    }
    size_t cap = w->cap ? w->cap * 2 : WINDOW_FIRST;
    char *grown = cap > w->cap ? realloc(w->buf, cap + 1) : NULL; /* one byte for the NUL behind a statement */
    if (!grown)
        return fail_memory(w);
    w->buf = grown;
    w->cap = cap;
    return true;
}

void window_shrink(struct scan_window *w)
{
    size_t keep = w->filled - w->pos, cap = WINDOW_FIRST;
    while (cap < keep)
        cap *= 2;
    if (w->held || cap >= w->cap)
        return;
    memmove(w->buf, w->buf + w->pos, keep);
    w->base += w->pos;
    w->end -= w->pos;
    w->filled = keep;
    w->pos = w->hold = 0;
    char *smaller = realloc(w->buf, cap + 1);
    w->buf = smaller ? smaller : w->buf;
    w->cap = smaller ? cap : w->cap;
}

void window_place_to(const struct scan_window *w, const struct scan_spot *at, struct place *to)
{
    to->line = at->line;
    to->column = at->column;
    text_copy(to->file, sizeof to->file, w->file);
}

struct place window_place(const struct scan_window *w, const struct scan_spot *at)
{
    struct place place;
    window_place_to(w, at, &place);
    return place;
}

void window_refuse(struct scan_window *w, const struct scan_spot *at, const char *message, const char *hint)
{
    size_t chars = 0;
    if (w->failed)
        return;
    w->failed = true;
    error_set(&w->fault, ERR_REFUSED, "%s", message);
    error_hint(&w->fault, "%s", hint);
    w->fault.place = window_place(w, at);
    if (at->offset < w->base || at->offset >= w->base + w->filled)
        return;
    const char *byte = w->buf + (at->offset - w->base), *line = byte;
    while (line > w->buf && line[-1] != '\n' && line[-1] != '\r')
        line--;
    chars = text_chars(line, (size_t)(byte - line));
    place_show(&w->fault, line, (size_t)(w->buf + w->filled - line), chars);
}

/* The byte at `end` is no text: the place is found by moving a copy of the window there. */
static void fail_byte(struct scan_window *w)
{
    struct scan_window there = *w;
    while (there.pos < there.end)
        window_step(&there);
    struct scan_spot at = window_spot(&there);
    if (w->buf[w->end] == '\0')
        window_refuse(w, &at, "a NUL byte stands here: the database would not see what follows it", "Take the byte out. A file full of them is often UTF-16: save it as UTF-8.");
    else
        window_refuse(w, &at, "the file is not valid UTF-8 here", "Save the file as UTF-8.");
}

/* Reads once, where there may be more. */
static void read_more(struct scan_window *w)
{
    bool cut = false;
    if (!make_room(w))
        return;
    size_t got = w->read(w->user, w->buf + w->filled, w->cap - w->filled, &w->fault);
    if (got == (size_t)-1) {
        w->failed = true;
        return;
    }
    w->eof = got == 0;
    w->filled += got;
    w->end += whole_text(w->buf + w->end, w->filled - w->end, &cut);
    w->broken = w->end < w->filled && (!cut || w->eof);
}

int window_fetch(struct scan_window *w, size_t k)
{
    while (w->pos + k >= w->end) {
        if (w->broken && !w->failed)
            fail_byte(w);
        if (w->failed || w->eof)
            return -1;
        read_more(w);
    }
    return (unsigned char)w->buf[w->pos + k];
}

void window_step_slow(struct scan_window *w, unsigned char c)
{
    if (c == '\n') {
        if (!w->after_cr)
            w->line++;
        w->column = 1;
    } else if (c == '\r') {
        w->line++;
        w->column = 1;
    } else if ((c & 0xc0) != 0x80) {
        w->column++;
    }
    w->after_cr = c == '\r';
}
