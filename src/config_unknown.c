/* config_unknown.c: warns of names that look like settings and are none: a mistyped key would otherwise change nothing, silently. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config_private.h"
#include "options.h"

#define NAME_SIZE 65

/* Settings of Jetbase for databases that this program does not speak to. */
static const char *const idle[] = {"snowflake_private_key", "snowflake_private_key_password"};

static bool is_idle(const char *name)
{
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++)
        if (strcmp(name, idle[i]) == 0)
            return true;
    return false;
}

static const char *next_key(void *user)
{
    int *key = user;
    return *key < CONFIG_KEYS ? config_key_name((enum config_key)(*key)++) : NULL;
}

/* The setting that is meant by a name in any case, or NULL. close: nearly all of it must be there. */
static const char *nearest(const char *name, size_t len, bool close)
{
    char lower[NAME_SIZE];
    int key = 0;
    if (len == 0 || len >= sizeof lower)
        return NULL;
    for (size_t i = 0; i < len; i++)
        lower[i] = name[i] == '-' ? '_' : (char)tolower((unsigned char)name[i]);
    lower[len] = '\0';
    const char *near = options_nearest(lower, next_key, &key);
    return near == NULL || (close && len + 3 < strlen(near)) ? NULL : near;
}

/* One line for each name; the first place of it is enough. */
static void warn(struct found *found, enum source source, unsigned line, const char *name, size_t len, const char *more)
{
    char raw[200], shown[400], place[64] = "";
    struct text sentence = {0};
    snprintf(raw, sizeof raw, "%.*s", (int)(len < sizeof raw ? len : sizeof raw - 1), name);
    text_visible(shown, sizeof shown, raw);
    if (line > 0)
        snprintf(place, sizeof place, ":%u", line);
    text_printf(&sentence, ": '%s' is not a setting of jetbase and is ignored%s\n", shown, more);
    if (!sentence.failed && strstr(text_string(&found->warnings), text_string(&sentence)) == NULL)
        text_printf(&found->warnings, "%s%s%s", config_source_name(found, source, CONFIG_URL), place, text_string(&sentence));
    text_free(&sentence);
}

static void warn_near(struct found *found, enum source source, unsigned line, const char *name, size_t len, const char *near)
{
    char more[128] = ".";
    if (near != NULL)
        snprintf(more, sizeof more, "; did you mean %s?", near);
    warn(found, source, line, name, len, more);
}

void config_unknown_toml(struct found *found, enum source source, const char *path, const struct setting *value)
{
    const char *dot = path[0] == '"' ? NULL : strchr(path, '.'), *last = strrchr(path, '.');
    size_t len = dot != NULL ? (size_t)(dot - path) : strlen(path);
    char more[256];
    if (is_idle(path) || (value->kind == SETTING_OTHER && strcmp(value->text, "dict") == 0))
        return; /* what a table holds is warned of, not the table */
    if (dot == NULL || last != dot || config_key_from(last + 1) == CONFIG_KEYS) {
        len -= len > 2 && memcmp(path + len - 2, "[]", 2) == 0 ? 2 : 0;
        warn_near(found, source, value->line, path, len, dot != NULL ? NULL : nearest(path, len, false));
        return;
    }
    if (source == FROM_TOML)
        snprintf(more, sizeof more, "; %s belongs at the top of the file, before every [table].", last + 1);
    else
        snprintf(more, sizeof more, "; %s belongs directly into [tool.jetbase].", last + 1);
    warn(found, source, value->line, path, strlen(path), more);
}

void config_unknown_table(struct found *found, const char *path, unsigned line)
{
    const char *last = strrchr(path, '.');
    if (last == NULL || config_key_from(last + 1) == CONFIG_KEYS)
        return;
    /* Other tools have tables of their own; this one is meant for us where its name says so. */
    if (strcasestr(path, "jetbase") != NULL)
        warn(found, FROM_PYPROJECT, line, path, strlen(path), "; settings belong into [tool.jetbase].");
}

void config_unknown_python(struct found *found, const char *name, size_t len, unsigned line)
{
    const char *near = nearest(name, len, true);
    /* Beside the right name it is a variable of somebody's own. */
    if (near != NULL && found->at[FROM_ENVPY][config_key_from(near)].line == 0)
        warn_near(found, FROM_ENVPY, line, name, len, near);
}

static bool is_variable(const char *name, size_t len)
{
    for (int key = 0; key < CONFIG_KEYS; key++)
        if (strlen(config_variable((enum config_key)key)) == len && strncmp(config_variable((enum config_key)key), name, len) == 0)
            return true;
    return false;
}

void config_unknown_variables(struct found *found)
{
    static const char prefix[] = "JETBASE_";
    for (char **variable = environ; variable != NULL && *variable != NULL; variable++) {
        size_t len = strcspn(*variable, "="), skip = sizeof prefix - 1;
        if (len <= skip || strncmp(*variable, prefix, skip) != 0)
            continue;
        const char *near = nearest(*variable + skip, len - skip, true);
        if (near == NULL || is_variable(*variable, len) || found->at[FROM_VARIABLE][config_key_from(near)].kind != SETTING_ABSENT)
            continue;
        char shown[200], raw[100];
        snprintf(raw, sizeof raw, "%.*s", (int)(len < sizeof raw ? len : sizeof raw - 1), *variable);
        text_visible(shown, sizeof shown, raw);
        text_printf(&found->warnings, "the environment variable %s is not a setting of jetbase and is ignored; did you mean %s?\n", shown, config_variable(config_key_from(near)));
    }
}
