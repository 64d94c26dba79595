/* history.c: jetbase_migrations as read at one moment. */
#include "history.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "version.h"

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "Memory ran out reading jetbase_migrations.");
}

void history_free(struct history *h)
{
    if (h == NULL)
        return;
    for (size_t i = 0; i < h->count; i++)
        free(h->rows[i].texts);
    free(h->rows);
    free(h->half);
    free(h->by_version);
    free(h->near);
    free(h->live);
    free(h);
}

/* What the driver's callback fills. */
struct reading {
    struct history *history;
    size_t capacity;
    struct error *err;
    bool failed;
};

static bool given(const char *s)
{
    return s != NULL && s[0] != '\0';
}

/* A row that names nothing can't be told from another, nor be looked up. */
static bool refuse_nameless(const struct history_row *row, enum migration_type type, const char *what, struct error *err)
{
    error_set(err, ERR_HISTORY, "Row %lld of jetbase_migrations is %s but has no %s.", (long long)row->order, migration_type_name(type), what);
    return error_hint(err, "The row was not written by Jetbase: put it right or delete it.");
}

static bool parse_type(const struct history_row *row, enum migration_type *type, struct error *err)
{
    static const enum migration_type types[] = {MIGRATION_VERSIONED, MIGRATION_RUNS_ALWAYS, MIGRATION_RUNS_ON_CHANGE};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (row->type == NULL || strcmp(row->type, migration_type_name(types[i])) != 0)
            continue;
        *type = types[i];
        if (types[i] == MIGRATION_VERSIONED)
            return given(row->version) || refuse_nameless(row, types[i], "version", err);
        return given(row->file) || refuse_nameless(row, types[i], "file name", err);
    }
    char shown[128];
    text_visible(shown, sizeof shown, row->type != NULL ? row->type : "");
    if (given(row->type))
        error_set(err, ERR_HISTORY, "Row %lld of jetbase_migrations has the migration type '%s', which is not known here.", (long long)row->order, shown);
    else
        error_set(err, ERR_HISTORY, "Row %lld of jetbase_migrations has no migration type.", (long long)row->order);
    return error_hint(err, "Known are VERSIONED, RUNS_ALWAYS and RUNS_ON_CHANGE. A newer Jetbase may have written it%s", given(row->type) ? "." : "; else put it right or delete it.");
}

/* The next of a row's texts, behind each other in one piece of memory. A NULL where Jetbase never writes one becomes "". */
static char *place(char **next, const char *text)
{
    char *at = *next;
    *next = stpcpy(at, text != NULL ? text : "") + 1;
    return at;
}

static size_t size_of(const char *text)
{
    return (text != NULL ? strlen(text) : 0) + 1;
}

static bool copy_row(const struct history_row *row, struct history_entry *to, struct error *err)
{
    char *next = malloc(size_of(row->version) + size_of(row->description) + size_of(row->file) + size_of(row->checksum) + size_of(row->applied_at));
    to->texts = next;
    if (next == NULL)
        return no_memory(err);
    to->order = row->order;
    to->version = row->version != NULL ? place(&next, row->version) : NULL;
    to->description = place(&next, row->description);
    to->file = place(&next, row->file);
    to->checksum = place(&next, row->checksum);
    to->applied_at = place(&next, row->applied_at);
    return parse_type(row, &to->type, err);
}

static bool on_row(void *user, const struct history_row *row)
{
    struct reading *r = user;
    struct history *h = r->history;
    if (h->count == r->capacity) {
        size_t more = r->capacity == 0 ? 64 : r->capacity * 2;
        struct history_entry *rows = realloc(h->rows, more * sizeof *rows);
        if (rows == NULL) {
            r->failed = true;
            return no_memory(r->err);
        }
        h->rows = rows;
        r->capacity = more;
    }
    struct history_entry e = {0};
    if (!copy_row(row, &e, r->err)) {
        free(e.texts);
        r->failed = true;
        return false;
    }
    h->rows[h->count++] = e;
    return true;
}

/* A run whose witness is gone can't go on. */
static bool on_unfinished(void *user, const struct run_row *row)
{
    struct reading *r = user;
    struct history *h = r->history;
    struct run_row **list = row->lives ? &h->live : &h->half;
    size_t *count = row->lives ? &h->live_count : &h->half_count;
    struct run_row *more = realloc(*list, (*count + 1) * sizeof *more);
    if (more == NULL) {
        r->failed = true;
        return no_memory(r->err);
    }
    *list = more;
    more[(*count)++] = *row;
    return true;
}

static int by_version(const void *a, const void *b, void *user)
{
    const struct history *h = user;
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    int order = version_compare(h->rows[left].version, h->rows[right].version);
    return order != 0 ? order : left < right ? -1 : 1;
}

/* Thousands of rows are looked up for thousands of files. */
static void sort_versions(struct history *h)
{
    h->by_version = calloc(h->count + 1, sizeof *h->by_version);
    if (h->by_version == NULL)
        return;
    bool in_order = true; /* as nearly always: they were applied in that order */
    for (size_t i = 0; i < h->count; i++) {
        if (h->rows[i].type != MIGRATION_VERSIONED || !version_valid(h->rows[i].version))
            continue;
        in_order = in_order && (h->by_version_count == 0 || by_version(&h->by_version[h->by_version_count - 1], &i, h) < 0);
        h->by_version[h->by_version_count++] = i;
    }
    if (!in_order)
        qsort_r(h->by_version, h->by_version_count, sizeof *h->by_version, by_version, h);
    h->near = calloc(1, sizeof *h->near);
}

static bool read_once(struct db *db, struct history **out, struct error *err)
{
    const struct db_driver *driver = db_driver_of(db);
    *out = NULL;
    struct history *h = calloc(1, sizeof *h);
    if (h == NULL)
        return no_memory(err);
    struct error own;
    error_clear(&own);
    struct reading r = {.history = h, .err = &own};
    bool ok = driver->history_read(db, &h->table, on_row, &r, err) && (r.failed || driver->unfinished_read(db, on_unfinished, &r, err));
    if (r.failed) {
        if (err != NULL)
            *err = own;
        ok = false;
    }
    if (!ok) {
        history_free(h);
        return false;
    }
    sort_versions(h);
    *out = h;
    return true;
}

/* Row and witness are not seen in one instant: a run that ended between the two looks unfinished and dead. What a second reading, begun after the witness was gone, still shows is final. */
bool history_read(struct db *db, struct history **out, struct error *err)
{
    struct history *again;
    if (!read_once(db, out, err))
        return false;
    if ((*out)->half_count == 0)
        return true;
    bool ok = read_once(db, &again, err);
    for (size_t i = 0; ok && i < again->half_count; i++) {
        bool seen = false;
        for (size_t k = 0; k < (*out)->half_count; k++)
            seen |= strcmp((*out)->half[k].process_id, again->half[i].process_id) == 0;
        if (!seen) {
            memmove(&again->half[i], &again->half[i + 1], (again->half_count - i - 1) * sizeof *again->half);
            again->half_count--;
            i--;
        }
    }
    history_free(*out);
    *out = ok ? again : NULL;
    return ok;
}

static bool is_exactly(const struct history_entry *row, const struct migration *m)
{
    if (row->type != m->type)
        return false;
    return m->type == MIGRATION_VERSIONED ? strcmp(row->version, m->version) == 0 : strcmp(row->file, m->file) == 0;
}

int64_t history_rows_of(const struct history *h, const struct migration *m)
{
    int64_t rows = 0;
    for (size_t i = 0; i < h->count; i++)
        rows += is_exactly(&h->rows[i], m) ? 1 : 0;
    return rows;
}

static bool is_below(const struct history *h, size_t i, const char *version)
{
    return version_compare(h->rows[h->by_version[i]].version, version) < 0;
}

/* Where the rows of that version begin in by_version: looked for where the last search ended, beside that, and then by halves. */
static size_t first_of(const struct history *h, const char *version)
{
    size_t low = 0, high = h->by_version_count, try = h->near != NULL ? atomic_load_explicit(h->near, memory_order_relaxed) : high / 2;
    for (int tries = 0; low < high; tries++) {
        size_t at = tries < 2 && try >= low && try < high ? try : low + (high - low) / 2;
        if (is_below(h, at, version)) {
            low = try = at + 1;
        } else {
            high = at;
            try = at > 0 ? at - 1 : 0;
        }
    }
    if (h->near != NULL)
        atomic_store_explicit(h->near, low, memory_order_relaxed);
    return low;
}

/* Runs through the rows of a valid version, however it is spelt, oldest first: *at is 0 at the beginning. NULL: no more. */
static const struct history_entry *next_of(const struct history *h, const char *version, size_t *at)
{
    if (h->by_version != NULL) {
        size_t i = *at > 0 ? *at : first_of(h, version) + 1;
        *at = i + 1;
        return i <= h->by_version_count && version_compare(h->rows[h->by_version[i - 1]].version, version) == 0 ? &h->rows[h->by_version[i - 1]] : NULL;
    }
    while (*at < h->count) {
        const struct history_entry *row = &h->rows[(*at)++];
        if (row->type == MIGRATION_VERSIONED && version_valid(row->version) && version_compare(row->version, version) == 0)
            return row;
    }
    return NULL;
}

const struct history_entry *history_of(const struct history *h, const struct migration *m)
{
    const struct history_entry *row, *exact = NULL, *equal = NULL;
    if (m->type == MIGRATION_VERSIONED) {
        for (size_t at = 0; (row = next_of(h, m->version, &at)) != NULL; equal = row)
            if (strcmp(row->version, m->version) == 0)
                exact = row;
        return exact != NULL ? exact : equal;
    }
    for (size_t i = h->count; i-- > 0;)
        if (is_exactly(&h->rows[i], m))
            return &h->rows[i];
    return NULL;
}

bool history_differs(const struct history *h, const struct migration *m)
{
    const struct history_entry *row;
    for (size_t at = 0; (row = next_of(h, m->version, &at)) != NULL;)
        if (strcmp(row->checksum, m->checksum) != 0)
            return true;
    return false;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool history_same(const struct history *a, const struct history *b)
{
    if (a->count != b->count || a->table != b->table || a->half_count != b->half_count || a->live_count != b->live_count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct history_entry *x = &a->rows[i], *y = &b->rows[i];
        if (x->order != y->order || x->type != y->type || !same_text(x->version, y->version) || strcmp(x->description, y->description) != 0 || strcmp(x->file, y->file) != 0 ||
            strcmp(x->checksum, y->checksum) != 0 || strcmp(x->applied_at, y->applied_at) != 0)
            return false;
    }
    for (size_t i = 0; i < a->half_count; i++) {
        const struct run_row *x = &a->half[i], *y = &b->half[i];
        if (strcmp(x->process_id, y->process_id) != 0 || strcmp(x->file, y->file) != 0 || strcmp(x->command, y->command) != 0 || strcmp(x->prefix, y->prefix) != 0 ||
            x->statements != y->statements || x->done_statement != y->done_statement || x->started_statement != y->started_statement)
            return false;
    }
    return true;
}

const struct history_entry *history_latest(const struct history *h)
{
    for (size_t i = h->count; i-- > 0;)
        if (h->rows[i].type == MIGRATION_VERSIONED)
            return &h->rows[i];
    return NULL;
}

/* Starts like "2025-01-02": what both databases write and order by. */
static bool is_time(const char *text)
{
    static const char shape[] = "dddd-dd-dd";
    for (size_t i = 0; shape[i] != '\0'; i++)
        if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
            return false;
    return true;
}

bool history_check_times(const struct history *h, struct error *err)
{
    for (size_t i = 0; i < h->count; i++) {
        const struct history_entry *row = &h->rows[i];
        if (row->type != MIGRATION_VERSIONED || is_time(row->applied_at))
            continue;
        char version[128];
        text_visible(version, sizeof version, row->version);
        error_set(err, ERR_HISTORY, "Row %lld of jetbase_migrations, version %s, has no time in applied_at, so which version was applied last is not known.", (long long)row->order, version);
        return error_hint(err, "The row was not written by Jetbase: put its applied_at right.");
    }
    return true;
}
