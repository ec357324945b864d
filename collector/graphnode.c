/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of graph nodes to call paths: open addressing that forgets by shifting back. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/graphnode.h"

#include <stdlib.h>

#define COPIES_MAX 16			/* of copies, followed to the node that a call made */

static uint32_t home(const struct graph_nodes *nodes, uint64_t id)
{
	return (uint32_t)(id * 0x9e3779b97f4a7c15ull >> 32) & nodes->mask;
}

/* Where the id is, or the free place where it would go. */
static struct graph_node *slot_of(const struct graph_nodes *nodes, uint64_t id)
{
	uint32_t at = home(nodes, id);

	while (nodes->slots[at].id && nodes->slots[at].id != id)
		at = (at + 1) & nodes->mask;
	return &nodes->slots[at];
}

static struct graph_node *find(const struct graph_nodes *nodes, uint64_t id)
{
	struct graph_node *node = nodes->mask && id ? slot_of(nodes, id) : NULL;

	return node && node->id ? node : NULL;
}

static bool grow(struct graph_nodes *nodes)
{
	struct graph_nodes old = *nodes;
	uint32_t size = old.mask ? (old.mask + 1) * 2 : 1024;

	nodes->slots = calloc(size, sizeof(*nodes->slots));
	if (!nodes->slots) {
		nodes->slots = old.slots;
		return false;
	}
	nodes->mask = size - 1;
	nodes->hand = 0;
	for (uint32_t i = 0; old.mask && i <= old.mask; i++)
		if (old.slots[i].id)
			*slot_of(nodes, old.slots[i].id) = old.slots[i];
	free(old.slots);
	return true;
}

/* Later ones of the chain move up, so that no search ends at the gap. */
static void slot_clear(struct graph_nodes *nodes, uint32_t gap)
{
	uint32_t at = gap;

	for (;;) {
		at = (at + 1) & nodes->mask;
		if (!nodes->slots[at].id)
			break;
		/* May it stand at the gap? Only if its home is not between the two. */
		if (((at - home(nodes, nodes->slots[at].id)) & nodes->mask) <
		    ((at - gap) & nodes->mask))
			continue;
		nodes->slots[gap] = nodes->slots[at];
		gap = at;
	}
	nodes->slots[gap] = (struct graph_node){ 0 };
	nodes->count--;
}

/* A hand goes round: what was used since it passed last gets another round. */
static void evict_one(struct graph_nodes *nodes)
{
	for (;; nodes->hand = (nodes->hand + 1) & nodes->mask) {
		struct graph_node *node = &nodes->slots[nodes->hand];

		if (!node->id)
			continue;
		if (node->is_used) {
			node->is_used = false;
			continue;
		}
		slot_clear(nodes, nodes->hand);
		nodes->evicted++;
		return;
	}
}

/* Follows copies to the node that a call made; its path is kept with the copy. Rings are not read
 * in the order of time, so a copy may be here before its original. */
static void resolve(const struct graph_nodes *nodes, struct graph_node *node)
{
	struct graph_node *at = node;

	for (int i = 0; at && at->original && i < COPIES_MAX; i++) {
		at = find(nodes, at->original);
		if (at)
			at->is_used = true;
	}
	if (at && at != node && !at->original) {
		node->path = at->path;
		node->original = 0;
	}
}

void graph_nodes_add(struct graph_nodes *nodes, uint64_t id, uint64_t original, uint32_t path,
		     int64_t at_ns)
{
	uint32_t limit = nodes->limit ? nodes->limit : GRAPH_NODES_MAX;
	struct graph_node *node;

	if (!id)
		return;
	node = find(nodes, id);
	if (!node) {
		if (nodes->count >= limit)
			evict_one(nodes);
		if ((nodes->count + 1) * 2 > nodes->mask && !grow(nodes))
			return;
		node = slot_of(nodes, id);
		nodes->count++;
	}
	if (node->id && original && at_ns > node->updated_ns) {
		node->path_before = node->path;
		node->updated_ns = at_ns;
	}
	if (!node->id)			/* an update leaves it where it is in the graph */
		node->source = original == id ? 0 : original;
	node->id = id;
	node->original = original == id ? 0 : original;
	node->is_used = true;
	if (node->original)
		resolve(nodes, node);	/* one that is updated keeps its path until the new is known */
	else
		node->path = path;
}

uint32_t graph_nodes_path(struct graph_nodes *nodes, uint64_t id, int64_t at_ns)
{
	struct graph_node *node = find(nodes, id);

	if (!node)
		return 0;
	node->is_used = true;
	if (node->original)
		resolve(nodes, node);
	return node->path_before && at_ns < node->updated_ns ? node->path_before : node->path;
}

uint64_t graph_nodes_source(const struct graph_nodes *nodes, uint64_t id)
{
	const struct graph_node *node = find(nodes, id);

	return node ? node->source : 0;
}

void graph_nodes_free(struct graph_nodes *nodes)
{
	free(nodes->slots);
	*nodes = (struct graph_nodes){ .limit = nodes->limit };
}
