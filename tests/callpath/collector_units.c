/* SPDX-License-Identifier: Apache-2.0 */
/* Line tables of Python and symbol tables of files, good ones and damaged ones. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/minidebug.h"
#include "collector/pylines.h"
#include "collector/symbols.h"

#define FIRST 100
#define SYMBOLS_MAX 65536

static uint32_t next_random(void)
{
	static uint64_t state = 7;

	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(state >> 33);
}

/* --- line tables --------------------------------------------------------------------------- */

/* The example of CPython's Objects/lnotab_notes.txt: 0, 6, 50, 350, 361 are lines 1, 2, 7, 207, 208. */
static const uint8_t lnotab[] = { 6, 1, 44, 5, 255, 0, 45, 127, 0, 73, 11, 1 };
/* Two bytes of the first line, eight of the next, four without a line, six two lines on. */
static const uint8_t ranges[] = { 2, 0, 8, 1, 4, 0x80, 6, 2 };
static const uint8_t locations[] = {
	0x80 | 13 << 3 | 1, 2,			/* 0-3: +1 */
	0x80 | 14 << 3 | 0, 7, 0, 1, 2,		/* 4-5: -3 */
	0x80 | 11 << 3 | 7, 4, 9,		/* 6-21: +1 */
	0x80 | 0 << 3 | 0, 0x12,		/* 22-23: same line */
	0x80 | 15 << 3 | 0,			/* 24-25: no line */
	0x80 | 13 << 3 | 0, 0x48, 3,		/* 26-27: +100, two bytes */
};

static void test_lines(void **state)
{
	static const struct { uint32_t minor, instruction; int32_t line; } expected[] = {
		{ 9, 0, 1 }, { 9, 5, 1 }, { 9, 6, 2 }, { 9, 49, 2 }, { 9, 50, 7 }, { 9, 349, 7 },
		{ 9, 350, 207 }, { 9, 360, 207 }, { 9, 361, 208 }, { 9, 100000, 208 },
		{ 10, 0, 1 }, { 10, 2, 2 }, { 10, 9, 2 }, { 10, 14, 4 }, { 10, 19, 4 }, { 10, 20, 1 },
		{ 11, 0, 2 }, { 11, 3, 2 }, { 11, 4, -1 }, { 11, 6, 0 }, { 11, 21, 0 }, { 12, 22, 0 },
		{ 13, 24, 1 }, { 11, 26, 100 }, { 11, 28, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		uint32_t minor = expected[i].minor;
		const uint8_t *table = minor == 9 ? lnotab : minor == 10 ? ranges : locations;
		size_t bytes = minor == 9 ? sizeof(lnotab) : minor == 10 ? sizeof(ranges)
									 : sizeof(locations);

		assert_int_equal(pylines_line(minor, table, bytes, FIRST, expected[i].instruction),
				 FIRST - 1 + expected[i].line);
	}
}

/* Memory whose end is the end of what may be read. */
static uint8_t *fenced(size_t *page)
{
	uint8_t *pages;

	*page = (size_t)sysconf(_SC_PAGESIZE);
	pages = mmap(NULL, 2 * *page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(pages != MAP_FAILED);
	assert_int_equal(mprotect(pages + *page, *page, PROT_NONE), 0);
	return pages;
}

static void test_lines_damaged(void **state)
{
	size_t page;
	uint8_t *pages = fenced(&page);
	int64_t sum = 0;

	(void)state;
	for (uint32_t minor = 9; minor <= 13; minor++)
		for (size_t bytes = 0; bytes <= sizeof(locations); bytes++) {
			uint8_t *table = pages + page - bytes;

			memcpy(table, locations, bytes);
			for (uint32_t at = 0; at < 40; at++)
				sum += pylines_line(minor, table, bytes, FIRST, at);
		}
	for (int i = 0; i < 100000; i++) {
		size_t bytes = next_random() % 64;
		uint8_t *table = pages + page - bytes;

		for (size_t b = 0; b < bytes; b++)
			table[b] = (uint8_t)next_random();
		sum += pylines_line(9 + next_random() % 5, table, bytes, (int32_t)next_random(),
				    next_random() % 300);
	}
	assert_true(sum != 0);
	munmap(pages, 2 * page);
}

/* --- symbols ------------------------------------------------------------------------------- */

struct name {
	uint64_t address;
	char text[120];
};

static struct name names[SYMBOLS_MAX];

/* Functions as nm lists them. */
static int names_read(const char *path, const char *options)
{
	const char *nm = getenv("NM");
	char command[512], type;
	int count = 0;
	FILE *list;

	snprintf(command, sizeof(command), "%s %s --defined-only '%s' 2>/dev/null",
		 nm && *nm ? nm : "nm", options, path);
	list = popen(command, "r");
	assert_non_null(list);
	while (count < SYMBOLS_MAX &&
	       fscanf(list, "%lx %c %119[^@\n]%*[^\n]", &names[count].address, &type,
		      names[count].text) >= 3)
		count += strchr("Tti", type) != NULL;
	pclose(list);
	return count;
}

/* Each function that nm knows is found under one of the names that nm has for it. */
static int compare_names(const struct symbols *symbols, int count)
{
	int wrong = 0;

	for (int i = 0; i < count; i++) {
		uint64_t start = 0;
		const char *found = symbols_find(symbols, names[i].address, &start);
		bool equal = false;

		for (int j = 0; found && j < count && !equal; j++)
			equal = names[j].address == names[i].address && !strcmp(found, names[j].text);
		wrong += !equal || start != names[i].address;
	}
	return wrong;
}

static const char *own_path(void)
{
	static char path[512];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	assert_true(length > 0);
	path[length] = '\0';
	return path;
}

static void test_names_equal_nm(void **state)
{
	struct symbols *symbols = symbols_open(own_path(), NULL, 0, NULL);
	int count = names_read(own_path(), "");
	int wrong;

	(void)state;
	if (count == 0) {
		symbols_close(symbols);
		skip();
	}
	assert_true(count > 20);
	wrong = compare_names(symbols, count);
	assert_int_equal(wrong, 0);
	assert_true(symbols_has(symbols, "main"));
	assert_false(symbols_has(symbols, "no_such_function"));
	assert_null(symbols_find(symbols, 0, NULL));
	assert_null(symbols_find(symbols, UINT64_MAX, NULL));
	symbols_close(symbols);
}

/* A copy in memory, with a path. */
static int copy_make(const char *command, const char *source, char *path, size_t bytes)
{
	char text[1200];
	int fd;

	snprintf(path, bytes, "%s/callpath-units-%d", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp",
		 (int)getpid());
	snprintf(text, sizeof(text), "%s '%s' '%s' 2>/dev/null", command, source, path);
	if (system(text) != 0)
		return -1;
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd;
}

static void test_stripped(void **state)
{
	char path[256];
	int fd = copy_make("cp", own_path(), path, sizeof(path));
	struct symbols *whole, *stripped;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	whole = symbols_open(path, NULL, 0, NULL);
	unlink(path);
	fd = copy_make("objcopy --strip-all", own_path(), path, sizeof(path));
	if (fd < 0) {
		symbols_close(whole);
		skip();
	}
	close(fd);
	stripped = symbols_open(path, NULL, 0, NULL);
	assert_true(symbols_count(stripped) < symbols_count(whole));
	assert_false(symbols_has(stripped, "test_lines_damaged"));
	assert_true(symbols_has(whole, "test_lines_damaged"));
	symbols_close(whole);
	symbols_close(stripped);
	unlink(path);
}

#ifdef HAVE_LZMA
/* A copy of this program without .symtab, with the section that `make` turns the mini file
 * $1.mini.xz into, as distributions make it. Returns a descriptor, -1: a tool is missing. */
static int mini_make(const char *make, char *path, size_t bytes)
{
	char command[1200];

	snprintf(command, sizeof(command), "f() { objcopy --only-keep-debug \"$1\" \"$2.debug\" && "
		 "objcopy -R .comment -g \"$2.debug\" \"$2.mini\" && xz -f -k \"$2.mini\" && (%s) && "
		 "objcopy -S \"$1\" \"$2.bare\" && "
		 "objcopy --add-section .gnu_debugdata=\"$2.mini.xz\" \"$2.bare\" \"$2\"; r=$?; "
		 "rm -f \"$2\".debug \"$2\".mini* \"$2.bare\"; return $r; }; f", make);
	return copy_make(command, own_path(), path, bytes);
}

static void test_mini(void **state)
{
	char path[256];
	int fd = mini_make("true", path, sizeof(path)), count, wrong;
	struct symbols *symbols;

	(void)state;
	if (fd < 0)
		skip();
	close(fd);
	count = names_read(own_path(), "");
	symbols = symbols_open(path, NULL, 0, NULL);
	wrong = compare_names(symbols, count);
	unlink(path);
	assert_true(symbols_has(symbols, "test_lines_damaged"));
	assert_int_equal(wrong, 0);
	symbols_close(symbols);
}

/* Sections that hold no mini file: the names of .dynsym are all there are. */
static void test_mini_useless(void **state)
{
	static const char *const makes[] = {
		": >$2.mini.xz", "echo text | xz >$2.mini.xz", "head -c 2000 /dev/urandom >$2.mini.xz",
		"head -c 90000000 /dev/zero | xz -0 >$2.mini.xz",	/* a bomb */
		"head -c 900 $2.mini.xz >$2.cut && mv $2.cut $2.mini.xz",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(makes) / sizeof(makes[0]); i++) {
		char path[256];
		int fd = mini_make(makes[i], path, sizeof(path));
		struct symbols *symbols;

		if (fd < 0)
			skip();
		close(fd);
		symbols = symbols_open(path, NULL, 0, NULL);
		unlink(path);
		assert_false(symbols_has(symbols, "test_lines_damaged"));
		symbols_close(symbols);
	}
}

/* Any byte of a small section may be wrong: the decoder's checks find it. */
static void test_mini_damaged(void **state)
{
	char path[256];
	int fd = mini_make("true", path, sizeof(path));
	size_t bytes, size;
	uint8_t *file, *section = NULL, *out, *at;

	(void)state;
	if (fd < 0)
		skip();
	size = (size_t)lseek(fd, 0, SEEK_END);
	file = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	assert_true(file != MAP_FAILED);
	close(fd);
	unlink(path);
	for (at = file; (at = memmem(at, size - (size_t)(at - file), "\xfd" "7zXZ", 6)); at++)
		section = at;		/* the first one is this string itself */
	assert_non_null(section);
	size -= (size_t)(section - file);
	out = minidebug_decode(section, size, &bytes);	/* with bytes behind its end */
	assert_true(out && bytes > 64 && !memcmp(out, "\177ELF", 4));
	free(out);
	for (int i = 0; i < 300; i++) {
		size_t byte = next_random() % (i < 100 ? 64 : 1024);
		uint8_t old = section[byte];

		section[byte] ^= (uint8_t)(1u << next_random() % 8);
		free(minidebug_decode(section, i & 1 ? byte + 16 : size, &bytes));
		section[byte] = old;
	}
	munmap(file, size + (size_t)(section - file));
}
#endif

static void test_other_build(void **state)
{
	static const uint8_t other[20] = { 1, 2, 3 };
	struct symbols *symbols = symbols_open(own_path(), other, sizeof(other), NULL);

	(void)state;
	assert_int_equal(symbols_count(symbols), 0);
	symbols_close(symbols);
	symbols = symbols_open("/no/such/file", NULL, 0, NULL);
	assert_int_equal(symbols_count(symbols), 0);
	symbols_close(symbols);
}

static volatile size_t letters;		/* keeps names from not being read */

static void look(const char *path)
{
	struct symbols *symbols = symbols_open(path, NULL, 0, NULL);

	assert_non_null(symbols);
	for (int i = 0; i < 20; i++) {
		const char *name = symbols_find(symbols, next_random(), NULL);

		letters += name ? strlen(name) : 0;
	}
	symbols_close(symbols);
}

/* Bits of the header and of the section table are flipped, the file is cut anywhere. */
static void test_damaged(void **state)
{
	char path[256];
	int fd = copy_make("cp", own_path(), path, sizeof(path));
	uint64_t sections = 0;
	off_t size;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &sections, 8, 40), 8);
	size = lseek(fd, 0, SEEK_END);
	for (int i = 0; i < 300; i++) {
		off_t at = i % 3 ? (off_t)(sections + next_random() % 2560) : next_random() % 64;
		uint8_t old = 0, new;

		if (pread(fd, &old, 1, at) != 1)
			continue;
		new = (uint8_t)(i & 1 ? next_random() : old ^ 1u << next_random() % 8);
		assert_int_equal(pwrite(fd, &new, 1, at), 1);
		look(path);
		assert_int_equal(pwrite(fd, &old, 1, at), 1);
	}
	for (int i = 0; i < 60; i++) {
		size -= 1 + (off_t)next_random() % (size / 8 + 1);
		assert_int_equal(ftruncate(fd, size), 0);
		look(path);
	}
	for (int i = 0; i < 100; i++) {
		uint8_t bytes[512];

		for (size_t b = 0; b < sizeof(bytes); b++)
			bytes[b] = (uint8_t)next_random();
		memcpy(bytes, "\177ELF\2", 5);
		assert_int_equal(pwrite(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
		look(path);
	}
	close(fd);
	unlink(path);
}

static void test_perf_map(void **state)
{
	char path[256];
	struct symbols *map = NULL, *again;
	uint64_t start;
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/callpath-map-%d", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp",
		 (int)getpid());
	assert_null(symbols_perf_map(path, NULL));
	file = fopen(path, "we");
	assert_non_null(file);
	fputs("1000 20 first\nnonsense\n\n40000000000 zz\n1020 8 py::f:/a b.py\n2000 10 cut", file);
	fflush(file);
	map = symbols_perf_map(path, map);
	assert_non_null(map);
	assert_string_equal(symbols_find(map, 0x101f, &start), "first");
	assert_int_equal(start, 0x1000);
	assert_string_equal(symbols_find(map, 0x1020, NULL), "py::f:/a b.py");
	assert_null(symbols_find(map, 0x1028, NULL));
	assert_null(symbols_find(map, 0x2000, NULL));	/* its line is not whole yet */
	again = symbols_perf_map(path, map);
	assert_ptr_equal(again, map);
	fputs(" line\n", file);
	fclose(file);
	map = symbols_perf_map(path, map);
	assert_string_equal(symbols_find(map, 0x2000, NULL), "cut line");
	symbols_close(map);
	unlink(path);
}

/* High addresses in no order, some twice: each is found, a shared one by the name that comes first. */
static void test_perf_map_order(void **state)
{
	enum { COUNT = 4001 };
	char path[256], name[32];
	struct symbols *map;
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/callpath-order-%d",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
	file = fopen(path, "we");
	assert_non_null(file);
	for (unsigned i = 0; i < COUNT; i++) {
		unsigned at = i * 1237 % COUNT;

		fprintf(file, "%llx 7f f%u\n", 0x7f0123450000ull + at * 0x98765ull, at);
		if (at % 3 == 0)
			fprintf(file, "%llx 7f e%u\n", 0x7f0123450000ull + at * 0x98765ull, at);
	}
	fclose(file);
	map = symbols_perf_map(path, NULL);
	assert_int_equal(symbols_count(map), COUNT);
	for (unsigned at = 0; at < COUNT; at++) {
		snprintf(name, sizeof(name), "%c%u", at % 3 ? 'f' : 'e', at);
		assert_string_equal(symbols_find(map, 0x7f0123450000ull + at * 0x98765ull + 0x7e, NULL),
				    name);
	}
	symbols_close(map);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_lines_damaged),
		cmocka_unit_test(test_names_equal_nm),
		cmocka_unit_test(test_stripped),
#ifdef HAVE_LZMA
		cmocka_unit_test(test_mini),
		cmocka_unit_test(test_mini_useless),
		cmocka_unit_test(test_mini_damaged),
#endif
		cmocka_unit_test(test_other_build),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_perf_map),
		cmocka_unit_test(test_perf_map_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
