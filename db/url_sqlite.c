/* url_sqlite.c: which file a sqlite:// URL means. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "text.h"
#include "url_private.h"

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "Out of memory while reading the database URL");
}

/* Has the query this parameter, with a value that `accept` likes? Out of memory counts as no. */
static bool query_has(struct span query, const char *wanted, bool (*accept)(const char *value))
{
    struct span name, value;
    bool found = false;
    while (url_next_parameter(&query, &name, &value)) {
        char *plain_name = url_decode(name, true), *plain_value = url_decode(value, true);
        if (plain_name && plain_value && strcmp(plain_name, wanted) == 0)
            found = accept(plain_value);
        free(plain_name);
        free(plain_value);
    }
    return found;
}

static bool is_yes(const char *value)
{
    static const char *const words[] = {"true", "yes", "on", "y", "t", "1"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(value, words[i]) == 0)
            return true;
    return false;
}

static bool is_memory(const char *value)
{
    return strcmp(value, "memory") == 0;
}

static bool is_mode(const char *value)
{
    return is_memory(value) || strcmp(value, "ro") == 0 || strcmp(value, "rw") == 0 || strcmp(value, "rwc") == 0;
}

static bool is_no_mode(const char *value)
{
    return !is_mode(value);
}

static bool is_no_cache(const char *value)
{
    return strcmp(value, "shared") != 0 && strcmp(value, "private") != 0;
}

/* SQLite opens nothing by a URI whose words it does not know: a mistyped mode=ro must not end as a run that writes. */
static bool query_known(struct span query, struct error *err)
{
    if (query_has(query, "mode", is_no_mode)) {
        error_set(err, ERR_CONFIG, "Invalid SQLite URL: a file: URI has a mode that SQLite does not know");
        return error_hint(err, "The modes are ro, rw, rwc and memory.");
    }
    if (query_has(query, "cache", is_no_cache)) {
        error_set(err, ERR_CONFIG, "Invalid SQLite URL: a file: URI has a cache that SQLite does not know");
        return error_hint(err, "The caches are shared and private.");
    }
    return true;
}

/* Fills *path with what a "file:" URI names, as SQLite reads it. */
static bool file_uri_path(struct span uri, char **path, struct error *err)
{
    uri.at += strlen("file:");
    uri.len -= strlen("file:");
    if (uri.len >= 2 && uri.at[0] == '/' && uri.at[1] == '/') {
        const char *slash = memchr(uri.at + 2, '/', uri.len - 2);
        size_t host = slash ? (size_t)(slash - uri.at) - 2 : uri.len - 2;
        if (host != 0 && !(host == 9 && memcmp(uri.at + 2, "localhost", 9) == 0))
            return error_set(err, ERR_CONFIG, "Invalid SQLite URL: a file: URI may name no host but localhost");
        uri.at += 2 + host;
        uri.len -= 2 + host;
    }
    if (memmem(uri.at, uri.len, "%00", 3))
        return error_set(err, ERR_CONFIG, "The database URL holds %%00, which no file name may hold");
    /* SQLite makes a temporary file of it, which is gone at the end, with all that was applied. */
    if (uri.len == 0) {
        error_set(err, ERR_CONFIG, "Invalid SQLite URL: its file: URI names no file");
        return error_hint(err, "sqlite:///file:app.db?uri=true names one; sqlite:///:memory: is a database that is gone at the end.");
    }
    *path = url_decode(uri, false);
    return *path || no_memory(err);
}

static bool read_uri(struct span file, struct span query, struct url *out, struct error *err)
{
    const char *fragment = memchr(file.at, '#', file.len);
    if (fragment) {
        /* SQLAlchemy puts the parameters behind it, and SQLite passes over all of that. */
        file.len = (size_t)(fragment - file.at);
        free(out->query);
        out->query = NULL;
        return file_uri_path(file, &out->path, err);
    }
    if (!query_known(query, err))
        return false;
    if (!query_has(query, "mode", is_memory))
        return file_uri_path(file, &out->path, err);
    out->path = text_dup(":memory:");
    return out->path || no_memory(err);
}

bool url_read_sqlite(const struct url_pieces *p, struct url *out, struct error *err)
{
    struct span file = p->database;
    bool is_uri = file.len >= 5 && memcmp(file.at, "file:", 5) == 0;
    if (p->user.len || p->password.at || p->host.len || p->port.len) {
        error_set(err, ERR_CONFIG, "Invalid SQLite URL: %s", out->shown);
        return error_hint(err, "Valid SQLite URL forms are:\n sqlite:///:memory: (or, sqlite://)\n"
                               " sqlite:///relative/path/to/file.db\n sqlite:////absolute/path/to/file.db");
    }
    if (p->query.len > 0) {
        out->query = strndup(p->query.at, p->query.len);
        if (!out->query)
            return no_memory(err);
    }
    if (is_uri && query_has(p->query, "uri", is_yes))
        return read_uri(file, p->query, out, err);
    /* "./" keeps SQLite from reading a plain name as a URI. */
    if (asprintf(&out->path, "%s%.*s", is_uri ? "./" : "", (int)file.len, file.at ? file.at : "") < 0) {
        out->path = NULL;
        return no_memory(err);
    }
    if (out->path[0] == '\0') {
        free(out->path);
        out->path = text_dup(":memory:");
    }
    return out->path || no_memory(err);
}
