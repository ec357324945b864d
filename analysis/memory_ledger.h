/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which allocations are live at a moment of the replay. Physical memory of the virtual memory
 * calls lives as long as its handle or a mapping of it, whichever goes last.
 */
#ifndef GPUTRAIL_ANALYSIS_MEMORY_LEDGER_H
#define GPUTRAIL_ANALYSIS_MEMORY_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

/* memory.op and memory.kind of the file */
enum { MEMORY_ALLOC = 1, MEMORY_FREE, MEMORY_MAP, MEMORY_UNMAP };
enum { KIND_DEVICE = 1, KIND_ASYNC, KIND_MANAGED, KIND_HOST, KIND_REGISTERED, KIND_VMM,
       KIND_RANGE, KIND_ARRAY, KIND_IPC };

struct memory_event {
	int op, kind, process, device;
	uint64_t at_ns, address, bytes, second;	/* second: pool, or the handle that is mapped */
	int64_t path;
};

struct allocation {
	struct allocation_key { uint64_t address; uint32_t process, space; } key;
	uint64_t bytes, at_ns;
	uint32_t site, area, pool;	/* indices of the replay; pool UINT32_MAX: none */
	int kind;
	bool has_handle;		/* it can be found by its key */
	bool is_out;			/* its process ended with it */
	uint32_t maps;
	UT_hash_handle hh;
	struct allocation *next, *previous;	/* all of them, found or not */
};

struct mapping {
	struct allocation_key key;
	uint64_t bytes;
	struct allocation *allocation;
	UT_hash_handle hh;
};

struct ledger {
	struct allocation *found, *all;
	struct mapping *mappings;
	/* Called before an allocation goes, and when bytes of it are mapped or unmapped. */
	void (*gone)(void *arg, const struct allocation *allocation, uint64_t at_ns);
	void (*mapped)(void *arg, const struct allocation *allocation, int64_t bytes);
	void *arg;
};

/* The new allocation, for its indices to be filled in; NULL: no memory. */
struct allocation *ledger_alloc(struct ledger *ledger, const struct memory_event *event);
void ledger_free(struct ledger *ledger, const struct memory_event *event);
bool ledger_map(struct ledger *ledger, const struct memory_event *event);
void ledger_unmap(struct ledger *ledger, const struct memory_event *event);
/* Forgets everything, without calling back. */
void ledger_clear(struct ledger *ledger);

#endif
