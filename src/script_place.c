/* script_place.c: shows a place of a migration file with the file's own line. */
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "scanner_private.h"
#include "script.h"
#include "script_private.h"
#include "text.h"

enum { BEFORE = 60, SHOWN = 100 }; /* of a longer line: characters shown left of the place, and in all */
#define CUT "\xE2\x80\xA6"

/* The file, byte by byte. */
struct bytes {
    int fd;
    size_t at, len;
    char buf[16384];
};

static int next_byte(struct bytes *b)
{
    if (b->at == b->len) {
        ssize_t got = file_read(b->fd, "", b->buf, sizeof b->buf, NULL);
        if (got <= 0)
            return -1;
        b->at = 0;
        b->len = (size_t)got;
    }
    return (unsigned char)b->buf[b->at++];
}

/* Passes over a byte order mark. */
static void pass_mark(struct bytes *b)
{
    int first = next_byte(b);
    if (first >= 0)
        b->at = first == 0xef && b->len >= 3 && memcmp(b->buf, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

/* Goes to the first byte of a line (LF, CR and CRLF end lines). False: there is none. */
static bool go_to_line(struct bytes *b, unsigned line)
{
    int c = 0;
    for (unsigned now = 1; now < line; now++) {
        while ((c = next_byte(b)) >= 0 && c != '\n' && c != '\r')
            ;
        if (c < 0)
            return false;
        if (c == '\r') {
            c = next_byte(b);
            if (c >= 0 && c != '\n')
                b->at--; /* the buffer still has it: it was read last */
        }
    }
    return true;
}

/* Collects what is shown of the line: `left` before the column, `right` from it on. *cut_before, *cut_after: the line goes on there. */
static void collect(struct bytes *b, unsigned column, struct text *left, struct text *right, bool *cut_before, bool *cut_after)
{
    unsigned now = 0, first = column > BEFORE ? column - BEFORE : 1; /* columns: of the character being read, of the first that is shown */
    int c;
    *cut_before = *cut_after = false;
    while ((c = next_byte(b)) >= 0 && c != '\n' && c != '\r') {
        char byte = (char)c;
        now += (c & 0xc0) != 0x80;
        if (now < first) {
            *cut_before = true;
        } else if (now < column) {
            text_add(left, &byte, 1);
        } else if (now < first + SHOWN) {
            text_add(right, &byte, 1);
        } else {
            *cut_after = true;
            break;
        }
    }
}

/* Copies, and says where there was no room for all of it. */
static void copy_cut(char *to, size_t size, const char *from)
{
    if (text_copy(to, size, from))
        return;
    text_copy(to, size - (sizeof CUT - 1), from);
    strcat(to, CUT);
}

void script_show_place(const char *path, struct error *err)
{
    struct bytes b = { .fd = -1 };
    struct text left = { 0 }, right = { 0 }, shown = { 0 };
    bool cut_before, cut_after;
    if (err->place.line == 0 || (b.fd = file_open(path, err->place.file, NULL)) < 0)
        return;
    pass_mark(&b);
    if (go_to_line(&b, err->place.line)) {
        collect(&b, err->place.column, &left, &right, &cut_before, &cut_after);
        if (cut_before)
            text_puts(&shown, CUT);
        text_add_visible(&shown, text_string(&left), left.len);
        unsigned caret = (unsigned)text_chars(text_string(&shown), shown.len) + 1;
        text_add_visible(&shown, text_string(&right), right.len);
        if (cut_after)
            text_puts(&shown, CUT);
        copy_cut(err->source, sizeof err->source, text_string(&shown));
        size_t chars = text_chars(err->source, strlen(err->source));
        err->caret = err->place.column == 0 || left.failed || right.failed || shown.failed || caret > chars + 1 ? 0 : caret;
    }
    close(b.fd);
    text_free(&left);
    text_free(&right);
    text_free(&shown);
}

/* What is sent of the line has `columns` characters from `text` on: how many are they in the file? */
static unsigned columns_of(const char *text, size_t len, unsigned columns)
{
    unsigned more = 0;
    for (size_t i = 0; i < len && columns > 0; columns--) {
        if (scanner_escaped_colon(text + i, len - i)) {
            i++;
            more++;
        }
        i += text_offset(text + i, len - i, 1);
    }
    return more;
}

void script_mend_place(const char *path, const struct place *start, struct place *at)
{
    struct bytes b = { .fd = -1 };
    struct text line = { 0 };
    unsigned begin = at->line == start->line ? start->column : 1;
    int c;
    if (at->line < start->line || at->line == 0 || at->column < begin || (b.fd = file_open(path, at->file, NULL)) < 0)
        return;
    pass_mark(&b);
    if (go_to_line(&b, at->line)) {
        while ((c = next_byte(&b)) >= 0 && c != '\n' && c != '\r') {
            char byte = (char)c;
            text_add(&line, &byte, 1);
        }
        size_t from = text_offset(text_string(&line), line.len, begin - 1);
        at->column += line.failed ? 0 : columns_of(text_string(&line) + from, line.len - from, at->column - begin);
    }
    close(b.fd);
    text_free(&line);
}
