/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Native call paths against libunwind's full walk, at random points of random stacks: varying
 * depth, churn of the inner frames, alloca and realigned frames, threads, libraries that are
 * closed and replaced by others at the same addresses, a signal handler, a coroutine's stack,
 * recursion deeper than the cap.
 * Built a second time without the memo's verification (UNWIND_SKIP_VERIFY): that must fail.
 */
#define UNW_LOCAL_ONLY
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <alloca.h>
#include <dlfcn.h>
#include <libunwind.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "libprofile/cfi.h"
#include "libprofile/unwind.h"
#include "libprofile/unwind_odd.h"

#define FRAMES_MAX 512

struct told {
	uint32_t parent;
	uint64_t ip;
};

struct walker {
	struct unwinder *unwinder;
	struct told *told;
	uint32_t told_count;
	uint64_t low, high;
	unsigned seed;
	long probes, mismatches, interrupted, cut;
};

static __thread struct walker *self;
static void *plugin;
static void (*plugin_enter)(int depth, void (*leaf)(void));

static unsigned refuse_once_in;		/* nodes that cannot be told; 0: all can */
static long refused;

static unsigned random_below(unsigned limit);

static bool tell(void *user, uint32_t node, uint32_t parent, uint64_t ip)
{
	struct walker *w = user;

	if (refuse_once_in && random_below(refuse_once_in) == 0) {
		refused++;
		return false;
	}
	w->told[node] = (struct told){ parent, ip };
	w->told_count++;
	return true;
}

static void walker_reset(struct walker *w)
{
	if (w->unwinder)
		unwinder_free(w->unwinder);
	w->unwinder = unwinder_new(w->low, w->high, 0, 0, tell, w);
	w->told_count = 0;
	if (!w->unwinder)
		abort();
}

static unsigned random_below(unsigned limit)
{
	self->seed = self->seed * 1103515245u + 12345u;
	return (self->seed >> 8) % limit;
}

/* libunwind's slow walk: no cache of any kind, so no stale rules after dlclose. */
static __attribute__((noinline)) int full_walk(uint64_t *ips)
{
	unw_context_t context;
	unw_cursor_t cursor;
	unw_word_t ip;
	int count = 0;

	unw_getcontext(&context);
	unw_init_local(&cursor, &context);
	do {
		unw_get_reg(&cursor, UNW_REG_IP, &ip);
		if (ip == 0)
			break;
		ips[count++] = ip;
	} while (count < FRAMES_MAX && unw_step(&cursor) > 0);
	return count;
}

/* Both walks leave their own frame and, in probe(), another return address: compare from probe()'s
 * caller to the outermost frame, or to the mark of the cap. */
static __attribute__((noinline)) void probe(void)
{
	uint64_t wanted[FRAMES_MAX], got[FRAMES_MAX];
	uint32_t node;
	int want = full_walk(wanted), have = 0, bad;

	if (self->told_count > 40000)
		walker_reset(self);
	node = unwinder_path(self->unwinder);
	for (; node && have < FRAMES_MAX; node = self->told[node].parent)
		got[have++] = self->told[node].ip;
	if (want > (int)UNWIND_DEPTH_MAX) {
		wanted[want = UNWIND_DEPTH_MAX] = TRIE_CUT;
		want++;
		self->cut++;
	}
	/* Where nodes are refused the outermost frames are right, as far as they go. */
	bad = refuse_once_in ? have > want : have != want;
	for (int i = 2 - (want - have); i < have && !bad; i++)
		bad = i >= 0 && wanted[i + want - have] != got[i];
	self->probes++;
	self->mismatches += bad;
	if (bad && getenv("VERBOSE"))
		for (int i = 1; i <= want || i <= have; i++)
			fprintf(stderr, "%2d %16llx %16llx\n", i,
				i <= want ? (unsigned long long)wanted[want - i] : 0,
				i <= have ? (unsigned long long)got[have - i] : 0);
}

typedef void shape(int depth);
static shape plain, with_alloca, realigned, with_array, through_plugin;
/* A frame whose CFA is the expression rsp + 24 + 8, in a form only libunwind reads. */
shape odd_frame, odd_inner;
__asm__(".text\n\t.type odd_frame, @function\nodd_frame:\n\t.cfi_startproc\n"
	"\tsub $24, %rsp\n\t.cfi_escape 0x0f, 0x04, 0x77, 0x18, 0x23, 0x08\n"
	"\tcall odd_inner\n\tadd $24, %rsp\n\t.cfi_def_cfa %rsp, 8\n\tret\n"
	"\t.cfi_endproc\n\t.size odd_frame, . - odd_frame\n");
static shape *const shapes[] = {
	plain, with_alloca, realigned, with_array, through_plugin, odd_frame,
};
static unsigned shape_count = 5;	/* 6: with odd ones, whose walks are not kept */
static unsigned churn_once_in = 6;	/* frames; they multiply */

static __attribute__((noinline)) void go(int depth)
{
	int calls = random_below(churn_once_in) == 0 ? 2 : 1;	/* churn: other leaves below this frame */

	if (depth <= 0) {
		probe();
		return;
	}
	while (calls--)
		shapes[random_below(shape_count)](depth - 1);
}

static __attribute__((noinline)) void plain(int depth)
{
	volatile int keep = depth;

	go(depth);
	keep++;
}

static __attribute__((noinline)) void with_alloca(int depth)
{
	volatile char *room = alloca(16 + random_below(300));

	room[0] = (char)depth;
	go(depth);
	room[1] = room[0];
}

static __attribute__((noinline)) void realigned(int depth)
{
	_Alignas(64) volatile char room[128];

	room[0] = (char)depth;
	go(depth);
	room[1] = room[0];
}

static __attribute__((noinline)) void with_array(int depth)
{
	volatile long room[8];

	room[0] = depth;
	go(depth);
	room[1] = room[0];
}

void odd_inner(int depth)
{
	go(depth);
}

static __thread int plugin_depth;

static void plugin_leaf(void)
{
	go(plugin_depth);
}

static __attribute__((noinline)) void through_plugin(int depth)
{
	if (!plugin_enter) {
		plain(depth);
		return;
	}
	plugin_depth = depth;
	plugin_enter(1 + (int)random_below(3), plugin_leaf);
}

static void on_signal(int number)
{
	(void)number;
	self->interrupted++;
	probe();
}

static ucontext_t main_context, other_context;

static void coroutine(void)
{
	for (int i = 0; i < 50; i++) {
		go((int)random_below(20));
		swapcontext(&other_context, &main_context);
	}
}

static void walker_init(struct walker *w, unsigned seed)
{
	pthread_attr_t attributes;
	void *low;
	size_t bytes;

	memset(w, 0, sizeof(*w));
	w->told = calloc(TRIE_SLOTS + 1, sizeof(*w->told));
	pthread_getattr_np(pthread_self(), &attributes);
	pthread_attr_getstack(&attributes, &low, &bytes);
	pthread_attr_destroy(&attributes);
	w->low = (uint64_t)(uintptr_t)low;
	w->high = w->low + bytes;
	w->seed = seed;
	self = w;
	walker_reset(w);
}

static long probes_wanted;

static void *thread_main(void *arg)
{
	struct walker *w = arg;

	walker_init(w, w->seed);
	while (w->probes < probes_wanted)
		go((int)random_below(60));
	return NULL;
}

/* Two libraries with frames of different sizes take turns at the same addresses. */
static void plugin_swap(int which)
{
	static const char *const names[] = { "PLUGIN_A", "PLUGIN_B" };
	const char *path = getenv(names[which & 1]);

	if (!path)
		return;
	if (plugin) {
		dlclose(plugin);
		unwind_code_changed();
		walker_reset(self);
	}
	plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	*(void **)&plugin_enter = plugin ? dlsym(plugin, "plugin_enter") : NULL;
}

int main(int argc, char **argv)
{
	struct walker walkers[3];
	pthread_t threads[2];
	long probes = 0, mismatches = 0;
	void *stack = malloc(1 << 20);
	uint64_t odd;

	unwind_odd_open = dlopen;
	unwind_odd_symbol = dlsym;
	*(void **)&cfi_find_object = dlsym(RTLD_DEFAULT, "_dl_find_object");
	probes_wanted = argc > 1 ? atol(argv[1]) : 3000;
	unw_set_caching_policy(unw_local_addr_space, UNW_CACHE_NONE);
	walker_init(&walkers[2], 1);
	for (int i = 0; self->probes < probes_wanted; i++) {
		if (i % 64 == 0)
			plugin_swap(i / 64);
		go((int)random_below(60));
	}
	signal(SIGUSR1, on_signal);
	for (int i = 0; i < 20; i++)
		raise(SIGUSR1);
	getcontext(&other_context);
	other_context.uc_stack.ss_sp = stack;
	other_context.uc_stack.ss_size = 1 << 20;
	other_context.uc_link = &main_context;
	makecontext(&other_context, coroutine, 0);
	for (int i = 0; i < 50; i++) {
		swapcontext(&main_context, &other_context);
		go((int)random_below(20));
	}
	shape_count = 6;
	for (int i = 0; i < 100; i++)
		go((int)random_below(30));
	refuse_once_in = 8;
	/* Not where paths are wrong already: walks that were led astray grow long. */
	for (int i = 0; i < 8 && !self->mismatches; i++) {
		walker_reset(self);
		go((int)random_below(60));
	}
	refuse_once_in = 0;
	odd = unwinder_counts(self->unwinder)->odd;
	shape_count = 5;
	churn_once_in = 40;
	for (int i = 0; i < 40; i++)
		go(110 + (int)random_below(60));	/* two frames and more for each level */
	churn_once_in = 6;
	plugin_enter = NULL;
	for (int i = 0; i < 2; i++) {
		walkers[i].seed = (unsigned)(77 + i);
		pthread_create(&threads[i], NULL, thread_main, &walkers[i]);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 3; i++) {
		probes += walkers[i].probes;
		mismatches += walkers[i].mismatches;
	}
	printf("%ld probes, %ld mismatches, %ld in a signal handler, %llu odd frames, %ld cut, %ld nodes "
	       "refused\n", probes, mismatches, walkers[2].interrupted, (unsigned long long)odd,
	       walkers[2].cut, refused);
	free(stack);
	return mismatches != 0 || odd == 0 || walkers[2].cut == 0 || refused == 0;
}
