/* SPDX-License-Identifier: Apache-2.0 */
/* Writes activity records in the layout of the chosen release. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/cupti_state.h"

#include <string.h>

struct layout {
	uint32_t kind;
};

struct field {
	uint16_t offset, bytes;
	int since;
};

struct size {
	enum cupti_layout layout;
	int since;
	uint32_t version, bytes;
};

#define RECORD(record, kind, header) [CUPTI_RECORD_##record] = { kind },
#define SIZE(record, since, version, bytes)
#define FIELD(record, field, offset, bytes, since)
static const struct layout layouts[CUPTI_RECORDS] = {
#include "simcuda/cupti_records.def"
};
#undef RECORD
#undef SIZE
#undef FIELD

#define RECORD(record, kind, header)
#define SIZE(record, since, version, bytes) \
	static_assert((bytes) <= CUPTI_RECORD_BYTES_MAX, #record " does not fit");
#define FIELD(record, field, offset, bytes, since)
#include "simcuda/cupti_records.def"
#undef SIZE
#undef FIELD

#define SIZE(record, since, version, bytes)
#define FIELD(record, field, offset, bytes, since) { offset, bytes, since },
static const struct field fields[CUPTI_FIELDS] = {
#include "simcuda/cupti_records.def"
};
#undef SIZE
#undef FIELD

#define SIZE(record, since, version, bytes) { CUPTI_RECORD_##record, since, version, bytes },
#define FIELD(record, field, offset, bytes, since)
static const struct size sizes[] = {
#include "simcuda/cupti_records.def"
};
#undef RECORD
#undef SIZE
#undef FIELD

static uint32_t release_bytes[CUPTI_RECORDS];

static void __attribute__((constructor(103))) layout_choose(void)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (sizes[i].since <= cupti_release)
			release_bytes[sizes[i].layout] = sizes[i].bytes;
	}
}

static enum cupti_layout layout_of(uint32_t kind)
{
	enum cupti_layout layout = 0;

	if (kind == CUPTI_ACTIVITY_KIND_KERNEL)
		kind = CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL;
	if (kind == CUPTI_ACTIVITY_KIND_RUNTIME)
		kind = CUPTI_ACTIVITY_KIND_DRIVER;
	while (layout < CUPTI_RECORDS && layouts[layout].kind != kind)
		layout++;
	return layout;
}

void cupti_record_begin(struct cupti_record *record, enum cupti_layout layout, uint32_t kind)
{
	record->bytes = release_bytes[layout];
	memset(record->data, 0, record->bytes);
	memcpy(record->data, &kind, sizeof(kind));
}

/* x86-64 and little-endian aarch64: the low bytes come first. */
void cupti_record_put(struct cupti_record *record, enum cupti_field which, uint64_t value)
{
	const struct field *field = &fields[which];

	if (field->since <= cupti_release)
		memcpy(record->data + field->offset, &value, field->bytes);
}

uint32_t cupti_record_bytes(uint32_t kind)
{
	enum cupti_layout layout = layout_of(kind);

	return layout < CUPTI_RECORDS ? release_bytes[layout] : 0;
}

uint32_t cupti_record_version_bytes(uint32_t kind, uint32_t version)
{
	enum cupti_layout layout = layout_of(kind);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (sizes[i].layout == layout && sizes[i].version == version &&
		    sizes[i].since <= cupti_release)
			return sizes[i].bytes;
	}
	return 0;
}
