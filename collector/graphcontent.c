/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels of executable graphs, each once: see graphcontent.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/graphcontent.h"

#include "collector/core.h"

#include <string.h>

static int64_t known(uint64_t id)
{
	return id ? (int64_t)id : NIL;
}

int64_t graph_content_id(struct graph_content *content, struct database *db,
			 const struct graph_kernel *kernel)
{
	bool is_new;
	uint32_t index;

	content->rows.key_bytes = sizeof(*kernel);
	content->rows.limit = GRAPH_CONTENT_MAX;
	index = intern_add(&content->rows, kernel, &is_new);
	if (index != INTERN_NONE && !is_new)
		return index + 1;
	database_run(db, "INSERT INTO graph_node VALUES (?,?,?,?,?,?,?)", "iiiiiii",
		     (int64_t)++content->count, known(kernel->graph), known(kernel->node),
		     known(kernel->stream), known(kernel->shape), known(kernel->path),
		     known(kernel->source));
	return content->count;
}

/* --- what executable graphs were made from ---------------------------------------------------- */

static const char *type_of(const struct wire_graph_member *member)
{
	static const char *const types[] = {
		[CU_GRAPH_NODE_TYPE_KERNEL] = "kernel", [CU_GRAPH_NODE_TYPE_MEMCPY] = "memcpy",
		[CU_GRAPH_NODE_TYPE_MEMSET] = "memset", [CU_GRAPH_NODE_TYPE_HOST] = "host",
		[CU_GRAPH_NODE_TYPE_GRAPH] = "graph", [CU_GRAPH_NODE_TYPE_EMPTY] = "empty",
		[CU_GRAPH_NODE_TYPE_WAIT_EVENT] = "wait_event",
		[CU_GRAPH_NODE_TYPE_EVENT_RECORD] = "event_record",
		[CU_GRAPH_NODE_TYPE_EXT_SEMAS_SIGNAL] = "ext_semas_signal",
		[CU_GRAPH_NODE_TYPE_EXT_SEMAS_WAIT] = "ext_semas_wait",
		[CU_GRAPH_NODE_TYPE_MEM_ALLOC] = "mem_alloc", [CU_GRAPH_NODE_TYPE_MEM_FREE] = "mem_free",
		[CU_GRAPH_NODE_TYPE_BATCH_MEM_OP] = "batch_mem_op",
		[CU_GRAPH_NODE_TYPE_CONDITIONAL] = "conditional",
	};
	static const char *const conditions[] = { NULL, "if", "while", "switch" };

	if (member->condition && member->condition < sizeof(conditions) / sizeof(conditions[0]))
		return conditions[member->condition];
	return member->type < sizeof(types) / sizeof(types[0]) ? types[member->type] : NULL;
}

static void member_write(struct database *db, int64_t graph, int64_t number,
			 const struct wire_graph_member *member)
{
	database_run(db, "INSERT OR REPLACE INTO graph_member VALUES (?,?,?,?,?,?)", "iiitii", graph,
		     number, known(member->node), type_of(member),
		     member->parent ? (int64_t)member->parent - 1 : NIL,
		     member->parent ? (int64_t)member->body : NIL);
}

void graph_parts(struct process *p, const struct wire_def_graph_parts *def)
{
	struct database *db = p->collector->db;
	const char *parts = (const char *)(def + 1);
	uint32_t graph = graph_of_launch(p, def->graph_exec, p->collector->now_ns);
	struct wire_graph_member member;
	struct wire_graph_edge edge;

	for (uint32_t i = 0; graph && i < def->count; i++, parts += WIRE_GRAPH_PART_BYTES) {
		if (def->head.kind == WIRE_DEF_GRAPH_MEMBERS) {
			memcpy(&member, parts, sizeof(member));
			member_write(db, graph, (int64_t)def->first + i, &member);
			continue;
		}
		memcpy(&edge, parts, sizeof(edge));
		database_run(db, "INSERT OR REPLACE INTO graph_edge VALUES (?,?,?,?)", "iiii",
			     (int64_t)graph, (int64_t)edge.from, (int64_t)edge.to, (int64_t)edge.type);
	}
}

void graph_content_free(struct graph_content *content)
{
	intern_free(&content->rows);
}
