/* planning.c: a folder of migrations and a history made by hand, for tests of plans. */
#include "planning.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct planning planning;

int planning_setup(void **state)
{
    (void)state;
    char path[2 * FILES_PATH];
    files_folder(planning.dir);
    snprintf(path, sizeof path, "%s/migrations", planning.dir);
    planning.history = (struct history){.rows = planning.rows, .table = true};
    return mkdir(path, 0755);
}

int planning_teardown(void **state)
{
    (void)state;
    plan_free(planning.plan);
    planning.plan = NULL;
    folder_free(planning.folder);
    planning.folder = NULL;
    for (size_t i = 0; i < planning.history.count; i++)
        free(planning.rows[i].checksum);
    files_remove(planning.dir);
    return 0;
}

void planning_write(const char *name, const char *text)
{
    char path[FILES_PATH];
    snprintf(path, sizeof path, "migrations/%s", name);
    files_write(planning.dir, path, text);
}

void planning_add(const char *name)
{
    char text[2 * FILES_PATH];
    snprintf(text, sizeof text, "SELECT '%s';\n-- rollback\nSELECT 'back %s';\n", name, name);
    planning_write(name, text);
}

void planning_remove(const char *name)
{
    char path[2 * FILES_PATH];
    snprintf(path, sizeof path, "%s/migrations/%s", planning.dir, name);
    assert_int_equal(unlink(path), 0);
}

void planning_read(void)
{
    folder_free(planning.folder);
    planning.folder = NULL;
    planning.err = (struct error){0};
    if (!folder_read(planning.dir, &planning.folder, &planning.err))
        fail_msg("%s", planning.err.message);
}

void planning_applied_as(const char *file, const char *version)
{
    planning_read();
    for (size_t i = 0; i < folder_count(planning.folder); i++) {
        struct migration *m = folder_at(planning.folder, i);
        if (strcmp(m->file, file) != 0)
            continue;
        assert_true(migration_hash(m, &planning.err));
        struct history_entry *row = &planning.rows[planning.history.count++];
        *row = (struct history_entry){.order = (int64_t)planning.history.count, .type = m->type, .checksum = strdup(m->checksum), .description = "", .applied_at = "2025-01-01 00:00:00.000"};
        /* The texts of a row are the history's own; here they are the test's. */
        row->file = (char *)(uintptr_t)file;
        row->version = version != NULL ? (char *)(uintptr_t)version : NULL;
        return;
    }
    fail_msg("no file %s", file);
}

void planning_applied(const char *version, const char *file)
{
    planning_add(file);
    planning_applied_as(file, version);
}

bool planning_make(const struct plan_wish *wish)
{
    plan_free(planning.plan);
    planning.plan = NULL;
    planning.err = (struct error){0};
    planning_read();
    bool ok = plan_make(planning.folder, &planning.history, wish, SCAN_SQLITE, true, &planning.plan, &planning.err);
    assert_true(ok == (planning.plan != NULL));
    return ok;
}

void planning_check(const struct plan_wish *wish, const char *want)
{
    char got[4096] = "";
    if (!planning_make(wish))
        fail_msg("%s %s", planning.err.message, planning.err.detail);
    for (size_t i = 0; i < planning.plan->count; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", i > 0 ? " " : "", planning.plan->items[i].migration->file);
    assert_string_equal(got, want);
    assert_int_equal(planning.plan->direction, wish->direction);
    for (size_t i = 0; i < planning.plan->count; i++) {
        assert_int_equal(strlen(planning.plan->items[i].migration->raw), 64);
        assert_int_equal(strlen(planning.plan->items[i].migration->checksum), 64);
    }
    assert_int_equal(strlen(planning.plan->digest), 64);
}

void planning_check_refused(const struct plan_wish *wish, enum error_code code, const char *message)
{
    if (planning_make(wish))
        fail_msg("accepted, but wanted: %s", message);
    assert_int_equal(planning.err.code, code);
    assert_string_equal(planning.err.message, message);
}
