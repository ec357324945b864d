/* SPDX-License-Identifier: Apache-2.0 */
/* What exists: strings, kernels, devices, contexts, threads, processes. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/core.h"
#include "collector/name.h"
#include "collector/range.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS_MAX (4u << 20)

uint32_t entity_text(struct collector *c, const char *bytes)
{
	size_t length = strlen(bytes);
	struct text *text;

	HASH_FIND(hh, c->texts, bytes, length, text);
	if (text)
		return text->id;
	if (c->text_count >= TEXTS_MAX || !array_reserve(&c->text_list, &c->text_capacity,
							 c->text_count + 1, sizeof(*c->text_list)))
		return 0;
	text = malloc(sizeof(*text) + length + 1);
	if (!text)
		return 0;
	memcpy(text->bytes, bytes, length + 1);
	text->id = ++c->text_count;
	text->is_list = false;
	c->text_list[text->id] = text;
	HASH_ADD_KEYPTR(hh, c->texts, text->bytes, length, text);
	return text->id;
}

static void kernel_write(struct collector *c, uint32_t id, const char *mangled)
{
	const struct kernel *k = &c->kernels[id];
	char *name = name_demangle(mangled), *short_name = name ? name_shorten(name) : NULL;

	database_run(c->db, "INSERT OR REPLACE INTO kernel VALUES (?,?,?,?,?,?,?,?,?)", "itttiiiii",
		     (int64_t)id, name, short_name, mangled, (int64_t)k->registers,
		     (int64_t)k->static_shared_bytes, (int64_t)k->local_bytes,
		     k->max_threads ? (int64_t)k->max_threads : NIL,
		     k->max_threads ? (int64_t)k->max_dynamic_shared_bytes : NIL);
	free(name);
	free(short_name);
}

uint32_t entity_kernel(struct collector *c, const char *mangled, const struct kernel *kernel)
{
	uint32_t key[4] = { entity_text(c, mangled), kernel->registers, kernel->static_shared_bytes,
			    kernel->local_bytes };
	struct kernel *known;
	uint32_t id;
	bool is_new;

	id = intern_add(&c->kernel_keys, key, &is_new);
	if (!key[0] || id == INTERN_NONE ||
	    !array_reserve(&c->kernels, &c->kernel_capacity, ++id, sizeof(*c->kernels)))
		return 0;
	known = &c->kernels[id];
	/* The GPU side does not tell the function's limits; the host side does. */
	if (is_new || (kernel->max_threads && !known->max_threads)) {
		*known = *kernel;
		kernel_write(c, id, mangled);
	}
	return id;
}

/* --- devices ------------------------------------------------------------------------------- */

static void device_write(struct collector *c, uint32_t id, uint32_t ordinal)
{
	const struct device *device = &c->devices[id];
	const struct wire_def_device *d = &device->def;
	char pci[32];

	snprintf(pci, sizeof(pci), "%08x:%02x:%02x.0", d->pci_domain, d->pci_bus, d->pci_device);
	database_run(c->db,
		     "INSERT OR REPLACE INTO device (id, uuid, ordinal, name, pci) VALUES "
		     "(?,?,?,?,?)",
		     "itit"
		     "t",
		     (int64_t)id, device->uuid[0] ? device->uuid : NULL, (int64_t)ordinal,
		     device->known ? d->name : NULL, device->known ? pci : NULL);
	if (!device->known)
		return;
	database_run(c->db,
		     "UPDATE device SET cc_major=?, cc_minor=?, sm_count=?, memory_bytes=?,"
		     " max_threads_per_sm=?, max_blocks_per_sm=?, registers_per_sm=?,"
		     " registers_per_block=?, shared_per_sm_bytes=?, shared_per_block_bytes=?,"
		     " shared_optin_bytes=?, shared_reserved_bytes=?, clock_khz=?, "
		     "memory_clock_khz=?,"
		     " memory_bus_bits=?, l2_bytes=?, copy_engines=? WHERE id=?",
		     "iiiiiiiiiiiiiiiiii", (int64_t)d->cc_major, (int64_t)d->cc_minor,
		     (int64_t)d->sm_count, (int64_t)d->memory_bytes, (int64_t)d->max_threads_per_sm,
		     (int64_t)d->max_blocks_per_sm, (int64_t)d->registers_per_sm,
		     (int64_t)d->registers_per_block, (int64_t)d->shared_per_sm_bytes,
		     (int64_t)d->shared_per_block_bytes, (int64_t)d->shared_optin_bytes,
		     (int64_t)d->shared_reserved_bytes, (int64_t)d->clock_khz,
		     (int64_t)d->memory_clock_khz, (int64_t)d->memory_bus_bits,
		     (int64_t)d->l2_bytes, (int64_t)d->copy_engines, (int64_t)id);
}

static uint32_t device_new(struct collector *c)
{
	if (c->device_count + 1 >= sizeof(c->devices) / sizeof(c->devices[0]))
		return 0;
	return ++c->device_count;
}

uint32_t entity_device(struct process *p, uint32_t ordinal)
{
	if (ordinal >= ORDINALS_MAX)
		return 0;
	if (!p->devices[ordinal]) {
		p->devices[ordinal] = device_new(p->collector);
		if (p->devices[ordinal])
			device_write(p->collector, p->devices[ordinal], ordinal);
	}
	return p->devices[ordinal];
}

void entity_define_device(struct process *p, const struct wire_def_device *def)
{
	struct collector *c = p->collector;
	uint32_t id = 0, mine;
	char uuid[33] = "";
	int any = 0;

	if (def->ordinal >= ORDINALS_MAX)
		return;
	for (int i = 0; i < 16; i++) {
		snprintf(uuid + 2 * i, 3, "%02x", def->uuid[i]);
		any |= def->uuid[i];
	}
	/* One device is one row whatever ordinal each process sees it under. */
	for (uint32_t i = 1; any && !id && i <= c->device_count; i++)
		if (!strcmp(c->devices[i].uuid, uuid))
			id = i;
	mine = p->devices[def->ordinal];
	if (!id)
		id = mine && !c->devices[mine].known ? mine : device_new(c);
	p->devices[def->ordinal] = id;
	if (!id || c->devices[id].known)
		return;
	c->devices[id].known = true;
	c->devices[id].def = *def;
	if (any)
		memcpy(c->devices[id].uuid, uuid, sizeof(uuid));
	device_write(c, id, def->ordinal);
	if (c->activity)
		activity_device(c->activity, id, uuid, p->pid);
}

/* --- definitions --------------------------------------------------------------------------- */

void entity_define_function(struct process *p, const struct wire_def_function *def)
{
	struct kernel kernel = {
		.registers = def->registers,
		.static_shared_bytes = def->static_shared_bytes,
		.local_bytes = def->local_bytes,
		.max_threads = def->max_threads,
		.max_dynamic_shared_bytes = def->max_dynamic_shared_bytes,
	};

	if (def->function >= FUNCTIONS_MAX || !array_reserve(&p->functions, &p->function_capacity,
							     def->function, sizeof(*p->functions)))
		return;
	p->functions[def->function] = (struct function){
		.kernel = entity_kernel(p->collector, def->name[0] ? def->name : "?", &kernel),
		.registers = def->registers,
		.static_shared_bytes = def->static_shared_bytes,
	};
}

void entity_define_string(struct process *p, const struct wire_def_string *def)
{
	if (def->string < FUNCTIONS_MAX &&
	    array_reserve(&p->strings, &p->string_capacity, def->string, sizeof(*p->strings)))
		p->strings[def->string] = entity_text(p->collector, def->text);
}

void entity_define_context(struct process *p, const struct wire_def_context *def)
{
	struct context *context;

	if (def->context >= CONTEXTS_MAX ||
	    !array_reserve(&p->contexts, &p->context_capacity, def->context, sizeof(*p->contexts)))
		return;
	context = &p->contexts[def->context];
	if (!context->id)
		context->id = ++p->collector->context_count;
	context->ordinal = def->device;
	database_run(p->collector->db, "INSERT OR REPLACE INTO context VALUES (?,?,?,?,?)", "iiiii",
		     (int64_t)context->id, (int64_t)p->id, (int64_t)entity_device(p, def->device),
		     (int64_t)def->handle, (int64_t)def->number);
}

uint32_t entity_context_device(struct process *p, uint32_t wire_context)
{
	if (wire_context >= p->context_capacity || !p->contexts[wire_context].id)
		return 0;
	return entity_device(p, p->contexts[wire_context].ordinal);
}

/* --- processes and threads ----------------------------------------------------------------- */

/* Reads a small file of /proc, NULs and newlines as spaces. */
static void read_proc(char *text, size_t bytes, const char *path)
{
	FILE *file = fopen(path, "re");
	size_t length = 0;

	if (file) {
		length = fread(text, 1, bytes - 1, file);
		fclose(file);
	}
	while (length && (text[length - 1] == '\0' || text[length - 1] == '\n'))
		length--;
	for (size_t i = 0; i < length; i++)
		if (text[i] == '\0' || text[i] == '\n')
			text[i] = ' ';
	text[length] = '\0';
}

void entity_process(struct process *p)
{
	static const char *const backends[] = { "none", "cupti", "events" };
	char path[64], name[64], command[4096], note[256];
	const struct wire_control *control = p->control;
	uint32_t backend = control->backend;

	if (!p->reported) {		/* first, while /proc can tell */
		p->reported = true;
		snprintf(path, sizeof(path), "/proc/%d/comm", (int)p->pid);
		read_proc(name, sizeof(name), path);
		snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)p->pid);
		read_proc(command, sizeof(command), path);
		database_run(p->collector->db,
			     "INSERT INTO process (id, pid, parent_pid, start_ticks, name,"
			     " command_line, start_ns) VALUES (?,?,?,?,?,?,?)",
			     "iiiitti", (int64_t)p->id, (int64_t)p->pid, (int64_t)p->parent_pid,
			     (int64_t)p->start_ticks, name, command, p->start_ns);
	}
	memcpy(note, control->backend_note, sizeof(note));
	note[sizeof(note) - 1] = '\0';
	database_run(p->collector->db,
		     "UPDATE process SET state=?, end_ns=?, exit_status=?, backend=?,"
		     " backend_note=?, cuda_version=?, cupti_version=? WHERE id=?",
		     "tiittiii", p->state, p->end_ns,
		     p->exit_status >= 0 ? (int64_t)p->exit_status : NIL,
		     backends[backend < 3 ? backend : 0], note, (int64_t)control->cuda_version,
		     (int64_t)control->cupti_version, (int64_t)p->id);
}

uint32_t entity_thread(struct process *p, uint32_t tid, const char *name, int64_t now_ns)
{
	char path[64], comm[64] = "";
	const char *given = range_thread_name(p, tid);

	name = given ? given : name;
	if (!name) {
		snprintf(path, sizeof(path), "/proc/%d/task/%u/comm", (int)p->pid, tid);
		read_proc(comm, sizeof(comm), path);
		name = comm;
	}
	database_run(p->collector->db, "INSERT INTO thread VALUES (?,?,?,?,?,NULL)", "iiiti",
		     (int64_t)++p->collector->thread_count, (int64_t)p->id, (int64_t)tid, name,
		     now_ns);
	return p->collector->thread_count;
}

void entity_thread_ended(struct process *p, uint32_t thread, int64_t now_ns)
{
	database_run(p->collector->db, "UPDATE thread SET end_ns=? WHERE id=?", "ii", now_ns,
		     (int64_t)thread);
}
