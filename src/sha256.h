/* sha256.h: SHA-256 over bytes that come in pieces. */
#ifndef JETBASE_SHA256_H
#define JETBASE_SHA256_H

/* The interface of OpenSSL 1.1.1, as the later ones keep it: see sha256.c for why. */
#define OPENSSL_API_COMPAT 0x10101000L
#include <openssl/sha.h>

#include "checksum.h"

/* A hash that is being made: needs no memory of its own, nothing to free, and may be copied by assignment. */
struct sha256 {
    SHA256_CTX state;
};

/* Starts one. */
void sha256_begin(struct sha256 *hash);
/* Takes `len` more bytes in. */
void sha256_add(struct sha256 *hash, const void *bytes, size_t len);
/* Writes the digest of what came so far as 64 lower-case digits; more may be added afterwards. */
void sha256_digest(const struct sha256 *hash, char hex[CHECKSUM_SIZE]);

#endif
