/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What executable graphs hold (table graph_node): a kernel with its place in the graph is written
 * once, and its replays name it. A graph that was updated gets new rows for what became different.
 */
#ifndef GPUTRAIL_COLLECTOR_GRAPHCONTENT_H
#define GPUTRAIL_COLLECTOR_GRAPHCONTENT_H

#include "collector/database.h"
#include "collector/intern.h"

#define GRAPH_CONTENT_MAX (1u << 20)	/* what is met beyond gets a row each time */

struct graph_content {
	struct intern rows;
	uint32_t count;			/* rows written */
};

/* Ids of the file, 0 unknown. */
struct graph_kernel {
	uint64_t node, source;		/* CUPTI's ids: its own, and that of what it was copied from */
	uint32_t graph, stream, shape, path;
};

/* The id of its row, which is written on first sight. */
int64_t graph_content_id(struct graph_content *content, struct database *db,
			 const struct graph_kernel *kernel);
void graph_content_free(struct graph_content *content);

#endif
