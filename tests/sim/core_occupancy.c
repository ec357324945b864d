/* SPDX-License-Identifier: Apache-2.0 */
/* Random cases: our closed form against the calculator in the toolkit's cuda_occupancy.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <cuda_occupancy.h>

#include "simcuda/sim.h"

#define CASES 2000000

static const struct sim_profile profiles[] = {
#define PROFILE(key, name, major, minor, sms, mib, threads, blocks, registers, shared_sm,	\
		shared_block, optin, reserved, clock, memory_clock, bus, l2, engines, tflops, hbm,	\
		pcie, nvlink, pci)								\
	{ #key, name, major, minor, sms, (uint64_t)(mib) << 20, threads, blocks, registers,	\
	  shared_sm, shared_block, optin, reserved, clock, memory_clock, bus, l2, engines,	\
	  tflops, hbm, pcie, nvlink, pci },
#include "simcuda/profiles.def"
#undef PROFILE
};
#define PROFILE_COUNT (sizeof(profiles) / sizeof(profiles[0]))

static uint64_t state = 88172645463325252ull;

static unsigned below(unsigned limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 20) % limit;
}

static cudaOccDeviceProp device_of(const struct sim_profile *profile)
{
	cudaOccDeviceProp device = { 0 };

	device.computeMajor = profile->cc_major;
	device.computeMinor = profile->cc_minor;
	device.maxThreadsPerBlock = 1024;
	device.maxThreadsPerMultiprocessor = profile->max_threads_per_sm;
	device.regsPerBlock = 65536;
	device.regsPerMultiprocessor = profile->registers_per_sm;
	device.warpSize = 32;
	device.sharedMemPerBlock = (size_t)profile->shared_per_block;
	device.sharedMemPerMultiprocessor = (size_t)profile->shared_per_sm;
	device.numSms = profile->sm_count;
	device.sharedMemPerBlockOptin = (size_t)profile->shared_optin;
	device.reservedSharedMemPerBlock = (size_t)profile->shared_reserved;
	return device;
}

struct sample {
	struct sim_function function;
	int block;
	size_t dynamic;
	bool is_opted_in;
};

/* Half of the cases near the limits, where rounding decides. */
static struct sample sample_draw(const struct sim_profile *profile)
{
	struct sample sample = { .function = { .carveout = -1, .max_barriers = 1 } };

	sample.function.registers = (int)(below(3) ? below(129) : below(260));
	sample.block = 1 + (int)(below(2) ? below(1024) : below(33) * 32);
	if (below(20) == 0)
		sample.block += 1000;
	sample.function.static_shared = (int)(below(3) ? below(9000) : below(49153));
	sample.function.max_dynamic_shared = profile->shared_per_block -
					     sample.function.static_shared;
	sample.is_opted_in = below(2);
	if (sample.is_opted_in) {
		int most = (int)below((unsigned)(profile->shared_optin -
						 sample.function.static_shared + 1));

		/* What nobody has set counts as not opted in. */
		if (most == sample.function.max_dynamic_shared)
			most++;
		sample.function.max_dynamic_shared = most;
	}
	sample.dynamic = below(3) ? below((unsigned)sample.function.max_dynamic_shared + 200) :
				    below(240000);
	if (below(3) == 0)
		sample.function.carveout = (int)below(101);
	if (below(4) == 0)
		sample.function.cache = (int)below(4);
	if (below(4) == 0)
		sample.function.max_barriers = (int)below(17);
	return sample;
}

static int reference(const struct sim_profile *profile, const struct sample *sample)
{
	static const cudaOccCacheConfig caches[] = { CACHE_PREFER_NONE, CACHE_PREFER_SHARED,
						     CACHE_PREFER_L1, CACHE_PREFER_EQUAL };
	cudaOccDeviceProp device = device_of(profile);
	cudaOccFuncAttributes attributes = { 0 };
	cudaOccDeviceState device_state = { 0 };
	cudaOccResult result = { 0 };

	attributes.maxThreadsPerBlock = 1024;
	attributes.numRegs = sample->function.registers;
	attributes.sharedSizeBytes = (size_t)sample->function.static_shared;
	attributes.partitionedGCConfig = PARTITIONED_GC_OFF;
	attributes.shmemLimitConfig = sample->is_opted_in ? FUNC_SHMEM_LIMIT_OPTIN :
							    FUNC_SHMEM_LIMIT_DEFAULT;
	attributes.maxDynamicSharedSizeBytes = (size_t)sample->function.max_dynamic_shared;
	attributes.numBlockBarriers = sample->function.max_barriers;
	device_state.cacheConfig = caches[sample->function.cache];
	device_state.carveoutConfig = sample->function.carveout;
	if (cudaOccMaxActiveBlocksPerMultiprocessor(&result, &device, &attributes, &device_state,
						    sample->block,
						    sample->dynamic) != CUDA_OCC_SUCCESS)
		return -1;
	return result.activeBlocksPerMultiprocessor;
}

int main(void)
{
	unsigned mismatches = 0, nonzero = 0;

	printf("1..2\n");
	for (unsigned i = 0; i < CASES; i++) {
		const struct sim_profile *profile = &profiles[below(PROFILE_COUNT)];
		struct sample sample = sample_draw(profile);
		const char *limiter;
		int ours = sim_occupancy(profile, &sample.function, sample.block, sample.dynamic,
					 &limiter);
		int theirs = reference(profile, &sample);

		nonzero += ours > 0;
		if (ours == theirs || (theirs < 0 && ours == 0) || mismatches++ >= 5)
			continue;
		printf("# %s: block %d registers %d static %d dynamic %zu most %d %s carveout %d "
		       "cache %d barriers %d: %d by %s, header %d\n",
		       profile->key, sample.block, sample.function.registers,
		       sample.function.static_shared, sample.dynamic,
		       sample.function.max_dynamic_shared, sample.is_opted_in ? "opted in" : "default",
		       sample.function.carveout, sample.function.cache, sample.function.max_barriers,
		       ours, limiter, theirs);
	}
	printf("%s 1 - %u random cases agree with cuda_occupancy.h (%u differ)\n",
	       mismatches ? "not ok" : "ok", CASES, mismatches);
	printf("%s 2 - enough of them can run (%u)\n", nonzero > CASES / 4 ? "ok" : "not ok", nonzero);
	return 0;
}
