/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CUDA program with ranges of NVTX that does what it is told, line by line, and says "ok" after
 * each. With REAL_NVTX it is built with NVIDIA's headers, else with ranges/standin.h. Each range and
 * mark that should be recorded is a line of the file NVTX_TRUTH: kind, tid, level, domain, category,
 * colour, text, payload, and between which times (CLOCK_MONOTONIC, ns) each of its ends lies.
 *
 *	init		cuInit and a context; "launch" implies it
 *	launch N	N kernels on the null stream; waits for them
 *	all		each call, text, payload and domain there is
 *	before		a range that is open when CUDA starts, and one that is over by then
 *	threads T N	T threads with N ranges each, three deep
 *	many N		N pushed and popped, and nothing else
 *	texts N		N different texts
 *	open		a range that is pushed and one that is started, never ended
 *	push TEXT, pop
 *	fork		a child with ranges and no CUDA, and one with both
 *	returns		what the calls return: they must be what they are without a tool
 *	cost N		ns that a range takes, printed before "ok"
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/shim/app.h"
#include "wire/wire.h"
#ifdef REAL_NVTX
#include <nvtx3/nvToolsExt.h>
#else
#include "tests/ranges/standin.h"
#endif

static const char image[] = ".version 7.0\n.target sm_70\n.address_size 64\n"
	".visible .entry quick(.param .u64 p)\n{\n\tret;\n}\n";

static void *driver;
#define CU(name) ((__typeof__(&name))(uintptr_t)dlsym(driver, #name))
#define OK(name, ...) NEED(CU(name)(__VA_ARGS__) == CUDA_SUCCESS)
static CUfunction quick;
static FILE *truth;
static __thread int open_before;	/* ranges that are open around what is told */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void init(void)
{
	CUcontext context;
	CUmodule module;
	CUdevice device;

	if (driver)
		return;
	driver = dlopen("libcuda.so.1", RTLD_NOW);
	NEED(driver);
	OK(cuInit, 0);
	OK(cuDeviceGet, &device, 0);
	OK(cuDevicePrimaryCtxRetain, &context, device);
	OK(cuCtxSetCurrent, context);
	OK(cuModuleLoadData, &module, image);
	OK(cuModuleGetFunction, &quick, module, "quick");
}

static void launch(long count)
{
	void *argument = NULL, *arguments[] = { &argument };

	init();
	for (long i = 0; i < count; i++)
		OK(cuLaunchKernel, quick, 3, 1, 1, 32, 1, 1, 0, NULL, arguments, NULL);
	OK(cuCtxSynchronize);
}

/* --- truth ----------------------------------------------------------------------------------- */

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

struct span {
	const char *kind, *domain, *text, *payload;
	int level;
	unsigned category, color;
	int64_t start[2], end[2];
};

static void tell(const struct span *s)
{
	pthread_mutex_lock(&lock);
	fprintf(truth, "%s\t%ld\t%d\t%s\t%u\t%u\t%s\t%s\t%" PRId64 "\t%" PRId64 "\t%" PRId64
		"\t%" PRId64 "\n", s->kind, syscall(SYS_gettid),
		s->level + (s->kind[0] == 'p' && !s->domain ? open_before : 0),
		s->domain ? s->domain : "", s->category, s->color, s->text,
		s->payload ? s->payload : "", s->start[0], s->start[1], s->end[0], s->end[1]);
	fflush(truth);
	pthread_mutex_unlock(&lock);
}

/* Takes the times around a statement. */
#define AROUND(times, statement) \
	do { (times)[0] = now(); statement; (times)[1] = now(); } while (0)

/* --- what it can do -------------------------------------------------------------------------- */

static const nvtxEventAttributes_t empty = { .version = NVTX_VERSION,
					     .size = NVTX_EVENT_ATTRIB_STRUCT_SIZE };

static void plain(void)
{
	struct span outer = { .kind = "push", .text = "outer" }, inner = { .kind = "push", .level = 1 };
	struct span mark = { .kind = "mark", .text = "instant" };
	struct span range = { .kind = "start", .text = "overlapping" };
	nvtxRangeId_t id;

	AROUND(outer.start, nvtxRangePushA("outer"));
	AROUND(range.start, id = nvtxRangeStartA("overlapping"));
	inner.text = "innen \xc3\xbc \xf0\x9f\x98\x80";
	AROUND(inner.start, nvtxRangePushW(L"innen \u00fc \U0001F600"));
	AROUND(mark.start, nvtxMarkA("instant"));
	AROUND(inner.end, nvtxRangePop());
	AROUND(outer.end, nvtxRangePop());
	AROUND(range.end, nvtxRangeEnd(id));
	tell(&outer);
	tell(&inner);
	tell(&mark);
	tell(&range);
}

static void in_domain(void)
{
	nvtxDomainHandle_t domain = nvtxDomainCreateA("domain one");
	nvtxStringHandle_t text = nvtxDomainRegisterStringW(domain, L"registered");
	nvtxStringHandle_t more = nvtxDomainRegisterStringA(domain, "registered too");
	struct span push = { .kind = "push", .domain = "domain one", .text = "registered",
			     .category = 7, .color = 0xff00ff00, .payload = "2.5" };
	struct span start = { .kind = "start", .domain = "domain one", .text = "registered too",
			      .payload = "-3" };
	struct span mark = { .kind = "mark", .domain = "domain one", .text = "breit",
			     .payload = "18446744073709551615" };
	nvtxEventAttributes_t a = empty;
	nvtxRangeId_t id;

	nvtxDomainNameCategoryA(domain, 7, "seven");
	a.category = 7;
	a.colorType = NVTX_COLOR_ARGB;
	a.color = 0xff00ff00;
	a.payloadType = WIRE_PAYLOAD_DOUBLE;
	a.payload.dValue = 2.5;
	a.messageType = NVTX_MESSAGE_TYPE_REGISTERED;
	a.message.registered = text;
	AROUND(push.start, nvtxDomainRangePushEx(domain, &a));
	a = empty;
	a.payloadType = WIRE_PAYLOAD_INT32;
	a.payload.iValue = -3;
	a.messageType = NVTX_MESSAGE_TYPE_REGISTERED;
	a.message.registered = more;
	AROUND(start.start, id = nvtxDomainRangeStartEx(domain, &a));
	a.payloadType = WIRE_PAYLOAD_UINT64;
	a.payload.ullValue = UINT64_MAX;
	a.messageType = NVTX_MESSAGE_TYPE_UNICODE;
	a.message.unicode = L"breit";
	AROUND(mark.start, nvtxDomainMarkEx(domain, &a));
	AROUND(start.end, nvtxDomainRangeEnd(domain, id));
	AROUND(push.end, nvtxDomainRangePop(domain));
	tell(&push);
	tell(&start);
	tell(&mark);
}

static void before(void)
{
	nvtxRangePushA("over");
	nvtxRangePop();
	nvtxRangePushA("open when CUDA starts");
	open_before++;
}

/* Attributes without a domain; a text of 5000 bytes is cut to 1023, between characters. */
static void with_attributes(void)
{
	static char text[5001], cut[1024];
	struct span push = { .kind = "push", .text = cut, .payload = "0.25", .category = 3 };
	struct span start = { .kind = "start", .text = "", .payload = "-9223372036854775808" };
	nvtxEventAttributes_t a = empty;
	nvtxRangeId_t id;

	memset(text, 'x', sizeof(text) - 1);
	memcpy(text + 1022, "\xc3\xbc", 2);
	memset(cut, 'x', 1022);
	a.category = 3;
	a.payloadType = WIRE_PAYLOAD_FLOAT;
	a.payload.fValue = 0.25f;
	a.messageType = NVTX_MESSAGE_TYPE_ASCII;
	a.message.ascii = text;
	AROUND(push.start, nvtxRangePushEx(&a));
	a = empty;
	a.payloadType = WIRE_PAYLOAD_INT64;
	a.payload.llValue = INT64_MIN;
	AROUND(start.start, id = nvtxRangeStartEx(&a));
	AROUND(push.end, nvtxRangePop());
	AROUND(start.end, nvtxRangeEnd(id));
	tell(&push);
	tell(&start);
}

/* The same memory with another text is another text. */
static void buffers(void)
{
	char text[16];

	for (int i = 0; i < 3; i++) {
		struct span s = { .kind = "push", .text = text };

		snprintf(text, sizeof(text), "buffer %d", i);
		AROUND(s.start, nvtxRangePushA(text));
		AROUND(s.end, nvtxRangePop());
		tell(&s);
	}
}

static void *thread_run(void *argument)
{
	long count = *(long *)argument;

	nvtxNameOsThreadA((uint32_t)syscall(SYS_gettid), "named thread");
	for (long i = 0; i < count; i++) {
		struct span s = { .kind = "push", .text = i % 2 ? "odd" : "even", .level = (int)(i % 3) };

		for (int level = 0; level < s.level; level++)
			nvtxRangePushA("around");
		AROUND(s.start, nvtxRangePushA(s.text));
		AROUND(s.end, nvtxRangePop());
		for (int level = 0; level < s.level; level++)
			nvtxRangePop();
		tell(&s);
	}
	return NULL;
}

static struct span across = { .kind = "start", .text = "across threads" };
static nvtxRangeId_t across_id;

static void *end_across(void *argument)
{
	AROUND(across.end, nvtxRangeEnd(across_id));
	return argument;
}

static void threads(long count, long ranges)
{
	pthread_t thread[64], other;

	for (long i = 0; i < count && i < 64; i++)
		NEED(!pthread_create(&thread[i], NULL, thread_run, &ranges));
	for (long i = 0; i < count && i < 64; i++)
		pthread_join(thread[i], NULL);
	AROUND(across.start, across_id = nvtxRangeStartA(across.text));
	NEED(!pthread_create(&other, NULL, end_across, NULL));
	pthread_join(other, NULL);
	tell(&across);
}

static void many(long count)
{
	for (long i = 0; i < count; i++) {
		nvtxRangePushA("one of many");
		nvtxRangePop();
	}
}

static void texts(long count)
{
	char text[32];

	for (long i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "text number %ld", i);
		nvtxRangePushA(text);
		nvtxRangePop();
	}
}

static void forked(bool with_cuda)
{
	int status;
	pid_t child = fork();

	if (!child) {
		nvtxRangePushA("in a child");
		if (with_cuda) {
			launch(1);
			nvtxRangePushA("child with CUDA");
			nvtxRangePop();
		}
		nvtxRangePop();
		exit(0);
	}
	NEED(child > 0 && waitpid(child, &status, 0) == child && !status);
}

static void returns(void)
{
	NEED(nvtxRangePushA("a") == -2 && nvtxRangePushEx(&empty) == -2);
	NEED(nvtxRangePop() == -2 && nvtxRangePop() == -2 && nvtxRangePop() == -2);
	nvtxRangeEnd(123456);
	nvtxRangePushA(NULL);
	nvtxRangePop();
	nvtxRangePushEx(NULL);
	nvtxRangePop();
}

static void cost(long count)
{
	int64_t start = now();

	many(count);
	printf("%.1f\n", (double)(now() - start) / (double)count);
}

static void obey(const char *line)
{
	char word[32] = "";
	long first = 0, second = 0;

	sscanf(line, "%31s %ld %ld", word, &first, &second);
	if (!strcmp(word, "init"))
		init();
	else if (!strcmp(word, "launch"))
		launch(first);
	else if (!strcmp(word, "all"))
		plain(), in_domain(), with_attributes(), buffers();
	else if (!strcmp(word, "before"))
		before();
	else if (!strcmp(word, "threads"))
		threads(first, second);
	else if (!strcmp(word, "many"))
		many(first);
	else if (!strcmp(word, "texts"))
		texts(first);
	else if (!strcmp(word, "open"))
		nvtxRangePushA("pushed for good"), nvtxRangeStartA("started for good");
	else if (!strcmp(word, "push"))
		nvtxRangePushA(line + 5);
	else if (!strcmp(word, "pop"))
		nvtxRangePop();
	else if (!strcmp(word, "fork"))
		forked(false), forked(true);
	else if (!strcmp(word, "returns"))
		returns();
	else if (!strcmp(word, "cost"))
		cost(first);
	else
		NEED(!"known");
}

int main(void)
{
	const char *path = getenv("NVTX_TRUTH");
	char line[256];

	truth = path ? fopen(path, "w") : stderr;
	NEED(truth);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		obey(line);
		puts("ok");
		fflush(stdout);
	}
	return 0;
}
