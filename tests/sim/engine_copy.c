/* SPDX-License-Identifier: Apache-2.0 */
/* Copies and sets on the simulated device: the bytes, the kinds, who waits, what overlaps. */
#include "sim/engine_world.h"

#include <stdlib.h>
#include <string.h>

static CUdeviceptr device_new(size_t bytes)
{
	CUdeviceptr address;

	OK(cuMemAlloc_v2(&address, bytes));
	return address;
}

static CUstream stream_new(void)
{
	CUstream stream;

	OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
	return stream;
}

static void *pinned_new(size_t bytes)
{
	void *memory;

	OK(cuMemHostAlloc(&memory, bytes, 0));
	return memory;
}

static void fill(unsigned char *bytes, size_t count, unsigned seed)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (unsigned char)(i * 7 + seed);
}

static void test_bytes_through_the_device(void **unused)
{
	unsigned char *from = malloc(MIB), *to = calloc(1, MIB);
	CUdeviceptr a = device_new(MIB), b = device_new(MIB);
	CUstream stream = stream_new();

	(void)unused;
	fill(from, MIB, 1);
	rows_skip();
	OK(cuMemcpyHtoDAsync_v2(a, from, MIB, stream));
	OK(cuMemcpyDtoDAsync_v2(b, a, MIB, stream));
	OK(cuMemcpyDtoHAsync_v2(to, b, MIB, stream));
	assert_memory_equal(from, to, MIB);	/* pageable: the call has waited */
	rows_read();
	assert_string_equal(row_of("copy", 0)->copy_kind, "HtoD");
	assert_string_equal(row_of("copy", 0)->source_kind, "pageable");
	assert_string_equal(row_of("copy", 1)->copy_kind, "DtoD");
	assert_string_equal(row_of("copy", 2)->copy_kind, "DtoH");
	assert_string_equal(row_of("copy", 2)->destination_kind, "pageable");
	assert_int_equal(row_of("copy", 2)->bytes, MIB);
	assert_true(row_of("copy", 1)->start_ns > row_of("copy", 0)->end_ns);
	free(from);
	free(to);
}

/* A small pageable copy takes the bytes as they are at the call. */
static void test_staged_copy(void **unused)
{
	unsigned char from[1000], to[1000];
	CUdeviceptr a = device_new(1000);
	CUstream stream = stream_new();

	(void)unused;
	fill(from, sizeof(from), 2);
	memcpy(to, from, sizeof(to));
	gate_close(stream);
	OK(cuMemcpyHtoDAsync_v2(a, from, sizeof(from), stream));
	memset(from, 0, sizeof(from));
	gate_open();
	OK(cuStreamSynchronize(stream));
	OK(cuMemcpyDtoH_v2(from, a, sizeof(from)));
	assert_memory_equal(from, to, sizeof(to));
}

/* A pinned one takes them when its turn comes, and returns at once. */
static void test_pinned_copy(void **unused)
{
	unsigned char *from = pinned_new(1000), *to = pinned_new(1000);
	CUdeviceptr a = device_new(1000);
	CUstream stream = stream_new();

	(void)unused;
	fill(from, 1000, 3);
	memset(to, 0, 1000);
	rows_skip();
	gate_close(stream);
	OK(cuMemcpyHtoDAsync_v2(a, from, 1000, stream));
	OK(cuMemcpyDtoHAsync_v2(to, a, 1000, stream));
	fill(from, 1000, 4);
	assert_int_equal(to[1], 0);
	gate_open();
	OK(cuStreamSynchronize(stream));
	assert_memory_equal(from, to, 1000);
	rows_read();
	assert_string_equal(row_of("copy", 0)->source_kind, "pinned");
	assert_string_equal(row_of("copy", 0)->destination_kind, "device");
}

/* Two directions have an engine each; two copies of one direction take turns. */
static void test_copy_engines(void **unused)
{
	size_t bytes = 16 * MIB;
	void *host = pinned_new(3 * bytes);
	CUdeviceptr a = device_new(3 * bytes);
	CUstream streams[3] = { stream_new(), stream_new(), stream_new() };
	const struct row *in[2] = { NULL, NULL }, *out = NULL;

	(void)unused;
	rows_skip();
	for (int i = 0; i < 3; i++)
		gate_close(streams[i]);
	OK(cuMemcpyHtoDAsync_v2(a, host, bytes, streams[0]));
	OK(cuMemcpyHtoDAsync_v2(a + bytes, (char *)host + bytes, bytes, streams[1]));
	OK(cuMemcpyDtoHAsync_v2((char *)host + 2 * bytes, a + 2 * bytes, bytes, streams[2]));
	gate_open();
	OK(cuCtxSynchronize());
	rows_read();
	for (size_t i = 0, n = 0; i < 3; i++)
		if (strcmp(row_of("copy", i)->copy_kind, "DtoH") == 0)
			out = row_of("copy", i);
		else
			in[n++] = row_of("copy", i);
	assert_true(in[0] && in[1] && out);
	assert_false(rows_overlap(in[0], in[1]));
	assert_int_equal(in[1]->start_ns, in[0]->end_ns);
	assert_string_equal(in[1]->cause, "copy_engine");
	assert_int_equal(in[1]->waited_for, in[0]->id);
	assert_true(rows_overlap(in[0], out));
}

static void test_rows_and_slices(void **unused)
{
	enum { WIDTH = 24, HEIGHT = 5, DEPTH = 3, PITCH = 64 };
	unsigned char from[DEPTH][HEIGHT][WIDTH], to[DEPTH][HEIGHT][WIDTH];
	CUdeviceptr a = device_new(PITCH * HEIGHT * DEPTH);
	CUDA_MEMCPY3D in = { .srcMemoryType = CU_MEMORYTYPE_HOST,
			     .srcHost = from,
			     .srcPitch = WIDTH,
			     .srcHeight = HEIGHT,
			     .dstMemoryType = CU_MEMORYTYPE_DEVICE,
			     .dstDevice = a,
			     .dstPitch = PITCH,
			     .dstHeight = HEIGHT,
			     .WidthInBytes = WIDTH,
			     .Height = HEIGHT,
			     .Depth = DEPTH };
	CUDA_MEMCPY2D out = { .srcMemoryType = CU_MEMORYTYPE_DEVICE,
			      .srcDevice = a,
			      .srcPitch = PITCH,
			      .dstMemoryType = CU_MEMORYTYPE_HOST,
			      .dstHost = to,
			      .dstPitch = WIDTH,
			      .WidthInBytes = WIDTH,
			      .Height = HEIGHT * DEPTH };

	(void)unused;
	fill((unsigned char *)from, sizeof(from), 5);
	memset(to, 0, sizeof(to));
	rows_skip();
	OK(cuMemcpy3D_v2(&in));
	OK(cuMemcpy2D_v2(&out));
	assert_memory_equal(from, to, sizeof(to));
	rows_read();
	assert_int_equal(row_of("copy", 0)->bytes, sizeof(from));
	out.srcXInBytes = 4;
	out.srcY = 2;
	out.WidthInBytes = 4;
	out.Height = 1;
	OK(cuMemcpy2D_v2(&out));
	assert_memory_equal(to, &from[0][2][4], 4);
	out.srcPitch = 2;
	assert_int_equal(cuMemcpy2D_v2(&out), CUDA_ERROR_INVALID_VALUE);
}

static void test_refused_copies(void **unused)
{
	CUdeviceptr a = device_new(4096);
	char host[8192] = "";

	(void)unused;
	assert_int_equal(cuMemcpyHtoD_v2(a, host, 8192), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemcpyHtoD_v2(a, NULL, 16), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemcpyDtoH_v2(host, a + 4090, 16), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemsetD8_v2(a, 0, 4097), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemsetD32_v2(a + 2, 0, 1), CUDA_ERROR_INVALID_VALUE);
	OK(cuMemcpyHtoD_v2(a, host, 0));
}

static void test_sets(void **unused)
{
	CUdeviceptr a = device_new(256);
	uint32_t words[64];
	unsigned char *bytes = (unsigned char *)words;

	(void)unused;
	rows_skip();
	OK(cuMemsetD32_v2(a, 0x01020304, 64));
	OK(cuMemsetD16Async(a + 8, 0xbeef, 2, NULL));
	OK(cuMemsetD2D8Async(a + 128, 16, 0x55, 4, 3, NULL));
	OK(cuMemcpyDtoH_v2(words, a, sizeof(words)));
	assert_int_equal(words[0], 0x01020304);
	assert_int_equal(words[2], 0xbeefbeef);
	assert_int_equal(words[3], 0x01020304);
	for (int y = 0; y < 3; y++) {
		assert_int_equal(bytes[128 + 16 * y + 3], 0x55);
		assert_int_equal(bytes[128 + 16 * y + 4], 0x04);
	}
	rows_read();
	assert_int_equal(rows_of("set"), 3);
	assert_int_equal(row_of("set", 0)->bytes, 256);
	assert_int_equal(row_of("set", 2)->bytes, 12);
	assert_string_equal(row_of("set", 0)->destination_kind, "device");
}

static void test_peer_copy(void **unused)
{
	unsigned char from[512], to[512];
	CUdeviceptr a = device_new(512), b;
	CUcontext other;

	(void)unused;
	OK(cuDevicePrimaryCtxRetain(&other, 1));
	OK(cuCtxPushCurrent_v2(other));
	OK(cuMemAlloc_v2(&b, 512));
	OK(cuCtxPopCurrent_v2(&other));
	fill(from, sizeof(from), 6);
	rows_skip();
	OK(cuMemcpyHtoD_v2(a, from, sizeof(from)));
	OK(cuMemcpyPeerAsync(b, other, a, world_context, sizeof(from), NULL));
	OK(cuCtxSynchronize());
	OK(cuMemcpyDtoH_v2(to, b, sizeof(to)));
	assert_memory_equal(from, to, sizeof(to));
	rows_read();
	assert_string_equal(row_of("copy", 1)->copy_kind, "PtoP");
	OK(cuDevicePrimaryCtxRelease_v2(1));
}

static void test_batch(void **unused)
{
	unsigned char from[2][100], to[2][100];
	CUdeviceptr a = device_new(200), sources[2], destinations[2] = { a, a + 100 };
	size_t sizes[2] = { 100, 100 }, failed = 7, first = 0;
	CUmemcpyAttributes attributes = { .srcAccessOrder = CU_MEMCPY_SRC_ACCESS_ORDER_STREAM };
	CUstream stream = stream_new();

	(void)unused;
	fill((unsigned char *)from, sizeof(from), 8);
	sources[0] = (CUdeviceptr)(uintptr_t)from[0];
	sources[1] = (CUdeviceptr)(uintptr_t)from[1];
	OK(cuMemcpyBatchAsync(destinations, sources, sizes, 2, &attributes, &first, 1, &failed,
			      stream));
	OK(cuStreamSynchronize(stream));
	OK(cuMemcpyDtoH_v2(to, a, sizeof(to)));
	assert_memory_equal(from, to, sizeof(to));
	sizes[1] = 1000;
	assert_int_equal(cuMemcpyBatchAsync(destinations, sources, sizes, 2, &attributes, &first, 1,
					    &failed, stream), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(failed, 1);
}

static void test_stream_ordered_memory(void **unused)
{
	CUstream stream = stream_new();
	CUdeviceptr address;
	size_t free_before, free_after, total;

	(void)unused;
	rows_skip();
	OK(cuMemAllocAsync(&address, MIB, stream));
	OK(cuMemsetD8Async(address, 1, MIB, stream));
	gate_close(stream);
	OK(cuMemFreeAsync(address, stream));
	OK(cuMemGetInfo_v2(&free_before, &total));
	rows_read();
	assert_int_equal(rows_of("alloc"), 1);
	assert_int_equal(rows_of("free"), 0);	/* the stream is not there yet */
	gate_open();
	OK(cuStreamSynchronize(stream));
	OK(cuMemGetInfo_v2(&free_after, &total));
	assert_true(free_after >= free_before);
	rows_read();
	assert_int_equal(rows_of("free"), 1);
	assert_int_equal(row_of("free", 0)->address, address);
	assert_int_equal(row_of("free", 0)->id, row_of("alloc", 0)->id);
	assert_int_equal(rows_of("memory"), 2);
	assert_int_equal(row_of("memory", 1)->bytes, MIB);
}

static void test_memory_on_record(void **unused)
{
	CUdeviceptr address;
	void *host;

	(void)unused;
	rows_skip();
	OK(cuMemAlloc_v2(&address, 12345));
	OK(cuMemHostAlloc(&host, 4096, 0));
	OK(cuMemFreeHost(host));
	OK(cuMemFree_v2(address));
	rows_read();
	assert_int_equal(rows_of("alloc"), 2);
	assert_int_equal(rows_of("free"), 2);
	assert_string_equal(row_of("alloc", 0)->name, "device");
	assert_string_equal(row_of("alloc", 1)->name, "host");
	assert_int_equal(row_of("alloc", 0)->bytes, 12345);
	assert_int_equal(row_of("alloc", 0)->address, address);
	assert_int_equal(row_of("free", 1)->id, row_of("alloc", 0)->id);
	assert_int_equal(row_of("alloc", 1)->address, (uintptr_t)host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_through_the_device),
		cmocka_unit_test(test_staged_copy),
		cmocka_unit_test(test_pinned_copy),
		cmocka_unit_test(test_copy_engines),
		cmocka_unit_test(test_rows_and_slices),
		cmocka_unit_test(test_refused_copies),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_peer_copy),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_stream_ordered_memory),
		cmocka_unit_test(test_memory_on_record),
	};

	return cmocka_run_group_tests(tests, world_open, world_close);
}
