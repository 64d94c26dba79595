/* fuzz_script.c: a migration file of any content, cut into its sections, its directives and the statements that would be sent.
 *
 * - The rollback section is what stands behind the first marker line; before that line stands the upgrade section: nothing is lost, nothing is in both.
 * - Both know the same delimiter and directives, each at its line and column.
 * - The sum over the file is that of its bytes.
 * - A section is refused at a place in the file, with a way out, or gives as many statements as were counted. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "lines.h"
#include "script.h"
#include "text.h"

/* A file in memory that has a path. */
struct image {
    int fd;
    char path[64];
    const char *text;
    size_t len;
};

static void read_all(struct section *section, const struct image *image, struct text *out, char raw[CHECKSUM_SIZE])
{
    struct error err = { 0 };
    char piece[37];
    size_t n;
    while ((n = section_read(section, piece, sizeof piece, &err)) > 0) {
        if (n == (size_t)-1)
            fuzz_broken(err.message, image->text, image->len);
        text_add(out, piece, n);
    }
    if (!section_digest(section, raw, &err))
        fuzz_broken(err.message, image->text, image->len);
}

/* Where the marker's line begins, and where the line behind it; both the length where there is none. */
static void find_marker(const char *text, size_t len, size_t *begin, size_t *behind)
{
    for (size_t at = 0, end; at < len; at = end) {
        size_t n = at;
        while (n < len && text[n] != '\n' && text[n] != '\r')
            n++;
        end = n + (n < len) + (n + 1 < len && text[n] == '\r' && text[n + 1] == '\n');
        const char *line = text + at;
        size_t line_len = n - at;
        line_strip(&line, &line_len);
        bool dashes = line_is_comment(line, line_len);
        line += dashes ? 2 : 0;
        line_len -= dashes ? 2 : 0;
        line_strip(&line, &line_len);
        bool kelvin = line_len == 10 && strncasecmp(line, "rollbac\xE2\x84\xAA", 10) == 0;
        if (dashes && (kelvin || (line_len == 8 && strncasecmp(line, "rollback", 8) == 0))) {
            *begin = at;
            *behind = end;
            return;
        }
    }
    *begin = *behind = len;
}

static void check_directives(const struct section *section, const struct image *image)
{
    for (size_t i = 0; i < section_directive_count(section); i++) {
        const struct directive *d = section_directive_at(section, i);
        const char *at = image->text, *end = at + image->len;
        at += image->len >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
        for (unsigned line = 1; line < d->line && at < end; at++)
            line += *at == '\n' || (*at == '\r' && (at + 1 == end || at[1] != '\n'));
        const char *name = at + text_offset(at, (size_t)(end - at), d->name_column - 1);
        const char *value = d->value ? at + text_offset(at, (size_t)(end - at), d->value_column - 1) : NULL;
        size_t name_len = strlen(d->name), value_len = value ? strlen(d->value) : 0;
        if ((size_t)(end - name) < name_len || memcmp(name, d->name, name_len) != 0 || (value && ((size_t)(end - value) < value_len || memcmp(value, d->value, value_len) != 0)))
            fuzz_broken("a directive is not where it is said to be", image->text, image->len);
    }
}

static void check_sections(const struct image *image)
{
    struct section *up, *down;
    struct error err = { 0 };
    struct text upgrade = { 0 }, rollback = { 0 };
    char up_raw[CHECKSUM_SIZE], down_raw[CHECKSUM_SIZE], raw[CHECKSUM_SIZE];
    if (!section_open(image->path, "x.sql", 0, SECTION_UPGRADE, &up, &err) || !section_open(image->path, "x.sql", 0, SECTION_ROLLBACK, &down, &err))
        fuzz_broken(err.message, image->text, image->len);
    const char *a = section_delimiter(up), *b = section_delimiter(down);
    if (section_directive_count(up) != section_directive_count(down) || (a && b ? strcmp(a, b) != 0 : a != b))
        fuzz_broken("the sections have other directives", image->text, image->len);
    check_directives(up, image);
    read_all(up, image, &upgrade, up_raw);
    read_all(down, image, &rollback, down_raw);
    sha256_hex(image->text, image->len, raw);
    if (strcmp(raw, up_raw) != 0 || strcmp(raw, down_raw) != 0)
        fuzz_broken("another sum over the file", image->text, image->len);
    size_t bom = image->len >= 3 && memcmp(image->text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0, begin, behind;
    find_marker(image->text + bom, image->len - bom, &begin, &behind);
    if (upgrade.len != begin || memcmp(text_string(&upgrade), image->text + bom, begin) != 0)
        fuzz_broken("the upgrade section is not what stands before the marker", image->text, image->len);
    if (rollback.len != image->len - bom - behind || memcmp(text_string(&rollback), image->text + bom + behind, rollback.len) != 0)
        fuzz_broken("the rollback section is not what stands behind the marker", image->text, image->len);
    text_free(&upgrade);
    text_free(&rollback);
    section_close(up);
    section_close(down);
}

/* Reads it through, and closes it. */
static void check_statements(struct script *script, const struct script_facts *facts, const struct image *image)
{
    struct scan_statement statement;
    struct error err = { 0 };
    enum scan_answer answer;
    unsigned count = 0;
    while ((answer = script_next(script, &statement, &err)) == SCAN_STATEMENT)
        count++;
    if (answer != SCAN_END || count != facts->statements || !script_unchanged(script, &err))
        fuzz_broken("other statements than were counted", image->text, image->len);
    script_close(script);
}

static void check_script(const struct image *image, enum section_kind kind, enum scan_dialect dialect)
{
    struct migration m = { .type = MIGRATION_VERSIONED, .path = image->path, .file = "x.sql", .version = "1", .description = "x" };
    struct script_facts facts = { 0 };
    struct script_kept kept = { .most = image->len };
    struct script *script;
    struct error err = { 0 };
    if (!script_check_and_keep(&m, kind, dialect, true, &facts, &kept, &err)) {
        if (err.code != ERR_REFUSED || err.place.line == 0 || !err.message[0] || !err.hint[0])
            fuzz_broken("a refusal without place, reason or way out", image->text, image->len);
        return;
    }
    sha256_hex(image->text, image->len, m.raw);
    if (!script_open(&m, kind, dialect, true, &script, &err))
        fuzz_broken(err.message, image->text, image->len);
    check_statements(script, &facts, image);
    if (kept.text.len == 0)
        return; /* the window was too small for all of it */
    if (kept.text.len != image->len || memcmp(kept.text.bytes, image->text, image->len) != 0 || strcmp(kept.text.raw, m.raw) != 0)
        fuzz_broken("other bytes were kept", image->text, image->len);
    if (!script_open_text(&m, &kept.text, kind, dialect, true, &script, &err))
        fuzz_broken(err.message, image->text, image->len);
    check_statements(script, &facts, image);
}

void fuzz_script(const char *text, size_t len)
{
    if (len == 0)
        return;
    enum scan_dialect dialect = text[0] & 1 ? SCAN_SQLITE : SCAN_POSTGRES;
    struct image image = { .fd = memfd_create("x", MFD_CLOEXEC), .text = text + 1, .len = len - 1 };
    if (image.fd < 0 || write(image.fd, image.text, image.len) != (ssize_t)image.len)
        fuzz_broken("no file in memory", text, len);
    snprintf(image.path, sizeof image.path, "/proc/self/fd/%d", image.fd);
    check_sections(&image);
    check_script(&image, SECTION_UPGRADE, dialect);
    check_script(&image, SECTION_ROLLBACK, dialect);
    close(image.fd);
}
