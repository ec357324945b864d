/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated driver as `record --sim` uses it. */
#ifndef GPUTRAIL_CMD_SIMULATED_H
#define GPUTRAIL_CMD_SIMULATED_H

#include <stdbool.h>
#include <stddef.h>

/* Told before anything is recorded, for the driver itself could only fail in the program. */
bool simulated_is_known(const char *device);	/* "": the default one */
extern const char simulated_devices[];		/* " A100 H100 ..." */

/* Makes the page of meters that the simulated NVML reads, and names it in the environment, the
 * recorded program's too. */
void simulated_meters(void);
/* The simulated NVML in `sim_dir`. */
const char *simulated_nvml(const char *sim_dir, char *path, size_t path_bytes);

#endif
