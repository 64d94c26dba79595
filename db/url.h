/* url.h: database URLs as Jetbase (SQLAlchemy) writes them. */
#ifndef JETBASE_DB_URL_H
#define JETBASE_DB_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

enum url_kind { URL_POSTGRES, URL_SQLITE };

/* A parsed URL. Free with url_free(). */
struct url {
    enum url_kind kind;
    char *shown;    /* the URL with its password (also in ?password=) as ***; the only form that is ever printed */
    char *conninfo; /* PostgreSQL: what libpq takes, password included; never printed. NULL for SQLite */
    char *path;     /* SQLite: file path, ":memory:" for none. NULL for PostgreSQL */
    char *query;    /* SQLite: what stands behind '?', or NULL */
    char *host, *port, *database, *user; /* PostgreSQL, for messages; NULL where the URL does not say */
};

/* Reads `postgresql://`, `postgresql+driver://`, `postgres://`, `sqlite:///relative`, `sqlite:////absolute`, `sqlite+driver://`, `sqlite://` (memory), percent escapes as SQLAlchemy reads them. On failure false and *err (ERR_CONFIG, never with a password): not a URL ("Could not parse SQLAlchemy URL from string '…'"), or another database ("Unsupported database: oracle. Supported databases are: postgresql, sqlite"). */
bool url_parse(const char *text, struct url *out, struct error *err);

/* Frees the strings, wiping those that hold a password, and zeroes the struct. */
void url_free(struct url *url);

#endif
