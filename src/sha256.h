/* sha256.h: SHA-256 over bytes that come in pieces. */
#ifndef JETBASE_SHA256_H
#define JETBASE_SHA256_H

#include <stdbool.h>

#include <openssl/evp.h>

#include "checksum.h"

/* Starts a hash, fed with EVP_DigestUpdate, freed with sha256_close(). NULL where memory ran out. */
EVP_MD_CTX *sha256_open(void);
/* Gives it back, ended or not. NULL is allowed. */
void sha256_close(EVP_MD_CTX *hash);

/* Ends it: hex gets the digest as 64 lower-case digits. False where the library failed. Does not free. */
bool sha256_finish(EVP_MD_CTX *hash, char hex[CHECKSUM_SIZE]);

#endif
