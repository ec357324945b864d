/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures on demand: SIMCUDA_FAIL="alloc=7,launch=100:719,copy=3+" makes the 7th allocation, the
 * 100th launch (with error 719), and the 3rd and every later copy fail.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simcuda/core.h"

#define FAULTS_MAX 32

struct fault {
	char what[24];
	unsigned long nth;
	bool is_lasting;		/* the nth and all later ones */
	CUresult code;
};

/* Calls of one kind are counted once, however many faults name it. */
struct count {
	char what[24];
	_Atomic unsigned long calls;
};

static struct fault faults[FAULTS_MAX];
static struct count counts[FAULTS_MAX];
static int fault_count, count_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static CUresult usual_code(const char *what)
{
	static const struct {
		const char *what;
		CUresult code;
	} usual[] = {
		{ "alloc", CUDA_ERROR_OUT_OF_MEMORY }, { "host_alloc", CUDA_ERROR_OUT_OF_MEMORY },
		{ "init", CUDA_ERROR_NO_DEVICE },      { "context", CUDA_ERROR_OUT_OF_MEMORY },
		{ "module", CUDA_ERROR_INVALID_IMAGE }, { "launch", CUDA_ERROR_LAUNCH_FAILED },
	};

	for (size_t i = 0; i < ARRAY_COUNT(usual); i++)
		if (strcmp(usual[i].what, what) == 0)
			return usual[i].code;
	return CUDA_ERROR_UNKNOWN;
}

static struct count *count_of(const char *what)
{
	for (int i = 0; i < count_count; i++)
		if (strcmp(counts[i].what, what) == 0)
			return &counts[i];
	return NULL;
}

/* Reads NAME=N, NAME=N+, NAME=N:CODE or NAME=N+:CODE. */
static bool parse_fault(const char *text, struct fault *fault)
{
	size_t length = strcspn(text, "=");
	char *end;

	if (text[length] != '=' || length == 0 || length >= sizeof(fault->what))
		return false;
	memcpy(fault->what, text, length);
	fault->what[length] = 0;
	fault->nth = strtoul(text + length + 1, &end, 10);
	if (fault->nth == 0 || end == text + length + 1)
		return false;
	fault->is_lasting = *end == '+';
	end += fault->is_lasting;
	fault->code = usual_code(fault->what);
	if (*end == ':')
		fault->code = (CUresult)strtoul(end + 1, &end, 10);
	return *end == 0 && fault->code != CUDA_SUCCESS;
}

static void read_faults(void)
{
	const char *list = getenv("SIMCUDA_FAIL");
	char *copy, *rest;

	if (!list || !*list)
		return;
	rest = copy = strdup(list);
	for (char *entry = strsep(&rest, ","); entry; entry = strsep(&rest, ",")) {
		if (fault_count == FAULTS_MAX || !parse_fault(entry, &faults[fault_count])) {
			fprintf(stderr, "simcuda: SIMCUDA_FAIL entry \"%s\" ignored; "
				"write NAME=N, NAME=N+ or NAME=N:CODE, at most %d of them\n",
				entry, FAULTS_MAX);
			continue;
		}
		if (!count_of(faults[fault_count].what)) {
			struct count *count = &counts[count_count++];

			memcpy(count->what, faults[fault_count].what, sizeof(count->what));
		}
		fault_count++;
	}
	free(copy);
}

bool sim_fault(const char *what, CUresult *result)
{
	struct count *count;
	unsigned long call;

	pthread_once(&once, read_faults);
	if (__builtin_expect(fault_count == 0, 1))
		return false;
	count = count_of(what);
	if (!count)
		return false;
	call = 1 + atomic_fetch_add(&count->calls, 1);
	for (int i = 0; i < fault_count; i++)
		if (strcmp(faults[i].what, what) == 0 &&
		    (faults[i].is_lasting ? call >= faults[i].nth : call == faults[i].nth)) {
			*result = faults[i].code;
			return true;
		}
	return false;
}
