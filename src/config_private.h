/* config_private.h: what config*.c share and nobody else needs. */
#ifndef JETBASE_CONFIG_PRIVATE_H
#define JETBASE_CONFIG_PRIVATE_H

#include "config.h"
#include "text.h"

enum source { FROM_TARGET, FROM_ENVPY, FROM_VARIABLE, FROM_TOML, FROM_PYPROJECT, SOURCES };

/* A table [target.NAME] of jetbase.toml. */
struct target_table {
    char *name;
    unsigned line;              /* of its header; 0 where it has none (dotted keys) */
    struct setting at[CONFIG_KEYS]; /* CONFIG_URL: its key url */
    struct setting url_env;     /* the name of the variable that holds the URL */
    struct setting guard;       /* protected */
    struct error *fault;        /* why it can't be used, or NULL; owned */
};

/* Everything that was found, before one is chosen for each key. */
struct found {
    struct target_table *targets;
    size_t target_count;
    struct text target_from, target_url_from; /* what its values, and its URL, are said to come from; "" where no target is chosen */
    bool guarded;               /* the chosen target is protected */
    unsigned guard_line;        /* where it says whether it is; 0 nowhere */
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

/* Does a path of jetbase.toml belong to the targets? */
bool config_target_is(const char *path);
/* Takes one value of a target in. A name that is none is kept as the fault of its target. False: the file can't be taken, or memory ran out. */
bool config_target_take(struct found *found, const char *path, const struct setting *value, struct error *err);
/* Makes the target's values the ones of FROM_TARGET. has_url: its URL is not needed. False: there is none of that name (with the names there are), or it can't be used. */
bool config_target_choose(struct found *found, const char *name, bool has_url, struct error *err);
void config_target_free(struct found *found);

/* Frees a string after wiping it; NULL is allowed. */
void config_wipe(char *text);

/* Warn of a name of jetbase.toml or [tool.jetbase] that is no setting (with the nearest one, where one is near), of a table of pyproject.toml that may be meant for us, of a name of env.py that is nearly a setting which env.py does not set, and of such variables. */
void config_unknown_toml(struct found *found, enum source source, const char *path, const struct setting *value);
void config_unknown_table(struct found *found, const char *path, unsigned line);
void config_unknown_python(struct found *found, const char *name, size_t len, unsigned line);
void config_unknown_variables(struct found *found);

#endif
