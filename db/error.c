/* error.c: fills and names faults. */
#include "error.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

/* One row per enum error_code, in its order. */
static const struct {
    const char *name;
    int exit_code;
} codes[ERR_CODES] = {
    [ERR_NONE] = {"none", 0},
    [ERR_FAILED] = {"failed", 1},
    [ERR_SQL] = {"sql", 1},
    [ERR_REFUSED] = {"refused", 1},
    [ERR_FILE] = {"file", 1},
    [ERR_NO_MEMORY] = {"no-memory", 1},
    [ERR_INTERNAL] = {"internal", 1},
    [ERR_CANCELLED] = {"cancelled", 1},
    [ERR_RIGHTS] = {"rights", 1},
    [ERR_UNKNOWN_END] = {"unknown-end", 1},
    [ERR_NOT_RELEASED] = {"not-released", 1},
    [ERR_MEDDLED] = {"meddled", 1},
    [ERR_USAGE] = {"usage", 2},
    [ERR_CONFIG] = {"config", 2},
    [ERR_LOCK_HELD] = {"lock-held", 3},
    [ERR_LOCK_CHANGED] = {"lock-changed", 3},
    [ERR_LOCK_BUSY] = {"lock-busy", 3},
    [ERR_LOCK_ALIVE] = {"lock-alive", 3},
    [ERR_LOCK_LOST] = {"lock-lost", 4},
    [ERR_HISTORY] = {"history", 5},
    [ERR_PLAN] = {"plan", 5},
    [ERR_NO_CONNECTION] = {"no-connection", 6},
};

/* Formats by way of a buffer of its own, since arguments may point into the struct that is written. */
static void fill(char *to, size_t size, const char *format, va_list args) __attribute__((format(printf, 3, 0)));

static void fill(char *to, size_t size, const char *format, va_list args)
{
    char words[4096];
    if (vsnprintf(words, sizeof words, format, args) < 0)
        words[0] = '\0';
    text_copy(to, size, words);
}

bool error_set(struct error *err, enum error_code code, const char *format, ...)
{
    char words[sizeof err->message];
    va_list args;
    if (!err)
        return false;
    va_start(args, format);
    fill(words, sizeof words, format, args);
    va_end(args);
    error_clear(err);
    err->code = code;
    memcpy(err->message, words, sizeof words);
    return false;
}

bool error_hint(struct error *err, const char *format, ...)
{
    va_list args;
    if (!err)
        return false;
    va_start(args, format);
    fill(err->hint, sizeof err->hint, format, args);
    va_end(args);
    return false;
}

bool error_detail(struct error *err, const char *format, ...)
{
    va_list args;
    if (!err)
        return false;
    va_start(args, format);
    fill(err->detail, sizeof err->detail, format, args);
    va_end(args);
    return false;
}

bool error_state(struct error *err, const char *format, ...)
{
    va_list args;
    if (!err)
        return false;
    va_start(args, format);
    fill(err->state, sizeof err->state, format, args);
    va_end(args);
    return false;
}

void error_clear(struct error *err)
{
    if (!err)
        return;
    /* Ten kilobytes, cleared for each file that is read: an empty string is one byte. */
    err->code = ERR_NONE;
    err->sqlstate[0] = err->message[0] = err->detail[0] = err->hint[0] = err->context[0] = err->query[0] = err->state[0] = err->source[0] = '\0';
    err->query_caret = err->caret = 0;
    err->place.file[0] = '\0';
    err->place.line = err->place.column = 0;
    err->not_up = false;
}

const char *error_name(enum error_code code)
{
    return code >= ERR_NONE && code < ERR_CODES ? codes[code].name : "internal";
}

int error_exit_code(enum error_code code)
{
    return code >= ERR_NONE && code < ERR_CODES ? codes[code].exit_code : 1;
}
