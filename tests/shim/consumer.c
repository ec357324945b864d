/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A collector for the tests: runs a command with the shim preloaded, reads its rings and prints
 * each record as one line.
 *
 *   consumer [-s] [-r] [-q] SHIM COMMAND...
 *	-s	read nothing before the command has ended
 *	-r	refuse: answer hello with status 1
 *	-q	do not answer hello at all
 * Exit status: the command's.
 *
 *   consumer collect --socket NAME --output FILE --root PID
 * As the shim starts a collector: until the root process has ended.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver/driver_api.h"
#include "wire/wire.h"

#define PROCESSES_MAX 32

static const char *const api_names[] = {
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) #symbol,
#include "driver/driver_api.def"
#undef API
};

static struct process {
	char *memory;
	uint64_t bytes;
	struct wire_control *control;
	uint64_t tails[WIRE_RINGS_MAX];
	uint64_t last_begin[WIRE_RINGS_MAX];
} processes[PROCESSES_MAX];
static int process_count;
static bool refuse, silent, stalled;

static void fail(const char *what)
{
	fprintf(stderr, "consumer: %s: %s\n", what, strerror(errno));
	exit(99);
}

static void take(int fd, const struct wire_hello *hello)
{
	struct process *process = &processes[process_count];

	if (process_count == PROCESSES_MAX || hello->magic != WIRE_MAGIC ||
	    hello->version != WIRE_VERSION || hello->api_hash != driver_api_hash())
		fail("hello");
	process->bytes = hello->memfd_bytes;
	process->memory = mmap(NULL, process->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (process->memory == MAP_FAILED)
		fail("mmap");
	process->control = (struct wire_control *)process->memory;
	if (!wire_control_valid(process->control, process->bytes))
		fail("control block");
	process_count++;
	printf("HELLO parent=%d clock=%u\n", process->control->parent_pid == (uint32_t)getpid(),
	       process->control->clock);
}

static void greet(int listener)
{
	int client = accept(listener, NULL, NULL), fd = -1;
	struct wire_welcome welcome = { .magic = WIRE_MAGIC, .version = WIRE_VERSION };
	struct wire_hello hello;
	struct iovec part = { &hello, sizeof(hello) };
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	if (client < 0 || recvmsg(client, &message, MSG_CMSG_CLOEXEC) != sizeof(hello) ||
	    !CMSG_FIRSTHDR(&message))
		fail("hello");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	if (silent)
		return;
	welcome.status = refuse;
	if (!refuse)
		take(fd, &hello);
	close(fd);
	send(client, &welcome, sizeof(welcome), MSG_NOSIGNAL);
}

static void print_call(const struct wire_call *call)
{
	printf("%s api=%s result=%u ok=%d context=%u correlation=%d", wire_kind_name(call->head.kind),
	       call->head.api < API_COUNT ? api_names[call->head.api] : "?", call->head.result,
	       call->end >= call->begin && call->begin, call->context, call->correlation != 0);
}

static void print_gpu(const struct wire_gpu *gpu)
{
	printf("%s start=%d correlation=%d device=%u graph=%d flags=%u",
	       wire_kind_name(gpu->head.kind), gpu->start <= gpu->end, gpu->correlation != 0,
	       gpu->device, gpu->graph != 0, gpu->head.result);
}

static void print_more(const struct wire_arguments *arguments)
{
	const char *names = (const char *)(arguments->value + arguments->count);
	const char *text = names + arguments->names_bytes;

	printf(" names=(%s)", names);
	for (uint32_t i = 0; i < arguments->count; i++) {
		if (!(arguments->texts >> i & 1)) {
			printf(" value=%" PRIx64, arguments->value[i]);
			continue;
		}
		printf(" text=\"%.*s\"", (int)arguments->value[i], text);
		text += arguments->value[i];
	}
}

static void print_arguments(const struct wire_head *head)
{
	const struct wire_launch *launch = (const void *)head;
	const struct wire_graph_launch *graph = (const void *)head;
	const struct wire_copy *copy = (const void *)head;
	const struct wire_set *set = (const void *)head;
	const struct wire_memory *memory = (const void *)head;
	const struct wire_object *object = (const void *)head;

	switch (head->kind) {
	case WIRE_LAUNCH:
		printf(" function=%u grid=%u,%u,%u block=%u,%u,%u cluster=%u,%u,%u shared=%u"
		       " stream=%" PRIx64 " flags=%u", launch->function, launch->grid[0],
		       launch->grid[1], launch->grid[2], launch->block[0], launch->block[1],
		       launch->block[2], launch->cluster[0], launch->cluster[1],
		       launch->cluster[2], launch->dynamic_shared_bytes, launch->stream,
		       launch->flags);
		break;
	case WIRE_GRAPH_LAUNCH:
		printf(" stream=%" PRIx64 " exec=%" PRIx64 " flags=%u", graph->stream,
		       graph->graph_exec, graph->flags);
		break;
	case WIRE_COPY:
		printf(" kind=%u from=%u to=%u bytes=%" PRIu64 " stream=%" PRIx64 " async=%u flags=%u"
		       " source=%" PRIx64 " destination=%" PRIx64, copy->copy_kind,
		       copy->source_kind, copy->destination_kind, copy->bytes, copy->stream,
		       copy->is_async, copy->flags, copy->source, copy->destination);
		break;
	case WIRE_SET:
		printf(" value=%u bytes=%" PRIu64 " stream=%" PRIx64 " async=%u flags=%u"
		       " destination=%" PRIx64, set->value, set->bytes, set->stream,
		       set->is_async, set->flags, set->destination);
		break;
	case WIRE_MEMORY:
		printf(" op=%u kind=%u bytes=%" PRIu64 " address=%" PRIx64 " stream=%" PRIx64
		       " pool=%" PRIx64, memory->op, memory->kind, memory->bytes, memory->address,
		       memory->stream, memory->pool);
		break;
	case WIRE_OBJECT:
		printf(" object=%" PRIx64 " second=%" PRIx64 " value=%" PRIx64, object->object,
		       object->second, object->value);
		break;
	case WIRE_ARGUMENTS:
		print_more((const void *)head);
		break;
	default:
		break;
	}
}

static void print_definition(const struct wire_head *head)
{
	const struct wire_def_function *function = (const void *)head;
	const struct wire_def_string *string = (const void *)head;
	const struct wire_def_device *device = (const void *)head;
	const struct wire_def_context *context = (const void *)head;
	const struct wire_def_stream *stream = (const void *)head;
	const struct wire_def_thread *thread = (const void *)head;
	const struct wire_gpu_kernel *kernel = (const void *)head;
	const struct wire_gpu_copy *copy = (const void *)head;
	const struct wire_gpu_set *set = (const void *)head;

	if (head->kind >= WIRE_GPU_KERNEL)
		print_gpu((const struct wire_gpu *)head);
	else
		printf("%s", wire_kind_name(head->kind));
	switch (head->kind) {
	case WIRE_DEF_FUNCTION:
		printf(" id=%u registers=%u shared=%u name=%s", function->function,
		       function->registers, function->static_shared_bytes, function->name);
		break;
	case WIRE_DEF_STRING: printf(" id=%u text=%s", string->string, string->text); break;
	case WIRE_DEF_DEVICE: printf(" ordinal=%u name=%s", device->ordinal, device->name); break;
	case WIRE_DEF_CONTEXT: printf(" id=%u device=%u", context->context, context->device); break;
	case WIRE_DEF_STREAM:
		printf(" handle=%" PRIx64 " priority=%d", stream->handle, stream->priority);
		break;
	case WIRE_DEF_THREAD: printf(" ring=%u name=%s", thread->ring, thread->name); break;
	case WIRE_GPU_KERNEL:
		printf(" name=%u grid=%u,%u,%u block=%u,%u,%u", kernel->name, kernel->grid[0],
		       kernel->grid[1], kernel->grid[2], kernel->block[0], kernel->block[1],
		       kernel->block[2]);
		break;
	case WIRE_GPU_COPY: printf(" kind=%u bytes=%" PRIu64, copy->copy_kind, copy->bytes); break;
	case WIRE_GPU_SET: printf(" bytes=%" PRIu64, set->bytes); break;
	default: break;
	}
}

static void print_record(struct process *process, unsigned ring, const struct wire_head *head)
{
	const struct wire_call *call = (const void *)head;

	if (head->kind == WIRE_PAD)
		return;
	if (head->kind < WIRE_DEF_FUNCTION || head->kind == WIRE_ARGUMENTS) {
		if (call->begin < process->last_begin[ring])
			printf("OUT OF ORDER\n");
		process->last_begin[ring] = call->begin;
		print_call(call);
		print_arguments(head);
	} else {
		print_definition(head);
	}
	printf("\n");
}

static void drain_ring(struct process *process, unsigned index)
{
	struct wire_ring *ring = &process->control->rings[index];
	uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
	uint64_t tail = process->tails[index];
	char copy[2 * WIRE_RECORD_MAX];

	while (tail < head) {
		uint64_t at = tail & (ring->bytes - 1), part = ring->bytes - at;
		uint64_t available = head - tail;
		uint32_t bytes = 0;

		if (available > WIRE_RECORD_MAX)
			available = WIRE_RECORD_MAX;
		part = part < available ? part : available;
		memcpy(copy, process->memory + ring->offset + at, part);
		memcpy(copy + part, process->memory + ring->offset, available - part);
		if (wire_decode(copy, available, &bytes) != WIRE_OK) {
			printf("CORRUPT ring=%u\n", index);
			tail = head;
			break;
		}
		print_record(process, index, (const struct wire_head *)copy);
		tail += bytes;
	}
	process->tails[index] = tail;
	__atomic_store_n(&ring->tail, tail, __ATOMIC_RELEASE);
	if (__atomic_load_n(&ring->state, __ATOMIC_ACQUIRE) == WIRE_RING_CLOSED &&
	    __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) == tail)
		__atomic_store_n(&ring->state, WIRE_RING_FREE, __ATOMIC_RELEASE);
}

static void drain(void)
{
	for (int i = 0; i < process_count; i++)
		for (unsigned r = 0; r < processes[i].control->ring_count; r++)
			drain_ring(&processes[i], r);
}

static void print_end(const struct process *process)
{
	const struct wire_control *control = process->control;
	uint64_t dropped = 0;

	for (unsigned r = 0; r < control->ring_count; r++) {
		const struct wire_ring *ring = &control->rings[r];

		dropped += ring->dropped;
		if (ring->current_api)
			printf("IN PROGRESS api=%s\n", api_names[ring->current_api - 1]);
	}
	for (unsigned i = 0; i < WIRE_COUNTER_COUNT; i++)
		if (control->counters[i])
			printf("COUNTER %s=%" PRIu64 "\n", wire_counter_name(i), control->counters[i]);
	for (unsigned i = 0; i < API_COUNT; i++)
		if (control->api[i].calls)
			printf("COUNTED api=%s calls=%" PRIu64 " failed=%" PRIu64 "\n", api_names[i],
			       control->api[i].calls, control->api[i].failed);
	printf("END state=%u rings=%u dropped=%" PRIu64 " backend=%u version=%d note=%s\n",
	       control->state, control->ring_count, dropped, control->backend,
	       control->cuda_version, control->backend_note);
}

static int listen_at(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address,
			   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))) ||
	    listen(fd, 64))
		fail("socket");
	return fd;
}

static void finish(int listener)
{
	struct pollfd wait = { .fd = listener, .events = POLLIN };

	while (poll(&wait, 1, 0) > 0)
		greet(listener);
	drain();
	for (int i = 0; i < process_count; i++)
		print_end(&processes[i]);
}

/* What the host could have left to us. */
static void print_inherited(pid_t root)
{
	struct sigaction action;
	sigset_t mask;
	int ignored = 0, blocked = 0, descriptors = 0;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int number = 1; number < 32; number++) {
		blocked += sigismember(&mask, number) == 1;
		if (!sigaction(number, NULL, &action))
			ignored += action.sa_handler != SIG_DFL;
	}
	for (int fd = 0; fd < 1024; fd++)
		descriptors += fcntl(fd, F_GETFD) >= 0;
	printf("INHERITED preload=%d socket=%d ignored=%d blocked=%d descriptors=%d leader=%d\n",
	       getenv("LD_PRELOAD") != NULL, getenv("GPUTRAIL_SOCKET") != NULL, ignored, blocked,
	       descriptors, getsid(0) != getsid(root));
}

static int collect(char **argv)
{
	pid_t root = atoi(argv[7]);
	struct pollfd wait;
	char partial[512];

	wait = (struct pollfd){ .fd = listen_at(argv[3]), .events = POLLIN };
	/* The test waits for the file, so it appears whole. */
	snprintf(partial, sizeof(partial), "%s.%d", argv[5], getpid());
	if (!freopen(partial, "w", stdout))
		return 1;
	print_inherited(root);
	do {
		if (poll(&wait, 1, 1) > 0)
			greet(wait.fd);
		drain();
	} while (!kill(root, 0));
	finish(wait.fd);
	fclose(stdout);
	/* One that came too late to be of use must not replace another's file. */
	return process_count ? rename(partial, argv[5]) : unlink(partial);
}

int main(int argc, char **argv)
{
	int option, listener, status = 0;
	struct pollfd wait;
	char name[64];
	pid_t child;

	if (argc == 8 && !strcmp(argv[1], "collect"))
		return collect(argv);
	while ((option = getopt(argc, argv, "+srq")) > 0) {
		stalled |= option == 's';
		refuse |= option == 'r';
		silent |= option == 'q';
	}
	if (argc - optind < 2)
		return 2;
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	snprintf(name, sizeof(name), "@gputrail-test-%d", getpid());
	listener = listen_at(name);
	child = fork();
	if (!child) {
		setenv("GPUTRAIL_SOCKET", name, 1);
		setenv("LD_PRELOAD", argv[optind], 1);
		execvp(argv[optind + 1], argv + optind + 1);
		_exit(127);
	}
	wait = (struct pollfd){ .fd = listener, .events = POLLIN };
	while (!waitpid(child, &status, WNOHANG)) {
		if (poll(&wait, 1, 1) > 0)
			greet(listener);
		if (!stalled)
			drain();
	}
	finish(listener);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
