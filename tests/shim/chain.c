/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library that interposes on the driver itself, as other tools do: it passes launches on through
 * RTLD_NEXT and says at exit how many it saw. Preloaded before or after ours, both must see all.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include "tests/shim/app.h"

#define EXPORT __attribute__((visibility("default")))

static unsigned launches;

EXPORT const char *chain_next_puts(void);
EXPORT const char *chain_next_own(void);
EXPORT CUresult cuLaunchKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
			       unsigned by, unsigned bz, unsigned shared, CUstream stream,
			       void **params, void **extra)
{
	CUresult (*next)(CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
			 unsigned, CUstream, void **, void **);

	*(void **)&next = dlsym(RTLD_NEXT, "cuLaunchKernel");
	launches++;
	if (!next)
		return CUDA_ERROR_NOT_FOUND;
	return next(f, gx, gy, gz, bx, by, bz, shared, stream, params, extra);
}

/* Behind this library there is only the C library; asked from the program there would be more. */
const char *chain_next_puts(void)
{
	Dl_info info;
	void *address = dlsym(RTLD_NEXT, "puts");

	return address && dladdr(address, &info) && strstr(info.dli_fname, "libc.so") ? "libc" : "?";
}

/* Defined here and in no library after this one: a caller taken for another would find it. */
const char *chain_next_own(void)
{
	return dlsym(RTLD_NEXT, "chain_next_own") ? "found" : "none";
}

static void __attribute__((destructor)) at_end(void)
{
	if (launches)
		fprintf(stderr, "chain saw %u\n", launches);
}
