/* test_contributing.c: man/CONTRIBUTING.md leads nowhere that is not there: every path and every target of make that it names exists. And the package has the program's version. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WORD = 200 };

static const char *top_folder(void)
{
    const char *srcdir = getenv("srcdir");
    return srcdir ? srcdir : ".";
}

static char *read_whole(const char *name)
{
    char path[4096], *text = calloc(1, 1 << 20);
    FILE *in;
    snprintf(path, sizeof path, "%s/%s", top_folder(), name);
    in = fopen(path, "re");
    if (!in)
        fail_msg("%s is not there", path);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, in) > 0);
    fclose(in);
    return text;
}

static bool there(const char *name, const char *ending)
{
    char path[4096];
    glob_t found;
    snprintf(path, sizeof path, "%s/%s%s", top_folder(), name, ending);
    int rc = glob(path, 0, NULL, &found);
    globfree(&found);
    return rc == 0;
}

/* "tests/test_lock" is a program, built from its .c file; tests/jetbase-faulty is built too. */
static bool is_path(const char *word)
{
    return there(word, "") || (strncmp(word, "tests/test_", 11) == 0 && there(word, ".c")) || strcmp(word, "tests/jetbase-faulty") == 0;
}

static bool names_path(const char *word)
{
    static const char *const rooms[] = { "db/", "src/", "ui/", "tests/", "man/", "debian/", ".ci/" };
    static const char *const files[] = { "Makefile.am", "configure.ac", "NEWS.md", "README.md", "LICENSE", "bootstrap" };
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
        if (strncmp(word, rooms[i], strlen(rooms[i])) == 0)
            return true;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(word, files[i]) == 0)
            return true;
    return false;
}

/* A target of the recipe, or one that automake makes for everybody. */
static bool is_target(const char *recipe, const char *word)
{
    static const char *const usual[] = { "check", "dist", "distcheck", "install", "uninstall", "clean" };
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (strcmp(word, usual[i]) == 0)
            return true;
    for (const char *at = recipe; (at = strstr(at, word)); at++) {
        const char *line = at, *colon = at + strcspn(at, ":\n\t");
        while (line > recipe && line[-1] != '\n' && line[-1] != '\t')
            line--;
        if ((line == recipe || line[-1] == '\n') && *colon == ':' && (at == line || at[-1] == ' ') && strchr(" :", at[strlen(word)]))
            return true;
    }
    return false;
}

struct found {
    unsigned paths, targets, bad;
    char text[4000];
};

/* Looks at code: words parted by blanks and quotes. */
static void check_code(const char *recipe, const char *code, size_t len, struct found *f)
{
    static const char parting[] = " \n\t'\"=();,&";
    bool make = false;
    for (size_t at = 0; at < len;) {
        char word[WORD];
        size_t n = 0;
        while (at + n < len && !strchr(parting, code[at + n]))
            n++;
        if (n > 0 && n < sizeof word) {
            snprintf(word, sizeof word, "%.*s", (int)n, code + at);
            bool path = names_path(word) && !strstr(word, "NAME"), target = make && strcspn(word, "abcdefghijklmnopqrstuvwxyz") == 0;
            f->paths += path;
            f->targets += target;
            if ((path && !is_path(word)) || (target && !is_target(recipe, word))) {
                f->bad++;
                snprintf(f->text + strlen(f->text), sizeof f->text - strlen(f->text), "%s %s\n", target ? "make" : "path", word);
            }
            make = strcmp(word, "make") == 0;
        }
        at += n + 1;
    }
}

/* Code is what stands between two ` or in a line of four blanks at the front, up to its remark. */
static void check_page(const char *recipe, const char *page, struct found *f)
{
    for (const char *line = page; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, "    ", 4) == 0) {
            size_t len = strcspn(line, "\n");
            const char *remark = memmem(line, len, "  #", 3);
            check_code(recipe, line, remark ? (size_t)(remark - line) : len, f);
        }
    for (const char *from = strchr(page, '`'), *to; from && (to = strchr(from + 1, '`')); from = strchr(to + 1, '`'))
        check_code(recipe, from + 1, (size_t)(to - from) - 1, f);
}

static void what_it_names_is_there(void **state)
{
    struct found f = { 0 };
    char *recipe = read_whole("Makefile.am"), *page = read_whole("man/CONTRIBUTING.md");
    (void)state;
    check_page(recipe, page, &f);
    if (f.bad)
        fail_msg("man/CONTRIBUTING.md names what is not there:\n%s", f.text);
    assert_true(f.paths > 40);
    assert_true(f.targets >= 8);
    free(recipe);
    free(page);
}

static void what_is_not_there_is_found(void **state)
{
    static const char recipe[] = ".PHONY: bench\nall: x\nbench check-programs: all\n\t@echo soak: no target\n";
    struct found f = { 0 };
    (void)state;
    check_page(recipe, "See `db/nosuch.c`, `make nosuch` and `src/nosuch_*.c`, not `other/x`.\n\n    make soak TESTS='tests/test_nosuch'  # make remark\n    make bench && make check-programs X=1\n`db/db.h` `make\ncheck` `ui/*.c`\n", &f);
    assert_string_equal(f.text, "make soak\npath tests/test_nosuch\npath db/nosuch.c\nmake nosuch\npath src/nosuch_*.c\n");
    assert_int_equal(f.targets, 5);
}

static void readme_leads_here(void **state)
{
    char *readme = read_whole("README.md"), *recipe = read_whole("Makefile.am");
    (void)state;
    assert_non_null(strstr(readme, "(man/CONTRIBUTING.md)"));
    assert_non_null(strstr(recipe, "\tman/CONTRIBUTING.md \\\n"));
    free(readme);
    free(recipe);
}

static void package_has_the_version(void **state)
{
    char *log = read_whole("debian/changelog");
    (void)state;
    if (strncmp(log, "jetbase (" PACKAGE_VERSION ")", strlen("jetbase (" PACKAGE_VERSION ")")) != 0)
        fail_msg("debian/changelog does not begin with version " PACKAGE_VERSION);
    free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_names_is_there),
        cmocka_unit_test(what_is_not_there_is_found),
        cmocka_unit_test(readme_leads_here),
        cmocka_unit_test(package_has_the_version),
    };
    return cmocka_run_group_tests_name("contributing", tests, NULL, NULL);
}
