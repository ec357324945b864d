/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory over a run, replayed from its rows: usage over time, what the high-water was made of,
 * which call paths hold, leak and churn memory, allocations that failed and the state they met.
 * docs/memory.md explains the rules.
 */
#ifndef GPUTRAIL_ANALYSIS_MEMORY_USE_H
#define GPUTRAIL_ANALYSIS_MEMORY_USE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run;

enum { MEMORY_KINDS = 10, MEMORY_COLUMNS = 60 };

/* Memory of one device; device 0: of the host, managed, or of a device that is not known. */
struct memory_area {
	int device, gpu;		/* gpu as run_device.gpu, -1 for device 0 */
	uint64_t limit_bytes;		/* memory of the device, 0 unknown */
	uint64_t live_bytes;		/* never freed */
	uint64_t high_bytes, high_at_ns;
	uint64_t allocs, frees, failed, allocated_bytes;
	/* At the high-water. Of physical memory (VMM) some may not be mapped. */
	uint64_t high_kind_bytes[MEMORY_KINDS], high_mapped_bytes, high_range_bytes;
	uint64_t usage_bytes[MEMORY_COLUMNS];	/* most in each of equal parts of the run */
	/* What the driver answered when the program asked (cuMemGetInfo). least_free_used_bytes
	 * is what the replay knew of at that moment. */
	uint64_t asked, total_bytes, least_free_bytes, least_free_at_ns, least_free_used_bytes;
};

/* What one call path allocated of one kind on one device in one process. */
struct memory_site {
	int process, device, kind;
	int64_t path;			/* 0: not recorded */
	uint64_t allocs, frees, allocated_bytes;
	uint64_t live_bytes, live_count;	/* never freed */
	uint64_t high_bytes, high_at_ns;	/* its own */
	uint64_t at_high_bytes, at_high_count;	/* at the high-water of the device */
	uint64_t lifetime_ns;		/* of those freed, summed */
	uint64_t first_ns, last_ns;	/* allocations */
	bool grows;			/* memory that accumulates: see docs/memory.md */
	uint64_t usage_bytes[MEMORY_COLUMNS];
};

/* A failed allocation and what it met. */
struct memory_failure {
	int process, device, kind;
	int64_t thread, path, api, result;
	char *call, *error;		/* names of api and result */
	uint64_t at_ns, bytes, used_bytes, limit_bytes;
	int64_t holder;			/* path that held most then, 0 unknown */
	uint64_t holder_bytes;
};

/* Stream-ordered allocations from one pool; handle 0: the default pool of the device. */
struct memory_pool {
	int process;
	uint64_t handle;
	uint64_t allocs, frees, live_bytes, high_bytes;
	/* cuMemPoolGetAttribute, the last answer of each; told_ns 0: the program never asked */
	uint64_t told_ns, reserved_bytes, reserved_high_bytes, used_bytes, used_high_bytes;
};

struct memory_use {
	uint64_t end_ns;		/* of the usage columns, which begin at 0 */
	struct memory_area *areas;	/* by device */
	size_t area_count;
	struct memory_site *sites;	/* most at the high-water first, then by their own */
	size_t site_count;
	struct memory_failure *failures;	/* in order of time, the first MEMORY_FAILURES */
	size_t failure_count;
	struct memory_pool *pools;
	size_t pool_count;
};

enum { MEMORY_FAILURES = 64 };

/* Returns 0, or -1 with run_error(). */
int run_memory_use(struct run *run, struct memory_use *use);
void memory_use_free(struct memory_use *use);

#endif
