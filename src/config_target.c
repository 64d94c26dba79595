/* config_target.c: the tables [target.NAME] of jetbase.toml: a database by name, with settings of its own. Jetbase asks that file for single keys at its top, so these tables are nothing to it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_place.h"
#include "config_private.h"
#include "options.h"

/* Names that only a target has; the others are those of the settings, but that a target's URL is called url. */
static const char url_key[] = "url", url_env_key[] = "url_env", protected_key[] = "protected";

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "Memory ran out reading the configuration.");
}

static bool refuse_at(const struct found *found, size_t at, struct error *err)
{
    const struct text *text = &found->text[FROM_TOML];
    config_place(err, "jetbase.toml", text_string(text), text->len, at);
    return false;
}

/* The table of that name, made where there is none yet; NULL where memory ran out. */
static struct target_table *table_of(struct found *found, const char *name, size_t len)
{
    for (size_t i = 0; i < found->target_count; i++)
        if (strlen(found->targets[i].name) == len && memcmp(found->targets[i].name, name, len) == 0)
            return &found->targets[i];
    struct target_table *grown = realloc(found->targets, (found->target_count + 1) * sizeof *grown);
    if (grown == NULL)
        return NULL;
    found->targets = grown;
    struct target_table *table = &grown[found->target_count];
    *table = (struct target_table){.name = malloc(len + 1)};
    if (table->name == NULL)
        return NULL;
    memcpy(table->name, name, len);
    table->name[len] = '\0';
    found->target_count++;
    return table;
}

static const char *next_key(void *user)
{
    int *at = user;
    int key = (*at)++;
    if (key == CONFIG_KEYS)
        return url_env_key;
    if (key == CONFIG_KEYS + 1)
        return protected_key;
    return key > CONFIG_KEYS ? NULL : key == CONFIG_URL ? url_key : config_key_name((enum config_key)key);
}

/* Where a key of a target is kept, or NULL for a name that is none. */
static struct setting *place_of(struct target_table *table, const char *key)
{
    if (strcmp(key, url_env_key) == 0)
        return &table->url_env;
    if (strcmp(key, protected_key) == 0)
        return &table->guard;
    if (strcmp(key, url_key) == 0)
        return &table->at[CONFIG_URL];
    enum config_key known = config_key_from(key);
    return known == CONFIG_KEYS || known == CONFIG_URL ? NULL : &table->at[known];
}

/* A mistyped `protected` that is passed over would leave a database without its guard: so a name that is none fails, once its target is used. */
static bool keep_fault(struct found *found, struct target_table *table, const char *key, const struct setting *value)
{
    char shown[200];
    int at = 0;
    if (table->fault != NULL)
        return true;
    table->fault = calloc(1, sizeof *table->fault);
    if (table->fault == NULL)
        return false;
    const char *near = strcmp(key, config_key_name(CONFIG_URL)) == 0 ? url_key : options_nearest(key, next_key, &at);
    text_visible(shown, sizeof shown, key);
    error_set(table->fault, ERR_CONFIG, "'%s' is not a setting of a target, as [target.%s] of jetbase.toml has it.", shown, table->name);
    if (near != NULL)
        error_hint(table->fault, "Did you mean %s?", near);
    else
        error_hint(table->fault, "A target has url or url_env, protected, postgres_schema, and the other settings of jetbase.");
    refuse_at(found, value->at, table->fault);
    return true;
}

/* `[target.NAME]` itself. */
static bool declare(struct found *found, struct target_table *table, const struct setting *value, struct error *err)
{
    if (value->kind != SETTING_OTHER || strcmp(value->text, "dict") != 0) {
        error_set(err, ERR_CONFIG, "target.%s must be a table: [target.%s], and below it url = \"…\".", table->name, table->name);
        return refuse_at(found, value->at, err);
    }
    if (table->line > 0) {
        error_set(err, ERR_CONFIG, "[target.%s] is declared a second time; the first one is in line %u.", table->name, table->line);
        return refuse_at(found, value->at, err);
    }
    table->line = value->line;
    return true;
}

bool config_target_is(const char *path)
{
    return strncmp(path, "target.", 7) == 0 || strcmp(path, "target") == 0;
}

bool config_target_take(struct found *found, const char *path, const struct setting *value, struct error *err)
{
    if (strcmp(path, "target") == 0 && value->kind == SETTING_OTHER && strcmp(value->text, "dict") == 0)
        return true;
    const char *name = path + strlen("target.");
    size_t len = strcspn(path, ".") < strlen(path) ? strcspn(name, ".") : 0;
    if (len == 0 || memchr(name, '"', len) != NULL || memchr(name, '[', len) != NULL) {
        error_set(err, ERR_CONFIG, len == 0 ? "target must be a table for each target: [target.NAME]." : "The name of a target may have letters, digits, - and _.");
        return refuse_at(found, value->at, err);
    }
    struct target_table *table = table_of(found, name, len);
    if (table == NULL)
        return no_memory(err);
    if (name[len] == '\0')
        return declare(found, table, value, err);
    struct setting *s = place_of(table, name + len + 1);
    if (s == NULL)
        return keep_fault(found, table, name + len + 1, value) || no_memory(err);
    if (s->kind != SETTING_ABSENT) {
        error_set(err, ERR_CONFIG, "%s of [target.%s] is set a second time; the first one is in line %u.", name + len + 1, table->name, s->line);
        return refuse_at(found, value->at, err);
    }
    bool ok = setting_put(s, value->kind, value->text, value->truth, value->line) || no_memory(err);
    s->at = value->at;
    return ok;
}

struct naming {
    const struct found *found;
    size_t at;
};

static const char *next_target(void *user)
{
    struct naming *naming = user;
    return naming->at < naming->found->target_count ? naming->found->targets[naming->at++].name : NULL;
}

static bool refuse_unknown(const struct found *found, const char *name, struct error *err)
{
    char shown[200], names[1024] = "";
    struct naming naming = {.found = found};
    const char *near = options_nearest(name, next_target, &naming);
    text_visible(shown, sizeof shown, name);
    for (size_t i = 0; i < found->target_count; i++) {
        size_t len = strlen(names);
        snprintf(names + len, sizeof names - len, "%s%s", i > 0 ? ", " : "", found->targets[i].name);
    }
    if (found->target_count == 0) {
        error_set(err, ERR_CONFIG, "There is no target '%s': jetbase.toml has no table [target.NAME].", shown);
        return error_hint(err, "Write one into jetbase.toml: [target.%s], and below it url = \"…\", or url_env = \"NAME\" for a variable that holds the URL.", shown);
    }
    error_set(err, ERR_CONFIG, "There is no target '%s' in jetbase.toml. The targets are: %s.", shown, names);
    return near != NULL ? error_hint(err, "Did you mean --target %s?", near) : false;
}

static bool refuse_kind(const struct found *found, const struct target_table *table, const char *key, const struct setting *s, const char *want, struct error *err)
{
    error_set(err, ERR_CONFIG, "%s of [target.%s] must be %s.", key, table->name, want);
    return refuse_at(found, s->at, err);
}

/* The URL where a variable holds it. */
static bool take_variable(struct found *found, struct target_table *table, struct error *err)
{
    const struct setting *s = &table->url_env;
    char shown[200];
    if (s->kind != SETTING_TEXT || s->text[0] == '\0')
        return refuse_kind(found, table, url_env_key, s, "the name of an environment variable, in quotes", err);
    text_visible(shown, sizeof shown, s->text);
    if (table->at[CONFIG_URL].kind != SETTING_ABSENT) {
        error_set(err, ERR_CONFIG, "[target.%s] has url and url_env: which one counts is not clear.", table->name);
        error_hint(err, "Take one of them out.");
        return refuse_at(found, s->at, err);
    }
    const char *value = getenv(s->text);
    if (value == NULL || value[0] == '\0') {
        error_set(err, ERR_CONFIG, "The URL of target %s is in the variable %s, which is not set.", table->name, shown);
        error_hint(err, "Set it: export %s=\"postgresql://…\". No other source is asked, so that nothing runs on another database than the one that was named.", shown);
        return refuse_at(found, s->at, err);
    }
    text_printf(&found->target_url_from, "%s, named by [target.%s] of jetbase.toml", shown, table->name);
    return setting_put(&table->at[CONFIG_URL], SETTING_TEXT, value, false, s->line) || no_memory(err);
}

bool config_target_choose(struct found *found, const char *name, bool has_url, struct error *err)
{
    struct target_table *table = NULL;
    for (size_t i = 0; i < found->target_count; i++)
        if (strcmp(found->targets[i].name, name) == 0)
            table = &found->targets[i];
    if (table == NULL)
        return refuse_unknown(found, name, err);
    if (table->fault != NULL) {
        if (err != NULL)
            *err = *table->fault;
        return false;
    }
    if (table->guard.kind != SETTING_ABSENT && table->guard.kind != SETTING_BOOL)
        return refuse_kind(found, table, protected_key, &table->guard, "true or false", err);
    if (!has_url && table->url_env.kind != SETTING_ABSENT && !take_variable(found, table, err))
        return false;
    if (!has_url && table->at[CONFIG_URL].kind == SETTING_ABSENT) {
        error_set(err, ERR_CONFIG, "[target.%s] of jetbase.toml, line %u, has no url.", table->name, table->line);
        return error_hint(err, "Give it url = \"…\", or url_env = \"NAME\" for a variable that holds the URL. No other source is asked, so that nothing runs on another database than the one that was named.");
    }
    text_printf(&found->target_from, "[target.%s] of jetbase.toml", table->name);
    if (found->target_url_from.len == 0)
        text_puts(&found->target_url_from, text_string(&found->target_from));
    if (found->target_from.failed || found->target_url_from.failed)
        return no_memory(err);
    for (int key = 0; key < CONFIG_KEYS; key++) {
        found->at[FROM_TARGET][key] = table->at[key];
        table->at[key] = (struct setting){0};
    }
    found->guarded = table->guard.kind == SETTING_BOOL && table->guard.truth;
    found->guard_line = table->guard.line;
    return true;
}

void config_target_free(struct found *found)
{
    for (size_t i = 0; i < found->target_count; i++) {
        struct target_table *table = &found->targets[i];
        for (int key = 0; key < CONFIG_KEYS; key++)
            setting_free(&table->at[key]);
        setting_free(&table->url_env);
        setting_free(&table->guard);
        free(table->fault);
        free(table->name);
    }
    free(found->targets);
    text_free(&found->target_from);
    text_free(&found->target_url_from);
}
