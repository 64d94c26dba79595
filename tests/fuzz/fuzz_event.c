/* fuzz_event.c: any event of the engine, told as JSON, is lines that another program can read.
 *
 * - Each line is one JSON object without members of the same name, and holds no byte that could move a terminal's cursor.
 * - schema, event and time are there; what is unknown is null, never left out.
 * - Strings come out as they were; what was no UTF-8 comes out visible. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "fuzz/fuzz.h"
#include "listener.h"
#include "text.h"
#include "utf8.h"

/* What is left of the input. */
struct input {
    const char *at;
    size_t len;
};

static unsigned take_byte(struct input *in)
{
    if (in->len == 0)
        return 0;
    in->len--;
    return (unsigned char)*in->at++;
}

static int64_t take_number(struct input *in)
{
    uint64_t number = 0;
    for (unsigned n = take_byte(in) % 9; n > 0; n--)
        number = number << 8 | take_byte(in);
    return (int64_t)number;
}

/* Up to a byte of 0xFF or 0, as much as there is room for. */
static void take_string(struct input *in, char *to, size_t size)
{
    size_t len = 0;
    while (in->len > 0 && in->at[0] != '\0' && (unsigned char)in->at[0] != 0xFF && len + 1 < size)
        to[len++] = (char)take_byte(in);
    to[len] = '\0';
    take_byte(in);
}

#define TAKE(in, field) take_string(in, field, sizeof(field))

static double take_ms(struct input *in)
{
    return (double)(take_number(in) % 1000000000000000) / 1000;
}

static void take_error(struct input *in, struct error *err)
{
    err->code = take_byte(in) % ERR_CODES;
    TAKE(in, err->sqlstate);
    TAKE(in, err->message);
    TAKE(in, err->detail);
    TAKE(in, err->hint);
    TAKE(in, err->context);
    TAKE(in, err->query);
    err->query_caret = take_byte(in);
    TAKE(in, err->state);
    TAKE(in, err->place.file);
    err->place.line = (unsigned)take_number(in);
    err->place.column = (unsigned)take_number(in);
}

static void take_run(struct input *in, struct run_row *run)
{
    TAKE(in, run->host);
    TAKE(in, run->os_user);
    TAKE(in, run->program);
    TAKE(in, run->command);
    TAKE(in, run->file);
    TAKE(in, run->acquired_at);
    run->pid = (int)take_number(in);
    run->age_s = take_ms(in);
    run->no_transaction = take_byte(in) & 1;
    run->statements = (int)take_byte(in);
    run->started_statement = (int)take_byte(in);
}

static void take_lock(struct input *in, struct lock_view *view)
{
    unsigned bits = take_byte(in);
    view->row = (struct db_lock_row){ .table = true, .row = true, .locked = bits & 1, .has_run = bits & 2 };
    view->fenced = bits & 4;
    view->verdict = bits >> 3 & 3;
    TAKE(in, view->row.process_id);
    TAKE(in, view->row.locked_at);
    TAKE(in, view->evidence);
    TAKE(in, view->effect);
    take_run(in, &view->row.run);
    struct db_session *s = &view->session;
    s->found = bits & 32;
    s->pid = (int)take_number(in);
    TAKE(in, s->state);
    TAKE(in, s->wait);
    TAKE(in, s->query);
    s->blockers = (int)(bits >> 6);
    for (int i = 0; i < s->blockers; i++) {
        TAKE(in, s->blocked_by[i].user);
        TAKE(in, s->blocked_by[i].application);
        TAKE(in, s->blocked_by[i].state);
        TAKE(in, s->blocked_by[i].query);
        s->blocked_by[i].age_s = take_ms(in);
    }
}

/* All that an event points to. */
struct all {
    struct engine_event event;
    struct migration file;
    struct lock_view lock;
    struct error error;
    char text[2048], process_id[64], name[512], version[64];
};

static void take_event(struct input *in, struct all *all)
{
    struct engine_event *e = &all->event;
    unsigned bits = take_byte(in);
    e->kind = take_byte(in) % (EV_RUN_ENDED + 1);
    e->at_us = take_number(in) % 4000000000000000;
    e->ms = take_ms(in);
    e->migration = (uint32_t)take_number(in);
    e->statements = (uint32_t)take_number(in);
    e->statement = e->attempt = e->statements;
    e->migrations = e->attempts = e->migration;
    e->session_pid = (int)take_number(in);
    e->exit_code = (int)take_byte(in);
    e->outcome = take_byte(in) % (RUN_DIED + 1);
    e->direction = bits & 1 ? PLAN_UPGRADE : PLAN_ROLLBACK;
    TAKE(in, all->text);
    TAKE(in, all->process_id);
    TAKE(in, all->name);
    TAKE(in, all->version);
    e->text = bits & 2 ? all->text : NULL;
    e->process_id = bits & 4 ? all->process_id : NULL;
    all->file = (struct migration){ .type = take_byte(in) % 3, .file = all->name, .version = bits & 8 ? all->version : NULL };
    e->file = bits & 16 ? &all->file : NULL;
    take_lock(in, &all->lock);
    e->lock = bits & 32 ? &all->lock : NULL;
    take_error(in, &all->error);
    /* those that always have one */
    e->error = bits & 64 || e->kind == EV_RETRY ? &all->error : NULL;
}

static bool moves_cursor(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7F || ((unsigned char)bytes[i] == 0xC2 && i + 1 < len && (unsigned char)bytes[i + 1] < 0xA0))
            return true;
    return false;
}

static bool digits(const char *form, const char *text)
{
    for (; *form && *text; form++, text++)
        if (*form == '0' ? *text < '0' || *text > '9' : *form != *text)
            return false;
    return !*form && !*text;
}

/* Is this member that string: null for none, visible where it is no UTF-8? */
static void check_string(const json_t *object, const char *member, const char *want, const char *line, size_t len)
{
    const json_t *value = json_object_get(object, member);
    struct text visible = { 0 };
    if (want && !utf8_valid(want, strlen(want))) {
        text_add_visible(&visible, want, strlen(want));
        want = text_string(&visible);
    }
    if (!value || (want && *want ? !json_is_string(value) || strcmp(json_string_value(value), want) != 0 : !json_is_null(value)))
        fuzz_broken(member, line, len);
    text_free(&visible);
}

/* Numbers of the engine are never below 0. */
static void check_number(const json_t *object, const char *member, uint32_t want, const char *line, size_t len)
{
    const json_t *value = json_object_get(object, member);
    if (!json_is_integer(value) || json_integer_value(value) != (json_int_t)want)
        fuzz_broken(member, line, len);
}

static void check_members(const json_t *object, const struct all *all, const char *line, size_t len)
{
    const struct engine_event *e = &all->event;
    const json_t *time = json_object_get(object, "time"), *error = json_object_get(object, "error");
    if (json_integer_value(json_object_get(object, "schema")) != 1 || !json_is_string(time) || !digits("0000-00-00T00:00:00.000000Z", json_string_value(time)))
        fuzz_broken("an event without schema or time", line, len);
    check_string(object, "process_id", e->process_id, line, len);
    check_string(object, "command", e->direction == PLAN_UPGRADE ? "upgrade" : "rollback", line, len);
    if (json_object_get(object, "text") && e->kind != EV_CONNECTION_LOST)
        check_string(object, "text", e->text, line, len);
    if (json_object_get(object, "file")) {
        check_string(object, "file", e->file ? e->file->file : NULL, line, len);
        check_string(object, "version", e->file ? e->file->version : NULL, line, len);
        check_number(object, "migrations", e->migrations, line, len);
    }
    if (json_object_get(object, "statements"))
        check_number(object, "statements", e->statements, line, len);
    if (json_is_object(json_object_get(object, "lock"))) {
        const json_t *lock = json_object_get(object, "lock");
        check_string(lock, "evidence", e->lock->row.locked ? e->lock->evidence : NULL, line, len);
        check_string(lock, "process_id", e->lock->row.locked ? e->lock->row.process_id : NULL, line, len);
        if (json_object_size(lock) != 10)
            fuzz_broken("members of a lock are left out", line, len);
    }
    if (json_is_object(error)) {
        check_string(error, "message", e->error->message, line, len);
        check_string(error, "hint", e->error->hint, line, len);
        check_string(error, "file", e->error->place.file, line, len);
        if (json_object_size(error) != 8)
            fuzz_broken("members of an error are left out", line, len);
    }
}

static void check_line(const char *line, size_t len, const struct all *all, const char *name)
{
    json_error_t why;
    json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    if (!object || !json_is_object(object))
        fuzz_broken(object ? "a line that is no object" : why.text, line, len);
    if (moves_cursor(line, len))
        fuzz_broken("a control byte in a line", line, len);
    check_string(object, "event", name, line, len);
    check_members(object, all, line, len);
    json_decref(object);
}

static void check_told(const char *told, size_t len, const struct all *all)
{
    bool failed = all->event.kind == EV_RUN_ENDED && all->event.error;
    int lines = 0;
    for (const char *at = told, *end; at < told + len; at = end + 1, lines++) {
        end = memchr(at, '\n', (size_t)(told + len - at));
        if (!end)
            fuzz_broken("a line without an end", told, len);
        check_line(at, (size_t)(end - at), all, failed && lines == 0 ? "error" : engine_event_name(all->event.kind));
    }
    if (lines != (failed ? 2 : 1))
        fuzz_broken("not one line for an event", told, len);
}

void fuzz_event(const char *text, size_t len)
{
    struct input in = { text, len };
    struct all *all = calloc(1, sizeof *all);
    char *told = NULL, *said = NULL;
    size_t told_len = 0, said_len = 0;
    struct output out = { .json = true };
    out.out = open_memstream(&told, &told_len);
    out.err = open_memstream(&said, &said_len);
    struct listener listener = { .out = &out };
    if (!all || !out.out || !out.err)
        fuzz_broken("memory ran out", text, len);
    take_event(&in, all);
    listener_json(&listener, &all->event);
    fclose(out.out);
    fclose(out.err);
    if (said_len > 0)
        fuzz_broken(said, text, len);
    check_told(told, told_len, all);
    if ((all->event.kind == EV_RUN_ENDED) != out.failure_told)
        fuzz_broken("the end of a run is not known as told", text, len);
    free(told);
    free(said);
    free(all);
}
