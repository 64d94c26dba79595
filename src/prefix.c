/* prefix.c: a fingerprint of a section's first statements. */
#include "prefix.h"

#include <stdlib.h>

#include "sha256.h"

struct prefix {
    struct sha256 hash;
};

struct prefix *prefix_open(void)
{
    struct prefix *p = malloc(sizeof *p);
    if (p)
        sha256_begin(&p->hash);
    return p;
}

/* The length goes before the text, so that no two lists of statements read alike. */
void prefix_add(struct prefix *prefix, const struct scan_statement *statement)
{
    unsigned char len[8];
    for (size_t i = 0; i < sizeof len; i++)
        len[i] = (unsigned char)((uint64_t)statement->len >> (8 * i));
    sha256_add(&prefix->hash, len, sizeof len);
    sha256_add(&prefix->hash, statement->text, statement->len);
}

void prefix_hex(const struct prefix *prefix, char hex[CHECKSUM_SIZE])
{
    sha256_digest(&prefix->hash, hex);
}

void prefix_close(struct prefix *prefix)
{
    free(prefix);
}

bool prefix_of(const struct migration *m, enum section_kind kind, enum scan_dialect dialect, bool standard_strings, unsigned count, char hex[CHECKSUM_SIZE], struct error *err)
{
    struct script *script = NULL;
    struct scan_statement found;
    struct prefix *prefix = prefix_open();
    unsigned number = 0;
    enum scan_answer got = SCAN_STATEMENT;
    hex[0] = '\0';
    bool ok = prefix || error_set(err, ERR_NO_MEMORY, "Memory ran out reading the statements.");
    ok = ok && script_open(m, kind, dialect, standard_strings, &script, err);
    for (; ok && number < count && (got = script_next(script, &found, err)) == SCAN_STATEMENT; number++)
        prefix_add(prefix, &found);
    ok = ok && got == SCAN_STATEMENT;
    if (ok)
        prefix_hex(prefix, hex);
    script_close(script);
    prefix_close(prefix);
    return ok;
}
