/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers the loaded objects that call paths go through, and sends their definitions. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "libprofile/modules.h"

#include <elf.h>
#include <link.h>
#include <string.h>

#include "libprofile/ring.h"

#define MODULES 4096u

struct module {
	uintptr_t low, high;
	uint64_t name;			/* hash of its path */
	uint32_t sent_to[WIRE_RINGS_MAX / 32];	/* rings that have its definition */
};

static struct {
	struct spinlock lock;
	uint32_t count;			/* release-stored after the entry is complete */
	struct module list[MODULES];
} modules;

static char executable[512];		/* the loader knows it only as "" */

void modules_start(void)
{
	util_executable(executable, sizeof(executable));
}

void modules_thread_start(const struct thread *thread)
{
	for (uint32_t i = 0; i < modules.count; i++)
		__atomic_fetch_and(&modules.list[i].sent_to[thread->slot / 32],
				   ~(1u << thread->slot % 32), __ATOMIC_RELAXED);
}

void modules_forget_all(void)
{
	memset(&modules, 0, sizeof(modules));
}

/* The entry for exactly this object: after dlclose another one may have its addresses. */
static uint32_t module_find(const struct object *object, uint64_t name)
{
	uint32_t count = __atomic_load_n(&modules.count, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < count; i++)
		if (modules.list[i].low == object->low && modules.list[i].high == object->high &&
		    modules.list[i].name == name)
			return i + 1;
	return 0;
}

/* Its number from now on; 0: no room. */
static uint32_t module_add(const struct object *object, uint64_t name)
{
	uint32_t number;

	spin_lock(&modules.lock);
	number = module_find(object, name);	/* another thread may have been here */
	if (!number && modules.count < MODULES) {
		number = modules.count + 1;
		modules.list[number - 1] = (struct module){ object->low, object->high, name, { 0 } };
		__atomic_store_n(&modules.count, number, __ATOMIC_RELEASE);
	}
	spin_unlock(&modules.lock);
	return number;
}

/* The GNU build id out of the mapped program headers' notes. */
static uint32_t build_id_read(const struct object *object, uint8_t *id, uint32_t bytes)
{
	const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)object->low;
	const ElfW(Phdr) *segments;

	if (memcmp(header->e_ident, ELFMAG, SELFMAG) ||
	    header->e_phoff + (uint64_t)header->e_phnum * sizeof(*segments) > 4096)
		return 0;
	segments = (const ElfW(Phdr) *)(object->low + header->e_phoff);
	for (unsigned i = 0; i < header->e_phnum; i++) {
		const char *at = (const char *)(object->base + segments[i].p_vaddr);
		const char *end = at + segments[i].p_memsz;

		if (segments[i].p_type != PT_NOTE)
			continue;
		while (at + sizeof(ElfW(Nhdr)) + 4 <= end) {
			const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)(const void *)at;
			const char *name = at + sizeof(*note);
			const char *value = name + ((note->n_namesz + 3) & ~3u);

			if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
			    !memcmp(name, "GNU", 4) && note->n_descsz <= bytes &&
			    value + note->n_descsz <= end) {
				memcpy(id, value, note->n_descsz);
				return note->n_descsz;
			}
			at = value + ((note->n_descsz + 3) & ~3u);
		}
	}
	return 0;
}

static bool module_send(struct thread *thread, uint32_t number, const struct object *object)
{
	size_t path_bytes = strlen(object->path) + 1;
	uint32_t bytes = (uint32_t)((sizeof(struct wire_def_module) + path_bytes + 7) & ~7ul);
	struct wire_def_module *def = ring_reserve(thread, bytes);

	if (!def)
		return false;
	memset(def, 0, bytes);
	def->head = (struct wire_head){ .bytes = (uint16_t)bytes, .kind = WIRE_DEF_MODULE };
	def->module = number;
	def->low = object->low;
	def->high = object->high;
	def->bias = object->base;
	def->build_id_bytes = build_id_read(object, def->build_id, sizeof(def->build_id));
	def->path_bytes = (uint32_t)path_bytes;
	memcpy(def->path, object->path, path_bytes);
	ring_commit(thread, bytes);
	return true;
}

uint32_t module_number(struct thread *thread, uintptr_t address, struct object *object, bool *ok)
{
	uint32_t number, word = thread->slot / 32, bit = 1u << thread->slot % 32;
	uint64_t name;

	*ok = true;
	if (!object_of_address((const void *)address, object))
		return 0;
	if (!object->path[0])
		util_append(object->path, 0, sizeof(object->path), executable);
	name = util_hash(object->path, strlen(object->path));
	number = module_find(object, name);
	if (!number)
		number = module_add(object, name);
	if (!number) {
		process_count(WIRE_COUNTER_table_full, 1);
		return 0;
	}
	if (!(__atomic_load_n(&modules.list[number - 1].sent_to[word], __ATOMIC_RELAXED) & bit)) {
		*ok = module_send(thread, number, object);
		if (*ok)
			__atomic_fetch_or(&modules.list[number - 1].sent_to[word], bit,
					  __ATOMIC_RELAXED);
	}
	return number;
}
