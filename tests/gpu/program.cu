// SPDX-License-Identifier: Apache-2.0
// Programs for tests/gpu/run: `program CASE` does one thing and says what a recording must hold.
#include "program.h"

#include <cstring>

static const gpu_case *const lists[] = { launch_cases, memory_cases, process_cases };

int main(int argc, char **argv)
{
	for (const gpu_case *list : lists)
		for (const gpu_case *c = list; c->name; c++) {
			if (argc < 2) {
				say("%s", c->name);
			} else if (!std::strcmp(argv[1], c->name)) {
				c->run();
				return 0;
			}
		}
	if (argc > 1)
		std::fprintf(stderr, "no case '%s'\n", argv[1]);
	return argc > 1;
}
