/* test_pictures.c: the pictures of README and manual (man/pictures/) show the screens that tests/screens/ has today, and each of them is used. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/golden_screen.h"
#include "support/pages.h"

/* As svg_write() lays cells out. */
enum { CELL_W = 9, CELL_H = 18, BASELINE = 14, MARGIN = 9, ROWS = 64, COLS = 200, ROW_BYTES = 2000 };

/* The screen that a picture shows: one character a cell, 0 for a blank. */
static uint32_t cells[ROWS][COLS];

static void put_utf8(uint32_t ch, char *to, size_t *used)
{
    if (ch < 0x80) {
        to[(*used)++] = (char)ch;
    } else if (ch < 0x800) {
        to[(*used)++] = (char)(0xc0 | ch >> 6);
        to[(*used)++] = (char)(0x80 | (ch & 0x3f));
    } else {
        to[(*used)++] = (char)(0xe0 | ch >> 12);
        to[(*used)++] = (char)(0x80 | (ch >> 6 & 0x3f));
        to[(*used)++] = (char)(0x80 | (ch & 0x3f));
    }
    to[*used] = '\0';
}

/* Reads the texts of a picture into cells; gives how many rows it has. */
static int read_picture(const char *svg)
{
    int rows, width, height;
    const char *head = strstr(svg, "<svg ");
    assert_non_null(head);
    head = strstr(head, " width=\"");
    assert_non_null(head);
    assert_int_equal(sscanf(head, " width=\"%d\" height=\"%d\"", &width, &height), 2);
    memset(cells, 0, sizeof cells);
    rows = (height - 2 * MARGIN) / CELL_H;
    assert_in_range(rows, 1, ROWS);
    for (const char *at = svg; (at = strstr(at, "<text x=\"")) != NULL;) {
        int x, y;
        assert_int_equal(sscanf(at, "<text x=\"%d\" y=\"%d\"", &x, &y), 2);
        int row = (y - MARGIN - BASELINE) / CELL_H, col = (x - MARGIN) / CELL_W;
        assert_in_range(row, 0, rows - 1);
        for (at = strchr(at, '>') + 1; *at != '<'; col++) {
            uint32_t ch = (unsigned char)*at++;
            if (ch == '&') {
                char *end;
                ch = (uint32_t)strtoul(at + 1, &end, 10);
                at = end + 1;
            }
            assert_in_range(col, 0, COLS - 1);
            cells[row][col] = ch;
        }
    }
    return rows;
}

static void row_text(int row, char *to)
{
    size_t used = 0;
    to[0] = '\0';
    for (int col = 0; col < COLS; col++)
        put_utf8(cells[row][col] ? cells[row][col] : ' ', to, &used);
    golden_screen_normalise(to);
}

static void compare(const char *name)
{
    char file[300], wanted[ROW_BYTES], got[ROW_BYTES];
    snprintf(file, sizeof file, "man/pictures/%s.svg", name);
    char *svg = pages_read(file);
    snprintf(file, sizeof file, "tests/screens/%s.txt", name);
    char *screen = pages_read(file), *rest = screen, *line;
    int rows = read_picture(svg), row = 0;
    while ((line = strsep(&rest, "\n")) != NULL && (*line || rest)) {
        assert_in_range(row, 0, rows - 1);
        snprintf(wanted, sizeof wanted, "%s", line);
        golden_screen_normalise(wanted);
        row_text(row++, got);
        if (strcmp(wanted, got) != 0)
            fail_msg("man/pictures/%s.svg is out of date, row %d:\nit shows   %s\nthe screen %s\nMake it anew: `make screenshots`, and copy screenshots/%s.svg", name, row, got, wanted, name);
    }
    assert_int_equal(row, rows);
    free(screen);
    free(svg);
}

static void pictures_are_up_to_date(void **state)
{
    const char *srcdir = getenv("srcdir") ? getenv("srcdir") : ".";
    char path[4096], *readme = pages_read("README.md"), *recipe = pages_read("Makefile.am");
    const struct dirent *entry;
    unsigned seen = 0;
    (void)state;
    snprintf(path, sizeof path, "%s/man/pictures", srcdir);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        char name[256];
        const char *end = strrchr(entry->d_name, '.');
        if (!end || strcmp(end, ".svg") != 0)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(end - entry->d_name), entry->d_name);
        snprintf(path, sizeof path, "](man/pictures/%.200s)", entry->d_name);
        if (!strstr(readme, path))
            fail_msg("README.md does not show man/pictures/%s", entry->d_name);
        compare(name);
        seen++;
    }
    closedir(dir);
    assert_true(seen > 0);
    assert_non_null(strstr(recipe, "\tman/pictures "));
    for (const char *at = readme; (at = strstr(at, "](man/pictures/")) != NULL; at++)
        seen--;
    assert_int_equal(seen, 0);
    free(recipe);
    free(readme);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(pictures_are_up_to_date) };
    return cmocka_run_group_tests_name("pictures", tests, NULL, NULL);
}
