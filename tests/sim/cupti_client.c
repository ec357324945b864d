/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A profiler in small: loads libcupti.so.13 and libcuda.so.1, runs the workload, and prints what
 * CUPTI told as tab-separated lines. Records of device work have the truth file's columns, their
 * times taken back to CLOCK_MONOTONIC.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <dlfcn.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/cupti_decode.h"
#include "sim/workload.h"
#include "simcuda/cupti.h"

#define KINDS_MAX 16
#define EXTERNAL_KIND 5
#define EXTERNAL_ID 0x123456789abcull

static struct {
	unsigned kinds[KINDS_MAX];
	int kind_count;
	size_t buffer_bytes, records_max;
	int cbid;			/* only this driver function's API records */
	bool has_callbacks, has_external, has_monotonic, has_second, is_null, is_quiet, is_flushing;
	bool is_waiting;		/* until the worker has handed a buffer back */
	bool has_fork, has_ids;
} options = { .buffer_bytes = 65536 };

static void *libcupti;
static pthread_t main_thread;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	unsigned requested_here, requested_elsewhere, completed_here, completed_elsewhere;
	unsigned long enters, exits;
	int64_t offset_ns;
} seen;

static void *cupti_symbol(const char *name)
{
	void *symbol = dlsym(libcupti, name);

	if (!symbol) {
		fprintf(stderr, "client: no %s in libcupti\n", name);
		exit(1);
	}
	return symbol;
}

#define CUPTI(name, since, params) typedef CUptiResult (*name##_function) params;
#include "simcuda/cupti_functions.def"
#undef CUPTI
#define TRY(name, ...) (((name##_function)cupti_symbol(#name))(__VA_ARGS__))
#define DO(name, ...) must(#name, TRY(name, __VA_ARGS__))

static void must(const char *what, CUptiResult result)
{
	if (result == CUPTI_SUCCESS)
		return;
	printf("error\t%s\t%d\n", what, (int)result);
	exit(1);
}

static void requested(uint8_t **buffer, size_t *bytes, size_t *records_max)
{
	pthread_mutex_lock(&lock);
	*(pthread_equal(pthread_self(), main_thread) ? &seen.requested_here :
						       &seen.requested_elsewhere) += 1;
	pthread_mutex_unlock(&lock);
	*buffer = options.is_null ? NULL : aligned_alloc(8, options.buffer_bytes);
	*bytes = options.is_null ? 0 : options.buffer_bytes;
	*records_max = options.records_max;
}

static void completed(CUcontext context, uint32_t stream, uint8_t *buffer, size_t bytes,
		      size_t valid_bytes)
{
	CUpti_Activity *record = NULL;

	(void)context;
	(void)stream;
	(void)bytes;
	pthread_mutex_lock(&lock);
	*(pthread_equal(pthread_self(), main_thread) ? &seen.completed_here :
						       &seen.completed_elsewhere) += 1;
	printf("buffer\t%zu\n", valid_bytes);
	while (TRY(cuptiActivityGetNextRecord, buffer, valid_bytes, &record) == CUPTI_SUCCESS)
		cupti_record_print((const uint8_t *)record, seen.offset_ns);
	pthread_mutex_unlock(&lock);
	free(buffer);
}

static void called(void *data, CUpti_CallbackDomain domain, CUpti_CallbackId cbid,
		   const void *call_data)
{
	const CUpti_CallbackData *call = call_data;

	(void)data;
	if (call->callbackSite == CUPTI_API_ENTER) {
		seen.enters++;
		*call->correlationData = call->correlationId * 3ull;
		return;
	}
	seen.exits++;
	if (*call->correlationData != call->correlationId * 3ull)
		printf("lost-data\t%s\n", call->functionName);
	pthread_mutex_lock(&lock);
	printf("exit\t%d\t%" PRIu32 "\t%s\t%" PRIu32 "\t%" PRIu32 "\t%d\n", (int)domain, cbid,
	       call->functionName, call->correlationId, call->contextUid,
	       *(const int *)call->functionReturnValue);
	pthread_mutex_unlock(&lock);
}

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void subscribe_again(void)
{
	char old[32] = "";
	CUpti_SubscriberParams params = {
		.structSize = sizeof(params), .subscriberName = "second",
		.oldSubscriberName = old, .oldSubscriberSize = sizeof(old),
	};
	CUpti_SubscriberHandle other;

	printf("second\t%d\n", (int)TRY(cuptiSubscribe, &other, called, NULL));
	printf("second-v2\t%d", (int)TRY(cuptiSubscribe_v2, &other, called, NULL, &params));
	printf("\t%s\n", old);
}

static CUptiResult subscribe(CUpti_SubscriberHandle *subscriber)
{
	CUpti_SubscriberParams params = { .structSize = sizeof(params), .subscriberName = "first" };
	CUptiResult result = TRY(cuptiSubscribe_v2, subscriber, called, NULL, &params);

	if (result == CUPTI_ERROR_NOT_SUPPORTED)
		result = TRY(cuptiSubscribe, subscriber, called, NULL);
	return result;
}

static void start(CUpti_SubscriberHandle *subscriber)
{
	CUptiResult result = subscribe(subscriber);
	uint32_t version;

	DO(cuptiGetVersion, &version);
	printf("version\t%" PRIu32 "\nsubscribe\t%d\n", version, (int)result);
	if (result != CUPTI_SUCCESS)
		exit(0);
	if (options.has_second)
		subscribe_again();
	DO(cuptiSetThreadIdType, CUPTI_ACTIVITY_THREAD_ID_TYPE_SYSTEM);
	if (options.has_monotonic)
		DO(cuptiActivityRegisterTimestampCallback, monotonic_ns);
	seen.offset_ns = ((int64_t (*)(void))cupti_symbol("simcupti_clock_offset_ns"))();
	printf("offset\t%" PRId64 "\n", seen.offset_ns);
	DO(cuptiActivityRegisterCallbacks, requested, completed);
	for (int i = 0; i < options.kind_count; i++)
		DO(cuptiActivityEnable, (CUpti_ActivityKind)options.kinds[i]);
	if (options.cbid)
		DO(cuptiActivityEnableDriverApi, (CUpti_CallbackId)options.cbid, 1);
	if (options.has_callbacks)
		DO(cuptiEnableDomain, 1, *subscriber, CUPTI_CB_DOMAIN_DRIVER_API);
	if (options.has_external)
		DO(cuptiActivityPushExternalCorrelationId, EXTERNAL_KIND, EXTERNAL_ID);
}

static void *flush_often(void *unused)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	(void)unused;
	while (__atomic_load_n(&options.is_flushing, __ATOMIC_RELAXED)) {
		TRY(cuptiActivityFlushAll, 0);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void wait_for_worker(void)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	unsigned count = 0;

	for (int i = 0; i < 5000 && !count; i++) {
		nanosleep(&pause, NULL);
		pthread_mutex_lock(&lock);
		count = seen.completed_elsewhere;
		pthread_mutex_unlock(&lock);
	}
}

/* A child has no worker: its flush hangs, and says nothing before. */
static void flush_in_child(void)
{
	const struct timespec pause = { .tv_nsec = 200000000 };
	pid_t child;
	int status = 0;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		TRY(cuptiActivityFlushAll, 0);
		_exit(0);
	}
	nanosleep(&pause, NULL);
	printf("child\t%s\n", waitpid(child, &status, WNOHANG) == 0 ? "hangs" : "ends");
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
}

/* Asked between calls, which are not traced for it; handles are the legacy stream's. */
static void print_ids(void *libcuda)
{
	CUresult (*get)(CUcontext *) = (CUresult (*)(CUcontext *))dlsym(libcuda, "cuCtxGetCurrent");
	CUcontext context = NULL;
	uint32_t context_id = 0, device = 77, stream = 0, thread_stream = 0;

	get(&context);
	DO(cuptiGetContextId, context, &context_id);
	DO(cuptiGetDeviceId, context, &device);
	DO(cuptiGetStreamIdEx, context, NULL, 0, &stream);
	DO(cuptiGetStreamIdEx, context, NULL, 1, &thread_stream);
	printf("ids\t%" PRIu32 "\t%" PRIu32 "\t%" PRIu32 "\t%d\n", context_id, device, stream,
	       stream != thread_stream);
}

static void finish(CUpti_SubscriberHandle subscriber)
{
	uint64_t last = 0;
	size_t dropped = 0;

	if (options.has_external) {
		DO(cuptiActivityPopExternalCorrelationId, EXTERNAL_KIND, &last);
		printf("popped\t%" PRIx64 "\n", last);
	}
	if (options.is_quiet)
		puts("flushing");
	fflush(stdout);
	DO(cuptiActivityFlushAll, CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
	DO(cuptiActivityGetNumDroppedRecords, NULL, 0, &dropped);
	printf("dropped\t%zu\n", dropped);
	printf("requested\t%u\t%u\ncompleted\t%u\t%u\n", seen.requested_here,
	       seen.requested_elsewhere, seen.completed_here, seen.completed_elsewhere);
	printf("callbacks\t%lu\t%lu\n", seen.enters, seen.exits);
	DO(cuptiUnsubscribe, subscriber);
}

static void read_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "k:b:n:a:cemsNqfwFi")) != -1) {
		switch (option) {
		case 'k':
			for (char *kind = strtok(optarg, ","); kind; kind = strtok(NULL, ","))
				options.kinds[options.kind_count++] = (unsigned)atoi(kind);
			break;
		case 'b': options.buffer_bytes = (size_t)atol(optarg); break;
		case 'n': options.records_max = (size_t)atol(optarg); break;
		case 'a': options.cbid = atoi(optarg); break;
		case 'c': options.has_callbacks = true; break;
		case 'e': options.has_external = true; break;
		case 'm': options.has_monotonic = true; break;
		case 's': options.has_second = true; break;
		case 'N': options.is_null = true; break;
		case 'q': options.is_quiet = true; break;
		case 'f': options.is_flushing = true; break;
		case 'F': options.has_fork = true; break;
		case 'i': options.has_ids = true; break;
		case 'w': options.is_waiting = true; break;
		default: exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	void *libcuda = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
	CUpti_SubscriberHandle subscriber;
	pthread_t flusher;
	bool has_flusher;

	read_options(argc, argv);
	has_flusher = options.is_flushing;
	main_thread = pthread_self();
	libcupti = dlopen("libcupti.so.13", RTLD_NOW | RTLD_LOCAL);
	if (!libcuda || !libcupti) {
		fputs("client: libcuda.so.1 or libcupti.so.13 is not on LD_LIBRARY_PATH\n", stderr);
		return 1;
	}
	start(&subscriber);
	if (has_flusher && pthread_create(&flusher, NULL, flush_often, NULL))
		return 1;
	workload_run(libcuda);
	if (options.has_ids)
		print_ids(libcuda);
	if (options.has_fork)
		flush_in_child();
	if (options.is_waiting)
		wait_for_worker();
	if (has_flusher) {
		__atomic_store_n(&options.is_flushing, false, __ATOMIC_RELAXED);
		pthread_join(flusher, NULL);
	}
	finish(subscriber);
	return 0;
}
