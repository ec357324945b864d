/* SPDX-License-Identifier: Apache-2.0 */
/* The closed form of theoretical occupancy, compute capability 7.0 and later: see occupancy.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/occupancy.h"

#define WARP 32u
#define REGISTER_UNIT 256u		/* registers are given to a warp in such units */
#define SUB_PARTITIONS 4u		/* an SM's warps and registers are split over these */
#define UNLIMITED INT64_MAX
#define KB 1024u

static uint32_t round_up(uint32_t value, uint32_t unit)
{
	return (value + unit - 1) / unit * unit;
}

/* Sizes in KB that shared memory can be carved out of the cache in. */
static const uint16_t *carveouts(const struct wire_def_device *device)
{
	static const uint16_t volta[] = { 0, 8, 16, 32, 64, 96, 0 };
	static const uint16_t turing[] = { 32, 64, 0 };
	static const uint16_t ampere[] = { 0, 8, 16, 32, 64, 100, 132, 164, 0 };
	static const uint16_t small[] = { 0, 8, 16, 32, 64, 100, 0 };
	static const uint16_t hopper[] = { 0, 8, 16, 32, 64, 100, 132, 164, 196, 228, 0 };
	uint32_t cc = device->cc_major * 10 + device->cc_minor;

	if (cc < 75)
		return volta;
	if (cc < 80)
		return turing;
	if (cc == 80 || cc == 87)
		return ampere;
	if (cc == 86 || cc == 89 || cc >= 120)
		return small;
	return hopper;
}

static int64_t register_limit(const struct wire_def_device *device, uint32_t registers,
			      uint32_t warps)
{
	uint32_t per_warp = round_up(registers * WARP, REGISTER_UNIT);

	if (registers == 0)
		return UNLIMITED;
	if (registers > 256 ||
	    per_warp * round_up(warps, SUB_PARTITIONS) > device->registers_per_block)
		return 0;
	return device->registers_per_sm / SUB_PARTITIONS / per_warp * SUB_PARTITIONS / warps;
}

static int64_t shared_limit(const struct wire_def_device *device,
			    const struct occupancy_launch *launch)
{
	uint32_t fixed = launch->static_shared_bytes + device->shared_reserved_bytes;
	uint32_t block =
		round_up(fixed + launch->dynamic_shared_bytes, device->cc_major < 8 ? 256 : 128);
	uint32_t most = device->shared_per_block_bytes, carve = device->shared_per_sm_bytes;
	bool opted_in = fixed + launch->max_dynamic_shared_bytes > most;

	if (opted_in)
		most = device->shared_optin_bytes;
	if (device->cc_major >= 8)
		most += device->shared_reserved_bytes;
	if (block > most ||
	    (opted_in && launch->dynamic_shared_bytes > launch->max_dynamic_shared_bytes))
		return 0;
	if (carve < block)
		for (const uint16_t *size = carveouts(device); size == carveouts(device) || *size;
		     size++)
			if (*size * KB >= block) {
				carve = *size * KB;
				break;
			}
	return block ? carve / block : UNLIMITED;
}

int occupancy_compute(const struct wire_def_device *device, const struct occupancy_launch *launch,
		      struct occupancy *result)
{
	uint32_t warps = (launch->block_threads + WARP - 1) / WARP;
	struct {
		const char *name;
		int64_t blocks;
	} limits[4];

	if (!device->max_threads_per_sm || !device->max_blocks_per_sm ||
	    !device->registers_per_sm || !device->registers_per_block ||
	    !device->shared_per_sm_bytes || !warps)
		return -1;
	limits[0].name = "warps";
	limits[0].blocks =
		launch->block_threads > 1024 ? 0 : device->max_threads_per_sm / WARP / warps;
	limits[1].name = "registers";
	limits[1].blocks = register_limit(device, launch->registers, warps);
	limits[2].name = "shared";
	limits[2].blocks = shared_limit(device, launch);
	limits[3].name = "blocks";
	limits[3].blocks = device->max_blocks_per_sm;

	*result = (struct occupancy){ .blocks_per_sm = (int)limits[0].blocks,
				      .limiter = limits[0].name };
	for (int i = 1; i < 4; i++)
		if (limits[i].blocks < result->blocks_per_sm) {
			result->blocks_per_sm = (int)limits[i].blocks;
			result->limiter = limits[i].name;
		}
	if (result->blocks_per_sm > 0 && device->sm_count)
		result->waves_x1000 = (int64_t)(launch->blocks * 1000 /
			((uint64_t)device->sm_count * (uint64_t)result->blocks_per_sm));
	return 0;
}
