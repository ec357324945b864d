/* SPDX-License-Identifier: Apache-2.0 */
/* What summary.c gathers and summary_write.c writes. */
#ifndef GPUTRAIL_COLLECTOR_SUMMARY_INTERNAL_H
#define GPUTRAIL_COLLECTOR_SUMMARY_INTERNAL_H

#include "collector/busy.h"
#include "collector/summary.h"

#define LEVELS 5
#define BUCKET_NS 10000000ll
#define DEVICES_MAX 256

enum union_kind { UNION_BUSY, UNION_COMPUTE, UNION_COPY, UNION_COUNT };

struct stats {
	uint64_t count, failed, total_ns, min_ns, max_ns;
	double squares;
	uint64_t launches, host_ns;		/* kernels */
	uint64_t bytes, min_bytes, max_bytes;	/* copies */
	bool changed;
};

struct stats_table {
	struct intern keys;
	struct stats *rows;
	uint32_t capacity, last; /* last: the row touched last, most often the next one too */
};

struct bucket {
	int64_t ns[UNION_COUNT];
	int64_t launches, live_bytes;		/* live_bytes: highest, NIL not known */
};

struct bucket_key {
	uint32_t level, device, bucket;
};

struct live {				/* per process, device, kind */
	uint64_t live_bytes, high_bytes, allocs, frees, failed;
	int64_t high_at_ns;
	bool changed;
};

struct union_owner {
	struct summary *summary;
	uint32_t device;
	enum union_kind kind;
};

struct device_summary {
	struct busy unions[UNION_COUNT];
	struct union_owner owners[UNION_COUNT];
	int64_t first_ns, last_ns;
	uint64_t kernels, copies, sets, graph_launches;
	uint64_t live_bytes;
	int64_t live_bucket[LEVELS];	/* last bucket that tells live_bytes; -1 none */
	bool used, changed;
};

struct summary {
	struct stats_table kernels, apis, copies;
	struct intern memory_keys;
	struct live *memory;
	uint32_t memory_capacity;
	struct ledger ledger;
	struct intern bucket_keys;
	struct bucket *buckets;
	uint32_t bucket_capacity, last_bucket;
	struct device_summary *devices[DEVICES_MAX];
};

struct bucket *summary_bucket(struct summary *summary, uint32_t level, uint32_t device,
			      int64_t bucket);
int64_t summary_bucket_width(unsigned level);
/* Says in each level's next bucket what is live, once time has passed into it. */
void summary_live_carry(struct summary *summary, uint32_t device, int64_t now_ns);

#endif
