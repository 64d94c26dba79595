/* schema.h: the objects of a schema at one moment, and what two such moments differ in. */
#ifndef JETBASE_SCHEMA_H
#define JETBASE_SCHEMA_H

#include "rehearsal.h"

/* Free with schema_free(). */
struct schema;

/* An empty one; NULL where memory ran out. */
struct schema *schema_make(void);
/* db_schema_fn: adds a copy of the object. user is the schema. */
bool schema_add(void *user, const struct db_schema_object *object);
/* Fills m's differences: what `after` has that `before` has not, and so on. An object whose whole is itself missing or left over is not told beside it. False where memory ran out. */
bool schema_compare(struct schema *before, struct schema *after, struct rehearsal_migration *m);
/* NULL is allowed. */
void schema_free(struct schema *schema);

#endif
