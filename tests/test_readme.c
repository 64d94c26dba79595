/* test_readme.c: the sessions of README.md (```console) run again, line by line, in a fresh folder on a SQLite file, those of "On PostgreSQL" on a server of the test's own, and print what stands there; and the packages to install are those of ./bootstrap.
 *
 * A line `$ command` is given to one shell that goes on through the whole README; the lines below it are its output, standard error included. On both sides
 * are made equal, and nothing else: process IDs, times, names of people and machines (`deploy@ci-7`), pids, durations, and the folder of the project.
 */
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/files.h"
#include "support/pages.h"
#include "support/process.h"

#ifdef JETBASE_POSTGRES
#include "support/pg_server.h"
enum { HAVE_POSTGRES = true };
#else
enum { HAVE_POSTGRES = false };
#endif

enum { COMMANDS_MOST = 100, OUTPUT_MOST = 20000 };

/* A line of a session and what it prints. */
static struct command_shown {
    char *line, *output;
} shown[COMMANDS_MOST];
static size_t count;

static const char mark[] = "=== readme ===";

/* What may differ. */
static const struct mask {
    const char *pattern, *instead;
} masks[] = {
    { "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "PROCESS-ID" },
    { "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?", "TIME" },
    { "[^ ]+@[^ ,]+, pid [0-9]+", "SOMEBODY, pid N" },
    { "[0-9]+(\\.[0-9]+)? (ms|s)\\>", "AGE" },
};

static void replace_all(char *text, size_t size, const char *pattern, const char *instead)
{
    char *out = calloc(1, size);
    size_t used = 0;
    const char *at = text;
    regex_t re;
    regmatch_t m;
    assert_non_null(out);
    assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NEWLINE), 0);
    while (regexec(&re, at, 1, &m, at == text ? 0 : REG_NOTBOL) == 0 && m.rm_eo > m.rm_so) {
        used += (size_t)snprintf(out + used, size - used, "%.*s%s", (int)m.rm_so, at, instead);
        assert_true(used < size);
        at += m.rm_eo;
    }
    assert_true((size_t)snprintf(out + used, size - used, "%s", at) < size - used);
    memcpy(text, out, size);
    regfree(&re);
    free(out);
}

static void make_equal(char *text, size_t size, const char *folder)
{
    replace_all(text, size, folder, "FOLDER");
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++)
        replace_all(text, size, masks[i].pattern, masks[i].instead);
}

static void read_sessions(void)
{
    char *readme = pages_read("README.md"), *rest = readme, *line;
    bool in = false, passed_over = false;
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (!HAVE_POSTGRES && strncmp(line, "## ", 3) == 0)
            passed_over = strcmp(line, "## On PostgreSQL") == 0;
        if (passed_over)
            continue;
        if (strcmp(line, "```console") == 0 || (in && strcmp(line, "```") == 0)) {
            in = line[3] != '\0';
        } else if (in && strncmp(line, "$ ", 2) == 0) {
            assert_true(count < COMMANDS_MOST);
            shown[count].line = strdup(line + 2);
            shown[count].output = calloc(1, OUTPUT_MOST);
            assert_true(shown[count].line && shown[count].output);
            count++;
        } else if (in) {
            assert_true(count > 0); /* a session begins with a command */
            char *to = shown[count - 1].output;
            assert_true(strlen(to) + strlen(line) + 2 < OUTPUT_MOST / 2);
            strcat(strcat(to, line), "\n");
        }
    }
    assert_false(in);
    free(readme);
}

/* What libpq takes for the server of this machine: the sessions name none. */
static void find_server(char *host, size_t host_size, char *port, size_t port_size)
{
#ifdef JETBASE_POSTGRES
    snprintf(port, port_size, "PGPORT=%d", pg_server_port());
    snprintf(host, host_size, "PGHOST=%s", pg_server_socket_dir());
#else
    snprintf(host, host_size, "PGHOST=");
    snprintf(port, port_size, "PGPORT=");
#endif
}

/* One shell for all: folders and files stay from line to line. The lines are its arguments, so that nothing in them must be quoted. */
static void run_all(struct process *p, const char *dir)
{
    static const char script[] = "exec 2>&1; for line; do eval \"$line\"; printf '%s\\n' '=== readme ==='; done";
    char path[1200], link[1200], host[200], port[40];
    const char *argv[COMMANDS_MOST + 5] = { "/bin/sh", "-c", script, "sh" };
    char *program = realpath(process_jetbase(), NULL);
    assert_non_null(program);
    snprintf(link, sizeof link, "mkdir '%s/bin' && ln -s '%s' '%s/bin/jetbase'", dir, program, dir);
    assert_int_equal(system(link), 0);
    snprintf(path, sizeof path, "PATH=%s/bin:/usr/local/bin:/usr/bin:/bin", dir);
    for (size_t i = 0; i < count; i++)
        argv[4 + i] = shown[i].line;
    find_server(host, sizeof host, port, sizeof port);
    process_run(p, dir, argv, (const char *const[]){ path, "COLUMNS=100", "TZ=UTC", host, port, "PGUSER=postgres", NULL });
    free(program);
}

static void sessions_print_what_they_show(void **state)
{
    char dir[FILES_PATH], *rest, *end;
    struct process p;
    (void)state;
    for (size_t i = 0; environ[i];) {
        char name[100];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(environ[i], "="), environ[i]);
        if (strncmp(name, "JETBASE_", 8) == 0)
            unsetenv(name);
        else
            i++;
    }
    read_sessions();
    assert_true(count > 10);
    files_folder(dir);
    run_all(&p, dir);
    rest = p.out;
    for (size_t i = 0; i < count; i++) {
        char *got = calloc(1, OUTPUT_MOST);
        assert_non_null(got);
        end = strstr(rest, mark);
        if (!end)
            fail_msg("the shell did not come to: %s\n%s%s", shown[i].line, p.out, p.err);
        assert_true(end - rest < OUTPUT_MOST / 2);
        memcpy(got, rest, (size_t)(end - rest));
        rest = end + strlen(mark) + 1;
        make_equal(got, OUTPUT_MOST, dir);
        make_equal(shown[i].output, OUTPUT_MOST, "/home/you");
        if (strcmp(got, shown[i].output) != 0)
            fail_msg("README.md, $ %s\n[it says]\n%s[the program]\n%s", shown[i].line, shown[i].output, got);
        free(got);
        free(shown[i].line);
        free(shown[i].output);
    }
    process_free(&p);
    files_remove(dir);
}

/* What README installs before a build is what ./bootstrap installs. */
static void packages_are_those_of_bootstrap(void **state)
{
    static const char before[] = "\nbuild_packages=(", install[] = "    apt-get install -y ";
    char *readme = pages_read("README.md"), *script = pages_read("bootstrap"), *list = strstr(script, before), *line = strstr(readme, install);
    (void)state;
    assert_non_null(list);
    assert_non_null(line);
    list += strlen(before);
    list[strcspn(list, ")")] = '\0';
    line += strlen(install);
    line[strcspn(line, "\n")] = '\0';
    assert_string_equal(line, list);
    free(script);
    free(readme);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(packages_are_those_of_bootstrap), cmocka_unit_test(sessions_print_what_they_show) };
    return cmocka_run_group_tests_name("readme", tests, NULL, NULL);
}
