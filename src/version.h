/* version.h: migration versions, their form and order, as Jetbase 0.18.1 has them. */
#ifndef JETBASE_VERSION_H
#define JETBASE_VERSION_H

#include <stdbool.h>

/* True where text is digits in groups separated by single '.' or '_' ("1", "1.5", "20251225.143022"). ASCII digits only. */
bool version_valid(const char *text);

/* Compares numerically by component, of any length; missing components count as 0 ("1" equals "1.0" and "01"). <0, 0, >0. */
int version_compare(const char *a, const char *b);

#endif
