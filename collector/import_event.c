/* SPDX-License-Identifier: Apache-2.0 */
/* Kineto's events: which are calls, which are work of the GPU, which are counted only. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/import_kineto.h"

#include <stdio.h>
#include <string.h>

#define MEMORY_MAX_BYTES ((int64_t)1 << 50)

const struct field_def kineto_fields[FIELDS] = {
#define FIELD(name, place, type, key) [FIELD_##name] = { PLACE_##place, TYPE_##type, sizeof(key) - 1, key },
#include "collector/import_fields.def"
#undef FIELD
};

enum what { SKIP, CALL, KERNEL, COPY, SET, PYTHON, OPERATOR, RANGE };

/* Categories, with the names of old versions. */
static const struct {
	const char *name;
	enum what what;
	enum import_counter counter;	/* of SKIP */
} categories[] = {
	{ "cpu_op", OPERATOR, 0 },
	{ "python_function", PYTHON, 0 },
	{ "kernel", KERNEL, 0 },
	{ "cuda_runtime", CALL, 0 },
	{ "cuda_driver", CALL, 0 },
	{ "xpu_runtime", CALL, 0 },
	{ "xpu_driver", CALL, 0 },
	{ "mtia_runtime", CALL, 0 },
	{ "privateuse1_runtime", CALL, 0 },
	{ "privateuse1_driver", CALL, 0 },
	{ "gpu_memcpy", COPY, 0 },
	{ "gpu_memset", SET, 0 },
	{ "user_annotation", RANGE, 0 },
	{ "gpu_user_annotation", SKIP, IMPORT_import_annotations },
	{ "cuda_sync", SKIP, IMPORT_import_syncs },
	{ "xpu_sync", SKIP, IMPORT_import_syncs },
	{ "cuda_event", SKIP, IMPORT_import_events },
	{ "Kernel", KERNEL, 0 },
	{ "Memcpy", COPY, 0 },
	{ "Memset", SET, 0 },
	{ "Runtime", CALL, 0 },
	{ "Operator", OPERATOR, 0 },
};

static const char *text_of(const struct kineto *k, enum field field)
{
	const struct value *value = &k->values[field];

	return value->set && !value->wrong && value->text ? value->text : "";
}

/* A number that must lie in [min, max] if it is there; `missing` otherwise. */
static int64_t number(struct kineto *k, enum field field, int64_t min, int64_t max, int64_t missing)
{
	const struct value *value = &k->values[field];

	if (!value->set)
		return missing;
	if (value->wrong || value->numbers[0] < min || value->numbers[0] > max) {
		import_fail(k->im, IMPORT_BAD_INPUT,
			    "event %llu: %s is of the wrong type or out of range",
			    (unsigned long long)k->events, kineto_fields[field].key);
		return missing;
	}
	return value->numbers[0];
}

static void three(struct kineto *k, enum field field, uint32_t *values)
{
	const struct value *value = &k->values[field];

	number(k, field, 0, UINT32_MAX, 0);
	for (int i = 0; i < 3 && value->set; i++) {
		if (value->numbers[i] < 0 || value->numbers[i] > UINT32_MAX)
			import_fail(k->im, IMPORT_BAD_INPUT, "event %llu: %s is out of range",
				    (unsigned long long)k->events, kineto_fields[field].key);
		values[i] = (uint32_t)value->numbers[i];
	}
}

/* "Memcpy HtoD (Pinned -> Device)" to copy.kind; ROCm and Level Zero have other words. */
static int64_t copy_kind(const char *name)
{
	static const struct { const char *part; int64_t kind; } kinds[] = {
		{ "HtoD", 1 }, { "DtoH", 2 }, { "HtoA", 3 }, { "AtoH", 4 }, { "AtoA", 5 },
		{ "AtoD", 6 }, { "DtoA", 7 }, { "DtoD", 8 }, { "HtoH", 9 }, { "PtoP", 10 },
		{ "HostToDevice", 1 }, { "DeviceToHost", 2 }, { "DeviceToDevice", 8 },
		{ "HostToHost", 9 }, { "PeerToPeer", 10 }, { "M2D", 1 }, { "D2M", 2 }, { "D2D", 8 },
	};
	static const char *const memories[] = { "Pageable", "Pinned", "Device", "Array",
						"Managed", "Device Static", "Managed Static" };
	const char *source = strchr(name, '('), *target = strstr(name, "->");
	int64_t kind = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !kind; i++)
		if (strstr(name, kinds[i].part))
			kind = kinds[i].kind;
	for (size_t i = 0; source && target && i < sizeof(memories) / sizeof(memories[0]); i++) {
		size_t length = strlen(memories[i]);

		if (!strncmp(source + 1, memories[i], length) && source[1 + length] == ' ')
			kind |= ((int64_t)i + 1) << 8;
		if (!strncmp(target + 3, memories[i], length) && target[3 + length] == ')')
			kind |= ((int64_t)i + 1) << 16;
	}
	/* Kind 0 is a kernel here: an unknown copy is told by its memories only. */
	return kind ? kind : 1 << 30;
}

static int64_t duration(struct kineto *k)
{
	return k->values[FIELD_dur].set ? number(k, FIELD_dur, INT64_MIN + 1, INT64_MAX, 0) : -1;
}

static bool take_call(struct kineto *k)
{
	return import_stage_call(k->im, &(struct import_call){
		.name = text_of(k, FIELD_name),
		.pid = number(k, FIELD_pid, INT64_MIN + 1, INT64_MAX, 0),
		.tid = number(k, FIELD_tid, INT64_MIN + 1, INT64_MAX, 0),
		.correlation = number(k, FIELD_correlation, INT64_MIN + 1, INT64_MAX, 0),
		.start_ns = number(k, FIELD_ts, INT64_MIN + 1, INT64_MAX, NIL),
		.dur_ns = duration(k),
		.chain = NIL,
	});
}

static bool take_scope(struct kineto *k, enum what what)
{
	return import_stage_scope(k->im, &(struct import_scope){
		.name = text_of(k, FIELD_name),
		.pid = number(k, FIELD_pid, INT64_MIN + 1, INT64_MAX, 0),
		.tid = number(k, FIELD_tid, INT64_MIN + 1, INT64_MAX, 0),
		.start_ns = number(k, FIELD_ts, INT64_MIN + 1, INT64_MAX, NIL),
		.dur_ns = duration(k),
		.is_python = what == PYTHON,
	});
}

static bool take_range(struct kineto *k)
{
	return import_stage_range(k->im, &(struct import_range){
		.kind = RANGE_ANNOTATION,
		.category = NIL, .color = NIL, .end_tid = NIL, .payload_type = NIL, .payload = NIL,
		.name = text_of(k, FIELD_name),
		.pid = number(k, FIELD_pid, INT64_MIN + 1, INT64_MAX, 0),
		.tid = number(k, FIELD_tid, INT64_MIN + 1, INT64_MAX, 0),
		.start_ns = number(k, FIELD_ts, INT64_MIN + 1, INT64_MAX, NIL),
		.dur_ns = duration(k),
	});
}

/*
 * Which device an operation ran on. Its pid is that of the device; in traces merged of several ranks
 * it is the rank's, too, while each rank may call its device 0.
 */
static int64_t device_of(struct kineto *k)
{
	int64_t pid = number(k, FIELD_pid, INT64_MIN + 1, INT64_MAX, NIL);
	int64_t told = number(k, FIELD_in_device, INT64_MIN + 1, INT64_MAX, NIL), ordinal;
	struct kineto_device *free_one = NULL;

	told = number(k, FIELD_device, INT64_MIN + 1, INT64_MAX, told);
	if (told != NIL && (told < 0 || told >= IMPORT_DEVICES_MAX))
		return told;			/* an error: there are not so many */
	ordinal = told != NIL ? told : pid > 0 ? pid & UINT32_MAX : 0;
	for (int i = IMPORT_DEVICES_MAX - 1; i >= 0; i--) {
		struct kineto_device *device = &k->devices[i];

		if (device->used && device->number == ordinal && (pid == NIL || device->pid == pid))
			return i;
		if (!device->used && (!free_one || free_one - k->devices != ordinal))
			free_one = device;
	}
	if (!free_one)
		return ordinal;
	*free_one = (struct kineto_device){ pid == NIL ? ordinal : pid, ordinal, true };
	k->im->devices[free_one - k->devices].pid = free_one->pid;
	return free_one - k->devices;
}

void kineto_devices_complete(struct kineto *k)
{
	struct import_device *devices = k->im->devices;

	for (int i = 0; i < IMPORT_DEVICES_MAX; i++) {
		const struct kineto_device *named = &k->devices[i];

		if (named->used && !devices[i].known && named->number < IMPORT_DEVICES_MAX &&
		    devices[named->number].known) {
			devices[i].def = devices[named->number].def;
			devices[i].known = true;
		}
	}
}

static bool take_op(struct kineto *k, enum what what)
{
	int64_t pid = number(k, FIELD_pid, INT64_MIN + 1, INT64_MAX, 0);
	struct import_op op = { .pid = NIL, .graph = NIL, .node = NIL };

	op.device = device_of(k);
	/* The group's process is known when all of its calls are. */
	if (pid >= IMPORT_GROUP)
		op.pid = pid >> IMPORT_GROUP_SHIFT << IMPORT_GROUP_SHIFT;
	op.context = number(k, FIELD_in_context, 0, INT64_MAX, NIL);
	op.context = number(k, FIELD_context, 0, INT64_MAX, op.context);
	op.stream = number(k, FIELD_tid, INT64_MIN + 1, INT64_MAX, 0);
	op.stream = op.stream >= IMPORT_GROUP ? op.stream & UINT32_MAX : op.stream;
	op.stream = number(k, FIELD_stream, INT64_MIN + 1, INT64_MAX, op.stream);
	op.correlation = number(k, FIELD_correlation, INT64_MIN + 1, INT64_MAX, 0);
	op.start_ns = number(k, FIELD_ts, INT64_MIN + 1, INT64_MAX, NIL);
	op.dur_ns = duration(k);
	op.graph = number(k, FIELD_graph, 0, INT64_MAX, 0);
	op.node = number(k, FIELD_node, 0, INT64_MAX, NIL);
	if (!op.graph)			/* Kineto writes 0 where there is no graph */
		op.graph = op.node = NIL;
	if (what == KERNEL) {
		op.shape.name = import_text(k->im, text_of(k, FIELD_name));
		op.shape.registers = (uint32_t)number(k, FIELD_registers, 0, UINT16_MAX, 0);
		op.shape.dynamic_shared_bytes = (uint32_t)number(k, FIELD_shared, 0, INT32_MAX, 0);
		three(k, FIELD_grid, op.shape.grid);
		three(k, FIELD_block, op.shape.block);
		op.shape.cluster[0] = op.shape.cluster[1] = op.shape.cluster[2] = 1;
	} else {
		op.kind = what == SET ? IMPORT_COPY_SET : copy_kind(text_of(k, FIELD_name));
		op.bytes = number(k, FIELD_bytes, 0, MEMORY_MAX_BYTES, 0);
	}
	return !import_failed(k->im) && import_stage_op(k->im, &op);
}

static bool take_name(struct kineto *k)
{
	const char *name = text_of(k, FIELD_name), *label = text_of(k, FIELD_label);
	const struct value *pid = &k->values[FIELD_pid], *tid = &k->values[FIELD_tid];
	bool process = !strcmp(name, "process_name");

	if (!label[0] || pid->wrong || !pid->set || (!process && strcmp(name, "thread_name")))
		return true;
	if (process)
		return import_stage_label(k->im, false, pid->numbers[0], -1, label);
	if (tid->wrong || !tid->set || tid->numbers[0] < 0)
		return true;
	/* A device has its number for a pid and its streams for threads. */
	return import_stage_label(k->im, false, pid->numbers[0], tid->numbers[0], label) &&
	       import_stage_label(k->im, true, pid->numbers[0],
				  tid->numbers[0] >= IMPORT_GROUP ? tid->numbers[0] & UINT32_MAX
								  : tid->numbers[0], label);
}

bool kineto_event(struct kineto *k)
{
	const char *category = text_of(k, FIELD_cat), *phase = text_of(k, FIELD_ph);

	k->events++;
	if (k->values[FIELD_ph].wrong || k->values[FIELD_cat].wrong)
		return import_fail(k->im, IMPORT_BAD_INPUT, "event %llu: ph or cat is not a text",
				   (unsigned long long)k->events);
	if (!strcmp(phase, "M"))
		return take_name(k);
	for (size_t i = 0; i < sizeof(categories) / sizeof(categories[0]); i++) {
		if (strcmp(categories[i].name, category))
			continue;
		if (categories[i].what == SKIP || strcmp(phase, "X"))
			k->im->counters[categories[i].what == SKIP ? categories[i].counter
								   : IMPORT_import_others]++;
		else if (categories[i].what == CALL)
			return take_call(k) && !import_failed(k->im);
		else if (categories[i].what == RANGE)
			return take_range(k) && !import_failed(k->im);
		else if (categories[i].what == PYTHON || categories[i].what == OPERATOR)
			return take_scope(k, categories[i].what) && !import_failed(k->im);
		else
			return take_op(k, categories[i].what);
		return true;
	}
	/* Arrows only tie a call to its work: the correlation does that. */
	if (strcmp(phase, "s") && strcmp(phase, "f"))
		k->im->counters[IMPORT_import_others]++;
	return true;
}

/* Others number their architectures, too, but what follows from the numbers is another thing. */
static bool is_of_cuda(const char *name)
{
	return !strstr(name, "AMD") && !strstr(name, "Radeon") && !strstr(name, "Instinct") &&
	       !strstr(name, "gfx") && !strstr(name, "Intel");
}

bool kineto_device(struct kineto *k)
{
	int64_t ordinal = number(k, FIELD_device_id, 0, IMPORT_DEVICES_MAX - 1, -1);
	struct import_device *device;
	struct wire_def_device *d;

	if (import_failed(k->im) || ordinal < 0)
		return !import_failed(k->im);
	device = &k->im->devices[ordinal];
	d = &device->def;
	device->known = true;
	snprintf(d->name, sizeof(d->name), "%s", text_of(k, FIELD_device_name));
	d->memory_bytes = (uint64_t)number(k, FIELD_memory, 0, MEMORY_MAX_BYTES, 0);
#define NUMBER(field, max) (uint32_t)number(k, FIELD_##field, 0, max, 0)
	if (number(k, FIELD_warp, 0, 1024, 32) == 32 && is_of_cuda(d->name)) {
		d->cc_major = NUMBER(cc_major, 99);
		d->cc_minor = NUMBER(cc_minor, 99);
	}
	d->sm_count = NUMBER(sms, 65536);
	d->max_threads_per_sm = NUMBER(threads_sm, 65536);
	d->registers_per_block = NUMBER(registers_block, 1 << 24);
	d->registers_per_sm = NUMBER(registers_sm, 1 << 24);
	d->shared_per_block_bytes = NUMBER(shared_block, 1 << 28);
	d->shared_per_sm_bytes = NUMBER(shared_sm, 1 << 28);
	d->shared_optin_bytes = NUMBER(shared_optin, 1 << 28);
#undef NUMBER
	return !import_failed(k->im);
}

void kineto_top(struct kineto *k, enum field field)
{
	struct import *im = k->im;
	const struct value *value = &k->values[field];
	size_t used = strlen(im->source_version);

	if (value->wrong)
		return;
	if (field == FIELD_base) {
		im->base_ns = value->numbers[0];
		im->base_known = true;
		return;
	}
	snprintf(im->source_version + used, sizeof(im->source_version) - used, "%s%s %lld",
		 used ? ", " : "", kineto_fields[field].key, (long long)value->numbers[0]);
}
