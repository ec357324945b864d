/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live summaries (tables sum_*, bucket), fed row by row as rows go to the file, so that they
 * equal what the rows add up to. `gputrail recover` feeds them from the rows of the file.
 */
#ifndef GPUTRAIL_COLLECTOR_SUMMARY_H
#define GPUTRAIL_COLLECTOR_SUMMARY_H

#include "collector/database.h"
#include "wire/ledger.h"

struct summary;

struct summary *summary_new(void);
void summary_free(struct summary *summary);

/* gpu_ns: duration on the GPU or NIL; gpu_start only counts when gpu_ns is known. Ids are
 * those of the file, 0 unknown. host_ns NIL: no launch call of its own (graph node, orphan). */
void summary_kernel(struct summary *summary, uint32_t process, uint32_t device, uint32_t shape,
		    int64_t host_ns, int64_t gpu_start, int64_t gpu_ns);
/* GPU times that came after the launch was counted. */
void summary_kernel_late(struct summary *summary, uint32_t process, uint32_t device,
			 uint32_t shape, int64_t gpu_start, int64_t gpu_ns);
void summary_copy(struct summary *summary, uint32_t process, uint32_t device, uint32_t kind,
		  uint64_t bytes, int64_t gpu_start, int64_t gpu_ns);
void summary_copy_late(struct summary *summary, uint32_t process, uint32_t device, uint32_t kind,
		       int64_t gpu_start, int64_t gpu_ns);
void summary_graph_launch(struct summary *summary, uint32_t device);
void summary_launched(struct summary *summary, uint32_t device, int64_t start_ns);
void summary_api(struct summary *summary, uint32_t process, uint32_t api, int64_t dur_ns,
		 bool failed);
/* Totals of a call that is counted only, by the process itself. */
void summary_api_counted(struct summary *summary, uint32_t process, uint32_t api, uint64_t calls,
			 uint64_t failed, uint64_t total_ns);
/* Calls of an entry point so far. */
uint64_t summary_api_calls(const struct summary *summary, uint32_t process, uint32_t api);

/* Returns false for a free of an address that was never seen allocated. */
bool summary_memory(struct summary *summary, const struct memory_event *event);
void summary_memory_failed(struct summary *summary, uint32_t process, uint32_t device,
			   uint32_t kind);

/* Time before which late GPU work was not added to the busy unions, ns in all. */
int64_t summary_late_ns(const struct summary *summary);
/* Writes what changed since the last time. */
void summary_write(struct summary *summary, struct database *db, int64_t now_ns);
/* Kernels, copies and sets so far, over all devices. */
void summary_totals(const struct summary *summary, uint64_t *kernels, uint64_t *copies);

#define SUMMARY_KIND_SET 64		/* copy.kind of a memset, low byte */

#endif
