/* preflight_names.c: which tables the statements of a plan seem to name: identifiers behind certain words, with strings and comments passed over. No parser. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "preflight.h"
#include "text.h"

enum { NAME_MOST = 300 };

struct naming {
    const char *at, *end;
    char **names;
    size_t count;
    bool failed;
};

static bool word_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static void skip_quoted(struct naming *n, char quote)
{
    for (n->at++; n->at < n->end && *n->at != quote; n->at++)
        continue;
    n->at += n->at < n->end;
}

/* $tag$ … $tag$ */
static bool skip_dollar(struct naming *n)
{
    const char *close = n->at + 1;
    while (close < n->end && word_byte(*close) && *close != '$')
        close++;
    if (close >= n->end || *close != '$')
        return false;
    size_t len = (size_t)(close + 1 - n->at);
    const char *found = memmem(close + 1, (size_t)(n->end - close - 1), n->at, len);
    n->at = found ? found + len : n->end;
    return true;
}

/* Blanks, comments, strings. */
static void skip_between(struct naming *n)
{
    while (n->at < n->end) {
        bool more = n->at + 1 < n->end;
        if (isspace((unsigned char)*n->at)) {
            n->at++;
        } else if (more && n->at[0] == '-' && n->at[1] == '-') {
            while (n->at < n->end && *n->at != '\n')
                n->at++;
        } else if (more && n->at[0] == '/' && n->at[1] == '*') {
            const char *close = memmem(n->at + 2, (size_t)(n->end - n->at - 2), "*/", 2);
            n->at = close ? close + 2 : n->end;
        } else {
            return;
        }
    }
}

/* One identifier as it is written, or false. */
static bool take_word(struct naming *n, char to[NAME_MOST])
{
    const char *from = n->at;
    if (n->at < n->end && *n->at == '"')
        skip_quoted(n, '"');
    else
        while (n->at < n->end && word_byte(*n->at) && !(n->at == from && (isdigit((unsigned char)*n->at) || *n->at == '$')))
            n->at++;
    size_t len = (size_t)(n->at - from);
    if (len == 0 || len >= NAME_MOST)
        return false;
    memcpy(to, from, len);
    to[len] = '\0';
    return true;
}

static void keep(struct naming *n, const char *name)
{
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->names[i], name) == 0)
            return;
    if (n->count >= PREFLIGHT_NAMES)
        return;
    n->names[n->count] = text_dup(name);
    n->failed |= !n->names[n->count];
    n->count += n->names[n->count] != NULL;
}

static bool among(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (strcasecmp(word, *list) == 0)
            return true;
    return false;
}

/* name or schema.name at this place. */
static bool take_name(struct naming *n, const char *first)
{
    char name[2 * NAME_MOST + 2], more[NAME_MOST];
    snprintf(name, sizeof name, "%s", first);
    skip_between(n);
    if (n->at < n->end && *n->at == '.') {
        n->at++;
        skip_between(n);
        if (!take_word(n, more))
            return false;
        snprintf(name, sizeof name, "%s.%s", first, more);
    }
    keep(n, name);
    skip_between(n);
    return n->at < n->end && *n->at == ',';
}

static void scan(struct naming *n)
{
    static const char *const before[] = { "TABLE", "ON", "UPDATE", "INTO", "FROM", "REFERENCES", "JOIN", "TRUNCATE", "INDEX", "VIEW", "USING", NULL };
    static const char *const between[] = { "IF", "NOT", "EXISTS", "ONLY", "CONCURRENTLY", "MATERIALIZED", "TABLE", NULL };
    bool wanted = false;
    char word[NAME_MOST];
    while (skip_between(n), n->at < n->end) {
        if (*n->at == '\'') {
            skip_quoted(n, '\'');
            wanted = false;
        } else if (*n->at == '$' && skip_dollar(n)) {
            wanted = false;
        } else if (take_word(n, word)) {
            if (among(word, before))
                wanted = true;
            else if (wanted && !among(word, between))
                wanted = take_name(n, word);
        } else {
            wanted = wanted && *n->at == ',';
            n->at++;
        }
    }
}

void preflight_names_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

bool preflight_names(const struct plan *plan, enum scan_dialect dialect, bool standard_strings, char ***names, size_t *count, struct error *err)
{
    struct naming n = { .names = calloc(PREFLIGHT_NAMES, sizeof *n.names) };
    enum section_kind kind = plan->direction == PLAN_UPGRADE ? SECTION_UPGRADE : SECTION_ROLLBACK;
    bool ok = n.names != NULL;
    for (size_t i = 0; ok && i < plan->count; i++) {
        struct script *script = NULL;
        struct scan_statement found;
        enum scan_answer got = SCAN_ERROR;
        ok = script_open(plan->items[i].migration, kind, dialect, standard_strings, &script, err);
        while (ok && (got = script_next(script, &found, err)) == SCAN_STATEMENT) {
            n.at = found.text;
            n.end = found.text + found.len;
            scan(&n);
        }
        ok = ok && got == SCAN_END;
        script_close(script);
    }
    *names = n.names;
    *count = n.count;
    return ok && !n.failed ? true : n.names && !n.failed ? false : error_set(err, ERR_NO_MEMORY, "Memory ran out looking for the tables of a plan.");
}
