/* SPDX-License-Identifier: Apache-2.0 */
/* The table of kernels: handle to id, with the names noted at look-up. Grows only, bounded. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/functions.h"

#include <string.h>

#include "libprofile/ring.h"

#define TABLE_SIZE 65536u		/* power of two */
#define TABLE_LIMIT (TABLE_SIZE / 4 * 3)
#define NAMES_BYTES (16u << 20)
#define NAME_MAX_BYTES 8192u

struct function {
	uint64_t handle;		/* 0 free; retired ones keep their place with handle 1 */
	uint64_t module;
	uint32_t id;			/* 0 not launched yet */
	uint32_t name;			/* offset in names, 0 unknown */
	uint32_t shared;		/* of the legacy launch interface */
	uint16_t block[3];
	bool is_stale;			/* attributes changed since its definition */
	bool is_kernel;			/* a CUkernel, which launches take in a function's place */
};

#define RETIRED 1u

uint32_t functions_generation;
static struct function *table;
static uint32_t table_count, last_id;
static char *names;
static uint32_t names_used = 1;
static struct spinlock lock;

/* The handle's row; a free one is taken when `make` is set. Lock held. */
static struct function *find(uint64_t handle, bool make)
{
	uint32_t slot = (uint32_t)(handle * 0x9e3779b97f4a7c15ull >> 40) % TABLE_SIZE;
	struct function *retired = NULL;

	for (; table && table[slot].handle; slot = (slot + 1) % TABLE_SIZE) {
		if (table[slot].handle == handle)
			return &table[slot];
		if (table[slot].handle == RETIRED && !retired)
			retired = &table[slot];
	}
	if (!make)
		return NULL;
	if (!table || (!retired && table_count >= TABLE_LIMIT)) {
		process_count(WIRE_COUNTER_table_full, 1);
		return NULL;
	}
	if (!retired) {
		table_count++;
		retired = &table[slot];
	}
	memset(retired, 0, sizeof(*retired));
	retired->handle = handle;
	return retired;
}

/* Place of a copy of the name, which lasts as long as the process; 0 when there is no room. */
static uint32_t keep_name(const char *name)
{
	size_t bytes = strnlen(name, NAME_MAX_BYTES - 1) + 1;
	uint32_t at = names_used;

	if (!names || bytes > NAMES_BYTES - names_used)
		return 0;
	memcpy(names + at, name, bytes - 1);
	names[at + bytes - 1] = '\0';
	names_used += (uint32_t)bytes;
	return at;
}

void function_note(const void *handle, const char *name, const void *module, bool is_kernel)
{
	struct function *function;

	if (!handle)
		return;
	spin_lock(&lock);
	function = find((uintptr_t)handle, true);
	if (function) {
		function->module = (uintptr_t)module;
		function->is_kernel = is_kernel;
		if (name && (!function->name || strcmp(names + function->name, name)))
			function->name = keep_name(name);
	}
	spin_unlock(&lock);
}

void function_note_kernel(CUfunction handle, CUkernel kernel)
{
	struct function *from, *to;

	if (!handle || (const void *)handle == (const void *)kernel)
		return;
	spin_lock(&lock);
	from = find((uintptr_t)kernel, false);
	if (from && from->name) {
		to = find((uintptr_t)handle, true);
		if (to) {
			to->name = from->name;
			to->module = from->module;
		}
	}
	spin_unlock(&lock);
}

void functions_retire(const void *module)
{
	if (!module || !table)
		return;
	spin_lock(&lock);
	for (uint32_t slot = 0; slot < TABLE_SIZE; slot++) {
		if (table[slot].handle > RETIRED && table[slot].module == (uintptr_t)module)
			table[slot].handle = RETIRED;
	}
	__atomic_fetch_add(&functions_generation, 1, __ATOMIC_RELEASE);
	spin_unlock(&lock);
}

void function_changed(const void *handle)
{
	struct function *function;

	spin_lock(&lock);
	function = find((uintptr_t)handle, false);
	if (function && function->id) {
		function->is_stale = true;
		__atomic_fetch_add(&functions_generation, 1, __ATOMIC_RELEASE);
	}
	spin_unlock(&lock);
}

void function_set_block(CUfunction handle, int x, int y, int z)
{
	struct function *function;

	spin_lock(&lock);
	function = find((uintptr_t)handle, true);
	if (function) {
		function->block[0] = (uint16_t)x;
		function->block[1] = (uint16_t)y;
		function->block[2] = (uint16_t)z;
	}
	spin_unlock(&lock);
}

void function_set_shared(CUfunction handle, unsigned bytes)
{
	struct function *function;

	spin_lock(&lock);
	function = find((uintptr_t)handle, true);
	if (function)
		function->shared = bytes;
	spin_unlock(&lock);
}

void function_block(CUfunction handle, uint16_t block[3], uint32_t *shared)
{
	const struct function *function;

	spin_lock(&lock);
	function = find((uintptr_t)handle, false);
	if (function) {
		memcpy(block, function->block, sizeof(function->block));
		*shared = function->shared;
	}
	spin_unlock(&lock);
}

uint32_t function_id_known(CUfunction handle)
{
	const struct function *function;
	uint32_t id;

	spin_lock(&lock);
	function = find((uintptr_t)handle, false);
	id = function ? function->id : 0;
	spin_unlock(&lock);
	return id;
}

static const char *ask_name(const struct function *function)
{
	void *handle = (void *)(uintptr_t)function->handle;
	const char *name = NULL;

	if (function->is_kernel)
		return real.cuKernelGetName && !real.cuKernelGetName(&name, handle) ? name : NULL;
	return real.cuFuncGetName && !real.cuFuncGetName(&name, handle) ? name : NULL;
}

/* What a kernel is in the current context: only that has attributes of functions. */
static CUfunction handle_of(const struct function *function)
{
	CUfunction handle = (CUfunction)(uintptr_t)function->handle, made = NULL;

	if (function->is_kernel && real.cuKernelGetFunction &&
	    !real.cuKernelGetFunction(&made, (CUkernel)handle))
		return made;
	return handle;
}

static uint32_t attribute(CUfunction handle, CUfunction_attribute which)
{
	int value = 0;

	if (!real.cuFuncGetAttribute || real.cuFuncGetAttribute(&value, which, handle))
		return 0;
	return (uint32_t)value;
}

static void send_definition(struct thread *thread, const struct function *function,
			    const char *name)
{
	CUfunction handle = handle_of(function);
	CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_RELAXED;
	uint32_t name_bytes = (uint32_t)strnlen(name, NAME_MAX_BYTES - 1) + 1;
	uint32_t bytes = (uint32_t)(sizeof(struct wire_def_function) + name_bytes + 7) & ~7u;
	struct wire_def_function *def = ring_reserve(thread, bytes);
	bool is_relaxed;
	CUdevice device = 0;

	if (!def)
		return;
	is_relaxed = real.cuThreadExchangeStreamCaptureMode &&
		!real.cuThreadExchangeStreamCaptureMode(&mode);
	def->head = (struct wire_head){ .bytes = (uint16_t)bytes, .kind = WIRE_DEF_FUNCTION };
	def->function = function->id;
	def->handle = function->handle;
	def->module = function->module;
	def->registers = attribute(handle, CU_FUNC_ATTRIBUTE_NUM_REGS);
	def->static_shared_bytes = attribute(handle, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES);
	def->local_bytes = attribute(handle, CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES);
	def->max_threads = attribute(handle, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
	def->max_dynamic_shared_bytes =
		attribute(handle, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
	if (real.cuCtxGetDevice)
		real.cuCtxGetDevice(&device);
	def->device = (uint32_t)device;
	def->name_bytes = name_bytes;
	memset((char *)def + bytes - 8, 0, 8);
	memcpy(def->name, name, name_bytes - 1);
	def->name[name_bytes - 1] = '\0';
	ring_commit(thread, bytes);
	if (is_relaxed)
		real.cuThreadExchangeStreamCaptureMode(&mode);
}

/* Runs after the launch, when even a lazily loaded function is there. The record's place in the
 * ring is filled while driver calls go on, which is fine: nobody else writes this ring. */
uint32_t function_id_slow(struct thread *thread, CUfunction handle)
{
	uint64_t key = (uint64_t)(uintptr_t)handle;
	uint32_t generation = __atomic_load_n(&functions_generation, __ATOMIC_ACQUIRE);
	struct function_cache *cache =
		&thread->functions[((key >> 4) ^ (key >> 12)) % FUNCTION_CACHE];
	struct function *function, copy = { 0 };
	bool is_new = false;
	const char *name;

	if (key <= RETIRED)
		return 0;
	spin_lock(&lock);
	function = find(key, true);
	if (function) {
		is_new = !function->id || function->is_stale;
		if (!function->id)
			function->id = ++last_id;
		function->is_stale = false;
		copy = *function;
	}
	spin_unlock(&lock);
	if (!function)
		return 0;
	if (is_new) {
		name = copy.name ? names + copy.name : ask_name(&copy);
		if (!name)
			process_count(WIRE_COUNTER_functions_unnamed, 1);
		send_definition(thread, &copy, name ? name : "");
	}
	*cache = (struct function_cache){ key, copy.id, generation };
	return copy.id;
}

void functions_forget_all(void)
{
	for (uint32_t slot = 0; table_count && slot < TABLE_SIZE; slot++)
		if (table[slot].handle)
			table[slot].id = 0;
	last_id = 0;
}

void functions_start(void)
{
	if (!table)
		table = util_map(TABLE_SIZE * sizeof(*table));
	if (!names)
		names = util_map(NAMES_BYTES);
}
