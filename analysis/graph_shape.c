/* SPDX-License-Identifier: Apache-2.0 */
/* What executable graphs were made from: see graph_shape.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/graph_shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- reading ---------------------------------------------------------------------------------- */

static struct graph_shape *shape_of(struct graph_shapes *shapes, int graph)
{
	struct graph_shape *last = shapes->count ? &shapes->rows[shapes->count - 1] : NULL;

	if (last && last->graph == graph)
		return last;
	last = LIST_ADD(shapes);
	if (last)
		last->graph = graph;
	return last;
}

static int member_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct graph_shape *shape = shape_of(arg, row_int(stmt, 0, -1));
	struct graph_member *member;

	if (!shape)
		return run_fail(run, "out of memory");
	member = list_add((void **)&shape->members, &shape->count, sizeof(*member));
	if (!member)
		return run_fail(run, "out of memory");
	member->number = sqlite3_column_int64(stmt, 1);
	member->node = row_u64(stmt, 2);
	member->type = row_text(stmt, 3);
	member->parent = row_id(stmt, 4);
	return member->type ? 0 : run_fail(run, "out of memory");
}

static int number_order(const void *a, const void *b)
{
	int64_t x = ((const struct graph_member *)a)->number;
	int64_t y = ((const struct graph_member *)b)->number;

	return (x > y) - (x < y);
}

static struct graph_member *member_numbered(const struct graph_shape *shape, int64_t number)
{
	struct graph_member key = { .number = number };

	return shape->count ? bsearch(&key, shape->members, shape->count, sizeof(key), number_order)
			    : NULL;
}

static int graph_order(const void *a, const void *b)
{
	int x = ((const struct graph_shape *)a)->graph, y = ((const struct graph_shape *)b)->graph;

	return (x > y) - (x < y);
}

const struct graph_shape *graph_shapes_find(const struct graph_shapes *shapes, int graph)
{
	struct graph_shape key = { .graph = graph };

	return shapes->count ? bsearch(&key, shapes->rows, shapes->count, sizeof(key), graph_order)
			     : NULL;
}

/* Of members that are not there, in damaged files, nothing is to be known. */
static int edge_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct graph_shape *shape =
		(struct graph_shape *)graph_shapes_find(arg, row_int(stmt, 0, -1));
	struct graph_member *from, *to;
	struct graph_edge *edge;

	if (!shape)
		return 0;
	from = member_numbered(shape, row_id(stmt, 1));
	to = member_numbered(shape, row_id(stmt, 2));
	if (!from || !to)
		return 0;
	edge = list_add((void **)&shape->edges, &shape->edge_count, sizeof(*edge));
	if (!edge)
		return run_fail(run, "out of memory");
	edge->from = (size_t)(from - shape->members);
	edge->to = (size_t)(to - shape->members);
	return 0;
}

static int node_order(const void *a, const void *b)
{
	const struct graph_member *x = *(const struct graph_member *const *)a;
	const struct graph_member *y = *(const struct graph_member *const *)b;

	return (x->node > y->node) - (x->node < y->node);
}

static int nodes_sort(struct run *run, struct graph_shapes *shapes)
{
	for (size_t i = 0; i < shapes->count; i++) {
		struct graph_shape *shape = &shapes->rows[i];

		shape->by_node = calloc(shape->count, sizeof(*shape->by_node));
		if (!shape->by_node)
			return run_fail(run, "out of memory");
		for (size_t j = 0; j < shape->count; j++)
			shape->by_node[j] = &shape->members[j];
		qsort(shape->by_node, shape->count, sizeof(*shape->by_node), node_order);
	}
	return 0;
}

int graph_shapes_load(struct run *run, struct graph_shapes *shapes)
{
	*shapes = (struct graph_shapes){ 0 };
	if (!run_query(run, "SELECT graph, member, node, type, parent FROM graph_member"
		       " ORDER BY graph, member", member_row, shapes) &&
	    !run_query(run, "SELECT graph, from_member, to_member FROM graph_edge"
		       " ORDER BY graph, to_member, from_member", edge_row, shapes) &&
	    !nodes_sort(run, shapes))
		return 0;
	graph_shapes_free(shapes);
	return -1;
}

void graph_shapes_free(struct graph_shapes *shapes)
{
	for (size_t i = 0; i < shapes->count; i++) {
		for (size_t j = 0; j < shapes->rows[i].count; j++)
			free(shapes->rows[i].members[j].type);
		free(shapes->rows[i].members);
		free(shapes->rows[i].by_node);
		free(shapes->rows[i].edges);
	}
	free(shapes->rows);
	*shapes = (struct graph_shapes){ 0 };
}

/* --- the longest chain ------------------------------------------------------------------------ */

/* Each member becomes two points, before and after it; what is inside of it lies between them. */
struct chain {
	size_t points, lines;
	size_t *first, *next, *to;	/* lists of the lines that leave a point, 1 + line; 0 ends */
	size_t *incoming, *ready;
	uint64_t *length;
	char *has_inside;
};

static void line_add(struct chain *c, size_t from, size_t to)
{
	size_t line = c->lines++;

	c->to[line] = to;
	c->next[line] = c->first[from];
	c->first[from] = line + 1;
	c->incoming[to]++;
}

static void lines_make(struct chain *c, const struct graph_shape *shape)
{
	for (size_t i = 0; i < shape->edge_count; i++)
		line_add(c, 2 * shape->edges[i].from + 1, 2 * shape->edges[i].to);
	for (size_t i = 0; i < shape->count; i++) {
		const struct graph_member *parent = member_numbered(shape, shape->members[i].parent);
		size_t around = parent ? (size_t)(parent - shape->members) : i;

		line_add(c, 2 * i, 2 * i + 1);
		if (around == i)
			continue;
		c->has_inside[around] = 1;
		line_add(c, 2 * around, 2 * i);
		line_add(c, 2 * i + 1, 2 * around + 1);
	}
}

static uint64_t chain_follow(struct chain *c)
{
	size_t count = 0;
	uint64_t longest = 0;

	for (size_t i = 0; i < c->points; i++)
		if (!c->incoming[i])
			c->ready[count++] = i;
	/* A ring, in a damaged file, never becomes ready. */
	for (size_t i = 0; i < count; i++) {
		size_t at = c->ready[i];

		for (size_t line = c->first[at]; line; line = c->next[line - 1]) {
			size_t to = c->to[line - 1];
			uint64_t length = c->length[at] + (to == at + 1 && !(at & 1) &&
							   !c->has_inside[at / 2]);

			if (c->length[to] < length)
				c->length[to] = length;
			if (!--c->incoming[to])
				c->ready[count++] = to;
		}
		if (c->length[at] > longest)
			longest = c->length[at];
	}
	return longest;
}

uint64_t graph_shape_chain(const struct graph_shape *shape)
{
	size_t points = 2 * shape->count, lines = shape->edge_count + 3 * shape->count;
	struct chain c = { .points = points };
	size_t *memory = calloc(3 * points + 2 * lines + 1, sizeof(*memory));
	uint64_t longest = 0;

	c.length = calloc(points + 1, sizeof(*c.length));
	c.has_inside = calloc(shape->count + 1, 1);
	if (memory && c.length && c.has_inside) {
		c.first = memory;
		c.incoming = c.first + points;
		c.ready = c.incoming + points;
		c.next = c.ready + points;
		c.to = c.next + lines;
		lines_make(&c, shape);
		longest = chain_follow(&c);
	}
	free(memory);
	free(c.length);
	free(c.has_inside);
	return longest;
}

/* --- as text ---------------------------------------------------------------------------------- */

struct kind {
	const char *type;
	size_t count;
};

static int kind_order(const void *a, const void *b)
{
	const struct kind *x = a, *y = b;

	return x->count == y->count ? strcmp(x->type, y->type) : x->count < y->count ? 1 : -1;
}

char *graph_shape_kinds(const struct graph_shape *shape)
{
	struct kind kinds[16];
	size_t count = 0, length = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &length);

	for (size_t i = 0; out && i < shape->count; i++) {
		size_t at = 0;

		while (at < count && strcmp(kinds[at].type, shape->members[i].type))
			at++;
		if (at == sizeof(kinds) / sizeof(kinds[0]))
			continue;
		if (at == count)
			kinds[count++] = (struct kind){ shape->members[i].type, 0 };
		kinds[at].count++;
	}
	qsort(kinds, count, sizeof(kinds[0]), kind_order);
	for (size_t i = 0; out && i < count; i++)
		fprintf(out, "%s%zu %s", i ? ", " : "", kinds[i].count, kinds[i].type);
	if (out)
		fclose(out);
	return text;
}

const struct graph_member *graph_shape_member(const struct graph_shape *shape, uint64_t node)
{
	struct graph_member key = { .node = node };
	const struct graph_member *wanted = &key, **found;

	if (!node)
		return NULL;
	found = bsearch(&wanted, shape->by_node, shape->count, sizeof(wanted), node_order);
	return found ? *found : NULL;
}

char *graph_shape_before(const struct graph_shape *shape, const struct graph_member *member)
{
	size_t at = (size_t)(member - shape->members), length = 0, first = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &length);
	size_t count = shape->edge_count;

	/* Edges are in the order of what waits. */
	while (count) {
		size_t half = count / 2;

		if (shape->edges[first + half].to < at) {
			first += half + 1;
			count -= half + 1;
		} else {
			count = half;
		}
	}
	for (size_t i = first; out && i < shape->edge_count && shape->edges[i].to == at; i++)
		fprintf(out, "%s%lld", i > first ? ", " : "",
			(long long)shape->members[shape->edges[i].from].number);
	if (out)
		fclose(out);
	return text;
}

const char *graph_shape_around(const struct graph_shape *shape, const struct graph_member *member)
{
	const struct graph_member *parent = member_numbered(shape, member->parent);

	return parent ? parent->type : "";
}
