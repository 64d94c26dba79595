/* test_json.c: every name that the program prints with --json is explained in jetbase(5), under its document, and every name explained there is printed here. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "command.h"
#include "engine.h"
#include "support/files.h"
#include "support/outside.h"
#include "support/pages.h"

enum { NAMES_MOST = 300 };

/* A name that the manual explains. */
static struct name {
    char document[60], name[80];
    bool seen;
} names[NAMES_MOST];
static size_t count;
static char *json_section;

static const char *const upgrade[] = { "upgrade", NULL };

/* `.Ss DOCUMENT`, and below it `.It Sy a , b`. */
static void read_manual(void)
{
    char *page = pages_read("man/jetbase.5"), *copy, *rest, *line, document[60] = "";
    json_section = pages_section(page, "JSON");
    copy = rest = strdup(json_section);
    assert_non_null(copy);
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *word;
        if (strncmp(line, ".Ss ", 4) == 0)
            snprintf(document, sizeof document, "%s", line + 4);
        if (strncmp(line, ".It Sy ", 7) != 0)
            continue;
        for (line += 7; (word = strsep(&line, " ")) != NULL;) {
            if (strcmp(word, ",") == 0)
                continue;
            assert_true(count < NAMES_MOST);
            snprintf(names[count].document, sizeof names[count].document, "%s", document);
            snprintf(names[count++].name, sizeof names[count].name, "%s", word);
        }
    }
    free(copy);
    free(page);
    assert_true(count > 100);
}

static void saw(const char *document, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i].document, document) == 0 && strcmp(names[i].name, name) == 0) {
            names[i].seen = true;
            return;
        }
    if (strcmp(name, "schema") != 0)
        fail_msg("man/jetbase.5 does not explain %s of %s", name, document);
}

/* Notes every name below a value; a list's name stands for its objects. */
static void saw_all(const char *document, const json_t *value, const char *above)
{
    const char *key;
    json_t *inner;
    size_t at;
    if (json_is_array(value)) {
        json_array_foreach(value, at, inner)
            saw_all(document, inner, above);
        return;
    }
    json_object_foreach((json_t *)value, key, inner) {
        char name[200];
        snprintf(name, sizeof name, "%s%s%s", above, *above ? "." : "", key);
        saw(document, name);
        if (strcmp(key, "error") == 0)
            saw_all("The error", inner, "");
        else if (strcmp(key, "lock") == 0)
            saw_all("lock-status", inner, "");
        else
            saw_all(document, inner, name);
    }
}

/* The commands whose documents were seen, parted by blanks. */
static char ran[2000] = " ";

static void note_command(const char *line)
{
    size_t used = strlen(ran);
    snprintf(ran + used, sizeof ran - used, "%.*s ", (int)strcspn(line, " "), line);
}

static void object(const struct sandbox *sb, const char *line, int code, const char *document)
{
    note_command(line);
    json_t *value = run_json(sb, line, code);
    saw_all(document, value, "");
    json_decref(value);
}

static void events(const struct sandbox *sb, const char *line, int code)
{
    note_command(line);
    json_t *list = run_events(sb, line, code);
    assert_true(json_array_size(list) > 0);
    saw_all("Events of a run", list, "");
    json_decref(list);
}

static void kill_it(const struct sandbox *sb, struct process *p)
{
    kill(p->pid, SIGKILL);
    process_wait(p);
    process_free(p);
    outside_until_dead(sb);
}

static void looks(enum sandbox_kind kind)
{
    struct sandbox sb;
    char line[200];
    sandbox_open(&sb, kind);
    sandbox_steps(&sb, 3, 2);
    object(&sb, "--version --json", 0, "--version");
    object(&sb, "new --json more -v 9", 0, "new");
    object(&sb, "init --json", 0, "init");
    snprintf(line, sizeof line, "config --json --url %s", "sqlite:///other.db");
    object(&sb, line, 0, "config");
    object(&sb, "lock-status --json", 0, "lock-status");
    object(&sb, "nosuch --json", 2, "A failure");
    object(&sb, "upgrade --dry-run --json", 0, "A dry run");
    events(&sb, "upgrade --count 2 --json", 0);
    object(&sb, "status --json", 0, "status");
    object(&sb, "rehearse --json", 0, "rehearse");
    object(&sb, "history --json", 0, "history");
    object(&sb, "current --json", 0, "current");
    object(&sb, "runs --json", 0, "runs");
    object(&sb, "runs --prune 1 --json", 0, "runs --prune");
    object(&sb, "unlock --json", 0, "unlock");
    sandbox_file(&sb, "V1__step_1.sql", "SELECT 1;\n");
    object(&sb, "validate-checksums --json", 0, "The validate and fix commands");
    snprintf(line, sizeof line, "%.150s/migrations/V1__step_1.sql", sb.dir);
    assert_int_equal(unlink(line), 0);
    object(&sb, "validate-files --json", 0, "The validate and fix commands");
    events(&sb, "upgrade --json", 5);
    object(&sb, "fix-files --json", 0, "The validate and fix commands");
    object(&sb, "fix-checksums --json", 0, "The validate and fix commands");
    object(&sb, "fix --json", 0, "The validate and fix commands");
    sandbox_close(&sb);
}

/* A project with a target, on a database with nothing of jetbase's. */
static void fresh(enum sandbox_kind kind)
{
    struct sandbox sb;
    char toml[900];
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__there.sql", "CREATE TABLE there (id integer);\n-- rollback\nCREATE TABLE left_over (id integer);\n");
    snprintf(toml, sizeof toml, "[target.other]\nurl = \"%s\"\n", sb.url);
    files_write(sb.dir, "jetbase.toml", toml);
    object(&sb, "status --all-targets --json", 0, "status --all-targets");
    object(&sb, "config --json", 0, "config");
    object(&sb, "rehearse --json", 1, "rehearse");
    sandbox_sql(&sb, "CREATE TABLE there (id integer)");
    object(&sb, "baseline 1 --json", 0, "baseline");
    events(&sb, "rollback --json", 0);
    sandbox_close(&sb);
}

static void held(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    sandbox_open(&sb, kind);
    sandbox_steps(&sb, 2, 2);
    sandbox_start(&sb, &p, true, "locked=stop", upgrade);
    assert_true(process_wait_stopped(&p));
    object(&sb, "lock-status --json", 0, "lock-status");
    events(&sb, "upgrade --json", 3);
    events(&sb, "upgrade --wait 100ms --json", 3);
    kill_it(&sb, &p);
    object(&sb, "unlock --if-dead --json", 0, "unlock");
    sandbox_close(&sb);
}

static void half(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    sandbox_open(&sb, kind);
    outside_five(&sb);
    sandbox_start(&sb, &p, true, "started:3=stop", upgrade);
    assert_true(process_wait_stopped(&p));
    kill_it(&sb, &p);
    run_has(&sb, "unlock --if-dead", 0, NULL, NULL);
    object(&sb, "resolve V2__five.sql --json", 0, "resolve");
    events(&sb, "resolve V2__five.sql --mark-rolled-back --json", 0);
    object(&sb, "runs --json", 0, "runs");
    sandbox_close(&sb);
}

/* PostgreSQL: a holder that somebody blocks, and a run after it. */
static void blocked(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    json_t *lock = NULL;
    if (kind != SANDBOX_POSTGRES)
        return;
    sandbox_open(&sb, kind);
    sandbox_sql(&sb, "CREATE TABLE busy (id integer)");
    sandbox_file(&sb, "V1__busy.sql", "ALTER TABLE busy ADD more integer;\n");
    PGconn *conn = PQconnectdb(sb.conninfo);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    PQclear(PQexec(conn, "BEGIN; LOCK TABLE busy IN SHARE MODE"));
    sandbox_start(&sb, &p, false, NULL, upgrade);
    do {
        json_decref(lock);
        lock = run_json(&sb, "lock-status --json", 0);
    } while (json_array_size(json_object_get(json_object_get(lock, "session"), "blocked_by")) == 0);
    saw_all("lock-status", lock, "");
    json_decref(lock);
    kill(p.pid, SIGTERM);
    process_wait(&p);
    process_free(&p);
    events(&sb, "upgrade --lock-timeout 100ms --retry 1 --json", 3);
    PQfinish(conn);
    sandbox_close(&sb);
}

/* Every event and every code of an error that there can be has its name there. */
static void words(enum sandbox_kind kind)
{
    (void)kind;
    for (int event = EV_NOTE; event <= EV_RUN_ENDED; event++)
        if (!pages_word(json_section, engine_event_name((enum engine_event_kind)event)))
            fail_msg("man/jetbase.5 does not name the event %s", engine_event_name((enum engine_event_kind)event));
    for (int code = ERR_NONE + 1; code < ERR_CODES; code++)
        if (!pages_word(json_section, error_name((enum error_code)code)))
            fail_msg("man/jetbase.5 does not name the error %s", error_name((enum error_code)code));
}

/* Comes last, after both databases. */
static void all_are_seen(enum sandbox_kind kind)
{
    unsigned missing = 0;
    if (kind != SANDBOX_POSTGRES || !sandbox_has(SANDBOX_SQLITE) || getenv("FILTER"))
        return;
    for (size_t i = 0; i < count; i++) {
        if (!names[i].seen)
            print_error("man/jetbase.5 explains what was not printed: %s of %s\n", names[i].name, names[i].document);
        missing += !names[i].seen;
    }
    assert_int_equal(missing, 0);
    for (const struct command *c = command_table; c->name; c++) {
        char word[60];
        snprintf(word, sizeof word, " %s ", c->name);
        if (!(c->flags & COMMAND_TERMINAL) && strcmp(c->name, "help") != 0 && !strstr(ran, word))
            fail_msg("no document of `%s --json` was looked at here", c->name);
    }
}

int main(void)
{
    static const struct run_case tests[] = {
        RUN_TEST(looks), RUN_TEST(fresh), RUN_TEST(held), RUN_TEST(half), RUN_TEST(blocked), RUN_TEST(words), RUN_TEST(all_are_seen),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    read_manual();
    int failed = run_group("json", tests, sizeof tests / sizeof *tests);
    free(json_section);
    return failed;
}
