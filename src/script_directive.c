/* script_directive.c: the directives at a file's head: which there are, what they take, and what is refused with the way out. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "options.h"
#include "script_private.h"
#include "text.h"

enum takes { TAKES_NOTHING, TAKES_SWITCH, TAKES_DURATION };

static const struct {
    const char *name;
    enum takes takes;
} known[] = {
    { "delimiter", TAKES_NOTHING }, /* one that Jetbase reads never comes here */
    { "no-transaction", TAKES_NOTHING },
    { "foreign-keys", TAKES_SWITCH },
    { "lock-timeout", TAKES_DURATION },
    { "statement-timeout", TAKES_DURATION },
    { "out-of-order", TAKES_NOTHING },
};

enum { KNOWN = sizeof known / sizeof *known, WORD_SHOWN = 64 };

/* Refuses at a column of the directive's own line. Always false. */
static bool refuse_at(const struct script_judge *j, const struct directive *d, unsigned column, const char *message, const char *hint, struct error *err)
{
    struct place at = { .line = d->line, .column = column };
    text_copy(at.file, sizeof at.file, j->m->file);
    return script_refuse(j, &at, message, hint, err);
}

static const char *next_name(void *user)
{
    size_t *i = user;
    return *i < KNOWN ? known[(*i)++].name : NULL;
}

/* As directives are written: small letters. *whole: nothing was cut off. */
static void lower_case(char *to, size_t size, const char *from, bool *whole)
{
    *whole = text_copy(to, size, from);
    for (char *c = to; *c; c++)
        *c = (char)tolower((unsigned char)*c);
}

static bool refuse_unknown(const struct script_judge *j, const struct directive *d, struct error *err)
{
    char shown[WORD_SHOWN], lower[WORD_SHOWN], message[160], hint[400];
    size_t at = 0;
    bool whole;
    lower_case(lower, sizeof lower, d->name, &whole);
    const char *near = options_nearest(lower, next_name, &at);
    text_visible(shown, sizeof shown, lower);
    snprintf(message, sizeof message, *d->name ? "there is no directive '%s'" : "a directive without a name%s", shown);
    snprintf(hint, sizeof hint, "%s%s%sThere are delimiter=X, no-transaction, foreign-keys=off, lock-timeout=2s, statement-timeout=5min and out-of-order. A remark must not begin with `jetbase:`.", near ? "Did you mean " : "",
             near ? near : "", near ? "? " : "");
    return refuse_at(j, d, d->name_column, message, hint, err);
}

static bool take_duration(const struct script_judge *j, const struct directive *d, int *ms, struct error *err)
{
    char lower[32], message[256], shown[WORD_SHOWN];
    struct error why = { 0 };
    bool whole;
    lower_case(lower, sizeof lower, d->value ? d->value : "", &whole);
    if (whole && lower[0] && options_duration(lower, ms, &why))
        return true;
    text_visible(shown, sizeof shown, d->name);
    if (!lower[0])
        snprintf(message, sizeof message, "%s says no time", shown);
    else
        snprintf(message, sizeof message, "%s: %.100s", shown, whole ? why.message : "this is no duration");
    return refuse_at(j, d, lower[0] ? d->value_column : d->name_column, message, "A number with a unit behind `=`: 500ms, 2s, 5min, 1h; a bare number is seconds.", err);
}

/* Puts a value that was read into the facts. */
static bool take(struct script_judge *j, const struct directive *d, const char *name, enum takes takes, struct error *err)
{
    char message[160];
    if (strcmp(name, "delimiter") == 0)
        return true; /* one that Jetbase does not read as such (a blank before `=`, no `=`) is a comment there, and must be one here */
    if (takes == TAKES_NOTHING && d->value) {
        snprintf(message, sizeof message, "%s takes no value", name);
        return refuse_at(j, d, d->value_column, message, "Leave `=` and what follows out; without the directive, take the line out.", err);
    }
    if (takes == TAKES_SWITCH && (!d->value || (strcasecmp(d->value, "off") != 0 && strcasecmp(d->value, "on") != 0))) {
        snprintf(message, sizeof message, "%s is on or off", name);
        return refuse_at(j, d, d->value && *d->value ? d->value_column : d->name_column, message, "Write -- jetbase: foreign-keys=off, or take the line out.", err);
    }
    if (strcmp(name, "lock-timeout") == 0)
        return take_duration(j, d, &j->facts.lock_timeout_ms, err);
    if (strcmp(name, "statement-timeout") == 0)
        return take_duration(j, d, &j->facts.statement_timeout_ms, err);
    if (strcmp(name, "no-transaction") == 0)
        j->alone = j->facts.outside = true;
    else if (strcmp(name, "out-of-order") == 0)
        j->facts.out_of_order = true;
    else
        j->facts.foreign_keys_off = strcasecmp(d->value, "off") == 0;
    return true;
}

/* The one that says foreign-keys. */
static const struct directive *keys_directive(const struct section *section)
{
    for (size_t i = 0; i < section_directive_count(section); i++)
        if (strcasecmp(section_directive_at(section, i)->name, "foreign-keys") == 0)
            return section_directive_at(section, i);
    return NULL;
}

static bool judge_keys(const struct script_judge *j, const struct section *section, struct error *err)
{
    const struct directive *d = keys_directive(section);
    if (!j->facts.foreign_keys_off || !d || (j->dialect == SCAN_SQLITE && !j->alone))
        return true;
    if (j->alone)
        return refuse_at(j, d, d->name_column, "this file asks to run without a transaction and without checks of foreign keys; these are checked before a commit, and there would be none",
                         "Take one of the two directives out. PRAGMA foreign_keys may stand in a file outside a transaction.", err);
    return refuse_at(j, d, d->name_column, "foreign-keys=off is for SQLite: PostgreSQL has no such setting",
                     "Take the directive out. SET CONSTRAINTS ALL DEFERRED checks deferrable foreign keys at the end of the file.", err);
}

bool script_judge_directives(struct script_judge *j, const struct section *section, struct error *err)
{
    bool seen[KNOWN] = { false };
    for (size_t i = 0; i < section_directive_count(section); i++) {
        const struct directive *d = section_directive_at(section, i);
        size_t k = 0;
        while (k < KNOWN && strcasecmp(d->name, known[k].name) != 0)
            k++;
        if (k == KNOWN)
            return refuse_unknown(j, d, err);
        if (k == 0 && section_delimiter(section))
            continue; /* Jetbase takes the first one and passes over all others */
        if (seen[k])
            return refuse_at(j, d, d->name_column, "this directive stands here a second time", "Leave one of the two lines.", err);
        seen[k] = true;
        if (!take(j, d, known[k].name, known[k].takes, err))
            return false;
    }
    return judge_keys(j, section, err);
}

bool script_out_of_order(const struct migration *m, bool *allowed, struct error *err)
{
    struct section *section;
    *allowed = false;
    if (!section_open(m->path, m->file, SECTION_UNDIGESTED | (m->listed ? SECTION_LISTED : 0), SECTION_UPGRADE, &section, err))
        return false;
    *allowed = section_directive(section, "out-of-order", NULL, 0);
    section_close(section);
    return true;
}

/* "2 s", "500 ms" as a directive would say it; "" for 0. */
static void duration(int ms, char *to, size_t size)
{
    static const struct { int ms; const char *name; } units[] = { { 3600000, "h" }, { 60000, "min" }, { 1000, "s" }, { 1, "ms" } };
    size_t i = 0;
    while (ms % units[i].ms != 0)
        i++;
    to[0] = '\0';
    if (ms > 0)
        snprintf(to, size, "%d %s", ms / units[i].ms, units[i].name);
}

void script_facts_words(const struct script_facts *facts, char *to, size_t size)
{
    char lock[32], statement[32];
    duration(facts->lock_timeout_ms, lock, sizeof lock);
    duration(facts->statement_timeout_ms, statement, sizeof statement);
    snprintf(to, size, "%s%s%s%s%s%s", facts->outside ? ", outside a transaction" : "", facts->out_of_order ? ", out of order" : "", facts->lock_timeout_ms ? ", lock timeout " : "", lock,
             facts->statement_timeout_ms ? ", statement timeout " : "", statement);
}
