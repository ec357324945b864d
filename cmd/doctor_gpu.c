/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of what records GPU work: shim, driver, CUPTI, simulator. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/doctor.h"

#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"

void doctor_shim(struct doctor *doctor, struct finding *finding)
{
	char path[PATH_MAX];

	(void)doctor;
	if (own_file(FILE_SHIM, path, sizeof(path)) < 0) {
		found(finding, DOCTOR_FAIL, "libprofile.so is not at %.400s", path);
		advise(finding, "install gputrail again, or run 'make' in its build folder");
		return;
	}
	found(finding, DOCTOR_OK, "%.500s", path);
}

/* The loader reports a preload that it refuses on stderr and goes on without it. */
void doctor_preload(struct doctor *doctor, struct finding *finding)
{
	static const char *const command[] = { "/bin/true", NULL };
	const char *other = getenv("LD_PRELOAD");
	char path[PATH_MAX], answer[256];

	(void)doctor;
	if (own_file(FILE_SHIM, path, sizeof(path)) < 0) {
		found(finding, DOCTOR_FAIL, "not tried: the shim is missing");
		return;
	}
	if (probe_command(command, path, answer, sizeof(answer)) < 0 || answer[0]) {
		found(finding, DOCTOR_FAIL, "/bin/true does not run with the shim: %s", answer);
		advise(finding, "the program and the shim must be of one architecture, and the "
		       "folder must not be mounted noexec");
		return;
	}
	if (other && other[0]) {
		found(finding, DOCTOR_WARN, "works; LD_PRELOAD is already set: %.400s", other);
		advise(finding, "the libraries in it are loaded after the shim; unset it if the "
		       "program misbehaves");
		return;
	}
	found(finding, DOCTOR_OK, "works; setuid programs and static executables without libc "
	      "cannot be recorded");
}

/* "VERSION PATH" of a driver library. */
static int probe_driver(const void *name, char *out, size_t bytes)
{
	void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	int (*get_version)(int *version);
	struct link_map *map = NULL;
	int version = 0;

	if (!library) {
		snprintf(out, bytes, "%s", dlerror());
		return -1;
	}
	*(void **)&get_version = dlsym(library, "cuDriverGetVersion");
	if (get_version)
		get_version(&version);
	dlinfo(library, RTLD_DI_LINKMAP, &map);
	snprintf(out, bytes, "%d %s", version, map ? map->l_name : "");
	return get_version ? 0 : -1;
}

void doctor_driver(struct doctor *doctor, struct finding *finding)
{
	char answer[512];
	char *path = NULL;

	if (probe_run(probe_driver, "libcuda.so.1", answer, sizeof(answer)) < 0) {
		found(finding, DOCTOR_WARN, "none: %.400s", answer);
		advise(finding, "real GPUs cannot be used here; 'gputrail record --sim' and "
		       "'gputrail demo' use the simulated one. In a container, start it with "
		       "--gpus all");
		return;
	}
	doctor->has_driver = true;
	doctor->cuda_version = (int)strtol(answer, &path, 10);
	found(finding, DOCTOR_OK, "CUDA %d.%d,%.400s", doctor->cuda_version / 1000,
	      doctor->cuda_version % 1000 / 10, path);
	if (doctor->cuda_version < 11000) {
		finding->state = DOCTOR_WARN;
		advise(finding, "drivers before CUDA 11 are not tested");
	}
}

/* Devices by name; initialises the driver, which may take seconds and a context's memory. */
static int probe_devices(const void *name, char *out, size_t bytes)
{
	void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	int (*init)(unsigned flags), (*get_count)(int *count), (*get_name)(char *, int, int);
	int count = 0, result;
	size_t used = 0;

	if (!library)
		return -1;
	*(void **)&init = dlsym(library, "cuInit");
	*(void **)&get_count = dlsym(library, "cuDeviceGetCount");
	*(void **)&get_name = dlsym(library, "cuDeviceGetName");
	if (!init || !get_count || !get_name)
		return -1;
	result = init(0);
	if (result) {
		snprintf(out, bytes, "cuInit returned error %d", result);
		return -1;
	}
	get_count(&count);
	used = (size_t)snprintf(out, bytes, "%d:", count);
	for (int i = 0; i < count && used + 120 < bytes; i++) {
		char text[100] = "?";

		get_name(text, sizeof(text), i);
		used += (size_t)snprintf(out + used, bytes - used, " %s%s", text,
					 i + 1 < count ? "," : "");
	}
	return 0;
}

static int count_entries(const char *folder)
{
	DIR *dir = opendir(folder);
	int count = 0;

	if (!dir)
		return 0;
	for (struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

void doctor_gpu(struct doctor *doctor, struct finding *finding)
{
	int listed = count_entries("/proc/driver/nvidia/gpus");
	char answer[512];

	if (doctor->ask_gpu && doctor->has_driver) {
		if (probe_run(probe_devices, "libcuda.so.1", answer, sizeof(answer)) < 0) {
			found(finding, DOCTOR_WARN, "%.400s", answer);
			advise(finding, "no CUDA program runs here; see the kernel log");
		} else {
			found(finding, answer[0] == '0' ? DOCTOR_WARN : DOCTOR_OK, "%.500s",
			      answer);
		}
		return;
	}
	if (!listed) {
		found(finding, DOCTOR_WARN, "no NVIDIA GPU in /proc/driver/nvidia/gpus");
		advise(finding, "'gputrail record --sim' needs none");
		return;
	}
	if (access("/dev/nvidiactl", R_OK | W_OK) < 0) {
		found(finding, DOCTOR_WARN, "%d, but /dev/nvidiactl cannot be opened", listed);
		advise(finding, "add yourself to the group that owns it, or pass the device into "
		       "the container");
		return;
	}
	found(finding, DOCTOR_OK, "%d; --gpu asks the driver for their names", listed);
}

static const char *const cupti_names[] = {
	"libcupti.so.13", "libcupti.so.12", "libcupti.so.11.8", "libcupti.so",
};
static const char *const cupti_folders[] = {
	"", "/usr/local/cuda/extras/CUPTI/lib64/", "/usr/local/cuda/lib64/",
	"/opt/cuda/extras/CUPTI/lib64/",
};

/* "VERSION PATH" of the first CUPTI that loads, looked for where the shim looks. */
static int probe_cupti(const void *arg, char *out, size_t bytes)
{
	const char *chosen = arg;
	size_t tries = *chosen ? 1 : sizeof(cupti_names) / sizeof(*cupti_names) *
		sizeof(cupti_folders) / sizeof(*cupti_folders);

	for (size_t i = 0; i < tries; i++) {
		char path[PATH_MAX];
		int (*get_version)(uint32_t *version);
		struct link_map *map = NULL;
		uint32_t version = 0;
		void *library;

		snprintf(path, sizeof(path), "%s%s", *chosen ? "" : cupti_folders[i / 4],
			 *chosen ? chosen : cupti_names[i % 4]);
		library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		if (!library)
			continue;
		*(void **)&get_version = dlsym(library, "cuptiGetVersion");
		if (!get_version || get_version(&version))
			continue;
		dlinfo(library, RTLD_DI_LINKMAP, &map);
		snprintf(out, bytes, "%u %s", version, map ? map->l_name : path);
		return 0;
	}
	return -1;
}

/* CUDA release of a cuptiGetVersion value, as 1000 * major + 10 * minor; 0 not known. */
static int cupti_release(unsigned version)
{
	static const struct { unsigned version; int release; } releases[] = {
		{ 14, 11040 }, { 16, 11050 }, { 17, 11070 }, { 18, 11080 }, { 20, 12020 },
		{ 21, 12030 }, { 22, 12040 }, { 23, 12050 }, { 24, 12060 }, { 26, 12080 },
		{ 27, 12090 }, { 28, 12090 },
	};

	if (version >= 130000)
		return (int)(version / 10000 * 1000 + version / 100 % 100 * 10);
	for (size_t i = 0; i < sizeof(releases) / sizeof(*releases); i++)
		if (releases[i].version == version)
			return releases[i].release;
	return 0;
}

void doctor_cupti(struct doctor *doctor, struct finding *finding)
{
	const char *chosen = getenv("GPUTRAIL_CUPTI");
	char answer[512], *path = NULL;
	int release;

	chosen = chosen ? chosen : "";
	if (!strcmp(chosen, "off")) {
		found(finding, DOCTOR_WARN, "switched off by GPUTRAIL_CUPTI=off");
		advise(finding, "unset it to get GPU times");
		return;
	}
	if (probe_run(probe_cupti, chosen, answer, sizeof(answer)) < 0) {
		found(finding, DOCTOR_WARN, "not found%s%.300s", *chosen ? " at " : "", chosen);
		advise(finding, "%s", doctor->has_driver
		       ? "without it there are no GPU times, unless the program brings its own as "
			 "PyTorch does; install cuda-cupti or set GPUTRAIL_CUPTI to its path"
		       : "--sim brings its own");
		return;
	}
	release = cupti_release((unsigned)strtoul(answer, &path, 10));
	found(finding, DOCTOR_OK, "version %.*s (CUDA %d.%d),%.400s", (int)(path - answer), answer,
	      release / 1000, release % 1000 / 10, path);
	if (doctor->cuda_version && release / 1000 > doctor->cuda_version / 1000) {
		finding->state = DOCTOR_WARN;
		advise(finding, "it is newer than the driver (CUDA %d.%d), which then refuses it: "
		       "set GPUTRAIL_CUPTI to one of CUDA %d", doctor->cuda_version / 1000,
		       doctor->cuda_version % 1000 / 10, doctor->cuda_version / 1000);
	}
}

void doctor_simulator(struct doctor *doctor, struct finding *finding)
{
	char folder[PATH_MAX], path[PATH_MAX + 16], answer[512];

	if (own_file(FILE_SIM_DIR, folder, sizeof(folder)) < 0) {
		found(finding, DOCTOR_WARN, "not at %.400s", folder);
		advise(finding, "--sim and 'gputrail demo' will not work; install gputrail again");
		return;
	}
	snprintf(path, sizeof(path), "%s/libcuda.so.1", folder);
	if (probe_run(probe_driver, path, answer, sizeof(answer)) < 0) {
		found(finding, DOCTOR_WARN, "its driver does not load: %.400s", answer);
		advise(finding, "--sim and 'gputrail demo' will not work; install gputrail again");
		return;
	}
	doctor->has_simulator = true;
	found(finding, DOCTOR_OK, "%.500s", folder);
}

void doctor_counters(struct doctor *doctor, struct finding *finding)
{
	FILE *file = fopen("/proc/driver/nvidia/params", "re");
	char line[256];
	int restricted = -1;

	(void)doctor;
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "RmProfilingAdminOnly:", 21))
			restricted = atoi(line + 21);
	if (file)
		fclose(file);
	if (restricted < 0)
		found(finding, DOCTOR_OK, "no NVIDIA kernel module; nothing to restrict");
	else if (restricted && geteuid() != 0)
		found(finding, DOCTOR_OK, "for administrators only (RmProfilingAdminOnly=1); "
		      "recording times needs none");
	else
		found(finding, DOCTOR_OK, "allowed");
}
