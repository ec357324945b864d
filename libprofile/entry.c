/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what a program asks for to the wrapper it gets. The driver answers first; a wrapper takes
 * the answer's place only when the answer's address is one of the driver's known functions.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/shim.h"

#include <string.h>

#define TABLE_SIZE 4096u		/* power of two, well above twice the rows */
static_assert(TABLE_SIZE > 2 * API_COUNT, "raise TABLE_SIZE");

struct entry {
	const char *symbol, *base;
	void *wrapper;			/* NULL for rows that pass through */
	uint16_t since;
	uint8_t per_thread;
};

#define WRAPPER_1(symbol) (void *)symbol
#define WRAPPER_2(symbol) (void *)symbol
#define WRAPPER_3(symbol) NULL
#define DECLARE_1(symbol, params) CUresult symbol params;
#define DECLARE_2(symbol, params) CUresult symbol params;
#define DECLARE_3(symbol, params)
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
	DECLARE_##tier(symbol, params)
#include "driver/driver_api.def"
#undef API

static const struct entry entries[API_COUNT] = {
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
	[API_##symbol] = { #symbol, #base, WRAPPER_##tier(symbol), since, per_thread },
#include "driver/driver_api.def"
#undef API
};

static uint16_t by_name[TABLE_SIZE];		/* 1 + row */
static uint32_t by_name_state;			/* 0 empty, 1 being filled, 2 full */
static struct { const void *address; uint32_t row; } by_address[TABLE_SIZE];
static uint32_t by_address_count;

static uint32_t slot_of_address(const void *address)
{
	return (uint32_t)(((uintptr_t)address >> 4) * 0x9e3779b97f4a7c15ull >> 40) % TABLE_SIZE;
}

const char *entry_name(int row)
{
	return entries[row].symbol;
}

void *entry_wrapper(int row)
{
	return entries[row].wrapper;
}

static void fill_names(void)
{
	for (unsigned row = 0; row < API_COUNT; row++) {
		const char *name = entries[row].symbol;
		uint32_t slot = (uint32_t)util_hash(name, strlen(name)) % TABLE_SIZE;

		while (by_name[slot])
			slot = (slot + 1) % TABLE_SIZE;
		by_name[slot] = (uint16_t)(row + 1);
	}
}

int entry_find(const char *symbol)
{
	static struct spinlock lock;
	uint32_t slot;

	if (__atomic_load_n(&by_name_state, __ATOMIC_ACQUIRE) != 2) {
		spin_lock(&lock);
		if (by_name_state != 2)
			fill_names();
		__atomic_store_n(&by_name_state, 2, __ATOMIC_RELEASE);
		spin_unlock(&lock);
	}
	slot = (uint32_t)util_hash(symbol, strlen(symbol)) % TABLE_SIZE;
	for (; by_name[slot]; slot = (slot + 1) % TABLE_SIZE)
		if (!strcmp(entries[by_name[slot] - 1].symbol, symbol))
			return by_name[slot] - 1;
	return ENTRY_NONE;
}

/* The driver's own rule: the newest variant that is not newer than the version asked for; of
 * twins introduced together the per-thread one when that was asked for. */
int entry_find_base(const char *base, int version, bool per_thread)
{
	int best = ENTRY_NONE;

	for (int row = 0; row < (int)API_COUNT; row++) {
		const struct entry *entry = &entries[row];

		if (entry->since > version || (entry->per_thread && !per_thread) ||
		    strcmp(entry->base, base))
			continue;
		if (best == ENTRY_NONE || entry->since > entries[best].since ||
		    (entry->since == entries[best].since && entry->per_thread))
			best = row;
	}
	return best;
}

/* Called while the real driver is resolved, by one thread. */
void entry_add_address(const void *address, int row)
{
	uint32_t slot = slot_of_address(address);

	if (by_address_count >= TABLE_SIZE - 2)
		return;
	while (by_address[slot].address)
		slot = (slot + 1) % TABLE_SIZE;
	by_address[slot].row = (uint32_t)row;
	by_address[slot].address = address;
	by_address_count++;
}

/* A driver may export one function under several names; the row whose name was asked wins. */
int entry_of_address(const void *address, const char *name)
{
	uint32_t slot = slot_of_address(address);
	int found = ENTRY_NONE;

	for (; by_address[slot].address; slot = (slot + 1) % TABLE_SIZE) {
		const struct entry *entry = &entries[by_address[slot].row];

		if (by_address[slot].address != address)
			continue;
		if (name && (!strcmp(entry->symbol, name) || !strcmp(entry->base, name)))
			return (int)by_address[slot].row;
		if (found == ENTRY_NONE)
			found = (int)by_address[slot].row;
	}
	return found;
}

void *entry_replace(void *answer, const char *symbol, enum wire_counter route)
{
	int row;

	if (!answer || !real_resolve())
		return answer;
	row = entry_of_address(answer, symbol);
	if (row == ENTRY_NONE || !entries[row].wrapper)
		return answer;
	process_route(row, route);
	return entries[row].wrapper;
}
