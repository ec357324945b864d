/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which call made the nodes of a process's graphs, by the ids that GPU records carry. Copies (the
 * nodes of executable graphs are copies) lead to their originals. Bounded: the nodes that have
 * not been asked for the longest go first, as in programs that make graphs all the time.
 */
#ifndef GPUTRAIL_COLLECTOR_GRAPHNODE_H
#define GPUTRAIL_COLLECTOR_GRAPHNODE_H

#include <stdbool.h>
#include <stdint.h>

#define GRAPH_NODES_MAX (1u << 19)

struct graph_node {
	uint64_t id;			/* 0: free */
	uint64_t original;		/* whose path it is to get; 0: it has its path */
	uint64_t source;		/* what it was copied from at first, 0 nothing */
	int64_t updated_ns;		/* since when it has that path */
	uint32_t path, path_before;	/* in the file, 0 none */
	bool is_used;			/* since the hand passed */
};

struct graph_nodes {
	struct graph_node *slots;
	uint32_t count, mask, hand;
	uint32_t limit;			/* 0: GRAPH_NODES_MAX */
	uint64_t evicted;
};

/* A node made by a call with this path, or copied from `original` (if that is not 0). */
void graph_nodes_add(struct graph_nodes *nodes, uint64_t id, uint64_t original, uint32_t path,
		     int64_t at_ns);
/* The path of the call that made it or its original, for a graph launch at this time; 0 unknown.
 * GPU records come late: of a node that was updated since, the path before the update is kept. */
uint32_t graph_nodes_path(struct graph_nodes *nodes, uint64_t id, int64_t at_ns);
/* The node that it was copied from; 0 unknown. */
uint64_t graph_nodes_source(const struct graph_nodes *nodes, uint64_t id);
void graph_nodes_free(struct graph_nodes *nodes);

#endif
