/* url_postgres.c: turns a postgresql:// URL into libpq's keywords, as SQLAlchemy does for psycopg2. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "url_private.h"

#define PARAMETERS_MAX 64
#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

struct parameter {
    char *name, *value;
};

struct parameters {
    struct parameter at[PARAMETERS_MAX];
    size_t count;
    bool hosts_hold_ports; /* ?host=h:1 */
};

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "Out of memory while reading the database URL");
}

static void parameters_free(struct parameters *all)
{
    for (size_t i = 0; i < all->count; i++) {
        url_wipe(all->at[i].name);
        url_wipe(all->at[i].value);
    }
}

static struct parameter *find(struct parameters *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->at[i].name, name) == 0)
            return &all->at[i];
    return NULL;
}

/* Sets name to value, which it owns from now on (NULL: memory ran out). Empty values are left out, as SQLAlchemy does. */
static bool set(struct parameters *all, const char *name, char *value, struct error *err)
{
    struct parameter *old = find(all, name);
    if (!value)
        return no_memory(err);
    if (value[0] == '\0') {
        free(value);
        return true;
    }
    if (old) {
        url_wipe(old->value);
        old->value = value;
        return true;
    }
    if (all->count == PARAMETERS_MAX) {
        url_wipe(value);
        return error_set(err, ERR_CONFIG, "The database URL has more than %d parameters", PARAMETERS_MAX);
    }
    all->at[all->count].value = value;
    all->at[all->count].name = text_dup(name);
    if (!all->at[all->count].name) {
        url_wipe(value);
        return no_memory(err);
    }
    all->count++;
    return true;
}

/* Decodes a piece; %00 would cut the value short, so it is refused. */
static char *decoded(struct span s, bool plus_is_blank, struct error *err)
{
    char *value = url_decode(s, plus_is_blank);
    if (!value) {
        no_memory(err);
        return NULL;
    }
    for (size_t i = 0; i + 2 < s.len; i++) {
        if (memcmp(s.at + i, "%00", 3) == 0) {
            url_wipe(value);
            error_set(err, ERR_CONFIG, "The database URL holds %%00, which no name or password may hold");
            return NULL;
        }
    }
    return value;
}

static bool set_decoded(struct parameters *all, const char *name, struct span s, bool plus_is_blank, struct error *err)
{
    char *value;
    if (s.len == 0)
        return true;
    value = decoded(s, plus_is_blank, err);
    return value && set(all, name, value, err);
}

static bool bad_port(struct error *err)
{
    error_set(err, ERR_CONFIG, "The port in the database URL is not a number");
    return error_hint(err, "A URL looks like postgresql://user:password@host:5432/database, or with several hosts postgresql://user@one:5432,two:5432/database.");
}

/* One of several hosts: "name", "name:port", "[address]:port". Adds it to both lists; the port may be empty. */
static bool add_host(struct span s, bool first, struct text *hosts, struct text *ports, struct error *err)
{
    const char *close = s.len > 0 && s.at[0] == '[' ? memchr(s.at, ']', s.len) : NULL;
    struct span host = close ? (struct span){ s.at + 1, (size_t)(close - s.at - 1) } : s, port = { 0 };
    const char *colon = close ? close + 1 : memchr(s.at, ':', s.len), *end = s.at + s.len;
    char *name;
    if (colon && colon < end) {
        port = (struct span){ colon + 1, (size_t)(end - colon - 1) };
        if (!close)
            host.len = (size_t)(colon - s.at);
        if (*colon != ':' || strspn(port.at, "0123456789") < port.len)
            return bad_port(err);
    }
    name = decoded(host, false, err);
    if (!name)
        return false;
    text_printf(hosts, "%s%s", first ? "" : ",", name);
    text_printf(ports, "%s%.*s", first ? "" : ",", (int)port.len, port.at ? port.at : "");
    free(name);
    return true;
}

/* Several hosts, as libpq writes them: one:5432,two:5433. */
static bool read_hosts(struct parameters *all, struct span list, struct error *err)
{
    struct text hosts = { 0 }, ports = { 0 };
    bool ok = true, any_port = memchr(list.at, ':', list.len) != NULL;
    for (const char *at = list.at, *end = list.at + list.len; ok && at <= end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        size_t len = (size_t)((comma ? comma : end) - at);
        ok = add_host((struct span){ at, len }, at == list.at, &hosts, &ports, err);
        at += len + 1;
    }
    if (ok && (hosts.failed || ports.failed))
        ok = no_memory(err);
    ok = ok && set(all, "host", text_dup(text_string(&hosts)), err) && (!any_port || set(all, "port", text_dup(text_string(&ports)), err));
    text_free(&hosts);
    text_free(&ports);
    return ok;
}

/* The hosts and their ports as they stand in the URL. */
static struct span authority(const struct url_pieces *p)
{
    const char *start = p->host.at - p->host_is_ipv6, *end = p->port.at ? p->port.at + p->port.len : p->host.at + p->host.len + p->host_is_ipv6;
    return (struct span){ start, (size_t)(end - start) };
}

/* The pieces before '?'. The database's name is taken as it stands, the others are decoded. */
static bool read_pieces(struct parameters *all, const struct url_pieces *p, struct error *err)
{
    if (!set_decoded(all, "user", p->user, false, err) || !set_decoded(all, "password", p->password, false, err))
        return false;
    if (p->host.at && memchr(authority(p).at, ',', authority(p).len))
        return read_hosts(all, authority(p), err) && (p->database.len == 0 || set(all, "dbname", strndup(p->database.at, p->database.len), err));
    if (p->port.len > 0 && strspn(p->port.at, "0123456789") < p->port.len)
        return bad_port(err);
    if (p->host.len > 0 && p->host_is_ipv6) {
        if (!set(all, "host", strndup(p->host.at, p->host.len), err))
            return false;
    } else if (!set_decoded(all, "host", p->host, false, err)) {
        return false;
    }
    if (p->port.len > 0 && !set(all, "port", strndup(p->port.at, p->port.len), err))
        return false;
    return p->database.len == 0 || set(all, "dbname", strndup(p->database.at, p->database.len), err);
}

/* Sets or, where this name stood in the query before, adds ",value". */
static bool add_listed(struct parameters *all, const char *name, const char *value, bool again, struct error *err)
{
    struct parameter *old = again ? find(all, name) : NULL;
    char *both = NULL;
    if (!old)
        return set(all, name, text_dup(value), err);
    if (asprintf(&both, "%s,%s", old->value, value) < 0)
        both = NULL;
    return set(all, name, both, err);
}

/* Is this "name:1234"? Not so for IPv6 addresses and socket folders. Cuts it in two. */
static char *cut_port(char *host)
{
    size_t len = strspn(host, ALNUM "-._");
    if (host[len] != ':' || host[len + 1] == '\0' || host[len + 1 + strspn(host + len + 1, "0123456789")] != '\0')
        return NULL;
    host[len] = '\0';
    return host + len + 1;
}

struct query_state {
    unsigned hosts, ports; /* how many host= and port= came so far */
    struct text host_ports; /* the ports inside host=, comma by comma */
};

static bool read_host(struct parameters *all, struct query_state *q, char *value, struct error *err)
{
    const char *port = cut_port(value);
    if (q->hosts > 0)
        text_puts(&q->host_ports, ",");
    if (port) {
        text_puts(&q->host_ports, port);
        all->hosts_hold_ports = true;
    }
    return add_listed(all, "host", value, q->hosts++ > 0, err);
}

static bool read_parameter(struct parameters *all, struct query_state *q, const char *name, char *value, struct error *err)
{
    if (name[0] == '\0' || strspn(name, ALNUM "_") < strlen(name))
        return error_set(err, ERR_CONFIG, "The database URL has a parameter whose name is none (only letters, digits and _ are allowed)");
    if (strcmp(name, "host") == 0)
        return read_host(all, q, value, err);
    if (strcmp(name, "port") == 0)
        return add_listed(all, "port", value, q->ports++ > 0, err);
    return set(all, name, text_dup(value), err);
}

static bool read_query(struct parameters *all, struct span query, struct query_state *q, struct error *err)
{
    struct span name, value;
    while (url_next_parameter(&query, &name, &value)) {
        char *plain_name, *plain_value;
        bool ok;
        if (value.len == 0)
            continue;
        plain_name = decoded(name, true, err);
        plain_value = plain_name ? decoded(value, true, err) : NULL;
        ok = plain_value && read_parameter(all, q, plain_name, plain_value, err);
        free(plain_name);
        url_wipe(plain_value);
        if (!ok)
            return false;
    }
    if (all->hosts_hold_ports && q->ports > 0)
        return error_set(err, ERR_CONFIG, "Can't mix 'multihost' formats together; use \"host=h1,h2&port=p1,p2\" or "
                                          "\"host=h1:p1&host=h2:p2\" separately");
    if (q->host_ports.failed)
        return no_memory(err);
    return !all->hosts_hold_ports || set(all, "port", text_dup(text_string(&q->host_ports)), err);
}

/* Writes name='value', quoted as libpq reads it; gives the place behind it. */
static char *write_keyword(char *to, const struct parameter *p)
{
    to = stpcpy(stpcpy(to, p->name), "='");
    for (const char *c = p->value; *c; c++) {
        if (*c == '\'' || *c == '\\')
            *to++ = '\\';
        *to++ = *c;
    }
    return stpcpy(to, "' ");
}

/* All keywords in one string, in memory that never moved: nothing of a password stays behind. */
static char *join_keywords(const struct parameters *all)
{
    size_t size = 1;
    char *whole, *to;
    for (size_t i = 0; i < all->count; i++)
        size += strlen(all->at[i].name) + 2 * strlen(all->at[i].value) + strlen("='' ");
    whole = to = malloc(size);
    if (!whole)
        return NULL;
    *to = '\0';
    for (size_t i = 0; i < all->count; i++)
        to = write_keyword(to, &all->at[i]);
    if (to > whole)
        to[-1] = '\0';
    return whole;
}

static bool fill(struct parameters *all, struct url *out, struct error *err)
{
    struct {
        const char *name;
        char **to;
    } shown[] = {{"host", &out->host}, {"port", &out->port}, {"dbname", &out->database}, {"user", &out->user}};
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        struct parameter *p = find(all, shown[i].name);
        if (p && !(*shown[i].to = text_dup(p->value)))
            return no_memory(err);
    }
    out->conninfo = join_keywords(all);
    return out->conninfo || no_memory(err);
}

bool url_read_postgres(const struct url_pieces *p, struct url *out, struct error *err)
{
    struct parameters all = {0};
    struct query_state q = {0};
    bool ok = read_pieces(&all, p, err) && read_query(&all, p->query, &q, err) && fill(&all, out, err);
    text_free(&q.host_ports);
    parameters_free(&all);
    return ok;
}
