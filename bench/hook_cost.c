/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the hook adds to one call: the same loop over a driver that returns at once, bare and with
 * libprofile.so preloaded, without call paths and with them, in bursts that fit into the ring. The
 * collector is this program's own process, which only moves the tail on, so that nothing but the
 * hook is measured. Prints medians in ns per call; "min" is of the fastest bursts.
 *
 *	hook_cost SHIM DRIVER_DIR
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <dlfcn.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "driver/driver_types.h"
#include "wire/wire.h"

#define BURST 10000
#define BURSTS 60

struct functions {
	CUresult (*init)(unsigned);
	CUresult (*launch)(CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
			   unsigned, CUstream, void **, void **);
	CUresult (*copy)(CUdeviceptr, const void *, size_t, CUstream);
	CUresult (*query)(CUstream);
	CUresult (*limit)(int, size_t);
};

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static void burst(const struct functions *driver, int which)
{
	CUfunction function = (CUfunction)(uintptr_t)0xf000;

	for (int i = 0; i < BURST; i++) {
		if (which == 0)
			driver->launch(function, 8, 1, 1, 128, 1, 1, 0, NULL, NULL, NULL);
		else if (which == 1)
			driver->copy(0xd000, "", 64, NULL);
		else if (which == 2)
			driver->query(NULL);
		else
			driver->limit(0, 1);
	}
}

/* Median and minimum of the bursts, ns per call, one line for each kind of call. */
static int loop(void)
{
	void *handle = dlopen("libcuda.so.1", RTLD_NOW);
	struct functions driver;
	double each[BURSTS];

	if (!handle)
		return 1;
	*(void **)&driver.init = dlsym(handle, "cuInit");
	*(void **)&driver.launch = dlsym(handle, "cuLaunchKernel");
	*(void **)&driver.copy = dlsym(handle, "cuMemcpyHtoDAsync_v2");
	*(void **)&driver.query = dlsym(handle, "cuStreamQuery");
	*(void **)&driver.limit = dlsym(handle, "cuCtxSetLimit");
	if (!driver.init || driver.init(0))
		return 1;
	for (int which = 0; which < 4; which++) {
		burst(&driver, which);
		for (int i = 0; i < BURSTS; i++) {
			double begin;

			usleep(2000);
			begin = now_ns();
			burst(&driver, which);
			each[i] = (now_ns() - begin) / BURST;
		}
		qsort(each, BURSTS, sizeof(each[0]), compare);
		printf("%.2f %.2f\n", each[BURSTS / 2], each[0]);
	}
	return 0;
}

/* Accepts one process and moves the tails of its rings on until the child has ended. */
static uint64_t collect(int listener, pid_t child)
{
	struct pollfd wait = { .fd = listener, .events = POLLIN };
	struct wire_welcome welcome = { .magic = WIRE_MAGIC, .version = WIRE_VERSION };
	struct wire_control *control = NULL;
	char bytes[CMSG_SPACE(sizeof(int))] = { 0 };
	struct wire_hello hello;
	struct iovec part = { &hello, sizeof(hello) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = bytes,
		.msg_controllen = sizeof(bytes) };
	uint64_t dropped = 0;
	int client, fd, status;

	while (!waitpid(child, &status, WNOHANG)) {
		if (control) {
			usleep(200);
		} else if (poll(&wait, 1, 10) > 0) {
			client = accept(listener, NULL, NULL);
			if (recvmsg(client, &message, 0) != sizeof(hello))
				return UINT64_MAX;
			memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
			control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
			send(client, &welcome, sizeof(welcome), 0);
		}
		for (uint32_t i = 0; control && i < control->ring_count; i++)
			__atomic_store_n(&control->rings[i].tail,
					 __atomic_load_n(&control->rings[i].head, __ATOMIC_ACQUIRE),
					 __ATOMIC_RELEASE);
	}
	for (uint32_t i = 0; control && i < control->ring_count; i++)
		dropped += control->rings[i].dropped;
	return control ? dropped : UINT64_MAX;
}

/* One run of the loop in a child; shim NULL: bare. */
static int run(const char *program, const char *shim, double result[4][2])
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int output[2], listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), status;
	uint64_t dropped = 0;
	char name[64];
	FILE *text;
	pid_t child;

	snprintf(name, sizeof(name), "@gputrail-bench-%d", getpid());
	memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
	if (listener < 0 || pipe(output) ||
	    bind(listener, (struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))) ||
	    listen(listener, 4))
		return 1;
	child = fork();
	if (!child) {
		dup2(output[1], 1);
		if (shim) {
			setenv("GPUTRAIL_SOCKET", name, 1);
			setenv("LD_PRELOAD", shim, 1);
		}
		execl(program, program, "loop", NULL);
		_exit(127);
	}
	close(output[1]);
	if (shim)
		dropped = collect(listener, child);
	else
		waitpid(child, &status, 0);
	text = fdopen(output[0], "r");
	for (int which = 0; which < 4; which++)
		if (!text || fscanf(text, "%lf %lf", &result[which][0], &result[which][1]) != 2)
			return 1;
	fclose(text);
	close(listener);
	if (dropped)
		printf("note: %llu records dropped\n", (unsigned long long)dropped);
	return 0;
}

int main(int argc, char **argv)
{
	static const char *const names[] = {
		"cuLaunchKernel", "cuMemcpyHtoDAsync_v2", "cuStreamQuery", "cuCtxSetLimit (counted)",
	};
	double bare[4][2], hooked[4][2], paths[4][2];

	if (argc == 2 && !strcmp(argv[1], "loop"))
		return loop();
	if (argc != 3) {
		fprintf(stderr, "usage: hook_cost SHIM DRIVER_DIR\n");
		return 2;
	}
	setenv("LD_LIBRARY_PATH", argv[2], 1);
	setenv("GPUTRAIL_CUPTI", "off", 1);
	setenv("GPUTRAIL_CALLPATH", "off", 1);
	if (run("/proc/self/exe", NULL, bare) || run("/proc/self/exe", argv[1], hooked) ||
	    setenv("GPUTRAIL_CALLPATH", "native,python", 1) ||
	    run("/proc/self/exe", argv[1], paths)) {
		fprintf(stderr, "hook_cost: a run failed\n");
		return 1;
	}
	printf("%-24s %8s %8s %8s %8s %8s %12s\n", "ns per call", "bare", "hooked", "adds", "min",
	       "ratio", "+ call path");
	for (int which = 0; which < 4; which++)
		printf("%-24s %8.1f %8.1f %8.1f %8.1f %8.1f %12.1f\n", names[which], bare[which][0],
		       hooked[which][0], hooked[which][0] - bare[which][0],
		       hooked[which][1] - bare[which][1], hooked[which][0] / bare[which][0],
		       paths[which][0] - hooked[which][0]);
	return 0;
}
