/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What executable graphs are made from: see graph_parts.h. A few queries of the driver for each node,
 * in a call that takes the driver longer than that; a process is told of PARTS_MAX nodes and edges, so
 * that programs which make graphs all the time do not pay for it all the time.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/graph_parts.h"

#include <string.h>
#include <sys/mman.h>

#include "libprofile/cupti.h"
#include "libprofile/ring.h"

#define PARTS_MAX (1u << 18)		/* nodes and edges of a process */
#define GRAPH_MAX 16384u		/* nodes or edges of one graph */
#define DEPTH_MAX 8			/* child graphs in child graphs */
#define CONDITIONALS 1024u		/* power of two */
#define PARTS_PER_RECORD 128u

/* Where the bodies of conditional nodes are, by the node; a later one may take its place. */
static struct conditional {
	CUgraphNode node;
	CUgraph *bodies;		/* the driver's, as long as the node lives */
	uint32_t count;
	uint8_t type;
} conditionals[CONDITIONALS];
static uint32_t conditionals_lock;
static uint32_t parts_told;

struct part {				/* as wide as what it is sent as */
	union {
		struct wire_graph_member member;
		struct wire_graph_edge edge;
	};
};
static_assert(sizeof(struct part) == WIRE_GRAPH_PART_BYTES, "part");

struct walk {
	struct thread *thread;
	uint64_t executable;
	uint32_t next;			/* number of the next member */
	uint32_t held, first;		/* parts of the record to be; number of the first member */
	enum wire_kind kind;
	struct part parts[PARTS_PER_RECORD];
};

/* One graph: all of it in one mapping. */
struct level {
	size_t nodes_count, edges_count, bytes;
	CUgraphNode *nodes, *from, *to;
	CUgraphEdgeData *data;
	uint32_t *slots, mask;		/* of nodes: 1 + place in nodes[], by handle */
	uint32_t base;			/* number of nodes[0] */
};

static uint32_t hash(const void *handle)
{
	return (uint32_t)((uintptr_t)handle * 0x9e3779b97f4a7c15ull >> 40);
}

/* --- conditional nodes ------------------------------------------------------------------------ */

static bool lock(void)
{
	return !__atomic_exchange_n(&conditionals_lock, 1, __ATOMIC_ACQUIRE);
}

static void unlock(void)
{
	__atomic_store_n(&conditionals_lock, 0, __ATOMIC_RELEASE);
}

void graph_parts_added(CUresult result, const CUgraphNode *node, const CUgraphNodeParams *params)
{
	struct conditional *slot;

	if (result != CUDA_SUCCESS || !node || !params ||
	    params->type != CU_GRAPH_NODE_TYPE_CONDITIONAL || !lock())
		return;			/* taken: its bodies are not told of, and nothing waits */
	slot = &conditionals[hash(*node) % CONDITIONALS];
	*slot = (struct conditional){ *node, params->conditional.phGraph_out,
				      params->conditional.size, (uint8_t)params->conditional.type };
	unlock();
}

static struct conditional conditional_of(CUgraphNode node)
{
	struct conditional found = { NULL, NULL, 0, 0 };

	if (!lock())
		return found;
	if (conditionals[hash(node) % CONDITIONALS].node == node)
		found = conditionals[hash(node) % CONDITIONALS];
	unlock();
	return found;
}

/* --- records ---------------------------------------------------------------------------------- */

static void send(struct walk *w)
{
	uint32_t bytes = (uint32_t)sizeof(struct wire_def_graph_parts) + w->held * WIRE_GRAPH_PART_BYTES;
	struct wire_def_graph_parts *def = w->held ? ring_reserve(w->thread, bytes) : NULL;

	if (def) {
		def->head = (struct wire_head){ .bytes = (uint16_t)bytes, .kind = (uint16_t)w->kind };
		def->graph_exec = w->executable;
		def->first = w->first;
		def->count = w->held;
		memcpy(def + 1, w->parts, w->held * WIRE_GRAPH_PART_BYTES);
		ring_commit(w->thread, bytes);
	}
	w->held = 0;
}

static struct part *part_next(struct walk *w, enum wire_kind kind)
{
	if (w->held == PARTS_PER_RECORD || w->kind != kind)
		send(w);
	if (!w->held) {
		w->kind = kind;
		w->first = kind == WIRE_DEF_GRAPH_MEMBERS ? w->next : 0;
	}
	return &w->parts[w->held++];
}

/* --- one graph -------------------------------------------------------------------------------- */

static CUresult edges_of(CUgraph graph, struct level *l, size_t *count)
{
	if (real.cuGraphGetEdges_v2)
		return real.cuGraphGetEdges_v2(graph, l->from, l->to, l->data, count);
	return real.cuGraphGetEdges ? real.cuGraphGetEdges(graph, l->from, l->to, count) :
				      CUDA_ERROR_NOT_FOUND;
}

static bool level_reserve(struct level *l)
{
	size_t slots = 16;
	char *memory;

	while (slots < 2 * l->nodes_count)
		slots *= 2;
	l->bytes = l->nodes_count * sizeof(*l->nodes) + l->edges_count *
		(2 * sizeof(*l->from) + sizeof(*l->data)) + slots * sizeof(*l->slots);
	memory = util_map(l->bytes);
	if (!memory)
		return false;
	l->nodes = (CUgraphNode *)memory;
	l->from = l->nodes + l->nodes_count;
	l->to = l->from + l->edges_count;
	l->data = (CUgraphEdgeData *)(l->to + l->edges_count);
	l->slots = (uint32_t *)(l->data + l->edges_count);
	l->mask = (uint32_t)slots - 1;
	return true;
}
static_assert(sizeof(CUgraphEdgeData) == 8, "keeps what is behind it aligned");

static bool may_tell(size_t nodes, size_t edges)
{
	uint32_t parts = (uint32_t)(nodes + edges);

	if (nodes > GRAPH_MAX || edges > GRAPH_MAX)
		return false;
	if (__atomic_add_fetch(&parts_told, parts, __ATOMIC_RELAXED) <= PARTS_MAX)
		return true;
	__atomic_sub_fetch(&parts_told, parts, __ATOMIC_RELAXED);
	return false;
}

/* False: there is nothing to be freed. */
static bool level_read(CUgraph graph, struct level *l)
{
	if (real.cuGraphGetNodes(graph, NULL, &l->nodes_count) || !l->nodes_count)
		return false;
	if (edges_of(graph, l, &l->edges_count)) {	/* the nodes are worth something by themselves */
		process_count(WIRE_COUNTER_graph_parts_lost, l->nodes_count);
		l->edges_count = 0;
	}
	if (!may_tell(l->nodes_count, l->edges_count)) {
		process_count(WIRE_COUNTER_graph_parts_lost, l->nodes_count);
		return false;
	}
	if (!level_reserve(l))
		return false;
	if (!real.cuGraphGetNodes(graph, l->nodes, &l->nodes_count) &&
	    (!l->edges_count || !edges_of(graph, l, &l->edges_count)))
		return true;
	munmap(l->nodes, l->bytes);
	return false;
}

/* 0: it is not of this graph. */
static uint32_t place_of(const struct level *l, CUgraphNode node)
{
	uint32_t slot = hash(node) & l->mask;

	while (l->slots[slot] && l->nodes[l->slots[slot] - 1] != node)
		slot = (slot + 1) & l->mask;
	return l->slots[slot];
}

static void member_add(struct walk *w, struct level *l, uint32_t place, uint32_t parent, uint16_t body)
{
	CUgraphNode node = l->nodes[place];
	uint32_t slot = hash(node) & l->mask;
	CUgraphNodeType type = CU_GRAPH_NODE_TYPE_EMPTY;
	struct part *part = part_next(w, WIRE_DEF_GRAPH_MEMBERS);
	uint64_t id = 0;
	struct conditional conditional = { NULL, NULL, 0, 0 };

	real.cuGraphNodeGetType(node, &type);
	if (type == CU_GRAPH_NODE_TYPE_CONDITIONAL)
		conditional = conditional_of(node);
	cupti.GetGraphNodeId(node, &id);
	part->member = (struct wire_graph_member){
		.node = id, .parent = parent, .type = (uint8_t)type, .body = body,
		.condition = conditional.node ? (uint8_t)(1 + conditional.type) : 0,
	};
	w->next++;
	while (l->slots[slot])
		slot = (slot + 1) & l->mask;
	l->slots[slot] = place + 1;
}

static void edge_add(struct walk *w, const struct level *l, size_t i)
{
	uint32_t from = place_of(l, l->from[i]), to = place_of(l, l->to[i]);

	if (from && to)
		part_next(w, WIRE_DEF_GRAPH_EDGES)->edge = (struct wire_graph_edge){
			.from = l->base + from - 1, .to = l->base + to - 1,
			.type = l->data[i].type, .from_port = l->data[i].from_port,
			.to_port = l->data[i].to_port,
		};
}

static void graph_walk(struct walk *w, CUgraph graph, uint32_t parent, uint16_t body, int depth);

/* What is inside of a node. */
static void inside_walk(struct walk *w, CUgraphNode node, uint32_t number, int depth)
{
	CUgraphNodeType type = CU_GRAPH_NODE_TYPE_EMPTY;
	struct conditional conditional;
	CUgraph child = NULL;

	if (real.cuGraphNodeGetType(node, &type))
		return;
	if (type == CU_GRAPH_NODE_TYPE_GRAPH && real.cuGraphChildGraphNodeGetGraph &&
	    !real.cuGraphChildGraphNodeGetGraph(node, &child))
		graph_walk(w, child, 1 + number, 0, depth + 1);
	if (type != CU_GRAPH_NODE_TYPE_CONDITIONAL)
		return;
	conditional = conditional_of(node);
	for (uint32_t i = 0; i < conditional.count && conditional.bodies; i++)
		graph_walk(w, conditional.bodies[i], 1 + number, (uint16_t)i, depth + 1);
}

static void graph_walk(struct walk *w, CUgraph graph, uint32_t parent, uint16_t body, int depth)
{
	struct level l = { .base = w->next };

	if (depth > DEPTH_MAX || !level_read(graph, &l))
		return;
	for (uint32_t i = 0; i < l.nodes_count; i++)
		member_add(w, &l, i, parent, body);
	for (size_t i = 0; i < l.edges_count; i++)
		edge_add(w, &l, i);
	for (uint32_t i = 0; i < l.nodes_count; i++)
		inside_walk(w, l.nodes[i], l.base + i, depth);
	munmap(l.nodes, l.bytes);
}

void graph_parts_tell(const struct call *call, CUgraphExec executable, CUgraph graph)
{
	struct walk walk = { .thread = call->thread, .executable = (uintptr_t)executable };

	if (call->result != CUDA_SUCCESS || !gpu_backend_is_attached() || !cupti.GetGraphNodeId ||
	    process.control->backend != WIRE_BACKEND_CUPTI || !real.cuGraphGetNodes ||
	    !real.cuGraphNodeGetType)
		return;
	graph_walk(&walk, graph, 0, 0, 0);
	send(&walk);
}

void graph_parts_forget(void)
{
	memset(conditionals, 0, sizeof(conditionals));
	conditionals_lock = parts_told = 0;
}
