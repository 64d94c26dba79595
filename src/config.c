/* config.c: the five settings and where they come from. */
#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "envpy.h"
#include "file.h"
#include "text.h"
#include "toml.h"
#include "utf8.h"

#define FILE_LIMIT ((size_t)1 << 20)

enum source { FROM_ENVPY, FROM_VARIABLE, FROM_TOML, FROM_PYPROJECT, SOURCES };

/* Everything that was found, before one is chosen for each key. */
struct found {
    struct setting at[SOURCES][CONFIG_KEYS];
};

static const struct {
    const char *name, *variable;
} keys[CONFIG_KEYS] = {
    [CONFIG_URL] = {"sqlalchemy_url", "JETBASE_SQLALCHEMY_URL"},
    [CONFIG_SCHEMA] = {"postgres_schema", "JETBASE_POSTGRES_SCHEMA"},
    [CONFIG_SKIP_VALIDATION] = {"skip_validation", "JETBASE_SKIP_VALIDATION"},
    [CONFIG_SKIP_CHECKSUMS] = {"skip_checksum_validation", "JETBASE_SKIP_CHECKSUM_VALIDATION"},
    [CONFIG_SKIP_FILES] = {"skip_file_validation", "JETBASE_SKIP_FILE_VALIDATION"},
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

static const char *source_name(enum source source, enum config_key key)
{
    switch (source) {
    case FROM_ENVPY:
        return "env.py";
    case FROM_VARIABLE:
        return keys[key].variable;
    case FROM_TOML:
        return "jetbase.toml";
    case FROM_PYPROJECT:
        return "pyproject.toml";
    case SOURCES:
        break;
    }
    return "";
}

static void wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

void setting_free(struct setting *s)
{
    wipe(s->text);
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

static void text_wipe(struct text *t)
{
    if (t->at != NULL)
        explicit_bzero(t->at, t->len);
    text_free(t);
}

/* Reads a file of configuration. *there false: there is none, which is no error. */
static bool read_source(const char *path, const char *name, struct text *out, bool *there, struct error *err)
{
    *there = access(path, F_OK) == 0;
    if (!*there)
        return true;
    if (!file_whole(path, name, FILE_LIMIT, out, err)) {
        if (err != NULL && err->code == ERR_FILE)
            err->code = ERR_CONFIG;
        return false;
    }
    struct utf8 utf8 = {0};
    size_t good = utf8_check(&utf8, text_string(out), out->len);
    if (good == out->len && utf8.need == 0 && memchr(text_string(out), '\0', out->len) == NULL)
        return true;
    error_set(err, ERR_CONFIG, "%s is not UTF-8 text.", name);
    return error_hint(err, "Save the file as UTF-8.");
}

/* What the TOML reader's callback knows. */
struct toml_target {
    struct setting *settings;
    const char *prefix, *file;
};

static bool on_toml(void *user, const char *path, const struct setting *value, struct error *err)
{
    struct toml_target *target = user;
    size_t len = strlen(target->prefix);
    if (strncmp(path, target->prefix, len) != 0)
        return true;
    enum config_key key = config_key_from(path + len);
    if (key == CONFIG_KEYS)
        return true;
    struct setting *s = &target->settings[key];
    if (s->kind != SETTING_ABSENT) {
        error_set(err, ERR_CONFIG, "%s is set a second time; the first one is in line %u.", keys[key].name, s->line);
        if (err != NULL) {
            text_copy(err->place.file, sizeof err->place.file, target->file);
            err->place.line = value->line;
            err->place.column = 1;
        }
        return false;
    }
    return setting_put(s, value->kind, value->text, value->truth, value->line) || no_memory(err);
}

static bool read_toml(const char *path, const char *file, const char *prefix, struct setting *settings, bool *there, struct error *err)
{
    struct text text = {0};
    struct toml_target target = {.settings = settings, .prefix = prefix, .file = file};
    bool ok = read_source(path, file, &text, there, err) && (!*there || toml_read(text_string(&text), text.len, file, on_toml, &target, err));
    text_wipe(&text);
    return ok;
}

static bool read_envpy(const char *path, struct setting *settings, struct error *err)
{
    struct text text = {0};
    bool there;
    bool ok = read_source(path, "env.py", &text, &there, err) && (!there || envpy_read(text_string(&text), text.len, "env.py", settings, err));
    text_wipe(&text);
    return ok;
}

static bool read_variables(struct setting *settings, struct error *err)
{
    for (int key = 0; key < CONFIG_KEYS; key++) {
        const char *value = getenv(keys[key].variable);
        if (value == NULL)
            continue;
        bool text = key == CONFIG_URL || key == CONFIG_SCHEMA, truth = strcasecmp(value, "true") == 0;
        enum setting_kind kind = !text && (truth || strcasecmp(value, "false") == 0) ? SETTING_BOOL : SETTING_TEXT;
        if (!setting_put(&settings[key], kind, value, truth, 0))
            return no_memory(err);
    }
    return true;
}

/* The nearest pyproject.toml from dir upwards counts, also where it has no table for Jetbase. */
static bool read_pyproject(const char *dir, struct setting *settings, struct error *err)
{
    char real[PATH_MAX], path[PATH_MAX + 32];
    bool there = false;
    if (realpath(dir, real) == NULL)
        return true;
    for (;;) {
        snprintf(path, sizeof path, "%s/pyproject.toml", strcmp(real, "/") == 0 ? "" : real);
        if (!read_toml(path, "pyproject.toml", "tool.jetbase.", settings, &there, err))
            return false;
        char *slash = strrchr(real, '/');
        if (there || slash == NULL || strcmp(real, "/") == 0)
            return true;
        if (slash == real)
            slash++;
        *slash = '\0';
    }
}

static bool read_all(const char *dir, struct found *found, struct error *err)
{
    struct text path = {0};
    bool there;
    text_printf(&path, "%s/env.py", dir);
    bool ok = path.failed ? no_memory(err) : read_envpy(text_string(&path), found->at[FROM_ENVPY], err);
    ok = ok && read_variables(found->at[FROM_VARIABLE], err);
    text_reset(&path);
    text_printf(&path, "%s/jetbase.toml", dir);
    if (ok)
        ok = path.failed ? no_memory(err) : read_toml(text_string(&path), "jetbase.toml", "", found->at[FROM_TOML], &there, err);
    text_free(&path);
    return ok && read_pyproject(dir, found->at[FROM_PYPROJECT], err);
}

/* The first source that has the key; SOURCES where none has. */
static enum source choose(const struct found *found, enum config_key key)
{
    int source = 0;
    while (source < SOURCES && found->at[source][key].kind == SETTING_ABSENT)
        source++;
    return (enum source)source;
}

static bool place_fault(enum source source, unsigned line, struct error *err)
{
    if (err != NULL && line > 0) {
        text_copy(err->place.file, sizeof err->place.file, source_name(source, CONFIG_URL));
        err->place.line = line;
        err->place.column = 1;
    }
    return false;
}

static bool refuse_computed(enum config_key key, const struct setting *s, struct error *err)
{
    error_set(err, ERR_CONFIG, "%s can't be read from env.py, which is never run: %s.", keys[key].name, s->text);
    error_hint(err, "Write a plain string there, or take it out of env.py and set the variable %s, or \"%s\" in jetbase.toml or in [tool.jetbase] of pyproject.toml%s.", keys[key].variable,
               keys[key].name, key == CONFIG_URL ? "; --url goes before all of these" : "");
    return place_fault(FROM_ENVPY, s->line, err);
}

static const char *type_name(const struct setting *s)
{
    return s->kind == SETTING_TEXT ? "str" : s->kind == SETTING_BOOL ? "bool" : s->kind == SETTING_INTEGER ? "int" : s->text;
}

static bool refuse_type(enum source source, enum config_key key, const struct setting *s, const char *want, struct error *err)
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
    error_hint(err, "It comes from %s.", source_name(source, key));
    return place_fault(source, s->line, err);
}

static bool take_text(struct found *found, enum config_key key, char **to, enum source *from, struct error *err)
{
    *from = choose(found, key);
    if (*from == SOURCES)
        return true;
    struct setting *s = &found->at[*from][key];
    if (s->kind == SETTING_UNREADABLE)
        return refuse_computed(key, s, err);
    if (s->kind != SETTING_TEXT)
        return refuse_type(*from, key, s, "str", err);
    *to = text_dup(s->text);
    return *to != NULL || no_memory(err);
}

static bool take_bool(struct found *found, enum config_key key, bool *to, struct error *err)
{
    enum source from = choose(found, key);
    if (from == SOURCES)
        return true;
    struct setting *s = &found->at[from][key];
    if (s->kind == SETTING_UNREADABLE)
        return refuse_computed(key, s, err);
    if (s->kind != SETTING_BOOL)
        return refuse_type(from, key, s, "bool", err);
    *to = s->truth;
    return true;
}

static bool choose_all(struct found *found, const char *url, struct config *out, struct error *err)
{
    enum source from = SOURCES, schema_from;
    if (url != NULL) {
        out->url = text_dup(url);
        if (out->url == NULL)
            return no_memory(err);
        out->url_from = "--url";
    } else if (!take_text(found, CONFIG_URL, &out->url, &from, err)) {
        return false;
    }
    if (from != SOURCES)
        out->url_from = source_name(from, CONFIG_URL);
    if (!take_text(found, CONFIG_SCHEMA, &out->schema, &schema_from, err))
        return false;
    if (out->schema != NULL && out->schema[0] == '\0') {
        free(out->schema); /* to Jetbase an empty one is none */
        out->schema = NULL;
    }
    return take_bool(found, CONFIG_SKIP_VALIDATION, &out->skip_validation, err) && take_bool(found, CONFIG_SKIP_CHECKSUMS, &out->skip_checksum_validation, err) &&
           take_bool(found, CONFIG_SKIP_FILES, &out->skip_file_validation, err);
}

bool config_read(const char *dir, const char *url, struct config *out, struct error *err)
{
    *out = (struct config){0};
    struct found found = {0};
    bool ok = read_all(dir, &found, err) && choose_all(&found, url, out, err);
    for (int source = 0; source < SOURCES; source++)
        for (int key = 0; key < CONFIG_KEYS; key++)
            setting_free(&found.at[source][key]);
    if (!ok)
        config_free(out);
    return ok;
}

void config_free(struct config *config)
{
    wipe(config->url);
    free(config->schema);
    *config = (struct config){0};
}
