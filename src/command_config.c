/* command_config.c: shows each setting and where it comes from. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "config.h"
#include "output_json.h"
#include "text.h"

enum { PLACE_SIZE = 600, NAME_COLUMNS = 24, ROOM = 40 };

/* What is shown of the configuration. */
struct shown {
    struct config config;
    struct url url;
    bool has_url;
};

/* "500ms", "5s", as it can be written; NULL for none. */
static const char *duration_of(int ms, char room[ROOM])
{
    if (ms == 0)
        return NULL;
    snprintf(room, ROOM, ms % 1000 ? "%dms" : "%ds", ms % 1000 ? ms : ms / 1000);
    return room;
}

/* The value as text, made in `room` where it is a number; NULL for none. */
static const char *value_of(const struct shown *s, enum config_key key, char room[ROOM])
{
    switch (key) {
    case CONFIG_URL:
        return s->has_url ? s->url.shown : NULL;
    case CONFIG_SCHEMA:
        return s->config.schema;
    case CONFIG_SKIP_VALIDATION:
        return s->config.skip_validation ? "true" : "false";
    case CONFIG_SKIP_CHECKSUMS:
        return s->config.skip_checksum_validation ? "true" : "false";
    case CONFIG_SKIP_FILES:
        return s->config.skip_file_validation ? "true" : "false";
    case CONFIG_LOCK_TIMEOUT:
        return duration_of(s->config.lock_timeout_ms, room);
    case CONFIG_STATEMENT_TIMEOUT:
        return duration_of(s->config.statement_timeout_ms, room);
    case CONFIG_LOCK_WAIT:
        return s->config.lock_wait_ms < 0 ? "forever" : duration_of(s->config.lock_wait_ms, room);
    case CONFIG_LOCK_RETRY:
        snprintf(room, ROOM, "%d", s->config.lock_retry);
        return room;
    case CONFIG_KEYS:
        break;
    }
    return NULL;
}

static void place_of(const struct config_origin *origin, char *to, size_t size)
{
    if (origin->line > 0)
        snprintf(to, size, "%s:%u", origin->from, origin->line);
    else
        snprintf(to, size, "%s", origin->from);
}

/* Sources that say something too and do not count. */
static void print_shadowed(struct output *out, const struct config *config, enum config_key key)
{
    char first[PLACE_SIZE], other[PLACE_SIZE];
    place_of(&config->origin[key], first, sizeof first);
    for (size_t i = 0; i < CONFIG_SHADOWED && config->shadowed[key][i].from != NULL; i++) {
        place_of(&config->shadowed[key][i], other, sizeof other);
        output_print(out, "%s of %s does not count: %s goes before it.", config_key_name(key), other, first);
    }
}

/* The chosen target, else the names of all there are; nothing where jetbase.toml has none. */
static void print_targets(struct output *out, const struct config *config)
{
    struct text names = { 0 };
    for (size_t i = 0; i < config->target_count; i++)
        text_printf(&names, "%s%s%s", i > 0 ? ", " : "", config->targets[i].name, config->targets[i].guarded ? " (protected)" : "");
    if (config->target != NULL && config->guarded)
        output_print(out, "The target is %s. It is protected, as line %u of jetbase.toml says: what would change it needs --yes.", config->target, config->guard_line);
    else if (config->target != NULL)
        output_print(out, "The target is %s. It is not protected.", config->target);
    else if (config->target_count > 0)
        output_print(out, "No target is chosen. --target NAME chooses one of: %s", names.failed ? "(memory ran out for the names)" : text_string(&names));
    text_free(&names);
}

/* Name, value and place in columns; nothing is cut, so that a value can be compared and copied. */
static bool print_config(const struct call *call, const struct shown *s, struct error *err)
{
    struct text values[CONFIG_KEYS] = { { 0 } };
    unsigned width = 0;
    bool ok = true;
    for (int key = 0; key < CONFIG_KEYS; key++) {
        char room[ROOM];
        const char *value = value_of(s, (enum config_key)key, room);
        text_add_visible(&values[key], value != NULL ? value : "(none)", strlen(value != NULL ? value : "(none)"));
        unsigned columns = output_columns(text_string(&values[key]), values[key].len);
        width = columns > width ? columns : width;
        ok = ok && !values[key].failed;
    }
    for (int key = 0; ok && key < CONFIG_KEYS; key++) {
        char place[PLACE_SIZE];
        place_of(&s->config.origin[key], place, sizeof place);
        int pad = (int)(width - output_columns(text_string(&values[key]), values[key].len));
        output_print(call->out, "%-*s  %s%*s  %s", NAME_COLUMNS, config_key_name((enum config_key)key), text_string(&values[key]), pad, "", place);
    }
    for (int key = 0; ok && key < CONFIG_KEYS; key++)
        print_shadowed(call->out, &s->config, (enum config_key)key);
    if (ok)
        print_targets(call->out, &s->config);
    for (int key = 0; key < CONFIG_KEYS; key++)
        text_free(&values[key]);
    return ok || error_set(err, ERR_NO_MEMORY, "Memory ran out showing the configuration.");
}

static json_t *line_json(unsigned line)
{
    return json_count(line > 0 ? (int64_t)line : -1);
}

static json_t *shadowed_json(const struct config_origin *shadowed)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < CONFIG_SHADOWED && shadowed[i].from != NULL; i++)
        if (json_array_append_new(list, json_pack("{s:o, s:o}", "from", json_words(shadowed[i].from), "line", line_json(shadowed[i].line))) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *targets_json(const struct config *config)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < config->target_count; i++)
        if (json_array_append_new(list, json_pack("{s:s, s:b}", "name", config->targets[i].name, "protected", (int)config->targets[i].guarded)) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *config_json(const struct shown *s)
{
    json_t *list = json_array();
    for (int key = 0; list && key < CONFIG_KEYS; key++) {
        char room[ROOM];
        const char *text = value_of(s, (enum config_key)key, room);
        bool truth = key == CONFIG_SKIP_VALIDATION || key == CONFIG_SKIP_CHECKSUMS || key == CONFIG_SKIP_FILES;
        json_t *value = key == CONFIG_LOCK_RETRY ? json_integer(s->config.lock_retry) : truth ? json_boolean(strcmp(text, "true") == 0) : json_words(text);
        json_t *one = json_pack("{s:s, s:o, s:o, s:o, s:o}", "name", config_key_name((enum config_key)key), "value", value, "from", json_words(s->config.origin[key].from), "line",
                                line_json(s->config.origin[key].line), "shadowed", shadowed_json(s->config.shadowed[key]));
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:i, s:o, s:o, s:b, s:o}", "schema", 1, "settings", list, "target", json_words(s->config.target), "protected", (int)s->config.guarded, "targets", targets_json(&s->config));
}

int command_config(const struct call *call, struct error *err)
{
    struct shown s = { .has_url = false };
    bool ok = config_read(call->project->dir, call->options->url, call->options->target, &s.config, err);
    output_warn_lines(call->out, s.config.warnings);
    if (ok && s.config.url != NULL) {
        ok = s.has_url = url_parse(s.config.url, &s.url, err);
        if (!ok && err->hint[0] == '\0')
            error_hint(err, "The URL comes from %s.", s.config.origin[CONFIG_URL].from);
    }
    if (ok)
        ok = call->out->json ? output_json(call->out, config_json(&s), err) : print_config(call, &s, err);
    if (s.has_url)
        url_free(&s.url);
    config_free(&s.config);
    return ok ? 0 : error_exit_code(err->code);
}
