/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees of call paths from the calling function up: see callers.h.
 *
 * Whole, such a tree has a node for nearly each frame of each path, many times what the file has. So
 * a node that was not looked at is a range of paths, and where in each of them its callers begin. To
 * make its children is to sort that range by the next frame: each gets a part of it for its own.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/callers.h"

#include <stdlib.h>

/* A path below the innermost made node that it goes through. */
struct place {
	uint32_t path;
	uint32_t rest;		/* the path of the caller, 0 none */
	uint32_t frame;		/* while sorting: the next that is not hidden, CALLPATH_NONE at the end */
};

struct range {
	uint32_t begin, end;	/* in places; the end's top bit: the children were made */
};
#define MADE	(UINT32_C(1) << 31)

struct callpath_callers {
	enum callpath_metric metric;
	struct callpath *paths;
	struct place *places;
	struct range *ranges;	/* by node; what it was made of stays in order to make it again */
	uint32_t node_capacity, range_capacity;
};

void callers_free(struct callpath_callers *callers)
{
	if (!callers)
		return;
	free(callers->paths);
	free(callers->places);
	free(callers->ranges);
	free(callers);
}

static int compare_frames(const void *a, const void *b)
{
	uint32_t x = ((const struct place *)a)->frame, y = ((const struct place *)b)->frame;

	return x < y ? -1 : x > y;
}

/* Each path to its next frame, and those with the same next to each other. */
static void sort_by_frame(struct callpath_callers *callers, struct range range)
{
	bool sorted = true;

	for (uint32_t i = range.begin; i < range.end; i++) {
		struct place *place = &callers->places[i];

		place->frame = CALLPATH_NONE;
		while (place->rest && place->frame == CALLPATH_NONE) {
			place->frame = callers->paths[place->rest].frame;
			place->rest = callers->paths[place->rest].parent;
		}
		sorted = sorted && (i == range.begin || place[-1].frame <= place->frame);
	}
	if (!sorted)
		qsort(&callers->places[range.begin], range.end - range.begin,
		      sizeof(*callers->places), compare_frames);
}

static uint32_t depth_of(const struct callpath_tree *tree, uint32_t node)
{
	uint32_t depth = 0;

	for (; node; node = tree->nodes[node].parent)
		depth++;
	return depth;
}

/* A node of the paths of a range, which have the same frame next. */
static bool add_child(struct callpath_tree *tree, uint32_t parent, struct range range)
{
	struct callpath_callers *callers = tree->callers;
	uint32_t index = tree->node_count;
	struct callpath_node *node;

	if (!callpath_room(&tree->nodes, &callers->node_capacity, index, sizeof(*node)) ||
	    !callpath_room(&callers->ranges, &callers->range_capacity, index, sizeof(range)))
		return false;
	node = &tree->nodes[index];
	*node = (struct callpath_node){ .parent = parent,
					.frame = callers->places[range.begin].frame,
					.first_child = CALLPATH_NONE,
					.next_sibling = CALLPATH_NONE };
	for (uint32_t i = range.begin; i < range.end; i++)
		callpath_totals_add(&node->total, &callers->paths[callers->places[i].path].totals);
	if (parent == 0)
		node->self = node->total;
	callers->ranges[index] = range;
	tree->node_count++;
	return true;
}

/* False when memory is short: then it has none of them. */
static bool make_children(struct callpath_tree *tree, uint32_t node)
{
	struct callpath_callers *callers = tree->callers;
	struct range range = callers->ranges[node], part = { range.begin, range.begin };
	uint32_t first = tree->node_count, count, *children;
	bool done = true;

	callers->ranges[node].end |= MADE;
	if (depth_of(tree, node) >= CALLPATH_DEPTH_MAX)
		return true;
	sort_by_frame(callers, range);
	for (; done && part.begin < range.end; part.begin = part.end) {
		uint32_t frame = callers->places[part.begin].frame;

		if (frame == CALLPATH_NONE)
			break;		/* the last: paths without a further caller */
		while (part.end < range.end && callers->places[part.end].frame == frame)
			part.end++;
		done = add_child(tree, node, part);
	}
	count = tree->node_count - first;
	children = done ? malloc((count + 1) * sizeof(*children)) : NULL;
	if (!children) {
		tree->node_count = first;
		return false;
	}
	for (uint32_t i = 0; i < count; i++)
		children[i] = first + i;
	callpath_link_children(tree, node, children, count, callers->metric);
	free(children);
	return true;
}

uint32_t callpath_children(struct callpath_tree *tree, uint32_t node)
{
	if (tree->callers && !(tree->callers->ranges[node].end & MADE))
		make_children(tree, node);
	return tree->nodes[node].first_child;
}

/* How far a path goes to where it leaves a node. */
static uint32_t rest_of(const struct callpath_callers *callers, uint32_t path, uint32_t depth)
{
	while (path && depth) {
		depth -= callers->paths[path].frame != CALLPATH_NONE;
		path = callers->paths[path].parent;
	}
	return path;
}

void callpath_unmake(struct callpath_tree *tree, uint32_t node, uint32_t node_count)
{
	struct callpath_callers *callers = tree->callers;
	struct range *range = &callers->ranges[node];
	uint32_t depth = depth_of(tree, node);

	tree->node_count = node_count;
	tree->nodes[node].first_child = CALLPATH_NONE;
	range->end &= ~MADE;
	for (uint32_t i = range->begin; i < range->end; i++)
		callers->places[i].rest = rest_of(callers, callers->places[i].path, depth);
}

void callpath_drop(struct callpath_tree *tree, uint32_t node_count)
{
	tree->node_count = node_count;
}

bool callers_begin(struct callpath_tree *tree, struct callpath *paths, uint32_t path_count,
		   enum callpath_metric metric)
{
	struct callpath_callers *callers = calloc(1, sizeof(*callers));
	uint32_t used = 0, count = 0;

	if (!callers) {
		free(paths);
		return false;
	}
	tree->callers = callers;
	callers->metric = metric;
	callers->paths = paths;
	callers->node_capacity = tree->node_count;
	for (uint32_t i = 1; i < path_count; i++)
		used += callpath_is_used(&paths[i]);
	callers->places = malloc((used + 1) * sizeof(*callers->places));
	if (!callers->places ||
	    !callpath_room(&callers->ranges, &callers->range_capacity, 0, sizeof(struct range)))
		return false;
	for (uint32_t i = 1; i < path_count; i++) {
		struct callpath_node *root = &tree->nodes[0];
		uint32_t shown = i;

		if (!callpath_is_used(&paths[i]))
			continue;
		callers->places[count++] = (struct place){ .path = i, .rest = i };
		callpath_totals_add(&root->total, &paths[i].totals);
		while (shown && paths[shown].frame == CALLPATH_NONE)
			shown = paths[shown].parent;
		if (!shown)
			callpath_totals_add(&root->self, &paths[i].totals);
	}
	callers->ranges[0] = (struct range){ 0, count };
	return !count || make_children(tree, 0);
}
