/* sha256.h: SHA-256 over bytes that come in pieces. */
#ifndef JETBASE_SHA256_H
#define JETBASE_SHA256_H

#include <stdbool.h>

#include <openssl/evp.h>

#include "checksum.h"

/* Starts a hash, fed with EVP_DigestUpdate, freed with EVP_MD_CTX_free. NULL where memory ran out. */
EVP_MD_CTX *sha256_open(void);

/* Ends it: hex gets the digest as 64 lower-case digits. False where the library failed. Does not free. */
bool sha256_finish(EVP_MD_CTX *hash, char hex[CHECKSUM_SIZE]);

#endif
