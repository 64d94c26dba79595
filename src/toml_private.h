/* toml_private.h: what toml*.c share and nobody else needs. */
#ifndef JETBASE_TOML_PRIVATE_H
#define JETBASE_TOML_PRIVATE_H

#include "text.h"
#include "toml.h"

/* A text being read. */
struct parser {
    const char *at, *end, *begin;
    unsigned line;
    const char *file;
    toml_fn fn;
    void *user;
    struct error *err;
    int depth;
    bool quiet;           /* inside an array: values have no path of their own */
    struct text table;    /* path of the table that keys now belong to, with its final dot */
};

/* Refuses the text at the byte reached, or at another one. Return false. */
bool parser_fail(struct parser *p, const char *message);
bool parser_fail_at(struct parser *p, const char *at, const char *message);
bool parser_no_memory(struct parser *p);
/* Whether this word is next. */
bool parser_sees(const struct parser *p, const char *word);
/* Passes blanks; passes one line end, if one is here. */
void parser_skip_blanks(struct parser *p);
bool parser_take_newline(struct parser *p);
/* A string on one line, and one in triple quotes, at the opening quote; what it holds is appended. What is wrong in the latter is placed at its begin: its lines may be secret. */
bool parser_string(struct parser *p, struct text *out);
bool parser_multiline(struct parser *p, struct text *out);

#endif
