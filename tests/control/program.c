/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CUDA program that does what it is told, line by line, and says "ok" after each:
 *
 *	launch N	N kernels, grid 3; waits for them
 *	replay N	N launches of a graph of four kernels and a set; waits for them
 *	copy N		N copies of 64 bytes to the device; waits for them
 *	steps N		N steps: a copy to the device, nine kernels of grid 3, a graph launch, a copy
 *			to the host; half of the time it waits before a step, half inside of it
 *	slow N		N kernels of 20 ms, not waited for
 *	capture N	captures N kernels of grid 5 on a blocking stream, with N of grid 9 on another
 *			stream meanwhile; replays once
 *	begin, end	cuProfilerStart, cuProfilerStop
 *	subscribe NAME	holds CUPTI under this name, before the driver is used
 *	release		lets it go
 *	profile		begins to trace, as another tool in the process does
 *	profiled N	ends that, and has seen N kernels
 *	init		cuInit and all that; implied by the others
 *	fork		a child that makes nothing of CUDA, and one that does all of it
 */
#include <dlfcn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "simcuda/cupti.h"
#include "tests/control/borrow.h"
#include "tests/shim/app.h"

static const char image[] = ".version 7.0\n.target sm_70\n.address_size 64\n"
	".visible .entry quick(.param .u64 p)\n{\n\tret;\n}\n"
	".visible .entry slow(.param .u64 p)\n{\n\tret;\n}\n";

static void *driver;
#define CU(name) ((__typeof__(&name))(uintptr_t)dlsym(driver, #name))
#define OK(name, ...) NEED(CU(name)(__VA_ARGS__) == CUDA_SUCCESS)

static CUfunction quick, slow;
static CUstream stream, blocking;
static CUgraphExec graph;
static CUdeviceptr memory;

static void launch(CUfunction function, unsigned blocks, CUstream where)
{
	void *argument = NULL, *arguments[] = { &argument };

	OK(cuLaunchKernel, function, blocks, 1, 1, 32, 1, 1, 0, where, arguments, NULL);
}

static CUgraphExec captured(int kernels, unsigned blocks, CUstream where)
{
	CUgraphExec executable;
	CUgraph made;

	OK(cuStreamBeginCapture_v2, where, CU_STREAM_CAPTURE_MODE_GLOBAL);
	for (int i = 0; i < kernels; i++) {
		launch(quick, blocks, where);
		launch(quick, 9, stream);	/* beside it */
	}
	OK(cuStreamEndCapture, where, &made);
	OK(cuGraphInstantiateWithFlags, &executable, made, 0);
	return executable;
}

static void init(void)
{
	CUcontext context;
	CUmodule module;

	if (driver)
		return;
	driver = dlopen("libcuda.so.1", RTLD_NOW);
	NEED(driver);
	OK(cuInit, 0);
	OK(cuDevicePrimaryCtxRetain, &context, 0);
	OK(cuCtxSetCurrent, context);
	OK(cuModuleLoadData, &module, image);
	OK(cuModuleGetFunction, &quick, module, "quick");
	OK(cuModuleGetFunction, &slow, module, "slow");
	OK(cuStreamCreate, &stream, CU_STREAM_NON_BLOCKING);
	OK(cuStreamCreate, &blocking, CU_STREAM_DEFAULT);
	OK(cuMemAlloc_v2, &memory, 4096);
}

static void make_graph(void)
{
	CUgraph made;

	if (graph)
		return;
	OK(cuStreamBeginCapture_v2, stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
	for (int i = 0; i < 4; i++)
		launch(quick, 7, stream);
	OK(cuMemsetD8Async, memory, 1, 64, stream);
	OK(cuStreamEndCapture, stream, &made);
	OK(cuGraphInstantiateWithFlags, &graph, made, 0);
}

static void capture(int kernels)
{
	CUgraphExec executable = captured(kernels, 5, blocking);

	OK(cuGraphLaunch, executable, blocking);
	OK(cuStreamSynchronize, blocking);
	OK(cuGraphExecDestroy, executable);
}

static void *cupti;
static CUpti_SubscriberHandle subscriber;
static void on_callback(void *data, CUpti_CallbackDomain domain, CUpti_CallbackId id,
			const void *call)
{
	(void)data;
	(void)domain;
	(void)id;
	(void)call;
}

static void subscribe(const char *name)
{
	CUpti_SubscriberParams params = { .structSize = sizeof(params), .subscriberName = name };
	__typeof__(&cuptiSubscribe_v2) call;

	cupti = dlopen("libcupti.so.13", RTLD_NOW);
	NEED(cupti);
	call = (__typeof__(call))(uintptr_t)dlsym(cupti, "cuptiSubscribe_v2");
	for (int tries = 0; tries < 1000; tries++) {	/* whoever has it may be about to let go */
		if (call(&subscriber, on_callback, NULL, &params) == CUPTI_SUCCESS)
			return;
		usleep(10000);
	}
	NEED(!"subscribed");
}

static void release(void)
{
	__typeof__(&cuptiUnsubscribe) call =
		(__typeof__(call))(uintptr_t)dlsym(cupti, "cuptiUnsubscribe");

	NEED(call(subscriber) == CUPTI_SUCCESS);
}

static void forks(char **argv)
{
	pid_t child = fork();
	int status = 1;

	if (child == 0)
		_exit(0);
	NEED(waitpid(child, &status, 0) == child && status == 0);
	child = fork();
	if (child == 0) {
		execl(argv[0], argv[0], "child", NULL);
		_exit(99);
	}
	NEED(waitpid(child, &status, 0) == child && status == 0);
}

static void step(void)
{
	static char host[64];

	usleep(1500);
	OK(cuMemcpyHtoDAsync_v2, memory, host, sizeof(host), stream);
	for (int i = 0; i < 9; i++) {
		usleep(i % 2 ? 400 : 0);
		launch(quick, 3, stream);
	}
	OK(cuGraphLaunch, graph, stream);
	OK(cuMemcpyDtoHAsync_v2, host, memory, sizeof(host), stream);
	OK(cuStreamSynchronize, stream);
}

static void many(int count, CUfunction function, CUstream where)
{
	for (int i = 0; i < count; i++)
		launch(function, 3, where);
}

static void obey(char *word, int n, char **argv)
{
	static char host[64];

	if (!strncmp(word, "subscribe ", 10)) {
		subscribe(word + 10);
		return;
	}
	if (!strcmp(word, "release")) {
		release();
		return;
	}
	if (!strcmp(word, "profile")) {
		borrow_begin();
		return;
	}
	if (!strcmp(word, "profiled")) {
		NEED(borrow_end() == n);
		return;
	}
	init();
	if (!strcmp(word, "launch")) {
		many(n, quick, stream);
	} else if (!strcmp(word, "legacy")) {
		many(n, quick, NULL);
	} else if (!strcmp(word, "slow")) {
		many(n, slow, stream);
		return;
	} else if (!strcmp(word, "replay")) {
		make_graph();
		for (int i = 0; i < n; i++)
			OK(cuGraphLaunch, graph, stream);
	} else if (!strcmp(word, "steps")) {
		make_graph();
		for (int i = 0; i < n; i++)
			step();
	} else if (!strcmp(word, "copy")) {
		for (int i = 0; i < n; i++)
			OK(cuMemcpyHtoDAsync_v2, memory, host, sizeof(host), stream);
	} else if (!strcmp(word, "capture")) {
		capture(n);
	} else if (!strcmp(word, "begin")) {
		OK(cuProfilerStart, );
	} else if (!strcmp(word, "end")) {
		OK(cuProfilerStop, );
	} else if (!strcmp(word, "fork")) {
		forks(argv);
	} else if (strcmp(word, "init")) {
		fprintf(stderr, "control-program: what is '%s'?\n", word);
		exit(1);
	}
	OK(cuCtxSynchronize, );
}

int main(int argc, char **argv)
{
	char line[256], *space;

	if (argc > 1 && !strcmp(argv[1], "child")) {
		obey(strdup("launch"), 5, argv);
		return 0;
	}
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		space = strncmp(line, "subscribe", 9) ? strchr(line, ' ') : NULL;
		if (space)
			*space = '\0';
		obey(line, space ? atoi(space + 1) : 1, argv);
		printf("ok\n");
		fflush(stdout);
	}
	return 0;
}
