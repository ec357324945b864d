/* SPDX-License-Identifier: Apache-2.0 */
/* What executable graphs were made from: their nodes, and which of them wait for which. */
#ifndef GPUTRAIL_ANALYSIS_GRAPH_SHAPE_H
#define GPUTRAIL_ANALYSIS_GRAPH_SHAPE_H

#include "analysis/internal.h"

struct graph_member {
	int64_t number, parent;		/* as in the file; parent -1: none */
	uint64_t node;			/* CUPTI's id, 0 unknown */
	char *type;
};

struct graph_edge {
	size_t from, to;		/* places in members[] */
};

struct graph_shape {
	int graph;
	struct graph_member *members;	/* by number */
	const struct graph_member **by_node;
	struct graph_edge *edges;	/* by what waits */
	size_t count, edge_count;
};

struct graph_shapes {
	struct graph_shape *rows;	/* by graph */
	size_t count;
};

/* Of all graphs of the file; none in files from before there were such. -1: run's error is set. */
int graph_shapes_load(struct run *run, struct graph_shapes *shapes);
void graph_shapes_free(struct graph_shapes *shapes);
/* NULL: nothing is known of that graph. */
const struct graph_shape *graph_shapes_find(const struct graph_shapes *shapes, int graph);
/* Operations that have to run one after the other, the most of them; those inside of child graphs
 * and of the longest body count, the nodes around them do not. */
uint64_t graph_shape_chain(const struct graph_shape *shape);
/* "12 kernel, 2 memcpy", the most frequent first. The caller's; NULL: no memory. */
char *graph_shape_kinds(const struct graph_shape *shape);
/* The member that is that node; NULL: there is none. */
const struct graph_member *graph_shape_member(const struct graph_shape *shape, uint64_t node);
/* Numbers of the members that it waits for, "3, 4". The caller's; NULL: no memory. */
char *graph_shape_before(const struct graph_shape *shape, const struct graph_member *member);
/* Kind of the node that it is inside of, "while"; "" none. */
const char *graph_shape_around(const struct graph_shape *shape, const struct graph_member *member);

#endif
