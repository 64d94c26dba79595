/* output.c: what a command says as text: results on standard output, errors and warnings on standard error. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "signals.h"
#include "text.h"

enum { WIDTH_USUAL = 80, WIDTH_LEAST = 20, WIDTH_MOST = 10000 };

void output_guard(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        int got;
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
            continue;
        /* Standard output is opened for reading: what is written there must fail and be told, not vanish. */
        got = open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY); /* no O_CLOEXEC: a child needs its three as well */
        if (got >= 0 && got != fd) {
            dup2(got, fd);
            close(got);
        }
    }
}

static unsigned width_of(int fd)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    long width = columns ? strtol(columns, NULL, 10) : 0;
    if (width <= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0)
        width = size.ws_col;
    if (width <= 0)
        return WIDTH_USUAL;
    return width < WIDTH_LEAST ? WIDTH_LEAST : width > WIDTH_MOST ? WIDTH_MOST : (unsigned)width;
}

void output_open(struct output *o, FILE *out, FILE *err)
{
    const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    memset(o, 0, sizeof *o);
    o->out = out;
    o->err = err;
    o->terminal = isatty(fileno(out)) == 1;
    o->rewritable = isatty(fileno(err)) == 1 && term && *term && strcmp(term, "dumb") != 0;
    o->colour = o->terminal && !(no_colour && *no_colour) && term && *term && strcmp(term, "dumb") != 0;
    o->width = width_of(fileno(out));
}

void output_flush(struct output *o)
{
    if (fflush(o->out) != 0 && o->write_errno == 0)
        o->write_errno = errno;
}

void output_live_end(struct output *o)
{
    if (!o->live)
        return;
    fputs("\r\033[K", o->err);
    fflush(o->err);
    o->live = false;
    signals_line_is(false);
}

void output_live(struct output *o, const char *head, const char *rest)
{
    size_t len = strlen(head), all = len;
    unsigned most;
    if (!o->rewritable || o->quiet)
        return;
    most = width_of(fileno(o->err)) - 1; /* in the last column some terminals go on to the next line */
    while (len > 0 && output_columns(head, len) + (len < all ? 1 : 0) + output_columns(rest, strlen(rest)) > most)
        len = text_offset(head, len, text_chars(head, len) - 1);
    fprintf(o->err, "\r%.*s%s%s\033[K", (int)len, head, len < all ? "…" : "", rest);
    fflush(o->err);
    o->live = true;
    signals_line_is(true);
}

int output_close(struct output *o, int code)
{
    output_live_end(o);
    output_flush(o);
    if (o->write_errno == 0 && !ferror(o->out))
        return code;
    fprintf(o->err, "error: standard output can't be written%s%s: what it shows is not complete\n", o->write_errno ? ": " : "", o->write_errno ? strerror(o->write_errno) : "");
    if (code == 0)
        fprintf(o->err, "The command itself was carried out; `jetbase status` tells what is true now.\n");
    return code ? code : 1;
}

static void print_line(FILE *to, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

static void print_line(FILE *to, const char *format, va_list args)
{
    vfprintf(to, format, args);
    fputc('\n', to);
}

void output_say(struct output *o, const char *format, ...)
{
    va_list args;
    if (o->quiet || o->json)
        return;
    output_live_end(o);
    va_start(args, format);
    print_line(o->out, format, args);
    va_end(args);
    output_flush(o);
}

void output_print(struct output *o, const char *format, ...)
{
    va_list args;
    if (o->json)
        return;
    output_live_end(o);
    va_start(args, format);
    print_line(o->out, format, args);
    va_end(args);
}

void output_coloured(struct output *o, const char *style, const char *line)
{
    if (o->colour)
        output_print(o, "\033[%sm%s\033[0m", style, line);
    else
        output_print(o, "%s", line);
}

/* Standard output first, so that on one terminal the order is that of what happened. */
static void say_beside(struct output *o, const char *label, const char *format, va_list args) __attribute__((format(printf, 3, 0)));

static void say_beside(struct output *o, const char *label, const char *format, va_list args)
{
    output_live_end(o);
    output_flush(o);
    fputs(label, o->err);
    print_line(o->err, format, args);
}

void output_warn(struct output *o, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_beside(o, "warning: ", format, args);
    va_end(args);
}

void output_warn_lines(struct output *o, const char *lines)
{
    while (lines && *lines) {
        size_t len = strcspn(lines, "\n");
        output_warn(o, "%.*s", (int)len, lines);
        lines += len + (lines[len] == '\n');
    }
}

void output_note(struct output *o, const char *format, ...)
{
    va_list args;
    if (o->quiet)
        return;
    va_start(args, format);
    say_beside(o, "note: ", format, args);
    va_end(args);
}

void output_beside(struct output *o, const char *format, ...)
{
    va_list args;
    if (o->quiet)
        return;
    va_start(args, format);
    say_beside(o, "", format, args);
    va_end(args);
}

void output_detail(struct output *o, const char *format, ...)
{
    va_list args;
    if (!o->verbose)
        return;
    va_start(args, format);
    say_beside(o, "", format, args);
    va_end(args);
}

/* What to do where the error itself names nothing (a server's hint is about the statement, not about what comes next). */
static const char *what_next(const struct error *err)
{
    if (strstr(err->state, "half applied"))
        return ""; /* running the command again would be refused: the hint says what does help */
    switch (err->code) {
    case ERR_SQL:
        /* Class 53: disk, memory or connections ran out, which is no fault of the file. */
        if (strncmp(err->sqlstate, "53", 2) == 0)
            return "Make room on the server, then run the command again.";
        return err->place.file[0] ? "Correct the file, then run the command again." : "";
    case ERR_REFUSED:
    case ERR_FILE:
        return err->hint[0] ? "" : "Put it right, then run the command again.";
    case ERR_NO_CONNECTION:
        return err->hint[0] ? "" : "Check that the server runs and that the URL is right, then run the command again.";
    case ERR_LOCK_LOST:
        return err->hint[0] ? "" : "`jetbase runs` tells who unlocked it.";
    case ERR_UNKNOWN_END:
        return err->hint[0] ? "" : "Look with `jetbase lock-status` and `jetbase history` before anything else is run.";
    case ERR_INTERNAL:
        return err->hint[0] ? "" : "This is a fault of the program itself.";
    default:
        return "";
    }
}

/* A line behind a label, and a caret (0: none) under one of its characters, however many columns those before it take. */
static void print_caret(FILE *to, const char *label, const char *line, unsigned caret)
{
    if (!line[0])
        return;
    fprintf(to, "%s%s\n", label, line);
    if (caret)
        fprintf(to, "%*s%*s^\n", (int)strlen(label), "", (int)output_columns(line, text_offset(line, strlen(line), caret - 1)), "");
}

/* Lines behind a label, the later ones under the first. */
static void print_lines(FILE *to, const char *label, const char *lines)
{
    int width = (int)strlen(label);
    while (*lines) {
        size_t len = strcspn(lines, "\n");
        fprintf(to, "%*s%.*s\n", width, label, (int)len, lines);
        lines += len + (lines[len] == '\n');
        label = "";
    }
}

void output_error_text(struct output *o, const struct error *err)
{
    const struct place *at = &err->place;
    char file[sizeof at->file];
    const char *next = what_next(err);
    output_live_end(o);
    output_flush(o);
    text_visible(file, sizeof file, at->file);
    if (file[0] && at->line && at->column)
        fprintf(o->err, "%s:%u:%u: ", file, at->line, at->column);
    else if (file[0] && at->line)
        fprintf(o->err, "%s:%u: ", file, at->line);
    else if (file[0] && !strstr(err->message, file))
        fprintf(o->err, "%s: ", file);
    fprintf(o->err, "error: %s\n", err->message[0] ? err->message : "something failed, and nothing is known about it");
    print_caret(o->err, "  ", err->source, err->caret);
    if (o->verbose && err->sqlstate[0])
        fprintf(o->err, "SQLSTATE: %s\n", err->sqlstate);
    print_lines(o->err, "DETAIL: ", err->detail);
    print_caret(o->err, "QUERY: ", err->query, err->query_caret);
    print_lines(o->err, "CONTEXT: ", err->context);
    print_lines(o->err, "HINT: ", err->hint);
    if (err->state[0])
        fprintf(o->err, "%s\n", err->state);
    if (next[0])
        fprintf(o->err, "%s\n", next);
    o->failure_told = true;
}

void output_age(double age_s, char *to, size_t size)
{
    long s = (long)age_s;
    if (age_s < 0)
        snprintf(to, size, "?");
    else if (age_s < 1)
        snprintf(to, size, "%.0f ms", age_s * 1000);
    else if (age_s < 10)
        snprintf(to, size, "%.1f s", age_s);
    else if (s < 60)
        snprintf(to, size, "%ld s", s);
    else if (s < 3600)
        snprintf(to, size, "%ld min %02ld s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(to, size, "%ld h %02ld min", s / 3600, s / 60 % 60);
    else
        snprintf(to, size, "%ld d %ld h", s / 86400, s / 3600 % 24);
}

void output_when(const char *utc, char *to, size_t size)
{
    struct tm tm = { 0 };
    time_t at;
    int used = 0;
    size_t len = strlen(utc);
    if (sscanf(utc, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) == 6 && used == 19 && utc[len - 1] == 'Z') {
        tm.tm_year -= 1900;
        tm.tm_mon -= 1;
        at = timegm(&tm);
        if (localtime_r(&at, &tm) && strftime(to, size, "%Y-%m-%d %H:%M:%S %Z", &tm) > 0)
            return;
    }
    text_visible(to, size, utc);
}

void output_clock(int64_t wall_us, char *to, size_t size)
{
    time_t at = (time_t)(wall_us / 1000000);
    struct tm tm;
    if (!localtime_r(&at, &tm) || strftime(to, size, "%H:%M:%S %Z", &tm) == 0)
        snprintf(to, size, "?");
}
