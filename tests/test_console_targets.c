/* test_console_targets.c: the console on a target: its name in sight, a protected one read-only unless --yes was said, and every key that changes something off until then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "action.h"
#include "support/golden_screen.h"
#include "support/scene.h"

static const char toml[] = "[target.prod]\nurl_env = \"SHOP_URL\"\nprotected = true\n[target.dev]\nurl_env = \"SHOP_URL\"\n";

static void write_toml(const struct stage *s)
{
    char path[300];
    snprintf(path, sizeof path, "%s/jetbase.toml", s->sb.dir);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(toml, file);
    assert_int_equal(fclose(file), 0);
}

static void start(struct stage *s, const char *target, const char *option)
{
    const char *const argv[] = { process_jetbase(), "--target", target, option, NULL };
    char variable[700];
    const char *const env[] = { variable, "JETBASE_SQLALCHEMY_URL=sqlite:///never.db", NULL };
    snprintf(variable, sizeof variable, "SHOP_URL=%s", s->sb.url);
    write_toml(s);
    if (s->term)
        term_free(s->term);
    s->term = term_start(24, 80, s->sb.dir, argv, env);
}

/* Without --yes nothing can be confirmed; with it the same keys do it. */
static void protected_target(enum sandbox_kind kind)
{
    struct stage s;
    stage_open(&s, kind, 2);
    start(&s, "prod", NULL);
    term_wait_for(s.term, "jetbase  prod PROTECTED READ-ONLY");
    term_wait_for(s.term, "prod is PROTECTED: read-only. For changes: q, then jetbase --target prod --yes");
    term_wait_for(s.term, "│▸V1   step 1");
    term_key(s.term, "u");
    term_wait_for(s.term, "u is off: prod is protected. For changes: q, then jetbase --target prod --yes");
    term_key(s.term, "?");
    term_wait_for(s.term, "off: a protected target, opened without --yes");
    term_wait_for(s.term, "Enter alone never confirms");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Enter alone never confirms");
    stage_quit(&s);
    start(&s, "prod", "--yes");
    term_wait_for(s.term, "jetbase  prod PROTECTED ");
    term_wait_for(s.term, "prod is PROTECTED, and this console may change it: --yes was said");
    assert_false(term_has(s.term, "READ-ONLY"));
    term_wait_for(s.term, "│▸V1   step 1");
    term_key(s.term, "u");
    term_wait_for(s.term, "Upgrade prod: ");
    term_wait_for(s.term, "y  upgrade");
    term_key(s.term, "y");
    term_wait_for(s.term, "upgrade done: 2 applied"); /* before it q would ask */
    stage_quit(&s);
    assert_int_equal(sandbox_check_steps(&s.sb, 2), 2);
    stage_close(&s);
}
STAGE_ON_BOTH(protected_target)

/* --read-only stays the reason where it was said. A target that is not protected is only named. */
static void other_targets(void **state)
{
    struct stage s;
    (void)state;
    stage_open_any(&s, 2);
    start(&s, "dev", NULL);
    term_wait_for(s.term, "jetbase  dev  ");
    term_wait_for(s.term, "u upgrade");
    assert_false(term_has(s.term, "PROTECTED"));
    stage_quit(&s);
    start(&s, "prod", "--json");
    assert_int_equal(term_wait_end(s.term), 2);
    stage_close(&s);
}

static void golden(void **state)
{
    struct stage s;
    (void)state;
    golden_shop(&s, golden_any(), true);
    start(&s, "prod", NULL);
    term_wait_for(s.term, "rollback  1 statement");
    golden_screen(s.term, "80x24-protected", 24);
    stage_quit(&s);
    stage_close(&s);
}

/* Each key of the table that changes something says why it is off, on a model alone. */
static void every_changing_key_is_off(void **state)
{
    (void)state;
    for (size_t i = 0; i < actions_count; i++) {
        struct model *m = scene_in(SCENE_UNLOCKED, false);
        char why[512];
        model_set_target(m, "prod", true, false);
        if (actions[i].changes) {
            assert_false(action_allowed(m, &actions[i], why, sizeof why));
            assert_non_null(strstr(why, "prod is protected. For changes: q, then jetbase --target prod --yes"));
        }
        scene_drop(m);
    }
}

/* --read-only goes before --yes, and is the reason that is told. */
static void read_only_goes_first(void **state)
{
    struct model *m = scene_in(SCENE_UNLOCKED, true);
    char words[200];
    (void)state;
    model_set_target(m, "prod", true, true);
    assert_true(m->read_only);
    model_read_only_words(m, words, sizeof words);
    assert_string_equal(words, "this console was started with --read-only");
    scene_drop(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_BOTH(protected_target), cmocka_unit_test(other_targets), cmocka_unit_test(golden), cmocka_unit_test(every_changing_key_is_off), cmocka_unit_test(read_only_goes_first),
    };
    if (!term_possible()) {
        puts("not run here: the console needs a pseudo-terminal");
        return 0;
    }
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("console_targets", tests, NULL, NULL);
}
