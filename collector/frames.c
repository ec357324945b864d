/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of call paths and their names. Native ones are named when first seen, while the
 * process's files are still there; file and line come at the end of the recording.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/callpath.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/callpath_internal.h"
#include "collector/lines.h"
#include "collector/name.h"
#include "collector/pylines.h"
#include "collector/symbols.h"

#define MODULES_MAX 65536u
#define FRAMES_MAX (4u << 20)
#define CODES_MAX (1u << 20)

#define INTERPRETER_LOOP "_PyEval_EvalFrameDefault"	/* and its .cold parts */

struct module_key {
	uint32_t path;			/* text id */
	uint8_t build_id[20];
};

struct code_key {
	uint32_t name, file, first_line, table_hash;
};

enum { FRAME_NATIVE = 1, FRAME_PYTHON = 2, FRAME_CUT = 3 };

struct frame_key {
	uint32_t kind, owner;		/* module, or code */
	uint64_t address;		/* or line */
	uint32_t process, zero;
};

void frames_init(struct callpath *cp)
{
	cp->module_keys = (struct intern){ .key_bytes = sizeof(struct module_key),
					   .limit = MODULES_MAX };
	cp->code_keys = (struct intern){ .key_bytes = sizeof(struct code_key), .limit = CODES_MAX };
	cp->frame_keys = (struct intern){ .key_bytes = sizeof(struct frame_key),
					  .limit = FRAMES_MAX };
	cp->perf_maps = (struct intern){ .key_bytes = sizeof(uint32_t), .limit = MODULES_MAX };
}

/* file:line of native frames, where debug information is at hand. */
void frames_find_lines(struct callpath *cp)
{
	for (uint32_t i = 0; i < cp->frame_keys.count; i++) {
		const struct frame_key *key = intern_key(&cp->frame_keys, i);
		char file[1024];
		int line;

		if (key->kind == FRAME_NATIVE && key->owner &&
		    lines_find(cp->modules[key->owner - 1].path, key->address - 1, file,
			       sizeof(file), &line))
			database_run(cp->collector->db,
				     "UPDATE frame SET file = ?, line = ? WHERE id = ?", "tii", file,
				     (int64_t)line, (int64_t)i + 1);
	}
	lines_close();
}

void frames_free(struct callpath *cp)
{
	for (uint32_t i = 0; i < cp->module_keys.count; i++) {
		symbols_close(cp->modules[i].symbols);
		free(cp->modules[i].path);
	}
	for (uint32_t i = 0; i < cp->code_keys.count; i++)
		free(cp->codes[i].table);
	for (uint32_t i = 0; i < cp->perf_maps.count; i++)
		symbols_close(cp->perf_symbols[i]);
	free(cp->modules);
	free(cp->codes);
	free(cp->frame_is_eval);
	free(cp->perf_symbols);
	intern_free(&cp->module_keys);
	intern_free(&cp->code_keys);
	intern_free(&cp->frame_keys);
	intern_free(&cp->perf_maps);
}

/* --- modules ------------------------------------------------------------------------------- */

void callpath_module(struct process *p, const struct wire_def_module *def)
{
	struct callpath *cp = p->collector->callpath;
	struct module_key key = { .path = entity_text(p->collector, def->path) };
	char build_id[41] = "";
	struct module *module;
	uint32_t index;
	bool is_new;

	if (def->module > WIRE_NODES_MAX ||
	    !array_reserve(&p->modules, &p->module_capacity, def->module, sizeof(uint32_t)))
		return;
	memcpy(key.build_id, def->build_id, sizeof(key.build_id));
	index = intern_add(&cp->module_keys, &key, &is_new);
	p->modules[def->module] = index + 1;
	if (!is_new || !array_reserve(&cp->modules, &cp->module_capacity, index, sizeof(*module)))
		return;
	module = &cp->modules[index];
	module->path = strdup(def->path);
	module->build_id_bytes = (uint8_t)(def->build_id_bytes < 20 ? def->build_id_bytes : 20);
	memcpy(module->build_id, def->build_id, sizeof(module->build_id));
	for (unsigned i = 0; i < module->build_id_bytes; i++)
		snprintf(build_id + 2 * i, 3, "%02x", def->build_id[i]);
	database_run(p->collector->db, "INSERT INTO module VALUES (?,?,?)", "itt",
		     (int64_t)index + 1, def->path, build_id);
}

uint32_t module_of_wire(struct process *p, uint32_t wire_module)
{
	return wire_module < p->module_capacity ? p->modules[wire_module] : 0;
}

static struct symbols *module_symbols(struct callpath *cp, uint32_t module)
{
	struct module *m = &cp->modules[module - 1];

	if (!m->opened && m->path) {
		m->opened = true;
		m->symbols = symbols_open(m->path, m->build_id, m->build_id_bytes, NULL);
		m->is_interpreter = m->symbols && symbols_has(m->symbols, INTERPRETER_LOOP);
	}
	return m->symbols;
}

void frames_learn_loops(struct process *p)
{
	for (unsigned i = 0; i < WIRE_PYTHON_LOOPS; i++) {
		const uint64_t *told = &p->control->counters[WIRE_GAUGE_PYTHON_LOOPS + 2 * i];
		uint64_t begin = __atomic_load_n(told, __ATOMIC_ACQUIRE);
		uint32_t number = module_of_wire(p, (uint32_t)(begin >> 48));

		if (begin && number) {
			struct module *module = &p->collector->callpath->modules[number - 1];

			module->loops[2 * i] = begin & 0xffffffffffffull;
			module->loops[2 * i + 1] = told[1];
		}
	}
}

/* Its .cold parts and, where handlers are functions of their own, its entry have no symbol in an
 * interpreter without .symtab. */
static bool is_told_loop(const struct callpath *cp, uint32_t module, uint64_t address)
{
	for (unsigned i = 0; module && i < WIRE_PYTHON_LOOPS; i++) {
		const uint64_t *loop = &cp->modules[module - 1].loops[2 * i];

		if (address >= loop[0] && address < loop[1])
			return true;
	}
	return false;
}

/* Names of code that a JIT compiler wrote: /tmp/perf-PID.map, read again when it has grown. */
static const char *perf_map_find(struct callpath *cp, uint32_t process, uint64_t address,
				 uint64_t *start)
{
	struct collector *c = cp->collector;
	char path[64];
	uint32_t index;
	bool is_new;

	index = intern_add(&cp->perf_maps, &process, &is_new);
	if (index == INTERN_NONE || process == 0 || process > c->process_count ||
	    !array_reserve(&cp->perf_symbols, &cp->perf_capacity, index, sizeof(void *)))
		return NULL;
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)c->processes[process - 1]->pid);
	cp->perf_symbols[index] = symbols_perf_map(path, cp->perf_symbols[index]);
	return cp->perf_symbols[index] ? symbols_find(cp->perf_symbols[index], address, start) : NULL;
}

/* --- frames -------------------------------------------------------------------------------- */

uint32_t frame_native(struct callpath *cp, uint32_t module, uint32_t process, uint64_t address,
		      bool *is_eval)
{
	struct frame_key key = { .kind = FRAME_NATIVE, .owner = module, .address = address,
				 .process = process };
	const char *mangled;
	char *name = NULL;
	uint64_t start = 0;
	uint32_t index;
	bool is_new;

	*is_eval = false;
	index = intern_add(&cp->frame_keys, &key, &is_new);
	if (index == INTERN_NONE ||
	    !array_reserve(&cp->frame_is_eval, &cp->frame_capacity, index, sizeof(uint8_t)))
		return 0;
	if (is_new) {
		mangled = module ? symbols_find(module_symbols(cp, module), address - 1, &start)
				 : perf_map_find(cp, process, address - 1, &start);
		if (mangled) {
			name = name_demangle(mangled);
			cp->frame_is_eval[index] = !strncmp(mangled, INTERPRETER_LOOP,
							    sizeof(INTERPRETER_LOOP) - 1);
		}
		cp->frame_is_eval[index] |= is_told_loop(cp, module, address - 1);
		database_run(cp->collector->db, "INSERT INTO frame VALUES (?,?,?,?,?,?,?,?)",
			     "itttiiii", (int64_t)index + 1,
			     module && cp->modules[module - 1].is_interpreter ? "interpreter"
									     : "native",
			     name, NULL, NIL, module ? (int64_t)module : NIL, (int64_t)address,
			     mangled ? (int64_t)(address - start) : NIL);
		free(name);
	}
	*is_eval = cp->frame_is_eval[index];
	return index + 1;
}

uint32_t frame_cut(struct callpath *cp)
{
	struct frame_key key = { .kind = FRAME_CUT };
	uint32_t index;
	bool is_new;

	index = intern_add(&cp->frame_keys, &key, &is_new);
	if (index != INTERN_NONE && is_new)
		database_run(cp->collector->db, "INSERT INTO frame VALUES (?,?,?,?,?,?,?,?)",
			     "itttiiii", (int64_t)index + 1, "truncated", "[truncated]", NULL, NIL,
			     NIL, NIL, NIL);
	return index + 1;
}

uint32_t code_add(struct callpath *cp, const struct wire_def_python_code *def)
{
	const char *file = def->bytes, *name = file + def->file_bytes;
	const uint8_t *table = (const uint8_t *)name + def->name_bytes;
	struct code_key key = { .first_line = (uint32_t)def->first_line };
	struct code *code;
	uint32_t index;
	bool is_new;

	key.file = entity_text(cp->collector, file);
	key.name = entity_text(cp->collector, name);
	for (uint32_t i = 0; i < def->table_bytes; i++)
		key.table_hash = (key.table_hash ^ table[i]) * 16777619u;
	index = intern_add(&cp->code_keys, &key, &is_new);
	if (index == INTERN_NONE ||
	    !array_reserve(&cp->codes, &cp->code_capacity, index, sizeof(*code)))
		return 0;
	code = &cp->codes[index];
	if (is_new) {
		*code = (struct code){ .name = key.name, .file = key.file,
				       .first_line = def->first_line, .minor = def->minor };
		code->table = malloc(def->table_bytes + 1);
		if (code->table) {
			memcpy(code->table, table, def->table_bytes);
			code->table_bytes = def->table_bytes;
		}
	}
	return index + 1;
}

uint32_t frame_python(struct callpath *cp, uint32_t code_index, uint32_t instruction)
{
	struct frame_key key = { .kind = FRAME_PYTHON, .owner = code_index };
	struct collector *c = cp->collector;
	const struct code *code;
	uint32_t index;
	bool is_new;

	if (!code_index)
		return 0;
	code = &cp->codes[code_index - 1];
	key.address = (uint64_t)(int64_t)pylines_line(code->minor, code->table, code->table_bytes,
						      code->first_line, instruction);
	index = intern_add(&cp->frame_keys, &key, &is_new);
	if (index == INTERN_NONE)
		return 0;
	if (is_new)
		database_run(c->db, "INSERT INTO frame VALUES (?,?,?,?,?,?,?,?)", "itttiiii",
			     (int64_t)index + 1, "python", c->text_list[code->name]->bytes,
			     c->text_list[code->file]->bytes, (int64_t)key.address, NIL, NIL,
			     NIL);
	return index + 1;
}
