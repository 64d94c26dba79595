/* golden_stage.c: replays a transcript step by step. */
#include "golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#ifdef JETBASE_POSTGRES
#include "pg_server.h"
#endif

void golden_stage_open(struct golden_stage *stage, enum sandbox_kind kind)
{
    char name[64];
    memset(stage, 0, sizeof *stage);
    sandbox_open(&stage->sb, kind);
    stage->database = kind == SANDBOX_SQLITE ? "sqlite" : "postgres";
    assert_true((size_t)snprintf(stage->root, sizeof stage->root, "%s/project", stage->sb.dir) < sizeof stage->root);
    assert_int_equal(mkdir(stage->root, 0755), 0);
    memcpy(stage->cwd, stage->root, sizeof stage->cwd);
    snprintf(name, sizeof name, "jetbase-0.18.1-%s.txt", stage->database);
    golden_transcript_read(&stage->transcript, name);
    golden_differences_read(&stage->differences);
}

void golden_stage_close(struct golden_stage *stage)
{
    golden_transcript_free(&stage->transcript);
    golden_differences_free(&stage->differences);
    for (size_t i = 0; i < sizeof stage->variables / sizeof *stage->variables; i++)
        free(stage->variables[i]);
    sandbox_close(&stage->sb);
}

/* Usage errors are a class of their own; beyond that, Jetbase knows only 0 and 1. */
static bool same_class(int want, int got)
{
    return want == 1 ? got != 0 && got < 128 : got == want;
}

static void compare(struct golden_stage *stage, const struct golden_item *item, const char *want, const char *got, bool exit_differs)
{
    stage->compared++;
    if (!golden_judge(&stage->differences, stage->database, item, want, got, exit_differs))
        stage->failed++;
}

static const struct golden_item *next_item(const struct golden_stage *stage)
{
    return stage->at < stage->transcript.count ? &stage->transcript.items[stage->at] : NULL;
}

/* Directions that the transcript itself tells are done where they stand. */
static void catch_up(struct golden_stage *stage)
{
    const struct golden_item *item;
    while ((item = next_item(stage)) && item->kind != GOLDEN_COMMAND && item->kind != GOLDEN_ASIDE) {
        golden_direction(stage, item);
        stage->at++;
    }
}

static void play_command(struct golden_stage *stage, const char *line, const char *instead)
{
    const struct golden_item *item = next_item(stage);
    struct process p;
    char *want, *got;
    if (!item || item->kind != GOLDEN_COMMAND || strcmp(item->head, line) != 0)
        fail_msg("%s.steps has `$ %s` where the transcript has, in line %u, %s", stage->database, line, item ? item->line : 0, item ? item->head : "its end");
    golden_command(stage, &p, instead[0] ? instead : line);
    want = golden_words_wanted(item);
    got = golden_words_got(p.out, p.err, stage->root);
    golden_differences_pass_over(&stage->differences, p.exit != 0 ? "everywhere" : "done", got);
    compare(stage, item, want, got, !same_class(item->exit, p.exit));
    if (strcmp(want, got) == 0 && (p.exit == 0) != (p.err[0] == '\0')) {
        print_error("[%s %u] %s\nresults go to standard output, errors to standard error; on the latter came: %s\n", stage->database, item->number, item->head, p.err);
        stage->failed++;
    }
    free(want);
    free(got);
    process_free(&p);
    stage->at++;
}

/* Text that the transcript shows, as a shell command shows it here. */
static void play_shown(struct golden_stage *stage, const struct golden_item *item, const char *text)
{
    char *want = golden_words_shown(item->body, stage->root), *got = golden_words_shown(text, stage->root);
    compare(stage, item, want, got, false);
    free(want);
    free(got);
}

static void shell(struct golden_stage *stage, struct process *p, const char *command)
{
    const char *const argv[] = { "/bin/sh", "-c", command, NULL };
    process_run(p, stage->cwd, argv, NULL);
    if (p->exit != 0)
        fail_msg("%s: %s", command, p->err);
}

static void play_aside(struct golden_stage *stage, const char *command)
{
    const struct golden_item *item = next_item(stage);
    struct process p;
    if (!item || item->kind != GOLDEN_ASIDE)
        fail_msg("%s.steps: nothing is shown here: aside %s", stage->database, command);
    shell(stage, &p, command);
    play_shown(stage, item, p.out);
    process_free(&p);
    stage->at++;
}

void golden_direction(struct golden_stage *stage, const struct golden_item *item)
{
    char line[GOLDEN_PATH];
    struct process p;
    if (item->kind == GOLDEN_SQL) {
#ifdef JETBASE_POSTGRES
        char psql[GOLDEN_PATH];
        const char *const argv[] = { psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", stage->sb.conninfo, "-c", item->head, NULL };
        pg_server_program("psql", psql, sizeof psql);
        process_run(&p, stage->cwd, argv, NULL);
        play_shown(stage, item, p.out);
        process_free(&p);
#endif
    } else if (item->kind == GOLDEN_WRITE) {
        snprintf(line, sizeof line, "write %s", item->head);
        golden_action(stage, line, item->body);
    } else {
        snprintf(line, sizeof line, item->kind == GOLDEN_REMOVE ? "rm '%s'" : "cat '%s'", item->head);
        shell(stage, &p, line);
        if (item->kind == GOLDEN_CAT)
            play_shown(stage, item, p.out);
        process_free(&p);
    }
}

static void set_variable(struct golden_stage *stage, const char *text)
{
    size_t name = strcspn(text, "="), i = 0;
    while (stage->variables[i] && (strncmp(stage->variables[i], text, name) != 0 || stage->variables[i][name] != '='))
        i++;
    assert_true(i + 1 < sizeof stage->variables / sizeof *stage->variables);
    free(stage->variables[i]);
    stage->variables[i] = strdup(text);
    assert_non_null(stage->variables[i]);
}

static void unset_variable(struct golden_stage *stage, const char *name)
{
    size_t kept = 0, len = strlen(name);
    for (size_t i = 0; stage->variables[i]; i++) {
        char *variable = stage->variables[i];
        stage->variables[i] = NULL;
        if (strncmp(variable, name, len) == 0 && variable[len] == '=')
            free(variable);
        else
            stage->variables[kept++] = variable;
    }
}

static void write_file(const struct golden_stage *stage, const char *name, const char *text)
{
    char path[2 * GOLDEN_PATH];
    FILE *file;
    snprintf(path, sizeof path, "%s/%s", stage->cwd, name);
    file = fopen(path, "we");
    if (!file)
        fail_msg("%s can't be written", path);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void golden_action(struct golden_stage *stage, const char *line, const char *text)
{
    const char *rest = strchr(line, ' ');
    char name[16];
    struct process p;
    rest = rest ? rest + 1 : "";
    snprintf(name, sizeof name, "%.*s", (int)strcspn(line, " "), line);
    if (strcmp(name, "write") == 0) {
        write_file(stage, rest, text);
    } else if (strcmp(name, "url") == 0) {
        char setting[700];
        snprintf(setting, sizeof setting, "sqlalchemy_url = \"%s\"\n", stage->sb.url);
        write_file(stage, "env.py", setting);
    } else if (strcmp(name, "cd") == 0) {
        assert_true((size_t)snprintf(stage->cwd, sizeof stage->cwd, "%s/%s", stage->root, rest) < sizeof stage->cwd);
    } else if (strcmp(name, "sql") == 0) {
        sandbox_sql(&stage->sb, rest);
    } else if (strcmp(name, "set") == 0) {
        set_variable(stage, rest);
    } else if (strcmp(name, "unset") == 0) {
        unset_variable(stage, rest);
    } else if (strcmp(name, "sh") == 0) {
        shell(stage, &p, rest);
        process_free(&p);
    } else if (strcmp(name, "aside") == 0) {
        play_aside(stage, rest);
    } else {
        fail_msg("%s.steps: not understood: %s", stage->database, line);
    }
}

/* One step of the step file: a line and the `|` lines below it. */
static void play_step(struct golden_stage *stage, const char *line, const char *text, char instead[GOLDEN_PATH])
{
    catch_up(stage);
    if (strncmp(line, "$ ", 2) == 0) {
        play_command(stage, line + 2, instead);
        instead[0] = '\0';
    } else if (strncmp(line, "as ", 3) == 0) {
        snprintf(instead, GOLDEN_PATH, "%s", line + 3);
    } else {
        golden_action(stage, line, text);
    }
}

void golden_stage_play(struct golden_stage *stage)
{
    char name[32], instead[GOLDEN_PATH] = "", *steps, *at;
    snprintf(name, sizeof name, "%s.steps", stage->database);
    at = steps = golden_file(name);
    while (*at) {
        size_t len = strcspn(at, "\n");
        char *line = strndup(at, len);
        struct golden_text text = { 0 };
        assert_non_null(line);
        golden_text_add(&text, "", 0);
        at += len + (at[len] == '\n');
        while (*at == '|') {
            len = strcspn(at, "\n");
            golden_text_line(&text, at + (len < 4 ? len : 4), len - (len < 4 ? len : 4));
            at += len + (at[len] == '\n');
        }
        if (*line && *line != '#')
            play_step(stage, line, text.text, instead);
        free(line);
        free(text.text);
    }
    free(steps);
    catch_up(stage);
    if (next_item(stage))
        fail_msg("%s.steps ends before the transcript, at line %u", stage->database, next_item(stage)->line);
}
