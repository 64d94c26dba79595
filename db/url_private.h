/* url_private.h: what url*.c share and nobody else needs. */
#ifndef JETBASE_DB_URL_PRIVATE_H
#define JETBASE_DB_URL_PRIVATE_H

#include "url.h"

/* A part of a text. at NULL: the part is not there. */
struct span {
    const char *at;
    size_t len;
};

/* A URL cut apart, nothing decoded. */
struct url_pieces {
    struct span scheme; /* without "+driver" */
    struct span user, password, host, port, database, query;
    bool host_is_ipv6;
};

/* Percent escapes decoded, '+' to a blank where asked for; escapes that are none stay. NULL where memory ran out. */
char *url_decode(struct span s, bool plus_is_blank);
/* Takes the next name=value off *query. False at its end. */
bool url_next_parameter(struct span *query, struct span *name, struct span *value);
/* Overwrites and frees. NULL is allowed. */
void url_wipe(char *secret);

/* Fill out->path and out->query. */
bool url_read_sqlite(const struct url_pieces *p, struct url *out, struct error *err);
/* Fill out->conninfo, host, port, database, user. */
bool url_read_postgres(const struct url_pieces *p, struct url *out, struct error *err);

#endif
