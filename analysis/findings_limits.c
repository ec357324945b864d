/* SPDX-License-Identifier: Apache-2.0 */
/* Thresholds of the detectors: three of each for the share of time lost, and those of the table. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/findings_internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	enum detector_id detector;
	const char *name, *key, *help;
	double value;
} rows[] = {
#define DETECTOR(id, numbers, name, title, detect, causes, sql, least, warning, critical, ...)		\
	{ DETECTOR_##id, name, "least", "percent of the time lost, to be told", least },		\
	{ DETECTOR_##id, name, "warning", "percent of the time lost, to be a warning", warning },	\
	{ DETECTOR_##id, name, "critical", "percent of the time lost, to be critical", critical },
#define THRESHOLD(id, key, value, help) { DETECTOR_##id, NULL, #key, help, value },
#include "analysis/detectors.def"
};
#define ROWS	(sizeof(rows) / sizeof(rows[0]))

struct finding_limits {
	double values[ROWS];
};

static const char *row_name(size_t row)
{
	return detectors[rows[row].detector].text.name;
}

struct finding_limits *finding_limits_new(void)
{
	struct finding_limits *limits = calloc(1, sizeof(*limits));

	for (size_t i = 0; limits && i < ROWS; i++)
		limits->values[i] = rows[i].value;
	return limits;
}

void finding_limits_free(struct finding_limits *limits)
{
	free(limits);
}

double finding_limit(const struct finding_limits *limits, enum detector_id id, const char *key)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].detector == id && !strcmp(rows[i].key, key))
			return limits ? limits->values[i] : rows[i].value;
	return NAN;
}

int finding_limits_set(struct finding_limits *limits, const char *text, char *why, size_t why_bytes)
{
	const char *equals = strchr(text, '='), *dot = strchr(text, '.');
	char *end;
	double value;

	if (!equals || !dot || dot > equals) {
		snprintf(why, why_bytes, "'%s' is not DETECTOR.KEY=VALUE", text);
		return -1;
	}
	value = strtod(equals + 1, &end);
	if (end == equals + 1 || *end || !isfinite(value) || value < 0) {
		snprintf(why, why_bytes, "'%s' is not a number of 0 or more", equals + 1);
		return -1;
	}
	for (size_t i = 0; i < ROWS; i++) {
		const char *name = row_name(i), *key = rows[i].key;

		if (strlen(name) == (size_t)(dot - text) && strlen(key) == (size_t)(equals - dot - 1) &&
		    !strncmp(name, text, strlen(name)) && !strncmp(key, dot + 1, strlen(key))) {
			limits->values[i] = value;
			return 0;
		}
	}
	snprintf(why, why_bytes, "no threshold '%.*s'", (int)(equals - text), text);
	return -1;
}

/* The text of a line between blanks, before a comment. */
static char *line_strip(char *line)
{
	char *end;

	line[strcspn(line, "#\n")] = '\0';
	line += strspn(line, " \t\r");
	for (end = line + strlen(line); end > line && strchr(" \t\r", end[-1]); end--)
		end[-1] = '\0';
	return line;
}

int finding_limits_read(struct finding_limits *limits, const char *path, char *why, size_t why_bytes)
{
	FILE *file = fopen(path, "re");
	char *line = NULL, reason[256];
	size_t room = 0;
	int result = 0;

	if (!file) {
		snprintf(why, why_bytes, "cannot read '%s': %s", path, strerror(errno));
		return -1;
	}
	for (int number = 1; result == 0 && getline(&line, &room, file) >= 0; number++) {
		const char *text = line_strip(line);

		if (!*text || finding_limits_set(limits, text, reason, sizeof(reason)) == 0)
			continue;
		snprintf(why, why_bytes, "%s, line %d: %s", path, number, reason);
		result = -1;
	}
	free(line);
	fclose(file);
	return result;
}

size_t finding_limits_count(void)
{
	return ROWS;
}

void finding_limit_get(const struct finding_limits *limits, size_t index,
		       struct finding_limit *limit)
{
	snprintf(limit->name, sizeof(limit->name), "%s.%s", row_name(index), rows[index].key);
	limit->value = limits ? limits->values[index] : rows[index].value;
	limit->help = rows[index].help;
}
