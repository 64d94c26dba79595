/* test_confirmed.c: what a person has confirmed is known again: the digests of repairs and of the end of a half-applied file tell every other one apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repair.h"
#include "support/planning.h"

/* ---- repairs ---- */

static void find(struct repair *repair, unsigned parts, char digest[CHECKSUM_SIZE])
{
    if (!repair_find(planning.dir, &planning.history, parts, false, NULL, repair, &planning.err))
        fail_msg("%s", planning.err.message);
    repair_digest(repair, digest);
    assert_int_equal(strlen(digest), CHECKSUM_SIZE - 1);
}

static void repairs_differ(void **state)
{
    struct repair repair = { 0 };
    char nothing[CHECKSUM_SIZE], one[CHECKSUM_SIZE], again[CHECKSUM_SIZE], other[CHECKSUM_SIZE];
    (void)state;
    planning_applied("1", "V1__a.sql");
    planning_applied("2", "V2__b.sql");
    planning_applied(NULL, "ROC__v.sql");
    find(&repair, REPAIR_CHECKSUMS, nothing);
    assert_int_equal(repair_records(&repair), 0);
    planning_write("V2__b.sql", "SELECT 'new';\n");
    find(&repair, REPAIR_CHECKSUMS, one);
    find(&repair, REPAIR_CHECKSUMS, again);
    assert_int_equal(repair_records(&repair), 1);
    assert_string_equal(one, again);
    assert_string_not_equal(one, nothing);
    planning_write("V2__b.sql", "SELECT 'newer';\n");
    find(&repair, REPAIR_CHECKSUMS, other);
    assert_string_not_equal(other, one);
    /* The same new checksum in place of another old one is another change. */
    planning_write("V2__b.sql", "SELECT 'new';\n");
    planning.history.rows[1].checksum[0] = planning.history.rows[1].checksum[0] == '0' ? '1' : '0';
    find(&repair, REPAIR_CHECKSUMS, other);
    assert_string_not_equal(other, one);
    planning_remove("ROC__v.sql");
    find(&repair, REPAIR_FILES, one);
    planning_remove("V1__a.sql");
    find(&repair, REPAIR_FILES, other);
    assert_string_not_equal(other, one);
    assert_int_equal(repair_records(&repair), 2);
    repair_clear(&repair);
}

static void repair_in_words(void **state)
{
    struct repair repair = { 0 };
    char digest[CHECKSUM_SIZE], words[400], wanted[400];
    (void)state;
    planning_applied("1", "V1__a.sql");
    planning_applied("2", "V2__b.sql");
    planning_remove("V1__a.sql");
    planning_write("V2__b.sql", "SELECT 'new';\n");
    find(&repair, REPAIR_FILES | REPAIR_CHECKSUMS, digest);
    assert_int_equal(repair_records(&repair), 2);
    repair_words(&repair, 0, words, sizeof words);
    assert_string_equal(words, "V1: taken out of the history, 1 row");
    repair_words(&repair, 1, words, sizeof words);
    snprintf(wanted, sizeof wanted, "V2: its checksum %.12s… becomes %.12s…, in 1 row", repair.changed[0].recorded, repair.changed[0].actual);
    assert_string_equal(words, wanted);
    repair_clear(&repair);
}

/* ---- the end of a half-applied file ---- */

static struct run_row left;

static void leave_half(int started, int done, const char *process_id)
{
    left = (struct run_row){ .command = "upgrade", .file = "V2__b.sql", .no_transaction = true, .statements = 3, .started_statement = started, .done_statement = done };
    snprintf(left.process_id, sizeof left.process_id, "%s", process_id);
    planning.history.half = &left;
    planning.history.half_count = 1;
}

static void digest_of(enum plan_resolve way, char digest[CHECKSUM_SIZE])
{
    struct plan_wish wish = { .resolve = way, .resolve_name = "V2__b.sql", .resolve_from = 1 };
    if (!planning_make(&wish))
        fail_msg("%s", planning.err.message);
    assert_int_equal(planning.plan->count, 1);
    memcpy(digest, planning.plan->digest, CHECKSUM_SIZE);
}

/* The ways out of one state have one digest, since the way is what is wished; another state has another. */
static void resolves_differ(void **state)
{
    char first[CHECKSUM_SIZE], other[CHECKSUM_SIZE];
    (void)state;
    planning_write("V2__b.sql", "-- jetbase: no-transaction\nSELECT 1;\nSELECT 2;\nVACUUM;\n");
    leave_half(2, 1, "7f3c9a52-1d0e-4b5e-9c1f-2a8e6c1b77e1");
    digest_of(RESOLVE_APPLIED, first);
    digest_of(RESOLVE_ROLLED_BACK, other);
    assert_string_equal(other, first);
    digest_of(RESOLVE_RERUN, other);
    assert_string_equal(other, first);
    leave_half(3, 1, "7f3c9a52-1d0e-4b5e-9c1f-2a8e6c1b77e1");
    digest_of(RESOLVE_APPLIED, other);
    assert_string_not_equal(other, first);
    leave_half(2, 2, "7f3c9a52-1d0e-4b5e-9c1f-2a8e6c1b77e1");
    digest_of(RESOLVE_APPLIED, other);
    assert_string_not_equal(other, first);
    leave_half(2, 1, "00000000-1d0e-4b5e-9c1f-2a8e6c1b77e1");
    digest_of(RESOLVE_APPLIED, other);
    assert_string_not_equal(other, first);
    leave_half(2, 1, "7f3c9a52-1d0e-4b5e-9c1f-2a8e6c1b77e1");
    planning_write("V2__b.sql", "-- jetbase: no-transaction\nSELECT 1;\nSELECT 22;\nVACUUM;\n");
    digest_of(RESOLVE_APPLIED, other);
    assert_string_not_equal(other, first);
    planning.history.half = NULL;
    planning.history.half_count = 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, planning_setup, planning_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(repairs_differ), TEST(repair_in_words), TEST(resolves_differ) };
    return cmocka_run_group_tests_name("confirmed", tests, NULL, NULL);
}
