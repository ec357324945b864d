/* SPDX-License-Identifier: Apache-2.0 */
/* The cost model's settings: each is tried in a process of its own that prints durations. */
#include "sim/engine_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of a copy, of a kernel of one block, of many blocks, and of a fixed one, in ns. */
struct durations {
	unsigned long long copy, one, many, fixed;
};

static int child(void)
{
	CUdeviceptr address;
	void *host;

	if (world_open(NULL) || cuMemAlloc_v2(&address, MIB) || cuMemHostAlloc(&host, MIB, 0))
		return 1;
	rows_skip();
	if (cuMemcpyHtoDAsync_v2(address, host, MIB, NULL) || launch(kernel_shaped, 1, NULL) ||
	    launch(kernel_shaped, 20000, NULL) || launch(kernel_100us, 1, NULL) ||
	    cuCtxSynchronize())
		return 1;
	rows_read();
	printf("%llu", row_of("copy", 0)->end_ns - row_of("copy", 0)->start_ns);
	for (size_t i = 0; i < 3; i++)
		printf(" %llu", row_of("kernel", i)->end_ns - row_of("kernel", i)->start_ns);
	printf("\n");
	return world_close(NULL);
}

/* `settings` are put before the program in a shell; costs is an extra line of the cost file. */
static struct durations run(const char *settings, const char *costs)
{
	struct durations durations = { 0, 0, 0, 0 };
	char command[1024], self[512] = "";
	FILE *output;

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(command, sizeof(command), "TEST_COSTS='%s' %s '%s' child", costs, settings, self);
	output = popen(command, "r");
	assert_non_null(output);
	assert_int_equal(fscanf(output, "%llu %llu %llu %llu", &durations.copy, &durations.one,
				&durations.many, &durations.fixed), 4);
	assert_int_equal(pclose(output), 0);
	return durations;
}

static void test_seed(void **unused)
{
	struct durations a = run("SIMCUDA_SEED=7", ""), b = run("SIMCUDA_SEED=7", "");
	struct durations c = run("SIMCUDA_SEED=8", "");

	(void)unused;
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(a.many != c.many);
	assert_int_equal(a.fixed, c.fixed);
}

static void test_scale(void **unused)
{
	struct durations plain = run("SIMCUDA_SEED=7", ""),
			 slow = run("SIMCUDA_SEED=7 SIMCUDA_TIME_SCALE=10", "");

	(void)unused;
	assert_int_equal(plain.fixed, 100000);
	assert_int_equal(slow.fixed, 1000000);
	assert_in_range(slow.many, 10 * plain.many, 10 * plain.many + 10);
}

static void test_slow_copy(void **unused)
{
	struct durations plain = run("SIMCUDA_SEED=7", ""),
			 slow = run("SIMCUDA_SEED=7 SIMCUDA_SLOW_COPY=5", "");

	(void)unused;
	assert_in_range(slow.copy, 5 * plain.copy, 5 * plain.copy + 5);
	assert_int_equal(slow.many, plain.many);
	/* H100: 63 GB/s of PCIe at 85 %, 1.3 us to begin with */
	assert_in_range(plain.copy, 1200 + 1048576 / 60, 1400 + 1048576 / 45);
}

static void test_cost_file(void **unused)
{
	struct durations d = run("", "kernel_shaped base_us=1 bytes_per_block=3350 jitter=0");

	(void)unused;
	assert_in_range(d.one, 1000, 1001);		/* H100: some 3350 GB/s */
	assert_in_range(d.many, 20900, 21100);
	d = run("", "kernel_sh* base_us=0 per_block_ns=5 jitter=0 # and a comment");
	assert_int_equal(d.one, 5);
	assert_int_equal(d.many, 100000);
	d = run("", "kernel_shaped base_us=0 flops=989e6 jitter=0");
	assert_in_range(d.one, 900, 1100);	/* H100: 989 TFLOP/s */
	assert_int_equal(d.one, d.many);
}

/* What cannot be understood is named, and the rest of the line counts. */
static void test_bad_cost_line(void **unused)
{
	struct durations d = run("2>/dev/null", "kernel_shaped colour=4 fixed_us=5");

	(void)unused;
	assert_int_equal(d.one, 5000);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seed),	  cmocka_unit_test(test_scale),
		cmocka_unit_test(test_slow_copy), cmocka_unit_test(test_cost_file),
		cmocka_unit_test(test_bad_cost_line),
	};

	if (argc > 1 && strcmp(argv[1], "child") == 0)
		return child();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
