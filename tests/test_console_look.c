/* test_console_look.c: looking about in the console in a pseudo-terminal: detail, search, zoom, mouse, clipboard, pager and editor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/stage.h"

static const char *const upgrade[] = { "upgrade", NULL };

static void detail(enum sandbox_kind kind)
{
    struct stage s;
    stage_open(&s, kind, 2);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "┌4 V1__step_1.sql──");
    term_wait_for(s.term, "rollback  ");
    term_wait_for(s.term, "  new  ");
    term_key(s.term, "j\r");
    term_wait_for(s.term, "┌4 V2__step_2.sql──");
    term_key(s.term, "z");
    term_wait_gone(s.term, "2 Pending 2");
    term_wait_for(s.term, "CREATE TABLE t2");
    term_key(s.term, "\033");
    term_wait_for(s.term, "2 Pending 2");
    assert_int_equal(sandbox_run(&s.sb, NULL, upgrade), 0);
    term_key(s.term, "3");
    term_wait_for(s.term, "as recorded");
    term_wait_for(s.term, "applied   20");
    sandbox_file(&s.sb, "V2__step_2.sql", "SELECT 1;\n");
    term_wait_for(s.term, "  changed  ");
    term_wait_for(s.term, "recorded  ");
    term_wait_for(s.term, "file now  ");
    stage_quit(&s);
    stage_close(&s);
}

STAGE_ON_BOTH(detail)

/* Why a file can't be shown stands in its place: it is gone, it can't be read as SQL, or the folder itself is at fault. */
static void detail_of_what_is_at_fault(void **state)
{
    char path[400];
    struct stage s;
    (void)state;
    stage_open_any(&s, 1);
    assert_int_equal(sandbox_run(&s.sb, NULL, upgrade), 0);
    sandbox_file(&s.sb, "V2__open.sql", "\n  \r\nSELECT 'never closed;\n-- rollback\nSELECT 1");
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "┌4 V2__open.sql──");
    term_wait_for(s.term, "upgrade   a string (') begins here");
    term_key(s.term, "3");
    term_wait_for(s.term, "as recorded");
    snprintf(path, sizeof path, "%s/migrations/V1__step_1.sql", s.sb.dir);
    assert_int_equal(unlink(path), 0);
    term_wait_for(s.term, "the file is not in migrations/");
    sandbox_file(&s.sb, "V02__twice.sql", "SELECT 1;\n");
    term_wait_for(s.term, "detected: 2. Each file must have a");
    stage_quit(&s);
    stage_close(&s);
}

/* Thousands of lines, and one of thousands of characters: what is left out is said. */
static void detail_of_a_long_file(void **state)
{
    char path[400];
    struct stage s;
    FILE *file;
    (void)state;
    stage_open_any(&s, 0);
    sandbox_file(&s.sb, "V1__long.sql", "SELECT\t1;   \n");
    snprintf(path, sizeof path, "%s/migrations/V1__long.sql", s.sb.dir);
    file = fopen(path, "ae");
    assert_non_null(file);
    fputs("--", file);
    for (int i = 0; i < 4100; i++)
        fputc('x', file);
    for (int i = 0; i < 2100; i++)
        fprintf(file, "\n-- line %d", i);
    assert_int_equal(fclose(file), 0);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "SELECT    1;");
    term_key(s.term, "4z/line 0\rk");
    term_wait_for(s.term, "xx …");
    term_key(s.term, "/there is more\r");
    term_wait_for(s.term, "there is more: o shows the whole file");
    term_wait_for(s.term, "-- line 1997");
    assert_false(term_has(s.term, "-- line 1998"));
    stage_quit(&s);
    stage_close(&s);
}

static void search_and_mouse(void **state)
{
    struct stage s;
    (void)state;
    stage_open_any(&s, 3);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "│▸V1   step 1");
    term_key(s.term, "/STEP 3");
    term_wait_for(s.term, " /STEP 3_");
    term_key(s.term, "\r");
    term_wait_for(s.term, "│▸V3   step 3");
    /* A press in the second row, as xterm tells it (SGR). */
    term_key(s.term, "\033[<0;5;7M\033[<0;5;7m");
    term_wait_for(s.term, "│▸V2   step 2");
    term_key(s.term, "\033[<65;5;7M");
    term_wait_for(s.term, "│▸V3   step 3");
    term_key(s.term, "\033[<0;3;24M\033[<0;3;24m");
    term_wait_for(s.term, "y  upgrade");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "y  upgrade");
    stage_quit(&s);
    stage_close(&s);
}

static bool sent(struct term *term, const char *bytes)
{
    size_t len, want = strlen(bytes);
    const char *all = term_bytes(term, &len);
    for (size_t i = 0; i + want <= len; i++)
        if (memcmp(all + i, bytes, want) == 0)
            return true;
    return false;
}

static void clipboard(void **state)
{
    static const char *const vt100[] = { "TERM=vt100", NULL };
    struct stage s;
    (void)state;
    stage_open_any(&s, 1);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "│▸V1   step 1");
    term_key(s.term, "y");
    term_wait_for(s.term, "sent to the terminal's clipboard");
    assert_true(sent(s.term, "\033]52;c;VjFfX3N0ZXBfMS5zcWw=\a")); /* V1__step_1.sql */
    stage_quit(&s);
    stage_console(&s, vt100, NULL);
    term_wait_for(s.term, "V1   step 1");
    term_key(s.term, "y");
    term_wait_for(s.term, "not known to have a clipboard");
    assert_false(sent(s.term, "\033]52"));
    stage_quit(&s);
    stage_close(&s);
}

/* A program that gets the terminal: says so, waits for a line, writes into the file it was given. */
static void write_program(const struct stage *s, char *path, size_t size)
{
    FILE *file;
    snprintf(path, size, "%s/editor", s->sb.dir);
    file = fopen(path, "we");
    assert_non_null(file);
    fputs("#!/bin/sh\necho \"lent $1\"\nread line\necho \"SELECT 2;\" >> \"$2\"\nexit $1\n", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0755), 0);
}

static void pager_and_editor(void **state)
{
    char path[300], editor[400], pager[400];
    const char *env[] = { editor, pager, "VISUAL=", NULL };
    struct stage s;
    (void)state;
    stage_open_any(&s, 1);
    write_program(&s, path, sizeof path);
    snprintf(editor, sizeof editor, "EDITOR=%s 0", path);
    snprintf(pager, sizeof pager, "PAGER=%s 3", path);
    stage_console(&s, env, NULL);
    term_wait_for(s.term, "rollback  ");
    term_key(s.term, "o");
    term_wait_for(s.term, "lent 3");
    assert_false(term_alternate(s.term));
    assert_true(term_modes_restored(s.term));
    term_key(s.term, "\n");
    term_wait_for(s.term, "editor 3 ended with 3");
    assert_true(term_alternate(s.term));
    term_wait_for(s.term, "2 Pending 1");
    term_key(s.term, "e");
    term_wait_for(s.term, "lent 0");
    /* Ctrl-C there is not meant for the console. */
    term_key(s.term, "\003");
    term_wait_for(s.term, "was ended by signal 2");
    term_key(s.term, "e");
    term_wait_for(s.term, "lent 0");
    term_key(s.term, "\n");
    term_wait_for(s.term, "2 Pending 1");
    stage_quit(&s);
    stage_close(&s);
}

static void no_such_editor(void **state)
{
    static const char *const env[] = { "VISUAL=/nowhere/at-all", NULL };
    struct stage s;
    (void)state;
    stage_open_any(&s, 1);
    stage_console(&s, env, NULL);
    term_wait_for(s.term, "rollback  ");
    term_key(s.term, "e");
    term_wait_for(s.term, "/nowhere/at-all was not found; set PAGER or EDITOR");
    stage_quit(&s);
    stage_close(&s);
}

/* Every kind of terminal that can show a screen shows the same words. */
static void terminals_of_all_kinds(void **state)
{
    static const char *const kinds[] = { "TERM=vt100", "TERM=linux", "TERM=screen", "TERM=tmux", "TERM=xterm" };
    struct stage s;
    (void)state;
    stage_open_any(&s, 2);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const char *env[] = { kinds[i], NULL };
        stage_console(&s, env, NULL);
        term_wait_for(s.term, "│▸V1   step 1");
        term_wait_for(s.term, "4 V1__step_1.sql");
        term_wait_for(s.term, "? help  q quit");
        term_key(s.term, "?");
        term_wait_for(s.term, "Enter alone never confirms");
        term_key(s.term, "q");
        term_wait_gone(s.term, "Enter alone never confirms");
        assert_int_equal(term_quit(s.term), 0);
        assert_true(term_modes_restored(s.term));
    }
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_BOTH(detail),
        cmocka_unit_test(detail_of_what_is_at_fault),
        cmocka_unit_test(detail_of_a_long_file),
        cmocka_unit_test(search_and_mouse),
        cmocka_unit_test(clipboard),
        cmocka_unit_test(pager_and_editor),
        cmocka_unit_test(no_such_editor),
        cmocka_unit_test(terminals_of_all_kinds),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("console_look", tests, NULL, NULL);
}
