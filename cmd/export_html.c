/* SPDX-License-Identifier: Apache-2.0 */
/* The sections of the page, in order: what it is, what was lost, where the time went, tables. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/export_html.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/table.h"
#include "cmd/html.h"

#define INTERVALS 500

static const enum view_id shown[] = {
	VIEW_KERNELS, VIEW_GRAPHS, VIEW_RANGES, VIEW_APIS, VIEW_FAILURES, VIEW_COPIES, VIEW_MEMORY,
	VIEW_PROCESSES, VIEW_LOSSES, VIEW_SAMPLES, VIEW_DETAIL, VIEW_MARKS, VIEW_ACTIVITY,
};

static void fact(FILE *out, const char *name, const char *text)
{
	if (!text[0])
		return;
	fprintf(out, "<dt>%s</dt><dd>", name);
	html_text(out, text);
	fputs("</dd>\n", out);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void gaps(const struct html *html)
{
	const struct run_gap_list *list = run_gaps(html->run);

	for (size_t i = 0; i < list->count; i++) {
		fputs("<p class=\"alarm\">Not in this file, which an older version recorded: ", html->out);
		html_text(html->out, list->rows[i].text);
		fputs("</p>\n", html->out);
	}
}

/* What makes the rest less than the truth comes first. */
static int losses(const struct html *html, const char *state)
{
	struct run_loss_list list;
	size_t lost = 0;

	if (run_losses(html->run, &list) < 0)
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		if (!list.rows[i].is_loss || !list.rows[i].value)
			continue;
		fprintf(html->out, "<p class=\"alarm\">Lost: %llu ",
			(unsigned long long)list.rows[i].value);
		html_text(html->out, list.rows[i].text[0] ? list.rows[i].text : list.rows[i].name);
		fputs("</p>\n", html->out);
		lost++;
	}
	if (!lost && !strcmp(state, "complete"))
		fputs("<p>Nothing was lost.</p>\n", html->out);
	run_loss_list_free(&list);
	return 0;
}

static int head(const struct html *html)
{
	struct run_info info;
	char span[32], title[512];
	int result;

	if (run_info(html->run, &info) < 0)
		return -1;
	snprintf(title, sizeof(title), "%s - gputrail", base_name(info.path));
	result = html_head(html->out, title) < 0 ? 1 : 0;
	fputs("<h1>", html->out);
	html_text(html->out, info.command_line[0] ? info.command_line : base_name(info.path));
	fputs("</h1>\n<nav><a href=\"#findings\">Findings</a>", html->out);
	fputs("<a href=\"#time\">Where the time went</a><a href=\"#steps\">Steps</a>", html->out);
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++)
		fprintf(html->out, "<a href=\"#%s\">%s</a>", views[shown[i]].key, views[shown[i]].title);
	fputs("<a href=\"#callpaths\">Call paths</a></nav>\n<dl>\n", html->out);
	fact(html->out, "recorded", info.created);
	fact(html->out, "on", info.host);
	fact(html->out, "by gputrail", info.tool_version);
	fact(html->out, "span", format_ns((double)info.span_ns, span, sizeof(span)));
	fact(html->out, "state", info.state);
	fputs("</dl>\n", html->out);
	gaps(html);
	if (losses(html, info.state) < 0)
		result = -1;
	run_info_free(&info);
	return result;
}

static void tile(FILE *out, const char *name, const char *value)
{
	fprintf(out, "<div class=\"tile\">%s<b>%s</b></div>\n", name, value);
}

static void tiles(const struct html *html, const struct run_device *device)
{
	FILE *out = html->out;
	char text[32];

	fputs("<div class=\"tiles\">\n", out);
	snprintf(text, sizeof(text), "%.1f %%",
		 device->span_ns ? 100.0 * (double)device->busy_ns / (double)device->span_ns : 0);
	tile(out, "busy", text);
	tile(out, "idle", format_ns((double)device->idle_ns, text, sizeof(text)));
	tile(out, "kernels", format_ns((double)device->compute_ns, text, sizeof(text)));
	tile(out, "copies", format_ns((double)device->copy_ns, text, sizeof(text)));
	tile(out, "memory at most", format_bytes((double)device->high_bytes, text, sizeof(text)));
	snprintf(text, sizeof(text), "%llu", (unsigned long long)device->kernels);
	tile(out, "kernels that ran", text);
	fputs("</div>\n", out);
}

static const struct waterfall *waterfall_find(const struct html *html, int id)
{
	for (size_t i = 0; i < html->findings.waterfalls.count; i++)
		if (html->findings.waterfalls.rows[i].device == id)
			return &html->findings.waterfalls.rows[i];
	return NULL;
}

static void device(const struct html *html, const struct run_device *d)
{
	const struct waterfall *w = waterfall_find(html, d->id);

	fprintf(html->out, "<h3>GPU %d: ", d->gpu);
	html_text(html->out, d->name);
	fputs("</h3>\n", html->out);
	if (!w) {
		fputs("<p>Nothing ran on it, or its times are not known.</p>\n", html->out);
		return;
	}
	tiles(html, d);
	fputs("<p class=\"faint\">The time of its SMs from the first operation to the last:</p>\n",
	      html->out);
	html_waterfall(html, w);
	html_parts(html, w);
}

static int page(const struct html *html)
{
	int result = head(html);

	if (result)
		return result;
	html_findings(html);
	fputs("<h2 id=\"time\">Where the time went</h2>\n", html->out);
	if (html_timeline(html) < 0)
		return -1;
	for (size_t i = 0; i < html->devices.count; i++)
		device(html, &html->devices.rows[i]);
	if (html->findings.idle.interval_count) {
		fprintf(html->out, "<h2 id=\"intervals\">Longest idle intervals</h2>\n");
		html_intervals(html);
	}
	html_steps(html);
	for (size_t i = 0; result == 0 && i < sizeof(shown) / sizeof(*shown); i++)
		result = html_view(html, (int)shown[i]);
	if (result == 0)
		result = html_callpaths(html);
	html_tail(html->out);
	return result;
}

int export_html(struct run *run, FILE *out)
{
	struct html html = { .out = out, .run = run };
	struct findings_options options = { .intervals = INTERVALS };
	int result = -1;

	if (run_freeze(run) < 0)
		return -1;
	if (run_devices(run, &html.devices) == 0 && run_findings(run, &options, &html.findings) == 0)
		result = page(&html);
	findings_free(&html.findings);
	run_device_list_free(&html.devices);
	run_thaw(run);
	return result;
}
