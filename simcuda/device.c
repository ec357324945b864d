/* SPDX-License-Identifier: Apache-2.0 */
/* Start-up of the simulated driver: environment, devices, and cuInit. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "simcuda/core.h"
#include "simcuda/meters.h"

#define MIB ((uint64_t)1 << 20)

static const struct sim_profile profiles[] = {
#define PROFILE(key, name, major, minor, sms, mib, threads, blocks, registers, shared_sm,	\
		shared_block, optin, reserved, clock, memory_clock, bus, l2, engines, tflops, hbm,	\
		pcie, nvlink, pci)								\
	{ #key, name, major, minor, sms, (mib) * MIB, threads, blocks, registers, shared_sm,	\
	  shared_block, optin, reserved, clock, memory_clock, bus, l2, engines, tflops, hbm,	\
	  pcie, nvlink, pci },
#include "simcuda/profiles.def"
#undef PROFILE
};

struct sim_device sim_devices[SIM_DEVICES_MAX];
int sim_device_count;
int sim_driver_version = SIM_DRIVER_VERSION_DEFAULT;
pthread_mutex_t sim_lock = PTHREAD_MUTEX_INITIALIZER;
atomic_int sim_is_ready;

static struct sim_profile chosen_profile;
static pthread_once_t init_once = PTHREAD_ONCE_INIT;
static pthread_once_t version_once = PTHREAD_ONCE_INIT;
static CUresult init_result = CUDA_ERROR_NOT_INITIALIZED;

long sim_environment_number(const char *name, long fallback)
{
	const char *text = getenv(name);
	char *end;
	long number;

	if (!text || !*text)
		return fallback;
	errno = 0;
	number = strtol(text, &end, 10);
	if (errno || *end) {
		fprintf(stderr, "simcuda: %s=%s is not a whole number; using %ld\n", name, text,
			fallback);
		return fallback;
	}
	return number;
}

struct sim_device *sim_device_get(CUdevice ordinal)
{
	return ordinal >= 0 && ordinal < sim_device_count ? &sim_devices[ordinal] : NULL;
}

static const struct sim_profile *profile_by_key(const char *key)
{
	for (size_t i = 0; i < ARRAY_COUNT(profiles); i++)
		if (strcasecmp(profiles[i].key, key) == 0)
			return &profiles[i];
	return NULL;
}

static CUresult choose_profile(void)
{
	const char *key = getenv("SIMCUDA_DEVICE");
	const struct sim_profile *profile = profile_by_key(key && *key ? key : "H200");
	long memory_mib = sim_environment_number("SIMCUDA_MEM_MB", 0);

	if (!profile) {
		fprintf(stderr, "simcuda: SIMCUDA_DEVICE=%s is no device known here; choose one of",
			key);
		for (size_t i = 0; i < ARRAY_COUNT(profiles); i++)
			fprintf(stderr, " %s", profiles[i].key);
		fputc('\n', stderr);
		return CUDA_ERROR_NO_DEVICE;
	}
	chosen_profile = *profile;
	if (memory_mib > 0)
		chosen_profile.memory_bytes = (uint64_t)memory_mib * MIB;
	return CUDA_SUCCESS;
}

static void add_device(int physical)
{
	struct sim_device *device = &sim_devices[sim_device_count];

	device->ordinal = sim_device_count++;
	device->physical = physical;
	device->profile = &chosen_profile;
}

/* Is the physical device visible already? Naming one twice hides all, as on real hardware. */
static bool is_visible(int physical)
{
	for (int i = 0; i < sim_device_count; i++)
		if (sim_devices[i].physical == physical)
			return true;
	return false;
}

/* An entry of CUDA_VISIBLE_DEVICES: an index or a (possibly shortened) "GPU-..." uuid. -1: none. */
static int physical_named(const char *entry, int count)
{
	char *end;
	long index = strtol(entry, &end, 10);

	if (end != entry && !*end)
		return index >= 0 && index < count ? (int)index : -1;
	for (int i = 0; i < count; i++) {
		char uuid[48];

		sim_uuid_text("GPU", i, uuid, sizeof(uuid));
		if (strlen(entry) > strlen("GPU-") && strncasecmp(uuid, entry, strlen(entry)) == 0)
			return i;
	}
	return -1;
}

/* The list ends at its first entry that names nothing. */
static void add_visible_devices(const char *list, int count)
{
	char copy[1024], *rest = copy;

	snprintf(copy, sizeof(copy), "%s", list);
	for (char *entry = strsep(&rest, ","); entry; entry = strsep(&rest, ",")) {
		int physical;

		entry += strspn(entry, " ");
		entry[strcspn(entry, " ")] = 0;
		physical = physical_named(entry, count);
		if (physical < 0)
			return;
		if (is_visible(physical)) {
			sim_device_count = 0;
			return;
		}
		add_device(physical);
	}
}

static void read_version(void)
{
	sim_driver_version = (int)sim_environment_number("SIMCUDA_DRIVER_VERSION",
							 SIM_DRIVER_VERSION_DEFAULT);
}

/* CUDA does not survive a fork: the child's calls fail, as with the real driver. */
static void forget_in_child(void)
{
	atomic_store(&sim_is_ready, 0);
	init_result = CUDA_ERROR_NOT_INITIALIZED;
}

static void init(void)
{
	const char *visible = getenv("CUDA_VISIBLE_DEVICES");
	long count = sim_environment_number("SIMCUDA_DEVICES", 1);

	if (count < 0 || count > SIM_DEVICES_MAX) {
		fprintf(stderr, "simcuda: SIMCUDA_DEVICES=%ld is out of range 0..%d; using %d\n", count,
			SIM_DEVICES_MAX, SIM_DEVICES_MAX);
		count = SIM_DEVICES_MAX;
	}
	init_result = choose_profile();
	if (init_result != CUDA_SUCCESS)
		return;
	if (visible)
		add_visible_devices(visible, (int)count);
	else
		for (int i = 0; i < count; i++)
			add_device(i);
	if (sim_device_count == 0)
		init_result = CUDA_ERROR_NO_DEVICE;
	for (int i = 0; i < sim_device_count && init_result == CUDA_SUCCESS; i++)
		init_result = sim_pools_open(&sim_devices[i]);
	if (init_result != CUDA_SUCCESS)
		return;
	pthread_atfork(NULL, NULL, forget_in_child);
	sim_host_cost("init", 2000000);
	atomic_store(&sim_is_ready, 1);
}

IMPL(cuInit)(unsigned int Flags)
{
	CUresult result;

	if (Flags != 0)
		return CUDA_ERROR_INVALID_VALUE;
	if (sim_fault("init", &result))
		return result;
	pthread_once(&version_once, read_version);
	pthread_once(&init_once, init);
	return init_result;
}

IMPL(cuDriverGetVersion)(int *driverVersion)
{
	if (!driverVersion)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_once(&version_once, read_version);
	*driverVersion = sim_driver_version;
	return CUDA_SUCCESS;
}
