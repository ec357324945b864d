/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the machine: memory, clocks, disk, terminal, Python. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/doctor.h"

#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "analysis/table.h"

#define RING_BYTES		(4l << 20)
#define SHM_ENOUGH_BYTES	(64.0 * (1 << 20))
#define MEMORY_ENOUGH_BYTES	(256.0 * (1 << 20))
#define DISK_ENOUGH_BYTES	(1024.0 * (1 << 20))

/* The shim's rings live in a memfd that two processes map. */
void doctor_memfd(struct doctor *doctor, struct finding *finding)
{
	int fd = memfd_create("gputrail-doctor", MFD_CLOEXEC);
	void *mapped = MAP_FAILED;

	(void)doctor;
	if (fd >= 0 && ftruncate(fd, RING_BYTES) == 0)
		mapped = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapped == MAP_FAILED) {
		found(finding, DOCTOR_FAIL, "memfd_create or mmap: %s", strerror(errno));
		advise(finding, "a security policy forbids it, or memory is used up; recording "
		       "needs both");
	} else {
		found(finding, DOCTOR_OK, "memfd_create and mmap work");
		munmap(mapped, RING_BYTES);
	}
	if (fd >= 0)
		close(fd);
}

void doctor_shm(struct doctor *doctor, struct finding *finding)
{
	struct statvfs fs;
	char free_text[32];
	double free_bytes;

	(void)doctor;
	if (statvfs("/dev/shm", &fs) < 0) {
		found(finding, DOCTOR_WARN, "not there: %s", strerror(errno));
		advise(finding, "gputrail does not need it; many CUDA programs do");
		return;
	}
	free_bytes = (double)fs.f_bavail * (double)fs.f_frsize;
	found(finding, DOCTOR_OK, "%s free", format_bytes(free_bytes, free_text, sizeof(free_text)));
	if (free_bytes < SHM_ENOUGH_BYTES) {
		finding->state = DOCTOR_WARN;
		advise(finding, "gputrail does not use it; programs that do (NCCL, PyTorch) may "
		       "fail: docker run --shm-size=1g");
	}
}

/* Whether cpuinfo has all of the flags that make the time stamp counter a clock. */
static bool has_steady_tsc(void)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[8192];
	bool steady = false;

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "flags", 5))
			continue;
		steady = strstr(line, " constant_tsc") && strstr(line, " nonstop_tsc");
		break;
	}
	if (file)
		fclose(file);
	return steady;
}

void doctor_clock(struct doctor *doctor, struct finding *finding)
{
	char source[64];

	(void)doctor;
	if (read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", source,
		      sizeof(source)) < 0)
		snprintf(source, sizeof(source), "unknown clock source");
	if (has_steady_tsc()) {
		found(finding, DOCTOR_OK, "steady time stamp counter; kernel uses %s", source);
		return;
	}
	found(finding, DOCTOR_WARN, "no steady time stamp counter; kernel uses %s", source);
	advise(finding, "CLOCK_MONOTONIC is used instead: each recorded call costs a little more");
}

void doctor_ptrace(struct doctor *doctor, struct finding *finding)
{
	char scope[16];

	(void)doctor;
	if (read_line("/proc/sys/kernel/yama/ptrace_scope", scope, sizeof(scope)) < 0)
		found(finding, DOCTOR_OK, "not restricted");
	else
		found(finding, DOCTOR_OK, "ptrace_scope %s; recording does not use ptrace", scope);
}

/* What the control group still allows; -1 if it sets no limit. */
static double cgroup_left_bytes(void)
{
	char max[64], used[64];

	if (read_line("/sys/fs/cgroup/memory.max", max, sizeof(max)) == 0 &&
	    read_line("/sys/fs/cgroup/memory.current", used, sizeof(used)) == 0)
		return strcmp(max, "max") ? atof(max) - atof(used) : -1;
	if (read_line("/sys/fs/cgroup/memory/memory.limit_in_bytes", max, sizeof(max)) == 0 &&
	    read_line("/sys/fs/cgroup/memory/memory.usage_in_bytes", used, sizeof(used)) == 0)
		return atof(max) < 1e18 ? atof(max) - atof(used) : -1;
	return -1;
}

static double available_bytes(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[256];
	double kib = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %lf", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib * 1024;
}

void doctor_memory(struct doctor *doctor, struct finding *finding)
{
	double machine = available_bytes(), group = cgroup_left_bytes();
	double left = group >= 0 && group < machine ? group : machine;
	char text[32];

	(void)doctor;
	found(finding, DOCTOR_OK, "%s available%s", format_bytes(left, text, sizeof(text)),
	      group >= 0 && group < machine ? " in this control group" : "");
	if (left < MEMORY_ENOUGH_BYTES) {
		finding->state = DOCTOR_WARN;
		advise(finding, "each recorded process takes about 1 MiB per thread and 4 MiB "
		       "more, counted to its control group");
	}
}

void doctor_disk(struct doctor *doctor, struct finding *finding)
{
	struct statvfs fs;
	char folder[PATH_MAX], text[32];
	double left;

	(void)doctor;
	if (!getcwd(folder, sizeof(folder)))
		snprintf(folder, sizeof(folder), ".");
	if (access(".", W_OK) < 0 || statvfs(".", &fs) < 0) {
		found(finding, DOCTOR_WARN, "cannot write in %.300s: %s", folder, strerror(errno));
		advise(finding, "record with -o FILE in a folder of yours");
		return;
	}
	left = (double)fs.f_bavail * (double)fs.f_frsize;
	found(finding, DOCTOR_OK, "%s free in %.300s", format_bytes(left, text, sizeof(text)),
	      folder);
	if (left < DISK_ENOUGH_BYTES) {
		finding->state = DOCTOR_WARN;
		advise(finding, "a million launches take about 40 MiB");
	}
}

void doctor_terminal(struct doctor *doctor, struct finding *finding)
{
	const char *term = getenv("TERM"), *charset = nl_langinfo(CODESET);
	struct winsize size = { 0 };
	bool utf8 = !strcmp(charset, "UTF-8");

	(void)doctor;
	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0) {
		found(finding, DOCTOR_OK, "output is no terminal: reports work, the viewer needs one");
		return;
	}
	if (!term || !term[0] || !strcmp(term, "dumb")) {
		found(finding, DOCTOR_WARN, "TERM is %s", term && term[0] ? term : "not set");
		advise(finding, "the viewer needs a terminal that can move its cursor: "
		       "export TERM=xterm-256color");
		return;
	}
	found(finding, DOCTOR_OK, "%s, %d x %d, %s%s", term, size.ws_col, size.ws_row, charset,
	      getenv("NO_COLOR") ? ", colours off by NO_COLOR" : "");
	if (size.ws_col < 80 || size.ws_row < 24) {
		finding->state = DOCTOR_WARN;
		advise(finding, "the viewer is made for 80 x 24 and more");
	} else if (!utf8) {
		finding->state = DOCTOR_WARN;
		advise(finding, "charts are drawn in ASCII; for UTF-8: export LC_ALL=C.UTF-8");
	}
}

void doctor_python(struct doctor *doctor, struct finding *finding)
{
	static const char *const command[] = { "python3", "--version", NULL };
	char answer[128];

	(void)doctor;
	if (probe_command(command, NULL, answer, sizeof(answer)) < 0) {
		found(finding, DOCTOR_WARN, "no python3 in PATH");
		advise(finding, "only 'gputrail demo --python' needs it");
		return;
	}
	found(finding, DOCTOR_OK, "%s", answer);
}
