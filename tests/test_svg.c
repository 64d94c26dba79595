/* test_svg.c: the pictures of screens: what XML needs is escaped, cells stand where they belong, colours are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/svg.h"

static struct svg_cell cell(uint32_t ch)
{
    return (struct svg_cell){ .chars = { ch }, .width = 1 };
}

static char *picture(const struct svg_cell *cells, int rows, int cols, const char *title)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_true(svg_write(out, cells, rows, cols, title));
    assert_int_equal(fclose(out), 0);
    return text;
}

static void has(const char *svg, const char *part)
{
    if (!strstr(svg, part))
        fail_msg("not in the picture: %s\n%s", part, svg);
}

static void escaped(void **state)
{
    struct svg_cell cells[6] = { cell('<'), cell('&'), cell('>'), cell('"'), cell(0x1b), cell(0x2502) };
    char *svg = picture(cells, 1, 6, "a <b> & \"c\"");
    (void)state;
    has(svg, "<title>a &#60;b&#62; &#38; &#34;c&#34;</title>");
    has(svg, ">&#60;&#38;&#62;&#34;&#65533;</text>");
    has(svg, "x=\"54\"");
    has(svg, ">&#9474;</text>");
    assert_null(strchr(svg, 0x1b));
    free(svg);
}

/* A wide character takes two columns, and what follows it stands behind them. */
static void wide_cells(void **state)
{
    struct svg_cell cells[2 * 4] = { { .chars = { 0x6f22 }, .width = 2 }, { .width = 0 }, cell('b'), cell('c'), cell('d'), { .chars = { 'e', 0x301 }, .width = 1 }, cell(0), cell('f') };
    char *svg = picture(cells, 2, 4, "");
    (void)state;
    has(svg, "<text x=\"9\" y=\"23\" textLength=\"18\" lengthAdjust=\"spacingAndGlyphs\" fill=\"#d8d8d8\">&#28450;</text>");
    has(svg, "<text x=\"27\" y=\"23\" textLength=\"18\" lengthAdjust=\"spacingAndGlyphs\" fill=\"#d8d8d8\">bc</text>");
    has(svg, "<text x=\"18\" y=\"41\" textLength=\"9\" lengthAdjust=\"spacingAndGlyphs\" fill=\"#d8d8d8\">e&#769;</text>");
    has(svg, "<text x=\"36\" y=\"41\" textLength=\"9\" lengthAdjust=\"spacingAndGlyphs\" fill=\"#d8d8d8\">f</text>");
    free(svg);
}

static void colours(void **state)
{
    const struct svg_colour red = { true, 0xcd, 0, 0 }, blue = { true, 0, 0, 0xee };
    struct svg_cell cells[5] = { cell('a'), cell('b'), cell('c'), cell(' '), cell('d') };
    char *svg;
    (void)state;
    cells[0].fg = red;
    cells[1].bg = blue;
    cells[1].bold = true;
    cells[2].reverse = cells[3].reverse = true;
    cells[4].underline = true;
    cells[4].reverse = true;
    cells[4].fg = red;
    cells[4].bg = blue;
    svg = picture(cells, 1, 5, "");
    has(svg, "fill=\"#cd0000\">a</text>");
    has(svg, "<rect x=\"18\" y=\"9\" width=\"9\" height=\"18\" fill=\"#0000ee\"/>");
    has(svg, "fill=\"#d8d8d8\" font-weight=\"bold\">b</text>");
    has(svg, "<rect x=\"27\" y=\"9\" width=\"18\" height=\"18\" fill=\"#d8d8d8\"/>");
    has(svg, "fill=\"#1c1c1c\">c</text>");
    has(svg, "<rect x=\"45\" y=\"9\" width=\"9\" height=\"18\" fill=\"#cd0000\"/>");
    has(svg, "fill=\"#0000ee\" text-decoration=\"underline\">d</text>");
    free(svg);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(escaped), cmocka_unit_test(wide_cells), cmocka_unit_test(colours) };
    return cmocka_run_group_tests_name("svg", tests, NULL, NULL);
}
