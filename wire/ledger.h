/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which allocations are live after a series of memory calls. Physical memory of the virtual memory
 * calls lives as long as its handle or a mapping of it, whichever goes last.
 */
#ifndef GPUTRAIL_WIRE_LEDGER_H
#define GPUTRAIL_WIRE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "wire/wire.h"

struct memory_event {
	int op, kind, process, device;	/* enum wire_memory_op, enum wire_memory_kind; ids */
	uint64_t at_ns, address, bytes, second;	/* second: pool, or the handle that is mapped */
	int64_t path;
};

struct allocation {
	struct allocation_key { uint64_t address; uint32_t process, space; } key;
	uint64_t bytes, at_ns;
	uint32_t site, area, pool;	/* for whoever keeps the ledger */
	int kind, device;
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
	/* Called before an allocation goes, and when bytes of it are mapped or unmapped; that one
	 * may be NULL. */
	void (*gone)(void *arg, const struct allocation *allocation, uint64_t at_ns);
	void (*mapped)(void *arg, const struct allocation *allocation, int64_t bytes);
	void *arg;
};

/* The new allocation, for its indices to be filled in; NULL: no memory. */
struct allocation *ledger_alloc(struct ledger *ledger, const struct memory_event *event);
/* False: its allocation was not seen. */
bool ledger_free(struct ledger *ledger, const struct memory_event *event);
/* False: no memory. What is mapped of a handle that was not seen is ignored. */
bool ledger_map(struct ledger *ledger, const struct memory_event *event);
void ledger_unmap(struct ledger *ledger, const struct memory_event *event);
/* Forgets everything, without calling back. */
void ledger_clear(struct ledger *ledger);

#endif
