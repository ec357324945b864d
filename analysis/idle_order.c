/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which calls and operations of a recording are handed on. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/idle_internal.h"

#define ORDER(a, b, member)				\
	do {						\
		if ((a)->member != (b)->member)		\
			return (a)->member < (b)->member ? -1 : 1;	\
	} while (0)

int idle_call_order(const void *left, const void *right)
{
	const struct call_row *a = left, *b = right;

	ORDER(a, b, call.start);
	ORDER(a, b, call.end);
	ORDER(a, b, call.thread);
	ORDER(a, b, call.class);
	ORDER(a, b, call.path);
	ORDER(a, b, work.graph);
	ORDER(a, b, work.shape);
	ORDER(a, b, work.gpu_start);
	return 0;
}

/* Every member that shows in a result is compared: the order of rows must not. */
int idle_event_order(const void *left, const void *right)
{
	const struct idle_event *a = left, *b = right;

	ORDER(a, b, start);
	ORDER(a, b, end);
	ORDER(a, b, device);
	ORDER(a, b, op.stream);
	ORDER(a, b, op.kind);
	ORDER(a, b, op.shape);
	ORDER(a, b, call_start);
	ORDER(a, b, graph_launch);
	ORDER(a, b, op.bytes);
	ORDER(a, b, path);
	return 0;
}
