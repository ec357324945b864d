/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the simulated driver's core half: what the engine half need not see. */
#ifndef GPUTRAIL_SIMCUDA_CORE_H
#define GPUTRAIL_SIMCUDA_CORE_H

#include <stdatomic.h>

#include "simcuda/sim.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- the calling thread ----------------------------------------------------------------------- */
struct sim_thread {
	struct sim_context *current;	/* top of the context stack, kept here for the launch path */
	struct sim_context_stack *stack;
	uint32_t correlation;		/* of the outermost call */
	uint32_t depth;			/* calls this thread is inside of */
};
/* Initial-exec: 24 bytes, and one instruction per access on every call. */
extern __thread struct sim_thread sim_thread __attribute__((tls_model("initial-exec")));

/* --- start-up (device.c) ------------------------------------------------------------------------ */
extern atomic_int sim_is_ready;		/* cuInit has succeeded in this process */
struct sim_device *sim_device_get(CUdevice ordinal);	/* NULL: no such device */
long sim_environment_number(const char *name, long fallback);

/* --- contexts (context.c) ------------------------------------------------------------------------ */
/* True when the handle is a context that lives. */
bool sim_context_is_valid(CUcontext handle);
static inline struct sim_context *sim_context_of(CUcontext handle)
{
	return (struct sim_context *)handle;
}
/* The current context as sim_current gives it, or NULL and the error that sticks to it. */
struct sim_context *sim_current_sound(CUresult *result);

/* --- memory (memory.c) --------------------------------------------------------------------------- */
/* Counts bytes as used on the device; false when the device is full. */
bool sim_device_charge(struct sim_device *device, size_t bytes);
void sim_device_uncharge(struct sim_device *device, size_t bytes);

/* What to make; zero and NULL where it does not apply. */
struct sim_allocation_request {
	size_t bytes;
	enum sim_memory_kind kind;
	struct sim_device *device;
	struct sim_context *context;
	struct sim_stream *stream;
	CUmemoryPool pool;
	void *base;			/* memory that exists already (registered, mapped) */
	unsigned flags;
	bool is_uncharged;		/* a pool has paid for it */
	bool is_unfailing;		/* no allocation of its own to SIMCUDA_FAIL */
};
CUresult sim_allocation_create(const struct sim_allocation_request *request,
			       struct sim_allocation **allocation);
/* Takes the allocation out of the table; false when somebody else has done so since it had this
 * id. Then reclaim gives back memory and accounting. */
bool sim_allocation_detach(struct sim_allocation *allocation, uint64_t id);
void sim_allocation_reclaim(struct sim_allocation *allocation);
/* Both at once. */
void sim_allocation_destroy(struct sim_allocation *allocation);
/* The allocation that begins exactly here, or NULL. */
struct sim_allocation *sim_allocation_at(uintptr_t base);
/* Frees all a context owns. */
void sim_memory_forget_context(struct sim_context *context);

/* --- modules (image*.c, module.c) ------------------------------------------------------------------ */
#define SIM_MAGIC_FUNCTION 0x46554e43u
#define SIM_MAGIC_KERNEL 0x4b45524eu
#define SIM_MAGIC_DEAD 0xdeadu

struct sim_global {
	const char *name;		/* interned */
	size_t bytes;
	void *initial;			/* initial_bytes of them, the rest is zero; may be NULL */
	size_t initial_bytes;
	bool is_managed;
	struct sim_allocation *allocation;
};

/* What an image holds, before it becomes a module. */
struct sim_image {
	struct sim_function *functions;	/* templates; params belong to the image */
	int function_count;
	struct sim_global *globals;
	int global_count;
	size_t bytes;			/* size of the code chosen, for the cost of loading it */
	bool is_compiled;		/* PTX: the driver would compile it */
};
/* Reads whatever cuModuleLoadData takes. On failure *image is empty. */
CUresult sim_image_read(const void *data, const struct sim_profile *profile, struct sim_image *image);
void sim_image_clear(struct sim_image *image);
/* The readers of one format each; bytes bound what they may touch. */
CUresult sim_image_read_elf(const void *data, size_t bytes, const struct sim_profile *profile,
			    struct sim_image *image);
CUresult sim_image_read_ptx(const char *text, size_t bytes, const struct sim_profile *profile,
			    struct sim_image *image);
CUresult sim_image_read_fatbin(const void *data, const struct sim_profile *profile,
			       struct sim_image *image);
/* Size of an ELF image from its own headers, 0 when they make no sense. */
size_t sim_image_elf_bytes(const void *data);
/* The one copy of a name, kept for the process's life; NULL when out of memory. */
const char *sim_name_intern(const char *text, size_t length);
/* Adds a zeroed row; NULL when out of memory. */
struct sim_function *sim_image_add_function(struct sim_image *image, const char *name, size_t length);
struct sim_global *sim_image_add_global(struct sim_image *image, const char *name, size_t length);
struct sim_param *sim_function_add_param(struct sim_function *function);

struct sim_module {
	struct sim_context *context;
	struct sim_library *library;	/* NULL when loaded as a module */
	struct sim_function **functions;
	int function_count;
	struct sim_global *globals;
	int global_count;
	struct sim_module *next;
};
/* Loads an image that has been read; the module takes the globals' allocations. */
CUresult sim_module_create(struct sim_context *context, const struct sim_image *image,
			   struct sim_module **module);
void sim_module_destroy(struct sim_module *module);
void sim_module_forget_context(struct sim_context *context);
bool sim_loads_eagerly(void);
struct sim_module *sim_module_of(CUmodule handle);	/* NULL: no such module */
struct sim_global *sim_module_global(struct sim_module *module, const char *name);

CUresult sim_function_get(const struct sim_function *function, CUfunction_attribute attribute,
			  int *value);
CUresult sim_function_set(struct sim_function *function, const struct sim_profile *profile,
			  CUfunction_attribute attribute, int value);
CUresult sim_function_param(const struct sim_function *function, size_t index, size_t *offset,
			    size_t *bytes);

/* --- libraries (library.c) ------------------------------------------------------------------------ */
struct sim_library_kernel;
struct sim_function *sim_kernel_function(struct sim_library_kernel *kernel);	/* in the current context */
void sim_library_forget_module(struct sim_module *module);

/* Reads a whole file; the caller frees. */
CUresult sim_file_read(const char *path, void **data, size_t *bytes);

/* --- pools (mempool.c) ---------------------------------------------------------------------------- */
CUresult sim_pools_open(struct sim_device *device);
void sim_pool_give_back(struct sim_allocation *allocation);

#endif
