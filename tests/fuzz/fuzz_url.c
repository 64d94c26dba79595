/* fuzz_url.c: promises of the reader of database URLs.
 *
 * - What is shown of a URL, and what a refusal says, is UTF-8 without control bytes.
 * - A password, between `user:` and `@` or as ?password=, is in neither.
 * - A URL that is shown as it is can be read again and is then shown alike, with the same host, port, database and user.
 * - Parts that are put together to a URL come out of it as they were, quoted as libpq reads them. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "text.h"
#include "url.h"
#include "utf8.h"

static const char secret[] = "Zs3cr3tZ";

static bool safe(const char *text, bool lines)
{
    for (const char *c = text; *c; c++)
        if (((unsigned char)*c < 0x20 && !(lines && *c == '\n')) || *c == 0x7F || ((unsigned char)*c == 0xC2 && (unsigned char)c[1] < 0xA0))
            return false;
    return utf8_valid(text, strlen(text));
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void check_again(const char *text, const struct url *url)
{
    struct url again;
    struct error err = { 0 };
    bool clean = safe(text, false) && strcmp(url->shown, text) == 0;
    if (!url_parse(url->shown, &again, &err)) {
        if (clean)
            fuzz_broken("what is shown can't be read again", url->shown, strlen(url->shown));
        return;
    }
    if (clean && (again.kind != url->kind || strcmp(again.shown, url->shown) != 0))
        fuzz_broken("what is shown is shown otherwise the second time", url->shown, strlen(url->shown));
    if (clean && (!same(again.host, url->host) || !same(again.port, url->port) || !same(again.database, url->database) || !same(again.user, url->user) || !same(again.path, url->path)))
        fuzz_broken("what is shown means something else", url->shown, strlen(url->shown));
    url_free(&again);
}

/* Reads a text; hidden: what must not be seen, or NULL. */
static void check_text(const char *text, const char *hidden)
{
    struct url url;
    struct error err = { 0 };
    if (!url_parse(text, &url, &err)) {
        if (err.code != ERR_CONFIG || !err.message[0] || !safe(err.message, true) || !safe(err.hint, true))
            fuzz_broken("a refusal without a reason that can be shown", text, strlen(text));
        if (hidden && (strstr(err.message, hidden) || strstr(err.hint, hidden) || strstr(err.detail, hidden)))
            fuzz_broken("a password in a refusal", text, strlen(text));
        return;
    }
    if (!safe(url.shown, false) || (hidden && strstr(url.shown, hidden)))
        fuzz_broken("a password or a control byte is shown", text, strlen(text));
    if (url.kind == URL_POSTGRES ? !url.conninfo || url.path || url.query : !url.path || !*url.path || url.conninfo)
        fuzz_broken("a URL without what opens its database", text, strlen(text));
    check_again(text, &url);
    url_free(&url);
}

/* The text with the secret put in at `at`, with `before` before it. */
static void check_with_secret(const char *text, size_t at, const char *before)
{
    struct text whole = { 0 };
    text_add(&whole, text, at);
    text_puts(&whole, before);
    text_puts(&whole, secret);
    text_puts(&whole, text + at);
    check_text(text_string(&whole), secret);
    text_free(&whole);
}

/* Would it be seen in the text anyway? A control byte is shown as ^Z. */
static bool reads_as_secret(const char *text)
{
    struct text shown = { 0 };
    text_add_visible(&shown, text, strlen(text));
    bool there = shown.failed || strstr(text_string(&shown), secret);
    text_free(&shown);
    return there || strstr(text, secret);
}

static void check_raw(const char *text)
{
    static const char *const names[] = { "password=", "sslpassword=", "PASSWORD=", "p%61ssword=", "passwd=", "scram_client_key=" };
    const char *body = strstr(text, "://"), *query = strchr(text, '?');
    check_text(text, NULL);
    if (reads_as_secret(text))
        return;
    /* user:…@, where no slash says that it is a path */
    if (body && body[3 + strcspn(body + 3, ":/@?")] == ':' && strchr(body + 3 + strcspn(body + 3, ":/@?"), '@'))
        check_with_secret(text, (size_t)(body - text) + 3 + strcspn(body + 3, ":/@?") + 1, "");
    if (query && body && body < query && !strchr(query, '@'))
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            char before[32];
            snprintf(before, sizeof before, "%s%s", strcspn(text, "?") + 1 < strlen(text) ? "&" : "", names[i]);
            check_with_secret(text, strlen(text), before);
        }
}

static void encode(struct text *url, const char *part)
{
    for (; *part; part++)
        if (isalnum((unsigned char)*part))
            text_add(url, part, 1);
        else
            text_printf(url, "%%%02X", (unsigned char)*part);
}

/* The value of a keyword as libpq reads it, to be freed; NULL where it is not there. */
static char *keyword(const char *conninfo, const char *wanted)
{
    char *value = malloc(strlen(conninfo) + 1);
    for (const char *c = conninfo; *c;) {
        size_t name = strcspn(c, "="), len = 0;
        bool found = name == strlen(wanted) && memcmp(c, wanted, name) == 0;
        if (strncmp(c + name, "='", 2) != 0)
            fuzz_broken("keywords that libpq can't read", conninfo, strlen(conninfo));
        for (c += name + 2; *c && *c != '\''; c++) {
            c += *c == '\\';
            value[len++] = *c;
        }
        if (!*c)
            fuzz_broken("a keyword without an end", conninfo, strlen(conninfo));
        value[len] = '\0';
        c += c[1] == ' ' ? 2 : 1;
        if (found)
            return value;
    }
    free(value);
    return NULL;
}

static void check_keyword(const struct url *url, const char *name, const char *want)
{
    char *value = keyword(url->conninfo, name);
    if (want && *want ? !value || strcmp(value, want) != 0 : value != NULL)
        fuzz_broken("a part of a URL comes out otherwise", url->shown, strlen(url->shown));
    free(value);
}

/* User, password, host and application name from lines. */
static void check_parts(char *text)
{
    char *part[4];
    struct text url = { 0 }, shown = { 0 };
    struct url parsed;
    struct error err = { 0 };
    for (int i = 0; i < 4; i++)
        if (!(part[i] = strsep(&text, "\n")))
            part[i] = "";
    text_puts(&url, "postgresql://");
    encode(&url, part[0]);
    text_add(&shown, text_string(&url), url.len);
    text_puts(&url, ":");
    encode(&url, part[1]);
    text_puts(&shown, ":***@");
    text_puts(&url, "@");
    size_t before = url.len;
    encode(&url, part[2]);
    text_puts(&url, ":5432/db?application_name=");
    encode(&url, part[3]);
    text_puts(&shown, text_string(&url) + before);
    if (!url_parse(text_string(&url), &parsed, &err))
        fuzz_broken(err.message, text_string(&url), url.len);
    check_keyword(&parsed, "user", part[0]);
    check_keyword(&parsed, "password", part[1]);
    check_keyword(&parsed, "host", part[2]);
    check_keyword(&parsed, "port", "5432");
    check_keyword(&parsed, "dbname", "db");
    check_keyword(&parsed, "application_name", part[3]);
    if (strcmp(parsed.shown, text_string(&shown)) != 0)
        fuzz_broken("another URL is shown", parsed.shown, strlen(parsed.shown));
    url_free(&parsed);
    text_free(&url);
    text_free(&shown);
}

void fuzz_url(const char *text, size_t len)
{
    char *whole = strndup(text, len);
    if (strchr(whole, '\n'))
        check_parts(whole);
    else
        check_raw(whole);
    free(whole);
}
