/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program sees of the loader must not change. Run with and without the preload, the output
 * has to be the same.
 *	loader without		no driver anywhere
 *	loader errors		dlerror as the program left it
 *	loader chain		RTLD_NEXT from an own library finds the next definition
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "tests/shim/app.h"

static const char *found(const void *address)
{
	return address ? "found" : "none";
}

static void without(void)
{
	void *self = dlopen(NULL, RTLD_LAZY);
	void *libc = dlopen("libc.so.6", RTLD_LAZY);

	printf("default %s\n", found(dlsym(RTLD_DEFAULT, "cuInit")));
	printf("next %s\n", found(dlsym(RTLD_NEXT, "cuInit")));
	printf("self %s\n", found(dlsym(self, "cuLaunchKernel")));
	printf("libc %s\n", found(dlsym(libc, "cuLaunchKernel")));
	printf("error %d\n", dlerror() != NULL);
	printf("printf %s\n", found(dlsym(RTLD_DEFAULT, "printf")));
	printf("next printf %s\n", found(dlsym(RTLD_NEXT, "printf")));
	printf("same %d\n", dlsym(libc, "printf") == dlsym(RTLD_DEFAULT, "printf"));
	printf("version %s\n", found(dlvsym(libc, "memcpy", "GLIBC_2.2.5")));
	printf("cublas %s\n", found(dlsym(RTLD_DEFAULT, "cublasCreate_v2")));
	printf("dlfoo %s\n", found(dlsym(RTLD_DEFAULT, "dlfoo")));
	printf("driver %s\n", found(dlopen("libcuda-that-is-not-there.so", RTLD_NOW)));
	printf("message %d\n", strstr(dlerror(), "libcuda-that-is-not-there.so") != NULL);
}

static void errors(void)
{
	void *handle = dlopen("libcuda.so.1", RTLD_NOW);
	const char *message;

	NEED(handle);
	errno = 77;
	NEED(dlsym(handle, "cuInit"));
	printf("errno %d\n", errno);
	printf("error %s\n", found(dlerror()));
	NEED(!dlsym(handle, "cuNoSuchFunction"));
	message = dlerror();
	printf("message %d\n", message && strstr(message, "cuNoSuchFunction"));
	printf("local driver by default: %s\n", found(dlsym(RTLD_DEFAULT, "cuInit")));
}

static void chain(void)
{
	const char *(*where)(void);
	void *library = dlopen(getenv("CHAIN_LIBRARY"), RTLD_NOW | RTLD_LOCAL);

	NEED(library);
	*(void **)&where = dlsym(library, "chain_next_puts");
	NEED(where);
	printf("next puts in %s\n", where());
	*(void **)&where = dlsym(library, "chain_next_own");
	NEED(where);
	printf("next own %s\n", where());
}

int main(int argc, char **argv)
{
	NEED(argc == 2);
	if (!strcmp(argv[1], "without"))
		without();
	else if (!strcmp(argv[1], "errors"))
		errors();
	else
		chain();
	return 0;
}
