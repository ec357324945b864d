/* SPDX-License-Identifier: Apache-2.0 */
/* Loaded ELF objects: which one holds an address, and what a symbol is in exactly one of them. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/shim.h"

#include <elf.h>
#include <link.h>
#include <string.h>

void object_fill(const struct dl_phdr_info *info, unsigned index, struct object *object)
{
	memset(object, 0, offsetof(struct object, path));
	object->base = info->dlpi_addr;
	object->low = UINTPTR_MAX;
	object->index = index;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t begin = info->dlpi_addr + header->p_vaddr;

		if (header->p_type == PT_LOAD) {
			if (begin < object->low)
				object->low = begin;
			if (begin + header->p_memsz > object->high)
				object->high = begin + header->p_memsz;
		} else if (header->p_type == PT_DYNAMIC) {
			object->dynamic = (const void *)begin;
		} else if (header->p_type == PT_GNU_RELRO) {
			object->relro_low = begin;
			object->relro_high = begin + header->p_memsz;
		}
	}
	util_append(object->path, 0, sizeof(object->path), info->dlpi_name ? info->dlpi_name : "");
}

enum object_kind object_kind_of(const char *path)
{
	const char *name = util_basename(path);

	if (!strncmp(name, "libcuda.so", 10))
		return OBJECT_CUDA;
	if (!strncmp(name, "libcupti.so", 11) || !strncmp(name, "libnvperf_", 10))
		return OBJECT_CUPTI;
	if (!strncmp(name, "libc.so", 7) || !strncmp(name, "libdl.so", 8))
		return OBJECT_LIBC;
	if (!strncmp(name, "libpython3.", 11) && name[11] >= '0' && name[11] <= '9')
		return OBJECT_PYTHON;
	return OBJECT_OTHER;
}

struct search {
	enum object_kind kind;
	uintptr_t address;
	struct object *object;
	unsigned index;
};

static int by_kind(struct dl_phdr_info *info, size_t size, void *data)
{
	struct search *search = data;

	(void)size;
	search->index++;
	if (!info->dlpi_name || object_kind_of(info->dlpi_name) != search->kind)
		return 0;
	object_fill(info, search->index, search->object);
	return 1;
}

bool object_find_kind(enum object_kind kind, struct object *object)
{
	struct search search = { .kind = kind, .object = object };

	return dl_iterate_phdr(by_kind, &search) == 1;
}

static int by_address(struct dl_phdr_info *info, size_t size, void *data)
{
	struct search *search = data;

	(void)size;
	search->index++;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t begin = info->dlpi_addr + header->p_vaddr;

		if (header->p_type != PT_LOAD || search->address - begin >= header->p_memsz)
			continue;
		object_fill(info, search->index, search->object);
		return 1;
	}
	return 0;
}

bool object_of_address(const void *address, struct object *object)
{
	struct search search = { .address = (uintptr_t)address, .object = object };

	return dl_iterate_phdr(by_address, &search) == 1;
}

bool object_address_in_cuda(const void *address)
{
	struct object object;

	return object_of_address(address, &object) && object_kind_of(object.path) == OBJECT_CUDA;
}

/* The dynamic section's pointers, relocated already by glibc except in read-only ones. */
static const void *dynamic_pointer(const struct object *object, ElfW(Sxword) tag)
{
	for (const ElfW(Dyn) *entry = object->dynamic; entry && entry->d_tag != DT_NULL; entry++) {
		uintptr_t value = entry->d_un.d_ptr;

		if (entry->d_tag == tag)
			return (const void *)(value < object->base ? value + object->base : value);
	}
	return NULL;
}

static uint32_t gnu_hash(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash;
}

void *object_symbol(const struct object *object, const char *name)
{
	const uint32_t *table = dynamic_pointer(object, DT_GNU_HASH);
	const ElfW(Sym) *symbols = dynamic_pointer(object, DT_SYMTAB);
	const char *strings = dynamic_pointer(object, DT_STRTAB);
	const ElfW(Half) *versions = dynamic_pointer(object, DT_VERSYM);
	uint32_t hash = gnu_hash(name), index;
	const uint32_t *buckets, *chain;

	if (!table || !symbols || !strings || !table[0])
		return NULL;
	buckets = (const uint32_t *)((const ElfW(Addr) *)(table + 4) + table[2]);
	chain = buckets + table[0];
	index = buckets[hash % table[0]];
	if (index < table[1])
		return NULL;
	for (;; index++) {
		const ElfW(Sym) *symbol = &symbols[index];
		uint32_t link = chain[index - table[1]];
		bool is_hidden = versions && (versions[index] & 0x8000);

		if ((link | 1) == (hash | 1) && symbol->st_shndx != SHN_UNDEF && !is_hidden &&
		    !strcmp(strings + symbol->st_name, name))
			return (void *)(object->base + symbol->st_value);
		if (link & 1)
			return NULL;
	}
}
