/* checksum.c: Jetbase's checksum of a migration file. */
#include "checksum.h"

#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "sha256.h"
#include "text.h"
#include "utf8.h"

struct checksum {
    EVP_MD_CTX *sum, *raw;
    struct utf8 utf8;
    struct text line;      /* the line that is being read */
    struct text statement; /* its lines so far, joined with one blank */
    struct text delimiter;
    unsigned line_number, column;
    bool head;             /* no SQL line yet: a delimiter directive counts */
    bool ended;            /* the rollback section has begun */
    bool after_cr;         /* an LF now belongs to the CR before it */
    bool some;             /* a statement has gone into the sum */
};

static void checksum_free(struct checksum *sum)
{
    EVP_MD_CTX_free(sum->sum);
    EVP_MD_CTX_free(sum->raw);
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
    sum->sum = sha256_open();
    sum->raw = sha256_open();
    text_puts(&sum->delimiter, ";");
    sum->head = true;
    sum->line_number = sum->column = 1;
    if (sum->sum == NULL || sum->raw == NULL || sum->delimiter.failed) {
        checksum_free(sum);
        return NULL;
    }
    return sum;
}

/* The length of text after Python's rstrip(characters), both valid UTF-8. */
static size_t rstrip_characters(const char *text, size_t len, const char *characters, size_t count)
{
    while (len > 0) {
        size_t n = 1;
        while (n < len && ((unsigned char)text[len - n] & 0xC0) == 0x80)
            n++;
        if (memmem(characters, count, text + len - n, n) == NULL)
            break;
        len -= n;
    }
    return len;
}

static bool end_statement(struct checksum *sum)
{
    const char *at = text_string(&sum->statement);
    size_t len = rstrip_characters(at, sum->statement.len, text_string(&sum->delimiter), sum->delimiter.len);
    line_strip(&at, &len);
    bool ok = len == 0 || ((!sum->some || EVP_DigestUpdate(sum->sum, "\n", 1) == 1) && EVP_DigestUpdate(sum->sum, at, len) == 1);
    if (len > 0)
        sum->some = true;
    text_reset(&sum->statement);
    return ok;
}

static bool end_line(struct checksum *sum)
{
    const char *at = text_string(&sum->line), *value;
    size_t len = sum->line.len, value_len;
    if (line_marker(at, len, true) == LINE_MARKER) {
        sum->ended = true;
        return true;
    }
    line_strip(&at, &len);
    if (sum->head && line_delimiter(at, len, &value, &value_len)) {
        sum->head = false;
        text_reset(&sum->delimiter);
        text_add(&sum->delimiter, value, value_len);
    }
    if (len == 0 || line_is_comment(at, len))
        return true;
    sum->head = false;
    if (sum->statement.len > 0)
        text_puts(&sum->statement, " ");
    text_add(&sum->statement, at, len);
    size_t mark = sum->delimiter.len;
    if (len >= mark && memcmp(at + len - mark, text_string(&sum->delimiter), mark) == 0)
        return end_statement(sum);
    return true;
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

static size_t line_length(const char *bytes, size_t len)
{
    size_t n = 0;
    while (n < len && bytes[n] != '\n' && bytes[n] != '\r')
        n++;
    return n;
}

bool checksum_feed(struct checksum *sum, const char *bytes, size_t len, struct error *err)
{
    if (EVP_DigestUpdate(sum->raw, bytes, len) != 1)
        return out_of_memory(err);
    size_t i = 0;
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
        count_column(sum, bytes + i, good);
        if (good < upto)
            return refuse_utf8(sum, (unsigned char)bytes[i + good], false, err);
        if (!sum->ended)
            text_add(&sum->line, bytes + i, part);
        i += upto;
        if (upto == part)
            break;
        sum->after_cr = bytes[i - 1] == '\r';
        sum->line_number++;
        sum->column = 1;
        bool ok = sum->ended || end_line(sum);
        text_reset(&sum->line);
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
    if (ok && sum->line.len > 0 && !sum->ended)
        ok = end_line(sum) || out_of_memory(err);
    if (ok && (sum->line.failed || sum->statement.failed || sum->delimiter.failed))
        ok = out_of_memory(err);
    if (ok && (!sha256_finish(sum->sum, hex) || (raw != NULL && !sha256_finish(sum->raw, raw))))
        ok = out_of_memory(err);
    checksum_free(sum);
    return ok;
}
