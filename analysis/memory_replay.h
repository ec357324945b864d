/* SPDX-License-Identifier: Apache-2.0 */
/* The state of memory at a moment of the replay, and what changes it. */
#ifndef GPUTRAIL_ANALYSIS_MEMORY_REPLAY_H
#define GPUTRAIL_ANALYSIS_MEMORY_REPLAY_H

#include "analysis/internal.h"
#include "analysis/lookup.h"
#include "analysis/memory_use.h"
#include "wire/ledger.h"

/* Numbers as text, for SQL. 0 stands for a row of table memory. */
#define ROLE_FAILED_NUMBER 1
#define ROLE_EXIT_NUMBER 9
#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

enum memory_role {
	ROLE_FAILED = ROLE_FAILED_NUMBER, ROLE_INFO, ROLE_POOL_MADE, ROLE_POOL_TOLD,
	ROLE_EXIT = ROLE_EXIT_NUMBER,
};

/* A value that changes, while the most of it in each of equal parts of the run is gathered. */
struct usage {
	uint64_t now;
	int column;			/* the last that is told */
};

struct area {
	struct memory_area shown;
	uint64_t used_bytes, kind_bytes[MEMORY_KINDS], mapped_bytes, range_bytes;
	uint64_t high_sequence;		/* the event that made the high-water */
	struct usage usage;
};

enum { SITE_MARKS = 4 };

struct site {
	struct memory_site shown;
	uint64_t used_bytes, used_count;
	/* Live allocations when each quarter of its time had passed; how many marks are set. */
	uint64_t marks[SITE_MARKS];
	int mark;
	uint32_t area;
	struct usage usage;
};

struct pool {
	struct memory_pool shown;
	uint64_t used_bytes;
};

struct site_key {
	int64_t path;
	int process, device, kind;
	uint32_t zero;
};
struct site_index {
	struct site_key key;
	uint32_t index;
	UT_hash_handle hh;
};

struct replay {
	bool is_second;
	uint64_t sequence, end_ns;
	uint64_t work_ns;		/* when the last launch or copy was over */
	struct ledger ledger;
	struct { struct area *rows; size_t count; } areas;
	struct { struct site *rows; size_t count; } sites;
	struct { struct pool *rows; size_t count; } pools;
	struct { struct memory_failure *rows; size_t count; } failures;
	struct site_index *site_indices;
	struct lookup threads, devices;
	/* The device that a process used last: calls that failed do not tell theirs. */
	struct { struct process_device { int process, device; } *rows; size_t count; } last;
	struct { struct pool_made { int process; uint64_t handle; } *rows; size_t count; } made;
};

void replay_start(struct replay *r);
void replay_free(struct replay *r);
/* Each is one event, in order of time; false: no memory. */
bool replay_memory(struct replay *r, const struct memory_event *event);
bool replay_failure(struct replay *r, struct memory_failure *failure);
bool replay_info(struct replay *r, const struct memory_event *event);
bool replay_pool(struct replay *r, const struct memory_event *event, bool is_made);
void replay_exit(struct replay *r, int process, uint64_t at_ns);
/* After the last event of a pass. */
void replay_end(struct replay *r);

#endif
