/* SPDX-License-Identifier: Apache-2.0 */
/* Which CUDA release the simulated libcupti.so plays, and what goes wrong in it. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/cupti_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cupti_faults cupti_faults;
int cupti_release = 1300;
uint32_t cupti_api_version = 130001;

static const struct {
	const char *name;
	int release;
	uint32_t api_version;
} releases[] = {
	{ "11.8", 1108, 18 }, { "12.0", 1200, 18 }, { "12.1", 1201, 18 }, { "12.2", 1202, 20 },
	{ "12.3", 1203, 21 }, { "12.4", 1204, 22 }, { "12.5", 1205, 23 }, { "12.6", 1206, 24 },
	{ "12.8", 1208, 26 }, { "12.9", 1209, 28 }, { "13.0", 1300, 130001 },
	{ "13.1", 1301, 130100 }, { "13.2", 1302, 130200 },
	{ "13.3", 1303, 130301 }, { "13.4", 1304, 130401 }, { "13.5", 1305, 130500 },
};

static __thread CUptiResult last_error;

static long number(const char *name)
{
	const char *text = getenv(name);

	return text ? strtol(text, NULL, 0) : 0;
}

/* Before the other constructors of this library, which depend on the release. */
static void __attribute__((constructor(102))) release_choose(void)
{
	const char *wanted = getenv("SIMCUPTI_RELEASE");
	bool is_known = !wanted || !*wanted;

	for (size_t i = 0; wanted && i < sizeof(releases) / sizeof(releases[0]); i++) {
		if (strcmp(wanted, releases[i].name) == 0) {
			cupti_release = releases[i].release;
			cupti_api_version = releases[i].api_version;
			is_known = true;
		}
	}
	if (!is_known)
		fprintf(stderr, "simulated CUPTI: unknown SIMCUPTI_RELEASE '%s', playing 13.0; "
				"known are 11.8, 12.0 to 12.6, 12.8, 12.9, 13.0 to 13.2\n", wanted);
	cupti_faults.refuse = number("SIMCUPTI_REFUSE");
	cupti_faults.drop = number("SIMCUPTI_DROP");
	cupti_faults.zero_times = number("SIMCUPTI_ZERO_TIMES");
	cupti_faults.pool_records = number("SIMCUPTI_POOL_RECORDS");
	cupti_faults.reversed_times = number("SIMCUPTI_REVERSED_TIMES");
	cupti_faults.unordered = number("SIMCUPTI_UNORDERED") != 0;
	cupti_faults.hang_flush = number("SIMCUPTI_HANG_FLUSH") != 0;
	cupti_faults.no_resources = number("SIMCUPTI_NO_RESOURCES") != 0;
	cupti_faults.newer_than_driver = number("SIMCUPTI_NEWER_THAN_DRIVER") != 0;
}

bool cupti_may_run(int since, CUptiResult *result)
{
	*result = CUPTI_SUCCESS;
	if (since > cupti_release)
		*result = CUPTI_ERROR_NOT_SUPPORTED;
	else if (cupti_faults.newer_than_driver)
		*result = CUPTI_ERROR_NOT_INITIALIZED;
	return *result == CUPTI_SUCCESS;
}

CUptiResult cupti_fail(CUptiResult result)
{
	last_error = result;
	return result;
}

CUptiResult cuptiGetLastError(void)
{
	return last_error;
}

CUptiResult cuptiGetVersion(uint32_t *version)
{
	if (!version)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	*version = cupti_api_version;
	return CUPTI_SUCCESS;
}

CUptiResult cuptiGetResultString(CUptiResult result, const char **str)
{
	static const struct {
		CUptiResult result;
		const char *name;
	} names[] = {
#define X(name, value) { name, #name },
		CUPTI_RESULTS(X)
#undef X
	};

	for (size_t i = 0; str && i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].result == result) {
			*str = names[i].name;
			return CUPTI_SUCCESS;
		}
	}
	return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
}

CUptiResult cuptiGetErrorMessage(CUptiResult result, const char **str)
{
	if (cupti_release < 1202)
		return cupti_fail(CUPTI_ERROR_NOT_SUPPORTED);
	return cuptiGetResultString(result, str);
}
