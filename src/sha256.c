/* sha256.c: SHA-256 over blocks and over bytes that come in pieces. */
#include "sha256.h"

#include <stdatomic.h>
#include <stddef.h>

/* Looked up once: EVP_sha256() is looked up again at each use, under locks, which costs more than the hash of a small file. Stays to the end of the program. */
static const EVP_MD *algorithm(void)
{
    static _Atomic(EVP_MD *) known;
    EVP_MD *md = atomic_load(&known), *first = NULL;
    if (md != NULL)
        return md;
    md = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (md != NULL && !atomic_compare_exchange_strong(&known, &first, md)) {
        EVP_MD_free(md);
        md = first;
    }
    return md;
}

/* Ended ones, for the next: to make one costs more than the hash of a small file. They stay to the end of the program. */
static _Atomic(EVP_MD_CTX *) spare[8];

static EVP_MD_CTX *take_spare(void)
{
    EVP_MD_CTX *hash = NULL;
    for (size_t i = 0; hash == NULL && i < sizeof spare / sizeof *spare; i++)
        if (atomic_load_explicit(&spare[i], memory_order_relaxed) != NULL)
            hash = atomic_exchange(&spare[i], NULL);
    if (hash != NULL && EVP_DigestInit_ex(hash, NULL, NULL) != 1) {
        EVP_MD_CTX_free(hash);
        hash = NULL;
    }
    return hash;
}

void sha256_close(EVP_MD_CTX *hash)
{
    for (size_t i = 0; hash != NULL && i < sizeof spare / sizeof *spare; i++) {
        EVP_MD_CTX *none = NULL;
        if (atomic_load_explicit(&spare[i], memory_order_relaxed) == NULL && atomic_compare_exchange_strong(&spare[i], &none, hash))
            return;
    }
    EVP_MD_CTX_free(hash);
}

EVP_MD_CTX *sha256_open(void)
{
    EVP_MD_CTX *hash = take_spare();
    if (hash != NULL)
        return hash;
    const EVP_MD *md = algorithm();
    hash = EVP_MD_CTX_new();
    if (hash != NULL && (md == NULL || EVP_DigestInit_ex(hash, md, NULL) != 1)) {
        EVP_MD_CTX_free(hash);
        return NULL;
    }
    return hash;
}

bool sha256_finish(EVP_MD_CTX *hash, char hex[CHECKSUM_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    hex[0] = '\0';
    if (EVP_DigestFinal_ex(hash, bytes, &len) != 1 || 2 * (size_t)len + 1 != CHECKSUM_SIZE)
        return false;
    for (size_t i = 0; i < len; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[CHECKSUM_SIZE - 1] = '\0';
    return true;
}

void sha256_hex(const void *bytes, size_t len, char hex[CHECKSUM_SIZE])
{
    hex[0] = '\0';
    EVP_MD_CTX *hash = sha256_open();
    if (hash != NULL && EVP_DigestUpdate(hash, bytes, len) == 1)
        sha256_finish(hash, hex);
    sha256_close(hash);
}
