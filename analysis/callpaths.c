/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of call paths out of path, frame, module and sum_path: see callpaths.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/callpaths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "analysis/callers.h"
#include "analysis/internal.h"

#define PROGRESS_PATHS	4096

/* A frame's text, shared by all frames that are shown alike. */
struct named {
	UT_hash_handle hh;
	uint32_t frame;
	char text[];
};

/* (parent, frame) to node while a tree is built. */
struct edge {
	UT_hash_handle hh;
	struct { uint32_t parent, frame; } key;
	uint32_t node;
};

struct builder {
	struct run *run;
	struct callpath_tree *tree;
	enum callpath_order order;
	enum callpath_metric metric;
	unsigned int flags;
	struct named *named;
	struct edge *edges;
	uint32_t *frame_of_id;		/* frame id in the file to index */
	uint32_t frame_ids, node_capacity, frame_capacity;
	struct callpath *paths;		/* by id in the file */
	uint32_t path_count;
};

static const char *const metric_names[METRIC_COUNT] = {
	"gpu", "host", "launches", "calls", "copy-bytes", "alloc-bytes", "replay",
};

const char *callpath_metric_name(enum callpath_metric metric)
{
	return metric_names[metric];
}

uint64_t callpath_metric(const struct callpath_totals *t, enum callpath_metric metric)
{
	const uint64_t values[METRIC_COUNT] = {
		t->gpu_ns, t->host_ns, t->launches, t->calls, t->copy_bytes, t->alloc_bytes,
		t->replay_ns,
	};

	return values[metric];
}

void callpath_totals_add(struct callpath_totals *to, const struct callpath_totals *from)
{
	to->gpu_ns += from->gpu_ns;
	to->host_ns += from->host_ns;
	to->launches += from->launches;
	to->calls += from->calls;
	to->copy_bytes += from->copy_bytes;
	to->alloc_bytes += from->alloc_bytes;
	to->replay_ns += from->replay_ns;
}

bool callpath_room(void *array, uint32_t *capacity, uint32_t index, size_t bytes)
{
	uint32_t wanted = *capacity ? *capacity : 64;
	char *grown;

	if (index < *capacity)
		return true;
	while (wanted <= index)
		wanted *= 2;
	grown = realloc(*(void **)array, wanted * bytes);
	if (!grown)
		return false;
	memset(grown + *capacity * bytes, 0, (wanted - *capacity) * bytes);
	*(void **)array = grown;
	*capacity = wanted;
	return true;
}

/* --- frames -------------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void frame_text(const struct callpath_frame *f, uint64_t address, char *text, size_t bytes)
{
	if (f->file[0] && (f->is_python || (f->function[0] && f->line)))
		snprintf(text, bytes, "%s (%s:%d)", f->function, f->file, f->line);
	else if (f->function[0] && f->module[0])
		snprintf(text, bytes, "%s (%s)", f->function, base_name(f->module));
	else if (f->function[0])
		snprintf(text, bytes, "%s", f->function);
	else if (f->module[0])
		snprintf(text, bytes, "%s+0x%llx", base_name(f->module),
			 (unsigned long long)address);
	else
		snprintf(text, bytes, "0x%llx", (unsigned long long)address);
}

/* Native frames down to the instruction, which is the one after the call. */
static void frame_text_offset(const struct callpath_frame *f, uint64_t address, uint64_t offset,
			      char *text, size_t bytes)
{
	int used;

	if (f->is_python || f->is_truncated || !f->function[0]) {
		frame_text(f, address, text, bytes);
		return;
	}
	used = snprintf(text, bytes, "%s+0x%llx", f->function, (unsigned long long)offset);
	if (used < 0 || (size_t)used >= bytes || !f->module[0])
		return;
	if (f->file[0] && f->line)
		snprintf(text + used, bytes - (size_t)used, " (%s, %s:%d)", base_name(f->module),
			 f->file, f->line);
	else
		snprintf(text + used, bytes - (size_t)used, " (%s)", base_name(f->module));
}

static uint32_t frame_add(struct builder *b, struct callpath_frame *frame, const char *text)
{
	struct callpath_tree *tree = b->tree;
	size_t length = strlen(text);
	struct named *named;

	HASH_FIND_STR(b->named, text, named);
	if (named)
		return named->frame;
	if (!callpath_room(&tree->frames, &b->frame_capacity, tree->frame_count,
			   sizeof(*tree->frames)))
		return CALLPATH_NONE;
	named = malloc(sizeof(*named) + length + 1);
	if (!named)
		return CALLPATH_NONE;
	memcpy(named->text, text, length + 1);
	named->frame = tree->frame_count;
	HASH_ADD_STR(b->named, text, named);
	tree->frames[tree->frame_count] = *frame;
	tree->frames[tree->frame_count].text = strdup(text);
	memset(frame, 0, sizeof(*frame));	/* its strings belong to the tree now */
	return tree->frame_count++;
}

static int frame_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct builder *b = arg;
	struct callpath_frame frame = { 0 };
	int64_t id = row_id(stmt, 0);
	char *kind = row_text(stmt, 1);
	char text[4096];

	(void)run;
	if (id > 0 && id < 1 << 28 &&
	    callpath_room(&b->frame_of_id, &b->frame_ids, (uint32_t)id, sizeof(*b->frame_of_id))) {
		frame.function = row_text(stmt, 2);
		frame.file = row_text(stmt, 3);
		frame.line = row_int(stmt, 4, 0);
		frame.module = row_text(stmt, 5);
		frame.is_python = !strcmp(kind, "python");
		frame.is_interpreter = !strcmp(kind, "interpreter");
		frame.is_truncated = !strcmp(kind, "truncated");
		if (b->flags & CALLPATH_OFFSETS)
			frame_text_offset(&frame, row_u64(stmt, 6), row_u64(stmt, 7), text,
					  sizeof(text));
		else
			frame_text(&frame, row_u64(stmt, 6), text, sizeof(text));
		if (!frame.is_interpreter || b->flags & CALLPATH_INTERPRETER)
			b->frame_of_id[id] = frame_add(b, &frame, text) + 1;
		free(frame.function);
		free(frame.file);
		free(frame.module);
	}
	free(kind);
	return 0;
}

/* --- paths --------------------------------------------------------------------------------- */

static int path_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct builder *b = arg;
	int64_t id = row_id(stmt, 0);
	uint64_t parent = row_u64(stmt, 1), frame = row_u64(stmt, 2);

	(void)run;
	/* A parent is always written before its children; anything else is damage. */
	if (id <= 0 || id >= 1 << 28 || parent >= (uint64_t)id ||
	    !callpath_room(&b->paths, &b->path_count, (uint32_t)id, sizeof(*b->paths)))
		return 0;
	b->paths[id].parent = (uint32_t)parent;
	b->paths[id].frame = frame < b->frame_ids ? b->frame_of_id[frame] - 1 : CALLPATH_NONE;
	return 0;
}

static int sum_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct builder *b = arg;
	uint64_t id = row_u64(stmt, 0);
	struct callpath_totals totals = {
		.launches = row_u64(stmt, 1), .gpu_ns = row_u64(stmt, 2),
		.host_ns = row_u64(stmt, 3), .calls = row_u64(stmt, 4),
		.copy_bytes = row_u64(stmt, 5), .alloc_bytes = row_u64(stmt, 6),
		.replay_ns = row_u64(stmt, 7),
	};

	(void)run;
	if (id > 0 && id < b->path_count)
		callpath_totals_add(&b->paths[id].totals, &totals);
	else
		b->tree->without_path += totals.calls;
	return 0;
}

/* --- trees --------------------------------------------------------------------------------- */

bool callpath_is_used(const struct callpath *path)
{
	return path->totals.calls || path->totals.gpu_ns;
}

static uint32_t node_child(struct builder *b, uint32_t parent, uint32_t frame)
{
	struct callpath_tree *tree = b->tree;
	struct edge *edge, key;
	struct callpath_node *node;

	memset(&key, 0, sizeof(key));
	key.key.parent = parent;
	key.key.frame = frame;
	HASH_FIND(hh, b->edges, &key.key, sizeof(key.key), edge);
	if (edge)
		return edge->node;
	edge = calloc(1, sizeof(*edge));
	if (!edge || !callpath_room(&tree->nodes, &b->node_capacity, tree->node_count,
				    sizeof(*tree->nodes))) {
		free(edge);
		return parent;
	}
	edge->key = key.key;
	edge->node = tree->node_count++;
	HASH_ADD(hh, b->edges, key, sizeof(edge->key), edge);
	node = &tree->nodes[edge->node];
	*node = (struct callpath_node){ .parent = parent, .frame = frame,
					.first_child = CALLPATH_NONE,
					.next_sibling = tree->nodes[parent].first_child };
	tree->nodes[parent].first_child = edge->node;
	return edge->node;
}

/* Frames of a path, innermost first; hidden ones are left out. */
static uint32_t path_frames(const struct builder *b, uint32_t path, uint32_t *frames, uint32_t max)
{
	uint32_t count = 0;

	for (; path && count < max; path = b->paths[path].parent)
		if (b->paths[path].frame != CALLPATH_NONE)
			frames[count++] = b->paths[path].frame;
	return count;
}

static void path_place(struct builder *b, uint32_t path)
{
	const struct callpath_totals *totals = &b->paths[path].totals;
	uint32_t frames[CALLPATH_DEPTH_MAX], node = 0;
	uint32_t count = path_frames(b, path, frames, CALLPATH_DEPTH_MAX);

	callpath_totals_add(&b->tree->nodes[0].total, totals);
	if (b->order == CALLPATH_FLAT) {
		for (uint32_t i = 0; i < count; i++) {
			bool again = false;

			for (uint32_t k = 0; k < i && !again; k++)
				again = frames[k] == frames[i];	/* recursion counts once */
			if (again)
				continue;
			node = node_child(b, 0, frames[i]);
			callpath_totals_add(&b->tree->nodes[node].total, totals);
			if (i == 0)
				callpath_totals_add(&b->tree->nodes[node].self, totals);
		}
		return;
	}
	for (uint32_t i = count; i-- > 0;) {
		node = node_child(b, node, frames[i]);
		callpath_totals_add(&b->tree->nodes[node].total, totals);
	}
	callpath_totals_add(&b->tree->nodes[node].self, totals);
}

struct node_order {
	const struct callpath_tree *tree;
	enum callpath_metric metric;
};

static int node_compare(const void *a, const void *b, void *arg)
{
	const struct node_order *order = arg;
	const struct callpath_node *x = &order->tree->nodes[*(const uint32_t *)a];
	const struct callpath_node *y = &order->tree->nodes[*(const uint32_t *)b];
	uint64_t p = callpath_metric(&x->total, order->metric);
	uint64_t q = callpath_metric(&y->total, order->metric);

	if (p != q)
		return p > q ? -1 : 1;
	return x->frame < y->frame ? -1 : x->frame > y->frame;
}

void callpath_link_children(struct callpath_tree *tree, uint32_t parent, uint32_t *children,
			    uint32_t count, enum callpath_metric metric)
{
	struct node_order order = { tree, metric };

	qsort_r(children, count, sizeof(*children), node_compare, &order);
	tree->nodes[parent].first_child = count ? children[0] : CALLPATH_NONE;
	for (uint32_t k = 0; k < count; k++)
		tree->nodes[children[k]].next_sibling = k + 1 < count ? children[k + 1] : CALLPATH_NONE;
}

/* Children in order of the metric, largest first. */
static bool tree_sort(struct callpath_tree *tree, enum callpath_metric metric)
{
	uint32_t *children = malloc((tree->node_count + 1) * sizeof(*children));

	if (!children)
		return false;
	for (uint32_t i = 0; i < tree->node_count; i++) {
		uint32_t count = 0;

		for (uint32_t c = tree->nodes[i].first_child; c != CALLPATH_NONE;
		     c = tree->nodes[c].next_sibling)
			children[count++] = c;
		callpath_link_children(tree, i, children, count, metric);
	}
	free(children);
	return true;
}

/* Of a tree from the calling function up only the first level: the rest is made when asked for. */
static bool tree_build(struct builder *b)
{
	if (b->order == CALLPATH_BOTTOM_UP) {
		struct callpath *paths = b->paths;

		b->paths = NULL;	/* the tree's from now on */
		return callers_begin(b->tree, paths, b->path_count, b->metric);
	}
	for (uint32_t i = 1; i < b->path_count; i++) {
		if (callpath_is_used(&b->paths[i]))
			path_place(b, i);
		if (i % PROGRESS_PATHS == 0 && b->run->progress)
			b->run->progress(b->run->progress_arg, i, b->path_count);
	}
	return tree_sort(b->tree, b->metric);
}

static void builder_free(struct builder *b)
{
	struct named *named, *next_named;
	struct edge *edge, *next_edge;

	HASH_ITER(hh, b->named, named, next_named) {
		HASH_DEL(b->named, named);
		free(named);
	}
	HASH_ITER(hh, b->edges, edge, next_edge) {
		HASH_DEL(b->edges, edge);
		free(edge);
	}
	free(b->frame_of_id);
	free(b->paths);
}

int run_callpaths(struct run *run, enum callpath_order order, enum callpath_metric metric,
		  unsigned int flags, struct callpath_tree *tree)
{
	struct builder b = { .run = run, .tree = tree, .order = order, .metric = metric,
			     .flags = flags };
	int result = -1;

	*tree = (struct callpath_tree){ 0 };
	if (!callpath_room(&tree->nodes, &b.node_capacity, 0, sizeof(*tree->nodes)))
		return run_fail(run, "out of memory");
	tree->nodes[0] = (struct callpath_node){ .parent = CALLPATH_NONE, .frame = CALLPATH_NONE,
						 .first_child = CALLPATH_NONE,
						 .next_sibling = CALLPATH_NONE };
	tree->node_count = 1;
	if (run_query(run, "SELECT f.id, f.kind, f.symbol, f.file, f.line, m.path, f.address,"
			   " f.function_offset FROM frame f LEFT JOIN module m ON m.id = f.module",
		      frame_row, &b) < 0 ||
	    run_query(run, "SELECT id, parent, frame FROM path ORDER BY id", path_row, &b) < 0 ||
	    run_query(run, "SELECT path, sum(launches), sum(gpu_ns), sum(host_ns), sum(calls),"
			   " sum(copy_bytes), sum(alloc_bytes), sum(replay_gpu_ns)"
			   " FROM sum_path GROUP BY path",
		      sum_row, &b) < 0)
		goto out;
	result = tree_build(&b) ? 0 : run_fail(run, "out of memory");
out:
	builder_free(&b);
	if (result < 0)
		callpath_tree_free(tree);
	return result;
}

void callpath_tree_free(struct callpath_tree *tree)
{
	for (uint32_t i = 0; i < tree->frame_count; i++) {
		free(tree->frames[i].text);
		free(tree->frames[i].function);
		free(tree->frames[i].file);
		free(tree->frames[i].module);
	}
	free(tree->frames);
	free(tree->nodes);
	callers_free(tree->callers);
	*tree = (struct callpath_tree){ 0 };
}
