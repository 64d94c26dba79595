/* config.h: the settings, Jetbase's five and four of our own, and where they come from. */
#ifndef JETBASE_CONFIG_H
#define JETBASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

enum config_key { CONFIG_URL, CONFIG_SCHEMA, CONFIG_SKIP_VALIDATION, CONFIG_SKIP_CHECKSUMS, CONFIG_SKIP_FILES, CONFIG_LOCK_TIMEOUT, CONFIG_STATEMENT_TIMEOUT, CONFIG_LOCK_WAIT, CONFIG_LOCK_RETRY, CONFIG_KEYS };

/* The name of a key, for its own as Jetbase has it ("sqlalchemy_url"). */
const char *config_key_name(enum config_key key);

/* The key of that name; CONFIG_KEYS for any other name. */
enum config_key config_key_from(const char *name);

enum setting_kind {
    SETTING_ABSENT,     /* not there, or Python's None */
    SETTING_TEXT,
    SETTING_BOOL,
    SETTING_INTEGER,
    SETTING_OTHER,      /* a value of another type: text is the type's name */
    SETTING_UNREADABLE, /* env.py computes it: text says why */
    SETTING_UNSET       /* env.py takes it from a variable that is not set: text says which */
};

/* One value of one source. Free with setting_free(). */
struct setting {
    enum setting_kind kind;
    char *text;       /* TEXT, INTEGER: the value as written; OTHER, UNREADABLE: see above */
    bool truth;       /* BOOL */
    unsigned line;    /* of its file, 0 where it has none */
    size_t at;        /* byte of its file where it stands */
};

/* Replaces *s by a value; text is copied. False where memory ran out. */
bool setting_put(struct setting *s, enum setting_kind kind, const char *text, bool truth, unsigned line);
/* Frees, wipes (URLs hold passwords) and zeroes. */
void setting_free(struct setting *s);

enum { CONFIG_SHADOWED = 5 }; /* so many sources can stand behind the one that counts */

/* Where a value stands. */
struct config_origin {
    const char *from; /* "--url", "[target.prod] of jetbase.toml", "env.py", "JETBASE_SQLALCHEMY_URL", "jetbase.toml", "pyproject.toml" (with "../" for each level up), "default"; lives as long as its config */
    unsigned line;    /* 0 where it has none */
};

/* A target that jetbase.toml has. */
struct config_target {
    char *name;
    bool guarded;     /* protected = true */
};

/* All values, chosen by Jetbase's order of sources. Free with config_free(). */
struct config {
    char *url;           /* NULL where nobody says one */
    char *schema;        /* NULL for none */
    bool skip_validation, skip_checksum_validation, skip_file_validation;
    int lock_timeout_ms, statement_timeout_ms; /* 0 where nobody says one */
    int lock_wait_ms;    /* 0 where nobody says one, -1: for ever */
    int lock_retry;      /* 0 where nobody says one */
    struct config_origin origin[CONFIG_KEYS];                     /* of each value */
    struct config_origin shadowed[CONFIG_KEYS][CONFIG_SHADOWED];  /* sources that say something too and do not count, in their order; from is NULL behind the last */
    char *warnings;      /* names that are no settings, one sentence a line, safe to show; NULL for none. Also there where config_read fails. */
    char *pyproject;     /* name of the pyproject.toml that was found */
    struct config_target *targets; /* all that there are, in the file's order */
    size_t target_count;
    char *target;        /* name of the chosen one, or NULL */
    bool guarded;        /* it is protected */
    unsigned guard_line; /* where that is said; 0 nowhere */
    char *target_from, *target_url_from; /* what its values, and its URL, come from; NULL without one */
};

/* Reads DIR/env.py, the JETBASE_ variables, DIR/jetbase.toml and the nearest pyproject.toml from DIR upwards; for each key the first source in this order that has it counts. url: the value of --url, or NULL; before all. target: the name of a table [target.NAME] of jetbase.toml, whose values go before all but --url (NULL: none); its URL is never taken from elsewhere. ERR_CONFIG with file and line for files that can't be read or understood and for values of a wrong type; *out must be freed then too. */
bool config_read(const char *dir, const char *url, const char *target, struct config *out, struct error *err);
/* Frees, wiping the URL. */
void config_free(struct config *config);

#endif
