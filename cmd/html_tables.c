/* SPDX-License-Identifier: Apache-2.0 */
/* Tables and call paths of the page. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/html.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/callpaths.h"
#include "analysis/table.h"

#define ROWS_MAX	2000
#define INTERVALS_MAX	100		/* the picture has more of them */
#define PATHS_PERCENT	1.0

static bool is_text(enum column_unit unit)
{
	return unit == UNIT_TEXT || unit == UNIT_NAME;
}

static void head_cell(FILE *out, const char *title, const char *description, bool text)
{
	fprintf(out, "<th%s title=\"", text ? " class=\"t\"" : "");
	html_text(out, description);
	fputs("\"><button>", out);
	html_text(out, title);
	fputs("</button></th>", out);
}

static void text_cell(FILE *out, const char *text)
{
	fputs("<td class=\"t\">", out);
	html_text(out, text);
	fputs("</td>", out);
}

/* data-v is what the column is sorted by. */
static void number_cell(FILE *out, double number, const char *text)
{
	fprintf(out, "<td data-v=\"%.17g\">", number);
	html_text(out, text);
	fputs("</td>", out);
}

static void view_cell(FILE *out, const struct value *value)
{
	char text[64];

	if (is_text(value->unit))
		text_cell(out, value->text);
	else if (!value->known)
		fputs("<td data-v=\"NaN\">-</td>", out);
	else
		number_cell(out, value->number, value_format(value, text, sizeof(text)));
}

static void view_rows(FILE *out, const struct table *table)
{
	const struct view *view = &views[table->view];

	for (size_t row = 0; row < table->count && row < ROWS_MAX; row++) {
		fputs("<tr>", out);
		for (int c = 0; c < view->column_count; c++) {
			struct value value;

			if (view->columns[c].level == LEVEL_DATA)
				continue;
			table_value(table, row, c, &value);
			view_cell(out, &value);
		}
		fputs("</tr>\n", out);
	}
}

int html_view(const struct html *html, int id)
{
	const struct view *view = &views[id];
	FILE *out = html->out;
	struct table table;

	if (table_load(html->run, (enum view_id)id, false, &table) < 0)
		return -1;
	if (!table.count) {
		fprintf(out, "<h2 id=\"%s\">%s</h2>\n<p>None.</p>\n", view->key, view->title);
		table_free(&table);
		return 0;
	}
	fprintf(out, "<h2 id=\"%s\">%s</h2>\n", view->key, view->title);
	if (table.count > 10)
		fprintf(out, "<input hidden data-table=\"t-%s\" placeholder=\"filter\" "
			"aria-label=\"filter %s\">\n", view->key, view->title);
	fprintf(out, "<div class=\"scroll\"><table id=\"t-%s\"><thead><tr>", view->key);
	for (int c = 0; c < view->column_count; c++)
		if (view->columns[c].level != LEVEL_DATA)
			head_cell(out, view->columns[c].title, view->columns[c].description,
				  is_text(view->columns[c].unit));
	fputs("</tr></thead>\n<tbody>\n", out);
	view_rows(out, &table);
	fputs("</tbody></table></div>\n", out);
	if (table.count > ROWS_MAX)
		fprintf(out, "<p>%zu more are in the recording.</p>\n", table.count - ROWS_MAX);
	table_free(&table);
	return 0;
}

static const struct idle_site *site_find(const struct html *html, int device, int cause)
{
	for (size_t i = 0; i < html->findings.idle.site_count; i++) {
		const struct idle_site *site = &html->findings.idle.sites[i];

		if (site->device == device && (int)site->cause == cause && site->path)
			return site;
	}
	return NULL;
}

static const struct idle_total *idle_total(const struct html *html, const struct waterfall *w, int row)
{
	for (size_t i = 0; i < html->findings.idle.device_count; i++)
		if (html->findings.idle.devices[i].id == w->device && row >= WATERFALL_PART_COUNT)
			return &html->findings.idle.devices[i].causes[row - WATERFALL_PART_COUNT];
	return NULL;
}

static void part_row(const struct html *html, const struct waterfall *w, int row)
{
	const struct idle_total *total = idle_total(html, w, row);
	const struct idle_site *site = site_find(html, w->device, row - WATERFALL_PART_COUNT);
	char *place = idle_path_name(html->run, site ? site->path : 0), text[32];
	uint64_t ns = waterfall_row_ns(w, row);
	double share = w->span_ns ? 100.0 * (double)ns / (double)w->span_ns : 0;

	fprintf(html->out, "<tr><td class=\"t\"><svg class=\"key\" viewBox=\"0 0 1 1\"><rect class=\"%s\" "
		"width=\"1\" height=\"1\"/></svg> %s%s</td>", waterfall_row_name(row),
		total ? "idle: " : "", waterfall_row_name(row));
	text_cell(html->out, waterfall_row_text(row));
	number_cell(html->out, (double)ns, format_ns((double)ns, text, sizeof(text)));
	snprintf(text, sizeof(text), "%.1f", share);
	number_cell(html->out, share, text);
	snprintf(text, sizeof(text), "%llu", total ? (unsigned long long)total->count : 0);
	number_cell(html->out, total ? (double)total->count : NAN, total ? text : "");
	number_cell(html->out, total ? (double)total->worst.dur_ns : NAN,
		    total ? format_ns((double)total->worst.dur_ns, text, sizeof(text)) : "");
	text_cell(html->out, place ? place : "");
	fputs("</tr>\n", html->out);
	free(place);
}

void html_parts(const struct html *html, const struct waterfall *w)
{
	int order[WATERFALL_ROWS], count = waterfall_order(w, order);

	fputs("<div class=\"scroll\"><table><thead><tr>", html->out);
	head_cell(html->out, "Part", "part of the time of the SMs", true);
	head_cell(html->out, "What happened", "its meaning", true);
	head_cell(html->out, "Time", "all SMs for so long", false);
	head_cell(html->out, "Wall %", "share of the GPU's wall time", false);
	head_cell(html->out, "Count", "idle intervals", false);
	head_cell(html->out, "Worst", "the longest of them", false);
	head_cell(html->out, "Most of it at", "function that lost most by it", true);
	fputs("</tr></thead>\n<tbody>\n", html->out);
	for (int i = 0; i < count; i++)
		part_row(html, w, order[i]);
	fputs("</tbody></table></div>\n", html->out);
}

static void interval_row(const struct html *html, const struct idle_interval *interval)
{
	char *place = idle_path_name(html->run, interval->path), text[32];
	char *previous = idle_op_name(html->run, &interval->previous);
	char *next = idle_op_name(html->run, &interval->next);

	fputs("<tr>", html->out);
	number_cell(html->out, (double)interval->start_ns,
		    format_ns((double)interval->start_ns, text, sizeof(text)));
	number_cell(html->out, (double)interval->dur_ns,
		    format_ns((double)interval->dur_ns, text, sizeof(text)));
	snprintf(text, sizeof(text), "%d", html_gpu(html, interval->device));
	number_cell(html->out, html_gpu(html, interval->device), text);
	text_cell(html->out, idle_cause_name(interval->cause));
	text_cell(html->out, place ? place : "");
	text_cell(html->out, previous ? previous : "");
	text_cell(html->out, next ? next : "");
	fputs("</tr>\n", html->out);
	free(place);
	free(previous);
	free(next);
}

void html_intervals(const struct html *html)
{
	fputs("<input hidden data-table=\"t-intervals\" placeholder=\"filter\" "
	      "aria-label=\"filter idle intervals\">\n"
	      "<div class=\"scroll\"><table id=\"t-intervals\"><thead><tr>", html->out);
	head_cell(html->out, "Start", "since the start of the recording", false);
	head_cell(html->out, "Time", "how long it was", false);
	head_cell(html->out, "GPU", "number of the GPU", false);
	head_cell(html->out, "Cause", "why", true);
	head_cell(html->out, "Blamed", "function to look at", true);
	head_cell(html->out, "Before", "operation before", true);
	head_cell(html->out, "After", "operation after", true);
	fputs("</tr></thead>\n<tbody>\n", html->out);
	for (size_t i = 0; i < html->findings.idle.interval_count && i < INTERVALS_MAX; i++)
		interval_row(html, &html->findings.idle.intervals[i]);
	fputs("</tbody></table></div>\n", html->out);
}

static void finding(const struct html *html, const struct run_finding *f)
{
	FILE *out = html->out;
	char lost[32], gain[FINDING_GAIN_BYTES];

	fprintf(out, "<section class=\"finding %s\">\n<h3>%s: ", finding_severity_name(f->severity), f->name);
	html_text(out, f->title);
	fprintf(out, " <span class=\"faint\">%s</span></h3>\n", finding_severity_name(f->severity));
	if (f->lost_ns)
		fprintf(out, "<p><b>lost %s (%.1f %%)</b>, mending it saves %s</p>\n",
			format_ns((double)f->lost_ns, lost, sizeof(lost)),
			f->wall_ns ? 100.0 * (double)f->lost_ns / (double)f->wall_ns : 0,
			finding_gain(f, gain));
	if (f->where[0]) {
		fputs("<p>at <code>", out);
		html_text(out, f->where);
		fputs("</code>", out);
		if (f->callers[0]) {
			fputs(" from <code>", out);
			html_text(out, f->callers);
			fputs("</code>", out);
		}
		fputs("</p>\n", out);
	}
	if (f->range[0]) {
		fputs("<p>in range <code>", out);
		html_text(out, f->range);
		fputs("</code></p>\n", out);
	}
	fputs("<p>", out);
	html_text(out, f->advice);
	fputs("</p>\n</section>\n", out);
}

void html_findings(const struct html *html)
{
	fputs("<h2 id=\"findings\">Findings</h2>\n", html->out);
	for (size_t i = 0; i < html->findings.list.count; i++)
		finding(html, &html->findings.list.rows[i]);
	if (!html->findings.list.count)
		fputs("<p>Nothing costs enough to be told.</p>\n", html->out);
}

static void time_cell(FILE *out, uint64_t ns)
{
	char text[32];

	number_cell(out, (double)ns, format_ns((double)ns, text, sizeof(text)));
}

/* The largest cause of idle time in its periods, and how much of these it takes. */
static void step_cause_cells(FILE *out, const struct step_sums *sums)
{
	int most = 0;
	char text[32];
	double share;

	for (int cause = 1; cause < IDLE_CAUSE_COUNT; cause++)
		if (sums->idle_ns[cause] > sums->idle_ns[most])
			most = cause;
	share = sums->period_ns ? 100.0 * (double)sums->idle_ns[most] / (double)sums->period_ns : 0;
	text_cell(out, sums->idle_ns[most] ? idle_cause_name((enum idle_cause)most) : "");
	snprintf(text, sizeof(text), "%.1f", share);
	number_cell(out, share, text);
}

static void step_row(FILE *out, const struct step_group *group)
{
	const struct step_times *times = &group->times;
	const uint64_t columns[] = { times->p50_ns, times->p90_ns, times->p99_ns, times->max_ns,
				     times->total_ns };
	char text[32];

	fputs("<tr>", out);
	text_cell(out, step_mode_name(group->mode));
	text_cell(out, step_phase_name(group->phase));
	snprintf(text, sizeof(text), "%llu", (unsigned long long)group->steps);
	number_cell(out, (double)group->steps, text);
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++)
		time_cell(out, columns[i]);
	step_cause_cells(out, &group->all);
	fputs("</tr>\n", out);
}

void html_steps(const struct html *html)
{
	static const struct { const char *title, *description; bool text; } heads[] = {
		{ "Mode", "launched one by one, by graphs, or both", true },
		{ "Phase", "what the kernels tell of it", true },
		{ "Steps", "how many", false },
		{ "Median", "from a step's first kernel to that of the next step", false },
		{ "p90", "90th percentile of that", false },
		{ "p99", "99th percentile", false },
		{ "Longest", "the longest of them", false },
		{ "Total", "all of them", false },
		{ "Most idle by", "the cause that takes most of their time", true },
		{ "%", "its share of the total", false },
	};
	const struct step_result *steps = &html->findings.steps;

	fputs("<h2 id=\"steps\">Steps</h2>\n", html->out);
	if (!steps->group_count) {
		fputs("<p>None were found.</p>\n", html->out);
		return;
	}
	fputs("<div class=\"scroll\"><table id=\"t-steps\"><thead><tr>", html->out);
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++)
		head_cell(html->out, heads[i].title, heads[i].description, heads[i].text);
	fputs("</tr></thead>\n<tbody>\n", html->out);
	for (size_t i = 0; i < steps->group_count; i++)
		step_row(html->out, &steps->groups[i]);
	fputs("</tbody></table></div>\n", html->out);
}

static bool is_shown(const struct callpath_tree *tree, uint32_t node, double whole)
{
	return 100.0 * (double)tree->nodes[node].total.gpu_ns >= PATHS_PERCENT * whole;
}

/* A chain of only children is one level: what matters is where paths part. */
static void paths_below(FILE *out, const struct callpath_tree *tree, uint32_t parent, double whole,
			int depth)
{
	for (uint32_t c = tree->nodes[parent].first_child;
	     c != CALLPATH_NONE && is_shown(tree, c, whole); c = tree->nodes[c].next_sibling) {
		const struct callpath_node *node = &tree->nodes[c];
		bool has_children = node->first_child != CALLPATH_NONE &&
				    is_shown(tree, node->first_child, whole);
		double percent = 100.0 * (double)node->total.gpu_ns / whole;
		char time[32];

		fprintf(out, has_children ? "<details%s><summary>" : "<div class=\"leaf\">",
			percent > 25 || depth < 3 ? " open" : "");
		fprintf(out, "%5.1f %% %s ", percent,
			format_ns((double)node->total.gpu_ns, time, sizeof(time)));
		html_text(out, tree->frames[node->frame].text);
		if (has_children) {
			fputs("</summary>\n", out);
			paths_below(out, tree, c, whole, depth + 1);
		}
		fputs(has_children ? "</details>\n" : "</div>\n", out);
	}
}

int html_callpaths(const struct html *html)
{
	struct callpath_tree tree;
	double whole;

	if (run_callpaths(html->run, CALLPATH_TOP_DOWN, METRIC_GPU, 0, &tree) < 0)
		return -1;
	whole = (double)tree.nodes[0].total.gpu_ns;
	if (whole > 0) {
		fputs("<h2 id=\"callpaths\">Call paths by GPU time</h2>\n", html->out);
		paths_below(html->out, &tree, 0, whole, 0);
	}
	callpath_tree_free(&tree);
	return 0;
}
