/* options_value.c: reads the values of options: durations and numbers, and quotes what is wrong without showing a password. */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options_private.h"
#include "text.h"

void options_shown(const char *word, char *to, size_t size)
{
    const char *colon = strchr(word, ':');
    char cut[128];
    if (!colon || (!strstr(word, "://") && !strchr(colon, '@'))) {
        text_visible(to, size, word);
        return;
    }
    snprintf(cut, sizeof cut, "%.*s:***", (int)(colon - word > 64 ? 64 : colon - word), word);
    text_visible(to, size, cut);
}

void options_names(const struct option_def *def, char *to, size_t size)
{
    if (def->name && def->letter)
        snprintf(to, size, "'--%s' / '-%c'", def->name, def->letter);
    else if (def->name)
        snprintf(to, size, "'--%s'", def->name);
    else
        snprintf(to, size, "'-%c'", def->letter);
}

bool options_duration(const char *text, int *ms, struct error *err)
{
    static const struct { const char *name; int64_t ms; } units[] = { { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "min", 60000 }, { "h", 3600000 } };
    int64_t whole = 0, fraction = 0, scale = 1, total = -1;
    const char *at = text;
    char quoted[128];
    for (; *at >= '0' && *at <= '9' && whole < INT_MAX; at++)
        whole = whole * 10 + (*at - '0');
    if (at > text && *at == '.')
        for (at++; *at >= '0' && *at <= '9'; at++)
            if (scale < 1000000) {
                fraction = fraction * 10 + (*at - '0');
                scale *= 10;
            }
    for (size_t i = 0; at > text && i < sizeof units / sizeof *units; i++)
        if (strcmp(at, units[i].name) == 0)
            total = whole * units[i].ms + fraction * units[i].ms / scale;
    if (total > 0 && total <= INT_MAX) {
        *ms = (int)total;
        return true;
    }
    options_shown(text, quoted, sizeof quoted);
    error_set(err, ERR_USAGE, "'%s' is not a duration%s", quoted, total == 0 ? " of more than 0" : total > INT_MAX ? " that can be waited for" : "");
    return error_hint(err, "A number with a unit: 500ms, 5s, 2min; a bare number is seconds.");
}

bool options_take_duration(const struct option_def *def, const char *text, int *ms, struct error *err)
{
    char why[256], names[80];
    if (options_duration(text, ms, err))
        return true;
    options_names(def, names, sizeof names);
    text_copy(why, sizeof why, err->message);
    error_set(err, ERR_USAGE, "Invalid value for %s: %s", names, why);
    return error_hint(err, "A number with a unit: 500ms, 5s, 2min; a bare number is seconds.");
}

bool options_wait(const char *text, int *ms, struct error *err)
{
    if (strcmp(text, "forever") == 0) {
        *ms = -1;
        return true;
    }
    if (options_duration(text, ms, err))
        return true;
    return error_hint(err, "A number with a unit: 500ms, 5s, 2min; a bare number is seconds. Or: forever");
}

bool options_take_wait(const struct option_def *def, const char *text, int *ms, struct error *err)
{
    char why[256], names[80];
    if (options_wait(text, ms, err))
        return true;
    options_names(def, names, sizeof names);
    text_copy(why, sizeof why, err->message);
    error_set(err, ERR_USAGE, "Invalid value for %s: %s", names, why);
    return error_hint(err, "A number with a unit: 500ms, 5s, 2min; a bare number is seconds. Or: forever");
}

bool options_take_number(const struct option_def *def, const char *text, int *number, struct error *err)
{
    char *end, names[80], quoted[128];
    long value = strtol(text, &end, 10);
    if (end == text || *end != '\0') {
        options_names(def, names, sizeof names);
        options_shown(text, quoted, sizeof quoted);
        return error_set(err, ERR_USAGE, "Invalid value for %s: '%s' is not a valid integer.", names, quoted);
    }
    if (value < 1 || value > INT_MAX) {
        error_set(err, ERR_USAGE, "'%s' must be a positive integer.", def->name);
        return error_hint(err, "Leave --%s out for the usual, or give 1 or more.", def->name);
    }
    *number = (int)value;
    return true;
}
