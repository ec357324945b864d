/* SPDX-License-Identifier: Apache-2.0 */
/* What an export of nsys says of the system: processes, threads, GPUs and who calls them what. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/import_nsys.h"

#include <stdio.h>
#include <string.h>

bool nsys_take_process(struct nsys *n, sqlite3_stmt *row)
{
	return import_stage_label(n->im, false, nsys_pid(column(row, 0)), -1, text_column(row, 1));
}

bool nsys_take_thread(struct nsys *n, sqlite3_stmt *row)
{
	int64_t global = column_or(row, 0, 0);

	return import_stage_label(n->im, false, nsys_pid(global), global & NSYS_TID_MASK,
				  text_column(row, 1));
}

bool nsys_take_device(struct nsys *n, sqlite3_stmt *row)
{
	int64_t id = column(row, 0), ordinal = column_or(row, 1, id);
	struct import_device device = { .known = true };
	struct wire_def_device *d = &device.def;
	int64_t clock = column_or(row, 17, 0);

	snprintf(d->name, sizeof(d->name), "%s", text_column(row, 2));
	snprintf(device.uuid, sizeof(device.uuid), "%s", text_column(row, 3));
	d->memory_bytes = (uint64_t)column_or(row, 4, 0);
	d->sm_count = small(row, 5);
	d->max_threads_per_sm = small(row, 6) * 32;
	d->max_blocks_per_sm = small(row, 7);
	d->registers_per_sm = small(row, 8);
	d->registers_per_block = small(row, 9);
	d->shared_per_sm_bytes = small(row, 10);
	d->shared_per_block_bytes = small(row, 11);
	d->shared_optin_bytes = small(row, 12);
	d->cc_major = small(row, 13);
	d->cc_minor = small(row, 14);
	d->l2_bytes = small(row, 15);
	d->copy_engines = small(row, 16);
	d->clock_khz = (uint32_t)(clock >= 100000000 ? clock / 1000 : clock);	/* once in kHz */
	if (ordinal >= 0 && ordinal < IMPORT_DEVICES_MAX)
		n->im->devices[ordinal] = device;
	if (id >= 0 && id < IMPORT_DEVICES_MAX)
		n->gpus[id] = device;
	return true;
}

/*
 * Processes that see some of the GPUs only (CUDA_VISIBLE_DEVICES) count these from 0. As long as a
 * number means one GPU to all, it is the ordinal; else GPUs have nsys's own numbers.
 */
bool nsys_take_alias(struct nsys *n, sqlite3_stmt *row)
{
	struct nsys_alias alias = { column(row, 2), column(row, 1), column(row, 0) };
	struct import_device *devices = n->im->devices;

	if (alias.number < 0 || alias.number >= IMPORT_DEVICES_MAX || alias.gpu < 0 ||
	    alias.gpu >= IMPORT_DEVICES_MAX)
		return true;
	for (uint32_t i = 0; i < n->alias_count; i++)
		n->aliases_clash |= n->aliases[i].number == alias.number &&
				    n->aliases[i].gpu != alias.gpu;
	if (!array_reserve(&n->aliases, &n->alias_capacity, n->alias_count, sizeof(alias)))
		return import_fail(n->im, IMPORT_FAILED, "no memory");
	n->aliases[n->alias_count++] = alias;
	if (!n->aliases_clash && n->gpus[alias.gpu].known)
		devices[alias.number] = n->gpus[alias.gpu];
	for (int i = 0; n->aliases_clash && i < IMPORT_DEVICES_MAX; i++)
		if (n->gpus[i].known)
			devices[i] = n->gpus[i];
	return true;
}

int64_t nsys_device(struct nsys *n, int64_t pid, int64_t number)
{
	for (uint32_t i = 0; n->aliases_clash && i < n->alias_count; i++)
		if (n->aliases[i].pid == pid && n->aliases[i].number == number)
			return n->aliases[i].gpu;
	return number;
}

bool nsys_take_clock(struct nsys *n, sqlite3_stmt *row)
{
	n->im->base_ns = column_or(row, 0, 0);
	n->im->base_known = n->im->base_ns != 0;
	return true;
}

bool nsys_take_version(struct nsys *n, sqlite3_stmt *row)
{
	size_t used = strlen(n->im->source_version);
	const char *name = text_column(row, 0);

	if (!strcmp(name, "EXPORT_PRODUCT_VERSION") || !strcmp(name, "EXPORT_SCHEMA_VERSION"))
		snprintf(n->im->source_version + used, sizeof(n->im->source_version) - used,
			 "%s%s %s", used ? ", " : "",
			 name[7] == 'P' ? "Nsight Systems" : "schema", text_column(row, 1));
	return true;
}
