/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: any bytes as an ELF file, a map of a JIT compiler, a .gnu_debugdata section.
 * Run: ./fuzz-symbols -max_total_time=30 CORPUS (small ELFs) */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collector/minidebug.h"
#include "collector/symbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct symbols *symbols = NULL;
	size_t bytes;
	char path[64];

	free(minidebug_decode(data, size, &bytes));
	if (fd < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, data, size) == (ssize_t)size)
		symbols = symbols_open(path, NULL, 0, NULL);
	for (uint64_t address = 1; symbols && address; address <<= 1) {
		const char *name = symbols_find(symbols, address, NULL);

		if (name && strlen(name) > size)
			__builtin_trap();
	}
	symbols_close(symbols);
	symbols = symbols_perf_map(path, NULL);
	symbols_close(symbols);
	close(fd);
	return 0;
}
