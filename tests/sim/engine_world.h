/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the simulated device's timeline share: context, kernels, truth file's rows. */
#ifndef GPUTRAIL_TESTS_SIM_ENGINE_WORLD_H
#define GPUTRAIL_TESTS_SIM_ENGINE_WORLD_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/driver_calls.h"

#define OK(call) assert_int_equal(call, CUDA_SUCCESS)
#define ROWS_MAX 20000

/* One line of the truth file. */
struct row {
	char kind[16], name[64], copy_kind[8], source_kind[16], destination_kind[16], cause[16],
		status[16], grid[32], cluster[32];
	unsigned long long id, correlation, submit_ns, start_ns, end_ns, context, stream, bytes,
		graph, node, waited_for, event, address, tid, blocked_ns;
	int device;
};

extern struct row rows[ROWS_MAX];
extern size_t row_count;
extern CUcontext world_context;
/* Kernels of fixed duration, and one that takes what its shape says. */
extern CUfunction kernel_100us, kernel_1ms, kernel_100ms, kernel_shaped;

int world_open(void **state);
int world_close(void **state);

/* Launches with as many blocks of 128 threads. */
CUresult launch(CUfunction function, unsigned blocks, CUstream stream);

/* Destroyed when the test ends, if they still are: the teardown of tests that make any. */
CUgraph keep_graph(CUgraph graph);
CUgraphExec keep_exec(CUgraphExec exec);
CUevent keep_event(CUevent event);
int kept_drop(void **state);

/* Holds the stream's next work until gate_open(), so that a test does not race with the device. */
void gate_close(CUstream stream);
void gate_open(void);

/* Forgets what was written so far, so that the next rows_read() gives only what follows. */
void rows_skip(void);
/* Brings the truth file up to date and reads the lines since rows_skip(). */
void rows_read(void);
/* Reads all lines of what another process wrote: DIRECTORY/NAME-PID, as TEST_TRUTH told it. */
void rows_read_file(const char *directory, const char *name, int pid);
/* The nth row of that kind, from 0; fails the test when there is none. */
const struct row *row_of(const char *kind, size_t nth);
size_t rows_of(const char *kind);
/* Do the two overlap in time? */
int rows_overlap(const struct row *a, const struct row *b);

/* From the simulator: everything that has ended is on record afterwards. */
void simcuda_settle(void);

#endif
