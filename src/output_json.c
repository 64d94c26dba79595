/* output_json.c: builds and prints the JSON of commands. */
#include "output_json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "text.h"

json_t *json_piece(const char *text, size_t len)
{
    json_t *value = json_stringn(text, len);
    struct text safe = { 0 };
    if (value)
        return value;
    /* Not UTF-8: what can be shown of it is better than nothing. */
    text_add_visible(&safe, text, len);
    value = safe.failed ? NULL : json_string(text_string(&safe));
    text_free(&safe);
    return value;
}

json_t *json_words(const char *text)
{
    return text && *text ? json_piece(text, strlen(text)) : json_null();
}

json_t *json_count(int64_t number)
{
    return number < 0 ? json_null() : json_integer(number);
}

json_t *json_seconds(double seconds)
{
    /* Milliseconds are all there is to know; more digits would be noise. */
    return seconds < 0 ? json_null() : json_real((double)(int64_t)(seconds * 1000 + 0.5) / 1000);
}

/* Does a time end in a zone: Z, +02, +02:00? */
static bool has_zone(const char *time)
{
    const char *clock = strpbrk(time, "T ");
    return clock && (strpbrk(clock, "Zz+") || strchr(clock, '-'));
}

json_t *json_time(const char *stored, bool utc)
{
    char time[64];
    char *blank;
    if (!stored || !*stored)
        return json_null();
    if (strlen(stored) + 2 > sizeof time)
        return json_words(stored);
    snprintf(time, sizeof time, "%s", stored);
    blank = strchr(time, ' ');
    if (blank)
        *blank = 'T';
    if (utc && blank && !has_zone(time))
        strcat(time, "Z");
    return json_words(time);
}

json_t *json_wall(int64_t wall_us)
{
    int64_t rest = (wall_us % 1000000 + 1000000) % 1000000; /* a clock may stand before 1970 */
    time_t seconds = (time_t)((wall_us - rest) / 1000000);
    struct tm tm;
    char date[40], whole[64];
    if (!gmtime_r(&seconds, &tm) || strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        return json_null();
    snprintf(whole, sizeof whole, "%s.%06dZ", date, (int)rest);
    return json_string(whole);
}

json_t *json_error(const struct error *err)
{
    char query[sizeof err->query + 40] = "", detail[sizeof err->detail + sizeof query + sizeof err->context + sizeof err->state + 4] = "";
    const char *parts[] = { err->detail, query, err->context, err->state };
    size_t used = 0;
    if (err->query[0])
        snprintf(query, sizeof query, err->query_caret ? "QUERY: %s (character %u)" : "QUERY: %s", err->query, err->query_caret);
    /* What people see apart is one here: what is known beyond the message. */
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        used += (size_t)snprintf(detail + used, sizeof detail - used, "%s%s", used && parts[i][0] ? "\n" : "", parts[i]);
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "code", error_name(err->code), "message", json_words(err->message), "detail", json_words(detail), "hint", json_words(err->hint),
                     "file", json_words(err->place.file), "line", json_count(err->place.line ? (int64_t)err->place.line : -1), "column",
                     json_count(err->place.column ? (int64_t)err->place.column : -1), "sqlstate", json_words(err->sqlstate));
}

/* The holder, as far as its run row tells. */
static json_t *holder(const struct lock_view *view)
{
    const struct run_row *run = &view->row.run;
    bool one_by_one = run->no_transaction && run->started_statement > 0;
    if (!view->row.has_run)
        return json_null();
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "host", json_words(run->host), "pid", json_count(run->pid > 0 ? run->pid : -1), "user", json_words(run->os_user), "program",
                     json_words(run->program), "command", json_words(run->command), "file", json_words(run->file), "statement", json_count(one_by_one ? run->started_statement : -1),
                     "statements", json_count(run->file[0] ? run->statements : -1), "fenced", view->fenced);
}

static json_t *blockers(const struct db_session *session)
{
    json_t *list = json_array();
    for (int i = 0; list && i < session->blockers; i++) {
        const struct db_blocker *b = &session->blocked_by[i];
        json_t *one = json_pack("{s:i, s:o, s:o, s:o, s:o, s:o}", "pid", b->pid, "user", json_words(b->user), "application", json_words(b->application), "state", json_words(b->state), "age_s",
                                json_seconds(b->age_s), "query", json_words(b->query));
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *session(const struct db_session *s)
{
    if (!s->found)
        return json_null();
    return json_pack("{s:i, s:o, s:o, s:o, s:o}", "pid", s->pid, "state", json_words(s->state), "wait", json_words(s->wait), "query", json_words(s->query), "blocked_by", blockers(s));
}

json_t *json_lock(const struct lock_view *view, bool utc)
{
    const struct db_lock_row *row = &view->row;
    bool locked = row->locked;
    bool own_time = row->has_run && row->run.acquired_at[0];
    if (!locked)
        return json_pack("{s:i, s:b, s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:n}", "schema", 1, "locked", 0, "locked_at", "age_s", "process_id", "holder", "verdict", "evidence", "unlock_effect", "session");
    return json_pack("{s:i, s:b, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o}", "schema", 1, "locked", 1, "locked_at", own_time ? json_time(row->run.acquired_at, true) : json_time(row->locked_at, utc),
                     "age_s", json_seconds(row->has_run ? row->run.age_s : -1), "process_id", json_words(row->process_id), "holder", holder(view), "verdict", lock_verdict_name(view->verdict),
                     "evidence", json_words(view->evidence), "unlock_effect", json_words(view->effect), "session", session(&view->session));
}

/* Characters that a terminal obeys and JSON allows as they are: DEL, C1, those that turn the direction of text. Gives their bytes at s, and the code. */
static size_t obeyed(const unsigned char *s, size_t len, unsigned *code)
{
    *code = s[0];
    if (s[0] == 0x7F)
        return 1;
    if (len >= 2 && ((s[0] == 0xC2 && s[1] < 0xA0) || (s[0] == 0xD8 && s[1] == 0x9C))) {
        *code = (s[0] & 0x1Fu) << 6 | (s[1] & 0x3Fu);
        return 2;
    }
    if (len < 3 || s[0] != 0xE2 || (s[1] != 0x80 && s[1] != 0x81))
        return 0;
    *code = 0x2000u | (s[1] & 0x3Fu) << 6 | (s[2] & 0x3Fu);
    return *code == 0x200E || *code == 0x200F || (*code >= 0x2028 && *code <= 0x202E) || (*code >= 0x2066 && *code <= 0x2069) ? 3 : 0;
}

/* For json_dump_callback, which never cuts a character: writes those as escapes, so that a program reads the same text and a terminal shows it. */
static int write_part(const char *bytes, size_t len, void *user)
{
    size_t from = 0, n;
    unsigned code;
    for (size_t i = 0; i < len; i += n ? n : 1) {
        n = obeyed((const unsigned char *)bytes + i, len - i, &code);
        if (n == 0)
            continue;
        fwrite(bytes + from, 1, i - from, user);
        fprintf(user, "\\u%04X", code);
        from = i + n;
    }
    fwrite(bytes + from, 1, len - from, user);
    return ferror((FILE *)user) ? -1 : 0;
}

static bool print(struct output *o, const json_t *object, size_t flags)
{
    return object && json_dump_callback(object, write_part, o->out, JSON_COMPACT | JSON_REAL_PRECISION(12) | flags) == 0;
}

/* One value, one line. */
static bool print_line(struct output *o, json_t *object)
{
    bool ok = print(o, object, 0);
    /* A write error is output_close's to tell; here only memory counts. */
    if (ok || (object && ferror(o->out))) {
        fputc('\n', o->out);
        output_flush(o);
        ok = true;
    }
    json_decref(object);
    return ok;
}

bool output_json(struct output *o, json_t *object, struct error *err)
{
    return print_line(o, object) || error_set(err, ERR_NO_MEMORY, "Memory ran out writing JSON.");
}

void output_json_raw(struct output *o, const char *text)
{
    fputs(text, o->out);
}

bool output_json_piece(struct output *o, json_t *object, bool members, struct error *err)
{
    bool ok = print(o, object, members ? JSON_EMBED : 0);
    ok = ok || (object && ferror(o->out));
    json_decref(object);
    return ok || error_set(err, ERR_NO_MEMORY, "Memory ran out writing JSON.");
}

void output_json_failure(struct output *o, const struct error *err, int code, bool events, int64_t wall_us)
{
    bool ok;
    if (events) {
        ok = print_line(o, json_pack("{s:i, s:s, s:o, s:o}", "schema", 1, "event", "error", "time", json_wall(wall_us), "error", json_error(err))) &&
             print_line(o, json_pack("{s:i, s:s, s:o, s:n, s:s, s:i}", "schema", 1, "event", "run-ended", "time", json_wall(wall_us), "process_id", "outcome", "failed", "exit", code));
    } else {
        ok = print_line(o, json_pack("{s:i, s:o, s:i}", "schema", 1, "error", json_error(err), "exit", code));
    }
    if (!ok)
        fprintf(o->err, "error: %s\n", err->message);
    o->failure_told = true;
}
