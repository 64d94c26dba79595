/* config.c: the settings and where they come from. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "config_place.h"
#include "config_private.h"
#include "options.h"

static const struct {
    const char *name, *variable;
} keys[CONFIG_KEYS] = {
    [CONFIG_URL] = {"sqlalchemy_url", "JETBASE_SQLALCHEMY_URL"},
    [CONFIG_SCHEMA] = {"postgres_schema", "JETBASE_POSTGRES_SCHEMA"},
    [CONFIG_SKIP_VALIDATION] = {"skip_validation", "JETBASE_SKIP_VALIDATION"},
    [CONFIG_SKIP_CHECKSUMS] = {"skip_checksum_validation", "JETBASE_SKIP_CHECKSUM_VALIDATION"},
    [CONFIG_SKIP_FILES] = {"skip_file_validation", "JETBASE_SKIP_FILE_VALIDATION"},
    [CONFIG_LOCK_TIMEOUT] = {"lock_timeout", "JETBASE_LOCK_TIMEOUT"},
    [CONFIG_STATEMENT_TIMEOUT] = {"statement_timeout", "JETBASE_STATEMENT_TIMEOUT"},
    [CONFIG_LOCK_WAIT] = {"lock_wait", "JETBASE_LOCK_WAIT"},
    [CONFIG_LOCK_RETRY] = {"lock_retry", "JETBASE_LOCK_RETRY"},
};

const char *config_key_name(enum config_key key)
{
    return key < CONFIG_KEYS ? keys[key].name : "";
}

enum config_key config_key_from(const char *name)
{
    for (int key = 0; key < CONFIG_KEYS; key++)
        if (strcmp(keys[key].name, name) == 0)
            return (enum config_key)key;
    return CONFIG_KEYS;
}

const char *config_variable(enum config_key key)
{
    return key < CONFIG_KEYS ? keys[key].variable : "";
}

const char *config_source_name(const struct found *found, enum source source, enum config_key key)
{
    switch (source) {
    case FROM_TARGET:
        return text_string(key == CONFIG_URL ? &found->target_url_from : &found->target_from);
    case FROM_ENVPY:
        return "env.py";
    case FROM_VARIABLE:
        return config_variable(key);
    case FROM_TOML:
        return "jetbase.toml";
    case FROM_PYPROJECT:
        return text_string(&found->pyproject);
    case SOURCES:
        break;
    }
    return "";
}

void config_wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

void setting_free(struct setting *s)
{
    config_wipe(s->text);
    *s = (struct setting){0};
}

bool setting_put(struct setting *s, enum setting_kind kind, const char *text, bool truth, unsigned line)
{
    char *copy = text_dup(text);
    if (text != NULL && copy == NULL)
        return false;
    setting_free(s);
    *s = (struct setting){.kind = kind, .text = copy, .truth = truth, .line = line};
    return true;
}

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "Memory ran out reading the configuration.");
}

/* The first source that has the key; SOURCES where none has. */
static enum source choose(const struct found *found, enum config_key key)
{
    int source = 0;
    while (source < SOURCES && found->at[source][key].kind == SETTING_ABSENT)
        source++;
    return (enum source)source;
}

static bool place_fault(const struct found *found, enum source source, const struct setting *s, struct error *err)
{
    if (source == FROM_TARGET)
        source = FROM_TOML;
    if (s->line > 0)
        config_place(err, config_source_name(found, source, CONFIG_URL), text_string(&found->text[source]), found->text[source].len, s->at);
    return false;
}

static bool refuse_computed(const struct found *found, enum config_key key, const struct setting *s, struct error *err)
{
    error_set(err, ERR_CONFIG, "%s can't be read from env.py, which is never run: %s.", keys[key].name, s->text);
    if (s->kind == SETTING_UNSET)
        error_hint(err, "Set that variable, or give a default: os.environ.get(NAME, \"…\").%s", key == CONFIG_URL ? " --url goes before env.py." : "");
    else
        error_hint(err, "Write a string there, os.environ[…], os.environ.get(…) or os.getenv(…), an f-string of these or these joined by +; or take it out of env.py and set the variable %s, or \"%s\" in jetbase.toml or in [tool.jetbase] of pyproject.toml%s.",
                   keys[key].variable, keys[key].name, key == CONFIG_URL ? "; --url goes before all of these" : "");
    return place_fault(found, FROM_ENVPY, s, err);
}

static const char *type_name(const struct setting *s)
{
    return s->kind == SETTING_TEXT ? "str" : s->kind == SETTING_BOOL ? "bool" : s->kind == SETTING_INTEGER ? "int" : s->text;
}

static bool refuse_type(const struct found *found, enum source source, enum config_key key, const struct setting *s, const char *want, struct error *err)
{
    char value[256] = "";
    if (key != CONFIG_URL && s->text != NULL)
        text_visible(value, sizeof value, s->text);
    /* What the URL should have been is not shown: it may be a password. */
    if (key == CONFIG_URL || s->kind == SETTING_OTHER || s->kind == SETTING_BOOL)
        error_set(err, ERR_CONFIG, "%s must be %s, got %s.", keys[key].name, want, type_name(s));
    else if (s->kind == SETTING_TEXT)
        error_set(err, ERR_CONFIG, "%s must be %s, got str. Value: '%s'", keys[key].name, want, value);
    else
        error_set(err, ERR_CONFIG, "%s must be %s, got int. Value: %s", keys[key].name, want, value);
    if (source == FROM_VARIABLE && strcmp(want, "bool") == 0)
        error_hint(err, "It comes from %s, which may be true or false.", keys[key].variable);
    else
        error_hint(err, "It comes from %s.", config_source_name(found, source, key));
    return place_fault(found, source, s, err);
}

/* A value that env.py does not give in plain words. */
static bool is_refused(const struct setting *s)
{
    return s->kind == SETTING_UNREADABLE || s->kind == SETTING_UNSET;
}

/* The setting that counts, of the type wanted; NULL with *ok true where nobody says one. */
static const struct setting *take(const struct found *found, enum config_key key, enum setting_kind kind, bool *ok, struct error *err)
{
    enum source from = choose(found, key);
    *ok = true;
    if (from == SOURCES)
        return NULL;
    const struct setting *s = &found->at[from][key];
    if (s->kind == kind)
        return s;
    *ok = is_refused(s) ? refuse_computed(found, key, s, err) : refuse_type(found, from, key, s, kind == SETTING_TEXT ? "str" : "bool", err);
    return NULL;
}

static bool take_text(const struct found *found, enum config_key key, char **to, struct error *err)
{
    bool ok;
    const struct setting *s = take(found, key, SETTING_TEXT, &ok, err);
    if (s == NULL)
        return ok;
    *to = text_dup(s->text);
    return *to != NULL || no_memory(err);
}

static bool take_bool(const struct found *found, enum config_key key, bool *to, struct error *err)
{
    bool ok;
    const struct setting *s = take(found, key, SETTING_BOOL, &ok, err);
    *to = s != NULL && s->truth;
    return ok;
}

/* A duration or number: text, or a bare number. read: options_duration and the like. */
static bool take_number(const struct found *found, enum config_key key, const char *want, bool (*read)(const char *text, int *to, struct error *err), int *to, struct error *err)
{
    enum source from = choose(found, key);
    *to = 0;
    if (from == SOURCES)
        return true;
    const struct setting *s = &found->at[from][key];
    if (is_refused(s))
        return refuse_computed(found, key, s, err);
    if ((s->kind == SETTING_TEXT || s->kind == SETTING_INTEGER) && read(s->text, to, err))
        return true;
    return refuse_type(found, from, key, s, want, err);
}

static bool read_count(const char *text, int *to, struct error *err)
{
    char *end;
    long value = strtol(text, &end, 10);
    bool ok = end != text && *end == '\0' && value >= 0 && value <= 1000000;
    (void)err;
    *to = ok ? (int)value : 0;
    return ok;
}

static bool choose_numbers(const struct found *found, struct config *out, struct error *err)
{
    static const char duration[] = "a duration (500ms, 5s, 2min)";
    return take_number(found, CONFIG_LOCK_TIMEOUT, duration, options_duration, &out->lock_timeout_ms, err) &&
           take_number(found, CONFIG_STATEMENT_TIMEOUT, duration, options_duration, &out->statement_timeout_ms, err) &&
           take_number(found, CONFIG_LOCK_WAIT, "a duration (30s, 5min) or \"forever\"", options_wait, &out->lock_wait_ms, err) &&
           take_number(found, CONFIG_LOCK_RETRY, "a number", read_count, &out->lock_retry, err);
}

static bool choose_all(const struct found *found, const char *url, struct config *out, struct error *err)
{
    if (url != NULL)
        out->url = text_dup(url);
    if (url != NULL ? out->url == NULL && !no_memory(err) : !take_text(found, CONFIG_URL, &out->url, err))
        return false;
    if (!take_text(found, CONFIG_SCHEMA, &out->schema, err))
        return false;
    if (out->schema != NULL && out->schema[0] == '\0') {
        free(out->schema); /* to Jetbase an empty one is none */
        out->schema = NULL;
    }
    return take_bool(found, CONFIG_SKIP_VALIDATION, &out->skip_validation, err) && take_bool(found, CONFIG_SKIP_CHECKSUMS, &out->skip_checksum_validation, err) &&
           take_bool(found, CONFIG_SKIP_FILES, &out->skip_file_validation, err) && choose_numbers(found, out, err);
}

/* Who is said to have said what. */
static void trace(const struct found *found, const char *url, enum config_key key, struct config *out)
{
    size_t behind = 0;
    out->origin[key] = (struct config_origin){.from = key == CONFIG_URL && url != NULL ? "--url" : NULL};
    for (int source = 0; source < SOURCES; source++) {
        struct config_origin origin = {.from = source == FROM_PYPROJECT ? out->pyproject : source == FROM_TARGET ? (key == CONFIG_URL ? out->target_url_from : out->target_from) : config_source_name(found, (enum source)source, key), .line = found->at[source][key].line};
        if (found->at[source][key].kind == SETTING_ABSENT)
            continue;
        if (out->origin[key].from == NULL)
            out->origin[key] = origin;
        else if (behind < CONFIG_SHADOWED)
            out->shadowed[key][behind++] = origin;
    }
    if (out->origin[key].from == NULL)
        out->origin[key].from = "default";
}

/* What is wrong in the targets that are not chosen, which is no error before they are. */
static void warn_of_targets(struct found *found, const char *target)
{
    for (size_t i = 0; i < found->target_count; i++) {
        const struct target_table *table = &found->targets[i];
        if (table->fault != NULL && (target == NULL || strcmp(target, table->name) != 0))
            text_printf(&found->warnings, "jetbase.toml:%u: %s\n", table->fault->place.line, table->fault->message);
    }
}

/* The names of all targets, and the one that is chosen. */
static bool keep_targets(const struct found *found, const char *target, struct config *out, struct error *err)
{
    out->targets = calloc(found->target_count + 1, sizeof *out->targets);
    bool ok = out->targets != NULL;
    for (size_t i = 0; ok && i < found->target_count; i++) {
        ok = (out->targets[i].name = text_dup(found->targets[i].name)) != NULL;
        out->targets[i].guarded = found->targets[i].guard.kind == SETTING_BOOL && found->targets[i].guard.truth;
        out->target_count += ok;
    }
    if (ok && target != NULL) {
        out->target = text_dup(target);
        out->target_from = text_dup(text_string(&found->target_from));
        out->target_url_from = text_dup(text_string(&found->target_url_from));
        out->guarded = found->guarded;
        out->guard_line = found->guard_line;
        ok = out->target != NULL && out->target_from != NULL && out->target_url_from != NULL;
    }
    return ok || no_memory(err);
}

bool config_read(const char *dir, const char *url, const char *target, struct config *out, struct error *err)
{
    *out = (struct config){0};
    struct found found = {0};
    bool ok = config_sources_read(dir, &found, err);
    warn_of_targets(&found, target);
    if (found.warnings.len > 0)
        out->warnings = text_dup(text_string(&found.warnings));
    if (ok) {
        out->pyproject = text_dup(text_string(&found.pyproject));
        ok = out->pyproject != NULL || no_memory(err);
    }
    ok = ok && (target == NULL || config_target_choose(&found, target, url != NULL, err)) && keep_targets(&found, target, out, err);
    for (int key = 0; ok && key < CONFIG_KEYS; key++)
        trace(&found, url, (enum config_key)key, out);
    ok = ok && choose_all(&found, url, out, err);
    config_sources_free(&found);
    return ok;
}

void config_free(struct config *config)
{
    config_wipe(config->url);
    free(config->schema);
    free(config->warnings);
    free(config->pyproject);
    for (size_t i = 0; i < config->target_count; i++)
        free(config->targets[i].name);
    free(config->targets);
    free(config->target);
    free(config->target_from);
    free(config->target_url_from);
    *config = (struct config){0};
}
