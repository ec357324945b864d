/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin linked to libcuda. */
#include "tests/shim/launch3.h"

__attribute__((visibility("default"))) void plugin_run(void);
void plugin_run(void)
{
	struct driver driver = LAUNCH3_LINKED;

	launch3(&driver);
}
