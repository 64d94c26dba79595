/* test_action.c: the table of keys, and that footer, help and manual page say what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "action.h"
#include "dialog.h"
#include "keys.h"
#include "pane.h"
#include "support/pages.h"
#include "support/process.h"
#include "support/scene.h"

/* How a key is named in the table. */
static const char *name_of(int key)
{
    static char one[2];
    switch (key) {
    case UK_UP: return "Up";
    case UK_DOWN: return "Down";
    case UK_HOME: return "Home";
    case UK_END: return "End";
    case UK_PAGE_UP: return "PgUp";
    case UK_PAGE_DOWN: return "PgDn";
    case UK_TAB: return "Tab";
    case UK_BACK_TAB: return "S-Tab";
    case UK_ESC: return "Esc";
    case UK_CTRL_L: return "Ctrl-L";
    case UK_ENTER: return "Enter";
    default: break;
    }
    one[0] = (char)key;
    return one;
}

static void table_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < actions_count; i++) {
        const struct action *a = &actions[i];
        char names[80] = "";
        assert_non_null(a->help);
        assert_non_null(a->when);
        assert_true(a->keys[0] != 0);
        for (size_t k = 0; k < 6 && a->keys[k]; k++) {
            /* Each key once in the whole table: it is found as its own action. */
            assert_ptr_equal(action_for(a->keys[k]), a);
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", k ? " " : "", name_of(a->keys[k]));
        }
        assert_string_equal(names, a->names);
        assert_true((a->footer == FOOTER_NEVER) == (a->label == NULL));
        /* What is always allowed says so, and what is not says when. */
        assert_true((a->allowed == NULL) == (strcmp(a->when, "always") == 0));
    }
    assert_null(action_for('Z'));
    assert_null(action_for('s'));
}

static void what_changes_is_flagged(void **state)
{
    (void)state;
    for (size_t i = 0; i < actions_count; i++) {
        const struct action *a = &actions[i];
        assert_int_equal(a->changes, a->id == ACT_UPGRADE || a->id == ACT_UPGRADE_TO || a->id == ACT_ROLLBACK || a->id == ACT_ROLLBACK_TO || a->id == ACT_UNLOCK ||
                                        a->id == ACT_TAKE_OVER || a->id == ACT_RESOLVE || a->id == ACT_FIX_CHECKSUMS || a->id == ACT_FIX_FILES || a->id == ACT_BASELINE || a->id == ACT_CANCEL_BLOCKER || a->id == ACT_END_BLOCKER);
    }
}

static void screen_of(struct model *m, struct canvas *canvas, int cols, bool read_only)
{
    model_init(m, 24, cols, read_only, 1000);
    scene_see(m, scene_look());
    screen_draw(m, canvas);
}

static void footer_comes_from_the_table(void **state)
{
    struct model *m = calloc(1, sizeof *m);
    struct canvas canvas = { 0 };
    char row[900];
    (void)state;
    screen_of(m, &canvas, 200, false);
    canvas_row(&canvas, 23, row, sizeof row);
    for (size_t i = 0; i < actions_count; i++) {
        char words[200], why[200];
        if (actions[i].footer == FOOTER_NEVER)
            continue;
        action_footer_words(m, &actions[i], words, sizeof words);
        assert_int_equal(strstr(row, words) != NULL, action_allowed(m, &actions[i], why, sizeof why));
    }
    model_free(m);
    screen_of(m, &canvas, 80, true);
    canvas_row(&canvas, 23, row, sizeof row);
    assert_non_null(strstr(row, "(u upgrade)"));
    assert_non_null(strstr(row, "(r roll back)"));
    assert_non_null(strstr(row, "q quit"));
    model_free(m);
    canvas_free(&canvas);
    free(m);
}

static void help_holds_the_whole_table(void **state)
{
    struct model *m = calloc(1, sizeof *m);
    (void)state;
    for (int read_only = 0; read_only < 2; read_only++) {
        struct sheet body = { .width = 400 }, foot = { .width = 400 };
        model_init(m, 24, 80, read_only != 0, 1000);
        dialog_open(m, DIALOG_HELP, STAGE_TOLD);
        dialog_help.fill(m, &body, &foot);
        for (size_t i = 0; i < actions_count; i++) {
            const struct action *a = &actions[i];
            size_t found = body.count;
            for (size_t n = 0; n < body.count; n++)
                if (strstr(body.lines[n].left, a->names) && strstr(body.lines[n].left, a->help))
                    found = n;
            assert_true(found < body.count);
            if (read_only && a->changes)
                assert_non_null(strstr(body.lines[found + 1].left, "off: --read-only"));
            else if (a->allowed)
                assert_non_null(strstr(body.lines[found + 1].left, a->when));
        }
        sheet_free(&body);
        sheet_free(&foot);
        model_free(m);
    }
    free(m);
}

/* Does this entry of the help, up to the next one, hold these words, however its lines are folded? */
static bool entry_holds(const char *at, const char *words)
{
    char flat[1000];
    size_t used = 0;
    for (; *at && used + 1 < sizeof flat && !(strncmp(at, "\n  ", 3) == 0 && at[3] != ' ') && strncmp(at, "\n\n", 2) != 0; at++) {
        bool blank = *at == ' ' || *at == '\n';
        if (!blank || (used && flat[used - 1] != ' '))
            flat[used++] = blank ? ' ' : *at;
    }
    flat[used] = '\0';
    return strstr(flat, words) != NULL;
}

/* `jetbase help keys`: the table, whole and in its order. */
static void help_keys_holds_the_whole_table(void **state)
{
    struct process p;
    const char *const argv[] = { process_jetbase(), "help", "keys", NULL };
    const char *at;
    (void)state;
    process_run(&p, "/", argv, (const char *const[]){ "COLUMNS=400", NULL });
    assert_int_equal(p.exit, 0);
    assert_string_equal(p.err, "");
    at = p.out;
    for (size_t i = 0; i < actions_count; i++) {
        char head[100];
        snprintf(head, sizeof head, "\n  %-11s ", actions[i].names);
        at = strstr(at, head);
        if (!at)
            fail_msg("`jetbase help keys` has no line of %s\n%s", actions[i].names, p.out);
        at += strlen(head) - 1;
        if (!entry_holds(at, actions[i].help) || (actions[i].allowed && !entry_holds(at, actions[i].when)))
            fail_msg("`jetbase help keys` tells otherwise of %s\n%s", actions[i].names, at);
    }
    process_free(&p);
}

static char *read_manual(void)
{
    const char *srcdir = getenv("srcdir");
    char path[600];
    FILE *file;
    char *text = calloc(1, 100000);
    snprintf(path, sizeof path, "%s/man/jetbase-console.1", srcdir ? srcdir : ".");
    file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(text);
    assert_true(fread(text, 1, 99999, file) > 0);
    fclose(file);
    return text;
}

/* Is there a line ".It Ic NAMES" (mdoc may need \& before a sign)? */
static bool manual_names(const char *manual, const char *names)
{
    const char *line = manual;
    while ((line = strstr(line, ".It Ic "))) {
        char got[100];
        size_t len = strcspn(line += 7, "\n"), used = 0;
        for (size_t i = 0; i < len && used + 1 < sizeof got; i++) {
            if (line[i] == '\\' && line[i + 1] == '&')
                i++;
            else
                got[used++] = line[i];
        }
        got[used] = '\0';
        if (strcmp(got, names) == 0)
            return true;
    }
    return false;
}

static void manual_names_every_key(void **state)
{
    char *manual = read_manual();
    (void)state;
    for (size_t i = 0; i < actions_count; i++)
        if (!manual_names(manual, actions[i].names))
            fail_msg("man/jetbase-console.1 has no line .It Ic %s", actions[i].names);
    free(manual);
}

static void the_manual_invents_no_key(void **state)
{
    char *page = pages_read("man/jetbase-console.1"), *keys = pages_section(page, "KEYS"), *rest = keys, *line;
    unsigned seen = 0;
    (void)state;
    while ((line = strsep(&rest, "\n")) != NULL) {
        char names[100];
        bool found = false;
        if (strncmp(line, ".It Ic ", 7) != 0)
            continue;
        pages_plain(line + 7, strlen(line + 7), names, sizeof names);
        for (size_t i = 0; i < actions_count; i++)
            found = found || strcmp(actions[i].names, names) == 0;
        if (!found)
            fail_msg("man/jetbase-console.1 explains the key %s, which does nothing", names);
        seen++;
    }
    assert_int_equal(seen, actions_count);
    free(keys);
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_sound),
        cmocka_unit_test(what_changes_is_flagged),
        cmocka_unit_test(footer_comes_from_the_table),
        cmocka_unit_test(help_holds_the_whole_table),
        cmocka_unit_test(help_keys_holds_the_whole_table),
        cmocka_unit_test(manual_names_every_key),
        cmocka_unit_test(the_manual_invents_no_key),
    };
    return cmocka_run_group_tests_name("action", tests, NULL, NULL);
}
