/* SPDX-License-Identifier: Apache-2.0 */
/* Executable graphs: what making, changing and launching them cost, and the kernels they hold. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/graph_shape.h"

#include <string.h>

#define DEVICE_LAUNCH 4			/* CUDA_GRAPH_INSTANTIATE_FLAG_DEVICE_LAUNCH */
#define FRAMES 2			/* what launches, and what of the model calls that */

static const char graphs[] =
	"SELECT g.id, g.process, g.number, g.nodes, g.created_ns, g.instantiate_ns, g.updates,"
	" g.update_ns, g.path, l.launches, l.timed, l.gpu_ns, l.host_ns, g.node_updates,"
	" g.node_update_ns, g.flags FROM graph g LEFT JOIN ("
	"SELECT graph, count(*) AS launches, count(gpu_dur_ns) AS timed, sum(gpu_dur_ns) AS gpu_ns,"
	" sum(dur_ns) AS host_ns FROM graph_launch GROUP BY graph) l ON l.graph = g.id "
	"ORDER BY l.gpu_ns DESC, l.launches DESC, g.id";

static int graph_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct run_graph *graph = LIST_ADD((struct run_graph_list *)arg);

	if (!graph)
		return run_fail(run, "out of memory");
	graph->id = row_int(stmt, 0, -1);
	graph->process = row_int(stmt, 1, -1);
	graph->number = row_int(stmt, 2, -1);
	graph->nodes = row_u64(stmt, 3);
	graph->created_ns = row_u64(stmt, 4);
	graph->is_made = sqlite3_column_type(stmt, 5) != SQLITE_NULL;
	graph->instantiate_ns = row_u64(stmt, 5);
	graph->updates = row_u64(stmt, 6);
	graph->update_ns = row_u64(stmt, 7);
	graph->path = sqlite3_column_int64(stmt, 8);
	graph->launches = row_u64(stmt, 9);
	graph->timed = row_u64(stmt, 10);
	graph->total_ns = row_u64(stmt, 11);
	graph->host_ns = row_u64(stmt, 12);
	graph->node_updates = row_u64(stmt, 13);
	graph->update_ns += row_u64(stmt, 14);
	graph->by_device = row_int(stmt, 15, 0) & DEVICE_LAUNCH;
	return 0;
}

int run_graphs(struct run *run, struct run_graph_list *list)
{
	struct graph_shapes shapes;

	*list = (struct run_graph_list){ 0 };
	if (graph_shapes_load(run, &shapes) < 0)
		return -1;
	if (run_query(run, graphs, graph_row, list) < 0) {
		graph_shapes_free(&shapes);
		run_graph_list_free(list);
		return -1;
	}
	for (size_t i = 0; i < list->count; i++) {
		struct run_graph *graph = &list->rows[i];
		const struct graph_shape *shape = graph_shapes_find(&shapes, graph->id);

		graph->where = run_path_name(run, graph->path, FRAMES);
		if (!shape)
			continue;
		graph->chain = graph_shape_chain(shape);
		graph->kinds = graph_shape_kinds(shape);
	}
	graph_shapes_free(&shapes);
	return 0;
}

/* In the order in which they begin, of the graph that took longest first. */
static const char nodes[] =
	"SELECT c.graph, c.node, c.stream, c.path, c.replays, c.total_ns, c.min_ns, c.max_ns, c.at_ns,"
	" k.short_name, s.grid_x, s.grid_y, s.grid_z, s.block_x, s.block_y, s.block_z, m.source FROM ("
	"SELECT l.graph, n.node, n.stream, n.shape, n.path, count(*) AS replays,"
	" sum(n.gpu_dur_ns) AS total_ns, min(n.gpu_dur_ns) AS min_ns, max(n.gpu_dur_ns) AS max_ns,"
	" max(avg(n.start_ns - l.start_ns - l.gpu_delay_ns), 0) AS at_ns"
	" FROM node n JOIN graph_launch l ON l.id = n.graph_launch"
	" GROUP BY l.graph, n.node, n.stream, n.shape, n.path) c"
	" LEFT JOIN (SELECT graph, node, max(source) AS source FROM graph_node GROUP BY graph, node) m"
	" ON m.graph = c.graph AND m.node = c.node"
	" LEFT JOIN shape s ON s.id = c.shape LEFT JOIN kernel k ON k.id = s.kernel "
	"ORDER BY sum(c.total_ns) OVER (PARTITION BY c.graph) DESC, c.graph, c.at_ns";

static int node_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct run_graph_node *node = LIST_ADD((struct run_graph_node_list *)arg);

	if (!node)
		return run_fail(run, "out of memory");
	node->graph = row_int(stmt, 0, -1);
	node->node = row_u64(stmt, 1);
	node->stream = row_int(stmt, 2, -1);
	node->path = sqlite3_column_int64(stmt, 3);
	node->replays = row_u64(stmt, 4);
	node->total_ns = row_u64(stmt, 5);
	node->min_ns = row_u64(stmt, 6);
	node->max_ns = row_u64(stmt, 7);
	node->at_ns = row_u64(stmt, 8);
	node->name = row_text(stmt, 9);
	for (int i = 0; i < 3; i++) {
		node->grid[i] = row_int(stmt, 10 + i, 0);
		node->block[i] = row_int(stmt, 13 + i, 0);
	}
	node->source = row_u64(stmt, 16);
	node->member = -1;
	return 0;
}

static void node_settle(const struct graph_shapes *shapes, struct run_graph_node *node)
{
	const struct graph_shape *shape = graph_shapes_find(shapes, node->graph);
	const struct graph_member *member = shape ? graph_shape_member(shape, node->source) : NULL;

	if (!member)
		return;
	node->member = member->number;
	node->before = graph_shape_before(shape, member);
	node->around = strdup(graph_shape_around(shape, member));
}

int run_graph_nodes(struct run *run, struct run_graph_node_list *list)
{
	struct graph_shapes shapes;

	*list = (struct run_graph_node_list){ 0 };
	if (graph_shapes_load(run, &shapes) < 0)
		return -1;
	if (run_query(run, nodes, node_row, list) < 0) {
		graph_shapes_free(&shapes);
		run_graph_node_list_free(list);
		return -1;
	}
	for (size_t i = 0; i < list->count; i++) {
		struct run_graph_node *node = &list->rows[i], *before = i ? node - 1 : NULL;

		node->place = before && before->graph == node->graph ? before->place + 1 : 1;
		node->where = run_path_name(run, node->path, FRAMES);
		node_settle(&shapes, node);
	}
	graph_shapes_free(&shapes);
	return 0;
}
