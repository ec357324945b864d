/* SPDX-License-Identifier: Apache-2.0 */
/* Measured activity as counters, a value from the start of each sample on. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/trace_activity.h"

#include "analysis/activity.h"
#include "cmd/trace_event.h"

static const struct { enum activity_metric metric; const char *name; } shown[] = {
	{ ACTIVITY_sm_active_ppm, "SMs active %" },
	{ ACTIVITY_occupancy_ppm, "warps %" },
	{ ACTIVITY_tensor_ppm, "tensor cores %" },
	{ ACTIVITY_dram_ppm, "DRAM %" },
};

static void put_counter(struct json *json, int64_t pid, const char *name, uint64_t at_ns, double percent)
{
	trace_event_open(json, "C", NULL, name, pid, 0);
	json_unsigned(json, "ts", at_ns / 1000);
	json_open(json, "args", '{');
	json_number(json, "percent", percent);
	json_close(json, '}');
	json_close(json, '}');
}

int trace_activity_write(struct run *run, int64_t device, int64_t pid, struct json *json)
{
	struct activity_sample_list list;
	int result = run_activity_samples(run, device, 0, INT64_MAX, &list);

	for (size_t i = 0; result == 0 && i < list.count; i++) {
		for (size_t k = 0; k < sizeof(shown) / sizeof(shown[0]); k++)
			if (list.rows[i].metrics[shown[k].metric] >= 0)
				put_counter(json, pid, shown[k].name, list.rows[i].start_ns,
					    100 * list.rows[i].metrics[shown[k].metric]);
		result = ferror(json->out);
	}
	activity_sample_list_free(&list);
	return result;
}
