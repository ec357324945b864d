/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of call paths as text: share, total and self of each node, indented by depth. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/report_paths.h"

#include <stdio.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/table.h"
#include "analysis/text.h"
#include "cmd/progress.h"

static const char *const orders[] = {
	[CALLPATH_TOP_DOWN] = "top-down",
	[CALLPATH_BOTTOM_UP] = "bottom-up",
	[CALLPATH_FLAT] = "flat",
};

int report_paths_order(const char *name)
{
	for (int i = 0; i < (int)(sizeof(orders) / sizeof(orders[0])); i++)
		if (!strcmp(orders[i], name))
			return i;
	return -1;
}

int report_paths_metric(const char *name)
{
	for (int i = 0; i < METRIC_COUNT; i++)
		if (!strcmp(callpath_metric_name((enum callpath_metric)i), name))
			return i;
	return -1;
}

struct printer {
	struct callpath_tree *tree;
	const struct report_paths *how;
	const struct print_style *style;
	uint64_t whole;
	size_t rows, hidden;
};

static const char *value_text(enum callpath_metric metric, uint64_t value, char *text, size_t bytes)
{
	if (metric == METRIC_GPU || metric == METRIC_HOST || metric == METRIC_REPLAY)
		return format_ns((double)value, text, bytes);
	if (metric == METRIC_COPY || metric == METRIC_ALLOC)
		return format_bytes((double)value, text, bytes);
	snprintf(text, bytes, "%llu", (unsigned long long)value);
	return text;
}

static void print_node(struct printer *p, uint32_t index, int depth)
{
	const struct callpath_node *node = &p->tree->nodes[index];
	enum callpath_metric metric = p->how->metric;
	uint64_t total = callpath_metric(&node->total, metric);
	uint64_t self = callpath_metric(&node->self, metric);
	char total_text[32], self_text[32], name[4096];
	int room;

	p->rows++;
	if (p->style->rows && p->rows > p->style->rows) {
		p->hidden++;
		return;
	}
	room = p->style->width - 29 - 2 * depth;
	text_fit(p->tree->frames[node->frame].text, p->style->full_names ? -1 : room < 16 ? 16 : room,
		 name, sizeof(name));
	printf("%6.1f %9s %9s  %*s%s\n", 100.0 * (double)total / (double)p->whole,
	       value_text(metric, total, total_text, sizeof(total_text)),
	       self ? value_text(metric, self, self_text, sizeof(self_text)) : "",
	       2 * depth, "", name);
}

/* A chain of only children is one level: what matters is where paths part. Callers that are made for
 * this are dropped with the branch: all of a large recording's would be gigabytes. */
static void print_children(struct printer *p, uint32_t parent, int depth)
{
	uint32_t first = callpath_children(p->tree, parent), made = p->tree->node_count;

	for (uint32_t c = first; c != CALLPATH_NONE; c = p->tree->nodes[c].next_sibling) {
		const struct callpath_node *node = &p->tree->nodes[c];
		uint64_t value = callpath_metric(&node->total, p->how->metric);
		bool is_only = node->next_sibling == CALLPATH_NONE && c == first;

		if (100.0 * (double)value < p->how->min_percent * (double)p->whole)
			break;		/* sorted: the rest is smaller */
		print_node(p, c, depth);
		print_children(p, c, depth + !(is_only && parent));
		callpath_drop(p->tree, made);
	}
}

int report_paths(struct run *run, const struct report_paths *how, const struct print_style *style)
{
	struct callpath_tree tree;
	struct printer printer = { .tree = &tree, .how = how, .style = style };
	struct progress progress;
	char heading[128];
	int result;

	progress_begin(&progress, run, "call paths");
	result = run_callpaths(run, how->order, how->metric, how->flags, &tree);
	progress_end(&progress, run);
	if (result < 0)
		return -1;
	printer.whole = callpath_metric(&tree.nodes[0].total, how->metric);
	snprintf(heading, sizeof(heading), "Call paths, %s, by %s", orders[how->order],
		 callpath_metric_name(how->metric));
	print_heading(style, heading);
	if (!printer.whole) {
		printf("No call path has any (recorded with GPUTRAIL_CALLPATH=off?).\n");
	} else {
		printf("     %%     Total      Self  Function\n");
		print_children(&printer, 0, 0);
		if (printer.hidden)
			printf("%zu more; -n 0 prints all\n", printer.hidden);
	}
	if (tree.without_path)
		printf("%llu calls have no call path.\n", (unsigned long long)tree.without_path);
	callpath_tree_free(&tree);
	return 0;
}
