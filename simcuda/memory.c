/* SPDX-License-Identifier: Apache-2.0 */
/* The table of all memory the driver knows, and the accounting of each device's. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "simcuda/core.h"

#define SMALL_BYTES 512				/* the alignment real device memory has */
#define LARGE_BYTES ((size_t)1 << 20)		/* from here on 2 MiB pages */
#define PAGE_BYTES ((size_t)2 << 20)
#define SLAB_BYTES PAGE_BYTES
#define CLASS_COUNT 11				/* 512 bytes .. 512 KiB, powers of two */

/* The tree is ordered by address; a search key matches the allocation it overlaps. */
static pthread_rwlock_t table_lock = PTHREAD_RWLOCK_INITIALIZER;
static void *table;
static uint64_t last_id;
/* Structures are recycled, never freed: a pointer from sim_memory_find stays readable. */
static struct sim_allocation *spare;

/* Blocks smaller than a page are cut from slabs; a free block holds the link to the next. */
struct block {
	struct block *next;
};
static struct block *free_blocks[CLASS_COUNT];
static pthread_mutex_t block_lock = PTHREAD_MUTEX_INITIALIZER;

static int compare(const void *left, const void *right)
{
	const struct sim_allocation *a = left, *b = right;

	if (a->base + a->bytes <= b->base)
		return -1;
	return a->base >= b->base + b->bytes;
}

struct sim_allocation *sim_memory_find(const void *address)
{
	struct sim_allocation key = { .base = (uintptr_t)address, .bytes = 1 };
	struct sim_allocation *allocation = NULL;
	void *node;

	pthread_rwlock_rdlock(&table_lock);
	node = tfind(&key, &table, compare);
	if (node)	/* the node, unlike the allocation, does not outlive the lock */
		allocation = *(struct sim_allocation **)node;
	pthread_rwlock_unlock(&table_lock);
	return allocation;
}

struct sim_allocation *sim_allocation_at(uintptr_t base)
{
	struct sim_allocation *allocation = sim_memory_find((void *)base);

	return allocation && allocation->base == base ? allocation : NULL;
}

int sim_memory_kind_of(const void *address)
{
	const struct sim_allocation *allocation = sim_memory_find(address);

	if (!allocation)
		return 1;
	switch (allocation->kind) {
	case SIM_HOST:
	case SIM_REGISTERED:
		return 2;
	case SIM_MANAGED:
		return 5;
	default:
		return 3;
	}
}

/* --- accounting ------------------------------------------------------------------------------- */

bool sim_device_charge(struct sim_device *device, size_t bytes)
{
	bool fits;

	pthread_mutex_lock(&sim_lock);
	fits = bytes <= device->profile->memory_bytes - device->used_bytes;
	if (fits)
		device->used_bytes += bytes;
	sim_meters_memory(device);
	pthread_mutex_unlock(&sim_lock);
	return fits;
}

void sim_device_uncharge(struct sim_device *device, size_t bytes)
{
	pthread_mutex_lock(&sim_lock);
	device->used_bytes -= bytes;
	sim_meters_memory(device);
	pthread_mutex_unlock(&sim_lock);
}

static size_t round_up(size_t bytes, size_t unit)
{
	return (bytes + unit - 1) / unit * unit;
}

static size_t charge_of(size_t bytes)
{
	return round_up(bytes, bytes < LARGE_BYTES ? SMALL_BYTES : PAGE_BYTES);
}

/* --- pages -------------------------------------------------------------------------------------- */

/* Device memory is host memory that the kernel commits at first touch. */
static void *pages_map(size_t bytes)
{
	void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return pages == MAP_FAILED ? NULL : pages;
}

static void pages_unmap(void *pages, size_t bytes)
{
	munmap(pages, bytes);
}

static int class_of(size_t bytes)
{
	int class = 0;

	while (((size_t)SMALL_BYTES << class) < bytes)
		class++;
	return class;
}

static bool class_refill(int class)
{
	size_t size = (size_t)SMALL_BYTES << class;
	char *slab = pages_map(SLAB_BYTES);

	if (!slab)
		return false;
	for (size_t offset = SLAB_BYTES; offset >= size; offset -= size) {
		struct block *block = (struct block *)(slab + offset - size);

		block->next = free_blocks[class];
		free_blocks[class] = block;
	}
	return true;
}

/* Memory of at least `bytes`, aligned to 512; big pieces are mappings of their own. */
static void *bytes_map(size_t bytes)
{
	struct block *block = NULL;
	int class;

	if (bytes > (size_t)SMALL_BYTES << (CLASS_COUNT - 1))
		return pages_map(round_up(bytes, 4096));
	class = class_of(bytes);
	pthread_mutex_lock(&block_lock);
	if (free_blocks[class] || class_refill(class)) {
		block = free_blocks[class];
		free_blocks[class] = block->next;
	}
	pthread_mutex_unlock(&block_lock);
	return block;
}

static void bytes_unmap(void *address, size_t bytes)
{
	struct block *block = address;
	int class;

	if (bytes > (size_t)SMALL_BYTES << (CLASS_COUNT - 1)) {
		pages_unmap(address, round_up(bytes, 4096));
		return;
	}
	class = class_of(bytes);
	pthread_mutex_lock(&block_lock);
	block->next = free_blocks[class];
	free_blocks[class] = block;
	pthread_mutex_unlock(&block_lock);
}

/* --- allocations ---------------------------------------------------------------------------------- */

static bool owns_pages(enum sim_memory_kind kind)
{
	return kind != SIM_REGISTERED && kind != SIM_VMM;
}

static struct sim_allocation *take_spare(void)
{
	struct sim_allocation *allocation = spare;

	if (allocation) {
		spare = (struct sim_allocation *)allocation->context;
		return allocation;
	}
	return malloc(sizeof(*allocation));
}

static void put_spare(struct sim_allocation *allocation)
{
	allocation->context = (struct sim_context *)spare;
	spare = allocation;
}

/* Fails where the range overlaps one that is known. */
static CUresult table_insert(const struct sim_allocation_request *request, void *base,
			     size_t charged_bytes, struct sim_allocation **created)
{
	CUresult result = CUDA_ERROR_OUT_OF_MEMORY;
	struct sim_allocation *allocation;
	void *node;

	pthread_rwlock_wrlock(&table_lock);
	allocation = take_spare();
	if (allocation) {
		*allocation = (struct sim_allocation) {
			.base = (uintptr_t)base, .bytes = request->bytes, .kind = request->kind,
			.device = request->device, .context = request->context,
			.stream = request->stream, .pool = request->pool,
			.flags = request->flags, .charged_bytes = charged_bytes, .location = SIM_NOWHERE,
			.preferred = SIM_NOWHERE,
		};
		node = tsearch(allocation, &table, compare);
		if (node && *(struct sim_allocation **)node == allocation) {
			allocation->id = ++last_id;
			*created = allocation;
			result = CUDA_SUCCESS;
		} else {
			put_spare(allocation);
			if (node)
				result = CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
		}
	}
	pthread_rwlock_unlock(&table_lock);
	return result;
}

CUresult sim_allocation_create(const struct sim_allocation_request *request,
			       struct sim_allocation **allocation)
{
	bool is_on_device = request->kind != SIM_HOST && request->kind != SIM_REGISTERED;
	size_t charged = 0;
	void *base = request->base;
	CUresult result;

	if (!request->is_unfailing && sim_fault(is_on_device ? "alloc" : "host_alloc", &result))
		return result;
	if (is_on_device && !request->is_uncharged) {
		charged = charge_of(request->bytes);
		if (charged < request->bytes || !sim_device_charge(request->device, charged))
			return CUDA_ERROR_OUT_OF_MEMORY;
	}
	if (!base)
		base = bytes_map(request->bytes);
	result = base ? table_insert(request, base, charged, allocation) : CUDA_ERROR_OUT_OF_MEMORY;
	if (result == CUDA_SUCCESS) {
		sim_truth_memory(*allocation, false);
		return result;
	}
	if (base && !request->base)
		bytes_unmap(base, request->bytes);
	if (charged)
		sim_device_uncharge(request->device, charged);
	return result;
}

/* Whoever takes it out of the table destroys it; a second free finds nothing. */
bool sim_allocation_detach(struct sim_allocation *allocation, uint64_t id)
{
	bool is_ours;

	pthread_rwlock_wrlock(&table_lock);
	is_ours = allocation->id == id;
	if (is_ours) {
		tdelete(allocation, &table, compare);
		sim_truth_memory(allocation, true);
		allocation->id = 0;
	}
	pthread_rwlock_unlock(&table_lock);
	return is_ours;
}

void sim_allocation_reclaim(struct sim_allocation *allocation)
{
	if (allocation->charged_bytes)
		sim_device_uncharge(allocation->device, allocation->charged_bytes);
	if (owns_pages(allocation->kind))
		bytes_unmap((void *)allocation->base, allocation->bytes);
	pthread_rwlock_wrlock(&table_lock);
	put_spare(allocation);
	pthread_rwlock_unlock(&table_lock);
}

void sim_allocation_destroy(struct sim_allocation *allocation)
{
	if (sim_allocation_detach(allocation, allocation->id))
		sim_allocation_reclaim(allocation);
}

/* --- walks ------------------------------------------------------------------------------------------ */

struct walk {
	const struct sim_context *context;
	struct sim_allocation *found;
};

static void visit_context(const void *node, VISIT which, void *closure)
{
	struct sim_allocation *allocation = *(struct sim_allocation *const *)node;
	struct walk *walk = closure;

	if ((which == postorder || which == leaf) && allocation->context == walk->context)
		walk->found = allocation;
}

static struct sim_allocation *first_of_context(const struct sim_context *context)
{
	struct walk walk = { .context = context };

	pthread_rwlock_rdlock(&table_lock);
	twalk_r(table, visit_context, &walk);
	pthread_rwlock_unlock(&table_lock);
	return walk.found;
}

void sim_memory_forget_context(struct sim_context *context)
{
	struct sim_allocation *allocation;

	while ((allocation = first_of_context(context)))
		if (sim_allocation_detach(allocation, allocation->id)) {
			if (allocation->kind == SIM_ASYNC)
				sim_pool_give_back(allocation);
			sim_allocation_reclaim(allocation);
		}
}
