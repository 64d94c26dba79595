/* sheet.c: collects lines of text, breaks them at blanks, draws them. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sheet.h"
#include "text.h"

static char *visible(const char *text, size_t len)
{
    struct text t = { 0 };
    char *copy;
    text_add_visible(&t, text, len);
    copy = text_dup(text_string(&t));
    if (t.failed) {
        free(copy);
        copy = NULL;
    }
    text_free(&t);
    return copy;
}

static void add(struct sheet *sheet, enum style left_style, char *left, enum style right_style, char *right)
{
    if (sheet->count == sheet->cap && left) {
        size_t cap = sheet->cap ? sheet->cap * 2 : 16;
        struct sheet_line *lines = realloc(sheet->lines, cap * sizeof *lines);
        if (lines) {
            sheet->lines = lines;
            sheet->cap = cap;
        }
    }
    if (!left || sheet->count == sheet->cap) {
        sheet->failed = true;
        free(left);
        free(right);
        return;
    }
    sheet->lines[sheet->count++] = (struct sheet_line){ .left = left, .right = right, .left_style = left_style, .right_style = right_style };
}

void sheet_line(struct sheet *sheet, enum style style, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    add(sheet, style, visible(line, strlen(line)), style, NULL);
}

void sheet_pair(struct sheet *sheet, enum style left_style, const char *left, enum style right_style, const char *right)
{
    char *l = visible(left, strlen(left)), *r = visible(right, strlen(right));
    if (l && r && *r && draw_columns(l) + 1 + draw_columns(r) > sheet->width) {
        add(sheet, left_style, l, left_style, NULL);
        l = text_dup("");
    }
    add(sheet, left_style, l, right_style, r);
}

/* How much of the text goes on one line of `cols` columns; *skip: how many bytes the break itself takes. */
static size_t break_at(const char *text, int cols, size_t *skip)
{
    size_t fit = draw_fit(text, cols), len = fit;
    *skip = 0;
    if (text[fit] == '\0')
        return fit;
    while (len > 0 && text[len] != ' ')
        len--;
    if (len == 0)
        return fit ? fit : strlen(text);
    while (text[len + *skip] == ' ')
        ++*skip;
    return len;
}

static void wrap_line(struct sheet *sheet, enum style style, int indent, const char *line, bool first)
{
    char pad[40];
    snprintf(pad, sizeof pad, "%*s", indent, "");
    do {
        int room = sheet->width - (first ? 0 : indent);
        size_t skip, len = break_at(line, room > 1 ? room : 1, &skip);
        struct text t = { 0 };
        if (!first)
            text_puts(&t, pad);
        text_add(&t, line, len);
        add(sheet, style, text_dup(text_string(&t)), style, NULL);
        text_free(&t);
        line += len + skip;
        first = false;
    } while (*line);
}

void sheet_wrap(struct sheet *sheet, enum style style, int indent, const char *text)
{
    bool first = true;
    for (;;) {
        size_t len = strcspn(text, "\n");
        char *line = visible(text, len);
        if (!line) {
            sheet->failed = true;
            return;
        }
        wrap_line(sheet, style, indent, line, first);
        free(line);
        first = false;
        if (!text[len])
            return;
        text += len + 1;
    }
}

void sheet_draw(const struct sheet *sheet, struct canvas *canvas, struct rect at, size_t first)
{
    for (int i = 0; i < at.rows && first + (size_t)i < sheet->count; i++) {
        const struct sheet_line *line = &sheet->lines[first + (size_t)i];
        int right = line->right ? draw_columns(line->right) : 0;
        int left = right ? at.cols - right - 1 : at.cols;
        draw_text(canvas, at.row + i, at.col, left, line->left_style, line->left);
        if (right)
            draw_right(canvas, at.row + i, at.col, at.cols, line->right_style, line->right);
    }
}

void sheet_free(struct sheet *sheet)
{
    for (size_t i = 0; i < sheet->count; i++) {
        free(sheet->lines[i].left);
        free(sheet->lines[i].right);
    }
    free(sheet->lines);
    *sheet = (struct sheet){ .width = sheet->width };
}
