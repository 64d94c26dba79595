/* test_listing.c: what the console keeps between two looks at history and files is never older than what it says. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine.h"
#include "files.h"
#include "snapshot.h"
#include "support/outside.h"
#include "support/pg_server.h"

struct looker {
    struct sandbox sb;
    struct project project;
    struct db *db;
    struct files *files;
    struct history *history;
    struct listing *listing;
};

static void look(struct looker *l)
{
    struct error err = { 0 };
    struct listing *before = l->listing;
    if (!(l->listing = listing_read(l->files, files_changed(l->files) || !before, l->db, before, &l->history, &err)))
        fail_msg("%s", err.message);
    listing_unref(before);
}

static void begin(struct looker *l)
{
    struct error err = { 0 };
    l->project.dir = l->sb.dir;
    assert_true(url_parse(l->sb.url, &l->project.url, &err));
    assert_true(engine_connect(&l->project, &sys_real, DB_LOOK, NULL, &l->db, &err));
    l->files = files_open(&l->project, &sys_real);
    assert_non_null(l->files);
    look(l);
}

static void end(struct looker *l)
{
    listing_unref(l->listing);
    history_free(l->history);
    files_close(l->files);
    db_driver_of(l->db)->close(l->db);
    url_free(&l->project.url);
    sandbox_close(&l->sb);
}

/* An index that is dropped by hand changes neither history nor files. */
static void index_goes(void **state)
{
    static const char *const upgrade[] = { "upgrade", NULL };
    struct looker l = { 0 };
    struct process run;
    struct listing *before;
    (void)state;
    sandbox_open(&l.sb, SANDBOX_POSTGRES);
    outside_five(&l.sb);
    sandbox_start(&l.sb, &run, true, "statement:2=kill", upgrade);
    process_wait(&run);
    assert_int_equal(run.exit, 128 + SIGKILL);
    process_free(&run);
    outside_until_dead(&l.sb);
    sandbox_sql(&l.sb, "CREATE INDEX log_n ON log (n)");
    sandbox_sql(&l.sb, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'log_n'::regclass");
    begin(&l);
    assert_int_equal(l.listing->half_count, 1);
    assert_string_equal(l.listing->invalid, "public.log_n on public.log");
    before = l.listing;
    look(&l);
    assert_ptr_equal(l.listing, before);
    sandbox_sql(&l.sb, "DROP INDEX log_n");
    look(&l);
    assert_null(l.listing->invalid);
    sandbox_sql(&l.sb, "CREATE INDEX log_n ON log (n)");
    sandbox_sql(&l.sb, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'log_n'::regclass");
    look(&l);
    assert_string_equal(l.listing->invalid, "public.log_n on public.log");
    end(&l);
}

/* The server goes in the middle of a look: files that come then are shown beside what was known of the database. */
static void server_goes(void **state)
{
    struct looker l = { 0 };
    struct error err = { 0 };
    struct listing *now;
    (void)state;
    sandbox_open(&l.sb, SANDBOX_POSTGRES);
    sandbox_steps(&l.sb, 1, 1);
    begin(&l);
    assert_int_equal(l.listing->pending_count, 1);
    pg_server_crash();
    assert_null(listing_read(l.files, false, l.db, l.listing, &l.history, &err));
    assert_int_equal(err.code, ERR_NO_CONNECTION);
    assert_non_null(l.history);
    sandbox_file(&l.sb, "V9__late.sql", "SELECT 1;\n");
    assert_true(files_changed(l.files));
    now = listing_reread(l.files, l.listing, l.history, &err);
    assert_non_null(now);
    assert_int_equal(now->pending_count, 2);
    listing_unref(now);
    pg_server_start_again();
    end(&l);
}

/* Version `1.0` of the history is the file V1__…, as for the commands: nothing is missing, and nothing is to be taken out. */
static void spelt_differently(void **state)
{
    static const char *const upgrade[] = { "upgrade", NULL };
    struct looker l = { 0 };
    (void)state;
    sandbox_open(&l.sb, SANDBOX_POSTGRES);
    sandbox_steps(&l.sb, 1, 1);
    assert_int_equal(sandbox_run(&l.sb, NULL, upgrade), 0);
    sandbox_sql(&l.sb, "UPDATE jetbase_migrations SET version = '1.0'");
    begin(&l);
    assert_int_equal(l.listing->applied_count, 1);
    assert_int_equal(l.listing->applied[0].state, APPLIED_OK);
    assert_int_equal(l.listing->pending_count, 0);
    end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(index_goes), cmocka_unit_test(spelt_differently), cmocka_unit_test(server_goes) };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("listing", tests, NULL, NULL);
}
