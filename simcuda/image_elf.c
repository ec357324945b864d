/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled images (cubin, an ELF file): kernels, their parameters and resources, and globals. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "simcuda/core.h"

#define STO_CUDA_ENTRY 0x10	/* in st_other of a kernel's symbol */
#define STO_CUDA_MANAGED 0x04
#define ELF_ABI_MOVED_SM 8	/* from this ABI version on the sm is in bits 8..15 of e_flags */

/* Forms of an attribute in .nv.info, and the attributes read here. */
#define FORM_BYTE 2
#define FORM_SIZED 4
#define ATTRIBUTE_MAX_THREADS 0x05
#define ATTRIBUTE_REQUIRED_THREADS 0x10
#define ATTRIBUTE_FRAME_SIZE 0x11
#define ATTRIBUTE_PARAM 0x17
#define ATTRIBUTE_REGISTERS 0x2f
#define ATTRIBUTE_CLUSTER 0x3d
#define ATTRIBUTE_BARRIERS 0x4c

struct elf {
	const unsigned char *data;
	size_t bytes;
	const Elf64_Ehdr *header;
	const Elf64_Shdr *sections, *symbols;	/* symbols: section of the symbol table */
	const char *names;
	size_t names_bytes;
	int shared_reserved;			/* part of every .nv.shared. section */
};

static bool in_bounds(const struct elf *elf, uint64_t offset, uint64_t bytes)
{
	return offset <= elf->bytes && bytes <= elf->bytes - offset;
}

/* The string at an offset of a table, or "" where there is none that ends. */
static const char *string_at(const char *table, size_t bytes, size_t offset)
{
	return offset < bytes && memchr(table + offset, 0, bytes - offset) ? table + offset : "";
}

static const char *section_name(const struct elf *elf, const Elf64_Shdr *section)
{
	return string_at(elf->names, elf->names_bytes, section->sh_name);
}

static const Elf64_Shdr *section_find(const struct elf *elf, const char *prefix, const char *rest)
{
	size_t length = strlen(prefix);

	for (int i = 0; i < elf->header->e_shnum; i++) {
		const char *name = section_name(elf, &elf->sections[i]);

		if (strncmp(name, prefix, length) == 0 && strcmp(name + length, rest) == 0)
			return &elf->sections[i];
	}
	return NULL;
}

static bool has_content(const struct elf *elf, const Elf64_Shdr *section)
{
	return section && section->sh_type != SHT_NOBITS &&
	       in_bounds(elf, section->sh_offset, section->sh_size);
}

/* A cubin ends with its section headers or with the program headers behind them. */
size_t sim_image_elf_bytes(const void *data)
{
	const Elf64_Ehdr *header = data;
	uint64_t sections, segments;

	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_shoff > (uint64_t)1 << 32 ||
	    header->e_phoff > (uint64_t)1 << 32)
		return 0;
	sections = header->e_shoff + (uint64_t)header->e_shnum * sizeof(Elf64_Shdr);
	segments = header->e_phoff + (uint64_t)header->e_phnum * sizeof(Elf64_Phdr);
	return sections > segments ? sections : segments;
}

static CUresult elf_open(struct elf *elf, const void *data, size_t bytes)
{
	const Elf64_Shdr *names;

	elf->data = data;
	elf->bytes = bytes;
	elf->header = data;
	if (bytes < sizeof(Elf64_Ehdr) || memcmp(data, ELFMAG, SELFMAG) != 0 ||
	    elf->header->e_ident[EI_CLASS] != ELFCLASS64 || elf->header->e_machine != EM_CUDA ||
	    elf->header->e_shentsize != sizeof(Elf64_Shdr) || elf->header->e_shoff % 8 ||
	    !in_bounds(elf, elf->header->e_shoff,
		       (uint64_t)elf->header->e_shnum * sizeof(Elf64_Shdr)) ||
	    elf->header->e_shstrndx >= elf->header->e_shnum)
		return CUDA_ERROR_INVALID_IMAGE;
	elf->sections = (const void *)(elf->data + elf->header->e_shoff);
	names = &elf->sections[elf->header->e_shstrndx];
	if (!has_content(elf, names))
		return CUDA_ERROR_INVALID_IMAGE;
	elf->names = (const char *)elf->data + names->sh_offset;
	elf->names_bytes = names->sh_size;
	elf->symbols = section_find(elf, ".symtab", "");
	if (!has_content(elf, elf->symbols) || elf->symbols->sh_offset % 8)
		return CUDA_ERROR_INVALID_IMAGE;
	elf->shared_reserved = section_find(elf, ".nv.shared.reserved.0", "") ? 1024 : 0;
	return CUDA_SUCCESS;
}

static int elf_sm(const struct elf *elf)
{
	unsigned flags = elf->header->e_flags;

	return elf->header->e_ident[EI_ABIVERSION] >= ELF_ABI_MOVED_SM ? flags >> 8 & 0xff :
									   flags & 0xff;
}

/* Code for sm XY runs on devices of the same major version and an equal or newer minor one. */
static bool sm_fits(int sm, const struct sim_profile *profile)
{
	return sm / 10 == profile->cc_major && sm % 10 <= profile->cc_minor;
}

static const Elf64_Sym *symbol_at(const struct elf *elf, size_t index)
{
	if (index >= elf->symbols->sh_size / sizeof(Elf64_Sym))
		return NULL;
	return (const Elf64_Sym *)(elf->data + elf->symbols->sh_offset) + index;
}

static const char *symbol_name(const struct elf *elf, const Elf64_Sym *symbol)
{
	const Elf64_Shdr *strings;

	if (elf->symbols->sh_link >= elf->header->e_shnum)
		return "";
	strings = &elf->sections[elf->symbols->sh_link];
	if (!has_content(elf, strings))
		return "";
	return string_at((const char *)elf->data + strings->sh_offset, strings->sh_size,
			 symbol->st_name);
}

/* --- .nv.info ------------------------------------------------------------------------------------ */

struct attribute {
	int form, id;
	uint32_t words[3];	/* of the sized form; a byte's value is words[0] */
	size_t bytes;
};

/* Steps to the attribute at *offset of the section; false at its end. */
static bool attribute_next(const struct elf *elf, const Elf64_Shdr *section, size_t *offset,
			   struct attribute *attribute)
{
	const unsigned char *at = elf->data + section->sh_offset + *offset;
	uint16_t value;

	if (section->sh_size < 4 || *offset > section->sh_size - 4)
		return false;
	*attribute = (struct attribute) { .form = at[0], .id = at[1] };
	memcpy(&value, at + 2, sizeof(value));
	*offset += 4;
	if (attribute->form != FORM_SIZED) {
		attribute->words[0] = attribute->form == FORM_BYTE ? at[2] : value;
		return true;
	}
	if (value > section->sh_size - *offset)
		return false;
	attribute->bytes = value;
	memcpy(attribute->words, at + 4,
	       value < sizeof(attribute->words) ? value : sizeof(attribute->words));
	*offset += value;
	return true;
}

/* A parameter: its place in the list, its offset, and its size in the upper 14 bits. */
static CUresult add_param(struct sim_function *function, const struct attribute *attribute)
{
	unsigned ordinal = attribute->words[1] & 0xffff;

	if (attribute->bytes < 12 || ordinal > 4096)
		return CUDA_ERROR_INVALID_IMAGE;
	while (function->param_count <= (int)ordinal)
		if (!sim_function_add_param(function))
			return CUDA_ERROR_OUT_OF_MEMORY;
	function->params[ordinal].offset = attribute->words[1] >> 16;
	function->params[ordinal].bytes = attribute->words[2] >> 18;
	return CUDA_SUCCESS;
}

static CUresult read_kernel_info(const struct elf *elf, const Elf64_Shdr *section,
				 struct sim_function *function)
{
	struct attribute attribute;
	CUresult result = CUDA_SUCCESS;
	size_t offset = 0;

	while (result == CUDA_SUCCESS && attribute_next(elf, section, &offset, &attribute)) {
		uint64_t threads = (uint64_t)attribute.words[0] * attribute.words[1] *
				   attribute.words[2];

		if (attribute.id == ATTRIBUTE_PARAM)
			result = add_param(function, &attribute);
		else if (attribute.id == ATTRIBUTE_BARRIERS && attribute.form == FORM_BYTE)
			function->max_barriers = (int)attribute.words[0];
		else if ((attribute.id == ATTRIBUTE_MAX_THREADS ||
			  attribute.id == ATTRIBUTE_REQUIRED_THREADS) &&
			 attribute.bytes >= 12 && threads > 0 && threads <= 1024)
			function->max_threads = (int)threads;
		else if (attribute.id == ATTRIBUTE_CLUSTER && attribute.bytes >= 12)
			for (int i = 0; i < 3; i++)
				function->cluster[i] = (int)attribute.words[i];
	}
	return result;
}

/* The module's own .nv.info tells registers and stack by symbol. */
static void read_module_info(const struct elf *elf, size_t symbol, struct sim_function *function)
{
	const Elf64_Shdr *section = section_find(elf, ".nv.info", "");
	struct attribute attribute;
	size_t offset = 0;

	if (!has_content(elf, section))
		return;
	while (attribute_next(elf, section, &offset, &attribute)) {
		if (attribute.bytes < 8 || attribute.words[0] != symbol)
			continue;
		if (attribute.id == ATTRIBUTE_REGISTERS)
			function->registers = (int)(attribute.words[1] & 0xff);
		else if (attribute.id == ATTRIBUTE_FRAME_SIZE)
			function->local_bytes = (int)attribute.words[1];
	}
}

/* --- symbols -------------------------------------------------------------------------------------- */

static CUresult add_kernel(const struct elf *elf, size_t index, const Elf64_Sym *symbol,
			   struct sim_image *image)
{
	const char *name = symbol_name(elf, symbol);
	struct sim_function *function = sim_image_add_function(image, name, strlen(name));
	const Elf64_Shdr *section;

	if (!function)
		return CUDA_ERROR_OUT_OF_MEMORY;
	function->binary_version = function->ptx_version = elf_sm(elf);
	if (symbol->st_shndx < elf->header->e_shnum)
		function->registers = (int)(elf->sections[symbol->st_shndx].sh_info >> 24);
	read_module_info(elf, index, function);
	section = section_find(elf, ".nv.shared.", name);
	if (section && section->sh_size >= (size_t)elf->shared_reserved && section->sh_size < 1 << 20)
		function->static_shared = (int)section->sh_size - elf->shared_reserved;
	section = section_find(elf, ".nv.constant2.", name);
	if (section && section->sh_size <= 65536)
		function->const_bytes = (int)section->sh_size;
	section = section_find(elf, ".nv.info.", name);
	return has_content(elf, section) ? read_kernel_info(elf, section, function) : CUDA_SUCCESS;
}

/* Variables live in .nv.global, .nv.global.init and .nv.constant3; whole-program ones are local. */
static CUresult add_variable(const struct elf *elf, const Elf64_Sym *symbol, struct sim_image *image)
{
	const char *name = symbol_name(elf, symbol);
	const Elf64_Shdr *section;
	struct sim_global *global;

	if (symbol->st_shndx >= elf->header->e_shnum || !*name || symbol->st_size == 0)
		return CUDA_SUCCESS;
	section = &elf->sections[symbol->st_shndx];
	if (strncmp(section_name(elf, section), ".nv.global", strlen(".nv.global")) != 0 &&
	    strcmp(section_name(elf, section), ".nv.constant3") != 0)
		return CUDA_SUCCESS;
	global = sim_image_add_global(image, name, strlen(name));
	if (!global)
		return CUDA_ERROR_OUT_OF_MEMORY;
	global->bytes = symbol->st_size;
	global->is_managed = symbol->st_other & STO_CUDA_MANAGED;
	if (!has_content(elf, section) || symbol->st_value > section->sh_size ||
	    symbol->st_size > section->sh_size - symbol->st_value)
		return CUDA_SUCCESS;
	global->initial = malloc(symbol->st_size);
	if (!global->initial)
		return CUDA_ERROR_OUT_OF_MEMORY;
	global->initial_bytes = symbol->st_size;
	memcpy(global->initial, elf->data + section->sh_offset + symbol->st_value, symbol->st_size);
	return CUDA_SUCCESS;
}

CUresult sim_image_read_elf(const void *data, size_t bytes, const struct sim_profile *profile,
			    struct sim_image *image)
{
	struct elf elf = { 0 };
	CUresult result = elf_open(&elf, data, bytes);
	const Elf64_Sym *symbol;

	if (result != CUDA_SUCCESS)
		return result;
	if (!sm_fits(elf_sm(&elf), profile))
		return CUDA_ERROR_NO_BINARY_FOR_GPU;
	for (size_t i = 1; result == CUDA_SUCCESS && (symbol = symbol_at(&elf, i)); i++) {
		int type = ELF64_ST_TYPE(symbol->st_info);

		if (type == STT_FUNC && symbol->st_other & STO_CUDA_ENTRY)
			result = add_kernel(&elf, i, symbol, image);
		else if (type == STT_OBJECT)
			result = add_variable(&elf, symbol, image);
	}
	image->bytes = bytes;
	return result;
}
