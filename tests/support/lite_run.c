/* lite_run.c: a run that holds the lock of an SQLite file, for tests of its steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lite_run.h"

#include <stdlib.h>
#include <string.h>

int run_set_up(void **state)
{
    struct lite_run *f = calloc(1, sizeof *f);
    assert_non_null(f);
    lite_open(&f->l, NULL);
    f->db = lite_connect(&f->l, DB_RUN);
    lite_acquire(f->db, RUN_ID);
    *state = f;
    return 0;
}

int run_tear_down(void **state)
{
    struct lite_run *f = *state;
    db_sqlite.close(f->db);
    lite_close(&f->l);
    free(f);
    return 0;
}

void run_head(struct lite_run *f)
{
    if (!lite_simple(f->db, STEP_HEAD, RUN_ID, &f->err))
        fail_msg("head: %s", f->err.message);
}

void run_statement(struct lite_run *f, const char *sql)
{
    if (!lite_statement(f->db, sql, &f->result, &f->err))
        fail_msg("%s: %s", sql, f->err.message);
}

void run_refuse(struct lite_run *f, const char *sql, enum error_code code, const char *words)
{
    error_clear(&f->err);
    assert_false(lite_statement(f->db, sql, &f->result, &f->err));
    assert_false(f->result.skipped);
    if (!strstr(f->err.message, words))
        fail_msg("%s: says \"%s\", not \"%s\"", sql, f->err.message, words);
    assert_int_equal(f->err.code, code);
    assert_string_equal(f->err.place.file, "V1__a.sql");
    assert_true(f->err.place.line >= 10);
}

void run_trailer(struct lite_run *f, const char *version)
{
    assert_true(lite_simple(f->db, STEP_RESET, RUN_ID, &f->err));
    assert_true(lite_simple(f->db, STEP_FENCE, RUN_ID, &f->err));
    if (!lite_record(f->db, RUN_ID, version, &f->err))
        fail_msg("record: %s", f->err.message);
    if (!lite_simple(f->db, STEP_COMMIT, RUN_ID, &f->err))
        fail_msg("commit: %s", f->err.message);
}

void run_give_up(struct lite_run *f)
{
    assert_true(db_sqlite.rollback(f->db, &f->err));
}

int64_t run_number(struct lite_run *f, const char *sql)
{
    return lite_number(f->l.path, sql);
}
