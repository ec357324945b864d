/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers that neither allocate nor use stdio, and the shim's environment variables. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/shim.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libprofile/env.h"

const char *env_get(enum env which)
{
	static const struct { const char *name, *value; } table[ENV_COUNT] = {
#define ENV(name, value, help) { #name, value },
#include "libprofile/env.def"
#undef ENV
	};
	const char *value = getenv(table[which].name);

	return value && *value ? value : table[which].value;
}

/* Reads at most bytes - 1 and ends them with NUL; the count, or -1. */
int util_read_file(const char *path, char *text, size_t bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t have = 0;
	ssize_t got = 0;

	if (fd < 0)
		return -1;
	while (have < bytes - 1 && (got = read(fd, text + have, bytes - 1 - have)) > 0)
		have += (size_t)got;
	close(fd);
	text[have] = '\0';
	return got < 0 && !have ? -1 : (int)have;
}

size_t util_append(char *text, size_t at, size_t bytes, const char *more)
{
	while (*more && at + 1 < bytes)
		text[at++] = *more++;
	text[at] = '\0';
	return at;
}

size_t util_append_number(char *text, size_t at, size_t bytes, uint64_t value)
{
	char digits[21];
	size_t first = sizeof(digits) - 1;

	digits[first] = '\0';
	do {
		digits[--first] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	return util_append(text, at, bytes, digits + first);
}

uint64_t util_hash(const void *bytes, size_t count)
{
	const unsigned char *byte = bytes;
	uint64_t hash = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < count; i++)
		hash = (hash ^ byte[i]) * 0x100000001b3ull;
	return hash;
}

/* Field 22 of /proc/PID/stat, and field 4 into *parent; 0 when there is no such process. The
 * command name may hold anything, so fields are counted from the last ')'. */
uint64_t util_start_ticks(uint32_t pid, uint32_t *parent)
{
	char path[64], text[1024];
	size_t at = util_append(path, 0, sizeof(path), "/proc/");
	uint64_t value = 0;
	const char *c;
	int field = 2;

	at = util_append_number(path, at, sizeof(path), pid);
	util_append(path, at, sizeof(path), "/stat");
	if (util_read_file(path, text, sizeof(text)) <= 0)
		return 0;
	c = strrchr(text, ')');
	if (!c)
		return 0;
	for (c++; *c && field < 22; c++) {
		if (*c != ' ')
			continue;
		field++;
		value = 0;
		for (const char *d = c + 1; *d >= '0' && *d <= '9'; d++)
			value = value * 10 + (uint64_t)(*d - '0');
		if (field == 4 && parent)
			*parent = (uint32_t)value;
	}
	return field == 22 ? value : 0;
}

bool util_ends_with(const char *text, const char *end)
{
	size_t have = strlen(text), want = strlen(end);

	return have >= want && !strcmp(text + have - want, end);
}

const char *util_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

struct patience patience_of(uint64_t limit_ns, uint64_t pause_ns)
{
	return (struct patience){ limit_ns, clock_monotonic_ns(), 4 * pause_ns };
}

bool patience_left(struct patience *patience)
{
	uint64_t now_ns = clock_monotonic_ns(), passed_ns = now_ns - patience->seen_ns;

	passed_ns = passed_ns < patience->most_ns ? passed_ns : patience->most_ns;
	patience->seen_ns = now_ns;
	if (passed_ns >= patience->left_ns)
		return false;
	patience->left_ns -= passed_ns;
	return true;
}

/* Held for a few hundred instructions at most and never across a call into other code. A holder
 * of another process id was a thread of the process this one was forked from: it is not here. */
void spin_lock(struct spinlock *lock)
{
	uint32_t self = (uint32_t)getpid(), owner = 0;

	while (!__atomic_compare_exchange_n(&lock->owner, &owner, self, false, __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED)) {
		if (owner != self && owner)
			continue;	/* take it over */
		owner = 0;
		sched_yield();
	}
}

void spin_unlock(struct spinlock *lock)
{
	__atomic_store_n(&lock->owner, 0, __ATOMIC_RELEASE);
}

void *util_map(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

int util_executable(char *path, size_t bytes)
{
	ssize_t length = readlink("/proc/self/exe", path, bytes - 1);

	if (length <= 0)
		return -1;
	path[length] = '\0';
	return 0;
}
