/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long operations take. Kernels: from their shape and occupancy, or as a line of the file named
 * by SIMCUDA_COSTS says; docs/simulator.md describes the model and the file.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/engine.h"

#include <fnmatch.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHAPES_CACHED 4
#define LATENCY_NS 2000u		/* from the call to the device, plus up to the spread */
#define LATENCY_SPREAD_NS 1500u
#define BASE_NS 2000.0
#define WAVE_NS 1500.0
#define JITTER 0.03
#define LINK_EFFICIENCY 0.85
#define PAGEABLE_EFFICIENCY 0.35	/* the driver copies through its own pinned buffers */
#define HOST_GBS 10.0

/* One line of the cost file. Negative: not given. */
struct cost_rule {
	struct cost_rule *next;
	char *pattern;
	double fixed_us, base_us, per_block_ns, per_wave_us, bytes, flops, bytes_per_block,
		flops_per_block, jitter, tensor;
};

/* What sim_function.cost points to. */
struct cost_cache {
	const struct cost_rule *rule;
	/* Blocks per SM of shapes seen: threads, shared bytes and answer in one word, so that
	 * launching threads need no lock. */
	_Atomic uint64_t shapes[SHAPES_CACHED];
	_Atomic unsigned next_shape;
};

static struct cost_rule *rules;
static double time_scale = 1, slow_copy = 1, event_ns;
static uint64_t seed;

double sim_environment_double(const char *name, double fallback)
{
	const char *text = getenv(name);
	char *end;
	double value;

	if (!text || !*text)
		return fallback;
	value = strtod(text, &end);
	if (*end || !(value >= 0)) {
		fprintf(stderr, "simcuda: %s=%s is not a number >= 0; using %g\n", name, text,
			fallback);
		return fallback;
	}
	return value;
}

/* --- the cost file ---------------------------------------------------------------------------- */
static bool rule_set(struct cost_rule *rule, const char *key, double value)
{
	struct {
		const char *key;
		double *field;
	} fields[] = {
		{ "fixed_us", &rule->fixed_us },	 { "base_us", &rule->base_us },
		{ "per_block_ns", &rule->per_block_ns }, { "per_wave_us", &rule->per_wave_us },
		{ "bytes", &rule->bytes },		 { "flops", &rule->flops },
		{ "bytes_per_block", &rule->bytes_per_block },
		{ "flops_per_block", &rule->flops_per_block },
		{ "jitter", &rule->jitter },		 { "tensor", &rule->tensor },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcmp(fields[i].key, key) == 0) {
			*fields[i].field = value;
			return true;
		}
	return false;
}

static struct cost_rule *rule_read(char *line, const char *path, int number)
{
	struct cost_rule *rule;
	char *save = NULL, *pattern = strtok_r(line, " \t\r\n", &save), *word, *equals, *end;
	double value;

	if (!pattern || *pattern == '#')
		return NULL;
	rule = malloc(sizeof(*rule));
	if (!rule)
		return NULL;
	*rule = (struct cost_rule){ NULL, strdup(pattern), -1, -1, -1, -1, -1, -1, -1, -1, -1,
				   -1 };
	while ((word = strtok_r(NULL, " \t\r\n", &save)) && *word != '#') {
		equals = strchr(word, '=');
		if (equals)
			*equals = '\0';
		value = equals ? strtod(equals + 1, &end) : 0;
		if (!equals || *end || end == equals + 1 || !(value >= 0) ||
		    !rule_set(rule, word, value))
			fprintf(stderr, "simcuda: %s:%d: '%s' is not a known key with a number; "
				"ignored (docs/simulator.md lists the keys)\n", path, number, word);
	}
	return rule;
}

static void rules_read(const char *path)
{
	struct cost_rule **end = &rules;
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;

	if (!file) {
		fprintf(stderr,
			"simcuda: cannot read SIMCUDA_COSTS=%s: %m; kernels take what their "
			"shape says\n",
			path);
		return;
	}
	for (int number = 1; getline(&line, &room, file) >= 0; number++) {
		*end = rule_read(line, path, number);
		if (*end)
			end = &(*end)->next;
	}
	free(line);
	fclose(file);
}

void sim_cost_init(void)
{
	const char *path = getenv("SIMCUDA_COSTS");

	time_scale = sim_environment_double("SIMCUDA_TIME_SCALE", 1);
	event_ns = sim_environment_double("SIMCUDA_EVENT_NS", 0);
	slow_copy = sim_environment_double("SIMCUDA_SLOW_COPY", 1);
	seed = (uint64_t)sim_environment_double("SIMCUDA_SEED", 1);
	if (path && *path)
		rules_read(path);
}

/* The last component of an Itanium-mangled name: _ZN3foo3barEv gives bar. False: not mangled. */
static bool name_plain(const char *mangled, char *plain, size_t room)
{
	const char *at = mangled;
	size_t length = 0;
	char *end;

	if (strncmp(at, "_Z", 2) != 0)
		return false;
	at += 2;
	while (*at == 'N' || *at == 'K' || *at == 'L')
		at++;
	while (*at >= '1' && *at <= '9') {
		length = strtoul(at, &end, 10);
		if (length == 0 || length >= room || strlen(end) < length)
			return false;
		memcpy(plain, end, length);
		plain[length] = '\0';
		at = end + length;
	}
	return length > 0;
}

static struct cost_cache *cache_of(struct sim_function *function)
{
	struct cost_cache *cache = __atomic_load_n(&function->cost, __ATOMIC_ACQUIRE),
			  *other = NULL;
	char plain[256];
	bool has_plain;

	if (cache)
		return cache;
	cache = calloc(1, sizeof(*cache));
	if (!cache)
		abort();
	has_plain = name_plain(function->name, plain, sizeof(plain));
	for (const struct cost_rule *rule = rules; rule && !cache->rule; rule = rule->next)
		if (fnmatch(rule->pattern, function->name, 0) == 0 ||
		    (has_plain && fnmatch(rule->pattern, plain, 0) == 0))
			cache->rule = rule;
	if (__atomic_compare_exchange_n(&function->cost, (void **)&other, cache, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return cache;
	free(cache);	/* another thread was first */
	return other;
}

/* --- times ------------------------------------------------------------------------------------ */
static uint64_t mix(uint64_t value)
{
	value += seed * 0x9e3779b97f4a7c15ull;
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
	return value ^ (value >> 31);
}

/* Uniform in [-1, 1), always the same for the same operation and seed. */
static double random_of(uint64_t id)
{
	return (double)(mix(id) >> 11) / (double)(1ull << 52) - 1;
}

uint64_t sim_cost_latency(uint64_t id)
{
	return LATENCY_NS + mix(id ^ 0x6c6174656e6379ull) % LATENCY_SPREAD_NS;
}

uint64_t sim_cost_gap(const struct sim_op *op)
{
	switch (op->task.kind) {
	case SIM_TASK_KERNEL:
		return op->task.kernel.is_programmatic ? 150 : op->graph ? 600 : 1000;
	case SIM_TASK_COPY:
	case SIM_TASK_SET:
		return op->graph ? 800 : 1200;
	case SIM_TASK_GRAPH:
		return 1500;
	default:
		return 0;
	}
}

int sim_cost_blocks_per_sm(const struct sim_kernel *kernel, const struct sim_profile *profile)
{
	struct cost_cache *cache = cache_of(kernel->function);
	uint64_t threads = (uint64_t)kernel->block[0] * kernel->block[1] * kernel->block[2];
	uint64_t key = threads << 48 | (uint64_t)kernel->dynamic_shared << 16, shape;
	int per_sm;

	for (unsigned i = 0; i < SHAPES_CACHED; i++) {
		shape = atomic_load_explicit(&cache->shapes[i], memory_order_relaxed);
		if ((shape & ~0xffffull) == key && shape)
			return (int)(shape & 0xffff);
	}
	per_sm = sim_occupancy(profile, kernel->function, (int)threads, kernel->dynamic_shared,
			       NULL);
	if (per_sm < 0)
		per_sm = 0;
	atomic_store_explicit(&cache->shapes[cache->next_shape++ % SHAPES_CACHED],
			      key | (unsigned)per_sm, memory_order_relaxed);
	return per_sm;
}

static double greater(double a, double b)
{
	return a > b ? a : b;
}

static double rule_bytes(const struct cost_rule *rule, double blocks)
{
	return greater(rule->bytes, 0) + greater(rule->bytes_per_block, 0) * blocks;
}

double sim_cost_bytes(const struct sim_kernel *kernel, double blocks)
{
	const struct cost_rule *rule = cache_of(kernel->function)->rule;

	return rule ? rule_bytes(rule, blocks) : 0;
}

double sim_cost_tensor(const struct sim_kernel *kernel)
{
	const struct cost_rule *rule = cache_of(kernel->function)->rule;

	return rule ? greater(rule->tensor, 0) : 0;
}

static double rule_ns(const struct cost_rule *rule, const struct sim_profile *profile,
		      double blocks, double waves)
{
	double bytes = rule_bytes(rule, blocks);
	double flops = greater(rule->flops, 0) + greater(rule->flops_per_block, 0) * blocks;
	double base_ns = rule->base_us >= 0 ? rule->base_us * 1e3 : BASE_NS;
	bool has_work = bytes > 0 || flops > 0 || rule->per_block_ns >= 0 || rule->per_wave_us >= 0;

	if (rule->fixed_us >= 0)
		return rule->fixed_us * 1e3;
	if (!has_work)
		return base_ns + waves * WAVE_NS;
	return base_ns + greater(bytes / profile->hbm_gbs, flops / (profile->tflops_fp16 * 1e3)) +
	       greater(rule->per_block_ns, 0) * blocks +
	       greater(rule->per_wave_us, 0) * 1e3 * waves;
}

static double kernel_cost(struct sim_op *op)
{
	const struct sim_kernel *kernel = &op->task.kernel;
	const struct sim_profile *profile = op->context->device->profile;
	struct cost_cache *cache = cache_of(kernel->function);
	uint64_t blocks = (uint64_t)kernel->grid[0] * kernel->grid[1] * kernel->grid[2];
	int per_sm = sim_cost_blocks_per_sm(kernel, profile);
	uint64_t capacity = (uint64_t)(per_sm > 0 ? per_sm : 1) * (unsigned)profile->sm_count;
	double waves = (double)((blocks + capacity - 1) / capacity), jitter = JITTER;
	double duration_ns = BASE_NS + waves * WAVE_NS;

	op->units = SIM_UNITS_PER_DEVICE;
	if (blocks < capacity)
		op->units = (unsigned)((blocks * SIM_UNITS_PER_DEVICE + capacity - 1) / capacity);
	if (cache->rule) {
		duration_ns = rule_ns(cache->rule, profile, (double)blocks, waves);
		jitter = cache->rule->jitter >= 0 ? cache->rule->jitter :
			 cache->rule->fixed_us >= 0 ? 0 : JITTER;
	}
	return duration_ns * (1 + jitter * random_of(op->id));
}

static double copy_cost(const struct sim_op *op)
{
	const struct sim_copy *copy = &op->task.copy;
	const struct sim_profile *profile = op->context->device->profile;
	double bytes = (double)copy->width * (double)copy->height * (double)copy->depth;
	bool is_pageable = copy->source_kind == 1 || copy->destination_kind == 1;
	double gbs;

	if (copy->kind == SIM_COPY_DTOD)
		gbs = profile->hbm_gbs / 2 * LINK_EFFICIENCY;
	else if (copy->kind == SIM_COPY_PTOP)
		gbs = (profile->nvlink_gbs > 0 ? profile->nvlink_gbs : profile->pcie_gbs) *
		      LINK_EFFICIENCY;
	else if (copy->kind == SIM_COPY_HTOH)
		gbs = HOST_GBS;
	else
		gbs = profile->pcie_gbs * (is_pageable ? PAGEABLE_EFFICIENCY : LINK_EFFICIENCY);
	return (1300 + bytes / gbs + 100 * random_of(op->id)) * slow_copy;
}

void sim_cost_of(struct sim_op *op)
{
	const struct sim_set *set = &op->task.set;
	double duration_ns = 0;

	if (op->task.kind == SIM_TASK_KERNEL)
		duration_ns = kernel_cost(op);
	else if (op->task.kind == SIM_TASK_COPY)
		duration_ns = copy_cost(op);
	else if (op->task.kind == SIM_TASK_SET)
		duration_ns = 1100 + 50 * random_of(op->id) +
			      (double)set->width * (double)set->height * set->element_bytes /
				      op->context->device->profile->hbm_gbs;
	else if (op->task.kind == SIM_TASK_RECORD && !op->graph)
		duration_ns = event_ns;
	op->duration_ns = (uint64_t)(duration_ns * time_scale);
}
