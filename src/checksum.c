/* checksum.c: Jetbase's checksum of a migration file. */
#include "checksum.h"

#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "sha256.h"
#include "text.h"
#include "utf8.h"

#ifndef CHECKSUM_HELD
#define CHECKSUM_HELD 65536
#endif
enum { HELD = CHECKSUM_HELD }; /* bytes of a line or a statement that are kept before more is made of them than waiting for its end; a fuzzer has it small */

/* What is known of the line that is being read. */
enum line_kind { LINE_UNKNOWN, LINE_SQL, LINE_COMMENT };

struct checksum {
    struct sha256 sum, raw;
    struct sha256 before;  /* the sum without the statement that is being read, where a part of it is in already; a last one without a delimiter does not count */
    struct utf8 utf8;
    struct text line;      /* the line that is being read, until its kind is known */
    enum line_kind kind;   /* SQL: its bytes go to the statement, from its first on that is no blank */
    struct text statement; /* its lines so far, joined with one blank, without what is in the sum already */
    size_t line_at;        /* where in `statement` the line begins, as far as it is there */
    size_t line_most, statement_most; /* look again once they are longer */
    bool partly;           /* a part of the statement is in the sum */
    struct text delimiter;
    unsigned line_number, column;
    bool head;             /* no SQL line yet: a delimiter directive counts */
    bool ended;            /* the rollback section has begun */
    bool after_cr;         /* an LF now belongs to the CR before it */
    bool some;             /* a statement has gone into the sum */
};

void checksum_drop(struct checksum *sum)
{
    if (sum == NULL)
        return;
    text_free(&sum->line);
    text_free(&sum->statement);
    text_free(&sum->delimiter);
    free(sum);
}

struct checksum *checksum_open(void)
{
    struct checksum *sum = calloc(1, sizeof *sum);
    if (sum == NULL)
        return NULL;
    sha256_begin(&sum->sum);
    sha256_begin(&sum->raw);
    sum->line_most = sum->statement_most = HELD;
    text_puts(&sum->delimiter, ";");
    sum->head = true;
    sum->line_number = sum->column = 1;
    if (sum->delimiter.failed) {
        checksum_drop(sum);
        return NULL;
    }
    return sum;
}

/* The bytes of the last character of valid UTF-8. */
static size_t last_character(const char *text, size_t len)
{
    size_t n = 1;
    while (n < len && ((unsigned char)text[len - n] & 0xC0) == 0x80)
        n++;
    return n;
}

static bool delimiter_has(const struct checksum *sum, const char *character, size_t len)
{
    return memmem(text_string(&sum->delimiter), sum->delimiter.len, character, len) != NULL;
}

/* The length of the statement's text after Python's rstrip(delimiter), which takes its characters in any order. */
static size_t rstrip_delimiter(const struct checksum *sum)
{
    const char *text = text_string(&sum->statement);
    size_t len = sum->statement.len, n;
    for (; len > 0; len -= n) {
        n = last_character(text, len);
        if (!delimiter_has(sum, text + len - n, n))
            break;
    }
    return len;
}

/* The length of what the statement keeps whatever follows: without blanks and the delimiter's characters at its end, and without a character that is cut. */
static size_t sure_length(const struct checksum *sum)
{
    const char *text = text_string(&sum->statement);
    size_t len = sum->statement.len, n;
    if (sum->utf8.need > 0 && len > 0)
        len -= last_character(text, len);
    for (; len > 0; len -= n) {
        n = last_character(text, len);
        if (line_blank(text + len - n, n) != n && !delimiter_has(sum, text + len - n, n))
            break;
    }
    return len;
}

/* Puts the first `len` bytes of the statement's text into the sum. */
static void put(struct checksum *sum, size_t len)
{
    if (len == 0)
        return;
    if (!sum->partly && sum->some)
        sha256_add(&sum->sum, "\n", 1);
    sha256_add(&sum->sum, text_string(&sum->statement), len);
}

/* Puts into the sum what is sure of a long statement, so that it need not be kept whole. */
static void put_sure(struct checksum *sum)
{
    size_t len = sure_length(sum);
    if (len > 0) {
        if (!sum->partly)
            sum->before = sum->sum;
        put(sum, len);
        sum->partly = true;
        sum->line_at = sum->line_at > len ? sum->line_at - len : 0;
        text_cut(&sum->statement, len);
    }
    sum->statement_most = sum->statement.len < HELD / 2 ? HELD : 2 * sum->statement.len;
}

/* Its text begins with no blank, as every line of it does, so only its end is stripped. */
static void end_statement(struct checksum *sum)
{
    size_t len = line_rstrip(text_string(&sum->statement), rstrip_delimiter(sum));
    put(sum, len);
    sum->some = sum->some || sum->partly || len > 0;
    sum->partly = false;
    sum->statement_most = HELD;
    text_reset(&sum->statement);
}

/* Finds out what the line is: from all of it, or (whole false) from its first bytes, which may not be enough yet. An SQL line goes on in the statement. */
static void judge_line(struct checksum *sum, bool whole)
{
    const char *at = text_string(&sum->line), *value;
    size_t len = sum->line.len, value_len;
    enum line_marker marker = line_marker(at, len, whole);
    sum->line_most = 2 * len;
    if (marker == LINE_CUT)
        return;
    sum->ended = marker == LINE_MARKER;
    const char *stripped = at;
    size_t stripped_len = len;
    line_strip(&stripped, &stripped_len);
    if (sum->ended || stripped_len == 0 || line_is_comment(stripped, stripped_len)) {
        if (sum->head && !sum->ended && !whole)
            return; /* it may be the delimiter's directive: all of it counts */
        sum->kind = LINE_COMMENT;
        if (sum->head && line_delimiter(stripped, stripped_len, &value, &value_len)) {
            sum->head = false;
            text_reset(&sum->delimiter);
            text_add(&sum->delimiter, value, value_len);
        }
        return;
    }
    sum->head = false;
    sum->kind = LINE_SQL;
    if (sum->statement.len > 0 || sum->partly)
        text_puts(&sum->statement, " ");
    sum->line_at = sum->statement.len;
    text_add(&sum->statement, stripped, len - (size_t)(stripped - at));
}

static bool end_line(struct checksum *sum)
{
    bool ok = !sum->line.failed;
    if (sum->kind == LINE_UNKNOWN)
        judge_line(sum, true);
    if (sum->kind == LINE_SQL && !sum->statement.failed) {
        const char *text = text_string(&sum->statement);
        size_t len = line_rstrip(text, sum->statement.len), mark = sum->delimiter.len;
        text_shorten(&sum->statement, len);
        if (len >= sum->line_at + mark && memcmp(text + len - mark, text_string(&sum->delimiter), mark) == 0)
            end_statement(sum);
    }
    sum->kind = LINE_UNKNOWN;
    sum->line_most = HELD;
    text_reset(&sum->line);
    return ok;
}

/* More bytes of the line, without its end. */
static void add_to_line(struct checksum *sum, const char *bytes, size_t len)
{
    if (sum->kind == LINE_SQL)
        text_add(&sum->statement, bytes, len);
    else if (sum->kind == LINE_UNKNOWN)
        text_add(&sum->line, bytes, len);
    if (sum->kind == LINE_UNKNOWN && sum->line.len > sum->line_most && sum->utf8.need == 0)
        judge_line(sum, false);
    if (sum->statement.len > sum->statement_most)
        put_sure(sum);
}

static bool out_of_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "Memory ran out computing a checksum.");
}

static bool refuse_utf8(const struct checksum *sum, unsigned char byte, bool cut, struct error *err)
{
    if (cut)
        error_set(err, ERR_REFUSED, "invalid UTF-8: the file ends inside a character");
    else
        error_set(err, ERR_REFUSED, "invalid UTF-8: byte 0x%02x", byte);
    if (err != NULL) {
        err->place.line = sum->line_number;
        err->place.column = sum->column - (sum->utf8.need > 0 ? 1 : 0);
    }
    return error_hint(err, "Migration files are UTF-8: convert the file, for example with iconv.");
}

/* Counts characters, for the place of a wrong byte. */
static void count_column(struct checksum *sum, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)bytes[i] & 0xC0) != 0x80)
            sum->column++;
}

bool checksum_feed(struct checksum *sum, const char *bytes, size_t len, struct error *err)
{
    size_t i = 0;
    sha256_add(&sum->raw, bytes, len);
    while (i < len) {
        if (sum->after_cr && bytes[i] == '\n') {
            i++;
            sum->after_cr = false;
            continue;
        }
        sum->after_cr = false;
        size_t part = line_length(bytes + i, len - i);
        size_t upto = part + (i + part < len ? 1 : 0);
        size_t good = utf8_check(&sum->utf8, bytes + i, upto);
        if (good < upto || upto == part) /* else the line is over, and with it its columns */
            count_column(sum, bytes + i, good);
        if (good < upto)
            return refuse_utf8(sum, (unsigned char)bytes[i + good], false, err);
        bool ok = true;
        if (!sum->ended)
            add_to_line(sum, bytes + i, part);
        i += upto;
        if (upto > part) {
            sum->after_cr = bytes[i - 1] == '\r';
            sum->line_number++;
            sum->column = 1;
            ok = sum->ended || end_line(sum);
        }
        if (!ok || sum->line.failed || sum->statement.failed || sum->delimiter.failed)
            return out_of_memory(err);
    }
    return true;
}

bool checksum_close(struct checksum *sum, char hex[CHECKSUM_SIZE], char raw[CHECKSUM_SIZE], struct error *err)
{
    bool ok = true;
    if (sum->utf8.need > 0)
        ok = refuse_utf8(sum, 0, true, err);
    if (ok && !sum->ended)
        ok = end_line(sum) || out_of_memory(err);
    if (ok && (sum->line.failed || sum->statement.failed || sum->delimiter.failed))
        ok = out_of_memory(err);
    if (ok)
        sha256_digest(sum->partly ? &sum->before : &sum->sum, hex);
    if (ok && raw != NULL)
        sha256_digest(&sum->raw, raw);
    checksum_drop(sum);
    return ok;
}
