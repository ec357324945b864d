/* SPDX-License-Identifier: Apache-2.0 */
/* Events of a Chrome trace as Kineto writes them: docs/trace.md. */
#ifndef GPUTRAIL_CMD_TRACE_EVENT_H
#define GPUTRAIL_CMD_TRACE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/json.h"

/* Left open, for the rest of it. */
void trace_event_open(struct json *json, const char *phase, const char *category, const char *name,
		      int64_t pid, int64_t tid);
/* What a process or thread is called and where it is shown: `text`, or `number` without one. */
void trace_metadata(struct json *json, const char *what, int64_t pid, int64_t tid, const char *key,
		    const char *text, int64_t number);
/* Left open in its arguments. */
void trace_slice_open(struct json *json, const char *category, const char *name, int64_t pid,
		      int64_t tid, uint64_t start_ns, uint64_t end_ns);
void trace_slice_close(struct json *json);
/* An end of the arrow from a call to its work. */
void trace_flow(struct json *json, bool is_end, int64_t id, int64_t pid, int64_t tid, uint64_t at_ns);

#endif
