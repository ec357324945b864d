/* SPDX-License-Identifier: Apache-2.0 */
/* A program built as nvcc builds one: a registered fat binary and launches by the runtime API. */
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "tests/shim/launch3.h"

struct dim3 {
	unsigned x, y, z;
};

void **__cudaRegisterFatBinary(void *image);
void __cudaRegisterFatBinaryEnd(void **binary);
void __cudaRegisterFunction(void **binary, const char *host, char *device, const char *name,
			    int thread_limit, void *tid, void *bid, struct dim3 *block,
			    struct dim3 *grid, int *warp_size);
int cudaLaunchKernel(const void *function, struct dim3 grid, struct dim3 block, void **args,
		     size_t shared, void *stream);
int cudaDeviceSynchronize(void);

/* A fat binary with one entry of PTX: magic, version, header size, size of all entries; then the
 * entry's kind, header size, payload size and architecture. */
static struct {
	uint32_t magic;
	uint16_t version, header_bytes;
	uint64_t entries_bytes;
	uint16_t kind, entry_version;
	uint32_t entry_header_bytes;
	uint64_t payload_bytes;
	uint32_t packed_bytes, unused;
	uint32_t minor, sm;
	uint32_t unused_more[8];
	char text[256];
} container = {
	.magic = 0xba55ed50, .version = 1, .header_bytes = 16, .entries_bytes = 64 + 256,
	.kind = 1, .entry_version = 0x101, .entry_header_bytes = 64, .payload_bytes = 256,
	.minor = 7 << 16, .sm = 70,
};
static struct { uint32_t magic, version; void *data, *unused; } wrapper = {
	0x466243b1, 1, &container, NULL,
};

static void kernel3(void)
{
}

int main(int argc, char **argv)
{
	struct dim3 block = { 32, 1, 1 };
	void **binary;

	for (size_t i = 0; i < sizeof(launch3_image); i++)
		container.text[i] = launch3_image[i];
	binary = __cudaRegisterFatBinary(&wrapper);
	__cudaRegisterFunction(binary, (const char *)kernel3, (char *)(uintptr_t)"kernel3",
			       "kernel3", -1, NULL, NULL, NULL, NULL, NULL);
	__cudaRegisterFatBinaryEnd(binary);
	for (unsigned i = 1; i <= 3; i++) {
		struct dim3 grid = { i, 2, 1 };

		NEED(!cudaLaunchKernel((const void *)kernel3, grid, block, NULL, 64, NULL));
	}
	NEED(!cudaDeviceSynchronize());
	if (argc > 1 && !strcmp(argv[1], "_exit"))
		_exit(0);
	return 0;
}
