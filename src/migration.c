/* migration.c: the name of a migration file, what it is called, and its hashes. */
#include "migration.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "lines.h"
#include "text.h"
#include "utf8.h"
#include "version.h"

#define NAME_LIMIT 512

const char *migration_type_name(enum migration_type type)
{
    switch (type) {
    case MIGRATION_VERSIONED:
        return "VERSIONED";
    case MIGRATION_RUNS_ALWAYS:
        return "RUNS_ALWAYS";
    case MIGRATION_RUNS_ON_CHANGE:
        return "RUNS_ON_CHANGE";
    }
    return "";
}

void migration_label(const struct migration *m, char *to, size_t size)
{
    if (size == 0)
        return;
    to[0] = '\0';
    if (m->type == MIGRATION_RUNS_ALWAYS)
        text_copy(to, size, "RA");
    else if (m->type == MIGRATION_RUNS_ON_CHANGE)
        text_copy(to, size, "ROC");
    else if (size > 1 && m->version != NULL) {
        to[0] = 'V';
        text_copy(to + 1, size - 1, m->version);
    }
}

/* Jetbase's sentences. It has two, the second for names that do not end in .sql. */
static bool refuse_name(const char *name, bool ends_in_sql, struct error *err)
{
    char shown[1024];
    text_visible(shown, sizeof shown, name);
    return error_set(err, ERR_REFUSED,
                     "Invalid migration filename format: %s.\n"
                     "Filenames must start with 'V', followed by the version number, two underscores '__', a description, and end with '.sql'.\n"
                     "V<version_number>__<my_description>.sql. Examples: 'V1_2_0__add_new_table.sql' or 'V1.2.0__add_new_table.sql'%s",
                     shown,
                     ends_in_sql ? ""
                                 : "\n\nFor repeatable migrations, filenames must start with 'RC' or 'RA', followed by two underscores '__', a description, and end with '.sql'.\n"
                                   "RC__<my_description>.sql or RA__<my_description>.sql.");
}

static bool refuse_long(const char *name, size_t len, struct error *err)
{
    char shown[1024];
    text_visible(shown, sizeof shown, name);
    return error_set(err, ERR_REFUSED, "Migration filename too long: %s.\nFilename is currently %zu characters.\nFilenames must not exceed %d characters.", shown, text_chars(name, len), NAME_LIMIT);
}

static bool refuse_version(const char *version, struct error *err)
{
    char shown[512];
    text_visible(shown, sizeof shown, version);
    error_set(err, ERR_REFUSED, "Invalid version: '%s'", shown);
    return error_hint(err, "A version is digits 0 to 9 in groups separated by single '.' or '_'.");
}

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "Memory ran out reading the migrations folder.");
}

static char *replaced(const char *text, size_t len, char from, char to)
{
    char *copy = malloc(len + 1);
    if (copy == NULL)
        return NULL;
    for (size_t i = 0; i < len; i++)
        copy[i] = text[i] == from ? to : text[i];
    copy[len] = '\0';
    return copy;
}

static bool ascii(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

/* The version between `V` and the first `__`, for a name whose other parts are good. */
static bool parse_version(const char *name, const char *bars, char **version, struct error *err)
{
    *version = replaced(name + 1, (size_t)(bars - name) - 1, '_', '.');
    if (*version == NULL)
        return no_memory(err);
    /* Jetbase's pattern looks at the text before `_` becomes `.`, which gives the same answer. */
    if (version_valid(*version))
        return true;
    if (ascii(*version))
        refuse_name(name, true, err);
    else
        refuse_version(*version, err);
    free(*version);
    *version = NULL;
    return false;
}

/* The checks that come before the version. */
static bool parse_rest(const char *name, const char **bars, const char **text, size_t *text_len, enum migration_type *type, bool *is_migration, struct error *err)
{
    size_t len = strlen(name);
    bool ends = len >= 4 && memcmp(name + len - 4, ".sql", 4) == 0;
    const char *sql = strstr(name, ".sql");
    *bars = strstr(name, "__");

    /* Jetbase dies on names without `__` or `.sql` ("substring not found"): those are no migrations. */
    *is_migration = ends || (sql != NULL && *bars != NULL);
    if (!*is_migration)
        return false;
    if (!utf8_valid(name, len)) {
        refuse_name(name, ends, err);
        return error_hint(err, "The name is not valid UTF-8, and the database could not store it: rename the file.");
    }
    if (!ends || *bars == NULL)
        return refuse_name(name, ends, err);
    *text = *bars + 2;
    *text_len = sql > *text ? (size_t)(sql - *text) : 0;
    line_strip(text, text_len);
    *type = strncmp(name, "ROC__", 5) == 0  ? MIGRATION_RUNS_ON_CHANGE
            : strncmp(name, "RA__", 4) == 0 ? MIGRATION_RUNS_ALWAYS
                                            : MIGRATION_VERSIONED;
    if (*text_len == 0 || (*type == MIGRATION_VERSIONED && name[0] != 'V'))
        return refuse_name(name, true, err);
    return text_chars(name, len) <= NAME_LIMIT || refuse_long(name, len, err);
}

bool migration_name_parse(const char *name, enum migration_type *type, char **version, char **description, bool *is_migration, struct error *err)
{
    const char *bars, *text;
    size_t len;
    *version = *description = NULL;
    if (!parse_rest(name, &bars, &text, &len, type, is_migration, err))
        return false;
    if (*type == MIGRATION_VERSIONED && !parse_version(name, bars, version, err))
        return false;
    *description = replaced(text, len, '_', ' ');
    if (*description == NULL) {
        free(*version);
        *version = NULL;
        return no_memory(err);
    }
    return true;
}

/* A block of the file, unless somebody wants to stop. */
static ssize_t read_block(const struct migration *m, int fd, char *block, size_t size, struct error *err)
{
    if (m->stop == NULL || atomic_load(m->stop) == 0)
        return file_read(fd, m->file, block, size, err);
    error_set(err, ERR_CANCELLED, "stopped while %s was read", m->file);
    return -1;
}

/* Feeds all of an open file; the sum is closed, whatever happens. */
static bool hash_descriptor(struct migration *m, int fd, off_t size, struct error *err)
{
    struct checksum *sum = checksum_open();
    if (sum == NULL)
        return no_memory(err);
    char block[16384], hex[CHECKSUM_SIZE], raw[CHECKSUM_SIZE];
    struct error first;
    error_clear(&first);
    ssize_t n;
    off_t total = 0;
    bool ok = true;
    /* Whoever has read as many bytes as the file had when it was opened is at its end. */
    while (ok && (total == 0 || total != size) && (n = read_block(m, fd, block, sizeof block, &first)) != 0) {
        ok = n > 0 && checksum_feed(sum, block, (size_t)n, &first);
        total += n;
    }
    struct error last;
    error_clear(&last);
    bool closed = checksum_close(sum, hex, raw, &last);
    if (!ok || !closed) {
        const struct error *cause = ok ? &last : &first;
        if (err != NULL) {
            *err = *cause;
            if (err->place.line > 0)
                text_copy(err->place.file, sizeof err->place.file, m->file);
        }
        return false;
    }
    memcpy(m->checksum, hex, sizeof hex);
    memcpy(m->raw, raw, sizeof raw);
    return true;
}

bool migration_hash(struct migration *m, struct error *err)
{
    m->checksum[0] = m->raw[0] = '\0';
    struct stat st;
    return file_regular(m->path, m->file, err) && migration_hash_regular(m, MIGRATION_ANY_SIZE, &st, err);
}

bool migration_hash_regular(struct migration *m, off_t most, struct stat *st, struct error *err)
{
    m->checksum[0] = m->raw[0] = '\0';
    int fd = file_open_regular(m->path, m->file, st, err);
    if (fd < 0)
        return false;
    bool ok = st->st_size <= most && hash_descriptor(m, fd, st->st_size, err);
    close(fd);
    return ok;
}
