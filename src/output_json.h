/* output_json.h: the JSON that commands print (`"schema":1`; unknown is null, never left out). */
#ifndef JETBASE_OUTPUT_JSON_H
#define JETBASE_OUTPUT_JSON_H

#include <jansson.h>

#include "lock.h"
#include "output.h"

/* Builders. Every value they give belongs to the caller; NULL where memory ran out, which json_pack's `o` passes on as a failure of the whole. */

/* A string; null for NULL and "". Text that is no UTF-8 is made visible. */
json_t *json_words(const char *text);
/* The same with a length; "" stays "". */
json_t *json_piece(const char *text, size_t len);
/* A number; null below 0. */
json_t *json_count(int64_t number);
json_t *json_seconds(double seconds);
/* A time of the database's tables: RFC 3339 where its zone is known (`utc`, or the text has one), else as stored with `T` in its middle; null for "". */
json_t *json_time(const char *stored, bool utc);
/* Microseconds since 1970 as RFC 3339 UTC. */
json_t *json_wall(int64_t wall_us);
/* The "error" object: code, message, detail (with the state that things are in now), hint, file, line, column, sqlstate. */
json_t *json_error(const struct error *err);
/* The lock, as lock-status shows it. utc: stored times are UTC. */
json_t *json_lock(const struct lock_view *view, bool utc);

/* Prints `object` as one line on standard output and frees it. False: ERR_NO_MEMORY (also for NULL). */
bool output_json(struct output *o, json_t *object, struct error *err);
/* The same in pieces, for what is too large to stand in memory: text as it is … */
void output_json_raw(struct output *o, const char *text);
/* … and an object, which is freed; members: without its braces, so that more members can follow. False: ERR_NO_MEMORY (also for NULL). */
bool output_json_piece(struct output *o, json_t *object, bool members, struct error *err);
/* Tells a failure: {"schema":1,"error":…,"exit":code}; with events as an "error" event and run-ended. */
void output_json_failure(struct output *o, const struct error *err, int code, bool events, int64_t wall_us);

#endif
