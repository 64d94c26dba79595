/* detail.c: reads one migration file for the detail pane. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "detail.h"
#include "preview.h"
#include "script.h"
#include "text.h"

/* A pane is read by a person: the whole file is for the pager. */
enum { LINES_MOST = 2000, LINE_BYTES = 4000, READ_BYTES = 16384 };

bool detail_is_of(const struct detail *d, const struct detail_want *want)
{
    return d && d->want.type == want->type && strcmp(d->want.file, want->file) == 0 && strcmp(d->want.version, want->version) == 0;
}

static void section_free(struct detail_section *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->lines[i]);
    free(s->lines);
}

void detail_free(struct detail *d)
{
    if (!d)
        return;
    section_free(&d->upgrade);
    section_free(&d->rollback);
    for (unsigned i = 0; i < d->sql_count; i++)
        free(d->sql[i]);
    free(d->sql);
    free(d);
}

/* Adds one line of the file; blank ones before the first are left out. */
static void add_line(struct detail_section *s, const char *line, size_t len)
{
    struct text spread = { 0 }, shown = { 0 };
    char **more;
    while (len && (line[len - 1] == '\r' || line[len - 1] == ' ' || line[len - 1] == '\t'))
        len--;
    if (len == 0 && s->count == 0)
        return;
    if (s->count == LINES_MOST) {
        s->cut = true;
        return;
    }
    for (size_t i = 0; i < len && i < LINE_BYTES; i++)
        text_add(&spread, line[i] == '\t' ? "    " : line + i, line[i] == '\t' ? 4 : 1);
    text_add_visible(&shown, text_string(&spread), spread.len);
    if (len > LINE_BYTES)
        text_puts(&shown, " …");
    more = realloc(s->lines, (s->count + 1) * sizeof *more);
    if (more) {
        s->lines = more;
        s->lines[s->count] = text_dup(text_string(&shown));
        s->count += s->lines[s->count] != NULL;
    }
    text_free(&spread);
    text_free(&shown);
}

static void read_lines(struct detail_section *s, struct section *section)
{
    static const size_t most = READ_BYTES;
    struct text line = { 0 };
    struct error ignored = { 0 };
    char *window = malloc(most);
    size_t got;
    while (window && !s->cut && (got = section_read(section, window, most, &ignored)) > 0)
        for (size_t i = 0, from = 0; i <= got; i++) {
            if (i < got && window[i] != '\n')
                continue;
            text_add(&line, window + from, i - from);
            from = i + 1;
            if (i == got)
                break;
            add_line(s, text_string(&line), line.len);
            text_reset(&line);
        }
    if (line.len)
        add_line(s, text_string(&line), line.len);
    while (s->count && !s->lines[s->count - 1][0])
        free(s->lines[--s->count]);
    free(window);
    text_free(&line);
}

static void read_section(struct detail *d, struct detail_section *s, const struct migration *m, enum section_kind kind)
{
    struct error err = { 0 };
    struct script_facts facts;
    struct section *section = NULL;
    if (!section_open(m->path, m->file, SECTION_UNDIGESTED, kind, &section, &err)) {
        text_visible(s->fault, sizeof s->fault, err.message);
        return;
    }
    read_lines(s, section);
    section_close(section);
    if (!script_check(m, kind, d->want.dialect, d->want.standard_strings, &facts, &err)) {
        text_visible(s->fault, sizeof s->fault, err.message);
        return;
    }
    s->statements = facts.statements;
    s->outside = facts.outside;
    if (d->want.half == (kind == SECTION_UPGRADE ? DETAIL_HALF_UPGRADE : DETAIL_HALF_ROLLBACK))
        preview_sql(m, kind, &facts, d->want.dialect, d->want.standard_strings, &d->sql, &d->sql_count, &err);
}

/* All that is shown of a file that is there. */
static void read_file(struct detail *d, struct migration *m)
{
    struct error err = { 0 };
    if (!migration_hash(m, &err)) {
        text_visible(d->fault, sizeof d->fault, err.message);
        return;
    }
    text_copy(d->checksum, sizeof d->checksum, m->checksum);
    text_copy(d->path, sizeof d->path, m->path);
    read_section(d, &d->upgrade, m, SECTION_UPGRADE);
    read_section(d, &d->rollback, m, SECTION_ROLLBACK);
}

/* Looks for the file; where it is not, or the folder is at fault, it is told why. */
static void find_file(struct detail *d, const char *project_dir)
{
    struct folder *folder = NULL;
    struct migration *m = NULL;
    struct error err = { 0 };
    if (!folder_read(project_dir, &folder, &err)) {
        text_visible(d->fault, sizeof d->fault, err.message);
        return;
    }
    m = folder_find_file(folder, d->want.file, d->want.type);
    if (!m && d->want.version[0])
        m = folder_find_version(folder, d->want.version);
    if (m)
        read_file(d, m);
    else
        text_copy(d->fault, sizeof d->fault, "the file is not in migrations/");
    folder_free(folder);
}

struct detail *detail_read(const char *project_dir, const struct detail_want *want)
{
    struct detail *d = calloc(1, sizeof *d);
    const char *base = strrchr(want->path, '/');
    struct migration m = { .type = want->type, .path = want->path, .file = base ? base + 1 : want->path };
    if (!d)
        return NULL;
    d->want = *want;
    /* In a folder of thousands the place that is known already saves reading it. */
    if (want->path[0] && access(want->path, F_OK) == 0)
        read_file(d, &m);
    else
        find_file(d, project_dir);
    return d;
}
