/* SPDX-License-Identifier: Apache-2.0 */
/* Two runs by the names of their figures, and conditions on how they differ. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/metrics.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/internal.h"

const struct metric_part metric_parts[] = {
	{ "gpu", "GPUs" }, { "run", "The whole run, all GPUs" }, { "step", "Steps" },
	{ "idle", "Idle time of a step by cause" },
	{ "family", "GPU time of a step by kernel family" },
	{ "launch", "GPU time of a launch, by kind of step and ordinal" },
	{ "path", "Idle time of a step by what is to blame" },
};
const size_t metric_part_count = sizeof(metric_parts) / sizeof(*metric_parts);

const struct metric_part *metric_part(const char *name)
{
	/* "gpu0.busy": the number is no part of the name. */
	for (size_t i = metric_part_count; i-- > 1;) {
		size_t length = strlen(metric_parts[i].name);

		if (!strncmp(name, metric_parts[i].name, length) && (name[length] == '.' || !name[length]))
			return &metric_parts[i];
	}
	return &metric_parts[0];
}

double metric_change_by(const struct metric_change *c)
{
	return (isnan(c->after) ? 0 : c->after) - (isnan(c->before) ? 0 : c->before);
}

double metric_change_percent(const struct metric_change *c)
{
	return c->before != 0 ? 100 * metric_change_by(c) / c->before : NAN;
}

static bool is_nothing(double value)
{
	return isnan(value) || value == 0;
}

/* Not what neither run has any of, nor what whole runs sum up to where steps tell more. */
static void find_matter(struct metric_change_list *list)
{
	bool steps = false;

	for (size_t i = 0; i < list->count; i++)
		steps |= !strcmp(list->rows[i].name, "step.count") && !isnan(list->rows[i].before) &&
			 !isnan(list->rows[i].after);
	for (size_t i = 0; i < list->count; i++) {
		struct metric_change *c = &list->rows[i];

		c->matters = !(is_nothing(c->before) && is_nothing(c->after)) &&
			     !(steps && !strncmp(c->name, "run.", 4));
	}
}

int metric_changes(const struct run_metric_list *before, const struct run_metric_list *after,
		   struct metric_change_list *list)
{
	size_t i = 0, j = 0;

	*list = (struct metric_change_list){ 0 };
	while (i < before->count || j < after->count) {
		const struct run_metric *a = i < before->count ? &before->rows[i] : NULL;
		const struct run_metric *b = j < after->count ? &after->rows[j] : NULL;
		int order = !a ? 1 : !b ? -1 : strcmp(a->name, b->name);
		struct metric_change *change = LIST_ADD(list);

		if (!change) {
			metric_change_list_free(list);
			return -1;
		}
		*change = (struct metric_change){ order <= 0 ? a->name : b->name,
						  order <= 0 ? a->unit : b->unit,
						  order <= 0 ? a->value : NAN,
						  order >= 0 ? b->value : NAN, true };
		i += order <= 0;
		j += order >= 0;
	}
	find_matter(list);
	return 0;
}

void metric_change_list_free(struct metric_change_list *list)
{
	free(list->rows);
	*list = (struct metric_change_list){ 0 };
}

/* A decimal number with a point, in any locale; *end behind it. */
static double number(const char *text, char **end)
{
	locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	double value;

	*end = (char *)(uintptr_t)text;
	if (!c)
		return 0;
	value = strtod_l(text, end, c);
	freelocale(c);
	return value;
}

int metric_limit_parse(const char *text, struct metric_limit *limit, char *why, size_t why_bytes)
{
	static const struct { const char *unit; double factor; } units[] = {
		{ "", 1 }, { "%", 0.01 }, { "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 },
	};
	size_t length = strlen(text);
	const char *figure;
	char *end;

	*limit = (struct metric_limit){ 0 };
	/* The last one: templates have them in their names. */
	while (length && text[length] != '<' && text[length] != '>')
		length--;
	figure = text + length + 1;
	if (!length || !text[length] || length >= sizeof(limit->name)) {
		snprintf(why, why_bytes, "not NAME>FIGURE or NAME<FIGURE");
		return -1;
	}
	memcpy(limit->name, text, length);
	limit->above = text[length] == '>';
	limit->is_change = *figure == '+' || *figure == '-';
	limit->figure = number(figure, &end);
	if (end == figure || !isfinite(limit->figure)) {
		snprintf(why, why_bytes, "no number behind '%c'", text[length]);
		return -1;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit))
			continue;
		limit->is_percent = *end == '%';
		limit->figure *= units[i].factor;
		if (!limit->is_percent || limit->is_change)
			return 0;
		limit->figure *= 100;	/* the value after, of a share in percent */
		limit->is_percent = false;
		return 0;
	}
	snprintf(why, why_bytes, "no unit '%.32s': it is %%, ns, us, ms, s or none", end);
	return -1;
}

int metric_limit_holds(const struct metric_limit *limit, const struct metric_change_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct metric_change *change = &list->rows[i];
		double value = change->after, before = change->before;

		if (strcmp(change->name, limit->name))
			continue;
		/* What is new may be too much; what is gone, or was never there to fall, is not told. */
		if (isnan(change->after) || (limit->is_change && isnan(before) && !limit->above))
			return -1;
		if (isnan(before))
			before = 0;
		if (limit->is_change)
			value -= before;
		if (limit->is_percent)
			value = before != 0 ? value / before
				: value > 0 ? INFINITY : value < 0 ? -INFINITY : 0;
		return limit->above ? value > limit->figure : value < limit->figure;
	}
	return -1;
}
