/* confirmed.c: reads a plan that was shown, and tells how the present one differs. */
#include "confirmed.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_LEAST = 12, DIGITS_WHOLE = CHECKSUM_SIZE - 1, NAMED = 20 };

void confirmed_free(struct confirmed *confirmed)
{
    for (size_t i = 0; i < confirmed->count; i++) {
        free(confirmed->files[i].file);
        free(confirmed->files[i].sha256);
    }
    free(confirmed->files);
    *confirmed = (struct confirmed){ 0 };
}

static bool take_digest(const char *value, struct confirmed *out)
{
    size_t len = strlen(value);
    if (len > DIGITS_WHOLE)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!isxdigit((unsigned char)value[i]))
            return false;
        out->digest[i] = (char)tolower((unsigned char)value[i]);
    }
    out->digest[len] = '\0';
    return true;
}

static bool take_files(json_t *plan, struct confirmed *out)
{
    size_t count = json_array_size(plan);
    out->files = calloc(count + 1, sizeof *out->files);
    out->listed = out->files != NULL;
    for (size_t i = 0; out->files && i < count; i++) {
        const char *file = json_string_value(json_object_get(json_array_get(plan, i), "file"));
        const char *sha256 = json_string_value(json_object_get(json_array_get(plan, i), "sha256"));
        struct confirmed_file *one = &out->files[out->count++];
        one->file = text_dup(file ? file : "");
        one->sha256 = sha256 ? text_dup(sha256) : NULL;
        if (!one->file || (sha256 && !one->sha256))
            return false;
    }
    return out->files != NULL;
}

static bool take_document(const char *path, struct confirmed *out, struct error *err)
{
    json_error_t why;
    char shown[256];
    json_t *root = json_load_file(path, 0, &why);
    const char *digest = json_string_value(json_object_get(root, "digest"));
    json_t *plan = json_object_get(root, "plan");
    bool ok = digest && json_is_array(plan) && strlen(digest) == DIGITS_WHOLE && take_digest(digest, out), memory = !ok || take_files(plan, out);
    json_decref(root);
    if (!memory)
        return error_set(err, ERR_NO_MEMORY, "Memory ran out reading a plan.");
    if (ok)
        return true;
    text_visible(shown, sizeof shown, path);
    error_set(err, ERR_USAGE, "Invalid value for '--plan': '%s' is neither a digest nor a file that holds a plan", shown);
    return error_hint(err, "Give 12 or more hex digits of the digest that --dry-run shows in its last line, or the file that `--dry-run --json` was written to.");
}

bool confirmed_read(const char *value, struct confirmed *out, struct error *err)
{
    *out = (struct confirmed){ 0 };
    if (!take_digest(value, out))
        return take_document(value, out, err);
    if (strlen(out->digest) >= DIGITS_LEAST)
        return true;
    error_set(err, ERR_USAGE, "Invalid value for '--plan': a digest takes %d hex digits at least", DIGITS_LEAST);
    return error_hint(err, "--dry-run shows it in its last line.");
}

bool confirmed_is(const char *digest, const struct plan *plan)
{
    size_t len = strlen(digest);
    return len >= DIGITS_LEAST && strncmp(digest, plan->digest, len) == 0;
}

/* What of the words was said: at most NAMED files each. */
struct listing {
    struct text *to;
    size_t named, more;
};

static void name(struct listing *l, const char *title, const char *file)
{
    char shown[512];
    if (l->named >= NAMED) {
        l->more++;
        return;
    }
    text_visible(shown, sizeof shown, file);
    text_printf(l->to, "%s%s", l->named++ ? ", " : title, shown);
}

static void end_names(struct listing *l, const char *end)
{
    if (l->more)
        text_printf(l->to, " and %zu more", l->more);
    if (l->named)
        text_printf(l->to, "%s", end);
}

static const struct confirmed_file *shown_file(const struct confirmed *c, const char *file)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->files[i].file, file) == 0)
            return &c->files[i];
    return NULL;
}

static bool runs_now(const struct plan *now, const char *file)
{
    for (size_t i = 0; i < now->count; i++)
        if (strcmp(now->items[i].migration->file, file) == 0)
            return true;
    return false;
}

static void tell_files(const struct confirmed *c, const struct plan *now, struct text *to)
{
    struct listing more = { .to = to }, fewer = { .to = to }, changed = { .to = to };
    for (size_t i = 0; i < now->count; i++)
        if (!shown_file(c, now->items[i].migration->file))
            name(&more, "Not in the plan that was shown, but would run now: ", now->items[i].migration->file);
    end_names(&more, ". ");
    for (size_t i = 0; i < c->count; i++)
        if (!runs_now(now, c->files[i].file))
            name(&fewer, "Shown, but would not run now: ", c->files[i].file);
    end_names(&fewer, ". ");
    for (size_t i = 0; i < now->count; i++) {
        const struct confirmed_file *was = shown_file(c, now->items[i].migration->file);
        if (was && was->sha256 && strcmp(was->sha256, now->items[i].migration->raw) != 0)
            name(&changed, "Changed since it was shown: ", was->file);
    }
    end_names(&changed, ". ");
    if (!more.named && !fewer.named && !changed.named)
        text_printf(to, "The files are those that were shown, but not in that order or direction. ");
}

void confirmed_words(const struct confirmed *confirmed, const struct plan *now, struct text *to)
{
    struct listing l = { .to = to };
    if (confirmed->listed)
        tell_files(confirmed, now, to);
    for (size_t i = 0; !confirmed->listed && i < now->count; i++)
        name(&l, "Now it would be: ", now->items[i].migration->file);
    end_names(&l, ". ");
    if (now->count == 0)
        text_printf(to, "Nothing would run now.");
    else
        text_printf(to, "The digest is %.12s\xE2\x80\xA6 now, and was %.12s\xE2\x80\xA6.", now->digest, confirmed->digest);
}
