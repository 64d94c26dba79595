/* repair.c: compares history with the files for Jetbase's fix and validate commands. */
#include "repair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan_private.h"
#include "text.h"

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "Memory ran out comparing history with the migration files.");
}

void repair_clear(struct repair *repair)
{
    for (size_t i = 0; i < repair->missing_count; i++) {
        free(repair->missing[i].version);
        free(repair->missing[i].file);
    }
    for (size_t i = 0; i < repair->changed_count; i++) {
        free(repair->changed[i].version);
        free(repair->changed[i].file);
        free(repair->changed[i].recorded);
    }
    for (size_t i = 0; i < repair->baseline_count; i++) {
        free(repair->baseline[i].version);
        free(repair->baseline[i].description);
        free(repair->baseline[i].file);
    }
    free(repair->baseline);
    free(repair->missing);
    free(repair->changed);
    memset(repair, 0, sizeof *repair);
}

/* ---- rows of history ---- */

static int64_t rows_of(const struct history *h, enum migration_type type, const char *version, const char *file)
{
    int64_t rows = 0;
    for (size_t i = 0; i < h->count; i++)
        rows += h->rows[i].type == type && (type == MIGRATION_VERSIONED ? strcmp(h->rows[i].version, version) == 0 : strcmp(h->rows[i].file, file) == 0);
    return rows;
}

/* The first row of exactly that version whose checksum is another one; NULL where all agree. */
static const struct history_entry *first_differing(const struct history *h, const char *version, const char *checksum)
{
    for (size_t i = 0; i < h->count; i++)
        if (h->rows[i].type == MIGRATION_VERSIONED && strcmp(h->rows[i].version, version) == 0 && strcmp(h->rows[i].checksum, checksum) != 0)
            return &h->rows[i];
    return NULL;
}

/* ---- missing files ---- */

static bool add_missing(struct repair *found, const struct history *history, const struct history_entry *row, struct error *err)
{
    struct repair_missing *m = &found->missing[found->missing_count++];
    m->type = row->type;
    m->version = row->type == MIGRATION_VERSIONED ? text_dup(row->version) : NULL;
    m->file = text_dup(row->file);
    m->rows = rows_of(history, row->type, row->version, row->file);
    return (m->file && (m->version || row->type != MIGRATION_VERSIONED)) || no_memory(err);
}

static bool find_missing(struct folder *folder, const struct history *history, struct repair *found, struct error *err)
{
    bool ok = (found->missing = calloc(history->count + 1, sizeof *found->missing)) != NULL || no_memory(err);
    for (int versioned = 1; versioned >= 0; versioned--)
        for (size_t i = 0; ok && i < history->count; i++) {
            const struct history_entry *row = &history->rows[i];
            if ((row->type == MIGRATION_VERSIONED) == (versioned == 1) && !plan_file_of(folder, row) && !plan_seen_before(history, i))
                ok = add_missing(found, history, row, err);
        }
    if (ok)
        found->parts |= REPAIR_FILES;
    return ok;
}

/* ---- changed checksums ---- */

static bool add_changed(struct repair *found, const struct history *history, const struct history_entry *row, const struct migration *m, struct error *err)
{
    struct repair_changed *c = &found->changed[found->changed_count++];
    c->version = text_dup(row->version);
    c->file = text_dup(m->file);
    c->recorded = text_dup(row->checksum);
    memcpy(c->actual, m->checksum, sizeof c->actual);
    c->rows = rows_of(history, MIGRATION_VERSIONED, row->version, NULL);
    return (c->version && c->file && c->recorded) || no_memory(err);
}

static bool find_changed(struct folder *folder, const struct history *history, struct repair *found, struct error *err)
{
    bool ok = (found->changed = calloc(history->count + 1, sizeof *found->changed)) != NULL || no_memory(err);
    for (size_t i = 0; ok && i < history->count; i++) {
        const struct history_entry *row = &history->rows[i], *differing;
        struct migration *m = row->type == MIGRATION_VERSIONED && !plan_seen_before(history, i) ? plan_file_of(folder, row) : NULL;
        if (!m)
            continue;
        ok = migration_hash(m, err);
        if (ok && (differing = first_differing(history, row->version, m->checksum)) != NULL)
            ok = add_changed(found, history, differing, m, err);
    }
    if (ok)
        found->parts |= REPAIR_CHECKSUMS;
    return ok;
}

/* History as it will be once the missing ones are taken out; its rows belong to `history`. Free rows. */
static bool without_missing(struct folder *folder, const struct history *history, struct history *left, struct error *err)
{
    *left = (struct history){ .table = history->table };
    left->rows = calloc(history->count + 1, sizeof *left->rows);
    for (size_t i = 0; left->rows && i < history->count; i++)
        if (plan_file_of(folder, &history->rows[i]))
            left->rows[left->count++] = history->rows[i];
    return left->rows || no_memory(err);
}

/* Jetbase's checks, then the checksums. The options that get around the checks are those of upgrade; here there is another way out. */
static bool check_and_find(struct folder *folder, const struct history *history, bool skip_files, struct repair *found, struct error *err)
{
    struct plan_wish wish = { .skip_checksums = true, .skip_files = skip_files };
    if (plan_validate(folder, history, &wish, err))
        return find_changed(folder, history, found, err);
    if (err->code == ERR_HISTORY && err->hint[0])
        error_hint(err, "Restore what is missing, or let `jetbase fix` mend history: it stops tracking what has no file any more.");
    return false;
}

static bool find(struct folder *folder, const struct history *history, unsigned parts, bool skip_files, struct repair *found, struct error *err)
{
    struct history left;
    bool ok = !(parts & REPAIR_FILES) || find_missing(folder, history, found, err);
    if (!ok || !(parts & REPAIR_CHECKSUMS))
        return ok;
    if (!(parts & REPAIR_FILES))
        return check_and_find(folder, history, skip_files, found, err);
    if (!without_missing(folder, history, &left, err))
        return false;
    found->none_applied = history_latest(&left) == NULL;
    ok = check_and_find(folder, &left, skip_files, found, err);
    free(left.rows);
    return ok;
}

bool repair_find(const char *project_dir, const struct history *history, unsigned parts, bool skip_files, const atomic_int *stop, struct repair *found, struct error *err)
{
    struct folder *folder = NULL;
    bool ok;
    repair_clear(found);
    found->none_applied = history_latest(history) == NULL;
    /* Jetbase looks at no file before the first version is applied. */
    if (found->none_applied && !(parts & REPAIR_FILES)) {
        found->parts = parts;
        return true;
    }
    ok = folder_read(project_dir, &folder, err);
    if (ok)
        folder_stop_at(folder, stop);
    ok = ok && find(folder, history, parts, skip_files, found, err);
    folder_free(folder);
    return ok;
}

/* ---- mending ---- */

size_t repair_records(const struct repair *repair)
{
    return repair->missing_count + repair->changed_count + repair->baseline_count;
}

struct db_record repair_record(const struct repair *repair, size_t i)
{
    if (i < repair->missing_count) {
        const struct repair_missing *m = &repair->missing[i];
        return (struct db_record){ .kind = m->type == MIGRATION_VERSIONED ? RECORD_DELETE : RECORD_FORGET, .version = m->version, .file = m->file, .type = migration_type_name(m->type), .expect_rows = m->rows };
    }
    if (i >= repair->missing_count + repair->changed_count) {
        const struct repair_baseline *b = &repair->baseline[i - repair->missing_count - repair->changed_count];
        return (struct db_record){ .kind = RECORD_BASELINE, .version = b->version, .description = b->description, .file = b->file, .type = migration_type_name(MIGRATION_VERSIONED), .checksum = b->checksum, .expect_rows = 1 };
    }
    const struct repair_changed *c = &repair->changed[i - repair->missing_count];
    return (struct db_record){ .kind = RECORD_CHECKSUM, .version = c->version, .file = c->file, .type = migration_type_name(MIGRATION_VERSIONED), .checksum = c->actual, .expect_rows = c->rows };
}

bool repair_is_made(const struct repair *repair, const struct history *history)
{
    for (size_t i = 0; i < repair->missing_count; i++)
        if (rows_of(history, repair->missing[i].type, repair->missing[i].version, repair->missing[i].file) > 0)
            return false;
    for (size_t i = 0; i < repair->changed_count; i++)
        if (first_differing(history, repair->changed[i].version, repair->changed[i].actual))
            return false;
    for (size_t i = 0; i < repair->baseline_count; i++)
        if (rows_of(history, MIGRATION_VERSIONED, repair->baseline[i].version, NULL) == 0)
            return false;
    return true;
}

void repair_digest(const struct repair *repair, char digest[CHECKSUM_SIZE])
{
    struct text t = { 0 };
    for (size_t i = 0; i < repair_records(repair); i++) {
        const struct db_record r = repair_record(repair, i);
        const char *recorded = i < repair->missing_count || r.kind == RECORD_BASELINE ? "" : repair->changed[i - repair->missing_count].recorded;
        const char *const parts[] = { r.type, r.version ? r.version : "", r.file, recorded, r.checksum ? r.checksum : "" };
        text_printf(&t, "%d %lld ", (int)r.kind, (long long)r.expect_rows);
        for (size_t p = 0; p < sizeof parts / sizeof *parts; p++)
            text_printf(&t, "%zu:%s,", strlen(parts[p]), parts[p]);
    }
    if (t.failed)
        digest[0] = '\0';
    else
        sha256_hex(text_string(&t), t.len, digest);
    text_free(&t);
}

void repair_words(const struct repair *repair, size_t i, char *to, size_t size)
{
    enum { SHOWN = 12 };
    char name[512], recorded[SHOWN * 4 + 1], cut[SHOWN + 1];
    const struct db_record r = repair_record(repair, i);
    const char *rows = r.expect_rows == 1 ? "row" : "rows";
    text_visible(name, sizeof name, r.version ? r.version : r.file);
    if (i < repair->missing_count) {
        snprintf(to, size, "%s%s: taken out of the history, %lld %s", r.version ? "V" : "", name, (long long)r.expect_rows, rows);
        return;
    }
    if (r.kind == RECORD_BASELINE) {
        snprintf(to, size, "V%s: recorded as applied, not run", name);
        return;
    }
    text_copy(cut, sizeof cut, repair->changed[i - repair->missing_count].recorded);
    text_visible(recorded, sizeof recorded, cut);
    snprintf(to, size, "V%s: its checksum %s%s becomes %.*s…, in %lld %s", name, recorded[0] ? recorded : "(none)", recorded[0] ? "…" : "", SHOWN, r.checksum, (long long)r.expect_rows, rows);
}
