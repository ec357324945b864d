/* SPDX-License-Identifier: Apache-2.0 */
/* Modules, functions, and the one place where kernels are launched. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "demo/model.h"

/* The PTX files, as a fatbin would be: part of the executable, one string each. */
#define PTX(module)						\
	__asm__(".section .rodata\n"				\
		"ptx_" #module ": .incbin \"" DEMO_SOURCE_DIR "/" #module ".ptx\"\n"	\
		".byte 0\n"					\
		".previous\n");					\
	extern const char ptx_##module[] __attribute__((visibility("hidden")));
#define MODULES(EACH) \
	EACH(elementwise) EACH(gemm) EACH(attention) EACH(sampling) EACH(eager) EACH(fallback) \
	EACH(comm) EACH(fused)
MODULES(PTX)

enum module {
#define MODULE_NUMBER(name) MODULE_##name,
	MODULES(MODULE_NUMBER)
	MODULE_COUNT
};

static CUmodule modules[MODULE_COUNT];

static const struct {
	const char *symbol;
	enum module module;
	int threads, shared_bytes;
} kernels[KERNEL_COUNT] = {
#define KERNEL(id, module, threads, shared, symbol) \
	[KERNEL_##id] = { symbol, MODULE_##module, threads, shared },
#include "demo/kernels.def"
#undef KERNEL
};

static int blocks_per_sm[KERNEL_COUNT];

static const char *const images[] = {
#define MODULE_IMAGE(name) [MODULE_##name] = ptx_##name,
	MODULES(MODULE_IMAGE)
};

void kernel_load_again(enum kernel kernel, CUmodule *module, CUfunction *function)
{
	driver_check(cu.ModuleLoadDataEx(module, images[kernels[kernel].module], 0, NULL, NULL),
		     "cuModuleLoadDataEx");
	driver_check(cu.ModuleGetFunction(function, *module, kernels[kernel].symbol),
		     "cuModuleGetFunction");
}

void kernels_open(struct model *model)
{
	for (int i = 0; i < MODULE_COUNT; i++)
		driver_check(cu.ModuleLoadDataEx(&modules[i], images[i], 0, NULL, NULL),
			     "cuModuleLoadDataEx");
	for (int i = 0; i < KERNEL_COUNT; i++) {
		CUfunction *function = &model->functions[i];

		driver_check(cu.ModuleGetFunction(function, modules[kernels[i].module],
						  kernels[i].symbol), kernels[i].symbol);
		if (kernels[i].shared_bytes > 0)
			driver_check(cu.FuncSetAttribute(*function,
				CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
				kernels[i].shared_bytes), "cuFuncSetAttribute");
		driver_check(cu.OccupancyMaxActiveBlocksPerMultiprocessor(&blocks_per_sm[i],
			*function, kernels[i].threads, (size_t)kernels[i].shared_bytes),
			"cuOccupancyMaxActiveBlocksPerMultiprocessor");
		if (blocks_per_sm[i] < 1)
			blocks_per_sm[i] = 1;
	}
}

void kernels_close(void)
{
	for (int i = 0; i < MODULE_COUNT; i++)
		cu.ModuleUnload(modules[i]);
}

unsigned launch_full_grid(const struct model *model, enum kernel kernel, unsigned waves)
{
	return (unsigned)(model->sm_count * blocks_per_sm[kernel]) * waves;
}

void launch_kernel(struct model *model, const struct launch *launch, void **arguments)
{
	CUlaunchAttribute dependent = {
		.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION,
		.value.programmaticStreamSerializationAllowed = 1,
	};
	CUlaunchConfig config = {
		.gridDimX = launch->x, .gridDimY = launch->y ? launch->y : 1,
		.gridDimZ = launch->z ? launch->z : 1,
		.blockDimX = (unsigned)kernels[launch->kernel].threads, .blockDimY = 1,
		.blockDimZ = 1,
		.sharedMemBytes = (unsigned)kernels[launch->kernel].shared_bytes,
		.hStream = launch->stream, .attrs = &dependent,
	};
	CUfunction function = model->functions[launch->kernel];

	planted_per_launch(model, launch->kernel);
	if (launch->is_dependent && model->capability >= 90 &&
	    !model_is_planted(model, PLANT_BIT(no_pdl))) {
		config.numAttrs = 1;
		driver_check(cu.LaunchKernelEx(&config, function, arguments, NULL),
			     "cuLaunchKernelEx");
		return;
	}
	driver_check(cu.LaunchKernel(function, config.gridDimX, config.gridDimY, config.gridDimZ,
				     config.blockDimX, 1, 1, config.sharedMemBytes, config.hStream,
				     arguments, NULL), "cuLaunchKernel");
}
