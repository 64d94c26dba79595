/* run.c: runs the program in a sandbox by one line of words, and compares what it says. */
#include "run.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS_MOST = 20, LINE_MOST = 2000, TESTS_MOST = 64 };

int run_line(const struct sandbox *sb, struct process *p, const char *line)
{
    char copy[LINE_MOST], *rest = copy, *word;
    const char *args[WORDS_MOST + 1];
    size_t n = 0;
    assert_true(strlen(line) < sizeof copy);
    snprintf(copy, sizeof copy, "%s", line);
    while ((word = strsep(&rest, " ")) != NULL) {
        assert_true(n < WORDS_MOST);
        for (char *c = word; *c; c++)
            if (*c == '*')
                *c = ' ';
        if (*word)
            args[n++] = word;
    }
    args[n] = NULL;
    return sandbox_run(sb, p, args);
}

/* "2026-11-23 20:28:55.79" becomes "TIME" and blanks; shorter fractions are padded in the table already. */
static void hide_times(char *text)
{
    static const char shape[] = "dddd-dd-dd dd:dd:dd.";
    for (char *at = text; *at; at++) {
        size_t n = 0;
        while (shape[n] && (shape[n] == 'd' ? isdigit((unsigned char)at[n]) : at[n] == shape[n]))
            n++;
        if (shape[n])
            continue;
        while (isdigit((unsigned char)at[n]))
            n++;
        memset(at, ' ', n);
        memcpy(at, "TIME", 4);
    }
}

static void fail_run(const char *line, const struct process *p, const char *what, const char *wanted)
{
    print_error("jetbase %s: %s\n[exit %d]\n[stdout]\n%s[stderr]\n%s[expected]\n%s\n", line, what, p->exit, p->out, p->err, wanted ? wanted : "");
    fail();
}

static void check_exit(const char *line, const struct process *p, int code)
{
    char wanted[40];
    snprintf(wanted, sizeof wanted, "exit %d", code);
    if (p->exit != code)
        fail_run(line, p, "another exit code", wanted);
}

void run_says(const struct sandbox *sb, const char *line, int code, const char *out, const char *err)
{
    struct process p;
    run_line(sb, &p, line);
    hide_times(p.out);
    check_exit(line, &p, code);
    if (out && strcmp(p.out, out) != 0)
        fail_run(line, &p, "another standard output", out);
    if (err && strcmp(p.err, err) != 0)
        fail_run(line, &p, "another standard error", err);
    process_free(&p);
}

static bool holds(const char *text, const char *part)
{
    return !part || (*part ? strstr(text, part) != NULL : *text == '\0');
}

void run_has(const struct sandbox *sb, const char *line, int code, const char *out, const char *err)
{
    struct process p;
    run_line(sb, &p, line);
    check_exit(line, &p, code);
    if (!holds(p.out, out))
        fail_run(line, &p, "another standard output", out);
    if (!holds(p.err, err))
        fail_run(line, &p, "another standard error", err);
    process_free(&p);
}

json_t *run_json(const struct sandbox *sb, const char *line, int code)
{
    struct process p;
    json_t *object;
    run_line(sb, &p, line);
    check_exit(line, &p, code);
    object = json_loads(p.out, JSON_REJECT_DUPLICATES, NULL);
    if (!object || !json_is_object(object) || strchr(p.out, '\n') != p.out + strlen(p.out) - 1)
        fail_run(line, &p, "not one JSON object in one line", NULL);
    process_free(&p);
    assert_int_equal(json_integer_value(json_object_get(object, "schema")), 1);
    return object;
}

json_t *run_events(const struct sandbox *sb, const char *line, int code)
{
    struct process p;
    json_t *events = json_array();
    char *rest, *one;
    run_line(sb, &p, line);
    check_exit(line, &p, code);
    rest = p.out;
    while ((one = strsep(&rest, "\n")) != NULL && *one) {
        json_t *event = json_loads(one, JSON_REJECT_DUPLICATES, NULL);
        if (!event || json_integer_value(json_object_get(event, "schema")) != 1 || !json_is_string(json_object_get(event, "event")))
            fail_run(line, &p, "a line that is no event", one);
        json_array_append_new(events, event);
    }
    process_free(&p);
    return events;
}

const char *run_text(const json_t *object, const char *path)
{
    char copy[200], *rest = copy, *key;
    const json_t *at = object;
    snprintf(copy, sizeof copy, "%s", path);
    while ((key = strsep(&rest, ".")) != NULL) {
        at = json_is_array(at) ? json_array_get(at, (size_t)strtol(key, NULL, 10)) : json_object_get(at, key);
        if (!at)
            fail_msg("no %s in the JSON", path);
    }
    return json_string_value(at);
}

/* ---- groups ---- */

struct state {
    const struct run_case *test;
    enum sandbox_kind kind;
};

static void run_one(void **state)
{
    const struct state *s = *state;
    s->test->test(s->kind);
}

int run_group(const char *group, const struct run_case *tests, size_t count)
{
    static const char *const unwanted[] = { "JETBASE_POSTGRES_SCHEMA", "JETBASE_SKIP_VALIDATION", "JETBASE_SKIP_CHECKSUM_VALIDATION", "JETBASE_SKIP_FILE_VALIDATION", "JETBASE_FAILPOINT", "NO_COLOR" };
    static struct state states[2 * TESTS_MOST];
    static char names[2 * TESTS_MOST][100];
    static struct CMUnitTest all[2 * TESTS_MOST];
    size_t n = 0;
    setenv("COLUMNS", "100", 1);
    for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
        unsetenv(unwanted[i]);
    for (int kind = SANDBOX_SQLITE; kind <= SANDBOX_POSTGRES; kind++) {
        for (size_t i = 0; i < count && i < TESTS_MOST && sandbox_has((enum sandbox_kind)kind); i++) {
            states[n] = (struct state){ .test = &tests[i], .kind = (enum sandbox_kind)kind };
            snprintf(names[n], sizeof names[n], "%s_%s", tests[i].name, kind == SANDBOX_SQLITE ? "sqlite" : "postgres");
            all[n] = (struct CMUnitTest){ .name = names[n], .test_func = run_one, .initial_state = &states[n] };
            n++;
        }
    }
    return _cmocka_run_group_tests(group, all, n, NULL, NULL);
}
