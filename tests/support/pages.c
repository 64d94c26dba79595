/* pages.c: reads the manual pages and the README, for tests that compare them with the program. */
#include "pages.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PAGE_MOST = 400000 };

char *pages_read(const char *name)
{
    const char *srcdir = getenv("srcdir");
    char path[4096], *text = calloc(1, PAGE_MOST);
    FILE *file;
    snprintf(path, sizeof path, "%s/%s", srcdir ? srcdir : ".", name);
    file = fopen(path, "re");
    if (!file)
        fail_msg("%s can't be read", path);
    assert_non_null(text);
    size_t len = fread(text, 1, PAGE_MOST - 1, file);
    assert_true(len > 0 && len < PAGE_MOST - 1);
    fclose(file);
    return text;
}

char *pages_section(const char *page, const char *title)
{
    char head[200], *section;
    const char *from, *to;
    snprintf(head, sizeof head, "\n.Sh %s\n", title);
    from = strstr(page, head);
    if (!from)
        fail_msg("the page has no section %s", title);
    from += strlen(head);
    to = strstr(from, "\n.Sh ");
    section = strndup(from, to ? (size_t)(to + 1 - from) : strlen(from));
    assert_non_null(section);
    return section;
}

void pages_plain(const char *line, size_t len, char *to, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < len && used + 1 < size; i++) {
        if (line[i] == '\\' && i + 1 < len && line[i + 1] == '&')
            i++;
        else if (!(line[i] == '\\' && i + 1 < len && line[i + 1] == '-'))
            to[used++] = line[i];
    }
    to[used] = '\0';
}

static bool part_of_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

bool pages_word(const char *text, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++) {
        bool begins = at == text || !(part_of_word(at[-1]) || at[-1] == '.');
        bool ends = !part_of_word(at[len]) && !(at[len] == '.' && part_of_word(at[len + 1]));
        if (begins && ends)
            return true;
    }
    return false;
}
