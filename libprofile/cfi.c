/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads .eh_frame of the running process: the binary search table of .eh_frame_hdr, one FDE, its
 * CIE, and the call frame instructions up to an address (DWARF 5, 6.4; LSB core, .eh_frame).
 * Everything lies in mapped, read-only parts of loaded objects; bounds come from the records.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "libprofile/cfi.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum pointer_encoding {
	PE_UDATA2 = 0x02, PE_UDATA4 = 0x03, PE_UDATA8 = 0x04, PE_SDATA2 = 0x0a, PE_SDATA4 = 0x0b,
	PE_SDATA8 = 0x0c, PE_ULEB = 0x01, PE_SLEB = 0x09, PE_PCREL = 0x10, PE_DATAREL = 0x30,
	PE_INDIRECT = 0x80, PE_OMIT = 0xff,
};

enum { REG_RBP = 6, REG_RSP = 7, REG_RA = 16 };

struct reader {
	const uint8_t *at, *end;
	bool bad;
};

static uint64_t read_fixed(struct reader *r, unsigned bytes)
{
	uint64_t value = 0;

	if (r->bad || (size_t)(r->end - r->at) < bytes) {
		r->bad = true;
		return 0;
	}
	memcpy(&value, r->at, bytes);
	r->at += bytes;
	return value;
}

static uint64_t read_uleb(struct reader *r)
{
	uint64_t value = 0;
	unsigned shift = 0;

	while (!r->bad) {
		uint8_t byte = (uint8_t)read_fixed(r, 1);

		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
		if (!(byte & 0x80))
			break;
	}
	return value;
}

static int64_t read_sleb(struct reader *r)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte = 0;

	do {
		byte = (uint8_t)read_fixed(r, 1);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (!r->bad && byte & 0x80);
	if (shift < 64 && byte & 0x40)
		value |= ~0ull << shift;
	return (int64_t)value;
}

static uint64_t read_encoded(struct reader *r, uint8_t encoding, uint64_t data_base)
{
	uint64_t place = (uint64_t)(uintptr_t)r->at, value;

	if (encoding == PE_OMIT)
		return 0;
	switch (encoding & 0x0f) {
	case 0:
	case PE_UDATA8:
	case PE_SDATA8: value = read_fixed(r, 8); break;
	case PE_UDATA4: value = read_fixed(r, 4); break;
	case PE_SDATA4: value = (uint64_t)(int64_t)(int32_t)read_fixed(r, 4); break;
	case PE_UDATA2: value = read_fixed(r, 2); break;
	case PE_SDATA2: value = (uint64_t)(int64_t)(int16_t)read_fixed(r, 2); break;
	case PE_ULEB: value = read_uleb(r); break;
	case PE_SLEB: value = (uint64_t)read_sleb(r); break;
	default: r->bad = true; return 0;
	}
	if ((encoding & 0x70) == PE_PCREL)
		value += place;
	else if ((encoding & 0x70) == PE_DATAREL)
		value += data_base;
	else if (encoding & 0x70)
		r->bad = true;
	if (encoding & PE_INDIRECT)
		r->bad = true;
	return value;
}

/* The .eh_frame_hdr that covers ip, or NULL. */
struct header_search {
	uint64_t ip;
	const uint8_t *header;
};

static int object_visit(struct dl_phdr_info *info, size_t size, void *user)
{
	struct header_search *search = user;
	const uint8_t *header = NULL;
	bool covers = false;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uint64_t start = info->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_LOAD && search->ip >= start && search->ip < start + p->p_memsz)
			covers = true;
		if (p->p_type == PT_GNU_EH_FRAME)
			header = (const uint8_t *)(uintptr_t)start;
	}
	if (!covers)
		return 0;
	search->header = header;
	return 1;
}

/* What _dl_find_object fills on x86-64 (glibc >= 2.35). */
struct found_object {
	uint64_t flags;
	void *map_start, *map_end;
	struct link_map *link_map;
	void *eh_frame_header;
	uint64_t reserved[7];
};

int (*cfi_find_object)(void *address, void *result);

static const uint8_t *header_find(uint64_t ip)
{
	struct header_search search = { ip, NULL };
	struct found_object object;

	if (cfi_find_object) {
		if (cfi_find_object((void *)(uintptr_t)ip, &object) == 0)
			return object.eh_frame_header;
		return NULL;
	}
	dl_iterate_phdr(object_visit, &search);
	return search.header;
}

struct cie {
	uint64_t code_align;
	int64_t data_align;
	uint8_t pointer_encoding;
	bool has_augmentation, is_signal;
	struct reader instructions;
};

static bool cie_read(const uint8_t *at, struct cie *cie)
{
	struct reader r = { at, at + 4, false };
	const char *augmentation;
	uint32_t length = (uint32_t)read_fixed(&r, 4);
	uint8_t version;

	if (length == 0 || length == 0xffffffff)
		return false;
	r.end = r.at + length;
	if (read_fixed(&r, 4) != 0)
		return false;
	version = (uint8_t)read_fixed(&r, 1);
	augmentation = (const char *)r.at;
	while (!r.bad && read_fixed(&r, 1))
		;
	cie->code_align = read_uleb(&r);
	cie->data_align = read_sleb(&r);
	if ((version == 1 ? read_fixed(&r, 1) : read_uleb(&r)) != REG_RA)
		return false;
	cie->pointer_encoding = 0;
	cie->is_signal = false;
	cie->has_augmentation = augmentation[0] == 'z';
	if (augmentation[0] && augmentation[0] != 'z')
		return false;
	if (cie->has_augmentation) {
		uint64_t bytes = read_uleb(&r);
		const uint8_t *end = r.at + bytes;

		for (const char *c = augmentation + 1; *c && !r.bad; c++) {
			if (*c == 'R')
				cie->pointer_encoding = (uint8_t)read_fixed(&r, 1);
			else if (*c == 'L')
				read_fixed(&r, 1);
			else if (*c == 'P')
				read_encoded(&r, (uint8_t)read_fixed(&r, 1) & 0x7f, 0);
			else if (*c == 'S')
				cie->is_signal = true;
			else
				return false;
		}
		r.at = end;
	}
	cie->instructions = r;
	return !r.bad && version >= 1 && version <= 4;
}

/* What the instructions have established so far. */
struct row {
	uint8_t kind;			/* CFI_RSP, CFI_RBP, ..._DEREF, CFI_UNKNOWN */
	int64_t offset;
	int64_t rbp_at;
	bool rbp_saved, rbp_unknown;
	bool ra_undefined, ra_unknown;
};

static void cfa_register(struct row *row, uint64_t reg)
{
	row->kind = reg == REG_RSP ? CFI_RSP : reg == REG_RBP ? CFI_RBP : CFI_UNKNOWN;
}

/* DW_OP_breg<6|7> n; DW_OP_deref: how gcc describes a realigned stack. */
static void cfa_expression(struct row *row, struct reader *r)
{
	uint64_t bytes = read_uleb(r);
	struct reader e = { r->at, r->at + bytes, r->bad };
	uint8_t op = (uint8_t)read_fixed(&e, 1);
	int64_t offset = read_sleb(&e);
	bool is_deref = !e.bad && e.at < e.end && *e.at == 0x06 && e.at + 1 == e.end;

	row->kind = CFI_UNKNOWN;
	if (is_deref && op == 0x70 + REG_RBP)
		row->kind = CFI_RBP_DEREF;
	else if (is_deref && op == 0x70 + REG_RSP)
		row->kind = CFI_RSP_DEREF;
	row->offset = offset;
	r->at += bytes;
	r->bad |= r->at > r->end;
}

static void register_saved(struct row *row, uint64_t reg, int64_t at)
{
	if (reg == REG_RBP) {
		row->rbp_saved = true;
		row->rbp_unknown = false;
		row->rbp_at = at;
	} else if (reg == REG_RA) {
		row->ra_unknown = at != -8;
		row->ra_undefined = false;
	}
}

static void register_restored(struct row *row, const struct row *initial, uint64_t reg)
{
	if (reg == REG_RBP) {
		row->rbp_saved = initial->rbp_saved;
		row->rbp_at = initial->rbp_at;
		row->rbp_unknown = initial->rbp_unknown;
	} else if (reg == REG_RA) {
		row->ra_unknown = initial->ra_unknown;
		row->ra_undefined = initial->ra_undefined;
	}
}

static void register_other(struct row *row, uint64_t reg, bool is_undefined)
{
	if (reg == REG_RBP)
		row->rbp_unknown = !is_undefined;
	else if (reg == REG_RA) {
		row->ra_undefined = is_undefined;
		row->ra_unknown = !is_undefined;
	}
}

#define STATES_MAX 8

/* Runs instructions until the location passes ip. */
static bool instructions_run(struct reader r, const struct cie *cie, uint64_t location, uint64_t ip,
			     const struct row *initial, struct row *row)
{
	struct row states[STATES_MAX];
	unsigned depth = 0;
	uint64_t reg;

	while (!r.bad && r.at < r.end) {
		uint8_t op = (uint8_t)read_fixed(&r, 1);

		switch (op & 0xc0) {
		case 0x40:				/* advance_loc */
			location += (op & 0x3f) * cie->code_align;
			if (location > ip)
				return true;
			continue;
		case 0x80:				/* offset */
			register_saved(row, op & 0x3f,
				       (int64_t)read_uleb(&r) * cie->data_align);
			continue;
		case 0xc0:				/* restore */
			register_restored(row, initial, op & 0x3f);
			continue;
		}
		switch (op) {
		case 0x00: break;			/* nop */
		case 0x01:				/* set_loc */
			location = read_encoded(&r, cie->pointer_encoding, 0);
			if (location > ip)
				return true;
			break;
		case 0x02: case 0x03: case 0x04:	/* advance_loc1, 2, 4 */
			location += read_fixed(&r, 1u << (op - 2)) * cie->code_align;
			if (location > ip)
				return true;
			break;
		case 0x05:				/* offset_extended */
			reg = read_uleb(&r);
			register_saved(row, reg, (int64_t)read_uleb(&r) * cie->data_align);
			break;
		case 0x06: register_restored(row, initial, read_uleb(&r)); break;
		case 0x07: register_other(row, read_uleb(&r), true); break;	/* undefined */
		case 0x08: register_restored(row, initial, read_uleb(&r)); break; /* same_value */
		case 0x09:				/* register */
			reg = read_uleb(&r);
			read_uleb(&r);
			register_other(row, reg, false);
			break;
		case 0x0a:				/* remember_state */
			if (depth == STATES_MAX)
				return false;
			states[depth++] = *row;
			break;
		case 0x0b:				/* restore_state */
			if (depth == 0)
				return false;
			*row = states[--depth];
			break;
		case 0x0c:				/* def_cfa */
			cfa_register(row, read_uleb(&r));
			row->offset = (int64_t)read_uleb(&r);
			break;
		case 0x0d: cfa_register(row, read_uleb(&r)); break;
		case 0x0e: row->offset = (int64_t)read_uleb(&r); break;
		case 0x0f: cfa_expression(row, &r); break;
		case 0x10: case 0x16:			/* expression, val_expression */
			reg = read_uleb(&r);
			{
				uint64_t bytes = read_uleb(&r);
				const uint8_t *e = r.at;

				/* DW_OP_breg6 0 says "saved where rbp points": realigned stacks. */
				if (op == 0x10 && reg == REG_RBP && bytes == 2 && e[0] == 0x76 &&
				    e[1] == 0)
					row->rbp_saved = true, row->rbp_unknown = false,
					row->rbp_at = CFI_RBP_AT_RBP;
				else
					register_other(row, reg, false);
				r.at += bytes;
			}
			break;
		case 0x11:				/* offset_extended_sf */
			reg = read_uleb(&r);
			register_saved(row, reg, read_sleb(&r) * cie->data_align);
			break;
		case 0x12:				/* def_cfa_sf */
			cfa_register(row, read_uleb(&r));
			row->offset = read_sleb(&r) * cie->data_align;
			break;
		case 0x13: row->offset = read_sleb(&r) * cie->data_align; break;
		case 0x2e: read_uleb(&r); break;	/* GNU_args_size */
		default: return false;
		}
	}
	return !r.bad;
}

/* The FDE for ip by binary search, or NULL. */
static const uint8_t *fde_find(const uint8_t *header, uint64_t ip)
{
	struct entry { int32_t location, fde; } first;
	const uint8_t *table;
	uint64_t base = (uint64_t)(uintptr_t)header;
	struct reader r = { header + 4, header + 20, false };
	size_t low = 0, high;

	if (header[0] != 1 || header[3] != (PE_DATAREL | PE_SDATA4))
		return NULL;
	read_encoded(&r, header[1], base);
	high = read_encoded(&r, header[2], base);
	table = r.at;
	if (r.bad || high == 0)
		return NULL;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		memcpy(&first, table + middle * sizeof(first), sizeof(first));
		if (base + (uint64_t)(int64_t)first.location <= ip)
			low = middle;
		else
			high = middle;
	}
	memcpy(&first, table + low * sizeof(first), sizeof(first));
	if (base + (uint64_t)(int64_t)first.location > ip)
		return NULL;
	return header + first.fde;
}

struct function {
	const uint8_t *fde;		/* NULL: none */
	struct cie cie;
	struct reader rest;		/* of the FDE, after the range */
	uint64_t start, bytes;
};

/* False where there is an FDE in a form that is not handled here. */
static bool function_read(uint64_t ip, struct function *f)
{
	const uint8_t *header = header_find(ip);
	struct reader *r = &f->rest;
	uint32_t length, back;

	f->fde = header ? fde_find(header, ip) : NULL;
	if (!f->fde)
		return true;
	memcpy(&length, f->fde, 4);
	if (length < 8 || length == 0xffffffff)
		return false;
	*r = (struct reader){ f->fde + 4, f->fde + 4 + length, false };
	back = (uint32_t)read_fixed(r, 4);
	if (back == 0 || !cie_read(f->fde + 4 - back, &f->cie))
		return false;
	f->start = read_encoded(r, f->cie.pointer_encoding, 0);
	f->bytes = read_encoded(r, f->cie.pointer_encoding & 0x0f, 0);
	if (r->bad || ip < f->start || ip - f->start >= f->bytes)
		f->fde = NULL;
	return true;
}

bool cfi_function_range(uint64_t ip, uint64_t *low, uint64_t *high)
{
	struct function f;

	if (!function_read(ip, &f) || !f.fde)
		return false;
	*low = f.start;
	*high = f.start + f.bytes;
	return true;
}

void cfi_rule_read(uint64_t ip, struct cfi_rule *rule)
{
	struct row row = { .kind = CFI_UNKNOWN }, initial;
	struct function f;

	rule->ip = ip;
	rule->kind = CFI_UNKNOWN;
	if (!function_read(ip, &f))
		return;
	if (!f.fde) {
		rule->kind = CFI_ABSENT;
		return;
	}
	if (f.cie.has_augmentation) {
		uint64_t skip = read_uleb(&f.rest);

		f.rest.at += skip;
	}
	memset(&initial, 0, sizeof(initial));
	initial.kind = CFI_UNKNOWN;
	if (!instructions_run(f.cie.instructions, &f.cie, f.start, UINT64_MAX, &initial, &initial))
		return;
	row = initial;
	if (!instructions_run(f.rest, &f.cie, f.start, ip, &initial, &row))
		return;
	if (f.cie.is_signal) {
		rule->kind = CFI_SIGNAL;
		return;
	}
	if (row.ra_undefined) {
		rule->kind = CFI_END;
		return;
	}
	if (row.ra_unknown || row.rbp_unknown || row.offset != (int32_t)row.offset ||
	    (row.rbp_saved && row.rbp_at != (int16_t)row.rbp_at))
		return;
	rule->offset = (int32_t)row.offset;
	rule->rbp_at = row.rbp_saved ? (int16_t)row.rbp_at : CFI_RBP_SAME;
	rule->kind = row.kind;
}
