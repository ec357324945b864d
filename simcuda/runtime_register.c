/* SPDX-License-Identifier: Apache-2.0 */
/* Device code that a program registers before main: loaded when first used. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/runtime_state.h"

#include <pthread.h>
#include <stdlib.h>
#include <uthash.h>

struct binary {
	void *image;
	CUlibrary library;		/* NULL until something of it is used */
	bool has_managed, is_bound;
};

enum symbol_kind { SYMBOL_FUNCTION, SYMBOL_VARIABLE, SYMBOL_MANAGED };

struct symbol {
	UT_hash_handle hh;
	const void *host;		/* what the program knows it by */
	const char *name;
	struct binary *binary;
	CUkernel kernel;		/* of a function that has been used */
	size_t bytes;
	enum symbol_kind kind;
};

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct symbol *symbols;

void **__cudaRegisterFatBinary(void *image)
{
	struct binary *binary = calloc(1, sizeof(*binary));

	if (binary)
		binary->image = image;
	return (void **)binary;
}

void __cudaRegisterFatBinaryEnd(void **binary)
{
	(void)binary;
}

static void symbol_add(void **binary, const void *host, const char *name, size_t bytes,
		       enum symbol_kind kind)
{
	struct symbol *symbol = calloc(1, sizeof(*symbol)), *older;

	if (!binary || !symbol) {
		free(symbol);
		return;
	}
	symbol->host = host;
	symbol->name = name;
	symbol->binary = (struct binary *)binary;
	symbol->bytes = bytes;
	symbol->kind = kind;
	pthread_rwlock_wrlock(&lock);
	HASH_REPLACE_PTR(symbols, host, symbol, older);
	if (kind == SYMBOL_MANAGED)
		symbol->binary->has_managed = true;
	pthread_rwlock_unlock(&lock);
	free(older);
}

void __cudaRegisterFunction(void **binary, const char *host, char *device, const char *name,
			    int thread_limit, void *tid, void *bid, struct dim3 *block,
			    struct dim3 *grid, int *warp_size)
{
	(void)device;
	(void)thread_limit;
	(void)tid;
	(void)bid;
	(void)block;
	(void)grid;
	(void)warp_size;
	symbol_add(binary, host, name, 0, SYMBOL_FUNCTION);
}

void __cudaRegisterVar(void **binary, char *host, char *device, const char *name, int is_external,
		       size_t bytes, int is_constant, int is_global)
{
	(void)device;
	(void)is_external;
	(void)is_constant;
	(void)is_global;
	symbol_add(binary, host, name, bytes, SYMBOL_VARIABLE);
}

void __cudaRegisterManagedVar(void **binary, void **host, char *device, const char *name,
			      int is_external, size_t bytes, int is_constant, int is_global)
{
	(void)device;
	(void)is_external;
	(void)is_constant;
	(void)is_global;
	symbol_add(binary, host, name, bytes, SYMBOL_MANAGED);
}

void __cudaUnregisterFatBinary(void **handle)
{
	struct binary *binary = (struct binary *)handle;
	struct symbol *symbol, *next;

	pthread_rwlock_wrlock(&lock);
	HASH_ITER(hh, symbols, symbol, next) {
		if (symbol->binary == binary) {
			HASH_DEL(symbols, symbol);
			free(symbol);
		}
	}
	pthread_rwlock_unlock(&lock);
	if (binary && binary->library)
		DRIVER(cuLibraryUnload, binary->library);
	free(binary);
}

/* With the lock for writing. */
static CUresult binary_load(struct binary *binary)
{
	if (binary->library)
		return CUDA_SUCCESS;
	return DRIVER(cuLibraryLoadData, &binary->library, binary->image, NULL, NULL, 0, NULL, NULL, 0);
}

static struct symbol *symbol_find(const void *host)
{
	struct symbol *symbol;

	HASH_FIND_PTR(symbols, &host, symbol);
	return symbol;
}

static CUresult kernel_load(struct symbol *symbol)
{
	CUresult result = binary_load(symbol->binary);

	if (result == CUDA_SUCCESS && !symbol->kernel)
		result = DRIVER(cuLibraryGetKernel, &symbol->kernel, symbol->binary->library,
				symbol->name);
	return result;
}

/* The kernel behind the address that a program knows a function by; loads its code if need be. */
CUresult runtime_kernel_find(const void *function, CUkernel *kernel)
{
	CUresult result = (CUresult)cudaErrorInvalidDeviceFunction;
	struct symbol *symbol;

	pthread_rwlock_rdlock(&lock);
	symbol = symbol_find(function);
	*kernel = symbol ? symbol->kernel : NULL;
	pthread_rwlock_unlock(&lock);
	if (*kernel)
		return CUDA_SUCCESS;
	pthread_rwlock_wrlock(&lock);
	symbol = symbol_find(function);
	if (symbol && symbol->kind == SYMBOL_FUNCTION)
		result = kernel_load(symbol);
	if (result == CUDA_SUCCESS)
		*kernel = symbol->kernel;
	pthread_rwlock_unlock(&lock);
	return result;
}

CUresult runtime_symbol_find(const void *host, CUdeviceptr *address, size_t *bytes)
{
	CUresult result = (CUresult)cudaErrorInvalidSymbol;
	struct symbol *symbol;
	size_t loaded_bytes;

	pthread_rwlock_wrlock(&lock);
	symbol = symbol_find(host);
	if (symbol && symbol->kind != SYMBOL_FUNCTION)
		result = binary_load(symbol->binary);
	if (result == CUDA_SUCCESS && symbol->kind == SYMBOL_MANAGED)
		result = DRIVER(cuLibraryGetManaged, address, &loaded_bytes,
				symbol->binary->library, symbol->name);
	else if (result == CUDA_SUCCESS)
		result = DRIVER(cuLibraryGetGlobal, address, &loaded_bytes,
				symbol->binary->library, symbol->name);
	if (result == CUDA_SUCCESS)
		*bytes = symbol->bytes;
	pthread_rwlock_unlock(&lock);
	return result;
}

/* The program reads a managed variable through a pointer that has to be set before main. */
char __cudaInitModule(void **handle)
{
	struct binary *binary = (struct binary *)handle;
	struct symbol *symbol, *next;
	CUdeviceptr address;
	size_t bytes;

	if (!binary || !binary->has_managed || binary->is_bound)
		return 1;
	if (runtime_driver_open() != CUDA_SUCCESS || runtime_context_ensure() != CUDA_SUCCESS)
		return 0;
	pthread_rwlock_wrlock(&lock);
	binary->is_bound = binary_load(binary) == CUDA_SUCCESS;
	HASH_ITER(hh, symbols, symbol, next) {
		if (!binary->is_bound || symbol->binary != binary || symbol->kind != SYMBOL_MANAGED)
			continue;
		if (DRIVER(cuLibraryGetManaged, &address, &bytes, binary->library, symbol->name) ==
		    CUDA_SUCCESS)
			*(void **)(uintptr_t)symbol->host = (void *)(uintptr_t)address;
	}
	pthread_rwlock_unlock(&lock);
	return binary->is_bound;
}
