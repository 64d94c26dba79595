/* command_make.c: init and new: they make files and never overwrite one. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "migration.h"
#include "output_json.h"
#include "text.h"

#define NAME_MOST 512 /* characters, as Jetbase has it */

static const char env_text[] = "# Jetbase Configuration\n"
                               "# Update the sqlalchemy_url with your database connection string.\n"
                               "\n"
                               "sqlalchemy_url = \"postgresql://user:password@localhost:5432/mydb\"\n";

static const char migration_text[] = "-- upgrade\n\n-- rollback\n";

static bool refuse_file(const char *path, int why, struct error *err)
{
    char shown[1024];
    text_visible(shown, sizeof shown, path);
    if (why != EEXIST)
        return error_set(err, ERR_FILE, "%s can't be created: %s", shown, strerror(why));
    error_set(err, ERR_FILE, "%s is there already; it was not overwritten", shown);
    return error_hint(err, "Nothing was changed. Take the file away first, or choose another name.");
}

static bool write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text += n;
        len -= (size_t)n;
    }
    return true;
}

/* Makes a new file with this text; where it can't be written whole nothing of it stays. */
static bool make_file(const char *path, const char *text, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666), why;
    bool ok;
    if (fd < 0)
        return refuse_file(path, errno, err);
    ok = write_all(fd, text, strlen(text));
    why = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        why = errno;
    }
    if (ok)
        return true;
    unlink(path);
    return refuse_file(path, why, err);
}

/* ---- init ---- */

/* Makes a folder; one that is there is as good. *made: it is new. */
static bool make_folder(const char *path, bool *made, struct error *err)
{
    struct stat st;
    *made = mkdir(path, 0777) == 0;
    if (*made || (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
        return true;
    return refuse_file(path, errno, err);
}

int command_init(const struct call *call, struct error *err)
{
    struct stat st;
    bool made_project = false, made_migrations = false;
    char cwd[PATH_MAX], shown[PATH_MAX];
    if (call->options->dir && chdir(call->options->dir) != 0) {
        text_visible(shown, sizeof shown, call->options->dir);
        error_set(err, ERR_CONFIG, "The folder %s can't be entered: %s.", shown, strerror(errno));
        return error_exit_code(err->code);
    }
    /* Looked at before anything is made, so that a refusal changes nothing. */
    if (lstat("jetbase/env.py", &st) == 0) {
        refuse_file("jetbase/env.py", EEXIST, err);
        return error_exit_code(err->code);
    }
    if (!make_folder("jetbase", &made_project, err) || !make_folder("jetbase/migrations", &made_migrations, err) || !make_file("jetbase/env.py", env_text, err)) {
        if (made_migrations)
            rmdir("jetbase/migrations");
        if (made_project)
            rmdir("jetbase");
        return error_exit_code(err->code);
    }
    if (!getcwd(cwd, sizeof cwd))
        cwd[0] = '\0';
    if (call->out->json) {
        char path[PATH_MAX + 16];
        snprintf(path, sizeof path, "%s/jetbase", cwd);
        return output_json(call->out, json_pack("{s:i, s:o, s:[s, s]}", "schema", 1, "project", json_words(path), "made", "jetbase/migrations", "jetbase/env.py"), err) ? 0 : error_exit_code(err->code);
    }
    text_visible(shown, sizeof shown, cwd);
    output_say(call->out, "Initialized Jetbase project in %s/jetbase\nRun 'cd jetbase' to get started!", strcmp(shown, "/") == 0 ? "" : shown);
    return 0;
}

/* ---- new ---- */

/* The zeros of Unicode's decimal digits: Jetbase's pattern takes any of them. Ten follow one another from each. */
static const uint32_t digit_zeros[] = {
    0x30,    0x660,   0x6f0,   0x7c0,   0x966,   0x9e6,   0xa66,   0xae6,   0xb66,   0xbe6,   0xc66,   0xce6,   0xd66,   0xde6,   0xe50,   0xed0,   0xf20,
    0x1040,  0x1090,  0x17e0,  0x1810,  0x1946,  0x19d0,  0x1a80,  0x1a90,  0x1b50,  0x1bb0,  0x1c40,  0x1c50,  0xa620,  0xa8d0,  0xa900,  0xa9d0,  0xa9f0,
    0xaa50,  0xabf0,  0xff10,  0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950,
    0x11c50, 0x11d50, 0x11da0, 0x11f50, 0x16a60, 0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4d0, 0x1e950, 0x1fbf0,
};

/* The bytes of the digit that text begins with, 0 for anything else. */
static size_t digit_at(const char *text)
{
    const unsigned char *u = (const unsigned char *)text;
    size_t len = text_offset(text, strlen(text), 1);
    uint32_t code = len == 1 ? u[0] : len == 2 ? u[0] & 0x1fu : len == 3 ? u[0] & 0x0fu : u[0] & 0x07u;
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (u[i] & 0x3fu);
    for (size_t i = 0; len > 0 && i < sizeof digit_zeros / sizeof *digit_zeros; i++)
        if (code >= digit_zeros[i] && code < digit_zeros[i] + 10)
            return len;
    return 0;
}

/* Jetbase's pattern for a version: digits in groups between single '.' or '_'; Python's `$` lets one line end stand behind it. */
static bool jetbase_version(const char *text)
{
    for (;;) {
        size_t n = digit_at(text);
        if (n == 0)
            return false;
        for (; n > 0; n = digit_at(text))
            text += n;
        if (*text == '\0' || strcmp(text, "\n") == 0)
            return true;
        if (*text != '.' && *text != '_')
            return false;
        text++;
    }
}

static bool refuse_version(const char *version, struct error *err)
{
    char shown[256];
    text_visible(shown, sizeof shown, version);
    return error_set(err, ERR_FAILED, "Invalid version: %s.\nVersion must be integer(s) that are separated by periods or underscores.\nExamples: \"1\", \"1.5\", \"1_5\"", shown);
}

/* The local time, as Jetbase writes it. */
static bool version_now(const struct sys *sys, char *to, size_t size, struct error *err)
{
    time_t now = (time_t)(sys->wall_us() / 1000000);
    struct tm tm;
    if (localtime_r(&now, &tm) && strftime(to, size, "%Y%m%d.%H%M%S", &tm) > 0)
        return true;
    error_set(err, ERR_FAILED, "the time of day can't be told");
    return error_hint(err, "Give a version: --version 1");
}

/* V<version>__<description>.sql; free it. */
static char *new_name(const struct call *call, struct error *err)
{
    const char *version = call->options->new_version, *description = call->options->operands[0];
    char now[64];
    struct text name = { 0 };
    if (version && !jetbase_version(version)) {
        refuse_version(version, err);
        return NULL;
    }
    if (!version && !version_now(call->sys, now, sizeof now, err))
        return NULL;
    text_printf(&name, "V%s__", version ? version : now);
    for (const char *c = description; *c; c++)
        text_add(&name, *c == ' ' ? "_" : c, 1);
    text_puts(&name, ".sql");
    if (name.failed)
        error_set(err, ERR_NO_MEMORY, "Memory ran out making a file name.");
    else if (text_chars(name.at, name.len) > NAME_MOST)
        error_set(err, ERR_FAILED, "Migration filename too long.\nFilename must not exceed 512 characters.");
    else if (strchr(name.at, '/')) {
        error_set(err, ERR_FILE, "No such file or directory: a description becomes part of a file's name, and that can't hold '/'.");
        error_hint(err, "Nothing was made. Write the description without '/'.");
    } else
        return name.at;
    text_free(&name);
    return NULL;
}

/* Jetbase makes files that it then refuses (an empty description, a version that is there already): made all the same, but said. */
static void warn_of_folder(const struct call *call)
{
    struct folder *folder = NULL;
    struct error why = { 0 };
    if (folder_read(call->project->dir, &folder, &why))
        folder_free(folder);
    else
        output_warn(call->out, "as the folder is now, every command will refuse it: %.*s", (int)strcspn(why.message, "\n"), why.message);
}

int command_new(const struct call *call, struct error *err)
{
    struct text path = { 0 };
    char *name = new_name(call, err);
    bool ok = name != NULL;
    if (ok) {
        text_printf(&path, "migrations/%s", name);
        ok = path.failed ? error_set(err, ERR_NO_MEMORY, "Memory ran out making a file name.") : make_file(path.at, migration_text, err);
    }
    if (ok && call->out->json) {
        ok = output_json(call->out, json_pack("{s:i, s:o, s:o}", "schema", 1, "file", json_words(name), "path", json_words(path.at)), err);
    } else if (ok) {
        struct text shown = { 0 };
        text_add_visible(&shown, name, strlen(name));
        output_say(call->out, "Created migration file: %s", text_string(&shown));
        text_free(&shown);
    }
    if (ok)
        warn_of_folder(call);
    text_free(&path);
    free(name);
    return ok ? 0 : error_exit_code(err->code);
}
