/* half.c: files outside a transaction that were started and not ended. */
#include "half.h"

#include <stdio.h>
#include <string.h>

#include "prefix.h"
#include "text.h"

const struct run_row *half_of(const struct history *history, const char *file)
{
    for (size_t i = 0; i < history->half_count; i++)
        if (strcmp(history->half[i].file, file) == 0)
            return &history->half[i];
    return NULL;
}

bool half_in_rollback(const struct run_row *row)
{
    size_t len = strlen(row->command), word = strlen("rollback");
    return len >= word && strcmp(row->command + len - word, "rollback") == 0;
}

static void range(struct text *t, int first, int last, const char *one, const char *many)
{
    if (first > last)
        return;
    if (t->len > 0)
        text_puts(t, ", ");
    if (first == last)
        text_printf(t, "statement %d %s", first, one);
    else
        text_printf(t, last == first + 1 ? "statements %d and %d %s" : "statements %d to %d %s", first, last, many);
}

void half_words(const struct run_row *row, char *to, size_t size)
{
    struct text t = { 0 };
    int done = row->done_statement > 0 ? row->done_statement : 0, started = row->started_statement;
    if (done >= row->statements) {
        snprintf(to, size, row->statements == 1 ? "its one statement is done, only the record of it in the history is missing" : "all %d statements are done, only the record of it in the history is missing",
                 row->statements);
        return;
    }
    range(&t, 1, done, "is done", "are done");
    range(&t, done + 1, started, "may have run", "may have run");
    range(&t, (started > done ? started : done) + 1, row->statements, "was not run", "were not run");
    text_copy(to, size, t.failed ? "some of its statements may have run" : text_string(&t));
    text_free(&t);
}

bool half_same(const struct run_row *row, const struct migration *m, enum scan_dialect dialect, bool standard_strings, bool *same, struct error *err)
{
    char now[CHECKSUM_SIZE];
    struct error own = { 0 };
    enum section_kind kind = half_in_rollback(row) ? SECTION_ROLLBACK : SECTION_UPGRADE;
    *same = false;
    if (row->started_statement < 1 || !row->prefix[0])
        return true;
    if (prefix_of(m, kind, dialect, standard_strings, row->done_statement > 0 ? (unsigned)row->done_statement : 0, now, &own))
        *same = strcmp(now, row->prefix) == 0;
    else if (own.code != ERR_NONE) {
        *err = own;
        return false;
    }
    return true;
}

bool half_none(const struct history *history, struct error *err)
{
    char file[512], words[300];
    const struct run_row *row = history->half;
    if (history->half_count == 0)
        return true;
    text_visible(file, sizeof file, row->file);
    half_words(row, words, sizeof words);
    error_set(err, ERR_HISTORY, "%s is half applied%s: %s", file, half_in_rollback(row) ? " in its rollback section" : "", words);
    error_detail(err, "It runs outside a transaction, and the run that began it did not end it (process ID %s, started %s).", row->process_id, row->acquired_at);
    error_state(err, "Nothing was run. No migration starts before that file is resolved.");
    return error_hint(err, "`jetbase resolve %s` shows what is known and the ways out: --from N, --mark-applied, --mark-rolled-back.", file);
}
