/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call path costs, against the usual ways, all in one run with the ways taking turns.
 *
 *	callpath_cost                    native paths: depths, changed leaf frames
 *	callpath_cost ir WAY DEPTH N     N paths and nothing else, to be counted by callgrind
 *
 * As a library (callpath_cost.py loads it) bench_python() does the same below Python frames.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libprofile/cfi.h"
#include "libprofile/pypath.h"
#include "libprofile/unwind.h"
#include "libprofile/unwind_odd.h"

#define ROUNDS 15		/* the fastest counts: other work on the machine only adds */
#define PATHS 4000

static struct unwinder *unwinder;
static struct pypath *pypath;
static int (*unw_backtrace)(void **addresses, int count);
static volatile uint64_t sink;

static struct {
	int (*ensure)(void);
	void (*release)(int state);
	void *(*frame)(void);
	void *(*back)(void *frame);
	void *(*code)(void *frame);
	int (*line)(void *frame);
	void (*forget)(void *object);
} api;

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static bool tell(void *user, uint32_t node, uint32_t parent, uint64_t key)
{
	(void)user;
	(void)node;
	(void)parent;
	(void)key;
	return true;
}

static bool tell_code(void *user, uint32_t id, uint64_t code)
{
	(void)user;
	(void)id;
	(void)code;
	return true;
}

static void *look_up(const char *symbol)
{
	return dlsym(RTLD_DEFAULT, symbol);
}

/* --- ways ---------------------------------------------------------------------------------- */

static __attribute__((noinline)) void way_empty(void)
{
	__asm__ volatile("" : : : "memory");
}

static __attribute__((noinline)) void way_memo(void)
{
	sink += unwinder_path(unwinder);
}

static __attribute__((noinline)) void way_unw(void)
{
	void *addresses[256];

	sink += (uint64_t)unw_backtrace(addresses, 256);
}

static __attribute__((noinline)) void way_both(void)
{
	sink += unwinder_path(unwinder);
	sink += pypath_node(pypath);
}

static __attribute__((noinline)) void way_python(void)
{
	sink += pypath_node(pypath);
}

static __attribute__((noinline)) void way_api(void)
{
	void *addresses[256], *frame, *next;
	int state;

	sink += (uint64_t)unw_backtrace(addresses, 256);
	state = api.ensure();
	frame = api.frame();
	for (bool is_own = false; frame; frame = next, is_own = true) {
		void *code = api.code(frame);

		sink += (uint64_t)(uintptr_t)code + (uint64_t)api.line(frame);
		api.forget(code);
		next = api.back(frame);
		if (is_own)
			api.forget(frame);
	}
	api.release(state);
}

typedef void way(void);

/* --- stacks -------------------------------------------------------------------------------- */

/* Frames of different sizes, one in four with a frame pointer. */
static __attribute__((noinline)) void descend(int depth, void (*leaf)(void *), void *user);

#define LEVEL(name, bytes)									\
static __attribute__((noinline)) void name(int depth, void (*leaf)(void *), void *user)	\
{												\
	char room[bytes];									\
												\
	__asm__ volatile("" : : "r"(room) : "memory");						\
	descend(depth - 1, leaf, user);								\
	__asm__ volatile("" : : "r"(room) : "memory");						\
}

LEVEL(level_small, 16)
LEVEL(level_middle, 80)
LEVEL(level_large, 400)

static __attribute__((noinline)) void level_pointer(int depth, void (*leaf)(void *), void *user)
{
	char *room = __builtin_alloca((size_t)(16 + depth % 3 * 16));

	__asm__ volatile("" : : "r"(room) : "memory");
	descend(depth - 1, leaf, user);
	__asm__ volatile("" : : "r"(room) : "memory");
}

static __attribute__((noinline)) void descend(int depth, void (*leaf)(void *), void *user)
{
	static void (*const levels[])(int, void (*)(void *), void *) = {
		level_small, level_middle, level_large, level_pointer,
	};

	if (depth <= 1)
		leaf(user);
	else
		levels[depth / 2 % 4](depth - 1, leaf, user);
	__asm__ volatile("");
}

/* Leaf frames that differ from one path to the next. */
static __attribute__((noinline)) void leaves_odd(int depth, way *take)
{
	if (depth > 1)
		leaves_odd(depth - 1, take);
	else
		take();
	__asm__ volatile("");
}

static __attribute__((noinline)) void leaves_even(int depth, way *take)
{
	char room[48];

	__asm__ volatile("" : : "r"(room) : "memory");
	if (depth > 1)
		leaves_even(depth - 1, take);
	else
		take();
	__asm__ volatile("" : : "r"(room) : "memory");
}

/* --- measuring ----------------------------------------------------------------------------- */

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static double one_round(way *take, int changed)
{
	double begin = now_ns();

	for (int i = 0; i < PATHS; i++) {
		if (!changed)
			take();
		else if (i & 1)
			leaves_odd(changed, take);
		else
			leaves_even(changed, take);
	}
	return (now_ns() - begin) / PATHS;
}

struct comparison {
	way *ways[3];		/* the first one is taken off from the others */
	int changed;
	double fastest[3];
};

static void compare_here(void *user)
{
	struct comparison *c = user;
	double each[3][ROUNDS];

	for (int w = 0; w < 3; w++)
		one_round(c->ways[w], c->changed);
	for (int round = 0; round < ROUNDS; round++)
		for (int w = 0; w < 3; w++)
			each[w][round] = one_round(c->ways[w], c->changed);
	for (int w = 0; w < 3; w++) {
		qsort(each[w], ROUNDS, sizeof(each[w][0]), compare);
		c->fastest[w] = each[w][0];
	}
}

static void print_line(const char *what, const struct comparison *c)
{
	double ours = c->fastest[1] - c->fastest[0], theirs = c->fastest[2] - c->fastest[0];

	printf("%-44s %8.1f %8.1f %7.1f\n", what, ours, theirs, theirs / ours);
}

static bool prepare(void)
{
	void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
	pthread_attr_t attributes;
	void *low;
	size_t size;

	unwind_odd_open = dlopen;
	unwind_odd_symbol = dlsym;
	*(void **)&cfi_find_object = dlsym(RTLD_DEFAULT, "_dl_find_object");
	if (library)
		*(void **)&unw_backtrace = dlsym(library, "unw_backtrace");
	pthread_getattr_np(pthread_self(), &attributes);
	pthread_attr_getstack(&attributes, &low, &size);
	unwinder = unwinder_new((uintptr_t)low, (uintptr_t)low + size, 0, 0, tell, NULL);
	return unwinder && unw_backtrace;
}

static void count_here(void *user)
{
	const struct comparison *c = user;

	for (int i = 0; i < c->changed; i++)
		c->ways[0]();
}

__attribute__((visibility("default"))) int bench_python(void);

__attribute__((visibility("default"))) int bench_python(void)
{
	struct comparison c = { .ways = { way_empty, way_both, way_api } };
	struct comparison parts = { .ways = { way_empty, way_memo, way_python } };
	static struct pywalk walk;
	uint32_t version;
	void *addresses[256];
	char what[64];

	*(void **)&api.ensure = look_up("PyGILState_Ensure");
	*(void **)&api.release = look_up("PyGILState_Release");
	*(void **)&api.frame = look_up("PyEval_GetFrame");
	*(void **)&api.back = look_up("PyFrame_GetBack");
	*(void **)&api.code = look_up("PyFrame_GetCode");
	*(void **)&api.line = look_up("PyFrame_GetLineNumber");
	*(void **)&api.forget = look_up("Py_DecRef");
	if (!prepare() || !pyframes_init(look_up, &version))
		return 1;
	pypath = pypath_new(tell, tell_code, NULL, PYFRAMES_DEPTH_MAX);
	pyframes_read(&walk, PYFRAMES_DEPTH_MAX);
	snprintf(what, sizeof(what), "%d native + %u Python frames, %u codes (3.%u)",
		 unw_backtrace(addresses, 256), walk.count, walk.identities.count,
		 version >> 16 & 0xff);
	compare_here(&c);
	print_line(what, &c);
	compare_here(&parts);
	printf("%-44s %8.1f %8.1f\n", "  its native, its Python part",
	       parts.fastest[1] - parts.fastest[0], parts.fastest[2] - parts.fastest[0]);
	fflush(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	static const int depths[] = { 10, 30, 60, 100 };
	char what[64];

	if (!prepare()) {
		fprintf(stderr, "callpath_cost: needs x86-64 and libunwind.so.8\n");
		return 77;
	}
	if (argc == 5 && !strcmp(argv[1], "ir")) {
		struct comparison c = { .ways = { !strcmp(argv[2], "memo") ? way_memo :
						  !strcmp(argv[2], "unw") ? way_unw : way_empty },
					.changed = atoi(argv[4]) };

		descend(atoi(argv[3]) - 4, count_here, &c);
		return 0;
	}
	printf("%-44s %8s %8s %7s\n", "ns per path (fastest of 15 rounds)", "ours", "theirs", "ratio");
	for (size_t i = 0; i < 4; i++) {
		struct comparison c = { .ways = { way_empty, way_memo, way_unw } };

		descend(depths[i] - 4, compare_here, &c);
		snprintf(what, sizeof(what), "known path, depth %d", depths[i]);
		print_line(what, &c);
	}
	for (int changed = 1; changed <= 20; changed += changed == 1 ? 4 : 15) {
		struct comparison c = { .ways = { way_empty, way_memo, way_unw }, .changed = changed };

		descend(100 - 4 - changed, compare_here, &c);
		snprintf(what, sizeof(what), "depth 100, %d leaf frames changed", changed);
		print_line(what, &c);
	}
	return 0;
}
