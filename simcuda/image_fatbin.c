/* SPDX-License-Identifier: Apache-2.0 */
/* Fat binaries: picks the compiled code or the PTX that suits the device, unpacks and reads it. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "simcuda/core.h"

#define WRAPPER_MAGIC 0x466243b1u
#define CONTAINER_MAGIC 0xba55ed50u
#define KIND_PTX 1
#define KIND_ELF 2
#define FLAG_LZ4 0x2000u
#define FLAG_ZSTD 0x8000u

struct wrapper {
	uint32_t magic, version;
	const void *container;
	void *other;
};

struct container {
	uint32_t magic;
	uint16_t version, header_bytes;
	uint64_t bytes;		/* of the entries behind the header */
};

/* Fields of an entry, read one by one: only their offsets are certain. */
struct entry {
	unsigned kind;
	uint32_t header_bytes, packed_bytes, sm;
	uint64_t bytes, raw_bytes, flags;
	const unsigned char *payload;
};

#define ENTRY_BYTES 64

static bool entry_read(const unsigned char *at, size_t left, struct entry *entry)
{
	uint16_t kind;

	if (left < ENTRY_BYTES)
		return false;
	memcpy(&kind, at, sizeof(kind));
	memcpy(&entry->header_bytes, at + 4, sizeof(entry->header_bytes));
	memcpy(&entry->bytes, at + 8, sizeof(entry->bytes));
	memcpy(&entry->packed_bytes, at + 16, sizeof(entry->packed_bytes));
	memcpy(&entry->sm, at + 28, sizeof(entry->sm));
	memcpy(&entry->flags, at + 40, sizeof(entry->flags));
	memcpy(&entry->raw_bytes, at + 56, sizeof(entry->raw_bytes));
	entry->kind = kind;
	entry->payload = at + entry->header_bytes;
	return entry->header_bytes >= ENTRY_BYTES && entry->header_bytes <= left &&
	       entry->bytes <= left - entry->header_bytes && entry->packed_bytes <= entry->bytes;
}

static bool entry_fits(const struct entry *entry, const struct sim_profile *profile)
{
	int sm = (int)entry->sm, have = 10 * profile->cc_major + profile->cc_minor;

	if (entry->kind == KIND_ELF)
		return sm / 10 == profile->cc_major && sm <= have;
	return entry->kind == KIND_PTX && sm <= have;
}

/* Compiled code beats PTX, a newer architecture an older. */
static bool entry_beats(const struct entry *entry, const struct entry *best)
{
	if (!best->kind || entry->kind != best->kind)
		return entry->kind > best->kind;
	return entry->sm > best->sm;
}

/* The LZ4 block format. The result is `bytes` long, or the data is damaged. */
static bool lz4_unpack(const unsigned char *in, size_t in_bytes, unsigned char *out, size_t bytes)
{
	const unsigned char *in_end = in + in_bytes;
	size_t at = 0;

	while (in < in_end) {
		unsigned token = *in++, more;
		size_t literals = token >> 4, match = (token & 15) + 4, distance;

		for (more = literals == 15 ? 255 : 0; more == 255 && in < in_end; literals += more)
			more = *in++;
		if (literals > (size_t)(in_end - in) || literals > bytes - at)
			return false;
		memcpy(out + at, in, literals);
		at += literals;
		in += literals;
		if (in == in_end)
			break;
		if (in_end - in < 2)
			return false;
		distance = in[0] | (size_t)in[1] << 8;
		in += 2;
		for (more = match == 19 ? 255 : 0; more == 255 && in < in_end; match += more)
			more = *in++;
		if (distance == 0 || distance > at || match > bytes - at)
			return false;
		for (; match > 0; match--, at++)	/* may overlap itself */
			out[at] = out[at - distance];
	}
	return at == bytes;
}

/*
 * nvcc packs PTX with zstd. The library is on every Debian and Ubuntu, since dpkg needs it, and is
 * looked for only when such an entry is chosen.
 */
static bool zstd_unpack(const unsigned char *in, size_t in_bytes, unsigned char *out, size_t bytes)
{
	void *library = dlopen("libzstd.so.1", RTLD_NOW | RTLD_LOCAL);
	size_t (*decompress)(void *, size_t, const void *, size_t) = NULL;
	void *symbol = library ? dlsym(library, "ZSTD_decompress") : NULL;
	bool is_unpacked;

	memcpy(&decompress, &symbol, sizeof(decompress));
	is_unpacked = decompress && decompress(out, bytes, in, in_bytes) == bytes;
	if (library)
		dlclose(library);
	return is_unpacked;
}

static CUresult read_payload(const struct entry *entry, const void *data, size_t bytes,
			     const struct sim_profile *profile, struct sim_image *image)
{
	if (entry->kind == KIND_ELF)
		return sim_image_read_elf(data, bytes, profile, image);
	return sim_image_read_ptx(data, strnlen(data, bytes), profile, image);
}

static CUresult entry_load(const struct entry *entry, const struct sim_profile *profile,
			   struct sim_image *image)
{
	unsigned char *unpacked;
	bool is_unpacked;
	CUresult result;

	if (!(entry->flags & (FLAG_LZ4 | FLAG_ZSTD)))
		return read_payload(entry, entry->payload, entry->bytes, profile, image);
	if (entry->raw_bytes > (uint64_t)1 << 32)
		return CUDA_ERROR_INVALID_IMAGE;
	unpacked = malloc(entry->raw_bytes + 1);
	if (!unpacked)
		return CUDA_ERROR_OUT_OF_MEMORY;
	if (entry->flags & FLAG_ZSTD)
		is_unpacked = zstd_unpack(entry->payload, entry->packed_bytes, unpacked,
					  entry->raw_bytes);
	else
		is_unpacked = lz4_unpack(entry->payload, entry->packed_bytes, unpacked,
					 entry->raw_bytes);
	result = is_unpacked ? read_payload(entry, unpacked, entry->raw_bytes, profile, image) :
			       CUDA_ERROR_INVALID_IMAGE;
	free(unpacked);
	return result;
}

static CUresult read_container(const struct container *container, const struct sim_profile *profile,
			       struct sim_image *image)
{
	const unsigned char *at = (const unsigned char *)container + container->header_bytes;
	struct entry entry, best = { 0 };
	uint64_t left = container->bytes;

	if (container->header_bytes < sizeof(*container) || container->bytes > (uint64_t)1 << 32)
		return CUDA_ERROR_INVALID_IMAGE;
	while (left > 0) {
		if (!entry_read(at, left, &entry))
			return CUDA_ERROR_INVALID_IMAGE;
		if (entry_fits(&entry, profile) && entry_beats(&entry, &best))
			best = entry;
		at += entry.header_bytes + entry.bytes;
		left -= entry.header_bytes + entry.bytes;
	}
	return best.kind ? entry_load(&best, profile, image) : CUDA_ERROR_NO_BINARY_FOR_GPU;
}

CUresult sim_image_read_fatbin(const void *data, const struct sim_profile *profile,
			       struct sim_image *image)
{
	const struct wrapper *wrapper = data;
	const struct container *container = data;

	if (wrapper->magic == WRAPPER_MAGIC)
		container = wrapper->container;
	if (!container || container->magic != CONTAINER_MAGIC)
		return CUDA_ERROR_INVALID_IMAGE;
	return read_container(container, profile, image);
}
