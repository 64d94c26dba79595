/* stage.c: a project with a fresh database and the console on it. */
#include "support/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void stage_open(struct stage *s, enum sandbox_kind kind, int n)
{
    if (!sandbox_has(kind))
        skip();
    sandbox_open(&s->sb, kind);
    sandbox_steps(&s->sb, n, 3);
    s->term = NULL;
}

void stage_open_any(struct stage *s, int n)
{
    stage_open(s, sandbox_has(SANDBOX_SQLITE) ? SANDBOX_SQLITE : SANDBOX_POSTGRES, n);
}

void stage_close(struct stage *s)
{
    if (s->term)
        term_free(s->term);
    sandbox_close(&s->sb);
}

void stage_console(struct stage *s, const char *const env[], const char *option)
{
    enum { MOST = 7 };
    const char *argv[] = { process_jetbase(), option ? "console" : NULL, option, NULL };
    const char *all[MOST + 1] = { s->sb.variable };
    for (size_t i = 0; env && env[i]; i++) {
        assert_true(i + 1 < MOST);
        all[i + 1] = env[i];
    }
    if (s->term)
        term_free(s->term);
    s->term = term_start(24, 80, s->sb.dir, argv, all);
}

void stage_quit(struct stage *s)
{
    assert_int_equal(term_quit(s->term), 0);
    assert_false(term_alternate(s->term));
    assert_true(term_cursor(s->term));
    assert_true(term_modes_restored(s->term));
}

void stage_lock_is_free(const struct stage *s)
{
    assert_int_equal(sandbox_number(&s->sb, "SELECT count(*) FROM jetbase_lock WHERE process_id IS NOT NULL"), 0);
}
