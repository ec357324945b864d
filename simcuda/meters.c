/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the devices of this process do, as rates that change when an operation starts or ends, for the
 * simulated NVML in another process: see meters.h. A kernel's share of SMs and warps is its mean over
 * its waves of blocks.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/meters.h"

#include "simcuda/engine.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct sim_meters *page;

void sim_meters_init(void)
{
	const char *path = getenv("SIMCUDA_METERS");
	struct stat status;
	void *mapped = MAP_FAILED;
	int file;

	if (!path || !*path)
		return;
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (file >= 0 && fstat(file, &status) == 0 &&
	    (status.st_size >= (off_t)sizeof(*page) || ftruncate(file, sizeof(*page)) == 0))
		mapped = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (mapped == MAP_FAILED)
		fprintf(stderr, "simcuda: cannot write SIMCUDA_METERS=%s: %m; the simulated NVML "
			"sees idle devices\n", path);
	else
		page = mapped;
	if (file >= 0)
		close(file);
}

void sim_meters_open(struct sim_device *device)
{
	if (!page || device->meter)
		return;
	snprintf(page->model, sizeof(page->model), "%s", device->profile->key);
	page->memory_bytes = device->profile->memory_bytes;
	if (page->devices < (uint32_t)device->physical + 1)
		page->devices = (uint32_t)device->physical + 1;
	__atomic_store_n(&page->magic, SIM_METERS_MAGIC, __ATOMIC_RELEASE);
	for (int i = 0; i < SIM_METER_SLOTS && !device->meter; i++) {
		int32_t none = 0;

		if (!__atomic_compare_exchange_n(&page->slots[i].pid, &none, (int32_t)getpid(), false,
						 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			continue;
		page->slots[i].device = device->physical;
		device->meter = &page->slots[i];
	}
	sim_meters_memory(device);
}

void sim_meters_memory(struct sim_device *device)
{
	if (device->meter)
		__atomic_store_n(&device->meter->used_bytes, device->used_bytes, __ATOMIC_RELAXED);
}

/* --- what an operation uses while it runs ------------------------------------------------------- */

static void kernel_rates(const struct sim_op *op, double *rate)
{
	const struct sim_kernel *kernel = &op->task.kernel;
	const struct sim_profile *profile = op->context->device->profile;
	int per_sm = sim_cost_blocks_per_sm(kernel, profile);
	double blocks = (double)kernel->grid[0] * kernel->grid[1] * kernel->grid[2];
	double room = (double)(per_sm > 0 ? per_sm : 1) * profile->sm_count;
	double warps = ((double)kernel->block[0] * kernel->block[1] * kernel->block[2] + 31) / 32;
	double full = (double)(uint64_t)(blocks / room), rest = blocks - full * room;
	double waves = full + (rest > 0), last = rest < profile->sm_count ? rest / profile->sm_count : 1;

	rate[SIM_METER_gpu_busy] = 1;
	rate[SIM_METER_sm_active] = (full + last) / waves;
	rate[SIM_METER_occupancy] = blocks / waves * (double)(uint64_t)warps /
				    (profile->sm_count * (profile->max_threads_per_sm / 32.0));
	rate[SIM_METER_tensor] = rate[SIM_METER_sm_active] * sim_cost_tensor(kernel);
	rate[SIM_METER_dram] = sim_cost_bytes(kernel, blocks) / profile->hbm_gbs;
}

static void copy_rates(const struct sim_op *op, const struct sim_device *device, double *rate)
{
	const struct sim_copy *copy = &op->task.copy;
	const struct sim_profile *profile = device->profile;
	double bytes = (double)copy->width * (double)copy->height * (double)copy->depth;
	bool sends = copy->source_device == device, receives = copy->destination_device == device;
	bool is_linked = copy->kind == SIM_COPY_PTOP && profile->nvlink_gbs > 0;

	rate[SIM_METER_dram] = bytes * (sends + receives) / profile->hbm_gbs;
	if (sends && receives)
		return;
	rate[is_linked ? SIM_METER_nvlink_tx : SIM_METER_pcie_tx] = sends ? bytes : 0;
	rate[is_linked ? SIM_METER_nvlink_rx : SIM_METER_pcie_rx] = receives ? bytes : 0;
}

/* dram and the bytes come as totals of the operation, and leave as rates. */
static void op_rates(const struct sim_op *op, const struct sim_device *device, double *rate)
{
	const struct sim_set *set = &op->task.set;
	double duration_ns = op->duration_ns ? (double)op->duration_ns : 1;

	if (op->task.kind == SIM_TASK_KERNEL)
		kernel_rates(op, rate);
	else if (op->task.kind == SIM_TASK_COPY)
		copy_rates(op, device, rate);
	else
		rate[SIM_METER_dram] = (double)set->width * (double)set->height *
				       set->element_bytes / device->profile->hbm_gbs;
	for (int i = SIM_METER_dram; i < SIM_METERS; i++)
		rate[i] /= duration_ns;
}

/* --- rates over time, with the engine's lock held ------------------------------------------------ */

static void meter_settle(struct sim_meter *meter, uint64_t now_ns)
{
	if (now_ns <= meter->time_ns)
		return;
	for (int i = 0; i < SIM_METERS && meter->time_ns; i++)
		meter->sum[i] += sim_meter_capped(i, meter->rate[i]) *
				 (double)(now_ns - meter->time_ns);
	meter->time_ns = now_ns;
}

static void meter_change(const struct sim_op *op, struct sim_device *device, int sign, uint64_t now_ns)
{
	struct sim_meter *meter = device ? device->meter : NULL;
	double rate[SIM_METERS] = { 0 };

	if (!meter)
		return;
	op_rates(op, device, rate);
	__atomic_add_fetch(&meter->sequence, 1, __ATOMIC_SEQ_CST);
	meter_settle(meter, now_ns);
	for (int i = 0; i < SIM_METERS; i++) {
		meter->rate[i] += sign * rate[i];
		if (meter->rate[i] < 1e-12)	/* what rounding left of nothing */
			meter->rate[i] = 0;
	}
	__atomic_add_fetch(&meter->sequence, 1, __ATOMIC_SEQ_CST);
}

void sim_meters_op(const struct sim_op *op, bool starts, uint64_t now_ns)
{
	int sign = starts ? 1 : -1;

	if (!page || op->is_failed)
		return;
	if (op->task.kind == SIM_TASK_KERNEL || op->task.kind == SIM_TASK_SET) {
		meter_change(op, op->context->device, sign, now_ns);
	} else if (op->task.kind == SIM_TASK_COPY) {
		struct sim_device *source = op->task.copy.source_device;
		struct sim_device *destination = op->task.copy.destination_device;

		meter_change(op, source, sign, now_ns);
		if (destination != source)
			meter_change(op, destination, sign, now_ns);
	}
}

/* What still ran when the program ended runs no more. */
void sim_meters_end(void)
{
	for (int i = 0; page && i < sim_device_count; i++) {
		struct sim_meter *meter = sim_devices[i].meter;

		if (!meter)
			continue;
		__atomic_add_fetch(&meter->sequence, 1, __ATOMIC_SEQ_CST);
		meter_settle(meter, sim_now_ns());
		memset(meter->rate, 0, sizeof(meter->rate));
		meter->used_bytes = 0;
		__atomic_add_fetch(&meter->sequence, 1, __ATOMIC_SEQ_CST);
	}
}

/* In a forked child: the slots are the parent's. */
void sim_meters_forget(void)
{
	page = NULL;
	for (int i = 0; i < sim_device_count; i++)
		sim_devices[i].meter = NULL;
}
