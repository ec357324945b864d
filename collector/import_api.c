/* SPDX-License-Identifier: Apache-2.0 */
/* Names of calls: what they are about, and what GPU work to expect of them. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/import_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define APIS_MAX 65536
#define NAME_MAX_BYTES 256

/* First match counts. The names of the runtime have no table of their own. */
static const struct {
	const char *part, *category;
	enum import_class class;
} patterns[] = {
	{ "GraphLaunch", "GRAPH_LAUNCH", CLASS_GRAPH },
	{ "LaunchHostFunc", "LAUNCH_HOST", CLASS_OTHER },
	{ "Launch", "LAUNCH_KERNEL", CLASS_LAUNCH },
	{ "GraphInstantiate", "GRAPH_INSTANTIATE", CLASS_OTHER },
	{ "Graph", "GRAPH_BUILD", CLASS_OTHER },
	{ "Capture", "CAPTURE", CLASS_OTHER },
	{ "MemcpyNode", "GRAPH_BUILD", CLASS_OTHER },
	{ "Memcpy", "COPY", CLASS_COPY },
	{ "Memset", "SET", CLASS_COPY },
	{ "Synchronize", "SYNC", CLASS_OTHER },
	{ "WaitEvent", "SYNC", CLASS_OTHER },
	{ "EventRecord", "EVENT_RECORD", CLASS_OTHER },
	{ "Event", "EVENT", CLASS_OTHER },
	{ "MallocAsync", "ALLOC_ASYNC", CLASS_OTHER },
	{ "FreeAsync", "ALLOC_ASYNC", CLASS_OTHER },
	{ "MallocHost", "HOST_MEM", CLASS_OTHER },
	{ "HostAlloc", "HOST_MEM", CLASS_OTHER },
	{ "HostRegister", "HOST_MEM", CLASS_OTHER },
	{ "FreeHost", "HOST_MEM", CLASS_OTHER },
	{ "MallocManaged", "ALLOC_MANAGED", CLASS_OTHER },
	{ "MemPool", "MEMPOOL", CLASS_OTHER },
	{ "Malloc", "ALLOC", CLASS_OTHER },
	{ "Free", "FREE", CLASS_OTHER },
	{ "Occupancy", "OCCUPANCY", CLASS_OTHER },
	{ "FuncGetAttributes", "FUNC_ATTR", CLASS_OTHER },
	{ "FuncSetAttribute", "FUNC_ATTR", CLASS_OTHER },
	{ "StreamCreate", "STREAM_LIFE", CLASS_OTHER },
	{ "StreamDestroy", "STREAM_LIFE", CLASS_OTHER },
	{ "Stream", "STREAM_QUERY", CLASS_OTHER },
	{ "Device", "DEVICE_QUERY", CLASS_OTHER },
	{ "Ipc", "IPC", CLASS_OTHER },
	{ "Module", "MODULE", CLASS_OTHER },
	{ "Library", "LIBRARY", CLASS_OTHER },
	{ "Profiler", "PROFILER", CLASS_OTHER },
};

static const char *driver_category(const char *name)
{
	static const struct {
		const char *name, *category;
	} driver[] = {
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args)                   \
	{ #symbol, #category },
#include "driver/driver_api.def"
#undef API
	};

	for (size_t i = 0; i < sizeof(driver) / sizeof(driver[0]); i++)
		if (!strcmp(driver[i].name, name))
			return driver[i].category;
	return NULL;
}

/* nsys names the version in which a call came: cudaLaunchKernel_v7000, also _ptsz_v7000. */
static size_t name_length(const char *name)
{
	size_t length = strlen(name), digits = length;

	if (length >= NAME_MAX_BYTES)
		return NAME_MAX_BYTES - 1;
	while (digits && isdigit((unsigned char)name[digits - 1]))
		digits--;
	if (length - digits >= 4 && digits > 2 && !strncmp(name + digits - 2, "_v", 2))
		return digits - 2;
	return length;
}

static const char *category_of(const char *name)
{
	const char *category = driver_category(name);

	for (size_t i = 0; !category && i < sizeof(patterns) / sizeof(patterns[0]); i++)
		if (strstr(name, patterns[i].part))
			category = patterns[i].category;
	return category ? category : "OTHER";
}

struct import_api *import_api(struct import *im, const char *name)
{
	size_t length = name_length(name);
	struct import_api *api;

	HASH_FIND(hh, im->apis, name, length, api);
	if (api)
		return api;
	if (im->api_count >= APIS_MAX || !array_reserve(&im->api_list, &im->api_capacity,
							im->api_count + 1, sizeof(api)))
		return NULL;
	api = calloc(1, sizeof(*api) + length + 1);
	if (!api)
		return NULL;
	memcpy(api->name, name, length);
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		if (strstr(api->name, patterns[i].part)) {
			api->class = patterns[i].class;
			break;
		}
	api->id = ++im->api_count;
	im->api_list[api->id] = api;
	HASH_ADD_KEYPTR(hh, im->apis, api->name, length, api);
	return api;
}

bool import_api_write(struct import *im)
{
	for (uint32_t i = 1; i <= im->api_count; i++) {
		struct import_api *api = im->api_list[i];

		database_run(im->db, "INSERT INTO api VALUES (?,?,?)", "itt", (int64_t)api->id,
			     api->name, category_of(api->name));
	}
	return !database_error(im->db);
}
