/* SPDX-License-Identifier: Apache-2.0 */
/* Captures going on. */
#ifndef GPUTRAIL_SIMCUDA_CAPTURE_H
#define GPUTRAIL_SIMCUDA_CAPTURE_H

#include "simcuda/graph.h"

struct sim_capture {
	struct sim_capture *next;
	uint64_t id;
	struct sim_graph *graph;
	struct sim_stream *origin;
	struct sim_stream **streams;	/* all that take part */
	size_t stream_count;
	CUstreamCaptureMode mode;
	uint32_t tid;
	CUstreamCaptureStatus status;
	bool is_into_graph;		/* the program's own graph */
};

/* With sim_graph_lock held. */
extern struct sim_capture *sim_captures;
extern __thread CUstreamCaptureMode sim_thread_capture_mode;
bool sim_node_set_assign(struct sim_node_set *set, const CUgraphNode *nodes, size_t count);
bool sim_node_set_join(struct sim_node_set *set, const CUgraphNode *nodes, size_t count);
void sim_node_set_clear(struct sim_node_set *set);
bool sim_capture_join_stream(struct sim_capture *capture, struct sim_stream *stream);
void sim_capture_leave(struct sim_capture *capture);	/* all streams do; the graph stays */
bool sim_capture_is_joined(const struct sim_capture *capture);

#endif
