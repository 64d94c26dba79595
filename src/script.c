/* script.c: runs through the statements of a section, and checks it whole before anything is sent. */
#include "script.h"

#include <stdlib.h>
#include <string.h>

#include "scanner_private.h"
#include "script_private.h"

struct script {
    const struct migration *m;
    struct section *section;
    struct scanner *scanner;
    struct script_judge judge;
};

static bool opened(struct script *s, unsigned flags, struct section_text *text, enum section_kind kind, enum scan_dialect dialect, bool standard_strings, struct error *err)
{
    if (text ? !section_open_text(text, s->m->file, kind, &s->section, err) : !section_open(s->m->path, s->m->file, flags | (s->m->listed ? SECTION_LISTED : 0), kind, &s->section, err))
        return false;
    section_stop_at(s->section, s->m->stop);
    s->scanner = scanner_open(dialect, standard_strings, section_delimiter(s->section), section_read, s->section, section_start(s->section));
    return s->scanner || error_set(err, ERR_NO_MEMORY, "out of memory reading %s", s->m->file);
}

/* text: the file's bytes, which are taken over; NULL: it is read. */
static bool begin(const struct migration *m, unsigned flags, struct section_text *text, enum section_kind kind, enum scan_dialect dialect, bool standard_strings, struct script **out, struct error *err)
{
    struct script *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s)
        return error_set(err, ERR_NO_MEMORY, "out of memory reading %s", m->file);
    s->m = m;
    s->judge.m = m;
    s->judge.dialect = dialect;
    if (!opened(s, flags, text, kind, dialect, standard_strings, err) || !script_judge_directives(&s->judge, s->section, err)) {
        script_close(s);
        return false;
    }
    *out = s;
    return true;
}

bool script_open(const struct migration *m, enum section_kind kind, enum scan_dialect dialect, bool standard_strings, struct script **out, struct error *err)
{
    return begin(m, 0, NULL, kind, dialect, standard_strings, out, err);
}

bool script_open_text(const struct migration *m, struct section_text *text, enum section_kind kind, enum scan_dialect dialect, bool standard_strings, struct script **out, struct error *err)
{
    bool ok = begin(m, 0, text, kind, dialect, standard_strings, out, err);
    free(text->bytes); /* where it did not come to that */
    *text = (struct section_text){ 0 };
    return ok;
}

enum scan_answer script_next(struct script *script, struct scan_statement *out, struct error *err)
{
    bool send = false;
    while (!send) {
        enum scan_answer got = scanner_next(script->scanner, out, err);
        if (got == SCAN_ERROR && err->code == ERR_REFUSED)
            script_show_place(script->m->path, err);
        if (got == SCAN_END && !script_judge_end(&script->judge, err))
            return SCAN_ERROR;
        if (got != SCAN_STATEMENT)
            return got;
        struct place why;
        bool plain = out->class == SCAN_PLAIN; /* of which there is nothing to say: most are */
        if (!plain)
            why = scanner_why(script->scanner);
        if (!script_judge(&script->judge, out, plain ? &out->at : &why, &send, err))
            return SCAN_ERROR;
    }
    return SCAN_STATEMENT;
}

/* Goes through all statements. */
static enum scan_answer read_through(struct script *script, struct script_facts *out, struct error *err)
{
    struct scan_statement statement;
    enum scan_answer got;
    while ((got = script_next(script, &statement, err)) == SCAN_STATEMENT)
        ;
    *out = script->judge.facts;
    out->outside = out->outside && out->statements > 0;
    return got;
}

bool script_check_and_sum(struct migration *m, off_t most, enum scan_dialect dialect, bool standard_strings, struct script_facts *out, struct stat *st, struct script_kept *kept)
{
    struct script *script;
    struct error ignored;
    char checksum[CHECKSUM_SIZE], raw[CHECKSUM_SIZE];
    error_clear(&ignored);
    if (kept)
        kept->text = (struct section_text){ 0 };
    *out = (struct script_facts){ 0 };
    if (!begin(m, SECTION_SUMMED, NULL, SECTION_UPGRADE, dialect, standard_strings, &script, &ignored))
        return false;
    bool good = section_size(script->section) <= most && read_through(script, out, &ignored) == SCAN_END && section_sums(script->section, checksum, raw, st, &ignored);
    if (good && kept)
        section_give(script->section, kept->most, &kept->text);
    script_close(script);
    if (good) {
        memcpy(m->checksum, checksum, sizeof checksum);
        memcpy(m->raw, raw, sizeof raw);
    }
    return good;
}

bool script_check(const struct migration *m, enum section_kind kind, enum scan_dialect dialect, bool standard_strings, struct script_facts *out, struct error *err)
{
    return script_check_and_keep(m, kind, dialect, standard_strings, out, NULL, err);
}

bool script_check_and_keep(const struct migration *m, enum section_kind kind, enum scan_dialect dialect, bool standard_strings, struct script_facts *out, struct script_kept *kept, struct error *err)
{
    struct script *script;
    if (kept)
        kept->text = (struct section_text){ 0 };
    *out = (struct script_facts){ 0 };
    if (!begin(m, SECTION_UNDIGESTED, NULL, kind, dialect, standard_strings, &script, err)) {
        if (err->code == ERR_REFUSED)
            error_state(err, "Nothing was sent to the database.");
        return false;
    }
    enum scan_answer got = read_through(script, out, err);
    if (kept && got == SCAN_END)
        section_give(script->section, kept->most, &kept->text);
    script_close(script);
    if (got == SCAN_ERROR && err->code == ERR_REFUSED)
        error_state(err, "Nothing was sent to the database.");
    return got == SCAN_END;
}

void script_drop_text(struct script *script)
{
    scanner_drop_text(script->scanner);
}

enum db_block script_block(const struct script *script)
{
    return script->judge.block;
}

bool script_unchanged(struct script *script, struct error *err)
{
    char raw[CHECKSUM_SIZE];
    if (!section_digest(script->section, raw, err))
        return false;
    if (strcmp(raw, script->m->raw) == 0)
        return true;
    error_set(err, ERR_PLAN, "%s was changed while it ran: its text is no longer the one that the plan was made of", script->m->file);
    return error_hint(err, "Run the command again once nobody writes to the file.");
}

void script_close(struct script *script)
{
    if (!script)
        return;
    scanner_close(script->scanner);
    section_close(script->section);
    free(script);
}
