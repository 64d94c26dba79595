/* fuzz_config.c: promises of the readers of configuration that hold for every input.
 *
 * - A text is read, or refused with a message, a place inside it, and a line that is safe to show.
 * - Values say where they stand, in the order of the text.
 * - A text that was read is read alike with CRLF for LF, with one empty line more before it, and with a comment behind it.
 * - A TOML string written anew as a basic string is the same string. */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "envpy.h"
#include "text.h"
#include "toml.h"
#include "utf8.h"

static void broken(const char *what, const char *text, size_t len)
{
    fprintf(stderr, "fuzz_config: %s\n---- text\n", what);
    fwrite(text, 1, len, stderr);
    fprintf(stderr, "\n----\n");
    abort();
}

static unsigned lines_of(const char *text, size_t len)
{
    unsigned lines = 1;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\r' || (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'));
    return lines;
}

/* What a fault tells. */
static void check_error(const struct error *err, const char *text, size_t len)
{
    size_t shown = strlen(err->source);
    if (err->code != ERR_CONFIG || err->message[0] == '\0' || strcmp(err->place.file, "x") != 0)
        broken("a refusal without code, message or file", text, len);
    if (err->place.line == 0 || err->place.line > lines_of(text, len) || err->place.column == 0)
        broken("a refusal without a place in the text", text, len);
    if (!utf8_valid(err->source, shown) || err->caret > text_chars(err->source, shown) + 1)
        broken("a source line or caret that can't be shown", text, len);
    for (size_t i = 0; i < shown; i++)
        if ((unsigned char)err->source[i] < 0x20 || err->source[i] == 0x7F)
            broken("a control byte in the source line", text, len);
}

/* Copies a text with \r\n for \n. */
static void with_crlf(const char *text, size_t len, struct text *out)
{
    for (size_t i = 0; i < len; i++)
        text_add(out, text[i] == '\n' ? "\r\n" : &text[i], text[i] == '\n' ? 2 : 1);
}

static bool has_byte(const char *text, size_t len, char byte)
{
    return len > 0 && memchr(text, byte, len) != NULL;
}

/* ---- TOML ---- */

/* Everything that was read, as one text; lines are counted from `first`. */
struct toml_all {
    struct text said;
    unsigned first, last_line;
    size_t len;
    bool ordered, whole;
};

static bool on_toml(void *user, const char *path, const struct setting *value, struct error *err)
{
    struct toml_all *all = user;
    (void)err;
    all->ordered = all->ordered && value->line >= all->last_line && value->at < all->len;
    all->last_line = value->line;
    all->whole = all->whole && path[0] != '\0' && value->kind != SETTING_ABSENT && value->kind < SETTING_UNREADABLE && value->text != NULL;
    text_printf(&all->said, "%s|%d|%s|%d|%u\n", path, (int)value->kind, value->text, value->truth, value->line - all->first);
    return true;
}

static bool read_toml(const char *text, size_t len, unsigned first, struct toml_all *all, struct error *err)
{
    *all = (struct toml_all){.first = first, .len = len, .ordered = true, .whole = true};
    *err = (struct error){0};
    return toml_read(text, len, "x", on_toml, all, err);
}

static void check_toml_again(const char *text, size_t len, unsigned first, const struct toml_all *all, const char *what)
{
    struct toml_all again;
    struct error err;
    if (!read_toml(text, len, first, &again, &err) || strcmp(text_string(&again.said), text_string(&all->said)) != 0)
        broken(what, text, len);
    text_free(&again.said);
}

/* A string written anew. */
static bool on_string(void *user, const char *path, const struct setting *value, struct error *err)
{
    struct text toml = {0};
    (void)path;
    (void)user;
    if (value->kind != SETTING_TEXT)
        return true;
    text_puts(&toml, "k = \"");
    for (const char *at = value->text; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7F || *at == '"' || *at == '\\')
            text_printf(&toml, "\\u%04X", (unsigned)(unsigned char)*at);
        else
            text_add(&toml, at, 1);
    }
    text_puts(&toml, "\"\n");
    struct toml_all again;
    struct error why;
    struct text want = {0};
    text_printf(&want, "k|%d|%s|0|0\n", (int)SETTING_TEXT, value->text);
    if (!read_toml(text_string(&toml), toml.len, 1, &again, &why) || strcmp(text_string(&again.said), text_string(&want)) != 0)
        broken("a string written anew is another one", text_string(&toml), toml.len);
    (void)err;
    text_free(&again.said);
    text_free(&want);
    text_free(&toml);
    return true;
}

void fuzz_toml(const char *text, size_t len)
{
    struct toml_all all;
    struct error err;
    struct text other = {0};
    if (!read_toml(text, len, 1, &all, &err)) {
        check_error(&err, text, len);
        text_free(&all.said);
        return;
    }
    if (!all.ordered || !all.whole)
        broken("values out of order, or without path or text", text, len);
    if (!has_byte(text, len, '\r')) {
        with_crlf(text, len, &other);
        check_toml_again(text_string(&other), other.len, 1, &all, "CRLF changes the values");
    }
    text_reset(&other);
    text_puts(&other, "\n");
    text_add(&other, text, len);
    text_puts(&other, "\n# end");
    check_toml_again(text_string(&other), other.len, 2, &all, "an empty line or a comment changes the values");
    if (utf8_valid(text, len) && !has_byte(text, len, '\0'))
        toml_read(text, len, "x", on_string, NULL, &err);
    text_free(&other);
    text_free(&all.said);
}

/* ---- env.py ---- */

static void names_seen(void *user, const char *name, size_t len, unsigned line)
{
    text_printf(user, "%.*s|%u\n", (int)len, name, line == 0 ? 0 : 1);
}

static bool read_envpy(const char *text, size_t len, unsigned first, struct text *said, struct error *err)
{
    struct setting settings[CONFIG_KEYS] = {0};
    *err = (struct error){0};
    bool ok = envpy_read(text, len, "x", settings, names_seen, said, err);
    for (int key = 0; key < CONFIG_KEYS; key++) {
        const struct setting *s = &settings[key];
        if (ok && s->kind != SETTING_ABSENT && (s->text == NULL || s->line < first || s->at >= len))
            broken("a value without text or place", text, len);
        /* reasons name lines, which may be others */
        bool reason = s->kind == SETTING_UNREADABLE || s->kind == SETTING_UNSET;
        text_printf(said, "%d|%d|%s|%d|%u\n", key, (int)s->kind, reason || s->text == NULL ? "" : s->text, s->truth, s->kind == SETTING_ABSENT ? 0 : s->line - first);
        setting_free(&settings[key]);
    }
    return ok;
}

static void check_envpy_again(const char *text, size_t len, unsigned first, const struct text *said, const char *what)
{
    struct text again = {0};
    struct error err;
    if (!read_envpy(text, len, first, &again, &err) || strcmp(text_string(&again), text_string(said)) != 0)
        broken(what, text, len);
    text_free(&again);
}

void fuzz_envpy(const char *text, size_t len)
{
    struct text said = {0}, other = {0};
    struct error err;
    if (!read_envpy(text, len, 1, &said, &err)) {
        check_error(&err, text, len);
        text_free(&said);
        return;
    }
    if (!has_byte(text, len, '\r')) {
        with_crlf(text, len, &other);
        check_envpy_again(text_string(&other), other.len, 1, &said, "CRLF changes the values");
    }
    text_reset(&other);
    if (len < 3 || memcmp(text, "\xEF\xBB\xBF", 3) != 0)
        text_puts(&other, "\n");
    unsigned first = other.len > 0 ? 2 : 1;
    text_add(&other, text, len);
    text_puts(&other, "\n# end");
    check_envpy_again(text_string(&other), other.len, first, &said, "an empty line or a comment changes the values");
    text_free(&other);
    text_free(&said);
}
