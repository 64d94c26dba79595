/* golden_words.c: what of an output is compared. */
#include "golden.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static const char traceback[] = "(python traceback left out)";

/* Replaces each match; `padded` fills up to the old width, so that tables keep their form. */
static char *replace(char *text, const char *pattern, const char *with, bool padded)
{
    struct golden_text out = { 0 };
    const char *at = text;
    regex_t regex;
    regmatch_t match;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED), 0);
    golden_text_add(&out, "", 0);
    while (regexec(&regex, at, 1, &match, 0) == 0) {
        golden_text_add(&out, at, (size_t)match.rm_so);
        golden_text_add(&out, with, strlen(with));
        for (size_t len = strlen(with); padded && len < (size_t)(match.rm_eo - match.rm_so); len++)
            golden_text_add(&out, " ", 1);
        at += match.rm_eo;
    }
    golden_text_add(&out, at, strlen(at));
    regfree(&regex);
    free(text);
    return out.text;
}

/* Takes trailing blanks of each line and empty lines at both ends away. */
static char *trim(char *text)
{
    struct golden_text out = { 0 };
    size_t empty = 0;
    golden_text_add(&out, "", 0);
    for (const char *line = text; *line;) {
        size_t whole = strcspn(line, "\n"), len = whole;
        while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\r'))
            len--;
        if (len == 0) {
            empty++;
        } else {
            for (; empty > 0 && out.len > 0; empty--)
                golden_text_add(&out, "\n", 1);
            empty = 0;
            golden_text_line(&out, line, len);
        }
        line += whole + (line[whole] == '\n');
    }
    free(text);
    return out.text;
}

static char *common(char *text)
{
    text = replace(text, "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?", "TIME", true);
    text = replace(text, "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", false);
    text = replace(text, "V[0-9]{8}\\.[0-9]{6}__", "VTIME__", false);
    text = replace(text, "127\\.0\\.0\\.1|::1", "HOST", false);
    text = replace(text, "port [0-9]+", "port PORT", false);
    return trim(text);
}

/* A log line; Jetbase's JSON ones hold theirs in "message". */
static void add_log_line(struct golden_text *out, const char *line, size_t len)
{
    json_t *object = len > 0 && line[0] == '{' ? json_loadb(line, len, 0, NULL) : NULL;
    const char *message = json_string_value(json_object_get(object, "message"));
    if (message)
        golden_text_line(out, message, strlen(message));
    else
        golden_text_line(out, line, len);
    json_decref(object);
}

static void add_log(struct golden_text *out, const char *text, const char *end)
{
    while (text < end) {
        size_t len = strcspn(text, "\n");
        add_log_line(out, text, len);
        text += len + 1;
    }
}

/* An error's lines: stripped, empty ones dropped; one that ends with a blank was wrapped there. */
static char *unwrapped(const char *text)
{
    struct golden_text out = { 0 };
    golden_text_add(&out, "", 0);
    while (*text) {
        size_t whole = strcspn(text, "\n"), start = strspn(text, " "), end = whole;
        if (start < whole) {
            while (text[end - 1] == ' ')
                end--;
            golden_text_add(&out, text + start, end - start);
            golden_text_add(&out, end < whole ? " " : "\n", 1);
        }
        text += whole + (text[whole] == '\n');
    }
    return out.text;
}

/* Jetbase's last message without its class, nor what SQLAlchemy puts round it. */
static void add_message(struct golden_text *out, const char *text)
{
    char *message = unwrapped(text);
    char *cut = strstr(message, "[SQL: ");
    if (cut)
        *cut = '\0';
    cut = strstr(message, "(Background on this error");
    if (cut)
        *cut = '\0';
    message = replace(message, "^[A-Z][A-Za-z]*: ", "", false);
    message = replace(message, "^\\((psycopg2|sqlalchemy)\\.[A-Za-z.]*\\) ", "", false);
    golden_text_add(out, message, strlen(message));
    free(message);
}

/* The inside of click's box. */
static void add_usage(struct golden_text *out, const char *text)
{
    static const char bar[] = "│ ";
    for (const char *line = strstr(text, bar); line; line = strstr(line + 1, bar)) {
        const char *end = strchr(line, '\n');
        size_t len = (end ? (size_t)(end - line) : strlen(line)) - strlen(bar);
        const char *inside = line + strlen(bar);
        while (len > 0 && (unsigned char)inside[len - 1] >= 0x80)
            len--;
        golden_text_line(out, inside, len);
        line = end ? end : line + strlen(line) - 1;
    }
}

char *golden_words_wanted(const struct golden_item *item)
{
    static const char mark[] = "[stderr]\n";
    struct golden_text out = { 0 };
    const char *err = strncmp(item->body, mark, strlen(mark)) == 0 ? item->body + strlen(mark) : item->exit == 0 && !strstr(item->body, traceback) ? NULL : item->body;
    golden_text_add(&out, "", 0);
    if (!err) {
        golden_text_add(&out, item->body, strlen(item->body));
    } else if (item->exit == 2) {
        add_usage(&out, err);
    } else {
        const char *first = strstr(err, traceback), *last = first, *next;
        add_log(&out, err, first ? first : err + strlen(err));
        while (last && (next = strstr(last + 1, traceback)))
            last = next;
        if (last)
            add_message(&out, last + strlen(traceback));
    }
    return common(out.text);
}

static char *with_project(char *text, const char *root)
{
    struct golden_text out = { 0 };
    const char *at = text, *found;
    golden_text_add(&out, "", 0);
    while ((found = strstr(at, root))) {
        golden_text_add(&out, at, (size_t)(found - at));
        golden_text_add(&out, "PROJECT", 7);
        at = found + strlen(root);
    }
    golden_text_add(&out, at, strlen(at));
    free(text);
    return out.text;
}

char *golden_words_got(const char *out, const char *err, const char *root)
{
    struct golden_text text = { 0 };
    char *message = replace(unwrapped(err), "^error: ", "", false), *plain;
    golden_text_add(&text, out, strlen(out));
    plain = trim(text.text);
    text = (struct golden_text){ plain, strlen(plain) };
    golden_text_add(&text, message, strlen(message));
    free(message);
    return common(with_project(text.text, root));
}

char *golden_words_shown(const char *text, const char *root)
{
    char *copy = strdup(text);
    assert_non_null(copy);
    return common(with_project(copy, root));
}
