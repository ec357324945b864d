/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Launch configurations. A launch is interned by what the record holds; the row of `shape` is
 * made when the row of the launch is written, since the function and the context it names may
 * be defined after it.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/core.h"
#include "collector/occupancy.h"

#include <string.h>

/* Flags that describe the launch itself, not how it was called. */
#define SHAPE_FLAGS (WIRE_LAUNCH_COOPERATIVE | WIRE_LAUNCH_PDL | WIRE_LAUNCH_CLUSTER | \
		     WIRE_LAUNCH_PRIORITY | WIRE_LAUNCH_PDL_EVENT | WIRE_LAUNCH_DEVICE_UPDATABLE)

struct shape_key {
	uint32_t kernel, device, grid[3];
	uint16_t block[3], cluster[3];
	uint32_t dynamic_shared_bytes, flags;
};

uint32_t shape_host_config(struct process *p, const struct wire_launch *launch)
{
	struct host_config key = {
		.context = launch->call.context,
		.function = launch->function,
		.dynamic_shared_bytes = launch->dynamic_shared_bytes,
		.flags = launch->flags & SHAPE_FLAGS,
	};
	bool is_new;

	memcpy(key.grid, launch->grid, sizeof(key.grid));
	memcpy(key.block, launch->block, sizeof(key.block));
	memcpy(key.cluster, launch->cluster, sizeof(key.cluster));
	return intern_add(&p->configs, &key, &is_new) + 1;	/* INTERN_NONE becomes 0 */
}

uint32_t shape_gpu_config(struct process *p, const struct wire_gpu_kernel *kernel)
{
	struct gpu_config key = {
		.name = kernel->name,
		.device = entity_device(p, kernel->gpu.device),
		.registers = kernel->registers,
		.static_shared_bytes = kernel->static_shared_bytes,
		.dynamic_shared_bytes = kernel->dynamic_shared_bytes,
		.local_bytes = kernel->local_bytes,
		.flags = kernel->gpu.head.result & WIRE_GPU_DEVICE_LAUNCHED ?
			 WIRE_LAUNCH_BY_DEVICE : 0,
	};
	bool is_new;

	memcpy(key.grid, kernel->grid, sizeof(key.grid));
	memcpy(key.block, kernel->block, sizeof(key.block));
	memcpy(key.cluster, kernel->cluster, sizeof(key.cluster));
	return intern_add(&p->gpu_configs, &key, &is_new) + 1;
}

static void shape_write(struct collector *c, uint32_t id, const struct shape_key *key)
{
	const struct kernel *kernel = &c->kernels[key->kernel];
	struct occupancy_launch launch = {
		.block_threads = (uint32_t)key->block[0] * key->block[1] * key->block[2],
		.registers = kernel->registers,
		.static_shared_bytes = kernel->static_shared_bytes,
		.dynamic_shared_bytes = key->dynamic_shared_bytes,
		/* A launch that ran was allowed to use what it asked for. */
		.max_dynamic_shared_bytes =
			kernel->max_dynamic_shared_bytes > key->dynamic_shared_bytes
				? kernel->max_dynamic_shared_bytes
				: key->dynamic_shared_bytes,
		.blocks = (uint64_t)key->grid[0] * key->grid[1] * key->grid[2],
	};
	struct occupancy occupancy;
	bool known = key->device && c->devices[key->device].known && key->kernel &&
		     occupancy_compute(&c->devices[key->device].def, &launch, &occupancy) == 0;

	database_run(c->db, "INSERT INTO shape VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		     "iiiiiiiiiiiiiiiti", (int64_t)id, (int64_t)key->kernel, (int64_t)key->device,
		     (int64_t)key->grid[0], (int64_t)key->grid[1], (int64_t)key->grid[2],
		     (int64_t)key->block[0], (int64_t)key->block[1], (int64_t)key->block[2],
		     (int64_t)key->cluster[0], (int64_t)key->cluster[1], (int64_t)key->cluster[2],
		     (int64_t)key->dynamic_shared_bytes, (int64_t)key->flags,
		     known ? (int64_t)occupancy.blocks_per_sm : NIL,
		     known ? occupancy.limiter : NULL, known ? occupancy.waves_x1000 : NIL);
}

static uint32_t shape_intern(struct collector *c, const struct shape_key *key)
{
	bool is_new;
	uint32_t index = intern_add(&c->shape_keys, key, &is_new);

	if (is_new)
		shape_write(c, index + 1, key);
	return index + 1;
}

struct resolved shape_of_host(struct process *p, uint32_t config)
{
	const struct host_config *host;
	const struct function *function;
	struct resolved *resolved;
	struct shape_key key;

	if (!config ||
	    !array_reserve(&p->resolved, &p->resolved_capacity, config, sizeof(*p->resolved)))
		return (struct resolved){ 0, 0 };
	resolved = &p->resolved[config];
	if (resolved->shape)
		return *resolved;
	host = intern_key(&p->configs, config - 1);
	function = host->function < p->function_capacity ? &p->functions[host->function] : NULL;
	if (!function || !function->kernel)
		return (struct resolved){ 0, entity_context_device(p, host->context) };
	memset(&key, 0, sizeof(key));
	key.kernel = function->kernel;
	key.device = entity_context_device(p, host->context);
	memcpy(key.grid, host->grid, sizeof(key.grid));
	memcpy(key.block, host->block, sizeof(key.block));
	memcpy(key.cluster, host->cluster, sizeof(key.cluster));
	key.dynamic_shared_bytes = host->dynamic_shared_bytes;
	key.flags = host->flags;
	*resolved = (struct resolved){ shape_intern(p->collector, &key), key.device };
	return *resolved;
}

struct resolved shape_of_gpu(struct process *p, uint32_t config)
{
	const struct gpu_config *gpu;
	struct collector *c = p->collector;
	struct resolved *resolved;
	struct shape_key key;
	struct kernel kernel;
	uint32_t text;

	if (!config || !array_reserve(&p->gpu_resolved, &p->gpu_resolved_capacity, config,
				      sizeof(*p->gpu_resolved)))
		return (struct resolved){ 0, 0 };
	resolved = &p->gpu_resolved[config];
	if (resolved->shape)
		return *resolved;
	gpu = intern_key(&p->gpu_configs, config - 1);
	text = gpu->name < p->string_capacity ? p->strings[gpu->name] : 0;
	kernel = (struct kernel){
		.registers = gpu->registers,
		.static_shared_bytes = gpu->static_shared_bytes,
		.local_bytes = gpu->local_bytes,
	};
	memset(&key, 0, sizeof(key));
	key.kernel = entity_kernel(c, text ? c->text_list[text]->bytes : "?", &kernel);
	key.device = gpu->device;
	memcpy(key.grid, gpu->grid, sizeof(key.grid));
	memcpy(key.block, gpu->block, sizeof(key.block));
	memcpy(key.cluster, gpu->cluster, sizeof(key.cluster));
	key.dynamic_shared_bytes = gpu->dynamic_shared_bytes;
	key.flags = gpu->flags;
	*resolved = (struct resolved){ shape_intern(c, &key), key.device };
	return *resolved;
}
