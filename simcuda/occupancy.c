/* SPDX-License-Identifier: Apache-2.0 */
/* Theoretical occupancy: the closed form that NVIDIA publishes, for compute capability 8.0 up. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <limits.h>

#include "simcuda/core.h"

#define WARP 32
#define REGISTER_UNIT 256	/* registers are given to a warp in such units */
#define SHARED_UNIT 128
#define PARTITIONS 4		/* of an SM; each has a quarter of the registers */
#define REGISTERS_PER_BLOCK 65536
#define KIB 1024

static long round_up(long value, long unit)
{
	return (value + unit - 1) / unit * unit;
}

/* The smallest size the SM's L1 can be split at that holds `bytes`. */
static long carveout_for(const struct sim_profile *profile, long bytes)
{
	static const int sizes[] = { 0, 8, 16, 32, 64, 100, 132, 164, 196, 228 };

	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++)
		if (sizes[i] * KIB >= bytes && sizes[i] * KIB <= profile->shared_per_sm)
			return sizes[i] * KIB;
	return profile->shared_per_sm;
}

/* What the function prefers, in percent of the SM's shared memory; -1: no preference. */
static int preferred_percent(const struct sim_function *function)
{
	static const int by_cache[] = { [CU_FUNC_CACHE_PREFER_NONE] = -1,
					[CU_FUNC_CACHE_PREFER_SHARED] = 100,
					[CU_FUNC_CACHE_PREFER_L1] = 0,
					[CU_FUNC_CACHE_PREFER_EQUAL] = 50 };

	return function->carveout >= 0 ? function->carveout : by_cache[function->cache & 3];
}

static long shared_limit(const struct sim_profile *profile, const struct sim_function *function,
			 size_t dynamic)
{
	long fixed = (long)function->static_shared + profile->shared_reserved;
	long bytes = round_up(fixed + (long)dynamic, SHARED_UNIT);
	long most = profile->shared_per_block, split;
	int percent = preferred_percent(function);
	bool is_opted_in = function->max_dynamic_shared !=
			   profile->shared_per_block - function->static_shared;

	if (is_opted_in && fixed + function->max_dynamic_shared > most)
		most = profile->shared_optin;
	most += profile->shared_reserved;
	if (bytes > most || (is_opted_in && (long)dynamic > function->max_dynamic_shared))
		return 0;
	split = percent < 0 ? profile->shared_per_sm :
			      carveout_for(profile, (long)percent * profile->shared_per_sm / 100);
	if (split < bytes)
		split = carveout_for(profile, bytes);
	return bytes ? split / bytes : LONG_MAX;
}

static long register_limit(const struct sim_profile *profile, const struct sim_function *function,
			   long warps)
{
	long per_warp = round_up((long)function->registers * WARP, REGISTER_UNIT);

	if (function->registers > 256 ||
	    per_warp * round_up(warps, PARTITIONS) > REGISTERS_PER_BLOCK)
		return 0;
	if (per_warp == 0)
		return LONG_MAX;
	return profile->registers_per_sm / PARTITIONS / per_warp * PARTITIONS / warps;
}

static long barrier_limit(const struct sim_profile *profile, const struct sim_function *function)
{
	if (profile->cc_major < 9 || function->max_barriers <= 0)
		return LONG_MAX;
	return (long)profile->max_blocks_per_sm * 2 / function->max_barriers;
}

int sim_occupancy(const struct sim_profile *profile, const struct sim_function *function,
		  int block_threads, size_t dynamic_shared, const char **limiter)
{
	long warps = ((long)block_threads + WARP - 1) / WARP;
	struct {
		const char *name;
		long blocks;
	} limits[] = {
		{ "warps", warps > 0 ? profile->max_threads_per_sm / WARP / warps : 0 },
		{ "blocks", profile->max_blocks_per_sm },
		{ "registers", warps > 0 ? register_limit(profile, function, warps) : 0 },
		{ "shared memory", dynamic_shared <= INT_MAX ?
			  shared_limit(profile, function, dynamic_shared) : 0 },
		{ "barriers", barrier_limit(profile, function) },
	};
	size_t least = 0;

	if (block_threads <= 0 || block_threads > 1024)
		limits[0].blocks = 0;
	for (size_t i = 1; i < ARRAY_COUNT(limits); i++)
		if (limits[i].blocks < limits[least].blocks)
			least = i;
	if (limiter)
		*limiter = limits[least].name;
	return (int)limits[least].blocks;
}
