/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder reads no byte that it was not given, whatever the bytes are. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collector/fixture.h"

#define CASES 100000

/* Memory that ends at a page nobody may touch. */
static unsigned char *guarded(size_t *size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *memory = mmap(NULL, 17 * page, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	assert_int_equal(mprotect(memory + 16 * page, page, PROT_NONE), 0);
	*size = 16 * page;
	return memory;
}

static const struct {
	uint16_t kind, bytes;
} sizes[] = {
#define RECORD(name, type) { WIRE_##name, sizeof(type) },
#include "wire/records.def"
#undef RECORD
};

static void test_random_bytes(void **state)
{
	size_t size;
	unsigned char *memory = guarded(&size);
	unsigned accepted = 0;

	(void)state;
	for (int i = 0; i < CASES; i++) {
		uint32_t available = test_random() % (i % 100 ? 300 : 65536), bytes = 0;
		unsigned char *at = memory + size - available;
		struct wire_head head = { .bytes = (uint16_t)(test_random() % 40 * 8),
					  .kind = (uint16_t)(test_random() %
							     (WIRE_KIND_COUNT + 2)) };

		for (uint32_t k = 0; k < available; k++)
			at[k] = (unsigned char)(test_random() >> (test_random() % 3 ? 8 : 31));
		if (available >= sizeof(head) && test_random() % 4)
			memcpy(at, &head, sizeof(head));
		switch (wire_decode(at, available, &bytes)) {
		case WIRE_OK:
			accepted++;
			assert_true(bytes >= 8 && bytes <= available && bytes % 8 == 0);
			break;
		case WIRE_EMPTY:
			assert_int_equal(available, 0);
			break;
		case WIRE_CORRUPT:
			break;
		}
	}
	assert_true(accepted > CASES / 100);	/* the cases reach beyond the header */
	munmap(memory, size);
}

/* Kinds with a text behind the struct: of length zero it is not valid. */
static bool has_text(uint16_t kind)
{
	return kind == WIRE_DEF_FUNCTION || kind == WIRE_DEF_STRING || kind == WIRE_DEF_TEXT ||
	       kind == WIRE_DEF_MODULE ||
	       kind == WIRE_DEF_PYTHON_CODE || kind == WIRE_ARGUMENTS;
}

static void test_each_kind_at_each_size(void **state)
{
	size_t size;
	unsigned char *memory = guarded(&size);

	(void)state;
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		for (uint32_t bytes = 0; bytes <= 512; bytes++) {
			unsigned char *at = memory + size - bytes;
			struct wire_head head = { .bytes = (uint16_t)bytes, .kind = sizes[k].kind };
			uint32_t got;
			bool wanted =
				bytes >= sizes[k].bytes && bytes % 8 == 0 && !has_text(head.kind);

			memset(at, 0, bytes);
			memcpy(at, &head, bytes < sizeof(head) ? bytes : sizeof(head));
			assert_int_equal(wire_decode(at, bytes, &got) == WIRE_OK, wanted);
			if (wanted)	/* a record longer than what is there */
				assert_int_equal(wire_decode(at, bytes - 8, &got),
						 bytes == 8 ? WIRE_EMPTY : WIRE_CORRUPT);
		}
	}
	munmap(memory, size);
}

static void test_texts_end_inside(void **state)
{
	union {
		struct wire_def_string def;
		char bytes[sizeof(struct wire_def_string) + 16];
	} r = { .bytes = { 0 } };
	uint32_t bytes;

	(void)state;
	r.def.head = (struct wire_head){ .bytes = sizeof(r), .kind = WIRE_DEF_STRING };
	memcpy(r.bytes + sizeof(r.def), "abc", 3);
	for (uint32_t length = 0; length < 40; length++) {
		r.def.text_bytes = length;
		/* "abc" and thirteen NULs: lengths 4 to 16 end in NUL. */
		assert_int_equal(wire_decode(&r, sizeof(r), &bytes) == WIRE_OK,
				 length >= 4 && length <= 16);
	}
	r.def.text_bytes = UINT32_MAX;
	assert_int_equal(wire_decode(&r, sizeof(r), &bytes), WIRE_CORRUPT);
}

static void test_arguments_end_inside(void **state)
{
	union {
		struct wire_arguments arguments;
		char bytes[sizeof(struct wire_arguments) + 2 * 8 + 16];
	} r = { .bytes = { 0 } };
	uint32_t bytes;

	(void)state;
	r.arguments.call.head = (struct wire_head){ .bytes = sizeof(r), .kind = WIRE_ARGUMENTS };
	r.arguments.names_bytes = 6;
	memcpy(r.bytes + sizeof(r) - 16, "a, b", 5);
	for (uint32_t count = 0; count < 40; count++) {
		r.arguments.count = count;
		/* Four values leave no room for names; of fewer, names follow that end in NUL. */
		assert_int_equal(wire_decode(&r, sizeof(r), &bytes) == WIRE_OK, count < 4);
	}
	r.arguments.count = 2;
	r.arguments.texts = 2;		/* the second: as long as what is left, 10 bytes */
	for (uint64_t length = 0; length < 40; length++) {
		r.arguments.value[1] = length;
		assert_int_equal(wire_decode(&r, sizeof(r), &bytes) == WIRE_OK, length <= 10);
	}
	r.arguments.value[1] = UINT64_MAX;
	assert_int_equal(wire_decode(&r, sizeof(r), &bytes), WIRE_CORRUPT);
}

static void test_control_block(void **state)
{
	static struct wire_control control;

	(void)state;
	control = (struct wire_control){ .magic = WIRE_MAGIC, .version = WIRE_VERSION,
					 .control_bytes = sizeof(control) };
	assert_true(wire_control_valid(&control, sizeof(control)));
	assert_false(wire_control_valid(&control, sizeof(control) - 1));
	control.ring_count = WIRE_RINGS_MAX + 1;
	assert_false(wire_control_valid(&control, sizeof(control)));
	control.ring_count = 0;
	control.clock = 2;
	assert_false(wire_control_valid(&control, sizeof(control)));
	control.clock = 0;
	control.version++;
	assert_false(wire_control_valid(&control, sizeof(control)));
	assert_string_equal(wire_kind_name(WIRE_LAUNCH), "LAUNCH");
	assert_string_equal(wire_kind_name(9999), "unknown");
	assert_string_equal(wire_counter_name(9999), "unknown");
	assert_string_equal(wire_counter_text(9999), "");
}

/* Well-formed records full of nonsense: the collector lives and the file is sound. */
static void test_hostile_records(void **state)
{
	struct fixture f;
	unsigned char record[512];

	(void)state;
	fixture_start(&f, 1 << 18, WIRE_CLOCK_MONOTONIC);
	producer_define(&f.producer, 0);
	for (int i = 0; i < 30000; i++) {
		size_t k = test_random() % (sizeof(sizes) / sizeof(sizes[0]));
		uint32_t bytes = (sizes[k].bytes + test_random() % 64 + 7) & ~7u;
		struct wire_head head = {
			.bytes = (uint16_t)bytes,
			.kind = sizes[k].kind,
			.api = (uint16_t)(test_random() % 3 ? test_random() % 700 : test_random()),
			.result = (uint16_t)(test_random() % 3 ? 0 : test_random())
		};
		uint32_t got;

		for (uint32_t b = 0; b < sizeof(record); b++)
			record[b] = (unsigned char)(test_random() % 3 ? test_random() % 3
								      : test_random());
		memcpy(record, &head, sizeof(head));
		if (wire_decode(record, bytes, &got) != WIRE_OK)
			continue;	/* texts without an end: the ring would be given up */
		while (!producer_push(&f.producer, (int)(test_random() % 4), record, bytes))
			fixture_step(&f);
	}
	fixture_finish(&f);
	assert_string_equal(ask_text(&f, "PRAGMA integrity_check"), "ok");
	assert_true(ask(&f, "SELECT count(*) FROM launch") > 100);
	fixture_remove(&f);
}

/* A hello that is not one, or of another build, is turned away. */
static void test_wrong_hello(void **state)
{
	struct fixture f;
	struct producer other;

	(void)state;
	fixture_start(&f, 4096, WIRE_CLOCK_MONOTONIC);
	producer_init(&other, 4096, WIRE_CLOCK_MONOTONIC);
	assert_true(producer_connect(&other, f.socket_name, 12345));
	fixture_step(&f);
	assert_int_equal(producer_welcomed(&other), 1);
	close(other.socket);
	other.control->magic = 1;
	assert_true(producer_connect(&other, f.socket_name, driver_api_hash()));
	fixture_step(&f);
	assert_int_equal(producer_welcomed(&other), 1);
	producer_close(&other);
	fixture_finish(&f);
	assert_int_equal(ask(&f, "SELECT count(*) FROM process"), 1);
	fixture_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_each_kind_at_each_size),
		cmocka_unit_test(test_texts_end_inside),
		cmocka_unit_test(test_arguments_end_inside),
		cmocka_unit_test(test_control_block),
		cmocka_unit_test(test_hostile_records),
		cmocka_unit_test(test_wrong_hello),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
