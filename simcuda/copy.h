/* SPDX-License-Identifier: Apache-2.0 */
/* Copies: from any call's arguments to one description. */
#ifndef GPUTRAIL_SIMCUDA_COPY_H
#define GPUTRAIL_SIMCUDA_COPY_H

#include "simcuda/engine.h"

/* Fills in sides, devices and kind from the addresses, and checks the ranges. */
CUresult sim_copy_classify(struct sim_copy *copy);
/* Submits, stages and waits as the driver does for these kinds of memory. */
CUresult sim_copy_submit(struct sim_copy *copy, CUstream stream, bool per_thread, bool is_async);
CUresult sim_copy_of_3d(const CUDA_MEMCPY3D *from, struct sim_copy *copy);

static inline size_t sim_copy_bytes(const struct sim_copy *copy)
{
	return copy->width * copy->height * copy->depth;
}

#endif
