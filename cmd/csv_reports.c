/* SPDX-License-Identifier: Apache-2.0 */
/* Every report that can be written as CSV. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/csv_reports.h"

#include <string.h>

#include "analysis/table.h"
#include "analysis/csv.h"
#include "cmd/csv_own.h"

/* A view of columns.def, or a function of our own with its header. */
static const struct own_report {
	const char *name, *description;
	enum view_id view;
	bool by_shape;
	const char *header;		/* NULL: a view */
	int (*write)(struct run *run, struct csv *csv);
} own[] = {
#define CSV_VIEW(name, view, by_shape, description) \
	{ "gputrail_" #name, description, view, by_shape, NULL, NULL },
#define CSV_REPORT(name, write, header, description) \
	{ "gputrail_" #name, description, VIEW_COUNT, false, header, write },
#include "cmd/csv_reports.def"
};
#define OWN_COUNT	((int)(sizeof(own) / sizeof(*own)))

_Static_assert(NSYS_COUNT + sizeof(own) / sizeof(*own) <= CSV_REPORTS_MAX, "CSV_REPORTS_MAX");

int csv_report_count(void)
{
	return NSYS_COUNT + OWN_COUNT;
}

const char *csv_report_name(int report)
{
	return report < NSYS_COUNT ? nsys_reports[report].name : own[report - NSYS_COUNT].name;
}

const char *csv_report_description(int report)
{
	return report < NSYS_COUNT ? nsys_reports[report].description
				   : own[report - NSYS_COUNT].description;
}

int csv_report_find(const char *name)
{
	for (int i = 0; i < csv_report_count(); i++)
		if (!strcmp(csv_report_name(i), name) ||
		    (i >= NSYS_COUNT && !strcmp(csv_report_name(i) + strlen("gputrail_"), name)))
			return i;
	return -1;
}

bool csv_report_has_names(int report, enum nsys_names names)
{
	if (names == NSYS_NAMES_FULL)
		return true;
	return report < NSYS_COUNT &&
	       nsys_reports[report].kernels >= (names < NSYS_RANGES_FULL ? NSYS_KERNELS
									 : NSYS_KERNELS_RANGES);
}

void csv_report_header(int report, FILE *out)
{
	const struct own_report *r = &own[report < NSYS_COUNT ? 0 : report - NSYS_COUNT];

	if (report < NSYS_COUNT || r->header) {
		fprintf(out, "%s\n", report < NSYS_COUNT ? nsys_reports[report].header : r->header);
		return;
	}
	for (int i = 0; i < views[r->view].column_count; i++)
		fprintf(out, "%s%s", i ? "," : "", views[r->view].columns[i].key);
	fputc('\n', out);
}

static int nsys_row(void *arg, const struct nsys_cell *cells, int count)
{
	struct csv *csv = arg;

	for (int i = 0; i < count; i++) {
		switch (cells[i].kind) {
		case NSYS_EMPTY:
			csv_empty(csv);
			break;
		case NSYS_INTEGER:
			csv_integer(csv, cells[i].integer);
			break;
		case NSYS_DECIMAL:
			csv_decimal(csv, cells[i].decimal, cells[i].decimals);
			break;
		case NSYS_TEXT:
			csv_text(csv, cells[i].text);
			break;
		}
	}
	csv_end_line(csv);
	return ferror(csv->out) ? 1 : 0;
}

static int decimals(enum column_unit unit)
{
	return unit == UNIT_RATIO ? 3 : unit == UNIT_PERCENT ? 2 : unit == UNIT_NS ? 1 : 0;
}

static void view_cell(struct csv *csv, const struct value *value)
{
	if (!value->known)
		csv_empty(csv);
	else if (value->unit == UNIT_TEXT || value->unit == UNIT_NAME)
		csv_text(csv, value->text);
	else if (value->number == (double)(int64_t)value->number && value->unit != UNIT_RATIO &&
		 value->unit != UNIT_PERCENT)
		csv_integer(csv, (int64_t)value->number);
	else
		csv_decimal(csv, value->number, decimals(value->unit));
}

static int view_write(struct run *run, const struct own_report *report, struct csv *csv)
{
	struct table table;

	if (table_load(run, report->view, report->by_shape, &table) < 0)
		return -1;
	for (size_t row = 0; row < table.count; row++) {
		for (int c = 0; c < views[report->view].column_count; c++) {
			struct value value;

			table_value(&table, row, c, &value);
			view_cell(csv, &value);
		}
		csv_end_line(csv);
	}
	table_free(&table);
	return ferror(csv->out) ? 1 : 0;
}

int csv_report_write(struct run *run, int report, enum nsys_names names, FILE *out)
{
	const struct own_report *r = &own[report < NSYS_COUNT ? 0 : report - NSYS_COUNT];
	struct csv csv = { .out = out };

	csv_report_header(report, out);
	if (report < NSYS_COUNT)
		return nsys_report_run(run, (enum nsys_report_id)report, names, nsys_row, &csv);
	return r->write ? r->write(run, &csv) : view_write(run, r, &csv);
}
