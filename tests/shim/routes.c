/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to reach the driver from a program that is not linked to it:
 *	dlsym | dlvsym | deepbind | default | indirect
 *	getproc | getproc-v1 | getproc-self | getproc-newer
 *	plugin PATH | plugin-deepbind PATH
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

#include "tests/shim/launch3.h"

static void *handle;
static CUresult (*get)(const char *, void **, int, cuuint64_t);
static CUresult (*get_v2)(const char *, void **, int, cuuint64_t, CUdriverProcAddressQueryResult *);
static void *(*own_dlsym)(void *, const char *);

static void *by_dlsym(const char *name)
{
	return dlsym(handle, name);
}

static void *by_dlvsym(const char *name)
{
	void *address = dlvsym(handle, name, "NO_SUCH_VERSION");

	return address ? address : dlsym(handle, name);
}

static void *by_default(const char *name)
{
	return dlsym(RTLD_DEFAULT, name);
}

static void *by_own_dlsym(const char *name)
{
	return own_dlsym(handle, name);
}

static void *by_get(const char *name)
{
	void *address = NULL;

	return get(name, &address, 11030, 0) ? NULL : address;
}

static int version = 13000;

static void *by_get_v2(const char *name)
{
	void *address = NULL;

	return get_v2(name, &address, version, 0, NULL) ? NULL : address;
}

static void *find_getters(const char *how)
{
	void *address = NULL;

	*(void **)&get = dlsym(handle, "cuGetProcAddress");
	*(void **)&get_v2 = dlsym(handle, "cuGetProcAddress_v2");
	NEED(get && get_v2);
	if (!strcmp(how, "getproc-self")) {
		NEED(!get_v2("cuGetProcAddress", &address, 11030, 0, NULL) && address);
		*(void **)&get = address;
		NEED(!get("cuGetProcAddress", &address, 12000, 0) && address);
		*(void **)&get_v2 = address;
	}
	return address;
}

static void run_plugin(const char *path, int mode)
{
	void *plugin = dlopen(path, RTLD_NOW | mode);
	void (*run)(void);

	if (!plugin)
		fprintf(stderr, "%s\n", dlerror());
	NEED(plugin);
	*(void **)&run = dlsym(plugin, "plugin_run");
	NEED(run);
	run();
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	bool is_global = !strcmp(how, "default");
	bool is_deep = !strcmp(how, "deepbind");
	struct driver driver;

	if (!strncmp(how, "plugin", 6)) {
		NEED(argc == 3);
		run_plugin(argv[2], strcmp(how, "plugin") ? RTLD_DEEPBIND : RTLD_LOCAL);
		return 0;
	}
	handle = dlopen("libcuda.so.1", RTLD_LAZY | (is_global ? RTLD_GLOBAL : RTLD_LOCAL) |
			(is_deep ? RTLD_DEEPBIND : 0));
	NEED(handle);
	if (!strcmp(how, "dlsym") || is_deep) {
		LAUNCH3_FILL(&driver, by_dlsym);
	} else if (!strcmp(how, "dlvsym")) {
		LAUNCH3_FILL(&driver, by_dlvsym);
	} else if (is_global) {
		LAUNCH3_FILL(&driver, by_default);
	} else if (!strcmp(how, "indirect")) {
		*(void **)&own_dlsym = dlsym(dlopen("libc.so.6", RTLD_LAZY), "dlsym");
		NEED(own_dlsym);
		LAUNCH3_FILL(&driver, by_own_dlsym);
	} else {
		find_getters(how);
		if (!strcmp(how, "getproc-newer"))
			version = 13020;
		if (!strcmp(how, "getproc-v1"))
			LAUNCH3_FILL(&driver, by_get);
		else
			LAUNCH3_FILL(&driver, by_get_v2);
	}
	launch3(&driver);
	return 0;
}
