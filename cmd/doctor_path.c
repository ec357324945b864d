/* SPDX-License-Identifier: Apache-2.0 */
/* The check of call paths: what can be read here, and what a known path costs. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/doctor.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "libprofile/cfi.h"
#include "libprofile/pyframes.h"
#include "libprofile/unwind.h"

#define DEPTH 30
#define CAPTURES 2000
#define ROUNDS 5			/* the fastest one counts: the others were disturbed */

struct measured {
	struct unwinder *unwinder;
	double ns;
	uint64_t frames;
};

static bool tell(void *user, uint32_t node, uint32_t parent, uint64_t key)
{
	(void)user;
	(void)node;
	(void)parent;
	(void)key;
	return true;
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* The assembly keeps the compiler from making a loop of it. */
static __attribute__((noinline)) void descend(struct measured *m, int depth)
{
	if (depth > 0) {
		descend(m, depth - 1);
		__asm__ volatile("");
		return;
	}
	unwinder_path(m->unwinder);
	m->frames = unwinder_counts(m->unwinder)->steps;
	for (int round = 0; round < ROUNDS; round++) {
		double begin = now_ns(), ns;

		for (int i = 0; i < CAPTURES; i++)
			unwinder_path(m->unwinder);
		ns = (now_ns() - begin) / CAPTURES;
		if (round == 0 || ns < m->ns)
			m->ns = ns;
	}
}

static int probe_native(const void *arg, char *out, size_t bytes)
{
	struct measured m = { 0 };
	pthread_attr_t attributes;
	void *low;
	size_t size;

	(void)arg;
	*(void **)&cfi_find_object = dlsym(RTLD_DEFAULT, "_dl_find_object");
	if (pthread_getattr_np(pthread_self(), &attributes) ||
	    pthread_attr_getstack(&attributes, &low, &size))
		return -1;
	m.unwinder = unwinder_new((uintptr_t)low, (uintptr_t)low + size, 0, 0, tell, NULL);
	if (!m.unwinder)
		return -1;
	descend(&m, DEPTH);
	snprintf(out, bytes, "%.0f ns for a known path of %llu frames", m.ns,
		 (unsigned long long)m.frames);
	return 0;
}

/* Minor version of the python3 in the path, -1 when there is none. */
static int python_minor(void)
{
	static const char *const command[] = { "python3", "--version", NULL };
	char answer[128];
	int minor;

	if (probe_command(command, NULL, answer, sizeof(answer)) < 0 ||
	    sscanf(answer, "Python 3.%d", &minor) != 1)
		return -1;
	return minor;
}

/* What a known path of 25 frames costs in the python3 of the path: recorded on the simulator, which
 * measures it in the recorded process. Empty when that cannot be. */
static void python_measure(char *out, size_t bytes)
{
	static const char script[] =
		"folder=$(mktemp -d) || exit; trap 'rm -r \"$folder\"' EXIT\n"
		"\"$1\" record --sim -q -o \"$folder/cost.db\" -- python3 -c '\n"
		"import ctypes\n"
		"def deep(n):\n"
		"    deep(n - 1) if n else ctypes.CDLL(\"libcuda.so.1\").cuInit(0)\n"
		"deep(23)' </dev/null >/dev/null 2>&1 &&\n"
		"\"$1\" info \"$folder/cost.db\" 2>/dev/null | sed -n 's/^callpath_python_ps *//p'\n";
	char self[PATH_MAX], answer[128];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	double ps = 0;

	if (length > 0) {
		self[length] = '\0';
		if (probe_command((const char *const[]){ "sh", "-c", script, "sh", self, NULL }, NULL,
				  answer, sizeof(answer)) == 0)
			ps = atof(answer);
	}
	out[0] = '\0';
	if (ps > 0)
		snprintf(out, bytes, ", %.0f ns for 25 frames of python3", ps / 1000);
}

void doctor_callpath(struct doctor *doctor, struct finding *finding)
{
#ifdef HAVE_ELFUTILS
	static const char lines[] = "with source lines";
#else
	static const char lines[] = "without source lines (built without elfutils)";
#endif
	int minor = python_minor();
	char native[128], python[64] = "";

	(void)doctor;
	if (probe_run(probe_native, NULL, native, sizeof(native)) < 0) {
		found(finding, DOCTOR_WARN, "no native frames on this processor; Python 3.%d to 3.%d",
		      PYFRAMES_MINOR_FIRST, PYFRAMES_MINOR_LAST);
		advise(finding, "native paths are read on x86-64 only; recording works without them");
		return;
	}
	if (minor >= PYFRAMES_MINOR_FIRST && minor <= PYFRAMES_MINOR_LAST)
		python_measure(python, sizeof(python));
	found(finding, DOCTOR_OK, "native, %s, %s; Python 3.%d to 3.%d%s", lines, native,
	      PYFRAMES_MINOR_FIRST, PYFRAMES_MINOR_LAST, python);
	if (minor >= 0 && (minor < PYFRAMES_MINOR_FIRST || minor > PYFRAMES_MINOR_LAST)) {
		finding->state = DOCTOR_WARN;
		advise(finding, "the frames of python3 here (3.%d) cannot be read: its programs get "
		       "native paths only", minor);
	}
}
