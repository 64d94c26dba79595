/* test_targets.c: [target.NAME] of jetbase.toml and --target, on both databases: which database a command speaks to, what goes before what, what is refused, what a protected target asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command.h"
#include "support/files.h"
#include "support/run.h"

static void write_toml(const struct sandbox *sb, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void write_toml(const struct sandbox *sb, const char *format, ...)
{
    char text[6000];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    files_write(sb->dir, "jetbase.toml", text);
}

/* A second database: the sandbox's variable names the first one, so that what goes to this one went there by its target. */
static void open_two(enum sandbox_kind kind, struct sandbox *sb, struct sandbox *other)
{
    sandbox_open(sb, kind);
    sandbox_open(other, kind);
    sandbox_steps(sb, 2, 1);
    sandbox_steps(other, 2, 1); /* its files are not used, but what they write to is made */
    setenv("OTHER_URL", other->url, 1);
}

static void close_two(struct sandbox *sb, struct sandbox *other)
{
    unsetenv("OTHER_URL");
    sandbox_close(other);
    sandbox_close(sb);
}

static bool has_table(const struct sandbox *sb)
{
    return sandbox_number(sb, sb->kind == SANDBOX_SQLITE ? "SELECT count(*) FROM sqlite_master WHERE name = 'jetbase_migrations'" : "SELECT count(*) FROM pg_class WHERE relname = 'jetbase_migrations'") > 0;
}

static void a_target_is_another_database(enum sandbox_kind kind)
{
    struct sandbox sb, other;
    open_two(kind, &sb, &other);
    write_toml(&sb, "sqlalchemy_url = \"sqlite:///never.db\"\n[target.other]\nurl = \"%s\"\nlock_timeout = \"3s\"\n", other.url);
    run_has(&sb, "upgrade --target other -c 1", 0, "V1__", "");
    assert_false(has_table(&sb));
    assert_int_equal(sandbox_number(&other, "SELECT count(*) FROM jetbase_migrations"), 1);
    run_has(&sb, "--target other current", 0, "1", "");
    run_has(&sb, "current", 0, "No migrations have been applied yet.", NULL);
    run_has(&sb, "config --target other", 0, "[target.other] of jetbase.toml:3", "");
    run_has(&sb, "config --target other", 0, "[target.other] of jetbase.toml:4", "");
    run_has(&sb, "config --target other", 0, "JETBASE_SQLALCHEMY_URL does not count: [target.other] of jetbase.toml:3 goes before it.", "");
    run_has(&sb, "config --target other", 0, "The target is other. It is not protected.", "");
    run_has(&sb, "config", 0, "No target is chosen. --target NAME chooses one of: other", "");
    close_two(&sb, &other);
}

/* A URL of the command line goes before the target's, and does not take its protection away. */
static void a_url_goes_before(enum sandbox_kind kind)
{
    struct sandbox sb, other;
    char line[900];
    open_two(kind, &sb, &other);
    write_toml(&sb, "[target.other]\nurl = \"sqlite:///never.db\"\nprotected = true\n");
    snprintf(line, sizeof line, "--target other upgrade --url %s", other.url);
    run_has(&sb, line, 2, "", "other is a protected target");
    run_has(&sb, line, 2, "", "jetbase --target other upgrade --url … --yes");
    run_has(&sb, "--target other unlock --reason it's*stuck", 2, "", "jetbase --target other unlock --reason 'it'\\''s stuck' --yes");
    assert_false(has_table(&other));
    snprintf(line, sizeof line, "--target other upgrade --yes --url %s", other.url);
    run_has(&sb, line, 0, "V2__", "");
    assert_true(has_table(&other));
    assert_false(has_table(&sb));
    close_two(&sb, &other);
}

/* The password stands in a variable; nothing else is asked where it is not set. */
static void a_variable_holds_the_url(enum sandbox_kind kind)
{
    struct sandbox sb, other;
    open_two(kind, &sb, &other);
    write_toml(&sb, "[target.other]\nurl_env = \"OTHER_URL\"\n");
    run_has(&sb, "upgrade --target other", 0, "V2__", "");
    assert_false(has_table(&sb));
    run_has(&sb, "config --target other", 0, "OTHER_URL, named by [target.other] of jetbase.toml:2", "");
    unsetenv("OTHER_URL");
    run_has(&sb, "status --target other", 2, "", "The URL of target other is in the variable OTHER_URL, which is not set.");
    setenv("OTHER_URL", "", 1);
    run_has(&sb, "status --target other", 2, "", "which is not set.");
    run_has(&sb, "upgrade --target other", 2, "", "No other source is asked");
    assert_false(has_table(&sb));
    close_two(&sb, &other);
}

static void what_is_refused(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    run_has(&sb, "status --target prod", 2, "", "There is no target 'prod': jetbase.toml has no table [target.NAME].");
    write_toml(&sb, "[target.prod]\nurl = \"sqlite:///p.db\"\n[target.staging]\nurl = \"sqlite:///s.db\"\n[target.typo]\nurl = \"sqlite:///t.db\"\nprotectd = true\n[target.nothing]\n[target.type]\nurl = 5\n"
                    "[target.guard]\nurl = \"sqlite:///g.db\"\nprotected = \"yes\"\n[target.both]\nurl = \"sqlite:///b.db\"\nurl_env = \"X\"\n[target.jetbases]\nsqlalchemy_url = \"sqlite:///j.db\"\n");
    run_has(&sb, "status --target prd", 2, "", "There is no target 'prd' in jetbase.toml. The targets are: prod, staging, typo, nothing, type, guard, both, jetbases.");
    run_has(&sb, "status --target prd", 2, "", "Did you mean --target prod?");
    run_has(&sb, "status --target typo", 2, "", "jetbase.toml:7:12: error: 'protectd' is not a setting of a target");
    run_has(&sb, "status --target typo", 2, "", "Did you mean protected?");
    run_has(&sb, "status --target nothing", 2, "", "[target.nothing] of jetbase.toml, line 8, has no url.");
    run_has(&sb, "status --target type", 2, "", "sqlalchemy_url must be str, got int.");
    run_has(&sb, "status --target guard", 2, "", "protected of [target.guard] must be true or false.");
    run_has(&sb, "status --target both", 2, "", "[target.both] has url and url_env");
    run_has(&sb, "status --target jetbases", 2, "", "Did you mean url?");
    /* Who names none of them is not kept from working. */
    run_has(&sb, "status", 0, NULL, "warning: jetbase.toml:7: 'protectd' is not a setting of a target, as [target.typo] of jetbase.toml has it.\n");
    write_toml(&sb, "[target.prod]\nurl = \"a\"\n[target.prod]\nurl = \"b\"\n");
    run_has(&sb, "status --target prod", 2, "", "[target.prod] is declared a second time; the first one is in line 1.");
    write_toml(&sb, "[target]\nprod = \"a\"\n");
    run_has(&sb, "status --target prod", 2, "", "target.prod must be a table: [target.prod]");
    write_toml(&sb, "[target.\"a b\"]\nurl = \"a\"\n");
    run_has(&sb, "status --target prod", 2, "", "The name of a target may have letters, digits, - and _.");
    sandbox_close(&sb);
}

/* What stands in a target's URL is shown by no message. */
static void no_password_is_shown(enum sandbox_kind kind)
{
    static const char *const lines[] = { "config --target a", "status --target a", "upgrade --target b", "config --target b", "status --all-targets", "status --all-targets --json", "config --target c" };
    struct sandbox sb;
    sandbox_open(&sb, kind);
    write_toml(&sb, "[target.a]\nurl = \"postgresql://u:sesame@127.0.0.1:1/d\"\n[target.b]\nurl = \"postgresql://u:sesame@127.0.0.1:1/d\"\nprotected = true\n[target.c]\nurl = \"postgresql://u:sesame@127.0.0.1:1/d\"\nurl_env = \"X\"\n");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct process p;
        run_line(&sb, &p, lines[i]);
        if (strstr(p.out, "sesame") || strstr(p.err, "sesame"))
            fail_msg("%s shows a password:\n%s%s", lines[i], p.out, p.err);
        process_free(&p);
    }
    sandbox_close(&sb);
}

/* ---- protected ---- */

static void a_protected_target_wants_yes(enum sandbox_kind kind)
{
    static const char *const changes[] = { "upgrade", "rollback", "unlock", "fix", "fix-checksums", "fix-files", "validate-checksums --fix", "validate-files -f", "resolve V1 --mark-applied", "runs --prune 3", "rehearse", "baseline 1" };
    static const char *const looks[] = { "upgrade --dry-run", "rollback --dry-run", "status", "history", "current", "lock-status", "validate-checksums", "validate-files", "runs", "config" };
    struct sandbox sb, other;
    char line[200];
    open_two(kind, &sb, &other);
    write_toml(&sb, "[target.prod]\nurl_env = \"OTHER_URL\"\nprotected = true\n");
    run_has(&sb, "upgrade --target prod --yes -c 1", 0, "V1__", "");
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char wanted[300];
        snprintf(line, sizeof line, "--target prod %s", changes[i]);
        snprintf(wanted, sizeof wanted, "If prod is meant: jetbase --target prod %s --yes\n", changes[i]);
        run_has(&sb, line, 2, "", "prod is a protected target: without --yes nothing of it is changed, and nothing was done.");
        run_has(&sb, line, 2, "", wanted);
    }
    assert_int_equal(sandbox_number(&other, "SELECT count(*) FROM jetbase_migrations"), 1);
    assert_int_equal(sandbox_number(&other, "SELECT count(*) FROM jetbase_runs"), 1);
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        snprintf(line, sizeof line, "--target prod %s", looks[i]);
        run_has(&sb, line, 0, NULL, NULL);
    }
    run_has(&sb, "--target prod unlock --yes", 0, NULL, NULL);
    run_has(&sb, "--target prod rollback --yes", 0, NULL, NULL);
    json_t *json = run_json(&sb, "--target prod fix --json", 2);
    assert_string_equal(run_text(json, "error.code"), "usage");
    json_decref(json);
    /* Behind `--` it would be an operand. */
    run_has(&sb, "--target prod resolve --mark-applied -- V1", 2, "", "jetbase --yes --target prod resolve --mark-applied -- V1\n");
    close_two(&sb, &other);
}

/* A command that is added later is guarded unless its row of the table says that it only looks. */
static void every_command_is_guarded_or_looks(enum sandbox_kind kind)
{
    struct options plain = { 0 }, asked = { .fix = true, .prune_days = 1, .mark_applied = true }, dry = { .dry_run = true };
    (void)kind;
    for (const struct command *c = command_table; c->name; c++) {
        bool speaks = (c->flags & COMMAND_URL) != 0, looks = (c->flags & COMMAND_READS_ONLY) != 0;
        assert_int_equal(options_write(c, &asked), speaks && !looks);
        assert_int_equal(options_write(c, &plain), speaks && !looks && !(c->flags & COMMAND_WRITES_IF_ASKED));
        assert_false(options_write(c, &dry));
        if (c->flags & COMMAND_LOCKS)
            assert_false(looks);
    }
}

/* ---- all targets ---- */

/* With --check the worst of all is the answer. */
static void the_worst_is_the_answer(enum sandbox_kind kind)
{
    struct sandbox sb, other;
    open_two(kind, &sb, &other);
    write_toml(&sb, "[target.first]\nurl = \"%s\"\n[target.second]\nurl_env = \"OTHER_URL\"\n", sb.url);
    run_has(&sb, "upgrade --target first", 0, NULL, "");
    run_has(&sb, "upgrade --target second -c 1", 0, NULL, "");
    run_has(&sb, "status --all-targets", 0, NULL, "");
    run_has(&sb, "status --all-targets --check", 7, "first ", "");
    run_has(&sb, "upgrade --target second", 0, NULL, "");
    run_has(&sb, "status --all-targets --check", 0, NULL, "");
    sandbox_sql(&other, "UPDATE jetbase_migrations SET checksum = 'another' WHERE version = '1'");
    run_has(&sb, "status --all-targets --check", 5, "DISAGREES", "warning: second: history and files disagree, an upgrade will be refused: ");
    write_toml(&sb, "[target.first]\nurl = \"%s\"\n[target.second]\nurl_env = \"NOT_SET_ANYWHERE\"\n", sb.url);
    run_has(&sb, "status --all-targets --check", 2, "which is not set.", NULL);
    close_two(&sb, &other);
}

/* Where its table can't be read, neither can be what guards it. */
static void what_guards_it_is_not_guessed(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    write_toml(&sb, "[target.odd]\nurl = 5\nprotected = true\n[target.plain]\nurl = \"%s\"\n", sb.url);
    json_t *json = run_json(&sb, "status --all-targets --json", 0), *targets = json_object_get(json, "targets");
    assert_true(json_is_null(json_object_get(json_array_get(targets, 0), "protected")));
    assert_true(json_is_false(json_object_get(json_array_get(targets, 1), "protected")));
    json_decref(json);
    sandbox_close(&sb);
}

static void all_targets_side_by_side(enum sandbox_kind kind)
{
    struct sandbox sb, other;
    open_two(kind, &sb, &other);
    run_has(&sb, "status --all-targets", 2, "", "There are no targets: jetbase.toml has no table [target.NAME].");
    write_toml(&sb, "[target.first]\nurl = \"%s\"\n[target.gone]\nurl = \"postgresql://u:p@127.0.0.1:1/d\"\n[target.second]\nurl_env = \"OTHER_URL\"\nprotected = true\n[target.unset]\nurl_env = \"NOT_SET_ANYWHERE\"\n", sb.url);
    run_has(&sb, "upgrade --target first", 0, NULL, "");
    run_has(&sb, "upgrade --target second --yes -c 1", 0, NULL, "");
    sandbox_sql(&other, "UPDATE jetbase_lock SET is_locked = TRUE, locked_at = CURRENT_TIMESTAMP, process_id = '5f1c1a2e-0000-4000-8000-00000000c1c1' WHERE id = 1");
    json_t *json = run_json(&sb, "status --all-targets --json", 0);
    assert_int_equal(json_array_size(json_object_get(json, "targets")), 4);
    assert_string_equal(run_text(json, "targets.0.target"), "first");
    assert_string_equal(run_text(json, "targets.0.version"), "2");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(json, "targets"), 0), "pending")), 0);
    assert_true(json_is_false(json_object_get(json_object_get(json_array_get(json_object_get(json, "targets"), 0), "lock"), "locked")));
    assert_true(json_is_false(json_object_get(json_array_get(json_object_get(json, "targets"), 1), "reachable")));
    assert_string_equal(run_text(json, "targets.1.error.code"), "no-connection");
    assert_null(run_text(json, "targets.1.version"));
    assert_string_equal(run_text(json, "targets.2.version"), "1");
    assert_true(json_is_true(json_object_get(json_array_get(json_object_get(json, "targets"), 2), "protected")));
    assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(json, "targets"), 2), "pending")), 1);
    assert_string_equal(run_text(json, "targets.2.lock.verdict"), "unknown");
    assert_string_equal(run_text(json, "targets.3.error.code"), "config");
    json_decref(json);
    run_has(&sb, "status --all-targets --check", 6, "can't connect", NULL);
    run_has(&sb, "status --all-targets --check --quiet", 6, "", NULL);
    struct process p;
    assert_int_equal(run_line(&sb, &p, "status --all-targets"), 0);
    assert_non_null(strstr(p.out, "\nsecond PROTECTED"));
    assert_non_null(strstr(p.out, "held by another program, unknown\n"));
    assert_non_null(strstr(p.out, "can't connect to PostgreSQL at 127.0.0.1 port 1"));
    assert_non_null(strstr(p.out, "The URL of target unset is in the variable NOT_SET_ANYWHERE, which is not set."));
    process_free(&p);
    run_has(&sb, "status --all-targets --target first", 2, "", "--all-targets and --target can't stand together");
    close_two(&sb, &other);
}

int main(void)
{
    static const struct run_case tests[] = {
        RUN_TEST(a_target_is_another_database), RUN_TEST(a_url_goes_before), RUN_TEST(a_variable_holds_the_url), RUN_TEST(what_is_refused), RUN_TEST(no_password_is_shown),
        RUN_TEST(a_protected_target_wants_yes), RUN_TEST(every_command_is_guarded_or_looks), RUN_TEST(all_targets_side_by_side), RUN_TEST(the_worst_is_the_answer),
        RUN_TEST(what_guards_it_is_not_guessed),
    };
    return run_group("targets", tests, sizeof tests / sizeof *tests);
}
