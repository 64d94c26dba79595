/* toml_word.c: tells the type of a TOML value that stands without quotes. */
#include "toml_word.h"

#include <string.h>

static bool all_of(const char *s, size_t len, const char *set)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] == '\0' || strchr(set, s[i]) == NULL)
            return false;
    return len > 0;
}

static bool is_integer(const char *s, size_t len)
{
    if (len > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'o' || s[1] == 'b'))
        return s[2] != '_' && s[len - 1] != '_' && all_of(s + 2, len - 2, s[1] == 'x' ? "0123456789abcdefABCDEF_" : s[1] == 'o' ? "01234567_" : "01_");
    if (len > 0 && (*s == '+' || *s == '-'))
        s++, len--;
    return all_of(s, len, "0123456789_") && s[0] != '_' && s[len - 1] != '_' && (s[0] != '0' || len == 1) && memmem(s, len, "__", 2) == NULL;
}

static bool is_float(const char *s, size_t len)
{
    if (len > 0 && (*s == '+' || *s == '-'))
        s++, len--;
    if (len == 3 && (memcmp(s, "inf", 3) == 0 || memcmp(s, "nan", 3) == 0))
        return true;
    return all_of(s, len, "0123456789_.eE+-") && s[0] >= '0' && s[0] <= '9' && s[len - 1] >= '0' && s[len - 1] <= '9' && (memchr(s, '.', len) || memchr(s, 'e', len) || memchr(s, 'E', len));
}

bool toml_is_date(const char *s, size_t len)
{
    bool date = len >= 10 && s[4] == '-' && s[7] == '-', time = len >= 8 && s[2] == ':' && s[5] == ':';
    return (date || time) && all_of(s, len, "0123456789-:.+TtZz ");
}

enum setting_kind toml_word(const char *word, const char **type)
{
    size_t len = strlen(word);
    *type = NULL;
    if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
        return SETTING_BOOL;
    if (is_integer(word, len))
        return SETTING_INTEGER;
    *type = is_float(word, len) ? "float" : toml_is_date(word, len) ? "date" : NULL;
    return *type != NULL ? SETTING_OTHER : SETTING_ABSENT;
}
