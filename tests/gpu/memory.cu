// SPDX-License-Identifier: Apache-2.0
// Every way to allocate memory.
#include "program.h"

#include <cuda.h>

static const size_t MIB = 1 << 20;
static size_t used_at_start;

static size_t used()
{
	size_t free_bytes, total;

	CHECK(cudaMemGetInfo(&free_bytes, &total));
	return total - free_bytes;
}

static void begin()
{
	CHECK(cudaFree(nullptr));
	used_at_start = used();
}

/* After this, what the recording knows to be live must be what the driver says is gone. */
static void say_used()
{
	say("used %zu", used() - used_at_start);
}

static void allocations()
{
	void *kept[8], *pinned, *managed;

	begin();
	for (void *&block : kept)
		CHECK(cudaMalloc(&block, 64 * MIB));
	CHECK(cudaFree(kept[3]));
	CHECK(cudaMallocHost(&pinned, MIB));
	CHECK(cudaMallocManaged(&managed, MIB));
	say_used();
	CHECK(cudaFreeHost(pinned));
	CHECK(cudaFree(managed));
	say("fact live_bytes %zu", 7 * 64 * MIB);
}

/* Reserved and used, as the driver tells: asked for by the program, so recorded. */
static void pools()
{
	cudaMemPoolProps properties = {};
	cudaMemPool_t pool;
	cudaStream_t stream;
	uint64_t reserved, in_use, keep = UINT64_MAX;
	void *block[4];

	properties.allocType = cudaMemAllocationTypePinned;
	properties.location.type = cudaMemLocationTypeDevice;
	CHECK(cudaStreamCreate(&stream));
	CHECK(cudaMemPoolCreate(&pool, &properties));
	CHECK(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep));
	for (void *&b : block)
		CHECK(cudaMallocFromPoolAsync(&b, 32 * MIB, pool, stream));
	CHECK(cudaFreeAsync(block[0], stream));
	CHECK(cudaStreamSynchronize(stream));
	CHECK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReservedMemCurrent, &reserved));
	CHECK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &in_use));
	say("fact pool_reserved %llu", (unsigned long long)reserved);
	say("fact pool_used %llu", (unsigned long long)in_use);
	CHECK(cudaMallocAsync(&block[0], MIB, stream));
	CHECK(cudaFreeAsync(block[0], stream));
	CHECK(cudaStreamSynchronize(stream));
}

/* Handles are released while mapped, as CUDA's own examples do. */
static void mappings()
{
	CUmemAllocationProp properties = {};
	CUmemGenericAllocationHandle handle;
	CUdeviceptr address;

	begin();
	properties.type = CU_MEM_ALLOCATION_TYPE_PINNED;
	properties.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
	CHECK_DRIVER(DRIVER(cuMemAddressReserve, 10020)(&address, 256 * MIB, 0, 0, 0));
	for (size_t i = 0; i < 4; i++) {
		CHECK_DRIVER(DRIVER(cuMemCreate, 10020)(&handle, 32 * MIB, &properties, 0));
		CHECK_DRIVER(DRIVER(cuMemMap, 10020)(address + i * 32 * MIB, 32 * MIB, 0, handle, 0));
		CHECK_DRIVER(DRIVER(cuMemRelease, 10020)(handle));
	}
	CHECK_DRIVER(DRIVER(cuMemUnmap, 10020)(address, 64 * MIB));
	say_used();
	say("fact live_bytes %zu", 64 * MIB);
}

static void out_of_memory()
{
	void *block;
	size_t free_bytes, total;

	begin();
	CHECK(cudaMemGetInfo(&free_bytes, &total));
	if (cudaMalloc(&block, total) != cudaErrorMemoryAllocation)
		std::exit(1);
	say("fact failed_bytes %zu", total);
}

const gpu_case memory_cases[] = {
	{ "allocations", allocations }, { "pools", pools }, { "mappings", mappings },
	{ "out_of_memory", out_of_memory }, {},
};
