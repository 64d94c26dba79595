/* entry.c: libFuzzer's way into the target FUZZ_TARGET; tests/fuzz/run builds it. */
#include <stdint.h>

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FUZZ_TARGET((const char *)data, size);
    return 0;
}
