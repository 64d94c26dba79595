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
    *path = url_decode(uri, false);
    return *path || no_memory(err);
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
    if (is_uri && query_has(p->query, "uri", is_yes)) {
        if (!query_has(p->query, "mode", is_memory))
            return file_uri_path(file, &out->path, err);
        out->path = text_dup(":memory:");
        return out->path || no_memory(err);
    }
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
