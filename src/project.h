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
    char *warnings;         /* as config.warnings; NULL for none */
};

/* Finds the folder (-C DIR; else the current one where it holds migrations/; else ./jetbase; else ERR_CONFIG in Jetbase's words) and changes into it, so that relative SQLite paths mean what they mean to Jetbase. With need_url reads the configuration: env.py (read, never run) > JETBASE_<KEY> > jetbase.toml > pyproject.toml; --url before all. *out must be freed also where it fails; it holds the warnings then. */
bool project_open(const struct project_options *options, bool need_url, struct project *out, struct error *err);
/* Is it a database file of SQLite that is not there yet? A run would make it. */
bool project_database_missing(const struct project *project);
/* Frees its strings. */
void project_free(struct project *project);

#endif
