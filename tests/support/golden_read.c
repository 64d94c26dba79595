/* golden_read.c: reads transcripts into items. */
#include "golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void golden_text_add(struct golden_text *text, const char *bytes, size_t len)
{
    char *more = realloc(text->text, text->len + len + 1);
    assert_non_null(more);
    memcpy(more + text->len, bytes, len);
    text->text = more;
    text->len += len;
    text->text[text->len] = '\0';
}

void golden_text_line(struct golden_text *text, const char *line, size_t len)
{
    golden_text_add(text, line, len);
    golden_text_add(text, "\n", 1);
}

char *golden_file(const char *name)
{
    const char *srcdir = getenv("srcdir");
    char path[GOLDEN_PATH], piece[4096];
    struct golden_text text = { 0 };
    size_t got;
    FILE *file;
    snprintf(path, sizeof path, "%s/tests/golden/%s", srcdir ? srcdir : ".", name);
    file = fopen(path, "re");
    if (!file)
        fail_msg("%s can't be read", path);
    golden_text_add(&text, "", 0);
    while ((got = fread(piece, 1, sizeof piece, file)) > 0)
        golden_text_add(&text, piece, got);
    fclose(file);
    return text.text;
}

/* The item that is being read, where one is open. */
struct reading {
    struct golden_transcript *to;
    struct golden_item item;
    struct golden_text body;
    bool open;
    unsigned numbers;
};

static void finish(struct reading *r)
{
    static const char blanks[] = " \n";
    if (!r->open)
        return;
    r->open = false;
    golden_text_add(&r->body, "", 0);
    r->item.body = r->body.text;
    r->body = (struct golden_text){ 0 };
    if (r->item.kind == GOLDEN_ASIDE && strspn(r->item.body, blanks) == strlen(r->item.body)) {
        free(r->item.head);
        free(r->item.body);
        return;
    }
    if (r->item.kind != GOLDEN_WRITE && r->item.kind != GOLDEN_REMOVE)
        r->item.number = ++r->numbers;
    struct golden_item *more = realloc(r->to->items, (r->to->count + 1) * sizeof *more);
    assert_non_null(more);
    r->to->items = more;
    more[r->to->count++] = r->item;
}

static void begin(struct reading *r, enum golden_kind kind, unsigned line, const char *head, size_t len)
{
    finish(r);
    r->open = true;
    r->item = (struct golden_item){ .kind = kind, .line = line, .head = strndup(head, len) };
    assert_non_null(r->item.head);
}

/* A line outside a command. */
static void stage_line(struct reading *r, unsigned number, const char *line, size_t len)
{
    static const struct {
        const char *start;
        enum golden_kind kind;
        size_t behind; /* bytes at the end that belong to the form */
    } forms[] = { { "# write ", GOLDEN_WRITE, 1 }, { "# rm ", GOLDEN_REMOVE, 0 }, { "# psql: ", GOLDEN_SQL, 0 }, { "# cat ", GOLDEN_CAT, 0 }, { "# tree", GOLDEN_ASIDE, 0 } };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        size_t start = strlen(forms[i].start);
        if (len >= start + forms[i].behind && strncmp(line, forms[i].start, start) == 0) {
            begin(r, forms[i].kind, number, line + start, len - start - forms[i].behind);
            return;
        }
    }
    bool shown = r->open && r->item.kind == GOLDEN_ASIDE && r->body.len > strspn(r->body.text ? r->body.text : "", "\n"); /* a file shown may itself hold # */
    if (len > 0 && line[0] == '#' && !shown)
        finish(r);
    else if (r->open && r->item.kind != GOLDEN_ASIDE && len >= 4 && strncmp(line, "|   ", 4) == 0)
        golden_text_line(&r->body, line + 4, len - 4);
    else if (r->open)
        golden_text_line(&r->body, line, len);
}

void golden_transcript_read(struct golden_transcript *transcript, const char *name)
{
    char *text = golden_file(name), *line = text;
    struct reading r = { .to = transcript };
    bool command = false;
    memset(transcript, 0, sizeof *transcript);
    for (unsigned number = 1; *line; number++) {
        size_t len = strcspn(line, "\n");
        if (len > 2 && strncmp(line, "$ ", 2) == 0) {
            assert_false(command);
            begin(&r, GOLDEN_COMMAND, number, line + 2, len - 2);
            command = true;
        } else if (command && sscanf(line, "[exit %d]", &r.item.exit) == 1) {
            begin(&r, GOLDEN_ASIDE, number, "", 0);
            command = false;
        } else if (command) {
            golden_text_line(&r.body, line, len);
        } else {
            stage_line(&r, number, line, len);
        }
        line += len + (line[len] == '\n');
    }
    assert_false(command);
    finish(&r);
    free(text);
}

void golden_transcript_free(struct golden_transcript *transcript)
{
    for (size_t i = 0; i < transcript->count; i++) {
        free(transcript->items[i].head);
        free(transcript->items[i].body);
    }
    free(transcript->items);
    *transcript = (struct golden_transcript){ 0 };
}
