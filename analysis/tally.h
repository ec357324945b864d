/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of summaries that are counted anew, and the tables that they are written to. */
#ifndef GPUTRAIL_ANALYSIS_TALLY_H
#define GPUTRAIL_ANALYSIS_TALLY_H

#include "analysis/internal.h"
#include "analysis/scope.h"

#include <uthash.h>

enum tally_kind { TALLY_KERNEL, TALLY_COPY, TALLY_API, TALLY_PATH, TALLY_DEVICE, TALLY_KINDS };

enum { UNION_BUSY, UNION_COMPUTE, UNION_COPY, UNION_COUNT };

/* One row of a summary. */
struct tally {
	/* process and device 0: unknown, or not told apart; id: shape, kind of copy, entry point,
	 * path */
	struct { int64_t kind, process, device, id; } key;
	uint64_t count, total, min, max;	/* of those with GPU times; of calls: of all */
	double squares;
	uint64_t all, launches, host_ns, failed, bytes, min_bytes, max_bytes;
	struct callpath_sums { uint64_t gpu, host, launches, calls, copied, allocated, replay; } path;
	/* A union of intervals that come in order of their start needs only how far it reaches. */
	uint64_t first, last, reach[UNION_COUNT], busy[UNION_COUNT];
	uint64_t copies, sets, graph_launches;
	UT_hash_handle hh;
};

/* Temporary tables of the tallies, which are a uthash; what cannot be counted anew is what `sets`
 * leave of the recorder's. -1 with run_error(). */
int tallies_write(struct run *run, const struct tally *tallies, const struct scope_sets *sets);

#endif
