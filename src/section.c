/* section.c: reads one section of a migration file in a window, and the directives at the file's head. */
#include "migration.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "file.h"
#include "lines.h"
#include "sha256.h"
#include "text.h"

#ifndef SECTION_WINDOW
#define SECTION_WINDOW 65536 /* bytes; a fuzzer has it small */
#endif

struct section {
    int fd;
    const atomic_int *stop; /* or NULL */
    enum section_kind kind;
    struct place start;
    struct sha256 hash;       /* of all that was read */
    struct checksum *sum;     /* the same with Jetbase's checksum */
    struct stat opened;       /* the file when it was opened */
    char *buffer;
    off_t got;                /* bytes read of it */
    size_t capacity, at, end; /* buffer[at..end) is read from the file and not yet handed out */
    size_t safe;              /* bytes from `at` on that are known to belong to the section */
    bool at_line;             /* buffer[at + safe] begins a line */
    bool eof;
    bool over;                /* nothing behind the safe bytes belongs to the section */
    char *delimiter;
    struct directive *directives;
    size_t directive_count;
    bool hashes;              /* the digest is asked for */
    bool digested;
    char raw[CHECKSUM_SIZE];
};

static bool no_memory(const struct section *s, struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "Memory ran out reading %s.", s->start.file);
}

/* Reads more of the file behind what is there; the window grows where all of it is still needed. */
static bool fill(struct section *s, struct error *err)
{
    if (s->stop != NULL && atomic_load(s->stop) != 0)
        return error_set(err, ERR_CANCELLED, "stopped while %s was read", s->start.file);
    if (s->at > 0) {
        memmove(s->buffer, s->buffer + s->at, s->end - s->at);
        s->end -= s->at;
        s->at = 0;
    }
    if (s->end == s->capacity) {
        char *bigger = realloc(s->buffer, s->capacity * 2);
        if (bigger == NULL)
            return no_memory(s, err);
        s->buffer = bigger;
        s->capacity *= 2;
    }
    ssize_t n = file_read(s->fd, s->start.file, s->buffer + s->end, s->capacity - s->end, err);
    if (n < 0)
        return false;
    if (s->hashes)
        sha256_add(&s->hash, s->buffer + s->end, (size_t)n);
    if (s->sum != NULL && !checksum_feed(s->sum, s->buffer + s->end, (size_t)n, err))
        return false;
    s->got += n;
    s->eof = n == 0 || s->got == s->opened.st_size;
    s->end += (size_t)n;
    return true;
}

/* Extends the safe bytes as far as the buffer tells. */
static void mark_safe(struct section *s)
{
    size_t pos = s->at + s->safe;
    while (pos < s->end && !s->over) {
        if (s->at_line && s->kind == SECTION_UPGRADE) {
            enum line_marker marker = line_marker(s->buffer + pos, s->end - pos, s->eof);
            if (marker == LINE_CUT)
                break;
            if (marker == LINE_MARKER) {
                s->over = true;
                break;
            }
        }
        pos += line_length(s->buffer + pos, s->end - pos);
        s->at_line = pos < s->end;
        pos += s->at_line ? 1 : 0;
    }
    s->safe = pos - s->at;
    if (pos == s->end && s->eof)
        s->over = true;
}

size_t section_read(void *section, char *to, size_t size, struct error *err)
{
    struct section *s = section;
    for (;;) {
        if (s->safe == 0 && !s->over)
            mark_safe(s);
        if (s->safe > 0 || s->over)
            break;
        if (!fill(s, err))
            return (size_t)-1;
    }
    size_t n = s->safe < size ? s->safe : size;
    if (n == 0)
        return 0;
    memcpy(to, s->buffer + s->at, n);
    s->at += n;
    s->safe -= n;
    return n;
}

/* line: stripped; begin: of the whole line, for columns. */
static bool keep_directive(struct section *s, const char *begin, const char *line, size_t len, unsigned number, struct error *err)
{
    const char *name, *value;
    size_t name_len, value_len;
    if (s->delimiter == NULL && line_delimiter(line, len, &value, &value_len)) {
        s->delimiter = strndup(value, value_len);
        return s->delimiter != NULL || no_memory(s, err);
    }
    if (!line_directive(line, len, &name, &name_len, &value, &value_len))
        return true;
    struct directive *more = realloc(s->directives, (s->directive_count + 1) * sizeof *more);
    if (more == NULL)
        return no_memory(s, err);
    s->directives = more;
    struct directive *d = &more[s->directive_count];
    *d = (struct directive){ .name = strndup(name, name_len), .value = value ? strndup(value, value_len) : NULL, .line = number };
    d->name_column = (unsigned)text_chars(begin, (size_t)(name - begin)) + 1;
    d->value_column = value ? (unsigned)text_chars(begin, (size_t)(value - begin)) + 1 : 0;
    s->directive_count++;
    return (d->name != NULL && (!value || d->value != NULL)) || no_memory(s, err);
}

/* True where the line's first bytes tell that it is SQL: neither blank nor a comment. */
static bool begins_sql(const char *line, size_t len)
{
    size_t n;
    while ((n = line_blank(line, len)) > 0) {
        line += n;
        len -= n;
    }
    return len >= 3 && !line_is_comment(line, len);
}

/* Finds the end of the line that begins `offset` bytes into the window, reading on where it must. Of an SQL line it is enough that it is one: it may be as long as the file. */
static bool head_line(struct section *s, size_t offset, size_t *len, struct error *err)
{
    size_t seen = 0;
    for (;;) {
        seen += line_length(s->buffer + s->at + offset + seen, s->end - s->at - offset - seen);
        *len = seen;
        if (s->at + offset + seen < s->end || s->eof || begins_sql(s->buffer + s->at + offset, seen))
            return true;
        if (!fill(s, err))
            return false;
    }
}

/* Reads the directives before the first SQL line; the bytes stay in the window. The marker does not end the head: it is a comment. */
static bool read_head(struct section *s, struct error *err)
{
    size_t offset = 0, len;
    unsigned number = 1;
    for (;;) {
        if (!head_line(s, offset, &len, err))
            return false;
        if (s->at + offset + len >= s->end && len == 0)
            return true;
        const char *begin = s->buffer + s->at + offset, *line = begin;
        size_t stripped = len;
        line_strip(&line, &stripped);
        if (stripped > 0 && !line_is_comment(line, stripped))
            return true;
        if (stripped > 0 && !keep_directive(s, begin, line, stripped, number, err))
            return false;
        offset += len;
        if (s->at + offset >= s->end)
            return true;
        bool cr = s->buffer[s->at + offset++] == '\r';
        /* CRLF ends one line: what lies between its two bytes is none. */
        if (cr && s->at + offset == s->end && !s->eof && !fill(s, err))
            return false;
        offset += cr && s->at + offset < s->end && s->buffer[s->at + offset] == '\n';
        number++;
    }
}

/* Passes one line with its end (CRLF counts once). *more false: the file ended before it. */
static bool skip_line(struct section *s, bool *more, struct error *err)
{
    for (*more = true; *more;) {
        s->at += line_length(s->buffer + s->at, s->end - s->at);
        if (s->at < s->end)
            break;
        *more = !s->eof;
        if (*more && !fill(s, err))
            return false;
    }
    if (!*more)
        return true;
    bool cr = s->buffer[s->at++] == '\r';
    if (cr && s->at == s->end && !s->eof && !fill(s, err))
        return false;
    if (cr && s->at < s->end && s->buffer[s->at] == '\n')
        s->at++;
    s->start.line++;
    return true;
}

static bool skip_to_rollback(struct section *s, struct error *err)
{
    bool more = true;
    while (more) {
        enum line_marker marker;
        while ((marker = line_marker(s->buffer + s->at, s->end - s->at, s->eof)) == LINE_CUT)
            if (!fill(s, err))
                return false;
        if (!skip_line(s, &more, err))
            return false;
        if (marker == LINE_MARKER)
            return true;
    }
    s->over = true;
    return true;
}

static bool skip_bom(struct section *s, struct error *err)
{
    while (s->end < 3 && !s->eof)
        if (!fill(s, err))
            return false;
    if (s->end >= 3 && memcmp(s->buffer, "\xEF\xBB\xBF", 3) == 0)
        s->at = 3;
    return true;
}

/* Reads up to where the section begins. */
static bool begin(struct section *s, struct error *err)
{
    return skip_bom(s, err) && read_head(s, err) && (s->kind == SECTION_UPGRADE || skip_to_rollback(s, err));
}

static bool prepare(struct section *s, const char *path, unsigned flags, struct error *err)
{
    if ((flags & SECTION_LISTED) == 0 && !file_regular(path, s->start.file, err))
        return false;
    s->fd = file_open_regular(path, s->start.file, &s->opened, err);
    if (s->fd < 0)
        return false;
    /* A small file needs a small window. */
    s->capacity = s->opened.st_size < SECTION_WINDOW ? (size_t)s->opened.st_size + 1 : SECTION_WINDOW;
    s->buffer = malloc(s->capacity);
    s->hashes = (flags & (SECTION_UNDIGESTED | SECTION_SUMMED)) == 0;
    sha256_begin(&s->hash);
    s->sum = (flags & SECTION_SUMMED) != 0 ? checksum_open() : NULL;
    if (s->buffer == NULL || (s->sum == NULL && (flags & SECTION_SUMMED) != 0))
        return no_memory(s, err);
    return begin(s, err);
}

static struct section *made(const char *file, enum section_kind kind)
{
    struct section *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->fd = -1;
    s->kind = kind;
    s->at_line = true;
    text_copy(s->start.file, sizeof s->start.file, file);
    s->start.line = s->start.column = 1;
    return s;
}

bool section_open(const char *path, const char *file, unsigned flags, enum section_kind kind, struct section **out, struct error *err)
{
    *out = NULL;
    struct section *s = made(file, kind);
    if (s == NULL)
        return error_set(err, ERR_NO_MEMORY, "Memory ran out reading %s.", file);
    if (!prepare(s, path, flags, err)) {
        section_close(s);
        return false;
    }
    *out = s;
    return true;
}

bool section_open_text(struct section_text *text, const char *file, enum section_kind kind, struct section **out, struct error *err)
{
    struct section *s = made(file, kind);
    *out = NULL;
    if (s == NULL) {
        free(text->bytes);
        *text = (struct section_text){ 0 };
        return error_set(err, ERR_NO_MEMORY, "Memory ran out reading %s.", file);
    }
    s->buffer = text->bytes;
    s->capacity = s->end = text->len;
    s->got = s->opened.st_size = (off_t)text->len;
    s->eof = s->digested = true;
    memcpy(s->raw, text->raw, sizeof s->raw);
    *text = (struct section_text){ 0 };
    if (!begin(s, err)) {
        section_close(s);
        return false;
    }
    *out = s;
    return true;
}

bool section_give(struct section *section, size_t most, struct section_text *text)
{
    struct section *s = section;
    *text = (struct section_text){ 0 };
    /* Nothing was moved out of the window as long as it still begins with the file's first byte. */
    if (!s->eof || s->got != (off_t)s->end || s->end > most || s->end == 0)
        return false;
    /* Of just these bytes: whoever compares it with another sum of the file finds out where they are not all of it. */
    sha256_hex(s->buffer, s->end, text->raw);
    text->bytes = s->buffer;
    text->len = s->end;
    s->buffer = NULL;
    s->at = s->end = s->safe = 0;
    s->over = true;
    return true;
}

void section_stop_at(struct section *section, const atomic_int *stop)
{
    section->stop = stop;
}

off_t section_size(const struct section *section)
{
    return section->opened.st_size;
}

const char *section_delimiter(const struct section *section)
{
    return section->delimiter;
}

bool section_directive(const struct section *section, const char *name, char *value, size_t size)
{
    for (size_t i = 0; i < section->directive_count; i++) {
        if (strcasecmp(section->directives[i].name, name) != 0)
            continue;
        if (value != NULL)
            text_copy(value, size, section->directives[i].value ? section->directives[i].value : "");
        return true;
    }
    return false;
}

size_t section_directive_count(const struct section *section)
{
    return section->directive_count;
}

const struct directive *section_directive_at(const struct section *section, size_t i)
{
    return &section->directives[i];
}

const struct place *section_start(const struct section *section)
{
    return &section->start;
}

/* Reads what is left of the file; nothing of it is handed out any more. */
static bool read_on(struct section *s, struct error *err)
{
    while (!s->eof) {
        s->at = s->end;
        s->safe = 0;
        s->over = true;
        if (!fill(s, err))
            return false;
    }
    return true;
}

bool section_sums(struct section *section, char checksum[CHECKSUM_SIZE], char raw[CHECKSUM_SIZE], struct stat *st, struct error *err)
{
    if (section->sum == NULL)
        return error_set(err, ERR_INTERNAL, "the sums of %s were not asked for", section->start.file);
    if (!read_on(section, err))
        return false;
    struct checksum *sum = section->sum;
    section->sum = NULL;
    *st = section->opened;
    return checksum_close(sum, checksum, raw, err);
}

bool section_digest(struct section *section, char raw[CHECKSUM_SIZE], struct error *err)
{
    if (!read_on(section, err))
        return false;
    if (!section->hashes && !section->digested)
        return error_set(err, ERR_INTERNAL, "the digest of %s was not asked for", section->start.file);
    if (!section->digested)
        sha256_digest(&section->hash, section->raw);
    section->digested = true;
    memcpy(raw, section->raw, CHECKSUM_SIZE);
    return true;
}

void section_close(struct section *section)
{
    if (section == NULL)
        return;
    if (section->fd >= 0)
        close(section->fd);
    checksum_drop(section->sum);
    for (size_t i = 0; i < section->directive_count; i++) {
        free(section->directives[i].name);
        free(section->directives[i].value);
    }
    free(section->directives);
    free(section->delimiter);
    free(section->buffer);
    free(section);
}
