/* SPDX-License-Identifier: Apache-2.0 */
/* Modules: loading, their functions and global variables. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdlib.h>
#include <string.h>

#include "simcuda/core.h"

#define LOAD_COST_NS 30000		/* and what the size adds: */
#define LOAD_NS_PER_KB 700
#define FUNCTION_LOAD_COST_NS 40000
#define COMPILE_NS_PER_KB 400000	/* PTX is compiled first */

static struct sim_module *modules;	/* guarded by sim_lock */
/* Functions are recycled, never freed: a stale handle reads as dead. */
static struct sim_function *spare_functions;

/* CUDA_MODULE_LOADING decides; lazy has been the default since 12.2. */
bool sim_loads_eagerly(void)
{
	const char *mode = getenv("CUDA_MODULE_LOADING");

	return mode && strcmp(mode, "EAGER") == 0;
}

static struct sim_function *function_take(void)
{
	struct sim_function *function;

	pthread_mutex_lock(&sim_lock);
	function = spare_functions;
	if (function)
		spare_functions = (struct sim_function *)function->module;
	pthread_mutex_unlock(&sim_lock);
	return function ? function : malloc(sizeof(*function));
}

static void function_give_back(struct sim_function *function)
{
	__atomic_store_n(&function->magic, SIM_MAGIC_DEAD, __ATOMIC_RELEASE);
	__atomic_store_n(&function->context, NULL, __ATOMIC_RELEASE);
	free(function->params);
	free(function->cost);
	function->cost = NULL;
	function->params = NULL;
	function->param_count = 0;
	pthread_mutex_lock(&sim_lock);
	function->module = (struct sim_module *)spare_functions;
	spare_functions = function;
	pthread_mutex_unlock(&sim_lock);
}

static CUresult copy_functions(struct sim_module *module, const struct sim_image *image)
{
	module->functions = calloc((size_t)image->function_count + 1, sizeof(*module->functions));
	if (!module->functions)
		return CUDA_ERROR_OUT_OF_MEMORY;
	for (int i = 0; i < image->function_count; i++) {
		const struct sim_function *from = &image->functions[i];
		size_t bytes = (size_t)from->param_count * sizeof(*from->params);
		struct sim_function *function = function_take();
		struct sim_param *params = malloc(bytes + 1);

		if (!function || !params) {
			free(params);
			free(function);
			return CUDA_ERROR_OUT_OF_MEMORY;
		}
		*function = *from;
		function->module = module;
		function->context = module->context;
		function->params = params;
		if (bytes)
			memcpy(params, from->params, bytes);
		function->is_loaded = sim_loads_eagerly();
		module->functions[module->function_count++] = function;
	}
	return CUDA_SUCCESS;
}

static CUresult allocate_global(struct sim_module *module, struct sim_global *global)
{
	CUresult result = sim_allocation_create(
		&(struct sim_allocation_request) {
			.bytes = global->bytes,
			.kind = global->is_managed ? SIM_MANAGED : SIM_MODULE_GLOBAL,
			.device = module->context->device, .context = module->context },
		&global->allocation);

	if (result != CUDA_SUCCESS)
		return result;
	memset((void *)global->allocation->base, 0, global->bytes);
	if (global->initial)
		memcpy((void *)global->allocation->base, global->initial, global->initial_bytes);
	return CUDA_SUCCESS;
}

static CUresult copy_globals(struct sim_module *module, const struct sim_image *image)
{
	module->globals = calloc((size_t)image->global_count + 1, sizeof(*module->globals));
	if (!module->globals)
		return CUDA_ERROR_OUT_OF_MEMORY;
	for (int i = 0; i < image->global_count; i++) {
		struct sim_global *global = &module->globals[i];
		CUresult result;

		*global = image->globals[i];
		result = allocate_global(module, global);
		if (result != CUDA_SUCCESS)
			return result;
		module->global_count++;
	}
	return CUDA_SUCCESS;
}

static void module_free(struct sim_module *module)
{
	for (int i = 0; i < module->function_count; i++)
		function_give_back(module->functions[i]);
	for (int i = 0; i < module->global_count; i++)
		sim_allocation_destroy(module->globals[i].allocation);
	free(module->functions);
	free(module->globals);
	free(module);
}

/* Lazy loading leaves most of the code for the first use of each function. */
static uint64_t load_cost_ns(const struct sim_image *image)
{
	uint64_t cost = LOAD_COST_NS;

	if (sim_loads_eagerly())
		cost += image->bytes * LOAD_NS_PER_KB / 1024;
	if (image->is_compiled)
		cost += image->bytes * COMPILE_NS_PER_KB / 1024;
	return cost;
}

void sim_function_load(struct sim_function *function)
{
	if (__atomic_exchange_n(&function->is_loaded, 1, __ATOMIC_RELAXED))
		return;
	sim_host_cost("function_load", FUNCTION_LOAD_COST_NS);
}

CUresult sim_module_create(struct sim_context *context, const struct sim_image *image,
			   struct sim_module **created)
{
	struct sim_module *module = calloc(1, sizeof(*module));
	CUresult result;

	if (!module)
		return CUDA_ERROR_OUT_OF_MEMORY;
	module->context = context;
	sim_host_cost("module_load", load_cost_ns(image));
	if (sim_fault("module", &result)) {
		free(module);
		return result;
	}
	result = copy_functions(module, image);
	if (result == CUDA_SUCCESS)
		result = copy_globals(module, image);
	if (result != CUDA_SUCCESS) {
		module_free(module);
		return result;
	}
	pthread_mutex_lock(&sim_lock);
	module->next = modules;
	modules = module;
	pthread_mutex_unlock(&sim_lock);
	*created = module;
	return CUDA_SUCCESS;
}

/* Takes the module out of the list; false when it is not there. */
static bool module_unlink(const struct sim_module *module)
{
	struct sim_module **link;

	pthread_mutex_lock(&sim_lock);
	for (link = &modules; *link && *link != module; link = &(*link)->next)
		;
	if (*link)
		*link = module->next;
	else
		module = NULL;
	pthread_mutex_unlock(&sim_lock);
	return module != NULL;
}

void sim_module_destroy(struct sim_module *module)
{
	if (module_unlink(module))
		module_free(module);
}

void sim_module_forget_context(struct sim_context *context)
{
	struct sim_module *module;

	do {
		pthread_mutex_lock(&sim_lock);
		for (module = modules; module && module->context != context; module = module->next)
			;
		pthread_mutex_unlock(&sim_lock);
		if (module) {
			sim_library_forget_module(module);
			sim_module_destroy(module);
		}
	} while (module);
}

/* The module of a handle, or NULL. */
struct sim_module *sim_module_of(CUmodule handle)
{
	struct sim_module *module;

	pthread_mutex_lock(&sim_lock);
	for (module = modules; module && module != (struct sim_module *)handle;
	     module = module->next)
		;
	pthread_mutex_unlock(&sim_lock);
	return module;
}

static struct sim_function *find_function(struct sim_module *module, const char *name)
{
	for (int i = 0; i < module->function_count; i++)
		if (strcmp(module->functions[i]->name, name) == 0)
			return module->functions[i];
	return NULL;
}

struct sim_global *sim_module_global(struct sim_module *module, const char *name)
{
	for (int i = 0; i < module->global_count; i++)
		if (strcmp(module->globals[i].name, name) == 0)
			return &module->globals[i];
	return NULL;
}

/* --- the API ---------------------------------------------------------------------------------- */

IMPL(cuModuleLoadData)(CUmodule *module, const void *image)
{
	CUresult result;
	struct sim_context *context = sim_current_sound(&result);
	struct sim_module *created;
	struct sim_image content;

	if (!context)
		return result;
	if (!module || !image)
		return CUDA_ERROR_INVALID_VALUE;
	result = sim_image_read(image, context->device->profile, &content);
	if (result != CUDA_SUCCESS)
		return result;
	result = sim_device_synchronize(context->device);
	if (result == CUDA_SUCCESS)
		result = sim_module_create(context, &content, &created);
	sim_image_clear(&content);
	if (result == CUDA_SUCCESS)
		*module = (CUmodule)created;
	return result;
}

IMPL(cuModuleLoadDataEx)(CUmodule *module, const void *image, unsigned int numOptions,
			 CUjit_option *options, void **optionValues)
{
	if (numOptions && (!options || !optionValues))
		return CUDA_ERROR_INVALID_VALUE;
	return impl_cuModuleLoadData(module, image);
}

IMPL(cuModuleLoadFatBinary)(CUmodule *module, const void *fatCubin)
{
	return impl_cuModuleLoadData(module, fatCubin);
}

IMPL(cuModuleLoad)(CUmodule *module, const char *fname)
{
	CUresult result;
	size_t bytes;
	void *data;

	if (!module || !fname)
		return CUDA_ERROR_INVALID_VALUE;
	if (!sim_current(&result))
		return result;
	result = sim_file_read(fname, &data, &bytes);
	if (result != CUDA_SUCCESS)
		return result;
	result = impl_cuModuleLoadData(module, data);
	free(data);
	return result;
}

IMPL(cuModuleUnload)(CUmodule hmod)
{
	CUresult result;
	struct sim_module *module;

	if (!sim_current(&result))
		return result;
	module = sim_module_of(hmod);
	if (!module || module->library)
		return CUDA_ERROR_INVALID_HANDLE;
	result = sim_device_synchronize(module->context->device);
	sim_module_destroy(module);
	return result;
}

IMPL(cuModuleGetFunction)(CUfunction *hfunc, CUmodule hmod, const char *name)
{
	CUresult result;
	struct sim_module *module;
	struct sim_function *function;

	if (!sim_current(&result))
		return result;
	if (!hfunc || !name || !*name)
		return CUDA_ERROR_INVALID_VALUE;
	module = sim_module_of(hmod);
	if (!module)
		return CUDA_ERROR_INVALID_HANDLE;
	function = find_function(module, name);
	if (!function)
		return CUDA_ERROR_NOT_FOUND;
	*hfunc = (CUfunction)function;
	return CUDA_SUCCESS;
}

IMPL(cuModuleGetFunctionCount)(unsigned int *count, CUmodule mod)
{
	CUresult result;
	struct sim_module *module;

	if (!sim_current(&result))
		return result;
	module = sim_module_of(mod);
	if (!module)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!count)
		return CUDA_ERROR_INVALID_VALUE;
	*count = (unsigned)module->function_count;
	return CUDA_SUCCESS;
}

IMPL(cuModuleEnumerateFunctions)(CUfunction *functions, unsigned int numFunctions, CUmodule mod)
{
	CUresult result;
	struct sim_module *module;

	if (!sim_current(&result))
		return result;
	module = sim_module_of(mod);
	if (!module)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!functions || numFunctions == 0)
		return CUDA_ERROR_INVALID_VALUE;
	for (unsigned i = 0; i < numFunctions && i < (unsigned)module->function_count; i++)
		functions[i] = (CUfunction)module->functions[i];
	return CUDA_SUCCESS;
}

IMPL(cuModuleGetGlobal_v2)(CUdeviceptr *dptr, size_t *bytes, CUmodule hmod, const char *name)
{
	CUresult result;
	struct sim_module *module;
	struct sim_global *global;

	if (!sim_current(&result))
		return result;
	if (!name || (!dptr && !bytes))
		return CUDA_ERROR_INVALID_VALUE;
	module = sim_module_of(hmod);
	if (!module)
		return CUDA_ERROR_INVALID_HANDLE;
	global = sim_module_global(module, name);
	if (!global)
		return CUDA_ERROR_NOT_FOUND;
	if (dptr)
		*dptr = global->allocation->base;
	if (bytes)
		*bytes = global->bytes;
	return CUDA_SUCCESS;
}

/* Texture and surface references left the language with CUDA 12; no image here has any. */
IMPL(cuModuleGetTexRef)(CUtexref *pTexRef, CUmodule hmod, const char *name)
{
	if (!pTexRef || !name)
		return CUDA_ERROR_INVALID_VALUE;
	return sim_module_of(hmod) ? CUDA_ERROR_NOT_FOUND : CUDA_ERROR_INVALID_HANDLE;
}

IMPL(cuModuleGetSurfRef)(CUsurfref *pSurfRef, CUmodule hmod, const char *name)
{
	if (!pSurfRef || !name)
		return CUDA_ERROR_INVALID_VALUE;
	return sim_module_of(hmod) ? CUDA_ERROR_NOT_FOUND : CUDA_ERROR_INVALID_HANDLE;
}

IMPL(cuModuleGetLoadingMode)(CUmoduleLoadingMode *mode)
{
	if (!mode)
		return CUDA_ERROR_INVALID_VALUE;
	*mode = sim_loads_eagerly() ? CU_MODULE_EAGER_LOADING : CU_MODULE_LAZY_LOADING;
	return CUDA_SUCCESS;
}
