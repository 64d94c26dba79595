/* test_ci_job.c: tests/ci-job.sh on both databases: a fresh clone, exit codes, JSON read by jq. The lock of another program and the unreachable database are made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/run.h"

#define HELD "5f1c1a2e-0000-4000-8000-00000000c1c1"

static bool has_jq(void)
{
    return system("command -v jq >/dev/null 2>&1") == 0;
}

/* Runs a phase of the script; passes on what it could not do. */
static void phase(const struct sandbox *sb, const char *name)
{
    struct process p;
    char script[4096], folder[300], url[700], program[4200], nowhere[700];
    const char *srcdir = getenv("srcdir") ? getenv("srcdir") : ".";
    char *full;
    snprintf(script, sizeof script, "%s/tests/ci-job.sh", srcdir);
    full = realpath(script, NULL);
    assert_non_null(full);
    snprintf(folder, sizeof folder, "%s/ci", sb->dir);
    snprintf(url, sizeof url, "DATABASE_URL=%s", sb->url);
    snprintf(program, sizeof program, "JETBASE=%s", process_jetbase());
    snprintf(nowhere, sizeof nowhere, "NOWHERE=%s", sb->kind == SANDBOX_SQLITE ? "sqlite:////nonexistent/folder/app.db" : "postgresql://u:p@127.0.0.1:1/d?connect_timeout=5");
    const char *const argv[] = { "/bin/sh", full, name, folder, NULL };
    const char *const env[] = { url, program, nowhere, "HELD=" HELD, NULL };
    process_run(&p, sb->dir, argv, env);
    if (p.exit != 0)
        fail_msg("ci-job.sh %s: exit %d\n%s%s", name, p.exit, p.out, p.err);
    fputs(p.out, stdout);
    process_free(&p);
    free(full);
}

static void the_job(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    phase(&sb, "fresh");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations"), 5);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM users WHERE name = 'a; b'"), 1);
    sandbox_sql(&sb, "UPDATE jetbase_lock SET is_locked = TRUE, locked_at = CURRENT_TIMESTAMP, process_id = '" HELD "' WHERE id = 1 AND is_locked = FALSE");
    phase(&sb, "held");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE NOT is_locked"), 1);
    phase(&sb, "gone");
    sandbox_close(&sb);
}

int main(void)
{
    static const struct run_case tests[] = { RUN_TEST(the_job) };
    if (!has_jq()) {
        puts("not run here: the job of a continuous integration (there is no jq)");
        return 0;
    }
    return run_group("ci_job", tests, sizeof tests / sizeof *tests);
}
