/* utf8.c: strict UTF-8, checked piece by piece. */
#include "utf8.h"

#include <stdint.h>
#include <string.h>

/* Opens a character by its first byte. False: no character begins so. */
static bool begin(struct utf8 *state, unsigned char byte)
{
    state->low = 0x80;
    state->high = 0xBF;
    if (byte >= 0xC2 && byte <= 0xDF) {
        state->need = 1;
    } else if (byte >= 0xE0 && byte <= 0xEF) {
        state->need = 2;
        if (byte == 0xE0)
            state->low = 0xA0;
        else if (byte == 0xED)
            state->high = 0x9F;
    } else if (byte >= 0xF0 && byte <= 0xF4) {
        state->need = 3;
        if (byte == 0xF0)
            state->low = 0x90;
        else if (byte == 0xF4)
            state->high = 0x8F;
    } else {
        return false;
    }
    return true;
}

size_t utf8_check(struct utf8 *state, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint64_t eight;
        while (state->need == 0 && i + sizeof eight < len) {
            memcpy(&eight, bytes + i, sizeof eight);
            if (eight & UINT64_C(0x8080808080808080))
                break;
            i += sizeof eight;
        }
        unsigned char byte = (unsigned char)bytes[i];
        if (state->need == 0) {
            if (byte >= 0x80 && !begin(state, byte))
                return i;
        } else if (byte < state->low || byte > state->high) {
            return i;
        } else {
            state->need--;
            state->low = 0x80;
            state->high = 0xBF;
        }
    }
    return len;
}

bool utf8_valid(const char *bytes, size_t len)
{
    struct utf8 state = {0};
    return utf8_check(&state, bytes, len) == len && state.need == 0;
}

size_t utf8_put(char *to, unsigned long code)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (char)(0xC0 | code >> 6);
        to[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code >= 0xD800 && code <= 0xDFFF)
        return 0;
    if (code < 0x10000) {
        to[0] = (char)(0xE0 | code >> 12);
        to[1] = (char)(0x80 | (code >> 6 & 0x3F));
        to[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    if (code > 0x10FFFF)
        return 0;
    to[0] = (char)(0xF0 | code >> 18);
    to[1] = (char)(0x80 | (code >> 12 & 0x3F));
    to[2] = (char)(0x80 | (code >> 6 & 0x3F));
    to[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}
