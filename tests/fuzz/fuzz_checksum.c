/* fuzz_checksum.c: the checksum against a second one, made whole in memory and character by character, as Jetbase makes it in Python.
 *
 * - The sum is SHA-256 of the statements as the second one finds them, whatever the pieces that the file comes in.
 * - The other sum is that of all bytes.
 * - What is no UTF-8 is refused, at a place in the text, and nothing else is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "checksum.h"
#include "fuzz/fuzz.h"
#include "text.h"
#include "utf8.h"

/* A text as characters. */
struct chars {
    uint32_t *at;
    size_t len;
};

/* False: no UTF-8. Reads by the table of RFC 3629's bit patterns and checks by writing the character anew. */
static bool to_chars(const char *text, size_t len, struct chars *out)
{
    *out = (struct chars){ .at = malloc((len + 1) * sizeof *out->at) };
    for (size_t i = 0; i < len;) {
        unsigned char first = (unsigned char)text[i];
        size_t n = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
        uint32_t code = n == 1 ? first : first & (0x7Fu >> n);
        char again[4];
        if (first >= 0x80 && first < 0xC0)
            return false;
        for (size_t k = 1; k < n; k++)
            code = code << 6 | (i + k < len ? (unsigned char)text[i + k] & 0x3F : 0);
        if (i + n > len || utf8_put(again, code) != n || memcmp(again, text + i, n) != 0)
            return false;
        out->at[out->len++] = code;
        i += n;
    }
    return true;
}

/* Python's str.isspace(). */
static bool is_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

static struct chars strip(struct chars s)
{
    for (; s.len > 0 && is_space(s.at[0]); s.len--)
        s.at++;
    while (s.len > 0 && is_space(s.at[s.len - 1]))
        s.len--;
    return s;
}

/* Takes a word in any case off the front; regex: with what re.IGNORECASE folds to ASCII. */
static bool take(struct chars *s, const char *word, bool regex)
{
    size_t n = strlen(word);
    if (s->len < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        uint32_t c = s->at[i] >= 'A' && s->at[i] <= 'Z' ? s->at[i] + 32 : s->at[i] == 0x212A ? 'k' : s->at[i];
        if (regex)
            c = c == 0x17F ? 's' : c == 0x130 || c == 0x131 ? 'i' : c;
        if (c != (unsigned char)word[i])
            return false;
    }
    s->at += n;
    s->len -= n;
    return true;
}

static void left_strip(struct chars *s)
{
    for (; s->len > 0 && is_space(s->at[0]); s->len--)
        s->at++;
}

/* What is known while the lines are read. */
struct naive {
    struct chars delimiter, statement;
    bool head;
    struct text joined;
    size_t statements;
};

static bool among(uint32_t c, struct chars set)
{
    for (size_t i = 0; i < set.len; i++)
        if (set.at[i] == c)
            return true;
    return false;
}

static void end_statement(struct naive *n)
{
    struct chars s = n->statement;
    while (s.len > 0 && among(s.at[s.len - 1], n->delimiter))
        s.len--;
    s = strip(s);
    if (s.len > 0 && n->statements++ > 0)
        text_puts(&n->joined, "\n");
    for (size_t i = 0; i < s.len; i++) {
        char bytes[4];
        text_add(&n->joined, bytes, utf8_put(bytes, s.at[i]));
    }
    n->statement.len = 0;
}

/* One line, stripped. False: the rollback section begins. */
static bool read_line(struct naive *n, struct chars line)
{
    struct chars rest = line;
    if (line.len == 0)
        return true;
    if (take(&rest, "--", false)) {
        struct chars word = rest;
        left_strip(&word);
        struct chars directive = word;
        if (take(&word, "rollback", false) && word.len == 0)
            return false;
        if (n->head && take(&directive, "jetbase:", true)) {
            left_strip(&directive);
            if (take(&directive, "delimiter=", true) && strip(directive).len > 0) {
                n->delimiter = strip(directive);
                n->head = false;
            }
        }
        return true;
    }
    n->head = false;
    if (n->statement.len > 0)
        n->statement.at[n->statement.len++] = ' ';
    memcpy(n->statement.at + n->statement.len, line.at, line.len * sizeof *line.at);
    n->statement.len += line.len;
    size_t mark = n->delimiter.len;
    if (line.len >= mark && memcmp(line.at + line.len - mark, n->delimiter.at, mark * sizeof *line.at) == 0)
        end_statement(n);
    return true;
}

static void naive_sum(struct chars all, char hex[CHECKSUM_SIZE])
{
    uint32_t semicolon = ';';
    struct naive n = { .delimiter = { &semicolon, 1 }, .statement = { malloc((all.len + 1) * 2 * sizeof *all.at), 0 }, .head = true };
    bool more = true;
    for (size_t at = 0; more && at <= all.len;) {
        size_t end = at;
        while (end < all.len && all.at[end] != '\n' && all.at[end] != '\r')
            end++;
        more = read_line(&n, strip((struct chars){ all.at + at, end - at }));
        at = end + 1 + (end + 1 < all.len && all.at[end] == '\r' && all.at[end + 1] == '\n');
    }
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_Digest(text_string(&n.joined), n.joined.len, digest, &size, EVP_sha256(), NULL);
    for (unsigned i = 0; i < size; i++)
        snprintf(hex + 2 * (size_t)i, 3, "%02x", digest[i]);
    text_free(&n.joined);
    free(n.statement.at);
}

static bool sum_of(const char *bytes, size_t len, size_t piece, char hex[CHECKSUM_SIZE], char raw[CHECKSUM_SIZE], struct error *err)
{
    struct checksum *sum = checksum_open();
    struct error last = { 0 };
    bool ok = sum != NULL;
    for (size_t i = 0; ok && i < len; i += piece)
        ok = checksum_feed(sum, bytes + i, len - i < piece ? len - i : piece, err);
    bool closed = sum && checksum_close(sum, hex, raw, &last);
    if (ok && !closed)
        *err = last;
    return ok && closed;
}

static void check(const char *text, size_t len, size_t piece, bool good, const char *want)
{
    char hex[CHECKSUM_SIZE] = "", raw[CHECKSUM_SIZE] = "", bytes[CHECKSUM_SIZE];
    struct error err = { 0 };
    bool ok = sum_of(text, len, piece, hex, raw, &err);
    if (ok != good)
        fuzz_broken(good ? err.message : "no UTF-8, but a checksum", text, len);
    if (!ok && (err.code != ERR_REFUSED || err.place.line == 0 || err.place.column == 0 || !err.hint[0]))
        fuzz_broken("a refusal without place or way out", text, len);
    if (!ok)
        return;
    sha256_hex(text, len, bytes);
    if (strcmp(hex, want) != 0 || strcmp(raw, bytes) != 0)
        fuzz_broken("another checksum than Jetbase's", text, len);
}

void fuzz_checksum(const char *text, size_t len)
{
    struct chars all;
    char want[CHECKSUM_SIZE] = "";
    if (len == 0)
        return;
    size_t piece = (unsigned char)text[0] % 16 + 1;
    text++;
    len--;
    bool good = to_chars(text, len, &all);
    if (good)
        naive_sum(all, want);
    check(text, len, len + 1, good, want);
    check(text, len, piece, good, want);
    free(all.at);
}
