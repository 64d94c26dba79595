/* fuzz_scanner.h: the scanner's fuzz target, and a driver that needs no fuzzer. */
#ifndef JETBASE_TESTS_FUZZ_SCANNER_H
#define JETBASE_TESTS_FUZZ_SCANNER_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's entry. The first byte chooses dialect, strings and delimiter; the rest is the text. Aborts, with the reason on standard error, where a promise of the scanner is broken. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Runs every file of a folder through it. Returns how many there were, -1 where the folder can't be read. */
int fuzz_scanner_folder(const char *dir);

#endif
