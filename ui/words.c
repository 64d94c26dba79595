/* words.c: ages, times, people, files and verdicts in words. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "text.h"
#include "words.h"

void words_age(double age_s, char *to, size_t size)
{
    long long s = (long long)age_s;
    if (age_s < 0)
        snprintf(to, size, "?");
    else if (s < 60)
        snprintf(to, size, "%lld s", s);
    else if (s < 3600)
        snprintf(to, size, "%lld min %02lld s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(to, size, "%lld h %02lld min", s / 3600, s / 60 % 60);
    else
        snprintf(to, size, "%lld d %lld h", s / 86400, s / 3600 % 24);
}

void words_duration(double ms, char *to, size_t size)
{
    if (ms < 0)
        snprintf(to, size, "?");
    else if (ms < 59950)
        snprintf(to, size, "%.1f s", ms / 1000.0);
    else
        words_age(ms / 1000.0, to, size);
}

void words_clock(int64_t wall_us, bool zone, char *to, size_t size)
{
    time_t t = (time_t)(wall_us / 1000000);
    struct tm tm;
    if (!localtime_r(&t, &tm) || strftime(to, size, zone ? "%H:%M:%S %Z" : "%H:%M:%S", &tm) == 0)
        snprintf(to, size, "?");
}

void words_when(const char *stored, bool utc, char *to, size_t size)
{
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    struct tm tm = { 0 };
    char separator;
    if (sscanf(stored, "%4d-%2d-%2d%c%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &separator, &tm.tm_hour, &tm.tm_min, &tm.tm_sec) < 6 ||
        tm.tm_mon < 1 || tm.tm_mon > 12) {
        text_visible(to, size, stored);
        return;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    if (utc) {
        time_t t = timegm(&tm);
        localtime_r(&t, &tm);
    }
    snprintf(to, size, "%s %2d %02d:%02d", months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min);
}

void words_holder(const struct run_row *run, char *to, size_t size)
{
    char who[400], name[520];
    snprintf(who, sizeof who, "%s%s%s", run->os_user, run->os_user[0] && run->host[0] ? "@" : "", run->host);
    text_visible(name, sizeof name, who);
    if (run->pid > 0)
        snprintf(to, size, "%s%spid %d", name, name[0] ? ", " : "", run->pid);
    else
        snprintf(to, size, "%s", name[0] ? name : "?");
}

void words_blocker(const struct db_blocker *b, int less, char *to, size_t size)
{
    bool hidden = b->state[0] == '\0';
    char raw[400];
    snprintf(raw, sizeof raw, "%d %s%s%s%s%s%s", b->pid, b->user[0] ? b->user : "?", less < 2 && (hidden || b->address[0]) ? "@" : "", less >= 2 ? "" : hidden ? "?" : b->address,
             less < 1 && b->application[0] ? " \"" : "", less < 1 ? b->application : "", less < 1 && b->application[0] ? "\"" : "");
    text_visible(to, size, raw);
}

void words_label(const char *file, char *to, size_t size)
{
    const char *end = strstr(file, "__");
    char cut[64];
    size_t len = end ? (size_t)(end - file) : strlen(file);
    if (len >= sizeof cut)
        len = sizeof cut - 1;
    memcpy(cut, file, len);
    cut[len] = '\0';
    text_visible(to, size, cut);
}

const char *words_verdict(enum lock_verdict verdict)
{
    switch (verdict) {
    case LOCK_FREE: return "FREE";
    case LOCK_ALIVE: return "ALIVE";
    case LOCK_DEAD: return "DEAD";
    case LOCK_UNKNOWN: break;
    }
    return "UNKNOWN";
}

const char *words_direction(enum plan_direction direction)
{
    return direction == PLAN_UPGRADE ? "upgrade" : "rollback";
}

void words_sentence(const char *text, char *to, size_t size)
{
    text_visible(to, size, text);
    if (size > 1 && strncmp(to, "jetbase", 7) != 0)
        to[0] = (char)toupper((unsigned char)to[0]);
}

void words_half(const struct snap_half *half, char *to, size_t size)
{
    const char *since = half->missing ? "; its file is missing" : half->same ? "" : "; its file was changed since";
    int unsure = half->started - half->done;
    if (half->done >= half->statements)
        snprintf(to, size, "all %d done, its record is missing%s", half->statements, since);
    else if (unsure > 1)
        snprintf(to, size, "%d of %d done, statements %d to %d may have run%s", half->done, half->statements, half->done + 1, half->started, since);
    else if (unsure == 1)
        snprintf(to, size, "%d of %d done, statement %d may have run%s", half->done, half->statements, half->started, since);
    else
        snprintf(to, size, "%d of %d done%s", half->done, half->statements, since);
}

void words_half_head(const struct snap_half *half, char *to, size_t size)
{
    snprintf(to, size, "%s is half applied%s", half->label, half->back ? " in its rollback" : "");
}

const char *words_plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

void words_bar(uint64_t n, uint64_t total, int cells, char *to, size_t size)
{
    uint64_t full = total ? (n > total ? total : n) * (uint64_t)cells / total : 0;
    size_t used = 0;
    if (size == 0)
        return;
    to[0] = '\0';
    for (int i = 0; i < cells && used + 4 <= size; i++)
        used += (size_t)snprintf(to + used, size - used, "%s", (uint64_t)i < full ? "█" : "░");
}
