/* sqlite_url.c: what a database URL says of an SQLite file: its path, and the parameters that take away its locks. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sqlite_private.h"

/* What the part behind '?' asks for. */
struct parameters {
    bool nolock, immutable, read_only, must_exist;
    char vfs[64]; /* "" the ordinary one */
};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Copies with %XX decoded; cut where it does not fit. */
static void decode(char *to, size_t size, const char *from, size_t len)
{
    size_t at = 0;
    for (size_t i = 0; i < len && at + 1 < size; i++) {
        int high = i + 2 < len && from[i] == '%' ? hex_value(from[i + 1]) : -1;
        int low = high >= 0 ? hex_value(from[i + 2]) : -1;
        if (low >= 0) {
            to[at++] = (char)(high * 16 + low);
            i += 2;
        } else {
            to[at++] = from[i];
        }
    }
    to[at] = '\0';
}

/* As SQLite reads a boolean of a URI. */
static bool truth(const char *value)
{
    return strcasecmp(value, "0") != 0 && strcasecmp(value, "no") != 0 && strcasecmp(value, "off") != 0 && strcasecmp(value, "false") != 0;
}

static void parameter(struct parameters *p, const char *key, const char *value)
{
    if (strcmp(key, "nolock") == 0) {
        p->nolock = truth(value);
    } else if (strcmp(key, "immutable") == 0) {
        p->immutable = truth(value);
    } else if (strcmp(key, "vfs") == 0) {
        /* "unix" is the one whose locks we know. */
        text_copy(p->vfs, sizeof p->vfs, strcmp(value, "unix") == 0 ? "" : value);
    } else if (strcmp(key, "mode") == 0) {
        p->read_only = strcmp(value, "ro") == 0;
        p->must_exist = p->read_only || strcmp(value, "rw") == 0;
    }
}

static void parameters_read(struct parameters *p, const char *query)
{
    char key[64], value[128];
    memset(p, 0, sizeof *p);
    while (query && *query) {
        size_t len = strcspn(query, "&"), name = strcspn(query, "=&");
        decode(key, sizeof key, query, name);
        value[0] = '\0';
        if (name < len)
            decode(value, sizeof value, query + name + 1, len - name - 1);
        parameter(p, key, value);
        query += len + (query[len] == '&');
    }
}

/* A run needs SQLite's own locks and a file that it may write. */
static bool refuse(const struct parameters *p, struct error *err)
{
    const char *what = p->nolock ? "nolock" : p->immutable ? "immutable" : p->vfs[0] ? "vfs" : p->read_only ? "mode=ro" : NULL;
    if (!what)
        return true;
    if (p->read_only && strcmp(what, "mode=ro") == 0)
        error_set(err, ERR_CONFIG, "the database URL says mode=ro: a run can't write through it");
    else
        error_set(err, ERR_CONFIG, "the database URL says %s: without SQLite's own locks two programs could migrate at once", what);
    return error_hint(err, "Nothing was changed. Take it out of the URL; commands that only read accept it.");
}

static char *absolute(const char *path)
{
    struct text full = { 0 };
    char *folder = NULL;
    if (path[0] != '/') {
        folder = getcwd(NULL, 0);
        if (!folder)
            return NULL;
        text_printf(&full, "%s/", strcmp(folder, "/") == 0 ? "" : folder);
    }
    text_puts(&full, path);
    free(folder);
    if (full.failed) {
        text_free(&full);
        return NULL;
    }
    return full.at;
}

/* The URI that a look through a URL without locks opens. */
static char *look_uri(const char *path, const struct parameters *p)
{
    struct text uri = { 0 };
    text_puts(&uri, "file:");
    for (const char *c = path; *c; c++) {
        if (strchr("%?#&= ", *c))
            text_printf(&uri, "%%%02X", (unsigned)(unsigned char)*c);
        else
            text_add(&uri, c, 1);
    }
    text_printf(&uri, "?nolock=%d&immutable=%d", p->nolock, p->immutable);
    if (uri.failed) {
        text_free(&uri);
        return NULL;
    }
    return uri.at;
}

bool sqlite_url_read(struct db *db, struct error *err)
{
    const struct url *url = db->target.url;
    const char *path = url->path ? url->path : ":memory:";
    struct parameters p;
    parameters_read(&p, url->query);
    db->must_exist = p.must_exist;
    db->memory = !path[0] || strcmp(path, ":memory:") == 0;
    if (db->memory)
        return true;
    if (db->mode == DB_RUN && !refuse(&p, err))
        return false;
    if (p.vfs[0] && !sqlite3_vfs_find(p.vfs))
        return error_set(err, ERR_CONFIG, "the database URL names a vfs that SQLite does not have here");
    db->path = absolute(path);
    if (db->path && (p.nolock || p.immutable || p.vfs[0])) {
        db->uri = look_uri(db->path, &p);
        db->vfs = p.vfs[0] ? text_dup(p.vfs) : NULL;
    }
    if (!db->path || ((p.nolock || p.immutable || p.vfs[0]) && !db->uri))
        return error_set(err, ERR_NO_MEMORY, "out of memory, or the current folder is gone; nothing was changed");
    return true;
}
