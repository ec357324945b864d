/* SPDX-License-Identifier: Apache-2.0 */
/* Libraries of the simulated runtime: the driver's, by the same names. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/runtime_state.h"

CUresult impl_cudaLibraryLoadData(CUlibrary *library, const void *code, CUjit_option *jit_options,
				  void **jit_values, unsigned jit_count, CUlibraryOption *options,
				  void **values, unsigned count)
{
	return DRIVER(cuLibraryLoadData, library, code, jit_options, jit_values, jit_count, options,
		      values, count);
}

CUresult impl_cudaLibraryLoadFromFile(CUlibrary *library, const char *path,
				      CUjit_option *jit_options, void **jit_values,
				      unsigned jit_count, CUlibraryOption *options, void **values,
				      unsigned count)
{
	return DRIVER(cuLibraryLoadFromFile, library, path, jit_options, jit_values, jit_count, options,
		      values, count);
}

CUresult impl_cudaLibraryUnload(CUlibrary library)
{
	return DRIVER(cuLibraryUnload, library);
}

CUresult impl_cudaLibraryGetKernel(CUkernel *kernel, CUlibrary library, const char *name)
{
	return DRIVER(cuLibraryGetKernel, kernel, library, name);
}

CUresult impl_cudaLibraryGetKernelCount(unsigned *count, CUlibrary library)
{
	return DRIVER(cuLibraryGetKernelCount, count, library);
}

/* The runtime hands out pointers where the driver has its own type of addresses. */
CUresult impl_cudaLibraryGetGlobal(void **pointer, size_t *bytes, CUlibrary library, const char *name)
{
	CUdeviceptr address = 0;
	CUresult result = DRIVER(cuLibraryGetGlobal, &address, bytes, library, name);

	if (result == CUDA_SUCCESS && pointer)
		*pointer = (void *)(uintptr_t)address;
	return result;
}

CUresult impl_cudaLibraryGetManaged(void **pointer, size_t *bytes, CUlibrary library,
				    const char *name)
{
	CUdeviceptr address = 0;
	CUresult result = DRIVER(cuLibraryGetManaged, &address, bytes, library, name);

	if (result == CUDA_SUCCESS && pointer)
		*pointer = (void *)(uintptr_t)address;
	return result;
}

CUresult impl_cudaLibraryGetUnifiedFunction(void **pointer, CUlibrary library, const char *name)
{
	return DRIVER(cuLibraryGetUnifiedFunction, pointer, library, name);
}

CUresult impl_cudaKernelSetAttributeForDevice(CUkernel kernel, int attribute, int value, int device)
{
	return DRIVER(cuKernelSetAttribute, (CUfunction_attribute)attribute, value, kernel, device);
}
