/* SPDX-License-Identifier: Apache-2.0 */
/* The control blocks of recorded processes: see control_pages.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/control_pages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LINK_NAME "/memfd:gputrail (deleted)"

static struct wire_control *map(const char *path, bool *is_other_version)
{
	struct wire_control *control = MAP_FAILED;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat status;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) == 0 && (size_t)status.st_size >= sizeof(*control))
		control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (control == MAP_FAILED)
		return NULL;
	if (wire_control_valid(control, (uint64_t)status.st_size))
		return control;
	*is_other_version |= control->magic == WIRE_MAGIC && control->version != WIRE_VERSION;
	munmap(control, sizeof(*control));
	return NULL;
}

static bool is_known(const struct control_pages *pages, const struct wire_control *control)
{
	for (size_t i = 0; i < pages->count; i++)
		if (pages->rows[i]->pid == control->pid &&
		    pages->rows[i]->start_ticks == control->start_ticks)
			return true;
	return false;
}

static void take(struct control_pages *pages, const char *path)
{
	struct wire_control *control = map(path, &pages->is_other_version), **rows = NULL;

	if (!control)
		return;
	if (!is_known(pages, control))
		rows = realloc(pages->rows, (pages->count + 1) * sizeof(struct wire_control *));
	if (!rows) {
		munmap(control, sizeof(*control));
		return;
	}
	pages->rows = rows;
	rows[pages->count++] = control;
}

int control_pages_open(pid_t pid, struct control_pages *pages)
{
	char folder[64], path[sizeof(folder) + 288], link[64];
	struct dirent *entry;
	DIR *directory;

	*pages = (struct control_pages){ .rows = NULL };
	snprintf(folder, sizeof(folder), "/proc/%d/fd", (int)pid);
	directory = opendir(folder);
	if (!directory)
		return -1;
	while ((entry = readdir(directory))) {
		ssize_t length;

		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		length = readlink(path, link, sizeof(link));
		if (length == (ssize_t)strlen(LINK_NAME) && !memcmp(link, LINK_NAME, (size_t)length))
			take(pages, path);
	}
	closedir(directory);
	return 0;
}

void control_pages_close(struct control_pages *pages)
{
	for (size_t i = 0; i < pages->count; i++)
		munmap(pages->rows[i], sizeof(*pages->rows[i]));
	free(pages->rows);
	*pages = (struct control_pages){ .rows = NULL };
}

uint32_t control_request(struct wire_control *control)
{
	uint32_t sequence = __atomic_add_fetch(&control->request.sequence, 1, __ATOMIC_RELEASE);

	syscall(SYS_futex, &control->request.sequence, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
	return sequence;
}

static void pause_ms(void)
{
	nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
}

bool control_followed(const struct wire_control *control, uint32_t sequence, int wait_ms)
{
	while ((int32_t)(__atomic_load_n(&control->now.sequence, __ATOMIC_ACQUIRE) - sequence) < 0) {
		if (wait_ms-- <= 0)
			return false;
		pause_ms();
	}
	return true;
}

static struct wire_mark *free_mark(struct wire_control *control)
{
	for (uint32_t i = 0; i < WIRE_MARKS; i++) {
		uint32_t state = WIRE_MARK_FREE;

		if (__atomic_compare_exchange_n(&control->marks[i].state, &state, WIRE_MARK_TAKEN,
						false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return &control->marks[i];
	}
	return NULL;
}

bool control_mark(struct wire_control *control, const char *text, int wait_ms)
{
	struct timespec now;
	struct wire_mark *mark;

	clock_gettime(CLOCK_MONOTONIC, &now);
	while (!(mark = free_mark(control))) {
		if (wait_ms-- <= 0)
			return false;
		pause_ms();
	}
	mark->monotonic_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	snprintf(mark->text, sizeof(mark->text), "%s", text);
	__atomic_store_n(&mark->state, WIRE_MARK_READY, __ATOMIC_RELEASE);
	return true;
}
