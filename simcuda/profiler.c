/* SPDX-License-Identifier: Apache-2.0 */
/* The profiler's switches: accepted, without effect on the simulation. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/core.h"

IMPL(cuProfilerStart)(void)
{
	CUresult result;

	sim_current(&result);
	return result;
}

IMPL(cuProfilerStop)(void)
{
	CUresult result;

	sim_current(&result);
	return result;
}

/* Left the driver with CUDA 12; drivers since then answer like this. */
IMPL(cuProfilerInitialize)(const char *configFile, const char *outputFile, unsigned int outputMode)
{
	(void)configFile;
	(void)outputFile;
	(void)outputMode;
	return CUDA_ERROR_NOT_SUPPORTED;
}
