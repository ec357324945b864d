/* SPDX-License-Identifier: Apache-2.0 */
/* A program linked to libcuda: no look-up of its own. */
#include "tests/shim/launch3.h"

int main(void)
{
	struct driver driver = LAUNCH3_LINKED;

	launch3(&driver);
	return 0;
}
