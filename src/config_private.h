/* config_private.h: what config*.c share and nobody else needs. */
#ifndef JETBASE_CONFIG_PRIVATE_H
#define JETBASE_CONFIG_PRIVATE_H

#include "config.h"
#include "text.h"

enum source { FROM_ENVPY, FROM_VARIABLE, FROM_TOML, FROM_PYPROJECT, SOURCES };

/* Everything that was found, before one is chosen for each key. */
struct found {
    struct setting at[SOURCES][CONFIG_KEYS];
    struct text text[SOURCES];  /* of the files, to show lines of them */
    struct text pyproject;      /* name of the pyproject.toml, "" for none */
    struct text warnings;
};

/* The environment variable of a key. */
const char *config_variable(enum config_key key);
/* What messages call a source; for variables it depends on the key. */
const char *config_source_name(const struct found *found, enum source source, enum config_key key);

/* Reads all sources. False: as config_read. *found must be freed in either case. */
bool config_sources_read(const char *dir, struct found *found, struct error *err);
void config_sources_free(struct found *found);

/* Frees a string after wiping it; NULL is allowed. */
void config_wipe(char *text);

/* Warn of a name of jetbase.toml or [tool.jetbase] that is no setting (with the nearest one, where one is near), of a table of pyproject.toml that may be meant for us, of a name of env.py that is nearly a setting which env.py does not set, and of such variables. */
void config_unknown_toml(struct found *found, enum source source, const char *path, const struct setting *value);
void config_unknown_table(struct found *found, const char *path, unsigned line);
void config_unknown_python(struct found *found, const char *name, size_t len, unsigned line);
void config_unknown_variables(struct found *found);

#endif
