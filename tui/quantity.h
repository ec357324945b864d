/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for people: three significant digits, one unit, and a width that does not jump. */
#ifndef GPUTRAIL_TUI_QUANTITY_H
#define GPUTRAIL_TUI_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A number and its unit apart, so that both can be aligned and the unit can be dimmed. */
struct quantity {
	char number[32];
	char unit[4];
};

struct quantity quantity_ns(uint64_t ns);
struct quantity quantity_bytes(uint64_t bytes);
struct quantity quantity_count(uint64_t count);
struct quantity quantity_rate(double bytes_per_second);

#define QUANTITY_SIZE 32
/* "1.23 ms", "4.00 GiB", "12 345", "41.2%": returned in `out`, which has QUANTITY_SIZE bytes. */
const char *quantity_text_ns(char *out, uint64_t ns);
const char *quantity_text_bytes(char *out, uint64_t bytes);
const char *quantity_text_count(char *out, uint64_t count);
const char *quantity_text_percent(char *out, double share);

/* Reads "1.5ms", "4GiB", "20%", "1000" the way the columns show them; false if it is no number. */
bool quantity_parse(const char *text, double *value);

#endif
