/* schema.c: keeps the objects of a schema in order, and compares two of them. */
#include "schema.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

/* All four strings stand in one piece of memory, which `kind` begins. */
struct object {
    char *kind, *what, *part_of, *definition;
};

struct schema {
    struct object *objects;
    size_t count, cap;
    bool sorted;
};

struct schema *schema_make(void)
{
    return calloc(1, sizeof(struct schema));
}

void schema_free(struct schema *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        free(s->objects[i].kind);
    free(s->objects);
    free(s);
}

static char *put(char **at, const char *text)
{
    char *begin = *at;
    size_t size = strlen(text) + 1;
    memcpy(begin, text, size);
    *at += size;
    return begin;
}

bool schema_add(void *user, const struct db_schema_object *o)
{
    struct schema *s = user;
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 256;
        struct object *more = realloc(s->objects, cap * sizeof *more);
        if (!more)
            return false;
        s->objects = more;
        s->cap = cap;
    }
    char *at = malloc(strlen(o->kind) + strlen(o->what) + strlen(o->part_of) + strlen(o->definition) + 4);
    if (!at)
        return false;
    struct object *own = &s->objects[s->count++];
    own->kind = put(&at, o->kind);
    own->what = put(&at, o->what);
    own->part_of = put(&at, o->part_of);
    own->definition = put(&at, o->definition);
    s->sorted = false;
    return true;
}

static int same_object(const struct object *a, const struct object *b)
{
    int order = strcmp(a->what, b->what);
    return order != 0 ? order : strcmp(a->kind, b->kind);
}

static int in_order(const void *a, const void *b)
{
    const struct object *left = a, *right = b;
    int order = same_object(left, right);
    return order != 0 ? order : strcmp(left->definition, right->definition);
}

static void sort(struct schema *s)
{
    if (!s->sorted && s->count > 1)
        qsort(s->objects, s->count, sizeof *s->objects, in_order);
    s->sorted = true;
}

/* Is there an object of that `what`, of any kind? */
static bool has(const struct schema *s, const char *what)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(s->objects[middle].what, what);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static int by_letter(const void *a, const void *b)
{
    return *(const char *)a - *(const char *)b;
}

/* The same names in another order? No rollback can put a column back into its place. */
static bool only_order(const char *a, const char *b)
{
    size_t len = strlen(a);
    char *left = text_dup(a), *right = text_dup(b);
    bool same = left && right && len == strlen(b);
    if (same) {
        qsort(left, len, 1, by_letter);
        qsort(right, len, 1, by_letter);
        same = strcmp(left, right) == 0;
    }
    free(left);
    free(right);
    return same;
}

static bool add(struct rehearsal_migration *m, const struct object *before, const struct object *after)
{
    struct rehearsal_difference *more = realloc(m->differences, (m->difference_count + 1) * sizeof *more), *d;
    const struct object *any = before ? before : after;
    if (!more)
        return false;
    m->differences = more;
    d = &m->differences[m->difference_count++];
    *d = (struct rehearsal_difference){ .how = !before ? DIFFERENCE_REMAINS : !after ? DIFFERENCE_MISSING : DIFFERENCE_CHANGED, .kind = text_dup(any->kind), .what = text_dup(any->what),
                                        .before = text_dup(before ? before->definition : NULL), .after = text_dup(after ? after->definition : NULL) };
    d->slight = before && after && strcmp(any->kind, "column order") == 0;
    return d->kind && d->what && (!before || d->before) && (!after || d->after);
}

/* Does this difference say what none of another object says? Parts of what is itself left over or missing, and the order of columns that are not the same ones, do not. */
static bool tells(const struct schema *before, const struct schema *after, const struct object *b, const struct object *a)
{
    const struct object *any = b ? b : a;
    if (b && a)
        return strcmp(any->kind, "column order") != 0 || only_order(b->definition, a->definition);
    if (strcmp(any->kind, "column order") == 0)
        return false;
    return !any->part_of[0] || (has(before, any->part_of) && has(after, any->part_of)) || (!has(before, any->part_of) && !has(after, any->part_of));
}

/* Is there another difference in what the i-th, the text of a table (SQLite), is the text of? */
static bool told_otherwise(const struct rehearsal_migration *m, size_t i)
{
    const char *name = strrchr(m->differences[i].what, ' ');
    for (size_t k = 0; name && k < m->difference_count; k++)
        if (strcmp(m->differences[k].kind, "text") != 0 && strstr(m->differences[k].what, name + 1))
            return true;
    return false;
}

static void drop_texts(struct rehearsal_migration *m)
{
    for (size_t i = m->difference_count; i-- > 0;) {
        struct rehearsal_difference *d = &m->differences[i];
        if (strcmp(d->kind, "text") != 0 || !told_otherwise(m, i))
            continue;
        free(d->kind);
        free(d->what);
        free(d->before);
        free(d->after);
        memmove(d, d + 1, (--m->difference_count - i) * sizeof *d);
    }
}

bool schema_compare(struct schema *before, struct schema *after, struct rehearsal_migration *m)
{
    size_t i = 0, k = 0;
    bool ok = true;
    sort(before);
    sort(after);
    while (ok && (i < before->count || k < after->count)) {
        const struct object *b = i < before->count ? &before->objects[i] : NULL, *a = k < after->count ? &after->objects[k] : NULL;
        int order = !b ? 1 : !a ? -1 : same_object(b, a);
        if (order < 0)
            a = NULL;
        else if (order > 0)
            b = NULL;
        i += b != NULL;
        k += a != NULL;
        if ((!a || !b || strcmp(a->definition, b->definition) != 0) && tells(before, after, b, a))
            ok = add(m, b, a);
    }
    if (ok)
        drop_texts(m);
    return ok;
}
