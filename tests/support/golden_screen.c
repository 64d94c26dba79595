/* golden_screen.c: compares what a terminal shows with tests/screens/, and makes the shop that those screens show. */
#include "golden_screen.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

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
    { "End session [0-9#]+(─)+", "End session #──", true },
    { "session +[0-9]+", "session #", true },
    { "pg_terminate_backend\\([0-9]+\\)", "pg_terminate_backend(#)", true },
    { "number of the session \\([0-9]+\\)", "number of the session (#)", true },
    { "[0-9]+\\.[0-9] s\\>", "#.# s", true },
    { "\\<[0-9]+ ms\\>", "# ms", true },
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
void golden_screen_normalise(char *row)
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
        golden_screen_normalise(rows[count++]);
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
        golden_screen_normalise(row);
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
        golden_screen_normalise(row);
        if (strcmp(row, wanted[i]) != 0)
            return i;
    }
    return count;
}

/* The screen that was found right, as a picture in the folder $SCREENSHOTS. Where terminals of several kinds show the same words, the first one is kept: it has the colours. */
static void picture(struct term *term, const char *name)
{
    const char *folder = getenv("SCREENSHOTS");
    char path[1000], title[200];
    if (!folder || !*folder)
        return;
    snprintf(path, sizeof path, "%s/%s.svg", folder, name);
    if (access(path, F_OK) == 0)
        return;
    snprintf(title, sizeof title, "jetbase console, %s", name);
    term_picture(term, path, title);
}

void golden_screen(struct term *term, const char *name, int rows)
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
    if (bad == count) {
        picture(term, name);
        return;
    }
    for (int i = 0; i < count; i++)
        print_error("%s\n", term_row(term, i));
    fail_msg("%s.txt, row %d: wanted \"%s\"", name, bad + 1, wanted[bad]);
}

static const char *const upgrade_three[] = { "upgrade", "--count", "3", NULL };

void golden_shop(struct stage *s, enum sandbox_kind kind, bool applied)
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

enum sandbox_kind golden_any(void)
{
    return sandbox_has(SANDBOX_SQLITE) ? SANDBOX_SQLITE : SANDBOX_POSTGRES;
}

void golden_four_digits(void)
{
    pid_t pid = 0;
    for (int tries = 0; pid < 1000 && tries < 1000; tries++) {
        pid = fork();
        if (pid == 0)
            _exit(0);
        assert_true(pid > 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
    }
}

void golden_short_names(void)
{
    enum { SHORT = 18 };
    char host[256] = "";
    const char *user = getenv("USER");
    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    if (strlen(host) + (user ? strlen(user) : 8) > SHORT)
        skip();
}
