/* SPDX-License-Identifier: Apache-2.0 */
/* The exported runtime API: every row of runtime_api.def, and the last error. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/runtime_state.h"

static __thread cudaError_t last_error;

enum { UNTRACED_CALL = 0 };	/* the id of none */

static CUresult call_prepare(uint32_t cbid, const char *name, bool needs_context)
{
	CUresult result = runtime_driver_open();

	if (cbid != UNTRACED_CALL)
		runtime_call_begin(cbid, name);
	if (result == CUDA_SUCCESS && needs_context)
		result = runtime_context_ensure();
	return result;
}

static cudaError_t call_finish(uint32_t cbid, const char *name, CUresult result)
{
	if (cbid != UNTRACED_CALL)
		runtime_call_end(cbid, name, (int)result);
	if (result != CUDA_SUCCESS)
		last_error = (cudaError_t)result;
	return (cudaError_t)result;
}

#define FLAG_ARGS(...) (per_thread, __VA_ARGS__)

#define CALL(name, cbid, version, context, params, args)			\
	cudaError_t name params							\
	{									\
		CUresult result = call_prepare(cbid, #name, context);		\
										\
		if (result == CUDA_SUCCESS)					\
			result = impl_##name args;				\
		return call_finish(cbid, #name, result);			\
	}
#define UNTRACED(name, context, params, args) CALL(name, UNTRACED_CALL, 0, context, params, args)
#define ONE_OF_TWO(name, symbol, cbid, is_per_thread, params, args)		\
	cudaError_t symbol params						\
	{									\
		const bool per_thread = is_per_thread;				\
		CUresult result = call_prepare(cbid, #symbol, true);		\
										\
		if (result == CUDA_SUCCESS)					\
			result = impl_##name FLAG_ARGS args;			\
		return call_finish(cbid, #symbol, result);			\
	}
#define STREAM(name, twin, cbid, version, twin_cbid, twin_version, params, args)	\
	ONE_OF_TWO(name, name, cbid, false, params, args)				\
	ONE_OF_TWO(name, twin, twin_cbid, true, params, args)
#include "simcuda/runtime_api.def"
#undef CALL
#undef UNTRACED
#undef STREAM

cudaError_t cudaGetLastError(void)
{
	cudaError_t error = last_error;

	last_error = cudaSuccess;
	return error;
}

cudaError_t cudaPeekAtLastError(void)
{
	return last_error;
}

const char *cudaGetErrorName(cudaError_t error)
{
	static const struct {
		cudaError_t error;
		const char *name;
	} names[] = {
#define ERROR(name, value) { name, #name },
#include "simcuda/runtime_errors.def"
#undef ERROR
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].error == error)
			return names[i].name;
	}
	return "unrecognized error code";
}

/* The numbers are the driver's but for a few that only the runtime has: those get their name. */
const char *cudaGetErrorString(cudaError_t error)
{
	const char *text = NULL;

	if (runtime_driver_open() == CUDA_SUCCESS &&
	    DRIVER(cuGetErrorString, (CUresult)error, &text) == CUDA_SUCCESS && text)
		return text;
	return cudaGetErrorName(error);
}
