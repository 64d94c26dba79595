/* test_rooms.c: includes run one way (ui -> src -> db), foreign headers stay in their rooms, and the build knows every file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <unistd.h>

#include "support/files.h"

enum room { ROOM_DB, ROOM_SRC, ROOM_UI, ROOMS };

static const char *const rooms[ROOMS] = {"db", "src", "ui"};

/* Headers that one room alone may see. */
static const struct {
    const char *header;
    enum room room;
} foreign[] = {
    {"libpq-fe.h", ROOM_DB},      {"libpq/", ROOM_DB},   {"postgres_ext.h", ROOM_DB}, {"sqlite3.h", ROOM_DB},
    {"sqlite3ext.h", ROOM_DB},    {"ncurses.h", ROOM_UI}, {"curses.h", ROOM_UI},      {"ncursesw/", ROOM_UI},
    {"panel.h", ROOM_UI},         {"term.h", ROOM_UI},
};

/* What was found, one line a finding. */
struct findings {
    unsigned count, files;
    char text[4096];
};

static void found(struct findings *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void found(struct findings *f, const char *format, ...)
{
    size_t len = strlen(f->text);
    va_list args;
    va_start(args, format);
    vsnprintf(f->text + len, sizeof f->text - len, format, args);
    va_end(args);
    f->count++;
}

static const char *top_folder(void)
{
    const char *srcdir = getenv("srcdir");
    return srcdir ? srcdir : ".";
}

/* Which room holds this header? ROOMS: none. */
static enum room room_of(const char *top, const char *header)
{
    char path[1200];
    enum room room = ROOM_DB;
    for (; room < ROOMS; room++) {
        snprintf(path, sizeof path, "%s/%s/%s", top, rooms[room], header);
        if (access(path, F_OK) == 0)
            break;
    }
    return room;
}

static bool is_in_tests(const char *top, const char *header)
{
    char path[1200];
    snprintf(path, sizeof path, "%s/tests/%s", top, header);
    return strncmp(header, "../", 3) != 0 && access(path, F_OK) == 0;
}

static void check_include(const char *top, enum room room, const char *file, const char *header, struct findings *f)
{
    enum room to = room_of(top, header);
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        size_t len = strlen(foreign[i].header);
        bool folder = foreign[i].header[len - 1] == '/';
        if (room != foreign[i].room && (folder ? strncmp(header, foreign[i].header, len) == 0 : strcmp(header, foreign[i].header) == 0))
            found(f, "%s/%s may not include %s\n", rooms[room], file, header);
    }
    if (strncmp(header, "../", 3) != 0 && is_in_tests(top, header))
        found(f, "%s/%s may not include what belongs to the tests: %s\n", rooms[room], file, header);
    if (strncmp(header, "../", 3) == 0)
        found(f, "%s/%s includes by path: %s\n", rooms[room], file, header);
    if (to == ROOMS || to <= room)
        return;
    if (room == ROOM_SRC && strcmp(file, "main.c") == 0 && strcmp(header, "console.h") == 0)
        return;
    found(f, "%s/%s may not include %s/%s\n", rooms[room], file, rooms[to], header);
}

/* The header that a line includes, or NULL. */
static char *included(char *line)
{
    char *at = line + strspn(line, " \t"), *end;
    if (*at != '#')
        return NULL;
    at++;
    at += strspn(at, " \t");
    if (strncmp(at, "include", 7) != 0)
        return NULL;
    at += 7;
    at += strspn(at, " \t");
    if (*at != '"' && *at != '<')
        return NULL;
    end = at + 1 + strcspn(at + 1, "\">");
    *end = '\0';
    return at + 1;
}

static void check_file(const char *top, enum room room, const char *file, struct findings *f)
{
    char path[1200], line[2000];
    FILE *in;
    snprintf(path, sizeof path, "%s/%s/%s", top, rooms[room], file);
    in = fopen(path, "re");
    assert_non_null(in);
    f->files++;
    while (fgets(line, sizeof line, in)) {
        char *header = included(line);
        if (header)
            check_include(top, room, file, header, f);
    }
    fclose(in);
}

static bool is_source(const char *name)
{
    size_t len = strlen(name);
    return len > 2 && name[0] != '.' && name[len - 2] == '.' && (name[len - 1] == 'c' || name[len - 1] == 'h');
}

static void check_rooms(const char *top, struct findings *f)
{
    for (enum room room = ROOM_DB; room < ROOMS; room++) {
        char path[1200];
        const struct dirent *entry;
        DIR *dir;
        snprintf(path, sizeof path, "%s/%s", top, rooms[room]);
        dir = opendir(path);
        assert_non_null(dir);
        while ((entry = readdir(dir)))
            if (is_source(entry->d_name))
                check_file(top, room, entry->d_name, f);
        closedir(dir);
    }
}

static char *read_whole(const char *path)
{
    FILE *in = fopen(path, "re");
    char *text = calloc(1, 1 << 20);
    assert_non_null(in);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, in) > 0);
    fclose(in);
    return text;
}

/* Does the recipe name this file (a test program: without its .c)? */
static bool recipe_names(const char *recipe, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = recipe; (at = strstr(at, name)); at += len)
        if (strchr(" \t\n=", at[-1]) && strchr(" \t\n\\", at[len]))
            return true;
    return false;
}

static void check_recipe(const char *top, struct findings *f)
{
    static const char *const folders[] = {"db", "src", "ui", "tests", "tests/support"};
    char path[1200];
    char *recipe;
    snprintf(path, sizeof path, "%s/Makefile.am", top);
    recipe = read_whole(path);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        const struct dirent *entry;
        DIR *dir;
        snprintf(path, sizeof path, "%s/%s", top, folders[i]);
        dir = opendir(path);
        for (entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
            char name[600], program[600];
            if (!is_source(entry->d_name))
                continue;
            snprintf(name, sizeof name, "%s/%s", folders[i], entry->d_name);
            snprintf(program, sizeof program, "%.*s", (int)strlen(name) - 2, name);
            if (!recipe_names(recipe, name) && !(strcmp(folders[i], "tests") == 0 && recipe_names(recipe, program)))
                found(f, "Makefile.am does not name %s\n", name);
        }
        if (dir)
            closedir(dir);
    }
    free(recipe);
}

static void this_house_is_in_order(void **state)
{
    struct findings f = {0};
    (void)state;
    check_rooms(top_folder(), &f);
    assert_string_equal(f.text, "");
    assert_true(f.files > 30);
}

static void the_build_knows_every_file(void **state)
{
    struct findings f = {0};
    (void)state;
    check_recipe(top_folder(), &f);
    assert_string_equal(f.text, "");
}

/* A house with one file of each room and a header in each. */
static void make_house(char top[FILES_PATH], const char *room, const char *file, const char *text)
{
    char name[300];
    files_folder(top);
    files_write(top, "db/below.h", "int below;\n");
    files_write(top, "src/middle.h", "#include \"below.h\"\n#include <stdio.h>\n");
    files_write(top, "ui/above.h", "#include \"middle.h\"\n#include <panel.h>\n");
    files_write(top, "ui/console.h", "int console;\n");
    files_write(top, "tests/support/help.h", "int help;\n");
    snprintf(name, sizeof name, "%s/%s", room, file);
    files_write(top, name, text);
}

static void check_made_up(const char *room, const char *file, const char *text, const char *expected)
{
    char top[FILES_PATH];
    struct findings f = {0};
    make_house(top, room, file, text);
    check_rooms(top, &f);
    files_remove(top);
    assert_string_equal(f.text, expected);
}

static void good_houses_pass(void **state)
{
    (void)state;
    check_made_up("db", "a.c", "#include <libpq-fe.h>\n#include <sqlite3.h>\n#include \"below.h\"\n", "");
    check_made_up("src", "a.c", "/* #include \"above.h\" */\n// <sqlite3.h>\n#include \"below.h\"\n", "");
    check_made_up("ui", "a.c", "#include <ncursesw/curses.h>\n#include \"below.h\"\n", "");
    check_made_up("src", "main.c", "#include \"console.h\"\n", "");
    check_made_up("src", "notes.txt", "#include <sqlite3.h>\n", "");
}

static void bad_houses_are_found(void **state)
{
    (void)state;
    check_made_up("db", "a.c", "#include \"middle.h\"\n", "db/a.c may not include src/middle.h\n");
    check_made_up("db", "a.h", "  #  include \"above.h\"\n", "db/a.h may not include ui/above.h\n");
    check_made_up("src", "a.c", "#include <above.h>\n", "src/a.c may not include ui/above.h\n");
    check_made_up("src", "a.c", "#include \"console.h\"\n", "src/a.c may not include ui/console.h\n");
    check_made_up("src", "main.c", "#include \"above.h\"\n", "src/main.c may not include ui/above.h\n");
    check_made_up("src", "a.c", "#include <sqlite3.h>\n", "src/a.c may not include sqlite3.h\n");
    check_made_up("ui", "a.c", "#include <libpq-fe.h>\n", "ui/a.c may not include libpq-fe.h\n");
    check_made_up("ui", "a.c", "#include <libpq/libpq-fs.h>\n", "ui/a.c may not include libpq/libpq-fs.h\n");
    check_made_up("src", "a.c", "#include <curses.h>\n", "src/a.c may not include curses.h\n");
    check_made_up("db", "a.c", "#include <ncursesw/panel.h>\n", "db/a.c may not include ncursesw/panel.h\n");
    check_made_up("src", "a.c", "#include \"support/help.h\"\n", "src/a.c may not include what belongs to the tests: support/help.h\n");
    check_made_up("db", "a.c", "#include \"../src/middle.h\"\n", "db/a.c includes by path: ../src/middle.h\n");
}

static void forgotten_files_are_found(void **state)
{
    char top[FILES_PATH];
    struct findings f = {0};
    (void)state;
    make_house(top, "tests", "test_a.c", "int a;\n");
    files_write(top, "Makefile.am", "x = \\\n\tdb/below.h \\\n\tsrc/middle.h \\\n\tui/console.h\ny = tests/test_ab\n");
    check_recipe(top, &f);
    files_remove(top);
    assert_string_equal(f.text, "Makefile.am does not name ui/above.h\nMakefile.am does not name tests/test_a.c\nMakefile.am does not name tests/support/help.h\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_house_is_in_order),
        cmocka_unit_test(the_build_knows_every_file),
        cmocka_unit_test(good_houses_pass),
        cmocka_unit_test(bad_houses_are_found),
        cmocka_unit_test(forgotten_files_are_found),
    };
    return cmocka_run_group_tests_name("rooms", tests, NULL, NULL);
}
