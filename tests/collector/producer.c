/* SPDX-License-Identifier: Apache-2.0 */
/* The synthetic process: see producer.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/producer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "driver/driver_api.h"

static void *checked(void *mapping)
{
	if (mapping == MAP_FAILED)
		abort();
	return mapping;
}

uint64_t producer_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void producer_init(struct producer *p, uint64_t ring_bytes, enum wire_clock clock)
{
	uint64_t control_bytes = (sizeof(struct wire_control) + 4095) & ~4095ull;
	uint64_t bytes = control_bytes + PRODUCER_RINGS * ring_bytes;

	*p = (struct producer){ .ring_bytes = ring_bytes, .socket = -1 };
	p->memfd = memfd_create("producer", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (p->memfd < 0 || ftruncate(p->memfd, (off_t)bytes) < 0)
		abort();
	p->control =
		checked(mmap(NULL, control_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, p->memfd, 0));
	p->control->magic = WIRE_MAGIC;
	p->control->version = WIRE_VERSION;
	p->control->control_bytes = (uint32_t)control_bytes;
	p->control->pid = (uint32_t)getpid();
	p->control->clock = clock;
	p->control->ring_count = PRODUCER_RINGS;
	p->control->attach_clock = p->control->attach_monotonic_ns = producer_now();
	strcpy(p->control->backend_note, "synthetic");
	for (int i = 0; i < PRODUCER_RINGS; i++) {
		off_t offset = (off_t)(control_bytes + (uint64_t)i * ring_bytes);

		p->rings[i] = checked(
			mmap(NULL, 2 * ring_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		for (int half = 0; half < 2; half++)
			checked(mmap(p->rings[i] + (uint64_t)half * ring_bytes, ring_bytes,
				     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, p->memfd,
				     offset));
		p->control->rings[i] = (struct wire_ring){
			.offset = (uint64_t)offset, .bytes = ring_bytes, .state = WIRE_RING_LIVE,
			.tid = (uint32_t)(getpid() + i), .generation = 1,
		};
	}
}

bool producer_connect(struct producer *p, const char *socket_name, uint64_t api_hash)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct wire_hello hello = {
		.magic = WIRE_MAGIC,
		.version = WIRE_VERSION,
		.pid = p->control->pid,
		.api_hash = api_hash,
	};
	struct iovec part = { &hello, sizeof(hello) };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = { .bytes = { 0 } };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &p->memfd, sizeof(int));
	memcpy(address.sun_path + 1, socket_name, strlen(socket_name));
	p->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	return p->socket >= 0 &&
	       connect(p->socket, (struct sockaddr *)&address,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				   strlen(socket_name))) == 0 &&
	       sendmsg(p->socket, &message, MSG_NOSIGNAL) == (ssize_t)sizeof(hello);
}

int producer_welcomed(struct producer *p)
{
	struct wire_welcome welcome;

	if (recv(p->socket, &welcome, sizeof(welcome), MSG_DONTWAIT) != (ssize_t)sizeof(welcome))
		return -1;
	return (int)welcome.status;
}

bool producer_push(struct producer *p, int ring, const void *record, uint32_t bytes)
{
	struct wire_ring *shared = &p->control->rings[ring];
	uint64_t head = shared->head;

	if (head - __atomic_load_n(&shared->tail, __ATOMIC_ACQUIRE) + bytes > p->ring_bytes) {
		shared->dropped++;
		return false;
	}
	memcpy(p->rings[ring] + (head & (p->ring_bytes - 1)), record, bytes);
	__atomic_store_n(&shared->head, head + bytes, __ATOMIC_RELEASE);
	return true;
}

void producer_close(struct producer *p)
{
	if (p->socket >= 0)
		close(p->socket);
	for (int i = 0; i < PRODUCER_RINGS; i++)
		munmap(p->rings[i], 2 * p->ring_bytes);
	munmap(p->control, (sizeof(struct wire_control) + 4095) & ~4095ull);
	close(p->memfd);
}

void producer_define_function(struct producer *p, int ring, uint32_t id, const char *name)
{
	union {
		struct wire_def_function def;
		char bytes[sizeof(struct wire_def_function) + 4096];
	} u = { .def = {
		.head = { .kind = WIRE_DEF_FUNCTION },
		.function = id, .registers = 32, .max_threads = 1024,
		.name_bytes = (uint32_t)strlen(name) + 1,
	} };

	memcpy(u.bytes + sizeof(u.def), name, strlen(name) + 1);
	u.def.head.bytes = (uint16_t)((sizeof(u.def) + strlen(name) + 8) & ~7ull);
	producer_push(p, ring, &u, u.def.head.bytes);
}

void producer_define_string(struct producer *p, int ring, uint32_t id, const char *text)
{
	union {
		struct wire_def_string def;
		char bytes[sizeof(struct wire_def_string) + 4096];
	} u = { .def = {
			.head = { .kind = WIRE_DEF_STRING },
			.string = id,
			.text_bytes = (uint32_t)strlen(text) + 1,
		} };

	memcpy(u.bytes + sizeof(u.def), text, strlen(text) + 1);
	u.def.head.bytes = (uint16_t)((sizeof(u.def) + strlen(text) + 8) & ~7ull);
	producer_push(p, ring, &u, u.def.head.bytes);
}

void producer_define(struct producer *p, int ring)
{
	struct wire_def_device device = {
		.head = { .bytes = sizeof(device), .kind = WIRE_DEF_DEVICE },
		.cc_major = 9, .sm_count = 132, .memory_bytes = 80ull << 30,
		.max_threads_per_sm = 2048, .max_blocks_per_sm = 32,
		.registers_per_sm = 65536, .registers_per_block = 65536,
		.shared_per_sm_bytes = 228 << 10, .shared_per_block_bytes = 48 << 10,
		.shared_optin_bytes = 227 << 10, .shared_reserved_bytes = 1024,
		.uuid = { 1, 2, 3 }, .name = "Test device",
	};
	struct wire_def_context context = {
		.head = { .bytes = sizeof(context), .kind = WIRE_DEF_CONTEXT },
		.context = 1, .handle = 0x1000, .number = 1,
	};
	struct wire_def_stream stream = {
		.head = { .bytes = sizeof(stream), .kind = WIRE_DEF_STREAM },
		.context = 1, .handle = PRODUCER_STREAM, .number = 7,
	};

	PUSH(p, ring, device);
	PUSH(p, ring, context);
	PUSH(p, ring, stream);
	producer_define_function(p, ring, 1, "_Z6kernelIfEvPT_i");
}

struct wire_launch producer_launch(uint64_t begin, uint64_t end, uint32_t correlation)
{
	return (struct wire_launch){
		.call = {
			.head = { .bytes = sizeof(struct wire_launch), .kind = WIRE_LAUNCH,
				  .api = API_cuLaunchKernel },
			.begin = begin, .end = end, .correlation = correlation, .context = 1,
		},
		.stream = PRODUCER_STREAM, .function = 1,
		.grid = { 132, 1, 1 }, .block = { 256, 1, 1 },
	};
}

struct wire_gpu_kernel producer_kernel(uint64_t start, uint64_t end, uint32_t correlation)
{
	return (struct wire_gpu_kernel){
		.gpu = {
			.head = { .bytes = sizeof(struct wire_gpu_kernel), .kind = WIRE_GPU_KERNEL,
				  .result = WIRE_GPU_CLOCK_MONOTONIC },
			.start = start, .end = end, .correlation = correlation, .context = 1, .stream = 7,
		},
		.name = 1, .grid = { 132, 1, 1 }, .block = { 256, 1, 1 }, .registers = 32,
	};
}
