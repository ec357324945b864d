/* SPDX-License-Identifier: Apache-2.0 */
/* cuGetProcAddress: every row of the table at its own version, and the rules in between. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <dlfcn.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "sim/driver_calls.h"

struct row {
	const char *symbol, *base;
	int since;
	bool is_per_thread;
};

static const struct row rows[] = {
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
	{ #symbol, #base, since, per_thread },
#include "driver/driver_api.def"
#undef API
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))
#define NEWEST 13000

static const char *symbol_of(const void *address)
{
	Dl_info info;

	if (!address)
		return "(null)";
	return dladdr(address, &info) && info.dli_sname ? info.dli_sname : "(unknown)";
}

static const char *ask(const char *base, int version, cuuint64_t flags,
		       CUdriverProcAddressQueryResult *status)
{
	void *first = (void *)1, *second = (void *)2;

	assert_int_equal(cuGetProcAddress_v2(base, &first, version, flags, status), CUDA_SUCCESS);
	assert_int_equal(cuGetProcAddress(base, &second, version, flags), CUDA_SUCCESS);
	assert_ptr_equal(first, second);
	return symbol_of(first);
}

/* The same version twice in one column of the table would make the answer a matter of chance. */
static void test_table_is_unambiguous(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ROWS; i++)
		for (size_t k = i + 1; k < ROWS; k++)
			if (strcmp(rows[i].base, rows[k].base) == 0 &&
			    rows[i].is_per_thread == rows[k].is_per_thread)
				assert_int_not_equal(rows[i].since, rows[k].since);
}

/* Asked at its own version each variant must come out, per-thread ones with flag 2 only. */
static void test_each_row_at_its_version(void **unused)
{
	CUdriverProcAddressQueryResult status;

	(void)unused;
	for (size_t i = 0; i < ROWS; i++) {
		cuuint64_t flags = rows[i].is_per_thread ? 2 : i % 2;

		assert_string_equal(ask(rows[i].base, rows[i].since, flags, &status),
				    rows[i].symbol);
		assert_int_equal(status, CU_GET_PROC_ADDRESS_SUCCESS);
	}
}

/* One version too early: an older variant, or none and a status that says so. */
static void test_each_row_before_its_version(void **unused)
{
	CUdriverProcAddressQueryResult status;

	(void)unused;
	for (size_t i = 0; i < ROWS; i++) {
		const char *found = ask(rows[i].base, rows[i].since - 1, 2, &status);
		const struct row *row = NULL;

		assert_string_not_equal(found, rows[i].symbol);
		for (size_t k = 0; k < ROWS; k++)
			if (strcmp(rows[k].symbol, found) == 0)
				row = &rows[k];
		if (row) {
			assert_string_equal(row->base, rows[i].base);
			assert_true(row->since < rows[i].since);
			assert_int_equal(status, CU_GET_PROC_ADDRESS_SUCCESS);
		} else {
			assert_string_equal(found, "(null)");
			assert_int_equal(status, CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT);
		}
	}
}

/* At the newest version the newest variant; of twins the per-thread one with flag 2 only. */
static void test_newest(void **unused)
{
	CUdriverProcAddressQueryResult status;

	(void)unused;
	for (size_t i = 0; i < ROWS; i++)
		for (cuuint64_t flags = 0; flags <= 2; flags++) {
			const struct row *wanted = NULL;

			for (size_t k = 0; k < ROWS; k++)
				if (strcmp(rows[k].base, rows[i].base) == 0 &&
				    (flags == 2 || !rows[k].is_per_thread) &&
				    (!wanted || rows[k].since > wanted->since ||
				     (rows[k].since == wanted->since && rows[k].is_per_thread)))
					wanted = &rows[k];
			assert_non_null(wanted);
			assert_string_equal(ask(rows[i].base, NEWEST, flags, &status),
					    wanted->symbol);
		}
}

static void test_known_answers(void **unused)
{
	static const struct {
		const char *base;
		int version;
		cuuint64_t flags;
		const char *symbol;
	} known[] = {
		{ "cuMemAlloc", 2000, 0, "cuMemAlloc" },
		{ "cuMemAlloc", 3010, 0, "cuMemAlloc" },
		{ "cuMemAlloc", 3020, 0, "cuMemAlloc_v2" },
		{ "cuMemAlloc", 13000, 2, "cuMemAlloc_v2" },
		{ "cuLaunchKernel", 4000, 0, "cuLaunchKernel" },
		{ "cuLaunchKernel", 6050, 2, "cuLaunchKernel" },
		{ "cuLaunchKernel", 7000, 2, "cuLaunchKernel_ptsz" },
		{ "cuLaunchKernel", 12000, 1, "cuLaunchKernel" },
		{ "cuGraphLaunch", 10000, 0, "cuGraphLaunch" },
		{ "cuGraphLaunch", 10000, 2, "cuGraphLaunch_ptsz" },
		{ "cuLaunchKernelEx", 11060, 2, "cuLaunchKernelEx_ptsz" },
		{ "cuMemcpyHtoDAsync", 3020, 0, "cuMemcpyHtoDAsync_v2" },
		{ "cuMemcpyHtoDAsync", 7000, 2, "cuMemcpyHtoDAsync_v2_ptsz" },
		{ "cuEventElapsedTime", 2000, 0, "cuEventElapsedTime" },
		{ "cuEventElapsedTime", 12080, 0, "cuEventElapsedTime_v2" },
		{ "cuCtxGetDevice", 12090, 0, "cuCtxGetDevice" },
		{ "cuCtxGetDevice", 13000, 0, "cuCtxGetDevice_v2" },
		{ "cuCtxCreate", 3020, 0, "cuCtxCreate_v2" },
		{ "cuGetProcAddress", 11030, 0, "cuGetProcAddress" },
		{ "cuGetProcAddress", 11090, 2, "cuGetProcAddress" },
		{ "cuGetProcAddress", 12000, 0, "cuGetProcAddress_v2" },
		{ "cuGetProcAddress", 11020, 0, "(null)" },
	};
	CUdriverProcAddressQueryResult status;

	(void)unused;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_string_equal(ask(known[i].base, known[i].version, known[i].flags, &status),
				    known[i].symbol);
}

static void test_unknown_and_invalid(void **unused)
{
	CUdriverProcAddressQueryResult status = CU_GET_PROC_ADDRESS_SUCCESS;
	void *function = (void *)1;

	(void)unused;
	assert_string_equal(ask("", 0, 0, &status), "(null)");
	assert_int_equal(status, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
	assert_string_equal(ask("cuMemAlloc_v2", NEWEST, 0, &status), "(null)");
	assert_int_equal(status, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
	assert_int_equal(cuGetProcAddress_v2("cuInit", &function, NEWEST + 1, 0, &status),
			 CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuGetProcAddress_v2("cuInit", &function, NEWEST, 3, &status),
			 CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuGetProcAddress_v2("cuInit", NULL, NEWEST, 0, &status),
			 CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuGetProcAddress_v2(NULL, &function, NEWEST, 0, &status),
			 CUDA_ERROR_INVALID_VALUE);
	assert_ptr_equal(function, (void *)1);
	assert_int_equal(cuGetProcAddress_v2("cuInit", &function, NEWEST, 0, NULL), CUDA_SUCCESS);
	assert_string_equal(symbol_of(function), "cuInit");
}

/* The pointers are those that dlsym gives. */
static void test_same_as_dlsym(void **unused)
{
	void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);

	(void)unused;
	assert_non_null(library);
	for (size_t i = 0; i < ROWS; i++) {
		void *function;

		assert_int_equal(cuGetProcAddress(rows[i].base, &function, rows[i].since,
						  rows[i].is_per_thread ? 2 : 0), CUDA_SUCCESS);
		assert_ptr_equal(function, dlsym(library, rows[i].symbol));
	}
	dlclose(library);
}

/* No private table is ever answered. */
static void test_export_tables(void **unused)
{
	CUuuid id = { { 0 } };
	const void *table = (void *)1;

	(void)unused;
	assert_int_equal(cuGetExportTable(&table, &id), CUDA_ERROR_NOT_FOUND);
	assert_null(table);
}

/* What an older driver has not got is not found, and newer versions are refused. */
static int check_older_driver(void)
{
	CUdriverProcAddressQueryResult status = CU_GET_PROC_ADDRESS_SUCCESS;
	void *function;
	int version;

	setenv("SIMCUDA_DRIVER_VERSION", "12040", 1);
	if (cuDriverGetVersion(&version) || version != 12040)
		return 1;
	if (cuGetProcAddress_v2("cuCtxGetDevice", &function, 13000, 0, &status) !=
	    CUDA_ERROR_INVALID_VALUE)
		return 2;
	if (cuGetProcAddress_v2("cuCtxGetDevice", &function, 12040, 0, &status) ||
	    strcmp(symbol_of(function), "cuCtxGetDevice") != 0)
		return 3;
	if (cuGetProcAddress_v2("cuLogsCurrent", &function, 12040, 0, &status) || function ||
	    status != CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND)
		return 4;
	if (cuGetProcAddress_v2("cuCtxCreate", &function, 12040, 0, &status) ||
	    strcmp(symbol_of(function), "cuCtxCreate_v3") != 0)
		return 5;
	return 0;
}

static int run_older_driver(void **state)
{
	static int result;
	pid_t child = fork();

	if (child == 0)
		_exit(check_older_driver());
	waitpid(child, &result, 0);
	*state = &result;
	return 0;
}

static void test_older_driver(void **state)
{
	assert_int_equal(**(int **)state, 0);
}

int main(void)
{
	/* The fork comes first: the version is read once per process. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_older_driver, run_older_driver),
		cmocka_unit_test(test_table_is_unambiguous),
		cmocka_unit_test(test_each_row_at_its_version),
		cmocka_unit_test(test_each_row_before_its_version),
		cmocka_unit_test(test_newest),
		cmocka_unit_test(test_known_answers),
		cmocka_unit_test(test_unknown_and_invalid),
		cmocka_unit_test(test_same_as_dlsym),
		cmocka_unit_test(test_export_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
