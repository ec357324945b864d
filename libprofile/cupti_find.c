/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds a CUPTI that fits this process. A copy that is loaded already comes first, since two
 * copies have state of their own; then those that belong to the CUDA libraries the process uses;
 * then what the system has.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/cupti.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include "libprofile/env.h"

struct cupti cupti;

/* Newest first; one that is newer than the driver refuses every call. */
static const struct { const char *name; int since; } names[] = {
	{ "libcupti.so.13", 13000 }, { "libcupti.so.12", 12000 }, { "libcupti.so.11.8", 11080 },
	{ "libcupti.so", 0 },
};
#define NAMES (sizeof(names) / sizeof(names[0]))

/* Where wheels and toolkits keep CUPTI, seen from a library the process has loaded. */
static const struct { const char *library, *folder; } neighbours[] = {
	{ "libcudart.so", "" },
	{ "libcudart.so", "../../cuda_cupti/lib/" },
	{ "libcudart.so", "../extras/CUPTI/lib64/" },
	{ "libtorch_cuda.so", "../../nvidia/cuda_cupti/lib/" },
	{ "libtorch_cuda.so", "../../nvidia/cu13/lib/" },
	{ "libcuda.so", "" },
};
#define NEIGHBOURS (sizeof(neighbours) / sizeof(neighbours[0]))

static const char *const folders[] = {
	"", "/usr/local/cuda/extras/CUPTI/lib64/", "/usr/local/cuda/lib64/",
	"/opt/cuda/extras/CUPTI/lib64/",
};
#define FOLDERS (sizeof(folders) / sizeof(folders[0]))

static bool is_loadable(void)
{
#define NEED(function) (*(void **)&cupti.function = \
			real_dlsym(cupti.handle, "cupti" #function)) != NULL
	*(void **)&cupti.GetGraphNodeId = real_dlsym(cupti.handle, "cuptiGetGraphNodeId");
	*(void **)&cupti.ActivityRegisterTimestampCallback =
		real_dlsym(cupti.handle, "cuptiActivityRegisterTimestampCallback");
	*(void **)&cupti.Subscribe_v2 = real_dlsym(cupti.handle, "cuptiSubscribe_v2");
	return NEED(GetVersion) && NEED(Subscribe) && NEED(Unsubscribe) && NEED(EnableCallback) &&
		NEED(ActivityRegisterCallbacks) && NEED(ActivityEnable) && NEED(ActivityDisable) &&
		NEED(ActivityGetNextRecord) && NEED(ActivityGetNumDroppedRecords) &&
		NEED(ActivityFlushAll) && NEED(ActivitySetAttribute) &&
		!cupti.GetVersion(&cupti.version);
#undef NEED
}

static bool open_library(const char *path, int mode)
{
	cupti.handle = real_dlopen(path, RTLD_NOW | RTLD_LOCAL | mode);
	if (!cupti.handle) {
		dlerror();
		return false;
	}
	if (is_loadable())
		return true;
	dlerror();
	cupti_close();
	return false;
}

void cupti_close(void)
{
	if (cupti.handle)
		dlclose(cupti.handle);
	memset(&cupti, 0, sizeof(cupti));
}

/* A minor release of its own major is worth a try with an older driver; a major is not. */
static bool fits_driver(unsigned name)
{
	int version = process.control->cuda_version;

	return !version || names[name].since / 1000 <= version / 1000;
}

struct by_name {
	const char *name;
	struct object *object;
};

static int find_by_name(struct dl_phdr_info *info, size_t size, void *data)
{
	const struct by_name *want = data;

	(void)size;
	if (!info->dlpi_name ||
	    strncmp(util_basename(info->dlpi_name), want->name, strlen(want->name)))
		return 0;
	object_fill(info, 0, want->object);
	return 1;
}

static bool open_neighbour(unsigned row, unsigned name)
{
	struct object object;
	struct by_name want = { neighbours[row].library, &object };
	char path[1024];
	size_t at;

	if (dl_iterate_phdr(find_by_name, &want) != 1 || !strchr(object.path, '/'))
		return false;
	at = (size_t)(util_basename(object.path) - object.path);
	util_append(path, 0, sizeof(path), object.path);
	at = util_append(path, at, sizeof(path), neighbours[row].folder);
	util_append(path, at, sizeof(path), names[name].name);
	return open_library(path, 0);
}

static bool open_in_folder(unsigned row, unsigned name)
{
	char path[256];
	size_t at = util_append(path, 0, sizeof(path), folders[row]);

	util_append(path, at, sizeof(path), names[name].name);
	return open_library(path, 0);
}

static bool open_loaded(void)
{
	struct object object;
	struct by_name want = { "libcupti.so", &object };

	return dl_iterate_phdr(find_by_name, &want) == 1 && open_library(object.path, RTLD_NOLOAD);
}

/* Each call goes on where the last one stopped. */
bool cupti_open_next(struct cupti_search *search)
{
	const char *chosen = env_get(ENV_GPUTRAIL_CUPTI);
	unsigned row, name;

	if (!search->step++) {
		if (*chosen)
			return open_library(chosen, 0);
		if (open_loaded())
			return true;
	}
	if (*chosen)
		return false;
	while (search->detail < (NEIGHBOURS + FOLDERS) * NAMES) {
		row = search->detail / NAMES;
		name = search->detail++ % NAMES;
		if (!fits_driver(name))
			continue;
		if (row < NEIGHBOURS ? open_neighbour(row, name) :
		    open_in_folder(row - NEIGHBOURS, name))
			return true;
	}
	return false;
}
