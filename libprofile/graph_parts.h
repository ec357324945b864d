/* SPDX-License-Identifier: Apache-2.0 */
/* What executable graphs are made from: nodes and their dependencies, told once for each. */
#ifndef GPUTRAIL_LIBPROFILE_GRAPH_PARTS_H
#define GPUTRAIL_LIBPROFILE_GRAPH_PARTS_H

#include "libprofile/record.h"

/* Right after the record of the call that made the executable graph from the graph. Asks the driver
 * for the nodes, the edges, and what is inside of child graphs and conditional nodes. */
void graph_parts_tell(const struct call *call, CUgraphExec executable, CUgraph graph);
/* A node was added with these parameters: the driver does not tell later where bodies are. */
void graph_parts_added(CUresult result, const CUgraphNode *node, const CUgraphNodeParams *params);
/* In a forked child. */
void graph_parts_forget(void);

#endif
