/* folder.c: reads the migrations folder with its sub-folders, in the order of running. */
#include "migration.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "facts.h"
#include "file.h"
#include "file_state.h"
#include "text.h"
#include "version.h"

#define DEPTH_LIMIT 200

/* A migration with the strings that it owns. */
struct entry {
    struct migration migration;
    char *path, *version, *description;
};

/* A folder and its state before it was listed. */
struct listed {
    char *path;
    struct file_state at;
};

struct folder {
    struct entry *entries; /* in the order of running: versioned ones first, no two of an equal version */
    size_t count, capacity;
    size_t versioned;      /* how many of them */
    char **passed;
    size_t passed_count, passed_capacity;
    size_t root_len; /* of DIR/migrations/ in every path */
    atomic_llong room; /* bytes of its files that may still be kept in memory */
    struct listed *listed;
    size_t listed_count, listed_capacity;
};

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "Memory ran out reading the migrations folder.");
}

/* Makes room for one more element. */
static bool grow(void **array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    size_t more = *capacity == 0 ? 16 : *capacity * 2;
    void *bigger = realloc(*array, more * size);
    if (bigger == NULL)
        return false;
    *array = bigger;
    *capacity = more;
    return true;
}

/* Makes room for as many more at once, which would else be copied again and again. */
static bool reserve(struct folder *folder, size_t more)
{
    size_t capacity = folder->count + more;
    if (capacity <= folder->capacity)
        return true;
    struct entry *bigger = realloc(folder->entries, capacity * sizeof *bigger);
    if (bigger == NULL)
        return false;
    folder->entries = bigger;
    folder->capacity = capacity;
    return true;
}

static void entry_free(struct entry *e)
{
    facts_free(e->migration.facts);
    free(e->path);
    free(e->version);
    free(e->description);
}

void folder_stop_at(struct folder *folder, const atomic_int *stop)
{
    for (size_t i = 0; i < folder->count; i++)
        folder->entries[i].migration.stop = stop;
}

void folder_keep_texts(struct folder *folder, size_t most)
{
    size_t there = 0;
    for (size_t i = 0; i < folder->count; i++) {
        folder->entries[i].migration.room = &folder->room;
        there += facts_charge(&folder->entries[i].migration);
    }
    atomic_store(&folder->room, (long long)most - (long long)there);
}

void folder_free(struct folder *folder)
{
    if (folder == NULL)
        return;
    for (size_t i = 0; i < folder->count; i++)
        entry_free(&folder->entries[i]);
    for (size_t i = 0; i < folder->passed_count; i++)
        free(folder->passed[i]);
    for (size_t i = 0; i < folder->listed_count; i++)
        free(folder->listed[i].path);
    free(folder->listed);
    free(folder->entries);
    free(folder->passed);
    free(folder);
}

size_t folder_count(const struct folder *folder)
{
    return folder->count;
}

struct migration *folder_at(struct folder *folder, size_t i)
{
    return &folder->entries[i].migration;
}

struct migration *folder_find_equal(struct folder *folder, const char *version)
{
    size_t low = 0, high = folder->versioned;
    if (!version_valid(version))
        return NULL;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = version_compare(folder->entries[middle].migration.version, version);
        if (order == 0)
            return &folder->entries[middle].migration;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

struct migration *folder_find_version(struct folder *folder, const char *version)
{
    struct migration *m = folder_find_equal(folder, version);
    return m != NULL && strcmp(m->version, version) == 0 ? m : NULL;
}

struct migration *folder_find_file(struct folder *folder, const char *file, enum migration_type type)
{
    for (size_t i = type == MIGRATION_VERSIONED ? 0 : folder->versioned; i < folder->count; i++) {
        struct migration *m = &folder->entries[i].migration;
        if (m->type == type && strcmp(m->file, file) == 0)
            return m;
    }
    return NULL;
}

size_t folder_passed_count(const struct folder *folder)
{
    return folder->passed_count;
}

const char *folder_passed(const struct folder *folder, size_t i)
{
    return folder->passed[i];
}

static bool pass_over(struct folder *folder, const char *path, struct error *err)
{
    if (!grow((void **)&folder->passed, folder->passed_count, &folder->passed_capacity, sizeof *folder->passed))
        return no_memory(err);
    char *name = text_dup(path + folder->root_len);
    if (name == NULL)
        return no_memory(err);
    folder->passed[folder->passed_count++] = name;
    return true;
}

/* Takes over what *e owns, also where it fails. */
static bool add_entry(struct folder *folder, struct entry *e, const char *path, struct error *err)
{
    e->path = text_dup(path);
    if (e->path == NULL || !grow((void **)&folder->entries, folder->count, &folder->capacity, sizeof *folder->entries)) {
        entry_free(e);
        return no_memory(err);
    }
    e->migration.path = e->path;
    e->migration.file = strrchr(e->path, '/') + 1;
    e->migration.version = e->version;
    e->migration.description = e->description;
    folder->entries[folder->count++] = *e;
    return true;
}

/* Anything but a folder that is walked. regular: it is known to be a file, so it need not be asked; whoever opens it asks again. */
static bool add_file(struct folder *folder, const char *path, const char *name, bool regular, struct error *err)
{
    struct entry e = {0};
    bool is_migration = false;
    if (!migration_name_parse(name, &e.migration.type, &e.version, &e.description, &is_migration, err))
        return !is_migration && pass_over(folder, path, err);
    if (!regular && !file_regular(path, path + folder->root_len, err)) {
        entry_free(&e);
        return false;
    }
    e.migration.listed = regular;
    return add_entry(folder, &e, path, err);
}

/* A folder that bears the name of a migration is a mistake of somebody's, never something to walk silently. */
static bool check_folder_name(const char *path, const char *shown, const char *name, struct error *err)
{
    enum migration_type type;
    char *version, *description;
    bool is_migration = false;
    if (!migration_name_parse(name, &type, &version, &description, &is_migration, NULL))
        return true;
    free(version);
    free(description);
    return file_regular(path, shown, err);
}

struct name {
    char *text;
    bool file; /* the listing itself says that it is a file, no link and no folder */
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

struct names {
    struct name *at;
    size_t count, capacity;
};

static void names_free(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->at[i].text);
    free(names->at);
}

static bool refuse_folder(const char *path, struct error *err)
{
    char shown[512];
    int why = errno;
    text_visible(shown, sizeof shown, path);
    return error_set(err, ERR_FILE, "The folder %s can't be read: %s.", shown, strerror(why));
}

/* Lists a folder, sorted, so that which fault is told first does not depend on the file system. */
static bool list_names(const char *path, struct names *names, struct error *err)
{
    DIR *dir = opendir(path);
    if (dir == NULL)
        return refuse_folder(path, err);
    bool ok = true;
    struct dirent *entry;
    while (ok && (errno = 0, entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *copy = grow((void **)&names->at, names->count, &names->capacity, sizeof *names->at) ? text_dup(entry->d_name) : NULL;
        ok = copy != NULL || no_memory(err);
        if (ok)
            names->at[names->count++] = (struct name){ copy, entry->d_type == DT_REG };
    }
    if (ok && errno != 0)
        ok = refuse_folder(path, err);
    closedir(dir);
    if (ok && names->count > 0)
        qsort(names->at, names->count, sizeof *names->at, by_name);
    return ok;
}

static bool walk(struct folder *folder, struct text *path, int depth, struct error *err);

static bool walk_one(struct folder *folder, struct text *path, const struct name *listed, int depth, struct error *err)
{
    const char *at = text_string(path), *name = listed->text;
    struct stat st, target;
    if (listed->file)
        return add_file(folder, at, name, true, err);
    if (lstat(at, &st) != 0)
        return errno == ENOENT || refuse_folder(at, err); /* gone since it was listed */
    bool link = S_ISLNK(st.st_mode);
    if (S_ISDIR(st.st_mode) || (link && stat(at, &target) == 0 && S_ISDIR(target.st_mode))) {
        if (!check_folder_name(at, at + folder->root_len, name, err))
            return false;
        /* Jetbase does not follow links to folders, which also ends every circle. */
        return link ? pass_over(folder, at, err) : walk(folder, path, depth + 1, err);
    }
    return add_file(folder, at, name, false, err);
}

/* Keeps the state of a folder that is about to be listed; one that can't be had is never still the same. */
static bool note_listed(struct folder *folder, const char *path, struct error *err)
{
    struct listed l;
    file_state_now(path, &l.at);
    l.path = grow((void **)&folder->listed, folder->listed_count, &folder->listed_capacity, sizeof *folder->listed) ? text_dup(path) : NULL;
    if (l.path == NULL)
        return no_memory(err);
    folder->listed[folder->listed_count++] = l;
    return true;
}

bool folder_still(const struct folder *folder)
{
    struct file_state now;
    for (size_t i = 0; i < folder->listed_count; i++)
        if (!file_state_now(folder->listed[i].path, &now) || !file_state_still(&folder->listed[i].at, &now))
            return false;
    return true;
}

bool folder_renew(const char *project_dir, struct folder *before, struct folder **now, struct error *err)
{
    *now = NULL;
    if (before != NULL && folder_still(before))
        return true;
    if (!folder_read(project_dir, now, err))
        return false;
    facts_carry(*now, before);
    return true;
}

static bool walk(struct folder *folder, struct text *path, int depth, struct error *err)
{
    if (depth > DEPTH_LIMIT)
        return error_set(err, ERR_FILE, "The migrations folder has more than %d levels of sub-folders.", DEPTH_LIMIT);
    struct names names = {0};
    bool ok = note_listed(folder, text_string(path), err) && list_names(text_string(path), &names, err);
    size_t len = path->len;
    ok = ok && (names.count == 0 || reserve(folder, names.count) || no_memory(err));
    for (size_t i = 0; ok && i < names.count; i++) {
        text_printf(path, "/%s", names.at[i].text);
        ok = path->failed ? no_memory(err) : walk_one(folder, path, &names.at[i], depth, err);
        path->len = len;
        path->at[len] = '\0';
    }
    names_free(&names);
    return ok;
}

int migration_compare(const struct migration *left, const struct migration *right)
{
    if (left->type != right->type)
        return left->type < right->type ? -1 : 1;
    int order = left->type == MIGRATION_VERSIONED ? version_compare(left->version, right->version) : 0;
    return order != 0 ? order : strcmp(left->path, right->path);
}

static int by_running(const void *a, const void *b)
{
    return migration_compare(&((const struct entry *)a)->migration, &((const struct entry *)b)->migration);
}

static bool refuse_duplicates(const struct folder *folder, struct error *err)
{
    for (size_t i = 1; i < folder->count; i++) {
        const struct migration *a = &folder->entries[i - 1].migration, *b = &folder->entries[i].migration;
        if (a->type != MIGRATION_VERSIONED || b->type != MIGRATION_VERSIONED || version_compare(a->version, b->version) != 0)
            continue;
        char left[512], right[512];
        text_visible(left, sizeof left, a->path + folder->root_len);
        text_visible(right, sizeof right, b->path + folder->root_len);
        error_set(err, ERR_REFUSED, "Duplicate migration version detected: %s.\nEach file must have a unique version.\nPlease rename the file to have a unique version.", b->version);
        if (strcmp(a->version, b->version) == 0)
            return error_detail(err, "%s and %s both have version %s.", left, right, b->version);
        return error_detail(err, "%s and %s: %s and %s are the same version, spelt differently.", left, right, a->version, b->version);
    }
    return true;
}

static bool read_into(struct folder *folder, const char *project_dir, struct error *err)
{
    struct text path = {0};
    text_printf(&path, "%s/migrations", project_dir);
    if (path.failed) {
        text_free(&path);
        return no_memory(err);
    }
    folder->root_len = path.len + 1;
    bool ok = walk(folder, &path, 0, err);
    text_free(&path);
    if (ok && folder->count > 0)
        qsort(folder->entries, folder->count, sizeof *folder->entries, by_running);
    while (ok && folder->versioned < folder->count && folder->entries[folder->versioned].migration.type == MIGRATION_VERSIONED)
        folder->versioned++;
    return ok && refuse_duplicates(folder, err);
}

bool folder_read(const char *project_dir, struct folder **out, struct error *err)
{
    *out = NULL;
    struct folder *folder = calloc(1, sizeof *folder);
    if (folder == NULL)
        return no_memory(err);
    if (!read_into(folder, project_dir, err)) {
        folder_free(folder);
        return false;
    }
    *out = folder;
    return true;
}
