/* test_pending.c: the list of what is pending: in order, with each file's fault, and never stopped by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/planning.h"

static void test_pending(void **state)
{
    (void)state;
    planning_applied("1", "V1__a.sql");
    planning_applied("2", "V2__b.sql");
    planning_applied("3", "V3__c.sql");
    planning_applied(NULL, "ROC__same.sql");
    planning_write("V1__a.sql", "SELECT 'changed';\n");
    planning_remove("V2__b.sql");
    planning_add("V1.5__low.sql");
    planning_write("V4__bad.sql", "SELECT 1;\nSELECT 'open;\n");
    planning_write("V5__good.sql", "SELECT 1;\nSELECT 2;\n");
    planning_write("V6__latin.sql", "\xE9;\n");
    planning_add("RA__s.sql");
    planning_add("ROC__new.sql");
    planning_read();
    struct pending *pending = NULL;
    assert_true(pending_list(planning.folder, &planning.history, SCAN_SQLITE, true, &pending, &planning.err));
    static const struct {
        const char *file, *why, *fault;
        unsigned statements;
    } want[] = {
        {"V1.5__low.sql", "new", "out of order: version 1.5 is lower than the latest applied, 3", 0},
        {"V4__bad.sql", "new", "line 2: ", 0},
        {"V5__good.sql", "new", "", 2},
        {"V6__latin.sql", "new", "line 1: invalid UTF-8", 0},
        {"RA__s.sql", "always", "", 1},
        {"ROC__new.sql", "new", "", 1},
    };
    assert_int_equal(pending->count, sizeof want / sizeof *want);
    for (size_t i = 0; i < pending->count; i++) {
        const struct pending_item *item = &pending->items[i];
        assert_string_equal(item->migration->file, want[i].file);
        assert_string_equal(plan_why_name(item->why), want[i].why);
        assert_int_equal(item->statements, want[i].statements);
        if (want[i].fault[0] == '\0')
            assert_string_equal(item->fault, "");
        else
            assert_int_equal(strncmp(item->fault, want[i].fault, strlen(want[i].fault)), 0);
    }
    assert_string_equal(pending->disagree, "version changed since applied: 1; applied, but the file is missing: version 2");
    pending_free(pending);
    pending_free(NULL);
}

static struct pending *list(void)
{
    struct pending *pending = NULL;
    planning_read();
    if (!pending_list(planning.folder, &planning.history, SCAN_SQLITE, true, &pending, &planning.err))
        fail_msg("%s", planning.err.message);
    return pending;
}

static void test_nothing(void **state)
{
    (void)state;
    struct pending *pending = list();
    assert_int_equal(pending->count, 0);
    assert_string_equal(pending->disagree, "");
    pending_free(pending);
    planning_applied("1", "V1__a.sql");
    pending = list();
    assert_int_equal(pending->count, 0);
    assert_string_equal(pending->disagree, "");
    pending_free(pending);
}

/* An applied file that can't be hashed, and a repeatable that is gone. */
static void test_disagreement(void **state)
{
    (void)state;
    planning_applied("1", "V1__a.sql");
    planning_applied(NULL, "ROC__v.sql");
    planning_remove("ROC__v.sql");
    planning_write("V1__a.sql", "\xE9");
    struct pending *pending = list();
    assert_non_null(strstr(pending->disagree, "applied, but the file is missing: ROC__v.sql; "));
    assert_non_null(strstr(pending->disagree, "V1__a.sql: invalid UTF-8"));
    pending_free(pending);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, planning_setup, planning_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_pending), TEST(test_nothing), TEST(test_disagreement)};
    return cmocka_run_group_tests_name("pending", tests, NULL, NULL);
}
