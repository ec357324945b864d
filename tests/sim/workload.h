/* SPDX-License-Identifier: Apache-2.0 */
/* A little of everything a device does, through the driver API found in libcuda.so.1. */
#ifndef GPUTRAIL_TESTS_SIM_WORKLOAD_H
#define GPUTRAIL_TESTS_SIM_WORKLOAD_H

#include "driver/driver_types.h"

/* Kernels of one and of many blocks, copies of each kind, sets, a captured graph launched three
 * times, waits. Exits with a message when a call fails. */
void workload_run(void *libcuda);

#endif
