/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Libraries opened with RTLD_DEEPBIND bind the driver and the loader in their own scope, past a
 * preloaded library. The flag is part of what the program asked for and stays; instead such
 * libraries' slots that hold a real function get the wrapper.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/shim.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libprofile/cupti_lend.h"
#include "libprofile/interpose.h"

#if defined(__x86_64__)
#define SLOT_JUMP R_X86_64_JUMP_SLOT
#define SLOT_DATA R_X86_64_GLOB_DAT
#define SLOT_WORD R_X86_64_64
#else
#define SLOT_JUMP R_AARCH64_JUMP_SLOT
#define SLOT_DATA R_AARCH64_GLOB_DAT
#define SLOT_WORD R_AARCH64_ABS64
#endif

#define SCANNED_MAX 4096u

/* Objects seen, by load address; a full table only means that objects are scanned again. */
static uintptr_t scanned[SCANNED_MAX];
static uint32_t scanned_count;
static struct spinlock lock;

struct tables {
	const ElfW(Rela) *rela, *jump;
	size_t rela_count, jump_count;
	const ElfW(Sym) *symbols;
	const char *strings;
};

static bool read_tables(const struct object *object, struct tables *tables)
{
	memset(tables, 0, sizeof(*tables));
	for (const ElfW(Dyn) *entry = object->dynamic; entry && entry->d_tag != DT_NULL; entry++) {
		uintptr_t value = entry->d_un.d_ptr;
		const void *pointer = (const void *)(value < object->base ?
						     value + object->base : value);

		switch (entry->d_tag) {
		case DT_RELA: tables->rela = pointer; break;
		case DT_RELASZ: tables->rela_count = value / sizeof(ElfW(Rela)); break;
		case DT_JMPREL: tables->jump = pointer; break;
		case DT_PLTRELSZ: tables->jump_count = value / sizeof(ElfW(Rela)); break;
		case DT_SYMTAB: tables->symbols = pointer; break;
		case DT_STRTAB: tables->strings = pointer; break;
		default: break;
		}
	}
	return tables->symbols && tables->strings;
}

/* row: of the entry point, ENTRY_NONE for the loader's functions. */
static void store(const struct object *object, void **slot, void *value, int row)
{
	uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t page = (uintptr_t)slot & ~(page_bytes - 1);
	bool is_readonly = (uintptr_t)slot >= object->relro_low &&
		(uintptr_t)slot < object->relro_high;

	if (is_readonly && mprotect((void *)page, page_bytes, PROT_READ | PROT_WRITE))
		return;
	__atomic_store_n(slot, value, __ATOMIC_RELEASE);
	if (is_readonly)
		mprotect((void *)page, page_bytes, PROT_READ);
	if (row == ENTRY_NONE)
		process_count(WIRE_COUNTER_route_patched, 1);
	else
		process_route(row, WIRE_COUNTER_route_patched);
}

static void *wrapper_of(const char *name, const void *bound, int *row)
{
	struct object object;

	*row = ENTRY_NONE;
	if (bound == (const void *)real_dlsym)
		return (void *)dlsym;
	if (bound == (const void *)real_dlvsym)
		return (void *)dlvsym;
	if (bound == (const void *)real_dlopen)
		return (void *)dlopen;
	if (name[0] != 'c' || name[1] != 'u')
		return NULL;
	/* One that is bound to ours already, or to nothing, stays so. */
	if (!strncmp(name, "cupti", 5))
		return object_of_address(bound, &object) &&
		       object_kind_of(object.path) == OBJECT_CUPTI ?
		       cupti_lend_wrapper(name, (void *)(uintptr_t)bound) : NULL;
	if (!real_resolve())
		return NULL;
	*row = entry_of_address(bound, name);
	return *row == ENTRY_NONE ? NULL : entry_wrapper(*row);
}

/* A slot that was not bound yet points back into its own object (to the PLT); then what it would
 * be bound to is what the object's own scope finds. */
static void *bound_address(const struct object *object, void *handle, void *const *slot,
			   const char *name)
{
	uintptr_t value = (uintptr_t)*slot;

	if (value >= object->low && value < object->high)
		return handle ? real_dlsym(handle, name) : NULL;
	return *slot;
}

static void patch(const struct object *object, const struct tables *tables, void *handle,
		  const ElfW(Rela) *entries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		unsigned type = (unsigned)ELF64_R_TYPE(entries[i].r_info);
		const ElfW(Sym) *symbol = &tables->symbols[ELF64_R_SYM(entries[i].r_info)];
		void **slot = (void **)(object->base + entries[i].r_offset);
		const char *name = tables->strings + symbol->st_name;
		void *bound, *wrapper;
		int row;

		if (type != SLOT_JUMP && type != SLOT_DATA && type != SLOT_WORD)
			continue;
		if (strncmp(name, "cu", 2) && strncmp(name, "dl", 2))
			continue;
		bound = bound_address(object, handle, slot, name);
		wrapper = bound ? wrapper_of(name, bound, &row) : NULL;
		if (wrapper && wrapper != *slot)
			store(object, slot, wrapper, row);
	}
}

struct batch {
	struct object objects[8];
	unsigned count, index;
};

static bool is_scanned(uintptr_t base)
{
	for (uint32_t i = 0; i < scanned_count && i < SCANNED_MAX; i++)
		if (scanned[i] == base)
			return true;
	return false;
}

/* The next few objects not yet looked at. They are patched outside of the iteration, which holds
 * the loader's lock. */
static int collect(struct dl_phdr_info *info, size_t size, void *data)
{
	struct batch *batch = data;
	struct object *object = &batch->objects[batch->count];

	(void)size;
	if (is_scanned(info->dlpi_addr) || info->dlpi_phnum == 0)
		return 0;
	scanned[scanned_count++ % SCANNED_MAX] = info->dlpi_addr;
	if (object_kind_of(info->dlpi_name) != OBJECT_OTHER ||
	    !strncmp(util_basename(info->dlpi_name), "ld-linux", 8))
		return 0;
	object_fill(info, batch->index++, object);
	return ++batch->count == sizeof(batch->objects) / sizeof(batch->objects[0]);
}

static void scan_object(const struct object *object)
{
	struct object self;
	struct tables tables;
	void *handle = NULL;

	if (!object_of_address((const void *)got_scan, &self) || self.base == object->base ||
	    !read_tables(object, &tables))
		return;
	if (object->path[0])
		handle = real_dlopen(object->path, RTLD_LAZY | RTLD_NOLOAD);
	patch(object, &tables, handle, tables.rela, tables.rela_count);
	patch(object, &tables, handle, tables.jump, tables.jump_count);
	if (handle)
		dlclose(handle);
}

void got_scan(void)
{
	struct batch batch;

	if (!real_loader_resolve() ||
	    !__atomic_exchange_n(&interpose_scan_pending, 0, __ATOMIC_ACQ_REL))
		return;
	do {
		memset(&batch, 0, offsetof(struct batch, index));
		batch.count = batch.index = 0;
		spin_lock(&lock);
		dl_iterate_phdr(collect, &batch);
		spin_unlock(&lock);
		for (unsigned i = 0; i < batch.count; i++)
			scan_object(&batch.objects[i]);
	} while (batch.count == sizeof(batch.objects) / sizeof(batch.objects[0]));
}

static bool needs_driver(const struct object *object, const struct tables *tables)
{
	for (const ElfW(Dyn) *entry = object->dynamic; entry->d_tag != DT_NULL; entry++)
		if (entry->d_tag == DT_NEEDED &&
		    !strncmp(tables->strings + entry->d_un.d_val, "libcuda.so", 10))
			return true;
	return false;
}

static void count_slots(const struct object *object, const struct tables *tables,
			const ElfW(Rela) *entries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const ElfW(Sym) *symbol = &tables->symbols[ELF64_R_SYM(entries[i].r_info)];
		const char *name = tables->strings + symbol->st_name;
		int row = name[0] == 'c' && name[1] == 'u' ? entry_find(name) : ENTRY_NONE;
		void *const *slot = (void *const *)(object->base + entries[i].r_offset);
		uintptr_t value;

		if (row == ENTRY_NONE || !entry_wrapper(row))
			continue;
		value = (uintptr_t)*slot;
		/* Bound to us, or not bound yet. */
		if (value == (uintptr_t)entry_wrapper(row) ||
		    (value >= object->low && value < object->high))
			process_route(row, WIRE_COUNTER_route_linked);
	}
}

static int count_linked(struct dl_phdr_info *info, size_t size, void *unused)
{
	struct object object;
	struct tables tables;

	(void)size;
	(void)unused;
	object_fill(info, 0, &object);
	if (!read_tables(&object, &tables) || !needs_driver(&object, &tables))
		return 0;
	count_slots(&object, &tables, tables.rela, tables.rela_count);
	count_slots(&object, &tables, tables.jump, tables.jump_count);
	return 0;
}

void got_count_linked(void)
{
	dl_iterate_phdr(count_linked, NULL);
}
