/* complete_value.c: the words that are not the program's own: versions and files of migrations/, targets of jetbase.toml, folders. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "complete.h"
#include "file.h"
#include "migration.h"
#include "project.h"
#include "toml.h"

enum { WORD_SIZE = 2048, TOML_MOST = 1 << 20 };

void complete_offer(const struct complete *c, const char *word, const char *help)
{
    char shown[WORD_SIZE], beside[WORD_SIZE] = "";
    text_visible(shown, sizeof shown, word);
    if (help)
        text_visible(beside, sizeof beside, help);
    if (!word[0] || strncmp(word, c->typed, strlen(c->typed)) != 0 || strcmp(shown, word) != 0)
        return;
    fprintf(c->out, "%.*s%s%s%s\n", c->before_len, c->before, word, help ? "\t" : "", beside);
}

/* Changes into the project as the command would; false where there is none. */
static bool enter(const struct complete *c, struct project *project)
{
    char dir[PATH_MAX];
    const char *home = getenv("HOME");
    struct project_options where = { .dir = c->dir };
    struct error err = { 0 };
    /* The shells give the words as they are written. */
    if (c->dir && home && strncmp(c->dir, "~/", 2) == 0 && snprintf(dir, sizeof dir, "%s%s", home, c->dir + 1) < (int)sizeof dir)
        where.dir = dir;
    return project_open(&where, false, project, &err);
}

static void offer_migrations(const struct complete *c, bool files)
{
    struct project project;
    struct folder *folder = NULL;
    struct error err = { 0 };
    if (enter(c, &project) && folder_read(project.dir, &folder, &err))
        for (size_t i = 0; i < folder_count(folder); i++) {
            const struct migration *m = folder_at(folder, i);
            if (files)
                complete_offer(c, m->file, m->description);
            else if (m->version)
                complete_offer(c, m->version, m->description);
        }
    folder_free(folder);
    project_free(&project);
}

static void offer_versions(const struct complete *c)
{
    offer_migrations(c, false);
}

static void offer_files(const struct complete *c)
{
    offer_migrations(c, true);
}

static void offer_commands(const struct complete *c)
{
    for (const struct command *command = command_table; command->name; command++)
        complete_offer(c, command->name, command->help);
}

static void offer_folders(const struct complete *c)
{
    /* The shell knows best how to go down folders; behind a letter (-Cdir) it can't. */
    if (c->before_len == 0)
        fputs(COMPLETE_FOLDERS "\n", c->out);
}

/* Whose name was offered last: the keys of a target follow each other. */
struct targets {
    const struct complete *c;
    char last[WORD_SIZE];
};

static bool on_key(void *user, const char *path, const struct setting *value, struct error *err)
{
    struct targets *t = user;
    char name[WORD_SIZE];
    size_t len;
    (void)value;
    (void)err;
    if (strncmp(path, "target.", strlen("target.")) != 0)
        return true;
    path += strlen("target.");
    len = strcspn(path, ".\"'[");
    snprintf(name, sizeof name, "%.*s", (int)len, path);
    if (len == 0 || (path[len] && path[len] != '.') || strcmp(name, t->last) == 0)
        return true;
    complete_offer(t->c, name, NULL);
    memcpy(t->last, name, sizeof name);
    return true;
}

static void offer_targets(const struct complete *c)
{
    struct targets t = { .c = c };
    struct project project;
    struct text text = { 0 };
    struct error err = { 0 };
    if (enter(c, &project) && file_whole("jetbase.toml", "jetbase.toml", TOML_MOST, &text, &err))
        toml_read(text_string(&text), text.len, "jetbase.toml", on_key, &t, &err);
    if (text.at)
        explicit_bzero(text.at, text.len);
    text_free(&text);
    project_free(&project);
}

bool complete_value(const struct complete *c, const char *kind, size_t len)
{
    static const struct {
        const char *kind;
        void (*offer)(const struct complete *c);
    } kinds[] = {
        { "VERSION", offer_versions }, { "FILE", offer_files }, { "COMMAND", offer_commands }, { "DIR", offer_folders }, { "NAME", offer_targets }, { "TARGET", offer_targets },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strlen(kinds[i].kind) == len && strncmp(kinds[i].kind, kind, len) == 0) {
            kinds[i].offer(c);
            return true;
        }
    return false;
}
