/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and categories of the entry points in driver_api.def. */
#ifndef GPUTRAIL_DRIVER_API_H
#define GPUTRAIL_DRIVER_API_H

#include <stdint.h>

enum driver_api {
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) API_##symbol,
#include "driver/driver_api.def"
#undef API
	API_COUNT
};

/* FNV-1a over the symbols in order: shim and collector compare it, since records carry row
 * numbers and the two may come from different builds. */
static inline uint64_t driver_api_hash(void)
{
	static const char names[] =
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) #symbol "\n"
#include "driver/driver_api.def"
#undef API
		;
	uint64_t hash = 0xcbf29ce484222325ull;

	for (const char *c = names; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3ull;
	return hash;
}

#endif
