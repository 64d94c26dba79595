/* envpy_private.h: tokens and values of env.py, shared by envpy.c, envpy_lex.c and envpy_value.c. */
#ifndef JETBASE_ENVPY_PRIVATE_H
#define JETBASE_ENVPY_PRIVATE_H

#include "config.h"
#include "text.h"

enum token_kind { TOKEN_NAME, TOKEN_NUMBER, TOKEN_STRING, TOKEN_OP, TOKEN_NEWLINE, TOKEN_END };

/* One token; at points into the file's text. NEWLINE ends a logical line; END is always the last one. */
struct token {
    enum token_kind kind;
    const char *at;
    size_t len;
    unsigned line;
    int depth;        /* open brackets before it */
    bool indented;    /* its logical line begins with blanks */
    unsigned char prefix, quotes; /* STRING: bytes of prefix (r, b, …), of one quote (1 or 3) */
};

struct tokens {
    struct token *at;
    size_t count, capacity;
};

/* Splits Python into tokens. *out is to be freed with tokens_free() in either case. False: ERR_CONFIG with the place, ERR_NO_MEMORY. */
bool envpy_lex(const char *text, size_t len, const char *file, struct tokens *out, struct error *err);
void tokens_free(struct tokens *tokens);

/* Whether a token is this name or operator. */
bool token_is(const struct token *t, const char *word);

/* The value of an expression, tokens from `from` up to but without `to`. touched: the line of an earlier statement that may have changed the environment, 0 for none. *out is ABSENT for None, UNREADABLE with the reason for what is not understood. False only where memory ran out. */
bool envpy_value(const struct token *from, const struct token *to, unsigned touched, struct setting *out);

#endif
