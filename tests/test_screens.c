/* test_screens.c: whole screens of the real program in a pseudo-terminal, compared with files that a person can read: tests/screens/.
 *
 * What differs from run to run is made equal on both sides: times, dates, process IDs, numbers of processes and sessions, names of machine and user.
 * Where that changes the width of a row, its longer gaps are made two blanks wide. UPDATE_SCREENS=1 writes the files anew: look at every change before it is kept.
 */
#include <regex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/stage.h"
#ifdef JETBASE_POSTGRES
#include <libpq-fe.h>
#endif

enum { ROW = 2000, ROWS = 64, PATIENCE_MS = 20000, SETTLE_MS = 400, SETTLE_TURNS = 10 };

/* A pattern, what stands for it, and whether that changes the width. "" : each letter of it that is a digit or a hex digit becomes '#'. */
static const struct rule {
    const char *pattern, *instead;
    bool width;
} rules[] = {
    { "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "", false },
    { "[A-Z][a-z][a-z] [ 0-9][0-9] [0-9]{2}:[0-9]{2}", "Mmm dd hh:mm", false },
    { "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?", "yyyy-mm-dd hh:mm:ss", true },
    { "[0-9]{2}:[0-9]{2}:[0-9]{2}", "hh:mm:ss", false },
    { "you: [^ ]+", "you: somebody", true },
    { "[^ ]+@[^ ]+, pid [0-9]+", "somebody@host, pid #", true },
    { "by [^ ]*(…|~)", "by somebody@host", true },
    { "by [^ ]+@[^ │|]+", "by somebody@host", true },
    { "[a-z0-9_]+ @ (127\\.0\\.0\\.1|localhost)( \\(public\\))?", "shop @ db.example", true },
    { "[^ ]+@127\\.0\\.0\\.1", "app@127.0.0.1", true },
    { "PostgreSQL [0-9.]+( \\([^)]*\\))?|SQLite [0-9.]+", "SomeSQL 1.2.3", true },
    { "session +[0-9]+", "session #", true },
    { "number of the session \\([0-9]+\\)", "number of the session (#)", true },
    { "[0-9]+\\.[0-9] s\\>", "#.# s", true },
    { "\\<[0-9]+ (d [0-9]+ h|h [0-9]+ min|min [0-9]+ s|s)\\>", "# s", true },
};

static void replace(char *row, const struct rule *rule, bool *width)
{
    regex_t re;
    regmatch_t m;
    char out[ROW] = "";
    size_t from = 0, used = 0;
    assert_int_equal(regcomp(&re, rule->pattern, REG_EXTENDED), 0);
    while (regexec(&re, row + from, 1, &m, from ? REG_NOTBOL : 0) == 0 && m.rm_eo > m.rm_so) {
        used += (size_t)snprintf(out + used, sizeof out - used, "%.*s", (int)m.rm_so, row + from);
        if (*rule->instead)
            used += (size_t)snprintf(out + used, sizeof out - used, "%s", rule->instead);
        else
            for (regoff_t i = m.rm_so; i < m.rm_eo; i++)
                used += (size_t)snprintf(out + used, sizeof out - used, "%c", row[from + (size_t)i] == '-' ? '-' : '#');
        from += (size_t)m.rm_eo;
        *width = *width || rule->width;
    }
    snprintf(out + used, sizeof out - used, "%s", row + from);
    snprintf(row, ROW, "%s", out);
    regfree(&re);
}

/* The same on both sides: the file may be written by hand, or by UPDATE_SCREENS. */
static void normalise(char *row)
{
    bool width = false;
    size_t used = 0;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        replace(row, &rules[i], &width);
    for (size_t i = 0; width && row[i]; i++)
        if (!(used >= 2 && row[i] == ' ' && row[used - 1] == ' ' && row[used - 2] == ' '))
            row[used++] = row[i];
    if (width)
        row[used] = '\0';
    for (size_t len = strlen(row); len && row[len - 1] == ' '; len--)
        row[len - 1] = '\0';
}

static void path_of(const char *name, char *to, size_t size)
{
    const char *srcdir = getenv("srcdir");
    snprintf(to, size, "%s/tests/screens/%s.txt", srcdir ? srcdir : ".", name);
}

static int read_screen(const char *name, char rows[ROWS][ROW])
{
    char path[500];
    int count = 0;
    FILE *file;
    path_of(name, path, sizeof path);
    file = fopen(path, "re");
    if (!file)
        fail_msg("%s is missing", path);
    while (count < ROWS && fgets(rows[count], ROW, file)) {
        rows[count][strcspn(rows[count], "\n")] = '\0';
        normalise(rows[count++]);
    }
    fclose(file);
    return count;
}

static void write_screen(struct term *term, const char *name, int count)
{
    char path[500];
    FILE *file;
    for (int i = 0; i < SETTLE_TURNS && term_wait_bytes(term, SETTLE_MS); i++)
        continue;
    path_of(name, path, sizeof path);
    file = fopen(path, "we");
    assert_non_null(file);
    for (int i = 0; i < count; i++) {
        char row[ROW];
        snprintf(row, sizeof row, "%s", term_row(term, i));
        normalise(row);
        fprintf(file, "%s\n", row);
    }
    assert_int_equal(fclose(file), 0);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Which row differs; count: none. */
static int differs(struct term *term, char wanted[ROWS][ROW], int count)
{
    for (int i = 0; i < count; i++) {
        char row[ROW];
        snprintf(row, sizeof row, "%s", term_row(term, i));
        normalise(row);
        if (strcmp(row, wanted[i]) != 0)
            return i;
    }
    return count;
}

/* Waits until the screen is the one of tests/screens/NAME.txt. */
static void shows(struct term *term, const char *name, int rows)
{
    static char wanted[ROWS][ROW];
    int64_t until = now_ms() + PATIENCE_MS;
    int count, bad;
    if (getenv("UPDATE_SCREENS")) {
        write_screen(term, name, rows);
        return;
    }
    count = read_screen(name, wanted);
    assert_int_equal(count, rows);
    while ((bad = differs(term, wanted, count)) < count && now_ms() < until)
        term_wait_bytes(term, 200);
    if (bad == count)
        return;
    for (int i = 0; i < count; i++)
        print_error("%s\n", term_row(term, i));
    fail_msg("%s.txt, row %d: wanted \"%s\"", name, bad + 1, wanted[bad]);
}

/* ---- the shop of the sketches ---- */

static const char *const upgrade[] = { "upgrade", NULL }, *const upgrade_three[] = { "upgrade", "--count", "3", NULL };

static void shop(struct stage *s, enum sandbox_kind kind, bool applied)
{
    stage_open(s, kind, 0);
    sandbox_file(&s->sb, "V1__users.sql", "CREATE TABLE users (id integer);\n-- rollback\nDROP TABLE users;\n");
    sandbox_file(&s->sb, "V2__products.sql", "CREATE TABLE products (id integer);\n-- rollback\nDROP TABLE products;\n");
    sandbox_file(&s->sb, "V3__orders.sql", "CREATE TABLE orders (id integer);\n-- rollback\nDROP TABLE orders;\n");
    if (applied)
        assert_int_equal(sandbox_run(&s->sb, NULL, upgrade_three), 0);
    sandbox_file(&s->sb, "V14__orders_lookup.sql",
                 "CREATE TABLE lookup (id integer PRIMARY KEY);\nINSERT INTO lookup SELECT id FROM orders;\nALTER TABLE orders ADD COLUMN lookup_id integer;\n\n-- rollback\nDROP TABLE lookup;\n");
    sandbox_file(&s->sb, "V15__orders_total.sql", "ALTER TABLE orders ADD COLUMN total integer;\nUPDATE orders SET total = 0;\n");
    sandbox_file(&s->sb, "ROC__order_view.sql", "DROP VIEW IF EXISTS order_view;\nCREATE VIEW order_view AS SELECT id FROM orders;\n");
}

static enum sandbox_kind any(void)
{
    return sandbox_has(SANDBOX_SQLITE) ? SANDBOX_SQLITE : SANDBOX_POSTGRES;
}

static void unlocked(void **state)
{
    static const char *const no_color[] = { "NO_COLOR=1", NULL }, *const no_utf8[] = { "LC_ALL=C", NULL };
    struct stage s;
    (void)state;
    shop(&s, any(), true);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "rollback  1 statement");
    shows(s.term, "80x24-unlocked", 24);
    term_resize(s.term, 40, 120);
    term_wait_for(s.term, "CREATE TABLE lookup (id integer PRIMARY KEY);");
    shows(s.term, "120x40-unlocked", 40);
    term_resize(s.term, 16, 60);
    term_wait_gone(s.term, "5 Runs");
    shows(s.term, "60x16-unlocked", 16);
    term_key(s.term, "\r");
    term_wait_for(s.term, "4 V14__orders_lookup.sql");
    shows(s.term, "60x16-detail", 16);
    stage_quit(&s);
    stage_console(&s, no_color, NULL);
    term_wait_for(s.term, "rollback  1 statement");
    shows(s.term, "80x24-unlocked", 24);
    stage_quit(&s);
    stage_console(&s, no_utf8, NULL);
    term_wait_for(s.term, "rollback  1 statement");
    shows(s.term, "80x24-ascii", 24);
    stage_quit(&s);
    stage_close(&s);
}

static void dialogs(void **state)
{
    struct stage s;
    (void)state;
    shop(&s, any(), true);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "rollback  1 statement");
    term_key(s.term, "u");
    term_wait_for(s.term, "y  upgrade");
    shows(s.term, "80x24-upgrade", 24);
    /* A change of size under a dialog leaves it open, and asking. */
    term_resize(s.term, 16, 60);
    term_wait_for(s.term, "y  upgrade");
    shows(s.term, "60x16-upgrade", 16);
    term_resize(s.term, 24, 80);
    term_wait_for(s.term, "4 V14__orders_lookup.sql");
    shows(s.term, "80x24-upgrade", 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "y  upgrade");
    term_key(s.term, "3G");
    term_wait_for(s.term, "R down to V1");
    term_key(s.term, "R");
    term_wait_for(s.term, "Type the lowest version");
    shows(s.term, "80x24-roll-back", 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Type the lowest version");
    term_key(s.term, "v");
    term_wait_for(s.term, "Every applied file");
    shows(s.term, "80x24-verify", 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Every applied file");
    stage_quit(&s);
    stage_close(&s);
}

static void locked_unknown(void **state)
{
    struct stage s;
    (void)state;
    shop(&s, any(), true);
    sandbox_sql(&s.sb, "UPDATE jetbase_lock SET is_locked = TRUE, locked_at = CURRENT_TIMESTAMP, process_id = 'c1d2e3f4-aaaa-4bbb-8ccc-0123456789ab'");
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "UNKNOWN");
    term_wait_for(s.term, "rollback  1 statement");
    shows(s.term, "80x24-locked-unknown", 24);
    stage_quit(&s);
    stage_close(&s);
}

#ifdef JETBASE_POSTGRES
static PGconn *jam(const struct stage *s)
{
    PGconn *conn = PQconnectdb(s->sb.conninfo);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    PQclear(PQexec(conn, "SET application_name = 'w'"));
    PQclear(PQexec(conn, "BEGIN"));
    PQclear(PQexec(conn, "LOCK TABLE orders"));
    return conn;
}
#endif

/* The name of a machine stands beside the process ID where it is short, else in a row of its own: these screens are those with a short one. */
static void need_short_names(void)
{
    enum { SHORT = 18 };
    char host[256] = "";
    const char *user = getenv("USER");
    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    if (strlen(host) + (user ? strlen(user) : 8) > SHORT)
        skip();
}

static void locked_blocked(void **state)
{
#ifdef JETBASE_POSTGRES
    struct stage s;
    struct process run;
    PGconn *conn;
    (void)state;
    need_short_names();
    shop(&s, SANDBOX_POSTGRES, true);
    conn = jam(&s);
    sandbox_start(&s.sb, &run, false, NULL, upgrade);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "blocker    session");
    term_wait_for(s.term, "rollback  1 statement");
    shows(s.term, "80x24-locked-blocked", 24);
    term_key(s.term, "F");
    term_wait_for(s.term, "Type the first 4 characters");
    shows(s.term, "80x24-force-unlock-alive", 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Type the first 4 characters");
    term_key(s.term, "X");
    term_wait_for(s.term, "Type the number of the session");
    shows(s.term, "80x24-end-blocker", 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Type the number of the session");
    PQfinish(conn);
    process_wait(&run);
    assert_int_equal(run.exit, 0);
    process_free(&run);
    stage_quit(&s);
    stage_close(&s);
#else
    (void)state;
    skip();
#endif
}

static void own_run(void **state)
{
#ifdef JETBASE_POSTGRES
    struct stage s;
    PGconn *conn;
    (void)state;
    need_short_names();
    shop(&s, SANDBOX_POSTGRES, true);
    conn = jam(&s);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "rollback  1 statement");
    term_key(s.term, "u");
    term_wait_for(s.term, "y  upgrade");
    term_key(s.term, "y");
    term_wait_for(s.term, "V14 started");
    term_wait_for(s.term, "pid ");
    shows(s.term, "80x24-own-run", 24);
    PQfinish(conn);
    term_wait_for(s.term, "upgrade done: 3 applied");
    stage_quit(&s);
    stage_close(&s);
#else
    (void)state;
    skip();
#endif
}

static void dead_holder(enum sandbox_kind kind, const char *locked, const char *dialog)
{
    struct stage s;
    struct process run;
    need_short_names();
    shop(&s, kind, true);
    sandbox_start(&s.sb, &run, true, "locked=stop", upgrade);
    assert_true(process_wait_stopped(&run));
    kill(run.pid, SIGKILL);
    process_wait(&run);
    process_free(&run);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "DEAD: its");
    term_wait_for(s.term, "rollback  1 statement");
    shows(s.term, locked, 24);
    term_key(s.term, "F");
    term_wait_for(s.term, "y  unlock");
    shows(s.term, dialog, 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "y  unlock");
    stage_quit(&s);
    stage_close(&s);
}

static void force_unlock_dead(void **state)
{
    (void)state;
    if (sandbox_has(SANDBOX_SQLITE))
        dead_holder(SANDBOX_SQLITE, "80x24-locked-dead-sqlite", "80x24-force-unlock-dead-sqlite");
    if (sandbox_has(SANDBOX_POSTGRES))
        dead_holder(SANDBOX_POSTGRES, "80x24-locked-dead", "80x24-force-unlock-dead");
}

/* Names and SQL that would move the cursor, clear the screen, turn the direction of writing or take two columns disturb nothing. */
static void hostile_texts(void **state)
{
    struct stage s;
    (void)state;
    stage_open(&s, any(), 0);
    sandbox_file(&s.sb, "V1__esc\033[2J\033[H.sql", "SELECT 1; -- \033[31mred\033]0;title\007\n");
    sandbox_file(&s.sb, "V2__tab\there.sql", "\tSELECT\t2;\r\n");
    sandbox_file(&s.sb, "V3__\xe2\x80\xaeltr\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d.sql", "SELECT '\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xe2\x80\xae gnorts';\n");
    sandbox_file(&s.sb, "V4__\xf0\x9f\x90\x98\xf0\x9f\x90\x98\xe6\xbc\xa2\xe5\xad\x97.sql", "SELECT '\xf0\x9f\x90\x98 \xe6\xbc\xa2\xe5\xad\x97', 'e\xcc\x81';\n");
    sandbox_file(&s.sb, "V5__bytes.sql", "SELECT 5; -- \x9b""2J \xc0\x80\n");
    sandbox_file(&s.sb, "V6__a_very_long_name_that_goes_on_and_on_and_would_not_fit_into_any_pane_of_a_terminal_of_eighty_columns.sql", "SELECT 6;\n");
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "2 Pending 6");
    term_wait_for(s.term, "rollback  none");
    shows(s.term, "80x24-hostile-1", 24);
    for (int i = 2; i <= 6; i++) {
        char title[20], name[40];
        term_key(s.term, "j");
        snprintf(title, sizeof title, "┌4 V%d__", i);
        snprintf(name, sizeof name, "80x24-hostile-%d", i);
        term_wait_for(s.term, title);
        shows(s.term, name, 24);
    }
    stage_quit(&s);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unlocked),
        cmocka_unit_test(dialogs),
        cmocka_unit_test(locked_unknown),
        cmocka_unit_test(locked_blocked),
        cmocka_unit_test(own_run),
        cmocka_unit_test(force_unlock_dead),
        cmocka_unit_test(hostile_texts),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("screens", tests, NULL, NULL);
}
