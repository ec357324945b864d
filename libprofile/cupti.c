/* SPDX-License-Identifier: Apache-2.0 */
/* GPU times from CUPTI activity records. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/gpu_backend.h"

static bool cupti_start(void)
{
	gpu_backend_note("no CUPTI library was looked for", "");
	return false;
}

const struct gpu_backend gpu_backend_cupti = {
	.kind = WIRE_BACKEND_CUPTI,
	.start = cupti_start,
};
