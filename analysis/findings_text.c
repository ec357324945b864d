/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Advice from its template. In braces stand: lost, concerned, average (lost time each) as times,
 * percent (lost, of the wall time), count, times ("once", "7 times"), where, what, text, and a, b, c,
 * behind which a unit may follow ("{a ns}", "{a bytes}", "{a rate}") or, behind count too, what is
 * counted: "{count copies}".
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/findings_internal.h"
#include "analysis/table.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_plain(FILE *out, double value)
{
	fprintf(out, value == (double)(int64_t)value || value >= 100 ? "%.0f" :
		value >= 10 ? "%.1f" : "%.2f", value);
}

static bool is_unit(const char *unit)
{
	return !strcmp(unit, "ns") || !strcmp(unit, "bytes") || !strcmp(unit, "rate");
}

/* "copies" of several, "copy" of one. */
static void put_noun(FILE *out, double count, const char *plural)
{
	size_t length = strlen(plural);

	if (count != 1)
		fprintf(out, " %s", plural);
	else if (length > 3 && !strcmp(plural + length - 3, "ies"))
		fprintf(out, " %.*sy", (int)length - 3, plural);
	else
		fprintf(out, " %.*s", (int)length - 1, plural);
}

static void put_number(FILE *out, double value, const char *unit)
{
	char text[64];

	if (!strcmp(unit, "ns"))
		fputs(format_ns(value, text, sizeof(text)), out);
	else if (!strcmp(unit, "bytes"))
		fputs(format_bytes(value, text, sizeof(text)), out);
	else if (!strcmp(unit, "rate"))
		fputs(format_rate(value, text, sizeof(text)), out);
	else
		put_plain(out, value);
	if (*unit && !is_unit(unit))
		put_noun(out, value, unit);
}

static void put_name(FILE *out, const char *name, const char *unknown)
{
	fputs(name && name[0] ? name : unknown, out);
}

static void put_field(FILE *out, const char *field, const struct run_finding *f,
		      const struct finding_values *values)
{
	const char *unit = strchr(field, ' ') ? strchr(field, ' ') + 1 : "";
	double lost = (double)f->lost_ns;

	if (!strcmp(field, "lost"))
		put_number(out, lost, "ns");
	else if (!strcmp(field, "concerned"))
		put_number(out, (double)f->concerned_ns, "ns");
	else if (!strcmp(field, "average"))
		put_number(out, f->count ? lost / (double)f->count : lost, "ns");
	else if (!strcmp(field, "percent"))
		fprintf(out, "%.1f %%", f->wall_ns ? 100 * lost / (double)f->wall_ns : 0);
	else if (!strncmp(field, "count", 5))
		put_number(out, (double)f->count, unit);
	else if (!strcmp(field, "times"))
		fprintf(out, f->count == 1 ? "once" : "%llu times", (unsigned long long)f->count);
	else if (!strcmp(field, "where"))
		put_name(out, f->where, "code whose call path was not recorded");
	else if (!strcmp(field, "what"))
		put_name(out, f->what, "something without a name");
	else if (!strcmp(field, "text"))
		put_name(out, values ? values->text : NULL, "what is not known");
	else if (values && field[0] >= 'a' && field[0] <= 'c')
		put_number(out, (&values->a)[field[0] - 'a'], unit);
}

const char *finding_gain(const struct run_finding *f, char text[FINDING_GAIN_BYTES])
{
	char low[32], high[32], likely[32], now[32], after[32], best[32], worst[32];
	char bounds[80] = "";

	format_ns((double)f->gain_low_ns, low, sizeof(low));
	format_ns((double)f->gain_high_ns, high, sizeof(high));
	if (!f->is_predicted) {
		snprintf(text, FINDING_GAIN_BYTES, "%s to %s (bounds)", low, high);
		return text;
	}
	format_ns((double)f->gain_ns, likely, sizeof(likely));
	format_ns((double)f->step_now_ns, now, sizeof(now));
	format_ns((double)f->step_ns, after, sizeof(after));
	format_ns((double)f->step_low_ns, best, sizeof(best));
	format_ns((double)f->step_high_ns, worst, sizeof(worst));
	if (strcmp(low, high))
		snprintf(bounds, sizeof(bounds), " (%s to %s)", low, high);
	snprintf(text, FINDING_GAIN_BYTES, "%s%s, as predicted for the steps: median "
		 "%s (%s to %s) instead of %s", likely, bounds, after, best, worst, now);
	return text;
}

char *finding_advice(const char *template, const struct run_finding *finding,
		     const struct finding_values *values)
{
	char *text = NULL, field[32];
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return NULL;
	for (const char *at = template; *at; at++) {
		size_t length = *at == '{' ? strcspn(at + 1, "}") : 0;

		if (*at != '{') {
			fputc(*at, out);
			continue;
		}
		snprintf(field, sizeof(field), "%.*s", (int)length, at + 1);
		put_field(out, field, finding, values);
		at += length + 1;
	}
	return fclose(out) ? NULL : text;
}
