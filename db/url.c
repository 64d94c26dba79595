/* url.c: reads database URLs as Jetbase (SQLAlchemy) writes them. */
#include "url.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "url_private.h"

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static const char hidden[] = "***";

/* Cuts a URL into the pieces that SQLAlchemy's pattern finds. False: it is none. */
static bool url_split(const char *text, struct url_pieces *p)
{
    const char *at = text, *end = text + strlen(text), *colon, *name_end = text + strspn(text, ALNUM "_+");
    memset(p, 0, sizeof *p);
    if (name_end == text || strncmp(name_end, "://", 3) != 0)
        return false;
    p->scheme = (struct span){text, strcspn(text, "+:")};
    at = name_end + 3;
    /* user [":" password] "@": the user holds neither ':' nor '/', the password no '@' */
    colon = at + strcspn(at, ":/@");
    if (*colon == '@') {
        p->user = (struct span){at, (size_t)(colon - at)};
        at = colon + 1;
    } else if (*colon == ':') {
        const char *sign = strchr(colon, '@');
        if (sign) {
            p->user = (struct span){at, (size_t)(colon - at)};
            p->password = (struct span){colon + 1, (size_t)(sign - colon - 1)};
            at = sign + 1;
        }
    }
    if (*at == '[' && at[1 + strcspn(at + 1, "]/?")] == ']' && at[1] != ']') {
        p->host = (struct span){at + 1, strcspn(at + 1, "]")};
        p->host_is_ipv6 = true;
        at += p->host.len + 2;
    } else {
        p->host = (struct span){at, strcspn(at, ":/?")};
        at += p->host.len;
    }
    if (*at == ':') {
        p->port = (struct span){at + 1, strcspn(at + 1, "/?")};
        at += p->port.len + 1;
    }
    if (*at == '/') {
        p->database = (struct span){at + 1, strcspn(at + 1, "?")};
        at += p->database.len + 1;
    }
    if (*at == '?') {
        p->query = (struct span){at + 1, (size_t)(end - at - 1)};
        at = end;
    }
    return at == end;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)((found - digits) % 16) : -1;
}

char *url_decode(struct span s, bool plus_is_blank)
{
    char *out = malloc(s.len + 1), *to = out;
    if (!out)
        return NULL;
    for (size_t i = 0; i < s.len; i++) {
        int high = s.at[i] == '%' && i + 2 < s.len ? hex_digit(s.at[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(s.at[i + 2]) : -1;
        if (low >= 0) {
            *to++ = (char)(high * 16 + low);
            i += 2;
        } else {
            *to++ = plus_is_blank && s.at[i] == '+' ? ' ' : s.at[i];
        }
    }
    *to = '\0';
    return out;
}

bool url_next_parameter(struct span *query, struct span *name, struct span *value)
{
    while (query->len > 0) {
        const char *sign = memchr(query->at, '&', query->len), *equals;
        struct span one = {query->at, sign ? (size_t)(sign - query->at) : query->len};
        size_t used = one.len + (sign ? 1 : 0);
        query->at += used;
        query->len -= used;
        if (one.len == 0)
            continue;
        equals = memchr(one.at, '=', one.len);
        *name = (struct span){one.at, equals ? (size_t)(equals - one.at) : one.len};
        *value = equals ? (struct span){equals + 1, one.len - name->len - 1} : (struct span){one.at + one.len, 0};
        return true;
    }
    return false;
}

/* Is the value of this parameter never to be shown? Where that can't be told (for want of memory, or behind a %00 in its name): yes. */
static bool is_secret(struct span name)
{
    static const char *const words[] = {"password", "passwd", "pwd", "secret", "scram_"};
    char *plain = url_decode(name, true);
    bool secret = !plain || memmem(name.at, name.len, "%00", 3);
    for (size_t i = 0; plain && i < sizeof words / sizeof words[0]; i++)
        secret = secret || strcasestr(plain, words[i]);
    free(plain);
    return secret;
}

static void add_span(struct text *t, struct span s)
{
    text_add_visible(t, s.at, s.len);
}

/* The URL as it may be printed. NULL where memory ran out. */
static char *url_show(const char *text, const struct url_pieces *p)
{
    struct text shown = {0};
    struct span query = p->query, name, value;
    const char *body_end = query.at ? query.at : text + strlen(text), *between = "";
    if (p->password.at) {
        add_span(&shown, (struct span){text, (size_t)(p->password.at - text)});
        text_puts(&shown, hidden);
        text = p->password.at + p->password.len;
    }
    add_span(&shown, (struct span){text, (size_t)(body_end - text)});
    while (url_next_parameter(&query, &name, &value)) {
        text_puts(&shown, between);
        add_span(&shown, name);
        if (value.at > name.at + name.len)
            text_puts(&shown, "=");
        if (value.len > 0 && is_secret(name))
            text_puts(&shown, hidden);
        else
            add_span(&shown, value);
        between = "&";
    }
    if (shown.failed) {
        text_free(&shown);
        return NULL;
    }
    return shown.at;
}

/* A text that is no URL, as it may be printed: whatever might be a password in it is hidden. */
static void show_broken(const char *text, struct text *shown)
{
    const char *body = strstr(text, "://"), *sign = strrchr(text, '@'), *from, *word;
    size_t len;
    body = body ? body + 3 : text;
    from = body + strcspn(body, ":/");
    if (sign && sign >= body) {
        from = *from == ':' && from < sign ? from + 1 : body;
        add_span(shown, (struct span){text, (size_t)(from - text)});
        text_puts(shown, hidden);
        text = sign;
    } else if (*from == ':' && from[1] != '/') {
        add_span(shown, (struct span){text, (size_t)(from + 1 - text)});
        text_puts(shown, hidden);
        text = from + strcspn(from, "/?");
    }
    /* Parameters are hidden whole: what their names are is not to be told in a text that is no URL, and '?' may be hidden already. */
    word = strcasestr(text, "passw");
    len = strcspn(text, "?&");
    len = word && (size_t)(word - text) < len ? (size_t)(word - text) : len + (text[len] != '\0');
    add_span(shown, (struct span){text, len});
    if (text[len] != '\0')
        text_puts(shown, hidden);
}

static bool no_url(const char *text, struct error *err)
{
    struct text shown = {0};
    show_broken(text, &shown);
    error_set(err, ERR_CONFIG, "Could not parse SQLAlchemy URL from string '%s'", text_string(&shown));
    error_hint(err, "A URL looks like postgresql://user:password@host:5432/database or sqlite:///file.db. In user and password "
                    "write @ as %%40, : as %%3A and / as %%2F.");
    text_free(&shown);
    return false;
}

static bool span_is(struct span s, const char *word)
{
    return s.len == strlen(word) && memcmp(s.at, word, s.len) == 0;
}

/* Finds out which database is meant. */
static bool url_kind(const struct url_pieces *p, enum url_kind *kind, struct error *err)
{
    if (span_is(p->scheme, "sqlite"))
        *kind = URL_SQLITE;
    else if (span_is(p->scheme, "postgresql") || span_is(p->scheme, "postgres"))
        *kind = URL_POSTGRES;
    else
        return error_set(err, ERR_CONFIG, "Unsupported database: %.*s. Supported databases are: postgresql, sqlite",
                         (int)p->scheme.len, p->scheme.at);
    return true;
}

/* A '@' that is left in host or database was meant for a password: "p@ss" or a '/' in the user name. */
static bool misread(const struct url_pieces *p)
{
    bool colon = p->database.len > 0 && memchr(p->database.at, ':', p->database.len);
    bool sign = p->database.len > 0 && memchr(p->database.at, '@', p->database.len);
    if (p->host.len > 0 && memchr(p->host.at, '@', p->host.len))
        return true;
    if (p->port.len > 0 && memchr(p->port.at, '@', p->port.len))
        return true;
    return !p->user.at && colon && sign;
}

bool url_parse(const char *text, struct url *out, struct error *err)
{
    struct url_pieces pieces;
    bool ok;
    memset(out, 0, sizeof *out);
    if (!url_split(text, &pieces))
        return no_url(text, err);
    if (!url_kind(&pieces, &out->kind, err))
        return false;
    if (out->kind == URL_POSTGRES && misread(&pieces))
        return no_url(text, err);
    out->shown = url_show(text, &pieces);
    if (!out->shown)
        return error_set(err, ERR_NO_MEMORY, "Out of memory while reading the database URL");
    ok = out->kind == URL_SQLITE ? url_read_sqlite(&pieces, out, err) : url_read_postgres(&pieces, out, err);
    if (!ok)
        url_free(out);
    return ok;
}

void url_free(struct url *url)
{
    url_wipe(url->conninfo);
    url_wipe(url->query);
    free(url->shown);
    free(url->path);
    free(url->host);
    free(url->port);
    free(url->database);
    free(url->user);
    memset(url, 0, sizeof *url);
}

void url_wipe(char *secret)
{
    if (!secret)
        return;
    explicit_bzero(secret, strlen(secret));
    free(secret);
}
