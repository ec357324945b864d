/* SPDX-License-Identifier: Apache-2.0 */
/* Three launches through given functions: the load of every case of the table of routes. */
#ifndef GPUTRAIL_TESTS_SHIM_LAUNCH3_H
#define GPUTRAIL_TESTS_SHIM_LAUNCH3_H

#include "tests/shim/app.h"

struct driver {
	CUresult (*init)(unsigned);
	CUresult (*retain)(CUcontext *, CUdevice);
	CUresult (*set_current)(CUcontext);
	CUresult (*load)(CUmodule *, const void *);
	CUresult (*get_function)(CUfunction *, CUmodule, const char *);
	CUresult (*launch)(CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
			   unsigned, CUstream, void **, void **);
};

/* Whatever the driver takes as a module with a kernel of this name. */
static const char launch3_image[] =
	".version 7.0\n.target sm_70\n.address_size 64\n"
	".visible .entry kernel3()\n{\n\tret;\n}\n";

static inline void launch3(const struct driver *driver)
{
	CUfunction function;
	CUmodule module;
	CUcontext context;

	NEED(driver->init && driver->retain && driver->set_current && driver->load &&
	     driver->get_function && driver->launch);
	NEED(!driver->init(0));
	NEED(!driver->retain(&context, 0));
	NEED(!driver->set_current(context));
	NEED(!driver->load(&module, launch3_image));
	NEED(!driver->get_function(&function, module, "kernel3"));
	for (unsigned i = 1; i <= 3; i++)
		NEED(!driver->launch(function, i, 2, 1, 32, 1, 1, 64, NULL, NULL, NULL));
}

/* The functions by name, through `find`. */
#define LAUNCH3_FILL(driver, find) do {							\
	*(void **)&(driver)->init = find("cuInit");					\
	*(void **)&(driver)->retain = find("cuDevicePrimaryCtxRetain");			\
	*(void **)&(driver)->set_current = find("cuCtxSetCurrent");			\
	*(void **)&(driver)->load = find("cuModuleLoadData");				\
	*(void **)&(driver)->get_function = find("cuModuleGetFunction");		\
	*(void **)&(driver)->launch = find("cuLaunchKernel");				\
} while (0)

#define LAUNCH3_LINKED { cuInit, cuDevicePrimaryCtxRetain, cuCtxSetCurrent, cuModuleLoadData, \
	cuModuleGetFunction, cuLaunchKernel }

#endif
