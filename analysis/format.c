/* SPDX-License-Identifier: Apache-2.0 */
/* Figures for people: four digits and a unit, never wider than a table cell. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/table.h"

#include <stdio.h>

static char *scaled(double value, double step, const char *const units[], char *out, size_t size)
{
	int i = 0;

	/* 0.9995: what would print as 1000 of one unit is 1.00 of the next. */
	while (units[i + 1] && value >= step * 0.9995) {
		value /= step;
		i++;
	}
	snprintf(out, size, "%.*f %s", i == 0 ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0,
		 value, units[i]);
	return out;
}

char *format_ns(double ns, char *out, size_t out_bytes)
{
	static const char *const units[] = { "ns", "us", "ms", "s", NULL };

	return scaled(ns, 1000, units, out, out_bytes);
}

char *format_bytes(double bytes, char *out, size_t out_bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", NULL };

	return scaled(bytes, 1024, units, out, out_bytes);
}

char *format_rate(double bytes_per_second, char *out, size_t out_bytes)
{
	static const char *const units[] = { "B/s", "KB/s", "MB/s", "GB/s", "TB/s", NULL };

	return scaled(bytes_per_second, 1000, units, out, out_bytes);
}

char *value_format(const struct value *value, char *out, size_t out_bytes)
{
	if (!value->known) {
		snprintf(out, out_bytes, "-");
		return out;
	}
	switch (value->unit) {
	case UNIT_NS:
		return format_ns(value->number, out, out_bytes);
	case UNIT_BYTES:
		return format_bytes(value->number, out, out_bytes);
	case UNIT_RATE:
		return format_rate(value->number, out, out_bytes);
	case UNIT_PERCENT:
		snprintf(out, out_bytes, "%.1f", value->number);
		break;
	case UNIT_RATIO:
		snprintf(out, out_bytes, value->number < 100 ? "%.2f" : "%.0f", value->number);
		break;
	case UNIT_ID:
	case UNIT_COUNT:
		snprintf(out, out_bytes, "%.0f", value->number);
		break;
	case UNIT_TEXT:
	case UNIT_NAME:
		snprintf(out, out_bytes, "%s", value->text);
		break;
	}
	return out;
}
