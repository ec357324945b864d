/* SPDX-License-Identifier: Apache-2.0 */
/* gputrail diff: how two recordings differ, and whether that is too much. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/cmd.h"

#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/families.h"
#include "analysis/metrics.h"
#include "analysis/text.h"
#include "analysis/csv.h"
#include "cmd/json.h"
#include "cmd/options.h"
#include "cmd/print.h"
#include "cmd/progress.h"

#define LIMITS_MAX	64
#define ROWS		10

enum { KEY_FAIL_IF = OPTION_LONG, KEY_JSON, KEY_CSV, KEY_FAMILIES, KEY_COLOR };

static const struct cmd_option options[] = {
	{ "fail-if", KEY_FAIL_IF, "CONDITION", "end with exit status 4 if it holds: NAME>FIGURE or "
	  "NAME<FIGURE; +5%, +20us, -3 are changes, 5ms is the value after (may be given often)" },
	{ "rows", 'n', "N", "print the N figures of each part that changed most; 0 prints all "
	  "(default: 10)" },
	{ "json", KEY_JSON, NULL, "print all figures as JSON" },
	{ "csv", KEY_CSV, NULL, "print all figures as CSV" },
	{ "families", KEY_FAMILIES, "FILE", "patterns of kernel families, before those built in and "
	  "in ~/.config/gputrail/families" },
	{ "color", KEY_COLOR, "WHEN", "auto, always or never (default: auto)" },
	{ 0 },
};

static const struct cmd_usage usage = {
	.command = "diff",
	.synopsis = "[OPTIONS] BEFORE AFTER",
	.purpose = "Compares two recordings: times of steps, idle time by cause, GPU time by kernel "
		   "family, launch by launch, and what is to blame for idle time, all for each step.",
	.options = options,
	.more = "Exit status: 0 done, 1 failed, 2 wrong options, 3 a file cannot be read, 4 a condition "
		"of --fail-if holds.\n",
};

struct request {
	struct print_style style;
	struct metric_limit limits[LIMITS_MAX];
	const char *texts[LIMITS_MAX], *families;
	int limit_count;
	bool json, csv;
	size_t rows;
};

static const char *figure(enum column_unit unit, double value, bool sign, char *text, size_t bytes)
{
	char plain[32];

	if (isnan(value))
		snprintf(plain, sizeof(plain), "-");
	else if (unit == UNIT_NS)
		format_ns(fabs(value), plain, sizeof(plain));
	else
		snprintf(plain, sizeof(plain), unit == UNIT_PERCENT ? "%.1f %%" : "%.0f", fabs(value));
	snprintf(text, bytes, "%s%s", isnan(value) ? "" : value < 0 ? "-" : sign ? "+" : "", plain);
	return text;
}

static void print_change(const struct metric_change *c)
{
	char before[40], after[40], change[40], percent[40] = "-", name[256];

	if (!isnan(metric_change_percent(c)))
		snprintf(percent, sizeof(percent), "%+.1f %%", metric_change_percent(c));
	text_fit(c->name, 200, name, sizeof(name));
	printf("%10s %10s %10s %9s  %s\n", figure(c->unit, c->before, false, before, sizeof(before)),
	       figure(c->unit, c->after, false, after, sizeof(after)),
	       figure(c->unit, metric_change_by(c), true, change, sizeof(change)), percent, name);
}

static int by_change(const void *left, const void *right)
{
	const struct metric_change *const *a = left, *const *b = right;
	double x = fabs(metric_change_by(*a)), y = fabs(metric_change_by(*b));

	return x != y ? (x < y) - (x > y) : strcmp((*a)->name, (*b)->name);
}

static void print_part(const struct request *request, const struct metric_change_list *list,
		       size_t part)
{
	const struct metric_change **rows = calloc(list->count + 1, sizeof(*rows));
	size_t count = 0;

	for (size_t i = 0; rows && i < list->count; i++)
		if (metric_part(list->rows[i].name) == &metric_parts[part] &&
		    list->rows[i].matters)
			rows[count++] = &list->rows[i];
	if (count) {
		print_heading(&request->style, metric_parts[part].heading);
		qsort(rows, count, sizeof(*rows), by_change);
		printf("    Before      After     Change    Change  Name\n");
		for (size_t i = 0; i < count && (i < request->rows || !request->rows); i++)
			print_change(rows[i]);
		putchar('\n');
	}
	free(rows);
}

static void print_json(const struct metric_change_list *list)
{
	struct json json = { .out = stdout };

	json_open(&json, NULL, '{');
	json_integer(&json, "schema_version", 1);
	json_open(&json, "metrics", '[');
	for (size_t i = 0; i < list->count; i++) {
		const struct metric_change *c = &list->rows[i];

		json_open(&json, NULL, '{');
		json_text(&json, "name", c->name);
		json_text(&json, "unit", c->unit == UNIT_NS ? "ns" : c->unit == UNIT_PERCENT ? "percent"
			  : "count");
		json_number(&json, "before", c->before);
		json_number(&json, "after", c->after);
		json_number(&json, "change", metric_change_by(c));
		json_number(&json, "change_percent", metric_change_percent(c));
		json_close(&json, '}');
	}
	json_close(&json, ']');
	json_close(&json, '}');
}

static void put_cell(struct csv *csv, double value)
{
	if (isfinite(value))
		csv_decimal(csv, value, 3);
	else
		csv_empty(csv);
}

static void print_csv(const struct metric_change_list *list)
{
	struct csv csv = { .out = stdout };

	printf("name,unit,before,after,change,change_percent\n");
	for (size_t i = 0; i < list->count; i++) {
		const struct metric_change *c = &list->rows[i];

		csv_text(&csv, c->name);
		csv_text(&csv, c->unit == UNIT_NS ? "ns" : c->unit == UNIT_PERCENT ? "percent" : "count");
		put_cell(&csv, c->before);
		put_cell(&csv, c->after);
		put_cell(&csv, metric_change_by(c));
		put_cell(&csv, metric_change_percent(c));
		csv_end_line(&csv);
	}
}

/* Every condition that holds is said; so is one that cannot be told, which fails. */
static int limits_check(const struct request *request, const struct metric_change_list *list)
{
	int result = EXIT_OK;

	for (int i = 0; i < request->limit_count; i++) {
		int holds = metric_limit_holds(&request->limits[i], list);

		if (holds < 0) {
			message("diff", "--csv prints the names of all figures",
				"--fail-if %s: no figure '%s' in both recordings",
				request->texts[i], request->limits[i].name);
			result = EXIT_FAILED;
		} else if (holds) {
			message("diff", NULL, "%s: it holds", request->texts[i]);
			result = result == EXIT_FAILED ? EXIT_FAILED : EXIT_CONDITION;
		}
	}
	return result;
}

/* Said here what is wrong. */
static int metrics_load(const char *path, const char *families_file, struct run_metric_list *list)
{
	struct families *families;
	struct progress progress;
	struct run *run;
	char *error;
	int result;

	families = families_open(families_file, &error);
	run = families ? run_open(path, &error) : NULL;
	if (!run) {
		message("diff", NULL, "%s", error ? error : "out of memory");
		free(error);
		families_close(families);
		return -1;
	}
	run_use_families(run, families);
	progress_begin(&progress, run, path);
	result = run_metrics(run, list);
	progress_end(&progress, run);
	if (result < 0)
		message("diff", NULL, "%s", run_error(run));
	run_close(run);
	return result;
}

static int diff(const struct request *request, const struct run_metric_list *before,
		const struct run_metric_list *after)
{
	struct metric_change_list list;
	int result;

	if (metric_changes(before, after, &list) < 0) {
		message("diff", NULL, "out of memory");
		return EXIT_FAILED;
	}
	if (request->json)
		print_json(&list);
	else if (request->csv)
		print_csv(&list);
	else
		for (size_t i = 0; i < metric_part_count; i++)
			print_part(request, &list, i);
	if (fflush(stdout) == EOF) {
		message("diff", NULL, "cannot write: %s", strerror(errno));
		result = EXIT_FAILED;
	} else {
		result = limits_check(request, &list);
	}
	metric_change_list_free(&list);
	return result;
}

static int limit_take(struct request *request, const char *text)
{
	char why[128];

	if (request->limit_count == LIMITS_MAX) {
		message("diff", NULL, "more than %d conditions", LIMITS_MAX);
		return 0;
	}
	if (metric_limit_parse(text, &request->limits[request->limit_count], why, sizeof(why)) < 0) {
		message("diff", "for example: --fail-if 'step.p50>+5%'", "--fail-if %s: %s", text, why);
		return 0;
	}
	request->texts[request->limit_count++] = text;
	return 1;
}

static int request_parse(struct request *request, int argc, char **argv)
{
	const char *when = "auto";
	int key, ok = 1;

	while ((key = options_next(&usage, argc, argv)) >= 0) {
		if (key == KEY_FAIL_IF)
			ok = limit_take(request, optarg);
		else if (key == 'n')
			request->rows = (size_t)options_number(&usage, "rows", optarg, 0, 1000000000, &ok);
		else if (key == KEY_JSON)
			request->json = true;
		else if (key == KEY_CSV)
			request->csv = true;
		else if (key == KEY_FAMILIES)
			request->families = optarg;
		else if (key == KEY_COLOR)
			when = optarg;
		if (!ok)
			return OPTIONS_WRONG;
	}
	if (key == OPTIONS_END && !print_style_init(&request->style, when)) {
		message("diff", NULL, "--color is auto, always or never, not '%s'", when);
		return OPTIONS_WRONG;
	}
	return key;
}

int cmd_diff(int argc, char **argv)
{
	struct request request = { .rows = ROWS };
	int parsed = request_parse(&request, argc, argv), result = EXIT_INPUT;
	struct run_metric_list before = { 0 }, after = { 0 };

	if (parsed != OPTIONS_END)
		return parsed == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	if (argc - optind != 2) {
		message("diff", "for example: gputrail diff before.db after.db",
			"two recordings are compared");
		return EXIT_USAGE;
	}
	if (request.json && request.csv) {
		message("diff", NULL, "only one of --json and --csv");
		return EXIT_USAGE;
	}
	setlocale(LC_CTYPE, "");
	if (metrics_load(argv[optind], request.families, &before) == 0 &&
	    metrics_load(argv[optind + 1], request.families, &after) == 0)
		result = diff(&request, &before, &after);
	run_metric_list_free(&before);
	run_metric_list_free(&after);
	return result;
}
