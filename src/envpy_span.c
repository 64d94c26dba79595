/* envpy_span.c: what a run of Python's tokens may do, as far as its words tell. */
#include <string.h>

#include "envpy_private.h"

const struct token *span_find(struct span s, const char *word)
{
    for (const struct token *t = s.at; t < s.end; t++)
        if (token_is(t, word))
            return t;
    return NULL;
}

static bool any_of(struct span s, const char *const *words)
{
    for (; *words != NULL; words++)
        if (span_find(s, *words) != NULL)
            return true;
    return false;
}

bool span_may_stop(struct span s)
{
    static const char *const words[] = {"raise", "assert", "exit", "quit", "_exit", "abort", "SystemExit", NULL};
    return any_of(s, words);
}

bool span_is_dangerous(struct span s)
{
    static const char *const words[] = {"exec", "eval", "compile", "globals", "locals", "vars", "setattr", "__dict__", "__setattr__", "__builtins__", "modules", "global", NULL};
    return any_of(s, words) || span_may_stop(s);
}

bool span_is_print(struct span s)
{
    return s.end - s.at >= 3 && span_find(s, ":=") == NULL && token_is(s.at, "print") && token_is(s.at + 1, "(") && token_is(s.end - 1, ")") && s.end[-1].depth == s.at->depth;
}

bool span_names_environment(struct span s)
{
    for (const struct token *t = s.at; t < s.end; t++) {
        if (t->kind != TOKEN_NAME)
            continue;
        for (size_t i = 0; i + 3 <= t->len; i++)
            if ((t->at[i] | 0x20) == 'e' && (t->at[i + 1] | 0x20) == 'n' && (t->at[i + 2] | 0x20) == 'v')
                return true;
    }
    return false;
}

bool span_calls_unknown(struct span s)
{
    static const char *const harmless[] = {"Path", "PurePath", "str", "int", "bool", "float", "len", "dict", "list", "tuple", "set", "join", "dirname", "abspath", "realpath", "resolve", "absolute", "exists", "expanduser", "getcwd", "cwd",
                                           "getenv", "get", "quote", "quote_plus", "urlencode", "format", "replace", "strip", "lower", "upper", "split", "append", "insert", "extend", "getLogger", "basicConfig", "filterwarnings", "print", NULL};
    for (const struct token *t = s.at; t < s.end; t++) {
        bool known = false;
        if (!token_is(t, "(") || t == s.at || (t[-1].kind != TOKEN_NAME && !token_is(t - 1, ")") && !token_is(t - 1, "]")))
            continue;
        for (const char *const *word = harmless; *word != NULL; word++)
            known = known || token_is(t - 1, *word);
        if (!known)
            return true;
    }
    return false;
}

bool token_is_door(const struct token *t)
{
    return token_is(t, "os") || token_is(t, "environ") || token_is(t, "getenv");
}

bool span_imports_door(struct span s)
{
    bool other = token_is(s.at, "from") && s.end - s.at > 1 && !token_is(s.at + 1, "os");
    for (const struct token *t = s.at + 1; t < s.end; t++)
        if (token_is_door(t) && (token_is(t - 1, "as") || (other && t > s.at + 2)))
            return true;
    return false;
}

bool span_is_load_dotenv(struct span s)
{
    const struct token *t = s.at;
    int commas = 0;
    if (s.end - t > 2 && token_is(t, "dotenv") && token_is(t + 1, "."))
        t += 2;
    if (s.end - t < 3 || !token_is(t, "load_dotenv") || !token_is(t + 1, "(") || !token_is(s.end - 1, ")") || s.end[-1].depth != t->depth)
        return false;
    for (t += 2; t < s.end - 1; t++) {
        bool find_dotenv = token_is(t, "find_dotenv") && s.end - t > 3 && token_is(t + 1, "(") && token_is(t + 2, ")");
        t += find_dotenv ? 2 : 0;
        if (!find_dotenv && (token_is(t, "(") || token_is(t, "override") || token_is(t, "**") || token_is(t, "*") || token_is(t, "stream")))
            return false;
        commas += token_is(t, ",");
    }
    return commas <= 2;
}
