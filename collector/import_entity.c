/* SPDX-License-Identifier: Apache-2.0 */
/* What exists in an imported trace: each is written to the file when first seen. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/import_internal.h"
#include "collector/name.h"
#include "collector/occupancy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number of a key made of n integers, from 1; 0: no memory or too many. */
static uint32_t number(struct intern *table, const int64_t *key, uint32_t n, bool *is_new)
{
	uint32_t index;

	table->key_bytes = n * (uint32_t)sizeof(*key);
	table->limit = 1u << 20;
	index = intern_add(table, key, is_new);
	return index == INTERN_NONE ? 0 : index + 1;
}

uint32_t import_process(struct import *im, int64_t pid)
{
	char name[256], note[256];
	int64_t group = pid < IMPORT_GROUP ? 0 : (pid ^ IMPORT_GROUP) >> IMPORT_GROUP_SHIFT;
	bool is_new;
	uint32_t id = number(&im->processes, &pid, 1, &is_new);

	if (!id || !is_new)
		return id;
	import_stage_find_label(im, false, pid, -1, name, sizeof(name));
	if (group && group <= im->text_count && !name[0])
		snprintf(name, sizeof(name), "%s", im->text_list[group]->bytes);
	snprintf(note, sizeof(note), "from a trace of %s", im->result->kind);
	database_run(im->db,
		     "INSERT INTO process (id, pid, name, start_ns, end_ns, state, backend,"
		     " backend_note) VALUES (?,?,?,0,?,'detached','imported',?)",
		     "iitit", (int64_t)id,
		     pid == NIL ? 0 : group ? pid & UINT32_MAX : pid,
		     name[0] || pid != NIL ? name : "unknown", im->last_ns - im->origin_ns, note);
	return id;
}

uint32_t import_thread(struct import *im, int64_t pid, int64_t tid, int64_t now_ns)
{
	char name[256];
	bool is_new;
	uint32_t id = number(&im->threads, (int64_t[]){ pid, tid }, 2, &is_new);

	if (!id || !is_new)
		return id;
	import_stage_find_label(im, false, pid, tid, name, sizeof(name));
	database_run(im->db, "INSERT INTO thread VALUES (?,?,?,?,?,NULL)", "iiiti", (int64_t)id,
		     (int64_t)import_process(im, pid), tid < IMPORT_GROUP ? tid : tid & UINT32_MAX,
		     name, now_ns);
	return id;
}

uint32_t import_label(struct import *im, const struct import_label *label)
{
	bool is_new;
	uint32_t id = number(&im->labels, (int64_t[]){ label->process, label->domain,
						       label->category_name, label->text,
						       label->category, label->color }, 6, &is_new);
	struct import_text *const *texts = im->text_list;

	if (id && is_new)
		database_run(im->db, "INSERT INTO label VALUES (?,?,?,?,?,?,?)", "iititit",
			     (int64_t)id, (int64_t)label->process,
			     label->domain ? texts[label->domain]->bytes : NULL, label->category,
			     label->category_name ? texts[label->category_name]->bytes : NULL,
			     label->color, label->text ? texts[label->text]->bytes : NULL);
	return id;
}

void import_device_complete(struct wire_def_device *d)
{
	uint32_t cc = d->cc_major * 10 + d->cc_minor;

	if (!d->max_blocks_per_sm && cc)
		d->max_blocks_per_sm = cc == 75		    ? 16
				       : cc == 86 || cc == 87 ? 16
				       : cc == 89 || cc >= 120 ? 24
							      : 32;
	if (!d->shared_reserved_bytes && d->cc_major >= 8)
		d->shared_reserved_bytes = 1024;
	if (!d->registers_per_block)
		d->registers_per_block = d->registers_per_sm;
}

static int64_t known(uint64_t value)
{
	return value ? (int64_t)value : NIL;
}

uint32_t import_device(struct import *im, int64_t ordinal)
{
	struct import_device *device = &im->devices[ordinal];
	const struct wire_def_device *d = &device->def;
	char name[32];

	if (device->id)
		return device->id;
	device->id = ++im->device_count;
	snprintf(name, sizeof(name), "GPU %d", (int)ordinal);
	database_run(im->db, "INSERT INTO device (id, uuid, ordinal, name) VALUES (?,?,?,?)", "itit",
		     (int64_t)device->id, device->uuid[0] ? device->uuid : NULL, ordinal,
		     d->name[0] ? d->name : name);
	if (!device->known)
		return device->id;
	import_device_complete(&device->def);
	database_run(im->db,
		     "UPDATE device SET cc_major=?, cc_minor=?, sm_count=?, memory_bytes=?,"
		     " max_threads_per_sm=?, max_blocks_per_sm=?, registers_per_sm=?,"
		     " registers_per_block=?, shared_per_sm_bytes=?, shared_per_block_bytes=?,"
		     " shared_optin_bytes=?, shared_reserved_bytes=?, clock_khz=?, l2_bytes=?,"
		     " copy_engines=? WHERE id=?",
		     "iiiiiiiiiiiiiiii", known(d->cc_major), d->cc_major ? d->cc_minor : NIL,
		     known(d->sm_count), known(d->memory_bytes), known(d->max_threads_per_sm),
		     known(d->max_blocks_per_sm), known(d->registers_per_sm),
		     known(d->registers_per_block), known(d->shared_per_sm_bytes),
		     known(d->shared_per_block_bytes), known(d->shared_optin_bytes),
		     known(d->shared_reserved_bytes), known(d->clock_khz), known(d->l2_bytes),
		     known(d->copy_engines), (int64_t)device->id);
	return device->id;
}

uint32_t import_stream(struct import *im, const struct import_op *op)
{
	uint32_t process = import_process(im, op->pid), device = import_device(im, op->device);
	uint32_t context, id;
	char name[256];
	bool is_new;

	context = number(&im->contexts, (int64_t[]){ process, device, op->context }, 3, &is_new);
	if (context && is_new)
		database_run(im->db, "INSERT INTO context VALUES (?,?,?,NULL,?)", "iiii",
			     (int64_t)context, (int64_t)process, (int64_t)device, op->context);
	id = number(&im->streams, (int64_t[]){ process, device, context, op->stream }, 4, &is_new);
	if (!id || !is_new)
		return id;
	import_stage_find_label(im, true, im->devices[op->device].pid, op->stream, name, sizeof(name));
	database_run(im->db,
		     "INSERT INTO stream (id, process, context, device, number, name)"
		     " VALUES (?,?,?,?,?,?)",
		     "iiiiit", (int64_t)id, (int64_t)process, (int64_t)context, (int64_t)device,
		     op->stream, name[0] ? name : NULL);
	return id;
}

static uint32_t kernel(struct import *im, const struct import_shape *s)
{
	const char *full = s->name ? im->text_list[s->name]->bytes : "?";
	char *name, *short_name;
	bool is_new;
	uint32_t id = number(&im->kernels,
			     (int64_t[]){ s->name, s->registers, s->static_shared_bytes,
					  s->local_bytes },
			     4, &is_new);

	if (!id || !is_new)
		return id;
	name = name_demangle(full);
	short_name = name ? name_shorten(name) : NULL;
	database_run(im->db, "INSERT INTO kernel VALUES (?,?,?,?,?,?,?,NULL,NULL)", "itttiii",
		     (int64_t)id, name, short_name, strncmp(full, "_Z", 2) ? NULL : full,
		     (int64_t)s->registers, (int64_t)s->static_shared_bytes,
		     (int64_t)s->local_bytes);
	free(name);
	free(short_name);
	return id;
}

uint32_t import_shape(struct import *im, uint32_t staged_shape, uint32_t device)
{
	const struct import_shape *s;
	const struct wire_def_device *def = NULL;
	struct occupancy occupancy;
	bool is_new, fits;
	uint32_t id = number(&im->file_shapes, (int64_t[]){ staged_shape, device }, 2, &is_new);

	if (!id || !is_new)
		return id;
	s = intern_key(&im->shapes, staged_shape);
	for (int i = 0; i < IMPORT_DEVICES_MAX && !def; i++)
		if (im->devices[i].id == device && im->devices[i].known)
			def = &im->devices[i].def;
	/* A launch that ran was allowed to use what it asked for. */
	fits = def && s->block[0] && s->registers &&
	       occupancy_compute(def,
				 &(struct occupancy_launch){
					 .block_threads = s->block[0] * s->block[1] * s->block[2],
					 .registers = s->registers,
					 .static_shared_bytes = s->static_shared_bytes,
					 .dynamic_shared_bytes = s->dynamic_shared_bytes,
					 .max_dynamic_shared_bytes = s->dynamic_shared_bytes,
					 .blocks = (uint64_t)s->grid[0] * s->grid[1] * s->grid[2],
				 },
				 &occupancy) == 0;
	database_run(im->db, "INSERT INTO shape VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		     "iiiiiiiiiiiiiiiti", (int64_t)id, (int64_t)kernel(im, s), (int64_t)device,
		     (int64_t)s->grid[0], (int64_t)s->grid[1], (int64_t)s->grid[2],
		     (int64_t)s->block[0], (int64_t)s->block[1], (int64_t)s->block[2],
		     (int64_t)s->cluster[0], (int64_t)s->cluster[1], (int64_t)s->cluster[2],
		     (int64_t)s->dynamic_shared_bytes, (int64_t)(s->cluster[0] > 1 ? 4 : 0),
		     fits ? (int64_t)occupancy.blocks_per_sm : NIL, fits ? occupancy.limiter : NULL,
		     fits ? occupancy.waves_x1000 : NIL);
	return id;
}
