/* fuzz_name.c: names of migration files against a second reading of Jetbase's rules, and the order of versions.
 *
 * - A name is a migration, no migration or refused as the rules have it; version and description are those of the rules.
 * - What a refusal says is UTF-8 and holds no control byte but line ends.
 * - Versions are ordered as numbers, component by component: the same by a second way, the same from both sides. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "migration.h"
#include "text.h"
#include "utf8.h"
#include "version.h"

static bool safe(const char *text)
{
    for (const char *c = text; *c; c++)
        if (((unsigned char)*c < 0x20 && *c != '\n') || *c == 0x7F || ((unsigned char)*c == 0xC2 && (unsigned char)c[1] < 0xA0))
            return false;
    return utf8_valid(text, strlen(text));
}

/* Digits in groups that one separator parts. */
static bool plain_version(const char *at, const char *end)
{
    bool digit = false;
    for (; at < end; at++) {
        if (*at >= '0' && *at <= '9')
            digit = true;
        else if ((*at != '.' && *at != '_') || !digit)
            return false;
        else
            digit = false;
    }
    return digit;
}

/* Blanks as Python strips them, off a text that is UTF-8. */
static size_t blank(const char *s, bool before)
{
    static const char *const blanks[] = { " ", "\t", "\n", "\v", "\f", "\r", "\x1C", "\x1D", "\x1E", "\x1F", "\xC2\x85", "\xC2\xA0", "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84",
        "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80" };
    size_t len = strlen(s);
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++) {
        size_t n = strlen(blanks[i]);
        if (len >= n && memcmp(before ? s : s + len - n, blanks[i], n) == 0)
            return n;
    }
    return 0;
}

/* What is between the first `__` and the first `.sql`, stripped; blanks for bars. */
static char *plain_description(const char *name)
{
    const char *from = strstr(name, "__") + 2, *to = strstr(name, ".sql");
    char *text = to > from ? strndup(from, (size_t)(to - from)) : strdup("");
    size_t n;
    while ((n = blank(text, true)) > 0)
        memmove(text, text + n, strlen(text + n) + 1);
    while ((n = blank(text, false)) > 0)
        text[strlen(text) - n] = '\0';
    for (char *c = text; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    return text;
}

enum kind { NONE, REFUSED, GOOD };

static enum kind plain_kind(const char *name)
{
    size_t len = strlen(name);
    const char *sql = strstr(name, ".sql"), *bars = strstr(name, "__");
    bool ends = len >= 4 && strcmp(name + len - 4, ".sql") == 0;
    if (!ends && !(sql && bars))
        return NONE;
    if (!ends || !bars || !utf8_valid(name, len))
        return REFUSED;
    size_t chars = 0;
    for (const char *c = name; *c; c++)
        chars += ((unsigned char)*c & 0xC0) != 0x80;
    char *description = plain_description(name);
    bool empty = !*description;
    free(description);
    if (empty || chars > 512)
        return REFUSED;
    if (strncmp(name, "RA__", 4) == 0 || strncmp(name, "ROC__", 5) == 0)
        return GOOD;
    return name[0] == 'V' && plain_version(name + 1, bars) ? GOOD : REFUSED;
}

static void check_good(const char *name, enum migration_type type, const char *version, const char *description)
{
    char *want = plain_description(name), *text = strndup(name + 1, (size_t)(strstr(name, "__") - name) - 1);
    enum migration_type kind = strncmp(name, "RA__", 4) == 0 ? MIGRATION_RUNS_ALWAYS : strncmp(name, "ROC__", 5) == 0 ? MIGRATION_RUNS_ON_CHANGE : MIGRATION_VERSIONED;
    for (char *c = text; *c; c++)
        *c = *c == '_' ? '.' : *c;
    bool right = type == kind && strcmp(description, want) == 0 && (kind == MIGRATION_VERSIONED ? version && strcmp(version, text) == 0 && version_valid(version) : !version);
    if (!right)
        fuzz_broken("another type, version or description", name, strlen(name));
    char label[12];
    struct migration m = { .type = type, .version = version };
    for (size_t size = 1; size <= sizeof label; size++) {
        migration_label(&m, label, size);
        if (strlen(label) >= size || (kind == MIGRATION_VERSIONED && size > 1 && (label[0] != 'V' || strncmp(label + 1, version, strlen(label) - 1) != 0)))
            fuzz_broken("a label that is not the version's", name, strlen(name));
    }
    free(want);
    free(text);
}

/* The version, to be freed, where the name has one. */
static char *check_name(const char *name)
{
    enum migration_type type = MIGRATION_VERSIONED;
    char *version, *description;
    bool is_migration;
    struct error err = { 0 };
    bool ok = migration_name_parse(name, &type, &version, &description, &is_migration, &err);
    enum kind kind = ok ? GOOD : is_migration ? REFUSED : NONE;
    if (kind != plain_kind(name))
        fuzz_broken("taken, passed over or refused against the rules", name, strlen(name));
    if (kind == GOOD)
        check_good(name, type, version, description);
    else if (version || description || (kind == REFUSED) != (err.code == ERR_REFUSED))
        fuzz_broken("a name that is none, with a version or without a reason", name, strlen(name));
    if (!safe(err.message) || !safe(err.hint))
        fuzz_broken("a message that can't be shown", name, strlen(name));
    free(description);
    return version;
}

/* Component by component, each written with as many zeros as the longest has digits. */
static int plain_order(const char *a, const char *b)
{
    while (*a || *b) {
        size_t m = strcspn(a, "."), n = strcspn(b, "."), most = m > n ? m : n;
        for (size_t i = 0; i < most; i++) {
            char left = i + m < most ? '0' : a[i + m - most], right = i + n < most ? '0' : b[i + n - most];
            if (left != right)
                return left < right ? -1 : 1;
        }
        a += m + (a[m] == '.');
        b += n + (b[n] == '.');
    }
    return 0;
}

static void check_order(const char *a, const char *b)
{
    int order = version_compare(a, b), back = version_compare(b, a), want = plain_order(a, b);
    if ((order > 0) - (order < 0) != want || (back > 0) - (back < 0) != -want || version_compare(a, a) != 0)
        fuzz_broken("versions in another order", a, strlen(a));
}

void fuzz_name(const char *text, size_t len)
{
    char *names = strndup(text, len), *rest = names, *name, *before = NULL;
    while ((name = strsep(&rest, "\n/"))) {
        char *version = check_name(name);
        if (version && before)
            check_order(before, version);
        if (version) {
            free(before);
            before = version;
        }
    }
    free(before);
    free(names);
}
