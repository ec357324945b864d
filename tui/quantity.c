/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for people: see quantity.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/quantity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
	double scale;
	const char *name;
};

static const struct unit time_units[] = {
	{ 3600e9, "h" }, { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" }, { 1, "ns" }, { 0, NULL },
};
static const struct unit byte_units[] = {
	{ 1125899906842624.0, "PiB" }, { 1099511627776.0, "TiB" }, { 1073741824.0, "GiB" },
	{ 1048576.0, "MiB" }, { 1024.0, "KiB" }, { 1, "B" }, { 0, NULL },
};

/* The largest unit in which the value, rounded to three digits, is at least 1. */
static const struct unit *unit_of(const struct unit *units, double value)
{
	while (units[1].name && value < units->scale * 0.9995)
		units++;
	return units;
}

static void three_digits(char *out, size_t size, double value)
{
	if (value < 9.995)
		snprintf(out, size, "%.2f", value);
	else if (value < 99.95)
		snprintf(out, size, "%.1f", value);
	else
		snprintf(out, size, "%.0f", value);
}

static struct quantity quantity_of(const struct unit *units, double value)
{
	const struct unit *unit = unit_of(units, value);
	struct quantity q;

	if (!units[0].name || !unit[1].name)	/* the base unit has no fractions */
		snprintf(q.number, sizeof(q.number), "%.0f", value);
	else
		three_digits(q.number, sizeof(q.number), value / unit->scale);
	snprintf(q.unit, sizeof(q.unit), "%s", unit->name);
	return q;
}

struct quantity quantity_ns(uint64_t ns)
{
	/* Runs of some minutes read better in seconds: 5400 s, then 2.78 h. */
	return quantity_of(time_units + ((double)ns < 9999.5e9), (double)ns);
}

struct quantity quantity_bytes(uint64_t bytes)
{
	return quantity_of(byte_units, (double)bytes);
}

struct quantity quantity_rate(double bytes_per_second)
{
	static const struct unit units[] = {
		{ 1e12, "TB/s" }, { 1e9, "GB/s" }, { 1e6, "MB/s" }, { 1e3, "KB/s" }, { 1, "B/s" },
		{ 0, NULL },
	};
	struct quantity q = quantity_of(units, bytes_per_second);

	/* "GB/s" does not fit the unit; the column's title says "per second". */
	q.unit[2] = '\0';
	return q;
}

struct quantity quantity_count(uint64_t count)
{
	static const struct unit units[] = {
		{ 1e18, "E" }, { 1e15, "P" }, { 1e12, "T" }, { 1e9, "G" }, { 1e6, "M" }, { 1, "" },
		{ 0, NULL },
	};
	struct quantity q;

	if (count >= 10000000)
		return quantity_of(units, (double)count);
	q.unit[0] = '\0';
	if (count >= 1000000)
		snprintf(q.number, sizeof(q.number), "%u %03u %03u", (unsigned)(count / 1000000),
			 (unsigned)(count / 1000 % 1000), (unsigned)(count % 1000));
	else if (count >= 1000)
		snprintf(q.number, sizeof(q.number), "%u %03u", (unsigned)(count / 1000),
			 (unsigned)(count % 1000));
	else
		snprintf(q.number, sizeof(q.number), "%u", (unsigned)count);
	return q;
}

static const char *joined(char *out, struct quantity q)
{
	snprintf(out, QUANTITY_SIZE, "%.24s%s%.3s", q.number, q.unit[0] ? " " : "", q.unit);
	return out;
}

const char *quantity_text_ns(char *out, uint64_t ns)
{
	return joined(out, quantity_ns(ns));
}

const char *quantity_text_bytes(char *out, uint64_t bytes)
{
	return joined(out, quantity_bytes(bytes));
}

const char *quantity_text_count(char *out, uint64_t count)
{
	return joined(out, quantity_count(count));
}

const char *quantity_text_percent(char *out, double share)
{
	if (share < 0)
		snprintf(out, QUANTITY_SIZE, "-");
	else if (share > 0 && share < 0.0005)
		snprintf(out, QUANTITY_SIZE, "<0.1%%");
	else if (share >= 0.9995)
		snprintf(out, QUANTITY_SIZE, "%.0f%%", share * 100);
	else
		snprintf(out, QUANTITY_SIZE, "%.1f%%", share * 100);
	return out;
}

bool quantity_parse(const char *text, double *value)
{
	static const struct unit units[] = {
		{ 1, "" }, { 1, "ns" }, { 1e3, "us" }, { 1e6, "ms" }, { 1e9, "s" }, { 3600e9, "h" },
		{ 1, "b" }, { 1024.0, "kib" }, { 1048576.0, "mib" }, { 1073741824.0, "gib" },
		{ 1e3, "k" }, { 1e6, "m" }, { 1e9, "g" }, { 0.01, "%" }, { 0, NULL },
	};
	char *end;
	double number;

	if ((*text < '0' || *text > '9') && *text != '.')
		return false;
	number = strtod(text, &end);
	for (const struct unit *u = units; u->name; u++) {
		if (strcasecmp(end, u->name) == 0) {
			*value = number * u->scale;
			return true;
		}
	}
	return false;
}
