/* version.c: migration versions: their form and order. */
#include "version.h"

#include <stddef.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_separator(char c)
{
    return c == '.' || c == '_';
}

bool version_valid(const char *text)
{
    for (;;) {
        if (!is_digit(*text))
            return false;
        while (is_digit(*text))
            text++;
        if (*text == '\0')
            return true;
        if (!is_separator(*text))
            return false;
        text++;
    }
}

/* Takes the next component off *text, without leading zeros; its length, 0 for zero and where none is left. */
static size_t next_component(const char **text, const char **digits)
{
    const char *at = *text;
    while (*at == '0')
        at++;
    *digits = at;
    while (*at != '\0' && !is_separator(*at))
        at++;
    size_t len = (size_t)(at - *digits);
    *text = *at == '\0' ? at : at + 1;
    return len;
}

/* Compares what is left, component by component. */
static int compare_components(const char *a, const char *b)
{
    while (*a != '\0' || *b != '\0') {
        const char *left, *right;
        size_t left_len = next_component(&a, &left);
        size_t right_len = next_component(&b, &right);
        if (left_len != right_len)
            return left_len < right_len ? -1 : 1;
        int order = memcmp(left, right, left_len);
        if (order != 0)
            return order < 0 ? -1 : 1;
    }
    return 0;
}

static bool ends_component(char c)
{
    return c == '\0' || is_separator(c);
}

/* Sorting and looking up thousands of versions compares many times as many: what is alike up to the first difference is passed over, and mostly one component decides. */
int version_compare(const char *a, const char *b)
{
    const char *left = a, *right = b; /* where the components begin */
    for (; *a == *b; a++, b++) {
        if (*a == '\0')
            return 0;
        if (is_separator(*a)) {
            left = a + 1;
            right = b + 1;
        }
    }
    if (*left == '0' || *right == '0' || (ends_component(*a) && ends_component(*b)))
        return compare_components(left, right);
    int order = (unsigned char)*a < (unsigned char)*b ? -1 : 1;
    for (; !ends_component(*a) && !ends_component(*b); a++, b++)
        continue;
    if (ends_component(*a) && ends_component(*b))
        return order;
    return ends_component(*a) ? -1 : 1;
}
