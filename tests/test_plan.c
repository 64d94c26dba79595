/* test_plan.c: what would run, in which order, what is refused, and the digest; with Jetbase's own cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/planning.h"

static const struct plan_wish up = {.direction = PLAN_UPGRADE}, down = {.direction = PLAN_ROLLBACK};

static void test_fresh(void **state)
{
    (void)state;
    planning_check(&up, "");
    planning_add("V10__j.sql");
    planning_add("V2__b.sql");
    planning_add("RA__seed.sql");
    planning_add("ROC__v.sql");
    planning_check(&up, "V2__b.sql V10__j.sql RA__seed.sql ROC__v.sql");
    assert_int_equal(planning.plan->items[0].why, WHY_NEW);
    assert_int_equal(planning.plan->items[0].history_rows, 0);
    assert_int_equal(planning.plan->items[0].facts.statements, 1);
    assert_int_equal(planning.plan->items[2].why, WHY_ALWAYS);
    assert_int_equal(planning.plan->items[2].history_rows, 0);
    assert_int_equal(planning.plan->items[3].why, WHY_NEW);
    planning_check(&down, "");
}

static void test_repeatables(void **state)
{
    (void)state;
    planning_applied("1", "V1__a.sql");
    planning_applied(NULL, "RA__seed.sql");
    planning_applied(NULL, "ROC__same.sql");
    planning_applied(NULL, "ROC__other.sql");
    planning_applied_as("ROC__other.sql", NULL); /* Python Jetbase leaves doubles */
    planning_write("ROC__other.sql", "SELECT 'changed';\n");
    planning_write("RA__seed.sql", "SELECT 'changed';\n");
    planning_check(&up, "RA__seed.sql ROC__other.sql");
    assert_int_equal(planning.plan->items[0].why, WHY_ALWAYS);
    assert_int_equal(planning.plan->items[0].history_rows, 1);
    assert_int_equal(planning.plan->items[1].why, WHY_CHANGED);
    assert_int_equal(planning.plan->items[1].history_rows, 2);
    planning_write("ROC__other.sql", "-- a comment is no change\nSELECT 'ROC__other.sql';\n");
    planning_check(&up, "RA__seed.sql");
}

/* One name in two folders shares one row of planning.history. */
static void test_repeatables_of_one_name(void **state)
{
    (void)state;
    planning_add("a/RA__s.sql");
    planning_add("b/RA__s.sql");
    planning_check(&up, "RA__s.sql RA__s.sql");
    assert_int_equal(planning.plan->items[0].history_rows, 0);
    assert_int_equal(planning.plan->items[1].history_rows, 1);
}

static void test_count_and_version(void **state)
{
    (void)state;
    planning_applied("1", "V1__a.sql");
    planning_add("V1_5__b.sql");
    planning_add("V2__c.sql");
    planning_add("V3__d.sql");
    planning_add("RA__s.sql");
    planning_check(&(struct plan_wish){.count = 1}, "V1_5__b.sql RA__s.sql");
    planning_check(&(struct plan_wish){.count = 99}, "V1_5__b.sql V2__c.sql V3__d.sql RA__s.sql");
    planning_check(&(struct plan_wish){.to_version = "1_5"}, "V1_5__b.sql RA__s.sql");
    planning_check(&(struct plan_wish){.to_version = "2"}, "V1_5__b.sql V2__c.sql RA__s.sql");
    planning_check(&(struct plan_wish){.to_version = ""}, "V1_5__b.sql V2__c.sql V3__d.sql RA__s.sql");
    planning_check_refused(&(struct plan_wish){.to_version = "2.0"}, ERR_FAILED, "The specified to_version '2.0' does not exist among pending migrations.");
    planning_check_refused(&(struct plan_wish){.to_version = "1"}, ERR_FAILED, "The specified to_version '1' does not exist among pending migrations.");
    planning_check_refused(&(struct plan_wish){.count = -1}, ERR_USAGE, "'count' must be a positive integer.");
    planning_check_refused(&(struct plan_wish){.count = 1, .to_version = "2"}, ERR_USAGE,
                  "Cannot specify both 'count' and 'to_version' for upgrade. Select only one, or do not specify either to run all pending migrations.");
    planning_check_refused(&(struct plan_wish){.direction = PLAN_ROLLBACK, .count = 1, .to_version = "2"}, ERR_USAGE,
                  "Cannot specify both 'count' and 'to_version' for rollback. Select only one, or do not specify either to rollback the last migration.");
}

static void test_checksums(void **state)
{
    (void)state;
    planning_applied("1", "V1__a.sql");
    planning_applied("2", "V2__b.sql");
    planning_applied("3", "V3__c.sql");
    planning_add("V4__d.sql");
    planning_write("V1__a.sql", "SELECT 'changed';\n");
    planning_write("V3__c.sql", "SELECT 'changed';\n");
    planning_write("V2__b.sql", "-- only the rollback part is another\nSELECT 'V2__b.sql';\n-- rollback\n");
    planning_check_refused(&up, ERR_HISTORY, "Checksum mismatch for versions: 1, 3. Files have been changed since migration.");
    planning_check(&(struct plan_wish){.skip_checksums = true}, "V4__d.sql");
    planning_check(&down, "V3__c.sql"); /* as in Jetbase, no checksum is asked on the way back */
}

static void test_missing(void **state)
{
    (void)state;
    planning_applied("1", "V1__a.sql");
    planning_applied("2", "V2__b.sql");
    planning_applied("3", "V3__c.sql");
    planning_applied(NULL, "ROC__v.sql");
    planning_applied(NULL, "RA__seed.sql");
    planning_applied_as("RA__seed.sql", NULL);
    planning_add("V4__d.sql");
    planning_remove("V2__b.sql");
    planning_remove("V3__c.sql");
    planning_check_refused(&up, ERR_HISTORY, "Version 2 has been migrated but is missing from the current migration files.");
    assert_string_equal(planning.err.detail, "All that are missing: 2, 3.");
    /* Jetbase silently skips V4 here. */
    planning_check(&(struct plan_wish){.skip_files = true}, "V4__d.sql RA__seed.sql");
    planning_add("V2__b.sql");
    planning_add("V3__c.sql");
    planning_remove("ROC__v.sql");
    planning_remove("RA__seed.sql");
    planning_check_refused(&up, ERR_HISTORY, "The following migrated repeatable files are missing: ROC__v.sql, RA__seed.sql");
    planning_check(&(struct plan_wish){.skip_files = true}, "V4__d.sql");
}

/* A file may say that it comes late; what is below the highest version stays out of order though the late one was applied last. */
static void test_out_of_order_allowed(void **state)
{
    (void)state;
    planning_applied("1", "V1__a.sql");
    planning_applied("3", "V3__c.sql");
    planning_write("V1.5__late.sql", "-- jetbase: out-of-order\nSELECT 'late';\n-- rollback\nSELECT 'back';\n");
    planning_add("V4__d.sql");
    planning_check(&up, "V1.5__late.sql V4__d.sql");
    assert_true(planning.plan->items[0].facts.out_of_order);
    assert_false(planning.plan->items[1].facts.out_of_order);
    planning_applied_as("V1.5__late.sql", "1.5");
    planning_check(&up, "V4__d.sql");
    planning_check(&down, "V1.5__late.sql");
    planning_add("V2__b.sql");
    planning_check_refused(&up, ERR_HISTORY,
                  "V2__b.sql has version 2 which is lower than the latest migrated version 3.\n"
                  "New migration files cannot have versions lower than the latest migrated version.\n"
                  "Please rename the file to have a version higher than 3.");
    assert_non_null(strstr(planning.err.hint, "out-of-order"));
    planning_check(&(struct plan_wish){.skip_files = true}, "V4__d.sql");
    assert_non_null(strstr(planning.plan->note, "below the latest applied, 3: V2__b.sql"));
    planning_write("V2__b.sql", "SELECT 1;\n-- jetbase: out-of-order\n");
    assert_false(planning_make(&up)); /* not at the head: a comment */
}

static void test_out_of_order(void **state)
{
    (void)state;
    planning_applied("1", "V1__a.sql");
    planning_applied("2", "V2__b.sql");
    planning_add("V1.5__low.sql");
    planning_add("V3__c.sql");
    planning_check_refused(&up, ERR_HISTORY,
                  "V1.5__low.sql has version 1.5 which is lower than the latest migrated version 2.\n"
                  "New migration files cannot have versions lower than the latest migrated version.\n"
                  "Please rename the file to have a version higher than 2.");
    planning_check(&(struct plan_wish){.skip_files = true}, "V3__c.sql");
}

/* Nothing is applied a second time because somebody spells its version otherwise. */
static void test_equal_versions(void **state)
{
    (void)state;
    planning_applied("1.0", "V1__a.sql");
    planning_add("V2__b.sql");
    planning_check(&up, "V2__b.sql");
    planning_write("V1__a.sql", "SELECT 'changed';\n");
    planning_check_refused(&up, ERR_HISTORY, "Checksum mismatch for versions: 1. Files have been changed since migration.");
    assert_false(planning_make(&down));
    assert_int_equal(planning.err.code, ERR_HISTORY);
    assert_non_null(strstr(planning.err.message, "Migration file for version '1.0' not found. Cannot proceed with rollback.\n"));
    assert_non_null(strstr(planning.err.hint, "V1__a.sql has the same version, spelt 1"));
}

static void test_rollback(void **state)
{
    (void)state;
    planning_applied("1", "V1__a.sql");
    planning_applied("3", "V3__c.sql");
    planning_applied(NULL, "RA__s.sql");
    planning_applied("2.5", "V2_5__b.sql");
    planning_applied_as("V2_5__b.sql", "2.5"); /* a double */
    planning_add("V2__never.sql");
    planning_check(&down, "V2_5__b.sql");
    assert_int_equal(planning.plan->items[0].history_rows, 2);
    assert_int_equal(planning.plan->items[0].facts.statements, 1);
    planning_check(&(struct plan_wish){.direction = PLAN_ROLLBACK, .count = 2}, "V2_5__b.sql V3__c.sql");
    planning_check(&(struct plan_wish){.direction = PLAN_ROLLBACK, .count = 50}, "V2_5__b.sql V3__c.sql V1__a.sql");
    planning_check(&(struct plan_wish){.direction = PLAN_ROLLBACK, .to_version = "1"}, "V2_5__b.sql V3__c.sql");
    planning_check(&(struct plan_wish){.direction = PLAN_ROLLBACK, .to_version = "3"}, "V2_5__b.sql");
    planning_check(&(struct plan_wish){.direction = PLAN_ROLLBACK, .to_version = "2_5"}, "");
    planning_check(&(struct plan_wish){.direction = PLAN_ROLLBACK, .to_version = ""}, "V2_5__b.sql");
    planning_check_refused(&(struct plan_wish){.direction = PLAN_ROLLBACK, .to_version = "2"}, ERR_FAILED, "Version '2' has not been applied yet or does not exist.");
    planning_check_refused(&(struct plan_wish){.direction = PLAN_ROLLBACK, .to_version = "77"}, ERR_FAILED, "Version '77' has not been applied yet or does not exist.");
    planning_remove("V3__c.sql");
    planning_check(&down, "V2_5__b.sql");
    planning_check_refused(&(struct plan_wish){.direction = PLAN_ROLLBACK, .count = 2}, ERR_HISTORY,
                  "Migration file for version '3' not found. Cannot proceed with rollback.\n"
                  "Please restore the missing migration file and try again, or run 'jetbase fix' to synchronize the migrations table with existing files before retrying the rollback.");
}

static void test_empty_rollback(void **state)
{
    (void)state;
    planning_write("V1__a.sql", "SELECT 1;\n");
    planning_applied_as("V1__a.sql", "1");
    planning_check(&down, "V1__a.sql");
    assert_int_equal(planning.plan->items[0].facts.statements, 0);
}

static void test_refused_file(void **state)
{
    (void)state;
    planning_add("V1__a.sql");
    planning_write("V2__b.sql", "SELECT 1;\nSELECT 'open;\n");
    assert_false(planning_make(&up));
    assert_int_equal(planning.err.code, ERR_REFUSED);
    assert_string_equal(planning.err.place.file, "V2__b.sql");
    assert_int_equal(planning.err.place.line, 2);
    planning_check(&(struct plan_wish){.count = 1}, "V1__a.sql"); /* what does not run is not asked */
    planning_write("V2__b.sql", "SELECT '\xFF';\n");
    assert_false(planning_make(&up));
    assert_int_equal(planning.err.code, ERR_REFUSED);
}

/* The digest tells any other plan from this one. */
static void test_digest(void **state)
{
    (void)state;
    char first[CHECKSUM_SIZE];
    planning_add("V1__a.sql");
    planning_add("V2__b.sql");
    planning_check(&up, "V1__a.sql V2__b.sql");
    memcpy(first, planning.plan->digest, sizeof first);
    planning_check(&up, "V1__a.sql V2__b.sql");
    assert_string_equal(planning.plan->digest, first);
    planning_check(&(struct plan_wish){.count = 1}, "V1__a.sql");
    assert_string_not_equal(planning.plan->digest, first);
    planning_write("V2__b.sql", "SELECT 'V2__b.sql';\n-- rollback\nSELECT 'back V2__b.sql'; -- a word\n");
    planning_check(&up, "V1__a.sql V2__b.sql"); /* same checksum, other bytes */
    assert_string_not_equal(planning.plan->digest, first);
    planning_add("V2__b.sql");
    planning_applied_as("V1__a.sql", "1");
    planning_applied_as("V2__b.sql", "2");
    planning_check(&(struct plan_wish){.direction = PLAN_ROLLBACK, .count = 2}, "V2__b.sql V1__a.sql");
    assert_string_not_equal(planning.plan->digest, first);
}

/* Hashes are taken anew from the files, also where the folder was looked at before. */
static void test_fresh_hashes(void **state)
{
    (void)state;
    planning_add("V1__a.sql");
    planning_check(&up, "V1__a.sql");
    char digest[CHECKSUM_SIZE];
    memcpy(digest, planning.plan->digest, sizeof digest);
    planning_write("V1__a.sql", "SELECT 'other';\n");
    plan_free(planning.plan);
    planning.plan = NULL;
    assert_true(plan_make(planning.folder, &planning.history, &up, SCAN_SQLITE, true, &planning.plan, &planning.err));
    assert_string_not_equal(planning.plan->digest, digest);
}

/* Applies what a vector had applied before, and leaves the files that it has now. */
static void prepare_vector(const json_t *vector)
{
    static char versions[8][32];
    json_t *name, *was = json_object_get(vector, "applied_before");
    size_t index;
    json_array_foreach(was, index, name)
    {
        const char *file = json_string_value(name);
        snprintf(versions[index], sizeof versions[index], "%.*s", (int)strcspn(file + 1, "_"), file + 1);
        planning_applied(versions[index], file);
    }
    json_array_foreach(was, index, name)
        planning_remove(json_string_value(name));
    json_array_foreach(json_object_get(vector, "files_now"), index, name)
    {
        const char *file = json_string_value(name), *old = json_string_value(json_array_get(was, index));
        bool renamed = old != NULL && strncmp(old, file, strcspn(file, "_") + 1) == 0;
        char text[2 * FILES_PATH];
        snprintf(text, sizeof text, "SELECT '%s';\n-- rollback\nSELECT 1;\n", renamed ? old : file);
        planning_write(file, text);
    }
}

static struct plan_wish wish_of(const json_t *vector)
{
    json_t *args = json_object_get(vector, "args");
    struct plan_wish wish = {.direction = strcmp(json_string_value(json_array_get(args, 0)), "rollback") == 0 ? PLAN_ROLLBACK : PLAN_UPGRADE};
    for (size_t i = 1; i < json_array_size(args); i++) {
        const char *word = json_string_value(json_array_get(args, i));
        if (strcmp(word, "--skip-file-validation") == 0)
            wish.skip_files = true;
        else if (strcmp(word, "--to-version") == 0)
            wish.to_version = json_string_value(json_array_get(args, ++i));
        else if (strcmp(word, "--count") == 0)
            wish.count = atoi(json_string_value(json_array_get(args, ++i)));
        else
            fail_msg("unknown argument %s", word);
    }
    return wish;
}

/* The files that Jetbase says it ran, joined with blanks. */
static void files_run(const json_t *vector, char *to, size_t size)
{
    static const char mark[] = "applied successfully: ";
    to[0] = '\0';
    for (const char *line = strstr(files_string(vector, "stderr"), mark); line != NULL; line = strstr(line + 1, mark)) {
        const char *file = line + strlen(mark);
        snprintf(to + strlen(to), size - strlen(to), "%s%.*s", to[0] != '\0' ? " " : "", (int)strcspn(file, "\n"), file);
    }
}

/* The cases of upgrade and rollback in version.json. Where Jetbase doubles or skips work, we do not. */
static void check_vector(const json_t *vector)
{
    const char *what = files_string(vector, "what");
    char want[1024];
    prepare_vector(vector);
    struct plan_wish wish = wish_of(vector);
    files_run(vector, want, sizeof want);
    if (strcmp(what, "1 applied, then 1.0 added (equal versions, other text)") == 0 || strcmp(what, "1.0 applied, then 1 added") == 0) {
        folder_free(planning.folder);
        planning.folder = NULL;
        assert_false(folder_read(planning.dir, &planning.folder, &planning.err));
        assert_int_equal(planning.err.code, ERR_REFUSED);
    } else if (wish.count < 0) {
        planning_check_refused(&wish, ERR_USAGE, "'count' must be a positive integer.");
    } else if (strncmp(what, "file of the latest applied version deleted", 42) == 0) {
        planning_check(&wish, "V3__c.sql V4__d.sql");
    } else if (strncmp(what, "rollback of a version lower than a file that was never applied", 62) == 0) {
        planning_check(&wish, "V3__c.sql V1__a.sql");
    } else {
        planning_check(&wish, want);
    }
}

static void test_vectors(void **state)
{
    json_t *root = files_vectors("version.json"), *vector;
    size_t index, seen = 0;
    json_array_foreach(json_object_get(root, "vectors"), index, vector)
    {
        if (json_object_get(vector, "applied_before") == NULL)
            continue;
        planning_teardown(state);
        assert_int_equal(planning_setup(state), 0);
        check_vector(vector);
        seen++;
    }
    assert_true(seen >= 10);
    json_decref(root);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, planning_setup, planning_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_fresh),          TEST(test_repeatables),  TEST(test_repeatables_of_one_name), TEST(test_count_and_version), TEST(test_checksums), TEST(test_missing),
        TEST(test_out_of_order), TEST(test_out_of_order_allowed), TEST(test_equal_versions), TEST(test_rollback),              TEST(test_empty_rollback),    TEST(test_refused_file), TEST(test_digest),
        TEST(test_fresh_hashes),   TEST(test_vectors),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
