/* project.h: the project folder and its configuration. */
#ifndef JETBASE_PROJECT_H
#define JETBASE_PROJECT_H

#include <stdbool.h>

#include "error.h"
#include "url.h"

/* Options from the command line that matter here; NULL where not given. */
struct project_options {
    const char *dir;   /* -C DIR */
    const char *url;   /* --url */
    const char *target; /* --target */
    bool yes;          /* --yes: a protected target may be changed */
};

/* A project. Free with project_free(). */
struct project {
    char *dir;              /* folder that holds migrations/ (absolute) */
    struct url url;
    bool has_url;
    char *url_from;         /* where the URL came from: "--url", "env.py", "JETBASE_SQLALCHEMY_URL", "jetbase.toml", "../pyproject.toml" */
    char *schema;           /* postgres_schema or NULL */
    bool skip_validation, skip_checksum_validation, skip_file_validation;
    int lock_timeout_ms, statement_timeout_ms, lock_wait_ms, lock_retry; /* as config's */
    char *target;           /* name of the target, NULL for none */
    bool guarded;           /* it is protected */
    bool held_back;         /* and --yes was not said: nothing may change it */
    char *warnings;         /* as config.warnings; NULL for none */
};

/* Finds the folder (-C DIR; else the current one where it holds migrations/; else ./jetbase; else ERR_CONFIG in Jetbase's words) and changes into it, so that relative SQLite paths mean what they mean to Jetbase. With need_url reads the configuration: env.py (read, never run) > JETBASE_<KEY> > jetbase.toml > pyproject.toml; --url before all, then the target. *out must be freed also where it fails; it holds the warnings then. */
bool project_open(const struct project_options *options, bool need_url, struct project *out, struct error *err);
/* The names of the targets in jetbase.toml of an open project, in the file's order; ended by NULL, each and the array to be freed. NULL with *err: the file can't be read, or has none. *warnings: as config.warnings, to be freed. */
char **project_targets(const struct project *project, char **warnings, struct error *err);
/* Reads the configuration of another target of an open project, which stays as it is. *out must be freed also where it fails. */
bool project_read_target(const struct project *project, const char *target, struct project *out, struct error *err);
/* Is it a database file of SQLite that is not there yet? A run would make it. */
bool project_database_missing(const struct project *project);
/* Frees its strings. */
void project_free(struct project *project);

#endif
