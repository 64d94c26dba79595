/* config_sources.c: reads the files and variables that may hold settings. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "config_place.h"
#include "config_private.h"
#include "envpy.h"
#include "file.h"
#include "toml.h"
#include "utf8.h"

#define FILE_LIMIT ((size_t)1 << 20)

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "Memory ran out reading the configuration.");
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
    const char *nul = memchr(text_string(out), '\0', out->len);
    size_t good = utf8_check(&utf8, text_string(out), out->len);
    if (good == out->len && utf8.need == 0 && nul == NULL)
        return true;
    /* the character that is not completed begins before */
    while (utf8.need > 0 && good > 0 && (out->at[--good] & 0xC0) == 0x80)
        continue;
    error_set(err, ERR_CONFIG, nul != NULL ? "%s holds a NUL byte and is no text." : "%s is not UTF-8 text.", name);
    config_place(err, name, text_string(out), out->len, nul != NULL ? (size_t)(nul - text_string(out)) : good);
    return error_hint(err, "Save the file as UTF-8.");
}

/* What the TOML reader's callback knows. */
struct toml_target {
    struct found *found;
    enum source source;
    const char *table; /* "" or "tool.jetbase." */
    unsigned declared; /* line of [tool.jetbase], 0 for none yet */
};

static bool refuse_double(const struct toml_target *target, enum config_key key, const struct setting *value, struct error *err)
{
    const struct text *text = &target->found->text[target->source];
    error_set(err, ERR_CONFIG, "%s is set a second time; the first one is in line %u.", config_key_name(key), target->found->at[target->source][key].line);
    config_place(err, config_source_name(target->found, target->source, key), text_string(text), text->len, value->at);
    return false;
}

/* `[tool.jetbase]` a second time: TOML forbids it, and it would be unclear which counts. */
static bool declare(struct toml_target *target, const struct setting *value, struct error *err)
{
    const struct text *text = &target->found->text[target->source];
    if (target->declared > 0) {
        error_set(err, ERR_CONFIG, "[tool.jetbase] is declared a second time; the first one is in line %u.", target->declared);
        config_place(err, config_source_name(target->found, target->source, CONFIG_URL), text_string(text), text->len, value->at);
        return false;
    }
    target->declared = value->line;
    return true;
}

static bool on_toml(void *user, const char *path, const struct setting *value, struct error *err)
{
    struct toml_target *target = user;
    size_t len = strlen(target->table);
    if (len > 0 && strncmp(path, target->table, len - 1) == 0 && path[len - 1] == '\0')
        return declare(target, value, err);
    if (strncmp(path, target->table, len) != 0) {
        config_unknown_table(target->found, path, value->line);
        return true;
    }
    if (target->source == FROM_TOML && config_target_is(path))
        return config_target_take(target->found, path, value, err);
    enum config_key key = config_key_from(path + len);
    if (key == CONFIG_KEYS) {
        config_unknown_toml(target->found, target->source, path + len, value);
        return true;
    }
    struct setting *s = &target->found->at[target->source][key];
    if (s->kind != SETTING_ABSENT)
        return refuse_double(target, key, value, err);
    bool ok = setting_put(s, value->kind, value->text, value->truth, value->line) || no_memory(err);
    s->at = value->at;
    return ok;
}

static bool read_toml(const char *path, const char *table, enum source source, struct found *found, bool *there, struct error *err)
{
    struct toml_target target = {.found = found, .source = source, .table = table};
    const char *name = config_source_name(found, source, CONFIG_URL);
    struct text *text = &found->text[source];
    return read_source(path, name, text, there, err) && (!*there || toml_read(text_string(text), text->len, name, on_toml, &target, err));
}

/* The names of an env.py, kept until it is known what else it sets. */
struct python_names {
    struct found *found;
    struct text names; /* "LINE NAME\n" */
};

static void on_name(void *user, const char *name, size_t len, unsigned line)
{
    struct python_names *seen = user;
    text_printf(&seen->names, "%u %.*s\n", line, (int)(len < 200 ? len : 200), name);
}

static bool read_envpy(const char *path, struct found *found, struct error *err)
{
    struct python_names seen = {.found = found};
    struct text *text = &found->text[FROM_ENVPY];
    bool there;
    bool ok = read_source(path, "env.py", text, &there, err) && (!there || envpy_read(text_string(text), text->len, "env.py", found->at[FROM_ENVPY], on_name, &seen, err));
    for (const char *at = text_string(&seen.names); ok && *at != '\0'; at = strchr(at, '\n') + 1) {
        const char *name = strchr(at, ' ') + 1;
        config_unknown_python(found, name, strcspn(name, "\n"), (unsigned)strtoul(at, NULL, 10));
    }
    text_free(&seen.names);
    return ok;
}

static bool read_variables(struct found *found, struct error *err)
{
    for (int key = 0; key < CONFIG_KEYS; key++) {
        const char *value = getenv(config_variable((enum config_key)key));
        if (value == NULL)
            continue;
        bool text = key == CONFIG_URL || key == CONFIG_SCHEMA, truth = strcasecmp(value, "true") == 0;
        enum setting_kind kind = !text && (truth || strcasecmp(value, "false") == 0) ? SETTING_BOOL : SETTING_TEXT;
        if (!setting_put(&found->at[FROM_VARIABLE][key], kind, value, truth, 0))
            return no_memory(err);
    }
    config_unknown_variables(found);
    return true;
}

/* The nearest pyproject.toml from dir upwards counts, also where it has no table for Jetbase. */
static bool read_pyproject(const char *dir, struct found *found, struct error *err)
{
    char real[PATH_MAX], path[PATH_MAX + 32];
    struct text up = {0};
    bool there = false, ok = true;
    if (realpath(dir, real) == NULL)
        return true;
    while (ok && !there) {
        snprintf(path, sizeof path, "%s/pyproject.toml", strcmp(real, "/") == 0 ? "" : real);
        text_reset(&found->pyproject);
        text_printf(&found->pyproject, "%spyproject.toml", text_string(&up));
        ok = found->pyproject.failed || up.failed ? no_memory(err) : read_toml(path, "tool.jetbase.", FROM_PYPROJECT, found, &there, err);
        char *slash = strrchr(real, '/');
        if (slash == NULL || strcmp(real, "/") == 0)
            break;
        slash[slash == real ? 1 : 0] = '\0';
        text_puts(&up, "../");
    }
    text_free(&up);
    if (!there)
        text_reset(&found->pyproject);
    return ok;
}

bool config_sources_read(const char *dir, struct found *found, struct error *err)
{
    struct text path = {0};
    bool there;
    text_printf(&path, "%s/env.py", dir);
    bool ok = path.failed ? no_memory(err) : read_envpy(text_string(&path), found, err);
    ok = ok && read_variables(found, err);
    text_reset(&path);
    text_printf(&path, "%s/jetbase.toml", dir);
    if (ok)
        ok = path.failed ? no_memory(err) : read_toml(text_string(&path), "", FROM_TOML, found, &there, err);
    text_free(&path);
    return ok && read_pyproject(dir, found, err);
}

void config_sources_free(struct found *found)
{
    for (int source = 0; source < SOURCES; source++) {
        for (int key = 0; key < CONFIG_KEYS; key++)
            setting_free(&found->at[source][key]);
        if (found->text[source].at != NULL)
            explicit_bzero(found->text[source].at, found->text[source].len);
        text_free(&found->text[source]);
    }
    config_target_free(found);
    text_free(&found->pyproject);
    text_free(&found->warnings);
}
