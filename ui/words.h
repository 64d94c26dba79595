/* words.h: how the console says ages, times, people, files and verdicts. Pure; every text it writes is safe to show. */
#ifndef JETBASE_UI_WORDS_H
#define JETBASE_UI_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lock.h"
#include "plan.h"
#include "snapshot.h"

/* "8 s", "4 min 12 s", "2 h 05 min", "3 d 4 h"; "?" below 0. */
void words_age(double age_s, char *to, size_t size);
/* "0.2 s", "12.4 s", then as words_age. Takes milliseconds. */
void words_duration(double ms, char *to, size_t size);
/* "14:02:31 CET": local time of day. Takes microseconds since 1970. */
void words_clock(int64_t wall_us, bool zone, char *to, size_t size);
/* "Nov 20 16:05" from a time as a database stores it ("2025-11-20 16:05:00.1", RFC 3339). utc: it is in UTC and is shown in local time; else as stored. Text that is no time is shown as it is. */
void words_when(const char *stored, bool utc, char *to, size_t size);
/* "deploy@ci-runner-7, pid 9114"; what is not known is left out, "?" where nothing is. */
void words_holder(const struct run_row *run, char *to, size_t size);
/* "40122 app@10.0.0.4 "web-3""; user and address are "?" where they are hidden from this role. less: 1 leaves the application out, 2 the address too. */
void words_blocker(const struct db_blocker *blocker, int less, char *to, size_t size);
/* "V14" from "V14__orders.sql"; a name without "__" stays as it is. */
void words_label(const char *file, char *to, size_t size);
/* "ALIVE", "DEAD", "UNKNOWN". */
const char *words_verdict(enum lock_verdict verdict);
/* "upgrade" or "rollback". */
const char *words_direction(enum plan_direction direction);
/* The text with every "jetbase " command left standing and its first letter made capital, where it is a-z. */
void words_sentence(const char *text, char *to, size_t size);
/* What is known of a half-applied file in short: "1 of 5 done, statement 2 may have run". */
void words_half(const struct snap_half *half, char *to, size_t size);
/* "V14 is half applied", or "V14 is half applied in its rollback". */
void words_half_head(const struct snap_half *half, char *to, size_t size);
/* "s" unless n is 1. */
const char *words_plural(uint64_t n);
/* "███░░░░░": how far n of total is, `cells` wide. */
void words_bar(uint64_t n, uint64_t total, int cells, char *to, size_t size);

#endif
