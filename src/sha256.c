/* sha256.c: SHA-256 over blocks and over bytes that come in pieces. libcrypto's functions for just this hash: the general ones (EVP) first load its configuration and its providers, which takes longer than to hash a thousand small files. */
#include "sha256.h"

void sha256_begin(struct sha256 *hash)
{
    SHA256_Init(&hash->state);
}

void sha256_add(struct sha256 *hash, const void *bytes, size_t len)
{
    SHA256_Update(&hash->state, bytes, len);
}

void sha256_digest(const struct sha256 *hash, char hex[CHECKSUM_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[SHA256_DIGEST_LENGTH];
    struct sha256 ended = *hash;
    _Static_assert(2 * sizeof bytes + 1 == CHECKSUM_SIZE, "a digest and a checksum are as long");
    SHA256_Final(bytes, &ended.state);
    for (size_t i = 0; i < sizeof bytes; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[CHECKSUM_SIZE - 1] = '\0';
}

void sha256_hex(const void *bytes, size_t len, char hex[CHECKSUM_SIZE])
{
    struct sha256 hash;
    sha256_begin(&hash);
    sha256_add(&hash, bytes, len);
    sha256_digest(&hash, hex);
}
