/* golden_differences.c: the steps that differ on purpose. */
#include "golden.h"

#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LINE = 1024 };

/* Entries that share what follows: those from `first` on. */
struct listing {
    struct golden_differences *to;
    struct golden_text ours;
    size_t first;
    unsigned line;
    bool inside; /* lines other than headings have come */
};

static void finish(struct listing *l)
{
    golden_text_add(&l->ours, "", 0);
    for (size_t i = l->first; i < l->to->count; i++) {
        struct golden_difference *d = &l->to->all[i];
        if (!d->why || (!d->words && !d->exit))
            fail_msg("DIFFERENCES, entry %s %u, before line %u: `differs:` or `why:` is missing", d->database, d->number, l->line);
        d->ours = strdup(l->ours.text);
        assert_non_null(d->ours);
    }
    l->first = l->to->count;
    free(l->ours.text);
    l->ours = (struct golden_text){ 0 };
    l->inside = false;
}

static void heading(struct listing *l, const char *line)
{
    struct golden_difference d = { .number = 0 };
    int behind = 0;
    if (l->inside)
        finish(l);
    if (sscanf(line, "[%15s %u] %n", d.database, &d.number, &behind) != 2 || behind == 0)
        fail_msg("DIFFERENCES:%u: no heading: %s", l->line, line);
    d.head = strdup(line + behind);
    assert_non_null(d.head);
    struct golden_difference *more = realloc(l->to->all, (l->to->count + 1) * sizeof *more);
    assert_non_null(more);
    l->to->all = more;
    more[l->to->count++] = d;
}

static void entry_line(struct listing *l, const char *line)
{
    bool differs = strncmp(line, "differs: ", 9) == 0, why = strncmp(line, "why: ", 5) == 0, ours = line[0] == '|';
    if (line[0] == '[') {
        heading(l, line);
        return;
    }
    if (line[0] == '#' || line[0] == '\0')
        return;
    l->inside = true;
    if (ours)
        golden_text_line(&l->ours, line + (strlen(line) > 4 ? 4 : strlen(line)), strlen(line) > 4 ? strlen(line) - 4 : 0);
    else if (!differs && !why)
        fail_msg("DIFFERENCES:%u: not understood: %s", l->line, line);
    for (size_t i = l->first; i < l->to->count; i++) {
        struct golden_difference *d = &l->to->all[i];
        d->why |= why && strlen(line) > 15;
        d->words |= differs && strstr(line, "words");
        d->exit |= differs && strstr(line, "exit");
    }
}

void golden_differences_read(struct golden_differences *differences)
{
    char *text = golden_file("DIFFERENCES"), *at = text;
    struct listing l = { .to = differences };
    *differences = (struct golden_differences){ 0 };
    while (*at) {
        char line[LINE];
        size_t len = strcspn(at, "\n");
        assert_true(len < sizeof line);
        snprintf(line, sizeof line, "%.*s", (int)len, at);
        l.line++;
        entry_line(&l, line);
        at += len + (at[len] == '\n');
    }
    finish(&l);
    free(text);
}

void golden_differences_free(struct golden_differences *differences)
{
    for (size_t i = 0; i < differences->count; i++) {
        free(differences->all[i].head);
        free(differences->all[i].ours);
    }
    free(differences->all);
    *differences = (struct golden_differences){ 0 };
}

static size_t take_line(const char *text, char line[LINE])
{
    size_t len = strcspn(text, "\n");
    assert_true(len < LINE);
    snprintf(line, LINE, "%.*s", (int)len, text);
    return len + (text[len] == '\n');
}

/* Only `*` has a meaning in a pattern. */
static bool line_fits(const char *pattern, const char *line)
{
    char quoted[2 * LINE];
    size_t n = 0;
    for (; *pattern; pattern++) {
        if (strchr("?[]\\", *pattern))
            quoted[n++] = '\\';
        quoted[n++] = *pattern;
    }
    quoted[n] = '\0';
    return fnmatch(quoted, line, 0) == 0;
}

bool golden_differences_fits(const char *pattern, const char *words)
{
    char want[LINE], line[LINE];
    if (!*pattern)
        return !*words;
    size_t next = take_line(pattern, want);
    if (strcmp(want, "*") == 0) {
        for (;;) {
            if (golden_differences_fits(pattern + next, words))
                return true;
            if (!*words)
                return false;
            words += take_line(words, line);
        }
    }
    if (!*words)
        return false;
    size_t got = take_line(words, line);
    return line_fits(want, line) && golden_differences_fits(pattern + next, words + got);
}

void golden_differences_pass_over(struct golden_differences *differences, const char *where, char *words)
{
    char line[LINE], *kept = words, *begin = words;
    bool any = false;
    while (*words) {
        size_t next = take_line(words, line);
        bool passed = false;
        for (size_t i = 0; i < differences->count; i++) {
            struct golden_difference *d = &differences->all[i];
            char ours[LINE];
            if (strcmp(d->database, where) != 0)
                continue;
            take_line(d->ours, ours);
            if (line_fits(ours, line))
                passed = d->used = true;
        }
        any |= passed;
        if (!passed) {
            memmove(kept, words, next);
            kept += next;
        }
        words += next;
    }
    /* A blank line before what went would end the words, where none may. */
    while (any && kept > begin + 1 && kept[-1] == '\n' && kept[-2] == '\n')
        kept--;
    *kept = '\0';
}

static struct golden_difference *find(struct golden_differences *differences, const char *database, unsigned number)
{
    for (size_t i = 0; i < differences->count; i++)
        if (differences->all[i].number == number && strcmp(differences->all[i].database, database) == 0)
            return &differences->all[i];
    return NULL;
}

static void show(const char *title, const char *words)
{
    print_error("%s\n", title);
    while (*words) {
        size_t len = strcspn(words, "\n");
        print_error("|   %.*s\n", (int)len, words);
        words += len + (words[len] == '\n');
    }
}

bool golden_judge(struct golden_differences *differences, const char *database, const struct golden_item *item, const char *want, const char *got, bool exit_differs)
{
    struct golden_difference *d = find(differences, database, item->number);
    bool words_differ = strcmp(want, got) != 0;
    const char *fault = NULL;
    if (d) {
        d->used = true;
        if (strcmp(d->head, item->head) != 0)
            fault = "is listed in DIFFERENCES under another command";
        else if (d->words != words_differ || d->exit != exit_differs)
            fault = words_differ || exit_differs ? "does not deviate as DIFFERENCES says" : "is listed in DIFFERENCES and deviates no more";
        else if (d->words && !golden_differences_fits(d->ours, got))
            fault = "deviates otherwise than DIFFERENCES says";
    } else if (words_differ || exit_differs) {
        fault = words_differ ? "deviates and is not listed in DIFFERENCES" : "ends with another exit class and is not listed in DIFFERENCES";
    }
    if (!fault)
        return true;
    print_error("[%s %u] %s\n(line %u of the transcript) %s%s\n", database, item->number, item->head, item->line, fault, exit_differs ? "; the exit class differs" : "");
    show("Jetbase:", want);
    show("ours:", got);
    return false;
}
