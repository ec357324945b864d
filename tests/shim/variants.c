/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks cuGetProcAddress_v2 for every variant in driver_api.def by its base name, the version that
 * introduced it and its flag, and prints those for which not that variant's wrapper came back.
 *	variants SHIM
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <dlfcn.h>

#include "tests/shim/app.h"

static const struct { const char *symbol, *base; int tier, since, per_thread; } rows[] = {
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
	{ #symbol, #base, tier, since, per_thread },
#include "driver/driver_api.def"
#undef API
};

int main(int argc, char **argv)
{
	CUresult (*get)(const char *, void **, int, cuuint64_t, CUdriverProcAddressQueryResult *);
	void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL);
	void *shim = dlopen(argc > 1 ? argv[1] : "", RTLD_NOW | RTLD_NOLOAD);
	unsigned wrapped = 0;

	NEED(driver && shim);
	*(void **)&get = dlsym(driver, "cuGetProcAddress_v2");
	NEED(get);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *got = NULL, *wanted = rows[i].tier < 3 ? dlsym(shim, rows[i].symbol) : NULL;

		NEED(!get(rows[i].base, &got, rows[i].since, rows[i].per_thread ? 2 : 0, NULL));
		wrapped += wanted != NULL;
		if (!got || (wanted && got != wanted) || (!wanted && dlsym(shim, rows[i].symbol) == got))
			printf("%s\n", rows[i].symbol);
	}
	NEED(wrapped > 400);
	return 0;
}
