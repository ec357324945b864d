/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that opens the driver and looks its functions up. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <dlfcn.h>

#include "tests/shim/launch3.h"

static void *handle;

static void *find(const char *name)
{
	return dlsym(handle, name);
}

__attribute__((visibility("default"))) void plugin_run(void);
void plugin_run(void)
{
	struct driver driver;

	handle = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
	NEED(handle);
	LAUNCH3_FILL(&driver, find);
	launch3(&driver);
}
