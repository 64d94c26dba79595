/* project.c: finds the project folder, changes into it and reads its configuration. */
#include "project.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "text.h"

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "Memory ran out opening the project.");
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Whether the last part of the current folder's path is `jetbase`. */
static bool in_jetbase(char *cwd, size_t size)
{
    if (getcwd(cwd, size) == NULL) {
        cwd[0] = '\0';
        return false;
    }
    const char *slash = strrchr(cwd, '/');
    return slash != NULL && strcmp(slash + 1, "jetbase") == 0;
}

/* Jetbase's words for a place without a project, in the current folder. */
static bool refuse_folder(struct error *err)
{
    char cwd[PATH_MAX], shown[1024];
    bool inside = in_jetbase(cwd, sizeof cwd);
    if (!inside && !is_folder("jetbase")) {
        error_set(err, ERR_CONFIG, "Command must be run from the 'jetbase' directory.\nYou can run 'jetbase init' to create a Jetbase project.");
        return error_hint(err, "Or name the folder that holds migrations/ with -C DIR.");
    }
    text_visible(shown, sizeof shown, cwd);
    return error_set(err, ERR_CONFIG, "'migrations' directory not found in %s%s.\nAdd a migrations directory inside the 'jetbase' directory to proceed.\nYou can also run 'jetbase init' to create a Jetbase project.",
                     shown, inside ? "" : "/jetbase");
}

static bool change_folder(const char *path, struct error *err)
{
    if (chdir(path) == 0)
        return true;
    char shown[512];
    int why = errno;
    text_visible(shown, sizeof shown, path);
    return error_set(err, ERR_CONFIG, "The folder %s can't be entered: %s.", shown, strerror(why));
}

static bool enter_project(const struct project_options *options, struct error *err)
{
    if (options->dir != NULL && !change_folder(options->dir, err))
        return false;
    if (is_folder("migrations"))
        return true;
    if (is_folder("jetbase/migrations"))
        return change_folder("jetbase", err);
    return refuse_folder(err);
}

static bool refuse_no_url(const struct config *config, struct error *err)
{
    error_set(err, ERR_CONFIG,
                     "Configuration 'sqlalchemy_url' not found. Please configure it using one of these methods:\n\n"
                     "1. jetbase/env.py file:\n"
                     "   sqlalchemy_url = \"your_value\"\n\n"
                     "2. Environment variable:\n"
                     "   export JETBASE_SQLALCHEMY_URL=\"your_value\"\n\n"
                     "3. jetbase.toml file:\n"
                     "   sqlalchemy_url = \"your_value\"\n\n"
                     "4. pyproject.toml file:\n"
                     "   [tool.jetbase]\n"
                     "   sqlalchemy_url = \"your_value\"");
    if (config->target_count > 0)
        error_hint(err, "jetbase.toml has targets: --target %s%s.", config->targets[0].name, config->target_count > 1 ? ", for instance" : "");
    return false;
}

static bool read_config(const struct project_options *options, struct project *out, struct error *err)
{
    struct config config;
    bool ok = config_read(out->dir, options->url, options->target, &config, err);
    out->warnings = config.warnings;
    config.warnings = NULL;
    if (!ok) {
        config_free(&config);
        return false;
    }
    out->target = config.target;
    config.target = NULL;
    out->guarded = config.guarded;
    out->held_back = config.guarded && !options->yes;
    out->schema = config.schema;
    config.schema = NULL;
    out->skip_validation = config.skip_validation;
    out->skip_checksum_validation = config.skip_checksum_validation;
    out->skip_file_validation = config.skip_file_validation;
    out->lock_timeout_ms = config.lock_timeout_ms;
    out->statement_timeout_ms = config.statement_timeout_ms;
    out->lock_wait_ms = config.lock_wait_ms;
    out->lock_retry = config.lock_retry;
    ok = config.url != NULL || refuse_no_url(&config, err);
    if (ok) {
        out->url_from = text_dup(config.origin[CONFIG_URL].from);
        ok = out->url_from != NULL || no_memory(err);
    }
    if (ok)
        ok = out->has_url = url_parse(config.url, &out->url, err);
    if (!ok && out->url_from != NULL && err != NULL && err->hint[0] == '\0')
        error_hint(err, "The URL comes from %s.", out->url_from);
    config_free(&config);
    return ok;
}

bool project_open(const struct project_options *options, bool need_url, struct project *out, struct error *err)
{
    *out = (struct project){0};
    if (!enter_project(options, err))
        return false;
    out->dir = getcwd(NULL, 0);
    bool ok = out->dir != NULL || error_set(err, ERR_CONFIG, "The project folder has no path any more: %s.", strerror(errno));
    return ok && (!need_url || read_config(options, out, err));
}

static void free_names(char **names)
{
    for (size_t i = 0; names != NULL && names[i] != NULL; i++)
        free(names[i]);
    free(names);
}

char **project_targets(const struct project *project, char **warnings, struct error *err)
{
    struct config config;
    /* A URL is given, as none is wanted: what the other sources say is not looked at. */
    bool ok = config_read(project->dir, "", NULL, &config, err);
    char **names = NULL;
    *warnings = config.warnings;
    config.warnings = NULL;
    if (ok && config.target_count == 0) {
        ok = error_set(err, ERR_CONFIG, "There are no targets: jetbase.toml has no table [target.NAME].");
        error_hint(err, "Write one into jetbase.toml: [target.staging], and below it url = \"…\", or url_env = \"NAME\" for a variable that holds the URL.");
    }
    if (ok) {
        names = calloc(config.target_count + 1, sizeof *names);
        ok = names != NULL;
        for (size_t i = 0; ok && i < config.target_count; i++)
            ok = (names[i] = text_dup(config.targets[i].name)) != NULL;
        if (!ok) {
            free_names(names);
            names = NULL;
            no_memory(err);
        }
    }
    config_free(&config);
    return names;
}

bool project_read_target(const struct project *project, const char *target, struct project *out, struct error *err)
{
    struct project_options options = {.target = target};
    *out = (struct project){.dir = text_dup(project->dir)};
    return out->dir != NULL ? read_config(&options, out, err) : no_memory(err);
}

bool project_database_missing(const struct project *project)
{
    const char *path = project->url.path;
    if (project->url.kind != URL_SQLITE || !path || !path[0] || strcmp(path, ":memory:") == 0)
        return false;
    return access(path, F_OK) != 0 && errno == ENOENT;
}

void project_free(struct project *project)
{
    free(project->dir);
    if (project->has_url)
        url_free(&project->url);
    free(project->url_from);
    free(project->schema);
    free(project->target);
    free(project->warnings);
    *project = (struct project){0};
}
