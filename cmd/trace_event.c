/* SPDX-License-Identifier: Apache-2.0 */
/* Events of a Chrome trace as Kineto writes them. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/trace_event.h"

void trace_event_open(struct json *json, const char *phase, const char *category,
		       const char *name, int64_t pid, int64_t tid)
{
	json_open(json, NULL, '{');
	json_text(json, "ph", phase);
	if (category)
		json_text(json, "cat", category);
	json_text(json, "name", name);
	json_integer(json, "pid", pid);
	json_integer(json, "tid", tid);
}

void trace_metadata(struct json *json, const char *what, int64_t pid, int64_t tid, const char *key,
		     const char *text, int64_t number)
{
	trace_event_open(json, "M", NULL, what, pid, tid);
	json_integer(json, "ts", 0);
	json_open(json, "args", '{');
	if (text)
		json_text(json, key, text);
	else
		json_integer(json, key, number);
	json_close(json, '}');
	json_close(json, '}');
}

void trace_slice_open(struct json *json, const char *category, const char *name, int64_t pid,
		       int64_t tid, uint64_t start_ns, uint64_t end_ns)
{
	trace_event_open(json, "X", category, name, pid, tid);
	json_unsigned(json, "ts", start_ns / 1000);
	json_unsigned(json, "dur", end_ns / 1000 - start_ns / 1000);
	json_open(json, "args", '{');
	json_unsigned(json, "start ns", start_ns);
	json_unsigned(json, "duration ns", end_ns - start_ns);
}

void trace_slice_close(struct json *json)
{
	json_close(json, '}');
	json_close(json, '}');
}

void trace_flow(struct json *json, bool is_end, int64_t id, int64_t pid, int64_t tid,
		 uint64_t at_ns)
{
	trace_event_open(json, is_end ? "f" : "s", "ac2g", "ac2g", pid, tid);
	json_integer(json, "id", id);
	json_unsigned(json, "ts", at_ns / 1000);
	if (is_end)
		json_text(json, "bp", "e");
	json_close(json, '}');
}
