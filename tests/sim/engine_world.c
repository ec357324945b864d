/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the simulated device's timeline share. */
#include "sim/engine_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEPT_MAX 32

struct row rows[ROWS_MAX];
size_t row_count;
CUcontext world_context;
CUfunction kernel_100us, kernel_1ms, kernel_100ms, kernel_shaped;

static char truth_path[64] = "/tmp/gputrail-engine-XXXXXX";
static char costs_path[64] = "/tmp/gputrail-costs-XXXXXX";
static long skipped;
static CUgraph kept_graph[KEPT_MAX];
static CUgraphExec kept_exec[KEPT_MAX];
static CUevent kept_event[KEPT_MAX];
static int kept_graphs, kept_execs, kept_events;
static uint32_t *gate, gate_number;

static const char image[] =
	".version 8.0\n.target sm_80\n.address_size 64\n"
	".visible .entry kernel_100us(.param .u64 p)\n{\nret;\n}\n"
	".visible .entry kernel_1ms(.param .u64 p)\n{\nret;\n}\n"
	".visible .entry _ZN4test12kernel_100msEPi(.param .u64 p)\n{\nret;\n}\n"
	".visible .entry kernel_shaped(.param .u64 p)\n{\nret;\n}\n";

static void write_costs(void)
{
	FILE *file = fdopen(mkstemp(costs_path), "w");

	fputs("# durations the tests count on\nkernel_100us fixed_us=100\nkernel_1m? "
	      "fixed_us=1000\n"
	      "kernel_100ms fixed_us=100000\n",
	      file);
	if (getenv("TEST_COSTS"))
		fprintf(file, "%s\n", getenv("TEST_COSTS"));
	fclose(file);
	setenv("SIMCUDA_COSTS", costs_path, 1);
}

int world_open(void **state)
{
	CUmodule module;

	(void)state;
	if (getenv("TEST_TRUTH")) {
		setenv("SIMCUDA_TRUTH", getenv("TEST_TRUTH"), 1);
	} else {
		close(mkstemp(truth_path));
		setenv("SIMCUDA_TRUTH", truth_path, 1);
	}
	setenv("SIMCUDA_DEVICE", "H100", 1);
	setenv("SIMCUDA_DEVICES", "2", 1);
	write_costs();
	return cuInit(0) || cuDevicePrimaryCtxRetain(&world_context, 0) ||
	       cuCtxSetCurrent(world_context) || cuModuleLoadData(&module, image) ||
	       cuModuleGetFunction(&kernel_100us, module, "kernel_100us") ||
	       cuModuleGetFunction(&kernel_1ms, module, "kernel_1ms") ||
	       cuModuleGetFunction(&kernel_100ms, module, "_ZN4test12kernel_100msEPi") ||
	       cuMemHostAlloc((void **)&gate, sizeof(*gate), 0) ||
	       cuModuleGetFunction(&kernel_shaped, module, "kernel_shaped");
}

int world_close(void **state)
{
	(void)state;
	unlink(truth_path);
	unlink(costs_path);
	return 0;
}

CUresult launch(CUfunction function, unsigned blocks, CUstream stream)
{
	uint64_t argument = 0;
	void *arguments[] = { &argument };

	return cuLaunchKernel(function, blocks, 1, 1, 128, 1, 1, 0, stream, arguments, NULL);
}

CUgraph keep_graph(CUgraph graph)
{
	assert_true(kept_graphs < KEPT_MAX);
	return kept_graph[kept_graphs++] = graph;
}

CUgraphExec keep_exec(CUgraphExec exec)
{
	assert_true(kept_execs < KEPT_MAX);
	return kept_exec[kept_execs++] = exec;
}

CUevent keep_event(CUevent event)
{
	assert_true(kept_events < KEPT_MAX);
	return kept_event[kept_events++] = event;
}

/* What the test destroyed itself is refused, and that is well. */
int kept_drop(void **state)
{
	(void)state;
	while (kept_execs)
		cuGraphExecDestroy(kept_exec[--kept_execs]);
	while (kept_graphs)
		cuGraphDestroy(kept_graph[--kept_graphs]);
	while (kept_events)
		cuEventDestroy_v2(kept_event[--kept_events]);
	return 0;
}

void gate_close(CUstream stream)
{
	OK(cuStreamWaitValue32_v2(stream, (CUdeviceptr)(uintptr_t)gate, gate_number + 1,
				  CU_STREAM_WAIT_VALUE_GEQ));
}

void gate_open(void)
{
	__atomic_store_n(gate, ++gate_number, __ATOMIC_SEQ_CST);
}

void rows_skip(void)
{
	FILE *file;

	simcuda_settle();
	file = fopen(truth_path, "r");
	fseek(file, 0, SEEK_END);
	skipped = ftell(file);
	fclose(file);
	row_count = 0;
}

static unsigned long long number(const char *text)
{
	return strtoull(text, NULL, 0);
}

static void row_read(char *line, struct row *row)
{
	char *field[28];
	int count = 0;

	line[strcspn(line, "\n")] = '\0';
	while (line && count < 28)
		field[count++] = strsep(&line, "\t");
	assert_int_equal(count, 28);
	assert_null(line);
	*row = (struct row){
		.id = number(field[1]),
		.correlation = number(field[2]),
		.tid = number(field[4]),
		.submit_ns = number(field[5]),
		.start_ns = number(field[6]),
		.end_ns = number(field[7]),
		.device = atoi(field[8]),
		.context = number(field[9]),
		.stream = number(field[10]),
		.bytes = number(field[16]),
		.graph = number(field[20]),
		.node = number(field[21]),
		.waited_for = number(field[23]),
		.event = number(field[24]),
		.address = number(field[25]),
		.blocked_ns = number(field[27]),
	};
	snprintf(row->kind, sizeof(row->kind), "%s", field[0]);
	snprintf(row->name, sizeof(row->name), "%s", field[11]);
	snprintf(row->grid, sizeof(row->grid), "%s", field[12]);
	snprintf(row->cluster, sizeof(row->cluster), "%s", field[14]);
	snprintf(row->copy_kind, sizeof(row->copy_kind), "%s", field[17]);
	snprintf(row->source_kind, sizeof(row->source_kind), "%s", field[18]);
	snprintf(row->destination_kind, sizeof(row->destination_kind), "%s", field[19]);
	snprintf(row->cause, sizeof(row->cause), "%s", field[22]);
	snprintf(row->status, sizeof(row->status), "%s", field[26]);
}

static void file_read(const char *path, long from)
{
	char line[8192];
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	row_count = 0;
	if (from == 0) {
		assert_non_null(fgets(line, sizeof(line), file));
		assert_int_equal(strncmp(line, "kind\tid\tcorrelation\t", 20), 0);
	} else {
		fseek(file, from, SEEK_SET);
	}
	while (fgets(line, sizeof(line), file)) {
		assert_true(row_count < ROWS_MAX);
		row_read(line, &rows[row_count++]);
	}
	fclose(file);
}

void rows_read(void)
{
	simcuda_settle();
	file_read(truth_path, skipped);
}

void rows_read_file(const char *directory, const char *name, int pid)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s-%d", directory, name, pid);
	file_read(path, 0);
}

const struct row *row_of(const char *kind, size_t nth)
{
	for (size_t i = 0; i < row_count; i++)
		if (strcmp(rows[i].kind, kind) == 0 && nth-- == 0)
			return &rows[i];
	fail_msg("no row of kind %s", kind);
	return NULL;
}

size_t rows_of(const char *kind)
{
	size_t count = 0;

	for (size_t i = 0; i < row_count; i++)
		count += strcmp(rows[i].kind, kind) == 0;
	return count;
}

int rows_overlap(const struct row *a, const struct row *b)
{
	return a->start_ns < b->end_ns && b->start_ns < a->end_ns;
}
