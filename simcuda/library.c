/* SPDX-License-Identifier: Apache-2.0 */
/* Libraries and kernels: code that belongs to no context and is loaded into each that uses it. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdlib.h>
#include <string.h>

#include "simcuda/core.h"

struct sim_library_kernel {
	uint32_t magic;
	const struct sim_function *template;	/* in the library's image */
	struct sim_library *library;
	struct sim_library_kernel *next_spare;
	/* Attributes set for a device before, or after, it was loaded there. */
	struct sim_function *settings[SIM_DEVICES_MAX];
	/* The function in the context used last on each device; read without a lock. */
	struct sim_function *functions[SIM_DEVICES_MAX];
};

struct sim_library {
	struct sim_image image;
	struct sim_library_kernel **kernels;
	struct sim_module **modules;	/* one per context */
	int module_count;
	struct sim_library *next;
};

static struct sim_library *libraries;		/* guarded by sim_lock */
static struct sim_library_kernel *spare_kernels;	/* recycled, so that stale handles read as dead */
static pthread_mutex_t load_lock = PTHREAD_MUTEX_INITIALIZER;

static struct sim_library *library_of(CUlibrary handle)
{
	struct sim_library *library;

	pthread_mutex_lock(&sim_lock);
	for (library = libraries; library && library != (struct sim_library *)handle;
	     library = library->next)
		;
	pthread_mutex_unlock(&sim_lock);
	return library;
}

static struct sim_library_kernel *kernel_of(CUkernel handle)
{
	struct sim_library_kernel *kernel = (struct sim_library_kernel *)handle;

	return kernel && __atomic_load_n(&kernel->magic, __ATOMIC_ACQUIRE) == SIM_MAGIC_KERNEL ?
		       kernel : NULL;
}

static void apply_settings(const struct sim_function *settings, struct sim_function *function)
{
	function->max_dynamic_shared = settings->max_dynamic_shared;
	function->carveout = settings->carveout;
	function->cache = settings->cache;
	function->allows_large_cluster = settings->allows_large_cluster;
	function->cluster_scheduling = settings->cluster_scheduling;
	memcpy(function->cluster, settings->cluster, sizeof(function->cluster));
}

static struct sim_module *find_module(const struct sim_library *library,
				      const struct sim_context *context)
{
	struct sim_module *module = NULL;

	pthread_mutex_lock(&sim_lock);
	for (int i = 0; i < library->module_count && !module; i++)
		if (library->modules[i]->context == context)
			module = library->modules[i];
	pthread_mutex_unlock(&sim_lock);
	return module;
}

static CUresult keep_module(struct sim_library *library, struct sim_module *module)
{
	int device = module->context->device->ordinal;
	void *grown;

	pthread_mutex_lock(&sim_lock);
	grown = realloc(library->modules,
			(size_t)(library->module_count + 1) * sizeof(struct sim_module *));
	if (grown) {
		library->modules = grown;
		library->modules[library->module_count++] = module;
		module->library = library;
		for (int i = 0; i < module->function_count; i++)
			if (library->kernels[i]->settings[device])
				apply_settings(library->kernels[i]->settings[device],
					       module->functions[i]);
	}
	pthread_mutex_unlock(&sim_lock);
	if (grown)
		return CUDA_SUCCESS;
	sim_module_destroy(module);
	return CUDA_ERROR_OUT_OF_MEMORY;
}

/* The library's module in a context, loaded at first use. */
static CUresult library_module(struct sim_library *library, struct sim_context *context,
			       struct sim_module **module)
{
	CUresult result = CUDA_SUCCESS;

	*module = find_module(library, context);
	if (*module)
		return CUDA_SUCCESS;
	pthread_mutex_lock(&load_lock);	/* so that two threads do not both load it */
	*module = find_module(library, context);
	if (!*module) {
		result = sim_module_create(context, &library->image, module);
		if (result == CUDA_SUCCESS)
			result = keep_module(library, *module);
	}
	pthread_mutex_unlock(&load_lock);
	return result;
}

static CUresult kernel_function(struct sim_library_kernel *kernel, struct sim_context *context,
				struct sim_function **function)
{
	int device = context->device->ordinal;
	struct sim_module *module;
	CUresult result;

	*function = __atomic_load_n(&kernel->functions[device], __ATOMIC_ACQUIRE);
	/* It may be another context's, whose module is going away: only the function stays readable. */
	if (*function && __atomic_load_n(&(*function)->context, __ATOMIC_ACQUIRE) == context)
		return CUDA_SUCCESS;
	result = library_module(kernel->library, context, &module);
	if (result != CUDA_SUCCESS)
		return result;
	*function = module->functions[kernel->template - kernel->library->image.functions];
	__atomic_store_n(&kernel->functions[device], *function, __ATOMIC_RELEASE);
	return CUDA_SUCCESS;
}

struct sim_function *sim_kernel_function(struct sim_library_kernel *kernel)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);
	struct sim_function *function;

	if (!context || kernel_function(kernel, context, &function) != CUDA_SUCCESS)
		return NULL;
	return function;
}

void sim_library_forget_module(struct sim_module *module)
{
	struct sim_library *library = module->library;
	int device = module->context->device->ordinal, at = 0;

	if (!library)
		return;
	pthread_mutex_lock(&sim_lock);
	while (at < library->module_count && library->modules[at] != module)
		at++;
	if (at < library->module_count)
		library->modules[at] = library->modules[--library->module_count];
	for (int i = 0; i < library->image.function_count; i++) {
		struct sim_function *expected = module->functions[i];

		__atomic_compare_exchange_n(&library->kernels[i]->functions[device], &expected, NULL,
					    false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&sim_lock);
}

/* --- loading and unloading ------------------------------------------------------------------------ */

static struct sim_library_kernel *kernel_take(void)
{
	struct sim_library_kernel *kernel;

	pthread_mutex_lock(&sim_lock);
	kernel = spare_kernels;
	if (kernel)
		spare_kernels = kernel->next_spare;
	pthread_mutex_unlock(&sim_lock);
	if (kernel)
		memset(kernel, 0, sizeof(*kernel));
	return kernel ? kernel : calloc(1, sizeof(*kernel));
}

static void kernel_give_back(struct sim_library_kernel *kernel)
{
	__atomic_store_n(&kernel->magic, SIM_MAGIC_DEAD, __ATOMIC_RELEASE);
	for (int i = 0; i < SIM_DEVICES_MAX; i++)
		free(kernel->settings[i]);
	pthread_mutex_lock(&sim_lock);
	kernel->next_spare = spare_kernels;
	spare_kernels = kernel;
	pthread_mutex_unlock(&sim_lock);
}

static void library_free(struct sim_library *library)
{
	while (library->module_count > 0) {
		struct sim_module *module = library->modules[0];

		sim_library_forget_module(module);
		sim_module_destroy(module);
	}
	for (int i = 0; library->kernels && i < library->image.function_count; i++)
		if (library->kernels[i])
			kernel_give_back(library->kernels[i]);
	free(library->kernels);
	free(library->modules);
	sim_image_clear(&library->image);
	free(library);
}

static CUresult library_fill(struct sim_library *library, const void *code)
{
	CUresult result = sim_image_read(code, sim_devices[0].profile, &library->image);

	if (result != CUDA_SUCCESS)
		return result;
	library->kernels = calloc((size_t)library->image.function_count + 1,
				  sizeof(*library->kernels));
	for (int i = 0; library->kernels && i < library->image.function_count; i++) {
		struct sim_library_kernel *kernel = kernel_take();

		library->kernels[i] = kernel;
		if (!kernel)
			return CUDA_ERROR_OUT_OF_MEMORY;
		kernel->template = &library->image.functions[i];
		kernel->library = library;
		__atomic_store_n(&kernel->magic, SIM_MAGIC_KERNEL, __ATOMIC_RELEASE);
	}
	return library->kernels ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

/* Eager loading brings the code into the current context at once, where there is one. */
static CUresult load_eagerly(struct sim_library *library)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);
	struct sim_module *module;

	if (!context || !sim_loads_eagerly())
		return CUDA_SUCCESS;
	return library_module(library, context, &module);
}

static CUresult library_load(CUlibrary *handle, const void *code)
{
	struct sim_library *library = calloc(1, sizeof(*library));
	CUresult result;

	if (!library)
		return CUDA_ERROR_OUT_OF_MEMORY;
	sim_host_cost("library_load", 20000);
	result = library_fill(library, code);
	if (result == CUDA_SUCCESS)
		result = load_eagerly(library);
	if (result != CUDA_SUCCESS) {
		library_free(library);
		return result;
	}
	pthread_mutex_lock(&sim_lock);
	library->next = libraries;
	libraries = library;
	pthread_mutex_unlock(&sim_lock);
	*handle = (CUlibrary)library;
	return CUDA_SUCCESS;
}

IMPL(cuLibraryLoadData)(CUlibrary *library, const void *code, CUjit_option *jitOptions,
			void **jitOptionsValues, unsigned int numJitOptions,
			CUlibraryOption *libraryOptions, void **libraryOptionValues,
			unsigned int numLibraryOptions)
{
	if (!library || !code || (numJitOptions && (!jitOptions || !jitOptionsValues)) ||
	    (numLibraryOptions && (!libraryOptions || !libraryOptionValues)))
		return CUDA_ERROR_INVALID_VALUE;
	return library_load(library, code);
}

IMPL(cuLibraryLoadFromFile)(CUlibrary *library, const char *fileName, CUjit_option *jitOptions,
			    void **jitOptionsValues, unsigned int numJitOptions,
			    CUlibraryOption *libraryOptions, void **libraryOptionValues,
			    unsigned int numLibraryOptions)
{
	CUresult result;
	size_t bytes;
	void *data;

	if (!library || !fileName || (numJitOptions && (!jitOptions || !jitOptionsValues)) ||
	    (numLibraryOptions && (!libraryOptions || !libraryOptionValues)))
		return CUDA_ERROR_INVALID_VALUE;
	result = sim_file_read(fileName, &data, &bytes);
	if (result != CUDA_SUCCESS)
		return result;
	result = library_load(library, data);
	free(data);
	return result;
}

IMPL(cuLibraryUnload)(CUlibrary library)
{
	struct sim_library **link, *found;

	pthread_mutex_lock(&sim_lock);
	for (link = &libraries; *link && *link != (struct sim_library *)library;
	     link = &(*link)->next)
		;
	found = *link;
	if (found)
		*link = found->next;
	pthread_mutex_unlock(&sim_lock);
	if (!found)
		return CUDA_ERROR_INVALID_HANDLE;
	for (int i = 0; i < found->module_count; i++)
		sim_device_synchronize(found->modules[i]->context->device);
	library_free(found);
	return CUDA_SUCCESS;
}

/* --- questions about libraries ---------------------------------------------------------------------- */

IMPL(cuLibraryGetKernel)(CUkernel *pKernel, CUlibrary library, const char *name)
{
	struct sim_library *found = library_of(library);

	if (!found)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!pKernel || !name)
		return CUDA_ERROR_INVALID_VALUE;
	for (int i = 0; i < found->image.function_count; i++)
		if (strcmp(found->image.functions[i].name, name) == 0) {
			*pKernel = (CUkernel)found->kernels[i];
			return CUDA_SUCCESS;
		}
	return CUDA_ERROR_NOT_FOUND;
}

IMPL(cuLibraryGetKernelCount)(unsigned int *count, CUlibrary lib)
{
	struct sim_library *found = library_of(lib);

	if (!found)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!count)
		return CUDA_ERROR_INVALID_VALUE;
	*count = (unsigned)found->image.function_count;
	return CUDA_SUCCESS;
}

IMPL(cuLibraryEnumerateKernels)(CUkernel *kernels, unsigned int numKernels, CUlibrary lib)
{
	struct sim_library *found = library_of(lib);

	if (!found)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!kernels || numKernels == 0)
		return CUDA_ERROR_INVALID_VALUE;
	for (unsigned i = 0; i < numKernels && i < (unsigned)found->image.function_count; i++)
		kernels[i] = (CUkernel)found->kernels[i];
	return CUDA_SUCCESS;
}

/* The library's module in the current context. */
static CUresult current_module(CUlibrary handle, struct sim_module **module)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);
	struct sim_library *library;

	if (!context)
		return result;
	library = library_of(handle);
	return library ? library_module(library, context, module) : CUDA_ERROR_INVALID_HANDLE;
}

IMPL(cuLibraryGetModule)(CUmodule *pMod, CUlibrary library)
{
	struct sim_module *module;
	CUresult result = pMod ? current_module(library, &module) : CUDA_ERROR_INVALID_VALUE;

	if (result == CUDA_SUCCESS)
		*pMod = (CUmodule)module;
	return result;
}

static CUresult library_global(CUdeviceptr *dptr, size_t *bytes, CUlibrary library,
			       const char *name, bool wants_managed)
{
	struct sim_module *module;
	struct sim_global *global;
	CUresult result;

	if (!name || (!dptr && !bytes))
		return CUDA_ERROR_INVALID_VALUE;
	result = current_module(library, &module);
	if (result != CUDA_SUCCESS)
		return result;
	global = sim_module_global(module, name);
	if (!global || global->is_managed != wants_managed)
		return CUDA_ERROR_NOT_FOUND;
	if (dptr)
		*dptr = global->allocation->base;
	if (bytes)
		*bytes = global->bytes;
	return CUDA_SUCCESS;
}

IMPL(cuLibraryGetGlobal)(CUdeviceptr *dptr, size_t *bytes, CUlibrary library, const char *name)
{
	return library_global(dptr, bytes, library, name, false);
}

IMPL(cuLibraryGetManaged)(CUdeviceptr *dptr, size_t *bytes, CUlibrary library, const char *name)
{
	return library_global(dptr, bytes, library, name, true);
}

/* --- kernels ------------------------------------------------------------------------------------------ */

IMPL(cuKernelGetFunction)(CUfunction *pFunc, CUkernel kernel)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);
	struct sim_library_kernel *found = kernel_of(kernel);
	struct sim_function *function;

	if (!context)
		return result;
	if (!pFunc)
		return CUDA_ERROR_INVALID_VALUE;
	if (!found)
		return CUDA_ERROR_INVALID_HANDLE;
	result = kernel_function(found, context, &function);
	if (result == CUDA_SUCCESS)
		*pFunc = (CUfunction)function;
	return result;
}

IMPL(cuKernelGetLibrary)(CUlibrary *pLib, CUkernel kernel)
{
	struct sim_library_kernel *found = kernel_of(kernel);

	if (!pLib)
		return CUDA_ERROR_INVALID_VALUE;
	if (!found)
		return CUDA_ERROR_INVALID_HANDLE;
	*pLib = (CUlibrary)found->library;
	return CUDA_SUCCESS;
}

IMPL(cuKernelGetName)(const char **name, CUkernel hfunc)
{
	struct sim_library_kernel *found = kernel_of(hfunc);

	if (!name)
		return CUDA_ERROR_INVALID_VALUE;
	if (!found)
		return CUDA_ERROR_INVALID_HANDLE;
	*name = found->template->name;
	return CUDA_SUCCESS;
}

IMPL(cuKernelGetParamInfo)(CUkernel kernel, size_t paramIndex, size_t *paramOffset, size_t *paramSize)
{
	struct sim_library_kernel *found = kernel_of(kernel);

	return found ? sim_function_param(found->template, paramIndex, paramOffset, paramSize) :
		       CUDA_ERROR_INVALID_HANDLE;
}

IMPL(cuKernelGetAttribute)(int *pi, CUfunction_attribute attrib, CUkernel kernel, CUdevice dev)
{
	struct sim_library_kernel *found = kernel_of(kernel);

	if (!pi)
		return CUDA_ERROR_INVALID_VALUE;
	if (!found)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!sim_device_get(dev))
		return CUDA_ERROR_INVALID_DEVICE;
	return sim_function_get(found->settings[dev] ? found->settings[dev] : found->template, attrib,
				pi);
}

/* Changes the attributes kept for the device, and those of functions loaded there already. */
static CUresult kernel_set(CUkernel kernel, CUdevice dev, CUfunction_attribute attribute, int value,
			   const CUfunc_cache *cache)
{
	struct sim_library_kernel *found = kernel_of(kernel);
	struct sim_device *device = sim_device_get(dev);
	struct sim_function *settings;
	CUresult result = CUDA_SUCCESS;

	if (!found)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!device)
		return CUDA_ERROR_INVALID_DEVICE;
	pthread_mutex_lock(&sim_lock);
	settings = found->settings[dev];
	if (!settings && (settings = malloc(sizeof(*settings)))) {
		*settings = *found->template;
		found->settings[dev] = settings;
	}
	if (!settings)
		result = CUDA_ERROR_OUT_OF_MEMORY;
	else if (cache)
		settings->cache = (int)*cache;
	else
		result = sim_function_set(settings, device->profile, attribute, value);
	for (int i = 0; result == CUDA_SUCCESS && i < found->library->module_count; i++) {
		struct sim_module *module = found->library->modules[i];

		if (module->context->device == device)
			apply_settings(settings, module->functions[found->template -
								   found->library->image.functions]);
	}
	pthread_mutex_unlock(&sim_lock);
	return result;
}

IMPL(cuKernelSetAttribute)(CUfunction_attribute attrib, int val, CUkernel kernel, CUdevice dev)
{
	return kernel_set(kernel, dev, attrib, val, NULL);
}

IMPL(cuKernelSetCacheConfig)(CUkernel kernel, CUfunc_cache config, CUdevice dev)
{
	if (config > CU_FUNC_CACHE_PREFER_EQUAL)
		return CUDA_ERROR_INVALID_VALUE;
	return kernel_set(kernel, dev, CU_FUNC_ATTRIBUTE_MAX, 0, &config);
}
