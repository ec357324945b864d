/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of contexts, and definitions of contexts, streams and devices on first sight. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/context.h"

#include <string.h>

#include "libprofile/ring.h"

#define CONTEXTS_MAX 1024u
#define DEVICES_MAX 64u

static struct { uint64_t handle; uint32_t id; int device; } contexts[CONTEXTS_MAX];
static uint32_t context_count, last_id;
static bool device_sent[DEVICES_MAX];
static struct spinlock lock;

static uint32_t device_attribute(CUdevice device, CUdevice_attribute which)
{
	int value = 0;

	if (!real.cuDeviceGetAttribute || real.cuDeviceGetAttribute(&value, which, device))
		return 0;
	return (uint32_t)value;
}

static void fill_identity(struct wire_def_device *def, CUdevice device)
{
	CUuuid uuid = { { 0 } };
	size_t bytes = 0;

	memset(def->name, 0, sizeof(def->name));
	if (real.cuDeviceGetName)
		real.cuDeviceGetName(def->name, sizeof(def->name) - 1, device);
	if (!real.cuDeviceTotalMem_v2 || real.cuDeviceTotalMem_v2(&bytes, device))
		bytes = 0;
	def->memory_bytes = bytes;
	if (real.cuDeviceGetUuid_v2)
		real.cuDeviceGetUuid_v2(&uuid, device);
	else if (real.cuDeviceGetUuid)
		real.cuDeviceGetUuid(&uuid, device);
	memcpy(def->uuid, uuid.bytes, sizeof(def->uuid));
}

static void send_device(struct thread *thread, CUdevice device)
{
	static const struct { uint16_t attribute, offset; } fields[] = {
#define FIELD(attribute, member) \
	{ CU_DEVICE_ATTRIBUTE_##attribute, offsetof(struct wire_def_device, member) }
		FIELD(COMPUTE_CAPABILITY_MAJOR, cc_major),
		FIELD(COMPUTE_CAPABILITY_MINOR, cc_minor),
		FIELD(MULTIPROCESSOR_COUNT, sm_count),
		FIELD(MAX_THREADS_PER_MULTIPROCESSOR, max_threads_per_sm),
		FIELD(MAX_BLOCKS_PER_MULTIPROCESSOR, max_blocks_per_sm),
		FIELD(MAX_REGISTERS_PER_MULTIPROCESSOR, registers_per_sm),
		FIELD(MAX_REGISTERS_PER_BLOCK, registers_per_block),
		FIELD(MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, shared_per_sm_bytes),
		FIELD(MAX_SHARED_MEMORY_PER_BLOCK, shared_per_block_bytes),
		FIELD(MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, shared_optin_bytes),
		FIELD(RESERVED_SHARED_MEMORY_PER_BLOCK, shared_reserved_bytes),
		FIELD(CLOCK_RATE, clock_khz),
		FIELD(MEMORY_CLOCK_RATE, memory_clock_khz),
		FIELD(GLOBAL_MEMORY_BUS_WIDTH, memory_bus_bits),
		FIELD(L2_CACHE_SIZE, l2_bytes),
		FIELD(ASYNC_ENGINE_COUNT, copy_engines),
		FIELD(PCI_DOMAIN_ID, pci_domain),
		FIELD(PCI_BUS_ID, pci_bus),
		FIELD(PCI_DEVICE_ID, pci_device),
#undef FIELD
	};
	struct wire_def_device *def;

	if (device < 0 || device >= (int)DEVICES_MAX ||
	    __atomic_exchange_n(&device_sent[device], true, __ATOMIC_ACQ_REL))
		return;
	def = ring_reserve(thread, sizeof(*def));
	if (!def)
		return;
	def->head = (struct wire_head){ .bytes = sizeof(*def), .kind = WIRE_DEF_DEVICE };
	def->ordinal = (uint32_t)device;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		uint32_t value = device_attribute(device, (CUdevice_attribute)fields[i].attribute);

		memcpy((char *)def + fields[i].offset, &value, sizeof(value));
	}
	fill_identity(def, device);
	ring_commit(thread, sizeof(*def));
}

static void send_context(struct thread *thread, uint32_t id, CUcontext handle, CUdevice device)
{
	struct wire_def_context *def;
	unsigned long long number = 0;

	send_device(thread, device);
	def = ring_reserve(thread, sizeof(*def));
	if (!def)
		return;
	if (!real.cuCtxGetId || real.cuCtxGetId(handle, &number))
		number = 0;
	def->head = (struct wire_head){ .bytes = sizeof(*def), .kind = WIRE_DEF_CONTEXT };
	def->context = id;
	def->device = (uint32_t)device;
	def->handle = (uintptr_t)handle;
	def->number = number;
	ring_commit(thread, sizeof(*def));
}

static uint32_t id_of(CUcontext handle, CUdevice device, bool *is_new)
{
	uint32_t free_row = UINT32_MAX, id = 0;

	spin_lock(&lock);
	for (uint32_t row = 0; row < context_count && !id; row++) {
		if (contexts[row].handle == (uintptr_t)handle)
			id = contexts[row].id;
		else if (!contexts[row].handle)
			free_row = row;
	}
	if (!id && free_row == UINT32_MAX && context_count < CONTEXTS_MAX)
		free_row = context_count++;
	if (!id && free_row != UINT32_MAX) {
		*is_new = true;
		id = contexts[free_row].id = ++last_id;
		contexts[free_row].handle = (uintptr_t)handle;
		contexts[free_row].device = device;
	}
	spin_unlock(&lock);
	if (!id)
		process_count(WIRE_COUNTER_table_full, 1);
	return id;
}

void context_refresh(struct thread *thread)
{
	CUcontext handle = NULL;
	CUdevice device = 0;
	bool is_new = false;

	thread->context_known = true;
	thread->context = 0;
	if (!real.cuCtxGetCurrent || real.cuCtxGetCurrent(&handle))
		handle = NULL;
	thread->context_handle = handle;
	if (!handle)
		return;
	if (!real.cuCtxGetDevice || real.cuCtxGetDevice(&device))
		device = 0;
	thread->context = id_of(handle, device, &is_new);
	if (is_new)
		send_context(thread, thread->context, handle, device);
}

void context_retire(CUcontext handle)
{
	spin_lock(&lock);
	for (uint32_t row = 0; row < context_count; row++)
		if (handle && contexts[row].handle == (uintptr_t)handle)
			contexts[row].handle = 0;
	spin_unlock(&lock);
}

void stream_define(struct thread *thread, CUstream stream, unsigned flags, int priority)
{
	struct wire_def_stream *def = ring_reserve(thread, sizeof(*def));
	unsigned long long number = 0;

	if (!def)
		return;
	if (!real.cuStreamGetId || real.cuStreamGetId(stream, &number))
		number = 0;
	def->head = (struct wire_head){ .bytes = sizeof(*def), .kind = WIRE_DEF_STREAM };
	def->context = thread->context;
	def->priority = priority;
	def->handle = (uintptr_t)stream;
	def->number = number;
	def->flags = flags;
	def->reserved = 0;
	ring_commit(thread, sizeof(*def));
}

void context_forget_all(void)
{
	context_count = last_id = 0;
	memset(device_sent, 0, sizeof(device_sent));
}
