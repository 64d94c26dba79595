/* test_golden.c: Jetbase's own sessions, replayed: the same words, exit classes, files, rows and checksums, but for what tests/golden/DIFFERENCES lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/golden.h"

static void replay(enum sandbox_kind kind, unsigned least)
{
    struct golden_stage stage;
    unsigned unused = 0;
    if (!sandbox_has(kind))
        skip();
    golden_stage_open(&stage, kind);
    golden_stage_play(&stage);
    for (size_t i = 0; i < stage.differences.count; i++) {
        const struct golden_difference *d = &stage.differences.all[i];
        if ((strcmp(d->database, stage.database) != 0 && strcmp(d->database, "everywhere") != 0 && strcmp(d->database, "done") != 0) || d->used)
            continue;
        print_error("[%s %u] %s: listed in DIFFERENCES and comes nowhere\n", d->database, d->number, d->head);
        unused++;
    }
    print_message("%s: %u steps compared, %u failed\n", stage.database, stage.compared, stage.failed);
    assert_true(stage.compared >= least);
    assert_int_equal(stage.failed + unused, 0);
    golden_stage_close(&stage);
}

static void test_sqlite(void **state)
{
    (void)state;
    replay(SANDBOX_SQLITE, 48);
}

static void test_postgres(void **state)
{
    (void)state;
    replay(SANDBOX_POSTGRES, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sqlite),
        cmocka_unit_test(test_postgres),
    };
    unsetenv("COLUMNS");
    return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
