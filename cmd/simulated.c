/* SPDX-License-Identifier: Apache-2.0 */
/* What `record --sim` knows of the simulated driver: see simulated.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/simulated.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collector/nvml.h"

bool simulated_is_known(const char *device)
{
#define PROFILE(key, ...)			\
	if (!strcasecmp(device, #key))		\
		return true;
#include "simcuda/profiles.def"
#undef PROFILE
	return !*device;
}

#define PROFILE(key, ...) " " #key
const char simulated_devices[] =
#include "simcuda/profiles.def"
	;
#undef PROFILE

/* It lives as long as we do: nothing is left behind. */
void simulated_meters(void)
{
	char path[64];
	int file;

	if (getenv("SIMCUDA_METERS"))
		return;
	file = memfd_create("simcuda-meters", MFD_CLOEXEC);
	if (file < 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), file);
	setenv("SIMCUDA_METERS", path, 1);
}

const char *simulated_nvml(const char *sim_dir, char *path, size_t path_bytes)
{
	snprintf(path, path_bytes, "%s/%s", sim_dir, NVML_LIBRARY);
	return path;
}
