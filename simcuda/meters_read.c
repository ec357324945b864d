/* SPDX-License-Identifier: Apache-2.0 */
/* The reading side of meters.h, for the simulated NVML and CUPTI in any process. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/meters.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const struct sim_meters *page;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

const struct sim_meters *sim_meters_page(void)
{
	const char *path = getenv("SIMCUDA_METERS");
	struct stat status;
	void *mapped = MAP_FAILED;
	int file;

	if (!page && path && (file = open(path, O_RDONLY | O_CLOEXEC)) >= 0) {
		if (fstat(file, &status) == 0 && status.st_size >= (off_t)sizeof(*page))
			mapped = mmap(NULL, sizeof(*page), PROT_READ, MAP_SHARED, file, 0);
		close(file);
		page = mapped == MAP_FAILED ? NULL : mapped;
	}
	return page && __atomic_load_n(&page->magic, __ATOMIC_ACQUIRE) == SIM_METERS_MAGIC ? page : NULL;
}

static struct sim_meter slot_read(const struct sim_meter *slot)
{
	struct sim_meter copy;
	uint32_t before;

	do {
		before = __atomic_load_n(&slot->sequence, __ATOMIC_ACQUIRE);
		memcpy(&copy, slot, sizeof(copy));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (before & 1 || before != __atomic_load_n(&slot->sequence, __ATOMIC_ACQUIRE));
	return copy;
}

static bool is_alive(int32_t pid)
{
	return kill(pid, 0) == 0 || errno != ESRCH;
}

struct sim_reading sim_meters_read(int device, uint64_t *used_bytes)
{
	struct sim_reading reading = { now_ns(), { 0 } };
	const struct sim_meters *meters = sim_meters_page();

	*used_bytes = 0;
	for (int i = 0; meters && i < SIM_METER_SLOTS && meters->slots[i].pid; i++) {
		struct sim_meter slot;

		if (meters->slots[i].device != device)
			continue;
		slot = slot_read(&meters->slots[i]);
		for (int m = 0; m < SIM_METERS; m++) {
			reading.sum[m] += slot.sum[m];
			if (reading.time_ns > slot.time_ns && is_alive(slot.pid))
				reading.sum[m] += sim_meter_capped(m, slot.rate[m]) *
						  (double)(reading.time_ns - slot.time_ns);
		}
		if (is_alive(slot.pid))
			*used_bytes += slot.used_bytes;
	}
	return reading;
}

double sim_reading_rate(const struct sim_reading *from, const struct sim_reading *to, int meter)
{
	double moved = to->sum[meter] - from->sum[meter];

	return moved > 0 ? sim_meter_capped(meter, moved / (double)(to->time_ns - from->time_ns)) : 0;
}
